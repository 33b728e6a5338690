//! What waits for the first pass over its subject, and what that pass has not looked at yet.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::announcing::OpenIncident;
use super::matching::naming;
use super::situation::Situation;
use crate::domain::fleet::Fleet;
use crate::domain::incident::{IncidentKey, Subject};
use crate::domain::names::IntegrationName;
use crate::domain::state::State;
use crate::health::first_pass::{FirstPass, under_way};

/// A first pass over a few hundred Organizations takes about as long: their page has the whole blast radius at once.
/// Nobody waits longer for the page than for the coffee; what is found later is told as growth.
const WAITS_AT_MOST: TimeDelta = TimeDelta::minutes(2);

/// Whether an incident waits to be told until the first pass over its subject has found what it affects.
pub(super) fn is_awaited(open: &OpenIncident<'_>, state: &State, situation: &Situation<'_>) -> bool {
    situation.now - open.opened_at < WAITS_AT_MOST && !not_looked_at(open.key, state, situation.fleet).is_empty()
}

/// The configuration keys behind an incident whose first pass is under way, and how far it has come.
pub(super) fn not_looked_at<'a>(
    key: &'a IncidentKey,
    state: &State,
    fleet: &'a Fleet,
) -> Vec<(&'a IntegrationName, FirstPass)> {
    let names: BTreeSet<&IntegrationName> = match &key.subject {
        Subject::Network | Subject::Credential(_) | Subject::Api(_) => naming(fleet, &key.subject).1,
        Subject::Organizations(name) => BTreeSet::from([name]),
        // About the Group alone: how many Organizations there are changes nothing.
        Subject::Integration(_) | Subject::Workspace(..) => BTreeSet::new(),
    };
    names.into_iter().filter_map(|name| Some((name, under_way(state, fleet, name)?))).collect()
}
