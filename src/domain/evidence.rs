//! Evidence: a fact with the time it was observed and the probe that gave it.
//!
//! The book keeps the latest conclusive fact of each kind. An inconclusive outcome writes nothing here: the evidence
//! ages until it is stale, and then whatever rests on it is unknown.

mod own_clock;
mod slots;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::condition::Reason;
use super::facts::{
    Access, ApiFacts, AssetWalk, AuditEvents, CatalogSample, CredentialExpiry, IntegrationPresence, ListedToken,
    OrganizationImports, OrganizationListing, PermissionProof, PullRequestChecks, RemovedOrganization, RepositoryFate,
    RepositorySet, ScmAuthentication, SnykAuthentication, WebhookSample, WorkspaceFact,
};
use super::kinds::closed_list;
use super::names::{
    ApiName, CredentialName, IntegrationKey, IntegrationName, OrganizationId, ProfileName, RepositoryId, Revision,
    WorkspaceSlug,
};
use super::permission::Permission;
use super::work::ProbeKind;
pub use own_clock::ClockDoubt;
pub use slots::{About, Book, Observed};

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
    /// What it is about, as it was configured then: it proves nothing about anything else.
    #[serde(default)]
    pub revision: Revision,
    /// After a time in which nobody watched it stands until then, though stale, since it was not asked again yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_until: Option<DateTime<Utc>>,
}

impl<T> Evidence<T> {
    /// When it grows stale by its own age.
    pub fn stale_after(&self) -> DateTime<Utc> {
        self.observed_at + self.max_age
    }

    /// The last instant at which it may still be used.
    pub fn valid_until(&self) -> DateTime<Utc> {
        self.restored_until.map_or(self.stale_after(), |until| until.max(self.stale_after()))
    }

    /// Whether it may be used at `now`. What was observed in the future was observed by a clock that was wrong, and does
    /// not stay fresh until that future has come.
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        now <= self.valid_until() && self.observed_at <= now + CLOCK_TOLERANCE
    }
}

closed_list! {
    /// What a probe asks for: each has its own slot, and its own last failure.
    Part {
        /// Is the token accepted.
        Authentication => "authentication",
        /// When does the token expire.
        Expiry => "expiry",
        /// The organisation admin's listing of the token saved in Snyk.
        ListedToken => "listed_token",
        /// What proves permissions.
        Permissions => "permissions",
        /// May the Group or Organization be read.
        Access => "access",
        /// The workspaces of a profile.
        Workspaces => "workspaces",
        /// The repositories of a profile.
        Repositories => "repositories",
        /// Repositories that are seen no more, one by one.
        Fates => "fates",
        /// The Group's assets.
        Assets => "assets",
        /// Catalog files.
        Catalog => "catalog",
        /// The Group's Organizations.
        Organizations => "organizations",
        /// The Group's audit log.
        RemovedOrganizations => "removed_organizations",
        /// The Organization's integrations.
        Presence => "presence",
        /// Targets and projects.
        Imports => "imports",
        /// The audit log.
        Events => "events",
        /// Webhooks.
        Webhooks => "webhooks",
        /// The switches of pull request checks.
        PullRequestChecks => "pull_request_checks",
    }
}

/// One of the two ends that are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Snyk.
    Snyk,
    /// The Git host.
    GitHost,
}

/// The last try to observe something, when it concluded nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// Since when every try failed.
    pub since: DateTime<Utc>,
    /// The last try.
    pub at: DateTime<Utc>,
    /// The class of the failure, as a reason.
    pub reason: Reason,
    /// What was asked and what was answered, in the API's own words; redacted and safe to show.
    pub detail: String,
    /// Who answered so, or did not answer: whoever can act on it is found there. Unknown of what was stored before it was
    /// noted, and of an API that is neither.
    #[serde(default)]
    pub end: Option<End>,
    /// What it was about, as it was configured then.
    #[serde(default)]
    pub revision: Revision,
}

/// By what was asked. An observation removes its entry.
pub type FailedAttempts = BTreeMap<Part, FailedAttempt>;

/// What keeps the failed attempts of its parts beside their evidence.
pub trait HasFailures {
    /// The parts that could not be observed at the last try.
    fn failures(&self) -> &FailedAttempts;
}

macro_rules! has_failures {
    ($($book:ty),+) => {
        $(impl HasFailures for $book {
            fn failures(&self) -> &FailedAttempts {
                &self.failures
            }
        })+
    };
}

has_failures!(SnykTokenEvidence, ScmCredentialEvidence, GroupEvidence, ProfileEvidence, OrganizationEvidence);

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
    /// Set while the wall clock claims another time than ours. It speaks of this process's clock: no other has it.
    #[serde(skip)]
    pub clock_doubt: Option<ClockDoubt>,
    /// No API has confirmed our clock since this process began.
    #[serde(skip)]
    pub is_clock_unconfirmed: bool,
}

/// About one Snyk token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SnykTokenEvidence {
    /// Does `/self` accept it.
    pub authentication: Slot<SnykAuthentication>,
    /// When it expires.
    pub expiry: Slot<CredentialExpiry>,
    /// What could not be observed at the last try.
    pub failures: FailedAttempts,
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
    /// What could not be observed at the last try.
    pub failures: FailedAttempts,
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
    /// The Organizations that left the Group, by its audit log; asked only where some are missing.
    pub removed_organizations: Slot<Vec<RemovedOrganization>>,
    /// Which Organizations the names in the configuration meant when they were first listed: a name follows its
    /// Organization when that is renamed.
    pub named_organizations: BTreeMap<String, BTreeSet<OrganizationId>>,
    /// What could not be observed at the last try.
    pub failures: FailedAttempts,
}

/// About one profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileEvidence {
    /// Each configured workspace (or, with none configured, each that the account is a member of).
    pub workspaces: Slot<BTreeMap<WorkspaceSlug, WorkspaceFact>>,
    /// Every repository the credential sees in those workspaces.
    pub repositories: Slot<Arc<RepositorySet>>,
    /// What the SCM answered for repositories that are seen no more, asked one by one.
    pub fates: Slot<BTreeMap<RepositoryId, RepositoryFate>>,
    /// What could not be observed at the last try.
    pub failures: FailedAttempts,
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
    /// Whether pull requests are checked by default.
    pub pull_request_checks: Slot<PullRequestChecks>,
    /// What could not be observed at the last try.
    pub failures: FailedAttempts,
}
