//! Ends that a receiver is owed: it holds a problem open, since it did not take the end while it failed.
//!
//! A begin that was given up is told anew while the problem lasts; that is `notify`'s. An end has nothing that lasts, so
//! it is found here, among the dead letters, as soon as the receiver takes something again. Ends of which there is no row,
//! since the state was lost, are `notify`'s too.

use std::collections::BTreeSet;

use crate::domain::names::ReceiverName;
use crate::domain::notification::{Delivery, DeliveryId, DeliveryState, FailureReason, NotificationKind};
use crate::store::{DeliveryFilter, Outbox, StoreError};

/// Dead letters that are looked at, the newest; and rows about the problem of one.
const ROWS: usize = 200;

/// A receiver that has rejected an end so often while it took others will not take it.
const MOST_REJECTIONS: u32 = 3;

/// The dead letters to be sent again.
pub(super) async fn find(outbox: &dyn Outbox, receiver: &ReceiverName) -> Result<Vec<DeliveryId>, StoreError> {
    let of_receiver = DeliveryFilter { receiver: Some(receiver.clone()), limit: ROWS, ..DeliveryFilter::default() };
    let dead_letters = DeliveryFilter { state: Some(DeliveryState::DeadLettered), ..of_receiver.clone() };
    let mut ends = outbox.deliveries(dead_letters).await?;
    ends.retain(may_be_owed);
    if ends.is_empty() {
        return Ok(Vec::new());
    }
    let keys: BTreeSet<String> = ends.iter().map(|end| end.notification.key()).collect();
    let held_open = outbox.held_open(receiver.clone(), keys).await?;
    let mut owed = Vec::new();
    for end in ends {
        let key = end.notification.key();
        if !held_open.contains(&key) {
            continue;
        }
        // What has begun again must not be ended by the end before.
        let about = DeliveryFilter { about: Some(end.notification.about.clone()), ..of_receiver.clone() };
        let events = outbox.deliveries(about).await?;
        let latest = events.iter().filter(|event| event.notification.key() == key).map(|event| event.id).max();
        if latest == Some(end.id) {
            owed.push(end.id);
        }
    }
    Ok(owed)
}

fn may_be_owed(delivery: &Delivery) -> bool {
    let why = delivery.last_failure.as_ref().map(|failure| failure.reason);
    delivery.notification.kind == NotificationKind::Resolve
        && (why == Some(FailureReason::Expired) || delivery.attempts < MOST_REJECTIONS)
}
