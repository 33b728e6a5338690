//! The daemon's own health, counted where it happens and exported through the `prometheus` crate.
//!
//! The registry is private: nothing that a library registers elsewhere gets onto the page. Series whose labels are
//! known beforehand begin at zero, so that a first failure is an increase.

mod delivery;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

pub use delivery::{DeliveryMetrics, Pending};

use super::families::{
    API_BUDGET_REMAINING, API_REQUEST_DURATION, API_REQUESTS, BUILD_INFO, CONFIG_LAST_RELOAD_SUCCESS,
    CONFIG_LAST_RELOAD_SUCCESSFUL, Family, PANICS, PROBE_DURATION, PROBE_FAILURES, PROBES, PROBES_CONCLUDED,
    SCHEDULE_INTERVAL, SCHEDULE_LAG, SERIES_DROPPED,
};
use crate::domain::names::{ApiName, CredentialName};
use crate::domain::work::{Outcome, ProbeKind};
use crate::schedule::planner::OutcomeClass;

/// Seconds. A probe is one request or a walk of many pages under a request budget.
const PROBE_BUCKETS: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0];

/// Seconds. A request ends by its timeout at the latest.
const REQUEST_BUCKETS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The `code` of a request that got no HTTP answer.
const NO_ANSWER: &str = "none";

/// What is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildInfo {
    /// The version of snykwatch.
    pub version: &'static str,
    /// The commit it was built from, where the build said so.
    pub revision: &'static str,
    /// The compiler.
    pub rustc: &'static str,
}

impl BuildInfo {
    /// This build. `SNYKWATCH_REVISION` and `SNYKWATCH_RUSTC` are set by the release build; without them the revision
    /// is unknown and the compiler is the pinned one.
    pub const fn current() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            revision: match option_env!("SNYKWATCH_REVISION") {
                Some(revision) => revision,
                None => "unknown",
            },
            rustc: match option_env!("SNYKWATCH_RUSTC") {
                Some(rustc) => rustc,
                None => env!("CARGO_PKG_RUST_VERSION"),
            },
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestEnd {
    /// With this HTTP status.
    Answered(u16),
    /// Without an answer: refused, timed out, cut off.
    Unanswered,
}

/// Counters and gauges about the daemon itself. Counting never waits.
#[derive(Debug)]
pub struct OwnMetrics {
    registry: Registry,
    failure_reasons: &'static [&'static str],
    probes: IntCounterVec,
    probes_concluded: IntCounterVec,
    probe_failures: IntCounterVec,
    probe_duration: HistogramVec,
    schedule_interval: GaugeVec,
    schedule_lag: GaugeVec,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    budget: IntGaugeVec,
    reload_successful: IntGauge,
    reload_success: Gauge,
    panics: IntCounter,
    series_dropped: IntGauge,
    delivery: DeliveryMetrics,
}

impl OwnMetrics {
    /// Registers everything. `failure_reasons` are the words a probe's failure can have: all begin at zero.
    ///
    /// # Errors
    ///
    /// Only when two families share a name.
    pub fn new(build: BuildInfo, failure_reasons: &'static [&'static str]) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let own = Self {
            probes: registered(&registry, IntCounterVec::new(options(&PROBES), PROBES.labels)?)?,
            probes_concluded: registered(
                &registry,
                IntCounterVec::new(options(&PROBES_CONCLUDED), PROBES_CONCLUDED.labels)?,
            )?,
            probe_failures: registered(
                &registry,
                IntCounterVec::new(options(&PROBE_FAILURES), PROBE_FAILURES.labels)?,
            )?,
            probe_duration: registered(&registry, histogram(&PROBE_DURATION, PROBE_BUCKETS)?)?,
            schedule_interval: registered(
                &registry,
                GaugeVec::new(options(&SCHEDULE_INTERVAL), SCHEDULE_INTERVAL.labels)?,
            )?,
            schedule_lag: registered(&registry, GaugeVec::new(options(&SCHEDULE_LAG), SCHEDULE_LAG.labels)?)?,
            requests: registered(&registry, IntCounterVec::new(options(&API_REQUESTS), API_REQUESTS.labels)?)?,
            request_duration: registered(&registry, histogram(&API_REQUEST_DURATION, REQUEST_BUCKETS)?)?,
            budget: registered(
                &registry,
                IntGaugeVec::new(options(&API_BUDGET_REMAINING), API_BUDGET_REMAINING.labels)?,
            )?,
            reload_successful: registered(&registry, IntGauge::with_opts(options(&CONFIG_LAST_RELOAD_SUCCESSFUL))?)?,
            reload_success: registered(&registry, Gauge::with_opts(options(&CONFIG_LAST_RELOAD_SUCCESS))?)?,
            panics: registered(&registry, IntCounter::with_opts(options(&PANICS))?)?,
            series_dropped: registered(&registry, IntGauge::with_opts(options(&SERIES_DROPPED))?)?,
            delivery: DeliveryMetrics::new(&registry)?,
            failure_reasons,
            registry,
        };
        let info = registered(&own.registry, IntGaugeVec::new(options(&BUILD_INFO), BUILD_INFO.labels)?)?;
        info.with_label_values(&[build.version, build.revision, build.rustc]).set(1);
        own.registry.register(Box::new(ProcessCollector::for_self()))?;
        own.begin_at_zero();
        Ok(own)
    }

    fn begin_at_zero(&self) {
        for probe in ProbeKind::ALL {
            self.probes.with_label_values(&[probe.as_str()]);
            self.probes_concluded.with_label_values(&[probe.as_str()]);
            self.probe_duration.with_label_values(&[probe.as_str()]);
            self.schedule_lag.with_label_values(&[probe.as_str()]);
            for reason in self.failure_reasons {
                self.probe_failures.with_label_values(&[probe.as_str(), reason]);
            }
        }
    }

    /// A probe ended after `took` (real time).
    pub fn on_probe(&self, kind: ProbeKind, outcome: &Outcome, class: OutcomeClass, took: Duration) {
        self.probes.with_label_values(&[kind.as_str()]).inc();
        if class == OutcomeClass::Conclusive {
            self.probes_concluded.with_label_values(&[kind.as_str()]).inc();
        }
        self.probe_duration.with_label_values(&[kind.as_str()]).observe(took.as_secs_f64());
        let reasons: BTreeSet<&str> = outcome.failures.iter().map(|failure| failure.reason).collect();
        for reason in reasons {
            self.probe_failures.with_label_values(&[kind.as_str(), reason]).inc();
        }
    }

    /// A request ended after `took` (real time).
    pub fn on_request(&self, api: &ApiName, end: RequestEnd, took: Duration) {
        let code = match end {
            RequestEnd::Answered(status) => status.to_string(),
            RequestEnd::Unanswered => NO_ANSWER.to_owned(),
        };
        self.requests.with_label_values(&[api.as_str(), &code]).inc();
        self.request_duration.with_label_values(&[api.as_str()]).observe(took.as_secs_f64());
    }

    /// The APIs and credentials of the configuration in force. Series of others are dropped, requests to these begin
    /// at zero.
    pub fn on_watched(&self, apis: &BTreeSet<ApiName>, credentials: &BTreeSet<CredentialName>) {
        for api in apis {
            self.request_duration.with_label_values(&[api.as_str()]);
            for code in ["200", NO_ANSWER] {
                self.requests.with_label_values(&[api.as_str(), code]);
            }
        }
        let kept = |name: &str| apis.iter().any(|api| api.as_str() == name);
        for gone in series_of(&self.requests).into_iter().filter(|labels| !kept(label(labels, "api"))) {
            // An error only says that the series is gone already.
            let _ = self.requests.remove_label_values(&[label(&gone, "api"), label(&gone, "code")]);
        }
        for gone in series_of(&self.request_duration).into_iter().filter(|labels| !kept(label(labels, "api"))) {
            let _ = self.request_duration.remove_label_values(&[label(&gone, "api")]);
        }
        let kept = |name: &str| credentials.iter().any(|credential| credential.as_str() == name);
        for gone in series_of(&self.budget).into_iter().filter(|labels| !kept(label(labels, "credential"))) {
            let _ = self.budget.remove_label_values(&[label(&gone, "credential")]);
        }
    }

    /// The longest planned time between two runs of a probe.
    pub fn set_schedule_interval(&self, kind: ProbeKind, interval: TimeDelta) {
        self.schedule_interval.with_label_values(&[kind.as_str()]).set(seconds(interval));
    }

    /// How late a probe began.
    pub fn set_schedule_lag(&self, kind: ProbeKind, lag: TimeDelta) {
        self.schedule_lag.with_label_values(&[kind.as_str()]).set(seconds(lag).max(0.0));
    }

    /// What the request budget of a credential still allows.
    pub fn set_budget_remaining(&self, credential: &CredentialName, requests: u64) {
        let requests = i64::try_from(requests).unwrap_or(i64::MAX);
        self.budget.with_label_values(&[credential.as_str()]).set(requests);
    }

    /// The configuration was loaded and is in force.
    pub fn on_configuration_loaded(&self, at: DateTime<Utc>) {
        self.reload_successful.set(1);
        self.reload_success.set(at.timestamp() as f64);
    }

    /// A reload failed; the configuration before stays in force.
    pub fn on_configuration_rejected(&self) {
        self.reload_successful.set(0);
    }

    /// Delivery and storage.
    pub fn delivery(&self) -> &DeliveryMetrics {
        &self.delivery
    }

    /// A panic was caught.
    pub fn on_panic(&self) {
        self.panics.inc();
    }

    /// Sets how many series the page leaves out; gives how many it was before.
    pub(super) fn set_series_dropped(&self, series: usize) -> i64 {
        let before = self.series_dropped.get();
        self.series_dropped.set(i64::try_from(series).unwrap_or(i64::MAX));
        before
    }

    /// The families as text.
    pub(super) fn text(&self) -> String {
        match TextEncoder::new().encode_to_string(&self.registry.gather()) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "own metrics could not be written; the rest of the page is complete");
                String::new()
            }
        }
    }
}

fn options(family: &Family) -> Opts {
    Opts::new(family.name, family.help)
}

fn histogram(family: &Family, buckets: &[f64]) -> Result<HistogramVec, prometheus::Error> {
    let options = HistogramOpts::new(family.name, family.help).buckets(buckets.to_vec());
    HistogramVec::new(options, family.labels)
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn seconds(span: TimeDelta) -> f64 {
    span.num_milliseconds() as f64 / 1000.0
}

type SeriesLabels = Vec<(String, String)>;

fn series_of(collector: &impl Collector) -> Vec<SeriesLabels> {
    let families = collector.collect();
    let series = families.iter().flat_map(|family| family.get_metric().iter());
    let labels = series.map(|metric| {
        let labels = metric.get_label().iter();
        labels.map(|label| (label.name().to_owned(), label.value().to_owned())).collect()
    });
    labels.collect()
}

fn label<'a>(labels: &'a SeriesLabels, name: &str) -> &'a str {
    labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}
