use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer};

use super::*;
use crate::client::answer::FailureClass;
use crate::client::testing::{answer, context, json};
use crate::clock::Clock;

const PATH: &str = "/admin/api-access/v1/orgs/org-1/api-tokens";

fn client(server: &MockServer) -> AtlassianAdminClient {
    let options = AtlassianAdminOptions {
        api_url: server.uri().parse().unwrap(),
        organization_id: "org-1".to_owned(),
        api_key: "hunter2-key".into(),
    };
    AtlassianAdminClient::new(options, context(&Clock::system()).0).unwrap()
}

#[tokio::test]
async fn tokens_are_walked_by_cursor_with_all_other_parameters_repeated() {
    let server = MockServer::start().await;
    let second =
        r#"{"data":[{"id":"2","status":"BLOCKED","expiresAt":null},{"id":"3","status":"NEW"}],"links":{"next":null}}"#;
    let mock = Mock::given(method("GET")).and(path(PATH)).and(query_param("pageSize", "1000"));
    let mock = mock.and(query_param("cursor", "c=1&x")).and(header("authorization", "Bearer hunter2-key"));
    mock.respond_with(json(200, second)).with_priority(1).mount(&server).await;
    let first = r#"{"data":[{"id":"1","label":"snyk","status":"ALLOWED","createdAt":"2026-01-01T00:00:00Z",
        "expiresAt":"2027-01-01T00:00:00Z","lastActiveAt":"2026-11-22T00:00:00Z",
        "user":{"id":"acc","email":"bot@acme.example"}}],"links":{"self":"x","next":"c=1&x"}}"#;
    answer(&server, "GET", PATH, json(200, first)).await;
    let client = client(&server);
    let tokens = client.api_tokens().await.unwrap().items;
    assert_eq!(tokens[0].status, ManagedTokenStatus::Allowed);
    assert_eq!(tokens[0].owner_email.as_deref(), Some("bot@acme.example"));
    assert!(tokens[0].expires_at.is_some() && tokens[1].expires_at.is_none());
    assert_eq!(tokens[1].status, ManagedTokenStatus::Blocked);
    assert_eq!(tokens[2].status, ManagedTokenStatus::Other("NEW".to_owned()));
    assert!(!format!("{client:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_cursor_that_stays_ends_the_walk() {
    let server = MockServer::start().await;
    answer(&server, "GET", PATH, json(200, r#"{"data":[],"links":{"next":"same"}}"#)).await;
    assert_eq!(client(&server).api_tokens().await.unwrap_err().class, FailureClass::EndlessPaging);
}

#[tokio::test]
async fn a_key_without_the_scope_is_forbidden() {
    let server = MockServer::start().await;
    answer(&server, "GET", PATH, json(403, r#"{"errors":[{"title":"Forbidden","detail":"lacks read:tokens:admin"}]}"#))
        .await;
    let failure = client(&server).api_tokens().await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Forbidden);
    assert_eq!(failure.detail, "the API answered 403: Forbidden: lacks read:tokens:admin");
}

#[tokio::test]
async fn a_listing_that_does_not_say_whether_it_goes_on_is_not_complete() {
    async fn check(more: &str, is_complete: bool) {
        let server = MockServer::start().await;
        answer(&server, "GET", PATH, json(200, &format!(r#"{{"data":[]{more}}}"#))).await;
        assert_eq!(client(&server).api_tokens().await.is_ok(), is_complete, "{more}");
    }
    check("", true).await;
    check(r#","links":{}"#, true).await;
    check(r#","links":{"next":""}"#, true).await;
    check(r#","links":null"#, false).await;
    check(r#","links":{"next":7}"#, false).await;
    check(r#","links":{"next":{"href":"x"}}"#, false).await;
}
