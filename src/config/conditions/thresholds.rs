//! The configured thresholds as the core wants them.

use std::time::Duration;

use chrono::TimeDelta;

use super::ConditionSettings;
use crate::domain::fleet::Thresholds;

impl From<&ConditionSettings> for Thresholds {
    fn from(settings: &ConditionSettings) -> Self {
        Self {
            setup_grace: span(settings.setup_grace),
            max_lag: span(settings.max_lag),
            canary_tolerance: span(settings.canary_grace),
            coverage_incomplete_below: settings.coverage_incomplete,
            coverage_complete_from: settings.coverage_complete,
            missing_at_least: count(settings.coverage_missing),
            eligible_after: span(settings.eligible_after),
            fresh_for: span(settings.credential_fresh),
            rotation_uncertainty: span(settings.rotation_margin),
            import_grace: span(settings.import_grace),
            test_grace: span(settings.tested_within),
            tests_current_from: settings.tested_share,
            empty_targets_up_to: settings.empty_targets_share,
            empty_targets_at_least: count(settings.empty_targets),
            connected_for: span(settings.connected_hold),
            clock_skew: span(settings.max_clock_skew),
            ..Self::default()
        }
    }
}

/// Configured durations are at most ten years, so they always fit.
fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

fn count(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_both_are_the_same() {
        assert_eq!(Thresholds::from(&ConditionSettings::default()), Thresholds::default());
    }
}
