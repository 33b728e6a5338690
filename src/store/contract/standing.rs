//! What a leased receiver is to be reminded of.

use std::collections::BTreeSet;

use super::fixtures::{
    at, deliver_all, failure, notification, notify, pending, put_off, rejected, resolve, taken, to, trigger,
};
use crate::domain::incident::Severity;
use crate::domain::notification::{DeliveryState, Dispatch, FailureReason, NotificationKind, Outgoing, Reach};
use crate::store::{Settled, Store};

pub(super) async fn check<S: Store>(open: &impl AsyncFn() -> S) {
    the_latest_of_each_key_stands(&open().await).await;
    a_resolve_stands_for_a_while(&open().await).await;
    only_what_was_taken_stands(&open().await).await;
    the_latest_made_one_counts_whichever_was_taken_last(&open().await).await;
    what_has_a_later_resolve_fires_no_more(open).await;
    what_was_taken_after_its_resolve_was_made_never_fires(&open().await).await;
    a_test_stands_for_nobody(&open().await).await;
    a_receiver_may_hold_open_what_it_was_told_and_took_no_end_of(&open().await).await;
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

/// What becomes of a resolve.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Waits,
    Fails,
    IsRejected,
    Settles(DeliveryState),
    IsWithheld,
}

async fn what_has_a_later_resolve_fires_no_more<S: Store>(open: &impl AsyncFn() -> S) {
    let settles = [DeliveryState::Collapsed, DeliveryState::DeadLettered].map(Fate::Settles);
    for fate in [Fate::Waits, Fate::Fails, Fate::IsRejected, Fate::IsWithheld].into_iter().chain(settles) {
        let store = &open().await;
        notify(store, vec![to(&["peer", "chat"], trigger("acme", 1)), to(&["peer"], trigger("other", 1))]).await;
        deliver_all(store, "peer", 2).await;
        deliver_all(store, "chat", 2).await;
        let dispatch = if matches!(fate, Fate::IsWithheld) { Dispatch::Withhold } else { Dispatch::Deliver };
        notify(store, vec![Outgoing { dispatch, ..to(&["peer"], resolve("acme", 3)) }]).await;
        if let [end] = pending(store, "peer").await.as_slice() {
            match fate {
                Fate::Waits | Fate::IsWithheld => {}
                Fate::Fails => {
                    store.begin_attempt(end.id, at(4)).await.unwrap();
                    store.finish_attempt(put_off(end.id, 4, Reach::Unclear)).await.unwrap();
                }
                Fate::IsRejected => {
                    store.begin_attempt(end.id, at(4)).await.unwrap();
                    store.finish_attempt(rejected(end.id, 4)).await.unwrap();
                }
                Fate::Settles(state) => {
                    let failure = Some(failure(FailureReason::Expired));
                    store.settle(vec![Settled { delivery: end.id, state, failure }], at(4)).await.unwrap();
                }
            }
        }
        assert_eq!(standing(store, "peer", 0).await, ["other trigger at 1"], "{fate:?}");
        assert_eq!(standing(store, "chat", 0).await, ["acme trigger at 1"], "{fate:?}: another receiver");

        // What ended is dropped in whatever order; what stood before does not stand again.
        store.prune(at(3)).await.unwrap();
        assert_eq!(standing(store, "peer", 0).await, ["other trigger at 1"], "{fate:?}");
        store.prune(at(9)).await.unwrap();
        assert_eq!(standing(store, "peer", 0).await, ["other trigger at 1"], "{fate:?}");
        notify(store, vec![to(&["peer"], trigger("acme", 20))]).await;
        for delivery in pending(store, "peer").await {
            if delivery.notification.is_firing() {
                store.finish_attempt(taken(delivery.id, 21)).await.unwrap();
            }
        }
        let again = ["acme trigger at 20", "other trigger at 1"];
        assert_eq!(standing(store, "peer", 0).await, again, "{fate:?}: a new one does");
    }
}

async fn what_was_taken_after_its_resolve_was_made_never_fires<S: Store>(store: &S) {
    notify(store, vec![to(&["peer"], trigger("acme", 1))]).await;
    let [begin] = pending(store, "peer").await.try_into().unwrap();
    store.begin_attempt(begin.id, at(2)).await.unwrap();
    notify(store, vec![to(&["peer"], resolve("acme", 3))]).await;
    store.finish_attempt(taken(begin.id, 4)).await.unwrap();
    assert_eq!(standing(store, "peer", 0).await, [""; 0]);
    deliver_all(store, "peer", 5).await;
    assert_eq!(standing(store, "peer", 0).await, ["acme resolve at 3"]);
}

async fn a_test_stands_for_nobody<S: Store>(store: &S) {
    let test = notification("acme", NotificationKind::Test, Severity::Warning, 1);
    notify(store, vec![to(&["peer"], test)]).await;
    deliver_all(store, "peer", 2).await;
    assert_eq!(standing(store, "peer", 0).await, [""; 0]);
    assert_eq!(store.prune(at(9)).await.unwrap().deliveries, 1, "and is not kept");
}

async fn held_open<S: Store>(store: &S, receiver: &str) -> Vec<String> {
    let names = ["acme", "other", "third", "never"];
    let keys: BTreeSet<String> = names.iter().map(|name| trigger(name, 0).key()).collect();
    let held = store.held_open(receiver.into(), keys).await.unwrap();
    names.iter().filter(|name| held.contains(&trigger(name, 0).key())).map(ToString::to_string).collect()
}

async fn a_receiver_may_hold_open_what_it_was_told_and_took_no_end_of<S: Store>(store: &S) {
    assert_eq!(held_open(store, "chat").await, [""; 0]);
    notify(store, ["acme", "other", "third"].map(|name| to(&["chat"], trigger(name, 1))).to_vec()).await;
    assert_eq!(held_open(store, "chat").await, [""; 0], "nothing was sent");
    let [taken_one, unclear, refused] = pending(store, "chat").await.try_into().unwrap();
    for delivery in [&taken_one, &unclear, &refused] {
        store.begin_attempt(delivery.id, at(2)).await.unwrap();
    }
    store.finish_attempt(taken(taken_one.id, 2)).await.unwrap();
    store.finish_attempt(put_off(unclear.id, 2, Reach::Unclear)).await.unwrap();
    store.finish_attempt(put_off(refused.id, 2, Reach::NotReceived)).await.unwrap();
    assert_eq!(held_open(store, "chat").await, ["acme", "other"]);
    assert_eq!(held_open(store, "pager").await, [""; 0], "each receiver knows its own");

    notify(store, vec![to(&["chat"], resolve("acme", 3)), to(&["chat"], resolve("other", 3))]).await;
    let ends: Vec<_> = pending(store, "chat").await.into_iter().filter(|row| !row.notification.is_firing()).collect();
    let [of_acme, of_other] = ends.try_into().unwrap();
    store.begin_attempt(of_acme.id, at(4)).await.unwrap();
    store.finish_attempt(rejected(of_acme.id, 4)).await.unwrap();
    let collapsed = Settled { delivery: unclear.id, state: DeliveryState::Collapsed, failure: None };
    store.settle(vec![collapsed], at(4)).await.unwrap();
    assert_eq!(held_open(store, "chat").await, ["acme", "other"], "an end that was rejected or waits ends nothing");
    store.begin_attempt(of_other.id, at(5)).await.unwrap();
    store.finish_attempt(taken(of_other.id, 5)).await.unwrap();
    assert_eq!(held_open(store, "chat").await, ["acme"]);
    notify(store, vec![to(&["chat"], trigger("other", 6)), to(&["chat"], resolve("acme", 6))]).await;
    deliver_all(store, "chat", 7).await;
    assert_eq!(held_open(store, "chat").await, ["other", "third"]);
}
