//! Is the account administrator of the imported repositories: Snyk needs that to install webhooks. It is no scope but a
//! right, and what nobody imported needs none.
//!
//! Counting is cheap: where the account administers as many repositories of a workspace as it sees, the imported ones are
//! among them. The role filter counts explicit rights only, so a lower count is confirmed by the list that covers rights
//! implied by the workspace: one request a workspace, two when the first count is lower. Only where that is lower too is
//! it listed which they are, and listed again when the count changes, at least daily. What is imported and not among them
//! may have been deleted meanwhile: a few are asked for by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;

use super::session::Session;
use crate::client::answer::{Failure, FailureClass, Walk};
use crate::client::bitbucket_cloud::{FirstPage, Repository};
use crate::domain::evidence::Part;
use crate::domain::facts::{PermissionProof, RepositorySet};
use crate::domain::names::WorkspaceSlug;
use crate::domain::permission::Permission;
use crate::probe::assumptions::Assumption;
use crate::probe::judgement::denial;
use crate::probe::memory::Administered;
use crate::probe::round::Round;

/// What is administered is listed at least this often, though its count did not change.
const LIST_EVERY: TimeDelta = TimeDelta::hours(24);
/// So many imported repositories that are not administered are asked for by name; more are no accident.
const MOST_ASKED: usize = 10;

/// A workspace in this round.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) slug: WorkspaceSlug,
    /// Repositories that the account sees.
    pub(super) total: u64,
    /// Whether the account administers the workspace, where that is known.
    pub(super) administers: Option<bool>,
}

/// What the API tells.
enum Told<T> {
    This(T),
    /// The endpoint does not tell this credential.
    Nothing,
    /// A failure, taken down.
    Failed,
}

/// What is administered of a workspace.
enum Rights {
    /// Everything in it.
    All,
    /// Not everything; so many by this list.
    Some { explicit: u64, implied: u64 },
}

/// Takes the proof down. `seen` are the repositories of the round, where they were read.
pub(super) async fn run(
    session: &Session<'_>,
    workspaces: &[Counted],
    seen: Option<&RepositorySet>,
    round: &mut Round,
) {
    let seen = seen.map(|set| set.repositories.values().map(|one| one.full_name.to_lowercase()).collect());
    let imported: Vec<_> = workspaces.iter().map(|one| imported_in(session, &one.slug, seen.as_ref())).collect();
    let is_anything_imported = imported.iter().any(|names| !names.is_empty());
    let (mut granted, mut total, mut is_all) = (0, 0, true);
    for (workspace, names) in workspaces.iter().zip(imported) {
        if is_anything_imported && names.is_empty() {
            continue;
        }
        let rights = match rights(session, workspace, round).await {
            Told::This(rights) => rights,
            Told::Nothing => return unverifiable(session, round),
            Told::Failed => return,
        };
        let Rights::Some { explicit, implied } = rights else {
            (granted, total) = (granted + names.len(), total + names.len());
            continue;
        };
        is_all = false;
        if names.is_empty() {
            continue;
        }
        let administered = match administered(session, workspace, explicit, implied, round).await {
            Told::This(administered) => administered,
            Told::Nothing => return unverifiable(session, round),
            Told::Failed => return,
        };
        let lacking: Vec<_> = names.iter().filter(|name| !administered.contains(**name)).copied().collect();
        let gone = count_gone(session, &lacking, round).await;
        (granted, total) = (granted + names.len() - lacking.len(), total + names.len() - gone);
    }
    let sees_any = workspaces.iter().any(|workspace| workspace.total > 0);
    session.prove(Permission::RepositoryAdmin, proof(granted, total, is_all && sees_any), round);
}

fn unverifiable(session: &Session<'_>, round: &mut Round) {
    session.prove(Permission::RepositoryAdmin, PermissionProof::Unverifiable, round);
}

/// Where nothing was imported nobody can say what has to be administered, unless everything is.
fn proof(granted: usize, total: usize, is_all: bool) -> PermissionProof {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    match total {
        0 if is_all => PermissionProof::Granted,
        0 => PermissionProof::Unverifiable,
        _ if granted >= total => PermissionProof::Granted,
        _ => PermissionProof::Partial { granted: count(granted), total: count(total) },
    }
}

/// Imported repositories of a workspace, as far as they are still seen.
fn imported_in<'a>(
    session: &'a Session<'_>,
    workspace: &WorkspaceSlug,
    seen: Option<&BTreeSet<String>>,
) -> Vec<&'a str> {
    let prefix = format!("{}/", workspace.as_str().to_lowercase());
    let imported = session.scope.imported.iter().map(String::as_str).filter(|name| name.starts_with(&prefix));
    imported.filter(|name| seen.is_none_or(|seen| seen.contains(*name))).collect()
}

/// Compares counts.
async fn rights(session: &Session<'_>, workspace: &Counted, round: &mut Round) -> Told<Rights> {
    if workspace.total == 0 {
        return Told::This(Rights::All);
    }
    let (api, client, slug) = (session.api(), session.client(), workspace.slug.as_str());
    let explicit = round.hear(api, client.repositories_with_admin_role(slug).await);
    let explicit = match told(session, explicit.map(|answer| length(&answer.value)), round) {
        Told::This(count) if count < workspace.total => count,
        Told::This(_) => return Told::This(Rights::All),
        Told::Nothing => return Told::Nothing,
        Told::Failed => return Told::Failed,
    };
    let implied = round.hear(api, client.repositories_administered(slug).await);
    match told(session, implied.map(|answer| length(&answer.value)), round) {
        Told::This(implied) => {
            round.observe(Assumption::ImplicitAdminIsListed, true);
            let is_all = explicit.max(implied) >= workspace.total;
            Told::This(if is_all { Rights::All } else { Rights::Some { explicit, implied } })
        }
        // Who administers the workspace administers its repositories.
        Told::Nothing if workspace.administers == Some(true) => Told::This(Rights::All),
        Told::Nothing => {
            round.observe(Assumption::ImplicitAdminIsListed, false);
            Told::Nothing
        }
        Told::Failed => Told::Failed,
    }
}

/// Which repositories of a workspace are administered, by the list that has more of them: lower-case full names.
async fn administered(
    session: &Session<'_>,
    workspace: &Counted,
    explicit: u64,
    implied: u64,
    round: &mut Round,
) -> Told<Arc<BTreeSet<String>>> {
    let stated = explicit.max(implied);
    let now = round.started_at;
    let known = round.memory.administered(session.scope.name, &workspace.slug);
    if let Some(known) = known.filter(|known| known.stated == stated && now - known.listed_at < LIST_EVERY) {
        return Told::This(known.names);
    }
    let (client, slug) = (session.client(), workspace.slug.as_str());
    let walk = if implied >= explicit {
        client.administered_repositories(slug).await
    } else {
        client.explicitly_administered_repositories(slug).await
    };
    let names = |walk: Walk<Repository>| walk.items.iter().map(|one| one.full_name.to_lowercase()).collect();
    match told(session, round.hear(session.api(), walk).map(|walk| Some(names(walk))), round) {
        Told::This(names) => {
            let names: Arc<BTreeSet<String>> = Arc::new(names);
            let administered = Administered { names: Arc::clone(&names), stated, listed_at: now };
            round.memory.learn_administered(session.scope.name, &workspace.slug, administered);
            Told::This(names)
        }
        Told::Nothing => Told::Nothing,
        Told::Failed => Told::Failed,
    }
}

/// How many of these are not there any more, as far as a few questions tell.
async fn count_gone(session: &Session<'_>, names: &[&str], round: &mut Round) -> usize {
    if names.len() > MOST_ASKED {
        return 0;
    }
    let mut gone = 0;
    for (workspace, slug) in names.iter().filter_map(|name| name.split_once('/')) {
        let asked = round.hear(session.api(), session.client().repository(workspace, slug).await);
        gone += usize::from(asked.is_err_and(|failure| denial(&failure) == Some(404)));
    }
    gone
}

/// The length of a list of which only the first page was read.
fn length<T>(page: &FirstPage<T>) -> Option<u64> {
    page.total.or_else(|| (!page.has_more).then(|| u64::try_from(page.items.len()).unwrap_or(u64::MAX)))
}

fn told<T>(session: &Session<'_>, result: Result<Option<T>, Failure>, round: &mut Round) -> Told<T> {
    match result {
        Ok(Some(value)) => Told::This(value),
        Ok(None) => Told::Nothing,
        Err(failure) if failure.class != FailureClass::Unauthorized && denial(&failure).is_some() => Told::Nothing,
        Err(failure) if matches!(failure.class, FailureClass::Gone { .. } | FailureClass::BadRequest) => Told::Nothing,
        Err(failure) => {
            round.fail(
                session.api(),
                Part::Permissions,
                "count the repositories that the account administers",
                &failure,
            );
            Told::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_a_part_or_nothing_that_matters() {
        assert_eq!(proof(5, 5, false), PermissionProof::Granted);
        assert_eq!(proof(3, 5, false), PermissionProof::Partial { granted: 3, total: 5 });
        assert_eq!(proof(0, 5, false), PermissionProof::Partial { granted: 0, total: 5 });
        // Nothing imported: only a right to everything proves anything.
        assert_eq!(proof(0, 0, true), PermissionProof::Granted);
        assert_eq!(proof(0, 0, false), PermissionProof::Unverifiable);
    }

    #[test]
    fn a_single_page_is_its_own_length() {
        let page = |items: usize, total, has_more| FirstPage { items: vec![(); items], total, has_more };
        assert_eq!(length(&page(1, Some(7), true)), Some(7));
        assert_eq!(length(&page(1, None, false)), Some(1));
        assert_eq!(length(&page(0, None, false)), Some(0));
        assert_eq!(length(&page(1, None, true)), None);
    }
}
