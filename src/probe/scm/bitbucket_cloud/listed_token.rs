//! The organisation admin's word on the token that is saved in Snyk: allowed, expiry, creation, last use. It also speaks
//! when our own copy is another token (an observer's). Asked when half of the evidence's life is over, and after a
//! rotation.

use super::AdminListing;
use super::session::Session;
use crate::client::atlassian_admin::{ManagedToken, ManagedTokenStatus};
use crate::domain::evidence::Part;
use crate::domain::evidence::ScmCredentialEvidence;
use crate::domain::facts::{ListedToken, ScmAuthentication};
use crate::domain::kinds::Role;
use crate::domain::names::ApiName;
use crate::domain::work::Finding;
use crate::probe::assumptions::Assumption;
use crate::probe::round::Round;
use crate::probe::scm::is_due;

/// The admin API as metrics and incidents name it.
const API: &str = "atlassian-admin";

pub(super) async fn run(session: &Session<'_>, round: &mut Round) {
    let Some(admin) = &session.target.admin else { return };
    let known = session.scope.known.and_then(|known| known.listed_token.as_ref());
    let is_recent = known.is_some_and(|evidence| !is_due(evidence.observed_at, evidence.max_age, round.started_at));
    if is_recent && !session.scope.has_new_secret {
        return;
    }
    let api = ApiName::from(API);
    match round.hear(&api, admin.client.api_tokens().await) {
        Ok(walk) => {
            let token = only_match(&walk.items, admin);
            if let (Some(token), Role::Integration) = (token, session.scope.credential.role)
                && let Some(id) = session.scope.known.and_then(token_id)
            {
                round.observe(Assumption::TokenIdIsListed, token.id == id);
            }
            let labels = if token.is_none() { labels_of(&walk.items, admin.email.as_deref()) } else { Vec::new() };
            round.find(Finding::ListedToken(session.scope.name.clone(), listed(token, labels)));
        }
        Err(failure) => round.fail(&api, Part::ListedToken, "list the organisation's API tokens", &failure),
    }
}

fn token_id(known: &ScmCredentialEvidence) -> Option<&str> {
    match &known.authentication.as_ref()?.value {
        ScmAuthentication::Accepted { token_id, .. } => token_id.as_deref(),
        ScmAuthentication::Rejected(_) | ScmAuthentication::Contradicted { .. } => None,
    }
}

/// The one token that fits label and e-mail; several that fit prove nothing about any of them.
fn only_match<'a>(tokens: &'a [ManagedToken], admin: &AdminListing) -> Option<&'a ManagedToken> {
    only_one(tokens, admin.label.as_deref(), admin.email.as_deref())
}

fn only_one<'a>(tokens: &'a [ManagedToken], label: Option<&str>, email: Option<&str>) -> Option<&'a ManagedToken> {
    if label.is_none() && email.is_none() {
        return None;
    }
    let fits = |token: &&ManagedToken| {
        let has_label = label.is_none_or(|label| token.label.as_deref() == Some(label));
        let owner = token.owner_email.as_deref().unwrap_or_default();
        has_label && email.is_none_or(|email| owner.eq_ignore_ascii_case(email))
    };
    let mut fitting = tokens.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(token), None) => Some(token),
        _ => None,
    }
}

/// The labels of one person's tokens: what a label that is not among them was meant to be.
fn labels_of(tokens: &[ManagedToken], email: Option<&str>) -> Vec<String> {
    let Some(email) = email else { return Vec::new() };
    let is_theirs =
        |token: &&ManagedToken| token.owner_email.as_deref().is_some_and(|owner| owner.eq_ignore_ascii_case(email));
    let mut labels: Vec<_> = tokens.iter().filter(is_theirs).filter_map(|token| token.label.clone()).collect();
    labels.sort();
    labels
}

fn listed(token: Option<&ManagedToken>, labels: Vec<String>) -> ListedToken {
    ListedToken {
        found: token.is_some(),
        allowed: token.is_some_and(|token| token.status != ManagedTokenStatus::Blocked),
        created_at: token.and_then(|token| token.created_at),
        expires_at: token.and_then(|token| token.expires_at),
        last_active_at: token.and_then(|token| token.last_active_at),
        labels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_token_must_fit() {
        let token = |id: &str, label: &str, email: &str| ManagedToken {
            id: id.to_owned(),
            label: Some(label.to_owned()),
            status: ManagedTokenStatus::Allowed,
            created_at: None,
            expires_at: None,
            last_active_at: None,
            owner_email: Some(email.to_owned()),
            owner_account_id: None,
        };
        let tokens = [
            token("1", "snyk", "bot@acme.example"),
            token("2", "ci", "bot@acme.example"),
            token("3", "snyk", "somebody@acme.example"),
        ];
        let check = |label: Option<&str>, email: Option<&str>, expected: Option<&str>| {
            let found = only_one(&tokens, label, email).map(|token| token.id.as_str());
            assert_eq!(found, expected, "{label:?} {email:?}");
        };
        check(Some("snyk"), Some("Bot@acme.example"), Some("1"));
        check(Some("ci"), None, Some("2"));
        check(Some("snyk"), None, None);
        check(None, Some("bot@acme.example"), None);
        check(None, Some("somebody@acme.example"), Some("3"));
        check(None, None, None);
        check(Some("gone"), Some("bot@acme.example"), None);
        assert_eq!(
            listed(None, labels_of(&tokens, Some("Bot@acme.example"))),
            ListedToken {
                found: false,
                allowed: false,
                created_at: None,
                expires_at: None,
                last_active_at: None,
                labels: vec!["ci".to_owned(), "snyk".to_owned()]
            }
        );
        // Without an e-mail address nobody's tokens are meant.
        assert_eq!(labels_of(&tokens, None), Vec::<String>::new());
    }
}
