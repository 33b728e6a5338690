//! Is the account administrator of the repositories: Snyk needs that to install webhooks. It is no scope but a right.
//!
//! The role filter counts explicit rights only, so a lower count is confirmed by the list that covers rights implied by
//! the workspace. One request a workspace, two when the first count is lower.

use super::session::Session;
use crate::client::answer::{Failure, FailureClass};
use crate::client::bitbucket_cloud::FirstPage;
use crate::domain::evidence::Part;
use crate::domain::facts::PermissionProof;
use crate::domain::names::WorkspaceSlug;
use crate::domain::permission::Permission;
use crate::probe::assumptions::Assumption;
use crate::probe::judgement::denial;
use crate::probe::round::Round;

/// A workspace, its repositories, and whether the account administers the workspace, where that is known.
pub(super) type Counted = (WorkspaceSlug, u64, Option<bool>);

/// What counting gave.
enum Count {
    /// So many.
    Of(u64),
    /// The endpoint does not tell this credential.
    Untold,
    /// A failure, taken down.
    Failed,
}

/// Counts over all workspaces and takes the proof down.
pub(super) async fn run(session: &Session<'_>, workspaces: &[Counted], round: &mut Round) {
    let (mut granted, mut total) = (0, 0);
    for workspace in workspaces {
        match count(session, workspace, round).await {
            Count::Of(administered) => {
                granted += administered.min(workspace.1);
                total += workspace.1;
            }
            Count::Untold => return session.prove(Permission::RepositoryAdmin, PermissionProof::Unverifiable, round),
            Count::Failed => return,
        }
    }
    session.prove(Permission::RepositoryAdmin, proof(granted, total), round);
}

/// Of no repositories the account administers all.
fn proof(granted: u64, total: u64) -> PermissionProof {
    if granted >= total { PermissionProof::Granted } else { PermissionProof::Partial { granted, total } }
}

async fn count(session: &Session<'_>, (workspace, total, administers): &Counted, round: &mut Round) -> Count {
    if *total == 0 {
        return Count::Of(0);
    }
    let (api, client) = (session.api(), session.client());
    let explicit = round.hear(api, client.repositories_with_admin_role(workspace.as_str()).await);
    let explicit = match told(session, explicit.map(|answer| length(&answer.value)), round) {
        Count::Of(count) if count < *total => count,
        other => return other,
    };
    let implied = round.hear(api, client.repositories_administered(workspace.as_str()).await);
    match told(session, implied.map(|answer| length(&answer.value)), round) {
        Count::Of(count) => {
            round.observe(Assumption::ImplicitAdminIsListed, true);
            Count::Of(count.max(explicit))
        }
        // Who administers the workspace administers its repositories.
        Count::Untold if *administers == Some(true) => Count::Of(*total),
        Count::Untold => {
            round.observe(Assumption::ImplicitAdminIsListed, false);
            Count::Untold
        }
        Count::Failed => Count::Failed,
    }
}

/// The length of a list of which only the first page was read.
fn length<T>(page: &FirstPage<T>) -> Option<u64> {
    page.total.or_else(|| (!page.has_more).then(|| u64::try_from(page.items.len()).unwrap_or(u64::MAX)))
}

fn told(session: &Session<'_>, result: Result<Option<u64>, Failure>, round: &mut Round) -> Count {
    match result {
        Ok(Some(count)) => Count::Of(count),
        Ok(None) => Count::Untold,
        Err(failure) if failure.class != FailureClass::Unauthorized && denial(&failure).is_some() => Count::Untold,
        Err(failure) if matches!(failure.class, FailureClass::Gone { .. } | FailureClass::BadRequest) => Count::Untold,
        Err(failure) => {
            round.fail(
                session.api(),
                Part::Permissions,
                "count the repositories that the account administers",
                &failure,
            );
            Count::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_a_part() {
        assert_eq!(proof(5, 5), PermissionProof::Granted);
        assert_eq!(proof(0, 0), PermissionProof::Granted);
        assert_eq!(proof(3, 5), PermissionProof::Partial { granted: 3, total: 5 });
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
