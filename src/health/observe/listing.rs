//! Which Organizations there are: what a complete listing says, and who vanishes from it.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::facts::{Access, OrganizationListing};
use crate::domain::fleet::Fleet;
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::state::{MassVanishing, State};

use super::organization::thresholds;
use super::{Stamp, Written};

/// Complete listings in a row without an Organization after which it is gone.
const LISTINGS_WITHOUT: u32 = 2;
/// A single Organization is never a mass, however small the Group.
const MASS_AT_LEAST: usize = 2;
/// What every listing says for so long is believed.
const MASS_BELIEVED_AFTER: TimeDelta = TimeDelta::days(7);

pub(super) fn on_listing(
    state: &mut State,
    fleet: &Fleet,
    stamp: Stamp,
    name: &IntegrationName,
    listing: &Arc<Vec<OrganizationListing>>,
) {
    let slot = &mut state.evidence.groups.entry(name.clone()).or_default().organizations;
    if stamp.is_outdated_by(slot.as_ref()) || slot.as_ref().is_some_and(|known| known.observed_at == stamp.at) {
        return;
    }
    let listed: HashSet<OrganizationId> = listing.iter().map(|organization| organization.id).collect();
    let watched: Vec<IntegrationKey> = state
        .integrations
        .keys()
        .filter(|key| key.integration == *name && key.organization.is_some())
        .cloned()
        .collect();
    let is_absent = |key: &&IntegrationKey| key.organization.is_some_and(|id| !listed.contains(&id));
    let absent: Vec<&IntegrationKey> = watched.iter().filter(is_absent).collect();
    // So many at once look like lost rights, not like deleted Organizations.
    let believable = thresholds(fleet, name).vanished_share * watched.len() as f64;
    // An empty listing looks the same, even where only one was watched.
    let is_mass = absent.len() >= MASS_AT_LEAST || (listed.is_empty() && !absent.is_empty());
    if is_mass && absent.len() as f64 > believable {
        let since = state.mass_vanishing.get(name).map_or(stamp.at, |known| known.since);
        if stamp.at - since < MASS_BELIEVED_AFTER {
            let vanishing = MassVanishing { since, vanished: absent.len(), watched: watched.len() };
            state.mass_vanishing.insert(name.clone(), vanishing);
            return;
        }
    }
    state.mass_vanishing.remove(name);
    stamp.write(slot, Arc::clone(listing));
    let required = fleet.integrations.get(name).and_then(|watched| watched.organizations.as_ref());
    let is_required = |id: OrganizationId| required.is_some_and(|watched| watched.require.contains(&id));
    for key in &absent {
        let listings = state.vanishing.entry((*key).clone()).or_default();
        *listings += 1;
        if *listings >= LISTINGS_WITHOUT && !key.organization.is_some_and(is_required) {
            state.integrations.remove(*key);
            state.evidence.organizations.remove(*key);
            state.vanishing.remove(*key);
        }
    }
    for organization in listing.iter() {
        let key = IntegrationKey::organization(name.clone(), organization.id);
        state.vanishing.remove(&key);
        if let Some(stored) = state.integrations.get_mut(&key) {
            stored.snyk_name = Some(organization.name.clone());
        }
    }
}

pub(super) fn on_access(state: &mut State, stamp: Stamp, key: &IntegrationKey, fact: &Access) {
    let slot = &mut state.evidence.organizations.entry(key.clone()).or_default().access;
    if stamp.write(slot, fact.clone()) == Written::Yes
        && let (Access::Granted { name: Some(name), .. }, Some(stored)) = (fact, state.integrations.get_mut(key))
    {
        stored.snyk_name = Some(name.clone());
    }
}
