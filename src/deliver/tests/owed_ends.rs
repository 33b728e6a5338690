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
