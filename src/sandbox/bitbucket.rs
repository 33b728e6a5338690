//! Bitbucket Cloud's 2.0 API, as far as it can be read with snykwatch's credentials (`docs/apis/bitbucket-cloud.md`).
//!
//! A call goes: removed endpoint? then who calls? then the scope, then the account's right, then the answer. `fields`,
//! `q`, `sort`, `role` and `pagelen` work for what snykwatch and a person with `curl` would ask.

mod errors;
mod fields;
mod oauth;
mod query;
mod reads;
mod shapes;

use axum::http::Method;

use super::answer::Answer;
use super::call::Call;
use super::scm_auth::{self, Principal, Refusal};
use super::world::{Availability, IssueTracker, ScmCredentialKind, ScopeVocabulary, World};

pub(super) use errors::{basic_refused as refused, gone};

/// What an endpoint asks of the caller's scopes, in both vocabularies.
#[derive(Debug, Clone, Copy)]
struct Needs {
    granular: &'static str,
    classic: &'static str,
}

const USER: Needs = Needs { granular: "read:user:bitbucket", classic: "account" };
const WORKSPACES: Needs = Needs { granular: "read:workspace:bitbucket", classic: "account" };
const PROJECTS: Needs = Needs { granular: "read:project:bitbucket", classic: "project" };
const REPOSITORIES: Needs = Needs { granular: "read:repository:bitbucket", classic: "repository" };
const PULL_REQUESTS: Needs = Needs { granular: "read:pullrequest:bitbucket", classic: "pullrequest" };
const ISSUES: Needs = Needs { granular: "read:issue:bitbucket", classic: "issue" };
const WEBHOOKS: Needs = Needs { granular: "read:webhook:bitbucket", classic: "webhook" };

/// Whether an endpoint is about the caller's own account, which access tokens do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concern {
    OwnAccount,
    Anything,
}

/// Answers a call to Bitbucket.
pub(super) fn answer(world: &mut World, call: &Call) -> Answer {
    let path = call.path_segments();
    if path == ["site", "oauth2", "access_token"] {
        return oauth::access_token(world, call);
    }
    if call.method != Method::GET {
        return errors::method_not_allowed();
    }
    if let ["2.0", "workspaces" | "repositories"] | ["2.0", "user", "permissions", ..] = path.as_slice() {
        return errors::gone();
    }
    let caller = match scm_auth::sign_in(&world.bitbucket, call, world.now) {
        Ok(caller) => caller,
        Err(Refusal::Basic) => return errors::basic_refused(),
        Err(Refusal::Bearer) => {
            return errors::error(401, "Token is invalid, expired, or not supported for this endpoint.");
        }
        Err(Refusal::OauthExpired) => return errors::error(401, "Access token expired."),
    };
    let shown = match path.as_slice() {
        ["2.0", "user"] if world.bitbucket.scope_headers_of_user == Availability::Absent => Availability::Absent,
        _ => world.bitbucket.scope_headers,
    };
    let desk = reads::Desk { bitbucket: &world.bitbucket, caller: &caller, call };
    let (needs, concern, read) = match path.as_slice() {
        ["2.0", "user"] => (USER, Concern::OwnAccount, desk.user()),
        ["2.0", "user", "workspaces"] => (WORKSPACES, Concern::OwnAccount, desk.user_workspaces()),
        ["2.0", "user", "workspaces", workspace, "permission"] => {
            (WORKSPACES, Concern::OwnAccount, desk.own_permission(workspace))
        }
        ["2.0", "user", "workspaces", workspace, "permissions", "repositories"] => {
            (REPOSITORIES, Concern::OwnAccount, desk.own_repository_permissions(workspace))
        }
        ["2.0", "workspaces", workspace] => (WORKSPACES, Concern::Anything, desk.workspace(workspace)),
        ["2.0", "workspaces", workspace, "projects"] => (PROJECTS, Concern::Anything, desk.projects(workspace)),
        ["2.0", "workspaces", workspace, "hooks"] => (WEBHOOKS, Concern::Anything, desk.workspace_hooks(workspace)),
        ["2.0", "repositories", workspace] => (REPOSITORIES, Concern::Anything, desk.repositories(workspace)),
        ["2.0", "repositories", workspace, slug] => (REPOSITORIES, Concern::Anything, desk.repository(workspace, slug)),
        ["2.0", "repositories", workspace, slug, "hooks"] => (WEBHOOKS, Concern::Anything, desk.hooks(workspace, slug)),
        ["2.0", "repositories", workspace, slug, "pullrequests"] => {
            (PULL_REQUESTS, Concern::Anything, desk.pull_requests(workspace, slug))
        }
        ["2.0", "repositories", workspace, slug, "issues"] => {
            if world.bitbucket.issue_tracker == IssueTracker::Removed {
                return errors::gone();
            }
            (ISSUES, Concern::Anything, desk.issues(workspace, slug))
        }
        ["2.0", "repositories", workspace, slug, "src", commit, rest @ ..] => {
            (REPOSITORIES, Concern::Anything, desk.source(workspace, slug, commit, &rest.join("/")))
        }
        _ => return errors::error(404, "Resource not found"),
    };
    let answer = guard(&caller, needs, concern).map_or(read, |refused| refused);
    let named = match path.as_slice() {
        ["2.0", "user"] => world.bitbucket.scopes_of_user.unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let scopes = scope_names(&caller.scopes, world.bitbucket.scope_vocabulary, named);
    let answer = with_scope_headers(answer, scopes, shown, &caller, needs).by(caller.name);
    let used = caller.credential.map(|credential| credential.secret.clone());
    if let Some(secret) = used {
        world.bitbucket.used(&secret, world.now);
    }
    answer
}

/// The refusal that comes before any answer about the thing itself.
fn guard(caller: &Principal<'_>, needs: Needs, concern: Concern) -> Option<Answer> {
    if caller.is_stranger() {
        let public = needs.granular == REPOSITORIES.granular && concern == Concern::Anything;
        return (!public).then(errors::basic_refused);
    }
    if concern == Concern::OwnAccount && caller.is_access_token() {
        return Some(errors::error(403, "This API is not accessible by this authentication mechanism"));
    }
    (!caller.has_scope(needs.granular, needs.classic)).then(|| {
        let required = if caller.is_granular() { needs.granular } else { needs.classic };
        errors::scope_missing(required, &caller.scopes)
    })
}

/// So many of the scopes as the header calls them.
fn scope_names(scopes: &[String], vocabulary: ScopeVocabulary, most: usize) -> String {
    let mut names: Vec<&str> = scopes.iter().map(String::as_str).take(most).collect();
    if vocabulary == ScopeVocabulary::Mixed {
        names = names.iter().enumerate().map(|(at, name)| if at % 2 == 1 { classic(name) } else { name }).collect();
    }
    names.join(", ")
}

/// The classic name of a granular scope.
fn classic(scope: &str) -> &str {
    match scope {
        "read:user:bitbucket" => "account",
        "read:workspace:bitbucket" => "team",
        "read:project:bitbucket" => "project",
        "read:repository:bitbucket" => "repository",
        "write:repository:bitbucket" => "repository:write",
        "read:pullrequest:bitbucket" => "pullrequest",
        "write:pullrequest:bitbucket" => "pullrequest:write",
        "read:issue:bitbucket" => "issue",
        "read:webhook:bitbucket" | "write:webhook:bitbucket" => "webhook",
        other => other,
    }
}

/// Scope headers come with 200 and with 403.
fn with_scope_headers(
    answer: Answer,
    scopes: String,
    shown: Availability,
    caller: &Principal<'_>,
    needs: Needs,
) -> Answer {
    if caller.is_stranger() || shown == Availability::Absent || !matches!(answer.status, 200 | 403) {
        return answer;
    }
    let mut answer = answer.with_header("x-oauth-scopes", scopes).with_header("x-accepted-oauth-scopes", needs.classic);
    if let Some(credential) = caller.credential {
        let kind = match credential.kind {
            ScmCredentialKind::ApiToken { .. } | ScmCredentialKind::ApiTokenWithoutScopes { .. } => "api_token",
            ScmCredentialKind::AppPassword { .. } => "app_password",
            ScmCredentialKind::WorkspaceAccessToken { .. } => "workspace_access_token",
            ScmCredentialKind::ProjectAccessToken { .. } => "project_access_token",
            ScmCredentialKind::RepositoryAccessToken { .. } => "repo_access_token",
        };
        answer = answer.with_header("x-credential-type", kind).with_header("x-token-id", &*credential.token_id);
    }
    // Only access tokens are told about their allowance.
    if caller.is_access_token() {
        answer = answer
            .with_header("x-ratelimit-limit", "1000")
            .with_header("x-ratelimit-resource", "api")
            .with_header("x-ratelimit-nearlimit", "false");
    }
    answer
}
