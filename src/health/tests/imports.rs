//! Imported repositories: what is counted, what is lost, and what ends a loss.

use chrono::TimeDelta;

use crate::domain::condition::{Condition, Reason};
use crate::domain::decisions::{Answer, Item, Verdict};
use crate::domain::facts::{
    AuditEvent, AuditEventKind, AuditEvents, OrganizationImports, RemovalReason, RemovedAsset, WorkspaceFact,
};
use crate::domain::incident::{IncidentKey, Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::DecisionId;
use crate::domain::status::Status;

use super::super::testing::{INTEGRATION, World, event, hours, minutes, organization_id, start};

const CONNECTED: (Status, Reason) = (Status::Connected, Reason::Ok);
const FAILED: (Status, Reason) = (Status::PartiallyConnected, Reason::SomeImportsFailed);
const NOTHING: (Status, Reason) = (Status::PartiallyConnected, Reason::NothingImported);

/// Somebody answers an incident of `rule` about the first Organization.
pub(super) fn answer(world: &mut World, rule: Rule, verdict: Verdict, items: impl IntoIterator<Item = Item>) {
    let answer = Answer {
        incident: IncidentKey { rule, subject: Subject::Organizations(INTEGRATION.into()) },
        verdict,
        items: items.into_iter().collect(),
        author: "ada".to_owned(),
        reason: "meant to be so".to_owned(),
        at: world.now,
    };
    let number = world.state.decisions.answers.len();
    world.state.decisions.answers.insert(DecisionId::new(format!("answer-{number}")), answer);
    world.evaluate();
}

pub(super) fn project(number: usize) -> Item {
    Item::Project(organization_id(0), format!("project-repo-{number}"))
}

fn target(number: usize) -> Item {
    Item::Target(organization_id(0), format!("target-repo-{number}"))
}

/// Some days later everything was tested again and is observed anew.
pub(super) fn days_later(world: &mut World, days: i64) {
    world.now += TimeDelta::days(days);
    world.test_everything();
    world.probe();
}

/// A healthy Organization whose first imported repository lost its project.
fn lost(repositories: usize) -> World {
    let mut world = World::healthy(repositories, 1);
    world.pass(hours(1));
    assert_eq!(world.status(Some(0)), CONNECTED, "{}", world.message(Some(0)));
    world.organization(0).imports.projects.remove(0);
    world.pass(minutes(15));
    assert_eq!(world.status(Some(0)), FAILED);
    world
}

#[test]
fn few_targets_without_projects_are_normal_and_many_are_not() {
    for (empty, of, expected) in [
        (4, 20, CONNECTED),
        (5, 20, FAILED),
        (20, 20, NOTHING),
        (1, 3, CONNECTED),
        (2, 4, FAILED),
        (1, 1, NOTHING),
        (2, 40, CONNECTED),
    ] {
        let mut world = World::healthy(of, 1);
        world.organization(0).imports.projects.drain(0..empty);
        world.probe();
        assert_eq!(world.status(Some(0)), expected, "{empty} of {of}: {}", world.message(Some(0)));
    }
}

#[test]
fn what_was_just_imported_is_excused_and_proves_nothing() {
    let mut world = World::healthy(20, 1);
    let imports = &mut world.organization(0).imports;
    imports.projects.clear();
    imports.targets.iter_mut().for_each(|target| target.created_at = Some(start()));
    world.probe();
    assert_eq!(world.status(Some(0)), (Status::NothingToWatch, Reason::Unused), "{}", world.message(Some(0)));
    world.now += TimeDelta::days(2);
    world.probe();
    assert_eq!(world.status(Some(0)), NOTHING, "a day was enough");
    // An instant in the future excuses nothing.
    let mut world = World::healthy(20, 1);
    let imports = &mut world.organization(0).imports;
    imports.projects.clear();
    imports.targets.iter_mut().for_each(|target| target.created_at = Some(start() + TimeDelta::days(3650)));
    world.probe();
    assert_eq!(world.status(Some(0)), NOTHING, "{}", world.message(Some(0)));
    // Half of them have projects already: the others are under way.
    let mut world = World::healthy(20, 1);
    let imports = &mut world.organization(0).imports;
    imports.projects.drain(0..10);
    imports.targets.iter_mut().take(10).for_each(|target| target.created_at = Some(start()));
    world.probe();
    assert_eq!(world.status(Some(0)), CONNECTED, "{}", world.message(Some(0)));
    world.now += TimeDelta::days(2);
    world.test_everything();
    world.probe();
    assert_eq!(world.status(Some(0)), FAILED, "a day was enough");
}

#[test]
fn a_lost_target_never_heals_by_time() {
    let mut world = lost(20);
    insta::assert_snapshot!(world.message(Some(0)), @"1 imported repository lost all projects: acme/service-0");
    for _ in 0..4 {
        days_later(&mut world, 8);
        assert_eq!(world.status(Some(0)), FAILED, "{}", world.message(Some(0)));
    }
}

#[test]
fn a_lost_target_ends_when_it_has_projects_again_or_is_gone() {
    let mut world = lost(20);
    let mut project = world.organization(0).imports.projects[0].clone();
    project.target = Some("target-repo-0".to_owned());
    world.organization(0).imports.projects.push(project);
    world.pass(minutes(15));
    assert_eq!(world.status(Some(0)), CONNECTED);
    let mut world = lost(20);
    world.organization(0).imports.targets.remove(0);
    world.pass(minutes(15));
    assert_eq!(world.status(Some(0)), CONNECTED);
}

#[test]
fn a_lost_target_ends_when_the_audit_log_names_who_deleted_its_projects() {
    let log = |world: &mut World, kind: AuditEventKind, about: &str, user: Option<&str>| {
        let user_id = user.map(str::to_owned);
        let event = AuditEvent { about: Some(about.to_owned()), user_id, ..event(world.now, kind) };
        world.organization(0).events =
            AuditEvents::Complete { from: start() - TimeDelta::days(90), events: vec![event] };
        world.pass(minutes(15));
    };
    for (kind, about, user, expected) in [
        (AuditEventKind::ProjectDeleted, "project-repo-0", Some("ada"), CONNECTED),
        (AuditEventKind::TargetDeleted, "target-repo-0", Some("ada"), CONNECTED),
        // Snyk's own machinery, another project, another kind of event.
        (AuditEventKind::ProjectDeleted, "project-repo-0", None, FAILED),
        (AuditEventKind::ProjectDeleted, "project-repo-7", Some("ada"), FAILED),
        (AuditEventKind::ProjectEdited, "project-repo-0", Some("ada"), FAILED),
    ] {
        let mut world = lost(20);
        log(&mut world, kind, about, user);
        assert_eq!(world.status(Some(0)), expected, "{kind:?} {about} {user:?}");
        // The log forgets, the proof stands.
        world.organization(0).events = AuditEvents::Complete { from: world.now, events: Vec::new() };
        days_later(&mut world, 100);
        assert_eq!(world.status(Some(0)), expected, "{kind:?} {about} {user:?}");
    }
}

#[test]
fn a_lost_target_ends_when_its_repository_is_gone() {
    let administrator = |administrator| WorkspaceFact::Member { uuid: None, administrator };
    for (who, expected) in [(Some(true), CONNECTED), (Some(false), FAILED), (None, FAILED)] {
        let mut world = lost(20);
        world.main().workspaces.values_mut().for_each(|fact| *fact = administrator(who));
        world.main().repositories.remove(0);
        world.pass(minutes(30));
        assert_eq!(world.status(Some(0)), expected, "only an administrator sees all: {who:?}");
    }
    for (reason, expected) in [(RemovalReason::RepoDeleted, CONNECTED), (RemovalReason::SnykProjectDeleted, FAILED)] {
        let mut world = lost(20);
        let asset = world.assets.remove(0);
        let removed = RemovedAsset { id: asset.id, scm_id: None, url: asset.url, reasons: vec![(reason, None)] };
        world.removed.push(removed);
        world.pass(minutes(30));
        assert_eq!(world.status(Some(0)), expected, "{reason:?}");
    }
}

#[test]
fn a_lost_target_ends_when_somebody_accepts_it() {
    let mut world = lost(20);
    answer(&mut world, Rule::TestsStale, Verdict::Accepted, [target(0)]);
    assert_eq!(world.status(Some(0)), FAILED, "that was about something else");
    answer(&mut world, Rule::ImportsIncomplete, Verdict::Accepted, [target(0)]);
    assert_eq!(world.status(Some(0)), CONNECTED);
    // Taken back.
    world.now += minutes(1);
    answer(&mut world, Rule::ImportsIncomplete, Verdict::Rejected, [target(0)]);
    assert_eq!(world.status(Some(0)), FAILED);
    // What was accepted once does not excuse the next loss.
    world.now += minutes(1);
    answer(&mut world, Rule::ImportsIncomplete, Verdict::Accepted, [target(0)]);
    let mut project = world.organization(0).imports.projects[0].clone();
    (project.id, project.target) = ("project-new".to_owned(), Some("target-repo-0".to_owned()));
    world.organization(0).imports.projects.push(project);
    world.pass(minutes(15));
    world.organization(0).imports.projects.pop();
    world.pass(minutes(15));
    assert_eq!(world.status(Some(0)), FAILED);
}

#[test]
fn an_organization_without_imports_is_unused_unless_it_had_some() {
    let mut world = World::healthy(3, 1);
    world.organization(0).imports = OrganizationImports::default();
    world.probe();
    assert_eq!(world.status(Some(0)), (Status::NothingToWatch, Reason::Unused), "{}", world.message(Some(0)));
    assert!(world.stored(Some(0)).status.as_ref().unwrap().next_step.is_none());
    world.integration().organizations.as_mut().unwrap().require.insert(organization_id(0));
    world.evaluate();
    assert_eq!(world.status(Some(0)), NOTHING, "it is required");

    let mut world = World::healthy(3, 1);
    world.probe();
    world.organization(0).imports = OrganizationImports::default();
    world.pass(minutes(30));
    assert_eq!(world.status(Some(0)), NOTHING);
    insta::assert_snapshot!(world.message(Some(0)), @"no imported repository is left");
    answer(&mut world, Rule::NothingImported, Verdict::Accepted, (0..3).map(target));
    assert_eq!(world.status(Some(0)), (Status::NothingToWatch, Reason::Unused));
}

#[test]
fn accepted_targets_without_projects_are_not_judged() {
    let mut world = World::healthy(4, 1);
    world.organization(0).imports.projects.drain(0..2);
    world.probe();
    assert_eq!(world.status(Some(0)), FAILED);
    answer(&mut world, Rule::ImportsIncomplete, Verdict::Accepted, [target(0), target(1)]);
    assert_eq!(world.status(Some(0)), CONNECTED);
    let mut world = World::healthy(2, 1);
    world.organization(0).imports.projects.clear();
    world.probe();
    assert_eq!(world.status(Some(0)), NOTHING);
    answer(&mut world, Rule::NothingImported, Verdict::Accepted, [target(0), target(1)]);
    assert_eq!(world.status(Some(0)), (Status::NothingToWatch, Reason::Unused));
    assert_eq!(world.condition(Some(0), Condition::RepositoriesImported).0, Truth::Unknown);
}
