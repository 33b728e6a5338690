//! Whether the integration checks pull requests by default: V1's settings of the integration. V1 allows a token few
//! requests a minute for all Organizations together, so they are asked for when half of the evidence's life is over, and
//! at the latest after six hours.

use chrono::TimeDelta;

use super::OrganizationScope;
use crate::domain::evidence::Part;
use crate::domain::facts::{IntegrationPresence, PullRequestChecks};
use crate::domain::work::Finding;
use crate::probe::round::Round;
use crate::probe::scm::is_due;
use crate::probe::snyk_session::SnykSession;

/// The switches are read at least this often, however long their evidence stands.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(6);

pub(super) async fn run(
    session: &mut SnykSession<'_>,
    scope: &OrganizationScope<'_>,
    presence: &IntegrationPresence,
    round: &mut Round,
) {
    let IntegrationPresence::Present { id, .. } = presence else { return };
    let known = scope.known.and_then(|known| known.pull_request_checks.as_ref());
    let is_recent = known.is_some_and(|evidence| {
        let age = evidence.max_age.min(LONGEST_PAUSE * 2);
        !is_due(evidence.observed_at, age, round.started_at)
    });
    if is_recent {
        return;
    }
    match round.hear(session.api, session.client().integration_settings(scope.organization.0, id).await) {
        Ok(answer) => {
            let checks = PullRequestChecks {
                open_source: answer.value.pull_request_test_enabled,
                code: answer.value.pull_request_test_code_enabled,
            };
            round.find(Finding::PullRequestChecks(scope.key.clone(), checks));
        }
        Err(failure) => {
            session.concede(round, Part::PullRequestChecks, "read the integration's settings", &failure).await;
        }
    }
}
