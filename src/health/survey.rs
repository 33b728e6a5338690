//! One look at a Group's Inventory beside the SCM's repositories: who is found, missing, removed, ignored, late; in each
//! namespace of each profile.
//!
//! Everything is measured to the time of the asset walk, so that a walk that fails to come changes nothing by itself.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::facts::{AssetWalk, RemovalReason, RemovedAsset, Repository, RepositorySet};
use crate::domain::fleet::{Thresholds, WatchedGroup};
use crate::domain::kinds::Scm;
use crate::domain::loss::NamespaceMemory;
use crate::domain::names::{CredentialName, ProfileName, RepositoryId, WorkspaceSlug};
use crate::domain::state::{AssetMemory, GroupMemory, RepositoryAge};

use super::canary::Late;
use super::eligibility::{Matched, Standing, last_reason, matched};
use super::matching::{Match, Matcher, moved_at, past, repository_url, synced_at};

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
    /// Those of them that moved within `max_lag` of the walk.
    pub(super) moving: usize,
    /// When an asset of the profile last moved; one that another credential sees too proves nothing about this one.
    pub(super) last_moved_at: Option<DateTime<Utc>>,
    /// Open canaries.
    pub(super) laggards: Vec<Laggard<'a>>,
    /// Each namespace that the profile has, or had.
    pub(super) namespaces: BTreeMap<&'a WorkspaceSlug, NamespaceSurvey<'a>>,
}

/// A repository whose change has not arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Laggard<'a> {
    pub(super) late: Late,
    pub(super) changed_at: DateTime<Utc>,
    pub(super) id: &'a RepositoryId,
    pub(super) full_name: &'a str,
}

/// One namespace of a profile.
#[derive(Debug, Default)]
pub(super) struct NamespaceSurvey<'a> {
    /// Repositories that the account sees.
    pub(super) visible: usize,
    /// Those with a live asset, judged or not.
    pub(super) live: usize,
    /// Eligible repositories of whatever age.
    pub(super) eligible: usize,
    /// Eligible ones with a live asset.
    pub(super) found: usize,
    /// Eligible ones without, those excused left out.
    pub(super) missing: Vec<&'a Repository>,
    /// Missing ones of which Snyk tells that it had an asset and removed it.
    pub(super) removed: usize,
    /// Eligible ones without, of which that is not expected yet.
    pub(super) excused: usize,
    /// Visible ones that were eligible and are not, though nobody said so: neither the configuration nor an answer.
    pub(super) no_longer_eligible: usize,
    /// Eligible ones that had a live asset at some time, and those of them that have none.
    pub(super) once_live: usize,
    pub(super) no_longer_live: usize,
    /// Repositories that are lost from sight and have no live asset.
    pub(super) lost_without_asset: usize,
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

/// A profile as it is surveyed.
#[derive(Clone, Copy)]
pub(super) struct ProfileSet<'a> {
    pub(super) name: &'a ProfileName,
    pub(super) credential: &'a CredentialName,
    /// What its account sees; `None`: not known.
    pub(super) set: Option<&'a RepositorySet>,
}

/// What a survey looks at.
#[derive(Clone, Copy)]
pub(super) struct Surveyed<'a, 'd> {
    pub(super) scm: Scm,
    pub(super) group: &'a WatchedGroup,
    pub(super) thresholds: &'a Thresholds,
    pub(super) memory: &'a GroupMemory,
    pub(super) walk: &'a AssetWalk,
    /// When the asset walk began.
    pub(super) walked_at: DateTime<Utc>,
    /// Repositories of which somebody accepted that their asset is gone, and when.
    pub(super) accepted: &'d BTreeMap<&'d RepositoryId, DateTime<Utc>>,
}

impl<'a> Surveyed<'a, '_> {
    /// Surveys the repositories of each profile.
    pub(super) fn survey(self, profiles: &[ProfileSet<'a>]) -> Survey<'a> {
        let known: Vec<&RepositorySet> = profiles.iter().filter_map(|profile| profile.set).collect();
        let matcher = Matcher::new(self.scm, self.memory, known.clone(), self.walk);
        let mut survey = Survey { removed: self.removed_for_good(&known), ..Survey::default() };
        for (position, profile) in profiles.iter().enumerate() {
            let mut part = ProfileSurvey::default();
            let earlier = profiles.get(..position).unwrap_or_default();
            let others: Vec<&RepositorySet> = profiles
                .iter()
                .filter(|other| other.credential != profile.credential)
                .filter_map(|other| other.set)
                .collect();
            // Both are sorted by id, so one walk beside the other finds every age.
            let mut ages = self.memory.repository_ages.iter().peekable();
            let all = profile.set.map(|set| matched(&matcher, self.group, self.thresholds, set)).unwrap_or_default();
            for mut one in all {
                let id = &one.repository.id;
                while ages.next_if(|(known, _)| *known < id).is_some() {}
                let age = ages.next_if(|(known, _)| *known == id).map(|(_, age)| age);
                if self.is_accepted(one, age) {
                    one.standing = Standing::Accepted;
                }
                let is_shared = others.iter().any(|set| set.repositories.contains_key(id));
                self.look_at_lag(&mut part, one, is_shared);
                let is_missing = self.count_in_namespace(&mut part, one, age);
                let is_counted =
                    earlier.iter().filter_map(|profile| profile.set).any(|set| set.repositories.contains_key(id));
                if !is_counted {
                    Self::count(&mut survey, one, is_missing);
                }
            }
            self.look_at_the_lost(&mut part, profile.name, &matcher);
            survey.profiles.push(part);
        }
        survey
    }

    /// Whether somebody accepted this very loss of an asset: one that came back and went again is another.
    fn is_accepted(&self, one: Matched<'_>, age: Option<&RepositoryAge>) -> bool {
        let gone_since = age.and_then(|age| match age.asset {
            AssetMemory::Gone { since } => Some(since),
            AssetMemory::Never | AssetMemory::Live => None,
        });
        let accepted_at = self.accepted.get(&one.repository.id);
        let is_answered = gone_since.zip(accepted_at).is_some_and(|(since, at)| since <= *at);
        is_answered && one.standing == Standing::Eligible && one.found.live().is_none()
    }

    fn look_at_lag(&self, part: &mut ProfileSurvey<'a>, one: Matched<'a>, is_shared: bool) {
        let moved_at = one.found.live().and_then(|asset| moved_at(asset, self.walk, self.walked_at));
        if !is_shared {
            part.last_moved_at = part.last_moved_at.max(moved_at);
        }
        if matches!(one.standing, Standing::Eligible | Standing::Empty) {
            part.laggards.extend(self.laggard(&one.repository.id, &one.repository.full_name));
        }
        let Some(asset) = one.found.live().filter(|_| one.standing == Standing::Eligible) else { return };
        let synced_at = synced_at(asset, self.walked_at);
        part.assets += 1;
        part.comparable +=
            usize::from(synced_at.is_some() && past(one.repository.updated_at, self.walked_at).is_some());
        part.moving += usize::from(moved_at.is_some_and(|at| self.walked_at - at <= self.thresholds.max_lag));
    }

    fn laggard(&self, id: &'a RepositoryId, full_name: &'a str) -> Option<Laggard<'a>> {
        let canary = self.memory.canaries.get(id)?;
        let late = Late { lag: self.walked_at - canary.changed_at, later_days: canary.later_days };
        Some(Laggard { late, changed_at: canary.changed_at, id, full_name })
    }

    /// Returns whether the repository is missing.
    fn count_in_namespace(&self, part: &mut ProfileSurvey<'a>, one: Matched<'a>, age: Option<&RepositoryAge>) -> bool {
        let namespace = part.namespaces.entry(&one.repository.workspace).or_default();
        let is_live = one.found.live().is_some();
        namespace.visible += 1;
        namespace.live += usize::from(is_live);
        if one.standing != Standing::Eligible {
            let is_meant = matches!(one.standing, Standing::Ignored | Standing::Accepted);
            let was_eligible = age.is_some_and(|age| age.was_eligible) && !is_meant;
            namespace.no_longer_eligible += usize::from(was_eligible);
            return false;
        }
        namespace.eligible += 1;
        namespace.found += usize::from(is_live);
        if age.is_some_and(|age| age.asset != AssetMemory::Never) {
            namespace.once_live += 1;
            namespace.no_longer_live += usize::from(!is_live);
        }
        let is_missing = !is_live && !age.is_some_and(|age| self.is_excused(age));
        if is_missing {
            namespace.missing.push(one.repository);
            namespace.removed += usize::from(matches!(one.found, Match::Removed(_)));
        } else {
            namespace.excused += usize::from(!is_live);
        }
        is_missing
    }

    fn count(survey: &mut Survey<'a>, one: Matched<'a>, is_missing: bool) {
        let why = match one.found {
            Match::Removed(removed) => last_reason(removed),
            Match::Live(_) | Match::Nothing => None,
        };
        if is_missing {
            survey.missing.push((one.repository, why));
        } else if one.standing == Standing::Eligible && one.found.live().is_some() {
            survey.found += 1;
        } else {
            survey.ignored += 1;
        }
    }

    /// Until the first fill was complete every repository counts. Afterwards one is excused that came so short a time
    /// before the walk that it is not expected in it.
    fn is_excused(&self, age: &RepositoryAge) -> bool {
        let is_filled = self.memory.first_fill_completed_at.is_some();
        is_filled && self.walked_at - age.seen_at <= self.thresholds.eligible_after
    }

    /// Losing sight of a repository settles nothing about it: what is late stays late, and what is missing missing.
    fn look_at_the_lost(&self, part: &mut ProfileSurvey<'a>, name: &ProfileName, matcher: &Matcher<'a>) {
        let memory = self.memory.profiles.get(name);
        let namespaces = memory.into_iter().flat_map(|memory| &memory.namespaces);
        for (slug, namespace) in namespaces.filter(|(_, namespace)| namespace.loss.is_some()) {
            let survey = part.namespaces.entry(slug).or_default();
            for (id, absent) in NamespaceMemory::right_lost(namespace) {
                survey.lost_without_asset += usize::from(matcher.find_id(id).is_none());
                part.laggards.extend(self.laggard(id, &absent.full_name));
            }
        }
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

/// How many are missing, as far as it bears on coverage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) count: usize,
    /// One of them has been missing for so long that it counts alone.
    pub(super) is_old: bool,
}

/// Whether an Inventory is incomplete, given whether it was: entered below one coverage, by enough or by an old one, and
/// left at a higher coverage only.
pub(super) fn is_incomplete(was_incomplete: bool, found: usize, missing: Missing, thresholds: &Thresholds) -> bool {
    let eligible = (found + missing.count) as f64;
    if was_incomplete {
        return missing.count > 0 && (found as f64) < thresholds.coverage_complete_from * eligible;
    }
    let is_enough = missing.count >= thresholds.missing_at_least || missing.is_old;
    missing.count > 0 && is_enough && (found as f64) < thresholds.coverage_incomplete_below * eligible
}

/// Whether one of the missing counts alone: it has been missing for long, as far as we can have seen.
pub(super) fn has_old(
    missing: &[&Repository],
    first_seen_at: DateTime<Utc>,
    walked_at: DateTime<Utc>,
    after: TimeDelta,
) -> bool {
    let since = |repository: &Repository| repository.created_at.map_or(first_seen_at, |at| at.max(first_seen_at));
    missing.iter().any(|repository| walked_at - since(repository) >= after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn incompleteness_is_left_at_a_higher_coverage() {
        let thresholds = Thresholds::default();
        let check = |was: bool, found: usize, count: usize, is_old: bool, expected: bool| {
            let missing = Missing { count, is_old };
            assert_eq!(is_incomplete(was, found, missing, &thresholds), expected, "{was} {found} {missing:?}");
        };
        check(false, 95, 5, false, false);
        check(false, 94, 6, false, true);
        check(true, 96, 4, false, true);
        check(true, 97, 3, false, false);
        check(false, 1, 1, false, false); // one that is missing for a moment
        check(false, 1, 1, true, true); // and one that is missing for a week
        check(false, 39, 1, true, false);
        check(true, 19, 1, false, true);
        check(false, 0, 2, false, true);
        check(true, 2, 0, false, false);
        check(false, 0, 0, false, false);
    }

    proptest! {
        #[test]
        fn hysteresis_against_whole_percents(
            walks in proptest::collection::vec((0_usize..200, 0_usize..20, any::<bool>()), 1..30),
        ) {
            let thresholds = Thresholds::default();
            let (mut incomplete, mut model) = (false, false);
            for (found, count, is_old) in walks {
                let missing = Missing { count, is_old };
                incomplete = is_incomplete(incomplete, found, missing, &thresholds);
                let all = found + count;
                model = match model {
                    _ if count == 0 => false,
                    false => (count >= 2 || is_old) && found * 100 < all * 95,
                    true => found * 100 < all * 97,
                };
                prop_assert_eq!(incomplete, model);
                // Asking twice changes nothing.
                prop_assert_eq!(is_incomplete(incomplete, found, missing, &thresholds), incomplete);
            }
        }
    }
}
