//! What delivery tells about itself.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::domain::names::ReceiverName;
use crate::domain::notification::FailureReason;

/// Told what happens, to count it.
pub trait DeliveryTelemetry: fmt::Debug + Send + Sync {
    /// An attempt to deliver ended.
    fn on_attempt(&self, receiver: &ReceiverName, end: Result<(), FailureReason>);

    /// A delivery ended without having been taken.
    fn on_dead_letter(&self, receiver: &ReceiverName);

    /// The dead man's switch took a sign of life, in domain time.
    fn on_heartbeat(&self, at: DateTime<Utc>);

    /// The store could not do what was asked.
    fn on_store_error(&self);

    /// A part of us panicked; the rest goes on.
    fn on_panic(&self);
}
