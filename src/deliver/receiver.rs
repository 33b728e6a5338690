//! What every receiver can do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use crate::domain::notification::{FailureReason, Notification, NotificationKind, Reach};

/// A notification on its way, with its text as this receiver's templates make it.
#[derive(Debug, Clone)]
pub struct Message {
    /// What happened.
    pub notification: Arc<Notification>,
    /// One line, plain text. Hostile names are in it: the receiver escapes it.
    pub title: String,
    /// The whole text, plain, in lines. Likewise.
    pub text: String,
    /// When this attempt is made.
    pub attempted_at: DateTime<Utc>,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendFailure {
    /// Which kind of failure.
    pub reason: FailureReason,
    /// One sentence, without secrets.
    pub detail: String,
    /// Whether it may have been received all the same.
    pub reach: Reach,
    /// Whether to try again.
    pub retry: Retry,
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// By our own schedule.
    Later,
    /// Not before this has passed: the receiver says so.
    After(Duration),
    /// Never: the same again would be rejected again.
    Never,
}

/// A receiver of notifications. One file each below `deliver/receivers/`.
pub trait Receiver: fmt::Debug + Send + Sync {
    /// Sends one message and waits for its acceptance, within a time of its own.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendFailure>>;

    /// Whether events of this kind mean anything there. Those that do not are not sent.
    fn takes(&self, kind: NotificationKind) -> bool;

    /// The least time between two messages.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }

    /// For a receiver that forgets what it is not reminded of.
    fn lease(&self) -> Option<&dyn Leased> {
        None
    }
}

/// A receiver that forgets what it is not reminded of.
pub trait Leased: Send + Sync {
    /// How often it is reminded of everything that stands.
    fn renew_every(&self) -> Duration;

    /// How long resolves are repeated.
    fn repeat_resolves_for(&self) -> Duration;

    /// Whether a notification that stands is repeated to it.
    fn repeats(&self, notification: &Notification) -> bool;

    /// Reminds it of everything that stands: firing and lately resolved.
    fn renew<'a>(&'a self, standing: &'a [Message]) -> BoxFuture<'a, Result<(), SendFailure>>;
}
