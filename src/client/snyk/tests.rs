mod audit;
mod endpoints;
mod paging;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use wiremock::matchers::{body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::client::answer::{BodyKind, Failure, FailureClass};
use crate::client::budget::{BudgetLimits, RequestBudget};
use crate::client::testing::{answer, context, json};
use crate::clock::{Clock, Pace};

const TOKEN: &str = "8f1b9d3e-0000-4000-8000-00000000abcd";
const GROUP: Uuid = Uuid::from_u128(1);
const ORGANIZATION: Uuid = Uuid::from_u128(2);

fn start() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn options(server: &MockServer) -> SnykOptions {
    SnykOptions {
        api_url: server.uri().parse().unwrap(),
        version: DEFAULT_VERSION.to_owned(),
        auth: SnykAuth::Token { token: TOKEN.into(), scheme: TokenScheme::Token },
    }
}

fn client(server: &MockServer) -> SnykClient {
    SnykClient::new(options(server), context(&Clock::system()).0).unwrap()
}

#[tokio::test]
async fn identity_is_asked_with_version_and_token_and_is_told_to_telemetry() {
    let server = MockServer::start().await;
    let body = r#"{"data":{"type":"service_account","id":"55","attributes":{"name":"monitor","new":1}},"jsonapi":{}}"#;
    Mock::given(method("GET"))
        .and(path("/rest/self"))
        .and(query_param("version", DEFAULT_VERSION))
        .and(header("authorization", format!("token {TOKEN}").as_str()))
        .and(header("user-agent", concat!("snykwatch/", env!("CARGO_PKG_VERSION"))))
        .respond_with(
            json(200, body)
                .insert_header("date", "Mon, 23 Nov 2026 09:00:07 GMT")
                .insert_header("snyk-request-id", "r-1")
                .insert_header("snyk-version-served", "2024-04-22"),
        )
        .mount(&server)
        .await;
    let clock = Clock::scaled(start(), Pace::Immediate);
    let _hold = clock.hold();
    let (context, recorder) = context(&clock);
    let client = SnykClient::new(options(&server), context).unwrap();
    let answer = client.identity().await.unwrap();
    assert_eq!(
        answer.value,
        Identity { kind: IdentityKind::ServiceAccount, id: "55".to_owned(), name: Some("monitor".to_owned()) }
    );
    assert_eq!(answer.meta.request_id.as_deref(), Some("r-1"));
    assert_eq!(*recorder.codes.lock().unwrap(), ["acme 200"]);
    assert_eq!(*recorder.skews.lock().unwrap(), [TimeDelta::seconds(7)]);
    assert_eq!(recorder.versions.lock().unwrap()[0].served.as_deref(), Some("2024-04-22"));
}

#[tokio::test]
async fn every_bad_answer_has_its_class() {
    async fn check(template: ResponseTemplate, class: FailureClass, kind: BodyKind, detail: &str) {
        let server = MockServer::start().await;
        answer(&server, "GET", "/rest/self", template).await;
        let failure = client(&server).identity().await.unwrap_err();
        assert_eq!((&failure.class, failure.body, failure.detail.as_str()), (&class, kind, detail));
    }
    let empty = ResponseTemplate::new;
    let html = |status| empty(status).set_body_raw("\n<!doctype html><p>Sign in", "application/json");
    let error = r#"{"jsonapi":{"version":"1.0"},"errors":[{"status":"401","code":"SNYK-0005","title":"Authentication error","detail":"Unable to authenticate"}]}"#;

    check(
        json(401, error),
        FailureClass::Unauthorized,
        BodyKind::Json,
        "the API answered 401 (SNYK-0005): Authentication error: Unable to authenticate",
    )
    .await;
    check(empty(401), FailureClass::Unauthorized, BodyKind::Absent, "the API answered 401").await;
    check(
        json(401, r#"{"status":"401","code":"Unauthorized"}"#),
        FailureClass::Unauthorized,
        BodyKind::Json,
        "the API answered 401 (Unauthorized)",
    )
    .await;
    check(
        json(403, r#"{"errors":[{"status":"403","detail":"No"}]}"#),
        FailureClass::Forbidden,
        BodyKind::Json,
        "the API answered 403: No",
    )
    .await;
    check(html(403), FailureClass::Forbidden, BodyKind::Html, "the API answered 403 with an HTML page").await;
    check(
        json(404, r#"{"code":404,"error":"Not found","message":"Org 1 was not found"}"#),
        FailureClass::NotFound,
        BodyKind::Json,
        "the API answered 404 (Not found): Org 1 was not found",
    )
    .await;
    check(empty(410), FailureClass::Gone { announcement: None }, BodyKind::Absent, "the API answered 410").await;
    check(json(400, r#"{"errors":[]}"#), FailureClass::BadRequest, BodyKind::Json, "the API answered 400").await;
    check(empty(500), FailureClass::ServerError, BodyKind::Absent, "the API answered 500").await;
    check(html(503), FailureClass::ServerError, BodyKind::Html, "the API answered 503 with an HTML page").await;
    check(
        json(503, r#"{"errors":[{"code":"SNYK-0099","title":"Maintenance"}]}"#),
        FailureClass::Maintenance,
        BodyKind::Json,
        "the API answered 503 (SNYK-0099): Maintenance",
    )
    .await;
    check(empty(407), FailureClass::Proxy, BodyKind::Absent, "a proxy or portal on the way answered 407").await;
    check(
        html(511),
        FailureClass::Proxy,
        BodyKind::Html,
        "a proxy or portal on the way answered 511 with an HTML page",
    )
    .await;
    let moved = empty(302).insert_header("location", "https://login.example.com/x?token=1");
    check(
        moved,
        FailureClass::Redirected { location_host: Some("login.example.com".to_owned()) },
        BodyKind::Absent,
        "the API answered 302",
    )
    .await;

    check(
        html(200),
        FailureClass::UnexpectedBody,
        BodyKind::Html,
        "the API answered 200 with an HTML page instead of the expected JSON",
    )
    .await;
    check(
        empty(200),
        FailureClass::UnexpectedBody,
        BodyKind::Absent,
        "the API answered 200 with nothing instead of the expected JSON",
    )
    .await;
    check(
        json(200, "ok"),
        FailureClass::UnexpectedBody,
        BodyKind::Other,
        "the API answered 200 with something that is not JSON instead of the expected JSON",
    )
    .await;
    check(
        json(200, r#"{"data":{"type":"#),
        FailureClass::Truncated,
        BodyKind::Other,
        "the API answered 200 with JSON that ends too early instead of the expected JSON",
    )
    .await;
    check(json(200, r#"{"data":[]}"#), FailureClass::UnexpectedBody, BodyKind::Json, "the API answered 200 with JSON of another shape (invalid length 0, expected struct Resource with 3 elements at line 1 column 10) instead of the expected JSON").await;
}

#[tokio::test]
async fn a_failure_keeps_the_words_of_the_api_apart_from_ours() {
    async fn check(template: ResponseTemplate, said: (Option<&str>, Option<&str>)) {
        let server = MockServer::start().await;
        answer(&server, "GET", &format!("/rest/groups/{GROUP}"), template).await;
        let failure = client(&server).group(GROUP).await.unwrap_err();
        assert_eq!((failure.code(), failure.message()), said, "{failure:?}");
        assert_eq!(failure.asked(), Some(format!("GET /rest/groups/{GROUP}").as_str()));
    }
    let plain = |text: &str| ResponseTemplate::new(403).set_body_raw(text.to_owned(), "text/plain");
    let error =
        r#"{"errors":[{"code":"SNYK-OPENAPI-0002","title":"Forbidden","detail":"Not in\u202e your plan\u0007"}]}"#;
    check(json(403, error), (Some("SNYK-OPENAPI-0002"), Some("Forbidden: Not in your plan"))).await;
    check(json(403, r#"{"code":"Unauthorized"}"#), (Some("Unauthorized"), None)).await;
    check(plain("Forbidden\n"), (None, Some("Forbidden"))).await;
    check(plain(""), (None, None)).await;
    check(plain(&"long ".repeat(1_000)), (None, None)).await;
    check(plain(r#"{"errors":[{"detail":"cut"#), (None, None)).await;
    check(plain("<p>Sign in</p>"), (None, None)).await;
    check(json(200, "[]"), (None, None)).await;
}

#[tokio::test]
async fn throttling_pauses_the_credential_without_asking_again() {
    let server = MockServer::start().await;
    answer(&server, "GET", "/rest/self", ResponseTemplate::new(429).insert_header("retry-after", "90")).await;
    let (mut context, recorder) = context(&Clock::system());
    context.budget = RequestBudget::new(BudgetLimits::snyk(), &context.clock);
    let client = SnykClient::new(options(&server), context).unwrap();
    let wait = |failure: Failure| match failure.class {
        FailureClass::RateLimited { retry_after } => retry_after.unwrap().as_secs(),
        other => unreachable!("{other:?}"),
    };
    let failure = client.identity().await.unwrap_err();
    assert_eq!(failure.asked(), Some("GET /rest/self"));
    assert_eq!(wait(failure), 90);
    let rest = wait(client.identity().await.unwrap_err());
    assert!((85..=108).contains(&rest), "{rest}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    // A request that never left is not counted.
    assert_eq!(*recorder.codes.lock().unwrap(), ["acme 429"]);
}

fn organizations_page(ids: std::ops::Range<u128>, next: &str) -> String {
    let entry =
        |id: u128| format!(r#"{{"id":"{}","type":"org","attributes":{{"name":"o{id}"}}}}"#, Uuid::from_u128(id));
    let data: Vec<_> = ids.map(entry).collect();
    format!(r#"{{"data":[{}],"links":{{"next":{next}}},"meta":{{"total_count":5}}}}"#, data.join(","))
}

#[tokio::test]
async fn a_walk_follows_every_form_of_link() {
    let server = MockServer::start().await;
    let at = format!("/rest/groups/{GROUP}/orgs");
    let uri = server.uri();
    let next = |number: u32| format!("starting_after=p{number}&limit=100");
    let links = [
        // Without the base path and without the version; with it; absolute in an object; a query alone; none.
        format!(r#""/groups/{GROUP}/orgs?{}""#, next(1)),
        format!(r#""{at}?version=2026-03-25&{}""#, next(2)),
        format!(r#"{{"href":"{uri}{at}?version=2026-03-25&{}"}}"#, next(3)),
        format!(r#""?version=2026-03-25&{}""#, next(4)),
        "null".to_owned(),
    ];
    for (number, link) in links.iter().enumerate().rev() {
        let page = organizations_page(number as u128..number as u128 + 1, link);
        let mock = Mock::given(method("GET")).and(path(&at)).and(query_param("version", DEFAULT_VERSION));
        let mock = if number > 0 { mock.and(query_param("starting_after", format!("p{number}"))) } else { mock };
        mock.respond_with(json(200, &page)).with_priority(if number > 0 { 1 } else { 5 }).mount(&server).await;
    }
    let walk = client(&server).group_organizations(GROUP).await.unwrap();
    let names: Vec<_> = walk.items.iter().filter_map(|organization| organization.name.as_deref()).collect();
    assert_eq!(names, ["o0", "o1", "o2", "o3", "o4"]);
    assert_eq!((walk.pages, walk.total), (5, Some(5)));
    assert!(walk.started_at <= walk.complete_at);
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_or_in_a_circle_ends_the_walk() {
    async fn check(link: &str, class: FailureClass) {
        let server = MockServer::start().await;
        let at = format!("/rest/groups/{GROUP}/orgs");
        let link = link.replace("{uri}", &server.uri());
        answer(&server, "GET", &at, json(200, &organizations_page(0..2, &link))).await;
        let failure = client(&server).group_organizations(GROUP).await.unwrap_err();
        assert_eq!(failure.class.as_label(), class.as_label(), "{link}: {failure}");
        if let FailureClass::ForeignNextLink { .. } = class {
            assert_eq!((failure.class, server.received_requests().await.unwrap().len()), (class, 1));
            assert_eq!((failure.context.pages_before, failure.context.items_before), (0, 2));
        }
    }
    let foreign = |host: Option<&str>| FailureClass::ForeignNextLink { host: host.map(str::to_owned) };
    check(r#""https://evil.example.com/rest/groups/1/orgs""#, foreign(Some("evil.example.com"))).await;
    check(r#""//evil.example.com/rest/groups/1/orgs""#, foreign(Some("evil.example.com"))).await;
    check(r#""http://127.0.0.1:1/rest/groups/1/orgs""#, foreign(Some("127.0.0.1"))).await;
    check(r#""{uri}/rest/self""#, foreign(Some("127.0.0.1"))).await;
    check(r#""/orgs/1/projects?x=1""#, foreign(Some("127.0.0.1"))).await;
    check(r#""https://[""#, foreign(None)).await;
    let circle = format!(r#""/groups/{GROUP}/orgs?starting_after=same""#);
    check(&circle, FailureClass::EndlessPaging).await;
}

#[tokio::test]
async fn a_failing_page_fails_the_walk_and_says_how_far_it_came() {
    let server = MockServer::start().await;
    let at = format!("/rest/groups/{GROUP}/orgs");
    let second = Mock::given(method("GET")).and(path(&at)).and(query_param("starting_after", "p1"));
    second.respond_with(ResponseTemplate::new(502)).with_priority(1).mount(&server).await;
    let first = organizations_page(0..3, &format!(r#""/groups/{GROUP}/orgs?starting_after=p1""#));
    answer(&server, "GET", &at, json(200, &first)).await;
    let failure = client(&server).group_organizations(GROUP).await.unwrap_err();
    assert_eq!((failure.class, failure.status), (FailureClass::ServerError, Some(502)));
    assert_eq!((failure.context.pages_before, failure.context.items_before), (1, 3));
}

#[tokio::test]
async fn an_access_token_is_fetched_once_renewed_in_time_and_dropped_when_refused() {
    let server = MockServer::start().await;
    let token = json(200, r#"{"access_token":"first-access-token","expires_in":3599,"token_type":"bearer"}"#);
    let mock = Mock::given(method("POST")).and(path("/oauth2/token"));
    let mock = mock.and(body_string_contains("grant_type=client_credentials&client_id=me&client_secret=hunter2%2B"));
    mock.respond_with(token).mount(&server).await;
    let bearer = Mock::given(method("GET")).and(path("/rest/self"));
    let bearer = bearer.and(header("authorization", "Bearer first-access-token"));
    let ok = json(200, r#"{"data":{"type":"user","id":"u"}}"#);
    bearer.respond_with(ok).up_to_n_times(3).with_priority(1).mount(&server).await;
    let refusal = r#"{"errors":[{"detail":"token first-access-token is unknown"}]}"#;
    answer(&server, "GET", "/rest/self", json(401, refusal)).await;

    let clock = Clock::scaled(start(), Pace::Immediate);
    let mut script = clock.participant();
    let auth = SnykAuth::OAuthClient { client_id: "me".to_owned(), client_secret: "hunter2+".into() };
    let client = SnykClient::new(SnykOptions { auth, ..options(&server) }, context(&clock).0).unwrap();
    let fetched = async || {
        let requests = server.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path() == "/oauth2/token").count()
    };
    client.identity().await.unwrap();
    client.identity().await.unwrap();
    assert_eq!(fetched().await, 1);
    script.sleep_until(start() + TimeDelta::seconds(3_500)).await;
    client.identity().await.unwrap();
    assert_eq!(fetched().await, 2);
    let failure = client.identity().await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Unauthorized);
    assert_eq!(failure.detail, "the API answered 401: token [redacted] is unknown");
    let _ = client.identity().await;
    assert_eq!(fetched().await, 3);
    assert!(!format!("{client:?}").contains("access-token"));
}

#[tokio::test]
async fn wrong_client_credentials_are_unauthorized_whatever_the_status() {
    let server = MockServer::start().await;
    answer(
        &server,
        "POST",
        "/oauth2/token",
        json(400, r#"{"error":"invalid_client","error_description":"hunter2+ is wrong"}"#),
    )
    .await;
    let auth = SnykAuth::OAuthClient { client_id: "me".to_owned(), client_secret: "hunter2+".into() };
    let client = SnykClient::new(SnykOptions { auth, ..options(&server) }, context(&Clock::system()).0).unwrap();
    let failure = client.identity().await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Unauthorized);
    assert_eq!(failure.detail, "the API answered 400 (invalid_client): [redacted] is wrong");
}

#[tokio::test]
async fn no_secret_is_shown() {
    let server = MockServer::start().await;
    let hostile =
        format!(r#"{{"errors":[{{"title":"x","detail":"token {TOKEN}\u0007\nBearer abcdefghijklmnopqrstuvwxyz"}}]}}"#);
    let template = json(403, &hostile).insert_header("snyk-request-id", TOKEN).insert_header("x-token-id", TOKEN);
    answer(&server, "GET", "/rest/self", template).await;
    let client = client(&server);
    let failure = client.identity().await.unwrap_err();
    assert_eq!(failure.detail, "the API answered 403: x: token [redacted] [redacted]");
    assert_eq!(failure.message(), Some("x: token [redacted] [redacted]"));
    assert_eq!(failure.meta.request_id.as_deref(), Some("[redacted]"));
    let shown = format!("{client:?} {client:#?} {failure:?} {:?}", options(&server));
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[tokio::test]
async fn a_token_of_another_region_is_told() {
    let server = MockServer::start().await;
    // {"h":"api.eu.snyk.io","x":1}
    let token: SecretString = "snyk_sat.1a2b3c4d.eyJoIjoiYXBpLmV1LnNueWsuaW8iLCJ4IjoxfQ.sig".into();
    let auth = SnykAuth::Token { token, scheme: TokenScheme::Bearer };
    let client = SnykClient::new(SnykOptions { auth, ..options(&server) }, context(&Clock::system()).0).unwrap();
    assert_eq!(client.foreign_token_host(), Some("api.eu.snyk.io"));
    assert_eq!(client.token_shape().unwrap().kind, TokenKind::ServiceAccountToken);
}

#[test]
fn the_api_url_may_name_any_of_its_apis() {
    let check = |url: &str, expected: &str| assert_eq!(root_of(&url.parse().unwrap()).as_str(), expected);
    check("https://api.snyk.io", "https://api.snyk.io/");
    check("https://api.snyk.io/rest/", "https://api.snyk.io/");
    check("https://api.snyk.io/v1", "https://api.snyk.io/");
    check("https://snyk.example.com/api/rest", "https://snyk.example.com/api");
}
