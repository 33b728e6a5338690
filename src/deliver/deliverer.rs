//! A deliverer: one task for one receiver. It decides by the queue, sends, and sees to it that the store knows.
//!
//! It waits for no other receiver, and nobody waits for it. What it does is always computed from the rows of the store,
//! so that a restart continues where the last process ended: a row whose attempt has no known end is sent again, with
//! the same id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::attempt::{Ended, HowEnded, attempt};
use super::bell::Bell;
use super::deliverers::{Destination, Reception};
use super::owed_ends;
use super::pauses::Pauses;
use super::queue::{self, Decision};
use super::renewal::{Reminder, Renewed, renew};
use super::telemetry::DeliveryTelemetry;
use super::unstored::Unstored;
use super::worded::Worder;
use crate::clock::{Clock, Hold, Participant};
use crate::domain::names::ReceiverName;
use crate::domain::notification::{Delivery, DeliveryId, DeliveryState, NotificationKind, Reach};
use crate::store::{Outbox, StoreError};

/// So many messages are on their way to one receiver at once, each about another problem.
const CONCURRENCY: usize = 4;

/// Rows looked at in one go. More are read when these leave nothing to do.
const ROWS: usize = 1_000;

/// How long attempts under way may take when the deliverer stops. Real time.
const GRACE: Duration = Duration::from_secs(5);

/// The first and the longest pause after the store failed. Real time.
const STORE_PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// A receiver that asks for patience gets no other message either, but no longer than this: what it says about one
/// message may not hold for all.
const LONGEST_QUIET: TimeDelta = TimeDelta::minutes(5);

/// Whether a receiver is owed ends that were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OwedEnds {
    /// There may be some: there are dead letters, or we have just begun.
    Unknown,
    /// It takes something again: now is the time to look.
    Due,
    /// There are none.
    None,
}

impl OwedEnds {
    /// After a delivery has come to this.
    fn after(self, state: DeliveryState) -> Self {
        match (self, state) {
            (_, DeliveryState::DeadLettered) => Self::Unknown,
            (Self::Unknown, DeliveryState::Delivered) => Self::Due,
            (known, _) => known,
        }
    }
}

/// What attempts share.
pub(super) struct Tools {
    pub(super) name: ReceiverName,
    pub(super) destination: Destination,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) clock: Clock,
    pub(super) telemetry: Arc<dyn DeliveryTelemetry>,
    pub(super) lost_at: Option<DateTime<Utc>>,
    pub(super) reception: Arc<Reception>,
    pub(super) worder: Worder,
    pub(super) unstored: Arc<Unstored>,
}

impl Tools {
    pub(super) fn on_store_error(&self, error: &StoreError, what_now: &'static str) {
        self.telemetry.on_store_error();
        tracing::error!(receiver = %self.name, error = error as &dyn std::error::Error, "{what_now}");
    }
}

/// One receiver's task.
pub(super) struct Deliverer {
    tools: Arc<Tools>,
    bell: Arc<Bell>,
    participant: Participant,
    attempts: JoinSet<Ended>,
    /// What is on its way, with its key on the wire.
    in_flight: BTreeMap<DeliveryId, String>,
    renewals: JoinSet<Renewed>,
    /// Keys whose end is repeated by a renewal that is under way.
    renewed_ends: BTreeSet<String>,
    /// Whether it is owed ends that were given up.
    ends: OwedEnds,
    /// What was given up and is sent again.
    revived: BTreeSet<DeliveryId>,
    /// When pending deliveries are tried again.
    pauses: Pauses,
    /// When a leased receiver is reminded next, in the time that is never set; `None` for the others.
    next_renewal: Option<DateTime<Utc>>,
    /// Nothing is sent before, in the time that is never set: the receiver wants a pause.
    quiet_until: DateTime<Utc>,
    rows: usize,
    /// The store failed: nothing is tried before.
    store_rests_until: Option<Instant>,
    store_pause: Duration,
    /// Keep time still until the next decision.
    held: Vec<Option<Hold>>,
}

impl Deliverer {
    pub(super) fn new(tools: Arc<Tools>, bell: Arc<Bell>) -> Self {
        let now = tools.clock.unset();
        Self {
            participant: tools.clock.participant(),
            next_renewal: tools.destination.receiver.lease().map(|_| now),
            tools,
            bell,
            attempts: JoinSet::new(),
            in_flight: BTreeMap::new(),
            renewals: JoinSet::new(),
            renewed_ends: BTreeSet::new(),
            ends: OwedEnds::Unknown,
            revived: BTreeSet::new(),
            pauses: Pauses::default(),
            quiet_until: now,
            rows: ROWS,
            store_rests_until: None,
            store_pause: STORE_PAUSES.0,
            held: Vec::new(),
        }
    }

    /// Delivers until `stop`. Then attempts under way get a little time to end.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            self.held.push(self.bell.answer());
            let wake_at = if self.store_rests_until.is_none() { self.work().await } else { None };
            self.held.clear();
            let wake_at = wake_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
            let rests_until = self.store_rests_until;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = self.attempts.join_next() => if let Ok(ended) = ended { self.on_ended(ended) },
                Some(renewed) = self.renewals.join_next() => if let Ok(renewed) = renewed { self.held.push(renewed.hold) },
                () = self.bell.rung() => {}
                () = sleep_until(rests_until.unwrap_or_else(Instant::now)), if rests_until.is_some() => {
                    self.store_rests_until = None;
                }
                () = sleep_in(&mut self.participant, wake_at) => {}
            }
        }
        self.renewals.abort_all();
        // Scaled time goes on meanwhile, for whoever else is at work.
        drop(self.participant);
        let ending = async { while self.attempts.join_next().await.is_some() {} };
        if timeout(GRACE, ending).await.is_err() {
            let receiver = &self.tools.name;
            tracing::warn!(%receiver, "stopped before every message was answered: they are sent again at the next start");
        }
    }

    fn on_ended(&mut self, ended: Ended) {
        self.in_flight.remove(&ended.delivery);
        match ended.how {
            HowEnded::Noted { state, quiet_for } => {
                self.ends = self.ends.after(state);
                if let Some(asked) = quiet_for {
                    let until = self.tools.clock.unset() + asked.min(LONGEST_QUIET);
                    self.quiet_until = self.quiet_until.max(until);
                }
            }
            HowEnded::NotBegun | HowEnded::Panicked => self.let_the_store_rest(),
        }
        self.held.push(ended.hold);
    }

    fn let_the_store_rest(&mut self) {
        self.store_rests_until = Some(Instant::now() + self.store_pause);
        self.store_pause = (self.store_pause * 2).min(STORE_PAUSES.1);
    }

    /// Does what is to be done now; gives when there is something else to do.
    async fn work(&mut self) -> Option<DateTime<Utc>> {
        match self.try_work().await {
            Ok(wake_at) => {
                if self.store_rests_until.is_none() {
                    self.store_pause = STORE_PAUSES.0;
                }
                wake_at
            }
            Err(error) => {
                self.tools.on_store_error(&error, "could not work on the deliveries: tried again");
                self.let_the_store_rest();
                None
            }
        }
    }

    async fn try_work(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        if self.ends == OwedEnds::Due {
            self.revive_owed_ends().await?;
        }
        let (pending, decision) = self.decide().await?;
        let now = self.tools.clock.now();
        if !decision.settle.is_empty() {
            self.settle(&decision, now).await?;
        }
        let renewal = self.renew_if_due(&pending).await;
        let sending = self.send_due(pending, &decision.send);
        let unset = self.tools.clock.unset();
        let next = [renewal, sending].map(|next| next.map(|at| now + (at - unset)));
        Ok(next.into_iter().chain([decision.next_due]).flatten().min())
    }

    async fn decide(&mut self) -> Result<(Vec<Delivery>, Decision), StoreError> {
        let receiver = Arc::clone(&self.tools.destination.receiver);
        loop {
            let mut pending = self.tools.outbox.pending(self.tools.name.clone(), self.rows).await?;
            self.take_over_unstored(&mut pending);
            let in_flight: BTreeSet<DeliveryId> = self.in_flight.keys().copied().collect();
            let doubtful = queue::doubtful_keys(&pending);
            let held_open = if doubtful.is_empty() {
                BTreeSet::new()
            } else {
                self.tools.outbox.held_open(self.tools.name.clone(), doubtful).await?
            };
            let (now, unset) = (self.tools.clock.now(), self.tools.clock.unset());
            self.pauses.apply(&mut pending, now, unset);
            let gaps = self.tools.reception.gaps();
            let decision =
                queue::decide(&pending, &in_flight, &held_open, now, &gaps, &self.revived, |kind| receiver.takes(kind));
            let is_all = pending.len() < self.rows;
            if is_all {
                self.rows = ROWS;
            }
            if is_all || !decision.settle.is_empty() || !decision.send.is_empty() {
                return Ok((pending, decision));
            }
            // Those at the front wait: what is behind them must not.
            self.rows = self.rows.saturating_mul(4);
        }
    }

    /// What left without a row has one now: that it was taken is noted before anything else becomes of it.
    fn take_over_unstored(&mut self, pending: &mut [Delivery]) {
        let mut known = BTreeSet::new();
        for delivery in pending {
            let notification = &delivery.notification;
            // Of each problem one after the other, as they were sent.
            let is_next = known.insert(notification.about.clone()) && !self.in_flight.contains_key(&delivery.id);
            let Some(reach) = self.tools.unstored.reach(&notification.id) else { continue };
            delivery.reach = delivery.reach.max(reach);
            if reach == Reach::Received && is_next {
                self.in_flight.insert(delivery.id, notification.key());
                self.attempts.spawn(attempt(Arc::clone(&self.tools), delivery.clone(), self.tools.clock.hold()));
            }
        }
    }

    /// The receiver takes something again: what it still holds open, since it did not take the end, is ended now.
    async fn revive_owed_ends(&mut self) -> Result<(), StoreError> {
        let receiver = &self.tools.name;
        let owed = owed_ends::find(&*self.tools.outbox, receiver).await?;
        if !owed.is_empty() {
            tracing::info!(%receiver, count = owed.len(), "the receiver takes something again: ends that it missed are sent");
            self.tools.outbox.revive(owed.clone(), self.tools.clock.now()).await?;
            self.revived.extend(owed);
            self.tools.reception.refresh();
        }
        self.ends = OwedEnds::None;
        Ok(())
    }

    async fn settle(&mut self, decision: &Decision, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.tools.outbox.settle(decision.settle.clone(), now).await?;
        let receiver = &self.tools.name;
        for settled in &decision.settle {
            let delivery = settled.delivery.0;
            self.ends = self.ends.after(settled.state);
            if settled.state == DeliveryState::DeadLettered {
                self.tools.telemetry.on_dead_letter(receiver);
                tracing::error!(%receiver, delivery, "a notification could not be delivered for so long that it is given up");
            } else {
                tracing::info!(%receiver, delivery, "a notification was overtaken before it was sent");
            }
        }
        self.tools.reception.refresh();
        Ok(())
    }

    /// Starts what is due; gives when the pause ends that the rest waits for, in the time that is never set. What waits
    /// for a place or for a renewal is looked at when that ends.
    fn send_due(&mut self, pending: Vec<Delivery>, due: &[DeliveryId]) -> Option<DateTime<Utc>> {
        let now = self.tools.clock.unset();
        let receiver = &self.tools.destination.receiver;
        let pause = TimeDelta::from_std(receiver.pause()).unwrap_or(LONGEST_QUIET);
        for delivery in pending.into_iter().filter(|delivery| due.binary_search(&delivery.id).is_ok()) {
            // A reminder of what fires must not arrive after its end, nor that of an end after the next begin.
            let is_end = delivery.notification.kind == NotificationKind::Resolve;
            let is_new_begin = self.renewed_ends.contains(&delivery.notification.key());
            if !self.renewals.is_empty() && (is_end || is_new_begin) {
                continue;
            }
            if self.in_flight.len() >= CONCURRENCY {
                return None;
            }
            if now < self.quiet_until {
                return Some(self.quiet_until);
            }
            self.quiet_until = now + pause;
            self.in_flight.insert(delivery.id, delivery.notification.key());
            self.attempts.spawn(attempt(Arc::clone(&self.tools), delivery, self.tools.clock.hold()));
        }
        None
    }

    /// Reminds a leased receiver of what stands; gives when it is due again, in the time that is never set.
    async fn renew_if_due(&mut self, pending: &[Delivery]) -> Option<DateTime<Utc>> {
        let due = self.next_renewal?;
        let now = self.tools.clock.unset();
        if !self.renewals.is_empty() {
            return None;
        }
        if now < due {
            return Some(due);
        }
        let receiver = Arc::clone(&self.tools.destination.receiver);
        let leased = receiver.lease()?;
        let next = now + TimeDelta::from_std(leased.renew_every()).unwrap_or(TimeDelta::MAX).max(TimeDelta::seconds(1));
        self.next_renewal = Some(next);
        match Reminder::read(&self.tools, leased, pending, self.in_flight.values()).await {
            Ok(reminder) => {
                self.renewed_ends = reminder.ended();
                self.renewals.spawn(renew(Arc::clone(&self.tools), reminder, self.tools.clock.hold()));
            }
            Err(error) => self.tools.on_store_error(&error, "could not read what a receiver is to be reminded of"),
        }
        Some(next)
    }
}

async fn sleep_in(participant: &mut Participant, wake_at: DateTime<Utc>) {
    if wake_at == DateTime::<Utc>::MAX_UTC {
        participant.sleep_forever().await;
    } else {
        participant.sleep_until(wake_at).await;
    }
}
