//! Notifications: an incident's event, its copy for each receiver (a delivery), and each try of sending one (an attempt).
//!
//! The key on the wire is `rule/subject/severity`: an escalation ends the lower key and begins the higher one, so that a
//! receiver notifies again. It holds no time, so a daemon that lost its state names the same problem by the same key.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::incident::{IncidentKey, Severity};
use super::kinds::closed_list;
use super::names::ReceiverName;
use super::page::Page;

closed_list! {
    /// What happened.
    NotificationKind {
        /// An incident opened, or has this severity now.
        Trigger => "trigger",
        /// It resolved, or has another severity now.
        Resolve => "resolve",
        /// It still lasts.
        Reminder => "reminder",
        /// It affects clearly more than when it was told last.
        Growth => "growth",
        /// What is new, ended or standing among the problems of a route.
        Digest => "digest",
        /// Nobody acted for a long time: from now on it is in the digest alone.
        Standing => "standing",
        /// Somebody takes care of it.
        Acknowledgement => "acknowledgement",
        /// Somebody tests a receiver.
        Test => "test",
    }
}

/// What a notification is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// An incident.
    Incident(IncidentKey),
    /// A receiver that rejects what it is sent.
    Receiver(ReceiverName),
    /// A test of a receiver.
    Test(ReceiverName),
    /// The problems of a route, together.
    Digest(RouteId),
}

impl fmt::Display for About {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incident(key) => key.fmt(formatter),
            Self::Receiver(name) => write!(formatter, "ReceiverFailing/receiver/{name}"),
            Self::Test(name) => write!(formatter, "ReceiverTest/receiver/{name}"),
            Self::Digest(route) => write!(formatter, "Digest/route/{route}"),
        }
    }
}

impl About {
    /// The name of the rule, as alerts are called.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Incident(key) => key.rule.as_str(),
            Self::Receiver(_) => "ReceiverFailing",
            Self::Test(_) => "ReceiverTest",
            Self::Digest(_) => "Digest",
        }
    }
}

/// Identity of a route: who it leads to and what it takes. Its place in the list may change with a reload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RouteId(pub String);

impl fmt::Display for RouteId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Identity of a notification: the same for every repetition of sending it, whatever dies in between.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NotificationId(pub String);

impl NotificationId {
    /// The `sequence`th event of an episode.
    pub fn of(
        about: &About,
        severity: Severity,
        opened_at: DateTime<Utc>,
        kind: NotificationKind,
        sequence: u32,
    ) -> Self {
        /// So many bytes of the digest make an id: collisions are out of reach, and it stays readable.
        const BYTES: usize = 16;
        let text = format!("{about}\n{severity}\n{}\n{kind}\n{sequence}", opened_at.timestamp_millis());
        let digest = Sha256::digest(text.as_bytes());
        let mut id = String::with_capacity(2 * BYTES);
        for byte in digest.iter().take(BYTES) {
            // Writing to a string cannot fail.
            let _ = write!(id, "{byte:02x}");
        }
        Self(id)
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An incident's event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Its identity.
    pub id: NotificationId,
    /// What happened.
    pub kind: NotificationKind,
    /// What it is about.
    pub about: About,
    /// How bad; of a resolve, how bad it was.
    pub severity: Severity,
    /// When the cause began.
    pub since: DateTime<Utc>,
    /// When the incident opened: the begin of the episode.
    pub opened_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// What a person reads.
    pub page: Page,
}

impl Notification {
    /// The key on the wire: `rule/subject/severity`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.about, self.severity)
    }

    /// Whether the problem lasts.
    pub fn is_firing(&self) -> bool {
        self.kind != NotificationKind::Resolve
    }

    /// Whether a receiver that takes it has something open, or closed: a test and a digest leave nothing behind.
    pub fn is_kept_open(&self) -> bool {
        !matches!(self.kind, NotificationKind::Test | NotificationKind::Digest)
    }
}

/// A notification for some receivers, to be committed with the state that caused it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// The event.
    pub notification: Arc<Notification>,
    /// To whom.
    pub receivers: Vec<ReceiverName>,
    /// Whether it is to be sent.
    pub dispatch: Dispatch,
}

/// Whether a notification is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dispatch {
    /// It is.
    Deliver,
    /// It is only noted: `run --observe`.
    Withhold,
}

closed_list! {
    /// What became of a delivery.
    DeliveryState {
        /// To be sent, or to be sent again.
        Pending => "pending",
        /// Accepted.
        Delivered => "delivered",
        /// Rejected for good, or too old.
        DeadLettered => "dead_lettered",
        /// Overtaken by a later one before it was sent.
        Collapsed => "collapsed",
        /// Only noted: `run --observe`.
        Withheld => "withheld",
    }
}

closed_list! {
    /// How far a delivery may have got.
    Reach {
        /// Certainly not received: never sent, or refused before it was taken.
        NotReceived => "not_received",
        /// Perhaps received: an attempt has no known end, or ended without an answer.
        Unclear => "unclear",
        /// Received.
        Received => "received",
    }
}

/// Identity of a delivery; ascending in the order in which they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(pub i64);

/// A notification's copy for one receiver.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delivery {
    /// Its identity.
    pub id: DeliveryId,
    /// To whom.
    pub receiver: ReceiverName,
    /// What.
    pub notification: Arc<Notification>,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// How far it may have got.
    pub reach: Reach,
    /// When it is tried next, in domain time. Only a pending one is.
    pub next_attempt_at: DateTime<Utc>,
    /// When it reached its final state.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed: a word of a closed list, and a sentence without secrets.
    pub last_failure: Option<AttemptFailure>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFailure {
    /// Which kind of failure: the `reason` label of metrics.
    pub reason: FailureReason,
    /// One sentence, without secrets.
    pub detail: String,
}

closed_list! {
    /// Why an attempt failed.
    FailureReason {
        /// Its name could not be resolved, or leads to an address we never send to.
        Address => "address",
        /// No connection.
        Connection => "connection",
        /// The certificate is not trusted, or TLS failed.
        Tls => "tls",
        /// No answer in time.
        Timeout => "timeout",
        /// It asks us to wait.
        RateLimited => "rate_limited",
        /// It fails itself.
        ServerError => "server_error",
        /// It does not know us.
        Unauthorized => "unauthorized",
        /// It rejects what we send.
        Rejected => "rejected",
        /// It answered something that is no answer.
        InvalidAnswer => "invalid_answer",
        /// It was pending for too long.
        Expired => "expired",
        /// The receiver is no longer configured.
        Unconfigured => "unconfigured",
        /// We failed ourselves: a defect of snykwatch.
        Internal => "internal",
    }
}
