//! What came back, as data: an [`Answer`] with its headers of interest, or a [`Failure`] with its class.
//!
//! A failure is never an exception here: it says what kind of trouble it was ([`FailureClass`]), on which layer
//! ([`FailureLayer`]), and carries a short text that is safe to show: no secret, no control character, capped length.
//! Error bodies are read leniently (`classify`): they may be absent, not JSON, or of a shape nobody documented.
//!
//! It does not say what a failure means for a credential or an integration; the same 403 is proof in one place and noise
//! in another, and only the probe knows the place.

mod classify;
mod headers;
pub mod lenient;
mod redact;

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

pub(crate) use classify::{body_kind, classify, without_mark};
pub(crate) use headers::{meta, retry_after};
pub use redact::Redactor;
pub(crate) use redact::safe_text;

/// A successful exchange: the decoded body and what the headers said.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The decoded body.
    pub value: T,
    /// What the headers said.
    pub meta: AnswerMeta,
}

impl<T> Answer<T> {
    /// The same answer about something else.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { value: change(self.value), meta: self.meta }
    }
}

/// A paged list, read to its last page. There is no partial walk: a page that fails makes the whole walk a [`Failure`].
#[derive(Debug, Clone, PartialEq)]
pub struct Walk<T> {
    /// Every item of every page, in the order of the API.
    pub items: Vec<T>,
    /// How many pages were read.
    pub pages: usize,
    /// Domain time at which the first page was asked for: what changed later may be missing from `items`.
    pub started_at: DateTime<Utc>,
    /// Domain time at which the last page had been read.
    pub complete_at: DateTime<Utc>,
    /// The total as the API states it, when it does.
    pub total: Option<u64>,
    /// What the headers of the last page said.
    pub meta: AnswerMeta,
}

impl<T> Walk<T> {
    /// The same walk over converted items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Walk<U> {
        Walk {
            items: self.items.into_iter().map(change).collect(),
            pages: self.pages,
            started_at: self.started_at,
            complete_at: self.complete_at,
            total: self.total,
            meta: self.meta,
        }
    }
}

/// Headers of interest of any answer, good or bad.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnswerMeta {
    /// The server's clock (`Date`).
    pub date: Option<DateTime<Utc>>,
    /// The server's name for this exchange, for a support ticket.
    pub request_id: Option<String>,
    /// What a Snyk REST answer says about the version it served.
    pub version: Option<VersionNotice>,
    /// What a Bitbucket Cloud answer says about the credential.
    pub credential: CredentialHeaders,
    /// Whether it asks for another credential (`WWW-Authenticate`), as an API does that rejects one.
    pub has_challenge: bool,
}

impl AnswerMeta {
    /// Takes the secrets out of every text that came from outside.
    pub(crate) fn clean(&mut self, redactor: &Redactor) {
        let credential = &mut self.credential;
        let scopes = credential.granted.iter_mut().chain(&mut credential.accepted).flatten();
        let texts = [&mut self.request_id, &mut credential.credential_type, &mut credential.token_id];
        for text in scopes.chain(texts.into_iter().flatten()) {
            *text = redactor.clean(text);
        }
    }
}

/// What Bitbucket Cloud tells about the credential in the headers of every answer, 403 included (`docs/apis/bitbucket-cloud.md`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialHeaders {
    /// Granted scopes in the credential's own vocabulary; `None` when the header is missing, empty when it grants none.
    pub granted: Option<Vec<String>>,
    /// Scopes of which the endpoint wants one, in the classic vocabulary.
    pub accepted: Option<Vec<String>>,
    /// The kind of credential: `api_token`, `workspace_access_token`, `project_access_token`, `repo_access_token`.
    pub credential_type: Option<String>,
    /// Names the token without being one; changes on rotation.
    pub token_id: Option<String>,
}

/// What the headers of a Snyk REST answer say about its version (`docs/apis/snyk.md`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionNotice {
    /// The version that was asked for.
    pub requested: Option<String>,
    /// The version that answered.
    pub served: Option<String>,
    /// Where that version stands in its life.
    pub stage: Option<LifecycleStage>,
    /// Since when it is deprecated.
    pub deprecation: Option<DateTime<Utc>>,
    /// The day on which it ends.
    pub sunset: Option<NaiveDate>,
}

/// Where a Snyk REST version stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LifecycleStage {
    /// Being worked on.
    WorkInProgress,
    /// May change at any time.
    Experimental,
    /// May change with notice.
    Beta,
    /// Stable.
    GeneralAvailability,
    /// Still served, its end is announced.
    Deprecated,
    /// At its end.
    Sunset,
}

/// A call that gave no usable answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// What kind of trouble.
    pub class: FailureClass,
    /// One line for people: no secret, no control character, capped length. Its words may come from outside.
    pub detail: String,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What sort of body came with it: a 403 with an HTML page is a proxy's word, not the API's.
    pub body: BodyKind,
    /// What the server asks us to wait.
    pub retry_after: Option<Duration>,
    /// What the headers said; the scope headers come with a 403 too.
    pub meta: Box<AnswerMeta>,
    /// Complete pages read before a walk failed.
    pub pages_before: usize,
    /// Items on those pages.
    pub items_before: usize,
}

impl Failure {
    /// A failure without an HTTP answer.
    pub(crate) fn without_answer(class: FailureClass, detail: impl Into<String>) -> Self {
        Self {
            class,
            detail: detail.into(),
            status: None,
            body: BodyKind::Absent,
            retry_after: None,
            meta: Box::default(),
            pages_before: 0,
            items_before: 0,
        }
    }

    /// A success that is well formed and does not say what we asked; `what` it is instead.
    pub(crate) fn of_another_shape(what: &str, meta: AnswerMeta) -> Self {
        let detail = format!("the API answered with {what} instead of the expected JSON");
        let mut failure = Self::without_answer(FailureClass::UnexpectedBody, detail);
        failure.body = BodyKind::Json;
        *failure.meta = meta;
        failure
    }

    /// Whether the API itself rejects the credential. A page for people with status 401 and without a challenge is a
    /// gateway's or a login page, and says nothing about the credential.
    pub fn is_rejection(&self) -> bool {
        self.class == FailureClass::Unauthorized && (self.body != BodyKind::Html || self.meta.has_challenge)
    }

    /// The layer at which it failed.
    pub fn layer(&self) -> FailureLayer {
        self.class.layer()
    }

    /// Takes the secrets out of every text that came from outside.
    pub(crate) fn clean(mut self, redactor: &Redactor) -> Self {
        self.detail = redactor.clean(&self.detail);
        self.meta.clean(redactor);
        match &mut self.class {
            FailureClass::MissingScope { required, granted } => {
                for scope in required.iter_mut().chain(granted) {
                    *scope = redactor.clean(scope);
                }
            }
            FailureClass::Gone { announcement: Some(text) }
            | FailureClass::Redirected { location_host: Some(text) }
            | FailureClass::ForeignNextLink { host: Some(text) }
            | FailureClass::Tls { issuer: Some(text) } => *text = redactor.clean(text),
            _ => {}
        }
        self
    }
}

/// What sort of body an answer had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// No answer, or an answer without a body.
    Absent,
    /// JSON.
    Json,
    /// An HTML page.
    Html,
    /// Anything else.
    Other,
}

/// The kinds of trouble a call can meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureClass {
    /// 401: the credential is not accepted.
    Unauthorized,
    /// The credential works but lacks a scope. Told by the message or body, whatever the status (400 and 403 both occur).
    MissingScope {
        /// Scopes the endpoint wants.
        required: Vec<String>,
        /// Scopes the credential has.
        granted: Vec<String>,
    },
    /// Any other 403: the account lacks a right, or the organisation's policy forbids it.
    Forbidden,
    /// Bitbucket Cloud's 403 to an access token on a user endpoint: the credential is valid, it has no user.
    NotAccessibleByThisAuthentication,
    /// 404: not there, or not visible to this credential.
    NotFound,
    /// 410: the endpoint was removed, or browned out.
    Gone {
        /// The change or announcement that the answer names.
        announcement: Option<String>,
    },
    /// 429, or our own budget is exhausted or paused.
    RateLimited {
        /// When to come back.
        retry_after: Option<Duration>,
    },
    /// The vendor says that it is under maintenance.
    Maintenance,
    /// Any other 5xx.
    ServerError,
    /// 3xx: we follow none, because a redirect to a login page must not look healthy.
    Redirected {
        /// The host that the answer points to.
        location_host: Option<String>,
    },
    /// A success status with something else than the expected JSON.
    UnexpectedBody,
    /// The body ended before it was complete.
    Truncated,
    /// The body was larger than the cap.
    Oversized {
        /// The cap in bytes of the decompressed body.
        limit: usize,
    },
    /// The link to the next page leads to another host, scheme, port or path: our secret does not go there.
    ForeignNextLink {
        /// The host it points to.
        host: Option<String>,
    },
    /// The list does not end: a link repeats, or there are more pages than any real list has.
    EndlessPaging,
    /// No complete answer in time.
    Timeout {
        /// What was being waited for.
        phase: TimeoutPhase,
    },
    /// The host name does not resolve.
    Dns,
    /// The proxy is not reachable or refuses.
    Proxy,
    /// The secure connection was refused by one side, most often by us for an unknown issuer.
    Tls {
        /// Who issued the certificate that was not trusted.
        issuer: Option<String>,
    },
    /// Nothing listens there.
    ConnectionRefused,
    /// The connection broke before an answer.
    Network,
    /// Another 4xx: we asked in a way the API does not accept.
    BadRequest,
    /// The request is not on our own list of allowed requests; it never left. An error of ours.
    Refused,
}

/// What was being waited for when time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeoutPhase {
    /// Name lookup, TCP, proxy and TLS.
    Connect,
    /// The head of the answer.
    Answer,
    /// The rest of the body.
    Body,
}

/// The layer of a failure: which of name lookup, proxy, TLS, network and API to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureLayer {
    /// Name lookup.
    Dns,
    /// The configured proxy.
    Proxy,
    /// Certificates and handshake.
    Tls,
    /// TCP, or an answer that came late or in part.
    Network,
    /// The API answered, and this is its answer.
    Api,
    /// We ourselves did not send the request.
    Ours,
}

impl FailureClass {
    /// Every label that [`FailureClass::as_label`] can give.
    pub const LABELS: [&'static str; 23] = [
        "unauthorized",
        "missing_scope",
        "forbidden",
        "not_accessible_by_this_authentication",
        "not_found",
        "gone",
        "rate_limited",
        "maintenance",
        "server_error",
        "redirected",
        "unexpected_body",
        "truncated",
        "oversized",
        "foreign_next_link",
        "endless_paging",
        "timeout",
        "dns",
        "proxy",
        "tls",
        "connection_refused",
        "network",
        "bad_request",
        "refused",
    ];

    /// A word of a closed list, for metrics.
    pub fn as_label(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::MissingScope { .. } => "missing_scope",
            Self::Forbidden => "forbidden",
            Self::NotAccessibleByThisAuthentication => "not_accessible_by_this_authentication",
            Self::NotFound => "not_found",
            Self::Gone { .. } => "gone",
            Self::RateLimited { .. } => "rate_limited",
            Self::Maintenance => "maintenance",
            Self::ServerError => "server_error",
            Self::Redirected { .. } => "redirected",
            Self::UnexpectedBody => "unexpected_body",
            Self::Truncated => "truncated",
            Self::Oversized { .. } => "oversized",
            Self::ForeignNextLink { .. } => "foreign_next_link",
            Self::EndlessPaging => "endless_paging",
            Self::Timeout { .. } => "timeout",
            Self::Dns => "dns",
            Self::Proxy => "proxy",
            Self::Tls { .. } => "tls",
            Self::ConnectionRefused => "connection_refused",
            Self::Network => "network",
            Self::BadRequest => "bad_request",
            Self::Refused => "refused",
        }
    }

    /// The layer at which such a failure happens.
    pub fn layer(&self) -> FailureLayer {
        match self {
            Self::Dns => FailureLayer::Dns,
            Self::Proxy => FailureLayer::Proxy,
            Self::Tls { .. } => FailureLayer::Tls,
            Self::Timeout { .. } | Self::ConnectionRefused | Self::Network | Self::Truncated => FailureLayer::Network,
            Self::Refused => FailureLayer::Ours,
            _ => FailureLayer::Api,
        }
    }
}
