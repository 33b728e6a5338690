//! A truth with its reason, its sentence and the evidence it rests on.

use chrono::{DateTime, Utc};

use crate::domain::condition::Reason;
use crate::domain::evidence::{Evidence, Slot};
use crate::domain::kinds::{Confidence, Source, Truth};

use super::words::moment;

/// The evidence that a verdict rests on: its oldest observation and its earliest expiry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Basis {
    pub(super) observed_at: Option<DateTime<Utc>>,
    pub(super) valid_until: Option<DateTime<Utc>>,
}

impl Basis {
    pub(super) fn of<T>(evidence: &Evidence<T>) -> Self {
        Self { observed_at: Some(evidence.observed_at), valid_until: Some(evidence.valid_until()) }
    }

    /// Both together: whatever is older and whatever expires sooner.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            observed_at: earlier(self.observed_at, other.observed_at),
            valid_until: earlier(self.valid_until, other.valid_until),
        }
    }
}

/// The earlier of two instants, where there is one.
fn earlier(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Evidence that is not there, or too old to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap(Option<DateTime<Utc>>);

impl Gap {
    /// `unknown` for want of `what`.
    pub(super) fn verdict(self, what: &str) -> Verdict {
        match self.0 {
            None => Verdict::unknown(Reason::NotObserved, format!("{what}: not observed yet")),
            Some(at) => Verdict::unknown(Reason::EvidenceStale, format!("{what}: last observed {}", moment(at))),
        }
    }
}

/// The evidence in `slot` if it is fresh at `now`, else what is wrong with it.
pub(super) fn read<T>(slot: Option<&Evidence<T>>, now: DateTime<Utc>) -> Result<&Evidence<T>, Gap> {
    match slot {
        Some(evidence) if evidence.is_fresh(now) => Ok(evidence),
        Some(evidence) => Err(Gap(Some(evidence.observed_at))),
        None => Err(Gap(None)),
    }
}

/// A slot inside a book entry that may be missing itself.
pub(super) fn slot<'a, B, T>(book: Option<&'a B>, pick: impl FnOnce(&'a B) -> &'a Slot<T>) -> Option<&'a Evidence<T>> {
    book.and_then(|book| pick(book).as_ref())
}

/// A condition's verdict before its clocks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) truth: Truth,
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) source: Source,
    pub(super) confidence: Confidence,
    pub(super) confirming: bool,
    pub(super) basis: Basis,
}

impl Verdict {
    fn new(truth: Truth, reason: Reason, message: impl Into<String>, basis: Basis) -> Self {
        Self {
            truth,
            reason,
            message: message.into(),
            source: Source::Measured,
            confidence: Confidence::Strong,
            confirming: false,
            basis,
        }
    }

    pub(super) fn holds(reason: Reason, message: impl Into<String>, basis: Basis) -> Self {
        Self::new(Truth::True, reason, message, basis)
    }

    pub(super) fn fails(reason: Reason, message: impl Into<String>, basis: Basis) -> Self {
        Self::new(Truth::False, reason, message, basis)
    }

    pub(super) fn unknown(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Truth::Unknown, reason, message, Basis::default())
    }

    /// Follows from other evidence.
    pub(super) fn inferred(mut self) -> Self {
        self.source = Source::Inferred;
        self
    }

    /// The operator said so.
    pub(super) fn declared(mut self) -> Self {
        self.source = Source::Declared;
        self
    }

    /// Rests on a stand-in.
    pub(super) fn with_confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// One verdict for several parts: false if one is, else unknown if one is, else true. The first part that decides
    /// gives the words; the basis of a true verdict is that of all parts.
    pub(super) fn all_of<'a>(parts: impl Iterator<Item = &'a Self> + Clone) -> Option<Self> {
        let decisive = [Truth::False, Truth::Unknown]
            .into_iter()
            .find_map(|truth| parts.clone().find(|part| part.truth == truth))
            .cloned();
        let confirming = parts.clone().any(|part| part.confirming);
        let mut verdict = if let Some(verdict) = decisive {
            verdict
        } else {
            let mut first = parts.clone().next()?.clone();
            first.basis = parts.fold(Basis::default(), |basis, part| basis.and(part.basis));
            first
        };
        verdict.confirming = confirming;
        Some(verdict)
    }
}
