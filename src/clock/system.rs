//! Domain time on a real machine: the wall clock read once, then carried forward by the monotonic clock.
//!
//! A wall clock that jumps is a claim, not a fact. It is followed when a `Date` header of an API bears it out and none
//! contradicts it ([`witnesses`](super::witnesses)); until then domain time runs on as if nothing had happened, and says
//! that it is in doubt. A wall clock that was wrong for a moment, or that no API agrees with, moves nothing. What a machine
//! slept is no claim: its own boot clock counts it; nor is what it let pass without letting us look.

use chrono::{DateTime, TimeDelta, Utc};

use super::step::{ClockStep, Forward, JUMP_THRESHOLD, SHORTEST_GAP};
use super::witnesses::{Belief, Testimony, Witnesses};
use crate::domain::names::ApiName;

/// What the machine's clocks show at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Readings {
    /// What people and time servers set.
    pub(super) wall: DateTime<Utc>,
    /// Since the clock was made. It stands still while the machine sleeps.
    pub(super) monotonic: TimeDelta,
    /// Since the machine started, its sleep included.
    pub(super) boot: TimeDelta,
}

/// A wall clock that jumped.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    /// When it was seen, in the domain time before it.
    since: DateTime<Utc>,
    /// How far the wall clock is ahead of domain time.
    offset: TimeDelta,
    belief: Belief,
}

/// Domain time, and what is known of the clocks that it rests on.
#[derive(Debug)]
pub(super) struct System {
    /// Domain time when the clocks were read last.
    domain: DateTime<Utc>,
    readings: Readings,
    /// How far domain time was set, gaps left out.
    set_by: TimeDelta,
    doubt: Option<Doubt>,
    witnesses: Witnesses,
    /// Set until an API has confirmed the clock with which we began: when that was.
    unconfirmed_since: Option<DateTime<Utc>>,
    /// The last date that an API told was another one than domain time.
    is_contradicted: bool,
    /// The last gap, if it came of a step: it may be taken back.
    set_forward: Option<Forward>,
}

impl System {
    pub(super) fn new(readings: Readings) -> Self {
        Self {
            domain: readings.wall,
            readings,
            set_by: TimeDelta::zero(),
            doubt: None,
            witnesses: Witnesses::default(),
            unconfirmed_since: Some(readings.wall),
            is_contradicted: false,
            set_forward: None,
        }
    }

    pub(super) fn now(&self, monotonic: TimeDelta) -> DateTime<Utc> {
        self.domain + (monotonic - self.readings.monotonic)
    }

    /// Domain time as if it had never been set: spans that are counted in it pass neither sooner nor later.
    pub(super) fn unset(&self, monotonic: TimeDelta) -> DateTime<Utc> {
        self.now(monotonic) - self.set_by
    }

    /// How far domain time was set, gaps left out.
    pub(super) fn set_by(&self) -> TimeDelta {
        self.set_by
    }

    /// How far the wall clock is ahead, and since when, while nobody has told which of the two is right.
    pub(super) fn doubt(&self) -> Option<(DateTime<Utc>, TimeDelta)> {
        let doubt = self.doubt.filter(|doubt| doubt.belief == Belief::Open)?;
        Some((doubt.since, doubt.offset))
    }

    /// Whether no API has confirmed our time since we began.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.unconfirmed_since.is_some()
    }

    /// Whether domain time is known not to be right, or may not be.
    pub(super) fn is_wrong(&self) -> bool {
        self.is_contradicted || self.is_unconfirmed() || self.doubt().is_some()
    }

    /// An API was asked at `asked_at`. `tolerance`: what counts as agreeing.
    pub(super) fn hear(&mut self, api: &ApiName, testimony: Testimony, asked_at: DateTime<Utc>, tolerance: TimeDelta) {
        match testimony {
            Testimony::Date(off) => {
                self.is_contradicted = off.abs() > tolerance;
                self.unconfirmed_since = self.unconfirmed_since.filter(|_| self.is_contradicted);
            }
            Testimony::NoDate => {
                self.unconfirmed_since =
                    self.unconfirmed_since.filter(|since| !Witnesses::never_tells(*since, asked_at));
            }
            Testimony::NoAnswer => {}
        }
        let offset = self.doubt.map(|doubt| doubt.offset);
        // What was asked before tells of the time before.
        if self.doubt.is_none_or(|doubt| asked_at >= doubt.since) {
            self.witnesses.hear(api, testimony, offset, tolerance);
        }
        let Some(doubt) = &mut self.doubt else { return };
        if asked_at < doubt.since || doubt.belief == Belief::Wall {
            return;
        }
        let is_undated = testimony == Testimony::NoDate && Witnesses::never_tells(doubt.since, asked_at);
        doubt.belief = match self.witnesses.verdict(asked_at - doubt.since) {
            Belief::Open if is_undated && !self.witnesses.has_told() => Belief::Wall,
            belief => belief,
        };
    }

    /// Compares domain time with the machine's clocks and follows them, as far as they are believed.
    pub(super) fn follow(&mut self, readings: Readings) -> ClockStep {
        let looked_at = self.domain;
        let monotonic = readings.monotonic - self.readings.monotonic;
        let passed = (readings.boot - self.readings.boot).max(monotonic);
        self.domain += passed;
        self.readings = readings;
        // The machine slept, or we were frozen in it: what went by, nobody saw.
        if passed > SHORTEST_GAP {
            return ClockStep::Gap { from: looked_at, to: self.domain };
        }
        let offset = readings.wall - self.domain;
        if offset.abs() <= JUMP_THRESHOLD {
            // Slewing backwards would make domain time run backwards: we wait for the wall to catch up.
            self.domain = self.domain.max(readings.wall);
            return if self.doubt.take().is_some() { ClockStep::SetRight } else { ClockStep::Nothing };
        }
        if let Some(doubt) = self.doubt.as_mut().filter(|doubt| doubt.belief == Belief::Open) {
            // Who has not answered by now may never do.
            doubt.belief = self.witnesses.verdict(self.domain - doubt.since);
        }
        let known = self.doubt.filter(|doubt| (doubt.offset - offset).abs() <= JUMP_THRESHOLD);
        match known {
            Some(Doubt { belief: Belief::Wall, .. }) => self.set(offset),
            Some(_) => ClockStep::Nothing,
            None => {
                self.witnesses.dismiss();
                self.doubt = Some(Doubt { since: self.domain, offset, belief: Belief::Open });
                ClockStep::InDoubt { offset }
            }
        }
    }

    /// Takes over what the wall clock shows.
    fn set(&mut self, offset: TimeDelta) -> ClockStep {
        let from = self.domain;
        self.doubt = None;
        self.is_contradicted = false;
        self.domain += offset;
        if offset > SHORTEST_GAP {
            self.set_forward = Some(Forward { at: from, by: offset });
            return ClockStep::Gap { from, to: self.domain };
        }
        self.set_by += offset;
        match self.set_forward.take() {
            Some(forward) if (forward.by + offset).abs() <= JUMP_THRESHOLD => {
                ClockStep::TakeBack { set_at: forward.at, step: offset }
            }
            _ => ClockStep::Rebase(offset),
        }
    }
}

#[cfg(test)]
mod tests;
