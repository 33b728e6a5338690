//! Events of the audit log: read from the beginning of what is asked for, then only what is new, since a log is only ever
//! appended to. Why it is asked for: [`super::audit_reasons`].

use chrono::{DateTime, Utc};

use super::OrganizationScope;
use crate::client::snyk;
use crate::domain::evidence::{Evidence, Part};
use crate::domain::facts::{AuditEvent, AuditEventKind, AuditEvents};
use crate::domain::work::Finding;
use crate::probe::assumptions::Assumption;
use crate::probe::audit_log::{KEPT_FOR, OVERLAP};
use crate::probe::judgement::Verdict;
use crate::probe::round::Round;
use crate::probe::snyk_session::SnykSession;

/// Names of events, by Snyk's list; how a project's `delete` differs from its `remove` is documented nowhere.
const EVENTS: [(&str, AuditEventKind); 11] = [
    ("org.integration.create", AuditEventKind::Created),
    ("org.integration.edit", AuditEventKind::Edited),
    ("org.integration.delete", AuditEventKind::Deleted),
    ("org.integration.settings.edit", AuditEventKind::SettingsEdited),
    ("org.project.delete", AuditEventKind::ProjectDeleted),
    ("org.project.remove", AuditEventKind::ProjectDeleted),
    ("org.project.stop_monitor", AuditEventKind::ProjectDeactivated),
    ("org.project.edit", AuditEventKind::ProjectEdited),
    ("org.project.settings.edit", AuditEventKind::ProjectEdited),
    ("org.project.pr_check.edit", AuditEventKind::ProjectEdited),
    ("org.target.delete", AuditEventKind::TargetDeleted),
];

/// What was read before.
struct Earlier {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    events: Vec<AuditEvent>,
}

/// Reads the log from `wanted` on.
pub(super) async fn run(
    session: &mut SnykSession<'_>,
    scope: &OrganizationScope<'_>,
    wanted: DateTime<Utc>,
    round: &mut Round,
) {
    let earlier = scope.known.and_then(|known| known.events.as_ref());
    let earlier = earlier.and_then(|evidence| read_before(evidence, wanted));
    // What Snyk no longer has is not covered, whoever asked for it.
    let from = earlier.as_ref().map_or(wanted, |earlier| earlier.from).max(round.started_at - KEPT_FOR);
    let start = earlier.as_ref().map_or(from, |earlier| earlier.until - OVERLAP).max(from);
    let names = EVENTS.map(|(name, _)| name);
    let asked = session.client().organization_audit_log(scope.organization.0, start, &names).await;
    let events = match round.hear(session.api, asked) {
        Ok(walk) => {
            let new: Vec<_> = walk.items.iter().filter(|event| is_of(event, scope)).filter_map(event).collect();
            for event in new.iter().filter(|event| is_about_an_integration(event.kind)) {
                round.observe(Assumption::AuditEventsNameIntegration, event.integration_id.is_some());
            }
            let old = earlier.map(|earlier| earlier.events).unwrap_or_default();
            AuditEvents::Complete { from, events: joined(old, new, from) }
        }
        Err(failure) => match session.concede(round, Part::Events, "read the Organization's audit log", &failure).await
        {
            Verdict::Denied(_) => AuditEvents::NotReadable,
            Verdict::CredentialRejected | Verdict::Inconclusive => return,
        },
    };
    round.find(Finding::Events(scope.key.clone(), events));
}

/// What was read before, if it reaches back as far as `wanted`.
fn read_before(evidence: &Evidence<AuditEvents>, wanted: DateTime<Utc>) -> Option<Earlier> {
    match &evidence.value {
        AuditEvents::Complete { from, events } if *from <= wanted => {
            Some(Earlier { from: *from, until: evidence.observed_at, events: events.clone() })
        }
        _ => None,
    }
}

/// Whether an event is the Organization's own. One that names none stands in its log.
fn is_of(event: &snyk::AuditEvent, scope: &OrganizationScope<'_>) -> bool {
    event.org_id.as_ref().is_none_or(|id| id.eq_ignore_ascii_case(&scope.organization.0.to_string()))
}

fn is_about_an_integration(kind: AuditEventKind) -> bool {
    use AuditEventKind::{Created, Deleted, Edited, SettingsEdited};
    matches!(kind, Created | Edited | Deleted | SettingsEdited)
}

fn event(event: &snyk::AuditEvent) -> Option<AuditEvent> {
    let (_, kind) = EVENTS.into_iter().find(|(name, _)| *name == event.event)?;
    Some(AuditEvent {
        at: event.created,
        kind,
        integration_id: event.integration_id.clone(),
        source_type: event.source_type.clone(),
        user_id: event.user_id.clone(),
        // No recorded event names a target by a key that is known.
        about: event.project_id.clone(),
    })
}

/// Both without repetition, oldest first, from `since` on.
fn joined(old: Vec<AuditEvent>, new: Vec<AuditEvent>, since: DateTime<Utc>) -> Vec<AuditEvent> {
    let mut events = old;
    for event in new {
        if !events.contains(&event) {
            events.push(event);
        }
    }
    events.retain(|event| event.at >= since);
    events.sort_by_key(|event| event.at);
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}:00:00Z").parse().unwrap()
    }

    #[test]
    fn events_are_joined_without_repetition() {
        let event = |text, kind| AuditEvent {
            at: at(text),
            kind,
            integration_id: None,
            source_type: None,
            user_id: None,
            about: None,
        };
        let (created, edited) = (AuditEventKind::Created, AuditEventKind::Edited);
        let old = vec![event("2026-08-01T09", created), event("2026-11-01T09", edited)];
        let new = vec![event("2026-11-22T09", edited), event("2026-11-01T09", edited)];
        let joined = joined(old, new, at("2026-08-25T09"));
        assert_eq!(joined, [event("2026-11-01T09", edited), event("2026-11-22T09", edited)]);
    }
}
