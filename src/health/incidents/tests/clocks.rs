//! A clock that is known to be wrong: nothing opens, or grows worse, by time alone.

use super::world::{World, group, hours, minutes, pat, snyk};
use crate::domain::condition::Reason;
use crate::domain::status::Status;

const PARTIAL: &str = "PartiallyConnected/integration/acme-bitbucket warning";
const SNYK_API: &str = "snyk/acme-us";
const SCM_API: &str = "bitbucket-cloud";

/// Our clock is so many minutes ahead of this API's.
fn ahead(world: &mut World, api: &str, by: i64) {
    world.state.evidence.apis.entry(api.into()).or_default().clock_skew = Some(minutes(by));
}

fn partial() -> World {
    let mut world = World::new(2);
    world.status(&group(), Status::PartiallyConnected, Reason::AwaitingFirstSync);
    world.at(hours(1));
    world
}

#[test]
fn nothing_opens_by_time_alone_while_the_clock_is_wrong() {
    let mut world = partial();
    // A day ahead for a moment.
    ahead(&mut world, SNYK_API, 24 * 60);
    world.at(hours(25));
    assert_eq!(world.open(), [""; 0]);
    assert_eq!(world.pending(), [PARTIAL]);
    // Set right, it is as if nothing had happened.
    ahead(&mut world, SNYK_API, 0);
    world.at(hours(1) + minutes(1));
    assert_eq!((world.open(), world.pending()), (Vec::new(), vec![PARTIAL.to_owned()]));
    world.at(hours(13));
    assert_eq!(world.open(), [PARTIAL]);
}

#[test]
fn what_is_seen_opens_whatever_the_clock_shows() {
    let mut world = partial();
    ahead(&mut world, SNYK_API, 24 * 60);
    world.reject(&pat(), Reason::CredentialExpired);
    world.at(hours(25));
    assert_eq!(world.open(), ["CredentialInvalid/credential/bitbucket-acme critical"]);
}

#[test]
fn nothing_grows_worse_by_time_alone_while_the_clock_is_wrong() {
    let mut world = World::new(2);
    world.reject(&snyk(), Reason::SnykTokenInvalid);
    world.at(minutes(1));
    assert_eq!(world.open(), ["SnykTokenInvalid/credential/acme-us warning"]);
    ahead(&mut world, SCM_API, -24 * 60);
    world.at(hours(25));
    assert_eq!(world.open(), ["SnykTokenInvalid/credential/acme-us warning"]);
    ahead(&mut world, SCM_API, 0);
    world.at(hours(25));
    assert_eq!(world.open(), ["SnykTokenInvalid/credential/acme-us critical"]);
}

#[test]
fn how_long_an_api_does_not_answer_is_counted_by_a_wrong_clock_too() {
    let mut world = World::new(2);
    let began = world.now;
    world.api(SCM_API, Some(began));
    ahead(&mut world, SNYK_API, 24 * 60);
    world.at(minutes(59));
    assert_eq!(world.open(), [""; 0]);
    world.at(minutes(60));
    assert_eq!(world.open().len(), 1, "{:?}", world.open());
    assert!(world.open()[0].starts_with("UpstreamUnreachable/"), "{:?}", world.open());
}

#[test]
fn an_api_that_disagrees_alone_is_wrong_itself() {
    let mut world = partial();
    ahead(&mut world, SNYK_API, 24 * 60);
    ahead(&mut world, SCM_API, 5);
    world.at(hours(13));
    assert_eq!(world.open(), [PARTIAL]);
}
