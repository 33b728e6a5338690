//! The one writer of snapshots, and its readers.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Own, Snapshot, Telling};
use crate::domain::fleet::Fleet;
use crate::domain::state::State;

/// A snapshot and when it was handed out.
#[derive(Debug, Clone)]
pub struct Published {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// When it was published, in real time: whether the daemon is alive is never a question of domain time, which the
    /// demo lets run faster.
    pub published_at: Instant,
}

/// The only writer of snapshots.
#[derive(Debug)]
pub struct SnapshotPublisher {
    own: Own,
    store_trouble: Option<String>,
    clock_trouble: Option<String>,
    channel: watch::Sender<Option<Published>>,
}

impl SnapshotPublisher {
    /// A publisher that has not published yet, and a reader to clone for everybody who shows snapshots.
    pub fn new(own: Own) -> (Self, SnapshotReader) {
        let (channel, receiver) = watch::channel(None);
        (Self { own, store_trouble: None, clock_trouble: None, channel }, SnapshotReader(receiver))
    }

    /// What snapshots say of the store from now on.
    pub fn set_store_trouble(&mut self, trouble: Option<String>) {
        self.store_trouble = trouble;
    }

    /// What snapshots say of our own clock from now on.
    pub fn set_clock_trouble(&mut self, trouble: Option<String>) {
        self.clock_trouble = trouble;
    }

    /// Takes a snapshot and publishes it, sharing what did not change with the one before. Never waits. `telling` is
    /// `None` where nobody is told of anything.
    pub fn publish(
        &mut self,
        fleet: &Fleet,
        state: &State,
        telling: Option<&Telling<'_>>,
        now: DateTime<Utc>,
    ) -> Arc<Snapshot> {
        let previous = self.channel.borrow().as_ref().map(|published| Arc::clone(&published.snapshot));
        let mut snapshot = Snapshot::build_after(previous.as_deref(), fleet, state, telling, now, self.own.clone());
        snapshot.store_trouble.clone_from(&self.store_trouble);
        snapshot.clock_trouble.clone_from(&self.clock_trouble);
        let snapshot = Arc::new(snapshot);
        let published = Published { snapshot: Arc::clone(&snapshot), published_at: Instant::now() };
        self.channel.send_replace(Some(published));
        snapshot
    }
}

/// A cheap handle on the latest snapshot.
#[derive(Debug, Clone)]
pub struct SnapshotReader(watch::Receiver<Option<Published>>);

impl SnapshotReader {
    /// The latest snapshot; `None` before the first. Never waits.
    pub fn latest(&self) -> Option<Published> {
        self.0.borrow().clone()
    }

    /// Waits for a snapshot that this reader has not waited for yet. `None` when the publisher is gone.
    pub async fn next(&mut self) -> Option<Published> {
        loop {
            self.0.changed().await.ok()?;
            if let Some(published) = self.0.borrow_and_update().clone() {
                return Some(published);
            }
        }
    }
}
