//! Whom we trust, and how a certificate that is not trusted is named.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use super::{HttpBuildError, issuer};
use crate::config::files;

/// Installs the cryptography for every TLS connection of this process. May be called any number of times.
pub fn install_tls_provider() {
    // An error says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The certificates of the system, as far as they can be read (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others).
pub(crate) fn system_authorities() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "a system certificate could not be read");
    }
    found.certs
}

/// The system's authorities and those of the CA file.
pub(crate) fn authorities(
    system: Vec<CertificateDer<'static>>,
    ca_file: Option<&Path>,
) -> Result<RootCertStore, HttpBuildError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(system);
    if let Some(path) = ca_file {
        roots.add_parsable_certificates(self::ca_file(path)?);
    }
    Ok(roots)
}

/// The usable certificates of a CA file: at least one.
pub(crate) fn ca_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpBuildError> {
    let unreadable = |source| HttpBuildError::CaFileUnreadable { path: path.to_owned(), source };
    let pem = files::read(path, files::LONGEST_CERTIFICATES).map_err(unreadable)?;
    let certificates = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    let usable: Vec<_> =
        certificates.filter(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok()).collect();
    if usable.is_empty() { Err(HttpBuildError::CaFileEmpty { path: path.to_owned() }) } else { Ok(usable) }
}

/// TLS for clients. Without authorities it trusts nobody.
pub(crate) fn client_config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let mut config = if roots.is_empty() {
        builder.with_root_certificates(roots).with_no_client_auth()
    } else {
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let verifier = verifier.map_err(|error| rustls::Error::General(error.to_string()))?;
        let verifier = Arc::new(IssuerNaming(verifier));
        builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Shows our own certificate to a server that asks for one.
pub(crate) fn show(config: &mut ClientConfig, certificate: &Path, key: &Path) -> Result<(), HttpBuildError> {
    let own = |config: &ClientConfig| -> Result<CertifiedKey, Box<dyn std::error::Error + Send + Sync>> {
        let read = |path| files::read(path, files::LONGEST_CERTIFICATES);
        let chain = CertificateDer::pem_slice_iter(&read(certificate)?).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(&read(key)?)?;
        Ok(CertifiedKey::from_der(chain, key, config.crypto_provider())?)
    };
    let own = own(config).map_err(|source| HttpBuildError::OwnCertificate {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    })?;
    config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(own));
    Ok(())
}

/// A certificate that was not accepted, and who issued it: behind an intercepting proxy the issuer is the whole story.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct RejectedCertificate {
    pub(crate) issuer: Option<String>,
    pub(crate) reason: rustls::Error,
}

/// The ordinary verification; only its refusals say more.
#[derive(Debug)]
struct IssuerNaming(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for IssuerNaming {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verdict.map_err(|reason| {
            let rejected = RejectedCertificate { issuer: issuer::issuer_of(end_entity), reason };
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(rejected))))
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The rejected certificate behind a TLS error.
pub(crate) fn rejected(error: &rustls::Error) -> Option<&RejectedCertificate> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => inner.downcast_ref(),
        _ => None,
    }
}
