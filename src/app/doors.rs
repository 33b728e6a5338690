//! The daemon's own doors: where it listens, and who may pass, as the configuration says.
//!
//! The ports are opened once, at start; another address takes a restart. Who may pass changes with a reload, with one
//! exception: a port that others can reach is never left without a lock because the new configuration believes it is on
//! loopback.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use url::Url;

use super::daemon::StartError;
use crate::config::server::{Access as Readers, ServerSettings};
use crate::web::{Access, AccessChange, AccessHandle, HostGuard, MetricsPort, TlsError};

/// The open ports.
pub(super) struct Doors {
    pub(super) listener: TcpListener,
    pub(super) metrics: Option<MetricsPort>,
    pub(super) locks: Locks,
}

/// Who may pass; its copies are one.
#[derive(Clone)]
pub(super) struct Locks {
    /// Where everything is served.
    pub(super) address: SocketAddr,
    /// Where the metrics alone are.
    pub(super) metrics_address: Option<SocketAddr>,
    pub(super) guard: HostGuard,
    metrics_guard: Option<HostGuard>,
    pub(super) access: AccessHandle,
}

impl Doors {
    /// Opens them.
    pub(super) async fn open(server: &ServerSettings) -> Result<Self, StartError> {
        let (listener, address) = listen(server.listen).await?;
        let guard = HostGuard::new(address, server.external_host());
        let metrics = match server.metrics_listen {
            None => None,
            Some(wanted) => {
                let (listener, address) = listen(wanted).await?;
                Some((MetricsPort { listener, guard: HostGuard::new(address, server.external_host()) }, address))
            }
        };
        let (metrics, metrics_address) = metrics.unzip();
        let access = rules(server, address).map_err(StartError::Access)?;
        let metrics_guard = metrics.as_ref().map(|port| port.guard.clone());
        let locks = Locks { address, metrics_address, guard, metrics_guard, access: AccessHandle::new(access) };
        Ok(Self { listener, metrics, locks })
    }
}

impl Locks {
    /// The rules of another configuration, before they are in force.
    pub(super) fn rules(&self, server: &ServerSettings) -> Result<Access, TlsError> {
        rules(server, self.address)
    }

    /// Puts them in force, and says what is new about them.
    pub(super) fn change(&self, server: &ServerSettings, rules: Access) -> AccessChange {
        for guard in [Some(&self.guard), self.metrics_guard.as_ref()].into_iter().flatten() {
            guard.replace_names(server.external_host());
        }
        let ports = [Some(self.address), self.metrics_address].into_iter().flatten();
        let beyond: Vec<_> = ports.filter(|port| !port.ip().is_loopback()).collect();
        if let (Readers::LoopbackOnly, Some(port)) = (server.access, beyond.first()) {
            tracing::warn!(
                %port,
                "access stays as it was until the restart that the new address takes: {port} can be reached from other \
                 machines, and nobody would be asked for a password"
            );
            return AccessChange::AwaitsRestart;
        }
        self.access.replace(rules)
    }

    /// Where we are reached, as a link.
    pub(super) fn own_url(&self, server: &ServerSettings) -> Url {
        own_url(self.address, server)
    }
}

fn rules(server: &ServerSettings, address: SocketAddr) -> Result<Access, TlsError> {
    Access::new(server.web_config.as_deref(), address.ip().is_loopback(), server.actors.clone())
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// The address we listen on, as a link.
pub(super) fn own_url(address: SocketAddr, server: &ServerSettings) -> Url {
    // An IP address and a port always make one; what is never shown stands in for the error that cannot be.
    let root = if server.speaks_tls() { "https://localhost/" } else { "http://localhost/" };
    let mut url = Url::parse(root).unwrap_or_else(|_| unreachable!("a constant that is a URL"));
    let host = if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
    let _ = url.set_host(Some(&host));
    let _ = url.set_port(Some(address.port()));
    url
}
