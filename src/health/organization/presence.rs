//! `IntegrationPresent`: the Organization has an integration of this type.

use crate::domain::condition::Reason;
use crate::domain::evidence::{Evidence, Part};
use crate::domain::facts::{AuditEventKind, AuditEvents, IntegrationPresence};

use super::super::verdict::{Basis, Gap, Proven, Verdict, read, slot};
use super::super::words::count;
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
            IntegrationPresence::Absent => match self.active_beside(evidence) {
                0 => {
                    let message = "the Organization has no such integration";
                    Verdict::fails(Reason::IntegrationAbsent, message, Basis::of(evidence))
                }
                active => {
                    let message = format!(
                        "the list of integrations has none of this type, but {} of it and no event says that it was \
                         deleted",
                        count(active, "active project is", "active projects are")
                    );
                    Verdict::unknown(Reason::Contradicted, message)
                }
            },
        }
    }

    /// Active projects of targets of this type, seen in the round in which the integration was not, while no event says
    /// that it was deleted. Older imports contradict nothing: it may have been deleted since.
    fn active_beside(&self, absent: &Evidence<IntegrationPresence>) -> usize {
        let imports = read(&slot(self.evidence, Part::Imports, |book| &book.imports), self.now);
        let Some(imports) = imports.ok().filter(|imports| imports.observed_at >= absent.observed_at) else { return 0 };
        if imports.value.targets.is_empty() || self.was_deleted() {
            return 0;
        }
        imports.value.projects.iter().filter(|project| project.active).count()
    }

    /// The last event about the integration's coming and going says that it went.
    fn was_deleted(&self) -> bool {
        let Ok(Evidence { value: AuditEvents::Complete { events, .. }, .. }) = self.events() else { return false };
        let of_its_life = events.iter().filter(|event| {
            matches!(event.kind, AuditEventKind::Created | AuditEventKind::Deleted)
                && whose(event, self.memory, self.scm) != Whose::Others
        });
        of_its_life.max_by_key(|event| event.at).is_some_and(|event| event.kind == AuditEventKind::Deleted)
    }
}
