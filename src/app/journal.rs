//! The log's lines about verdicts and failures, each written once, where it is known.

use crate::domain::incident::Severity;
use crate::domain::state::{Change, Transition};
use crate::domain::work::ProbeRun;

/// Logs what changed. `warn` only where a person may have to act.
pub(super) fn log(transition: &Transition) {
    let cause = &transition.cause;
    match &transition.change {
        Change::Status { integration, to: (status, reason), .. } => {
            tracing::info!(%integration, %status, %reason, "{integration} is {status} ({reason}): {cause}");
        }
        Change::Condition { integration, condition, to, reason, .. } => {
            tracing::debug!(%integration, %condition, truth = %to, %reason, "{condition} of {integration} is {to}: {cause}");
        }
        Change::Opened { incident, severity: severity @ Severity::Info } => {
            tracing::info!(%incident, %severity, "incident {incident} ({severity}) opened: {cause}");
        }
        Change::Opened { incident, severity } => {
            tracing::warn!(%incident, %severity, "incident {incident} ({severity}) opened: {cause}");
        }
        Change::SeverityChanged { incident, from, to } => {
            tracing::warn!(%incident, severity = %to, "incident {incident} went from {from} to {to}: {cause}");
        }
        // Its opening was told as loudly as it deserves.
        Change::Grew { incident, from, to } => {
            tracing::info!(%incident, from, to, "incident {incident} grew from {from} to {to} integrations: {cause}");
        }
        Change::Resolved { incident, severity } => {
            tracing::info!(%incident, %severity, "incident {incident} resolved: {cause}");
        }
    }
}

/// Logs what a probe could not conclude.
pub(super) fn log_failures(run: &ProbeRun) {
    for failure in &run.outcome.failures {
        tracing::info!(
            probe = %run.work, api = %failure.api, reason = failure.reason,
            "{} concluded nothing ({}): {}", run.work, failure.reason, failure.detail
        );
    }
}
