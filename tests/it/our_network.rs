//! What is wrong on our own side is told as ours, and no vendor is blamed.

use serde_json::Value;

use crate::support::process::Daemon;
use crate::support::{Scene, eventually, free_address};

/// The open incidents, once there is one.
async fn open(daemon: &Daemon) -> Vec<Value> {
    eventually("an incident is open", async || {
        let incidents = daemon.get("/api/v1/incidents").await.json();
        let incidents = incidents["incidents"].as_array().unwrap().clone();
        let open: Vec<Value> = incidents.into_iter().filter(|incident| incident["phase"] == "open").collect();
        (!open.is_empty()).then_some(open)
    })
    .await
}

async fn asked(scene: &Scene, snyk_url: String) -> Daemon {
    let bitbucket_url = format!("http://{}/2.0", free_address().await);
    let configuration =
        crate::support::configuration::Configuration { snyk_url, bitbucket_url, ..scene.configuration() };
    let text = configuration.every("500ms").to_string();
    scene.write_text(&format!(
        "{text}alerts:\n  rules:\n    upstream_unreachable: {{ after: 1s, critical_after: never }}\n"
    ));
    scene.run_as_it_is().await
}

#[tokio::test]
async fn where_nothing_arrives_anywhere_it_is_our_network_and_one_incident() {
    let scene = Scene::healthy().await;
    let nobody = format!("http://{}/", free_address().await);
    let daemon = asked(&scene, nobody).await;
    let open = open(&daemon).await;
    assert_eq!(
        open.iter().map(|incident| incident["id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["UpstreamUnreachable/network"]
    );
    let said = open[0]["next_step"].as_str().unwrap();
    assert!(said.contains("the machine that snykwatch runs on"), "{said}");
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn where_one_of_two_is_not_reached_it_is_that_one() {
    let scene = Scene::healthy().await;
    let daemon = asked(&scene, scene.configuration().snyk_url).await;
    let open = open(&daemon).await;
    let said = format!("{open:#?}");
    assert!(said.contains("UpstreamUnreachable/api/bitbucket-cloud/bitbucket-acme"), "{said}");
    assert!(!said.contains("UpstreamUnreachable/network"), "{said}");
    daemon.terminate().await.exits(0);
}
