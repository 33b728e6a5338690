//! Misbehaviour: each sort looks as it does in the wild, and ends when it should.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::sandbox::world::{Budget, Lifecycle, RetryAfter};
use crate::sandbox::{Api, Fault, FaultKind};

const LIST: &str = "/2.0/repositories/acme?pagelen=10";

#[tokio::test]
async fn whole_answers_are_replaced() {
    let sandbox = at_now(World::acme(now())).await;
    let check = async |kind: FaultKind, status: u16, header: (&str, Option<&str>)| {
        sandbox.world(|world| world.break_api(Api::Bitbucket, kind.clone()));
        let got = bitbucket(&sandbox, LIST).await;
        assert_eq!((got.status, got.header(header.0)), (status, header.1), "{kind:?}");
        sandbox.world(|world| world.repair(Api::Bitbucket));
        assert_eq!(bitbucket(&sandbox, LIST).await.status, 200);
        got
    };
    check(FaultKind::Status(502), 502, ("content-type", Some("application/json"))).await;
    check(FaultKind::Maintenance, 503, ("retry-after", None)).await;
    check(FaultKind::Brownout, 410, ("retry-after", None)).await;
    check(FaultKind::EndpointRemoved, 404, ("retry-after", None)).await;
    let wait = Duration::from_mins(1);
    check(FaultKind::RateLimited(RetryAfter::Sent, wait), 429, ("retry-after", Some("60"))).await;
    check(FaultKind::RateLimited(RetryAfter::Omitted, wait), 429, ("retry-after", None)).await;
    let page = check(FaultKind::HtmlWithOk, 200, ("content-type", Some("text/html; charset=utf-8"))).await;
    assert!(page.text.starts_with("<!doctype html>"));
    check(FaultKind::WrongContentType, 200, ("content-type", Some("text/plain"))).await;
    let login = format!("{}login", sandbox.elsewhere_url());
    check(FaultKind::LoginRedirect, 302, ("location", Some(login.as_str()))).await;
    // Whoever follows is remembered.
    send(http().get(login)).await;
    assert!(sandbox.requests().iter().any(|request| request.api == Api::Elsewhere));
    let itself = format!("{}2.0/repositories/acme", sandbox.bitbucket_api_url());
    check(FaultKind::RedirectLoop, 302, ("location", Some(&itself))).await;
    let half = check(FaultKind::TruncatedJson, 200, ("content-type", Some("application/json"))).await;
    assert!(serde_json::from_str::<Value>(&half.text).is_err());
    let big = check(FaultKind::Oversized(1_000_000), 200, ("content-type", Some("application/json"))).await;
    assert!(big.text.len() >= 1_000_000);
    let slow = check(FaultKind::Trickle(Duration::ZERO), 200, ("content-type", Some("application/json"))).await;
    assert_eq!(slow.json()["size"], 128);
}

#[tokio::test]
async fn connections_are_cut_or_left_hanging() {
    let sandbox = at_now(World::acme(now())).await;
    let ask = || http().get(sandbox.bitbucket_api_url().join(LIST).unwrap());
    sandbox.world(|world| world.break_api(Api::Bitbucket, FaultKind::ConnectionReset));
    assert!(ask().send().await.is_err());
    sandbox.world(|world| world.repair(Api::Bitbucket));
    sandbox.world(|world| world.break_api(Api::Bitbucket, FaultKind::Hang));
    let hanging = ask().timeout(Duration::from_millis(100)).send().await;
    assert!(hanging.unwrap_err().is_timeout());
    assert!(sandbox.requests().iter().all(|request| request.status.is_none()));
    sandbox.stop().await;
}

#[tokio::test]
async fn faults_are_limited_to_a_path_a_time_a_number() {
    let sandbox = at_now(World::acme(now())).await;
    sandbox.world(|world| {
        world.break_path(Api::Snyk, "/rest/groups", FaultKind::Maintenance);
        world.faults.push(Fault::on(Api::Bitbucket, FaultKind::Status(500)).for_requests(2));
        world.faults.push(Fault::on(Api::Bitbucket, FaultKind::Status(502)).until(now()));
    });
    let maintenance = snyk(&sandbox, &format!("/rest/groups/{}?version=2026-03-25", group())).await;
    assert_eq!(maintenance.json()["errors"][0]["code"], "SNYK-0099");
    assert_eq!(snyk(&sandbox, "/rest/self?version=2026-03-25").await.status, 200);
    for status in [500, 500, 200] {
        assert_eq!(bitbucket(&sandbox, LIST).await.status, status);
    }
}

#[tokio::test]
async fn walks_go_wrong_in_every_way() {
    let sandbox = at_now(World::acme(now())).await;
    let broken = async |kind: FaultKind, path: &str| {
        sandbox.world(|world| {
            world.repair(Api::Bitbucket);
            world.break_api(Api::Bitbucket, kind);
        });
        bitbucket(&sandbox, path).await
    };
    let second = format!("{LIST}&page=2");
    let elsewhere = broken(FaultKind::NextOnAnotherHost, LIST).await.json();
    assert!(elsewhere["next"].as_str().unwrap().starts_with(sandbox.elsewhere_url().as_str()));
    let endless = broken(FaultKind::EndlessNext, &second).await.json();
    assert!(endless["next"].as_str().unwrap().ends_with("page=2"));
    assert_eq!(broken(FaultKind::SizeMismatch(5), LIST).await.json()["size"], 133);
    assert_eq!(broken(FaultKind::LaterPagesFail, LIST).await.status, 200);
    assert_eq!(broken(FaultKind::LaterPagesFail, &second).await.status, 503);
    let names = vec![("updated_on".to_owned(), "changed_on".to_owned())];
    let renamed = broken(FaultKind::RenamedFields(names), LIST).await.json();
    assert!(renamed["values"][0]["changed_on"].is_string());
    assert_eq!(renamed["values"][0].get("updated_on"), None);
}

#[tokio::test]
async fn budgets_clocks_and_lifecycles_show_in_headers() {
    let sandbox = at_now(World::acme(now())).await;
    sandbox.world(|world| {
        world.budgets.insert(Api::Bitbucket, Budget::new(2, TimeDelta::hours(1), RetryAfter::Sent));
        world.clock_skew.insert(Api::Snyk, TimeDelta::minutes(7));
        world.snyk.lifecycle = Some(Lifecycle {
            stage: "deprecated".to_owned(),
            deprecation: Some(now()),
            sunset: now().date_naive().checked_add_days(chrono::Days::new(30)),
        });
    });
    for status in [200, 200, 429] {
        assert_eq!(bitbucket(&sandbox, LIST).await.status, status);
    }
    assert_eq!(bitbucket(&sandbox, LIST).await.header("retry-after"), Some("3600"));
    let got = snyk(&sandbox, "/rest/self?version=2026-03-25").await;
    assert_eq!(got.header("date"), Some("Mon, 23 Nov 2026 09:07:00 GMT"));
    assert_eq!(got.header("snyk-version-lifecycle-stage"), Some("deprecated"));
    assert_eq!(got.header("deprecation"), Some("2026-11-23T09:00:00Z"));
    assert_eq!(got.header("sunset"), Some("2026-12-23"));
}

#[tokio::test]
async fn writes_are_refused_and_remembered() {
    let sandbox = at_now(World::acme(now()).with_organizations(1)).await;
    let urls = [
        sandbox.bitbucket_api_url().join("/2.0/repositories/acme/service-000").unwrap(),
        sandbox.snyk_api_url().join(&format!("/rest/orgs/{}/targets?version=2026-03-25", organization(0))).unwrap(),
        sandbox.snyk_api_url().join(&format!("/v1/org/{}/integrations", organization(0))).unwrap(),
        sandbox.atlassian_admin_url().join("/admin/api-access/v1/orgs/x/api-tokens").unwrap(),
    ];
    for url in urls {
        let refused = send(http().delete(url.clone()).json(&json!({}))).await;
        assert_eq!(refused.status, 405, "{url}");
    }
    let counts = sandbox.request_counts();
    assert_eq!(
        counts.iter().map(|count| (count.method.as_str(), count.status, count.count)).collect::<Vec<_>>(),
        [("DELETE", Some(405), 2), ("DELETE", Some(405), 1), ("DELETE", Some(405), 1),]
    );
    sandbox.forget_requests();
    bitbucket(&sandbox, LIST).await;
    let [only] = sandbox.requests().try_into().unwrap();
    assert_eq!((only.path_and_query.as_str(), only.credential.as_deref()), (LIST, Some(ACME_CREDENTIAL)));
    assert_eq!(only.at, now());
}
