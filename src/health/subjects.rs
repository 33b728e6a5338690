//! What evidence is about: a Group, a token, workspaces. A reload may name others, and then what was observed of the ones
//! before proves nothing about them.

use std::collections::BTreeSet;

use crate::domain::evidence::GroupEvidence;
use crate::domain::fleet::{Fleet, WatchedGroup};
use crate::domain::names::{IntegrationKey, IntegrationName, ProfileName, WorkspaceSlug};
use crate::domain::state::{GroupSubject, State};
use crate::domain::work::{ProbeKind, Work, WorkSubject};

/// Forgets the evidence about what `fleet` no longer names, and returns the work that observes what it names instead.
pub fn forget_other_subjects(state: &mut State, fleet: &Fleet) -> Vec<Work> {
    let mut works = Vec::new();
    let group_of = |name: &IntegrationName| fleet.integrations.get(name).and_then(|watched| watched.group.as_ref());
    state.subjects.retain(|name, _| group_of(name).is_some());
    for (name, group) in fleet.integrations.keys().filter_map(|name| Some((name, group_of(name)?))) {
        let now = subject(group);
        if state.subjects.get(name) == Some(&now) {
            continue;
        }
        if let Some(before) = state.subjects.insert(name.clone(), now.clone()) {
            works.extend(forget(state, name, &before, &now));
        }
    }
    works
}

fn subject(group: &WatchedGroup) -> GroupSubject {
    let profiles = group.profiles.iter();
    let profiles =
        profiles.map(|(name, profile)| (name.clone(), (profile.credential.clone(), profile.workspaces.clone())));
    GroupSubject { group: group.id, snyk: group.snyk.clone(), profiles: profiles.collect() }
}

/// The workspaces by which assets are selected; none: all of them.
fn workspaces(subject: &GroupSubject) -> BTreeSet<&WorkspaceSlug> {
    let named = subject.profiles.values().map(|(_, workspaces)| workspaces);
    if named.clone().any(BTreeSet::is_empty) { BTreeSet::new() } else { named.flatten().collect() }
}

fn forget(state: &mut State, name: &IntegrationName, before: &GroupSubject, now: &GroupSubject) -> Vec<Work> {
    let is_other_group = before.group != now.group;
    if is_other_group {
        let is_of_this = |key: &IntegrationKey| key.integration == *name;
        state.integrations.retain(|key, _| !is_of_this(key));
        state.evidence.organizations.retain(|key, _| !is_of_this(key));
        state.vanishing.retain(|key, _| !is_of_this(key));
        state.mass_vanishing.remove(name);
        state.baselines.remove(name);
    }
    let GroupEvidence {
        access,
        profiles,
        assets,
        catalog,
        organizations,
        removed_organizations,
        named_organizations,
        failures,
    } = state.evidence.groups.entry(name.clone()).or_default();
    let group = |kind| Work { kind, subject: WorkSubject::Group(name.clone()) };
    let mut works = Vec::new();
    if is_other_group {
        (*organizations, *removed_organizations) = (None, None);
        failures.clear();
        named_organizations.clear();
        works.push(group(ProbeKind::OrganizationList));
    }
    if is_other_group || before.snyk != now.snyk {
        *access = None;
        works.push(group(ProbeKind::GroupAccess));
    }
    if is_other_group || workspaces(before) != workspaces(now) {
        (*assets, *catalog) = (None, None);
        works.push(group(ProbeKind::Inventory));
    }
    let is_as_before = |profile: &ProfileName| before.profiles.get(profile) == now.profiles.get(profile);
    profiles.retain(|profile, _| now.profiles.contains_key(profile) && is_as_before(profile));
    let others = now.profiles.keys().filter(|profile| !is_as_before(profile));
    works.extend(others.map(|profile| Work {
        kind: ProbeKind::Profile,
        subject: WorkSubject::Profile(name.clone(), profile.clone()),
    }));
    works
}
