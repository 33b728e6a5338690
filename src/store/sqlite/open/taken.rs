//! Whose the store is: no second snykwatch writes to it, whatever became of the lock beside it.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::SqliteLockingMode;
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Access, Manner, OpenError, options_of};
use crate::store::sqlite::failure::SqliteFailure;
use crate::store::sqlite::file::{self, Lock, LockRefused};

/// Refuses a store that another process has open, whatever became of its lock: an open one is held by SQLite's own
/// locks.
pub(in crate::store::sqlite) async fn refuse_in_use(path: &Path) -> Result<(), OpenError> {
    if !path.exists() {
        return Ok(());
    }
    let alone = options_of(path, Access::Write, Manner::Shared)
        .locking_mode(SqliteLockingMode::Exclusive)
        .busy_timeout(Duration::from_secs(1));
    let asked = async {
        let mut connection = alone.connect().await?;
        let asked = sqlx::query("SELECT count(*) FROM sqlite_schema").execute(&mut connection).await;
        let _ = connection.close().await;
        asked
    };
    match asked.await.map_err(SqliteFailure::from) {
        Err(SqliteFailure::Busy(_)) => Err(OpenError::InUse { path: path.to_path_buf(), holder: None }),
        // A file that is damaged or none of ours is not in use.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Takes the lock of the store at `path`. Not at a link: SQLite keeps the log beside the file that it leads to, the lock
/// would be beside the link, and who comes by another name would find neither.
pub(in crate::store::sqlite) fn lock(path: &Path) -> Result<Lock, OpenError> {
    let path = path.to_path_buf();
    if let Ok(target) = std::fs::read_link(&path) {
        return Err(OpenError::Link { path, target });
    }
    take_lock(&path)
}

/// Takes the lock of the store at `path`, whatever is there.
pub(in crate::store::sqlite) fn take_lock(path: &Path) -> Result<Lock, OpenError> {
    let path = path.to_path_buf();
    Lock::take(&path).map_err(|refused| match refused {
        LockRefused::Held(holder) => OpenError::InUse { path, holder },
        LockRefused::NoFile => OpenError::NoFile { path: Lock::place(&path) },
        LockRefused::File(source) => OpenError::NotWritable { path: Lock::place(&path), source },
    })
}

/// Opens the file of the store at `path` and holds it. Refused while a daemon has it, whatever became of the lock beside it.
pub(in crate::store::sqlite) fn hold(path: &Path) -> Result<File, OpenError> {
    let path = path.to_path_buf();
    match file::hold(&path) {
        Ok(Some(held)) => Ok(held),
        Ok(None) => Err(OpenError::InUse { path, holder: None }),
        Err(source) => Err(OpenError::NotWritable { path, source }),
    }
}
