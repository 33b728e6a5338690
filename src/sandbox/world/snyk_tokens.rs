//! Snyk's tokens: what they are and what they allow.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

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
    /// What it still sees of its Group.
    pub sight: GroupSight,
}

/// What a token sees of its Group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupSight {
    /// All that its role allows.
    Whole,
    /// The Group itself answers, its Organizations and its Inventory are empty: a role that lost its rights.
    Empty,
    /// The Group answers 404.
    Gone,
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

impl SnykToken {
    /// Whether it may be used at `now` in `region`.
    pub fn is_usable(&self, region: &str, now: DateTime<Utc>) -> bool {
        !self.revoked && self.region == region && self.expires_at.is_none_or(|end| now < end)
    }
}
