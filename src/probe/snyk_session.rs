//! One Snyk token in one round: asks `/self` once, and only when a denial has to be understood.

use super::judgement::{Standing, Verdict, denial, judge};
use super::round::Round;
use super::targets::SnykTarget;
use crate::client::answer::{Answer, Failure};
use crate::client::snyk::{Identity, IdentityKind, SnykClient};
use crate::domain::evidence::{EvidenceBook, Part};
use crate::domain::facts::{CredentialExpiry, SnykAuthentication, SnykRejectionCause};
use crate::domain::names::{ApiName, CredentialName, GroupId};
use crate::domain::work::Finding;

/// A Snyk token in one round.
#[derive(Debug)]
pub(super) struct SnykSession<'a> {
    pub(super) name: &'a CredentialName,
    pub(super) api: &'a ApiName,
    pub(super) target: &'a SnykTarget,
    book: &'a EvidenceBook,
    standing: Option<Standing>,
    /// A Group that is asked before a rejection is believed.
    witness: Option<GroupId>,
}

impl<'a> SnykSession<'a> {
    pub(super) fn new(
        name: &'a CredentialName,
        api: &'a ApiName,
        target: &'a SnykTarget,
        book: &'a EvidenceBook,
    ) -> Self {
        Self { name, api, target, book, standing: None, witness: None }
    }

    pub(super) fn client(&self) -> &'a SnykClient {
        &self.target.client
    }

    /// Asks this Group too before a rejection by `/self` is believed.
    pub(super) fn with_witness(&mut self, group: Option<GroupId>) {
        self.witness = group;
    }

    /// Asks `/self` and takes down what it proves.
    pub(super) async fn identify(&mut self, round: &mut Round) -> Result<Answer<Identity>, Failure> {
        let result = round.hear(self.api, self.client().identity().await);
        let (standing, authentication) = match &result {
            Ok(answer) => (Standing::Accepted, Some(accepted(&answer.value))),
            Err(failure) if failure.is_rejection() && self.answers_elsewhere(round).await => {
                let detail = format!("`/self`: {}; other requests of the same round were answered", failure.detail);
                (Standing::Unclear, Some(SnykAuthentication::Contradicted { detail }))
            }
            Err(failure) if failure.is_rejection() => {
                let foreign_host = self.client().foreign_token_host().filter(|_| !self.was_accepted());
                let cause = rejection_cause(foreign_host, self.has_expired(round));
                (Standing::Rejected, Some(SnykAuthentication::Rejected(cause)))
            }
            Err(_) => (Standing::Unclear, None),
        };
        self.standing = Some(standing);
        if let Some(authentication) = authentication {
            round.find(Finding::SnykAuthentication(self.name.clone(), authentication));
        }
        result
    }

    /// Whether another endpoint accepts the token in this round: then `/self` speaks of something else than the token.
    async fn answers_elsewhere(&self, round: &mut Round) -> bool {
        if round.has_success(self.api) {
            return true;
        }
        match self.witness {
            Some(group) => round.hear(self.api, self.client().group(group.0).await).is_ok(),
            None => false,
        }
    }

    fn has_expired(&self, round: &Round) -> bool {
        let expiry = self.book.snyk_tokens.get(self.name).and_then(|token| token.expiry.as_ref());
        matches!(expiry.map(|evidence| evidence.value), Some(CredentialExpiry::At { at, .. }) if at <= round.started_at)
    }

    /// What this API accepted before is not of another region, whatever host the token names: an API behind a proxy or
    /// under a name of its own has another host too. A rejection for another cause came after that, so it counts alike.
    fn was_accepted(&self) -> bool {
        let known = self.book.snyk_tokens.get(self.name).and_then(|token| token.authentication.as_ref());
        known.is_some_and(|evidence| {
            !matches!(evidence.value, SnykAuthentication::Rejected(SnykRejectionCause::WrongRegion { .. }))
        })
    }

    async fn standing(&mut self, round: &mut Round) -> Standing {
        if let Some(standing) = self.standing {
            return standing;
        }
        if let Err(failure) = self.identify(round).await
            && !failure.is_rejection()
        {
            round.fail(self.api, Part::Authentication, "ask who the token is", &failure);
        }
        self.standing.unwrap_or(Standing::Unclear)
    }

    /// What a failure on a target proves; asks `/self` when it is a denial. An inconclusive failure is taken down.
    pub(super) async fn judge(&mut self, round: &mut Round, part: Part, attempt: &str, failure: &Failure) -> Verdict {
        let standing = match denial(failure) {
            Some(_) => self.standing(round).await,
            None => Standing::Unclear,
        };
        let verdict = judge(failure, standing);
        if verdict == Verdict::Inconclusive {
            round.fail(self.api, part, attempt, failure);
        }
        verdict
    }

    /// Takes down a failure that proves nothing about its target even when it is a denial, such as a list that needs
    /// a right of its own. Still asks `/self`, because a rejected token must not wait for its own probe.
    pub(super) async fn concede(&mut self, round: &mut Round, part: Part, attempt: &str, failure: &Failure) -> Verdict {
        let verdict = self.judge(round, part, attempt, failure).await;
        if let Verdict::Denied(_) = verdict {
            round.fail(self.api, part, attempt, failure);
        }
        verdict
    }
}

fn accepted(identity: &Identity) -> SnykAuthentication {
    let principal = match &identity.kind {
        IdentityKind::User => "user",
        IdentityKind::ServiceAccount => "service_account",
        IdentityKind::AppInstance => "app_instance",
        IdentityKind::Other(word) => word,
    };
    SnykAuthentication::Accepted {
        principal: principal.to_owned(),
        id: identity.id.clone(),
        name: identity.name.clone(),
    }
}

/// Why Snyk rejects the token: it answers unknown, revoked, expired and foreign tokens alike, so only what was known
/// before can tell.
fn rejection_cause(foreign_host: Option<&str>, has_expired: bool) -> SnykRejectionCause {
    match foreign_host {
        Some(host) => SnykRejectionCause::WrongRegion { token_host: host.to_owned() },
        None if has_expired => SnykRejectionCause::Expired,
        None => SnykRejectionCause::Unspecified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_names_what_is_known() {
        let wrong_region = SnykRejectionCause::WrongRegion { token_host: "api.eu.snyk.io".to_owned() };
        assert_eq!(rejection_cause(Some("api.eu.snyk.io"), true), wrong_region);
        assert_eq!(rejection_cause(None, true), SnykRejectionCause::Expired);
        assert_eq!(rejection_cause(None, false), SnykRejectionCause::Unspecified);
    }
}
