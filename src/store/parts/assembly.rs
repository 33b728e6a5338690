//! A state from its parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::PartKind;
use crate::domain::evidence::Slot;
use crate::domain::facts::{Asset, OrganizationImports, OrganizationListing, RemovedAsset, Repository, WebhookSample};
use crate::domain::names::{IntegrationKey, IntegrationName, ProfileName, RepositoryId};
use crate::domain::state::{RepositoryAge, State};

/// A stored part that this build cannot read. Nothing is dropped in silence: the state is not restored at all.
#[derive(Debug, thiserror::Error)]
#[error(
    "the stored state has a part that cannot be read: {kind} {key}. Restore a backup (`snykwatch restore FILE`), or \
     move the file away to start anew"
)]
pub struct UnreadablePart {
    /// Its kind.
    pub kind: String,
    /// Its key.
    pub key: String,
    /// What is wrong with it.
    #[source]
    pub source: PartProblem,
}

/// What is wrong with a part.
#[derive(Debug, thiserror::Error)]
pub enum PartProblem {
    /// This build has no such kind.
    #[error("this build knows no such kind; a newer one may have written it")]
    UnknownKind,
    /// It is not what it should be.
    #[error("its text is not what this build expects")]
    Text(#[source] serde_json::Error),
    /// It belongs to another part, which is missing.
    #[error("what it belongs to is missing")]
    Orphan,
    /// Another part says that it is there.
    #[error("it is missing")]
    Missing,
}

/// The same text with a word in the place of each time whose year has a sign: such a time has no sum with a span. Nothing of
/// ours writes one, but a name may look like it. `None`: there is none.
fn without_signed_times(json: &str) -> Option<String> {
    if !json.contains("\"+") && !json.contains("\"-") {
        return None;
    }
    let is_a_time = |text: &str| text.parse::<DateTime<Utc>>().is_ok() || text.parse::<NaiveDate>().is_ok();
    let mut value = serde_json::from_str::<Value>(json).ok()?;
    let (mut left, mut found) = (vec![&mut value], false);
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) if text.starts_with(['+', '-']) && is_a_time(text) => {
                found = true;
                "a name".clone_into(text);
            }
            Value::Array(values) => left.extend(values),
            Value::Object(fields) => left.extend(fields.values_mut()),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found.then(|| value.to_string())
}

/// A state that is being put together.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    state: State,
    // What belongs into a head, which may come later.
    repositories: BTreeMap<(IntegrationName, ProfileName), BTreeMap<RepositoryId, Repository>>,
    assets: BTreeMap<IntegrationName, BTreeMap<(String, usize), Asset>>,
    removed: BTreeMap<IntegrationName, BTreeMap<(String, usize), RemovedAsset>>,
    listings: BTreeMap<IntegrationName, Arc<Vec<OrganizationListing>>>,
    imports: BTreeMap<IntegrationKey, Arc<OrganizationImports>>,
    webhooks: BTreeMap<IntegrationKey, Slot<WebhookSample>>,
    ages: BTreeMap<IntegrationKey, BTreeMap<RepositoryId, RepositoryAge>>,
}

impl Assembly {
    /// Takes a part in; the order does not matter.
    ///
    /// # Errors
    /// This build cannot read it.
    pub(crate) fn add(&mut self, kind: &str, key: &str, json: &str) -> Result<(), UnreadablePart> {
        let unreadable = |source| UnreadablePart { kind: kind.to_owned(), key: key.to_owned(), source };
        let known = PartKind::ALL.iter().copied().find(|known| known.as_str() == kind);
        let known = known.ok_or_else(|| unreadable(PartProblem::UnknownKind))?;
        // What cannot be read with a word in its place is a time.
        let read = match without_signed_times(json) {
            Some(other) => Self::default().take_in(known, key, &other).and_then(|()| self.take_in(known, key, json)),
            None => self.take_in(known, key, json),
        };
        read.map_err(|source| unreadable(PartProblem::Text(source)))
    }

    fn take_in(&mut self, kind: PartKind, key: &str, json: &str) -> Result<(), serde_json::Error> {
        let state = &mut self.state;
        match kind {
            PartKind::SnykToken => insert(&mut state.evidence.snyk_tokens, key, json),
            PartKind::ScmCredential => insert(&mut state.evidence.scm_credentials, key, json),
            PartKind::Group => insert(&mut state.evidence.groups, key, json),
            PartKind::Organization => insert(&mut state.evidence.organizations, key, json),
            PartKind::Api => insert(&mut state.evidence.apis, key, json),
            PartKind::Integration => insert(&mut state.integrations, key, json),
            PartKind::Credential => insert(&mut state.credentials, key, json),
            PartKind::Incident => insert(&mut state.incidents, key, json),
            PartKind::ResolvedCause => insert(&mut state.resolved_causes, key, json),
            PartKind::Vanishing => insert(&mut state.vanishing, key, json),
            PartKind::Baseline => insert(&mut state.baselines, key, json),
            PartKind::MassVanishing => insert(&mut state.mass_vanishing, key, json),
            PartKind::Subject => insert(&mut state.subjects, key, json),
            PartKind::Announcement => insert(&mut state.attention.announcements, key, json),
            PartKind::Acknowledgement => insert(&mut state.attention.acknowledgements, key, json),
            PartKind::Silence => insert(&mut state.attention.silences, key, json),
            PartKind::Recurrence => insert(&mut state.attention.recurrences, key, json),
            PartKind::Digest => insert(&mut state.attention.digests, key, json),
            PartKind::Answer => insert(&mut state.decisions.answers, key, json),
            PartKind::Plan => insert(&mut state.decisions.plans, key, json),
            PartKind::Gaps => {
                state.attention.gaps = serde_json::from_str(json)?;
                Ok(())
            }
            PartKind::Forgotten => {
                state.attention.forgotten = Some(serde_json::from_str(json)?);
                Ok(())
            }
            PartKind::Repository => {
                let (name, profile, id): (IntegrationName, ProfileName, RepositoryId) = serde_json::from_str(key)?;
                self.repositories.entry((name, profile)).or_default().insert(id, serde_json::from_str(json)?);
                Ok(())
            }
            PartKind::Asset => {
                let (name, id, number): (IntegrationName, String, usize) = serde_json::from_str(key)?;
                self.assets.entry(name).or_default().insert((id, number), serde_json::from_str(json)?);
                Ok(())
            }
            PartKind::RemovedAsset => {
                let (name, id, number): (IntegrationName, String, usize) = serde_json::from_str(key)?;
                self.removed.entry(name).or_default().insert((id, number), serde_json::from_str(json)?);
                Ok(())
            }
            PartKind::OrganizationListing => insert(&mut self.listings, key, json),
            PartKind::Imports => insert(&mut self.imports, key, json),
            PartKind::Webhooks => insert(&mut self.webhooks, key, json),
            PartKind::RepositoryAge => {
                let (integration, id): (IntegrationKey, RepositoryId) = serde_json::from_str(key)?;
                self.ages.entry(integration).or_default().insert(id, serde_json::from_str(json)?);
                Ok(())
            }
        }
    }

    /// The state, when all parts are in.
    ///
    /// # Errors
    /// A part belongs to nothing.
    pub(crate) fn finish(self) -> Result<State, UnreadablePart> {
        let Self { mut state, repositories, assets, removed, listings, imports, webhooks, ages } = self;
        for ((name, profile), repositories) in repositories {
            let group = state.evidence.groups.get_mut(&name);
            let slot = group.and_then(|group| group.profiles.get_mut(&profile)?.repositories.as_mut());
            let slot = slot.ok_or_else(|| orphan(PartKind::Repository, &format!("{name} {profile}")))?;
            Arc::make_mut(&mut slot.value).repositories = repositories;
        }
        for (name, assets) in assets {
            let slot = state.evidence.groups.get_mut(&name).and_then(|group| group.assets.as_mut());
            let slot = slot.ok_or_else(|| orphan(PartKind::Asset, &name.to_string()))?;
            Arc::make_mut(&mut slot.value).live = assets.into_values().collect();
        }
        for (name, removed) in removed {
            let slot = state.evidence.groups.get_mut(&name).and_then(|group| group.assets.as_mut());
            let slot = slot.ok_or_else(|| orphan(PartKind::RemovedAsset, &name.to_string()))?;
            Arc::make_mut(&mut slot.value).removed = removed.into_values().collect();
        }
        let mut listed = state.evidence.groups.iter().filter(|(_, group)| group.organizations.is_some());
        if let Some((name, _)) = listed.find(|(name, _)| !listings.contains_key(name)) {
            return Err(broken(PartKind::OrganizationListing, &name.to_string(), PartProblem::Missing));
        }
        let mut imported = state.evidence.organizations.iter().filter(|(_, evidence)| evidence.imports.is_some());
        if let Some((key, _)) = imported.find(|(key, _)| !imports.contains_key(key)) {
            return Err(broken(PartKind::Imports, &key.to_string(), PartProblem::Missing));
        }
        for (name, listing) in listings {
            let slot = state.evidence.groups.get_mut(&name).and_then(|group| group.organizations.as_mut());
            slot.ok_or_else(|| orphan(PartKind::OrganizationListing, &name.to_string()))?.value = listing;
        }
        for (key, imports) in imports {
            let slot = state.evidence.organizations.get_mut(&key).and_then(|evidence| evidence.imports.as_mut());
            slot.ok_or_else(|| orphan(PartKind::Imports, &key.to_string()))?.value = imports;
        }
        for (key, webhooks) in webhooks {
            let evidence = state.evidence.organizations.get_mut(&key);
            evidence.ok_or_else(|| orphan(PartKind::Webhooks, &key.to_string()))?.webhooks = webhooks;
        }
        for (key, ages) in ages {
            let integration = state.integrations.get_mut(&key);
            let integration = integration.ok_or_else(|| orphan(PartKind::RepositoryAge, &key.to_string()))?;
            integration.group.repository_ages = Arc::new(ages);
        }
        Ok(state)
    }
}

fn insert<K: Ord + DeserializeOwned, V: DeserializeOwned>(
    map: &mut BTreeMap<K, V>,
    key: &str,
    json: &str,
) -> Result<(), serde_json::Error> {
    map.insert(serde_json::from_str(key)?, serde_json::from_str(json)?);
    Ok(())
}

fn orphan(kind: PartKind, key: &str) -> UnreadablePart {
    broken(kind, key, PartProblem::Orphan)
}

fn broken(kind: PartKind, key: &str, source: PartProblem) -> UnreadablePart {
    UnreadablePart { kind: kind.as_str().to_owned(), key: key.to_owned(), source }
}
