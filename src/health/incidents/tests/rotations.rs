//! Rotations, observers and copies of our own: whose problem it is, and when it is one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::world::{World, group, hours, minutes, organization, pat, resolutions, start};
use crate::domain::condition::{Condition, Reason};
use crate::domain::decisions::{Plan, PlanKind};
use crate::domain::facts::AuditEvents;
use crate::domain::incident::Rule;
use crate::domain::kinds::{Role, Truth};
use crate::domain::names::DecisionId;
use crate::domain::rotation::{EndedBy, RotationSource, Saved, TokenEnd};
use crate::domain::state::CredentialVerdict;
use crate::domain::status::Status;

const UNFINISHED: &str = "RotationUnfinished/credential/bitbucket-acme warning";
const CRITICAL: &str = "RotationUnfinished/credential/bitbucket-acme critical";

fn behind(world: &mut World, number: u128) {
    world.settled(&organization(number), Condition::CredentialInStep, Reason::CredentialOutOfStep);
}

fn days(days: i64) -> TimeDelta {
    TimeDelta::days(days)
}

#[test]
fn a_rotation_that_moves_is_no_incident() {
    let mut world = World::new(4);
    world.rotate(start(), &[1], &[organization(2), organization(3), organization(4)], Some(start() + days(40)));
    for number in 2..=4 {
        behind(&mut world, number);
    }
    world.at(hours(23));
    assert_eq!(world.open(), [""; 0]);
    // Another one is saved: a day more.
    let rotation = world.credential(&pat()).rotation.as_mut().unwrap();
    rotation.saved.insert(organization(2), Saved { at: start() + hours(23), user_id: None });
    rotation.outstanding.remove(&organization(2));
    world.at(hours(46));
    assert_eq!(world.open(), [""; 0]);
    world.at(hours(47));
    assert_eq!(world.open(), [UNFINISHED]);
    insta::assert_snapshot!(
        format!("{}\n{}", world.incident(Rule::RotationUnfinished).summary, world.incident(Rule::RotationUnfinished).next_step),
        @"
    The rotation of credential bitbucket-acme has made no progress for 24 h (since 2026-11-21 08:00 UTC): 2 of 4 have the new token, 2 Organizations still on the old token (00000000-0000-0000-0000-000000000003, 00000000-0000-0000-0000-000000000004). The old token expires 2026-12-30 09:00 UTC; until then all works.
    (Organization Admin) Open Integrations in each listed Organization and save the new PAT.
    "
    );
    assert_eq!(world.incident(Rule::RotationUnfinished).members.len(), 2);
    assert_eq!(world.incident(Rule::RotationUnfinished).deadline, Some(start() + days(40)));
    // The last day of the old token.
    world.at(days(39));
    assert_eq!(world.open(), [CRITICAL]);
    let rotation = world.credential(&pat()).rotation.as_mut().unwrap();
    rotation.outstanding.clear();
    rotation.done_at = Some(start() + days(39));
    assert_eq!(
        resolutions(&world.at(days(39) + hours(1))),
        ["RotationUnfinished/credential/bitbucket-acme: nobody has the old token any more"]
    );
}

#[test]
fn near_the_old_tokens_end_a_rotation_is_told_although_it_moves() {
    for (ends_in, expected) in
        [(days(8), vec![]), (days(7), vec![UNFINISHED]), (days(1), vec![CRITICAL]), (-minutes(1), vec![CRITICAL])]
    {
        let mut world = World::new(2);
        world.rotate(start(), &[1], &[organization(2)], Some(start() + ends_in));
        world.evaluate();
        assert_eq!(world.open(), expected, "{ends_in}");
    }
}

#[test]
fn an_old_token_that_is_known_to_be_dead_is_told_at_once() {
    let mut world = World::new(2);
    world.rotate(start(), &[1], &[organization(2)], None);
    world.evaluate();
    assert_eq!(world.open(), [""; 0]);
    let end = TokenEnd { at: start() + minutes(5), by: EndedBy::Rejected };
    world.credential(&pat()).rotation.as_mut().unwrap().old.ended = Some(end);
    world.at(minutes(10));
    assert_eq!(world.open(), [CRITICAL]);
    let summary = &world.incident(Rule::RotationUnfinished).summary;
    assert!(summary.ends_with("(the Git host rejects it): nothing works there any more."), "{summary}");
}

#[test]
fn a_group_that_may_still_have_the_old_token_asks_for_its_end() {
    let mut world = World::new(1);
    world.rotate(start(), &[1], &[group()], None);
    world.at(hours(24));
    assert_eq!(world.open(), [UNFINISHED]);
    let step = &world.incident(Rule::RotationUnfinished).next_step;
    assert!(
        step.starts_with("(Group Admin) Save the new PAT in the profile; (token owner) revoke the old one"),
        "{step}"
    );
}

#[test]
fn the_end_of_the_old_token_alone_ends_no_rotation() {
    let mut world = World::new(1);
    world.rotate(start(), &[1], &[group()], Some(start() + days(3)));
    world.at(days(3) - hours(1));
    assert_eq!(world.open(), [CRITICAL]);
    // It has ended, and nothing shows yet that the Group has the new one.
    let rotation = world.credential(&pat()).rotation.as_mut().unwrap();
    rotation.old.ended = Some(TokenEnd { at: start() + days(3), by: EndedBy::Expired });
    rotation.outstanding.clear();
    rotation.untold.insert(group(), Reason::NotProvenSinceRotation);
    assert_eq!(resolutions(&world.at(days(3) + hours(1))), [""; 0]);
    assert_eq!(world.open(), [CRITICAL]);
    // An asset moves.
    let rotation = world.credential(&pat()).rotation.as_mut().unwrap();
    rotation.untold.clear();
    rotation.saved.insert(group(), Saved { at: start() + days(3) + hours(2), user_id: None });
    rotation.done_at = Some(start() + days(3) + hours(2));
    assert_eq!(
        resolutions(&world.at(days(3) + hours(2))),
        ["RotationUnfinished/credential/bitbucket-acme: nobody has the old token any more"]
    );
}

#[test]
fn a_dead_old_token_counts_when_those_who_are_left_were_looked_at_since() {
    let mut world = World::new(2);
    world.rotate(start(), &[1], &[organization(2)], Some(start() + days(40)));
    behind(&mut world, 2);
    let read = |world: &mut World| {
        let events = world.evidence(AuditEvents::Complete { from: start() - days(90), events: Vec::new() });
        world.state.evidence.organizations.entry(organization(2)).or_default().events = Some(events);
    };
    world.at(hours(3));
    read(&mut world);
    // The old token is revoked, perhaps in the same minute in which the new one was saved in the last Organization.
    let rotation = world.credential(&pat()).rotation.as_mut().unwrap();
    rotation.old.ended = Some(TokenEnd { at: start() + hours(3) + minutes(5), by: EndedBy::Rejected });
    world.at(hours(3) + minutes(6));
    assert_eq!(world.open(), [""; 0]);
    world.at(hours(3) + minutes(10));
    read(&mut world);
    world.at(hours(3) + minutes(11));
    assert_eq!(world.open(), [CRITICAL]);
}

#[test]
fn what_waits_for_its_proof_alone_opens_nothing() {
    let mut world = World::new(1);
    world.rotate(start(), &[1], &[], None);
    world.credential(&pat()).rotation.as_mut().unwrap().untold.insert(group(), Reason::NotProvenSinceRotation);
    world.at(days(3));
    assert_eq!(world.open(), [""; 0]);
}

#[test]
fn one_incident_for_a_rotation_that_we_saw_and_for_one_that_we_did_not() {
    let mut world = World::new(2);
    world.rotate(start(), &[1], &[organization(2)], Some(start() + days(40)));
    behind(&mut world, 2);
    world.at(hours(24));
    assert_eq!(world.open(), [UNFINISHED]);
    // A declared time alone is no rotation that goes on.
    let mut world = World::new(2);
    world.rotate(start(), &[1], &[organization(2)], Some(start() + days(40)));
    world.credential(&pat()).rotation.as_mut().unwrap().source = RotationSource::Declared;
    behind(&mut world, 2);
    world.at(hours(24));
    assert_eq!(world.open(), ["CredentialOutOfStep/organizations/acme-bitbucket warning"]);
    assert_eq!(world.incident(Rule::CredentialOutOfStep).deadline, Some(start() + days(40)));
}

#[test]
fn a_plan_holds_both_back_and_a_rejection_never() {
    for source in [RotationSource::FirstUse, RotationSource::Declared] {
        let mut world = World::new(2);
        world.rotate(start(), &[1], &[organization(2)], Some(start() + days(3)));
        world.credential(&pat()).rotation.as_mut().unwrap().source = source;
        behind(&mut world, 2);
        let plan = Plan {
            kind: PlanKind::Rotate,
            pattern: "bitbucket-*".to_owned(),
            repositories: BTreeMap::new(),
            organizations: BTreeMap::new(),
            credentials: BTreeSet::from([pat()]),
            revoked: false,
            from: start(),
            until: start() + days(2),
            author: "ann".to_owned(),
            reason: "yearly".to_owned(),
        };
        world.state.decisions.plans.insert(DecisionId::from("1"), plan);
        world.at(hours(30));
        assert_eq!(world.open(), [""; 0], "{source}");
        world.reject(&pat(), Reason::CredentialExpired);
        world.at(hours(31));
        assert_eq!(world.open(), ["CredentialInvalid/credential/bitbucket-acme critical"], "{source}");
        world.accept(&pat());
        world.at(hours(32));
        world.at(days(2));
        assert_eq!(world.open().len(), 1, "{source}: what was planned did not happen");
    }
}

#[test]
fn an_observer_that_is_rejected_leaves_us_blind_and_snyk_not() {
    let mut world = World::new(2);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().role = Role::Observer;
    world.reject(&pat(), Reason::CredentialRevoked);
    for key in [group(), organization(1)] {
        world.condition(&key, Condition::CredentialValid, Truth::Unknown, Reason::ObserverFailed);
        world.status(&key, Status::Unknown, Reason::ObserverFailed);
    }
    world.at(hours(23));
    assert_eq!(world.open(), ["ObserverRejected/credential/bitbucket-acme warning"]);
    let step = &world.incident(Rule::ObserverRejected).next_step;
    assert!(step.ends_with("Nothing is to be saved in Snyk."), "{step}");
    world.at(hours(24));
    assert_eq!(world.open(), ["ObserverRejected/credential/bitbucket-acme critical"]);
    world.accept(&pat());
    assert_eq!(
        resolutions(&world.at(hours(25))),
        ["ObserverRejected/credential/bitbucket-acme: the observer token is accepted again"]
    );
    // The admin API blocks the one in Snyk: that is the PAT's own failure.
    let blocked = CredentialVerdict {
        truth: Truth::False,
        reason: Reason::CredentialBlocked,
        message: "an administrator of the organisation blocked the PAT saved in Snyk".to_owned(),
        since: Some(world.now),
    };
    world.credential(&pat()).in_snyk = Some(blocked);
    world.at(hours(26));
    assert_eq!(world.open(), ["CredentialInvalid/credential/bitbucket-acme critical"]);
    // The listing fails to come: nothing is resolved by that. A sync resolves it.
    world.credential(&pat()).in_snyk = None;
    for key in [group(), organization(1), organization(2)] {
        world.condition(&key, Condition::CredentialValid, Truth::Unknown, Reason::IdleUnproved);
    }
    world.at(hours(27));
    assert_eq!(world.open(), ["CredentialInvalid/credential/bitbucket-acme critical"]);
    for key in [group(), organization(1), organization(2)] {
        world.condition(&key, Condition::CredentialValid, Truth::True, Reason::InferredFromSync);
    }
    world.at(hours(28));
    assert!(!world.open().iter().any(|open| open.starts_with("CredentialInvalid")), "{:?}", world.open());
}

#[test]
fn our_own_copy_is_asked_about_first() {
    let broken = || {
        let mut world = World::new(1);
        world.reject(&pat(), Reason::CredentialWrongTokenOrEmail);
        let state = world.credential(&pat());
        (state.accepted_secret, state.secret_version) = (Some("hash-1".to_owned()), Some("typo".to_owned()));
        (state.last_used_at, state.rejected_since) = (Some(start() - minutes(5)), Some(start()));
        world
    };
    let mut world = broken();
    world.at(hours(25));
    assert_eq!(world.open(), ["CredentialInvalid/credential/bitbucket-acme warning"]);
    let incident = world.incident(Rule::CredentialInvalid);
    assert!(
        incident.summary.starts_with("Our copy of credential bitbucket-acme has been rejected"),
        "{}",
        incident.summary
    );
    assert!(incident.next_step.starts_with("(snykwatch operator) Put the token that is saved in Snyk into"));
    assert!(incident.next_step.contains("worked until 2026-11-20 08:55 UTC"), "{}", incident.next_step);
    // Snyk goes on: still ours alone.
    world.integration(&group()).group.last_asset_moved_at = Some(start() + hours(24));
    world.at(hours(49));
    assert_eq!(world.open(), ["CredentialInvalid/credential/bitbucket-acme warning"]);
    // Nothing moved for 26 h.
    world.at(hours(50));
    assert_eq!(world.open(), ["CredentialInvalid/credential/bitbucket-acme critical"]);
    // Or it stalls.
    let mut world = broken();
    world.integration(&group()).group.last_asset_moved_at = Some(start());
    world.condition(&group(), Condition::SyncCurrent, Truth::False, Reason::SyncLagging);
    world.at(hours(1));
    assert_eq!(world.open(), ["CredentialInvalid/credential/bitbucket-acme critical"]);
}
