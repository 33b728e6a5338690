//! Conditions: true, false, unknown or not applicable, with reason, message, since, and what a true rests on.

use std::num::NonZeroUsize;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::kinds::{Confidence, Level, Source, Truth, closed_list};
use super::names::Revision;

closed_list! {
    /// The fourteen conditions.
    Condition {
        /// The Snyk token authenticates and may read this Group or Organization.
        SnykAccessible => "SnykAccessible",
        /// The SCM accepts the PAT.
        CredentialValid => "CredentialValid",
        /// The PAT expires later than 14 days from now.
        CredentialFresh => "CredentialFresh",
        /// Every required permission is granted.
        PermissionsGranted => "PermissionsGranted",
        /// The copy in Snyk was saved after the last rotation.
        CredentialInStep => "CredentialInStep",
        /// The PAT's account is a member of each workspace and sees repositories.
        RepositoriesVisible => "RepositoriesVisible",
        /// At least one live asset was discovered by the Group.
        InventoryPopulated => "InventoryPopulated",
        /// Nearly every eligible repository has an asset.
        InventoryComplete => "InventoryComplete",
        /// Changes in the SCM reach the Inventory in time.
        SyncCurrent => "SyncCurrent",
        /// Repositories with a catalog file have application context.
        CatalogLinked => "CatalogLinked",
        /// The Organization has an integration of this type.
        IntegrationPresent => "IntegrationPresent",
        /// Targets exist and have projects.
        RepositoriesImported => "RepositoriesImported",
        /// Daily projects are tested daily.
        TestsCurrent => "TestsCurrent",
        /// Sampled imported repositories carry an active Snyk webhook.
        WebhooksInstalled => "WebhooksInstalled",
    }
}

impl Condition {
    /// The conditions of a level, in the order in which a person checks them. `CatalogLinked` belongs to a Group with
    /// Backstage only.
    pub const fn of(level: Level) -> &'static [Self] {
        match level {
            Level::Group => &[
                Self::SnykAccessible,
                Self::CredentialValid,
                Self::CredentialFresh,
                Self::PermissionsGranted,
                Self::CredentialInStep,
                Self::RepositoriesVisible,
                Self::InventoryPopulated,
                Self::InventoryComplete,
                Self::SyncCurrent,
                Self::CatalogLinked,
            ],
            Level::Organization => &[
                Self::SnykAccessible,
                Self::CredentialValid,
                Self::CredentialFresh,
                Self::PermissionsGranted,
                Self::CredentialInStep,
                Self::IntegrationPresent,
                Self::RepositoriesImported,
                Self::TestsCurrent,
                Self::WebhooksInstalled,
            ],
        }
    }

    /// Whether the condition speaks of a credential alone: such a condition is not repeated per Organization in
    /// metrics. (`CredentialInStep` speaks of each Organization's own copy.)
    pub const fn is_of_credential(self) -> bool {
        matches!(self, Self::CredentialValid | Self::CredentialFresh | Self::PermissionsGranted)
    }
}

/// What a true rests on. There is no proof by nothing: at least one thing was seen that would have been otherwise if
/// the condition were false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    seen: NonZeroUsize,
    of: usize,
    last_at: Option<DateTime<Utc>>,
}

impl Proof {
    /// `seen` things of `of` that were looked at, the last observation at `last_at` (`None`: the operator's own word).
    /// Nothing seen proves nothing.
    pub fn new(seen: usize, of: usize, last_at: Option<DateTime<Utc>>) -> Option<Self> {
        Some(Self { seen: NonZeroUsize::new(seen)?, of: of.max(seen), last_at })
    }

    /// One thing, which is all there is to see.
    pub fn single(last_at: Option<DateTime<Utc>>) -> Self {
        Self { seen: NonZeroUsize::MIN, of: 1, last_at }
    }

    /// How many things were seen.
    pub fn seen(self) -> usize {
        self.seen.get()
    }

    /// Of how many that were looked at.
    pub fn of(self) -> usize {
        self.of
    }

    /// Moves the time of observation.
    pub fn move_by(&mut self, shift: impl FnMut(&mut DateTime<Utc>)) {
        let Self { seen: _, of: _, last_at } = self;
        last_at.iter_mut().for_each(shift);
    }

    /// When they were observed; `None` for the operator's own word.
    pub fn last_at(self) -> Option<DateTime<Utc>> {
        self.last_at
    }
}

/// A condition as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionState {
    /// True, false, unknown or not applicable.
    pub truth: Truth,
    /// Closed-list word, `snake_case`, such as `not_a_member`; the same in code, API and docs.
    pub reason: Reason,
    /// One sentence for a person, with the numbers.
    pub message: String,
    /// Since when this truth holds.
    pub since: DateTime<Utc>,
    /// Where the claim comes from.
    pub source: Source,
    /// How much it can be relied upon.
    pub confidence: Confidence,
    /// A first bad answer about a credential waits to be confirmed.
    pub confirming: bool,
    /// The oldest observation it rests on.
    pub observed_at: Option<DateTime<Utc>>,
    /// The earliest expiry of the evidence it rests on; `None` when it rests on none.
    pub valid_until: Option<DateTime<Utc>>,
    /// What a true rests on. `None` for any other truth, and for the one true without: `idle`.
    #[serde(default)]
    pub proof: Option<Proof>,
    /// The version of configuration and credential that it speaks of.
    #[serde(default)]
    pub observed_revision: Option<Revision>,
    /// It rests on evidence from before a time in which nobody watched, which would be stale but for that.
    #[serde(default)]
    pub restored: bool,
}

closed_list! {
    /// Why a condition or a status is what it is.
    Reason {
        /// As it should be.
        Ok => "ok",
        /// Never observed.
        NotObserved => "not_observed",
        /// Observed too long ago.
        EvidenceStale => "evidence_stale",
        /// Our clock and the API's differ too much for a verdict.
        ClockSkewed => "clock_skewed",
        /// Follows from another condition that is not known.
        DependsOnUnknown => "depends_on_unknown",
        /// Evidence of one round contradicts itself.
        Contradicted => "contradicted",
        /// Nobody ever uses it, or nothing is there to be watched.
        NotApplicable => "not_applicable",
        /// The endpoint refuses us (403), though the token is accepted elsewhere.
        EndpointRefused => "endpoint_refused",
        /// The Git host refuses the address from which we ask.
        AddressRefused => "address_refused",
        /// The endpoint is not there (404).
        EndpointNotFound => "endpoint_not_found",
        /// The endpoint has ended (410).
        EndpointGone => "endpoint_gone",
        /// The API fails.
        UpstreamFailing => "upstream_failing",
        /// No question arrives there: name lookup, connection or TLS fail.
        NotReached => "not_reached",
        /// A proxy or portal on the way lets no question through.
        ProxyFailing => "proxy_failing",
        /// The API asks for patience (429).
        RateLimited => "rate_limited",
        /// Our own share of the requests is used up: it was not asked.
        BudgetSpent => "budget_spent",
        /// The answer is not what the API describes.
        AnswerNotUnderstood => "answer_not_understood",
        /// A list ended before its stated total, or tells the same over and over.
        ListIncomplete => "list_incomplete",
        /// The secret was refused when it was read: nothing is asked with it.
        SecretRefused => "secret_refused",
        /// The request is not on our own list of what may leave: it was not asked. An error of ours.
        RequestNotListed => "request_not_listed",

        /// Snyk rejects our token.
        SnykTokenInvalid => "snyk_token_invalid",
        /// The Snyk token belongs to another region.
        SnykTokenWrongRegion => "snyk_token_wrong_region",
        /// The Snyk token has expired.
        SnykTokenExpired => "snyk_token_expired",
        /// Organizations are missing from the Group's listing, and nothing tells why.
        OrganizationsVanished => "organizations_vanished",
        /// The Group answers, and shows neither Organizations nor assets.
        GroupAnswersEmpty => "group_answers_empty",
        /// The Snyk token may not read this Group or Organization, or it does not exist.
        SnykAccessDenied => "snyk_access_denied",

        /// The PAT has expired.
        CredentialExpired => "credential_expired",
        /// The PAT was revoked.
        CredentialRevoked => "credential_revoked",
        /// The PAT or the e-mail beside it is wrong.
        CredentialWrongTokenOrEmail => "credential_wrong_token_or_email",
        /// App passwords were retired.
        CredentialAppPasswordRetired => "credential_app_password_retired",
        /// The token's kind needs another authentication scheme.
        CredentialWrongScheme => "credential_wrong_scheme",
        /// The SCM rejects the PAT and does not say why.
        CredentialRejected => "credential_rejected",
        /// An administrator blocked the token.
        CredentialBlocked => "credential_blocked",
        /// Inferred true: an asset moved within `max_lag`.
        InferredFromSync => "inferred_from_sync",
        /// The observer's own credential failed; it says nothing about the PAT in Snyk.
        ObserverFailed => "observer_failed",
        /// A complete admin listing does not have the token saved in Snyk.
        NotListed => "not_listed",
        /// The admin listing has several tokens that fit: which of them is saved in Snyk cannot be told.
        SeveralListed => "several_listed",
        /// The admin API refuses our key, or does not find the organisation.
        AdminApiRefused => "admin_api_refused",
        /// An observer, and no asset moved lately: nothing proves the PAT saved in Snyk.
        IdleUnproved => "idle_unproved",
        /// Our new copy was never accepted while assets of the profile still move.
        OurCopyRejected => "our_copy_rejected",
        /// No profile uses this credential, so that nothing can prove it.
        NotProvable => "not_provable",

        /// Expires within 14 days.
        CredentialExpiring => "credential_expiring",
        /// Nobody tells when it expires.
        ExpiryUnknown => "expiry_unknown",
        /// The declared date belongs to an earlier token.
        Superseded => "superseded",
        /// The declared date passed while the token works.
        DeclaredDateOutdated => "declared_date_outdated",
        /// It has no expiry.
        NeverExpires => "never_expires",

        /// A required permission is missing.
        PermissionMissing => "permission_missing",
        /// A required permission cannot be verified.
        PermissionUnverifiable => "permission_unverifiable",
        /// The account is not administrator of every repository.
        AdminRightsMissing => "admin_rights_missing",

        /// No rotation is known.
        NotRotated => "not_rotated",
        /// The copy in Snyk is older than the rotation.
        CredentialOutOfStep => "credential_out_of_step",
        /// Nothing tells whether the copy was saved after the rotation.
        NotProvenSinceRotation => "not_proven_since_rotation",
        /// The audit log cannot be read.
        AuditLogNotReadable => "audit_log_not_readable",
        /// The rotation is older than what Snyk's audit log keeps.
        BeyondAuditLog => "beyond_audit_log",
        /// An event names no integration, and the Organization has several.
        UnnamedEvent => "unnamed_event",
        /// The Organization was cloned from a template: nothing tells which token came with it.
        Cloned => "cloned",
        /// The token before the rotation still works, so that Snyk may use either.
        OldTokenStillValid => "old_token_still_valid",

        /// The account is not a member of a namespace.
        NotAMember => "not_a_member",
        /// Nothing proves that the account is a member of a namespace: what it sees there, strangers see too.
        MembershipNotProved => "membership_not_proved",
        /// A namespace was renamed.
        NamespaceRenamed => "namespace_renamed",
        /// A namespace is hidden from this PAT or deleted.
        NamespaceNotVisible => "namespace_not_visible",
        /// A member is shut out of a namespace (single sign-on, token policy, approval pending).
        ShutOut => "shut_out",
        /// Repositories that were seen are seen no more, and nothing tells why.
        RepositoriesVanished => "repositories_vanished",

        /// Nothing is eligible for discovery.
        NothingToDiscover => "nothing_to_discover",
        /// No repository to compare with the Inventory.
        NothingToCompare => "nothing_to_compare",
        /// Never populated.
        AwaitingFirstSync => "awaiting_first_sync",
        /// Was populated, now empty.
        InventoryLost => "inventory_lost",
        /// Some repositories are missing.
        InventoryIncomplete => "inventory_incomplete",
        /// A profile was deleted in Snyk.
        ProfileDeleted => "profile_deleted",
        /// Nothing changed in the SCM.
        Idle => "idle",
        /// Changes do not reach the Inventory.
        SyncLagging => "sync_lagging",
        /// Changes of a part of the repositories do not reach the Inventory.
        PartialStall => "partial_stall",
        /// Set up a moment ago.
        SetupInProgress => "setup_in_progress",
        /// Some profiles fail.
        ProfilesFailed => "profiles_failed",
        /// Catalog files without application context.
        CatalogNotLinked => "catalog_not_linked",
        /// No sampled repository carries a catalog file.
        NoCatalogFiles => "no_catalog_files",

        /// The Organization has no such integration.
        IntegrationAbsent => "integration_absent",
        /// The integration was never used.
        Unused => "unused",
        /// Connected through the SCM's app.
        ViaApp => "via_app",
        /// The integration's credentials were removed.
        Disconnected => "disconnected",
        /// No repository was imported.
        NothingImported => "nothing_imported",
        /// Targets have no projects.
        SomeImportsFailed => "some_imports_failed",
        /// Daily tests do not run.
        TestsStale => "tests_stale",
        /// Most projects are inactive.
        ProjectsInactive => "projects_inactive",
        /// No project was ever scheduled for tests.
        NothingScheduled => "nothing_scheduled",
        /// Snyk does not tell when any scheduled project was tested.
        NoTestTold => "no_test_told",
        /// Scheduled tests or pull request checks were switched off.
        TestsUnscheduled => "tests_unscheduled",
        /// Repositories without an active Snyk webhook.
        WebhooksMissing => "webhooks_missing",
        /// The webhook's URL pattern was never proved here.
        WebhookPatternUnproved => "webhook_pattern_unproved",
        /// No admin rights to read webhooks.
        NoAdminRights => "no_admin_rights",
        /// There is no imported repository to sample.
        NothingToSample => "nothing_to_sample",
    }
}

impl Reason {
    /// The class of a failure (the label of its metric) as a reason.
    pub fn of_failure(label: &str) -> Self {
        match label {
            "forbidden" | "missing_scope" | "unauthorized" | "not_accessible_by_this_authentication" => {
                Self::EndpointRefused
            }
            "refused" => Self::RequestNotListed,
            "address_refused" => Self::AddressRefused,
            "shut_out" => Self::ShutOut,
            "not_found" => Self::EndpointNotFound,
            "gone" => Self::EndpointGone,
            "rate_limited" => Self::RateLimited,
            "budget_spent" => Self::BudgetSpent,
            "incomplete" | "endless_paging" => Self::ListIncomplete,
            "secret_refused" => Self::SecretRefused,
            "contradicted" => Self::Contradicted,
            "dns" | "tls" | "connection_refused" | "unconnected" => Self::NotReached,
            "proxy" => Self::ProxyFailing,
            "unexpected_body" | "redirected" | "foreign_next_link" | "bad_request" | "oversized" | "truncated" => {
                Self::AnswerNotUnderstood
            }
            _ => Self::UpstreamFailing,
        }
    }
}
