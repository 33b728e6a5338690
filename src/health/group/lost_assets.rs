//! Assets that the Inventory had and has no more, repository by repository: what accepting an incident about it accepts.

use std::collections::BTreeSet;

use crate::domain::condition::Reason;
use crate::domain::decisions::Item;
use crate::domain::incident::{IncidentKey, Subject};
use crate::domain::state::{AssetMemory, State};

/// The visible repositories of a Group integration whose live asset is gone. None where nothing is missing.
pub(in crate::health) fn items_of(state: &State, incident: &IncidentKey) -> BTreeSet<Item> {
    let Subject::Integration(key) = &incident.subject else { return BTreeSet::new() };
    let (Some(stored), Some(group)) = (state.integrations.get(key), state.evidence.groups.get(&key.integration)) else {
        return BTreeSet::new();
    };
    // The same incident may be about something else, such as a failed profile: accepting that accepts no loss.
    let status = stored.status.as_ref().map(|status| status.known.as_ref().map_or(status.reason, |known| known.reason));
    if !matches!(status, Some(Reason::InventoryLost | Reason::InventoryIncomplete)) {
        return BTreeSet::new();
    }
    let sets = group.profiles.values().filter_map(|profile| profile.repositories.as_ref());
    let visible = sets.flat_map(|set| set.value.repositories.keys());
    let lost = visible.filter(|id| {
        let age = stored.group.repository_ages.get(*id);
        age.is_some_and(|age| age.was_eligible && matches!(age.asset, AssetMemory::Gone { .. }))
    });
    lost.map(|id| Item::Repository(key.integration.clone(), id.clone())).collect()
}
