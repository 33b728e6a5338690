//! Peers that take alerts, refuse them, lie or hang.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

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

/// Answers by this clock.
struct Dated<R>(DateTime<Utc>, R);

impl<R: Respond> Respond for Dated<R> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let date = self.0.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        self.1.respond(request).insert_header("date", date.as_str())
    }
}

/// By our clock, when messages are sent.
fn sent_at() -> DateTime<Utc> {
    trigger().attempted_at
}

/// By the clock that is `ahead` of ours.
async fn answer(server: &MockServer, ahead: TimeDelta, respond: impl Respond + 'static) {
    let dated = Dated(sent_at() + ahead, respond);
    Mock::given(method("POST")).and(path("/api/v2/alerts")).respond_with(dated).mount(server).await;
}

async fn peer(respond: impl Respond + 'static) -> MockServer {
    peer_ahead(TimeDelta::zero(), respond).await
}

async fn peer_ahead(ahead: TimeDelta, respond: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    answer(&server, ahead, respond).await;
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
    answer(&server, TimeDelta::zero(), picky).await;
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

/// How many minutes after the message was sent each alert ends.
async fn ends(server: &MockServer) -> Vec<i64> {
    let alerts = received(server).await.concat();
    let end = |alert: &Value| alert["endsAt"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    // What it took to send it is part of what is heard of a clock.
    alerts.iter().map(|alert| ((end(alert) - sent_at()).num_seconds() + 30).div_euclid(60)).collect()
}

/// By its own clock, a peer may take what fires for long over.
#[tokio::test]
async fn a_peer_with_another_clock_is_told_again_at_once() {
    let (lease, day) = (4, 24 * 60);
    for (ahead, then) in [(day, day + lease), (-day, lease), (5, 5 + lease)] {
        let server = peer_ahead(TimeDelta::minutes(ahead), ResponseTemplate::new(200)).await;
        let receiver = receiver(&[&server.uri()], None);
        receiver.send(&trigger()).await.unwrap();
        assert_eq!(ends(&server).await, [lease, then], "{ahead}");
        receiver.renew(&[trigger()]).await.unwrap();
        assert_eq!(ends(&server).await, [lease, then, then], "{ahead}: and it is known from then on");
        receiver.send(&message(token(), Severity::Critical, NotificationKind::Resolve)).await.unwrap();
        assert_eq!(ends(&server).await[3..], [ahead.min(0)], "{ahead}: over by both");
    }
}

#[tokio::test]
async fn a_small_difference_of_the_clocks_is_none() {
    for ahead in [-50, 50] {
        let server = peer_ahead(TimeDelta::seconds(ahead), ResponseTemplate::new(200)).await;
        receiver(&[&server.uri()], None).send(&trigger()).await.unwrap();
        assert_eq!(ends(&server).await, [4], "{ahead}");
    }
}

/// Only who took an alert has judged it by its clock.
#[tokio::test]
async fn the_clock_of_a_refusal_moves_nothing() {
    let server = peer_ahead(TimeDelta::days(1), ResponseTemplate::new(503)).await;
    let receiver = receiver(&[&server.uri()], None);
    for _ in 0..2 {
        receiver.send(&trigger()).await.unwrap_err();
    }
    assert_eq!(ends(&server).await, [4, 4]);
}

#[tokio::test]
async fn a_clock_that_was_set_right_is_followed() {
    let server = peer_ahead(TimeDelta::days(1), ResponseTemplate::new(200)).await;
    let receiver = receiver(&[&server.uri()], None);
    receiver.send(&trigger()).await.unwrap();
    server.reset().await;
    answer(&server, TimeDelta::zero(), ResponseTemplate::new(200)).await;
    receiver.renew(&[trigger()]).await.unwrap();
    assert_eq!(ends(&server).await, [24 * 60 + 4, 4]);
    receiver.renew(&[trigger()]).await.unwrap();
    assert_eq!(ends(&server).await, [24 * 60 + 4, 4, 4]);
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
