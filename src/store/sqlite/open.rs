//! Opening the file: everything is checked before anything is believed.

mod error;
mod lost;
mod taken;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretSlice};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use uuid::Uuid;

pub use self::error::OpenError;
pub use self::lost::Lost;
pub(super) use self::taken::{hold, lock, refuse_in_use, take_lock};

use super::failure::{SqliteFailure, broken};
use super::file::{self, Behind, Found, Identity, beside};
use super::index::Index;
use super::watched::Watched;
use super::writer::{MERGE_LOG, Writer};
use super::{SqliteOptions, SqliteStore, Tenure};
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

/// How a store is made and opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blueprint<'a> {
    pub(super) options: SqliteOptions,
    pub(super) migrator: &'a Migrator,
    /// Whose store a new one is; `None`: a new installation.
    pub(super) installation: Option<&'a Installation>,
}

pub(super) async fn open(path: &Path, options: SqliteOptions, migrator: &Migrator) -> Result<SqliteStore, OpenError> {
    open_as(path, Blueprint { options, migrator, installation: None }).await
}

pub(super) async fn open_as(path: &Path, blueprint: Blueprint<'_>) -> Result<SqliteStore, OpenError> {
    let not_writable = |source| OpenError::NotWritable { path: path.to_path_buf(), source };
    file::make_directory(path).map_err(|source| OpenError::Directory { path: path.to_path_buf(), source })?;
    let mut lock = lock(path)?;
    let found = Found::at(path).map_err(not_writable)?;
    let mut lost = lock.behind().map(Lost::from);
    if found == Found::NoFile {
        return Err(OpenError::NoFile { path: path.to_path_buf() });
    }
    if found == Found::Blank {
        // One that was emptied under a daemon is still that daemon's.
        hold(path)?;
    }
    if found != Found::Something {
        make(path, blueprint, |new| {
            let aside = if found == (Found::Nothing { has_log: false }) {
                None
            } else {
                file::put_aside(path, "unreadable").ok()
            };
            match found {
                Found::Nothing { has_log } if lock.noted().is_some() || has_log => lost = Some(Lost::Removed),
                Found::Blank => lost = Some(Lost::Blank(aside)),
                Found::Nothing { .. } | Found::NoFile | Found::Something => {}
            }
            // One that cannot be renamed, such as a file that a container mounts, is filled.
            std::fs::rename(new, path).or_else(|_| std::fs::copy(new, path).and_then(|_| std::fs::remove_file(new)))
        })
        .await?;
        if lost.is_some() {
            lock.note_behind(Some(Behind::Lost));
        }
    }
    file::make_writable(path).map_err(not_writable)?;
    let held = Arc::new(hold(path)?);
    let (mut writer, readers, installation) = connections(path, blueprint).await?;
    let index = Index::of(path, writer.manner).map_err(not_writable)?.map(Arc::new);
    writer.watch(Some(Watched::new(Arc::clone(&held), index.clone())));
    let log = Identity::of_log(path).map_err(not_writable)?;
    // A part that cannot be read is told now, not in the middle of the first evaluation.
    writer.load().await.map_err(|source| OpenError::Contents { path: path.to_path_buf(), source })?;
    let latest = writer.latest();
    if lost.is_none()
        && let Some(behind) = lock.differs_from(installation.id, latest)
    {
        lost = Some(behind.into());
        lock.note_behind(Some(behind));
    }
    lock.note(installation.id, latest);
    Ok(SqliteStore {
        path: path.to_path_buf(),
        options: blueprint.options,
        installation,
        lost,
        writer: Mutex::new(writer),
        readers: RwLock::new(readers),
        index: RwLock::new(index),
        is_suspect: AtomicBool::new(false),
        tenure: Mutex::new(Tenure { lock, held, log, rescue: None }),
    })
}

/// Works on a thread of its own, for who must be able to change threads meanwhile: the compiler does not see that the
/// migrator's future can.
pub(super) fn apart<T: Send + 'static, F: Future<Output = Result<T, OpenError>>>(
    action: &'static str,
    work: impl FnOnce() -> F + Send + 'static,
) -> BoxFuture<'static, Result<T, StoreError>> {
    let runtime = Handle::current();
    let working = tokio::task::spawn_blocking(move || runtime.block_on(work()));
    async move { working.await.map_err(broken(action))?.map_err(broken(action)) }.boxed()
}

/// Under which name a store is made.
pub(super) fn name_of_new(path: &Path) -> PathBuf {
    beside(path, ".new")
}

/// Makes a store under another name, so that there never is half a one at its place, and has `put` put it there.
pub(super) async fn make(
    path: &Path,
    blueprint: Blueprint<'_>,
    put: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), OpenError> {
    let new = name_of_new(path);
    let not_writable = |source| OpenError::NotWritable { path: path.to_path_buf(), source };
    // One that was interrupted left this behind.
    file::remove(&new).map_err(not_writable)?;
    let made = async {
        file::create_new(&new).map_err(not_writable)?;
        let failed = |error| database(path, error);
        // Only a file that is being made can be told so, and SQLite writes it each time that it is told.
        let making = connecting(&new, blueprint.options, Manner::Shared).auto_vacuum(SqliteAutoVacuum::Incremental);
        let mut connection = making.connect().await.map_err(failed)?;
        migrate(&mut connection, &new, blueprint.migrator).await?;
        installation(&mut connection, blueprint.installation).await.map_err(failed)?;
        Writer::new(connection).finish().await.map_err(failed)?;
        put(&new).map_err(not_writable)
    }
    .await;
    if made.is_err() {
        // What made it fail is told; what is left of it is removed the next time.
        let _ = file::remove(&new);
    }
    made
}

/// Opens what is at `path`. Everything is looked at before anything is set: what is not ours, or of a newer version,
/// stays as it is.
pub(super) async fn connections(
    path: &Path,
    blueprint: Blueprint<'_>,
) -> Result<(Writer, SqlitePool, Installation), OpenError> {
    match connections_in(Manner::Shared, path, blueprint).await {
        // The index of the log takes room on the disk, unless nobody else is to see it.
        Err(error) if error.is_for_want_of_room() => connections_in(Manner::Alone, path, blueprint).await,
        connected => connected,
    }
}

async fn connections_in(
    manner: Manner,
    path: &Path,
    blueprint: Blueprint<'_>,
) -> Result<(Writer, SqlitePool, Installation), OpenError> {
    for suffix in ["-wal", "-shm"] {
        let beside = beside(path, suffix);
        // SQLite would call it read-only.
        if !file::is_file_or_nothing(&beside).unwrap_or(true) {
            return Err(OpenError::NoFile { path: beside });
        }
    }
    let mut connection = plain_in(manner, path, Access::Write).await?;
    let looked = async {
        check(&mut connection, path).await?;
        let found = schema(&mut connection).await.map_err(|error| database(path, error))?;
        check_schema(path, found, blueprint.migrator)
    }
    .await;
    // Closed whatever it found: connections of one process share the index of the log, so that one that is still open
    // would have the next one, of another manner, want room for it too.
    let closed = connection.close().await.map_err(|error| database(path, error));
    looked.and(closed)?;

    let mut connection = connect(path, blueprint.options, manner).await?;
    migrate(&mut connection, path, blueprint.migrator).await?;
    let failed = |error| database(path, error);
    let installation = installation(&mut connection, blueprint.installation).await.map_err(failed)?;
    // What stands only in the log could not be merged on a disk that has become full later. On one that is full now it
    // fails, and the log goes on as it is.
    let _ = sqlx::query(MERGE_LOG).execute(&mut connection).await;
    let readers = SqlitePoolOptions::new().max_connections(READERS).idle_timeout(None).max_lifetime(None);
    let readers = readers.connect_with(options_of(path, Access::Read, manner)).await.map_err(failed)?;
    let mut writer = Writer::new(connection);
    writer.manner = manner;
    Ok((writer, readers, installation))
}

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Read alone.
    Read,
    /// Read and write.
    Write,
}

/// Who else may see the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Other processes: a backup.
    Shared,
    /// Nobody. The index of the log is in our memory and takes no room on the disk.
    Alone,
}

fn options_of(path: &Path, access: Access, manner: Manner) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(access == Access::Read)
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(ROWS_AHEAD);
    match manner {
        Manner::Shared => options,
        Manner::Alone => options.vfs("unix-excl"),
    }
}

/// A connection that sets nothing.
pub(super) async fn plain(path: &Path, access: Access) -> Result<SqliteConnection, OpenError> {
    plain_in(Manner::Shared, path, access).await
}

async fn plain_in(manner: Manner, path: &Path, access: Access) -> Result<SqliteConnection, OpenError> {
    options_of(path, access, manner).connect().await.map_err(|error| database(path, error))
}

pub(super) async fn connect(
    path: &Path,
    options: SqliteOptions,
    manner: Manner,
) -> Result<SqliteConnection, OpenError> {
    connecting(path, options, manner).connect().await.map_err(|error| database(path, error))
}

/// Nothing of this is written into a file that has it already: opening one takes no room.
fn connecting(path: &Path, options: SqliteOptions, manner: Manner) -> SqliteConnectOptions {
    let connecting = options_of(path, Access::Write, manner)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", LOG_LIMIT)
        .pragma("wal_autocheckpoint", LOG_PAGES);
    match options.max_pages {
        Some(pages) => connecting.pragma("max_page_count", pages.to_string()),
        None => connecting,
    }
}

/// What the database said about `path`, sorted by what helps.
pub(super) fn database(path: &Path, error: sqlx::Error) -> OpenError {
    let path = path.to_path_buf();
    match SqliteFailure::from(error) {
        SqliteFailure::Damaged(error) if error.to_string().contains("not a database") => OpenError::Foreign { path },
        SqliteFailure::Damaged(error) => OpenError::damaged(&path, &error.to_string()),
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
    if found == "ok" { Ok(()) } else { Err(OpenError::damaged(path, &found)) }
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

/// Which installation the file belongs to; `known` or a new one, if none.
async fn installation(
    connection: &mut SqliteConnection,
    known: Option<&Installation>,
) -> Result<Installation, sqlx::Error> {
    if let Some(found) = noted_installation(connection).await? {
        return Ok(found);
    }
    let made = known.cloned().unwrap_or_else(Installation::random);
    sqlx::query("INSERT INTO installation (only, id, version_key) VALUES (1, ?1, ?2)")
        .bind(made.id.to_string())
        .bind(made.version_key.expose_secret())
        .execute(connection)
        .await?;
    Ok(made)
}

async fn noted_installation(connection: &mut SqliteConnection) -> Result<Option<Installation>, sqlx::Error> {
    let row: Option<(String, Vec<u8>)> =
        sqlx::query_as("SELECT id, version_key FROM installation").fetch_optional(connection).await?;
    let Some((id, version_key)) = row else { return Ok(None) };
    let id = Uuid::parse_str(&id).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Some(Installation { id, version_key: SecretSlice::from(version_key) }))
}
