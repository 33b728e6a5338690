//! The webhook's bodies, and the sender against a server that verifies as the standard says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use standardwebhooks::Webhook as Reference;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::super::fixture::{self, Secret, is_harmless, settings, strings};
use super::*;
use crate::config::receivers::{AddressSource, ReceiverKind};
use crate::deliver::receiver::Retry;
use crate::domain::notification::{About, FailureReason, Reach};

const OLD: [u8; 24] = [1; 24];
const NEW: [u8; 64] = [2; 64];

fn key(bytes: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(bytes))
}

fn receiver(url: &str, keys: &[&[u8]], body: WebhookBody) -> Webhook {
    let secrets: Vec<Secret> = keys.iter().map(|bytes| Secret::new(&key(bytes))).collect();
    let kind = WebhookSettings {
        url: AddressSource::Plain(url.parse().unwrap()),
        secrets: secrets.iter().map(Secret::source).collect(),
        body,
    };
    Webhook::build(&kind, &settings(ReceiverKind::Webhook(kind.clone())), &KnownSecrets::default()).unwrap()
}

/// Takes what is signed with its key, each id once.
#[derive(Clone)]
struct Verifier {
    key: Arc<Reference>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Verifier {
    fn new(key_bytes: &[u8]) -> Self {
        Self { key: Arc::new(Reference::new(&key(key_bytes)).unwrap()), taken: Arc::default() }
    }
}

impl Respond for Verifier {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            headers.insert(name.clone(), value.clone());
        }
        let is_json = headers.get("content-type").is_some_and(|kind| kind == "application/json");
        if request.method != "POST" || !is_json || self.key.verify(&request.body, &headers).is_err() {
            return ResponseTemplate::new(400);
        }
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        let mut taken = self.taken.lock().unwrap();
        if !taken.contains(&id) {
            taken.push(id);
        }
        ResponseTemplate::new(204)
    }
}

async fn server(answer: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[test]
fn an_event_is_a_page_as_data() {
    let value = serde_json::to_value(event::payload(&fixture::message(NotificationKind::Trigger))).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r#"
    {
      "data": {
        "firing": true,
        "id": "7dfe2c6ea763499969e4e29f45f7531d",
        "key": "CredentialInvalid/credential/bitbucket-acme/critical",
        "kind": "trigger",
        "opened_at": "2026-11-23T03:05:30Z",
        "page": {
          "cause": null,
          "evidence": [
            {
              "observed_at": "2026-11-23T03:05:30Z",
              "source": "measured",
              "text": "GET /2.0/user was answered with 401, twice."
            }
          ],
          "gap": null,
          "labels": {
            "credential": "bitbucket-acme",
            "integration": "acme-bitbucket",
            "level": "group",
            "owner": "platform",
            "scm": "bitbucket-cloud"
          },
          "last_change": "The secret was changed on 2026-11-20.",
          "links": [
            {
              "title": "Status page",
              "url": "https://snykwatch.example.com/"
            },
            {
              "title": "Runbook",
              "url": "https://snykwatch.example.com/runbooks/CredentialInvalid"
            }
          ],
          "members": [
            "acme-bitbucket"
          ],
          "more_members": 50,
          "next_step": "Create a token and save it in Snyk (Group Admin).",
          "noticed": "within 5 minutes",
          "ruled_out": [
            "Bitbucket Cloud is reachable."
          ],
          "summary": "Bitbucket Cloud rejects the PAT bitbucket-acme since 2026-11-23 03:05 UTC.",
          "title": "CredentialInvalid: bitbucket-acme (1 Group integration and 50 Organizations)"
        },
        "rule": "CredentialInvalid",
        "severity": "critical",
        "since": "2026-11-23T03:05:00Z",
        "subject": "credential/bitbucket-acme",
        "text": "Bitbucket Cloud rejects the PAT bitbucket-acme since 2026-11-23 03:05 UTC.\nNext: Create a token and save it in Snyk (Group Admin).",
        "title": "CredentialInvalid: bitbucket-acme (1 Group integration and 50 Organizations)"
      },
      "timestamp": "2026-11-23T03:05:31Z",
      "type": "incident.trigger"
    }
    "#);
}

#[test]
fn the_type_tells_what_an_event_is_about() {
    let kind_of = |about: Option<About>, kind| {
        let message = match about {
            None => fixture::message(kind),
            Some(about) => fixture::about(about, kind, fixture::page()),
        };
        let value = serde_json::to_value(event::payload(&message)).unwrap();
        format!("{} {}", value["type"].as_str().unwrap(), value["data"]["subject"].as_str().unwrap())
    };
    let table = [
        (None, NotificationKind::Resolve, "incident.resolve credential/bitbucket-acme"),
        (None, NotificationKind::Standing, "incident.standing credential/bitbucket-acme"),
        (Some(About::Receiver("chat".into())), NotificationKind::Trigger, "receiver.trigger receiver/chat"),
        (Some(About::Test("chat".into())), NotificationKind::Test, "receiver.test receiver/chat"),
    ];
    for (about, kind, expected) in table {
        assert_eq!(kind_of(about, kind), expected);
    }
}

#[test]
fn alertmanagers_body_fires_and_ends() {
    let body = |kind| {
        let payload = alertmanager_body::payload(&fixture::message(kind), &"on-call".into());
        serde_json::to_value(payload).unwrap()
    };
    insta::assert_snapshot!(serde_json::to_string_pretty(&body(NotificationKind::Trigger)).unwrap(), @r#"
    {
      "alerts": [
        {
          "annotations": {
            "description": "Bitbucket Cloud rejects the PAT bitbucket-acme since 2026-11-23 03:05 UTC.\nNext: Create a token and save it in Snyk (Group Admin).",
            "next_step": "Create a token and save it in Snyk (Group Admin).",
            "runbook_url": "https://snykwatch.example.com/runbooks/CredentialInvalid",
            "summary": "CredentialInvalid: bitbucket-acme (1 Group integration and 50 Organizations)"
          },
          "endsAt": "0001-01-01T00:00:00Z",
          "fingerprint": "bcf7edaf47075ccf",
          "generatorURL": "https://snykwatch.example.com/",
          "labels": {
            "alertname": "SnykwatchCredentialInvalid",
            "credential": "bitbucket-acme",
            "incident": "CredentialInvalid",
            "integration": "acme-bitbucket",
            "level": "group",
            "owner": "platform",
            "scm": "bitbucket-cloud",
            "severity": "critical",
            "subject": "credential/bitbucket-acme"
          },
          "startsAt": "2026-11-23T03:05:30.000Z",
          "status": "firing"
        }
      ],
      "commonAnnotations": {
        "description": "Bitbucket Cloud rejects the PAT bitbucket-acme since 2026-11-23 03:05 UTC.\nNext: Create a token and save it in Snyk (Group Admin).",
        "next_step": "Create a token and save it in Snyk (Group Admin).",
        "runbook_url": "https://snykwatch.example.com/runbooks/CredentialInvalid",
        "summary": "CredentialInvalid: bitbucket-acme (1 Group integration and 50 Organizations)"
      },
      "commonLabels": {
        "alertname": "SnykwatchCredentialInvalid",
        "credential": "bitbucket-acme",
        "incident": "CredentialInvalid",
        "integration": "acme-bitbucket",
        "level": "group",
        "owner": "platform",
        "scm": "bitbucket-cloud",
        "severity": "critical",
        "subject": "credential/bitbucket-acme"
      },
      "externalURL": "https://snykwatch.example.com/",
      "groupKey": "CredentialInvalid/credential/bitbucket-acme/critical",
      "groupLabels": {
        "alertname": "SnykwatchCredentialInvalid"
      },
      "receiver": "on-call",
      "status": "firing",
      "truncatedAlerts": 0,
      "version": "4"
    }
    "#);
    let (firing, resolved) = (body(NotificationKind::Growth), body(NotificationKind::Resolve));
    assert_eq!((&firing["status"], &resolved["status"]), (&"firing".into(), &"resolved".into()));
    assert_eq!(resolved["alerts"][0]["endsAt"], "2026-11-23T03:05:31.000Z");
    for same in ["labels", "fingerprint", "startsAt"] {
        assert_eq!(firing["alerts"][0][same], resolved["alerts"][0][same], "{same}");
    }
}

#[test]
fn hostile_names_are_data_in_both_bodies() {
    let message = fixture::hostile(NotificationKind::Trigger);
    let bodies = [
        serde_json::to_value(event::payload(&message)).unwrap(),
        serde_json::to_value(alertmanager_body::payload(&message, &"on-call".into())).unwrap(),
    ];
    for body in bodies {
        for text in strings(&body) {
            assert!(is_harmless(&text), "{text:?}");
        }
    }
    let alert = serde_json::to_value(alertmanager_body::payload(&message, &"on-call".into())).unwrap();
    for text in strings(&alert["alerts"][0]["labels"]) {
        assert!(!text.contains('\n'), "{text:?}");
    }
    for text in strings(&alert["commonAnnotations"]).iter().chain(&strings(&alert["commonLabels"])) {
        for syntax in ["<", ">", "](", "@here", "@channel"] {
            assert!(!text.contains(syntax), "{syntax} in {text:?}");
        }
    }
}

#[test]
fn acknowledgements_are_no_alerts() {
    let takes = |body| {
        let receiver = receiver("https://example.com/hook", &[], body);
        NotificationKind::ALL.iter().copied().filter(|kind| !receiver.takes(*kind)).collect::<Vec<_>>()
    };
    assert_eq!(takes(WebhookBody::Event), []);
    assert_eq!(takes(WebhookBody::Alertmanager), [NotificationKind::Digest, NotificationKind::Acknowledgement]);
}

#[tokio::test]
async fn signed_messages_are_verified_and_repetitions_told() {
    let verifier = Verifier::new(&OLD);
    let server = server(verifier.clone()).await;
    for body in [WebhookBody::Event, WebhookBody::Alertmanager] {
        // While a key is rotated both sign; who has the old one still verifies.
        let receiver = receiver(&server.uri(), &[&NEW, &OLD], body);
        for kind in [NotificationKind::Trigger, NotificationKind::Trigger, NotificationKind::Resolve] {
            receiver.send(&fixture::message(kind)).await.unwrap();
        }
        receiver.send(&fixture::hostile(NotificationKind::Trigger)).await.unwrap();
    }
    assert_eq!(verifier.taken.lock().unwrap().len(), 3);

    let other = receiver(&server.uri(), &[&NEW], WebhookBody::Event);
    assert!(other.send(&fixture::message(NotificationKind::Trigger)).await.is_err());
    let unsigned = receiver(&server.uri(), &[], WebhookBody::Event);
    assert!(unsigned.send(&fixture::message(NotificationKind::Trigger)).await.is_err());
}

#[tokio::test]
async fn what_is_signed_is_what_is_sent_and_a_repetition_differs_in_time_alone() {
    let server = server(ResponseTemplate::new(200)).await;
    let receiver = receiver(&server.uri(), &[&NEW], WebhookBody::Event);
    let first = fixture::message(NotificationKind::Trigger);
    let again = Message { attempted_at: first.attempted_at + chrono::TimeDelta::hours(2), ..first.clone() };
    receiver.send(&first).await.unwrap();
    receiver.send(&again).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let header = |index: usize, name: &str| requests[index].headers[name].to_str().unwrap().to_owned();
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(header(0, "webhook-id"), first.notification.id.to_string());
    assert_eq!(header(0, "webhook-id"), header(1, "webhook-id"));
    assert_eq!(header(1, "webhook-timestamp"), again.attempted_at.timestamp().to_string());
    assert_ne!(header(0, "webhook-signature"), header(1, "webhook-signature"));
}

#[tokio::test]
async fn a_redirect_is_no_acceptance_and_is_not_followed() {
    let elsewhere = server(ResponseTemplate::new(200)).await;
    let redirect = ResponseTemplate::new(307).insert_header("location", elsewhere.uri().as_str());
    let server = server(redirect).await;
    let receiver = receiver(&server.uri(), &[], WebhookBody::Event);
    let failure = receiver.send(&fixture::message(NotificationKind::Trigger)).await.unwrap_err();
    assert_eq!((failure.reason, failure.retry), (FailureReason::Rejected, Retry::Never));
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_there_is_not_received_and_silence_is_unclear() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let receiver = receiver(&format!("http://{address}/"), &[], WebhookBody::Event);
    let failure = receiver.send(&fixture::message(NotificationKind::Trigger)).await.unwrap_err();
    assert_eq!((failure.reason, failure.reach), (FailureReason::Connection, Reach::NotReceived));
    assert_eq!(failure.retry, Retry::Later);

    let silent = server(ResponseTemplate::new(200).set_delay(Duration::from_mins(1))).await;
    let kind = WebhookSettings {
        url: AddressSource::Plain(silent.uri().parse().unwrap()),
        secrets: Vec::new(),
        body: WebhookBody::Event,
    };
    let mut settings = settings(ReceiverKind::Webhook(kind.clone()));
    settings.http.request_timeout = Duration::from_millis(200);
    let receiver = Webhook::build(&kind, &settings, &KnownSecrets::default()).unwrap();
    let failure = receiver.send(&fixture::message(NotificationKind::Trigger)).await.unwrap_err();
    assert_eq!((failure.reason, failure.reach, failure.retry), (FailureReason::Timeout, Reach::Unclear, Retry::Later));
}
