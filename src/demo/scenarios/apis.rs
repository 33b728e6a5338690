//! What a vendor changes: endpoints that disappear, fields that are renamed, versions that end.

use super::prelude::*;
use crate::demo::scenario::{
    Expectation as E,
    Who::{EveryOrganization, Group},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{AssetSearch, InventoryAssets, Lifecycle};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "inventory-assets-disappears",
            line: Some(21),
            title: "Snyk's beta endpoint that tells `last_sync` disappears",
            verdict: "falls back to the asset search with weak confidence; connected",
            pages: &[],
            story: |start| weaker(start, InventoryAssets::Absent),
        },
        Scenario {
            name: "last-sync-renamed",
            line: Some(21),
            title: "Snyk renames the field `last_sync`",
            verdict: "falls back to `updated_at` with weak confidence; connected",
            pages: &[],
            story: |start| weaker(start, InventoryAssets::LastSyncRenamed),
        },
        Scenario {
            name: "both-asset-lists-disappear",
            line: Some(21),
            title: "both of Snyk's asset lists disappear",
            verdict: "unknown, and says that it is the Inventory that is not seen; the rest goes on",
            pages: &[(Rule::StatusUnknown, Severity::Warning)],
            story: both_asset_lists_disappear,
        },
        Scenario {
            name: "api-version-ends",
            line: Some(22),
            title: "Snyk announces the end of the API version we use",
            verdict: "ApiVersionEnding with the date; a warning two weeks before",
            pages: &[(Rule::ApiVersionEnding, Severity::Warning)],
            story: api_version_ends,
        },
    ]
}

fn weaker(start: DateTime<Utc>, becomes: InventoryAssets) -> Story {
    settled(start, 20)
        .expect(minutes(50), [connected(Group)])
        .change(hours(1), "Snyk changes `inventory/assets`", move |world| world.snyk.inventory_assets = becomes)
        .expect(
            hours(8),
            [
                connected(Group),
                E::WeakConfidence(Group),
                E::Condition(Group, Condition::SyncCurrent, Truth::True, Reason::Ok),
                E::NothingEverOpened,
            ],
        )
}

fn both_asset_lists_disappear(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 1)
        .change(hours(1), "Snyk takes both asset lists away", |world| {
            world.snyk.inventory_assets = InventoryAssets::Absent;
            world.snyk.asset_search = AssetSearch::Absent;
        })
        .expect(hours(2), [connected(Group), quiet()])
        .expect(
            hours(6),
            [
                E::KnownBelowUnknown(Group, Status::Connected),
                E::Condition(Group, Condition::InventoryPopulated, Truth::Unknown, Reason::EndpointNotFound),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                E::Condition(Group, Condition::RepositoriesVisible, Truth::True, Reason::Ok),
                E::Says(Group, "the Inventory"),
                connected(EveryOrganization),
                only(Rule::StatusUnknown, GROUP, Severity::Warning),
                E::IncidentSays(Rule::StatusUnknown, "the API answered 404"),
            ],
        )
}

fn api_version_ends(start: DateTime<Utc>) -> Story {
    let announce = |days: u64| {
        move |world: &mut World| {
            world.snyk.lifecycle = Some(Lifecycle {
                stage: "deprecated".to_owned(),
                deprecation: Some(world.now),
                sunset: world.now.date_naive().checked_add_days(chrono::Days::new(days)),
            });
        }
    };
    let ending = |severity| only(Rule::ApiVersionEnding, SNYK_API, severity);
    settled(start, 20)
        .change(hours(1), "Snyk announces the end of the version, in 50 days", announce(50))
        .expect(
            hours(2),
            [
                connected(Group),
                ending(Severity::Info),
                E::IncidentSays(Rule::ApiVersionEnding, "2027-01-12"),
                E::IncidentSays(Rule::ApiVersionEnding, "Update snykwatch"),
            ],
        )
        .change(hours(3), "the end is 10 days away", announce(10))
        .expect(hours(4), [connected(Group), ending(Severity::Warning)])
        .change(hours(5), "the announcement is taken back", |world| world.snyk.lifecycle = None)
        .expect(hours(32), [connected(Group), quiet()])
}
