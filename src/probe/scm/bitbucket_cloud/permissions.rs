//! What proves each permission: the scope header first, because it covers writing and costs nothing; reading where there
//! is no header. Nothing is written to prove that writing would work, so without a header writing is unverifiable.
//!
//! *Issues: read* is proved by the header or not at all: its endpoints are announced to be removed. *Atlassian account:
//! read* is no scope of Bitbucket's, and the header may not list it: it is never called missing.
//!
//! What a header lacks and an answer of the same round shows is contradicted, neither missing nor granted; and so is the
//! rest of what that header lacks, unless an answer calls it missing too.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::session::Session;
use super::{CredentialKind, elsewhere};
use crate::client::answer::{Answer, CredentialHeaders, Failure, FailureClass};
use crate::client::bitbucket_cloud::{GrantedScopes, Scope, User, Vocabulary};
use crate::domain::evidence::{Evidence, Part};
use crate::domain::facts::PermissionProof;
use crate::domain::kinds::{Role, Scm};
use crate::domain::names::WorkspaceSlug;
use crate::domain::permission::{Permission, PermissionDescription, permissions_of};
use crate::probe::assumptions::Assumption;
use crate::probe::round::Round;
use crate::probe::scm::is_due;

/// What only a header can prove.
const BY_HEADER_ALONE: [Permission; 5] = [
    Permission::RepositoryWrite,
    Permission::PullRequestWrite,
    Permission::WebhookWrite,
    Permission::IssueRead,
    Permission::AtlassianAccountRead,
];

/// What reading proves too.
const BY_READING: [Permission; 5] = [
    Permission::WorkspaceRead,
    Permission::ProjectRead,
    Permission::RepositoryRead,
    Permission::PullRequestRead,
    Permission::WebhookRead,
];

/// What the answer of `/user` proves. `scopes` are the granted ones, when an answer named them.
pub(super) fn of_user_answer(
    result: &Result<Answer<User>, Failure>,
    scopes: Option<&BTreeSet<String>>,
    kind: CredentialKind,
) -> Vec<(Permission, PermissionProof)> {
    if let Some(scopes) = scopes {
        let mut proofs = by_scopes(&Granted::new(scopes), kind);
        // The header may lack it: the account was read all the same.
        let account = proofs.iter_mut().find(|(permission, _)| *permission == Permission::AccountRead);
        if let (Some((_, proof @ PermissionProof::Missing { .. })), Ok(_)) = (account, result) {
            *proof = PermissionProof::Contradicted;
        }
        return proofs;
    }
    let account = match result {
        Ok(_) => PermissionProof::Granted,
        Err(failure) => missing(failure).unwrap_or(PermissionProof::Unverifiable),
    };
    let others = BY_HEADER_ALONE.map(|permission| (permission, PermissionProof::Unverifiable));
    std::iter::once((Permission::AccountRead, account)).chain(others).collect()
}

/// The words of a header, each in its own vocabulary: a header may have both.
struct Granted {
    classic: GrantedScopes,
    granular: GrantedScopes,
}

impl Granted {
    fn new<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Self {
        let words = words.into_iter().map(|word| Scope::new(word.as_ref().trim()));
        let words = words.filter(|scope| !scope.as_str().is_empty());
        let (classic, granular): (Vec<_>, Vec<_>) = words.partition(|scope| scope.vocabulary() == Vocabulary::Classic);
        let of = |scopes: &[Scope]| GrantedScopes::new(scopes.iter().map(Scope::as_str));
        Self { classic: of(&classic), granular: of(&granular) }
    }

    /// The vocabulary in which a missing scope is named: the only one that is spoken, else that of its kind.
    fn vocabulary(&self, kind: CredentialKind) -> Vocabulary {
        match (self.classic.vocabulary(), self.granular.vocabulary(), kind) {
            (Some(only), None, _) | (None, Some(only), _) => only,
            (_, _, CredentialKind::ApiTokenWithEmail | CredentialKind::ApiTokenAlone) => Vocabulary::Granular,
            _ => Vocabulary::Classic,
        }
    }

    fn has(&self, description: &PermissionDescription) -> bool {
        let has = |granted: &GrantedScopes, scope: Option<&str>| {
            scope.is_some_and(|scope| granted.grants(&Scope::new(scope)))
        };
        has(&self.classic, description.classic_scope) || has(&self.granular, description.granular_scope)
    }
}

fn by_scopes(granted: &Granted, kind: CredentialKind) -> Vec<(Permission, PermissionProof)> {
    let vocabulary = granted.vocabulary(kind);
    let scoped = permissions_of(Scm::BitbucketCloud).iter().filter(|one| one.permission != Permission::RepositoryAdmin);
    scoped.map(|description| (description.permission, by_scope(description, vocabulary, granted))).collect()
}

fn by_scope(description: &PermissionDescription, vocabulary: Vocabulary, granted: &Granted) -> PermissionProof {
    let scope = match vocabulary {
        Vocabulary::Granular => description.granular_scope,
        Vocabulary::Classic => description.classic_scope,
    };
    match scope {
        _ if granted.has(description) => PermissionProof::Granted,
        None => PermissionProof::Unverifiable,
        Some(_) if matches!(description.permission, Permission::IssueRead | Permission::AtlassianAccountRead) => {
            PermissionProof::Unverifiable
        }
        Some(scope) => PermissionProof::Missing { scope: Some(scope.to_owned()) },
    }
}

/// Takes down that `permission` is contradicted, if the header of an answer that shows it lacks it.
pub(super) fn prove_by_answer(
    session: &Session<'_>,
    permission: Permission,
    headers: &CredentialHeaders,
    round: &mut Round,
) {
    let Some(words) = &headers.granted else { return };
    let proofs = by_scopes(&Granted::new(words), session.target.kind);
    if proofs.iter().any(|(of, proof)| *of == permission && matches!(proof, PermissionProof::Missing { .. })) {
        session.prove(permission, PermissionProof::Contradicted, round);
    }
}

/// What of `proofs` is to be taken down now, beside what was `seen` of what they call missing. A header that one answer
/// proves wrong is not believed for the rest either: only what an answer itself calls missing is. A contradiction, and
/// what was called missing before, stand until they are looked at again.
pub(super) fn weighed(
    session: &Session<'_>,
    proofs: Vec<(Permission, PermissionProof)>,
    seen: &Seen,
    now: DateTime<Utc>,
) -> Vec<(Permission, PermissionProof)> {
    let known = |permission: Permission| {
        let known = known_proof(session, permission);
        known.filter(|known| !is_due(known.observed_at, known.max_age, now)).map(|known| &known.value)
    };
    let is_missing = |proof: &PermissionProof| matches!(proof, PermissionProof::Missing { .. });
    let is_contradicted = |(permission, proof): &(Permission, PermissionProof)| match proof {
        PermissionProof::Contradicted => true,
        PermissionProof::Missing { .. } => {
            seen.shown.contains(permission) || known(*permission) == Some(&PermissionProof::Contradicted)
        }
        _ => false,
    };
    let is_wrong = proofs.iter().any(is_contradicted);
    let weigh = |(permission, proof): (Permission, PermissionProof)| {
        if !is_missing(&proof) || seen.refused.contains(&permission) {
            return Some((permission, proof));
        }
        if seen.shown.contains(&permission) {
            return Some((permission, PermissionProof::Contradicted));
        }
        match known(permission) {
            Some(PermissionProof::Contradicted) => None,
            Some(PermissionProof::Missing { .. }) if is_wrong && !seen.asked.contains(&permission) => None,
            _ if is_wrong => Some((permission, PermissionProof::Contradicted)),
            _ => Some((permission, proof)),
        }
    };
    proofs.into_iter().filter_map(weigh).collect()
}

fn known_proof<'a>(session: &Session<'a>, permission: Permission) -> Option<&'a Evidence<PermissionProof>> {
    session.scope.known.and_then(|known| known.permissions.get(&permission))
}

/// What answers said of permissions that the header lacks.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Asked for.
    asked: BTreeSet<Permission>,
    /// Granted all the same.
    shown: BTreeSet<Permission>,
    /// Refused for want of the scope.
    refused: BTreeSet<Permission>,
}

impl Seen {
    /// What the answer of `/user` itself says.
    pub(super) fn by_user<T>(result: &Result<T, Failure>) -> Self {
        let mut seen = Self::default();
        if result.is_err() {
            seen.refused.insert(Permission::AccountRead);
        }
        seen
    }

    fn take<T>(&mut self, permission: Permission, result: Result<T, Failure>) -> Option<T> {
        self.asked.insert(permission);
        match result {
            Ok(value) => {
                self.shown.insert(permission);
                Some(value)
            }
            Err(failure) => {
                if missing(&failure).is_some() {
                    self.refused.insert(permission);
                }
                None
            }
        }
    }
}

/// Looks whether what the header lacks is granted all the same, as another answer's header says or as reading shows, before
/// that is believed: once, and again when half of the evidence's life is over. Only of the token that Snyk uses: an observer lacks much by advice, and proves nothing by it.
pub(super) async fn doubt(
    session: &Session<'_>,
    proofs: &[(Permission, PermissionProof)],
    seen: &mut Seen,
    round: &mut Round,
) {
    let is_news = |permission: Permission| {
        let known = known_proof(session, permission);
        known.is_none_or(|known| match known.value {
            PermissionProof::Missing { .. } | PermissionProof::Contradicted => {
                is_due(known.observed_at, known.max_age, round.started_at)
            }
            _ => true,
        })
    };
    let lacks = |permission: Permission| {
        let is_missing = |(of, proof): &(Permission, PermissionProof)| {
            *of == permission && matches!(proof, PermissionProof::Missing { .. })
        };
        proofs.iter().any(is_missing) && is_news(permission)
    };
    let lacking: BTreeSet<_> = BY_READING.into_iter().filter(|permission| lacks(*permission)).collect();
    let unnamed: BTreeSet<_> = BY_HEADER_ALONE.into_iter().filter(|permission| lacks(*permission)).collect();
    if session.scope.credential.role != Role::Integration {
        return;
    }
    if !unnamed.is_empty() {
        let named = elsewhere::headers(session, round).await.granted.unwrap_or_default();
        let proofs = by_scopes(&Granted::new(&named), session.target.kind);
        let named = proofs.into_iter().filter(|(_, proof)| *proof == PermissionProof::Granted);
        let named: BTreeSet<_> = named.map(|(permission, _)| permission).filter(|one| unnamed.contains(one)).collect();
        // Of two headers the one that names more is believed; what it lacks too is missing.
        if !named.is_empty() {
            seen.refused.extend(unnamed.difference(&named));
            seen.shown.extend(named);
        }
    }
    if lacking.is_empty() {
        return;
    }
    let (api, client) = (session.api(), session.client());
    if lacking.contains(&Permission::WorkspaceRead) {
        seen.take(Permission::WorkspaceRead, round.hear(api, client.user_workspaces().await));
    }
    let Some(workspace) = session.scope.workspaces.first().map(WorkspaceSlug::as_str) else { return };
    if lacking.contains(&Permission::ProjectRead) {
        seen.take(Permission::ProjectRead, round.hear(api, client.workspace_projects(workspace).await));
    }
    let of_repositories = [Permission::RepositoryRead, Permission::PullRequestRead, Permission::WebhookRead];
    if !of_repositories.iter().any(|permission| lacking.contains(permission)) {
        return;
    }
    let total = round.hear(api, client.repositories_total(workspace).await);
    let total = if lacking.contains(&Permission::RepositoryRead) {
        seen.take(Permission::RepositoryRead, total)
    } else {
        total.ok()
    };
    let first = total.and_then(|answer| answer.value.items.first().map(|one| one.slug().to_owned()));
    let Some(repository) = first else { return };
    if lacking.contains(&Permission::PullRequestRead) {
        let readable = client.pull_requests_readable(workspace, &repository).await;
        seen.take(Permission::PullRequestRead, round.hear(api, readable));
    }
    if lacking.contains(&Permission::WebhookRead) {
        seen.take(Permission::WebhookRead, round.hear(api, client.hooks(workspace, &repository).await));
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
        let granted = Granted::new(words.split(' '));
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

    #[test]
    fn each_word_is_read_in_its_own_vocabulary() {
        let mixed = "read:account account repository read:pullrequest:bitbucket webhook write:pullrequest:bitbucket";
        insta::assert_snapshot!(proofs(mixed, CredentialKind::ApiTokenWithEmail), @r"
        account_read granted
        workspace_read granted
        project_read missing read:project:bitbucket
        repository_read granted
        repository_write missing write:repository:bitbucket
        pull_request_read granted
        pull_request_write granted
        issue_read unverifiable
        webhook_read granted
        webhook_write granted
        atlassian_account_read granted
        ");
        // A granular word implies nothing, whatever stands beside it.
        let check = |words: &str, line: &str| {
            let shown = proofs(words, CredentialKind::ApiTokenWithEmail);
            assert!(shown.contains(line), "{words}: {shown}");
        };
        check("write:repository:bitbucket account", "repository_read missing read:repository:bitbucket");
        check("project read:user:bitbucket", "repository_read granted");
    }
}
