//! `ETag`: whoever asks again for what it has already is told so, without the whole of it.
//!
//! A tag is weak, since an answer may be compressed on its way. It is of the whole answer, the time of the snapshot included:
//! an answer that differs in nothing else is newer, and whoever is told "the same" must not take it for older than it is.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest as _, Sha256};

use super::problem;

/// Tags what is read, and leaves out what the client has.
pub(super) async fn tag(request: Request, next: Next) -> Response {
    let reads = request.method() == Method::GET || request.method() == Method::HEAD;
    let known: Vec<HeaderValue> = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect();
    let response = next.run(request).await;
    if !reads || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // It is in memory as a whole already.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return problem::problem(StatusCode::INTERNAL_SERVER_ERROR, "The answer could not be written.");
    };
    let tag = opaque(&body);
    if let Ok(weak) = HeaderValue::try_from(format!("W/{tag}")) {
        parts.headers.insert(header::ETAG, weak);
    }
    if known.iter().filter_map(|value| value.to_str().ok()).any(|value| names(value, &tag)) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

/// The tag of an answer, in its quotes.
fn opaque(body: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(body).into();
    let half = hash.first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
    format!("\"{half:032x}\"")
}

/// Whether `If-None-Match` names this tag; weak and strong ones are compared alike (RFC 9110, 13.1.2).
fn names(value: &str, tag: &str) -> bool {
    value.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others_whoever_weakened_it() {
        let tag = opaque(b"{}");
        for value in [tag.clone(), format!("W/{tag}"), format!("\"other\", W/{tag}"), "*".to_owned()] {
            assert!(names(&value, &tag), "{value}");
        }
        for value in ["", "\"other\"", tag.trim_matches('"'), &format!("w/{tag}"), &opaque(b"{ }")] {
            assert!(!names(value, &tag), "{value}");
        }
    }
}
