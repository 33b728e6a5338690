//! Critical pages while the store takes nothing.

use super::*;
use crate::deliver::testing::outgoing;

/// A critical page that the store does not take leaves all the same, once, and its row knows of it later.
#[tokio::test]
async fn a_critical_page_leaves_once_although_the_store_takes_nothing() {
    let chat = fake([]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    let page = event("a", Critical, Trigger, 1, ZERO);
    let others = [event("b", Warning, Trigger, 1, ZERO), event("c", Critical, Reminder, 1, ZERO)];
    let outgoing: Vec<_> = [&page, &others[0], &others[1]].map(|one| outgoing(&["chat"], one)).into();
    for _ in 0..3 {
        scene.deliverers.send_unstored(&outgoing);
        chat.until(|chat| chat.got().len() == 1).await;
    }
    assert_eq!(words(&chat.told()), ["trigger/a/critical"], "neither a warning nor a reminder, and nothing twice");
    scene.commit(&["chat"], &[Arc::clone(&page), Arc::clone(&others[0])]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered, DeliveryState::Delivered]);
    assert_eq!(words(&chat.told()), ["trigger/a/critical", "trigger/b/warning"], "its row sends nothing again");
    let end = event("a", Critical, Resolve, 2, ZERO);
    scene.commit(&["chat"], &[Arc::clone(&end)]).await;
    scene.rows_when(all_delivered).await;
    assert_eq!(words(&chat.told()).last(), Some(&"resolve/a/critical"), "the end has a row");
    scene.close().await;
}

/// Both rows come at once: a begin that was received must not collapse with its end.
#[tokio::test]
async fn the_end_of_a_critical_page_that_left_without_a_row_is_told() {
    let chat = fake([]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    let page = event("a", Critical, Trigger, 1, ZERO);
    scene.deliverers.send_unstored(&[outgoing(&["chat"], &page)]);
    chat.until(|chat| chat.got().len() == 1).await;
    scene.commit(&["chat"], &[page, event("a", Critical, Resolve, 2, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered, DeliveryState::Delivered]);
    assert_eq!(words(&chat.told()), ["trigger/a/critical", "resolve/a/critical"]);
    scene.close().await;
}

/// What certainly did not leave, and is over when the store takes it, is told to nobody.
#[tokio::test]
async fn a_critical_page_that_nobody_took_collapses_with_its_end() {
    let chat = fake([Treat::Refuse(Retry::Later)]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    let page = event("a", Critical, Trigger, 1, ZERO);
    scene.deliverers.send_unstored(&[outgoing(&["chat"], &page)]);
    let refused = || scene.counts.attempts.lock().unwrap().len() == 1;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !refused() {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    scene.commit(&["chat"], &[page, event("a", Critical, Resolve, 2, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Collapsed, DeliveryState::Collapsed]);
    assert_eq!(chat.told().len(), 1, "the one that was refused");
    scene.close().await;
}

/// A row that was there before the disk became full.
#[tokio::test]
async fn a_critical_page_whose_begin_cannot_be_noted_leaves_once() {
    let chat = fake([]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    scene.store.fail_to_begin(2);
    scene.commit(&["chat"], &[event("a", Critical, Trigger, 1, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered]);
    assert_eq!(chat.got().len(), 1);
    scene.close().await;
}
