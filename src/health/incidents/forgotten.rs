//! What is seen for the first time since the state was lost: to be well, while receivers may hold it open from before;
//! or to last, while an older state says that they were told, and they may have heard of an end since.
//!
//! A rule that does not hold is not enough. Much of what rules look at is compared with the past, which is gone too, and
//! what was not looked at yet has nothing wrong with it. So each kind of subject has its own proof, and all that the proof
//! may rest on was observed since: a restored backup remembers better days too. A first bad answer that waits for another
//! replaces nothing, so that it holds the end back as well.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::anew::Anew;
use super::candidate::{Body, Candidate, PartVerdict};
use super::inputs::Inputs;
use super::lifecycle::Holding;
use crate::domain::attention::Forgotten;
use crate::domain::condition::Condition;
use crate::domain::incident::{IncidentKey, IncidentPhase, IncidentState, Rule, Severity, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::{CredentialName, IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::status::Status;
use crate::health::first_pass;
use crate::health::resume::ASKING_AGAIN;
use crate::health::unseen::unlisted;

/// What the loss of the state made us forget, as the candidates of this evaluation settle them.
pub(super) struct ForgottenEnds(Option<Forgotten>);

impl ForgottenEnds {
    pub(super) fn new(inputs: &Inputs<'_>) -> Self {
        Self(inputs.state.attention.forgotten.clone())
    }

    /// The rule's condition does not hold.
    pub(super) fn on_gone(&mut self, inputs: &Inputs<'_>, candidate: &Candidate<'_>) {
        let Some(forgotten) = &mut self.0 else { return };
        let key = &candidate.key;
        if forgotten.settled.contains(key) || forgotten.due.contains_key(key) {
            return;
        }
        if is_never_told(candidate) {
            forgotten.settled.insert(key.clone());
        } else if is_seen_well(inputs, candidate, forgotten.since) {
            forgotten.due.insert(key.clone(), candidate.affected.iter().cloned().collect());
        }
    }

    /// The rule's condition holds.
    pub(super) fn on_holds(&mut self, inputs: &Inputs<'_>, candidate: &Candidate<'_>, holding: &Holding) {
        let Some(forgotten) = &mut self.0 else { return };
        let key = &candidate.key;
        let is_open = inputs.incident(key).is_some_and(IncidentState::is_open);
        if is_open
            && !forgotten.lasting.contains_key(key)
            && is_seen_to_last(inputs, candidate, holding, forgotten.since)
        {
            forgotten.lasting.insert(key.clone(), false);
        }
    }

    /// What is left, after `incidents` came of the evaluation. It is kept for good: what is settled is a few keys, and some
    /// subjects are seen for the first time after months.
    pub(super) fn into_left(self, incidents: &BTreeMap<IncidentKey, IncidentState>) -> Option<Forgotten> {
        let mut forgotten = self.0?;
        // A flapping one is held open although it is well, and what broke again before its end was told is not over.
        forgotten.due.retain(|key, _| !incidents.contains_key(key));
        forgotten.lasting.retain(|key, _| incidents.get(key).is_some_and(IncidentState::is_open));
        let since = forgotten.since;
        let opened_since = |incident: &IncidentState| matches!(incident.phase, IncidentPhase::Open { opened_at } if opened_at >= since);
        for (key, _) in incidents.iter().filter(|(_, incident)| opened_since(incident)) {
            forgotten.lasting.entry(key.clone()).or_default();
        }
        Some(forgotten)
    }
}

/// What is only for the record is told in digests, and nobody holds it open.
fn is_never_told(candidate: &Candidate<'_>) -> bool {
    candidate.timing.severities.iter().all(|(_, severity)| *severity == Severity::Info)
}

fn is_seen_well(inputs: &Inputs<'_>, candidate: &Candidate<'_>, since: DateTime<Utc>) -> bool {
    let anew = Anew { inputs, since };
    let rule = candidate.key.rule;
    if let Body::Members(parts) = &candidate.body
        && !parts.iter().all(|part| part.verdict == PartVerdict::Gone)
    {
        return false;
    }
    match &candidate.key.subject {
        Subject::Organizations(name) => anew.organizations(name) && is_passed(inputs, name),
        // A secret is read at once, but after a start nothing of our share of the requests is used up yet. That both let
        // everything be asked shows in what came of it.
        Subject::Credential(name) if rule == Rule::StatusUnknown => anew.dependents(name),
        Subject::Credential(name) => {
            let state = inputs.state.credentials.get(name);
            let is_accepted = state.is_some_and(|state| state.valid.truth == Truth::True);
            let is_rotated = || anew.dependents(name) && is_in_step(inputs, name);
            is_accepted && anew.credential(name) && (rule != Rule::RotationUnfinished || is_rotated())
        }
        Subject::Network => inputs.state.evidence.apis.keys().any(|name| anew.api(name)),
        Subject::Api(name) => anew.api(name),
        // Whether one is missing was compared with what is forgotten.
        Subject::Workspace(name, _) if rule == Rule::RepositoriesVanished => {
            anew.group(name) && is_settled_well(status(inputs, &IntegrationKey::group(name.clone())))
        }
        Subject::Workspace(name, slug) => anew.workspace(name, slug),
        Subject::Integration(key) if !anew.integration(key) => false,
        Subject::Integration(key) => match (rule, status(inputs, key)) {
            (_, status) if is_settled_well(status) => true,
            // A set-up that has just begun has not failed yet.
            (Rule::ConnectionFailed | Rule::StatusUnknown, Some(status)) => status != Status::SetupInProgress,
            _ => false,
        },
    }
}

/// Rules that the list of Organizations proves.
const LISTED: [Rule; 2] = [Rule::OrganizationNotFound, Rule::OrganizationsVanished];

/// What an older state remembers of it may be over.
fn is_seen_to_last(inputs: &Inputs<'_>, candidate: &Candidate<'_>, holding: &Holding, since: DateTime<Utc>) -> bool {
    let anew = Anew { inputs, since };
    let rule = candidate.key.rule;
    match &candidate.key.subject {
        // Nothing is observed while nothing is known; all was to be asked by then.
        _ if rule == Rule::StatusUnknown => inputs.age(since) >= ASKING_AGAIN,
        Subject::Organizations(name) if LISTED.contains(&rule) => anew.listing(name),
        Subject::Organizations(name) => {
            let key = |member: &OrganizationId| IntegrationKey::organization(name.clone(), *member);
            holding.members.iter().any(|member| anew.integration(&key(member)))
        }
        Subject::Credential(name) if rule == Rule::RotationUnfinished => anew.credential(name) && anew.dependents(name),
        Subject::Credential(name) => anew.credential(name),
        // One lost answer is no outage.
        Subject::Network | Subject::Api(_) if inputs.age(since) < candidate.delay() => false,
        Subject::Network => inputs.state.evidence.apis.keys().any(|name| anew.failed(name)),
        Subject::Api(name) => anew.failed(name),
        Subject::Workspace(name, _) if rule == Rule::RepositoriesVanished => anew.group(name),
        Subject::Workspace(name, slug) => anew.workspace(name, slug),
        Subject::Integration(key) => anew.integration(key),
    }
}

/// Everything that is watched of it was listed, and looked at once.
fn is_passed(inputs: &Inputs<'_>, name: &IntegrationName) -> bool {
    let is_watched = inputs.fleet.integrations.get(name).is_some_and(|watched| watched.organizations.is_some());
    !is_watched
        || (first_pass::under_way(inputs.state, inputs.fleet, name).is_none()
            && unlisted(inputs.state, inputs.fleet, name, inputs.now).is_none())
}

fn status(inputs: &Inputs<'_>, key: &IntegrationKey) -> Option<Status> {
    inputs.integration(key)?.status.as_ref().map(|status| status.status)
}

fn is_settled_well(status: Option<Status>) -> bool {
    matches!(status, Some(Status::Connected | Status::NothingToWatch))
}

/// Nobody is known to have the old token, of nobody it is unknown, and everybody who may have it was looked at.
fn is_in_step(inputs: &Inputs<'_>, name: &CredentialName) -> bool {
    let Some(dependents) = inputs.dependents(name) else { return false };
    let conditions = inputs.conditions(&dependents.keys, Condition::CredentialInStep);
    conditions.iter().all(|(_, truth, _)| matches!(truth, Truth::True | Truth::NotApplicable))
        && dependents.names.iter().all(|name| is_passed(inputs, name))
}
