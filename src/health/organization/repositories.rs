//! What the Git host and the Inventory of the same configuration key say of an imported repository: gone or archived.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::domain::evidence::{GroupEvidence, ProfileEvidence, fresh};
use crate::domain::facts::{RemovalReason, Target, WorkspaceFact};
use crate::domain::kinds::Scm;
use crate::domain::names::WorkspaceSlug;

use super::super::matching::repository_url;

/// Why an imported repository is not tested any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::health) enum Departed {
    /// It is no longer there.
    Gone,
    /// It is archived.
    Archived,
}

/// Which of `targets` departed, by id. What nobody can tell is not there.
pub(in crate::health) fn departed<'t>(
    targets: &[&'t Target],
    group: Option<&GroupEvidence>,
    scm: Scm,
    now: DateTime<Utc>,
) -> BTreeMap<&'t str, Departed> {
    let Some(group) = group.filter(|_| !targets.is_empty()) else { return BTreeMap::new() };
    let url_of = |target: &Target| target.url.clone().unwrap_or_else(|| repository_url(scm, &target.name));
    let mut wanted: BTreeMap<String, Vec<&'t str>> = BTreeMap::new();
    for target in targets {
        wanted.entry(url_of(target)).or_default().push(&target.id);
    }
    let mut found: BTreeMap<String, Departed> = BTreeMap::new();
    if let Some(walk) = fresh(&group.assets, now) {
        for removed in &walk.value.removed {
            let Some(url) = removed.url.as_ref().filter(|url| wanted.contains_key(*url)) else { continue };
            let has = |reason| removed.reasons.iter().any(|(of, _)| *of == reason);
            if has(RemovalReason::RepoDeleted) {
                found.insert(url.clone(), Departed::Gone);
            } else if has(RemovalReason::RepoArchived) {
                found.insert(url.clone(), Departed::Archived);
            }
        }
        for live in &walk.value.live {
            let Some(url) = live.url.as_ref().filter(|url| wanted.contains_key(*url)) else { continue };
            if live.archived {
                found.insert(url.clone(), Departed::Archived);
            } else {
                found.remove(url);
            }
        }
    }
    for profile in group.profiles.values() {
        for url in not_there(profile, scm, now, &wanted) {
            found.entry(url).or_insert(Departed::Gone);
        }
    }
    found.iter().flat_map(|(url, fate)| wanted.get(url).into_iter().flatten().map(move |id| (*id, *fate))).collect()
}

/// Addresses that an administrator of their workspace, who sees all of it, does not see.
fn not_there(
    profile: &ProfileEvidence,
    scm: Scm,
    now: DateTime<Utc>,
    wanted: &BTreeMap<String, Vec<&str>>,
) -> BTreeSet<String> {
    let (Some(workspaces), Some(set)) = (fresh(&profile.workspaces, now), fresh(&profile.repositories, now)) else {
        return BTreeSet::new();
    };
    let administered = workspaces
        .value
        .iter()
        .filter(|(_, fact)| matches!(fact, WorkspaceFact::Member { administrator: Some(true), .. }));
    let prefixes: Vec<String> =
        administered.map(|(slug, _): (&WorkspaceSlug, _)| repository_url(scm, &format!("{slug}/"))).collect();
    let is_administered = |url: &&String| prefixes.iter().any(|prefix| url.starts_with(prefix.as_str()));
    let mut missing: BTreeSet<String> = wanted.keys().filter(is_administered).cloned().collect();
    if !missing.is_empty() {
        for repository in set.value.repositories.values() {
            missing.remove(&repository_url(scm, &repository.full_name));
        }
    }
    missing
}
