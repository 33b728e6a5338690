//! A copy of the store, made while the daemon runs.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, SqliteConnection};

use super::commit;
use super::failure::SqliteFailure;
use super::file::{self, beside};
use super::open::{self, Access, OpenError};
use super::rows::instant;
use crate::store::{Revision, StoreError};

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// The latest commit in it.
    pub revision: Revision,
    /// When that commit was made; `None` before the first.
    pub committed_at: Option<DateTime<Utc>>,
    /// Its size in bytes.
    pub size: u64,
}

/// Why there is no backup. What was begun of it is removed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to back up.
    #[error("there is no store at {}: has snykwatch run with this configuration?", path.display())]
    Missing {
        /// The store's file.
        path: PathBuf,
    },
    /// The destination is taken.
    #[error("{} is there already: a backup never overwrites, give another name", path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },
    /// The destination cannot be written.
    #[error("could not write {}", path.display())]
    Write {
        /// The destination.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The store cannot be read.
    #[error("could not read the store")]
    Source(#[source] OpenError),
    /// The copy failed.
    #[error("could not copy the store to {}", path.display())]
    Copy {
        /// The destination.
        path: PathBuf,
        /// Why not.
        #[source]
        source: SqliteFailure,
    },
    /// The copy is not good.
    #[error("the copy was made and does not hold; it is removed")]
    Verify(#[source] Box<OpenError>),
}

/// Copies the store at `source` to `destination`, which must not exist, and checks the copy. A daemon may be at work
/// on the source: the copy is of one commit.
///
/// # Errors
/// There is no backup then.
pub async fn backup(source: &Path, destination: &Path) -> Result<BackupReport, BackupError> {
    if !source.is_file() {
        return Err(BackupError::Missing { path: source.to_path_buf() });
    }
    let write = |source| BackupError::Write { path: destination.to_path_buf(), source };
    // Takes the name, so that nobody else does meanwhile.
    file::create_new(destination).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists { path: destination.to_path_buf() },
        _ => write(error),
    })?;
    let partial = beside(destination, ".partial");
    let copied = copy(source, &partial, destination).await;
    if copied.is_err() {
        // An empty or half a file must not be taken for a backup.
        let _ = std::fs::remove_file(&partial);
        let _ = std::fs::remove_file(destination);
    }
    copied
}

async fn copy(source: &Path, partial: &Path, destination: &Path) -> Result<BackupReport, BackupError> {
    let write = |source| BackupError::Write { path: destination.to_path_buf(), source };
    // One that was interrupted left this behind.
    match std::fs::remove_file(partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(write(error)),
        _ => {}
    }
    let made = file::create_new(partial).map_err(write)?;
    let mut connection = open::plain(source, Access::Write).await.map_err(BackupError::Source)?;
    let schema =
        open::schema(&mut connection).await.map_err(|error| BackupError::Source(open::database(source, error)))?;
    open::check_schema(source, schema, &open::MIGRATOR).map_err(BackupError::Source)?;
    let copied = sqlx::query("VACUUM INTO ?1").bind(partial.to_string_lossy()).execute(&mut connection).await;
    copied.map_err(|error| BackupError::Copy { path: destination.to_path_buf(), source: error.into() })?;
    // The copy stands, whatever comes of this.
    let _ = connection.close().await;
    let (revision, committed_at) = inspect(partial).await.map_err(|error| BackupError::Verify(Box::new(error)))?;
    made.sync_all().map_err(write)?;
    std::fs::rename(partial, destination).map_err(write)?;
    file::sync_directory(destination).map_err(write)?;
    let size = made.metadata().map_err(write)?.len();
    Ok(BackupReport { revision, committed_at, size })
}

/// Checks a file that nobody else uses, every page of it, and gives its latest commit.
pub(super) async fn inspect(path: &Path) -> Result<(Revision, Option<DateTime<Utc>>), OpenError> {
    let mut connection = open::plain(path, Access::Read).await?;
    let inspected = inspect_open(&mut connection, path).await;
    // It was only read.
    let _ = connection.close().await;
    inspected
}

async fn inspect_open(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(Revision, Option<DateTime<Utc>>), OpenError> {
    open::check(connection, path).await?;
    let failed = |error| open::database(path, error);
    let schema = open::schema(connection).await.map_err(failed)?;
    if schema == 0 {
        return Err(OpenError::Foreign { path: path.to_path_buf() });
    }
    open::check_schema(path, schema, &open::MIGRATOR)?;
    let (found,): (String,) =
        sqlx::query_as("PRAGMA integrity_check(1)").fetch_one(&mut *connection).await.map_err(failed)?;
    if found != "ok" {
        return Err(OpenError::damaged(path, &found));
    }
    let unreadable = |source| OpenError::Contents { path: path.to_path_buf(), source };
    let Some((revision, committed_at)) = commit::latest(connection).await.map_err(unreadable)? else {
        return Ok((Revision::NONE, None));
    };
    let action = "read when the latest commit was";
    let committed_at =
        instant(committed_at).map_err(|source| unreadable(StoreError::Backend { action, source: Box::new(source) }))?;
    Ok((revision, Some(committed_at)))
}
