//! Our own event. Its fields are described in `docs/receivers.md`; fields may be added, none changes its meaning.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::super::labels::subject;
use super::super::text::{clean_line, clean_lines, clean_value};
use crate::deliver::receiver::Message;
use crate::domain::incident::Severity;
use crate::domain::notification::{About, NotificationKind};

/// The body.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    kind: String,
    /// When the event happened, not when it is sent: the same over all attempts.
    timestamp: DateTime<Utc>,
    data: Data,
}

#[derive(Debug, Serialize)]
struct Data {
    id: String,
    key: String,
    kind: NotificationKind,
    firing: bool,
    rule: &'static str,
    subject: String,
    severity: Severity,
    since: DateTime<Utc>,
    opened_at: DateTime<Utc>,
    title: String,
    text: String,
    page: Value,
}

/// The body for a message.
pub(super) fn payload(message: &Message) -> Event {
    let notification = &message.notification;
    // Our own types always become JSON; were it otherwise, the text would still say everything.
    let mut page = serde_json::to_value(&notification.page).unwrap_or_default();
    clean_value(&mut page);
    let about = match notification.about {
        About::Incident(_) => "incident",
        About::Receiver(_) | About::Test(_) => "receiver",
        About::Digest(_) => "route",
    };
    Event {
        kind: format!("{about}.{}", notification.kind),
        timestamp: notification.created_at,
        data: Data {
            id: notification.id.to_string(),
            key: clean_line(&notification.key()),
            kind: notification.kind,
            firing: notification.is_firing(),
            rule: notification.about.rule(),
            subject: clean_line(&subject(&notification.about)),
            severity: notification.severity,
            since: notification.since,
            opened_at: notification.opened_at,
            title: clean_line(&message.title),
            text: clean_lines(&message.text),
            page,
        },
    }
}
