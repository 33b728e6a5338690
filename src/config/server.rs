//! The `server` and `metrics` sections: where the daemon listens and how much it exports.

use std::net::{Ipv4Addr, SocketAddr};

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
    /// Who may read.
    pub access: Access,
    /// Where people reach it, for links in notifications; `None`: the address it listens on.
    pub external_url: Option<url::Url>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self { listen: DEFAULT_LISTEN, access: Access::LoopbackOnly, external_url: None }
    }
}

/// Who may read pages and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever is on this machine: the listener is on loopback.
    LoopbackOnly,
    /// Everybody who reaches the port, as `allow_unauthenticated` says.
    Unauthenticated,
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
