use super::*;

/// A page of `count` Organizations, with these fields behind.
fn page(count: u128, more: &str) -> String {
    page_of(0..count, more)
}

fn page_of(ids: std::ops::Range<u128>, more: &str) -> String {
    let data: Vec<_> = ids.map(|id| format!(r#"{{"id":"{}"}}"#, Uuid::from_u128(id))).collect();
    format!(r#"{{"data":[{}]{more}}}"#, data.join(","))
}

#[tokio::test]
async fn a_page_is_the_last_one_only_where_it_says_so() {
    async fn check(more: &str, expected: Result<usize, &str>) {
        let server = MockServer::start().await;
        answer(&server, "GET", &format!("/rest/groups/{GROUP}/orgs"), json(200, &page(2, more))).await;
        let walk = client(&server).group_organizations(GROUP).await;
        match (walk, expected) {
            (Ok(walk), Ok(count)) => assert_eq!(walk.items.len(), count, "{more}"),
            (Err(failure), Err(odd)) => {
                assert_eq!((&failure.class, failure.body), (&FailureClass::UnexpectedBody, BodyKind::Json), "{more}");
                let detail = format!("a page of the list does not say whether more follow: its {odd}");
                assert_eq!((failure.detail.as_str(), failure.context.items_before), (detail.as_str(), 2), "{more}");
                assert_eq!(failure.asked(), Some(format!("GET /rest/groups/{GROUP}/orgs").as_str()));
            }
            (walk, expected) => unreachable!("{more}: {walk:?} instead of {expected:?}"),
        }
    }
    check(r#","links":{}"#, Ok(2)).await;
    check(r#","links":{"self":"x"}"#, Ok(2)).await;
    check(r#","links":{"next":null}"#, Ok(2)).await;
    check(r#","links":{"next":""}"#, Ok(2)).await;
    check("", Err("`links` is missing")).await;
    check(r#","links":null"#, Err("`links` is null")).await;
    check(r#","links":[]"#, Err("`links` is a list")).await;
    check(r#","links":"/groups""#, Err("`links` is a text")).await;
    check(r#","links":{"next":7}"#, Err("`links.next` is a number")).await;
    check(r#","links":{"next":false}"#, Err("`links.next` is true or false")).await;
    check(r#","links":{"next":["/groups"]}"#, Err("`links.next` is a list")).await;
    for without_link in ["{}", r#"{"url":"/groups"}"#, r#"{"href":null}"#, r#"{"href":7}"#, r#"{"href":""}"#] {
        check(&format!(r#","links":{{"next":{without_link}}}"#), Err("`links.next` is an object without a link")).await;
    }
}

#[tokio::test]
async fn links_may_be_left_out_where_the_description_says_so() {
    async fn check(verb: &str, at: &str, body: &str, expected: bool) {
        let server = MockServer::start().await;
        answer(&server, verb, &format!("/rest{at}"), json(200, body)).await;
        let client = client(&server);
        let is_read = match at.rsplit('/').next().unwrap() {
            "search" if verb == "POST" => client.repository_assets(GROUP, None).await.is_ok(),
            "search" => client.organization_audit_log(ORGANIZATION, start(), &[]).await.is_ok(),
            "assets" => client.inventory_assets(GROUP).await.is_ok(),
            "aliases" => client.repository_aliases(GROUP).await.is_ok(),
            "personal_access_tokens" => client.personal_access_tokens().await.is_ok(),
            "targets" => client.targets(ORGANIZATION, &[]).await.is_ok(),
            "projects" => client.projects(ORGANIZATION, &[]).await.is_ok(),
            "service_accounts" => client.group_service_accounts(GROUP).await.is_ok(),
            "integrations" => client.rest_integrations(ORGANIZATION).await.is_ok(),
            "groups" => client.groups().await.is_ok(),
            other => unreachable!("{other}"),
        };
        assert_eq!(is_read, expected, "{verb} {at} {body}");
    }
    let optional = [
        ("POST", format!("/groups/{GROUP}/assets/search")),
        ("GET", format!("/groups/{GROUP}/inventory/assets")),
        ("GET", format!("/groups/{GROUP}/assets/repository/aliases")),
        ("GET", format!("/orgs/{ORGANIZATION}/audit_logs/search")),
        ("GET", "/self/personal_access_tokens".to_owned()),
    ];
    let required = [
        ("GET", "/groups".to_owned()),
        ("GET", format!("/groups/{GROUP}/service_accounts")),
        ("GET", format!("/orgs/{ORGANIZATION}/targets")),
        ("GET", format!("/orgs/{ORGANIZATION}/projects")),
        ("GET", format!("/orgs/{ORGANIZATION}/integrations")),
    ];
    for (lists, may_lack) in [(optional, true), (required, false)] {
        for (verb, at) in lists {
            check(verb, &at, r#"{"data":[]}"#, may_lack).await;
            check(verb, &at, r#"{"data":[],"links":{}}"#, true).await;
            check(verb, &at, r#"{"data":[],"links":null}"#, false).await;
            if !at.contains("audit_logs") {
                check(verb, &at, r#"{"links":{}}"#, false).await;
                check(verb, &at, r#"{"data":null,"links":{},"meta":{"count":3}}"#, false).await;
                check(verb, &at, r#"{"links":{},"meta":{"count":0}}"#, true).await;
            }
        }
    }
}

#[tokio::test]
async fn a_full_page_without_links_says_that_it_is_the_last_by_its_total_alone() {
    async fn check(count: u128, more: &str, expected: bool) {
        let server = MockServer::start().await;
        let at = format!("/rest/groups/{GROUP}/inventory/assets");
        answer(&server, "GET", &at, json(200, &page(count, more))).await;
        let walk = client(&server).inventory_assets(GROUP).await;
        assert_eq!(walk.is_ok(), expected, "{count} items{more}: {walk:?}");
    }
    check(99, "", true).await;
    check(100, "", false).await;
    check(100, r#","links":{}"#, true).await;
    check(100, r#","meta":{"count":100}"#, true).await;
    check(100, r#","meta":{"count":350}"#, false).await;
}

#[tokio::test]
async fn a_list_shorter_than_its_total_is_incomplete_until_the_total_is_proved_wrong() {
    let server = MockServer::start().await;
    let at = format!("/rest/groups/{GROUP}/orgs");
    let body = page(40, r#","links":{},"meta":{"count":65}"#);
    answer(&server, "GET", &at, json(200, &body)).await;
    let client = client(&server);
    let failure = client.group_organizations(GROUP).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Incomplete { listed: 40, total: 65 });
    assert_eq!(failure.detail, "the list ends after 40 of the 65 items that it states");
    let walk = client.group_organizations(GROUP).await.unwrap();
    assert_eq!((walk.items.len(), walk.total, walk.total_is_wrong), (40, Some(65), true));

    // Another list of the same credential is judged by itself, and one that grew meanwhile is whole.
    answer(&server, "GET", "/rest/groups", json(200, &page(2, r#","links":{},"meta":{"count":3}"#))).await;
    let failure = client.groups().await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Incomplete { listed: 2, total: 3 });
    server.reset().await;
    answer(&server, "GET", "/rest/groups", json(200, &page(2, r#","links":{},"meta":{"count":1}"#))).await;
    assert!(!client.groups().await.unwrap().total_is_wrong);
}

#[tokio::test]
async fn a_list_that_is_cut_after_full_pages_never_becomes_complete() {
    let server = MockServer::start().await;
    let at = format!("/rest/groups/{GROUP}/orgs");
    let next = format!(r#","links":{{"next":"{at}?starting_after=p1"}}"#);
    let second = page_of(100..200, r#","links":{},"meta":{"count":1234}"#);
    let mock = Mock::given(method("GET")).and(path(&at)).and(query_param("starting_after", "p1"));
    mock.respond_with(json(200, &second)).with_priority(1).mount(&server).await;
    answer(&server, "GET", &at, json(200, &page(100, &next))).await;
    let client = client(&server);
    for _ in 0..3 {
        let failure = client.group_organizations(GROUP).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Incomplete { listed: 200, total: 1_234 });
        assert_eq!((failure.context.pages_before, failure.context.items_before), (1, 200));
    }
}
