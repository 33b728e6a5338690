//! Whether the projects went inactive with a change of the integration: *disconnected*.
//!
//! They must have been active before it: seen so by us, or, where the change came before our first look, by their own
//! last tests. Projects that were always inactive are nobody's news when somebody saves the integration.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::evidence::Evidence;
use crate::domain::facts::{AuditEvent, AuditEventKind, AuditEvents, OrganizationImports, Project};
use crate::domain::fleet::Thresholds;
use crate::domain::kinds::{Scm, Truth};
use crate::domain::state::OrganizationMemory;

use super::super::in_step::is_of_type;
use super::super::verdict::Gap;
use super::OrganizationCase;
use super::projects::{ProjectGroups, Replaced};

/// Whose an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The watched integration's, or that of an earlier one of its type.
    Ours,
    /// The event does not say.
    Unnamed,
    /// Another integration's.
    Others,
}

/// Whose `event` is, by the id of the integration, else by its type.
pub(super) fn whose(event: &AuditEvent, memory: &OrganizationMemory, scm: Scm) -> Whose {
    let by_id = event.integration_id.as_deref().zip(memory.integration_id.as_deref());
    match (by_id.map(|(of, ours)| of.eq_ignore_ascii_case(ours)), is_of_type(event, scm)) {
        (Some(true), _) | (_, Some(true)) => Whose::Ours,
        (None, None) => Whose::Unnamed,
        _ => Whose::Others,
    }
}

/// What a change of the integration is looked for in.
pub(in crate::health) struct ChangeSearch<'a> {
    pub(in crate::health) imports: &'a Evidence<Arc<OrganizationImports>>,
    pub(in crate::health) events: &'a AuditEvents,
    pub(in crate::health) thresholds: &'a Thresholds,
    pub(in crate::health) scm: Scm,
    /// The Organization has no other integration, so that an unnamed event is this one's.
    pub(in crate::health) is_single: bool,
}

impl ChangeSearch<'_> {
    /// The last change of the integration before which the projects were mostly active, where they no longer are.
    pub(in crate::health) fn find(&self, memory: &OrganizationMemory) -> Option<DateTime<Utc>> {
        let activity = &memory.tests.activity;
        let inactive_since = activity.mostly_inactive_since?;
        let AuditEvents::Complete { events, .. } = self.events else { return None };
        let is_change = |event: &&AuditEvent| {
            let whose = whose(event, memory, self.scm);
            matches!(event.kind, AuditEventKind::Deleted | AuditEventKind::Edited)
                && (whose == Whose::Ours || (whose == Whose::Unnamed && self.is_single))
                && event.at <= inactive_since
        };
        let were_active = |at: &DateTime<Utc>| match activity.mostly_active_at {
            // Projects follow within a day.
            Some(active_at) => *at + self.thresholds.import_grace >= active_at,
            None => self.were_mostly_active(*at, events),
        };
        events.iter().filter(is_change).map(|event| event.at).filter(were_active).max()
    }

    /// Whether most projects were active at `at`, by what they and the log tell of it.
    fn were_mostly_active(&self, at: DateTime<Utc>, events: &[AuditEvent]) -> bool {
        let projects = &self.imports.value.projects;
        let replaced = Replaced::new(projects);
        let was_deactivated_after = |project: &Project| {
            events.iter().any(|event| {
                event.kind == AuditEventKind::ProjectDeactivated
                    && event.at >= at
                    && event.about.as_deref() == Some(project.id.as_str())
            })
        };
        // A weekly project may have been inactive for days by then, so its grace would prove nothing.
        let was_tested =
            |project: &Project| project.last_test.at().is_some_and(|tested| tested >= at - self.thresholds.test_grace);
        let counted = || projects.iter().filter(|project| !replaced.has(project));
        let active = counted().filter(|one| one.active || was_tested(one) || was_deactivated_after(one)).count();
        active as f64 > self.thresholds.inactive_share * counted().count() as f64
    }
}

impl OrganizationCase<'_> {
    /// Whether the projects are mostly inactive since the integration was deleted or edited.
    pub(super) fn disconnected(&self, imports: Result<&Evidence<Arc<OrganizationImports>>, &Gap>) -> Truth {
        let Ok(evidence) = imports else { return Truth::Unknown };
        let groups = ProjectGroups::new(evidence, &self.memory.tests, self.accepted, self.thresholds);
        let inactive = groups.inactive.len();
        let is_most = self.is_mostly(inactive, inactive + groups.active);
        // Without a readable log the projects themselves still speak, by TestsCurrent.
        if is_most && self.memory.tests.activity.follows.is_some() { Truth::True } else { Truth::False }
    }
}
