//! The story of a plain `snykwatch demo`: from the set-up through a fault to its repair.

use super::prelude::*;
use crate::demo::scenario::{
    Expectation as E, PagerSetup,
    Who::{EveryOrganization, Group},
};
use crate::sandbox::world::{ACME_CREDENTIAL, ACME_PROFILE};

const NEW: &str = "snyk-integration-2";

pub(super) fn all() -> Vec<Scenario> {
    vec![Scenario {
        name: crate::demo::DEFAULT_SCENARIO,
        line: None,
        title: "a Group is set up, fills and works; then its PAT expires and is replaced",
        verdict: "Partially connected, progress, connected; one page with the cause; repaired and resolved",
        story,
    }]
}

fn story(start: DateTime<Utc>) -> Story {
    let mut world = World::acme(start).with_repositories(64).with_organizations(3);
    world.expire_credential(ACME_CREDENTIAL, start + hours(26));
    if let Some(profile) = world.profile_mut(ACME_PROFILE) {
        profile.fill.per_hour = Some(8.0);
    }
    Story::new(world, Some(start))
        .setup(|setup| {
            setup.organizations = true;
            setup.pager = PagerSetup::Configured;
            for credential in &mut setup.credentials {
                credential.admin_api = true;
                credential.expires_at = None;
            }
        })
        .expect(minutes(10), [E::Status(Group, Status::SetupInProgress, Reason::SetupInProgress)])
        .expect(
            hours(1),
            [
                E::Status(Group, Status::PartiallyConnected, Reason::AwaitingFirstSync),
                connected(EveryOrganization),
                E::NothingEverOpened,
                E::PagesSoFar(0),
            ],
        )
        .expect(
            hours(10),
            [E::Status(Group, Status::PartiallyConnected, Reason::InventoryIncomplete), E::CompletionExpected],
        )
        .expect(hours(15), [connected(Group)])
        .expect(hours(24), [connected(Group), only(Rule::CredentialExpiring, PAT, Severity::Critical)])
        .expect(
            clock(26, 15),
            [
                E::Status(Group, Status::ConnectionFailed, Reason::CredentialExpired),
                only(Rule::CredentialInvalid, PAT, Severity::Critical),
                E::Affects(Rule::CredentialInvalid, 4),
                E::Paged { rule: Rule::CredentialInvalid, times: 1 },
                E::ResolvedAtPager(Rule::CredentialExpiring),
            ],
        )
        .change(hours(28), "the owner of the bot account creates a new PAT", |world| {
            let ends = world.now + days(365);
            world.rotate_credential(ACME_CREDENTIAL, NEW, Some(ends));
        })
        .change(clock(28, 1), "the new PAT is saved in Snyk: at the Group and in each Organization", |world| {
            world.save_at_group(ACME_PROFILE, NEW);
            for slug in ["acme-team-000", "acme-team-001", "acme-team-002"] {
                world.save_at_organization(slug, NEW);
            }
        })
        .write_secret(clock(28, 10), "bitbucket-acme", NEW)
        .expect(
            hours(31),
            [
                connected(Group),
                connected(EveryOrganization),
                quiet(),
                E::PagerQuiet,
                E::ResolvedAtPager(Rule::CredentialInvalid),
                E::PagesSoFar(2),
            ],
        )
}
