//! The pure part of the budget: buckets and a pause, told the time.
//!
//! A bucket for `limit` requests in `window` holds half of them as its burst and refills the rest evenly over the
//! window. So no stretch of that length ever sees more than `limit` requests, and an exhausted credential gets a turn
//! again soon instead of after a whole window.

use std::time::Duration;

use super::{BudgetLimits, Limit};

/// What a request has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Leave after this time, possibly none; the turn is taken.
    GoAfter(Duration),
    /// The next turn is so far away, longer than the request would wait; none is taken.
    TooFar(Duration),
    /// The credential is paused for this long.
    Paused(Duration),
}

/// Times are durations since the budget was made.
#[derive(Debug)]
pub(super) struct Ledger {
    buckets: Vec<Bucket>,
    paused_until: Duration,
}

#[derive(Debug)]
struct Bucket {
    limit: Limit,
    burst: f64,
    /// Turns a second.
    rate: f64,
    turns: f64,
    at: Duration,
}

impl Bucket {
    fn new(limit: Limit) -> Self {
        let burst = f64::from(limit.burst());
        let rate = limit.refill_in_window() / limit.window.as_secs_f64().max(0.001);
        Self { limit, burst, rate, turns: burst, at: Duration::ZERO }
    }

    fn settle(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at);
        self.turns = (self.turns + passed.as_secs_f64() * self.rate).min(self.burst);
        self.at = self.at.max(now);
    }

    fn wait(&self) -> Duration {
        if self.turns >= 1.0 {
            return Duration::ZERO;
        }
        let seconds = (1.0 - self.turns) / self.rate;
        // Rounded up, so that nobody leaves before the turn is there.
        Duration::from_secs_f64(seconds) + Duration::from_millis(1)
    }
}

impl Ledger {
    pub(super) fn new(limits: &BudgetLimits) -> Self {
        Self { buckets: limits.limits.iter().copied().map(Bucket::new).collect(), paused_until: Duration::ZERO }
    }

    /// Takes the next turn, when it comes within `patience`. Who asks later gets a later turn.
    pub(super) fn decide(&mut self, now: Duration, patience: Duration) -> Decision {
        if let Some(rest) = self.paused_for(now) {
            return Decision::Paused(rest);
        }
        for bucket in &mut self.buckets {
            bucket.settle(now);
        }
        let wait = self.buckets.iter().map(Bucket::wait).max().unwrap_or_default();
        if wait > patience {
            return Decision::TooFar(wait);
        }
        for bucket in &mut self.buckets {
            bucket.turns -= 1.0;
        }
        Decision::GoAfter(wait)
    }

    /// A pause is only ever lengthened.
    pub(super) fn pause_until(&mut self, until: Duration) {
        self.paused_until = self.paused_until.max(until);
    }

    pub(super) fn paused_for(&self, now: Duration) -> Option<Duration> {
        self.paused_until.checked_sub(now).filter(|rest| !rest.is_zero())
    }

    /// Takes over a limit that is lower than ours for that window; a higher one changes nothing.
    pub(super) fn lower(&mut self, limit: Limit) {
        for bucket in &mut self.buckets {
            if bucket.limit.window == limit.window && limit.requests < bucket.limit.requests {
                let (turns, at) = (bucket.turns, bucket.at);
                *bucket = Bucket::new(limit);
                bucket.turns = turns.min(bucket.burst);
                bucket.at = at;
            }
        }
    }

    pub(super) fn remaining(&mut self, now: Duration) -> Option<u64> {
        if self.paused_for(now).is_some() {
            return Some(0);
        }
        for bucket in &mut self.buckets {
            bucket.settle(now);
        }
        let least = self.buckets.iter().map(|bucket| bucket.turns).min_by(f64::total_cmp)?;
        // Below zero while turns to come are taken.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the burst")]
        Some(least.max(0.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(limits: &[(u32, u64)]) -> BudgetLimits {
        let limits = limits.iter().map(|&(requests, seconds)| Limit { requests, window: Duration::from_secs(seconds) });
        BudgetLimits { limits: limits.collect(), shortest_pause: Duration::from_mins(1) }
    }

    proptest! {
        /// Against the slow obvious model: the list of all requests, counted in every window.
        #[test]
        fn no_window_ever_sees_more_than_its_limit(
            requests in 2_u32..60,
            window in 1_u64..100,
            gaps in proptest::collection::vec(0_u64..5_000, 1..400),
            patience in 0_u64..10_000,
        ) {
            let mut ledger = Ledger::new(&limits(&[(requests, window)]));
            let (mut now, mut left) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                if let Decision::GoAfter(wait) = ledger.decide(now, Duration::from_millis(patience)) {
                    prop_assert!(wait <= Duration::from_millis(patience));
                    left.push(now + wait);
                }
            }
            let window = Duration::from_secs(window);
            for &start in &left {
                let inside = left.iter().filter(|&&at| at >= start && at < start + window).count();
                prop_assert!(inside <= requests as usize, "{inside} of {requests}");
            }
        }

        #[test]
        fn who_waits_as_long_as_told_finds_a_turn(requests in 1_u32..60, window in 1_u64..4_000, asked in 1_usize..200) {
            let mut ledger = Ledger::new(&limits(&[(requests, window)]));
            let mut now = Duration::ZERO;
            for _ in 0..asked {
                if let Decision::TooFar(wait) = ledger.decide(now, Duration::ZERO) {
                    now += wait;
                    prop_assert_eq!(ledger.decide(now, Duration::ZERO), Decision::GoAfter(Duration::ZERO));
                }
            }
        }

        #[test]
        fn a_pause_holds_everybody_and_never_shortens(pauses in proptest::collection::vec(0_u64..1_000, 1..10), at in 0_u64..1_000) {
            let mut ledger = Ledger::new(&limits(&[(100, 60)]));
            for &pause in &pauses {
                ledger.pause_until(Duration::from_secs(pause));
            }
            let longest = pauses.iter().copied().max().unwrap_or_default();
            let paused = matches!(ledger.decide(Duration::from_secs(at), Duration::ZERO), Decision::Paused(_));
            prop_assert_eq!(paused, at < longest);
        }

        #[test]
        fn time_that_runs_backwards_gives_no_turns(steps in proptest::collection::vec(0_u64..100, 1..100)) {
            let mut ledger = Ledger::new(&limits(&[(30, 3_600)]));
            let goes = |step: &&u64| {
                ledger.decide(Duration::from_millis(**step), Duration::ZERO) == Decision::GoAfter(Duration::ZERO)
            };
            let gone = steps.iter().filter(goes).count();
            prop_assert!(gone <= 15);
        }
    }

    #[test]
    fn a_lower_stated_limit_is_taken_over_and_a_higher_one_is_not() {
        let mut ledger = Ledger::new(&limits(&[(300, 60)]));
        assert_eq!(ledger.remaining(Duration::ZERO), Some(150));
        ledger.lower(Limit { requests: 900, window: Duration::from_mins(1) });
        ledger.lower(Limit { requests: 3, window: Duration::from_secs(1) });
        assert_eq!(ledger.remaining(Duration::ZERO), Some(150));
        ledger.lower(Limit { requests: 30, window: Duration::from_mins(1) });
        assert_eq!(ledger.remaining(Duration::ZERO), Some(15));
        assert_eq!(Ledger::new(&limits(&[])).remaining(Duration::ZERO), None);
    }
}
