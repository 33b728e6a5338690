//! Moods of single endpoints and headers, while everything beside them answers as ever.

use std::time::Duration;

use chrono::TimeDelta;

use super::*;
use crate::sandbox::world::{Availability, Budget, NextShape, RateHeaders, RetryAfter, ScopeVocabulary};
use crate::sandbox::{APPROVAL_REQUIRED, Api, Fault, FaultKind, IP_NOT_ALLOWED, TWO_STEP_REQUIRED};

#[tokio::test]
async fn one_endpoint_of_bitbucket_refuses_in_its_own_words() {
    let sandbox = at_now(World::acme(now())).await;
    let hooks = "/2.0/repositories/acme/service-000/hooks";
    let check = async |kind: FaultKind, status: u16, sentence: &str| {
        sandbox.world(|world| world.faults.push(Fault::on(Api::Bitbucket, kind.clone()).ending("/hooks")));
        let got = bitbucket(&sandbox, hooks).await;
        assert_eq!((got.status, got.json()["error"]["message"].as_str()), (status, Some(sentence)), "{kind:?}");
        assert_eq!(bitbucket(&sandbox, "/2.0/repositories/acme/service-000").await.status, 200);
        sandbox.world(|world| world.repair(Api::Bitbucket));
    };
    for sentence in [IP_NOT_ALLOWED, TWO_STEP_REQUIRED, APPROVAL_REQUIRED] {
        check(FaultKind::Says(403, sentence.to_owned()), 403, sentence).await;
    }
    check(FaultKind::Change2770, 410, "CHANGE-2770 - Functionality has been deprecated").await;
    check(FaultKind::EndpointRemoved, 404, "Not Found").await;
}

#[tokio::test]
async fn the_own_user_alone_is_refused() {
    let sandbox = at_now(World::acme(now())).await;
    sandbox.world(|world| world.break_own_user(FaultKind::Status(401)));
    let user = bitbucket(&sandbox, "/2.0/user").await;
    assert_eq!((user.status, user.text.as_str()), (401, ""));
    assert!(user.header("www-authenticate").is_some());
    for path in ["/2.0/user/workspaces", "/2.0/repositories/acme"] {
        assert_eq!(bitbucket(&sandbox, path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn scope_headers_mix_vocabularies_or_miss_on_one_endpoint() {
    let sandbox = at_now(World::acme(now())).await;
    let scopes = async |path: &str| bitbucket(&sandbox, path).await.header("x-oauth-scopes").map(str::to_owned);
    sandbox.world(|world| world.bitbucket.scope_vocabulary = ScopeVocabulary::Mixed);
    let mixed = scopes("/2.0/user").await.unwrap();
    let mixed: Vec<&str> = mixed.split(", ").collect();
    assert_eq!(mixed.len(), 11);
    assert!(mixed.contains(&"read:repository:bitbucket") || mixed.contains(&"repository"), "{mixed:?}");
    assert_eq!(mixed.iter().filter(|name| name.split(':').count() == 3).count(), 5, "{mixed:?}");
    sandbox.world(|world| world.bitbucket.scope_headers_of_user = Availability::Absent);
    assert_eq!(scopes("/2.0/user").await, None);
    assert!(scopes("/2.0/user/workspaces").await.is_some());
    assert_eq!(bitbucket(&sandbox, "/2.0/user").await.status, 200);
}

#[tokio::test]
async fn links_may_be_null_or_of_no_known_shape() {
    let sandbox = at_now(World::acme(now() - TimeDelta::days(1)).with_organizations(15)).await;
    let links = async |shape: NextShape| {
        sandbox.world(|world| world.snyk.next_shape = shape);
        let path = format!("/rest/groups/{}/orgs?version=2026-03-25&limit=10", group());
        let page = snyk(&sandbox, &path).await.json();
        assert_eq!(page["data"].as_array().unwrap().len(), 10);
        page["links"].clone()
    };
    assert_eq!(links(NextShape::NullLinks).await, Value::Null);
    assert!(links(NextShape::Unknown).await["next"]["url"].is_string());
}

#[tokio::test]
async fn rate_headers_are_lists_nonsense_or_nothing() {
    let sandbox = at_now(World::acme(now())).await;
    let limit = async |mood: RateHeaders| {
        sandbox.world(|world| world.snyk.rate_headers = mood);
        snyk(&sandbox, "/rest/self?version=2026-03-25").await.header("x-ratelimit-limit").map(str::to_owned)
    };
    let recorded = limit(RateHeaders::Recorded).await.unwrap();
    assert!(recorded.starts_with("160, 160;w=1;name=\"crd|"), "{recorded}");
    assert_eq!(recorded.matches(";w=").count(), 3);
    assert_eq!(limit(RateHeaders::Unreadable).await.as_deref(), Some("unlimited"));
    assert_eq!(limit(RateHeaders::Absent).await, None);
}

#[tokio::test]
async fn a_pause_may_last_for_a_lifetime() {
    let sandbox = at_now(World::acme(now())).await;
    let wait = |kind: RetryAfter, wait: Duration| FaultKind::RateLimited(kind, wait);
    let check = async |kind: FaultKind, expected: &str| {
        sandbox.world(|world| world.break_api(Api::Snyk, kind));
        let got = snyk(&sandbox, "/rest/self?version=2026-03-25").await;
        assert_eq!((got.status, got.header("retry-after")), (429, Some(expected)));
        sandbox.world(|world| world.repair(Api::Snyk));
    };
    let until_2098 = ("2098-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() - now()).to_std().unwrap();
    check(wait(RetryAfter::SentAsDate, until_2098), "Wed, 01 Jan 2098 00:00:00 GMT").await;
    check(wait(RetryAfter::Sent, Duration::from_secs(u64::MAX)), "18446744073709551615").await;
    sandbox.world(|world| {
        world.budgets.insert(Api::Snyk, Budget::new(0, TimeDelta::hours(1), RetryAfter::SentAsDate));
    });
    let got = snyk(&sandbox, "/rest/self?version=2026-03-25").await;
    assert_eq!(got.header("retry-after"), Some("Mon, 23 Nov 2026 10:00:00 GMT"));
}
