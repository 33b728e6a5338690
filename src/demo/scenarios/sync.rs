//! Synchronisation that stops, and what only looks as if it had.

use super::prelude::*;
use crate::demo::scenario::{Cadences, Expectation as E, Who::Group};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{ACME_PROFILE, Availability, SyncState};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "sync-stops-quietly",
            line: Some(13),
            title: "sync quietly stops after weeks of health, while repositories are busy",
            verdict: "stalled by the canary, although every repository is in the Inventory",
            pages: &[(Rule::SyncStalled, Severity::Warning), (Rule::SyncStalled, Severity::Critical)],
            story: sync_stops_quietly,
        },
        Scenario {
            name: "idle-month",
            line: Some(14),
            title: "nobody pushes for 30 days; one edit of metadata never moves its asset",
            verdict: "connected; no page",
            pages: &[],
            story: idle_month,
        },
        Scenario {
            name: "catalog-not-linked",
            line: Some(24),
            title: "catalog files exist, assets have no application context",
            verdict: "CatalogLinked false; the status is untouched",
            pages: &[],
            story: catalog_not_linked,
        },
    ]
}

fn sync_stops_quietly(start: DateTime<Utc>) -> Story {
    let began = start - days(21);
    let stalled = || E::Status(Group, Status::Stalled, Reason::SyncLagging);
    Story::new(World::acme(began).with_repositories(40), Some(began))
        .setup(|setup| setup.pace = Cadences::Hourly)
        .change(hours(1), "Snyk quietly stops synchronising", |world| world.set_sync(ACME_PROFILE, SyncState::Stuck))
        .expect(hours(24), [connected(Group), E::NothingEverOpened])
        .expect(
            hours(32),
            [
                stalled(),
                E::Condition(Group, Condition::SyncCurrent, Truth::False, Reason::SyncLagging),
                E::Condition(Group, Condition::InventoryComplete, Truth::True, Reason::Ok),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                only(Rule::SyncStalled, GROUP, Severity::Warning),
                E::IncidentSays(Rule::SyncStalled, "2026-11-23 09:00 UTC"),
                E::IncidentSays(Rule::SyncStalled, "save the profile again"),
            ],
        )
        .expect(hours(58), [stalled(), only(Rule::SyncStalled, GROUP, Severity::Critical)])
        .change(hours(59), "a Group Admin saves the profile again", |world| world.resave_profile(ACME_PROFILE))
        .expect(hours(62), [connected(Group), quiet()])
}

fn idle_month(start: DateTime<Utc>) -> Story {
    let began = start - days(26);
    let mut world = World::acme(began).with_repositories(20);
    world.stop_activity();
    Story::new(world, Some(began))
        .setup(|setup| setup.pace = Cadences::Hourly)
        .change(hours(1), "somebody edits a repository's description", |world| world.edit_metadata("service-007"))
        .expect(hours(30), [connected(Group)])
        .expect(
            days(4),
            [
                connected(Group),
                E::Condition(Group, Condition::SyncCurrent, Truth::True, Reason::Idle),
                E::NothingEverOpened,
            ],
        )
}

fn catalog_not_linked(start: DateTime<Utc>) -> Story {
    let began = start - SETTLED;
    let mut world = World::acme(began).with_repositories(20).with_backstage();
    if let Some(option) = world.profile_mut(ACME_PROFILE).and_then(|profile| profile.backstage.as_mut()) {
        option.enrichment = Availability::Absent;
    }
    Story::new(world, Some(began))
        .setup(|setup| {
            setup.backstage = true;
            setup.pace = Cadences::Hourly;
            setup.schedule = vec![("catalog", "{ every: 1h, sample: 20 }")];
        })
        .expect(
            hours(2),
            [
                connected(Group),
                E::Condition(Group, Condition::CatalogLinked, Truth::False, Reason::CatalogNotLinked),
                E::Says(Group, "10 of 10 repositories with a catalog file"),
                quiet(),
            ],
        )
        .expect(
            hours(26),
            [
                connected(Group),
                only(Rule::CatalogNotLinked, GROUP, Severity::Info),
                E::IncidentSays(Rule::CatalogNotLinked, "name of the catalog file"),
            ],
        )
        .change(hours(27), "enrichment works again", |world| {
            if let Some(option) = world.profile_mut(ACME_PROFILE).and_then(|profile| profile.backstage.as_mut()) {
                option.enrichment = Availability::Present;
            }
        })
        .expect(
            hours(51),
            [connected(Group), E::Condition(Group, Condition::CatalogLinked, Truth::True, Reason::Ok), quiet()],
        )
}
