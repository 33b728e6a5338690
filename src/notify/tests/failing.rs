//! Receivers that reject what they are sent.

use super::stage::{Stage, hours, minutes, rejected, route, severities, stalled};
use crate::config::routing::Route;
use crate::domain::incident::Severity;
use crate::domain::matcher::Matcher;
use crate::domain::notification::Dispatch;

const NOTHING: [&str; 0] = [];

fn stage() -> Stage {
    let mut stage = Stage::new();
    let team = Matcher { owners: vec!["labs".to_owned()], ..Matcher::default() };
    stage.routes(vec![
        Route { continues: true, ..route(severities(&[Severity::Critical]), &["pager"]) },
        route(team, &["team"]),
        route(severities(&[Severity::Warning, Severity::Critical]), &["chat", "desk"]),
    ]);
    stage
}

#[test]
fn another_receiver_is_told_once_and_of_the_end() {
    let mut stage = stage();
    stage.fails("pager");
    assert_eq!(stage.tell(&[]), ["trigger ReceiverFailing/receiver/pager/warning -> chat"]);
    assert_eq!(stage.at(hours(100)), NOTHING);
    stage.failing.clear();
    assert_eq!(stage.at(hours(101)), ["resolve ReceiverFailing/receiver/pager/warning -> chat"]);
    assert!(stage.state.attention.announcements.is_empty());
}

#[test]
fn the_best_reader_takes_warnings_and_is_nobodys_own() {
    // Who fails, and who is told of the first of them.
    for (failing, reader) in [
        (&["pager"][..], Some("chat")),
        (&["chat"], Some("desk")),
        (&["chat", "desk"], Some("team")),
        (&["chat", "desk", "team"], Some("pager")),
        (&["chat", "desk", "team", "pager"], None),
    ] {
        let mut stage = stage();
        for receiver in failing {
            stage.fails(receiver);
        }
        let told = stage.tell(&[]);
        let first = failing[0];
        let expected = reader.map(|reader| format!("trigger ReceiverFailing/receiver/{first}/warning -> {reader}"));
        assert_eq!(told.iter().find(|line| line.contains(&format!("/{first}/"))), expected.as_ref(), "{failing:?}");
    }
}

#[test]
fn a_report_moves_on_when_its_reader_fails_too() {
    let mut stage = stage();
    stage.fails("pager");
    stage.tell(&[]);
    stage.fails("chat");
    assert_eq!(
        stage.at(hours(1)),
        [
            "trigger ReceiverFailing/receiver/chat/warning -> desk",
            "trigger ReceiverFailing/receiver/pager/warning -> desk"
        ]
    );
    stage.failing.remove(&"chat".into());
    assert_eq!(stage.at(hours(2)), ["resolve ReceiverFailing/receiver/chat/warning -> desk"]);
    stage.failing.clear();
    assert_eq!(stage.at(hours(3)), ["resolve ReceiverFailing/receiver/pager/warning -> chat, desk"]);
}

#[test]
fn a_receiver_that_is_gone_fails_no_more() {
    let mut stage = stage();
    stage.fails("pager");
    stage.tell(&[]);
    stage.routes(vec![route(Matcher::default(), &["chat"])]);
    assert_eq!(stage.at(hours(1)), ["resolve ReceiverFailing/receiver/pager/warning -> chat"]);
    assert_eq!(stage.at(hours(2)), NOTHING, "although the outbox remembers");
}

#[test]
fn the_same_failure_told_again_has_another_id() {
    let mut stage = stage();
    stage.fails("pager");
    let first = stage.evaluate(&[]);
    // Somebody forgets it for a moment, such as a restart.
    let failing = std::mem::take(&mut stage.failing);
    stage.now += minutes(1);
    stage.evaluate(&[]);
    stage.failing = failing;
    let second = stage.evaluate(&[]);
    assert_eq!(second.len(), 1);
    assert_ne!(first[0].notification.id, second[0].notification.id);
}

#[test]
fn observing_reports_nothing_to_anybody() {
    let mut stage = stage();
    stage.fails("pager");
    stage.dispatch = Dispatch::Withhold;
    assert_eq!(stage.tell(&[]).len(), 1, "noted");
    stage.dispatch = Dispatch::Deliver;
    assert_eq!(stage.tell(&[]), ["trigger ReceiverFailing/receiver/pager/warning -> chat"]);
}

#[test]
fn what_a_receiver_rejected_is_told_anew_until_it_takes_it() {
    let mut stage = stage();
    stage.open(&stalled(), Severity::Critical);
    stage.open(&rejected(), Severity::Critical);
    stage.tell(&[]);
    stage.fails("pager");
    stage.loses("pager", &stalled());
    stage.now += minutes(1);
    assert_eq!(stage.tell(&[]), ["trigger ReceiverFailing/receiver/pager/warning -> chat"]);
    let anew = format!("trigger {}/critical -> pager", stalled());
    assert_eq!(stage.at(hours(1)), [anew.as_str()], "not the other one, which it took");
    stage.loses("pager", &stalled());
    assert_eq!(stage.at(hours(1) + minutes(59)), NOTHING);
    // Somebody repairs it.
    stage.failing.clear();
    stage.now += minutes(1);
    assert_eq!(stage.tell(&[]), ["resolve ReceiverFailing/receiver/pager/warning -> chat", anew.as_str()]);
    assert_eq!(stage.at(hours(5)), NOTHING);
}

#[test]
fn what_is_over_is_not_told_anew() {
    let mut stage = stage();
    stage.open(&stalled(), Severity::Critical);
    stage.tell(&[]);
    stage.fails("pager");
    stage.loses("pager", &stalled());
    stage.tell(&[]);
    let resolved = stage.resolve(&stalled());
    assert_eq!(stage.tell(&[resolved]), [format!("resolve {}/critical -> chat, pager", stalled())]);
    stage.failing.clear();
    assert_eq!(stage.at(hours(2)), ["resolve ReceiverFailing/receiver/pager/warning -> chat"]);
}

#[test]
fn what_was_told_since_is_not_lost() {
    let mut stage = stage();
    stage.open(&stalled(), Severity::Warning);
    stage.tell(&[]);
    stage.fails("chat");
    stage.loses("chat", &stalled());
    // It is told of the escalation before anybody knows of the rejection.
    let before = stage.failing.clone();
    stage.failing.clear();
    stage.incident(&stalled()).severity = Severity::Critical;
    stage.at(minutes(1));
    stage.failing = before;
    stage.at(minutes(2));
    stage.failing.clear();
    assert!(stage.at(hours(2)).iter().all(|line| !line.contains("SyncStalled")));
}
