//! A backup becomes the store again.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sqlx::Connection as _;

use super::backup::inspect;
use super::file::{self, Behind, beside};
use super::open::{self, Access, OpenError};
use crate::store::Revision;

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreReport {
    /// The latest commit in it.
    pub revision: Revision,
    /// When that commit was made: what came later is forgotten.
    pub committed_at: Option<DateTime<Utc>>,
    /// Where the file that was replaced is now; `None` when there was none.
    pub replaced: Option<PathBuf>,
}

/// Why nothing was restored. The store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no such backup.
    #[error("there is no backup at {}", path.display())]
    Missing {
        /// The backup.
        path: PathBuf,
    },
    /// The backup is no good.
    #[error("the backup cannot be used")]
    Backup(#[source] Box<OpenError>),
    /// The store is in use, or its place cannot be written.
    #[error("the store cannot be replaced now")]
    Destination(#[source] Box<OpenError>),
    /// A file could not be copied or renamed.
    #[error("could not {action} {}", path.display())]
    File {
        /// What was attempted.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Puts `backup` in the place of the store at `destination`, after it was checked. The file that was there is kept under
/// a name with `now` in it. Refused while a daemon has the store.
///
/// # Errors
/// The store is as it was.
pub async fn restore(backup: &Path, destination: &Path, now: DateTime<Utc>) -> Result<RestoreReport, RestoreError> {
    if !backup.is_file() {
        return Err(RestoreError::Missing { path: backup.to_path_buf() });
    }
    file::make_directory(destination).map_err(failed("make the directory of", destination))?;
    let refused = |error| RestoreError::Destination(Box::new(error));
    let mut lock = open::lock(destination).map_err(refused)?;
    let incoming = beside(destination, ".restoring");
    let taken_in = async {
        let taken_in = take_in(backup, &incoming).await?;
        // Asked last: it merges the log of a store that is in no use, and what is not replaced is left as it is.
        open::refuse_in_use(destination).await.map_err(refused)?;
        Ok(taken_in)
    }
    .await;
    if taken_in.is_err() {
        let _ = std::fs::remove_file(&incoming);
    }
    let (revision, committed_at) = taken_in?;
    for made in [&incoming, &beside(destination, ".lock")] {
        file::hand_over(made, destination).map_err(failed("give its owner", made))?;
    }
    let replaced = put_aside(destination, now).await?;
    std::fs::rename(&incoming, destination).map_err(failed("replace", destination))?;
    file::sync_directory(destination).map_err(failed("replace", destination))?;
    lock.note_behind(Some(Behind::Restored));
    Ok(RestoreReport { revision, committed_at, replaced })
}

/// Copies the backup beside the store and checks the copy: what is checked is what is used, and the backup is left alone.
async fn take_in(backup: &Path, incoming: &Path) -> Result<(Revision, Option<DateTime<Utc>>), RestoreError> {
    match std::fs::remove_file(incoming) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("remove what an earlier attempt left at", incoming)(error));
        }
        _ => {}
    }
    let mut copy = file::create_new(incoming).map_err(failed("make", incoming))?;
    let mut source = std::fs::File::open(backup).map_err(failed("read", backup))?;
    io::copy(&mut source, &mut copy).and_then(|_| copy.sync_all()).map_err(failed("copy the backup to", incoming))?;
    inspect(incoming).await.map_err(|error| RestoreError::Backup(Box::new(error)))
}

/// Gives the present file a second name; its own is then taken over by a rename, so that at no moment there is none.
async fn put_aside(destination: &Path, now: DateTime<Utc>) -> Result<Option<PathBuf>, RestoreError> {
    let is_there = destination.exists();
    let aside = file::free_name(destination, &format!("replaced-{}", now.format("%Y%m%dT%H%M%SZ")));
    if is_there {
        merge_log(destination).await;
        let kept = std::fs::hard_link(destination, &aside).or_else(|_| std::fs::copy(destination, &aside).map(drop));
        kept.map_err(failed("keep a copy of", destination))?;
    }
    // Of a file that could not be merged, or was removed without its log: SQLite would apply that to the new file.
    for suffix in ["-wal", "-shm"] {
        let (from, to) = (beside(destination, suffix), beside(&aside, suffix));
        if from.exists() {
            std::fs::rename(&from, &to).map_err(failed("put aside", &from))?;
        }
    }
    Ok(is_there.then_some(aside))
}

/// Merges the write-ahead log into the file, where the file is good enough for that.
async fn merge_log(path: &Path) {
    let Ok(mut connection) = open::plain(path, Access::Write).await else { return };
    // A damaged file is put aside as it is.
    let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
    let _ = connection.close().await;
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> RestoreError {
    move |source| RestoreError::File { action, path: path.to_path_buf(), source }
}
