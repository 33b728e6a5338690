//! Who is told of which incident, and when: routes, time windows, maintenance windows.
//!
//! The core reads these as they are ([`crate::notify`]); the zone of a window is resolved here, beside the cron adapter.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Datelike, LocalResult, NaiveTime, Offset as _, TimeDelta, TimeZone as _, Utc, Weekday};
use chrono_tz::Tz;

use crate::domain::kinds::closed_list;
use crate::domain::matcher::Matcher;
use crate::domain::names::ReceiverName;

closed_list! {
    /// Who sends: snykwatch itself, or Prometheus by the shipped rules, or both.
    DeliverBy {
        /// snykwatch's own receivers.
        Builtin => "builtin",
        /// Prometheus and its Alertmanager; snykwatch's own receivers get nothing.
        Prometheus => "prometheus",
        /// Both.
        Both => "both",
    }
}

/// Who is told of what, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Routing {
    /// Who sends.
    pub deliver: DeliverBy,
    /// From the top; the first that matches ends it, unless it says `continue`.
    pub routes: Vec<Route>,
    /// Every configured receiver.
    pub receivers: BTreeSet<ReceiverName>,
    /// Those among them that keep what they were told open until they are told its end.
    pub keep_open: BTreeSet<ReceiverName>,
    /// When nobody wants to hear of something, known beforehand.
    pub maintenance: Vec<Maintenance>,
    /// So often each route has a digest, if there is anything to list.
    pub digest_every: TimeDelta,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            deliver: DeliverBy::Builtin,
            routes: Vec::new(),
            receivers: BTreeSet::new(),
            keep_open: BTreeSet::new(),
            maintenance: Vec::new(),
            digest_every: TimeDelta::days(7),
        }
    }
}

/// One way to receivers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Route {
    /// What it takes.
    pub matcher: Matcher,
    /// To whom; never empty.
    pub receivers: Vec<ReceiverName>,
    /// Only while one of these is; empty: always. What comes at another time waits for the next such time.
    pub active_times: Vec<Arc<TimeWindow>>,
    /// Not while one of these is.
    pub mute_times: Vec<Arc<TimeWindow>>,
    /// An incident that lasts is told again after this; `None`: never.
    pub remind_every: Option<TimeDelta>,
    /// The routes below are looked at too.
    pub continues: bool,
}

impl Route {
    /// Whether no incident gets past this route to `below`. Patterns count as they are written: that
    /// a wider pattern holds a narrower one is not seen.
    pub fn leaves_nothing_of(&self, below: &Self) -> bool {
        fn holds<T: Ord>(mine: &BTreeSet<T>, theirs: &BTreeSet<T>) -> bool {
            mine.is_empty() || (!theirs.is_empty() && theirs.is_subset(mine))
        }
        fn patterns_hold(mine: &[String], theirs: &[String]) -> bool {
            mine.is_empty() || (!theirs.is_empty() && theirs.iter().all(|pattern| mine.contains(pattern)))
        }
        let (mine, theirs) = (&self.matcher, &below.matcher);
        !self.continues
            && holds(&mine.rules, &theirs.rules)
            && holds(&mine.severities, &theirs.severities)
            && holds(&mine.levels, &theirs.levels)
            && holds(&mine.scms, &theirs.scms)
            && patterns_hold(&mine.integrations, &theirs.integrations)
            && patterns_hold(&mine.owners, &theirs.owners)
            && patterns_hold(&mine.credentials, &theirs.credentials)
            && mine.incident.is_none()
    }

    /// Whether its times are now.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        let is = |window: &Arc<TimeWindow>| window.contains(now);
        (self.active_times.is_empty() || self.active_times.iter().any(is)) && !self.mute_times.iter().any(is)
    }

    /// When its times come, if they are not now; `None` if they are, or do not come within two weeks.
    pub fn next_active(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.is_active(now) {
            return None;
        }
        let end = now.checked_add_signed(SEARCHED)?;
        let mut at = now;
        while at < end {
            let windows = self.active_times.iter().chain(&self.mute_times);
            at = windows.filter_map(|window| window.next_change(at)).min()?;
            if self.is_active(at) {
                return Some(at);
            }
        }
        None
    }
}

/// So far ahead changes of a time window are looked for: two weeks, as an hour of one week may be skipped by daylight
/// saving, and a day.
const SEARCHED: TimeDelta = TimeDelta::days(15);

/// Hours of some days of the week, in a zone.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeWindow {
    /// Its key in the configuration.
    pub name: String,
    /// Where its hours are meant.
    pub zone: Tz,
    /// On these days; never empty. A window over midnight belongs to the day on which it begins.
    pub days: BTreeSet<u8>,
    /// From this time of the day on.
    pub from: NaiveTime,
    /// Until this time, exclusive. Not later than `from`: it ends on the next day.
    pub to: NaiveTime,
}

impl TimeWindow {
    /// A day as `days` has it: Monday is 0.
    pub fn day(weekday: Weekday) -> u8 {
        u8::try_from(weekday.num_days_from_monday()).unwrap_or_default()
    }

    /// Whether `now` lies in it, by the local time of its zone.
    pub fn contains(&self, now: DateTime<Utc>) -> bool {
        let local = now.with_timezone(&self.zone).naive_local();
        let (today, time) = (local.weekday(), local.time());
        let begins = |day: Weekday| self.days.contains(&Self::day(day));
        if self.from < self.to {
            return begins(today) && self.from <= time && time < self.to;
        }
        (begins(today) && self.from <= time) || (begins(today.pred()) && time < self.to)
    }

    /// When it opens if it is closed, or closes if it is open; `None` if that does not happen within two weeks.
    pub fn next_change(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let is_open = self.contains(now);
        let mut candidates = self.boundaries(now);
        candidates.extend(self.clock_changes(now));
        candidates.sort_unstable();
        candidates.into_iter().find(|at| *at > now && self.contains(*at) != is_open)
    }

    /// Every instant at which a clock of its zone shows its begin or its end.
    fn boundaries(&self, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let first = now.with_timezone(&self.zone).date_naive();
        let days = first.iter_days().take(usize::try_from(SEARCHED.num_days()).unwrap_or_default());
        let times = days.flat_map(|day| [day.and_time(self.from), day.and_time(self.to)]);
        let instants = times.flat_map(|local| match self.zone.from_local_datetime(&local) {
            LocalResult::None => [None, None],
            LocalResult::Single(only) => [Some(only), None],
            LocalResult::Ambiguous(earlier, later) => [Some(earlier), Some(later)],
        });
        instants.flatten().map(|instant| instant.to_utc()).collect()
    }

    /// Every instant at which the clocks of its zone are changed: that may lead into it or out of it.
    fn clock_changes(&self, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let offset = |at: DateTime<Utc>| self.zone.offset_from_utc_datetime(&at.naive_utc()).fix();
        let mut changes = Vec::new();
        let start = now.timestamp();
        for day in 0..SEARCHED.num_days() {
            let second = |seconds: i64| DateTime::from_timestamp(start.saturating_add(seconds), 0);
            let (mut before, mut after) = (day * SECONDS_OF_A_DAY, (day + 1) * SECONDS_OF_A_DAY);
            let (Some(first), Some(last)) = (second(before), second(after)) else { continue };
            if offset(first) == offset(last) {
                continue;
            }
            while after - before > 1 {
                let middle = i64::midpoint(before, after);
                if second(middle).is_some_and(|at| offset(at) == offset(first)) {
                    before = middle;
                } else {
                    after = middle;
                }
            }
            changes.extend(second(after));
        }
        changes
    }
}

/// Seconds of a day of 24 hours.
const SECONDS_OF_A_DAY: i64 = 86_400;

/// A planned time in which nobody wants to hear of something. What begins in it and outlasts it is told at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Maintenance {
    /// What it is for.
    pub name: String,
    /// What it covers.
    pub matcher: Matcher,
    /// When.
    pub when: MaintenanceTime,
}

/// When a maintenance window is.
#[derive(Debug, Clone, PartialEq)]
pub enum MaintenanceTime {
    /// Once.
    Once {
        /// From then on.
        from: DateTime<Utc>,
        /// Until then.
        to: DateTime<Utc>,
    },
    /// Every week.
    Weekly(Arc<TimeWindow>),
}

impl Maintenance {
    /// Whether it is in force.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        match &self.when {
            MaintenanceTime::Once { from, to } => *from <= now && now < *to,
            MaintenanceTime::Weekly(window) => window.contains(now),
        }
    }
}

#[cfg(test)]
mod tests;
