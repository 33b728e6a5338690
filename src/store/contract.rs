//! The contract of every store, as one suite: `contract::check(open)` with a function that opens an empty store.
//!
//! What only a durable back end can promise (that a new process finds the last commit) is tested where one is opened.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Commit, HistoryBounds, Revision, Store, StoreError, Stored};
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::{IntegrationKey, IntegrationName};
use crate::domain::state::{Baseline, Change, IntegrationState, State, Transition};
use crate::domain::status::Status;

/// Runs the whole suite; each part on a store of its own.
pub(crate) async fn check<S: Store>(open: impl Fn(HistoryBounds) -> S) {
    let opened = || open(HistoryBounds::default());
    an_empty_store_has_nothing(&opened()).await;
    a_commit_is_read_back_whole(&opened()).await;
    each_commit_replaces_the_state(&opened()).await;
    a_refused_commit_changes_nothing(&opened()).await;
    a_repeated_commit_is_noticed(&opened()).await;
    of_concurrent_commits_one_wins(&opened()).await;
    history_is_by_subject_and_newest_first(&opened()).await;
    history_is_bounded_by_subject(&open(HistoryBounds { per_subject: 3, total: 100 })).await;
    history_is_bounded_in_all(&open(HistoryBounds { per_subject: 100, total: 4 })).await;
}

fn at(minute: i64) -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

fn key(name: &str) -> IntegrationKey {
    IntegrationKey::group(IntegrationName::new(name))
}

fn integration(name: &str) -> Subject {
    Subject::Integration(key(name))
}

/// A state that differs from that of every other name.
fn state(name: &str) -> Arc<State> {
    let mut state = State::default();
    state.integrations.insert(key(name), IntegrationState::new(at(0)));
    state.baselines.insert(name.into(), Baseline { taken_at: Some(at(1)), problems: BTreeSet::new() });
    Arc::new(state)
}

fn status(name: &str, minute: i64) -> Transition {
    let to = (Status::Connected, Reason::Ok);
    let change = Change::Status { integration: key(name), from: None, to };
    Transition { at: at(minute), change, cause: format!("status of {name} at {minute}") }
}

fn condition(name: &str, minute: i64) -> Transition {
    let change = Change::Condition {
        integration: key(name),
        condition: Condition::SyncCurrent,
        from: Some(Truth::True),
        to: Truth::Unknown,
        reason: Reason::EvidenceStale,
    };
    Transition { at: at(minute), change, cause: format!("condition of {name} at {minute}") }
}

fn opened(subject: Subject, minute: i64) -> Transition {
    let incident = IncidentKey { rule: Rule::PartiallyConnected, subject };
    let change = Change::Opened { incident, severity: Severity::Warning };
    Transition { at: at(minute), change, cause: format!("opened at {minute}") }
}

fn commit(based_on: u64, name: &str, transitions: Vec<Transition>) -> Commit {
    let minute = i64::try_from(based_on).unwrap();
    Commit { based_on: Revision(based_on), at: at(minute), state: state(name), transitions, notifications: Vec::new() }
}

async fn history<S: Store>(store: &S, subject: Subject) -> Vec<Transition> {
    store.history(subject, usize::MAX).await.unwrap()
}

async fn an_empty_store_has_nothing<S: Store>(store: &S) {
    assert_eq!(store.load().await.unwrap(), None);
    assert_eq!(history(store, integration("acme")).await, []);
}

async fn a_commit_is_read_back_whole<S: Store>(store: &S) {
    let revision = store.commit(commit(0, "acme", vec![status("acme", 0)])).await.unwrap();
    assert_eq!(revision, Revision::NONE.next());
    let stored = Stored { revision, committed_at: at(0), state: state("acme") };
    assert_eq!(store.load().await.unwrap(), Some(stored));
    assert_eq!(history(store, integration("acme")).await, [status("acme", 0)]);
}

async fn each_commit_replaces_the_state<S: Store>(store: &S) {
    for (based_on, name) in (0..).zip(["one", "two", "three"]) {
        store.commit(commit(based_on, name, Vec::new())).await.unwrap();
    }
    let stored = Stored { revision: Revision(3), committed_at: at(2), state: state("three") };
    assert_eq!(store.load().await.unwrap(), Some(stored));
}

async fn a_refused_commit_changes_nothing<S: Store>(store: &S) {
    store.commit(commit(0, "acme", vec![status("acme", 0)])).await.unwrap();
    let before = store.load().await.unwrap();
    for based_on in [0, 2, 7] {
        let refused = store.commit(commit(based_on, "intruder", vec![status("acme", 9)])).await;
        let Err(StoreError::Conflict { based_on: told, found }) = refused else { panic!("{refused:?}") };
        assert_eq!((told, found), (Revision(based_on), Revision(1)));
    }
    assert_eq!(store.load().await.unwrap(), before);
    assert_eq!(history(store, integration("acme")).await, [status("acme", 0)]);
}

async fn a_repeated_commit_is_noticed<S: Store>(store: &S) {
    let once = commit(0, "acme", vec![status("acme", 0)]);
    store.commit(once.clone()).await.unwrap();
    let repeat = store.commit(once).await.unwrap_err();
    assert_eq!(repeat.to_string(), "commit based on revision 0 refused: the store holds revision 1");
    assert_eq!(history(store, integration("acme")).await.len(), 1, "no transition is doubled");
}

async fn of_concurrent_commits_one_wins<S: Store>(store: &S) {
    let names = ["one", "two", "three", "four"];
    let racing = names.map(|name| store.commit(commit(0, name, vec![status(name, 0)])));
    let won: Vec<bool> = futures_util::future::join_all(racing).await.iter().map(Result::is_ok).collect();
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    for (name, won) in names.into_iter().zip(won) {
        assert_eq!(history(store, integration(name)).await.len(), usize::from(won), "{name}");
        assert_eq!(store.load().await.unwrap().unwrap().state == state(name), won, "state and history are of one");
    }
}

async fn history_is_by_subject_and_newest_first<S: Store>(store: &S) {
    let credential = Subject::Credential("bitbucket-acme".into());
    let first = vec![status("acme", 0), status("other", 0), opened(credential.clone(), 0)];
    let second = vec![condition("acme", 1), opened(integration("acme"), 1)];
    store.commit(commit(0, "acme", first)).await.unwrap();
    store.commit(commit(1, "acme", second)).await.unwrap();

    let acme = [opened(integration("acme"), 1), condition("acme", 1), status("acme", 0)];
    assert_eq!(history(store, integration("acme")).await, acme);
    assert_eq!(store.history(integration("acme"), 2).await.unwrap(), acme[..2]);
    assert_eq!(store.history(integration("acme"), 0).await.unwrap(), []);
    assert_eq!(history(store, integration("other")).await, [status("other", 0)]);
    assert_eq!(history(store, credential.clone()).await, [opened(credential, 0)]);
}

async fn history_is_bounded_by_subject<S: Store>(store: &S) {
    let restless: Vec<_> = (0..10).map(|minute| status("restless", minute)).collect();
    store.commit(commit(0, "acme", vec![status("calm", 0)])).await.unwrap();
    store.commit(commit(1, "acme", restless)).await.unwrap();
    let expected = [9, 8, 7].map(|minute| status("restless", minute));
    assert_eq!(history(store, integration("restless")).await, expected);
    assert_eq!(history(store, integration("calm")).await, [status("calm", 0)], "not crowded out");
}

async fn history_is_bounded_in_all<S: Store>(store: &S) {
    let names = ["one", "two", "three"];
    let transitions = (0..3).flat_map(|minute| names.map(|name| status(name, minute))).collect();
    store.commit(commit(0, "acme", transitions)).await.unwrap();
    assert_eq!(history(store, integration("one")).await, [status("one", 2)]);
    assert_eq!(history(store, integration("two")).await, [status("two", 2)]);
    assert_eq!(history(store, integration("three")).await, [status("three", 2), status("three", 1)]);
    store.commit(commit(1, "acme", vec![status("four", 3); 4])).await.unwrap();
    assert_eq!(history(store, integration("three")).await, []);
}
