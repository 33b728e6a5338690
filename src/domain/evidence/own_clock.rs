//! What the answers of the APIs, and the machine itself, tell about our own clock.

use chrono::{DateTime, TimeDelta, Utc};

use super::EvidenceBook;
use crate::domain::names::ApiName;

/// A jump of the wall clock is mostly over, or borne out, within seconds. What lasts longer without an answer may be
/// time that passed unseen.
const SETTLES_WITHIN: TimeDelta = TimeDelta::minutes(1);

/// The wall clock claims another time than ours, and nobody has told which of the two is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockDoubt {
    /// Since when, in our time.
    pub since: DateTime<Utc>,
    /// How far the wall clock is ahead of our time.
    pub offset: TimeDelta,
}

impl EvidenceBook {
    /// How far our clock is off at this API, if further than `limit`, or may be.
    pub fn clock_off_at(&self, api: &ApiName, limit: TimeDelta, now: DateTime<Utc>) -> Option<TimeDelta> {
        let known = self.apis.get(api).and_then(|facts| facts.clock_skew);
        let doubted = self.clock_doubt.filter(|doubt| now - doubt.since >= SETTLES_WITHIN);
        let is_off = |off: &TimeDelta| off.abs() > limit;
        known.filter(is_off).or_else(|| doubted.map(|doubt| -doubt.offset).filter(is_off))
    }

    /// Whether nothing may happen because our clock shows a time: it is known to be wrong, or was confirmed by nobody yet.
    pub fn is_clock_doubtful(&self, limit: TimeDelta) -> bool {
        self.is_clock_unconfirmed || self.is_clock_wrong(limit)
    }

    /// Whether our clock is known to be wrong: it is in doubt, or no API that told its date agrees with it.
    pub fn is_clock_wrong(&self, limit: TimeDelta) -> bool {
        self.clock_doubt.is_some() || self.clock_off(limit).is_some()
    }

    /// By how much our clock is ahead of the API that is nearest to it, if none that told its date agrees with it. One
    /// that disagrees alone has a wrong clock itself.
    pub fn clock_off(&self, limit: TimeDelta) -> Option<TimeDelta> {
        let nearest = self.apis.values().filter_map(|facts| facts.clock_skew).min_by_key(TimeDelta::abs)?;
        (nearest.abs() > limit).then_some(nearest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: TimeDelta = TimeDelta::minutes(5);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn book(skews: &[(&str, i64)], doubted_by: Option<i64>) -> EvidenceBook {
        let mut book = EvidenceBook::default();
        for (api, skew) in skews {
            book.apis.entry((*api).into()).or_default().clock_skew = Some(TimeDelta::seconds(*skew));
        }
        let offset = doubted_by.map(TimeDelta::seconds);
        book.clock_doubt = offset.map(|offset| ClockDoubt { since: at(0), offset });
        book
    }

    #[test]
    fn a_clock_is_wrong_when_nobody_agrees_with_it_or_it_contradicts_itself() {
        let none: &[(&str, i64)] = &[];
        for (skews, doubted_by, expected) in [
            (none, None, false),
            (&[("snyk", 300)][..], None, false),
            (&[("snyk", 301)][..], None, true),
            (&[("snyk", -301), ("bitbucket", -400)][..], None, true),
            (&[("snyk", 86_400), ("bitbucket", 0)][..], None, false),
            (&[("snyk", 0)][..], Some(86_400), true),
            (&[("snyk", 0)][..], Some(-61), true),
        ] {
            let mut book = book(skews, doubted_by);
            assert_eq!(book.is_clock_wrong(LIMIT), expected, "{skews:?} {doubted_by:?}");
            assert_eq!(book.is_clock_doubtful(LIMIT), expected, "{skews:?} {doubted_by:?}");
            book.is_clock_unconfirmed = true;
            assert!(book.is_clock_doubtful(LIMIT), "{skews:?} {doubted_by:?}");
        }
    }

    #[test]
    fn a_jump_that_is_over_within_a_minute_makes_no_date_doubtful() {
        let off = |skews: &[(&str, i64)], doubted_by: i64, now: i64| {
            book(skews, Some(doubted_by)).clock_off_at(&"snyk".into(), LIMIT, at(now)).map(|off| off.num_seconds())
        };
        assert_eq!(off(&[], 86_400, 59), None);
        assert_eq!(off(&[], 86_400, 60), Some(-86_400));
        assert_eq!(off(&[("snyk", 2)], 86_400, 60), Some(-86_400));
        assert_eq!(off(&[("snyk", 400)], 86_400, 0), Some(400));
        assert_eq!(off(&[], 200, 3_600), None, "less than what matters");
    }
}
