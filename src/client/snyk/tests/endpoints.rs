use super::*;

#[tokio::test]
async fn assets_are_searched_by_post_and_read_leniently() {
    let server = MockServer::start().await;
    let page = r#"{"data":[
        {"id":"a1","type":"repository","removed":false,"attributes":{"name":"payments",
         "repository_url":"https://bitbucket.org/acme/payments","archived":false,"sources":["bitbucket"],
         "coverage_control":[{"issues_counts":{}}],"app_context":{"owner":null},"removed_reasons":[],
         "created_at":"2026-06-30T10:00:00Z","updated_at":"2026-07-01T08:00:00Z"}},
        {"id":"a2","type":"repository","removed":true,"attributes":{"sources":null,"updated_at":"soon",
         "removed_reasons":[{"reason":"deleted-profile","removed_at":"2026-07-02T00:00:00Z"},{"odd":1}]}},
        {"id":"a3"}],"links":{}}"#;
    let at = format!("/rest/groups/{GROUP}/assets/search");
    let only_type = r#"{"query":{"attributes":{"attribute":"type","operator":"equal","values":["repository"]}}}"#;
    Mock::given(method("POST"))
        .and(path(&at))
        .and(header("content-type", "application/json"))
        .and(wiremock::matchers::body_json_string(only_type))
        .respond_with(json(200, page))
        .mount(&server)
        .await;
    for part in [r#"{"attribute":"removed","operator":"equal","values":[true]}"#, r#""attribute":"sources""#] {
        let mock = Mock::given(method("POST")).and(path(&at)).and(body_string_contains(part));
        mock.and(body_string_contains(r#""operator":"and""#))
            .respond_with(json(200, r#"{"data":[]}"#))
            .mount(&server)
            .await;
    }
    let client = client(&server);
    let assets = client.repository_assets(GROUP, None).await.unwrap().items;
    let seen: Vec<_> = assets
        .iter()
        .map(|asset| (asset.id.as_str(), asset.is_removed, asset.sources.len(), asset.has_application_context))
        .collect();
    assert_eq!(seen, [("a1", false, 1, Some(false)), ("a2", true, 0, None), ("a3", false, 0, None)]);
    assert_eq!(assets[1].removed_reasons.len(), 1);
    assert_eq!(assets[1].updated_at, None);
    assert!(client.removed_repository_assets(GROUP).await.unwrap().items.is_empty());
    assert!(client.repository_assets(GROUP, Some("bitbucket")).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn inventory_assets_and_their_count() {
    let server = MockServer::start().await;
    let at = format!("/rest/groups/{GROUP}/inventory/assets");
    let counted = Mock::given(method("GET")).and(path(&at)).and(query_param("meta_count", "only"));
    counted.respond_with(json(200, r#"{"meta":{"count":214}}"#)).with_priority(1).mount(&server).await;
    let page = r#"{"data":[{"type":"repositories","id":"0b7b","attributes":{"name":"payments","scm_id":"{u}",
        "last_sync":"2026-07-01T08:00:00Z","pushed_at":"2026-07-01T07:00:00Z","org_context":{"owner":"team-pay"}}},
        {"type":"container_images","id":"c"}],"meta":{"count":"2"}}"#;
    answer(&server, "GET", &at, json(200, page)).await;
    let client = client(&server);
    let walk = client.inventory_assets(GROUP).await.unwrap();
    assert_eq!(walk.total, Some(2));
    assert_eq!(walk.items[0].scm_id.as_deref(), Some("{u}"));
    assert_eq!(walk.items[0].has_application_context, Some(true));
    assert!(walk.items[0].last_sync > walk.items[0].pushed_at);
    assert_eq!(walk.items[1].kind.as_deref(), Some("container_images"));
    assert_eq!(client.inventory_asset_count(GROUP).await.unwrap().value, Some(214));
}

#[tokio::test]
async fn what_was_imported_is_read_leniently() {
    let server = MockServer::start().await;
    let targets = r#"{"data":[{"type":"target","id":"t1","attributes":{"display_name":"acme/payments",
        "url":"https://bitbucket.org/acme/payments","created_at":"2022-09-01T00:00:00Z"},"relationships":{"integration":
        {"data":{"id":"i-1","type":"integration","attributes":{"integration_type":"bitbucket-cloud"}}}}},
        {"type":"target","id":"t2","relationships":{"integration":{"data":null}}}],"links":{}}"#;
    let mock = Mock::given(method("GET")).and(path(format!("/rest/orgs/{ORGANIZATION}/targets")));
    let mock =
        mock.and(query_param("exclude_empty", "false")).and(query_param("source_types", "bitbucket-cloud,gitlab"));
    mock.respond_with(json(200, targets)).mount(&server).await;
    let projects = r#"{"data":[{"type":"project","id":"p1","attributes":{"name":"acme/payments:pom.xml",
        "origin":"bitbucket-cloud","status":"active","created":"2022-09-01T00:00:00Z","settings":{"recurring_tests":
        {"frequency":"daily"}}},"meta":{"latest_issue_counts":{"updated_at":"2026-11-22T00:00:00Z"}},"relationships":
        {"target":{"data":{"id":"t1","type":"target"}}}},
        {"id":"p2","meta":{"latest_issue_counts":{"high":1}},"attributes":{"status":"asleep",
        "settings":{"recurring_tests":{},"pull_requests":{"is_enabled":false}}}},
        {"id":"p3","meta":{},"attributes":{"settings":{"recurring_tests":{"frequency":"weekly"}}}},
        {"id":"p4","attributes":{"settings":{"recurring_tests":{"frequency":"never"}}}}],"links":{}}"#;
    let mock = Mock::given(method("GET")).and(path(format!("/rest/orgs/{ORGANIZATION}/projects")));
    mock.and(query_param("meta.latest_issue_counts", "true")).respond_with(json(200, projects)).mount(&server).await;
    let client = client(&server);
    let targets = client.targets(ORGANIZATION, &["bitbucket-cloud", "gitlab"]).await.unwrap().items;
    assert_eq!(targets[0].integration_type.as_deref(), Some("bitbucket-cloud"));
    assert_eq!(targets[1].integration_id, None);
    let projects = client.projects(ORGANIZATION, &["bitbucket-cloud"]).await.unwrap().items;
    assert_eq!(projects[0].status, Some(ProjectStatus::Active));
    assert_eq!(projects[0].recurring_tests, Some(RecurringTests::Daily));
    assert_eq!(projects[0].target_id.as_deref(), Some("t1"));
    assert!(projects[0].tested_at.is_some());
    assert_eq!((projects[1].status, projects[1].tested_at), (None, None));
    let frequencies: Vec<_> = projects.iter().map(|project| project.recurring_tests).collect();
    let (daily, weekly, never) = (RecurringTests::Daily, RecurringTests::Weekly, RecurringTests::Never);
    assert_eq!(frequencies, [Some(daily), None, Some(weekly), Some(never)]);
    let counted: Vec<_> =
        projects.iter().map(|project| (project.has_issue_counts, project.tests_pull_requests)).collect();
    assert_eq!(counted, [(true, None), (true, Some(false)), (false, None), (false, None)]);
}

#[tokio::test]
async fn the_rest_of_the_endpoints_ask_where_they_should() {
    let server = MockServer::start().await;
    let client = client(&server);
    let service_account = r#"{"id":"s1","type":"service_account","attributes":{"name":"ci","auth_type":"access_token",
        "access_token_expires_at":"2027-01-01T00:00:00Z"}}"#;
    let one = format!(r#"{{"data":{service_account}}}"#);
    let list = format!(r#"{{"data":[{service_account}],"links":{{}}}}"#);
    let organization =
        format!(r#"{{"data":{{"id":"{ORGANIZATION}","attributes":{{"name":"Acme","group_id":"{GROUP}"}}}}}}"#);
    let pat =
        r#"{"data":[{"id":"01J","attributes":{"label":"laptop","expires_at":"2026-12-24T00:00:00Z"}}],"links":{}}"#;
    let rest = r#"{"data":[{"id":"i-1","attributes":{"integration_type":"bitbucket-cloud","profile_name":"main"}}],"links":{}}"#;
    for (at, body) in [
        ("/rest/self/personal_access_tokens".to_owned(), pat),
        (format!("/rest/groups/{GROUP}/service_accounts"), &list),
        (format!("/rest/groups/{GROUP}/service_accounts/s1"), &one),
        (format!("/rest/orgs/{ORGANIZATION}/service_accounts"), &list),
        (format!("/rest/orgs/{ORGANIZATION}/service_accounts/s1"), &one),
        ("/rest/groups".to_owned(), &format!(r#"{{"data":[{{"id":"{GROUP}","attributes":null}}],"links":{{}}}}"#)),
        (format!("/rest/groups/{GROUP}"), &format!(r#"{{"data":{{"id":"{GROUP}","attributes":{{"name":"G"}}}}}}"#)),
        (format!("/rest/orgs/{ORGANIZATION}"), &organization),
        (format!("/rest/orgs/{ORGANIZATION}/integrations"), rest),
        (format!("/rest/groups/{GROUP}/audit_logs/search"), r#"{"data":{"items":[]}}"#),
        (format!("/v1/org/{ORGANIZATION}/integrations"), r#"{"bitbucket-cloud":"i-1","odd":null}"#),
        (
            format!("/v1/org/{ORGANIZATION}/integrations/i-1/settings"),
            r#"{"pullRequestTestEnabled":true,"pullRequestAssignment":{}}"#,
        ),
    ] {
        answer(&server, "GET", &at, json(200, body)).await;
    }
    assert!(client.personal_access_tokens().await.unwrap().items[0].expires_at.is_some());
    assert!(client.group_service_accounts(GROUP).await.unwrap().items[0].access_token_expires_at.is_some());
    assert_eq!(client.group_service_account(GROUP, "s1").await.unwrap().value.id, "s1");
    assert_eq!(client.organization_service_accounts(ORGANIZATION).await.unwrap().items.len(), 1);
    assert_eq!(client.organization_service_account(ORGANIZATION, "s1").await.unwrap().value.id, "s1");
    assert_eq!(client.groups().await.unwrap().items, [Group { id: GROUP, name: None }]);
    assert_eq!(client.group(GROUP).await.unwrap().value.name.as_deref(), Some("G"));
    assert_eq!(client.organization(ORGANIZATION).await.unwrap().value.group_id, Some(GROUP));
    assert_eq!(client.rest_integrations(ORGANIZATION).await.unwrap().items[0].profile_name.as_deref(), Some("main"));
    assert!(client.group_audit_log(GROUP, start(), &[]).await.unwrap().items.is_empty());
    let integrations = client.integrations(ORGANIZATION).await.unwrap().value;
    assert_eq!(integrations.into_iter().collect::<Vec<_>>(), [("bitbucket-cloud".to_owned(), "i-1".to_owned())]);
    let settings = client.integration_settings(ORGANIZATION, "i-1").await.unwrap().value;
    assert_eq!(settings.pull_request_test_enabled, Some(true));
}

#[tokio::test]
async fn a_map_of_integrations_is_told_from_any_other_object() {
    async fn check(body: &str, expected: Option<usize>) {
        let server = MockServer::start().await;
        answer(&server, "GET", &format!("/v1/org/{ORGANIZATION}/integrations"), json(200, body)).await;
        let integrations = client(&server).integrations(ORGANIZATION).await;
        assert_eq!(integrations.map(|answer| answer.value.len()).ok(), expected, "{body}");
    }
    check("{}", Some(0)).await;
    check(r#"{"github":"g-1","bitbucket-cloud":null}"#, Some(1)).await;
    // What an empty id means is for who looks for that type.
    check(r#"{"github":"g-1","bitbucket-cloud":""}"#, Some(2)).await;
    check(r#"{"code":500,"error":"Internal Server Error","message":"try again"}"#, None).await;
    check(r#"{"message":"scheduled maintenance"}"#, None).await;
    check(r#"{"bitbucket-cloud":{"id":"i-1"}}"#, None).await;
    check("[]", None).await;
}

#[tokio::test]
async fn an_asset_with_a_reason_to_be_removed_is_not_live() {
    let server = MockServer::start().await;
    let asset = |id: u32, flag: &str| {
        format!(r#"{{"id":{id},{flag}"attributes":{{"removed_reasons":[{{"reason":"deleted-profile"}}]}}}}"#)
    };
    let page = format!(r#"{{"data":[{},{}]}}"#, asset(1, ""), asset(2, r#""removed":false,"#));
    answer(&server, "POST", &format!("/rest/groups/{GROUP}/assets/search"), json(200, &page)).await;
    let assets = client(&server).repository_assets(GROUP, None).await.unwrap().items;
    assert_eq!(
        assets.iter().map(|asset| (asset.id.as_str(), asset.is_removed)).collect::<Vec<_>>(),
        [("1", true), ("2", false)]
    );
}

#[tokio::test]
async fn switches_of_an_integration_are_on_off_or_untold() {
    async fn check(body: &str, expected: (Option<bool>, Option<bool>)) {
        let server = MockServer::start().await;
        let at = format!("/v1/org/{ORGANIZATION}/integrations/i-1/settings");
        answer(&server, "GET", &at, json(200, body)).await;
        let settings = client(&server).integration_settings(ORGANIZATION, "i-1").await.unwrap().value;
        let switches = (settings.pull_request_test_enabled, settings.pull_request_test_code_enabled);
        assert_eq!(switches, expected, "{body}");
    }
    check("{}", (None, None)).await;
    check(r#"{"pullRequestTestEnabled":false,"pullRequestTestCodeEnabled":true}"#, (Some(false), Some(true))).await;
    check(r#"{"pullRequestTestEnabled":null,"pullRequestTestCodeEnabled":"later"}"#, (None, None)).await;
}

#[tokio::test]
async fn aliases_are_pairs_of_addresses_over_any_number_of_pages() {
    let server = MockServer::start().await;
    let at = format!("/rest/groups/{GROUP}/assets/repository/aliases");
    let alias = |fields: &str| format!(r#"{{"type":"asset_aliases","id":"d1","attributes":{{{fields}}}}}"#);
    let url = r#""url":"https://bitbucket.org/acme/payments""#;
    let one = alias(&format!(r#"{url},"new_url":"https://bitbucket.org/acme-old/payments""#));
    let two = alias(&format!(r#"{url},"new_url":"https://bitbucket.org/acme-old/pay""#));
    // The last page leaves `links` out, as its description allows. One of its items is half an alias.
    let last = format!(r#"{{"data":[{two},{}]}}"#, alias(url));
    let mock = Mock::given(method("GET")).and(path(&at)).and(query_param("starting_after", "p1"));
    mock.respond_with(json(200, &last)).with_priority(1).mount(&server).await;
    let next = format!("/rest/groups/{GROUP}/assets/repository/aliases?limit=100&starting_after=p1");
    answer(&server, "GET", &at, json(200, &format!(r#"{{"data":[{one}],"links":{{"next":"{next}"}}}}"#))).await;
    let walk = client(&server).repository_aliases(GROUP).await.unwrap();
    let aliases: Vec<_> = walk.items.iter().map(|alias| alias.alias.as_str()).collect();
    assert_eq!(aliases, ["https://bitbucket.org/acme-old/payments", "https://bitbucket.org/acme-old/pay"]);
    assert_eq!((walk.items[0].url.as_str(), walk.unreadable), ("https://bitbucket.org/acme/payments", 1));
}

#[tokio::test]
async fn a_list_of_aliases_that_calls_its_items_otherwise_is_not_empty() {
    let server = MockServer::start().await;
    let at = format!("/rest/groups/{GROUP}/assets/repository/aliases");
    answer(&server, "GET", &at, json(200, r#"{"aliases":[],"links":{}}"#)).await;
    let failure = client(&server).repository_aliases(GROUP).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::UnexpectedBody);
}
