//! What the daemon remembers, committed in one piece.
//!
//! - a [`Commit`] carries the whole [`State`] and the [`Transition`]s that led to it. Both become visible together or
//!   not at all;
//! - a [`Revision`] counts commits. A commit names the one it was based on, and is refused when that is not the latest:
//!   there is one writer, and a second one (or a repeat of a commit whose answer was lost) must not pass unnoticed;
//! - the history keeps transitions by [`Subject`] until they are pruned. In memory they are also bounded in number, by
//!   [`HistoryBounds`];
//! - the [`Outbox`] has a row for each delivery, made in the commit that causes it: nothing is sent that was not first a
//!   row.
//!
//! [`memory::MemoryStore`] keeps it all for the life of the process, [`sqlite::SqliteStore`] in one file. Every back end
//! passes the same contract suite (`store/contract.rs`).
//!
//! What it deliberately does not do: it decides nothing, and no page and no scrape ever asks it; they read the published
//! snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use secrecy::SecretSlice;
use uuid::Uuid;

use crate::domain::incident::{Severity, Subject};
use crate::domain::names::ReceiverName;
use crate::domain::notification::{
    About, AttemptFailure, Delivery, DeliveryId, DeliveryState, Notification, Outgoing, Reach,
};
use crate::domain::state::{Change, State, Transition};

pub mod memory;
pub mod parts;
pub mod sqlite;

#[cfg(test)]
pub(crate) mod contract;

/// How many commits there were: none is [`Revision::NONE`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// Before the first commit.
    pub const NONE: Self = Self(0);

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "revision {}", self.0)
    }
}

/// One step of the daemon's memory.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The revision that `state` was made from.
    pub based_on: Revision,
    /// When it was made, in domain time.
    pub at: DateTime<Utc>,
    /// Everything remembered after this step.
    pub state: Arc<State>,
    /// What changed in this step, oldest first.
    pub transitions: Vec<Transition>,
    /// What people are to be told of it.
    pub notifications: Vec<Outgoing>,
}

impl Commit {
    /// Whether there is something in it that leaves although it cannot be committed.
    fn has_pages(&self) -> bool {
        self.notifications.iter().any(|told| told.notification.severity == Severity::Critical)
    }
}

/// What the store gives back at start.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The latest commit's revision.
    pub revision: Revision,
    /// When that commit was made: from then until now nobody watched.
    pub committed_at: DateTime<Utc>,
    /// Its state.
    pub state: Arc<State>,
}

/// How much history is kept in memory. What is beyond is dropped, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryBounds {
    /// Transitions of one subject: a restless one must not crowd out the others.
    pub per_subject: usize,
    /// Transitions in all.
    pub total: usize,
}

impl Default for HistoryBounds {
    /// A subject that flaps at every check of five minutes is kept for most of a day; a fleet of 10,000 integrations
    /// stays below some 10 MB.
    fn default() -> Self {
        Self { per_subject: 200, total: 20_000 }
    }
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else committed meanwhile, or this commit had already been made.
    #[error("commit based on {based_on} refused: the store holds {found}")]
    Conflict {
        /// What the commit was based on.
        based_on: Revision,
        /// What the store holds.
        found: Revision,
    },
    /// The back end failed. Nothing was changed, unless the answer to a commit was lost: a repeat then conflicts.
    #[error("could not {action}")]
    Backend {
        /// What was attempted, such as `commit the state`.
        action: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What tells one installation from another; made when the store is.
#[derive(Clone)]
pub struct Installation {
    /// Names it.
    pub id: Uuid,
    /// Key of the secrets' versions: the same for the life of the installation, so that a restart sees a rotation.
    pub version_key: SecretSlice<u8>,
}

impl Installation {
    /// A new one. Its key is 32 bytes of the operating system's randomness, less the few bits that mark a UUID.
    pub fn random() -> Self {
        let key = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
        Self { id: Uuid::new_v4(), version_key: SecretSlice::from(key) }
    }
}

impl fmt::Debug for Installation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Installation").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A place for the daemon's memory.
pub trait Store: Outbox {
    /// Which installation this is.
    fn installation(&self) -> Installation;

    /// The latest commit; `None` before the first.
    fn load(&self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>>;

    /// Takes over state, transitions and notifications in one transaction and gives the new revision. Each notification
    /// becomes one delivery for each of its receivers; one whose id is known already makes no second one. An error
    /// changes nothing.
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Revision, StoreError>>;

    /// The latest `limit` transitions of a subject, newest first. Those of an integration's status and conditions
    /// belong to [`Subject::Integration`], those of an incident to the incident's subject.
    fn history(&self, subject: Subject, limit: usize) -> BoxFuture<'_, Result<Vec<Transition>, StoreError>>;

    /// Drops transitions, and deliveries that have ended, from before `before`. What is pending stays.
    fn prune(&self, before: DateTime<Utc>) -> BoxFuture<'_, Result<Pruned, StoreError>>;

    /// How much room it takes, in bytes; zero in memory.
    fn size(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Looks whether what was written is still where it was put, and mends what can be mended without harm; gives what
    /// was. An error says what is wrong and what to do: nothing is committed until that is done. Cheap, to be called
    /// several times in a minute.
    fn look_after(&self) -> BoxFuture<'_, Result<Option<Mended>, StoreError>> {
        ready(Ok(None)).boxed()
    }

    /// Reads everything, to find what a disk or a stranger changed; slow, to be called now and then. An error names it
    /// and says what to do.
    fn verify(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        ready(Ok(())).boxed()
    }
}

/// What was wrong with the store, and is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// One sentence.
    pub what: String,
    /// Notifications that were waiting to be sent could not be read any more.
    pub lost_deliveries: bool,
}

/// How many rows were dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Transitions.
    pub transitions: u64,
    /// Deliveries, with their attempts.
    pub deliveries: u64,
}

/// The rows that deliverers work on: deliveries and attempts.
pub trait Outbox: fmt::Debug + Send + Sync {
    /// The pending deliveries of a receiver, oldest first, `limit` at most.
    fn pending(&self, receiver: ReceiverName, limit: usize) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>>;

    /// Notes that an attempt begins: until it is finished, what it reaches is unclear.
    fn begin_attempt(&self, delivery: DeliveryId, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Notes how an attempt ended, and with it what becomes of the delivery.
    fn finish_attempt(&self, end: AttemptEnd) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Ends pending deliveries without an attempt (collapsed, or dead-lettered because they are too old).
    fn settle(&self, settled: Vec<Settled>, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Makes dead letters pending again, to be tried at `at`. What ended otherwise stays as it is.
    fn revive(&self, deliveries: Vec<DeliveryId>, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What each receiver has before it and behind it.
    fn backlogs(&self) -> BoxFuture<'_, Result<BTreeMap<ReceiverName, Backlog>, StoreError>>;

    /// For each key, the latest notification that this receiver took (delivered): those that still fire, and the
    /// resolves that were delivered after `resolved_since`. What a leased receiver is to be reminded of.
    ///
    /// What has a later resolve fires no more, whatever became of that resolve: a receiver that cannot be told of the
    /// end must not be told for ever that it lasts. Tests are over when they are sent.
    fn standing(
        &self,
        receiver: ReceiverName,
        resolved_since: DateTime<Utc>,
    ) -> BoxFuture<'_, Result<Vec<Arc<Notification>>, StoreError>>;

    /// Those of `keys` that this receiver may hold open: it may have received a notification that fires, and has taken
    /// no resolve that was made after it.
    fn held_open(
        &self,
        receiver: ReceiverName,
        keys: BTreeSet<String>,
    ) -> BoxFuture<'_, Result<BTreeSet<String>, StoreError>>;

    /// Deliveries, newest first.
    fn deliveries(&self, filter: DeliveryFilter) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>>;
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnd {
    /// Whose attempt.
    pub delivery: DeliveryId,
    /// When it ended, in domain time.
    pub at: DateTime<Utc>,
    /// `None`: it was accepted.
    pub failure: Option<AttemptFailure>,
    /// How far the delivery may have got by now.
    pub reach: Reach,
    /// What becomes of the delivery.
    pub state: DeliveryState,
    /// When it is tried next, if it is pending.
    pub next_attempt_at: DateTime<Utc>,
}

/// A delivery that ends without an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Which.
    pub delivery: DeliveryId,
    /// How.
    pub state: DeliveryState,
    /// Why, where that is to be told.
    pub failure: Option<AttemptFailure>,
}

/// What a receiver has before it and behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Pending deliveries.
    pub pending: u64,
    /// When the oldest pending one was made.
    pub oldest_pending: Option<DateTime<Utc>>,
    /// When the oldest pending critical one was made.
    pub oldest_critical: Option<DateTime<Utc>>,
    /// When it last took one.
    pub last_delivered_at: Option<DateTime<Utc>>,
    /// When one was last dead-lettered, and why.
    pub last_dead_lettered: Option<(DateTime<Utc>, AttemptFailure)>,
}

/// Which deliveries are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Of this receiver.
    pub receiver: Option<ReceiverName>,
    /// About this problem.
    pub about: Option<About>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// At most so many.
    pub limit: usize,
}

/// Whose history a transition belongs to.
pub fn subject_of(transition: &Transition) -> Subject {
    match &transition.change {
        Change::Status { integration, .. } | Change::Condition { integration, .. } => {
            Subject::Integration(integration.clone())
        }
        Change::Opened { incident, .. }
        | Change::SeverityChanged { incident, .. }
        | Change::Grew { incident, .. }
        | Change::Resolved { incident, .. } => incident.subject.clone(),
    }
}
