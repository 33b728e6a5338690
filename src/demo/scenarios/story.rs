//! The story of a plain `snykwatch demo`: what the daemon is for, from the page to the repair.

use super::prelude::*;
use crate::demo::scenario::{
    Expectation as E,
    Who::{EveryOrganization, Group},
};
use crate::sandbox::world::{ACME_CREDENTIAL, ACME_PROFILE, SyncState};

const NEW: &str = "snyk-integration-2";

pub(super) fn all() -> Vec<Scenario> {
    vec![Scenario {
        name: crate::demo::DEFAULT_SCENARIO,
        line: None,
        title: "a Group stays Partially connected until somebody is paged; later its PAT is revoked and replaced",
        verdict: "a page at 13 h, a critical one at 26 h, resolved after the repair; one page for the PAT and all that \
                  hangs on it",
        pages: &[
            (Rule::PartiallyConnected, Severity::Warning),
            (Rule::PartiallyConnected, Severity::Critical),
            (Rule::CredentialInvalid, Severity::Critical),
        ],
        story,
    }]
}

fn story(start: DateTime<Utc>) -> Story {
    let mut world = World::acme(start).with_repositories(64).with_organizations(3);
    world.set_sync(ACME_PROFILE, SyncState::Stuck);
    if let Some(profile) = world.profile_mut(ACME_PROFILE) {
        profile.fill.per_hour = Some(32.0);
    }
    let story = Story::new(world, Some(start)).setup(watch_organizations);
    pat_revoked(never_synchronised(story))
}

/// The first sync never comes, until the profile is saved again.
fn never_synchronised(story: Story) -> Story {
    let waiting = || E::Status(Group, Status::PartiallyConnected, Reason::AwaitingFirstSync);
    let overdue = |severity| only(Rule::PartiallyConnected, GROUP, severity);
    story
        .expect(minutes(10), [E::Status(Group, Status::SetupInProgress, Reason::SetupInProgress)])
        .expect(hours(1), [waiting(), connected(EveryOrganization), E::NothingEverOpened, E::PagesSoFar(0)])
        .expect(clock(12, 55), [waiting(), E::NothingEverOpened, E::PagesSoFar(0)])
        .expect(
            clock(13, 5),
            [
                waiting(),
                overdue(Severity::Warning),
                E::PagesSoFar(1),
                E::PageSays(Rule::PartiallyConnected, "0 of 64 repositories"),
                E::PageSays(Rule::PartiallyConnected, "re-save the profile"),
            ],
        )
        .expect(clock(26, 5), [waiting(), overdue(Severity::Critical), E::PagesSoFar(2)])
        .change(clock(28, 30), "a Group Admin reads the page and saves the profile again", |world| {
            world.resave_profile(ACME_PROFILE);
        })
        .expect(
            hours(31),
            [E::Status(Group, Status::PartiallyConnected, Reason::InventoryIncomplete), E::CompletionExpected],
        )
        .expect(
            hours(33),
            [
                connected(Group),
                E::Progress { found: 64, missing: 0 },
                quiet(),
                E::PagerQuiet,
                E::ResolvedAtPager(Rule::PartiallyConnected),
                E::PagesSoFar(2),
            ],
        )
}

/// One cause, and whatever hangs on it.
fn pat_revoked(story: Story) -> Story {
    story
        .change(hours(36), "an administrator revokes the PAT", |world| world.revoke_credential(ACME_CREDENTIAL))
        .expect(
            clock(36, 15),
            [
                E::Status(Group, Status::ConnectionFailed, Reason::CredentialRejected),
                E::Status(EveryOrganization, Status::ConnectionFailed, Reason::CredentialRejected),
                only(Rule::CredentialInvalid, PAT, Severity::Critical),
                E::Affects(Rule::CredentialInvalid, 4),
                E::Paged { rule: Rule::CredentialInvalid, times: 1 },
                E::PageSays(Rule::CredentialInvalid, "1 Group integration and 3 Organizations"),
                E::PagesSoFar(3),
            ],
        )
        .change(hours(38), "the owner of the bot account creates a new PAT", |world| {
            let ends = world.now + days(365);
            world.rotate_credential(ACME_CREDENTIAL, NEW, Some(ends));
        })
        .change(clock(38, 1), "it is saved in Snyk: at the Group and in each Organization", |world| {
            world.save_at_group(ACME_PROFILE, NEW);
            for slug in ["acme-team-000", "acme-team-001", "acme-team-002"] {
                world.save_at_organization(slug, NEW);
            }
        })
        .write_secret(clock(38, 10), "bitbucket-acme", NEW)
        .expect(
            hours(40),
            [
                connected(Group),
                connected(EveryOrganization),
                E::ResolvedAtPager(Rule::CredentialInvalid),
                E::PagerQuiet,
                E::PagesSoFar(3),
            ],
        )
}
