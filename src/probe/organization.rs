//! Probe `organization`: one Organization's integration, what was imported through it, and its audit log.
//!
//! Requests: access, the list of integrations, one per 100 targets and projects: four an hour at the default interval for
//! an Organization with up to 100 projects; the switches of pull request checks every other hour. An Organization that
//! never had the integration costs two, and once two more. The audit log is read where [`audit_reasons`] finds a reason.
//!
//! A denied part beside a readable Organization is a missing right of the Snyk token: the part fails, the rest goes on.

mod audit_reasons;
mod events;
mod imports;
mod presence;
mod pull_requests;

use chrono::{DateTime, TimeDelta, Utc};

use self::audit_reasons::reach_wanted;
use super::judgement::Verdict;
use super::round::Round;
use super::snyk_session::SnykSession;
use crate::domain::evidence::{OrganizationEvidence, Part};
use crate::domain::facts::{Access, IntegrationPresence};
use crate::domain::names::{GroupId, IntegrationKey, OrganizationId};
use crate::domain::state::OrganizationMemory;
use crate::domain::work::Finding;
use crate::probe::scm::ScmWords;

/// One Organization and what is known of it.
pub(super) struct OrganizationScope<'a> {
    pub(super) key: &'a IntegrationKey,
    pub(super) organization: OrganizationId,
    pub(super) words: ScmWords,
    pub(super) known: Option<&'a OrganizationEvidence>,
    pub(super) memory: Option<&'a OrganizationMemory>,
    /// Every time at which its credential may have been rotated.
    pub(super) rotations: Vec<DateTime<Utc>>,
    /// How much earlier than noticed a rotation may have been.
    pub(super) rotation_margin: TimeDelta,
    /// An incident about it is pending or open.
    pub(super) has_incident: bool,
    /// More than this share of inactive projects needs an explanation.
    pub(super) inactive_share: f64,
}

/// Runs the probe.
pub(super) async fn run(session: &mut SnykSession<'_>, scope: OrganizationScope<'_>, round: &mut Round) {
    let access = match round.hear(session.api, session.client().organization(scope.organization.0).await) {
        Ok(answer) => Access::Granted {
            name: answer.value.name,
            group: answer.value.group_id.map(GroupId),
            created_at: answer.value.created_at,
        },
        // A denial is a finding; its words are kept as of any answer that was not what was asked for.
        Err(failure) => match session.concede(round, Part::Access, "read the Organization", &failure).await {
            Verdict::Denied(status) => Access::Denied { status },
            Verdict::CredentialRejected | Verdict::Inconclusive => return,
        },
    };
    let is_denied = matches!(access, Access::Denied { .. });
    round.find(Finding::OrganizationAccess(scope.key.clone(), access));
    if is_denied {
        return;
    }
    let presence = presence::run(session, &scope, round).await;
    if let Some(presence) = &presence {
        round.find(Finding::Presence(scope.key.clone(), presence.clone()));
    }
    // An integration that is not listed and was never used has imported nothing. What was imported tells whether the list
    // or the integration is at fault: of one that left, and once of each that is not listed from the first day.
    let was_looked_at = scope.known.is_some_and(|known| known.imports.is_some());
    if presence.as_ref().is_some_and(IntegrationPresence::is_absent) && was_looked_at && !scope.was_used() {
        return;
    }
    let imports = imports::run(session, &scope, round).await;
    if let Some(presence) = &presence {
        pull_requests::run(session, &scope, presence, round).await;
    }
    if let Some(from) = reach_wanted(&scope, presence.as_ref(), imports.as_deref(), round.started_at) {
        events::run(session, &scope, from, round).await;
    }
}

impl OrganizationScope<'_> {
    /// Whether the integration was ever seen here, or something that was imported through it.
    fn was_used(&self) -> bool {
        let is_known = |known: &OrganizationEvidence| {
            let is_present = |presence: &IntegrationPresence| !presence.is_absent();
            known.presence.as_ref().is_some_and(|evidence| is_present(&evidence.value))
                || known.imports.as_ref().is_some_and(|evidence| !evidence.value.targets.is_empty())
        };
        self.memory.is_some_and(|memory| memory.was_present) || self.known.is_some_and(is_known)
    }
}
