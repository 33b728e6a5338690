//! What is remembered of things that are long gone. Nothing is judged by it any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::evidence::{OrganizationEvidence, ProfileEvidence};
use crate::domain::names::{OrganizationId, RepositoryId};
use crate::domain::state::{GroupMemory, State};

/// So long a repository that nobody sees is remembered: longer than any loss or plan takes to be settled.
const REMEMBERED: TimeDelta = TimeDelta::days(90);

/// So long after it grew stale, evidence of an Organization that is neither listed nor watched is evidence of nothing.
const LEFT_BEHIND: TimeDelta = TimeDelta::days(1);

/// Drops the evidence about Organizations that never had the integration and are not listed any more.
pub fn prune(state: &mut State, now: DateTime<Utc>) {
    let State { evidence, integrations, .. } = state;
    let listed: BTreeSet<OrganizationId> = (evidence.groups.values())
        .filter_map(|group| group.organizations.as_ref())
        .flat_map(|listing| listing.value.iter().map(|organization| organization.id))
        .collect();
    evidence.organizations.retain(|key, known| {
        let is_listed = key.organization.is_some_and(|id| listed.contains(&id));
        is_listed || integrations.contains_key(key) || was_asked_lately(known, now)
    });
}

fn was_asked_lately(known: &OrganizationEvidence, now: DateTime<Utc>) -> bool {
    let OrganizationEvidence { access, presence, imports, events, webhooks, pull_request_checks, failures } = known;
    let stale = [
        access.as_ref().map(|known| known.stale_after()),
        presence.as_ref().map(|known| known.stale_after()),
        imports.as_ref().map(|known| known.stale_after()),
        events.as_ref().map(|known| known.stale_after()),
        webhooks.as_ref().map(|known| known.stale_after()),
        pull_request_checks.as_ref().map(|known| known.stale_after()),
    ];
    let failed = failures.values().map(|failed| failed.at);
    stale.into_iter().flatten().chain(failed).any(|at| now - at < LEFT_BEHIND)
}

/// Notes which repositories no profile sees, and forgets those that none has seen for long. Call it when a profile was
/// looked at.
pub(super) fn forget_gone<'a>(
    memory: &mut GroupMemory,
    profiles: impl Iterator<Item = &'a ProfileEvidence> + Clone,
    at: DateTime<Utc>,
) {
    let mut sets = profiles.map(|profile| profile.repositories.as_ref().map(|known| &known.value.repositories));
    // One that was not looked at yet may see them.
    let Some(sets) = sets.by_ref().collect::<Option<Vec<_>>>() else { return };
    let is_seen = |id: &RepositoryId| sets.iter().any(|set| set.contains_key(id));
    let is_unchanged = memory.repository_ages.iter().all(|(id, age)| is_seen(id) == age.unseen_since.is_none());
    let is_forgotten = |since: Option<DateTime<Utc>>| since.is_some_and(|since| at - since > REMEMBERED);
    if is_unchanged && !memory.repository_ages.values().any(|age| is_forgotten(age.unseen_since)) {
        return;
    }
    Arc::make_mut(&mut memory.repository_ages).retain(|id, age| {
        age.unseen_since = if is_seen(id) { None } else { Some(age.unseen_since.unwrap_or(at)) };
        !is_forgotten(age.unseen_since)
    });
}
