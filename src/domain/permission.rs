//! Permissions: what Snyk needs from the SCM token, in the pilot guide's words and in the SCM's scopes.
//!
//! One table for each SCM. A permission set names which of them a level requires; the sets can be overridden in the
//! configuration. Sources of the scope names: `docs/apis/bitbucket-cloud.md`.

use serde::{Deserialize, Serialize};

use super::kinds::{Scm, closed_list};

closed_list! {
    /// One permission of an SCM credential.
    Permission {
        /// Read the account the token belongs to.
        AccountRead => "account_read",
        /// Read workspace membership.
        WorkspaceRead => "workspace_read",
        /// Read projects.
        ProjectRead => "project_read",
        /// Read repositories.
        RepositoryRead => "repository_read",
        /// Write repositories (fix pull requests push branches).
        RepositoryWrite => "repository_write",
        /// Read pull requests.
        PullRequestRead => "pull_request_read",
        /// Comment on and open pull requests.
        PullRequestWrite => "pull_request_write",
        /// Read issues.
        IssueRead => "issue_read",
        /// Read webhooks.
        WebhookRead => "webhook_read",
        /// Create webhooks.
        WebhookWrite => "webhook_write",
        /// Atlassian's account identity scope; informational.
        AtlassianAccountRead => "atlassian_account_read",
        /// Not a scope: the account is administrator of the imported repositories.
        RepositoryAdmin => "repository_admin",
    }
}

impl Permission {
    /// Whether it lets change something. snykwatch never needs that.
    pub fn is_to_write(self) -> bool {
        matches!(self, Self::RepositoryWrite | Self::PullRequestWrite | Self::WebhookWrite)
    }
}

/// How one permission is called and proved at one SCM.
#[derive(Debug, Clone, Copy)]
pub struct PermissionDescription {
    /// Which one.
    pub permission: Permission,
    /// The pilot guide's words, such as `Webhooks: write`.
    pub label: &'static str,
    /// The scope of API tokens; `None` for what no scope gives.
    pub granular_scope: Option<&'static str>,
    /// The scope of app passwords, access tokens and OAuth consumers.
    pub classic_scope: Option<&'static str>,
}

/// The permissions of one SCM.
pub fn permissions_of(scm: Scm) -> &'static [PermissionDescription] {
    match scm {
        Scm::BitbucketCloud => BITBUCKET_CLOUD,
    }
}

/// The description of `permission` at `scm`.
pub fn describe(scm: Scm, permission: Permission) -> Option<&'static PermissionDescription> {
    permissions_of(scm).iter().find(|description| description.permission == permission)
}

/// The scopes of a token that can see what snykwatch looks at and change nothing (`docs/permissions.md`): those of API
/// tokens, or the classic ones of every other kind. Of the classic ones none reads webhooks without making them.
pub fn read_only_scopes(scm: Scm, is_api_token: bool) -> Vec<&'static str> {
    use Permission::{AccountRead, RepositoryRead, WebhookRead, WorkspaceRead};
    let wanted: &[Permission] = if is_api_token {
        &[AccountRead, WorkspaceRead, RepositoryRead, WebhookRead]
    } else {
        &[AccountRead, RepositoryRead]
    };
    let descriptions = wanted.iter().filter_map(|permission| describe(scm, *permission));
    let scopes = descriptions.filter_map(|one| if is_api_token { one.granular_scope } else { one.classic_scope });
    scopes.collect()
}

const fn scope(
    permission: Permission,
    label: &'static str,
    granular: &'static str,
    classic: &'static str,
) -> PermissionDescription {
    PermissionDescription { permission, label, granular_scope: Some(granular), classic_scope: Some(classic) }
}

const BITBUCKET_CLOUD: &[PermissionDescription] = &[
    scope(Permission::AccountRead, "Account: read", "read:user:bitbucket", "account"),
    scope(Permission::WorkspaceRead, "Workspace membership: read", "read:workspace:bitbucket", "account"),
    scope(Permission::ProjectRead, "Projects: read", "read:project:bitbucket", "project"),
    scope(Permission::RepositoryRead, "Repositories: read", "read:repository:bitbucket", "repository"),
    scope(Permission::RepositoryWrite, "Repositories: write", "write:repository:bitbucket", "repository:write"),
    scope(Permission::PullRequestRead, "Pull requests: read", "read:pullrequest:bitbucket", "pullrequest"),
    scope(Permission::PullRequestWrite, "Pull requests: write", "write:pullrequest:bitbucket", "pullrequest:write"),
    scope(Permission::IssueRead, "Issues: read", "read:issue:bitbucket", "issue"),
    scope(Permission::WebhookRead, "Webhooks: read", "read:webhook:bitbucket", "webhook"),
    scope(Permission::WebhookWrite, "Webhooks: write", "write:webhook:bitbucket", "webhook"),
    PermissionDescription {
        permission: Permission::AtlassianAccountRead,
        label: "Atlassian account: read",
        granular_scope: Some("read:account"),
        classic_scope: None,
    },
    PermissionDescription {
        permission: Permission::RepositoryAdmin,
        label: "Admin on imported repositories",
        granular_scope: None,
        classic_scope: None,
    },
];

/// A named list of permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionSet {
    /// `pilot-guide`, `group`, `organization`, or a name of the configuration.
    pub name: String,
    /// A missing one makes `PermissionsGranted` false.
    pub required: Vec<Permission>,
    /// Shown, never lowering.
    pub optional: Vec<Permission>,
}

impl PermissionSet {
    /// What discovery at Group level needs.
    pub fn group() -> Self {
        use Permission::{AccountRead, RepositoryRead, WorkspaceRead};
        Self {
            name: "group".to_owned(),
            required: vec![AccountRead, WorkspaceRead, RepositoryRead],
            optional: Vec::new(),
        }
    }

    /// What an Organization's integration needs.
    pub fn organization() -> Self {
        use Permission::{
            AccountRead, AtlassianAccountRead, ProjectRead, PullRequestRead, PullRequestWrite, RepositoryAdmin,
            RepositoryRead, RepositoryWrite, WebhookRead, WebhookWrite, WorkspaceRead,
        };
        Self {
            name: "organization".to_owned(),
            required: vec![
                AccountRead,
                WorkspaceRead,
                ProjectRead,
                RepositoryRead,
                RepositoryWrite,
                PullRequestRead,
                PullRequestWrite,
                WebhookRead,
                WebhookWrite,
                RepositoryAdmin,
            ],
            optional: vec![AtlassianAccountRead],
        }
    }

    /// The pilot guide's list, for one token used at both levels.
    pub fn pilot_guide() -> Self {
        use Permission::{
            AccountRead, AtlassianAccountRead, IssueRead, ProjectRead, PullRequestRead, PullRequestWrite,
            RepositoryAdmin, RepositoryRead, WebhookRead, WebhookWrite, WorkspaceRead,
        };
        Self {
            name: "pilot-guide".to_owned(),
            required: vec![
                AccountRead,
                WorkspaceRead,
                ProjectRead,
                RepositoryRead,
                PullRequestRead,
                PullRequestWrite,
                WebhookRead,
                WebhookWrite,
                RepositoryAdmin,
            ],
            optional: vec![IssueRead, AtlassianAccountRead],
        }
    }

    /// The built-in set of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::pilot_guide(), Self::group(), Self::organization()].into_iter().find(|set| set.name == name)
    }
}
