//! Who is told of which incident, and when: routes, time windows, maintenance windows.
//!
//! The core reads these as they are ([`crate::notify`]); the zone of a window is resolved here, beside the cron adapter.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveTime, TimeDelta, Utc, Weekday};
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
    /// When nobody wants to hear of something, known beforehand.
    pub maintenance: Vec<Maintenance>,
    /// A change of what an incident lists is told no more often than this.
    pub digest_every: TimeDelta,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            deliver: DeliverBy::Builtin,
            routes: Vec::new(),
            receivers: BTreeSet::new(),
            maintenance: Vec::new(),
            digest_every: TimeDelta::days(1),
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
}

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
