//! What one receiver is to be told of one open incident: the table of it all, without a state.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::attention::Told;
use crate::domain::incident::Severity;
use crate::domain::notification::NotificationKind;

/// The incident as this decision sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    pub(super) now: DateTime<Utc>,
    pub(super) severity: Severity,
    /// Another incident was found to be its cause.
    pub(super) is_quiet: bool,
    /// A silence or a maintenance window covers it.
    pub(super) is_silenced: bool,
    /// When somebody took care of it.
    pub(super) acknowledged_at: Option<DateTime<Utc>>,
    pub(super) step: usize,
    pub(super) affected: usize,
    /// It grew by a quarter in this very evaluation.
    pub(super) has_grown: bool,
    pub(super) digest_every: TimeDelta,
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

/// What a receiver rejected is told anew this often while it does not take anything: whoever repairs it has the page
/// back within this time, also when nothing else happens.
const TELL_ANEW_EVERY: TimeDelta = TimeDelta::hours(1);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing.
    Nothing,
    /// To remember that it is kept from people.
    Hold,
    /// To tell it.
    Tell(NotificationKind),
    /// To end the key it holds and to begin the one of the present severity.
    Escalate,
    /// To end the key it holds: nobody routes the present severity there.
    Leave,
}

/// Decides for one receiver. `list_changed` is asked only when the answer counts.
pub(super) fn due(scene: &Scene, told: Option<&Told>, way: Way, list_changed: impl FnOnce(&Told) -> bool) -> Due {
    let is_open = matches!(way, Way::Open { .. }) && !scene.is_silenced;
    let Some(told) = told else {
        return if is_open && !scene.is_quiet { Due::Tell(NotificationKind::Trigger) } else { Due::Nothing };
    };
    if scene.is_silenced || matches!(way, Way::Closed) {
        return if told.is_silenced { Due::Nothing } else { Due::Hold };
    }
    if told.severity != scene.severity && !scene.is_quiet {
        return if is_open { Due::Escalate } else { Due::Leave };
    }
    if told.is_silenced && is_open && !scene.is_quiet {
        return Due::Tell(NotificationKind::SilenceEnded);
    }
    if scene.acknowledged_at.is_some() && scene.acknowledged_at != told.acknowledged_at {
        return Due::Tell(NotificationKind::Acknowledgement);
    }
    let Way::Open { remind_every, is_failing } = way else { return Due::Nothing };
    if scene.is_quiet {
        return Due::Nothing;
    }
    let elapsed = scene.now - told.at;
    if told.is_lost && scene.acknowledged_at.is_none() && (!is_failing || elapsed >= TELL_ANEW_EVERY) {
        // A trigger, not a reminder: what it rejected may have been the trigger, and some receivers take nothing else.
        return Due::Tell(NotificationKind::Trigger);
    }
    // The ladder goes on whoever cares: it is an escalation that keeps the severity.
    if scene.step > told.step {
        return Due::Tell(NotificationKind::Reminder);
    }
    if scene.acknowledged_at.is_some() {
        return Due::Nothing;
    }
    if scene.has_grown && scene.affected > told.affected {
        return Due::Tell(NotificationKind::Growth);
    }
    if elapsed >= scene.digest_every && list_changed(told) {
        return Due::Tell(NotificationKind::Digest);
    }
    if remind_every.is_some_and(|every| elapsed >= every) {
        return Due::Tell(NotificationKind::Reminder);
    }
    Due::Nothing
}
