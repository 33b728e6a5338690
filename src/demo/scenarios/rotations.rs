//! PATs that are replaced, in one place or everywhere, and dates that turn out wrong.

use super::prelude::*;
use crate::demo::scenario::{
    Expectation as E,
    Who::{EveryOrganization, Group, Organization},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{ACME_CREDENTIAL, ACME_PROFILE};

/// The new PAT.
pub(super) const NEW: &str = "snyk-integration-2";

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
        Scenario {
            name: "rotation-done-right",
            line: Some(43),
            title: "a rotation of twelve places, seen when eight are saved, and done within a day",
            verdict: "progress, and no incident",
            pages: &[],
            story: rotation_done_right,
        },
        Scenario {
            name: "rotation-left-half-done",
            line: Some(43),
            title: "the same rotation is left when eight of twelve places are saved",
            verdict: "RotationUnfinished after a day without progress, with the count and who is behind",
            pages: &[(Rule::RotationUnfinished, Severity::Warning)],
            story: rotation_left_half_done,
        },
        Scenario {
            name: "rotation-with-overlap",
            line: Some(55),
            title: "snykwatch has the new PAT, the Group still the old one, which lives for three more weeks",
            verdict: "old_token_still_valid with the deadline, connected weakly; RotationUnfinished after a day; never in \
                      step by assets that the old one moved",
            pages: &[(Rule::RotationUnfinished, Severity::Warning)],
            story: rotation_with_overlap,
        },
        Scenario {
            name: "rotation-outlived-by-the-old-token",
            line: Some(55),
            title: "the same, and the old PAT ends before the new one is saved at the Group",
            verdict: "RotationUnfinished, critical in its last day; its end alone ends nothing, an asset that moves later does",
            pages: &[
                (Rule::CredentialExpiring, Severity::Critical),
                (Rule::RotationUnfinished, Severity::Warning),
                (Rule::RotationUnfinished, Severity::Critical),
            ],
            story: rotation_outlived_by_the_old_token,
        },
    ]
}

/// The declared and the real end of the PAT.
pub(super) fn ending(mut story: Story, at: DateTime<Utc>) -> Story {
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

/// One Group and eleven Organizations; after an hour the PAT is rotated and saved in eight of these twelve places.
fn seen_half_way(start: DateTime<Utc>) -> Story {
    ending(settled_organizations(start, 22, 11), start + days(40))
        .expect(minutes(50), [connected(Group), connected(EveryOrganization), E::Organizations(11), quiet()])
        .change(hours(1), "the PAT is rotated, saved at the Group and in seven of eleven Organizations", |world| {
            rotate(world);
            save(world, 1..7);
        })
        .write_secret(hours(1), "bitbucket-acme", NEW)
        .expect(
            hours(8),
            [
                connected(Group),
                connected(Organization(6)),
                E::Condition(Organization(6), Condition::CredentialInStep, Truth::True, Reason::Ok),
                behind(7),
                behind(10),
                E::Condition(Group, Condition::CredentialInStep, Truth::Unknown, Reason::OldTokenStillValid),
                // The Group has it too, which nothing proves while the old one works.
                E::Rotation { credential: "bitbucket-acme", saved: 7, of: 12, outstanding: 5 },
                E::NothingEverOpened,
            ],
        )
}

fn behind(number: usize) -> E {
    E::Status(Organization(number), Status::PartiallyConnected, Reason::CredentialOutOfStep)
}

fn save(world: &mut World, organizations: std::ops::Range<usize>) {
    for number in organizations {
        world.save_at_organization(&format!("acme-team-{number:03}"), NEW);
    }
}

fn rotation_done_right(start: DateTime<Utc>) -> Story {
    seen_half_way(start)
        .change(hours(16), "the new PAT is saved in the other four, and the old one revoked", |world| {
            save(world, 7..11);
            world.revoke_credential(ACME_CREDENTIAL);
        })
        .declare_revoked(hours(17), "bitbucket-acme", days(1))
        .expect(
            hours(30),
            [
                connected(Group),
                connected(EveryOrganization),
                E::Condition(EveryOrganization, Condition::CredentialInStep, Truth::True, Reason::Ok),
                E::Condition(Group, Condition::CredentialInStep, Truth::True, Reason::Ok),
                E::Rotation { credential: "bitbucket-acme", saved: 12, of: 12, outstanding: 0 },
                E::NothingEverOpened,
            ],
        )
        .expect(days(3), [connected(Group), connected(EveryOrganization), E::NothingEverOpened])
}

fn rotation_left_half_done(start: DateTime<Utc>) -> Story {
    seen_half_way(start).expect(
        hours(27),
        [
            connected(Group),
            behind(7),
            behind(10),
            only(Rule::RotationUnfinished, PAT, Severity::Warning),
            E::Affects(Rule::RotationUnfinished, 5),
            E::IncidentSays(Rule::RotationUnfinished, "7 of 12"),
            E::IncidentSays(Rule::RotationUnfinished, "4 Organizations still on the old token"),
            E::IncidentSays(Rule::RotationUnfinished, "2027-01-02"),
            E::NeverOpened(Rule::CredentialOutOfStep),
        ],
    )
}

/// A new PAT that snykwatch has and that is saved nowhere in Snyk; the old one ends then.
fn overlapping(start: DateTime<Utc>, old_ends: DateTime<Utc>) -> Story {
    ending(settled(start, 20), old_ends)
        .setup(|setup| setup.pace = crate::demo::scenario::Cadences::Hourly)
        .expect(minutes(50), [connected(Group)])
        .change(hours(1), "a new PAT is made, and saved nowhere in Snyk", |world| {
            let ends = world.now + days(365);
            world.rotate_credential(ACME_CREDENTIAL, NEW, Some(ends));
        })
        .write_secret(hours(1), "bitbucket-acme", NEW)
}

/// The Group, whose assets move, while nothing tells with which PAT.
fn undecided() -> [E; 4] {
    [
        connected(Group),
        E::WeakConfidence(Group),
        E::Condition(Group, Condition::CredentialInStep, Truth::Unknown, Reason::OldTokenStillValid),
        E::Condition(Group, Condition::SyncCurrent, Truth::True, Reason::Ok),
    ]
}

fn unfinished(severity: Severity) -> E {
    only(Rule::RotationUnfinished, PAT, severity)
}

fn rotation_with_overlap(start: DateTime<Utc>) -> Story {
    let mut still_undecided = undecided().to_vec();
    still_undecided.push(unfinished(Severity::Warning));
    overlapping(start, start + days(21))
        .expect(hours(20), undecided())
        .expect(hours(20), [E::Says(Group, "2026-12-14"), quiet(), E::PagesSoFar(0)])
        .expect(
            hours(27),
            [
                unfinished(Severity::Warning),
                E::Affects(Rule::RotationUnfinished, 1),
                E::IncidentSays(Rule::RotationUnfinished, "The old token expires 2026-12-14"),
                E::IncidentSays(Rule::RotationUnfinished, "ave the new PAT in the profile"),
                E::IncidentSays(Rule::RotationUnfinished, "snykwatch plan rotate --revoked"),
            ],
        )
        .expect(days(5), still_undecided)
}

fn rotation_outlived_by_the_old_token(start: DateTime<Utc>) -> Story {
    overlapping(start, start + days(3))
        .expect(hours(6), undecided())
        // Its end is near.
        .expect(hours(6), [unfinished(Severity::Warning)])
        .expect(days(2) + hours(12), undecided())
        .expect(days(2) + hours(12), [unfinished(Severity::Critical)])
        // It has ended, and what it moved proves nothing of the new one: nobody has shown yet that that is saved.
        .expect(
            days(3) + hours(12),
            [
                E::Condition(Group, Condition::CredentialInStep, Truth::Unknown, Reason::NotProvenSinceRotation),
                unfinished(Severity::Critical),
            ],
        )
        .change(days(3) + hours(13), "a Group Admin saves the new PAT in the profile", |world| {
            world.save_at_group(ACME_PROFILE, NEW);
        })
        .expect(
            days(4),
            [
                connected(Group),
                E::Condition(Group, Condition::CredentialInStep, Truth::True, Reason::Ok),
                quiet(),
                E::PagerQuiet,
            ],
        )
}
