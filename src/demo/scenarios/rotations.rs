//! PATs that are replaced, in one place or everywhere, and dates that turn out wrong.

use super::prelude::*;
use crate::demo::scenario::{
    Expectation as E,
    Who::{EveryOrganization, Group, Organization},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{ACME_CREDENTIAL, ACME_PROFILE};

const NEW: &str = "snyk-integration-2";

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "rotated-at-the-group-only",
            line: Some(11),
            title: "the PAT is rotated and saved at the Group and in one of three Organizations",
            verdict: "the other two are credential_out_of_step; after a day without progress one incident lists who still has \
                      the old PAT, with its end as deadline",
            pages: &[(Rule::RotationUnfinished, Severity::Warning)],
            story: rotated_at_the_group_only,
        },
        Scenario {
            name: "old-pat-revoked-after-rotation",
            line: Some(11),
            title: "the PAT is rotated and saved at the Group; the old one works for another day, then it is revoked",
            verdict: "nothing is proved while the old one is accepted; in step by the first asset that moves after its end",
            pages: &[],
            story: old_pat_revoked_after_rotation,
        },
        Scenario {
            name: "pat-replaced-in-time",
            line: Some(26),
            title: "an expiring PAT is replaced before the date, in one of two Organizations not yet",
            verdict: "CredentialExpiring resolves as superseded and says that the rotation goes on; it is told as such when it stands still",
            pages: &[(Rule::CredentialExpiring, Severity::Warning)],
            story: pat_replaced_in_time,
        },
        Scenario {
            name: "declared-date-passes",
            line: Some(26),
            title: "the declared date passes while the PAT works",
            verdict: "a warning to correct the date; connected all along",
            pages: &[(Rule::CredentialExpiring, Severity::Critical), (Rule::DeclaredDateOutdated, Severity::Warning)],
            story: declared_date_passes,
        },
    ]
}

/// The declared and the real end of the PAT.
fn ending(mut story: Story, at: DateTime<Utc>) -> Story {
    story.world.expire_credential(ACME_CREDENTIAL, at);
    story.setup(move |setup| setup.credentials.iter_mut().for_each(|credential| credential.expires_at = Some(at)))
}

fn rotate(world: &mut World) {
    let ends = world.now + days(365);
    world.rotate_credential(ACME_CREDENTIAL, NEW, Some(ends));
    world.save_at_group(ACME_PROFILE, NEW);
    world.save_at_organization("acme-team-000", NEW);
}

fn rotated_at_the_group_only(start: DateTime<Utc>) -> Story {
    let behind = |number| E::Status(Organization(number), Status::PartiallyConnected, Reason::CredentialOutOfStep);
    ending(settled_organizations(start, 21, 3), start + days(40))
        .expect(minutes(50), [connected(Group), connected(EveryOrganization), quiet()])
        .change(hours(1), "the PAT is rotated, saved at the Group and in Organization 0", rotate)
        .write_secret(hours(1), "bitbucket-acme", NEW)
        .expect(
            hours(4),
            [
                connected(Group),
                connected(Organization(0)),
                behind(1),
                behind(2),
                E::Condition(Organization(1), Condition::CredentialInStep, Truth::False, Reason::CredentialOutOfStep),
                E::Condition(Group, Condition::CredentialInStep, Truth::Unknown, Reason::OldTokenStillValid),
                quiet(),
            ],
        )
        .expect(
            hours(27),
            [
                behind(1),
                behind(2),
                only(Rule::RotationUnfinished, PAT, Severity::Warning),
                E::Affects(Rule::RotationUnfinished, 3),
                E::IncidentSays(Rule::RotationUnfinished, "2027-01-02"),
                E::IncidentSays(Rule::RotationUnfinished, "ave the new PAT"),
                E::NeverOpened(Rule::CredentialOutOfStep),
            ],
        )
        .change(hours(28), "the new PAT is saved in the other two", |world| {
            world.save_at_organization("acme-team-001", NEW);
            world.save_at_organization("acme-team-002", NEW);
        })
        // Until the old one ends, its assets may still come with that.
        .expect(hours(30), [connected(Group), connected(EveryOrganization), E::Affects(Rule::RotationUnfinished, 1)])
}

fn old_pat_revoked_after_rotation(start: DateTime<Utc>) -> Story {
    let in_step = |truth, reason| E::Condition(Group, Condition::CredentialInStep, truth, reason);
    settled(start, 20)
        .change(hours(1), "the PAT is rotated and saved at the Group", |world| {
            let ends = world.now + days(365);
            world.rotate_credential(ACME_CREDENTIAL, NEW, Some(ends));
            world.save_at_group(ACME_PROFILE, NEW);
        })
        .write_secret(hours(1), "bitbucket-acme", NEW)
        .expect(hours(4), [connected(Group), in_step(Truth::Unknown, Reason::OldTokenStillValid), quiet()])
        // Assets have moved since.
        .expect(hours(20), [connected(Group), in_step(Truth::Unknown, Reason::OldTokenStillValid), quiet()])
        .change(hours(21), "the old PAT is revoked", |world| world.revoke_credential(ACME_CREDENTIAL))
        .expect(
            days(3),
            [
                connected(Group),
                in_step(Truth::True, Reason::Ok),
                E::Says(Group, "after the end of the old token"),
                E::NeverOpened(Rule::RotationUnfinished),
                E::NothingEverOpened,
            ],
        )
}

fn pat_replaced_in_time(start: DateTime<Utc>) -> Story {
    ending(settled_organizations(start, 20, 2), start + days(10))
        .expect(
            minutes(50),
            [
                connected(Group),
                connected(EveryOrganization),
                E::Condition(Group, Condition::CredentialFresh, Truth::False, Reason::CredentialExpiring),
                only(Rule::CredentialExpiring, PAT, Severity::Warning),
                E::IncidentSays(Rule::CredentialExpiring, "2026-12-03"),
            ],
        )
        .change(hours(1), "the PAT is rotated, saved at the Group and in Organization 0", rotate)
        .write_secret(hours(1), "bitbucket-acme", NEW)
        .expect(
            hours(4),
            [
                connected(Group),
                connected(Organization(0)),
                E::Status(Organization(1), Status::PartiallyConnected, Reason::CredentialOutOfStep),
                E::Condition(Group, Condition::CredentialFresh, Truth::Unknown, Reason::Superseded),
                E::Resolved(Rule::CredentialExpiring, "superseded"),
                E::Resolved(Rule::CredentialExpiring, "the rotation goes on"),
                quiet(),
            ],
        )
}

fn declared_date_passes(start: DateTime<Utc>) -> Story {
    settled(start, 20)
        .setup(move |setup| {
            setup.credentials.iter_mut().for_each(|credential| credential.expires_at = Some(start + hours(2)));
        })
        .expect(hours(1), [connected(Group), only(Rule::CredentialExpiring, PAT, Severity::Critical)])
        .expect(
            hours(3),
            [
                connected(Group),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                E::Condition(Group, Condition::CredentialFresh, Truth::Unknown, Reason::DeclaredDateOutdated),
                only(Rule::DeclaredDateOutdated, PAT, Severity::Warning),
                E::IncidentSays(Rule::DeclaredDateOutdated, "Correct `expires_at`"),
                E::NeverOpened(Rule::CredentialInvalid),
            ],
        )
}
