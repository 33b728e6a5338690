//! When nobody watched: the daemon was down, or blind for a while. Verdicts, timers and pages are as if it had watched.

use super::prelude::*;
use crate::demo::scenario::{Expectation as E, Who::Group};
use crate::sandbox::world::{ACME_CREDENTIAL, ACME_PROFILE, CredentialState, SyncState};
use crate::sandbox::{Api, FaultKind};

pub(super) fn all() -> Vec<Scenario> {
    let down = |name, title, verdict, pages, story| Scenario { name, line: Some(27), title, verdict, pages, story };
    let blind = |name, title, story| Scenario {
        name,
        line: Some(28),
        title,
        verdict: "the page still comes at hour 13, and once",
        pages: &[(Rule::PartiallyConnected, Severity::Warning), (Rule::PartiallyConnected, Severity::Critical)],
        story,
    };
    vec![
        down(
            "down-while-things-broke",
            "snykwatch is down for a day; meanwhile the PAT is revoked",
            "one page as soon as it is up again, marked with the gap",
            &[(Rule::CredentialInvalid, Severity::Critical)],
            down_while_things_broke,
        ),
        down(
            "down-while-things-healed",
            "snykwatch is down for a day; meanwhile the revoked PAT is allowed again",
            "resolved as soon as it is up again, marked with the gap; no second page",
            &[(Rule::CredentialInvalid, Severity::Critical)],
            down_while_things_healed,
        ),
        down(
            "down-while-a-page-came-due",
            "the first sync never comes; snykwatch is down while the page came due",
            "critical at once, because its time had come; no warning before it",
            &[(Rule::PartiallyConnected, Severity::Critical)],
            down_while_a_page_came_due,
        ),
        blind(
            "snyk-blind-spot-at-hour-12",
            "the first sync never comes; Snyk does not answer for 40 minutes at hour 12",
            |start| blind_spot(start, Api::Snyk),
        ),
        blind(
            "bitbucket-blind-spot-at-hour-12",
            "the first sync never comes; Bitbucket does not answer for 40 minutes at hour 12",
            |start| blind_spot(start, Api::Bitbucket),
        ),
        Scenario {
            name: "ten-restarts-while-nothing-answers",
            line: Some(33),
            title: "snykwatch is restarted ten times, 6 minutes apart, while Snyk does not answer",
            verdict: "unknown 15 min after the first start, or when the evidence is too old; the restarts lengthen nothing",
            pages: &[(Rule::UpstreamUnreachable, Severity::Warning)],
            story: ten_restarts,
        },
    ]
}

fn rejected() -> [E; 2] {
    [
        E::Status(Group, Status::ConnectionFailed, Reason::CredentialRejected),
        only(Rule::CredentialInvalid, PAT, Severity::Critical),
    ]
}

fn down_while_things_broke(start: DateTime<Utc>) -> Story {
    settled(start, 20)
        .expect(hours(1), [connected(Group), quiet(), E::PagesSoFar(0)])
        .down(hours(2), hours(26))
        .change(hours(3), "the PAT is revoked", |world| world.revoke_credential(ACME_CREDENTIAL))
        .up()
        .expect(clock(26, 10), rejected())
        .expect(
            clock(26, 10),
            [
                E::Paged { rule: Rule::CredentialInvalid, times: 1 },
                E::PagesSoFar(1),
                E::PageSays(
                    Rule::CredentialInvalid,
                    "did not run from 2026-11-23 11:00 UTC to 2026-11-24 11:00 UTC: it may have begun in that time",
                ),
            ],
        )
        .change(hours(27), "the revocation is taken back", allow)
        .expect(hours(28), [connected(Group), quiet(), E::PagerQuiet, E::ResolvedAtPager(Rule::CredentialInvalid)])
}

fn down_while_things_healed(start: DateTime<Utc>) -> Story {
    settled(start, 20)
        .change(hours(1), "the PAT is revoked", |world| world.revoke_credential(ACME_CREDENTIAL))
        .expect(minutes(70), rejected())
        .expect(minutes(70), [E::PagesSoFar(1)])
        .down(hours(2), hours(26))
        .change(hours(3), "the revocation is taken back", allow)
        .up()
        .expect(
            hours(27),
            [
                connected(Group),
                quiet(),
                E::PagerQuiet,
                E::Resolved(Rule::CredentialInvalid, "did not run from 2026-11-23 11:00 UTC"),
                E::ResolvedAtPager(Rule::CredentialInvalid),
                E::PagesSoFar(1),
            ],
        )
}

fn down_while_a_page_came_due(start: DateTime<Utc>) -> Story {
    never_synced(start).expect(hours(2), [awaiting(), E::NothingEverOpened]).down(hours(3), hours(27)).up().expect(
        clock(27, 10),
        [
            awaiting(),
            only(Rule::PartiallyConnected, GROUP, Severity::Critical),
            E::PageSays(Rule::PartiallyConnected, "for 27 h (since 2026-11-23 09:00 UTC)"),
            E::PageSays(Rule::PartiallyConnected, "did not run from 2026-11-23 12:00 UTC to 2026-11-24 12:00 UTC"),
            E::PagesSoFar(1),
        ],
    )
}

fn ten_restarts(start: DateTime<Utc>) -> Story {
    let story = settled(start, 20).expect(minutes(55), [connected(Group), quiet()]).change(
        hours(1),
        "Snyk does not answer",
        |world| world.break_api(Api::Snyk, FaultKind::Status(503)),
    );
    // Up for a minute, down for 6: each stop is a gap.
    let story = (0..10).fold(story, |story, restart| {
        let from = clock(1, 1 + 7 * restart);
        story.down(from, from + minutes(6)).up()
    });
    story
        // 70 min and more after the first start, and after the last answer about the token.
        .expect(clock(2, 20), [E::KnownBelowUnknown(Group, Status::Connected)])
        .expect(hours(5), [only(Rule::UpstreamUnreachable, SNYK_API, Severity::Warning), E::PagesSoFar(1)])
        .change(clock(5, 10), "Snyk answers again", |world| world.repair(Api::Snyk))
        .expect(clock(7, 30), [connected(Group), quiet(), E::PagerQuiet])
}

fn blind_spot(start: DateTime<Utc>, api: Api) -> Story {
    never_synced(start)
        .expect(clock(11, 55), [awaiting(), E::NothingEverOpened])
        .change(hours(12), "nobody answers", move |world| world.break_api(api, FaultKind::Status(503)))
        .change(clock(12, 40), "everybody answers again", move |world| world.repair(api))
        .expect(clock(12, 55), [awaiting(), E::PagesSoFar(0)])
        .expect(
            clock(13, 5),
            [
                awaiting(),
                only(Rule::PartiallyConnected, GROUP, Severity::Warning),
                E::Paged { rule: Rule::PartiallyConnected, times: 1 },
                E::PagesSoFar(1),
            ],
        )
        // The escalation is a page of its own, and the end of the one before.
        .expect(
            clock(26, 5),
            [
                only(Rule::PartiallyConnected, GROUP, Severity::Critical),
                E::Paged { rule: Rule::PartiallyConnected, times: 2 },
            ],
        )
}

/// Freshly set up, and the first sync never comes.
fn never_synced(start: DateTime<Utc>) -> Story {
    let mut world = World::acme(start).with_repositories(40);
    world.set_sync(ACME_PROFILE, SyncState::Stuck);
    Story::new(world, Some(start))
}

fn awaiting() -> E {
    E::Status(Group, Status::PartiallyConnected, Reason::AwaitingFirstSync)
}

fn allow(world: &mut World) {
    if let Some(credential) = world.credential_mut(ACME_CREDENTIAL) {
        credential.state = CredentialState::Allowed;
    }
}
