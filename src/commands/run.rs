//! `run`: the daemon, until a signal.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::signal::unix::{SignalKind, signal};

use super::arguments::{LogFormat, RunOptions};
use super::supervisor::Supervisor;
use super::{Exit, Terminal, configuration, logging};
use crate::app::{Daemon, DaemonOptions, StartError};
use crate::clock::Clock;
use crate::config::problem::{Problems, Style};
use crate::config::{self, Config, Loaded, Secrets};
use crate::domain::text::visible;
use crate::store::sqlite::OpenError;

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
    let format = options.log_format;
    let log = logging::begin(filter, format, terminal);
    let Some(config) = usable(read(path, clock.now()).await?, format, terminal) else {
        return Ok(Exit::Config);
    };
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
            logging::fail(format, terminal, &super::chain(&error));
            return Ok(exit_of(&error));
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
                // A signal that ends it waits for no file.
                tokio::select! {
                    _ = supervisor.around_reload(daemon.reload()) => {}
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                }
            }
            () = daemon.crashed() => {
                logging::fail(format, terminal, "a part of the daemon ended by itself; stopping");
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

/// Longer than this nobody waits for a configuration without a word. Real time.
const SILENCE: Duration = Duration::from_secs(1);

/// The configuration, read on a thread of its own: a file may keep its reader waiting for ever, and whoever starts a daemon
/// is told what it waits for. A signal ends it as long as it waits.
async fn read(path: &Path, now: DateTime<Utc>) -> anyhow::Result<Result<Loaded, Problems>> {
    let owned = path.to_path_buf();
    let mut reading = tokio::task::spawn_blocking(move || config::load(&owned, Secrets::Start, now));
    if let Ok(loaded) = tokio::time::timeout(SILENCE, &mut reading).await {
        return Ok(loaded?);
    }
    tracing::warn!(
        "still reading the configuration ({}) and the files that it names: does their disk answer, and is each an \
         ordinary file?",
        visible(&path.display().to_string())
    );
    Ok(reading.await?)
}

/// The configuration; what is wrong or odd about it is said in the way that the log has.
fn usable(loaded: Result<Loaded, Problems>, format: LogFormat, terminal: &Terminal) -> Option<Config> {
    if format == LogFormat::Text {
        return configuration::told(loaded, terminal);
    }
    match loaded {
        Ok(Loaded { config, warnings }) => {
            if !warnings.is_empty() {
                tracing::warn!("the configuration can be used, and yet:\n{}", warnings.render(Style::Plain));
            }
            Some(config)
        }
        Err(problems) => {
            tracing::error!("the configuration cannot be used:\n{}", problems.render(Style::Plain));
            None
        }
    }
}

/// Starting again may help where the address or the store is taken; it does not help a store that cannot be used.
fn exit_of(error: &StartError) -> Exit {
    let is_taken = matches!(error, StartError::Open(OpenError::InUse { .. }));
    match error {
        StartError::Open(_) | StartError::Store(_) if !is_taken => Exit::Storage,
        // No restart repairs a certificate.
        StartError::Access(_) => Exit::Config,
        _ => Exit::Unavailable,
    }
}
