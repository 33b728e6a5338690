//! What systemd is told (`Type=notify`): ready, reloading, stopping, and a sign of life for its watchdog.
//!
//! Nothing is told, and nothing runs, where nobody listens: without `NOTIFY_SOCKET` in the environment. The library reads
//! that, `WATCHDOG_USEC` and `WATCHDOG_PID` by itself.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::snapshot::SnapshotReader;
use crate::web::SNAPSHOT_MAX_AGE;

/// Tells systemd how we do, until it is dropped.
pub(super) struct Supervisor {
    telling: JoinHandle<()>,
    snapshots: SnapshotReader,
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.telling.abort();
    }
}

impl Supervisor {
    /// Says that we are ready with the first snapshot, and that we live for as long as new ones come.
    pub(super) fn of(snapshots: &SnapshotReader) -> Self {
        let mut reader = snapshots.clone();
        let telling = tokio::spawn(async move {
            if reader.latest().is_none() && reader.next().await.is_none() {
                return;
            }
            tell(&[NotifyState::Ready, NotifyState::Status("watching")]);
            if let Some(limit) = sd_notify::watchdog_enabled() {
                keep_alive(&reader, limit).await;
            }
        });
        Self { telling, snapshots: snapshots.clone() }
    }

    /// Says that the configuration is loaded anew, and afterwards that we are ready again. Before we ever were, there is
    /// nothing to say.
    pub(super) async fn around_reload<T>(&self, reload: impl Future<Output = T>) -> T {
        let is_ready = self.snapshots.latest().is_some();
        if is_ready {
            match NotifyState::monotonic_usec_now() {
                Ok(now) => tell(&[NotifyState::Reloading, now]),
                Err(error) => tracing::warn!(%error, "systemd could not be told of a reload"),
            }
        }
        let outcome = reload.await;
        if is_ready {
            tell(&[NotifyState::Ready]);
        }
        outcome
    }

    /// Says that we stop.
    pub(super) fn stopping(&self) {
        self.telling.abort();
        tell(&[NotifyState::Stopping]);
    }
}

/// A sign of life at half of the watchdog's time, as systemd advises, while the snapshot is fresh.
async fn keep_alive(snapshots: &SnapshotReader, limit: Duration) {
    let mut ticks = interval((limit / 2).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if is_fresh(snapshots) {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!(
                "nothing was published for {} s; systemd's watchdog is not fed",
                SNAPSHOT_MAX_AGE.as_secs()
            );
        }
    }
}

fn is_fresh(snapshots: &SnapshotReader) -> bool {
    let age = |published_at| Instant::now().saturating_duration_since(published_at);
    snapshots.latest().is_some_and(|published| age(published.published_at) < SNAPSHOT_MAX_AGE)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be told how we do");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fleet::Fleet;
    use crate::domain::state::State;
    use crate::snapshot::{Own, SnapshotPublisher};

    #[tokio::test(start_paused = true)]
    async fn an_old_snapshot_feeds_no_watchdog() {
        let now: chrono::DateTime<chrono::Utc> = "2026-11-23T09:00:00Z".parse().unwrap();
        let (mut publisher, snapshots) = SnapshotPublisher::new(Own { version: "0.1.0", started_at: now });
        assert!(!is_fresh(&snapshots), "there is none");
        publisher.publish(&Fleet::default(), &State::default(), None, now);
        assert!(is_fresh(&snapshots));
        tokio::time::advance(SNAPSHOT_MAX_AGE).await;
        assert!(!is_fresh(&snapshots));
        publisher.publish(&Fleet::default(), &State::default(), None, now);
        assert!(is_fresh(&snapshots));
    }
}
