//! What is not there proves nothing: fields that are gone, evidence about something else, one answer without what was
//! there before.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{IntegrationPresence, LastTest, ListedToken, WorkspaceFact};
use crate::domain::kinds::{Role, Truth};
use crate::domain::names::{ApiName, CredentialName, IntegrationName, ProfileName};
use crate::domain::status::Status;
use crate::domain::work::{Finding, ProbeKind, Work, WorkSubject};

use super::super::testing::{INTEGRATION, PAT, PROFILE, SCM_API, SNYK_API, World, hours, minutes, start};
use super::super::{FollowUp, forget_other_subjects};

fn connected() -> World {
    let mut world = World::healthy(5, 1);
    world.probe();
    assert_eq!(forget_other_subjects(&mut world.state, &world.fleet), []);
    for level in [None, Some(0)] {
        assert_eq!(world.status(level), (Status::Connected, Reason::Ok), "{}", world.message(level));
    }
    world
}

#[test]
fn without_times_to_compare_nothing_is_idle() {
    let check = |harm: fn(&mut World)| {
        let mut world = connected();
        harm(&mut world);
        world.pass(minutes(15));
        assert_eq!(world.condition(None, Condition::SyncCurrent), (Truth::Unknown, Reason::NothingToCompare));
        assert_eq!(world.status(None).0, Status::Unknown, "{}", world.message(None));
    };
    check(|world| world.main().repositories.iter_mut().for_each(|repository| repository.updated_at = None));
    check(|world| world.assets.iter_mut().for_each(|asset| (asset.last_sync, asset.updated_at) = (None, None)));
    // One repository without a time is one repository.
    let mut world = connected();
    world.main().repositories[0].updated_at = None;
    world.pass(minutes(15));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
}

#[test]
fn without_times_of_tests_none_is_late() {
    let mut world = connected();
    world.organization(0).imports.projects.iter_mut().for_each(|project| project.last_test = LastTest::Untold);
    world.pass(minutes(15));
    assert_eq!(world.condition(Some(0), Condition::TestsCurrent), (Truth::Unknown, Reason::NoTestTold));
    assert_eq!(world.status(Some(0)).0, Status::Unknown);
}

#[test]
fn a_clock_that_is_off_judges_no_test() {
    for late in [false, true] {
        let mut world = connected();
        world.state.evidence.apis.entry(ApiName::from(SNYK_API)).or_default().clock_skew = Some(minutes(-6));
        if late {
            world.now += hours(60);
        }
        world.probe();
        assert_eq!(world.condition(Some(0), Condition::TestsCurrent), (Truth::Unknown, Reason::ClockSkewed));
    }
}

#[test]
fn a_clock_that_is_off_lets_no_expired_token_pass() {
    let check = |expires_after: i64, skew: Option<i64>, expected: (Truth, Reason)| {
        let mut world = connected();
        world.fleet.scm_credentials.get_mut(&CredentialName::from(PAT)).unwrap().role = Role::Observer;
        let expires_at = Some(start() + minutes(expires_after));
        let listed = ListedToken {
            found: true,
            allowed: true,
            created_at: None,
            expires_at,
            last_active_at: None,
            matching: 1,
            labels: Vec::new(),
            more_labels: 0,
        };
        world.extra = vec![Finding::ListedToken(CredentialName::from(PAT), listed)];
        world.state.evidence.apis.entry(ApiName::from(SCM_API)).or_default().clock_skew = skew.map(minutes);
        world.probe();
        assert_eq!(world.condition(Some(0), Condition::CredentialValid), expected, "{expires_after} {skew:?}");
    };
    check(1, None, (Truth::True, Reason::Ok));
    check(-1, None, (Truth::False, Reason::CredentialExpired));
    check(-600, Some(10), (Truth::Unknown, Reason::ClockSkewed));
    check(9, Some(-10), (Truth::Unknown, Reason::ClockSkewed));
    check(11, Some(10), (Truth::True, Reason::Ok));
}

#[test]
fn one_answer_without_what_was_there_is_asked_for_again() {
    let name = IntegrationName::from(INTEGRATION);
    let profile = FollowUp::Confirm(Work {
        kind: ProbeKind::Profile,
        subject: WorkSubject::Profile(name, ProfileName::from(PROFILE)),
    });
    let check = |harm: fn(&mut World), expected: FollowUp| {
        let mut world = connected();
        harm(&mut world);
        world.probe();
        assert_eq!(world.follow_ups, vec![expected.clone()]);
        world.probe();
        assert_eq!(world.follow_ups, [expected], "not for ever");
    };
    let gone = |world: &mut World| {
        world.main().workspaces.values_mut().for_each(|fact| *fact = WorkspaceFact::NotFound);
    };
    check(gone, profile.clone());
    check(|world| world.main().repositories.clear(), profile);
    let organization = WorkSubject::Organization(World::key(Some(0)));
    check(
        |world| world.organization(0).presence = IntegrationPresence::Absent,
        FollowUp::Confirm(Work { kind: ProbeKind::Organization, subject: organization }),
    );
}

#[test]
fn an_empty_listing_is_doubted_even_with_one_organization() {
    let mut world = connected();
    let name = IntegrationName::from(INTEGRATION);
    for _ in 0..5 {
        world.now += hours(1);
        let empty = vec![Finding::Organizations(name.clone(), Arc::default())];
        world.observe(ProbeKind::OrganizationList, WorkSubject::Group(name.clone()), empty);
        world.evaluate();
    }
    assert_eq!(world.status(Some(0)).0, Status::Unknown);
    assert_eq!(world.condition(Some(0), Condition::SnykAccessible).1, Reason::OrganizationsVanished);
}

#[test]
fn evidence_from_the_future_is_neither_fresh_nor_final() {
    // A clock that was a year ahead wrote the state, and is right again after a restart.
    let mut world = connected();
    world.now += TimeDelta::days(365);
    world.assets.iter_mut().for_each(|asset| asset.last_sync = None);
    world.sync(world.now);
    world.test_everything();
    world.probe();
    world.now = start() + hours(1);
    world.evaluate();
    for level in [None, Some(0)] {
        assert_eq!(world.status(level).0, Status::Unknown, "{}", world.message(level));
    }
    world.main().workspaces.values_mut().for_each(|fact| *fact = WorkspaceFact::NotFound);
    world.delete_integration(0);
    world.probe();
    world.probe();
    assert_eq!(world.status(None).0, Status::ConnectionFailed);
    assert_eq!(world.status(Some(0)).0, Status::NotConfigured);
}
