//! What the sequence of an Organization's facts tells: presence, lost projects, inactivity.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::facts::{IntegrationPresence, OrganizationImports, WebhookSample, WebhookState};
use crate::domain::fleet::{Fleet, Thresholds};
use crate::domain::names::{IntegrationKey, IntegrationName};
use crate::domain::state::{IntegrationState, OrganizationMemory, State};

use super::super::organization::inactive_share;
use super::{Stamp, Written};

/// A target that lost its projects is a problem for so long; then it is how somebody wants it.
const LOST_FOR: TimeDelta = TimeDelta::days(7);

pub(super) fn thresholds<'a>(fleet: &'a Fleet, name: &IntegrationName) -> &'a Thresholds {
    fleet.integrations.get(name).map_or(&fleet.thresholds, |watched| &watched.thresholds)
}

pub(super) fn on_presence(
    state: &mut State,
    fleet: &Fleet,
    stamp: Stamp,
    key: &IntegrationKey,
    fact: &IntegrationPresence,
) {
    let slot = &mut state.evidence.organizations.entry(key.clone()).or_default().presence;
    if stamp.write(slot, fact.clone()) == Written::Outdated || *fact == IntegrationPresence::Absent {
        return;
    }
    let Some(watched) = fleet.integrations.get(&key.integration).filter(|watched| watched.organizations.is_some())
    else {
        return;
    };
    let listing = state.evidence.groups.get(&key.integration).and_then(|book| book.organizations.as_ref());
    let name = listing
        .and_then(|known| known.value.iter().find(|listed| Some(listed.id) == key.organization))
        .map(|listed| listed.name.clone());
    let stored = state.integrations.entry(key.clone()).or_insert_with(|| IntegrationState::new(stamp.at));
    stored.snyk_name = name.or(stored.snyk_name.take());
    stored.organization.was_present = true;
    if let IntegrationPresence::Present { id, .. } = fact {
        stored.organization.integration_id = Some(id.clone());
    }
    // The facts of the round in which it was first seen came before there was a state to remember them in.
    if let Some(imports) = state.evidence.organizations.get(key).and_then(|book| book.imports.as_ref())
        && stored.organization.targets_with_projects.is_empty()
    {
        let mostly = watched.thresholds.inactive_share;
        remember_imports(&mut stored.organization, &imports.value, mostly, imports.observed_at);
    }
}

pub(super) fn on_imports(
    state: &mut State,
    fleet: &Fleet,
    stamp: Stamp,
    key: &IntegrationKey,
    fact: &Arc<OrganizationImports>,
) {
    let slot = &mut state.evidence.organizations.entry(key.clone()).or_default().imports;
    if stamp.write(slot, Arc::clone(fact)) == Written::Yes
        && let Some(stored) = state.integrations.get_mut(key)
    {
        let mostly = thresholds(fleet, &key.integration).inactive_share;
        remember_imports(&mut stored.organization, fact, mostly, stamp.at);
    }
}

fn remember_imports(memory: &mut OrganizationMemory, imports: &OrganizationImports, mostly: f64, at: DateTime<Utc>) {
    let with_projects: BTreeSet<String> =
        imports.projects.iter().filter_map(|project| project.target.clone()).collect();
    let targets: HashSet<&str> = imports.targets.iter().map(|target| target.id.as_str()).collect();
    for target in memory.targets_with_projects.difference(&with_projects) {
        memory.lost_targets.entry(target.clone()).or_insert(at);
    }
    memory.lost_targets.retain(|target, lost_at| {
        targets.contains(target.as_str()) && !with_projects.contains(target) && at - *lost_at < LOST_FOR
    });
    memory.targets_with_projects = with_projects;
    let Some(share) = inactive_share(imports) else { return };
    if share <= mostly {
        memory.inactive_share = Some(share);
        memory.mostly_active_at = Some(at);
    } else if memory.inactive_share.is_none_or(|before| share <= before) {
        memory.inactive_share = Some(share);
    }
}

pub(super) fn on_webhooks(state: &mut State, stamp: Stamp, key: &IntegrationKey, fact: &WebhookSample) {
    let slot = &mut state.evidence.organizations.entry(key.clone()).or_default().webhooks;
    let proves =
        fact.checks.iter().any(|check| matches!(check.state, WebhookState::Installed | WebhookState::Inactive));
    if stamp.write(slot, fact.clone()) == Written::Yes
        && proves
        && let Some(stored) = state.integrations.get_mut(key)
    {
        stored.organization.webhook_pattern_proved = true;
    }
}
