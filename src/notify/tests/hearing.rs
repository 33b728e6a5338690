//! Why somebody hears of an incident, or does not.

use super::stage::{Stage, daily, hours, rejected, route, severities, stalled};
use crate::config::routing::{DeliverBy, Maintenance, MaintenanceTime, Route};
use crate::domain::incident::Severity;
use crate::domain::matcher::Matcher;
use crate::notify::hearing::{explain, explain_by_text};

fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.routes(vec![
        Route { continues: true, ..route(severities(&[Severity::Critical]), &["pager"]) },
        Route { remind_every: Some(hours(4)), ..route(Matcher::default(), &["chat"]) },
    ]);
    stage.open(&stalled(), Severity::Critical);
    stage
}

#[test]
fn all_there_is_to_say_in_one_piece() {
    let mut stage = stage();
    stage.tell(&[]);
    stage.acknowledge(&stalled());
    stage.routing.routes[0].mute_times = vec![daily("office", 8, 18)];
    stage.silence("one", Matcher::default(), hours(2));
    stage.incident(&stalled()).cause = Some(rejected());
    stage.tell(&[]);
    let heard = explain(&stage.state, &stage.situation(), &stalled());
    insta::assert_snapshot!(serde_json::to_string_pretty(&heard[1]).unwrap(), @r#"
    {
      "receiver": "pager",
      "route": 1,
      "told": {
        "severity": "critical",
        "at": "2026-11-20T09:00:00Z",
        "dispatch": "deliver"
      },
      "kept_by": [
        {
          "by": "cause",
          "incident": "CredentialInvalid/credential/bitbucket-acme"
        },
        {
          "by": "silence",
          "id": "one",
          "author": "on-call",
          "reason": "we know",
          "until": "2026-11-20T11:00:00Z"
        },
        {
          "by": "mute_time",
          "window": "office"
        }
      ],
      "acknowledged": {
        "author": "on-call",
        "comment": "on it",
        "at": "2026-11-20T09:00:00Z"
      },
      "next_reminder_at": null
    }
    "#);
}

#[test]
fn each_reason_has_its_word() {
    let check = |change: &dyn Fn(&mut Stage), expected: &[&str]| {
        let mut stage = stage();
        stage.tell(&[]);
        change(&mut stage);
        let heard = explain_by_text(&stage.state, &stage.situation(), &stalled().to_string()).unwrap();
        let reasons = |hearing: &crate::notify::hearing::Hearing| {
            let by = hearing.kept_by.iter().map(|keeping| serde_json::to_value(keeping).unwrap()["by"].clone());
            let by: Vec<_> = by.map(|by| by.as_str().unwrap().to_owned()).collect();
            let route = hearing.route.map_or("-".to_owned(), |route| route.to_string());
            let reminder = if hearing.next_reminder_at.is_some() { " reminded" } else { "" };
            format!("{} by {route}: {}{reminder}", hearing.receiver, by.join(", "))
        };
        assert_eq!(heard.iter().map(reasons).collect::<Vec<_>>(), expected);
    };
    check(&|_| {}, &["chat by 2:  reminded", "pager by 1: "]);
    check(&Stage::acknowledged, &["chat by 2: ", "pager by 1: "]);
    check(&|stage| stage.routing.deliver = DeliverBy::Prometheus, &["chat by -: prometheus", "pager by -: prometheus"]);
    check(&|stage| drop(stage.routing.routes.remove(0)), &["chat by 1:  reminded", "pager by -: no_route"]);
    check(
        &|stage| stage.routing.routes[0].active_times = vec![daily("night", 22, 6)],
        &["chat by 2:  reminded", "pager by 1: outside_active_times"],
    );
    check(
        &|stage| stage.routing.routes[0].mute_times = vec![daily("day", 6, 22)],
        &["chat by 2:  reminded", "pager by 1: mute_time"],
    );
    check(
        &|stage| {
            let when = MaintenanceTime::Weekly(daily("day", 6, 22));
            let maintenance = Maintenance { name: "upgrade".to_owned(), matcher: Matcher::default(), when };
            stage.routing.maintenance.push(maintenance);
        },
        &["chat by 2: maintenance", "pager by 1: maintenance"],
    );
    check(
        &|stage| stage.dispatch = crate::domain::notification::Dispatch::Withhold,
        &["chat by 2: observing", "pager by 1: observing"],
    );
    check(
        &|stage| stage.incident(&stalled()).phase = crate::domain::incident::IncidentPhase::Pending,
        &["chat by 2: pending", "pager by 1: pending"],
    );
}

#[test]
fn nobody_hears_of_what_is_not() {
    let stage = stage();
    assert_eq!(explain(&stage.state, &stage.situation(), &rejected()), []);
    assert_eq!(explain_by_text(&stage.state, &stage.situation(), "no such thing"), None);
}

#[test]
fn a_hearing_is_said_in_one_clause() {
    let check = |after: chrono::TimeDelta, change: &dyn Fn(&mut Stage), expected: &[&str]| {
        let mut stage = stage();
        stage.tell(&[]);
        change(&mut stage);
        stage.now += after;
        let heard = explain(&stage.state, &stage.situation(), &stalled());
        let said =
            |hearing: &crate::notify::hearing::Hearing| format!("{} {}", hearing.receiver, hearing.in_words(stage.now));
        assert_eq!(heard.iter().map(said).collect::<Vec<_>>(), expected);
    };
    let soon = hours(1);
    check(soon, &|_| {}, &["chat told 09:00 UTC, next reminder 13:00 UTC", "pager told 09:00 UTC"]);
    check(
        hours(20),
        &|_| {},
        &["chat told 2026-11-20 09:00 UTC, next reminder 2026-11-20 13:00 UTC", "pager told 2026-11-20 09:00 UTC"],
    );
    let cared = "told 09:00 UTC; no reminders while somebody takes care of it";
    check(soon, &Stage::acknowledged, &[&format!("chat {cared}"), &format!("pager {cared}")]);
    let quiet = "told 09:00 UTC; nothing more for now: silenced until 11:00 UTC by on-call (we know)";
    check(
        soon,
        &|stage| stage.silence("one", Matcher::default(), hours(2)),
        &[&format!("chat {quiet}"), &format!("pager {quiet}")],
    );
    check(
        soon,
        &|stage| {
            stage.state.attention.announcements.clear();
            stage.routing.routes[0].mute_times = vec![daily("office", 8, 18)];
        },
        &["chat about to be told", "pager not told: mute time office"],
    );
    check(
        soon,
        &|stage| {
            stage.state.attention.announcements.clear();
            stage.dispatch = crate::domain::notification::Dispatch::Withhold;
            stage.tell(&[]);
        },
        &["chat would have been told (observing) 09:00 UTC", "pager would have been told (observing) 09:00 UTC"],
    );
}

impl Stage {
    fn acknowledged(&mut self) {
        self.acknowledge(&stalled());
    }
}
