//! The store that lives as long as the process.

mod outbox;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use uuid::Uuid;

use self::outbox::Deliveries;
use super::{
    AttemptEnd, Backlog, Commit, DeliveryFilter, HistoryBounds, Installation, Outbox, Pruned, Revision, Settled, Store,
    StoreError, Stored, subject_of,
};
use crate::domain::incident::Subject;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{Delivery, DeliveryId, Notification};
use crate::domain::state::Transition;

/// Keeps state and history in memory. A restart begins with nothing.
#[derive(Debug)]
pub struct MemoryStore {
    installation: Installation,
    contents: Mutex<Contents>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(HistoryBounds::default())
    }
}

#[derive(Debug, Default)]
struct Contents {
    stored: Option<Stored>,
    history: History,
    deliveries: Deliveries,
}

/// Transitions in order of arrival, with an index by subject.
#[derive(Debug, Default)]
struct History {
    bounds: HistoryBounds,
    next_number: u64,
    by_number: BTreeMap<u64, Transition>,
    /// Ascending numbers; a subject without any has no entry.
    by_subject: BTreeMap<Subject, VecDeque<u64>>,
}

impl MemoryStore {
    /// An empty store that keeps so much history.
    pub fn new(bounds: HistoryBounds) -> Self {
        let history = History { bounds, ..History::default() };
        let version_key = Uuid::new_v4().as_bytes().to_vec().into();
        let installation = Installation { id: Uuid::new_v4(), version_key };
        Self { installation, contents: Mutex::new(Contents { history, ..Contents::default() }) }
    }

    /// Nothing in this module panics while it holds the lock, so a poisoned lock holds a sound value.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn installation(&self) -> Installation {
        self.installation.clone()
    }

    fn load(&self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        ready(Ok(self.lock().stored.clone())).boxed()
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Revision, StoreError>> {
        // Under one lock and with the only refusal first: whole or not at all.
        ready(self.lock().commit(commit)).boxed()
    }

    fn history(&self, subject: Subject, limit: usize) -> BoxFuture<'_, Result<Vec<Transition>, StoreError>> {
        ready(Ok(self.lock().history.latest(&subject, limit))).boxed()
    }

    fn prune(&self, before: DateTime<Utc>) -> BoxFuture<'_, Result<Pruned, StoreError>> {
        let mut contents = self.lock();
        let pruned =
            Pruned { transitions: contents.history.prune(before), deliveries: contents.deliveries.prune(before) };
        ready(Ok(pruned)).boxed()
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        ready(Ok(0)).boxed()
    }
}

impl Outbox for MemoryStore {
    fn pending(&self, receiver: ReceiverName, limit: usize) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        ready(Ok(self.lock().deliveries.pending(&receiver, limit))).boxed()
    }

    fn begin_attempt(&self, delivery: DeliveryId, _at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.lock().deliveries.begin(delivery);
        ready(Ok(())).boxed()
    }

    fn finish_attempt(&self, end: AttemptEnd) -> BoxFuture<'_, Result<(), StoreError>> {
        self.lock().deliveries.finish(end);
        ready(Ok(())).boxed()
    }

    fn settle(&self, settled: Vec<Settled>, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.lock().deliveries.settle(settled, at);
        ready(Ok(())).boxed()
    }

    fn revive(&self, deliveries: Vec<DeliveryId>, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.lock().deliveries.revive(&deliveries, at);
        ready(Ok(())).boxed()
    }

    fn backlogs(&self) -> BoxFuture<'_, Result<BTreeMap<ReceiverName, Backlog>, StoreError>> {
        ready(Ok(self.lock().deliveries.backlogs())).boxed()
    }

    fn standing(
        &self,
        receiver: ReceiverName,
        resolved_since: DateTime<Utc>,
    ) -> BoxFuture<'_, Result<Vec<Arc<Notification>>, StoreError>> {
        ready(Ok(self.lock().deliveries.standing(&receiver, resolved_since))).boxed()
    }

    fn held_open(
        &self,
        receiver: ReceiverName,
        keys: BTreeSet<String>,
    ) -> BoxFuture<'_, Result<BTreeSet<String>, StoreError>> {
        ready(Ok(self.lock().deliveries.held_open(&receiver, keys))).boxed()
    }

    fn deliveries(&self, filter: DeliveryFilter) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        ready(Ok(self.lock().deliveries.list(&filter))).boxed()
    }
}

impl Contents {
    fn commit(&mut self, commit: Commit) -> Result<Revision, StoreError> {
        let Commit { based_on, at, state, transitions, notifications } = commit;
        let found = self.stored.as_ref().map_or(Revision::NONE, |stored| stored.revision);
        if based_on != found {
            return Err(StoreError::Conflict { based_on, found });
        }
        let revision = based_on.next();
        self.stored = Some(Stored { revision, committed_at: at, state });
        for transition in transitions {
            self.history.push(transition);
        }
        for outgoing in notifications {
            self.deliveries.add(outgoing);
        }
        Ok(revision)
    }
}

impl History {
    fn push(&mut self, transition: Transition) {
        let number = self.next_number;
        self.next_number += 1;
        let subject = subject_of(&transition);
        self.by_number.insert(number, transition);
        let numbers = self.by_subject.entry(subject).or_default();
        numbers.push_back(number);
        if numbers.len() > self.bounds.per_subject
            && let Some(oldest) = numbers.pop_front()
        {
            self.by_number.remove(&oldest);
        }
        while self.by_number.len() > self.bounds.total {
            self.drop_oldest();
        }
    }

    /// Drops what is from before; gives how many.
    fn prune(&mut self, before: DateTime<Utc>) -> u64 {
        let mut pruned = 0;
        while self.by_number.first_key_value().is_some_and(|(_, transition)| transition.at < before) {
            self.drop_oldest();
            pruned += 1;
        }
        pruned
    }

    fn drop_oldest(&mut self) {
        let Some((_, transition)) = self.by_number.pop_first() else { return };
        let subject = subject_of(&transition);
        if let Some(numbers) = self.by_subject.get_mut(&subject) {
            // The oldest of all is the oldest of its subject.
            numbers.pop_front();
            if numbers.is_empty() {
                self.by_subject.remove(&subject);
            }
        }
    }

    fn latest(&self, subject: &Subject, limit: usize) -> Vec<Transition> {
        let Some(numbers) = self.by_subject.get(subject) else { return Vec::new() };
        numbers.iter().rev().take(limit).filter_map(|number| self.by_number.get(number).cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;
    use crate::store::contract::fixtures::{commit, integration, status};

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::check(async || MemoryStore::default()).await;
    }

    async fn history(store: &MemoryStore, subject: Subject) -> Vec<Transition> {
        store.history(subject, usize::MAX).await.unwrap()
    }

    #[tokio::test]
    async fn history_is_bounded_by_subject() {
        let store = &MemoryStore::new(HistoryBounds { per_subject: 3, total: 100 });
        let restless: Vec<_> = (0..10).map(|minute| status("restless", minute)).collect();
        store.commit(commit(0, "acme", vec![status("calm", 0)])).await.unwrap();
        store.commit(commit(1, "acme", restless)).await.unwrap();
        let expected = [9, 8, 7].map(|minute| status("restless", minute));
        assert_eq!(history(store, integration("restless")).await, expected);
        assert_eq!(history(store, integration("calm")).await, [status("calm", 0)], "not crowded out");
    }

    #[tokio::test]
    async fn history_is_bounded_in_all() {
        let store = &MemoryStore::new(HistoryBounds { per_subject: 100, total: 4 });
        let names = ["one", "two", "three"];
        let transitions = (0..3).flat_map(|minute| names.map(|name| status(name, minute))).collect();
        store.commit(commit(0, "acme", transitions)).await.unwrap();
        assert_eq!(history(store, integration("one")).await, [status("one", 2)]);
        assert_eq!(history(store, integration("two")).await, [status("two", 2)]);
        assert_eq!(history(store, integration("three")).await, [status("three", 2), status("three", 1)]);
        store.commit(commit(1, "acme", vec![status("four", 3); 4])).await.unwrap();
        assert_eq!(history(store, integration("three")).await, []);
    }
}
