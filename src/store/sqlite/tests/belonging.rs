//! Whether the store at its place is the one that the last run left there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{directory, open};
use crate::store::contract::fixtures::{at, commit, status, to, trigger};
use crate::store::sqlite::{Lost, OpenError, RestoreError, SqliteOptions, SqliteStore, backup, restore};
use crate::store::{Commit, Revision, Store};

fn step(based_on: u64) -> Commit {
    let minute = i64::try_from(based_on).unwrap();
    let notifications = vec![to(&["chat"], trigger("acme", minute))];
    Commit { notifications, ..commit(based_on, &format!("step-{based_on}"), vec![status("acme", minute)]) }
}

/// A store that ended in order after so many commits.
async fn stopped(path: &Path, commits: u64) {
    let store = open(path).await;
    for based_on in 0..commits {
        store.commit(step(based_on)).await.unwrap();
    }
    store.close().await;
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// What is lost is told until a commit has it, and not again.
async fn is_told_until_a_commit(path: &Path, lost: Lost, next: Commit) {
    for _ in 0..2 {
        let store = open(path).await;
        assert_eq!(store.lost(), Some(&lost));
        store.close().await;
    }
    let store = open(path).await;
    store.commit(next).await.unwrap();
    store.close().await;
    let store = open(path).await;
    assert_eq!(store.lost(), None, "told once");
    store.close().await;
}

#[tokio::test]
async fn the_store_of_another_installation_has_nothing_of_ours() {
    let directory = directory();
    let (path, other) = (directory.path().join("snykwatch.db"), directory.path().join("other.db"));
    stopped(&path, 1).await;
    // As far as ours, and further: its revision tells nothing.
    for commits in [1, 5] {
        let _ = fs::remove_file(&other);
        let _ = fs::remove_file(beside(&other, ".lock"));
        stopped(&other, commits).await;
        fs::copy(&other, &path).unwrap();
        is_told_until_a_commit(&path, Lost::Another, step(commits)).await;
    }
}

#[tokio::test]
async fn a_store_that_comes_to_a_new_place_lost_nothing() {
    let directory = directory();
    let (path, copy) = (directory.path().join("snykwatch.db"), directory.path().join("copy.db"));
    stopped(&path, 2).await;
    backup(&path, &copy).await.unwrap();
    assert_eq!(open(&copy).await.lost(), None, "nobody had a store there");
    let there = directory.path().join("there.db");
    stopped(&there, 1).await;
    restore(&path, &there, at(60)).await.unwrap();
    is_told_until_a_commit(&there, Lost::Since, step(2)).await;
}

#[tokio::test]
async fn an_older_copy_is_not_what_the_last_run_left() {
    let directory = directory();
    let (path, older) = (directory.path().join("snykwatch.db"), directory.path().join("older.db"));
    for commits in 0..3 {
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(beside(&path, ".lock"));
        stopped(&path, commits).await;
        fs::copy(&path, &older).unwrap();
        let store = open(&path).await;
        store.commit(step(commits)).await.unwrap();
        store.close().await;
        fs::copy(&older, &path).unwrap();
        is_told_until_a_commit(&path, Lost::Older, Commit { at: at(60), ..step(commits) }).await;
    }
}

/// It has more commits than what came after the copy, and none of what those told.
#[tokio::test]
async fn what_was_there_before_an_older_copy_is_not_ours_any_more() {
    let directory = directory();
    let (path, first) = (directory.path().join("snykwatch.db"), directory.path().join("first.db"));
    for commits in [2, 7] {
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(beside(&path, ".lock"));
        let older = directory.path().join("older.db");
        stopped(&path, 1).await;
        fs::copy(&path, &older).unwrap();
        let store = open(&path).await;
        for based_on in 1..commits {
            store.commit(step(based_on)).await.unwrap();
        }
        store.close().await;
        fs::rename(&path, &first).unwrap();
        fs::copy(&older, &path).unwrap();
        let store = open(&path).await;
        store.commit(Commit { at: at(60), ..step(1) }).await.unwrap();
        store.close().await;
        fs::rename(&first, &path).unwrap();
        is_told_until_a_commit(&path, Lost::Older, Commit { at: at(90), ..step(commits) }).await;
    }
}

/// What was committed stands in the log alone until that is merged.
#[tokio::test]
async fn without_its_log_it_is_older() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    stopped(&path, 1).await;
    let store = open(&path).await;
    store.commit(step(1)).await.unwrap();
    // As a kill leaves it.
    let left = directory.path().join("left.db");
    for suffix in ["", ".lock", "-wal"] {
        fs::copy(beside(&path, suffix), beside(&left, suffix)).unwrap();
    }
    assert_eq!(open(&left).await.lost(), None);
    let left = directory.path().join("without.db");
    for suffix in ["", ".lock"] {
        fs::copy(beside(&path, suffix), beside(&left, suffix)).unwrap();
    }
    is_told_until_a_commit(&left, Lost::Older, Commit { at: at(60), ..step(1) }).await;
}

/// A disk that takes nothing takes no note of the pages that leave either, and cuts it.
#[tokio::test]
async fn a_note_that_was_cut_tells_that_pages_left() {
    let directory = directory();
    let (path, lock) = (directory.path().join("snykwatch.db"), directory.path().join("snykwatch.db.lock"));
    stopped(&path, 1).await;
    fs::write(&lock, "4").unwrap();
    is_told_until_a_commit(&path, Lost::Unstored, step(1)).await;
}

/// Killed between a commit and its note; a power cut, which takes notes back; a lock of an earlier version.
#[tokio::test]
async fn what_is_ahead_of_its_note_lost_nothing() {
    let directory = directory();
    let (path, lock) = (directory.path().join("snykwatch.db"), directory.path().join("snykwatch.db.lock"));
    stopped(&path, 1).await;
    let noted = fs::read_to_string(&lock).unwrap();
    let installation = noted.lines().nth(1).unwrap();
    let store = open(&path).await;
    for based_on in 1..4 {
        store.commit(step(based_on)).await.unwrap();
    }
    store.close().await;
    let earlier = format!("4711\n{installation}\n\n");
    for text in [&noted, &earlier, &earlier[..earlier.len() - 1], "4711\n", ""] {
        fs::write(&lock, text).unwrap();
        let store = open(&path).await;
        assert_eq!(store.lost(), None, "{text:?}");
        assert_eq!(store.load().await.unwrap().unwrap().revision, Revision(4));
        store.close().await;
    }
}

/// The clock was set back between two commits, and it was killed before it noted the second.
#[tokio::test]
async fn what_was_committed_by_a_clock_that_was_set_back_is_ours() {
    let directory = directory();
    let (path, lock) = (directory.path().join("snykwatch.db"), directory.path().join("snykwatch.db.lock"));
    for (commits, lost) in [(1, None), (2, Some(Lost::Older))] {
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(&lock);
        let store = open(&path).await;
        store.commit(Commit { at: at(60), ..step(0) }).await.unwrap();
        let noted = fs::read_to_string(&lock).unwrap();
        for based_on in 1..=commits {
            store.commit(step(based_on)).await.unwrap();
        }
        store.close().await;
        // More than one commit without its note is none of ours: each note is written before the next commit.
        fs::write(&lock, noted).unwrap();
        let store = open(&path).await;
        assert_eq!(store.lost().cloned(), lost, "{commits}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_link_is_refused_and_what_it_leads_to_is_named() {
    let directory = directory();
    let (path, file) = (directory.path().join("snykwatch.db"), directory.path().join("file.db"));
    stopped(&file, 1).await;
    let copy = directory.path().join("copy.db");
    backup(&file, &copy).await.unwrap();
    let nowhere = directory.path().join("nowhere.db");
    for target in [&file, &nowhere] {
        let _ = fs::remove_file(&path);
        symlink(target, &path).unwrap();
        let refused = SqliteStore::open(&path, SqliteOptions::default()).await.unwrap_err();
        assert!(matches!(refused, OpenError::Link { .. }), "{refused:?}");
        let text = format!("is a symbolic link to {}: give the path of that file itself", target.display());
        assert!(refused.to_string().contains(&text), "{refused}");
        let refused = restore(&copy, &path, at(60)).await.unwrap_err();
        assert!(matches!(&refused, RestoreError::Destination(cause) if matches!(**cause, OpenError::Link { .. })));
        assert!(!nowhere.exists() && fs::read_link(&path).is_ok(), "all is as it was");
    }
    // What it says works, and so does a directory that is a link.
    let linked = directory.path().join("linked");
    symlink(directory.path(), &linked).unwrap();
    let store = open(&linked.join("file.db")).await;
    assert_eq!(store.load().await.unwrap().unwrap().revision, Revision(1));
}
