//! Clocks that are set, and what people asked for.

use chrono::TimeDelta;

use super::stage::{Stage, hours, stalled, start};
use crate::domain::attention::Counted;
use crate::domain::incident::Severity;
use crate::domain::matcher::Matcher;
use crate::health::{rebase, take_back};

fn all() -> Matcher {
    Matcher::default()
}

/// Before: the clock was set back by 20 minutes, the silence was to begin in 20 minutes, and the page left.
#[test]
fn a_silence_holds_for_the_span_that_is_left_when_the_clock_is_set() {
    let at = |minute| start() + TimeDelta::minutes(minute);
    // What of it our own clock gave, when it was to begin and to end, and when the page leaves.
    for (counted, from, until, leaves) in [
        // 50 of its 60 minutes are left when it is ten past, and then ten to.
        (Counted::Span, 0, 60, 40),
        // Until an instant that somebody named: that is when it is.
        (Counted::Start, 0, 60, 60),
        // A window that somebody named, which had begun; and one that had not. Neither moves.
        (Counted::Instants, -30, 60, 60),
        (Counted::Instants, 0, 60, -10),
        (Counted::Instants, 30, 60, -10),
    ] {
        let mut stage = Stage::new();
        stage.silence("one", all(), hours(1));
        let silence = stage.state.attention.silences.get_mut(&"one".into()).unwrap();
        (silence.counted, silence.starts_at, silence.ends_at) = (counted, at(from), at(until));
        stage.now = at(10);
        rebase(&mut stage.state, TimeDelta::minutes(-20));
        stage.now = at(-10);
        stage.open(&stalled(), Severity::Critical);
        let told_at = (-10..90).find(|minute| {
            stage.now = at(*minute);
            !stage.tell(&[]).is_empty()
        });
        assert_eq!(told_at, Some(leaves), "{counted}, from {from} to {until}");
    }
}

#[test]
fn a_silence_that_was_there_before_the_clock_ran_ahead_stays_where_it_is() {
    let mut stage = Stage::new();
    stage.silence("before", all(), hours(2));
    let before = stage.state.attention.silences[&"before".into()].clone();
    let set_at = start() + hours(1);
    stage.now = set_at + hours(24);
    stage.silence("since", all(), hours(2));
    take_back(&mut stage.state, set_at, hours(-24));
    assert_eq!(stage.state.attention.silences[&"before".into()], before, "it has an hour left");
    let since = &stage.state.attention.silences[&"since".into()];
    assert_eq!((since.starts_at, since.ends_at), (set_at, set_at + hours(2)));
}
