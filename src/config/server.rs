//! The `server` and `metrics` sections: where the daemon listens and how much it exports.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::web_config::WebConfig;

/// Where the daemon listens unless told otherwise: loopback, on a port of the range Prometheus exporters use.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9979);
/// Past this many series, Organization detail falls to the summary. Series.
pub const DEFAULT_MAXIMUM_SERIES: u32 = 50_000;
/// Above this many Organizations, and with nothing configured, only their status is exported. Organizations.
pub const FULL_DETAIL_LIMIT: usize = 2_000;

/// Where the daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address and port.
    pub listen: SocketAddr,
    /// A second address and port, with metrics and health alone.
    pub metrics_listen: Option<SocketAddr>,
    /// Who may read.
    pub access: Access,
    /// TLS, users and headers of the pages; `None`: nobody is asked who they are.
    pub web_config: Option<Arc<WebConfig>>,
    /// Users, and names in client certificates, that may act.
    pub actors: BTreeSet<String>,
    /// Where people reach it, for links in notifications; `None`: the address it listens on.
    pub external_url: Option<url::Url>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN,
            metrics_listen: None,
            access: Access::LoopbackOnly,
            web_config: None,
            actors: BTreeSet::new(),
            external_url: None,
        }
    }
}

/// Who may read pages and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever is on this machine: every listener is on loopback.
    LoopbackOnly,
    /// Whoever is known, as the web-config file says.
    Authenticated,
    /// Everybody who reaches the port, as `allow_unauthenticated` says.
    Unauthenticated,
}

impl ServerSettings {
    /// Whether the pages are served by TLS.
    pub fn speaks_tls(&self) -> bool {
        self.web_config.as_ref().is_some_and(|config| config.tls.is_some())
    }

    /// The host under which people reach the daemon, where that is configured.
    pub fn external_host(&self) -> Option<String> {
        self.external_url.as_ref().and_then(|url| url.host_str()).map(str::to_owned)
    }
}

/// How much is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsSettings {
    /// How much of each Organization is exported; `None` decides by their number.
    pub organizations: Option<OrganizationDetail>,
    /// Past this many series, Organization detail falls to the summary.
    pub max_series: u32,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self { organizations: None, max_series: DEFAULT_MAXIMUM_SERIES }
    }
}

impl MetricsSettings {
    /// How much of each Organization is exported when there are so many of them.
    pub fn organization_detail(&self, organizations: usize) -> OrganizationDetail {
        self.organizations.unwrap_or(if organizations > FULL_DETAIL_LIMIT {
            OrganizationDetail::Status
        } else {
            OrganizationDetail::Full
        })
    }
}

/// How much of each Organization is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrganizationDetail {
    /// Counts alone.
    Summary,
    /// The status.
    Status,
    /// Everything.
    Full,
}

impl OrganizationDetail {
    /// The word in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Status => "status",
            Self::Full => "full",
        }
    }
}
