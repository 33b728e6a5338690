//! The store in one file: SQLite, embedded.
//!
//! Words: the **writer** is the one connection that writes, and the **readers** are a small pool beside it; with a
//! write-ahead log neither waits for the other. The **lock** is a file beside the store's, held as long as the store
//! lives, so that no second snykwatch writes to it.
//!
//! How it works: the state is kept in parts (`store/parts.rs`). The store keeps the state of the latest commit and
//! writes only the parts that differ from it, in the transaction that also writes revision, history and notifications.
//! A commit is acknowledged when it is on the disk (`synchronous = FULL`). Opening checks the file before anything is
//! believed of it, and each way in which that can fail is an [`OpenError`] that says what to do.
//!
//! The file is looked after while it is open (`vigil.rs`): one that was removed, replaced or cut takes no more commits,
//! and where that harms nobody it is written anew. Where there is no room to make one, the store is awaited
//! (`awaited.rs`).
//!
//! What it does not do: it does not bound the history by number, only by time ([`Store::prune`]); it runs no task of its
//! own; and it does not run on tokio's paused time, since it waits for real disks. Sizes and operation are described in
//! `docs/storage.md`.

mod awaited;
mod backup;
mod commit;
mod failure;
mod file;
mod history;
mod index;
mod open;
mod outbox;
mod prune;
mod restore;
mod rows;
mod vigil;
mod watched;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::SqlitePool;
use tokio::sync::Mutex;

pub use self::awaited::{Opened, open_or_await};
pub use self::backup::{BackupError, BackupReport, backup};
pub use self::failure::{Adrift, SqliteFailure};
pub use self::open::{Lost, OpenError};
pub use self::restore::{RestoreError, RestoreReport, restore};
pub use super::parts::{PartProblem, UnreadablePart};

use self::failure::broken;
use self::file::{Behind, Identity, Lock};
use self::index::Index;
use self::writer::Writer;
use super::{
    AttemptEnd, Backlog, Commit, DeliveryFilter, Installation, Mended, Outbox, Pruned, Revision, Settled, Store,
    StoreError, Stored,
};
use crate::domain::incident::Subject;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{Delivery, DeliveryId, Notification};
use crate::domain::state::Transition;

/// How a store is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The file may take no more pages of 4 KiB than this: a quota of our own.
    pub max_pages: Option<u32>,
}

/// Keeps everything in one file.
pub struct SqliteStore {
    path: PathBuf,
    options: SqliteOptions,
    installation: Installation,
    lost: Option<Lost>,
    writer: Mutex<Writer>,
    readers: RwLock<SqlitePool>,
    /// Of the log that they and the writer read; `None`: it is in our memory, or nobody is connected.
    index: RwLock<Option<Arc<Index>>>,
    /// The database has called the file damaged since somebody last looked.
    is_suspect: AtomicBool,
    /// Last, so that it is given back after the connections.
    tenure: Mutex<Tenure>,
}

/// By what the file is ours.
struct Tenure {
    lock: Lock,
    /// The file itself, to see what becomes of it. It is not closed before the connections are: that would drop SQLite's
    /// locks.
    held: Arc<File>,
    /// Its log, and the index of that.
    log: [Option<Identity>; 2],
    rescue: Option<vigil::Rescue>,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the store at `path`, and makes it (with its directory) when there is none. A store of an earlier version
    /// is migrated, after a copy of it was put aside.
    ///
    /// # Errors
    /// Each says what to do.
    pub async fn open(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        open::open(path, options, &open::MIGRATOR).await
    }

    /// Closes the file in an orderly way: the write-ahead log is merged. Dropping the store is as safe, and leaves that to
    /// the next opening.
    pub async fn close(self) {
        let Self { writer, readers, tenure, .. } = self;
        readers.into_inner().unwrap_or_else(PoisonError::into_inner).close().await;
        // Nothing is lost when it fails.
        let _ = writer.into_inner().close().await;
        drop(tenure);
    }

    /// What was remembered before this was opened, and is not here: for whoever has to tell of it.
    pub fn lost(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }

    /// A handle on the readers of the present file.
    fn readers(&self) -> SqlitePool {
        self.readers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn index(&self) -> Option<Arc<Index>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sees to it that the index of the log is whole, before it is used.
    async fn keep_index(&self) -> Result<(), StoreError> {
        const KEEP: &str = "write the index of the write-ahead log anew";
        let Some(index) = self.index() else { return Ok(()) };
        if !index.is_whole().map_err(broken(KEEP))? {
            let _writer = self.writer.lock().await;
            index.make_whole().map_err(broken(KEEP))?;
        }
        Ok(())
    }

    /// Does it, and remembers for whoever looks after the file that it is called damaged.
    fn noting<'a, T: Send + 'a>(
        &'a self,
        done: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        async move {
            self.keep_index().await?;
            let done = done.await;
            if done.as_ref().is_err_and(failure::is_damage) {
                self.is_suspect.store(true, Ordering::Relaxed);
            }
            done
        }
        .boxed()
    }
}

impl Store for SqliteStore {
    fn installation(&self) -> Installation {
        self.installation.clone()
    }

    fn load(&self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        self.noting(async move { self.writer.lock().await.load().await })
    }

    fn commit(&self, commit: Commit) -> BoxFuture<'_, Result<Revision, StoreError>> {
        self.noting(async move {
            let has_pages = commit.has_pages();
            let mut writer = self.writer.lock().await;
            let committed = writer.commit(commit).await;
            let latest = writer.latest();
            drop(writer);
            match &committed {
                Ok(_) => self.tenure.lock().await.lock.note_commit(latest),
                // They leave all the same, and after a kill nobody remembers it.
                Err(_) if has_pages => self.tenure.lock().await.lock.note_behind(Some(Behind::Unstored)),
                Err(_) => {}
            }
            committed
        })
    }

    fn history(&self, subject: Subject, limit: usize) -> BoxFuture<'_, Result<Vec<Transition>, StoreError>> {
        self.noting(async move { history::latest(&self.readers(), &subject, limit).await })
    }

    fn prune(&self, before: DateTime<Utc>) -> BoxFuture<'_, Result<Pruned, StoreError>> {
        self.noting(async move { prune::prune(&self.writer, before).await })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        async move { file::size(&self.path) }.boxed()
    }

    fn look_after(&self) -> BoxFuture<'_, Result<Option<Mended>, StoreError>> {
        async move {
            self.keep_index().await?;
            vigil::look_after(self).await
        }
        .boxed()
    }

    fn verify(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.keep_index().await?;
            vigil::verify(self).await
        }
        .boxed()
    }
}

impl Outbox for SqliteStore {
    fn pending(&self, receiver: ReceiverName, limit: usize) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        self.noting(async move { outbox::pending(&self.readers(), &receiver, limit).await })
    }

    fn begin_attempt(&self, delivery: DeliveryId, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.noting(async move { outbox::begin(&mut *self.writer.lock().await, delivery, at).await })
    }

    fn finish_attempt(&self, end: AttemptEnd) -> BoxFuture<'_, Result<(), StoreError>> {
        self.noting(async move { outbox::finish(&mut *self.writer.lock().await, end).await })
    }

    fn settle(&self, settled: Vec<Settled>, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.noting(async move { outbox::settle(&mut *self.writer.lock().await, settled, at).await })
    }

    fn revive(&self, deliveries: Vec<DeliveryId>, at: DateTime<Utc>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.noting(async move { outbox::revive(&mut *self.writer.lock().await, deliveries, at).await })
    }

    fn backlogs(&self) -> BoxFuture<'_, Result<BTreeMap<ReceiverName, Backlog>, StoreError>> {
        self.noting(async move { outbox::backlogs(&self.readers()).await })
    }

    fn standing(
        &self,
        receiver: ReceiverName,
        resolved_since: DateTime<Utc>,
    ) -> BoxFuture<'_, Result<Vec<Arc<Notification>>, StoreError>> {
        self.noting(async move { outbox::standing(&self.readers(), &receiver, resolved_since).await })
    }

    fn held_open(
        &self,
        receiver: ReceiverName,
        keys: BTreeSet<String>,
    ) -> BoxFuture<'_, Result<BTreeSet<String>, StoreError>> {
        self.noting(async move { outbox::held_open(&self.readers(), &receiver, &keys).await })
    }

    fn deliveries(&self, filter: DeliveryFilter) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        self.noting(async move { outbox::deliveries(&self.readers(), &filter).await })
    }
}
