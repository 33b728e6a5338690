//! The pure part of the budget: buckets and a pause, told the time.
//!
//! A bucket for `limit` requests in `window` holds half of them as its burst and refills the rest evenly over the
//! window. So no stretch of that length ever sees more than `limit` requests, and an exhausted credential gets a turn
//! again soon instead of after a whole window.
//!
//! What an API states of a window is followed down and up again, never above our own limit: it is what holds now. A
//! single header may be somebody else's, a proxy's or an endpoint's of its own, so that a steep fall counts once it is
//! stated twice in a row; and what is stated no more is forgotten.

use std::time::Duration;

use super::{BudgetLimits, Limit};

/// A fall to less than one part in so many has to be stated twice.
const STEEP: u32 = 2;

/// So long a stated limit counts after it was stated last: as long as the longest window.
const STATED_FOR: Duration = Duration::from_hours(1);

/// What a request has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Leave after this time, possibly none; the turn is taken.
    GoAfter(Duration),
    /// The next turn is so far away, longer than the request would wait; none is taken.
    TooFar(Duration),
    /// An answer throttled the credential, for this long.
    Paused(Duration),
    /// By an answer's word the credential has nothing left, for this long.
    Exhausted(Duration),
}

/// Times are durations since the budget was made.
#[derive(Debug)]
pub(super) struct Ledger {
    buckets: Vec<Bucket>,
    paused_until: Duration,
    exhausted_until: Duration,
}

#[derive(Debug)]
struct Bucket {
    /// What the configuration gives.
    own: Limit,
    /// What an API states of this window, where that leaves us less.
    stated: Option<Limit>,
    stated_at: Duration,
    /// The last header stated a steep fall, and was the first one to do so.
    is_fall_in_doubt: bool,
    burst: f64,
    /// Turns a second.
    rate: f64,
    turns: f64,
    at: Duration,
}

impl Bucket {
    fn new(own: Limit) -> Self {
        let (burst, rate) = pace(own);
        let (stated, stated_at) = (None, Duration::ZERO);
        Self { own, stated, stated_at, is_fall_in_doubt: false, burst, rate, turns: burst, at: Duration::ZERO }
    }

    /// What we keep to.
    fn limit(&self) -> Limit {
        let requests = self.stated.map_or(self.own.requests, |stated| stated.shared().requests.min(self.own.requests));
        Limit { requests, ..self.own }
    }

    fn state(&mut self, stated: Limit, now: Duration) {
        self.settle(now);
        let is_steep = stated.shared().requests < self.limit().requests / STEEP;
        if is_steep && !std::mem::replace(&mut self.is_fall_in_doubt, is_steep) {
            return;
        }
        self.is_fall_in_doubt = false;
        self.stated_at = now;
        self.keep_to(Some(stated).filter(|stated| stated.shared().requests < self.own.requests));
    }

    /// No turn is lost or won by another limit, but what no longer fits.
    fn keep_to(&mut self, stated: Option<Limit>) {
        self.stated = stated;
        (self.burst, self.rate) = pace(self.limit());
        self.turns = self.turns.min(self.burst);
    }

    fn settle(&mut self, now: Duration) {
        if self.stated.is_some() && now.saturating_sub(self.stated_at) > STATED_FOR {
            self.keep_to(None);
        }
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

/// How many turns a full bucket has, and how many come a second.
fn pace(limit: Limit) -> (f64, f64) {
    (f64::from(limit.burst()), limit.refill_in_window() / limit.window.as_secs_f64().max(0.001))
}

impl Ledger {
    pub(super) fn new(limits: &BudgetLimits) -> Self {
        let buckets = limits.limits.iter().copied().map(Bucket::new).collect();
        Self { buckets, paused_until: Duration::ZERO, exhausted_until: Duration::ZERO }
    }

    /// Takes the next turn, when it comes within `patience`. Who asks later gets a later turn.
    pub(super) fn decide(&mut self, now: Duration, patience: Duration) -> Decision {
        if let Some(held) = self.held(now) {
            return held;
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

    /// The same for what no answer refused yet: nothing is left of an allowance.
    pub(super) fn exhaust_until(&mut self, until: Duration) {
        self.exhausted_until = self.exhausted_until.max(until);
    }

    /// Whether no request may leave, whatever turns there are, and by whose word.
    pub(super) fn held(&self, now: Duration) -> Option<Decision> {
        let rest = self.paused_for(now)?;
        Some(if self.paused_until > now { Decision::Paused(rest) } else { Decision::Exhausted(rest) })
    }

    pub(super) fn paused_for(&self, now: Duration) -> Option<Duration> {
        self.paused_until.max(self.exhausted_until).checked_sub(now).filter(|rest| !rest.is_zero())
    }

    /// Takes over what one answer states. Of several limits of one window the lowest is the one that holds.
    pub(super) fn state(&mut self, windows: &[Limit], now: Duration) {
        for bucket in &mut self.buckets {
            let of_window = windows.iter().filter(|limit| limit.window == bucket.own.window);
            if let Some(lowest) = of_window.min_by_key(|limit| limit.requests) {
                bucket.state(*lowest, now);
            }
        }
    }

    /// What the API states of the window in which the next turn comes last, where we keep to that.
    pub(super) fn stated(&self) -> Option<Limit> {
        self.buckets.iter().max_by_key(|bucket| bucket.wait())?.stated
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

    /// What is left at once of a minute's 300, after these limits were stated one after the other, a second apart.
    fn left_after(stated: &[u32]) -> Option<u64> {
        let mut ledger = Ledger::new(&limits(&[(300, 60)]));
        let mut now = Duration::ZERO;
        for &requests in stated {
            ledger.state(&[Limit::per_minute(requests)], now);
            now += Duration::from_secs(1);
        }
        // By then whatever is kept to is full again.
        ledger.remaining(now + Duration::from_mins(10))
    }

    #[test]
    fn a_stated_limit_is_followed_down_and_up_and_never_above_our_own() {
        let check = |stated: &[u32], left| assert_eq!(left_after(stated), Some(left), "{stated:?}");
        check(&[], 150);
        check(&[900], 150);
        // We take a half of what is stated.
        check(&[400], 100);
        check(&[400, 900], 150);
        check(&[400, 300, 400], 100);
        // A steep fall is stated twice; the second time says how deep it is.
        check(&[1], 150);
        check(&[1, 900], 150);
        check(&[1, 900, 1, 900, 1], 150);
        check(&[60, 60], 15);
        check(&[1, 60], 15);
        check(&[60, 60, 900], 150);
        check(&[60, 60, 12, 60], 15);
        check(&[60, 60, 12, 12], 3);
        let mut ledger = Ledger::new(&limits(&[(300, 60)]));
        for _ in 0..2 {
            ledger.state(&[Limit { requests: 3, window: Duration::from_secs(1) }], Duration::ZERO);
        }
        assert_eq!(ledger.remaining(Duration::ZERO), Some(150), "another window");
        for _ in 0..2 {
            ledger.state(&[Limit::per_minute(900), Limit::per_minute(60)], Duration::ZERO);
        }
        assert_eq!(ledger.remaining(Duration::ZERO), Some(15), "the lowest of one answer");
        assert_eq!(Ledger::new(&limits(&[])).remaining(Duration::ZERO), None);
    }

    #[test]
    fn what_is_stated_no_more_is_forgotten_and_names_itself_until_then() {
        let mut ledger = Ledger::new(&limits(&[(300, 60)]));
        let low = Limit::per_minute(2);
        ledger.state(&[low], Duration::ZERO);
        assert_eq!(ledger.stated(), None, "in doubt");
        ledger.state(&[low], Duration::ZERO);
        assert_eq!(ledger.stated(), Some(low));
        let within = Duration::from_mins(59);
        assert_eq!((ledger.remaining(within), ledger.stated()), (Some(1), Some(low)));
        let later = Duration::from_mins(61);
        assert_eq!((ledger.remaining(later), ledger.stated()), (Some(150), None));
        ledger.state(&[Limit::per_minute(10_000)], later);
        assert_eq!(ledger.stated(), None, "our own limit is the lower one");
    }

    proptest! {
        /// Whatever headers say, we never ask more than our own limit allows.
        #[test]
        fn no_header_gives_more_than_our_own_limit(
            requests in 2_u32..60,
            steps in proptest::collection::vec((0_u64..5_000, proptest::option::of(1_u32..500)), 1..400),
        ) {
            let window = Duration::from_mins(1);
            let mut ledger = Ledger::new(&limits(&[(requests, window.as_secs())]));
            let (mut now, mut left) = (Duration::ZERO, Vec::new());
            for (gap, stated) in steps {
                now += Duration::from_millis(gap);
                if let Some(stated) = stated {
                    ledger.state(&[Limit::per_minute(stated)], now);
                }
                if ledger.decide(now, Duration::ZERO) == Decision::GoAfter(Duration::ZERO) {
                    left.push(now);
                }
            }
            for &start in &left {
                let inside = left.iter().filter(|&&at| at >= start && at < start + window).count();
                prop_assert!(inside <= requests as usize, "{inside} of {requests}");
            }
        }
    }
}
