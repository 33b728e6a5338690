//! What the watcher needs to have people told: who is told of what (`notify`), and who carries it (`deliver`).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use url::Url;

use crate::config::receivers::ReceiverSettings;
use crate::config::routing::Routing;
use crate::deliver::{Board, Deliverers};
use crate::domain::fleet::Fleet;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{Dispatch, Outgoing};
use crate::domain::page::Gap;
use crate::domain::state::{State, Transition};
use crate::notify;
use crate::notify::situation::Situation;

/// Has people told.
#[derive(Debug)]
pub(super) struct Herald {
    deliverers: Deliverers,
    board: watch::Receiver<Board>,
    dispatch: Dispatch,
    /// Tests of receivers so far, to tell those of one instant apart.
    tests: u32,
}

/// What is configured about telling people.
#[derive(Debug, Clone, Copy)]
pub(super) struct Telling<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) routing: &'a Routing,
    pub(super) external_url: &'a Url,
    pub(super) now: DateTime<Utc>,
}

impl Herald {
    pub(super) fn new(deliverers: Deliverers, dispatch: Dispatch) -> Self {
        Self { board: deliverers.board(), deliverers, dispatch, tests: 0 }
    }

    /// What is due to be told.
    pub(super) fn due(&self, state: &mut State, transitions: &[Transition], telling: Telling<'_>) -> Vec<Outgoing> {
        self.with_situation(telling, |situation| notify::evaluate(state, transitions, situation))
    }

    /// A test of a receiver.
    pub(super) fn test(&mut self, receiver: &ReceiverName, telling: Telling<'_>) -> Outgoing {
        self.tests = self.tests.wrapping_add(1);
        self.with_situation(telling, |situation| notify::test(receiver, self.tests, situation))
    }

    /// These are the times in which nobody watched.
    pub(super) fn tell_of_gaps(&self, gaps: &[Gap]) {
        self.deliverers.on_gaps(gaps);
    }

    /// Rows were committed.
    pub(super) fn wake(&self) {
        self.deliverers.wake();
    }

    /// The store did not take these.
    pub(super) fn send_unstored(&self, outgoing: &[Outgoing]) {
        self.deliverers.send_unstored(outgoing);
    }

    pub(super) fn with_situation<T>(&self, telling: Telling<'_>, ask: impl FnOnce(&Situation<'_>) -> T) -> T {
        let Telling { fleet, routing, external_url, now } = telling;
        let failing = self.board.borrow().failing(now);
        ask(&Situation { fleet, routing, failing: &failing, dispatch: self.dispatch, external_url, now })
    }

    /// The same with how the receivers do, for whoever shows it.
    pub(super) fn with_telling<T>(
        &self,
        telling: Telling<'_>,
        receivers: &BTreeMap<ReceiverName, Arc<ReceiverSettings>>,
        show: impl FnOnce(&crate::snapshot::Telling<'_>) -> T,
    ) -> T {
        // A copy: deliverers do not wait for a snapshot to be made.
        let board = self.board.borrow().clone();
        self.with_situation(telling, |situation| {
            show(&crate::snapshot::Telling { situation, board: &board, receivers })
        })
    }
}
