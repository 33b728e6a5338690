//! Names of what a person has to visit.

use super::scene::{Scene, plain};
use crate::domain::incident::{Rule, Subject};
use crate::domain::names::IntegrationKey;
use crate::domain::state::MissingRepository;

/// As many names as a message can hold; the status page has them all.
pub(super) const SHOWN: usize = 10;

/// The first few names (hostile text), and how many more there are.
pub(super) fn of(scene: &Scene<'_>) -> (Vec<String>, usize) {
    match (&scene.key.subject, scene.key.rule) {
        (Subject::Organizations(name), _) => {
            let keys = scene.incident.members.iter().map(|id| IntegrationKey::organization(name.clone(), *id));
            first(keys, scene.incident.members.len(), |key| scene.name_of(&key))
        }
        (Subject::Integration(key), Rule::PartiallyConnected | Rule::SyncStalled) => {
            let progress = scene.integration(key).and_then(|state| state.progress.as_ref());
            let repositories: &[MissingRepository] = match (progress, scene.key.rule) {
                (Some(progress), Rule::SyncStalled) => &progress.laggards,
                // Where nothing arrived, all are missing: a few names would only suggest that these are special.
                (Some(progress), _) if progress.found == 0 => &[],
                (Some(progress), _) => &progress.missing_repositories,
                (None, _) => &[],
            };
            first(repositories.iter(), repositories.len(), |repository| plain(&repository.full_name))
        }
        // Where the new token has to be saved.
        (
            Subject::Credential(_),
            Rule::CredentialInvalid | Rule::CredentialExpiring | Rule::RotationUnfinished | Rule::PermissionsMissing,
        ) => {
            let affected = &scene.incident.affected;
            first(affected.iter(), affected.len(), |key| scene.name_of(key))
        }
        _ => (Vec::new(), 0),
    }
}

fn first<T>(all: impl Iterator<Item = T>, count: usize, name: impl Fn(T) -> String) -> (Vec<String>, usize) {
    let names: Vec<String> = all.take(SHOWN).map(name).collect();
    let more = count.saturating_sub(names.len());
    (names, more)
}
