//! At first sight, and after lost state, nobody knows what was there before. The live assets that the Group discovered in
//! a namespace stand for it: one that belongs to no visible repository is a repository that is seen no more.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, Utc};

use super::settle::Settling;
use crate::domain::evidence::{GroupEvidence, ProfileEvidence};
use crate::domain::facts::{AssetWalk, RepositorySet, WorkspaceFact};
use crate::domain::fleet::WatchedGroup;
use crate::domain::kinds::Scm;
use crate::domain::loss::{AbsentRepository, Settlement, WalkedSize, made_up_id};
use crate::domain::names::{ProfileName, RepositoryId, WorkspaceSlug};
use crate::domain::state::GroupMemory;
use crate::health::eligibility::is_ignored;
use crate::health::matching::{Matcher, is_discovered, name_in_url};

/// What is compared.
pub(in super::super) struct FirstSight<'a> {
    pub(in super::super) scm: Scm,
    pub(in super::super) group: &'a WatchedGroup,
    pub(in super::super) evidence: &'a GroupEvidence,
    pub(in super::super) at: DateTime<Utc>,
}

impl FirstSight<'_> {
    fn book(&self, profile: &ProfileName) -> Option<&ProfileEvidence> {
        self.evidence.profiles.get(profile)
    }

    fn set(&self, profile: &ProfileName) -> Option<&RepositorySet> {
        self.book(profile)?.repositories.as_ref().map(|known| &*known.value)
    }

    fn is_member(&self, profile: &ProfileName, slug: &WorkspaceSlug) -> bool {
        let facts = self.book(profile).and_then(|book| book.workspaces.as_ref());
        facts.is_some_and(|facts| matches!(facts.value.get(slug), Some(WorkspaceFact::Member { .. })))
    }

    /// Whether the repositories of each profile that may see this namespace are known.
    fn is_known(&self, slug: &WorkspaceSlug) -> bool {
        let covers = |workspaces: &BTreeSet<WorkspaceSlug>| workspaces.is_empty() || workspaces.contains(slug);
        let mut covering = self.group.profiles.iter().filter(|(_, watched)| covers(&watched.workspaces));
        covering.all(|(profile, _)| self.set(profile).is_some_and(|set| !set.unread.contains_key(slug)))
    }
}

/// Compares the namespaces that were not compared yet; returns the profiles that are to be asked once more.
pub(in super::super) fn compare<'s>(
    memory: &mut GroupMemory,
    sight: &FirstSight<'_>,
    settling: impl Fn(&ProfileName) -> Option<Settling<'s>>,
) -> BTreeSet<ProfileName> {
    let mut to_confirm = BTreeSet::new();
    let new = memory.profiles.iter().flat_map(|(profile, known)| {
        let namespaces = known.namespaces.iter().filter(|(_, namespace)| !namespace.is_compared);
        namespaces.map(move |(slug, _)| (slug.clone(), profile.clone()))
    });
    let new: Vec<(WorkspaceSlug, ProfileName)> =
        new.filter(|(slug, profile)| sight.is_member(profile, slug) && sight.is_known(slug)).collect();
    let Some(walk) = sight.evidence.assets.as_ref().filter(|known| !new.is_empty() && known.is_fresh(sight.at)) else {
        return to_confirm;
    };
    let mut unmatched = unmatched(memory, sight, &walk.value);
    for (slug, profile) in new {
        // Where several profiles see it, the first stands for all.
        let absent = unmatched.remove(&slug.as_str().to_lowercase()).unwrap_or_default();
        let known = memory.profiles.get_mut(&profile).and_then(|known| known.namespaces.get_mut(&slug));
        let (Some(namespace), Some(settling), Some(own)) = (known, settling(&profile), sight.set(&profile)) else {
            continue;
        };
        namespace.is_compared = true;
        if absent.is_empty() {
            continue;
        }
        let visible = super::sighted(own, &slug, sight.group);
        namespace.sizes.push(WalkedSize { at: sight.at, size: visible + absent.len() });
        for (id, repository) in absent {
            namespace.absent.entry(id).or_insert(repository);
        }
        settling.settle(&slug, namespace, own);
        if namespace.loss.is_some_and(|loss| !loss.is_confirmed) {
            to_confirm.insert(profile);
        }
    }
    to_confirm
}

/// The live assets that no visible repository has, as repositories that are seen no more; by namespace.
fn unmatched(
    memory: &GroupMemory,
    sight: &FirstSight<'_>,
    walk: &AssetWalk,
) -> BTreeMap<String, BTreeMap<RepositoryId, AbsentRepository>> {
    let sets: Vec<&RepositorySet> = sight.group.profiles.keys().filter_map(|profile| sight.set(profile)).collect();
    let matcher = Matcher::new(sight.scm, memory, sets.clone(), walk);
    let visible = sets.iter().flat_map(|set| set.repositories.values());
    let taken: HashSet<&str> =
        visible.filter_map(|repository| Some(matcher.find(repository).live()?.id.as_str())).collect();
    let mut all: BTreeMap<String, BTreeMap<RepositoryId, AbsentRepository>> = BTreeMap::new();
    for asset in walk.live.iter().filter(|asset| is_discovered(asset) && !taken.contains(asset.id.as_str())) {
        let Some(url) = asset.url.as_deref() else { continue };
        let Some(full_name) = name_in_url(sight.scm, url) else { continue };
        let Some((slug, _)) = full_name.split_once('/') else { continue };
        if is_ignored(sight.group, full_name) {
            continue;
        }
        let id = asset.scm_id.clone().unwrap_or_else(|| made_up_id(url));
        let absent = AbsentRepository {
            full_name: full_name.to_owned(),
            project: None,
            left_at: sight.at,
            administered: false,
            fate: None,
            settlement: Settlement::Removed,
            rule: None,
            by_asset: true,
        };
        all.entry(slug.to_lowercase()).or_default().insert(id, absent);
    }
    all
}
