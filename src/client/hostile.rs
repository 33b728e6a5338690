//! Attacks on what reads answers and their headers.

use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use uuid::Uuid;

use super::answer::{Answer, Failure, KnownSecrets, LONGEST_API_WAIT, Walk, classify, meta, retry_after};
use super::atlassian_admin::{AtlassianAdminClient, AtlassianAdminOptions};
use super::bitbucket_cloud::{
    ApiTokenScheme, BitbucketCloudAuth, BitbucketCloudClient, BitbucketCloudOptions, FirstPage, GrantedScopes, Scope,
};
use super::budget::{BudgetLimits, RequestBudget};
use super::http::{HttpClient, HttpOptions};
use super::snyk::{AuditLog, DEFAULT_VERSION, LogStart, SnykAuth, SnykClient, SnykOptions, TokenScheme};
use super::telemetry::NoTelemetry;
use super::testing::script::{self, Script};
use super::{ClientContext, answer::AnswerMeta};
use crate::clock::{Clock, Pace};
use crate::hostile::{Attack, told};

/// Where everything is asked. Nothing listens there.
const BASE: &str = "http://127.0.0.1:9";

/// Secrets without a shape by which they would be known, and what `Basic` and OAuth make of them.
const SECRETS: [&str; 6] = [
    "hunter2-of-acme",
    "hunter3/of+acme",
    "hunter3%2Fof%2Bacme",
    "Ym90QGFjbWUuZXhhbXBsZTpodW50ZXIzL29mK2FjbWU=",
    "hunter4-of-acme",
    "hunter5-of-acme",
];

/// What the answers of all APIs are made of.
pub(crate) const WORDS: &[&str] = &[
    "hunter2-of-acme",
    "hunter3/of+acme",
    "hunter3%2Fof%2Bacme",
    "Ym90QGFjbWUuZXhhbXBsZTpodW50ZXIzL29mK2FjbWU=",
    "hunter4-of-acme",
    "hunter5-of-acme",
    "\n=====\n200\n\n",
    "\n=====\n",
    "401",
    "403",
    "404",
    "410",
    "429",
    "503",
    "302",
    "date: ",
    "retry-after: ",
    "\"data\"",
    "\"links\"",
    "\"next\"",
    "\"href\"",
    "\"meta\"",
    "\"count\"",
    "\"values\"",
    "\"size\"",
    "\"items\"",
    "\"attributes\"",
    "\"relationships\"",
    "\"id\"",
    "\"errors\"",
    "\"error\"",
    "\"message\"",
    "\"detail\"",
    "\"required\"",
    "\"access_token\"",
    "\"expires_in\"",
    "null",
    "{}",
    "[]",
    "/rest/orgs/00000000-0000-0000-0000-000000000002/projects?starting_after=x",
    "http://127.0.0.1:9/rest/orgs/00000000-0000-0000-0000-000000000002/projects?version=x",
    "http://127.0.0.1:9@elsewhere.example.com/rest/groups",
    "?page=2",
    "<html>",
    "lack one or more required privilege scopes",
    "CHANGE-2770",
    "maintenance",
];

fn now() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

/// Every secret of the clients: whoever is asked lets out none of them, however it is spelled.
const ALL_SECRETS: [&str; 6] = [
    "hunter2-of-acme",
    "hunter3/of+acme",
    "hunter3%2Fof%2Bacme",
    "Ym90QGFjbWUuZXhhbXBsZTpodW50ZXIzL29mK2FjbWU=",
    "hunter4-of-acme",
    "hunter5-of-acme",
];

fn has_no_secret(text: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in {text:?}");
    }
}

/// What is shown to people: one short line without secrets.
fn is_safe(text: &str, secrets: &[&str]) {
    assert!(text.chars().count() <= 241, "{text:?} is long");
    assert!(!text.chars().any(char::is_control), "{text:?} has control characters");
    has_no_secret(text, secrets);
}

/// Ages and deadlines are reckoned with it, a few decades to either side.
fn is_an_instant(time: DateTime<Utc>) {
    assert!((1..=9999).contains(&time.year()), "{time}");
}

fn headers_are_sound(meta: &AnswerMeta, secrets: &[&str]) {
    meta.date.into_iter().for_each(is_an_instant);
    let version = meta.version.clone().unwrap_or_default();
    version.deprecation.into_iter().for_each(is_an_instant);
    version.sunset.into_iter().for_each(|day| is_an_instant(day.and_time(chrono::NaiveTime::MIN).and_utc()));
    let credential = &meta.credential;
    let scopes = [&credential.granted, &credential.accepted].into_iter().flatten().flatten();
    let texts =
        [&version.requested, &version.served, &meta.request_id, &credential.credential_type, &credential.token_id];
    scopes.chain(texts.into_iter().flatten()).for_each(|text| is_safe(text, secrets));
}

/// A failure is data that is safe to show and to store.
fn failure_is_sound(failure: &Failure, secrets: &[&str]) {
    is_safe(&failure.detail, secrets);
    [failure.asked(), failure.message(), failure.code()].into_iter().flatten().for_each(|text| is_safe(text, secrets));
    assert!(failure.retry_after.is_none_or(|wait| wait <= Duration::from_hours(1)), "{failure:?}");
    headers_are_sound(&failure.meta, secrets);
    has_no_secret(&format!("{failure:?}"), secrets);
}

#[test]
fn headers() {
    let redactor = KnownSecrets::default().redactor(SECRETS.map(Into::into));
    Attack {
        name: "headers",
        examples: vec![
            b"date: Mon, 23 Nov 2026 09:00:07 GMT\nretry-after: 45\nsnyk-request-id: r-1\nsnyk-version-served: \
              2024-04-22\nsnyk-version-lifecycle-stage: beta\ndeprecation: 2026-11-23T09:00:00Z\nsunset: 2027-03-01"
                .to_vec(),
            b"date: Mon, 23 Nov 2026 09:00:07 +0000\nretry-after: Mon, 23 Nov 2026 09:02:00 GMT\nsunset: Mon, 23 Nov \
              2026 09:02:00 GMT\nx-ratelimit-limit: 160, 160;w=1;name=\"x\", 1620;w=60, 97200;w=3600\n\
              x-ratelimit-remaining: 0\nx-ratelimit-reset: 17"
                .to_vec(),
            b"x-oauth-scopes: read:repository:bitbucket, write:webhook:bitbucket,account\nx-accepted-oauth-scopes: \
              repository, pullrequest:write\nx-credential-type: api_token\nx-token-id: t-1\nx-ratelimit-nearlimit: \
              true\nwww-authenticate: Basic\nlocation: https://id.example.com/login?x=1\nx-ratelimit-limit: 1000"
                .to_vec(),
            b"x-oauth-scopes: repository\nx-oauth-scopes: pullrequest hunter2-of-acme\nx-github-sso: required; \
              url=https://example.com\ncontent-type: text/html"
                .to_vec(),
        ],
        words: &[
            "date: ",
            "\nretry-after: ",
            "\nx-ratelimit-limit: ",
            "\nx-ratelimit-reset: ",
            "\nx-ratelimit-remaining: 0",
            "\nx-oauth-scopes: ",
            "\nsunset: ",
            "\ndeprecation: ",
            ";w=",
            ";name=\"",
            "GMT",
            "+2359",
            "-2359",
            "Mon, 23 Nov 9999 23:59:59 GMT",
            "Sun, 31 Dec 262142 23:59:59 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "60",
            "hunter2-of-acme",
            "project",
            "admin:",
            ":bitbucket",
        ],
        runs: 1_500,
    }
    .run(|input| {
        let headers = script::headers(input);
        let mut meta = meta(&headers);
        meta.clean(&redactor);
        headers_are_sound(&meta, &SECRETS);
        let skew = meta.date.map(|date| (date - now()).num_days() / 1_000);
        for (at, longest) in [(now(), LONGEST_API_WAIT), (DateTime::<Utc>::MAX_UTC, Duration::from_hours(24))] {
            assert!(retry_after(&headers, at, longest).is_none_or(|wait| wait <= longest));
        }
        let granted = GrantedScopes::from_headers(&meta.credential);
        let again = granted.as_ref().map(|granted| GrantedScopes::new(granted.reported().map(Scope::as_str)));
        assert_eq!(granted, again);
        assert!(granted.as_ref().is_none_or(|granted| granted.reported().all(|scope| granted.grants(scope))));
        let mut budgets = Vec::new();
        for (limits, status) in
            [(BudgetLimits::snyk(), 200), (BudgetLimits::snyk(), 429), (BudgetLimits::bitbucket_cloud(), 503)]
        {
            let budget = RequestBudget::new(limits, &Clock::scaled(now(), Pace::Immediate));
            budget.on_answer(status, &headers);
            let paused = budget.paused_for();
            assert!(paused.is_none_or(|pause| pause <= Duration::from_hours(1)), "{paused:?}");
            budget.paused_until().into_iter().for_each(|until| assert!(until <= now() + TimeDelta::hours(2)));
            budgets.push((paused.map(|pause| pause.as_secs().min(100)), budget.remaining().map(|left| left.min(10))));
        }
        let mut classes = Vec::new();
        for status in [302, 401, 403, 429] {
            let failure = classify(status, &headers, b"", &redactor, now()).clean(&redactor);
            failure_is_sound(&failure, &SECRETS);
            classes.push(failure.class.as_label());
        }
        let version =
            meta.version.map(|version| (version.stage, version.sunset.is_some(), version.deprecation.is_some()));
        told((skew, granted.map(|granted| granted.vocabulary()), budgets, classes, version))
    });
}

/// Clients of every API, with a transport that only scripts answer.
struct Clients {
    snyk: SnykClient,
    oauth: SnykClient,
    scm: BitbucketCloudClient,
    admin: AtlassianAdminClient,
}

/// A transport takes long to make.
pub(crate) fn transport() -> HttpClient {
    static TRANSPORT: OnceLock<HttpClient> = OnceLock::new();
    super::http::install_tls_provider();
    TRANSPORT.get_or_init(|| HttpClient::build(&HttpOptions::default()).unwrap()).clone()
}

fn clients() -> Clients {
    let clock = Clock::scaled(now(), Pace::Immediate);
    let secrets = KnownSecrets::default();
    let context = || {
        let limits = BudgetLimits { limits: Vec::new(), shortest_pause: Duration::ZERO };
        ClientContext {
            api: "acme".to_owned(),
            http: transport(),
            budget: RequestBudget::new(limits, &clock),
            clock: clock.clone(),
            telemetry: std::sync::Arc::new(NoTelemetry),
            secrets: secrets.clone(),
        }
    };
    let base = || BASE.parse().unwrap();
    let snyk = |auth| {
        let options = SnykOptions { api_url: base(), version: DEFAULT_VERSION.to_owned(), auth };
        SnykClient::new(options, context()).unwrap()
    };
    let auth = BitbucketCloudAuth::ApiToken {
        email: "bot@acme.example".to_owned(),
        token: "hunter3/of+acme".into(),
        scheme: ApiTokenScheme::Basic,
    };
    let scm = BitbucketCloudOptions { api_url: base(), oauth_url: base(), auth };
    let admin =
        AtlassianAdminOptions { api_url: base(), organization_id: "o1".to_owned(), api_key: "hunter5-of-acme".into() };
    Clients {
        snyk: snyk(SnykAuth::Token { token: "hunter2-of-acme".into(), scheme: TokenScheme::Token }),
        oauth: snyk(SnykAuth::OAuthClient { client_id: "acme".to_owned(), client_secret: "hunter4-of-acme".into() }),
        scm: BitbucketCloudClient::new(scm, context()).unwrap(),
        admin: AtlassianAdminClient::new(admin, context()).unwrap(),
    }
}

/// What came of a question: items, and items that could not be read.
type Told = Result<(usize, usize), Failure>;

fn walked<T>(walk: Result<Walk<T>, Failure>) -> Told {
    walk.map(|walk| {
        headers_are_sound(&walk.meta, &[]);
        assert!(walk.items.len() + walk.unreadable == 0 || walk.pages > 0);
        assert!(walk.complete_at >= walk.started_at);
        (walk.items.len(), walk.unreadable)
    })
}

fn answered<T>(answer: Result<Answer<T>, Failure>) -> Told {
    answer.map(|answer| {
        headers_are_sound(&answer.meta, &[]);
        (1, 0)
    })
}

fn first_page<T>(answer: Result<Answer<FirstPage<T>>, Failure>) -> Told {
    let items = answer.as_ref().map_or(0, |answer| answer.value.items.len());
    answered(answer).map(|_| (items, 0))
}

/// The questions that an input can begin with, each with an answer as it should be.
const QUESTIONS: [(&str, &str); 19] = [
    ("self", r#"{"data":{"type":"user","id":"u1","attributes":{"name":"Monitor"}}}"#),
    (
        "tokens",
        r#"{"data":[{"id":"t1","attributes":{"label":"a","created_at":"2026-01-01T00:00:00Z","expires_at":"2027-01-01"}}],"links":{}}"#,
    ),
    (
        "accounts",
        r#"{"data":[{"id":"s1","attributes":{"name":"a","auth_type":"access_token","access_token_expires_at":"2027-01-01T00:00:00Z"}}],"links":{"next":null}}"#,
    ),
    (
        "groups",
        r#"{"data":[{"id":"00000000-0000-0000-0000-000000000001","attributes":{"name":"acme"}}],"links":{"next":"/groups?version=2026-03-25&starting_after=x"}}"#,
    ),
    (
        "organizations",
        r#"{"data":[{"id":"00000000-0000-0000-0000-000000000002","attributes":{"name":"acme","slug":"acme","group_id":"00000000-0000-0000-0000-000000000001","created_at":"2026-01-01T00:00:00Z","is_personal":false}}],"links":{"next":{"href":"/rest/groups/00000000-0000-0000-0000-000000000001/orgs?starting_after=x"}}}"#,
    ),
    ("integrations", r#"{"bitbucket-cloud":"9a3e5d90-b782-468a-a042-9a2073736f0b","github":null}"#),
    ("settings", r#"{"pullRequestTestEnabled":true,"pullRequestTestCodeEnabled":"false","dockerfileSCMEnabled":null}"#),
    (
        "targets",
        r#"{"data":[{"id":"t1","attributes":{"display_name":"acme/web","url":"https://bitbucket.org/acme/web","created_at":"2026-01-01T00:00:00Z"},"relationships":{"integration":{"data":{"id":"i1","attributes":{"integration_type":"bitbucket-cloud"}}}}}],"links":{}}"#,
    ),
    (
        "projects",
        r#"{"data":[{"id":"p1","attributes":{"name":"acme/web:package.json","origin":"bitbucket-cloud","status":"active","created":"2026-01-01T00:00:00Z","settings":{"recurring_tests":{"frequency":"daily"},"pull_requests":{"is_enabled":true}}},"meta":{"latest_issue_counts":{"updated_at":"2026-11-22T00:00:00Z"}},"relationships":{"target":{"data":{"id":"t1"}}}}],"links":{"next":"?starting_after=y"},"meta":{"count":2}}"#,
    ),
    (
        "assets",
        r#"{"data":[{"id":"a1","removed":false,"attributes":{"name":"web","repository_url":"https://bitbucket.org/acme/web.git","browse_url":"https://bitbucket.org/acme/web","archived":false,"sources":["bitbucket"],"removed_reasons":[{"reason":"repo-deleted","removed_at":"2026-01-01T00:00:00Z"}],"app_context":{"a":null},"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}}]}"#,
    ),
    (
        "inventory",
        r#"{"data":[{"id":"a1","type":"repositories","attributes":{"name":"web","url":"https://bitbucket.org/acme/web","scm_id":"{1}","scm_organization":"acme","archived":false,"pushed_at":"2026-01-01T00:00:00Z","last_sync":"2026-11-22T00:00:00Z","org_context":{}}}],"meta":{"count":1}}"#,
    ),
    (
        "audit",
        r#"{"data":{"items":[{"created":"2026-11-22T00:00:00Z","event":"org.integration.edit","org_id":"o1","content":{"integrationPublicId":"i1","sourceType":"bitbucket-cloud","before":{"integrationSettings":{"pullRequestTestEnabled":true}},"after":{"pullRequestTestEnabled":false}}}]},"links":{"next":"/rest/orgs/00000000-0000-0000-0000-000000000002/audit_logs/search?cursor=x"}}"#,
    ),
    (
        "aliases",
        r#"{"data":[{"id":"x","attributes":{"url":"https://a.example.com","new_url":"https://b.example.com"}}]}"#,
    ),
    ("user", r#"{"uuid":"{1}","account_id":"a1","display_name":"Bot"}"#),
    (
        "workspaces",
        r#"{"values":[{"administrator":true,"permission":"owner","workspace":{"slug":"acme","uuid":"{1}"}}],"size":1}"#,
    ),
    (
        "repositories",
        r#"{"size":2,"next":"http://127.0.0.1:9/2.0/repositories/acme?page=2","values":[{"uuid":"{1}","full_name":"acme/web","name":"web","is_private":true,"created_on":"2026-01-01T00:00:00.000000+00:00","updated_on":"2026-01-01T00:00:00+00:00","size":7,"mainbranch":{"name":"main"},"project":{"key":"WEB"},"links":{"html":{"href":"https://bitbucket.org/acme/web"}}}]}"#,
    ),
    (
        "hooks",
        r#"{"values":[{"uuid":"{h}","url":"https://api.snyk.io/webhook","active":true,"events":["repo:push"]}]}"#,
    ),
    (
        "admin",
        r#"{"data":[{"id":"k1","label":"snyk","status":"ALLOWED","createdAt":"2026-01-01T00:00:00Z","expiresAt":"2027-01-01T00:00:00Z","lastActiveAt":"2026-11-22T00:00:00Z","user":{"id":"u1","email":"bot@acme.example"}}],"links":{"next":"cursor2"}}"#,
    ),
    ("oauth", r#"{"access_token":"hunter6-of-acme","expires_in":3599,"token_type":"bearer"}"#),
];

async fn ask(clients: &Clients, question: &[u8]) -> Told {
    let (group, organization) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let (snyk, scm) = (&clients.snyk, &clients.scm);
    match question {
        b"self" => answered(snyk.identity().await),
        b"tokens" => walked(snyk.personal_access_tokens().await),
        b"accounts" => walked(snyk.group_service_accounts(group).await),
        b"groups" => walked(snyk.groups().await),
        b"organizations" => walked(snyk.group_organizations(group).await),
        b"integrations" => answered(snyk.integrations(organization).await),
        b"settings" => answered(snyk.integration_settings(organization, "i1").await),
        b"targets" => walked(snyk.targets(organization, &["bitbucket-cloud"]).await),
        b"projects" => walked(snyk.projects(organization, &["bitbucket-cloud"]).await),
        b"assets" => walked(snyk.repository_assets(group, None).await),
        b"inventory" => walked(snyk.inventory_assets(group).await),
        b"audit" => {
            let part = snyk.audit_log_part(AuditLog::Organization(organization), &LogStart::At(now()), &[]).await?;
            walked(Ok(part.walk))
        }
        b"aliases" => walked(snyk.repository_aliases(group).await),
        b"user" => answered(scm.user().await),
        b"workspaces" => walked(scm.user_workspaces().await),
        b"repositories" => walked(scm.repositories("acme").await),
        b"hooks" => walked(scm.hooks("acme", "web").await),
        b"admin" => walked(clients.admin.api_tokens().await),
        b"oauth" => answered(clients.oauth.identity().await),
        _ => first_page(scm.repositories_total("acme").await),
    }
}

/// The parts of an input: what is asked, and what is answered.
pub(crate) fn question_and_script(input: &[u8]) -> (&[u8], Script) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    (&input[..end], Script::read(input.get(end + 1..).unwrap_or_default()))
}

#[test]
fn answers() {
    let heads = "date: Mon, 23 Nov 2026 09:00:07 GMT\nsnyk-request-id: r-1\nx-oauth-scopes: repository, account";
    let good = QUESTIONS.map(|(question, body)| format!("{question}\n200\n{heads}\n\n{body}\n=====\n200\n\n{body}"));
    let bad = [
        "self\n401\nwww-authenticate: Basic\n\n{\"errors\":[{\"status\":\"401\",\"code\":\"SNYK-0005\",\"title\":\"Authentication error\",\"detail\":\"Unable to authenticate hunter2-of-acme\"}]}",
        "user\n403\nx-oauth-scopes: account\n\n{\"type\":\"error\",\"error\":{\"message\":\"Your credentials lack one or more required privilege scopes.\",\"detail\":{\"required\":[\"repository\"],\"granted\":[\"account\",\"hunter3/of+acme\"]}}}",
        "user\n410\n\n{\"type\":\"error\",\"error\":{\"message\":\"CHANGE-2770: removed\",\"data\":{\"announcement_url\":\"https://bot:hunter3@example.com/x\"}}}",
        "oauth\n400\n\n{\"error\":\"invalid_client\",\"error_description\":\"hunter4-of-acme is unknown\"}",
        "groups\n302\nlocation: https://id.example.com/login\n\n<html>",
        "groups\n200\ncontent-type: text/html\n\n<html>Sign in",
        "groups\n429\nretry-after: 45\n\n\n=====\n503\n\n{\"errors\":[{\"code\":\"SNYK-0099\"}]}",
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    Attack {
        name: "answers",
        examples: good.into_iter().map(String::into_bytes).chain(bad.map(|text| text.as_bytes().to_vec())).collect(),
        words: WORDS,
        runs: 1_500,
    }
    .run(|input| {
        let (question, script) = question_and_script(input);
        let answers = script.len();
        let clients = clients();
        script.begin();
        // Twice: the second time totals and access tokens are known.
        let came = [runtime.block_on(ask(&clients, question)), runtime.block_on(ask(&clients, question))];
        let asked = Script::end().asked;
        assert!(asked.len() <= answers + 4, "{} requests for {answers} answers", asked.len());
        for url in &asked {
            let place = (url.scheme(), url.host_str(), url.port(), url.username(), url.password());
            assert_eq!(place, ("http", Some("127.0.0.1"), Some(9), "", None), "{url}");
        }
        let came = came.map(|came| match came {
            Ok((items, unreadable)) => {
                assert!(items + unreadable <= input.len());
                ("ok", items.min(4), unreadable.min(3), None)
            }
            Err(failure) => {
                failure_is_sound(&failure, &ALL_SECRETS);
                let said = (failure.message().is_some(), failure.code().is_some(), failure.context.items_before.min(3));
                (failure.class.as_label(), failure.context.pages_before.min(4), 0, Some(said))
            }
        });
        told((question, came, asked.len().min(6)))
    });
}
