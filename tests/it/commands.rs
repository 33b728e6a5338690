//! The other commands, as they are typed.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::support::Scene;
use crate::support::process::{self, Finished};

async fn typed(arguments: &[&str]) -> Finished {
    let directory = tempfile::tempdir().unwrap();
    let mut command = process::snykwatch(directory.path());
    command.args(arguments);
    Finished::of(command).await
}

#[tokio::test]
async fn what_cannot_be_meant_is_a_usage_error() {
    let empty: &[&str] = &[];
    for arguments in
        [empty, &["chekc"], &["run", "--nosuch"], &["check", "--output", "xml"], &["demo", "--scenario", "no"]]
    {
        let finished = typed(arguments).await;
        finished.exits(64);
        assert_eq!(finished.stdout, "", "{arguments:?}");
        assert_ne!(finished.stderr, "", "{arguments:?}");
    }
    let finished = typed(&["run", "--log", "snykwatch=louder"]).await;
    finished.exits(64);
    finished.says(&["error: --log: `snykwatch=louder` is no log filter"]);
}

#[tokio::test]
async fn help_and_version_are_answers() {
    let finished = typed(&["--help"]).await;
    finished.exits(0);
    finished.says(&["Usage: snykwatch", "demo", "run", "check", "config", "explain", "missing"]);
    let finished = typed(&["--version"]).await;
    finished.exits(0);
    assert_eq!(finished.stdout.trim(), concat!("snykwatch ", env!("CARGO_PKG_VERSION")));
    typed(&["check", "--help"]).await.says(&["Exit code: 0 healthy, 1 problems, 2 could not tell"]);
}

#[tokio::test]
async fn the_shell_understands_its_completions() {
    let finished = typed(&["completions", "bash"]).await;
    finished.exits(0);
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(finished.stdout.as_bytes()).await.unwrap();
    assert!(bash.wait().await.unwrap().success());
    for shell in ["zsh", "fish"] {
        typed(&["completions", shell]).await.says(&["snykwatch"]);
    }
}

#[tokio::test]
async fn there_is_a_manual() {
    let finished = typed(&["man"]).await;
    finished.exits(0);
    assert!(finished.stdout.contains(".TH snykwatch 1"), "{}", finished.stdout);
    let directory = tempfile::tempdir().unwrap();
    typed(&["man", "--directory", &directory.path().display().to_string()]).await.exits(0);
    let pages = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let pages: Vec<String> = pages.map(|name| name.into_string().unwrap()).collect();
    for page in ["snykwatch.1", "snykwatch-check.1", "snykwatch-config-validate.1"] {
        assert!(pages.contains(&page.to_owned()), "{page}: {pages:?}");
    }
}

#[tokio::test]
async fn a_password_is_hashed_for_the_web_config_file() {
    async fn hashed(input: &str) -> std::process::Output {
        let directory = tempfile::tempdir().unwrap();
        let mut command = process::snykwatch(directory.path());
        let mut child = command.arg("hash-password").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        child.wait_with_output().await.unwrap()
    }
    let output = hashed("correct horse\nanother line\n").await;
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let hash = text.strip_suffix('\n').unwrap();
    assert!(hash.starts_with("$2b$10$"), "{hash}");
    assert!(bcrypt::verify("correct horse", hash).unwrap());
    assert_ne!(hashed("correct horse").await.stdout, text.as_bytes(), "each has a salt of its own");
    for unfit in ["", "\n", &"x".repeat(72)] {
        let output = hashed(unfit).await;
        assert_eq!((output.status.code(), output.stdout.len()), (Some(64), 0), "{} bytes", unfit.len());
    }
}

#[tokio::test]
async fn the_stories_of_the_demo_are_listed() {
    let finished = typed(&["demo", "--list"]).await;
    finished.exits(0);
    assert!(finished.stdout.lines().count() > 28, "{}", finished.stdout);
}

#[tokio::test]
async fn a_configuration_is_validated() {
    let scene = Scene::healthy().await;
    let good = scene.configuration();
    let finished = scene.ask(&good, &["config", "validate"]).await;
    finished.exits(0);
    finished.says(&["can be used: 1 integration, 1 credential, 1 Snyk token.", "inventory every 1h"]);
    // Every problem at once, each with its place.
    let text = good.to_string();
    let bad = text
        .replace("scm: bitbucket-cloud", "scm: bitbucket-clod")
        .replace("request_timeout: 10s", "request_timout: 10");
    scene.write_text(&bad);
    let finished = scene.ask_as_it_is(&["config", "validate"]).await;
    finished.exits(78);
    let path = scene.path().display().to_string();
    let line = |of: &str| bad.lines().position(|line| line.contains(of)).unwrap() + 1;
    finished.says(&[&format!("{path}:{}:", line("bitbucket-clod")), "bitbucket-clod"]);
    finished.says(&[&format!("{path}:{}:", line("request_timout")), "request_timeout"]);
    finished.says(&["cannot be used: 2 problems."]);
    scene.ask_as_it_is(&["run"]).await.exits(78);
}

#[tokio::test]
async fn a_running_daemon_explains_itself() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| {
        world.snyk.groups[0].assets.retain(|asset| !asset.name.contains("service-00"));
    });
    let daemon = scene.run(&scene.configuration()).await;
    let group = daemon.until_group_is("partially_connected").await;
    assert_eq!(group["progress"]["missing"], 10);
    let url = format!("http://{}/", daemon.address);

    let finished = scene.ask_as_it_is(&["explain", "acme-bitbucket", "--url", &url]).await;
    finished.exits(0);
    finished.says(&[
        "acme-bitbucket (group)",
        "partially_connected",
        "2 of 12 repositories reached the Inventory",
        "next:",
        "NO InventoryComplete",
    ]);
    let finished = scene.ask_as_it_is(&["missing", "acme-bitbucket", "--url", &url]).await;
    finished.exits(0);
    assert_eq!(finished.stdout.lines().next(), Some("acme/service-000"), "{}", finished.stdout);
    assert_eq!(finished.stdout.lines().count(), 10);
    finished.says(&["10 missing, 2 found"]);
    let finished = scene.ask_as_it_is(&["explain", "acme-bitbucket", "--url", &url, "--output", "json"]).await;
    let view: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(view["status"]["reason"], "inventory_incomplete");

    let finished = scene.ask_as_it_is(&["explain", "nosuch", "--url", &url]).await;
    finished.exits(64);
    finished.says(&["error: the daemon watches no such integration", "hint:"]);
    daemon.terminate().await.exits(0);

    let finished = scene.ask_as_it_is(&["explain", "acme-bitbucket", "--url", &url]).await;
    finished.exits(69);
    finished.says(&["error: could not reach a running snykwatch at", "hint: is `snykwatch run` running?"]);
}

#[tokio::test]
async fn without_a_configuration_the_daemon_is_not_found() {
    let finished = typed(&["missing", "acme-bitbucket"]).await;
    finished.exits(78);
    finished.says(&["snykwatch.yaml", "hint:", "--url"]);
}
