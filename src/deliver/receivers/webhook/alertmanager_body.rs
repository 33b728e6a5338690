//! The body that Alertmanager's webhook receivers expect, version 4: one group with one alert.
//!
//! Such receivers hand texts on to chats that we do not know, so nothing in them begins a mention, a tag or a link.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::super::labels::labels;
use super::super::text::{clean_line, clean_lines, unlinked, web_address};
use crate::deliver::receiver::Message;
use crate::domain::names::ReceiverName;
use crate::domain::page::Link;

/// How Alertmanager writes that something has not ended: the zero of Go's time.
const NOT_ENDED: &str = "0001-01-01T00:00:00Z";

type Labels = BTreeMap<&'static str, String>;

/// The body.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    version: &'static str,
    group_key: String,
    truncated_alerts: u32,
    status: &'static str,
    receiver: String,
    group_labels: Labels,
    common_labels: Labels,
    common_annotations: Labels,
    #[serde(rename = "externalURL")]
    external_url: String,
    alerts: [Alert; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: &'static str,
    labels: Labels,
    annotations: Labels,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

/// The body for a message.
pub(super) fn payload(message: &Message, receiver: &ReceiverName) -> Body {
    let notification = &message.notification;
    let status = if notification.is_firing() { "firing" } else { "resolved" };
    let (labels, annotations) = (labels(notification), annotations(message));
    let external_url = notification.page.links.first().and_then(link).unwrap_or_default();
    let key = clean_line(&notification.key());
    let ends_at = if notification.is_firing() { NOT_ENDED.to_owned() } else { instant(notification.created_at) };
    let alert = Alert {
        status,
        labels: labels.clone(),
        annotations: annotations.clone(),
        starts_at: instant(notification.opened_at),
        ends_at,
        generator_url: external_url.clone(),
        fingerprint: fingerprint(&key),
    };
    Body {
        version: "4",
        group_key: key,
        truncated_alerts: 0,
        status,
        receiver: receiver.to_string(),
        group_labels: labels.iter().filter(|(name, _)| **name == "alertname").map(|(k, v)| (*k, v.clone())).collect(),
        common_labels: labels,
        common_annotations: annotations,
        external_url,
        alerts: [alert],
    }
}

fn annotations(message: &Message) -> Labels {
    let page = &message.notification.page;
    let runbook = page.links.iter().find(|link| link.title.to_ascii_lowercase().contains("runbook"));
    let texts = [
        ("summary", unlinked(&clean_line(&message.title))),
        ("description", unlinked(&clean_lines(&message.text))),
        ("next_step", unlinked(&clean_line(&page.next_step))),
        ("runbook_url", runbook.and_then(link).unwrap_or_default()),
    ];
    texts.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

fn link(link: &Link) -> Option<String> {
    web_address(&link.url)
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Tells alerts apart: opaque, sixteen digits, the same for the same key.
fn fingerprint(key: &str) -> String {
    let mut text = String::with_capacity(16);
    for byte in Sha256::digest(key.as_bytes()).iter().take(8) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
