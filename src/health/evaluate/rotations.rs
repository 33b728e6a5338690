//! Rotations as they go on: who has the new token, who still has the old one, and of whom nothing tells.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::domain::condition::{Condition, ConditionState, Reason};
use crate::domain::fleet::Fleet;
use crate::domain::kinds::Truth;
use crate::domain::names::{CredentialName, IntegrationKey};
use crate::domain::rotation::{Rotation, Saved};
use crate::domain::state::{CredentialState, IntegrationState};
use crate::domain::status::Status;

use super::super::credential::Sign;

/// The rotation that `sign` tells of. What was saved after it stays saved, whoever tells of it now.
pub(super) fn renewed(known: Option<Rotation>, sign: Sign) -> Rotation {
    let Sign { at, source, seen_at, old } = sign;
    let mut rotation = known.unwrap_or_else(|| Rotation {
        at,
        source,
        seen_at,
        old: old.clone(),
        saved: BTreeMap::new(),
        outstanding: BTreeSet::new(),
        untold: BTreeMap::new(),
        unused: BTreeSet::new(),
        done_at: None,
    });
    if rotation.seen_at < at {
        // Another one: nothing of the one before is done.
        rotation.done_at = None;
    }
    rotation.saved.retain(|_, saved| saved.at > at);
    Rotation { at, source, seen_at, old, ..rotation }
}

/// Sorts the integrations of each rotated credential by what their conditions say.
pub(super) fn sort(
    credentials: &mut BTreeMap<CredentialName, CredentialState>,
    integrations: &BTreeMap<IntegrationKey, IntegrationState>,
    fleet: &Fleet,
    now: DateTime<Utc>,
) {
    for (name, state) in credentials {
        let Some(rotation) = &mut state.rotation else { continue };
        let before = std::mem::take(&mut rotation.outstanding);
        rotation.untold.clear();
        rotation.unused.clear();
        for (key, integration) in integrations.iter().filter(|(key, _)| uses(fleet, key, name)) {
            place(rotation, key, integration, before.contains(key));
        }
        rotation.saved.retain(|key, _| integrations.contains_key(key));
        let is_told = rotation.outstanding.is_empty() && !rotation.awaits_proof();
        rotation.done_at = if is_told && !rotation.saved.is_empty() { rotation.done_at.or(Some(now)) } else { None };
    }
}

fn uses(fleet: &Fleet, key: &IntegrationKey, credential: &CredentialName) -> bool {
    let Some(watched) = fleet.integrations.get(&key.integration) else { return false };
    match (key.organization, &watched.group, &watched.organizations) {
        (None, Some(group), _) => group.profiles.values().any(|profile| profile.credential == *credential),
        (Some(organization), _, Some(organizations)) => organizations.credential_of(organization) == credential,
        _ => false,
    }
}

/// `was_outstanding`: who had the old token still has it until something else is seen; losing sight of it is nothing.
fn place(rotation: &mut Rotation, key: &IntegrationKey, integration: &IntegrationState, was_outstanding: bool) {
    let Some(condition) = integration.conditions.get(&Condition::CredentialInStep) else { return };
    if integration.status.as_ref().is_some_and(|status| status.status == Status::NothingToWatch) {
        rotation.unused.insert(key.clone());
        rotation.saved.remove(key);
        return;
    }
    match (condition.truth, condition.reason) {
        (Truth::True, _) => {
            let saved = saved(rotation, integration, condition);
            rotation.saved.entry(key.clone()).or_insert(saved);
        }
        (Truth::False, _) | (Truth::Unknown, Reason::OldTokenStillValid) => {
            rotation.saved.remove(key);
            rotation.outstanding.insert(key.clone());
        }
        (Truth::Unknown, reason)
            if was_outstanding
                && !matches!(reason, Reason::NotProvenSinceRotation | Reason::UnnamedEvent | Reason::Cloned) =>
        {
            rotation.outstanding.insert(key.clone());
        }
        (Truth::Unknown, reason) if !rotation.saved.contains_key(key) => {
            rotation.untold.insert(key.clone(), reason);
        }
        (Truth::Unknown | Truth::NotApplicable, _) => {}
    }
}

/// When it was saved: by the audit log, else as early as its proof allows.
fn saved(rotation: &Rotation, integration: &IntegrationState, condition: &ConditionState) -> Saved {
    let by_log = integration.organization.saved.clone().filter(|saved| saved.at > rotation.at);
    by_log.unwrap_or_else(|| Saved { at: condition.since.max(rotation.at), user_id: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rotation::{OldToken, RotationSource};

    #[test]
    fn what_was_saved_before_another_rotation_is_to_be_saved_again() {
        let at = |hour: i64| DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hour);
        let sign = |hour| Sign {
            at: at(hour),
            source: RotationSource::FirstUse,
            seen_at: at(hour + 1),
            old: OldToken::default(),
        };
        let mut rotation = renewed(None, sign(10));
        let key =
            |number| IntegrationKey::organization("acme".into(), super::super::super::testing::organization_id(number));
        rotation.saved.insert(key(1), Saved { at: at(12), user_id: None });
        rotation.saved.insert(key(2), Saved { at: at(30), user_id: Some("u".to_owned()) });
        rotation.done_at = Some(at(31));
        let same = renewed(Some(rotation.clone()), sign(10));
        assert_eq!(same, rotation);
        let next = renewed(Some(rotation), sign(20));
        assert_eq!(next.saved.keys().cloned().collect::<Vec<_>>(), [key(2)]);
        assert_eq!((next.at, next.done_at), (at(20), None));
    }
}
