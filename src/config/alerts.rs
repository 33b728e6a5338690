//! The `alerts` section: when incidents open, and how bad they are.
//!
//! Each rule may be set for all integrations (`alerts.rules`) and again for one (`integrations.<name>.rules`). Rules
//! about a credential, a Snyk token or an API have a subject that several integrations may share: those can be set for
//! all alone ([`RawAlertRules::shared`]).

use std::time::Duration;

use serde_json::{Value, json};

use super::duration::{DAY, HOUR, MINUTE, format_duration};
use super::problem::Place;
use super::raw::spanned::Spanned;
use super::raw::value::{RawEscalation, RawSeverity};
use super::settings::{Setting, settings};
use crate::domain::incident::Severity;

/// When an incident becomes critical. Counted from the onset of the problem, as the first delay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escalation {
    /// Once the problem is this old.
    After(Duration),
    /// Not by age.
    Never,
}

impl Setting for Severity {
    type Raw = RawSeverity;

    fn overlaid(&self, raw: &RawSeverity) -> Self {
        match raw {
            RawSeverity::Info => Self::Info,
            RawSeverity::Warning => Self::Warning,
            RawSeverity::Critical => Self::Critical,
        }
    }

    fn shown(&self) -> Value {
        json!(self.as_str())
    }
}

impl Setting for Escalation {
    type Raw = RawEscalation;

    fn overlaid(&self, raw: &RawEscalation) -> Self {
        raw.0.map_or(Self::Never, Self::After)
    }

    fn shown(&self) -> Value {
        match self {
            Self::After(age) => json!(format_duration(*age)),
            Self::Never => json!("never"),
        }
    }
}

/// A problem of minutes is given this long before it opens an incident: one failed round and its repetition.
pub const SHORT_DELAY: Duration = Duration::from_secs(10 * MINUTE);
/// Permissions are changed by hand, one after the other: a quarter of an hour lets such a change end.
pub const PERMISSIONS_DELAY: Duration = Duration::from_secs(15 * MINUTE);
/// An outage, or a blind spot, of an hour is no longer a hiccup.
pub const OUTAGE_DELAY: Duration = Duration::from_secs(HOUR);
/// A day of blindness, or of standing still, is critical.
pub const DAY_DELAY: Duration = Duration::from_secs(DAY);
/// Two of Snyk's six-hourly listings and an hour for processing.
pub const FIRST_SYNC_DELAY: Duration = Duration::from_secs(13 * HOUR);
/// Twice that.
pub const FIRST_SYNC_CRITICAL: Duration = Duration::from_secs(26 * HOUR);
/// Failed profiles are critical after two hours: their repositories are no longer watched by Snyk.
pub const PROFILES_CRITICAL: Duration = Duration::from_secs(2 * HOUR);
/// Snyk's weekly run is the slowest of its jobs; what a week did not bring does not come by itself.
pub const INCOMPLETE_DELAY: Duration = Duration::from_secs(7 * DAY);
/// The first word about an expiring token: a month ahead.
pub const EXPIRY_NOTICE: Duration = Duration::from_secs(30 * DAY);
/// Two weeks ahead.
pub const EXPIRY_WARNING: Duration = Duration::from_secs(14 * DAY);
/// Three days ahead: over a weekend nobody may be there.
pub const EXPIRY_CRITICAL: Duration = Duration::from_secs(3 * DAY);
/// Of a token with a short life, the last third is announced instead of a month.
pub const EXPIRY_NOTICE_SHARE: f64 = 1.0 / 3.0;
/// Two months ahead: an upgrade has to be planned.
pub const API_ENDING_NOTICE: Duration = Duration::from_secs(60 * DAY);
/// A credential is critical if this share of a Group's repositories hangs on it.
pub const CRITICAL_REPOSITORY_SHARE: f64 = 0.10;
/// One odd answer is not a fact, two in a row are. Evaluations with fresh evidence.
pub const CONFIRMING_EVALUATIONS: u32 = 2;

settings! {
    /// When each incident opens, and how bad it is.
    pub struct AlertRules / RawAlertRules {
        /// The Snyk token is rejected.
        snyk_token_invalid: EscalatingRule = EscalatingRule::of(Duration::ZERO, Escalation::After(DAY_DELAY)),
        /// The Snyk token expires soon.
        snyk_token_expiring: NoticeRule = NoticeRule::default(),
        /// The token of an observer is rejected.
        observer_rejected: EscalatingRule = EscalatingRule::of(Duration::ZERO, Escalation::After(DAY_DELAY)),
        /// The PAT is rejected.
        credential_invalid: CredentialInvalidRule = CredentialInvalidRule::default(),
        /// No probe of one API gives an answer that counts.
        upstream_unreachable: EscalatingRule = EscalatingRule::of(OUTAGE_DELAY, Escalation::After(DAY_DELAY)),
        /// The PAT lacks a required permission.
        permissions_missing: PermissionsMissingRule = PermissionsMissingRule::default(),
        /// The PAT expires soon.
        credential_expiring: ExpiryRule = ExpiryRule::default(),
        /// A rotation makes no progress, or the end of the old token is near.
        rotation_unfinished: RotationRule = RotationRule::default(),
        /// A declared date has passed and the PAT still works.
        declared_date_outdated: SimpleRule = SimpleRule::of(Duration::ZERO, Severity::Warning),
        /// A configured workspace is not there.
        namespace_not_found: WorkspaceRule = WorkspaceRule::default(),
        /// Repositories are seen no more, and nothing tells why.
        repositories_vanished: RepositoriesVanishedRule = RepositoriesVanishedRule::default(),
        /// Organizations are listed no more, and nothing tells why.
        organizations_vanished: SimpleRule = SimpleRule::of(Duration::ZERO, Severity::Warning),
        /// An Organization that the configuration names is in no complete listing.
        organization_not_found: SimpleRule = SimpleRule::of(OUTAGE_DELAY, Severity::Warning),
        /// The status is `connection_failed` for another reason.
        connection_failed: SimpleRule = SimpleRule::of(SHORT_DELAY, Severity::Critical),
        /// A Group integration stays partially connected.
        partially_connected: PartiallyConnectedRule = PartiallyConnectedRule::default(),
        /// Synchronisation has stopped.
        sync_stalled: EscalatingRule = EscalatingRule::of(Duration::ZERO, Escalation::After(DAY_DELAY)),
        /// An Organization has lost its integration, or never had the one that `require` asks for.
        organization_integration_missing: SimpleRule = SimpleRule::of(OUTAGE_DELAY, Severity::Warning),
        /// The copy of the PAT in Snyk is older than its last rotation.
        credential_out_of_step: ConfirmedRule = ConfirmedRule::default(),
        /// Daily tests have stopped.
        tests_stale: ConfirmedRule = ConfirmedRule::default(),
        /// Scheduled tests or pull request checks were switched off.
        tests_unscheduled: ConfirmedRule = ConfirmedRule::default(),
        /// An Organization has imported nothing.
        nothing_imported: SimpleRule = SimpleRule::of(DAY_DELAY, Severity::Info),
        /// Many imported repositories have no project.
        imports_incomplete: SimpleRule = SimpleRule::of(DAY_DELAY, Severity::Info),
        /// Most projects of an Organization are inactive.
        projects_inactive: SimpleRule = SimpleRule::of(DAY_DELAY, Severity::Info),
        /// Projects whose repository is gone, or that are never tested.
        orphaned_projects: SimpleRule = SimpleRule::of(DAY_DELAY, Severity::Info),
        /// Imported repositories carry no Snyk webhook.
        webhooks_missing: SimpleRule = SimpleRule::of(DAY_DELAY, Severity::Info),
        /// Catalog files have no effect in Snyk.
        catalog_not_linked: SimpleRule = SimpleRule::of(DAY_DELAY, Severity::Info),
        /// What the configuration names has nothing to watch.
        nothing_to_watch: SimpleRule = SimpleRule::of(DAY_DELAY, Severity::Info),
        /// An API version that is in use ends soon.
        api_version_ending: ApiVersionRule = ApiVersionRule::default(),
        /// The status cannot be told, for a reason of its own.
        status_unknown: StatusUnknownRule = StatusUnknownRule::default(),
        /// Problems of Organizations that stood at first sight, summed up. Switched off, each is told by its own rule.
        baseline: SimpleRule = SimpleRule::of(Duration::ZERO, Severity::Info),
    }

    /// A rule with one delay and one severity.
    pub struct SimpleRule / RawSimpleRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How long the problem must last.
        after: Duration = SHORT_DELAY,
        /// How bad it is.
        severity: Severity = Severity::Warning,
    }

    /// A rule whose incident becomes critical with age.
    pub struct EscalatingRule / RawEscalatingRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How long the problem must last.
        after: Duration = OUTAGE_DELAY,
        /// How bad it is at first.
        severity: Severity = Severity::Warning,
        /// The age at which it becomes critical, or `never`.
        critical_after: Escalation = Escalation::Never,
    }

    /// A rule that looks ahead to an end.
    pub struct NoticeRule / RawNoticeRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How long before the end it opens. Default 30d.
        before: Duration = EXPIRY_NOTICE,
        /// How bad it is. Default warning.
        severity: Severity = Severity::Warning,
    }

    /// The PAT is rejected.
    pub struct CredentialInvalidRule / RawCredentialInvalidRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How bad it is while little hangs on the credential. Default warning.
        severity: Severity = Severity::Warning,
        /// How bad it is if a Group, or enough of its repositories, hangs on it. Default critical.
        group_severity: Severity = Severity::Critical,
        /// Enough of a Group's repositories, as a share. Default 0.1.
        group_share: f64 = CRITICAL_REPOSITORY_SHARE,
        /// How bad it is at first if snykwatch's own copy never worked, while the one before did. Default warning.
        our_copy_severity: Severity = Severity::Warning,
        /// The age at which that becomes critical, or `never`. Default 26h.
        our_copy_critical_after: Escalation = Escalation::After(FIRST_SYNC_CRITICAL),
    }

    /// A rotation that is not finished: two steps before the end of the old token, and one for standing still.
    pub struct RotationRule / RawRotationRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How long nobody has saved the new token. Default 24h.
        after: Duration = DAY_DELAY,
        /// How long before the end of the old token it opens in any case. Default 7d.
        warning_before: Duration = INCOMPLETE_DELAY,
        /// How long before that end it becomes critical. Default 1d.
        critical_before: Duration = DAY_DELAY,
    }

    /// Repositories are seen no more, and nothing tells why.
    pub struct RepositoriesVanishedRule / RawRepositoriesVanishedRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How long they must be missing. Default 0s: a second walk confirms it.
        after: Duration = Duration::ZERO,
        /// How bad it is. Default warning.
        severity: Severity = Severity::Warning,
        /// The age at which it becomes critical for a whole namespace of three or more, or `never`. Default 1d.
        critical_after: Escalation = Escalation::After(DAY_DELAY),
    }

    /// The status cannot be told, for a reason of its own.
    pub struct StatusUnknownRule / RawStatusUnknownRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How long it must be unknown. Default 1h.
        after: Duration = OUTAGE_DELAY,
        /// How long it must be unknown because the answers contradict each other. Default 1d.
        contradicted_after: Duration = DAY_DELAY,
        /// How long nothing must have been asked with a credential, because its secret is no token. Default 0s. Set for
        /// all integrations alike.
        secret_refused_after: Duration = Duration::ZERO,
        /// How bad it is at first. Default warning.
        severity: Severity = Severity::Warning,
        /// The age at which it becomes critical for a whole Group, or `never`. Default 1d.
        critical_after: Escalation = Escalation::After(DAY_DELAY),
    }

    /// The PAT lacks a required permission.
    pub struct PermissionsMissingRule / RawPermissionsMissingRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How long the permission must be missing. Default 15m.
        after: Duration = PERMISSIONS_DELAY,
        /// How bad it is. Default warning.
        severity: Severity = Severity::Warning,
        /// How bad it is if discovery itself needs the permission. Default critical.
        group_severity: Severity = Severity::Critical,
    }

    /// The PAT expires soon: three steps, each later than the one before. Of a token with a short life, where the share
    /// opens it later, it becomes a warning at half and critical at a tenth of that time.
    pub struct ExpiryRule / RawExpiryRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How long before the end the first word (info) comes. Default 30d.
        info_before: Duration = EXPIRY_NOTICE,
        /// The first word comes no earlier than at this share of the token's life before its end. Default a third.
        info_share: f64 = EXPIRY_NOTICE_SHARE,
        /// How long before the end it becomes a warning. Default 14d.
        warning_before: Duration = EXPIRY_WARNING,
        /// How long before the end it becomes critical. Default 3d.
        critical_before: Duration = EXPIRY_CRITICAL,
    }

    /// A configured workspace is not there.
    pub struct WorkspaceRule / RawWorkspaceRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How long it must be missing. Default 10m.
        after: Duration = SHORT_DELAY,
        /// How bad it is. Default critical.
        severity: Severity = Severity::Critical,
        /// How bad it is if the workspace is there under another name. Default warning.
        renamed_severity: Severity = Severity::Warning,
    }

    /// A Group integration stays partially connected: one delay for each reason.
    pub struct PartiallyConnectedRule / RawPartiallyConnectedRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// The first synchronisation does not come. Default 13h.
        awaiting_first_sync: Duration = FIRST_SYNC_DELAY,
        /// The Inventory was filled and is empty. Default 13h.
        inventory_lost: Duration = FIRST_SYNC_DELAY,
        /// Some profiles fail. Default 10m.
        profiles_failed: Duration = SHORT_DELAY,
        /// Repositories are missing, and nothing has arrived for this long. Default 7d.
        inventory_incomplete: Duration = INCOMPLETE_DELAY,
        /// How bad it is at first. Default warning.
        severity: Severity = Severity::Warning,
        /// When it becomes critical.
        critical: PartiallyConnectedCritical = PartiallyConnectedCritical::default(),
    }

    /// When a partially connected state becomes critical: one age, or `never`, for each reason.
    pub struct PartiallyConnectedCritical / RawPartiallyConnectedCritical {
        /// The first synchronisation does not come. Default 26h.
        awaiting_first_sync: Escalation = Escalation::After(FIRST_SYNC_CRITICAL),
        /// The Inventory was filled and is empty. Default 26h.
        inventory_lost: Escalation = Escalation::After(FIRST_SYNC_CRITICAL),
        /// Some profiles fail. Default 2h.
        profiles_failed: Escalation = Escalation::After(PROFILES_CRITICAL),
        /// Repositories are missing. Default never.
        inventory_incomplete: Escalation = Escalation::Never,
    }

    /// A rule that waits for a second evaluation with fresh evidence.
    pub struct ConfirmedRule / RawConfirmedRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How many evaluations in a row must agree. Default 2.
        evaluations: u32 = CONFIRMING_EVALUATIONS,
        /// How bad it is. Default warning.
        severity: Severity = Severity::Warning,
    }

    /// An API version that is in use ends soon.
    pub struct ApiVersionRule / RawApiVersionRule {
        /// `false`: it opens no incident and holds none back. Default true.
        enabled: bool = true,
        /// How long before its end the first word (info) comes. Default 60d.
        info_before: Duration = API_ENDING_NOTICE,
        /// How long before its end it becomes a warning. Default 14d.
        warning_before: Duration = EXPIRY_WARNING,
    }
}

impl RawAlertRules {
    /// The rules about what several integrations may share, which are set for all of them alone: each that is written
    /// here, with its place.
    pub(super) fn shared(&self) -> impl Iterator<Item = (&'static str, Place)> {
        fn at<T>(rule: Option<&Spanned<T>>) -> Option<Place> {
            rule.map(|rule| rule.place)
        }
        let rules = [
            ("snyk_token_invalid", at(self.snyk_token_invalid.as_ref())),
            ("snyk_token_expiring", at(self.snyk_token_expiring.as_ref())),
            ("observer_rejected", at(self.observer_rejected.as_ref())),
            ("credential_invalid", at(self.credential_invalid.as_ref())),
            ("upstream_unreachable", at(self.upstream_unreachable.as_ref())),
            ("permissions_missing", at(self.permissions_missing.as_ref())),
            ("credential_expiring", at(self.credential_expiring.as_ref())),
            ("rotation_unfinished", at(self.rotation_unfinished.as_ref())),
            ("declared_date_outdated", at(self.declared_date_outdated.as_ref())),
            ("api_version_ending", at(self.api_version_ending.as_ref())),
            // Of this rule, one row is about a credential.
            (
                "status_unknown.secret_refused_after",
                self.status_unknown.as_ref().and_then(|rule| at(rule.value.secret_refused_after.as_ref())),
            ),
        ];
        rules.into_iter().filter_map(|(name, place)| Some((name, place?)))
    }
}

impl SimpleRule {
    const fn of(after: Duration, severity: Severity) -> Self {
        Self { enabled: true, after, severity }
    }
}

impl EscalatingRule {
    const fn of(after: Duration, critical_after: Escalation) -> Self {
        Self { enabled: true, after, severity: Severity::Warning, critical_after }
    }
}
