//! From the configuration's alert rules to the rows of the rule policy.

use std::time::Duration;

use chrono::TimeDelta;

use super::fleet::span;
use crate::config::alerts::{
    AlertRules, ConfirmedRule, EscalatingRule, Escalation, PartiallyConnectedRule, RotationRule, SimpleRule,
    StatusUnknownRule,
};
use crate::domain::incident::{Rule, Severity};
use crate::domain::policy::{Case, RulePolicy};

/// The policy that these rules come to.
pub(super) fn rule_policy(rules: &AlertRules) -> RulePolicy {
    let policy = Rows(RulePolicy::default())
        .escalating(Rule::SnykTokenInvalid, Case::Default, &rules.snyk_token_invalid)
        .ahead(
            Rule::SnykTokenExpiring,
            rules.snyk_token_expiring.before,
            [(rules.snyk_token_expiring.before, rules.snyk_token_expiring.severity)],
        )
        .escalating(Rule::ObserverRejected, Case::Default, &rules.observer_rejected)
        .steady(Rule::CredentialInvalid, Case::Default, Duration::ZERO, rules.credential_invalid.severity)
        .steady(Rule::CredentialInvalid, Case::GroupAtStake, Duration::ZERO, rules.credential_invalid.group_severity)
        .turning_on(Rule::CredentialInvalid, Case::GroupAtStake, rules.credential_invalid.group_share)
        .row(
            Rule::CredentialInvalid,
            Case::OurCopy,
            Duration::ZERO,
            rules.credential_invalid.our_copy_severity,
            rules.credential_invalid.our_copy_critical_after,
        )
        .escalating(Rule::UpstreamUnreachable, Case::Default, &rules.upstream_unreachable)
        .steady(
            Rule::PermissionsMissing,
            Case::Default,
            rules.permissions_missing.after,
            rules.permissions_missing.severity,
        )
        .steady(
            Rule::PermissionsMissing,
            Case::GroupPermission,
            rules.permissions_missing.after,
            rules.permissions_missing.group_severity,
        )
        .expiry(rules)
        .rotation(&rules.rotation_unfinished)
        .simple(Rule::DeclaredDateOutdated, &rules.declared_date_outdated)
        .steady(
            Rule::NamespaceNotFound,
            Case::Default,
            rules.namespace_not_found.after,
            rules.namespace_not_found.severity,
        )
        .steady(
            Rule::NamespaceNotFound,
            Case::Renamed,
            rules.namespace_not_found.after,
            rules.namespace_not_found.renamed_severity,
        )
        .steady(
            Rule::RepositoriesVanished,
            Case::Default,
            rules.repositories_vanished.after,
            rules.repositories_vanished.severity,
        )
        .row(
            Rule::RepositoriesVanished,
            Case::WholeNamespace,
            rules.repositories_vanished.after,
            rules.repositories_vanished.severity,
            rules.repositories_vanished.critical_after,
        )
        .simple(Rule::OrganizationsVanished, &rules.organizations_vanished)
        .simple(Rule::OrganizationNotFound, &rules.organization_not_found)
        .simple(Rule::ConnectionFailed, &rules.connection_failed)
        .partially_connected(&rules.partially_connected)
        .escalating(Rule::SyncStalled, Case::Default, &rules.sync_stalled)
        .simple(Rule::OrganizationIntegrationMissing, &rules.organization_integration_missing)
        .confirmed(Rule::CredentialOutOfStep, &rules.credential_out_of_step)
        .confirmed(Rule::TestsStale, &rules.tests_stale)
        .confirmed(Rule::TestsUnscheduled, &rules.tests_unscheduled)
        .simple(Rule::NothingImported, &rules.nothing_imported)
        .simple(Rule::ImportsIncomplete, &rules.imports_incomplete)
        .simple(Rule::ProjectsInactive, &rules.projects_inactive)
        .simple(Rule::OrphanedProjects, &rules.orphaned_projects)
        .simple(Rule::WebhooksMissing, &rules.webhooks_missing)
        .simple(Rule::CatalogNotLinked, &rules.catalog_not_linked)
        .simple(Rule::NothingToWatch, &rules.nothing_to_watch)
        .ahead(
            Rule::ApiVersionEnding,
            rules.api_version_ending.info_before,
            [
                (rules.api_version_ending.info_before, Severity::Info),
                (rules.api_version_ending.warning_before, Severity::Warning),
            ],
        )
        .status_unknown(&rules.status_unknown)
        .simple(Rule::Baseline, &rules.baseline);
    let off = switches(rules).into_iter().filter(|(_, enabled)| !enabled);
    off.fold(policy.0, |policy, (rule, _)| policy.without(rule))
}

/// Which rules are wanted.
fn switches(rules: &AlertRules) -> [(Rule, bool); 30] {
    [
        (Rule::SnykTokenInvalid, rules.snyk_token_invalid.enabled),
        (Rule::SnykTokenExpiring, rules.snyk_token_expiring.enabled),
        (Rule::ObserverRejected, rules.observer_rejected.enabled),
        (Rule::CredentialInvalid, rules.credential_invalid.enabled),
        (Rule::UpstreamUnreachable, rules.upstream_unreachable.enabled),
        (Rule::PermissionsMissing, rules.permissions_missing.enabled),
        (Rule::CredentialExpiring, rules.credential_expiring.enabled),
        (Rule::RotationUnfinished, rules.rotation_unfinished.enabled),
        (Rule::DeclaredDateOutdated, rules.declared_date_outdated.enabled),
        (Rule::NamespaceNotFound, rules.namespace_not_found.enabled),
        (Rule::RepositoriesVanished, rules.repositories_vanished.enabled),
        (Rule::OrganizationsVanished, rules.organizations_vanished.enabled),
        (Rule::OrganizationNotFound, rules.organization_not_found.enabled),
        (Rule::ConnectionFailed, rules.connection_failed.enabled),
        (Rule::PartiallyConnected, rules.partially_connected.enabled),
        (Rule::SyncStalled, rules.sync_stalled.enabled),
        (Rule::OrganizationIntegrationMissing, rules.organization_integration_missing.enabled),
        (Rule::CredentialOutOfStep, rules.credential_out_of_step.enabled),
        (Rule::TestsStale, rules.tests_stale.enabled),
        (Rule::TestsUnscheduled, rules.tests_unscheduled.enabled),
        (Rule::NothingImported, rules.nothing_imported.enabled),
        (Rule::ImportsIncomplete, rules.imports_incomplete.enabled),
        (Rule::ProjectsInactive, rules.projects_inactive.enabled),
        (Rule::OrphanedProjects, rules.orphaned_projects.enabled),
        (Rule::WebhooksMissing, rules.webhooks_missing.enabled),
        (Rule::CatalogNotLinked, rules.catalog_not_linked.enabled),
        (Rule::NothingToWatch, rules.nothing_to_watch.enabled),
        (Rule::ApiVersionEnding, rules.api_version_ending.enabled),
        (Rule::StatusUnknown, rules.status_unknown.enabled),
        (Rule::Baseline, rules.baseline.enabled),
    ]
}

/// Rows being replaced one by one.
struct Rows(RulePolicy);

impl Rows {
    fn row(self, rule: Rule, case: Case, after: Duration, severity: Severity, critical: Escalation) -> Self {
        let mut ladder = vec![(TimeDelta::zero(), severity)];
        if let Escalation::After(age) = critical {
            ladder.push((span(age), Severity::Critical));
        }
        Self(self.0.opening_after(rule, case, span(after)).with_severities(rule, case, ladder))
    }

    /// Never critical by its age alone.
    fn steady(self, rule: Rule, case: Case, after: Duration, severity: Severity) -> Self {
        self.row(rule, case, after, severity, Escalation::Never)
    }

    fn simple(self, rule: Rule, settings: &SimpleRule) -> Self {
        self.steady(rule, Case::Default, settings.after, settings.severity)
    }

    fn escalating(self, rule: Rule, case: Case, settings: &EscalatingRule) -> Self {
        self.row(rule, case, settings.after, settings.severity, settings.critical_after)
    }

    fn confirmed(self, rule: Rule, settings: &ConfirmedRule) -> Self {
        let Self(policy) = self.steady(rule, Case::Default, Duration::ZERO, settings.severity);
        Self(policy.agreed_by(rule, Case::Default, settings.evaluations))
    }

    fn turning_on(self, rule: Rule, case: Case, share: f64) -> Self {
        Self(self.0.turning_on(rule, case, share))
    }

    fn ahead<const N: usize>(self, rule: Rule, lead: Duration, ladder: [(Duration, Severity); N]) -> Self {
        let ladder = ladder.into_iter().map(|(before, severity)| (span(before), severity)).collect();
        Self(self.0.opening_after(rule, Case::Default, span(lead)).with_severities(rule, Case::Default, ladder))
    }

    fn expiry(self, rules: &AlertRules) -> Self {
        let rule = &rules.credential_expiring;
        self.ahead(
            Rule::CredentialExpiring,
            rule.info_before,
            [
                (rule.info_before, Severity::Info),
                (rule.warning_before, Severity::Warning),
                (rule.critical_before, Severity::Critical),
            ],
        )
        .turning_on(Rule::CredentialExpiring, Case::Default, rule.info_share)
    }

    fn rotation(self, settings: &RotationRule) -> Self {
        let ladder =
            [(span(settings.warning_before), Severity::Warning), (span(settings.critical_before), Severity::Critical)];
        let (rule, case) = (Rule::RotationUnfinished, Case::Default);
        Self(self.0.opening_after(rule, case, span(settings.after)).with_severities(rule, case, ladder.to_vec()))
    }

    fn status_unknown(self, settings: &StatusUnknownRule) -> Self {
        let (rule, severity, critical) = (Rule::StatusUnknown, settings.severity, settings.critical_after);
        self.steady(rule, Case::Default, settings.after, severity)
            .steady(rule, Case::Contradicted, settings.contradicted_after, severity)
            .row(rule, Case::WholeGroup, settings.after, severity, critical)
            .row(rule, Case::SecretRefused, settings.secret_refused_after, severity, critical)
    }

    fn partially_connected(self, settings: &PartiallyConnectedRule) -> Self {
        let cases = [
            (Case::AwaitingFirstSync, settings.awaiting_first_sync, settings.critical.awaiting_first_sync),
            (Case::InventoryLost, settings.inventory_lost, settings.critical.inventory_lost),
            (Case::ProfilesFailed, settings.profiles_failed, settings.critical.profiles_failed),
            (Case::InventoryIncomplete, settings.inventory_incomplete, settings.critical.inventory_incomplete),
        ];
        cases.into_iter().fold(self, |rows, (case, after, critical)| {
            rows.row(Rule::PartiallyConnected, case, after, settings.severity, critical)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::RuleTiming;

    #[test]
    fn the_defaults_of_both_sides_are_the_same() {
        let policy = rule_policy(&AlertRules::default());
        for rule in Rule::ALL {
            for case in RulePolicy::cases_of(*rule) {
                assert_eq!(policy.timing(*rule, case), RuleTiming::default_of(*rule, case), "{rule} {case}");
            }
        }
    }

    #[test]
    fn every_rule_can_be_switched_off() {
        let switched: Vec<Rule> = switches(&AlertRules::default()).map(|(rule, _)| rule).to_vec();
        assert_eq!(switched, Rule::ALL);
        let mut rules = AlertRules::default();
        rules.partially_connected.enabled = false;
        let policy = rule_policy(&rules);
        for case in RulePolicy::cases_of(Rule::PartiallyConnected) {
            assert!(!policy.timing(Rule::PartiallyConnected, case).enabled, "{case}");
        }
        assert!(policy.timing(Rule::SyncStalled, Case::Default).enabled);
    }

    #[test]
    fn shares_and_evaluations_arrive() {
        let mut rules = AlertRules::default();
        rules.credential_invalid.group_share = 0.5;
        rules.credential_expiring.info_share = 0.25;
        rules.tests_stale.evaluations = 5;
        let policy = rule_policy(&rules);
        assert_eq!(policy.timing(Rule::CredentialInvalid, Case::GroupAtStake).share, Some(0.5));
        assert_eq!(policy.timing(Rule::CredentialExpiring, Case::Default).share, Some(0.25));
        assert_eq!(policy.timing(Rule::TestsStale, Case::Default).evaluations, 5);
    }
}
