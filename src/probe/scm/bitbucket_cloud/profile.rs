//! Probe `profile`: membership, repositories, and what only reading and counting prove.
//!
//! Workspaces of which the account is no member contribute no repositories; those of a renamed one, and of one that lets
//! its member not in, stay as they were known: nothing is known to have left them. So do those of a workspace that cannot
//! be read, with the answer and the age of what is known ([`Unread`]), while the others are read and judged. All workspaces
//! of a profile are read in one round, so that what moved from one to another is seen at its new place when it is missed
//! at the old one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::administration::{self, Counted};
use super::repositories::{self, Entrance};
use super::session::Session;
use super::workspaces::{self, Membership};
use super::{fates, permissions};
use crate::domain::condition::Reason;
use crate::domain::evidence::{Evidence, Part};
use crate::domain::facts::{Repository, RepositorySet, ScmAuthentication, Unread, WorkspaceFact};
use crate::domain::loss::ProfileMemory;
use crate::domain::names::{RepositoryId, WorkspaceSlug};
use crate::domain::work::{FailedAt, Finding, ProbeFailure};
use crate::probe::round::Round;
use crate::probe::scm::ProfileScope;

/// So many workspaces that fail one after the other, in a way in which a whole API fails, are no matter of workspaces.
const MOST_FAILING: usize = 3;

/// What the account is to each workspace.
type Facts = BTreeMap<WorkspaceSlug, WorkspaceFact>;

/// How membership is known.
enum Proof {
    /// By the complete list of memberships.
    Listed,
    /// By what is seen and a stranger would not be shown; why there is no list.
    Seen(String),
    /// Not at all.
    Nothing,
}

/// The workspaces that let the account in, by what each states as its number of repositories, and those that could not be
/// asked.
#[derive(Default)]
struct Entered {
    totals: BTreeMap<WorkspaceSlug, Option<u64>>,
    unread: BTreeMap<WorkspaceSlug, repositories::Unread>,
    /// Failures one after the other.
    failing: usize,
}

impl Entered {
    fn fail(&mut self, slug: &WorkspaceSlug, unread: repositories::Unread) {
        self.failing = if unread.is_whole_api { self.failing + 1 } else { 0 };
        self.unread.insert(slug.clone(), unread);
    }

    /// Whether to ask further is no use.
    fn is_over(&self) -> bool {
        self.failing >= MOST_FAILING || self.unread.values().any(|unread| unread.is_rejected)
    }
}

/// Runs the probe.
pub(super) async fn run(session: &mut Session<'_>, scope: &ProfileScope<'_>, round: &mut Round) {
    let (membership, has_scopes) = workspaces::memberships(session, round).await;
    let wanted: BTreeSet<_> = scope.credential.workspaces.iter().cloned().collect();
    let earlier = scope.known.and_then(|known| known.workspaces.as_ref()).map(|evidence| &evidence.value);
    let (facts, proof) = match membership {
        Membership::Listed(listed) => {
            (workspaces::judge(session, &listed, &wanted, earlier, round).await, Proof::Listed)
        }
        Membership::NoAccount(_) | Membership::Unknown if wanted.is_empty() => {
            return fail_without_workspaces(session, round);
        }
        Membership::NoAccount(why) => (workspaces::presume(session, &wanted, round).await, Proof::Seen(why)),
        // Repositories are read all the same, but nothing is said of membership.
        Membership::Unknown => (Some(presumed(&wanted)), Proof::Nothing),
        Membership::Over => return,
    };
    let Some(mut facts) = facts else { return };
    let entered = enter(session, &mut facts, matches!(proof, Proof::Listed), round).await;
    if let Proof::Listed = proof {
        round.find(workspaces_found(scope, facts.clone()));
    }
    let Some(entered) = entered else { return };
    let Some(mut set) = read_all(session, scope, &facts, entered, round).await else { return };
    if let Proof::Seen(why) = &proof {
        prove_members(session, scope, (&mut facts, &mut set), why, round).await;
        round.find(workspaces_found(scope, facts.clone()));
    }
    finish(session, scope, &facts, set, has_scopes, round).await;
}

/// Asks each workspace of which the account is a member for the number of its repositories, and corrects the facts of
/// those that do not let it in. `None`: to ask further is no use.
async fn enter(session: &mut Session<'_>, facts: &mut Facts, is_listed: bool, round: &mut Round) -> Option<Entered> {
    let mut entered = Entered::default();
    for (slug, fact) in facts.iter_mut().filter(|(_, fact)| matches!(fact, WorkspaceFact::Member { .. })) {
        match repositories::enter(session, slug, is_listed, round).await {
            Entrance::Open(total) => {
                entered.failing = 0;
                entered.totals.insert(slug.clone(), total);
            }
            Entrance::Closed(why) => *fact = why,
            Entrance::Failed(unread) => entered.fail(slug, unread),
            Entrance::Over => return None,
        }
        if entered.is_over() {
            return None;
        }
    }
    Some(entered)
}

/// Corrects the facts of workspaces in which nothing proves a member. What may be a stranger's sight of one replaces
/// nothing that was seen of it before.
async fn prove_members(
    session: &Session<'_>,
    scope: &ProfileScope<'_>,
    (facts, set): (&mut Facts, &mut RepositorySet),
    why: &str,
    round: &mut Round,
) {
    let known = scope.known.and_then(|known| known.repositories.as_ref());
    for (slug, fact) in facts.iter_mut().filter(|(_, fact)| matches!(fact, WorkspaceFact::Member { .. })) {
        if let Some(Unread { reason, detail, .. }) = set.unread.get(slug) {
            *fact = WorkspaceFact::Untold { reason: *reason, why: detail.clone() };
            continue;
        }
        let mut here = set.repositories.values().filter(|repository| repository.workspace == *slug);
        let sees_private = here.any(|repository| repository.private == Some(true));
        if workspaces::is_member(session, slug, sees_private, round).await {
            continue;
        }
        let reason = Reason::MembershipNotProved;
        if known.is_some() {
            set.repositories.retain(|_, repository| repository.workspace != *slug);
            stay(set, scope, slug, (reason, why.to_owned()), round.started_at);
        }
        *fact = WorkspaceFact::Untold { reason, why: why.to_owned() };
    }
}

fn presumed(wanted: &BTreeSet<WorkspaceSlug>) -> Facts {
    let member = || WorkspaceFact::Member { uuid: None, administrator: None };
    wanted.iter().map(|slug| (slug.clone(), member())).collect()
}

fn workspaces_found(scope: &ProfileScope<'_>, facts: Facts) -> Finding {
    Finding::Workspaces(scope.integration.clone(), scope.profile.clone(), facts)
}

fn fail_without_workspaces(session: &Session<'_>, round: &mut Round) {
    round.fail_with(ProbeFailure {
        part: Some(Part::Workspaces),
        api: session.api().clone(),
        reason: "forbidden",
        detail: "the credential may not list its account's workspaces, and the profile names none".to_owned(),
        failed_at: FailedAt::Endpoint,
        retry_after: None,
    });
}

/// Reads every workspace of which the account is a member; `None`: not one of all workspaces told anything, or to ask
/// further is no use.
async fn read_all(
    session: &mut Session<'_>,
    scope: &ProfileScope<'_>,
    facts: &Facts,
    mut entered: Entered,
    round: &mut Round,
) -> Option<RepositorySet> {
    let known = scope.known.and_then(|known| known.repositories.as_ref());
    let mut set = RepositorySet { walked_at: Some(round.started_at), ..RepositorySet::default() };
    let (mut is_told, walked_before) = (facts.is_empty(), known.and_then(|evidence| evidence.value.walked_at));
    entered.failing = 0;
    for (slug, fact) in facts {
        let is_open = entered.totals.contains_key(slug);
        match fact {
            WorkspaceFact::Member { .. } if is_open => {
                let total = entered.totals.get(slug).copied().flatten();
                match repositories::read(session, slug, total, known, round).await {
                    Ok(seen) => {
                        (is_told, entered.failing) = (true, 0);
                        set.repositories.extend(seen.repositories);
                        if !seen.is_walked {
                            set.walked_at = walked_before;
                        }
                    }
                    Err(unread) => entered.fail(slug, unread),
                }
                if entered.is_over() {
                    return None;
                }
            }
            WorkspaceFact::Renamed { .. } | WorkspaceFact::ShutOut { .. } | WorkspaceFact::Contradicted => {
                is_told = true;
                keep(&mut set, known, slug);
                set.walked_at = walked_before;
            }
            // Which it was by what is known; the answer stands beside it.
            WorkspaceFact::Member { .. } | WorkspaceFact::Untold { .. } => {}
            WorkspaceFact::NotMember | WorkspaceFact::NotFound => is_told = true,
        }
    }
    let untold = facts.iter().filter_map(|(slug, fact)| match fact {
        WorkspaceFact::Untold { reason, why } => Some((slug, *reason, why.clone())),
        _ => None,
    });
    let failed = entered.unread.iter().map(|(slug, unread)| (slug, unread.reason, unread.detail.clone()));
    for (slug, reason, detail) in untold.chain(failed) {
        stay(&mut set, scope, slug, (reason, detail), round.started_at);
    }
    is_told.then_some(set)
}

/// What is known of a workspace stays known, as old as it is, beside the answer for want of which nothing new is.
fn stay(
    set: &mut RepositorySet,
    scope: &ProfileScope<'_>,
    slug: &WorkspaceSlug,
    (reason, detail): (Reason, String),
    now: DateTime<Utc>,
) {
    let known = scope.known.and_then(|known| known.repositories.as_ref());
    let was_member = scope.known.and_then(|known| known.workspaces.as_ref()).and_then(|facts| facts.value.get(slug));
    let was_member = matches!(was_member, Some(WorkspaceFact::Member { .. }));
    // One that was never read is not one without repositories.
    let was_read = keep(set, known, slug) > 0 || was_member;
    let before = known.and_then(|evidence| evidence.value.unread.get(slug));
    let read_at = match before {
        Some(before) => before.read_at,
        None => known.map(|evidence| evidence.observed_at).filter(|_| was_read),
    };
    let since = before.map_or(now, |before| before.since);
    set.unread.insert(slug.clone(), Unread { read_at, since, reason, detail });
}

/// What is known of a workspace stays known, unless it was seen elsewhere now; returns how much that is.
fn keep(set: &mut RepositorySet, known: Option<&Evidence<Arc<RepositorySet>>>, slug: &WorkspaceSlug) -> usize {
    let kept = known.iter().flat_map(|evidence| evidence.value.repositories.iter());
    let mut count = 0;
    for (id, repository) in kept.filter(|(_, repository)| repository.workspace == *slug) {
        count += 1;
        set.repositories.entry(id.clone()).or_insert_with(|| repository.clone());
    }
    count
}

/// Takes the set down and proves what needs a repository or a count.
async fn finish(
    session: &mut Session<'_>,
    scope: &ProfileScope<'_>,
    facts: &Facts,
    set: RepositorySet,
    has_scopes: bool,
    round: &mut Round,
) {
    let set = Arc::new(set);
    round.find(Finding::Repositories(scope.integration.clone(), scope.profile.clone(), Arc::clone(&set)));
    let missing = missing(scope, facts, &set);
    if !missing.is_empty() {
        let fates = fates::ask(session, scope, &missing, round).await;
        if !fates.is_empty() {
            round.find(Finding::Fates(scope.integration.clone(), scope.profile.clone(), fates));
        }
    }
    let members = facts.iter().filter_map(|(slug, fact)| match fact {
        WorkspaceFact::Member { administrator, .. } if !set.unread.contains_key(slug) => Some((slug, *administrator)),
        _ => None,
    });
    let of_workspace = |slug: &WorkspaceSlug| -> Vec<&Repository> {
        set.repositories.values().filter(|repository| repository.workspace == *slug).collect()
    };
    let counted = members.map(|(slug, administers)| {
        let total = u64::try_from(of_workspace(slug).len()).unwrap_or(u64::MAX);
        Counted { slug: slug.clone(), total, administers }
    });
    let counted: Vec<_> = counted.collect();
    if let Some(Counted { slug: workspace, .. }) = counted.iter().find(|one| one.total > 0).or_else(|| counted.first())
    {
        let repository = of_workspace(workspace).first().and_then(|repository| slug_of(repository));
        if !has_scopes && !knows_scopes(scope) {
            permissions::prove_by_reading(session, workspace, repository, round).await;
        }
        if let Some(repository) = repository {
            permissions::look_for_issues(session, workspace.as_str(), repository, round).await;
        }
    }
    // Without a workspace there is nothing to administer and nothing to say, and a part of them is not all.
    if scope.credential.needs_administrator && !counted.is_empty() && set.unread.is_empty() {
        administration::run(session, &counted, Some(&set), round).await;
    }
}

/// Repositories that were there, in workspaces that were read now, and are not: with this round, or with earlier ones and
/// without an answer to what became of them.
fn missing<'a>(
    scope: &ProfileScope<'a>,
    facts: &Facts,
    set: &RepositorySet,
) -> BTreeMap<&'a RepositoryId, &'a WorkspaceSlug> {
    let known = scope.known.and_then(|known| known.repositories.as_ref());
    let known = known.into_iter().flat_map(|evidence| evidence.value.repositories.values());
    let known = known.map(|repository| (&repository.id, &repository.workspace));
    let unanswered = scope.memory.into_iter().flat_map(ProfileMemory::unanswered);
    let was_read = |slug: &WorkspaceSlug| {
        matches!(facts.get(slug), Some(WorkspaceFact::Member { .. })) && !set.unread.contains_key(slug)
    };
    let missing = unanswered.chain(known);
    missing.filter(|(id, slug)| !set.repositories.contains_key(*id) && was_read(slug)).collect()
}

fn slug_of(repository: &Repository) -> Option<&str> {
    repository.full_name.split_once('/').map(|(_, slug)| slug)
}

/// Whether the credential's own probe learned the scopes from a header.
fn knows_scopes(scope: &ProfileScope<'_>) -> bool {
    let known = scope.credential.known.and_then(|known| known.authentication.as_ref());
    matches!(known.map(|evidence| &evidence.value), Some(ScmAuthentication::Accepted { scopes: Some(_), .. }))
}
