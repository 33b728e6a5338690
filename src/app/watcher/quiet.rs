//! When one pass over everything is complete, and what it has to look at once more.

use tokio::sync::oneshot;

use super::Watcher;
use crate::health::{self, FollowUp};

impl Watcher {
    pub(super) fn answer_when_quiet(&mut self) {
        let now = self.parts.clock.now();
        let soon = now + self.parts.policy.confirm_after;
        let is_busy = self.needs_evaluation
            || self.planner.running() > 0
            || self.planner.next_due().is_some_and(|due| due <= soon);
        if !is_busy {
            for done in self.waiting_for_quiet.drain(..) {
                let _ = done.send(());
            }
        }
    }

    /// Asks once more for what the pass could not count before; `done` is dropped where there is nothing of that.
    pub(super) fn look_again(&mut self, done: oneshot::Sender<()>) {
        let now = self.parts.clock.now();
        let again = health::rights_to_count(&self.parts.state, &self.fleet);
        if again.is_empty() {
            return;
        }
        for follow_up in again {
            let (work, at) = match follow_up {
                FollowUp::Ask(work) => (work, now),
                FollowUp::Confirm(work) => (work, now + self.parts.policy.confirm_after),
            };
            self.planner.run_soon([work], at);
        }
        self.waiting_for_quiet.push(done);
    }
}
