use std::time::Duration;

use serde_json::json;

use super::*;
use crate::sandbox::receivers::{Outcome, Slack, Trouble};

#[tokio::test]
async fn every_trouble_is_what_it_is_called() {
    let slack = standing(Slack::new()).await;
    let message = json!({ "text": "hello" }).to_string();
    let ask = async || send("POST", &slack.url(), JSON, &message).await;
    for (trouble, status, text) in [
        (Trouble::Status(500), 500, "out of order"),
        (Trouble::Status(503), 503, "out of order"),
        (Trouble::RateLimited(Duration::from_secs(30)), 429, "retry-after: 30"),
        (Trouble::Redirect, 302, "location: /services/"),
        (Trouble::HtmlWithOk, 200, "text/html"),
    ] {
        slack.set_trouble(Some(trouble.clone()));
        let got = ask().await.unwrap();
        assert_eq!(got.status, status, "{trouble:?}");
        assert!(format!("{}{}", got.head, got.body).contains(text), "{trouble:?}: {got:?}");
    }
    slack.set_trouble(Some(Trouble::Cut));
    assert!(ask().await.is_none());
    assert_eq!(slack.taken().len(), 0);
    assert!(slack.receptions().iter().all(|reception| reception.outcome == Outcome::Lost));

    slack.set_trouble(Some(Trouble::TakeThenCut));
    assert!(ask().await.is_none());
    assert_eq!(slack.taken().len(), 1);
    slack.set_trouble(Some(Trouble::Slow(Duration::from_millis(1))));
    assert_eq!(ask().await.unwrap().status, 200);
    slack.set_trouble(None);
    assert_eq!(ask().await.unwrap().status, 200);
    slack.set_trouble(Some(Trouble::AnswerLate(Duration::from_millis(1))));
    assert_eq!(ask().await.unwrap().status, 200);
    assert_eq!(slack.tally().letters, 10);
}

#[tokio::test]
async fn a_trouble_ends_after_its_letters() {
    let slack = standing(Slack::new()).await;
    slack.trouble_for(2, Trouble::Status(503));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(post(&slack, &json!({ "text": "hello" })).await.status);
    }
    assert_eq!(statuses, [503, 503, 200]);
}

#[tokio::test]
async fn a_stall_lasts_until_it_is_taken_away() {
    let slack = standing(Slack::new()).await;
    slack.set_trouble(Some(Trouble::Stall));
    let message = json!({ "text": "hello" }).to_string();
    let url = slack.url();
    let asking = tokio::spawn(async move { send("POST", &url, JSON, &message).await.is_some() });
    tokio::time::timeout(Duration::from_secs(30), async {
        while slack.receptions().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert!(!asking.is_finished());
    slack.set_trouble(None);
    assert!(!asking.await.unwrap(), "what stalled is cut, not answered");
    assert_eq!(slack.taken().len(), 0);
}
