//! The desk: takes what people ask over HTTP to whoever answers it. Changes go to the watcher, the one writer; what is
//! asked about delivery is answered from the store and the board, so that it never waits for an evaluation.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::chain;
use super::watcher::Request;
use super::wiring::Wiring;
use crate::clock::Clock;
use crate::deliver::Board;
use crate::snapshot::ReceiverView;
use crate::store::{DeliveryFilter, Store};
use crate::web::{OperatorRefusal, OperatorRequest, WantedDeliveries};

/// Answers or passes on.
pub(super) struct Desk {
    pub(super) requests: mpsc::Receiver<OperatorRequest>,
    pub(super) watcher: mpsc::Sender<Request>,
    pub(super) wiring: Arc<Mutex<Arc<Wiring>>>,
    pub(super) store: Arc<dyn Store>,
    pub(super) board: watch::Receiver<Board>,
    pub(super) clock: Clock,
}

impl Desk {
    /// Works until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(request) = self.requests.recv() => self.take(request).await,
            }
        }
    }

    async fn take(&self, request: OperatorRequest) {
        // Whoever asked may be gone when the answer comes; what was asked for holds all the same.
        match request {
            OperatorRequest::Receivers { answer } => drop(answer.send(Ok(self.receivers().await))),
            OperatorRequest::Deliveries { wanted, answer } => {
                let WantedDeliveries { receiver, state, limit } = wanted;
                let filter = DeliveryFilter { receiver, about: None, state, limit };
                let found = self.store.deliveries(filter).await;
                let _ = answer.send(found.map_err(|error| OperatorRefusal::Failed(chain(&error))));
            }
            // The watcher is gone only when all of us stop.
            change => drop(self.watcher.send(Request::Operator(Box::new(change))).await),
        }
    }

    async fn receivers(&self) -> Vec<ReceiverView> {
        let wiring = Arc::clone(&*self.wiring.lock().await);
        let board = self.board.borrow().clone();
        let now = self.clock.now();
        let views = wiring.config().receivers.iter().map(|(name, settings)| {
            let known = board.receivers.get(name).cloned().unwrap_or_default();
            ReceiverView::new(name, settings.kind.word(), known, now)
        });
        views.collect()
    }
}
