//! Why a credential is rejected, as far as the answer, the token's first letters and what was known before tell.
//!
//! Bitbucket Cloud answers an unknown, a revoked and an expired API token and a wrong e-mail address alike. What worked
//! before was typed correctly, so its rejection is not blamed on the e-mail address.

use chrono::{DateTime, Utc};

use super::CredentialKind;
use super::session::Session;
use crate::client::answer::Failure;
use crate::client::bitbucket_cloud::TokenKind;
use crate::domain::evidence::ScmCredentialEvidence;
use crate::domain::facts::{RejectionCause, ScmAuthentication};

/// Everything that bears on the cause.
struct Clues<'a> {
    kind: CredentialKind,
    token: TokenKind,
    /// The answer's own words.
    words: &'a str,
    known: Option<&'a ScmCredentialEvidence>,
    declared_expiry: Option<DateTime<Utc>>,
}

/// The cause of this rejection.
pub(super) fn cause(session: &Session<'_>, failure: &Failure, now: DateTime<Utc>) -> RejectionCause {
    let clues = Clues {
        kind: session.target.kind,
        token: session.target.token,
        words: &failure.detail,
        known: session.scope.known,
        declared_expiry: session.scope.credential.expires_at,
    };
    cause_by(&clues, now)
}

fn cause_by(clues: &Clues<'_>, now: DateTime<Utc>) -> RejectionCause {
    match (clues.kind, clues.token) {
        (CredentialKind::AppPassword, TokenKind::Unknown) => return RejectionCause::AppPasswordRetired,
        (CredentialKind::ApiTokenAlone | CredentialKind::AccessToken, TokenKind::ApiToken)
        | (CredentialKind::ApiTokenWithEmail | CredentialKind::AppPassword, TokenKind::AccessToken) => {
            return RejectionCause::WrongScheme;
        }
        _ => {}
    }
    let words = clues.words.to_ascii_lowercase();
    // The usual text says "invalid, expired, or not supported", which tells nothing.
    let names_one = |word: &str| words.contains(word) && !words.contains("invalid");
    if names_one("expired") {
        return RejectionCause::Expired;
    }
    if names_one("revoked") {
        return RejectionCause::Revoked;
    }
    let listed = clues.known.and_then(|known| known.listed_token.as_ref()).map(|evidence| &evidence.value);
    let listed = listed.filter(|listed| listed.found);
    let listed_expiry = listed.and_then(|listed| listed.expires_at);
    if [listed_expiry, clues.declared_expiry].into_iter().flatten().any(|at| at <= now) {
        return RejectionCause::Expired;
    }
    if listed.is_some_and(|listed| !listed.allowed) {
        return RejectionCause::Revoked;
    }
    let earlier = clues.known.and_then(|known| known.authentication.as_ref()).map(|evidence| &evidence.value);
    let once_worked = matches!(
        earlier,
        Some(ScmAuthentication::Accepted { .. } | ScmAuthentication::Rejected(RejectionCause::Unspecified))
    );
    let has_partner = matches!(clues.kind, CredentialKind::ApiTokenWithEmail | CredentialKind::AppPassword);
    if has_partner && !once_worked { RejectionCause::WrongTokenOrEmail } else { RejectionCause::Unspecified }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::CredentialKind::{AccessToken, ApiTokenAlone, ApiTokenWithEmail, AppPassword, OAuthConsumer};
    use super::*;
    use crate::domain::evidence::Evidence;
    use crate::domain::facts::ListedToken;
    use crate::domain::work::ProbeKind;

    const USUAL: &str = "the API answered 401: Token is invalid, expired, or not supported for this endpoint.";

    fn evidence<T>(value: T) -> Evidence<T> {
        let (observed_at, max_age) = (DateTime::UNIX_EPOCH, TimeDelta::hours(1));
        Evidence {
            value,
            observed_at,
            probe: ProbeKind::ScmCredential,
            max_age,
            revision: crate::domain::names::Revision::default(),
            restored_until: None,
        }
    }

    #[test]
    fn a_cause_is_named_where_something_tells_it() {
        let now: DateTime<Utc> = "2026-11-23T09:00:00Z".parse().unwrap();
        let check = |kind, token, words, expected| {
            let clues = Clues { kind, token, words, known: None, declared_expiry: None };
            assert_eq!(cause_by(&clues, now), expected, "{kind:?} {token:?} {words}");
        };
        check(AppPassword, TokenKind::Unknown, "", RejectionCause::AppPasswordRetired);
        check(AppPassword, TokenKind::ApiToken, "", RejectionCause::WrongTokenOrEmail);
        check(ApiTokenAlone, TokenKind::ApiToken, USUAL, RejectionCause::WrongScheme);
        check(ApiTokenWithEmail, TokenKind::AccessToken, "", RejectionCause::WrongScheme);
        check(AccessToken, TokenKind::ApiToken, USUAL, RejectionCause::WrongScheme);
        check(ApiTokenWithEmail, TokenKind::ApiToken, "", RejectionCause::WrongTokenOrEmail);
        check(ApiTokenWithEmail, TokenKind::Unknown, USUAL, RejectionCause::WrongTokenOrEmail);
        check(AccessToken, TokenKind::AccessToken, USUAL, RejectionCause::Unspecified);
        check(
            OAuthConsumer,
            TokenKind::Unknown,
            "the API answered 401: Access token expired.",
            RejectionCause::Expired,
        );
        check(AccessToken, TokenKind::AccessToken, "the API answered 401: Token revoked.", RejectionCause::Revoked);
    }

    #[test]
    fn what_was_known_before_tells_the_cause() {
        let now: DateTime<Utc> = "2026-11-23T09:00:00Z".parse().unwrap();
        let check = |known: ScmCredentialEvidence, declared: Option<DateTime<Utc>>, expected| {
            let clues = Clues {
                kind: CredentialKind::ApiTokenWithEmail,
                token: TokenKind::ApiToken,
                words: "",
                known: Some(&known),
                declared_expiry: declared,
            };
            assert_eq!(cause_by(&clues, now), expected);
        };
        let listed = |allowed, expires_at| ScmCredentialEvidence {
            listed_token: Some(evidence(ListedToken {
                found: true,
                allowed,
                created_at: None,
                expires_at,
                last_active_at: None,
                matching: 1,
                labels: Vec::new(),
                more_labels: 0,
            })),
            ..ScmCredentialEvidence::default()
        };
        let before =
            |value| ScmCredentialEvidence { authentication: Some(evidence(value)), ..ScmCredentialEvidence::default() };
        let accepted = ScmAuthentication::Accepted { account: None, token_id: None, scopes: None };
        check(ScmCredentialEvidence::default(), Some(now), RejectionCause::Expired);
        check(ScmCredentialEvidence::default(), Some(now + TimeDelta::days(1)), RejectionCause::WrongTokenOrEmail);
        check(listed(true, Some(now - TimeDelta::days(1))), None, RejectionCause::Expired);
        check(listed(false, None), None, RejectionCause::Revoked);
        check(before(accepted), None, RejectionCause::Unspecified);
        check(before(ScmAuthentication::Rejected(RejectionCause::Unspecified)), None, RejectionCause::Unspecified);
        let wrong = ScmAuthentication::Rejected(RejectionCause::WrongTokenOrEmail);
        check(before(wrong), None, RejectionCause::WrongTokenOrEmail);
    }
}
