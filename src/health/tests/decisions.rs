//! What people may decide, what is refused, and what an accepted loss of assets does and does not excuse.

use crate::domain::condition::Reason;
use crate::domain::decisions::{Item, PlanKind, Verdict};
use crate::domain::facts::{RejectionCause, ScmAuthentication};
use crate::domain::incident::{IncidentKey, Rule, Subject};
use crate::domain::names::{DecisionId, IntegrationName};
use crate::domain::status::Status;

use super::super::decisions::{DecisionError, NewAnswer, NewPlan, answer, plan, prune, undo};
use super::super::incidents;
use super::super::testing::{INTEGRATION, PAT, World, hours, minutes, repository};

const CONNECTED: (Status, Reason) = (Status::Connected, Reason::Ok);
const LOST: (Status, Reason) = (Status::PartiallyConnected, Reason::InventoryLost);

fn partially() -> IncidentKey {
    IncidentKey { rule: Rule::PartiallyConnected, subject: Subject::Integration(World::key(None)) }
}

fn new(incident: &IncidentKey, verdict: Verdict) -> NewAnswer {
    let (author, reason) = ("ops".to_owned(), "moved to another Group".to_owned());
    NewAnswer { incident: incident.to_string(), verdict, author, reason }
}

fn judge(world: &mut World) {
    world.evaluate();
    incidents::evaluate(&mut world.state, &world.fleet, world.now);
}

fn live(world: &mut World, time: chrono::TimeDelta) {
    let end = world.now + time;
    while world.now < end {
        world.pass(minutes(30));
        judge(world);
    }
}

/// The assets of the first `number` of 20 repositories are gone for so long that somebody is told.
fn lost_assets(number: usize) -> World {
    let mut world = World::healthy(20, 0);
    live(&mut world, hours(1));
    assert_eq!(world.status(None), CONNECTED);
    world.assets.drain(..number);
    live(&mut world, hours(15));
    assert_eq!(world.status(None), LOST);
    world
}

fn accept(world: &mut World, id: &str) {
    let key = partially();
    answer(&mut world.state, &world.fleet, DecisionId::from(id), &new(&key, Verdict::Accepted), world.now).unwrap();
    judge(world);
}

#[test]
fn accepted_assets_are_not_expected_until_they_were_there_again() {
    let mut world = lost_assets(15);
    let lost = |world: &World| incidents::items_of(&world.state, &world.fleet, &partially());
    let name = IntegrationName::from(INTEGRATION);
    let all = (0..15).map(|number| Item::Repository(name.clone(), repository(number).id));
    assert_eq!(lost(&world), all.collect());
    accept(&mut world, "1");
    assert_eq!(world.status(None), CONNECTED);
    insta::assert_snapshot!(world.message(None), @"5 of 5 repositories reached the Inventory");
    assert!(!world.state.incidents.contains_key(&partially()));
    // It is the very loss that was accepted: the rest is watched as before.
    world.assets.drain(..4);
    live(&mut world, hours(1));
    assert_eq!(world.status(None), LOST);
    // What comes back is expected again, and its next loss is another.
    world.sync(world.now);
    live(&mut world, hours(1));
    assert_eq!(world.status(None), CONNECTED);
    insta::assert_snapshot!(world.message(None), @"20 of 20 repositories reached the Inventory");
    world.assets.drain(..15);
    live(&mut world, hours(1));
    assert_eq!(world.status(None), LOST);
}

#[test]
fn where_every_lost_asset_is_accepted_nothing_is_left_to_watch() {
    let mut world = lost_assets(20);
    accept(&mut world, "1");
    assert_eq!(world.status(None), (Status::NothingToWatch, Reason::NothingToDiscover));
    undo(&mut world.state, &DecisionId::from("1")).unwrap();
    judge(&mut world);
    assert_eq!(world.status(None), LOST);
}

#[test]
fn answers_are_refused_with_what_to_do_instead() {
    let mut world = lost_assets(15);
    let id = DecisionId::from("1");
    let ask = |world: &mut World, new: &NewAnswer| answer(&mut world.state, &world.fleet, id.clone(), new, world.now);
    let good = new(&partially(), Verdict::Accepted);
    let empty = NewAnswer { author: " ".to_owned(), ..good.clone() };
    assert!(matches!(ask(&mut world, &empty), Err(DecisionError::Empty { field: "the author", .. })));
    let long = NewAnswer { reason: "x".repeat(2_001), ..good.clone() };
    assert!(matches!(ask(&mut world, &long), Err(DecisionError::TooLong { field: "the reason", longest: 2_000 })));
    let unknown = NewAnswer { incident: "SyncStalled/integration/other".to_owned(), ..good.clone() };
    assert!(matches!(ask(&mut world, &unknown), Err(DecisionError::UnknownIncident { .. })));
    // The same request again is the same answer; another content is another decision.
    assert_eq!(ask(&mut world, &good), Ok(id.clone()));
    assert_eq!(ask(&mut world, &good), Ok(id.clone()));
    let other = NewAnswer { verdict: Verdict::Rejected, ..good };
    assert_eq!(ask(&mut world, &other), Err(DecisionError::Exists { id: id.clone() }));
    // An incident that compares nothing with the past.
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    live(&mut world, hours(1));
    let rejected = IncidentKey { rule: Rule::CredentialInvalid, subject: Subject::Credential(PAT.into()) };
    assert!(world.state.incidents.contains_key(&rejected));
    let invalid = new(&rejected, Verdict::Accepted);
    let refused = answer(&mut world.state, &world.fleet, "3".into(), &invalid, world.now);
    assert!(matches!(refused, Err(DecisionError::NothingToAccept { .. })));
    assert_eq!(undo(&mut world.state, &"2".into()), Err(DecisionError::UnknownDecision { id: "2".into() }));
}

#[test]
fn plans_cover_what_is_there_when_they_are_made_and_are_forgotten_in_time() {
    let mut world = World::healthy(20, 0);
    live(&mut world, hours(1));
    let good = NewPlan {
        kind: PlanKind::Retire,
        pattern: repository(3).full_name,
        until: world.now + hours(24),
        revoked: false,
        count: None,
        author: "ops".to_owned(),
        reason: "retired".to_owned(),
    };
    let ask =
        |world: &mut World, id: &str, new: &NewPlan| plan(&mut world.state, &world.fleet, id.into(), new, world.now);
    let past = NewPlan { until: world.now, ..good.clone() };
    assert!(matches!(ask(&mut world, "1", &past), Err(DecisionError::EndsOutside { longest: 30, .. })));
    let far = NewPlan { until: world.now + hours(31 * 24), ..good.clone() };
    assert!(matches!(ask(&mut world, "1", &far), Err(DecisionError::EndsOutside { .. })));
    let nothing = NewPlan { pattern: "other/*".to_owned(), ..good.clone() };
    assert!(matches!(ask(&mut world, "1", &nothing), Err(DecisionError::MatchesNothing { .. })));
    let much = NewPlan { pattern: "*".to_owned(), ..good.clone() };
    assert!(matches!(ask(&mut world, "1", &much), Err(DecisionError::CoversMuch { number: 20, .. })));
    assert!(matches!(
        ask(&mut world, "1", &NewPlan { count: Some(19), ..much.clone() }),
        Err(DecisionError::CoversMuch { .. })
    ));
    assert_eq!(ask(&mut world, "1", &NewPlan { count: Some(20), ..much }), Ok("1".into()));
    assert_eq!(ask(&mut world, "2", &good), Ok("2".into()));
    let rotation = NewPlan { kind: PlanKind::Rotate, pattern: PAT.to_owned(), ..good };
    assert_eq!(ask(&mut world, "3", &rotation), Ok("3".into()));
    let ended = world.now + hours(24);
    prune(&mut world.state, ended + hours(30 * 24 - 1));
    assert_eq!(world.state.decisions.plans.len(), 3);
    prune(&mut world.state, ended + hours(30 * 24));
    assert_eq!(world.state.decisions.plans.len(), 0);
}

/// Before: a plan was to begin only when the clock was again where it had been when it was set back.
#[test]
fn a_plan_holds_when_the_clock_is_set_until_the_instant_that_was_named() {
    let mut world = World::healthy(20, 0);
    live(&mut world, hours(1));
    let until = world.now + hours(24);
    let new = NewPlan {
        kind: PlanKind::Retire,
        pattern: repository(3).full_name,
        until,
        revoked: false,
        count: None,
        author: "ops".to_owned(),
        reason: "retired".to_owned(),
    };
    plan(&mut world.state, &world.fleet, "1".into(), &new, world.now).unwrap();
    crate::health::rebase(&mut world.state, hours(-1));
    let plan = &world.state.decisions.plans[&"1".into()];
    assert!(plan.is_active(world.now - hours(1)));
    assert_eq!((plan.from, plan.until), (world.now - hours(1), until));
}

#[test]
fn what_people_type_is_made_harmless_and_a_pattern_is_refused_instead() {
    let mut world = lost_assets(15);
    let hostile = "ann\u{1b}[31m\u{202e}\nFORGED".to_owned();
    let said = NewAnswer { author: hostile.clone(), reason: hostile.clone(), ..new(&partially(), Verdict::Accepted) };
    for _ in 0..2 {
        answer(&mut world.state, &world.fleet, "1".into(), &said, world.now).unwrap();
    }
    let kept = &world.state.decisions.answers[&DecisionId::from("1")];
    assert_eq!((kept.author.as_str(), kept.reason.as_str()), ("ann [31m FORGED", "ann [31m FORGED"));
    let nobody = NewAnswer { author: "\u{200b}\u{2800}".to_owned(), ..said };
    let refused = answer(&mut world.state, &world.fleet, "2".into(), &nobody, world.now);
    assert!(matches!(refused, Err(DecisionError::Empty { field: "the author", .. })));

    let planned = NewPlan {
        kind: PlanKind::Retire,
        pattern: repository(3).full_name,
        until: world.now + hours(24),
        revoked: false,
        count: None,
        author: hostile.clone(),
        reason: hostile,
    };
    let hidden = NewPlan { pattern: format!("{}\u{200b}", repository(3).full_name), ..planned.clone() };
    let refused = plan(&mut world.state, &world.fleet, "3".into(), &hidden, world.now);
    assert_eq!(refused, Err(DecisionError::Hostile { field: "the pattern", code: 0x200b }));
    plan(&mut world.state, &world.fleet, "3".into(), &planned, world.now).unwrap();
    assert_eq!(world.state.decisions.plans[&DecisionId::from("3")].author, "ann [31m FORGED");
}
