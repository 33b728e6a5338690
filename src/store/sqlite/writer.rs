//! The one connection that writes.

use std::sync::Arc;

use sqlx::{Connection as _, SqliteConnection};

use super::failure::{Adrift, SqliteFailure, failed};
use super::open::Manner;
use super::watched::{Doubt, Seen, Watched};
use crate::domain::state::State;
use crate::store::{Revision, StoreError};

/// The writing connection, and what it wrote last.
pub(super) struct Writer {
    pub(super) connection: SqliteConnection,
    pub(super) manner: Manner,
    /// The latest commit, as far as it is known here: a commit writes only what differs from it.
    pub(super) committed: Option<(Revision, Arc<State>)>,
    /// When that was, in milliseconds.
    pub(super) committed_at: i64,
    /// The file is no longer the one at its path: what is written to it would be lost.
    pub(super) adrift: Option<Adrift>,
    /// Somebody else has written into it since this was settled.
    pub(super) doubt: Option<Doubt>,
    /// The file; `None`: one that nobody else has yet.
    watched: Option<Watched>,
    /// A transaction was begun and has no known end: its future was dropped, or its commit failed.
    is_open: bool,
}

impl Writer {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self {
            connection,
            manner: Manner::Shared,
            committed: None,
            committed_at: 0,
            adrift: None,
            doubt: None,
            watched: None,
            is_open: false,
        }
    }

    /// Looks from now on at this file, which it writes; `None`: at none.
    pub(super) fn watch(&mut self, watched: Option<Watched>) {
        self.watched = watched;
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
        // Whatever came of it, it writes nothing into the file itself before it is committed.
        let is_ours = self.refuse_adrift(action);
        let committed = match outcome.and_then(|value| is_ours.map(|()| value)) {
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
        self.note_own_write();
        committed
    }

    /// Refuses to write into a file that is not ours any more, or was cut or overwritten since we have written it last. Asked
    /// before whatever may merge the log: a merge writes behind the end of a file that was cut, which has its length again
    /// then, and a hole that nobody finds before he reads it.
    pub(super) fn refuse_adrift(&mut self, action: &'static str) -> Result<(), StoreError> {
        if self.adrift.is_none() {
            self.adrift = self.find_harm();
        }
        match self.adrift {
            None => Ok(()),
            Some(adrift) => {
                let source = Box::new(SqliteFailure::Adrift { adrift, obstacle: None });
                Err(StoreError::Backend { action, source })
            }
        }
    }

    /// What became of the file since we have written it last, as far as it shows from outside of it.
    pub(super) fn find_harm(&mut self) -> Option<Adrift> {
        match self.watched.as_ref()?.look() {
            Seen::AsLeft => None,
            Seen::Harmed(adrift) => Some(adrift),
            Seen::Doubtful(doubt) => {
                self.doubt = self.doubt.max(Some(doubt));
                None
            }
        }
    }

    /// What became of it just now was our own doing, such as a merge; a cut was not.
    pub(super) fn note_own_write(&mut self) {
        if self.adrift.is_some() {
            return;
        }
        let Some(watched) = &mut self.watched else { return };
        if watched.is_cut() {
            self.adrift = Some(Adrift::Cut);
        } else {
            watched.note();
        }
    }

    /// What somebody else has written into it is in order.
    pub(super) fn settle_doubt(&mut self) {
        self.doubt = None;
        self.note_own_write();
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
