//! Who is let in, and in what words the others are turned away.

use serde_json::json;

use super::*;
use crate::sandbox::world::{OauthConsumer, Permission, SnykTokenKind, pilot_guide_scopes};
use chrono::TimeDelta;

#[tokio::test]
async fn bitbucket_takes_api_tokens_by_basic_only() {
    let mut world = World::acme(now());
    let owner = world.account_id("acme-snyk-bot").unwrap();
    world.add_app_password("old-password", owner, pilot_guide_scopes());
    let sandbox = at_now(world).await;
    let url = sandbox.bitbucket_api_url().join("/2.0/user").unwrap();
    let token = secret(&sandbox, ACME_CREDENTIAL);
    let basic = async |user: &str, password: &str| send(http().get(url.clone()).basic_auth(user, Some(password))).await;

    let good = basic("Snyk-Bot@acme.example", &token).await;
    assert_eq!(good.status, 200);
    assert_eq!(good.json()["username"], "acme-snyk-bot");
    assert!(good.header("x-oauth-scopes").unwrap().contains("write:webhook:bitbucket"));
    assert_eq!(good.header("x-accepted-oauth-scopes"), Some("account"));
    assert_eq!(good.header("x-credential-type"), Some("api_token"));
    assert!(good.header("x-token-id").is_some());

    let old_password = secret(&sandbox, "old-password");
    for (user, password) in [("else@acme.example", &*token), ("acme-snyk-bot", &*old_password), ("", &*token)] {
        let refused = basic(user, password).await;
        assert_eq!((refused.status, refused.text.as_str()), (401, ""), "{user}");
        assert!(refused.header("www-authenticate").unwrap().starts_with("BitbucketCustom realm="));
    }
    let bearer = send(http().get(url.clone()).bearer_auth(&token)).await;
    assert_eq!(bearer.status, 401);
    assert!(bearer.json()["error"]["message"].as_str().unwrap().starts_with("Token is invalid, expired"));

    sandbox.world(|world| world.expire_credential(ACME_CREDENTIAL, now()));
    assert_eq!(basic("snyk-bot@acme.example", &token).await.status, 401);
}

#[tokio::test]
async fn access_tokens_have_no_user_and_their_own_words() {
    let mut world = World::acme(now());
    let workspace = world.bitbucket.workspaces[0].uuid;
    world.add_workspace_access_token("workspace-token", workspace, ["pullrequest:write".to_owned()].into());
    let sandbox = at_now(world).await;
    let token = secret(&sandbox, "workspace-token");
    let get =
        async |path: &str| send(http().get(sandbox.bitbucket_api_url().join(path).unwrap()).bearer_auth(&token)).await;

    let user = get("/2.0/user").await;
    assert_eq!(user.status, 403);
    assert_eq!(user.json()["error"]["message"], "This API is not accessible by this authentication mechanism");
    assert_eq!(user.header("x-credential-type"), Some("workspace_access_token"));
    assert_eq!(user.header("x-oauth-scopes"), Some("pullrequest:write"));
    // `pullrequest:write` implies `repository`.
    assert_eq!(get("/2.0/repositories/acme?pagelen=1").await.status, 200);
    let hooks = get("/2.0/repositories/acme/service-000/hooks").await;
    assert_eq!(hooks.status, 403);
    assert_eq!(hooks.json()["error"]["detail"], json!({ "required": ["webhook"], "granted": ["pullrequest:write"] }));
    let sent = http().get(sandbox.bitbucket_api_url().join("/2.0/user").unwrap()).basic_auth("x", Some(&token));
    assert_eq!(send(sent).await.status, 401);
}

#[tokio::test]
async fn a_missing_scope_a_missing_right_and_a_missing_thing_differ() {
    let sandbox = at_now(World::acme(now())).await;
    let hooks = "/2.0/repositories/acme/service-000/hooks";
    assert_eq!(bitbucket(&sandbox, hooks).await.status, 200);

    sandbox.world(|world| world.take_scope(ACME_CREDENTIAL, "read:webhook:bitbucket"));
    let scope = bitbucket(&sandbox, hooks).await;
    assert_eq!(scope.status, 403);
    assert_eq!(scope.json()["error"]["detail"]["required"], json!(["read:webhook:bitbucket"]));
    assert!(scope.header("x-oauth-scopes").is_some());

    sandbox.world(|world| {
        world.credential_mut(ACME_CREDENTIAL).unwrap().scopes = pilot_guide_scopes();
        world.take_admin("acme-snyk-bot");
    });
    let right = bitbucket(&sandbox, hooks).await;
    assert_eq!((right.status, right.json()), (403, json!({ "type": "error", "error": { "message": "Forbidden" } })));
    assert_eq!(bitbucket(&sandbox, "/2.0/repositories/acme/nowhere").await.status, 404);
    assert_eq!(bitbucket(&sandbox, "/2.0/repositories/nobody").await.status, 404);
    for removed in [
        "/2.0/workspaces",
        "/2.0/repositories",
        "/2.0/user/permissions/workspaces",
        "/2.0/repositories/acme/service-000/issues",
    ] {
        assert_eq!(bitbucket(&sandbox, removed).await.status, 410, "{removed}");
    }
}

#[tokio::test]
async fn strangers_and_former_members_see_public_repositories_only() {
    let sandbox = at_now(World::acme(now())).await;
    sandbox.world(|world| world.leave_workspace("acme-snyk-bot", "acme"));
    let list = bitbucket(&sandbox, "/2.0/repositories/acme?pagelen=100").await.json();
    assert_eq!(list["size"], 8);
    assert!(list["values"].as_array().unwrap().iter().all(|found| found["is_private"] == false));
    assert_eq!(bitbucket(&sandbox, "/2.0/user/workspaces").await.json()["size"], 0);
    assert_eq!(bitbucket(&sandbox, "/2.0/user/workspaces/acme/permission").await.status, 403);
    assert_eq!(bitbucket(&sandbox, "/2.0/repositories/acme/service-000").await.status, 404);
    let anonymous = send(http().get(sandbox.bitbucket_api_url().join("/2.0/repositories/acme").unwrap())).await;
    assert_eq!((anonymous.status, anonymous.header("x-oauth-scopes")), (200, None));
}

#[tokio::test]
async fn snyk_wants_its_scheme_its_region_its_version() {
    let mut world = World::acme(now());
    world.add_snyk_token(
        "client",
        SnykTokenKind::OauthClient { client_id: "id-1".to_owned(), lifetime: TimeDelta::hours(1) },
    );
    let sandbox = at_now(world).await;
    let token = sandbox.world(|world| world.snyk.token(ACME_SNYK_TOKEN).unwrap().secret.clone());
    let check = async |authorization: &str, path: &str, expected: u16| {
        let url = sandbox.snyk_api_url().join(path).unwrap();
        let got = send(http().get(url).header("authorization", authorization)).await;
        assert_eq!(got.status, expected, "{path}");
        got
    };
    let this_caller = "/rest/self?version=2026-03-25";
    let good = check(&format!("Token {token}"), this_caller, 200).await;
    assert_eq!(good.json()["data"]["type"], "service_account");
    assert_eq!(good.header("content-type"), Some("application/vnd.api+json"));
    assert_eq!(good.header("snyk-version-served"), Some("2024-04-22"));
    assert!(good.header("x-ratelimit-limit").unwrap().contains(','));
    let refused = check(&format!("bearer {token}"), this_caller, 401).await;
    assert_eq!(refused.json()["errors"][0]["code"], "SNYK-0005");
    let unversioned = check(&format!("token {token}"), "/rest/self", 400).await;
    assert_eq!(unversioned.json()["errors"][0]["source"]["parameter"], "version");
    check(&format!("token {token}"), "/rest/self?version=latest", 400).await;
    check(&format!("token {token}"), "/rest/nonsense?version=2026-03-25", 404).await;

    let url = sandbox.snyk_api_url().join("/oauth2/token").unwrap();
    let secret = sandbox.world(|world| world.snyk.token("client").unwrap().secret.clone());
    let form = [("grant_type", "client_credentials"), ("client_id", "id-1"), ("client_secret", secret.as_str())];
    let grant = send(http().post(url.clone()).form(&form)).await.json();
    assert_eq!(grant["expires_in"], 3600);
    let access = grant["access_token"].as_str().unwrap();
    check(&format!("bearer {access}"), this_caller, 200).await;
    check(&format!("token {access}"), this_caller, 401).await;
    let wrong = [("grant_type", "client_credentials"), ("client_id", "id-1"), ("client_secret", "guess")];
    assert_eq!(send(http().post(url).form(&wrong)).await.status, 401);

    sandbox.world(|world| world.snyk_token_mut(ACME_SNYK_TOKEN).unwrap().region = "SNYK-EU-01".to_owned());
    check(&format!("token {token}"), this_caller, 401).await;
}

#[tokio::test]
async fn snyk_hides_with_404_and_forbids_with_403() {
    let sandbox = at_now(World::acme(now()).with_organizations(2)).await;
    let organization = organization(1);
    let v1 = format!("/v1/org/{organization}/integrations");
    let targets = format!("/rest/orgs/{organization}/targets?version=2026-03-25");
    assert!(snyk(&sandbox, &v1).await.json()["bitbucket-cloud"].is_string());
    sandbox.world(|world| {
        world.snyk_token_mut(ACME_SNYK_TOKEN).unwrap().permissions.remove(&Permission::ProjectRead);
    });
    let forbidden = snyk(&sandbox, &targets).await;
    assert_eq!((forbidden.status, forbidden.json()["errors"][0]["code"].clone()), (403, json!("SNYK-OPENAPI-0002")));
    sandbox.world(|world| world.hide_organization(ACME_SNYK_TOKEN, "acme-team-001"));
    assert_eq!(snyk(&sandbox, &targets).await.status, 404);
    let hidden = snyk(&sandbox, &v1).await;
    assert_eq!(hidden.status, 404);
    assert!(hidden.json()["message"].as_str().unwrap().contains("was not found or you may not have"));
    let seen = snyk(&sandbox, &format!("/rest/groups/{}/orgs?version=2026-03-25", group())).await.json();
    assert_eq!(seen["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_admin_api_lists_api_tokens_to_its_keys() {
    let mut world = World::acme(now());
    world.rotate_credential(ACME_CREDENTIAL, "snyk-integration-2", None);
    let sandbox = at_now(world).await;
    let (organization, key) =
        sandbox.world(|world| (world.atlassian.organization.clone(), world.atlassian.keys[0].secret.clone()));
    let path = format!("/admin/api-access/v1/orgs/{organization}/api-tokens");
    let get = async |query: &str| {
        let url = sandbox.atlassian_admin_url().join(&format!("{path}?{query}")).unwrap();
        send(http().get(url).bearer_auth(&key)).await
    };
    let first = get("pageSize=1&q=SNYK-integration").await.json();
    assert_eq!(first["data"][0]["label"], ACME_CREDENTIAL);
    assert!(first["data"][0]["expiresAt"].is_string());
    let second = get(&format!("pageSize=1&cursor={}", first["links"]["next"].as_str().unwrap())).await.json();
    assert_eq!(second["data"][0]["expiresAt"], Value::Null);
    assert_eq!(second["links"]["next"], Value::Null);
    assert_eq!(get("limit=5").await.status, 500);
    sandbox.world(|world| world.atlassian.keys[0].scopes.clear());
    assert_eq!(get("pageSize=1").await.status, 403);
}

#[tokio::test]
async fn oauth_consumers_get_a_token_that_ends() {
    let mut world = World::acme(now());
    let owner = world.account_id("acme-snyk-bot").unwrap();
    world.bitbucket.consumers.push(OauthConsumer {
        key: "consumer-key".to_owned(),
        secret: "fake-consumer-secret".to_owned(),
        owner,
        scopes: ["account", "pullrequest:write"].map(str::to_owned).into(),
        lifetime: TimeDelta::hours(2),
    });
    let clock = Clock::scaled(now(), Pace::Immediate);
    let sandbox = Sandbox::start(clock.clone(), world).await.unwrap();
    let mut script = clock.participant();
    let token_url = sandbox.bitbucket_site_url().join("/site/oauth2/access_token").unwrap();
    let form = [("grant_type", "client_credentials")];
    let ask = async |secret: &str| {
        send(http().post(token_url.clone()).basic_auth("consumer-key", Some(secret)).form(&form)).await
    };
    assert_eq!(ask("guess").await.status, 401);
    let grant = ask("fake-consumer-secret").await.json();
    assert_eq!((&grant["expires_in"], &grant["scopes"]), (&json!(7200), &json!("account pullrequest:write")));
    let user = || {
        let url = sandbox.bitbucket_api_url().join("/2.0/user").unwrap();
        send(http().get(url).bearer_auth(grant["access_token"].as_str().unwrap()))
    };
    assert_eq!(user().await.status, 200);
    script.sleep_until(now() + TimeDelta::hours(2)).await;
    let ended = user().await;
    assert_eq!((ended.status, &ended.json()["error"]["message"]), (401, &json!("Access token expired.")));
}
