//! A token file that holds no token: its credential alone is not asked with, and whoever mends it need not restart.

use serde_json::Value;
use snykwatch::sandbox::Api;

use crate::support::process::{Daemon, condition};
use crate::support::{Scene, eventually};

const SUCCESSFUL: &str = "snykwatch_config_last_reload_successful";

fn open(credential: &str) -> String {
    format!(
        "snykwatch_incident_open{{incident=\"StatusUnknown\",severity=\"warning\",integration=\"\",credential=\"{credential}\"}}"
    )
}

fn valid(credential: &str) -> String {
    format!("snykwatch_credential_valid{{credential=\"{credential}\"}}")
}

async fn incidents(daemon: &Daemon) -> Vec<Value> {
    daemon.get("/api/v1/incidents").await.json()["incidents"].as_array().unwrap().clone()
}

fn asked(scene: &Scene, api: Api) -> usize {
    scene.sandbox.requests().iter().filter(|request| request.api == api).count()
}

#[tokio::test]
async fn a_pat_in_quotes_is_not_asked_with_until_its_file_is_right() {
    let scene = Scene::healthy().await;
    let secret = scene.bitbucket_secret();
    scene.write_secret("bitbucket-token", &format!("\"{secret}\""));
    let daemon = scene.run(&scene.configuration()).await;
    daemon.until_metric(&open("bitbucket-acme"), 1.0).await;
    daemon.until_metric(&valid("bitbucket-acme"), -1.0).await;
    // Everything else is watched.
    daemon.until_metric(&valid("acme-us"), 1.0).await;
    let group = eventually("the inventory was looked at", async || {
        let group = daemon.group().await;
        (condition(&group, "SnykAccessible")["truth"] == "true").then_some(group)
    });
    let group = group.await;
    assert_eq!(condition(&group, "CredentialValid")["reason"], "secret_refused", "{group:#}");
    assert_eq!(group["status"]["reason"], "secret_refused", "{group:#}");
    let told = incidents(&daemon).await;
    let told = told.iter().find(|one| one["phase"] == "open").unwrap();
    for (field, text) in [("summary", "bitbucket-token"), ("summary", "stands in quotes"), ("next_step", "operator")] {
        assert!(told[field].as_str().unwrap().contains(text), "{field}: {told:#}");
    }
    assert_eq!(asked(&scene, Api::Bitbucket), 0, "nothing is sent in its place");

    scene.write_secret("bitbucket-token", &secret);
    daemon.until_group_is("connected").await;
    daemon.until_metric(&valid("bitbucket-acme"), 1.0).await;
    assert!(incidents(&daemon).await.iter().all(|one| one["phase"] != "open"), "{:?}", incidents(&daemon).await);
    let finished = daemon.terminate().await;
    assert!(!finished.screen().contains(&secret), "{}", finished.screen());
    finished.says(&["not asked with until this is mended", "1 secret is new"]);
}

#[tokio::test]
async fn one_of_two_refused_tokens_is_taken_up_without_the_other() {
    let scene = Scene::healthy().await;
    let (snyk, pat) = (scene.snyk_secret(), scene.bitbucket_secret());
    scene.write_secret("snyk-token", &format!("Bearer {snyk}"));
    std::fs::remove_file(scene.directory().join("bitbucket-token")).unwrap();
    let daemon = scene.run(&scene.configuration()).await;
    for credential in ["acme-us", "bitbucket-acme"] {
        daemon.until_metric(&open(credential), 1.0).await;
    }
    assert_eq!(scene.sandbox.requests().len(), 0, "nothing can be asked, and it runs all the same");
    let is_refused = async || {
        let group = daemon.until_group_is("unknown").await;
        (condition(&group, "SnykAccessible")["reason"] == "secret_refused").then_some(())
    };
    eventually("the condition says why", is_refused).await;

    scene.write_secret("snyk-token", &snyk);
    daemon.until_metric(&valid("acme-us"), 1.0).await;
    daemon.until_metric(SUCCESSFUL, 1.0).await;
    daemon.until_log_says("bitbucket-acme is still not asked with").await;
    assert_eq!(daemon.metric(&open("bitbucket-acme")).await, Some(1.0));

    scene.write_secret("bitbucket-token", &pat);
    daemon.until_group_is("connected").await;
    // One that is in force is not given up.
    scene.write_secret("bitbucket-token", &format!("{pat}\u{200b}"));
    daemon.until_metric(SUCCESSFUL, 0.0).await;
    daemon.until_log_says("U+200B").await;
    assert_eq!(daemon.metric(&valid("bitbucket-acme")).await, Some(1.0));
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn what_was_known_of_the_token_before_proves_nothing_after_a_restart() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    daemon.until_group_is("connected").await;
    daemon.terminate().await.exits(0);
    let secret = scene.bitbucket_secret();
    scene.write_secret("bitbucket-token", &format!("\u{feff}{secret}"));
    let asked_before = asked(&scene, Api::Bitbucket);
    let daemon = scene.run_as_it_is().await;
    daemon.until_metric(&open("bitbucket-acme"), 1.0).await;
    daemon.until_metric(&valid("bitbucket-acme"), -1.0).await;
    let group = daemon.group().await;
    assert_eq!(group["status"]["status"], "unknown", "{group:#}");
    assert_eq!(asked(&scene, Api::Bitbucket), asked_before);
    // It is the token that it was: no rotation.
    scene.write_secret("bitbucket-token", &secret);
    let group = daemon.until_group_is("connected").await;
    assert_eq!(condition(&group, "CredentialInStep")["reason"], "not_rotated", "{group:#}");
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn check_names_it_and_could_not_tell() {
    let scene = Scene::healthy().await;
    let secret = scene.bitbucket_secret();
    scene.write_secret("bitbucket-token", &format!("BITBUCKET_TOKEN={secret}"));
    let finished = scene.ask(&scene.configuration(), &["check"]).await;
    finished.exits(2);
    finished.says(&[
        "yes credential acme-us: Snyk accepts acme-us",
        "credential bitbucket-acme:",
        "bitbucket-token begins with `NAME=`",
        "next: (snykwatch operator) put the token, and nothing else",
        "acme-bitbucket (group): unknown / secret_refused, because of the above",
        "could not tell",
    ]);
    finished.never_says(&secret);
    finished.never_says("NO  credential");
    let validated = scene.ask_as_it_is(&["config", "validate"]).await;
    validated.exits(78);
    validated.never_says(&secret);
    // In an unset variable nothing can be mended while the daemon runs.
    let unset = scene.configuration().to_string().replace("{ file: snyk-token }", "{ env: NOBODY_SET_THIS }");
    scene.write_text(&unset);
    scene.ask_as_it_is(&["run"]).await.exits(78);
}
