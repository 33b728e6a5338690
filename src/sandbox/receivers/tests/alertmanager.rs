use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::sandbox::receivers::{Alertmanager, NotificationStatus};

fn at(minutes: i64) -> String {
    (now() + TimeDelta::minutes(minutes)).to_rfc3339()
}

fn alert(name: &str, ends_in: Option<i64>) -> Value {
    let mut alert = json!({
        "labels": { "alertname": name, "severity": "critical", "team": "" },
        "annotations": { "summary": "why" }, "startsAt": at(-60),
    });
    if let Some(minutes) = ends_in {
        alert["endsAt"] = json!(at(minutes));
    }
    alert
}

#[tokio::test]
async fn an_alert_wakes_once_while_its_lease_is_renewed() {
    let (peer, clock) = moving(Alertmanager::new()).await;
    let mut sleeper = clock.participant();
    for minute in 0..6 {
        assert_eq!(post(&peer, &json!([alert("A", Some(minute + 4))])).await.status, 200);
        sleeper.sleep_until(now() + TimeDelta::minutes(minute + 1)).await;
    }
    // An empty label is no label: the same alert.
    let mut same = alert("A", Some(10));
    same["labels"].as_object_mut().unwrap().remove("team");
    let got = post(&peer, &json!([same])).await;
    assert_eq!(got.status, 200);
    assert!(
        got.head.contains("date: mon, 23 nov 2026 09:06:00 gmt"),
        "by the clock that leases are judged by: {got:?}"
    );
    let tally = peer.tally();
    assert_eq!((tally.pages, tally.repeats), (1, 6));
    // It says that it is over; once more changes nothing.
    for _ in 0..2 {
        assert_eq!(post(&peer, &json!([alert("A", Some(6))])).await.status, 200);
    }
    assert_eq!(peer.tally().resolves, 1);
    let told: Vec<NotificationStatus> =
        peer.look(|peer| peer.notifications(clock.now()).iter().map(|told| told.status).collect());
    assert_eq!(told, [NotificationStatus::Firing, NotificationStatus::Resolved]);
}

#[tokio::test]
async fn a_lease_that_ends_resolves_by_itself() {
    use NotificationStatus::{Firing, Resolved};

    let (peer, clock) = moving(Alertmanager::new()).await;
    let mut sleeper = clock.participant();
    assert_eq!(post(&peer, &json!([alert("A", Some(4)), alert("B", None)])).await.status, 200);
    peer.look(|peer| assert_eq!(peer.firing(now()).len(), 2));
    sleeper.sleep_until(now() + TimeDelta::minutes(30)).await;
    peer.look(|peer| {
        assert_eq!(peer.firing(clock.now()).len(), 0);
        let told = peer.notifications(clock.now());
        let ends: Vec<(NotificationStatus, i64)> =
            told.iter().map(|told| (told.status, (told.at - now()).num_minutes())).collect();
        assert_eq!(ends, [(Firing, 0), (Firing, 0), (Resolved, 4), (Resolved, 5)]);
    });
    // Too late: it wakes anew.
    assert_eq!(post(&peer, &json!([alert("A", Some(34))])).await.status, 200);
    assert_eq!(peer.tally().pages, 3);
}

#[tokio::test]
async fn what_ended_before_it_was_told_wakes_nobody() {
    let peer = standing(Alertmanager::new()).await;
    assert_eq!(post(&peer, &json!([alert("A", Some(-1))])).await.status, 200);
    assert_eq!(peer.tally().pages, 0);
}

#[tokio::test]
async fn the_good_ones_of_a_bad_batch_are_taken() {
    let peer = standing(Alertmanager::new()).await;
    let backwards = json!({ "labels": { "alertname": "B" }, "startsAt": at(0), "endsAt": at(-1) });
    for bad in [
        backwards,
        json!({ "labels": {} }),
        json!({ "labels": { "alertname": "" } }),
        json!({ "labels": { "severity": "critical" } }),
        json!({ "labels": { "alertname": "B", "1st": "x" } }),
        json!({ "labels": { "alertname": "B", "a-b": "x" } }),
        json!({ "labels": { "alertname": "B", "count": 5 } }),
        json!({ "labels": { "alertname": "B" }, "annotations": { "a b": "x" } }),
        json!({ "labels": { "alertname": "B" }, "startsAt": "yesterday" }),
        json!({ "labels": { "alertname": "B" }, "generatorURL": "nowhere" }),
        json!({ "labels": { "alertname": "B" }, "status": "firing" }),
        json!("B"),
    ] {
        let got = post(&peer, &json!([alert("A", Some(4)), bad])).await;
        assert_eq!(got.status, 400, "{bad}: {got:?}");
    }
    assert_eq!(post(&peer, &json!({ "alerts": [] })).await.status, 400);
    let tally = peer.tally();
    assert_eq!((tally.pages, tally.repeats), (1, 11));
}

#[tokio::test]
async fn what_is_no_batch_is_refused() {
    let peer = standing(Alertmanager::new()).await;
    refuses_what_is_no_letter(&peer, "", "[]").await;
}
