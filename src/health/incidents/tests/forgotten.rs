//! What is seen to be well for the first time since the state was lost.

use crate::domain::attention::Forgotten;
use crate::domain::evidence::Part;
use crate::domain::facts::{PermissionProof, RejectionCause, ScmAuthentication};
use crate::domain::names::ApiName;
use crate::domain::permission::Permission;
use crate::health::incidents::evaluate;
use crate::health::testing::{SCM_API, SNYK_API, World, hours, minutes};

/// A world of which everything was forgotten.
fn lost(mut world: World) -> World {
    world.state.attention.forgotten = Some(Forgotten::since(world.now));
    world
}

/// What is due to be told after an evaluation, by rule and subject.
fn due(world: &mut World) -> Vec<String> {
    world.evaluate();
    evaluate(&mut world.state, &world.fleet, world.now);
    let once = world.state.clone();
    assert_eq!(evaluate(&mut world.state, &world.fleet, world.now), []);
    assert!(world.state == once, "a second evaluation changes nothing");
    world.state.attention.forgotten.iter().flat_map(|forgotten| forgotten.due.keys()).map(ToString::to_string).collect()
}

fn is_about(due: &[String], text: &str) -> bool {
    due.iter().any(|key| key.contains(text))
}

#[test]
fn an_ordinary_first_start_owes_nothing() {
    let mut world = World::healthy(5, 2);
    for _ in 0..3 {
        world.pass(minutes(15));
        assert_eq!(due(&mut world), [""; 0]);
    }
}

#[test]
fn nothing_is_due_before_anything_was_seen() {
    let mut world = lost(World::healthy(5, 2));
    assert_eq!(due(&mut world), [""; 0]);
}

#[test]
fn what_is_seen_to_be_well_is_due() {
    let mut world = lost(World::healthy(5, 2));
    world.probe();
    let due = due(&mut world);
    for key in [
        "SnykTokenInvalid/credential/acme-us",
        "CredentialInvalid/credential/bitbucket-acme",
        "UpstreamUnreachable/api/snyk/acme-us",
        "UpstreamUnreachable/api/bitbucket-cloud",
        "NamespaceNotFound/namespace/acme-bitbucket/acme",
        "RepositoriesVanished/namespace/acme-bitbucket/acme",
        "ConnectionFailed/integration/acme-bitbucket",
        "PartiallyConnected/integration/acme-bitbucket",
        "SyncStalled/integration/acme-bitbucket",
        "StatusUnknown/integration/acme-bitbucket",
        "TestsStale/organizations/acme-bitbucket",
        "StatusUnknown/organizations/acme-bitbucket",
        "StatusUnknown/credential/acme-us",
        "StatusUnknown/credential/bitbucket-acme",
    ] {
        assert!(due.iter().any(|one| one == key), "{key} is missing: {due:#?}");
    }
}

#[test]
fn what_cannot_be_seen_yet_is_not() {
    // Snyk does not answer, the Git host does.
    let mut world = lost(World::healthy(5, 2));
    world.down.insert(ApiName::from(SNYK_API));
    world.probe();
    let seen = due(&mut world);
    assert!(is_about(&seen, "CredentialInvalid/") && is_about(&seen, SCM_API), "{seen:#?}");
    for unseen in [SNYK_API, "SnykTokenInvalid", "organizations/", "integration/acme", "RepositoriesVanished"] {
        assert!(!is_about(&seen, unseen), "{unseen}: {seen:#?}");
    }
    // One Organization was not asked yet.
    let mut world = lost(World::healthy(5, 2));
    let late = world.organizations.pop_last().unwrap();
    world.probe();
    let seen = due(&mut world);
    for unseen in ["organizations/", "RotationUnfinished/"] {
        assert!(!is_about(&seen, unseen), "{unseen}: {seen:#?}");
    }
    world.organizations.extend([late]);
    world.pass(hours(1));
    let seen = due(&mut world);
    for due in ["TestsStale/organizations/", "RotationUnfinished/"] {
        assert!(is_about(&seen, due), "{due}: {seen:#?}");
    }
}

/// A world that remembers everything from ten minutes before the loss, as a restored backup does.
fn restored(mut world: World) -> World {
    world.pass(minutes(45));
    world.now += minutes(10);
    lost(world)
}

#[test]
fn what_a_restored_backup_remembers_proves_nothing() {
    let mut world = restored(World::healthy(5, 2));
    assert_eq!(due(&mut world), [""; 0]);
    // Each is due by what was asked anew about itself.
    world.probe_credentials();
    let seen = due(&mut world);
    for key in ["CredentialInvalid/", "PermissionsMissing/", "UpstreamUnreachable/api/bitbucket-cloud"] {
        assert!(is_about(&seen, key), "{key}: {seen:#?}");
    }
    // A credential whose turns are all used up at once is asked with, and yet nothing comes of most questions.
    let shared = "StatusUnknown/credential/";
    for unseen in ["SnykTokenInvalid/", SNYK_API, "namespace/", "integration/", "organizations/", shared] {
        assert!(!is_about(&seen, unseen), "{unseen}: {seen:#?}");
    }
    world.probe();
    let seen = due(&mut world);
    for key in ["SnykTokenInvalid/", SNYK_API, "namespace/", "integration/", "organizations/", shared] {
        assert!(is_about(&seen, key), "{key}: {seen:#?}");
    }
}

#[test]
fn one_part_from_before_the_loss_holds_back_what_rests_on_it() {
    // The repositories cannot be listed; the Group still counts as connected by the list from before.
    let mut world = restored(World::healthy(5, 2));
    world.fails.insert(Part::Repositories, ("server_error", "HTTP 503"));
    world.probe();
    let seen = due(&mut world);
    for unseen in ["namespace/", "integration/"] {
        assert!(!is_about(&seen, unseen), "{unseen}: {seen:#?}");
    }
    assert!(is_about(&seen, "CredentialInvalid/") && is_about(&seen, "organizations/"), "{seen:#?}");
    // What is too old to be used holds nothing up: that the namespace is there was seen since.
    world.pass(hours(2));
    let seen = due(&mut world);
    assert!(is_about(&seen, "NamespaceNotFound/") && !is_about(&seen, "RepositoriesVanished/"), "{seen:#?}");
    world.fails.clear();
    world.pass(minutes(15));
    let seen = due(&mut world);
    assert!(is_about(&seen, "RepositoriesVanished/") && is_about(&seen, "integration/"), "{seen:#?}");
    // One Organization was not asked anew, and nobody knows whether there are more.
    let mut world = restored(World::healthy(5, 2));
    let late = world.organizations.pop_last().unwrap();
    world.fails.insert(Part::Organizations, ("server_error", "HTTP 503"));
    world.probe();
    let seen = due(&mut world);
    for unseen in ["organizations/", "integration/"] {
        assert!(!is_about(&seen, unseen), "{unseen}: {seen:#?}");
    }
    assert!(is_about(&seen, "NamespaceNotFound/"), "{seen:#?}");
    world.fails.clear();
    world.organizations.extend([late]);
    world.probe();
    let seen = due(&mut world);
    for due in ["TestsStale/organizations/", "ConnectionFailed/integration/"] {
        assert!(is_about(&seen, due), "{due}: {seen:#?}");
    }
}

#[test]
fn a_first_bad_answer_that_waits_for_another_is_no_good_sign() {
    let mut world = restored(World::healthy(5, 2));
    let partial = PermissionProof::Partial { granted: 1, total: 3 };
    let permission = Permission::RepositoryRead;
    let granted = world.main().permissions.insert(permission, partial).unwrap();
    world.probe();
    let seen = due(&mut world);
    assert!(!is_about(&seen, "PermissionsMissing/"), "{seen:#?}");
    world.main().permissions.insert(permission, granted);
    world.pass(minutes(15));
    let seen = due(&mut world);
    assert!(is_about(&seen, "PermissionsMissing/"), "{seen:#?}");

    let mut world = restored(World::healthy(5, 2));
    let rejected = ScmAuthentication::Rejected(RejectionCause::Revoked);
    let accepted = std::mem::replace(&mut world.main().authentication, rejected);
    world.probe();
    let seen = due(&mut world);
    for unseen in ["CredentialInvalid/", "PermissionsMissing/", "ConnectionFailed/"] {
        assert!(!is_about(&seen, unseen), "{unseen}: {seen:#?}");
    }
    world.main().authentication = accepted;
    world.pass(minutes(15));
    let seen = due(&mut world);
    assert!(is_about(&seen, "CredentialInvalid/") && is_about(&seen, "ConnectionFailed/"), "{seen:#?}");
}

#[test]
fn what_is_broken_is_not_due_until_it_is_well() {
    let mut world = lost(World::healthy(5, 2));
    let rejected = ScmAuthentication::Rejected(RejectionCause::Revoked);
    let accepted = std::mem::replace(&mut world.main().authentication, rejected);
    world.pass(minutes(45));
    let seen = due(&mut world);
    for broken in ["CredentialInvalid/", "ConnectionFailed/", "PartiallyConnected/", "PermissionsMissing/"] {
        assert!(!is_about(&seen, broken), "{broken}: {seen:#?}");
    }
    world.main().authentication = accepted;
    world.pass(minutes(45));
    let seen = due(&mut world);
    assert!(is_about(&seen, "CredentialInvalid/") && is_about(&seen, "PartiallyConnected/"), "{seen:#?}");
}

/// What is seen to last, by rule and subject.
fn lasting(world: &mut World) -> Vec<String> {
    due(world);
    world
        .state
        .attention
        .forgotten
        .iter()
        .flat_map(|forgotten| forgotten.lasting.keys())
        .map(ToString::to_string)
        .collect()
}

#[test]
fn what_an_older_state_holds_open_lasts_when_it_is_seen_to() {
    let mut world = World::healthy(5, 2);
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    world.down = [ApiName::from(SNYK_API)].into();
    for _ in 0..8 {
        world.pass(minutes(15));
        due(&mut world);
    }
    let open = world.state.incidents.iter().filter(|(_, incident)| incident.is_open());
    let open: Vec<String> = open.map(|(key, _)| key.to_string()).collect();
    assert!(is_about(&open, "CredentialInvalid/") && is_about(&open, SNYK_API), "{open:#?}");
    world.now += minutes(10);
    let mut world = lost(world);
    assert_eq!(lasting(&mut world), [""; 0], "it may be over");
    // Of each, by what was asked anew about itself.
    world.probe_credentials();
    let seen = lasting(&mut world);
    assert!(is_about(&seen, "CredentialInvalid/") && !is_about(&seen, SNYK_API), "{seen:#?}");
    world.probe();
    let seen = lasting(&mut world);
    assert!(!is_about(&seen, SNYK_API), "one lost answer is no outage: {seen:#?}");
    world.pass(hours(1));
    let seen = lasting(&mut world);
    assert!(is_about(&seen, SNYK_API), "{seen:#?}");
    world.down.clear();
    world.pass(minutes(45));
    let seen = lasting(&mut world);
    assert!(!is_about(&seen, SNYK_API), "it is over: {seen:#?}");
}

#[test]
fn a_set_up_that_has_just_begun_has_not_failed_yet() {
    let mut world = lost(World::just_set_up(5, 0));
    world.probe();
    let seen = due(&mut world);
    assert!(!is_about(&seen, "PartiallyConnected/") && !is_about(&seen, "SyncStalled/"), "{seen:#?}");
    assert!(is_about(&seen, "CredentialInvalid/"), "{seen:#?}");
}
