//! Debian's own Prometheus scrapes snykwatch, and promtool has nothing to say.
//!
//! Where they are not installed the tests say that they were skipped, unless `SNYKWATCH_REQUIRE_PEERS=1` asks for them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::access::user;
use crate::support::process::{self, Process};

use crate::support::{Scene, eventually, eventually_within, free_address, http};

/// Whether the program is there. Where it is not, that is said, or fails where it was asked for.
fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|directory| directory.join(program).is_file());
    let is_required = std::env::var_os("SNYKWATCH_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(found || !is_required, "{program} is not installed");
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

/// A Prometheus that scrapes one address every second.
struct Prometheus {
    process: Process,
    address: SocketAddr,
    _directory: TempDir,
}

impl Prometheus {
    async fn scraping(target: SocketAddr) -> Self {
        Self::scraping_with(&target.to_string(), "").await
    }

    /// The same with further keys of the job.
    async fn scraping_with(target: &str, job: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("prometheus.yml");
        let configuration = format!(
            "global: {{ scrape_interval: 1s }}
scrape_configs:
  - job_name: snykwatch
{job}    static_configs: [{{ targets: [\"{target}\"] }}]
"
        );
        std::fs::write(&file, configuration).unwrap();
        let address = free_address().await;
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        Self { process: Process::start(command), address, _directory: directory }
    }

    /// The labels and values of an instant query, once it has an answer.
    async fn until_answered(&mut self, query: &str) -> Vec<(BTreeMap<String, String>, String)> {
        let encoded: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
        let path = format!("/api/v1/query?{encoded}");
        eventually(query, async || {
            assert!(self.process.has_ended().is_none(), "Prometheus ended:\n{}", self.process.stderr.text());
            let page = http::request(self.address, "GET", &path, "").await.filter(|page| page.status == 200)?;
            let series =
                page.json()["data"]["result"].as_array().unwrap().iter().map(labels_and_value).collect::<Vec<_>>();
            (!series.is_empty()).then_some(series)
        })
        .await
    }
}

fn labels_and_value(series: &Value) -> (BTreeMap<String, String>, String) {
    let labels = series["metric"].as_object().unwrap().iter();
    let labels = labels.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    (labels.collect(), series["value"][1].as_str().unwrap().to_owned())
}

/// What `promtool check metrics` says to a page.
async fn promtool_says(page: &[u8]) -> String {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = command.kill_on_drop(true).spawn().unwrap();
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(page).await.unwrap();
    drop(stdin);
    let output = promtool.wait_with_output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    format!("{}{}", String::from_utf8_lossy(&said), if output.status.success() { "" } else { "it failed" })
}

/// Prometheus sees the target up, and exactly one status of each integration.
async fn is_scraped(target: SocketAddr, integrations: usize) {
    let mut prometheus = Prometheus::scraping(target).await;
    prometheus.until_answered(r#"up{job="snykwatch"} == 1"#).await;
    let query = "sum by (integration, level, organization) (snykwatch_integration_status)";
    let statuses = prometheus.until_answered(query).await;
    assert_eq!(statuses.len(), integrations, "{statuses:?}");
    assert!(statuses.iter().all(|(_, value)| value == "1"), "{statuses:?}");
    let connected = prometheus.until_answered(r#"snykwatch_integration_status{status="connected"} == 1"#).await;
    assert_eq!(connected.len(), integrations);
    let scraped = prometheus.until_answered("scrape_samples_post_metric_relabeling").await;
    assert_ne!(scraped[0].1, "0");
}

#[tokio::test]
async fn prometheus_scrapes_the_daemon() {
    if !is_installed("prometheus") || !is_installed("promtool") {
        return;
    }
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration().every("1s")).await;
    daemon.until_group_is("connected").await;
    daemon
        .until_metric(r#"snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="connected"}"#, 2.0)
        .await;
    assert_eq!(promtool_says(&daemon.get("/metrics").await.body).await, "");
    is_scraped(daemon.address, 3).await;
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn prometheus_scrapes_by_tls_with_a_password_and_a_certificate() {
    if !is_installed("prometheus") {
        return;
    }
    let scene = Scene::healthy().await;
    let web = "tls_server_config:
  cert_file: server.pem
  key_file: server-key.pem
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: clients.pem
  client_allowed_sans: [ops.example.com]
  min_version: TLS13
basic_auth_users:
";
    let daemon = scene.run_with_web(&format!("{web}{}", user("prometheus", "scrape"))).await;
    let file = |name: &str| scene.directory().join(name).display().to_string();
    std::fs::write(file("password"), "scrape").unwrap();
    let (password, ca, cert, key) = (file("password"), file("authority.pem"), file("ops.pem"), file("ops-key.pem"));
    let login = format!("    basic_auth: {{ username: prometheus, password_file: {password} }}\n");
    let tls = format!("    scheme: https\n    tls_config: {{ ca_file: {ca}, cert_file: {cert}, key_file: {key} }}\n");
    let target = format!("localhost:{}", daemon.address.port());
    let mut prometheus = Prometheus::scraping_with(&target, &format!("{tls}{login}")).await;
    prometheus.until_answered(r#"up{job="snykwatch"} == 1"#).await;
    prometheus.until_answered("snykwatch_build_info").await;
    let mut stranger = Prometheus::scraping_with(&target, &tls).await;
    stranger.until_answered(r#"up{job="snykwatch"} == 0"#).await;
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn prometheus_scrapes_a_demo() {
    if !is_installed("prometheus") || !is_installed("promtool") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut command = process::snykwatch(directory.path());
    command.args(["demo", "--fast", "--keep-running"]);
    let mut demo = Process::start(command);
    // The whole story of a day and a half: half a minute where nothing else runs.
    let address: SocketAddr = eventually_within(Duration::from_mins(4), "the story is told", async || {
        assert!(demo.has_ended().is_none(), "{}{}", demo.stdout.text(), demo.stderr.text());
        let said = demo.stderr.text();
        let (_, rest) = said.split_once("still running on http://")?;
        Some(rest.split_once('/')?.0.parse().unwrap())
    })
    .await;
    let page = http::request(address, "GET", "/metrics", "").await.unwrap();
    assert_eq!(promtool_says(&page.body).await, "");
    let all = http::request(address, "GET", "/api/v1/integrations", "").await.unwrap().json();
    is_scraped(address, usize::try_from(all["total"].as_u64().unwrap()).unwrap()).await;
}
