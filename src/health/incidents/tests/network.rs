//! Our own network is down: one incident of ours, not one of each vendor.

use insta::assert_snapshot;

use super::world::{World, group, hours, minutes, organization, resolutions, start};
use crate::domain::condition::Reason;
use crate::domain::incident::Rule;
use crate::domain::names::ApiName;
use crate::domain::status::Status;

const SNYK: &str = "snyk/acme-us";
const BITBUCKET: &str = "bitbucket-cloud";
const OURS: &str = "UpstreamUnreachable/network warning";

/// Nothing arrives since the start at the one, and since so many minutes later at the other.
fn cut_off(later: i64) -> World {
    let mut world = World::new(2);
    world.cut_off(SNYK, start());
    world.cut_off(BITBUCKET, start() + minutes(later));
    world
}

#[test]
fn it_is_one_incident_with_a_next_step_of_its_own() {
    let mut world = cut_off(5);
    for key in [group(), organization(1), organization(2)] {
        world.status(&key, Status::Unknown, Reason::UpstreamFailing);
    }
    world.at(minutes(64));
    assert_eq!(world.open(), [""; 0]);
    world.at(minutes(65));
    assert_eq!(world.open(), [OURS]);
    let incident = world.incident(Rule::UpstreamUnreachable);
    assert_eq!(incident.affected.len(), 3);
    assert_snapshot!(format!("{}\n> {}", incident.summary, incident.next_step), @"
    No question of snykwatch has arrived anywhere for 60 min (since 2026-11-20 09:05 UTC): it is the network of the machine that it runs on, not 2 APIs at once. bitbucket-cloud: dns, could not look up bitbucket-cloud.example.com. snyk/acme-us: dns, could not look up snyk/acme-us.example.com. What is shown of 1 Group integration and 2 Organizations is the last known state and grows old; no credential is to blame, and scanning goes on.
    > (snykwatch operator) Look at the network of the machine that snykwatch runs on: name lookup, route and firewall, the proxy (`http.proxy`), the certificates (`http.ca_file`); `snykwatch check`, run there, tells them apart.
    ");
    world.at(hours(24) + minutes(4));
    assert_eq!(world.open(), [OURS], "neither the vendors nor what is unknown by it");
    world.at(hours(24) + minutes(5));
    assert_eq!(world.open(), ["UpstreamUnreachable/network critical"]);
}

#[test]
fn it_ends_with_the_first_answer_and_gives_the_others_time_to_be_asked() {
    let mut world = cut_off(0);
    world.at(hours(2));
    world.now += minutes(5);
    world.api(SNYK, None);
    assert_eq!(resolutions(&world.evaluate()), ["UpstreamUnreachable/network: questions arrive again"]);
    assert_eq!(world.open(), [""; 0], "the other was not asked again yet");
    world.at(hours(2) + minutes(19));
    assert_eq!(world.open(), [""; 0]);
    world.at(hours(2) + minutes(20));
    assert_eq!(world.open(), ["UpstreamUnreachable/api/bitbucket-cloud warning"], "it alone is not reached");
}

#[test]
fn each_of_these_is_the_vendors_own() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut World), expected: &[&str]) {
        let mut world = cut_off(0);
        change(&mut world);
        world.at(hours(2));
        assert_eq!(world.open(), expected);
    }
    let snyk = "UpstreamUnreachable/api/snyk/acme-us warning";
    let bitbucket = "UpstreamUnreachable/api/bitbucket-cloud warning";
    // The other one answers.
    check(|world| world.api(SNYK, None), &[bitbucket]);
    // Both answer 503: there is a way to both.
    check(
        |world| {
            world.api(SNYK, Some(start()));
            world.api(BITBUCKET, Some(start()));
        },
        &[bitbucket, snyk],
    );
    // One of them does.
    check(|world| world.api(SNYK, Some(start())), &[bitbucket, snyk]);
    // The other one was not asked yet.
    check(|world| drop(world.state.evidence.apis.remove(&ApiName::new(SNYK))), &[bitbucket]);
    // A third API, by which nobody is watched, answered since.
    check(
        |world| {
            world.api("atlassian-admin", None);
            let admin = world.state.evidence.apis.get_mut(&ApiName::new("atlassian-admin")).unwrap();
            admin.last_conclusive_at = Some(start() + minutes(30));
        },
        &[bitbucket, snyk],
    );
    // They were lost hours apart.
    check(|world| world.cut_off(BITBUCKET, start() + minutes(61)), &[snyk]);
}

#[test]
fn a_vendors_incident_that_was_told_stays_and_is_linked_to_it() {
    let mut world = World::new(0);
    world.cut_off(SNYK, start());
    world.api(BITBUCKET, None);
    world.at(minutes(60));
    assert_eq!(world.open(), ["UpstreamUnreachable/api/snyk/acme-us warning"]);
    world.cut_off(BITBUCKET, start() + minutes(60));
    world.at(hours(2));
    assert_eq!(world.open(), [OURS, "UpstreamUnreachable/api/snyk/acme-us warning"]);
    let (_, linked) = world.state.incidents.last_key_value().unwrap();
    assert_eq!(linked.cause.as_ref().map(ToString::to_string).as_deref(), Some("UpstreamUnreachable/network"));
}
