//! The flow of tests: which projects are judged, which are late, which were switched off.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use crate::domain::condition::{Condition, Reason};
use crate::domain::decisions::{Item, Verdict};
use crate::domain::facts::{LastTest, OrganizationImports, Project, PullRequestChecks, Target, TestFrequency};
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::names::IntegrationKey;
use crate::domain::status::Status;
use crate::domain::work::{Finding, ProbeKind, WorkSubject};
use crate::health::{SECOND_READING_AFTER, second_readings};

use super::super::testing::{World, hours, minutes, organization_id, start};
use super::imports::{answer, days_later, project};

const CONNECTED: (Status, Reason) = (Status::Connected, Reason::Ok);
const STALE: (Status, Reason) = (Status::Stalled, Reason::TestsStale);
const UNSCHEDULED: (Status, Reason) = (Status::Stalled, Reason::TestsUnscheduled);
const NOTHING_SCHEDULED: (Status, Reason) = (Status::NothingToWatch, Reason::NothingScheduled);

fn projects(world: &mut World) -> &mut Vec<Project> {
    &mut world.organization(0).imports.projects
}

fn ago(days: i64) -> LastTest {
    LastTest::At(start() - TimeDelta::days(days))
}

/// What the first look at 40 projects says after a change to them.
#[track_caller]
fn first_sight(change: impl FnOnce(&mut Vec<Project>), expected: (Status, Reason)) -> World {
    let mut world = World::healthy(40, 1);
    change(projects(&mut world));
    world.probe();
    assert_eq!(world.status(Some(0)), expected, "{}", world.message(Some(0)));
    world
}

/// Everything but the first `late` projects is tested, and observed.
fn tested_but(world: &mut World, late: usize) {
    world.test_everything();
    let last = ago(3);
    projects(world).iter_mut().take(late).for_each(|project| project.last_test = last);
    world.probe();
}

#[test]
fn what_snyk_does_not_tell_is_not_late() {
    let untold = |number: usize| {
        move |projects: &mut Vec<Project>| {
            projects.iter_mut().take(number).for_each(|project| project.last_test = LastTest::Untold);
        }
    };
    first_sight(untold(0), CONNECTED);
    let world = first_sight(untold(4), CONNECTED);
    let tests = &world.stored(Some(0)).conditions[&Condition::TestsCurrent];
    insta::assert_snapshot!(tests.message, @"36 of 36 scheduled projects were tested in time (beside 4 not told)");
    assert_eq!(tests.proof.unwrap().seen(), 36);
    first_sight(untold(39), CONNECTED);
    first_sight(untold(40), (Status::Unknown, Reason::NoTestTold));
    let frequencies = |projects: &mut Vec<Project>| {
        for project in projects.iter_mut() {
            project.frequency = TestFrequency::Untold;
        }
    };
    first_sight(frequencies, (Status::Unknown, Reason::NoTestTold));
}

#[test]
fn weekly_projects_have_nine_days() {
    let weekly = |days: i64| {
        move |projects: &mut Vec<Project>| {
            for project in projects.iter_mut() {
                (project.frequency, project.last_test) = (TestFrequency::Weekly, ago(days));
            }
        }
    };
    first_sight(weekly(8), CONNECTED);
    first_sight(weekly(10), STALE);
    let world = first_sight(weekly(200), STALE);
    insta::assert_snapshot!(world.message(Some(0)), @"40 of 40 scheduled projects were not tested for 14 d or more");
    // Beside daily ones.
    let half = |projects: &mut Vec<Project>| {
        for project in projects.iter_mut().take(20) {
            (project.frequency, project.last_test) = (TestFrequency::Weekly, ago(8));
        }
    };
    first_sight(half, CONNECTED);
}

#[test]
fn projects_that_were_dead_at_first_sight_hide_nothing_and_stop_nothing() {
    let dead = |number: usize| {
        move |projects: &mut Vec<Project>| {
            for project in projects.iter_mut().take(number) {
                project.last_test = ago(60);
            }
        }
    };
    let world = first_sight(dead(2), CONNECTED);
    assert_eq!(world.stored(Some(0)).organization.tests.orphans.len(), 2);
    first_sight(dead(20), CONNECTED);
    first_sight(dead(21), STALE);
    // Never tested, and imported long ago.
    let never =
        |projects: &mut Vec<Project>| projects.iter_mut().take(3).for_each(|one| one.last_test = LastTest::Never);
    first_sight(never, CONNECTED);
    // Imported an hour ago and not tested yet: nothing is late, and nothing is proved.
    let fresh = |projects: &mut Vec<Project>| {
        for project in projects.iter_mut() {
            (project.last_test, project.created_at) = (LastTest::Never, Some(start() - hours(1)));
        }
    };
    first_sight(fresh, (Status::Unknown, Reason::NoTestTold));
    // The rest stops.
    let mut world = first_sight(dead(2), CONNECTED);
    world.now += hours(50);
    world.probe();
    assert_eq!(world.status(Some(0)), STALE);
    insta::assert_snapshot!(world.message(Some(0)), @"0 of 38 scheduled projects were tested in time (beside 2 tested by nobody)");
    // One is tested again: it belongs to the flow.
    days_later(&mut world, 1);
    assert_eq!(world.status(Some(0)), CONNECTED);
    assert_eq!(world.stored(Some(0)).organization.tests.orphans.len(), 0);
}

#[test]
fn a_project_late_for_two_weeks_is_an_orphan_if_the_others_are_tested() {
    let mut world = first_sight(|_| {}, CONNECTED);
    let orphans = |world: &World| world.stored(Some(0)).organization.tests.orphans.len();
    for _ in 0..13 {
        world.now += TimeDelta::days(1);
        tested_but(&mut world, 2);
        assert_eq!((world.status(Some(0)), orphans(&world)), (CONNECTED, 0));
    }
    for _ in 0..2 {
        world.now += TimeDelta::days(1);
        tested_but(&mut world, 2);
    }
    assert_eq!((world.status(Some(0)), orphans(&world)), (CONNECTED, 2));
    // While tests do not run none becomes one, however long.
    let mut world = first_sight(|_| {}, CONNECTED);
    for _ in 0..30 {
        world.now += TimeDelta::days(1);
        tested_but(&mut world, 3);
    }
    assert_eq!((world.status(Some(0)), orphans(&world)), (STALE, 0));
    answer(&mut world, Rule::TestsStale, Verdict::Accepted, (0..3).map(project));
    assert_eq!(world.status(Some(0)), CONNECTED);
}

#[test]
fn when_everything_that_was_scheduled_is_accepted_nothing_is_left_to_watch() {
    let old = |projects: &mut Vec<Project>| projects.iter_mut().for_each(|project| project.last_test = ago(60));
    let mut world = first_sight(old, STALE);
    answer(&mut world, Rule::TestsStale, Verdict::Accepted, (0..40).map(project));
    assert_eq!(world.status(Some(0)), NOTHING_SCHEDULED);
    days_later(&mut world, 1);
    assert_eq!(world.status(Some(0)), CONNECTED, "tested again, they belong to the flow");
}

fn unschedule(world: &mut World, number: usize) {
    projects(world).iter_mut().take(number).for_each(|project| project.frequency = TestFrequency::Never);
}

#[test]
fn an_organization_without_scheduled_tests_has_nothing_to_watch() {
    let never = |projects: &mut Vec<Project>| {
        for project in projects.iter_mut() {
            project.frequency = TestFrequency::Never;
        }
    };
    let mut world = first_sight(never, NOTHING_SCHEDULED);
    days_later(&mut world, 30);
    assert_eq!(world.status(Some(0)), NOTHING_SCHEDULED);
    world.integration().organizations.as_mut().unwrap().require.insert(organization_id(0));
    world.evaluate();
    assert_eq!(world.status(Some(0)), UNSCHEDULED);
}

#[test]
fn tests_that_are_switched_off_are_no_longer_scheduled() {
    for (number, expected) in [(2, CONNECTED), (3, UNSCHEDULED), (40, UNSCHEDULED)] {
        let mut world = first_sight(|_| {}, CONNECTED);
        unschedule(&mut world, number);
        days_later(&mut world, 1);
        assert_eq!(world.status(Some(0)), expected, "{number} of 40: {}", world.message(Some(0)));
        days_later(&mut world, 60);
        assert_eq!(world.status(Some(0)), expected, "time is no reason");
        answer(&mut world, Rule::TestsUnscheduled, Verdict::Accepted, (0..number).map(project));
        let accepted = if number == 40 { NOTHING_SCHEDULED } else { CONNECTED };
        assert_eq!(world.status(Some(0)), accepted);
        // On, and off again: another loss.
        for project in projects(&mut world).iter_mut() {
            project.frequency = TestFrequency::Daily;
        }
        days_later(&mut world, 1);
        assert_eq!(world.status(Some(0)), CONNECTED);
        unschedule(&mut world, number);
        days_later(&mut world, 1);
        assert_eq!(world.status(Some(0)), expected);
    }
    // Off from the start is no news.
    let off = |projects: &mut Vec<Project>| {
        projects.iter_mut().take(30).for_each(|project| project.frequency = TestFrequency::Never);
    };
    first_sight(off, CONNECTED);
    // Snyk does not tell it for a while.
    let mut world = first_sight(|_| {}, CONNECTED);
    projects(&mut world).iter_mut().take(10).for_each(|project| project.frequency = TestFrequency::Untold);
    days_later(&mut world, 1);
    assert_eq!(world.status(Some(0)), CONNECTED);
    unschedule(&mut world, 10);
    days_later(&mut world, 1);
    assert_eq!(world.status(Some(0)), UNSCHEDULED);
}

#[test]
fn a_project_that_is_scheduled_again_has_its_time_to_be_tested() {
    let dormant = |projects: &mut Vec<Project>| {
        for project in projects.iter_mut().take(10) {
            (project.frequency, project.last_test) = (TestFrequency::Never, ago(60));
        }
    };
    let mut world = first_sight(dormant, CONNECTED);
    for project in projects(&mut world).iter_mut() {
        project.frequency = TestFrequency::Daily;
    }
    world.pass(hours(1));
    assert_eq!(world.status(Some(0)), CONNECTED, "{}", world.message(Some(0)));
    world.now += TimeDelta::days(3);
    let now = LastTest::At(world.now);
    projects(&mut world).iter_mut().skip(10).for_each(|project| project.last_test = now);
    world.probe();
    assert_eq!(world.status(Some(0)), STALE);
}

fn checks(world: &mut World, open_source: Option<bool>, code: Option<bool>) {
    let key = World::key(Some(0));
    let finding = Finding::PullRequestChecks(key.clone(), PullRequestChecks { open_source, code });
    world.observe(ProbeKind::Organization, WorkSubject::Organization(key), vec![finding]);
    world.evaluate();
}

#[test]
fn pull_request_checks_count_from_on_to_off() {
    let mut world = first_sight(|_| {}, CONNECTED);
    for told in [(Some(false), None), (None, Some(false)), (Some(true), None)] {
        checks(&mut world, told.0, told.1);
        assert_eq!(world.status(Some(0)), CONNECTED, "off from the start is no news");
    }
    checks(&mut world, Some(false), None);
    assert_eq!(world.status(Some(0)), UNSCHEDULED);
    insta::assert_snapshot!(world.message(Some(0)), @"pull request checks are switched off (seen 2026-11-23 03:00 UTC)");
    checks(&mut world, None, None);
    assert_eq!(world.status(Some(0)), UNSCHEDULED, "not told any more");
    // Not asked any more: not well, and not known to be bad.
    days_later(&mut world, 1);
    assert_eq!(world.condition(Some(0), Condition::TestsCurrent).0, Truth::Unknown);
    checks(&mut world, Some(true), None);
    assert_eq!(world.status(Some(0)), CONNECTED);
    world.now += minutes(1);
    checks(&mut world, Some(false), None);
    answer(&mut world, Rule::TestsUnscheduled, Verdict::Accepted, [Item::PullRequestChecks(organization_id(0))]);
    assert_eq!(world.status(Some(0)), CONNECTED);
    checks(&mut world, Some(true), None);
    world.now += minutes(1);
    checks(&mut world, Some(false), None);
    assert_eq!(world.status(Some(0)), UNSCHEDULED, "that was another time");
}

#[test]
fn one_answer_is_one_reading_and_the_first_asks_for_the_second() {
    let readings = |world: &World| {
        let readings = world.stored(Some(0)).organization.false_readings.get(&Condition::TestsCurrent);
        readings.map_or(0, |readings| readings.count)
    };
    let mut world = first_sight(|_| {}, CONNECTED);
    world.now += hours(50);
    world.transitions.clear();
    world.probe();
    assert_eq!(readings(&world), 1);
    let asked = second_readings(&world.transitions);
    let key = World::key(Some(0));
    assert_eq!(asked.iter().map(ToString::to_string).collect::<Vec<_>>(), [format!("organization of {key}")]);
    world.transitions.clear();
    // Another look at the same answer, other evidence, and an answer just after it, are no second reading.
    world.now += minutes(10);
    world.evaluate();
    world.probe_credentials();
    world.probe();
    assert_eq!(readings(&world), 1);
    assert_eq!(second_readings(&world.transitions), []);
    world.now += SECOND_READING_AFTER;
    world.probe_credentials();
    world.evaluate();
    assert_eq!(readings(&world), 1, "another probe's news");
    world.probe();
    assert_eq!(readings(&world), 2);
    // Bad for another reason: that begins anew.
    unschedule(&mut world, 40);
    world.pass(minutes(15));
    assert_eq!(readings(&world), 1);
    for project in projects(&mut world).iter_mut() {
        project.frequency = TestFrequency::Daily;
    }
    days_later(&mut world, 0);
    assert_eq!(readings(&world), 0);
}

const LASTS: [fn(DateTime<Utc>) -> LastTest; 5] = [
    LastTest::At,
    |at| LastTest::At(at - TimeDelta::days(5)),
    |at| LastTest::At(at - TimeDelta::days(100)),
    |_| LastTest::Never,
    |_| LastTest::Untold,
];
const FREQUENCIES: [TestFrequency; 4] =
    [TestFrequency::Daily, TestFrequency::Weekly, TestFrequency::Never, TestFrequency::Untold];

fn imports(targets: &[bool], of: &[(usize, bool, usize, usize)]) -> OrganizationImports {
    let target = |(number, is_old): (usize, &bool)| Target {
        id: format!("target-{number}"),
        name: format!("acme/imported-{number}"),
        url: None,
        created_at: Some(start() - if *is_old { TimeDelta::days(30) } else { hours(1) }),
    };
    let project = |(number, &(target, active, frequency, last)): (usize, &(usize, bool, usize, usize))| Project {
        id: format!("project-{number}"),
        target: Some(format!("target-{target}")),
        active,
        frequency: FREQUENCIES[frequency],
        pull_request_checks: None,
        created_at: Some(start() - TimeDelta::days(20)),
        last_test: LASTS[last](start()),
    };
    OrganizationImports {
        targets: targets.iter().enumerate().map(target).collect(),
        projects: of.iter().filter(|one| one.0 < targets.len()).enumerate().map(project).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Over nothing, one, some, most and all: connected only by tests that were seen, and time alone makes nothing true.
    #[test]
    fn connected_needs_tests_that_were_seen_and_time_heals_nothing(
        targets in proptest::collection::vec(any::<bool>(), 0..5),
        of in proptest::collection::vec((0_usize..5, any::<bool>(), 0_usize..4, 0_usize..5), 0..12),
    ) {
        let mut world = World::healthy(1, 1);
        world.organization(0).imports = imports(&targets, &of);
        world.probe();
        let seen = world.organization(0).imports.projects.iter().filter(|project| {
            let window = match project.frequency {
                TestFrequency::Daily => hours(48),
                TestFrequency::Weekly => TimeDelta::days(9),
                TestFrequency::Never | TestFrequency::Untold => TimeDelta::zero(),
            };
            let in_time = |at: DateTime<Utc>| window > TimeDelta::zero() && at >= start() - window;
            project.active && project.last_test.at().is_some_and(in_time)
        }).count();
        let conditions = [Condition::RepositoriesImported, Condition::TestsCurrent];
        let truths = |world: &World| conditions.map(|condition| world.condition(Some(0), condition).0 == Truth::True);
        if world.status(Some(0)).0 == Status::Connected {
            prop_assert!(seen > 0, "{}", world.message(Some(0)));
            for condition in conditions {
                prop_assert!(world.stored(Some(0)).conditions[&condition].proof.is_some());
            }
        }
        let mut before = truths(&world);
        for days in [1, 2, 5, 7, 15, 40] {
            world.now += TimeDelta::days(days);
            world.probe();
            let after = truths(&world);
            for (before, after) in before.iter().zip(after) {
                prop_assert!(*before || !after, "after {days} d: {}", world.message(Some(0)));
            }
            before = after;
        }
        let key: IntegrationKey = World::key(Some(0));
        prop_assert!(world.state.integrations.contains_key(&key));
    }
}
