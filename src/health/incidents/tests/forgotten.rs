//! What is seen to be well for the first time since the state was lost.

use crate::domain::attention::Forgotten;
use crate::domain::facts::{RejectionCause, ScmAuthentication};
use crate::domain::names::ApiName;
use crate::health::incidents::evaluate;
use crate::health::testing::{PAT, SCM_API, SNYK_API, TOKEN, World, hours, minutes};

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
    let due = due(&mut world);
    // A secret is read by ourselves.
    assert_eq!(due, [format!("StatusUnknown/credential/{TOKEN}"), format!("StatusUnknown/credential/{PAT}")]);
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
    assert!(!is_about(&seen, "organizations/"), "{seen:#?}");
    world.organizations.extend([late]);
    world.pass(hours(1));
    let seen = due(&mut world);
    assert!(is_about(&seen, "TestsStale/organizations/"), "{seen:#?}");
}

#[test]
fn an_answer_that_a_restored_backup_remembers_proves_nothing() {
    let mut world = World::healthy(5, 2);
    world.probe();
    world.now += minutes(10);
    let mut world = lost(world);
    let seen = due(&mut world);
    assert!(!is_about(&seen, "UpstreamUnreachable/"), "{seen:#?}");
    world.probe();
    let seen = due(&mut world);
    assert!(is_about(&seen, SNYK_API) && is_about(&seen, SCM_API), "{seen:#?}");
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

#[test]
fn a_set_up_that_has_just_begun_has_not_failed_yet() {
    let mut world = lost(World::just_set_up(5, 0));
    world.probe();
    let seen = due(&mut world);
    assert!(!is_about(&seen, "PartiallyConnected/") && !is_about(&seen, "SyncStalled/"), "{seen:#?}");
    assert!(is_about(&seen, "CredentialInvalid/"), "{seen:#?}");
}
