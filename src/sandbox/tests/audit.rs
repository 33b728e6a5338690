//! The audit logs: how events name things, how far the logs reach back, and what an empty page looks like.

use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::sandbox::world::{
    Availability, BeforeRetention, Deletion, EmptyPage, IntegrationNaming, PullRequestChecks, RecurringTests,
};

const TEAM: &str = "acme-team-000";

async fn ask(sandbox: &Sandbox, place: &str, more: &str) -> Got {
    snyk(sandbox, &format!("/rest/{place}/audit_logs/search?version=2026-03-25&{more}")).await
}

fn of_team() -> String {
    format!("orgs/{}", organization(0))
}

/// The names of the events of the team, oldest first.
async fn events(sandbox: &Sandbox, more: &str) -> Vec<String> {
    let page = ask(sandbox, &of_team(), &format!("sort_order=ASC&{more}")).await.json();
    let items = page["data"]["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["event"].as_str().unwrap().to_owned()).collect()
}

fn silent(world: &mut World) {
    world.snyk.audit.events.clear();
}

#[tokio::test]
async fn an_event_names_its_integration_by_id_by_type_or_not_at_all() {
    let sandbox = at_now(World::acme(now()).with_organizations(1)).await;
    let id = sandbox.world(|world| world.snyk.organizations[0].integrations[0].id);
    let check = async |naming: IntegrationNaming, names_id: bool, names_type: bool| {
        sandbox.world(|world| {
            silent(world);
            world.snyk.audit.naming = naming;
            world.save_at_organization(TEAM, ACME_CREDENTIAL);
        });
        let item = ask(&sandbox, &of_team(), "").await.json()["data"]["items"][0].clone();
        let content = &item["content"];
        assert_eq!(content.get("integrationPublicId"), names_id.then_some(&json!(id)), "{naming:?}");
        assert_eq!(content.get("sourceType"), names_type.then_some(&json!("bitbucket-cloud")), "{naming:?}");
        assert!(item["user_id"].is_string());
    };
    check(IntegrationNaming::Id, true, false).await;
    check(IntegrationNaming::SourceType, false, true).await;
    check(IntegrationNaming::Both, true, true).await;
    check(IntegrationNaming::Unnamed, false, false).await;
    sandbox.world(|world| {
        world.snyk.audit.user = None;
        silent(world);
        world.save_at_organization(TEAM, ACME_CREDENTIAL);
    });
    assert_eq!(ask(&sandbox, &of_team(), "").await.json()["data"]["items"][0].get("user_id"), None);
}

#[tokio::test]
async fn other_integrations_write_into_the_same_log() {
    let sandbox = at_now(World::acme(now()).with_organizations(1)).await;
    sandbox.world(|world| {
        silent(world);
        world.snyk.audit.naming = IntegrationNaming::SourceType;
        world.save_other_integration(TEAM, "github");
        world.save_other_integration(TEAM, "github");
        world.set_pull_request_checks(TEAM, "github", PullRequestChecks::Off);
        world.delete_other_integration(TEAM, "github");
    });
    let expected = ["create", "edit", "settings.edit", "delete"].map(|verb| format!("org.integration.{verb}"));
    assert_eq!(events(&sandbox, "").await, expected);
    let left = sandbox.world(|world| world.snyk.organizations[0].integrations.clone());
    assert_eq!(left.len(), 1);
    assert!(left[0].is_bitbucket());
    sandbox.world(|world| {
        world.save_other_integration(TEAM, "github");
        world.delete_organization_integrations(TEAM);
    });
    let left = sandbox.world(|world| world.snyk.organizations[0].integrations.clone());
    assert_eq!(left[0].integration_type, "github");
}

#[tokio::test]
async fn the_log_reaches_back_for_90_days() {
    let sandbox = at_now(World::acme(now()).with_organizations(1)).await;
    sandbox.world(|world| {
        silent(world);
        for _ in 0..3 {
            world.save_at_organization(TEAM, ACME_CREDENTIAL);
        }
        for (event, days) in world.snyk.audit.events.iter_mut().zip([150, 91, 89]) {
            event.created = now() - TimeDelta::days(days);
        }
    });
    let since = async |days: i64| {
        let from = (now() - TimeDelta::days(days)).format("%Y-%m-%dT%H:%M:%SZ");
        let got = ask(&sandbox, &of_team(), &format!("from={from}")).await;
        (got.status, (got.status == 200).then(|| got.json()["data"]["items"].as_array().unwrap().len()))
    };
    assert_eq!(since(365).await, (200, Some(1)), "clamped");
    for (mood, expected) in [(BeforeRetention::Refused, (400, None)), (BeforeRetention::Empty, (200, Some(0)))] {
        sandbox.world(|world| world.snyk.audit.before_retention = mood);
        assert_eq!(since(365).await, expected, "{mood:?}");
        assert_eq!(since(90).await, (200, Some(1)), "{mood:?}");
    }
}

#[tokio::test]
async fn pages_by_time_may_be_empty_although_more_follow() {
    let sandbox = at_now(World::acme(now()).with_organizations(1)).await;
    sandbox.world(|world| {
        silent(world);
        for _ in 0..5 {
            world.save_at_organization(TEAM, ACME_CREDENTIAL);
        }
        for (event, days) in world.snyk.audit.events.iter_mut().zip([29, 15, 15, 15, 0]) {
            event.created = now() - TimeDelta::days(days);
        }
        world.snyk.audit.bucket = Some(TimeDelta::days(7));
    });
    let from = (now() - TimeDelta::days(30)).format("%Y-%m-%dT%H:%M:%SZ");
    for (order, expected) in [("ASC", vec![1, 0, 2, 1, 0, 1]), ("DESC", vec![1, 0, 2, 1, 0, 1])] {
        let (mut counts, mut cursor) = (Vec::new(), String::new());
        loop {
            let more = format!("from={from}&size=2&sort_order={order}{cursor}");
            let page = ask(&sandbox, &of_team(), &more).await.json();
            counts.push(page["data"]["items"].as_array().unwrap().len());
            let Some(next) = page["links"]["next"].as_str() else { break };
            cursor = format!("&cursor={}", next.split("cursor=").nth(1).unwrap());
        }
        assert_eq!(counts, expected, "{order}");
    }
}

#[tokio::test]
async fn an_empty_page_has_many_shapes() {
    let sandbox = at_now(World::acme(now()).with_organizations(1)).await;
    let check = async |shape: EmptyPage, expected: Value| {
        sandbox.world(|world| {
            silent(world);
            world.snyk.audit.empty_page = shape;
        });
        assert_eq!(ask(&sandbox, &of_team(), "").await.json()["data"], expected);
        sandbox.world(|world| world.save_at_organization(TEAM, ACME_CREDENTIAL));
        assert_eq!(events(&sandbox, "").await, ["org.integration.edit"], "{shape:?}");
    };
    check(EmptyPage::EmptyItems, json!({ "type": "audit_logs", "items": [] })).await;
    check(EmptyPage::WithoutItems, json!({ "type": "audit_logs" })).await;
    check(EmptyPage::NullItems, json!({ "type": "audit_logs", "items": null })).await;
    check(EmptyPage::EmptyList, json!([])).await;
}

#[tokio::test]
async fn deeds_at_projects_and_targets_are_written_down() {
    let sandbox = at_now(World::acme(now()).with_repositories(10).with_organizations(1)).await;
    let check = async |deed: fn(&mut World) -> usize, expected: &[(&str, usize)]| {
        sandbox.world(|world| {
            silent(world);
            deed(world)
        });
        let mut written: Vec<(String, usize)> = Vec::new();
        for event in events(&sandbox, "").await {
            match written.last_mut() {
                Some((last, count)) if *last == event => *count += 1,
                _ => written.push((event, 1)),
            }
        }
        let written: Vec<(&str, usize)> = written.iter().map(|(event, count)| (event.as_str(), *count)).collect();
        assert_eq!(written, expected);
    };
    check(|world| world.deactivate_projects(TEAM, 2), &[("org.project.stop_monitor", 2)]).await;
    check(|world| world.set_frequency(TEAM, 0.5, RecurringTests::Never), &[("org.project.settings.edit", 5)]).await;
    let off = Some(PullRequestChecks::Off);
    assert_eq!(sandbox.world(|world| world.set_project_checks(TEAM, 0.3, off)), 3);
    check(|world| world.set_project_checks(TEAM, 0.3, None), &[("org.project.pr_check.edit", 3)]).await;
    check(|world| world.move_manifests(TEAM, 1), &[("org.project.add", 1), ("org.project.stop_monitor", 1)]).await;
    let by = ask(&sandbox, &of_team(), "").await.json();
    assert_eq!(by["data"]["items"][0].get("user_id"), None, "content sync is nobody");
    assert!(by["data"]["items"][0]["project_id"].is_string());
    check(|world| world.delete_projects(TEAM, 2, Deletion::Delete), &[("org.project.delete", 2)]).await;
    check(|world| world.delete_projects(TEAM, 1, Deletion::Remove), &[("org.project.remove", 1)]).await;
    check(|world| world.delete_targets(TEAM, 4), &[("org.project.delete", 2), ("org.target.delete", 4)]).await;
}

#[tokio::test]
async fn the_group_keeps_the_names_of_organizations_that_left() {
    let sandbox = at_now(World::acme(now()).with_organizations(2)).await;
    sandbox.world(|world| {
        silent(world);
        world.clone_organization(TEAM, "acme-clone");
        world.delete_organization("acme-team-001");
        world.move_organization("acme-clone", ids::uuid("another group"));
    });
    let log = ask(&sandbox, &format!("groups/{}", group()), "sort_order=ASC").await.json();
    let items = log["data"]["items"].as_array().unwrap();
    let names: Vec<&str> = items.iter().map(|item| item["event"].as_str().unwrap()).collect();
    let expected = ["org.create", "group.org.add", "org.delete", "group.org.remove", "group.org.remove"];
    assert_eq!(names, expected, "not the integrations of the clone, not what the other Group got");
    let removed = &items[3]["content"];
    let content = json!({ "orgName": "acme team 001", "orgId": organization(1), "groupId": group() });
    assert_eq!(removed, &content);
    for gone in [organization(1), ids::uuid("organization acme-clone")] {
        assert_eq!(snyk(&sandbox, &format!("/rest/orgs/{gone}?version=2026-03-25")).await.status, 404);
        assert_eq!(snyk(&sandbox, &format!("/v1/org/{gone}/integrations")).await.status, 404);
    }
}

#[test]
fn a_clone_has_the_credential_of_its_template_and_nothing_else() {
    let mut world = World::acme(now()).with_organizations(1);
    world.save_other_integration(TEAM, "gitlab");
    world.snyk.audit.clones = Availability::Absent;
    silent(&mut world);
    world.advance(now() + TimeDelta::days(3));
    let id = world.clone_organization(TEAM, "acme-clone").unwrap();
    assert!(world.clone_organization("nobody", "x").is_none());
    let (template, clone) = (world.snyk.organizations[0].clone(), world.snyk.organization(id).unwrap().clone());
    assert!(clone.projects.is_empty() && clone.targets.is_empty());
    for (ours, theirs) in clone.integrations.iter().zip(&template.integrations) {
        assert_eq!((&ours.saved, &ours.integration_type), (&theirs.saved, &theirs.integration_type));
        assert_ne!(ours.id, theirs.id);
        assert!(ours.created_at - clone.created_at < TimeDelta::minutes(5));
    }
    assert!(!world.snyk.audit.events.iter().any(|event| event.event.starts_with("org.integration")));
    // A later save in the template does not reach the clone.
    world.rotate_credential(ACME_CREDENTIAL, "new", None).unwrap();
    world.save_at_organization(TEAM, "new");
    assert_eq!(world.places_of(ACME_CREDENTIAL), ["main", "acme-clone"]);
    assert_eq!(world.places_of("new"), [TEAM]);
}
