//! Rounds that ask Bitbucket Cloud.

use super::*;
use crate::client::RefusedSecret;
use crate::domain::facts::{OrganizationImports, Target};

const SCOPES: &str = "read:user:bitbucket, read:workspace:bitbucket, read:repository:bitbucket, read:webhook:bitbucket";

pub(super) fn user() -> ResponseTemplate {
    ok(&json!({"type": "user", "account_id": "a1", "display_name": "Bot"}))
}

pub(super) fn with_scopes(answer: ResponseTemplate) -> ResponseTemplate {
    answer.insert_header("x-oauth-scopes", SCOPES).insert_header("x-token-id", "t1")
}

pub(super) fn refused(message: &str, detail: &Value) -> ResponseTemplate {
    let error = json!({"type": "error", "error": {"message": message, "detail": detail}});
    ResponseTemplate::new(403).set_body_json(error)
}

pub(super) fn missing_scope() -> ResponseTemplate {
    refused(
        "Your credentials lack one or more required privilege scopes.",
        &json!({"required": ["read:webhook:bitbucket"], "granted": ["read:user:bitbucket"]}),
    )
}

pub(super) fn repositories(names: &[&str]) -> ResponseTemplate {
    let values: Vec<_> = names
        .iter()
        .map(|name| {
            json!({"uuid": format!("{{{name}}}"), "full_name": format!("acme/{name}"), "size": 1,
                "mainbranch": {"name": "main"}, "updated_on": "2026-11-23T08:00:00Z"})
        })
        .collect();
    ok(&json!({"values": values, "size": names.len()}))
}

pub(super) fn workspaces(entries: &[(&str, &str)]) -> ResponseTemplate {
    let values: Vec<_> = entries
        .iter()
        .map(|(slug, uuid)| json!({"administrator": true, "workspace": {"slug": slug, "uuid": uuid}}))
        .collect();
    with_scopes(ok(&json!({"values": values})))
}

#[tokio::test]
async fn one_call_tells_whether_a_credential_is_accepted() {
    let check = async |answer: ResponseTemplate| {
        let world = World::new().await;
        world.answers("GET", "/2.0/user", answer).await;
        shown(&world.run_credential(ProbeKind::ScmCredential, "pat").await)
    };
    insta::assert_snapshot!(check(with_scopes(user())).await, @r#"
    Accepted { account: Some(ScmAccount { id: "a1", name: "Bot" }), token_id: Some("t1"), scopes: Some({"read:repository:bitbucket", "read:user:bitbucket", "read:webhook:bitbucket", "read:workspace:bitbucket"}) }
    account_read: Granted
    workspace_read: Granted
    project_read: Missing { scope: Some("read:project:bitbucket") }
    repository_read: Granted
    repository_write: Missing { scope: Some("write:repository:bitbucket") }
    pull_request_read: Missing { scope: Some("read:pullrequest:bitbucket") }
    pull_request_write: Missing { scope: Some("write:pullrequest:bitbucket") }
    issue_read: Unverifiable
    webhook_read: Granted
    webhook_write: Missing { scope: Some("write:webhook:bitbucket") }
    atlassian_account_read: Unverifiable
    expiry: Untold
    "#);
    insta::assert_snapshot!(check(user()).await, @r#"
    Accepted { account: Some(ScmAccount { id: "a1", name: "Bot" }), token_id: None, scopes: None }
    account_read: Granted
    repository_write: Unverifiable
    pull_request_write: Unverifiable
    webhook_write: Unverifiable
    issue_read: Unverifiable
    atlassian_account_read: Unverifiable
    expiry: Untold
    "#);
    insta::assert_snapshot!(check(ResponseTemplate::new(401)).await, @"Rejected(WrongTokenOrEmail)");
    insta::assert_snapshot!(check(error(410)).await, @"FAILED bitbucket-cloud gone (endpoint): could not ask who the credential is: the API answered 410: no");
    insta::assert_snapshot!(check(html(200)).await, @"FAILED bitbucket-cloud unexpected_body (api): could not ask who the credential is: the API answered 200 with an HTML page instead of the expected JSON");
}

#[tokio::test]
async fn an_access_token_has_no_user_and_must_list_repositories() {
    let refusal = || refused("This API is not accessible by this authentication mechanism", &Value::Null);
    let mut world = World::new().await;
    world.auth = BitbucketCloudAuth::AccessToken { token: "ATCTT3xsecret".into() };
    world.answers("GET", "/2.0/user", refusal().insert_header("x-oauth-scopes", "repository")).await;
    world.answers("GET", "/2.0/repositories/acme", repositories(&["web"])).await;
    let run = world.run_credential(ProbeKind::ScmCredential, "pat").await;
    assert!(shown(&run).starts_with("Accepted { account: None"), "{}", shown(&run));

    world.forget_answers().await;
    world.answers("GET", "/2.0/user", refusal()).await;
    world.answers("GET", "/2.0/repositories/acme", ResponseTemplate::new(401)).await;
    let run = world.run_credential(ProbeKind::ScmCredential, "pat").await;
    assert_eq!(shown(&run), "Rejected(Unspecified)");
}

#[tokio::test]
async fn nothing_is_asked_with_a_secret_that_was_refused() {
    let mut world = World::new().await;
    world.auth = BitbucketCloudAuth::Refused(RefusedSecret("the secret from file token is empty".to_owned()));
    for run in [world.run_credential(ProbeKind::ScmCredential, "pat").await, world.run_profile().await] {
        assert!(run.outcome.findings.is_empty() && run.outcome.notices.is_empty(), "{}", shown(&run));
        assert!(!run.outcome.failures.is_empty());
        for failure in &run.outcome.failures {
            assert_eq!(failure.reason, "secret_refused");
            assert!(failure.detail.ends_with("the secret from file token is empty"), "{}", failure.detail);
        }
    }
    assert_eq!(world.asked().await, [""; 0]);
}

#[tokio::test]
async fn the_admin_api_tells_of_the_token_saved_in_snyk() {
    let mut world = World::new().await;
    world.listed_as = Some(("snyk", "bot@acme.example"));
    world.answers("GET", "/2.0/user", user()).await;
    let token = |id: &str, label: &str| {
        json!({"id": id, "label": label, "status": "ALLOWED", "createdAt": "2026-11-01T00:00:00Z",
            "expiresAt": "2027-03-01T00:00:00Z", "user": {"email": "bot@acme.example"}})
    };
    let list = "/admin/api-access/v1/orgs/o1/api-tokens";
    world.answers("GET", list, ok(&json!({"data": [token("1", "snyk"), token("2", "ci")]}))).await;
    let listed = async |world: &World| {
        let run = world.run_credential(ProbeKind::ScmCredential, "pat").await;
        shown(&run).lines().filter(|line| line.contains("ListedToken") || line.contains("FAILED")).collect::<String>()
    };
    insta::assert_snapshot!(listed(&world).await, @"ListedToken { found: true, allowed: true, created_at: Some(2026-11-01T00:00:00Z), expires_at: Some(2027-03-01T00:00:00Z), last_active_at: None, matching: 1, labels: [], more_labels: 0 }");

    // Two of the same name prove nothing; a key without the right is a failure of that API alone.
    world.forget_answers().await;
    world.answers("GET", "/2.0/user", user()).await;
    world.answers("GET", list, ok(&json!({"data": [token("1", "snyk"), token("2", "snyk")]}))).await;
    insta::assert_snapshot!(listed(&world).await, @"ListedToken { found: false, allowed: false, created_at: None, expires_at: None, last_active_at: None, matching: 2, labels: [], more_labels: 0 }");
    world.forget_answers().await;
    world.answers("GET", "/2.0/user", user()).await;
    world.answers("GET", list, error(403)).await;
    insta::assert_snapshot!(listed(&world).await, @"FAILED atlassian-admin forbidden (endpoint): could not list the organisation's API tokens: the API answered 403: no");
}

#[tokio::test]
async fn a_credential_of_organizations_alone_proves_its_own_rights() {
    let mut world = World::new().await;
    world.fleet.integrations.get_mut(&IntegrationName::from("acme")).unwrap().group = None;
    import(&mut world, &["api", "web"]);
    world.answers("GET", "/2.0/user", with_scopes(user())).await;
    let list = "/2.0/repositories/acme";
    world.answers("GET", list, repositories(&["api", "web"])).await;
    world.answers_when(list, Asks("role"), ok(&json!({"size": 1, "values": []}))).await;
    let administered = ok(&json!({"size": 2, "values": []}));
    world.answers("GET", "/2.0/user/workspaces/acme/permissions/repositories", administered).await;
    let run = world.run_credential(ProbeKind::ScmCredential, "pat").await;
    assert!(shown(&run).ends_with("repository_admin: Granted"), "{}", shown(&run));
}

#[tokio::test]
async fn an_access_token_is_a_member_of_the_workspace_whose_repositories_it_lists() {
    let refusal = || refused("This API is not accessible by this authentication mechanism", &Value::Null);
    let check = async |workspace: ResponseTemplate, list: ResponseTemplate| {
        let mut world = World::new().await;
        world.auth = BitbucketCloudAuth::AccessToken { token: "ATCTT3xsecret".into() };
        let scopes = refusal().insert_header("x-oauth-scopes", "repository");
        world.answers("GET", "/2.0/user/workspaces", scopes).await;
        world.answers("GET", "/2.0/workspaces/acme", workspace).await;
        world.answers("GET", "/2.0/repositories/acme", list).await;
        let refusal = refusal();
        world.answers("GET", "/2.0/user/workspaces/acme/permissions/repositories", refusal).await;
        world.answers("GET", "/2.0/repositories/acme/web/issues", error(404)).await;
        shown(&world.run_profile().await)
    };
    let private = json!({"uuid": "{web}", "full_name": "acme/web", "size": 1, "is_private": true});
    let private = ok(&json!({"values": [private], "size": 1}));
    insta::assert_snapshot!(check(missing_scope(), private).await, @r#"
    workspaces: {WorkspaceSlug("acme"): Member { uuid: None, administrator: None }}
    repositories: acme/web (walked 0 h ago)
    repository_admin: Granted
    "#);
    insta::assert_snapshot!(check(error(404), error(404)).await, @r#"
    workspaces: {WorkspaceSlug("acme"): NotFound}
    repositories:  (walked 0 h ago)
    "#);
    insta::assert_snapshot!(check(missing_scope(), error(404)).await, @"FAILED bitbucket-cloud not_found (endpoint): could not list the repositories of workspace acme: the API answered 404: no");
}

#[tokio::test]
async fn a_rejected_credential_is_told_by_whatever_probe_meets_it() {
    let world = World::new().await;
    world.answers("GET", "/2.0/user", ResponseTemplate::new(401)).await;
    world.answers("GET", "/2.0/user/workspaces", ResponseTemplate::new(401)).await;
    assert_eq!(shown(&world.run_profile().await), "Rejected(WrongTokenOrEmail)");
}

#[tokio::test]
async fn repositories_are_walked_once_and_then_followed_by_their_changes() {
    let list = "/2.0/repositories/acme";
    let mount = async |world: &World, all: &[&str], changed: &[&str]| {
        world.answers("GET", "/2.0/user/workspaces", workspaces(&[("acme", "{w1}")])).await;
        world.answers("GET", list, repositories(all)).await;
        world.answers_when(list, Asks("q"), repositories(changed)).await;
        let first = ok(&json!({"size": all.len(), "next": "x", "values": [{"uuid": "{x}", "full_name": "acme/x"}]}));
        world.answers_when(list, Asks("pagelen=1"), first).await;
        world.answers("GET", "/2.0/repositories/acme/api/issues", error(410)).await;
    };
    let mut world = World::new().await;
    mount(&world, &["api", "web"], &[]).await;
    let run = world.run_profile().await;
    insta::assert_snapshot!(shown(&run), @r#"
    workspaces: {WorkspaceSlug("acme"): Member { uuid: Some("{w1}"), administrator: Some(true) }}
    repositories: acme/api acme/web (walked 0 h ago)
    repository_admin: Granted
    "#);
    world.keep(&run);

    // A new one explains the new total.
    world.forget_answers().await;
    mount(&world, &["api", "web", "new"], &["new"]).await;
    let run = world.run_profile().await;
    insta::assert_snapshot!(shown(&run), @r#"
    workspaces: {WorkspaceSlug("acme"): Member { uuid: Some("{w1}"), administrator: Some(true) }}
    repositories: acme/api acme/new acme/web (walked 0 h ago)
    repository_admin: Granted
    "#);
    insta::assert_snapshot!(world.asked().await.join("\n"), @"
    /2.0/user/workspaces
    /2.0/repositories/acme
    /2.0/repositories/acme
    /2.0/repositories/acme
    ");
    world.keep(&run);

    // One is gone, which no change explains: all are walked again.
    world.forget_answers().await;
    mount(&world, &["api", "new"], &[]).await;
    let run = world.run_profile().await;
    assert!(shown(&run).contains("repositories: acme/api acme/new (walked 0 h ago)"), "{}", shown(&run));

    // An outage replaces nothing.
    world.forget_answers().await;
    world.answers("GET", "/2.0/user/workspaces", workspaces(&[("acme", "{w1}")])).await;
    world.answers("GET", list, error(502)).await;
    let run = world.run_profile().await;
    assert!(!shown(&run).contains("repositories:") && shown(&run).contains("(api)"), "{}", shown(&run));
}

#[tokio::test]
async fn a_workspace_that_is_not_listed_is_explained() {
    let check = async |listed: &[(&str, &str)], workspace: ResponseTemplate| {
        let world = World::new().await;
        world.answers("GET", "/2.0/user/workspaces", workspaces(listed)).await;
        world.answers("GET", "/2.0/workspaces/acme", workspace).await;
        shown(&world.run_profile().await)
    };
    let answer = || ok(&json!({"slug": "acme", "uuid": "{w1}"}));
    insta::assert_snapshot!(check(&[], answer()).await, @r#"
    workspaces: {WorkspaceSlug("acme"): NotMember}
    repositories:  (walked 0 h ago)
    "#);
    insta::assert_snapshot!(check(&[("acme-new", "{w1}")], answer()).await, @r#"
    workspaces: {WorkspaceSlug("acme"): Renamed { to: WorkspaceSlug("acme-new") }}
    repositories:  (walked - h ago)
    "#);
    insta::assert_snapshot!(check(&[("acme-new", "{w1}")], error(404)).await, @r#"
    workspaces: {WorkspaceSlug("acme"): NotFound}
    repositories:  (walked 0 h ago)
    "#);
    insta::assert_snapshot!(check(&[], error(500)).await, @"FAILED bitbucket-cloud server_error (api): could not read workspace acme: the API answered 500: no");
}

#[tokio::test]
async fn without_a_scope_header_reading_proves() {
    let world = World::new().await;
    let listed = json!({"values": [{"administrator": false, "workspace": {"slug": "acme", "uuid": "{w1}"}}]});
    world.answers("GET", "/2.0/user/workspaces", ok(&listed)).await;
    world.answers("GET", "/2.0/repositories/acme", repositories(&["api", "web"])).await;
    world.answers_when("/2.0/repositories/acme", Asks("role"), ok(&json!({"size": 1, "values": []}))).await;
    let administered = ok(&json!({"size": 1, "values": []}));
    world.answers("GET", "/2.0/user/workspaces/acme/permissions/repositories", administered).await;
    world.answers("GET", "/2.0/workspaces/acme/projects", ok(&json!({"values": [{"key": "P"}], "size": 1}))).await;
    world.answers("GET", "/2.0/repositories/acme/api/pullrequests", ok(&json!({"values": []}))).await;
    world.answers("GET", "/2.0/repositories/acme/api/hooks", missing_scope()).await;
    world.answers("GET", "/2.0/repositories/acme/api/issues", error(404)).await;
    insta::assert_snapshot!(shown(&world.run_profile().await), @r#"
    workspace_read: Granted
    workspaces: {WorkspaceSlug("acme"): Member { uuid: Some("{w1}"), administrator: Some(false) }}
    repositories: acme/api acme/web (walked 0 h ago)
    repository_read: Granted
    project_read: Granted
    pull_request_read: Granted
    webhook_read: Missing { scope: Some("read:webhook:bitbucket") }
    repository_admin: Unverifiable
    "#);
}

pub(super) fn import(world: &mut World, names: &[&str]) {
    let target = |name: &&str| Target {
        id: (*name).to_owned(),
        name: format!("acme/{name}"),
        url: Some(format!("bitbucket.org/acme/{name}")),
        created_at: None,
    };
    let imports = OrganizationImports { targets: names.iter().map(target).collect(), projects: Vec::new() };
    let slot = world.state.evidence.organizations.entry(organization_key()).or_default();
    slot.imports = Some(evidence(Arc::new(imports), now(), ProbeKind::Organization));
}

fn hooks(url: &str) -> ResponseTemplate {
    ok(&json!({"values": [{"uuid": "{h}", "url": url, "active": true}]}))
}

#[tokio::test]
async fn webhooks_are_sampled() {
    let mut world = World::new().await;
    import(&mut world, &["api", "gone", "locked", "web"]);
    let path = |name: &str| format!("/2.0/repositories/acme/{name}/hooks");
    world.answers("GET", &path("api"), hooks("https://api.snyk.io/webhook/bitbucket-cloud/1")).await;
    world.answers("GET", &path("web"), hooks("https://ci.example.com/")).await;
    world.answers("GET", &path("locked"), refused("Forbidden", &Value::Null)).await;
    world.answers("GET", &path("gone"), error(404)).await;
    world.answers("GET", "/2.0/user", with_scopes(user())).await;
    let run = world.run_organization(ProbeKind::Webhooks).await;
    let mut states: Vec<_> = shown(&run).lines().last().unwrap().split(", ").map(str::to_owned).collect();
    states.sort();
    insta::assert_snapshot!(states.join("\n"), @"
    acme/api Installed
    acme/locked NoAdminRights
    acme/web Missing { others: true }
    webhooks of 4: acme/gone RepositoryNotFound
    ");

    // A scope that is missing would be missing everywhere; an outage in the middle concludes nothing.
    for answer in [missing_scope(), error(503), html(200)] {
        world.forget_answers().await;
        world.answers("GET", &path("api"), answer.clone()).await;
        world.answers("GET", &path("gone"), answer.clone()).await;
        world.answers("GET", &path("locked"), answer.clone()).await;
        world.answers("GET", &path("web"), answer).await;
        world.answers("GET", "/2.0/user", with_scopes(user())).await;
        let run = world.run_organization(ProbeKind::Webhooks).await;
        assert!(
            !run.outcome.findings.iter().any(|finding| matches!(finding, Finding::Webhooks(..))),
            "{}",
            shown(&run)
        );
        assert_eq!(run.outcome.failures.len(), 1, "{}", shown(&run));
    }
}

#[tokio::test]
async fn catalog_files_are_compared_with_application_context() {
    let mut world = World::new().await;
    world.answers("GET", "/2.0/user/workspaces", workspaces(&[("acme", "{w1}")])).await;
    world.answers("GET", "/2.0/repositories/acme", repositories(&["api", "web", "unknown"])).await;
    world.answers("GET", "/2.0/repositories/acme/api/issues", error(404)).await;
    let run = world.run_profile().await;
    world.keep(&run);
    let asset = |id: &str, name: &str, context: Value| {
        json!({"type": "repositories", "id": id, "attributes": {"last_sync": "2026-11-23T08:00:00Z", "scm_id": name,
            "url": format!("https://bitbucket.org/acme/{name}"), "org_context": context}})
    };
    let assets = [asset("1", "api", json!({"owner": "payments"})), asset("2", "web", Value::Null)];
    world.answers("GET", &format!("/rest/groups/{GROUP}/inventory/assets"), ok(&json!({"data": assets}))).await;
    world.answers("POST", &format!("/rest/groups/{GROUP}/assets/search"), ok(&json!({"data": []}))).await;
    let run = world.run_group(ProbeKind::Inventory).await;
    world.keep(&run);

    let file = |name: &str| format!("/2.0/repositories/acme/{name}/src/HEAD/catalog-info.yaml");
    world.answers("GET", &file("api"), ok(&json!({"type": "commit_file"}))).await;
    world.answers("GET", &file("web"), error(404)).await;
    world.answers("GET", "/2.0/user", with_scopes(user())).await;
    let run = world.run_group(ProbeKind::Catalog).await;
    let Some(Finding::Catalog(_, sample)) = run.outcome.findings.last() else { panic!("{}", shown(&run)) };
    let mut shown: Vec<_> = sample
        .checks
        .iter()
        .map(|check| format!("{} {} {:?}", check.full_name, check.has_file, check.linked))
        .collect();
    shown.sort();
    assert_eq!(shown, ["acme/api true Some(true)", "acme/web false Some(false)"]);
}

#[tokio::test]
async fn a_login_page_rejects_no_credential() {
    let check = async |answer: ResponseTemplate, expected: &str| {
        let world = World::new().await;
        world.answers("GET", "/2.0/user", answer).await;
        let shown = shown(&world.run_credential(ProbeKind::ScmCredential, "pat").await);
        assert!(shown.starts_with(expected), "{shown}");
    };
    check(html(401), "FAILED bitbucket-cloud unexpected_body (api)").await;
    check(html(401).insert_header("www-authenticate", "BitbucketCustom realm=x"), "Rejected").await;
    check(ResponseTemplate::new(401), "Rejected").await;
    check(ok(&json!({})), "FAILED bitbucket-cloud unexpected_body (endpoint)").await;
}
