//! Retention: what is old goes, what is needed stays.

use super::fixtures::{
    all, at, commit, deliver_all, integration, notify, pending, rejected, resolve, status, to, trigger,
};
use crate::store::{Pruned, Store};

pub(super) async fn check<S: Store>(open: &impl AsyncFn() -> S) {
    old_transitions_go(&open().await).await;
    a_long_history_goes_too(&open().await).await;
    old_deliveries_go_and_pending_ones_stay(&open().await).await;
    what_still_fires_stays(&open().await).await;
    what_was_dropped_is_forgotten(&open().await).await;
}

async fn titles<S: Store>(store: &S) -> Vec<String> {
    all(store).await.iter().map(|delivery| delivery.notification.page.title.clone()).collect()
}

async fn old_transitions_go<S: Store>(store: &S) {
    let transitions = (0..10).map(|minute| status("acme", minute)).collect();
    store.commit(commit(0, "acme", transitions)).await.unwrap();
    let before = store.load().await.unwrap();
    assert_eq!(store.prune(at(7)).await.unwrap(), Pruned { transitions: 7, deliveries: 0 });
    let left = store.history(integration("acme"), usize::MAX).await.unwrap();
    assert_eq!(left, [status("acme", 9), status("acme", 8), status("acme", 7)]);
    assert_eq!(store.load().await.unwrap(), before, "the state is not touched");
    assert_eq!(store.prune(at(7)).await.unwrap(), Pruned::default());
}

async fn a_long_history_goes_too<S: Store>(store: &S) {
    let transitions = (0..5_000).map(|number| status(&format!("team-{number}"), 0)).collect();
    store.commit(commit(0, "acme", transitions)).await.unwrap();
    assert_eq!(store.prune(at(1)).await.unwrap().transitions, 5_000);
}

async fn old_deliveries_go_and_pending_ones_stay<S: Store>(store: &S) {
    notify(store, vec![to(&["chat"], trigger("acme", 1)), to(&["chat"], resolve("acme", 2))]).await;
    deliver_all(store, "chat", 5).await;
    notify(store, vec![to(&["chat"], trigger("late", 3))]).await;
    deliver_all(store, "chat", 50).await;
    notify(store, vec![to(&["chat"], trigger("waiting", 4)), to(&["chat"], trigger("dead", 4))]).await;
    let dead = pending(store, "chat").await[1].id;
    store.begin_attempt(dead, at(6)).await.unwrap();
    store.finish_attempt(rejected(dead, 7)).await.unwrap();

    assert_eq!(store.prune(at(20)).await.unwrap(), Pruned { transitions: 0, deliveries: 3 });
    assert_eq!(titles(store).await, ["waiting trigger at 4", "late trigger at 3"]);
    deliver_all(store, "chat", 60).await;
    assert_eq!(titles(store).await.len(), 2, "what stayed works on");
}

async fn what_still_fires_stays<S: Store>(store: &S) {
    notify(store, vec![to(&["peer"], trigger("acme", 1))]).await;
    deliver_all(store, "peer", 1).await;
    notify(store, vec![to(&["peer"], trigger("acme", 2)), to(&["peer"], trigger("other", 2))]).await;
    deliver_all(store, "peer", 2).await;
    notify(store, vec![to(&["peer"], resolve("other", 3))]).await;
    deliver_all(store, "peer", 3).await;

    assert_eq!(store.prune(at(100)).await.unwrap().deliveries, 3, "overtaken, fired once, resolved");
    let standing = store.standing("peer".into(), at(0)).await.unwrap();
    let standing: Vec<_> = standing.iter().map(|notification| notification.page.title.as_str()).collect();
    assert_eq!(standing, ["acme trigger at 2"]);
    notify(store, vec![to(&["peer"], resolve("acme", 101))]).await;
    deliver_all(store, "peer", 101).await;
    assert_eq!(store.prune(at(200)).await.unwrap().deliveries, 2);
    assert_eq!(titles(store).await, [""; 0]);
}

async fn what_was_dropped_is_forgotten<S: Store>(store: &S) {
    let both = || vec![to(&["chat"], resolve("old", 1)), to(&["chat"], resolve("new", 9))];
    notify(store, both()).await;
    deliver_all(store, "chat", 9).await;
    notify(store, vec![to(&[], trigger("nobody", 1))]).await;
    for delivery in all(store).await {
        assert_eq!(delivery.ended_at, Some(at(9)));
    }
    assert_eq!(store.prune(at(9)).await.unwrap(), Pruned::default());
    notify(store, both()).await;
    assert_eq!(titles(store).await.len(), 2, "what is kept is known");
    assert_eq!(store.prune(at(10)).await.unwrap().deliveries, 2);
    notify(store, both()).await;
    assert_eq!(titles(store).await.len(), 2, "ids are not remembered for ever");
}
