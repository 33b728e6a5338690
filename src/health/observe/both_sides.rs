//! What only repositories and assets together tell: canaries, what the Inventory had of each repository, and profiles that
//! were deleted in Snyk.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::evidence::{Evidence, GroupEvidence};
use crate::domain::facts::{AssetWalk, RemovalReason, RemovedAsset};
use crate::domain::fleet::{WatchedGroup, WatchedIntegration};
use crate::domain::loss::NamespaceMemory;
use crate::domain::names::{ProfileName, RepositoryId};
use crate::domain::state::{AssetMemory, Canary, DeletedProfile, GroupMemory};

use super::super::canary::next_canary;
use super::super::eligibility::{Matched, Standing, matched};
use super::super::matching::{Match, Matcher, moved_at, past, synced_at};
use super::group::repository_sets;

/// One look at both sides.
struct Both<'a> {
    integration: &'a WatchedIntegration,
    group: &'a WatchedGroup,
    memory: &'a GroupMemory,
    walk: &'a AssetWalk,
    walked_at: DateTime<Utc>,
    matcher: &'a Matcher<'a>,
    at: DateTime<Utc>,
}

/// Notes in `memory` what repositories and assets tell together. Nothing without assets.
pub(super) fn look_at_both(
    memory: &mut GroupMemory,
    (integration, group): (&WatchedIntegration, &WatchedGroup),
    evidence: &GroupEvidence,
    at: DateTime<Utc>,
) {
    let Some(walk) = &evidence.assets else { return };
    let Found { ids_match, deleted, changes, canaries } = find(memory, (integration, group), evidence, walk, at);
    if !changes.is_empty() {
        let ages = Arc::make_mut(&mut memory.repository_ages);
        for (id, was_eligible, asset) in changes {
            if let Some(age) = ages.get_mut(&id) {
                (age.was_eligible, age.asset) = (was_eligible, asset);
            }
        }
    }
    memory.ids_match = ids_match;
    memory.canaries = canaries;
    memory.profile_deleted_at = deleted.values().map(|deleted| deleted.at).min();
    memory.deleted_profiles = deleted;
}

/// What one look finds.
struct Found {
    ids_match: bool,
    deleted: BTreeMap<ProfileName, DeletedProfile>,
    /// What is remembered otherwise of repositories.
    changes: Vec<(RepositoryId, bool, AssetMemory)>,
    canaries: BTreeMap<RepositoryId, Canary>,
}

fn find(
    memory: &GroupMemory,
    (integration, group): (&WatchedIntegration, &WatchedGroup),
    evidence: &GroupEvidence,
    walk: &Evidence<Arc<AssetWalk>>,
    at: DateTime<Utc>,
) -> Found {
    let matcher = Matcher::new(integration.scm, memory, repository_sets(evidence), &walk.value);
    let both =
        Both { integration, group, memory, walk: &walk.value, walked_at: walk.observed_at, matcher: &matcher, at };
    let mut all = Vec::new();
    let mut deleted = both.deleted_before();
    let mut changes = Vec::new();
    for (name, book) in &evidence.profiles {
        let Some(known) = &book.repositories else { continue };
        let of_profile = matched(&matcher, group, &integration.thresholds, &known.value);
        // A deletion that comes while the list of repositories is stale is found when that is known again.
        if known.is_fresh(at) && walk.is_fresh(at) {
            both.judge_deletion(&mut deleted, name, &of_profile);
            changes.extend(both.changes(&of_profile));
        }
        all.extend(of_profile);
    }
    let ids_match = memory.ids_match || matcher.has_matching_id();
    Found { ids_match, deleted, changes, canaries: both.canaries(&all) }
}

fn went_with_profile(removed: &RemovedAsset) -> bool {
    removed.reasons.iter().any(|(reason, _)| *reason == RemovalReason::DeletedProfile)
}

impl Both<'_> {
    fn asset_before(&self, id: &RepositoryId) -> AssetMemory {
        self.memory.repository_ages.get(id).map_or(AssetMemory::Never, |age| age.asset)
    }

    /// What is remembered otherwise of each repository after this look.
    fn changes(&self, all: &[Matched<'_>]) -> Vec<(RepositoryId, bool, AssetMemory)> {
        let mut changes = Vec::new();
        for one in all {
            let Some(age) = self.memory.repository_ages.get(&one.repository.id) else { continue };
            let was_eligible = age.was_eligible || one.standing == Standing::Eligible;
            let asset = match (one.found.live(), age.asset) {
                (Some(_), _) => AssetMemory::Live,
                (None, AssetMemory::Never) => AssetMemory::Never,
                (None, AssetMemory::Live) => AssetMemory::Gone { since: self.walked_at },
                (None, gone @ AssetMemory::Gone { .. }) => gone,
            };
            if (was_eligible, asset) != (age.was_eligible, age.asset) {
                changes.push((one.repository.id.clone(), was_eligible, asset));
            }
        }
        changes
    }

    /// The open canaries. That of a repository that is lost from sight, or whose content or asset is, stays until its
    /// asset's sync reaches it.
    fn canaries(&self, all: &[Matched<'_>]) -> BTreeMap<RepositoryId, Canary> {
        let tolerance = self.integration.thresholds.canary_tolerance;
        let mut next = BTreeMap::new();
        for Matched { repository, found, standing } in all {
            if !matches!(standing, Standing::Eligible | Standing::Empty) {
                continue;
            }
            let open = self.memory.canaries.get(&repository.id).copied();
            let changed_at = past(repository.updated_at, self.at).filter(|_| *standing == Standing::Eligible);
            let synced_at = found.live().and_then(|asset| synced_at(asset, self.walked_at));
            if let Some(canary) = next_canary(open, changed_at, synced_at, tolerance) {
                next.insert(repository.id.clone(), canary);
            }
        }
        let namespaces = self.memory.profiles.values().flat_map(|profile| profile.namespaces.values());
        for (id, _) in namespaces.flat_map(NamespaceMemory::right_lost) {
            let open = self.memory.canaries.get(id).copied();
            let synced_at = self.matcher.find_id(id).and_then(|asset| synced_at(asset, self.walked_at));
            if let Some(canary) = next_canary(open, None, synced_at, tolerance) {
                next.entry(id.clone()).or_insert(canary);
            }
        }
        next
    }

    /// The profiles that are known to be deleted and were not set up again.
    fn deleted_before(&self) -> BTreeMap<ProfileName, DeletedProfile> {
        let mut deleted = self.memory.deleted_profiles.clone();
        deleted.retain(|name, known| {
            self.group.profiles.contains_key(name) && self.group.configured_at.is_none_or(|set_up| set_up <= known.at)
        });
        deleted
    }

    /// Whether Snyk deleted the profile: more than a share of the assets that were live at the last look went with that
    /// reason, and their repositories are still visible. It lives again once an asset of it moves or most are back.
    fn judge_deletion(
        &self,
        deleted: &mut BTreeMap<ProfileName, DeletedProfile>,
        name: &ProfileName,
        all: &[Matched<'_>],
    ) {
        if !self.group.profiles.contains_key(name) {
            return;
        }
        let share = self.integration.thresholds.profile_deleted_share;
        let is_most = |some: usize, of: usize| some as f64 > share * of as f64;
        let (mut were_live, mut went, mut live) = (0_usize, 0_usize, 0_usize);
        let mut last_moved = None;
        for one in all {
            let was_live = self.asset_before(&one.repository.id) == AssetMemory::Live;
            were_live += usize::from(was_live);
            match one.found {
                Match::Live(asset) => {
                    live += 1;
                    last_moved = last_moved.max(moved_at(asset, self.walk, self.walked_at));
                }
                Match::Removed(removed) => went += usize::from(was_live && went_with_profile(removed)),
                Match::Nothing => {}
            }
        }
        if is_most(went, were_live) {
            deleted.insert(name.clone(), DeletedProfile { at: self.walked_at, gone: went, of: were_live });
        } else if let Some(known) = deleted.get(name)
            && (is_most(live, known.of) || last_moved.is_some_and(|moved| moved > known.at))
        {
            deleted.remove(name);
        }
    }
}
