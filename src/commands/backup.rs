//! `backup`: a copy of the store, whether a daemon is at work on it or not.

use std::path::{Path, PathBuf};

use super::{Exit, Terminal, configuration};
use crate::clock::Clock;
use crate::config::Secrets;
use crate::config::storage::StorageBackend;
use crate::store::sqlite::{self, BackupError};

/// What explains a store that is not where it was looked for.
pub(super) const ELSEWHERE: &str = "a relative storage.sqlite.path lies in systemd's state directory while systemd runs \
                                    the daemon; run this with STATE_DIRECTORY=/var/lib/snykwatch, or make the path absolute";

/// Copies the store that the configuration names to `destination`.
pub(super) async fn backup(config: &Path, destination: &Path, terminal: &Terminal) -> anyhow::Result<Exit> {
    let Some(path) = store_of(config, terminal) else { return Ok(Exit::Config) };
    match sqlite::backup(&path, destination).await {
        Ok(made) => {
            let committed = made.committed_at.map_or_else(
                || "nothing was committed yet".to_owned(),
                |at| format!("committed {}", at.format("%Y-%m-%d %H:%M:%S UTC")),
            );
            terminal.data(&destination.display().to_string());
            terminal.note(&format!("{}, {committed}; {} bytes, checked", made.revision, made.size));
            Ok(Exit::Ok)
        }
        Err(error) => {
            terminal.error(&super::chain(&error));
            if matches!(error, BackupError::Missing { .. }) {
                terminal.note(&format!("\nhint: {ELSEWHERE}"));
            }
            Ok(match error {
                BackupError::Exists { .. } | BackupError::Missing { .. } => Exit::Usage,
                _ => Exit::Storage,
            })
        }
    }
}

/// The store's file, or `None` after what is wrong with the configuration was said.
pub(super) fn store_of(config: &Path, terminal: &Terminal) -> Option<PathBuf> {
    let config = configuration::usable(config, Secrets::LookUp, Clock::system().now(), terminal)?;
    let StorageBackend::Sqlite { path } = config.storage.backend;
    Some(path)
}
