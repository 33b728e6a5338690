//! What is wrong on our own side is told as ours, and no vendor is blamed.

use std::time::Duration;

use serde_json::Value;
use snykwatch::sandbox::{Api, FaultKind};

use crate::support::configuration::Configuration;
use crate::support::process::{Daemon, condition};
use crate::support::strangers::Stranger;
use crate::support::{Scene, eventually, eventually_within, free_address};

/// The open incidents, once there is one.
async fn open(daemon: &Daemon) -> Vec<Value> {
    eventually("an incident is open", async || {
        let incidents = daemon.get("/api/v1/incidents").await.json();
        // None before the first look.
        let incidents = incidents["incidents"].as_array()?.clone();
        let open: Vec<Value> = incidents.into_iter().filter(|incident| incident["phase"] == "open").collect();
        (!open.is_empty()).then_some(open)
    })
    .await
}

/// The scene with these addresses; `http` are further settings of how APIs are reached.
async fn asked(scene: &Scene, snyk_url: String, bitbucket_url: String, http: &str) -> Daemon {
    let configuration = Configuration { snyk_url, bitbucket_url, ..scene.configuration() }.every("500ms").to_string();
    let text = configuration.replace("http: { ", &format!("http: {{ {http}"));
    scene.write_text(&format!(
        "{text}alerts:\n  rules:\n    upstream_unreachable: {{ after: 1s, critical_after: never }}\n"
    ));
    scene.run_as_it_is().await
}

/// It is one incident, about nobody else, and says what to do.
async fn is_ours(daemon: Daemon, layer: &str) {
    let open = open(&daemon).await;
    let ids: Vec<&str> = open.iter().map(|incident| incident["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["UpstreamUnreachable/network"]);
    let (summary, step) = (open[0]["summary"].as_str().unwrap(), open[0]["next_step"].as_str().unwrap());
    assert!(summary.contains(layer) && summary.contains("no credential is to blame"), "{summary}");
    assert!(step.contains("the machine that snykwatch runs on"), "{step}");
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn where_nobody_listens_anywhere_it_is_our_network() {
    let scene = Scene::healthy().await;
    let [snyk, bitbucket] = [free_address().await, free_address().await];
    let daemon = asked(&scene, format!("http://{snyk}/"), format!("http://{bitbucket}/2.0"), "").await;
    is_ours(daemon, "connection_refused").await;
}

#[tokio::test]
async fn where_no_name_is_found_it_is_our_network() {
    let scene = Scene::healthy().await;
    let [snyk, bitbucket] = ["https://nosuchhost.invalid", "https://nosuchhost-either.invalid/2.0"].map(str::to_owned);
    is_ours(asked(&scene, snyk, bitbucket, "").await, "dns").await;
}

#[tokio::test]
async fn where_the_proxy_refuses_it_is_our_network() {
    let scene = Scene::healthy().await;
    let proxy = Stranger::refusing_proxy().await;
    let [snyk, bitbucket] = ["https://api.acme.example", "https://bitbucket.acme.example/2.0"].map(str::to_owned);
    let http = format!("proxy: \"http://{}\", ", proxy.address);
    is_ours(asked(&scene, snyk, bitbucket, &http).await, "proxy").await;
}

#[tokio::test]
async fn where_a_stranger_signs_for_everybody_it_is_our_network() {
    let scene = Scene::healthy().await;
    let stranger = Stranger::with_unknown_issuer().await;
    let snyk = format!("https://localhost:{}", stranger.address.port());
    let bitbucket = format!("{snyk}/2.0");
    is_ours(asked(&scene, snyk, bitbucket, "").await, "tls").await;
}

/// Whatever stands in front of both vendors is no vendor.
#[tokio::test]
async fn where_a_page_stands_in_the_place_of_everybody_it_is_our_network() {
    for (fault, class) in [(FaultKind::HtmlWithOk, "unexpected_body"), (FaultKind::ConnectionReset, "network")] {
        let scene = Scene::healthy().await;
        scene.sandbox.world(|world| {
            world.break_api(Api::Snyk, fault.clone());
            world.break_api(Api::Bitbucket, fault.clone());
        });
        let Configuration { snyk_url, bitbucket_url, .. } = scene.configuration();
        is_ours(asked(&scene, snyk_url, bitbucket_url, "").await, class).await;
    }
}

#[tokio::test]
async fn where_one_of_two_is_not_reached_it_is_that_one() {
    let scene = Scene::healthy().await;
    let nobody = format!("http://{}/2.0", free_address().await);
    let daemon = asked(&scene, scene.configuration().snyk_url, nobody, "").await;
    let open = open(&daemon).await;
    let said = format!("{open:#?}");
    assert!(said.contains("UpstreamUnreachable/api/bitbucket-cloud/bitbucket-acme"), "{said}");
    assert!(!said.contains("UpstreamUnreachable/network"), "{said}");
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn two_that_answer_badly_are_two() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| {
        world.break_api(Api::Snyk, FaultKind::Status(503));
        world.break_api(Api::Bitbucket, FaultKind::Status(503));
    });
    let Configuration { snyk_url, bitbucket_url, .. } = scene.configuration();
    let daemon = asked(&scene, snyk_url, bitbucket_url, "").await;
    let two = eventually("both are told", async || {
        let open = open(&daemon).await;
        (open.len() > 1).then_some(open)
    });
    let mut ids: Vec<String> = two.await.iter().map(|incident| incident["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    let expected = ["UpstreamUnreachable/api/bitbucket-cloud/bitbucket-acme", "UpstreamUnreachable/api/snyk/acme-us"];
    assert_eq!(ids, expected);
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn our_own_share_of_the_requests_is_used_up_and_nobody_is_to_blame() {
    let scene = Scene::healthy().await;
    let Configuration { snyk_url, bitbucket_url, .. } = scene.configuration();
    // What is asked twice a second uses up in a minute what lasts for half an hour.
    let daemon = asked(&scene, snyk_url, bitbucket_url, "").await;
    daemon.until_group_is("connected").await;
    let turned_away = "snykwatch_probe_failures_total{probe=\"scm_credential\",reason=\"budget_spent\"}";
    // It is tried again when the next turn comes: far longer than an outage has to last to be told here.
    eventually_within(Duration::from_mins(4), "two questions were not sent", async || {
        daemon.metric(turned_away).await.filter(|count| *count >= 2.0)
    })
    .await;
    let incidents = daemon.get("/api/v1/incidents").await.text();
    assert!(!incidents.contains("UpstreamUnreachable"), "{incidents}");
    assert_eq!(daemon.metric("snykwatch_upstream_up{api=\"bitbucket-cloud/bitbucket-acme\"}").await, Some(1.0));
    // What is known stays and grows old.
    let group = daemon.until_group_is("connected").await;
    assert_eq!(condition(&group, "CredentialValid")["truth"], "true", "{group:#}");
    let finished = daemon.terminate().await;
    finished.says(&["our own share of the requests with this credential is used up"]);
}
