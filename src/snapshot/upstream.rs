//! The view of an upstream API.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::facts::VersionEnding;
use crate::domain::names::ApiName;
use crate::domain::state::State;

/// An upstream API as it answers now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiView {
    /// Which one.
    pub api: ApiName,
    /// Whether it answers; `None` before its first answer or failure.
    pub up: Option<bool>,
    /// Its last conclusive answer.
    pub last_conclusive_at: Option<DateTime<Utc>>,
    /// Since when every outcome has been inconclusive.
    pub inconclusive_since: Option<DateTime<Utc>>,
    /// Closed-list word of the last failure, while it does not answer.
    pub failure_reason: Option<String>,
    /// What happened, in words, while it does not answer.
    pub failure_detail: Option<String>,
    /// The announced end of the version that is used.
    pub version_ending: Option<VersionEnding>,
    /// Our clock minus the API's, in seconds.
    pub clock_skew_seconds: Option<i64>,
}

pub(super) fn views(state: &State) -> Vec<ApiView> {
    let views = state.evidence.apis.iter().map(|(api, facts)| {
        let up = match (facts.inconclusive_since, facts.last_conclusive_at) {
            (Some(_), _) => Some(false),
            (None, Some(_)) => Some(true),
            (None, None) => None,
        };
        let failure = facts.last_failure.as_ref().filter(|_| up != Some(true));
        ApiView {
            api: api.clone(),
            up,
            last_conclusive_at: facts.last_conclusive_at,
            inconclusive_since: facts.inconclusive_since,
            failure_reason: failure.map(|(reason, _)| reason.clone()),
            failure_detail: failure.map(|(_, detail)| detail.clone()),
            version_ending: facts.version_ending.clone(),
            clock_skew_seconds: facts.clock_skew.map(|skew| skew.num_seconds()),
        }
    });
    views.collect()
}
