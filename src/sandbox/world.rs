//! The state of both ends, as plain data, and what may be done to it.
//!
//! Everything is public: a test may set any field. The *deeds* (`scm_deeds`, `snyk_deeds`) say common changes in the
//! product's words and keep the parts in step with each other. [`acme`] builds a typical world.
//!
//! The world does not know how its state is served; that is the business of the modules beside it.

mod acme;
mod asset_deeds;
mod audit;
mod inventory;
mod organization_deeds;
mod project_deeds;
mod scm;
mod scm_deeds;
mod sight_deeds;
mod snyk;
mod snyk_deeds;
mod snyk_tokens;
mod switches;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

pub use acme::{ACME_ACCOUNT, ACME_CREDENTIAL, ACME_PROFILE, ACME_SNYK_TOKEN, ACME_WORKSPACE, pilot_guide_scopes};
pub(crate) use audit::RETENTION as AUDIT_RETENTION;
pub use audit::{AuditEvent, AuditLog, BeforeRetention, EmptyPage, IntegrationNaming};
pub use inventory::{Asset, AssetRemoval, Backstage, Fill, Group, Profile, RemovalReason, SavedCredential, SyncState};
pub use project_deeds::Deletion;
pub use scm::{
    Account, Bitbucket, CatalogFile, CredentialState, Hook, OauthConsumer, OauthGrant, Repository, Role, ScmCredential,
    ScmCredentialKind, ScmProject, Workspace,
};
pub use snyk::{
    Organization, OrganizationIntegration, Project, ProjectStatus, PullRequestChecks, RecurringTests, Saved, Snyk,
    Target, TestTimes, Tests,
};
pub use snyk_tokens::{GroupSight, Level, Permission, SnykGrant, SnykToken, SnykTokenKind};
pub use switches::{
    AssetSearch, Availability, Budget, EarlyAccess, IntegrationMap, InventoryAssets, IssueTracker, LastActive,
    Lifecycle, NextShape, RateHeaders, RetryAfter, ScopeVocabulary, TotalCount, TypeFilter,
};

use super::Api;
use super::faults::{Fault, FaultKind};

/// Both ends at one instant.
#[derive(Debug)]
pub struct World {
    /// Up to when the world has been lived through.
    pub now: DateTime<Utc>,
    /// Bitbucket Cloud.
    pub bitbucket: Bitbucket,
    /// Snyk.
    pub snyk: Snyk,
    /// Atlassian's organisation, whose admin API lists the API tokens of its managed accounts.
    pub atlassian: Atlassian,
    /// What is broken at the moment; the first fault that fits a request applies.
    pub faults: Vec<Fault>,
    /// How far the `Date` header of an API is ahead of the domain clock.
    pub clock_skew: BTreeMap<Api, TimeDelta>,
    /// Request budgets that are enforced, per API and credential.
    pub budgets: BTreeMap<Api, Budget>,
    /// Deterministic repository activity.
    pub activity: Activity,
    /// Repositories that are deleted while somebody reads a list of them.
    pub(crate) deletions: Vec<DeletionMeanwhile>,
}

/// Repositories that are deleted between two pages of a list.
#[derive(Debug, Clone)]
pub(crate) struct DeletionMeanwhile {
    /// The list's path.
    pub(crate) path: String,
    /// Which.
    pub(crate) slugs: Vec<String>,
}

/// Atlassian's admin side.
#[derive(Debug)]
pub struct Atlassian {
    /// The organisation's id in the admin API.
    pub organization: String,
    /// Its admin API keys.
    pub keys: Vec<AdminKey>,
    /// What it says about the last use of a token.
    pub last_active: LastActive,
}

impl Default for Atlassian {
    fn default() -> Self {
        Self { organization: String::new(), keys: Vec::new(), last_active: LastActive::Moment }
    }
}

/// An admin API key.
#[derive(Debug, Clone)]
pub struct AdminKey {
    /// Its name in the request log.
    pub name: String,
    /// The secret, sent as Bearer.
    pub secret: String,
    /// Its scopes; listing API tokens wants `read:tokens:admin`.
    pub scopes: Vec<String>,
}

/// A share of the repositories gets commits at regular times, in turn.
#[derive(Debug, Clone)]
pub struct Activity {
    /// Share of the live repositories that get a commit each time, from 0 to 1.
    pub share: f64,
    /// The time between two rounds.
    pub every: TimeDelta,
    /// When the next round comes.
    pub next: DateTime<Utc>,
    /// How many repositories were served so far; the next round goes on from there.
    pub(crate) turn: usize,
}

impl World {
    /// An empty world at `now`: no accounts, no Group, an idle clockwork.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            bitbucket: Bitbucket::default(),
            snyk: Snyk::new(now),
            atlassian: Atlassian::default(),
            faults: Vec::new(),
            clock_skew: BTreeMap::new(),
            budgets: BTreeMap::new(),
            activity: Activity { share: 0.1, every: TimeDelta::hours(2), next: now + TimeDelta::hours(2), turn: 0 },
            deletions: Vec::new(),
        }
    }

    /// Breaks a whole API until [`World::repair`].
    pub fn break_api(&mut self, api: Api, kind: FaultKind) {
        self.faults.push(Fault::on(api, kind));
    }

    /// Breaks the paths of an API that begin with `prefix`, such as `/rest/groups`.
    pub fn break_path(&mut self, api: Api, prefix: &str, kind: FaultKind) {
        self.faults.push(Fault::on(api, kind).below(prefix));
    }

    /// Ends every fault of an API.
    pub fn repair(&mut self, api: Api) {
        self.faults.retain(|fault| fault.api != api);
    }
}
