//! TLS of our own pages, and the names in a client's certificate.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::files;
use crate::config::web_config::{ClientCertificates, TlsSettings, TlsVersion};

/// A handshake that takes longer is given up: nobody may hold a connection for nothing.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("could not read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file holds nothing of what is needed.
    #[error("{} holds no usable PEM {what}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What is needed.
        what: &'static str,
    },
    /// Certificate and key, or an authority, cannot be used.
    #[error("could not set up TLS with {}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// An allowed name of clients that no certificate can have.
    #[error("`{name}` in client_allowed_sans is neither a DNS name nor an address")]
    NoName {
        /// What is written.
        name: String,
    },
    /// Client certificates cannot be verified.
    #[error("could not set up the verification of client certificates by {}", path.display())]
    Verifier {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::server::VerifierBuilderError,
    },
}

/// The DNS names in a verified client's certificate.
#[derive(Debug, Clone)]
pub(crate) struct CertifiedNames(pub(crate) Arc<[String]>);

/// A certificate without any of the names in `client_allowed_sans`.
struct NotAllowed;

/// One set of certificate, key and verification.
pub(crate) struct Server {
    acceptor: TlsAcceptor,
    allowed: Vec<ServerName<'static>>,
    /// Tells one content of the files from another.
    pub(super) print: [u8; 32],
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Server").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

impl Server {
    pub(super) fn try_new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let mut files = Files::default();
        let unusable = |source| TlsError::Unusable { path: settings.cert_file.clone(), source };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions: &[&rustls::SupportedProtocolVersion] = match settings.minimum {
            TlsVersion::Tls12 => &[&rustls::version::TLS12, &rustls::version::TLS13],
            TlsVersion::Tls13 => &[&rustls::version::TLS13],
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(versions).map_err(unusable)?;
        let builder = match (settings.clients, &settings.client_ca_file) {
            (ClientCertificates::Ignored, _) | (_, None) => builder.with_no_client_auth(),
            (clients, Some(path)) => {
                let mut roots = RootCertStore::empty();
                for certificate in files.certificates(path)? {
                    roots.add(certificate).map_err(|source| TlsError::Unusable { path: path.clone(), source })?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = match clients {
                    ClientCertificates::Optional => verifier.allow_unauthenticated(),
                    _ => verifier,
                };
                let verifier = verifier.build();
                let verifier = verifier.map_err(|source| TlsError::Verifier { path: path.clone(), source })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let (chain, key) = (files.certificates(&settings.cert_file)?, files.key(&settings.key_file)?);
        let mut config = builder.with_single_cert(chain, key).map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let allowed = settings.client_allowed_sans.iter().map(|name| {
            // One that is left out would let more in than was wanted, or everybody.
            ServerName::try_from(name.clone()).map_err(|_| TlsError::NoName { name: name.clone() })
        });
        let allowed = allowed.collect::<Result<_, _>>()?;
        let print = files.read.finalize().into();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), allowed, print })
    }

    /// The names of a client that showed a certificate, or that it has none of those that are needed.
    fn names(&self, stream: &TlsStream<TcpStream>) -> Result<Option<CertifiedNames>, NotAllowed> {
        let certificates = stream.get_ref().1.peer_certificates();
        let Some(certificate) = certificates.and_then(|certificates| certificates.first()) else { return Ok(None) };
        let certificate = webpki::EndEntityCert::try_from(certificate).map_err(|_| NotAllowed)?;
        let is_allowed = self.allowed.is_empty()
            || self.allowed.iter().any(|name| certificate.verify_is_valid_for_subject_name(name).is_ok());
        let names: Vec<String> = certificate.valid_dns_names().map(str::to_owned).collect();
        if is_allowed { Ok(Some(CertifiedNames(names.into()))) } else { Err(NotAllowed) }
    }
}

/// Shakes hands with a client. `None`: it did not, or may not.
pub(crate) async fn accept(
    server: &Server,
    stream: TcpStream,
) -> Option<(TlsStream<TcpStream>, Option<CertifiedNames>)> {
    let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, server.acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            return None;
        }
        Err(_) => return None,
    };
    let Ok(names) = server.names(&stream) else {
        tracing::debug!("a client's certificate has none of the names in client_allowed_sans");
        return None;
    };
    Some((stream, names))
}

/// The files of one set, as they are read.
#[derive(Default)]
struct Files {
    read: Sha256,
}

impl Files {
    /// All of them, or none: of a file that is just being written, a part is no chain.
    fn certificates(&mut self, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let pem = self.content(path)?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let empty = || TlsError::Empty { path: path.to_path_buf(), what: "certificate" };
        found.ok().filter(|found| !found.is_empty()).ok_or_else(empty)
    }

    fn key(&mut self, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
        let pem = self.content(path)?;
        let empty = |_| TlsError::Empty { path: path.to_path_buf(), what: "private key" };
        PrivateKeyDer::from_pem_slice(&pem).map_err(empty)
    }

    fn content(&mut self, path: &Path) -> Result<Vec<u8>, TlsError> {
        let unreadable = |source| TlsError::Unreadable { path: path.to_path_buf(), source };
        let content = files::read(path, files::LONGEST_CERTIFICATES).map_err(unreadable)?;
        self.read.update(&content);
        Ok(content)
    }
}
