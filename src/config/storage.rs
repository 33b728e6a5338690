//! The `storage` section: where the daemon's memory is.

use std::path::PathBuf;

use chrono::TimeDelta;

/// Where the state is kept, and for how long its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageSettings {
    /// Where.
    pub backend: StorageBackend,
    /// Transitions and ended deliveries are kept for so long.
    pub retention: TimeDelta,
}

/// What keeps the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageBackend {
    /// One file.
    Sqlite {
        /// Which.
        path: PathBuf,
    },
}
