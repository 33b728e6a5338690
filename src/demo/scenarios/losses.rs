//! Less to see than before: never good news, until something proves that it is rightly gone.

use super::prelude::*;
use crate::demo::scenario::{Expectation as E, Who::Group};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{ACME_ACCOUNT, ACME_PROFILE, ACME_WORKSPACE, RemovalReason, Role, SyncState};
use crate::sandbox::{Api, FaultKind};

pub(super) fn all() -> Vec<Scenario> {
    let vanished: &[_] = &[(Rule::RepositoriesVanished, Severity::Warning)];
    vec![
        Scenario {
            name: "sight-lost-then-inventory-empty",
            line: Some(31),
            title: "the account sees no repository any more, then the Inventory empties",
            verdict: "never connected; RepositoriesVanished, and nothing resolves",
            pages: &[(Rule::RepositoriesVanished, Severity::Warning), (Rule::RepositoriesVanished, Severity::Critical)],
            story: sight_lost_then_inventory_empty,
        },
        Scenario {
            name: "sight-of-most-lost",
            line: Some(31),
            title: "the account loses sight of 39 of 40 repositories, on both sides",
            verdict: "unknown / repositories_vanished; accepted, it is connected again",
            pages: vanished,
            story: sight_of_most_lost,
        },
        Scenario {
            name: "administrator-deletes-most",
            line: Some(31),
            title: "the account administers the workspace, and 39 of 40 repositories are really deleted",
            verdict: "gone by the administrator's own sight: nothing is told",
            pages: &[],
            story: administrator_deletes_most,
        },
        Scenario {
            name: "administrator-proof-comes-late",
            line: Some(31),
            title: "the same, while Bitbucket answers no question about a single repository for four hours",
            verdict: "RepositoriesVanished until it answers; gone by the administrator's own sight then, without a word of anybody",
            pages: vanished,
            story: administrator_proof_comes_late,
        },
        Scenario {
            name: "member-deletes-most",
            line: Some(31),
            title: "39 of 40 repositories are really deleted, and the account administers nothing",
            verdict: "a 404 proves nothing to it: RepositoriesVanished stays open",
            pages: vanished,
            story: member_deletes_most,
        },
        Scenario {
            name: "tidy-up-of-three",
            line: Some(31),
            title: "three of 40 repositories are deleted",
            verdict: "removed: listed, nobody is paged, connected",
            pages: &[],
            story: tidy_up_of_three,
        },
        Scenario {
            name: "everything-removed-as-archived",
            line: Some(32),
            title: "all assets are removed as archived, although no repository is",
            verdict: "partially_connected / inventory_lost",
            pages: &[(Rule::PartiallyConnected, Severity::Warning)],
            story: everything_removed_as_archived,
        },
        Scenario {
            name: "everything-flagged-as-archived",
            line: Some(32),
            title: "when snykwatch comes, every asset is flagged as archived, although no repository is, and sync has stopped for 30 days",
            verdict: "stalled: what Bitbucket does not call archived is judged all the same",
            pages: &[(Rule::SyncStalled, Severity::Warning), (Rule::SyncStalled, Severity::Critical)],
            story: everything_flagged_as_archived,
        },
        Scenario {
            name: "everything-ignored",
            line: Some(32),
            title: "the configuration ignores every repository",
            verdict: "nothing_to_watch, never connected",
            pages: &[],
            story: everything_ignored,
        },
        Scenario {
            name: "owner-left-private-workspace",
            line: Some(46),
            title: "the PAT's owner leaves a private workspace, which then answers 404",
            verdict: "hidden from this PAT or deleted: both are said, losing membership first",
            pages: &[(Rule::NamespaceNotFound, Severity::Critical)],
            story: owner_left_private_workspace,
        },
        Scenario {
            name: "repositories-recreated",
            line: Some(48),
            title: "30 of 40 repositories are deleted and created anew under the same names, and Snyk never takes them in",
            verdict: "the old assets do not count: inventory_incomplete after 26 h",
            pages: &[],
            story: repositories_recreated,
        },
        Scenario {
            name: "moved-by-plan",
            line: Some(60),
            title: "12 of 40 repositories are retired by plan, and five others vanish in the same hour",
            verdict: "what was planned is planned; RepositoriesVanished for the five",
            pages: vanished,
            story: moved_by_plan,
        },
    ]
}

fn vanished(severity: Severity) -> E {
    only(Rule::RepositoriesVanished, WORKSPACE, severity)
}

fn unexplained() -> E {
    E::Status(Group, Status::Unknown, Reason::RepositoriesVanished)
}

fn private(start: DateTime<Utc>, repositories: usize) -> Story {
    let mut story = settled(start, repositories);
    story.world.make_private(ACME_WORKSPACE);
    story
}

fn sight_lost_then_inventory_empty(start: DateTime<Utc>) -> Story {
    private(start, 40)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "the account loses its right to every repository", |world| {
            world.hide_repositories(ACME_ACCOUNT, ACME_WORKSPACE, usize::MAX);
        })
        .expect(hours(3), [unexplained(), vanished(Severity::Warning)])
        .change(hours(4), "the Inventory empties", |world| {
            world.remove_assets(RemovalReason::RepositoryDeleted, usize::MAX);
        })
        .expect(hours(6), [unexplained(), vanished(Severity::Warning), E::PagesSoFar(1)])
        .expect(hours(30), [unexplained(), vanished(Severity::Critical)])
}

fn sight_of_most_lost(start: DateTime<Utc>) -> Story {
    private(start, 40)
        .expect(minutes(50), [connected(Group), E::Progress { found: 40, missing: 0 }, quiet()])
        .change(hours(1), "the account loses its right to 39 of 40 repositories, and their assets go", |world| {
            world.hide_repositories(ACME_ACCOUNT, ACME_WORKSPACE, 39);
            world.remove_assets(RemovalReason::RepositoryDeleted, 39);
        })
        .expect(hours(3), [unexplained(), vanished(Severity::Warning)])
        .accept(hours(4), Rule::RepositoriesVanished, WORKSPACE)
        .expect(hours(6), [connected(Group), quiet(), E::PagerQuiet])
}

/// The account administers the workspace: it sees all of it.
fn administered(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 40);
    story.world.set_role(ACME_ACCOUNT, ACME_WORKSPACE, Role::Owner);
    story
}

fn delete_most(world: &mut World) {
    for number in 0..39 {
        world.delete_repository(&format!("service-{number:03}"));
    }
}

fn administrator_deletes_most(start: DateTime<Utc>) -> Story {
    administered(start)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "39 of 40 repositories are deleted", delete_most)
        .expect(hours(3), [connected(Group), quiet()])
        .expect(days(3), [connected(Group), E::NeverOpened(Rule::RepositoriesVanished), E::NothingEverOpened])
}

fn administrator_proof_comes_late(start: DateTime<Utc>) -> Story {
    administered(start)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "39 of 40 repositories are deleted, and Bitbucket tells of none by its id", |world| {
            delete_most(world);
            world.break_path(Api::Bitbucket, "/2.0/repositories/acme/%7B", FaultKind::Status(500));
        })
        .expect(hours(4), [unexplained(), vanished(Severity::Warning)])
        .change(hours(5), "it tells again", |world| world.faults.clear())
        .expect(
            hours(7),
            [connected(Group), quiet(), E::PagerQuiet, E::Resolved(Rule::RepositoriesVanished, "what became of them")],
        )
        .expect(days(2), [connected(Group), quiet(), E::PagesSoFar(1)])
}

fn member_deletes_most(start: DateTime<Utc>) -> Story {
    let mut story = private(start, 40);
    // An administrator of each repository, and a member of the workspace: it need not see all of it.
    story.world.hide_repositories(ACME_ACCOUNT, ACME_WORKSPACE, 0);
    story
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "39 of 40 repositories are deleted", delete_most)
        .expect(hours(4), [unexplained(), vanished(Severity::Warning)])
        .expect(hours(20), [unexplained(), vanished(Severity::Warning), E::PagesSoFar(1)])
}

fn tidy_up_of_three(start: DateTime<Utc>) -> Story {
    settled(start, 40)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "three repositories are deleted", |world| {
            for slug in ["service-001", "service-002", "service-003"] {
                world.delete_repository(slug);
            }
        })
        .expect(hours(3), [connected(Group), quiet()])
        .expect(days(3), [connected(Group), E::NeverOpened(Rule::RepositoriesVanished), E::NothingEverOpened])
}

fn everything_removed_as_archived(start: DateTime<Utc>) -> Story {
    let lost = || E::Status(Group, Status::PartiallyConnected, Reason::InventoryLost);
    settled(start, 20)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "every asset is removed as archived, and discovery stands still", |world| {
            world.overlook_workspace(ACME_WORKSPACE);
            world.remove_assets(RemovalReason::RepositoryArchived, usize::MAX);
        })
        .expect(hours(3), [lost(), quiet()])
        .expect(
            hours(16),
            [
                lost(),
                E::Condition(Group, Condition::InventoryPopulated, Truth::False, Reason::InventoryLost),
                only(Rule::PartiallyConnected, GROUP, Severity::Warning),
            ],
        )
}

fn everything_flagged_as_archived(start: DateTime<Utc>) -> Story {
    let began = start - days(40);
    let mut world = World::acme(began).with_repositories(20);
    world.advance(start - days(30));
    world.flag_archived(usize::MAX);
    world.set_sync(ACME_PROFILE, SyncState::Stuck);
    let stalled = || E::Status(Group, Status::Stalled, Reason::SyncLagging);
    Story::new(world, Some(began))
        .expect(hours(1), [E::Progress { found: 20, missing: 0 }, quiet()])
        // A change counts from when it was first seen.
        .expect(
            hours(30),
            [
                stalled(),
                E::Condition(Group, Condition::SyncCurrent, Truth::False, Reason::SyncLagging),
                E::Condition(Group, Condition::InventoryComplete, Truth::True, Reason::Ok),
                only(Rule::SyncStalled, GROUP, Severity::Warning),
                E::IncidentSays(Rule::SyncStalled, "save the profile again"),
            ],
        )
        .expect(hours(54), [stalled(), only(Rule::SyncStalled, GROUP, Severity::Critical)])
}

fn everything_ignored(start: DateTime<Utc>) -> Story {
    let nothing = || E::Status(Group, Status::NothingToWatch, Reason::NothingToDiscover);
    let mut story = settled(start, 20);
    story.setup.ignore = vec!["acme/*"];
    story.expect(hours(1), [nothing(), E::NothingEverOpened]).expect(hours(20), [nothing(), E::PagesSoFar(0)])
}

fn owner_left_private_workspace(start: DateTime<Utc>) -> Story {
    private(start, 20)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "the account behind the PAT leaves the workspace", |world| {
            world.leave_workspace(ACME_ACCOUNT, ACME_WORKSPACE);
        })
        .expect(
            hours(3),
            [
                E::Status(Group, Status::ConnectionFailed, Reason::NamespaceNotVisible),
                only(Rule::NamespaceNotFound, WORKSPACE, Severity::Critical),
                E::IncidentSays(Rule::NamespaceNotFound, "member"),
                E::NeverOpened(Rule::RepositoriesVanished),
                E::NeverOpened(Rule::CredentialInvalid),
            ],
        )
}

fn repositories_recreated(start: DateTime<Utc>) -> Story {
    let incomplete = || E::Status(Group, Status::PartiallyConnected, Reason::InventoryIncomplete);
    settled(start, 40)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "30 repositories are deleted and created anew, and discovery overlooks them", |world| {
            for number in 0..30 {
                let slug = format!("service-{number:03}");
                world.recreate_repository(&slug);
                world.overlook_repository(&slug);
            }
        })
        .expect(hours(30), [incomplete(), quiet()])
        .expect(days(3), [incomplete(), E::NeverOpened(Rule::RepositoriesVanished)])
}

fn moved_by_plan(start: DateTime<Utc>) -> Story {
    private(start, 40)
        .expect(minutes(50), [connected(Group), quiet()])
        .plan(hours(1), "retire", "acme/service-00*", days(2), None)
        .change(hours(2), "ten repositories are retired, and the account loses its right to five others", |world| {
            for number in 0..10 {
                world.delete_repository(&format!("service-{number:03}"));
            }
            for number in 20..25 {
                world.hide_repository(ACME_ACCOUNT, ACME_WORKSPACE, &format!("service-{number:03}"));
            }
        })
        .expect(hours(4), [vanished(Severity::Warning), E::IncidentSays(Rule::RepositoriesVanished, "5 ")])
}
