//! What is stored of each credential.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::condition::Reason;
use crate::domain::decisions::Decisions;
use crate::domain::evidence::{EvidenceBook, Part};
use crate::domain::facts::CredentialExpiry;
use crate::domain::fleet::Fleet;
use crate::domain::names::CredentialName;
use crate::domain::page::Gap;
use crate::domain::state::{CredentialState, CredentialVerdict, DeclaredDate, ExpirySource};

use super::super::access::token_accepted;
use super::super::credential::{Claims, Expiry};
use super::super::verdict::{Verdict, read, slot};
use super::rotations;

/// Recomputes what is stored of every credential of the fleet, and forgets the others.
pub(super) fn refresh(
    evidence: &mut EvidenceBook,
    credentials: &mut BTreeMap<CredentialName, CredentialState>,
    fleet: &Fleet,
    gaps: &[Gap],
    decisions: &Decisions,
    now: DateTime<Utc>,
) {
    credentials.retain(|name, _| fleet.snyk_tokens.contains_key(name) || fleet.scm_credentials.contains_key(name));
    evidence.snyk_tokens.retain(|name, _| fleet.snyk_tokens.contains_key(name));
    evidence.scm_credentials.retain(|name, _| fleet.scm_credentials.contains_key(name));
    for name in fleet.snyk_tokens.keys() {
        let known = evidence.snyk_tokens.get(name);
        let state = credentials.entry(name.clone()).or_default();
        let verdict = token_accepted(name, known, Some(state), now);
        store(&mut state.valid, verdict, now);
        let rotated_at = state.rotated_from.as_ref().map(|(_, noticed_at)| *noticed_at);
        let told = read(&slot(known, Part::Expiry, |book| &book.expiry), now).ok();
        // What was told before a new token was in use was told of the one before.
        let told = told.filter(|told| rotated_at.is_none_or(|rotated_at| told.observed_at >= rotated_at));
        let at = match told.map(|told| told.value) {
            Some(CredentialExpiry::At { at, .. }) => Some(at),
            _ => None,
        };
        state.expiry = at;
        state.expiry_source = at.map(|_| ExpirySource::Api);
    }
    for (name, watched) in &fleet.scm_credentials {
        let state = credentials.entry(name.clone()).or_default();
        let claims = Claims {
            name,
            watched,
            evidence: evidence.scm_credentials.get(name),
            memory: Some(state),
            skew: evidence.clock_off_at(&watched.api, fleet.thresholds.clock_skew, now),
            max_lag: fleet.thresholds.max_lag,
            now,
        };
        let sign = claims.rotation(&fleet.thresholds, decisions);
        let in_snyk = claims.told_by_admin();
        let unlisted = claims.unlisted();
        let (accepted, expiry, declared) = (claims.accepted(), claims.expiry(), claims.declared());
        let expired_at = match expiry {
            Expiry::At(at, ..) if accepted.reason == Reason::CredentialExpired => Some(at),
            _ => None,
        };
        // Had somebody watched, the date would have been the onset.
        let is_in_gap = |at: &DateTime<Utc>| gaps.iter().any(|gap| gap.from <= *at && *at <= gap.to);
        store(&mut state.valid, accepted, expired_at.filter(is_in_gap).unwrap_or(now));
        state.rotation = sign.map(|sign| rotations::renewed(state.rotation.take(), sign));
        match in_snyk {
            Some(verdict) => store(state.in_snyk.get_or_insert_default(), verdict, now),
            None => state.in_snyk = None,
        }
        (state.expiry, state.expiry_source) = match expiry {
            Expiry::At(at, source, _) => (Some(at), Some(source)),
            Expiry::Never(source, _) => (None, Some(source)),
            Expiry::Unknown(_) => (None, None),
        };
        state.unlisted = unlisted;
        state.declared = declared;
        state.notes.clear();
        match declared {
            DeclaredDate::Superseded => state.notes.push(Reason::Superseded),
            DeclaredDate::Outdated => state.notes.push(Reason::DeclaredDateOutdated),
            DeclaredDate::None | DeclaredDate::InForce => {}
        }
        if let Expiry::Unknown(reason) = expiry
            && (reason == Reason::ExpiryUnknown || state.unlisted.is_some())
        {
            state.notes.push(reason);
        }
    }
}

/// `onset`: since when, if this is another truth than before.
fn store(stored: &mut CredentialVerdict, verdict: Verdict, onset: DateTime<Utc>) {
    let since = match stored.since {
        Some(since) if stored.truth == verdict.truth => since,
        _ => onset,
    };
    *stored = CredentialVerdict {
        truth: verdict.truth,
        reason: verdict.reason,
        message: verdict.message,
        since: Some(since),
    };
}
