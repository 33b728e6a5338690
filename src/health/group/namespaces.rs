//! `RepositoriesVisible`: in each namespace the account is a member, and sees what it saw before.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::condition::Reason;
use crate::domain::evidence::{Evidence, Part};
use crate::domain::facts::{Unread, WorkspaceFact};
use crate::domain::kinds::{Confidence, Truth};
use crate::domain::loss::{Loss, NamespaceMemory, Settlement};
use crate::domain::names::{ProfileName, WorkspaceSlug};

use super::super::eligibility::is_ignored;
use super::super::status::Signal;
use super::super::survey::{NamespaceSurvey, ProfileSurvey};
use super::super::verdict::{Basis, Gap, Proven, Verdict, read, slot};
use super::super::words::{count, listed, moment, repositories};
use super::{GroupCase, Looked, NamespaceVerdicts, ProfileVerdicts, over_profiles};

/// What the account is to the namespaces of a profile.
type Facts = Evidence<BTreeMap<WorkspaceSlug, WorkspaceFact>>;

impl<'a> GroupCase<'a> {
    /// The verdicts on each namespace of a profile: those that are configured, or else each of which the account is or
    /// ever was a member.
    pub(super) fn judge_namespaces(
        &self,
        name: &ProfileName,
        looked: &Result<Looked<'a>, Gap>,
        survey: Option<&ProfileSurvey<'a>>,
    ) -> Vec<NamespaceVerdicts> {
        let Some(watched) = self.group.profiles.get(name) else { return Vec::new() };
        let book = self.profile_evidence(name);
        let facts = read(&slot(book, Part::Workspaces, |book| &book.workspaces), self.now);
        let remembered = self.memory.profiles.get(name).map(|memory| &memory.namespaces);
        let slugs: BTreeSet<&WorkspaceSlug> = if watched.workspaces.is_empty() {
            let listed = facts.as_ref().ok().into_iter().flat_map(|facts| facts.value.keys());
            listed.chain(remembered.into_iter().flat_map(BTreeMap::keys)).collect()
        } else {
            watched.workspaces.iter().collect()
        };
        let many = slugs.len() > 1 || self.claims.len() > 1;
        let nothing = NamespaceMemory::default();
        let empty = NamespaceSurvey::default();
        let first_seen = remembered.into_iter().flat_map(BTreeMap::values).map(|one| one.first_seen_at).min();
        let one = |slug: &&WorkspaceSlug| {
            let memory = remembered.and_then(|remembered| remembered.get(*slug)).unwrap_or(&nothing);
            let here = survey.map(|survey| survey.namespaces.get(*slug).unwrap_or(&empty));
            let named = |verdict| if many { named(verdict, slug) } else { verdict };
            let visible = self.namespace_visible(name, slug, facts.as_ref(), memory, looked, here);
            let is_further = first_seen.is_some_and(|first| memory.first_seen_at > first);
            let judged = self.judge_inventory(name, looked, here, memory, &visible, is_further && has_live(survey));
            NamespaceVerdicts {
                slug: (*slug).clone(),
                visible: named(visible),
                populated: judged.populated.map(named),
                complete: judged.complete.map(named),
                remembered: judged.remembered,
            }
        };
        slugs.iter().map(one).collect()
    }

    fn namespace_visible(
        &self,
        profile: &ProfileName,
        slug: &WorkspaceSlug,
        facts: Result<&&'a Facts, &Gap>,
        memory: &NamespaceMemory,
        looked: &Result<Looked<'a>, Gap>,
        survey: Option<&NamespaceSurvey<'a>>,
    ) -> Verdict {
        let facts = match facts {
            Ok(facts) => facts,
            Err(gap) => return gap.verdict(&format!("the workspaces of profile {profile}")),
        };
        let basis = Basis::of(facts);
        let fails = |reason, message| Verdict::fails(reason, message, basis);
        let is_confirming = self.memory.profiles.get(profile).is_some_and(|memory| memory.doubted_at.is_some());
        let mut verdict = match facts.value.get(slug) {
            Some(WorkspaceFact::Renamed { to }) => Verdict::unknown(
                Reason::NamespaceRenamed,
                format!("workspace {slug} is called {to} now: the configuration is out of date"),
            ),
            None | Some(WorkspaceFact::NotMember) => {
                fails(Reason::NotAMember, format!("the account behind the PAT is not a member of workspace {slug}"))
            }
            Some(WorkspaceFact::NotFound) => fails(
                Reason::NamespaceNotVisible,
                format!(
                    "workspace {slug} does not answer: the account behind the PAT lost its membership, or the workspace \
                     was deleted"
                ),
            ),
            Some(WorkspaceFact::ShutOut { why }) => fails(
                Reason::ShutOut,
                format!("the account is a member of workspace {slug} and is shut out of it: {why}"),
            ),
            Some(WorkspaceFact::Contradicted) => Verdict::unknown(
                Reason::Contradicted,
                format!("workspace {slug} is listed for the account and answers that it is not there"),
            ),
            Some(WorkspaceFact::Untold { reason: reason @ Reason::MembershipNotProved, why }) => Verdict::unknown(
                *reason,
                format!(
                    "nothing proves that the account behind the PAT is a member of workspace {slug}: it sees no more than \
                     strangers do, and its memberships cannot be listed: {why}"
                ),
            ),
            Some(WorkspaceFact::Untold { reason, why }) => Verdict::unknown(*reason, why.clone()),
            Some(WorkspaceFact::Member { .. }) => self.member_sees(profile, slug, basis, memory, looked, survey),
        };
        verdict.confirming = is_confirming || memory.doubt.is_some();
        verdict
    }

    /// What the account sees in a namespace of which it is a member.
    fn member_sees(
        &self,
        profile: &ProfileName,
        slug: &WorkspaceSlug,
        basis: Basis,
        memory: &NamespaceMemory,
        looked: &Result<Looked<'a>, Gap>,
        survey: Option<&NamespaceSurvey<'a>>,
    ) -> Verdict {
        let known = match self.repositories(profile) {
            Ok(known) => known,
            Err(gap) => return gap.verdict(&format!("the repositories of profile {profile}")),
        };
        if let Some(unread) = known.value.unread_at(slug, known.max_age, self.now) {
            return of_unread(unread);
        }
        let basis = basis.and(Basis::of_namespace(known, slug));
        let here = || known.value.repositories.values().filter(|repository| repository.workspace == *slug);
        let visible = here().count();
        if let Some(loss) = &memory.loss {
            return Self::lost(slug, loss, memory, visible, basis);
        }
        if memory.absent.values().any(|absent| absent.settlement == Settlement::NotJudged) {
            let message =
                format!("the account is a member of workspace {slug} again; what it sees of it is not known yet");
            return Verdict::unknown(Reason::NotObserved, message);
        }
        let judged = here().filter(|repository| !repository.empty && !is_ignored(self.group, &repository.full_name));
        let seen = Proven::counted(basis, visible, visible);
        let is_seen = |proven| Verdict::holds(Reason::Ok, format!("the PAT sees {}", repositories(visible)), proven);
        match (survey, seen) {
            (Some(survey), Some(proven)) if survey.eligible > 0 || survey.no_longer_eligible > 0 => is_seen(proven),
            (None, Some(proven)) if judged.count() > 0 => is_seen(proven),
            (None, _) => {
                let what = "the PAT sees no repository to discover; whether the Inventory has any";
                looked
                    .as_ref()
                    .err()
                    .map_or_else(|| Verdict::unknown(Reason::NotObserved, what), |gap| gap.verdict(what))
            }
            // At first sight what the Inventory has stands for what was there before.
            (Some(_), _) if !memory.is_compared => Verdict::unknown(
                Reason::NotObserved,
                "the PAT sees no repository to discover; whether there was any is not known yet",
            ),
            (Some(_), _) => {
                let message = match visible {
                    0 => "no repository is visible, and none is missing".to_owned(),
                    _ => format!("nothing to discover: {} not judged", repositories(visible)),
                };
                Verdict::unknown(Reason::NothingToDiscover, message)
            }
        }
    }

    /// The verdict while repositories are missing and nothing settles why.
    fn lost(slug: &WorkspaceSlug, loss: &Loss, memory: &NamespaceMemory, visible: usize, basis: Basis) -> Verdict {
        let names: Vec<&str> = memory.right_lost().map(|(_, absent)| absent.full_name.as_str()).collect();
        let many = names.len();
        let of = repositories(loss.reference);
        let list = listed(&names);
        if loss.is_proved {
            let message = format!(
                "the PAT sees none of the {of} of workspace {slug}; another credential still sees them: {list}"
            );
            return Verdict::fails(Reason::RepositoriesVanished, message, basis);
        }
        let is_half = many * 2 >= loss.reference;
        let message = format!("{many} of {of} of workspace {slug} are seen no more, and nothing tells why: {list}");
        if is_half && loss.is_rejected {
            return Verdict::fails(Reason::RepositoriesVanished, message, basis);
        }
        let mut verdict = match Proven::counted(basis, visible, loss.reference) {
            Some(proven) if !is_half => {
                let message = format!(
                    "the PAT sees {}; {} to be explained: {list}",
                    repositories(visible),
                    count(many, "repository", "repositories")
                );
                Verdict::holds(Reason::RepositoriesVanished, message, proven).with_confidence(Confidence::Weak)
            }
            _ => Verdict::unknown(Reason::RepositoriesVanished, message),
        };
        verdict.confirming = !loss.is_confirmed;
        verdict
    }

    /// The verdict on a profile, and on the namespace in which it is false where it is not in all. One that has nothing
    /// to discover takes no part beside others.
    pub(super) fn profile_visible(
        &self,
        name: &ProfileName,
        namespaces: &[NamespaceVerdicts],
    ) -> (Verdict, Option<Verdict>) {
        let taking_part = || namespaces.iter().map(|one| &one.visible).filter(|one| one.signal() != Signal::Nothing);
        let is_false = |verdict: &&Verdict| verdict.truth == Truth::False;
        let hidden = taking_part().find(is_false);
        if taking_part().all(|verdict| is_false(&verdict)) {
            if let Some(verdict) = hidden {
                return (verdict.clone(), None);
            }
            let all: Vec<&Verdict> = namespaces.iter().map(|one| &one.visible).collect();
            return (Verdict::all_of(all.into_iter()).unwrap_or_else(|| self.without_namespace(name)), None);
        }
        let others: Vec<&Verdict> = taking_part().filter(|verdict| !is_false(verdict)).collect();
        let verdict = Verdict::all_of(others.into_iter()).unwrap_or_else(|| self.without_namespace(name));
        (verdict, hidden.cloned())
    }

    /// A profile without a namespace: none is configured, and the account is a member of none, or that is not known.
    fn without_namespace(&self, name: &ProfileName) -> Verdict {
        let book = self.profile_evidence(name);
        let mut verdict = match read(&slot(book, Part::Workspaces, |book| &book.workspaces), self.now) {
            Err(gap) => gap.verdict(&format!("the workspaces of profile {name}")),
            Ok(facts) => {
                let message = "the account behind the PAT is not a member of any workspace";
                Verdict::fails(Reason::NotAMember, message, Basis::of(facts))
            }
        };
        verdict.confirming = self.memory.profiles.get(name).is_some_and(|memory| memory.doubted_at.is_some());
        verdict
    }

    /// `RepositoriesVisible` of the whole: the worst namespace, those with nothing to discover left out beside others.
    pub(super) fn visible(
        namespaces: &[(ProfileName, Vec<NamespaceVerdicts>)],
        profiles: &[ProfileVerdicts],
    ) -> Verdict {
        let without = namespaces.iter().zip(profiles).filter(|((_, namespaces), _)| namespaces.is_empty());
        let without = without.map(|(_, profile)| &profile.repositories_visible);
        let all = namespaces.iter().flat_map(|(_, namespaces)| namespaces).map(|one| &one.visible).chain(without);
        let all: Vec<&Verdict> = all.collect();
        let taking_part: Vec<&Verdict> =
            all.iter().copied().filter(|verdict| verdict.signal() != Signal::Nothing).collect();
        over_profiles(if taking_part.is_empty() { all } else { taking_part }.into_iter())
    }
}

/// The verdict on a namespace that could not be read while others could, and of which nothing fresh is known.
fn of_unread(unread: &Unread) -> Verdict {
    let last = unread.read_at.map(|at| format!("; last read {}", moment(at))).unwrap_or_default();
    let since = moment(unread.since);
    Verdict::unknown(unread.reason, format!("{} (since {since}){last}", unread.detail))
}

/// The verdict with the namespace that it is about.
fn named(mut verdict: Verdict, slug: &WorkspaceSlug) -> Verdict {
    let name = format!("workspace {slug}");
    if !verdict.message.contains(&name) {
        verdict.message = format!("{name}: {}", verdict.message);
    }
    verdict
}

/// Whether the profile has a live asset anywhere.
fn has_live(survey: Option<&ProfileSurvey<'_>>) -> bool {
    survey.is_some_and(|survey| survey.namespaces.values().any(|namespace| namespace.live > 0))
}
