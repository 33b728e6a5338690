//! The first days of a Group integration: waiting, filling, and what does not come.

use super::prelude::*;
use crate::demo::scenario::{Cadences, Expectation as E, Who::Group};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{ACME_PROFILE, SyncState};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "first-sync-not-due",
            line: Some(1),
            title: "the profile was just configured; the first sync is not due yet",
            verdict: "setup_in_progress for 15 min, then awaiting the first sync with the time when it is due; nobody is paged",
            pages: &[],
            story: first_sync_not_due,
        },
        Scenario {
            name: "first-sync-never-comes",
            line: Some(2),
            title: "the first sync never comes",
            verdict: "PartiallyConnected at 13 h, critical at 26 h; next step: re-save the profile",
            pages: &[(Rule::PartiallyConnected, Severity::Warning), (Rule::PartiallyConnected, Severity::Critical)],
            story: |start| first_sync_never_comes(Story::new(stuck(start), Some(start))),
        },
        Scenario {
            name: "first-sync-never-comes-undated",
            line: Some(2),
            title: "the same, set up two days before snykwatch came, and nobody declared when",
            verdict: "the time counts from when snykwatch first saw it",
            pages: &[(Rule::PartiallyConnected, Severity::Warning), (Rule::PartiallyConnected, Severity::Critical)],
            story: |start| first_sync_never_comes(Story::new(stuck(start - days(2)), None)),
        },
        Scenario {
            name: "first-sync-never-came",
            line: Some(2),
            title: "the same, configured two days before snykwatch came, as the operator declared",
            verdict: "the time counts from `configured_at`: critical at once",
            pages: &[(Rule::PartiallyConnected, Severity::Critical)],
            story: first_sync_never_came,
        },
        Scenario {
            name: "first-fill-takes-long",
            line: Some(3),
            title: "the first fill is in progress for longer than 13 h",
            verdict: "progress and expected completion; no page; connected at the threshold",
            pages: &[],
            story: first_fill_takes_long,
        },
        Scenario {
            name: "first-fill-stops",
            line: Some(4),
            title: "the first fill stops at 40 %",
            verdict: "inventory_incomplete with the missing repositories; one incident after 7 days without progress",
            pages: &[(Rule::PartiallyConnected, Severity::Warning)],
            story: first_fill_stops,
        },
    ]
}

fn first_sync_not_due(start: DateTime<Utc>) -> Story {
    let world = World::acme(start).with_repositories(40);
    Story::new(world, Some(start))
        .expect(
            minutes(10),
            [
                E::Status(Group, Status::SetupInProgress, Reason::SetupInProgress),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                E::Condition(Group, Condition::PermissionsGranted, Truth::True, Reason::Ok),
                E::Condition(Group, Condition::RepositoriesVisible, Truth::True, Reason::Ok),
                E::NothingEverOpened,
            ],
        )
        .expect(
            minutes(25),
            [
                E::Status(Group, Status::PartiallyConnected, Reason::AwaitingFirstSync),
                E::Condition(Group, Condition::InventoryPopulated, Truth::False, Reason::AwaitingFirstSync),
                E::Says(Group, "0 of 40 repositories"),
                E::Says(Group, "due by 2026-11-23 15:00 UTC"),
            ],
        )
        .expect(clock(5, 50), [E::Status(Group, Status::PartiallyConnected, Reason::AwaitingFirstSync), quiet()])
        .expect(hours(7), [connected(Group), E::Progress { found: 40, missing: 0 }, E::NothingEverOpened])
}

/// A world whose profile never synchronises, configured at `at`.
fn stuck(at: DateTime<Utc>) -> World {
    let mut world = World::acme(at).with_repositories(40);
    world.set_sync(ACME_PROFILE, SyncState::Stuck);
    world
}

fn first_sync_never_comes(story: Story) -> Story {
    let overdue = |severity| only(Rule::PartiallyConnected, GROUP, severity);
    let waiting = || E::Status(Group, Status::PartiallyConnected, Reason::AwaitingFirstSync);
    story
        .expect(clock(12, 55), [waiting(), E::NothingEverOpened])
        .expect(
            clock(13, 5),
            [
                waiting(),
                overdue(Severity::Warning),
                E::IncidentSays(Rule::PartiallyConnected, "0 of 40 repositories"),
                E::IncidentSays(Rule::PartiallyConnected, "re-save the profile"),
                E::IncidentSays(Rule::PartiallyConnected, "Group Admin"),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
            ],
        )
        .expect(clock(25, 55), [waiting(), overdue(Severity::Warning)])
        .expect(clock(26, 5), [waiting(), overdue(Severity::Critical)])
        .change(hours(27), "a Group Admin saves the profile again", |world| world.resave_profile(ACME_PROFILE))
        .expect(hours(31), [connected(Group), quiet()])
}

fn first_sync_never_came(start: DateTime<Utc>) -> Story {
    Story::new(stuck(start - days(2)), Some(start - days(2))).expect(
        minutes(10),
        [
            E::Status(Group, Status::PartiallyConnected, Reason::AwaitingFirstSync),
            only(Rule::PartiallyConnected, GROUP, Severity::Critical),
            E::IncidentSays(Rule::PartiallyConnected, "for 2 d (since 2026-11-21 09:00 UTC)"),
        ],
    )
}

fn first_fill_takes_long(start: DateTime<Utc>) -> Story {
    let mut world = World::acme(start);
    if let Some(profile) = world.profile_mut(ACME_PROFILE) {
        profile.fill.per_hour = Some(8.0);
    }
    Story::new(world, Some(start))
        .expect(
            hours(8),
            [
                E::Status(Group, Status::PartiallyConnected, Reason::InventoryIncomplete),
                E::FoundBetween(8, 16),
                E::CompletionExpected,
                E::Says(Group, "no action needed: the first fill goes on, complete by 2026-11-2"),
            ],
        )
        .expect(
            hours(14),
            [
                E::Status(Group, Status::PartiallyConnected, Reason::InventoryIncomplete),
                E::FoundBetween(56, 64),
                E::CompletionExpected,
                E::Says(Group, "of 128 repositories"),
                E::Says(Group, "expected to be complete"),
                E::Says(Group, "no action needed: the first fill goes on, complete by 2026-11-2"),
                quiet(),
            ],
        )
        .expect(hours(21), [E::Status(Group, Status::PartiallyConnected, Reason::InventoryIncomplete)])
        .expect(
            clock(22, 20),
            [
                connected(Group),
                E::Condition(Group, Condition::InventoryComplete, Truth::True, Reason::Ok),
                E::NothingEverOpened,
            ],
        )
}

fn first_fill_stops(start: DateTime<Utc>) -> Story {
    let mut world = World::acme(start).with_repositories(30);
    if let Some(profile) = world.profile_mut(ACME_PROFILE) {
        profile.fill.per_hour = Some(8.0);
        profile.fill.stop_at = Some(0.4);
    }
    let partial = || E::Status(Group, Status::PartiallyConnected, Reason::InventoryIncomplete);
    Story::new(world, Some(start))
        .setup(|setup| setup.pace = Cadences::Hourly)
        .expect(
            days(1),
            [
                partial(),
                E::Progress { found: 12, missing: 18 },
                E::Says(Group, "12 of 30 repositories"),
                E::Says(Group, "acme/service-029"),
                E::Says(Group, "check that the profile covers the missing repositories and re-save it"),
                quiet(),
            ],
        )
        .expect(days(7), [partial(), E::NothingEverOpened])
        .expect(
            days(7) + hours(12),
            [
                partial(),
                only(Rule::PartiallyConnected, GROUP, Severity::Warning),
                E::IncidentSays(Rule::PartiallyConnected, "12 of 30 repositories"),
                E::IncidentSays(Rule::PartiallyConnected, "missing repositories"),
            ],
        )
        .change(days(7) + hours(13), "a Group Admin saves the profile again", |world| {
            world.resave_profile(ACME_PROFILE);
        })
        .expect(days(8), [connected(Group), quiet()])
}
