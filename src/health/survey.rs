//! One look at a Group's Inventory beside the SCM's repositories: who is found, missing, removed, ignored, late.
//!
//! Everything is measured to the time of the asset walk, so that a walk that fails to come changes nothing by itself.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::facts::{Asset, AssetWalk, RemovalReason, RemovedAsset, Repository, RepositorySet};
use crate::domain::fleet::{Thresholds, WatchedGroup};
use crate::domain::kinds::Scm;
use crate::domain::state::{GroupMemory, RepositoryAge};

use super::matching::{Match, Matcher, moved_at, repository_url};
use super::words::matches_glob;

/// What a Group's repositories and assets add up to.
#[derive(Debug, Default)]
pub(super) struct Survey<'a> {
    /// Eligible repositories that have an asset.
    pub(super) found: usize,
    /// Eligible repositories without one, with why if Snyk says so.
    pub(super) missing: Vec<(&'a Repository, Option<RemovalReason>)>,
    /// Removed assets whose repository is not visible.
    pub(super) removed: usize,
    /// Repositories that are not judged.
    pub(super) ignored: usize,
    /// By profile, in the order given.
    pub(super) profiles: Vec<ProfileSurvey<'a>>,
}

/// One profile's part.
#[derive(Debug, Default)]
pub(super) struct ProfileSurvey<'a> {
    /// Judged repositories that have an asset, and so could have a canary.
    pub(super) assets: usize,
    /// Those of them with a time on both sides: the others cannot be late.
    pub(super) comparable: usize,
    /// When an asset of the profile last moved.
    pub(super) last_moved_at: Option<DateTime<Utc>>,
    /// Open canaries: how late each is, and since which change.
    pub(super) laggards: Vec<(TimeDelta, DateTime<Utc>, &'a Repository)>,
}

impl Survey<'_> {
    /// Judged repositories.
    pub(super) fn eligible(&self) -> usize {
        self.found + self.missing.len()
    }

    /// `found / eligible`; `None` with nothing eligible.
    pub(super) fn coverage(&self) -> Option<f64> {
        (self.eligible() > 0).then(|| self.found as f64 / self.eligible() as f64)
    }
}

/// What a survey looks at.
#[derive(Clone, Copy)]
pub(super) struct Surveyed<'a> {
    pub(super) scm: Scm,
    pub(super) group: &'a WatchedGroup,
    pub(super) thresholds: &'a Thresholds,
    pub(super) memory: &'a GroupMemory,
    pub(super) walk: &'a AssetWalk,
    /// When the asset walk began.
    pub(super) walked_at: DateTime<Utc>,
}

impl<'a> Surveyed<'a> {
    /// Surveys the repositories of each profile.
    pub(super) fn survey(self, sets: &[Option<&'a RepositorySet>]) -> Survey<'a> {
        let known: Vec<&RepositorySet> = sets.iter().copied().flatten().collect();
        let matcher = Matcher::new(self.scm, self.memory, known.clone(), self.walk);
        let mut survey = Survey { removed: self.removed_for_good(&known), ..Survey::default() };
        for (position, set) in sets.iter().enumerate() {
            let mut profile = ProfileSurvey::default();
            let earlier = sets.get(..position).unwrap_or_default();
            // Both are sorted by id, so one walk beside the other finds every age.
            let mut ages = self.memory.repository_ages.iter().peekable();
            for repository in set.iter().flat_map(|set| set.repositories.values()) {
                let found = matcher.find(repository);
                self.look_at_lag(&mut profile, repository, found);
                let is_counted = earlier.iter().flatten().any(|set| set.repositories.contains_key(&repository.id));
                while ages.next_if(|(id, _)| **id < repository.id).is_some() {}
                let age = ages.next_if(|(id, _)| **id == repository.id).map(|(_, age)| age);
                if !is_counted {
                    self.count(&mut survey, repository, found, age);
                }
            }
            survey.profiles.push(profile);
        }
        survey
    }

    fn look_at_lag(&self, profile: &mut ProfileSurvey<'a>, repository: &'a Repository, found: Match<'_>) {
        let Match::Live(asset) = found else { return };
        let moved_at = moved_at(asset, self.walk);
        profile.last_moved_at = profile.last_moved_at.max(moved_at);
        if !is_judged(self.group, repository, Some(asset)) {
            return;
        }
        profile.assets += 1;
        profile.comparable += usize::from(moved_at.is_some() && repository.updated_at.is_some());
        if let Some(canary) = self.memory.canaries.get(&repository.id) {
            profile.laggards.push((self.walked_at - canary.changed_at, canary.changed_at, repository));
        }
    }

    fn count(
        &self,
        survey: &mut Survey<'a>,
        repository: &'a Repository,
        found: Match<'_>,
        age: Option<&RepositoryAge>,
    ) {
        let asset = match found {
            Match::Live(asset) => Some(asset),
            Match::Removed(_) | Match::Nothing => None,
        };
        let why = match found {
            Match::Removed(removed) => last_reason(removed),
            Match::Live(_) | Match::Nothing => None,
        };
        let is_archived = why == Some(RemovalReason::RepoArchived);
        if is_archived || age.is_some_and(|age| self.is_young(age)) || !is_judged(self.group, repository, asset) {
            survey.ignored += 1;
        } else if asset.is_some() {
            survey.found += 1;
        } else {
            survey.missing.push((repository, why));
        }
    }

    /// First seen or renamed too short a time before the walk to be expected in it.
    fn is_young(&self, age: &RepositoryAge) -> bool {
        self.walked_at - age.seen_at <= self.thresholds.eligible_after
    }

    fn removed_for_good(&self, sets: &[&RepositorySet]) -> usize {
        if self.walk.removed.is_empty() {
            return 0;
        }
        let visible: Vec<&Repository> = sets.iter().flat_map(|set| set.repositories.values()).collect();
        let urls: HashSet<String> =
            visible.iter().map(|repository| repository_url(self.scm, &repository.full_name)).collect();
        let ids: HashSet<&str> = visible.iter().map(|repository| repository.id.as_str()).collect();
        let is_visible = |removed: &RemovedAsset| {
            removed.scm_id.as_ref().is_some_and(|id| ids.contains(id.as_str()))
                || removed.url.as_ref().is_some_and(|url| urls.contains(url))
        };
        self.walk.removed.iter().filter(|removed| !is_visible(removed)).count()
    }
}

/// Whether a repository is judged at all: something in it, not ignored by configuration, neither archived nor personal
/// as its asset says.
pub(super) fn is_judged(group: &WatchedGroup, repository: &Repository, asset: Option<&Asset>) -> bool {
    !repository.empty
        && !asset.is_some_and(|asset| asset.archived || asset.personal)
        && !group.ignore.iter().any(|glob| matches_glob(glob, &repository.full_name))
}

/// The latest reason for which Snyk removed an asset.
fn last_reason(removed: &RemovedAsset) -> Option<RemovalReason> {
    removed.reasons.iter().max_by_key(|(_, at)| *at).map(|(reason, _)| *reason)
}

/// Whether the Inventory is incomplete, given whether it was: entered below one coverage, left at a higher one.
pub(super) fn is_incomplete(was_incomplete: bool, found: usize, missing: usize, thresholds: &Thresholds) -> bool {
    let threshold =
        if was_incomplete { thresholds.coverage_complete_from } else { thresholds.coverage_incomplete_below };
    let eligible = found + missing;
    missing >= thresholds.missing_at_least && (found as f64) < threshold * (eligible as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn incompleteness_is_left_at_a_higher_coverage() {
        let thresholds = Thresholds::default();
        let check = |was: bool, found: usize, missing: usize, expected: bool| {
            assert_eq!(is_incomplete(was, found, missing, &thresholds), expected, "{was} {found} {missing}");
        };
        check(false, 95, 5, false);
        check(false, 94, 6, true);
        check(true, 96, 4, true);
        check(true, 97, 3, false);
        check(false, 1, 1, false); // one missing repository is never incomplete
        check(false, 0, 2, true);
        check(false, 0, 0, false);
    }

    proptest! {
        #[test]
        fn hysteresis_against_whole_percents(walks in proptest::collection::vec((0_usize..200, 0_usize..20), 1..30)) {
            let thresholds = Thresholds::default();
            let (mut incomplete, mut model) = (false, false);
            for (found, missing) in walks {
                incomplete = is_incomplete(incomplete, found, missing, &thresholds);
                let all = found + missing;
                model = match model {
                    _ if missing < 2 => false,
                    false => found * 100 < all * 95,
                    true => found * 100 < all * 97,
                };
                prop_assert_eq!(incomplete, model);
                // Asking twice changes nothing.
                prop_assert_eq!(is_incomplete(incomplete, found, missing, &thresholds), incomplete);
            }
        }
    }
}
