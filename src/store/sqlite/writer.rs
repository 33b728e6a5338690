//! The one connection that writes.

use std::fs::File;
use std::sync::Arc;

use sqlx::{Connection as _, SqliteConnection};

use super::failure::{Adrift, SqliteFailure, failed};
use super::file;
use crate::domain::state::State;
use crate::store::{Revision, StoreError};

/// The writing connection, and what it wrote last.
pub(super) struct Writer {
    pub(super) connection: SqliteConnection,
    /// The latest commit, as far as it is known here: a commit writes only what differs from it.
    pub(super) committed: Option<(Revision, Arc<State>)>,
    /// When that was, in milliseconds.
    pub(super) committed_at: i64,
    /// The file is no longer the one at its path: what is written to it would be lost.
    pub(super) adrift: Option<Adrift>,
    /// The file, and how long it was when it was looked at last; `None`: one that nobody else has yet.
    held: Option<(Arc<File>, u64)>,
    /// A transaction was begun and has no known end: its future was dropped, or its commit failed.
    is_open: bool,
}

impl Writer {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self { connection, committed: None, committed_at: 0, adrift: None, held: None, is_open: false }
    }

    /// Looks from now on whether this file, which it writes, is cut.
    pub(super) fn hold(&mut self, file: Arc<File>) {
        let length = file.metadata().map_or(0, |found| found.len());
        self.held = Some((file, length));
    }

    /// The latest commit's revision, and when it was, as far as it is known here.
    pub(super) fn latest(&self) -> Option<(Revision, i64)> {
        self.committed.as_ref().map(|(revision, _)| (*revision, self.committed_at))
    }

    /// Begins a transaction.
    ///
    /// This is done here and not by the library, since SQLite ends a transaction by itself when the disk is full, and a
    /// library that counts transactions never recovers from that.
    pub(super) async fn begin(&mut self, action: &'static str) -> Result<(), StoreError> {
        self.refuse_adrift(action)?;
        self.roll_back_interrupted().await;
        self.is_open = true;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await.map_err(failed(action))?;
        Ok(())
    }

    /// Commits what went well and rolls back what did not.
    pub(super) async fn end<T>(
        &mut self,
        action: &'static str,
        outcome: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let committed = match outcome.and_then(|value| self.refuse_adrift(action).map(|()| value)) {
            Ok(value) => {
                let committed = sqlx::query("COMMIT").execute(&mut self.connection).await;
                committed.map(|_| value).map_err(failed(action))
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &committed {
            self.roll_back().await;
            if is_full(error) {
                self.merge_log().await;
            }
        }
        self.is_open = false;
        // A merge may have made it longer.
        self.find_cut();
        committed
    }

    /// Refuses to write into a file that is not ours any more, or was cut since it was looked at last. Asked before whatever
    /// may merge the log: a merge writes behind the end of a file that was cut, which has its length again then, and a hole
    /// that nobody finds before he reads it.
    pub(super) fn refuse_adrift(&mut self, action: &'static str) -> Result<(), StoreError> {
        self.find_cut();
        match self.adrift {
            None => Ok(()),
            Some(adrift) => Err(StoreError::Backend { action, source: Box::new(SqliteFailure::Adrift(adrift)) }),
        }
    }

    fn find_cut(&mut self) {
        if self.adrift.is_none() && self.is_cut() {
            self.adrift = Some(Adrift::Cut);
        }
    }

    /// Whether the file was cut, or overwritten, since it was looked at last.
    pub(super) fn is_cut(&mut self) -> bool {
        let Some((file, length)) = &mut self.held else { return false };
        // What cannot be looked at is looked at again.
        let is_cut = !file::is_whole(file, *length).unwrap_or(true);
        if !is_cut && let Ok(found) = file.metadata() {
            *length = found.len();
        }
        is_cut
    }

    /// Rolls back what an interrupted transaction left behind: until then this connection, and it alone, reads what was
    /// never committed.
    pub(super) async fn roll_back_interrupted(&mut self) {
        if self.is_open {
            self.roll_back().await;
            self.is_open = false;
        }
    }

    async fn roll_back(&mut self) {
        // There may be none any more, which is as good.
        let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
    }

    /// The log is merged by itself only when it is long, which it never gets on a small disk. Merged, it makes the room
    /// that the next commit needs, if there is any to be had.
    async fn merge_log(&mut self) {
        let _ = sqlx::query(MERGE_LOG).execute(&mut self.connection).await;
    }

    /// Merges the log and closes. On closing alone, the merge would fail without a word.
    pub(super) async fn finish(mut self) -> Result<(), sqlx::Error> {
        sqlx::query(MERGE_LOG).execute(&mut self.connection).await?;
        self.close().await
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        self.connection.close().await
    }
}

/// Merges the log into the file and cuts it off.
pub(super) const MERGE_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

fn is_full(error: &StoreError) -> bool {
    let StoreError::Backend { source, .. } = error else { return false };
    matches!(source.downcast_ref(), Some(SqliteFailure::DiskFull(_)))
}
