//! Probe `profile`: membership, repositories, and what only reading and counting prove.
//!
//! Workspaces of which the account is no member contribute no repositories; those of a renamed one, and of one that lets
//! its member not in, stay as they were known: nothing is known to have left them. When one workspace cannot be read, the
//! set of the profile is not replaced: half a set would look like deleted repositories. All workspaces of a profile are
//! read in one round, so that what moved from one to another is seen at its new place when it is missed at the old one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::administration::{self, Counted};
use super::repositories::{self, Entrance};
use super::session::Session;
use super::workspaces::{self, Membership};
use super::{fates, permissions};
use crate::domain::evidence::Part;
use crate::domain::facts::{Repository, RepositorySet, ScmAuthentication, WorkspaceFact};
use crate::domain::loss::ProfileMemory;
use crate::domain::names::{RepositoryId, WorkspaceSlug};
use crate::domain::work::{Finding, ProbeFailure};
use crate::probe::round::Round;
use crate::probe::scm::ProfileScope;

/// What each workspace that lets the account in states as its number of repositories.
type Totals = BTreeMap<WorkspaceSlug, Option<u64>>;

/// Runs the probe.
pub(super) async fn run(session: &mut Session<'_>, scope: &ProfileScope<'_>, round: &mut Round) {
    let (membership, has_scopes) = workspaces::memberships(session, round).await;
    let wanted: BTreeSet<_> = scope.credential.workspaces.iter().cloned().collect();
    let earlier = scope.known.and_then(|known| known.workspaces.as_ref()).map(|evidence| &evidence.value);
    let is_listed = matches!(membership, Membership::Listed(_));
    let (facts, is_proved) = match membership {
        Membership::Listed(listed) => (workspaces::judge(session, &listed, &wanted, earlier, round).await, true),
        Membership::NoAccount | Membership::Unknown if wanted.is_empty() => {
            return fail_without_workspaces(session, round);
        }
        Membership::NoAccount => (workspaces::presume(session, &wanted, round).await, true),
        // Repositories are read all the same, but nothing is said of membership.
        Membership::Unknown => (Some(presumed(&wanted)), false),
        Membership::Over => return,
    };
    let Some(mut facts) = facts else { return };
    let totals = enter(session, &mut facts, is_listed, round).await;
    let is_presumed = facts.values().any(|fact| matches!(fact, WorkspaceFact::Member { uuid: None, .. }));
    if is_proved && !is_presumed {
        round.find(workspaces_found(scope, facts.clone()));
    }
    let Some(totals) = totals else { return };
    if let Some(set) = read_all(session, scope, &facts, &totals, round).await {
        if is_proved && is_presumed {
            round.find(workspaces_found(scope, facts.clone()));
        }
        finish(session, scope, &facts, set, has_scopes, round).await;
    }
}

/// Asks each workspace of which the account is a member for the number of its repositories, and corrects the facts of
/// those that do not let it in. `None`: one of them did not tell.
async fn enter(
    session: &mut Session<'_>,
    facts: &mut BTreeMap<WorkspaceSlug, WorkspaceFact>,
    is_listed: bool,
    round: &mut Round,
) -> Option<Totals> {
    let (mut totals, mut has_failed) = (Totals::new(), false);
    for (slug, fact) in facts.iter_mut().filter(|(_, fact)| matches!(fact, WorkspaceFact::Member { .. })) {
        match repositories::enter(session, slug, is_listed, round).await {
            Entrance::Open(total) => {
                totals.insert(slug.clone(), total);
            }
            Entrance::Closed(why) => *fact = why,
            Entrance::Failed => has_failed = true,
            Entrance::Over => return None,
        }
    }
    (!has_failed).then_some(totals)
}

fn presumed(wanted: &BTreeSet<WorkspaceSlug>) -> BTreeMap<WorkspaceSlug, WorkspaceFact> {
    let member = || WorkspaceFact::Member { uuid: None, administrator: None };
    wanted.iter().map(|slug| (slug.clone(), member())).collect()
}

fn workspaces_found(scope: &ProfileScope<'_>, facts: BTreeMap<WorkspaceSlug, WorkspaceFact>) -> Finding {
    Finding::Workspaces(scope.integration.clone(), scope.profile.clone(), facts)
}

fn fail_without_workspaces(session: &Session<'_>, round: &mut Round) {
    round.fail_with(ProbeFailure {
        part: Some(Part::Workspaces),
        api: session.api().clone(),
        reason: "forbidden",
        detail: "the credential may not list its account's workspaces, and the profile names none".to_owned(),
        whole_api: false,
        retry_after: None,
    });
}

/// Reads every workspace of which the account is a member; `None` when one could not be read.
async fn read_all(
    session: &mut Session<'_>,
    scope: &ProfileScope<'_>,
    facts: &BTreeMap<WorkspaceSlug, WorkspaceFact>,
    totals: &Totals,
    round: &mut Round,
) -> Option<RepositorySet> {
    let known = scope.known.and_then(|known| known.repositories.as_ref());
    let mut set = RepositorySet { walked_at: Some(round.started_at), ..RepositorySet::default() };
    for (slug, fact) in facts {
        match fact {
            WorkspaceFact::Member { .. } => {
                let total = totals.get(slug).copied().flatten();
                let seen = repositories::read(session, slug, total, known, round).await?;
                set.repositories.extend(seen.repositories);
                if !seen.is_walked {
                    set.walked_at = known.and_then(|evidence| evidence.value.walked_at);
                }
            }
            WorkspaceFact::Renamed { .. } | WorkspaceFact::ShutOut { .. } | WorkspaceFact::Contradicted => {
                let kept = known.iter().flat_map(|evidence| evidence.value.repositories.iter());
                let kept = kept.filter(|(_, repository)| repository.workspace == *slug);
                set.repositories.extend(kept.map(|(id, repository)| (id.clone(), repository.clone())));
                set.walked_at = known.and_then(|evidence| evidence.value.walked_at);
            }
            WorkspaceFact::NotMember | WorkspaceFact::NotFound => {}
        }
    }
    Some(set)
}

/// Takes the set down and proves what needs a repository or a count.
async fn finish(
    session: &mut Session<'_>,
    scope: &ProfileScope<'_>,
    facts: &BTreeMap<WorkspaceSlug, WorkspaceFact>,
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
        WorkspaceFact::Member { administrator, .. } => Some((slug, *administrator)),
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
    // Without a workspace there is nothing to administer and nothing to say.
    if scope.credential.needs_administrator && !counted.is_empty() {
        administration::run(session, &counted, Some(&set), round).await;
    }
}

/// Repositories that were there, in workspaces that were read now, and are not: with this round, or with earlier ones and
/// without an answer to what became of them.
fn missing<'a>(
    scope: &ProfileScope<'a>,
    facts: &BTreeMap<WorkspaceSlug, WorkspaceFact>,
    set: &RepositorySet,
) -> BTreeMap<&'a RepositoryId, &'a WorkspaceSlug> {
    let known = scope.known.and_then(|known| known.repositories.as_ref());
    let known = known.into_iter().flat_map(|evidence| evidence.value.repositories.values());
    let known = known.map(|repository| (&repository.id, &repository.workspace));
    let unanswered = scope.memory.into_iter().flat_map(ProfileMemory::unanswered);
    let was_read = |slug: &WorkspaceSlug| matches!(facts.get(slug), Some(WorkspaceFact::Member { .. }));
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
