//! One incident after another, told as stories.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::stage::{Stage, daily, hours, minutes, rejected, route, severities, shown, stale, stalled, start};
use crate::config::routing::{DeliverBy, Maintenance, MaintenanceTime};
use crate::domain::attention::Counted;
use crate::domain::incident::{IncidentPhase, Severity};
use crate::domain::matcher::Matcher;
use crate::domain::names::IntegrationKey;
use crate::domain::notification::{About, Dispatch};
use crate::health::rebase;

const NOTHING: [&str; 0] = [];
const STALLED: &str = "SyncStalled/integration/acme-bitbucket";
const STALE: &str = "TestsStale/organizations/labs-bitbucket";

fn all() -> Matcher {
    Matcher::default()
}

/// The store writes what differs: a tick on which nobody is told anything writes nothing.
#[test]
fn a_quiet_hour_changes_nothing_of_what_is_remembered() {
    let mut stage = Stage::new();
    stage.routes(vec![route(all(), &["chat", "mail"])]);
    stage.open(&stalled(), Severity::Warning);
    assert_eq!(stage.at(minutes(1)).len(), 1);
    let remembered = stage.state.attention.clone();
    for minute in 2..60 {
        assert_eq!(stage.at(minutes(minute)), NOTHING);
        assert_eq!(stage.state.attention, remembered, "in minute {minute}");
    }
}

#[test]
fn an_incident_is_told_escalates_and_ends() {
    let mut stage = Stage::new();
    stage.routes(vec![
        crate::config::routing::Route { continues: true, ..route(severities(&[Severity::Critical]), &["pager"]) },
        route(all(), &["chat", "mail"]),
    ]);
    stage.open(&stalled(), Severity::Warning);
    stage.incident(&stalled()).phase = IncidentPhase::Pending;
    assert_eq!(stage.tell(&[]), NOTHING, "what is pending is nothing yet");
    stage.open(&stalled(), Severity::Warning);
    assert_eq!(stage.tell(&[]), [format!("trigger {STALLED}/warning -> chat, mail")]);
    stage.incident(&stalled()).severity = Severity::Critical;
    assert_eq!(
        stage.at(hours(24)),
        [
            format!("resolve {STALLED}/warning -> chat, mail"),
            format!("trigger {STALLED}/critical -> chat, mail, pager")
        ]
    );
    stage.incident(&stalled()).severity = Severity::Warning;
    assert_eq!(
        stage.at(hours(25)),
        [
            format!("resolve {STALLED}/critical -> chat, mail, pager"),
            format!("trigger {STALLED}/warning -> chat, mail")
        ],
        "who is not routed any more only hears of the end"
    );
    let resolved = stage.resolve(&stalled());
    let outgoing = stage.evaluate(&[resolved]);
    assert_eq!(shown(&outgoing), [format!("resolve {STALLED}/warning -> chat, mail")]);
    let summary = &outgoing[0].notification.page.summary;
    assert!(summary.contains("is over: somebody repaired it."), "{summary}");
    assert!(stage.state.attention.announcements.is_empty());
}

#[test]
fn ids_are_never_used_twice() {
    let mut stage = Stage::new();
    let mut ids = BTreeSet::new();
    let mut told = 0;
    stage.routing.routes[0].remind_every = Some(hours(1));
    for day in 0..3 {
        stage.now = start() + hours(24 * day);
        stage.open(&stalled(), Severity::Warning);
        for hour in 0..20 {
            stage.now = start() + hours(24 * day + hour);
            stage.dispatch = if hour % 7 == 3 { Dispatch::Withhold } else { Dispatch::Deliver };
            stage.incident(&stalled()).severity = if hour % 3 == 0 { Severity::Warning } else { Severity::Critical };
            for outgoing in stage.evaluate(&[]) {
                told += 1;
                ids.insert(outgoing.notification.id.clone());
            }
        }
        stage.dispatch = Dispatch::Deliver;
        let resolved = stage.resolve(&stalled());
        ids.extend(stage.evaluate(&[resolved]).into_iter().map(|outgoing| outgoing.notification.id.clone()));
        told += 1;
    }
    assert!(told > 60, "{told}");
    assert_eq!(ids.len(), told);
}

#[test]
fn a_new_episode_ends_the_one_before() {
    let mut stage = Stage::new();
    stage.open(&stalled(), Severity::Critical);
    stage.tell(&[]);
    stage.now += hours(1);
    let resolved = stage.resolve(&stalled());
    stage.open(&stalled(), Severity::Critical);
    assert_eq!(
        stage.tell(&[resolved]),
        [format!("resolve {STALLED}/critical -> chat"), format!("trigger {STALLED}/critical -> chat")]
    );
}

#[test]
fn a_silence_keeps_beginnings_back_and_no_ends() {
    let mut stage = Stage::new();
    stage.open(&stalled(), Severity::Warning);
    stage.tell(&[]);
    stage.silence("one", all(), hours(2));
    stage.open(&rejected(), Severity::Critical);
    stage.incident(&stalled()).severity = Severity::Critical;
    assert_eq!(stage.at(hours(1)), NOTHING, "neither the new one nor the escalation");
    assert_eq!(
        stage.at(hours(2)),
        [
            "trigger CredentialInvalid/credential/bitbucket-acme/critical -> chat".to_owned(),
            format!("resolve {STALLED}/warning -> chat"),
            format!("trigger {STALLED}/critical -> chat"),
        ]
    );
    stage.silence("two", all(), hours(2));
    assert_eq!(stage.at(hours(3)), NOTHING);
    let resolved = stage.resolve(&rejected());
    assert_eq!(
        stage.tell(&[resolved]),
        ["resolve CredentialInvalid/credential/bitbucket-acme/critical -> chat"],
        "at once"
    );
    assert_eq!(stage.at(hours(4)), NOTHING, "it was told before");
    assert_eq!(stage.state.attention.silences.len(), 2);
    stage.at(hours(26) - minutes(1));
    assert_eq!(stage.state.attention.silences.len(), 2, "kept for a day");
    stage.at(hours(26));
    assert_eq!(stage.state.attention.silences.len(), 1);
    stage.at(hours(28));
    assert_eq!(stage.state.attention.silences.len(), 0);
}

#[test]
fn maintenance_and_times_of_the_day_wait_for_their_end() {
    let check = |change: &dyn Fn(&mut Stage)| {
        let mut stage = Stage::new();
        stage.open(&stalled(), Severity::Warning);
        stage.tell(&[]);
        change(&mut stage);
        stage.now = start() + hours(1);
        stage.open(&stale(), Severity::Warning);
        assert_eq!(stage.tell(&[]), NOTHING);
        assert_eq!(stage.at(hours(3) - minutes(1)), NOTHING);
        let ended = [format!("trigger {STALE}/warning -> chat")];
        assert_eq!(stage.at(hours(3)), ended, "what began meanwhile, not what was told before");
        for day in 1..5 {
            assert_eq!(stage.at(hours(24 * day + 1)), NOTHING);
            assert_eq!(stage.at(hours(24 * day + 3)), NOTHING, "nor on any other day");
        }
    };
    let maintenance = |when: MaintenanceTime| {
        move |stage: &mut Stage| {
            let (name, when) = ("upgrade".to_owned(), when.clone());
            stage.routing.maintenance = vec![Maintenance { name, matcher: Matcher::default(), when }];
        }
    };
    check(&maintenance(MaintenanceTime::Once { from: start(), to: start() + hours(3) }));
    check(&maintenance(MaintenanceTime::Weekly(daily("morning", 9, 12))));
    check(&|stage| stage.routing.routes[0].mute_times = vec![daily("morning", 9, 12)]);
    check(&|stage| stage.routing.routes[0].active_times = vec![daily("afternoon", 12, 18), daily("night", 22, 23)]);
    check(&|stage| stage.silence("known", Matcher::default(), hours(3)));
}

#[test]
fn reminders_go_on_until_somebody_takes_care() {
    let mut stage = Stage::new();
    stage.routing.routes[0].remind_every = Some(hours(4));
    stage.open(&stalled(), Severity::Warning);
    stage.tell(&[]);
    assert_eq!(stage.at(hours(4) - minutes(1)), NOTHING);
    assert_eq!(stage.at(hours(4)), [format!("reminder {STALLED}/warning -> chat")]);
    assert_eq!(stage.at(hours(7)), NOTHING);
    assert_eq!(stage.at(hours(9)), [format!("reminder {STALLED}/warning -> chat")], "late once, not twice");
    stage.acknowledge(&stalled());
    assert_eq!(stage.tell(&[]), [format!("acknowledgement {STALLED}/warning -> chat")]);
    assert_eq!(stage.at(hours(40)), NOTHING);
    stage.incident(&stalled()).severity = Severity::Critical;
    assert_eq!(
        stage.at(hours(41)),
        [format!("resolve {STALLED}/warning -> chat"), format!("trigger {STALLED}/critical -> chat")],
        "an escalation is told all the same"
    );
    assert_eq!(stage.at(hours(60)), NOTHING);
    crate::notify::requests::withdraw_acknowledgement(&mut stage.state, STALLED).unwrap();
    assert_eq!(stage.tell(&[]), [format!("reminder {STALLED}/critical -> chat")]);
    stage.acknowledge(&stalled());
    assert_eq!(stage.at(hours(61)), [format!("acknowledgement {STALLED}/critical -> chat")], "another one");
    let resolved = stage.resolve(&stalled());
    assert_eq!(stage.tell(&[resolved]), [format!("resolve {STALLED}/critical -> chat")]);
    assert!(stage.state.attention.acknowledgements.is_empty());
}

#[test]
fn an_acknowledgement_of_an_incident_that_is_silenced_is_told_with_its_end() {
    let mut stage = Stage::new();
    stage.open(&stalled(), Severity::Warning);
    stage.tell(&[]);
    stage.silence("one", all(), hours(1));
    stage.acknowledge(&stalled());
    assert_eq!(stage.tell(&[]), NOTHING);
    assert_eq!(stage.at(hours(1)), [format!("acknowledgement {STALLED}/warning -> chat")]);
    assert_eq!(stage.at(hours(2)), NOTHING);
}

#[test]
fn a_list_without_a_shared_cause_is_told_again_when_it_doubled_once_a_day() {
    let mut stage = Stage::new();
    stage.open(&stale(), Severity::Warning);
    stage.tell(&[]);
    stage.affects(&stale(), 7);
    assert_eq!(stage.at(hours(1)), NOTHING, "three more of four");
    stage.affects(&stale(), 8);
    assert_eq!(stage.tell(&[]), [format!("growth {STALE}/warning -> chat")]);
    stage.affects(&stale(), 16);
    assert_eq!(stage.at(hours(25) - minutes(1)), NOTHING);
    assert_eq!(stage.at(hours(25)), [format!("growth {STALE}/warning -> chat")]);
    stage.affects(&stale(), 3);
    assert_eq!(stage.at(hours(100)), NOTHING, "fewer is no news");
    stage.acknowledge(&stale());
    stage.tell(&[]);
    stage.affects(&stale(), 40);
    assert_eq!(stage.tell(&[]), NOTHING, "somebody takes care");
    assert_eq!(stage.at(hours(200)), NOTHING);
    crate::notify::requests::withdraw_acknowledgement(&mut stage.state, STALE).unwrap();
    assert_eq!(stage.tell(&[]), [format!("growth {STALE}/warning -> chat")]);
}

#[test]
fn a_blast_radius_that_grows_is_told_at_once_and_once_an_hour() {
    const REJECTED: &str = "CredentialInvalid/credential/bitbucket-acme";
    let mut stage = Stage::new();
    stage.open(&rejected(), Severity::Critical);
    stage.affects(&rejected(), 1);
    stage.tell(&[]);
    stage.affects(&rejected(), 3);
    assert_eq!(stage.at(minutes(1)), NOTHING, "two more");
    stage.affects(&rejected(), 50);
    assert_eq!(stage.at(minutes(2)), [format!("growth {REJECTED}/critical -> chat")], "as soon as it is known");
    stage.affects(&rejected(), 54);
    assert_eq!(stage.at(hours(2)), NOTHING, "less than a tenth");
    stage.affects(&rejected(), 55);
    assert_eq!(stage.tell(&[]), [format!("growth {REJECTED}/critical -> chat")]);
    stage.affects(&rejected(), 500);
    assert_eq!(stage.at(hours(3) - minutes(1)), NOTHING);
    assert_eq!(stage.at(hours(3)), [format!("growth {REJECTED}/critical -> chat")]);
}

#[test]
fn the_next_step_towards_a_date_is_told_although_the_severity_stays() {
    let mut stage = Stage::new();
    stage.open(&stalled(), Severity::Warning);
    stage.incident(&stalled()).tracking.step = 2;
    stage.tell(&[]);
    stage.acknowledge(&stalled());
    stage.tell(&[]);
    stage.incident(&stalled()).tracking.step = 3;
    assert_eq!(stage.at(hours(1)), [format!("reminder {STALLED}/warning -> chat")], "acknowledged or not");
    stage.incident(&stalled()).tracking.step = 1;
    assert_eq!(stage.at(hours(2)), NOTHING, "the date moved away");
    stage.incident(&stalled()).tracking.step = 2;
    assert_eq!(stage.at(hours(3)), [format!("reminder {STALLED}/warning -> chat")]);
}

#[test]
fn what_has_a_cause_is_quiet_and_ends_by_itself() {
    let mut stage = Stage::new();
    stage.routing.routes[0].remind_every = Some(hours(1));
    stage.open(&stalled(), Severity::Warning);
    stage.tell(&[]);
    stage.open(&stale(), Severity::Warning);
    for key in [stalled(), stale()] {
        stage.incident(&key).cause = Some(rejected());
    }
    stage.incident(&stalled()).severity = Severity::Critical;
    stage.affects(&stale(), 40);
    assert_eq!(stage.tell(&[]), NOTHING);
    assert_eq!(stage.at(hours(50)), NOTHING);
    stage.silence("one", all(), hours(1));
    assert_eq!(stage.at(hours(50)), NOTHING);
    assert_eq!(stage.at(hours(52)), NOTHING, "the end of a silence neither");
    stage.acknowledge(&stalled());
    assert_eq!(
        stage.tell(&[]),
        [format!("acknowledgement {STALLED}/warning -> chat")],
        "by the key that is held: it stops the receiver's own reminders"
    );
    let ends = [stage.resolve(&stale()), stage.resolve(&stalled())];
    assert_eq!(stage.tell(&ends), [format!("resolve {STALLED}/warning -> chat")], "nobody was told of the other");
}

#[test]
fn a_cause_that_goes_leaves_what_lasts_to_be_told() {
    let mut stage = Stage::new();
    stage.open(&stalled(), Severity::Warning);
    stage.incident(&stalled()).cause = Some(rejected());
    assert_eq!(stage.tell(&[]), NOTHING);
    stage.incident(&stalled()).cause = None;
    assert_eq!(stage.at(hours(1)), [format!("trigger {STALLED}/warning -> chat")]);
}

#[test]
fn who_is_no_longer_routed_hears_of_the_end_and_who_is_gone_does_not() {
    let mut stage = Stage::new();
    stage.routes(vec![route(all(), &["chat", "pager", "desk"])]);
    stage.routing.routes[0].remind_every = Some(hours(1));
    stage.open(&stalled(), Severity::Warning);
    stage.tell(&[]);
    stage.routes(vec![route(all(), &["chat"])]);
    stage.routing.routes[0].remind_every = Some(hours(1));
    stage.routing.receivers.insert("pager".into());
    assert_eq!(stage.at(hours(1)), [format!("reminder {STALLED}/warning -> chat")]);
    let resolved = stage.resolve(&stalled());
    assert_eq!(stage.tell(&[resolved]), [format!("resolve {STALLED}/warning -> chat, pager")]);
}

#[test]
fn a_receiver_that_comes_back_is_told_anew() {
    let mut stage = Stage::new();
    stage.open(&stalled(), Severity::Warning);
    let first = stage.evaluate(&[]);
    let routing = stage.routing.clone();
    stage.routes(Vec::new());
    assert_eq!(stage.at(hours(1)), NOTHING);
    stage.routing = routing;
    let second = stage.evaluate(&[]);
    assert_eq!(shown(&second), [format!("trigger {STALLED}/warning -> chat")]);
    assert_ne!(first[0].notification.id, second[0].notification.id, "the store would drop a repeated id");
}

#[test]
fn where_prometheus_delivers_nothing_new_is_told_and_what_was_told_ends() {
    let mut stage = Stage::new();
    stage.routing.routes[0].remind_every = Some(hours(1));
    stage.open(&stalled(), Severity::Warning);
    stage.tell(&[]);
    stage.routing.deliver = DeliverBy::Prometheus;
    stage.open(&stale(), Severity::Critical);
    stage.fails("chat");
    assert_eq!(stage.at(hours(48)), NOTHING);
    let ends = [stage.resolve(&stale()), stage.resolve(&stalled())];
    assert_eq!(stage.tell(&ends), [format!("resolve {STALLED}/warning -> chat")]);
    stage.open(&stale(), Severity::Critical);
    stage.routing.deliver = DeliverBy::Both;
    stage.failing.clear();
    assert_eq!(stage.tell(&[]), [format!("trigger {STALE}/critical -> chat")]);
}

#[test]
fn what_was_only_withheld_was_not_told() {
    let mut stage = Stage::new();
    stage.dispatch = Dispatch::Withhold;
    stage.open(&stalled(), Severity::Warning);
    stage.open(&stale(), Severity::Warning);
    let told = [format!("trigger {STALLED}/warning -> chat"), format!("trigger {STALE}/warning -> chat")];
    assert_eq!(stage.tell(&[]), told);
    assert_eq!(stage.at(hours(1)), NOTHING);
    let resolved = stage.resolve(&stale());
    stage.dispatch = Dispatch::Deliver;
    assert_eq!(stage.tell(&[resolved]), [format!("trigger {STALLED}/warning -> chat")], "and its end is nothing");
}

#[test]
fn what_was_really_told_is_owed_its_end_through_a_time_of_observing() {
    let mut stage = Stage::new();
    stage.open(&stalled(), Severity::Warning);
    stage.open(&stale(), Severity::Warning);
    stage.tell(&[]);
    stage.dispatch = Dispatch::Withhold;
    stage.incident(&stalled()).severity = Severity::Critical;
    let resolved = stage.resolve(&stale());
    assert_eq!(stage.tell(&[resolved]), NOTHING);
    stage.now += hours(1);
    stage.open(&stale(), Severity::Critical);
    assert_eq!(stage.tell(&[]), NOTHING);
    stage.dispatch = Dispatch::Deliver;
    assert_eq!(
        stage.tell(&[]),
        [
            format!("resolve {STALE}/warning -> chat"),
            format!("resolve {STALLED}/warning -> chat"),
            format!("trigger {STALLED}/critical -> chat"),
            format!("trigger {STALE}/critical -> chat"),
        ]
    );
}

#[test]
fn ten_thousand_problems_of_one_cause_are_one_notification() {
    let mut stage = Stage::new();
    stage.routes(vec![route(all(), &["chat", "pager"])]);
    stage.open(&rejected(), Severity::Critical);
    let all = (1..=10_000).map(super::stage::organization);
    stage.incident(&rejected()).affected =
        all.map(|id| IntegrationKey::organization("acme-bitbucket".into(), id)).collect();
    let outgoing = stage.evaluate(&[]);
    assert_eq!(outgoing.len(), 1);
    assert_eq!(outgoing[0].receivers.len(), 2);
    assert_eq!(outgoing[0].notification.about, About::Incident(rejected()));
}

#[test]
fn a_jump_of_the_wall_clock_tells_nobody_anything() {
    for jump in [TimeDelta::days(300), TimeDelta::days(-300)] {
        let mut stage = Stage::new();
        stage.routing.routes[0].remind_every = Some(hours(4));
        stage.open(&stalled(), Severity::Warning);
        stage.tell(&[]);
        stage.acknowledge(&stalled());
        stage.tell(&[]);
        stage.open(&stale(), Severity::Warning);
        stage.tell(&[]);
        let ends_at = start() + hours(1000);
        stage.silence("one", Matcher { rules: BTreeSet::from([stalled().rule]), ..all() }, hours(1000));
        stage.state.attention.silences.get_mut(&"one".into()).unwrap().counted = Counted::Start;
        rebase(&mut stage.state, jump);
        assert_eq!(stage.state.attention.silences[&"one".into()].ends_at, ends_at, "people's word stays");
        stage.now += jump;
        stage.state.attention.silences.clear();
        assert_eq!(stage.tell(&[]), NOTHING);
        stage.now += hours(4);
        assert_eq!(stage.tell(&[]), [format!("reminder {STALE}/warning -> chat")]);
        let ends = [stage.resolve(&stalled())];
        assert_eq!(stage.tell(&ends), [format!("resolve {STALLED}/warning -> chat")]);
    }
}
