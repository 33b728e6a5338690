use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::client::answer::{BodyKind, CredentialHeaders, FailureClass, ShutOut};
use crate::client::testing::{answer, context, json};
use crate::clock::Clock;

const TOKEN: &str = "ATATT3xFfGF0abcdef0123456789=ABCD1234";

fn with(server: &MockServer, auth: BitbucketCloudAuth) -> BitbucketCloudClient {
    let options = BitbucketCloudOptions {
        api_url: format!("{}/2.0", server.uri()).parse().unwrap(),
        oauth_url: server.uri().parse().unwrap(),
        auth,
    };
    BitbucketCloudClient::new(options, context(&Clock::system()).0).unwrap()
}

fn client(server: &MockServer) -> BitbucketCloudClient {
    let (email, token) = ("bot@acme.example".to_owned(), TOKEN.into());
    with(server, BitbucketCloudAuth::ApiToken { email, token, scheme: ApiTokenScheme::Basic })
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[tokio::test]
async fn one_call_tells_who_it_is_and_what_it_may_do() {
    let server = MockServer::start().await;
    // bot@acme.example:ATATT3xFfGF0abcdef0123456789=ABCD1234
    let basic = "Basic Ym90QGFjbWUuZXhhbXBsZTpBVEFUVDN4RmZHRjBhYmNkZWYwMTIzNDU2Nzg5PUFCQ0QxMjM0";
    let body = r#"{"type":"user","uuid":"{u}","account_id":"1","display_name":"Bot","links":{}}"#;
    Mock::given(method("GET"))
        .and(path("/2.0/user"))
        .and(header("authorization", basic))
        .respond_with(
            json(200, body)
                .insert_header("x-oauth-scopes", "read:user:bitbucket, read:workspace:bitbucket")
                .insert_header("x-accepted-oauth-scopes", "account")
                .insert_header("x-credential-type", "api_token")
                .insert_header("x-token-id", "t-1"),
        )
        .mount(&server)
        .await;
    let answer = client(&server).user().await.unwrap();
    assert_eq!(answer.value.account_id.as_deref(), Some("1"));
    let expected = CredentialHeaders {
        granted: Some(words(&["read:user:bitbucket", "read:workspace:bitbucket"])),
        accepted: Some(words(&["account"])),
        credential_type: Some("api_token".to_owned()),
        token_id: Some("t-1".to_owned()),
    };
    assert_eq!(answer.meta.credential, expected);
    let granted = GrantedScopes::from_headers(&answer.meta.credential).unwrap();
    assert!(granted.grants(&Scope::new("read:workspace:bitbucket")));
}

#[tokio::test]
async fn every_bad_answer_has_its_class() {
    async fn check(template: ResponseTemplate, class: FailureClass, kind: BodyKind, detail: &str) {
        let server = MockServer::start().await;
        let template = template.insert_header("x-oauth-scopes", "account");
        answer(&server, "GET", "/2.0/user", template).await;
        let failure = client(&server).user().await.unwrap_err();
        assert_eq!((&failure.class, failure.body, failure.detail.as_str()), (&class, kind, detail));
        // The scope headers come with a refusal too.
        assert_eq!(failure.meta.credential.granted, Some(words(&["account"])));
    }
    let empty = ResponseTemplate::new;
    let error = |message: &str, more: &str| format!(r#"{{"type":"error","error":{{"message":"{message}"{more}}}}}"#);
    let lacking = "Your credentials lack one or more required privilege scopes.";
    let scopes = r#","detail":{"required":["read:pullrequest:bitbucket"],"granted":["read:user:bitbucket"]}"#;
    let missing = FailureClass::MissingScope {
        required: words(&["read:pullrequest:bitbucket"]),
        granted: words(&["read:user:bitbucket"]),
    };
    let missing_unsaid = FailureClass::MissingScope { required: Vec::new(), granted: Vec::new() };
    for status in [400, 403] {
        let detail = format!("the API answered {status}: {lacking}");
        check(json(status, &error(lacking, scopes)), missing.clone(), BodyKind::Json, &detail).await;
        check(json(status, &error(lacking, "")), missing_unsaid.clone(), BodyKind::Json, &detail).await;
    }
    let other_way = "This API is not accessible by this authentication mechanism";
    check(
        json(403, &error(other_way, "")),
        FailureClass::NotAccessibleByThisAuthentication,
        BodyKind::Json,
        &format!("the API answered 403: {other_way}"),
    )
    .await;
    check(
        json(403, &error("Forbidden", r#","detail":"a string""#)),
        FailureClass::Forbidden,
        BodyKind::Json,
        "the API answered 403: Forbidden",
    )
    .await;
    check(
        empty(401).insert_header("www-authenticate", "BitbucketCustom realm=x"),
        FailureClass::Unauthorized,
        BodyKind::Absent,
        "the API answered 401",
    )
    .await;
    let change = error(
        "CHANGE-2770 - Functionality has been deprecated",
        r#","data":{"announcement_url":"https://example.com/2770"}"#,
    );
    check(
        json(410, &change),
        FailureClass::Gone { announcement: Some("CHANGE-2770".to_owned()) },
        BodyKind::Json,
        "the API answered 410: CHANGE-2770 - Functionality has been deprecated",
    )
    .await;
    let unnamed = r#"{"error":{"message":"Gone"},"data":{"announcement_url":"https://example.com/x"}}"#;
    check(
        json(410, unnamed),
        FailureClass::Gone { announcement: Some("https://example.com/x".to_owned()) },
        BodyKind::Json,
        "the API answered 410: Gone",
    )
    .await;
    check(
        json(404, &error("No workspace", "")),
        FailureClass::NotFound,
        BodyKind::Json,
        "the API answered 404: No workspace",
    )
    .await;
    check(
        json(429, &error("Rate limit for this resource has been exceeded", "")),
        FailureClass::RateLimited { retry_after: None },
        BodyKind::Json,
        "the API answered 429: Rate limit for this resource has been exceeded",
    )
    .await;
    check(
        json(400, &error("Invalid pagelen", "")),
        FailureClass::BadRequest,
        BodyKind::Json,
        "the API answered 400: Invalid pagelen",
    )
    .await;
    check(
        json(401, &error(&format!("{TOKEN} is bad"), "")),
        FailureClass::Unauthorized,
        BodyKind::Json,
        "the API answered 401: [redacted] is bad",
    )
    .await;
}

#[tokio::test]
async fn repositories_are_walked_to_the_end() {
    let server = MockServer::start().await;
    let uri = server.uri();
    let at = "/2.0/repositories/acme";
    let entry = |name: &str| {
        format!(
            r#"{{"uuid":"{{{name}}}","full_name":"acme/{name}","size":7,"mainbranch":{{"name":"main"}},"project":null,
            "created_on":"2024-01-15T09:00:00.5+00:00","updated_on":"2026-11-23T08:00:00.123456+00:00","links":{{"html":{{"href":"https://bitbucket.org/acme/{name}"}}}}}}"#
        )
    };
    let second = format!(r#"{{"values":[{}],"next":""}}"#, entry("b"));
    let mock = Mock::given(method("GET")).and(path(at)).and(query_param("page", "2"));
    mock.respond_with(json(200, &second)).with_priority(1).mount(&server).await;
    let first = format!(r#"{{"values":[{}],"size":2,"next":"{uri}{at}?pagelen=100&page=2"}}"#, entry("a"));
    let mock = Mock::given(method("GET")).and(path(at)).and(query_param("pagelen", "100"));
    mock.respond_with(json(200, &first)).mount(&server).await;
    let client = client(&server);
    let walk = client.repositories("acme").await.unwrap();
    let names: Vec<_> = walk.items.iter().map(|repository| repository.full_name.as_str()).collect();
    assert_eq!((names, walk.total, walk.pages), (vec!["acme/a", "acme/b"], Some(2), 2));
    assert_eq!(walk.items[0].web_url.as_deref(), Some("https://bitbucket.org/acme/a"));
    assert_eq!(walk.items[0].created_on.map(|at| at.timestamp()), Some(1_705_309_200));
    assert!(walk.items[0].updated_on.is_some());

    let since = "2026-11-23T07:00:00Z".parse().unwrap();
    client.repositories_since("acme", since).await.unwrap();
    let asked = server.received_requests().await.unwrap();
    assert!(asked.iter().any(|request| {
        request.url.query_pairs().any(|(key, value)| key == "q" && value == "updated_on>2026-11-23T07:00:00+00:00")
    }));
    // What is not asked for by name does not come.
    let asks = |wanted: &str| {
        let of = |request: &wiremock::Request| {
            let fields =
                request.url.query_pairs().find(|(key, _)| key == "fields").map(|(_, fields)| fields.into_owned());
            fields.is_none_or(|fields| fields.split(',').any(|field| field == wanted))
        };
        asked.iter().all(of)
    };
    assert!(asks("values.created_on") && asks("values.updated_on") && !asks("values.description"));
}

/// A page of `/repositories/acme` with these ids.
fn page(ids: &[&str], total: Option<usize>, next: Option<&str>) -> ResponseTemplate {
    let values: Vec<String> =
        ids.iter().map(|id| format!(r#"{{"uuid":"{{{id}}}","full_name":"acme/{id}"}}"#)).collect();
    let total = total.map(|total| format!(r#","size":{total}"#)).unwrap_or_default();
    let next = next.map(|next| format!(r#","next":"{next}""#)).unwrap_or_default();
    json(200, &format!(r#"{{"values":[{}]{total}{next}}}"#, values.join(",")))
}

#[tokio::test]
async fn what_is_told_twice_is_one_item_and_fills_no_total() {
    let at = "/2.0/repositories/acme";
    let check = async |ids: &[&str], total: Option<usize>, expected: Result<usize, &str>| {
        let server = MockServer::start().await;
        answer(&server, "GET", at, page(ids, total, None)).await;
        let client = client(&server);
        // Two walks contradict a total alike, and yet it is not the total that is wrong.
        for _ in 0..3 {
            let listed = client.repositories("acme").await;
            let listed = listed.map(|walk| walk.items.len()).map_err(|failure| failure.detail);
            assert_eq!(listed, expected.map_err(str::to_owned), "{ids:?} of {total:?}");
        }
    };
    check(&["a", "b", "a", "c"], Some(3), Ok(3)).await;
    check(&["a", "b", "a", "c"], Some(4), Err("the list ends after 3 of the 4 items that it states")).await;
    check(&["a", "b", "a"], None, Ok(2)).await;
}

#[tokio::test]
async fn a_page_of_nothing_new_ends_no_list() {
    let server = MockServer::start().await;
    let at = "/2.0/repositories/acme";
    let second = Mock::given(method("GET")).and(path(at)).and(query_param("page", "2"));
    second.respond_with(page(&["a", "b"], Some(4), None)).with_priority(1).mount(&server).await;
    let next = format!("{}{at}?page=2", server.uri());
    answer(&server, "GET", at, page(&["a", "b"], Some(4), Some(&next))).await;
    let failure = client(&server).repositories("acme").await.unwrap_err();
    assert_eq!(failure.class, FailureClass::EndlessPaging, "{failure:?}");
}

#[tokio::test]
async fn totals_tell_whether_there_is_more() {
    let server = MockServer::start().await;
    let at = "/2.0/repositories/%7B11%7D";
    let admin = Mock::given(method("GET")).and(path(at)).and(query_param("role", "admin"));
    admin.respond_with(json(200, r#"{"size":0}"#)).with_priority(1).mount(&server).await;
    let next = format!("{}{at}?page=2", server.uri());
    let body = format!(r#"{{"values":[{{"uuid":"{{a}}","full_name":"acme/a"}}],"next":"{next}"}}"#);
    answer(&server, "GET", at, json(200, &body)).await;
    let permissions = "/2.0/user/workspaces/%7B11%7D/permissions/repositories";
    let administered =
        r#"{"size":3,"values":[{"permission":"admin","repository":{"uuid":"{a}","full_name":"acme/a"}}]}"#;
    let mock = Mock::given(method("GET")).and(path(permissions)).and(query_param("q", r#"permission="admin""#));
    mock.respond_with(json(200, administered)).mount(&server).await;
    let client = client(&server);
    let page = client.repositories_total("{11}").await.unwrap().value;
    assert_eq!((page.items.len(), page.total, page.has_more), (1, None, true));
    let page = client.repositories_with_admin_role("{11}").await.unwrap().value;
    assert_eq!((page.items.len(), page.total, page.has_more), (0, Some(0), false));
    let page = client.repositories_administered("{11}").await.unwrap().value;
    assert_eq!((page.items[0].full_name.as_str(), page.total), ("acme/a", Some(3)));
}

#[tokio::test]
async fn the_rest_of_the_endpoints_ask_where_they_should() {
    let server = MockServer::start().await;
    let workspaces = r#"{"values":[{"type":"workspace_access","administrator":true,"workspace":{"slug":"acme","uuid":"{w}"}},
        {"permission":"member","workspace":{"slug":"other","uuid":"{o}"}}]}"#;
    let hooks =
        r#"{"values":[{"uuid":"{h}","url":"https://api.snyk.io/webhook/x","active":true,"events":["repo:push"]}]}"#;
    for (at, body) in [
        ("/2.0/user/workspaces", workspaces),
        ("/2.0/user/workspaces/acme/permission", r#"{"type":"workspace_membership","permission":"create-project"}"#),
        ("/2.0/workspaces/acme", r#"{"slug":"acme","uuid":"{w}","name":"Acme"}"#),
        ("/2.0/workspaces/acme/projects", r#"{"size":1,"values":[{"key":"PAY"}]}"#),
        ("/2.0/repositories/acme/web", r#"{"uuid":"{r}","full_name":"acme/web","mainbranch":null}"#),
        ("/2.0/repositories/acme/web/hooks", hooks),
        ("/2.0/repositories/acme/web/pullrequests", r#"{"values":[{"id":1}],"size":9}"#),
        ("/2.0/repositories/acme/web/src/HEAD/docs/catalog-info.yaml", r#"{"type":"commit_file","path":"x"}"#),
    ] {
        answer(&server, "GET", at, json(200, body)).await;
    }
    let client = client(&server);
    let access = client.user_workspaces().await.unwrap().items;
    assert_eq!((access[0].is_administrator, access[1].is_administrator), (Some(true), Some(false)));
    assert_eq!(client.workspace_permission("acme").await.unwrap().value, Permission::CreateProject);
    assert_eq!(client.workspace("acme").await.unwrap().value.uuid, "{w}");
    assert_eq!(client.workspace_projects("acme").await.unwrap().value.items, ["PAY"]);
    assert!(client.repository("acme", "web").await.unwrap().value.is_empty());
    let hooks = client.hooks("acme", "web").await.unwrap().items;
    assert_eq!((hooks[0].is_active, hooks[0].events.as_slice()), (Some(true), words(&["repo:push"]).as_slice()));
    client.pull_requests_readable("acme", "web").await.unwrap();
    assert_eq!(client.issues_readable("acme", "web").await.unwrap_err().class, FailureClass::NotFound);
    let entry = client.source_entry("acme", "web", "/docs/catalog-info.yaml").await.unwrap().value;
    assert_eq!(entry, SourceEntry::File);
    let failure = client.source_entry("acme", "web", "catalog-info.yaml").await.unwrap_err();
    assert_eq!(failure.class, FailureClass::NotFound);
    // A name that is no name of a repository does not become a path.
    for hostile in ["", ".", "..", "a/b", "%2e%2e"] {
        let failure = client.repository("acme", hostile).await.unwrap_err();
        let expected = if hostile == "%2e%2e" { FailureClass::NotFound } else { FailureClass::Refused };
        assert_eq!(failure.class, expected, "{hostile}");
    }
}

#[tokio::test]
async fn each_kind_of_credential_is_sent_its_way() {
    async fn check(auth: BitbucketCloudAuth, expected: &str) {
        let server = MockServer::start().await;
        answer(&server, "GET", "/2.0/user", json(200, r#"{"uuid":"{u}"}"#)).await;
        let token = json(200, r#"{"access_token":"granted-token","expires_in":7200,"scopes":"webhook"}"#);
        let mock = Mock::given(method("POST")).and(path("/site/oauth2/access_token"));
        mock.and(header("authorization", "Basic a2V5Omh1bnRlcjI=")).respond_with(token).mount(&server).await;
        let client = with(&server, auth.clone());
        client.user().await.unwrap();
        let requests = server.received_requests().await.unwrap();
        assert_eq!(requests.last().unwrap().headers.get("authorization").unwrap(), expected);
        assert!(!format!("{client:?} {auth:?}").contains("hunter2"));
    }
    let email = || "bot@acme.example".to_owned();
    let basic = BitbucketCloudAuth::ApiToken { email: email(), token: "hunter2".into(), scheme: ApiTokenScheme::Basic };
    check(basic, "Basic Ym90QGFjbWUuZXhhbXBsZTpodW50ZXIy").await;
    let bearer =
        BitbucketCloudAuth::ApiToken { email: email(), token: "hunter2".into(), scheme: ApiTokenScheme::Bearer };
    check(bearer, "Bearer hunter2").await;
    check(BitbucketCloudAuth::AccessToken { token: "hunter2".into() }, "Bearer hunter2").await;
    check(
        BitbucketCloudAuth::OAuthConsumer { key: "key".to_owned(), secret: "hunter2".into() },
        "Bearer granted-token",
    )
    .await;
    check(
        BitbucketCloudAuth::AppPassword { username: "key".to_owned(), password: "hunter2".into() },
        "Basic a2V5Omh1bnRlcjI=",
    )
    .await;
}

#[test]
fn the_first_letters_tell_the_kind_of_token() {
    let check = |token: &str, kind| assert_eq!(TokenKind::of(&token.into()), kind);
    check(TOKEN, TokenKind::ApiToken);
    check("ATCTT3xFfGN0", TokenKind::AccessToken);
    check("hunter2", TokenKind::Unknown);
}

#[tokio::test]
async fn a_success_that_says_nothing_is_no_success() {
    async fn check(body: &str) {
        let server = MockServer::start().await;
        answer(&server, "GET", "/2.0/user", json(200, body)).await;
        let failure = client(&server).user().await.unwrap_err();
        assert_eq!((&failure.class, failure.body), (&FailureClass::UnexpectedBody, BodyKind::Json), "{body}");
    }
    check("{}").await;
    check("[]").await;
    check(r#"{"status":"ok","display_name":"Welcome"}"#).await;
}

#[tokio::test]
async fn a_list_is_complete_or_it_is_none() {
    async fn check(body: &str, expected: Option<usize>) {
        let server = MockServer::start().await;
        answer(&server, "GET", "/2.0/repositories/acme", json(200, body)).await;
        let walk = client(&server).repositories("acme").await;
        assert_eq!(walk.map(|walk| walk.items.len()).ok(), expected, "{body}");
    }
    let one = r#"{"uuid":"{a}","full_name":"acme/a"}"#;
    check(r#"{"values":[],"size":0}"#, Some(0)).await;
    check(r#"{"size":0}"#, Some(0)).await;
    check(r#"{"values":[]}"#, Some(0)).await;
    check("\u{feff} {\"values\":[],\"next\":\"\"} \r\n", Some(0)).await;
    check("{}", None).await;
    check(r#"{"size":1}"#, None).await;
    check(r#"{"values":null,"size":1}"#, None).await;
    check(&format!(r#"{{"values":[{one}],"size":1}}"#), Some(1)).await;
    check(&format!(r#"{{"values":[{one}],"size":0}}"#), Some(1)).await; // one was made meanwhile
    check(&format!(r#"{{"values":[{one}],"size":"2"}}"#), None).await;
    check(&format!(r#"{{"values":[{one}],"size":3,"next":null}}"#), None).await;
    check(r#"{"values":[],"size":128}"#, None).await;
    for odd in ["7", "{}", r#"{"href":"x"}"#, "[]", "true"] {
        check(&format!(r#"{{"values":[{one}],"next":{odd}}}"#), None).await;
    }
}

#[tokio::test]
async fn a_total_that_is_wrong_for_good_hides_no_list() {
    let server = MockServer::start().await;
    let body = |count: usize, size: usize| {
        let one = |number: usize| format!(r#"{{"uuid":"{{{number}}}","full_name":"acme/r{number}"}}"#);
        let values: Vec<_> = (0..count).map(one).collect();
        json(200, &format!(r#"{{"values":[{}],"size":{size}}}"#, values.join(",")))
    };
    answer(&server, "GET", "/2.0/repositories/acme", body(40, 65)).await;
    let client = client(&server);
    let failure = client.repositories("acme").await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Incomplete { listed: 40, total: 65 });
    assert!(client.repositories("acme").await.unwrap().total_is_wrong);
    // What changed lately is another list; its moving question makes it no other one each time.
    for (hour, expected) in [("08", false), ("09", true)] {
        let since = format!("2026-11-23T{hour}:00:00Z").parse().unwrap();
        assert_eq!(client.repositories_since("acme", since).await.is_ok(), expected);
    }
}

#[tokio::test]
async fn the_begin_of_a_list_counts_only_what_it_shows() {
    async fn check(body: &str, expected: Option<(Option<u64>, bool)>) {
        let server = MockServer::start().await;
        answer(&server, "GET", "/2.0/repositories/acme", json(200, body)).await;
        let page = client(&server).repositories_total("acme").await;
        assert_eq!(page.map(|page| (page.value.total, page.value.has_more)).ok(), expected, "{body}");
    }
    check(r#"{"size":0}"#, Some((Some(0), false))).await;
    check(r#"{"values":[]}"#, Some((None, false))).await;
    check(r#"{"size":9,"next":"https://x/"}"#, Some((Some(9), true))).await;
    check("{}", None).await;
    check(r#"{"message":"soon"}"#, None).await;
    check(r#"{"values":[],"next":{}}"#, None).await;
}

#[tokio::test]
async fn a_repository_is_found_by_its_id_whatever_its_name_is_now() {
    let server = MockServer::start().await;
    let renamed = r#"{"uuid":"{R1}","full_name":"acme-new/payments","mainbranch":{"name":"main"}}"#;
    answer(&server, "GET", "/2.0/repositories/acme/%7Br1%7D", json(200, renamed)).await;
    let other = r#"{"uuid":"{r3}","full_name":"acme/r2","mainbranch":{"name":"main"}}"#;
    answer(&server, "GET", "/2.0/repositories/acme/%7Br2%7D", json(200, other)).await;
    let client = client(&server);
    let found = client.repository_by_id("acme", "{r1}").await.unwrap().value;
    assert_eq!((found.workspace(), found.slug()), ("acme-new", "payments"));
    let failure = client.repository_by_id("acme", "{r2}").await.unwrap_err();
    assert_eq!(failure.class, FailureClass::UnexpectedBody);
    assert_eq!(client.repository_by_id("acme", "{r4}").await.unwrap_err().class, FailureClass::NotFound);
}

#[tokio::test]
async fn a_403_says_whom_it_concerns() {
    async fn check(template: ResponseTemplate, class: FailureClass, message: Option<&str>) {
        let server = MockServer::start().await;
        answer(&server, "GET", "/2.0/repositories/acme", template).await;
        let failure = client(&server).repositories("acme").await.unwrap_err();
        assert_eq!((&failure.class, failure.message()), (&class, message));
        assert_eq!((failure.status, failure.asked()), (Some(403), Some("GET /2.0/repositories/acme")));
    }
    let says = |message: &str| json(403, &format!(r#"{{"type":"error","error":{{"message":"{message}"}}}}"#));
    let address = "To access this workspace, an admin must whitelist your IP.";
    check(says(address), FailureClass::AddressRefused, Some(address)).await;
    let plain = ResponseTemplate::new(403).set_body_raw(address, "text/plain");
    check(plain, FailureClass::AddressRefused, Some(address)).await;
    // A page for people is somebody else's word.
    let page = ResponseTemplate::new(403).set_body_raw(format!("<p>{address}</p>"), "text/html");
    check(page, FailureClass::Forbidden, None).await;
    let second_step = "This workspace requires two-step verification.";
    let by = |by| FailureClass::ShutOut { by };
    check(says(second_step), by(ShutOut::TwoStepVerification), Some(second_step)).await;
    check(says("Forbidden"), FailureClass::Forbidden, Some("Forbidden")).await;
    let scope = "Your credentials lack one or more required privilege scopes.";
    let missing = FailureClass::MissingScope { required: Vec::new(), granted: Vec::new() };
    check(says(scope), missing, Some(scope)).await;
}
