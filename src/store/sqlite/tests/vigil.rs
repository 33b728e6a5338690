//! What happens to the file while it is open, and what is found of it at the next start.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;

use sqlx::Connection as _;

use super::{chain, directory, open};
use crate::store::contract::fixtures::{all, commit, integration, pending, state, status, to, trigger};
use crate::store::sqlite::open::{Access, plain};
use crate::store::sqlite::{Lost, OpenError, RestoreError, SqliteOptions, SqliteStore, backup, restore};
use crate::store::{Commit, Outbox as _, Revision, Store};

fn step(based_on: u64) -> Commit {
    let minute = i64::try_from(based_on).unwrap();
    let notifications = vec![to(&["chat", "pager"], trigger("acme", minute))];
    Commit { notifications, ..commit(based_on, &format!("step-{based_on}"), vec![status("acme", minute)]) }
}

/// Removes the file as a person does, with its log.
fn remove_all(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", path.display()));
    }
}

async fn mended(store: &SqliteStore) -> String {
    store.look_after().await.unwrap().expect("there was something to mend").what
}

async fn trouble(store: &SqliteStore) -> String {
    chain(&store.look_after().await.unwrap_err())
}

#[tokio::test]
async fn while_nothing_happens_to_it_there_is_nothing_to_tell() {
    let directory = directory();
    let store = open(&directory.path().join("snykwatch.db")).await;
    assert_eq!(store.look_after().await.unwrap(), None, "before the first commit");
    for based_on in 0..40 {
        // Enough that the log is merged on the way, and cut back.
        let transitions = (0..500).map(|minute| status("acme", minute)).collect();
        store.commit(Commit { transitions, ..step(based_on) }).await.unwrap();
        assert_eq!(store.look_after().await.unwrap(), None);
    }
    store.prune("2030-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(store.look_after().await.unwrap(), None, "it has become shorter, by our own doing");
    store.verify().await.unwrap();
}

#[tokio::test]
async fn a_removed_file_is_there_again_with_all_that_it_held() {
    for with_log in [true, false] {
        let directory = directory();
        let path = directory.path().join("deep/snykwatch.db");
        let store = open(&path).await;
        store.commit(step(0)).await.unwrap();
        if with_log {
            fs::remove_dir_all(path.parent().unwrap()).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        // Committed before anybody has looked.
        store.commit(step(1)).await.unwrap();
        let told = mended(&store).await;
        assert!(told.contains("the state file was removed while snykwatch runs"), "{told}");
        assert_eq!(store.look_after().await.unwrap(), None, "once");
        assert_eq!(pending(&store, "chat").await.len(), 2);
        store.commit(step(2)).await.unwrap();
        let before = store.installation().id;
        store.close().await;
        let store = open(&path).await;
        assert_eq!(store.lost(), None);
        assert_eq!(store.installation().id, before);
        assert_eq!(store.load().await.unwrap().unwrap().revision, Revision(3));
        assert_eq!(store.history(integration("acme"), usize::MAX).await.unwrap().len(), 3);
        assert_eq!(all(&store).await.len(), 6);
        store.verify().await.unwrap();
    }
}

/// SQLite goes on in a log that has no name: it would be gone with the process.
#[tokio::test]
async fn what_a_removed_log_held_is_in_the_file() {
    for gone in [&["-wal"][..], &["-shm"], &["-wal", "-shm"]] {
        let directory = directory();
        let path = directory.path().join("snykwatch.db");
        let store = open(&path).await;
        store.commit(step(0)).await.unwrap();
        for suffix in gone {
            fs::remove_file(format!("{}{suffix}", path.display())).unwrap();
        }
        store.commit(step(1)).await.unwrap();
        let told = mended(&store).await;
        assert!(told.contains("the write-ahead log of the state file"), "{told}");
        assert_eq!(store.look_after().await.unwrap(), None, "once");
        store.commit(step(2)).await.unwrap();
        // As a kill leaves it.
        let copy = directory.path().join("copy.db");
        for suffix in ["", "-wal"] {
            fs::copy(format!("{}{suffix}", path.display()), format!("{}{suffix}", copy.display())).unwrap();
        }
        let killed = open(&copy).await;
        assert_eq!(killed.load().await.unwrap().unwrap().revision, Revision(3));
        assert_eq!(all(&killed).await.len(), 6);
        killed.verify().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_keeps_nobody_waiting() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let pipe = |path: &Path| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    fs::create_dir(&path).unwrap();
    let refused = SqliteStore::open(&path, SqliteOptions::default()).await.unwrap_err();
    assert!(matches!(refused, OpenError::NoFile { .. }), "{refused:?}");
    fs::remove_dir(&path).unwrap();
    pipe(&path);
    let refused = SqliteStore::open(&path, SqliteOptions::default()).await.unwrap_err();
    assert!(refused.to_string().contains("is no regular file"), "{refused}");
    fs::remove_file(&path).unwrap();
    fs::remove_file(directory.path().join("snykwatch.db.lock")).unwrap();
    pipe(&directory.path().join("snykwatch.db.lock"));
    let refused = SqliteStore::open(&path, SqliteOptions::default()).await.unwrap_err();
    assert!(chain(&refused).contains("snykwatch.db.lock is no regular file"), "{}", chain(&refused));
}

#[tokio::test]
async fn a_file_that_cannot_be_written_again_takes_no_commit_until_it_can() {
    let directory = directory();
    let path = directory.path().join("deep/snykwatch.db");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    // In the way of the directory.
    fs::write(path.parent().unwrap(), "").unwrap();
    for _ in 0..2 {
        let told = trouble(&store).await;
        assert!(!told.is_empty());
        let refused = chain(&store.commit(step(1)).await.unwrap_err());
        assert!(refused.contains("could not"), "{refused}");
    }
    fs::remove_file(path.parent().unwrap()).unwrap();
    mended(&store).await;
    assert_eq!(store.commit(step(1)).await.unwrap(), Revision(2));
}

#[tokio::test]
async fn what_somebody_put_in_its_place_is_left_alone() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    let other = directory.path().join("other.db");
    backup(&path, &other).await.unwrap();
    let before = fs::read(&other).unwrap();
    fs::rename(&other, &path).unwrap();
    for _ in 0..2 {
        let told = trouble(&store).await;
        assert!(told.contains("another file was put in the place of the state file"), "{told}");
        assert!(told.contains("restart snykwatch to go on with that file, or move it away"), "{told}");
        let refused = chain(&store.commit(step(1)).await.unwrap_err());
        assert!(refused.contains("another file was put in the place"), "{refused}");
        assert!(store.begin_attempt(all(&store).await[0].id, "2026-11-23T09:00:00Z".parse().unwrap()).await.is_err());
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    remove_all(&path);
    mended(&store).await;
    assert_eq!(store.commit(step(1)).await.unwrap(), Revision(2));
}

#[tokio::test]
async fn a_cut_file_is_put_aside_and_what_is_remembered_is_written_anew() {
    for cut_to in [0, 1, 100, 3 * 4_096] {
        let directory = directory();
        let path = directory.path().join("snykwatch.db");
        let store = open(&path).await;
        for based_on in 0..3 {
            store.commit(step(based_on)).await.unwrap();
        }
        // Into the file itself.
        store.prune("2000-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(cut_to).unwrap();
        let told = mended(&store).await;
        assert!(told.contains("was cut or overwritten while snykwatch runs"), "{cut_to}: {told}");
        assert!(told.contains("snykwatch.db.unreadable"), "{told}");
        assert!(directory.path().join("snykwatch.db.unreadable").exists());
        assert_eq!(store.commit(step(3)).await.unwrap(), Revision(4), "it goes on where it was");
        store.close().await;
        let store = open(&path).await;
        assert_eq!(store.lost(), None);
        assert_eq!(store.load().await.unwrap().unwrap().state, state("step-3"));
    }
}

/// A merge would write behind its end: it would have its length again, and holes, before anybody has looked.
#[tokio::test]
async fn a_file_that_was_cut_is_not_filled_up_by_the_next_commit() {
    for cut_to in [0, 100, 3 * 4_096] {
        let directory = directory();
        let path = directory.path().join("snykwatch.db");
        let store = open(&path).await;
        let many =
            |based_on| Commit { transitions: (0..2_000).map(|at| status("acme", at)).collect(), ..step(based_on) };
        let before = "2000-01-01T00:00:00Z".parse().unwrap();
        store.commit(many(0)).await.unwrap();
        store.commit(many(1)).await.unwrap();
        // Into the file itself.
        store.prune(before).await.unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(cut_to).unwrap();
        let refused = chain(&store.commit(many(2)).await.unwrap_err());
        assert!(refused.contains("the state file was cut or overwritten while snykwatch runs"), "{refused}");
        assert!(store.prune(before).await.is_err(), "which would merge the log too");
        assert_eq!(fs::metadata(&path).unwrap().len(), cut_to, "it is as it was left");
        let told = mended(&store).await;
        assert!(told.contains("was cut or overwritten while snykwatch runs"), "{told}");
        assert_eq!(store.commit(step(2)).await.unwrap(), Revision(3), "it goes on where it was");
        assert_eq!(store.look_after().await.unwrap(), None, "once");
        store.verify().await.unwrap();
    }
}

/// It has begun with the head, and there was no room for the rest: the log still has it.
#[tokio::test]
async fn a_file_that_is_shorter_than_a_merge_that_failed_would_make_it_was_not_cut() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    store.prune("2000-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut pages = [0; 4];
    file.read_exact_at(&mut pages, 28).unwrap();
    let more = u32::from_be_bytes(pages) + 3;
    file.write_all_at(&more.to_be_bytes(), 28).unwrap();
    // It was our own.
    store.writer.lock().await.note_own_write();
    assert_eq!(store.look_after().await.unwrap(), None);
    file.write_all_at(&pages, 28).unwrap();
    store.writer.lock().await.note_own_write();
    assert_eq!(store.commit(step(1)).await.unwrap(), Revision(2));
}

/// Another program that knows the format may make it shorter.
#[tokio::test]
async fn a_file_that_became_shorter_in_order_was_not_cut() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    for based_on in 0..2 {
        let transitions = (0..2_000).map(|at| status("acme", at)).collect();
        store.commit(Commit { transitions, ..step(based_on) }).await.unwrap();
    }
    store.prune("2000-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    let length = fs::metadata(&path).unwrap().len();
    let mut other = plain(&path, Access::Write).await.unwrap();
    for statement in ["DELETE FROM transition", "PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        sqlx::query(statement).execute(&mut other).await.unwrap();
    }
    assert!(fs::metadata(&path).unwrap().len() < length);
    assert_eq!(store.commit(step(2)).await.unwrap(), Revision(3));
    assert_eq!(store.look_after().await.unwrap(), None);
    other.close().await.unwrap();
}

/// A merge writes behind the end of a file that was cut, which has its length again, and holes.
#[tokio::test]
async fn a_file_with_holes_is_put_aside_when_the_database_calls_it_damaged() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    let transitions = (0..2_000).map(|minute| status("acme", minute)).collect();
    store.commit(Commit { transitions, ..step(0) }).await.unwrap();
    store.commit(step(1)).await.unwrap();
    // Into the file itself.
    store.prune("2000-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    let length = fs::metadata(&path).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(3 * 4_096).unwrap();
    file.set_len(length).unwrap();
    let read = chain(&store.history(integration("acme"), usize::MAX).await.unwrap_err());
    assert!(read.contains("the file is damaged"), "{read}");
    let told = mended(&store).await;
    assert!(told.contains("was cut or overwritten while snykwatch runs"), "{told}");
    assert!(directory.path().join("snykwatch.db.unreadable").exists());
    assert_eq!(store.look_after().await.unwrap(), None, "once");
    store.history(integration("acme"), usize::MAX).await.unwrap();
    assert_eq!(store.commit(step(2)).await.unwrap(), Revision(3), "it goes on where it was");
    store.close().await;
    let store = open(&path).await;
    assert_eq!(store.lost(), None);
    assert_eq!(store.load().await.unwrap().unwrap().state, state("step-2"));
}

/// A log that was harmed may be called damage, and is not in the file.
#[tokio::test]
async fn a_sound_file_that_was_called_damaged_stays_where_it_is() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    store.is_suspect.store(true, Ordering::Relaxed);
    assert_eq!(store.look_after().await.unwrap(), None);
    assert!(!store.is_suspect.load(Ordering::Relaxed), "and it is not read again for that");
    assert!(!directory.path().join("snykwatch.db.unreadable").exists());
    store.commit(step(1)).await.unwrap();
    assert_eq!(store.history(integration("acme"), usize::MAX).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_removed_lock_is_taken_again_and_restore_is_refused_meanwhile() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let lock = directory.path().join("snykwatch.db.lock");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    let copy = directory.path().join("copy.db");
    backup(&path, &copy).await.unwrap();
    fs::remove_file(&lock).unwrap();
    let now = "2026-11-23T09:00:00Z".parse().unwrap();
    let refused = restore(&copy, &path, now).await.unwrap_err();
    let RestoreError::Destination(cause) = &refused else { panic!("{refused:?}") };
    assert!(matches!(**cause, OpenError::InUse { .. }), "{cause:?}");
    // Its lock stays behind, and nobody holds it.
    let told = mended(&store).await;
    assert!(told.contains("the lock file was removed"), "{told}");
    assert_eq!(store.look_after().await.unwrap(), None);
    assert!(matches!(SqliteStore::open(&path, SqliteOptions::default()).await, Err(OpenError::InUse { .. })));
    store.close().await;
    restore(&copy, &path, now).await.unwrap();
    let store = open(&path).await;
    assert_eq!(store.lost(), Some(&Lost::Since), "what came after the backup");
    store.close().await;
    let store = open(&path).await;
    assert_eq!(store.lost(), Some(&Lost::Since), "until the next commit has what is to be told of it");
    store.commit(step(1)).await.unwrap();
    store.close().await;
    assert_eq!(open(&path).await.lost(), None, "told once");
}

#[tokio::test]
async fn a_file_with_nothing_in_it_is_put_aside_and_counts_as_lost() {
    for (what, bytes) in [("empty", vec![]), ("a byte", vec![0x20]), ("zeros", vec![0; 50_000])] {
        let directory = directory();
        let path = directory.path().join("snykwatch.db");
        fs::write(&path, &bytes).unwrap();
        let store = open(&path).await;
        let aside = directory.path().join("snykwatch.db.unreadable");
        assert_eq!(store.lost(), Some(&Lost::Blank(Some(aside.clone()))), "{what}");
        assert_eq!(fs::read(&aside).unwrap(), bytes, "{what}");
        assert_eq!(store.load().await.unwrap(), None);
        store.commit(step(0)).await.unwrap();
        store.close().await;
        assert_eq!(open(&path).await.lost(), None, "{what}: told once");
    }
}

#[tokio::test]
async fn a_store_that_is_gone_is_lost_and_a_first_start_is_none() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    assert_eq!(store.lost(), None, "nothing was here before");
    store.close().await;
    remove_all(&path);
    let store = open(&path).await;
    assert_eq!(store.lost(), Some(&Lost::Removed));
    store.close().await;
    let store = open(&path).await;
    assert_eq!(store.lost(), Some(&Lost::Before), "until a commit has what is to be told of it");
    store.commit(step(0)).await.unwrap();
    store.close().await;
    let store = open(&path).await;
    assert_eq!(store.lost(), None, "told once");
    store.close().await;

    // A first start that was killed on its way: its lock is there, and half a file under another name.
    let path = directory.path().join("other.db");
    fs::write(directory.path().join("other.db.lock"), "4711\n").unwrap();
    fs::write(directory.path().join("other.db.new"), "half").unwrap();
    let store = open(&path).await;
    assert_eq!(store.lost(), None);
    assert!(!directory.path().join("other.db.new").exists());
}
