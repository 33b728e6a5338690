//! Alerts as they leave, and hostile texts.

use insta::assert_snapshot;

use super::*;
use crate::deliver::receivers::example::{message, noon, token, with, with_texts};
use crate::deliver::receivers::labels::labels;
use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::notification::{About, NotificationKind};

const LEASE: Lease = Lease(Duration::from_mins(4));

fn alert(message: &Message) -> Alert {
    Alert::of(message, labels(&message.notification), LEASE)
}

#[test]
fn a_trigger_fires_for_a_lease() {
    let trigger = message(token(), Severity::Critical, NotificationKind::Trigger);
    assert_snapshot!(serde_json::to_string_pretty(&alert(&trigger)).unwrap(), @r##"
    {
      "labels": {
        "alertname": "SnykwatchCredentialInvalid",
        "credential": "bitbucket-acme",
        "incident": "CredentialInvalid",
        "integration": "acme-bitbucket",
        "level": "group",
        "owner": "platform team",
        "scm": "bitbucket-cloud",
        "severity": "critical",
        "subject": "credential/bitbucket-acme"
      },
      "annotations": {
        "description": "Bitbucket rejects the token.\n\nNext: save a new token in Snyk.",
        "next_step": "Save a new token in Snyk.",
        "notification_id": "075e28a4a05465a35c9201fc2cf3adbb",
        "runbook_url": "https://snykwatch.example.com/runbooks/x",
        "since": "2026-11-20T11:50:00.000Z",
        "status_url": "https://snykwatch.example.com/",
        "summary": "CredentialInvalid: bitbucket-acme"
      },
      "startsAt": "2026-11-20T12:00:00.000Z",
      "endsAt": "2026-11-20T12:05:00.000Z",
      "generatorURL": "https://snykwatch.example.com/"
    }
    "##);
}

#[test]
fn a_resolve_is_the_same_alert_with_its_end() {
    let trigger = alert(&message(token(), Severity::Critical, NotificationKind::Trigger));
    let resolve = alert(&message(token(), Severity::Critical, NotificationKind::Resolve));
    assert_eq!(resolve.labels, trigger.labels);
    assert_eq!(resolve.starts_at, trigger.starts_at);
    assert_eq!(resolve.ends_at, noon() + TimeDelta::minutes(1));
    let lower = alert(&message(token(), Severity::Warning, NotificationKind::Resolve));
    assert_ne!(lower.labels, trigger.labels);
}

#[test]
fn no_end_lies_before_its_begin() {
    let early = with(message(token(), Severity::Info, NotificationKind::Resolve), |notification| {
        notification.created_at = noon() - TimeDelta::hours(1);
    });
    assert_eq!(alert(&early).ends_at, alert(&early).starts_at);
}

/// Noted by a clock that was set back since. Before: the end of a page fired until it came.
#[test]
fn nothing_begins_or_ends_in_the_future() {
    for kind in [NotificationKind::Trigger, NotificationKind::Resolve] {
        let ahead = with(message(token(), Severity::Critical, kind), |notification| {
            notification.opened_at += TimeDelta::hours(2);
            notification.created_at += TimeDelta::hours(3);
        });
        let (sent, now) = (alert(&ahead), ahead.attempted_at);
        assert_eq!((sent.starts_at, sent.ends_at <= now), (now, kind == NotificationKind::Resolve), "{kind:?}");
    }
}

/// Ours may be the wrong clock, or its own, or only that of something between us that dates its answers.
#[test]
fn an_alert_fires_by_either_clock_and_its_end_is_over_by_either() {
    let trigger = alert(&message(token(), Severity::Critical, NotificationKind::Trigger));
    let resolve = alert(&message(token(), Severity::Critical, NotificationKind::Resolve));
    for ahead in [TimeDelta::days(1), -TimeDelta::days(1), TimeDelta::zero()] {
        let (firing, ended) = (trigger.by_clock_ahead(ahead), resolve.by_clock_ahead(ahead));
        assert_eq!(firing.starts_at, trigger.starts_at + ahead, "as its people see it");
        for now in [noon(), noon() + ahead].map(|opened_at| opened_at + TimeDelta::minutes(1)) {
            assert!(firing.ends_at >= now + TimeDelta::minutes(4), "{ahead}");
            assert!(ended.ends_at <= now, "{ahead}");
        }
        for alert in [&firing, &ended] {
            assert!(alert.starts_at <= alert.ends_at && alert.labels == trigger.labels, "{ahead}");
        }
    }
    let far = trigger.by_clock_ahead(TimeDelta::MAX);
    assert_eq!(far.ends_at, trigger.ends_at, "a date of no sense moves nothing");
}

#[test]
fn labels_call_nobody_and_those_without_a_value_are_left_out() {
    let workspace = Subject::Workspace("acme-bitbucket".into(), "a\"b\n<!channel> ü".into());
    let about = About::Incident(IncidentKey { rule: Rule::NamespaceNotFound, subject: workspace });
    let found = labels(&message(about, Severity::Info, NotificationKind::Trigger).notification);
    assert_eq!(found["subject"], "namespace/acme-bitbucket/a\"b ‹!channel› ü");
    assert_eq!(found["alertname"], "SnykwatchNamespaceNotFound");
    let bare = with(message(token(), Severity::Info, NotificationKind::Trigger), |notification| {
        notification.page.labels = crate::domain::page::PageLabels::default();
    });
    let names: Vec<_> = labels(&bare.notification).into_keys().collect();
    assert_eq!(names, ["alertname", "incident", "severity", "subject"]);
}

#[test]
fn annotations_call_nobody_and_link_nowhere() {
    let hostile = with_texts(
        message(token(), Severity::Info, NotificationKind::Trigger),
        "one\r\ntwo <!channel> @HERE",
        "<https://evil.example|ok>\n@channel @everyone @all me@acme.example \u{1b}[31m\u{202e}",
    );
    let hostile = with(hostile, |notification| notification.page.links[0].url = "javascript:alert(1)".to_owned());
    let alert = alert(&hostile);
    assert_eq!(alert.annotations["summary"], "one two ‹!channel› @\u{2060}HERE");
    assert_eq!(
        alert.annotations["description"],
        "‹https://evil.example|ok›\n@\u{2060}channel @\u{2060}everyone @\u{2060}all me@acme.example  [31m"
    );
    assert_eq!(alert.generator_url, None);
    assert!(!alert.annotations.contains_key("status_url"));
}
