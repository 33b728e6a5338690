//! The view of what the configuration asks for and could not be looked at.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::fleet::Fleet;
use crate::domain::names::IntegrationName;
use crate::domain::state::State;
use crate::health;

/// Something configured that is no integration yet, because nobody could look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnseenView {
    /// The configuration key.
    pub integration: IntegrationName,
    /// The text that names the Organization; `None` where the listing of all of them is missing.
    pub organization: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, in the API's words.
    pub message: String,
    /// What to do, and who has the right for it.
    pub next_step: String,
}

pub(super) fn views(fleet: &Fleet, state: &State, now: DateTime<Utc>) -> Vec<UnseenView> {
    let mut views = Vec::new();
    for name in fleet.integrations.keys() {
        if let Some(unlisted) = health::unlisted(state, fleet, name, now) {
            let health::Unlisted { since, reason: _, message, next_step } = unlisted;
            views.push(UnseenView { integration: name.clone(), organization: None, since, message, next_step });
        }
        for not_found in health::not_found(state, fleet, name, now) {
            let settings = not_found.settings.join(", ");
            views.push(UnseenView {
                integration: name.clone(),
                since: not_found.since,
                message: format!("{} (named in {settings})", not_found.message),
                next_step: "snykwatch operator: correct the name or id in the configuration, or take it out; or Group \
                            Admin: give the account of our Snyk token the right to see it"
                    .to_owned(),
                organization: Some(not_found.name),
            });
        }
    }
    views
}
