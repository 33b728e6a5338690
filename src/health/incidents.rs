//! What a person should act on: incidents, derived from conditions, statuses, credentials and what the APIs said.
//!
//! An incident is a *rule* and a *subject*, the highest cause that holds. Each family of rules looks at the state and
//! names its *candidates*: whether the rule's own condition holds, is gone, or cannot be told, since when, and the text
//! for the person who is woken. Then one life-cycle, the same for all rules, makes incidents of them:
//!
//! - a candidate that holds is *pending* until its delay has passed, then *open*; its severity grows with time;
//! - a *cause* holds back the creation of its *symptoms* ([`holding`]), from the moment it holds until some time after
//!   it is gone, so that a repair can show; a symptom that was open before is linked to the cause and goes quiet;
//! - what cannot be told opens nothing and resolves nothing, and no timer starts anew;
//! - rules about Organizations have one incident for a configuration key, with its members ([`members`]); problems that
//!   stood at first sight form one [`baseline`].
//!
//! Everything is a pure function of the stored state and the time: evaluating twice changes nothing, a restart changes
//! nothing. Nothing here decides who is told, or when again: that is delivery's.

mod anew;
mod apis;
mod baseline;
mod budget_spent;
mod candidate;
mod connection;
mod credentials;
mod expiry;
mod flapping;
mod forgotten;
pub(crate) mod growth;
mod holding;
mod inputs;
pub(crate) mod lifecycle;
mod members;
mod network;
mod nothing_to_watch;
mod observer_rejected;
mod organization_not_found;
mod organizations;
mod organizations_vanished;
mod out_of_step;
mod permissions;
mod repositories_vanished;
mod rotation_unfinished;
mod secret_refused;
mod status;
mod sync;
pub(crate) mod text;
mod workspaces;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::domain::decisions::Item;
use crate::domain::fleet::Fleet;
use crate::domain::incident::{IncidentKey, Rule};
use crate::domain::state::{State, Transition};
use candidate::Candidate;
use inputs::Inputs;

/// Brings `state.incidents` (with `baselines` and `resolved_causes`) up to date with the conditions, statuses and
/// credential states in `state`, and tells what opened, grew, changed its severity or resolved. Call it after those
/// were evaluated at the same `now`.
pub fn evaluate(state: &mut State, fleet: &Fleet, now: DateTime<Utc>) -> Vec<Transition> {
    let mut transitions = lifecycle::end_of_others(state, fleet, now);
    let next = {
        let inputs = Inputs::new(state, fleet, now);
        let candidates = candidates(&inputs);
        let causes = holding::Causes::new(&inputs, &candidates);
        let baselines = baseline::update(&inputs, &candidates, &causes);
        lifecycle::advance(&inputs, candidates, &causes, baselines)
    };
    state.incidents = next.incidents;
    state.resolved_causes = next.resolved_causes;
    state.baselines = next.baselines;
    state.attention.recurrences = next.recurrences;
    state.attention.forgotten = next.forgotten;
    transitions.extend(next.transitions);
    transitions
}

/// What an open incident compares with the past: what a person accepts or rejects. Empty where the incident is about
/// something else.
pub fn items_of(state: &State, fleet: &Fleet, key: &IncidentKey) -> BTreeSet<Item> {
    match key.rule {
        Rule::OrganizationsVanished => organizations_vanished::items(state, key),
        Rule::RepositoriesVanished => super::loss::items_of(state, key),
        Rule::PartiallyConnected => super::group::items_of(state, key),
        _ => super::organization::items_of(state, fleet, key),
    }
}

/// Every rule's candidates, causes before their symptoms.
fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let families = [
        credentials::candidates(inputs),
        observer_rejected::candidates(inputs),
        rotation_unfinished::candidates(inputs),
        expiry::candidates(inputs),
        permissions::candidates(inputs),
        network::candidate(inputs).into_iter().collect(),
        apis::candidates(inputs),
        workspaces::candidates(inputs),
        repositories_vanished::candidates(inputs),
        connection::candidates(inputs),
        sync::candidates(inputs),
        organizations_vanished::candidates(inputs),
        organization_not_found::candidates(inputs),
        organizations::candidates(inputs),
        nothing_to_watch::candidates(inputs),
        out_of_step::candidates(inputs),
        secret_refused::candidates(inputs),
        status::candidates(inputs),
    ];
    let mut all: Vec<_> = families.into_iter().flatten().collect();
    all.sort_by(|one, other| one.key.cmp(&other.key));
    all
}
