//! Opening the file: everything is checked before anything is believed.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretSlice;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::failure::SqliteFailure;
use super::file::{self, Lock, LockRefused, beside};
use super::writer::{MERGE_LOG, Writer};
use super::{SqliteOptions, SqliteStore};
use crate::store::{Installation, StoreError};

/// The schema, as steps that are applied in order. A step that was released is never changed.
pub(super) static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// `application_id` of our files: "snwt".
const APPLICATION: i64 = 0x736e_7774;

/// Nobody but a backup should ever hold the file against us.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Readers: the outbox of each receiver and the API; each query takes well below a millisecond.
const READERS: u32 = 3;

/// Rows that wait for whoever reads: a whole state comes in hundreds of thousands, and the library's 50 make each side
/// wait for the other all the time.
const ROWS_AHEAD: usize = 4_096;

/// The write-ahead log is cut down to this after a large commit, in bytes.
const LOG_LIMIT: &str = "16777216";

/// The log is merged when it has so many pages of 4 KiB: one that takes all the room of a small disk leaves none for the
/// merge itself.
const LOG_PAGES: &str = "128";

/// Why the store cannot be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made.
    #[error(
        "could not make the directory of {}: make it, and let it belong to the user that snykwatch runs as",
        path.display()
    )]
    Directory {
        /// Of the file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file, or another beside it, cannot be written.
    #[error(
        "could not write {}: the file and its directory must be writable for the user that snykwatch runs as, and the \
         file system must not be read-only",
        path.display()
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another snykwatch has it.
    #[error(
        "{} is in use by another snykwatch{}: stop that one first, or give this one a path of its own",
        path.display(), holder.map_or_else(String::new, |holder| format!(" (process {holder})"))
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// The other process.
        holder: Option<u32>,
    },
    /// It is no database.
    #[error(
        "{} is no database of snykwatch: give another path, or restore a backup in its place (`snykwatch restore FILE`)",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged.
    #[error(
        "{} is damaged: restore a backup (`snykwatch restore FILE`), or move it away to start anew; what is broken \
         pages again then, by the same keys ({detail})",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says of it.
        detail: String,
    },
    /// A newer snykwatch wrote it.
    #[error(
        "{} was written by a newer snykwatch (schema {found}, this one knows {known}): run that version again, or \
         restore a backup from before the upgrade; its own copy is {}",
        path.display(), copy.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
        /// Where an upgrade puts a copy aside.
        copy: PathBuf,
    },
    /// Its schema is not the one of its number.
    #[error(
        "{} has a schema {found} that differs from this build's: run the build that wrote it, or restore a backup",
        path.display()
    )]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// A step from one schema to the next failed; nothing was changed.
    #[error("could not migrate {}: it is as it was; the version that wrote it can still use it", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: MigrateError,
    },
    /// The database failed otherwise.
    #[error("could not open {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: SqliteFailure,
    },
    /// What it holds cannot be read.
    #[error("could not read what {} holds", path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: StoreError,
    },
}

pub(super) async fn open(path: &Path, options: SqliteOptions, migrator: &Migrator) -> Result<SqliteStore, OpenError> {
    file::make_directory(path).map_err(|source| OpenError::Directory { path: path.to_path_buf(), source })?;
    let lock = lock(path)?;
    file::make_writable(path).map_err(|source| OpenError::NotWritable { path: path.to_path_buf(), source })?;
    // Looked at before anything is set: what is not ours, or of a newer version, stays as it is.
    let mut connection = plain(path, Access::Write).await?;
    check(&mut connection, path).await?;
    let found = schema(&mut connection).await.map_err(|error| database(path, error))?;
    check_schema(path, found, migrator)?;
    connection.close().await.map_err(|error| database(path, error))?;

    let mut connection = connect(path, options).await?;
    migrate(&mut connection, path, migrator).await?;
    let failed = |error| database(path, error);
    let installation = installation(&mut connection).await.map_err(failed)?;
    // What stands only in the log could not be merged on a disk that has become full later. On one that is full now it
    // fails, and the log goes on as it is.
    let _ = sqlx::query(MERGE_LOG).execute(&mut connection).await;
    let readers = SqlitePoolOptions::new().max_connections(READERS).idle_timeout(None).max_lifetime(None);
    let readers = readers.connect_with(options_of(path, Access::Read)).await.map_err(failed)?;
    let mut writer = Writer::new(connection);
    // A part that cannot be read is told now, not in the middle of the first evaluation.
    writer.load().await.map_err(|source| OpenError::Contents { path: path.to_path_buf(), source })?;
    Ok(SqliteStore { path: path.to_path_buf(), installation, writer: Mutex::new(writer), readers, _lock: lock })
}

/// Takes the lock of the store at `path`.
pub(super) fn lock(path: &Path) -> Result<Lock, OpenError> {
    let path = path.to_path_buf();
    match Lock::take(&path) {
        Ok(lock) => Ok(lock),
        Err(LockRefused::Held(holder)) => Err(OpenError::InUse { path, holder }),
        Err(LockRefused::File(source)) => Err(OpenError::NotWritable { path, source }),
    }
}

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Read alone.
    Read,
    /// Read and write.
    Write,
}

fn options_of(path: &Path, access: Access) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(access == Access::Read)
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(ROWS_AHEAD)
}

/// A connection that sets nothing.
pub(super) async fn plain(path: &Path, access: Access) -> Result<SqliteConnection, OpenError> {
    options_of(path, access).connect().await.map_err(|error| database(path, error))
}

async fn connect(path: &Path, options: SqliteOptions) -> Result<SqliteConnection, OpenError> {
    let mut connecting = options_of(path, Access::Write)
        .foreign_keys(true)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", LOG_LIMIT)
        .pragma("wal_autocheckpoint", LOG_PAGES);
    if let Some(pages) = options.max_pages {
        connecting = connecting.pragma("max_page_count", pages.to_string());
    }
    connecting.connect().await.map_err(|error| database(path, error))
}

/// What the database said about `path`, sorted by what helps.
pub(super) fn database(path: &Path, error: sqlx::Error) -> OpenError {
    let path = path.to_path_buf();
    match SqliteFailure::from(error) {
        SqliteFailure::Damaged(error) if error.to_string().contains("not a database") => OpenError::Foreign { path },
        SqliteFailure::Damaged(error) => OpenError::Damaged { path, detail: error.to_string() },
        source => OpenError::Database { path, source },
    }
}

/// Whether the file is ours and whole. An empty one is: it becomes ours.
pub(super) async fn check(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let failed = |error| database(path, error);
    let (application,): (i64,) =
        sqlx::query_as("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(failed)?;
    let (tables,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *connection).await.map_err(failed)?;
    if application != APPLICATION && (tables > 0 || application != 0) {
        return Err(OpenError::Foreign { path: path.to_path_buf() });
    }
    let (found,): (String,) = sqlx::query_as("PRAGMA quick_check(1)").fetch_one(connection).await.map_err(failed)?;
    if found == "ok" { Ok(()) } else { Err(OpenError::Damaged { path: path.to_path_buf(), detail: found }) }
}

/// The schema's number; zero for an empty file.
pub(super) async fn schema(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (known,): (i64,) = sqlx::query_as("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
        .fetch_one(&mut *connection)
        .await?;
    if known == 0 {
        return Ok(0);
    }
    let (version,): (i64,) =
        sqlx::query_as("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(connection).await?;
    Ok(version)
}

/// The latest schema that `migrator` knows.
pub(super) fn latest_schema(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Where an upgrade from schema `version` puts a copy aside.
pub(super) fn copy_before_upgrade(path: &Path, version: i64) -> PathBuf {
    beside(path, &format!(".schema-{version}"))
}

/// Refuses a schema that this build does not know.
pub(super) fn check_schema(path: &Path, found: i64, migrator: &Migrator) -> Result<(), OpenError> {
    let known = latest_schema(migrator);
    if found > known {
        let copy = copy_before_upgrade(path, known);
        return Err(OpenError::Newer { path: path.to_path_buf(), found, known, copy });
    }
    Ok(())
}

async fn migrate(connection: &mut SqliteConnection, path: &Path, migrator: &Migrator) -> Result<(), OpenError> {
    let found = schema(connection).await.map_err(|error| database(path, error))?;
    if found > 0 && found < latest_schema(migrator) {
        put_copy_aside(connection, path, found).await?;
    }
    let migrated = migrator.run(connection).await;
    let path = path.to_path_buf();
    migrated.map_err(|error| match error {
        MigrateError::VersionMismatch(found) | MigrateError::VersionMissing(found) => {
            OpenError::OtherSchema { path, found }
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => match SqliteFailure::from(error) {
            SqliteFailure::Other(error) => OpenError::Migration { path, source: MigrateError::Execute(error) },
            source => OpenError::Database { path, source },
        },
        source => OpenError::Migration { path, source },
    })
}

/// For the version before this one, should somebody have to go back to it.
async fn put_copy_aside(connection: &mut SqliteConnection, path: &Path, version: i64) -> Result<(), OpenError> {
    let copy = copy_before_upgrade(path, version);
    match file::create_new(&copy) {
        Ok(_) => {}
        // An upgrade that was interrupted, or a second one after going back: the first copy is as good.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(source) => return Err(OpenError::NotWritable { path: copy, source }),
    }
    let copied = sqlx::query("VACUUM INTO ?1").bind(copy.to_string_lossy()).execute(connection).await;
    copied.map(drop).map_err(|error| {
        // Half a copy would be taken for a whole one.
        let _ = std::fs::remove_file(&copy);
        database(path, error)
    })
}

async fn installation(connection: &mut SqliteConnection) -> Result<Installation, sqlx::Error> {
    // 32 bytes of the operating system's randomness, less the few bits that mark a UUID.
    let key = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
    sqlx::query("INSERT INTO installation (only, id, version_key) VALUES (1, ?1, ?2) ON CONFLICT (only) DO NOTHING")
        .bind(Uuid::new_v4().to_string())
        .bind(key)
        .execute(&mut *connection)
        .await?;
    let (id, version_key): (String, Vec<u8>) =
        sqlx::query_as("SELECT id, version_key FROM installation").fetch_one(connection).await?;
    let id = Uuid::parse_str(&id).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Installation { id, version_key: SecretSlice::from(version_key) })
}
