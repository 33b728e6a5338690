//! So many Organizations are missing from the Group's listing at once that a right was lost.

use std::collections::BTreeSet;

use super::candidate::{Body, Candidate, Onset, Page, Scene, Verdict};
use super::inputs::Inputs;
use super::text::{count, members};
use crate::domain::condition::{Condition, Reason};
use crate::domain::decisions::Item;
use crate::domain::incident::{IncidentKey, Rule, Subject};
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::policy::Case;
use crate::domain::state::State;
use crate::health::vanishing::is_missing;

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let of_organizations = inputs.fleet.integrations.iter().filter(|(_, watched)| watched.organizations.is_some());
    of_organizations.map(|(name, _)| candidate(inputs, name)).collect()
}

fn candidate<'a>(inputs: &'a Inputs<'a>, name: &'a IntegrationName) -> Candidate<'a> {
    let mass = inputs.state.mass_vanishing.get(name);
    let missing: Vec<OrganizationId> = if mass.is_some() { missing(inputs, name) } else { Vec::new() };
    let group = IntegrationKey::group(name.clone());
    let shows_nothing = inputs.integration(&group).and_then(|group| group.conditions.get(&Condition::SnykAccessible));
    let shows_nothing = shows_nothing.is_some_and(|known| known.reason == Reason::GroupAnswersEmpty);
    let verdict = match mass {
        None => Verdict::Gone,
        // The Group as a whole shows nothing: that is one fact, and told as such.
        Some(_) if shows_nothing => Verdict::CannotTell,
        Some(mass) => Verdict::Holds(Onset::Since(mass.since)),
    };
    let timing = inputs.timing(name, Rule::OrganizationsVanished, Case::Default);
    let describe = move |scene: &Scene<'_>| {
        let watched = mass.map_or(0, |mass| mass.watched);
        let before = mass.map_or(0, |mass| mass.vanished.saturating_sub(scene.members.len()));
        let before = if before > 0 { format!(" ({before} more went in the days before)") } else { String::new() };
        Page {
            summary: format!(
                "{} of {watched} of {name} are missing from the Group's complete listing, {}{before}. So many look like \
                 a right that our Snyk token lost, so none of them is taken for deleted.",
                count(scene.members.len(), "Organization"),
                members(inputs, name, scene),
            ),
            next_step:
                "(Group Admin) See whether the listed Organizations still exist and give the account of our Snyk \
                        token the right to read them again. If they are meant to be gone, accept the loss \
                        (`snykwatch accept`)."
                    .to_owned(),
        }
    };
    Candidate {
        affected: missing.iter().map(|id| IntegrationKey::organization(name.clone(), *id)).collect(),
        listed: missing,
        // A second listing says so too, before anybody is told.
        is_confirmed: mass.is_none_or(|mass| mass.confirmed),
        resolution: "the Organizations are listed again, or their loss is explained".to_owned(),
        ..Candidate::new(
            Rule::OrganizationsVanished,
            Subject::Organizations(name.clone()),
            timing,
            Body::One(verdict),
            describe,
        )
    }
}

fn missing(inputs: &Inputs<'_>, name: &IntegrationName) -> Vec<OrganizationId> {
    let state = inputs.state;
    let group = inputs.fleet.integrations.get(name).and_then(|watched| watched.group.as_ref()).map(|group| group.id);
    let of_this = state.vanishing.range(IntegrationKey::group(name.clone())..);
    let of_this = of_this.map(|(key, _)| key).take_while(|key| key.integration == *name);
    let missing = of_this.filter(|key| is_missing(&state.vanishing, &state.evidence, key, group, inputs.now).is_some());
    missing.filter_map(|key| key.organization).collect()
}

/// The Organizations whose loss a person may accept.
pub(super) fn items(state: &State, key: &IncidentKey) -> BTreeSet<Item> {
    let (Subject::Organizations(name), Some(incident)) = (&key.subject, state.incidents.get(key)) else {
        return BTreeSet::new();
    };
    incident.members.iter().map(|id| Item::Organization(name.clone(), *id)).collect()
}
