//! Snyk's state: the Organizations with their integrations, targets and projects, the audit log, the switches.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use uuid::Uuid;

use super::audit::AuditLog;
use super::inventory::{Group, SavedCredential};
use super::snyk_tokens::{SnykGrant, SnykToken};
use super::switches::{
    AssetSearch, Availability, EarlyAccess, IntegrationMap, InventoryAssets, Lifecycle, NextShape, RateHeaders,
    TypeFilter,
};

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
    /// The audit logs of all Groups and Organizations.
    pub audit: AuditLog,
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
    /// `/groups/{group}/assets/repository/aliases`.
    pub aliases: EarlyAccess,
    /// `/groups/{group}/inventory/assets/filters` and the values below it.
    pub inventory_filters: EarlyAccess,
    /// Whether a Group's list of Organizations keeps to its Group.
    pub listing_filter: Availability,
    /// `/groups/{group}/inventory/assets/{asset}/relationships/targets`.
    pub asset_targets: EarlyAccess,
    /// The rate headers.
    pub rate_headers: RateHeaders,
    /// What the version headers say; none: what each endpoint's own stage is.
    pub lifecycle: Option<Lifecycle>,
    /// When the daily tests run next.
    pub next_tests: DateTime<Utc>,
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
    /// What V1 says about its integrations.
    pub integration_map: IntegrationMap,
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
    /// Whether pull requests are tested for Open Source; none where the settings do not say.
    pub pull_request_test: Option<PullRequestChecks>,
    /// Whether pull requests are tested for Code; none where the settings do not say.
    pub pull_request_code_test: Option<PullRequestChecks>,
}

/// Whether pull requests are tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullRequestChecks {
    /// They are.
    On,
    /// They are not.
    Off,
}

/// What an Organization integration signs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// A saved credential.
    Credential(SavedCredential),
    /// The vendor's app; no credential is kept.
    App,
    /// A credential of a Git host that this sandbox does not have; it works.
    OtherHost,
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
    /// Whether its recurring tests run; `Stopped` for a dead one, active though it is.
    pub tests: Tests,
    /// Whether its pull requests are tested; none inherits from the integration.
    pub pull_requests: Option<PullRequestChecks>,
    /// How much REST tells about its last test.
    pub told: TestTimes,
}

/// How much REST tells about a project's last test, when asked for the latest issue counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestTimes {
    /// `meta.latest_issue_counts.updated_at`.
    Told,
    /// The project has no `meta`.
    WithoutMeta,
    /// `meta` has no `latest_issue_counts`.
    WithoutCounts,
    /// `latest_issue_counts` has no `updated_at`.
    WithoutTime,
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
    /// Every day; REST does not say.
    Untold,
}

/// The hour of the day, UTC, of the daily tests.
const TEST_HOUR: u32 = 2;

impl OrganizationIntegration {
    /// An integration that was just made, with pull request checks on.
    pub(super) fn new(id: Uuid, integration_type: &str, saved: Saved, now: DateTime<Utc>) -> Self {
        Self {
            id,
            integration_type: integration_type.to_owned(),
            saved,
            created_at: now,
            updated_at: now,
            pull_request_test: Some(PullRequestChecks::On),
            pull_request_code_test: Some(PullRequestChecks::On),
        }
    }

    /// Whether it is one of Bitbucket Cloud: by credential or by app.
    pub fn is_bitbucket(&self) -> bool {
        ["bitbucket-cloud", "bitbucket-connect-app"].contains(&self.integration_type.as_str())
    }
}

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
            audit: AuditLog::default(),
            asset_source: "bitbucket".to_owned(),
            next_shape: NextShape::RelativeWithoutRest,
            inventory_assets: InventoryAssets::Present,
            type_filter: TypeFilter::Accepted,
            asset_search: AssetSearch::Present,
            rest_integrations: Availability::Absent,
            aliases: EarlyAccess::Present,
            inventory_filters: EarlyAccess::Present,
            listing_filter: Availability::Present,
            asset_targets: EarlyAccess::Present,
            rate_headers: RateHeaders::Recorded,
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
