//! What a decision rests on besides the state.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use url::Url;

use crate::config::routing::Routing;
use crate::domain::fleet::Fleet;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{About, AttemptFailure, Dispatch};

/// What a decision rests on besides the state.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What is watched.
    pub fleet: &'a Fleet,
    /// Who is told of what.
    pub routing: &'a Routing,
    /// Receivers that do not take what they are sent (since they last took something).
    pub failing: &'a BTreeMap<ReceiverName, FailingReceiver>,
    /// Whether notifications are sent or only noted (`run --observe`).
    pub dispatch: Dispatch,
    /// Where people reach this daemon; links lead there.
    pub external_url: &'a Url,
    /// The domain time.
    pub now: DateTime<Utc>,
}

/// A receiver that does not take what it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingReceiver {
    /// Since the first rejection.
    pub since: DateTime<Utc>,
    /// Why.
    pub failure: AttemptFailure,
    /// Problems of which it rejected a notification for good, and when the last such one was made.
    pub lost: BTreeMap<About, DateTime<Utc>>,
}
