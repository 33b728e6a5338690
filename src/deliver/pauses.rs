//! When pending deliveries are due, and for how long they were tried, whatever the clock is set to. Pure.
//!
//! A row says when it is tried next, by the clock of the moment at which that was decided. That is a span, and is kept as
//! one: a clock that is set back while a page waits for its retry makes it wait no longer.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::schedule;
use crate::domain::notification::{Delivery, DeliveryId};
use crate::domain::page::Gap;

/// The pauses of one receiver's pending deliveries.
#[derive(Debug, Default)]
pub(super) struct Pauses(BTreeMap<DeliveryId, Pause>);

#[derive(Debug, Clone, Copy)]
struct Pause {
    /// What the row says.
    noted: DateTime<Utc>,
    /// The same in the time that is never set.
    ends_at: DateTime<Utc>,
}

impl Pauses {
    /// Writes into the rows when they are due, by the clock as it is now. `unset`: now in the time that is never set.
    pub(super) fn apply(&mut self, pending: &mut [Delivery], now: DateTime<Utc>, unset: DateTime<Utc>) {
        let known = std::mem::take(&mut self.0);
        for delivery in pending {
            let noted = delivery.next_attempt_at;
            let pause = known.get(&delivery.id).filter(|pause| pause.noted == noted).copied().unwrap_or_else(|| {
                let wait = noted - now;
                // Nothing waits before the first try, and nothing longer than this: it was noted by another clock. So was
                // what was made later than now.
                let is_ahead = delivery.notification.created_at > now;
                let is_due = delivery.attempts == 0 || is_ahead || wait > schedule::longest();
                let wait = if is_due { wait.min(TimeDelta::zero()) } else { wait };
                Pause { noted, ends_at: unset + wait }
            });
            delivery.next_attempt_at = now + (pause.ends_at - unset);
            self.0.insert(delivery.id, pause);
        }
    }
}

/// For how long somebody could try to deliver what was made at `made_at`: without the times in which nobody watched.
pub(super) fn tried_for(made_at: DateTime<Utc>, now: DateTime<Utc>, gaps: &[Gap]) -> TimeDelta {
    let missed = gaps.iter().map(|gap| (gap.to.min(now) - gap.from.max(made_at)).max(TimeDelta::zero()));
    now - made_at - missed.sum::<TimeDelta>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::testing::{begin, event, row};
    use crate::domain::incident::Severity::Critical;
    use crate::domain::notification::NotificationKind::Trigger;

    fn at(minutes: i64) -> DateTime<Utc> {
        begin() + TimeDelta::minutes(minutes)
    }

    /// A row that was tried, and whose next attempt is noted for this minute.
    fn noted(minute: i64) -> Delivery {
        let trigger = event("bitbucket-acme", Critical, Trigger, 1, TimeDelta::zero());
        Delivery { attempts: 1, next_attempt_at: at(minute), ..row(1, &trigger) }
    }

    /// In how many minutes a row is due.
    fn due_in(pauses: &mut Pauses, noted_for: i64, now: i64, unset: i64) -> i64 {
        let mut rows = [noted(noted_for)];
        pauses.apply(&mut rows, at(now), at(unset));
        (rows[0].next_attempt_at - at(now)).num_minutes()
    }

    #[test]
    fn a_pause_is_a_span_whatever_the_clock_is_set_to() {
        let mut pauses = Pauses::default();
        assert_eq!(due_in(&mut pauses, 30, 0, 0), 30);
        assert_eq!(due_in(&mut pauses, 30, 5, 5), 25);
        assert_eq!(due_in(&mut pauses, 30, -5, 6), 24, "set back by ten minutes");
        assert_eq!(due_in(&mut pauses, 30, 1_000, 30), 0, "set forward");
        // It was tried, and failed again.
        assert_eq!(due_in(&mut pauses, 60, 20, 30), 40);
        assert_eq!(due_in(&mut pauses, 60, 0, 50), 20);
    }

    #[test]
    fn what_lies_further_ahead_than_anybody_waits_is_due() {
        let longest = schedule::longest().num_minutes();
        assert_eq!(due_in(&mut Pauses::default(), longest, 0, 0), longest);
        assert_eq!(due_in(&mut Pauses::default(), longest + 1, 0, 0), 0);
        assert_eq!(due_in(&mut Pauses::default(), 60 * 24 * 365, 0, 0), 0);
        // It was made just before the clock was set back.
        let mut rows = [Delivery { attempts: 0, ..noted(10) }];
        Pauses::default().apply(&mut rows, at(0), at(0));
        assert_eq!(rows[0].next_attempt_at, at(0), "nobody waits before the first try");
        // Another process made it, by a clock that was ahead.
        assert_eq!(due_in(&mut Pauses::default(), 30, -60, 0), 0);
        // What is overdue stays so.
        assert_eq!(due_in(&mut Pauses::default(), -60, 0, 0), -60);
    }

    #[test]
    fn gaps_are_no_time_of_trying() {
        let gap = |from, to| Gap { from: at(from), to: at(to) };
        let hours = |gaps: &[Gap]| tried_for(at(0), at(600), gaps).num_minutes();
        assert_eq!(hours(&[]), 600);
        assert_eq!(hours(&[gap(60, 360)]), 300);
        assert_eq!(hours(&[gap(60, 120), gap(300, 360)]), 480);
        assert_eq!(hours(&[gap(-60, 60)]), 540, "it was made while nobody watched");
        assert_eq!(hours(&[gap(-120, -60), gap(700, 800)]), 600, "before, and not yet");
    }
}
