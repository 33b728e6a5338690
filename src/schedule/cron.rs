//! Cron schedules as calendars of the planner.
//!
//! The adapter itself is [`crate::config::cron`]: the configuration refuses an impossible expression, so it has to
//! understand one, and it stands to the left of the schedule.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::cadence::{Cadence, Calendar};
use crate::config::cron::CronSchedule;
use crate::config::schedule as configured;

impl Calendar for CronSchedule {
    fn next_after(&self, instant: DateTime<Utc>) -> DateTime<Utc> {
        // The calendar ends with the year 2100.
        Self::next_after(self, instant).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn longest_gap(&self) -> TimeDelta {
        TimeDelta::from_std(Self::longest_gap(self)).unwrap_or(TimeDelta::MAX)
    }
}

impl From<&configured::Cadence> for Cadence {
    fn from(cadence: &configured::Cadence) -> Self {
        match cadence {
            configured::Cadence::Every(interval) => {
                Self::Every(TimeDelta::from_std(*interval).unwrap_or(TimeDelta::MAX))
            }
            configured::Cadence::Cron(cron) => Self::Calendar(Arc::new(CronSchedule::clone(cron))),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    #[test]
    fn a_cron_schedule_is_a_calendar() {
        let cron = CronSchedule::try_new("30  3 * * *", Tz::UTC).unwrap();
        let cadence = Cadence::from(&configured::Cadence::Cron(Box::new(cron.clone())));
        assert_eq!(cadence.longest_gap(), TimeDelta::hours(24));
        assert_eq!(cadence, Cadence::Calendar(Arc::new(cron.clone())));
        assert_eq!(cron.to_string(), "30 3 * * * UTC");
        let noon = "2026-11-23T12:00:00Z".parse().unwrap();
        assert_eq!(Calendar::next_after(&cron, noon), "2026-11-24T03:30:00Z".parse::<DateTime<Utc>>().unwrap());
    }
}
