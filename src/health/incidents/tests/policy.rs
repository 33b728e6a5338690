//! What the operator can change: delays, severities, shares, numbers of evaluations, switches; and whose policy counts.

use chrono::TimeDelta;

use super::world::{World, group, hours, id, minutes, name, organization, pat, resolutions, start};
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::{Rule, Severity};
use crate::domain::kinds::Truth;
use crate::domain::policy::{Case, RulePolicy};
use crate::domain::state::ExpirySource;
use crate::domain::status::Status;

const GROUP: &str = "integration/acme-bitbucket";

#[test]
fn rules_can_be_changed_and_switched_off() {
    let waits = |world: &mut World| world.status(&group(), Status::PartiallyConnected, Reason::AwaitingFirstSync);
    let case = (Rule::PartiallyConnected, Case::AwaitingFirstSync);
    let mut world = World::new(2);
    world.rules(|rules| {
        let severities = vec![(TimeDelta::zero(), Severity::Info), (hours(8), Severity::Warning)];
        rules.opening_after(case.0, case.1, hours(6)).with_severities(case.0, case.1, severities)
    });
    waits(&mut world);
    for (after, expected) in [(5, None), (6, Some("info")), (26, Some("warning"))] {
        world.at(hours(after));
        let expected: Vec<_> = expected.iter().map(|word| format!("PartiallyConnected/{GROUP} {word}")).collect();
        assert_eq!(world.open(), expected, "after {after} h");
    }
    world.rules(|rules| rules.without(Rule::PartiallyConnected));
    assert_eq!(resolutions(&world.evaluate()), [format!("PartiallyConnected/{GROUP}: the rule is switched off")]);

    // A cause that nobody wants to hear of holds nothing back.
    let mut world = World::new(2);
    world.shared_rules(|rules| rules.without(Rule::CredentialInvalid));
    world.reject(&pat(), Reason::CredentialExpired);
    world.status(&group(), Status::ConnectionFailed, Reason::CredentialExpired);
    world.at(minutes(10));
    assert_eq!(world.open(), [format!("ConnectionFailed/{GROUP} critical")]);
}

#[test]
fn the_policy_has_a_row_for_every_rule_and_falls_back_to_it() {
    let empty = RulePolicy { timings: std::collections::BTreeMap::new() };
    for rule in Rule::ALL {
        assert!(RulePolicy::cases_of(*rule).count() > 0, "{rule}");
        for case in RulePolicy::cases_of(*rule) {
            assert_eq!(empty.timing(*rule, case), RulePolicy::default().timing(*rule, case));
        }
    }
}

#[test]
fn what_integrations_share_goes_by_the_policy_they_share() {
    let earlier = |rules: RulePolicy| rules.opening_after(Rule::UpstreamUnreachable, Case::Default, minutes(5));
    let mut world = World::new(0);
    world.rules(earlier);
    world.api("bitbucket-cloud", Some(start()));
    world.at(minutes(30));
    assert_eq!(world.open(), [""; 0], "one integration is not asked about an API");
    world.shared_rules(earlier);
    world.evaluate();
    assert_eq!(world.open(), ["UpstreamUnreachable/api/bitbucket-cloud warning"]);
    // And the other way round.
    let mut world = World::new(0);
    world.shared_rules(|rules| rules.without(Rule::ConnectionFailed));
    world.status(&group(), Status::ConnectionFailed, Reason::ProfileDeleted);
    world.at(minutes(10));
    assert_eq!(world.open(), [format!("ConnectionFailed/{GROUP} critical")]);
}

#[test]
fn evaluations_that_must_agree_are_the_operators() {
    let check = |wanted: u32, seen: u32, opens: bool| {
        let mut world = World::new(1);
        world.rules(|rules| rules.agreed_by(Rule::TestsStale, Case::Default, wanted));
        world.condition(&organization(1), Condition::TestsCurrent, Truth::False, Reason::TestsStale);
        world.readings(&organization(1), Condition::TestsCurrent, Reason::TestsStale, seen);
        world.at(hours(1));
        assert_eq!(!world.open().is_empty(), opens, "{seen} of {wanted}");
    };
    check(1, 1, true);
    check(2, 1, false);
    check(2, 2, true);
    check(4, 3, false);
    check(4, 4, true);
}

#[test]
fn the_share_that_makes_a_credential_critical_is_the_operators() {
    // One of two Organizations, which import one repository each, hangs on another PAT.
    let check = |share: f64, severity: &str| {
        let mut world = World::new(2);
        world.without_group();
        let watched = world.fleet.integrations.get_mut(&name()).unwrap().organizations.as_mut().unwrap();
        watched.overrides.insert(id(1), "bitbucket-labs".into());
        let labs = world.fleet.scm_credentials[&pat()].clone();
        world.fleet.scm_credentials.insert("bitbucket-labs".into(), labs);
        world.state.credentials.insert("bitbucket-labs".into(), world.state.credentials[&pat()].clone());
        for number in 1..=2 {
            world.imports(number, &[&format!("bitbucket.org/acme/service-{number}")]);
        }
        world.shared_rules(|rules| rules.turning_on(Rule::CredentialInvalid, Case::GroupAtStake, share));
        world.reject(&"bitbucket-labs".into(), Reason::CredentialRevoked);
        world.evaluate();
        assert_eq!(world.open(), [format!("CredentialInvalid/credential/bitbucket-labs {severity}")], "{share}");
    };
    check(0.10, "critical");
    check(0.50, "critical");
    check(0.51, "warning");
}

#[test]
fn the_share_of_its_life_from_which_a_token_is_announced_is_the_operators() {
    // A token of 20 days: made five days ago, at its end in 15.
    let check = |share: f64, opens_in_days: i64| {
        let mut world = World::new(0);
        world.fleet.scm_credentials.get_mut(&pat()).unwrap().rotated_at = Some(start() - TimeDelta::days(5));
        world.credential(&pat()).expiry = Some(start() + TimeDelta::days(15));
        world.credential(&pat()).expiry_source = Some(ExpirySource::Api);
        world.shared_rules(|rules| rules.turning_on(Rule::CredentialExpiring, Case::Default, share));
        world.at(TimeDelta::days(opens_in_days) - minutes(1));
        assert_eq!(world.open(), [""; 0], "{share}");
        world.at(TimeDelta::days(opens_in_days));
        assert_eq!(world.open().len(), 1, "{share}");
    };
    check(0.5, 5);
    check(0.25, 10);
    check(0.7, 1);
}

#[test]
fn each_step_towards_a_date_is_counted() {
    let mut world = World::new(0);
    world.credential(&pat()).expiry = Some(start() + TimeDelta::days(40));
    world.credential(&pat()).expiry_source = Some(ExpirySource::Api);
    for (days_left, severity, step) in [
        (30, Severity::Info, 1),
        (15, Severity::Info, 1),
        (14, Severity::Warning, 2),
        (4, Severity::Warning, 2),
        (3, Severity::Critical, 3),
        (1, Severity::Critical, 3),
    ] {
        world.at(TimeDelta::days(40 - days_left));
        let incident = world.incident(Rule::CredentialExpiring);
        assert_eq!((incident.severity, incident.tracking.step), (severity, step), "{days_left} d before");
    }
}
