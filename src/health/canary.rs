//! The lag canary: does a change in the SCM reach the Inventory in time?
//!
//! Snyk syncs incrementally, so the age of an asset says nothing: an idle repository legitimately looks old. Only a
//! repository that *changed* can tell. A canary is a repository with a live asset; it starts at the first observed
//! change later than the asset's sync, is not restarted by later changes, and ends when the sync reaches it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::fleet::Thresholds;
use crate::domain::state::Canary;

/// The canary of one repository after another look at both sides; `None` when Snyk has caught up.
///
/// `tolerance`: a change so close after the sync is the sync itself. Without any sync time nothing can be compared, so
/// a canary stays as it is and none starts.
pub(super) fn next_canary(
    open: Option<Canary>,
    changed_at: Option<DateTime<Utc>>,
    synced_at: Option<DateTime<Utc>>,
    tolerance: TimeDelta,
) -> Option<Canary> {
    let Some(synced_at) = synced_at else { return open };
    if let Some(canary) = open
        && synced_at < canary.changed_at
    {
        return Some(canary);
    }
    changed_at.filter(|changed_at| *changed_at > synced_at + tolerance).map(|changed_at| Canary { changed_at })
}

/// Whether the canaries of one profile fail, by themselves: `lags` are their ages at the last complete asset walk, and
/// `assets` is how many assets of the profile could have one.
///
/// Enough late ones (by default three older than `max_lag`), enough very late ones (two older than three times that),
/// or, in a profile of no more assets than that, all of them very late. Fewer may be one odd repository.
pub(super) fn canaries_fail(lags: &[TimeDelta], assets: usize, thresholds: &Thresholds) -> bool {
    let very_late_after = thresholds.max_lag.checked_mul(thresholds.very_late_factor).unwrap_or(TimeDelta::MAX);
    let late = lags.iter().filter(|lag| **lag > thresholds.max_lag).count();
    let very_late = lags.iter().filter(|lag| **lag > very_late_after).count();
    let all_of_a_few = (1..=thresholds.very_late_canaries).contains(&assets) && very_late >= assets;
    late >= thresholds.late_canaries || very_late >= thresholds.very_late_canaries || all_of_a_few
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn a_canary_starts_stays_and_ends() {
        let tolerance = TimeDelta::minutes(5);
        let check = |open: Option<i64>, changed: Option<i64>, synced: Option<i64>, expected: Option<i64>| {
            let next = next_canary(
                open.map(|minutes| Canary { changed_at: at(minutes) }),
                changed.map(at),
                synced.map(at),
                tolerance,
            );
            assert_eq!(next.map(|canary| canary.changed_at), expected.map(at), "{open:?} {changed:?} {synced:?}");
        };
        check(None, Some(104), Some(100), None); // within the tolerance
        check(None, Some(106), Some(100), Some(106)); // starts
        check(Some(106), Some(300), Some(100), Some(106)); // a later change does not restart it
        check(Some(106), Some(106), Some(200), None); // the sync reached it
        check(Some(106), Some(300), Some(200), Some(300)); // reached, and behind the next change
        check(Some(106), Some(300), None, Some(106)); // nothing to compare with
        check(None, None, Some(100), None);
    }

    #[test]
    fn few_laggards_are_no_stall() {
        let check = |hours: &[i64], assets: usize, fails: bool| {
            let lags: Vec<TimeDelta> = hours.iter().map(|hours| TimeDelta::hours(*hours)).collect();
            assert_eq!(canaries_fail(&lags, assets, &Thresholds::default()), fails, "{hours:?} of {assets}");
        };
        check(&[], 0, false);
        check(&[27, 27], 100, false);
        check(&[27, 27, 27], 100, true);
        check(&[26, 27, 27], 100, false);
        check(&[1000], 100, false);
        check(&[79, 79], 100, true);
        check(&[79], 1, true);
        check(&[78], 1, false);
        check(&[79], 2, false);
        check(&[79, 27], 2, false);
        check(&[79, 79], 2, true);
    }

    #[test]
    fn the_numbers_can_be_changed() {
        let lags = [TimeDelta::hours(27); 2];
        let fails = |change: fn(&mut Thresholds)| {
            let mut thresholds = Thresholds::default();
            change(&mut thresholds);
            canaries_fail(&lags, 100, &thresholds)
        };
        assert!(!fails(|_| {}));
        assert!(fails(|thresholds| thresholds.late_canaries = 2));
        assert!(fails(|thresholds| thresholds.very_late_factor = 1));
        assert!(!fails(|thresholds| (thresholds.late_canaries, thresholds.max_lag) = (2, TimeDelta::hours(30))));
        let only_one =
            |thresholds: &mut Thresholds| (thresholds.very_late_factor, thresholds.very_late_canaries) = (1, 3);
        assert!(!fails(only_one));
    }

    proptest! {
        /// The slow, obvious model: every subset that the rule names.
        #[test]
        fn the_rule_in_other_words(hours in proptest::collection::vec(0_i64..120, 0..6), others in 0_usize..4) {
            let lags: Vec<TimeDelta> = hours.iter().map(|hours| TimeDelta::hours(*hours)).collect();
            let assets = hours.len() + others;
            let mut sorted = hours.clone();
            sorted.sort_unstable_by(|one, other| other.cmp(one));
            let third_oldest_is_late = sorted.get(2).is_some_and(|hours| *hours > 26);
            let second_oldest_is_very_late = sorted.get(1).is_some_and(|hours| *hours > 78);
            let tiny = match (assets, sorted.as_slice()) {
                (1, [one]) => *one > 78,
                (2, [one, other]) => *one > 78 && *other > 78,
                _ => false,
            };
            let expected = third_oldest_is_late || second_oldest_is_very_late || tiny;
            prop_assert_eq!(canaries_fail(&lags, assets, &Thresholds::default()), expected);
        }

        /// Replaying changes and syncs: the canary is always the first change after the sync that was current then.
        #[test]
        fn the_first_unsynced_change_is_kept(steps in proptest::collection::vec((any::<bool>(), 6_i64..500), 1..40)) {
            let tolerance = TimeDelta::minutes(5);
            let (mut canary, mut synced, mut now) = (None, at(0), 0);
            let mut unsynced: Vec<DateTime<Utc>> = Vec::new();
            let mut changed = None;
            for (is_change, minutes) in steps {
                now += minutes;
                if is_change {
                    changed = Some(at(now));
                    unsynced.push(at(now));
                } else {
                    synced = at(now);
                    unsynced.clear();
                }
                canary = next_canary(canary, changed, Some(synced), tolerance);
                prop_assert_eq!(canary.map(|canary| canary.changed_at), unsynced.first().copied());
            }
        }
    }
}
