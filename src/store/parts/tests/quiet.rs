//! What would be written of a time in which nothing happens.

use chrono::TimeDelta;

use super::super::Changes;
use crate::domain::facts::{RejectionCause, ScmAuthentication};
use crate::domain::incident::IncidentState;
use crate::health::incidents;
use crate::health::testing::{World, minutes};

/// Probes for an hour, with all that is evaluated.
fn an_hour_of_probes(world: &mut World) {
    for _ in 0..4 {
        world.pass(minutes(15));
        incidents::evaluate(&mut world.state, &world.fleet, world.now);
    }
}

/// What a store would write of an hour of evaluations in which nothing comes back.
fn written_while_nothing_happens(world: &mut World) -> Vec<String> {
    let mut written = Vec::new();
    for _ in 0..120 {
        world.now += TimeDelta::seconds(30);
        let before = world.state.clone();
        world.evaluate();
        incidents::evaluate(&mut world.state, &world.fleet, world.now);
        let changes = Changes::between(&before, &world.state).unwrap();
        written.extend(changes.written.into_iter().map(|part| format!("{}: {}", part.kind.as_str(), part.json)));
        assert_eq!(changes.removed, []);
    }
    written
}

/// The text of an incident tells for how long it lasts, in minutes.
fn but_incidents(mut written: Vec<String>) -> Vec<String> {
    written.retain(|part| !part.starts_with("incident: "));
    written
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let mut world = World::healthy(20, 5);
    for _ in 0..3 {
        an_hour_of_probes(&mut world);
    }
    assert_eq!(written_while_nothing_happens(&mut world), [""; 0], "all is well");

    // Something is wrong, and stays so.
    let mut world = World::healthy(20, 5);
    an_hour_of_probes(&mut world);
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    an_hour_of_probes(&mut world);
    assert!(world.state.incidents.values().any(IncidentState::is_open), "{:#?}", world.state.incidents);
    // What was observed before turns stale once in the meantime.
    let written = but_incidents(written_while_nothing_happens(&mut world));
    assert!(written.len() <= 6, "one Group and five Organizations: {written:#?}");
}

/// The counter-case: what turns stale is a change, and is written once.
#[test]
fn what_turns_stale_is_written_once() {
    let mut world = World::healthy(20, 5);
    an_hour_of_probes(&mut world);
    written_while_nothing_happens(&mut world);
    let stale = written_while_nothing_happens(&mut world);
    assert!(!stale.is_empty());
    let integrations = stale.iter().filter(|part| part.starts_with("integration:")).count();
    assert!(integrations <= 2 * 6, "{integrations}: {stale:#?}");
    written_while_nothing_happens(&mut world);
    assert_eq!(but_incidents(written_while_nothing_happens(&mut world)), [""; 0], "all of it is stale");
}
