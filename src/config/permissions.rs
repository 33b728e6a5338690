//! Permission sets: named lists of what a PAT must be allowed to do.
//!
//! Three sets are built in (see `docs/apis/bitbucket-cloud.md`); the `permission_sets` section may redefine one of them
//! or add others. Only the names live here: how a permission is recognised is the matter of the probes.

use super::names::PermissionSetName;

/// What the pilot guide asks for: one PAT for both levels.
pub const PILOT_GUIDE: &str = "pilot-guide";
/// What discovery by the Group needs.
pub const GROUP: &str = "group";
/// What the Organization level needs.
pub const ORGANIZATION: &str = "organization";

/// Everything a PAT can be asked to be allowed, in our words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Account: Read.
    AccountRead,
    /// The account's Atlassian identity (`read:account`); never required.
    IdentityRead,
    /// Workspace membership: Read.
    WorkspaceRead,
    /// Projects: Read.
    ProjectsRead,
    /// Repositories: Read.
    RepositoriesRead,
    /// Repositories: Write.
    RepositoriesWrite,
    /// Pull requests: Read.
    PullRequestsRead,
    /// Pull requests: Write.
    PullRequestsWrite,
    /// Issues: Read; never required, as it can no longer be probed.
    IssuesRead,
    /// Webhooks: Read.
    WebhooksRead,
    /// Webhooks: Write.
    WebhooksWrite,
    /// The account is Admin on the imported repositories.
    RepositoryAdmin,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 12] = [
        Self::AccountRead,
        Self::IdentityRead,
        Self::WorkspaceRead,
        Self::ProjectsRead,
        Self::RepositoriesRead,
        Self::RepositoriesWrite,
        Self::PullRequestsRead,
        Self::PullRequestsWrite,
        Self::IssuesRead,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::RepositoryAdmin,
    ];

    /// The word in the configuration and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountRead => "account_read",
            Self::IdentityRead => "identity_read",
            Self::WorkspaceRead => "workspace_read",
            Self::ProjectsRead => "projects_read",
            Self::RepositoriesRead => "repositories_read",
            Self::RepositoriesWrite => "repositories_write",
            Self::PullRequestsRead => "pull_requests_read",
            Self::PullRequestsWrite => "pull_requests_write",
            Self::IssuesRead => "issues_read",
            Self::WebhooksRead => "webhooks_read",
            Self::WebhooksWrite => "webhooks_write",
            Self::RepositoryAdmin => "repository_admin",
        }
    }
}

/// A named list of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionSet {
    /// Its name.
    pub name: PermissionSetName,
    /// Missing one of these is a problem.
    pub required: Vec<Permission>,
    /// These are shown, and never lower anything.
    pub optional: Vec<Permission>,
}

impl PermissionSet {
    /// The sets that are there without any configuration.
    pub fn built_in() -> [Self; 3] {
        use Permission as P;
        let group = [P::AccountRead, P::WorkspaceRead, P::RepositoriesRead];
        let organization = [
            P::AccountRead,
            P::WorkspaceRead,
            P::ProjectsRead,
            P::RepositoriesRead,
            P::RepositoriesWrite,
            P::PullRequestsRead,
            P::PullRequestsWrite,
            P::WebhooksRead,
            P::WebhooksWrite,
            P::RepositoryAdmin,
        ];
        let pilot_guide = [
            P::AccountRead,
            P::WorkspaceRead,
            P::ProjectsRead,
            P::RepositoriesRead,
            P::PullRequestsRead,
            P::PullRequestsWrite,
            P::WebhooksRead,
            P::WebhooksWrite,
            P::RepositoryAdmin,
        ];
        [
            Self::of(PILOT_GUIDE, &pilot_guide, &[P::IdentityRead, P::IssuesRead]),
            Self::of(GROUP, &group, &[]),
            Self::of(ORGANIZATION, &organization, &[P::IdentityRead]),
        ]
    }

    fn of(name: &str, required: &[Permission], optional: &[Permission]) -> Self {
        Self { name: PermissionSetName::new(name), required: required.to_vec(), optional: optional.to_vec() }
    }
}
