//! A truth with its reason, its sentence and the evidence it rests on. A true demands its proof: it cannot be written
//! without something that was seen.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::condition::{Proof, Reason};
use crate::domain::evidence::{End, Evidence, FailedAttempt, HasFailures, Part, Slot};
use crate::domain::facts::RepositorySet;
use crate::domain::kinds::{Confidence, Source, Truth};
use crate::domain::names::WorkspaceSlug;

use super::status::Signal;
use super::words::moment;

/// The evidence that a verdict rests on: its oldest observation and its earliest expiry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Basis {
    pub(super) observed_at: Option<DateTime<Utc>>,
    pub(super) valid_until: Option<DateTime<Utc>>,
    /// When it would be stale by its own age, whatever stands after a gap.
    pub(super) stale_after: Option<DateTime<Utc>>,
}

impl Basis {
    pub(super) fn of<T>(evidence: &Evidence<T>) -> Self {
        Self {
            observed_at: Some(evidence.observed_at),
            valid_until: Some(evidence.valid_until()),
            stale_after: Some(evidence.stale_after()),
        }
    }

    /// What is known of one namespace of a profile: it may be older than what is known of the others.
    pub(super) fn of_namespace(known: &Evidence<Arc<RepositorySet>>, slug: &WorkspaceSlug) -> Self {
        let whole = Self::of(known);
        let read_at = known.value.unread.get(slug).and_then(|unread| unread.read_at);
        let until = read_at.map(|at| at + known.max_age);
        whole.and(Self { observed_at: read_at, valid_until: until, stale_after: until })
    }

    /// Whether it stands only because nobody could ask since a gap.
    pub(super) fn is_restored(&self, now: DateTime<Utc>) -> bool {
        self.stale_after.is_some_and(|at| at < now)
    }

    /// Both together: whatever is older and whatever expires sooner.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            observed_at: earlier(self.observed_at, other.observed_at),
            valid_until: earlier(self.valid_until, other.valid_until),
            stale_after: earlier(self.stale_after, other.stale_after),
        }
    }
}

/// Both proofs together.
fn both(one: Option<Proof>, other: Option<Proof>) -> Option<Proof> {
    let (one, other) = (one?, other?);
    Proof::new(one.seen() + other.seen(), one.of() + other.of(), earlier(one.last_at(), other.last_at()))
}

/// The earlier of two instants, where there is one.
fn earlier(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Evidence that is not there, or too old to be used, and the last try to observe it, where that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    observed_at: Option<DateTime<Utc>>,
    failure: Option<FailedAttempt>,
}

impl Gap {
    /// Whether an answer says why it is not there.
    pub(super) fn has_words(&self) -> bool {
        self.failure.is_some()
    }

    /// `unknown` for want of `what`, in the words of the answer that failed.
    pub(super) fn verdict(&self, what: &str) -> Verdict {
        let last = self.observed_at.map(|at| format!("last observed {}", moment(at)));
        match (&self.failure, last) {
            (None, None) => Verdict::unknown(Reason::NotObserved, format!("{what}: not observed yet")),
            (None, Some(last)) => Verdict::unknown(Reason::EvidenceStale, format!("{what}: {last}")),
            (Some(failure), last) => {
                let last = last.map(|last| format!("; {last}")).unwrap_or_default();
                let since = moment(failure.since);
                let message = format!("{what}: {} (since {since}){last}", failure.detail);
                Verdict { end: failure.end, ..Verdict::unknown(failure.reason, message) }
            }
        }
    }
}

/// A part of what is known of something: its evidence, and the last try when that failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a, T> {
    pub(super) evidence: Option<&'a Evidence<T>>,
    failure: Option<&'a FailedAttempt>,
}

impl<'a, T> Known<'a, T> {
    pub(super) fn new(evidence: Option<&'a Evidence<T>>, failure: Option<&'a FailedAttempt>) -> Self {
        Self { evidence, failure }
    }
}

impl<T> Known<'_, T> {
    /// The words of the very answer that `evidence` was read from, and since when it is answered so: empty where nothing
    /// but its status is known.
    pub(super) fn said(&self, evidence: &Evidence<T>) -> String {
        said(self.failure, evidence.observed_at)
    }
}

/// The same of one try, where it was the one at `at`.
pub(super) fn said(failure: Option<&FailedAttempt>, at: DateTime<Utc>) -> String {
    let Some(failure) = failure.filter(|failure| failure.at == at) else { return String::new() };
    // What was tried stands before it in our own words.
    let words = failure.detail.split_once(": ").map_or(failure.detail.as_str(), |(_, words)| words);
    format!(": {words} (since {})", moment(failure.since))
}

/// The evidence of `known` if it is fresh at `now`, else what is wrong with it.
pub(super) fn read<'a, T>(known: &Known<'a, T>, now: DateTime<Utc>) -> Result<&'a Evidence<T>, Gap> {
    match known.evidence {
        Some(evidence) if evidence.is_fresh(now) => Ok(evidence),
        evidence => {
            Err(Gap { observed_at: evidence.map(|evidence| evidence.observed_at), failure: known.failure.cloned() })
        }
    }
}

/// One part of a book that may be missing itself.
pub(super) fn slot<'a, B: HasFailures, T>(
    book: Option<&'a B>,
    part: Part,
    pick: impl FnOnce(&'a B) -> &'a Slot<T>,
) -> Known<'a, T> {
    Known {
        evidence: book.and_then(|book| pick(book).as_ref()),
        failure: book.and_then(|book| book.failures().get(&part)),
    }
}

/// What a true rests on: how much was seen, and the evidence that it was seen in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proven {
    pub(super) basis: Basis,
    pub(super) proof: Proof,
}

impl Proven {
    /// One fact, which is all there is to see.
    pub(super) fn by<T>(evidence: &Evidence<T>) -> Self {
        Self { basis: Basis::of(evidence), proof: Proof::single(Some(evidence.observed_at)) }
    }

    /// `seen` things of `of`. Nothing seen proves nothing.
    pub(super) fn counted(basis: Basis, seen: usize, of: usize) -> Option<Self> {
        Some(Self { basis, proof: Proof::new(seen, of, basis.observed_at)? })
    }

    /// One fact on this basis; without a time of observation it is the operator's own word.
    pub(super) fn at(basis: Basis) -> Self {
        Self { basis, proof: Proof::single(basis.observed_at) }
    }

    /// Rests on this too.
    pub(super) fn and(self, basis: Basis) -> Self {
        Self { basis: self.basis.and(basis), ..self }
    }
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
    /// Only a true has one.
    pub(super) proof: Option<Proof>,
    /// Of an unknown for want of an answer: who did not give it.
    pub(super) end: Option<End>,
    /// Of a false: it speaks of a copy of ours that never worked, while Snyk's own may.
    pub(super) is_of_our_copy: bool,
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
            proof: None,
            end: None,
            is_of_our_copy: false,
        }
    }

    /// True, by what was seen.
    pub(super) fn holds(reason: Reason, message: impl Into<String>, proven: Proven) -> Self {
        Self { proof: Some(proven.proof), ..Self::new(Truth::True, reason, message, proven.basis) }
    }

    /// The one true without proof: nothing changed, so nothing could arrive. It is weak.
    pub(super) fn idle(message: impl Into<String>, basis: Basis) -> Self {
        Self { confidence: Confidence::Weak, ..Self::new(Truth::True, Reason::Idle, message, basis) }
    }

    /// There is nothing that it could speak of.
    pub(super) fn not_applicable(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Truth::NotApplicable, reason, message, Basis::default())
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

    /// What the rows of a status table read of it.
    pub(super) fn signal(&self) -> Signal {
        Signal::of(self.truth, self.reason)
    }

    /// One verdict for several parts: false if one is, else unknown if one is, else true if one is, else not applicable.
    /// The first part that decides gives the words; a true verdict rests on the basis of all parts, is as weak as the
    /// weakest, and has proof only where each part has.
    pub(super) fn all_of<'a>(parts: impl Iterator<Item = &'a Self> + Clone) -> Option<Self> {
        let of = |truth| parts.clone().find(move |part| part.truth == truth).cloned();
        let confirming = parts.clone().any(|part| part.confirming);
        let mut verdict = if let Some(verdict) = of(Truth::False).or_else(|| of(Truth::Unknown)) {
            verdict
        } else if let Some(mut first) = of(Truth::True) {
            let holding = parts.filter(|part| part.truth == Truth::True);
            first.basis = holding.clone().fold(Basis::default(), |basis, part| basis.and(part.basis));
            if holding.clone().any(|part| part.confidence == Confidence::Weak) {
                first.confidence = Confidence::Weak;
            }
            first.proof = holding.map(|part| part.proof).reduce(both).flatten();
            first
        } else {
            parts.clone().next()?.clone()
        };
        verdict.confirming = confirming;
        Some(verdict)
    }
}
