//! `IntegrationPresent`: the Organization has an integration of this type.

use crate::domain::condition::Reason;
use crate::domain::evidence::{Evidence, FailedAttempt, OrganizationEvidence, Part};
use crate::domain::facts::{AuditEvent, AuditEventKind, AuditEvents, IntegrationPresence};
use crate::domain::kinds::Scm;
use crate::domain::state::OrganizationMemory;

use super::super::in_step::has_another;
use super::super::verdict::{Basis, Gap, Proven, Verdict};
use super::super::words::{count, moment};
use super::OrganizationCase;
use super::activity::{Whose, whose};

impl OrganizationCase<'_> {
    pub(super) fn present(&self, presence: &Result<&Evidence<IntegrationPresence>, Gap>) -> Verdict {
        let evidence = match presence {
            Err(gap) => return gap.verdict("the Organization's integrations"),
            Ok(evidence) => evidence,
        };
        match &evidence.value {
            IntegrationPresence::Present { via_app: false, .. } => {
                Verdict::holds(Reason::Ok, "the Organization has the integration", Proven::by(evidence))
            }
            IntegrationPresence::Present { via_app: true, .. } => {
                let message = "the Organization is connected through the SCM's app";
                Verdict::holds(Reason::ViaApp, message, Proven::by(evidence))
            }
            IntegrationPresence::Absent | IntegrationPresence::AbsentBeside { .. } => self.absent(evidence),
        }
    }

    /// The verdict on an integration that the list does not have.
    fn absent(&self, absent: &Evidence<IntegrationPresence>) -> Verdict {
        let message = "the Organization has no such integration";
        let fails = || Verdict::fails(Reason::IntegrationAbsent, message, Basis::of(absent));
        let book = self.evidence.filter(|book| !is_deleted(book, Some(self.memory), self.scm));
        let Some(book) = book else { return fails() };
        match used(book, absent) {
            Used::ByNobody => fails(),
            Used::By(active) => {
                let message = format!(
                    "the list of integrations has none of this type, but {} of it and no event says that it was deleted",
                    count(active, "active project is", "active projects are")
                );
                Verdict::unknown(Reason::Contradicted, message)
            }
            Used::Unseen(failed) => {
                let message = format!(
                    "the list of integrations has none of this type, and whether anything came through one is not known: \
                     {} (since {})",
                    failed.detail,
                    moment(failed.since)
                );
                Verdict::unknown(failed.reason, message)
            }
        }
    }
}

/// What was seen of the use of an integration that the list does not have.
enum Used<'a> {
    ByNobody,
    /// So many active projects of its type, in the same round.
    By(usize),
    /// Its targets and projects could not be looked at.
    Unseen(&'a FailedAttempt),
}

/// Active projects of targets of this type, seen in the round in which the integration was not. Older imports contradict
/// nothing, it may have been deleted since; but where the round could not look at them, nobody knows.
fn used<'a>(book: &'a OrganizationEvidence, absent: &Evidence<IntegrationPresence>) -> Used<'a> {
    let failed = book.failures.get(&Part::Imports);
    let imports = book.imports.as_ref();
    let Some(imports) = imports.filter(|imports| imports.observed_at >= absent.observed_at) else {
        return failed.map_or(Used::ByNobody, Used::Unseen);
    };
    let active = imports.value.projects.iter().filter(|project| project.active).count();
    if imports.value.targets.is_empty() || active == 0 { Used::ByNobody } else { Used::By(active) }
}

/// The last event about the integration's coming and going says that it went. An event of another integration says
/// nothing of this one, and one that names none speaks of it only where there is no other.
fn is_deleted(book: &OrganizationEvidence, memory: Option<&OrganizationMemory>, scm: Scm) -> bool {
    let Some(AuditEvents::Complete { events, .. }) = book.events.as_ref().map(|events| &events.value) else {
        return false;
    };
    let is_single = book.presence.as_ref().is_some_and(|presence| presence.value.is_single());
    let nothing = OrganizationMemory::default();
    let memory = memory.unwrap_or(&nothing);
    let is_ours = |event: &AuditEvent| match whose(event, memory, scm) {
        Whose::Ours => true,
        Whose::Unnamed => is_single && event.integration_id.is_none() && !has_another(events, memory, scm, event.at),
        Whose::Others => false,
    };
    let of_its_life = events
        .iter()
        .filter(|event| matches!(event.kind, AuditEventKind::Created | AuditEventKind::Deleted) && is_ours(event));
    of_its_life.max_by_key(|event| event.at).is_some_and(|event| event.kind == AuditEventKind::Deleted)
}

/// Whether the Organization was looked at and has no integration, nor a sign of one that the list lacks.
pub(in crate::health) fn has_none(book: &OrganizationEvidence, memory: Option<&OrganizationMemory>, scm: Scm) -> bool {
    let Some(absent) = book.presence.as_ref().filter(|presence| presence.value.is_absent()) else { return false };
    matches!(used(book, absent), Used::ByNobody) || is_deleted(book, memory, scm)
}
