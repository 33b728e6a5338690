//! The diagnosis catalogue at Group level.

use chrono::TimeDelta;

use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{
    CatalogCheck, CatalogSample, PermissionProof, RejectionCause, RemovalReason, RemovedAsset, ScmAuthentication,
    SnykAuthentication, SnykRejectionCause, WorkspaceFact,
};
use crate::domain::kinds::{Confidence, Truth};
use crate::domain::names::{ApiName, RepositoryId, WorkspaceSlug};
use crate::domain::permission::Permission;
use crate::domain::status::Status;

use super::super::partially_connected_since;
use super::super::testing::{SCM_API, SNYK_API, WORKSPACE, World, asset_of, hours, minutes, repository, start};

/// A healthy Group of 20 repositories after `happens` and some time.
#[track_caller]
fn check(after: TimeDelta, happens: impl FnOnce(&mut World), expected: (Status, Reason)) -> World {
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
        @"Group Admin: if the due sync does not come, open Integrations > Bitbucket in the Group and re-save the profile; the next sync is due by 2026-11-23 09:00 UTC"
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
    for arrived in (5..=95).step_by(5) {
        world.assets = repositories.iter().take(arrived).map(|one| asset_of(one, world.now)).collect();
        world.pass(hours(1));
        let progress = world.stored(None).progress.clone().unwrap();
        assert_eq!((progress.found, progress.missing), (arrived, 100 - arrived));
        if arrived < 95 {
            assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryIncomplete));
        }
        if arrived == 50 {
            let (from, to) = progress.completion_expected.unwrap();
            assert!(from <= world.now + hours(11) && to >= world.now + hours(9), "{from} {to}");
            let group = world.group().clone();
            assert!(partially_connected_since(world.stored(None), &group) > start() + hours(14));
        }
    }
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    assert!(world.stored(None).group.first_fill_completed_at.is_some());
}

#[test]
fn a_fill_that_stops_is_incomplete() {
    let mut world = World::just_set_up(50, 0);
    world.pass(hours(6));
    let repositories = world.main().repositories.clone();
    world.assets = repositories.iter().take(20).map(|one| asset_of(one, world.now)).collect();
    world.pass(hours(40));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryIncomplete));
    let progress = world.stored(None).progress.clone().unwrap();
    assert_eq!(progress.missing_repositories.len(), 30);
    insta::assert_snapshot!(world.message(None), @"20 of 50 repositories reached the Inventory; missing: acme/service-27, acme/service-28, acme/service-29 and 27 more");
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
    check(hours(1), workspace(WorkspaceFact::NotMember), (Status::ConnectionFailed, Reason::WorkspaceNotVisible));
    check(hours(1), workspace(WorkspaceFact::NotFound), (Status::ConnectionFailed, Reason::WorkspaceNotFound));
    let renamed = WorkspaceFact::Renamed { to: WorkspaceSlug::from("acme-corp") };
    let world = check(hours(1), workspace(renamed), (Status::Unknown, Reason::WorkspaceRenamed));
    insta::assert_snapshot!(world.message(None), @"workspace acme is called acme-corp now: the configuration is out of date");
    assert_eq!(world.condition(None, Condition::CredentialValid), (Truth::True, Reason::Ok));
    check(
        hours(1),
        |world| world.main().repositories.clear(),
        (Status::ConnectionFailed, Reason::NoRepositoriesVisible),
    );
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
fn a_busy_workspace_that_stops_syncing_is_stalled() {
    let change = |number: usize| {
        move |world: &mut World| {
            let now = world.now;
            for repository in world.main().repositories.iter_mut().take(number) {
                repository.updated_at = Some(now);
            }
        }
    };
    check(hours(25), change(20), (Status::Connected, Reason::Ok));
    let world = check(hours(28), change(20), (Status::Stalled, Reason::SyncLagging));
    assert_eq!(world.condition(None, Condition::InventoryComplete).0, Truth::True);
    insta::assert_snapshot!(world.message(None), @"20 repositories changed and not synced for up to 28 h; the last asset of profile main moved 2026-11-13 03:00 UTC");
    // One metadata edit that never moves its asset; two are only late after three times as long.
    check(hours(200), change(1), (Status::Connected, Reason::Ok));
    check(hours(70), change(2), (Status::Connected, Reason::Ok));
    check(hours(80), change(2), (Status::Stalled, Reason::SyncLagging));
    // Laggards beside assets that move are listed, not stalled.
    let beside_movement = |world: &mut World| {
        change(5)(world);
        world.pass(hours(20));
        let now = world.now;
        world.assets.last_mut().unwrap().last_sync = Some(now);
    };
    let world = check(hours(20), beside_movement, (Status::Connected, Reason::Ok));
    assert_eq!(world.stored(None).progress.as_ref().unwrap().laggards.len(), 5);
    // The sync catches up.
    let caught_up = |world: &mut World| {
        change(20)(world);
        world.pass(hours(30));
        world.sync(world.now);
    };
    let world = check(minutes(15), caught_up, (Status::Connected, Reason::Ok));
    assert!(world.stored(None).group.canaries.is_empty());
}

#[test]
fn an_idle_workspace_is_connected() {
    let world = check(TimeDelta::days(30), |_| {}, (Status::Connected, Reason::Ok));
    assert_eq!(world.condition(None, Condition::SyncCurrent), (Truth::True, Reason::Idle));
}

#[test]
fn a_profile_of_one_repository_waits_three_times_as_long() {
    let mut world = World::healthy(1, 0);
    world.probe();
    world.main().repositories[0].updated_at = Some(start());
    world.pass(hours(77));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    world.pass(hours(3));
    assert_eq!(world.status(None), (Status::Stalled, Reason::SyncLagging));
}

#[test]
fn what_is_not_judged_counts_as_ignored() {
    let happens = |world: &mut World| {
        let now = world.now;
        world.main().repositories.remove(0); // deleted
        world.main().repositories[1].full_name = "acme/renamed".to_owned();
        world.main().repositories[2].full_name = "Acme/Service-3".to_owned();
        for number in 100..103 {
            let mut empty = repository(number);
            empty.empty = true;
            world.main().repositories.push(empty);
        }
        for asset in world.assets.iter_mut().skip(10).take(3) {
            asset.archived = true;
        }
        world.assets[14].personal = true;
        world.assets[15].scm_id = None;
        world.group().ignore = vec!["acme/service-2?".to_owned()];
        for number in 20..26 {
            world.main().repositories.push(repository(number));
        }
        for number in 200..210 {
            let mut young = repository(number);
            young.created_at = Some(now);
            world.main().repositories.push(young);
        }
    };
    let world = check(hours(1), happens, (Status::Connected, Reason::Ok));
    let progress = world.stored(None).progress.clone().unwrap();
    assert_eq!((progress.found, progress.missing), (14, 0), "{progress:?}");
    assert_eq!(progress.ignored, 3 + 1 + 3 + 6 + 10 + 1);
    // The young ones are judged in the end.
    check(hours(27), happens, (Status::PartiallyConnected, Reason::InventoryIncomplete));
}

#[test]
fn a_renamed_repository_is_found_by_its_former_url() {
    let happens = |world: &mut World| {
        for asset in &mut world.assets {
            asset.scm_id = None;
        }
        for repository in &mut world.main().repositories {
            repository.full_name.push_str("-renamed");
        }
    };
    check(hours(48), happens, (Status::Connected, Reason::Ok));
}

#[test]
fn an_empty_workspace_has_nothing_to_discover() {
    let mut world = World::just_set_up(0, 0);
    world.pass(hours(1));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    assert_eq!(world.condition(None, Condition::RepositoriesVisible), (Truth::True, Reason::WorkspaceEmpty));
    assert_eq!(world.condition(None, Condition::InventoryPopulated), (Truth::True, Reason::NothingToDiscover));
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
    insta::assert_snapshot!(world.message(None), @"1 of 2 profiles fail; main: Bitbucket rejects bitbucket-acme: it was revoked");
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
    assert_eq!(world.stored(None).status.as_ref().unwrap().since, start());
}

#[test]
fn without_last_sync_lag_is_weak() {
    use std::sync::Arc;

    use crate::domain::facts::AssetWalk;
    use crate::domain::names::IntegrationName;
    use crate::domain::work::{Finding, ProbeKind, WorkSubject};

    let mut world = World::healthy(5, 0);
    world.probe();
    let mut live = world.assets.clone();
    live.iter_mut().for_each(|asset| asset.last_sync = None);
    let name = IntegrationName::from(super::super::testing::INTEGRATION);
    let walk = Arc::new(AssetWalk { live, removed: Vec::new(), has_last_sync: false });
    world.now += minutes(15);
    world.observe(ProbeKind::Inventory, WorkSubject::Group(name.clone()), vec![Finding::Assets(name, walk)]);
    world.evaluate();
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    assert_eq!(world.stored(None).status.as_ref().unwrap().confidence, Confidence::Weak);
}

#[test]
fn a_clock_that_is_off_judges_no_lag() {
    let mut world = World::healthy(5, 0);
    world.state.evidence.apis.entry(ApiName::from(SNYK_API)).or_default().clock_skew = Some(minutes(6));
    world.probe();
    assert_eq!(world.condition(None, Condition::SyncCurrent), (Truth::Unknown, Reason::ClockSkewed));
    world.state.evidence.apis.entry(ApiName::from(SCM_API)).or_default().clock_skew = Some(minutes(-6));
    world.probe();
    assert_eq!(world.condition(None, Condition::CredentialFresh), (Truth::Unknown, Reason::ClockSkewed));
}
