//! Opens the store, and keeps house in it.

mod words;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::words::{Heard, Words};
use super::chain;
use super::watcher::Request;
use crate::clock::Clock;
use crate::config::storage::{StorageBackend, StorageSettings};
use crate::deliver::heartbeat::Pulse;
use crate::domain::attention::Forgotten;
use crate::domain::state::State;
use crate::health;
use crate::metrics::Exporter;
use crate::store::memory::MemoryStore;
use crate::store::sqlite::{Lost, OpenError, Opened, SqliteOptions, open_or_await};
use crate::store::{Store, Stored};

/// How often the size is measured and what is too old is dropped. Real time: the disk fills in real time.
const KEEP_HOUSE_EVERY: Duration = Duration::from_mins(10);

/// How often we look whether the store is where it was: within a minute of what happens to it, the page and the dead
/// man's switch have it too. It costs a few calls of the file system.
const LOOK_AFTER_EVERY: Duration = Duration::from_secs(10);

/// How often all of it is read: once between two nightly backups, so that one that is damaged is not the last one. A file
/// of 500 MB takes some seconds of a disk.
const VERIFY_EVERY: Duration = Duration::from_hours(12);

/// More events than one episode has.
const UNKNOWN_EVENTS: u32 = 1_000_000;

/// What a daemon remembers when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remember {
    /// What the configuration says.
    AsConfigured,
    /// Nothing: for one pass beside a running daemon, and for stories in which nobody restarts.
    Nothing,
}

/// A store, and what became of what was remembered before.
pub(super) struct Opening {
    pub(super) store: Arc<dyn Store>,
    /// What was remembered is gone: receivers may hold open what nobody remembers.
    pub(super) has_lost: bool,
}

/// Opens what the configuration names, or a store for the life of this process.
pub(super) async fn open(settings: &StorageSettings, remember: Remember) -> Result<Opening, OpenError> {
    let path = match (&settings.backend, remember) {
        (_, Remember::Nothing) => {
            return Ok(Opening { store: Arc::new(MemoryStore::default()), has_lost: false });
        }
        (StorageBackend::Sqlite { path }, Remember::AsConfigured) => path,
    };
    let Opened { store, lost, awaits_room } = open_or_await(path, SqliteOptions::default()).await?;
    if let Some(lost) = &lost {
        tell_of_loss(lost, path);
    }
    if let Some(error) = &awaits_room {
        tracing::error!(
            error = error as &dyn std::error::Error,
            path = %path.display(),
            "there is no room for the state file: monitoring goes on, and what is remembered is written as soon as there \
             is; until then a restart forgets it"
        );
    }
    Ok(Opening { store, has_lost: lost.is_some() })
}

fn tell_of_loss(lost: &Lost, path: &Path) {
    let forgotten = match lost {
        Lost::Since | Lost::Older => "what came after it",
        Lost::Unstored => "what it told last",
        Lost::Another => "what this one remembered",
        Lost::Removed | Lost::Blank(_) | Lost::Before => {
            tracing::error!(
                path = %path.display(),
                "{lost}: what snykwatch remembered is lost, and it starts anew. What is broken is told again by the same \
                 keys, and receivers that keep alerts open are told the end of what is well. To go back to a backup, stop \
                 snykwatch and restore it (`snykwatch restore FILE`)"
            );
            return;
        }
    };
    tracing::warn!(
        path = %path.display(),
        "{lost}: {forgotten} is forgotten, and receivers that keep alerts open are told the end of what is well"
    );
}

/// The same state, with what a loss made it forget.
pub(super) fn after_loss(mut state: Arc<State>, now: DateTime<Utc>) -> Arc<State> {
    let attention = &mut Arc::make_mut(&mut state).attention;
    attention.forgotten = Some(Forgotten::since(now));
    // The person who took care of a problem may have been told its end since.
    attention.acknowledgements.clear();
    for announcement in attention.announcements.values_mut() {
        // No id that was given since is given again, however often the same state is fallen back to.
        let age = u32::try_from((now - announcement.opened_at).num_seconds()).unwrap_or_default();
        announcement.sequence = announcement.sequence.max(age).saturating_add(UNKNOWN_EVENTS);
    }
    state
}

/// The stored state, continued after the time in which nobody watched.
pub(super) fn resumed(stored: Stored, now: DateTime<Utc>) -> Arc<State> {
    let Stored { committed_at, mut state, .. } = stored;
    if let Some(gap) = health::resume(Arc::make_mut(&mut state), committed_at, now) {
        let minutes = (gap.to - gap.from).num_minutes();
        tracing::warn!(from = %gap.from, minutes, "nobody watched for {minutes} minutes; asking about everything again");
    }
    state
}

/// Measures the size and drops what is too old, until `stop`. Not at once: by a clock that is wrong at the start everything
/// may be too old, and the first answers tell whether it is.
pub(super) async fn keep_house(
    store: Arc<dyn Store>,
    retention: TimeDelta,
    clock: Clock,
    exporter: Arc<Exporter>,
    stop: CancellationToken,
) {
    let delivery = exporter.own().delivery();
    loop {
        if let Ok(bytes) = store.size().await {
            delivery.set_store_size(bytes);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(KEEP_HOUSE_EVERY) => {}
        }
        if clock.is_wrong() {
            continue;
        }
        if let Err(error) = store.prune(clock.now() - retention).await {
            delivery.on_store_error();
            tracing::warn!(error = &error as &dyn std::error::Error, "could not drop what is too old from the store");
        }
    }
}

/// Who is told how the store is.
pub(super) struct Guards {
    pub(super) pulse: Pulse,
    pub(super) exporter: Arc<Exporter>,
    pub(super) watcher: mpsc::Sender<Request>,
    /// What is wrong with it, for the page.
    pub(super) trouble: watch::Sender<Option<String>>,
}

/// Looks after what was written until `stop`, and reads all of it now and then. What is wrong is told to the log, the
/// metrics, the page and the dead man's switch.
pub(super) async fn keep_watch(store: Arc<dyn Store>, guards: Guards, stop: CancellationToken) {
    let Guards { pulse, exporter, watcher, trouble } = guards;
    let delivery = exporter.own().delivery();
    let mut verified_at = Instant::now();
    // Stands until all of it was read again.
    let mut damage: Option<String> = None;
    let mut words = Words::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_AFTER_EVERY) => {}
        }
        let mut mended = None;
        let astray = match store.look_after().await {
            Ok(None) => None,
            Ok(Some(healed)) => {
                delivery.on_store_error();
                if healed.lost_deliveries {
                    // When the watcher has ended, nobody is told anything any more.
                    let _ = watcher.send(Request::TellAnew).await;
                }
                mended = Some(healed.what);
                None
            }
            Err(error) => {
                delivery.on_store_error();
                Some(chain(&error))
            }
        };
        if astray.is_none() && verified_at.elapsed() >= VERIFY_EVERY {
            verified_at = Instant::now();
            damage = store.verify().await.err().map(|error| chain(&error));
            if damage.is_some() {
                delivery.on_store_error();
            }
        }
        let Heard { found, to_log } = words.hear(astray.or_else(|| damage.clone()), mended, Instant::now());
        pulse.on_look_at_store(found.is_none());
        for words in to_log {
            tracing::error!("trouble with the store: {words}");
        }
        trouble.send_if_modified(|told| {
            if told.is_some() && found.is_none() {
                tracing::info!("the store is as it should be again");
            }
            let is_news = *told != found;
            *told = found;
            is_news
        });
    }
}
