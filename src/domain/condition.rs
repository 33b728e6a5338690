//! Conditions: true, false or unknown, with reason, message and since.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::kinds::{Confidence, Level, Source, Truth, closed_list};

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

/// A condition as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionState {
    /// True, false or unknown.
    pub truth: Truth,
    /// Closed-list word, `snake_case`, such as `workspace_not_visible`; the same in code, API and docs.
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

        /// Snyk rejects our token.
        SnykTokenInvalid => "snyk_token_invalid",
        /// The Snyk token belongs to another region.
        SnykTokenWrongRegion => "snyk_token_wrong_region",
        /// The Snyk token has expired.
        SnykTokenExpired => "snyk_token_expired",
        /// Too many Organizations vanished from the Group's listing at once to believe it.
        OrganizationsVanished => "organizations_vanished",
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

        /// The account is not a member of a workspace.
        WorkspaceNotVisible => "workspace_not_visible",
        /// A workspace was renamed.
        WorkspaceRenamed => "workspace_renamed",
        /// A workspace is gone.
        WorkspaceNotFound => "workspace_not_found",
        /// A workspace is empty on both sides.
        WorkspaceEmpty => "workspace_empty",
        /// No repositories are visible.
        NoRepositoriesVisible => "no_repositories_visible",

        /// Nothing is eligible for discovery.
        NothingToDiscover => "nothing_to_discover",
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
        /// There is no daily project to judge.
        NothingTestedDaily => "nothing_tested_daily",
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
