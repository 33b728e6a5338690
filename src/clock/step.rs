//! What the clocks of a machine tell together: a sleep, a step, or nothing worth a word.

use chrono::{DateTime, TimeDelta, Utc};

/// A wall-clock step larger than this is a jump: it is logged and taken over; anything smaller is slewed silently.
const JUMP_THRESHOLD: TimeDelta = TimeDelta::seconds(60);

/// A sleep of the machine, or a step forward, longer than this is a time in which nobody watched.
const SHORTEST_GAP: TimeDelta = TimeDelta::minutes(5);

/// What became of the time since the clock was last compared with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockStep {
    /// It passed, and we were there.
    Nothing,
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

/// How much time each clock says has passed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elapsed {
    /// The wall clock, which people and time servers set.
    pub(super) wall: TimeDelta,
    /// The monotonic clock, which stands still while the machine sleeps.
    pub(super) monotonic: TimeDelta,
    /// The boot clock, which goes on.
    pub(super) boot: TimeDelta,
}

/// The wall clock was set forward by so much that it left a gap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forward {
    pub(super) at: DateTime<Utc>,
    pub(super) by: TimeDelta,
}

impl Elapsed {
    /// The machine slept for so long that it left a gap.
    pub(super) fn is_sleep(self) -> bool {
        self.boot - self.monotonic > SHORTEST_GAP
    }

    /// What happened since `from`. A sleep is told first: where the wall clock does not agree with the boot clock about
    /// its length, that is a step of its own.
    pub(super) fn step(self, from: DateTime<Utc>, set_forward: Option<Forward>) -> ClockStep {
        let set = self.wall - self.boot.max(self.monotonic);
        if self.is_sleep() || set > SHORTEST_GAP {
            let passed = if self.is_sleep() { self.boot } else { self.wall };
            ClockStep::Gap { from: from + self.monotonic, to: from + passed }
        } else if let Some(forward) = set_forward.filter(|forward| (forward.by + set).abs() <= JUMP_THRESHOLD) {
            ClockStep::TakeBack { set_at: forward.at, step: set }
        } else if set.abs() > JUMP_THRESHOLD {
            ClockStep::Rebase(set)
        } else {
            ClockStep::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        "2026-11-23T09:00:00Z".parse().unwrap()
    }

    #[test]
    fn clocks_that_disagree_tell_what_happened() {
        use ClockStep::{Gap, Nothing, Rebase};
        let at = |seconds: i64| start() + TimeDelta::seconds(seconds);
        let gap = |from, to| Gap { from: at(from), to: at(to) };
        let step = |seconds| Rebase(TimeDelta::seconds(seconds));
        for (what, wall, monotonic, boot, expected) in [
            ("time passes", 30, 30, 30, Nothing),
            ("it is slewed", 89, 30, 30, Nothing),
            ("a nap", 300, 30, 300, Nothing),
            ("a sleep of 30 h", 108_030, 30, 108_030, gap(30, 108_030)),
            ("a sleep of 30 h whose clock stood still", 30, 30, 108_030, gap(30, 108_030)),
            ("a sleep, and a clock that was set meanwhile", 200_000, 30, 108_030, gap(30, 108_030)),
            ("a small step forward", 120, 30, 30, step(90)),
            ("the longest small step forward", 330, 30, 30, step(300)),
            ("a day forward", 86_430, 30, 30, gap(30, 86_430)),
            ("a small step back", -60, 30, 30, step(-90)),
            ("a day back", -86_370, 30, 30, step(-86_400)),
            ("a nap, and a step back", 30, 30, 230, step(-200)),
        ] {
            let [wall, monotonic, boot] = [wall, monotonic, boot].map(TimeDelta::seconds);
            assert_eq!(Elapsed { wall, monotonic, boot }.step(start(), None), expected, "{what}");
        }
        // Eight seconds after it was set forward by a day.
        let forward = Forward { at: start() - TimeDelta::days(1), by: TimeDelta::days(1) };
        let [wall, real] = [-86_392, 8].map(TimeDelta::seconds);
        let elapsed = Elapsed { wall, monotonic: real, boot: real };
        let back = TimeDelta::days(-1);
        assert_eq!(elapsed.step(start(), Some(forward)), ClockStep::TakeBack { set_at: forward.at, step: back });
        let forward = Forward { by: TimeDelta::hours(1), ..forward };
        assert_eq!(elapsed.step(start(), Some(forward)), Rebase(back), "another step");
    }
}
