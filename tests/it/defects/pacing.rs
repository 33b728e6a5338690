//! Limits of requests, by the APIs that are asked.

use std::time::Duration;

use snykwatch::sandbox::world::RetryAfter;
use snykwatch::sandbox::{Api, FaultKind};

use super::until_probed;
use crate::support::{Scene, eventually};

/// Elsewhere: a parser that takes Snyk's list of limits for a number.
#[tokio::test]
async fn r_lists_of_limits_are_understood_and_patience_is_kept() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration().every("500ms")).await;
    daemon.until_group_is("connected").await;
    let remaining = daemon.metric(r#"snykwatch_api_budget_remaining_requests{credential="acme-us"}"#).await;
    assert!(remaining.is_some_and(|remaining| remaining > 0.0), "{remaining:?}");

    let wait = Duration::from_hours(1);
    scene.sandbox.world(|world| world.break_api(Api::Snyk, FaultKind::RateLimited(RetryAfter::Sent, wait)));
    let refused = || scene.sandbox.requests().iter().filter(|asked| asked.status == Some(429)).count();
    let told = eventually("somebody is told to wait", async || Some(refused()).filter(|count| *count > 0)).await;
    // Bitbucket is asked as before.
    until_probed(&daemon, 4.0).await;
    let again = refused();
    assert!(again <= told + 3, "{told} refusals became {again}");
    let counted = daemon.get("/metrics").await.text();
    assert!(counted.contains(r#"snykwatch_api_requests_total{api="snyk/acme-us",code="429"}"#), "{counted}");
    assert_eq!(daemon.group().await["status"]["status"], "connected");
    daemon.terminate().await.exits(0);
}
