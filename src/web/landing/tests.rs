use std::sync::Arc;

use chrono::TimeDelta;

use super::*;
use crate::domain::condition::Reason;
use crate::domain::state::ListingFailure;
use crate::snapshot::{DeliveryMode, RotationView, WriteAccess, sample};

fn page(snapshot: Option<&Snapshot>) -> String {
    render(snapshot, sample::now()).into_string()
}

/// What a person reads, line by line.
fn text(page: &str) -> String {
    let main = page.split("<body>").nth(1).unwrap().replace("</summary>", " |").replace("</li>", "\n");
    let broken = main.replace("</h1>", "\n").replace("</h2>", "\n").replace("</h3>", "\n").replace("</p>", "\n");
    let plain = regex::Regex::new("<[^>]*>").unwrap().replace_all(&broken, "").into_owned();
    let lines = plain.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_worst_stands_first_with_its_next_step() {
    let mut state = sample::state();
    let group = state.integrations.values_mut().next().unwrap();
    group.progress = None;
    for integration in state.integrations.values_mut() {
        integration.conditions.clear();
        integration.snyk_name = Some("Payments".to_owned());
    }
    state.incidents.retain(|_, incident| {
        incident.summary = "It has been so for 14 h.".to_owned();
        incident.severity == crate::domain::incident::Severity::Critical
    });
    let snapshot = Snapshot::build(&sample::fleet(), &state, sample::now(), sample::own());
    let text = text(&page(Some(&snapshot)));
    let lines: Vec<_> = text.lines().filter(|line| !line.contains("Not observed yet.")).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    snykwatch
    Version 0.1.0, up for 3 h. As of 2026-11-23 12:00 UTC.
    1 partially connected
    2 unknown
    1 connected
    Open incidents
    critical NamespaceNotFound for 14 h Runbook
    It has been so for 14 h.
    Next: Re-save the profile.
    About namespace/acme-bitbucket/acme-two. Affected: 2. Deadline: 2026-12-01 00:00 UTC.
    Integrations
    partially connected acme-bitbucket group, bitbucket-cloud, for 14 h
    This is partially_connected since yesterday.
    Next: Group Admin: open Integrations &gt; Bitbucket in the Group and re-save the profile.
    Last connected 2026-11-20 08:00 UTC. Last proof of life 2026-11-20 07:00 UTC.
    unknown acme-bitbucket / Payments organization, bitbucket-cloud, for 14 h
    This is unknown since yesterday.
    Next: Group Admin: open Integrations &gt; Bitbucket in the Group and re-save the profile.
    Last connected 2026-11-20 08:00 UTC. Last proof of life 2026-11-20 07:00 UTC.
    unknown acme-bitbucket / 00000000-0000-0000-0000-000000000004 organization, bitbucket-cloud, for 3 h
    Not evaluated yet.
    Not yet seen connected for 30 min.
    connected acme-bitbucket / Payments organization, bitbucket-cloud, for 14 h
    This is connected since yesterday.
    Last proof of life 2026-11-20 07:00 UTC.
    Credentials
    ? acme-us snyk_token
    Not checked yet.
    Nobody tells when it expires.
    ✓ bitbucket-acme api_token, integration
    Bitbucket accepts it.
    Expires in 97 d 12 h: 2027-03-01 00:00 UTC (source: declared).
    ? Account: read
    ? Workspace membership: read
    ? Projects: read
    ? Repositories: write
    ? Pull requests: read
    ? Pull requests: write
    ? Issues: read optional
    ? Webhooks: read
    ✗ Webhooks: write write:webhook:bitbucket
    ? Atlassian account: read optional
    ✗ Admin on imported repositories (on 3 of 5)
    Runbooks Metrics Integrations (JSON) Credentials (JSON) Incidents (JSON) Notifications (JSON) API description Healthy Ready
    ");
}

#[test]
fn hostile_names_are_text_and_isolated() {
    let page = page(Some(&sample::told_snapshot()));
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"));
    for part in page.split('\u{202e}').skip(1) {
        let (until_end, _) = part.split_once("</bdi>").unwrap();
        assert!(!until_end.contains("<bdi>"), "a turning character outside of <bdi>: {until_end}");
    }
    assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("onclick"));
    assert!(!page.contains(sample::TOKEN_VERSION));
}

#[test]
fn a_large_fleet_is_cut_and_counted() {
    let state = sample::with_organizations(sample::state(), 300);
    let snapshot = Snapshot::build(&sample::fleet(), &state, sample::now(), sample::own());
    let page = page(Some(&snapshot));
    assert!(page.contains("And 104 more integrations"), "{page}");
    assert_eq!(page.matches(" class=\"card status-").count(), INTEGRATIONS_SHOWN);
}

#[test]
fn before_the_first_snapshot_it_says_so() {
    assert!(page(None).contains("nothing has been evaluated yet"));
}

#[test]
fn what_is_old_or_weak_is_called_so() {
    let mut snapshot = sample::snapshot();
    let view = Arc::make_mut(&mut snapshot.integrations[0]);
    view.restored = true;
    view.status.confidence = crate::domain::kinds::Confidence::Weak;
    view.status.last_connected_at = None;
    let credential = Arc::make_mut(&mut snapshot.credentials[1]);
    credential.expires_at = Some(sample::now() - TimeDelta::hours(1));
    credential.write_access =
        Some(WriteAccess { granted: vec!["Webhooks: write"], read_only_scopes: vec!["account", "repository"] });
    credential.rotation = Some(RotationView {
        begun_at: sample::now() - TimeDelta::hours(5),
        saved: 8,
        of: 12,
        outstanding: 4,
        old_ends_at: Some(sample::now() + TimeDelta::days(3)),
        done_at: None,
    });
    let text = text(&page(Some(&snapshot)));
    let told = [
        "restored, not seen again yet",
        "weak evidence",
        "Not yet seen connected for 30 min.",
        "Expired: 2026-11-23 11:00",
        "Rotation: 8 of 12 have the new token. The old one ends: 2026-11-26 12:00 UTC.",
        "It may change things: Webhooks: write.",
        "scopes account repository.",
    ];
    for said in told {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
}

#[test]
fn connected_counts_once_it_has_held() {
    let check = |status: Status, for_minutes: i64, last: Option<i64>, said: &str| {
        let mut snapshot = sample::snapshot();
        snapshot.integrations.truncate(1);
        snapshot.incidents.clear();
        let view = Arc::make_mut(&mut snapshot.integrations[0]);
        view.status.status = status;
        view.status.since = sample::now() - TimeDelta::minutes(for_minutes);
        view.status.last_connected_at = last.map(|minutes| sample::now() - TimeDelta::minutes(minutes));
        let text = text(&page(Some(&snapshot)));
        let line = text.lines().find(|line| line.contains("Last proof of life")).unwrap_or_default();
        let (line, _) = line.split_once("Last proof of life").unwrap_or((line, ""));
        assert_eq!(line.trim(), said, "{status} {for_minutes} {last:?}");
    };
    check(Status::Connected, 10, None, "Connected, not yet for 30 min.");
    check(
        Status::Connected,
        10,
        Some(60),
        "Connected, not yet for 30 min; before that, last connected 2026-11-23 11:00 UTC.",
    );
    check(Status::Connected, 40, Some(0), "");
    check(Status::PartiallyConnected, 40, None, "Not yet seen connected for 30 min.");
    check(Status::PartiallyConnected, 40, Some(60), "Last connected 2026-11-23 11:00 UTC.");
}

#[test]
fn an_admin_api_that_refuses_stands_at_its_credential() {
    let mut snapshot = sample::snapshot();
    let credential = Arc::make_mut(&mut snapshot.credentials[1]);
    credential.expires_at = None;
    credential.unlisted = Some(ListingFailure {
        reason: Reason::AdminApiRefused,
        message: "the admin API refuses our key: <b>no</b>".to_owned(),
        next_step: "Git host admin: create another".to_owned(),
    });
    let text = text(&page(Some(&snapshot)));
    assert!(text.contains("Not known: the admin API refuses our key: &lt;b&gt;no&lt;/b&gt;."), "{text}");
    assert!(text.contains("Next: Git host admin: create another"), "{text}");
}

#[test]
fn who_is_told_stands_on_each_incident_and_as_a_whole() {
    let mut snapshot = sample::told_snapshot();
    snapshot.integrations.clear();
    snapshot.credentials.clear();
    let escaped = maud::html! { (sample::HOSTILE) }.into_string();
    let text = text(&page(Some(&snapshot)).replace(&escaped, "HOSTILE"));
    let lines = text.lines().filter(|line| !line.starts_with("Next:") && !line.starts_with("It has been so"));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
    snykwatch
    Version 0.1.0, up for 3 h. As of 2026-11-23 12:00 UTC.
    Open incidents
    critical NamespaceNotFound for 14 h Runbook
    chat told 12:00 UTC, next reminder 16:00 UTC
    on-call told 12:00 UTC
    About namespace/acme-bitbucket/acme-two. Affected: 2. Deadline: 2026-12-01 00:00 UTC.
    warning UpstreamUnreachable for 14 h Runbook
    chat told 12:00 UTC, next reminder 16:00 UTC
    About api/snyk/acme-us. Affected: 2. Deadline: 2026-12-01 00:00 UTC.
    warning PartiallyConnected for 14 h Runbook
    acknowledged by HOSTILE since 2026-11-23 11:30 UTC: HOSTILE
    chat told 12:00 UTC; no reminders while somebody takes care of it
    About integration/acme-bitbucket. Affected: 2. Deadline: 2026-12-01 00:00 UTC.
    warning TestsStale for 14 h Runbook
    silenced until 2026-11-23 14:00 UTC by HOSTILE: HOSTILE
    chat told 12:00 UTC; nothing more for now: silenced until 14:00 UTC
    About organizations/acme-bitbucket. Affected: 2. Deadline: 2026-12-01 00:00 UTC.
    Receivers
    ✓ chat slack: works last delivered 2026-11-23 11:00 UTC
    ? mail slack: not used yet
    ✗ on-call slack: takes nothing since 2026-11-23 11:00 UTC (unauthorized: it answered 403: HOSTILE); 2 pending, the oldest for 1 h
    Silences
    Until 2026-11-23 14:00 UTC for another 2 h
    HOSTILE: HOSTILE
    Covers TestsStale/organizations/acme-bitbucket. Id one.
    From 2026-11-24 00:00 UTC until 2026-11-24 02:00 UTC
    HOSTILE: HOSTILE
    Not in force yet. Id two.
    Integrations
    None is configured.
    Credentials
    Runbooks Metrics Integrations (JSON) Credentials (JSON) Incidents (JSON) Notifications (JSON) API description Healthy Ready
    ");
}

#[test]
fn that_nobody_is_told_stands_at_the_top() {
    let mut snapshot = sample::told_snapshot();
    let mut check = |mode: DeliveryMode, said: Option<&str>| {
        snapshot.delivery.as_mut().unwrap().mode = mode;
        let page = page(Some(&snapshot));
        let (header, _) = page.split_once("</header>").unwrap();
        assert_eq!(header.contains("class=\"notice\""), said.is_some(), "{header}");
        assert!(header.contains(said.unwrap_or_default()), "{header}");
        snapshot.delivery.as_mut().unwrap().receivers.clear();
    };
    check(DeliveryMode::Builtin, None);
    check(DeliveryMode::Observing, Some("Observing: nothing is sent."));
    check(DeliveryMode::Prometheus, Some("Prometheus tells people"));
    check(DeliveryMode::Builtin, Some("Nobody is told: no receiver is configured."));
}
