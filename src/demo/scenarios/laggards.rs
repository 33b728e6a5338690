//! Repositories whose changes do not arrive, and movements that prove less than they seem to.

use super::prelude::*;
use crate::demo::scenario::{Cadences, Expectation as E, Who::Group};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{ACME_PROFILE, SyncState};

pub(super) fn all() -> Vec<Scenario> {
    let stalled: &[_] = &[(Rule::SyncStalled, Severity::Warning), (Rule::SyncStalled, Severity::Critical)];
    vec![
        Scenario {
            name: "asset-dated-in-ten-years",
            line: Some(35),
            title: "an asset carries a `last_sync` in ten years; later sync stops",
            verdict: "no instant at all: connected while the others move, stalled when they do not",
            pages: stalled,
            story: asset_dated_in_ten_years,
        },
        Scenario {
            name: "one-mover-beside-39",
            line: Some(35),
            title: "one of 40 assets moves, the changes of the other 39 do not arrive for days",
            verdict: "stalled / partial_stall, whatever else moves",
            pages: stalled,
            story: one_mover_beside_39,
        },
        Scenario {
            name: "three-laggards",
            line: Some(35),
            title: "the changes of three of 40 repositories do not arrive for days, those of the others do",
            verdict: "listed, not stalled: connected",
            pages: &[],
            story: three_laggards,
        },
    ]
}

fn lagging() -> E {
    E::Status(Group, Status::Stalled, Reason::SyncLagging)
}

fn stalled(severity: Severity) -> E {
    only(Rule::SyncStalled, GROUP, severity)
}

fn busy(start: DateTime<Utc>) -> Story {
    settled(start, 40).setup(|setup| setup.pace = Cadences::Hourly)
}

fn asset_dated_in_ten_years(start: DateTime<Utc>) -> Story {
    busy(start)
        .change(hours(1), "an asset is said to have been synchronised in ten years", |world| {
            let at = world.now + days(3652);
            world.misdate_asset("service-000", at);
        })
        .expect(hours(40), [connected(Group), E::NothingEverOpened])
        .change(hours(41), "Snyk quietly stops synchronising", |world| world.set_sync(ACME_PROFILE, SyncState::Stuck))
        .expect(
            hours(74),
            [
                lagging(),
                E::Condition(Group, Condition::SyncCurrent, Truth::False, Reason::SyncLagging),
                stalled(Severity::Warning),
                E::IncidentSays(Rule::SyncStalled, "save the profile again"),
            ],
        )
        .expect(hours(98), [lagging(), stalled(Severity::Critical)])
}

/// Changes of these repositories no longer reach their assets.
fn hold_back(world: &mut World, numbers: std::ops::Range<usize>) {
    let at = world.now;
    for number in numbers {
        world.misdate_asset(&format!("service-{number:03}"), at);
    }
}

fn one_mover_beside_39(start: DateTime<Utc>) -> Story {
    let partly = || E::Status(Group, Status::Stalled, Reason::PartialStall);
    busy(start)
        .change(hours(1), "the changes of 39 repositories no longer arrive", |world| hold_back(world, 1..40))
        .expect(
            hours(40),
            [
                connected(Group),
                E::Condition(Group, Condition::SyncCurrent, Truth::True, Reason::Ok),
                E::NothingEverOpened,
            ],
        )
        .expect(
            days(5),
            [
                partly(),
                E::Condition(Group, Condition::SyncCurrent, Truth::False, Reason::PartialStall),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                E::Says(Group, "39 repositories of 40 changed and not synced"),
                E::Says(Group, "re-save the profile"),
                stalled(Severity::Critical),
                E::IncidentSays(Rule::SyncStalled, "39 repositories"),
            ],
        )
}

fn three_laggards(start: DateTime<Utc>) -> Story {
    let listed = || E::Says(Group, "repositories changed and not synced yet");
    let current = || E::Condition(Group, Condition::SyncCurrent, Truth::True, Reason::Ok);
    busy(start)
        .change(hours(1), "the changes of three repositories no longer arrive", |world| hold_back(world, 0..3))
        .expect(days(2), [connected(Group), current(), listed(), E::NothingEverOpened])
        .expect(days(6), [connected(Group), current(), listed(), E::NothingEverOpened])
}
