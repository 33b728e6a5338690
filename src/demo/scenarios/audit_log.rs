//! What an Organization's audit log tells of the saving of a PAT, and what it does not.

use super::prelude::*;
use super::rotations::{NEW, ending};
use crate::demo::scenario::{
    Cadences, Expectation as E,
    Who::{EveryOrganization, Group, Organization},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{ACME_CREDENTIAL, ACME_PROFILE, ACME_SNYK_TOKEN, EmptyPage, IntegrationNaming};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "another-integration-saved",
            line: Some(37),
            title: "after a rotation, an Organization saves its GitHub integration, not that of Bitbucket",
            verdict: "credential_out_of_step: an event of another integration proves nothing",
            pages: &[],
            story: another_integration_saved,
        },
        Scenario {
            name: "unnamed-save-event",
            line: Some(37),
            title: "after a rotation, audit events say that an integration was saved, and not which",
            verdict: "unknown / unnamed_event beside two integrations, in step where there is one; connected, weakly",
            pages: &[],
            story: unnamed_save_event,
        },
        Scenario {
            name: "audit-pages-without-items",
            line: Some(37),
            title: "the audit log comes in pages of an hour, most of them without `items`",
            verdict: "read on: who saved the PAT is in step, who did not is not",
            pages: &[],
            story: audit_pages_without_items,
        },
        Scenario {
            name: "rotated-150-days-ago",
            line: Some(37),
            title: "the PAT was rotated 150 days ago, as declared; Snyk keeps its audit log for 90",
            verdict: "unknown / beyond_audit_log and connected, weakly; in step where a saving is still in the log",
            pages: &[],
            story: rotated_150_days_ago,
        },
    ]
}

fn in_step(who: crate::demo::scenario::Who, truth: Truth, reason: Reason) -> E {
    E::Condition(who, Condition::CredentialInStep, truth, reason)
}

fn behind(number: usize) -> [E; 2] {
    [
        E::Status(Organization(number), Status::PartiallyConnected, Reason::CredentialOutOfStep),
        in_step(Organization(number), Truth::False, Reason::CredentialOutOfStep),
    ]
}

/// Three Organizations, and a PAT that lives for 40 days more.
fn before_a_rotation(start: DateTime<Utc>) -> Story {
    ending(settled_organizations(start, 21, 3), start + days(40))
}

fn rotate(world: &mut World, saved_in: &[&str]) {
    let ends = world.now + days(365);
    world.rotate_credential(ACME_CREDENTIAL, NEW, Some(ends));
    world.save_at_group(ACME_PROFILE, NEW);
    for slug in saved_in {
        world.save_at_organization(slug, NEW);
    }
}

fn another_integration_saved(start: DateTime<Utc>) -> Story {
    let mut expected = vec![connected(Group), connected(Organization(0)), connected(Organization(2)), quiet()];
    expected.push(in_step(Organization(0), Truth::True, Reason::Ok));
    expected.extend(behind(1));
    expected.push(E::Says(Organization(1), "save the new PAT"));
    before_a_rotation(start)
        .change(minutes(20), "an Organization connects GitHub too", |world| {
            world.save_other_integration("acme-team-001", "github");
        })
        .expect(minutes(50), [connected(Group), connected(EveryOrganization), quiet()])
        .change(hours(1), "the PAT is rotated, and saved everywhere but in Organization 1", |world| {
            rotate(world, &["acme-team-000", "acme-team-002"]);
        })
        .write_secret(hours(1), "bitbucket-acme", NEW)
        .change(hours(2), "Organization 1 saves its GitHub integration", |world| {
            world.save_other_integration("acme-team-001", "github");
        })
        .expect(hours(5), expected)
}

fn unnamed_save_event(start: DateTime<Utc>) -> Story {
    let mut story = before_a_rotation(start);
    story.world.save_other_integration("acme-team-001", "github");
    story.world.snyk.audit.naming = IntegrationNaming::Unnamed;
    story
        .expect(minutes(50), [connected(Group), connected(EveryOrganization), quiet()])
        .change(hours(1), "the PAT is rotated, and saved in Organizations 0 and 1", |world| {
            rotate(world, &["acme-team-000", "acme-team-001"]);
        })
        .write_secret(hours(1), "bitbucket-acme", NEW)
        .expect(
            hours(5),
            [
                connected(Organization(0)),
                in_step(Organization(0), Truth::True, Reason::Ok),
                connected(Organization(1)),
                in_step(Organization(1), Truth::Unknown, Reason::UnnamedEvent),
                E::WeakConfidence(Organization(1)),
                in_step(Organization(2), Truth::False, Reason::CredentialOutOfStep),
                quiet(),
            ],
        )
}

fn audit_pages_without_items(start: DateTime<Utc>) -> Story {
    let mut story = before_a_rotation(start);
    story.world.snyk.audit.bucket = Some(hours(1));
    story.world.snyk.audit.empty_page = EmptyPage::WithoutItems;
    let mut expected = vec![connected(Group), connected(Organization(0)), connected(Organization(1)), quiet()];
    expected.extend([0, 1].map(|number| in_step(Organization(number), Truth::True, Reason::Ok)));
    expected.extend(behind(2));
    story
        .expect(minutes(50), [connected(Group), connected(EveryOrganization), quiet()])
        .change(hours(1), "the PAT is rotated, and saved in Organization 0", |world| rotate(world, &["acme-team-000"]))
        .write_secret(hours(1), "bitbucket-acme", NEW)
        .change(hours(5), "it is saved in Organization 1", |world| world.save_at_organization("acme-team-001", NEW))
        .expect(hours(20), expected)
}

fn rotated_150_days_ago(start: DateTime<Utc>) -> Story {
    let began = start - days(200);
    let mut world = World::acme(began).with_repositories(20).with_organizations(2);
    world.advance(start - days(30));
    world.expire_snyk_token(ACME_SNYK_TOKEN, start + days(300));
    world.save_at_organization("acme-team-001", ACME_CREDENTIAL);
    Story::new(world, Some(began))
        .setup(move |setup| {
            setup.organizations = true;
            setup.pace = Cadences::Hourly;
            for credential in &mut setup.credentials {
                credential.rotated_at = Some(start - days(150));
            }
        })
        .expect(
            hours(5),
            [
                connected(EveryOrganization),
                in_step(Organization(0), Truth::Unknown, Reason::BeyondAuditLog),
                E::WeakConfidence(Organization(0)),
                // Saved 30 days ago: that the log has.
                in_step(Organization(1), Truth::True, Reason::Ok),
                connected(Group),
                E::NothingEverOpened,
            ],
        )
        .expect(hours(30), [connected(EveryOrganization), E::NothingEverOpened])
}
