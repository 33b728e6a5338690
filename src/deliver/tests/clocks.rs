//! A clock that is set while something waits.

use super::*;
use crate::domain::page::Gap;

#[tokio::test]
async fn a_clock_that_is_set_back_delays_no_retry() {
    let chat = fake([LATER; 4]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    scene.commit(&["chat"], &[event("a", Critical, Trigger, 1, ZERO)]).await;
    // After four failures it waits for five minutes.
    scene.sleep_until(TimeDelta::seconds(200)).await;
    assert_eq!(chat.got().len(), 4);
    scene.clock.set(TimeDelta::minutes(-10));
    // Something else makes it look at what waits.
    scene.commit(&["chat"], &[event("b", Critical, Trigger, 1, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered; 2]);
    let waited = scene.clock.unset() - begin();
    assert!(waited >= TimeDelta::seconds(455) && waited <= TimeDelta::seconds(510), "{waited}");
    scene.close().await;
}

#[tokio::test]
async fn a_clock_that_is_set_forward_hurries_no_retry() {
    let chat = fake([LATER; 4]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    scene.commit(&["chat"], &[event("a", Critical, Trigger, 1, ZERO)]).await;
    scene.sleep_until(TimeDelta::seconds(200)).await;
    scene.clock.set(TimeDelta::minutes(4));
    scene.commit(&["chat"], &[event("b", Critical, Trigger, 1, ZERO)]).await;
    assert_eq!(scene.states().await, [DeliveryState::Delivered; 2]);
    let waited = scene.clock.unset() - begin();
    assert!(waited >= TimeDelta::seconds(455) && waited <= TimeDelta::seconds(510), "{waited}");
    scene.close().await;
}

/// After a night in which the machine slept, a receiver whose first retry fails has not failed for a night.
#[tokio::test]
async fn no_receiver_fails_for_what_waited_while_nobody_could_try() {
    let chat = fake([LATER; 3]);
    let mut scene = Scene::open(&[("chat", &chat)]).await;
    let night = Gap { from: begin() - TimeDelta::hours(8), to: begin() - TimeDelta::minutes(1) };
    scene.deliverers.on_gaps(&[night]);
    scene.commit(&["chat"], &[event("a", Critical, Trigger, 1, TimeDelta::hours(-8))]).await;
    scene.sleep_until(TimeDelta::minutes(1)).await;
    let waits =
        scene.board_when(|board| board.receivers.values().any(|receiver| receiver.last_attempt.is_some())).await;
    assert!(waits.failing(begin() + TimeDelta::minutes(1)).is_empty(), "{waits:?}");
    assert_eq!(waits.failing(begin() + TimeDelta::minutes(10)).len(), 1, "{waits:?}");
    assert_eq!(scene.states().await, [DeliveryState::Delivered]);
    scene.close().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_no_reminder() {
    let peer = Arc::new(Fake::new([]).leased(Duration::from_mins(1)));
    let mut scene = Scene::open(&[("peer", &peer)]).await;
    scene.commit(&["peer"], &[event("a", Warning, Trigger, 1, ZERO)]).await;
    scene.rows_when(all_delivered).await;
    scene.sleep_until(TimeDelta::seconds(150)).await;
    peer.until(|peer| peer.renewals().len() == 2).await;
    scene.clock.set(TimeDelta::minutes(-10));
    scene.sleep_until(TimeDelta::seconds(150 + 120) - TimeDelta::minutes(10)).await;
    peer.until(|peer| peer.renewals().len() == 4).await;
    scene.close().await;
}
