//! Posts to receivers of notifications: addresses that the operator chose, so no list of hosts applies. Other rules do:
//!
//! - no redirect is followed, whatever it promises;
//! - link-local and metadata addresses are refused, after the name was resolved: a name must not lead us there;
//! - connection, answer and body have time and size limits, in real time: a status is an answer, and what of the body
//!   comes late, broken or beyond the limit takes nothing from it;
//! - a connection is kept for a moment only, so that none is used that the receiver has closed;
//! - what is not known to have been refused may have been received ([`Reach`]): only the caller can repeat it safely.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;
use url::{Host, Url};

use super::answer;
use super::http::{HttpBuildError, HttpOptions, post_client, post_trouble};
use crate::domain::notification::{AttemptFailure, FailureReason, Reach};

/// As much of an answer as is looked at: receivers answer with a word or a small document. Bytes.
const ANSWER_LIMIT: usize = 16 * 1024;

/// The longest wait that a receiver gets by asking; who delivers has limits of its own.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Time for the body once the status is there: it explains a rejection, nothing more. Real time.
const BODY_TIME: Duration = Duration::from_secs(5);

/// Cloud providers serve credentials of the machine to whoever asks these. Other such services are link-local.
const METADATA_ADDRESSES: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Posts to receivers. Clones share connections.
#[derive(Debug, Clone)]
pub struct PostClient {
    http: reqwest::Client,
}

/// What is posted.
#[derive(Debug)]
pub struct Post {
    /// Where to; may be a secret (who knows it may post), so it is never shown.
    pub url: SecretString,
    /// Further headers; the values may be secrets.
    pub headers: Vec<(&'static str, SecretString)>,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// What a receiver answered, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostAnswer {
    /// The HTTP status.
    pub status: u16,
    /// How long to wait, where it says so (`Retry-After`, as seconds or as a date beside the server's own `Date`).
    pub retry_after: Option<Duration>,
    /// The receiver's clock, where it tells (`Date`).
    pub date: Option<DateTime<Utc>>,
    /// The begin of the body.
    pub body: String,
}

/// No answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostFailure {
    /// Why, without the address.
    pub failure: AttemptFailure,
    /// Whether it may have been received.
    pub reach: Reach,
}

impl PostClient {
    /// Makes a client.
    ///
    /// # Errors
    /// When TLS, the CA file or the proxy cannot be set up.
    pub fn build(options: &HttpOptions) -> Result<Self, HttpBuildError> {
        Ok(Self { http: post_client(options, Arc::new(PublicResolver))? })
    }

    /// Posts, and waits for the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, post: Post) -> Result<PostAnswer, PostFailure> {
        let url = Url::parse(post.url.expose_secret())
            .map_err(|error| refused(FailureReason::Address, format!("the address is none: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(FailureReason::Address, "the address is neither https nor http".to_owned()));
        }
        if let Some(address) = literal(&url).filter(|address| is_forbidden(*address)) {
            return Err(refused(FailureReason::Address, format!("{address} is an address we never post to")));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &post.headers {
            let mut value = HeaderValue::from_str(value.expose_secret())
                .map_err(|_| refused(FailureReason::Rejected, format!("the header {name} cannot be written")))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let request = self.http.post(url).headers(headers).header("content-type", post.content_type).body(post.body);
        let mut answer = request.send().await.map_err(|error| post_trouble(&error))?;
        let status = answer.status().as_u16();
        // Without the server's own time a date says only that there is a wait; our own schedule has one too.
        let retry_after = answer::retry_after(answer.headers(), DateTime::<Utc>::MAX_UTC, LONGEST_RETRY_AFTER);
        let date = answer::date(answer.headers());
        let mut body = Vec::new();
        let reading = async {
            while let Ok(Some(chunk)) = answer.chunk().await {
                body.extend(chunk.iter().take(ANSWER_LIMIT - body.len()));
                if body.len() >= ANSWER_LIMIT {
                    break;
                }
            }
        };
        // What came in time is enough.
        let _ = timeout(BODY_TIME, reading).await;
        Ok(PostAnswer { status, retry_after, date, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

fn refused(reason: FailureReason, detail: String) -> PostFailure {
    PostFailure { failure: AttemptFailure { reason, detail }, reach: Reach::NotReceived }
}

fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
    }
}

/// Whether nothing is ever posted to an address: link-local, metadata services, nobody, everybody.
fn is_forbidden(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let by_kind = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast(),
        IpAddr::V6(v6) => {
            let translated = translated(v6).is_some_and(|v4| is_forbidden(v4.into()));
            translated || v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast()
        }
    };
    by_kind || METADATA_ADDRESSES.contains(&address)
}

/// The address behind one of NAT64's well-known prefix `64:ff9b::/96` (RFC 6052).
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() else { return None };
    Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

/// Where a name leads, without the addresses that nothing is ever sent to.
pub(super) async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found =
        found.map_err(|error| format!("could not look the name up: {}", answer::safe_text(&error.to_string())))?;
    let allowed: Vec<_> = found.filter(|address| !is_forbidden(address.ip())).collect();
    if allowed.is_empty() { Err(ForbiddenAddress.to_string()) } else { Ok(allowed) }
}

/// The system's resolver without the addresses that are never posted to.
struct PublicResolver;

/// A name leads only to addresses that are never posted to.
#[derive(Debug, thiserror::Error)]
#[error("the name leads only to addresses we never post to")]
pub(crate) struct ForbiddenAddress;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(super::http::LookupFailed)?;
            Ok(Box::new(allowed(found)?) as Addrs)
        })
    }
}

/// Those of the addresses found that may be posted to.
fn allowed(found: impl Iterator<Item = SocketAddr>) -> Result<std::vec::IntoIter<SocketAddr>, ForbiddenAddress> {
    let allowed: Vec<_> = found.filter(|address| !is_forbidden(address.ip())).collect();
    if allowed.is_empty() { Err(ForbiddenAddress) } else { Ok(allowed.into_iter()) }
}

#[cfg(test)]
mod tests;
