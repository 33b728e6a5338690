//! `run`: it starts, serves, waits for nobody, and stops.

use snykwatch::sandbox::{Api, FaultKind};
use tokio::net::TcpStream;

use crate::support::configuration::Configuration;
use crate::support::process::condition;

use crate::support::{Scene, eventually, free_address};

/// The status series of the Group's integration.
fn status(word: &str) -> String {
    let identity = r#"integration="acme-bitbucket",level="group",organization="",scm="bitbucket-cloud""#;
    format!(r#"snykwatch_integration_status{{{identity},status="{word}"}}"#)
}

#[tokio::test]
async fn from_start_to_stop() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    eventually("it is ready", async || (daemon.get("/-/ready").await.status == 200).then_some(())).await;
    assert_eq!(daemon.get("/-/healthy").await.status, 200);

    let group = daemon.until_group_is("connected").await;
    assert_eq!(group["progress"]["found"], 12);
    assert_eq!(condition(&group, "SyncCurrent")["truth"], "true");
    daemon
        .until_metric(r#"snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="connected"}"#, 2.0)
        .await;

    let metrics = daemon.get("/metrics").await;
    assert!(metrics.head.contains("text/plain"), "{}", metrics.head);
    assert_eq!(metrics.value(&status("connected")), Some(1.0), "{}", metrics.text());
    assert_eq!(metrics.value(&status("unknown")), Some(0.0));
    assert_eq!(metrics.value("snykwatch_config_last_reload_successful"), Some(1.0));
    let compressed = daemon.request("GET", "/metrics", "Accept-Encoding: gzip\r\n").await;
    assert!(compressed.unzipped().contains(&format!("{} 1\n", status("connected"))));
    assert!(compressed.body.len() * 2 < metrics.body.len());

    let integrations = daemon.get("/api/v1/integrations").await.json();
    assert_eq!(integrations["total"], 3);
    let credentials = daemon.get("/api/v1/credentials").await.json();
    let names = credentials["credentials"].as_array().unwrap().iter().map(|one| one["credential"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["acme-us", "bitbucket-acme"]);
    assert_eq!(daemon.get("/api/v1/openapi.json").await.json()["openapi"], "3.1.0");

    let page = daemon.get("/").await;
    assert!(page.head.contains("text/html"), "{}", page.head);
    for text in ["acme-bitbucket", "connected", "12 of 12 repositories"] {
        assert!(page.text().contains(text), "{text} is not on the page:\n{}", page.text());
    }

    let finished = daemon.terminate().await;
    finished.exits(0);
    assert_eq!(finished.stdout, "");
    assert!(finished.stderr.contains("stopping"), "{}", finished.stderr);
    finished.never_says("\u{1b}[");
    finished.never_says("ERROR");
    finished.never_says("WARN");
}

/// Every request of every probe hangs, for far longer than anybody in this test waits.
#[tokio::test]
async fn a_scrape_never_waits_for_a_probe_and_neither_does_the_end() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| {
        world.break_api(Api::Snyk, FaultKind::Hang);
        world.break_api(Api::Bitbucket, FaultKind::Hang);
    });
    let daemon = scene.run(&scene.configuration().request_timeout("10m")).await;
    for api in [Api::Snyk, Api::Bitbucket] {
        eventually("a probe hangs", async || {
            scene.sandbox.requests().iter().any(|asked| asked.api == api).then_some(())
        })
        .await;
    }
    for path in ["/metrics", "/", "/-/ready", "/-/healthy", "/api/v1/integrations", "/api/v1/credentials"] {
        assert_eq!(daemon.get(path).await.status, 200, "{path}");
    }
    let metrics = daemon.get("/metrics").await;
    assert_eq!(metrics.value(&status("unknown")), Some(1.0));
    let text = metrics.text();
    let probed: Vec<&str> = text.lines().filter(|line| line.starts_with("snykwatch_probes_total{")).collect();
    assert!(!probed.is_empty() && probed.iter().all(|line| line.ends_with(" 0")), "no probe is back yet: {probed:?}");

    // Somebody who connects and says nothing does not hold it up either.
    let silent = TcpStream::connect(daemon.address).await.unwrap();
    let finished = daemon.terminate().await;
    finished.exits(0);
    drop(silent);
}

#[tokio::test]
async fn it_starts_although_both_ends_are_down_and_sees_them_come_back() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| {
        world.break_api(Api::Snyk, FaultKind::ConnectionReset);
        world.break_api(Api::Bitbucket, FaultKind::Status(503));
    });
    let daemon = scene.run(&scene.configuration().every("500ms")).await;
    eventually("it is ready", async || (daemon.get("/-/ready").await.status == 200).then_some(())).await;
    daemon.until_metric(r#"snykwatch_upstream_up{api="snyk/acme-us"}"#, 0.0).await;
    daemon.until_metric(r#"snykwatch_upstream_up{api="bitbucket-cloud/bitbucket-acme"}"#, 0.0).await;
    let group = daemon.until_group_is("unknown").await;
    assert_eq!(group["status"]["reason"], "upstream_failing");
    assert_eq!(daemon.metric(r#"snykwatch_credential_valid{credential="bitbucket-acme"}"#).await, Some(-1.0));

    scene.sandbox.world(|world| {
        world.repair(Api::Snyk);
        world.repair(Api::Bitbucket);
    });
    daemon.until_group_is("connected").await;
    daemon.until_metric(r#"snykwatch_upstream_up{api="snyk/acme-us"}"#, 1.0).await;
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn it_starts_although_nobody_listens() {
    let scene = Scene::healthy().await;
    let snyk_url = format!("http://{}/", free_address().await);
    let bitbucket_url = "https://nosuchhost.invalid".to_owned();
    let daemon = scene.run(&Configuration { snyk_url, bitbucket_url, ..scene.configuration().every("500ms") }).await;
    daemon.until_log_says("refused the connection").await;
    daemon.until_log_says("could not look up nosuchhost.invalid").await;
    daemon.until_metric(r#"snykwatch_upstream_up{api="snyk/acme-us"}"#, 0.0).await;
    assert_eq!(daemon.get("/-/ready").await.status, 200);
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn killed_and_started_again() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    daemon.until_group_is("connected").await;
    daemon.signal("KILL").await;
    assert_eq!(daemon.end().await.code, None);
    let daemon = scene.run(&scene.configuration()).await;
    daemon.until_group_is("connected").await;
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    let address = daemon.address.to_string();
    scene.write_text(&scene.configuration().to_string().replace("127.0.0.1:0", &address));
    let finished = scene.ask_as_it_is(&["run"]).await;
    finished.exits(69);
    finished.says(&["error: could not listen on", &address, "in use"]);
    daemon.terminate().await.exits(0);
}
