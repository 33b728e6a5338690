//! Somebody writes into the file while it is open: over it, or as a database does.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sqlx::Connection as _;

use super::{chain, directory, open};
use crate::domain::state::{IntegrationState, State};
use crate::store::contract::fixtures::{all, at, commit, integration, key, pending, state, status, to, trigger};
use crate::store::sqlite::open::{Access, plain};
use crate::store::sqlite::{SqliteStore, backup};
use crate::store::{Commit, Mended, Revision, Store};

fn step(based_on: u64) -> Commit {
    let minute = i64::try_from(based_on).unwrap();
    let notifications = vec![to(&["chat"], trigger("acme", minute))];
    Commit { notifications, ..commit(based_on, &format!("step-{based_on}"), vec![status("acme", minute)]) }
}

/// Merges the log into the file.
async fn merge(store: &SqliteStore) {
    store.prune("2000-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
}

/// As `cp` does: the same file, with other bytes in it.
fn write_over(path: &Path, bytes: &[u8]) {
    OpenOptions::new().write(true).truncate(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn set_modified(path: &Path, seconds: u64) {
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    OpenOptions::new().write(true).open(path).unwrap().set_modified(then).unwrap();
}

fn aside(path: &Path) -> PathBuf {
    path.with_extension("db.unreadable")
}

async fn is_rescued(store: SqliteStore, path: &Path, based_on: u64) {
    let Mended { what, lost_deliveries } = store.look_after().await.unwrap().expect("it was overwritten");
    assert!(what.contains("the state file was overwritten while snykwatch runs"), "{what}");
    assert!(lost_deliveries, "what waited when the copy was made is not what waits now");
    assert!(aside(path).exists());
    assert_eq!(store.look_after().await.unwrap(), None, "once");
    assert_eq!(store.commit(step(based_on)).await.unwrap(), Revision(based_on + 1), "it goes on where it was");
    store.verify().await.unwrap();
    store.close().await;
    let store = open(path).await;
    assert_eq!(store.lost(), None);
    assert_eq!(store.load().await.unwrap().unwrap().state, state(&format!("step-{based_on}")));
    store.verify().await.unwrap();
}

#[tokio::test]
async fn an_older_copy_that_is_written_over_it_takes_no_commit_and_is_put_aside() {
    for (is_backup, keeps_time, is_merged) in
        [(true, false, true), (true, false, false), (true, true, false), (false, false, true), (false, true, true)]
    {
        let directory = directory();
        let path = directory.path().join("snykwatch.db");
        let store = open(&path).await;
        store.commit(step(0)).await.unwrap();
        merge(&store).await;
        let copy = directory.path().join("copy.db");
        if is_backup {
            backup(&path, &copy).await.unwrap();
        } else {
            fs::copy(&path, &copy).unwrap();
        }
        for based_on in 1..4 {
            let transitions = (0..300).map(|minute| status("acme", minute)).collect();
            store.commit(Commit { transitions, ..step(based_on) }).await.unwrap();
        }
        if is_merged {
            merge(&store).await;
        }
        let older = fs::read(&copy).unwrap();
        write_over(&path, &older);
        if keeps_time {
            set_modified(&path, 1_700_000_000);
        }
        let refused = chain(&store.commit(step(4)).await.unwrap_err());
        assert!(refused.contains("the state file was"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), older, "nothing is written into it");
        is_rescued(store, &path, 4).await;
    }
}

/// Its head and its length are as they were, and the latest commit stands in the log, so that whoever asks for that is told
/// ours.
#[tokio::test]
async fn an_older_copy_with_the_same_head_is_known_by_what_it_holds() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    let holding = |minute, based_on| {
        let mut state = State::default();
        state.integrations.insert(key("acme"), IntegrationState::new(at(minute)));
        Commit { state: Arc::new(state), ..commit(based_on, "", Vec::new()) }
    };
    store.commit(holding(0, 0)).await.unwrap();
    merge(&store).await;
    let mut older = fs::read(&path).unwrap();
    let latest = holding(1, 1);
    store.commit(latest.clone()).await.unwrap();
    merge(&store).await;
    let present = fs::read(&path).unwrap();
    assert_eq!(older.len(), present.len());
    older[..100].copy_from_slice(&present[..100]);
    store.commit(Commit { based_on: Revision(2), ..latest }).await.unwrap();
    File::options().write(true).open(&path).unwrap().write_all(&older).unwrap();
    is_rescued(store, &path, 3).await;
}

#[tokio::test]
async fn a_file_that_was_only_touched_stays_where_it_is() {
    for seconds in [1_700_000_000, 4_000_000_000] {
        let directory = directory();
        let path = directory.path().join("snykwatch.db");
        let store = open(&path).await;
        for based_on in 0..3 {
            store.commit(step(based_on)).await.unwrap();
            if based_on == 1 {
                merge(&store).await;
            }
        }
        set_modified(&path, seconds);
        assert_eq!(store.look_after().await.unwrap(), None);
        // Committed before anybody has looked.
        set_modified(&path, seconds + 1);
        store.commit(step(3)).await.unwrap();
        assert_eq!(store.look_after().await.unwrap(), None);
        assert!(store.writer.lock().await.doubt.is_none(), "and it is not read again for that");
        // What is there already, written anew.
        merge(&store).await;
        let bytes = fs::read(&path).unwrap();
        File::options().write(true).open(&path).unwrap().write_all(&bytes).unwrap();
        assert_eq!(store.look_after().await.unwrap(), None);
        assert!(!aside(&path).exists());
        assert_eq!(store.history(integration("acme"), usize::MAX).await.unwrap().len(), 4);
        assert_eq!(pending(&store, "chat").await.len(), 4);
    }
}

/// People look into it, and may change what they know of.
#[tokio::test]
async fn what_another_database_program_writes_is_left_as_it_is() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    for based_on in 0..3 {
        store.commit(step(based_on)).await.unwrap();
    }
    let mut other = plain(&path, Access::Write).await.unwrap();
    for statement in ["PRAGMA wal_checkpoint", "DELETE FROM transition", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        sqlx::query(statement).execute(&mut other).await.unwrap();
        assert_eq!(store.look_after().await.unwrap(), None, "{statement}");
    }
    other.close().await.unwrap();
    assert_eq!(store.commit(step(3)).await.unwrap(), Revision(4));
    assert_eq!(store.look_after().await.unwrap(), None);
    assert!(!aside(&path).exists());
    assert_eq!(store.history(integration("acme"), usize::MAX).await.unwrap().len(), 1);
}

/// All of it, in place: SQLite reads a whole older store, and nothing says that it is not ours but its latest commit.
#[tokio::test]
async fn an_older_copy_with_its_log_and_index_is_known_by_its_latest_commit() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    let files = || ["", "-wal", "-shm"].map(|suffix| PathBuf::from(format!("{}{suffix}", path.display())));
    store.commit(step(0)).await.unwrap();
    let older = files().map(|file| fs::read(file).unwrap());
    for based_on in 1..3 {
        store.commit(step(based_on)).await.unwrap();
    }
    for (file, bytes) in files().iter().zip(&older) {
        File::options().write(true).open(file).unwrap().write_all(bytes).unwrap();
    }
    is_rescued(store, &path, 3).await;
}

/// SQLite reads less than it knows of: no other error than of a disk that fails, unless somebody looks at which.
#[tokio::test]
async fn a_log_that_was_cut_is_damage_and_what_is_remembered_is_written_anew() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    merge(&store).await;
    let transitions = (0..600).map(|minute| status("acme", minute)).collect();
    store.commit(Commit { transitions, ..step(1) }).await.unwrap();
    File::options().write(true).open(path.with_extension("db-wal")).unwrap().set_len(0).unwrap();
    let read = chain(&store.history(integration("acme"), usize::MAX).await.unwrap_err());
    assert!(read.contains("the file is damaged"), "{read}");
    let told = store.look_after().await.unwrap().expect("it was cut").what;
    assert!(told.contains("was cut or overwritten while snykwatch runs"), "{told}");
    assert_eq!(store.commit(step(2)).await.unwrap(), Revision(3), "it goes on where it was");
    assert_eq!(store.look_after().await.unwrap(), None, "once");
    store.close().await;
    let store = open(&path).await;
    assert_eq!(store.load().await.unwrap().unwrap().state, state("step-2"));
    assert_eq!(all(&store).await.len(), 1);
}
