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
    /// Since when no question has arrived there (name lookup, proxy, connection, TLS, or a page for people in its place),
    /// whatever else was wrong before.
    #[serde(default)]
    pub unreached_since: Option<DateTime<Utc>>,
    /// Since when questions arrive there (again).
    #[serde(default)]
    pub reached_since: Option<DateTime<Utc>>,
    /// When a question was last sent that got no usable answer.
    #[serde(default)]
    pub last_failed_at: Option<DateTime<Utc>>,
    /// Since when nothing was sent to it because of ourselves, while it does not answer: that time does not count.
    #[serde(default)]
    pub unasked_since: Option<DateTime<Utc>>,
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

impl ApiFacts {
    /// Since when it gives no usable answer, without the time in which it was not asked.
    pub fn failing_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.inconclusive_since.map(|since| since + self.unasked(now))
    }

    /// Since when no question arrives there, without the time in which none was sent.
    pub fn cut_off_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.unreached_since.map(|since| since + self.unasked(now))
    }

    /// It is asked again.
    pub fn ask(&mut self, now: DateTime<Utc>) {
        (self.inconclusive_since, self.unreached_since) = (self.failing_since(now), self.cut_off_since(now));
        self.unasked_since = None;
    }

    fn unasked(&self, now: DateTime<Utc>) -> TimeDelta {
        self.unasked_since.map_or_else(TimeDelta::zero, |since| (now - since).max(TimeDelta::zero()))
    }
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
