//! Every way in which a file cannot be opened says what to do.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{chain, directory, open};
use crate::store::contract::fixtures::{all, commit, integration, status, to, trigger};
use crate::store::sqlite::open::{MIGRATOR, copy_before_upgrade, open as open_with};
use crate::store::sqlite::{OpenError, SqliteOptions, SqliteStore};
use crate::store::{Commit, Revision, Store};

async fn refused(path: &Path) -> OpenError {
    SqliteStore::open(path, SqliteOptions::default()).await.expect_err("it is not opened")
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

/// Does something to a file that nobody else has.
async fn alter(path: &Path, statement: &'static str) {
    let mut connection = raw(path).await;
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A store with something in it, closed.
async fn filled(path: &Path) {
    let store = open(path).await;
    let transitions = (0..500).map(|minute| status("acme", minute)).collect();
    let notifications = vec![to(&["chat"], trigger("acme", 1))];
    store.commit(Commit { notifications, ..commit(0, "acme", transitions) }).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_new_file_is_made_with_its_directory_and_is_ours_alone() {
    let directory = directory();
    let path = directory.path().join("deep/down/snykwatch.db");
    let _store = open(&path).await;
    for name in ["snykwatch.db", "snykwatch.db-wal", "snykwatch.db.lock"] {
        let mode = fs::metadata(path.with_file_name(name)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_second_snykwatch_is_kept_out() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    let error = refused(&path).await;
    assert_eq!(
        error.to_string(),
        format!(
            "{} is in use by another snykwatch (process {}): stop that one first, or give this one a path of its own",
            path.display(),
            std::process::id()
        )
    );
    store.close().await;
    open(&path).await;
}

#[tokio::test]
async fn what_is_not_ours_stays_as_it_is() {
    let directory = directory();
    let text = directory.path().join("notes.txt");
    fs::write(&text, "dear diary, ".repeat(500)).unwrap();
    let other = directory.path().join("other.db");
    alter(&other, "CREATE TABLE recipes (name TEXT)").await;
    for path in [text, other] {
        let before = fs::read(&path).unwrap();
        let error = refused(&path).await;
        assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn a_damaged_file_is_told() {
    let directory = directory();
    let sound = directory.path().join("sound.db");
    filled(&sound).await;
    let bytes = fs::read(&sound).unwrap();
    let truncated = bytes[..bytes.len() / 2].to_vec();
    let mut overwritten = bytes.clone();
    for byte in overwritten.iter_mut().skip(4096 * 2).take(4096 * 20) {
        *byte = 0xa5;
    }
    for (name, damaged) in [("truncated", truncated), ("overwritten", overwritten)] {
        let path = directory.path().join(name);
        fs::write(&path, &damaged).unwrap();
        let error = refused(&path).await;
        assert!(matches!(error, OpenError::Damaged { .. }), "{name}: {error:?}");
        assert!(error.to_string().contains("restore a backup (`snykwatch restore FILE`)"), "{error}");
        assert!(!error.to_string().contains(['\n', '*']), "in one line: {error}");
    }
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_told() {
    let directory = directory();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let below = refused(&file.join("deep/snykwatch.db")).await;
    assert!(matches!(below, OpenError::Directory { .. }), "{below:?}");
    let is_directory = refused(directory.path()).await;
    assert!(matches!(is_directory, OpenError::NoFile { .. }), "{is_directory:?}");

    let closed = directory.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    // Nothing is closed to root but what the kernel keeps to itself.
    let is_root = fs::write(closed.join("probe"), "").is_ok();
    let closed = if is_root { Path::new("/sys/kernel") } else { &closed };
    let error = refused(&closed.join("snykwatch.db")).await;
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
    assert!(error.to_string().contains("must be writable"), "{error}");
}

#[tokio::test]
async fn a_file_of_a_newer_version_stays_as_it_is() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    filled(&path).await;
    alter(
        &path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99, 'future', 1, x'00', 0)",
    )
    .await;
    let before = fs::read(&path).unwrap();
    let error = refused(&path).await;
    let shown = error.to_string().replace(&path.display().to_string(), "FILE");
    assert_eq!(
        shown,
        "FILE was written by a newer snykwatch (schema 99, this one knows 1): run that version again, or restore a \
         backup from before the upgrade; its own copy is FILE.schema-1"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_changed_schema_is_told() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    filled(&path).await;
    alter(&path, "UPDATE _sqlx_migrations SET checksum = x'00'").await;
    let error = refused(&path).await;
    assert!(matches!(error, OpenError::OtherSchema { found: 1, .. }), "{error:?}");
}

#[tokio::test]
async fn a_part_that_cannot_be_read_is_named() {
    for (statement, named) in [
        ("UPDATE part SET json = '{\"first_seen_at\": 7}' WHERE kind = 'integration'", "integration {"),
        ("UPDATE part SET kind = 'weather' WHERE kind = 'integration'", "weather {"),
    ] {
        let directory = directory();
        let path = directory.path().join("snykwatch.db");
        filled(&path).await;
        alter(&path, statement).await;
        let error = refused(&path).await;
        let told = chain(&error);
        assert!(told.contains(named) && told.contains("Restore a backup"), "{told}");
    }
}

/// What version 1 wrote, as text: it must be readable for ever. Fields that were added since have their defaults.
const VERSION_1: &[&str] = &[
    "INSERT INTO latest_commit VALUES (1, 41, 1795424400000)",
    r#"INSERT INTO part VALUES ('integration', '{"integration":"acme","organization":null}',
       '{"first_seen_at":"2026-11-23T09:00:00Z","snyk_name":"Acme","conditions":{},"status":null,"progress":null,
         "group":{"was_populated":true},"organization":{}}')"#,
    r#"INSERT INTO part VALUES ('repository_age', '[{"integration":"acme","organization":null},"r1"]',
       '{"seen_at":"2026-11-23T09:00:00Z","urls":[]}')"#,
    r#"INSERT INTO transition (at, subject, json) VALUES (1795424400000, 'integration/acme',
       '{"at":"2026-11-23T09:00:00Z","change":{"status":{"integration":{"integration":"acme","organization":null},
         "from":null,"to":["connected","ok"]}},"cause":"all is well"}')"#,
];

async fn file_of_version_1(path: &Path) {
    let first: Vec<Migration> = MIGRATOR.iter().filter(|migration| migration.version == 1).cloned().collect();
    let mut connection = raw(path).await;
    Migrator::with_migrations(first).run(&mut connection).await.unwrap();
    for statement in VERSION_1 {
        sqlx::query(*statement).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_version_1_wrote_is_read() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    file_of_version_1(&path).await;
    let store = open(&path).await;
    let stored = store.load().await.unwrap().unwrap();
    assert_eq!(stored.revision, Revision(41));
    let (_, acme) = stored.state.integrations.first_key_value().unwrap();
    assert_eq!(acme.snyk_name.as_deref(), Some("Acme"));
    assert!(acme.group.was_populated);
    assert_eq!(acme.group.repository_ages.len(), 1);
    let history = store.history(integration("acme"), 9).await.unwrap();
    assert_eq!(history[0].cause, "all is well");
    assert_eq!(all(&store).await, []);
}

/// The steps so far and one that does `statement`.
fn with_another(statement: &'static str) -> Migrator {
    let mut steps: Vec<Migration> = MIGRATOR.iter().cloned().collect();
    let next = i64::try_from(steps.len()).unwrap() + 1;
    steps.push(Migration::new(next, "next".into(), MigrationType::Simple, statement.into_sql_str(), false));
    Migrator::with_migrations(steps)
}

#[tokio::test]
async fn a_migration_that_changes_data_keeps_a_copy_of_what_was() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    file_of_version_1(&path).await;
    let next =
        with_another("UPDATE part SET json = json_set(json, '$.snyk_name', 'Renamed') WHERE kind = 'integration';");
    let store = open_with(&path, SqliteOptions::default(), &next).await.unwrap();
    let name = |stored: crate::store::Stored| {
        stored.state.integrations.first_key_value().unwrap().1.snyk_name.clone().unwrap()
    };
    assert_eq!(name(store.load().await.unwrap().unwrap()), "Renamed");
    store.close().await;

    assert!(matches!(refused(&path).await, OpenError::Newer { .. }));
    let copy = copy_before_upgrade(&path, 1);
    assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o777, 0o600);
    let earlier = open(&copy).await;
    assert_eq!(name(earlier.load().await.unwrap().unwrap()), "Acme", "the version before can go on with its copy");
}

#[tokio::test]
async fn a_migration_that_fails_changes_nothing() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    file_of_version_1(&path).await;
    let next = with_another("UPDATE part SET json = 'lost'; SELECT * FROM nowhere;");
    let error = open_with(&path, SqliteOptions::default(), &next).await.err().unwrap();
    assert!(matches!(error, OpenError::Migration { .. }), "{error:?}");
    let stored = open(&path).await.load().await.unwrap().unwrap();
    assert_eq!(stored.revision, Revision(41));
}
