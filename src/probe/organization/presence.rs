//! Is there an integration of the watched type. V1's map is what works; REST is asked when V1 does not tell, and once in
//! a process to see whether it is there at all.

use std::collections::BTreeMap;

use super::OrganizationScope;
use crate::client::answer::Failure;
use crate::domain::evidence::Part;
use crate::domain::facts::IntegrationPresence;
use crate::probe::assumptions::Assumption;
use crate::probe::judgement::denial;
use crate::probe::memory::Availability;
use crate::probe::round::Round;
use crate::probe::scm::ScmWords;
use crate::probe::snyk_session::SnykSession;

/// An integration in a list that names none.
const WITHOUT_ID: &str = "an integration of this type without an id";

/// What the lists say; `None` when neither answers.
pub(super) async fn run(
    session: &mut SnykSession<'_>,
    scope: &OrganizationScope<'_>,
    round: &mut Round,
) -> Option<IntegrationPresence> {
    let by_v1 = match round.hear(session.api, session.client().integrations(scope.organization.0).await) {
        Ok(answer) => {
            presence_among(&answer.value, scope.words).ok_or_else(|| Failure::of_another_shape(WITHOUT_ID, answer.meta))
        }
        Err(failure) => Err(failure),
    };
    let is_wanted = match round.memory.rest_integrations(session.name) {
        Availability::Untried => true,
        Availability::Available => by_v1.is_err(),
        Availability::Unavailable => false,
    };
    let by_rest = if is_wanted { by_rest(session, scope, round).await } else { None };
    match by_v1 {
        Ok(presence) => Some(presence),
        Err(failure) => {
            if by_rest.is_none() {
                session.concede(round, Part::Presence, "list the Organization's integrations", &failure).await;
            }
            by_rest
        }
    }
}

async fn by_rest(
    session: &SnykSession<'_>,
    scope: &OrganizationScope<'_>,
    round: &mut Round,
) -> Option<IntegrationPresence> {
    match round.hear(session.api, session.client().rest_integrations(scope.organization.0).await) {
        Ok(walk) => {
            round.memory.learn_rest_integrations(session.name, Availability::Available);
            round.observe(Assumption::RestIntegrationsAreGone, false);
            let kinds = walk.items.into_iter().filter_map(|entry| Some((entry.integration_type?, entry.id)));
            presence_among(&kinds.collect(), scope.words)
        }
        Err(failure) => {
            // A denial or a removal will not change by asking each Organization again; an outage may.
            if denial(&failure).is_some() || failure.status == Some(410) {
                round.memory.learn_rest_integrations(session.name, Availability::Unavailable);
                round.observe(Assumption::RestIntegrationsAreGone, true);
            }
            None
        }
    }
}

/// The token's integration before the app's, when there are both: it is the one whose credential we watch. `None` when it is
/// listed without an id, which proves neither that it is there nor that it is not; those of other types are not ours to judge.
fn presence_among(kinds: &BTreeMap<String, String>, words: ScmWords) -> Option<IntegrationPresence> {
    let id_of =
        |word: &str| kinds.iter().find(|(kind, _)| kind.trim().eq_ignore_ascii_case(word)).map(|(_, id)| id.trim());
    let by_token = id_of(words.integration_type).map(|id| (id, false));
    let by_app = || words.app_type.and_then(id_of).map(|id| (id, true));
    match by_token.or_else(by_app) {
        Some(("", _)) => None,
        Some((id, via_app)) => {
            Some(IntegrationPresence::Present { id: id.to_owned(), via_app, integrations: kinds.len() })
        }
        None if kinds.is_empty() => Some(IntegrationPresence::Absent),
        None => Some(IntegrationPresence::AbsentBeside { others: kinds.len() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kinds::Scm;
    use crate::probe::scm::words_of;

    #[test]
    fn the_token_comes_before_the_app() {
        let check = |kinds: &[(&str, &str)], expected: Option<(&str, bool)>| {
            let map = kinds.iter().map(|&(kind, id)| (kind.to_owned(), id.to_owned())).collect();
            let expected = match (expected, kinds.len()) {
                (Some((id, via_app)), integrations) => {
                    IntegrationPresence::Present { id: id.to_owned(), via_app, integrations }
                }
                (None, 0) => IntegrationPresence::Absent,
                (None, others) => IntegrationPresence::AbsentBeside { others },
            };
            assert_eq!(presence_among(&map, words_of(Scm::BitbucketCloud)), Some(expected), "{kinds:?}");
        };
        check(&[], None);
        check(&[("github", "1"), ("bitbucket-server", "2")], None);
        check(&[("bitbucket-cloud", "1")], Some(("1", false)));
        check(&[("bitbucket-connect-app", "2")], Some(("2", true)));
        check(&[("bitbucket-cloud", "1"), ("bitbucket-connect-app", "2")], Some(("1", false)));
        check(&[("BITBUCKET-CLOUD", " 1 ")], Some(("1", false)));
        // Another type without an id is not ours to judge.
        check(&[("bitbucket-cloud", "1"), ("github", "")], Some(("1", false)));
        check(&[("github", "")], None);
    }

    #[test]
    fn without_an_id_nothing_is_known_of_an_integration() {
        for kind in ["bitbucket-cloud", "bitbucket-connect-app"] {
            for id in ["", "  "] {
                let map = [(kind.to_owned(), id.to_owned()), ("github".to_owned(), "1".to_owned())].into();
                assert_eq!(presence_among(&map, words_of(Scm::BitbucketCloud)), None, "{kind} {id:?}");
            }
        }
    }
}
