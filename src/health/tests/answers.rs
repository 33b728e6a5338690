//! Answers that were none: whoever gave one is whom the next step leads to, and its words are told.

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::Part;
use crate::domain::facts::{Access, AuditEvents, RejectionCause, ScmAuthentication};
use crate::domain::kinds::Truth;
use crate::domain::names::{ApiName, CredentialName, ProfileName};
use crate::domain::status::Status;
use crate::domain::work::{
    ApiNotice, FailedAt, Finding, Outcome, ProbeFailure, ProbeKind, ProbeRun, Work, WorkSubject,
};

use super::super::testing::{INTEGRATION, PAT, PROFILE, SCM_API, SNYK_API, World, minutes};
use super::super::{Policy, observe};

fn group() -> WorkSubject {
    WorkSubject::Group(INTEGRATION.into())
}

fn profile() -> WorkSubject {
    WorkSubject::Profile(INTEGRATION.into(), ProfileName::from(PROFILE))
}

/// One endpoint answers so; the API itself is there.
fn fail(
    world: &mut World,
    (kind, subject): (ProbeKind, WorkSubject),
    part: Part,
    (api, reason, detail): (&str, &'static str, &str),
) {
    let api = ApiName::from(api);
    let notices = vec![ApiNotice::Answered(api.clone())];
    let detail = detail.to_owned();
    let failure =
        ProbeFailure { part: Some(part), api, reason, detail, failed_at: FailedAt::Endpoint, retry_after: None };
    let outcome = Outcome { failures: vec![failure], notices, ..Outcome::default() };
    let run = ProbeRun { work: Work { kind, subject }, started_at: world.now, finished_at: world.now, outcome };
    observe(&mut world.state, &world.fleet, Policy::default(), &run);
}

fn next_step(world: &World) -> String {
    world.stored(None).status.as_ref().unwrap().next_step.clone().unwrap()
}

/// The first day of a Group whose Inventory, or whose repositories, were never read.
fn first_day(part: Part) -> World {
    let mut world = World::healthy(5, 1);
    world.probe();
    let book = world.state.evidence.groups.get_mut(&INTEGRATION.into()).unwrap();
    match part {
        Part::Assets => book.assets = None,
        _ => book.profiles.get_mut(&ProfileName::from(PROFILE)).unwrap().repositories = None,
    }
    world.now += minutes(1);
    world
}

#[test]
fn what_snyk_refuses_is_for_whoever_has_a_right_at_snyk() {
    let refused = ("forbidden", "could not search the Group's assets: the API answered 403: Your role lacks a right");
    let failing = ("server_error", "could not search the Group's assets: the API answered 503");
    for ((reason, detail), step) in [
        (refused, "Group Admin: give the account of our Snyk token a role"),
        (failing, "see whether Snyk reports a disturbance"),
    ] {
        let mut world = first_day(Part::Assets);
        fail(&mut world, (ProbeKind::Inventory, group()), Part::Assets, (SNYK_API, reason, detail));
        world.evaluate();
        assert_eq!(world.status(None).0, Status::Unknown);
        assert!(world.message(None).contains(detail), "{}", world.message(None));
        let told = next_step(&world);
        assert!(told.contains(step) && !told.contains("Git host"), "{told}");
    }
}

#[test]
fn what_the_git_host_refuses_is_for_its_admin() {
    let refused = ("forbidden", "could not list the repositories: the API answered 403: Your plan lacks it");
    let failing = ("server_error", "could not list the repositories: the API answered 503");
    for ((reason, detail), step) in
        [(refused, "Git host admin: allow the token's account"), (failing, "see whether the Git host reports")]
    {
        let mut world = first_day(Part::Repositories);
        fail(&mut world, (ProbeKind::Profile, profile()), Part::Repositories, (SCM_API, reason, detail));
        world.evaluate();
        assert_eq!(world.status(None).0, Status::Unknown);
        assert!(next_step(&world).contains(step), "{}", next_step(&world));
    }
}

#[test]
fn a_denial_is_told_in_its_own_words() {
    let said = "could not read it: the API answered 404 (SNYK-0004): no such thing for you";
    let mut world = World::healthy(3, 1);
    world.pass(minutes(30));
    let first = world.now + minutes(1);
    let key = World::key(Some(0));
    for _ in 0..3 {
        world.now += minutes(1);
        let denied = Access::Denied { status: 404 };
        let of_group = vec![Finding::GroupAccess(INTEGRATION.into(), denied.clone())];
        fail(&mut world, (ProbeKind::GroupAccess, group()), Part::Access, (SNYK_API, "not_found", said));
        world.observe(ProbeKind::GroupAccess, group(), of_group);
        let subject = WorkSubject::Organization(key.clone());
        fail(&mut world, (ProbeKind::Organization, subject.clone()), Part::Access, (SNYK_API, "not_found", said));
        world.observe(ProbeKind::Organization, subject, vec![Finding::OrganizationAccess(key.clone(), denied)]);
        world.evaluate();
    }
    let since = first.format("%H:%M UTC").to_string();
    for level in [None, Some(0)] {
        assert_eq!(world.condition(level, Condition::SnykAccessible), (Truth::False, Reason::SnykAccessDenied));
        let message = &world.stored(level).conditions[&Condition::SnykAccessible].message;
        assert!(message.contains("(HTTP 404): the API answered 404 (SNYK-0004): no such thing for you"), "{message}");
        assert!(message.contains(&since), "{message}");
    }
    // Readable again: nothing of it is left.
    world.pass(minutes(15));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    let book = &world.state.evidence.groups[&INTEGRATION.into()];
    assert!(!book.failures.contains_key(&Part::Access));
}

#[test]
fn an_audit_log_that_is_refused_says_so_itself() {
    let said = "could not read the Organization's audit log: the API answered 403: only for enterprise plans";
    let mut world = World::healthy(3, 1);
    world.probe();
    world.now += minutes(1);
    let key = World::key(Some(0));
    let subject = WorkSubject::Organization(key.clone());
    fail(&mut world, (ProbeKind::Organization, subject.clone()), Part::Events, (SNYK_API, "forbidden", said));
    world.observe(ProbeKind::Organization, subject, vec![Finding::Events(key.clone(), AuditEvents::NotReadable)]);
    let kept = &world.state.evidence.organizations[&key].failures[&Part::Events];
    assert!(kept.detail.contains("enterprise plans"));
}

#[test]
fn permissions_that_nobody_could_ask_for_say_what_was_answered() {
    let mut world = World::healthy(3, 0);
    let subject = WorkSubject::Credential(CredentialName::from(PAT));
    let said = "could not ask who the credential is: the API answered 410: this endpoint is gone";
    world.probe();
    world.state.evidence.scm_credentials.clear();
    fail(&mut world, (ProbeKind::ScmCredential, subject.clone()), Part::Authentication, (SCM_API, "gone", said));
    world.evaluate();
    let permissions = |world: &World| world.stored(None).conditions[&Condition::PermissionsGranted].clone();
    assert_eq!(permissions(&world).reason, Reason::EndpointGone);
    assert!(permissions(&world).message.contains("this endpoint is gone"), "{}", permissions(&world).message);
    // A rejection is why nothing more is asked.
    let mut world = World::healthy(3, 0);
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Unspecified);
    world.probe();
    world.pass(minutes(15));
    assert_eq!(world.condition(None, Condition::CredentialValid).0, Truth::False);
    let told = permissions(&world).message;
    assert!(told.contains("Bitbucket rejects"), "{told}");
    // Before anything was answered there is nothing to be told.
    let mut world = World::healthy(3, 0);
    world.observe(ProbeKind::ScmCredential, subject, Vec::new());
    world.main().permissions.clear();
    world.probe();
    assert!(permissions(&world).message.contains("not observed yet"), "{}", permissions(&world).message);
}

#[test]
fn times_that_no_answer_carries_are_named() {
    let mut world = World::healthy(3, 0);
    for asset in &mut world.assets {
        (asset.last_sync, asset.updated_at) = (None, None);
    }
    world.main().repositories.iter_mut().for_each(|repository| repository.updated_at = None);
    world.probe();
    assert_eq!(world.condition(None, Condition::SyncCurrent), (Truth::Unknown, Reason::NothingToCompare));
    let told = next_step(&world);
    assert!(told.contains("still tell the times") && !told.contains("nobody for now"), "{told}");
}
