//! The sections about the daemon itself as a file writes them: `schedule`, `http`, `metrics`, `server`,
//! `storage`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::spanned::Spanned;
use super::value::{ExternalUrl, HumanDuration, Listen, ProxyUrl, RawZone};

/// How often each probe runs.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawSchedule {
    /// Are the Snyk tokens accepted, and when do they end? Default every 5m.
    pub(crate) snyk: Option<Spanned<RawCadence>>,
    /// Are the PATs accepted, what may they do, and when do they end? Default every 5m.
    pub(crate) credentials: Option<Spanned<RawCadence>>,
    /// Workspaces and repositories at the Git host, assets in Snyk's Inventory. Default every 30m.
    pub(crate) inventory: Option<Spanned<RawCadence>>,
    /// Integrations, targets, projects and audit log of the Organizations. Default every 1h.
    pub(crate) organizations: Option<Spanned<RawCadence>>,
    /// Webhooks on imported repositories. Default every 1d, 50 repositories.
    pub(crate) webhooks: Option<Spanned<RawSampling>>,
    /// Catalog files and what became of them. Default every 1d, 20 repositories.
    pub(crate) catalog: Option<Spanned<RawSampling>>,
}

/// How often a probe runs: `every`, or `cron`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawCadence {
    /// Again and again after this time.
    pub(crate) every: Option<Spanned<HumanDuration>>,
    /// At the times of a cron expression of five fields: minute, hour, day of month, month, day of week.
    pub(crate) cron: Option<Spanned<String>>,
    /// The time zone of the cron expression. Default: `timezone`.
    pub(crate) zone: Option<Spanned<RawZone>>,
    /// For how long an answer counts. Default: three times the longest time between two runs, at least once
    /// and 1h.
    pub(crate) max_age: Option<Spanned<HumanDuration>>,
}

/// How often a probe runs, and how many repositories it looks at in one run.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawSampling {
    /// Again and again after this time.
    pub(crate) every: Option<Spanned<HumanDuration>>,
    /// At the times of a cron expression of five fields: minute, hour, day of month, month, day of week.
    pub(crate) cron: Option<Spanned<String>>,
    /// The time zone of the cron expression. Default: `timezone`.
    pub(crate) zone: Option<Spanned<RawZone>>,
    /// For how long an answer counts. Default: three times the longest time between two runs, at least once
    /// and 1h.
    pub(crate) max_age: Option<Spanned<HumanDuration>>,
    /// How many repositories one run looks at.
    pub(crate) sample: Option<Spanned<u32>>,
}

impl RawSampling {
    pub(crate) fn cadence(&self) -> RawCadence {
        RawCadence {
            every: self.every.clone(),
            cron: self.cron.clone(),
            zone: self.zone.clone(),
            max_age: self.max_age.clone(),
        }
    }
}

/// How APIs are reached.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawHttp {
    /// The proxy for every request but those to `no_proxy` hosts.
    pub(crate) proxy: Option<ProxyUrl>,
    /// Hosts, domains (`.example.com`) or networks that are reached without the proxy.
    pub(crate) no_proxy: Option<Vec<String>>,
    /// Certificates (PEM) to trust beside the system's. A relative name is looked for beside this file.
    pub(crate) ca_file: Option<Spanned<String>>,
    /// How long a connection may take. Default 10s.
    pub(crate) connect_timeout: Option<Spanned<HumanDuration>>,
    /// How long a whole request may take. Default 1m.
    pub(crate) request_timeout: Option<Spanned<HumanDuration>>,
}

/// The `/metrics` page.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawMetrics {
    /// How much of each Organization is exported. Default: `full`; above 2,000 Organizations `status`.
    pub(crate) organizations: Option<RawOrganizationDetail>,
    /// Past this many series, Organization detail falls to the summary. Default 50000.
    pub(crate) max_series: Option<Spanned<u32>>,
}

/// How much of each Organization is exported.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawOrganizationDetail {
    /// Everything.
    Full,
    /// The status.
    Status,
    /// Counts alone.
    Summary,
}

/// The daemon's own pages.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawServer {
    /// The address and port. Default 127.0.0.1:9979.
    pub(crate) listen: Option<Spanned<Listen>>,
    /// A second address and port, with the metrics and `/-/healthy` alone. Default: none.
    pub(crate) metrics_listen: Option<Spanned<Listen>>,
    /// Whether everybody who reaches the port may read. Needed for any address but loopback, unless `web_config_file`
    /// asks for passwords or certificates.
    pub(crate) allow_unauthenticated: Option<Spanned<bool>>,
    /// TLS, users and headers of the pages, in the form that Prometheus' exporters share. A relative name is looked for
    /// beside this file. It is read again when it changes.
    pub(crate) web_config_file: Option<Spanned<String>>,
    /// Users, and names in client certificates, that may act: reload, silence, acknowledge, test. All others may read.
    pub(crate) actors: Vec<Spanned<String>>,
    /// Where people reach the daemon, for links in notifications. Default: the address it listens on.
    pub(crate) external_url: Option<ExternalUrl>,
}

/// Where the state is kept. A change takes a restart.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawStorage {
    /// One file.
    pub(crate) sqlite: RawSqlite,
    /// Transitions and ended deliveries are kept for so long. Default 400d.
    pub(crate) retention: Option<Spanned<HumanDuration>>,
}

/// One file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawSqlite {
    /// Which. A relative path lies in systemd's state directory (`StateDirectory=`) where there is one, else beside
    /// this file. Default snykwatch.db.
    pub(crate) path: Option<Spanned<String>>,
}
