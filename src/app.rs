//! The composition root: the one module that knows every part.
//!
//! [`Daemon`] is the whole product at work: the wiring turns a configuration into clients, fleet and plan; the watcher
//! (one task) probes and judges; the web server shows what it publishes; reloads replace the wiring. `run`, `check` and
//! the demo all start this same daemon; they differ in the clock and in who stops it.

mod daemon;
mod delivery;
mod desk;
mod destinations;
mod doors;
mod fleet;
mod held;
mod herald;
mod journal;
mod naming;
mod observe;
mod operations;
mod plan;
mod reload;
mod rules;
mod storage;
mod telemetry;
mod watcher;
mod wiring;

use crate::config::Config;
use crate::config::server::OrganizationDetail as ConfiguredDetail;
use crate::metrics::{Options, OrganizationDetail};

pub use daemon::{Daemon, DaemonOptions, Pass, PassProgress, StartError};
pub use storage::Remember;

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn exporter_options(config: &Config) -> Options {
    let organizations = config.metrics.organizations.map(|detail| match detail {
        ConfiguredDetail::Summary => OrganizationDetail::Summary,
        ConfiguredDetail::Status => OrganizationDetail::Status,
        ConfiguredDetail::Full => OrganizationDetail::Full,
    });
    let max_series = usize::try_from(config.metrics.max_series).unwrap_or(usize::MAX);
    Options { organizations, max_series }
}
