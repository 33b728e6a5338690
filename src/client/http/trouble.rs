//! Tells the layers of a failed request apart: name lookup, proxy, TLS, network.

use std::error::Error;
use std::io;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::tls;
use crate::client::answer::{Failure, FailureClass, TimeoutPhase, safe_text};
use crate::client::post::{ForbiddenAddress, PostFailure};
use crate::domain::notification::{AttemptFailure, FailureReason, Reach};

/// The system's resolver, with an error that can be recognised.
pub(crate) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(LookupFailed)?;
            Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("could not look the name up")]
pub(crate) struct LookupFailed(#[source] pub(crate) io::Error);

/// What kept the head of an answer from coming.
pub(crate) fn of_connection(error: &reqwest::Error, host: &str, is_proxied: bool) -> Failure {
    if error.is_timeout() {
        return timeout(if error.is_connect() { TimeoutPhase::Connect } else { TimeoutPhase::Answer }, host);
    }
    let cause = innermost(error);
    let (class, detail) = if let Some(error) = find::<rustls::Error>(error) {
        let rejected = tls::rejected(error);
        let issuer = rejected.and_then(|rejected| rejected.issuer.clone());
        let reason = rejected.map_or_else(|| error.to_string(), ToString::to_string);
        let by = issuer.as_ref().map(|issuer| format!(", its certificate was issued by {issuer}")).unwrap_or_default();
        (FailureClass::Tls { issuer }, format!("no trusted connection to {host}{by}: {reason}"))
    } else if is_proxied && error.is_connect() {
        (FailureClass::Proxy, format!("the proxy did not connect us to {host}: {cause}"))
    } else if find::<LookupFailed>(error).is_some() {
        (FailureClass::Dns, format!("could not look up {host}: {cause}"))
    } else if io_kind(error) == Some(io::ErrorKind::ConnectionRefused) {
        (FailureClass::ConnectionRefused, format!("{host} refused the connection"))
    } else if error.is_connect() {
        (FailureClass::Unconnected, format!("no connection to {host}: {cause}"))
    } else {
        (FailureClass::Network, format!("the connection to {host} failed: {cause}"))
    };
    Failure::without_answer(class, safe_text(&detail))
}

/// Why a proxy opened no tunnel, as far as the HTTP library tells it: it has words of its own for a missing login alone.
pub(crate) enum NoTunnel {
    /// 407.
    WantsLogin,
    /// Any other status.
    Refused,
}

/// Whether a proxy answered, and opened no tunnel.
pub(crate) fn no_tunnel(error: &reqwest::Error) -> Option<NoTunnel> {
    match innermost(error).as_str() {
        "tunnel error: proxy authorization required" => Some(NoTunnel::WantsLogin),
        "tunnel error: unsuccessful" => Some(NoTunnel::Refused),
        _ => None,
    }
}

/// The same with its status.
pub(crate) fn of_proxy(status: u16, host: &str) -> Failure {
    let meaning = match status {
        407 => ": it wants a login",
        403 => ": it does not allow this host",
        502..=504 => ": it does not reach the host itself",
        _ => "",
    };
    let detail = format!("the proxy did not connect us to {host}, it answered {status}{meaning}");
    Failure::without_answer(FailureClass::Proxy, detail)
}

/// What kept the answer to a post from coming, and whether the post may have been received. Without the address: it may be
/// a secret.
pub(crate) fn of_post(error: &reqwest::Error) -> PostFailure {
    let is_refused = error.is_connect() || error.is_builder();
    let reach = if is_refused { Reach::NotReceived } else { Reach::Unclear };
    let cause = innermost(error);
    let (reason, detail) = if find::<ForbiddenAddress>(error).is_some() {
        (FailureReason::Address, cause)
    } else if find::<LookupFailed>(error).is_some() {
        (FailureReason::Address, format!("could not look the name up: {cause}"))
    } else if let Some(detail) = tls_trouble(error) {
        (FailureReason::Tls, detail)
    } else if error.is_timeout() {
        (FailureReason::Timeout, "no answer in time".to_owned())
    } else {
        (FailureReason::Connection, format!("the connection failed: {cause}"))
    };
    PostFailure { failure: AttemptFailure { reason, detail: safe_text(&detail) }, reach }
}

/// Why TLS failed, if it did.
pub(crate) fn tls_trouble(error: &(dyn Error + 'static)) -> Option<String> {
    let error = find::<rustls::Error>(error)?;
    let reason = tls::rejected(error).map_or_else(|| error.to_string(), ToString::to_string);
    Some(format!("no trusted connection: {reason}"))
}

/// Whether a connection ended before the first byte of an answer. Everything that leaves only reads, so that it may leave
/// twice does no harm.
pub(crate) fn looks_like_a_stale_connection(error: &reqwest::Error) -> bool {
    error.is_request()
        && !error.is_timeout()
        && !error.is_connect()
        && find::<rustls::Error>(error).is_none()
        && find::<LookupFailed>(error).is_none()
}

/// What kept the rest of a body from coming.
pub(crate) fn of_body(error: &reqwest::Error, host: &str) -> Failure {
    let cause = innermost(error);
    let (class, detail) = match io_kind(error) {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe) => {
            (FailureClass::Network, format!("the connection to {host} broke within the answer: {cause}"))
        }
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            (FailureClass::UnexpectedBody, format!("the answer of {host} could not be decompressed: {cause}"))
        }
        _ => (FailureClass::Truncated, format!("the answer of {host} ended too early: {cause}")),
    };
    Failure::without_answer(class, safe_text(&detail))
}

pub(crate) fn timeout(phase: TimeoutPhase, host: &str) -> Failure {
    let detail = match phase {
        TimeoutPhase::Connect => format!("no connection to {host} in time"),
        TimeoutPhase::Answer => format!("no answer of {host} in time"),
        TimeoutPhase::Body => format!("the answer of {host} did not end in time"),
    };
    Failure::without_answer(FailureClass::Timeout { phase }, detail)
}

pub(crate) fn oversized(limit: usize, host: &str) -> Failure {
    let detail = format!("the answer of {host} is larger than {limit} bytes");
    Failure::without_answer(FailureClass::Oversized { limit }, detail)
}

/// Every error in the chain, and those that an `io::Error` wraps, which its `source` leaves out.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        let wrapped = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => current.source(),
        };
        Some(current)
    })
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    chain(error).filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind).last()
}

/// The words of the last error: the outer ones only repeat the URL.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
