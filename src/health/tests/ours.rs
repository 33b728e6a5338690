//! What we did not send, and what did not arrive.

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::Part;
use crate::domain::facts::ApiFacts;
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::names::{ApiName, CredentialName};
use crate::domain::status::Status;
use crate::domain::work::{FailedAt, Outcome, ProbeFailure, ProbeKind, ProbeRun, Work, WorkSubject};

use super::super::testing::{PAT, SCM_API, World, hours, minutes, start};
use super::super::{Policy, incidents, observe};

/// A question about the PAT that came so far.
fn ask(world: &mut World, failed: &[(FailedAt, &'static str)]) {
    let failure = |(failed_at, reason): &(FailedAt, &'static str)| ProbeFailure {
        part: Some(Part::Authentication),
        api: ApiName::from(SCM_API),
        reason,
        detail: format!("could not ask who the credential is: {reason}"),
        failed_at: *failed_at,
        retry_after: None,
    };
    let work = Work { kind: ProbeKind::ScmCredential, subject: WorkSubject::Credential(CredentialName::from(PAT)) };
    let outcome = Outcome { failures: failed.iter().map(failure).collect(), ..Outcome::default() };
    let run = ProbeRun { work, started_at: world.now, finished_at: world.now, outcome };
    observe(&mut world.state, &world.fleet, Policy::default(), &run);
}

fn judge(world: &mut World) {
    world.evaluate();
    incidents::evaluate(&mut world.state, &world.fleet, world.now);
}

fn facts(world: &World) -> &ApiFacts {
    &world.state.evidence.apis[&ApiName::from(SCM_API)]
}

fn watched() -> World {
    let mut world = World::healthy(5, 1);
    world.sync(start() - hours(1));
    world.pass(hours(1));
    world
}

#[test]
fn a_spent_budget_is_no_outage_and_is_named_when_evidence_is_too_old() {
    let mut world = watched();
    for _ in 0..20 {
        world.now += minutes(15);
        ask(&mut world, &[(FailedAt::Ourselves, "budget_spent")]);
        judge(&mut world);
    }
    let api = facts(&world);
    assert_eq!((api.inconclusive_since, &api.last_failure), (None, &None));
    assert!(world.state.incidents.keys().all(|key| key.rule != Rule::UpstreamUnreachable));
    assert_eq!(world.condition(None, Condition::CredentialValid), (Truth::Unknown, Reason::BudgetSpent));
    let status = world.stored(None).status.clone().unwrap();
    assert_eq!(status.status, Status::Unknown);
}

#[test]
fn an_outage_that_goes_on_while_nothing_is_sent_stays_one() {
    let mut world = watched();
    world.now += minutes(15);
    ask(&mut world, &[(FailedAt::WholeApi, "rate_limited")]);
    let since = world.now;
    world.now += minutes(15);
    // The pause that the 429 imposed.
    ask(&mut world, &[(FailedAt::Ourselves, "rate_limited")]);
    assert_eq!(facts(&world).inconclusive_since, Some(since));
}

#[test]
fn time_in_which_nothing_was_sent_does_not_count() {
    let mut world = watched();
    let opened = |world: &World| {
        world.state.incidents.iter().any(|(key, incident)| key.rule == Rule::UpstreamUnreachable && incident.is_open())
    };
    // One bad answer, then our share is used up for two hours.
    world.now += minutes(5);
    ask(&mut world, &[(FailedAt::WholeApi, "server_error")]);
    for _ in 0..24 {
        world.now += minutes(5);
        ask(&mut world, &[(FailedAt::Ourselves, "budget_spent")]);
        judge(&mut world);
        assert!(!opened(&world), "asked once, two hours ago");
    }
    // It is asked again, and fails: 5 min counted before, and the rest of the hour from now on.
    for minute in (0..=50).step_by(5) {
        world.now += minutes(5);
        ask(&mut world, &[(FailedAt::WholeApi, "server_error")]);
        judge(&mut world);
        assert!(!opened(&world), "{minute}");
    }
    world.now += minutes(5);
    ask(&mut world, &[(FailedAt::WholeApi, "server_error")]);
    judge(&mut world);
    assert!(opened(&world));
}

#[test]
fn an_answer_of_any_kind_shows_that_there_is_a_way() {
    let mut world = watched();
    world.now += minutes(15);
    let since = world.now;
    ask(&mut world, &[(FailedAt::TheWay, "dns")]);
    assert_eq!(facts(&world).unreached_since, Some(since));
    world.now += minutes(15);
    ask(&mut world, &[(FailedAt::TheWay, "connection_refused")]);
    assert_eq!(facts(&world).unreached_since, Some(since));
    // One of two questions arrived.
    world.now += minutes(15);
    ask(&mut world, &[(FailedAt::TheWay, "connection_refused"), (FailedAt::WholeApi, "server_error")]);
    assert_eq!((facts(&world).unreached_since, facts(&world).inconclusive_since), (None, Some(since)));
    world.now += minutes(15);
    ask(&mut world, &[(FailedAt::TheWay, "dns")]);
    assert_eq!(facts(&world).unreached_since, Some(world.now));
    world.pass(minutes(5));
    assert_eq!((facts(&world).unreached_since, facts(&world).inconclusive_since), (None, None));
}

#[test]
fn a_page_in_the_place_of_an_api_shows_no_way_to_it() {
    let mut world = watched();
    world.now += minutes(15);
    let since = world.now;
    for class in ["unexpected_body", "redirected"] {
        ask(&mut world, &[(FailedAt::InItsPlace, class)]);
        assert_eq!((facts(&world).unreached_since, facts(&world).reached_since), (Some(since), None), "{class}");
        world.now += minutes(5);
    }
    assert_eq!(facts(&world).last_failed_at, Some(world.now - minutes(5)));
    // The API itself speaks, if badly.
    ask(&mut world, &[(FailedAt::WholeApi, "server_error")]);
    assert_eq!((facts(&world).unreached_since, facts(&world).reached_since), (None, Some(world.now)));
    let reached = world.now;
    world.pass(minutes(5));
    assert_eq!(facts(&world).reached_since, Some(reached), "an answer is no new beginning");
}
