//! Organizations that the configuration names and that are in no complete listing.

use super::candidate::{Body, Candidate, Onset, Page, Scene, Verdict};
use super::inputs::Inputs;
use super::text::{LISTED, lasting, sentence};
use crate::domain::incident::{Rule, Subject};
use crate::domain::names::{IntegrationKey, IntegrationName};
use crate::domain::policy::Case;
use crate::health::unseen::{NotFound, not_found};

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let of_organizations = inputs.fleet.integrations.iter().filter(|(_, watched)| watched.organizations.is_some());
    of_organizations.map(|(name, _)| candidate(inputs, name)).collect()
}

fn candidate<'a>(inputs: &'a Inputs<'a>, name: &'a IntegrationName) -> Candidate<'a> {
    let missing = not_found(inputs.state, inputs.fleet, name, inputs.now);
    let since = missing.iter().map(|one| one.since).min();
    let listed: Vec<_> = missing.iter().flat_map(|one| one.ids.iter().copied()).collect();
    let affected = listed.iter().map(|id| IntegrationKey::organization(name.clone(), *id));
    let affected = affected.filter(|key| inputs.integration(key).is_some()).collect();
    let listing = inputs.state.evidence.groups.get(name).and_then(|group| group.organizations.as_ref());
    let cannot_tell = listing.is_none() && inputs.fleet.integrations.get(name).is_some_and(|of| of.group.is_some());
    let verdict = match since {
        Some(since) => Verdict::Holds(Onset::Since(since)),
        None if cannot_tell => Verdict::CannotTell,
        None => Verdict::Gone,
    };
    let timing = inputs.timing(name, Rule::OrganizationNotFound, Case::Default);
    Candidate {
        affected,
        listed,
        resolution: "every Organization that the configuration names is listed, or no longer named".to_owned(),
        ..Candidate::new(
            Rule::OrganizationNotFound,
            Subject::Organizations(name.clone()),
            timing,
            Body::One(verdict),
            move |scene| page(name, &missing, scene),
        )
    }
}

fn page(name: &IntegrationName, missing: &[NotFound], scene: &Scene<'_>) -> Page {
    let one = |missing: &NotFound| format!("{} ({})", missing.name, missing.settings.join(", "));
    let mut names: Vec<String> = missing.iter().take(LISTED).map(one).collect();
    if let Some(more) = missing.len().checked_sub(LISTED).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    let (what, is) =
        if missing.len() == 1 { ("an Organization that is", "it is") } else { ("Organizations that are", "they are") };
    let message = missing.first().map_or("", |first| first.message.as_str());
    Page {
        summary: format!(
            "The configuration of {name} names {what} not there {}: {}.{}",
            lasting(scene),
            names.join(", "),
            sentence(message),
        ),
        next_step: format!(
            "(snykwatch operator) Correct the name or id in the configuration, or take it out if {is} meant to be gone. \
             (Group Admin) If it exists, give the account of our Snyk token the right to see it."
        ),
    }
}
