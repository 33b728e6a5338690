//! What the daemon remembers, committed in one piece.
//!
//! - a [`Commit`] carries the whole [`State`] and the [`Transition`]s that led to it. Both become visible together or
//!   not at all;
//! - a [`Revision`] counts commits. A commit names the one it was based on, and is refused when that is not the latest:
//!   there is one writer, and a second one (or a repeat of a commit whose answer was lost) must not pass unnoticed;
//! - the history keeps transitions by [`Subject`], bounded in number by [`HistoryBounds`], newest kept.
//!
//! [`memory::MemoryStore`] keeps it all for the life of the process. Every back end passes the same contract suite
//! (`store/contract.rs`).
//!
//! What it deliberately does not do: it decides nothing, and no page and no scrape ever asks it; they read the published
//! snapshot.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use crate::domain::incident::Subject;
use crate::domain::state::{Change, State, Transition};

pub mod memory;

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

/// How much history is kept. What is beyond is dropped, oldest first.
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

/// A place for the daemon's memory.
pub trait Store: fmt::Debug + Send + Sync {
    /// The latest commit; `None` before the first.
    fn load(&self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>>;

    /// Takes over state and transitions in one transaction and gives the new revision. An error changes nothing.
    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Revision, StoreError>>;

    /// The latest `limit` transitions of a subject, newest first. Those of an integration's status and conditions
    /// belong to [`Subject::Integration`], those of an incident to the incident's subject.
    fn history(&self, subject: Subject, limit: usize) -> BoxFuture<'_, Result<Vec<Transition>, StoreError>>;
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
