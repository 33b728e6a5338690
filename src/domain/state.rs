//! Everything the daemon remembers: what the store keeps and a restart restores.

mod organization;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::attention::Attention;
use super::condition::{Condition, ConditionState, Reason};
use super::decisions::Decisions;
use super::evidence::{End, EvidenceBook};
use super::incident::{IncidentKey, IncidentState, ResolvedCause, Severity};
use super::kinds::Truth;
use super::loss::ProfileMemory;
use super::names::{
    CredentialName, IntegrationKey, IntegrationName, OrganizationId, ProfileName, RepositoryId, Revision,
};
use super::permission::Permission;
use super::rotation::Rotation;
use super::status::{Status, StatusState};
use super::stored::pairs;

pub use organization::{
    ActivityMemory, CheckSwitch, DayShare, Extent, FalseReadings, ImportMemory, LossProof, LostTarget, MissingWebhook,
    OrganizationMemory, TestMemory, WebhookMemory,
};

/// The daemon's memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The latest evidence of each kind.
    pub evidence: EvidenceBook,
    /// Each watched integration.
    #[serde(with = "pairs")]
    pub integrations: BTreeMap<IntegrationKey, IntegrationState>,
    /// Each credential, Snyk tokens included.
    pub credentials: BTreeMap<CredentialName, CredentialState>,
    /// Pending and open incidents.
    #[serde(with = "pairs")]
    pub incidents: BTreeMap<IncidentKey, IncidentState>,
    /// Causes that were resolved a while ago and may still show in their symptoms.
    #[serde(default, with = "pairs")]
    pub resolved_causes: BTreeMap<IncidentKey, ResolvedCause>,
    /// Watched Organizations that the last complete listing no longer had.
    #[serde(with = "pairs")]
    pub vanishing: BTreeMap<IntegrationKey, Vanishing>,
    /// Organization problems that existed at first sight, by integration: they form one `Baseline`.
    pub baselines: BTreeMap<IntegrationName, Baseline>,
    /// Integrations of which so many Organizations vanished that nobody deleted them one by one: they are not gone.
    #[serde(default)]
    pub mass_vanishing: BTreeMap<IntegrationName, MassVanishing>,
    /// What the memory of each integration is about.
    #[serde(default)]
    pub subjects: BTreeMap<IntegrationName, WatchedSubjects>,
    /// Who was told of what, and what people answered.
    #[serde(default)]
    pub attention: Attention,
    /// What people decided about what is gone.
    #[serde(default)]
    pub decisions: Decisions,
}

/// What the memory of an integration is about, as it was configured then: it is no memory of anything else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WatchedSubjects {
    /// The Group at its API; `None` where the Group level was not watched.
    pub group_revision: Option<Revision>,
    /// The Organizations at their API; `None` where none were watched.
    pub organizations_revision: Option<Revision>,
}

/// A watched Organization that complete listings no longer have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vanishing {
    /// The first listing without it.
    pub since: DateTime<Utc>,
    /// The latest listing without it.
    pub at: DateTime<Utc>,
    /// How many there were in a row.
    pub listings: u32,
    /// The last listing that had it, where there was one.
    pub listed_at: Option<DateTime<Utc>>,
}

/// So many watched Organizations are missing from complete listings that a right was lost, not an Organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MassVanishing {
    /// Since when.
    pub since: DateTime<Utc>,
    /// A second listing said so too.
    pub confirmed: bool,
    /// How many are missing from the latest listing.
    pub vanished: usize,
    /// Of how many watched ones.
    pub watched: usize,
}

/// The Organization problems of an installation's first sight.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Baseline {
    /// When the first complete evaluation was.
    pub taken_at: Option<DateTime<Utc>>,
    /// Rules and Organizations that had a problem then and have had it ever since, and how bad it was.
    #[serde(with = "pairs")]
    pub problems: BTreeMap<(super::incident::Rule, OrganizationId), Extent>,
}

/// One watched integration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntegrationState {
    /// First watched.
    pub first_seen_at: DateTime<Utc>,
    /// The name Snyk gives the Group or Organization; hostile text.
    pub snyk_name: Option<String>,
    /// Its conditions.
    pub conditions: BTreeMap<Condition, ConditionState>,
    /// Its status; `None` until first evaluated.
    pub status: Option<StatusState>,
    /// While its status is unknown for want of an answer: whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<End>,
    /// Synchronisation progress, at Group level.
    pub progress: Option<SyncProgress>,
    /// Since when everything about it is asked again, after a time in which nobody watched: what is known of it may be
    /// over. `None` once that came, or its time is up.
    #[serde(default)]
    pub asking_again_since: Option<DateTime<Utc>>,
    /// Snyk denied it for the first time then, and that waits to be confirmed.
    #[serde(default)]
    pub denied_at: Option<DateTime<Utc>>,
    /// What only a Group integration remembers.
    pub group: GroupMemory,
    /// What only an Organization's integration remembers.
    pub organization: OrganizationMemory,
}

impl IntegrationState {
    /// An integration seen for the first time.
    pub fn new(first_seen_at: DateTime<Utc>) -> Self {
        Self {
            first_seen_at,
            snyk_name: None,
            conditions: BTreeMap::new(),
            status: None,
            unanswered: None,
            progress: None,
            asking_again_since: None,
            denied_at: None,
            group: GroupMemory::default(),
            organization: OrganizationMemory::default(),
        }
    }

    /// The truth of a condition; one that was never evaluated is unknown.
    pub fn truth(&self, condition: Condition) -> Truth {
        self.conditions.get(&condition).map_or(Truth::Unknown, |state| state.truth)
    }
}

/// What a Group integration remembers from one evaluation to the next.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupMemory {
    /// It had at least one asset at some time.
    pub was_populated: bool,
    /// The first fill was once complete, since when.
    pub first_fill_completed_at: Option<DateTime<Utc>>,
    /// Open canaries: changed in the SCM later than their asset's sync.
    pub canaries: BTreeMap<RepositoryId, Canary>,
    /// Repositories by when they were first seen or last renamed: too young ones are not eligible. Shared between the
    /// copies of the state, since it is large and seldom changes.
    pub repository_ages: Arc<BTreeMap<RepositoryId, RepositoryAge>>,
    /// Discovered assets at each arrival, newest last, bounded: the arrival rate's data.
    pub arrivals: Vec<Arrival>,
    /// When an asset last moved (its `last_sync`, else its `updated_at`).
    pub last_asset_moved_at: Option<DateTime<Utc>>,
    /// Since when `connected` holds without a break.
    pub connected_since: Option<DateTime<Utc>>,
    /// How many assets were live at the last complete walk.
    pub live_assets: Option<usize>,
    /// The earliest of `deleted_profiles`.
    pub profile_deleted_at: Option<DateTime<Utc>>,
    /// Profiles that Snyk deleted: more than half of their live assets went with `deleted-profile`.
    #[serde(default)]
    pub deleted_profiles: BTreeMap<ProfileName, DeletedProfile>,
    /// What is remembered of each profile and its namespaces.
    pub profiles: BTreeMap<ProfileName, ProfileMemory>,
    /// The asset walk before the last one.
    pub walked_before: Option<DateTime<Utc>>,
    /// The first of the asset walks, one after the other, that found nothing at all.
    pub no_assets_since: Option<DateTime<Utc>>,
    /// The first of the listings, one after the other, that had no Organization.
    pub no_organizations_since: Option<DateTime<Utc>>,
    /// Organizations that were taken for deleted because listings lacked them and nothing said more, and when.
    #[serde(default)]
    pub unexplained_organizations: BTreeMap<OrganizationId, DateTime<Utc>>,
    /// An asset's SCM id was once that of a visible repository: on this host, ids match.
    pub ids_match: bool,
    /// When a time of having nothing to watch ended last.
    pub nothing_ended_at: Option<DateTime<Utc>>,
}

/// A profile that was deleted in Snyk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedProfile {
    /// The walk that showed it.
    pub at: DateTime<Utc>,
    /// Assets that went with it.
    pub gone: usize,
    /// Assets it had at the complete walk before.
    pub of: usize,
}

/// A repository that changed in the SCM later than its asset was synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// The first observed change that Snyk has not caught up with.
    pub changed_at: DateTime<Utc>,
    /// The last change that began another day.
    #[serde(default)]
    pub last_changed_at: Option<DateTime<Utc>>,
    /// On how many later days it changed again.
    #[serde(default)]
    pub later_days: u32,
}

/// When a repository was first seen and under which names it has been known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryAge {
    /// First seen, first filled, or last renamed or moved.
    pub seen_at: DateTime<Utc>,
    /// Every normalised URL this id had before its present one; empty for nearly all.
    pub urls: BTreeSet<String>,
    /// It was eligible once.
    #[serde(default)]
    pub was_eligible: bool,
    /// What the Inventory had of it when both sides were last looked at.
    #[serde(default)]
    pub asset: AssetMemory,
    /// Since when no profile sees it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_since: Option<DateTime<Utc>>,
}

/// What the Inventory had of a repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetMemory {
    /// Never a live asset.
    #[default]
    Never,
    /// A live asset.
    Live,
    /// A live asset earlier, none since the look at this time.
    Gone {
        /// When it was first not there.
        since: DateTime<Utc>,
    },
}

/// The number of discovered repositories at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// When it was counted.
    pub at: DateTime<Utc>,
    /// How many were found.
    pub found: usize,
}

/// Synchronisation progress of a Group integration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncProgress {
    /// Eligible repositories that have an asset.
    pub found: usize,
    /// Eligible repositories without one.
    pub missing: usize,
    /// Assets that Snyk removed.
    pub removed: usize,
    /// Repositories that are not judged (empty, archived, personal, ignored by configuration, too young).
    pub ignored: usize,
    /// `found / (found + missing)`; `None` with nothing eligible.
    pub ratio: Option<f64>,
    /// Repositories that arrived in an hour, during the first fill.
    pub arrivals_per_hour: Option<f64>,
    /// Expected completion of the first fill: earliest and latest.
    pub completion_expected: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Worst lag of the open canaries, in seconds.
    pub lag_seconds: Option<u64>,
    /// 95th-percentile lag of the open canaries, in seconds.
    pub lag_p95_seconds: Option<u64>,
    /// The last sync seen.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// When the next is expected.
    pub next_expected_at: Option<DateTime<Utc>>,
    /// Which are missing, with why where Snyk says so.
    pub missing_repositories: Vec<MissingRepository>,
    /// Repositories whose change has not arrived yet, oldest first.
    pub laggards: Vec<MissingRepository>,
}

/// A repository that is missing from the Inventory or lags behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingRepository {
    /// The SCM's id.
    pub id: RepositoryId,
    /// `workspace/slug`; hostile text.
    pub full_name: String,
    /// Since when it has been missing or behind.
    pub since: Option<DateTime<Utc>>,
    /// Why, where Snyk says so (`repo-archived`, `deleted-profile`, ...).
    pub why: Option<String>,
}

/// What is remembered about one credential, from one version of its secret to the next.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CredentialState {
    /// The version of the secret (`x-token-id`, else a keyed hash) that the counts below belong to.
    pub token_version: Option<String>,
    /// The SCM's own id of the token (Bitbucket: `x-token-id`), when it was last accepted.
    #[serde(default)]
    pub token_id: Option<String>,
    /// The account that its token was last accepted for, where the API tells.
    #[serde(default)]
    pub account: Option<String>,
    /// When a token of it was last accepted.
    #[serde(default)]
    pub last_used_at: Option<DateTime<Utc>>,
    /// The keyed hash of the secret that was last used.
    #[serde(default)]
    pub secret_version: Option<String>,
    /// The declared expiry that `declared_for` speaks of.
    #[serde(default)]
    pub declared_date: Option<DateTime<Utc>>,
    /// The keyed hash of the secret that was last accepted; another one in `secret_version` was never accepted.
    #[serde(default)]
    pub accepted_secret: Option<String>,
    /// The keyed hash of the secret that was accepted last before the token was rotated.
    #[serde(default)]
    pub previous_secret: Option<String>,
    /// When the present secret was rejected for the first time in a row.
    #[serde(default)]
    pub rejected_since: Option<DateTime<Utc>>,
    /// First accepted use of this version.
    pub first_used_at: Option<DateTime<Utc>>,
    /// The version before this one, and when the change was noticed: a rotation.
    pub rotated_from: Option<(String, DateTime<Utc>)>,
    /// Last accepted use of the version before this one: the rotation was not earlier.
    #[serde(default)]
    pub previous_used_at: Option<DateTime<Utc>>,
    /// First accepted use of the version before this one.
    #[serde(default)]
    pub previous_first_used_at: Option<DateTime<Utc>>,
    /// When the secret before this one was last accepted, asked after it was replaced.
    #[serde(default)]
    pub previous_accepted_at: Option<DateTime<Utc>>,
    /// When the secret before this one was rejected for the first time in a row.
    #[serde(default)]
    pub previous_rejected_since: Option<DateTime<Utc>>,
    /// Since when the secret before this one is rejected, confirmed by a second answer.
    #[serde(default)]
    pub previous_rejected_at: Option<DateTime<Utc>>,
    /// The token that the admin API listed in the place of the one that it lists now.
    #[serde(default)]
    pub listed_before: Option<ListedBefore>,
    /// The last rotation that is known.
    #[serde(default)]
    pub rotation: Option<Rotation>,
    /// The version that the declared expiry belongs to.
    pub declared_for: Option<String>,
    /// The expiry that was known of the previous version: the deadline of what is still on it.
    pub previous_expiry: Option<DateTime<Utc>>,
    /// Rejections that wait to be confirmed: the first one's time and how many so far.
    pub confirming: Option<(DateTime<Utc>, u32)>,
    /// Permissions of which one round saw less than before: a second round decides.
    #[serde(default)]
    pub doubted: BTreeMap<Permission, DateTime<Utc>>,
    /// Whether it is accepted.
    pub valid: CredentialVerdict,
    /// What the admin API says of the token saved in Snyk, where it says anything.
    #[serde(default)]
    pub in_snyk: Option<CredentialVerdict>,
    /// What the admin API answered in place of its listing; `None` while that is known, or not configured.
    #[serde(default)]
    pub unlisted: Option<ListingFailure>,
    /// When it expires, by the best source.
    pub expiry: Option<DateTime<Utc>>,
    /// Who says so.
    pub expiry_source: Option<ExpirySource>,
    /// What stands with the declared date.
    pub declared: DeclaredDate,
    /// Reason words of problems that are not conditions.
    pub notes: Vec<Reason>,
}

impl CredentialState {
    /// Whether the present secret was never accepted, while one before it was: first of all our copy is wrong.
    pub fn never_accepted(&self) -> bool {
        self.accepted_secret.is_some() && self.secret_version.is_some() && self.accepted_secret != self.secret_version
    }
}

/// That the admin API gave no listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingFailure {
    /// Why.
    pub reason: Reason,
    /// What was asked, what was answered, and since when.
    pub message: String,
    /// What to do next, and who has the right for it.
    pub next_step: String,
}

/// A token that the admin API listed before another one took its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedBefore {
    /// Created.
    pub created_at: DateTime<Utc>,
    /// Expires; `None` is no expiry.
    pub expires_at: Option<DateTime<Utc>>,
    /// Last used by anybody, as far as it was told.
    pub last_active_at: Option<DateTime<Utc>>,
    /// The last listing that had it.
    pub listed_at: DateTime<Utc>,
    /// The first listing that had another one in its place.
    pub replaced_at: DateTime<Utc>,
}

/// Whether a credential is accepted, in gauge form with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CredentialVerdict {
    /// True, false or unknown.
    pub truth: Truth,
    /// Why.
    pub reason: Reason,
    /// One sentence.
    pub message: String,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
}

impl Default for CredentialVerdict {
    fn default() -> Self {
        Self { truth: Truth::Unknown, reason: Reason::NotObserved, message: String::new(), since: None }
    }
}

super::kinds::closed_list! {
    /// Who tells a credential's expiry, best first.
    ExpirySource {
        /// The SCM or Snyk itself.
        Api => "api",
        /// The organisation admin's API.
        AdminApi => "admin_api",
        /// The configuration.
        Declared => "declared",
    }
}

super::kinds::closed_list! {
    /// What stands with a declared expiry date.
    DeclaredDate {
        /// None is declared.
        None => "none",
        /// It belongs to the token in use and has not passed.
        InForce => "in_force",
        /// It belongs to an earlier token.
        Superseded => "superseded",
        /// It passed while the token works.
        Outdated => "outdated",
    }
}

#[expect(clippy::derivable_impls, reason = "the closed list has no default of its own")]
impl Default for DeclaredDate {
    fn default() -> Self {
        Self::None
    }
}

/// A change worth history: of a status, a condition, or an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// When.
    pub at: DateTime<Utc>,
    /// What changed.
    pub change: Change,
    /// One sentence: why.
    pub cause: String,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// An integration's status.
    Status {
        /// Whose.
        integration: IntegrationKey,
        /// Before; `None` at first sight.
        from: Option<(Status, Reason)>,
        /// After.
        to: (Status, Reason),
    },
    /// An integration's condition.
    Condition {
        /// Whose.
        integration: IntegrationKey,
        /// Which.
        condition: Condition,
        /// Before; `None` at first sight.
        from: Option<Truth>,
        /// After.
        to: Truth,
        /// Why.
        reason: Reason,
    },
    /// An incident opened.
    Opened {
        /// Which.
        incident: IncidentKey,
        /// How bad.
        severity: Severity,
    },
    /// An open incident affects so many more than when it was last announced that people are told.
    Grew {
        /// Which.
        incident: IncidentKey,
        /// How many integrations were affected.
        from: usize,
        /// How many are now.
        to: usize,
    },
    /// An open incident got another severity.
    SeverityChanged {
        /// Which.
        incident: IncidentKey,
        /// Before.
        from: Severity,
        /// After.
        to: Severity,
    },
    /// An incident resolved.
    Resolved {
        /// Which.
        incident: IncidentKey,
        /// How bad it was.
        severity: Severity,
    },
}
