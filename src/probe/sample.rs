//! A sample that is the same for the same day and moves on from day to day, until everything was seen.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

const SECONDS_A_DAY: i64 = 86_400;

/// The `size` items whose turn it is on the day of `at`. Items are ordered by a hash of their `key`, so that a sample
/// mixes workspaces and names; the next day's sample begins where this one ends.
pub(super) fn rotating<'a, T>(
    items: impl IntoIterator<Item = &'a T>,
    key: impl Fn(&T) -> &str,
    size: usize,
    at: DateTime<Utc>,
) -> Vec<&'a T> {
    let mut ordered: Vec<_> = items.into_iter().map(|item| (Sha256::digest(key(item).as_bytes()), item)).collect();
    ordered.sort_by(|(one, _), (other, _)| one.as_slice().cmp(other.as_slice()));
    if ordered.is_empty() || size == 0 {
        return Vec::new();
    }
    let day = usize::try_from(at.timestamp().div_euclid(SECONDS_A_DAY)).unwrap_or_default();
    // The remainders first: the product of a large sample and the day must not overflow.
    let start = (day % ordered.len()) * (size % ordered.len()) % ordered.len();
    ordered.iter().cycle().skip(start).take(size.min(ordered.len())).map(|(_, item)| *item).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_sample_is_stable_within_a_day_and_walks_through_everything() {
        let names: Vec<String> = (0..23).map(|number| format!("acme/service-{number}")).collect();
        let noon: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
        let sample = |at| rotating(&names, |name| name, 5, at);
        assert_eq!(sample(noon), sample(noon + TimeDelta::hours(11)));
        assert_ne!(sample(noon), sample(noon + TimeDelta::days(1)));
        let seen: BTreeSet<_> = (0..5).flat_map(|day| sample(noon + TimeDelta::days(day))).collect();
        assert_eq!(seen.len(), names.len());
    }

    #[test]
    fn a_sample_is_never_larger_than_what_there_is() {
        let check = |count: usize, size: usize, expected: usize| {
            let names: Vec<String> = (0..count).map(|number| number.to_string()).collect();
            let drawn = rotating(&names, |name| name, size, DateTime::UNIX_EPOCH);
            assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), expected, "{size} of {count}");
        };
        check(0, 5, 0);
        check(3, 0, 0);
        check(3, 5, 3);
        check(5, 5, 5);
        check(9, 5, 5);
    }
}
