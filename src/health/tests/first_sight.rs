//! What stood at first sight is one incident, until it becomes worse; what has nothing to watch is in none.

use chrono::TimeDelta;

use crate::domain::condition::{Condition, Reason};
use crate::domain::decisions::{Item, Verdict};
use crate::domain::facts::{
    LastTest, OrganizationImports, RejectionCause, RemovalReason, RemovedAsset, ScmAuthentication, TestFrequency,
    WebhookState,
};
use crate::domain::incident::{IncidentKey, Rule, Subject};
use crate::domain::names::IntegrationKey;
use crate::domain::status::Status;
use crate::health::incidents;

use super::super::testing::{INTEGRATION, World, hours, minutes, organization_id, start};
use super::imports::{answer, days_later};

/// Observes, evaluates and gives the open incidents about Organizations: rule, severity and members.
fn open(world: &mut World) -> Vec<String> {
    world.probe();
    incidents::evaluate(&mut world.state, &world.fleet, world.now);
    let of_organizations = world
        .state
        .incidents
        .iter()
        .filter(|(key, incident)| incident.is_open() && matches!(key.subject, Subject::Organizations(_)));
    let shown = of_organizations.map(|(key, incident)| {
        let members: Vec<_> = incident.members.iter().map(|id| (id.0.as_u128() - 0x1000).to_string()).collect();
        format!("{} {} {}", key.rule, incident.severity, members.join(","))
    });
    shown.collect()
}

/// So many days later; everything that runs was tested.
fn open_after(world: &mut World, days: i64) -> Vec<String> {
    days_later(world, days);
    open(world)
}

fn key(rule: Rule) -> IncidentKey {
    IncidentKey { rule, subject: Subject::Organizations(INTEGRATION.into()) }
}

/// Three Organizations of 40 repositories; of the first, so many projects were dead at first sight.
fn with_dead_projects(number: usize) -> World {
    let mut world = World::healthy(40, 3);
    let projects = &mut world.organization(0).imports.projects;
    projects
        .iter_mut()
        .take(number)
        .for_each(|project| project.last_test = LastTest::At(start() - TimeDelta::days(60)));
    world
}

#[test]
fn an_organization_with_two_dead_projects_is_old_news_until_all_stop() {
    let mut world = with_dead_projects(2);
    assert_eq!(open(&mut world), ["Baseline info 0"]);
    for _ in 0..3 {
        world.now += TimeDelta::days(1);
        world.test_everything();
        let last = LastTest::At(start() - TimeDelta::days(60));
        world.organization(0).imports.projects.iter_mut().take(2).for_each(|project| project.last_test = last);
        assert_eq!(open(&mut world), ["Baseline info 0"], "one info at most");
    }
    world.now += hours(50);
    let now = LastTest::At(world.now);
    for number in [1, 2] {
        world.organization(number).imports.projects.iter_mut().for_each(|project| project.last_test = now);
    }
    assert_eq!(open(&mut world), ["Baseline info 0"], "one reading");
    world.now += minutes(30);
    assert_eq!(open(&mut world), ["TestsStale warning 0", "Baseline info 0"]);
}

#[test]
fn a_problem_of_first_sight_that_becomes_worse_is_told_by_itself() {
    for (more, expected) in [(2, vec!["Baseline info 0"]), (3, vec!["TestsStale warning 0"])] {
        let mut world = World::healthy(40, 1);
        let late = |world: &mut World, number: usize| {
            world.test_everything();
            let last = LastTest::At(world.now - TimeDelta::days(3));
            let projects = &mut world.organization(0).imports.projects;
            projects.iter_mut().take(number).for_each(|project| project.last_test = last);
        };
        late(&mut world, 4);
        assert_eq!(open(&mut world), ["Baseline info 0"]);
        for _ in 0..2 {
            world.now += hours(12);
            late(&mut world, 4 + more);
            open(&mut world);
        }
        assert_eq!(open(&mut world), expected, "{more} more");
    }
}

#[test]
fn everything_that_stood_at_first_sight_is_one_incident_and_what_is_required_is_not() {
    let broken = || {
        let mut world = World::healthy(10, 6);
        world.organization(0).imports.projects.iter_mut().for_each(|project| project.active = false);
        world.organization(1).imports.projects.drain(0..5);
        world.organization(2).imports.projects.clear();
        world.organization(3).imports.projects.iter_mut().for_each(|project| {
            project.last_test = LastTest::At(start() - TimeDelta::days(3));
        });
        world.organization(4).webhooks.checks[0].state = WebhookState::Missing { others: false };
        world
    };
    let mut world = broken();
    assert_eq!(open(&mut world), ["Baseline info 0,1,2,3,4"]);
    let items = incidents::items_of(&world.state, &world.fleet, &key(Rule::Baseline));
    assert_eq!(items.iter().filter(|item| matches!(item, Item::Project(..))).count(), 20);
    assert_eq!(items.iter().filter(|item| matches!(item, Item::Target(..))).count(), 15);

    let mut world = broken();
    let require = &mut world.integration().organizations.as_mut().unwrap().require;
    require.extend((0..5).map(organization_id));
    assert_eq!(open(&mut world), [""; 0]);
    world.now += hours(25);
    assert_eq!(
        open(&mut world)[..],
        [
            "TestsStale warning 3",
            "NothingImported info 2",
            "ImportsIncomplete info 1",
            "ProjectsInactive info 0",
            "WebhooksMissing info 4",
        ][..]
    );
    let items = incidents::items_of(&world.state, &world.fleet, &key(Rule::ProjectsInactive));
    assert_eq!(items.len(), 10);
}

#[test]
fn a_sample_keeps_what_was_found_bad_until_it_is_seen_good() {
    let mut world = World::healthy(10, 1);
    open(&mut world);
    let all = world.organization(0).webhooks.clone();
    world.organization(0).webhooks.checks.truncate(3);
    world.organization(0).webhooks.checks[0].state = WebhookState::Missing { others: false };
    world.now += hours(1);
    open(&mut world);
    world.organization(0).webhooks.checks = all.checks[5..].to_vec();
    assert_eq!(open_after(&mut world, 2), ["WebhooksMissing info 0"], "others were sampled");
    world.organization(0).webhooks.checks = all.checks[..1].to_vec();
    world.organization(0).webhooks.checks[0].state = WebhookState::NoAdminRights;
    assert_eq!(open_after(&mut world, 1), ["WebhooksMissing info 0"], "it was not seen");
    world.organization(0).webhooks.checks[0].state = WebhookState::RepositoryNotFound;
    assert_eq!(open_after(&mut world, 1), ["WebhooksMissing info 0"], "it was not seen");
    world.organization(0).webhooks.checks[0].state = WebhookState::Installed;
    assert_eq!(open_after(&mut world, 1), [""; 0]);
}

#[test]
fn unused_integrations_of_a_clone_are_in_no_incident_and_in_no_blast_radius() {
    let mut world = World::healthy(5, 4);
    for number in [2, 3] {
        world.organization(number).imports = OrganizationImports::default();
    }
    let never = &mut world.organization(1).imports.projects;
    for project in never.iter_mut() {
        project.frequency = TestFrequency::Never;
    }
    assert_eq!(open(&mut world), [""; 0]);
    assert_eq!(open_after(&mut world, 3), [""; 0]);
    for (number, reason) in [(1, Reason::NothingScheduled), (2, Reason::Unused), (3, Reason::Unused)] {
        assert_eq!(world.status(Some(number)), (Status::NothingToWatch, reason));
    }
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    for _ in 0..3 {
        world.now += minutes(5);
        open(&mut world);
    }
    let rejected = world.state.incidents.iter().find(|(key, _)| key.rule == Rule::CredentialInvalid).unwrap().1;
    let name = || INTEGRATION.into();
    let affected = [IntegrationKey::group(name()), IntegrationKey::organization(name(), organization_id(0))];
    assert_eq!(rejected.affected, affected);
    assert_eq!(open(&mut world), [""; 0]);
}

#[test]
fn a_required_organization_with_nothing_to_watch_is_listed_after_a_day() {
    let mut world = World::healthy(2, 1);
    world.organization(0).imports.projects.clear();
    world.integration().organizations.as_mut().unwrap().require.insert(organization_id(0));
    assert_eq!(open(&mut world), [""; 0]);
    let items: Vec<Item> = (0..2).map(|n| Item::Target(organization_id(0), format!("target-repo-{n}"))).collect();
    answer(&mut world, Rule::NothingImported, Verdict::Accepted, items);
    world.now += hours(23);
    assert_eq!(open(&mut world), [""; 0]);
    assert_eq!(open_after(&mut world, 1), ["NothingToWatch info 0"]);
}

#[test]
fn assets_that_were_removed_before_the_first_look_are_told_and_are_no_loss() {
    let mut world = World::healthy(20, 0);
    let reasons = vec![(RemovalReason::OrgLevelInactive, Some(start() - TimeDelta::days(30)))];
    let removed = std::mem::take(&mut world.assets).into_iter().map(|asset| RemovedAsset {
        id: asset.id,
        scm_id: asset.scm_id,
        url: asset.url,
        reasons: reasons.clone(),
    });
    world.removed = removed.collect();
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::AwaitingFirstSync), "{}", world.message(None));
    let populated = &world.stored(None).conditions[&Condition::InventoryPopulated];
    insta::assert_snapshot!(populated.message, @"0 of 20 repositories are in the Inventory; it had 20 of them and removed them");
}
