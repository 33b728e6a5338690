//! Whose the store is, and what else stands at the place of its files.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use sqlx::Connection as _;

use super::{chain, directory, open};
use crate::store::contract::fixtures::{commit, status};
use crate::store::sqlite::open::{Access, plain};
use crate::store::sqlite::{OpenError, SqliteOptions, SqliteStore};
use crate::store::{Commit, Revision, Store};

fn step(based_on: u64) -> Commit {
    commit(based_on, &format!("step-{based_on}"), vec![status("acme", i64::try_from(based_on).unwrap())])
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

async fn refused(path: &Path) -> OpenError {
    SqliteStore::open(path, SqliteOptions::default()).await.expect_err("it is not opened")
}

#[tokio::test]
async fn a_second_snykwatch_is_kept_out_without_the_lock_beside_it() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let lock = beside(&path, ".lock");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    let noted = fs::read(&lock).unwrap();
    fs::remove_file(&lock).unwrap();
    // The second try finds the lock that the first has made; the third one that says whose it was.
    for put in [false, false, true] {
        if put {
            fs::remove_file(&lock).unwrap();
            fs::write(&lock, &noted).unwrap();
        }
        let error = refused(&path).await;
        assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    }
    // By another name, as into a container.
    let mounted = directory.path().join("mounted.db");
    fs::hard_link(&path, &mounted).unwrap();
    assert!(matches!(refused(&mounted).await, OpenError::InUse { .. }));
    store.look_after().await.unwrap().expect("the lock is there again");
    assert_eq!(store.commit(step(1)).await.unwrap(), Revision(2));
    // One that was emptied under it is its own too.
    fs::remove_file(&lock).unwrap();
    File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    assert!(matches!(refused(&path).await, OpenError::InUse { .. }));
    assert!(path.exists(), "and is not put aside by another");
    store.look_after().await.unwrap().expect("it was cut");
    fs::remove_file(&lock).unwrap();
    assert!(matches!(refused(&path).await, OpenError::InUse { .. }), "the new one is held as well");
}

/// Whoever makes a backup, or looks into it, writes to nobody and is in nobody's way.
#[tokio::test]
async fn a_store_that_somebody_reads_is_opened_whatever_became_of_the_lock() {
    for with_lock in [true, false] {
        let directory = directory();
        let path = directory.path().join("snykwatch.db");
        let store = open(&path).await;
        store.commit(step(0)).await.unwrap();
        let mut reader = plain(&path, Access::Write).await.unwrap();
        sqlx::query("BEGIN").execute(&mut reader).await.unwrap();
        sqlx::query("SELECT count(*) FROM part").execute(&mut reader).await.unwrap();
        // As after a kill.
        drop(store);
        if !with_lock {
            fs::remove_file(beside(&path, ".lock")).unwrap();
        }
        let store = open(&path).await;
        assert_eq!(store.load().await.unwrap().unwrap().revision, Revision(1));
        assert_eq!(store.commit(step(1)).await.unwrap(), Revision(2));
        reader.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_lock_of_any_length_is_read_as_far_as_it_is_ours() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    store.close().await;
    let lock = File::options().write(true).open(beside(&path, ".lock")).unwrap();
    lock.set_len(6 << 30).unwrap();
    let store = open(&path).await;
    assert_eq!(store.lost(), None, "what it says is still there");
    assert!(lock.metadata().unwrap().len() < 200);
    store.close().await;
}

#[tokio::test]
async fn what_is_no_file_beside_it_is_named() {
    for suffix in [".lock", "-wal", "-shm"] {
        let directory = directory();
        let path = directory.path().join("snykwatch.db");
        let store = open(&path).await;
        store.commit(step(0)).await.unwrap();
        store.close().await;
        let beside = beside(&path, suffix);
        let _ = fs::remove_file(&beside);
        fs::create_dir(&beside).unwrap();
        let told = refused(&path).await.to_string();
        let named = format!("{} is no regular file (a directory, a pipe or a device): move it away", beside.display());
        assert!(told.contains(&named), "{told}");
        fs::remove_dir(&beside).unwrap();
        assert_eq!(open(&path).await.load().await.unwrap().unwrap().revision, Revision(1));
    }
}

#[tokio::test]
async fn what_is_no_file_beside_it_is_named_while_it_is_open() {
    for suffix in [".lock", "-wal", "-shm"] {
        let directory = directory();
        let path = directory.path().join("snykwatch.db");
        let store = open(&path).await;
        store.commit(step(0)).await.unwrap();
        let beside = beside(&path, suffix);
        fs::remove_file(&beside).unwrap();
        fs::create_dir(&beside).unwrap();
        for _ in 0..2 {
            let told = chain(&store.look_after().await.unwrap_err());
            assert!(told.contains(&format!("{} is no regular file", beside.display())), "{told}");
        }
        fs::remove_dir(&beside).unwrap();
        store.look_after().await.unwrap().expect("it is mended");
        assert_eq!(store.commit(step(1)).await.unwrap(), Revision(2));
        assert_eq!(store.look_after().await.unwrap(), None);
    }
}

/// All is there, and the next start refuses it.
#[tokio::test]
async fn a_link_to_itself_is_told_and_takes_no_commit() {
    for is_moved_back in [true, false] {
        let directory = directory();
        let (path, moved) = (directory.path().join("snykwatch.db"), directory.path().join("moved.db"));
        let store = open(&path).await;
        store.commit(step(0)).await.unwrap();
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        for _ in 0..2 {
            let told = chain(&store.look_after().await.unwrap_err());
            assert!(told.contains("a link to it put in its place"), "{told}");
            assert!(store.commit(step(1)).await.is_err());
        }
        if is_moved_back {
            fs::rename(&moved, &path).unwrap();
            assert_eq!(store.look_after().await.unwrap(), None);
        } else {
            fs::remove_file(&path).unwrap();
            let told = store.look_after().await.unwrap().expect("it is there again").what;
            assert!(told.contains("all that it held is in"), "{told}");
        }
        assert_eq!(store.commit(step(1)).await.unwrap(), Revision(2));
        store.close().await;
        assert_eq!(open(&path).await.load().await.unwrap().unwrap().revision, Revision(2));
    }
}
