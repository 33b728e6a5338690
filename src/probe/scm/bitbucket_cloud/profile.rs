//! Probe `profile`: membership, repositories, and what only reading and counting prove.
//!
//! Workspaces of which the account is no member contribute no repositories; those of a renamed one stay as they were
//! known, because its new name is not what is configured. When one workspace cannot be read, the set of the profile is
//! not replaced: half a set would look like deleted repositories.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::administration::{self, Counted};
use super::session::Session;
use super::workspaces::{self, Membership};
use super::{permissions, repositories};
use crate::domain::evidence::Part;
use crate::domain::facts::{Repository, RepositorySet, ScmAuthentication, WorkspaceFact};
use crate::domain::names::WorkspaceSlug;
use crate::domain::work::{Finding, ProbeFailure};
use crate::probe::round::Round;
use crate::probe::scm::ProfileScope;

/// Runs the probe.
pub(super) async fn run(session: &mut Session<'_>, scope: &ProfileScope<'_>, round: &mut Round) {
    let (membership, has_scopes) = workspaces::memberships(session, round).await;
    let wanted: BTreeSet<_> = scope.credential.workspaces.iter().cloned().collect();
    let earlier = scope.known.and_then(|known| known.workspaces.as_ref()).map(|evidence| &evidence.value);
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
    let Some(facts) = facts else { return };
    let is_presumed = facts.values().any(|fact| matches!(fact, WorkspaceFact::Member { uuid: None, .. }));
    if is_proved && !is_presumed {
        round.find(workspaces_found(scope, facts.clone()));
    }
    if let Some(set) = read_all(session, scope, &facts, round).await {
        if is_proved && is_presumed {
            round.find(workspaces_found(scope, facts.clone()));
        }
        finish(session, scope, &facts, set, has_scopes, round).await;
    }
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
    round: &mut Round,
) -> Option<RepositorySet> {
    let known = scope.known.and_then(|known| known.repositories.as_ref());
    let mut set = RepositorySet { walked_at: Some(round.started_at), ..RepositorySet::default() };
    for (slug, fact) in facts {
        match fact {
            WorkspaceFact::Member { .. } => {
                let seen = repositories::read(session, slug, known, round).await?;
                set.repositories.extend(seen.repositories);
                if !seen.is_walked {
                    set.walked_at = known.and_then(|evidence| evidence.value.walked_at);
                }
            }
            WorkspaceFact::Renamed { .. } => {
                let kept = known.iter().flat_map(|evidence| evidence.value.repositories.iter());
                let kept = kept.filter(|(_, repository)| repository.workspace == *slug);
                set.repositories.extend(kept.map(|(id, repository)| (id.clone(), repository.clone())));
                set.walked_at = known.and_then(|evidence| evidence.value.walked_at);
            }
            WorkspaceFact::NotMember
            | WorkspaceFact::NotFound
            | WorkspaceFact::ShutOut { .. }
            | WorkspaceFact::Contradicted => {}
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
    let members = facts.iter().filter_map(|(slug, fact)| match fact {
        WorkspaceFact::Member { administrator, .. } => Some((slug, *administrator)),
        _ => None,
    });
    let of_workspace = |slug: &WorkspaceSlug| -> Vec<&Repository> {
        set.repositories.values().filter(|repository| repository.workspace == *slug).collect()
    };
    let counted = members.map(|(slug, administrator)| -> Counted {
        (slug.clone(), u64::try_from(of_workspace(slug).len()).unwrap_or(u64::MAX), administrator)
    });
    let counted: Vec<_> = counted.collect();
    if let Some((workspace, ..)) = counted.iter().find(|(_, count, _)| *count > 0).or_else(|| counted.first()) {
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
        administration::run(session, &counted, round).await;
    }
}

fn slug_of(repository: &Repository) -> Option<&str> {
    repository.full_name.split_once('/').map(|(_, slug)| slug)
}

/// Whether the credential's own probe learned the scopes from a header.
fn knows_scopes(scope: &ProfileScope<'_>) -> bool {
    let known = scope.credential.known.and_then(|known| known.authentication.as_ref());
    matches!(known.map(|evidence| &evidence.value), Some(ScmAuthentication::Accepted { scopes: Some(_), .. }))
}
