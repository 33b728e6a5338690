//! Our own network is down: one incident of ours, not one of each vendor.

use insta::assert_snapshot;

use super::world::{World, group, hours, minutes, organization, resolutions, start};
use crate::domain::condition::Reason;
use crate::domain::evidence::End;
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
    world.at(minutes(59));
    assert_eq!(world.open(), [""; 0]);
    world.at(minutes(60));
    assert_eq!(world.open(), [OURS]);
    let incident = world.incident(Rule::UpstreamUnreachable);
    assert_eq!(incident.affected.len(), 3);
    assert_snapshot!(format!("{}\n> {}", incident.summary, incident.next_step), @"
    Questions of snykwatch have been lost for 60 min (since 2026-11-20 09:00 UTC), and by now none arrives anywhere: it is the network of the machine that it runs on, not 2 APIs at once. bitbucket-cloud: dns, could not look up bitbucket-cloud.example.com. snyk/acme-us: dns, could not look up snyk/acme-us.example.com. What is shown of 1 Group integration and 2 Organizations is the last known state and grows old; no credential is to blame, and scanning goes on.
    > (snykwatch operator) Look at the network of the machine that snykwatch runs on: name lookup, route and firewall, the proxy (`http.proxy`) or a portal that wants a login, the certificates (`http.ca_file`); `snykwatch check`, run there, tells them apart.
    ");
    world.at(hours(24) - minutes(1));
    assert_eq!(world.open(), [OURS], "neither the vendors nor what is unknown by it");
    world.at(hours(24));
    assert_eq!(world.open(), ["UpstreamUnreachable/network critical"]);
}

/// Open for two hours, and five minutes later the first API answers.
fn answered_by_snyk() -> World {
    let mut world = cut_off(0);
    world.at(hours(2));
    world.now += minutes(5);
    world.reach(SNYK);
    assert_eq!(world.evaluate(), [], "the other was not asked again yet");
    assert_eq!(world.open(), [OURS]);
    world
}

#[test]
fn it_ends_when_every_api_was_asked_again_and_hands_back_what_is_still_not_reached() {
    let mut world = answered_by_snyk();
    world.now += minutes(2);
    world.reach(BITBUCKET);
    assert_eq!(resolutions(&world.evaluate()), ["UpstreamUnreachable/network: questions arrive again"]);
    assert_eq!(world.open(), [""; 0]);

    let alone = ["UpstreamUnreachable/api/bitbucket-cloud warning"];
    let ended = ["UpstreamUnreachable/network: questions arrive again, but not at bitbucket-cloud"];
    let mut world = answered_by_snyk();
    world.now += minutes(2);
    world.ask_in_vain(BITBUCKET);
    assert_eq!(resolutions(&world.evaluate()), ended);
    assert_eq!(world.open(), alone, "without a time in which nobody tells of it");

    // It waits for nobody who is not asked.
    let mut world = answered_by_snyk();
    world.at(hours(2) + minutes(19));
    assert_eq!(world.open(), [OURS]);
    assert_eq!(resolutions(&world.at(hours(2) + minutes(20))), ended);
    assert_eq!(world.open(), alone);
}

#[test]
fn it_is_told_no_later_than_the_first_of_them_would_be() {
    let mut world = cut_off(41);
    world.at(minutes(59));
    assert_eq!(world.open(), [""; 0]);
    for minute in [60, 100, 113] {
        world.at(minutes(minute));
        assert_eq!(world.open(), [OURS], "{minute}");
    }
    // The one that was lost later is back; the other one is not, and somebody tells of it at any time.
    world.reach(BITBUCKET);
    world.evaluate();
    assert_eq!(world.open(), [OURS]);
    world.now += minutes(1);
    world.ask_in_vain(SNYK);
    world.evaluate();
    assert_eq!(world.open(), ["UpstreamUnreachable/api/snyk/acme-us warning"]);
}

#[test]
fn one_more_lost_answer_holds_back_nothing_that_is_due() {
    let mut world = cut_off(50);
    world.at(minutes(60));
    assert_eq!(world.open(), ["UpstreamUnreachable/api/snyk/acme-us warning"]);
    // A blip of the other one is no second page.
    world.at(minutes(109));
    assert_eq!(world.open(), ["UpstreamUnreachable/api/snyk/acme-us warning"]);
    world.at(minutes(110));
    assert_eq!(world.open(), [OURS, "UpstreamUnreachable/api/snyk/acme-us warning"]);
    assert_eq!(world.pending(), ["UpstreamUnreachable/api/bitbucket-cloud warning"]);
}

#[test]
fn the_cause_that_is_linked_is_the_api_whose_answer_is_missing() {
    #[track_caller]
    fn check(bitbucket_lost: i64, unanswered: Option<End>, expected: &str) {
        let mut world = World::new(1);
        world.api(SNYK, Some(start()));
        world.api(BITBUCKET, Some(start() + minutes(bitbucket_lost)));
        for key in [group(), organization(1)] {
            world.status(&key, Status::Unknown, Reason::UpstreamFailing);
            world.integration(&key).unanswered = unanswered;
        }
        world.at(hours(2));
        let cause = world.incident(Rule::StatusUnknown).cause.as_ref().map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some(expected), "{bitbucket_lost} {unanswered:?}");
    }
    let (snyk, bitbucket) = ("UpstreamUnreachable/api/snyk/acme-us", "UpstreamUnreachable/api/bitbucket-cloud");
    // The other one is lost for a while, too.
    check(100, Some(End::Snyk), snyk);
    check(100, None, snyk);
    check(0, Some(End::Snyk), snyk);
    check(0, Some(End::GitHost), bitbucket);
    // It is this one's answer, whatever people were told of the other one.
    check(100, Some(End::GitHost), bitbucket);
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
