//! What evaluations add to an Organization's memory: proofs that came with the audit log, which forgets, and readings
//! that are counted.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::Condition;
use crate::domain::evidence::{OrganizationEvidence, fresh};
use crate::domain::facts::{AuditEvent, AuditEventKind, AuditEvents, IntegrationPresence};
use crate::domain::fleet::WatchedIntegration;
use crate::domain::kinds::Truth;
use crate::domain::state::{FalseReadings, LossProof, LostTarget, OrganizationMemory};

use super::super::SECOND_READING_AFTER;
use super::super::status::Signal;
use super::super::verdict::Verdict;
use super::OrganizationVerdicts;
use super::activity::ChangeSearch;

/// Readings begin with a request and their follow-up is asked for after they were judged, so it is never early; clocks
/// that were set a little are no reason to wait for another.
const EARLY_BY: TimeDelta = TimeDelta::minutes(1);

/// Keeps what the audit log proves: it forgets after 90 days, and time settles and unsettles nothing.
pub(in crate::health) fn settle(
    memory: &mut OrganizationMemory,
    evidence: Option<&OrganizationEvidence>,
    watched: &WatchedIntegration,
    now: DateTime<Utc>,
) {
    let Some((evidence, events)) = evidence.and_then(|book| Some((book, fresh(&book.events, now)?))) else { return };
    if let AuditEvents::Complete { events, .. } = &events.value {
        for (target, lost) in &mut memory.imports.lost {
            if lost.settled.is_none() && were_deleted(target, lost, events) {
                lost.settled = Some(LossProof::Deleted);
            }
        }
    }
    let is_open = memory.tests.activity.mostly_inactive_since.is_some() && memory.tests.activity.follows.is_none();
    let Some(imports) = fresh(&evidence.imports, now).filter(|_| is_open) else { return };
    let presence = evidence.presence.as_ref().map(|presence| &presence.value);
    let search = ChangeSearch {
        imports,
        events: &events.value,
        thresholds: &watched.thresholds,
        scm: watched.scm,
        is_single: matches!(presence, Some(IntegrationPresence::Present { integrations: 1, .. })),
    };
    memory.tests.activity.follows = search.find(memory);
}

/// Somebody deleted the target's projects one by one, or the target itself: the log has a name for each.
fn were_deleted(target: &str, lost: &LostTarget, events: &[AuditEvent]) -> bool {
    let by_somebody = events.iter().filter(|event| event.user_id.is_some());
    let about = |kind: AuditEventKind| {
        let of_kind = by_somebody.clone().filter(move |event| event.kind == kind);
        of_kind.filter_map(|event| event.about.as_deref()).collect::<BTreeSet<_>>()
    };
    let deleted = about(AuditEventKind::ProjectDeleted);
    let are_all = !lost.projects.is_empty() && lost.projects.iter().all(|project| deleted.contains(project.as_str()));
    are_all || about(AuditEventKind::TargetDeleted).contains(target)
}

/// Keeps what the verdicts of an evaluation say for the rules.
pub(in crate::health) fn conclude(
    memory: &mut OrganizationMemory,
    evidence: Option<&OrganizationEvidence>,
    verdicts: &OrganizationVerdicts,
) {
    let signal = |condition| {
        let verdict = verdicts.conditions.iter().find(|(of, _)| *of == condition).map(|(_, verdict)| verdict);
        verdict.map_or(Signal::Unknown, Verdict::signal)
    };
    match (signal(Condition::RepositoriesImported), signal(Condition::TestsCurrent)) {
        (Signal::Nothing, _) | (Signal::True, Signal::Nothing) => memory.nothing_to_watch = true,
        (Signal::False, _) | (Signal::True, Signal::True | Signal::False) => memory.nothing_to_watch = false,
        _ => {}
    }
    if memory.extents.len() != verdicts.extents.len()
        || verdicts.extents.iter().any(|(rule, extent)| memory.extents.get(rule) != Some(extent))
    {
        memory.extents = verdicts.extents.iter().copied().collect();
    }
    count_readings(memory, evidence, verdicts);
}

/// Counts readings in a row, each of evidence of its own and some time after the one before, in which a condition was
/// false for the same reason. What else a verdict rests on makes no new reading; `unknown` neither counts nor breaks the
/// row.
fn count_readings(
    memory: &mut OrganizationMemory,
    evidence: Option<&OrganizationEvidence>,
    verdicts: &OrganizationVerdicts,
) {
    let observed_at = |condition: Condition| match condition {
        Condition::CredentialInStep => evidence?.events.as_ref().map(|events| events.observed_at),
        Condition::TestsCurrent => evidence?.imports.as_ref().map(|imports| imports.observed_at),
        _ => None,
    };
    for (condition, verdict) in &verdicts.conditions {
        let Some(at) = observed_at(*condition) else { continue };
        match verdict.truth {
            Truth::True => {
                memory.false_readings.remove(condition);
            }
            Truth::False => {
                let first = FalseReadings { reason: verdict.reason, last_at: at, count: 1 };
                let readings = memory.false_readings.entry(*condition).or_insert(first);
                if readings.reason != verdict.reason {
                    *readings = first;
                } else if at - readings.last_at >= SECOND_READING_AFTER - EARLY_BY {
                    *readings = FalseReadings { last_at: at, count: readings.count.saturating_add(1), ..*readings };
                }
            }
            Truth::Unknown | Truth::NotApplicable => {}
        }
    }
}
