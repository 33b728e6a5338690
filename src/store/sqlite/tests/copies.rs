//! Backups, and the way back.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};

use super::{directory, open};
use crate::store::contract::fixtures::{at, commit, state, status, to, trigger};
use crate::store::sqlite::{BackupError, OpenError, RestoreError, backup, restore};
use crate::store::{Commit, Revision, Store};

fn step(based_on: u64) -> Commit {
    let minute = i64::try_from(based_on).unwrap();
    let notifications = vec![to(&["chat"], trigger("acme", minute))];
    let name = format!("step-{based_on}");
    Commit { notifications, ..commit(based_on, &name, vec![status("acme", minute)]) }
}

#[tokio::test]
async fn a_backup_is_made_while_the_daemon_runs_and_restored_while_it_does_not() {
    let directory = directory();
    let (path, copy) = (directory.path().join("snykwatch.db"), directory.path().join("backup.db"));
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    store.commit(step(1)).await.unwrap();
    let made = backup(&path, &copy).await.unwrap();
    assert_eq!((made.revision, made.committed_at), (Revision(2), Some(at(1))));
    let metadata = fs::metadata(&copy).unwrap();
    assert_eq!((metadata.len(), metadata.mode() & 0o777), (made.size, 0o600));
    store.commit(step(2)).await.unwrap();
    let installation = store.installation();

    let in_use = restore(&copy, &path, at(60)).await.unwrap_err();
    assert!(matches!(&in_use, RestoreError::Destination(cause) if matches!(**cause, OpenError::InUse { .. })));
    assert_eq!(store.commit(step(3)).await.unwrap(), Revision(4), "and nothing was touched");
    // As after a crash: its log is not merged.
    drop(store);

    let restored = restore(&copy, &path, at(60)).await.unwrap();
    assert_eq!((restored.revision, restored.committed_at), (Revision(2), Some(at(1))));
    let aside = restored.replaced.unwrap();
    assert_eq!(aside, directory.path().join("snykwatch.db.replaced-20261123T100000Z"));
    let store = open(&path).await;
    assert_eq!(store.load().await.unwrap().unwrap().state, state("step-1"));
    assert_eq!(store.installation().id, installation.id);
    assert_eq!(store.commit(step(2)).await.unwrap(), Revision(3));
    let before = open(&aside).await;
    assert_eq!(before.load().await.unwrap().unwrap().revision, Revision(4), "what was replaced is whole");
}

#[tokio::test]
async fn a_backup_of_a_stopped_daemon_works_too() {
    let directory = directory();
    let (path, copy) = (directory.path().join("snykwatch.db"), directory.path().join("backup.db"));
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    store.close().await;
    assert_eq!(backup(&path, &copy).await.unwrap().revision, Revision(1));
    let fresh = directory.path().join("new/place.db");
    let restored = restore(&copy, &fresh, at(0)).await.unwrap();
    assert_eq!(restored.replaced, None);
    assert_eq!(open(&fresh).await.load().await.unwrap().unwrap().state, state("step-0"));
}

#[tokio::test]
async fn what_root_restores_is_the_daemons() {
    const DAEMON: u32 = 64_001;
    let directory = directory();
    if fs::metadata(directory.path()).unwrap().uid() != 0 {
        println!("skipped: only root makes files for others");
        return;
    }
    let (path, copy) = (directory.path().join("snykwatch.db"), directory.path().join("backup.db"));
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    backup(&path, &copy).await.unwrap();
    store.close().await;
    let owners =
        || ["snykwatch.db", "snykwatch.db.lock"].map(|name| fs::metadata(directory.path().join(name)).unwrap().uid());

    chown(&path, Some(DAEMON), Some(DAEMON)).unwrap();
    restore(&copy, &path, at(60)).await.unwrap();
    assert_eq!(owners(), [DAEMON; 2], "as the store was");

    let installed = directory.path().join("installed");
    fs::create_dir(&installed).unwrap();
    chown(&installed, Some(DAEMON), Some(DAEMON)).unwrap();
    restore(&copy, &installed.join("snykwatch.db"), at(60)).await.unwrap();
    assert_eq!(fs::metadata(installed.join("snykwatch.db")).unwrap().uid(), DAEMON, "as its directory is");
    assert_eq!(fs::metadata(&copy).unwrap().uid(), 0, "the backup stays");
}

#[tokio::test]
async fn a_backup_never_overwrites() {
    let directory = directory();
    let (path, copy) = (directory.path().join("snykwatch.db"), directory.path().join("backup.db"));
    let missing = backup(&path, &copy).await.unwrap_err();
    assert!(matches!(missing, BackupError::Missing { .. }), "{missing:?}");
    assert!(!copy.exists());
    let _store = open(&path).await;
    fs::write(&copy, "precious").unwrap();
    let exists = backup(&path, &copy).await.unwrap_err();
    assert!(matches!(exists, BackupError::Exists { .. }), "{exists:?}");
    assert_eq!(fs::read_to_string(&copy).unwrap(), "precious");
    let nowhere = backup(&path, &directory.path().join("no/where.db")).await.unwrap_err();
    assert!(matches!(nowhere, BackupError::Write { .. }), "{nowhere:?}");
}

#[tokio::test]
async fn what_is_no_backup_replaces_nothing() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    let good = directory.path().join("good.db");
    backup(&path, &good).await.unwrap();
    store.close().await;
    let before = fs::read(&path).unwrap();

    let bytes = fs::read(&good).unwrap();
    for (name, content) in [
        ("empty", Vec::new()),
        ("text", "no database at all, but long enough to look at".repeat(99).into_bytes()),
        ("half", bytes[..bytes.len() / 2].to_vec()),
    ] {
        let bad = directory.path().join(name);
        fs::write(&bad, content).unwrap();
        let error = restore(&bad, &path, at(0)).await.unwrap_err();
        assert!(matches!(error, RestoreError::Backup(_)), "{name}: {error:?}");
        assert_eq!(fs::read(&path).unwrap(), before, "{name}");
        assert!(!directory.path().join("snykwatch.db.restoring").exists());
    }
    let missing = restore(&directory.path().join("none"), &path, at(0)).await.unwrap_err();
    assert!(matches!(missing, RestoreError::Missing { .. }));
}

#[tokio::test]
async fn a_damaged_store_is_replaced_and_kept() {
    let directory = directory();
    let (path, copy) = (directory.path().join("snykwatch.db"), directory.path().join("backup.db"));
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    backup(&path, &copy).await.unwrap();
    store.close().await;
    fs::write(&path, "garbage").unwrap();
    let restored = restore(&copy, &path, at(60)).await.unwrap();
    assert_eq!(fs::read_to_string(restored.replaced.unwrap()).unwrap(), "garbage");
    assert_eq!(open(&path).await.load().await.unwrap().unwrap().state, state("step-0"));
}

#[tokio::test]
async fn a_log_that_was_left_behind_does_not_spoil_what_is_restored() {
    let directory = directory();
    let (path, copy) = (directory.path().join("snykwatch.db"), directory.path().join("backup.db"));
    let log = path.with_extension("db-wal");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    backup(&path, &copy).await.unwrap();
    store.commit(step(1)).await.unwrap();
    let left_behind = fs::read(&log).unwrap();
    store.close().await;
    fs::remove_file(&path).unwrap();
    fs::write(&log, left_behind).unwrap();

    assert_eq!(restore(&copy, &path, at(60)).await.unwrap().replaced, None);
    let store = open(&path).await;
    let stored = store.load().await.unwrap().unwrap();
    assert_eq!((stored.revision, stored.state), (Revision(1), state("step-0")));
    assert_eq!(store.commit(step(1)).await.unwrap(), Revision(2));
}
