//! What is claimed of one SCM credential: accepted, until when, with which permissions.
//!
//! With the role `integration` our copy speaks for the one saved in Snyk. An `observer` is a token of the same account:
//! it proves what the account may see, and nothing about the validity or the scopes of the token saved in Snyk.
//! Facts: `docs/apis/bitbucket-cloud.md`.

mod expiry;
mod observer;
mod permissions;
mod rotation;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::Reason;
use crate::domain::evidence::{FailedAttempt, Part, ScmCredentialEvidence};
use crate::domain::facts::{ListedToken, RejectionCause, ScmAuthentication};
use crate::domain::fleet::ScmCredential;
use crate::domain::kinds::Role;
use crate::domain::names::CredentialName;
use crate::domain::state::{CredentialState, ListingFailure};

use super::advice::of_listing;
use super::verdict::{Basis, Proven, Verdict, read, slot};
use super::words::{date, listed_of, moment, scm_name};

pub(super) use expiry::Expiry;
use expiry::told_by;
pub(super) use observer::{Movement, Use};
pub(super) use rotation::Sign;

/// Everything known about one credential at one instant.
#[derive(Clone, Copy)]
pub(super) struct Claims<'a> {
    pub(super) name: &'a CredentialName,
    pub(super) watched: &'a ScmCredential,
    pub(super) evidence: Option<&'a ScmCredentialEvidence>,
    pub(super) memory: Option<&'a CredentialState>,
    /// How far our clock is off the SCM's, if so far that no date can be judged.
    pub(super) skew: Option<TimeDelta>,
    /// How late a change may reach Snyk: a use that is not longer ago proves that the token works.
    pub(super) max_lag: TimeDelta,
    pub(super) now: DateTime<Utc>,
}

/// What the admin API lists in the place of the token saved in Snyk.
#[derive(Debug, Clone, Copy)]
enum Listing<'a> {
    /// It was not asked, or not since the token was replaced.
    Untold,
    /// It was asked, and gave no listing.
    Failed(&'a FailedAttempt),
    /// Its complete listing has no such token, or several. What it has instead.
    Absent(&'a ListedToken),
    Found(&'a ListedToken, Basis),
}

impl<'a> Claims<'a> {
    fn scm(&self) -> &'static str {
        scm_name(self.watched.scm)
    }

    fn is_observer(&self) -> bool {
        self.watched.role == Role::Observer
    }

    /// Whether something was observed before our copy was seen to change: it speaks of the token before.
    fn is_before_rotation(&self, observed_at: DateTime<Utc>) -> bool {
        let rotated = self.memory.and_then(|memory| memory.rotated_from.as_ref());
        rotated.is_some_and(|(_, noticed_at)| observed_at < *noticed_at)
    }

    fn listing(&self) -> Listing<'a> {
        let without = || {
            let failed = self.evidence.and_then(|book| book.failures.get(&Part::ListedToken));
            failed.map_or(Listing::Untold, Listing::Failed)
        };
        let Ok(evidence) = read(&slot(self.evidence, Part::ListedToken, |book| &book.listed_token), self.now) else {
            return without();
        };
        match &evidence.value {
            _ if self.is_before_rotation(evidence.observed_at) && !self.is_observer() => without(),
            listed if listed.found => Listing::Found(listed, Basis::of(evidence)),
            listed => Listing::Absent(listed),
        }
    }

    fn listed(&self) -> Option<(&'a ListedToken, Basis)> {
        match self.listing() {
            Listing::Found(listed, basis) => Some((listed, basis)),
            Listing::Absent(_) | Listing::Failed(_) | Listing::Untold => None,
        }
    }

    /// That a complete listing does not tell the token, and what it has.
    fn not_told(&self, found: &ListedToken) -> (Reason, String) {
        let name = self.name;
        if found.matching > 1 {
            let matching = found.matching;
            let message = format!(
                "the admin API lists {matching} tokens with the label and e-mail of {name}: it cannot be told which of \
                 them is saved in Snyk"
            );
            return (Reason::SeveralListed, message);
        }
        let has = match found.labels.as_slice() {
            [] => String::new(),
            labels => format!("; it has the labels {}", listed_of(labels, found.more_labels)),
        };
        let message = format!("the admin API's complete listing has no token with the label and e-mail of {name}{has}");
        (Reason::NotListed, message)
    }

    /// Why there is no listing, in the admin API's own words, where it was asked for one.
    pub(super) fn unlisted(&self) -> Option<ListingFailure> {
        let Listing::Failed(failed) = self.listing() else { return None };
        let (reason, what) = match failed.reason {
            Reason::EndpointRefused => (Reason::AdminApiRefused, "the admin API refuses our key"),
            Reason::EndpointNotFound => (Reason::AdminApiRefused, "the admin API does not find the organisation"),
            reason => (reason, "the admin API gives no listing"),
        };
        let message = format!("{what}: {} (since {})", failed.detail, moment(failed.since));
        Some(ListingFailure { reason, message, next_step: of_listing(reason) })
    }

    /// What is rejected: a version that never worked while the one before did is first of all our own copy.
    fn rejected_copy(&self) -> String {
        let name = self.name;
        if self.is_our_copys_fault() {
            format!("our new copy of {name}, which never worked, while the one before did")
        } else {
            name.to_string()
        }
    }

    fn is_our_copys_fault(&self) -> bool {
        !self.is_observer() && self.memory.is_some_and(CredentialState::never_accepted)
    }

    /// Whether the SCM accepts our copy.
    pub(super) fn accepted(&self) -> Verdict {
        let name = self.name;
        let scm = self.scm();
        let mut verdict = match read(&slot(self.evidence, Part::Authentication, |book| &book.authentication), self.now)
        {
            Err(gap) => gap.verdict(&format!("whether {scm} accepts {name}")),
            Ok(evidence) => {
                let basis = Basis::of(evidence);
                match &evidence.value {
                    ScmAuthentication::Accepted { .. } => {
                        Verdict::holds(Reason::Ok, format!("{scm} accepts {name}"), Proven::by(evidence))
                    }
                    ScmAuthentication::Contradicted { detail } => {
                        Verdict::unknown(Reason::Contradicted, detail.clone())
                    }
                    ScmAuthentication::Rejected(cause) => {
                        let (reason, why) = self.rejection(*cause);
                        let message = format!("{scm} rejects {}: {why}", self.rejected_copy());
                        let is_of_our_copy = self.is_our_copys_fault();
                        Verdict { is_of_our_copy, ..Verdict::fails(reason, message, basis) }
                    }
                }
            }
        };
        verdict.confirming = self.memory.is_some_and(|memory| memory.confirming.is_some());
        verdict
    }

    /// Why it is rejected: an unspecific answer after the known expiry is an expired token.
    fn rejection(&self, cause: RejectionCause) -> (Reason, String) {
        let expired = match self.expiry() {
            Expiry::At(at, source, _) if at <= self.now => Some((at, source)),
            _ => None,
        };
        let listed_as_blocked = self.listed().is_some_and(|(listed, _)| !listed.allowed);
        match (cause, expired) {
            (RejectionCause::AppPasswordRetired, _) => {
                (Reason::CredentialAppPasswordRetired, "app passwords were retired".to_owned())
            }
            (RejectionCause::WrongScheme, _) => (
                Reason::CredentialWrongScheme,
                format!("a token of this kind is sent another way than as {}", self.watched.kind),
            ),
            (_, _) if listed_as_blocked => {
                (Reason::CredentialBlocked, "an administrator of the organisation blocked it".to_owned())
            }
            (RejectionCause::Revoked, _) => (Reason::CredentialRevoked, "it was revoked".to_owned()),
            (_, Some((at, source))) => {
                (Reason::CredentialExpired, format!("it expired on {} ({})", date(at), told_by(source)))
            }
            (RejectionCause::Expired, None) => (Reason::CredentialExpired, "it has expired".to_owned()),
            (RejectionCause::WrongTokenOrEmail, None) => (
                Reason::CredentialWrongTokenOrEmail,
                "expired, revoked, or the token or the e-mail beside it is wrong".to_owned(),
            ),
            (RejectionCause::Unspecified, None) => (Reason::CredentialRejected, "it does not say why".to_owned()),
        }
    }
}
