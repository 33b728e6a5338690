//! What happens when the clocks of the machine disagree.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::Watcher;
use super::own_clock::{self, News};
use crate::clock::{ClockStep, Testimony};
use crate::domain::evidence::ClockDoubt;
use crate::domain::work::{ApiNotice, ProbeKind, ProbeRun, Work};
use crate::health;
use crate::health::SHORTEST_GAP;

/// So long every API has time to tell its date after a start. Real time.
const LONGEST_WAIT_FOR_ALL: Duration = Duration::from_mins(1);

impl Watcher {
    /// Follows the wall clock, and brings what is remembered into line with it.
    pub(super) fn follow_clock(&mut self) {
        loop {
            match self.parts.clock.follow() {
                ClockStep::Nothing => break,
                ClockStep::InDoubt { offset } => {
                    let offset_seconds = offset.num_seconds();
                    tracing::warn!(
                        offset_seconds,
                        "the wall clock jumped: it is followed when an API's date bears it out; until then time goes on \
                         as before, and nothing is told because of time alone"
                    );
                    self.ask_for_dates();
                }
                ClockStep::SetRight => tracing::warn!("the wall clock is where it was before it jumped: nothing moved"),
                ClockStep::Rebase(step) => self.on_clock_set(step),
                ClockStep::TakeBack { set_at, step } => {
                    tracing::warn!(%set_at, "the wall clock was wrong since {set_at}, and is set right again");
                    health::take_back(Arc::make_mut(&mut self.parts.state), set_at, step);
                    self.after_clock_was_set(step);
                }
                // What was due meanwhile is due now: everything is asked again. It is told as a stop, whether the machine
                // slept or we were frozen in it.
                ClockStep::Gap { from, to } => {
                    let minutes = (to - from).num_minutes();
                    tracing::warn!(%from, minutes, "down for {minutes} minutes, re-checking everything");
                    health::resume(Arc::make_mut(&mut self.parts.state), from, to);
                    self.tell_of_gaps();
                    self.parts.clock.wake_sleepers();
                    // A probe that slept meanwhile has answers from before.
                    self.clock_steps += 1;
                }
            }
            self.needs_evaluation = true;
        }
        let doubt = self.parts.clock.doubt().map(|(since, offset)| ClockDoubt { since, offset });
        let is_unconfirmed = self.parts.clock.is_unconfirmed();
        let known = &self.parts.state.evidence;
        if (known.clock_doubt, known.is_clock_unconfirmed) != (doubt, is_unconfirmed) {
            let evidence = &mut Arc::make_mut(&mut self.parts.state).evidence;
            (evidence.clock_doubt, evidence.is_clock_unconfirmed) = (doubt, is_unconfirmed);
            self.needs_evaluation = true;
        }
        if !is_unconfirmed && self.all_confirm_the_clock() {
            self.bring_back();
        }
        self.tell_of_own_clock();
    }

    /// A clock that stays wrong is told to the log, the page and the dead man's switch: meanwhile much is not told at all.
    fn tell_of_own_clock(&mut self) {
        let found = own_clock::trouble(&self.parts.state.evidence, self.fleet.thresholds.clock_skew);
        match self.own_clock.look(found, Instant::now()) {
            None => return,
            Some(News::Wrong(trouble)) => tracing::error!("trouble with the clock: {trouble}"),
            Some(News::Right) => tracing::info!("our clock is right again"),
        }
        let trouble = self.own_clock.told();
        self.parts.pulse.on_look_at_clock(trouble.is_none());
        self.parts.publisher.set_clock_trouble(trouble.map(|trouble| trouble.to_string()));
        self.needs_evaluation = true;
    }

    /// The wall clock was set, and an API's date bears it out.
    fn on_clock_set(&mut self, step: TimeDelta) {
        let step_seconds = step.num_seconds();
        let state = Arc::make_mut(&mut self.parts.state);
        // A clock that is set back ran ahead since we started with it. What was remembered before is right, unless it
        // would lie ahead of us now: then that process had the same clock.
        let started_with =
            self.parts.restored_at.filter(|at| step < TimeDelta::zero() && *at <= self.parts.clock.now());
        if let Some(restored_at) = started_with {
            tracing::warn!(
                step_seconds,
                "the wall clock ran ahead since the start: what was noted since moves with it"
            );
            health::take_back(state, restored_at, step);
        } else {
            tracing::warn!(step_seconds, "the wall clock jumped: ages are kept, times follow it");
            health::rebase(state, step);
        }
        self.after_clock_was_set(step);
    }

    /// When the last of what a clock that ran ahead of ours stored was stored, by that clock.
    pub(super) fn ahead_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.parts.restored_at.filter(|from| *from - now > SHORTEST_GAP)
    }

    /// Whether no API contradicts our clock; each that was asked had the time to.
    fn all_confirm_the_clock(&self) -> bool {
        let tolerance = self.fleet.thresholds.clock_skew;
        let skews = || self.parts.state.evidence.apis.values().map(|facts| facts.clock_skew);
        let are_all_heard = skews().all(|skew| skew.is_some()) || self.born.elapsed() >= LONGEST_WAIT_FOR_ALL;
        are_all_heard && !self.parts.clock.is_wrong() && skews().flatten().all(|skew| skew.abs() <= tolerance)
    }

    /// Our clock is right. What was stored by one that ran ahead of it lies in no future.
    fn bring_back(&mut self) {
        let now = self.parts.clock.now();
        let Some(from) = self.ahead_at(now) else { return };
        self.parts.restored_at = None;
        let ahead_seconds = (from - now).num_seconds();
        tracing::warn!(ahead_seconds, "the state was stored by a clock that ran ahead: its times are brought back");
        health::bring_back(Arc::make_mut(&mut self.parts.state), from, now);
        self.tell_of_gaps();
        self.needs_evaluation = true;
    }

    fn after_clock_was_set(&mut self, step: TimeDelta) {
        self.parts.restored_at = None;
        self.planner.on_clock_jump(step, self.parts.clock.now());
        self.tell_of_gaps();
        // What a running probe brings is dated by the clock before.
        self.clock_steps += 1;
    }

    /// Tells those who deliver in which times nobody could.
    fn tell_of_gaps(&self) {
        if let Some(herald) = &self.parts.herald {
            herald.tell_of_gaps(&self.parts.state.attention.gaps);
        }
    }

    /// Takes in what the answers of a probe tell about our clock.
    pub(super) fn hear_dates(&self, run: &ProbeRun) {
        let tolerance = self.fleet.thresholds.clock_skew;
        let mut told = BTreeMap::new();
        for failure in &run.outcome.failures {
            told.insert(&failure.api, Testimony::NoAnswer);
        }
        for notice in &run.outcome.notices {
            match notice {
                ApiNotice::Answered(api) if !matches!(told.get(api), Some(Testimony::Date(_))) => {
                    told.insert(api, Testimony::NoDate);
                }
                ApiNotice::ClockSkew(api, skew) => _ = told.insert(api, Testimony::Date(*skew)),
                ApiNotice::Answered(_) | ApiNotice::VersionEnding(..) => {}
            }
        }
        for (api, testimony) in told {
            self.parts.clock.hear(api, testimony, run.started_at, tolerance);
        }
    }

    /// Asks each API something small at once.
    fn ask_for_dates(&mut self) {
        let now = self.parts.clock.now();
        let is_small = |work: &&Work| matches!(work.kind, ProbeKind::SnykToken | ProbeKind::ScmCredential);
        let works: Vec<Work> = self.planner.works().filter(is_small).cloned().collect();
        self.planner.run_soon(works, now);
    }
}
