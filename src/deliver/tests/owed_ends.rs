//! Ends that were given up.

use super::*;

#[tokio::test]
async fn an_end_that_was_given_up_is_sent_when_the_receiver_recovers() {
    let chat = fake([Treat::Take, NEVER]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    for (sequence, kind) in (1..).zip([Trigger, Resolve]) {
        scene.commit(&["chat"], &[event("a", Warning, kind, sequence, ZERO)]).await;
        scene.states().await;
    }
    assert_eq!(scene.states().await, [DeliveryState::Delivered, DeliveryState::DeadLettered]);
    scene.commit(&["chat"], &[event("b", Warning, Trigger, 1, ZERO)]).await;
    chat.until(|chat| chat.got().len() == 4).await;
    scene.rows_when(all_delivered).await;
    let told = chat.told();
    assert_eq!(words(&told), ["trigger/a/warning", "!resolve/a/warning", "trigger/b/warning", "resolve/a/warning"]);
    scene.close().await;
}

/// The same end would end what has begun since.
#[tokio::test]
async fn an_end_that_was_given_up_is_not_sent_after_the_next_begin() {
    let chat = fake([Treat::Take, NEVER]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    for (sequence, kind) in (1..).zip([Trigger, Resolve, Trigger]) {
        scene.commit(&["chat"], &[event("a", Warning, kind, sequence, ZERO)]).await;
        scene.states().await;
    }
    scene.commit(&["chat"], &[event("b", Warning, Trigger, 1, ZERO)]).await;
    scene.states().await;
    scene.sleep_until(TimeDelta::minutes(5)).await;
    let told = chat.told();
    assert_eq!(words(&told), ["trigger/a/warning", "!resolve/a/warning", "trigger/a/warning", "trigger/b/warning"]);
    scene.close().await;
}

#[tokio::test]
async fn an_end_that_is_rejected_while_others_are_taken_is_given_up_in_the_end() {
    let chat = fake([Treat::Take, NEVER, Treat::Take, NEVER, Treat::Take, NEVER]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    for (sequence, kind) in (1..).zip([Trigger, Resolve]) {
        scene.commit(&["chat"], &[event("a", Warning, kind, sequence, ZERO)]).await;
        scene.states().await;
    }
    for (name, tried) in [("b", 4), ("c", 6), ("d", 7)] {
        scene.commit(&["chat"], &[event(name, Warning, Trigger, 1, ZERO)]).await;
        chat.until(|chat| chat.got().len() == tried).await;
        scene.states().await;
    }
    scene.sleep_until(TimeDelta::minutes(5)).await;
    assert_eq!(chat.got().len(), 7, "{:?}", chat.told());
    let rows = scene.rows().await;
    assert_eq!((rows[1].state, rows[1].attempts), (DeliveryState::DeadLettered, 3));
    scene.close().await;
}

/// An older store remembers the end of an episode, and nothing of the one that began after it.
#[tokio::test]
async fn after_a_loss_no_end_from_before_it_is_repeated() {
    let memory = Arc::new(MemoryStore::default());
    let mut scene = Scene::open_on(memory.clone(), &[("peer", &fake([]))]).await;
    let begins = ["a", "b"].map(|name| event(name, Warning, Trigger, 1, ZERO));
    scene.commit(&["peer"], &begins).await;
    scene.states().await;
    scene.commit(&["peer"], &[event("a", Warning, Resolve, 2, ZERO)]).await;
    scene.states().await;
    scene.close().await;
    let kept = vec!["resolve/a/warning", "trigger/b/warning"];
    for (lost_at, told) in [(None, kept), (Some(begin() + TimeDelta::seconds(1)), vec!["trigger/b/warning"])] {
        let peer = Arc::new(Fake::new([]).leased(Duration::from_mins(1)));
        let mut scene = Scene::open_after_loss(memory.clone(), lost_at, &[("peer", &peer)]).await;
        scene.sleep_until(TimeDelta::seconds(2)).await;
        peer.until(|peer| !peer.renewals().is_empty()).await;
        assert_eq!(peer.renewals()[0], told, "{lost_at:?}");
        scene.close().await;
    }
}
