//! Rules about Organizations: one incident for a configuration key, with its members.
//!
//! Each Organization has a clock of its own. One whose delay has passed is listed; the incident is open while anyone is.
//! One that a cause holds back is not listed anew, but stays listed if it was. One that cannot be told stays what it was.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::baseline::Baselines;
use super::candidate::{Candidate, Part, PartVerdict};
use super::holding::{Causes, Symptom};
use super::inputs::Inputs;
use super::lifecycle::{Holding, KeptMembers, Standing};
use crate::domain::incident::{IncidentKey, IncidentState};
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};

#[derive(Default)]
struct Sorted {
    onsets: BTreeMap<OrganizationId, DateTime<Utc>>,
    /// With the cause that would hold each back if it were new.
    listed: Vec<(OrganizationId, Option<IncidentKey>)>,
    /// Were listed, cannot be told now.
    kept: Vec<OrganizationId>,
    /// Their time has not come, or they cannot be told and it had not come before.
    waiting: Vec<OrganizationId>,
    held: Vec<IncidentKey>,
}

/// Makes one standing of the verdicts on each Organization.
pub(super) fn stand(
    inputs: &Inputs<'_>,
    candidate: &Candidate<'_>,
    name: &IntegrationName,
    parts: &[Part],
    causes: &Causes,
    baselines: &Baselines,
) -> Standing {
    let before = inputs.incident(&candidate.key);
    let sorted = sort(inputs, candidate, name, parts, causes, baselines, before);
    let onset_of = |organization: &OrganizationId| sorted.onsets.get(organization).copied();
    if !sorted.listed.is_empty() {
        let quiet = sorted.listed.iter().all(|(_, held)| held.is_some());
        let cause = sorted.listed.first().and_then(|(_, held)| held.clone()).filter(|_| quiet);
        let mut members: Vec<_> = sorted.listed.into_iter().map(|(organization, _)| organization).collect();
        members.extend(sorted.kept);
        members.sort();
        let since = members.iter().filter_map(onset_of).min().unwrap_or(inputs.now);
        let severity = candidate.severity_after(inputs.counted(&candidate.key, since));
        return Standing::Holds(Holding {
            since,
            due: true,
            anew: false,
            severity,
            step: 0,
            members,
            onsets: sorted.onsets,
            cause,
        });
    }
    if !sorted.kept.is_empty() {
        let affected = sorted.kept.iter().map(|id| IntegrationKey::organization(name.clone(), *id)).collect();
        let kept = KeptMembers { members: sorted.kept, affected, onsets: sorted.onsets };
        return Standing::Kept { members: Some(kept), cause: None };
    }
    if sorted.onsets.is_empty() {
        return Standing::Gone { because: before.and_then(|before| gone_with(inputs, name, parts, before)) };
    }
    let since = sorted.onsets.values().min().copied().unwrap_or(inputs.now);
    let cause = sorted.held.into_iter().next().filter(|_| sorted.waiting.is_empty());
    let severity = candidate.severity_after(inputs.counted(&candidate.key, since));
    let members = sorted.onsets.keys().copied().collect();
    Standing::Holds(Holding { since, due: false, anew: true, severity, step: 0, members, onsets: sorted.onsets, cause })
}

/// Why an incident ends of which no member is watched any more.
fn gone_with(
    inputs: &Inputs<'_>,
    name: &IntegrationName,
    parts: &[Part],
    before: &IncidentState,
) -> Option<&'static str> {
    let still_there = |id: &OrganizationId| parts.iter().any(|part| part.organization == *id);
    if before.members.iter().any(still_there) {
        return None;
    }
    let watched = inputs.fleet.integrations.get(name).and_then(|watched| watched.organizations.as_ref());
    let is_left_out = |id: &OrganizationId| watched.is_some_and(|watched| watched.leaves_out(*id));
    Some(if before.members.iter().all(is_left_out) { "excluded" } else { "organization_removed" })
}

fn sort(
    inputs: &Inputs<'_>,
    candidate: &Candidate<'_>,
    name: &IntegrationName,
    parts: &[Part],
    causes: &Causes,
    baselines: &Baselines,
    before: Option<&IncidentState>,
) -> Sorted {
    let was_listed = |organization: &OrganizationId| {
        before.is_some_and(|before| before.is_open() && before.members.binary_search(organization).is_ok())
    };
    let known_onset =
        |organization: &OrganizationId| before.and_then(|before| before.tracking.onsets.get(organization));
    let held_back = |organization: &OrganizationId| {
        let key = IntegrationKey::organization(name.clone(), *organization);
        causes.holding_back(&Symptom::of(inputs, candidate, Some(&key)))
    };
    let required = inputs.fleet.integrations.get(name).and_then(|watched| watched.organizations.as_ref());
    let is_required = |organization| required.is_some_and(|watched| watched.require.contains(organization));
    let mut sorted = Sorted::default();
    for Part { organization, verdict } in parts {
        if baselines.has(name, candidate.key.rule, *organization) {
            continue;
        }
        match *verdict {
            PartVerdict::Gone => {}
            PartVerdict::CannotTell => {
                let Some(onset) = known_onset(organization) else { continue };
                sorted.onsets.insert(*organization, *onset);
                match held_back(organization) {
                    _ if was_listed(organization) => sorted.kept.push(*organization),
                    Some(cause) => sorted.held.push(cause),
                    None => sorted.waiting.push(*organization),
                }
            }
            PartVerdict::Holds { since, settled } => {
                let onset = known_onset(organization).map_or(since, |known| since.min(*known));
                sorted.onsets.insert(*organization, onset);
                let ripe = settled
                    && inputs.age(onset) >= candidate.delay()
                    && (is_required(organization) || !baselines.is_awaited(name, candidate.key.rule));
                match held_back(organization) {
                    held if was_listed(organization) => sorted.listed.push((*organization, held)),
                    Some(cause) => sorted.held.push(cause),
                    None if ripe => sorted.listed.push((*organization, None)),
                    None => sorted.waiting.push(*organization),
                }
            }
        }
    }
    sorted
}
