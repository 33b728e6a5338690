//! Peers that take alerts, refuse them, lie or hang.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::client::http::HttpOptions;
use crate::config::receivers::HttpAuth;
use crate::config::secrets::SecretSource;
use crate::deliver::receivers::example::{message, token, with};
use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::kinds::Level;
use crate::domain::notification::About;

fn receiver(urls: &[&str], auth: Option<HttpAuth>) -> AlertmanagerReceiver {
    let urls = urls.iter().map(|url| url.parse().unwrap()).collect();
    let settings = AlertmanagerSettings { urls, auth, resend_every: Duration::from_mins(1) };
    AlertmanagerReceiver::try_new(
        &settings,
        &PostClient::build(&HttpOptions::default()).unwrap(),
        &KnownSecrets::default(),
    )
    .unwrap()
}

async fn peer(respond: impl wiremock::Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/api/v2/alerts")).respond_with(respond).mount(&server).await;
    server
}

fn trigger() -> Message {
    message(token(), Severity::Critical, NotificationKind::Trigger)
}

/// The alerts of each request.
async fn received(server: &MockServer) -> Vec<Vec<Value>> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

fn numbered(count: usize) -> Vec<Message> {
    let about = |number| {
        let subject =
            Subject::Integration(crate::domain::names::IntegrationKey::group(format!("acme-{number}").as_str().into()));
        About::Incident(IncidentKey { rule: Rule::ConnectionFailed, subject })
    };
    (0..count).map(|number| message(about(number), Severity::Critical, NotificationKind::Trigger)).collect()
}

/// Refuses requests with the alert of `acme-7`.
fn picky(request: &Request) -> ResponseTemplate {
    let is_bad = String::from_utf8_lossy(&request.body).contains("integration/acme-7\"");
    if is_bad { ResponseTemplate::new(400).set_body_string("invalid label set") } else { ResponseTemplate::new(200) }
}

#[tokio::test]
async fn every_peer_gets_everything_and_one_is_enough() {
    let (good, bad) = (peer(ResponseTemplate::new(200)).await, peer(ResponseTemplate::new(503)).await);
    let receiver = receiver(&[&good.uri(), &bad.uri()], None);
    receiver.send(&trigger()).await.unwrap();
    receiver.renew(&[trigger()]).await.unwrap();
    assert_eq!(received(&good).await.len(), 2);
    assert_eq!(received(&bad).await.len(), 2);
}

#[tokio::test]
async fn a_prefix_of_the_path_is_kept_and_a_login_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "hunter2-hunter2\n").unwrap();
    let server = MockServer::start().await;
    let right = header("authorization", "Basic c255a3dhdGNoOmh1bnRlcjItaHVudGVyMg==");
    Mock::given(path("/alerts/api/v2/alerts")).and(right).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let password = SecretSource::File(file);
    let auth = HttpAuth::Basic { username: "snykwatch".to_owned(), password };
    let receiver = receiver(&[&format!("{}/alerts/", server.uri())], Some(auth));
    receiver.send(&trigger()).await.unwrap();
    assert!(!format!("{receiver:?}").contains("hunter2"));
}

#[tokio::test]
async fn answers_are_judged() {
    use FailureReason::{InvalidAnswer, RateLimited, Rejected, ServerError, Unauthorized};
    let status = ResponseTemplate::new;
    let later = status(429).insert_header("retry-after", "7");
    let page = status(200).set_body_string("<html>Please log in</html>");
    let redirect = status(302).insert_header("location", "http://169.254.169.254/");
    let echo = status(500).set_body_string("bad header Authorization: Bearer tok-en-secret-1 x");
    for (answer, reason, retry) in [
        (status(400), Rejected, Retry::Never),
        (status(401), Unauthorized, Retry::Later),
        (status(404), Rejected, Retry::Never),
        (redirect, Rejected, Retry::Never),
        (later, RateLimited, Retry::After(Duration::from_secs(7))),
        (echo, ServerError, Retry::Later),
        (page, InvalidAnswer, Retry::Later),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "tok-en-secret-1").unwrap();
        let server = peer(answer).await;
        let receiver = receiver(&[&server.uri()], Some(HttpAuth::Bearer(SecretSource::File(file))));
        let failure = receiver.send(&trigger()).await.unwrap_err();
        assert_eq!((failure.reason, failure.retry), (reason, retry), "{failure:?}");
        assert!(!failure.detail.contains("secret"), "{failure:?}");
    }
}

#[tokio::test]
async fn a_peer_that_may_yet_take_it_keeps_it_from_being_given_up() {
    let (invalid, down) = (peer(ResponseTemplate::new(400)).await, peer(ResponseTemplate::new(503)).await);
    let failure = receiver(&[&invalid.uri(), &down.uri()], None).send(&trigger()).await.unwrap_err();
    assert_eq!((failure.reason, failure.retry), (FailureReason::ServerError, Retry::Later));
    let failure = receiver(&[&invalid.uri(), &invalid.uri()], None).send(&trigger()).await.unwrap_err();
    assert_eq!((failure.reason, failure.retry), (FailureReason::Rejected, Retry::Never));
}

#[tokio::test]
async fn a_bad_alert_is_found_and_left_out_from_then_on() {
    let server = peer(picky).await;
    let receiver = receiver(&[&server.uri()], None);
    let standing = numbered(100);
    receiver.renew(&standing).await.unwrap();
    let sizes: Vec<_> = received(&server).await.iter().map(Vec::len).collect();
    let singles = vec![1; 64];
    assert_eq!(sizes, [vec![64], singles, vec![36]].concat());
    server.reset().await;
    Mock::given(method("POST")).respond_with(picky).mount(&server).await;
    receiver.renew(&standing).await.unwrap();
    let sizes: Vec<_> = received(&server).await.iter().map(Vec::len).collect();
    assert_eq!(sizes, [64, 35]);
}

#[tokio::test]
async fn a_peer_that_hangs_does_not_keep_the_next_page_waiting() {
    let good = peer(ResponseTemplate::new(200)).await;
    let hanging = peer(ResponseTemplate::new(200).set_delay(Duration::from_mins(10))).await;
    let receiver = receiver(&[&hanging.uri(), &good.uri()], None);
    tokio::time::timeout(PATIENCE_WITH_OTHERS * 3, receiver.send(&trigger())).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_alert_keeps_its_labels_while_the_incident_lasts() {
    let server = peer(ResponseTemplate::new(200)).await;
    let receiver = receiver(&[&server.uri()], None);
    let grown = |kind| {
        with(message(token(), Severity::Critical, kind), |notification| {
            notification.page.labels.level = Some(Level::Organization);
            notification.page.labels.owner = None;
        })
    };
    receiver.send(&trigger()).await.unwrap();
    receiver.renew(&[grown(NotificationKind::Standing)]).await.unwrap();
    receiver.send(&grown(NotificationKind::Resolve)).await.unwrap();
    receiver.renew(&[grown(NotificationKind::Resolve)]).await.unwrap();
    let alerts = received(&server).await.concat();
    assert_eq!(alerts.len(), 4);
    assert!(alerts.iter().all(|alert| alert["labels"] == alerts[0]["labels"]), "{alerts:?}");
    // The next episode begins anew.
    let next = with(grown(NotificationKind::Trigger), |notification| notification.opened_at += TimeDelta::hours(1));
    receiver.send(&next).await.unwrap();
    assert_eq!(received(&server).await.concat()[4]["labels"]["level"], "organization");
}

#[tokio::test]
async fn a_test_is_sent_once_and_never_renewed() {
    let server = peer(ResponseTemplate::new(200)).await;
    let receiver = receiver(&[&server.uri()], None);
    let test = message(About::Test("alertmanager".into()), Severity::Info, NotificationKind::Test);
    receiver.send(&test).await.unwrap();
    receiver.renew(&[test]).await.unwrap();
    let alerts = received(&server).await.concat();
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0]["labels"]["alertname"], "SnykwatchReceiverTest");
}

#[test]
fn what_alertmanager_repeats_by_itself_is_not_sent() {
    let receiver = receiver(&["http://127.0.0.1:9093"], None);
    let taken: Vec<_> = NotificationKind::ALL.iter().copied().filter(|kind| receiver.takes(*kind)).collect();
    let expected = [NotificationKind::Trigger, NotificationKind::Resolve, NotificationKind::Test];
    assert_eq!(taken, expected);
}
