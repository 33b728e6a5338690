//! What an upstream API says of itself.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::names::Revision;

/// The state of one API, from every exchange with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiFacts {
    /// The last probe with a conclusive outcome.
    pub last_conclusive_at: Option<DateTime<Utc>>,
    /// Since when every outcome has been inconclusive; `None` while the API answers.
    pub inconclusive_since: Option<DateTime<Utc>>,
    /// Since when no question has arrived there (name lookup, proxy, connection, TLS), whatever else was wrong before.
    #[serde(default)]
    pub unreached_since: Option<DateTime<Utc>>,
    /// Class and text of the last failure while it does not answer.
    pub last_failure: Option<(String, String)>,
    /// The version of the API that we use will end.
    pub version_ending: Option<VersionEnding>,
    /// Our clock minus the API's `Date` header (seconds on the wire).
    #[serde(with = "crate::domain::stored::optional_seconds")]
    pub clock_skew: Option<TimeDelta>,
    /// Where it was asked: what an API at another address did is no fact about this one.
    #[serde(default)]
    pub host: Revision,
}

/// An announced end of an API version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionEnding {
    /// The version we asked for.
    pub version: String,
    /// `deprecated` or `sunset`, as announced.
    pub stage: String,
    /// When it ends, if a date was given.
    pub sunset_at: Option<DateTime<Utc>>,
    /// When this was last seen.
    pub seen_at: DateTime<Utc>,
}
