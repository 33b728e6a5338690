//! What one receiver is to be told of one open incident: the table of it all, without a state.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::attention::Told;
use crate::domain::incident::Severity;
use crate::domain::notification::NotificationKind;
use crate::health::incidents::growth::Growth;

/// The incident as this decision sees it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and the table has a row for each")]
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    pub(super) now: DateTime<Utc>,
    pub(super) severity: Severity,
    /// Another incident was found to be its cause.
    pub(super) is_quiet: bool,
    /// A silence or a maintenance window covers it.
    pub(super) is_silenced: bool,
    /// The first pass over its subject still finds what it affects: it waits before it is told for the first time.
    pub(super) is_waiting: bool,
    /// When somebody acknowledged it.
    pub(super) acknowledged_at: Option<DateTime<Utc>>,
    /// Nothing changed for [`STANDING_AFTER`].
    pub(super) is_standing: bool,
    pub(super) step: usize,
    pub(super) affected: usize,
    pub(super) growth: Growth,
}

/// How the incident comes to the receiver.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// No route leads there.
    None,
    /// One does, at another time of the day.
    Closed,
    /// One does.
    Open {
        remind_every: Option<TimeDelta>,
        /// It does not take what it is sent.
        is_failing: bool,
    },
}

/// A problem on which nobody acts for so long is said once more, and from then on in the digest alone. Two weeks hold a
/// sprint, a holiday and a change freeze: who has not acted by then does not act on the next reminder.
pub(super) const STANDING_AFTER: TimeDelta = TimeDelta::days(14);

/// What a receiver rejected is told anew this often while it does not take anything: whoever repairs it has the page
/// back within this time, also when nothing else happens.
const TELL_ANEW_EVERY: TimeDelta = TimeDelta::hours(1);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing.
    Nothing,
    /// To tell it.
    Tell(NotificationKind),
    /// To end the key it holds and to begin the one of the present severity.
    Escalate,
    /// To end the key it holds: the present severity is not for it.
    Leave,
}

/// Decides for one receiver.
pub(super) fn due(scene: &Scene, told: Option<&Told>, way: Way) -> Due {
    // What is only for the record belongs to the digest.
    let is_open = matches!(way, Way::Open { .. }) && !scene.is_silenced && scene.severity > Severity::Info;
    let Some(told) = told else {
        let begins = is_open && !scene.is_quiet && !scene.is_waiting;
        return if begins { Due::Tell(NotificationKind::Trigger) } else { Due::Nothing };
    };
    if scene.is_silenced || matches!(way, Way::Closed) {
        return Due::Nothing;
    }
    if told.severity != scene.severity && !scene.is_quiet {
        return if is_open { Due::Escalate } else { Due::Leave };
    }
    if scene.acknowledged_at.is_some() && scene.acknowledged_at != told.acknowledged_at {
        return Due::Tell(NotificationKind::Acknowledgement);
    }
    let Way::Open { remind_every, is_failing } = way else { return Due::Nothing };
    if scene.is_quiet {
        return Due::Nothing;
    }
    // It counts for as long as an acknowledged problem is not standing.
    let is_acknowledged = scene.acknowledged_at.is_some() && !scene.is_standing;
    let elapsed = scene.now - told.at;
    if told.is_lost && !is_acknowledged && (!is_failing || elapsed >= TELL_ANEW_EVERY) {
        // A trigger, not a reminder: what it rejected may have been the trigger, and some receivers take nothing else.
        return Due::Tell(NotificationKind::Trigger);
    }
    // The ladder goes on whoever cares: it is an escalation that keeps the severity.
    if scene.step > told.step {
        return Due::Tell(NotificationKind::Reminder);
    }
    if is_acknowledged {
        return Due::Nothing;
    }
    let may_grow = told.grown_at.is_none_or(|at| scene.now - at >= scene.growth.at_most_every());
    if may_grow && scene.growth.is_news(told.affected, scene.affected) {
        return Due::Tell(NotificationKind::Growth);
    }
    if scene.is_standing {
        return if told.is_standing { Due::Nothing } else { Due::Tell(NotificationKind::Standing) };
    }
    if remind_every.is_some_and(|every| elapsed >= every) {
        return Due::Tell(NotificationKind::Reminder);
    }
    Due::Nothing
}
