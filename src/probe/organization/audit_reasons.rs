//! Whether the audit log has to be read, and how far back. Snyk pages it by time, with empty pages in between, so ninety
//! days of a quiet Organization are as many requests as those of a busy one: nobody reads a log without a question.
//!
//! Asked are: what was saved since a rotation; who removed an integration that left; what turned projects inactive, or
//! took all of an import's projects; what changed before an incident. Without a question it is read once, a week back, so
//! that a later reading has only what came since. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::OrganizationScope;
use crate::domain::facts::{IntegrationPresence, OrganizationImports};
use crate::probe::audit_log::KEPT_FOR;

/// How far back the log is read at first sight, without a question.
const FIRST_LOOK: TimeDelta = TimeDelta::days(7);

/// From when on the log is wanted; `None`: not now.
pub(super) fn reach_wanted(
    scope: &OrganizationScope<'_>,
    presence: Option<&IntegrationPresence>,
    imports: Option<&OrganizationImports>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let kept_since = now - KEPT_FOR;
    let is_used = || scope.was_used() || imports.is_some_and(|imports| !imports.targets.is_empty());
    let has_left = presence.is_some_and(IntegrationPresence::is_absent) && is_used();
    let is_asked = has_left || scope.has_incident || imports.is_some_and(|imports| lost_something(scope, imports));
    let since_rotation = scope.rotations.iter().map(|at| *at - scope.rotation_margin).min();
    let first_look = || scope.known.is_none_or(|known| known.events.is_none()).then(|| now - FIRST_LOOK);
    let from = if is_asked { Some(kept_since) } else { since_rotation.or_else(first_look) };
    from.map(|from| from.max(kept_since))
}

/// Whether projects went or stopped, as far as this and the earlier evidence tell. What was lost for longer has an
/// incident, pending at least.
fn lost_something(scope: &OrganizationScope<'_>, imports: &OrganizationImports) -> bool {
    let before = scope.known.and_then(|known| known.imports.as_ref()).map(|evidence| &*evidence.value);
    inactive_share(imports) > scope.inactive_share
        || before.is_some_and(|before| has_fewer_active(before, imports) || has_lost_a_target(before, imports))
}

fn inactive_share(imports: &OrganizationImports) -> f64 {
    let inactive = imports.projects.iter().filter(|project| !project.active).count();
    inactive as f64 / imports.projects.len().max(1) as f64
}

/// Whether a project that was active is there and inactive.
fn has_fewer_active(before: &OrganizationImports, now: &OrganizationImports) -> bool {
    let active = before.projects.iter().filter(|project| project.active).map(|project| project.id.as_str());
    let active: BTreeSet<_> = active.collect();
    now.projects.iter().any(|project| !project.active && active.contains(project.id.as_str()))
}

/// Whether a target that had projects has none, or is gone.
fn has_lost_a_target(before: &OrganizationImports, now: &OrganizationImports) -> bool {
    fn with_projects(imports: &OrganizationImports) -> BTreeSet<&str> {
        imports.projects.iter().filter_map(|project| project.target.as_deref()).collect()
    }
    !with_projects(before).is_subset(&with_projects(now))
}
