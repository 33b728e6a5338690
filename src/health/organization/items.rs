//! What an incident about an Organization compares with the past, item by item: what a person may accept.

use std::collections::BTreeSet;

use crate::domain::condition::Reason;
use crate::domain::decisions::Item;
use crate::domain::facts::{Project, Target};
use crate::domain::fleet::Fleet;
use crate::domain::incident::{IncidentKey, Rule, Subject};
use crate::domain::names::{IntegrationKey, OrganizationId};
use crate::domain::state::State;

use super::accepted::Accepted;
use super::imported::TargetGroups;
use super::projects::ProjectGroups;

/// The items of an incident about Organizations; none where it is not about a loss.
pub(in crate::health) fn items_of(state: &State, fleet: &Fleet, incident: &IncidentKey) -> BTreeSet<Item> {
    let (Subject::Organizations(name), Some(stored)) = (&incident.subject, state.incidents.get(incident)) else {
        return BTreeSet::new();
    };
    let thresholds = fleet.integrations.get(name).map_or(&fleet.thresholds, |watched| &watched.thresholds);
    let one = |rule: Rule, organization: &OrganizationId| {
        let key = IntegrationKey::organization(name.clone(), *organization);
        let accepted = Accepted { decisions: &state.decisions, organization: *organization };
        let stored = state.integrations.get(&key);
        let status = stored.and_then(|stored| stored.status.as_ref());
        let is_disconnected = status.is_some_and(|status| status.reason == Reason::Disconnected);
        let memory = stored.map(|stored| &stored.organization);
        let imports = state.evidence.organizations.get(&key).and_then(|book| book.imports.as_ref());
        let Some((memory, imports)) = memory.zip(imports) else { return Vec::new() };
        let target = |id: &String| Item::Target(*organization, id.clone());
        let targets = |targets: &[&Target]| targets.iter().map(|one| target(&one.id)).collect::<Vec<_>>();
        let projects = |projects: &[&Project]| -> Vec<Item> {
            projects.iter().map(|project| Item::Project(*organization, project.id.clone())).collect()
        };
        let groups = || ProjectGroups::new(imports, &memory.tests, accepted, thresholds);
        let target_groups = || TargetGroups::new(imports, &memory.imports, accepted, thresholds);
        match rule {
            Rule::NothingImported if imports.value.targets.is_empty() => {
                memory.imports.gone.iter().map(target).collect()
            }
            Rule::NothingImported | Rule::ImportsIncomplete => {
                let groups = target_groups();
                [targets(&groups.lost), targets(&groups.empty), targets(&groups.young)].concat()
            }
            Rule::TestsStale => [projects(&groups().late), projects(&groups().orphans)].concat(),
            Rule::OrphanedProjects => projects(&groups().orphans),
            Rule::ConnectionFailed if !is_disconnected => Vec::new(),
            Rule::ProjectsInactive | Rule::ConnectionFailed => projects(&groups().inactive),
            Rule::TestsUnscheduled => {
                let checks = (!memory.tests.checks_off.is_empty()).then_some(Item::PullRequestChecks(*organization));
                projects(&groups().unscheduled).into_iter().chain(checks).collect()
            }
            _ => Vec::new(),
        }
    };
    if incident.rule == Rule::Baseline {
        let problems = state.baselines.get(name).into_iter().flat_map(|baseline| baseline.problems.keys());
        return problems.flat_map(|(rule, organization)| one(*rule, organization)).collect();
    }
    stored.members.iter().flat_map(|organization| one(incident.rule, organization)).collect()
}
