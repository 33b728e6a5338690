//! What people may ask for, and what they are told when they may not.

use chrono::TimeDelta;

use super::stage::{Stage, hours, stalled, start};
use crate::domain::attention::{Counted, Silence};
use crate::domain::incident::{IncidentPhase, Severity};
use crate::domain::matcher::Matcher;
use crate::domain::state::State;
use crate::notify::requests::{
    Breadth, LONGEST_AUTHOR, LONGEST_REASON, LONGEST_WORD, MOST_PATTERNS, MOST_SILENCES, RequestError, acknowledge,
    expire_silence, silence, withdraw_acknowledgement,
};

fn example() -> Silence {
    Silence {
        matcher: Matcher { owners: vec!["labs".to_owned()], ..Matcher::default() },
        author: "on-call".to_owned(),
        reason: "we know".to_owned(),
        starts_at: start(),
        ends_at: start() + hours(2),
        counted: Counted::Span,
    }
}

fn ask(state: &mut State, id: &str, wanted: Silence) -> Result<(), RequestError> {
    silence(state, id.into(), wanted, Breadth::Matching, start() + hours(1)).map(drop)
}

#[test]
fn a_silence_must_be_complete_and_end_in_the_future() {
    let check = |change: &dyn Fn(&mut Silence), expected: &str| {
        let mut state = State::default();
        let mut wanted = example();
        change(&mut wanted);
        assert_eq!(ask(&mut state, "one", wanted).unwrap_err().to_string(), expected);
        assert_eq!(state, State::default());
    };
    check(&|silence| silence.author = " \t".to_owned(), "the author is empty: say who wants the silence");
    check(&|silence| silence.reason.clear(), "the reason is empty: say why");
    check(&|silence| silence.author = "é".repeat(LONGEST_AUTHOR + 1), "the author is too long: 200 at most");
    check(&|silence| silence.reason = "é".repeat(LONGEST_REASON + 1), "the reason is too long: 2000 at most");
    check(
        &|silence| silence.ends_at = silence.starts_at,
        "the silence would end at 2026-11-20 09:00:00 UTC, before it starts (2026-11-20 09:00:00 UTC): give a later end",
    );
    check(
        &|silence| silence.ends_at = start() + hours(1),
        "the silence would have ended already, at 2026-11-20 10:00:00 UTC (now: 2026-11-20 10:00:00 UTC): give an end in \
         the future",
    );
    check(
        &|silence| silence.matcher = Matcher::default(),
        "the silence would cover every incident: name what it is about, or say that everything is meant",
    );
    check(&|silence| silence.matcher.owners = vec![String::new()], "a pattern is empty: say what it matches");
    check(&|silence| silence.matcher.owners = vec!["x".repeat(LONGEST_WORD + 1)], "a pattern is too long: 500 at most");
    check(
        &|silence| silence.matcher.integrations = vec!["x".to_owned(); MOST_PATTERNS + 1],
        "the list of integrations is too long: 100 at most",
    );
    check(&|silence| silence.matcher.incident = Some(String::new()), "the incident is empty: say RULE/SUBJECT");
}

#[test]
fn everything_is_silenced_only_when_it_is_meant() {
    let mut state = State::default();
    let everything = Silence { matcher: Matcher::default(), ..example() };
    silence(&mut state, "one".into(), everything, Breadth::Everything, start()).unwrap();
    assert_eq!(state.attention.silences.len(), 1);
}

#[test]
fn a_repeated_request_makes_no_second_silence() {
    let mut state = State::default();
    ask(&mut state, "one", example()).unwrap();
    ask(&mut state, "one", example()).unwrap();
    let other = Silence { reason: "another".to_owned(), ..example() };
    let refused = ask(&mut state, "one", other).unwrap_err();
    assert_eq!(refused.to_string(), "the silence one exists with another content: expire it and make a new one");
    assert_eq!(state.attention.silences.len(), 1);
}

#[test]
fn silences_are_bounded_in_number() {
    let mut state = State::default();
    for number in 0..MOST_SILENCES {
        ask(&mut state, &number.to_string(), example()).unwrap();
    }
    assert_eq!(ask(&mut state, "more", example()), Err(RequestError::TooManySilences { most: MOST_SILENCES }));
    expire_silence(&mut state, &"7".into(), start() + hours(1)).unwrap();
    ask(&mut state, "more", example()).unwrap();
}

#[test]
fn a_silence_is_expired_at_once_and_for_good() {
    let mut state = State::default();
    let now = start() + hours(1);
    ask(&mut state, "one", example()).unwrap();
    let (starts_at, ends_at) = (start() + hours(5), start() + hours(6));
    let later = Silence { starts_at, ends_at, counted: Counted::Instants, ..example() };
    ask(&mut state, "two", later).unwrap();
    for id in ["one", "two"] {
        assert!(expire_silence(&mut state, &id.into(), now).is_ok());
        let expired = state.attention.silences[&id.into()].clone();
        assert_eq!(expired.ends_at, now);
        assert!((0..20).all(|half| !expired.is_active(now + TimeDelta::minutes(30 * half))), "{id}");
        expire_silence(&mut state, &id.into(), now + hours(1)).unwrap();
        assert_eq!(state.attention.silences[&id.into()], expired, "a repetition changes nothing");
        // Nor does a clock that is set back bring it back.
        let mut set_back = state.clone();
        crate::health::rebase(&mut set_back, -hours(1));
        assert!(!set_back.attention.silences[&id.into()].is_active(now - hours(1)), "{id}");
        assert!(!set_back.attention.silences[&id.into()].is_active(now - TimeDelta::minutes(1)), "{id}");
    }
    assert_eq!(
        expire_silence(&mut state, &"three".into(), now).unwrap_err().to_string(),
        "there is no silence three: list the silences for their ids"
    );
}

#[test]
fn an_incident_is_acknowledged_by_its_text() {
    let mut stage = Stage::new();
    stage.open(&stalled(), Severity::Warning);
    let text = "SyncStalled/integration/acme-bitbucket";
    let ask = |stage: &mut Stage, incident: &str, author: &str, comment: &str| {
        acknowledge(&mut stage.state, incident, author, comment, stage.now).map_err(|error| error.to_string())
    };
    assert_eq!(ask(&mut stage, text, "ann", ""), Ok(stalled()));
    let first = stage.state.attention.acknowledgements[&stalled()].clone();
    stage.now += hours(1);
    assert_eq!(ask(&mut stage, text, "ann", ""), Ok(stalled()));
    assert_eq!(stage.state.attention.acknowledgements[&stalled()], first, "a repetition changes nothing");
    assert_eq!(ask(&mut stage, text, "ben", "mine"), Ok(stalled()));
    assert_eq!(stage.state.attention.acknowledgements[&stalled()].author, "ben");
    assert_eq!(ask(&mut stage, text, "", ""), Err("the author is empty: say who takes care of it".to_owned()));
    let long = "x".repeat(LONGEST_REASON + 1);
    assert_eq!(ask(&mut stage, text, "ann", &long), Err("the comment is too long: 2000 at most".to_owned()));
    assert_eq!(
        ask(&mut stage, "SyncStalled/integration/other", "ann", ""),
        Err("there is no open incident SyncStalled/integration/other: list the incidents for their ids (RULE/SUBJECT)"
            .to_owned())
    );
    assert_eq!(withdraw_acknowledgement(&mut stage.state, text), Ok(stalled()));
    assert_eq!(
        withdraw_acknowledgement(&mut stage.state, text).unwrap_err().to_string(),
        "the incident SyncStalled/integration/acme-bitbucket is not acknowledged: there is nothing to withdraw"
    );
    stage.incident(&stalled()).phase = IncidentPhase::Pending;
    assert_eq!(
        ask(&mut stage, text, "ann", ""),
        Err("the incident SyncStalled/integration/acme-bitbucket is pending, and nobody was told of it: make a silence \
             to keep it quiet"
            .to_owned())
    );
}

/// What somebody pastes: it breaks the line, drives a terminal, hides and turns.
const HOSTILE: &str = "Q1\u{1b}[31m\u{202e}\u{200b}\0<b>\nQ2";

#[test]
fn what_people_type_is_made_harmless_and_a_repetition_is_still_one() {
    let mut state = State::default();
    let hostile = Silence { author: HOSTILE.to_owned(), reason: HOSTILE.to_owned(), ..example() };
    ask(&mut state, "one", hostile.clone()).unwrap();
    let kept = state.attention.silences[&"one".into()].clone();
    assert_eq!((kept.author.as_str(), kept.reason.as_str()), ("Q1 [31m <b> Q2", "Q1 [31m <b> Q2"));
    ask(&mut state, "one", hostile.clone()).unwrap();
    for nobody in ["\u{200b}\u{feff} ", "\u{2800}", "\u{3164}", "\u{301}", "\u{fe0f}"] {
        let nobody = Silence { author: nobody.to_owned(), ..example() };
        let refused = ask(&mut state, "two", nobody).unwrap_err();
        assert_eq!(refused.to_string(), "the author is empty: say who wants the silence");
    }
    // What was stored as it came is harmless when it is read.
    let stored = serde_json::to_string(&hostile).unwrap();
    assert_eq!(serde_json::from_str::<Silence>(&stored).unwrap(), kept);

    let mut scene = Stage::new();
    scene.open(&stalled(), Severity::Warning);
    let text = "SyncStalled/integration/acme-bitbucket";
    acknowledge(&mut scene.state, text, HOSTILE, HOSTILE, scene.now).unwrap();
    let kept = scene.state.attention.acknowledgements[&stalled()].clone();
    assert_eq!((kept.author.as_str(), kept.comment.as_str()), ("Q1 [31m <b> Q2", "Q1 [31m <b> Q2"));
    // Names of people and what they say are not only English, and some are written with what takes no room.
    for name in
        ["Zoë 東京", "\u{1f469}\u{200d}\u{1f4bb} Ada", "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}"]
    {
        acknowledge(&mut scene.state, text, name, "läuft – 🦀", scene.now).unwrap();
        let kept = &scene.state.attention.acknowledgements[&stalled()];
        assert_eq!((kept.author.as_str(), kept.comment.as_str()), (name, "läuft – 🦀"));
    }
}

#[test]
fn what_is_compared_with_names_is_refused_and_not_changed() {
    let mut state = State::default();
    let mut wanted = example();
    wanted.matcher.integrations = vec!["\u{200b}*".to_owned()];
    let expected = "a pattern holds the character U+200B, which is not seen or changes what is seen: write it without";
    assert_eq!(ask(&mut state, "one", wanted).unwrap_err().to_string(), expected);
    assert_eq!(state, State::default());
}
