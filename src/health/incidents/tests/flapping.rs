//! A problem that ends and begins again.

use chrono::TimeDelta;

use super::world::{World, hours, minutes, organization, pat, resolutions, snyk, start};
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::state::{Change, Transition};

fn opened(told: &[Transition]) -> usize {
    told.iter().filter(|transition| matches!(transition.change, Change::Opened { .. })).count()
}

/// Rejected in every second step of so many minutes; returns how often it opened and resolved.
fn flap(world: &mut World, from: TimeDelta, every: i64, until: TimeDelta) -> (usize, usize) {
    let (mut openings, mut ends, mut at) = (0, 0, from);
    while at < until {
        world.now = start() + at;
        world.reject(&pat(), Reason::CredentialRejected);
        openings += opened(&world.evaluate());
        at += minutes(every);
        world.now = start() + at;
        world.accept(&pat());
        ends += resolutions(&world.evaluate()).len();
        at += minutes(every);
    }
    (openings, ends)
}

#[test]
fn the_fourth_opening_within_two_hours_is_held_open() {
    let mut world = World::new(2);
    assert_eq!(flap(&mut world, minutes(0), 1, hours(1)), (4, 3), "thirty times rejected");
    let incident = world.incident(Rule::CredentialInvalid).clone();
    assert!(incident.is_open(), "well for a minute");
    assert_eq!(incident.since, start(), "its onset is the first of them");
    assert!(
        incident.summary.ends_with(
            "It is flapping: it began 30 times since 2026-11-20 09:00 UTC, and stays open until it has been well for \
             30 min. It has been well since 2026-11-20 09:59 UTC."
        ),
        "{}",
        incident.summary
    );
    assert_eq!(world.at(hours(1) + minutes(28)), []);
    assert_eq!(
        resolutions(&world.at(hours(1) + minutes(29))),
        ["CredentialInvalid/credential/bitbucket-acme: the credential is accepted again; it was flapping, and well \
          since 2026-11-20 09:59 UTC"]
    );
    assert_eq!(world.open(), [""; 0]);
}

#[test]
fn what_nobody_sees_is_not_well() {
    let mut world = World::new(2);
    flap(&mut world, minutes(0), 1, minutes(10));
    // Well since minute 9.
    let blind = |world: &mut World| world.credential(&pat()).valid.truth = Truth::Unknown;
    world.at(minutes(20));
    blind(&mut world);
    for minute in 21..120 {
        assert_eq!(resolutions(&world.at(minutes(minute))), [""; 0], "time alone ends nothing");
    }
    world.now = start() + minutes(120);
    world.accept(&pat());
    world.evaluate();
    assert_eq!(resolutions(&world.at(minutes(148))), [""; 0], "what was seen before counts no more");
    assert_eq!(resolutions(&world.at(minutes(149))).len(), 1);
}

#[test]
fn a_gap_is_not_well() {
    let mut world = World::new(2);
    flap(&mut world, minutes(0), 1, minutes(10));
    world.now = start() + minutes(60);
    crate::health::resume(&mut world.state, start() + minutes(10), start() + minutes(60));
    assert_eq!(resolutions(&world.evaluate()), [""; 0]);
    assert_eq!(resolutions(&world.at(minutes(89))), [""; 0]);
    assert_eq!(resolutions(&world.at(minutes(90))).len(), 1);
}

#[test]
fn a_problem_that_returns_later_opens_as_any_other() {
    let mut world = World::new(2);
    // Every fifty minutes: twice in two hours beside the new one.
    let mut openings = 0;
    for round in 0..12 {
        openings += flap(&mut world, minutes(50 * round), 1, minutes(50 * round + 1)).0;
    }
    assert_eq!(openings, 12);
    let mut world = World::new(2);
    flap(&mut world, minutes(0), 1, hours(1));
    world.at(minutes(100));
    assert_eq!(world.open(), [""; 0]);
    assert_eq!(flap(&mut world, hours(4), 1, hours(4) + minutes(1)), (1, 1), "and ends as any other");
    // Another subject is not affected.
    let mut world = World::new(2);
    flap(&mut world, minutes(0), 1, hours(1));
    world.reject(&snyk(), Reason::CredentialRejected);
    assert_eq!(opened(&world.evaluate()), 1);
    world.accept(&snyk());
    assert_eq!(resolutions(&world.at(hours(1) + minutes(2))).len(), 1);
}

#[test]
fn a_flapping_problem_grows_worse_from_its_first_onset_on() {
    let mut world = World::new(2);
    let token = |world: &mut World, hour: TimeDelta, is_accepted: bool| {
        world.now = start() + hour;
        if is_accepted {
            world.accept(&snyk());
        } else {
            world.reject(&snyk(), Reason::CredentialRejected);
        }
        world.evaluate()
    };
    for minute in 0..24 * 60 {
        token(&mut world, minutes(minute), minute % 2 == 1);
        let expected = if minute < 6 { "" } else { "SnykTokenInvalid/credential/acme-us warning" };
        assert!(minute % 2 == 0 || world.open().concat() == expected, "{minute}: {:?}", world.open());
    }
    token(&mut world, hours(24), false);
    assert_eq!(world.open(), ["SnykTokenInvalid/credential/acme-us critical"]);
    assert_eq!(world.state.attention.recurrences.len(), 1);
    assert!(world.state.attention.recurrences.values().all(|known| known.openings.len() == 4), "it grows for ever");
}

#[test]
fn what_waits_for_its_time_again_is_not_well() {
    let mut world = World::new(3);
    let mut minute = 0;
    // Each time another Organization has the problem for two hours.
    for number in [1, 2, 3, 1] {
        world.settled(&organization(number), Condition::TestsCurrent, Reason::TestsStale);
        assert_eq!(opened(&world.at(minutes(minute))), 1);
        world.condition(&organization(number), Condition::TestsCurrent, Truth::True, Reason::Ok);
        world.at(minutes(minute + 1));
        minute += 2;
    }
    assert_eq!(world.open(), ["TestsStale/organizations/acme-bitbucket warning"], "held open");
    world.condition(&organization(2), Condition::TestsCurrent, Truth::False, Reason::TestsStale);
    world.integration(&organization(2)).organization.false_readings.insert(
        Condition::TestsCurrent,
        crate::domain::state::FalseReadings {
            reason: Reason::TestsStale,
            count: 1,
            last_at: chrono::DateTime::UNIX_EPOCH,
        },
    );
    for minute in 8..90 {
        assert_eq!(resolutions(&world.at(minutes(minute))), [""; 0], "seen once is no proof of either");
    }
    world.condition(&organization(2), Condition::TestsCurrent, Truth::True, Reason::Ok);
    world.at(minutes(90));
    assert_eq!(resolutions(&world.at(minutes(120))).len(), 1);
    // What is no longer there is over at once.
    let mut world = World::new(1);
    for minute in 0..4 {
        world.settled(&organization(1), Condition::TestsCurrent, Reason::TestsStale);
        world.at(minutes(2 * minute));
        world.condition(&organization(1), Condition::TestsCurrent, Truth::True, Reason::Ok);
        world.at(minutes(2 * minute + 1));
    }
    world.state.integrations.remove(&organization(1));
    assert_eq!(
        resolutions(&world.evaluate()),
        ["TestsStale/organizations/acme-bitbucket: organization_removed; it was flapping, and well since 2026-11-20 \
          09:07 UTC"]
    );
}
