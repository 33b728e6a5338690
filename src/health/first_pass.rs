//! The first pass over the Organizations of a configuration key: whether each was asked about once.
//!
//! Until then the blast radius of a problem is too small: an Organization that nobody asked about is in none. It is
//! computed from the evidence alone, so a restart in the middle of a pass continues it, and a restart after it begins no
//! new one. One answer per Organization is enough, whatever it says: a later one changes what is known, not whether
//! anybody looked.

use crate::domain::fleet::Fleet;
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::state::State;

/// A first pass that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstPass {
    /// Organizations that were asked about.
    pub looked_at: usize,
    /// Organizations that are to be asked about; `None`: they were not listed yet.
    pub of: Option<usize>,
}

/// The first pass over the Organizations of `name`; `None` when it is complete, or none are watched.
pub fn under_way(state: &State, fleet: &Fleet, name: &IntegrationName) -> Option<FirstPass> {
    let watched = fleet.integrations.get(name)?.organizations.as_ref()?;
    let is_listed = state.evidence.groups.get(name).is_some_and(|group| group.organizations.is_some());
    if watched.asked.is_empty() {
        // Every one of a listing may be excluded; without a listing nobody knows.
        return (!is_listed).then_some(FirstPass { looked_at: 0, of: None });
    }
    let looked_at = watched.asked.iter().filter(|id| was_asked(state, name, **id)).count();
    (looked_at < watched.asked.len()).then_some(FirstPass { looked_at, of: Some(watched.asked.len()) })
}

fn was_asked(state: &State, name: &IntegrationName, organization: OrganizationId) -> bool {
    let evidence = state.evidence.organizations.get(&IntegrationKey::organization(name.clone(), organization));
    evidence.is_some_and(|evidence| evidence.presence.is_some() || evidence.access.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::Access;
    use crate::health::testing::{INTEGRATION, World};

    fn seen(world: &World) -> Option<FirstPass> {
        under_way(&world.state, &world.fleet, &INTEGRATION.into())
    }

    #[test]
    fn it_is_complete_when_each_was_asked_once() {
        let mut world = World::healthy(1, 3);
        world.probe();
        assert_eq!(seen(&world), None);
        let asked = world.integration().organizations.as_ref().unwrap().asked.clone();
        let first = IntegrationKey::organization(INTEGRATION.into(), *asked.first().unwrap());
        let evidence = world.state.evidence.organizations.remove(&first).unwrap();
        assert_eq!(seen(&world), Some(FirstPass { looked_at: 2, of: Some(3) }));
        // Refused is asked; what was asked before is not forgotten with its age.
        let mut refused = evidence.clone();
        refused.presence = None;
        refused.access.as_mut().unwrap().value = Access::Denied { status: 403 };
        world.state.evidence.organizations.insert(first.clone(), refused);
        assert_eq!(seen(&world), None);
        world.state.evidence.organizations.clear();
        world.state.evidence.groups.clear();
        assert_eq!(seen(&world), Some(FirstPass { looked_at: 0, of: Some(3) }), "named by id: known without a listing");
    }

    #[test]
    fn without_a_listing_nobody_knows_how_many_there_are() {
        let mut world = World::healthy(1, 2);
        world.probe();
        world.integration().organizations.as_mut().unwrap().asked.clear();
        assert_eq!(seen(&world), None, "a listing of which all are excluded");
        world.state.evidence.groups.clear();
        assert_eq!(seen(&world), Some(FirstPass { looked_at: 0, of: None }));
        world.integration().organizations = None;
        assert_eq!(seen(&world), None, "none are watched");
    }
}
