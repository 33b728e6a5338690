//! The facts a probe can find, in the words of the product rather than of one API.

mod credential;
mod inventory;
mod organization;
mod upstream;

pub use credential::{
    CredentialExpiry, ListedToken, PermissionProof, PreviousSecret, RejectionCause, ScmAccount, ScmAuthentication,
    SnykAuthentication, SnykRejectionCause,
};
pub use inventory::{
    Asset, AssetWalk, CatalogCheck, CatalogSample, RemovalReason, RemovedAsset, Repository, RepositoryFate,
    RepositorySet, Unread, WorkspaceFact, normalised_url,
};
pub use organization::{
    Access, AuditEvent, AuditEventKind, AuditEvents, IntegrationPresence, LastTest, OrganizationImports,
    OrganizationListing, Project, PullRequestChecks, RemovedOrganization, Target, TestFrequency, WebhookCheck,
    WebhookSample, WebhookState,
};
pub use upstream::{ApiFacts, VersionEnding};
