//! What was acknowledged is there, whatever happens then.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::{chain, directory, open};
use crate::domain::notification::DeliveryState;
use crate::store::contract::fixtures::{
    all, at, commit, deliver_all, integration, pending, state, status, to, trigger,
};
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{Commit, Outbox as _, Revision, Store, StoreError};

/// Where the child writes: set in the child alone.
const CHILD_WRITES_TO: &str = "SNYKWATCH_TEST_CHILD_WRITES_TO";

fn step(based_on: u64) -> Commit {
    let minute = i64::try_from(based_on).unwrap() + 1;
    let name = format!("step-{minute}");
    let notifications = vec![to(&["chat"], trigger("acme", minute))];
    Commit { notifications, state: state(&name), ..commit(based_on, &name, vec![status("acme", minute)]) }
}

/// Commits as fast as it can, and says so of each.
async fn write_until_killed(path: &Path) {
    let store = open(path).await;
    let mut revision = store.load().await.unwrap().map_or(Revision::NONE, |stored| stored.revision);
    loop {
        revision = store.commit(step(revision.0)).await.unwrap();
        println!("\nacknowledged {}", revision.0);
    }
}

fn kill_while_it_writes(path: &Path, after: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["store::sqlite::tests::durability::nothing_acknowledged_is_lost_by_a_kill", "--exact", "--nocapture"])
        .env(CHILD_WRITES_TO, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut acknowledged =
        lines.filter_map(|line| line.strip_prefix("acknowledged ").map(|number| number.parse::<u64>().unwrap()));
    let mut last = acknowledged.by_ref().take(after).last().unwrap();
    // SIGKILL: it has no say in it.
    child.kill().unwrap();
    child.wait().unwrap();
    last = acknowledged.last().unwrap_or(last);
    last
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    if let Some(path) = std::env::var_os(CHILD_WRITES_TO) {
        let path: OsString = path;
        return write_until_killed(Path::new(&path)).await;
    }
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    for after in [1, 2, 5, 11, 23] {
        let acknowledged = kill_while_it_writes(&path, after);
        let store = open(&path).await;
        let stored = store.load().await.unwrap().unwrap();
        assert!(stored.revision.0 >= acknowledged, "{} was acknowledged, {} is there", acknowledged, stored.revision);
        let last = i64::try_from(stored.revision.0).unwrap();
        assert_eq!(stored.state, state(&format!("step-{last}")));
        let history = store.history(integration("acme"), usize::MAX).await.unwrap();
        let minutes: Vec<_> = history.iter().map(|transition| transition.at).collect();
        assert_eq!(minutes, (1..=last).rev().map(at).collect::<Vec<_>>(), "state and history agree");
        let deliveries = pending(&store, "chat").await;
        assert_eq!(deliveries.len() as u64, stored.revision.0, "and so does the outbox");
        store.close().await;
    }
}

#[tokio::test]
async fn a_restart_finds_everything() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    let installation = store.installation();
    for based_on in 0..3 {
        store.commit(step(based_on)).await.unwrap();
    }
    deliver_all(&store, "chat", 9).await;
    let (before, deliveries) = (store.load().await.unwrap(), all(&store).await);
    // Dropped, not closed: a crash closes nothing.
    drop(store);

    let store = open(&path).await;
    assert_eq!(store.load().await.unwrap(), before);
    assert_eq!(all(&store).await, deliveries);
    assert_eq!(deliveries[0].state, DeliveryState::Delivered);
    assert_eq!(store.standing("chat".into(), at(0)).await.unwrap().len(), 1);
    assert_eq!(store.installation().id, installation.id);
    let refused = store.commit(step(2)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { found: Revision(3), .. }), "{refused}");
    assert_eq!(store.commit(step(3)).await.unwrap(), Revision(4));
    assert_eq!(store.load().await.unwrap().unwrap().state, state("step-4"), "what was there before is gone");
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = SqliteStore::open(&path, SqliteOptions { max_pages: Some(100) }).await.unwrap();
    store.commit(step(0)).await.unwrap();
    let before = store.load().await.unwrap();
    let flood: Vec<_> = (0..20_000).map(|minute| status("flood", minute)).collect();
    let big = Commit { transitions: flood, ..step(1) };
    for _ in 0..3 {
        let error = store.commit(big.clone()).await.unwrap_err();
        let told = chain(&error);
        assert!(told.contains("the disk, or its quota, is full: make room"), "{told}");
        assert_eq!(store.load().await.unwrap(), before, "as it was");
        assert_eq!(all(&store).await.len(), 1);
    }
    assert_eq!(store.commit(step(1)).await.unwrap(), Revision(2), "what fits goes on");
    drop(store);

    let store = open(&path).await;
    let big = Commit { based_on: Revision(2), state: Arc::default(), ..big };
    assert_eq!(store.commit(big).await.unwrap(), Revision(3), "with room, all of it");
    assert_eq!(store.history(integration("flood"), usize::MAX).await.unwrap().len(), 20_000);
}

#[tokio::test]
async fn a_commit_that_is_dropped_leaves_no_trace_or_all_of_it() {
    let directory = directory();
    let path = directory.path().join("snykwatch.db");
    let store = open(&path).await;
    let mut revision = Revision::NONE;
    for polls in 0..12 {
        let mut committing = store.commit(step(revision.0));
        // As a task that is aborted somewhere on its way.
        for _ in 0..polls {
            if futures_util::poll!(&mut committing).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(committing);
        let found = store.load().await.unwrap().map_or(Revision::NONE, |stored| stored.revision);
        assert!(found == revision || found == revision.next());
        assert_eq!(all(&store).await.len() as u64, found.0);
        revision = store.commit(step(found.0)).await.unwrap();
        assert_eq!(store.load().await.unwrap().unwrap().state, state(&format!("step-{}", revision.0)));
    }
}

#[tokio::test]
async fn what_an_interrupted_commit_wrote_is_not_read() {
    let directory = directory();
    let store = open(&directory.path().join("snykwatch.db")).await;
    store.commit(step(0)).await.unwrap();
    let committed = store.load().await.unwrap();
    {
        let mut writer = store.writer.lock().await;
        writer.begin("commit the state").await.unwrap();
        // As a commit that was dropped between its last statement and its end.
        sqlx::query("UPDATE latest_commit SET revision = 2").execute(&mut writer.connection).await.unwrap();
    }
    assert_eq!(store.load().await.unwrap(), committed);
    assert_eq!(store.commit(step(1)).await.unwrap(), Revision(2));
}

#[tokio::test]
async fn pruning_gives_room_back() {
    let directory = directory();
    let store = open(&directory.path().join("snykwatch.db")).await;
    let transitions: Vec<_> = (0..20_000).map(|minute| status("acme", minute)).collect();
    store.commit(Commit { transitions, ..step(0) }).await.unwrap();
    let large = store.size().await.unwrap();
    assert_eq!(store.prune(at(20_000)).await.unwrap().transitions, 20_000);
    let small = store.size().await.unwrap();
    println!("20,000 transitions: {large} bytes before, {small} after");
    assert!(small < large / 5, "{large} before, {small} after");
}
