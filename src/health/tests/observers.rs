//! Credentials that are not the one saved in Snyk: what proves that one.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::Part;
use crate::domain::facts::{ListedToken, RejectionCause, ScmAuthentication};
use crate::domain::kinds::{Confidence, Role, Truth};
use crate::domain::names::{CredentialName, ProfileName, Revision};
use crate::domain::status::Status;
use crate::domain::work::{Finding, ProbeKind, WorkSubject};

use super::super::testing::{PAT, World, accepted, asset_of, hours, minutes, start};

fn pat() -> CredentialName {
    CredentialName::from(PAT)
}

fn observe_with(world: &mut World, credential: &str) {
    let credential = world.fleet.scm_credentials.get_mut(&CredentialName::from(credential)).unwrap();
    (credential.role, credential.expires_at) = (Role::Observer, None);
    credential.listing = Some(Revision::of(["the organisation's listing"]));
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
        matching: 1,
        labels: Vec::new(),
        more_labels: 0,
    }
}

fn absent() -> ListedToken {
    ListedToken {
        found: false,
        allowed: false,
        created_at: None,
        expires_at: None,
        last_active_at: None,
        matching: 0,
        labels: vec!["snyk-old".to_owned(), "ci".to_owned()],
        more_labels: 3,
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
             labels snyk-old, ci and 3 more"
        );
        // What the host itself says of our copy stands.
        let valid_as_integration = role == Role::Integration && valid(&world) == (Truth::True, Reason::Ok);
        assert!(valid_as_integration || valid(&world) == (Truth::Unknown, Reason::NotListed), "{role}");
    }
}

#[test]
fn several_tokens_with_the_label_are_told_as_several() {
    for role in [Role::Observer, Role::Integration] {
        let mut world = World::healthy(5, 0);
        world.fleet.scm_credentials.get_mut(&pat()).unwrap().role = role;
        world.extra = listed(ListedToken { matching: 2, labels: Vec::new(), ..absent() });
        world.pass(minutes(15));
        let fresh = &world.stored(None).conditions[&Condition::CredentialFresh];
        assert_eq!((fresh.truth, fresh.reason), (Truth::Unknown, Reason::SeveralListed), "{role}");
        assert_eq!(
            fresh.message,
            "the admin API lists 2 tokens with the label and e-mail of bitbucket-acme: it cannot be told which of them \
             is saved in Snyk"
        );
        if role == Role::Observer {
            assert_eq!(valid(&world), (Truth::Unknown, Reason::SeveralListed));
            assert_eq!(world.status(None), (Status::Unknown, Reason::SeveralListed));
            insta::assert_snapshot!(next_step(&world), @"token owner: give Snyk's token a label that none of the owner's other tokens has; then snykwatch operator: put that label into the configuration (`atlassian_admin`)");
        }
    }
}

fn next_step(world: &World) -> String {
    world.stored(None).status.as_ref().unwrap().next_step.clone().unwrap()
}

/// The admin API gives no listing.
fn unlisted(world: &mut World, reason: &'static str, detail: &str) {
    world.fail(ProbeKind::ScmCredential, WorkSubject::Credential(pat()), Part::ListedToken, reason, detail);
    world.evaluate();
}

const REFUSED: &str = "could not list the organisation's API tokens: the API answered 403: no scope";

#[test]
fn a_refused_admin_key_is_told_where_the_expiry_is_unknown() {
    let mut world = World::healthy(5, 0);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().expires_at = None;
    world.sync(start() - hours(1));
    world.pass(minutes(15));
    unlisted(&mut world, "forbidden", REFUSED);
    let fresh = world.stored(None).conditions[&Condition::CredentialFresh].clone();
    assert_eq!((fresh.truth, fresh.reason), (Truth::Unknown, Reason::AdminApiRefused));
    insta::assert_snapshot!(fresh.message, @"the expiry of bitbucket-acme is unknown; the admin API refuses our key: could not list the organisation's API tokens: the API answered 403: no scope (since 2026-11-23 03:15 UTC)");
    let told = world.state.credentials[&pat()].unlisted.clone().unwrap();
    insta::assert_snapshot!(told.next_step, @"Git host admin: create an API key of the organisation with the scope `read:tokens:admin`; then snykwatch operator: put it into the secret file, and check `org_id` (`atlassian_admin`)");
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "an unknown expiry changes no status");
    // A date that is only declared stands, and the answer beside it.
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().expires_at = Some(start() + TimeDelta::days(200));
    world.evaluate();
    let fresh = world.stored(None).conditions[&Condition::CredentialFresh].clone();
    assert_eq!((fresh.truth, fresh.reason), (Truth::True, Reason::Ok));
    assert!(fresh.message.contains("(declared); the admin API refuses our key"), "{}", fresh.message);
    // The key is replaced.
    world.extra = listed(token());
    world.pass(minutes(15));
    assert_eq!(world.state.credentials[&pat()].unlisted, None);
    let fresh = &world.stored(None).conditions[&Condition::CredentialFresh].message;
    assert!(fresh.ends_with("(as the admin API says)"), "{fresh}");
}

#[test]
fn a_refused_admin_key_leaves_an_observer_unproved_and_says_so() {
    let mut world = observed(5, 1);
    world.test_everything();
    world.pass(minutes(15));
    assert_eq!(world.status(None), (Status::Unknown, Reason::IdleUnproved));
    unlisted(&mut world, "unauthorized", "could not list the organisation's API tokens: the API answered 401: no");
    for level in [None, Some(0)] {
        assert_eq!(world.condition(level, Condition::CredentialValid), (Truth::Unknown, Reason::AdminApiRefused));
        assert_eq!(world.status(level), (Status::Unknown, Reason::AdminApiRefused));
        assert!(world.message(level).contains("refuses our key: could not list"), "{}", world.message(level));
    }
    assert!(next_step(&world).starts_with("Git host admin: create an API key"), "{}", next_step(&world));
    // What fails otherwise is asked for again, and is told beside what is known.
    unlisted(&mut world, "server_error", "could not list the organisation's API tokens: the API answered 503: later");
    assert_eq!(world.status(None), (Status::Unknown, Reason::IdleUnproved));
    assert!(world.message(None).contains("the API answered 503: later"), "{}", world.message(None));
    // Rows of the table stay decided.
    let mut world = observed(5, 0);
    world.assets.clear();
    unlisted(&mut world, "forbidden", REFUSED);
    world.pass(minutes(15));
    assert_eq!(valid(&world), (Truth::Unknown, Reason::AdminApiRefused));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::AwaitingFirstSync));
    // A sync proves the token, whoever is refused.
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(valid(&world), (Truth::True, Reason::InferredFromSync));
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
