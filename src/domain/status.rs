//! The one-word state of an integration, derived from conditions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::condition::Reason;
use super::kinds::{Confidence, closed_list};

closed_list! {
    /// The status of an integration, worst first.
    Status {
        /// Every profile fails, or the Organization's credential does.
        ConnectionFailed => "connection_failed",
        /// Was complete, and changes no longer arrive.
        Stalled => "stalled",
        /// Connected, and not all of it works.
        PartiallyConnected => "partially_connected",
        /// Not known, or no longer.
        Unknown => "unknown",
        /// The Organization has no such integration.
        NotConfigured => "not_configured",
        /// Set up a moment ago.
        SetupInProgress => "setup_in_progress",
        /// Truly nothing there to watch: neither connected nor unknown, outside every ratio.
        NothingToWatch => "nothing_to_watch",
        /// Proved to work.
        Connected => "connected",
    }
}

/// A status that is known: `unknown` overlays it without erasing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownStatus {
    /// Never [`Status::Unknown`].
    pub status: Status,
    /// Why.
    pub reason: Reason,
    /// Since when this status holds; a change of reason, or a time of `unknown`, does not reset it.
    pub since: DateTime<Utc>,
}

/// The status of an integration as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusState {
    /// What is shown.
    pub status: Status,
    /// Why; for `unknown`, what kind of evidence is missing.
    pub reason: Reason,
    /// One sentence for a person, with the numbers.
    pub message: String,
    /// What to do next, and who has the right for it; `None` where nothing is to be done.
    pub next_step: Option<String>,
    /// How much it can be relied upon.
    pub confidence: Confidence,
    /// Since when `status` is shown: that of `known`, or since when it is unknown.
    pub since: DateTime<Utc>,
    /// The last known status, kept below `unknown`.
    pub known: Option<KnownStatus>,
    /// The latest evidence by which it was `connected`: the oldest observation that the status rested on then.
    pub last_connected_at: Option<DateTime<Utc>>,
    /// When an asset last moved or a project was last tested: the last proof of life.
    pub last_proof_of_life_at: Option<DateTime<Utc>>,
    /// The earliest expiry of the evidence it rests on.
    pub valid_until: Option<DateTime<Utc>>,
    /// It rests on evidence from before a time in which nobody watched, which would be stale but for that.
    #[serde(default)]
    pub restored: bool,
}
