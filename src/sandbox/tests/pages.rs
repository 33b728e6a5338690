//! Lists: how long a page may be, how the next one is found, what filters do.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::sandbox::world::{InventoryAssets, NextShape, TotalCount, TypeFilter};

/// A world with a month of history.
async fn settled() -> Sandbox {
    at_now(World::acme(now() - TimeDelta::days(30)).with_organizations(3)).await
}

#[tokio::test]
async fn bitbucket_pages_cover_the_list_once() {
    let sandbox = settled().await;
    let (mut seen, mut next) = (BTreeSet::new(), Some("/2.0/repositories/acme?pagelen=50".to_owned()));
    let mut pages = 0;
    while let Some(path) = next {
        let page = bitbucket(&sandbox, &path).await.json();
        seen.extend(page["values"].as_array().unwrap().iter().map(|found| found["uuid"].as_str().unwrap().to_owned()));
        next = page["next"].as_str().map(str::to_owned);
        assert!(next.as_ref().is_none_or(|next| next.starts_with(sandbox.bitbucket_api_url().as_str())));
        pages += 1;
    }
    assert_eq!((seen.len(), pages), (128, 3));
}

#[tokio::test]
async fn bitbucket_is_strict_about_parameters() {
    let sandbox = settled().await;
    let check = async |path: &str, status: u16| {
        let got = bitbucket(&sandbox, path).await;
        assert_eq!(got.status, status, "{path}: {}", got.text);
        if status == 200 { got.json() } else { Value::Null }
    };
    check("/2.0/repositories/acme?pagelen=0", 400).await;
    check("/2.0/repositories/acme?pagelen=101", 400).await;
    check("/2.0/repositories/acme/service-000/pullrequests?pagelen=51", 400).await;
    check("/2.0/repositories/acme/service-000/pullrequests?pagelen=50", 200).await;
    check("/2.0/repositories/acme?q=colour%3Dblue", 400).await;
    check("/2.0/repositories/acme?role=king", 400).await;
    assert_eq!(check("/2.0/repositories/acme?pagelen=1&fields=size", 200).await, json!({ "size": 128 }));
    assert_eq!(check("/2.0/repositories/acme?role=admin&fields=size", 200).await["size"], 0, "no explicit admin");
    let admin = "/2.0/user/workspaces/acme/permissions/repositories?q=permission%3D%22admin%22&pagelen=1";
    assert_eq!(check(admin, 200).await["size"], 128, "implied by the workspace");
    let recent = check("/2.0/repositories/acme?q=updated_on%3E2026-11-23T08%3A59%3A00Z", 200).await;
    assert_eq!(recent["size"], 13, "one round of activity is a tenth");
    let by_id = sandbox.world(|world| world.bitbucket.workspaces[0].uuid);
    check(&format!("/2.0/workspaces/%7B{by_id}%7D"), 200).await;
    check("/2.0/repositories/ACME/Service-000", 200).await;
    sandbox.world(|world| world.bitbucket.total_count = TotalCount::Hidden);
    assert_eq!(check("/2.0/repositories/acme", 200).await.get("size"), None);
}

#[tokio::test]
async fn snyk_links_come_in_every_shape() {
    let sandbox = settled().await;
    let path = format!("/groups/{}/inventory/assets", group());
    let first = format!("/rest{path}?version=2026-03-25&limit=100&meta_count=with");
    let check = async |shape: NextShape, start: &str| {
        sandbox.world(|world| world.snyk.next_shape = shape);
        let page = snyk(&sandbox, &first).await.json();
        assert_eq!(page["meta"]["count"], 128);
        let next = &page["links"]["next"];
        let text = next["href"].as_str().or(next.as_str()).unwrap();
        assert!(text.starts_with(start), "{text}");
        let at = text.find("/groups").unwrap();
        let last = snyk(&sandbox, &format!("/rest{}", &text[at..])).await.json();
        assert_eq!((last["data"].as_array().unwrap().len(), last["links"].get("next")), (28, None));
    };
    let absolute = format!("{}rest/groups", sandbox.snyk_api_url());
    check(NextShape::RelativeWithoutRest, &path).await;
    check(NextShape::RelativeWithRest, "/rest/groups").await;
    check(NextShape::Object, "/rest/groups").await;
    check(NextShape::Absolute, &absolute).await;
}

#[tokio::test]
async fn snyk_is_strict_about_limits() {
    let sandbox = settled().await;
    let (group, organization) = (group(), organization(0));
    let check = async |path: String, status: u16| {
        let separator = if path.contains('?') { '&' } else { '?' };
        let got = snyk(&sandbox, &format!("/rest{path}{separator}version=2026-03-25")).await;
        assert_eq!(got.status, status, "{path}: {}", got.text);
        got.json()
    };
    for (limit, status) in [(9, 400), (10, 200), (15, 400), (100, 200), (110, 400)] {
        check(format!("/groups/{group}/orgs?limit={limit}"), status).await;
        check(format!("/orgs/{organization}/projects?limit={limit}"), status).await;
    }
    for (limit, status) in [(0, 400), (1, 200), (15, 200), (101, 400)] {
        check(format!("/orgs/{organization}/targets?limit={limit}"), status).await;
        check(format!("/orgs/{organization}/audit_logs/search?size={limit}"), status).await;
    }
    check(format!("/groups/{group}/orgs?starting_after=invented"), 400).await;
    let counted = check(format!("/groups/{group}/orgs?expand=count&limit=10"), 200).await;
    assert_eq!(counted["meta"]["total_count"], 3);
}

#[tokio::test]
async fn empty_targets_are_hidden_unless_asked_for() {
    let sandbox = settled().await;
    assert_eq!(sandbox.world(|world| world.empty_targets("acme-team-000", 5)), 5);
    let count = async |more: &str| {
        let path = format!("/rest/orgs/{}/targets?version=2026-03-25&count=true&{more}", organization(0));
        snyk(&sandbox, &path).await.json()["meta"]["count"].as_u64().unwrap()
    };
    assert_eq!(count("").await, 38);
    assert_eq!(count("exclude_empty=false").await, 43);
    assert_eq!(count("exclude_empty=false&source_types=gitlab").await, 0);
}

#[tokio::test]
async fn the_audit_log_begins_yesterday_unless_told() {
    let sandbox = settled().await;
    sandbox.world(|world| {
        world.snyk.audit.events.clear();
        world.save_at_organization("acme-team-000", ACME_CREDENTIAL);
        world.snyk.audit.events[0].created = now() - TimeDelta::days(3);
        world.delete_organization_integrations("acme-team-000");
    });
    let events = async |more: &str| {
        let path = format!("/rest/orgs/{}/audit_logs/search?version=2026-03-25&{more}", organization(0));
        let got = snyk(&sandbox, &path).await;
        if got.status != 200 {
            return vec![got.status.to_string()];
        }
        let items = got.json()["data"]["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["event"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(events("").await, ["org.integration.delete"]);
    assert_eq!(events("from=2026-11-01T00:00:00Z").await, ["org.integration.delete", "org.integration.edit"]);
    let ascending = "from=2026-11-01T00:00:00Z&sort_order=ASC&size=1";
    assert_eq!(events(ascending).await, ["org.integration.edit"]);
    assert_eq!(events("from=2026-11-01T00:00:00Z&events=org.integration.edit").await, ["org.integration.edit"]);
    assert_eq!(events("events=a&exclude_events=b").await, ["400"]);
    assert_eq!(events("from=yesterday").await, ["400"]);
}

#[tokio::test]
async fn asset_search_understands_its_language_and_nothing_else() {
    let sandbox = settled().await;
    sandbox.world(|world| world.delete_profile("main"));
    sandbox.world(|world| world.snyk.groups[0].assets[0].removal = None);
    let url = sandbox
        .snyk_api_url()
        .join(&format!("/rest/groups/{}/assets/search?version=2026-03-25&limit=100", group()))
        .unwrap();
    let ask = async |content_type: &str, body: Value| {
        let request = http().post(url.clone()).header("authorization", snyk_authorization(&sandbox));
        let got = send(request.header("content-type", content_type).body(body.to_string())).await;
        (got.status, got.json()["data"].as_array().map_or(0, Vec::len))
    };
    let check = async |query: Value, expected: (u16, usize)| {
        let body = json!({ "query": { "attributes": query } });
        assert_eq!(ask("application/json", body).await, expected, "{query}");
    };
    let term = |attribute: &str, operator: &str, value: Value| json!({ "attribute": attribute, "operator": operator, "values": [value] });
    let repositories = term("type", "equal", json!("repository"));
    assert_eq!(ask("application/json", json!({})).await, (200, 100));
    assert_eq!(ask("application/vnd.api+json", json!({})).await.0, 400);
    assert_eq!(ask("application/json", json!([])).await.0, 400);
    check(repositories.clone(), (200, 100)).await;
    check(json!({ "operator": "and", "values": [repositories] }), (400, 0)).await;
    check(json!({ "operator": "and", "values": [repositories, term("removed", "equal", json!(false))] }), (200, 1))
        .await;
    check(term("sources", "equal", json!("bitbucket")), (200, 100)).await;
    check(term("sources", "equal", json!("github")), (200, 0)).await;
    check(term("repository_url", "ends_with", json!("/service-007")), (200, 1)).await;
    check(term("organizations", "equal", json!(organization(1))), (200, 43)).await;
    check(term("updated_at", "greater_than", json!("2026-11-24")), (200, 0)).await;
    check(term("colour", "equal", json!("blue")), (400, 0)).await;
}

#[tokio::test]
async fn the_inventory_filters_sorts_and_changes_its_mind() {
    let sandbox = settled().await;
    let ask = async |more: &str| {
        snyk(&sandbox, &format!("/rest/groups/{}/inventory/assets?version=2026-03-25&{more}", group())).await
    };
    let count = async |more: &str| ask(&format!("meta_count=only&{more}")).await.json()["meta"]["count"].clone();
    assert_eq!(count("").await, 128);
    assert_eq!(count("filter=type==repositories").await, 128);
    assert_eq!(count("filter=type==container_images").await, 0);
    assert_eq!(count("filter=name==service-00*").await, 10);
    assert_eq!(count("filter=type==repositories;updated_at=gt=2026-11-24").await, 0);
    assert_eq!(ask("filter=colour==blue").await.status, 400);
    assert_eq!(ask("sort=colour").await.status, 400);
    let latest = ask("sort=-updated_at&fields[repositories]=updated_at,last_sync&limit=10").await.json();
    let times: Vec<&str> = latest["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["attributes"]["updated_at"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted_by(|left, right| left >= right));
    assert_eq!(latest["data"][0]["attributes"].as_object().unwrap().len(), 2);
    sandbox.world(|world| world.snyk.type_filter = TypeFilter::Rejected);
    assert_eq!(ask("filter=type==repositories").await.status, 400);
    let check = async |state, status: u16, key: Option<&str>| {
        sandbox.world(|world| world.snyk.inventory_assets = state);
        let got = ask("limit=10").await;
        assert_eq!(got.status, status);
        if let Some(key) = key {
            assert!(got.json()["data"][0]["attributes"][key].is_string(), "{key}");
        }
        got
    };
    check(InventoryAssets::LastSyncRenamed, 200, Some("last_synced_at")).await;
    check(InventoryAssets::Absent, 404, None).await;
    let images = check(InventoryAssets::ContainerImagesOnly, 200, None).await;
    assert_eq!(images.json()["data"], json!([]));
}
