//! Deliveries in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::incident::Severity;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{
    AttemptFailure, Delivery, DeliveryId, DeliveryState, Dispatch, Notification, NotificationId, Outgoing, Reach,
};
use crate::store::{AttemptEnd, Backlog, DeliveryFilter, Settled};

/// Every delivery, ascending.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// With the time at which they were made.
    known: BTreeMap<NotificationId, DateTime<Utc>>,
    next: i64,
    by_id: BTreeMap<DeliveryId, Delivery>,
    /// For each receiver and key, the latest delivery that was taken, but nothing that fires and has a later resolve.
    standing: BTreeMap<(ReceiverName, String), DeliveryId>,
}

impl Deliveries {
    pub(super) fn add(&mut self, outgoing: Outgoing) {
        let created_at = outgoing.notification.created_at;
        if self.known.contains_key(&outgoing.notification.id) {
            return;
        }
        self.known.insert(outgoing.notification.id.clone(), created_at);
        let (state, ended_at) = match outgoing.dispatch {
            Dispatch::Deliver => (DeliveryState::Pending, None),
            Dispatch::Withhold => (DeliveryState::Withheld, Some(created_at)),
        };
        for receiver in outgoing.receivers {
            if !outgoing.notification.is_firing() {
                self.end_standing(&receiver, &outgoing.notification.key());
            }
            self.next += 1;
            let id = DeliveryId(self.next);
            let delivery = Delivery {
                id,
                receiver,
                notification: Arc::clone(&outgoing.notification),
                state,
                attempts: 0,
                reach: Reach::NotReceived,
                next_attempt_at: created_at,
                ended_at,
                last_failure: None,
            };
            self.by_id.insert(id, delivery);
        }
    }

    /// A resolve was made: what fires under its key stands no more.
    fn end_standing(&mut self, receiver: &ReceiverName, key: &str) {
        let place = (receiver.clone(), key.to_owned());
        let latest = self.standing.get(&place).and_then(|id| self.by_id.get(id));
        if latest.is_some_and(|delivery| delivery.notification.is_firing()) {
            self.standing.remove(&place);
        }
    }

    /// The receiver took it. Deliveries may end in another order than they were made: the latest made one counts.
    fn note_standing(&mut self, id: DeliveryId) {
        let Some(delivery) = self.by_id.get(&id) else { return };
        let (notification, receiver) = (&delivery.notification, &delivery.receiver);
        if !notification.is_kept_open() || (notification.is_firing() && self.has_later_end(delivery)) {
            return;
        }
        let key = notification.key();
        let standing = self.standing.entry((receiver.clone(), key)).or_insert(id);
        *standing = id.max(*standing);
    }

    /// Whether a resolve of its key was made after it for the same receiver.
    fn has_later_end(&self, delivery: &Delivery) -> bool {
        let is_end = |later: &Delivery| {
            later.id != delivery.id
                && later.receiver == delivery.receiver
                && !later.notification.is_firing()
                && later.notification.severity == delivery.notification.severity
                && later.notification.about == delivery.notification.about
        };
        self.by_id.range(delivery.id..).any(|(_, later)| is_end(later))
    }

    pub(super) fn pending(&self, receiver: &ReceiverName, limit: usize) -> Vec<Delivery> {
        self.all_pending().filter(|delivery| delivery.receiver == *receiver).take(limit).cloned().collect()
    }

    fn all_pending(&self) -> impl Iterator<Item = &Delivery> {
        self.by_id.values().filter(|delivery| delivery.state == DeliveryState::Pending)
    }

    fn pending_mut(&mut self, id: DeliveryId) -> Option<&mut Delivery> {
        self.by_id.get_mut(&id).filter(|delivery| delivery.state == DeliveryState::Pending)
    }

    pub(super) fn begin(&mut self, id: DeliveryId) {
        if let Some(delivery) = self.pending_mut(id) {
            delivery.attempts += 1;
            delivery.reach = delivery.reach.max(Reach::Unclear);
        }
    }

    pub(super) fn finish(&mut self, end: AttemptEnd) {
        if let Some(delivery) = self.pending_mut(end.delivery) {
            delivery.reach = end.reach;
            delivery.state = end.state;
            delivery.next_attempt_at = end.next_attempt_at;
            delivery.ended_at = (end.state != DeliveryState::Pending).then_some(end.at);
            delivery.last_failure = end.failure;
            if end.state == DeliveryState::Delivered {
                self.note_standing(end.delivery);
            }
        }
    }

    pub(super) fn settle(&mut self, settled: Vec<Settled>, at: DateTime<Utc>) {
        for Settled { delivery: id, state, failure } in settled {
            if let Some(delivery) = self.pending_mut(id) {
                delivery.state = state;
                delivery.ended_at = Some(at);
                delivery.last_failure = failure.or(delivery.last_failure.take());
                if state == DeliveryState::Delivered {
                    self.note_standing(id);
                }
            }
        }
    }

    pub(super) fn revive(&mut self, deliveries: &[DeliveryId], at: DateTime<Utc>) {
        for id in deliveries {
            let dead = self.by_id.get_mut(id).filter(|delivery| delivery.state == DeliveryState::DeadLettered);
            if let Some(delivery) = dead {
                delivery.state = DeliveryState::Pending;
                delivery.next_attempt_at = at;
                delivery.ended_at = None;
            }
        }
    }

    pub(super) fn backlogs(&self) -> BTreeMap<ReceiverName, Backlog> {
        let mut backlogs: BTreeMap<ReceiverName, Backlog> = BTreeMap::new();
        for delivery in self.by_id.values() {
            let backlog = backlogs.entry(delivery.receiver.clone()).or_default();
            let created_at = delivery.notification.created_at;
            match (delivery.state, delivery.ended_at) {
                (DeliveryState::Pending, _) => {
                    backlog.pending += 1;
                    backlog.oldest_pending = Some(earliest(backlog.oldest_pending, created_at));
                    if delivery.notification.severity == Severity::Critical {
                        backlog.oldest_critical = Some(earliest(backlog.oldest_critical, created_at));
                    }
                }
                (DeliveryState::Delivered, Some(at)) => {
                    backlog.last_delivered_at = backlog.last_delivered_at.max(Some(at));
                }
                (DeliveryState::DeadLettered, Some(at)) => {
                    note_dead_letter(backlog, at, delivery.last_failure.as_ref());
                }
                _ => {}
            }
        }
        backlogs
    }

    pub(super) fn standing(&self, receiver: &ReceiverName, resolved_since: DateTime<Utc>) -> Vec<Arc<Notification>> {
        let of_receiver = self.standing.iter().filter(|((name, _), _)| name == receiver);
        let taken = of_receiver.filter_map(|(_, id)| self.by_id.get(id));
        let stands = |delivery: &&Delivery| {
            delivery.notification.is_firing() || delivery.ended_at.is_some_and(|at| at > resolved_since)
        };
        taken.filter(stands).map(|delivery| Arc::clone(&delivery.notification)).collect()
    }

    pub(super) fn held_open(&self, receiver: &ReceiverName, mut keys: BTreeSet<String>) -> BTreeSet<String> {
        let mut open = BTreeSet::new();
        for delivery in self.by_id.values().filter(|delivery| delivery.receiver == *receiver) {
            let key = delivery.notification.key();
            if delivery.notification.is_firing() && delivery.reach != Reach::NotReceived {
                open.insert(key);
            } else if !delivery.notification.is_firing() && delivery.state == DeliveryState::Delivered {
                open.remove(&key);
            }
        }
        keys.retain(|key| open.contains(key));
        keys
    }

    pub(super) fn list(&self, filter: &DeliveryFilter) -> Vec<Delivery> {
        let wanted = |delivery: &&Delivery| {
            filter.receiver.as_ref().is_none_or(|receiver| *receiver == delivery.receiver)
                && filter.about.as_ref().is_none_or(|about| *about == delivery.notification.about)
                && filter.state.is_none_or(|state| state == delivery.state)
        };
        self.by_id.values().rev().filter(wanted).take(filter.limit).cloned().collect()
    }

    /// Drops what ended before; gives how many. What stands and fires stays: a leased receiver is reminded of it.
    pub(super) fn prune(&mut self, before: DateTime<Utc>) -> u64 {
        let kept: BTreeSet<DeliveryId> = self.standing.values().copied().collect();
        let count = self.by_id.len();
        self.by_id.retain(|id, delivery| {
            delivery.ended_at.is_none_or(|at| at >= before) || (kept.contains(id) && delivery.notification.is_firing())
        });
        self.standing.retain(|_, id| self.by_id.contains_key(id));
        let needed: BTreeSet<&NotificationId> = self.by_id.values().map(|delivery| &delivery.notification.id).collect();
        self.known.retain(|id, created_at| *created_at >= before || needed.contains(id));
        u64::try_from(count - self.by_id.len()).unwrap_or(u64::MAX)
    }
}

fn earliest(known: Option<DateTime<Utc>>, at: DateTime<Utc>) -> DateTime<Utc> {
    known.map_or(at, |known| known.min(at))
}

fn note_dead_letter(backlog: &mut Backlog, at: DateTime<Utc>, failure: Option<&AttemptFailure>) {
    let is_later = backlog.last_dead_lettered.as_ref().is_none_or(|(before, _)| *before <= at);
    if let (true, Some(failure)) = (is_later, failure) {
        backlog.last_dead_lettered = Some((at, failure.clone()));
    }
}
