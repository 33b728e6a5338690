//! Repositories that come, go and change: none of it is missing or stalled.

use super::prelude::*;
use crate::demo::scenario::{Cadences, Expectation as E, Who::Group};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;

pub(super) fn all() -> Vec<Scenario> {
    vec![Scenario {
        name: "odd-repositories",
        line: Some(15),
        title: "repositories are deleted, archived, renamed, transferred, empty, personal, a minute old, or differ in letter case",
        verdict: "none counts as missing or stalled; connected",
        pages: &[],
        story: odd_repositories,
    }]
}

fn odd_repositories(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 24);
    let elsewhere = story.world.add_account("acme-other", "Other", "other@acme.example");
    story.world.add_workspace("elsewhere", elsewhere);
    story
        .setup(|setup| setup.pace = Cadences::Hourly)
        .expect(minutes(50), [connected(Group), E::Progress { found: 24, missing: 0 }])
        .change(hours(1), "one repository is deleted, archived, renamed and transferred each", |world| {
            world.delete_repository("service-001");
            world.delete_repository("service-002");
            world.archive_repository("service-003");
            world.archive_repository("service-004");
            world.rename_repository("service-005", "Payments-Gateway");
            world.rename_repository("service-006", "Payments-Ledger");
            world.transfer_repository("service-007", "elsewhere");
            world.transfer_repository("service-008", "elsewhere");
        })
        .change(hours(1), "two are empty, two are personal", |world| {
            world.create_empty_repository("acme", "hollow");
            world.create_empty_repository("acme", "hollow-too");
            for slug in ["service-009", "service-010"] {
                if let Some(repository) = world.repository_mut(slug) {
                    repository.personal = true;
                }
                world.push(slug);
            }
        })
        .change(hours(1), "Snyk writes the addresses of three in other letters, and forgets their ids", |world| {
            for slug in ["service-011", "service-012", "service-013"] {
                if let Some(asset) = world.asset_mut(slug) {
                    asset.url = asset.url.replace("service", "Service");
                    asset.scm_id = None;
                }
            }
        })
        .change(hours(50), "three repositories are created a minute ago", |world| {
            for slug in ["fresh-a", "fresh-b", "fresh-c"] {
                world.create_repository("acme", slug);
            }
        })
        .expect(clock(50, 5), [connected(Group), quiet()])
        .expect(
            hours(52),
            [
                connected(Group),
                E::Condition(Group, Condition::InventoryComplete, Truth::True, Reason::Ok),
                E::Condition(Group, Condition::SyncCurrent, Truth::True, Reason::Ok),
                E::NothingEverOpened,
            ],
        )
        .expect(days(6), [connected(Group), E::NothingEverOpened])
}
