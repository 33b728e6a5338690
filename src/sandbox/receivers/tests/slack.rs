use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::sandbox::receivers::Slack;

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

#[tokio::test]
async fn messages_are_shown_as_they_come() {
    let slack = standing(Slack::new()).await;
    let message =
        json!({ "text": "CredentialInvalid &lt;!channel&gt;", "blocks": [section("*why*"), { "type": "divider" }] });
    for (pages, repeats) in [(1, 0), (1, 1)] {
        let got = post(&slack, &message).await;
        assert_eq!((got.status, got.body.as_str()), (200, "ok"));
        let tally = slack.tally();
        assert_eq!((tally.pages, tally.repeats, tally.breaches.len()), (pages, repeats, 0));
    }
    slack.look(|slack| assert_eq!(slack.messages().len(), 2));
}

#[tokio::test]
async fn mentions_are_breaches() {
    for bad in [
        json!({ "text": "repository <!channel>" }),
        json!({ "text": "repository <@U12345>" }),
        json!({ "text": "fine", "blocks": [section("by <!here>")] }),
        json!({ "text": "fine", "blocks": [{ "type": "context", "elements": [{ "type": "mrkdwn", "text": "<#C1>" }] }] }),
    ] {
        let slack = standing(Slack::new()).await;
        assert_eq!(post(&slack, &bad).await.status, 200, "{bad}");
        assert_eq!(slack.tally().breaches.len(), 1, "{bad}");
    }
}

#[tokio::test]
async fn messages_that_slack_does_not_take_are_refused() {
    for (bad, why) in [
        (json!([]), "invalid_payload"),
        (json!({}), "no_text"),
        (json!({ "text": "" }), "no_text"),
        (json!({ "text": "x".repeat(40_001) }), "msg_too_long"),
        (json!({ "text": "fine", "link_names": 1 }), "invalid_payload"),
        (json!({ "text": "fine", "blocks": [] }), "invalid_blocks"),
        (json!({ "text": "fine", "blocks": vec![section("x"); 51] }), "invalid_blocks"),
        (json!({ "text": "fine", "blocks": [section(&"x".repeat(3001))] }), "invalid_blocks"),
        (json!({ "text": "fine", "blocks": [section("")] }), "invalid_blocks"),
        (
            json!({ "text": "fine", "blocks": [{ "type": "header", "text": { "type": "mrkdwn", "text": "x" } }] }),
            "mrkdwn",
        ),
        (json!({ "text": "fine", "blocks": [{ "type": "table" }] }), "invalid_blocks"),
    ] {
        let slack = standing(Slack::new()).await;
        let got = post(&slack, &bad).await;
        assert_eq!(got.status, 400, "{bad}: {got:?}");
        assert!(got.body.contains(why), "{bad}: {got:?}");
    }
    let slack = standing(Slack::new()).await;
    let full = json!({ "text": "fine", "blocks": vec![section(&"x".repeat(3000)); 50] });
    assert_eq!(post(&slack, &full).await.status, 200);
}

#[tokio::test]
async fn one_message_a_second_is_taken_after_a_burst() {
    let (slack, clock) = moving(Slack::new()).await;
    let mut sleeper = clock.participant();
    for number in 0..5 {
        assert_eq!(post(&slack, &json!({ "text": format!("{number}") })).await.status, 200);
    }
    let got = post(&slack, &json!({ "text": "one too many" })).await;
    assert_eq!(got.status, 429);
    assert!(got.head.contains("retry-after: 1"), "{}", got.head);
    sleeper.sleep_until(now() + TimeDelta::seconds(1)).await;
    assert_eq!(post(&slack, &json!({ "text": "after a second" })).await.status, 200);
    assert_eq!(post(&slack, &json!({ "text": "and too many" })).await.status, 429);
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let slack = standing(Slack::new()).await;
    refuses_what_is_no_letter(&slack, "", r#"{"text":"fine"}"#).await;
}
