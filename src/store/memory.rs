//! The store that lives as long as the process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use crate::domain::incident::Subject;
use crate::domain::state::Transition;

use super::{Commit, HistoryBounds, Revision, Store, StoreError, Stored, subject_of};

/// Keeps state and history in memory. A restart begins with nothing.
#[derive(Debug, Default)]
pub struct MemoryStore {
    contents: Mutex<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    stored: Option<Stored>,
    history: History,
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
        Self { contents: Mutex::new(Contents { stored: None, history }) }
    }

    /// Nothing in this module panics while it holds the lock, so a poisoned lock holds a sound value.
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
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
}

impl Contents {
    fn commit(&mut self, commit: Commit) -> Result<Revision, StoreError> {
        let Commit { based_on, at, state, transitions } = commit;
        let found = self.stored.as_ref().map_or(Revision::NONE, |stored| stored.revision);
        if based_on != found {
            return Err(StoreError::Conflict { based_on, found });
        }
        let revision = based_on.next();
        self.stored = Some(Stored { revision, committed_at: at, state });
        for transition in transitions {
            self.history.push(transition);
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

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::check(MemoryStore::new).await;
    }
}
