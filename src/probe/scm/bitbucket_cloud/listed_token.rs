//! The organisation admin's word on the token that is saved in Snyk: allowed, expiry, creation, last use. It also speaks
//! when our own copy is another token (an observer's). Asked when half of the evidence's life is over, and after a
//! rotation.

use std::collections::BTreeSet;

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

/// Labels that are kept of a listing without the token: a hint for a person, of a list that may be long.
const LABELS_KEPT: usize = 10;

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
            let matching = matching(&walk.items, admin.label.as_deref(), admin.email.as_deref());
            let token = only_one(&matching);
            if let (Some(token), Role::Integration) = (token, session.scope.credential.role)
                && let Some(id) = session.scope.known.and_then(token_id)
            {
                round.observe(Assumption::TokenIdIsListed, token.id == id);
            }
            let labels = if matching.is_empty() { labels_of(&walk.items, admin.email.as_deref()) } else { Vec::new() };
            round.find(Finding::ListedToken(session.scope.name.clone(), listed(&matching, labels)));
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

/// The tokens that fit label and e-mail.
fn matching<'a>(tokens: &'a [ManagedToken], label: Option<&str>, email: Option<&str>) -> Vec<&'a ManagedToken> {
    if label.is_none() && email.is_none() {
        return Vec::new();
    }
    let has_label = |token: &&ManagedToken| label.is_none_or(|label| token.label.as_deref() == Some(label));
    tokens.iter().filter(has_label).filter(|token| is_of(token, email)).collect()
}

/// Several that fit prove nothing about any of them.
fn only_one<'a>(matching: &[&'a ManagedToken]) -> Option<&'a ManagedToken> {
    match matching {
        [token] => Some(token),
        _ => None,
    }
}

/// Whether it is the token of the owner of this e-mail address; without one, of anybody.
fn is_of(token: &ManagedToken, email: Option<&str>) -> bool {
    email.is_none_or(|email| token.owner_email.as_deref().is_some_and(|owner| owner.eq_ignore_ascii_case(email)))
}

/// The labels of one person's tokens, or of all: what a label that is not among them was meant to be.
fn labels_of(tokens: &[ManagedToken], email: Option<&str>) -> Vec<String> {
    let labels: BTreeSet<&str> =
        tokens.iter().filter(|token| is_of(token, email)).filter_map(|token| token.label.as_deref()).collect();
    labels.into_iter().map(str::to_owned).collect()
}

fn listed(matching: &[&ManagedToken], mut labels: Vec<String>) -> ListedToken {
    let token = only_one(matching);
    let more_labels = labels.len().saturating_sub(LABELS_KEPT);
    labels.truncate(LABELS_KEPT);
    ListedToken {
        found: token.is_some(),
        allowed: token.is_some_and(|token| token.status != ManagedTokenStatus::Blocked),
        created_at: token.and_then(|token| token.created_at),
        expires_at: token.and_then(|token| token.expires_at),
        last_active_at: token.and_then(|token| token.last_active_at),
        matching: matching.len(),
        labels,
        more_labels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: &str, label: &str, email: &str) -> ManagedToken {
        ManagedToken {
            id: id.to_owned(),
            label: Some(label.to_owned()),
            status: ManagedTokenStatus::Allowed,
            created_at: None,
            expires_at: None,
            last_active_at: None,
            owner_email: Some(email.to_owned()),
            owner_account_id: None,
        }
    }

    #[test]
    fn exactly_one_token_must_fit() {
        let tokens = [
            token("1", "snyk", "bot@acme.example"),
            token("2", "ci", "bot@acme.example"),
            token("3", "snyk", "somebody@acme.example"),
        ];
        let check = |label: Option<&str>, email: Option<&str>, expected: Option<&str>| {
            let found = only_one(&matching(&tokens, label, email)).map(|token| token.id.as_str());
            assert_eq!(found, expected, "{label:?} {email:?}");
        };
        check(Some("snyk"), Some("Bot@acme.example"), Some("1"));
        check(Some("ci"), None, Some("2"));
        check(Some("snyk"), None, None);
        check(None, Some("bot@acme.example"), None);
        check(None, Some("somebody@acme.example"), Some("3"));
        check(None, None, None);
        check(Some("gone"), Some("bot@acme.example"), None);
        let several = listed(&matching(&tokens, Some("snyk"), None), Vec::new());
        assert_eq!((several.found, several.matching), (false, 2));
    }

    #[test]
    fn labels_are_told_each_once_and_only_the_first_of_many() {
        let tokens = [token("1", "snyk", "bot@acme.example"), token("2", "ci", "bot@acme.example")];
        assert_eq!(labels_of(&tokens, Some("Bot@acme.example")), ["ci", "snyk"]);
        assert_eq!(labels_of(&tokens, Some("gone@acme.example")), [""; 0]);
        let mut many: Vec<_> = (0..25).map(|n| token("x", &format!("label-{n:02}"), "one@acme.example")).collect();
        many.push(token("y", "label-00", "other@acme.example"));
        let found = listed(&[], labels_of(&many, None));
        assert_eq!((found.labels.len(), found.more_labels, found.matching), (LABELS_KEPT, 15, 0));
        assert_eq!(found.labels[0], "label-00");
    }
}
