//! One answer, and how it is to be delivered.

use std::time::Duration;

use serde_json::Value;

/// What goes back to the client.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
    pub(super) delivery: Delivery,
    /// The credential that the call authenticated with, for the request log.
    pub(super) credential: Option<String>,
}

#[derive(Debug)]
pub(super) enum Body {
    Empty,
    Json(Value),
    Text(String),
}

/// How the bytes leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    /// Half of the bytes, then an orderly end.
    Truncated,
    /// One byte at a time.
    Trickled(Duration),
    /// So many bytes of filler inside a JSON string.
    Oversized(u64),
    /// The connection is cut before a byte is sent.
    Reset,
    /// Nothing is ever sent.
    Hang,
}

impl Answer {
    pub(super) fn json(status: u16, content_type: &str, body: Value) -> Self {
        Self::new(status, Body::Json(body)).with_header("content-type", content_type)
    }

    pub(super) fn text(status: u16, content_type: &str, body: &str) -> Self {
        Self::new(status, Body::Text(body.to_owned())).with_header("content-type", content_type)
    }

    pub(super) fn empty(status: u16) -> Self {
        Self::new(status, Body::Empty)
    }

    fn new(status: u16, body: Body) -> Self {
        Self { status, headers: Vec::new(), body, delivery: Delivery::Whole, credential: None }
    }

    /// Sets a header, in place of an earlier one of this name.
    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn by(mut self, credential: Option<&str>) -> Self {
        self.credential = credential.map(str::to_owned);
        self
    }

    pub(super) fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }
}
