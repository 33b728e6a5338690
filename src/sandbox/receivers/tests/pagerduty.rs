use serde_json::json;

use super::*;
use crate::sandbox::receivers::{PagerChange, PagerDuty};

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn event(action: &str, dedup_key: &str) -> Value {
    json!({
        "routing_key": KEY, "event_action": action, "dedup_key": dedup_key,
        "payload": {
            "summary": "CredentialInvalid: bitbucket-acme", "source": "snykwatch", "severity": "critical",
            "custom_details": { "next": "make a new PAT" },
        },
        "links": [{ "href": "https://snykwatch.example.com/", "text": "status page" }],
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut event = event("trigger", "one");
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    parent.insert(key.to_owned(), value);
    event
}

fn without(pointer: &str) -> Value {
    let mut event = event("trigger", "one");
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
    event
}

#[tokio::test]
async fn an_incident_opens_once_and_is_resolved() {
    use PagerChange::{Acknowledged, Opened, Resolved, Updated};

    let pager = standing(PagerDuty::new(KEY)).await;
    for (action, key, pages, repeats, resolves) in [
        ("resolve", "unknown", 0, 0, 0),
        ("trigger", "one", 1, 0, 0),
        ("trigger", "one", 1, 1, 0),
        ("acknowledge", "one", 1, 2, 0),
        ("trigger", "two", 2, 2, 0),
        ("resolve", "one", 2, 2, 1),
        ("resolve", "one", 2, 2, 1),
        ("acknowledge", "one", 2, 2, 1),
        ("trigger", "one", 3, 2, 1),
    ] {
        let got = post(&pager, &event(action, key)).await;
        assert_eq!(got.status, 202, "{got:?}");
        assert!(got.body.contains(&format!("\"dedup_key\":\"{key}\"")), "{got:?}");
        let tally = pager.tally();
        assert_eq!((tally.pages, tally.repeats, tally.resolves), (pages, repeats, resolves), "{action} {key}");
    }
    pager.look(|pager| {
        let open: Vec<&str> = pager.open().iter().map(|incident| incident.dedup_key.as_str()).collect();
        assert_eq!(open, ["two", "one"]);
        assert_eq!(pager.incidents().len(), 3);
        let changes: Vec<PagerChange> = pager.events().iter().map(|event| event.change).collect();
        assert_eq!(changes, [Opened, Updated, Acknowledged, Opened, Resolved, Opened]);
        let first = &pager.events()[0].incident;
        assert_eq!(
            (first.summary.as_str(), first.severity.as_str()),
            ("CredentialInvalid: bitbucket-acme", "critical")
        );
        assert_eq!(first.links, [("status page".to_owned(), "https://snykwatch.example.com/".to_owned())]);
    });
}

#[tokio::test]
async fn a_resolve_needs_no_payload() {
    let pager = standing(PagerDuty::new(KEY)).await;
    let bare = json!({ "routing_key": KEY, "event_action": "resolve", "dedup_key": "one" });
    assert_eq!(post(&pager, &bare).await.status, 202);
}

#[tokio::test]
async fn events_that_are_malformed_are_refused() {
    let pager = standing(PagerDuty::new(KEY)).await;
    for (bad, why) in [
        (json!([]), "Event object is invalid"),
        (without("/routing_key"), "routing_key"),
        (with("/routing_key", json!("short")), "Length of 'routing_key'"),
        (with("/routing_key", json!("f".repeat(32))), "Invalid routing key"),
        (without("/event_action"), "event_action"),
        (with("/event_action", json!("close")), "event_action"),
        (without("/dedup_key"), "dedup_key"),
        (with("/dedup_key", json!("")), "dedup_key"),
        (with("/dedup_key", json!("k".repeat(256))), "dedup_key"),
        (without("/payload"), "payload"),
        (without("/payload/summary"), "payload.summary"),
        (with("/payload/summary", json!("s".repeat(1025))), "payload.summary"),
        (without("/payload/source"), "payload.source"),
        (without("/payload/severity"), "payload.severity"),
        (with("/payload/severity", json!("fatal")), "payload.severity"),
        (with("/payload/timestamp", json!("yesterday")), "payload.timestamp"),
        (with("/payload/details", json!({})), "no field 'details'"),
        (with("/severity", json!("critical")), "no field 'severity'"),
        (with("/links", json!([{ "href": "javascript:alert(1)" }])), "links"),
    ] {
        let got = post(&pager, &bad).await;
        assert_eq!(got.status, 400, "{bad}: {got:?}");
        assert!(got.body.contains(why), "{bad}: {got:?}");
    }
    let longest = with("/dedup_key", json!("k".repeat(255)));
    assert_eq!(post(&pager, &longest).await.status, 202);
    assert_eq!(post(&pager, &with("/payload/summary", json!("ä".repeat(1024)))).await.status, 202);
}

#[tokio::test]
async fn what_is_no_event_is_refused() {
    let pager = standing(PagerDuty::new(KEY)).await;
    refuses_what_is_no_letter(&pager, "", &event("trigger", "one").to_string()).await;
}
