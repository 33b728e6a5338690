//! `restore`: a backup becomes the store again.

use std::path::Path;

use super::backup::{ELSEWHERE, store_of};
use super::{Exit, Terminal};
use crate::clock::Clock;
use crate::store::sqlite::{self, OpenError, RestoreError};

/// Puts `backup` in the place of the store that the configuration names.
pub(super) async fn restore(config: &Path, backup: &Path, terminal: &Terminal) -> anyhow::Result<Exit> {
    let Some(path) = store_of(config, terminal) else { return Ok(Exit::Config) };
    match sqlite::restore(backup, &path, Clock::system().now()).await {
        Ok(restored) => {
            terminal.data(&path.display().to_string());
            let until = restored.committed_at.map_or_else(
                || "nothing was committed in it".to_owned(),
                |at| format!("committed {}; what came later is forgotten", at.format("%Y-%m-%d %H:%M:%S UTC")),
            );
            terminal.note(&format!("restored {}, {until}", restored.revision));
            match restored.replaced {
                Some(replaced) => terminal.note(&format!("the file that was there is now {}", replaced.display())),
                None => terminal.note(&format!("there was no store before; if you expected one: {ELSEWHERE}")),
            }
            Ok(Exit::Ok)
        }
        Err(error) => {
            terminal.error(&super::chain(&error));
            Ok(match &error {
                RestoreError::Missing { .. } => Exit::Usage,
                RestoreError::Destination(cause) if matches!(**cause, OpenError::InUse { .. }) => Exit::Unavailable,
                _ => Exit::Storage,
            })
        }
    }
}
