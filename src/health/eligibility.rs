//! Which repositories are judged: something is in them, the configuration does not ignore them, and they are neither
//! personal nor archived.
//!
//! Bitbucket has no archived repositories, so that only Snyk's asset can say it. That is believed of a few: when a fifth
//! of a namespace is said to be archived, it is not the repositories that changed. So it is with those that were eligible
//! before and are said to be empty or personal now: what was so from the first day is believed of all.

use std::collections::BTreeMap;

use crate::domain::facts::{RemovalReason, RemovedAsset, Repository, RepositorySet};
use crate::domain::fleet::{Thresholds, WatchedGroup};
use crate::domain::names::WorkspaceSlug;

use super::matching::{Match, Matcher};
use super::words::matches_glob;

/// Whether a repository is judged, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Eligible,
    Empty,
    Ignored,
    Personal,
    /// As its asset says, and that is believed.
    Archived,
    /// Somebody accepted that its asset is gone.
    Accepted,
}

/// A repository with what the Inventory knows of it.
#[derive(Clone, Copy)]
pub(super) struct Matched<'a> {
    pub(super) repository: &'a Repository,
    pub(super) found: Match<'a>,
    pub(super) standing: Standing,
}

/// Whether the configuration ignores a repository.
pub(super) fn is_ignored(group: &WatchedGroup, full_name: &str) -> bool {
    group.ignore.iter().any(|glob| matches_glob(glob, full_name))
}

/// Every repository of a set with what the Inventory knows of it.
pub(super) fn matched<'a>(
    matcher: &Matcher<'a>,
    group: &WatchedGroup,
    thresholds: &Thresholds,
    set: &'a RepositorySet,
) -> Vec<Matched<'a>> {
    let all = set.repositories.values().map(|repository| {
        let found = matcher.find(repository);
        Matched { repository, found, standing: standing(group, repository, found) }
    });
    let mut all: Vec<Matched<'a>> = all.collect();
    let mut eligible: BTreeMap<&WorkspaceSlug, usize> = BTreeMap::new();
    let mut doubtful: BTreeMap<(&WorkspaceSlug, Standing), usize> = BTreeMap::new();
    for one in &all {
        if one.standing == Standing::Eligible {
            *eligible.entry(&one.repository.workspace).or_default() += 1;
        } else if is_doubtful(matcher, one) {
            *doubtful.entry((&one.repository.workspace, one.standing)).or_default() += 1;
        }
    }
    let is_believed = |one: &Matched<'_>| {
        let slug = &one.repository.workspace;
        let some = doubtful.get(&(slug, one.standing)).copied().unwrap_or_default();
        let of = some + eligible.get(slug).copied().unwrap_or_default();
        some <= 1 || some as f64 <= thresholds.archived_share * of as f64
    };
    for one in &mut all {
        if is_doubtful(matcher, one) && !is_believed(one) {
            one.standing = Standing::Eligible;
        }
    }
    all
}

/// Whether what makes a repository ineligible is believed of a few only.
fn is_doubtful(matcher: &Matcher<'_>, one: &Matched<'_>) -> bool {
    match one.standing {
        Standing::Archived => true,
        Standing::Empty | Standing::Personal => matcher.was_eligible(&one.repository.id),
        Standing::Eligible | Standing::Ignored | Standing::Accepted => false,
    }
}

fn standing(group: &WatchedGroup, repository: &Repository, found: Match<'_>) -> Standing {
    let (archived, personal) = match found {
        Match::Live(asset) => (asset.archived, asset.personal),
        Match::Removed(removed) => (last_reason(removed) == Some(RemovalReason::RepoArchived), false),
        Match::Nothing => (false, false),
    };
    if repository.empty {
        Standing::Empty
    } else if is_ignored(group, &repository.full_name) {
        Standing::Ignored
    } else if personal {
        Standing::Personal
    } else if archived {
        Standing::Archived
    } else {
        Standing::Eligible
    }
}

/// The latest reason for which Snyk removed an asset.
pub(super) fn last_reason(removed: &RemovedAsset) -> Option<RemovalReason> {
    removed.reasons.iter().max_by_key(|(_, at)| *at).map(|(reason, _)| *reason)
}
