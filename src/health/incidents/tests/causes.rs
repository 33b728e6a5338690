//! One cause, one page.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::world::{World, group, hours, id, minutes, name, organization, pat, resolutions, snyk, start};
use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{PermissionProof, WorkspaceFact};
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::permission::Permission;
use crate::domain::policy::Case;
use crate::domain::state::{CredentialState, CredentialVerdict};
use crate::domain::status::Status;

/// What can be broken, and the one incident that follows.
#[derive(Debug, Clone, Copy)]
enum Injected {
    ExpiredPat,
    RejectedSnykToken,
    SnykOutage,
    MissingDiscoveryPermission,
    DeletedWorkspace,
    DeletedProfile,
    DeniedGroup,
    DeletedIntegrations,
    MissedRotation,
}

const EVERY: [(Injected, &str); 9] = [
    (Injected::ExpiredPat, "CredentialInvalid/credential/bitbucket-acme critical"),
    (Injected::RejectedSnykToken, "SnykTokenInvalid/credential/acme-us critical"),
    (Injected::SnykOutage, "UpstreamUnreachable/api/snyk/acme-us critical"),
    (Injected::MissingDiscoveryPermission, "PermissionsMissing/credential/bitbucket-acme critical"),
    (Injected::DeletedWorkspace, "NamespaceNotFound/namespace/acme-bitbucket/acme critical"),
    (Injected::DeletedProfile, "ConnectionFailed/integration/acme-bitbucket critical"),
    (Injected::DeniedGroup, "StatusUnknown/integration/acme-bitbucket critical"),
    (Injected::DeletedIntegrations, "OrganizationIntegrationMissing/organizations/acme-bitbucket warning"),
    (Injected::MissedRotation, "CredentialOutOfStep/organizations/acme-bitbucket warning"),
];

fn fail_group(world: &mut World, reason: Reason) {
    world.status(&group(), Status::ConnectionFailed, reason);
    world.condition(&group(), Condition::SyncCurrent, Truth::False, Reason::SyncLagging);
    world.condition(&group(), Condition::InventoryComplete, Truth::False, Reason::InventoryIncomplete);
}

fn inject(world: &mut World, injected: Injected, affected: &[u128]) {
    let each = affected.iter().map(|number| organization(*number));
    match injected {
        Injected::ExpiredPat => {
            world.reject(&pat(), Reason::CredentialExpired);
            fail_group(world, Reason::CredentialExpired);
            for key in each {
                world.condition(&key, Condition::CredentialValid, Truth::False, Reason::CredentialExpired);
                world.status(&key, Status::ConnectionFailed, Reason::CredentialExpired);
                world.settled(&key, Condition::TestsCurrent, Reason::TestsStale);
            }
        }
        Injected::RejectedSnykToken | Injected::SnykOutage => {
            match injected {
                Injected::SnykOutage => world.api("snyk/acme-us", Some(start())),
                _ => world.reject(&snyk(), Reason::SnykTokenInvalid),
            }
            for key in each.chain([group()]) {
                world.status(&key, Status::Unknown, Reason::EvidenceStale);
            }
        }
        Injected::MissingDiscoveryPermission => {
            world.permission(Permission::RepositoryRead, PermissionProof::Missing { scope: None });
            world.condition(&group(), Condition::PermissionsGranted, Truth::False, Reason::PermissionMissing);
            fail_group(world, Reason::PermissionMissing);
            for key in each {
                world.condition(&key, Condition::PermissionsGranted, Truth::False, Reason::PermissionMissing);
            }
        }
        Injected::DeletedWorkspace => {
            world.workspace(WorkspaceFact::NotFound);
            world.condition(&group(), Condition::RepositoriesVisible, Truth::False, Reason::NotAMember);
            fail_group(world, Reason::NotAMember);
        }
        Injected::DeletedProfile => fail_group(world, Reason::ProfileDeleted),
        Injected::DeniedGroup => {
            for key in each.chain([group()]) {
                world.condition(&key, Condition::SnykAccessible, Truth::False, Reason::SnykAccessDenied);
                world.status(&key, Status::Unknown, Reason::SnykAccessDenied);
            }
        }
        Injected::DeletedIntegrations => {
            for key in each {
                world.condition(&key, Condition::IntegrationPresent, Truth::False, Reason::IntegrationAbsent);
                world.settled(&key, Condition::TestsCurrent, Reason::TestsStale);
                world.condition(&key, Condition::WebhooksInstalled, Truth::False, Reason::WebhooksMissing);
                world.status(&key, Status::NotConfigured, Reason::IntegrationAbsent);
            }
        }
        Injected::MissedRotation => {
            for key in each {
                world.settled(&key, Condition::CredentialInStep, Reason::CredentialOutOfStep);
                world.settled(&key, Condition::TestsCurrent, Reason::TestsStale);
                world.status(&key, Status::PartiallyConnected, Reason::CredentialOutOfStep);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_injected_cause_leaves_exactly_one_open_incident(
        which in 0..EVERY.len(),
        affected in proptest::sample::subsequence((1..=8u128).collect::<Vec<_>>(), 1..=8),
        steps in proptest::collection::vec(1..200i64, 0..12),
    ) {
        let (injected, expected) = EVERY[which];
        let mut world = World::new(8);
        inject(&mut world, injected, &affected);
        world.evaluate();
        let mut after = TimeDelta::zero();
        for step in steps.into_iter().map(minutes) {
            after += step;
            world.at(after);
            prop_assert!(world.open().len() <= 1, "{:?}", world.open());
        }
        // Far beyond the delay of everything that is held back.
        world.at(after + TimeDelta::days(3));
        world.at(after + TimeDelta::days(9));
        prop_assert_eq!(world.open(), [expected]);
    }
}

#[test]
fn an_expired_pat_is_one_incident_still_a_day_later_when_all_else_is_stale() {
    let everyone: Vec<u128> = (1..=50).collect();
    let mut world = World::new(50);
    inject(&mut world, Injected::ExpiredPat, &everyone);
    let expected = ["CredentialInvalid/credential/bitbucket-acme critical"];
    world.evaluate();
    assert_eq!(world.open(), expected);
    assert_eq!(world.incident(Rule::CredentialInvalid).affected.len(), 51);
    for hour in [1, 2, 24] {
        world.at(hours(hour));
        for key in everyone.iter().map(|number| organization(*number)).chain([group()]) {
            world.status(&key, Status::Unknown, Reason::EvidenceStale);
            for condition in Condition::of(key.level()) {
                world.condition(&key, *condition, Truth::Unknown, Reason::EvidenceStale);
            }
        }
        world.evaluate();
    }
    world.at(hours(30));
    assert_eq!(world.open(), expected);
    let held = world.pending();
    assert!(held.iter().any(|held| held.starts_with("StatusUnknown")), "{held:?}");
    assert!(world.state.incidents.values().all(|incident| incident.is_open() || incident.cause.is_some()));
}

#[test]
fn a_cause_found_after_its_symptom_links_it_and_silences_it() {
    let mut world = World::new(2);
    world.condition(&group(), Condition::SyncCurrent, Truth::False, Reason::SyncLagging);
    world.evaluate();
    assert_eq!(world.open(), ["SyncStalled/integration/acme-bitbucket warning"]);

    world.now = start() + hours(1);
    world.reject(&pat(), Reason::CredentialRevoked);
    let told = world.evaluate();
    assert_eq!(told.len(), 1, "only the cause is told: {told:?}");
    let cause = world.incident(Rule::SyncStalled).cause.clone().unwrap();
    assert_eq!(cause.to_string(), "CredentialInvalid/credential/bitbucket-acme");

    assert_eq!(world.at(hours(30)), [], "a quiet symptom does not escalate");
    world.condition(&group(), Condition::SyncCurrent, Truth::True, Reason::Ok);
    assert_eq!(
        resolutions(&world.evaluate()),
        ["SyncStalled/integration/acme-bitbucket: changes reach the Inventory again"],
        "it still resolves by itself"
    );
}

#[test]
fn a_repair_gets_time_to_show_before_symptoms_open() {
    let mut world = World::new(2);
    inject(&mut world, Injected::ExpiredPat, &[1, 2]);
    world.at(hours(20));
    world.accept(&pat());
    world.status(&group(), Status::Stalled, Reason::SyncLagging);
    let told = world.evaluate();
    assert_eq!(resolutions(&told).len(), 1);
    world.at(hours(45));
    assert_eq!(world.open(), ["ConnectionFailed/organizations/acme-bitbucket critical"], "the sync may take a day");
    world.at(hours(46));
    assert!(world.open().contains(&"SyncStalled/integration/acme-bitbucket critical".to_owned()));
}

#[test]
fn a_pending_cause_that_comes_to_nothing_delays_nothing() {
    let mut world = World::new(2);
    world.status(&group(), Status::Unknown, Reason::EvidenceStale);
    world.api("snyk/acme-us", Some(start() + minutes(30)));
    world.at(hours(1));
    assert_eq!(world.open(), [""; 0], "the outage may be the cause");
    world.api("snyk/acme-us", None);
    world.at(minutes(61));
    assert_eq!(world.open(), ["StatusUnknown/integration/acme-bitbucket warning"]);
}

#[test]
fn one_problem_does_not_hide_another() {
    let mut world = World::new(4);
    inject(&mut world, Injected::DeletedIntegrations, &[1]);
    world.settled(&organization(2), Condition::TestsCurrent, Reason::TestsStale);
    world.condition(&group(), Condition::SyncCurrent, Truth::False, Reason::SyncLagging);
    world.at(hours(1));
    assert_eq!(
        world.open(),
        [
            "SyncStalled/integration/acme-bitbucket warning",
            "OrganizationIntegrationMissing/organizations/acme-bitbucket warning",
            "TestsStale/organizations/acme-bitbucket warning",
        ]
    );
    assert_eq!(world.incident(Rule::TestsStale).members, [id(2)], "the first one's tests are explained");
}

#[test]
fn two_profiles_of_which_one_has_a_rejected_pat() {
    let mut world = World::new(0);
    let other = crate::domain::names::CredentialName::new("bitbucket-other");
    let credential = world.fleet.scm_credentials[&pat()].clone();
    world.fleet.scm_credentials.insert(other.clone(), credential);
    let watched = world.fleet.integrations.get_mut(&name()).unwrap().group.as_mut().unwrap();
    let mut profile = watched.profiles[&"main".into()].clone();
    profile.credential = other.clone();
    profile.workspaces.clear();
    watched.profiles.insert("second".into(), profile);
    world.state.credentials.insert(other.clone(), CredentialState::default());
    world.reject(&other, Reason::CredentialRevoked);
    world.status(&group(), Status::PartiallyConnected, Reason::ProfilesFailed);
    world.at(hours(3));
    assert_eq!(world.open(), ["CredentialInvalid/credential/bitbucket-other critical"]);
    let held = world.incident(Rule::PartiallyConnected);
    assert_eq!(held.tracking.case, Some(Case::ProfilesFailed));
    assert!(held.cause.is_some());
}

#[test]
fn what_is_no_longer_watched_is_closed_and_what_was_not_looked_at_is_not() {
    let mut world = World::new(1);
    fail_group(&mut world, Reason::ProfileDeleted);
    world.at(hours(1));
    world.integration(&group()).status = None;
    assert_eq!(world.evaluate(), []);
    world.without_group();
    assert_eq!(resolutions(&world.evaluate()), ["ConnectionFailed/integration/acme-bitbucket: no longer watched"]);
}

#[test]
fn an_observer_that_fails_blames_no_credential() {
    let mut world = World::new(1);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().role = crate::domain::kinds::Role::Observer;
    world.reject(&pat(), Reason::ObserverFailed);
    for key in [group(), organization(1)] {
        world.condition(&key, Condition::CredentialValid, Truth::Unknown, Reason::ObserverFailed);
    }
    world.at(hours(1));
    assert_eq!(world.open(), ["ObserverRejected/credential/bitbucket-acme warning"]);
    // The admin API says that the token saved in Snyk was blocked.
    world.credential(&pat()).in_snyk = Some(CredentialVerdict {
        truth: Truth::False,
        reason: Reason::CredentialBlocked,
        message: String::new(),
        since: Some(start()),
    });
    world.at(hours(2));
    assert_eq!(
        world.open(),
        ["ObserverRejected/credential/bitbucket-acme warning", "CredentialInvalid/credential/bitbucket-acme critical"]
    );
}

#[test]
fn thousands_of_problems_of_one_cause_are_one_page() {
    let everyone: Vec<u128> = (1..=2_000).collect();
    let mut world = World::new(2_000);
    inject(&mut world, Injected::ExpiredPat, &everyone);
    assert_eq!(world.at(hours(1)).len(), 1);
    assert_eq!(world.incident(Rule::CredentialInvalid).affected.len(), 2_001);
}
