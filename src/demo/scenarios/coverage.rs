//! What the Inventory should have and does not: a first sync that is due, a single repository, a known one by another
//! name.

use super::prelude::*;
use crate::demo::scenario::{Cadences, Expectation as E, Who::Group};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{ACME_PROFILE, ACME_WORKSPACE, Availability, SyncState};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "fresh-workspace",
            line: Some(29),
            title: "a fresh workspace: every repository younger than a day, set up 19 h ago, no asset ever",
            verdict: "PartiallyConnected since hour 13, awaiting_first_sync",
            pages: &[(Rule::PartiallyConnected, Severity::Warning), (Rule::PartiallyConnected, Severity::Critical)],
            story: fresh_workspace,
        },
        Scenario {
            name: "empty-workspace",
            line: Some(29),
            title: "a fresh workspace is empty for a day, then gets its first repositories, which Snyk never takes in",
            verdict: "nothing_to_watch while it is empty; the 13 h of the first sync count from the end of that",
            pages: &[(Rule::PartiallyConnected, Severity::Warning)],
            story: empty_workspace,
        },
        Scenario {
            name: "one-of-two-missing",
            line: Some(54),
            title: "one of two repositories never reaches the Inventory",
            verdict: "inventory_incomplete after 7 days, the repository is named; told after 7 more",
            pages: &[(Rule::PartiallyConnected, Severity::Warning)],
            story: one_of_two_missing,
        },
        Scenario {
            name: "known-by-alias",
            line: Some(54),
            title: "Snyk knows four of 40 repositories under an address that is only an alias of theirs",
            verdict: "found: connected",
            pages: &[],
            story: known_by_alias,
        },
    ]
}

fn awaiting() -> E {
    E::Status(Group, Status::PartiallyConnected, Reason::AwaitingFirstSync)
}

/// A profile that never synchronises, set up then on a workspace without repositories.
fn stuck(began: DateTime<Utc>) -> Story {
    let mut world = World::acme(began).with_repositories(0);
    world.set_sync(ACME_PROFILE, SyncState::Stuck);
    Story::new(world, Some(began))
}

fn create(world: &mut World, repositories: usize) {
    for number in 0..repositories {
        world.create_repository(ACME_WORKSPACE, &format!("fresh-{number:03}"));
    }
}

fn fresh_workspace(start: DateTime<Utc>) -> Story {
    let overdue = |severity| only(Rule::PartiallyConnected, GROUP, severity);
    let mut story = stuck(start - hours(19));
    create(&mut story.world, 40);
    story
        .expect(
            minutes(10),
            [
                awaiting(),
                E::Condition(Group, Condition::InventoryPopulated, Truth::False, Reason::AwaitingFirstSync),
                E::Condition(Group, Condition::RepositoriesVisible, Truth::True, Reason::Ok),
                E::Progress { found: 0, missing: 40 },
                overdue(Severity::Warning),
                E::IncidentSays(Rule::PartiallyConnected, "since 2026-11-22 14:00 UTC"),
                E::IncidentSays(Rule::PartiallyConnected, "0 of 40 repositories"),
                E::IncidentSays(Rule::PartiallyConnected, "re-save the profile"),
            ],
        )
        .expect(clock(6, 55), [awaiting(), overdue(Severity::Warning)])
        .expect(clock(7, 5), [awaiting(), overdue(Severity::Critical)])
        .change(hours(8), "a Group Admin saves the profile again", |world| world.resave_profile(ACME_PROFILE))
        .expect(hours(12), [connected(Group), E::Progress { found: 40, missing: 0 }, quiet(), E::PagerQuiet])
}

fn empty_workspace(start: DateTime<Utc>) -> Story {
    let nothing = || E::Status(Group, Status::NothingToWatch, Reason::NothingToDiscover);
    stuck(start)
        .expect(minutes(5), [nothing(), E::NothingEverOpened])
        .expect(hours(20), [nothing(), E::NeverOpened(Rule::PartiallyConnected), E::PagesSoFar(0)])
        .change(hours(24), "the first three repositories are created", |world| create(world, 3))
        .expect(hours(36), [awaiting(), E::NeverOpened(Rule::PartiallyConnected), E::PagesSoFar(0)])
        .expect(
            hours(38),
            [
                awaiting(),
                only(Rule::PartiallyConnected, GROUP, Severity::Warning),
                E::IncidentSays(Rule::PartiallyConnected, "0 of 3 repositories"),
            ],
        )
}

fn one_of_two_missing(start: DateTime<Utc>) -> Story {
    let incomplete = || E::Status(Group, Status::PartiallyConnected, Reason::InventoryIncomplete);
    let mut story = settled(start, 2);
    story.world.overlook_repository("service-001");
    story
        .setup(|setup| setup.pace = Cadences::Hourly)
        .expect(hours(2), [connected(Group), E::Progress { found: 1, missing: 1 }, quiet()])
        .expect(days(6), [connected(Group), E::NothingEverOpened])
        .expect(
            days(8),
            [
                incomplete(),
                E::Condition(Group, Condition::InventoryComplete, Truth::False, Reason::InventoryIncomplete),
                E::Says(Group, "1 of 2 repositories"),
                E::Says(Group, "acme/service-001"),
                E::Says(Group, "check that the profile covers the missing repositories"),
                E::NothingEverOpened,
            ],
        )
        .expect(
            days(15),
            [
                incomplete(),
                only(Rule::PartiallyConnected, GROUP, Severity::Warning),
                E::IncidentSays(Rule::PartiallyConnected, "1 of 2 repositories"),
            ],
        )
        .change(days(15) + hours(1), "Snyk finds it, with its next commit", |world| {
            if let Some(repository) = world.repository_mut("service-001") {
                repository.discovery = Availability::Present;
            }
            world.push("service-001");
        })
        .expect(days(16), [connected(Group), E::Progress { found: 2, missing: 0 }, quiet(), E::PagerQuiet])
}

fn known_by_alias(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 40);
    story.world.advance(start);
    for number in 0..4 {
        let known_as = format!("https://bitbucket.org/acme/before-its-rename-{number}");
        story.world.alias_repository(&format!("service-{number:03}"), &known_as);
    }
    story
        .setup(|setup| setup.pace = Cadences::Hourly)
        .expect(
            hours(2),
            [
                connected(Group),
                E::Progress { found: 40, missing: 0 },
                E::Condition(Group, Condition::InventoryComplete, Truth::True, Reason::Ok),
                E::NothingEverOpened,
            ],
        )
        .expect(days(8), [connected(Group), E::Progress { found: 40, missing: 0 }, E::NothingEverOpened])
}
