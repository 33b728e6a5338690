//! What happens by itself: each line of the diagnosis catalogue has its cause here.

use chrono::TimeDelta;

use super::*;
use crate::sandbox::world::{ACME_PROFILE, Asset, ProjectStatus, RemovalReason, SyncState, Tests};

fn hours(count: i64) -> DateTime<Utc> {
    now() + TimeDelta::hours(count)
}

fn live(world: &World) -> usize {
    world.snyk.groups[0].live_assets().count()
}

fn latest_sync(world: &World) -> DateTime<Utc> {
    world.snyk.groups[0].live_assets().filter_map(|asset| asset.last_sync).max().unwrap()
}

fn asset<'a>(world: &'a mut World, slug: &str) -> &'a Asset {
    world.asset_mut(slug).unwrap()
}

#[test]
fn the_first_sync_comes_with_the_first_cycle() {
    let mut world = World::acme(now());
    world.advance(hours(6) - TimeDelta::seconds(1));
    assert_eq!(live(&world), 0);
    world.advance(hours(6));
    assert_eq!(live(&world), 128);
    world.advance(hours(24 * 14));
    assert_eq!(latest_sync(&world), hours(24 * 14));
}

#[test]
fn a_stuck_profile_never_syncs_until_it_is_saved_again() {
    let mut world = World::acme(now());
    world.set_sync(ACME_PROFILE, SyncState::Stuck);
    world.advance(hours(100));
    assert_eq!(live(&world), 0);
    world.resave_profile(ACME_PROFILE);
    world.advance(hours(102));
    assert_eq!(live(&world), 128);
}

#[test]
fn a_fill_takes_its_time_and_may_stop() {
    let mut world = World::acme(now());
    let profile = world.profile_mut(ACME_PROFILE).unwrap();
    profile.fill.per_hour = Some(8.0);
    profile.fill.stop_at = Some(0.4);
    for (hour, expected) in [(6, 0), (7, 8), (8, 16), (12, 48), (13, 51), (60, 51)] {
        world.advance(hours(hour));
        assert_eq!(live(&world), expected, "hour {hour}");
    }
    world.resave_profile(ACME_PROFILE);
    world.advance(hours(65));
    assert_eq!(live(&world), 51 + 5 * 8);
    world.advance(hours(80));
    assert_eq!(live(&world), 128);
}

#[test]
fn what_breaks_the_saved_credential_freezes_the_inventory() {
    type Deed = fn(&mut World);
    let deeds: [(&str, Deed); 7] = [
        ("expired", |world| world.expire_credential(ACME_CREDENTIAL, hours(48))),
        ("revoked", |world| world.revoke_credential(ACME_CREDENTIAL)),
        ("scope", |world| world.take_scope(ACME_CREDENTIAL, "read:repository:bitbucket")),
        ("membership", |world| world.leave_workspace("acme-snyk-bot", "acme")),
        ("deleted", |world| world.delete_workspace("acme")),
        ("paused", |world| world.set_sync(ACME_PROFILE, SyncState::Paused)),
        ("stuck", |world| world.set_sync(ACME_PROFILE, SyncState::Stuck)),
    ];
    for (name, deed) in deeds {
        let mut world = World::acme(now());
        world.advance(hours(48));
        deed(&mut world);
        let before = (live(&world), latest_sync(&world));
        world.advance(hours(48 + 24 * 10));
        assert_eq!((live(&world), latest_sync(&world)), before, "{name}");
    }
}

#[test]
fn a_missing_write_scope_changes_nothing_for_discovery() {
    let mut world = World::acme(now());
    world.take_scope(ACME_CREDENTIAL, "write:webhook:bitbucket");
    world.advance(hours(24));
    assert_eq!(latest_sync(&world), hours(24));
}

#[test]
fn sync_is_incremental() {
    let mut world = World::acme(now());
    world.stop_activity();
    world.advance(hours(12));
    world.edit_metadata("service-001");
    world.push("service-002");
    world.advance(hours(24 * 30));
    assert_eq!(asset(&mut world, "service-001").last_sync, Some(hours(6)), "an edit of metadata never moves its asset");
    assert_eq!(asset(&mut world, "service-002").last_sync, Some(hours(18)));
    assert_eq!(asset(&mut world, "service-003").last_sync, Some(hours(6)), "idle");
}

#[test]
fn repositories_come_and_go() {
    let mut world = World::acme(now());
    let other = world.add_account("acme-other", "Other", "other@acme.example");
    world.add_workspace("elsewhere", other);
    world.advance(hours(7));
    world.create_repository("acme", "fresh");
    world.create_empty_repository("acme", "hollow");
    world.rename_repository("service-001", "Renamed-Service");
    world.delete_repository("service-002");
    world.archive_repository("service-003");
    world.transfer_repository("service-004", "elsewhere");
    world.advance(hours(12));
    assert_eq!(live(&world), 129, "the fresh one, and the gone ones until the weekly clean-up");
    assert!(asset(&mut world, "Renamed-Service").url.ends_with("/acme/Renamed-Service"));
    assert!(world.asset_mut("hollow").is_none());
    world.advance(hours(24 * 7));
    assert_eq!(live(&world), 127);
    let removal = asset(&mut world, "service-003").removal.unwrap();
    assert_eq!((removal.reason, removal.at), (RemovalReason::RepositoryArchived, hours(24 * 7)));
}

#[test]
fn a_renamed_workspace_goes_on_under_its_new_slug() {
    let mut world = World::acme(now());
    world.advance(hours(12));
    world.rename_workspace("acme", "acme-two");
    world.advance(hours(18));
    assert!(asset(&mut world, "service-000").url.starts_with("https://bitbucket.org/acme-two/"));
}

#[test]
fn a_deleted_profile_takes_its_assets_along_and_a_second_one_is_its_own() {
    let mut world = World::acme(now());
    let owner = world.add_account("acme-payments-bot", "Payments", "payments@acme.example");
    world.add_workspace("payments", owner);
    world.create_repository("payments", "ledger");
    world.add_api_token("payments-token", owner, crate::sandbox::world::pilot_guide_scopes());
    world.add_profile("payments", "payments-token");
    world.advance(hours(6));
    assert_eq!(live(&world), 129);
    world.delete_profile(ACME_PROFILE);
    assert_eq!(live(&world), 1);
    assert_eq!(asset(&mut world, "service-000").removal.unwrap().reason, RemovalReason::ProfileDeleted);
}

#[test]
fn rotation_reaches_snyk_only_where_it_is_saved() {
    let mut world = World::acme(now()).with_organizations(2);
    world.advance(hours(12));
    world.rotate_credential(ACME_CREDENTIAL, "new", None).unwrap();
    world.save_at_group(ACME_PROFILE, "new");
    world.save_at_organization("acme-team-001", "new");
    world.expire_credential(ACME_CREDENTIAL, hours(24));
    world.advance(hours(24 * 5));
    assert_eq!(latest_sync(&world), hours(24 * 5));
    let tested = |world: &World, number: usize| world.snyk.organizations[number].projects[0].last_tested.unwrap();
    assert_eq!(tested(&world, 0), hours(17), "the last test before the old token ended");
    assert_eq!(tested(&world, 1), hours(24 * 4 + 17));
    let events: Vec<&str> = world.snyk.audit.events.iter().map(|event| event.event.as_str()).collect();
    let expected = ["org.integration.create", "org.integration.create", "org.integration.edit"];
    assert_eq!(events, expected, "nothing tells of the Group");
}

#[test]
fn organization_tests_stop_for_their_reasons() {
    type Deed = fn(&mut World);
    let deeds: [(&str, Deed, bool); 6] = [
        ("nothing", |_| {}, true),
        ("app", |world| world.connect_app("acme-team-000"), true),
        ("stopped", |world| world.set_tests("acme-team-000", Tests::Stopped), false),
        ("credentials removed", |world| world.remove_organization_credentials("acme-team-000"), false),
        ("integration deleted", |world| world.delete_organization_integrations("acme-team-000"), false),
        ("inactive", |world| assert_eq!(world.deactivate_projects("acme-team-000", 1000), 128), false),
    ];
    for (name, deed, goes_on) in deeds {
        let mut world = World::acme(now()).with_organizations(1);
        world.advance(hours(30));
        deed(&mut world);
        world.advance(hours(24 * 6));
        let project = &world.snyk.organizations[0].projects[0];
        assert_eq!(project.last_tested.unwrap() > hours(24 * 5), goes_on, "{name}");
        assert!(name != "inactive" || project.status == ProjectStatus::Inactive);
    }
}

#[test]
fn the_catalog_becomes_context_unless_enrichment_fails() {
    let mut world = World::acme(now()).with_backstage();
    world.advance(hours(24));
    let linked = |world: &World| world.snyk.groups[0].live_assets().filter(|asset| asset.context.is_some()).count();
    assert_eq!(linked(&world), 64);
    let mut world = World::acme(now()).with_backstage();
    let option = world.profile_mut(ACME_PROFILE).unwrap().backstage.as_mut().unwrap();
    option.enrichment = crate::sandbox::world::Availability::Absent;
    world.advance(hours(24 * 7));
    assert_eq!(linked(&world), 0);
}

#[test]
fn two_ways_to_the_same_time_give_the_same_world() {
    let mut straight = World::acme(now()).with_organizations(2).with_backstage();
    let mut stepwise = World::acme(now()).with_organizations(2).with_backstage();
    straight.advance(hours(24 * 10));
    for hour in 0..=24 * 10 {
        stepwise.advance(hours(hour));
    }
    assert_eq!(format!("{:?}", straight.snyk), format!("{:?}", stepwise.snyk));
}

#[tokio::test]
async fn the_sandbox_lives_by_its_clock() {
    let clock = Clock::scaled(now(), Pace::Immediate);
    let sandbox = Sandbox::start(clock.clone(), World::acme(now())).await.unwrap();
    let mut script = clock.participant();
    script.sleep_until(hours(6)).await;
    let path = format!("/rest/groups/{}/inventory/assets?version=2026-03-25&meta_count=only", group());
    assert_eq!(snyk(&sandbox, &path).await.json()["meta"]["count"], 128);
}

#[test]
fn assets_come_from_scans_and_go_for_reasons_of_snyk() {
    let mut world = World::acme(now());
    world.advance(hours(6));
    world.scan_from_command_line("acme", "tool");
    assert_eq!(live(&world), 129);
    let scanned = world.snyk.groups[0].assets.last().unwrap();
    assert_eq!((scanned.last_sync, scanned.sources.as_slice()), (None, ["snyk".to_owned()].as_slice()));
    assert_eq!(world.remove_assets(RemovalReason::OrganizationInactive, 70), 70);
    assert_eq!(live(&world), 59);
}

#[test]
fn more_organizations_than_repositories_share_them() {
    let world = World::acme(now()).with_repositories(3).with_organizations(7);
    assert!(world.snyk.organizations.iter().all(|organization| organization.targets.len() == 1));
    let mut world = world;
    let group = world.snyk.groups[0].id;
    world.add_organization(group, "late");
    assert!(world.import_repository("late", "service-001").is_some());
    assert_eq!(world.import_repository("late", "nowhere"), None);
}

#[test]
fn what_could_not_arrive_does_not_arrive_later_with_an_earlier_time() {
    let mut world = World::acme(now());
    world.profile_mut(ACME_PROFILE).unwrap().fill.per_hour = Some(4.0);
    world.expire_credential(ACME_CREDENTIAL, hours(8));
    world.advance(hours(100));
    assert_eq!(live(&world), 7, "the last quarter of an hour was cut short");
    world.rotate_credential(ACME_CREDENTIAL, "new", None).unwrap();
    world.save_at_group(ACME_PROFILE, "new");
    world.advance(hours(104));
    assert!(world.snyk.groups[0].live_assets().skip(7).all(|asset| asset.created_at > hours(100)));
}

#[test]
fn a_repaired_organization_is_tested_again() {
    type Deed = fn(&mut World);
    let deeds: [Deed; 2] = [
        |world| world.remove_organization_credentials("acme-team-000"),
        |world| world.delete_organization_integrations("acme-team-000"),
    ];
    for deed in deeds {
        let mut world = World::acme(now()).with_organizations(1);
        deed(&mut world);
        world.advance(hours(72));
        world.save_at_organization("acme-team-000", ACME_CREDENTIAL);
        assert_eq!(world.activate_projects("acme-team-000"), 128);
        world.advance(hours(96));
        assert!(world.snyk.organizations[0].projects[0].last_tested.unwrap() > hours(72));
    }
}

#[test]
fn saving_a_profile_again_moves_every_asset() {
    let mut world = World::acme(now());
    world.stop_activity();
    world.advance(hours(100));
    world.resave_profile(ACME_PROFILE);
    world.advance(hours(102));
    assert!(world.snyk.groups[0].live_assets().all(|asset| asset.last_sync == Some(hours(102))));
}
