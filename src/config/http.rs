//! The `http` section: how APIs are reached. Snyk entries and credentials may override any part of it.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

/// How long a connection (DNS, TCP, proxy, TLS) may take. Far longer than a healthy one, short enough that ten dead
/// addresses do not use up a probe's interval. Seconds.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one request may take from start to the last byte of its answer. Snyk's slowest listings take several
/// seconds. Seconds.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// How an API is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// The proxy for every request but those to `no_proxy` hosts.
    pub proxy: Option<Url>,
    /// Hosts, domains (`.example.com`) or networks reached without the proxy.
    pub no_proxy: Vec<String>,
    /// Certificates (PEM) to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a whole request may take.
    pub request_timeout: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            proxy: None,
            no_proxy: Vec::new(),
            ca_file: None,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            request_timeout: DEFAULT_REQUEST_TIMEOUT,
        }
    }
}
