//! The ten minutes of `docs/install.md`, as far as they need no accounts: its own configuration and its own commands, with
//! the addresses of the sandbox, and credentials handed over as systemd does.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use snykwatch::clock::Clock;
use snykwatch::sandbox::receivers::{FakeReceiver, PagerDuty};

use crate::support::process::{self, Daemon, Finished};
use crate::support::{Scene, eventually, http};

const ROUTING_KEY: &str = "f4ce000000000000000000000defec75";

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A configuration for a reader, with what differs between that reader and this test replaced.
fn adapted(example: String, scene: &Scene, more: &[(&str, String)]) -> String {
    let (snyk, bitbucket) = (scene.sandbox.snyk_api_url(), scene.sandbox.bitbucket_api_url());
    let group = scene.sandbox.world(|world| world.snyk.groups[0].id).to_string();
    // The reader's date will pass; the test stays.
    let end = format!("expires_at: {}", (Clock::system().now() + TimeDelta::days(200)).format("%Y-%m-%d"));
    let changes = [
        ("region: SNYK-US-01", format!("api_url: {snyk}")),
        ("bitbucket_cloud: { ", format!("bitbucket_cloud: {{ api_url: {bitbucket}, ")),
        ("0d3728ec-eebf-484d-9907-ba238019f10b", group),
        ("expires_at: 2027-03-01", end),
    ];
    changes.iter().chain(more).fold(example, |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is not in the configuration any more:\n{text}");
        text.replace(from, to)
    })
}

/// The page's configuration.
fn configuration(scene: &Scene, pager: &FakeReceiver<PagerDuty>) -> String {
    let page = std::fs::read_to_string(project().join("docs/install.md")).unwrap();
    let example = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap().to_owned();
    let pagerduty = ("pagerduty: { ", format!("pagerduty: {{ api_url: \"{}\", ", pager.root()));
    // The unit's state directory.
    let store = ("/var/lib/snykwatch/snykwatch.db", "snykwatch.db".to_owned());
    format!("{}server: {{ listen: \"127.0.0.1:0\" }}\n", adapted(example, scene, &[pagerduty, store]))
}

/// The page's secrets, in the directory that it makes for them.
const SECRETS: [&str; 3] = ["snyk-token", "bitbucket-token", "pagerduty-key"];

#[tokio::test]
async fn the_page_about_installing_can_be_followed() {
    let scene = Scene::healthy().await;
    let pager = FakeReceiver::start(Clock::system(), PagerDuty::new(ROUTING_KEY)).await.unwrap();
    scene.write_secret("pagerduty-key", ROUTING_KEY);
    let secrets = scene.directory().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    for name in SECRETS {
        std::fs::rename(scene.directory().join(name), secrets.join(name)).unwrap();
    }
    scene.write_text(&configuration(&scene, &pager));

    let validated = scene.ask_as_it_is(&["config", "validate"]).await;
    validated.exits(0);
    validated.says(&["can be used: 1 integration, 1 credential, 1 Snyk token", "Receivers: on-call (pagerduty)"]);
    let checked = scene.ask_as_it_is(&["check"]).await;
    checked.exits(0);
    checked.says(&["acme-bitbucket (group): connected", "healthy"]);

    // The unit has `LoadCredential=secrets:…`: systemd copies each file to a flat directory, and the daemon, which is not
    // root, sees no other.
    let credentials = tempfile::tempdir().unwrap();
    for name in SECRETS {
        std::fs::rename(secrets.join(name), credentials.path().join(format!("secrets_{name}"))).unwrap();
    }
    let mut unit = process::snykwatch(scene.directory());
    unit.env("CREDENTIALS_DIRECTORY", credentials.path()).args(["run", "--log-format", "json"]);
    let daemon = Daemon::start(unit).await;
    daemon.until_group_is("connected").await;
    let url = format!("http://{}/", daemon.address);
    let tested = ["test-receiver", "--url", &url, "on-call"];
    scene.ask_as_it_is(&tested).await.says(&["on-call accepted the test"]);
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

/// A login as `deploy/passwords.sh` made it.
fn login(directory: &Path, user: &str) -> String {
    let password = std::fs::read_to_string(directory.join(format!("{user}-password"))).unwrap();
    assert!(password.len() >= 32 && !password.contains('\n'), "{password:?}: Prometheus' operator takes it as it is");
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

/// What containers are given: with the passwords of the script Prometheus reads, the people on call act, and nobody else
/// gets anything but health.
#[tokio::test]
async fn the_configurations_for_containers_ask_who_it_is() {
    for (file, secrets) in [
        ("deploy/compose/config/snykwatch.yaml", "/run/secrets"),
        ("deploy/kubernetes/overlays/plain/snykwatch.yaml", "/run/secrets/snykwatch"),
    ] {
        let scene = Scene::healthy().await;
        let directory = scene.directory();
        let example = std::fs::read_to_string(project().join(file)).unwrap();
        let here = (secrets, directory.display().to_string());
        let address = ("listen: \"0.0.0.0:9979\"", "listen: \"127.0.0.1:0\"".to_owned());
        scene.write_text(&adapted(example, &scene, &[here, address]));
        // It does not start before there are passwords, and says what is not there.
        let refused = scene.ask_as_it_is(&["run"]).await;
        refused.exits(78);
        refused.says(&["could not read", "web.yaml"]);

        for _ in 0..2 {
            let mut script = tokio::process::Command::new(project().join("deploy/passwords.sh"));
            script.arg(directory).arg(env!("CARGO_BIN_EXE_snykwatch"));
            Finished::of(script).await.exits(0);
        }
        let daemon = scene.run_as_it_is().await;
        eventually("it is ready", async || (daemon.get("/-/ready").await.status == 200).then_some(())).await;
        let (nobody, prometheus) = (String::new(), login(directory, "prometheus"));
        let on_call = login(directory, "on-call");
        for (method, path, headers, status) in [
            ("GET", "/metrics", &nobody, 401),
            ("GET", "/", &nobody, 401),
            ("GET", "/-/ready", &nobody, 200),
            ("GET", "/-/healthy", &nobody, 200),
            ("GET", "/metrics", &prometheus, 200),
            ("POST", "/-/reload", &prometheus, 403),
            ("GET", "/", &on_call, 200),
            ("POST", "/-/reload", &on_call, 200),
        ] {
            let page = http::request(daemon.address, method, path, headers).await.unwrap();
            assert_eq!(page.status, status, "{file}: {method} {path}");
        }
        daemon.terminate().await.exits(0);
    }
}

#[test]
fn what_is_deployed_is_this_version_built_by_our_compiler() {
    let read = |file: &str| std::fs::read_to_string(project().join(file)).unwrap();
    let toolchain = read("rust-toolchain.toml");
    let compiler = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
    assert!(read("deploy/docker/Dockerfile").contains(&format!("FROM rust:{compiler}-alpine AS build\n")));
    let image = concat!("snykwatch:", env!("CARGO_PKG_VERSION"));
    for file in [
        "deploy/docker/Dockerfile",
        "deploy/compose/compose.yaml",
        "deploy/kubernetes/base/stateful-set.yaml",
        "deploy/passwords.sh",
        "docs/install.md",
    ] {
        let text = read(file);
        let named = text.match_indices("snykwatch:0").map(|(at, _)| &text[at..]);
        assert!(named.clone().count() > 0 && named.clone().all(|tag| tag.starts_with(image)), "{file}");
    }
    let overlay = read("deploy/kubernetes/overlays/plain/kustomization.yaml");
    assert!(overlay.contains(concat!("newTag: ", env!("CARGO_PKG_VERSION"), " ")), "{overlay}");
}
