//! How often a piece of work is wanted, and the deterministic jitter that keeps works apart.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::domain::work::Work;

/// Nothing is ever asked more often than this, whatever the plan says: a grid of no width would have no next instant.
/// The configuration refuses anything shorter with a message.
pub const SHORTEST_INTERVAL: TimeDelta = TimeDelta::milliseconds(100);

/// A calendar names a minute; works of one calendar spread over that minute instead of starting all at its first second.
pub const CALENDAR_SPREAD: TimeDelta = TimeDelta::seconds(60);

/// Instants that do not follow from an interval, such as those of a cron expression in a zone.
///
/// Its text ([`fmt::Display`]) is its identity: two calendars with the same text fire at the same instants.
pub trait Calendar: fmt::Debug + fmt::Display + Send + Sync {
    /// The first instant strictly after `instant`.
    fn next_after(&self, instant: DateTime<Utc>) -> DateTime<Utc>;

    /// The longest time between two successive instants.
    fn longest_gap(&self) -> TimeDelta;
}

/// How often a piece of work is wanted.
#[derive(Debug, Clone)]
pub enum Cadence {
    /// Once in each interval, on a grid aligned to the Unix epoch (UTC) and shifted by the work's jitter.
    Every(TimeDelta),
    /// At the instants of a calendar, within [`CALENDAR_SPREAD`] after each.
    Calendar(Arc<dyn Calendar>),
}

impl PartialEq for Cadence {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Every(one), Self::Every(another)) => one == another,
            (Self::Calendar(one), Self::Calendar(another)) => one.to_string() == another.to_string(),
            (Self::Every(_), Self::Calendar(_)) | (Self::Calendar(_), Self::Every(_)) => false,
        }
    }
}

impl Cadence {
    /// The longest planned time between two runs; the evidence's maximal age follows from it.
    pub fn longest_gap(&self) -> TimeDelta {
        match self {
            Self::Every(interval) => (*interval).max(SHORTEST_INTERVAL),
            Self::Calendar(calendar) => calendar.longest_gap().max(SHORTEST_INTERVAL),
        }
    }

    /// The first planned instant strictly after `instant`.
    pub fn next_after(&self, instant: DateTime<Utc>, jitter: Jitter) -> DateTime<Utc> {
        match self {
            Self::Every(_) => {
                let interval = self.longest_gap();
                let (step, offset) = (interval.num_milliseconds(), jitter.within(interval).num_milliseconds());
                let passed = (instant.timestamp_millis() - offset).div_euclid(step);
                DateTime::from_timestamp_millis((passed + 1) * step + offset).unwrap_or(DateTime::<Utc>::MAX_UTC)
            }
            Self::Calendar(calendar) => {
                let offset = jitter.within(CALENDAR_SPREAD.min(self.longest_gap()));
                calendar.next_after(instant - offset) + offset
            }
        }
    }
}

/// Where a work stands within its interval: the same after every restart, different from work to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Jitter(u64);

impl Jitter {
    /// The jitter of `work`. The seed tells installations apart, so that two of them do not ask in step.
    pub fn of(work: &Work, seed: u64) -> Self {
        let digest = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(work.to_string()).finalize();
        Self(digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// A span in `0..span`, in whole milliseconds.
    pub fn within(self, span: TimeDelta) -> TimeDelta {
        let milliseconds = u64::try_from(span.num_milliseconds()).unwrap_or(0).max(1);
        TimeDelta::milliseconds(i64::try_from(self.0 % milliseconds).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::work::{ProbeKind, WorkSubject};
    use proptest::prelude::*;

    #[derive(Debug)]
    struct HalfPast;

    impl fmt::Display for HalfPast {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("30 * * * * UTC")
        }
    }

    impl Calendar for HalfPast {
        fn next_after(&self, instant: DateTime<Utc>) -> DateTime<Utc> {
            let half_hours = (instant.timestamp() - 1800).div_euclid(3600) + 1;
            DateTime::from_timestamp(half_hours * 3600 + 1800, 0).unwrap()
        }

        fn longest_gap(&self) -> TimeDelta {
            TimeDelta::hours(1)
        }
    }

    fn work(name: &str) -> Work {
        Work { kind: ProbeKind::SnykToken, subject: WorkSubject::Credential(name.into()) }
    }

    #[test]
    fn a_jitter_is_the_same_in_every_process() {
        // Written down, so that an upgrade cannot move every work at once unnoticed.
        assert_eq!(Jitter::of(&work("acme"), 0).within(TimeDelta::minutes(5)), TimeDelta::milliseconds(267_718));
        assert_ne!(Jitter::of(&work("acme"), 0), Jitter::of(&work("acme"), 1));
        assert_ne!(Jitter::of(&work("acme"), 0), Jitter::of(&work("acme-2"), 0));
    }

    #[test]
    fn calendar_works_start_within_the_named_minute() {
        let cadence = Cadence::Calendar(Arc::new(HalfPast));
        let start: DateTime<Utc> = "2026-11-23T09:00:00Z".parse().unwrap();
        for number in 0..50 {
            let jitter = Jitter::of(&work(&format!("credential-{number}")), 7);
            let at = cadence.next_after(start, jitter);
            let named: DateTime<Utc> = "2026-11-23T09:30:00Z".parse().unwrap();
            assert!((named..named + CALENDAR_SPREAD).contains(&at), "{at}");
            assert_eq!(cadence.next_after(at, jitter), at + TimeDelta::hours(1));
        }
    }

    #[test]
    fn cadences_are_equal_by_what_they_say() {
        let calendar = || Cadence::Calendar(Arc::new(HalfPast));
        assert_eq!(calendar(), calendar());
        assert_eq!(Cadence::Every(TimeDelta::minutes(5)), Cadence::Every(TimeDelta::seconds(300)));
        assert_ne!(Cadence::Every(TimeDelta::hours(1)), calendar());
    }

    proptest! {
        #[test]
        fn every_is_a_grid(milliseconds in 0_i64..100_000_000, from in -4_000_000_000_000_i64..4_000_000_000_000, seed: u64) {
            let cadence = Cadence::Every(TimeDelta::milliseconds(milliseconds));
            let jitter = Jitter::of(&work("acme"), seed);
            let instant = DateTime::from_timestamp_millis(from).unwrap();
            let next = cadence.next_after(instant, jitter);
            prop_assert!(next > instant);
            prop_assert!(next - instant <= cadence.longest_gap());
            prop_assert_eq!(cadence.next_after(next, jitter), next + cadence.longest_gap());
            prop_assert_eq!(cadence.next_after(next - TimeDelta::nanoseconds(1), jitter), next);
        }
    }
}
