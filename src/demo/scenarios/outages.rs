//! APIs that are down, throttled, or lie: what is known is kept with its age, nothing resolves, nobody is blamed.

use std::time::Duration;

use super::prelude::*;
use crate::demo::scenario::{
    Expectation as E,
    Who::{EveryOrganization, Group},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::RetryAfter;
use crate::sandbox::{Api, FaultKind};

/// Larger than any honest answer.
const OVERSIZED_BYTES: u64 = 200 << 20;

/// What is heard of most of them.
const ONCE: &[(Rule, Severity)] = &[(Rule::UpstreamUnreachable, Severity::Warning)];

/// What is to be said of every outage.
const ONE: &str = "the state is kept with its age, then unknown; one UpstreamUnreachable, no credential is blamed";

pub(super) fn all() -> Vec<Scenario> {
    let told = |name, title, verdict, pages, story| Scenario { name, line: Some(20), title, verdict, pages, story };
    let line = |name, title, verdict, story| told(name, title, verdict, ONCE, story);
    vec![
        told(
            "snyk-outage",
            "Snyk answers 503 for a day and more",
            ONE,
            &[(Rule::UpstreamUnreachable, Severity::Warning), (Rule::UpstreamUnreachable, Severity::Critical)],
            snyk_outage,
        ),
        line("snyk-maintenance", "Snyk is under maintenance", ONE, |start| snyk_fails(start, &FaultKind::Maintenance)),
        line("snyk-truncated-json", "Snyk's answers stop in their middle", ONE, |start| {
            snyk_fails(start, &FaultKind::TruncatedJson)
        }),
        line("snyk-html-with-200", "Snyk answers 200 with a page for people", ONE, |start| {
            snyk_fails(start, &FaultKind::HtmlWithOk)
        }),
        line("snyk-oversized-answers", "Snyk's answers do not end", ONE, |start| {
            snyk_fails(start, &FaultKind::Oversized(OVERSIZED_BYTES))
        }),
        line("snyk-hangs", "Snyk takes connections and never answers", ONE, |start| {
            // Each request that hangs costs its timeout in real time: few, and short.
            snyk_fails(start, &FaultKind::Hang).setup(|setup| {
                setup.request_timeout = Some("200ms");
                setup.schedule = vec![("snyk", "{ every: 1h }"), ("inventory", "{ every: 1h }")];
            })
        }),
        told(
            "bitbucket-outage",
            "Bitbucket answers 502 while an incident is open",
            "the same, and the open incident stays open",
            &[(Rule::PermissionsMissing, Severity::Warning), (Rule::UpstreamUnreachable, Severity::Warning)],
            bitbucket_outage,
        ),
        line("bitbucket-rate-limited", "Bitbucket answers 429 to everything", ONE, |start| {
            bitbucket_fails(
                start,
                &FaultKind::RateLimited(RetryAfter::Sent, Duration::from_mins(10)),
                Reason::RateLimited,
            )
        }),
        line("bitbucket-brownout", "Bitbucket answers 410 for some hours", ONE, |start| {
            bitbucket_fails(start, &FaultKind::Brownout, Reason::EndpointGone)
        }),
        line("bitbucket-html-with-200", "Bitbucket answers 200 with a login page", ONE, |start| {
            bitbucket_fails(start, &FaultKind::HtmlWithOk, Reason::AnswerNotUnderstood)
        }),
        line("bitbucket-redirects-to-login", "Bitbucket redirects to a login page on another host", ONE, |start| {
            bitbucket_fails(start, &FaultKind::LoginRedirect, Reason::AnswerNotUnderstood)
        }),
        line("bitbucket-redirect-loop", "Bitbucket redirects to itself", ONE, |start| {
            bitbucket_fails(start, &FaultKind::RedirectLoop, Reason::AnswerNotUnderstood)
        }),
        line("bitbucket-cuts-connections", "Bitbucket cuts every connection", ONE, |start| {
            bitbucket_fails(start, &FaultKind::ConnectionReset, Reason::UpstreamFailing)
        }),
        told(
            "bitbucket-next-page-elsewhere",
            "Bitbucket's lists go on at another host",
            "no secret goes there; the lists age, the rest goes on",
            &[(Rule::StatusUnknown, Severity::Warning)],
            next_page_elsewhere,
        ),
    ]
}

/// What stands while Snyk fails, three hours in.
fn blind_to_snyk() -> Vec<E> {
    vec![
        E::KnownBelowUnknown(Group, Status::Connected),
        E::KnownBelowUnknown(EveryOrganization, Status::Connected),
        E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
        only(Rule::UpstreamUnreachable, SNYK_API, Severity::Warning),
        E::Affects(Rule::UpstreamUnreachable, 2),
        E::IncidentSays(Rule::UpstreamUnreachable, "no credential is to blame"),
        E::NeverOpened(Rule::SnykTokenInvalid),
        E::NeverOpened(Rule::CredentialInvalid),
        E::NothingSentElsewhere,
    ]
}

fn snyk_fails(start: DateTime<Utc>, kind: &FaultKind) -> Story {
    let kind = kind.clone();
    settled_organizations(start, 20, 1)
        .change(hours(1), "Snyk begins to fail", move |world| world.break_api(Api::Snyk, kind.clone()))
        .expect(minutes(70), [connected(Group), connected(EveryOrganization), quiet()])
        .expect(hours(5), blind_to_snyk())
        .change(clock(5, 10), "Snyk recovers", |world| world.repair(Api::Snyk))
        .expect(clock(7, 30), [connected(Group), connected(EveryOrganization), quiet()])
}

fn snyk_outage(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 1)
        .change(hours(1), "Snyk goes down", |world| world.break_api(Api::Snyk, FaultKind::Status(503)))
        .expect(minutes(110), [quiet()])
        .expect(minutes(130), [only(Rule::UpstreamUnreachable, SNYK_API, Severity::Warning)])
        .expect(hours(5), blind_to_snyk())
        .expect(clock(24, 30), [only(Rule::UpstreamUnreachable, SNYK_API, Severity::Warning)])
        .expect(
            clock(25, 30),
            [
                E::KnownBelowUnknown(Group, Status::Connected),
                only(Rule::UpstreamUnreachable, SNYK_API, Severity::Critical),
            ],
        )
        .change(hours(26), "Snyk is back", |world| world.repair(Api::Snyk))
        .expect(hours(28), [connected(Group), connected(EveryOrganization), quiet()])
}

/// The reason of what is unknown is what Bitbucket answers, not that the evidence is old.
fn bitbucket_fails(start: DateTime<Utc>, kind: &FaultKind, answered: Reason) -> Story {
    let kind = kind.clone();
    settled(start, 20)
        .change(hours(1), "Bitbucket begins to fail", move |world| world.break_api(Api::Bitbucket, kind.clone()))
        .expect(minutes(70), [connected(Group), quiet()])
        .expect(
            hours(4),
            [
                E::Status(Group, Status::Unknown, answered),
                E::KnownBelowUnknown(Group, Status::Connected),
                E::Condition(Group, Condition::CredentialValid, Truth::Unknown, answered),
                E::Condition(Group, Condition::SnykAccessible, Truth::True, Reason::Ok),
                only(Rule::UpstreamUnreachable, BITBUCKET_API, Severity::Warning),
                E::IncidentSays(Rule::UpstreamUnreachable, "no credential is to blame"),
                E::NeverOpened(Rule::CredentialInvalid),
                E::NothingSentElsewhere,
            ],
        )
        .change(clock(4, 10), "Bitbucket recovers", |world| world.repair(Api::Bitbucket))
        .expect(hours(6), [connected(Group), quiet()])
}

fn bitbucket_outage(start: DateTime<Utc>) -> Story {
    let missing = (Rule::PermissionsMissing, PAT, Severity::Warning);
    let mut story = settled(start, 20);
    story.world.take_scope(crate::sandbox::world::ACME_CREDENTIAL, "write:webhook:bitbucket");
    story
        .expect(minutes(50), [connected(Group), E::Open(vec![missing])])
        .change(hours(1), "Bitbucket goes down", |world| world.break_api(Api::Bitbucket, FaultKind::Status(502)))
        .expect(minutes(70), [connected(Group), E::Open(vec![missing])])
        .expect(
            hours(5),
            [
                E::KnownBelowUnknown(Group, Status::Connected),
                E::Open(vec![missing, (Rule::UpstreamUnreachable, BITBUCKET_API, Severity::Warning)]),
                E::NeverOpened(Rule::CredentialInvalid),
            ],
        )
        .change(hours(6), "Bitbucket is back", |world| world.repair(Api::Bitbucket))
        .expect(hours(8), [connected(Group), E::Open(vec![missing])])
}

fn next_page_elsewhere(start: DateTime<Utc>) -> Story {
    settled(start, 120)
        .change(hours(1), "the next page of every list is on another host", |world| {
            world.break_path(Api::Bitbucket, "/2.0/repositories", FaultKind::NextOnAnotherHost);
        })
        .expect(hours(2), [connected(Group), quiet(), E::NothingSentElsewhere])
        .expect(
            hours(10),
            [
                E::KnownBelowUnknown(Group, Status::Connected),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                E::NeverOpened(Rule::CredentialInvalid),
                only(Rule::StatusUnknown, GROUP, Severity::Warning),
                E::NothingSentElsewhere,
            ],
        )
        .change(hours(11), "the lists are themselves again", |world| world.repair(Api::Bitbucket))
        .expect(hours(14), [connected(Group), quiet()])
}
