//! Probe `group_access`: may the Snyk token read the Group. One request, a second one when it is denied.

use super::judgement::Verdict;
use super::round::Round;
use super::snyk_session::SnykSession;
use crate::domain::evidence::Part;
use crate::domain::facts::Access;
use crate::domain::names::{GroupId, IntegrationName};
use crate::domain::work::Finding;

/// Runs the probe.
pub(super) async fn run(
    session: &mut SnykSession<'_>,
    integration: &IntegrationName,
    group: GroupId,
    round: &mut Round,
) {
    let access = match round.hear(session.api, session.client().group(group.0).await) {
        Ok(answer) => Access::Granted { name: answer.value.name, group: None, created_at: None },
        // A denial is a finding; its words are kept as of any answer that was not what was asked for.
        Err(failure) => match session.concede(round, Part::Access, "read the Group", &failure).await {
            Verdict::Denied(status) => Access::Denied { status },
            Verdict::CredentialRejected | Verdict::Inconclusive => return,
        },
    };
    round.find(Finding::GroupAccess(integration.clone(), access));
}
