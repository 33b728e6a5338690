//! What went wrong below, in words that help.

use crate::store::StoreError;

/// Why the file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SqliteFailure {
    /// No room.
    #[error("the disk, or its quota, is full: make room, and the next commit takes everything along")]
    DiskFull(#[source] sqlx::Error),
    /// A write failed, and not for want of room on the disk itself.
    #[error("the disk takes no writes: a quota or a limit on the size of files may be reached, or the disk fails")]
    WriteFailed(#[source] sqlx::Error),
    /// It cannot be written.
    #[error("the file, its directory or its file system is read-only: make it writable again")]
    ReadOnly(#[source] sqlx::Error),
    /// It is damaged.
    #[error("the file is damaged: stop snykwatch and restore a backup (`snykwatch restore FILE`)")]
    Damaged(#[source] sqlx::Error),
    /// Another program holds it.
    #[error("another program holds the file")]
    Busy(#[source] sqlx::Error),
    /// It is no longer the file at its path.
    #[error("{adrift}")]
    Adrift {
        /// What became of it.
        adrift: Adrift,
        /// Why that could not be mended.
        #[source]
        obstacle: Option<Box<StoreError>>,
    },
    /// Something else.
    #[error("the database failed")]
    Other(#[source] sqlx::Error),
}

/// What became of the file while it was open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Adrift {
    /// It has no name any more.
    #[error(
        "the state file was removed while snykwatch runs: what it held is written to a new one as soon as that can be made; \
         make its directory writable, with room in it"
    )]
    Removed,
    /// Another file has its name.
    #[error(
        "another file was put in the place of the state file while snykwatch runs, and nothing is written into it: restart \
         snykwatch to go on with that file, or move it away to have what snykwatch remembers written there again"
    )]
    Replaced,
    /// The log, or the index of it, has no name any more, or another's.
    #[error(
        "the write-ahead log of the state file, or its index, was removed or replaced while snykwatch runs: what it held \
         is written into the file as soon as that can be done; leave these files alone, and make room on the disk"
    )]
    Unlogged,
    /// It is where it was, and a link has its name.
    #[error(
        "the state file was moved while snykwatch runs, and a link to it put in its place: its log would be looked for beside \
         the file, and nothing is written; move the file back in the place of the link, or remove the link to have what \
         snykwatch remembers written there again"
    )]
    Linked,
    /// Something was written over it.
    #[error(
        "the state file was overwritten while snykwatch runs, such as with an older copy: it is put aside, and what snykwatch \
         remembers is written to a new one as soon as that can be made; make its directory writable, with room in it; to go \
         back to a backup, stop snykwatch and restore it (`snykwatch restore FILE`)"
    )]
    Overwritten,
    /// Its end is missing, or all of it; or something else is where that was.
    #[error(
        "the state file was cut or overwritten while snykwatch runs: it is put aside, and what snykwatch remembers is \
         written to a new one as soon as that can be made; make its directory writable, with room in it"
    )]
    Cut,
    /// It was opened where there was no room for others to see it, and there is room now.
    #[error("the state file was opened on a full disk, for us alone, and is being opened again for backups")]
    Unshared,
}

// Result codes of SQLite: https://www.sqlite.org/rescode.html
// Kinds of its code 10, an error of the operating system.
const SHORT_READ: i32 = 522;
const WRITE_FAILED: i32 = 778;
const SYNC_FAILED: i32 = 1_034;
const TRUNCATE_FAILED: i32 = 1_546;
const INDEX_NOT_MADE: i32 = 4_618;
const NO_ROOM_FOR_INDEX: i32 = 4_874;
const WRONG_CHECKSUM: i32 = 8_202;
const DAMAGED_BY_DISK: i32 = 8_458;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READ_ONLY: i32 = 8;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

impl From<sqlx::Error> for SqliteFailure {
    fn from(error: sqlx::Error) -> Self {
        let code = code(&error);
        // What kind of error it is, is in the lowest byte.
        match code.map(|code| code & 0xff) {
            Some(FULL) => Self::DiskFull(error),
            _ if code == Some(NO_ROOM_FOR_INDEX) => Self::DiskFull(error),
            _ if matches!(code, Some(WRITE_FAILED | SYNC_FAILED | TRUNCATE_FAILED | INDEX_NOT_MADE)) => {
                Self::WriteFailed(error)
            }
            // A page, or a part of the log, that SQLite knows of is not there, or is not what it was.
            _ if matches!(code, Some(SHORT_READ | WRONG_CHECKSUM | DAMAGED_BY_DISK)) => Self::Damaged(error),
            Some(READ_ONLY | CANNOT_OPEN) => Self::ReadOnly(error),
            Some(CORRUPT | NOT_A_DATABASE) => Self::Damaged(error),
            Some(BUSY | LOCKED) => Self::Busy(error),
            _ => Self::Other(error),
        }
    }
}

fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// The store's error about `action`.
pub(super) fn failed(action: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| StoreError::Backend { action, source: Box::new(SqliteFailure::from(error)) }
}

/// Whether the file itself is to blame: what is in it is not what was written.
pub(super) fn is_damage(error: &StoreError) -> bool {
    let StoreError::Backend { source, .. } = error else { return false };
    matches!(source.downcast_ref(), Some(SqliteFailure::Damaged(_)))
}

/// Whether it may be otherwise the next time.
pub(super) fn is_passing(error: &StoreError) -> bool {
    use SqliteFailure::{Busy, DiskFull, ReadOnly, WriteFailed};
    let StoreError::Backend { source, .. } = error else { return false };
    matches!(source.downcast_ref(), Some(Busy(_) | DiskFull(_) | ReadOnly(_) | WriteFailed(_)))
}

/// The store's error about `action`, where the database is not to blame.
pub(super) fn broken<E: std::error::Error + Send + Sync + 'static>(action: &'static str) -> impl Fn(E) -> StoreError {
    move |error| StoreError::Backend { action, source: Box::new(error) }
}
