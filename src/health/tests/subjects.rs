//! Evidence proves only its own subject, whichever way the configuration came to name another.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::{FailedAttempt, OrganizationEvidence, Part};
use crate::domain::facts::{ApiFacts, RepositorySet, ScmAccount, ScmAuthentication, WorkspaceFact};
use crate::domain::fleet::Fleet;
use crate::domain::incident::{IncidentKey, IncidentState, Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::{ApiName, CredentialName, GroupId, IntegrationName, ProfileName, Revision, WorkspaceSlug};
use crate::domain::state::{Change, State, Transition};
use crate::domain::status::Status;
use crate::domain::work::{Finding, ProbeKind, Work, WorkSubject};

use super::super::testing::{INTEGRATION, PAT, PROFILE, SCM_API, SNYK_API, TOKEN, World, hours, minutes, start};
use super::super::{FollowUp, asked_about, forget_other_subjects, incidents, resume};

fn name() -> IntegrationName {
    IntegrationName::from(INTEGRATION)
}

fn pat() -> CredentialName {
    CredentialName::from(PAT)
}

/// Everything is well, and has been.
fn connected() -> World {
    let mut world = World::healthy(40, 2);
    world.main().authentication = accepted("token-1", "account-1");
    world.probe();
    forget_other_subjects(&mut world.state, &world.fleet);
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
    assert_eq!(world.status(Some(0)), (Status::Connected, Reason::Ok), "{}", world.message(Some(0)));
    world
}

fn accepted(token: &str, account: &str) -> ScmAuthentication {
    ScmAuthentication::Accepted {
        account: Some(ScmAccount { id: account.to_owned(), name: "Bot".to_owned() }),
        token_id: Some(token.to_owned()),
        scopes: None,
    }
}

fn token(fleet: &mut Fleet) -> &mut crate::domain::fleet::SnykToken {
    fleet.snyk_tokens.get_mut(&CredentialName::from(TOKEN)).unwrap()
}

fn credential(fleet: &mut Fleet) -> &mut crate::domain::fleet::ScmCredential {
    fleet.scm_credentials.get_mut(&pat()).unwrap()
}

fn another_group(world: &mut World) {
    world.group().id = GroupId(Uuid::from_u128(2));
}

fn another_region(world: &mut World) {
    let host = Revision::of(["eu"]);
    let token = token(&mut world.fleet);
    (token.host, token.revision) = (host, host.with("token"));
    world.fleet.apis.insert(ApiName::from(SNYK_API), host);
}

/// The ways in which another configuration comes into force.
#[derive(Debug, Clone, Copy)]
enum Way {
    Reload,
    Restart,
    /// The block goes with one reload and comes back, changed, with another.
    RemoveAndAdd,
}

fn apply(world: &mut World, way: Way, change: fn(&mut World)) {
    match way {
        Way::Reload => change(world),
        Way::Restart => {
            let stored = serde_json::to_string(&world.state).unwrap();
            world.state = serde_json::from_str(&stored).unwrap();
            let committed_at = world.now;
            world.now += minutes(10);
            resume(&mut world.state, committed_at, world.now);
            change(world);
        }
        Way::RemoveAndAdd => {
            let group = world.integration().group.take();
            forget_other_subjects(&mut world.state, &world.fleet);
            world.evaluate();
            world.integration().group = group;
            change(world);
        }
    }
    forget_other_subjects(&mut world.state, &world.fleet);
    assert_eq!(forget_other_subjects(&mut world.state, &world.fleet), [], "once");
    world.evaluate();
}

#[test]
fn nothing_of_another_group_or_region_counts() {
    for way in [Way::Reload, Way::Restart, Way::RemoveAndAdd] {
        for (what, change) in [("group", another_group as fn(&mut World)), ("region", another_region)] {
            let mut world = connected();
            apply(&mut world, way, change);
            for (level, name) in [(None, "the Group"), (Some(0), "an Organization")] {
                let Some(stored) = world.state.integrations.get(&World::key(level)) else { continue };
                let known = stored.conditions.iter().filter(|(_, condition)| condition.truth == Truth::True);
                let known: Vec<_> = known.map(|(condition, _)| *condition).collect();
                let of_the_pat =
                    [Condition::CredentialValid, Condition::CredentialFresh, Condition::PermissionsGranted];
                let rest: Vec<_> = known.iter().filter(|condition| !of_the_pat.contains(condition)).collect();
                assert!(rest.is_empty(), "{way:?} of another {what}: {name} still has {rest:?}");
                assert_eq!(stored.status.as_ref().unwrap().status, Status::Unknown, "{way:?} {what} {name}");
                assert_eq!(stored.status.as_ref().unwrap().last_connected_at, None);
            }
            // The new one is empty, and judged by its own evidence: its repositories are as old as the Git host says.
            world.assets.clear();
            world.organizations.clear();
            world.probe();
            let status = world.status(None);
            assert_eq!(status, (Status::PartiallyConnected, Reason::AwaitingFirstSync), "{way:?} of another {what}");
            assert_eq!(world.condition(None, Condition::InventoryPopulated).0, Truth::False);
        }
    }
}

#[test]
fn the_same_block_again_starts_anew() {
    let mut world = connected();
    apply(&mut world, Way::RemoveAndAdd, |_| {});
    assert_eq!(world.status(None).0, Status::Unknown, "what was known went with its memory");
    world.assets.clear();
    world.probe();
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::AwaitingFirstSync));
}

#[test]
fn a_reload_that_changes_no_subject_changes_nothing() {
    let mut world = connected();
    let before = world.state.clone();
    world.integration().owner = Some("platform".to_owned());
    world.integration().thresholds.max_lag = hours(30);
    world.group().ignore = vec!["acme/none".to_owned()];
    assert_eq!(forget_other_subjects(&mut world.state, &world.fleet), []);
    assert!(world.state == before);
}

#[test]
fn an_incident_about_another_group_ends_as_no_longer_watched() {
    let mut world = connected();
    let judge = |world: &mut World| -> Vec<Transition> {
        world.evaluate();
        incidents::evaluate(&mut world.state, &world.fleet, world.now)
    };
    world.assets.clear();
    world.pass(hours(30));
    judge(&mut world);
    let key = IncidentKey { rule: Rule::PartiallyConnected, subject: Subject::Integration(World::key(None)) };
    assert!(world.state.incidents[&key].is_open());
    another_group(&mut world);
    forget_other_subjects(&mut world.state, &world.fleet);
    let ended = judge(&mut world);
    let ended: Vec<_> = (ended.iter())
        .filter(|transition| matches!(&transition.change, Change::Resolved { incident, .. } if *incident == key))
        .map(|transition| transition.cause.as_str())
        .collect();
    assert_eq!(ended, ["no longer watched"]);
    assert!(!world.state.incidents.get(&key).is_some_and(IncidentState::is_open));
    assert_eq!(judge(&mut world), [], "once");
}

#[test]
fn what_an_account_sees_outlives_a_new_token_of_it_and_no_other_account() {
    // Each new token is accepted, and then asked nothing but who it is.
    let check = |account: Option<&str>, survives: bool| {
        let mut world = connected();
        credential(&mut world.fleet).token_version = Some("hash-2".to_owned());
        let host = credential(&mut world.fleet).host;
        credential(&mut world.fleet).revision = host.with("hash-2");
        let works = forget_other_subjects(&mut world.state, &world.fleet);
        let pat_work = Work { kind: ProbeKind::ScmCredential, subject: WorkSubject::Credential(pat()) };
        assert_eq!(works, [pat_work], "the token is asked for anew, and nothing that its account sees");
        world.evaluate();
        for condition in [Condition::CredentialValid, Condition::PermissionsGranted] {
            assert_eq!(world.condition(None, condition).0, Truth::Unknown, "{condition} was proved by the other token");
        }
        assert_eq!(world.condition(None, Condition::RepositoriesVisible).0, Truth::True);
        world.main().authentication = match account {
            Some(account) => accepted("token-2", account),
            None => ScmAuthentication::Accepted { account: None, token_id: Some("token-2".to_owned()), scopes: None },
        };
        world.follow_ups.clear();
        world.probe_credentials();
        world.evaluate();
        let (truth, asked) =
            if survives { (Truth::True, Vec::new()) } else { (Truth::Unknown, vec![ProbeKind::Profile]) };
        assert_eq!(world.condition(None, Condition::RepositoriesVisible).0, truth, "{account:?}");
        let asked_now = world.follow_ups.iter().filter_map(|follow_up| match follow_up {
            FollowUp::Ask(work) if work.kind == ProbeKind::Profile => Some(work.kind),
            _ => None,
        });
        assert_eq!(asked_now.collect::<Vec<_>>(), asked, "{account:?}");
        world.probe();
        assert_eq!(world.status(None).0, Status::Connected, "{}", world.message(None));
    };
    check(Some("account-1"), true);
    check(Some("account-2"), false);
    // An access token has no account: whose eyes they are, nothing tells.
    check(None, false);
}

#[test]
fn what_was_seen_before_its_account_was_known_is_that_accounts() {
    let mut world = World::healthy(5, 1);
    world.main().authentication = accepted("token-1", "account-1");
    let repositories = world.main().repositories.clone();
    let set = RepositorySet {
        repositories: repositories.into_iter().map(|repository| (repository.id.clone(), repository)).collect(),
        ..RepositorySet::default()
    };
    let profile = ProfileName::from(PROFILE);
    let seen = vec![Finding::Repositories(name(), profile.clone(), Arc::new(set))];
    world.observe(ProbeKind::Profile, WorkSubject::Profile(name(), profile.clone()), seen);
    world.probe_credentials();
    assert_eq!(world.follow_ups, [], "it is not asked again");
    assert!(world.state.evidence.groups[&name()].profiles[&profile].repositories.is_some());
}

#[test]
fn an_answer_that_leaves_the_account_out_changes_no_account() {
    let mut world = connected();
    world.main().authentication =
        ScmAuthentication::Accepted { account: None, token_id: Some("token-1".to_owned()), scopes: None };
    world.follow_ups.clear();
    world.probe_credentials();
    world.evaluate();
    assert_eq!(world.follow_ups, []);
    assert_eq!(world.status(None).0, Status::Connected, "{}", world.message(None));
}

#[test]
fn each_changed_subject_takes_its_own_evidence_along() {
    let group = |kind| Work { kind, subject: WorkSubject::Group(name()) };
    let profile = Work { kind: ProbeKind::Profile, subject: WorkSubject::Profile(name(), ProfileName::from(PROFILE)) };
    let check = |what: &str, change: fn(&mut World), expected: &[Work], unknown: &[Condition]| {
        let mut world = connected();
        change(&mut world);
        let works = forget_other_subjects(&mut world.state, &world.fleet);
        let asked: Vec<_> =
            works.into_iter().filter(|work| !matches!(work.subject, WorkSubject::Organization(_))).collect();
        assert_eq!(asked, expected, "{what}");
        world.evaluate();
        for condition in unknown {
            assert_eq!(world.condition(None, *condition).0, Truth::Unknown, "{what}: {condition}");
        }
        // What it is called now is observed, and nothing was lost but that.
        for profile in world.profiles.values_mut() {
            profile.credential = world.fleet.integrations[&name()].group.as_ref().unwrap().profiles
                [&ProfileName::from(PROFILE)]
                .credential
                .clone();
            let member = WorkspaceFact::Member { uuid: None, administrator: None };
            profile.workspaces = ["acme", "labs"].map(|slug| (WorkspaceSlug::from(slug), member.clone())).into();
        }
        world.probe();
        assert_eq!(world.status(None).0, Status::Connected, "{what}: {}", world.message(None));
    };
    check(
        "workspaces",
        |world| {
            let profile = world.group().profiles.values_mut().next().unwrap();
            profile.workspaces.insert(WorkspaceSlug::from("labs"));
        },
        &[profile.clone(), group(ProbeKind::Inventory)],
        &[Condition::RepositoriesVisible, Condition::InventoryPopulated],
    );
    check(
        "the Snyk token",
        |world| {
            let token = token(&mut world.fleet).clone();
            world.fleet.snyk_tokens.insert("other".into(), token);
            world.group().snyk = "other".into();
            world.extra = vec![Finding::SnykAuthentication("other".into(), world.snyk.clone())];
        },
        &[group(ProbeKind::GroupAccess)],
        &[Condition::SnykAccessible],
    );
    check(
        "the credential behind the profile",
        |world| {
            let other = credential(&mut world.fleet).clone();
            world.fleet.scm_credentials.insert("other".into(), other);
            world.group().profiles.values_mut().next().unwrap().credential = "other".into();
        },
        std::slice::from_ref(&profile),
        &[Condition::RepositoriesVisible, Condition::CredentialValid],
    );
    check(
        "the address of the Git host",
        |world| {
            let host = Revision::of(["https://git.example.com"]);
            let credential = credential(&mut world.fleet);
            (credential.host, credential.revision) = (host, host.with("hash-1"));
            world.fleet.apis.insert(ApiName::from(SCM_API), host);
        },
        &[Work { kind: ProbeKind::ScmCredential, subject: WorkSubject::Credential(pat()) }, profile.clone()],
        &[Condition::CredentialValid, Condition::PermissionsGranted, Condition::RepositoriesVisible],
    );
}

#[test]
fn what_failed_about_another_subject_explains_nothing() {
    let mut world = connected();
    let book = world.state.evidence.groups.get_mut(&name()).unwrap();
    let revision = book.organizations.as_ref().unwrap().revision;
    let failed = FailedAttempt {
        since: start(),
        at: start(),
        reason: Reason::EndpointRefused,
        detail: "403".to_owned(),
        end: None,
        revision,
    };
    book.failures.insert(Part::Organizations, failed);
    forget_other_subjects(&mut world.state, &world.fleet);
    assert_eq!(world.state.evidence.groups[&name()].failures.len(), 1);
    another_group(&mut world);
    forget_other_subjects(&mut world.state, &world.fleet);
    assert_eq!(world.state.evidence.groups[&name()].failures.len(), 0);
}

#[test]
fn conditions_name_the_version_that_they_speak_of() {
    let mut world = connected();
    let revisions = |world: &World| {
        let conditions = world.stored(None).conditions.iter();
        conditions.filter_map(|(name, state)| Some((*name, state.observed_revision?))).collect::<Vec<_>>()
    };
    let before = revisions(&world);
    assert!(before.iter().any(|(name, _)| *name == Condition::SyncCurrent), "{before:?}");
    world.pass(minutes(15));
    assert_eq!(revisions(&world), before);
    credential(&mut world.fleet).token_version = Some("hash-2".to_owned());
    world.main().authentication = accepted("token-2", "account-1");
    world.pass(minutes(15));
    for ((name, before), (_, after)) in before.iter().zip(revisions(&world)) {
        assert_ne!(*before, after, "{name}");
    }
}

#[test]
fn another_secret_throws_away_only_the_probes_that_ask_with_it() {
    let world = connected();
    let organization = || WorkSubject::Organization(World::key(Some(0)));
    let works = [
        (ProbeKind::SnykToken, WorkSubject::Credential(CredentialName::from(TOKEN))),
        (ProbeKind::ScmCredential, WorkSubject::Credential(pat())),
        (ProbeKind::GroupAccess, WorkSubject::Group(name())),
        (ProbeKind::Inventory, WorkSubject::Group(name())),
        (ProbeKind::OrganizationList, WorkSubject::Group(name())),
        (ProbeKind::Catalog, WorkSubject::Group(name())),
        (ProbeKind::Profile, WorkSubject::Profile(name(), ProfileName::from(PROFILE))),
        (ProbeKind::Organization, organization()),
        (ProbeKind::Webhooks, organization()),
    ];
    let works = works.map(|(kind, subject)| Work { kind, subject });
    let changed = |before: &Fleet, after: &Fleet| {
        let differs = |work: &&Work| asked_about(before, work) != asked_about(after, work);
        works.iter().filter(differs).map(|work| work.kind).collect::<Vec<_>>()
    };
    let before = world.fleet.clone();
    assert!(works.iter().all(|work| asked_about(&before, work).is_some()));
    assert_eq!(changed(&before, &before), []);

    let other = Revision::of(["another"]);
    let mut rotated = before.clone();
    rotated.scm_credentials.get_mut(&pat()).unwrap().revision = other;
    let with_the_pat = [ProbeKind::ScmCredential, ProbeKind::Catalog, ProbeKind::Profile, ProbeKind::Webhooks];
    assert_eq!(changed(&before, &rotated), with_the_pat);

    let mut rotated = before.clone();
    rotated.snyk_tokens.values_mut().for_each(|token| token.revision = other);
    let with_the_snyk_token = [
        ProbeKind::SnykToken,
        ProbeKind::GroupAccess,
        ProbeKind::Inventory,
        ProbeKind::OrganizationList,
        ProbeKind::Catalog,
        ProbeKind::Organization,
    ];
    assert_eq!(changed(&before, &rotated), with_the_snyk_token);

    // Another Group changes what all of its probes ask about, and nothing about the credentials.
    let mut moved = before.clone();
    moved.integrations.get_mut(&name()).unwrap().group.as_mut().unwrap().id = GroupId(Uuid::from_u128(77));
    assert_eq!(changed(&before, &moved).len(), works.len() - 2);
}

#[test]
fn what_is_long_gone_is_forgotten() {
    let ages = |state: &State| state.integrations[&World::key(None)].group.repository_ages.len();
    let mut world = connected();
    world.state.evidence.apis.insert("snyk/gone".into(), ApiFacts::default());
    forget_other_subjects(&mut world.state, &world.fleet);
    let apis: Vec<_> = world.state.evidence.apis.keys().map(ApiName::as_str).collect();
    assert_eq!(apis, [SCM_API, SNYK_API]);
    // An Organization that was asked once, never had the integration and is listed no more.
    world.state.evidence.organizations.insert(World::key(Some(7)), OrganizationEvidence::default());
    world.evaluate();
    let kept: Vec<_> = world.state.evidence.organizations.keys().cloned().collect();
    assert_eq!(kept, [World::key(Some(0)), World::key(Some(1))]);
    // One that comes back in time is the same one.
    let gone = world.main().repositories.pop().unwrap();
    world.pass(minutes(15));
    world.main().repositories.push(gone);
    world.pass(minutes(15));
    assert_eq!(ages(&world.state), 40);
    world.main().repositories.pop();
    world.pass(minutes(15));
    world.now += chrono::TimeDelta::days(91);
    world.probe();
    assert_eq!(ages(&world.state), 39);
}

#[test]
fn what_is_forgotten_with_the_group_is_asked_at_once() {
    let mut world = connected();
    world.integration().group = None;
    let id = super::super::testing::organization_id(0);
    world.integration().organizations.as_mut().unwrap().discover = Some([id].into());
    let works = forget_other_subjects(&mut world.state, &world.fleet);
    assert!(world.state.evidence.organizations.is_empty());
    let subject = WorkSubject::Organization(World::key(Some(0)));
    for kind in [ProbeKind::Organization, ProbeKind::Webhooks] {
        assert!(works.contains(&Work { kind, subject: subject.clone() }), "{works:?}");
    }
    assert_eq!(forget_other_subjects(&mut world.state, &world.fleet), [], "once");
}
