//! Probe `snyk_token`: does Snyk accept the token, and when does it expire.
//!
//! Requests: `/self`, and one for the expiry (a service account is looked for in at most [`MOST_LOOKUPS`] places): some
//! 24 an hour at the default interval of five minutes.
//!
//! Who tells the expiry depends on whose token it is (`docs/apis/snyk.md`, credentials): a user's own list of tokens;
//! for a service account the Group or Organization it belongs to, by the id in `/self`; nobody for OAuth clients and
//! legacy keys, which have none. Not being allowed to look is no failure: the expiry is *untold*.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::assumptions::Assumption;
use super::judgement::{answered, denial};
use super::round::Round;
use super::snyk_session::SnykSession;
use crate::client::answer::{Answer, Failure};
use crate::client::snyk::{Identity, IdentityKind, PersonalAccessToken, ServiceAccount, TokenKind};
use crate::domain::evidence::Part;
use crate::domain::facts::CredentialExpiry;
use crate::domain::fleet::Fleet;
use crate::domain::kinds::Source;
use crate::domain::names::{GroupId, OrganizationId};
use crate::domain::work::Finding;

/// Groups and Organizations in which one run looks for a service account.
const MOST_LOOKUPS: usize = 3;

/// Where a service account may be defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    Group(Uuid),
    Organization(Uuid),
}

/// Runs the probe.
pub(super) async fn run(
    session: &mut SnykSession<'_>,
    fleet: &Fleet,
    organizations: &[OrganizationId],
    round: &mut Round,
) {
    let witness = groups(session, fleet).next();
    session.with_witness(witness);
    let identity = match session.identify(round).await {
        Ok(answer) => answer.value,
        Err(failure) => {
            if !failure.is_rejection() {
                round.fail(session.api, Part::Authentication, "ask who the token is", &failure);
            }
            return;
        }
    };
    let expiry = match (identity.kind.clone(), session.client().token_shape().map(|shape| shape.kind)) {
        // OAuth: the access token is renewed by itself, the client secret states no end.
        (_, None | Some(TokenKind::LegacyKey)) => Some(CredentialExpiry::Never),
        (IdentityKind::User, Some(_)) => of_user(session, round).await,
        (IdentityKind::ServiceAccount, Some(_)) => {
            let homes = homes(session, fleet, organizations);
            of_service_account(session, &identity, &homes, round).await
        }
        (IdentityKind::AppInstance | IdentityKind::Other(_), Some(_)) => Some(CredentialExpiry::Untold),
    };
    if let Some(expiry) = expiry {
        round.find(Finding::SnykTokenExpiry(session.name.clone(), expiry));
    }
}

/// The Groups that are watched with this token.
fn groups(session: &SnykSession<'_>, fleet: &Fleet) -> impl Iterator<Item = GroupId> {
    let name = session.name;
    let groups = fleet.integrations.values().filter_map(|integration| integration.group.as_ref());
    groups.filter(move |group| &group.snyk == name).map(|group| group.id)
}

/// The Groups and Organizations that are watched with this token.
fn homes(session: &SnykSession<'_>, fleet: &Fleet, organizations: &[OrganizationId]) -> Vec<Home> {
    let mut homes: Vec<Home> = groups(session, fleet).map(|group| Home::Group(group.0)).collect();
    homes.dedup();
    homes.extend(organizations.iter().map(|organization| Home::Organization(organization.0)));
    homes.truncate(MOST_LOOKUPS);
    homes
}

async fn of_user(session: &SnykSession<'_>, round: &mut Round) -> Option<CredentialExpiry> {
    match round.hear(session.api, session.client().personal_access_tokens().await) {
        Ok(walk) => Some(expiry_among(&walk.items, session.target.token_label.as_deref(), round.started_at)),
        Err(failure) => untold_or_failed(session, &failure, "list the user's tokens", round),
    }
}

/// The expiry of the labelled token; without a label the soonest that lies ahead: the list does not say which token is
/// ours, and a token that has passed its end cannot be the one that just worked. A label that fits none, or several, tells
/// nothing of ours.
fn expiry_among(tokens: &[PersonalAccessToken], label: Option<&str>, now: DateTime<Utc>) -> CredentialExpiry {
    let mut labelled = tokens.iter().filter(|token| label.is_some() && token.label.as_deref() == label);
    let ours = match (labelled.next(), labelled.next()) {
        (Some(token), None) => token.expires_at,
        _ if label.is_some() => None,
        _ => tokens.iter().filter_map(|token| token.expires_at).filter(|at| *at > now).min(),
    };
    ours.map_or(CredentialExpiry::Untold, measured)
}

fn measured(at: DateTime<Utc>) -> CredentialExpiry {
    CredentialExpiry::At { at, source: Source::Measured }
}

async fn of_service_account(
    session: &SnykSession<'_>,
    identity: &Identity,
    homes: &[Home],
    round: &mut Round,
) -> Option<CredentialExpiry> {
    for home in homes {
        let asked: Result<Answer<ServiceAccount>, Failure> = match home {
            Home::Group(group) => session.client().group_service_account(*group, &identity.id).await,
            Home::Organization(organization) => {
                session.client().organization_service_account(*organization, &identity.id).await
            }
        };
        match round.hear(session.api, asked) {
            Ok(answer) => {
                round.observe(Assumption::SelfIsServiceAccount, true);
                return Some(service_account_expiry(&answer.value));
            }
            Err(failure) if denial(&failure).is_some() => {
                if !answered(&failure, round.heard(session.api)) {
                    // 404: the accounts of this home may be read, and this id is none of them.
                    round.observe(Assumption::SelfIsServiceAccount, false);
                }
            }
            Err(failure) => {
                round.fail(session.api, Part::Expiry, "read the service account", &failure);
                return None;
            }
        }
    }
    Some(CredentialExpiry::Untold)
}

fn service_account_expiry(account: &ServiceAccount) -> CredentialExpiry {
    match (account.access_token_expires_at, account.auth_type.as_deref()) {
        (Some(at), _) => measured(at),
        (None, Some("api_key" | "oauth_client_secret" | "oauth_private_key_jwt")) => CredentialExpiry::Never,
        (None, _) => CredentialExpiry::Untold,
    }
}

/// A denial leaves the expiry untold; anything else failed.
fn untold_or_failed(
    session: &SnykSession<'_>,
    failure: &Failure,
    attempt: &str,
    round: &mut Round,
) -> Option<CredentialExpiry> {
    if denial(failure).is_some() {
        return Some(CredentialExpiry::Untold);
    }
    round.fail(session.api, Part::Expiry, attempt, failure);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labelled_token_counts_and_without_a_label_the_soonest() {
        let now: DateTime<Utc> = "2026-11-23T09:00:00Z".parse().unwrap();
        let token = |label: &str, day: Option<&str>| PersonalAccessToken {
            id: label.to_owned(),
            label: Some(label.to_owned()),
            created_at: None,
            expires_at: day.map(|day| format!("{day}T00:00:00Z").parse().unwrap()),
        };
        let tokens = [
            token("old", Some("2026-11-01")),
            token("monitor", Some("2027-02-01")),
            token("laptop", Some("2026-12-01")),
            token("twin", Some("2027-03-01")),
            token("twin", Some("2027-04-01")),
            token("endless", None),
        ];
        let check = |label: Option<&str>, day: Option<&str>| {
            let expected = day.map(|day| format!("{day}T00:00:00Z").parse().unwrap());
            let expected = expected.map_or(CredentialExpiry::Untold, measured);
            assert_eq!(expiry_among(&tokens, label, now), expected, "{label:?}");
        };
        check(None, Some("2026-12-01"));
        check(Some("monitor"), Some("2027-02-01"));
        check(Some("nobody"), None);
        check(Some("twin"), None);
        check(Some("endless"), None);
        assert_eq!(expiry_among(&[], None, now), CredentialExpiry::Untold);
    }

    #[test]
    fn a_service_account_without_an_end_has_none_by_its_kind() {
        let account = |kind: &str| ServiceAccount {
            id: String::new(),
            name: None,
            auth_type: Some(kind.to_owned()),
            created_at: None,
            access_token_expires_at: None,
        };
        assert_eq!(service_account_expiry(&account("api_key")), CredentialExpiry::Never);
        assert_eq!(service_account_expiry(&account("access_token")), CredentialExpiry::Untold);
    }
}
