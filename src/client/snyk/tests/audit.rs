use super::*;

fn at() -> String {
    format!("/rest/orgs/{ORGANIZATION}/audit_logs/search")
}

/// A link to the page with this cursor.
fn link(cursor: usize) -> String {
    format!(r#"{{"next":"/orgs/{ORGANIZATION}/audit_logs/search?from=x&size=100&cursor=p{cursor}"}}"#)
}

async fn page(server: &MockServer, cursor: Option<usize>, body: &str) {
    let mock = Mock::given(method("GET")).and(path(at()));
    let mock = match cursor {
        Some(cursor) => mock.and(query_param("cursor", format!("p{cursor}"))),
        None => mock,
    };
    mock.respond_with(json(200, body)).with_priority(if cursor.is_some() { 1 } else { 5 }).mount(server).await;
}

const EVENT: &str = r#"{"created":"2026-07-01T00:00:00Z","event":"org.integration.edit"}"#;

#[tokio::test]
async fn the_audit_log_always_says_from_when() {
    let server = MockServer::start().await;
    for level in [format!("orgs/{ORGANIZATION}"), format!("groups/{GROUP}")] {
        let page = format!(r#"{{"data":{{"type":"x","items":[{EVENT}]}},"links":{{}}}}"#);
        let mock = Mock::given(method("GET")).and(path(format!("/rest/{level}/audit_logs/search")));
        let mock = mock.and(query_param("from", "2026-11-23T09:00:00Z")).and(query_param("sort_order", "ASC"));
        mock.respond_with(json(200, &page)).mount(&server).await;
    }
    let events = ["group.org.remove", "org.integration.edit"];
    let client = client(&server);
    assert_eq!(client.organization_audit_log(ORGANIZATION, start(), &events).await.unwrap().items.len(), 1);
    assert_eq!(client.group_audit_log(GROUP, start(), &events).await.unwrap().items.len(), 1);
    for request in server.received_requests().await.unwrap() {
        assert_eq!(request.url.query_pairs().filter(|(key, _)| key == "events").count(), 2);
    }
}

#[tokio::test]
async fn a_page_without_items_is_empty_and_one_of_another_shape_is_none() {
    async fn check(body: &str, expected: Option<usize>) {
        let server = MockServer::start().await;
        page(&server, None, body).await;
        let walk = client(&server).organization_audit_log(ORGANIZATION, start(), &[]).await;
        assert_eq!(walk.map(|walk| walk.items.len()).ok(), expected, "{body}");
    }
    check(&format!(r#"{{"data":{{"items":[{EVENT}]}},"links":{{}}}}"#), Some(1)).await;
    check(&format!(r#"{{"data":{{"items":[{EVENT}]}}}}"#), Some(1)).await;
    check(r#"{"data":{"type":"audit_logs"},"links":{}}"#, Some(0)).await;
    check(r#"{"data":{"items":null}}"#, Some(0)).await;
    check(r#"{"data":[],"links":{"next":null}}"#, Some(0)).await;
    check(r#"{"data":null,"links":{}}"#, Some(0)).await;
    check("{}", None).await;
    check(r#"{"links":{}}"#, None).await;
    check(r#"{"data":"none"}"#, None).await;
    check(r#"{"data":{"items":7}}"#, None).await;
    check(&format!(r#"{{"data":[{EVENT}]}}"#), None).await;
    check(r#"{"data":{"items":[]},"links":null}"#, None).await;
    check(r#"{"data":{"items":[]},"links":{"next":{}}}"#, None).await;
}

#[tokio::test]
async fn empty_pages_are_read_over() {
    let server = MockServer::start().await;
    let empty = [r#"{"items":[]}"#, "{}", "null", "[]"];
    for (cursor, data) in empty.into_iter().enumerate() {
        let body = format!(r#"{{"data":{data},"links":{}}}"#, link(cursor + 1));
        page(&server, (cursor > 0).then_some(cursor), &body).await;
    }
    page(&server, Some(4), &format!(r#"{{"data":{{"items":[{EVENT}]}},"links":{{}}}}"#)).await;
    let walk = client(&server).organization_audit_log(ORGANIZATION, start(), &[]).await.unwrap();
    assert_eq!((walk.items.len(), walk.pages), (1, 5));
}

#[tokio::test]
async fn a_log_without_end_stops_and_can_be_read_on() {
    /// A page a cursor, with an event on every hundredth.
    struct Endless;
    impl wiremock::Respond for Endless {
        fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
            let cursor = request.url.query_pairs().find(|(key, _)| key == "cursor");
            let number: usize = cursor.map_or(0, |(_, cursor)| cursor.trim_start_matches('p').parse().unwrap());
            let items = if number % 100 == 99 { EVENT } else { "" };
            let links = if number < 250 { link(number + 1) } else { "{}".to_owned() };
            json(200, &format!(r#"{{"data":{{"items":[{items}]}},"links":{links}}}"#))
        }
    }
    let server = MockServer::start().await;
    Mock::given(method("GET")).and(path(at())).respond_with(Endless).mount(&server).await;
    let client = client(&server);
    let failure = client.organization_audit_log(ORGANIZATION, start(), &[]).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Unfinished { pages: 200 });
    assert_eq!((failure.context.pages_before, failure.context.items_before), (200, 2));

    let log = AuditLog::Organization(ORGANIZATION);
    let part = client.audit_log_part(log, &LogStart::At(start()), &[]).await.unwrap();
    assert_eq!((part.walk.items.len(), part.walk.pages), (2, 200));
    let stored = LogCursor::new(part.rest.unwrap().as_str().to_owned());
    let part = client.audit_log_part(log, &LogStart::Cursor(stored), &[]).await.unwrap();
    assert_eq!((part.walk.items.len(), part.walk.pages, part.rest), (0, 51, None));
    // The version goes with the cursor.
    let asked = server.received_requests().await.unwrap();
    let has_version = |request: &wiremock::Request| {
        request.url.query_pairs().any(|(key, value)| key == "version" && value == DEFAULT_VERSION)
    };
    assert!(asked.iter().all(has_version));
}

#[tokio::test]
async fn an_unreadable_entry_spoils_no_page() {
    let server = MockServer::start().await;
    let items = [
        EVENT,
        "null",
        r#"{"event":"org.integration.edit"}"#,
        r#"{"created":"2026-07-01T00:00:00Z","event":7}"#,
        r#"{"created":"2026-07-02T00:00:00Z","event":"org.delete","content":[1],"org_id":{}}"#,
    ];
    page(&server, None, &format!(r#"{{"data":{{"items":[{}]}}}}"#, items.join(","))).await;
    let walk = client(&server).organization_audit_log(ORGANIZATION, start(), &[]).await.unwrap();
    let events: Vec<_> = walk.items.iter().map(|event| event.event.as_str()).collect();
    assert_eq!((events, walk.unreadable), (vec!["org.integration.edit", "org.delete"], 3));
    assert_eq!((walk.items[1].org_id.as_deref(), walk.items[1].integration_id()), (None, None));
}

#[tokio::test]
async fn an_event_tells_who_and_what_in_whatever_words() {
    async fn read(event: &str, more: &str) -> AuditEvent {
        let server = MockServer::start().await;
        let item = format!(r#"{{"created":"2026-07-01T00:00:00Z","event":"{event}"{more}}}"#);
        page(&server, None, &format!(r#"{{"data":{{"items":[{item}]}}}}"#)).await;
        client(&server).organization_audit_log(ORGANIZATION, start(), &[]).await.unwrap().items.remove(0)
    }
    // As a rule of a SIEM has it.
    let siem = r#","org_id":"o","group_id":"g","project_id":"p","content":{"integrationPublicId":"i-1","interface":"ui",
        "before":{"integrationSettings":{"pullRequestTestEnabled":true}},
        "after":{"integrationSettings":{"pullRequestTestEnabled":false}}}"#;
    let event = read("org.integration.settings.edit", siem).await;
    assert_eq!((event.integration_id(), event.source_type.as_deref()), (Some("i-1"), None));
    let ids = [event.org_id, event.group_id, event.project_id, event.user_id];
    assert_eq!(ids, [Some("o".to_owned()), Some("g".to_owned()), Some("p".to_owned()), None]);
    let change = event.settings.unwrap();
    let switches = (change.before.pull_request_test_enabled, change.after.pull_request_test_enabled);
    assert_eq!(switches, (Some(true), Some(false)));

    // As recorded: another integration's event names no integration, and its kind.
    let recorded = r#","user_id":"u","content":{"before":{"pullRequestTestCodeEnabled":true,"reachableVulns":{}},
        "after":{"pullRequestTestCodeEnabled":false,"autoRemediationPrs":{"backlogPrStrategy":"x"}},
        "flow":"on-boarding","sourceType":"github"}"#;
    let event = read("org.integration.settings.edit", recorded).await;
    assert_eq!((event.integration_id(), event.source_type.as_deref()), (None, Some("github")));
    assert_eq!(event.user_id.as_deref(), Some("u"));
    let change = event.settings.unwrap();
    assert_eq!(change.after.pull_request_test_code_enabled, Some(false));
    assert_eq!(change.after.pull_request_test_enabled, None);

    // After a deletion the name stands in the event alone, in V1's spelling.
    let deleted = r#","content":{"groupId":"g","orgId":"o","orgName":"Payments"}"#;
    let event = read("group.org.remove", deleted).await;
    assert_eq!((event.org_id.as_deref(), event.group_id.as_deref()), (Some("o"), Some("g")));
    assert_eq!((event.org_name.as_deref(), event.settings), (Some("Payments"), None));
}
