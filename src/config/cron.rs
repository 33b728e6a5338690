//! Cron expressions, as operators write them and as they mean them.
//!
//! The `cron` crate is exact about calendars and surprising about everything else: it wants seconds, counts Sunday as 1,
//! never fires silently on the 31st of February, and around daylight saving it skips days, fires twice or leaves holes.
//! This adapter takes the five fields of crontab(5), says in words what is wrong with them, and runs the crate over
//! *naive* local time only. The zone is applied afterwards:
//!
//! - a time that does not exist (clocks go forward) fires at the first instant after the gap;
//! - a time that exists twice (clocks go back) fires once if minute and hour are both fixed, and in both passes if
//!   either is a wildcard, so that `*/15` never leaves a hole of 75 minutes.
//!
//! As in crontab(5), a day matches when *either* day field does, if both are restricted. Neither `@daily` nor `L`, `W`
//! or `#` is understood. Nothing else in the daemon knows of zones but what renders text.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{
    DateTime, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;
use cron::Schedule;

mod field;

pub use field::FieldError;
use field::{DAYS_OF_MONTH, DAYS_OF_WEEK, Field, HOURS, MINUTES, MONTHS};

/// An expression that does not fire within so many years never fires: the rarest date, 29 February, comes every four.
pub const SEARCH_YEARS: u32 = 5;

/// Two of the rarest dates lie at most so many years apart (2096 and 2104 aside, which the crate does not reach).
const GAP_SEARCH_YEARS: u32 = 9;

/// No zone has ever repeated more than a day of local time at once.
const LONGEST_OVERLAP: TimeDelta = TimeDelta::hours(25);

/// Offsets from UTC lie within -12 h and +14 h; one hour is added.
const OFFSET_BOUND_EAST: TimeDelta = TimeDelta::hours(15);
const OFFSET_BOUND_WEST: TimeDelta = TimeDelta::hours(13);

/// Why a cron expression is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Not five fields.
    #[error("a cron expression has five fields (minute, hour, day of month, month, day of week), not {found}")]
    FieldCount {
        /// How many there are.
        found: usize,
    },
    /// A field that cannot be read.
    #[error("{0}")]
    Field(#[from] FieldError),
    /// Fields that the calendar never brings together.
    #[error("`{expression}` never fires: no day of the next {SEARCH_YEARS} years matches")]
    NeverFires {
        /// The expression.
        expression: String,
    },
    /// An expression that this adapter takes and the crate does not.
    #[error("`{expression}` is not understood")]
    Unsupported {
        /// The expression.
        expression: String,
    },
}

/// A cron expression in a zone.
#[derive(Debug, Clone)]
pub struct CronSchedule {
    expression: String,
    zone: Tz,
    passes: Passes,
    /// One schedule, or two of which either may match: one for each restricted day field.
    alternatives: Vec<Schedule>,
    longest_gap: Duration,
}

/// What happens in local time that comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passes {
    /// Fixed times fire in the first pass.
    First,
    /// Wildcards fire in both.
    Both,
}

impl PartialEq for CronSchedule {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression && self.zone == other.zone
    }
}

/// The expression and its zone: two schedules with the same text fire at the same instants.
impl fmt::Display for CronSchedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.expression, self.zone)
    }
}

impl CronSchedule {
    /// Reads five fields, to be understood in `zone`.
    ///
    /// # Errors
    /// Says which field is wrong, or that the expression never fires.
    pub fn try_new(expression: &str, zone: Tz) -> Result<Self, CronError> {
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let &[minute, hour, day_of_month, month, day_of_week] = fields.as_slice() else {
            return Err(CronError::FieldCount { found: fields.len() });
        };
        let minute = Field::parse(&MINUTES, minute)?;
        let hour = Field::parse(&HOURS, hour)?;
        let day_of_month = Field::parse(&DAYS_OF_MONTH, day_of_month)?;
        let month = Field::parse(&MONTHS, month)?;
        let day_of_week = Field::parse(&DAYS_OF_WEEK, day_of_week)?;

        let unsupported = || CronError::Unsupported { expression: expression.to_owned() };
        let schedule = |day_of_month: &str, day_of_week: &str| {
            let text = format!("0 {} {} {day_of_month} {} {day_of_week}", minute.list(), hour.list(), month.list());
            Schedule::from_str(&text).map_err(|_| unsupported())
        };
        let (of_month, of_week) = (day_of_month.list(), day_of_week.weekday_list());
        let alternatives = if day_of_month.is_wildcard() || day_of_week.is_wildcard() {
            vec![schedule(&of_month, &of_week)?]
        } else {
            vec![schedule(&of_month, "*")?, schedule("*", &of_week)?]
        };
        let passes = if minute.is_wildcard() || hour.is_wildcard() { Passes::Both } else { Passes::First };
        let mut cron = Self { expression: fields.join(" "), zone, passes, alternatives, longest_gap: Duration::ZERO };
        cron.longest_gap = cron
            .find_longest_gap(&minute, &hour)
            .ok_or_else(|| CronError::NeverFires { expression: expression.to_owned() })?;
        Ok(cron)
    }

    /// The expression, its fields separated by single spaces.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The zone in which it is understood.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// The longest time between two firings, daylight saving aside (which adds an hour at most).
    pub const fn longest_gap(&self) -> Duration {
        self.longest_gap
    }

    /// The first firing after `instant`; `None` only at the end of the calendar, in the year 2100.
    pub fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = instant.with_timezone(&self.zone).naive_local();
        let ahead = self.first_instant_later_than(instant, local);
        match self.second_pass_after(instant, local) {
            Some(repeated) => Some(ahead.map_or(repeated, |ahead| ahead.min(repeated))),
            None => ahead,
        }
    }

    /// Among local times later than `local`, the first that has an instant later than `instant`.
    fn first_instant_later_than(&self, instant: DateTime<Utc>, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        let mut naive = local;
        loop {
            naive = self.next_naive(naive)?;
            if let Some(found) = self.instants(naive).into_iter().flatten().find(|found| *found > instant) {
                return Some(found);
            }
        }
    }

    /// While `instant` lies in the first pass of repeated local time: the first firing of the second pass, which begins
    /// again at earlier local times.
    fn second_pass_after(&self, instant: DateTime<Utc>, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        if self.passes == Passes::First || !matches!(self.zone.from_local_datetime(&local), LocalResult::Ambiguous(..))
        {
            return None;
        }
        let mut naive = local - LONGEST_OVERLAP;
        loop {
            naive = self.next_naive(naive)?;
            if naive > local {
                return None;
            }
            if let Some(found) = self.instants(naive).into_iter().flatten().find(|found| *found > instant) {
                return Some(found);
            }
        }
    }

    /// The instants at which a firing at this local time happens, earliest first.
    fn instants(&self, naive: NaiveDateTime) -> [Option<DateTime<Utc>>; 2] {
        match self.zone.from_local_datetime(&naive) {
            LocalResult::Single(only) => [Some(only.to_utc()), None],
            LocalResult::Ambiguous(first, second) => {
                [Some(first.to_utc()), (self.passes == Passes::Both).then(|| second.to_utc())]
            }
            LocalResult::None => [Some(self.end_of_gap(naive)), None],
        }
    }

    /// The first instant whose local time is later than `naive`, which itself does not exist.
    fn end_of_gap(&self, naive: NaiveDateTime) -> DateTime<Utc> {
        let (mut before, mut after) = (naive - OFFSET_BOUND_EAST, naive + OFFSET_BOUND_WEST);
        while after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            let local = middle + self.zone.offset_from_utc_datetime(&middle).fix();
            if local > naive { after = middle } else { before = middle }
        }
        after.and_utc()
    }

    /// The crate's answer over naive time: local time taken for UTC, in which nothing is skipped or repeated.
    fn next_naive(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let after = after.and_utc();
        self.alternatives.iter().filter_map(|schedule| schedule.after(&after).next()).min().map(|next| next.naive_utc())
    }

    /// Goes from day to day: within a day the gaps are those of minute and hour.
    fn find_longest_gap(&self, minute: &Field, hour: &Field) -> Option<Duration> {
        let times: Vec<u32> = hour
            .values()
            .iter()
            .flat_map(|hour| minute.values().iter().map(move |minute| hour * 60 + minute))
            .collect();
        let within = times.iter().zip(times.iter().skip(1)).map(|(one, next)| next - one).max().unwrap_or(0);
        let last = TimeDelta::minutes(i64::from(*times.last()?));
        let mut longest = TimeDelta::minutes(i64::from(within));

        let start = NaiveDate::from_ymd_opt(2025, 1, 1)?.and_time(NaiveTime::MIN) - TimeDelta::seconds(1);
        let years = |count: u32| start + Days::new(u64::from(count) * 366);
        let mut firing = self.next_naive(start).filter(|first| *first < years(SEARCH_YEARS))?;
        while let Some(next) = self.next_naive(firing.date().and_time(NaiveTime::MIN) + last) {
            longest = longest.max(next - (firing.date().and_time(NaiveTime::MIN) + last));
            firing = next;
            if firing > years(GAP_SEARCH_YEARS) {
                break;
            }
        }
        debug_assert_eq!(firing.second(), 0, "the adapter schedules whole minutes");
        longest.to_std().ok()
    }
}

#[cfg(test)]
mod tests;
