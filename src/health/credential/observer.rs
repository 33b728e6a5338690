//! What proves the token saved in Snyk, of which we hold no copy: the admin's word on it, or that it was used.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::{Proof, Reason};
use crate::domain::facts::ListedToken;
use crate::domain::fleet::Thresholds;
use crate::domain::kinds::{Confidence, Truth};
use crate::domain::state::{ExpirySource, ListingFailure};

use super::super::verdict::{Basis, Proven, Verdict};
use super::super::words::{date, moment, span};
use super::expiry::told_by;
use super::{Claims, Listing};

/// An asset that moved so long ago still proves its token, while no change waits to be synced: a week may be quiet.
const QUIET_WEEK: TimeDelta = TimeDelta::days(7);

/// The last movement of an asset of one profile: proof that Snyk's copy of that profile's credential works.
#[derive(Debug, Clone, Copy)]
pub(in crate::health) struct Movement {
    pub(in crate::health) at: DateTime<Utc>,
    /// Whether that was within `max_lag` of the asset walk.
    pub(in crate::health) is_recent: bool,
    /// Whether it was within a week of the walk, and no change has waited for longer than `max_lag`.
    pub(in crate::health) is_quiet: bool,
    pub(in crate::health) basis: Basis,
}

impl Movement {
    /// What the walk at `walked_at` shows of a profile; `worst_lag` is that of its oldest canary.
    pub(in crate::health) fn seen(
        at: DateTime<Utc>,
        walked_at: DateTime<Utc>,
        worst_lag: Option<TimeDelta>,
        thresholds: &Thresholds,
        basis: Basis,
    ) -> Self {
        let ago = walked_at - at;
        let is_held_up = worst_lag.is_some_and(|lag| lag > thresholds.max_lag);
        Self { at, is_recent: ago <= thresholds.max_lag, is_quiet: ago <= QUIET_WEEK && !is_held_up, basis }
    }

    /// Whether it proves that the token works now.
    pub(super) fn proves_use(self) -> bool {
        self.is_recent || self.is_quiet
    }

    /// One asset that moved, and the walk that showed it.
    pub(super) fn proven(self) -> Proven {
        Proven { basis: self.basis, proof: Proof::single(Some(self.at)) }
    }
}

/// Who proves a credential by using it.
#[derive(Debug, Clone, Copy)]
pub(in crate::health) enum Use {
    /// No profile has it: nothing of what is seen was done with it.
    Nobody,
    /// At least one profile has it; the movement that proves most.
    Profile(Option<Movement>),
}

impl Claims<'_> {
    /// The condition `CredentialValid` of a profile with this credential: about the token saved in Snyk.
    pub(in crate::health) fn valid(&self, movement: Option<&Movement>) -> Verdict {
        self.valid_by(Use::Profile(movement.copied()))
    }

    /// The condition `CredentialValid`, by what was done with the credential anywhere.
    pub(in crate::health) fn valid_by(&self, used: Use) -> Verdict {
        let movement = match used {
            Use::Nobody => None,
            Use::Profile(movement) => movement,
        };
        if !self.is_observer() {
            return self.unless_only_ours(self.accepted(), movement);
        }
        if let Some(verdict) = self.told_by_admin() {
            return verdict;
        }
        if let Some(verdict) = self.used_lately() {
            return verdict;
        }
        if let Some(movement) = movement.filter(|movement| movement.proves_use()) {
            return Verdict::holds(
                Reason::InferredFromSync,
                format!("Snyk synced with its PAT at {}", moment(movement.at)),
                movement.proven(),
            )
            .inferred()
            .with_confidence(Confidence::Weak);
        }
        let ours = self.accepted();
        if ours.reason == Reason::SecretRefused {
            return ours;
        }
        if ours.truth == Truth::False {
            let message = format!(
                "{} rejects the observer {}, which says nothing about the PAT saved in Snyk",
                self.scm(),
                self.name
            );
            return Verdict::unknown(Reason::ObserverFailed, message);
        }
        let (reason, message) = match used {
            Use::Nobody => (
                Reason::NotProvable,
                format!("no profile of a Group uses {}: nothing proves the PAT saved in Snyk", self.name),
            ),
            Use::Profile(_) => (Reason::IdleUnproved, self.idle(movement.as_ref())),
        };
        match self.unlisted() {
            // Somebody can act on a key that is refused; an answer that failed is asked for again.
            Some(ListingFailure { reason: Reason::AdminApiRefused, message: why, .. }) => {
                Verdict::unknown(Reason::AdminApiRefused, format!("{message}; {why}"))
            }
            Some(unlisted) => Verdict::unknown(reason, format!("{message}; {}", unlisted.message)),
            None => Verdict::unknown(reason, message),
        }
    }

    /// Our new copy never worked, and Snyk's goes on: first of all it is ours that is wrong.
    fn unless_only_ours(&self, accepted: Verdict, movement: Option<Movement>) -> Verdict {
        let rejected_since =
            self.memory.filter(|memory| memory.never_accepted()).and_then(|memory| memory.rejected_since);
        let movement = movement.filter(|movement| movement.is_recent);
        match rejected_since.zip(movement) {
            Some((since, movement)) if accepted.truth == Truth::False && movement.at > since => Verdict::unknown(
                Reason::OurCopyRejected,
                format!("{}; Snyk synced with its own at {}, after that", accepted.message, moment(movement.at)),
            ),
            _ => accepted,
        }
    }

    /// What the admin API says of the token saved in Snyk; `None` where it says nothing.
    pub(in crate::health) fn told_by_admin(&self) -> Option<Verdict> {
        let (listed, basis) = match self.listing() {
            Listing::Untold | Listing::Failed(_) => return None,
            Listing::Absent(found) => {
                let (reason, message) = self.not_told(found);
                return Some(Verdict::unknown(reason, message));
            }
            Listing::Found(listed, basis) => (listed, basis),
        };
        Some(self.judge_listed(listed, basis))
    }

    fn judge_listed(&self, listed: &ListedToken, basis: Basis) -> Verdict {
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
        match (listed.allowed, expired) {
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
            (true, None) => {
                Verdict::holds(Reason::Ok, "the admin API lists the PAT saved in Snyk as allowed", Proven::at(basis))
            }
        }
    }

    /// The last use of the token by the admin API, which outlives the listing that told it. We ask with another token, so
    /// that only Snyk can have used it.
    fn used_lately(&self) -> Option<Verdict> {
        let evidence = self.evidence?.listed_token.as_ref().filter(|known| known.value.found && known.value.allowed)?;
        let at = evidence.value.last_active_at.filter(|at| *at <= self.now && self.now - *at <= self.max_lag)?;
        let message = format!("the PAT saved in Snyk was used at {}", moment(at));
        let proven = Proven {
            basis: Basis { observed_at: Some(at), valid_until: Some(at + self.max_lag), ..Basis::default() },
            proof: Proof::single(Some(at)),
        };
        Some(Verdict::holds(Reason::Ok, message, proven))
    }

    /// That nothing proves the token saved in Snyk, and since when.
    pub(super) fn idle(&self, movement: Option<&Movement>) -> String {
        let since = match movement {
            Some(movement) => format!("the last asset moved at {}", moment(movement.at)),
            None => "no asset was ever seen to move".to_owned(),
        };
        format!("{} is an observer, and nothing proves the PAT saved in Snyk: {since}", self.name)
    }
}
