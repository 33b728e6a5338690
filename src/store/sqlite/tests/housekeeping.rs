//! What the file and its log grow by, and who waits for whom.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use super::{directory, open};
use crate::store::contract::fixtures::{at, commit, state, status, to, trigger};
use crate::store::{Commit, Store};

/// A page of the database, with its head in the log.
const LOGGED_PAGE: u64 = 4096 + 24;

fn log_size(path: &Path) -> u64 {
    fs::metadata(path.with_extension("db-wal")).unwrap().len()
}

/// A state in which nothing changed, and which is a value of its own all the same.
fn unchanged(based_on: u64) -> Commit {
    Commit { state: state("acme"), ..commit(based_on, "acme", Vec::new()) }
}

#[tokio::test]
async fn an_unchanged_state_writes_one_page_and_the_log_is_bounded() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    store.commit(unchanged(0)).await.unwrap();
    store.prune(at(0)).await.unwrap();
    assert_eq!(log_size(&path), 0, "keeping house merges the log");
    store.commit(unchanged(1)).await.unwrap();
    let one = log_size(&path);
    assert!(one <= 32 + LOGGED_PAGE, "{one} bytes for revision and time");

    // The log begins anew after a thousand pages.
    for based_on in 2..1_300 {
        store.commit(unchanged(based_on)).await.unwrap();
    }
    let many = log_size(&path);
    assert!(many < 1_100 * LOGGED_PAGE, "{many} bytes of log");
    let file = fs::metadata(&path).unwrap().len();
    assert!(file < 50 * 4096, "{file} bytes of file");
}

#[tokio::test]
async fn commits_pass_between_the_batches_of_pruning() {
    let directory = directory();
    let store = open(&directory.path().join("snykwatch.db")).await;
    let transitions = (0..20_000).map(|minute| status("acme", minute)).collect();
    store.commit(commit(0, "acme", transitions)).await.unwrap();
    let is_over = Cell::new(false);
    let pruning = async {
        let pruned = store.prune(at(20_000)).await.unwrap();
        is_over.set(true);
        pruned
    };
    let committing = async {
        let mut revision = 1;
        while !is_over.get() {
            revision = store.commit(commit(revision, "acme", Vec::new())).await.unwrap().0;
        }
        revision - 1
    };
    let (pruned, commits) = futures_util::join!(pruning, committing);
    assert_eq!(pruned.transitions, 20_000);
    assert!(commits >= 10, "{commits} commits while twenty batches were dropped");
}

/// How large rows are: the numbers of `docs/storage.md`.
#[tokio::test]
async fn rows_are_as_large_as_documented() {
    let directory = directory();
    let store = open(&directory.path().join("snykwatch.db")).await;
    store.commit(commit(0, "acme", Vec::new())).await.unwrap();
    let empty = store.size().await.unwrap();
    let transitions = (0..10_000).map(|minute| status("acme-bitbucket", minute)).collect();
    store.commit(commit(1, "acme", transitions)).await.unwrap();
    store.prune(at(0)).await.unwrap();
    let with_history = store.size().await.unwrap();
    let transition = (with_history - empty) / 10_000;
    let notifications = (0..1_000).map(|minute| to(&["chat", "pager"], trigger("acme", minute))).collect();
    store.commit(Commit { notifications, ..commit(2, "acme", Vec::new()) }).await.unwrap();
    store.prune(at(0)).await.unwrap();
    let notification = (store.size().await.unwrap() - with_history) / 1_000;
    println!("a transition {transition} bytes, a notification for two receivers without text {notification} bytes");
    assert!((150..700).contains(&transition), "{transition}");
    assert!((400..2_500).contains(&notification), "{notification}");
}
