//! Rules with members: delays, growth, blindness, removal, and the baseline of first sight.

use chrono::TimeDelta;

use super::world::{World, group, hours, id, minutes, name, organization, resolutions, start};
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::state::{Change, Transition};
use crate::domain::status::Status;

fn growths(told: &[Transition]) -> Vec<(usize, usize)> {
    let growth = |transition: &Transition| match transition.change {
        Change::Grew { from, to, .. } => Some((from, to)),
        _ => None,
    };
    told.iter().filter_map(growth).collect()
}

#[test]
fn each_rule_opens_after_its_delay_and_closes_with_its_last_member() {
    let rows = [
        (
            Rule::OrganizationIntegrationMissing,
            Condition::IntegrationPresent,
            Reason::IntegrationAbsent,
            hours(1),
            "warning",
        ),
        (Rule::CredentialOutOfStep, Condition::CredentialInStep, Reason::CredentialOutOfStep, hours(0), "warning"),
        (Rule::TestsStale, Condition::TestsCurrent, Reason::TestsStale, hours(0), "warning"),
        (Rule::NothingImported, Condition::RepositoriesImported, Reason::NothingImported, hours(24), "info"),
        (Rule::ImportsIncomplete, Condition::RepositoriesImported, Reason::SomeImportsFailed, hours(24), "info"),
        (Rule::WebhooksMissing, Condition::WebhooksInstalled, Reason::WebhooksMissing, hours(24), "info"),
    ];
    for (rule, condition, reason, delay, severity) in rows {
        let mut world = World::new(3);
        for number in [1, 3] {
            world.settled(&organization(number), condition, reason);
        }
        if delay > TimeDelta::zero() {
            world.at(delay - minutes(1));
            assert_eq!(world.open(), [""; 0], "{rule}");
            // A blind spot of the condition restarts nobody's timer.
            for truth in [Truth::Unknown, Truth::False] {
                world.condition(&organization(1), condition, truth, reason);
                world.evaluate();
            }
        }
        world.at(delay);
        assert_eq!(world.open(), [format!("{rule}/organizations/acme-bitbucket {severity}")]);
        assert_eq!(world.incident(rule).members, [id(1), id(3)]);

        world.condition(&organization(3), condition, Truth::Unknown, Reason::EvidenceStale);
        world.condition(&organization(1), condition, Truth::True, Reason::Ok);
        assert_eq!(world.evaluate(), [], "{rule}: the one that cannot be told stays");
        assert_eq!(world.incident(rule).members, [id(3)]);
        world.condition(&organization(3), condition, Truth::True, Reason::Ok);
        assert_eq!(resolutions(&world.evaluate()).len(), 1, "{rule}");
    }
}

#[test]
fn two_evaluations_must_agree() {
    let mut world = World::new(1);
    world.condition(&organization(1), Condition::TestsCurrent, Truth::False, Reason::TestsStale);
    world.readings(&organization(1), Condition::TestsCurrent, Reason::TestsStale, 1);
    world.at(hours(5));
    assert_eq!(world.open(), [""; 0]);
    assert_eq!(world.pending(), ["TestsStale/organizations/acme-bitbucket warning"]);
    world.readings(&organization(1), Condition::TestsCurrent, Reason::TestsStale, 2);
    world.at(hours(6));
    assert_eq!(world.open(), ["TestsStale/organizations/acme-bitbucket warning"]);
}

#[test]
fn a_list_that_doubled_has_grown_and_a_blast_radius_by_three_and_a_tenth() {
    let mut world = World::new(20);
    let stale = |world: &mut World, until: u128| {
        for number in 1..=until {
            world.settled(&organization(number), Condition::TestsCurrent, Reason::TestsStale);
        }
        growths(&world.evaluate())
    };
    assert_eq!(stale(&mut world, 1), []);
    assert_eq!(stale(&mut world, 2), [], "one more");
    assert_eq!(stale(&mut world, 3), [(1, 3)], "however young it is");
    assert_eq!(stale(&mut world, 5), []);
    assert_eq!(stale(&mut world, 6), [(3, 6)]);
    let mut world = World::new(30);
    let late = |number: u128| organization(number);
    let states: Vec<_> =
        (11..=30).map(|number| (late(number), world.state.integrations.remove(&late(number)))).collect();
    world.reject(&super::world::pat(), Reason::CredentialRejected);
    assert_eq!(growths(&world.evaluate()), []);
    let mut grown = Vec::new();
    for (key, state) in states {
        world.state.integrations.insert(key, state.unwrap());
        grown.extend(growths(&world.evaluate()));
    }
    assert_eq!(grown, [(11, 14), (14, 17), (17, 20), (20, 23), (23, 26), (26, 29)]);
}

#[test]
fn an_organization_that_is_removed_closes_its_incident() {
    let mut world = World::new(2);
    world.settled(&organization(2), Condition::TestsCurrent, Reason::TestsStale);
    world.evaluate();
    world.state.integrations.remove(&organization(2));
    assert_eq!(resolutions(&world.evaluate()), ["TestsStale/organizations/acme-bitbucket: organization_removed"]);
}

#[test]
fn one_that_the_configuration_excludes_closes_its_incident_as_excluded() {
    let mut world = World::new(3);
    for number in [2, 3] {
        world.settled(&organization(number), Condition::TestsCurrent, Reason::TestsStale);
    }
    world.evaluate();
    for number in [2, 3] {
        world.exclude(&organization(number));
    }
    assert_eq!(resolutions(&world.evaluate()), ["TestsStale/organizations/acme-bitbucket: excluded"]);
}

#[test]
fn unknown_organizations_are_one_incident() {
    let mut world = World::new(3);
    for number in [1, 2] {
        world.status(&organization(number), Status::Unknown, Reason::SnykAccessDenied);
    }
    world.at(hours(25));
    assert_eq!(world.open(), ["StatusUnknown/organizations/acme-bitbucket warning"], "the Group is not blind");
    let mut world = World::new(3);
    for key in [organization(1), organization(2), group()] {
        world.status(&key, Status::Unknown, Reason::SnykAccessDenied);
    }
    world.at(hours(25));
    assert_eq!(world.open(), ["StatusUnknown/integration/acme-bitbucket critical"]);
    assert_eq!(world.incident(Rule::StatusUnknown).affected.len(), 3);
}

#[test]
fn disconnected_organizations_are_one_incident() {
    let mut world = World::new(3);
    for number in 1..=3 {
        world.status(&organization(number), Status::ConnectionFailed, Reason::Disconnected);
    }
    world.at(minutes(10));
    assert_eq!(world.open(), ["ConnectionFailed/organizations/acme-bitbucket critical"]);
}

/// A world that was installed where Organizations have problems.
fn first_sight() -> World {
    let mut world = World::new(6);
    world.state.baselines.clear();
    world.state.incidents.clear();
    for number in 1..=3 {
        world.settled(&organization(number), Condition::TestsCurrent, Reason::TestsStale);
    }
    for number in 3..=5 {
        world.condition(&organization(number), Condition::WebhooksInstalled, Truth::False, Reason::WebhooksMissing);
    }
    world
}

#[test]
fn problems_of_first_sight_are_one_baseline() {
    let mut world = first_sight();
    world.evaluate();
    let baseline = ["Baseline/organizations/acme-bitbucket info"];
    assert_eq!(world.open(), baseline);
    assert_eq!(world.incident(Rule::Baseline).members, (1..=5).map(id).collect::<Vec<_>>());
    world.at(TimeDelta::days(3));
    assert_eq!(world.open(), baseline);

    // A new problem is told; one that comes back is new.
    world.settled(&organization(6), Condition::TestsCurrent, Reason::TestsStale);
    world.condition(&organization(1), Condition::TestsCurrent, Truth::True, Reason::Ok);
    world.evaluate();
    assert_eq!(world.incident(Rule::TestsStale).members, [id(6)]);
    world.settled(&organization(1), Condition::TestsCurrent, Reason::TestsStale);
    world.evaluate();
    assert_eq!(world.incident(Rule::TestsStale).members, [id(1), id(6)]);

    for number in 2..=5 {
        world.condition(&organization(number), Condition::TestsCurrent, Truth::True, Reason::Ok);
        world.condition(&organization(number), Condition::WebhooksInstalled, Truth::Unknown, Reason::EvidenceStale);
    }
    world.evaluate();
    assert_eq!(world.incident(Rule::Baseline).members, [id(3), id(4), id(5)], "unknown stays");
    for number in 2..=5 {
        world.condition(&organization(number), Condition::WebhooksInstalled, Truth::True, Reason::Ok);
    }
    assert_eq!(
        resolutions(&world.evaluate()),
        ["Baseline/organizations/acme-bitbucket: every problem of first sight is gone"]
    );
}

#[test]
fn the_baseline_waits_until_everyone_was_seen_but_not_forever() {
    let mut world = first_sight();
    world.condition(&organization(6), Condition::TestsCurrent, Truth::Unknown, Reason::NotObserved);
    for number in 1..=6 {
        world.integration(&organization(number)).first_seen_at = start();
    }
    world.at(minutes(30));
    assert_eq!(world.open(), [""; 0]);
    world.at(hours(2));
    assert_eq!(world.open(), ["Baseline/organizations/acme-bitbucket info"]);
}

#[test]
fn a_required_integration_and_a_missed_rotation_are_never_old_news() {
    let mut world = World::new(2);
    world.state.baselines.clear();
    // Nobody ever asked for the first one, so it is not watched.
    let first = world.state.integrations.remove(&organization(1)).unwrap();
    world.settled(&organization(2), Condition::CredentialInStep, Reason::CredentialOutOfStep);
    world.evaluate();
    let out_of_step = "CredentialOutOfStep/organizations/acme-bitbucket warning";
    assert_eq!(world.open(), [out_of_step]);
    world.state.baselines.clear();
    world.state.integrations.insert(organization(1), first);
    world.integration(&organization(1)).organization.was_present = false;
    world.condition(&organization(1), Condition::IntegrationPresent, Truth::False, Reason::IntegrationAbsent);
    let integration = world.fleet.integrations.get_mut(&name()).unwrap();
    integration.organizations.as_mut().unwrap().require.insert(id(1));
    world.at(hours(1));
    assert_eq!(world.open(), ["OrganizationIntegrationMissing/organizations/acme-bitbucket warning", out_of_step]);
}

#[test]
fn without_the_baseline_rule_old_problems_are_told_one_by_one() {
    let mut world = first_sight();
    world.rules(|rules| rules.without(Rule::Baseline));
    world.at(hours(24));
    assert_eq!(
        world.open(),
        ["TestsStale/organizations/acme-bitbucket warning", "WebhooksMissing/organizations/acme-bitbucket info"]
    );
}
