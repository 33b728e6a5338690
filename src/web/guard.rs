//! Who may ask: names for our loopback address, origins of changing requests, and headers that keep pages harmless.
//!
//! A page of another site that a browser on this machine shows can reach our loopback address under a name of its own
//! (DNS rebinding). Such a request carries that name in `Host`: on loopback only loopback names are served. A changing
//! request from a foreign page carries its `Origin`.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use super::{Shared, problem};

/// Which hosts and origins are served.
///
/// Its copies share the names, which a reload replaces.
#[derive(Debug, Clone)]
pub struct HostGuard {
    on_loopback: bool,
    names: Arc<RwLock<BTreeSet<String>>>,
}

impl HostGuard {
    /// The guard of a listener at `listen`; `names` are further ones (without port) under which it is reached, such
    /// as a reverse proxy's.
    pub fn new(listen: SocketAddr, names: impl IntoIterator<Item = String>) -> Self {
        let guard = Self { on_loopback: listen.ip().is_loopback(), names: Arc::default() };
        guard.replace_names(names);
        guard
    }

    /// Takes other names over, for every request from now on.
    pub fn replace_names(&self, names: impl IntoIterator<Item = String>) {
        let names = names.into_iter().map(|host| host.to_lowercase()).collect();
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    fn serves(&self, authority: &Authority) -> bool {
        if !self.on_loopback {
            return true;
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_lowercase();
        let is_loopback = match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        };
        is_loopback || self.names.read().unwrap_or_else(PoisonError::into_inner).contains(&host)
    }
}

/// Refuses what must not be served.
pub(super) async fn check(State(guard): State<HostGuard>, request: Request, next: Next) -> Response {
    let Some(authority) = authority(request.uri(), request.headers()) else {
        return problem::error(request.uri(), StatusCode::BAD_REQUEST, "The request names no valid Host.");
    };
    if !guard.serves(&authority) {
        let detail = "This address is served under loopback names and the host of server.external_url only.";
        return problem::error(request.uri(), StatusCode::FORBIDDEN, detail);
    }
    if !request.method().is_safe() && is_foreign(request.headers(), &authority) {
        return problem::error(request.uri(), StatusCode::FORBIDDEN, "Pages of other origins may not change anything.");
    }
    next.run(request).await
}

fn authority(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    if let Some(authority) = uri.authority() {
        return Some(authority.clone());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, another) = (hosts.next()?, hosts.next());
    if another.is_some() { None } else { host.to_str().ok()?.parse().ok() }
}

/// Whether a browser says that the request comes from another origin. A client that is no browser says nothing.
fn is_foreign(headers: &HeaderMap, authority: &Authority) -> bool {
    let is_cross_site =
        headers.get("sec-fetch-site").is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    let is_other_origin = headers.get(header::ORIGIN).is_some_and(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        origin.and_then(|origin| origin.into_parts().authority).as_ref() != Some(authority)
    });
    is_cross_site || is_other_origin
}

const HARDENING: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Gives every answer the headers that keep it harmless in a browser, and those that the operator wants in their place.
pub(super) async fn harden(State(shared): State<Arc<Shared>>, mut response: Response) -> Response {
    for (name, value) in HARDENING {
        response.headers_mut().insert(name, value);
    }
    for (name, value) in shared.access.current().headers() {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_on_loopback_only() {
        let names = || ["Snykwatch.example.com".to_owned()];
        for (listen, host, served) in [
            ("127.0.0.1:9979", "localhost:9979", true),
            ("127.0.0.1:9979", "snykwatch.example.com", true),
            ("127.0.0.1:9979", "evil.example.com", false),
            ("[::1]:9979", "[::1]:9979", true),
            ("[::1]:9979", "evil.example.com", false),
            ("192.0.2.1:9979", "evil.example.com", true),
            ("0.0.0.0:9979", "monitoring.example.com", true),
        ] {
            let guard = HostGuard::new(listen.parse().unwrap(), names());
            assert_eq!(guard.serves(&host.parse().unwrap()), served, "{listen} {host}");
        }
    }
}
