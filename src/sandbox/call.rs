//! One request, taken apart.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;

/// A request as the routes see it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// The path as sent, still percent-encoded.
    pub(super) path: String,
    /// The decoded path segments.
    pub(super) segments: Vec<String>,
    /// The decoded query pairs, in their order.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Scheme, host and port of the server that was called.
    pub(super) origin: String,
}

impl Call {
    pub(super) fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes, origin: String) -> Self {
        let path = uri.path().to_owned();
        let decode = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let segments = path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        Self { method, path, segments, query, headers, body, origin }
    }

    /// The path segments as slices, to match on.
    pub(super) fn path_segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a query parameter, repeated or comma-separated.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let values = self.query.iter().filter(|(key, _)| key == name);
        values.flat_map(|(_, value)| value.split(',')).filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The media type of the body, without its parameters.
    pub(super) fn content_type(&self) -> Option<&str> {
        self.header("content-type").and_then(|value| value.split(';').next()).map(str::trim)
    }

    /// The authorization scheme in lower case, and what follows it.
    pub(super) fn authorization(&self) -> Option<(String, &str)> {
        let (scheme, value) = self.header("authorization")?.split_once(' ')?;
        Some((scheme.to_ascii_lowercase(), value.trim()))
    }

    /// The fields of a form body.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The query string with one parameter set and another left out.
    pub(super) fn query_with(&self, name: &str, value: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (key, old) in self.query.iter().filter(|(key, _)| key != name) {
            query.append_pair(key, old);
        }
        query.append_pair(name, value);
        query.finish()
    }
}
