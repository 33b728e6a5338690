//! `healthy`: whether a running daemon is alive, as an exit code.

use std::path::Path;

use super::arguments::ConnectOptions;
use super::daemon::client;
use super::{Exit, Terminal};

/// Asks `/-/healthy`. Whoever restarts a container knows two answers only.
pub(super) async fn healthy(config: &Path, options: &ConnectOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    let Ok(daemon) = client(config, options, terminal) else { return Ok(Exit::Problems) };
    match daemon.get_text(&["-", "healthy"]).await {
        Ok(answer) => {
            terminal.data(answer.trim());
            Ok(Exit::Ok)
        }
        Err(error) => {
            terminal.error(&super::chain(&error));
            Ok(Exit::Problems)
        }
    }
}
