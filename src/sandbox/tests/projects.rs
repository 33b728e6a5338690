//! Projects as REST shows them, and how they come to be dead, unscheduled or untold.

use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::sandbox::FaultKind;
use crate::sandbox::world::{IntegrationMap, ProjectStatus, PullRequestChecks, RecurringTests, TestTimes, Tests};

const TEAM: &str = "acme-team-000";

/// So many projects of one team whose world began ten days ago.
async fn ten_days() -> Sandbox {
    at_now(World::acme(now() - TimeDelta::days(10)).with_repositories(20).with_organizations(1)).await
}

async fn projects(sandbox: &Sandbox) -> Vec<Value> {
    let path = format!("/rest/orgs/{}/projects?version=2026-03-25&limit=100", organization(0));
    snyk(sandbox, &format!("{path}&meta.latest_issue_counts=true")).await.json()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_share_of_a_fleet_is_dead_and_stays_so() {
    let mut world = World::acme(now()).with_organizations(4);
    assert_eq!(world.let_projects_die(0.05, None), 6, "of 128");
    let dead = |world: &World| {
        let projects = world.snyk.organizations.iter().flat_map(|known| &known.projects);
        projects.filter(|known| known.last_tested.is_none() && known.status == ProjectStatus::Active).count()
    };
    world.advance(now() + TimeDelta::days(30));
    assert_eq!(dead(&world), 6);
    world.set_last_tested(TEAM, 1.0, None);
    world.advance(now() + TimeDelta::days(32));
    assert_eq!(dead(&world), 6, "what is alive is tested again");
}

#[tokio::test]
async fn each_project_has_its_own_frequency_and_last_test() {
    let sandbox = ten_days().await;
    sandbox.world(|world| {
        assert_eq!(world.set_frequency(TEAM, 0.25, RecurringTests::Never), 5);
        let projects = &mut world.snyk.organizations[0].projects;
        projects[0].recurring_tests = RecurringTests::Weekly;
        projects[1].recurring_tests = RecurringTests::Untold;
        world.advance(now() + TimeDelta::days(1));
    });
    let found = projects(&sandbox).await;
    let frequency = |place: usize| found[place]["attributes"]["settings"]["recurring_tests"].clone();
    assert_eq!(
        [0, 1, 2, 3].map(frequency),
        [json!({ "frequency": "weekly" }), json!({}), json!({ "frequency": "daily" }), json!({ "frequency": "never" })]
    );
    let tested = |place: usize| found[place]["meta"]["latest_issue_counts"]["updated_at"].clone();
    assert_eq!(tested(2), json!("2026-11-24T02:00:00Z"));
    assert_eq!(tested(1), tested(2));
    assert_eq!(tested(0), json!("2026-11-23T02:00:00Z"), "daily until now, weekly from here on");
    assert_eq!(tested(3), json!("2026-11-23T02:00:00Z"));
}

#[tokio::test]
async fn what_is_not_told_is_missing() {
    let sandbox = ten_days().await;
    sandbox.world(|world| {
        let projects = &mut world.snyk.organizations[0].projects;
        projects[0].told = TestTimes::WithoutMeta;
        projects[1].told = TestTimes::WithoutCounts;
        projects[2].told = TestTimes::WithoutTime;
        projects[3].pull_requests = Some(PullRequestChecks::Off);
        projects[4].pull_requests = Some(PullRequestChecks::On);
    });
    let found = projects(&sandbox).await;
    assert_eq!(found[0].get("meta"), None);
    assert_eq!(found[1]["meta"], json!({}));
    assert_eq!(found[2]["meta"]["latest_issue_counts"].get("updated_at"), None);
    assert!(found[3]["meta"]["latest_issue_counts"]["updated_at"].is_string());
    let checks = |place: usize| found[place]["attributes"]["settings"]["pull_requests"].get("is_enabled").cloned();
    assert_eq!([2, 3, 4].map(checks), [None, Some(json!(false)), Some(json!(true))]);
    sandbox.world(|world| assert_eq!(world.set_test_times(TEAM, 0.1, TestTimes::WithoutMeta), 2));
}

#[tokio::test]
async fn a_moved_manifest_is_a_new_project_and_the_old_one_is_inactive() {
    let sandbox = ten_days().await;
    sandbox.world(|world| {
        assert_eq!(world.move_manifests(TEAM, 3), 3);
        assert_eq!(world.add_code_projects(TEAM), 20);
        assert_eq!(world.deactivate_share(TEAM, 0.0), 0);
    });
    let found = projects(&sandbox).await;
    assert_eq!(found.len(), 43);
    let inactive: Vec<&Value> = found.iter().filter(|known| known["attributes"]["status"] == "inactive").collect();
    assert_eq!(inactive.len(), 3);
    let target = |project: &Value| project["relationships"]["target"]["data"]["id"].clone();
    let successor = found.iter().find(|known| known["attributes"]["target_file"] == "moved/package.json").unwrap();
    assert_eq!(target(successor), target(inactive[0]));
    let code = found.last().unwrap();
    assert_eq!(code["attributes"]["type"], "sast");
    assert_eq!(code["attributes"]["settings"]["recurring_tests"]["frequency"], "weekly");
    sandbox.world(|world| world.set_tests(TEAM, Tests::Stopped));
}

#[tokio::test]
async fn the_settings_of_an_integration_say_whether_pull_requests_are_tested() {
    let sandbox = ten_days().await;
    let id = sandbox.world(|world| world.snyk.organizations[0].integrations[0].id);
    let path = format!("/v1/org/{}/integrations/{id}/settings", organization(0));
    let told = async || {
        let settings = snyk(&sandbox, &path).await.json();
        ["pullRequestTestEnabled", "pullRequestTestCodeEnabled"].map(|key| settings.get(key).and_then(Value::as_bool))
    };
    assert_eq!(told().await, [Some(true); 2]);
    sandbox.world(|world| world.set_pull_request_checks(TEAM, "bitbucket-cloud", PullRequestChecks::Off));
    assert_eq!(told().await, [Some(false); 2]);
    let event = sandbox.world(|world| world.snyk.audit.events.last().unwrap().clone());
    assert_eq!(event.event, "org.integration.settings.edit");
    let values = ["before", "after"].map(|key| event.content[key]["pullRequestTestEnabled"].clone());
    assert_eq!(values, [json!(true), json!(false)]);
    sandbox.world(|world| {
        world.edit_settings(TEAM, "bitbucket-cloud", |integration| integration.pull_request_code_test = None);
    });
    assert_eq!(told().await, [Some(false), None]);
}

#[tokio::test]
async fn the_map_of_integrations_may_lie_for_one_organization() {
    let sandbox = at_now(World::acme(now()).with_organizations(2)).await;
    let map = async |number: usize| {
        let got = snyk(&sandbox, &format!("/v1/org/{}/integrations", organization(number))).await;
        (got.status, if got.status == 200 { got.json() } else { Value::Null })
    };
    let good = map(0).await;
    let id = good.1["bitbucket-cloud"].clone();
    let check = async |kind: IntegrationMap, expected: Value| {
        sandbox.world(|world| world.set_integration_map(TEAM, kind));
        let got = map(0).await;
        assert_eq!(got, (200, expected), "{kind:?}");
        assert!(map(1).await.1["bitbucket-cloud"].is_string());
    };
    check(IntegrationMap::Empty, json!({})).await;
    check(IntegrationMap::Null, Value::Null).await;
    check(IntegrationMap::List, json!([{ "type": "bitbucket-cloud", "id": id }])).await;
    sandbox.world(|world| world.set_integration_map(TEAM, IntegrationMap::OtherIds));
    let other = map(0).await.1["bitbucket-cloud"].clone();
    assert!(other.is_string() && other != id);
    sandbox.world(|world| {
        world.set_integration_map(TEAM, IntegrationMap::Listed);
        world.break_integrations("acme-team-001", FaultKind::Status(403));
    });
    assert_eq!((map(0).await, map(1).await.0), (good, 403));
    sandbox.world(|world| world.break_organization_listing(&FaultKind::Status(500)));
    assert_eq!(snyk(&sandbox, &format!("/rest/groups/{}/orgs?version=2026-03-25", group())).await.status, 500);
    let direct = snyk(&sandbox, &format!("/rest/orgs/{}?version=2026-03-25", organization(0))).await.json();
    assert_eq!(direct["data"]["attributes"]["group_id"], json!(group()));
    assert!(direct["data"]["attributes"]["created_at"].is_string());
}
