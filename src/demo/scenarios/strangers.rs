//! Answers about another subject than the one that was asked for, and things that are there twice.

use super::prelude::*;
use super::rotations::{NEW, ending};
use crate::demo::scenario::{
    Cadences, Expectation as E,
    Who::{EveryOrganization, Group, Organization},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{
    ACME_ACCOUNT, ACME_CREDENTIAL, ACME_PROFILE, ACME_WORKSPACE, Availability, IntegrationNaming, SyncState,
};
use crate::sandbox::{Api, Fault, FaultKind};

pub(super) fn all() -> Vec<Scenario> {
    let own = |name, title, verdict, pages, story| Scenario { name, line: None, title, verdict, pages, story };
    let vanished: &[_] = &[(Rule::RepositoriesVanished, Severity::Warning)];
    let stalled: &[_] = &[(Rule::SyncStalled, Severity::Warning), (Rule::SyncStalled, Severity::Critical)];
    vec![
        own(
            "repositories-padded-with-repeats",
            "Bitbucket's list of repositories is as long as it says, and 12 of 40 are others for the second time",
            "the list is not complete: unknown in those words, and no repository vanished",
            &[(Rule::StatusUnknown, Severity::Warning)],
            repositories_padded_with_repeats,
        ),
        own(
            "repository-listed-twice",
            "Bitbucket lists all 40 repositories, and one of them twice",
            "complete: connected",
            &[],
            repository_listed_twice,
        ),
        own(
            "stale-twin-assets",
            "the Inventory has eight of 40 repositories a second time, in assets that never move",
            "a repository is as current as its most current asset: connected",
            &[],
            stale_twin_assets,
        ),
        own(
            "twin-assets-and-sync-stops",
            "the Inventory has every repository twice; later sync stops",
            "connected; stalled when neither of the two moves",
            stalled,
            twin_assets_and_sync_stops,
        ),
        own(
            "listing-of-two-groups",
            "the list of the Group's Organizations has those of another Group too",
            "who names another Group is not ours: nothing changes",
            &[],
            listing_of_two_groups,
        ),
        own(
            "moved-organization-still-listed",
            "an Organization moves to another Group, and the old one's list still has it, with its new Group",
            "gone, and nobody is paged",
            &[],
            moved_organization_still_listed,
        ),
        own(
            "audit-log-of-the-neighbours",
            "after a rotation, an Organization's audit log has the events of its neighbours too",
            "another Organization's save proves nothing: out of step",
            &[],
            audit_log_of_the_neighbours,
        ),
        own(
            "audit-events-without-organization",
            "after a rotation, audit events do not tell their Organization",
            "they are in its own log: in step",
            &[],
            audit_events_without_organization,
        ),
        own(
            "another-workspace-takes-the-name",
            "the workspace is renamed, and another one of the same account takes its name",
            "unknown / namespace_renamed with the new name; the repositories did not vanish",
            &[(Rule::NamespaceNotFound, Severity::Warning)],
            another_workspace_takes_the_name,
        ),
        own(
            "workspace-made-anew",
            "the workspace disappears, and its account makes another one under its name",
            "an administrator of the new one does not see the old one: RepositoriesVanished, not gone",
            vanished,
            workspace_made_anew,
        ),
    ]
}

fn busy(start: DateTime<Utc>) -> Story {
    settled(start, 40).setup(|setup| setup.pace = Cadences::Hourly)
}

/// The list of repositories misbehaves, and nothing else does.
fn break_repositories(world: &mut World, kind: FaultKind) {
    world.faults.push(Fault::on(Api::Bitbucket, kind).at("/2.0/repositories/acme"));
}

fn repositories_padded_with_repeats(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 40);
    break_repositories(&mut story.world, FaultKind::Padded(12));
    story
        .expect(
            hours(3),
            [
                E::Status(Group, Status::Unknown, Reason::ListIncomplete),
                only(Rule::StatusUnknown, GROUP, Severity::Warning),
                E::NeverOpened(Rule::RepositoriesVanished),
            ],
        )
        .change(hours(4), "it is whole again", |world| world.repair(Api::Bitbucket))
        .expect(hours(6), [connected(Group), E::Progress { found: 40, missing: 0 }, quiet(), E::PagerQuiet])
}

fn repository_listed_twice(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 40);
    break_repositories(&mut story.world, FaultKind::ItemTwice);
    story.expect(hours(3), [connected(Group), E::Progress { found: 40, missing: 0 }, E::NothingEverOpened])
}

fn double(world: &mut World, repositories: usize) {
    for number in 0..repositories {
        world.double_asset(&format!("service-{number:03}"));
    }
}

fn stale_twin_assets(start: DateTime<Utc>) -> Story {
    let current = || E::Condition(Group, Condition::SyncCurrent, Truth::True, Reason::Ok);
    busy(start)
        .change(hours(1), "eight repositories have a second asset, which never moves", |world| double(world, 8))
        .expect(days(2), [connected(Group), current(), E::NothingEverOpened])
        .expect(days(6), [connected(Group), current(), E::NothingEverOpened])
}

fn twin_assets_and_sync_stops(start: DateTime<Utc>) -> Story {
    let lagging = || E::Status(Group, Status::Stalled, Reason::SyncLagging);
    busy(start)
        .change(hours(1), "every repository has a second asset, which never moves", |world| double(world, 40))
        .expect(hours(40), [connected(Group), E::Progress { found: 40, missing: 0 }, E::NothingEverOpened])
        .change(hours(41), "Snyk quietly stops synchronising", |world| world.set_sync(ACME_PROFILE, SyncState::Stuck))
        .expect(hours(74), [lagging(), only(Rule::SyncStalled, GROUP, Severity::Warning)])
        .expect(hours(98), [lagging(), only(Rule::SyncStalled, GROUP, Severity::Critical)])
}

/// The Group with so many Organizations, and another Group with one, which our token does not see.
fn beside_another_group(start: DateTime<Utc>, organizations: usize) -> Story {
    let mut story = settled_organizations(start, 20, organizations);
    let labs = story.world.add_group("acme-labs", "labs");
    story.world.add_organization(labs, "acme-labs-team");
    story
}

fn listing_of_two_groups(start: DateTime<Utc>) -> Story {
    beside_another_group(start, 2)
        .expect(minutes(50), [connected(Group), E::Organizations(2), connected(EveryOrganization), quiet()])
        .change(hours(1), "the list of Organizations forgets to which Group it belongs", |world| {
            world.snyk.listing_filter = Availability::Absent;
        })
        .expect(hours(8), [connected(Group), E::Organizations(2), connected(EveryOrganization), E::NothingEverOpened])
}

fn moved_organization_still_listed(start: DateTime<Utc>) -> Story {
    beside_another_group(start, 5)
        .expect(minutes(50), [connected(EveryOrganization), E::Organizations(5), quiet()])
        .change(
            hours(1),
            "an Organization moves to the other Group, and the list of the old one still has it",
            |world| {
                let labs = world.snyk.groups.last().map(|group| group.id);
                if let Some(labs) = labs {
                    world.move_organization("acme-team-004", labs);
                }
                world.snyk.listing_filter = Availability::Absent;
            },
        )
        .expect(hours(6), [connected(EveryOrganization), E::Organizations(4), E::NothingEverOpened])
}

/// Three Organizations; after an hour the PAT is rotated, saved at the Group, and in so many of them.
fn rotated(start: DateTime<Utc>, saved: usize) -> Story {
    ending(settled_organizations(start, 21, 3), start + days(40))
        .expect(minutes(50), [connected(Group), connected(EveryOrganization), quiet()])
        .change(hours(1), "the PAT is rotated and saved; events name the type of the integration", move |world| {
            world.snyk.audit.naming = IntegrationNaming::SourceType;
            let ends = world.now + days(365);
            world.rotate_credential(ACME_CREDENTIAL, NEW, Some(ends));
            world.save_at_group(ACME_PROFILE, NEW);
            for number in 0..saved {
                world.save_at_organization(&format!("acme-team-{number:03}"), NEW);
            }
        })
        .write_secret(hours(1), "bitbucket-acme", NEW)
}

fn in_step(number: usize, truth: Truth, reason: Reason) -> E {
    E::Condition(Organization(number), Condition::CredentialInStep, truth, reason)
}

fn audit_log_of_the_neighbours(start: DateTime<Utc>) -> Story {
    let behind = |number| E::Status(Organization(number), Status::PartiallyConnected, Reason::CredentialOutOfStep);
    let mut story = rotated(start, 1);
    story.world.snyk.audit.filter = Availability::Absent;
    story.expect(hours(4), [connected(Organization(0)), behind(1), behind(2), quiet()])
}

fn audit_events_without_organization(start: DateTime<Utc>) -> Story {
    let mut story = rotated(start, 3);
    story.world.snyk.audit.organization_named = Availability::Absent;
    story.expect(
        hours(4),
        [
            connected(EveryOrganization),
            in_step(0, Truth::True, Reason::Ok),
            in_step(2, Truth::True, Reason::Ok),
            E::NothingEverOpened,
        ],
    )
}

/// Two repositories appear in the workspace that has the name now.
fn begin_anew(world: &mut World) {
    world.reuse_slug(ACME_WORKSPACE, ACME_ACCOUNT);
    world.create_repository(ACME_WORKSPACE, "website");
    world.create_repository(ACME_WORKSPACE, "handbook");
}

fn another_workspace_takes_the_name(start: DateTime<Utc>) -> Story {
    let renamed = || E::Status(Group, Status::Unknown, Reason::NamespaceRenamed);
    settled(start, 20)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "the workspace becomes acme-old, and another one is called acme", |world| {
            world.rename_workspace(ACME_WORKSPACE, "acme-old");
            begin_anew(world);
        })
        .expect(
            hours(4),
            [
                renamed(),
                only(Rule::NamespaceNotFound, WORKSPACE, Severity::Warning),
                E::IncidentSays(Rule::NamespaceNotFound, "acme-old"),
                E::NeverOpened(Rule::RepositoriesVanished),
            ],
        )
        .expect(hours(20), [renamed(), E::PagesSoFar(1)])
}

fn workspace_made_anew(start: DateTime<Utc>) -> Story {
    let unexplained = || E::Status(Group, Status::Unknown, Reason::RepositoriesVanished);
    settled(start, 20)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "the workspace is gone, and another one is called acme", |world| {
            world.delete_workspace(ACME_WORKSPACE);
            begin_anew(world);
        })
        .expect(
            hours(4),
            [unexplained(), only(Rule::RepositoriesVanished, WORKSPACE, Severity::Warning), E::PagesSoFar(1)],
        )
        .expect(hours(20), [unexplained(), E::PagesSoFar(1)])
}
