//! What is watched and by which rules: the configuration as the core needs it, every reference resolved.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::evidence::End;
use super::kinds::{Role, Scm};
use super::names::{
    ApiName, CredentialName, GroupId, IntegrationName, OrganizationId, ProfileName, Revision, WorkspaceSlug,
};
use super::permission::PermissionSet;
pub use super::policy::{Case, RuleCase, RulePolicy, RuleTiming};
use super::work::ProbeKind;

/// Everything that is watched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    /// By `snyk` key.
    pub snyk_tokens: BTreeMap<CredentialName, SnykToken>,
    /// By `credentials` key.
    pub scm_credentials: BTreeMap<CredentialName, ScmCredential>,
    /// By `integrations` key.
    pub integrations: BTreeMap<IntegrationName, WatchedIntegration>,
    /// Every API that is asked, and where.
    pub apis: BTreeMap<ApiName, Revision>,
    /// Times and severities of incidents about what integrations share: credentials and APIs.
    pub rules: RulePolicy,
    /// Thresholds of what integrations share: credentials and APIs.
    pub thresholds: Thresholds,
    /// How old the evidence of each probe may be.
    pub max_ages: BTreeMap<ProbeKind, TimeDelta>,
}

impl Fleet {
    /// The Group of an integration, if its Group level is watched.
    pub fn group(&self, name: &IntegrationName) -> Option<&WatchedGroup> {
        self.integrations.get(name)?.group.as_ref()
    }

    /// The Organization level of an integration, if it is watched.
    pub fn organizations(&self, name: &IntegrationName) -> Option<&WatchedOrganizations> {
        self.integrations.get(name)?.organizations.as_ref()
    }

    /// Which end an API is of; `None` of one that is neither (an administrators' API).
    pub fn end_of(&self, api: &ApiName) -> Option<End> {
        if self.snyk_tokens.values().any(|token| token.api == *api) {
            Some(End::Snyk)
        } else {
            self.scm_credentials.values().any(|credential| credential.api == *api).then_some(End::GitHost)
        }
    }
}

/// A Snyk token.
#[derive(Debug, Clone, PartialEq)]
pub struct SnykToken {
    /// The API it belongs to.
    pub api: ApiName,
    /// The root of Snyk's pages for people; `None` where the API is not that of a public region.
    pub app_root: Option<&'static str>,
    /// The secret as it is now: a keyed hash that tells one version from the next and nothing else.
    pub token_version: Option<String>,
    /// Why its secret was refused when it was read: nothing is asked with it.
    pub refused: Option<String>,
    /// Where it is used: the API's address.
    pub host: Revision,
    /// What is told of it alone: the token as it is now, at this address.
    pub revision: Revision,
}

/// An SCM credential.
#[derive(Debug, Clone, PartialEq)]
pub struct ScmCredential {
    /// Its Git host.
    pub scm: Scm,
    /// The API it belongs to.
    pub api: ApiName,
    /// What it is to us.
    pub role: Role,
    /// Word for its kind (`api_token`, `workspace_access_token`, ...), for people and `credential_info`.
    pub kind: String,
    /// Declared expiry.
    pub expires_at: Option<DateTime<Utc>>,
    /// Declared time of the last rotation.
    pub rotated_at: Option<DateTime<Utc>>,
    /// The secret as it is now: a keyed hash that tells one version from the next and nothing else.
    pub token_version: Option<String>,
    /// Why its secret was refused when it was read: nothing is asked with it.
    pub refused: Option<String>,
    /// Where it is used and by whom, whatever its token is: the API's address and the account's name for it.
    pub host: Revision,
    /// What is told of it alone: the token as it is now, at this address.
    pub revision: Revision,
    /// The admin API's listing in which the token saved in Snyk is looked up, if there is one.
    pub listing: Option<Revision>,
}

/// An entry under `integrations`.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedIntegration {
    /// The Git host.
    pub scm: Scm,
    /// Who is responsible; routed and shown.
    pub owner: Option<String>,
    /// The Group level, if watched.
    pub group: Option<WatchedGroup>,
    /// The Organization level, if watched.
    pub organizations: Option<WatchedOrganizations>,
    /// Thresholds of its conditions.
    pub thresholds: Thresholds,
    /// Times and severities of its incidents; those about a credential or an API go by [`Fleet::rules`].
    pub rules: RulePolicy,
}

/// A Group integration.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedGroup {
    /// The `snyk` key.
    pub snyk: CredentialName,
    /// The Group.
    pub id: GroupId,
    /// When it was set up in Snyk, as the operator says.
    pub configured_at: Option<DateTime<Utc>>,
    /// What its credentials must be granted.
    pub permissions: PermissionSet,
    /// What discovery needs: a missing one of these fails the profile.
    pub group_permissions: PermissionSet,
    /// Its profiles.
    pub profiles: BTreeMap<ProfileName, WatchedProfile>,
    /// The catalog file's name, when Backstage is used.
    pub catalog_file: Option<String>,
    /// Globs of repositories (`workspace/slug`) that are not judged.
    pub ignore: Vec<String>,
}

/// A profile of a Group integration.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedProfile {
    /// The `credentials` key.
    pub credential: CredentialName,
    /// Its workspaces; empty: every workspace the account is a member of.
    pub workspaces: BTreeSet<WorkspaceSlug>,
}

/// The Organization level of an integration.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedOrganizations {
    /// The `snyk` key.
    pub snyk: CredentialName,
    /// The `credentials` key of every Organization without an override.
    pub credential: CredentialName,
    /// The `credentials` key of single Organizations.
    pub overrides: BTreeMap<OrganizationId, CredentialName>,
    /// Organizations that must have the integration.
    pub require: BTreeSet<OrganizationId>,
    /// Organizations that are asked about: listed and not excluded, or named by id. Until the first listing only the
    /// latter are known.
    pub asked: BTreeSet<OrganizationId>,
    /// The only ones that are watched; `None`: all that are listed.
    pub discover: Option<BTreeSet<OrganizationId>>,
    /// Organizations that the configuration leaves out.
    pub excluded: BTreeSet<OrganizationId>,
    /// Every Organization that the configuration names, by the text that it is named with.
    pub named: BTreeMap<String, NamedOrganization>,
    /// What their credentials must be granted.
    pub permissions: PermissionSet,
}

/// An Organization that the configuration names: it is never gone without a word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedOrganization {
    /// The settings that name it: `require`, `discover`, `overrides`.
    pub settings: BTreeSet<&'static str>,
    /// Which it is, as far as that is known; several may have one name.
    pub ids: BTreeSet<OrganizationId>,
}

impl WatchedOrganizations {
    /// Whether the configuration leaves this Organization out.
    pub fn leaves_out(&self, organization: OrganizationId) -> bool {
        self.excluded.contains(&organization)
            || self.discover.as_ref().is_some_and(|only| !only.contains(&organization))
    }

    /// Every Organization that the configuration names.
    pub fn named_ids(&self) -> BTreeSet<OrganizationId> {
        self.named.values().flat_map(|named| named.ids.iter().copied()).collect()
    }

    /// The credential of one Organization.
    pub fn credential_of(&self, organization: OrganizationId) -> &CredentialName {
        self.overrides.get(&organization).unwrap_or(&self.credential)
    }
}

/// Thresholds of conditions. The reasons of the defaults stand in `docs/conditions.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// `setup_in_progress` lasts so long.
    pub setup_grace: TimeDelta,
    /// A canary older than this fails (Snyk syncs every 6 h and promises once in 24 h).
    pub max_lag: TimeDelta,
    /// A change this close after `last_sync` is the sync itself.
    pub canary_tolerance: TimeDelta,
    /// So many canaries older than `max_lag` fail.
    pub late_canaries: usize,
    /// So many canaries older than `very_late_factor` times `max_lag` fail.
    pub very_late_canaries: usize,
    /// How many times `max_lag` is very late.
    pub very_late_factor: i32,
    /// Canaries that are very late are a partial stall, whatever else moves, if they are at least so many ...
    pub partial_stall_at_least: usize,
    /// ... and at least this share of the repositories that can be compared.
    pub partial_stall_share: f64,
    /// Coverage below this is incomplete.
    pub coverage_incomplete_below: f64,
    /// Coverage from this on is complete again.
    pub coverage_complete_from: f64,
    /// Fewer missing than this are incomplete only after `missing_alone_after`.
    pub missing_at_least: usize,
    /// A single missing repository counts after this time.
    pub missing_alone_after: TimeDelta,
    /// At least this share of a namespace gone at once: the right is lost.
    pub right_lost_share: f64,
    /// Fewer gone than this are a loss only if they are all.
    pub right_lost_at_least: usize,
    /// The largest set of repositories of this time is what a loss is measured by.
    pub loss_window: TimeDelta,
    /// More than this share of the assets removed while their repositories are eligible: the Inventory is lost.
    pub inventory_lost_share: f64,
    /// Where the Git host has no such notion, at most this share of the repositories counts as archived, or becomes empty or
    /// personal at once.
    pub archived_share: f64,
    /// More than this share of a profile's assets removed at once with it: the profile was deleted.
    pub profile_deleted_share: f64,
    /// After the first fill, a repository is excused so long after it was first seen, filled, renamed or moved.
    pub eligible_after: TimeDelta,
    /// A credential that expires within this is not fresh.
    pub fresh_for: TimeDelta,
    /// A first use proves a rotation no earlier than this before it.
    pub rotation_uncertainty: TimeDelta,
    /// Targets and projects are judged from this age on.
    pub import_grace: TimeDelta,
    /// A daily project is judged from this age on, and late after it.
    pub test_grace: TimeDelta,
    /// Daily projects that must be tested in time.
    pub tests_current_from: f64,
    /// More than this share of inactive projects are *mostly* inactive.
    pub inactive_share: f64,
    /// Targets that may have no projects.
    pub empty_targets_up_to: f64,
    /// Fewer empty targets than this are never a problem.
    pub empty_targets_at_least: usize,
    /// `connected` must hold this long to count as a time of being connected.
    pub connected_for: TimeDelta,
    /// During the first fill an arrival moves the clock of a partially connected Group, but at most so far.
    pub fill_extension: TimeDelta,
    /// Without history, an oldest asset older than this proves that the first fill was complete.
    pub fill_proof_age: TimeDelta,
    /// This share of the Organizations missing from one listing: a right was lost, not an Organization.
    pub vanished_share: f64,
    /// Clock skew above this makes expiry and lag verdicts unknown.
    pub clock_skew: TimeDelta,
    /// Snyk's sync cycle: by it the next sync is expected.
    pub sync_cycle: TimeDelta,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            setup_grace: TimeDelta::minutes(15),
            max_lag: TimeDelta::hours(26),
            canary_tolerance: TimeDelta::minutes(5),
            late_canaries: 3,
            very_late_canaries: 2,
            very_late_factor: 3,
            partial_stall_at_least: 3,
            partial_stall_share: 0.2,
            coverage_incomplete_below: 0.95,
            coverage_complete_from: 0.97,
            missing_at_least: 2,
            missing_alone_after: TimeDelta::days(7),
            right_lost_share: 0.2,
            right_lost_at_least: 3,
            loss_window: TimeDelta::days(7),
            inventory_lost_share: 0.5,
            archived_share: 0.2,
            profile_deleted_share: 0.5,
            eligible_after: TimeDelta::hours(26),
            fresh_for: TimeDelta::days(14),
            rotation_uncertainty: TimeDelta::hours(24),
            import_grace: TimeDelta::hours(24),
            test_grace: TimeDelta::hours(48),
            tests_current_from: 0.95,
            inactive_share: 0.5,
            empty_targets_up_to: 0.20,
            empty_targets_at_least: 3,
            connected_for: TimeDelta::minutes(30),
            fill_extension: TimeDelta::hours(24),
            fill_proof_age: TimeDelta::hours(48),
            vanished_share: 0.10,
            clock_skew: TimeDelta::minutes(5),
            sync_cycle: TimeDelta::hours(6),
        }
    }
}
