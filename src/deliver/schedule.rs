//! When a delivery that failed is tried again. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::receiver::Retry;
use crate::domain::notification::DeliveryId;

/// The waits after the first, second, … failure; the last one repeats. A restart of the receiver is bridged in seconds,
/// an outage of a day costs it some thirty requests.
const WAITS: [TimeDelta; 7] = [
    TimeDelta::seconds(5),
    TimeDelta::seconds(30),
    TimeDelta::minutes(2),
    TimeDelta::minutes(5),
    TimeDelta::minutes(15),
    TimeDelta::minutes(30),
    TimeDelta::hours(1),
];

/// A receiver may make us wait at most this long: what it asks for beyond is an error of its own, and a page must not
/// depend on it.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(6);

/// However little time a receiver asks for, our own schedule counts up to here: one that says "in a second" for hours
/// is not asked every second.
const LEAST_OF_OUR_OWN: TimeDelta = TimeDelta::minutes(1);

/// Waits grow by up to one part in so many, each delivery's by another one, so that those which failed together do not
/// come back together.
const JITTER_PARTS: i32 = 10;

/// When a delivery is tried next after its `attempts`th attempt failed at `now`; `None`: never.
pub(super) fn next_attempt(
    delivery: DeliveryId,
    attempts: u32,
    retry: Retry,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let own = own_wait(attempts);
    let wait = match retry {
        Retry::Never => return None,
        Retry::Later => own,
        Retry::After(asked) => {
            let asked = TimeDelta::from_std(asked).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
            asked.max(own.min(LEAST_OF_OUR_OWN))
        }
    };
    Some(now + wait + jitter(delivery, attempts, wait))
}

/// Longer than this nobody waits.
pub(super) fn longest() -> TimeDelta {
    LONGEST_WAIT + LONGEST_WAIT / JITTER_PARTS
}

fn own_wait(attempts: u32) -> TimeDelta {
    let failures_before = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let [.., longest] = WAITS;
    WAITS.get(failures_before).copied().unwrap_or(longest)
}

/// Between nothing and a tenth of the wait: always the same for the same attempt.
fn jitter(delivery: DeliveryId, attempts: u32, wait: TimeDelta) -> TimeDelta {
    /// Resolution of the share: thousandths.
    const STEPS: u64 = 1_000;
    let share = i32::try_from(scatter(delivery.0.cast_unsigned() ^ (u64::from(attempts) << 32)) % STEPS);
    let steps = i32::try_from(STEPS).unwrap_or(i32::MAX);
    wait * share.unwrap_or_default() / (steps * JITTER_PARTS)
}

/// Neighbouring numbers become numbers far apart: the finalizer of `SplitMix64`.
fn scatter(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-23T09:00:00Z".parse().unwrap()
    }

    /// The wait is the expected one and at most a tenth more.
    fn check(attempts: u32, retry: Retry, expected: TimeDelta) {
        for delivery in (0..50).map(DeliveryId) {
            let wait = next_attempt(delivery, attempts, retry, now()).unwrap() - now();
            assert!(wait >= expected && wait <= expected + expected / 10, "{attempts} {retry:?}: {wait}");
        }
    }

    #[test]
    fn waits_grow_to_an_hour_and_stay() {
        let waits = [5, 30, 120, 300, 900, 1_800, 3_600, 3_600];
        for (attempts, seconds) in (1..).zip(waits) {
            check(attempts, Retry::Later, TimeDelta::seconds(seconds));
        }
        check(u32::MAX, Retry::Later, TimeDelta::hours(1));
        check(0, Retry::Later, TimeDelta::seconds(5));
    }

    #[test]
    fn what_the_receiver_asks_for_is_honoured_within_bounds() {
        let asked = |seconds| Retry::After(Duration::from_secs(seconds));
        check(1, asked(90), TimeDelta::seconds(90));
        check(7, asked(90), TimeDelta::seconds(90));
        check(1, asked(0), TimeDelta::seconds(5));
        check(7, asked(1), TimeDelta::minutes(1));
        check(1, asked(7 * 86_400), TimeDelta::hours(6));
        check(1, Retry::After(Duration::MAX), TimeDelta::hours(6));
        assert_eq!(next_attempt(DeliveryId(1), 1, Retry::Never, now()), None);
    }

    #[test]
    fn what_failed_together_does_not_come_back_together() {
        let at = |id| next_attempt(DeliveryId(id), 7, Retry::Later, now()).unwrap();
        let moments: BTreeSet<_> = (0..100).map(at).collect();
        assert!(moments.len() > 80, "{}", moments.len());
        assert_eq!(at(5), at(5), "the same after a restart");
    }
}
