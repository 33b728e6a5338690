//! Who is told, and how often: a problem that comes and goes, and planned work at night.

use super::prelude::*;
use crate::demo::scenario::{Expectation as E, Who::Group};
use crate::sandbox::world::{ACME_CREDENTIAL, CredentialState};

const FLAPPING: &[(Rule, Severity)] = &[(Rule::CredentialInvalid, Severity::Critical); 4];
const NIGHTLY: &[(Rule, Severity)] =
    &[(Rule::PermissionsMissing, Severity::Warning), (Rule::CredentialInvalid, Severity::Critical)];

pub(super) fn all() -> Vec<Scenario> {
    let line = |name, title, verdict, pages, story| Scenario { name, line: Some(52), title, verdict, pages, story };
    vec![
        line(
            "flapping-every-two-minutes",
            "the PAT is rejected and accepted again every two minutes for an hour",
            "told three times, then once as flapping; its end once, after it was well for 30 min",
            FLAPPING,
            flapping,
        ),
        line(
            "nightly-maintenance",
            "a maintenance window every night over an old problem; in one night the PAT is revoked",
            "the old problem is never told again; what began inside is told at the window's end",
            NIGHTLY,
            nightly_maintenance,
        ),
    ]
}

fn revoke(world: &mut World) {
    world.revoke_credential(ACME_CREDENTIAL);
}

fn allow(world: &mut World) {
    if let Some(credential) = world.credential_mut(ACME_CREDENTIAL) {
        credential.state = CredentialState::Allowed;
    }
}

fn flapping(start: DateTime<Utc>) -> Story {
    let story = settled(start, 20).setup(|setup| setup.schedule = vec![("credentials", "{ every: 1m }")]);
    let story = (0..15).fold(story, |story, round| {
        let at = minutes(60 + 4 * round);
        story.change(at, "the PAT is revoked", revoke).change(at + minutes(2), "it is allowed again", allow)
    });
    let open = only(Rule::CredentialInvalid, PAT, Severity::Critical);
    story
        .expect(minutes(119), [open.clone(), E::PagesSoFar(4), E::PageSays(Rule::CredentialInvalid, "flapping")])
        .expect(minutes(140), [open, E::PagesSoFar(4)])
        .expect(
            hours(3),
            [
                connected(Group),
                quiet(),
                E::PagesSoFar(4),
                E::PagerQuiet,
                E::ResolvedAtPager(Rule::CredentialInvalid),
                E::Resolved(Rule::CredentialInvalid, "it was flapping, and well since"),
            ],
        )
}

/// The nights are from 22:00 to 02:00; the story begins at 09:00.
fn nightly_maintenance(start: DateTime<Utc>) -> Story {
    let missing = (Rule::PermissionsMissing, PAT, Severity::Warning);
    let mut story = settled(start, 20).setup(|setup| {
        setup.alerts = vec![
            "times:",
            "  night: { zone: UTC, days: [mon, tue, wed, thu, fri, sat, sun], from: \"22:00\", to: \"02:00\" }",
            "maintenance:",
            "  - { name: nightly backup, weekly: night }",
        ];
    });
    story.world.take_scope(ACME_CREDENTIAL, "write:webhook:bitbucket");
    story
        .expect(hours(2), [connected(Group), E::Open(vec![missing]), E::PagesSoFar(1)])
        .expect(hours(18), [E::Open(vec![missing]), E::PagesSoFar(1)])
        .change(hours(38), "the PAT is revoked at 23:00", revoke)
        .expect(clock(41, 10), [E::PagesSoFar(2), E::Paged { rule: Rule::CredentialInvalid, times: 1 }])
        .change(hours(42), "it is allowed again", allow)
        .expect(hours(45), [connected(Group), E::Open(vec![missing]), E::ResolvedAtPager(Rule::CredentialInvalid)])
        .expect(hours(66), [connected(Group), E::Open(vec![missing]), E::PagesSoFar(2)])
}
