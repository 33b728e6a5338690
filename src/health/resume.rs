//! What a time in which nobody watched does to the state: a stop, a machine that slept, a clock that was set forward.
//!
//! The state goes on as if there had been no gap: statuses keep their `since`, clocks run through it, confirmations of
//! rejected credentials continue. Evidence keeps its time and its age. Three things must not pretend that somebody had
//! watched:
//!
//! - **Blindness.** After a long gap nearly all evidence is stale before the first probe is back. Evidence that was fresh
//!   when the gap began stands for [`ASKING_AGAIN`] after it, and says so, so that nothing turns `unknown` and back
//!   within seconds. It stands so once: until it was observed again, further gaps lengthen nothing.
//! - **Opening.** Until an integration was asked again, at most for the same time, its incidents neither open nor grow
//!   worse by time alone (`asking_again_since`): what broke before may be well by now. What new evidence shows opens
//!   at once, and a clock that ran through the gap opens with the first evidence after it.
//! - **Timers of trying.** `StatusUnknown` and `UpstreamUnreachable` count how long we tried in vain. Nobody tried
//!   during the gap, so what was pending then moves by its length. What was open stays open, with its onset, and grows
//!   worse by the time in which somebody watched.
//!
//! Deliberately not here: nothing resolves, and no evidence becomes younger.
//!
//! A state that was committed a little later than now was stored by another clock: ours was ahead then, or is behind now.
//! It is rebased like a backward step that somebody saw: a clock that is set right later moves all times by so much again,
//! and those that had been right would lie ahead of everything that is observed. Where the clock is off by more than
//! [`SHORTEST_GAP`], setting it right moves nothing (it is a gap), so stored times stay as they are until an API's date
//! confirms our clock ([`super::bring_back()`]). By two clocks evidence has no age: until it was asked again it is kept, to
//! compare with, and counts for nothing.

use chrono::{DateTime, TimeDelta, Utc};

use super::rebase::{self, rebase};
use crate::domain::evidence::EvidenceBook;
use crate::domain::incident::{IncidentPhase, IncidentState, Rule};
use crate::domain::page::Gap;
use crate::domain::state::State;
use crate::domain::status::Status;

/// A shorter time without a commit is no gap: a restart, an update.
pub const SHORTEST_GAP: TimeDelta = TimeDelta::minutes(5);

/// So long everything may take to be asked again after a gap.
pub const ASKING_AGAIN: TimeDelta = TimeDelta::minutes(15);

/// A smaller difference is no step: a clock that is off by less is slewed, and moves no time.
const SMALLEST_STEP: TimeDelta = TimeDelta::minutes(1);

/// Gaps that are remembered.
const GAPS_KEPT: usize = 20;

/// Continues a state after a time in which nobody watched: one that was restored and committed last at `from`, or one
/// whose process stood still from then on. Called before the first evaluation after it. Returns the gap, if there was one.
pub fn resume(state: &mut State, from: DateTime<Utc>, now: DateTime<Utc>) -> Option<Gap> {
    if from - now > SMALLEST_STEP && from - now <= SHORTEST_GAP {
        rebase(state, now - from);
    }
    if from - now > SHORTEST_GAP {
        age(&mut state.evidence, now);
        rebase::bring_back_trying(state, from, now);
        forget_skews(state);
    }
    if now - from <= SHORTEST_GAP {
        return None;
    }
    let gap = Gap { from, to: now };
    let gaps = &mut state.attention.gaps;
    gaps.push(gap);
    gaps.drain(..gaps.len().saturating_sub(GAPS_KEPT));
    // What people read last is what the text of the end is made from.
    for announcement in state.attention.announcements.values_mut() {
        announcement.page.gap = Some(gap);
    }
    restore(&mut state.evidence, gap);
    // Nobody watched whether it stayed well.
    for recurrence in state.attention.recurrences.values_mut() {
        recurrence.well_since = recurrence.well_since.map(|_| now);
    }
    for integration in state.integrations.values_mut() {
        let Some(status) = &mut integration.status else { continue };
        if status.valid_until.is_none_or(|until| until < now) {
            integration.asking_again_since = Some(now);
        }
        if status.status == Status::Unknown && status.since <= from {
            status.since += now - from;
        }
    }
    shift_trying(state, gap);
    forget_skews(state);
    Some(gap)
}

/// How far our clock is off was measured before; what the clock did meanwhile, the next answer tells.
fn forget_skews(state: &mut State) {
    for facts in state.evidence.apis.values_mut() {
        facts.clock_skew = None;
    }
}

/// Whether a rule counts how long we tried in vain.
pub(super) fn counts_trying(rule: Rule) -> bool {
    matches!(rule, Rule::StatusUnknown | Rule::UpstreamUnreachable)
}

/// The clocks that count how long we tried in vain. What lies behind the beginning of the gap was noted by another clock,
/// which was right.
fn shift_trying(state: &mut State, Gap { from, to }: Gap) {
    let move_on = |since: &mut DateTime<Utc>| {
        if *since <= from {
            *since += to - from;
        }
    };
    for facts in state.evidence.apis.values_mut() {
        let times = [&mut facts.inconclusive_since, &mut facts.unreached_since, &mut facts.unasked_since];
        times.into_iter().flatten().for_each(move_on);
    }
    for (_, incident) in state.incidents.iter_mut().filter(|(key, _)| counts_trying(key.rule)) {
        // Who is in an open one is known to people by its onset; who is not yet, waits.
        let is_open = incident.is_open();
        match incident.phase {
            IncidentPhase::Open { opened_at } if opened_at <= from => incident.tracking.unwatched += to - from,
            IncidentPhase::Open { .. } => {}
            IncidentPhase::Pending => move_on(&mut incident.since),
        }
        let IncidentState { members, tracking, .. } = incident;
        for (organization, onset) in &mut tracking.onsets {
            if !is_open || members.binary_search(organization).is_err() {
                move_on(onset);
            }
        }
    }
}

/// Lets evidence that was fresh when the gap began stand until everything had its time to be asked again.
fn restore(book: &mut EvidenceBook, gap: Gap) {
    book.each(&mut |_, book| {
        book.retain(&mut |_, observed| {
            let was_fresh = gap.from <= *observed.observed_at + observed.max_age;
            if was_fresh && observed.restored_until.is_none() {
                *observed.restored_until = Some(gap.to + ASKING_AGAIN);
            }
            true
        });
    });
}

/// Makes all evidence older than it may be used, and keeps it.
fn age(book: &mut EvidenceBook, now: DateTime<Utc>) {
    book.each(&mut |_, book| {
        book.retain(&mut |_, observed| {
            let stale = now - observed.max_age - TimeDelta::seconds(1);
            *observed.observed_at = stale.min(*observed.observed_at);
            *observed.restored_until = None;
            true
        });
    });
}
