//! What differs between two states, part by part.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Error;

use super::{Part, PartKind};
use crate::domain::attention::Attention;
use crate::domain::decisions::Decisions;
use crate::domain::evidence::{Evidence, EvidenceBook, GroupEvidence, OrganizationEvidence, ProfileEvidence};
use crate::domain::facts::{AssetWalk, OrganizationImports, OrganizationListing, RepositorySet, WebhookSample};
use crate::domain::names::{IntegrationKey, IntegrationName, ProfileName};
use crate::domain::state::{IntegrationState, State};

/// What must be written and removed to make one state of another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// New and changed parts.
    pub(crate) written: Vec<Part>,
    /// Kind and key of parts that are no more.
    pub(crate) removed: Vec<(PartKind, String)>,
}

impl Changes {
    /// What makes `after` of `before`.
    ///
    /// # Errors
    /// A value that JSON has no form for: a fault of ours.
    pub(crate) fn between(before: &State, after: &State) -> Result<Self, Error> {
        let mut changes = Self::default();
        // Every field is named, so that a new one cannot be forgotten.
        let State {
            evidence,
            integrations,
            credentials,
            incidents,
            resolved_causes,
            vanishing,
            baselines,
            mass_vanishing,
            subjects,
            attention,
            decisions,
        } = after;
        changes.evidence(&before.evidence, evidence)?;
        each(&before.integrations, integrations, |key, before, after| changes.integration(key, before, after))?;
        changes.map(PartKind::Credential, &before.credentials, credentials)?;
        changes.map(PartKind::Incident, &before.incidents, incidents)?;
        changes.map(PartKind::ResolvedCause, &before.resolved_causes, resolved_causes)?;
        changes.map(PartKind::Vanishing, &before.vanishing, vanishing)?;
        changes.map(PartKind::Baseline, &before.baselines, baselines)?;
        changes.map(PartKind::MassVanishing, &before.mass_vanishing, mass_vanishing)?;
        changes.map(PartKind::Subject, &before.subjects, subjects)?;
        changes.attention(&before.attention, attention)?;
        let Decisions { answers, plans } = decisions;
        changes.map(PartKind::Answer, &before.decisions.answers, answers)?;
        changes.map(PartKind::Plan, &before.decisions.plans, plans)?;
        Ok(changes)
    }

    fn evidence(&mut self, before: &EvidenceBook, after: &EvidenceBook) -> Result<(), Error> {
        let EvidenceBook {
            snyk_tokens,
            scm_credentials,
            groups,
            organizations,
            apis,
            clock_doubt: _,
            is_clock_unconfirmed: _,
        } = after;
        self.map(PartKind::SnykToken, &before.snyk_tokens, snyk_tokens)?;
        self.map(PartKind::ScmCredential, &before.scm_credentials, scm_credentials)?;
        each(&before.groups, groups, |name, before, after| self.group(name, before, after))?;
        each(&before.organizations, organizations, |key, before, after| self.organization(key, before, after))?;
        self.map(PartKind::Api, &before.apis, apis)
    }

    fn attention(&mut self, before: &Attention, after: &Attention) -> Result<(), Error> {
        let Attention { announcements, acknowledgements, silences, gaps, recurrences, digests, forgotten } = after;
        self.map(PartKind::Announcement, &before.announcements, announcements)?;
        self.map(PartKind::Acknowledgement, &before.acknowledgements, acknowledgements)?;
        self.map(PartKind::Silence, &before.silences, silences)?;
        self.map(PartKind::Recurrence, &before.recurrences, recurrences)?;
        self.map(PartKind::Digest, &before.digests, digests)?;
        self.entry(PartKind::Forgotten, &(), before.forgotten.as_ref(), forgotten.as_ref())?;
        let (before, after) = (&before.gaps, gaps);
        self.entry(PartKind::Gaps, &(), (!before.is_empty()).then_some(before), (!after.is_empty()).then_some(after))
    }

    fn group(
        &mut self,
        name: &IntegrationName,
        before: Option<&GroupEvidence>,
        after: Option<&GroupEvidence>,
    ) -> Result<(), Error> {
        if before == after {
            return Ok(());
        }
        self.entry(PartKind::Group, name, before.map(group_head).as_ref(), after.map(group_head).as_ref())?;
        let none = BTreeMap::new();
        let was = before.map_or(&none, |group| &group.profiles);
        let is = after.map_or(&none, |group| &group.profiles);
        each(was, is, |profile, before, after| {
            self.repositories(name, profile, before.and_then(repositories), after.and_then(repositories))
        })?;
        self.assets(name, before.and_then(assets), after.and_then(assets))?;
        let (before, after) = (before.and_then(listing), after.and_then(listing));
        self.entry(PartKind::OrganizationListing, name, before, after)
    }

    fn repositories(
        &mut self,
        name: &IntegrationName,
        profile: &ProfileName,
        before: Option<&Arc<RepositorySet>>,
        after: Option<&Arc<RepositorySet>>,
    ) -> Result<(), Error> {
        if are_same(before, after) {
            return Ok(());
        }
        let none = BTreeMap::new();
        let before = before.map_or(&none, |set| &set.repositories);
        let after = after.map_or(&none, |set| &set.repositories);
        each(before, after, |id, before, after| self.entry(PartKind::Repository, &(name, profile, id), before, after))
    }

    fn assets(
        &mut self,
        name: &IntegrationName,
        before: Option<&Arc<AssetWalk>>,
        after: Option<&Arc<AssetWalk>>,
    ) -> Result<(), Error> {
        if are_same(before, after) {
            return Ok(());
        }
        let was = numbered(before.map(|walk| walk.live.as_slice()), |asset| &asset.id);
        let is = numbered(after.map(|walk| walk.live.as_slice()), |asset| &asset.id);
        each(&was, &is, |(id, number), before, after| {
            self.entry(PartKind::Asset, &(name, id, number), before.copied(), after.copied())
        })?;
        let was = numbered(before.map(|walk| walk.removed.as_slice()), |asset| &asset.id);
        let is = numbered(after.map(|walk| walk.removed.as_slice()), |asset| &asset.id);
        each(&was, &is, |(id, number), before, after| {
            self.entry(PartKind::RemovedAsset, &(name, id, number), before.copied(), after.copied())
        })
    }

    fn organization(
        &mut self,
        key: &IntegrationKey,
        before: Option<&OrganizationEvidence>,
        after: Option<&OrganizationEvidence>,
    ) -> Result<(), Error> {
        if before == after {
            return Ok(());
        }
        let (was, is) = (before.map(organization_head), after.map(organization_head));
        self.entry(PartKind::Organization, key, was.as_ref(), is.as_ref())?;
        let (was, is) = (before.and_then(imports), after.and_then(imports));
        self.entry(PartKind::Imports, key, was, is)?;
        let (was, is) = (before.and_then(webhooks), after.and_then(webhooks));
        self.entry(PartKind::Webhooks, key, was, is)
    }

    fn integration(
        &mut self,
        key: &IntegrationKey,
        before: Option<&IntegrationState>,
        after: Option<&IntegrationState>,
    ) -> Result<(), Error> {
        if before == after {
            return Ok(());
        }
        let (was, is) = (before.map(integration_head), after.map(integration_head));
        self.entry(PartKind::Integration, key, was.as_ref(), is.as_ref())?;
        let was = before.map(|state| &state.group.repository_ages);
        let is = after.map(|state| &state.group.repository_ages);
        if are_same(was, is) {
            return Ok(());
        }
        let none = Arc::default();
        each(was.unwrap_or(&none), is.unwrap_or(&none), |id, before, after| {
            self.entry(PartKind::RepositoryAge, &(key, id), before, after)
        })
    }

    fn map<K: Ord + Serialize, V: PartialEq + Serialize>(
        &mut self,
        kind: PartKind,
        before: &BTreeMap<K, V>,
        after: &BTreeMap<K, V>,
    ) -> Result<(), Error> {
        each(before, after, |key, before, after| self.entry(kind, key, before, after))
    }

    fn entry<K: Serialize, V: PartialEq + Serialize>(
        &mut self,
        kind: PartKind,
        key: &K,
        before: Option<&V>,
        after: Option<&V>,
    ) -> Result<(), Error> {
        match (before, after) {
            (Some(before), Some(after)) if before == after => {}
            (_, Some(after)) => {
                let (key, json) = (serde_json::to_string(key)?, serde_json::to_string(after)?);
                self.written.push(Part { kind, key, json });
            }
            (Some(_), None) => self.removed.push((kind, serde_json::to_string(key)?)),
            (None, None) => {}
        }
        Ok(())
    }
}

/// Visits every key of either map, in order.
fn each<'a, K: Ord, V>(
    before: &'a BTreeMap<K, V>,
    after: &'a BTreeMap<K, V>,
    mut visit: impl FnMut(&'a K, Option<&'a V>, Option<&'a V>) -> Result<(), Error>,
) -> Result<(), Error> {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((was, _)), Some((is, _))) => was.cmp(is),
        };
        let old = if order.is_le() { before.next() } else { None };
        let new = if order.is_ge() { after.next() } else { None };
        if let Some((key, _)) = old.or(new) {
            visit(key, old.map(|(_, value)| value), new.map(|(_, value)| value))?;
        }
    }
}

fn are_same<T>(before: Option<&Arc<T>>, after: Option<&Arc<T>>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => Arc::ptr_eq(before, after),
        (None, None) => true,
        _ => false,
    }
}

/// By id and, should an id be there twice, by its number among those.
fn numbered<'a, T>(list: Option<&'a [T]>, id: impl Fn(&'a T) -> &'a String) -> BTreeMap<(&'a str, usize), &'a T> {
    let mut map = BTreeMap::new();
    for entry in list.unwrap_or_default() {
        let id = id(entry).as_str();
        let mut number = 0;
        while map.contains_key(&(id, number)) {
            number += 1;
        }
        map.insert((id, number), entry);
    }
    map
}

fn repositories(profile: &ProfileEvidence) -> Option<&Arc<RepositorySet>> {
    profile.repositories.as_ref().map(|evidence| &evidence.value)
}

fn assets(group: &GroupEvidence) -> Option<&Arc<AssetWalk>> {
    group.assets.as_ref().map(|evidence| &evidence.value)
}

fn listing(group: &GroupEvidence) -> Option<&Arc<Vec<OrganizationListing>>> {
    group.organizations.as_ref().map(|evidence| &evidence.value)
}

fn imports(organization: &OrganizationEvidence) -> Option<&Arc<OrganizationImports>> {
    organization.imports.as_ref().map(|evidence| &evidence.value)
}

fn webhooks(organization: &OrganizationEvidence) -> Option<&Evidence<WebhookSample>> {
    organization.webhooks.as_ref()
}

fn group_head(group: &GroupEvidence) -> GroupEvidence {
    let mut head = group.clone();
    for repositories in head.profiles.values_mut().filter_map(|profile| profile.repositories.as_mut()) {
        let RepositorySet { repositories: _, walked_at, unread } = &*repositories.value;
        let (walked_at, unread) = (*walked_at, unread.clone());
        repositories.value = Arc::new(RepositorySet { repositories: BTreeMap::new(), walked_at, unread });
    }
    if let Some(assets) = &mut head.assets {
        let AssetWalk { live: _, removed: _, has_last_sync, aliases } = &*assets.value;
        let (has_last_sync, aliases) = (*has_last_sync, aliases.clone());
        assets.value = Arc::new(AssetWalk { live: Vec::new(), removed: Vec::new(), has_last_sync, aliases });
    }
    if let Some(organizations) = &mut head.organizations {
        organizations.value = Arc::default();
    }
    head
}

fn organization_head(organization: &OrganizationEvidence) -> OrganizationEvidence {
    let mut head = organization.clone();
    if let Some(imports) = &mut head.imports {
        imports.value = Arc::default();
    }
    head.webhooks = None;
    head
}

fn integration_head(integration: &IntegrationState) -> IntegrationState {
    let mut head = integration.clone();
    head.group.repository_ages = Arc::default();
    head
}
