//! Since when: what turns verdicts into stored states and their changes into transitions.
//!
//! `unknown` overlays the last known status: coming back to it keeps its `since`. A change of reason does not reset it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::{Condition, ConditionState, Reason};
use crate::domain::evidence::End;
use crate::domain::fleet::WatchedGroup;
use crate::domain::kinds::{Confidence, Truth};
use crate::domain::names::{IntegrationKey, Revision};
use crate::domain::state::{Change, GroupMemory, IntegrationState, Transition};
use crate::domain::status::{KnownStatus, Status, StatusState};

use super::resume::ASKING_AGAIN;
use super::verdict::{Basis, Verdict};
use super::words::span;

/// A derived status with its words.
pub(super) struct Described {
    pub(super) status: Status,
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) next_step: Option<String>,
    /// Who did not give the answer that decides it.
    pub(super) unanswered: Option<End>,
    pub(super) confidence: Confidence,
    pub(super) basis: Basis,
    pub(super) last_proof_of_life_at: Option<DateTime<Utc>>,
}

/// Writes one integration's verdicts at `now`, and collects what changed.
pub(super) struct Recorder<'a> {
    pub(super) key: &'a IntegrationKey,
    pub(super) state: &'a mut IntegrationState,
    pub(super) transitions: &'a mut Vec<Transition>,
    /// The version of configuration and credentials that the verdicts speak of.
    pub(super) revision: Option<Revision>,
    pub(super) now: DateTime<Utc>,
}

impl Recorder<'_> {
    /// Replaces the conditions; one that is no longer judged is dropped.
    pub(super) fn conditions(&mut self, verdicts: impl IntoIterator<Item = (Condition, Verdict)>) {
        let mut judged = Vec::with_capacity(Condition::ALL.len());
        for (condition, verdict) in verdicts {
            judged.push(condition);
            let previous = self.state.conditions.get(&condition);
            let from = previous.map(|state| state.truth);
            let since = match previous {
                Some(previous) if previous.truth == verdict.truth => previous.since,
                _ => self.now,
            };
            let message = self.with_age(verdict.message, verdict.basis);
            if from.unwrap_or(Truth::Unknown) != verdict.truth {
                self.transitions.push(Transition {
                    at: self.now,
                    change: Change::Condition {
                        integration: self.key.clone(),
                        condition,
                        from,
                        to: verdict.truth,
                        reason: verdict.reason,
                    },
                    cause: message.clone(),
                });
            }
            self.state.conditions.insert(
                condition,
                ConditionState {
                    truth: verdict.truth,
                    reason: verdict.reason,
                    message,
                    since,
                    source: verdict.source,
                    confidence: verdict.confidence,
                    confirming: verdict.confirming,
                    observed_at: verdict.basis.observed_at,
                    valid_until: verdict.basis.valid_until,
                    proof: verdict.proof,
                    observed_revision: self.revision.filter(|_| verdict.basis.observed_at.is_some()),
                    restored: verdict.basis.is_restored(self.now),
                },
            );
        }
        if self.state.conditions.len() > judged.len() {
            self.state.conditions.retain(|condition, _| judged.contains(condition));
        }
    }

    /// What rests on evidence from before a gap says so, with its age.
    fn with_age(&self, message: String, basis: Basis) -> String {
        match basis.observed_at.filter(|_| basis.is_restored(self.now)) {
            Some(at) => format!("{message} (restored: observed {} ago, not asked again yet)", span(self.now - at)),
            None => message,
        }
    }

    /// Whether what is known was observed before a gap, and was not asked again yet.
    fn is_asking_again(&self, basis: Basis) -> bool {
        let asked_again = |since| basis.observed_at.is_some_and(|at| at >= since);
        self.state.asking_again_since.is_some_and(|since| !asked_again(since) && self.now - since < ASKING_AGAIN)
    }

    /// Replaces the status. `connected_for`: it must hold so long to count as a time of being connected.
    pub(super) fn status(&mut self, described: Described, connected_for: TimeDelta) {
        let is_asking_again = self.is_asking_again(described.basis);
        if !is_asking_again {
            self.state.asking_again_since = None;
        }
        let message = self.with_age(described.message, described.basis);
        let previous = self.state.status.take();
        let shown_before = previous.as_ref().map(|state| (state.status, state.reason));
        let shown = (described.status, described.reason);
        if shown_before != Some(shown) {
            self.transitions.push(Transition {
                at: self.now,
                change: Change::Status { integration: self.key.clone(), from: shown_before, to: shown },
                cause: message.clone(),
            });
        }
        let known_before = previous.as_ref().and_then(|state| state.known.clone());
        let known_status_before = known_before.as_ref().map(|known| known.status);
        let (known, since) = if described.status == Status::Unknown {
            let since = match &previous {
                Some(state) if state.status == Status::Unknown => state.since,
                _ => self.now,
            };
            (known_before, since)
        } else {
            let since = match known_before {
                Some(known) if known.status == described.status => known.since,
                _ => self.now,
            };
            (Some(KnownStatus { status: described.status, reason: described.reason, since }), since)
        };
        let ends_nothing = !matches!(described.status, Status::NothingToWatch | Status::Unknown);
        if ends_nothing && known_status_before == Some(Status::NothingToWatch) {
            self.state.group.nothing_ended_at = Some(self.now);
        }
        let mut last_connected_at = previous.as_ref().and_then(|state| state.last_connected_at);
        match described.status {
            Status::Connected => {
                self.state.group.connected_since = Some(since);
                // It is known of the time of its evidence, and before it was asked again after a gap of no other.
                if self.now - since >= connected_for && !is_asking_again {
                    last_connected_at = last_connected_at.max(described.basis.observed_at);
                }
            }
            Status::Unknown => {}
            _ => self.state.group.connected_since = None,
        }
        self.state.unanswered = described.unanswered.filter(|_| described.status == Status::Unknown);
        let life_before = previous.and_then(|state| state.last_proof_of_life_at);
        self.state.status = Some(StatusState {
            status: described.status,
            reason: described.reason,
            message,
            next_step: described.next_step,
            confidence: described.confidence,
            since,
            known,
            last_connected_at,
            last_proof_of_life_at: life_before.max(described.last_proof_of_life_at),
            valid_until: described.basis.valid_until,
            restored: described.basis.is_restored(self.now),
        });
    }
}

/// Up to when a Group was connected, or had no time yet to be: the last time it was connected, before that its set-up
/// or first sight; and not before it had something to watch.
pub(super) fn connected_until(integration: &IntegrationState, group: &WatchedGroup) -> DateTime<Utc> {
    let set_up = group.configured_at.unwrap_or(integration.first_seen_at);
    let last_connected = integration.status.as_ref().and_then(|status| status.last_connected_at);
    let until = last_connected.map_or(set_up, |last| last.max(group.configured_at.unwrap_or(last)));
    integration.group.nothing_ended_at.map_or(until, |ended_at| until.max(ended_at))
}

/// From when a time of being partially connected counts: from [`connected_until`]; while the first fill goes on, from
/// the last arrival; when the Inventory was lost, from the loss.
pub fn partially_connected_since(integration: &IntegrationState, group: &WatchedGroup) -> DateTime<Utc> {
    let base = connected_until(integration, group);
    let memory = &integration.group;
    if let Some(lost_at) = inventory_lost_at(memory) {
        return base.max(lost_at);
    }
    match memory.arrivals.last().filter(|arrival| arrival.found > 0 && memory.first_fill_completed_at.is_none()) {
        Some(arrival) => base.max(arrival.at),
        None => base,
    }
}

/// When the first of the Inventories that are lost was.
fn inventory_lost_at(memory: &GroupMemory) -> Option<DateTime<Utc>> {
    let namespaces = memory.profiles.values().flat_map(|profile| profile.namespaces.values());
    namespaces.filter_map(|namespace| namespace.inventory_lost_at).min()
}
