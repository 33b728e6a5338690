//! The diagnosis catalogue at Group level.

use chrono::TimeDelta;

use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{
    CatalogCheck, CatalogSample, PermissionProof, RejectionCause, RemovalReason, RemovedAsset, ScmAuthentication,
    SnykAuthentication, SnykRejectionCause, WorkspaceFact,
};
use crate::domain::kinds::Truth;
use crate::domain::names::{ApiName, ProfileName, RepositoryId, WorkspaceSlug};
use crate::domain::permission::Permission;
use crate::domain::status::Status;

use super::super::partially_connected_since;
use super::super::testing::{
    PROFILE, SCM_API, SNYK_API, WORKSPACE, World, asset_of, hours, minutes, repository, start,
};

/// A healthy Group of 20 repositories after `happens` and some time.
#[track_caller]
pub(super) fn check(after: TimeDelta, happens: impl FnOnce(&mut World), expected: (Status, Reason)) -> World {
    let mut world = World::healthy(20, 0);
    world.probe();
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
    happens(&mut world);
    world.pass(after);
    assert_eq!(world.status(None), expected, "{}", world.message(None));
    world
}

#[test]
fn set_up_and_waiting_for_the_first_sync() {
    let mut world = World::just_set_up(128, 0);
    world.probe();
    assert_eq!(world.status(None), (Status::SetupInProgress, Reason::SetupInProgress));
    world.pass(minutes(15));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::AwaitingFirstSync));
    insta::assert_snapshot!(world.message(None), @"0 of 128 repositories reached the Inventory; the first sync is due by 2026-11-23 09:00 UTC");
    world.pass(hours(7));
    insta::assert_snapshot!(world.message(None), @"0 of 128 repositories reached the Inventory; no sync seen since set-up, one was due by 2026-11-23 09:00 UTC");
    insta::assert_snapshot!(
        world.stored(None).status.as_ref().unwrap().next_step.clone().unwrap(),
        @"Group Admin: open Integrations > Bitbucket in the Group and re-save the profile"
    );
    let group = world.group().clone();
    assert_eq!(partially_connected_since(world.stored(None), &group), start());
    // A blind spot neither resets the clock nor hides behind unknown for longer than it lasts.
    let since = world.stored(None).status.as_ref().unwrap().since;
    world.down.insert(ApiName::from(SNYK_API));
    world.pass(hours(3));
    assert_eq!(world.status(None).0, Status::Unknown);
    world.down.clear();
    world.pass(minutes(15));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::AwaitingFirstSync));
    assert_eq!(world.stored(None).status.as_ref().unwrap().since, since);
}

#[test]
fn without_a_set_up_time_first_seen_counts() {
    let mut world = World::just_set_up(5, 0);
    world.group().configured_at = None;
    world.probe();
    assert_eq!(world.status(None), (Status::SetupInProgress, Reason::SetupInProgress));
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::AwaitingFirstSync));
    let group = world.group().clone();
    assert_eq!(partially_connected_since(world.stored(None), &group), start());
}

#[test]
fn a_long_first_fill_shows_progress_and_ends_connected() {
    let mut world = World::just_set_up(100, 0);
    world.pass(hours(6));
    let repositories = world.main().repositories.clone();
    for arrived in (5..=100).step_by(5) {
        world.assets = repositories.iter().take(arrived).map(|one| asset_of(one, world.now)).collect();
        world.pass(hours(1));
        let progress = world.stored(None).progress.clone().unwrap();
        assert_eq!((progress.found, progress.missing), (arrived, 100 - arrived));
        // Once incomplete, it is left at the higher coverage.
        if arrived < 97 {
            assert!(next_step(&world).starts_with("no action needed"), "{arrived}: {}", next_step(&world));
            assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryIncomplete));
        }
        if arrived == 50 {
            let (from, to) = progress.completion_expected.unwrap();
            assert!(from <= world.now + hours(11) && to >= world.now + hours(9), "{from} {to}");
            insta::assert_snapshot!(next_step(&world), @"no action needed: the first fill goes on, complete by 2026-11-24 05:00 UTC");
            let group = world.group().clone();
            assert!(partially_connected_since(world.stored(None), &group) > start() + hours(14));
        }
    }
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    assert!(world.stored(None).group.first_fill_completed_at.is_some());
}

fn next_step(world: &World) -> String {
    world.stored(None).status.as_ref().unwrap().next_step.clone().unwrap_or_default()
}

#[test]
fn a_fill_that_stops_is_incomplete() {
    let mut world = World::just_set_up(50, 0);
    world.pass(hours(6));
    let repositories = world.main().repositories.clone();
    world.assets = repositories.iter().take(20).map(|one| asset_of(one, world.now)).collect();
    world.pass(hours(1));
    assert!(next_step(&world).starts_with("no action needed: the first fill goes on"), "{}", next_step(&world));
    world.pass(hours(39));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryIncomplete));
    assert!(next_step(&world).starts_with("Group Admin: check that the profile covers"), "{}", next_step(&world));
    let progress = world.stored(None).progress.clone().unwrap();
    assert_eq!(progress.missing_repositories.len(), 30);
    insta::assert_snapshot!(world.message(None), @"20 of 50 repositories reached the Inventory; missing: acme/service-20, acme/service-21, acme/service-22 and 27 more");
    let group = world.group().clone();
    let since = partially_connected_since(world.stored(None), &group);
    assert!(since > start() + hours(6) && since <= start() + hours(24), "{since}");
}

#[test]
fn connected_must_hold_to_count() {
    let world = check(minutes(15), |_| {}, (Status::Connected, Reason::Ok));
    assert_eq!(world.stored(None).status.as_ref().unwrap().last_connected_at, None);
    let world = check(hours(1), |_| {}, (Status::Connected, Reason::Ok));
    assert_eq!(world.stored(None).status.as_ref().unwrap().last_connected_at, Some(world.now));
}

#[test]
fn what_breaks_the_connection() {
    let rejected = |cause| move |world: &mut World| world.main().authentication = ScmAuthentication::Rejected(cause);
    for (cause, reason) in [
        (RejectionCause::Expired, Reason::CredentialExpired),
        (RejectionCause::Revoked, Reason::CredentialRevoked),
        (RejectionCause::WrongTokenOrEmail, Reason::CredentialWrongTokenOrEmail),
        (RejectionCause::AppPasswordRetired, Reason::CredentialAppPasswordRetired),
        (RejectionCause::WrongScheme, Reason::CredentialWrongScheme),
        (RejectionCause::Unspecified, Reason::CredentialRejected),
    ] {
        check(hours(1), rejected(cause), (Status::ConnectionFailed, reason));
        // A day later, when nothing else has been observed for long, still the same.
        let all_stale = |world: &mut World| {
            rejected(cause)(world);
            world.pass(hours(1));
            world.down.insert(ApiName::from(SNYK_API));
        };
        check(hours(24), all_stale, (Status::ConnectionFailed, reason));
    }
    let workspace = |fact: WorkspaceFact| {
        move |world: &mut World| {
            world.main().workspaces.insert(WorkspaceSlug::from(WORKSPACE), fact);
        }
    };
    // Public repositories are still visible: membership is the proof.
    check(hours(1), workspace(WorkspaceFact::NotMember), (Status::ConnectionFailed, Reason::NotAMember));
    check(hours(1), workspace(WorkspaceFact::NotFound), (Status::ConnectionFailed, Reason::NamespaceNotVisible));
    let renamed = WorkspaceFact::Renamed { to: WorkspaceSlug::from("acme-corp") };
    let world = check(hours(1), workspace(renamed), (Status::Unknown, Reason::NamespaceRenamed));
    insta::assert_snapshot!(world.message(None), @"workspace acme is called acme-corp now: the configuration is out of date");
    assert_eq!(world.condition(None, Condition::CredentialValid), (Truth::True, Reason::Ok));
    let shut_out = WorkspaceFact::ShutOut { why: "single sign-on is required".to_owned() };
    let world = check(hours(1), workspace(shut_out), (Status::ConnectionFailed, Reason::ShutOut));
    insta::assert_snapshot!(world.message(None), @"the account is a member of workspace acme and is shut out of it: single sign-on is required");
    check(hours(1), workspace(WorkspaceFact::Contradicted), (Status::Unknown, Reason::Contradicted));
    check(hours(1), |world| world.main().repositories.clear(), (Status::Unknown, Reason::RepositoriesVanished));
    let lacks = |permission, proof| {
        move |world: &mut World| {
            world.main().permissions.insert(permission, proof);
        }
    };
    let missing = || PermissionProof::Missing { scope: Some("read:repository:bitbucket".to_owned()) };
    let world = check(
        hours(1),
        lacks(Permission::RepositoryRead, missing()),
        (Status::ConnectionFailed, Reason::PermissionMissing),
    );
    insta::assert_snapshot!(world.message(None), @"bitbucket-acme lacks Repositories: read (read:repository:bitbucket)");
    // Not needed for discovery: the condition speaks, the status does not.
    let scope = Some("write:webhook:bitbucket".to_owned());
    let world = check(
        hours(1),
        lacks(Permission::WebhookWrite, PermissionProof::Missing { scope }),
        (Status::Connected, Reason::Ok),
    );
    assert_eq!(world.condition(None, Condition::PermissionsGranted), (Truth::False, Reason::PermissionMissing));
    let world = check(
        hours(1),
        lacks(Permission::RepositoryAdmin, PermissionProof::Partial { granted: 3, total: 20 }),
        (Status::Connected, Reason::Ok),
    );
    insta::assert_snapshot!(
        world.stored(None).conditions[&Condition::PermissionsGranted].message,
        @"bitbucket-acme: Admin on imported repositories: administrator of 3 of 20 repositories"
    );
    // Optional permissions never lower anything.
    let world =
        check(hours(1), lacks(Permission::IssueRead, PermissionProof::Unverifiable), (Status::Connected, Reason::Ok));
    assert_eq!(world.condition(None, Condition::PermissionsGranted), (Truth::True, Reason::Ok));
}

#[test]
fn what_cannot_be_seen_is_neither_complete_nor_in_time() {
    let judged = [Condition::InventoryPopulated, Condition::InventoryComplete, Condition::SyncCurrent];
    let shut_out = WorkspaceFact::ShutOut { why: "two_step_verification".to_owned() };
    let renamed = WorkspaceFact::Renamed { to: WorkspaceSlug::from("acme-corp") };
    for (fact, reason) in [
        (WorkspaceFact::NotMember, Reason::NotAMember),
        (WorkspaceFact::NotFound, Reason::NamespaceNotVisible),
        (shut_out, Reason::ShutOut),
        (renamed, Reason::NamespaceRenamed),
        (WorkspaceFact::Contradicted, Reason::Contradicted),
    ] {
        // Whether the last list of its repositories is still there or went with it, and whether it was ever seen.
        for (was_seen, is_listed) in [(true, true), (true, false), (false, true), (false, false)] {
            let mut world = World::healthy(20, 0);
            if was_seen {
                world.pass(hours(1));
            }
            world.main().workspaces.insert(WorkspaceSlug::from(WORKSPACE), fact.clone());
            if !is_listed {
                world.main().repositories.clear();
            }
            world.pass(hours(1));
            let case = format!("{reason}, seen before: {was_seen}, listed: {is_listed}");
            assert_eq!(world.condition(None, Condition::RepositoriesVisible).1, reason, "{case}");
            for condition in judged {
                assert_eq!(world.condition(None, condition).0, Truth::Unknown, "{case}: {condition}");
            }
        }
    }
    // One of two: what is seen of the other speaks for that one alone.
    let labs = WorkspaceSlug::from("labs");
    for fact in [WorkspaceFact::NotMember, WorkspaceFact::NotFound] {
        let mut world = World::healthy(20, 0);
        world.sync(start() - hours(1));
        world.main().workspaces.insert(labs.clone(), fact);
        world.group().profiles.values_mut().next().unwrap().workspaces.insert(labs.clone());
        world.pass(hours(1));
        for condition in judged {
            assert_eq!(world.condition(None, condition).0, Truth::Unknown, "{condition}");
        }
    }
}

#[test]
fn snyk_token_troubles_make_blind() {
    let rejected = |cause| move |world: &mut World| world.snyk = SnykAuthentication::Rejected(cause);
    check(hours(1), rejected(SnykRejectionCause::Unspecified), (Status::Unknown, Reason::SnykTokenInvalid));
    check(
        hours(1),
        rejected(SnykRejectionCause::WrongRegion { token_host: "app.eu.snyk.io".to_owned() }),
        (Status::Unknown, Reason::SnykTokenWrongRegion),
    );
}

#[test]
fn an_outage_keeps_the_state_until_it_is_too_old() {
    for api in [SNYK_API, SCM_API] {
        let outage = |world: &mut World| {
            world.down.insert(ApiName::from(api));
        };
        check(minutes(90), outage, (Status::Connected, Reason::Ok));
        let world = check(hours(3), outage, (Status::Unknown, Reason::EvidenceStale));
        let facts = &world.state.evidence.apis[&ApiName::from(api)];
        assert_eq!(facts.inconclusive_since, Some(start() + minutes(15)));
        let status = world.stored(None).status.as_ref().unwrap();
        assert_eq!(status.known.as_ref().map(|known| known.status), Some(Status::Connected));
        assert_ne!(world.condition(None, Condition::CredentialValid).0, Truth::False);
    }
}

#[test]
fn where_nothing_is_to_be_discovered_there_is_nothing_to_watch() {
    let check = |repositories: usize, happens: fn(&mut World), ended_at: TimeDelta| {
        let mut world = World::just_set_up(repositories, 0);
        happens(&mut world);
        world.probe();
        assert_eq!(world.status(None), (Status::NothingToWatch, Reason::NothingToDiscover), "{}", world.message(None));
        world.pass(hours(20));
        assert_eq!(world.status(None), (Status::NothingToWatch, Reason::NothingToDiscover), "{}", world.message(None));
        for condition in [Condition::RepositoriesVisible, Condition::InventoryPopulated, Condition::SyncCurrent] {
            assert_eq!(world.condition(None, condition), (Truth::Unknown, Reason::NothingToDiscover));
        }
        assert_eq!(world.condition(None, Condition::InventoryComplete), (Truth::Unknown, Reason::NothingToCompare));
        // Something comes: the time of waiting for it begins then.
        world.group().ignore.clear();
        world.main().repositories = (0..5).map(repository).collect();
        world.assets.clear();
        world.pass(minutes(15));
        assert_eq!(world.status(None).0, Status::PartiallyConnected, "{}", world.message(None));
        let group = world.group().clone();
        assert_eq!(partially_connected_since(world.stored(None), &group), start() + ended_at);
    };
    let end = hours(20) + minutes(15);
    check(0, |_| {}, end);
    check(5, |world| world.main().repositories.iter_mut().for_each(|one| one.empty = true), end);
    check(5, |world| world.group().ignore = vec!["acme/*".to_owned()], end);
    // Ignoring all of a Group that is connected proves nothing either.
    check(
        5,
        |world| {
            world.sync(start() - TimeDelta::days(10));
            world.group().ignore = vec!["acme/*".to_owned()];
        },
        end,
    );
}

#[test]
fn a_fresh_workspace_whose_first_sync_never_comes() {
    let mut world = World::just_set_up(5, 0);
    world.main().repositories.iter_mut().for_each(|one| one.created_at = Some(start() - hours(1)));
    world.pass(hours(19));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::AwaitingFirstSync));
    assert_eq!(world.condition(None, Condition::InventoryComplete), (Truth::False, Reason::InventoryIncomplete));
    let group = world.group().clone();
    assert_eq!(partially_connected_since(world.stored(None), &group), start());
}

#[test]
fn one_workspace_of_several_has_no_asset_at_all() {
    let labs = WorkspaceSlug::from("labs");
    let watch_labs = |world: &mut World| {
        let labs = WorkspaceSlug::from("labs");
        let member = WorkspaceFact::Member { uuid: None, administrator: None };
        world.main().workspaces.insert(labs.clone(), member);
        world.group().profiles.values_mut().next().unwrap().workspaces.insert(labs);
        let more = (100..102).map(|number| {
            let mut one = repository(number);
            one.full_name = format!("labs/service-{number}");
            one.workspace = WorkspaceSlug::from("labs");
            one
        });
        world.main().repositories.extend(more);
    };
    let mut world = World::healthy(98, 0);
    watch_labs(&mut world);
    world.probe();
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::AwaitingFirstSync));
    assert!(world.message(None).contains("workspace labs"), "{}", world.message(None));
    // One that is added to a Group that is well has a day.
    let mut world = World::healthy(98, 0);
    world.pass(hours(2));
    watch_labs(&mut world);
    world.pass(hours(26));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
    assert!(world.stored(None).group.profiles[&ProfileName::from(PROFILE)].namespaces.contains_key(&labs));
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::AwaitingFirstSync));
}

#[test]
fn some_namespaces_are_hidden_and_others_are_not() {
    let mut world = World::healthy(5, 0);
    let labs = WorkspaceSlug::from("labs");
    world.main().workspaces.insert(labs.clone(), WorkspaceFact::NotMember);
    world.group().profiles.values_mut().next().unwrap().workspaces.insert(labs.clone());
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::ProfilesFailed));
    insta::assert_snapshot!(world.message(None), @"a part of the namespaces fails: the account behind the PAT is not a member of workspace labs");
    assert_eq!(world.condition(None, Condition::RepositoriesVisible), (Truth::False, Reason::NotAMember));
    // An empty one beside it takes no part.
    world.main().workspaces.insert(labs, WorkspaceFact::Member { uuid: None, administrator: None });
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
}

#[test]
fn where_no_namespace_is_configured_each_one_counts_that_ever_was() {
    let mut world = World::healthy(5, 0);
    world.group().profiles.values_mut().next().unwrap().workspaces.clear();
    world.probe();
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
    world.main().workspaces.clear();
    world.main().repositories.clear();
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::ConnectionFailed, Reason::NotAMember), "{}", world.message(None));
    // From the first look on.
    let mut world = World::just_set_up(0, 0);
    world.group().profiles.values_mut().next().unwrap().workspaces.clear();
    world.main().workspaces.clear();
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::ConnectionFailed, Reason::NotAMember), "{}", world.message(None));
}

#[test]
fn an_emptied_inventory() {
    let lost = |world: &mut World| world.assets.clear();
    check(hours(1), lost, (Status::PartiallyConnected, Reason::InventoryLost));
    let removed = |reason| {
        move |world: &mut World| {
            world.removed = std::mem::take(&mut world.assets)
                .into_iter()
                .map(|asset| RemovedAsset {
                    id: asset.id,
                    scm_id: asset.scm_id,
                    url: asset.url,
                    reasons: vec![(reason, Some(start()))],
                })
                .collect();
        }
    };
    check(hours(1), removed(RemovalReason::OrgLevelInactive), (Status::PartiallyConnected, Reason::InventoryLost));
    // However Snyk calls it: repositories that are still there were not archived, all at once.
    check(hours(1), removed(RemovalReason::RepoArchived), (Status::PartiallyConnected, Reason::InventoryLost));
    let half = |world: &mut World| {
        removed(RemovalReason::RepoArchived)(world);
        let back = world.removed.split_off(11);
        let repositories = world.main().repositories.clone();
        let is_back = |id: &RepositoryId| back.iter().any(|asset| asset.scm_id.as_ref() == Some(id));
        let live = repositories.iter().filter(|one| is_back(&one.id));
        world.assets = live.map(|one| asset_of(one, start() - TimeDelta::days(10))).collect();
    };
    let mut world = check(hours(1), half, (Status::PartiallyConnected, Reason::InventoryLost));
    insta::assert_snapshot!(world.stored(None).conditions[&Condition::InventoryPopulated].message, @"11 of 20 repositories lost their asset");
    // It ends with most of them back, not with some.
    world.removed.truncate(2);
    let back = world.main().repositories.split_at(18).0.to_vec();
    world.assets = back.iter().map(|one| asset_of(one, world.now)).collect();
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryLost));
    world.removed.clear();
    world.sync(world.now);
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
    let deleted = removed(RemovalReason::DeletedProfile);
    let world = check(hours(5), deleted, (Status::ConnectionFailed, Reason::ProfileDeleted));
    insta::assert_snapshot!(world.message(None), @"profile main was deleted in Snyk: 20 of its 20 assets were removed with that reason");
    let healed = |world: &mut World| {
        deleted(world);
        world.pass(hours(5));
        world.sync(world.now);
    };
    check(minutes(15), healed, (Status::Connected, Reason::Ok));
}

#[test]
fn one_of_two_profiles_fails() {
    let mut world = World::healthy(10, 0);
    world.add_profile("second", "bitbucket-second", 10..20);
    world.sync(start() - TimeDelta::days(10));
    world.probe();
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::ProfilesFailed));
    insta::assert_snapshot!(world.message(None), @"1 of 2 profiles fails; main: Bitbucket rejects bitbucket-acme: it was revoked");
}

#[test]
fn catalog_files_without_application_context() {
    let mut world = World::healthy(5, 0);
    world.group().catalog_file = Some("catalog-info.yaml".to_owned());
    let sample = |linked| {
        let checks = (0..3).map(|number| CatalogCheck {
            repository: RepositoryId::new(format!("repo-{number}")),
            full_name: format!("acme/service-{number}"),
            has_file: number < 2,
            linked: Some(linked),
        });
        Some(CatalogSample { checks: checks.collect() })
    };
    for (linked, expected) in [(true, (Truth::True, Reason::Ok)), (false, (Truth::False, Reason::CatalogNotLinked))] {
        world.catalog = sample(linked);
        world.pass(minutes(15));
        assert_eq!(world.condition(None, Condition::CatalogLinked), expected);
        assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    }
}

#[test]
fn a_day_without_the_daemon() {
    let mut world = World::healthy(20, 0);
    world.pass(hours(2));
    let last_connected = world.now;
    world.now += hours(24);
    world.assets.clear();
    world.evaluate();
    assert_eq!(world.status(None).0, Status::Unknown);
    world.probe();
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryLost));
    let group = world.group().clone();
    assert_eq!(partially_connected_since(world.stored(None), &group), last_connected);
    // Healed while nobody watched: the status takes up where it was.
    let mut world = World::healthy(20, 0);
    world.pass(hours(2));
    world.now += hours(24);
    world.evaluate();
    world.probe();
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    assert_eq!(world.stored(None).status.as_ref().unwrap().since, start() + minutes(15));
}

#[test]
fn a_profile_deleted_while_the_list_of_repositories_is_stale_is_found() {
    let mut world = World::healthy(20, 0);
    world.pass(hours(1));
    world.down.insert(ApiName::from(SCM_API));
    world.pass(hours(3));
    world.removed = std::mem::take(&mut world.assets)
        .into_iter()
        .map(|asset| RemovedAsset {
            id: asset.id,
            scm_id: asset.scm_id,
            url: asset.url,
            reasons: vec![(RemovalReason::DeletedProfile, Some(start()))],
        })
        .collect();
    world.pass(hours(3));
    world.down.clear();
    world.pass(minutes(30));
    assert_eq!(world.status(None), (Status::ConnectionFailed, Reason::ProfileDeleted), "{}", world.message(None));
}

#[test]
fn the_inventory_is_lost_from_the_loss_on() {
    // Set up long ago, first seen now, and lost a few minutes later.
    let mut world = World::healthy(20, 0);
    world.probe();
    world.assets.clear();
    world.pass(minutes(30));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryLost));
    let group = world.group().clone();
    assert_eq!(partially_connected_since(world.stored(None), &group), start());
}

#[test]
fn what_was_there_at_first_sight_does_not_arrive_with_it() {
    let mut world = World::healthy(50, 0);
    world.assets.truncate(20);
    world.assets.iter_mut().for_each(|asset| asset.created_at = Some(start() - TimeDelta::days(30)));
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryIncomplete));
    let arrived = world.stored(None).group.arrivals.last().unwrap().at;
    assert_eq!(arrived, start() - TimeDelta::days(29), "a day after it was made, at most");
}
