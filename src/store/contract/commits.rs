//! Commits: whole or not at all, and by one writer.

use super::fixtures::{all, at, commit, integration, state, status, to, trigger};
use crate::domain::incident::Subject;
use crate::domain::state::Transition;
use crate::store::{Commit, Revision, Store, StoreError, Stored};

pub(super) async fn check<S: Store>(open: &impl AsyncFn() -> S) {
    an_empty_store_has_nothing(&open().await).await;
    an_installation_stays_what_it_is(&open().await, &open().await);
    a_commit_is_read_back_whole(&open().await).await;
    each_commit_replaces_the_state(&open().await).await;
    an_unchanged_state_is_committed_too(&open().await).await;
    a_refused_commit_changes_nothing(&open().await).await;
    a_repeated_commit_is_noticed(&open().await).await;
    of_concurrent_commits_one_wins(&open().await).await;
    a_store_has_a_size(&open().await).await;
}

async fn history<S: Store>(store: &S, subject: Subject) -> Vec<Transition> {
    store.history(subject, usize::MAX).await.unwrap()
}

async fn an_empty_store_has_nothing<S: Store>(store: &S) {
    assert_eq!(store.load().await.unwrap(), None);
    assert_eq!(all(store).await, []);
    assert_eq!(store.backlogs().await.unwrap().len(), 0);
    assert_eq!(history(store, integration("acme")).await, []);
}

fn an_installation_stays_what_it_is<S: Store>(store: &S, other: &S) {
    use secrecy::ExposeSecret as _;

    let (first, second) = (store.installation(), store.installation());
    assert_eq!(first.id, second.id);
    assert_eq!(first.version_key.expose_secret(), second.version_key.expose_secret());
    assert!(first.version_key.expose_secret().len() >= 16);
    assert_ne!(first.id, other.installation().id);
    assert_ne!(first.version_key.expose_secret(), other.installation().version_key.expose_secret());
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

async fn an_unchanged_state_is_committed_too<S: Store>(store: &S) {
    store.commit(commit(0, "acme", Vec::new())).await.unwrap();
    let stored = store.load().await.unwrap().unwrap();
    let next = Commit { state: stored.state, ..commit(1, "acme", Vec::new()) };
    let revision = store.commit(next).await.unwrap();
    let expected = Stored { revision, committed_at: at(1), state: state("acme") };
    assert_eq!(store.load().await.unwrap(), Some(expected), "when it was last watched is news");
}

async fn a_refused_commit_changes_nothing<S: Store>(store: &S) {
    store.commit(commit(0, "acme", vec![status("acme", 0)])).await.unwrap();
    let before = store.load().await.unwrap();
    for based_on in [0, 2, 7] {
        let refused = store.commit(Commit {
            notifications: vec![to(&["chat"], trigger("acme", 1))],
            ..commit(based_on, "intruder", vec![status("acme", 9)])
        });
        let refused = refused.await;
        let Err(StoreError::Conflict { based_on: told, found }) = refused else { panic!("{refused:?}") };
        assert_eq!((told, found), (Revision(based_on), Revision(1)));
    }
    assert_eq!(store.load().await.unwrap(), before);
    assert_eq!(all(store).await, [], "and it makes no deliveries");
    assert_eq!(history(store, integration("acme")).await, [status("acme", 0)]);
}

async fn a_repeated_commit_is_noticed<S: Store>(store: &S) {
    let notifications = vec![to(&["chat"], trigger("acme", 1))];
    let once = Commit { notifications, ..commit(0, "acme", vec![status("acme", 0)]) };
    store.commit(once.clone()).await.unwrap();
    let repeat = store.commit(once).await.unwrap_err();
    assert_eq!(repeat.to_string(), "commit based on revision 0 refused: the store holds revision 1");
    assert_eq!(history(store, integration("acme")).await.len(), 1, "no transition is doubled");
    assert_eq!(all(store).await.len(), 1, "and no delivery");
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

async fn a_store_has_a_size<S: Store>(store: &S) {
    let empty = store.size().await.unwrap();
    let transitions = (0..2_000).map(|minute| status("acme", minute)).collect();
    store.commit(commit(0, "acme", transitions)).await.unwrap();
    let filled = store.size().await.unwrap();
    assert!(filled == 0 || filled > empty, "in memory it is zero, on disk it grows: {empty}, {filled}");
}
