//! The ten minutes of `docs/install.md`, as far as they need no accounts: its own configuration and its own commands, with
//! the addresses of the sandbox, and credentials handed over as systemd does.

use std::path::Path;

use chrono::TimeDelta;
use snykwatch::clock::Clock;
use snykwatch::sandbox::receivers::{FakeReceiver, PagerDuty};
use tokio::process::Command;

use crate::support::Scene;
use crate::support::process::{self, Daemon, Finished};

const ROUTING_KEY: &str = "f4ce000000000000000000000defec75";

/// The page's configuration, with what differs between its reader and this test replaced.
fn configuration(scene: &Scene, pager: &FakeReceiver<PagerDuty>) -> String {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/install.md")).unwrap();
    let example = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap().to_owned();
    let (snyk, bitbucket, root) = (scene.sandbox.snyk_api_url(), scene.sandbox.bitbucket_api_url(), pager.root());
    let group = scene.sandbox.world(|world| world.snyk.groups[0].id).to_string();
    // The page's date will pass; the test stays.
    let end = format!("expires_at: {}", (Clock::system().now() + TimeDelta::days(200)).format("%Y-%m-%d"));
    let changes = [
        ("region: SNYK-US-01", format!("api_url: {snyk}")),
        ("bitbucket_cloud: { ", format!("bitbucket_cloud: {{ api_url: {bitbucket}, ")),
        ("0d3728ec-eebf-484d-9907-ba238019f10b", group),
        ("expires_at: 2027-03-01", end),
        ("pagerduty: { ", format!("pagerduty: {{ api_url: \"{root}\", ")),
        // The unit's state directory.
        ("/var/lib/snykwatch/snykwatch.db", "snykwatch.db".to_owned()),
    ];
    let adapted = changes.into_iter().fold(example, |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is not in the page's configuration any more:\n{text}");
        text.replacen(from, &to, 1)
    });
    format!("{adapted}server: {{ listen: \"127.0.0.1:0\" }}\n")
}

/// A command as the page has it: in the directory of the configuration, with credentials elsewhere.
fn typed(scene: &Scene, secrets: &Path, arguments: &[&str]) -> Command {
    let mut command = process::snykwatch(scene.directory());
    command.env("CREDENTIALS_DIRECTORY", secrets).args(arguments);
    command
}

#[tokio::test]
async fn the_page_about_installing_can_be_followed() {
    let scene = Scene::healthy().await;
    let pager = FakeReceiver::start(Clock::system(), PagerDuty::new(ROUTING_KEY)).await.unwrap();
    scene.write_secret("pagerduty-key", ROUTING_KEY);
    let secrets = tempfile::tempdir().unwrap();
    for name in ["snyk-token", "bitbucket-token", "pagerduty-key"] {
        std::fs::rename(scene.directory().join(name), secrets.path().join(name)).unwrap();
    }
    scene.write_text(&configuration(&scene, &pager));

    let validated = Finished::of(typed(&scene, secrets.path(), &["config", "validate"])).await;
    validated.exits(0);
    validated.says(&["can be used: 1 integration, 1 credential, 1 Snyk token", "Receivers: on-call (pagerduty)"]);
    let checked = Finished::of(typed(&scene, secrets.path(), &["check"])).await;
    checked.exits(0);
    checked.says(&["acme-bitbucket (group): connected", "healthy"]);

    let daemon = Daemon::start(typed(&scene, secrets.path(), &["run", "--log-format", "json"])).await;
    daemon.until_group_is("connected").await;
    let url = format!("http://{}/", daemon.address);
    let tested = ["test-receiver", "--url", &url, "on-call"];
    Finished::of(typed(&scene, secrets.path(), &tested)).await.says(&["on-call accepted the test"]);
    assert_eq!(daemon.get("/metrics").await.status, 200);
    assert!(scene.directory().join("snykwatch.db").is_file(), "the state is kept");
    daemon.terminate().await.exits(0);
}

/// Without the directory that systemd hands over, the page's file names are looked for beside the configuration.
#[tokio::test]
async fn a_secret_that_is_nowhere_is_told_with_its_place() {
    let scene = Scene::healthy().await;
    let pager = FakeReceiver::start(Clock::system(), PagerDuty::new(ROUTING_KEY)).await.unwrap();
    scene.write_text(&configuration(&scene, &pager));
    let validated = scene.ask_as_it_is(&["config", "validate"]).await;
    validated.exits(78);
    validated.says(&["could not read the secret file", "pagerduty-key"]);
}
