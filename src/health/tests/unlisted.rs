//! A complete listing without any Organization: a Group that has none, and a role that hides them, look alike.

use crate::domain::condition::Reason;
use crate::domain::facts::Access;
use crate::domain::incident::Rule;
use crate::domain::names::{GroupId, IntegrationName};
use crate::domain::status::Status;
use crate::domain::work::{Finding, ProbeKind, WorkSubject};

use super::super::testing::{INTEGRATION, World, hours, minutes, organization_id};
use super::super::{Unlisted, incidents, unlisted};

fn told(world: &World) -> Option<Unlisted> {
    unlisted(&world.state, &world.fleet, &IntegrationName::from(INTEGRATION), world.now)
}

fn is_paged(world: &mut World) -> bool {
    incidents::evaluate(&mut world.state, &world.fleet, world.now);
    world.state.incidents.keys().any(|key| key.rule == Rule::StatusUnknown)
}

#[test]
fn a_group_that_lists_none_from_the_first_day_is_named_and_pages_nobody() {
    let mut world = World::healthy(3, 3);
    world.organizations.clear();
    world.probe();
    let first = world.now;
    world.pass(hours(30));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    let told = told(&world).unwrap();
    assert_eq!((told.reason, told.since), (Reason::GroupAnswersEmpty, first));
    assert!(told.message.contains("either it has none, or our token's role hides them"), "{}", told.message);
    assert!(told.next_step.starts_with("Group Admin: check the role of our Snyk token"), "{}", told.next_step);
    assert!(!is_paged(&mut world));
}

#[test]
fn a_group_that_lists_some_is_not_named() {
    let mut world = World::healthy(3, 1);
    world.probe();
    assert_eq!(told(&world), None);
    // What was listed before is told by others.
    world.organizations.clear();
    world.pass(minutes(15));
    assert_eq!(told(&world), None);
    // Nor is one whose Organizations the configuration lists itself.
    let mut world = World::healthy(3, 1);
    world.organizations.clear();
    world.integration().organizations.as_mut().unwrap().discover = Some([organization_id(0)].into());
    world.probe();
    assert_eq!(told(&world), None);
}

#[test]
fn an_organization_that_answers_beside_an_empty_listing_makes_it_worth_a_page() {
    let mut world = World::healthy(3, 1);
    world.unlisted.insert(organization_id(0));
    world.integration().organizations.as_mut().unwrap().require.insert(organization_id(0));
    for _ in 0..8 {
        world.now += minutes(15);
        world.probe();
        let key = World::key(Some(0));
        let group = Some(GroupId(uuid::Uuid::from_u128(1)));
        let access = Access::Granted { name: None, group, created_at: None };
        let findings = vec![Finding::OrganizationAccess(key.clone(), access)];
        world.observe(ProbeKind::Organization, WorkSubject::Organization(key), findings);
        world.evaluate();
        incidents::evaluate(&mut world.state, &world.fleet, world.now);
    }
    assert!(told(&world).is_some());
    assert!(is_paged(&mut world), "{:?}", world.state.incidents.keys().collect::<Vec<_>>());
}
