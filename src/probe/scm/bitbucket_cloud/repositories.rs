//! Which repositories the credential sees in one workspace.
//!
//! A round begins with the total, which also tells whether the account is let in at all. Walking all of them costs a
//! request per hundred, so it goes on with what changed since the last evidence. When known and changed repositories
//! together are as many as the total, nothing else can have happened; otherwise (something was deleted, hidden or made
//! visible) all are walked. All are walked at least once a day too. A total that full walks contradict alike is wrong:
//! by how much is remembered, or each round would walk.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::permissions;
use super::session::Session;
use super::workspaces::shut_out;
use crate::client::answer::{Failure, FailureClass};
use crate::client::bitbucket_cloud;
use crate::domain::condition::Reason;
use crate::domain::evidence::{Evidence, Part};
use crate::domain::facts::{Repository, RepositorySet, WorkspaceFact};
use crate::domain::names::{RepositoryId, WorkspaceSlug};
use crate::domain::permission::Permission;
use crate::probe::assumptions::Assumption;
use crate::probe::inventory::repository_id;
use crate::probe::judgement::{Verdict, is_whole_api, told};
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

/// What the first question about a workspace's repositories gave.
pub(super) enum Entrance {
    /// They can be listed, so many of them as the API states.
    Open(Option<u64>),
    /// The account is a member, and this is why it sees nothing.
    Closed(WorkspaceFact),
    /// It did not conclude, which is taken down.
    Failed(Unread),
    /// Nor would another question: the credential is rejected.
    Over,
}

/// Why a workspace could not be read.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    pub(super) reason: Reason,
    /// What was asked and what was answered.
    pub(super) detail: String,
    /// The API as a whole may be at fault.
    pub(super) is_whole_api: bool,
    /// The credential is rejected.
    pub(super) is_rejected: bool,
}

impl Unread {
    fn new(workspace: &WorkspaceSlug, failure: &Failure, verdict: Verdict) -> Self {
        let (label, detail) = told(&attempt(workspace), failure);
        Self {
            reason: Reason::of_failure(label),
            detail,
            is_whole_api: is_whole_api(failure),
            is_rejected: verdict == Verdict::CredentialRejected,
        }
    }
}

fn attempt(workspace: &WorkspaceSlug) -> String {
    format!("list the repositories of workspace {workspace}")
}

/// Asks for the total. `is_listed`: the workspace is among the account's own, by this round's list.
pub(super) async fn enter(
    session: &mut Session<'_>,
    workspace: &WorkspaceSlug,
    is_listed: bool,
    round: &mut Round,
) -> Entrance {
    let failure = match round.hear(session.api(), session.client().repositories_total(workspace.as_str()).await) {
        Ok(answer) => {
            permissions::prove_by_answer(session, Permission::RepositoryRead, &answer.meta.credential, round);
            round.observe(Assumption::RepositoryTotalIsStated, answer.value.total.is_some());
            return Entrance::Open(answer.value.total);
        }
        Err(failure) => failure,
    };
    permissions::prove_missing(session, Permission::RepositoryRead, &failure, round);
    let attempt = attempt(workspace);
    let verdict = session.judge(round, Part::Repositories, &attempt, &failure).await;
    match (verdict, &failure.class) {
        (Verdict::Denied(_), FailureClass::ShutOut { .. }) => Entrance::Closed(shut_out(&failure)),
        (Verdict::Denied(404), _) if is_listed => Entrance::Closed(WorkspaceFact::Contradicted),
        (Verdict::Denied(_), _) => {
            round.fail(session.api(), Part::Repositories, &attempt, &failure);
            Entrance::Failed(Unread::new(workspace, &failure, verdict))
        }
        (Verdict::CredentialRejected, _) => Entrance::Over,
        (Verdict::Inconclusive, _) => Entrance::Failed(Unread::new(workspace, &failure, verdict)),
    }
}

/// Reads one workspace of which the total is `total`. A failure is taken down.
pub(super) async fn read(
    session: &mut Session<'_>,
    workspace: &WorkspaceSlug,
    total: Option<u64>,
    known: Option<&Evidence<std::sync::Arc<RepositorySet>>>,
    round: &mut Round,
) -> Result<Seen, Unread> {
    let known = known.filter(|evidence| !needs_walk(&evidence.value, workspace, round.started_at));
    if let (Some(evidence), Some(total)) = (known, total) {
        let unlisted = round.memory.unlisted(session.scope.name, workspace);
        let known = of_workspace(&evidence.value, workspace);
        let repositories = changes(session, workspace, known, evidence.observed_at, round).await?;
        if is_explained(total, repositories.len(), unlisted) {
            return Ok(Seen { repositories, is_walked: false });
        }
    }
    walk(session, workspace, round).await
}

/// What changed since the last look says nothing of a workspace that could not be read then.
fn needs_walk(known: &RepositorySet, workspace: &WorkspaceSlug, now: DateTime<Utc>) -> bool {
    known.unread.contains_key(workspace) || known.walked_at.is_none_or(|walked_at| now - walked_at >= WALK_EVERY)
}

fn of_workspace(known: &RepositorySet, workspace: &WorkspaceSlug) -> BTreeMap<RepositoryId, Repository> {
    let ours = known.repositories.iter().filter(|(_, repository)| repository.workspace == *workspace);
    ours.map(|(id, repository)| (id.clone(), repository.clone())).collect()
}

/// What is known, with what changed since.
async fn changes(
    session: &mut Session<'_>,
    workspace: &WorkspaceSlug,
    known: BTreeMap<RepositoryId, Repository>,
    observed_at: DateTime<Utc>,
    round: &mut Round,
) -> Result<BTreeMap<RepositoryId, Repository>, Unread> {
    let since = observed_at - OVERLAP;
    match round.hear(session.api(), session.client().repositories_since(workspace.as_str(), since).await) {
        Ok(walk) => Ok(merged(known, walk.items, workspace)),
        Err(failure) => Err(give_up(session, workspace, &failure, round).await),
    }
}

async fn walk(session: &mut Session<'_>, workspace: &WorkspaceSlug, round: &mut Round) -> Result<Seen, Unread> {
    match round.hear(session.api(), session.client().repositories(workspace.as_str()).await) {
        Ok(walk) => {
            let repositories = merged(BTreeMap::new(), walk.items, workspace);
            // Any other difference is one of time: the next total will tell.
            let wrong_by =
                walk.total.filter(|_| walk.total_is_wrong).map(|total| difference(total, repositories.len()));
            round.memory.learn_unlisted(session.scope.name, workspace, wrong_by.unwrap_or_default());
            Ok(Seen { repositories, is_walked: true })
        }
        Err(failure) => Err(give_up(session, workspace, &failure, round).await),
    }
}

async fn give_up(session: &mut Session<'_>, workspace: &WorkspaceSlug, failure: &Failure, round: &mut Round) -> Unread {
    permissions::prove_missing(session, Permission::RepositoryRead, failure, round);
    let verdict = session.concede(round, Part::Repositories, &attempt(workspace), failure).await;
    Unread::new(workspace, failure, verdict)
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
            private: repository.is_private,
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
                needs_walk(&RepositorySet { walked_at, ..RepositorySet::default() }, &WorkspaceSlug::from("acme"), now),
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
