//! Namespaces of which nothing was told: what is known of them stands as old as it is, and the others are judged.

use std::collections::BTreeSet;

use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{Repository, Unread, WorkspaceFact};
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::names::{RepositoryId, WorkspaceSlug};
use crate::domain::status::Status;

use super::super::incidents;
use super::super::testing::{WORKSPACE, World, hours, minutes, repository};

const VISIBLE: Condition = Condition::RepositoriesVisible;
const DETAIL: &str = "could not list the repositories of workspace beta: the API answered 500: boom";

fn beta() -> WorkspaceSlug {
    WorkspaceSlug::from("beta")
}

/// Workspace acme with 40 repositories and beta with 10, connected.
fn two() -> World {
    let mut world = World::healthy(50, 0);
    world.main().repositories = (0..50).map(of_two).collect();
    let member = WorkspaceFact::Member { uuid: None, administrator: None };
    world.main().workspaces.insert(beta(), member);
    world.group().profiles.values_mut().next().unwrap().workspaces.insert(beta());
    world.sync(world.now - hours(240));
    pass(&mut world, 1);
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
    world
}

fn of_two(number: usize) -> Repository {
    let one = repository(number);
    if number < 40 {
        return one;
    }
    Repository { full_name: format!("beta/service-{number}"), workspace: beta(), ..one }
}

fn pass(world: &mut World, time: i64) {
    for _ in 0..time * 4 {
        world.pass(minutes(15));
        incidents::evaluate(&mut world.state, &world.fleet, world.now);
    }
}

fn fails(world: &mut World, read_at: Option<chrono::DateTime<chrono::Utc>>) {
    let (since, detail) = (world.now, DETAIL.to_owned());
    world.main().unread.insert(beta(), Unread { read_at, since, reason: Reason::UpstreamFailing, detail });
}

fn open(world: &World) -> Vec<Rule> {
    world.state.incidents.iter().filter(|(_, one)| one.is_open()).map(|(key, _)| key.rule).collect()
}

fn lose(world: &mut World, count: usize) {
    let gone: BTreeSet<RepositoryId> = (0..count).map(|number| repository(number).id).collect();
    world.main().repositories.retain(|one| !gone.contains(&one.id));
}

#[test]
fn one_that_fails_is_named_once_what_is_known_of_it_is_too_old() {
    let mut world = two();
    let read_at = Some(world.now);
    fails(&mut world, read_at);
    pass(&mut world, 1);
    assert_eq!(world.condition(None, VISIBLE), (Truth::True, Reason::Ok), "what is known stands");
    pass(&mut world, 1);
    assert_eq!(world.condition(None, VISIBLE), (Truth::Unknown, Reason::UpstreamFailing));
    assert!(world.message(None).starts_with(DETAIL), "{}", world.message(None));
    world.main().unread.clear();
    pass(&mut world, 1);
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
}

#[test]
fn what_others_lose_is_found_beside_it() {
    let mut world = two();
    let read_at = Some(world.now);
    fails(&mut world, read_at);
    lose(&mut world, 30);
    pass(&mut world, 1);
    assert_eq!(world.condition(None, VISIBLE), (Truth::Unknown, Reason::RepositoriesVanished));
    pass(&mut world, 3);
    assert_eq!(open(&world).iter().filter(|rule| **rule == Rule::RepositoriesVanished).count(), 1);
}

#[test]
fn nothing_is_missing_in_one_that_was_never_read() {
    let mut world = World::healthy(50, 0);
    world.main().repositories = (0..50).map(of_two).collect();
    world.main().workspaces.insert(beta(), WorkspaceFact::Member { uuid: None, administrator: None });
    world.group().profiles.values_mut().next().unwrap().workspaces.insert(beta());
    world.sync(world.now - hours(240));
    world.main().repositories.truncate(40);
    fails(&mut world, None);
    pass(&mut world, 4);
    assert_eq!(world.condition(None, VISIBLE), (Truth::Unknown, Reason::UpstreamFailing));
    assert!(!open(&world).contains(&Rule::RepositoriesVanished), "its assets are no loss");
}

fn not_proved() -> WorkspaceFact {
    let why = "the API answered 403: This API is not accessible by this authentication mechanism".to_owned();
    WorkspaceFact::Untold { reason: Reason::MembershipNotProved, why }
}

fn is_to_acme(world: &mut World, fact: WorkspaceFact) {
    world.main().workspaces.insert(WorkspaceSlug::from(WORKSPACE), fact);
}

#[test]
fn a_membership_that_nothing_proves_is_unknown_and_heals_nothing() {
    // From the first look.
    let mut world = World::healthy(40, 0);
    is_to_acme(&mut world, not_proved());
    pass(&mut world, 1);
    assert_eq!(world.status(None), (Status::Unknown, Reason::MembershipNotProved));
    insta::assert_snapshot!(world.message(None), @"nothing proves that the account behind the PAT is a member of workspace acme: it sees no more than strangers do, and its memberships cannot be listed: the API answered 403: This API is not accessible by this authentication mechanism");

    // After a conclusive word: that stands while it is fresh, and its incident after that.
    let mut world = World::healthy(40, 0);
    pass(&mut world, 1);
    is_to_acme(&mut world, WorkspaceFact::NotMember);
    pass(&mut world, 4);
    assert!(open(&world).contains(&Rule::ConnectionFailed), "{:?}", open(&world));
    is_to_acme(&mut world, not_proved());
    pass(&mut world, 1);
    assert_eq!(world.status(None), (Status::ConnectionFailed, Reason::NotAMember), "{}", world.message(None));
    pass(&mut world, 2);
    assert_eq!(world.status(None), (Status::Unknown, Reason::MembershipNotProved));
    pass(&mut world, 24);
    assert!(open(&world).contains(&Rule::ConnectionFailed), "{:?}", open(&world));
    // Proved again.
    is_to_acme(&mut world, WorkspaceFact::Member { uuid: None, administrator: None });
    pass(&mut world, 4);
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
    assert!(!open(&world).contains(&Rule::ConnectionFailed));
}
