//! Probe `organization`: one Organization's integration, what was imported through it, and its audit log.
//!
//! Requests: access, the list of integrations, one per 100 targets and projects, one for the audit log: five an hour at
//! the default interval for an Organization with up to 100 projects. An Organization without the integration costs two.
//!
//! A denied part beside a readable Organization is a missing right of the Snyk token: the part fails, the rest goes on.

mod events;
mod imports;
mod presence;

use chrono::{DateTime, Utc};

pub(super) use self::events::window_start;
use super::judgement::Verdict;
use super::round::Round;
use super::snyk_session::SnykSession;
use crate::domain::evidence::{OrganizationEvidence, Part};
use crate::domain::facts::{Access, IntegrationPresence};
use crate::domain::names::{GroupId, IntegrationKey, OrganizationId};
use crate::domain::work::Finding;
use crate::probe::scm::ScmWords;

/// One Organization and what is known of it.
pub(super) struct OrganizationScope<'a> {
    pub(super) key: &'a IntegrationKey,
    pub(super) organization: OrganizationId,
    pub(super) words: ScmWords,
    pub(super) known: Option<&'a OrganizationEvidence>,
    /// The audit log matters from here on.
    pub(super) events_since: DateTime<Utc>,
}

/// Runs the probe.
pub(super) async fn run(session: &mut SnykSession<'_>, scope: OrganizationScope<'_>, round: &mut Round) {
    let access = match round.hear(session.api, session.client().organization(scope.organization.0).await) {
        Ok(answer) => Access::Granted {
            name: answer.value.name,
            group: answer.value.group_id.map(GroupId),
            created_at: answer.value.created_at,
        },
        Err(failure) => match session.judge(round, Part::Access, "read the Organization", &failure).await {
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
    if presence != Some(IntegrationPresence::Absent) {
        imports::run(session, &scope, round).await;
        events::run(session, &scope, round).await;
    }
}
