//! A client that speaks TLS, with or without a certificate of its own, and the certificates of the stories.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::http::{self, Page};

/// Who issued the certificate for `localhost`, that certificate, and its key.
pub(crate) const AUTHORITY: &str = include_str!("../../../src/client/testing/authority.pem");
const LOCALHOST: &str = include_str!("../../../src/client/testing/localhost.pem");
const LOCALHOST_KEY: &str = include_str!("../../../src/client/testing/localhost-key.pem");

/// Who issued the certificates of clients.
const CLIENTS_AUTHORITY: &str = include_str!("../certificates/clients-authority.pem");

/// A client's certificate for `ops.example.com` and `192.0.2.7`, with its key.
pub(crate) const OPS: (&str, &str) =
    (include_str!("../certificates/ops.pem"), include_str!("../certificates/ops-key.pem"));

/// One for `guest.example.com`.
pub(crate) const GUEST: (&str, &str) =
    (include_str!("../certificates/guest.pem"), include_str!("../certificates/guest-key.pem"));

/// Writes what a daemon needs into its directory: `server.pem`, `server-key.pem`, `clients.pem`; and `authority.pem` for
/// those who ask it.
pub(crate) fn write_files(directory: &Path) {
    for (name, pem) in [
        ("server.pem", LOCALHOST),
        ("server-key.pem", LOCALHOST_KEY),
        ("clients.pem", CLIENTS_AUTHORITY),
        ("authority.pem", AUTHORITY),
        ("ops.pem", OPS.0),
        ("ops-key.pem", OPS.1),
    ] {
        std::fs::write(directory.join(name), pem).unwrap();
    }
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    certificate: Option<(&'static str, &'static str)>,
    versions: &'static [&'static SupportedProtocolVersion],
}

impl Client {
    pub(crate) fn new() -> Self {
        Self { certificate: None, versions: rustls::ALL_VERSIONS }
    }

    pub(crate) fn with(certificate: (&'static str, &'static str)) -> Self {
        Self { certificate: Some(certificate), ..Self::new() }
    }

    /// One that speaks TLS 1.2 at most.
    pub(crate) fn old() -> Self {
        static OLD: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
        Self { versions: &OLD, ..Self::new() }
    }

    /// The answer; `None` where there is no handshake, or none that lasts.
    pub(crate) async fn ask(self, address: SocketAddr, method: &str, path: &str, headers: &str) -> Option<Page> {
        let connector = TlsConnector::from(Arc::new(self.config()));
        let stream = TcpStream::connect(address).await.ok()?;
        let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.ok()?;
        let request = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n");
        http::exchange(stream, &request).await
    }

    fn config(self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(self.versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        match self.certificate {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
            }
        }
    }
}
