//! Integration events of the audit log: read once from the beginning of what matters, then only what is new, since a log
//! is only ever appended to.

use chrono::{DateTime, TimeDelta, Utc};

use super::OrganizationScope;
use crate::client::snyk;
use crate::domain::evidence::{Evidence, Part};
use crate::domain::facts::{AuditEvent, AuditEventKind, AuditEvents};
use crate::domain::work::Finding;
use crate::probe::assumptions::Assumption;
use crate::probe::judgement::Verdict;
use crate::probe::round::Round;
use crate::probe::snyk_session::SnykSession;

/// How far back the log matters when no rotation is older.
const LOOK_BACK: TimeDelta = TimeDelta::days(90);
/// The log is read again this far, because an event may be written late.
const OVERLAP: TimeDelta = TimeDelta::hours(1);

const EVENTS: [(&str, AuditEventKind); 4] = [
    ("org.integration.create", AuditEventKind::Created),
    ("org.integration.edit", AuditEventKind::Edited),
    ("org.integration.delete", AuditEventKind::Deleted),
    ("org.integration.settings.edit", AuditEventKind::SettingsEdited),
];

/// From when on the log matters: since `margin` before the earliest of these rotations, at least [`LOOK_BACK`]. A
/// rotation that was inferred from the first use of the new token is known to that margin only.
pub(in crate::probe) fn window_start(
    now: DateTime<Utc>,
    rotations: impl IntoIterator<Item = DateTime<Utc>>,
    margin: TimeDelta,
) -> DateTime<Utc> {
    rotations.into_iter().map(|at| at - margin).fold(now - LOOK_BACK, DateTime::min)
}

pub(super) async fn run(session: &mut SnykSession<'_>, scope: &OrganizationScope<'_>, round: &mut Round) {
    let earlier = scope.known.and_then(|known| known.events.as_ref());
    let earlier = earlier.and_then(|evidence| read_before(evidence, scope.events_since));
    let from = earlier.as_ref().map_or(scope.events_since, |(_, until)| *until - OVERLAP);
    let wanted = EVENTS.map(|(name, _)| name);
    let asked = session.client().organization_audit_log(scope.organization.0, from, &wanted).await;
    let events = match round.hear(session.api, asked) {
        Ok(walk) => {
            for event in &walk.items {
                round.observe(Assumption::AuditEventsNameIntegration, event.integration_id().is_some());
            }
            let new = walk.items.iter().filter_map(event);
            let old = earlier.map(|(events, _)| events).unwrap_or_default();
            let events = joined(old, new.collect(), scope.events_since);
            AuditEvents::Complete { from: scope.events_since, events }
        }
        Err(failure) => match session.judge(round, Part::Events, "read the Organization's audit log", &failure).await {
            Verdict::Denied(_) => AuditEvents::NotReadable,
            Verdict::CredentialRejected | Verdict::Inconclusive => return,
        },
    };
    round.find(Finding::Events(scope.key.clone(), events));
}

/// Earlier events and until when they are complete, if they reach back far enough.
fn read_before(evidence: &Evidence<AuditEvents>, since: DateTime<Utc>) -> Option<(Vec<AuditEvent>, DateTime<Utc>)> {
    match &evidence.value {
        AuditEvents::Complete { from, events } if *from <= since => Some((events.clone(), evidence.observed_at)),
        _ => None,
    }
}

fn event(event: &snyk::AuditEvent) -> Option<AuditEvent> {
    let (_, kind) = EVENTS.into_iter().find(|(name, _)| *name == event.event)?;
    let integration_id = event.integration_id().map(str::to_owned);
    Some(AuditEvent { at: event.created, kind, integration_id, source_type: None, user_id: None, about: None })
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
    fn the_log_is_read_since_the_earliest_rotation_or_ninety_days() {
        let now = at("2026-11-23T09");
        let check = |rotations: &[&str], expected: &str| {
            let rotations_at = rotations.iter().map(|text| at(text));
            assert_eq!(window_start(now, rotations_at, TimeDelta::hours(24)), at(expected), "{rotations:?}");
        };
        check(&[], "2026-08-25T09");
        check(&["2026-11-20T09"], "2026-08-25T09");
        check(&["2026-01-02T09", "2026-11-20T09"], "2026-01-01T09");
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
