//! All deliverers together: which receivers there are, and how they do.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::bell::Bell;
use super::board::{Board, LastAttempt, Lost, rejection};
use super::deliverer::{Deliverer, Tools};
use super::pauses::tried_for;
use super::receiver::Receiver;
use super::telemetry::DeliveryTelemetry;
use super::text::{PlainWording, Wording};
use super::unstored::{self, Unstored};
use super::worded::Worder;
use crate::clock::Clock;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{
    About, AttemptFailure, DeliveryState, Dispatch, FailureReason, NotificationKind, Outgoing,
};
use crate::domain::page::Gap;
use crate::store::{Backlog, DeliveryFilter, Outbox, Settled, Store, StoreError};

/// A deliverer that panicked begins anew after this. Real time.
const RESTART_PAUSE: Duration = Duration::from_secs(5);

/// After the board was refreshed, rest this many times as long: it costs at most a tenth of a core.
const REST_FACTOR: u32 = 9;

/// The board is refreshed again after this when the store failed. Real time.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Rows of a receiver that is gone, settled in one go.
const ROWS: usize = 1_000;

/// Dead letters of one receiver that are looked at; the oldest beyond are known to the evaluations before.
const DEAD_LETTERS: usize = 200;

/// Pending rows of one receiver that are looked at to learn how its last attempt ended in the process before.
const ROWS_AT_START: usize = 50;

/// A receiver, and how messages to it are worded.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Who receives.
    pub receiver: Arc<dyn Receiver>,
    /// The texts it gets.
    pub wording: Arc<dyn Wording>,
}

impl Destination {
    /// A receiver with our own texts.
    pub fn plain(receiver: Arc<dyn Receiver>) -> Self {
        Self { receiver, wording: Arc::new(PlainWording) }
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.receiver, &other.receiver) && Arc::ptr_eq(&self.wording, &other.wording)
    }
}

/// What deliverers are made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Holds the rows.
    pub store: Arc<dyn Store>,
    /// The domain clock.
    pub clock: Clock,
    /// Told what happens.
    pub telemetry: Arc<dyn DeliveryTelemetry>,
    /// When the latest loss of what was stored was noticed: an end from before it may be that of an earlier episode.
    pub lost_at: Option<DateTime<Utc>>,
}

/// All deliverers; clones are handles on the same ones.
#[derive(Debug, Clone)]
pub struct Deliverers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    outbox: Arc<dyn Outbox>,
    clock: Clock,
    telemetry: Arc<dyn DeliveryTelemetry>,
    lost_at: Option<DateTime<Utc>>,
    reception: Arc<Reception>,
    board: watch::Sender<Board>,
    /// Held by one reload at a time.
    running: tokio::sync::Mutex<BTreeMap<ReceiverName, Running>>,
    bells: Mutex<Vec<Arc<Bell>>>,
    /// Pages that the store did not take, by receiver. They outlive a reload.
    unstored: Mutex<BTreeMap<ReceiverName, Arc<Unstored>>>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Running {
    destination: Destination,
    bell: Arc<Bell>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// Sends what has no row.
    unstored: JoinHandle<()>,
}

/// Where deliverers tell how attempts ended; the board is made from it.
#[derive(Debug)]
pub(super) struct Reception {
    bell: Bell,
    /// Every configured receiver; `None` before the first configuration.
    attempts: Mutex<Option<BTreeMap<ReceiverName, Option<LastAttempt>>>>,
    /// When nobody could deliver anything.
    gaps: Mutex<Arc<[Gap]>>,
}

impl Reception {
    fn new(clock: &Clock) -> Self {
        Self { bell: Bell::new(clock), attempts: Mutex::new(None), gaps: Mutex::default() }
    }

    pub(super) fn on_attempt(&self, receiver: &ReceiverName, at: DateTime<Utc>, failure: Option<AttemptFailure>) {
        if let Some(last) = lock(&self.attempts).as_mut().and_then(|attempts| attempts.get_mut(receiver)) {
            *last = Some(LastAttempt { at, failure });
        }
        self.refresh();
    }

    pub(super) fn gaps(&self) -> Arc<[Gap]> {
        Arc::clone(&lock(&self.gaps))
    }

    /// The board is to be made anew.
    pub(super) fn refresh(&self) {
        self.bell.ring();
    }

    fn configure<'a>(&self, receivers: impl Iterator<Item = &'a ReceiverName>) {
        let mut attempts = lock(&self.attempts);
        let mut before = attempts.take().unwrap_or_default();
        *attempts = Some(receivers.map(|name| (name.clone(), before.remove(name).flatten())).collect());
        drop(attempts);
        self.refresh();
    }
}

impl Deliverers {
    /// Deliverers for nobody yet.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, clock, telemetry, lost_at } = parts;
        Self(Arc::new(Inner {
            outbox: store,
            reception: Arc::new(Reception::new(&clock)),
            clock,
            telemetry,
            lost_at,
            board: watch::Sender::new(Board::default()),
            running: tokio::sync::Mutex::default(),
            bells: Mutex::default(),
            unstored: Mutex::default(),
            stop: CancellationToken::new(),
        }))
    }

    /// Takes over the receivers of a configuration. Those that are the same (the same `Arc`s) are not disturbed; others
    /// end what they are sending, for a few seconds at most, before their successor begins. What is pending for a
    /// receiver that is gone is dead-lettered by [`Deliverers::run`]. To be called before notifications are committed
    /// for a new receiver.
    pub async fn adopt(&self, destinations: BTreeMap<ReceiverName, Destination>) {
        let inner = &self.0;
        let mut running = inner.running.lock().await;
        if inner.stop.is_cancelled() {
            return;
        }
        let stays = |name: &ReceiverName, running: &mut Running| {
            destinations.get(name).is_some_and(|destination| destination.is_same(&running.destination))
        };
        let leaving: Vec<Running> =
            running.extract_if(.., |name, running| !stays(name, running)).map(|(_, running)| running).collect();
        // Nobody answers their bells any more.
        *lock(&inner.bells) = running.values().map(|running| Arc::clone(&running.bell)).collect();
        join_all(leaving.into_iter().map(Running::end)).await;
        inner.reception.configure(destinations.keys());
        for (name, destination) in destinations {
            running.entry(name.clone()).or_insert_with(|| inner.start(name, destination));
        }
        *lock(&inner.bells) = running.values().map(|running| Arc::clone(&running.bell)).collect();
    }

    /// Makes the board from what the store holds, so that nobody takes a receiver that failed before the restart for one
    /// that works. A store that fails is reported; [`Deliverers::run`] tries again.
    pub async fn take_stock(&self) {
        let inner = &self.0;
        let stocktaking = async {
            inner.recall_attempts().await?;
            inner.refresh_board().await
        };
        if let Err(error) = stocktaking.await {
            inner.on_store_error(&error);
        }
    }

    /// These are the times in which nobody watched: nothing is given up, and no receiver fails, for what was not
    /// delivered then.
    pub fn on_gaps(&self, gaps: &[Gap]) {
        *lock(&self.0.reception.gaps) = gaps.into();
        self.0.reception.refresh();
    }

    /// Rows were committed.
    pub fn wake(&self) {
        for bell in lock(&self.0.bells).iter() {
            bell.ring();
        }
        self.0.reception.refresh();
    }

    /// The store did not take these: the critical pages among them are sent all the same, once each. Their rows are to be
    /// committed when the store takes them.
    pub fn send_unstored(&self, outgoing: &[Outgoing]) {
        let unstored = lock(&self.0.unstored);
        for Outgoing { notification, receivers, .. } in
            outgoing.iter().filter(|outgoing| outgoing.dispatch == Dispatch::Deliver)
        {
            for unstored in receivers.iter().filter_map(|receiver| unstored.get(receiver)) {
                unstored.offer(notification);
            }
        }
    }

    /// How each receiver does.
    pub fn board(&self) -> watch::Receiver<Board> {
        self.0.board.subscribe()
    }

    /// Keeps the board until `stop`; then ends every deliverer and waits for it, for a few seconds at most.
    pub async fn run(self, stop: CancellationToken) {
        let inner = &self.0;
        tokio::select! {
            () = stop.cancelled() => {}
            () = inner.keep_the_board() => {}
        }
        inner.stop.cancel();
        let running = std::mem::take(&mut *inner.running.lock().await);
        lock(&inner.bells).clear();
        join_all(running.into_values().map(Running::end)).await;
        drop(inner.reception.bell.answer());
    }
}

impl Running {
    async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the task of a deliverer was lost");
        }
        if let Err(error) = self.unstored.await {
            tracing::error!(%error, "the task of a deliverer was lost");
        }
        drop(self.bell.answer());
    }
}

impl Inner {
    fn start(&self, name: ReceiverName, destination: Destination) -> Running {
        let bell = Arc::new(Bell::new(&self.clock));
        let stop = self.stop.child_token();
        let wording = Arc::clone(&destination.wording);
        let tools = Arc::new(Tools {
            worder: Worder::new(name.clone(), wording, Arc::clone(&self.telemetry)),
            name: name.clone(),
            destination: destination.clone(),
            outbox: Arc::clone(&self.outbox),
            clock: self.clock.clone(),
            telemetry: Arc::clone(&self.telemetry),
            lost_at: self.lost_at,
            reception: Arc::clone(&self.reception),
            unstored: Arc::clone(lock(&self.unstored).entry(name).or_default()),
        });
        let unstored = tokio::spawn(unstored::send_all(Arc::clone(&tools), stop.clone()));
        let deliverer = Deliverer::new(Arc::clone(&tools), Arc::clone(&bell));
        let task = tokio::spawn(supervise(deliverer, tools, Arc::clone(&bell), stop.clone()));
        Running { destination, bell, stop, task, unstored }
    }

    async fn keep_the_board(&self) {
        loop {
            self.reception.bell.rung().await;
            let hold = self.reception.bell.answer();
            let begin = Instant::now();
            let refreshed = self.refresh_board().await;
            drop(hold);
            match refreshed {
                Ok(()) if self.clock.is_scaled() => {}
                Ok(()) => sleep(begin.elapsed() * REST_FACTOR).await,
                Err(error) => {
                    self.on_store_error(&error);
                    sleep(STORE_PAUSE).await;
                    self.reception.refresh();
                }
            }
        }
    }

    fn on_store_error(&self, error: &StoreError) {
        self.telemetry.on_store_error();
        tracing::error!(error = error as &dyn std::error::Error, "could not read how deliveries do: tried again");
    }

    async fn refresh_board(&self) -> Result<(), StoreError> {
        let mut backlogs = self.outbox.backlogs().await?;
        let Some(attempts) = lock(&self.reception.attempts).clone() else { return Ok(()) };
        let is_gone = |name: &ReceiverName, backlog: &Backlog| backlog.pending > 0 && !attempts.contains_key(name);
        let gone: Vec<ReceiverName> =
            backlogs.iter().filter(|(name, backlog)| is_gone(name, backlog)).map(|(name, _)| name.clone()).collect();
        for name in gone {
            self.give_up(&name).await?;
            backlogs.remove(&name);
        }
        let (now, gaps) = (self.clock.now(), self.reception.gaps());
        for backlog in backlogs.values_mut() {
            // While nobody could try, nothing waited.
            backlog.oldest_critical = backlog.oldest_critical.map(|made_at| now - tried_for(made_at, now, &gaps));
        }
        let mut lost = BTreeMap::new();
        for (name, backlog) in backlogs.iter().filter(|(_, backlog)| rejection(backlog).is_some()) {
            lost.insert(name.clone(), self.lost(name, backlog.last_delivered_at).await?);
        }
        self.board.send_if_modified(|board| {
            let refreshed = board.refreshed(attempts, backlogs, lost);
            let is_other = *board != refreshed;
            *board = refreshed;
            is_other
        });
        Ok(())
    }

    /// The problems of which a receiver has rejected a notification for good since it last took one.
    async fn lost(&self, receiver: &ReceiverName, taken_at: Option<DateTime<Utc>>) -> Result<Lost, StoreError> {
        let state = Some(DeliveryState::DeadLettered);
        let filter = DeliveryFilter { receiver: Some(receiver.clone()), about: None, state, limit: DEAD_LETTERS };
        let mut lost = Lost::new();
        for delivery in self.outbox.deliveries(filter).await? {
            let notification = &delivery.notification;
            let is_told = notification.is_firing() && notification.kind != NotificationKind::Test;
            let is_problem = matches!(notification.about, About::Incident(_));
            if is_told && is_problem && delivery.ended_at.is_some_and(|ended_at| Some(ended_at) > taken_at) {
                let made_at = lost.entry(notification.about.clone()).or_insert(notification.created_at);
                *made_at = notification.created_at.max(*made_at);
            }
        }
        Ok(lost)
    }

    /// How the last attempts of the process before ended, as far as rows that are still pending tell.
    async fn recall_attempts(&self) -> Result<(), StoreError> {
        let unknown: Vec<ReceiverName> = {
            let attempts = lock(&self.reception.attempts);
            let known = attempts.iter().flatten();
            known.filter(|(_, last)| last.is_none()).map(|(name, _)| name.clone()).collect()
        };
        for name in unknown {
            let rows = self.outbox.pending(name.clone(), ROWS_AT_START).await?;
            let failure = rows.into_iter().max_by_key(|row| row.attempts).and_then(|row| row.last_failure);
            if let (Some(failure), Some(attempts)) = (failure, lock(&self.reception.attempts).as_mut()) {
                attempts.insert(name, Some(LastAttempt { at: self.clock.now(), failure: Some(failure) }));
            }
        }
        Ok(())
    }

    /// Dead-letters what is pending for a receiver that is no longer configured.
    async fn give_up(&self, receiver: &ReceiverName) -> Result<(), StoreError> {
        loop {
            let pending = self.outbox.pending(receiver.clone(), ROWS).await?;
            if pending.is_empty() {
                return Ok(());
            }
            tracing::warn!(%receiver, count = pending.len(), "notifications are given up: their receiver is not configured");
            let detail = format!("the receiver {receiver} is no longer configured");
            let failure = AttemptFailure { reason: FailureReason::Unconfigured, detail };
            let settled =
                |delivery| Settled { delivery, state: DeliveryState::DeadLettered, failure: Some(failure.clone()) };
            let given_up: Vec<_> = pending.iter().map(|delivery| settled(delivery.id)).collect();
            self.outbox.settle(given_up, self.clock.now()).await?;
            for _ in &pending {
                self.telemetry.on_dead_letter(receiver);
            }
        }
    }
}

/// Runs a deliverer until `stop`; one that panics begins anew.
async fn supervise(first: Deliverer, tools: Arc<Tools>, bell: Arc<Bell>, stop: CancellationToken) {
    let mut deliverer = first;
    while AssertUnwindSafe(deliverer.run(stop.clone())).catch_unwind().await.is_err() {
        tools.telemetry.on_panic();
        tracing::error!(receiver = %tools.name, "a deliverer panicked and begins anew");
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(RESTART_PAUSE) => {}
        }
        deliverer = Deliverer::new(Arc::clone(&tools), Arc::clone(&bell));
    }
}

/// Nothing in this module panics while it holds a lock, so a poisoned lock holds a sound value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
