//! A clock that is known to be wrong: nothing opens, or grows worse, by time alone.

use chrono::TimeDelta;

use super::world::{World, group, hours, id, minutes, organization, pat, snyk};
use crate::domain::condition::Reason;
use crate::domain::incident::{Rule, Severity};
use crate::domain::policy::Case;
use crate::domain::state::ExpirySource;
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

/// Before: the first evaluation after a start, by a clock that ran ahead, made a page of what had been a warning.
#[test]
fn nothing_opens_or_grows_worse_by_time_alone_before_a_date_confirmed_the_clock_since_the_start() {
    let mut world = partial();
    world.reject(&snyk(), Reason::SnykTokenInvalid);
    world.at(hours(1));
    let warning = "SnykTokenInvalid/credential/acme-us warning";
    assert_eq!((world.open(), world.pending()), (vec![warning.to_owned()], vec![PARTIAL.to_owned()]));
    // The process ends here, and another begins.
    let start = |world: &mut World| world.state.evidence.is_clock_unconfirmed = true;
    start(&mut world);
    world.now = super::world::start() + hours(25);
    crate::health::incidents::evaluate(&mut world.state, &world.fleet, world.now);
    assert_eq!((world.open(), world.pending()), (vec![warning.to_owned()], vec![PARTIAL.to_owned()]));
    // What is seen, it tells.
    world.reject(&pat(), Reason::CredentialExpired);
    crate::health::incidents::evaluate(&mut world.state, &world.fleet, world.now);
    assert_eq!(world.open(), [warning, "CredentialInvalid/credential/bitbucket-acme critical"]);
    // It was the time.
    world.state.evidence.is_clock_unconfirmed = false;
    world.accept(&pat());
    world.at(hours(25));
    assert_eq!(world.open(), ["SnykTokenInvalid/credential/acme-us critical"]);
    // Where no other problem explains it, it opens as soon as the time is known.
    let mut world = partial();
    start(&mut world);
    world.now = super::world::start() + hours(25);
    crate::health::incidents::evaluate(&mut world.state, &world.fleet, world.now);
    assert_eq!((world.open(), world.pending()), (Vec::new(), vec![PARTIAL.to_owned()]));
    world.state.evidence.is_clock_unconfirmed = false;
    world.at(hours(25));
    assert_eq!(world.open(), [PARTIAL]);
}

/// Before: two days in which nobody watched were two days of trying, for one Organization as for all.
#[test]
fn the_members_of_an_incident_count_the_time_in_which_they_were_watched() {
    let (rule, case) = (Rule::StatusUnknown, Case::Default);
    let severities = vec![(TimeDelta::zero(), Severity::Warning), (hours(24), Severity::Critical)];
    let mut world = World::new(3);
    world.rules(|rules| rules.with_severities(rule, case, severities.clone()));
    let severity = |world: &World| world.incident(rule).severity;
    let begins = |world: &mut World, number| {
        world.status(&organization(number), Status::Unknown, Reason::EvidenceStale);
    };
    begins(&mut world, 1);
    world.at(hours(2));
    // It waits for its time when the gap begins.
    begins(&mut world, 2);
    world.at(hours(2) + minutes(30));
    assert_eq!((world.incident(rule).members.clone(), severity(&world)), (vec![id(1)], Severity::Warning));
    let from = world.now;
    crate::health::resume(&mut world.state, from, from + hours(48));
    world.at(hours(50) + minutes(40));
    assert_eq!((world.incident(rule).members.clone(), severity(&world)), (vec![id(1)], Severity::Warning));
    // What begins after the gap is watched all the time, and is critical on time, whoever was there before it.
    begins(&mut world, 3);
    world.at(hours(52));
    assert_eq!(world.incident(rule).members, [id(1), id(2), id(3)]);
    for number in [1, 2] {
        world.status(&organization(number), Status::Connected, Reason::Ok);
    }
    let begun = hours(50) + minutes(40);
    world.at(begun + hours(24) - minutes(1));
    assert_eq!((world.incident(rule).members.clone(), severity(&world)), (vec![id(3)], Severity::Warning));
    world.at(begun + hours(24));
    assert_eq!(severity(&world), Severity::Critical);
}

/// What is true by a date is so whoever watched; it is told once the subject was asked again.
#[test]
fn what_ends_at_a_date_grows_worse_through_a_gap() {
    let mut world = World::new(2);
    let expires = world.now + TimeDelta::days(20);
    world.credential(&pat()).expiry = Some(expires);
    world.credential(&pat()).expiry_source = Some(ExpirySource::Api);
    let expiring = |severity: &str| vec![format!("CredentialExpiring/credential/bitbucket-acme {severity}")];
    world.at(hours(1));
    assert_eq!(world.open(), expiring("info"));
    let from = world.now;
    crate::health::resume(&mut world.state, from, from + TimeDelta::days(18));
    world.at(hours(1) + TimeDelta::days(18));
    assert_eq!(world.open(), expiring("info"), "nobody asked since");
    world.at(hours(2) + TimeDelta::days(18));
    assert_eq!(world.open(), expiring("critical"));
}
