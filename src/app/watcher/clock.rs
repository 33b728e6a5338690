//! What happens when the clocks of the machine disagree.

use std::sync::Arc;

use super::Watcher;
use crate::clock::ClockStep;
use crate::health;

impl Watcher {
    /// Follows the wall clock, and brings what is remembered into line with it.
    pub(super) fn follow_clock(&mut self) {
        loop {
            let state = &mut self.parts.state;
            match self.parts.clock.follow() {
                ClockStep::Nothing => break,
                ClockStep::Rebase(step) => {
                    tracing::warn!(
                        step_seconds = step.num_seconds(),
                        "the wall clock jumped: ages are kept, times follow it"
                    );
                    health::rebase(Arc::make_mut(state), step);
                    self.planner.on_clock_jump(step, self.parts.clock.now());
                }
                ClockStep::TakeBack { set_at, step } => {
                    tracing::warn!(%set_at, "the wall clock was wrong since {set_at}, and is set right again");
                    health::take_back(Arc::make_mut(state), set_at, step);
                    self.planner.on_clock_jump(step, self.parts.clock.now());
                }
                // What was due meanwhile is due now: everything is asked again.
                ClockStep::Gap { from, to } => {
                    let minutes = (to - from).num_minutes();
                    tracing::warn!(%from, minutes, "down for {minutes} minutes, re-checking everything");
                    health::resume(Arc::make_mut(state), from, to);
                }
            }
            self.needs_evaluation = true;
        }
    }
}
