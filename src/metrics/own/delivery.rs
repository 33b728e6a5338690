//! Delivery and storage, counted where they happen.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::{label, options, registered, series_of};
use crate::domain::names::ReceiverName;
use crate::domain::notification::FailureReason;
use crate::metrics::families::{
    HEARTBEAT_LAST_SUCCESS, NOTIFICATION_OLDEST_PENDING, NOTIFICATIONS, NOTIFICATIONS_DEAD_LETTERED,
    NOTIFICATIONS_FAILED, NOTIFICATIONS_PENDING, STORE_DROPPED, STORE_ERRORS, STORE_SIZE,
};

/// What a receiver has before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Pending deliveries.
    pub count: u64,
    /// When the oldest was made.
    pub oldest: Option<DateTime<Utc>>,
}

/// Counters and gauges of delivery and storage.
#[derive(Debug)]
pub struct DeliveryMetrics {
    attempts: IntCounterVec,
    failed: IntCounterVec,
    dead_lettered: IntCounterVec,
    pending: IntGaugeVec,
    oldest_pending: GaugeVec,
    heartbeat: GaugeVec,
    store_errors: IntCounter,
    not_stored: IntCounter,
    store_size: IntGauge,
}

impl DeliveryMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |family| IntCounterVec::new(options(family), family.labels);
        let gauge = |family| GaugeVec::new(options(family), family.labels);
        let count = IntGaugeVec::new(options(&NOTIFICATIONS_PENDING), NOTIFICATIONS_PENDING.labels)?;
        Ok(Self {
            attempts: registered(registry, counter(&NOTIFICATIONS)?)?,
            failed: registered(registry, counter(&NOTIFICATIONS_FAILED)?)?,
            dead_lettered: registered(registry, counter(&NOTIFICATIONS_DEAD_LETTERED)?)?,
            pending: registered(registry, count)?,
            oldest_pending: registered(registry, gauge(&NOTIFICATION_OLDEST_PENDING)?)?,
            heartbeat: registered(registry, gauge(&HEARTBEAT_LAST_SUCCESS)?)?,
            store_errors: registered(registry, IntCounter::with_opts(options(&STORE_ERRORS))?)?,
            not_stored: registered(registry, IntCounter::with_opts(options(&STORE_DROPPED))?)?,
            store_size: registered(registry, IntGauge::with_opts(options(&STORE_SIZE))?)?,
        })
    }

    /// The receivers of the configuration in force: their series begin at zero, those of others are dropped.
    pub fn on_receivers(&self, receivers: &BTreeSet<ReceiverName>) {
        for receiver in receivers {
            self.attempts.with_label_values(&[receiver.as_str()]);
            self.dead_lettered.with_label_values(&[receiver.as_str()]);
            self.pending.with_label_values(&[receiver.as_str()]);
            for reason in FailureReason::ALL {
                self.failed.with_label_values(&[receiver.as_str(), reason.as_str()]);
            }
        }
        let is_gone = |name: &str| !receivers.iter().any(|receiver| receiver.as_str() == name);
        for gone in series_of(&self.attempts).into_iter().filter(|labels| is_gone(label(labels, "receiver"))) {
            let receiver = label(&gone, "receiver");
            // An error only says that the series is gone already.
            let _ = self.attempts.remove_label_values(&[receiver]);
            let _ = self.dead_lettered.remove_label_values(&[receiver]);
            let _ = self.pending.remove_label_values(&[receiver]);
            let _ = self.oldest_pending.remove_label_values(&[receiver]);
            for reason in FailureReason::ALL {
                let _ = self.failed.remove_label_values(&[receiver, reason.as_str()]);
            }
        }
    }

    /// An attempt to deliver ended; `Some` tells why it failed.
    pub fn on_attempt(&self, receiver: &ReceiverName, failure: Option<FailureReason>) {
        self.attempts.with_label_values(&[receiver.as_str()]).inc();
        if let Some(reason) = failure {
            self.failed.with_label_values(&[receiver.as_str(), reason.as_str()]).inc();
        }
    }

    /// A delivery ended without having been taken.
    pub fn on_dead_letter(&self, receiver: &ReceiverName) {
        self.dead_lettered.with_label_values(&[receiver.as_str()]).inc();
    }

    /// What a receiver has before it.
    pub fn set_pending(&self, receiver: &ReceiverName, pending: Pending) {
        let count = i64::try_from(pending.count).unwrap_or(i64::MAX);
        self.pending.with_label_values(&[receiver.as_str()]).set(count);
        match pending.oldest {
            Some(at) => self.oldest_pending.with_label_values(&[receiver.as_str()]).set(at.timestamp() as f64),
            None => drop(self.oldest_pending.remove_label_values(&[receiver.as_str()])),
        }
    }

    /// Whether the configuration has a heartbeat: it begins at zero, so that one that is never taken is seen too, and is
    /// nothing to wait for where there is none.
    pub fn expect_heartbeat(&self, is_expected: bool) {
        if is_expected {
            self.heartbeat.with_label_values::<&str>(&[]);
        } else {
            // There may have been none before either.
            let _ = self.heartbeat.remove_label_values::<&str>(&[]);
        }
    }

    /// The dead man's switch took a sign of life.
    pub fn on_heartbeat(&self, at: DateTime<Utc>) {
        let gauge: Gauge = self.heartbeat.with_label_values::<&str>(&[]);
        gauge.set(at.timestamp() as f64);
    }

    /// So many transitions and notifications were dropped, since the store took nothing for too long.
    pub fn on_not_stored(&self, dropped: usize) {
        self.not_stored.inc_by(u64::try_from(dropped).unwrap_or(u64::MAX));
    }

    /// The store could not do what was asked.
    pub fn on_store_error(&self) {
        self.store_errors.inc();
    }

    /// How much room the store takes.
    pub fn set_store_size(&self, bytes: u64) {
        self.store_size.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> (Registry, DeliveryMetrics) {
        let registry = Registry::new();
        let metrics = DeliveryMetrics::new(&registry).unwrap();
        (registry, metrics)
    }

    fn page(registry: &Registry) -> String {
        prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
    }

    #[test]
    fn receivers_begin_at_zero_and_leave_with_the_configuration() {
        let (registry, metrics) = metrics();
        let names = |names: &[&str]| names.iter().map(ReceiverName::new).collect::<BTreeSet<_>>();
        let told = |receiver: &str| {
            let text = page(&registry);
            text.lines().filter(|line| line.contains(&format!("receiver=\"{receiver}\""))).count()
        };
        metrics.on_receivers(&names(&["chat", "on-call"]));
        assert_eq!(told("chat"), 3 + FailureReason::ALL.len());
        metrics.set_pending(&"chat".into(), Pending { count: 2, oldest: Some(DateTime::UNIX_EPOCH) });
        assert_eq!(told("chat"), 4 + FailureReason::ALL.len());
        metrics.on_receivers(&names(&["on-call"]));
        assert_eq!(told("chat"), 0);
        assert_eq!(told("on-call"), 3 + FailureReason::ALL.len());
    }

    #[test]
    fn a_heartbeat_is_there_from_the_start_where_one_is_expected() {
        let (registry, metrics) = metrics();
        let told = || {
            let value = |line: &str| line.strip_prefix(HEARTBEAT_LAST_SUCCESS.name)?.trim().parse::<f64>().ok();
            page(&registry).lines().find_map(value)
        };
        assert_eq!(told(), None);
        metrics.expect_heartbeat(true);
        assert_eq!(told(), Some(0.0));
        metrics.on_heartbeat(DateTime::from_timestamp(1_795_000_000, 0).unwrap());
        metrics.expect_heartbeat(true);
        assert_eq!(told(), Some(1_795_000_000.0), "a reload does not forget it");
        metrics.expect_heartbeat(false);
        assert_eq!(told(), None);
    }
}
