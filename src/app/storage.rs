//! Opens the store, and keeps house in it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::storage::{StorageBackend, StorageSettings};
use crate::metrics::Exporter;
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::store::sqlite::{OpenError, SqliteOptions, SqliteStore};

/// How often the size is measured and what is too old is dropped. Real time: the disk fills in real time.
const KEEP_HOUSE_EVERY: Duration = Duration::from_mins(10);

/// What a daemon remembers when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remember {
    /// What the configuration says.
    AsConfigured,
    /// Nothing: for one pass beside a running daemon, and for stories in which nobody restarts.
    Nothing,
}

/// Opens what the configuration names, or a store for the life of this process.
pub(super) async fn open(settings: &StorageSettings, remember: Remember) -> Result<Arc<dyn Store>, OpenError> {
    match (&settings.backend, remember) {
        (_, Remember::Nothing) => Ok(Arc::new(MemoryStore::default())),
        (StorageBackend::Sqlite { path }, Remember::AsConfigured) => {
            Ok(Arc::new(SqliteStore::open(path, SqliteOptions::default()).await?))
        }
    }
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
