//! What a time in which nobody watched does to stored times.
//!
//! A state that is restored goes on as if there had been no gap: statuses keep their `since`, clocks run through it,
//! confirmations of rejected credentials continue. Three things must not pretend that somebody had watched:
//!
//! - **Blindness.** After a long gap nearly all evidence is stale before the first probe is back. Evidence that was fresh
//!   at the last commit stands for [`ASKING_AGAIN`] more, so that nothing turns `unknown` and back within seconds.
//!   That is no longer than any evidence stands anyway, and it keeps its true time of observation; after it the truth
//!   is `unknown`.
//! - **Opening.** Until an integration was asked again, at most for the same time, its incidents neither open nor grow
//!   worse by time alone (`asking_again_since`): what broke before may be well by now. What new evidence shows opens
//!   at once, and a clock that ran through the gap opens with the first evidence after it.
//! - **Timers of trying.** `StatusUnknown` and `UpstreamUnreachable` count how long we tried in vain. Nobody tried
//!   during the gap, so what was pending then moves by its length. What was open stays open.
//!
//! Deliberately not here: nothing resolves, and no evidence is changed but for how long it stands.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::evidence::{Evidence, EvidenceBook, Slot};
use crate::domain::incident::Rule;
use crate::domain::page::Gap;
use crate::domain::state::State;
use crate::domain::status::Status;

/// A shorter time without a commit is no gap: a restart, an update.
pub const SHORTEST_GAP: TimeDelta = TimeDelta::minutes(5);

/// So long everything may take to be asked again after a gap. Evidence of every probe stands for at least so long, so
/// nothing is believed for longer than it would be while watching.
pub const ASKING_AGAIN: TimeDelta = TimeDelta::minutes(15);

/// Gaps that are remembered.
const GAPS_KEPT: usize = 20;

/// Continues a restored state that was committed last at `committed_at`. Called once, before the first evaluation.
/// Returns the gap, if there was one.
pub fn resume(state: &mut State, committed_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Gap> {
    if now - committed_at <= SHORTEST_GAP {
        return None;
    }
    let gap = Gap { from: committed_at, to: now };
    let gaps = &mut state.attention.gaps;
    gaps.push(gap);
    gaps.drain(..gaps.len().saturating_sub(GAPS_KEPT));
    // What people read last is what the text of the end is made from.
    for announcement in state.attention.announcements.values_mut() {
        announcement.page.gap = Some(gap);
    }
    extend(&mut state.evidence, gap);
    // Nobody watched whether it stayed well.
    for recurrence in state.attention.recurrences.values_mut() {
        recurrence.well_since = recurrence.well_since.map(|_| now);
    }
    for integration in state.integrations.values_mut() {
        let Some(status) = &mut integration.status else { continue };
        if status.valid_until.is_none_or(|until| until < now) {
            integration.asking_again_since = Some(now);
        }
        if status.status == Status::Unknown {
            status.since += now - committed_at;
        }
    }
    shift_trying(state, now - committed_at);
    Some(gap)
}

/// The clocks that count how long we tried in vain.
fn shift_trying(state: &mut State, gap: TimeDelta) {
    for facts in state.evidence.apis.values_mut() {
        if let Some(since) = &mut facts.inconclusive_since {
            *since += gap;
        }
    }
    for (key, incident) in &mut state.incidents {
        if matches!(key.rule, Rule::StatusUnknown | Rule::UpstreamUnreachable) && !incident.is_open() {
            incident.since += gap;
            incident.tracking.onsets.values_mut().for_each(|onset| *onset += gap);
        }
    }
}

/// Lets evidence that was fresh at the begin of the gap stand until everything had its time to be asked again.
fn extend(book: &mut EvidenceBook, gap: Gap) {
    for token in book.snyk_tokens.values_mut() {
        slot(&mut token.authentication, gap);
        slot(&mut token.expiry, gap);
    }
    for credential in book.scm_credentials.values_mut() {
        slot(&mut credential.authentication, gap);
        slot(&mut credential.expiry, gap);
        slot(&mut credential.listed_token, gap);
        credential.permissions.values_mut().for_each(|proof| fact(proof, gap));
    }
    for group in book.groups.values_mut() {
        slot(&mut group.access, gap);
        slot(&mut group.assets, gap);
        slot(&mut group.catalog, gap);
        slot(&mut group.organizations, gap);
        for profile in group.profiles.values_mut() {
            slot(&mut profile.workspaces, gap);
            slot(&mut profile.repositories, gap);
        }
    }
    for organization in book.organizations.values_mut() {
        slot(&mut organization.access, gap);
        slot(&mut organization.presence, gap);
        slot(&mut organization.imports, gap);
        slot(&mut organization.events, gap);
        slot(&mut organization.webhooks, gap);
    }
}

fn slot<T>(slot: &mut Slot<T>, gap: Gap) {
    if let Some(evidence) = slot {
        fact(evidence, gap);
    }
}

fn fact<T>(evidence: &mut Evidence<T>, gap: Gap) {
    if evidence.is_fresh(gap.from) {
        evidence.max_age = evidence.max_age.max(gap.to + ASKING_AGAIN - evidence.observed_at);
    }
}
