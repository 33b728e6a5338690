//! What a plan named and what did not happen by its end.

use crate::domain::decisions::{Plan, PlanKind};
use crate::domain::names::CredentialName;
use crate::domain::state::State;

use super::words::{listed, matches_glob};

/// What is still where it was, by name, as far as it was last seen; `None` where everything happened.
///
/// A repository that went elsewhere under another name no longer matches the pattern that covered it.
pub fn left_over(state: &State, plan: &Plan) -> Option<String> {
    let mut left = Vec::new();
    for (name, ids) in &plan.repositories {
        let profiles = state.evidence.groups.get(name).into_iter().flat_map(|group| group.profiles.values());
        let seen = profiles.filter_map(|profile| profile.repositories.as_ref());
        let here = seen.flat_map(|set| set.value.repositories.values());
        let here = here.filter(|one| ids.contains(&one.id) && matches_glob(&plan.pattern, &one.full_name));
        left.extend(here.map(|repository| repository.full_name.clone()));
    }
    for (name, ids) in &plan.organizations {
        let listing = state.evidence.groups.get(name).and_then(|group| group.organizations.as_ref());
        let listing = listing.into_iter().flat_map(|listing| listing.value.iter());
        let here = listing.filter(|one| ids.contains(&one.id));
        left.extend(here.map(|organization| organization.name.clone()));
    }
    if plan.kind == PlanKind::Rotate {
        let rotated = |name: &CredentialName| {
            let rotation = state.credentials.get(name).and_then(|credential| credential.rotation.as_ref());
            rotation.is_some_and(|rotation| rotation.seen_at >= plan.from)
        };
        left.extend(plan.credentials.iter().filter(|name| !rotated(name)).map(ToString::to_string));
    }
    left.sort();
    left.dedup();
    (!left.is_empty()).then(|| listed(&left))
}
