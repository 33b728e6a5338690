//! Evidence: a fact with the time it was observed and the probe that gave it.
//!
//! The book keeps the latest conclusive fact of each kind. An inconclusive outcome writes nothing here: the evidence
//! ages until it is stale, and then whatever rests on it is unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::facts::{
    Access, ApiFacts, AssetWalk, AuditEvents, CatalogSample, CredentialExpiry, IntegrationPresence, ListedToken,
    OrganizationImports, OrganizationListing, PermissionProof, RepositorySet, ScmAuthentication, SnykAuthentication,
    WebhookSample, WorkspaceFact,
};
use super::names::{ApiName, CredentialName, IntegrationKey, IntegrationName, ProfileName, WorkspaceSlug};
use super::permission::Permission;
use super::work::ProbeKind;

/// Steps of the clock that are not followed (greater ones move every stored time).
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// A fact, when and by what it was observed, and how long it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence<T> {
    /// The fact.
    pub value: T,
    /// When the probe began; a fact is never younger than this.
    pub observed_at: DateTime<Utc>,
    /// Which probe gave it.
    pub probe: ProbeKind,
    /// Older than this it is stale (seconds on the wire).
    #[serde(with = "super::stored::seconds")]
    pub max_age: TimeDelta,
}

impl<T> Evidence<T> {
    /// The last instant at which it may still be used.
    pub fn valid_until(&self) -> DateTime<Utc> {
        self.observed_at + self.max_age
    }

    /// Whether it may be used at `now`. What was observed in the future was observed by a clock that was wrong, and does
    /// not stay fresh until that future has come.
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        now <= self.valid_until() && self.observed_at <= now + CLOCK_TOLERANCE
    }
}

/// A slot for a fact that may never have been observed.
pub type Slot<T> = Option<Evidence<T>>;

/// The fact in `slot`, if it is fresh.
pub fn fresh<T>(slot: &Slot<T>, now: DateTime<Utc>) -> Option<&Evidence<T>> {
    slot.as_ref().filter(|evidence| evidence.is_fresh(now))
}

/// The latest evidence of each kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EvidenceBook {
    /// By `snyk` key.
    pub snyk_tokens: BTreeMap<CredentialName, SnykTokenEvidence>,
    /// By `credentials` key.
    pub scm_credentials: BTreeMap<CredentialName, ScmCredentialEvidence>,
    /// Group level, by integration.
    pub groups: BTreeMap<IntegrationName, GroupEvidence>,
    /// Organization level.
    #[serde(with = "super::stored::pairs")]
    pub organizations: BTreeMap<IntegrationKey, OrganizationEvidence>,
    /// What each upstream API says of itself.
    pub apis: BTreeMap<ApiName, ApiFacts>,
}

/// About one Snyk token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SnykTokenEvidence {
    /// Does `/self` accept it.
    pub authentication: Slot<SnykAuthentication>,
    /// When it expires.
    pub expiry: Slot<CredentialExpiry>,
}

/// About one SCM credential.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScmCredentialEvidence {
    /// Does the SCM accept it.
    pub authentication: Slot<ScmAuthentication>,
    /// When it expires, as the SCM itself says (not the admin API, not the declared date).
    pub expiry: Slot<CredentialExpiry>,
    /// The organisation admin's listing of the token saved in Snyk.
    pub listed_token: Slot<ListedToken>,
    /// What proves or disproves each permission.
    pub permissions: BTreeMap<Permission, Evidence<PermissionProof>>,
}

/// About one Group integration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupEvidence {
    /// May the Snyk token read this Group.
    pub access: Slot<Access>,
    /// By profile.
    pub profiles: BTreeMap<ProfileName, ProfileEvidence>,
    /// The Group's repository assets.
    pub assets: Slot<Arc<AssetWalk>>,
    /// Catalog files and application context.
    pub catalog: Slot<CatalogSample>,
    /// The Group's Organizations, from a complete listing.
    pub organizations: Slot<Arc<Vec<OrganizationListing>>>,
}

/// About one profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileEvidence {
    /// Each configured workspace (or, with none configured, each that the account is a member of).
    pub workspaces: Slot<BTreeMap<WorkspaceSlug, WorkspaceFact>>,
    /// Every repository the credential sees in those workspaces.
    pub repositories: Slot<Arc<RepositorySet>>,
}

/// About one Organization's integration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationEvidence {
    /// May the Snyk token read this Organization.
    pub access: Slot<Access>,
    /// Is there an integration of our type.
    pub presence: Slot<IntegrationPresence>,
    /// Targets and projects.
    pub imports: Slot<Arc<OrganizationImports>>,
    /// Integration events of the audit log.
    pub events: Slot<AuditEvents>,
    /// Sampled webhooks.
    pub webhooks: Slot<WebhookSample>,
}
