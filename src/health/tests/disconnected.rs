//! Inactive projects, and whether a change of the integration made them so.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::decisions::Verdict;
use crate::domain::evidence::Part;
use crate::domain::facts::{AuditEvent, AuditEventKind, AuditEvents, IntegrationPresence, LastTest, Project};
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::status::Status;
use crate::domain::work::{Finding, ProbeKind, WorkSubject};

use super::super::testing::{World, event, hours, minutes, start};
use super::imports::{answer, days_later, project};

const CONNECTED: (Status, Reason) = (Status::Connected, Reason::Ok);
const INACTIVE: (Status, Reason) = (Status::Stalled, Reason::ProjectsInactive);
const DISCONNECTED: (Status, Reason) = (Status::ConnectionFailed, Reason::Disconnected);

fn deactivate(world: &mut World, number: usize) {
    let projects = &mut world.organization(0).imports.projects;
    projects.iter_mut().take(number).for_each(|project| project.active = false);
}

fn log(world: &mut World, events: Vec<AuditEvent>) {
    world.organization(0).events = AuditEvents::Complete { from: start() - TimeDelta::days(90), events };
}

fn tested_last(world: &mut World, at: DateTime<Utc>) {
    let inactive = world.organization(0).imports.projects.iter_mut().filter(|project| !project.active);
    inactive.for_each(|project| project.last_test = LastTest::At(at));
}

/// What the first look at an Organization of 20 projects says, `inactive` of them inactive.
#[track_caller]
fn first_sight(inactive: usize, change: impl FnOnce(&mut World), expected: (Status, Reason)) -> World {
    let mut world = World::healthy(20, 1);
    deactivate(&mut world, inactive);
    tested_last(&mut world, start() - TimeDelta::days(60));
    change(&mut world);
    world.probe();
    assert_eq!(world.status(Some(0)), expected, "{}", world.message(Some(0)));
    world
}

#[test]
fn all_projects_inactive_is_never_good_news() {
    let mut world = first_sight(20, |_| {}, INACTIVE);
    days_later(&mut world, 30);
    assert_eq!(world.status(Some(0)), INACTIVE);
    answer(&mut world, Rule::ProjectsInactive, Verdict::Accepted, (0..20).map(project));
    assert_eq!(world.status(Some(0)), (Status::NothingToWatch, Reason::NothingScheduled));
    // Activated and deactivated again: that is another loss.
    world.organization(0).imports.projects.iter_mut().for_each(|project| project.active = true);
    world.pass(minutes(15));
    deactivate(&mut world, 20);
    world.pass(minutes(15));
    assert_eq!(world.status(Some(0)), INACTIVE);
}

#[test]
fn most_projects_inactive_from_the_start_is_how_somebody_wants_it() {
    let mut world = first_sight(15, |_| {}, CONNECTED);
    days_later(&mut world, 30);
    assert_eq!(world.status(Some(0)), CONNECTED);
    // Line by line it grows: nothing happened at once.
    deactivate(&mut world, 16);
    days_later(&mut world, 8);
    deactivate(&mut world, 17);
    days_later(&mut world, 8);
    assert_eq!(world.status(Some(0)), CONNECTED);
    // At once.
    deactivate(&mut world, 19);
    world.pass(minutes(15));
    assert_eq!(world.status(Some(0)), INACTIVE);
    // Time heals nothing; activation does.
    days_later(&mut world, 60);
    assert_eq!(world.status(Some(0)), INACTIVE);
    let projects = &mut world.organization(0).imports.projects;
    projects.iter_mut().skip(17).for_each(|project| project.active = true);
    world.pass(minutes(15));
    assert_eq!(world.status(Some(0)), CONNECTED, "{}", world.message(Some(0)));
}

#[test]
fn projects_that_content_sync_replaced_do_not_count() {
    let mut world = World::healthy(20, 1);
    world.probe();
    let moved: Vec<Project> = world.organization(0).imports.projects.clone();
    deactivate(&mut world, 20);
    let anew = |project: Project| Project { id: format!("{}-moved", project.id), created_at: Some(start()), ..project };
    world.organization(0).imports.projects.extend(moved.into_iter().map(anew));
    world.pass(minutes(15));
    assert_eq!(world.status(Some(0)), CONNECTED, "{}", world.message(Some(0)));
    // Without newer active ones they do.
    let mut world = World::healthy(20, 1);
    world.probe();
    deactivate(&mut world, 11);
    world.pass(minutes(15));
    assert_eq!(world.status(Some(0)), INACTIVE);
}

#[test]
fn saving_the_integration_of_always_inactive_projects_disconnects_nothing() {
    let saved = |at| vec![event(at, AuditEventKind::Edited)];
    // Before the first look.
    let before = |world: &mut World| log(world, saved(start() - TimeDelta::days(20)));
    first_sight(15, before, CONNECTED);
    // While somebody watches.
    let mut world = first_sight(15, |_| {}, CONNECTED);
    world.pass(hours(1));
    let at = world.now;
    log(&mut world, saved(at));
    world.pass(hours(1));
    assert_eq!(world.status(Some(0)), CONNECTED);
    // Deactivated long before it was saved.
    let mut world = first_sight(0, |_| {}, CONNECTED);
    deactivate(&mut world, 20);
    world.pass(hours(1));
    days_later(&mut world, 10);
    let at = world.now;
    log(&mut world, saved(at));
    world.pass(hours(1));
    assert_eq!(world.status(Some(0)), INACTIVE, "{}", world.message(Some(0)));
}

#[test]
fn a_change_before_the_first_look_disconnects_what_was_at_work_until_then() {
    let at = start() - TimeDelta::days(5);
    let edited = vec![event(at, AuditEventKind::Edited)];
    let tested = |world: &mut World| {
        log(world, edited.clone());
        tested_last(world, at - hours(6));
    };
    let world = first_sight(15, tested, DISCONNECTED);
    // The log forgets; what it proved stands.
    let mut world = world;
    log(&mut world, Vec::new());
    days_later(&mut world, 100);
    assert_eq!(world.status(Some(0)), DISCONNECTED);
    // Or what was deactivated after it, as the log says.
    let deactivated = |number: usize| AuditEvent {
        about: Some(format!("project-repo-{number}")),
        ..event(at + minutes(5), AuditEventKind::ProjectDeactivated)
    };
    let by_log = |world: &mut World| log(world, edited.iter().cloned().chain((0..15).map(deactivated)).collect());
    first_sight(15, by_log, DISCONNECTED);
}

#[test]
fn an_event_of_another_integration_disconnects_nothing() {
    let check = |change: &dyn Fn(&mut World, AuditEvent) -> AuditEvent, expected| {
        let mut world = World::healthy(20, 1);
        world.pass(hours(1));
        let edited = event(world.now, AuditEventKind::Edited);
        let edited = change(&mut world, edited);
        log(&mut world, vec![edited]);
        deactivate(&mut world, 20);
        world.pass(hours(1));
        assert_eq!(world.status(Some(0)), expected, "{}", world.message(Some(0)));
    };
    check(&|_, event| event, DISCONNECTED);
    let of_type = |kind: &str| Some(kind.to_owned());
    check(&|_, event| AuditEvent { source_type: of_type("bitbucket-cloud"), ..event }, DISCONNECTED);
    check(&|_, event| AuditEvent { source_type: of_type("github"), ..event }, INACTIVE);
    // An earlier integration of this type.
    check(
        &|_, event| AuditEvent {
            integration_id: Some("earlier".to_owned()),
            source_type: of_type("bitbucket-cloud"),
            ..event
        },
        DISCONNECTED,
    );
    // One of several, and the event does not say which.
    let among_several = |world: &mut World, event| {
        world.organization(0).presence =
            IntegrationPresence::Present { id: "integration".to_owned(), via_app: false, integrations: 2 };
        world.pass(minutes(15));
        event
    };
    check(&among_several, INACTIVE);
}

type Change = fn(&mut World, usize);

#[test]
fn a_list_without_the_integration_beside_active_projects_contradicts_itself() {
    let present = |world: &World| world.condition(Some(0), Condition::IntegrationPresent);
    let mut world = World::healthy(5, 1);
    world.probe();
    world.organization(0).presence = IntegrationPresence::Absent;
    world.pass(minutes(15));
    assert_eq!(present(&world), (Truth::Unknown, Reason::Contradicted));
    assert_eq!(world.status(Some(0)), (Status::Unknown, Reason::Contradicted));
    insta::assert_snapshot!(world.message(Some(0)), @"the list of integrations has none of this type, but 5 active projects are of it and no event says that it was deleted");
    let absent = (Truth::False, Reason::IntegrationAbsent);
    let changes: [(Change, (Truth, Reason)); 4] = [
        (World::delete_integration, absent),
        // Deleted and created again.
        (
            |world, _| {
                let (deleted, created) =
                    (event(start(), AuditEventKind::Deleted), event(start() + hours(1), AuditEventKind::Created));
                log(world, vec![deleted, created]);
            },
            (Truth::Unknown, Reason::Contradicted),
        ),
        // Deleting it deactivates the projects, whatever the log tells.
        (|world, _| deactivate(world, 5), absent),
        (|world, _| world.organization(0).imports.targets.clear(), absent),
    ];
    for (change, expected) in changes {
        let mut world = World::healthy(5, 1);
        world.probe();
        world.organization(0).presence = IntegrationPresence::Absent;
        change(&mut world, 0);
        world.pass(minutes(15));
        assert_eq!(present(&world), expected);
    }
}

#[test]
fn only_its_own_deletion_explains_an_integration_that_is_not_listed() {
    let named = |integration_id: Option<&str>, source_type: Option<&str>| AuditEvent {
        integration_id: integration_id.map(str::to_owned),
        source_type: source_type.map(str::to_owned),
        ..event(start() - TimeDelta::days(3), AuditEventKind::Deleted)
    };
    let others = IntegrationPresence::AbsentBeside { others: 1 };
    let contradicted = Some((Status::Unknown, Reason::Contradicted));
    // From the first look on: it is shown, not dropped.
    for (presence, deleted, expected) in [
        (others.clone(), named(None, Some("github")), contradicted),
        (others.clone(), named(Some("another"), None), contradicted),
        (others.clone(), named(None, None), contradicted),
        (IntegrationPresence::Absent, named(Some("another"), None), contradicted),
        // Of its own kind, or the only one that there was.
        (others.clone(), named(None, Some("bitbucket-cloud")), None),
        (IntegrationPresence::Absent, named(None, None), None),
    ] {
        let mut world = World::healthy(5, 1);
        world.organization(0).presence = presence.clone();
        log(&mut world, vec![deleted.clone()]);
        world.pass(minutes(30));
        let key = World::key(Some(0));
        let status = world.state.integrations.contains_key(&key).then(|| world.status(Some(0)));
        assert_eq!(status, expected, "{presence:?} {deleted:?}");
    }
    // Once it is known, its id tells.
    let mut world = World::healthy(5, 1);
    world.probe();
    world.organization(0).presence = others;
    log(&mut world, vec![named(Some("integration"), None)]);
    world.pass(minutes(15));
    assert_eq!(world.condition(Some(0), Condition::IntegrationPresent), (Truth::False, Reason::IntegrationAbsent));
}

#[test]
fn what_could_not_be_looked_at_is_shown() {
    let unseen = |world: &mut World| {
        let key = World::key(Some(0));
        let findings = vec![
            Finding::OrganizationAccess(key.clone(), world.organization(0).access.clone()),
            Finding::Presence(key.clone(), IntegrationPresence::AbsentBeside { others: 1 }),
        ];
        let subject = WorkSubject::Organization(key);
        world.observe(ProbeKind::Organization, subject.clone(), findings);
        let detail = "could not list the Organization's projects: the API answered 500: boom";
        world.fail(ProbeKind::Organization, subject, Part::Imports, "server_error", detail);
        world.evaluate();
    };
    let mut world = World::healthy(5, 1);
    world.probe_credentials();
    world.probe_listing();
    unseen(&mut world);
    let present = world.condition(Some(0), Condition::IntegrationPresent);
    assert_eq!(present, (Truth::Unknown, Reason::UpstreamFailing));
    assert_eq!(world.status(Some(0)).0, Status::Unknown);
    // Looked at, and nothing came through one: nobody uses it.
    let key = World::key(Some(0));
    let nothing = Finding::Imports(key.clone(), std::sync::Arc::default());
    world.observe(ProbeKind::Organization, WorkSubject::Organization(key.clone()), vec![nothing]);
    world.evaluate();
    assert!(!world.state.integrations.contains_key(&key));
}
