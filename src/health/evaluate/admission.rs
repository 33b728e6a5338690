//! What is watched: the Group, and every Organization of which it was not concluded that it has no such integration.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::evidence::OrganizationEvidence;
use crate::domain::facts::OrganizationListing;
use crate::domain::fleet::{Fleet, WatchedOrganizations};
use crate::domain::kinds::Scm;
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::state::{IntegrationState, State};

use super::super::organization::has_none;

/// Begins to watch what the configuration names and what is listed, and forgets what is neither, or has no integration.
pub(super) fn admit(state: &mut State, fleet: &Fleet, now: DateTime<Utc>) {
    let is_watched = |key: &IntegrationKey| {
        fleet.integrations.get(&key.integration).is_some_and(|watched| match key.organization {
            None => watched.group.is_some(),
            Some(id) => watched.organizations.as_ref().is_some_and(|watched| !watched.leaves_out(id)),
        })
    };
    state.integrations.retain(|key, _| is_watched(key));
    state.vanishing.retain(|key, _| is_watched(key));
    state.evidence.organizations.retain(|key, _| is_watched(key));
    state.evidence.groups.retain(|name, _| fleet.integrations.contains_key(name));
    state.mass_vanishing.retain(|name, _| fleet.integrations.contains_key(name));
    for (name, watched) in &fleet.integrations {
        if watched.group.is_some() {
            let key = IntegrationKey::group(name.clone());
            state.integrations.entry(key).or_insert_with(|| IntegrationState::new(now));
        }
        if let Some(organizations) = &watched.organizations {
            admit_organizations(state, name, (organizations, watched.scm), now);
        }
    }
}

/// Every Organization that may have an integration, sorted: those that are listed, required or asked for by id.
fn wanted(listing: &[OrganizationListing], watched: &WatchedOrganizations) -> Vec<OrganizationId> {
    let named = watched.require.iter().chain(watched.discover.iter().flatten());
    let mut wanted: Vec<_> = listing.iter().map(|organization| organization.id).chain(named.copied()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// Runs with every evaluation, over thousands of Organizations: whatever is sorted is walked side by side, and where
/// nothing changed nothing is looked up.
fn admit_organizations(
    state: &mut State,
    name: &IntegrationName,
    (watched, scm): (&WatchedOrganizations, Scm),
    now: DateTime<Utc>,
) {
    let listing = state.evidence.groups.get(name).and_then(|group| group.organizations.as_ref());
    let listing = listing.map(|known| Arc::clone(&known.value)).unwrap_or_default();
    let (integrations, evidence) = (&mut state.integrations, &mut state.evidence.organizations);
    let wanted = wanted(&listing, watched);
    let key_of = |id: &OrganizationId| IntegrationKey::organization(name.clone(), *id);

    let never_used = ids(integrations, name).filter(|(_, stored)| !stored.organization.was_present);
    let unused = never_used.filter(|(id, stored)| {
        evidence.get(&key_of(id)).is_some_and(|book| has_none(book, Some(&stored.organization), scm))
    });
    let unused = unused.map(|(id, _)| id);
    let unused: Vec<_> = unused.filter(|id| !watched.require.contains(id)).collect();
    for key in unused.iter().map(key_of) {
        integrations.remove(&key);
        state.vanishing.remove(&key);
    }

    let new = newly_wanted(integrations, evidence, name, (watched, scm), &wanted);
    for id in &new {
        integrations.insert(key_of(id), IntegrationState::new(now));
    }
    for organization in listing.iter().filter(|organization| new.binary_search(&organization.id).is_ok()) {
        if let Some(stored) = integrations.get_mut(&key_of(&organization.id)) {
            stored.snyk_name = Some(organization.name.clone());
        }
    }
    // What was asked only because it was once listed is forgotten with it.
    let is_stray = |id: &OrganizationId| wanted.binary_search(id).is_err() && !integrations.contains_key(&key_of(id));
    let stray: Vec<_> = ids(evidence, name).map(|(id, _)| id).filter(is_stray).collect();
    for id in &stray {
        evidence.remove(&key_of(id));
    }
}

/// Which of `wanted` are not watched yet, though nothing says that they have no integration.
fn newly_wanted(
    integrations: &BTreeMap<IntegrationKey, IntegrationState>,
    evidence: &BTreeMap<IntegrationKey, OrganizationEvidence>,
    name: &IntegrationName,
    (watched, scm): (&WatchedOrganizations, Scm),
    wanted: &[OrganizationId],
) -> Vec<OrganizationId> {
    let mut known = ids(integrations, name).peekable();
    let mut asked = ids(evidence, name).peekable();
    let mut new = Vec::new();
    for id in wanted {
        while known.next_if(|(known, _)| known < id).is_some() {}
        while asked.next_if(|(asked, _)| asked < id).is_some() {}
        let book = asked.peek().filter(|(asked, _)| asked == id).map(|(_, book)| *book);
        let is_known = known.peek().is_some_and(|(known, _)| known == id);
        let is_out = || book.is_some_and(|book| has_none(book, None, scm));
        if !is_known && (watched.require.contains(id) || !is_out()) && !watched.leaves_out(*id) {
            new.push(*id);
        }
    }
    new
}

/// What a sorted map has of one configuration key's Organizations.
fn ids<'a, T>(
    map: &'a BTreeMap<IntegrationKey, T>,
    name: &'a IntegrationName,
) -> impl Iterator<Item = (OrganizationId, &'a T)> {
    let of_this = map.range(IntegrationKey::group(name.clone())..).take_while(move |(key, _)| key.integration == *name);
    of_this.filter_map(|(key, value)| Some((key.organization?, value)))
}
