//! Whom Bitbucket takes a caller for, and what the caller's scopes allow.
//!
//! API tokens sign in by Basic with the account's e-mail only, access and OAuth tokens by Bearer only; app passwords not
//! at all (`docs/apis/bitbucket-cloud.md`).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::base64;
use super::call::Call;
use super::world::{Bitbucket, Repository, Role, ScmCredential, ScmCredentialKind, Workspace};

/// Why nobody was signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Basic, whatever the reason: Bitbucket says no more than 401 with an empty body.
    Basic,
    /// A token that is unknown, ended, revoked or not for Bearer.
    Bearer,
    /// An OAuth access token past its time.
    OauthExpired,
}

/// A caller.
#[derive(Debug)]
pub(super) struct Principal<'a> {
    /// The credential's name; none for a stranger.
    pub(super) name: Option<&'a str>,
    /// The account behind the caller; none for strangers and access tokens.
    pub(super) account: Option<Uuid>,
    /// The credential, when it is not an OAuth token.
    pub(super) credential: Option<&'a ScmCredential>,
    /// The scopes as the header lists them.
    pub(super) scopes: Vec<String>,
}

/// Signs a call in; a call without `Authorization` is a stranger's.
pub(super) fn sign_in<'a>(bitbucket: &'a Bitbucket, call: &Call, now: DateTime<Utc>) -> Result<Principal<'a>, Refusal> {
    if call.header("authorization").is_none() {
        return Ok(Principal { name: None, account: None, credential: None, scopes: Vec::new() });
    }
    match call.authorization() {
        Some((scheme, value)) if scheme == "basic" => {
            let (user, password) = basic_pair(value).ok_or(Refusal::Basic)?;
            basic(bitbucket, &user, &password, now)
        }
        Some((scheme, value)) if scheme == "bearer" => bearer(bitbucket, value, now),
        _ => Err(Refusal::Bearer),
    }
}

/// User and password of a Basic header's value.
pub(super) fn basic_pair(value: &str) -> Option<(String, String)> {
    let text = String::from_utf8(base64::decode(value)?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Signs in by e-mail and API token.
pub(super) fn basic<'a>(
    bitbucket: &'a Bitbucket,
    email: &str,
    secret: &str,
    now: DateTime<Utc>,
) -> Result<Principal<'a>, Refusal> {
    let credential = bitbucket
        .credentials
        .iter()
        .find(|known| known.secret == secret && matches!(known.kind, ScmCredentialKind::ApiToken { .. }))
        .filter(|known| known.is_usable(now))
        .ok_or(Refusal::Basic)?;
    let account = credential.owner().and_then(|owner| bitbucket.account(owner)).ok_or(Refusal::Basic)?;
    if !account.email.eq_ignore_ascii_case(email) {
        return Err(Refusal::Basic);
    }
    Ok(Principal::of(credential))
}

/// Signs in by an access token or an OAuth token.
pub(super) fn bearer<'a>(bitbucket: &'a Bitbucket, secret: &str, now: DateTime<Utc>) -> Result<Principal<'a>, Refusal> {
    if let Some(grant) = bitbucket.grants.iter().find(|grant| grant.secret == secret) {
        let consumer = bitbucket.consumers.iter().find(|known| known.key == grant.consumer).ok_or(Refusal::Bearer)?;
        if now >= grant.expires_at {
            return Err(Refusal::OauthExpired);
        }
        return Ok(Principal {
            name: Some(&consumer.key),
            account: Some(consumer.owner),
            credential: None,
            scopes: consumer.scopes.iter().cloned().collect(),
        });
    }
    let credential = bitbucket.credentials.iter().find(|known| known.secret == secret && known.owner().is_none());
    credential.filter(|known| known.is_usable(now)).map(Principal::of).ok_or(Refusal::Bearer)
}

impl<'a> Principal<'a> {
    fn of(credential: &'a ScmCredential) -> Self {
        Self {
            name: Some(&credential.name),
            account: credential.owner(),
            credential: Some(credential),
            scopes: credential.scopes.iter().cloned().collect(),
        }
    }

    /// Whether the caller has no credential at all.
    pub(super) fn is_stranger(&self) -> bool {
        self.name.is_none()
    }

    /// Whether the caller is an access token, which has no user.
    pub(super) fn is_access_token(&self) -> bool {
        !self.is_stranger() && self.account.is_none()
    }

    /// Whether the credential's scopes are granular ones; otherwise they are classic.
    pub(super) fn is_granular(&self) -> bool {
        matches!(self.credential.map(|known| &known.kind), Some(ScmCredentialKind::ApiToken { .. }))
    }

    /// Whether the scopes allow what `granular` or, in the classic vocabulary, `classic` names. Granular scopes imply
    /// nothing; classic ones imply what is below them.
    pub(super) fn has_scope(&self, granular: &str, classic: &str) -> bool {
        if self.is_granular() {
            return self.scopes.iter().any(|scope| scope == granular);
        }
        let held: BTreeSet<&str> = self.scopes.iter().flat_map(|scope| implied(scope)).collect();
        held.contains(classic)
    }

    /// Whether the caller belongs to a workspace.
    pub(super) fn belongs_to(&self, workspace: &Workspace) -> bool {
        match (self.account, self.credential.map(|known| &known.kind)) {
            (Some(account), _) => workspace.members.contains_key(&account),
            (
                None,
                Some(
                    ScmCredentialKind::WorkspaceAccessToken { workspace: home }
                    | ScmCredentialKind::ProjectAccessToken { workspace: home, .. },
                ),
            ) => *home == workspace.uuid,
            _ => false,
        }
    }

    /// Whether the caller sees a repository.
    pub(super) fn sees(&self, bitbucket: &Bitbucket, repository: &Repository) -> bool {
        if !repository.is_private {
            return true;
        }
        let Some(workspace) = bitbucket.workspace_by_id(repository.workspace) else { return false };
        match (self.account, self.credential.map(|known| &known.kind)) {
            (Some(account), _) => {
                workspace.members.contains_key(&account) && !repository.hidden_from.contains(&account)
            }
            (None, Some(ScmCredentialKind::WorkspaceAccessToken { workspace: home })) => *home == workspace.uuid,
            (None, Some(ScmCredentialKind::ProjectAccessToken { workspace: home, project })) => {
                *home == workspace.uuid && *project == repository.project
            }
            (None, Some(ScmCredentialKind::RepositoryAccessToken { repository: own })) => *own == repository.uuid,
            _ => false,
        }
    }

    /// Whether the caller administers a repository, explicitly or by the workspace.
    pub(super) fn administers(&self, bitbucket: &Bitbucket, repository: &Repository) -> bool {
        let Some(account) = self.account else {
            let may = self.scopes.iter().any(|scope| scope == "repository:admin" || scope == "project:admin");
            return may && self.sees(bitbucket, repository);
        };
        let role = bitbucket.workspace_by_id(repository.workspace).and_then(|found| found.members.get(&account));
        role == Some(&Role::Owner) || repository.admins.contains(&account)
    }
}

/// A classic scope and what it implies.
fn implied(scope: &str) -> Vec<&str> {
    match scope {
        "repository:write" => vec!["repository:write", "repository"],
        "pullrequest" => vec!["pullrequest", "repository"],
        "pullrequest:write" => vec!["pullrequest:write", "pullrequest", "repository:write", "repository"],
        "project" => vec!["project", "repository"],
        "account:write" => vec!["account:write", "account", "email"],
        "account" => vec!["account", "email"],
        "issue:write" => vec!["issue:write", "issue"],
        other => vec![other],
    }
}
