//! How each receiver does: what pages, metrics and the decision about failing receivers rest on.
//!
//! Refreshed from the store at the start, after each attempt, and when rows were committed; never asked for by a reader.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::names::ReceiverName;
use crate::domain::notification::{AttemptFailure, FailureReason};
use crate::notify::situation::FailingReceiver;
use crate::store::Backlog;

/// How each configured receiver does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Board {
    /// By name; every configured receiver is here.
    pub receivers: BTreeMap<ReceiverName, ReceiverBoard>,
}

/// How one receiver does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiverBoard {
    /// What it has before it and behind it.
    pub backlog: Backlog,
    /// Its latest attempt in the life of this process.
    pub last_attempt: Option<LastAttempt>,
    /// Set when it has rejected something since it last took something.
    pub failing: Option<FailingReceiver>,
}

/// An attempt that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAttempt {
    /// When, in domain time.
    pub at: DateTime<Utc>,
    /// Why it failed; `None`: it did not.
    pub failure: Option<AttemptFailure>,
}

impl Board {
    /// The receivers that reject what they are sent.
    pub fn failing(&self) -> BTreeMap<ReceiverName, FailingReceiver> {
        let failing = |(name, board): (&ReceiverName, &ReceiverBoard)| Some((name.clone(), board.failing.clone()?));
        self.receivers.iter().filter_map(failing).collect()
    }

    /// The board after this one, of the receivers in `attempts` (all that are configured).
    pub(super) fn refreshed(
        &self,
        attempts: BTreeMap<ReceiverName, Option<LastAttempt>>,
        mut backlogs: BTreeMap<ReceiverName, Backlog>,
    ) -> Self {
        let refresh = |(name, last_attempt): (ReceiverName, Option<LastAttempt>)| {
            let backlog = backlogs.remove(&name).unwrap_or_default();
            let before = self.receivers.get(&name).and_then(|board| board.failing.as_ref());
            let failing = failing(&backlog, before);
            (name, ReceiverBoard { backlog, last_attempt, failing })
        };
        Self { receivers: attempts.into_iter().map(refresh).collect() }
    }
}

/// A receiver fails from its first dead letter until it takes something again.
fn failing(backlog: &Backlog, before: Option<&FailingReceiver>) -> Option<FailingReceiver> {
    let (at, failure) = backlog.last_dead_lettered.as_ref()?;
    // What was left behind when it was taken out of the configuration says nothing about it.
    let is_its_own = failure.reason != FailureReason::Unconfigured;
    let is_over = backlog.last_delivered_at.is_some_and(|delivered| delivered > *at);
    (is_its_own && !is_over)
        .then(|| FailingReceiver { since: before.map_or(*at, |before| before.since), failure: failure.clone() })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::deliver::testing::begin;

    fn at(minute: i64) -> DateTime<Utc> {
        begin() + TimeDelta::minutes(minute)
    }

    fn backlog(delivered: Option<i64>, dead: Option<(i64, FailureReason)>) -> Backlog {
        let failure = |reason| AttemptFailure { reason, detail: "as scripted".to_owned() };
        Backlog {
            last_delivered_at: delivered.map(at),
            last_dead_lettered: dead.map(|(minute, reason)| (at(minute), failure(reason))),
            ..Backlog::default()
        }
    }

    #[test]
    fn a_receiver_fails_from_its_first_dead_letter_until_it_takes_something() {
        use FailureReason::{Expired, Rejected, Unconfigured};
        let mut board = Board::default();
        let mut check = |backlog: Backlog, expected: Option<i64>| {
            let configured = BTreeMap::from([("chat".into(), None)]);
            board = board.refreshed(configured, BTreeMap::from([("chat".into(), backlog)]));
            let since = board.failing().get(&ReceiverName::new("chat")).map(|failing| failing.since);
            assert_eq!(since, expected.map(at));
        };
        check(backlog(None, None), None);
        check(backlog(Some(1), None), None);
        check(backlog(Some(1), Some((5, Rejected))), Some(5));
        check(backlog(Some(1), Some((9, Expired))), Some(5));
        check(backlog(Some(10), Some((9, Expired))), None);
        check(backlog(Some(10), Some((11, Unconfigured))), None);
        check(backlog(Some(10), Some((12, Rejected))), Some(12));
    }

    #[test]
    fn only_configured_receivers_are_on_it() {
        let backlogs = BTreeMap::from([("gone".into(), backlog(None, Some((5, FailureReason::Rejected))))]);
        let board = Board::default().refreshed(BTreeMap::from([("chat".into(), None)]), backlogs);
        assert_eq!(board.receivers.keys().map(ReceiverName::as_str).collect::<Vec<_>>(), ["chat"]);
        assert!(board.failing().is_empty());
    }
}
