//! What is remembered of things that are long gone. Nothing is judged by it any more.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::evidence::ProfileEvidence;
use crate::domain::names::RepositoryId;
use crate::domain::state::GroupMemory;

/// So long a repository that nobody sees is remembered: longer than any loss or plan takes to be settled.
const REMEMBERED: TimeDelta = TimeDelta::days(90);

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
