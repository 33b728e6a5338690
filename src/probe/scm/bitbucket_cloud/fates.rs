//! What became of repositories that are seen no more: each is asked for by its id, in the workspace where it was. A 404
//! proves little alone (deleted, moved or hidden), a name proves much.
//!
//! What did not answer is asked for again in the next round, after the others had their turn: an id that the host never
//! answers must not keep it from answering for the rest.

use std::collections::BTreeMap;

use super::session::Session;
use crate::domain::evidence::Part;
use crate::domain::facts::RepositoryFate;
use crate::domain::names::{RepositoryId, WorkspaceSlug};
use crate::probe::judgement::{Verdict, is_whole_api};
use crate::probe::round::Round;
use crate::probe::scm::ProfileScope;

/// So many are asked for in one round: three that are gone prove what it was, if the account would see them.
const MOST_ASKED: usize = 20;

const ATTEMPT: &str = "ask for a repository that is seen no more";

/// The answers; what did not conclude is not among them.
pub(super) async fn ask(
    session: &mut Session<'_>,
    scope: &ProfileScope<'_>,
    missing: &BTreeMap<&RepositoryId, &WorkspaceSlug>,
    round: &mut Round,
) -> BTreeMap<RepositoryId, RepositoryFate> {
    let mut fates = BTreeMap::new();
    let last = round.memory.fate_asked(scope.integration, scope.profile);
    let (had_turn, others): (Vec<_>, Vec<_>) =
        missing.iter().partition(|(id, _)| last.as_ref().is_some_and(|last| **id <= last));
    for (id, workspace) in others.into_iter().chain(had_turn).take(MOST_ASKED) {
        round.memory.learn_fate_asked(scope.integration, scope.profile, id);
        // Bitbucket's ids have braces.
        let asked = session.client().repository_by_id(workspace.as_str(), &format!("{{{id}}}")).await;
        let fate = match round.hear(session.api(), asked) {
            Ok(answer) => RepositoryFate::There { full_name: answer.value.full_name },
            Err(failure) => match session.judge(round, Part::Fates, ATTEMPT, &failure).await {
                Verdict::Denied(404) => RepositoryFate::NotFound,
                Verdict::Denied(_) => continue,
                Verdict::Inconclusive if !is_whole_api(&failure) => continue,
                Verdict::CredentialRejected | Verdict::Inconclusive => break,
            },
        };
        fates.insert((*id).clone(), fate);
    }
    fates
}
