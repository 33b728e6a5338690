//! A store that cannot be made yet, since the disk is full: made with the first commit that finds room.
//!
//! Until then every commit fails, as on a disk that has become full later: monitoring goes on, and all that failed goes
//! with the first commit that does not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use super::file::{Behind, Found, Lock};
use super::open::{self, Blueprint, Lost, MIGRATOR, OpenError};
use super::{SqliteOptions, SqliteStore};
use crate::domain::incident::Subject;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{Delivery, DeliveryId, Notification};
use crate::domain::state::Transition;
use crate::store::{
    AttemptEnd, Backlog, Commit, DeliveryFilter, Installation, Mended, Outbox, Pruned, Revision, Settled, Store,
    StoreError, Stored,
};

/// An opened store.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    /// What was remembered before, and is not in it.
    pub lost: Option<Lost>,
    /// Why there is nothing to write to yet.
    pub awaits_room: Option<OpenError>,
}

/// Opens the store at `path`. Where there is none, and no room to make one, it is made as soon as there is.
///
/// # Errors
/// Each says what to do. A store that is there and cannot be read is one: what it holds would be overwritten later.
pub async fn open_or_await(path: &Path, options: SqliteOptions) -> Result<Opened, OpenError> {
    let error = match SqliteStore::open(path, options).await {
        Ok(store) => {
            let lost = store.lost().cloned();
            return Ok(Opened { store: Arc::new(store), lost, awaits_room: None });
        }
        Err(error) => error,
    };
    let found = Found::at(path);
    if !error.is_for_want_of_room() || !matches!(found, Ok(Found::Nothing { .. } | Found::Blank)) {
        return Err(error);
    }
    let noted = || {
        let lock = Lock::take(path).ok()?;
        lock.behind().map(Lost::from).or_else(|| lock.noted().map(|_| Lost::Removed))
    };
    let lost = match found {
        Ok(Found::Blank) => Some(Lost::Blank(None)),
        _ => noted(),
    };
    let store = AwaitedStore {
        path: path.to_path_buf(),
        options,
        installation: Installation::random(),
        opened: OnceCell::new(),
    };
    Ok(Opened { store: Arc::new(store), lost, awaits_room: Some(error) })
}

#[derive(Debug)]
struct AwaitedStore {
    path: PathBuf,
    options: SqliteOptions,
    installation: Installation,
    opened: OnceCell<SqliteStore>,
}

impl AwaitedStore {
    async fn open(&self) -> Result<&SqliteStore, StoreError> {
        let (path, options, installation) = (self.path.clone(), self.options, self.installation.clone());
        let opening = move || async move {
            let blueprint = Blueprint { options, migrator: &MIGRATOR, installation: Some(&installation) };
            open::open_as(&path, blueprint).await
        };
        self.opened.get_or_try_init(|| open::apart("make the state file", opening)).await
    }

    /// Asks the store, or gives what an empty one would.
    async fn ask<'a, T: Default, F: Future<Output = Result<T, StoreError>>>(
        &'a self,
        ask: impl FnOnce(&'a SqliteStore) -> F,
    ) -> Result<T, StoreError> {
        match self.opened.get() {
            Some(store) => ask(store).await,
            None => Ok(T::default()),
        }
    }
}

impl Store for AwaitedStore {
    fn installation(&self) -> Installation {
        self.installation.clone()
    }

    fn load(&self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        self.ask(Store::load).boxed()
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Revision, StoreError>> {
        async move {
            let store = self.open().await;
            // They leave all the same, and after a kill nobody remembers it.
            if store.is_err()
                && commit.has_pages()
                && let Ok(mut lock) = Lock::take(&self.path)
            {
                lock.note_behind(Some(Behind::Unstored));
            }
            store?.commit(commit).await
        }
        .boxed()
    }

    fn history(&self, subject: Subject, limit: usize) -> BoxFuture<'_, Result<Vec<Transition>, StoreError>> {
        self.ask(move |store| store.history(subject, limit)).boxed()
    }

    fn prune(&self, before: DateTime<Utc>) -> BoxFuture<'_, Result<Pruned, StoreError>> {
        self.ask(move |store| store.prune(before)).boxed()
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.ask(Store::size).boxed()
    }

    fn look_after(&self) -> BoxFuture<'_, Result<Option<Mended>, StoreError>> {
        self.ask(Store::look_after).boxed()
    }

    fn verify(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(Store::verify).boxed()
    }
}

impl Outbox for AwaitedStore {
    fn pending(&self, receiver: ReceiverName, limit: usize) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        self.ask(move |store| store.pending(receiver, limit)).boxed()
    }

    fn begin_attempt(&self, delivery: DeliveryId, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(move |store| store.begin_attempt(delivery, at)).boxed()
    }

    fn finish_attempt(&self, end: AttemptEnd) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(move |store| store.finish_attempt(end)).boxed()
    }

    fn settle(&self, settled: Vec<Settled>, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(move |store| store.settle(settled, at)).boxed()
    }

    fn revive(&self, deliveries: Vec<DeliveryId>, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(move |store| store.revive(deliveries, at)).boxed()
    }

    fn backlogs(&self) -> BoxFuture<'_, Result<BTreeMap<ReceiverName, Backlog>, StoreError>> {
        self.ask(Outbox::backlogs).boxed()
    }

    fn standing(
        &self,
        receiver: ReceiverName,
        resolved_since: DateTime<Utc>,
    ) -> BoxFuture<'_, Result<Vec<Arc<Notification>>, StoreError>> {
        self.ask(move |store| store.standing(receiver, resolved_since)).boxed()
    }

    fn held_open(
        &self,
        receiver: ReceiverName,
        keys: BTreeSet<String>,
    ) -> BoxFuture<'_, Result<BTreeSet<String>, StoreError>> {
        self.ask(move |store| store.held_open(receiver, keys)).boxed()
    }

    fn deliveries(&self, filter: DeliveryFilter) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        self.ask(move |store| store.deliveries(filter)).boxed()
    }
}
