//! What another endpoint than `/user` says of a credential: the repositories of a workspace that is known, else the
//! account's memberships. It is asked when `/user` rejects the credential or does not name its scopes, since one endpoint
//! alone may not fit this kind of token.

use super::session::Session;
use crate::client::answer::{CredentialHeaders, Failure, FailureClass};
use crate::domain::names::WorkspaceSlug;
use crate::probe::judgement::{Heard, answered};
use crate::probe::round::Round;

/// Another endpoint.
#[derive(Debug, Clone)]
enum Place {
    Repositories(WorkspaceSlug),
    Memberships,
}

impl Place {
    fn all(session: &Session<'_>) -> Vec<Self> {
        let repositories = session.scope.workspaces.first().cloned().map(Self::Repositories);
        repositories.into_iter().chain([Self::Memberships]).collect()
    }

    async fn ask(&self, session: &Session<'_>, round: &mut Round) -> Result<CredentialHeaders, Failure> {
        let (api, client) = (session.api(), session.client());
        match self {
            Self::Repositories(workspace) => {
                let result = round.hear(api, client.repositories_total(workspace.as_str()).await);
                result.map(|answer| answer.meta.credential)
            }
            Self::Memberships => {
                let result = round.hear(api, client.user_workspaces().await);
                result.map(|walk| walk.meta.credential)
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Repositories(workspace) => format!("the list of repositories of {workspace}"),
            Self::Memberships => "the list of workspaces".to_owned(),
        }
    }
}

/// The endpoint that accepts the credential in this round, if one does. The first clear word counts.
pub(super) async fn accepts(session: &Session<'_>, round: &mut Round) -> Option<String> {
    for place in Place::all(session) {
        match place.ask(session, round).await {
            Ok(_) => return Some(place.name()),
            // To know what a token lacks is to know the token.
            Err(failure) if matches!(failure.class, FailureClass::MissingScope { .. }) => return Some(place.name()),
            Err(failure) if failure.is_rejection() => return None,
            Err(_) => {}
        }
    }
    None
}

/// The endpoint that rejects the credential in this round and in which words, if one does and no other knows the
/// credential: one endpoint that alone refuses says nothing of it.
pub(super) async fn rejects(session: &Session<'_>, round: &mut Round) -> Option<(String, Failure)> {
    let mut rejected = None;
    for place in Place::all(session) {
        match place.ask(session, round).await {
            Err(failure) if failure.is_rejection() => rejected = rejected.or(Some((place.name(), failure))),
            // Whatever else is said of the token, or of its account, is said of one that is accepted.
            Ok(_) => return None,
            // Nobody knows whose an empty refusal is, and it may be one.
            Err(failure) if answered(&failure, Heard::Success) => return None,
            Err(_) => {}
        }
    }
    rejected
}

/// The headers about the credential, of the first answer that names its scopes.
pub(super) async fn headers(session: &Session<'_>, round: &mut Round) -> CredentialHeaders {
    for place in Place::all(session) {
        let headers = match place.ask(session, round).await {
            Ok(headers) => headers,
            Err(failure) => failure.meta.credential,
        };
        if headers.granted.is_some() {
            return headers;
        }
    }
    CredentialHeaders::default()
}
