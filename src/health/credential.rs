//! What is claimed of one SCM credential: accepted, until when, with which permissions.
//!
//! With the role `integration` our copy speaks for the one saved in Snyk. An `observer` is a token of the same account:
//! it proves what the account may see, and nothing about the validity or the scopes of the token saved in Snyk.
//! Facts: `docs/apis/bitbucket-cloud.md`.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::{Proof, Reason};
use crate::domain::evidence::{Part, ScmCredentialEvidence};
use crate::domain::facts::{CredentialExpiry, ListedToken, PermissionProof, RejectionCause, ScmAuthentication};
use crate::domain::fleet::{ScmCredential, Thresholds};
use crate::domain::kinds::{Role, Truth};
use crate::domain::names::CredentialName;
use crate::domain::permission::{Permission, describe};
use crate::domain::state::{CredentialState, DeclaredDate, ExpirySource};

use super::verdict::{Basis, Known, Proven, Verdict, read, slot};
use super::words::{date, moment, scm_name, span};

/// Everything known about one credential at one instant.
#[derive(Clone, Copy)]
pub(super) struct Claims<'a> {
    pub(super) name: &'a CredentialName,
    pub(super) watched: &'a ScmCredential,
    pub(super) evidence: Option<&'a ScmCredentialEvidence>,
    pub(super) memory: Option<&'a CredentialState>,
    /// How far our clock is off the SCM's, if so far that no date can be judged.
    pub(super) skew: Option<TimeDelta>,
    pub(super) now: DateTime<Utc>,
}

/// The last movement of an asset that a Group integration discovered: proof that Snyk's copy works.
#[derive(Debug, Clone, Copy)]
pub(super) struct Movement {
    pub(super) at: DateTime<Utc>,
    /// Whether that was within `max_lag` of the asset walk.
    pub(super) is_recent: bool,
    pub(super) basis: Basis,
}

impl Movement {
    /// One asset that moved, and the walk that showed it.
    fn proven(self) -> Proven {
        Proven { basis: self.basis, proof: Proof::single(Some(self.at)) }
    }
}

/// When a credential expires, by the best source that tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Expiry {
    At(DateTime<Utc>, ExpirySource, Basis),
    Never(ExpirySource, Basis),
    Unknown(Reason),
}

/// Who tells a date, in brackets after it.
fn told_by(source: ExpirySource) -> &'static str {
    match source {
        ExpirySource::Api => "as the API says",
        ExpirySource::AdminApi => "as the admin API says",
        ExpirySource::Declared => "declared",
    }
}

/// The last known rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rotation {
    /// The earliest instant at which it can have been.
    pub(super) at: DateTime<Utc>,
    /// When there was something to see of it first: what was read earlier says nothing about it.
    pub(super) seen_at: DateTime<Utc>,
    pub(super) basis: Basis,
}

impl Claims<'_> {
    fn scm(&self) -> &'static str {
        scm_name(self.watched.scm)
    }

    fn is_observer(&self) -> bool {
        self.watched.role == Role::Observer
    }

    fn listed(&self) -> Option<(&ListedToken, Basis)> {
        let evidence = read(slot(self.evidence, Part::ListedToken, |book| &book.listed_token), self.now).ok()?;
        // What was listed before a rotation is the token before.
        let rotated_at = self.memory.and_then(|memory| memory.rotated_from.as_ref()).map(|(_, noticed_at)| *noticed_at);
        if rotated_at.is_some_and(|rotated_at| evidence.observed_at < rotated_at) && !self.is_observer() {
            return None;
        }
        evidence.value.found.then(|| (&evidence.value, Basis::of(evidence)))
    }

    /// Whether the SCM accepts our copy.
    pub(super) fn accepted(&self) -> Verdict {
        let name = self.name;
        let scm = self.scm();
        let mut verdict = match read(slot(self.evidence, Part::Authentication, |book| &book.authentication), self.now) {
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
                        Verdict::fails(reason, format!("{scm} rejects {name}: {why}"), basis)
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

    /// The condition `CredentialValid`: about the token saved in Snyk.
    pub(super) fn valid(&self, movement: Option<&Movement>) -> Verdict {
        if !self.is_observer() {
            return self.accepted();
        }
        if let Some((listed, basis)) = self.listed() {
            let expired = listed.expires_at.filter(|at| *at <= self.now);
            let is_doubtful = |at: DateTime<Utc>, skew: TimeDelta| at <= self.now + skew.abs();
            if let (true, Some(at), Some(skew)) = (listed.allowed, listed.expires_at, self.skew)
                && is_doubtful(at, skew)
            {
                let off = span(skew.abs());
                return Verdict::unknown(
                    Reason::ClockSkewed,
                    format!("our clock is off by {off}: whether the PAT saved in Snyk has expired cannot be told"),
                );
            }
            return match (listed.allowed, expired) {
                (false, _) => Verdict::fails(
                    Reason::CredentialBlocked,
                    "an administrator of the organisation blocked the PAT saved in Snyk",
                    basis,
                ),
                (true, Some(at)) => Verdict::fails(
                    Reason::CredentialExpired,
                    format!("the PAT saved in Snyk expired on {} ({})", date(at), told_by(ExpirySource::AdminApi)),
                    basis,
                ),
                (true, None) => Verdict::holds(
                    Reason::Ok,
                    "the admin API lists the PAT saved in Snyk as allowed",
                    Proven::at(basis),
                ),
            };
        }
        match movement.filter(|movement| movement.is_recent) {
            Some(movement) => Verdict::holds(
                Reason::InferredFromSync,
                format!("Snyk synced with its PAT at {}", moment(movement.at)),
                movement.proven(),
            )
            .inferred(),
            None if self.accepted().truth == Truth::False => Verdict::unknown(
                Reason::ObserverFailed,
                format!(
                    "{} rejects the observer {}, which says nothing about the PAT saved in Snyk",
                    self.scm(),
                    self.name
                ),
            ),
            None => Verdict::unknown(
                Reason::NotObserved,
                format!("{} is an observer, and no sync proves the PAT saved in Snyk", self.name),
            ),
        }
    }

    /// What stands with the declared date.
    pub(super) fn declared(&self) -> DeclaredDate {
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
    pub(super) fn expiry(&self) -> Expiry {
        let own = read(slot(self.evidence, Part::Expiry, |book| &book.expiry), self.now).ok();
        // The SCM speaks of our own token, which for an observer is not the one in Snyk.
        if let Some(evidence) = own.filter(|_| !self.is_observer()) {
            match evidence.value {
                CredentialExpiry::At { at, .. } => return Expiry::At(at, ExpirySource::Api, Basis::of(evidence)),
                CredentialExpiry::Never => return Expiry::Never(ExpirySource::Api, Basis::of(evidence)),
                CredentialExpiry::Untold => {}
            }
        }
        if let Some((listed, basis)) = self.listed() {
            return match listed.expires_at {
                Some(at) => Expiry::At(at, ExpirySource::AdminApi, basis),
                None => Expiry::Never(ExpirySource::AdminApi, basis),
            };
        }
        match (self.declared(), self.watched.expires_at) {
            (DeclaredDate::InForce, Some(at)) => Expiry::At(at, ExpirySource::Declared, Basis::default()),
            (DeclaredDate::Superseded, _) => Expiry::Unknown(Reason::Superseded),
            (DeclaredDate::Outdated, _) => Expiry::Unknown(Reason::DeclaredDateOutdated),
            // Before anybody was asked, nobody can be said not to tell.
            _ if slot(self.evidence, Part::Authentication, |book| &book.authentication).evidence.is_none() => {
                Expiry::Unknown(Reason::NotObserved)
            }
            _ => Expiry::Unknown(Reason::ExpiryUnknown),
        }
    }

    /// The condition `CredentialFresh`.
    pub(super) fn fresh(&self, thresholds: &Thresholds) -> Verdict {
        let name = self.name;
        let (at, source, basis) = match self.expiry() {
            Expiry::Never(source, basis) => {
                return Verdict::holds(
                    Reason::NeverExpires,
                    format!("{name} has no expiry ({})", told_by(source)),
                    Proven::at(basis),
                );
            }
            Expiry::Unknown(reason) => {
                let message = match reason {
                    Reason::Superseded => {
                        format!("{name} was rotated: its declared expiry belongs to the token before")
                    }
                    Reason::DeclaredDateOutdated => format!("{name} still works after its declared expiry"),
                    Reason::NotObserved => format!("when {name} expires: not observed yet"),
                    _ => format!("nobody tells when {name} expires"),
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

    /// Whether every one of `required` is granted.
    pub(super) fn permissions(&self, required: &[Permission]) -> Verdict {
        let mut basis = Basis::default();
        let (mut granted, mut missing, mut partial) = (0_usize, Vec::new(), Vec::new());
        let (mut unverifiable, mut contradicted) = (Vec::new(), Vec::new());
        let mut gap = None;
        for permission in required {
            let label =
                describe(self.watched.scm, *permission).map_or(permission.as_str(), |described| described.label);
            // An observer shows the account's rights, not the scopes of the token saved in Snyk.
            if self.is_observer() && *permission != Permission::RepositoryAdmin {
                unverifiable.push(label);
                continue;
            }
            let evidence = match read(self.permission_evidence(*permission), self.now) {
                Ok(evidence) => evidence,
                Err(found) => {
                    gap = gap.or(Some((found, label)));
                    continue;
                }
            };
            basis = basis.and(Basis::of(evidence));
            match &evidence.value {
                PermissionProof::Granted => granted += 1,
                PermissionProof::Partial { granted: some, total } if some >= total => granted += 1,
                PermissionProof::Partial { granted, total } => {
                    partial.push(format!("{label}: administrator of {granted} of {total} repositories"));
                }
                PermissionProof::Missing { scope: Some(scope) } => missing.push(format!("{label} ({scope})")),
                PermissionProof::Missing { scope: None } => missing.push(label.to_owned()),
                PermissionProof::Unverifiable => unverifiable.push(label),
                PermissionProof::Contradicted => contradicted.push(label),
            }
        }
        let name = self.name;
        let of = required.len();
        if !missing.is_empty() {
            missing.append(&mut partial);
            let list = missing.join(", ");
            return Verdict::fails(Reason::PermissionMissing, format!("{name} lacks {list}"), basis);
        }
        if !partial.is_empty() {
            return Verdict::fails(Reason::AdminRightsMissing, format!("{name}: {}", partial.join(", ")), basis);
        }
        if let Some((gap, label)) = gap {
            return gap.verdict(&format!("whether {name} has {label}"));
        }
        if !contradicted.is_empty() {
            let list = contradicted.join(", ");
            let message =
                format!("the scope header lacks {list}, and an answer to the same token shows that it is granted");
            return Verdict::unknown(Reason::Contradicted, message);
        }
        if !unverifiable.is_empty() {
            return Verdict::unknown(
                Reason::PermissionUnverifiable,
                format!("{name} has {granted} of {of} permissions; not verifiable: {}", unverifiable.join(", ")),
            );
        }
        match Proven::counted(basis, granted, of) {
            Some(proven) => Verdict::holds(Reason::Ok, format!("{name} has {granted} of {of} permissions"), proven),
            None => Verdict::not_applicable(Reason::Ok, "no permission is required"),
        }
    }

    fn permission_evidence(&self, permission: Permission) -> Known<'_, PermissionProof> {
        let failure = self.evidence.and_then(|book| book.failures.get(&Part::Permissions));
        Known::new(self.evidence.and_then(|book| book.permissions.get(&permission)), failure)
    }

    /// Whether the permissions that discovery needs are granted. A sync that came with the token saved in Snyk proves
    /// them too: the scopes of a token never change.
    pub(super) fn group_permissions(&self, required: &[Permission], movement: Option<&Movement>) -> Verdict {
        let verdict = self.permissions(required);
        if !self.is_observer() || verdict.truth != Truth::Unknown {
            return verdict;
        }
        let created_at = self.listed().and_then(|(listed, _)| listed.created_at);
        let proof = movement.filter(|movement| movement.is_recent || created_at.is_some_and(|at| movement.at > at));
        match proof {
            Some(movement) => Verdict::holds(
                Reason::InferredFromSync,
                format!("Snyk discovered repositories with its PAT at {}", moment(movement.at)),
                movement.proven(),
            )
            .inferred(),
            None => verdict,
        }
    }

    /// The last rotation of the PAT: the admin API's word, then the declared time, then the first use of the new one.
    pub(super) fn rotation(&self, thresholds: &Thresholds) -> Option<Rotation> {
        if let Some((listed, basis)) = self.listed()
            && let Some(at) = listed.created_at
        {
            return Some(Rotation { at, seen_at: at, basis });
        }
        if let Some(at) = self.watched.rotated_at {
            return Some(Rotation { at, seen_at: at, basis: Basis::default() });
        }
        let memory = self.memory.filter(|memory| memory.rotated_from.is_some() && !self.is_observer())?;
        let seen_at = memory.first_used_at?;
        let by_first_use = seen_at - thresholds.rotation_uncertainty;
        // While we were not watching, it can have been as early as the last use of the token before.
        let at = memory.previous_used_at.map_or(by_first_use, |used_at| used_at.min(by_first_use));
        Some(Rotation { at, seen_at, basis: Basis::default() })
    }
}
