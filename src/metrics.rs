//! The metrics page: the snapshot and our own health in Prometheus' text format 0.0.4.
//!
//! - [`families`]: every metric with its type, labels and help, as data in one list; `docs/metrics.md` is made from it.
//! - [`text`]: the small writer. The families of integrations, credentials, synchronisation, Organizations, incidents
//!   and APIs are written by it straight from a snapshot: ten thousand Organizations never become objects of a library.
//! - [`own`]: the daemon's own health, counted through the `prometheus` crate in a registry of its own.
//! - The **exporter** puts both on one page and keeps it within the series limit.
//!
//! Conventions: one-hot status over the closed list, conditions as 1, 0, -1, times as Unix timestamps, a series that
//! is not known is absent. The page shows what background probes last found; a scrape starts nothing, waits for nothing
//! and never touches the network. Deliberately not here: timestamps on samples, OpenMetrics, names of repositories.

mod credentials;
pub mod families;
mod incidents;
mod integrations;
pub mod own;
mod reference;
pub mod text;
mod upstream;

use std::sync::{Mutex, PoisonError};

use crate::domain::kinds::{Level, closed_list};
use crate::snapshot::Snapshot;

pub use own::{BuildInfo, DeliveryMetrics, OwnMetrics, Pending, RequestEnd};
pub use reference::reference;
use text::{Counter, Sink, TextWriter};

/// Series of the snapshot's families that a page may have before Organizations fall to `summary`.
pub const DEFAULT_MAX_SERIES: usize = 50_000;

/// Above so many Organizations the default detail is `status`.
pub const FULL_DETAIL_UP_TO: usize = 2_000;

closed_list! {
    /// How much of each Organization is on the metrics page.
    OrganizationDetail {
        /// All families.
        Full => "full",
        /// `integration_status` and `integration_info`.
        Status => "status",
        /// No series of single Organizations; they are in the counts.
        Summary => "summary",
    }
}

/// What the operator chose for the metrics page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Detail of Organizations; `None`: `full`, above [`FULL_DETAIL_UP_TO`] Organizations `status`.
    pub organizations: Option<OrganizationDetail>,
    /// Series of the snapshot's families before Organizations fall to `summary`.
    pub max_series: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { organizations: None, max_series: DEFAULT_MAX_SERIES }
    }
}

impl Options {
    fn detail(self, organizations: usize) -> OrganizationDetail {
        self.organizations.unwrap_or(if organizations > FULL_DETAIL_UP_TO {
            OrganizationDetail::Status
        } else {
            OrganizationDetail::Full
        })
    }
}

/// Makes the metrics page.
#[derive(Debug)]
pub struct Exporter {
    own: OwnMetrics,
    options: Mutex<Options>,
}

impl Exporter {
    /// An exporter of `own` health and of any snapshot.
    pub fn new(own: OwnMetrics, options: Options) -> Self {
        Self { own, options: Mutex::new(options) }
    }

    /// The daemon's own health, to count in.
    pub fn own(&self) -> &OwnMetrics {
        &self.own
    }

    /// Takes over the options of a reloaded configuration.
    pub fn set_options(&self, options: Options) {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner) = options;
    }

    /// The page as text. Before the first snapshot it is our own health alone.
    pub fn text(&self, snapshot: Option<&Snapshot>) -> String {
        self.write(snapshot, String::new())
    }

    /// Writes the page into `sink` and gives it back.
    pub fn write<S: Sink>(&self, snapshot: Option<&Snapshot>, sink: S) -> S {
        let options = *self.options.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writer = TextWriter::new(sink);
        if let Some(snapshot) = snapshot {
            let rows = integrations::rows(snapshot);
            let detail = self.affordable(snapshot, &rows, options);
            write_snapshot(&mut writer, snapshot, &rows, detail);
        }
        writer.raw(&self.own.text());
        writer.finish()
    }

    /// The wished detail, or `summary` when that would pass the limit: a page is never refused.
    fn affordable(&self, snapshot: &Snapshot, rows: &[integrations::Row<'_>], options: Options) -> OrganizationDetail {
        let organizations = rows.iter().filter(|row| row.view.identity.level == Level::Organization).count();
        let wished = options.detail(organizations);
        let count = |detail| {
            let mut counter = TextWriter::new(Counter);
            write_snapshot(&mut counter, snapshot, rows, detail);
            counter.series()
        };
        let series = count(wished);
        let dropped = if series > options.max_series { series - count(OrganizationDetail::Summary) } else { 0 };
        let before = self.own.set_series_dropped(dropped);
        if dropped > 0 && before == 0 {
            tracing::warn!(
                series,
                dropped,
                max_series = options.max_series,
                "the metrics page would pass max_series: Organizations are counted, their own series are left out"
            );
        }
        if dropped > 0 { OrganizationDetail::Summary } else { wished }
    }
}

fn write_snapshot<S: Sink>(
    writer: &mut TextWriter<S>,
    snapshot: &Snapshot,
    rows: &[integrations::Row<'_>],
    detail: OrganizationDetail,
) {
    integrations::write(writer, rows, detail);
    incidents::write(writer, snapshot);
    credentials::write(writer, snapshot);
    upstream::write(writer, snapshot);
}

#[cfg(test)]
mod tests;
