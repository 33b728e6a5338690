//! When a PAT expires, and whether that is far enough away.

use chrono::{DateTime, Utc};

use crate::domain::condition::Reason;
use crate::domain::evidence::Part;
use crate::domain::facts::{CredentialExpiry, ScmAuthentication};
use crate::domain::fleet::Thresholds;
use crate::domain::kinds::{Source, Truth};
use crate::domain::state::{DeclaredDate, ExpirySource};

use super::super::verdict::{Basis, Proven, Verdict, read, slot};
use super::super::words::{date, span};
use super::{Claims, Listing};

/// When a credential expires, by the best source that tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::health) enum Expiry {
    At(DateTime<Utc>, ExpirySource, Basis),
    Never(ExpirySource, Basis),
    Unknown(Reason),
}

/// Who tells a date, in brackets after it.
pub(super) fn told_by(source: ExpirySource) -> &'static str {
    match source {
        ExpirySource::Api => "as the API says",
        ExpirySource::AdminApi => "as the admin API says",
        ExpirySource::Declared => "declared",
    }
}

impl Claims<'_> {
    /// What stands with the declared date.
    pub(in crate::health) fn declared(&self) -> DeclaredDate {
        let Some(declared) = self.watched.expires_at else { return DeclaredDate::None };
        // An observer's versions say nothing of the PAT that the date was declared for.
        let superseded = !self.is_observer()
            && self.memory.is_some_and(|memory| {
                memory.declared_date == Some(declared)
                    && memory.declared_for.is_some()
                    && memory.declared_for != memory.token_version
            });
        let works_after = !self.is_observer()
            && slot(self.evidence, Part::Authentication, |book| &book.authentication).evidence.is_some_and(
                |evidence| {
                    evidence.observed_at > declared && matches!(evidence.value, ScmAuthentication::Accepted { .. })
                },
            );
        if superseded {
            DeclaredDate::Superseded
        } else if works_after && self.skew.is_none() {
            DeclaredDate::Outdated
        } else {
            DeclaredDate::InForce
        }
    }

    /// When the PAT expires: the SCM's word, then the admin API's, then the declared date.
    pub(in crate::health) fn expiry(&self) -> Expiry {
        let own = read(&slot(self.evidence, Part::Expiry, |book| &book.expiry), self.now).ok();
        // The SCM speaks of our own token, which for an observer is not the one in Snyk; and of the one before the last
        // rotation, where it was asked before that.
        let own = own.filter(|evidence| !self.is_observer() && !self.is_before_rotation(evidence.observed_at));
        if let Some(evidence) = own {
            match evidence.value {
                CredentialExpiry::At { at, .. } => return Expiry::At(at, ExpirySource::Api, Basis::of(evidence)),
                CredentialExpiry::Never => return Expiry::Never(ExpirySource::Api, Basis::of(evidence)),
                CredentialExpiry::Untold => {}
            }
        }
        match self.listing() {
            Listing::Found(listed, basis) => {
                return match listed.expires_at {
                    Some(at) => Expiry::At(at, ExpirySource::AdminApi, basis),
                    None => Expiry::Never(ExpirySource::AdminApi, basis),
                };
            }
            // A declared date is the operator's word on a token that is not there.
            Listing::Absent(found) => return Expiry::Unknown(self.not_told(found).0),
            Listing::Failed(_) | Listing::Untold => {}
        }
        match (self.declared(), self.watched.expires_at) {
            (DeclaredDate::InForce, Some(at)) => Expiry::At(at, ExpirySource::Declared, Basis::default()),
            (DeclaredDate::Superseded, _) => Expiry::Unknown(Reason::Superseded),
            (DeclaredDate::Outdated, _) => Expiry::Unknown(Reason::DeclaredDateOutdated),
            // Before anybody was asked, nobody can be said not to tell.
            _ if slot(self.evidence, Part::Authentication, |book| &book.authentication).evidence.is_none() => {
                Expiry::Unknown(Reason::NotObserved)
            }
            _ => Expiry::Unknown(self.unlisted().map_or(Reason::ExpiryUnknown, |unlisted| unlisted.reason)),
        }
    }

    /// The condition `CredentialFresh`. Where the admin API was asked in vain, its answer stands beside what is not known,
    /// and beside a date that is only declared.
    pub(in crate::health) fn fresh(&self, thresholds: &Thresholds) -> Verdict {
        let mut verdict = self.fresh_as_told(thresholds);
        let is_measured = verdict.truth != Truth::Unknown && verdict.source != Source::Declared;
        if let Some(unlisted) = self.unlisted().filter(|_| !is_measured) {
            verdict.message = format!("{}; {}", verdict.message, unlisted.message);
        }
        verdict
    }

    fn fresh_as_told(&self, thresholds: &Thresholds) -> Verdict {
        let name = self.name;
        let (at, source, basis) = match self.expiry() {
            Expiry::Never(source, basis) => {
                return Verdict::holds(
                    Reason::NeverExpires,
                    format!("{name} has no expiry ({})", told_by(source)),
                    Proven::at(basis),
                );
            }
            Expiry::Unknown(Reason::NotObserved) => {
                let asked = slot(self.evidence, Part::Authentication, |book| &book.authentication);
                let what = format!("when {name} expires");
                let not_observed = || Verdict::unknown(Reason::NotObserved, format!("{what}: not observed yet"));
                return read(&asked, self.now).map_or_else(|gap| gap.verdict(&what), |_| not_observed());
            }
            Expiry::Unknown(reason) => {
                let message = match reason {
                    Reason::Superseded => {
                        format!("{name} was rotated: its declared expiry belongs to the token before")
                    }
                    Reason::DeclaredDateOutdated => format!("{name} still works after its declared expiry"),
                    Reason::NotListed | Reason::SeveralListed => match self.listing() {
                        Listing::Absent(found) => self.not_told(found).1,
                        _ => format!("the expiry of {name} is unknown"),
                    },
                    Reason::ExpiryUnknown => format!("nobody tells when {name} expires"),
                    _ => format!("the expiry of {name} is unknown"),
                };
                return Verdict::unknown(reason, message);
            }
            Expiry::At(at, source, basis) => (at, source, basis),
        };
        if let Some(skew) = self.skew {
            return Verdict::unknown(Reason::ClockSkewed, format!("our clock is off by {}", span(skew.abs())));
        }
        let day = date(at);
        let verdict = if at <= self.now {
            Verdict::fails(Reason::CredentialExpired, format!("{name} expired on {day} ({})", told_by(source)), basis)
        } else if at - self.now <= thresholds.fresh_for {
            let left = span(at - self.now);
            Verdict::fails(
                Reason::CredentialExpiring,
                format!("{name} expires on {day}, in {left} ({})", told_by(source)),
                basis,
            )
        } else {
            Verdict::holds(Reason::Ok, format!("{name} is valid until {day} ({})", told_by(source)), Proven::at(basis))
        };
        if source == ExpirySource::Declared { verdict.declared() } else { verdict }
    }
}
