//! Problems on which nobody acts.

use super::stage::{Stage, daily, hours, minutes, rejected, route, severities, stale, stalled};
use crate::config::routing::Route;
use crate::domain::incident::Severity;
use crate::domain::matcher::Matcher;
use crate::notify::hearing::explain;

const NOTHING: [&str; 0] = [];
const STALLED: &str = "SyncStalled/integration/acme-bitbucket";
const STALE: &str = "TestsStale/organizations/labs-bitbucket";

fn days(days: i64) -> chrono::TimeDelta {
    hours(24 * days)
}

/// Reminded once a day, without digests.
fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.routing.routes[0].remind_every = Some(days(1));
    stage.routing.digest_every = days(1_000);
    stage.open(&stalled(), Severity::Warning);
    stage.tell(&[]);
    stage
}

/// What is told from one day to another, evaluated every hour.
fn told(stage: &mut Stage, from: i64, to: i64) -> Vec<String> {
    (from * 24..to * 24).flat_map(|hour| stage.at(hours(hour))).collect()
}

#[test]
fn reminders_stop_after_two_weeks_and_escalation_is_told() {
    let mut stage = stage();
    assert_eq!(told(&mut stage, 1, 14), vec![format!("reminder {STALLED}/warning -> chat"); 13]);
    assert_eq!(told(&mut stage, 14, 60), [format!("standing {STALLED}/warning -> chat")]);
    let hearing = explain(&stage.state, &stage.situation(), &stalled());
    assert_eq!(
        hearing[0].in_words(stage.now),
        "told 2026-12-04 09:00 UTC; nothing more for now: standing, only in the digest"
    );
    stage.incident(&stalled()).severity = Severity::Critical;
    assert_eq!(
        stage.at(days(60)),
        [format!("resolve {STALLED}/warning -> chat"), format!("trigger {STALLED}/critical -> chat")]
    );
    assert_eq!(told(&mut stage, 61, 74), vec![format!("reminder {STALLED}/critical -> chat"); 13], "it is news");
    assert_eq!(told(&mut stage, 74, 100), [format!("standing {STALLED}/critical -> chat")]);
    stage.incident(&stalled()).tracking.step = 1;
    assert_eq!(told(&mut stage, 100, 101), [format!("reminder {STALLED}/critical -> chat")], "a step towards a date");
    let resolved = stage.resolve(&stalled());
    assert_eq!(stage.tell(&[resolved]), [format!("resolve {STALLED}/critical -> chat")]);
}

#[test]
fn an_acknowledgement_counts_for_two_weeks() {
    let mut stage = stage();
    stage.at(days(10));
    stage.acknowledge(&stalled());
    assert_eq!(stage.tell(&[]), [format!("acknowledgement {STALLED}/warning -> chat")]);
    assert_eq!(told(&mut stage, 11, 24), NOTHING);
    assert_eq!(told(&mut stage, 24, 60), [format!("standing {STALLED}/warning -> chat")]);
    // Somebody else takes over.
    let incident = stalled().to_string();
    crate::notify::requests::acknowledge(&mut stage.state, &incident, "other", "my turn", stage.now).unwrap();
    assert_eq!(stage.tell(&[]), [format!("acknowledgement {STALLED}/warning -> chat")]);
    assert_eq!(told(&mut stage, 60, 73), NOTHING);
    assert_eq!(told(&mut stage, 73, 100), [format!("standing {STALLED}/warning -> chat")]);
}

#[test]
fn progress_and_growth_are_changes_and_a_list_that_sways_is_none() {
    let mut stage = Stage::new();
    stage.routing.digest_every = days(1_000);
    stage.open(&stale(), Severity::Warning);
    stage.affects(&stale(), 8);
    stage.tell(&[]);
    stage.affects(&stale(), 7);
    assert_eq!(told(&mut stage, 10, 23), NOTHING, "one was repaired on the tenth day");
    stage.affects(&stale(), 16);
    assert_eq!(told(&mut stage, 23, 37), [format!("growth {STALE}/warning -> chat")]);
    // Each day another one more or less, never fewer than before: nobody acts.
    for day in 37..60 {
        stage.affects(&stale(), 16 + u128::try_from(day).unwrap() % 2);
        let expected = if day == 37 { vec![format!("standing {STALE}/warning -> chat")] } else { Vec::new() };
        assert_eq!(stage.at(days(day)), expected, "{day}");
    }
}

#[test]
fn it_waits_for_the_end_of_a_silence_and_is_told_to_each_receiver() {
    let mut stage = Stage::new();
    stage.routing.digest_every = days(1_000);
    stage.routes(vec![
        Route { continues: true, mute_times: vec![daily("morning", 8, 12)], ..route(Matcher::default(), &["desk"]) },
        route(Matcher::default(), &["chat"]),
    ]);
    stage.open(&stalled(), Severity::Warning);
    assert_eq!(stage.tell(&[]), [format!("trigger {STALLED}/warning -> chat")]);
    assert_eq!(stage.at(hours(3)), [format!("trigger {STALLED}/warning -> desk")]);
    stage.at(days(13));
    stage.silence("holidays", Matcher::default(), days(7));
    assert_eq!(told(&mut stage, 14, 20), NOTHING);
    assert_eq!(stage.at(days(20)), [format!("standing {STALLED}/warning -> chat")]);
    assert_eq!(stage.at(days(20) + hours(3)), [format!("standing {STALLED}/warning -> desk")]);
    // Whoever hears of it for the first time hears of it once.
    stage.routes(vec![route(Matcher::default(), &["chat", "desk", "late"])]);
    assert_eq!(stage.at(days(21)), [format!("trigger {STALLED}/warning -> late")]);
    assert_eq!(told(&mut stage, 22, 50), NOTHING);
}

#[test]
fn a_new_episode_begins_anew() {
    let mut stage = stage();
    told(&mut stage, 1, 20);
    let resolved = stage.resolve(&stalled());
    stage.tell(&[resolved]);
    stage.at(days(21));
    stage.open(&stalled(), Severity::Warning);
    assert_eq!(stage.tell(&[]), [format!("trigger {STALLED}/warning -> chat")]);
    assert_eq!(stage.at(days(22)), [format!("reminder {STALLED}/warning -> chat")]);
}

#[test]
fn what_is_only_for_the_record_is_told_when_it_becomes_worse() {
    let mut stage = Stage::new();
    stage.routing.digest_every = days(1_000);
    stage.routes(vec![route(severities(&[Severity::Info]), &["chat"]), route(Matcher::default(), &["desk"])]);
    stage.open(&rejected(), Severity::Info);
    assert_eq!(told(&mut stage, 0, 20), NOTHING, "neither at once nor as standing");
    let words = |stage: &Stage| explain(&stage.state, &stage.situation(), &rejected())[0].in_words(stage.now);
    assert_eq!(words(&stage), "not told: only in the digest, as an info");
    stage.incident(&rejected()).severity = Severity::Warning;
    let key = rejected();
    assert_eq!(stage.at(days(20)), [format!("trigger {key}/warning -> desk")]);
    stage.incident(&rejected()).severity = Severity::Info;
    assert_eq!(stage.at(days(20) + minutes(1)), [format!("resolve {key}/warning -> desk")]);
}
