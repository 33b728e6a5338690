//! What the clocks of a machine tell together: a sleep, a step, or nothing worth a word.

use chrono::{DateTime, TimeDelta, Utc};

/// A wall-clock step larger than this is a jump; anything smaller is slewed silently.
pub(super) const JUMP_THRESHOLD: TimeDelta = TimeDelta::seconds(60);

/// A sleep of the machine, a time in which we were not let to look, or a step forward, longer than this is a time in which
/// nobody watched.
pub(super) const SHORTEST_GAP: TimeDelta = TimeDelta::minutes(5);

/// What became of the time since the clock was last compared with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockStep {
    /// It passed, and we were there.
    Nothing,
    /// The wall clock jumped. It is not followed before an API's date bears it out.
    InDoubt {
        /// How far it is ahead of domain time.
        offset: TimeDelta,
    },
    /// The wall clock is again where domain time is: nothing has happened.
    SetRight,
    /// The wall clock was set: what is remembered moves with it, so that no age changes.
    Rebase(TimeDelta),
    /// The wall clock was set back by as much as it was set forward at an instant: what was remembered since moves back.
    TakeBack {
        /// When it was set forward, by the time before that.
        set_at: DateTime<Utc>,
        /// The step back.
        step: TimeDelta,
    },
    /// Time passed in which nobody watched: ages grow by it.
    Gap {
        /// The last instant at which somebody watched.
        from: DateTime<Utc>,
        /// Now.
        to: DateTime<Utc>,
    },
}

/// The wall clock was set forward by so much that it left a gap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forward {
    pub(super) at: DateTime<Utc>,
    pub(super) by: TimeDelta,
}
