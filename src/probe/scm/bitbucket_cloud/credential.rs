//! Probe `scm_credential`: is the credential accepted, what is it granted, when does it expire.
//!
//! | answer of `/user` | meaning |
//! |---|---|
//! | 200 | accepted |
//! | 403 that names a missing scope | accepted; the account stays unknown |
//! | 403 *not accessible by this authentication mechanism* | an access token, accepted; liveness by listing repositories |
//! | 401 | rejected; see [`super::rejection`] for the cause. A web page without a challenge proves nothing |
//! | anything else | proves nothing |
//!
//! A rejection is believed only where another endpoint does not answer the same token ([`elsewhere`]): otherwise the two
//! contradict each other. So do an acceptance and rejections everywhere else: it is asked for a second word where the
//! token was not accepted before, or was rejected in this round. Where `/user` does not name the scopes, the other
//! endpoint's answer may.

use std::collections::BTreeSet;

use super::CredentialKind;
use super::administration::{self, Counted};
use super::session::Session;
use super::{elsewhere, listed_token, permissions, rejection};
use crate::client::answer::{Answer, CredentialHeaders, Failure, FailureClass};
use crate::client::bitbucket_cloud::User;
use crate::domain::evidence::Part;
use crate::domain::facts::{CredentialExpiry, PreviousSecret, RejectionCause, ScmAccount, ScmAuthentication};
use crate::domain::permission::Permission;
use crate::domain::work::Finding;
use crate::probe::assumptions::Assumption;
use crate::probe::round::Round;
use crate::probe::scm::is_due;

/// Runs the probe.
pub(super) async fn run(session: &mut Session<'_>, round: &mut Round) {
    let authentication = identify(session, round).await;
    listed_token::run(session, round).await;
    if let Some(ScmAuthentication::Accepted { scopes, .. }) = authentication {
        // Bitbucket Cloud never tells a token when it ends; only the admin API and the operator do.
        round.find(Finding::ScmCredentialExpiry(session.scope.name.clone(), CredentialExpiry::Untold));
        if !session.scope.has_profile {
            prove_without_profile(session, scopes.is_some(), round).await;
        }
    }
}

/// What a profile's probe would prove, for a credential that is used in Organizations only. Renewed when half of its
/// life is over, because it costs several requests for each workspace.
async fn prove_without_profile(session: &mut Session<'_>, has_scopes: bool, round: &mut Round) {
    let proof_of = |permission| session.scope.known.and_then(|known| known.permissions.get(&permission));
    let is_wanted = |permission: Permission| {
        let proof = proof_of(permission);
        proof.is_none_or(|evidence| is_due(evidence.observed_at, evidence.max_age, round.started_at))
    };
    let wants_counts = session.scope.needs_administrator && is_wanted(Permission::RepositoryAdmin);
    let wants_reading = !has_scopes && is_wanted(Permission::RepositoryRead);
    if !wants_counts && !wants_reading {
        return;
    }
    let mut counted = Vec::new();
    for workspace in session.scope.workspaces.clone() {
        let api = session.api();
        match round.hear(api, session.client().repositories_total(workspace.as_str()).await) {
            Ok(answer) => {
                let first = answer.value.items.first().map(|repository| repository.slug().to_owned());
                if wants_reading {
                    permissions::prove_by_reading(session, &workspace, first.as_deref(), round).await;
                }
                counted.extend(answer.value.total.map(|total| Counted { slug: workspace, total, administers: None }));
            }
            Err(failure) => {
                permissions::prove_missing(session, Permission::RepositoryRead, &failure, round);
                session.concede(round, Part::Permissions, "count the repositories of a workspace", &failure).await;
                return;
            }
        }
    }
    if wants_counts {
        administration::run(session, &counted, None, round).await;
    }
}

/// Asks `/user` and takes down all that its answer proves.
pub(super) async fn identify(session: &mut Session<'_>, round: &mut Round) -> Option<ScmAuthentication> {
    let (result, mut authentication) = ask(session, round).await;
    if matches!(authentication, Some(ScmAuthentication::Accepted { .. })) {
        authentication = second_word(session, round).await.or(authentication);
    }
    observe(session, &result, round);
    let is_access_token =
        matches!(&result, Err(Failure { class: FailureClass::NotAccessibleByThisAuthentication, .. }));
    if let Some(ScmAuthentication::Accepted { scopes: scopes @ None, token_id, .. }) = &mut authentication
        && !is_access_token
    {
        let headers = elsewhere::headers(session, round).await;
        *scopes = headers.granted.map(|words| words.into_iter().collect());
        *token_id = token_id.take().or(headers.token_id);
    }
    session.learn(authentication.as_ref());
    match (&authentication, &result) {
        (Some(found), _) => {
            round.find(Finding::ScmAuthentication(session.scope.name.clone(), found.clone()));
        }
        (None, Err(failure)) => round.fail(session.api(), Part::Authentication, "ask who the credential is", failure),
        (None, Ok(_)) => {}
    }
    if let Some(ScmAuthentication::Accepted { scopes, .. }) = &authentication {
        let proofs = permissions::of_user_answer(&result, scopes.as_ref(), session.target.kind);
        let mut seen = permissions::Seen::by_user(&result);
        permissions::doubt(session, &proofs, &mut seen, round).await;
        for (permission, proof) in permissions::weighed(session, proofs, &seen, round.started_at) {
            session.prove(permission, proof, round);
        }
    }
    authentication
}

/// Asks `/user`, and another endpoint where its answer alone is no proof.
async fn ask(session: &Session<'_>, round: &mut Round) -> (Result<Answer<User>, Failure>, Option<ScmAuthentication>) {
    let result = round.hear(session.api(), session.client().user().await);
    let mut authentication = decide(&result, |failure| rejection::cause(session, failure, round.started_at));
    match (&result, &authentication) {
        (Err(Failure { class: FailureClass::NotAccessibleByThisAuthentication, .. }), _) => {
            authentication = still_alive(session, authentication, round).await;
        }
        (Err(failure), Some(ScmAuthentication::Rejected(_))) => {
            if let Some(other) = elsewhere::accepts(session, round).await {
                let detail = format!("`/user`: {}; {other} was answered with the same token", failure.detail);
                authentication = Some(ScmAuthentication::Contradicted { detail });
            }
        }
        _ => {}
    }
    (result, authentication)
}

/// What contradicts an acceptance by `/user`, where that needs another one beside it.
async fn second_word(session: &Session<'_>, round: &mut Round) -> Option<ScmAuthentication> {
    if !wants_second_word(session) {
        return None;
    }
    let (other, failure) = elsewhere::rejects(session, round).await?;
    let detail = format!("`/user` was answered, and {other} was not with the same token: {}", failure.detail);
    Some(ScmAuthentication::Contradicted { detail })
}

/// Whether an acceptance by `/user` needs another one beside it. A token that was accepted as a whole is met by the probes
/// that use it: what rejects it then asks for both.
fn wants_second_word(session: &Session<'_>) -> bool {
    let known = session.scope.known.and_then(|known| known.authentication.as_ref()).map(|evidence| &evidence.value);
    let was_accepted = matches!(known, Some(ScmAuthentication::Accepted { .. })) && !session.scope.has_new_secret;
    session.was_rejected || !was_accepted
}

/// Whether a token that was replaced still works. Nothing else is taken down: its permissions are no longer ours.
pub(super) async fn is_still_accepted(session: &Session<'_>, round: &mut Round) -> Option<PreviousSecret> {
    if session.target.kind == CredentialKind::AccessToken {
        // The refusal of `/user` may come before the token is looked at.
        let workspace = session.scope.workspaces.first()?;
        let result = round.hear(session.api(), session.client().repositories_total(workspace.as_str()).await);
        return match result {
            Ok(_) => Some(PreviousSecret::Accepted),
            Err(failure) if failure.is_rejection() => Some(PreviousSecret::Rejected),
            Err(_) => None,
        };
    }
    match ask(session, round).await.1? {
        ScmAuthentication::Accepted { .. } => Some(PreviousSecret::Accepted),
        ScmAuthentication::Rejected(_) => Some(PreviousSecret::Rejected),
        ScmAuthentication::Contradicted { .. } => None,
    }
}

/// The decision table.
fn decide(
    result: &Result<Answer<User>, Failure>,
    cause: impl FnOnce(&Failure) -> RejectionCause,
) -> Option<ScmAuthentication> {
    let accepted = |account, headers: &CredentialHeaders, granted: &[String]| {
        let from_header = headers.granted.as_ref().map(|words| words.iter().cloned().collect::<BTreeSet<_>>());
        let from_body = || (!granted.is_empty()).then(|| granted.iter().cloned().collect());
        let scopes = from_header.or_else(from_body);
        Some(ScmAuthentication::Accepted { account, token_id: headers.token_id.clone(), scopes })
    };
    match result {
        Ok(answer) => {
            let user = &answer.value;
            let id = user.account_id.clone().or_else(|| user.uuid.clone());
            let account = id.map(|id| ScmAccount { name: user.display_name.clone().unwrap_or_else(|| id.clone()), id });
            accepted(account, &answer.meta.credential, &[])
        }
        Err(failure) => match &failure.class {
            FailureClass::MissingScope { granted, .. } => accepted(None, &failure.meta.credential, granted),
            FailureClass::NotAccessibleByThisAuthentication => accepted(None, &failure.meta.credential, &[]),
            FailureClass::Unauthorized if failure.is_rejection() => Some(ScmAuthentication::Rejected(cause(failure))),
            _ => None,
        },
    }
}

/// The refusal of `/user` may come before the token is looked at, so an access token must also list repositories.
async fn still_alive(
    session: &Session<'_>,
    authentication: Option<ScmAuthentication>,
    round: &mut Round,
) -> Option<ScmAuthentication> {
    let Some(workspace) = session.scope.workspaces.first() else { return authentication };
    match round.hear(session.api(), session.client().repositories_total(workspace.as_str()).await) {
        Err(failure) if failure.is_rejection() => {
            Some(ScmAuthentication::Rejected(rejection::cause(session, &failure, round.started_at)))
        }
        _ => authentication,
    }
}

fn observe(session: &Session<'_>, result: &Result<Answer<User>, Failure>, round: &Round) {
    let (headers, is_access_token) = match result {
        Ok(answer) => (&answer.meta.credential, false),
        Err(failure) => match failure.class {
            FailureClass::MissingScope { .. } => (&failure.meta.credential, false),
            FailureClass::NotAccessibleByThisAuthentication => (&failure.meta.credential, true),
            _ => return,
        },
    };
    round.observe(Assumption::ScopeHeaderIsSent, headers.granted.is_some());
    round.observe(Assumption::TokenIdIsSent, headers.token_id.is_some());
    if session.target.kind == CredentialKind::AccessToken {
        round.observe(Assumption::AccessTokensHaveNoUser, is_access_token && headers.granted.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::answer::{AnswerMeta, BodyKind};

    #[test]
    fn the_decision_table() {
        let headers = CredentialHeaders {
            granted: Some(vec!["read:user:bitbucket".to_owned()]),
            token_id: Some("t1".to_owned()),
            ..CredentialHeaders::default()
        };
        let meta = AnswerMeta { credential: headers, ..AnswerMeta::default() };
        let failed = |class, status| {
            let failure = Failure::without_answer(class, "text");
            Err(Failure { status: Some(status), body: BodyKind::Json, meta: Box::new(meta.clone()), ..failure })
        };
        let check = |result: Result<Answer<User>, Failure>, expected: &str| {
            let shown = match decide(&result, |_| RejectionCause::Unspecified) {
                Some(ScmAuthentication::Accepted { account, token_id, scopes }) => format!(
                    "accepted {} {} {}",
                    account.map_or("-".to_owned(), |account| format!("{} {}", account.id, account.name)),
                    token_id.unwrap_or_default(),
                    scopes.map_or(0, |scopes| scopes.len())
                ),
                Some(ScmAuthentication::Rejected(cause)) => format!("rejected {cause:?}"),
                Some(ScmAuthentication::Contradicted { detail }) => format!("contradicted {detail}"),
                None => "nothing".to_owned(),
            };
            assert_eq!(shown, expected);
        };
        let user = User { uuid: None, account_id: Some("a1".to_owned()), display_name: Some("Bot".to_owned()) };
        check(Ok(Answer { value: user, meta: meta.clone() }), "accepted a1 Bot t1 1");
        let missing = FailureClass::MissingScope { required: Vec::new(), granted: vec!["account".to_owned()] };
        check(failed(missing, 403), "accepted - t1 1");
        check(failed(FailureClass::NotAccessibleByThisAuthentication, 403), "accepted - t1 1");
        check(failed(FailureClass::Unauthorized, 401), "rejected Unspecified");
        check(failed(FailureClass::Forbidden, 403), "nothing");
        check(failed(FailureClass::Gone { announcement: None }, 410), "nothing");
        check(failed(FailureClass::NotFound, 404), "nothing");
        check(failed(FailureClass::ServerError, 503), "nothing");
    }
}
