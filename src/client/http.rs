//! The hardened transport: the one place where a request leaves this process for Snyk or a Git host.
//!
//! - A [`Target`] binds a secret to one base URL; a request to any other host, port, scheme or path never leaves.
//! - Only what [`super::allowed`] lists leaves. No redirect is followed, no cookie kept.
//! - One thing is tried again, once: a request whose connection ended before the first byte of an answer. A kept
//!   connection that the server closed meanwhile looks like that, and is no outage.
//! - Name lookup to last byte has a time limit, in real time; the decompressed body has a size limit while it streams.
//! - Plain HTTP goes to loopback only (the sandbox); everything else needs a trusted certificate.
//!
//! It does not judge answers; it only tells the layers of trouble apart: name lookup, proxy, TLS, network.

mod issuer;
mod proxy;
mod target;
mod tls;
mod trouble;
mod tunnel;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use rustls::pki_types::CertificateDer;
use tokio::time::{Instant, timeout_at};
use url::Url;

pub use self::target::Target;
pub use self::tls::install_tls_provider;
pub(super) use self::trouble::{LookupFailed, innermost, of_post as post_trouble, tls_trouble};

use self::proxy::ProxyRule;
use super::allowed::{self, Verb};
use super::answer::{Failure, FailureClass, TimeoutPhase};

/// Most bytes of an error body that are looked at: an error message is short, a login page is not worth reading.
const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// How requests leave.
#[derive(Clone)]
pub struct HttpOptions {
    /// The proxy for everything but loopback and `no_proxy`; `http://` or `https://`, userinfo allowed.
    pub proxy: Option<Url>,
    /// Hosts that are reached directly: `example.com` (and below), `.example.com`, addresses, networks (`10.0.0.0/8`), `*`.
    pub no_proxy: Vec<String>,
    /// PEM file of the certificate authorities to trust beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Time for name lookup, TCP, proxy and TLS together.
    pub connect_timeout: Duration,
    /// Time for the whole request, to the last byte of the answer.
    pub request_timeout: Duration,
    /// Most bytes of a decompressed body.
    pub body_limit: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            proxy: None,
            no_proxy: Vec::new(),
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            // The fullest page we ask for has 100 items of a few kilobytes.
            body_limit: 16 * 1024 * 1024,
        }
    }
}

impl std::fmt::Debug for HttpOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("HttpOptions")
            .field("proxy", &self.proxy.as_ref().map(proxy::without_userinfo))
            .field("no_proxy", &self.no_proxy)
            .field("ca_file", &self.ca_file)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("body_limit", &self.body_limit)
            .finish()
    }
}

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum HttpBuildError {
    /// The CA file cannot be read.
    #[error("could not read the CA file {}", path.display())]
    CaFileUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The CA file holds no usable certificate.
    #[error("the CA file {} holds no usable PEM certificate", path.display())]
    CaFileEmpty {
        /// The file.
        path: PathBuf,
    },
    /// Our own certificate cannot be shown.
    #[error("could not use the certificate {} with the key {}", certificate.display(), key.display())]
    OwnCertificate {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is nobody to trust.
    #[error(
        "no certificate authority is known, so {host} cannot be reached securely: install the package `ca-certificates`, \
         or set `ca_file`"
    )]
    NoCertificateAuthorities {
        /// The host to be reached.
        host: String,
    },
    /// The base URL is not one we send secrets to.
    #[error("{url} cannot be a base URL: {reason}")]
    UnusableBaseUrl {
        /// The URL, without userinfo.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The proxy's address is not one.
    #[error("{url} cannot be a proxy: {reason}")]
    UnusableProxy {
        /// The URL, without userinfo.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// TLS cannot be set up.
    #[error("could not set up TLS")]
    Tls(#[source] rustls::Error),
    /// The mail library refuses the certificates.
    #[error("could not set up TLS for the mail server")]
    Smtp(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The HTTP library refuses.
    #[error("could not set up the HTTP client")]
    Library(#[source] reqwest::Error),
}

/// A cheap handle on the transport; clones share connections.
#[derive(Clone)]
pub struct HttpClient(Arc<Transport>);

struct Transport {
    direct: reqwest::Client,
    proxied: Option<(ProxyRule, reqwest::Client)>,
    has_authorities: bool,
    options: HttpOptions,
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("HttpClient").field(&self.0.options).finish()
    }
}

/// A request, ready to leave.
pub(crate) struct HttpRequest {
    pub(crate) verb: Verb,
    pub(crate) url: Url,
    pub(crate) accept: &'static str,
    /// Marked sensitive by whoever made it.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) body: Option<RequestBody>,
}

/// What a `POST` carries.
#[derive(Clone)]
pub(crate) struct RequestBody {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// An answer as it came, whatever its status.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl HttpClient {
    /// Builds the transport. System certificates are loaded here; that there are none is an error only for a target
    /// that needs them ([`HttpClient::target`]).
    pub fn build(options: &HttpOptions) -> Result<Self, HttpBuildError> {
        Self::build_with(options, tls::system_authorities())
    }

    fn build_with(options: &HttpOptions, system: Vec<CertificateDer<'static>>) -> Result<Self, HttpBuildError> {
        let authorities = tls::authorities(system, options.ca_file.as_deref())?;
        let has_authorities = !authorities.is_empty();
        let config = tls::client_config(authorities).map_err(HttpBuildError::Tls)?;
        let direct = builder(options, config.clone()).no_proxy().build().map_err(HttpBuildError::Library)?;
        let proxied = match &options.proxy {
            None => None,
            Some(url) => {
                let rule = ProxyRule::try_new(url, &options.no_proxy)?;
                let proxy = reqwest::Proxy::all(url.clone()).map_err(HttpBuildError::Library)?;
                let client = builder(options, config).proxy(proxy).build().map_err(HttpBuildError::Library)?;
                Some((rule, client))
            }
        };
        Ok(Self(Arc::new(Transport { direct, proxied, has_authorities, options: options.clone() })))
    }

    /// Sends one request to the target and reads its answer; see the module page for what is refused or cut off.
    pub(crate) async fn send(&self, target: &Target, request: HttpRequest) -> Result<RawAnswer, Failure> {
        let path = target.path_below(&request.url);
        let Some(path) = path.filter(|path| allowed::find(request.verb, target.role(), path).is_some()) else {
            let detail = format!("{:?} {} is not on the list of allowed requests", request.verb, request.url.path());
            return Err(Failure::without_answer(FailureClass::Refused, detail));
        };
        #[cfg(test)]
        if let Some(answer) = super::testing::script::answer(&request.url) {
            return Ok(answer);
        }
        let (client, is_proxied) = match &self.0.proxied {
            Some((rule, client)) if rule.applies_to(&request.url) => (client, true),
            _ => (&self.0.direct, false),
        };
        tracing::trace!(verb = ?request.verb, host = target.host(), path, "sending a request");
        let deadline = Instant::now() + self.0.options.request_timeout;
        let url = request.url.clone();
        let method = match request.verb {
            Verb::Get => reqwest::Method::GET,
            Verb::Post => reqwest::Method::POST,
        };
        let mut outgoing = client.request(method, request.url).header(ACCEPT, request.accept);
        if let Some(authorization) = request.authorization {
            outgoing = outgoing.header(AUTHORIZATION, authorization);
        }
        if let Some(body) = request.body {
            outgoing = outgoing.header(CONTENT_TYPE, body.content_type).body(body.bytes);
        }
        let again = outgoing.try_clone();
        let mut sent = timeout_at(deadline, outgoing.send()).await;
        if let (Ok(Err(error)), Some(again)) = (&sent, again)
            && trouble::looks_like_a_stale_connection(error)
        {
            tracing::trace!(host = target.host(), "the connection had ended; sending the request once more");
            sent = timeout_at(deadline, again.send()).await;
        }
        let answer = match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if is_proxied => return Err(self.of_proxied(&error, &url, target.host()).await),
            Ok(Err(error)) => return Err(trouble::of_connection(&error, target.host(), false)),
            Err(_) => return Err(trouble::timeout(TimeoutPhase::Answer, target.host())),
        };
        self.read(answer, target.host(), deadline).await
    }

    /// What kept the head of an answer from coming through the proxy, with the proxy's own status where it gave one.
    async fn of_proxied(&self, error: &reqwest::Error, url: &Url, host: &str) -> Failure {
        let options = &self.0.options;
        let status = match (trouble::no_tunnel(error), &options.proxy) {
            (Some(trouble::NoTunnel::WantsLogin), _) => Some(407),
            (Some(trouble::NoTunnel::Refused), Some(proxy)) => {
                tunnel::status(proxy, url, options.connect_timeout).await
            }
            _ => None,
        };
        let of_proxy = status.map(|status| trouble::of_proxy(status, host));
        of_proxy.unwrap_or_else(|| trouble::of_connection(error, host, true))
    }

    async fn read(&self, mut answer: reqwest::Response, host: &str, deadline: Instant) -> Result<RawAnswer, Failure> {
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let limit = self.0.options.body_limit;
        let stated = answer.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = Vec::new();
        let trouble = loop {
            if status.is_success() && stated.is_some_and(|stated| stated > limit) {
                break Some(trouble::oversized(limit, host));
            }
            match timeout_at(deadline, answer.chunk()).await {
                Ok(Ok(None)) => break None,
                Ok(Ok(Some(chunk))) => {
                    if body.len() + chunk.len() > limit {
                        break Some(trouble::oversized(limit, host));
                    }
                    body.extend_from_slice(&chunk);
                    if !status.is_success() && body.len() >= ERROR_BODY_LIMIT {
                        break None;
                    }
                }
                Ok(Err(error)) => break Some(trouble::of_body(&error, host)),
                Err(_) => break Some(trouble::timeout(TimeoutPhase::Body, host)),
            }
        };
        match trouble {
            Some(mut failure) if status.is_success() => {
                failure.status = Some(status.as_u16());
                *failure.meta = super::answer::meta(&headers);
                Err(failure)
            }
            // The status of an error says what we need; what there is of its body may tell more.
            _ => Ok(RawAnswer { status: status.as_u16(), headers, body }),
        }
    }

    pub(crate) fn has_authorities(&self) -> bool {
        self.0.has_authorities
    }
}

/// A client without the allow-list, for our own daemon: it carries no secret.
///
/// `certificate` is our own with its key, for a daemon that wants one.
pub(super) fn daemon_client(
    timeout: Duration,
    ca_file: Option<PathBuf>,
    certificate: Option<(&Path, &Path)>,
) -> Result<reqwest::Client, HttpBuildError> {
    let authorities = tls::authorities(tls::system_authorities(), ca_file.as_deref())?;
    let mut tls = tls::client_config(authorities).map_err(HttpBuildError::Tls)?;
    if let Some((certificate, key)) = certificate {
        tls::show(&mut tls, certificate, key)?;
    }
    let options = HttpOptions { connect_timeout: timeout, ca_file, ..HttpOptions::default() };
    builder(&options, tls).no_proxy().timeout(timeout).build().map_err(HttpBuildError::Library)
}

/// The certificates of a CA file.
pub(super) fn read_ca_file(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, HttpBuildError> {
    tls::ca_file(path)
}

/// A connection to a receiver is kept for so long, less than any server keeps it: a post on a closed one would have no
/// known end. Real time.
const RECEIVER_CONNECTION_KEPT: Duration = Duration::from_secs(3);

/// A client for receivers of notifications, whose addresses the operator chose.
pub(super) fn post_client(
    options: &HttpOptions,
    resolver: Arc<dyn reqwest::dns::Resolve>,
) -> Result<reqwest::Client, HttpBuildError> {
    let authorities = tls::authorities(tls::system_authorities(), options.ca_file.as_deref())?;
    let tls = tls::client_config(authorities).map_err(HttpBuildError::Tls)?;
    let builder = builder(options, tls)
        .no_proxy()
        .dns_resolver(resolver)
        .pool_idle_timeout(RECEIVER_CONNECTION_KEPT)
        .timeout(options.request_timeout);
    let builder = match &options.proxy {
        None => builder,
        Some(url) => {
            let rule = ProxyRule::try_new(url, &options.no_proxy)?;
            let proxy = url.clone();
            builder.proxy(reqwest::Proxy::custom(move |target| rule.applies_to(target).then(|| proxy.clone())))
        }
    };
    builder.build().map_err(HttpBuildError::Library)
}

#[expect(clippy::disallowed_methods, reason = "the one place where the HTTP library is set up")]
fn builder(options: &HttpOptions, tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("snykwatch/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(options.connect_timeout)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        .dns_resolver(Arc::new(trouble::Resolver))
        .tls_backend_preconfigured(tls)
}

#[cfg(test)]
mod tests;
