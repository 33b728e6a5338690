//! What the store costs: the same commits to SQLite and to memory, in the same run.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use snykwatch::domain::facts::LastTest;
use snykwatch::domain::fleet::Fleet;
use snykwatch::domain::state::State;
use snykwatch::health::{self, incidents};
use snykwatch::store::memory::MemoryStore;
use snykwatch::store::sqlite::{SqliteOptions, SqliteStore};
use snykwatch::store::{Commit, Revision, Store};

use super::{budget, median, milliseconds, resident_megabytes, timed};

/// A commit of a state in which nothing changed: every 30 s, beside an evaluation of 100 ms.
const UNCHANGED_BUDGET: Duration = Duration::from_millis(10);
/// From the start of the process until the state is restored.
const LOAD_BUDGET: Duration = Duration::from_secs(2);
const RUNS: usize = 15;
/// Of so many parts, one changes.
const ONE_OF: usize = 100;

/// Measures everything on a state of the full fleet.
pub(crate) fn measure(state: &State, fleet: &Fleet, now: DateTime<Utc>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("snykwatch.db");
    let open = || runtime.block_on(SqliteStore::open(&path, SqliteOptions::default())).unwrap();
    let (memory, sqlite) = (MemoryStore::default(), open());
    let mut revision = Revision::NONE;
    let mut commit = |state: &Arc<State>| {
        let commit = Commit {
            based_on: revision,
            at: now,
            state: Arc::clone(state),
            transitions: Vec::new(),
            notifications: Vec::new(),
        };
        let again = commit.clone();
        let in_memory = timed(|| _ = black_box(runtime.block_on(memory.commit(commit))).unwrap());
        let on_disk = timed(|| revision = runtime.block_on(sqlite.commit(again)).unwrap());
        (in_memory, on_disk)
    };

    let mut state = Arc::new(state.clone());
    let before = resident_megabytes();
    let first = vec![commit(&state)];
    told("first commit", first);
    let size = megabytes(&path);

    let copying = (0..RUNS).map(|_| timed(|| _ = black_box(State::clone(&state))));
    println!("copying the state                   {:>9.1} ms", milliseconds(median(copying.collect())));
    let same = (0..RUNS).map(|_| commit(&state)).collect();
    told("commit of the very same state", same);
    let mut then = now;
    let evaluated = (0..RUNS).map(|_| {
        then += TimeDelta::seconds(30);
        let changing = Arc::make_mut(&mut state);
        black_box(health::evaluate(changing, fleet, then));
        black_box(incidents::evaluate(changing, fleet, then));
        commit(&state)
    });
    let unchanged = told("commit after an evaluation", evaluated.collect());
    println!("memory: {:.0} MB more for the stores and their copy", resident_megabytes() - before);
    budget("commit of an unchanged state", milliseconds(unchanged), milliseconds(UNCHANGED_BUDGET), "ms");
    let changed = (1_i32..).take(RUNS).map(|run| {
        change_a_hundredth(Arc::make_mut(&mut state), now + TimeDelta::seconds(i64::from(run)));
        commit(&state)
    });
    told("commit of 1 % changed", changed.collect());
    for _ in 0..200 {
        commit(&state);
    }
    let log = megabytes(&path.with_extension("db-wal"));
    println!("file {size:.0} MB, {:.0} MB with changes; its log {log:.1} MB after 200 more", megabytes(&path));

    runtime.block_on(sqlite.close());
    let mut found = None;
    let opening = (0..3).map(|_| {
        timed(|| {
            let store = open();
            found = runtime.block_on(store.load()).unwrap();
            drop(store);
        })
    });
    let opening = median(opening.collect());
    assert!(found.unwrap().state == state, "what is restored is what was committed");
    budget("opening with the state restored", milliseconds(opening), milliseconds(LOAD_BUDGET), "ms");
}

/// A hundredth of the repositories, assets and Organizations have news.
fn change_a_hundredth(state: &mut State, at: DateTime<Utc>) {
    for group in state.evidence.groups.values_mut() {
        for profile in group.profiles.values_mut() {
            let repositories = &mut Arc::make_mut(&mut profile.repositories.as_mut().unwrap().value).repositories;
            repositories.values_mut().step_by(ONE_OF).for_each(|repository| repository.updated_at = Some(at));
        }
        let assets = Arc::make_mut(&mut group.assets.as_mut().unwrap().value);
        assets.live.iter_mut().step_by(ONE_OF).for_each(|asset| asset.last_sync = Some(at));
    }
    for organization in state.evidence.organizations.values_mut().step_by(ONE_OF) {
        let imports = organization.imports.as_mut().unwrap();
        imports.observed_at = at;
        Arc::make_mut(&mut imports.value).projects.iter_mut().for_each(|project| project.last_test = LastTest::At(at));
    }
}

/// Prints both medians; gives that of SQLite.
fn told(what: &str, runs: Vec<(Duration, Duration)>) -> Duration {
    let (memory, sqlite): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    let (memory, sqlite) = (median(memory), median(sqlite));
    let (memory_ms, ratio) = (milliseconds(memory), sqlite.as_secs_f64() / memory.as_secs_f64());
    println!("{what:<36}{:>9.1} ms, in memory {memory_ms:.3} ms: {ratio:.0} times", milliseconds(sqlite));
    sqlite
}

fn megabytes(path: &Path) -> f64 {
    std::fs::metadata(path).map_or(0.0, |metadata| metadata.len() as f64 / 1e6)
}
