//! Errors: problem bodies (RFC 9457) under `/api`, one line of text elsewhere.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

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
    if uri.path().starts_with("/api/") { problem(status, detail) } else { text(status, detail) }
}

/// A problem body.
pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let problem = Problem { r#type: "about:blank", title, status: status.as_u16(), detail };
    let mut response = (status, axum::Json(problem)).into_response();
    let kind = header::HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// One line of plain text.
pub(super) fn text(status: StatusCode, line: &str) -> Response {
    (status, format!("{}\n", line.trim_end())).into_response()
}
