//! Problems of Organizations: one incident for a rule and a configuration key, which lists them. Each rule is a file.

mod imports_incomplete;
mod integration_missing;
mod nothing_imported;
mod nothing_to_watch;
mod orphaned_projects;
mod projects_inactive;
mod tests_stale;
mod tests_unscheduled;
mod webhooks_missing;

use super::candidate::{Body, Candidate, Page, Part, PartVerdict, Scene};
use super::inputs::Inputs;
use super::text::{count, members, sentence};
use crate::domain::condition::{Condition, Reason};
use crate::domain::fleet::{Thresholds, WatchedOrganizations};
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::policy::Case;
use crate::domain::state::{Extent, IntegrationState};
use crate::domain::status::Status;

/// A rule about Organizations.
struct Row {
    rule: Rule,
    when: When,
    /// What is wrong; ` in 3 Organizations` follows.
    wrong: &'static str,
    next_step: &'static str,
    resolution: &'static str,
}

/// What makes an Organization a member.
#[derive(Clone, Copy)]
enum When {
    /// A condition is false.
    False {
        condition: Condition,
        /// Only by this reason; another reason of the same condition is another rule's.
        reason: Option<Reason>,
        /// Reasons that are judged before this one: while the condition is false by one of them, nothing tells whether
        /// this one holds too.
        judged_before: &'static [Reason],
    },
    /// It has projects that nobody tests.
    Orphans,
    /// The configuration demands it, and nothing is there to be watched.
    NothingToWatch,
}

const ROWS: &[Row] = &[
    integration_missing::ROW,
    tests_stale::ROW,
    tests_unscheduled::ROW,
    nothing_imported::ROW,
    imports_incomplete::ROW,
    projects_inactive::ROW,
    orphaned_projects::ROW,
    webhooks_missing::ROW,
    nothing_to_watch::ROW,
];

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (name, integration) in &inputs.fleet.integrations {
        let Some(watched) = &integration.organizations else { continue };
        let organizations = inputs.organizations(name, watched);
        let thresholds = &integration.thresholds;
        let candidate = |row| candidate(inputs, name, (watched, thresholds), &organizations, row);
        all.extend(ROWS.iter().map(candidate));
    }
    all
}

fn candidate<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a IntegrationName,
    (watched, thresholds): (&WatchedOrganizations, &Thresholds),
    organizations: &[(OrganizationId, &IntegrationState)],
    row: &'static Row,
) -> Candidate<'a> {
    let timing = inputs.timing(name, row.rule, Case::Default);
    let part = |(organization, state): &(_, &IntegrationState)| {
        let is_required = watched.require.contains(organization);
        Part { organization: *organization, verdict: verdict(state, row, is_required, timing.evaluations) }
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

fn verdict(state: &IntegrationState, row: &Row, is_required: bool, evaluations: u32) -> PartVerdict {
    let memory = &state.organization;
    match row.when {
        When::NothingToWatch => {
            let status = state.status.as_ref();
            match status.map(|status| status.status) {
                Some(Status::NothingToWatch) if is_required => {
                    let since = status.map_or(state.first_seen_at, |status| status.since);
                    PartVerdict::Holds { since, settled: true }
                }
                None | Some(Status::Unknown) => PartVerdict::CannotTell,
                Some(_) => PartVerdict::Gone,
            }
        }
        _ if memory.nothing_to_watch && !(is_required && row.rule == Rule::OrganizationIntegrationMissing) => {
            PartVerdict::Gone
        }
        When::Orphans => {
            // What was accepted is in the memory still, and no longer in the extent.
            match (memory.tests.orphans.values().min(), memory.extents.get(&row.rule)) {
                (Some(since), Some(_)) => PartVerdict::Holds { since: *since, settled: true },
                (Some(_), None) if state.truth(Condition::TestsCurrent) == Truth::Unknown => PartVerdict::CannotTell,
                (None, _) | (Some(_), None) => PartVerdict::Gone,
            }
        }
        When::False { condition, reason, judged_before } => {
            let Some(known) = state.conditions.get(&condition) else { return PartVerdict::CannotTell };
            match known.truth {
                Truth::False if reason.is_none_or(|reason| reason == known.reason) => {
                    let readings = memory.false_readings.get(&condition);
                    let agreed = readings.filter(|readings| readings.reason == known.reason);
                    let settled = evaluations <= 1 || agreed.is_some_and(|agreed| agreed.count >= evaluations);
                    PartVerdict::Holds { since: known.since, settled }
                }
                Truth::False if judged_before.contains(&known.reason) => PartVerdict::CannotTell,
                Truth::True | Truth::False | Truth::NotApplicable => PartVerdict::Gone,
                Truth::Unknown => PartVerdict::CannotTell,
            }
        }
    }
}

/// How bad a rule's problem is in one Organization.
pub(super) fn extent(state: &IntegrationState, rule: Rule) -> Extent {
    state.organization.extents.get(&rule).copied().unwrap_or(Extent::new(1, 1))
}

fn page(inputs: &Inputs<'_>, name: &IntegrationName, row: &Row, scene: &Scene<'_>) -> Page {
    let only = scene.members.first().filter(|_| scene.members.len() == 1);
    let only = only.map(|id| IntegrationKey::organization(name.clone(), *id));
    let only = only.and_then(|key| inputs.integration(&key));
    let message = only.map(|state| message(state, row)).unwrap_or_default();
    Page {
        summary: format!(
            "{} in {} of {name}, {}.{}",
            row.wrong,
            count(scene.members.len(), "Organization"),
            members(inputs, name, scene),
            sentence(&message),
        ),
        next_step: row.next_step.to_owned(),
    }
}

/// What is said of a single Organization.
fn message(state: &IntegrationState, row: &Row) -> String {
    match row.when {
        // Of an old PAT it says only that again, and when it ends.
        When::False { condition: Condition::CredentialInStep, .. } => String::new(),
        When::False { condition, .. } => {
            state.conditions.get(&condition).map_or_else(String::new, |known| known.message.clone())
        }
        When::Orphans => {
            let Extent { bad, of } = extent(state, row.rule);
            format!("{bad} of {of} scheduled projects")
        }
        When::NothingToWatch => state.status.as_ref().map_or_else(String::new, |status| status.message.clone()),
    }
}
