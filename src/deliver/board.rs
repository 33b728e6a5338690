//! How each receiver does: what pages, metrics and the decision about failing receivers rest on.
//!
//! Refreshed from the store at the start, after each attempt, and when rows were committed; never asked for by a reader.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::names::ReceiverName;
use crate::domain::notification::{About, AttemptFailure, FailureReason};
use crate::notify::situation::FailingReceiver;
use crate::store::Backlog;

/// A critical notification may wait for so long. The heartbeat allows the same.
const CRITICAL_WAIT: TimeDelta = TimeDelta::minutes(10);

/// Problems of which a notification was rejected for good, and when the last such one was made.
pub(super) type Lost = BTreeMap<About, DateTime<Utc>>;

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
    /// Set when it has rejected something since it last took something, or does not know us.
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

impl ReceiverBoard {
    /// Whether it does not take what it is sent, so that another receiver is to be told: it has rejected something for
    /// good, it does not know us (somebody has to correct that, and until then nothing arrives), or a critical
    /// notification has waited for longer than anybody should have to.
    pub fn failing(&self, now: DateTime<Utc>) -> Option<FailingReceiver> {
        self.failing.clone().or_else(|| {
            let failure = self.last_attempt.as_ref()?.failure.clone()?;
            let since = self.backlog.oldest_critical.filter(|made_at| now - *made_at > CRITICAL_WAIT)?;
            Some(FailingReceiver { since, failure, lost: Lost::new() })
        })
    }
}

impl Board {
    /// The receivers that do not take what they are sent.
    pub fn failing(&self, now: DateTime<Utc>) -> BTreeMap<ReceiverName, FailingReceiver> {
        self.receivers.iter().filter_map(|(name, board)| Some((name.clone(), board.failing(now)?))).collect()
    }

    /// The board after this one, of the receivers in `attempts` (all that are configured). `lost`: what those have
    /// rejected for good since they last took something.
    pub(super) fn refreshed(
        &self,
        attempts: BTreeMap<ReceiverName, Option<LastAttempt>>,
        mut backlogs: BTreeMap<ReceiverName, Backlog>,
        mut lost: BTreeMap<ReceiverName, Lost>,
    ) -> Self {
        let refresh = |(name, last_attempt): (ReceiverName, Option<LastAttempt>)| {
            let backlog = backlogs.remove(&name).unwrap_or_default();
            let before = self.receivers.get(&name).and_then(|board| board.failing.as_ref());
            let failing = rejection(&backlog).or_else(|| last_attempt.as_ref().and_then(refusal));
            let failing = failing.map(|(at, failure)| FailingReceiver {
                since: before.map_or(at, |before| before.since),
                failure,
                lost: lost.remove(&name).unwrap_or_default(),
            });
            (name, ReceiverBoard { backlog, last_attempt, failing })
        };
        Self { receivers: attempts.into_iter().map(refresh).collect() }
    }
}

/// A receiver rejects from its first dead letter until it takes something again.
pub(super) fn rejection(backlog: &Backlog) -> Option<(DateTime<Utc>, AttemptFailure)> {
    let (at, failure) = backlog.last_dead_lettered.as_ref()?;
    // What was left behind when it was taken out of the configuration says nothing about it.
    let is_its_own = failure.reason != FailureReason::Unconfigured;
    let is_over = backlog.last_delivered_at.is_some_and(|delivered| delivered > *at);
    (is_its_own && !is_over).then(|| (*at, failure.clone()))
}

/// One that does not know us takes nothing until somebody corrects that, although everything is tried again.
fn refusal(attempt: &LastAttempt) -> Option<(DateTime<Utc>, AttemptFailure)> {
    let failure = attempt.failure.as_ref().filter(|failure| failure.reason == FailureReason::Unauthorized)?;
    Some((attempt.at, failure.clone()))
}

#[cfg(test)]
mod tests {
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
            board = board.refreshed(configured, BTreeMap::from([("chat".into(), backlog)]), BTreeMap::new());
            let since = board.failing(at(60)).get(&ReceiverName::new("chat")).map(|failing| failing.since);
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
        let board = Board::default().refreshed(BTreeMap::from([("chat".into(), None)]), backlogs, BTreeMap::new());
        assert_eq!(board.receivers.keys().map(ReceiverName::as_str).collect::<Vec<_>>(), ["chat"]);
        assert!(board.failing(at(60)).is_empty());
    }

    #[test]
    fn one_that_does_not_know_us_fails_at_once_and_others_when_a_critical_page_waits() {
        use FailureReason::{Connection, ServerError, Unauthorized};
        let check = |reason: Option<FailureReason>, critical: Option<i64>, now: i64, expected: Option<i64>| {
            let failure = reason.map(|reason| AttemptFailure { reason, detail: "as scripted".to_owned() });
            let attempts = BTreeMap::from([("chat".into(), Some(LastAttempt { at: at(1), failure }))]);
            let waiting = Backlog { oldest_critical: critical.map(at), ..backlog(Some(0), None) };
            let backlogs = BTreeMap::from([("chat".into(), waiting)]);
            let board = Board::default().refreshed(attempts, backlogs, BTreeMap::new());
            let since = board.failing(at(now)).get(&ReceiverName::new("chat")).map(|failing| failing.since);
            assert_eq!(since, expected.map(at), "{reason:?} {critical:?} {now}");
        };
        check(Some(Unauthorized), None, 1, Some(1));
        check(Some(ServerError), None, 60, None);
        check(Some(ServerError), Some(0), 10, None);
        check(Some(ServerError), Some(0), 11, Some(0));
        check(Some(Connection), Some(0), 11, Some(0));
        check(None, Some(0), 60, None);
    }
}
