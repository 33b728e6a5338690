//! Our own share of the requests does not suffice: one incident, ours.

use chrono::TimeDelta;

use super::world::{World, group, hours, id, minutes, name, organization, pat, resolutions, snyk, start};
use crate::domain::condition::Reason;
use crate::domain::evidence::{End, FailedAttempt, FailedAttempts, Part};
use crate::domain::incident::Rule;
use crate::domain::names::Revision;
use crate::domain::status::Status;

const OURS: &str = "StatusUnknown/credential/acme-us warning";
const WORDS: &str = "could not list the targets: not asked: our own share of the requests with this credential is used up, \
                     for another 30 s";

fn turned_away(end: End) -> FailedAttempt {
    FailedAttempt {
        since: start(),
        at: start(),
        reason: Reason::BudgetSpent,
        detail: WORDS.to_owned(),
        end: Some(end),
        revision: Revision::default(),
    }
}

fn of_group(world: &mut World) -> &mut FailedAttempts {
    &mut world.state.evidence.groups.entry(name()).or_default().failures
}

/// A Group and three Organizations, the last of which was not even begun with.
fn blind() -> World {
    let mut world = World::new(3);
    for key in [group(), organization(1), organization(2)] {
        world.status(&key, Status::Unknown, Reason::BudgetSpent);
        world.integration(&key).unanswered = Some(End::Snyk);
    }
    world.status(&organization(3), Status::Unknown, Reason::EvidenceStale);
    of_group(&mut world).insert(Part::Assets, turned_away(End::Snyk));
    world
}

#[test]
fn it_is_one_incident_whatever_of_it_grows_old() {
    let mut world = blind();
    world.at(minutes(59));
    assert_eq!(world.open(), [""; 0]);
    world.at(hours(1));
    assert_eq!(world.open(), [OURS]);
    let incident = world.incident(Rule::StatusUnknown);
    assert_eq!(incident.affected.len(), 4);
    for words in
        ["Our own share of the requests with acme-us", "1 Group integration and 3 Organizations", "for another 30 s"]
    {
        assert!(incident.summary.contains(words), "{words}: {}", incident.summary);
    }
    assert!(incident.next_step.starts_with("(snykwatch operator) "), "{}", incident.next_step);

    // The listing grows old too, and the reasons change.
    world.state.evidence.groups.entry(name()).or_default().organizations = None;
    of_group(&mut world).insert(Part::Organizations, turned_away(End::Snyk));
    world.status(&organization(2), Status::Unknown, Reason::EvidenceStale);
    for hour in [2, 5, 23] {
        world.at(hours(hour));
        assert_eq!(world.open(), [OURS], "{hour}");
    }
    world.at(hours(24));
    assert_eq!(world.open(), ["StatusUnknown/credential/acme-us critical"], "a Group is blind for a day");

    world.list((1..=3).map(id));
    of_group(&mut world).clear();
    for key in [group(), organization(1), organization(2), organization(3)] {
        world.status(&key, Status::Connected, Reason::Ok);
    }
    world.now += minutes(5);
    let ended = ["StatusUnknown/credential/acme-us: what was too old is known again"];
    assert_eq!(resolutions(&world.evaluate()), ended);
    assert_eq!(world.open(), [""; 0]);
}

#[test]
fn a_listing_alone_that_is_not_asked_for_is_ours_too() {
    let mut world = World::new(0);
    world.state.evidence.groups.entry(name()).or_default().organizations = None;
    of_group(&mut world).insert(Part::Organizations, turned_away(End::Snyk));
    world.at(hours(1));
    assert_eq!(world.open(), [OURS]);
}

#[test]
fn it_hides_nothing_that_has_another_reason() {
    let mut world = blind();
    world.status(&organization(2), Status::Unknown, Reason::SnykAccessDenied);
    world.at(hours(1));
    assert_eq!(world.open(), [OURS, "StatusUnknown/organizations/acme-bitbucket warning"]);
    assert_eq!(world.state.incidents.values().next_back().unwrap().members, [id(2)]);
}

#[test]
fn old_evidence_alone_is_nobodys_share() {
    let mut world = World::new(1);
    world.status(&group(), Status::Unknown, Reason::EvidenceStale);
    world.at(hours(1));
    assert_eq!(world.open(), ["StatusUnknown/integration/acme-bitbucket warning"]);
}

#[test]
fn it_is_about_the_credential_whose_share_it_is() {
    let mut world = World::new(1);
    world.status(&group(), Status::Unknown, Reason::BudgetSpent);
    world.integration(&group()).unanswered = Some(End::GitHost);
    let profiles = &mut world.state.evidence.groups.entry(name()).or_default().profiles;
    profiles.entry("main".into()).or_default().failures.insert(Part::Repositories, turned_away(End::GitHost));
    world.at(hours(1));
    assert_eq!(world.open(), [format!("StatusUnknown/credential/{} warning", pat())]);
    assert!(!world.state.incidents.keys().any(|key| key.to_string().contains(snyk().as_str())));
    world.at(hours(1) + TimeDelta::days(2));
    assert_eq!(world.open(), [format!("StatusUnknown/credential/{} critical", pat())]);
}
