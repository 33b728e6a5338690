//! What became of each repository that is seen no more.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::decisions::{Decisions, Item, Verdict};
use crate::domain::evidence::EvidenceBook;
use crate::domain::facts::{RepositoryFate, RepositorySet};
use crate::domain::fleet::{Thresholds, WatchedGroup};
use crate::domain::incident::Rule;
use crate::domain::loss::{AbsentRepository, Loss, LossRule, NamespaceMemory, Settlement, is_made_up};
use crate::domain::names::{IntegrationName, ProfileName, RepositoryId, WorkspaceSlug};
use crate::health::eligibility::is_ignored;

/// So many of the missing, asked by id, prove by 404 that all of them are deleted, where the account sees all.
const PROVED_BY: usize = 3;
/// What leaves within this time of planned ones leaves beside the plan.
const BESIDE_PLAN: TimeDelta = TimeDelta::hours(1);

/// What repositories are settled by.
#[derive(Clone, Copy)]
pub(in super::super) struct Settling<'a> {
    pub(in super::super) evidence: &'a EvidenceBook,
    pub(in super::super) decisions: &'a Decisions,
    pub(in super::super) integration: &'a IntegrationName,
    pub(in super::super) profile: &'a ProfileName,
    pub(in super::super) group: &'a WatchedGroup,
    pub(in super::super) thresholds: &'a Thresholds,
    pub(in super::super) now: DateTime<Utc>,
}

/// Where a repository is seen now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Returned,
    Elsewhere,
    /// Where it was, by another credential.
    HereByAnother,
    Nowhere,
}

/// The repositories of one namespace as the account sees them now.
struct Here<'a> {
    slug: &'a WorkspaceSlug,
    own: &'a RepositorySet,
    names: BTreeSet<String>,
    projects: BTreeSet<&'a str>,
}

impl<'a> Here<'a> {
    fn new(slug: &'a WorkspaceSlug, own: &'a RepositorySet, group: &WatchedGroup) -> Self {
        let of_slug = || own.repositories.values().filter(|repository| repository.workspace == *slug);
        let here = || of_slug().filter(|repository| !is_ignored(group, &repository.full_name));
        Self {
            slug,
            own,
            names: here().map(|repository| repository.full_name.to_lowercase()).collect(),
            projects: here().filter_map(|repository| repository.project.as_deref()).collect(),
        }
    }

    fn has_name(&self, absent: &AbsentRepository) -> bool {
        self.names.contains(&absent.full_name.to_lowercase())
    }
}

impl Settling<'_> {
    /// Settles what `namespace` has lost, beside the repositories that its account sees now.
    pub(in super::super) fn settle(&self, slug: &WorkspaceSlug, namespace: &mut NamespaceMemory, own: &RepositorySet) {
        if namespace.absent.is_empty() {
            return;
        }
        let here = Here::new(slug, own, self.group);
        let seen_by_others = self.settle_each(&here, namespace);
        self.find_losses(&here, namespace);
        self.sum_up(&here, namespace, seen_by_others);
        let is_recent = |at: DateTime<Utc>| self.now - at <= self.thresholds.loss_window;
        namespace.absent.retain(|_, absent| {
            matches!(absent.settlement, Settlement::RightLost | Settlement::NotJudged) || is_recent(absent.left_at)
        });
    }

    fn place(&self, here: &Here<'_>, id: &RepositoryId, absent: &AbsentRepository) -> Place {
        if let Some(repository) = here.own.repositories.get(id) {
            return if repository.workspace == *here.slug { Place::Returned } else { Place::Elsewhere };
        }
        if is_made_up(id) {
            return if here.has_name(absent) { Place::Returned } else { Place::Nowhere };
        }
        let groups = self.evidence.groups.iter();
        let others =
            groups.flat_map(|(name, group)| group.profiles.iter().map(move |(profile, book)| (name, profile, book)));
        let others = others.filter(|(name, profile, _)| (*name, *profile) != (self.integration, self.profile));
        let mut place = Place::Nowhere;
        for (_, _, book) in others {
            // What was seen before it left is no sight of it now.
            let Some(known) = book.repositories.as_ref().filter(|known| known.observed_at >= absent.left_at) else {
                continue;
            };
            match known.value.repositories.get(id) {
                Some(seen) if !seen.full_name.eq_ignore_ascii_case(&absent.full_name) => return Place::Elsewhere,
                Some(_) => place = Place::HereByAnother,
                None => {}
            }
        }
        place
    }

    /// Settles each by what is seen of it, or said; returns how many another credential sees where they were.
    fn settle_each(&self, here: &Here<'_>, namespace: &mut NamespaceMemory) -> usize {
        let proved_gone = proves_deletion(namespace);
        let accepted_at = |item: &Item| self.decisions.accepted_at(&[Rule::RepositoriesVanished], item);
        let mut returned = BTreeSet::new();
        let (mut settled, mut seen_by_others) = (0, 0);
        namespace.absent.retain(|id, absent| {
            let is_final = matches!(
                absent.settlement,
                Settlement::Moved
                    | Settlement::MadeAnew
                    | Settlement::Gone
                    | Settlement::Planned
                    | Settlement::NotJudged
            );
            let place = self.place(here, id, absent);
            if place == Place::Returned && absent.settlement != Settlement::NotJudged {
                returned.extend(absent.project.clone());
                return false;
            }
            if is_final {
                return true;
            }
            if is_ignored(self.group, &absent.full_name) {
                return false;
            }
            let was_lost = absent.is_right_lost();
            let item = Item::Repository(self.integration.clone(), id.clone());
            let elsewhere = match &absent.fate {
                Some(RepositoryFate::There { full_name }) => !full_name.eq_ignore_ascii_case(&absent.full_name),
                _ => place == Place::Elsewhere,
            };
            let settlement = if elsewhere || place == Place::Elsewhere {
                Settlement::Moved
            } else if here.has_name(absent) {
                Settlement::MadeAnew
            } else if self.decisions.plan_of_repository(self.integration, id, absent.left_at).is_some() {
                Settlement::Planned
            } else if accepted_at(&item).is_some_and(|at| absent.is_answered(at)) {
                Settlement::Accepted
            } else if proved_gone
                && absent.administered
                && absent.fate.as_ref().is_none_or(|fate| *fate == RepositoryFate::NotFound)
            {
                Settlement::Gone
            } else if place == Place::HereByAnother {
                seen_by_others += 1;
                absent.rule = Some(LossRule::OtherCredential);
                Settlement::RightLost
            } else if was_lost {
                Settlement::RightLost
            } else {
                Settlement::Removed
            };
            absent.settlement = settlement;
            if settlement != Settlement::RightLost {
                absent.rule = None;
                settled += usize::from(was_lost && settlement != Settlement::Removed);
            }
            true
        });
        // A project of which something returned is not gone as a whole.
        for absent in namespace.absent.values_mut() {
            let of_project = absent.project.as_ref().is_some_and(|project| returned.contains(project));
            if of_project && absent.rule == Some(LossRule::Project) {
                (absent.settlement, absent.rule) = (Settlement::Removed, None);
            }
        }
        if let Some(loss) = &mut namespace.loss {
            loss.reference = loss.reference.saturating_sub(settled);
        }
        seen_by_others
    }

    /// Finds those that are too many to be merely removed.
    fn find_losses(&self, here: &Here<'_>, namespace: &mut NamespaceMemory) {
        let counts = |absent: &AbsentRepository| {
            let is_recent = self.now - absent.left_at <= self.thresholds.loss_window;
            absent.is_right_lost() || (absent.settlement == Settlement::Removed && is_recent)
        };
        let counted = namespace.absent.values().filter(|absent| counts(absent)).count();
        let reference = self.reference(here, namespace, counted);
        let by_share = self.is_large(counted, reference);
        let projects = lost_projects(here, namespace, counts);
        let beside_plan = beside_plan(namespace, counts);
        let is_beside_plan = beside_plan.len() >= self.thresholds.right_lost_at_least;
        for (id, absent) in namespace.absent.iter_mut().filter(|(_, absent)| counts(absent)) {
            let by_project = || absent.project.as_ref().is_some_and(|project| projects.contains(project));
            let rule = match absent.rule {
                Some(rule @ (LossRule::OtherCredential | LossRule::Project)) => Some(rule),
                _ if by_share => Some(LossRule::Share),
                _ if by_project() => Some(LossRule::Project),
                _ if is_beside_plan && beside_plan.contains(id) => Some(LossRule::BesidePlan),
                _ => None,
            };
            absent.rule = rule;
            absent.settlement = if rule.is_some() { Settlement::RightLost } else { Settlement::Removed };
        }
        if let Some(loss) = &mut namespace.loss {
            loss.reference = reference;
        } else {
            let since = namespace.right_lost().map(|(_, absent)| absent.left_at).min();
            namespace.loss =
                since.map(|since| Loss { since, reference, is_confirmed: false, is_proved: false, is_rejected: false });
        }
    }

    fn is_large(&self, lost: usize, reference: usize) -> bool {
        let is_share = lost as f64 >= self.thresholds.right_lost_share * reference as f64;
        lost > 0 && (lost >= reference || (is_share && lost >= self.thresholds.right_lost_at_least))
    }

    /// The largest set of the last days, without what is settled otherwise. While a loss is open it stays what it was.
    fn reference(&self, here: &Here<'_>, namespace: &NamespaceMemory, counted: usize) -> usize {
        if let Some(loss) = &namespace.loss {
            return loss.reference;
        }
        let is_recent = |at: DateTime<Utc>| self.now - at <= self.thresholds.loss_window;
        let settled_after = |at: DateTime<Utc>| {
            let settled = namespace.absent.values().filter(|absent| !absent.is_open() && absent.left_at >= at);
            settled.count()
        };
        let sizes = namespace.sizes.iter().filter(|walked| is_recent(walked.at));
        let largest = sizes.map(|walked| walked.size.saturating_sub(settled_after(walked.at))).max();
        // At first sight no walk had what is missing.
        largest.unwrap_or_default().max(here.names.len()).max(counted)
    }

    /// Ends the loss that is over, and notes what is known of one that is not.
    fn sum_up(&self, here: &Here<'_>, namespace: &mut NamespaceMemory, seen_by_others: usize) {
        let lost = namespace.lost();
        if lost == 0 {
            namespace.loss = None;
            return;
        }
        let is_rejected = namespace.right_lost().any(|(id, absent)| {
            let item = Item::Repository(self.integration.clone(), id.clone());
            let answer = self.decisions.last_answer(&item).filter(|answer| absent.is_answered(answer.at));
            answer.is_some_and(|answer| answer.verdict == Verdict::Rejected)
        });
        if let Some(loss) = &mut namespace.loss {
            loss.is_rejected = is_rejected;
            loss.is_proved = here.names.is_empty() && seen_by_others == lost;
        }
    }
}

/// Whether so many of the missing answered 404 that all are deleted: an administrator sees everything.
fn proves_deletion(namespace: &NamespaceMemory) -> bool {
    let missing = || namespace.absent.values().filter(|absent| absent.is_open() && absent.administered);
    let not_found = missing().filter(|absent| absent.fate == Some(RepositoryFate::NotFound)).count();
    not_found > 0 && not_found >= PROVED_BY.min(missing().count())
}

/// Projects of which all is gone while another is whole.
fn lost_projects(
    here: &Here<'_>,
    namespace: &NamespaceMemory,
    counts: impl Fn(&AbsentRepository) -> bool,
) -> BTreeSet<String> {
    let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
    for project in
        namespace.absent.values().filter(|absent| counts(absent)).filter_map(|absent| absent.project.as_deref())
    {
        *missing.entry(project).or_default() += 1;
    }
    let another_is_whole = here.projects.iter().any(|project| !missing.contains_key(project));
    let is_lost = |(project, count): &(&str, usize)| *count >= PROVED_BY && !here.projects.contains(project);
    let lost = missing.into_iter().filter(is_lost).map(|(project, _)| project.to_owned());
    if another_is_whole { lost.collect() } else { BTreeSet::new() }
}

/// Those that left in the hour in which some left by plan, and those that did so earlier.
fn beside_plan(namespace: &NamespaceMemory, counts: impl Fn(&AbsentRepository) -> bool) -> BTreeSet<RepositoryId> {
    let planned = namespace.absent.values().filter(|absent| absent.settlement == Settlement::Planned);
    let planned: BTreeSet<DateTime<Utc>> = planned.map(|absent| absent.left_at).collect();
    let is_near = |at: DateTime<Utc>| planned.iter().any(|planned| (at - *planned).abs() <= BESIDE_PLAN);
    let is_beside = |absent: &AbsentRepository| absent.rule == Some(LossRule::BesidePlan) || is_near(absent.left_at);
    let beside = namespace.absent.iter().filter(|(_, absent)| counts(absent) && is_beside(absent));
    beside.map(|(id, _)| id.clone()).collect()
}
