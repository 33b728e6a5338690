//! Disks that are really full and files that really cannot be written. What this user may not set up is skipped, and says
//! so.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{chain, directory, open};
use crate::domain::incident::Severity;
use crate::domain::notification::NotificationKind;
use crate::store::contract::fixtures::{all, commit, integration, notification, status, to, trigger};
use crate::store::sqlite::{Lost, Opened, SqliteOptions, SqliteStore, open_or_await};
use crate::store::{Commit, Revision, Store};

/// What the child opens: set in the child alone.
const CHILD_OPENS: &str = "SNYKWATCH_TEST_CHILD_OPENS";

/// The user and group that own nothing.
const NOBODY: u32 = 65_534;

/// A file system of two megabytes; unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let directory = directory();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(directory.path());
        match mount.output() {
            Ok(done) if done.status.success() => Some(Self(directory)),
            Ok(done) => {
                println!("skipped: no file system can be mounted here: {}", String::from_utf8_lossy(&done.stderr));
                None
            }
            Err(error) => {
                println!("skipped: there is no mount command: {error}");
                None
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Takes all the room that is left.
    fn fill(&self) -> PathBuf {
        let filler = self.path("filler");
        let error = fs::write(&filler, vec![0; 4 << 20]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn step(based_on: u64) -> Commit {
    let minute = i64::try_from(based_on).unwrap();
    let notifications = vec![to(&["chat"], trigger("acme", minute))];
    Commit { notifications, ..commit(based_on, &format!("step-{based_on}"), vec![status("acme", minute)]) }
}

#[tokio::test]
async fn a_full_file_system_is_told_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else { return };
    let path = disk.path("snykwatch.db");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    let filler = disk.fill();
    let flood = Commit { transitions: (0..2_000).map(|minute| status("flood", minute)).collect(), ..step(1) };
    for _ in 0..3 {
        let told = chain(&store.commit(flood.clone()).await.unwrap_err());
        assert!(told.contains("the disk, or its quota, is full: make room"), "{told}");
        assert_eq!(store.load().await.unwrap().unwrap().revision, Revision(1));
        assert_eq!(all(&store).await.len(), 1, "what was committed can be read");
    }
    fs::remove_file(filler).unwrap();
    assert_eq!(store.commit(flood).await.unwrap(), Revision(2), "with room, all of it");
    drop(store);
    let store = open(&path).await;
    assert_eq!(store.history(integration("flood"), usize::MAX).await.unwrap().len(), 2_000);
}

/// A critical page leaves although it cannot be committed; after a kill nobody would end it.
#[tokio::test]
async fn a_page_that_was_not_committed_is_remembered_beside_the_file() {
    let Some(disk) = SmallDisk::mount() else { return };
    let path = disk.path("snykwatch.db");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    let filler = disk.fill();
    let flood = |notifications| {
        let transitions = (0..2_000).map(|minute| status("flood", minute)).collect();
        Commit { transitions, notifications, ..step(1) }
    };
    store.commit(flood(Vec::new())).await.unwrap_err();
    drop(store);
    let store = open(&path).await;
    assert_eq!(store.lost(), None, "nobody was told anything");
    let page = notification("acme", NotificationKind::Trigger, Severity::Critical, 1);
    store.commit(flood(vec![to(&["pager"], page)])).await.unwrap_err();
    drop(store);
    let store = open(&path).await;
    assert_eq!(store.lost(), Some(&Lost::Unstored));
    fs::remove_file(filler).unwrap();
    store.commit(flood(Vec::new())).await.unwrap();
    drop(store);
    assert_eq!(open(&path).await.lost(), None, "told once");
}

/// A log that is only merged when it is long would fill a small disk and stay there.
#[tokio::test]
async fn the_log_alone_never_fills_a_small_disk() {
    let Some(disk) = SmallDisk::mount() else { return };
    let store = open(&disk.path("snykwatch.db")).await;
    let (mut revision, mut has_failed) = (0, false);
    for number in 0..1_500 {
        let commit = Commit { notifications: Vec::new(), transitions: Vec::new(), ..step(revision) };
        match store.commit(commit).await {
            Ok(next) => (revision, has_failed) = (next.0, false),
            Err(error) => {
                // A commit that finds the disk full merges the log: the next one has room.
                assert!(!has_failed, "two in a row failed, the second as {number}: {}", chain(&error));
                has_failed = true;
            }
        }
    }
    assert!(revision > 1_400, "{revision}");
}

#[tokio::test]
async fn a_full_file_system_is_told_when_the_store_is_made() {
    let Some(disk) = SmallDisk::mount() else { return };
    disk.fill();
    let error = SqliteStore::open(&disk.path("snykwatch.db"), SqliteOptions::default()).await.err().unwrap();
    let told = chain(&error);
    assert!(told.contains("full: make room") || told.contains("No space left on device"), "{told}");
}

/// The index of the log takes room of its own, which a store that was closed in order has given back.
#[tokio::test]
async fn a_store_is_opened_on_a_full_file_system() {
    let Some(disk) = SmallDisk::mount() else { return };
    let path = disk.path("snykwatch.db");
    let store = open(&path).await;
    store.commit(step(0)).await.unwrap();
    store.close().await;
    let filler = disk.fill();
    let Opened { store, lost, awaits_room } = open_or_await(&path, SqliteOptions::default()).await.unwrap();
    assert!(lost.is_none() && awaits_room.is_none(), "it is there");
    assert_eq!(store.load().await.unwrap().unwrap().revision, Revision(1));
    assert_eq!(store.pending("chat".into(), 9).await.unwrap().len(), 1, "and what waits can be read");
    let flood = Commit { transitions: (0..2_000).map(|minute| status("flood", minute)).collect(), ..step(1) };
    let told = chain(&store.commit(flood.clone()).await.unwrap_err());
    assert!(told.contains("full: make room"), "{told}");
    assert_eq!(store.look_after().await.unwrap(), None, "nothing is wrong with the file");
    fs::remove_file(filler).unwrap();
    assert_eq!(store.commit(flood).await.unwrap(), Revision(2), "with room, all of it");
}

#[tokio::test]
async fn a_store_that_cannot_be_made_is_made_with_the_first_commit_that_finds_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let path = disk.path("snykwatch.db");
    let filler = disk.fill();
    let Opened { store, lost, awaits_room } = open_or_await(&path, SqliteOptions::default()).await.unwrap();
    assert!(lost.is_none() && awaits_room.is_some());
    let installation = store.installation().id;
    assert_eq!(store.load().await.unwrap(), None);
    assert_eq!(store.pending("chat".into(), 9).await.unwrap(), []);
    for _ in 0..2 {
        let told = chain(&store.commit(step(0)).await.unwrap_err());
        assert!(told.contains("could not make the state file"), "{told}");
        assert!(told.contains("full: make room") || told.contains("No space left on device"), "{told}");
        assert!(!path.exists(), "there is no half a file that the next start would take for a lost one");
    }
    fs::remove_file(filler).unwrap();
    assert_eq!(store.commit(step(0)).await.unwrap(), Revision(1));
    assert_eq!(store.pending("chat".into(), 9).await.unwrap().len(), 1);
    drop(store);
    let store = open(&path).await;
    assert_eq!(store.lost(), None);
    assert_eq!(store.installation().id, installation, "the versions of secrets stay comparable");
}

/// What somebody without rights is told; `None` where nobody can be asked.
fn told_to_nobody(path: &Path) -> Option<String> {
    let this = std::env::current_exe().unwrap();
    let test = "store::sqlite::tests::disks::a_file_that_may_only_be_read_is_told";
    let user = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()];
    let mut command = Command::new("setpriv");
    command.args(user).arg(this).args([test, "--exact", "--nocapture"]).env(CHILD_OPENS, path);
    let done = match command.output() {
        Ok(done) => done,
        Err(error) => {
            println!("skipped: there is no setpriv: {error}");
            return None;
        }
    };
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let told = said.lines().find_map(|line| line.strip_prefix("told: ").map(str::to_owned));
    if told.is_none() {
        println!("skipped: nobody cannot run this test: {said}{}", String::from_utf8_lossy(&done.stderr));
    }
    told
}

#[tokio::test]
async fn a_file_that_may_only_be_read_is_told() {
    if let Some(path) = std::env::var_os(CHILD_OPENS) {
        let opened = SqliteStore::open(Path::new(&path), SqliteOptions::default()).await;
        println!("\ntold: {}", opened.map_or_else(|error| chain(&error), |_| "nothing".to_owned()));
        return;
    }
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    open(&path).await.close().await;
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let files = [path.clone(), directory.path().join("snykwatch.db.lock"), directory.path().to_path_buf()];
    if files.iter().any(|file| chown(file, Some(NOBODY), Some(NOBODY)).is_err()) {
        println!("skipped: only root gives files to others");
        return;
    }
    let Some(told) = told_to_nobody(&path) else { return };
    assert_eq!(told, "nothing", "its owner opens it");
    mode(&path, 0o444);
    let told = told_to_nobody(&path).unwrap();
    assert!(told.contains("the file and its directory must be writable"), "{told}");
    mode(&path, 0o600);
    fs::remove_file(directory.path().join("snykwatch.db.lock")).unwrap();
    mode(directory.path(), 0o555);
    let told = told_to_nobody(&path).unwrap();
    assert!(told.contains("the file and its directory must be writable"), "{told}");
    mode(directory.path(), 0o700);
}
