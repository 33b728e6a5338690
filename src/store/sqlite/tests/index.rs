//! The index of the log is cut while it is mapped.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;

use super::{directory, open};
use crate::store::contract::fixtures::{all, commit, pending, state, status, to, trigger};
use crate::store::{Commit, Outbox as _, Revision, Store, StoreError};

fn step(based_on: u64) -> Commit {
    let minute = i64::try_from(based_on).unwrap();
    let notifications = vec![to(&["chat"], trigger("acme", minute))];
    Commit { notifications, ..commit(based_on, &format!("step-{based_on}"), vec![status("acme", minute)]) }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn cut(path: &Path, suffix: &str, length: u64) {
    OpenOptions::new().write(true).open(beside(path, suffix)).unwrap().set_len(length).unwrap();
}

#[tokio::test]
async fn an_index_that_is_cut_is_made_anew_of_the_log() {
    for cut_to in [0, 3, 100, 20_000] {
        for is_read_first in [true, false] {
            let directory = directory();
            let path = directory.path().join("snykwatch.db");
            let store = open(&path).await;
            store.commit(step(0)).await.unwrap();
            store.commit(step(1)).await.unwrap();
            cut(&path, "-shm", cut_to);
            if is_read_first {
                assert_eq!(pending(&store, "chat").await.len(), 2);
            }
            assert_eq!(store.commit(step(2)).await.unwrap(), Revision(3));
            cut(&path, "-shm", cut_to);
            let told = store.look_after().await.unwrap().expect("it was cut").what;
            assert!(told.contains("the index of the write-ahead log of the state file was cut"), "{told}");
            assert_eq!(store.look_after().await.unwrap(), None, "once");
            cut(&path, "-shm", cut_to);
            store.verify().await.unwrap();
            // As a kill leaves it.
            let copy = directory.path().join("copy.db");
            for suffix in ["", "-wal"] {
                fs::copy(beside(&path, suffix), beside(&copy, suffix)).unwrap();
            }
            let killed = open(&copy).await;
            assert_eq!(killed.load().await.unwrap().unwrap().state, state("step-2"));
            assert_eq!(all(&killed).await.len(), 3);
            killed.verify().await.unwrap();
        }
    }
}

/// What a transaction adds to an emptied index would be taken for all of it.
#[tokio::test]
async fn an_index_is_not_made_anew_while_somebody_writes() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    let mut writer = store.writer.lock().await;
    writer.begin("test").await.unwrap();
    cut(&path, "-shm", 0);
    let reading = store.pending("chat".into(), 9);
    tokio::pin!(reading);
    assert!((&mut reading).now_or_never().is_none());
    assert_eq!(fs::metadata(beside(&path, "-shm")).unwrap().len(), 0);
    // What ends this process elsewhere.
    store.index().unwrap().make_whole().unwrap();
    let refused: Result<(), _> = Err(StoreError::Conflict { based_on: Revision(0), found: Revision(1) });
    writer.end("test", refused).await.unwrap_err();
    drop(writer);
    assert_eq!(reading.await.unwrap().len(), 1);
    assert_eq!(store.commit(step(1)).await.unwrap(), Revision(2));
    store.verify().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_cut_with_its_log_and_its_index_is_written_anew() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    for based_on in 0..3 {
        store.commit(step(based_on)).await.unwrap();
    }
    for suffix in ["", "-wal", "-shm"] {
        cut(&path, suffix, 0);
    }
    let told = store.look_after().await.unwrap().expect("all was cut").what;
    assert!(told.contains("was cut or overwritten while snykwatch runs"), "{told}");
    assert_eq!(store.commit(step(3)).await.unwrap(), Revision(4), "it goes on where it was");
    store.close().await;
    let store = open(&path).await;
    assert_eq!(store.lost(), None);
    assert_eq!(store.load().await.unwrap().unwrap().state, state("step-3"));
}
