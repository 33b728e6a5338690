//! The newer readings, and the moods of the older ones that the descriptions still allow. What no description allows
//! (a `next` of an unknown shape, a list in place of the V1 map) is a lie like a fault, and is not held to them.

use chrono::TimeDelta;
use snykwatch::sandbox::world::{
    ACME_ACCOUNT, ACME_CREDENTIAL, ACME_SNYK_TOKEN, BeforeRetention, Deletion, EarlyAccess, EmptyPage, GroupSight,
    IntegrationMap, IntegrationNaming, NextShape, Permission, PullRequestChecks, RateHeaders, RecurringTests, Role,
    ScopeVocabulary, TestTimes,
};
use snykwatch::sandbox::{APPROVAL_REQUIRED, Api, Fault, FaultKind, IP_NOT_ALLOWED, TWO_STEP_REQUIRED};

use super::walk::{Walk, group};

pub(crate) async fn snyk(walk: &mut Walk<'_>) {
    walk.change(|world| world.snyk_token_mut(ACME_SNYK_TOKEN).unwrap().permissions = Permission::ALL.into());
    beside_the_inventory(walk).await;
    audit_logs(walk).await;
    organizations(walk).await;
    projects(walk).await;
    settings(walk).await;
}

async fn beside_the_inventory(walk: &mut Walk<'_>) {
    let group = group(walk.sandbox);
    walk.change(|world| world.alias_repository("service-003", "https://bitbucket.org/acme-old/three"));
    let operation = "get /groups/{group_id}/assets/repository/aliases";
    let aliases = format!("/groups/{group}/assets/repository/aliases");
    walk.rest(operation, &aliases, 200).await;
    walk.rest(operation, &format!("{aliases}?limit=100&url=https://bitbucket.org/acme/service-009"), 200).await;
    walk.rest(operation, &format!("{aliases}?limit=7"), 400).await;
    for (mood, status) in [(EarlyAccess::Absent, 404), (EarlyAccess::Forbidden, 403), (EarlyAccess::Present, 200)] {
        walk.change(|world| {
            world.snyk.aliases = mood;
            world.snyk.inventory_filters = mood;
            world.snyk.asset_targets = mood;
        });
        walk.rest(operation, &aliases, status).await;
        let inventory = format!("/groups/{group}/inventory/assets");
        let filters = format!("{inventory}/filters");
        walk.rest("get /groups/{group_id}/inventory/assets/filters", &format!("{filters}?limit=100"), status).await;
        let (asset, field) = walk.sandbox.world(|world| {
            let asset = world.asset_mut("service-000").unwrap().id;
            (asset, world.snyk.groups[0].id)
        });
        let field = listed_filter(walk, &filters).await.unwrap_or_else(|| field.to_string());
        let values = "get /groups/{group_id}/inventory/assets/filters/{filter_id}/values";
        walk.rest(values, &format!("{filters}/{field}/values"), status).await;
        let targets = "get /groups/{group_id}/inventory/assets/{asset_id}/relationships/targets";
        walk.rest(targets, &format!("{inventory}/{asset}/relationships/targets?limit=100"), status).await;
        walk.rest(
            targets,
            &format!("{inventory}/{group}/relationships/targets"),
            if status == 403 { 403 } else { 404 },
        )
        .await;
    }
    let dated = walk.snyk_request(
        reqwest::Method::GET,
        &format!("/rest/groups/{group}/inventory/assets/filters?version=2026-03-25~beta"),
    );
    walk.record("snyk-rest", "get /groups/{group_id}/inventory/assets/filters", dated, 400).await;
}

/// The id of a filter whose values are listed.
async fn listed_filter(walk: &Walk<'_>, filters: &str) -> Option<String> {
    let path = format!("/rest{filters}?version=2026-03-25");
    let answer = walk.snyk_request(reqwest::Method::GET, &path).send().await.unwrap().text().await.unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let fields = answer["data"].as_array()?;
    let field = fields.iter().find(|field| field.get("relationships").is_some())?;
    field["id"].as_str().map(str::to_owned)
}

async fn audit_logs(walk: &mut Walk<'_>) {
    let (of_group, of_team) = walk.sandbox.world(|world| {
        let group = format!("/groups/{}/audit_logs/search", world.snyk.groups[0].id);
        (group, format!("/orgs/{}/audit_logs/search", world.snyk.organizations[1].id))
    });
    let (group, team) = ("get /groups/{group_id}/audit_logs/search", "get /orgs/{org_id}/audit_logs/search");
    walk.change(|world| {
        world.snyk.audit.naming = IntegrationNaming::SourceType;
        world.save_at_organization("acme-team-001", ACME_CREDENTIAL);
        world.snyk.audit.naming = IntegrationNaming::Unnamed;
        world.save_other_integration("acme-team-001", "github");
        world.set_pull_request_checks("acme-team-001", "github", PullRequestChecks::Off);
        world.move_manifests("acme-team-001", 1);
        world.delete_projects("acme-team-001", 1, Deletion::Remove);
        world.delete_targets("acme-team-001", 1);
        world.clone_organization("acme-team-001", "acme-clone");
        world.delete_organization("acme-clone");
    });
    walk.rest(team, &of_team, 200).await;
    walk.rest(group, &of_group, 200).await;
    walk.change(|world| world.snyk.audit.bucket = Some(TimeDelta::hours(3)));
    walk.rest(group, &format!("{of_group}?from=2026-11-20T00:00:00Z"), 200).await;
    walk.change(|world| {
        world.snyk.audit.empty_page = EmptyPage::WithoutItems;
        world.snyk.next_shape = NextShape::Absolute;
    });
    walk.rest(team, &format!("{of_team}?from=2026-10-20T00:00:00Z&sort_order=ASC"), 200).await;
    walk.change(|world| {
        world.snyk.audit.bucket = None;
        world.snyk.audit.before_retention = BeforeRetention::Refused;
    });
    walk.rest(team, &format!("{of_team}?from=2026-01-01T00:00:00Z"), 400).await;
}

async fn organizations(walk: &mut Walk<'_>) {
    let path = format!("/groups/{}/orgs?limit=10", group(walk.sandbox));
    let list = "get /groups/{group_id}/orgs";
    walk.change(|world| world.snyk.next_shape = NextShape::Object);
    walk.rest(list, &path, 200).await;
    walk.change(|world| {
        world.snyk.next_shape = NextShape::RelativeWithRest;
        world.snyk.rate_headers = RateHeaders::Absent;
        world.break_organization_listing(&FaultKind::ListCut(3));
    });
    walk.rest(list, &path, 200).await;
    for status in [403, 500] {
        walk.change(|world| {
            world.repair(Api::Snyk);
            world.break_organization_listing(&FaultKind::Status(status));
        });
        walk.rest(list, &path, status).await;
    }
    walk.change(|world| {
        world.repair(Api::Snyk);
        world.set_sight(ACME_SNYK_TOKEN, GroupSight::Empty);
    });
    walk.rest(list, &path, 200).await;
    walk.change(|world| world.set_sight(ACME_SNYK_TOKEN, GroupSight::Gone));
    walk.rest(list, &path, 404).await;
    walk.change(|world| world.set_sight(ACME_SNYK_TOKEN, GroupSight::Whole));
}

async fn projects(walk: &mut Walk<'_>) {
    let path = walk.sandbox.world(|world| {
        world.add_code_projects("acme-team-001");
        let organization = &mut world.snyk.organizations[1];
        let moods = [TestTimes::WithoutMeta, TestTimes::WithoutCounts, TestTimes::WithoutTime];
        for (project, told) in organization.projects.iter_mut().zip(moods) {
            project.told = told;
            project.recurring_tests = RecurringTests::Untold;
            project.pull_requests = Some(PullRequestChecks::Off);
        }
        format!("/orgs/{}/projects?limit=100&meta.latest_issue_counts=true", organization.id)
    });
    walk.rest("get /orgs/{org_id}/projects", &path, 200).await;
}

async fn settings(walk: &mut Walk<'_>) {
    let (id, integration) = walk.sandbox.world(|world| {
        let organization = &world.snyk.organizations[1];
        (organization.id, organization.integrations[0].id)
    });
    let settings = format!("/org/{id}/integrations/{integration}/settings");
    let operation = "get /org/{orgId}/integrations/{integrationId}/settings";
    walk.v1(operation, &settings, 200).await;
    walk.change(|world| {
        world.edit_settings("acme-team-001", "bitbucket-cloud", |integration| {
            integration.pull_request_test = None;
            integration.pull_request_code_test = Some(PullRequestChecks::Off);
        });
        world.set_integration_map("acme-team-001", IntegrationMap::Empty);
    });
    walk.v1(operation, &settings, 200).await;
    let map = "get /org/{orgId}/integrations";
    walk.v1(map, &format!("/org/{id}/integrations"), 200).await;
    walk.change(|world| world.break_integrations("acme-team-001", FaultKind::Status(403)));
    walk.v1(map, &format!("/org/{id}/integrations"), 403).await;
    walk.change(|world| world.repair(Api::Snyk));
}

pub(crate) async fn bitbucket(walk: &mut Walk<'_>) {
    let one = "get /repositories/{workspace}/{repo_slug}";
    let by_id = walk.sandbox.world(|world| {
        let id = world.repository_mut("service-001").unwrap().uuid;
        format!("/repositories/acme/%7B{id}%7D")
    });
    walk.bitbucket(one, &by_id, 200).await;
    walk.change(|world| {
        world.hide_repository(ACME_ACCOUNT, "acme", "service-001");
    });
    walk.bitbucket(one, &by_id, 404).await;
    walk.bitbucket("get /user/workspaces", "/user/workspaces?administrator=false", 200).await;
    walk.change(|world| {
        world.reveal_repositories(ACME_ACCOUNT, "acme");
        world.set_role(ACME_ACCOUNT, "acme", Role::Owner);
        world.bitbucket.scope_vocabulary = ScopeVocabulary::Mixed;
    });
    walk.bitbucket("get /user", "/user", 200).await;
    let hooks = "get /repositories/{workspace}/{repo_slug}/hooks";
    let refusals = [IP_NOT_ALLOWED, TWO_STEP_REQUIRED, APPROVAL_REQUIRED];
    let refusals = refusals.map(|sentence| (FaultKind::Says(403, sentence.to_owned()), 403));
    let more = [(FaultKind::Change2770, 410), (FaultKind::EndpointRemoved, 404)];
    for (kind, status) in refusals.into_iter().chain(more) {
        walk.change(|world| world.faults.push(Fault::on(Api::Bitbucket, kind).ending("/hooks")));
        walk.bitbucket(hooks, "/repositories/acme/service-000/hooks", status).await;
        walk.change(|world| world.repair(Api::Bitbucket));
    }
    walk.change(|world| world.break_own_user(FaultKind::Status(401)));
    walk.bitbucket("get /user", "/user", 401).await;
    walk.bitbucket("get /user/workspaces", "/user/workspaces", 200).await;
    walk.change(|world| world.repair(Api::Bitbucket));

    walk.change(|world| {
        let other = world.add_account("acme-other", "Other", "other@acme.example");
        world.add_workspace("hidden", other);
        world.make_private("hidden");
    });
    walk.bitbucket("get /workspaces/{workspace}", "/workspaces/hidden", 404).await;
    walk.bitbucket("get /repositories/{workspace}", "/repositories/hidden", 404).await;
    walk.bitbucket("get /workspaces/{workspace}/projects", "/workspaces/hidden/projects", 404).await;
    walk.change(|world| {
        let owner = world.account_id(ACME_ACCOUNT).unwrap();
        world.workspace_mut("hidden").unwrap().members.insert(owner, Role::Member);
    });
    walk.bitbucket("get /workspaces/{workspace}", "/workspaces/hidden", 200).await;
    walk.change(|world| world.workspace_mut("hidden").unwrap().members.clear());
}
