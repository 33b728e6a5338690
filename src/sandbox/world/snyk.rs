//! Snyk's state: Groups with profiles and assets, Organizations with integrations, targets and projects, tokens, the
//! audit log.

use std::collections::{BTreeSet, VecDeque};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::switches::{AssetSearch, Availability, InventoryAssets, Lifecycle, NextShape, TypeFilter};

/// Snyk in one region.
#[derive(Debug)]
pub struct Snyk {
    /// The region that this sandbox stands for, such as `SNYK-US-01`; tokens of another are refused with 401.
    pub region: String,
    /// The Groups.
    pub groups: Vec<Group>,
    /// The Organizations of all Groups.
    pub organizations: Vec<Organization>,
    /// API tokens and OAuth clients.
    pub tokens: Vec<SnykToken>,
    /// Access tokens given out to OAuth clients.
    pub grants: Vec<SnykGrant>,
    /// The audit log, oldest first.
    pub audit_log: Vec<AuditEvent>,
    /// The string in an asset's `sources` for Bitbucket; not documented anywhere.
    pub asset_source: String,
    /// The shape of `links.next`.
    pub next_shape: NextShape,
    /// `inventory/assets`.
    pub inventory_assets: InventoryAssets,
    /// Whether `inventory/assets` understands `filter=type==repositories`.
    pub type_filter: TypeFilter,
    /// `assets/search`.
    pub asset_search: AssetSearch,
    /// REST's `/orgs/{organization}/integrations`, published for a short time only.
    pub rest_integrations: Availability,
    /// What the version headers say; none: what each endpoint's own stage is.
    pub lifecycle: Option<Lifecycle>,
    /// When the daily tests run next.
    pub next_tests: DateTime<Utc>,
}

/// A Snyk Group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its id.
    pub id: Uuid,
    /// The name shown.
    pub name: String,
    /// Its slug.
    pub slug: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The profiles of its Bitbucket Cloud integration.
    pub profiles: Vec<Profile>,
    /// Its Inventory, removed assets included.
    pub assets: Vec<Asset>,
}

/// A set-up of the Group integration in Snyk.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// The credential saved in it. It names no workspace: discovery sees what the account sees.
    pub saved: SavedCredential,
    /// When it was configured; sync cycles follow every 6 hours.
    pub configured_at: DateTime<Utc>,
    /// Whether it synchronises.
    pub sync: SyncState,
    /// How fast, and how far, a fill goes.
    pub fill: Fill,
    /// The Backstage option.
    pub backstage: Option<Backstage>,
    /// When the next sync cycle starts.
    pub next_sync: DateTime<Utc>,
    /// When assets get their application context next.
    pub next_enrichment: DateTime<Utc>,
    /// When assets of gone and archived repositories are removed next.
    pub next_clean_up: DateTime<Utc>,
    /// The last cycle that could read Bitbucket.
    pub last_sync: Option<DateTime<Utc>>,
    /// The next cycle looks at every repository, not only at changed ones: true after the set-up was saved.
    pub(crate) full_sync_due: bool,
    /// Repositories found and not yet in the Inventory.
    pub(crate) arriving: VecDeque<Uuid>,
    /// Up to when arrivals were worked off.
    pub(crate) arrived_until: DateTime<Utc>,
}

/// Whether a profile synchronises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncState {
    /// It does, every 6 hours.
    Running,
    /// A user paused it.
    Paused,
    /// It silently does not; saving the profile again helps.
    Stuck,
}

/// How fast, and how far, discovered repositories reach the Inventory.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fill {
    /// New assets an hour; none: all at once.
    pub per_hour: Option<f64>,
    /// No new asset once this share of the visible repositories has one; none: all of them.
    pub stop_at: Option<f64>,
}

/// The option *Add Backstage Catalog* of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backstage {
    /// The file that is looked for.
    pub file_name: String,
    /// Whether enrichment works; `Absent` leaves assets without context although the files exist.
    pub enrichment: Availability,
}

/// A credential as Snyk keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedCredential {
    /// The e-mail for Basic; none: the secret is sent as Bearer.
    pub email: Option<String>,
    /// The secret.
    pub secret: String,
}

/// A repository in the Inventory.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its id.
    pub id: Uuid,
    /// The profile that found it; none when a scan made it.
    pub profile: Option<String>,
    /// The repository's id in the SCM; none when a scan made it.
    pub scm_id: Option<Uuid>,
    /// The repository's name.
    pub name: String,
    /// The repository's address.
    pub url: String,
    /// The workspace's slug.
    pub workspace: String,
    /// The SCM project's key.
    pub project: String,
    /// The main branch.
    pub default_branch: Option<String>,
    /// Whether the repository is private.
    pub is_private: bool,
    /// Whether the repository is archived.
    pub archived: bool,
    /// Whether the repository is personal.
    pub is_personal: bool,
    /// The last push that Snyk knows of.
    pub pushed_at: DateTime<Utc>,
    /// When it was last synchronised from the SCM; none when a scan made it.
    pub last_sync: Option<DateTime<Utc>>,
    /// When any source last confirmed it.
    pub last_seen_at: DateTime<Utc>,
    /// When it appeared.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Where it is known from.
    pub sources: Vec<String>,
    /// Its application context: component and owner from the catalog file.
    pub context: Option<(String, String)>,
    /// Why it is no longer in the Inventory; none for a live asset.
    pub removal: Option<AssetRemoval>,
}

/// An asset's removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetRemoval {
    /// Snyk's reason.
    pub reason: RemovalReason,
    /// When.
    pub at: DateTime<Utc>,
}

/// Snyk's reasons for a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalReason {
    /// The repository was archived.
    RepositoryArchived,
    /// The repository is gone.
    RepositoryDeleted,
    /// Its Organization's integration became inactive.
    OrganizationInactive,
    /// Its Snyk project was deleted.
    ProjectDeleted,
    /// Its profile was deleted.
    ProfileDeleted,
}

impl RemovalReason {
    /// Snyk's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RepositoryArchived => "repo-archived",
            Self::RepositoryDeleted => "repo-deleted",
            Self::OrganizationInactive => "org-level-inactive",
            Self::ProjectDeleted => "snyk-project-deleted",
            Self::ProfileDeleted => "deleted-profile",
        }
    }
}

/// A Snyk Organization.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Its id.
    pub id: Uuid,
    /// The Group it belongs to.
    pub group: Uuid,
    /// The name shown.
    pub name: String,
    /// Its slug.
    pub slug: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Its integrations.
    pub integrations: Vec<OrganizationIntegration>,
    /// What was imported.
    pub targets: Vec<Target>,
    /// What is tested.
    pub projects: Vec<Project>,
    /// Whether recurring tests run.
    pub tests: Tests,
}

/// Whether recurring tests run at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tests {
    /// They do.
    Running,
    /// They silently do not.
    Stopped,
}

/// An Organization's integration.
#[derive(Debug, Clone)]
pub struct OrganizationIntegration {
    /// Its id.
    pub id: Uuid,
    /// Snyk's type name, such as `bitbucket-cloud` or `bitbucket-connect-app`.
    pub integration_type: String,
    /// What it signs in with.
    pub saved: Saved,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last saved.
    pub updated_at: DateTime<Utc>,
}

/// What an Organization integration signs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// A saved credential.
    Credential(SavedCredential),
    /// The vendor's app; no credential is kept.
    App,
    /// The credential was removed; the id stays in the V1 map.
    Removed,
}

/// An imported repository.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its id.
    pub id: Uuid,
    /// `workspace/slug` at the time of the import.
    pub display_name: String,
    /// The repository's address.
    pub url: Option<String>,
    /// Whether the repository is private.
    pub is_private: bool,
    /// When it was imported.
    pub created_at: DateTime<Utc>,
    /// The integration it came through.
    pub integration: Option<Uuid>,
    /// That integration's type.
    pub integration_type: String,
    /// The repository in the SCM.
    pub repository: Option<Uuid>,
}

/// Something that Snyk tests.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its id.
    pub id: Uuid,
    /// The target it belongs to.
    pub target: Uuid,
    /// The name shown.
    pub name: String,
    /// Where it came from, such as `bitbucket-cloud`.
    pub origin: String,
    /// Its package manager, such as `npm`.
    pub project_type: String,
    /// The manifest.
    pub target_file: String,
    /// Whether it is active.
    pub status: ProjectStatus,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it was last tested.
    pub last_tested: Option<DateTime<Utc>>,
    /// How often it is tested.
    pub recurring_tests: RecurringTests,
}

/// Whether a project is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectStatus {
    /// It is tested.
    Active,
    /// It is not.
    Inactive,
}

/// How often a project is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecurringTests {
    /// Every day.
    Daily,
    /// Every week.
    Weekly,
    /// Never.
    Never,
}

/// A line of the audit log.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    /// When.
    pub created: DateTime<Utc>,
    /// What, such as `org.integration.edit`.
    pub event: String,
    /// The Group.
    pub group: Uuid,
    /// The Organization; none for an event of the Group.
    pub organization: Option<Uuid>,
    /// The project.
    pub project: Option<Uuid>,
    /// Details.
    pub content: Value,
}

/// A Snyk token or OAuth client.
#[derive(Debug, Clone)]
pub struct SnykToken {
    /// Its name in deeds, in the request log and in Snyk's lists.
    pub name: String,
    /// The id of its service account, user or token.
    pub id: Uuid,
    /// The secret; for an OAuth client the client secret.
    pub secret: String,
    /// What sort it is.
    pub kind: SnykTokenKind,
    /// Where its service account lives.
    pub level: Level,
    /// The region it belongs to.
    pub region: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends; none for never, or for nobody knows.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// What its role allows.
    pub permissions: BTreeSet<Permission>,
    /// Organizations that it may not see: they answer 404 and are missing in lists.
    pub hidden_organizations: BTreeSet<Uuid>,
}

/// The sorts of Snyk tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnykTokenKind {
    /// A user's old API token: a UUID, no expiry.
    UserApiToken,
    /// A user's personal access token, `snyk_uat.…`.
    PersonalAccessToken,
    /// A service account's API key: a UUID, no expiry.
    ServiceAccountKey,
    /// A service account's access token, `snyk_sat.…`.
    ServiceAccountToken,
    /// A service account with OAuth client credentials.
    OauthClient {
        /// The client's id.
        client_id: String,
        /// How long its access tokens live.
        lifetime: TimeDelta,
    },
    /// An installed Snyk App with OAuth client credentials.
    AppClient {
        /// The client's id.
        client_id: String,
        /// How long its access tokens live.
        lifetime: TimeDelta,
    },
}

/// Where a service account lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// In a Group.
    Group(Uuid),
    /// In an Organization.
    Organization(Uuid),
}

/// An access token given out to an OAuth client.
#[derive(Debug, Clone)]
pub struct SnykGrant {
    /// The access token.
    pub secret: String,
    /// The name of the [`SnykToken`] it was given to.
    pub client: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// What a role allows, as far as snykwatch meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// View the Group and its Inventory.
    GroupRead,
    /// List the Group's Organizations.
    GroupOrganizationList,
    /// Read the Group's audit log.
    GroupAuditRead,
    /// View the Group's service accounts.
    GroupServiceAccountRead,
    /// View Organizations.
    OrganizationRead,
    /// View their projects and targets.
    ProjectRead,
    /// View their integrations.
    IntegrationRead,
    /// Read their audit logs.
    OrganizationAuditRead,
    /// View their service accounts.
    OrganizationServiceAccountRead,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::GroupRead,
        Self::GroupOrganizationList,
        Self::GroupAuditRead,
        Self::GroupServiceAccountRead,
        Self::OrganizationRead,
        Self::ProjectRead,
        Self::IntegrationRead,
        Self::OrganizationAuditRead,
        Self::OrganizationServiceAccountRead,
    ];

    /// Snyk's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GroupRead => "group.read",
            Self::GroupOrganizationList => "group.org.list",
            Self::GroupAuditRead => "group.audit.read",
            Self::GroupServiceAccountRead => "group.service_account.read",
            Self::OrganizationRead => "org.read",
            Self::ProjectRead => "org.project.read",
            Self::IntegrationRead => "org.integration.read",
            Self::OrganizationAuditRead => "org.audit_log.read",
            Self::OrganizationServiceAccountRead => "org.service_account.read",
        }
    }
}

/// The hour of the day, UTC, of the daily tests.
const TEST_HOUR: u32 = 2;

impl Snyk {
    /// An empty Snyk.
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        let midnight = now - TimeDelta::seconds(i64::from(now.num_seconds_from_midnight()));
        let today = midnight + TimeDelta::hours(i64::from(TEST_HOUR));
        Self {
            region: "SNYK-US-01".to_owned(),
            groups: Vec::new(),
            organizations: Vec::new(),
            tokens: Vec::new(),
            grants: Vec::new(),
            audit_log: Vec::new(),
            asset_source: "bitbucket".to_owned(),
            next_shape: NextShape::RelativeWithoutRest,
            inventory_assets: InventoryAssets::Present,
            type_filter: TypeFilter::Accepted,
            asset_search: AssetSearch::Present,
            rest_integrations: Availability::Absent,
            lifecycle: None,
            next_tests: if today > now { today } else { today + TimeDelta::days(1) },
        }
    }

    /// The Group with this id.
    pub fn group(&self, id: Uuid) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }

    /// The Organization with this id.
    pub fn organization(&self, id: Uuid) -> Option<&Organization> {
        self.organizations.iter().find(|organization| organization.id == id)
    }

    /// The token of this name.
    pub fn token(&self, name: &str) -> Option<&SnykToken> {
        self.tokens.iter().find(|token| token.name == name)
    }
}

impl Group {
    /// The assets that are in the Inventory now.
    pub fn live_assets(&self) -> impl Iterator<Item = &Asset> {
        self.assets.iter().filter(|asset| asset.removal.is_none())
    }
}

impl SnykToken {
    /// Whether it may be used at `now` in `region`.
    pub fn is_usable(&self, region: &str, now: DateTime<Utc>) -> bool {
        !self.revoked && self.region == region && self.expires_at.is_none_or(|end| now < end)
    }
}
