//! The lag canary: does a change in the SCM reach the Inventory in time?
//!
//! Snyk syncs incrementally, so the age of an asset says nothing: an idle repository legitimately looks old. Only a
//! repository that *changed* can tell. A canary is a repository with a live asset; it starts at the first observed
//! change later than the asset's sync, is not restarted by later changes, and ends when the sync reaches it. On how
//! many later days it changed again is counted: one metadata edit may never move its asset, work on several days does.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::fleet::Thresholds;
use crate::domain::state::Canary;

/// On so many later days a repository has to change again for its canary to speak for several.
const WORKED_ON: u32 = 2;

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
        return Some(changed_again(canary, changed_at));
    }
    let started = changed_at.filter(|changed_at| *changed_at > synced_at + tolerance);
    started.map(|changed_at| Canary { changed_at, last_changed_at: None, later_days: 0 })
}

/// Counts a change on a day that had none yet.
fn changed_again(mut canary: Canary, changed_at: Option<DateTime<Utc>>) -> Canary {
    let last = canary.last_changed_at.unwrap_or(canary.changed_at);
    if let Some(changed_at) = changed_at.filter(|changed_at| changed_at.date_naive() > last.date_naive()) {
        canary.last_changed_at = Some(changed_at);
        canary.later_days += 1;
    }
    canary
}

/// An open canary at the last complete asset walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Late {
    /// How old it is.
    pub(super) lag: TimeDelta,
    /// On how many later days its repository changed again.
    pub(super) later_days: u32,
}

/// What the canaries of one profile say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// Few are late, or none.
    Good,
    /// Enough are late, and no asset of the profile moves.
    Stalled,
    /// A large part is very late, whatever else moves.
    PartlyStalled,
}

/// Judges the canaries of one profile: `assets` is how many repositories of it have an asset, `comparable` those of them
/// with times on both sides, `moves` whether an asset of it moved within `max_lag`.
///
/// Where nothing moves: enough late ones (by default three older than `max_lag`), enough very late ones (two older than
/// three times that), or, in a profile of no more assets than that, all of them very late; one alone counts as three if
/// its repository is being worked on. Fewer may be one odd repository. A fifth that is very late is a stall of its own.
pub(super) fn flow(late: &[Late], assets: usize, comparable: usize, moves: bool, thresholds: &Thresholds) -> Flow {
    let very_late_after = thresholds.max_lag.checked_mul(thresholds.very_late_factor).unwrap_or(TimeDelta::MAX);
    let is_late = |one: &&Late| one.lag > thresholds.max_lag;
    let very_late = late.iter().filter(|one| one.lag > very_late_after).count();
    if !moves {
        let worked_on = late.iter().filter(is_late).any(|one| one.later_days >= WORKED_ON);
        let all_of_a_few = (1..=thresholds.very_late_canaries).contains(&assets) && very_late >= assets;
        let enough = late.iter().filter(is_late).count() >= thresholds.late_canaries;
        if enough || worked_on || very_late >= thresholds.very_late_canaries || all_of_a_few {
            return Flow::Stalled;
        }
    }
    let is_a_part = very_late >= thresholds.partial_stall_at_least
        && very_late as f64 >= thresholds.partial_stall_share * comparable as f64;
    if is_a_part { Flow::PartlyStalled } else { Flow::Good }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn started(minutes: i64) -> Canary {
        Canary { changed_at: at(minutes), last_changed_at: None, later_days: 0 }
    }

    /// So many hours late, of repositories that changed once.
    fn late(hours: &[i64]) -> Vec<Late> {
        hours.iter().map(|hours| Late { lag: TimeDelta::hours(*hours), later_days: 0 }).collect()
    }

    fn stalls(late: &[Late], assets: usize, thresholds: &Thresholds) -> bool {
        flow(late, assets, assets, false, thresholds) != Flow::Good
    }

    #[test]
    fn a_canary_starts_stays_and_ends() {
        let tolerance = TimeDelta::minutes(5);
        let check = |open: Option<i64>, changed: Option<i64>, synced: Option<i64>, expected: Option<i64>| {
            let next = next_canary(open.map(started), changed.map(at), synced.map(at), tolerance);
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
            assert_eq!(stalls(&late(hours), assets, &Thresholds::default()), fails, "{hours:?} of {assets}");
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
    fn a_repository_that_is_worked_on_speaks_for_several() {
        let (day, tolerance) = (24 * 60, TimeDelta::minutes(5));
        let mut canary = next_canary(None, Some(at(100)), Some(at(0)), tolerance);
        for (changed, later_days) in [(200, 0), (day + 10, 1), (day + 300, 1), (3 * day, 2), (3 * day, 2)] {
            canary = next_canary(canary, Some(at(changed)), Some(at(0)), tolerance);
            assert_eq!(canary.map(|canary| (canary.changed_at, canary.later_days)), Some((at(100), later_days)));
        }
        let check = |hours: i64, later_days: u32, moves: bool, expected: Flow| {
            let late = [Late { lag: TimeDelta::hours(hours), later_days }];
            assert_eq!(flow(&late, 40, 40, moves, &Thresholds::default()), expected, "{hours} {later_days} {moves}");
        };
        check(50, 2, false, Flow::Stalled);
        check(50, 1, false, Flow::Good);
        check(26, 2, false, Flow::Good);
        check(50, 2, true, Flow::Good); // beside assets that move it is listed
    }

    #[test]
    fn a_mover_does_not_hide_a_part_that_stalls() {
        let check = |very_late: usize, comparable: usize, expected: Flow| {
            let late = late(&vec![120; very_late]);
            let found = flow(&late, comparable, comparable, true, &Thresholds::default());
            assert_eq!(found, expected, "{very_late} of {comparable}");
        };
        check(39, 40, Flow::PartlyStalled);
        check(8, 40, Flow::PartlyStalled);
        check(7, 40, Flow::Good);
        check(2, 3, Flow::Good);
        check(3, 15, Flow::PartlyStalled);
    }

    #[test]
    fn the_numbers_can_be_changed() {
        let late = late(&[27, 27]);
        let fails = |change: fn(&mut Thresholds)| {
            let mut thresholds = Thresholds::default();
            change(&mut thresholds);
            stalls(&late, 100, &thresholds)
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
            let very_late = hours.iter().filter(|hours| **hours > 78).count();
            let part = very_late >= 3 && very_late * 5 >= assets;
            let expected = third_oldest_is_late || second_oldest_is_very_late || tiny || part;
            prop_assert_eq!(stalls(&late(&hours), assets, &Thresholds::default()), expected);
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
