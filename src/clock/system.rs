//! Domain time on a real machine: the wall clock read once, then carried forward by the monotonic clock.
//!
//! A wall clock that jumps is a claim, not a fact. It is followed when a `Date` header of an API bears it out; until
//! then domain time runs on as if nothing had happened, and says that it is in doubt. A wall clock that was wrong for a
//! moment, or that no API agrees with, moves nothing. What a machine slept is no claim: its own boot clock counts it.

use chrono::{DateTime, TimeDelta, Utc};

use super::step::{ClockStep, Forward, JUMP_THRESHOLD, SHORTEST_GAP};

/// An API that answers and tells no date for so long never will: then the machine is believed as it is.
const LONGEST_WAIT_FOR_A_DATE: TimeDelta = TimeDelta::minutes(15);

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

/// What an answer of an API tells about our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Testimony {
    /// Domain time minus the API's.
    Date(TimeDelta),
    /// It answered without a date.
    NoDate,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    /// Nobody has told yet who is right.
    Open,
    /// The wall clock is right.
    Wall,
    /// Domain time is right.
    Domain,
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

    /// Whether domain time is known not to be right, or may not be.
    pub(super) fn is_wrong(&self) -> bool {
        self.is_contradicted || self.doubt().is_some()
    }

    /// An API has answered a request that left at `asked_at`. `tolerance`: what counts as agreeing.
    pub(super) fn hear(&mut self, testimony: Testimony, asked_at: DateTime<Utc>, tolerance: TimeDelta) {
        if let Testimony::Date(off) = testimony {
            self.is_contradicted = off.abs() > tolerance;
        }
        let Some(doubt) = &mut self.doubt else { return };
        // What was asked before tells of the time before.
        if asked_at < doubt.since || doubt.belief == Belief::Wall {
            return;
        }
        match testimony {
            Testimony::Date(domain_off) => {
                let wall_off = (domain_off + doubt.offset).abs();
                let domain_off = domain_off.abs();
                if wall_off.min(domain_off) > tolerance {
                    return;
                }
                doubt.belief = if wall_off < domain_off { Belief::Wall } else { Belief::Domain };
            }
            Testimony::NoDate if doubt.belief == Belief::Open => {
                if asked_at - doubt.since >= LONGEST_WAIT_FOR_A_DATE {
                    doubt.belief = Belief::Wall;
                }
            }
            Testimony::NoDate => {}
        }
    }

    /// Compares domain time with the machine's clocks and follows them, as far as they are believed.
    pub(super) fn follow(&mut self, readings: Readings) -> ClockStep {
        let monotonic = readings.monotonic - self.readings.monotonic;
        let boot = (readings.boot - self.readings.boot).max(monotonic);
        let fell_asleep = self.domain + monotonic;
        self.domain += boot;
        self.readings = readings;
        if boot - monotonic > SHORTEST_GAP {
            return ClockStep::Gap { from: fell_asleep, to: self.domain };
        }
        let offset = readings.wall - self.domain;
        if offset.abs() <= JUMP_THRESHOLD {
            // Slewing backwards would make domain time run backwards: we wait for the wall to catch up.
            self.domain = self.domain.max(readings.wall);
            return if self.doubt.take().is_some() { ClockStep::SetRight } else { ClockStep::Nothing };
        }
        let known = self.doubt.filter(|doubt| (doubt.offset - offset).abs() <= JUMP_THRESHOLD);
        match known {
            Some(Doubt { belief: Belief::Wall, .. }) => self.set(offset),
            Some(_) => ClockStep::Nothing,
            None => {
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
