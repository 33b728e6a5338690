use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;

use super::*;
use crate::sandbox::receivers::Webhook;

const FIRING: &str =
    r#"{"type":"integration.partially_connected.firing","timestamp":"2026-11-23T09:00:00Z","data":{}}"#;
const RESOLVED: &str =
    r#"{"type":"integration.partially_connected.resolved","timestamp":"2026-11-23T09:00:00Z","data":{}}"#;

fn secret(letter: char) -> String {
    format!("whsec_{}", STANDARD.encode(letter.to_string().repeat(24)))
}

/// Headers as the reference implementation makes them.
fn signed(secrets: &[String], id: &str, at: DateTime<Utc>, body: &str) -> String {
    let sign = |secret: &String| {
        let signer = standardwebhooks::Webhook::new(secret).unwrap();
        signer.sign(id, at.timestamp(), body.as_bytes()).unwrap()
    };
    let signatures: Vec<String> = secrets.iter().map(sign).collect();
    let (seconds, signatures) = (at.timestamp(), signatures.join(" "));
    format!("webhook-id: {id}\r\nwebhook-timestamp: {seconds}\r\nwebhook-signature: {signatures}\r\n")
}

async fn deliver(hook: &FakeReceiver<Webhook>, headers: &str, body: &str) -> u16 {
    send("POST", &hook.url(), &format!("{headers}{JSON}"), body).await.unwrap().status
}

#[tokio::test]
async fn one_id_wakes_once() {
    let hook = standing(Webhook::new([secret('a')])).await;
    let key = [secret('a')];
    for (id, body, late) in [("one", FIRING, 0), ("one", FIRING, 60), ("two", RESOLVED, 0), ("two", RESOLVED, 0)] {
        let headers = signed(&key, id, now() + TimeDelta::seconds(late), body);
        assert_eq!(deliver(&hook, &headers, body).await, 204);
    }
    let tally = hook.tally();
    assert_eq!((tally.pages, tally.repeats, tally.resolves), (1, 2, 1));
    assert_eq!(tally.breaches, [""; 0]);
    hook.look(|hook| assert_eq!(hook.ids(), ["one", "two"]));
    let changed = FIRING.replace("{}", "{\"more\":1}");
    assert_eq!(deliver(&hook, &signed(&key, "one", now(), &changed), &changed).await, 204);
    assert_eq!(hook.tally().breaches, ["one came with two bodies"]);
}

#[tokio::test]
async fn a_signature_by_any_key_of_a_rotation_will_do() {
    let hook = standing(Webhook::new([secret('b')])).await;
    let headers = signed(&[secret('a'), secret('b')], "one", now(), FIRING);
    assert_eq!(deliver(&hook, &headers, FIRING).await, 204);
    hook.look(|hook| hook.rotate([secret('c')]));
    assert_eq!(deliver(&hook, &signed(&[secret('a'), secret('b')], "two", now(), FIRING), FIRING).await, 401);
}

#[tokio::test]
async fn forged_and_late_letters_are_refused() {
    let hook = standing(Webhook::new([secret('a')])).await;
    let key = [secret('a')];
    let good = signed(&key, "one", now(), FIRING);
    let minutes = |count| now() + TimeDelta::minutes(count);
    for (headers, wanted) in [
        (good.replace("webhook-id: one\r\n", ""), 400),
        (good.replace("webhook-id: one", "webhook-id: other"), 401),
        (good.replace("webhook-signature", "signature"), 400),
        (good.replace("v1,", "v1,AAAA"), 401),
        (good.replace("v1,", "sha256="), 400),
        (format!("{good}webhook-id: one\r\n"), 400),
        (good.replace(&now().timestamp().to_string(), "yesterday"), 400),
        (signed(&key, "one", minutes(6), FIRING), 400),
        (signed(&key, "one", minutes(-6), FIRING), 400),
        (signed(&[secret('b')], "one", now(), FIRING), 401),
        (signed(&key, "one", now(), RESOLVED), 401),
    ] {
        assert_eq!(deliver(&hook, &headers, FIRING).await, wanted, "{headers}");
    }
    assert_eq!(hook.taken().len(), 0);
    assert_eq!(deliver(&hook, &signed(&key, "one", Clock::system().now(), FIRING), FIRING).await, 204);
}

#[tokio::test]
async fn bodies_that_nobody_understands_are_refused() {
    let hook = standing(Webhook::new([""; 0])).await;
    let head = format!("webhook-id: one\r\nwebhook-timestamp: {}\r\n", now().timestamp());
    for bad in [
        "[]",
        r#"{"timestamp":"2026-11-23T09:00:00Z","data":{}}"#,
        r#"{"type":"no words","timestamp":"2026-11-23T09:00:00Z","data":{}}"#,
        r#"{"type":"incident.firing","data":{}}"#,
        r#"{"type":"incident.firing","timestamp":"now","data":{}}"#,
        r#"{"type":"incident.firing","timestamp":"2026-11-23T09:00:00Z","data":"text"}"#,
        r#"{"version":"4","status":"firing","groupKey":"","receiver":"","externalURL":"","alerts":[]}"#,
        r#"{"version":"4","status":"broken","groupKey":"","receiver":"","externalURL":"","alerts":[{}]}"#,
    ] {
        assert_eq!(deliver(&hook, &head, bad).await, 400, "{bad}");
    }
    let good = r#"{"version":"4","status":"resolved","groupKey":"","receiver":"","externalURL":"","alerts":[{}]}"#;
    assert_eq!(deliver(&hook, &head, good).await, 204);
    assert_eq!(hook.tally().resolves, 1);
}

#[tokio::test]
async fn what_is_no_event_is_refused() {
    let hook = standing(Webhook::new([""; 0])).await;
    let head = format!("webhook-id: one\r\nwebhook-timestamp: {}\r\n", now().timestamp());
    refuses_what_is_no_letter(&hook, &head, FIRING).await;
}
