//! Whether sampled repositories carry a file. A 404 is an answer only from an accepted credential; a sample concludes
//! as a whole or not at all.

use super::session::Session;
use crate::client::bitbucket_cloud::SourceEntry;
use crate::domain::evidence::Part;
use crate::domain::facts::Repository;
use crate::probe::judgement::Verdict;
use crate::probe::round::Round;
use crate::probe::scm::FileCheck;

const ATTEMPT: &str = "look for the catalog file of a repository";

pub(super) async fn run(
    session: &mut Session<'_>,
    sample: Vec<&Repository>,
    file: &str,
    round: &mut Round,
) -> Option<Vec<FileCheck>> {
    let mut checks = Vec::with_capacity(sample.len());
    for repository in sample {
        let Some((workspace, slug)) = repository.full_name.split_once('/') else { continue };
        let is_there = match round.hear(session.api(), session.client().source_entry(workspace, slug, file).await) {
            Ok(answer) => answer.value == SourceEntry::File,
            Err(failure) => match session.judge(round, Part::Catalog, ATTEMPT, &failure).await {
                Verdict::Denied(404) => false,
                Verdict::Denied(_) => {
                    round.fail(session.api(), Part::Catalog, ATTEMPT, &failure);
                    return None;
                }
                Verdict::CredentialRejected | Verdict::Inconclusive => return None,
            },
        };
        checks.push(FileCheck { repository: repository.id.clone(), is_there });
    }
    Some(checks)
}
