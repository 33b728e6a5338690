//! APIs that fail, for all or for one.

use snykwatch::sandbox::world::ACME_CREDENTIAL;
use snykwatch::sandbox::{Api, FaultKind};

use super::until_probed;
use crate::support::process::{Daemon, condition};
use crate::support::{Scene, eventually};

async fn is_open(daemon: &Daemon, rule: &str) -> bool {
    let incidents = daemon.get("/api/v1/incidents").await.json();
    let incidents = incidents["incidents"].as_array().unwrap();
    incidents.iter().any(|incident| incident["rule"] == rule && incident["phase"] == "open")
}

async fn until_open(daemon: &Daemon, rule: &str) {
    eventually(&format!("{rule} is open"), async || is_open(daemon, rule).await.then_some(())).await;
}

fn with_short_rules(scene: &Scene) -> String {
    let configuration = scene.configuration().every("500ms");
    format!(
        "{configuration}alerts:
  rules:
    upstream_unreachable: {{ after: 1s, critical_after: never }}
    permissions_missing: {{ after: 1s }}
"
    )
}

/// Elsewhere: 500 for a whole organisation gives no series, no error, and ready.
#[tokio::test]
async fn g_upstream_failing_for_everything_keeps_the_state_and_resolves_nothing() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| world.take_scope(ACME_CREDENTIAL, "write:webhook:bitbucket"));
    scene.write_text(&with_short_rules(&scene));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    until_open(&daemon, "PermissionsMissing").await;
    scene.sandbox.world(|world| {
        world.break_api(Api::Snyk, FaultKind::Status(500));
        world.break_api(Api::Bitbucket, FaultKind::Status(500));
    });
    until_open(&daemon, "UpstreamUnreachable").await;
    let before = daemon.group().await;
    until_probed(&daemon, 5.0).await;
    let after = daemon.group().await;
    assert_eq!(after["status"]["status"], "connected");
    for name in ["SnykAccessible", "CredentialValid", "SyncCurrent"] {
        let observed = |group| condition(group, name)["observed_at"].clone();
        assert_eq!(observed(&after), observed(&before), "{name}: what is not observed is not called observed");
    }
    assert!(is_open(&daemon, "PermissionsMissing").await, "nothing resolves");
    let metrics = daemon.get("/metrics").await.text();
    assert!(metrics.contains("snykwatch_probe_failures_total{"), "failures are counted:\n{metrics}");
    assert!(metrics.contains("snykwatch_integration_status{"), "the series stay:\n{metrics}");
    daemon.terminate().await.exits(0);
}

/// Elsewhere: exits with 1.
#[tokio::test]
async fn h_upstream_down_at_the_start_is_told_and_waited_for() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| world.break_api(Api::Snyk, FaultKind::ConnectionReset));
    let daemon = scene.run(&scene.configuration().every("500ms")).await;
    daemon.until_metric(r#"snykwatch_upstream_up{api="snyk/acme-us"}"#, 0.0).await;
    let group = daemon.until_group_is("unknown").await;
    let said = group["status"]["message"].as_str().unwrap();
    assert!(said.contains("could not ask who the token is"), "{said}");
    scene.sandbox.world(|world| world.repair(Api::Snyk));
    daemon.until_group_is("connected").await;
    daemon.terminate().await.exits(0);
}
