//! The event, within PagerDuty's limits.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::super::labels::subject;
use super::super::text::{clean_line, clean_lines, clean_value, cut_bytes, cut_characters, web_address};
use crate::deliver::receiver::Message;
use crate::domain::notification::{Notification, NotificationKind};

/// PagerDuty's limits: characters of the summary and of the key, bytes of the details.
const SUMMARY_LENGTH: usize = 1024;
const KEY_LENGTH: usize = 255;
const DETAILS_SIZE: usize = 512_000;

/// Links of an alert.
const LINKS: usize = 10;

/// What PagerDuty is sent. It holds the routing key: it is written to the wire and nowhere else.
#[derive(Serialize)]
pub(super) struct Enqueue<'a> {
    routing_key: &'a str,
    event_action: &'static str,
    dedup_key: String,
    #[serde(flatten)]
    alert: Option<Alert>,
}

/// What opens or updates an alert; the other actions need the key alone.
#[derive(Serialize)]
struct Alert {
    payload: Payload,
    links: Vec<Link>,
    client: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_url: Option<String>,
}

#[derive(Serialize)]
struct Payload {
    summary: String,
    source: String,
    severity: &'static str,
    timestamp: String,
    component: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    class: &'static str,
    custom_details: Map<String, Value>,
}

#[derive(Serialize)]
struct Link {
    href: String,
    text: String,
}

/// What a kind does to an alert; `None` for one that is not sent.
pub(super) fn action(kind: NotificationKind) -> Option<&'static str> {
    match kind {
        NotificationKind::Trigger
        | NotificationKind::Reminder
        | NotificationKind::Growth
        | NotificationKind::Standing
        | NotificationKind::Test => Some("trigger"),
        NotificationKind::Resolve => Some("resolve"),
        NotificationKind::Acknowledgement => Some("acknowledge"),
        NotificationKind::Digest => None,
    }
}

/// The event for a message.
pub(super) fn payload<'a>(message: &Message, routing_key: &'a str) -> Option<Enqueue<'a>> {
    let notification = &message.notification;
    let event_action = action(notification.kind)?;
    let alert = (event_action == "trigger").then(|| alert(message));
    Some(Enqueue { routing_key, event_action, dedup_key: dedup_key(&notification.key()), alert })
}

/// The key as it is, or, where it is too long or unfit to be shown, its begin and a digest of all of it.
fn dedup_key(key: &str) -> String {
    let shown = clean_line(key);
    if shown == key && key.len() <= KEY_LENGTH {
        return shown;
    }
    let digest = Sha256::digest(key.as_bytes());
    let mut tail = String::from("#");
    for byte in digest.iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(tail, "{byte:02x}");
    }
    format!("{}{tail}", cut_bytes(&shown, KEY_LENGTH - tail.len()))
}

fn alert(message: &Message) -> Alert {
    let notification = &message.notification;
    let page = &notification.page;
    let links: Vec<Link> = page.links.iter().filter_map(link).take(LINKS).collect();
    let client_url = links.first().map(|link| link.href.clone());
    let integration = page.labels.integration.as_ref().map(|name| clean_line(name.as_str()));
    let payload = Payload {
        summary: summary(message),
        source: source(client_url.as_deref()),
        severity: notification.severity.as_str(),
        timestamp: instant(notification.opened_at),
        component: cut_characters(&clean_line(&subject(&notification.about)), KEY_LENGTH),
        group: integration.filter(|name| !name.is_empty()),
        class: notification.about.rule(),
        custom_details: bounded(details(message)),
    };
    Alert { payload, links, client: "snykwatch", client_url }
}

/// PagerDuty rejects an empty summary: a template that renders nothing must not lose a page.
fn summary(message: &Message) -> String {
    let title = clean_line(&message.title);
    let title = if title.is_empty() { clean_line(&message.notification.key()) } else { title };
    cut_characters(&title, SUMMARY_LENGTH)
}

/// Who tells: the host of the status page.
fn source(client_url: Option<&str>) -> String {
    let url = client_url.and_then(|url| url::Url::parse(url).ok());
    url.as_ref().and_then(|url| url.host_str()).unwrap_or("snykwatch").to_owned()
}

fn details(message: &Message) -> Map<String, Value> {
    let Notification { page, since, id, .. } = &*message.notification;
    let claims: Vec<String> = page.evidence.iter().map(|claim| format!("{} ({})", claim.text, claim.source)).collect();
    let mut value = json!({
        "text": clean_lines(&message.text),
        "summary": page.summary,
        "evidence": claims,
        "ruled_out": page.ruled_out,
        "last_change": page.last_change,
        "next_step": page.next_step,
        "noticed": page.noticed,
        "members": page.members,
        "more_members": page.more_members,
        "cause": page.cause,
        "owner": page.labels.owner,
        "since": instant(*since),
        "notification": id.to_string(),
    });
    clean_value(&mut value);
    let Value::Object(fields) = value else { return Map::new() };
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Number(number) => number.as_u64() == Some(0),
        Value::Bool(_) | Value::Object(_) => false,
    };
    fields.into_iter().filter(|(_, value)| !is_empty(value)).collect()
}

/// Leaves out the largest fields until the rest fits, and says so.
fn bounded(mut fields: Map<String, Value>) -> Map<String, Value> {
    /// Room for the list of what was left out.
    const RESERVE: usize = 1_000;
    let size = |value: &Value| value.to_string().len();
    let mut total: usize = fields.iter().map(|(name, value)| name.len() + size(value) + 4).sum();
    let mut left_out = Vec::new();
    while total > DETAILS_SIZE - RESERVE {
        let largest =
            fields.iter().max_by_key(|(_, value)| size(value)).map(|(name, value)| (name.clone(), size(value)));
        let Some((name, taken)) = largest else { break };
        fields.remove(&name);
        total -= (name.len() + taken + 4).min(total);
        left_out.push(name);
    }
    if !left_out.is_empty() {
        fields.insert("left_out".to_owned(), json!(left_out));
    }
    fields
}

fn link(link: &crate::domain::page::Link) -> Option<Link> {
    /// Characters of a link's title.
    const LENGTH: usize = 100;
    let href = web_address(&link.url)?;
    Some(Link { href, text: cut_characters(&clean_line(&link.title), LENGTH) })
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{self, HOSTILE, is_harmless, strings};
    use super::*;

    fn json_of(message: &Message) -> Value {
        serde_json::to_value(payload(message, "R0UTINGKEY").unwrap()).unwrap()
    }

    fn pretty(value: &Value) -> String {
        serde_json::to_string_pretty(value).unwrap()
    }

    #[test]
    fn a_trigger_says_everything() {
        insta::assert_snapshot!(pretty(&json_of(&fixture::message(NotificationKind::Trigger))), @r#"
        {
          "client": "snykwatch",
          "client_url": "https://snykwatch.example.com/",
          "dedup_key": "CredentialInvalid/credential/bitbucket-acme/critical",
          "event_action": "trigger",
          "links": [
            {
              "href": "https://snykwatch.example.com/",
              "text": "Status page"
            },
            {
              "href": "https://snykwatch.example.com/runbooks/CredentialInvalid",
              "text": "Runbook"
            }
          ],
          "payload": {
            "class": "CredentialInvalid",
            "component": "credential/bitbucket-acme",
            "custom_details": {
              "evidence": [
                "GET /2.0/user was answered with 401, twice. (measured)"
              ],
              "last_change": "The secret was changed on 2026-11-20.",
              "members": [
                "acme-bitbucket"
              ],
              "more_members": 50,
              "next_step": "Create a token and save it in Snyk (Group Admin).",
              "noticed": "within 5 minutes",
              "notification": "7dfe2c6ea763499969e4e29f45f7531d",
              "owner": "platform",
              "ruled_out": [
                "Bitbucket Cloud is reachable."
              ],
              "since": "2026-11-23T03:05:00.000Z",
              "summary": "Bitbucket Cloud rejects the PAT bitbucket-acme since 2026-11-23 03:05 UTC.",
              "text": "Bitbucket Cloud rejects the PAT bitbucket-acme since 2026-11-23 03:05 UTC.\nNext: Create a token and save it in Snyk (Group Admin)."
            },
            "group": "acme-bitbucket",
            "severity": "critical",
            "source": "snykwatch.example.com",
            "summary": "CredentialInvalid: bitbucket-acme (1 Group integration and 50 Organizations)",
            "timestamp": "2026-11-23T03:05:30.000Z"
          },
          "routing_key": "R0UTINGKEY"
        }
        "#);
    }

    #[test]
    fn acknowledge_and_resolve_need_the_key_alone() {
        insta::assert_snapshot!(json_of(&fixture::message(NotificationKind::Resolve)), @r#"{"dedup_key":"CredentialInvalid/credential/bitbucket-acme/critical","event_action":"resolve","routing_key":"R0UTINGKEY"}"#);
        insta::assert_snapshot!(json_of(&fixture::message(NotificationKind::Acknowledgement)), @r#"{"dedup_key":"CredentialInvalid/credential/bitbucket-acme/critical","event_action":"acknowledge","routing_key":"R0UTINGKEY"}"#);
    }

    #[test]
    fn kinds_become_actions_and_a_digest_wakes_nobody() {
        let actions: Vec<_> =
            NotificationKind::ALL.iter().map(|kind| (kind.as_str(), action(*kind).unwrap_or("-"))).collect();
        let expected = [
            ("trigger", "trigger"),
            ("resolve", "resolve"),
            ("reminder", "trigger"),
            ("growth", "trigger"),
            ("digest", "-"),
            ("standing", "trigger"),
            ("acknowledgement", "acknowledge"),
            ("test", "trigger"),
        ];
        assert_eq!(actions, expected);
        assert!(payload(&fixture::message(NotificationKind::Digest), "R0UTINGKEY").is_none());
    }

    #[test]
    fn all_events_of_a_problem_have_one_key() {
        let key = |kind| json_of(&fixture::message(kind))["dedup_key"].clone();
        for kind in [NotificationKind::Resolve, NotificationKind::Acknowledgement, NotificationKind::Growth] {
            assert_eq!(key(kind), "CredentialInvalid/credential/bitbucket-acme/critical");
        }
        let hostile = |kind| json_of(&fixture::hostile(kind))["dedup_key"].clone();
        assert_eq!(hostile(NotificationKind::Trigger), hostile(NotificationKind::Resolve));
    }

    #[test]
    fn long_and_unfit_keys_are_short_stable_and_different() {
        let long = |end: &str| format!("StatusUnknown/integration/{}{end}/critical", "ü".repeat(300));
        let (one, two) = (dedup_key(&long("one")), dedup_key(&long("two")));
        assert_ne!(one, two);
        assert_eq!(one, dedup_key(&long("one")));
        assert!(one.len() <= KEY_LENGTH && one.starts_with("StatusUnknown/integration/ü"), "{one}");
        assert_ne!(dedup_key("a\u{202e}b"), dedup_key("ab"));
        assert_eq!(dedup_key("ab"), "ab");
        let exact = "x".repeat(KEY_LENGTH);
        assert_eq!(dedup_key(&exact), exact);
    }

    #[test]
    fn hostile_names_stay_text_within_the_limits() {
        let value = json_of(&fixture::hostile(NotificationKind::Trigger));
        for text in strings(&value) {
            assert!(is_harmless(&text), "{text:?}");
        }
        let summary = value["payload"]["summary"].as_str().unwrap();
        assert!(!summary.contains('\n') && summary.starts_with("acme Bcc:"), "{summary}");
        assert_eq!(value["links"].as_array().unwrap().len(), 1, "a script is no link");
        assert_eq!(value["client_url"], "https://snykwatch.example.com/a|b%3Ec");
        assert!(value.to_string().len() < DETAILS_SIZE);
        assert!(value["dedup_key"].as_str().unwrap().len() <= KEY_LENGTH);
    }

    #[test]
    fn a_summary_is_never_empty_and_never_too_long() {
        let mut message = fixture::message(NotificationKind::Trigger);
        message.title = "\u{7}\n ".to_owned();
        assert_eq!(summary(&message), "CredentialInvalid/credential/bitbucket-acme/critical");
        message.title = "日".repeat(2_000);
        assert_eq!(summary(&message).chars().count(), SUMMARY_LENGTH);
    }

    #[test]
    fn details_that_are_too_large_lose_their_largest_parts() {
        let mut message = fixture::message(NotificationKind::Trigger);
        let mut page = fixture::page();
        page.members = (0..1_000).map(|number| format!("{number} {}", HOSTILE.repeat(10))).collect();
        page.ruled_out = (0..300).map(|number| format!("{number} {HOSTILE}")).collect();
        message.notification = std::sync::Arc::new(Notification { page, ..(*message.notification).clone() });
        let value = json_of(&message);
        let details = &value["payload"]["custom_details"];
        assert!(details.to_string().len() <= DETAILS_SIZE);
        assert_eq!(details["left_out"], json!(["members"]));
        assert!(details.get("members").is_none() && details["ruled_out"].as_array().unwrap().len() == 300);
    }

    #[test]
    fn the_source_is_where_the_status_page_is() {
        assert_eq!(source(Some("https://snykwatch.example.com:8443/x")), "snykwatch.example.com");
        assert_eq!(source(None), "snykwatch");
    }
}
