//! Upstream APIs at their worst: what is known is kept with its age, no credential is blamed, nobody is followed.

use std::time::Duration;

use serde_json::Value;
use snykwatch::sandbox::world::RetryAfter;
use snykwatch::sandbox::{Api, FaultKind};

use crate::support::process::{Daemon, condition};
use crate::support::{Scene, eventually};

const SNYK_UP: &str = r#"snykwatch_upstream_up{api="snyk/acme-us"}"#;
const BITBUCKET_UP: &str = r#"snykwatch_upstream_up{api="bitbucket-cloud/bitbucket-acme"}"#;

/// The largest body that anybody sends: far above what is read.
const HUNDRED_MEGABYTES: u64 = 100 * 1024 * 1024;

/// Probes that came back so far.
async fn probed(daemon: &Daemon) -> f64 {
    let text = daemon.get("/metrics").await.text();
    let counts = text.lines().filter(|line| line.starts_with("snykwatch_probes_total{"));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

fn instant(value: &Value) -> chrono::DateTime<chrono::Utc> {
    value.as_str().unwrap_or_else(|| panic!("{value} is no instant")).parse().unwrap()
}

/// Both APIs misbehave so. What was known stays, with the time at which it was observed.
async fn survives(kind: FaultKind) {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration().every("500ms").request_timeout("1s")).await;
    daemon.until_group_is("connected").await;
    daemon.until_metric(SNYK_UP, 1.0).await;
    daemon.until_metric(BITBUCKET_UP, 1.0).await;

    scene.sandbox.world(|world| {
        world.break_api(Api::Snyk, kind.clone());
        world.break_api(Api::Bitbucket, kind.clone());
    });
    daemon.until_metric(SNYK_UP, 0.0).await;
    daemon.until_metric(BITBUCKET_UP, 0.0).await;
    let during = daemon.group().await;
    let since = |group: &Value| instant(&condition(group, "SnykAccessible")["observed_at"]);
    let observed = since(&during);
    let count = probed(&daemon).await;
    eventually("it goes on asking", async || (probed(&daemon).await >= count + 3.0).then_some(())).await;

    let group = daemon.group().await;
    assert_eq!(group["status"]["status"], "connected", "{kind:?}: {group}");
    assert_eq!(since(&group), observed, "{kind:?}: what is not observed is not called observed");
    assert_eq!(condition(&group, "CredentialValid")["truth"], "true", "{kind:?}");
    for credential in ["acme-us", "bitbucket-acme"] {
        let valid = daemon.metric(&format!(r#"snykwatch_credential_valid{{credential="{credential}"}}"#)).await;
        assert_eq!(valid, Some(1.0), "{kind:?} {credential}");
    }
    let incidents = daemon.get("/api/v1/incidents").await.json();
    for incident in incidents["incidents"].as_array().unwrap() {
        let is_harmless = incident["phase"] == "pending";
        assert!(is_harmless, "{kind:?}: {incident}");
    }

    scene.sandbox.world(|world| {
        world.repair(Api::Snyk);
        world.repair(Api::Bitbucket);
    });
    daemon.until_metric(SNYK_UP, 1.0).await;
    daemon.until_metric(BITBUCKET_UP, 1.0).await;
    eventually("it is observed again", async || (since(&daemon.group().await) > observed).then_some(())).await;
    assert_eq!(daemon.group().await["status"]["since"], during["status"]["since"], "{kind:?}");
    let strangers = scene.sandbox.requests().into_iter().filter(|asked| asked.api == Api::Elsewhere);
    assert_eq!(strangers.count(), 0, "{kind:?}: nobody else is asked");
    daemon.terminate().await.exits(0);
}

/// Each to a daemon of its own, all at once: most of the time is waiting.
#[tokio::test]
async fn every_misbehaviour_is_survived() {
    let kinds = [
        FaultKind::HtmlWithOk,
        FaultKind::TruncatedJson,
        FaultKind::Oversized(HUNDRED_MEGABYTES),
        FaultKind::Trickle(Duration::from_millis(200)),
        FaultKind::LoginRedirect,
        FaultKind::RedirectLoop,
        FaultKind::Hang,
        FaultKind::ConnectionReset,
        FaultKind::Maintenance,
        FaultKind::Status(500),
    ];
    futures_util::future::join_all(kinds.map(survives)).await;
}

/// 429 is obeyed: the state is kept, and nobody asks again before the time that was named.
#[tokio::test]
async fn too_many_requests() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration().every("500ms")).await;
    daemon.until_group_is("connected").await;
    let wait = Duration::from_hours(1);
    scene.sandbox.world(|world| world.break_api(Api::Bitbucket, FaultKind::RateLimited(RetryAfter::Sent, wait)));
    let told = async || {
        let told = scene.sandbox.requests().iter().filter(|asked| asked.status == Some(429)).count();
        (told > 0).then_some(told)
    };
    let told = eventually("somebody is told to wait", told).await;
    let observed = |group: &Value| instant(&condition(group, "SnykAccessible")["observed_at"]);
    let before = observed(&daemon.group().await);
    eventually("Snyk is still asked", async || (observed(&daemon.group().await) > before).then_some(())).await;
    assert_eq!(daemon.group().await["status"]["status"], "connected");
    assert_eq!(daemon.metric(r#"snykwatch_credential_valid{credential="bitbucket-acme"}"#).await, Some(1.0));
    // Requests that were under way may still have been told.
    let again = scene.sandbox.requests().iter().filter(|asked| asked.status == Some(429)).count();
    assert!(again <= told + 3, "{told} refusals became {again}");
    daemon.terminate().await.exits(0);
}

/// The lists lead to another host. Everything else answers, so the API counts as reachable.
#[tokio::test]
async fn the_next_page_is_on_another_host() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration().every("500ms")).await;
    let before = daemon.until_group_is("connected").await;
    scene.sandbox.world(|world| {
        world.break_api(Api::Snyk, FaultKind::NextOnAnotherHost);
        world.break_api(Api::Bitbucket, FaultKind::NextOnAnotherHost);
    });
    daemon.until_log_says("foreign_next_link").await;
    let count = probed(&daemon).await;
    eventually("it goes on asking", async || (probed(&daemon).await >= count + 5.0).then_some(())).await;
    let group = daemon.group().await;
    assert_eq!(group["status"]["status"], "connected");
    assert_eq!(group["progress"]["found"], before["progress"]["found"]);
    assert!(scene.sandbox.requests().iter().all(|asked| asked.api != Api::Elsewhere));
    daemon.terminate().await.exits(0);
}

/// The state is kept with its age, then it is unknown, and what was known is still told; it comes back as it was.
#[tokio::test]
async fn what_is_too_old_is_unknown_and_not_forgotten() {
    let scene = Scene::healthy().await;
    let text = scene.configuration().to_string().replace("every: 1h", "every: 500ms, max_age: 3s");
    scene.write_text(&text);
    let daemon = scene.run_as_it_is().await;
    let before = daemon.until_group_is("connected").await;
    scene.sandbox.world(|world| {
        world.break_api(Api::Snyk, FaultKind::Status(500));
        world.break_api(Api::Bitbucket, FaultKind::Status(500));
    });
    let group = daemon.until_group_is("unknown").await;
    assert_eq!(group["status"]["known"]["status"], "connected");
    assert_eq!(group["status"]["known"]["since"], before["status"]["since"]);
    daemon.until_metric(r#"snykwatch_credential_valid{credential="bitbucket-acme"}"#, -1.0).await;
    daemon.until_metric(r#"snykwatch_credential_valid{credential="acme-us"}"#, -1.0).await;
    scene.sandbox.world(|world| {
        world.repair(Api::Snyk);
        world.repair(Api::Bitbucket);
    });
    let after = daemon.until_group_is("connected").await;
    assert_eq!(after["status"]["since"], before["status"]["since"]);
    daemon.terminate().await.exits(0);
}
