//! PagerDuty against a server that knows alerts as PagerDuty does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::super::fixture::{self, Secret, settings};
use super::*;
use crate::config::receivers::ReceiverKind;
use crate::deliver::receiver::Retry;
use crate::domain::notification::{FailureReason, Reach};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What became of each alert, and which triggers notified somebody.
#[derive(Debug, Default)]
struct Alerts {
    open: BTreeMap<String, &'static str>,
    pages: Vec<String>,
    events: usize,
}

#[derive(Clone, Default)]
struct Service(Arc<Mutex<Alerts>>);

impl Service {
    fn wrong(event: &Value) -> Option<&'static str> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let fields = event.as_object()?;
        let known = ["routing_key", "event_action", "dedup_key", "payload", "links", "client", "client_url"];
        if fields.keys().any(|field| !known.contains(&field.as_str())) {
            return Some("unknown field");
        }
        if text(&event["routing_key"]).len() != 32 {
            return Some("'routing_key' must be a 32 characters string");
        }
        if text(&event["dedup_key"]).is_empty() || text(&event["dedup_key"]).len() > 255 {
            return Some("Length of 'dedup_key' is incorrect (should be between 1 and 255 bytes)");
        }
        if event["event_action"] != "trigger" {
            return None;
        }
        let payload = &event["payload"];
        let summary = text(&payload["summary"]).chars().count();
        let is_severity = ["critical", "error", "warning", "info"].contains(&text(&payload["severity"]).as_str());
        if summary == 0 || summary > 1024 || text(&payload["source"]).is_empty() || !is_severity {
            return Some("'payload' is missing or blank, or its parts are");
        }
        None
    }
}

impl Respond for Service {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let bad = |errors: &str| {
            let body = json!({ "status": "invalid event", "message": "Event object is invalid", "errors": [errors] });
            ResponseTemplate::new(400).set_body_json(body)
        };
        if request.method != "POST" || request.url.path() != "/v2/enqueue" {
            return ResponseTemplate::new(404);
        }
        if request.headers.get("content-type").is_none_or(|kind| kind != "application/json") {
            return bad("content type");
        }
        let Ok(event) = serde_json::from_slice::<Value>(&request.body) else { return bad("no JSON") };
        if let Some(wrong) = Self::wrong(&event) {
            return bad(wrong);
        }
        let mut alerts = self.0.lock().unwrap();
        alerts.events += 1;
        let key = event["dedup_key"].as_str().unwrap().to_owned();
        match event["event_action"].as_str() {
            Some("trigger") => {
                if alerts.open.insert(key.clone(), "triggered").is_none() {
                    alerts.pages.push(key.clone());
                }
            }
            // An unknown key is accepted and means nothing.
            Some("acknowledge") => {
                alerts.open.entry(key.clone()).and_modify(|state| *state = "acknowledged");
            }
            Some("resolve") => drop(alerts.open.remove(&key)),
            _ => return bad("'event_action' is invalid"),
        }
        let body = json!({ "status": "success", "message": "Event processed", "dedup_key": key });
        ResponseTemplate::new(202).set_body_json(body)
    }
}

async fn service() -> (MockServer, Service, PagerDuty) {
    let (server, service) = (MockServer::start().await, Service::default());
    Mock::given(any()).respond_with(service.clone()).mount(&server).await;
    let receiver = receiver(&server.uri(), KEY).unwrap();
    (server, service, receiver)
}

fn receiver(url: &str, key: &str) -> Result<PagerDuty, ReceiverBuildError> {
    let secret = Secret::new(key);
    let kind = PagerDutySettings { routing_key: secret.source(), api_url: url.parse().unwrap() };
    PagerDuty::build(&kind, &settings(ReceiverKind::PagerDuty(kind.clone())).http, &KnownSecrets::default())
}

async fn failure_of(answer: ResponseTemplate) -> SendFailure {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let receiver = receiver(&server.uri(), KEY).unwrap();
    receiver.send(&fixture::message(NotificationKind::Trigger)).await.unwrap_err()
}

#[tokio::test]
async fn an_alert_lives_and_ends_with_one_page() {
    let (_server, service, receiver) = service().await;
    let key = "CredentialInvalid/credential/bitbucket-acme/critical";
    let kinds = [
        NotificationKind::Trigger,
        NotificationKind::Growth,
        NotificationKind::Acknowledgement,
        NotificationKind::Resolve,
    ];
    let mut seen = Vec::new();
    for kind in kinds {
        receiver.send(&fixture::message(kind)).await.unwrap();
        seen.push(service.0.lock().unwrap().open.get(key).copied());
    }
    assert_eq!(seen, [Some("triggered"), Some("triggered"), Some("acknowledged"), None]);
    assert_eq!(service.0.lock().unwrap().pages, [key]);
}

#[tokio::test]
async fn hostile_names_are_accepted_and_resolved() {
    let (_server, service, receiver) = service().await;
    receiver.send(&fixture::hostile(NotificationKind::Trigger)).await.unwrap();
    assert_eq!(service.0.lock().unwrap().open.len(), 1);
    receiver.send(&fixture::hostile(NotificationKind::Resolve)).await.unwrap();
    assert_eq!(service.0.lock().unwrap().open.len(), 0);
}

#[tokio::test]
async fn a_resolve_is_told_again_and_what_fires_is_not() {
    let (_server, service, receiver) = service().await;
    let lease = receiver.lease().unwrap();
    assert_eq!(lease.renew_every(), lease.repeat_resolves_for());
    assert!(!lease.repeats(&fixture::message(NotificationKind::Trigger).notification));
    assert!(lease.repeats(&fixture::message(NotificationKind::Resolve).notification));
    lease
        .renew(&[fixture::message(NotificationKind::Resolve), fixture::hostile(NotificationKind::Resolve)])
        .await
        .unwrap();
    assert_eq!(service.0.lock().unwrap().events, 2);
}

#[tokio::test]
async fn what_is_rejected_is_not_tried_again_and_what_is_limited_is() {
    let invalid = json!({ "status": "invalid event", "message": "Event object is invalid", "errors": [KEY] });
    let rejected = failure_of(ResponseTemplate::new(400).set_body_json(invalid)).await;
    assert_eq!((rejected.reason, rejected.retry), (FailureReason::Rejected, Retry::Never));
    assert!(rejected.detail.contains("Event object is invalid") && !rejected.detail.contains(KEY), "{rejected:?}");

    let limited = failure_of(ResponseTemplate::new(429).insert_header("retry-after", "7")).await;
    assert_eq!((limited.reason, limited.retry), (FailureReason::RateLimited, Retry::After(Duration::from_secs(7))));

    let failing = failure_of(ResponseTemplate::new(500)).await;
    assert_eq!(
        (failing.reason, failing.reach, failing.retry),
        (FailureReason::ServerError, Reach::Unclear, Retry::Later)
    );
}

#[tokio::test]
async fn only_202_is_acceptance() {
    for answer in [ResponseTemplate::new(200).set_body_string("<html>Sign in"), ResponseTemplate::new(204)] {
        let failure = failure_of(answer).await;
        let expected = (FailureReason::InvalidAnswer, Reach::Unclear, Retry::Later);
        assert_eq!((failure.reason, failure.reach, failure.retry), expected);
        assert!(failure.detail.contains("expected 202"), "{}", failure.detail);
    }
}

#[test]
fn a_routing_key_is_checked_and_never_shown() {
    for wrong in ["with space", "https://events.pagerduty.com/x", &"a".repeat(200)] {
        let error = receiver("https://events.example.com", wrong).unwrap_err();
        assert!(matches!(&error, ReceiverBuildError::Key { .. }) && !error.to_string().contains(wrong), "{error}");
    }
    assert!(receiver("http://events.example.com", KEY).is_err(), "the key would be readable");
    let fit = receiver("https://events.example.com/proxy/", KEY).unwrap();
    assert_eq!(fit.url.as_str(), "https://events.example.com/proxy/v2/enqueue");
    assert!(!format!("{fit:?}").contains(KEY));
}
