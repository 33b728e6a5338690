//! Rounds that ask Snyk.

use super::*;
use crate::domain::evidence::Part;

pub(super) fn user() -> ResponseTemplate {
    ok(&json!({"data": {"type": "user", "id": "u1", "attributes": {"name": "Monitor"}}}))
}

pub(super) fn group(version: &str) -> ResponseTemplate {
    let body = json!({"data": {"type": "group", "id": GROUP, "attributes": {"name": "Acme"}}});
    ok(&body).insert_header("snyk-version-requested", version).insert_header("snyk-version-lifecycle-stage", "ga")
}

#[tokio::test]
async fn a_token_is_accepted_or_rejected() {
    let world = World::new().await;
    world.answers("GET", "/rest/self", user()).await;
    let tokens = json!({"data": [
        {"id": "1", "type": "personal_access_token", "attributes": {"label": "monitor", "expires_at": "2027-01-01T00:00:00Z"}},
        {"id": "2", "type": "personal_access_token", "attributes": {"label": "x", "expires_at": "2026-12-01T00:00:00Z"}},
    ]});
    world.answers("GET", "/rest/self/personal_access_tokens", ok(&tokens)).await;
    insta::assert_snapshot!(shown(&world.run_credential(ProbeKind::SnykToken, "snyk").await), @r#"
    Accepted { principal: "user", id: "u1", name: Some("Monitor") }
    token expiry: At { at: 2026-12-01T00:00:00Z, source: Measured }
    "#);

    world.forget_answers().await;
    world.answers("GET", "/rest/self", error(401)).await;
    insta::assert_snapshot!(shown(&world.run_credential(ProbeKind::SnykToken, "snyk").await), @"Rejected(Unspecified)");

    world.forget_answers().await;
    world.answers("GET", "/rest/self", html(200)).await;
    insta::assert_snapshot!(shown(&world.run_credential(ProbeKind::SnykToken, "snyk").await), @"FAILED snyk/snyk unexpected_body (api): could not ask who the token is: the API answered 200 with an HTML page instead of the expected JSON");
}

#[tokio::test]
async fn a_service_account_is_looked_up_where_it_may_live() {
    let world = World::new().await;
    let account = json!({"data": {"type": "service_account", "id": "s1", "attributes": {"name": "monitor"}}});
    world.answers("GET", "/rest/self", ok(&account)).await;
    world.answers("GET", &format!("/rest/groups/{GROUP}/service_accounts/s1"), error(403)).await;
    insta::assert_snapshot!(shown(&world.run_credential(ProbeKind::SnykToken, "snyk").await), @r#"
    Accepted { principal: "service_account", id: "s1", name: Some("monitor") }
    token expiry: Untold
    "#);

    world.forget_answers().await;
    world.answers("GET", "/rest/self", ok(&account)).await;
    let account = json!({"data": {"type": "service_account", "id": "s1", "attributes":
        {"auth_type": "access_token", "access_token_expires_at": "2027-01-01T00:00:00Z"}}});
    world.answers("GET", &format!("/rest/groups/{GROUP}/service_accounts/s1"), ok(&account)).await;
    insta::assert_snapshot!(shown(&world.run_credential(ProbeKind::SnykToken, "snyk").await), @r#"
    Accepted { principal: "service_account", id: "s1", name: Some("monitor") }
    token expiry: At { at: 2027-01-01T00:00:00Z, source: Measured }
    "#);
}

#[tokio::test]
async fn a_group_is_denied_only_to_an_accepted_token() {
    let path = format!("/rest/groups/{GROUP}");
    let check = async |group: ResponseTemplate, identity: Option<ResponseTemplate>| {
        let world = World::new().await;
        world.answers("GET", &path, group).await;
        if let Some(identity) = identity {
            world.answers("GET", "/rest/self", identity).await;
        }
        let run = world.run_group(ProbeKind::GroupAccess).await;
        format!("{} requests\n{}", world.asked().await.len(), shown(&run))
    };
    insta::assert_snapshot!(check(group("2026-03-25"), None).await, @r#"
    1 requests
    group: Granted { name: Some("Acme"), group: None, created_at: None }
    "#);
    insta::assert_snapshot!(check(error(404), Some(user())).await, @r#"
    2 requests
    Accepted { principal: "user", id: "u1", name: Some("Monitor") }
    group: Denied { status: 404 }
    FAILED snyk/snyk not_found (endpoint): could not read the Group: the API answered 404: no
    "#);
    insta::assert_snapshot!(check(error(401), Some(error(401))).await, @"
    2 requests
    Rejected(Unspecified)
    ");
    insta::assert_snapshot!(check(error(403), Some(error(503))).await, @"
    2 requests
    FAILED snyk/snyk server_error (api): could not ask who the token is: the API answered 503: no
    FAILED snyk/snyk forbidden (endpoint): could not read the Group: the API answered 403: no
    ");
    insta::assert_snapshot!(check(error(410), Some(user())).await, @"
    1 requests
    FAILED snyk/snyk gone (endpoint): could not read the Group: the API answered 410: no
    ");
    insta::assert_snapshot!(check(html(403), Some(user())).await, @"
    1 requests
    FAILED snyk/snyk unexpected_body (api): could not read the Group: the API answered 403 with an HTML page
    ");
}

#[tokio::test]
async fn the_organizations_of_a_group_are_listed_to_the_last_page() {
    let list = format!("/rest/groups/{GROUP}/orgs");
    let page = |id: u128, name: &str, next: Option<String>| {
        let entry = json!({"id": Uuid::from_u128(id), "type": "org", "attributes": {"name": name, "slug": name}});
        ok(&json!({"data": [entry], "links": {"next": next}}))
    };
    let world = World::new().await;
    world.answers("GET", &list, page(2, "one", Some(format!("/groups/{GROUP}/orgs?starting_after=x")))).await;
    world.answers_when(&list, Asks("starting_after"), page(3, "two", None)).await;
    let run = world.run_group(ProbeKind::OrganizationList).await;
    let Some(Finding::Organizations(_, listing)) = run.outcome.findings.first() else { panic!("{}", shown(&run)) };
    assert_eq!(listing.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);

    // A page that fails makes no list; a right that is missing says nothing about the Group.
    world.forget_answers().await;
    world.answers("GET", &list, page(2, "one", Some(format!("/groups/{GROUP}/orgs?starting_after=x")))).await;
    world.answers_when(&list, Asks("starting_after"), error(500)).await;
    insta::assert_snapshot!(shown(&world.run_group(ProbeKind::OrganizationList).await), @"FAILED snyk/snyk server_error (api): could not list the Group's Organizations: the API answered 500: no");
    world.forget_answers().await;
    world.answers("GET", &list, error(403)).await;
    world.answers("GET", "/rest/self", user()).await;
    insta::assert_snapshot!(shown(&world.run_group(ProbeKind::OrganizationList).await), @r#"
    Accepted { principal: "user", id: "u1", name: Some("Monitor") }
    FAILED snyk/snyk forbidden (endpoint): could not list the Group's Organizations: the API answered 403: no
    "#);
}

#[tokio::test]
async fn organizations_of_another_group_are_not_ours() {
    let list = format!("/rest/groups/{GROUP}/orgs");
    let listed = async |of: &[Option<Uuid>]| {
        let entry = |(at, group): (usize, &Option<Uuid>)| {
            let name = format!("o{at}");
            let id = Uuid::from_u128(u128::try_from(at).unwrap());
            json!({"id": id, "type": "org", "attributes": {"name": name, "group_id": group}})
        };
        let entries: Vec<Value> = of.iter().enumerate().map(entry).collect();
        let world = World::new().await;
        world.answers("GET", &list, ok(&json!({"data": entries, "links": {}}))).await;
        world.run_group(ProbeKind::OrganizationList).await
    };
    let (ours, other) = (Some(GROUP), Some(Uuid::from_u128(99)));
    let run = listed(&[ours, other, None]).await;
    let Some(Finding::Organizations(_, listing)) = run.outcome.findings.first() else { panic!("{}", shown(&run)) };
    // One that does not tell its Group is in the list of ours.
    assert_eq!(listing.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["o0", "o2"]);
    let run = listed(&[other, other]).await;
    assert!(
        run.outcome.findings.is_empty() && shown(&run).contains("Organizations of another Group"),
        "{}",
        shown(&run)
    );
    let run = listed(&[]).await;
    assert!(matches!(run.outcome.findings.as_slice(), [Finding::Organizations(_, none)] if none.is_empty()));
}

pub(super) fn inventory(entries: &[(&str, &str, bool)]) -> ResponseTemplate {
    let entries: Vec<_> = entries
        .iter()
        .map(|(id, name, is_synced)| {
            let last_sync = is_synced.then_some("2026-11-23T08:00:00Z");
            json!({"type": "repositories", "id": id, "attributes": {"name": name, "scm_id": format!("{{R-{id}}}"),
                "url": format!("https://bitbucket.org/{name}"), "last_sync": last_sync, "org_context": null}})
        })
        .collect();
    ok(&json!({"data": entries, "links": {}}))
}

pub(super) fn found(entries: &[(&str, &str, &str)]) -> ResponseTemplate {
    let entries: Vec<_> = entries
        .iter()
        .map(|(id, name, source)| {
            json!({"type": "repository", "id": id, "removed": false, "attributes": {"sources": [source],
                "repository_url": format!("https://bitbucket.org/{name}"), "removed_reasons": []}})
        })
        .collect();
    ok(&json!({"data": entries}))
}

fn removed(reason: &str) -> ResponseTemplate {
    ok(&json!({"data": [{"type": "repository", "id": "9", "removed": true, "attributes": {
        "repository_url": "https://bitbucket.org/acme/old",
        "removed_reasons": [{"reason": reason, "removed_at": "2026-11-01T00:00:00Z"}]}}]}))
}

const REMOVED: Says = Says(r#""attribute":"removed","operator":"equal","values":[true]"#);

#[tokio::test]
async fn the_inventory_is_read_from_both_endpoints_as_far_as_needed() {
    let (list, search) =
        (format!("/rest/groups/{GROUP}/inventory/assets"), format!("/rest/groups/{GROUP}/assets/search"));

    // All synced: the search is asked for removed assets alone.
    let world = World::new().await;
    world.answers("GET", &list, inventory(&[("1", "acme/web", true), ("2", "other/web", true)])).await;
    world.answers_when(&search, REMOVED, removed("repo-archived")).await;
    insta::assert_snapshot!(shown(&world.run_group(ProbeKind::Inventory).await), @r#"assets (last_sync: true): bitbucket.org/acme/web synced []; removed: ["[(RepoArchived, Some(2026-11-01T00:00:00Z))]"]"#);
    assert_eq!(world.asked().await.len(), 3);

    // One without `last_sync`: its sources decide who found it.
    let mut world = World::new().await;
    world.answers("GET", &list, inventory(&[("1", "acme/web", true), ("2", "acme/api", false)])).await;
    world.answers_when(&search, REMOVED, removed("deleted-profile")).await;
    world.answers("POST", &search, found(&[("1", "acme/web", "bitbucket"), ("2", "acme/api", "snyk")])).await;
    let run = world.run_group(ProbeKind::Inventory).await;
    insta::assert_snapshot!(shown(&run), @r#"assets (last_sync: true): bitbucket.org/acme/web synced ["bitbucket"], bitbucket.org/acme/api - ["snyk"]; removed: ["[(DeletedProfile, Some(2026-11-01T00:00:00Z))]"]"#);
    world.keep(&run);

    // The source was learned: the search is narrowed. Removed assets cannot be read: the known ones stay.
    world.forget_answers().await;
    world.answers("GET", &list, inventory(&[("1", "acme/web", true), ("2", "acme/api", false)])).await;
    world.answers_when(&search, REMOVED, error(500)).await;
    world.answers_when(&search, Says(r#""values":["bitbucket"]"#), found(&[("1", "acme/web", "bitbucket")])).await;
    insta::assert_snapshot!(shown(&world.run_group(ProbeKind::Inventory).await), @r#"
    assets (last_sync: true): bitbucket.org/acme/web synced ["bitbucket"], bitbucket.org/acme/api - []; removed: ["[(DeletedProfile, Some(2026-11-01T00:00:00Z))]"]
    FAILED snyk/snyk server_error (api): could not read removed assets and why they were removed: the API answered 500: no
    "#);

    // The early-access endpoint is gone: weak, and said so.
    world.forget_answers().await;
    world.answers("GET", &list, error(404)).await;
    world.answers("GET", "/rest/self", user()).await;
    world.answers_when(&search, REMOVED, removed("repo-deleted")).await;
    world.answers("POST", &search, found(&[("1", "acme/web", "bitbucket")])).await;
    insta::assert_snapshot!(shown(&world.run_group(ProbeKind::Inventory).await), @r#"
    Accepted { principal: "user", id: "u1", name: Some("Monitor") }
    assets (last_sync: false): bitbucket.org/acme/web - ["bitbucket"]; removed: ["[(RepoDeleted, Some(2026-11-01T00:00:00Z))]"]
    FAILED snyk/snyk not_found (endpoint): could not read `inventory/assets`, the source of `last_sync`: the API answered 404: no
    "#);

    // A field was renamed.
    world.forget_answers().await;
    world.answers("GET", &list, inventory(&[("1", "acme/web", false)])).await;
    world.answers_when(&search, REMOVED, removed("repo-deleted")).await;
    world.answers("POST", &search, found(&[("1", "acme/web", "bitbucket")])).await;
    insta::assert_snapshot!(shown(&world.run_group(ProbeKind::Inventory).await), @r#"
    assets (last_sync: false): bitbucket.org/acme/web - ["bitbucket"]; removed: ["[(RepoDeleted, Some(2026-11-01T00:00:00Z))]"]
    FAILED snyk/snyk unexpected_body (endpoint): could not read `inventory/assets`, the source of `last_sync`: no repository carries `last_sync` any more
    "#);

    // Neither `last_sync` nor sources: that nothing was discovered cannot be concluded from that.
    world.forget_answers().await;
    world.answers("GET", &list, inventory(&[("1", "acme/web", false)])).await;
    world.answers("POST", &search, error(500)).await;
    let run = world.run_group(ProbeKind::Inventory).await;
    assert_eq!(run.outcome.findings, [], "{}", shown(&run));

    // Nothing anywhere, after two complete walks.
    world.forget_answers().await;
    world.answers("GET", &list, inventory(&[])).await;
    world.answers("POST", &search, found(&[])).await;
    insta::assert_snapshot!(shown(&world.run_group(ProbeKind::Inventory).await), @"assets (last_sync: true): ; removed: []");

    // An outage replaces nothing.
    world.forget_answers().await;
    world.answers("GET", &list, error(503)).await;
    insta::assert_snapshot!(shown(&world.run_group(ProbeKind::Inventory).await), @"FAILED snyk/snyk server_error (api): could not read `inventory/assets`, the source of `last_sync`: the API answered 503: no");
}

fn removed_ones(ids: &[&str]) -> ResponseTemplate {
    let one = |id: &&str| {
        json!({"type": "repository", "id": id, "removed": true, "attributes": {
            "repository_url": format!("https://bitbucket.org/acme/r{id}"), "removed_reasons": []}})
    };
    ok(&json!({"data": ids.iter().map(one).collect::<Vec<_>>()}))
}

#[tokio::test]
async fn an_asset_that_is_live_and_removed_is_removed_and_most_are_a_contradiction() {
    let (list, search) =
        (format!("/rest/groups/{GROUP}/inventory/assets"), format!("/rest/groups/{GROUP}/assets/search"));
    let live = || inventory(&[("1", "acme/r1", true), ("2", "acme/r2", true), ("3", "acme/r3", true)]);
    let mut world = World::new().await;
    world.answers("GET", &list, live()).await;
    world.answers_when(&search, REMOVED, removed_ones(&["3", "4"])).await;
    let run = world.run_group(ProbeKind::Inventory).await;
    insta::assert_snapshot!(shown(&run), @r#"assets (last_sync: true): bitbucket.org/acme/r1 synced [], bitbucket.org/acme/r2 synced []; removed: ["[]", "[]"]"#);
    world.keep(&run);

    // The list of removed ones cannot be read: what it said an earlier time says nothing against today's live ones.
    world.forget_answers().await;
    world.answers("GET", &list, live()).await;
    world.answers_when(&search, REMOVED, error(500)).await;
    let run = world.run_group(ProbeKind::Inventory).await;
    assert!(shown(&run).contains("bitbucket.org/acme/r3 synced []"), "{}", shown(&run));

    // The question for removed ones is answered with all.
    world.forget_answers().await;
    world.answers("GET", &list, live()).await;
    world.answers_when(&search, REMOVED, removed_ones(&["1", "2", "3"])).await;
    insta::assert_snapshot!(shown(&world.run_group(ProbeKind::Inventory).await), @"FAILED snyk/snyk contradicted (endpoint): could not tell live assets from removed ones: the list of removed assets holds 3 of the 3 that the list of live ones holds");
}

pub(super) async fn mount_organization(world: &World, integrations: ResponseTemplate, audit: ResponseTemplate) {
    let rest = format!("/rest/orgs/{ORGANIZATION}");
    let organization = json!({"data": {"id": ORGANIZATION, "type": "org", "attributes":
        {"name": "Payments", "group_id": GROUP, "created_at": "2025-01-01T00:00:00Z"}}});
    world.answers("GET", &rest, ok(&organization)).await;
    world.answers("GET", &format!("/v1/org/{ORGANIZATION}/integrations"), integrations).await;
    let targets = json!({"data": [{"type": "target", "id": "t1", "attributes":
        {"display_name": "acme/web", "url": "https://bitbucket.org/acme/web"}}], "links": {}});
    world.answers("GET", &format!("{rest}/targets"), ok(&targets)).await;
    let projects = json!({"data": [{"type": "project", "id": "p1", "attributes": {"status": "active",
        "settings": {"recurring_tests": {"frequency": "daily"}}}, "relationships": {"target": {"data": {"id": "t1", "type": "target"}}}}], "links": {}});
    world.answers("GET", &format!("{rest}/projects"), ok(&projects)).await;
    world.answers("GET", &format!("{rest}/audit_logs/search"), audit).await;
    world.answers("GET", "/rest/self", user()).await;
}

pub(super) fn audit(days: &[&str]) -> ResponseTemplate {
    let event = |day: &&str| {
        json!({"created": format!("{day}T00:00:00Z"), "event": "org.integration.edit",
            "content": {"integrationPublicId": "i1"}})
    };
    ok(&json!({"data": {"items": days.iter().map(event).collect::<Vec<_>>()}}))
}

#[tokio::test]
async fn an_organization_is_read_in_parts() {
    let v1 = || ok(&json!({"bitbucket-cloud": "i1", "github": "g1"}));
    let settings = format!("/v1/org/{ORGANIZATION}/integrations/i1/settings");
    let checks = || ok(&json!({"pullRequestTestEnabled": true}));
    let mut world = World::new().await;
    mount_organization(&world, v1(), audit(&["2026-11-20"])).await;
    world.answers("GET", &settings, checks()).await;
    let run = world.run_organization(ProbeKind::Organization).await;
    insta::assert_snapshot!(shown(&run), @r#"
    organization: Granted { name: Some("Payments"), group: Some(GroupId(00000000-0000-0000-0000-000000000001)), created_at: Some(2025-01-01T00:00:00Z) }
    Present { id: "i1", via_app: false, integrations: 2 }
    imports: 1 targets, 1 projects
    PullRequestChecks { open_source: Some(true), code: None }
    Complete { from: 2026-11-16T09:00:00Z, events: [AuditEvent { at: 2026-11-20T00:00:00Z, kind: Edited, integration_id: Some("i1"), source_type: None, user_id: None, about: None }] }
    "#);
    world.keep(&run);
    // REST was tried once and is not there, the switches are known and nothing asks for the log: four requests from now
    // on.
    world.forget_answers().await;
    mount_organization(&world, v1(), audit(&[])).await;
    world.answers("GET", &settings, checks()).await;
    insta::assert_snapshot!(shown(&world.run_organization(ProbeKind::Organization).await), @r#"
    organization: Granted { name: Some("Payments"), group: Some(GroupId(00000000-0000-0000-0000-000000000001)), created_at: Some(2025-01-01T00:00:00Z) }
    Present { id: "i1", via_app: false, integrations: 2 }
    imports: 1 targets, 1 projects
    "#);
    assert_eq!(world.asked().await.len(), 4);
}

#[tokio::test]
async fn switches_that_may_not_be_read_are_a_failure_of_their_own() {
    let world = World::new().await;
    mount_organization(&world, ok(&json!({"bitbucket-cloud": "i1"})), audit(&[])).await;
    world.answers("GET", &format!("/v1/org/{ORGANIZATION}/integrations/i1/settings"), error(403)).await;
    let run = world.run_organization(ProbeKind::Organization).await;
    let parts: Vec<_> = run.outcome.failures.iter().map(|failure| failure.part).collect();
    assert_eq!(parts, [Some(Part::PullRequestChecks)], "{}", shown(&run));
    assert!(shown(&run).contains("imports: 1 targets") && shown(&run).contains("Complete"), "{}", shown(&run));
}

#[tokio::test]
async fn rest_tells_of_an_integration_when_v1_does_not() {
    let world = World::new().await;
    mount_organization(&world, error(410), audit(&[])).await;
    let integrations = json!({"data": [{"type": "integration", "id": "i2", "attributes":
        {"integration_type": "bitbucket-connect-app"}}], "links": {}});
    world.answers("GET", &format!("/rest/orgs/{ORGANIZATION}/integrations"), ok(&integrations)).await;
    let run = world.run_organization(ProbeKind::Organization).await;
    assert!(shown(&run).contains(r#"Present { id: "i2", via_app: true, integrations: 1 }"#), "{}", shown(&run));
    assert!(
        run.outcome.failures.iter().all(|failure| failure.part == Some(Part::PullRequestChecks)),
        "{}",
        shown(&run)
    );
}

#[tokio::test]
async fn an_organization_that_is_denied_ends_there() {
    let world = World::new().await;
    world.answers("GET", "/rest/self", user()).await;
    world.answers("GET", &format!("/rest/orgs/{ORGANIZATION}"), error(404)).await;
    insta::assert_snapshot!(shown(&world.run_organization(ProbeKind::Organization).await), @r#"
    Accepted { principal: "user", id: "u1", name: Some("Monitor") }
    organization: Denied { status: 404 }
    FAILED snyk/snyk not_found (endpoint): could not read the Organization: the API answered 404: no
    "#);
    assert_eq!(world.asked().await.len(), 2);
}

#[tokio::test]
async fn a_login_page_rejects_no_token() {
    let check = async |answer: ResponseTemplate, expected: &str| {
        let world = World::new().await;
        world.answers("GET", "/rest/self", answer).await;
        let shown = shown(&world.run_credential(ProbeKind::SnykToken, "snyk").await);
        assert!(shown.starts_with(expected), "{shown}");
    };
    check(html(401), "FAILED snyk/snyk unexpected_body (api)").await;
    check(html(401).insert_header("www-authenticate", "Bearer"), "Rejected(Unspecified)").await;
    check(ResponseTemplate::new(401), "Rejected(Unspecified)").await;
    check(error(401), "Rejected(Unspecified)").await;
}
