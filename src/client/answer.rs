//! What came back, as data: an [`Answer`] with its headers of interest, or a [`Failure`] with its class.
//!
//! A failure is never an exception here: it says what kind of trouble it was ([`FailureClass`]), on which layer
//! ([`FailureLayer`]), and carries a short text that is safe to show: no secret, no control character, capped length.
//! Error bodies are read leniently (`classify`): they may be absent, not JSON, or of a shape nobody documented.
//!
//! It does not say what a failure means for a credential or an integration; the same 403 is proof in one place and noise
//! in another, and only the probe knows the place.

mod classify;
mod disguise;
mod failure;
mod finder;
mod foreign;
mod headers;
pub mod lenient;
mod looks;
mod plain;
mod redact;
mod refusal;
mod secrets;

use chrono::{DateTime, NaiveDate, Utc};

pub(crate) use classify::{body_kind, classify, without_mark};
pub(crate) use failure::FailureContext;
pub use failure::{BodyKind, Failure, FailureClass, FailureLayer, ShutOut, TimeoutPhase};
pub(crate) use foreign::read_names;
pub(crate) use headers::{LONGEST_API_WAIT, date, meta, retry_after};
pub use redact::Redactor;
pub(crate) use redact::safe_text;
pub use secrets::KnownSecrets;

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
    /// Whether that total is wrong: it is larger than the list, and complete walks contradict it alike.
    pub total_is_wrong: bool,
    /// Items that could not be read and are not in `items`; 0 for lists of which one bad item spoils the page.
    pub unreadable: usize,
    /// What the headers of the last page said.
    pub meta: AnswerMeta,
}

impl<T> Walk<T> {
    /// The same walk over converted items.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Walk<U> {
        self.filter_map(|item| Some(change(item)))
    }

    /// The same walk over converted items; those that cannot be converted are counted as unreadable.
    pub fn filter_map<U>(self, change: impl FnMut(T) -> Option<U>) -> Walk<U> {
        let all = self.items.len();
        let items: Vec<U> = self.items.into_iter().filter_map(change).collect();
        Walk {
            unreadable: self.unreadable + (all - items.len()),
            items,
            pages: self.pages,
            started_at: self.started_at,
            complete_at: self.complete_at,
            total: self.total,
            total_is_wrong: self.total_is_wrong,
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
    /// Whether it asks for another credential (`WWW-Authenticate`), as an API does that rejects one. A sign-in with an
    /// account of a company's network is none: the APIs take no such thing, and proxies ask for it.
    pub has_challenge: bool,
}

impl AnswerMeta {
    /// Takes the secrets out of every text that came from outside.
    pub(crate) fn clean(&mut self, redactor: &Redactor) {
        let credential = &mut self.credential;
        let scopes = credential.granted.iter_mut().chain(&mut credential.accepted).flatten();
        let versions = self.version.iter_mut().flat_map(|notice| [&mut notice.requested, &mut notice.served]);
        let texts = [&mut self.request_id, &mut credential.credential_type, &mut credential.token_id];
        for text in scopes.chain(texts.into_iter().chain(versions).flatten()) {
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
