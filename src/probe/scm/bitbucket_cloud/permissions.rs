//! What proves each permission: the scope header first, because it covers writing and costs nothing; reading where there
//! is no header. Nothing is written to prove that writing would work, so without a header writing is unverifiable.
//!
//! *Issues: read* is proved by the header or not at all: its endpoints are announced to be removed. *Atlassian account:
//! read* is no scope of Bitbucket's, and the header may not list it: it is never called missing.

use std::collections::BTreeSet;

use super::CredentialKind;
use super::session::Session;
use crate::client::answer::{Answer, Failure, FailureClass};
use crate::client::bitbucket_cloud::{GrantedScopes, Scope, User, Vocabulary};
use crate::domain::evidence::Part;
use crate::domain::facts::PermissionProof;
use crate::domain::kinds::Scm;
use crate::domain::names::WorkspaceSlug;
use crate::domain::permission::{Permission, PermissionDescription, permissions_of};
use crate::probe::assumptions::Assumption;
use crate::probe::round::Round;

/// What only a header can prove.
const BY_HEADER_ALONE: [Permission; 5] = [
    Permission::RepositoryWrite,
    Permission::PullRequestWrite,
    Permission::WebhookWrite,
    Permission::IssueRead,
    Permission::AtlassianAccountRead,
];

/// What the answer of `/user` proves. `scopes` are the granted ones, when it named them.
pub(super) fn of_user_answer(
    result: &Result<Answer<User>, Failure>,
    scopes: Option<&BTreeSet<String>>,
    kind: CredentialKind,
) -> Vec<(Permission, PermissionProof)> {
    if let Some(scopes) = scopes {
        return by_scopes(&GrantedScopes::new(scopes), kind);
    }
    let account = match result {
        Ok(_) => PermissionProof::Granted,
        Err(failure) => missing(failure).unwrap_or(PermissionProof::Unverifiable),
    };
    let others = BY_HEADER_ALONE.map(|permission| (permission, PermissionProof::Unverifiable));
    std::iter::once((Permission::AccountRead, account)).chain(others).collect()
}

fn by_scopes(granted: &GrantedScopes, kind: CredentialKind) -> Vec<(Permission, PermissionProof)> {
    // A credential that grants nothing speaks no vocabulary; its kind says which one it would.
    let vocabulary = granted.vocabulary().unwrap_or(match kind {
        CredentialKind::ApiTokenWithEmail | CredentialKind::ApiTokenAlone => Vocabulary::Granular,
        CredentialKind::AccessToken | CredentialKind::OAuthConsumer | CredentialKind::AppPassword => {
            Vocabulary::Classic
        }
    });
    let scoped = permissions_of(Scm::BitbucketCloud).iter().filter(|one| one.permission != Permission::RepositoryAdmin);
    scoped.map(|description| (description.permission, by_scope(description, vocabulary, granted))).collect()
}

fn by_scope(description: &PermissionDescription, vocabulary: Vocabulary, granted: &GrantedScopes) -> PermissionProof {
    let scope = match vocabulary {
        Vocabulary::Granular => description.granular_scope,
        Vocabulary::Classic => description.classic_scope,
    };
    match scope {
        Some(scope) if granted.grants(&Scope::new(scope)) => PermissionProof::Granted,
        None => PermissionProof::Unverifiable,
        Some(_) if matches!(description.permission, Permission::IssueRead | Permission::AtlassianAccountRead) => {
            PermissionProof::Unverifiable
        }
        Some(scope) => PermissionProof::Missing { scope: Some(scope.to_owned()) },
    }
}

/// The proof in a refusal that names a scope.
fn missing(failure: &Failure) -> Option<PermissionProof> {
    match &failure.class {
        FailureClass::MissingScope { required, .. } => {
            Some(PermissionProof::Missing { scope: required.first().cloned() })
        }
        _ => None,
    }
}

/// Takes down that `permission` is missing, if the refusal says so.
pub(super) fn prove_missing(session: &Session<'_>, permission: Permission, failure: &Failure, round: &mut Round) {
    if let Some(proof) = missing(failure) {
        session.prove(permission, proof, round);
    }
}

/// Proves by reading what a header would have told. Repositories of `workspace` were readable; `repository` is the slug of one.
pub(super) async fn prove_by_reading(
    session: &mut Session<'_>,
    workspace: &WorkspaceSlug,
    repository: Option<&str>,
    round: &mut Round,
) {
    let (api, client, workspace) = (session.api(), session.client(), workspace.as_str());
    session.prove(Permission::RepositoryRead, PermissionProof::Granted, round);
    let projects = round.hear(api, client.workspace_projects(workspace).await).map(drop);
    take_down(session, Permission::ProjectRead, &projects, "read the projects of a workspace", round);
    let Some(repository) = repository else { return };
    let pull_requests = round.hear(api, client.pull_requests_readable(workspace, repository).await).map(drop);
    take_down(session, Permission::PullRequestRead, &pull_requests, "read the pull requests of a repository", round);
    let hooks = round.hear(api, client.hooks(workspace, repository).await).map(drop);
    take_down(session, Permission::WebhookRead, &hooks, "read the webhooks of a repository", round);
}

fn take_down(
    session: &Session<'_>,
    permission: Permission,
    result: &Result<(), Failure>,
    attempt: &str,
    round: &mut Round,
) {
    let proof = match result {
        Ok(()) => PermissionProof::Granted,
        Err(failure) => match (missing(failure), &failure.class) {
            (Some(proof), _) => proof,
            // A right of the account is missing, or the repository: that says nothing about the scope.
            (None, FailureClass::Forbidden | FailureClass::NotFound | FailureClass::Gone { .. }) => {
                PermissionProof::Unverifiable
            }
            (None, _) => return round.fail(session.api(), Part::Permissions, attempt, failure),
        },
    };
    session.prove(permission, proof, round);
}

/// Looks for the issues of a repository, once in a process, to see whether their endpoint is still there.
pub(super) async fn look_for_issues(session: &Session<'_>, workspace: &str, repository: &str, round: &mut Round) {
    if round.memory.is_first_look_for_issues(session.scope.name) {
        let result = round.hear(session.api(), session.client().issues_readable(workspace, repository).await);
        match result.map_err(|failure| failure.status) {
            Ok(_) => round.observe(Assumption::IssuesAreGone, false),
            Err(Some(404 | 410)) => round.observe(Assumption::IssuesAreGone, true),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proofs(words: &str, kind: CredentialKind) -> String {
        let granted = GrantedScopes::new(words.split(' '));
        let shown = by_scopes(&granted, kind).into_iter().map(|(permission, proof)| match proof {
            PermissionProof::Missing { scope } => format!("{permission} missing {}", scope.unwrap_or_default()),
            other => format!("{permission} {other:?}").to_lowercase(),
        });
        shown.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn granular_scopes_imply_nothing() {
        let words = "read:user:bitbucket read:repository:bitbucket write:pullrequest:bitbucket write:webhook:bitbucket";
        insta::assert_snapshot!(proofs(words, CredentialKind::ApiTokenWithEmail), @r"
        account_read granted
        workspace_read missing read:workspace:bitbucket
        project_read missing read:project:bitbucket
        repository_read granted
        repository_write missing write:repository:bitbucket
        pull_request_read missing read:pullrequest:bitbucket
        pull_request_write granted
        issue_read unverifiable
        webhook_read missing read:webhook:bitbucket
        webhook_write granted
        atlassian_account_read unverifiable
        ");
    }

    #[test]
    fn classic_scopes_imply_what_is_below_them() {
        insta::assert_snapshot!(proofs("account pullrequest:write webhook issue", CredentialKind::AccessToken), @r"
        account_read granted
        workspace_read granted
        project_read missing project
        repository_read granted
        repository_write granted
        pull_request_read granted
        pull_request_write granted
        issue_read granted
        webhook_read granted
        webhook_write granted
        atlassian_account_read unverifiable
        ");
    }

    #[test]
    fn a_token_without_scopes_misses_those_of_its_kind() {
        assert!(proofs("", CredentialKind::ApiTokenWithEmail).contains("account_read missing read:user:bitbucket"));
        assert!(proofs("", CredentialKind::AccessToken).contains("account_read missing account"));
    }
}
