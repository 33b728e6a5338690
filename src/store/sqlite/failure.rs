//! What went wrong below, in words that help.

use crate::store::StoreError;

/// Why the file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SqliteFailure {
    /// No room.
    #[error("the disk, or its quota, is full: make room, and the next commit takes everything along")]
    DiskFull(#[source] sqlx::Error),
    /// It cannot be written.
    #[error("the file, its directory or its file system is read-only: make it writable again")]
    ReadOnly(#[source] sqlx::Error),
    /// It is damaged.
    #[error("the file is damaged: stop snykwatch and restore a backup (`snykwatch restore FILE`)")]
    Damaged(#[source] sqlx::Error),
    /// Another program holds it.
    #[error("another program holds the file")]
    Busy(#[source] sqlx::Error),
    /// Something else.
    #[error("the database failed")]
    Other(#[source] sqlx::Error),
}

// Result codes of SQLite: https://www.sqlite.org/rescode.html
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READ_ONLY: i32 = 8;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

impl From<sqlx::Error> for SqliteFailure {
    fn from(error: sqlx::Error) -> Self {
        match primary_code(&error) {
            Some(FULL) => Self::DiskFull(error),
            Some(READ_ONLY | CANNOT_OPEN) => Self::ReadOnly(error),
            Some(CORRUPT | NOT_A_DATABASE) => Self::Damaged(error),
            Some(BUSY | LOCKED) => Self::Busy(error),
            _ => Self::Other(error),
        }
    }
}

/// The primary result code: the lowest byte of what is told.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// The store's error about `action`.
pub(super) fn failed(action: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| StoreError::Backend { action, source: Box::new(SqliteFailure::from(error)) }
}

/// The store's error about `action`, where the database is not to blame.
pub(super) fn broken<E: std::error::Error + Send + Sync + 'static>(action: &'static str) -> impl Fn(E) -> StoreError {
    move |error| StoreError::Backend { action, source: Box::new(error) }
}
