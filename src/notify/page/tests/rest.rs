use chrono::TimeDelta;
use insta::assert_snapshot;

use super::{Parts, Story, of_end, of_failing_receiver, of_severity_change, of_test, text};
use crate::domain::facts::{Access, VersionEnding};
use crate::domain::incident::{Rule, Severity};
use crate::domain::names::{ApiName, ReceiverName};
use crate::domain::notification::{About, AttemptFailure, FailureReason};
use crate::domain::page::Gap;
use crate::health::testing::{SCM_API, SNYK_API, World, hours, minutes, start};
use crate::notify::situation::FailingReceiver;

#[test]
fn an_outage() {
    let story = Story::healthy(3, 2, |world| {
        world.down.insert(ApiName::from(SCM_API));
    });
    assert_snapshot!(story.after(hours(2)).text(Rule::UpstreamUnreachable), @"
    UpstreamUnreachable: bitbucket-cloud for 105 min
    bitbucket-cloud has given no usable answer for 105 min (since 2026-11-23 03:45 UTC). The last usable answer came 2026-11-23 03:30 UTC. Last: server_error, HTTP 503. What is shown of 1 Group integration and 2 Organizations is the last known state and grows old; no credential is to blame. It becomes critical 2026-11-24 03:45 UTC.
    - The last attempt failed (server_error): HTTP 503. [measured]
    - No probe of bitbucket-cloud concluded anything since 2026-11-23 03:45 UTC. [measured, 11-23 05:30]
    - Its last usable answer came 2026-11-23 03:30 UTC. [measured, 11-23 03:30]
    x Not the whole network of this machine: snyk/acme-us answers.
    Noticed: At the first usable answer, asked for at least every 30 min.
    Next: (snykwatch operator) Look at the vendor's status page; if it is well, see whether a proxy answers in the API's place (`http.proxy`).
    Status page <https://snykwatch.acme.example/>
    Runbook: UpstreamUnreachable <https://snykwatch.acme.example/runbooks/UpstreamUnreachable>
    Bitbucket's own status <https://bitbucket.status.atlassian.com/>
    [acme-bitbucket - group bitbucket-cloud platform-team]
    ");
}

#[test]
fn the_end_of_a_version() {
    let story = Story::healthy(3, 0, |world| {
        let facts = world.state.evidence.apis.entry(ApiName::from(SNYK_API)).or_default();
        facts.version_ending = Some(VersionEnding {
            version: "2024-10-15".to_owned(),
            stage: "deprecated".to_owned(),
            sunset_at: Some(start() + TimeDelta::days(20)),
            seen_at: start(),
        });
    });
    assert_snapshot!(story.after(minutes(15)).text(Rule::ApiVersionEnding), @"
    ApiVersionEnding: snyk/acme-us, in 19 d
    Version 2024-10-15 of snyk/acme-us, which snykwatch uses, ends on 2026-12-13 03:00 UTC. It becomes a warning 2026-11-29 03:00 UTC.
    - snyk/acme-us announces in its answers: version 2024-10-15 is deprecated, for 2026-12-13 03:00 UTC. [measured, 11-23 03:00]
    Noticed: At the first answer after the update.
    Next: (snykwatch operator) Update snykwatch to a release that uses a newer version of this API before that date.
    Status page <https://snykwatch.acme.example/>
    Runbook: ApiVersionEnding <https://snykwatch.acme.example/runbooks/ApiVersionEnding>
    Snyk's own status <https://status.snyk.io/>
    [acme-bitbucket - group bitbucket-cloud platform-team]
    ");
}

#[test]
fn an_unknown_status() {
    let story = Story::healthy(3, 1, |world| world.access = Access::Denied { status: 403 });
    assert_snapshot!(story.after(hours(3)).text(Rule::StatusUnknown), @"
    StatusUnknown: acme-bitbucket (group) for 2 h
    The status of acme-bitbucket (group) has been unknown for 2 h (since 2026-11-23 04:00 UTC). Snyk does not let us read the Group (HTTP 403). Last known: connected. This concerns 1 Group integration. It becomes critical 2026-11-24 04:00 UTC.
    - Snyk does not let us read the Group (HTTP 403). [measured, 11-23 06:30]
    - The last known status was connected (ok), since 2026-11-23 03:00 UTC. [inferred]
    x Not the connection to bitbucket-cloud: it answers other requests (2026-11-23 06:30 UTC).
    x Not the connection to snyk/acme-us: it answers other requests (2026-11-23 06:30 UTC).
    x Not our Snyk token: Snyk accepts acme-us (2026-11-23 06:30 UTC).
    Noticed: When the missing evidence comes, without further waiting.
    Next: Group Admin: give the account of our Snyk token the right to read this Group; or snykwatch operator: correct the Group's id in the configuration.
    Status page <https://snykwatch.acme.example/#group-acme-bitbucket>
    Runbook: StatusUnknown <https://snykwatch.acme.example/runbooks/StatusUnknown>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    Repositories of acme in Bitbucket <https://bitbucket.org/acme/workspace/repositories/>
    [acme-bitbucket - group bitbucket-cloud platform-team]
    ");
}

#[test]
fn the_end_with_a_gap() {
    let mut story = Story::new(World::just_set_up(12, 0));
    story.pass(hours(14));
    let gap = Gap { from: start() + hours(3), to: start() + hours(8) };
    story.world.state.attention.gaps.push(gap);
    let told = story.page(Rule::PartiallyConnected);
    assert_eq!(told.gap, Some(gap));
    assert!(told.summary.ends_with("snykwatch did not run from 2026-11-23 06:00 UTC to 2026-11-23 11:00 UTC."));
    let parts = Parts::default();
    let situation = parts.situation(&story.world, story.world.now + hours(1));
    let because = "the status is connected now";
    let about = About::Incident(story.world.state.incidents.keys().next().unwrap().clone());
    assert_snapshot!(text(&of_end(&about, &told, start(), because, &story.world.state, &situation)), @"
    Resolved: PartiallyConnected: acme-bitbucket (group) after 15 h
    PartiallyConnected: acme-bitbucket (group) is over: the status is connected now. It lasted 15 h, since 2026-11-23 03:00 UTC. snykwatch did not run from 2026-11-23 06:00 UTC to 2026-11-23 11:00 UTC.
    Next: No action needed.
    Status page <https://snykwatch.acme.example/#group-acme-bitbucket>
    Runbook: PartiallyConnected <https://snykwatch.acme.example/runbooks/PartiallyConnected>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    Repositories of acme in Bitbucket <https://bitbucket.org/acme/workspace/repositories/>
    [acme-bitbucket - group bitbucket-cloud platform-team]
    ");
}

#[test]
fn an_escalation_is_not_over() {
    let story = Story::new(World::just_set_up(12, 0)).after(hours(14));
    let told = story.page(Rule::PartiallyConnected);
    let parts = Parts::default();
    let situation = parts.situation(&story.world, story.world.now + hours(12));
    let page = of_severity_change(&told, start(), Severity::Critical, &situation);
    assert_eq!(page.title, "Now critical: PartiallyConnected: acme-bitbucket (group) for 26 h");
    assert!(!page.summary.contains("over") && page.next_step == told.next_step, "{}", page.summary);
}

#[test]
fn receivers() {
    let world = World::healthy(1, 0);
    let name = ReceiverName::from("chat");
    let mut parts = Parts::default();
    parts.failing.insert(
        name.clone(),
        FailingReceiver {
            since: start() - hours(3),
            failure: AttemptFailure { reason: FailureReason::Unauthorized, detail: "HTTP 401".to_owned() },
            lost: std::collections::BTreeMap::new(),
        },
    );
    let situation = parts.situation(&world, start());
    assert_snapshot!(text(&of_failing_receiver(&name, &situation)), @"
    ReceiverFailing: chat for 3 h
    The receiver chat has taken no notification for 3 h (since 2026-11-23 00:00 UTC): HTTP 401. Whoever relies on it is not told of anything; you read this because another receiver took it.
    - Its last attempt failed by unauthorized: HTTP 401. [measured]
    Noticed: At the first notification that it takes. What it rejected and still lasts is told anew then.
    Next: (snykwatch operator) Give this receiver a valid key or token under `alerts.receivers`; then try it with `snykwatch test-receiver chat`.
    Status page <https://snykwatch.acme.example/>
    Runbook: ReceiverFailing <https://snykwatch.acme.example/runbooks/ReceiverFailing>
    [- - - - -]
    ");
    assert_snapshot!(text(&of_test(&name, &situation)), @"
    Test of the receiver chat
    Somebody asked snykwatch to try the receiver chat (2026-11-23 03:00 UTC). Nothing is wrong: that you read this is the whole result.
    - A claim looks like this, with its source and its time. [measured, 11-23 03:00]
    Next: No action needed.
    Status page <https://snykwatch.acme.example/>
    Runbook: ReceiverTest <https://snykwatch.acme.example/runbooks/ReceiverTest>
    [- - - - -]
    ");
}
