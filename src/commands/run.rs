//! `run`: the daemon, until a signal.

use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

use super::arguments::RunOptions;
use super::supervisor::Supervisor;
use super::{Exit, Terminal, configuration, logging};
use crate::app::{Daemon, DaemonOptions};
use crate::clock::Clock;
use crate::config::Secrets;

/// Runs until SIGTERM or SIGINT; a second one ends it at once.
pub(super) async fn run(path: &Path, options: RunOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    let filter = match logging::parsed(&options.log) {
        Ok(filter) => filter,
        Err(error) => {
            terminal.error(&format!("--log: {error}"));
            return Ok(Exit::Usage);
        }
    };
    let clock = Clock::system();
    let Some(config) = configuration::usable(path, Secrets::Check, clock.now(), terminal) else {
        return Ok(Exit::Config);
    };
    let log = logging::begin(filter, options.log_format, terminal);
    // Before the daemon starts, so that no early signal is lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut daemon_options = DaemonOptions::new(path, clock).watching_files().logging_to(log);
    if options.observe {
        daemon_options = daemon_options.observing();
        tracing::info!("observing: nothing is sent; what would have been sent is listed once a day");
    }
    let daemon = match Daemon::start(config, daemon_options).await {
        Ok(daemon) => daemon,
        Err(error) => {
            terminal.error(&super::chain(&error));
            return Ok(Exit::Unavailable);
        }
    };
    let links: Vec<String> = daemon.metrics_links().collect();
    tracing::info!(address = %daemon.address(), "watching; metrics on {}", links.join(" and "));
    let supervisor = Supervisor::of(&daemon.snapshots());
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                // What is wrong is logged by the reload itself; the daemon goes on as before.
                let _ = supervisor.around_reload(daemon.reload()).await;
            }
            () = daemon.crashed() => {
                terminal.error("a part of the daemon ended by itself; stopping");
                supervisor.stopping();
                daemon.stop().await;
                return Ok(Exit::Software);
            }
        }
    }
    tracing::info!("stopping");
    supervisor.stopping();
    tokio::select! {
        () = daemon.stop() => Ok(Exit::Ok),
        _ = terminate.recv() => Ok(Exit::Software),
        _ = interrupt.recv() => Ok(Exit::Software),
    }
}
