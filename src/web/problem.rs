//! Errors: problem bodies (RFC 9457) under `/api`, one line of text elsewhere.
//!
//! Some errors are made by what stands around our own code: a body that is too long, an address that is no text, a time that
//! is over. Those get their shape when they pass here ([`shape`]).

use axum::extract::Request;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{BODY_LIMIT_BYTES, REQUEST_TIMEOUT};
use crate::domain::text::one_line;

/// Marks an answer that has its shape already.
#[derive(Debug, Clone, Copy)]
struct Shaped;

/// The body of an error under `/api`.
#[derive(Debug, Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
}

/// An error as the address wants it.
pub(super) fn error(uri: &Uri, status: StatusCode, detail: &str) -> Response {
    if is_api(uri) { problem(status, detail) } else { text(status, detail) }
}

/// Whether somebody means the API, with slashes too many as well.
fn is_api(uri: &Uri) -> bool {
    uri.path().split('/').find(|segment| !segment.is_empty()) == Some("api")
}

/// Gives an error that is not ours the shape that its address wants.
pub(super) async fn shape(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let response = next.run(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || response.extensions().get::<Shaped>().is_some() {
        return response;
    }
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            error(&uri, status, &format!("The body is too long: {BODY_LIMIT_BYTES} bytes at most."))
        }
        StatusCode::GATEWAY_TIMEOUT => {
            error(&uri, status, &format!("There was no answer within {} s: try again.", REQUEST_TIMEOUT.as_secs()))
        }
        status => error(&uri, status, "The request cannot be understood."),
    }
}

/// A problem body.
pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    // It may repeat what was asked.
    let detail = &one_line(detail);
    let problem = Problem { r#type: "about:blank", title, status: status.as_u16(), detail };
    let mut response = (status, axum::Json(problem)).into_response();
    let kind = header::HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.extensions_mut().insert(Shaped);
    response
}

/// One line of plain text.
pub(super) fn text(status: StatusCode, line: &str) -> Response {
    let mut response = (status, format!("{}\n", line.trim_end())).into_response();
    response.extensions_mut().insert(Shaped);
    response
}
