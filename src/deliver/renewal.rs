//! Reminding a leased receiver of what stands.
//!
//! A reminder says what the receiver took last about each key. It must never undo what it was told since: a problem that
//! began again may have been received although no answer came (its delivery is still pending), and the repeated end of
//! the episode before would end it there. So an end is not repeated while anything newer about its key is pending, and
//! nothing new about it is sent before the reminder has ended.

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
use crate::domain::notification::{Delivery, FailureReason, Notification};
use crate::store::StoreError;

/// In scaled time a renewal keeps the time still for so long. Real time.
const HOLD_LIMIT: Duration = Duration::from_secs(2);

/// A renewal that takes longer is given up; the next one begins anew. Ends of problems wait for it meanwhile. Real time.
const RENEWAL_LIMIT: Duration = Duration::from_secs(45);

/// A renewal is over, whatever came of it.
pub(super) struct Renewed {
    /// Keeps time still until the deliverer has decided what is next.
    pub(super) hold: Option<Hold>,
}

/// What a receiver is to be reminded of.
pub(super) struct Reminder {
    standing: Vec<Arc<Notification>>,
}

impl Reminder {
    /// Everything that stands, but not what something newer is on its way about: `pending` was read before.
    pub(super) async fn read<'a>(
        tools: &Tools,
        leased: &dyn Leased,
        pending: &[Delivery],
        in_flight: impl Iterator<Item = &'a String>,
    ) -> Result<Self, StoreError> {
        let repeated_for = TimeDelta::from_std(leased.repeat_resolves_for()).unwrap_or(TimeDelta::days(1));
        let repeated_since = tools.clock.now() - repeated_for;
        // What began after an end that an older store remembers is forgotten, and may last. When it is seen to be well,
        // its end is told anew.
        let resolved_since = tools.lost_at.map_or(repeated_since, |lost_at| repeated_since.max(lost_at));
        let mut standing = tools.outbox.standing(tools.name.clone(), resolved_since).await?;
        let newer = Newer::of(pending, in_flight);
        standing.retain(|notification| leased.repeats(notification) && !newer.overtakes(notification));
        Ok(Self { standing })
    }

    /// The keys whose end is repeated.
    pub(super) fn ended(&self) -> BTreeSet<String> {
        let ended = self.standing.iter().filter(|notification| !notification.is_firing());
        ended.map(|notification| notification.key()).collect()
    }
}

/// Keys that something newer is pending about.
struct Newer {
    /// Their end, or something that is being sent.
    ending: BTreeSet<String>,
    /// Anything else.
    firing: BTreeSet<String>,
}

impl Newer {
    fn of<'a>(pending: &[Delivery], in_flight: impl Iterator<Item = &'a String>) -> Self {
        let keys = |is_firing: bool| {
            let kept = pending.iter().filter(move |delivery| delivery.notification.is_firing() == is_firing);
            kept.map(|delivery| delivery.notification.key())
        };
        Self { ending: keys(false).chain(in_flight.cloned()).collect(), firing: keys(true).collect() }
    }

    /// What fires and has only news pending is repeated all the same: its lease must not end while the news are tried
    /// again.
    fn overtakes(&self, standing: &Notification) -> bool {
        let key = standing.key();
        self.ending.contains(&key) || (!standing.is_firing() && self.firing.contains(&key))
    }
}

/// Reminds the receiver. `hold` was taken when it was decided upon.
pub(super) async fn renew(tools: Arc<Tools>, reminder: Reminder, hold: Hold) -> Renewed {
    let mut hold = Some(hold);
    let Some(leased) = tools.destination.receiver.lease() else { return Renewed { hold } };
    let renewal = AssertUnwindSafe(timeout(RENEWAL_LIMIT, renew_all(&tools, leased, &reminder))).catch_unwind();
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

async fn renew_all(tools: &Tools, leased: &dyn Leased, reminder: &Reminder) {
    let now = tools.clock.now();
    let messages = tools.worder.messages(&reminder.standing, now).await;
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
