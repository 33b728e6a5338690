//! What a leased receiver is to be reminded of.

use super::fixtures::{at, deliver_all, notification, notify, pending, put_off, rejected, resolve, taken, to, trigger};
use crate::domain::incident::Severity;
use crate::domain::notification::{NotificationKind, Reach};
use crate::store::Store;

pub(super) async fn check<S: Store>(open: &impl AsyncFn() -> S) {
    the_latest_of_each_key_stands(&open().await).await;
    a_resolve_stands_for_a_while(&open().await).await;
    only_what_was_taken_stands(&open().await).await;
    the_latest_made_one_counts_whichever_was_taken_last(&open().await).await;
}

async fn standing<S: Store>(store: &S, receiver: &str, resolved_since: i64) -> Vec<String> {
    let standing = store.standing(receiver.into(), at(resolved_since)).await.unwrap();
    let mut titles: Vec<String> = standing.iter().map(|notification| notification.page.title.clone()).collect();
    titles.sort();
    titles
}

async fn the_latest_of_each_key_stands<S: Store>(store: &S) {
    let reminder = notification("acme", NotificationKind::Reminder, Severity::Warning, 60);
    let critical = notification("acme", NotificationKind::Trigger, Severity::Critical, 2);
    notify(store, vec![to(&["peer"], trigger("acme", 1)), to(&["peer"], critical), to(&["peer"], trigger("other", 3))])
        .await;
    notify(store, vec![to(&["peer"], reminder), to(&["chat"], trigger("acme", 90))]).await;
    deliver_all(store, "peer", 61).await;
    deliver_all(store, "chat", 91).await;
    assert_eq!(
        standing(store, "peer", 0).await,
        ["acme reminder at 60", "acme trigger at 2", "other trigger at 3"],
        "by key, and severity is part of it"
    );
    assert_eq!(standing(store, "chat", 0).await, ["acme trigger at 90"], "each receiver has its own");
    assert_eq!(standing(store, "nobody", 0).await, [""; 0]);
}

async fn a_resolve_stands_for_a_while<S: Store>(store: &S) {
    notify(store, vec![to(&["peer"], trigger("acme", 1)), to(&["peer"], resolve("acme", 5))]).await;
    deliver_all(store, "peer", 10).await;
    assert_eq!(standing(store, "peer", 9).await, ["acme resolve at 5"], "it was delivered at 10");
    assert_eq!(standing(store, "peer", 10).await, [""; 0]);
    notify(store, vec![to(&["peer"], trigger("acme", 20))]).await;
    deliver_all(store, "peer", 21).await;
    assert_eq!(standing(store, "peer", 30).await, ["acme trigger at 20"], "it fires again");
}

async fn only_what_was_taken_stands<S: Store>(store: &S) {
    notify(store, vec![to(&["peer"], trigger("acme", 1)), to(&["peer"], trigger("other", 1))]).await;
    let [first, second] = pending(store, "peer").await.try_into().unwrap();
    store.begin_attempt(first.id, at(2)).await.unwrap();
    store.finish_attempt(put_off(first.id, 2, Reach::Unclear)).await.unwrap();
    store.begin_attempt(second.id, at(2)).await.unwrap();
    store.finish_attempt(rejected(second.id, 2)).await.unwrap();
    assert_eq!(standing(store, "peer", 0).await, [""; 0]);
    store.begin_attempt(first.id, at(8)).await.unwrap();
    store.finish_attempt(taken(first.id, 9)).await.unwrap();
    assert_eq!(standing(store, "peer", 0).await, ["acme trigger at 1"]);
}

async fn the_latest_made_one_counts_whichever_was_taken_last<S: Store>(store: &S) {
    notify(store, vec![to(&["peer"], trigger("acme", 1)), to(&["peer"], resolve("acme", 2))]).await;
    let [first, second] = pending(store, "peer").await.try_into().unwrap();
    for (delivery, minute) in [(second, 5), (first, 6)] {
        store.begin_attempt(delivery.id, at(minute)).await.unwrap();
        store.finish_attempt(taken(delivery.id, minute)).await.unwrap();
    }
    assert_eq!(standing(store, "peer", 0).await, ["acme resolve at 2"]);
}
