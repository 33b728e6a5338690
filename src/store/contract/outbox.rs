//! The outbox: deliveries, their attempts and their ends.

use super::fixtures::{
    all, at, commit, deliver_all, delivery, failure, incident, integration, notification, notify, pending, put_off,
    rejected, resolve, taken, to, trigger,
};
use crate::domain::incident::Severity;
use crate::domain::notification::{
    About, Delivery, DeliveryId, DeliveryState, Dispatch, FailureReason, NotificationKind, Outgoing, Reach,
};
use crate::store::{Backlog, Commit, DeliveryFilter, Settled, Store};

pub(super) async fn check<S: Store>(open: &impl AsyncFn() -> S) {
    a_notification_makes_a_delivery_for_each_receiver(&open().await).await;
    a_known_notification_makes_no_second_delivery(&open().await).await;
    withheld_ones_are_only_noted(&open().await).await;
    pending_ones_come_oldest_first_and_by_receiver(&open().await).await;
    an_attempt_is_noted_before_and_after(&open().await).await;
    reach_never_shrinks_by_trying_again(&open().await).await;
    what_has_ended_stays_as_it_is(&open().await).await;
    settled_ones_end_without_an_attempt(&open().await).await;
    backlogs_tell_what_is_before_and_behind(&open().await).await;
    deliveries_are_filtered(&open().await).await;
    dead_letters_alone_can_be_revived(&open().await).await;
}

fn titles(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.notification.page.title.as_str()).collect()
}

async fn a_notification_makes_a_delivery_for_each_receiver<S: Store>(store: &S) {
    let notifications = vec![to(&["chat", "pager"], trigger("acme", 1)), to(&[], trigger("other", 1))];
    store.commit(Commit { notifications, ..commit(0, "acme", Vec::new()) }).await.unwrap();
    for receiver in ["chat", "pager"] {
        let [made] = pending(store, receiver).await.try_into().unwrap();
        let expected = Delivery {
            id: made.id,
            receiver: receiver.into(),
            notification: trigger("acme", 1).into(),
            state: DeliveryState::Pending,
            attempts: 0,
            reach: Reach::NotReceived,
            next_attempt_at: at(1),
            ended_at: None,
            last_failure: None,
        };
        assert_eq!(made, expected);
    }
    assert_eq!(all(store).await.len(), 2);
    assert_eq!(pending(store, "nobody").await, []);
}

async fn dead_letters_alone_can_be_revived<S: Store>(store: &S) {
    notify(store, (1..=3).map(|minute| to(&["chat"], trigger("acme", minute))).collect()).await;
    let rows = pending(store, "chat").await;
    let [first, second, third] = [rows[0].id, rows[1].id, rows[2].id];
    let settled = |delivery, state| Settled { delivery, state, failure: None };
    let ends = vec![settled(first, DeliveryState::DeadLettered), settled(second, DeliveryState::Collapsed)];
    store.settle(ends, at(5)).await.unwrap();
    store.revive(vec![first, second, third], at(7)).await.unwrap();
    let waiting: Vec<_> = pending(store, "chat").await.iter().map(|row| (row.id, row.next_attempt_at)).collect();
    assert_eq!(waiting, [(first, at(7)), (third, at(3))]);
    assert_eq!(pending(store, "chat").await[0].ended_at, None);
    store.begin_attempt(first, at(8)).await.unwrap();
    store.finish_attempt(taken(first, 8)).await.unwrap();
    assert_eq!(pending(store, "chat").await.len(), 1);
}

async fn a_known_notification_makes_no_second_delivery<S: Store>(store: &S) {
    notify(store, vec![to(&["chat"], trigger("acme", 1)), to(&["chat"], trigger("acme", 1))]).await;
    notify(store, vec![to(&["chat", "pager"], trigger("acme", 1))]).await;
    deliver_all(store, "chat", 2).await;
    notify(store, vec![to(&["chat"], trigger("acme", 1)), to(&["chat"], trigger("acme", 3))]).await;
    assert_eq!(titles(&all(store).await), ["acme trigger at 3", "acme trigger at 1"]);
}

async fn withheld_ones_are_only_noted<S: Store>(store: &S) {
    let outgoing = Outgoing { dispatch: Dispatch::Withhold, ..to(&["chat"], trigger("acme", 1)) };
    notify(store, vec![outgoing]).await;
    assert_eq!(pending(store, "chat").await, []);
    let [noted] = all(store).await.try_into().unwrap();
    assert_eq!((noted.state, noted.ended_at), (DeliveryState::Withheld, Some(at(1))));
    assert_eq!(store.standing("chat".into(), at(0)).await.unwrap(), [], "nobody was told");
}

async fn pending_ones_come_oldest_first_and_by_receiver<S: Store>(store: &S) {
    // Older by being committed earlier, whatever the time in it says.
    notify(store, vec![to(&["chat", "pager"], trigger("acme", 5)), to(&["chat"], resolve("acme", 4))]).await;
    notify(store, vec![to(&["chat"], trigger("other", 1))]).await;
    let chat = pending(store, "chat").await;
    assert_eq!(titles(&chat), ["acme trigger at 5", "acme resolve at 4", "other trigger at 1"]);
    assert!(chat.is_sorted_by_key(|delivery| delivery.id));
    assert_eq!(store.pending("chat".into(), 2).await.unwrap(), chat[..2]);
    assert_eq!(titles(&pending(store, "pager").await), ["acme trigger at 5"]);
}

async fn an_attempt_is_noted_before_and_after<S: Store>(store: &S) {
    notify(store, vec![to(&["chat"], trigger("acme", 1))]).await;
    let id = pending(store, "chat").await[0].id;

    store.begin_attempt(id, at(2)).await.unwrap();
    let begun = delivery(store, id).await;
    assert_eq!((begun.attempts, begun.reach), (1, Reach::Unclear), "until it ends, nobody knows");
    assert_eq!((begun.state, begun.next_attempt_at), (DeliveryState::Pending, at(1)));

    store.finish_attempt(put_off(id, 3, Reach::NotReceived)).await.unwrap();
    let failed = delivery(store, id).await;
    assert_eq!((failed.attempts, failed.reach), (1, Reach::NotReceived));
    assert_eq!((failed.state, failed.next_attempt_at, failed.ended_at), (DeliveryState::Pending, at(8), None));
    assert_eq!(failed.last_failure, Some(failure(FailureReason::ServerError)));

    store.begin_attempt(id, at(8)).await.unwrap();
    store.finish_attempt(taken(id, 9)).await.unwrap();
    let delivered = delivery(store, id).await;
    assert_eq!((delivered.attempts, delivered.reach), (2, Reach::Received));
    assert_eq!((delivered.state, delivered.ended_at), (DeliveryState::Delivered, Some(at(9))));
    assert_eq!(delivered.last_failure, None);
    assert_eq!(pending(store, "chat").await, []);
}

async fn reach_never_shrinks_by_trying_again<S: Store>(store: &S) {
    notify(store, vec![to(&["chat"], trigger("acme", 1))]).await;
    let id = pending(store, "chat").await[0].id;
    store.begin_attempt(id, at(2)).await.unwrap();
    store.finish_attempt(put_off(id, 2, Reach::Received)).await.unwrap();
    store.begin_attempt(id, at(7)).await.unwrap();
    assert_eq!(delivery(store, id).await.reach, Reach::Received);
}

async fn what_has_ended_stays_as_it_is<S: Store>(store: &S) {
    notify(store, vec![to(&["chat"], trigger("acme", 1))]).await;
    let id = pending(store, "chat").await[0].id;
    store.begin_attempt(id, at(2)).await.unwrap();
    store.finish_attempt(taken(id, 3)).await.unwrap();
    let ended = delivery(store, id).await;

    store.begin_attempt(id, at(4)).await.unwrap();
    store.finish_attempt(rejected(id, 5)).await.unwrap();
    let collapsed = Settled { delivery: id, state: DeliveryState::Collapsed, failure: None };
    store.settle(vec![collapsed.clone()], at(6)).await.unwrap();
    assert_eq!(delivery(store, id).await, ended);

    // What is not known is nothing to fail about: it may have been pruned.
    let unknown = DeliveryId(9_999);
    store.begin_attempt(unknown, at(4)).await.unwrap();
    store.finish_attempt(taken(unknown, 5)).await.unwrap();
    store.settle(vec![Settled { delivery: unknown, ..collapsed }], at(6)).await.unwrap();
    assert_eq!(all(store).await, [ended]);
}

async fn settled_ones_end_without_an_attempt<S: Store>(store: &S) {
    notify(store, vec![to(&["chat"], trigger("acme", 1)), to(&["chat"], resolve("acme", 2))]).await;
    let [first, second] = pending(store, "chat").await.try_into().unwrap();
    store.begin_attempt(first.id, at(2)).await.unwrap();
    store.finish_attempt(put_off(first.id, 2, Reach::NotReceived)).await.unwrap();
    let settled = [
        Settled { delivery: first.id, state: DeliveryState::Collapsed, failure: None },
        Settled {
            delivery: second.id,
            state: DeliveryState::DeadLettered,
            failure: Some(failure(FailureReason::Expired)),
        },
    ];
    store.settle(settled.to_vec(), at(3)).await.unwrap();
    assert_eq!(pending(store, "chat").await, []);
    let collapsed = delivery(store, first.id).await;
    assert_eq!((collapsed.state, collapsed.ended_at), (DeliveryState::Collapsed, Some(at(3))));
    assert_eq!(collapsed.last_failure, Some(failure(FailureReason::ServerError)), "what is known of it stays known");
    let dead = delivery(store, second.id).await;
    assert_eq!((dead.state, dead.attempts), (DeliveryState::DeadLettered, 0));
    assert_eq!(dead.last_failure, Some(failure(FailureReason::Expired)));
}

async fn backlogs_tell_what_is_before_and_behind<S: Store>(store: &S) {
    let critical = |minute| notification("acme", NotificationKind::Trigger, Severity::Critical, minute);
    notify(
        store,
        vec![
            to(&["chat", "pager"], trigger("acme", 3)),
            to(&["chat"], critical(5)),
            to(&["chat"], trigger("other", 1)),
            to(&["chat"], critical(9)),
            to(&["mail"], trigger("acme", 4)),
        ],
    )
    .await;
    let backlogs = store.backlogs().await.unwrap();
    let expected = Backlog {
        pending: 4,
        oldest_pending: Some(at(1)),
        oldest_critical: Some(at(5)),
        last_delivered_at: None,
        last_dead_lettered: None,
    };
    assert_eq!(backlogs[&"chat".into()], expected);
    assert_eq!(backlogs[&"pager".into()].pending, 1);
    assert_eq!(backlogs.len(), 3);

    deliver_all(store, "chat", 11).await;
    let dead = pending(store, "pager").await[0].id;
    store.begin_attempt(dead, at(12)).await.unwrap();
    store.finish_attempt(rejected(dead, 13)).await.unwrap();
    let backlogs = store.backlogs().await.unwrap();
    let expected = Backlog { last_delivered_at: Some(at(11)), ..Backlog::default() };
    assert_eq!(backlogs[&"chat".into()], expected);
    let died = Some((at(13), failure(FailureReason::Rejected)));
    assert_eq!(backlogs[&"pager".into()], Backlog { last_dead_lettered: died, ..Backlog::default() });
    assert_eq!(backlogs[&"mail".into()].oldest_pending, Some(at(4)));
}

async fn deliveries_are_filtered<S: Store>(store: &S) {
    notify(store, vec![to(&["chat", "pager"], trigger("acme", 1)), to(&["chat"], trigger("other", 2))]).await;
    deliver_all(store, "pager", 3).await;
    let none = DeliveryFilter { limit: usize::MAX, ..DeliveryFilter::default() };
    let about = Some(About::Incident(incident(integration("acme"))));
    for (filter, expected) in [
        (none.clone(), vec!["chat other", "pager acme", "chat acme"]),
        (DeliveryFilter { limit: 2, ..none.clone() }, vec!["chat other", "pager acme"]),
        (DeliveryFilter { limit: 0, ..none.clone() }, vec![]),
        (DeliveryFilter { receiver: Some("chat".into()), ..none.clone() }, vec!["chat other", "chat acme"]),
        (DeliveryFilter { about: about.clone(), ..none.clone() }, vec!["pager acme", "chat acme"]),
        (DeliveryFilter { state: Some(DeliveryState::Delivered), ..none.clone() }, vec!["pager acme"]),
        (
            DeliveryFilter { about, state: Some(DeliveryState::Pending), receiver: Some("chat".into()), limit: 9 },
            vec!["chat acme"],
        ),
        (DeliveryFilter { receiver: Some("mail".into()), ..none }, vec![]),
    ] {
        let found = store.deliveries(filter.clone()).await.unwrap();
        let found: Vec<String> = found
            .iter()
            .map(|delivery| {
                let title = &delivery.notification.page.title;
                format!("{} {}", delivery.receiver, title.split(' ').next().unwrap())
            })
            .collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}
