//! The clients' telemetry, counted in the metrics.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::client::answer::VersionNotice;
use crate::client::telemetry::ApiTelemetry;
use crate::domain::names::ApiName;
use crate::metrics::{Exporter, RequestEnd};

/// Counts every request. Clock skew and versions reach the metrics through the evidence instead.
pub(super) struct Telemetry(pub(super) Arc<Exporter>);

impl ApiTelemetry for Telemetry {
    fn on_request(&self, api: &str, code: &str, took: Duration) {
        let end = code.parse().map_or(RequestEnd::Unanswered, RequestEnd::Answered);
        self.0.own().on_request(&ApiName::new(api), end, took);
    }

    fn on_date(&self, _api: &str, _skew: TimeDelta) {}

    fn on_version(&self, _api: &str, _notice: &VersionNotice) {}
}
