//! Every endpoint of the sandbox, in its good and its bad moods.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use snykwatch::sandbox::Sandbox;
use snykwatch::sandbox::world::{
    ACME_CREDENTIAL, ACME_SNYK_TOKEN, AssetSearch, Availability, InventoryAssets, IssueTracker, Permission, World,
    pilot_guide_scopes,
};

use super::moods;

/// One answer, and the operation of which description it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) description: &'static str,
    /// `get /groups/{group_id}`
    pub(crate) operation: &'static str,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
}

/// The walk so far.
pub(crate) struct Walk<'a> {
    pub(crate) sandbox: &'a Sandbox,
    http: reqwest::Client,
    recorded: Vec<Recorded>,
}

impl Walk<'_> {
    pub(crate) async fn record(
        &mut self,
        description: &'static str,
        operation: &'static str,
        request: reqwest::RequestBuilder,
        expected: u16,
    ) {
        let response = request.send().await.unwrap();
        let (path, status) = (response.url().to_string(), response.status().as_u16());
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let headers = headers.collect();
        let text = response.text().await.unwrap();
        assert_eq!(status, expected, "{path}: {text}");
        self.recorded.push(Recorded { description, operation, path, status, headers, text });
    }

    pub(crate) fn snyk_request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let secret = self.sandbox.world(|world| world.snyk.token(ACME_SNYK_TOKEN).unwrap().secret.clone());
        let url = self.sandbox.snyk_api_url().join(path).unwrap();
        self.http.request(method, url).header("authorization", format!("token {secret}"))
    }

    pub(crate) async fn rest(&mut self, operation: &'static str, path: &str, expected: u16) {
        let separator = if path.contains('?') { '&' } else { '?' };
        let request = self.snyk_request(reqwest::Method::GET, &format!("/rest{path}{separator}version=2026-03-25"));
        self.record("snyk-rest", operation, request, expected).await;
    }

    pub(crate) async fn v1(&mut self, operation: &'static str, path: &str, expected: u16) {
        let request = self.snyk_request(reqwest::Method::GET, &format!("/v1{path}"));
        self.record("snyk-v1", operation, request, expected).await;
    }

    async fn search(&mut self, more: &str, body: Value, expected: u16) {
        let path = format!("/rest/groups/{}/assets/search?version=2026-03-25{more}", group(self.sandbox));
        let request = self.snyk_request(reqwest::Method::POST, &path).json(&body);
        self.record("snyk-rest", "post /groups/{group_id}/assets/search", request, expected).await;
    }

    pub(crate) async fn bitbucket(&mut self, operation: &'static str, path: &str, expected: u16) {
        let secret = self.sandbox.world(|world| world.bitbucket.credential(ACME_CREDENTIAL).unwrap().secret.clone());
        let url = self.sandbox.bitbucket_api_url().join(&format!("/2.0{path}")).unwrap();
        let request = self.http.get(url).basic_auth("snyk-bot@acme.example", Some(secret));
        self.record("bitbucket-cloud", operation, request, expected).await;
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut World)) {
        self.sandbox.world(change);
    }
}

pub(crate) fn group(sandbox: &Sandbox) -> String {
    sandbox.world(|world| world.snyk.groups[0].id.to_string())
}

/// Calls everything.
pub(crate) async fn walk(sandbox: &Sandbox) -> Vec<Recorded> {
    // A second installation in this process finds the first, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "the sandbox is tested without the daemon's own client")]
    let builder = reqwest::Client::builder();
    let http = builder.tls_certs_only([]).no_proxy().build().unwrap();
    let mut walk = Walk { sandbox, http, recorded: Vec::new() };
    snyk_identity(&mut walk).await;
    snyk_group(&mut walk).await;
    snyk_organization(&mut walk).await;
    snyk_v1(&mut walk).await;
    moods::snyk(&mut walk).await;
    moods::bitbucket(&mut walk).await;
    bitbucket_account(&mut walk).await;
    bitbucket_repositories(&mut walk).await;
    bitbucket_refusals(&mut walk).await;
    walk.recorded
}

async fn snyk_identity(walk: &mut Walk<'_>) {
    let listing = walk.snyk_request(reqwest::Method::GET, "/rest/openapi");
    walk.record("snyk-rest", "get /openapi", listing, 200).await;
    walk.rest("get /self", "/self", 200).await;
    walk.rest("get /self/personal_access_tokens", "/self/personal_access_tokens", 403).await;
    let unversioned = walk.snyk_request(reqwest::Method::GET, "/rest/self");
    walk.record("snyk-rest", "get /self", unversioned, 400).await;
    let stranger = walk.http.get(walk.sandbox.snyk_api_url().join("/rest/self?version=2026-03-25").unwrap());
    walk.record("snyk-rest", "get /self", stranger, 401).await;
    let user = walk.sandbox.world(|world| world.snyk.token("someone").unwrap().secret.clone());
    for (operation, path) in
        [("get /self", "self"), ("get /self/personal_access_tokens", "self/personal_access_tokens")]
    {
        let url = walk.sandbox.snyk_api_url().join(&format!("/rest/{path}?version=2026-03-25")).unwrap();
        let request = walk.http.get(url).header("authorization", format!("token {user}"));
        walk.record("snyk-rest", operation, request, 200).await;
    }
}

async fn snyk_group(walk: &mut Walk<'_>) {
    let group = group(walk.sandbox);
    let account = walk.sandbox.world(|world| world.snyk.token(ACME_SNYK_TOKEN).unwrap().id);
    walk.rest("get /groups", "/groups", 200).await;
    walk.rest("get /groups", "/groups?limit=7", 400).await;
    walk.rest("get /groups/{group_id}", &format!("/groups/{group}"), 200).await;
    walk.rest("get /groups/{group_id}", &format!("/groups/{account}"), 404).await;
    walk.rest("get /groups/{group_id}/orgs", &format!("/groups/{group}/orgs?limit=10&expand=count"), 200).await;
    let accounts = format!("/groups/{group}/service_accounts");
    walk.rest("get /groups/{group_id}/service_accounts", &accounts, 200).await;
    let one = "get /groups/{group_id}/service_accounts/{serviceaccount_id}";
    walk.rest(one, &format!("{accounts}/{account}"), 200).await;
    walk.rest(one, &format!("{accounts}/{group}"), 404).await;
    walk.rest("get /groups/{group_id}/audit_logs/search", &format!("/groups/{group}/audit_logs/search"), 200).await;

    walk.search("&limit=100", json!({}), 200).await;
    walk.search("", json!({ "query": { "attributes": { "operator": "and", "values": [] } } }), 400).await;
    walk.change(|world| world.snyk.asset_search = AssetSearch::LiveNames);
    walk.search("&limit=10", json!({}), 200).await;
    walk.change(|world| world.snyk.asset_search = AssetSearch::Absent);
    walk.search("", json!({}), 404).await;
    walk.change(|world| world.snyk.asset_search = AssetSearch::Present);

    let inventory = "get /groups/{group_id}/inventory/assets";
    let path = format!("/groups/{group}/inventory/assets");
    walk.rest(inventory, &format!("{path}?limit=100&meta_count=with"), 200).await;
    walk.rest(inventory, &format!("{path}?meta_count=only"), 200).await;
    walk.rest(inventory, &format!("{path}?filter=colour==blue"), 400).await;
    walk.change(|world| world.snyk.inventory_assets = InventoryAssets::Absent);
    walk.rest(inventory, &path, 404).await;
    walk.change(|world| world.snyk.inventory_assets = InventoryAssets::Present);

    walk.change(|world| world.snyk_token_mut(ACME_SNYK_TOKEN).unwrap().permissions.clear());
    walk.rest("get /groups/{group_id}", &format!("/groups/{group}"), 403).await;
    walk.rest(inventory, &path, 403).await;
    walk.search("", json!({}), 403).await;
    walk.change(|world| world.snyk_token_mut(ACME_SNYK_TOKEN).unwrap().permissions = Permission::ALL.into());
}

async fn snyk_organization(walk: &mut Walk<'_>) {
    walk.change(|world| world.save_at_organization("acme-team-000", ACME_CREDENTIAL));
    let (id, target, project, integration) = walk.sandbox.world(|world| {
        let found = &world.snyk.organizations[0];
        (found.id, found.targets[0].id, found.projects[0].id, found.integrations[0].id)
    });
    let base = format!("/orgs/{id}");
    walk.rest("get /orgs", "/orgs?limit=10", 200).await;
    walk.rest("get /orgs/{org_id}", &base, 200).await;
    walk.rest("get /orgs/{org_id}", &format!("/orgs/{target}"), 404).await;
    let targets = "get /orgs/{org_id}/targets";
    walk.rest(targets, &format!("{base}/targets?exclude_empty=false&count=true&limit=5"), 200).await;
    walk.rest(targets, &format!("{base}/targets?exclude_empty=maybe"), 400).await;
    walk.rest("get /orgs/{org_id}/targets/{target_id}", &format!("{base}/targets/{target}"), 200).await;
    let projects = "get /orgs/{org_id}/projects";
    walk.rest(projects, &format!("{base}/projects?limit=10&meta.latest_issue_counts=true"), 200).await;
    walk.rest(projects, &format!("{base}/projects?limit=10&expand=target&origins=bitbucket-cloud"), 200).await;
    walk.rest(projects, &format!("{base}/projects?meta_count=only"), 200).await;
    walk.rest("get /orgs/{org_id}/projects/{project_id}", &format!("{base}/projects/{project}"), 200).await;
    walk.rest("get /orgs/{org_id}/audit_logs/search", &format!("{base}/audit_logs/search"), 200).await;
    walk.rest("get /orgs/{org_id}/audit_logs/search", &format!("{base}/audit_logs/search?size=0"), 400).await;
    walk.rest("get /orgs/{org_id}/service_accounts", &format!("{base}/service_accounts"), 200).await;
    let integrations = "get /orgs/{org_id}/integrations";
    walk.rest(integrations, &format!("{base}/integrations"), 200).await;
    walk.rest("get /orgs/{org_id}/integrations/{integration_id}", &format!("{base}/integrations/{integration}"), 200)
        .await;
    walk.change(|world| world.snyk.rest_integrations = Availability::Absent);
    walk.rest(integrations, &format!("{base}/integrations"), 404).await;
    walk.change(|world| world.hide_organization(ACME_SNYK_TOKEN, "acme-team-011"));
    let hidden = walk.sandbox.world(|world| world.snyk.organizations[11].id);
    walk.rest(targets, &format!("/orgs/{hidden}/targets"), 404).await;
}

async fn snyk_v1(walk: &mut Walk<'_>) {
    let (id, project, integration) = walk.sandbox.world(|world| {
        let found = &world.snyk.organizations[0];
        (found.id, found.projects[0].id, found.integrations[0].id)
    });
    let map = "get /org/{orgId}/integrations";
    walk.v1(map, &format!("/org/{id}/integrations"), 200).await;
    walk.v1(map, &format!("/org/{project}/integrations"), 404).await;
    let stranger = walk.http.get(walk.sandbox.snyk_api_url().join(&format!("/v1/org/{id}/integrations")).unwrap());
    walk.record("snyk-v1", map, stranger, 401).await;
    walk.v1("get /org/{orgId}/integrations/{type}", &format!("/org/{id}/integrations/bitbucket-cloud"), 200).await;
    let settings = "get /org/{orgId}/integrations/{integrationId}/settings";
    walk.v1(settings, &format!("/org/{id}/integrations/{integration}/settings"), 200).await;
    walk.v1("get /org/{orgId}/project/{projectId}", &format!("/org/{id}/project/{project}"), 200).await;
    walk.change(|world| {
        world.snyk_token_mut(ACME_SNYK_TOKEN).unwrap().permissions.remove(&Permission::IntegrationRead);
    });
    walk.v1(map, &format!("/org/{id}/integrations"), 403).await;
}

async fn bitbucket_account(walk: &mut Walk<'_>) {
    walk.bitbucket("get /user", "/user", 200).await;
    walk.bitbucket("get /user/workspaces", "/user/workspaces", 200).await;
    walk.bitbucket("get /user/workspaces", "/user/workspaces?pagelen=1000", 400).await;
    walk.bitbucket("get /user/workspaces/{workspace}/permission", "/user/workspaces/acme/permission", 200).await;
    let permissions = "get /user/workspaces/{workspace}/permissions/repositories";
    let path = "/user/workspaces/acme/permissions/repositories?q=permission%3D%22admin%22";
    walk.bitbucket(permissions, path, 200).await;
    walk.bitbucket("get /workspaces/{workspace}", "/workspaces/acme", 200).await;
    walk.bitbucket("get /workspaces/{workspace}", "/workspaces/nobody", 404).await;
    walk.bitbucket("get /workspaces/{workspace}/projects", "/workspaces/acme/projects", 200).await;
    walk.bitbucket("get /workspaces/{workspace}/hooks", "/workspaces/acme/hooks", 200).await;
}

async fn bitbucket_repositories(walk: &mut Walk<'_>) {
    let list = "get /repositories/{workspace}";
    walk.bitbucket(list, "/repositories/acme?pagelen=100", 200).await;
    walk.bitbucket(list, "/repositories/acme?pagelen=100&page=2", 200).await;
    walk.bitbucket(list, "/repositories/acme?pagelen=1&fields=size,next", 200).await;
    walk.bitbucket(list, "/repositories/acme?pagelen=1000", 400).await;
    walk.bitbucket(list, "/repositories/nobody", 404).await;
    walk.change(|world| {
        world.create_empty_repository("acme", "hollow").unwrap();
    });
    walk.bitbucket("get /repositories/{workspace}/{repo_slug}", "/repositories/acme/hollow", 200).await;
    walk.bitbucket("get /repositories/{workspace}/{repo_slug}", "/repositories/acme/nowhere", 404).await;
    walk.bitbucket("get /repositories/{workspace}/{repo_slug}/hooks", "/repositories/acme/service-000/hooks", 200)
        .await;
    let pulls = "get /repositories/{workspace}/{repo_slug}/pullrequests";
    walk.bitbucket(pulls, "/repositories/acme/service-000/pullrequests?pagelen=50", 200).await;
    walk.bitbucket(pulls, "/repositories/acme/service-000/pullrequests?pagelen=51", 400).await;
    let issues = "get /repositories/{workspace}/{repo_slug}/issues";
    walk.bitbucket(issues, "/repositories/acme/service-000/issues", 200).await;
    walk.change(|world| world.bitbucket.issue_tracker = IssueTracker::Off);
    walk.bitbucket(issues, "/repositories/acme/service-000/issues", 404).await;
    walk.change(|world| world.bitbucket.issue_tracker = IssueTracker::Removed);
    walk.bitbucket(issues, "/repositories/acme/service-000/issues", 410).await;
    let source = "get /repositories/{workspace}/{repo_slug}/src/{commit}/{path}";
    walk.bitbucket(source, "/repositories/acme/service-000/src/main/catalog-info.yaml", 200).await;
    walk.bitbucket(source, "/repositories/acme/service-000/src/main/catalog-info.yaml?format=meta", 200).await;
    walk.bitbucket(source, "/repositories/acme/service-001/src/main/catalog-info.yaml", 404).await;
}

async fn bitbucket_refusals(walk: &mut Walk<'_>) {
    let hooks = "get /repositories/{workspace}/{repo_slug}/hooks";
    walk.change(|world| world.take_admin("acme-snyk-bot"));
    walk.bitbucket(hooks, "/repositories/acme/service-000/hooks", 403).await;
    walk.bitbucket("get /workspaces/{workspace}/hooks", "/workspaces/acme/hooks", 403).await;
    for scope in pilot_guide_scopes() {
        walk.change(|world| world.take_scope(ACME_CREDENTIAL, &scope));
    }
    walk.bitbucket("get /user", "/user", 403).await;
    walk.bitbucket(hooks, "/repositories/acme/service-000/hooks", 403).await;
    walk.bitbucket("get /user/workspaces/{workspace}/permission", "/user/workspaces/acme/permission", 403).await;
    walk.change(|world| world.revoke_credential(ACME_CREDENTIAL));
    walk.bitbucket("get /user", "/user", 401).await;
    let list = "get /repositories/{workspace}";
    walk.bitbucket(list, "/repositories/acme", 401).await;
    let url = walk.sandbox.bitbucket_api_url().join("/2.0/user").unwrap();
    let bearer = walk.http.get(url).bearer_auth("ATCTT3xFAKE");
    walk.record("bitbucket-cloud", "get /user", bearer, 401).await;
}
