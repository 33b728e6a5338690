//! What clients and deliverers tell, counted in the metrics.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::client::answer::VersionNotice;
use crate::client::telemetry::ApiTelemetry;
use crate::deliver::telemetry::DeliveryTelemetry;
use crate::domain::names::{ApiName, ReceiverName};
use crate::domain::notification::FailureReason;
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

/// Counts every attempt to deliver.
pub(super) struct DeliveryCounts(pub(super) Arc<Exporter>);

impl std::fmt::Debug for DeliveryCounts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("DeliveryCounts").finish_non_exhaustive()
    }
}

impl DeliveryTelemetry for DeliveryCounts {
    fn on_attempt(&self, receiver: &ReceiverName, end: Result<(), FailureReason>) {
        self.0.own().delivery().on_attempt(receiver, end.err());
    }

    fn on_dead_letter(&self, receiver: &ReceiverName) {
        self.0.own().delivery().on_dead_letter(receiver);
    }

    fn on_heartbeat(&self, at: DateTime<Utc>) {
        self.0.own().delivery().on_heartbeat(at);
    }

    fn on_store_error(&self) {
        self.0.own().delivery().on_store_error();
    }

    fn on_panic(&self) {
        self.0.own().on_panic();
    }
}
