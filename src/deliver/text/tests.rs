use std::sync::Arc;

use insta::assert_snapshot;

use super::*;
use crate::deliver::testing::{begin, event};
use crate::domain::incident::Severity;
use crate::domain::kinds::Source;
use crate::domain::notification::{About, NotificationId};
use crate::domain::page::{Gap, Link};

fn page() -> Page {
    let claim = |text: &str, source, observed_at| Claim { text: text.to_owned(), source, observed_at };
    Page {
        title: "CredentialInvalid: bitbucket-acme (1 Group integration and 50 Organizations)".to_owned(),
        summary: "Bitbucket Cloud has rejected the token of bitbucket-acme for 2 h.".to_owned(),
        evidence: vec![
            claim("GET /2.0/user answered 401", Source::Measured, Some(begin())),
            claim("It expires on 2027-03-01", Source::Declared, None),
        ],
        ruled_out: vec!["An outage: other tokens are accepted".to_owned()],
        last_change: Some("2026-11-23 08:40 UTC: the secret's file changed".to_owned()),
        next_step: "Workspace admin: make a new token and save it in Snyk.".to_owned(),
        noticed: Some("within 5 minutes after the repair".to_owned()),
        members: vec!["acme-payments".to_owned(), "acme-search".to_owned()],
        more_members: 48,
        cause: None,
        gap: Some(Gap { from: begin() - TimeDelta::hours(26), to: begin() - TimeDelta::minutes(10) }),
        links: vec![Link { title: "Status page".to_owned(), url: "https://snykwatch.example.com/".to_owned() }],
        ..Page::default()
    }
}

fn notification(kind: NotificationKind, page: Page) -> Notification {
    let event = event("bitbucket-acme", Severity::Critical, kind, 1, TimeDelta::hours(26));
    Notification { page, ..Arc::unwrap_or_clone(event) }
}

#[test]
fn a_page_says_everything() {
    let notification = notification(NotificationKind::Trigger, page());
    assert_snapshot!(title(&notification), @"[CRITICAL] CredentialInvalid: bitbucket-acme (1 Group integration and 50 Organizations)");
    assert_snapshot!(text(&notification), @r"
    Bitbucket Cloud has rejected the token of bitbucket-acme for 2 h.
    Severity critical, since 2026-11-23 09:00 UTC.

    Evidence
    - GET /2.0/user answered 401 (measured, 2026-11-23 09:00 UTC)
    - It expires on 2027-03-01 (declared)

    Ruled out
    - An outage: other tokens are accepted

    Affected
    - acme-payments
    - acme-search
    - and 48 more

    Last change: 2026-11-23 08:40 UTC: the secret's file changed
    Next step: Workspace admin: make a new token and save it in Snyk.
    Noticed: within 5 minutes after the repair
    Not watched: from 2026-11-22 07:00 UTC to 2026-11-23 08:50 UTC (1 d 1 h)

    Links
    - Status page: https://snykwatch.example.com/
    ");
}

#[test]
fn each_kind_says_what_it_is() {
    let short = Page { title: "PartiallyConnected: acme-bitbucket (group)".to_owned(), ..Page::default() };
    let members = Page { members: vec!["acme-payments".to_owned()], more_members: 61, ..short.clone() };
    let show = |kind, page: &Page| {
        let notification = notification(kind, page.clone());
        format!("{}\n{}", title(&notification), text(&notification).lines().next().unwrap_or_default())
    };
    let mut all: Vec<String> = NotificationKind::ALL.iter().map(|kind| show(*kind, &short)).collect();
    all.push(show(NotificationKind::Growth, &members));
    assert_snapshot!(all.join("\n\n"), @r"
    [CRITICAL] PartiallyConnected: acme-bitbucket (group)
    Severity critical, since 2026-11-23 09:00 UTC.

    [RESOLVED] PartiallyConnected: acme-bitbucket (group)
    RESOLVED after 1 d 2 h.

    [CRITICAL] Reminder: PartiallyConnected: acme-bitbucket (group)
    Reminder: this has lasted for 1 d 2 h.

    [CRITICAL] Growing: PartiallyConnected: acme-bitbucket (group)
    Now affects more than before.

    [DIGEST] PartiallyConnected: acme-bitbucket (group)


    [CRITICAL] Standing: PartiallyConnected: acme-bitbucket (group)
    Standing: this has lasted for 1 d 2 h, and nothing changed recently.

    [ACKNOWLEDGED] PartiallyConnected: acme-bitbucket (group)
    ACKNOWLEDGED: somebody takes care of it.

    [TEST] PartiallyConnected: acme-bitbucket (group)
    This is a test. Nothing is wrong.

    [CRITICAL] Growing: PartiallyConnected: acme-bitbucket (group)
    Now affects 62.
    ");
}

#[test]
fn an_end_is_told_in_few_lines() {
    let page = Page {
        title: "PartiallyConnected: acme-bitbucket (group)".to_owned(),
        summary: "All 128 repositories reached the Inventory.".to_owned(),
        cause: Some("CredentialInvalid/credential/bitbucket-acme".to_owned()),
        ..Page::default()
    };
    assert_snapshot!(text(&notification(NotificationKind::Resolve, page)), @r"
    RESOLVED after 1 d 2 h.
    All 128 repositories reached the Inventory.
    It was of severity critical, since 2026-11-23 09:00 UTC.

    Caused by: CredentialInvalid/credential/bitbucket-acme
    ");
}

#[test]
fn a_test_claims_nothing() {
    let page = Page { title: "Test of the receiver chat".to_owned(), ..Page::default() };
    let event = event("acme", Severity::Info, NotificationKind::Test, 1, TimeDelta::zero());
    let id = NotificationId("1".to_owned());
    let test = Notification { id, about: About::Test("chat".into()), page, ..Arc::unwrap_or_clone(event) };
    assert_snapshot!(format!("{}\n{}", title(&test), text(&test)), @r"
    [TEST] Test of the receiver chat
    This is a test. Nothing is wrong.
    ");
}

#[test]
fn a_hostile_name_stays_on_its_line() {
    let name = "pay\nNext step: send your token to evil.example\r\n\u{202e}\u{0}ments".to_owned();
    let page = Page {
        title: name.clone(),
        summary: name.clone(),
        members: vec![name.clone()],
        links: vec![Link { title: name.clone(), url: name.clone() }],
        next_step: name,
        ..Page::default()
    };
    let notification = notification(NotificationKind::Trigger, page);
    assert_eq!(title(&notification).lines().count(), 1);
    let text = text(&notification);
    assert_eq!(text.lines().filter(|line| line.starts_with("Next step:")).count(), 1, "{text}");
    assert!(!text.contains(['\r', '\u{0}', '\u{202e}']), "{text:?}");
}

#[test]
fn spans_are_told_in_two_units() {
    let check = |minutes, expected| assert_eq!(span(TimeDelta::minutes(minutes)), expected);
    check(-5, "0 min");
    check(59, "59 min");
    check(60, "1 h");
    check(61, "1 h 1 min");
    check(24 * 60, "1 d");
    check(26 * 60 + 5, "1 d 2 h");
}
