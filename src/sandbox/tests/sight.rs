//! What is seen from either end and what is not: repositories of an account, assets of an Inventory.

use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::sandbox::world::{
    ACME_ACCOUNT, ACME_PROFILE, EarlyAccess, GroupSight, InventoryAssets, LastActive, RemovalReason, Role,
};
use crate::sandbox::{Fault, FaultKind};

async fn synced() -> Sandbox {
    at_now(World::acme(now() - TimeDelta::days(2)).with_repositories(40).with_organizations(1)).await
}

/// The repositories that the account sees in a workspace.
async fn seen(sandbox: &Sandbox, workspace: &str) -> u64 {
    bitbucket(sandbox, &format!("/2.0/repositories/{workspace}?pagelen=1")).await.json()["size"].as_u64().unwrap()
}

async fn asset(sandbox: &Sandbox, slug: &str) -> Option<Value> {
    let path = format!("/rest/groups/{}/inventory/assets?version=2026-03-25&filter=name=={slug}", group());
    snyk(sandbox, &path).await.json()["data"].get(0).cloned()
}

#[tokio::test]
async fn a_member_may_lose_sight_of_repositories_and_get_it_back() {
    let sandbox = synced().await;
    assert_eq!(seen(&sandbox, "acme").await, 40);
    assert_eq!(sandbox.world(|world| world.hide_repository(ACME_ACCOUNT, "acme", "service-007")), 1);
    assert_eq!(seen(&sandbox, "acme").await, 39);
    let id = sandbox.world(|world| ids::braced(world.repository_mut("service-007").unwrap().uuid));
    let by_id = format!("/2.0/repositories/acme/{}", id.replace('{', "%7B").replace('}', "%7D"));
    assert_eq!(bitbucket(&sandbox, &by_id).await.status, 404);
    // An administrator sees all, so this is none any more; what it still sees it administers.
    let member = bitbucket(&sandbox, "/2.0/user/workspaces").await.json();
    assert_eq!(member["values"][0]["administrator"], json!(false));
    assert_eq!(bitbucket(&sandbox, "/2.0/repositories/acme/service-008/hooks").await.status, 200);

    assert_eq!(sandbox.world(|world| world.hide_project(ACME_ACCOUNT, "acme", "PAY")), 10);
    assert_eq!(seen(&sandbox, "acme").await, 29);
    assert_eq!(sandbox.world(|world| world.hide_repositories(ACME_ACCOUNT, "acme", 5)), 5);
    assert_eq!(sandbox.world(|world| world.hide_repositories(ACME_ACCOUNT, "acme", usize::MAX)), 22);
    assert_eq!(seen(&sandbox, "acme").await, 2, "public ones are seen by strangers");
    assert_eq!(sandbox.world(|world| world.reveal_repositories(ACME_ACCOUNT, "acme")), 38);
    assert_eq!((seen(&sandbox, "acme").await, bitbucket(&sandbox, &by_id).await.status), (40, 200));
    sandbox.world(|world| {
        world.set_role(ACME_ACCOUNT, "acme", Role::Owner);
        world.delete_repository("service-007");
    });
    let member = bitbucket(&sandbox, "/2.0/user/workspaces").await.json();
    assert_eq!(member["values"][0]["administrator"], json!(true));
    assert_eq!(bitbucket(&sandbox, &by_id).await.status, 404);
}

#[tokio::test]
async fn a_private_workspace_is_not_there_for_who_left_it() {
    let sandbox = synced().await;
    let status = async || {
        let mut statuses = Vec::new();
        for path in
            ["workspaces/acme", "repositories/acme", "workspaces/acme/projects", "repositories/acme/service-000"]
        {
            statuses.push(bitbucket(&sandbox, &format!("/2.0/{path}")).await.status);
        }
        statuses
    };
    sandbox.world(|world| world.make_private("acme"));
    assert_eq!(status().await, [200; 4]);
    sandbox.world(|world| world.leave_workspace(ACME_ACCOUNT, "acme"));
    assert_eq!(status().await, [404; 4]);
    assert_eq!(bitbucket(&sandbox, "/2.0/user").await.status, 200);
}

#[tokio::test]
async fn a_repository_made_anew_is_another_and_one_that_moved_is_the_same() {
    let sandbox = synced().await;
    let id = |sandbox: &Sandbox, slug: &str| sandbox.world(|world| world.repository_mut(slug).unwrap().uuid);
    let before = (id(&sandbox, "service-001"), id(&sandbox, "service-002"));
    sandbox.world(|world| {
        let owner = world.account_id(ACME_ACCOUNT).unwrap();
        world.add_workspace("elsewhere", owner);
        world.recreate_repository("service-001").unwrap();
        world.set_repository_age("service-003", TimeDelta::days(5));
        assert_eq!(world.transfer_repositories("acme", "elsewhere", 1), 1);
    });
    assert_ne!(id(&sandbox, "service-001"), before.0);
    let asset = asset(&sandbox, "service-001").await.unwrap();
    assert_eq!(asset["attributes"]["scm_id"], json!(ids::braced(before.0)), "the old asset stays");
    assert_eq!(id(&sandbox, "service-002"), before.1);
    assert_eq!(seen(&sandbox, "elsewhere").await, 1);
    let old = bitbucket(&sandbox, "/2.0/repositories/acme/service-003").await.json();
    assert!(old["created_on"].as_str().unwrap().starts_with("2026-11-18"));
}

#[tokio::test]
async fn discovery_may_overlook_a_repository_for_ever() {
    let mut world = World::acme(now()).with_repositories(10);
    world.overlook_repository("service-003");
    world.advance(now() + TimeDelta::days(1));
    world.push("service-003");
    world.resave_profile(ACME_PROFILE);
    world.advance(now() + TimeDelta::days(20));
    assert_eq!(world.snyk.groups[0].live_assets().count(), 9);
    assert!(world.asset_mut("service-003").is_none());
    let mut world = World::acme(now()).with_repositories(10);
    world.overlook_workspace("acme");
    world.advance(now() + TimeDelta::days(1));
    assert_eq!(world.snyk.groups[0].assets.len(), 0);
}

#[tokio::test]
async fn assets_are_flagged_removed_misdated_and_known_by_other_names() {
    let sandbox = synced().await;
    let later = now() + TimeDelta::days(3650);
    sandbox.world(|world| {
        world.misdate_asset("service-001", later);
        world.hide_scm_id("service-002");
        world.alias_repository("service-003", "https://bitbucket.org/acme-old/three");
        world.remove_asset("service-004", RemovalReason::ProjectDeleted);
        world.overlook_repository("service-004");
        world.advance(now() + TimeDelta::days(1));
        assert_eq!(world.flag_archived(usize::MAX), 39);
    });
    let attribute = async |slug: &str, key: &str| asset(&sandbox, slug).await.unwrap()["attributes"].get(key).cloned();
    assert_eq!(attribute("service-001", "last_sync").await, Some(json!(later)));
    assert_eq!(attribute("service-002", "scm_id").await, None);
    assert_eq!(attribute("service-002", "archived").await, Some(json!(true)));
    assert_eq!(attribute("service-003", "url").await, Some(json!("https://bitbucket.org/acme-old/three")));
    assert_eq!(attribute("service-003", "scm_id").await, None);
    let aliases = format!("/rest/groups/{}/assets/repository/aliases?version=2026-03-25", group());
    let known = snyk(&sandbox, &aliases).await.json()["data"].clone();
    let expected =
        json!({ "url": "https://bitbucket.org/acme-old/three", "new_url": "https://bitbucket.org/acme/service-003" });
    assert_eq!((known.as_array().unwrap().len(), &known[0]["attributes"]), (1, &expected));
    let other = snyk(&sandbox, &format!("{aliases}&url=https://bitbucket.org/acme/service-009")).await;
    assert_eq!(other.json()["data"], json!([]));
    for (mood, status) in [(EarlyAccess::Absent, 404), (EarlyAccess::Forbidden, 403)] {
        sandbox.world(|world| world.snyk.aliases = mood);
        assert_eq!(snyk(&sandbox, &aliases).await.status, status);
    }
}

#[tokio::test]
async fn filters_tell_what_is_listed_and_an_asset_tells_its_targets() {
    let sandbox = synced().await;
    let base = format!("/rest/groups/{}/inventory/assets", group());
    let filters = async || {
        let got = snyk(&sandbox, &format!("{base}/filters?version=2026-03-25&limit=100")).await.json();
        got["data"][0]["attributes"]["asset_types"].clone()
    };
    assert_eq!(filters().await, json!(["container_images", "repositories"]));
    sandbox.world(|world| world.snyk.inventory_assets = InventoryAssets::ContainerImagesOnly);
    assert_eq!(filters().await, json!(["container_images"]));
    assert_eq!(snyk(&sandbox, &format!("{base}/filters?version=2026-03-25~beta")).await.status, 400);
    let (asset, target, integration) = sandbox.world(|world| {
        let asset = world.asset_mut("service-000").unwrap().id;
        let found = &world.snyk.organizations[0];
        (asset, found.targets[0].id, found.integrations[0].id)
    });
    let path = format!("{base}/{asset}/relationships/targets?version=2026-03-25");
    let targets = snyk(&sandbox, &path).await.json();
    assert_eq!(targets["data"][0]["id"], json!(target));
    assert_eq!(targets["data"][0]["attributes"]["integration_id"], json!(integration));
    sandbox.world(|world| world.delete_targets("acme-team-000", 1));
    assert_eq!(snyk(&sandbox, &path).await.json()["data"], json!([]));
    sandbox.world(|world| world.snyk.asset_targets = EarlyAccess::Forbidden);
    assert_eq!(snyk(&sandbox, &path).await.status, 403);
}

#[tokio::test]
async fn a_token_that_lost_its_group_sees_nothing_or_not_even_that() {
    let sandbox = synced().await;
    let ask = async |below: &str| snyk(&sandbox, &format!("/rest/groups/{}{below}version=2026-03-25", group())).await;
    sandbox.world(|world| world.set_sight(ACME_SNYK_TOKEN, GroupSight::Empty));
    assert_eq!(ask("?").await.status, 200);
    assert_eq!(ask("/orgs?").await.json()["data"], json!([]));
    assert_eq!(ask("/inventory/assets?").await.json()["data"], json!([]));
    assert_eq!(snyk(&sandbox, &format!("/rest/orgs/{}?version=2026-03-25", organization(0))).await.status, 404);
    assert_eq!(snyk(&sandbox, "/rest/self?version=2026-03-25").await.status, 200);
    sandbox.world(|world| world.set_sight(ACME_SNYK_TOKEN, GroupSight::Gone));
    assert_eq!((ask("?").await.status, ask("/orgs?").await.status), (404, 404));
    sandbox.world(|world| world.set_sight(ACME_SNYK_TOKEN, GroupSight::Whole));
    assert_eq!(ask("/orgs?").await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lists_may_end_before_their_total() {
    let sandbox = at_now(World::acme(now() - TimeDelta::days(1)).with_organizations(15)).await;
    sandbox.world(|world| {
        world.faults.push(Fault::on(crate::sandbox::Api::Bitbucket, FaultKind::ListCut(60)));
        world.faults.push(Fault::on(crate::sandbox::Api::Snyk, FaultKind::ListCut(12)));
    });
    let page = async |number: usize| {
        let page = bitbucket(&sandbox, &format!("/2.0/repositories/acme?pagelen=50&page={number}")).await.json();
        (page["values"].as_array().unwrap().len(), page.get("next").is_some(), page["size"].clone())
    };
    assert_eq!(page(1).await, (50, true, json!(128)));
    assert_eq!(page(2).await, (10, false, json!(128)));
    let path = format!("/rest/groups/{}/orgs?version=2026-03-25&expand=count&limit=10", group());
    let first = snyk(&sandbox, &path).await.json();
    let next = first["links"]["next"].as_str().unwrap();
    let second = snyk(&sandbox, &format!("/rest{next}")).await.json();
    assert_eq!((second["data"].as_array().unwrap().len(), second["links"].get("next")), (2, None));
    assert_eq!(second["meta"]["total_count"], 15);
}

#[tokio::test]
async fn the_admin_api_knows_a_token_or_does_not_and_when_it_was_used() {
    let sandbox = synced().await;
    let tokens = async || {
        let (path, key) = sandbox.world(|world| {
            let path = format!("/admin/api-access/v1/orgs/{}/api-tokens", world.atlassian.organization);
            (path, world.atlassian.keys[0].secret.clone())
        });
        let url = sandbox.atlassian_admin_url().join(&path).unwrap();
        send(http().get(url).bearer_auth(key)).await.json()["data"].as_array().unwrap().clone()
    };
    let used = async || tokens().await[0].get("lastActiveAt").cloned();
    assert_eq!(used().await, Some(json!("2026-11-23T09:00:00Z")), "by Snyk's last cycle");
    sandbox.world(|world| world.atlassian.last_active = LastActive::Day);
    assert_eq!(used().await, Some(json!("2026-11-23T00:00:00Z")));
    sandbox.world(|world| world.atlassian.last_active = LastActive::Untold);
    assert_eq!(used().await, None);
    sandbox.world(|world| {
        world.rotate_credential(ACME_CREDENTIAL, "new", None).unwrap();
        world.atlassian.last_active = LastActive::Moment;
    });
    assert_eq!(tokens().await[1].get("lastActiveAt"), None, "not before its first use");
    sandbox.world(|world| world.block_credential(ACME_CREDENTIAL));
    assert_eq!(tokens().await[0]["status"], "BLOCKED");
    assert_eq!(bitbucket(&sandbox, "/2.0/user").await.status, 401);
    sandbox.world(|world| {
        world.credential_mut(ACME_CREDENTIAL).unwrap().state = crate::sandbox::world::CredentialState::Allowed;
        world.unlist_credential(ACME_CREDENTIAL);
    });
    assert_eq!((tokens().await.len(), bitbucket(&sandbox, "/2.0/user").await.status), (1, 200));
}

#[test]
fn in_a_rotation_with_overlap_the_old_token_lives_on_where_it_is_saved() {
    let mut world = World::acme(now()).with_organizations(3);
    world.advance(now() + TimeDelta::days(1));
    world.rotate_credential(ACME_CREDENTIAL, "new", Some(now() + TimeDelta::days(366))).unwrap();
    world.expire_credential(ACME_CREDENTIAL, now() + TimeDelta::days(22));
    world.save_at_organization("acme-team-001", "new");
    assert_eq!(world.places_of(ACME_CREDENTIAL), ["main", "acme-team-000", "acme-team-002"]);
    let latest = |world: &World| world.snyk.groups[0].live_assets().filter_map(|asset| asset.last_sync).max();
    world.advance(now() + TimeDelta::days(20));
    assert_eq!(latest(&world), Some(now() + TimeDelta::days(20)), "the old one still moves assets");
    let used = |world: &World, name: &str| world.bitbucket.credential(name).unwrap().last_used;
    assert_eq!(used(&world, ACME_CREDENTIAL), latest(&world));
    assert!(used(&world, "new").is_some(), "by the tests of one Organization");
    world.advance(now() + TimeDelta::days(30));
    assert!(latest(&world) < Some(now() + TimeDelta::days(22)));
    world.save_at_group(ACME_PROFILE, "new");
    world.advance(now() + TimeDelta::days(31));
    assert!(latest(&world) > Some(now() + TimeDelta::days(30)));
    assert_eq!(world.places_of("new"), ["main", "acme-team-001"]);
}

#[tokio::test]
async fn repositories_are_deleted_between_two_pages() {
    let sandbox = synced().await;
    sandbox.world(|world| world.delete_during_walk("acme", &["service-000", "service-001"]));
    let page = async |number: usize| {
        bitbucket(&sandbox, &format!("/2.0/repositories/acme?pagelen=25&page={number}")).await.json()
    };
    assert_eq!((page(1).await["size"].as_u64(), seen(&sandbox, "acme").await), (Some(40), 40));
    let second = page(2).await;
    assert_eq!((second["size"].as_u64(), second["values"].as_array().unwrap().len()), (Some(38), 13));
    assert_eq!(seen(&sandbox, "acme").await, 38);
}

#[tokio::test]
async fn an_admin_permission_is_given_and_taken_repository_by_repository() {
    let sandbox = synced().await;
    let hooks = async || bitbucket(&sandbox, "/2.0/repositories/acme/service-007/hooks").await.status;
    sandbox.world(|world| world.take_admin(ACME_ACCOUNT));
    assert_eq!(hooks().await, 403);
    sandbox.world(|world| world.give_admin(ACME_ACCOUNT, "service-007"));
    assert_eq!(hooks().await, 200);
    sandbox.world(|world| world.take_admin_of(ACME_ACCOUNT, "service-007"));
    assert_eq!(hooks().await, 403);
}
