//! When each rule opens an incident and how its severity grows: one row for each rule and case, all of them overridable.
//!
//! The defaults are the table of `docs/incidents.md`, with the reason of each number beside it. An override replaces
//! a row for one integration; a row that is not overridden is the default one. A credential or an API may be shared by
//! several integrations: rules about them have one policy for all ([`Fleet::rules`](super::fleet::Fleet::rules)).

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::incident::{Rule, Severity};
use super::kinds::closed_list;

closed_list! {
    /// Which row of a rule applies; the rule's other rows have other times or severities.
    Case {
        /// The rule's ordinary row.
        Default => "default",
        /// `PartiallyConnected`: the Inventory was never populated.
        AwaitingFirstSync => "awaiting_first_sync",
        /// `PartiallyConnected`: the Inventory was populated and is empty.
        InventoryLost => "inventory_lost",
        /// `PartiallyConnected`: some profiles fail.
        ProfilesFailed => "profiles_failed",
        /// `PartiallyConnected`: repositories are missing from the Inventory.
        InventoryIncomplete => "inventory_incomplete",
        /// `PermissionsMissing`: discovery itself needs the missing permission.
        GroupPermission => "group_permission",
        /// `CredentialInvalid`: a Group, or enough of its repositories, hangs on the credential.
        GroupAtStake => "group_at_stake",
        /// `NamespaceNotFound`: the namespace has another name now; Snyk may be fine.
        Renamed => "renamed",
        /// `StatusUnknown`: nothing is known of a whole Group.
        WholeGroup => "whole_group",
        /// `StatusUnknown`: nothing is asked with a credential, whose secret was refused when it was read.
        SecretRefused => "secret_refused",
        /// `StatusUnknown`: what was answered contradicts itself.
        Contradicted => "contradicted",
        /// `RepositoriesVanished`: a whole namespace of three or more repositories is gone.
        WholeNamespace => "whole_namespace",
        /// `CredentialInvalid`: a version of our copy that never worked, while the one before did.
        OurCopy => "our_copy",
    }
}

/// A rule and the row of it.
pub type RuleCase = (Rule, Case);

/// When a rule opens and how its severity grows.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleTiming {
    /// From the onset of the cause to the opening. For rules that look ahead (expiry, version end): so long before.
    pub opens_after: TimeDelta,
    /// Severity from so long after the onset (or so long before the date) on; the first entry is the opening one.
    pub severities: Vec<(TimeDelta, Severity)>,
    /// How many evaluations in a row, each on new evidence, must agree.
    pub evaluations: u32,
    /// A share on which the row turns: of a Group's repositories that hang on the credential (`GroupAtStake`); of a
    /// token's life before its end, earlier than which it is not announced (`CredentialExpiring`).
    pub share: Option<f64>,
    /// `false`: switched off by the operator.
    pub enabled: bool,
}

impl RuleTiming {
    /// The severity so long after the onset.
    pub fn severity_after(&self, elapsed: TimeDelta) -> Severity {
        self.worst_of(|at| at <= elapsed)
    }

    /// The severity so long before the date.
    pub fn severity_before(&self, remaining: TimeDelta) -> Severity {
        self.worst_of(|at| at >= remaining)
    }

    /// How many rows of the ladder towards the date are reached so long before it.
    pub fn steps_before(&self, remaining: TimeDelta) -> usize {
        self.severities.iter().filter(|(at, _)| *at >= remaining).count()
    }

    fn worst_of(&self, reached: impl Fn(TimeDelta) -> bool) -> Severity {
        let opening = self.severities.first().map_or(Severity::Warning, |(_, severity)| *severity);
        self.severities
            .iter()
            .filter(|(at, _)| reached(*at))
            .map(|(_, severity)| *severity)
            .fold(opening, Severity::max)
    }

    /// The default row.
    pub fn default_of(rule: Rule, case: Case) -> Self {
        let row = ROWS.iter().find(|row| row.rule == rule && row.case == case);
        let row = row.or_else(|| ROWS.iter().find(|row| row.rule == rule));
        let row = row.unwrap_or(&FALLBACK);
        Self {
            opens_after: row.opens_after,
            severities: row.severities.to_vec(),
            evaluations: row.evaluations,
            share: row.share,
            enabled: true,
        }
    }
}

/// Times and severities of incidents.
#[derive(Debug, Clone, PartialEq)]
pub struct RulePolicy {
    /// By rule and case. A row that is not here is the default one.
    pub timings: BTreeMap<RuleCase, RuleTiming>,
}

impl Default for RulePolicy {
    fn default() -> Self {
        let timing = |row: &Row| ((row.rule, row.case), RuleTiming::default_of(row.rule, row.case));
        Self { timings: ROWS.iter().map(timing).collect() }
    }
}

impl RulePolicy {
    /// The row of a rule and case.
    pub fn timing(&self, rule: Rule, case: Case) -> RuleTiming {
        self.timings.get(&(rule, case)).cloned().unwrap_or_else(|| RuleTiming::default_of(rule, case))
    }

    /// The cases that `rule` has rows for.
    pub fn cases_of(rule: Rule) -> impl Iterator<Item = Case> {
        ROWS.iter().filter(move |row| row.rule == rule).map(|row| row.case)
    }

    /// With another opening delay (or, for a rule that looks ahead, lead).
    #[must_use]
    pub fn opening_after(self, rule: Rule, case: Case, opens_after: TimeDelta) -> Self {
        self.changed(rule, case, |timing| timing.opens_after = opens_after)
    }

    /// With another ladder of severities.
    #[must_use]
    pub fn with_severities(self, rule: Rule, case: Case, severities: Vec<(TimeDelta, Severity)>) -> Self {
        self.changed(rule, case, |timing| timing.severities = severities)
    }

    /// With another number of evaluations that must agree.
    #[must_use]
    pub fn agreed_by(self, rule: Rule, case: Case, evaluations: u32) -> Self {
        self.changed(rule, case, |timing| timing.evaluations = evaluations)
    }

    /// With another share on which the row turns.
    #[must_use]
    pub fn turning_on(self, rule: Rule, case: Case, share: f64) -> Self {
        self.changed(rule, case, |timing| timing.share = Some(share))
    }

    /// With one row switched off.
    #[must_use]
    pub fn without_case(self, rule: Rule, case: Case) -> Self {
        self.changed(rule, case, |timing| timing.enabled = false)
    }

    /// With every row of `rule` switched off.
    #[must_use]
    pub fn without(self, rule: Rule) -> Self {
        Self::cases_of(rule).fold(self, |policy, case| policy.without_case(rule, case))
    }

    fn changed(mut self, rule: Rule, case: Case, change: impl FnOnce(&mut RuleTiming)) -> Self {
        change(self.timings.entry((rule, case)).or_insert_with(|| RuleTiming::default_of(rule, case)));
        self
    }
}

struct Row {
    rule: Rule,
    case: Case,
    opens_after: TimeDelta,
    severities: &'static [(TimeDelta, Severity)],
    evaluations: u32,
    share: Option<f64>,
}

const fn row(rule: Rule, case: Case, opens_after: TimeDelta, severities: &'static [(TimeDelta, Severity)]) -> Row {
    Row { rule, case, opens_after, severities, evaluations: 1, share: None }
}

impl Row {
    const fn agreed_by(self, evaluations: u32) -> Self {
        Self { evaluations, ..self }
    }

    const fn turning_on(self, share: f64) -> Self {
        Self { share: Some(share), ..self }
    }
}

/// For a rule without a row of its own.
const FALLBACK: Row = row(Rule::StatusUnknown, Case::Default, AT_ONCE, WARNING);

const AT_ONCE: TimeDelta = TimeDelta::zero();

/// A rejection is confirmed by a second probe before it counts, so it needs no delay of its own. While our own Snyk
/// token fails we are blind, but scanning goes on: it pages only when nobody cared for a day.
const BLIND_FOR_A_DAY: TimeDelta = TimeDelta::hours(24);
/// A month is what it takes to get a new token where somebody has to approve it.
const EXPIRY_LEAD: TimeDelta = TimeDelta::days(30);
const EXPIRY_WARNING: TimeDelta = TimeDelta::days(14);
/// Over a weekend nobody may be there.
const EXPIRY_CRITICAL: TimeDelta = TimeDelta::days(3);
/// The last moment to finish a rotation.
const ROTATION_CRITICAL: TimeDelta = TimeDelta::days(1);
/// Maintenance and rate limits pass within the hour.
const OUTAGE: TimeDelta = TimeDelta::hours(1);
/// Three rounds of the five-minute probe.
const PERMISSION_DEBOUNCE: TimeDelta = TimeDelta::minutes(15);
/// Two rounds of the five-minute probe.
const CONNECTION_DEBOUNCE: TimeDelta = TimeDelta::minutes(10);
/// Two sync cycles of 6 h and an hour to work them off.
const FIRST_SYNC_OVERDUE: TimeDelta = TimeDelta::hours(13);
/// Snyk promises a sync in 24 h, and 2 h to work it off.
const SYNC_PROMISE_BROKEN: TimeDelta = TimeDelta::hours(26);
const PROFILES_CRITICAL: TimeDelta = TimeDelta::hours(2);
/// Large Groups fill slowly and some repositories come late: only a week without progress is worth a person's time.
const NO_PROGRESS: TimeDelta = TimeDelta::days(7);
const STALLED_CRITICAL: TimeDelta = TimeDelta::hours(24);
/// Somebody may just be re-creating the integration.
const INTEGRATION_GONE: TimeDelta = TimeDelta::hours(1);
/// Imports and webhooks are set up by hand or once a day.
const IMPORT_DELAY: TimeDelta = TimeDelta::hours(24);
const VERSION_LEAD: TimeDelta = TimeDelta::days(60);
const VERSION_WARNING: TimeDelta = TimeDelta::days(14);
/// Stale evidence has already waited for `max_age`.
const UNKNOWN_DELAY: TimeDelta = TimeDelta::hours(1);
/// Our question may not fit this kind of token: nobody can act on that in the night.
const CONTRADICTED_DELAY: TimeDelta = TimeDelta::hours(24);
/// A listing comes once an hour.
const NAMED_AND_NOT_LISTED: TimeDelta = TimeDelta::hours(1);
/// A rotation over many Organizations takes people a day.
const NO_PROGRESS_OF_ROTATION: TimeDelta = TimeDelta::hours(24);

/// One odd answer is not a fact, two in a row are.
const CONFIRMING: u32 = 2;
/// A credential of this share of a Group's repositories is as bad as the Group's own.
const MANY_REPOSITORIES: f64 = 0.10;
/// A short-lived token is not announced for more than this share of its life.
const LAST_THIRD: f64 = 1.0 / 3.0;

const INFO: &[(TimeDelta, Severity)] = &[(AT_ONCE, Severity::Info)];
const WARNING: &[(TimeDelta, Severity)] = &[(AT_ONCE, Severity::Warning)];
const CRITICAL: &[(TimeDelta, Severity)] = &[(AT_ONCE, Severity::Critical)];
const WARNING_THEN_CRITICAL_DAY: &[(TimeDelta, Severity)] =
    &[(AT_ONCE, Severity::Warning), (BLIND_FOR_A_DAY, Severity::Critical)];
const WARNING_THEN_CRITICAL_SYNC: &[(TimeDelta, Severity)] =
    &[(AT_ONCE, Severity::Warning), (SYNC_PROMISE_BROKEN, Severity::Critical)];
/// Its ladder leads to the old token's end: a week is what it takes to find every place, a day is the last moment.
const ROTATION: &[(TimeDelta, Severity)] = &[(NO_PROGRESS, Severity::Warning), (ROTATION_CRITICAL, Severity::Critical)];
const EXPIRY: &[(TimeDelta, Severity)] =
    &[(EXPIRY_LEAD, Severity::Info), (EXPIRY_WARNING, Severity::Warning), (EXPIRY_CRITICAL, Severity::Critical)];

const ROWS: &[Row] = &[
    row(Rule::SnykTokenInvalid, Case::Default, AT_ONCE, WARNING_THEN_CRITICAL_DAY),
    row(Rule::SnykTokenExpiring, Case::Default, EXPIRY_LEAD, &[(EXPIRY_LEAD, Severity::Warning)]),
    row(Rule::ObserverRejected, Case::Default, AT_ONCE, WARNING_THEN_CRITICAL_DAY),
    row(Rule::CredentialInvalid, Case::Default, AT_ONCE, WARNING),
    // Critical so long after the last movement, not after the rejection: what moves is no problem of Snyk's.
    row(Rule::CredentialInvalid, Case::OurCopy, AT_ONCE, WARNING_THEN_CRITICAL_SYNC),
    row(Rule::CredentialInvalid, Case::GroupAtStake, AT_ONCE, CRITICAL).turning_on(MANY_REPOSITORIES),
    row(Rule::UpstreamUnreachable, Case::Default, OUTAGE, WARNING_THEN_CRITICAL_DAY),
    row(Rule::PermissionsMissing, Case::Default, PERMISSION_DEBOUNCE, WARNING),
    row(Rule::PermissionsMissing, Case::GroupPermission, PERMISSION_DEBOUNCE, CRITICAL),
    row(Rule::CredentialExpiring, Case::Default, EXPIRY_LEAD, EXPIRY).turning_on(LAST_THIRD),
    row(Rule::RotationUnfinished, Case::Default, NO_PROGRESS_OF_ROTATION, ROTATION),
    row(Rule::DeclaredDateOutdated, Case::Default, AT_ONCE, WARNING),
    row(Rule::NamespaceNotFound, Case::Default, CONNECTION_DEBOUNCE, CRITICAL),
    row(Rule::NamespaceNotFound, Case::Renamed, CONNECTION_DEBOUNCE, WARNING),
    row(Rule::RepositoriesVanished, Case::Default, AT_ONCE, WARNING),
    row(Rule::RepositoriesVanished, Case::WholeNamespace, AT_ONCE, WARNING_THEN_CRITICAL_DAY),
    row(Rule::OrganizationsVanished, Case::Default, AT_ONCE, WARNING),
    row(Rule::OrganizationNotFound, Case::Default, NAMED_AND_NOT_LISTED, WARNING),
    row(Rule::ConnectionFailed, Case::Default, CONNECTION_DEBOUNCE, CRITICAL),
    row(Rule::PartiallyConnected, Case::AwaitingFirstSync, FIRST_SYNC_OVERDUE, WARNING_THEN_CRITICAL_SYNC),
    row(Rule::PartiallyConnected, Case::InventoryLost, FIRST_SYNC_OVERDUE, WARNING_THEN_CRITICAL_SYNC),
    row(
        Rule::PartiallyConnected,
        Case::ProfilesFailed,
        CONNECTION_DEBOUNCE,
        &[(AT_ONCE, Severity::Warning), (PROFILES_CRITICAL, Severity::Critical)],
    ),
    row(Rule::PartiallyConnected, Case::InventoryIncomplete, NO_PROGRESS, WARNING),
    row(
        Rule::SyncStalled,
        Case::Default,
        AT_ONCE,
        &[(AT_ONCE, Severity::Warning), (STALLED_CRITICAL, Severity::Critical)],
    ),
    row(Rule::OrganizationIntegrationMissing, Case::Default, INTEGRATION_GONE, WARNING),
    row(Rule::CredentialOutOfStep, Case::Default, AT_ONCE, WARNING).agreed_by(CONFIRMING),
    row(Rule::TestsStale, Case::Default, AT_ONCE, WARNING).agreed_by(CONFIRMING),
    row(Rule::TestsUnscheduled, Case::Default, AT_ONCE, WARNING).agreed_by(CONFIRMING),
    row(Rule::NothingImported, Case::Default, IMPORT_DELAY, INFO),
    row(Rule::ImportsIncomplete, Case::Default, IMPORT_DELAY, INFO),
    row(Rule::ProjectsInactive, Case::Default, IMPORT_DELAY, INFO),
    row(Rule::OrphanedProjects, Case::Default, IMPORT_DELAY, INFO),
    row(Rule::WebhooksMissing, Case::Default, IMPORT_DELAY, INFO),
    row(Rule::CatalogNotLinked, Case::Default, IMPORT_DELAY, INFO),
    row(Rule::NothingToWatch, Case::Default, IMPORT_DELAY, INFO),
    row(
        Rule::ApiVersionEnding,
        Case::Default,
        VERSION_LEAD,
        &[(VERSION_LEAD, Severity::Info), (VERSION_WARNING, Severity::Warning)],
    ),
    row(Rule::StatusUnknown, Case::Default, UNKNOWN_DELAY, WARNING),
    row(Rule::StatusUnknown, Case::WholeGroup, UNKNOWN_DELAY, WARNING_THEN_CRITICAL_DAY),
    // What is wrong was seen when the file was read: nothing is to be waited for.
    row(Rule::StatusUnknown, Case::SecretRefused, AT_ONCE, WARNING_THEN_CRITICAL_DAY),
    row(Rule::StatusUnknown, Case::Contradicted, CONTRADICTED_DELAY, WARNING),
    row(Rule::Baseline, Case::Default, AT_ONCE, INFO),
];
