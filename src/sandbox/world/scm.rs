//! Bitbucket Cloud's state: accounts, credentials, workspaces, repositories.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::switches::{Availability, IssueTracker, ScopeVocabulary, TotalCount};

/// Bitbucket Cloud.
#[derive(Debug)]
pub struct Bitbucket {
    /// The people and bots.
    pub accounts: Vec<Account>,
    /// API tokens, access tokens and app passwords.
    pub credentials: Vec<ScmCredential>,
    /// OAuth consumers.
    pub consumers: Vec<OauthConsumer>,
    /// Access tokens given out to OAuth consumers.
    pub grants: Vec<OauthGrant>,
    /// The workspaces, deleted ones left out.
    pub workspaces: Vec<Workspace>,
    /// The repositories, deleted ones left out.
    pub repositories: Vec<Repository>,
    /// Whether lists carry their `size`.
    pub total_count: TotalCount,
    /// What the issues endpoint does.
    pub issue_tracker: IssueTracker,
    /// Whether answers carry the scope headers; a proxy may strip them.
    pub scope_headers: Availability,
    /// Whether the answer of `/user` carries them; the others go by `scope_headers`.
    pub scope_headers_of_user: Availability,
    /// By which names the scope header calls the scopes.
    pub scope_vocabulary: ScopeVocabulary,
    /// After how many scopes the header of `/user` ends; none for after all.
    pub scopes_of_user: Option<usize>,
}

impl Default for Bitbucket {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            credentials: Vec::new(),
            consumers: Vec::new(),
            grants: Vec::new(),
            workspaces: Vec::new(),
            repositories: Vec::new(),
            total_count: TotalCount::Shown,
            issue_tracker: IssueTracker::Removed,
            scope_headers: Availability::Present,
            scope_headers_of_user: Availability::Present,
            scope_vocabulary: ScopeVocabulary::Own,
            scopes_of_user: None,
        }
    }
}

/// A person or a bot.
#[derive(Debug, Clone)]
pub struct Account {
    /// Bitbucket's own id.
    pub uuid: Uuid,
    /// Atlassian's id.
    pub account_id: String,
    /// The old Bitbucket user name, once used with app passwords.
    pub username: String,
    /// The name shown.
    pub display_name: String,
    /// The Atlassian account's e-mail, used with API tokens.
    pub email: String,
}

/// A secret that Bitbucket may accept.
#[derive(Debug, Clone)]
pub struct ScmCredential {
    /// Its name in deeds and in the request log; its label in Atlassian's admin API.
    pub name: String,
    /// The secret.
    pub secret: String,
    /// What sort it is.
    pub kind: ScmCredentialKind,
    /// Its scopes as `x-oauth-scopes` tells them: granular for API tokens, classic for the others, where only the
    /// highest of a family is listed.
    pub scopes: BTreeSet<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends; none for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it may be used.
    pub state: CredentialState,
    /// `x-token-id`; changes with each rotation.
    pub token_id: String,
    /// The id in Atlassian's admin API; nobody documents that it equals `token_id`, so here it does not.
    pub admin_id: Uuid,
    /// Whether Atlassian's admin API lists it; a complete listing may lack one that works.
    pub listed: Availability,
    /// When it was last accepted, by whomever it was sent.
    pub last_used: Option<DateTime<Utc>>,
}

/// The sorts of Bitbucket credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScmCredentialKind {
    /// An Atlassian API token with scopes, of this account.
    ApiToken {
        /// Whose token it is.
        owner: Uuid,
    },
    /// An Atlassian API token made without scopes: Bitbucket refuses it.
    ApiTokenWithoutScopes {
        /// Whose token it is.
        owner: Uuid,
    },
    /// An app password of this account; refused since 2026-07-28.
    AppPassword {
        /// Whose password it is.
        owner: Uuid,
    },
    /// A workspace access token.
    WorkspaceAccessToken {
        /// The workspace it belongs to.
        workspace: Uuid,
    },
    /// A project access token.
    ProjectAccessToken {
        /// The workspace it belongs to.
        workspace: Uuid,
        /// The key of its project.
        project: String,
    },
    /// A repository access token.
    RepositoryAccessToken {
        /// The repository it belongs to.
        repository: Uuid,
    },
}

/// Whether a credential may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialState {
    /// It may.
    Allowed,
    /// An organisation admin blocked it.
    Blocked,
    /// Its owner revoked it: it is gone from every list.
    Revoked,
}

/// An OAuth consumer of a workspace, for the client-credentials grant.
#[derive(Debug, Clone)]
pub struct OauthConsumer {
    /// The key, sent as Basic user.
    pub key: String,
    /// The secret, sent as Basic password.
    pub secret: String,
    /// The account that the consumer acts for.
    pub owner: Uuid,
    /// Its classic scopes.
    pub scopes: BTreeSet<String>,
    /// How long its access tokens live; Bitbucket's own: two hours.
    pub lifetime: TimeDelta,
}

/// An access token given out to a consumer.
#[derive(Debug, Clone)]
pub struct OauthGrant {
    /// The token.
    pub secret: String,
    /// The consumer's key.
    pub consumer: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A workspace.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its id, which a rename does not change.
    pub uuid: Uuid,
    /// Its slug in every path.
    pub slug: String,
    /// The name shown.
    pub name: String,
    /// Who belongs to it.
    pub members: BTreeMap<Uuid, Role>,
    /// Its projects.
    pub projects: Vec<ScmProject>,
    /// Webhooks of the whole workspace.
    pub hooks: Vec<Hook>,
    /// When it was made.
    pub created_on: DateTime<Utc>,
    /// Whether it answers 404 to everybody who does not belong to it.
    pub is_private: bool,
}

/// What a member may do in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Administers it, and by that every repository.
    Owner,
    /// May create projects and repositories.
    Creator,
    /// Uses it.
    Member,
}

/// A project of a workspace.
#[derive(Debug, Clone)]
pub struct ScmProject {
    /// Its id.
    pub uuid: Uuid,
    /// Its key.
    pub key: String,
    /// The name shown.
    pub name: String,
}

/// A webhook.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Its id.
    pub uuid: Uuid,
    /// Where it posts to.
    pub url: String,
    /// Its description.
    pub description: String,
    /// Whether it is switched on.
    pub active: bool,
    /// What it listens to.
    pub events: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A repository.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Its id, which renames and transfers do not change.
    pub uuid: Uuid,
    /// The workspace it is in.
    pub workspace: Uuid,
    /// Its slug.
    pub slug: String,
    /// The name shown.
    pub name: String,
    /// The key of its project.
    pub project: String,
    /// False: anybody sees it.
    pub is_private: bool,
    /// When it was made.
    pub created_on: DateTime<Utc>,
    /// Bitbucket's time of the last change of any sort.
    pub updated_on: DateTime<Utc>,
    /// The last change that Snyk's discovery looks at: a push, a rename, a transfer; not an edit of metadata.
    pub discovery_changed_on: DateTime<Utc>,
    /// Its size in bytes.
    pub size: u64,
    /// Its main branch; none for an empty repository.
    pub main_branch: Option<String>,
    /// Whether it is archived. Bitbucket's API does not tell; Snyk's asset does.
    pub archived: bool,
    /// Whether it is somebody's personal repository. Bitbucket's API does not tell; Snyk's asset does.
    pub personal: bool,
    /// Its Backstage catalog file.
    pub catalog: Option<CatalogFile>,
    /// Its webhooks.
    pub hooks: Vec<Hook>,
    /// Accounts with an explicit Admin permission.
    pub admins: BTreeSet<Uuid>,
    /// Members of the workspace who do not see it.
    pub hidden_from: BTreeSet<Uuid>,
    /// Whether Snyk's discovery takes it up; `Absent` for one that it overlooks for ever.
    pub discovery: Availability,
}

/// A Backstage catalog file in a repository's main branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogFile {
    /// Its path, `catalog-info.yaml` by default.
    pub path: String,
    /// The component's name in it.
    pub component: String,
    /// The owner in it.
    pub owner: String,
}

impl CatalogFile {
    /// The file's text.
    pub fn text(&self) -> String {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: {}\nspec:\n  type: service\n  owner: {}\n",
            self.component, self.owner
        )
    }
}

impl ScmCredential {
    /// The account behind it; access tokens have none.
    pub fn owner(&self) -> Option<Uuid> {
        match self.kind {
            ScmCredentialKind::ApiToken { owner }
            | ScmCredentialKind::ApiTokenWithoutScopes { owner }
            | ScmCredentialKind::AppPassword { owner } => Some(owner),
            ScmCredentialKind::WorkspaceAccessToken { .. }
            | ScmCredentialKind::ProjectAccessToken { .. }
            | ScmCredentialKind::RepositoryAccessToken { .. } => None,
        }
    }

    /// Whether it may be used at `now`.
    pub fn is_usable(&self, now: DateTime<Utc>) -> bool {
        self.state == CredentialState::Allowed && self.expires_at.is_none_or(|end| now < end)
    }
}

impl Bitbucket {
    /// The credential of this name.
    pub fn credential(&self, name: &str) -> Option<&ScmCredential> {
        self.credentials.iter().find(|credential| credential.name == name)
    }

    /// The credential with this secret was accepted.
    pub(crate) fn used(&mut self, secret: &str, at: DateTime<Utc>) {
        if let Some(credential) = self.credentials.iter_mut().find(|credential| credential.secret == secret) {
            credential.last_used = Some(at);
        }
    }

    /// The account with this id.
    pub fn account(&self, id: Uuid) -> Option<&Account> {
        self.accounts.iter().find(|account| account.uuid == id)
    }

    /// The workspace with this slug.
    pub fn workspace(&self, slug: &str) -> Option<&Workspace> {
        self.workspaces.iter().find(|workspace| workspace.slug == slug)
    }

    /// The workspace with this id.
    pub fn workspace_by_id(&self, id: Uuid) -> Option<&Workspace> {
        self.workspaces.iter().find(|workspace| workspace.uuid == id)
    }

    /// The repository with this id.
    pub fn repository_by_id(&self, id: Uuid) -> Option<&Repository> {
        self.repositories.iter().find(|repository| repository.uuid == id)
    }

    /// The repository's address on the site, as Snyk keeps it.
    pub fn url_of(&self, repository: &Repository) -> String {
        let workspace = self.workspace_by_id(repository.workspace).map_or("", |workspace| workspace.slug.as_str());
        format!("https://bitbucket.org/{workspace}/{}", repository.slug)
    }
}
