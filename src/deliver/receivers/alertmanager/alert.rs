//! A notification as an alert of Alertmanager's API v2.
//!
//! Labels are the identity: closed words and configuration keys, and the subject with everything else replaced.
//! Annotations are texts for people. They pass through templates of receivers that we do not know; so characters that
//! begin mentions and links in chats are replaced, and control characters are dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use url::Url;

use crate::deliver::receiver::Message;
use crate::domain::notification::Notification;

/// What identifies an alert.
pub(super) type Labels = BTreeMap<&'static str, String>;

/// For how long an alert fires without being heard of again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease(pub(super) Duration);

/// Alerts of snykwatch itself begin with this; those of the shipped Prometheus rules too.
const PREFIX: &str = "Snykwatch";

/// A subject is far shorter; longer is not for people. Characters.
const LABEL_LIMIT: usize = 200;

/// Longer texts are not read, and receivers of Alertmanager cut them at places of their own. Characters.
const ANNOTATION_LIMIT: usize = 8_000;

/// Chats take an `@` before these as a call to everybody.
const CALLS: [&str; 4] = ["channel", "here", "everyone", "all"];

/// An alert, as `POST /api/v2/alerts` takes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    labels: Labels,
    annotations: BTreeMap<&'static str, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

/// The labels of a notification. They say nothing that changes while an incident lasts, but for the highest level that is
/// affected and who is responsible: those are what they were at the trigger.
pub(super) fn labels(notification: &Notification) -> Labels {
    let page = &notification.page.labels;
    let about = notification.about.to_string();
    let (rule, subject) = about.split_once('/').unwrap_or((&about, ""));
    let labels = [
        ("alertname", Some(format!("{PREFIX}{rule}"))),
        ("incident", Some(rule.to_owned())),
        ("subject", Some(closed(subject))),
        ("severity", Some(notification.severity.to_string())),
        ("integration", page.integration.as_ref().map(|name| closed(name.as_str()))),
        ("credential", page.credential.as_ref().map(|name| closed(name.as_str()))),
        ("level", page.level.map(|level| level.to_string())),
        ("scm", page.scm.map(|scm| scm.to_string())),
        ("owner", page.owner.as_deref().map(plain)),
    ];
    let labels = labels.into_iter().filter_map(|(name, value)| Some((name, value?)));
    labels.filter(|(_, value)| !value.is_empty()).collect()
}

impl Alert {
    /// The alert of a message: firing for a lease from now, or ended when it really did.
    pub(super) fn of(message: &Message, labels: Labels, lease: Lease) -> Self {
        let notification = &message.notification;
        let starts_at = notification.opened_at;
        let ends_at = if notification.is_firing() {
            let lease = TimeDelta::from_std(lease.0).unwrap_or(TimeDelta::MAX);
            message.attempted_at.checked_add_signed(lease).unwrap_or(DateTime::<Utc>::MAX_UTC)
        } else {
            notification.created_at
        };
        let links = &notification.page.links;
        let web = |url: &str| Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let first = links.first().and_then(|link| web(&link.url)).map(String::from);
        Self {
            labels,
            annotations: annotations(message, first.as_deref()),
            // An end before the begin is refused by Alertmanager.
            ends_at: instant(ends_at.max(starts_at)),
            starts_at: instant(starts_at),
            generator_url: first,
        }
    }
}

fn annotations(message: &Message, status_url: Option<&str>) -> BTreeMap<&'static str, String> {
    let page = &message.notification.page;
    let runbook = page.links.iter().find(|link| link.title.to_lowercase().contains("runbook"));
    let annotations = [
        ("summary", plain(&message.title)),
        ("description", text(&message.text)),
        ("next_step", text(&page.next_step)),
        ("since", instant(message.notification.since)),
        ("status_url", status_url.unwrap_or_default().to_owned()),
        ("runbook_url", runbook.map(|link| plain(&link.url)).unwrap_or_default()),
        ("notification_id", message.notification.id.to_string()),
    ];
    annotations.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Words of closed lists, configuration keys and slugs as they are; what else may be in a slug becomes `_`.
fn closed(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    text.chars().take(LABEL_LIMIT).map(|character| if is_plain(character) { character } else { '_' }).collect()
}

/// One line that calls nobody and links nowhere.
fn plain(line: &str) -> String {
    text(line).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lines that call nobody and link nowhere.
fn text(lines: &str) -> String {
    let visible = lines.chars().filter(|character| *character == '\n' || !character.is_control());
    let visible = visible.filter(|character| !matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    let harmless = visible.take(ANNOTATION_LIMIT).map(|character| match character {
        '<' => '‹',
        '>' => '›',
        other => other,
    });
    let mut harmless: String = harmless.collect();
    for call in CALLS {
        harmless = without_call(&harmless, call);
    }
    harmless
}

/// The text with nothing that calls everybody: an invisible joiner stands behind the `@`.
fn without_call(text: &str, call: &str) -> String {
    let mut rest = text;
    let mut changed = String::with_capacity(text.len());
    while let Some(place) = rest.find('@') {
        let (before, after) = rest.split_at(place + 1);
        changed.push_str(before);
        if after.get(..call.len()).is_some_and(|word| word.eq_ignore_ascii_case(call)) {
            changed.push('\u{2060}');
        }
        rest = after;
    }
    changed.push_str(rest);
    changed
}

#[cfg(test)]
mod tests;
