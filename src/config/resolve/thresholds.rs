//! Settings that must fit together: what comes later may not come first.

use std::time::Duration;

use crate::config::alerts::{AlertRules, EscalatingRule, Escalation};
use crate::config::conditions::ConditionSettings;
use crate::config::duration::format_duration;

/// What does not fit among the thresholds of conditions.
pub(super) fn conditions_problems(settings: &ConditionSettings) -> Vec<String> {
    let mut problems = Vec::new();
    if settings.coverage_incomplete > settings.coverage_complete {
        problems.push(format!(
            "`coverage_incomplete` ({}) must not be above `coverage_complete` ({}), or the state flaps",
            settings.coverage_incomplete, settings.coverage_complete
        ));
    }
    if settings.very_late_factor == 0 || settings.late_canaries == 0 || settings.very_late_canaries == 0 {
        problems.push("`late_canaries`, `very_late_canaries` and `very_late_factor` must be at least 1".to_owned());
    }
    for (name, value) in [
        ("max_lag", settings.max_lag),
        ("tested_within", settings.tested_within),
        ("eligible_after", settings.eligible_after),
        ("sync_cycle", settings.sync_cycle),
    ] {
        if value.is_zero() {
            problems.push(format!("`{name}` must be longer than nothing"));
        }
    }
    problems
}

/// What does not fit among the rules.
pub(super) fn rules_problems(rules: &AlertRules) -> Vec<String> {
    let mut problems = Vec::new();
    let of = |rule: &EscalatingRule| (rule.critical_after, rule.after);
    let (vanished, unknown) = (&rules.repositories_vanished, &rules.status_unknown);
    let escalating = [
        ("snyk_token_invalid", of(&rules.snyk_token_invalid)),
        ("observer_rejected", of(&rules.observer_rejected)),
        ("upstream_unreachable", of(&rules.upstream_unreachable)),
        ("sync_stalled", of(&rules.sync_stalled)),
        ("repositories_vanished", (vanished.critical_after, vanished.after)),
        ("status_unknown", (unknown.critical_after, unknown.after)),
    ];
    for (name, (critical_after, after)) in escalating {
        problems.extend(too_early(&format!("{name}.critical_after"), critical_after, after));
    }
    let partially = &rules.partially_connected;
    let reasons = [
        ("awaiting_first_sync", partially.awaiting_first_sync, partially.critical.awaiting_first_sync),
        ("inventory_lost", partially.inventory_lost, partially.critical.inventory_lost),
        ("profiles_failed", partially.profiles_failed, partially.critical.profiles_failed),
        ("inventory_incomplete", partially.inventory_incomplete, partially.critical.inventory_incomplete),
    ];
    for (name, after, critical) in reasons {
        problems.extend(too_early(&format!("partially_connected.critical.{name}"), critical, after));
    }
    let expiry = &rules.credential_expiring;
    let steps = [
        ("info_before", expiry.info_before),
        ("warning_before", expiry.warning_before),
        ("critical_before", expiry.critical_before),
    ];
    problems.extend(out_of_order("credential_expiring", &steps));
    let version = &rules.api_version_ending;
    let steps = [("info_before", version.info_before), ("warning_before", version.warning_before)];
    problems.extend(out_of_order("api_version_ending", &steps));
    let rotation = &rules.rotation_unfinished;
    let steps = [("warning_before", rotation.warning_before), ("critical_before", rotation.critical_before)];
    problems.extend(out_of_order("rotation_unfinished", &steps));
    let confirmed = [
        ("credential_out_of_step", &rules.credential_out_of_step),
        ("tests_stale", &rules.tests_stale),
        ("tests_unscheduled", &rules.tests_unscheduled),
    ];
    for (name, rule) in confirmed {
        if rule.evaluations == 0 {
            problems.push(format!("`{name}.evaluations` must be at least 1"));
        }
    }
    problems
}

fn too_early(name: &str, critical: Escalation, after: Duration) -> Option<String> {
    match critical {
        Escalation::After(age) if age < after => Some(format!(
            "`{name}` ({}) comes before the incident opens ({})",
            format_duration(age),
            format_duration(after)
        )),
        _ => None,
    }
}

fn out_of_order(rule: &str, steps: &[(&str, Duration)]) -> Vec<String> {
    let pairs = steps.iter().zip(steps.iter().skip(1)).filter(|(earlier, later)| earlier.1 < later.1);
    pairs
        .map(|(earlier, later)| {
            format!(
                "`{rule}.{}` ({}) must not be shorter than `{rule}.{}` ({})",
                earlier.0,
                format_duration(earlier.1),
                later.0,
                format_duration(later.1)
            )
        })
        .collect()
}
