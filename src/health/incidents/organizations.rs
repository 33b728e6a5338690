//! Problems of Organizations: one incident for a rule and a configuration key, which lists them.

use super::candidate::{Body, Candidate, Page, Part, PartVerdict, Scene};
use super::inputs::Inputs;
use super::text::{count, members, sentence};
use crate::domain::condition::{Condition, Reason};
use crate::domain::fleet::Thresholds;
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::policy::Case;
use crate::domain::state::IntegrationState;

/// A rule about a condition of Organizations.
struct Row {
    rule: Rule,
    condition: Condition,
    /// Only by this reason; another reason of the same condition is another rule's.
    reason: Option<Reason>,
    /// What is wrong; ` in 3 Organizations` follows.
    wrong: &'static str,
    next_step: &'static str,
    resolution: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        rule: Rule::OrganizationIntegrationMissing,
        condition: Condition::IntegrationPresent,
        reason: None,
        wrong: "The integration is missing, though it was there or is required,",
        next_step: "(Organization Admin) Open Integrations in each listed Organization and connect the Git host again; \
                    the audit log on the status page shows who removed it and when.",
        resolution: "every Organization has the integration",
    },
    Row {
        rule: Rule::TestsStale,
        condition: Condition::TestsCurrent,
        reason: None,
        wrong: "Daily projects are no longer tested",
        next_step: "(Organization Admin) Look at the projects of each listed Organization: were they deactivated, and \
                    can Snyk still read their repositories? Test one by hand to see its error.",
        resolution: "daily tests run again",
    },
    Row {
        rule: Rule::NothingImported,
        condition: Condition::RepositoriesImported,
        reason: Some(Reason::NothingImported),
        wrong: "No repository was imported",
        next_step: "(Organization Admin) Import repositories in each listed Organization, or exclude it in the \
                    configuration.",
        resolution: "repositories were imported",
    },
    Row {
        rule: Rule::ImportsIncomplete,
        condition: Condition::RepositoriesImported,
        reason: Some(Reason::SomeImportsFailed),
        wrong: "Imported repositories have no project",
        next_step: "(Organization Admin) Look at the import log of each listed Organization and import the failed \
                    repositories again.",
        resolution: "the imports have projects",
    },
    Row {
        rule: Rule::WebhooksMissing,
        condition: Condition::WebhooksInstalled,
        reason: None,
        wrong: "Repositories have no active Snyk webhook, so that their pull requests are not checked,",
        next_step: "(Organization Admin) Import one of the listed repositories again: Snyk then installs its webhook, if \
                    the PAT's account is administrator of the repository.",
        resolution: "the sampled repositories have their webhooks",
    },
];

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (name, integration) in &inputs.fleet.integrations {
        let Some(watched) = &integration.organizations else { continue };
        let organizations = inputs.organizations(name, watched);
        let thresholds = &integration.thresholds;
        all.extend(ROWS.iter().map(|row| candidate(inputs, name, thresholds, &organizations, row)));
    }
    all
}

fn candidate<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a IntegrationName,
    thresholds: &Thresholds,
    organizations: &[(OrganizationId, &IntegrationState)],
    row: &'static Row,
) -> Candidate<'a> {
    let timing = inputs.timing(name, row.rule, Case::Default);
    let part = |(organization, state): &(_, &IntegrationState)| Part {
        organization: *organization,
        verdict: verdict(state, row, timing.evaluations),
    };
    let parts: Vec<Part> = organizations.iter().map(part).collect();
    let describe = move |scene: &Scene<'_>| page(inputs, name, row, scene);
    Candidate {
        repair_shows_after: match row.rule {
            Rule::TestsStale => Some(thresholds.test_grace),
            _ => None,
        },
        resolution: row.resolution.to_owned(),
        ..Candidate::new(row.rule, Subject::Organizations(name.clone()), timing, Body::Members(parts), describe)
    }
}

fn verdict(state: &IntegrationState, row: &Row, evaluations: u32) -> PartVerdict {
    let Some(condition) = state.conditions.get(&row.condition) else { return PartVerdict::CannotTell };
    match condition.truth {
        Truth::False if row.reason.is_none_or(|reason| reason == condition.reason) => {
            let agreed = state.organization.false_evaluations.get(&row.condition).copied().unwrap_or(0);
            PartVerdict::Holds { since: condition.since, settled: evaluations <= 1 || agreed >= evaluations }
        }
        Truth::True | Truth::False | Truth::NotApplicable => PartVerdict::Gone,
        Truth::Unknown => PartVerdict::CannotTell,
    }
}

fn page(inputs: &Inputs<'_>, name: &IntegrationName, row: &Row, scene: &Scene<'_>) -> Page {
    let only = scene.members.first().filter(|_| scene.members.len() == 1);
    let only = only.map(|id| IntegrationKey::organization(name.clone(), *id));
    let only = only.and_then(|key| inputs.integration(&key));
    let message = only.and_then(|state| state.conditions.get(&row.condition)).map_or("", |state| &state.message);
    Page {
        summary: format!(
            "{} in {} of {name}, {}.{}",
            row.wrong,
            count(scene.members.len(), "Organization"),
            members(inputs, name, scene),
            sentence(message),
        ),
        next_step: row.next_step.to_owned(),
    }
}
