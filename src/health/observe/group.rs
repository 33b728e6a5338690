//! What the sequence of a Group's facts tells: memberships, ages and losses of repositories, arrivals.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::evidence::{Evidence, GroupEvidence, ProfileEvidence};
use crate::domain::facts::{Access, AssetWalk, RepositoryFate, RepositorySet, WorkspaceFact};
use crate::domain::fleet::{Fleet, WatchedGroup, WatchedIntegration};
use crate::domain::kinds::Scm;
use crate::domain::names::{IntegrationKey, IntegrationName, ProfileName, RepositoryId, WorkspaceSlug};
use crate::domain::state::{Arrival, AssetMemory, GroupMemory, IntegrationState, RepositoryAge, State};
use crate::domain::work::{ProbeKind, Work, WorkSubject};

use super::super::emptied;
use super::super::loss::{FirstSight, Settling, Walk, Walked, compare, forget_other_account, note_fates};
use super::super::matching::{is_discovered, last_moved_at, repository_url};
use super::super::prune::forget_gone;
use super::both_sides::look_at_both;
use super::listing::{Denial, weigh};
use super::{FollowUp, Policy, Stamp, Written};

/// Arrivals that are kept: enough for a rate.
const ARRIVALS: usize = 64;

/// The watched Group and its stored state.
fn watched<'s, 'f>(
    state: &'s mut State,
    fleet: &'f Fleet,
    name: &IntegrationName,
    at: DateTime<Utc>,
) -> Option<(&'f WatchedIntegration, &'f WatchedGroup, &'s mut IntegrationState, &'s mut GroupEvidence)> {
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

/// Asks the Git host about a profile once more.
fn ask_profile_again(name: &IntegrationName, profile: &ProfileName) -> FollowUp {
    let subject = WorkSubject::Profile(name.clone(), profile.clone());
    FollowUp::Confirm(Work { kind: ProbeKind::Profile, subject })
}

/// Whether a namespace is not there, or not for this account.
fn misses_a_workspace(workspaces: &BTreeMap<WorkspaceSlug, WorkspaceFact>) -> bool {
    let is_missing = |fact: &WorkspaceFact| {
        matches!(fact, WorkspaceFact::NotFound | WorkspaceFact::NotMember | WorkspaceFact::ShutOut { .. })
    };
    workspaces.is_empty() || workspaces.values().any(is_missing)
}

/// The facts with what was known of the namespaces of which this round was told nothing, and when the oldest of them was
/// observed: an answer that tells nothing replaces nothing while that is fresh.
fn with_known(
    known: Option<&Evidence<BTreeMap<WorkspaceSlug, WorkspaceFact>>>,
    told: &BTreeMap<WorkspaceSlug, WorkspaceFact>,
    stamp: Stamp,
) -> (BTreeMap<WorkspaceSlug, WorkspaceFact>, DateTime<Utc>) {
    let is_untold = |fact: &WorkspaceFact| matches!(fact, WorkspaceFact::Untold { .. });
    let (mut facts, mut observed_at) = (told.clone(), stamp.at);
    let Some(known) = known.filter(|known| known.is_fresh(stamp.at) && known.revision == stamp.revision) else {
        return (facts, observed_at);
    };
    for (slug, fact) in facts.iter_mut().filter(|(_, fact)| is_untold(fact)) {
        if let Some(before) = known.value.get(slug).filter(|before| !is_untold(before)) {
            fact.clone_from(before);
            observed_at = known.observed_at.min(stamp.at);
        }
    }
    (facts, observed_at)
}

/// A first answer that a namespace is not there changes nothing until a second one says so too.
pub(super) fn on_workspaces(
    state: &mut State,
    fleet: &Fleet,
    stamp: Stamp,
    name: &IntegrationName,
    profile: &ProfileName,
    told: &BTreeMap<WorkspaceSlug, WorkspaceFact>,
) -> Vec<FollowUp> {
    let Some((_, _, stored, evidence)) = watched(state, fleet, name, stamp.at) else { return Vec::new() };
    let slot = &mut evidence.profiles.entry(profile.clone()).or_default().workspaces;
    let (fact, observed_at) = with_known(slot.as_ref(), told, stamp);
    let memory = stored.group.profiles.entry(profile.clone()).or_default();
    let was_bad = slot.as_ref().is_some_and(|known| misses_a_workspace(&known.value));
    if misses_a_workspace(&fact) && !was_bad && memory.doubted_at.is_none() && !stamp.is_outdated_by(slot.as_ref()) {
        memory.doubted_at = Some(stamp.at);
        return vec![ask_profile_again(name, profile)];
    }
    memory.doubted_at = None;
    if !stamp.is_outdated_by(slot.as_ref()) {
        Stamp { at: observed_at, ..stamp }.write(slot, fact);
    }
    Vec::new()
}

pub(super) fn on_repositories(
    state: &mut State,
    fleet: &Fleet,
    stamp: Stamp,
    name: &IntegrationName,
    profile: &ProfileName,
    set: &Arc<RepositorySet>,
) -> Vec<FollowUp> {
    let Some((integration, group, stored, evidence)) = watched(state, fleet, name, stamp.at) else { return Vec::new() };
    let book = evidence.profiles.entry(profile.clone()).or_default();
    if stamp.is_outdated_by(book.repositories.as_ref()) {
        return Vec::new();
    }
    let mut memory = std::mem::take(&mut stored.group);
    let settling = Settling {
        evidence: &state.evidence,
        decisions: &state.decisions,
        integration: name,
        profile,
        group,
        thresholds: &integration.thresholds,
        now: stamp.at,
    };
    let book = state.evidence.groups.get(name).and_then(|group| group.profiles.get(profile));
    let before = book.and_then(|book| book.repositories.as_ref()).map(|known| Arc::clone(&known.value));
    let of_profile = memory.profiles.entry(profile.clone()).or_default();
    forget_other_account(of_profile, fleet, &state.credentials, name, profile);
    let walked = walk(book, before.as_deref(), set, stamp.at).note(of_profile, &settling);
    let mut follow_ups = Vec::new();
    if walked == Walked::Doubted {
        // A move is seen at its new place first.
        let others = group.profiles.keys().filter(|other| *other != profile);
        follow_ups.extend(others.map(|other| ask_profile_again(name, other)));
    } else {
        note_ages(&mut memory, integration.scm, before.as_deref(), set, stamp.at);
        let slot = state.evidence.groups.get_mut(name).and_then(|group| group.profiles.get_mut(profile));
        if let Some(book) = slot {
            stamp.write(&mut book.repositories, Arc::clone(set));
        }
        if let Some(group) = state.evidence.groups.get(name) {
            forget_gone(&mut memory, group.profiles.values(), stamp.at);
        }
    }
    if walked != Walked::Accepted {
        follow_ups.push(ask_profile_again(name, profile));
    }
    if walked != Walked::Doubted {
        follow_ups.extend(look(state, (integration, group), &mut memory, stamp, name));
    }
    if let Some(stored) = state.integrations.get_mut(&IntegrationKey::group(name.clone())) {
        stored.group = memory;
    }
    follow_ups.dedup();
    follow_ups
}

fn walk<'a>(
    book: Option<&'a ProfileEvidence>,
    before: Option<&'a RepositorySet>,
    set: &'a RepositorySet,
    at: DateTime<Utc>,
) -> Walk<'a> {
    let facts = book.and_then(|book| book.workspaces.as_ref());
    Walk {
        at,
        set,
        before,
        facts: facts.map(|facts| &facts.value),
        is_same_round: facts.is_some_and(|facts| facts.observed_at == at),
    }
}

/// Looks at repositories and assets together, after either was read.
fn look(
    state: &State,
    (integration, group): (&WatchedIntegration, &WatchedGroup),
    memory: &mut GroupMemory,
    stamp: Stamp,
    name: &IntegrationName,
) -> Vec<FollowUp> {
    let Some(evidence) = state.evidence.groups.get(name) else { return Vec::new() };
    look_at_both(memory, (integration, group), evidence, stamp.at);
    let sight = FirstSight { scm: integration.scm, group, evidence, at: stamp.at };
    let to_confirm = compare(memory, &sight, |profile| {
        let profile = group.profiles.get_key_value(profile).map(|(profile, _)| profile)?;
        Some(Settling {
            evidence: &state.evidence,
            decisions: &state.decisions,
            integration: name,
            profile,
            group,
            thresholds: &integration.thresholds,
            now: stamp.at,
        })
    });
    to_confirm.iter().map(|profile| ask_profile_again(name, profile)).collect()
}

pub(super) fn on_fates(
    state: &mut State,
    fleet: &Fleet,
    stamp: Stamp,
    name: &IntegrationName,
    profile: &ProfileName,
    fates: &BTreeMap<RepositoryId, RepositoryFate>,
) {
    let Some((_, _, stored, evidence)) = watched(state, fleet, name, stamp.at) else { return };
    stamp.write(&mut evidence.profiles.entry(profile.clone()).or_default().fates, fates.clone());
    if let Some(memory) = stored.group.profiles.get_mut(profile) {
        note_fates(memory, fates, stamp.at);
    }
}

/// Notes when repositories were first seen, first filled, renamed or moved. What was there before we looked, or before
/// the first fill, is as old as the SCM says.
fn note_ages(
    memory: &mut GroupMemory,
    scm: Scm,
    before: Option<&RepositorySet>,
    set: &RepositorySet,
    at: DateTime<Utc>,
) {
    let is_filled = memory.first_fill_completed_at.is_some();
    for (id, repository) in &set.repositories {
        let known = before.and_then(|before| before.repositories.get(id));
        let renamed_from = known.filter(|known| !known.full_name.eq_ignore_ascii_case(&repository.full_name));
        let is_filled_now = known.is_some_and(|known| known.empty && !repository.empty);
        if renamed_from.is_none() && !is_filled_now && memory.repository_ages.contains_key(id) {
            continue;
        }
        let is_new = known.is_none() && (before.is_some() || is_filled);
        let created_at = repository.created_at.map_or(DateTime::UNIX_EPOCH, |created_at| created_at.min(at));
        let ages = Arc::make_mut(&mut memory.repository_ages);
        let age = ages.entry(id.clone()).or_insert_with(|| RepositoryAge {
            seen_at: if is_new { at } else { created_at },
            urls: std::collections::BTreeSet::new(),
            was_eligible: false,
            asset: AssetMemory::Never,
            unseen_since: None,
        });
        if is_filled_now {
            age.seen_at = at;
        }
        let Some(known) = renamed_from else { continue };
        let (old, new) = (repository_url(scm, &known.full_name), repository_url(scm, &repository.full_name));
        if old != new {
            age.seen_at = at;
            age.urls.remove(&new);
            age.urls.insert(old);
        }
    }
}

pub(super) fn repository_sets(evidence: &GroupEvidence) -> Vec<&RepositorySet> {
    evidence.profiles.values().filter_map(|profile| profile.repositories.as_ref()).map(|known| &*known.value).collect()
}

pub(super) fn on_assets(
    state: &mut State,
    fleet: &Fleet,
    stamp: Stamp,
    name: &IntegrationName,
    walk: &Arc<AssetWalk>,
) -> Vec<FollowUp> {
    let Some((integration, group, stored, evidence)) = watched(state, fleet, name, stamp.at) else { return Vec::new() };
    let before = evidence.assets.clone();
    if stamp.write(&mut evidence.assets, Arc::clone(walk)) == Written::Outdated {
        return Vec::new();
    }
    let mut memory = std::mem::take(&mut stored.group);
    memory.live_assets = Some(walk.live.iter().filter(|asset| is_discovered(asset)).count());
    memory.last_asset_moved_at = memory.last_asset_moved_at.max(last_moved_at(walk, stamp.at));
    emptied::note(&mut memory.no_assets_since, emptied::is_bare(walk), stamp.at);
    memory.walked_before = before.as_ref().map(|before| before.observed_at);
    let arrival = arrival(before.as_ref().map(|before| &*before.value), walk, stamp.at, integration);
    note_arrival(&mut memory.arrivals, arrival);
    let follow_ups = look(state, (integration, group), &mut memory, stamp, name);
    if let Some(stored) = state.integrations.get_mut(&IntegrationKey::group(name.clone())) {
        stored.group = memory;
    }
    follow_ups
}

/// What a walk found, and when the last of it arrived: with this walk, which first showed it, though not long after the
/// asset's own creation. What was there before we looked did not arrive when we looked.
fn arrival(
    before: Option<&AssetWalk>,
    walk: &AssetWalk,
    at: DateTime<Utc>,
    integration: &WatchedIntegration,
) -> Arrival {
    let known: std::collections::HashSet<&str> =
        before.into_iter().flat_map(|before| &before.live).map(|asset| asset.id.as_str()).collect();
    let discovered = || walk.live.iter().filter(|asset| is_discovered(asset));
    let new = discovered().filter(|asset| !known.contains(asset.id.as_str()));
    let arrived = new.map(|asset| {
        asset.created_at.map_or(at, |created_at| at.min(created_at + integration.thresholds.fill_extension))
    });
    Arrival { at: arrived.max().unwrap_or(at), found: discovered().count() }
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
