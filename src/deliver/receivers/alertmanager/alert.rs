//! A notification as an alert of Alertmanager's API v2.
//!
//! Labels are the identity (`receivers/labels.rs`). Annotations are texts for people. They pass through templates of
//! receivers that we do not know; so what begins mentions and links in chats is replaced.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Serialize, Serializer};
use url::Url;

use crate::deliver::receiver::Message;
use crate::deliver::receivers::text::{clean_line, clean_lines, cut_characters, unlinked};

/// What identifies an alert.
pub(super) type Labels = BTreeMap<&'static str, String>;

/// For how long an alert fires without being heard of again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease(pub(super) Duration);

/// Longer texts are not read, and receivers of Alertmanager cut them at places of their own. Characters.
const ANNOTATION_LIMIT: usize = 8_000;

/// An alert, as `POST /api/v2/alerts` takes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    labels: Labels,
    annotations: BTreeMap<&'static str, String>,
    #[serde(serialize_with = "as_instant")]
    starts_at: DateTime<Utc>,
    #[serde(serialize_with = "as_instant")]
    ends_at: DateTime<Utc>,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
    #[serde(skip)]
    is_firing: bool,
    /// When it was made, by the clock that its times come from.
    #[serde(skip)]
    pub(super) made_at: DateTime<Utc>,
}

impl Alert {
    /// The alert of a message: firing for a lease from now, or ended when it really did.
    pub(super) fn of(message: &Message, labels: Labels, lease: Lease) -> Self {
        let notification = &message.notification;
        // What a clock that ran ahead noted is not to come: an end in the future would fire until then.
        let by_now = |noted: DateTime<Utc>| noted.min(message.attempted_at);
        let starts_at = by_now(notification.opened_at);
        let ends_at = if notification.is_firing() {
            let lease = TimeDelta::from_std(lease.0).unwrap_or(TimeDelta::MAX);
            message.attempted_at.checked_add_signed(lease).unwrap_or(DateTime::<Utc>::MAX_UTC)
        } else {
            by_now(notification.created_at)
        };
        let links = &notification.page.links;
        let web = |url: &str| Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let first = links.first().and_then(|link| web(&link.url)).map(String::from);
        Self {
            labels,
            annotations: annotations(message, first.as_deref()),
            // An end before the begin is refused by Alertmanager.
            ends_at: ends_at.max(starts_at),
            starts_at,
            generator_url: first,
            is_firing: notification.is_firing(),
            made_at: message.attempted_at,
        }
    }

    /// The alert for a peer whose clock seems to be ahead of ours. It fires by either clock, and its end is over by either:
    /// the date of an answer may be that of a proxy, and neither a page nor its end is to be lost by it.
    pub(super) fn by_clock_ahead(&self, ahead: TimeDelta) -> Self {
        let moved = |at: DateTime<Utc>| at.checked_add_signed(ahead).unwrap_or(at);
        let (starts_at, ends_at) = (moved(self.starts_at), moved(self.ends_at));
        let (starts_at, ends_at) = if self.is_firing {
            (starts_at, ends_at.max(self.ends_at))
        } else {
            (starts_at.min(self.starts_at), ends_at.min(self.ends_at))
        };
        Self { starts_at, ends_at, ..self.clone() }
    }
}

fn as_instant<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant(*at))
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

/// One line that calls nobody and links nowhere.
fn plain(line: &str) -> String {
    cut_characters(&unlinked(&clean_line(line)), ANNOTATION_LIMIT)
}

/// Lines that call nobody and link nowhere.
fn text(lines: &str) -> String {
    cut_characters(&unlinked(&clean_lines(lines)), ANNOTATION_LIMIT)
}

#[cfg(test)]
mod tests;
