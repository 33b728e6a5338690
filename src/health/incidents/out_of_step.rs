//! Organizations that still have the PAT from before a rotation which we did not see begin. One that we saw is told as a
//! whole, by its progress.

use chrono::{DateTime, TimeDelta, Utc};

use super::candidate::{Body, Candidate, Page, Part, PartVerdict, Scene};
use super::inputs::Inputs;
use super::text::{count, instant, members};
use crate::domain::condition::Condition;
use crate::domain::fleet::WatchedOrganizations;
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::{IntegrationName, OrganizationId};
use crate::domain::policy::Case;
use crate::domain::rotation::Rotation;
use crate::domain::state::IntegrationState;

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let watched = inputs.fleet.integrations.iter();
    watched.filter_map(|(name, watched)| Some(candidate(inputs, name, watched.organizations.as_ref()?))).collect()
}

fn candidate<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a IntegrationName,
    watched: &'a WatchedOrganizations,
) -> Candidate<'a> {
    let timing = inputs.timing(name, Rule::CredentialOutOfStep, Case::Default);
    let parts: Vec<Part> = inputs
        .organizations(name, watched)
        .into_iter()
        .map(|(organization, state)| Part {
            organization,
            verdict: verdict(inputs, watched, organization, state, timing.evaluations),
        })
        .collect();
    let holding = parts.iter().filter(|part| matches!(part.verdict, PartVerdict::Holds { .. }));
    let ends = |part: &Part| rotation_of(inputs, watched, part.organization)?.old.ends_at();
    let deadline = holding.filter_map(ends).min();
    let describe = move |scene: &Scene<'_>| page(inputs, name, deadline, scene);
    Candidate {
        // About the new credential itself: nothing to wait for.
        repair_shows_after: Some(TimeDelta::zero()),
        deadline,
        resolution: "the new PAT was saved everywhere".to_owned(),
        ..Candidate::new(
            Rule::CredentialOutOfStep,
            Subject::Organizations(name.clone()),
            timing,
            Body::Members(parts),
            describe,
        )
    }
}

fn rotation_of<'a>(
    inputs: &Inputs<'a>,
    watched: &WatchedOrganizations,
    organization: OrganizationId,
) -> Option<&'a Rotation> {
    inputs.state.credentials.get(watched.credential_of(organization))?.rotation.as_ref()
}

fn verdict(
    inputs: &Inputs<'_>,
    watched: &WatchedOrganizations,
    organization: OrganizationId,
    state: &IntegrationState,
    readings: u32,
) -> PartVerdict {
    let Some(condition) = state.conditions.get(&Condition::CredentialInStep) else { return PartVerdict::CannotTell };
    let is_told_as_rotation = rotation_of(inputs, watched, organization).is_some_and(Rotation::is_under_way);
    let plan = inputs.state.decisions.plan_of_rotation(watched.credential_of(organization), inputs.now);
    match condition.truth {
        _ if is_told_as_rotation || plan.is_some() => PartVerdict::Gone,
        Truth::False => {
            let agreed = state
                .organization
                .false_readings
                .get(&Condition::CredentialInStep)
                .map_or(0, |readings| readings.count);
            PartVerdict::Holds { since: condition.since, settled: readings <= 1 || agreed >= readings }
        }
        Truth::True | Truth::NotApplicable => PartVerdict::Gone,
        Truth::Unknown => PartVerdict::CannotTell,
    }
}

fn page(inputs: &Inputs<'_>, name: &IntegrationName, deadline: Option<DateTime<Utc>>, scene: &Scene<'_>) -> Page {
    let deadline = match deadline {
        Some(date) if date > scene.now => format!(" The old PAT expires {}; until then all works.", instant(date)),
        Some(date) => format!(" The old PAT ended {}: nothing works there any more.", instant(date)),
        None => String::new(),
    };
    Page {
        summary: format!(
            "The PAT from before its rotation is still in use in {} of {name}, {}.{deadline}",
            count(scene.members.len(), "Organization"),
            members(inputs, name, scene),
        ),
        next_step: "(Organization Admin) Open Integrations in each listed Organization and save the new PAT."
            .to_owned(),
    }
}
