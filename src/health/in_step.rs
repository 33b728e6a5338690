//! Whether the copy of a PAT that is saved in Snyk is the one after its last rotation: `CredentialInStep`.

use chrono::{DateTime, Utc};

use crate::domain::condition::Reason;
use crate::domain::evidence::{OrganizationEvidence, Part};
use crate::domain::facts::{AuditEvent, AuditEventKind, AuditEvents};
use crate::domain::fleet::Thresholds;
use crate::domain::kinds::Confidence;
use crate::domain::names::ProfileName;
use crate::domain::state::OrganizationMemory;

use super::credential::Claims;
use super::organization::CredentialVerdicts;
use super::verdict::{Basis, Gap, Proven, Verdict, read, slot};
use super::words::{date, moment};

/// What the Inventory shows of one profile.
pub(super) struct Looked {
    /// When one of its assets last moved.
    pub(super) moved_at: Option<DateTime<Utc>>,
    pub(super) basis: Basis,
    pub(super) confidence: Confidence,
}

/// Whether an event is about the watched integration, or does not say about which. An Organization may have several.
pub(super) fn is_ours(event: &AuditEvent, memory: &OrganizationMemory) -> bool {
    match (&event.integration_id, &memory.integration_id) {
        (Some(of), Some(ours)) => of.eq_ignore_ascii_case(ours),
        _ => true,
    }
}

/// `CredentialInStep` of an Organization's integration, by its audit log.
pub(super) fn of_organization(
    evidence: Option<&OrganizationEvidence>,
    memory: &OrganizationMemory,
    credential: &CredentialVerdicts,
    now: DateTime<Utc>,
) -> Verdict {
    let Some(rotation) = credential.rotation else {
        return Verdict::not_applicable(Reason::NotRotated, "no rotation of the PAT is known");
    };
    let rotated = moment(rotation.at);
    let evidence = match read(slot(evidence, Part::Events, |book| &book.events), now) {
        Ok(evidence) => evidence,
        Err(gap) => return gap.verdict("the Organization's audit log"),
    };
    let AuditEvents::Complete { from, events } = &evidence.value else {
        let message = format!("the audit log is not readable: nothing tells whether the PAT was saved after {rotated}");
        return Verdict::unknown(Reason::AuditLogNotReadable, message);
    };
    let basis = Basis::of(evidence).and(rotation.basis);
    let saved = events
        .iter()
        .filter(|event| matches!(event.kind, AuditEventKind::Created | AuditEventKind::Edited))
        .filter(|event| is_ours(event, memory))
        .map(|event| event.at)
        .filter(|at| *at > rotation.at)
        .max();
    if let Some(saved) = saved {
        let message = format!("saved in Snyk {}, after the rotation of the PAT", moment(saved));
        return Verdict::holds(Reason::Ok, message, Proven::by(evidence).and(rotation.basis));
    }
    // A log that was read before the new PAT was seen cannot tell that it was never saved.
    if evidence.observed_at < rotation.seen_at {
        let read = moment(evidence.observed_at);
        let message =
            format!("the audit log was last read {read}, the new PAT was first seen {}", moment(rotation.seen_at));
        return Verdict::unknown(Reason::NotProvenSinceRotation, message);
    }
    if *from > rotation.at {
        let message = format!("the audit log was read from {} only, the rotation was {rotated}", moment(*from));
        return Verdict::unknown(Reason::NotProvenSinceRotation, message);
    }
    let deadline = match credential.previous_expiry {
        Some(at) => format!("; the old one expires on {}", date(at)),
        None => String::new(),
    };
    let message = format!("not saved in Snyk since the PAT was rotated ({rotated}){deadline}");
    Verdict::fails(Reason::CredentialOutOfStep, message, basis)
}

/// `CredentialInStep` of one profile of a Group integration, by what its assets do.
pub(super) fn of_profile(
    claims: &Claims<'_>,
    profile: &ProfileName,
    looked: Result<Looked, &Gap>,
    thresholds: &Thresholds,
) -> Verdict {
    let Some(rotation) = claims.rotation(thresholds) else {
        let message = format!("no rotation of {} is known", claims.name);
        return Verdict::not_applicable(Reason::NotRotated, message);
    };
    let looked = match looked {
        Ok(looked) => looked,
        Err(gap) => return gap.verdict("the Inventory"),
    };
    match looked.moved_at.filter(|moved| *moved > rotation.at) {
        Some(moved) => Verdict::holds(
            Reason::Ok,
            format!("an asset moved {}, after the rotation of {}", moment(moved), claims.name),
            Proven::at(looked.basis.and(rotation.basis)),
        )
        .inferred()
        .with_confidence(looked.confidence),
        None => Verdict::unknown(
            Reason::NotProvenSinceRotation,
            format!(
                "{} was rotated by {}; no asset of profile {profile} moved since",
                claims.name,
                moment(rotation.at)
            ),
        ),
    }
}
