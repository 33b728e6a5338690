//! Integrations of which nothing is known, for no cause that another rule names.

use std::collections::BTreeSet;

use super::candidate::{Body, Candidate, Onset, Page, Part, PartVerdict, Scene, Verdict};
use super::connection::{Troubled, is_only_loss};
use super::inputs::Inputs;
use super::text::{blast_radius, count, lasting, members, sentence};
use crate::domain::condition::Reason;
use crate::domain::fleet::WatchedIntegration;
use crate::domain::incident::{Rule, Subject};
use crate::domain::names::{IntegrationKey, IntegrationName};
use crate::domain::policy::Case;
use crate::domain::state::IntegrationState;
use crate::domain::status::{Status, StatusState};

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (name, integration) in &inputs.fleet.integrations {
        if integration.group.is_some() {
            all.extend(group(inputs, name, integration));
        }
        all.extend(organizations(inputs, name, integration));
    }
    all
}

fn next_step(reason: Option<Reason>) -> String {
    match reason {
        Some(Reason::SnykAccessDenied) => {
            "(Group Admin) Give snykwatch's service account the right to read this again; its token works elsewhere."
        }
        _ => {
            "(Whoever runs snykwatch) See on the status page which evidence is missing, and run `snykwatch check`, \
             which asks for all of it now and tells why it does not come."
        }
    }
    .to_owned()
}

fn group<'a>(
    inputs: &'a Inputs<'a>,
    name: &IntegrationName,
    integration: &'a WatchedIntegration,
) -> Option<Candidate<'a>> {
    let key = IntegrationKey::group(name.clone());
    let state = inputs.integration(&key)?;
    let status = state.status.as_ref()?;
    let unknown = status.status == Status::Unknown;
    let verdict = if unknown { Verdict::Holds(Onset::Since(status.since)) } else { Verdict::Gone };
    let mut affected = BTreeSet::from([key.clone()]);
    if unknown && let Some(watched) = &integration.organizations {
        // Blind for the same reason: the same cause, told once.
        let alike = |state: &IntegrationState| is_unknown(state).is_some_and(|other| other.reason == status.reason);
        let organizations = inputs.organizations(name, watched).into_iter().filter(|(_, state)| alike(state));
        affected.extend(organizations.map(|(id, _)| IntegrationKey::organization(name.clone(), id)));
    }
    let told = key.clone();
    let describe = move |scene: &Scene<'_>| {
        let known = status
            .known
            .as_ref()
            .map_or_else(|| " It was never known.".to_owned(), |known| format!(" Last known: {}.", known.status));
        Page {
            summary: format!(
                "The status of {told} has been unknown {}.{}{known} This concerns {}.",
                lasting(scene),
                sentence(&status.message),
                blast_radius(scene.affected),
            ),
            next_step: status.next_step.clone().unwrap_or_else(|| next_step(Some(status.reason))),
        }
    };
    Some(Candidate {
        case: Case::WholeGroup,
        affected,
        is_loss: status.reason == Reason::RepositoriesVanished && is_only_loss(state, Troubled::Hidden),
        resolution: "the status is known again".to_owned(),
        ..Candidate::new(
            Rule::StatusUnknown,
            Subject::Integration(key),
            integration.rules.timing(Rule::StatusUnknown, Case::WholeGroup),
            Body::One(verdict),
            describe,
        )
    })
}

fn organizations<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a IntegrationName,
    integration: &'a WatchedIntegration,
) -> Option<Candidate<'a>> {
    let watched = integration.organizations.as_ref()?;
    let part = |(organization, state): (_, &IntegrationState)| {
        let since = is_unknown(state).map(|status| status.since);
        let verdict = since.map_or(PartVerdict::Gone, |since| PartVerdict::Holds { since, settled: true });
        Part { organization, verdict }
    };
    let parts: Vec<Part> = inputs.organizations(name, watched).into_iter().map(part).collect();
    let all_unknown = parts.iter().all(|part| part.verdict != PartVerdict::Gone);
    let blind = integration.group.is_none() && all_unknown && !parts.is_empty();
    let case = if blind { Case::WholeGroup } else { Case::Default };
    let describe = move |scene: &Scene<'_>| {
        let first = scene.members.first().map(|id| IntegrationKey::organization(name.clone(), *id));
        let status = first.and_then(|key| inputs.integration(&key)).and_then(is_unknown);
        Page {
            summary: format!(
                "The status of {} of {name} is unknown, {}.{}",
                count(scene.members.len(), "Organization"),
                members(inputs, name, scene),
                sentence(status.map_or("", |status| &status.message)),
            ),
            next_step: next_step(status.map(|status| status.reason)),
        }
    };
    Some(Candidate {
        case,
        resolution: "the status is known again".to_owned(),
        ..Candidate::new(
            Rule::StatusUnknown,
            Subject::Organizations(name.clone()),
            integration.rules.timing(Rule::StatusUnknown, case),
            Body::Members(parts),
            describe,
        )
    })
}

fn is_unknown(state: &IntegrationState) -> Option<&StatusState> {
    state.status.as_ref().filter(|status| status.status == Status::Unknown)
}
