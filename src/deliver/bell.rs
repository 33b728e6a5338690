//! Wakes a task, and keeps scaled time still until it has looked.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::clock::{Clock, Hold};

/// Rung by many, answered by one task.
#[derive(Debug)]
pub(super) struct Bell {
    clock: Clock,
    rung: Notify,
    hold: Mutex<Option<Hold>>,
}

impl Bell {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), rung: Notify::new(), hold: Mutex::new(None) }
    }

    pub(super) fn ring(&self) {
        let fresh = self.clock.hold();
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        hold.get_or_insert(fresh);
        drop(hold);
        self.rung.notify_one();
    }

    /// Waits until it is rung, once for any number of rings.
    pub(super) async fn rung(&self) {
        self.rung.notified().await;
    }

    /// What keeps time still since it was rung; to be dropped when the work is done.
    pub(super) fn answer(&self) -> Option<Hold> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
