//! Integrations of which nothing is known, for no cause that another rule names, and Organizations that nobody lists.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::candidate::{Body, Candidate, Onset, Page, Part, PartVerdict, Scene, Verdict};
use super::connection::{Troubled, is_only_loss};
use super::inputs::Inputs;
use super::text::{blast_radius, count, lasting, members, sentence};
use crate::domain::condition::{Condition, Reason};
use crate::domain::fleet::WatchedIntegration;
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::Level;
use crate::domain::names::{IntegrationKey, IntegrationName};
use crate::domain::policy::Case;
use crate::domain::state::IntegrationState;
use crate::domain::status::{Status, StatusState};
use crate::domain::work::ProbeKind;
use crate::health::advice::{Asked, of_answer};
use crate::health::status::is_idle_alone;
use crate::health::unseen::{Unlisted, unlisted};

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

/// A subject may be asked for the first time as late as this, when its probe is asked once in a third of its age.
fn asked_within(inputs: &Inputs<'_>, kind: ProbeKind) -> TimeDelta {
    inputs.fleet.max_ages.get(&kind).map_or(TimeDelta::zero(), |age| *age * 2 / 3)
}

/// Whether the first pass has not come to it yet.
fn is_awaited(inputs: &Inputs<'_>, state: &IntegrationState, kind: ProbeKind) -> bool {
    let access = state.conditions.get(&Condition::SnykAccessible);
    let never_asked = access.is_none_or(|access| access.reason == Reason::NotObserved);
    never_asked && inputs.age(state.first_seen_at) < asked_within(inputs, kind)
}

/// The status, where that it is unknown is for this rule to tell.
pub(super) fn is_unknown(state: &IntegrationState) -> Option<&StatusState> {
    let status = state.status.as_ref().filter(|status| status.status == Status::Unknown)?;
    let conditions = state.conditions.iter().map(|(condition, state)| (*condition, state.truth, state.reason));
    // Where there was nothing to be watched, nobody misses it.
    let is_missed = !state.organization.nothing_to_watch && !is_idle_alone(status.reason, conditions);
    is_missed.then_some(status)
}

fn group<'a>(
    inputs: &'a Inputs<'a>,
    name: &IntegrationName,
    integration: &'a WatchedIntegration,
) -> Option<Candidate<'a>> {
    let key = IntegrationKey::group(name.clone());
    let state = inputs.integration(&key)?;
    let status = state.status.as_ref()?;
    let unknown = is_unknown(state).is_some();
    let verdict = match unknown {
        true if is_awaited(inputs, state, ProbeKind::GroupAccess) => Verdict::CannotTell,
        true => Verdict::Holds(Onset::Since(status.since)),
        false => Verdict::Gone,
    };
    let mut affected = BTreeSet::from([key.clone()]);
    if unknown && let Some(watched) = &integration.organizations {
        // Blind for the same reason: the same cause, told once.
        let alike = |state: &IntegrationState| is_unknown(state).is_some_and(|other| other.reason == status.reason);
        let organizations = inputs.organizations(name, watched).into_iter().filter(|(_, state)| alike(state));
        affected.extend(organizations.map(|(id, _)| IntegrationKey::organization(name.clone(), id)));
    }
    let case = if status.reason == Reason::Contradicted { Case::Contradicted } else { Case::WholeGroup };
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
            next_step: next_step(Some(status), Level::Group),
        }
    };
    Some(Candidate {
        case,
        affected,
        is_loss: status.reason == Reason::RepositoriesVanished && is_only_loss(state, Troubled::Hidden),
        resolution: "the status is known again".to_owned(),
        ..Candidate::new(
            Rule::StatusUnknown,
            Subject::Integration(key),
            integration.rules.timing(Rule::StatusUnknown, case),
            Body::One(verdict),
            describe,
        )
    })
}

/// The status gives its own next step; it knows what was asked.
fn next_step(status: Option<&StatusState>, level: Level) -> String {
    let given = status.and_then(|status| status.next_step.clone());
    given.unwrap_or_else(|| of_answer(status.map_or(Reason::NotObserved, |status| status.reason), Asked::Snyk(level)))
}

/// What is to be said of one Organization.
fn part(inputs: &Inputs<'_>, contradicted_after: TimeDelta, state: &IntegrationState) -> PartVerdict {
    let Some(status) = is_unknown(state) else { return PartVerdict::Gone };
    let since = status.since;
    match status.reason {
        // Other rules tell of it, or it is about to be gone.
        Reason::OrganizationsVanished => PartVerdict::CannotTell,
        Reason::Contradicted => PartVerdict::Holds { since, settled: inputs.age(since) >= contradicted_after },
        _ if is_awaited(inputs, state, ProbeKind::Organization) => PartVerdict::CannotTell,
        _ => PartVerdict::Holds { since, settled: true },
    }
}

fn organizations<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a IntegrationName,
    integration: &'a WatchedIntegration,
) -> Option<Candidate<'a>> {
    let watched = integration.organizations.as_ref()?;
    let contradicted_after = integration.rules.timing(Rule::StatusUnknown, Case::Contradicted).opens_after;
    let organizations = inputs.organizations(name, watched).into_iter();
    let part = |(organization, state)| Part { organization, verdict: part(inputs, contradicted_after, state) };
    let parts: Vec<Part> = organizations.map(part).collect();
    let all_unknown = parts.iter().all(|part| part.verdict != PartVerdict::Gone);
    let blind = integration.group.is_none() && all_unknown && !parts.is_empty();
    let case = if blind { Case::WholeGroup } else { Case::Default };
    if let Some(unlisted) = unlisted(inputs.state, inputs.fleet, name, inputs.now) {
        return Some(without_listing(inputs, name, integration, unlisted, &parts));
    }
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
            next_step: next_step(status, Level::Organization),
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

/// Nobody lists the Organizations: how many there are, and how they are, is not known.
fn without_listing<'a>(
    inputs: &Inputs<'_>,
    name: &'a IntegrationName,
    integration: &'a WatchedIntegration,
    unlisted: Unlisted,
    parts: &[Part],
) -> Candidate<'a> {
    let unknown = parts.iter().filter_map(|part| match part.verdict {
        PartVerdict::Holds { since, .. } => Some((part.organization, since)),
        PartVerdict::Gone | PartVerdict::CannotTell => None,
    });
    let unknown: Vec<_> = unknown.collect();
    let since = unknown.iter().map(|(_, since)| *since).min();
    let since: DateTime<Utc> = since.map_or(unlisted.since, |since| since.min(unlisted.since));
    let is_awaited = unlisted.reason == Reason::NotObserved
        && inputs.age(unlisted.since) < asked_within(inputs, ProbeKind::OrganizationList);
    // That a Group has no Organizations is no trouble, unless some are known otherwise; that it has some is not proved
    // either.
    let is_only_empty = unlisted.reason == Reason::GroupAnswersEmpty
        && parts.iter().all(|part| part.verdict == PartVerdict::CannotTell);
    let cannot_tell = is_awaited || is_only_empty;
    let verdict = if cannot_tell { Verdict::CannotTell } else { Verdict::Holds(Onset::Since(since)) };
    let listed: Vec<_> = unknown.iter().map(|(organization, _)| *organization).collect();
    let case = if unlisted.reason == Reason::Contradicted { Case::Contradicted } else { Case::Default };
    let Unlisted { message, next_step, .. } = unlisted;
    let describe = move |scene: &Scene<'_>| Page {
        summary: format!(
            "Which Organizations {name} has is not known, {}, and so neither is how they are.{}",
            lasting(scene),
            sentence(&message),
        ),
        next_step: next_step.clone(),
    };
    Candidate {
        case,
        listed,
        resolution: "the Organizations are listed again".to_owned(),
        ..Candidate::new(
            Rule::StatusUnknown,
            Subject::Organizations(name.clone()),
            integration.rules.timing(Rule::StatusUnknown, case),
            Body::One(verdict),
            describe,
        )
    }
}
