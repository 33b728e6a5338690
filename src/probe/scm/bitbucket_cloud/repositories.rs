//! Which repositories the credential sees in one workspace.
//!
//! Walking all of them costs a request per hundred, so a round asks for the total and for what changed since the last
//! evidence. When known and changed repositories together are as many as the total, nothing else can have happened;
//! otherwise (something was deleted, hidden or made visible) all are walked. All are walked at least once a day too.
//! Repositories that the total counts and a full walk never lists are remembered, or each round would walk.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::permissions::prove_missing;
use super::session::Session;
use crate::client::bitbucket_cloud;
use crate::domain::evidence::Evidence;
use crate::domain::evidence::Part;
use crate::domain::facts::{Repository, RepositorySet};
use crate::domain::names::{RepositoryId, WorkspaceSlug};
use crate::domain::permission::Permission;
use crate::probe::assumptions::Assumption;
use crate::probe::inventory::repository_id;
use crate::probe::round::Round;

/// All repositories are walked at least this often.
const WALK_EVERY: TimeDelta = TimeDelta::hours(24);
/// Changes are asked for from this long before the last evidence, because the search lags behind.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// The repositories of one workspace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) repositories: BTreeMap<RepositoryId, Repository>,
    /// Whether all of them were walked in this round.
    pub(super) is_walked: bool,
}

/// Reads one workspace; `None` when that failed, which is taken down.
pub(super) async fn read(
    session: &mut Session<'_>,
    workspace: &WorkspaceSlug,
    known: Option<&Evidence<std::sync::Arc<RepositorySet>>>,
    round: &mut Round,
) -> Option<Seen> {
    if let Some(evidence) = known.filter(|evidence| !needs_walk(&evidence.value, round.started_at)) {
        let unlisted = round.memory.unlisted(session.scope.name, workspace);
        let known = of_workspace(&evidence.value, workspace);
        if let Some(repositories) = changes(session, workspace, known, evidence.observed_at, unlisted, round).await? {
            return Some(Seen { repositories, is_walked: false });
        }
    }
    walk(session, workspace, round).await
}

fn needs_walk(known: &RepositorySet, now: DateTime<Utc>) -> bool {
    known.walked_at.is_none_or(|walked_at| now - walked_at >= WALK_EVERY)
}

fn of_workspace(known: &RepositorySet, workspace: &WorkspaceSlug) -> BTreeMap<RepositoryId, Repository> {
    let ours = known.repositories.iter().filter(|(_, repository)| repository.workspace == *workspace);
    ours.map(|(id, repository)| (id.clone(), repository.clone())).collect()
}

/// Total and changes. `Some(None)`: they do not explain each other. `None`: a failure, taken down.
async fn changes(
    session: &mut Session<'_>,
    workspace: &WorkspaceSlug,
    known: BTreeMap<RepositoryId, Repository>,
    observed_at: DateTime<Utc>,
    unlisted: i64,
    round: &mut Round,
) -> Option<Option<BTreeMap<RepositoryId, Repository>>> {
    let (api, client) = (session.api(), session.client());
    let total = match round.hear(api, client.repositories_total(workspace.as_str()).await) {
        Ok(answer) => answer.value.total,
        Err(failure) => return give_up(session, &failure, round).await,
    };
    round.observe(Assumption::RepositoryTotalIsStated, total.is_some());
    let Some(total) = total else { return Some(None) };
    let changed = match round.hear(api, client.repositories_since(workspace.as_str(), observed_at - OVERLAP).await) {
        Ok(walk) => walk.items,
        Err(failure) => return give_up(session, &failure, round).await,
    };
    let repositories = merged(known, changed, workspace);
    Some(is_explained(total, repositories.len(), unlisted).then_some(repositories))
}

async fn walk(session: &mut Session<'_>, workspace: &WorkspaceSlug, round: &mut Round) -> Option<Seen> {
    match round.hear(session.api(), session.client().repositories(workspace.as_str()).await) {
        Ok(walk) => {
            let repositories = merged(BTreeMap::new(), walk.items, workspace);
            if let Some(total) = walk.total {
                let unlisted = difference(total, repositories.len());
                round.memory.learn_unlisted(session.scope.name, workspace, unlisted);
            }
            Some(Seen { repositories, is_walked: true })
        }
        Err(failure) => give_up(session, &failure, round).await,
    }
}

async fn give_up<T>(
    session: &mut Session<'_>,
    failure: &crate::client::answer::Failure,
    round: &mut Round,
) -> Option<T> {
    prove_missing(session, Permission::RepositoryRead, failure, round);
    session.concede(round, Part::Repositories, "list the repositories of a workspace", failure).await;
    None
}

fn merged(
    mut known: BTreeMap<RepositoryId, Repository>,
    changed: Vec<bitbucket_cloud::Repository>,
    workspace: &WorkspaceSlug,
) -> BTreeMap<RepositoryId, Repository> {
    for repository in changed {
        let Some(id) = repository_id(&repository.uuid) else { continue };
        let converted = Repository {
            id: id.clone(),
            empty: repository.is_empty(),
            full_name: repository.full_name,
            workspace: workspace.clone(),
            project: repository.project_key,
            updated_at: repository.updated_on,
            created_at: repository.created_on,
        };
        known.insert(id, converted);
    }
    known
}

fn difference(total: u64, count: usize) -> i64 {
    i64::try_from(total).unwrap_or(i64::MAX).saturating_sub(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Whether the total is what was listed, apart from what is never listed.
fn is_explained(total: u64, count: usize, unlisted: i64) -> bool {
    difference(total, count) == unlisted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_explained_or_not() {
        let check = |total, count, unlisted, expected| {
            assert_eq!(is_explained(total, count, unlisted), expected, "{total} {count} {unlisted}");
        };
        check(128, 128, 0, true);
        check(127, 128, 0, false);
        check(129, 128, 0, false);
        check(130, 128, 2, true);
        check(128, 128, 2, false);
        check(0, 0, 0, true);
    }

    #[test]
    fn everything_is_walked_at_least_daily() {
        let now: DateTime<Utc> = "2026-11-23T09:00:00Z".parse().unwrap();
        let check = |hours: Option<i64>, expected| {
            let walked_at = hours.map(|hours| now - TimeDelta::hours(hours));
            assert_eq!(
                needs_walk(&RepositorySet { walked_at, ..RepositorySet::default() }, now),
                expected,
                "{hours:?}"
            );
        };
        check(None, true);
        check(Some(23), false);
        check(Some(24), true);
    }

    #[test]
    fn a_renamed_repository_replaces_itself() {
        let workspace = WorkspaceSlug::from("acme");
        let repository = |uuid: &str, name: &str| bitbucket_cloud::Repository {
            uuid: uuid.to_owned(),
            full_name: format!("acme/{name}"),
            name: None,
            is_private: None,
            created_on: Some("2026-11-23T08:59:00Z".parse().unwrap()),
            updated_on: None,
            size_bytes: Some(1),
            main_branch: bitbucket_cloud::MainBranch::Named("main".to_owned()),
            project_key: None,
            web_url: None,
        };
        let known = merged(BTreeMap::new(), vec![repository("{A}", "old"), repository("{B}", "web")], &workspace);
        let known = merged(known, vec![repository("{a}", "new")], &workspace);
        let shown: Vec<_> =
            known.values().map(|repository| format!("{} {}", repository.id, repository.full_name)).collect();
        assert_eq!(shown, ["a acme/new", "b acme/web"]);
        assert!(known.values().all(|repository| repository.created_at.is_some()));
    }
}
