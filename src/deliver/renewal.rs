//! Reminding a leased receiver of what stands.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt as _;
use tokio::time::{sleep, timeout};

use super::deliverer::Tools;
use super::receiver::Leased;
use crate::clock::Hold;
use crate::domain::notification::FailureReason;

/// In scaled time a renewal keeps the time still for so long. Real time.
const HOLD_LIMIT: Duration = Duration::from_secs(2);

/// A renewal that takes longer is given up; the next one begins anew. Ends of problems wait for it meanwhile. Real time.
const RENEWAL_LIMIT: Duration = Duration::from_secs(45);

/// A renewal is over, whatever came of it.
pub(super) struct Renewed {
    /// Keeps time still until the deliverer has decided what is next.
    pub(super) hold: Option<Hold>,
}

/// Reminds the receiver of everything that stands, but of the keys in `left_out`: something newer about them is on its
/// way.
pub(super) async fn renew(tools: Arc<Tools>, left_out: BTreeSet<String>) -> Renewed {
    let mut hold = Some(tools.clock.hold());
    let Some(leased) = tools.destination.receiver.lease() else { return Renewed { hold } };
    let renewal = AssertUnwindSafe(timeout(RENEWAL_LIMIT, renew_all(&tools, leased, &left_out))).catch_unwind();
    tokio::pin!(renewal);
    let end = tokio::select! {
        biased;
        end = &mut renewal => end,
        () = sleep(HOLD_LIMIT) => {
            hold = None;
            renewal.await
        }
    };
    let receiver = &tools.name;
    match end {
        Ok(Ok(())) => {}
        Ok(Err(_)) => {
            tools.telemetry.on_attempt(receiver, Err(FailureReason::Timeout));
            tracing::warn!(%receiver, "could not remind a receiver of what stands: it did not end in time");
        }
        Err(_) => {
            tools.telemetry.on_panic();
            tracing::error!(%receiver, "reminding a receiver of what stands panicked");
        }
    }
    Renewed { hold }
}

async fn renew_all(tools: &Tools, leased: &dyn Leased, left_out: &BTreeSet<String>) {
    let now = tools.clock.now();
    let repeated_for = TimeDelta::from_std(leased.repeat_resolves_for()).unwrap_or(TimeDelta::days(1));
    let standing = match tools.outbox.standing(tools.name.clone(), now - repeated_for).await {
        Ok(standing) => standing,
        Err(error) => return tools.on_store_error(&error, "could not read what a receiver is to be reminded of"),
    };
    let kept = standing.iter().filter(|notification| !left_out.contains(&notification.key()));
    let messages: Vec<_> = kept.map(|notification| tools.message(notification, now)).collect();
    if messages.is_empty() {
        return;
    }
    let receiver = &tools.name;
    match leased.renew(&messages).await {
        Ok(()) => {
            tools.telemetry.on_attempt(receiver, Ok(()));
            tracing::debug!(%receiver, count = messages.len(), "reminded a receiver of what stands");
        }
        Err(failure) => {
            tools.telemetry.on_attempt(receiver, Err(failure.reason));
            let (reason, detail) = (failure.reason, &failure.detail);
            tracing::warn!(%receiver, %reason, %detail, "could not remind a receiver of what stands: next turn");
        }
    }
}
