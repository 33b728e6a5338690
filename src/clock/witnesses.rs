//! What the APIs tell of a wall clock that jumped. One that bears it out is believed only when none contradicts it: it may
//! be wrong in the same way. So those that tell dates are waited for, as long as an answer may take.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::names::ApiName;

/// An API that answers and tells no date for so long never will: then the machine is believed as it is.
const LONGEST_WAIT_FOR_A_DATE: TimeDelta = TimeDelta::minutes(15);

/// So long every API that told a date before has time to tell one again: each is asked at once.
const LONGEST_WAIT_FOR_ALL: TimeDelta = TimeDelta::minutes(1);

/// What became of asking an API, about our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Testimony {
    /// Domain time minus the API's.
    Date(TimeDelta),
    /// It answered without a date.
    NoDate,
    /// It gave no answer.
    NoAnswer,
}

/// Who is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belief {
    /// Nobody has told yet, or they contradict each other.
    Open,
    /// The wall clock.
    Wall,
    /// Domain time.
    Domain,
}

/// What one API says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// It was not heard since the jump.
    Awaited,
    /// Nothing, or another time than both.
    Neither,
    Wall,
    Domain,
}

/// The APIs that told a date, with what each says of the present jump.
#[derive(Debug, Default)]
pub(super) struct Witnesses(BTreeMap<ApiName, Voice>);

impl Witnesses {
    /// Whether an API that told no date at `asked_at` is one that never does.
    pub(super) fn never_tells(since: DateTime<Utc>, asked_at: DateTime<Utc>) -> bool {
        asked_at - since >= LONGEST_WAIT_FOR_A_DATE
    }

    /// The wall clock jumped, once more: what was said is about another time.
    pub(super) fn dismiss(&mut self) {
        self.0.values_mut().for_each(|voice| *voice = Voice::Awaited);
    }

    /// `offset`: how far the wall clock is ahead of domain time, if it is.
    pub(super) fn hear(
        &mut self,
        api: &ApiName,
        testimony: Testimony,
        offset: Option<TimeDelta>,
        tolerance: TimeDelta,
    ) {
        match testimony {
            Testimony::Date(off) => {
                let voice = offset.map_or(Voice::Domain, |offset| voice(off, offset, tolerance));
                self.0.insert(api.clone(), voice);
            }
            Testimony::NoDate | Testimony::NoAnswer => {
                if let Some(voice) = self.0.get_mut(api).filter(|voice| **voice == Voice::Awaited) {
                    *voice = Voice::Neither;
                }
            }
        }
    }

    /// Whether any of them took a side.
    pub(super) fn has_told(&self) -> bool {
        self.says(Voice::Wall) || self.says(Voice::Domain)
    }

    /// Whom they bear out, so long after the jump.
    pub(super) fn verdict(&self, waited: TimeDelta) -> Belief {
        let is_awaited = waited < LONGEST_WAIT_FOR_ALL && self.says(Voice::Awaited);
        match (self.says(Voice::Wall), self.says(Voice::Domain)) {
            _ if is_awaited => Belief::Open,
            (true, false) => Belief::Wall,
            (false, true) => Belief::Domain,
            (true, true) | (false, false) => Belief::Open,
        }
    }

    fn says(&self, wanted: Voice) -> bool {
        self.0.values().any(|voice| *voice == wanted)
    }
}

fn voice(domain_off: TimeDelta, offset: TimeDelta, tolerance: TimeDelta) -> Voice {
    let (domain_off, wall_off) = (domain_off.abs(), (domain_off + offset).abs());
    if wall_off.min(domain_off) > tolerance {
        Voice::Neither
    } else if wall_off < domain_off {
        Voice::Wall
    } else {
        Voice::Domain
    }
}
