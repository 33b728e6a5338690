//! Credentials that are not the one saved in Snyk: what proves that one.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{ListedToken, RejectionCause, ScmAuthentication};
use crate::domain::kinds::{Confidence, Role, Truth};
use crate::domain::names::{CredentialName, ProfileName};
use crate::domain::status::Status;
use crate::domain::work::Finding;

use super::super::testing::{PAT, World, accepted, asset_of, hours, minutes, start};

fn pat() -> CredentialName {
    CredentialName::from(PAT)
}

fn observe_with(world: &mut World, credential: &str) {
    let credential = world.fleet.scm_credentials.get_mut(&CredentialName::from(credential)).unwrap();
    (credential.role, credential.expires_at) = (Role::Observer, None);
}

fn observed(repositories: usize, organizations: usize) -> World {
    let mut world = World::healthy(repositories, organizations);
    observe_with(&mut world, PAT);
    world
}

fn valid(world: &World) -> (Truth, Reason) {
    world.condition(None, Condition::CredentialValid)
}

fn listed(token: ListedToken) -> Vec<Finding> {
    vec![Finding::ListedToken(pat(), token)]
}

fn token() -> ListedToken {
    ListedToken {
        found: true,
        allowed: true,
        created_at: Some(start() - TimeDelta::days(20)),
        expires_at: Some(start() + TimeDelta::days(100)),
        last_active_at: None,
        labels: Vec::new(),
    }
}

fn absent() -> ListedToken {
    ListedToken {
        found: false,
        allowed: false,
        created_at: None,
        expires_at: None,
        last_active_at: None,
        labels: vec!["snyk-old".to_owned(), "ci".to_owned()],
    }
}

#[test]
fn an_observer_is_proved_by_a_sync_and_for_a_quiet_weekend() {
    let mut world = observed(5, 1);
    world.test_everything();
    world.probe();
    assert_eq!(valid(&world), (Truth::Unknown, Reason::IdleUnproved), "ten days without a sync");
    assert_eq!(world.status(None), (Status::Unknown, Reason::IdleUnproved));
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(valid(&world), (Truth::True, Reason::InferredFromSync));
    assert_eq!(world.stored(None).conditions[&Condition::CredentialValid].confidence, Confidence::Weak);
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
    assert_eq!(world.status(Some(0)), (Status::Connected, Reason::Ok), "{}", world.message(Some(0)));
    // Nothing changes over a weekend, and nothing waits to be synced.
    world.now += TimeDelta::days(3);
    world.test_everything();
    world.pass(minutes(15));
    assert_eq!(valid(&world), (Truth::True, Reason::InferredFromSync));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    // Two quiet weeks prove nothing any more.
    world.now += TimeDelta::days(5);
    world.test_everything();
    world.pass(minutes(15));
    assert_eq!(valid(&world), (Truth::Unknown, Reason::IdleUnproved));
    insta::assert_snapshot!(world.message(None), @"bitbucket-acme is an observer, and nothing proves the PAT saved in Snyk: the last asset moved at 2026-11-23 03:00 UTC");
}

#[test]
fn a_change_that_waits_for_a_day_ends_the_proof_of_a_quiet_week() {
    let mut world = observed(5, 0);
    world.sync(world.now);
    world.pass(minutes(15));
    let changed_at = world.now + hours(2);
    for repository in &mut world.main().repositories {
        repository.updated_at = Some(changed_at);
    }
    world.now += hours(20);
    world.pass(minutes(15));
    assert_eq!(valid(&world), (Truth::True, Reason::InferredFromSync), "within the time that Snyk takes");
    world.now += hours(12);
    world.pass(minutes(15));
    assert_eq!(valid(&world), (Truth::Unknown, Reason::IdleUnproved));
    assert_eq!(world.status(None), (Status::Stalled, Reason::SyncLagging), "found all the same");
}

#[test]
fn an_observer_leaves_rows_of_the_table_decided() {
    let mut world = observed(5, 0);
    world.assets.clear();
    world.pass(minutes(15));
    assert_eq!(valid(&world), (Truth::Unknown, Reason::IdleUnproved), "nothing ever moved");
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::AwaitingFirstSync));
}

#[test]
fn the_sync_of_one_profile_never_proves_the_pat_of_another() {
    let mut world = observed(3, 1);
    world.add_profile("other", "bitbucket-other", 3..6);
    observe_with(&mut world, "bitbucket-other");
    world.probe();
    let now = world.now;
    let fresh: Vec<_> = world.main().repositories.iter().map(|repository| asset_of(repository, now)).collect();
    let other = &world.profiles[&ProfileName::from("other")].repositories;
    let idle: Vec<_> = other.iter().map(|repository| asset_of(repository, start() - TimeDelta::days(10))).collect();
    world.assets = fresh.into_iter().chain(idle).collect();
    world.pass(minutes(15));
    assert_eq!(valid(&world), (Truth::Unknown, Reason::IdleUnproved));
    insta::assert_snapshot!(world.message(None), @"bitbucket-other is an observer, and nothing proves the PAT saved in Snyk: the last asset moved at 2026-11-13 03:00 UTC");
    // The Organizations use the one that syncs.
    assert_eq!(world.condition(Some(0), Condition::CredentialValid), (Truth::True, Reason::InferredFromSync));
    // Now they use the other.
    let organizations = world.integration().organizations.as_mut().unwrap();
    organizations.credential = CredentialName::from("bitbucket-other");
    world.pass(minutes(15));
    assert_eq!(world.condition(Some(0), Condition::CredentialValid), (Truth::Unknown, Reason::IdleUnproved));
}

#[test]
fn what_no_profile_uses_nothing_can_prove() {
    let mut world = observed(3, 1);
    let own = world.fleet.scm_credentials[&pat()].clone();
    world.fleet.scm_credentials.insert(CredentialName::from("organizations-only"), own);
    let organizations = world.integration().organizations.as_mut().unwrap();
    organizations.credential = CredentialName::from("organizations-only");
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(valid(&world), (Truth::True, Reason::InferredFromSync));
    assert_eq!(world.condition(Some(0), Condition::CredentialValid), (Truth::Unknown, Reason::NotProvable));
    assert_eq!(world.status(Some(0)), (Status::Unknown, Reason::NotProvable));
}

#[test]
fn the_admin_listing_outranks_what_moves() {
    let blocked = ListedToken { allowed: false, ..token() };
    let expired = ListedToken { expires_at: Some(start() - TimeDelta::days(1)), ..token() };
    for (token, expected) in [
        (token(), (Truth::True, Reason::Ok)),
        (blocked, (Truth::False, Reason::CredentialBlocked)),
        (expired, (Truth::False, Reason::CredentialExpired)),
        (absent(), (Truth::Unknown, Reason::NotListed)),
    ] {
        let mut world = observed(5, 0);
        world.sync(world.now);
        world.extra = listed(token);
        world.pass(minutes(15));
        assert_eq!(valid(&world), expected);
    }
}

#[test]
fn a_listing_without_the_token_says_which_labels_it_has_and_leaves_no_declared_date_beside_it() {
    for role in [Role::Observer, Role::Integration] {
        let mut world = World::healthy(5, 0);
        let credential = world.fleet.scm_credentials.get_mut(&pat()).unwrap();
        (credential.role, credential.expires_at) = (role, Some(start() + TimeDelta::days(300)));
        world.extra = listed(absent());
        world.pass(minutes(15));
        assert_eq!(world.condition(None, Condition::CredentialFresh), (Truth::Unknown, Reason::NotListed), "{role}");
        let message = &world.stored(None).conditions[&Condition::CredentialFresh].message;
        assert_eq!(
            message,
            "the admin API's complete listing has no token with the label and e-mail of bitbucket-acme; it has the \
             labels snyk-old, ci"
        );
        // What the host itself says of our copy stands.
        let valid_as_integration = role == Role::Integration && valid(&world) == (Truth::True, Reason::Ok);
        assert!(valid_as_integration || valid(&world) == (Truth::Unknown, Reason::NotListed), "{role}");
    }
}

#[test]
fn the_last_use_outlives_the_listing_that_told_it() {
    let mut world = observed(5, 0);
    let used_at = |at: DateTime<Utc>| ListedToken { last_active_at: Some(at), ..token() };
    world.extra = listed(used_at(start() - hours(1)));
    world.pass(minutes(15));
    world.extra.clear();
    // The listing has no answer for hours.
    world.pass(hours(5));
    assert_eq!(valid(&world), (Truth::True, Reason::Ok));
    assert_eq!(world.status(None).0, Status::Unknown, "use proves no permission: {}", world.message(None));
    world.pass(hours(22));
    assert_eq!(valid(&world), (Truth::Unknown, Reason::IdleUnproved));
}

#[test]
fn an_observers_own_failure_is_never_the_pats() {
    let mut world = observed(5, 0);
    world.sync(world.now);
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    world.now += TimeDelta::days(8);
    world.pass(hours(2));
    assert_eq!(valid(&world), (Truth::Unknown, Reason::ObserverFailed));
    assert_ne!(world.status(None).0, Status::ConnectionFailed);
    world.main().authentication = accepted("token-1");
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(valid(&world), (Truth::True, Reason::InferredFromSync));
    assert_eq!(world.state.credentials[&pat()].rotation, None, "its own rotations say nothing of the PAT in Snyk");
}

#[test]
fn an_observers_own_scopes_prove_nothing() {
    let mut world = observed(5, 1);
    world.sync(world.now);
    world.test_everything();
    world.pass(minutes(15));
    for level in [None, Some(0)] {
        let condition = &world.stored(level).conditions[&Condition::PermissionsGranted];
        assert_eq!((condition.truth, condition.reason), (Truth::Unknown, Reason::PermissionUnverifiable));
        assert_eq!(
            condition.message,
            "bitbucket-acme is an observer: its own scopes say nothing of the PAT saved in Snyk"
        );
        assert_eq!(world.status(level), (Status::Connected, Reason::Ok));
    }
}
