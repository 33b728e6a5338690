//! One try of sending one delivery: noted before, sent, noted after.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use tokio::time::{sleep, timeout};

use super::deliverer::Tools;
use super::receiver::{Message, Retry, SendFailure};
use super::schedule;
use crate::clock::Hold;
use crate::domain::notification::{
    AttemptFailure, Delivery, DeliveryId, DeliveryState, FailureReason, Notification, Reach,
};
use crate::store::AttemptEnd;

/// In scaled time an attempt keeps the time still for so long: a prompt receiver gets its page at its moment, and a
/// stalled one stops nobody. Real time.
const HOLD_LIMIT: Duration = Duration::from_secs(2);

/// Longer than any receiver's own time limit: one that forgets its limit must not keep its place for ever. Real time.
const ATTEMPT_LIMIT: Duration = Duration::from_mins(5);

/// The first and the longest pause before an end is noted again that the store did not take. Real time.
const RECORD_PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// How an attempt ended.
pub(super) struct Ended {
    pub(super) delivery: DeliveryId,
    pub(super) how: HowEnded,
    /// Keeps time still until the deliverer has decided what is next.
    pub(super) hold: Option<Hold>,
}

pub(super) enum HowEnded {
    /// The message was sent, taken or not, and the store knows.
    Noted {
        /// What became of the delivery.
        state: DeliveryState,
        /// The receiver asks for patience for so long.
        quiet_for: Option<TimeDelta>,
    },
    /// The store did not take the begin, so nothing was sent.
    NotBegun,
    /// We failed ourselves.
    Panicked,
}

/// Makes an attempt. Whatever happens in it, it ends here. `hold` was taken when it was decided upon: scaled time must
/// not run on before it begins.
pub(super) async fn attempt(tools: Arc<Tools>, delivery: Delivery, hold: Hold) -> Ended {
    let id = delivery.id;
    let mut hold = Some(hold);
    let how = AssertUnwindSafe(noted_attempt(&tools, delivery, &mut hold)).catch_unwind().await;
    let how = how.unwrap_or_else(|_| {
        tools.telemetry.on_panic();
        tracing::error!(receiver = %tools.name, delivery = id.0, "an attempt to deliver panicked");
        HowEnded::Panicked
    });
    Ended { delivery: id, how, hold }
}

async fn noted_attempt(tools: &Tools, delivery: Delivery, hold: &mut Option<Hold>) -> HowEnded {
    let begun_at = tools.clock.now();
    if let Err(error) = tools.outbox.begin_attempt(delivery.id, begun_at).await {
        tools.on_store_error(&error, "could not note that an attempt begins: it is put off");
        tools.unstored.offer(&delivery.notification);
        return HowEnded::NotBegun;
    }
    let sent = if tools.unstored.claim(&delivery.notification.id).await {
        Ok(())
    } else {
        let message = tools.worder.message(&delivery.notification, begun_at).await;
        send(tools, &message, hold).await
    };
    let at = tools.clock.now();
    let end = end_of(&delivery, sent.as_ref().err(), at);
    log(tools, &delivery.notification, &end);
    tools.telemetry.on_attempt(&tools.name, end.failure.as_ref().map_or(Ok(()), |failure| Err(failure.reason)));
    if end.state == DeliveryState::DeadLettered {
        tools.telemetry.on_dead_letter(&tools.name);
    }
    let asks_for_patience = matches!(&sent, Err(SendFailure { retry: Retry::After(_), .. }));
    let quiet_for = asks_for_patience.then(|| end.next_attempt_at - at);
    note_end(tools, &end, hold).await;
    let state = end.state;
    tools.reception.on_attempt(&tools.name, at, end.failure);
    HowEnded::Noted { state, quiet_for }
}

/// Sends within bounds. A panic of the receiver is a failure of this attempt.
pub(super) async fn send(tools: &Tools, message: &Message, hold: &mut Option<Hold>) -> Result<(), SendFailure> {
    let sending = timeout(ATTEMPT_LIMIT, AssertUnwindSafe(tools.destination.receiver.send(message)).catch_unwind());
    tokio::pin!(sending);
    let sent = tokio::select! {
        biased;
        sent = &mut sending => sent,
        () = sleep(HOLD_LIMIT) => {
            *hold = None;
            sending.await
        }
    };
    let unclear = |reason, detail: &str| SendFailure {
        reason,
        detail: detail.to_owned(),
        reach: Reach::Unclear,
        retry: Retry::Later,
    };
    match sent {
        Ok(Ok(sent)) => sent,
        Ok(Err(_)) => {
            tools.telemetry.on_panic();
            Err(unclear(FailureReason::Internal, "snykwatch failed while it sent this"))
        }
        Err(_) => Err(unclear(FailureReason::Timeout, "it did not end in time")),
    }
}

/// What an attempt makes of its delivery.
fn end_of(delivery: &Delivery, failure: Option<&SendFailure>, at: DateTime<Utc>) -> AttemptEnd {
    let Some(failed) = failure else {
        return AttemptEnd {
            delivery: delivery.id,
            at,
            failure: None,
            reach: Reach::Received,
            state: DeliveryState::Delivered,
            next_attempt_at: at,
        };
    };
    let next = schedule::next_attempt(delivery.id, delivery.attempts.saturating_add(1), failed.retry, at);
    AttemptEnd {
        delivery: delivery.id,
        at,
        failure: Some(AttemptFailure { reason: failed.reason, detail: failed.detail.clone() }),
        // An earlier attempt may have been received, whatever became of this one.
        reach: delivery.reach.max(failed.reach),
        state: if next.is_some() { DeliveryState::Pending } else { DeliveryState::DeadLettered },
        next_attempt_at: next.unwrap_or(at),
    }
}

/// Tells the store until it knows: before that, nobody may try this delivery again.
async fn note_end(tools: &Tools, end: &AttemptEnd, hold: &mut Option<Hold>) {
    let (mut pause, longest) = RECORD_PAUSES;
    while let Err(error) = tools.outbox.finish_attempt(end.clone()).await {
        tools.on_store_error(&error, "could not note how an attempt ended: it is noted again");
        *hold = None;
        sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

fn log(tools: &Tools, notification: &Notification, end: &AttemptEnd) {
    let (receiver, kind, about) = (&tools.name, notification.kind, &notification.about);
    let id = &notification.id;
    match (&end.failure, end.state) {
        (None, _) => tracing::info!(%receiver, %kind, %about, %id, "delivered"),
        (Some(failure), DeliveryState::DeadLettered) => {
            let (reason, detail) = (failure.reason, &failure.detail);
            tracing::error!(%receiver, %kind, %about, %id, %reason, %detail, "a receiver rejected a notification for good");
        }
        (Some(failure), _) => {
            let (reason, detail, next) = (failure.reason, &failure.detail, end.next_attempt_at);
            tracing::warn!(%receiver, %kind, %about, %id, %reason, %detail, %next, "could not deliver: tried again later");
        }
    }
}
