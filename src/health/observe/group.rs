//! What the sequence of a Group's facts tells: ages of repositories, canaries, arrivals, deleted profiles.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::evidence::{GroupEvidence, fresh};
use crate::domain::facts::{Access, AssetWalk, RemovalReason, RemovedAsset, RepositorySet, WorkspaceFact};
use crate::domain::fleet::{Fleet, WatchedGroup, WatchedIntegration};
use crate::domain::kinds::Scm;
use crate::domain::names::{IntegrationKey, IntegrationName, ProfileName, WorkspaceSlug};
use crate::domain::state::{Arrival, Canary, DeletedProfile, GroupMemory, IntegrationState, RepositoryAge, State};
use crate::domain::work::WorkSubject;

use super::super::canary::next_canary;
use super::super::matching::{Match, Matcher, is_discovered, last_moved_at, moved_at, repository_url};
use super::super::survey::is_judged;
use super::listing::{Denial, weigh};
use super::{FollowUp, Policy, Stamp, Written};

/// Arrivals that are kept: enough for a rate.
const ARRIVALS: usize = 64;

/// The watched Group and its stored state.
fn watched<'a>(
    state: &'a mut State,
    fleet: &'a Fleet,
    name: &IntegrationName,
    at: DateTime<Utc>,
) -> Option<(&'a WatchedIntegration, &'a WatchedGroup, &'a mut IntegrationState, &'a mut GroupEvidence)> {
    let integration = fleet.integrations.get(name)?;
    let group = integration.group.as_ref()?;
    let key = IntegrationKey::group(name.clone());
    let stored = state.integrations.entry(key).or_insert_with(|| IntegrationState::new(at));
    Some((integration, group, stored, state.evidence.groups.entry(name.clone()).or_default()))
}

pub(super) fn on_access(
    state: &mut State,
    fleet: &Fleet,
    policy: Policy,
    stamp: Stamp,
    name: &IntegrationName,
    fact: &Access,
) -> Option<FollowUp> {
    let (_, _, stored, evidence) = watched(state, fleet, name, stamp.at)?;
    if stamp.is_outdated_by(evidence.access.as_ref()) {
        return None;
    }
    let known = evidence.access.as_ref().map(|known| &known.value);
    if let Denial::Waits = weigh(stored, known, fact, policy, stamp) {
        return Some(super::ask_again(stamp, WorkSubject::Group(name.clone())));
    }
    if let Access::Granted { name: Some(name), .. } = fact {
        stored.snyk_name = Some(name.clone());
    }
    stamp.write(&mut evidence.access, fact.clone());
    None
}

/// A profile sees no repository any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Emptied;

/// Whether a configured workspace is not there, or not for this account.
pub(super) fn misses_a_workspace(workspaces: &BTreeMap<WorkspaceSlug, WorkspaceFact>) -> bool {
    let is_missing = |fact: &WorkspaceFact| matches!(fact, WorkspaceFact::NotFound | WorkspaceFact::NotMember);
    workspaces.is_empty() || workspaces.values().any(is_missing)
}

pub(super) fn on_repositories(
    state: &mut State,
    fleet: &Fleet,
    stamp: Stamp,
    name: &IntegrationName,
    profile: &ProfileName,
    set: &Arc<RepositorySet>,
) -> Option<Emptied> {
    let (integration, group, stored, evidence) = watched(state, fleet, name, stamp.at)?;
    let slot = &mut evidence.profiles.entry(profile.clone()).or_default().repositories;
    let before = slot.as_ref().map(|known| Arc::clone(&known.value));
    if stamp.write(slot, Arc::clone(set)) == Written::Outdated {
        return None;
    }
    note_ages(&mut stored.group, integration.scm, before.as_deref(), set, stamp.at);
    stored.group.canaries = canaries(&stored.group, integration, group, evidence);
    let had_some = before.is_some_and(|before| !before.repositories.is_empty());
    (had_some && set.repositories.is_empty()).then_some(Emptied)
}

/// Notes when repositories were first seen or renamed. What the first list of a profile has was there before we looked:
/// only the SCM tells its age.
fn note_ages(
    memory: &mut GroupMemory,
    scm: Scm,
    before: Option<&RepositorySet>,
    set: &RepositorySet,
    at: DateTime<Utc>,
) {
    for (id, repository) in &set.repositories {
        let known = before.and_then(|before| before.repositories.get(id));
        let renamed_from = known.filter(|known| !known.full_name.eq_ignore_ascii_case(&repository.full_name));
        if renamed_from.is_none() && memory.repository_ages.contains_key(id) {
            continue;
        }
        let age = Arc::make_mut(&mut memory.repository_ages).entry(id.clone()).or_insert_with(|| RepositoryAge {
            seen_at: match before {
                Some(_) => at,
                None => repository.created_at.map_or(DateTime::UNIX_EPOCH, |created_at| created_at.min(at)),
            },
            urls: std::collections::BTreeSet::new(),
        });
        let Some(known) = renamed_from else { continue };
        let (old, new) = (repository_url(scm, &known.full_name), repository_url(scm, &repository.full_name));
        if old != new {
            age.seen_at = at;
            age.urls.remove(&new);
            age.urls.insert(old);
        }
    }
}

/// The open canaries after another look at both sides.
fn canaries(
    memory: &GroupMemory,
    integration: &WatchedIntegration,
    group: &WatchedGroup,
    evidence: &GroupEvidence,
) -> BTreeMap<crate::domain::names::RepositoryId, Canary> {
    let Some(walk) = &evidence.assets else { return memory.canaries.clone() };
    let sets = repository_sets(evidence);
    let matcher = Matcher::new(integration.scm, memory, sets.clone(), &walk.value);
    let tolerance = integration.thresholds.canary_tolerance;
    let mut next = BTreeMap::new();
    for repository in sets.iter().flat_map(|set| set.repositories.values()) {
        let Match::Live(asset) = matcher.find(repository) else { continue };
        if !is_judged(group, repository, Some(asset)) {
            continue;
        }
        let open = memory.canaries.get(&repository.id).copied();
        if let Some(canary) = next_canary(open, repository.updated_at, moved_at(asset, &walk.value), tolerance) {
            next.insert(repository.id.clone(), canary);
        }
    }
    next
}

fn repository_sets(evidence: &GroupEvidence) -> Vec<&RepositorySet> {
    evidence.profiles.values().filter_map(|profile| profile.repositories.as_ref()).map(|known| &*known.value).collect()
}

pub(super) fn on_assets(state: &mut State, fleet: &Fleet, stamp: Stamp, name: &IntegrationName, walk: &Arc<AssetWalk>) {
    let Some((integration, group, stored, evidence)) = watched(state, fleet, name, stamp.at) else { return };
    let before = evidence.assets.as_ref().map(|known| Arc::clone(&known.value));
    if stamp.write(&mut evidence.assets, Arc::clone(walk)) == Written::Outdated {
        return;
    }
    let live = walk.live.iter().filter(|asset| is_discovered(asset)).count();
    let memory = &mut stored.group;
    memory.live_assets = Some(live);
    memory.last_asset_moved_at = memory.last_asset_moved_at.max(last_moved_at(walk));
    note_arrival(&mut memory.arrivals, Arrival { at: stamp.at, found: live });
    memory.deleted_profiles =
        deleted_profiles(memory, (integration, group), evidence, before.as_deref(), walk, stamp.at);
    memory.profile_deleted_at = memory.deleted_profiles.values().map(|deleted| deleted.at).min();
    memory.canaries = canaries(memory, integration, group, evidence);
}

/// Only growth is an arrival. An empty Inventory is noted with the last look that found it so, for the rate to begin
/// there: the time of waiting for the first sync is no part of the fill.
fn note_arrival(arrivals: &mut Vec<Arrival>, arrival: Arrival) {
    match arrivals.last_mut() {
        Some(last) if last.found == 0 && arrival.found == 0 => last.at = arrival.at,
        Some(last) if arrival.found <= last.found => last.found = arrival.found,
        _ => arrivals.push(arrival),
    }
    if arrivals.len() > ARRIVALS {
        arrivals.remove(0);
    }
}

fn went_with_profile(removed: &RemovedAsset) -> bool {
    removed.reasons.iter().any(|(reason, _)| *reason == RemovalReason::DeletedProfile)
}

/// The profiles that Snyk deleted: more than a share of the assets that were live at the walk before went with that
/// reason, and their repositories are still visible. A profile lives again once an asset of it moves.
fn deleted_profiles(
    memory: &GroupMemory,
    (integration, group): (&WatchedIntegration, &WatchedGroup),
    evidence: &GroupEvidence,
    before: Option<&AssetWalk>,
    walk: &AssetWalk,
    at: DateTime<Utc>,
) -> BTreeMap<ProfileName, DeletedProfile> {
    let mut deleted = memory.deleted_profiles.clone();
    deleted.retain(|name, known| {
        group.profiles.contains_key(name) && group.configured_at.is_none_or(|set_up| set_up <= known.at)
    });
    let sets = repository_sets(evidence);
    let scm = integration.scm;
    let now = Matcher::new(scm, memory, sets.clone(), walk);
    let then = before.map(|before| Matcher::new(scm, memory, sets, before));
    let is_most = |gone: usize, of: usize| gone as f64 > integration.thresholds.profile_deleted_share * of as f64;
    for name in group.profiles.keys() {
        // Without the present list of repositories nothing shows that they are still visible.
        let Some(known) = evidence.profiles.get(name).and_then(|profile| fresh(&profile.repositories, at)) else {
            continue;
        };
        let (mut were_live, mut went, mut gone) = (0_usize, 0_usize, 0_usize);
        let mut last_moved = None;
        for repository in known.value.repositories.values() {
            let was_live = then.as_ref().is_some_and(|then| matches!(then.find(repository), Match::Live(_)));
            were_live += usize::from(was_live);
            match now.find(repository) {
                Match::Live(asset) => last_moved = last_moved.max(moved_at(asset, walk)),
                Match::Removed(removed) if went_with_profile(removed) => {
                    gone += 1;
                    went += usize::from(was_live);
                }
                Match::Removed(_) | Match::Nothing => {}
            }
        }
        if is_most(went, were_live) {
            deleted.insert(name.clone(), DeletedProfile { at, gone: went, of: were_live });
        } else if let Some(known) = deleted.get(name)
            && (!is_most(gone, known.of) || last_moved.is_some_and(|moved| moved > known.at))
        {
            deleted.remove(name);
        }
    }
    deleted
}
