//! A store that fails when told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use crate::domain::incident::Subject;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{Delivery, DeliveryId, Notification};
use crate::domain::state::Transition;
use crate::store::memory::MemoryStore;
use crate::store::{
    AttemptEnd, Backlog, Commit, DeliveryFilter, Installation, Outbox, Pruned, Revision, Settled, Store, StoreError,
    Stored,
};

/// The store in memory, but for a few failures.
#[derive(Debug)]
pub(super) struct FailingStore {
    memory: Arc<MemoryStore>,
    begins: AtomicUsize,
    finishes: AtomicUsize,
}

impl FailingStore {
    pub(super) fn new(memory: Arc<MemoryStore>) -> Self {
        Self { memory, begins: AtomicUsize::new(0), finishes: AtomicUsize::new(0) }
    }

    /// The next `times` attempts cannot be begun.
    pub(super) fn fail_to_begin(&self, times: usize) {
        self.begins.store(times, Ordering::SeqCst);
    }

    /// The next `times` ends cannot be noted.
    pub(super) fn fail_to_finish(&self, times: usize) {
        self.finishes.store(times, Ordering::SeqCst);
    }
}

fn fails(left: &AtomicUsize) -> Option<StoreError> {
    let failing = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    failing.then(|| StoreError::Backend { action: "do as told", source: "the disk is full".into() })
}

impl Outbox for FailingStore {
    fn pending(&self, receiver: ReceiverName, limit: usize) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        self.memory.pending(receiver, limit)
    }

    fn begin_attempt(&self, delivery: DeliveryId, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        match fails(&self.begins) {
            Some(error) => ready(Err(error)).boxed(),
            None => self.memory.begin_attempt(delivery, at),
        }
    }

    fn finish_attempt(&self, end: AttemptEnd) -> BoxFuture<'_, Result<(), StoreError>> {
        match fails(&self.finishes) {
            Some(error) => ready(Err(error)).boxed(),
            None => self.memory.finish_attempt(end),
        }
    }

    fn settle(&self, settled: Vec<Settled>, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.memory.settle(settled, at)
    }

    fn revive(&self, deliveries: Vec<DeliveryId>, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.memory.revive(deliveries, at)
    }

    fn backlogs(&self) -> BoxFuture<'_, Result<BTreeMap<ReceiverName, Backlog>, StoreError>> {
        self.memory.backlogs()
    }

    fn standing(
        &self,
        receiver: ReceiverName,
        resolved_since: DateTime<Utc>,
    ) -> BoxFuture<'_, Result<Vec<Arc<Notification>>, StoreError>> {
        self.memory.standing(receiver, resolved_since)
    }

    fn held_open(
        &self,
        receiver: ReceiverName,
        keys: BTreeSet<String>,
    ) -> BoxFuture<'_, Result<BTreeSet<String>, StoreError>> {
        self.memory.held_open(receiver, keys)
    }

    fn deliveries(&self, filter: DeliveryFilter) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        self.memory.deliveries(filter)
    }
}

impl Store for FailingStore {
    fn installation(&self) -> Installation {
        self.memory.installation()
    }

    fn load(&self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        self.memory.load()
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Revision, StoreError>> {
        self.memory.commit(commit)
    }

    fn history(&self, subject: Subject, limit: usize) -> BoxFuture<'_, Result<Vec<Transition>, StoreError>> {
        self.memory.history(subject, limit)
    }

    fn prune(&self, before: DateTime<Utc>) -> BoxFuture<'_, Result<Pruned, StoreError>> {
        self.memory.prune(before)
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.memory.size()
    }
}
