//! Whether the copy of a PAT that is saved in Snyk is the one after its last rotation: `CredentialInStep`.
//!
//! An Organization's audit log says when the integration was saved. A Group has no such log: there an asset that moved
//! after the old token's proven end is the proof, since only the new one can have moved it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::Reason;
use crate::domain::evidence::{OrganizationEvidence, Part};
use crate::domain::facts::{Access, AuditEvent, AuditEventKind, AuditEvents, IntegrationPresence};
use crate::domain::fleet::Fleet;
use crate::domain::kinds::{Confidence, Scm};
use crate::domain::names::{IntegrationKey, ProfileName};
use crate::domain::rotation::{Rotation, Saved};
use crate::domain::state::{OrganizationMemory, State};

use super::credential::Claims;
use super::organization::CredentialVerdicts;
use super::verdict::{Basis, Gap, Proven, Verdict, read, slot};
use super::words::{date, moment};

/// An integration that came within this of its Organization came with it, from a template.
const CLONED_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// What the Inventory shows of one profile.
pub(super) struct Looked {
    /// When one of its assets last moved.
    pub(super) moved_at: Option<DateTime<Utc>>,
    pub(super) basis: Basis,
    pub(super) confidence: Confidence,
}

/// About which integration of its Organization an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Ours,
    Another,
    /// It names none, and the Organization has several.
    Unnamed,
}

/// Snyk's names of the types that save one and the same token: of the SCM itself, and what older answers call it.
const fn kin(scm: Scm) -> &'static [&'static str] {
    match scm {
        Scm::BitbucketCloud => &["bitbucket-cloud", "bitbucket"],
    }
}

/// By the integration's id, else by its type, else because there is no other.
fn about(event: &AuditEvent, ours: Option<&str>, presence: Option<&IntegrationPresence>, scm: Scm) -> About {
    let is = |is_ours| if is_ours { About::Ours } else { About::Another };
    if let (Some(of), Some(ours)) = (&event.integration_id, ours) {
        return is(of.eq_ignore_ascii_case(ours));
    }
    if let Some(is_ours) = is_of_type(event, scm) {
        return is(is_ours);
    }
    match presence {
        Some(IntegrationPresence::Present { integrations: 0 | 1, .. }) if event.integration_id.is_none() => About::Ours,
        _ => About::Unnamed,
    }
}

/// Whether the log shows that the Organization had another integration at `at`, though it may have none now: what came
/// before or after tells it.
pub(super) fn has_another(events: &[AuditEvent], memory: &OrganizationMemory, scm: Scm, at: DateTime<Utc>) -> bool {
    let ours = memory.integration_id.as_deref();
    let mut others: BTreeMap<String, (Option<&AuditEvent>, Option<&AuditEvent>)> = BTreeMap::new();
    for event in events.iter().filter(|event| about(event, ours, None, scm) == About::Another) {
        let Some(name) = event.source_type.as_ref().or(event.integration_id.as_ref()) else { continue };
        let (before, after) = others.entry(name.to_ascii_lowercase()).or_default();
        let place = if event.at <= at { before } else { after };
        let is_nearer = |known: &AuditEvent| (event.at - at).abs() <= (known.at - at).abs();
        if place.is_none_or(is_nearer) {
            *place = Some(event);
        }
    }
    others.values().any(|nearest| match nearest {
        (Some(before), _) => before.kind != AuditEventKind::Deleted,
        (None, Some(after)) => after.kind != AuditEventKind::Created,
        (None, None) => false,
    })
}

/// Whether an event is about an integration of this type, where it says so.
pub(super) fn is_of_type(event: &AuditEvent, scm: Scm) -> Option<bool> {
    let of = event.source_type.as_ref()?.to_ascii_lowercase().replace('_', "-");
    Some(kin(scm).contains(&of.as_str()))
}

/// What an Organization's audit log says of the saving of its integration.
struct Log<'a> {
    events: &'a [AuditEvent],
    ours: Option<&'a str>,
    presence: Option<&'a IntegrationPresence>,
    memory: &'a OrganizationMemory,
    created_at: Option<DateTime<Utc>>,
    scm: Scm,
    now: DateTime<Utc>,
}

impl<'a> Log<'a> {
    fn new(
        book: &'a OrganizationEvidence,
        events: &'a [AuditEvent],
        memory: &'a OrganizationMemory,
        scm: Scm,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            events,
            ours: memory.integration_id.as_deref(),
            presence: book.presence.as_ref().map(|presence| &presence.value),
            memory,
            created_at: created_at(book),
            scm,
            now,
        }
    }

    /// One that names none is ours only where there was no other at that time.
    fn about(&self, event: &AuditEvent) -> About {
        let about = about(event, self.ours, self.presence, self.scm);
        let is_named = event.integration_id.is_some() || event.source_type.is_some();
        if about == About::Ours && !is_named && has_another(self.events, self.memory, self.scm, event.at) {
            return About::Unnamed;
        }
        about
    }

    /// Events by which a token may have been saved. One that came with its Organization brought whatever the template
    /// had, and an instant in the future is none.
    fn savings(&self, about_whom: About) -> impl Iterator<Item = &'a AuditEvent> {
        let is_saving = |event: &&AuditEvent| match event.kind {
            AuditEventKind::Edited => true,
            AuditEventKind::Created => {
                self.created_at.is_none_or(|created_at| (event.at - created_at).abs() > CLONED_WITHIN)
            }
            _ => false,
        };
        let is_past = |event: &&AuditEvent| event.at <= self.now;
        let is_about = move |event: &&AuditEvent| self.about(event) == about_whom;
        self.events.iter().filter(is_saving).filter(is_past).filter(is_about)
    }
}

fn created_at(book: &OrganizationEvidence) -> Option<DateTime<Utc>> {
    match book.access.as_ref()?.value {
        Access::Granted { created_at, .. } => created_at,
        Access::Denied { .. } => None,
    }
}

/// Remembers the last saving that the audit log shows: it is true for ever, the log is kept for 90 days.
pub(super) fn remember_saving(state: &mut State, fleet: &Fleet, key: &IntegrationKey, now: DateTime<Utc>) {
    let Some(watched) = fleet.integrations.get(&key.integration) else { return };
    let Some(book) = state.evidence.organizations.get(key) else { return };
    let Some(stored) = state.integrations.get_mut(key) else { return };
    let Some(AuditEvents::Complete { events, .. }) = book.events.as_ref().map(|events| &events.value) else { return };
    let log = Log::new(book, events, &stored.organization, watched.scm, now);
    let last = log.savings(About::Ours).max_by_key(|event| event.at);
    let last = last.map(|event| Saved { at: event.at, user_id: event.user_id.clone() });
    if let Some(last) = last
        && stored.organization.saved.as_ref().is_none_or(|known| known.at < last.at)
    {
        stored.organization.saved = Some(last);
    }
}

/// `CredentialInStep` of an Organization's integration, by its audit log.
pub(super) fn of_organization(
    evidence: Option<&OrganizationEvidence>,
    memory: &OrganizationMemory,
    credential: &CredentialVerdicts,
    now: DateTime<Utc>,
) -> Verdict {
    let Some(rotation) = &credential.rotation else {
        return Verdict::not_applicable(Reason::NotRotated, "no rotation of the PAT is known");
    };
    let rotated = moment(rotation.at);
    let audit_log = slot(evidence, Part::Events, |book| &book.events);
    let known = read(&audit_log, now);
    if let Some(saved) = memory.saved.as_ref().filter(|saved| saved.at > rotation.at) {
        let message = format!("saved in Snyk {}, after the rotation of the PAT", moment(saved.at));
        let basis = known.map_or(Basis { observed_at: Some(saved.at), ..Basis::default() }, Basis::of);
        return Verdict::holds(Reason::Ok, message, Proven::at(basis));
    }
    let known = match known {
        Ok(known) => known,
        Err(gap) => return gap.verdict("the Organization's audit log"),
    };
    let AuditEvents::Complete { from, events } = &known.value else {
        let words = audit_log.said(known);
        let message =
            format!("the audit log is not readable: nothing tells whether the PAT was saved after {rotated}{words}");
        return Verdict::unknown(Reason::AuditLogNotReadable, message);
    };
    if let Some(verdict) = evidence.and_then(|book| cloned(book, rotation, now)) {
        return verdict;
    }
    let log = evidence.map(|book| Log::new(book, events, memory, credential.scm, now));
    let unnamed = log.and_then(|log| log.savings(About::Unnamed).map(|event| event.at).max());
    if let Some(at) = unnamed.filter(|at| *at > rotation.at) {
        let message = format!(
            "an integration was saved {}, after the rotation of the PAT; the event does not say which of several",
            moment(at)
        );
        return Verdict::unknown(Reason::UnnamedEvent, message);
    }
    // A log that was read before the new PAT was seen cannot tell that it was never saved.
    if known.observed_at < rotation.seen_at {
        let read = moment(known.observed_at);
        let message =
            format!("the audit log was last read {read}, the new PAT was first seen {}", moment(rotation.seen_at));
        return Verdict::unknown(Reason::NotProvenSinceRotation, message);
    }
    if *from > rotation.at {
        let message = format!("the audit log reaches back to {}, the PAT was rotated {rotated}", moment(*from));
        return Verdict::unknown(Reason::BeyondAuditLog, message);
    }
    let deadline = match rotation.old.ended.map(|end| end.at).or(rotation.old.expires_at) {
        Some(at) if at <= now => format!("; the old one ended on {}", date(at)),
        Some(at) => format!("; the old one expires on {}", date(at)),
        None => String::new(),
    };
    let message = format!("not saved in Snyk since the PAT was rotated ({rotated}){deadline}");
    // The log alone: another look at the credential is no second look at this.
    Verdict::fails(Reason::CredentialOutOfStep, message, Basis::of(known))
}

/// The verdict on an Organization that is younger than the rotation and whose integration came with it: it has whatever
/// token its template had, until it is saved, or tests something that the old token can no longer read.
fn cloned(book: &OrganizationEvidence, rotation: &Rotation, now: DateTime<Utc>) -> Option<Verdict> {
    let created_at = created_at(book).filter(|at| *at > rotation.at)?;
    let imports = read(&slot(Some(book), Part::Imports, |book| &book.imports), now).ok();
    let tests =
        imports.iter().flat_map(|known| known.value.projects.iter().filter_map(|project| project.last_test.at()));
    if let (Some(imports), Some(end), Some(tested_at)) = (imports, rotation.old.ended, tests.max())
        && tested_at > end.at
    {
        let message = format!("a project was tested {}, after the end of the old PAT", moment(tested_at));
        return Some(Verdict::holds(Reason::Ok, message, Proven::by(imports)).inferred());
    }
    let message = format!(
        "the integration came with the Organization ({}), after the rotation of the PAT: nothing tells which token it has",
        moment(created_at)
    );
    Some(Verdict::unknown(Reason::Cloned, message))
}

impl CredentialVerdicts {
    /// `CredentialValid` of an Organization: what assets of a profile prove of the PAT, they prove only of a copy that is
    /// in step.
    pub(super) fn valid_beside(&self, in_step: &Verdict) -> Verdict {
        let is_inferred = self.valid.reason == Reason::InferredFromSync;
        if is_inferred && in_step.reason == Reason::CredentialOutOfStep {
            let message = "the profile's assets move with the new PAT, and this Organization still has the old one";
            return Verdict::unknown(Reason::IdleUnproved, message);
        }
        self.valid.clone()
    }
}

/// `CredentialInStep` of one profile of a Group integration, by what its assets do.
pub(super) fn of_profile(claims: &Claims<'_>, profile: &ProfileName, looked: Result<Looked, &Gap>) -> Verdict {
    let name = claims.name;
    let Some(rotation) = claims.memory.and_then(|memory| memory.rotation.as_ref()) else {
        return Verdict::not_applicable(Reason::NotRotated, format!("no rotation of {name} is known"));
    };
    let rotated = moment(rotation.at);
    let Some(end) = rotation.old.ended else {
        let until = match (rotation.old.expires_at, rotation.old.dead_by) {
            (Some(at), _) => format!("until {}", date(at)),
            (None, Some(at)) => format!("perhaps until {}, as nobody tells when it expires", date(at)),
            (None, None) => "until it is revoked".to_owned(),
        };
        let message =
            format!("{name} was rotated by {rotated}, and the old token may still work, {until}: assets prove nothing");
        return Verdict::unknown(Reason::OldTokenStillValid, message);
    };
    let looked = match looked {
        Ok(looked) => looked,
        Err(gap) => return gap.verdict("the Inventory"),
    };
    match looked.moved_at.filter(|moved| *moved > end.at.max(rotation.at)) {
        Some(moved) => Verdict::holds(
            Reason::Ok,
            format!("an asset moved {}, after the end of the old token of {name} ({})", moment(moved), moment(end.at)),
            Proven::at(looked.basis),
        )
        .inferred()
        .with_confidence(looked.confidence),
        None => Verdict::unknown(
            Reason::NotProvenSinceRotation,
            format!(
                "{name} was rotated by {rotated}, the old token ended {}; no asset of profile {profile} moved since",
                moment(end.at)
            ),
        ),
    }
}
