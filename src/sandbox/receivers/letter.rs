//! A request as it came.

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use serde_json::Value;

use super::Reply;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The method.
    pub method: Method,
    /// The path, without a query.
    pub path: String,
    /// The query; empty without one.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, every byte.
    pub body: Bytes,
}

impl Letter {
    pub(super) fn new(parts: &Parts, body: Bytes) -> Self {
        Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            body,
        }
    }

    /// A header that is there exactly once and is readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// The body as text, with what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What every JSON protocol asks for: POST to this path, the media type, a body that is JSON.
    pub(super) fn posted_json(&self, path: &str) -> Result<Value, Reply> {
        if self.path != path || !self.query.is_empty() {
            return Err(Reply::refused(404, "not found"));
        }
        if self.method != Method::POST {
            return Err(Reply::refused(405, "method not allowed"));
        }
        let media_type = self.header("content-type").and_then(|value| value.split(';').next()).map(str::trim);
        if !media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json")) {
            return Err(Reply::refused(415, "the content type must be application/json"));
        }
        serde_json::from_slice(&self.body).map_err(|error| Reply::refused(400, format!("the body is no JSON: {error}")))
    }
}
