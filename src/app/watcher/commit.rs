//! Commits of the watcher, and what becomes of one that fails.

use chrono::{DateTime, Utc};

use super::super::chain;
use super::super::herald::Herald;
use super::super::journal;
use super::{Arc, Watcher};
use crate::domain::state::Transition;
use crate::store::{Commit, StoreError};

impl Watcher {
    /// Commits the state with what changed and what people are to be told of it. A store that fails is reported and
    /// tried again with the next evaluation; monitoring goes on, and critical pages leave all the same.
    pub(super) async fn commit(&mut self, transitions: Vec<Transition>, now: DateTime<Utc>) -> Result<(), StoreError> {
        for transition in &transitions {
            journal::log(transition);
            // Nobody may be listening; that is no failure.
            let _ = self.parts.transitions.send(transition.clone());
        }
        self.held.transitions.extend(transitions);
        let commit = Commit {
            based_on: self.parts.revision,
            // As long as the state has times of a clock that ran ahead, the next start has to see that.
            at: self.ahead_at(now).unwrap_or(now),
            state: Arc::clone(&self.parts.state),
            transitions: self.held.transitions.clone(),
            notifications: self.held.notifications.clone(),
        };
        let committed = self.parts.store.commit(commit).await;
        self.is_stored = committed.is_ok();
        match &committed {
            Ok(revision) => {
                self.parts.revision = *revision;
                self.parts.pulse.on_commit();
                if self.held.clear() {
                    self.parts.herald.iter().for_each(Herald::wake);
                }
            }
            Err(error) => self.on_refused(error),
        }
        let trouble = committed.as_ref().err().map(|error| chain(error));
        let trouble = trouble.or_else(|| self.parts.store_trouble.borrow().clone());
        self.parts.publisher.set_store_trouble(trouble);
        committed.map(drop)
    }

    fn on_refused(&mut self, error: &StoreError) {
        let own = self.parts.exporter.own().delivery();
        own.on_store_error();
        self.is_displaced = matches!(error, StoreError::Conflict { .. });
        let what_now = if self.is_displaced {
            "somebody else writes to our store: stopping, since two that write destroy each other's work; see that \
             one snykwatch alone uses it, and start again"
        } else {
            "could not commit the state: tried again with the next evaluation"
        };
        tracing::error!(error = error as &dyn std::error::Error, "{what_now}");
        if self.is_displaced {
            return;
        }
        self.parts.herald.iter().for_each(|herald| herald.send_unstored(&self.held.notifications));
        let dropped = self.held.shrink();
        if dropped > 0 {
            own.on_not_stored(dropped);
            tracing::error!(
                dropped,
                "the store has taken nothing for so long that what is kept for it is cut: the history will have a hole; \
                 every problem that lasts, and the end of every one that was told, is kept"
            );
        }
    }
}
