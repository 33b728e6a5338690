//! Debian's own Alertmanager, with a webhook behind it that counts what it is told.

pub(crate) mod peer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use snykwatch::client::answer::KnownSecrets;
use snykwatch::client::http::HttpOptions;
use snykwatch::client::post::PostClient;
use snykwatch::config::receivers::AlertmanagerSettings;
use snykwatch::deliver::receiver::{Message, Receiver};
use snykwatch::deliver::receivers::alertmanager::AlertmanagerReceiver;
use snykwatch::domain::incident::Severity;
use snykwatch::domain::names::ReceiverName;
use snykwatch::domain::notification::{DeliveryState, Dispatch, Notification, NotificationKind, Outgoing, Reach};
use snykwatch::domain::state::State;
use snykwatch::store::memory::MemoryStore;
use snykwatch::store::{AttemptEnd, Commit, Outbox, Revision, Store};

use self::peer::{Alertmanager, Webhook, program};
use crate::support::{Episode, eventually, message, now};

/// Long enough for a busy machine to renew in time, short enough to see a lease end: it is four times this.
const RESEND_EVERY: Duration = Duration::from_secs(1);

impl Webhook {
    /// What was told so far, as status, severity and subject.
    async fn words(&self) -> Vec<String> {
        let word = |alert: &Value, path: &str| alert.pointer(path).unwrap().as_str().unwrap().to_owned();
        let told = self.told().await;
        let words = told.iter().map(|alert| {
            [word(alert, "/status"), word(alert, "/labels/severity"), word(alert, "/labels/subject")].join(" ")
        });
        words.collect()
    }

    async fn until_told(&self, expected: &[&str]) {
        eventually(&format!("the webhook is told {expected:?}"), async || {
            let mut words = self.words().await;
            words.sort();
            let mut expected: Vec<_> = expected.to_vec();
            expected.sort_unstable();
            assert!(words.len() <= expected.len(), "more than {expected:?} was told: {words:?}");
            (words == expected).then_some(())
        })
        .await;
    }
}

impl Alertmanager {
    /// Ends it, with all it knew.
    async fn kill(mut self) -> SocketAddr {
        self.child.kill().await.unwrap();
        self.address
    }

    /// Subjects of the alerts that fire, as its own API says.
    async fn firing(&self) -> Vec<String> {
        let body = peer::get(self.address, "/api/v2/alerts?active=true").await.expect("Alertmanager answers");
        let alerts: Value = serde_json::from_str(&body).unwrap();
        let alerts = alerts.as_array().unwrap().iter();
        let mut subjects: Vec<_> =
            alerts.map(|alert| alert["labels"]["subject"].as_str().unwrap().to_owned()).collect();
        subjects.sort();
        subjects
    }
}

fn receiver(peers: &[&Alertmanager]) -> AlertmanagerReceiver {
    let urls = peers.iter().map(|peer| peer.url().parse().unwrap()).collect();
    let settings = AlertmanagerSettings { urls, auth: None, resend_every: RESEND_EVERY };
    AlertmanagerReceiver::try_new(
        &settings,
        &PostClient::build(&HttpOptions::default()).unwrap(),
        &KnownSecrets::default(),
    )
    .unwrap()
}

async fn renew(receiver: &AlertmanagerReceiver, standing: &[Arc<Notification>]) {
    let messages: Vec<Message> = standing.iter().map(|notification| message(Arc::clone(notification))).collect();
    receiver.lease().unwrap().renew(&messages).await.unwrap();
}

/// Renews for longer than one lease lasts.
async fn outlive_a_lease(receiver: &AlertmanagerReceiver, standing: &[Arc<Notification>]) {
    let until = now() + RESEND_EVERY * 6;
    eventually("a lease is over", async || {
        renew(receiver, standing).await;
        (now() > until).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_alert_arrives_once_is_kept_by_its_lease_and_ends_once() {
    let Some(program) = program() else { return };
    let alertmanager = Alertmanager::start(program).await;
    let receiver = receiver(&[&alertmanager]);
    let episode = Episode::of("acme");
    let trigger = episode.message(Severity::Critical, NotificationKind::Trigger);
    receiver.send(&trigger).await.unwrap();
    receiver.send(&trigger).await.unwrap();
    alertmanager.webhook.until_told(&["firing critical integration/acme"]).await;
    outlive_a_lease(&receiver, &[Arc::clone(&trigger.notification)]).await;
    assert_eq!(alertmanager.firing().await, ["integration/acme"]);
    alertmanager.webhook.until_told(&["firing critical integration/acme"]).await;

    let resolve = episode.message(Severity::Critical, NotificationKind::Resolve);
    receiver.send(&resolve).await.unwrap();
    outlive_a_lease(&receiver, &[Arc::clone(&resolve.notification)]).await;
    alertmanager.webhook.until_told(&["firing critical integration/acme", "resolved critical integration/acme"]).await;
    assert!(alertmanager.firing().await.is_empty());

    let told = alertmanager.webhook.told().await;
    let alert = &told[0];
    assert_eq!(alert["labels"]["alertname"], "SnykwatchConnectionFailed");
    assert_eq!(alert["labels"]["level"], "group");
    assert_eq!(alert["labels"]["scm"], "bitbucket-cloud");
    assert_eq!(alert["annotations"]["next_step"], "Save a new token in Snyk.");
    assert_eq!(alert["generatorURL"], "https://snykwatch.example.com/");
    let ended: chrono::DateTime<chrono::Utc> = told[1]["endsAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(ended.timestamp_millis(), resolve.notification.created_at.timestamp_millis());
}

#[tokio::test]
async fn an_escalation_ends_the_lower_alert_and_begins_the_higher() {
    let Some(program) = program() else { return };
    let alertmanager = Alertmanager::start(program).await;
    let receiver = receiver(&[&alertmanager]);
    let episode = Episode::of("acme");
    receiver.send(&episode.message(Severity::Warning, NotificationKind::Trigger)).await.unwrap();
    alertmanager.webhook.until_told(&["firing warning integration/acme"]).await;
    receiver.send(&episode.message(Severity::Warning, NotificationKind::Resolve)).await.unwrap();
    receiver.send(&episode.message(Severity::Critical, NotificationKind::Trigger)).await.unwrap();
    alertmanager
        .webhook
        .until_told(&[
            "firing warning integration/acme",
            "resolved warning integration/acme",
            "firing critical integration/acme",
        ])
        .await;
    assert_eq!(alertmanager.firing().await, ["integration/acme"]);
}

#[tokio::test]
async fn every_peer_has_it_and_one_that_was_away_or_forgot_gets_it_again() {
    let Some(program) = program() else { return };
    let first = Alertmanager::start(program).await;
    let second = Alertmanager::start(program).await;
    let receiver = receiver(&[&first, &second]);
    let one = Episode::of("acme-1").message(Severity::Critical, NotificationKind::Trigger);
    receiver.send(&one).await.unwrap();
    for peer in [&first, &second] {
        peer.webhook.until_told(&["firing critical integration/acme-1"]).await;
    }
    let address = second.kill().await;
    let two = Episode::of("acme-2").message(Severity::Warning, NotificationKind::Trigger);
    receiver.send(&two).await.unwrap();
    let standing = [one.notification, two.notification];
    renew(&receiver, &standing).await;
    let fresh = Alertmanager::start_at(program, address).await;
    assert!(fresh.firing().await.is_empty());
    renew(&receiver, &standing).await;
    eventually("the fresh peer has everything", async || {
        (fresh.firing().await == ["integration/acme-1", "integration/acme-2"]).then_some(())
    })
    .await;
    let everything = ["firing critical integration/acme-1", "firing warning integration/acme-2"];
    fresh.webhook.until_told(&everything).await;
    first.webhook.until_told(&everything).await;
}

#[tokio::test]
async fn a_restart_of_ours_pages_nobody_again() {
    let Some(program) = program() else { return };
    let alertmanager = Alertmanager::start(program).await;
    let name = ReceiverName::new("alertmanager");
    let store = MemoryStore::default();
    let episode = Episode::of("acme");
    let notification = episode.notification(Severity::Critical, NotificationKind::Trigger);
    let outgoing = Outgoing { notification, receivers: vec![name.clone()], dispatch: Dispatch::Deliver };
    let commit = Commit {
        based_on: Revision::NONE,
        at: now(),
        state: Arc::new(State::default()),
        transitions: Vec::new(),
        notifications: vec![outgoing],
    };
    store.commit(commit).await.unwrap();
    {
        let before = receiver(&[&alertmanager]);
        let delivery = store.pending(name.clone(), 1).await.unwrap().remove(0);
        store.begin_attempt(delivery.id, now()).await.unwrap();
        before.send(&message(Arc::clone(&delivery.notification))).await.unwrap();
        let end = AttemptEnd {
            delivery: delivery.id,
            at: now(),
            failure: None,
            reach: Reach::Received,
            state: DeliveryState::Delivered,
            next_attempt_at: now(),
        };
        store.finish_attempt(end).await.unwrap();
        alertmanager.webhook.until_told(&["firing critical integration/acme"]).await;
    }
    let after = receiver(&[&alertmanager]);
    let standing = store.standing(name, now()).await.unwrap();
    assert_eq!(standing.len(), 1);
    outlive_a_lease(&after, &standing).await;
    alertmanager.webhook.until_told(&["firing critical integration/acme"]).await;
    after.send(&episode.message(Severity::Critical, NotificationKind::Resolve)).await.unwrap();
    alertmanager.webhook.until_told(&["firing critical integration/acme", "resolved critical integration/acme"]).await;
}

#[tokio::test]
async fn when_we_are_gone_the_lease_ends_the_alert() {
    let Some(program) = program() else { return };
    let alertmanager = Alertmanager::start(program).await;
    let receiver = receiver(&[&alertmanager]);
    receiver.send(&Episode::of("acme").message(Severity::Critical, NotificationKind::Trigger)).await.unwrap();
    drop(receiver);
    alertmanager.webhook.until_told(&["firing critical integration/acme"]).await;
    alertmanager.webhook.until_told(&["firing critical integration/acme", "resolved critical integration/acme"]).await;
}

/// Ours, or that of its machine: it looks at its own alone.
#[tokio::test]
async fn a_clock_that_is_a_day_wrong_loses_neither_a_page_nor_its_end() {
    let Some(program) = program() else { return };
    for wrong in [-TimeDelta::days(1), TimeDelta::days(1)] {
        let alertmanager = Alertmanager::start(program).await;
        let receiver = receiver(&[&alertmanager]);
        let episode = Episode { opened_at: now() + wrong, ..Episode::of("acme") };
        let sent = |kind| {
            let mut message = episode.message(Severity::Critical, kind);
            message.attempted_at += wrong;
            Arc::make_mut(&mut message.notification).created_at += wrong;
            message
        };
        receiver.send(&sent(NotificationKind::Trigger)).await.unwrap();
        assert_eq!(alertmanager.firing().await, ["integration/acme"], "{wrong}");
        alertmanager.webhook.until_told(&["firing critical integration/acme"]).await;
        receiver.send(&sent(NotificationKind::Resolve)).await.unwrap();
        assert!(alertmanager.firing().await.is_empty(), "{wrong}");
        let both = ["firing critical integration/acme", "resolved critical integration/acme"];
        alertmanager.webhook.until_told(&both).await;
    }
}

#[tokio::test]
async fn alerts_beside_an_invalid_one_are_taken() {
    let Some(program) = program() else { return };
    let alertmanager = Alertmanager::start(program).await;
    let receiver = receiver(&[&alertmanager]);
    let good = Episode::of("acme").notification(Severity::Critical, NotificationKind::Trigger);
    let mut invalid = Episode::of("acme-invalid");
    // No time of RFC 3339: the year has a sign.
    invalid.opened_at = chrono::DateTime::<chrono::Utc>::MIN_UTC;
    let invalid = invalid.notification(Severity::Critical, NotificationKind::Trigger);
    renew(&receiver, &[Arc::clone(&invalid), good]).await;
    alertmanager.webhook.until_told(&["firing critical integration/acme"]).await;
    let failure = receiver.send(&message(invalid)).await.unwrap_err();
    assert_eq!(failure.retry, snykwatch::deliver::receiver::Retry::Never, "{failure:?}");
}

#[tokio::test]
async fn a_hundred_and_more_alerts_are_taken_in_batches() {
    let Some(program) = program() else { return };
    let alertmanager = Alertmanager::start(program).await;
    let receiver = receiver(&[&alertmanager]);
    let names = (100..250).map(|number| format!("acme-{number}"));
    let standing: Vec<_> =
        names.map(|name| Episode::of(&name).notification(Severity::Info, NotificationKind::Trigger)).collect();
    renew(&receiver, &standing).await;
    assert_eq!(alertmanager.firing().await.len(), standing.len());
}
