//! What became of repositories that are seen no more: each is asked for by its id, in the workspace where it was. A 404
//! proves little alone (deleted, moved or hidden), a name proves much.

use std::collections::BTreeMap;

use super::session::Session;
use crate::domain::evidence::Part;
use crate::domain::facts::{Repository, RepositoryFate};
use crate::domain::names::RepositoryId;
use crate::probe::judgement::Verdict;
use crate::probe::round::Round;

/// So many are asked for in one round: three that are gone prove what it was, if the account would see them.
const MOST_ASKED: usize = 10;

const ATTEMPT: &str = "ask for a repository that is seen no more";

/// The answers; what did not conclude is not among them.
pub(super) async fn ask(
    session: &mut Session<'_>,
    missing: &[&Repository],
    round: &mut Round,
) -> BTreeMap<RepositoryId, RepositoryFate> {
    let mut fates = BTreeMap::new();
    for repository in missing.iter().take(MOST_ASKED) {
        // Bitbucket's ids have braces.
        let id = format!("{{{}}}", repository.id);
        let asked = session.client().repository_by_id(repository.workspace.as_str(), &id).await;
        let fate = match round.hear(session.api(), asked) {
            Ok(answer) => RepositoryFate::There { full_name: answer.value.full_name },
            Err(failure) => match session.judge(round, Part::Fates, ATTEMPT, &failure).await {
                Verdict::Denied(404) => RepositoryFate::NotFound,
                Verdict::Denied(_) => continue,
                Verdict::CredentialRejected | Verdict::Inconclusive => break,
            },
        };
        fates.insert(repository.id.clone(), fate);
    }
    fates
}
