//! A probe's work and its outcome: data, never an `Err`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::evidence::Part;
use super::facts::{
    Access, AssetWalk, AuditEvents, CatalogSample, CredentialExpiry, IntegrationPresence, ListedToken,
    OrganizationImports, OrganizationListing, PermissionProof, PreviousSecret, PullRequestChecks, RemovedOrganization,
    RepositoryFate, RepositorySet, ScmAuthentication, SnykAuthentication, VersionEnding, WebhookSample, WorkspaceFact,
};
use super::kinds::closed_list;
use super::names::{
    ApiName, CredentialName, IntegrationKey, IntegrationName, ProfileName, RepositoryId, WorkspaceSlug,
};
use super::permission::Permission;

closed_list! {
    /// The kinds of probes; the `probe` label of the metrics.
    ProbeKind {
        /// `/self` and the expiry of a Snyk token.
        SnykToken => "snyk_token",
        /// The SCM's one-call check of a credential, its scopes, and its expiry by the admin API.
        ScmCredential => "scm_credential",
        /// The Group is readable.
        GroupAccess => "group_access",
        /// Membership, repositories and unscoped permissions of one profile.
        Profile => "profile",
        /// The Group's repository assets.
        Inventory => "inventory",
        /// Catalog files and application context.
        Catalog => "catalog",
        /// The Group's Organizations.
        OrganizationList => "organization_list",
        /// One Organization: integration, targets, projects, audit log.
        Organization => "organization",
        /// Sampled webhooks of one Organization.
        Webhooks => "webhooks",
    }
}

/// Whom a probe asks about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkSubject {
    /// A Snyk token or an SCM credential.
    Credential(CredentialName),
    /// A Group integration.
    Group(IntegrationName),
    /// One profile of a Group integration.
    Profile(IntegrationName, ProfileName),
    /// One Organization.
    Organization(IntegrationKey),
}

/// One thing to do: the planner's unit and the key of its schedule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Work {
    /// Which probe.
    pub kind: ProbeKind,
    /// About whom.
    pub subject: WorkSubject,
}

impl fmt::Display for Work {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            WorkSubject::Credential(name) => write!(formatter, "{} of {name}", self.kind),
            WorkSubject::Group(name) => write!(formatter, "{} of {name}", self.kind),
            WorkSubject::Profile(name, profile) => write!(formatter, "{} of {name}/{profile}", self.kind),
            WorkSubject::Organization(key) => write!(formatter, "{} of {key}", self.kind),
        }
    }
}

/// A finished probe.
#[derive(Debug, Clone)]
pub struct ProbeRun {
    /// What was asked.
    pub work: Work,
    /// When it began, in domain time: the time of its evidence.
    pub started_at: DateTime<Utc>,
    /// When it ended, in domain time.
    pub finished_at: DateTime<Utc>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a probe: conclusive findings, and failures that conclude nothing. A round may have both.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Conclusive facts: each replaces its evidence (a rejection only once confirmed).
    pub findings: Vec<Finding>,
    /// What concluded nothing: it ages evidence and replaces nothing.
    pub failures: Vec<ProbeFailure>,
    /// What the APIs said of themselves meanwhile.
    pub notices: Vec<ApiNotice>,
}

/// A part of a probe that concluded nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeFailure {
    /// What could not be observed, where one thing of the work's subject could not.
    pub part: Option<Part>,
    /// Which API.
    pub api: ApiName,
    /// Closed-list word of the failure (`timeout`, `server_error`, `rate_limited`, ...): a metric label.
    pub reason: &'static str,
    /// What happened, safe to show.
    pub detail: String,
    /// How far the question came, and so of whom this speaks.
    pub failed_at: FailedAt,
    /// The API's own wish when to ask again.
    pub retry_after: Option<TimeDelta>,
}

/// How far a question came that got no usable answer. Of what lies beyond that, its failure says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedAt {
    /// It was never sent (our budget is spent, the credential is paused, the secret was refused).
    Ourselves,
    /// It did not arrive: name lookup, proxy, connection or TLS.
    TheWay,
    /// A page for people, or the way to one, came in the API's place: a proxy's, a portal's, or the vendor's own.
    InItsPlace,
    /// The API as a whole looks unreachable (5xx, 429, HTML, a cut connection, ...).
    WholeApi,
    /// This endpoint alone (404, 410).
    Endpoint,
}

impl FailedAt {
    /// Whether it is no use to ask the API something else now.
    pub fn hides_whole_api(self) -> bool {
        matches!(self, Self::TheWay | Self::InItsPlace | Self::WholeApi)
    }
}

/// Something an API said of itself in its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiNotice {
    /// It gave a conclusive answer.
    Answered(ApiName),
    /// Our clock minus its `Date`.
    ClockSkew(ApiName, TimeDelta),
    /// The used version's end is announced, or (`None`) no longer is.
    VersionEnding(ApiName, Option<VersionEnding>),
}

/// One conclusive fact and the slot it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Does Snyk accept the token.
    SnykAuthentication(CredentialName, SnykAuthentication),
    /// When the Snyk token expires.
    SnykTokenExpiry(CredentialName, CredentialExpiry),
    /// Does the SCM accept the credential.
    ScmAuthentication(CredentialName, ScmAuthentication),
    /// When the SCM credential expires, by the SCM's own word.
    ScmCredentialExpiry(CredentialName, CredentialExpiry),
    /// What the SCM answers to the secret before the present one.
    PreviousSecret(CredentialName, PreviousSecret),
    /// The admin API's word on the token saved in Snyk.
    ListedToken(CredentialName, ListedToken),
    /// One permission's proof.
    Permission(CredentialName, Permission, PermissionProof),
    /// May the Group be read.
    GroupAccess(IntegrationName, Access),
    /// The profile's workspaces.
    Workspaces(IntegrationName, ProfileName, BTreeMap<WorkspaceSlug, WorkspaceFact>),
    /// The profile's repositories, complete.
    Repositories(IntegrationName, ProfileName, Arc<RepositorySet>),
    /// What became of repositories that are seen no more.
    Fates(IntegrationName, ProfileName, BTreeMap<RepositoryId, RepositoryFate>),
    /// The Group's assets, complete.
    Assets(IntegrationName, Arc<AssetWalk>),
    /// Catalog files and application context.
    Catalog(IntegrationName, CatalogSample),
    /// The Group's Organizations, complete.
    Organizations(IntegrationName, Arc<Vec<OrganizationListing>>),
    /// The Organizations that left the Group, as its audit log says.
    RemovedOrganizations(IntegrationName, Vec<RemovedOrganization>),
    /// May the Organization be read.
    OrganizationAccess(IntegrationKey, Access),
    /// Is there an integration of our type.
    Presence(IntegrationKey, IntegrationPresence),
    /// Targets and projects, complete.
    Imports(IntegrationKey, Arc<OrganizationImports>),
    /// Integration events, complete.
    Events(IntegrationKey, AuditEvents),
    /// Sampled webhooks.
    Webhooks(IntegrationKey, WebhookSample),
    /// The switches of pull request checks.
    PullRequestChecks(IntegrationKey, PullRequestChecks),
}
