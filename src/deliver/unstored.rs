//! Critical pages while the store takes nothing, such as on a full disk.
//!
//! What cannot be noted is not sent, since it could be sent twice, or be forgotten; but whoever sleeps must hear that
//! everything stands. So a critical page, and its end, goes out of our hands once; its key and its id are those that its
//! row is going to have, so that a receiver takes a repeat after a crash for the same. When the store takes the row, it
//! is found here that it was sent already: nothing is sent twice, and the end of what left is told although both rows
//! come at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::attempt::send;
use super::deliverer::Tools;
use super::receiver::Retry;
use crate::domain::incident::Severity;
use crate::domain::notification::{Notification, NotificationId, NotificationKind, Reach};

/// The first and the longest pause before another try. Real time.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(5));

/// Whether a notification is worth leaving without a row.
pub(crate) fn is_page(notification: &Notification) -> bool {
    let is_told = matches!(notification.kind, NotificationKind::Trigger | NotificationKind::Resolve);
    is_told && notification.severity == Severity::Critical
}

/// Of those that leave without a row.
fn what_it_is(kind: NotificationKind) -> &'static str {
    if kind == NotificationKind::Resolve { "the end of a critical page" } else { "a critical page" }
}

/// One receiver's pages without a row.
#[derive(Debug, Default)]
pub(super) struct Unstored {
    known: Mutex<Known>,
    /// Held while one is sent: nobody sends the same meanwhile.
    turn: tokio::sync::Mutex<()>,
    offered: Notify,
}

#[derive(Debug, Default)]
struct Known {
    next_number: u64,
    by_id: BTreeMap<NotificationId, Page>,
}

#[derive(Debug)]
struct Page {
    /// They are sent in their order.
    number: u64,
    notification: Arc<Notification>,
    /// Whether the receiver has it. Unclear while it is on its way.
    reach: Reach,
    /// There is nothing more to be done.
    is_over: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Taken,
    /// Rejected for good: its row will tell of it.
    Rejected,
}

impl Unstored {
    /// To be sent without a row, unless it was offered before.
    pub(super) fn offer(&self, notification: &Arc<Notification>) {
        if !is_page(notification) {
            return;
        }
        let mut known = self.known();
        if known.by_id.contains_key(&notification.id) {
            return;
        }
        let number = known.next_number;
        known.next_number += 1;
        let page = Page { number, notification: Arc::clone(notification), reach: Reach::NotReceived, is_over: None };
        known.by_id.insert(notification.id.clone(), page);
        drop(known);
        self.offered.notify_one();
    }

    /// Its row is at work now: nothing is sent without it any more. Gives whether it was taken already.
    pub(super) async fn claim(&self, id: &NotificationId) -> bool {
        if !self.known().by_id.contains_key(id) {
            return false;
        }
        let _turn = self.turn.lock().await;
        self.known().by_id.remove(id).is_some_and(|page| page.is_over == Some(End::Taken))
    }

    /// Whether the receiver has what has a row now; `None`: it was not to leave without one.
    pub(super) fn reach(&self, id: &NotificationId) -> Option<Reach> {
        self.known().by_id.get(id).map(|page| page.reach)
    }

    fn first(&self) -> Option<Arc<Notification>> {
        let known = self.known();
        let waiting = known.by_id.values().filter(|page| page.is_over.is_none());
        waiting.min_by_key(|page| page.number).map(|page| Arc::clone(&page.notification))
    }

    fn is_waiting(&self, id: &NotificationId) -> bool {
        self.known().by_id.get(id).is_some_and(|page| page.is_over.is_none())
    }

    /// It is on its way; gives whether the receiver had it before.
    fn begin(&self, id: &NotificationId) -> Reach {
        let mut known = self.known();
        let Some(page) = known.by_id.get_mut(id) else { return Reach::NotReceived };
        let before = page.reach;
        page.reach = before.max(Reach::Unclear);
        before
    }

    /// It is on its way no more.
    fn end(&self, id: &NotificationId, reach: Reach, is_over: Option<End>) {
        if let Some(page) = self.known().by_id.get_mut(id) {
            page.reach = reach;
            page.is_over = is_over;
        }
    }

    /// Nothing in this module panics while it holds the lock, so a poisoned lock holds a sound value.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends what is offered, one after the other, until `stop`.
pub(super) async fn send_all(tools: Arc<Tools>, stop: CancellationToken) {
    let sending = async {
        loop {
            match tools.unstored.first() {
                Some(notification) => send_one(&tools, &notification).await,
                None => tools.unstored.offered.notified().await,
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = sending => {}
    }
}

async fn send_one(tools: &Tools, notification: &Arc<Notification>) {
    let (receiver, id, about) = (&tools.name, &notification.id, &notification.about);
    let what = what_it_is(notification.kind);
    let (mut pause, longest) = PAUSES;
    loop {
        let turn = tools.unstored.turn.lock().await;
        // Its row came meanwhile.
        if !tools.unstored.is_waiting(id) {
            return;
        }
        let message = tools.worder.message(notification, tools.clock.now()).await;
        let before = tools.unstored.begin(id);
        let sent = send(tools, &message, &mut None).await;
        let end = sent.as_ref().map_or_else(|failure| Err(failure.reason), |()| Ok(()));
        tools.telemetry.on_attempt(receiver, end);
        match &sent {
            Ok(()) => {
                tools.unstored.end(id, Reach::Received, Some(End::Taken));
                tracing::warn!(%receiver, %about, %id, "delivered {what} that the store could not take");
                return;
            }
            Err(failure) if failure.retry == Retry::Never => {
                tools.unstored.end(id, before.max(failure.reach), Some(End::Rejected));
                let (reason, detail) = (failure.reason, &failure.detail);
                tracing::error!(%receiver, %about, %id, %reason, %detail, "a receiver rejected {what} for good");
                return;
            }
            Err(failure) => {
                tools.unstored.end(id, before.max(failure.reach), None);
                let (reason, detail) = (failure.reason, &failure.detail);
                tracing::warn!(%receiver, %about, %id, %reason, %detail, "could not deliver {what}: tried again later");
                if let Retry::After(wanted) = failure.retry {
                    pause = pause.max(wanted.min(longest));
                }
            }
        }
        drop(turn);
        sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}
