//! What a vendor may have switched, withdrawn or renamed.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::BTreeMap;

/// Whether an endpoint exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// It answers.
    Present,
    /// It answers 404.
    Absent,
}

/// An early-access endpoint that some tokens or regions do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyAccess {
    /// It answers.
    Present,
    /// It answers 404.
    Absent,
    /// It answers 403, whatever the role allows elsewhere.
    Forbidden,
}

/// `GET /groups/{group}/inventory/assets`, a beta endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InventoryAssets {
    /// Repositories come back with `last_sync`, as in the version of July 2026.
    Present,
    /// It answers 404.
    Absent,
    /// Only container images come back, as in the version of May 2026: for a repository Group, nothing.
    ContainerImagesOnly,
    /// Repositories come back, `last_sync` under another name.
    LastSyncRenamed,
    /// Repositories come back without `last_sync`.
    LastSyncMissing,
}

/// `POST /groups/{group}/assets/search`, a beta endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetSearch {
    /// Answers as described.
    Present,
    /// It answers 404.
    Absent,
    /// Two keys are named as live answers were seen to name them: `coverage_control`, `issues_counts`.
    LiveNames,
    /// `updated_at` is under another name.
    UpdatedAtRenamed,
}

/// Whether `filter=type==repositories` is understood by `inventory/assets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeFilter {
    /// It is.
    Accepted,
    /// 400: the description lists `container_images` alone.
    Rejected,
}

/// The shape of `links.next` in Snyk's REST answers; all were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextShape {
    /// `/groups/…`
    RelativeWithoutRest,
    /// `/rest/groups/…`
    RelativeWithRest,
    /// `https://…/rest/groups/…`
    Absolute,
    /// `{"href": "/rest/groups/…"}`
    Object,
    /// `links` is null on every page, though there are more.
    NullLinks,
    /// `{"url": "/rest/groups/…"}`: nobody has described this one.
    Unknown,
}

/// Snyk's `x-ratelimit-*` headers, which no description has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateHeaders {
    /// As recorded in 2026: a list in one value, each window with a quoted name.
    Recorded,
    /// Values that are no numbers.
    Unreadable,
    /// None at all.
    Absent,
}

/// What V1 answers for an Organization's integrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegrationMap {
    /// The map of type to id.
    Listed,
    /// An empty map, although targets and projects live.
    Empty,
    /// The types with ids that no target, audit event or setting knows.
    OtherIds,
    /// A list in place of the map.
    List,
    /// 200 with `null`.
    Null,
}

/// Whether Bitbucket's lists carry their `size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotalCount {
    /// They do.
    Shown,
    /// They do not: the field is optional.
    Hidden,
}

/// The names in Bitbucket's `x-oauth-scopes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeVocabulary {
    /// The credential's own: granular for API tokens, classic for the others.
    Own,
    /// Every second granular scope by its classic name.
    Mixed,
}

/// When Atlassian's admin API says that a token was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastActive {
    /// At the moment of its last use.
    Moment,
    /// At the beginning of the day of its last use.
    Day,
    /// Nothing: the field is missing.
    Untold,
}

/// Bitbucket's issue tracker, whose removal was announced for 2026-08-20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueTracker {
    /// 410.
    Removed,
    /// 404, as where the tracker is switched off.
    Off,
    /// It answers with an empty list.
    On,
}

/// What Snyk's version headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// `snyk-version-lifecycle-stage`, such as `deprecated` or `sunset`.
    pub stage: String,
    /// The `deprecation` header.
    pub deprecation: Option<DateTime<Utc>>,
    /// The `sunset` header.
    pub sunset: Option<NaiveDate>,
}

/// Whether a 429 says when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// `Retry-After` is sent, in whole seconds.
    Sent,
    /// `Retry-After` is sent, as an HTTP date.
    SentAsDate,
    /// It is not.
    Omitted,
}

/// A request budget that is enforced on the domain clock.
#[derive(Debug, Clone)]
pub struct Budget {
    /// How many requests one credential may send in a window.
    pub requests: u32,
    /// The window's length. Windows follow each other; the first begins with the first request.
    pub window: TimeDelta,
    /// Whether the 429 carries `Retry-After`.
    pub retry_after: RetryAfter,
    /// Begin of the window and requests so far, by the secret's digest.
    pub(crate) spent: BTreeMap<String, (DateTime<Utc>, u32)>,
}

impl Budget {
    /// So many requests in each window.
    pub fn new(requests: u32, window: TimeDelta, retry_after: RetryAfter) -> Self {
        Self { requests, window, retry_after, spent: BTreeMap::new() }
    }

    /// Spends one request of `who`; when nothing is left, gives the time until the next window.
    pub(crate) fn spend(&mut self, who: String, now: DateTime<Utc>) -> Option<TimeDelta> {
        let entry = self.spent.entry(who).or_insert((now, 0));
        if now - entry.0 >= self.window {
            *entry = (now, 0);
        }
        if entry.1 >= self.requests {
            return Some(entry.0 + self.window - now);
        }
        entry.1 += 1;
        None
    }
}
