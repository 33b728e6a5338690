//! Debian's own Prometheus and Alertmanager with the files that we ship, and the webhook behind them.
//!
//! What is changed in the shipped files, because people wait for minutes and tests do not: `keep_firing_for` of five minutes,
//! Alertmanager's waits, and the receivers' addresses. Everything else is loaded as it is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::Instant;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::process::Process;
use crate::support::{eventually, file, http, list, text};

/// Replaces what must be there.
fn replaced(shipped: &str, from: &str, to: &str) -> String {
    assert!(shipped.contains(from), "`{from}` is not in the shipped file any more");
    shipped.replace(from, to)
}

async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// An alert as a receiver was told of it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) after: f64,
    pub(crate) receiver: String,
    pub(crate) status: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: Value,
}

impl Told {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The alert, its severity and its status, as one word each.
    pub(crate) fn words(&self) -> String {
        format!("{} {} {} at {}", self.label("alertname"), self.label("severity"), self.status, self.receiver)
    }
}

/// The end of the way: every receiver of the shipped file is a path of it.
pub(crate) struct Webhook {
    server: MockServer,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Webhook {
    pub(crate) async fn start(began: Instant) -> Self {
        let told = Arc::<Mutex<Vec<Told>>>::default();
        let server = MockServer::start().await;
        let takes = Arc::clone(&told);
        let respond = move |request: &Request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let receiver = request.url.path().trim_start_matches('/').to_owned();
            takes.lock().unwrap().extend(list(&body, "/alerts").iter().map(|alert| Told {
                after: began.elapsed().as_secs_f64(),
                receiver: receiver.clone(),
                status: text(alert, "/status").to_owned(),
                labels: serde_json::from_value(alert["labels"].clone()).unwrap(),
                annotations: alert["annotations"].clone(),
            }));
            ResponseTemplate::new(200)
        };
        Mock::given(wiremock::matchers::any()).respond_with(respond).mount(&server).await;
        Self { server, told }
    }

    /// What was told so far.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// Waits until this was told.
    pub(crate) async fn until_told(&self, words: &str) -> Told {
        eventually(&format!("{words} is told"), async || self.told().into_iter().find(|told| told.words() == words))
            .await
    }
}

/// Alertmanager with the shipped routes.
pub(crate) struct Alertmanager {
    process: Process,
    address: SocketAddr,
    _directory: TempDir,
}

impl Alertmanager {
    pub(crate) async fn start(program: &str, webhook: &Webhook) -> Self {
        Self::run(program, webhook, &file("deploy/alertmanager/alertmanager.example.yaml")).await
    }

    /// The same, which reminds its receivers this often.
    pub(crate) async fn reminding(program: &str, webhook: &Webhook, every: Duration) -> Self {
        let shipped = file("deploy/alertmanager/alertmanager.example.yaml");
        let every = format!("repeat_interval: {}s", every.as_secs());
        let shipped = replaced(&shipped, "repeat_interval: 12h", &every);
        Self::run(program, webhook, &replaced(&shipped, "repeat_interval: 4h", &every)).await
    }

    async fn run(program: &str, webhook: &Webhook, shipped: &str) -> Self {
        let address = free_address().await;
        let directory = tempfile::tempdir().unwrap();
        let configuration = directory.path().join("alertmanager.yml");
        let shipped = replaced(shipped, "http://127.0.0.1:9980", &webhook.server.uri());
        let shipped = replaced(&shipped, "group_wait: 10s", "group_wait: 100ms");
        let shipped = replaced(&shipped, "group_interval: 5m", "group_interval: 1s");
        std::fs::write(&configuration, shipped).unwrap();
        let mut command = Command::new(program);
        command.arg(format!("--config.file={}", configuration.display()));
        command.arg(format!("--storage.path={}", directory.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        command.arg("--cluster.listen-address=");
        let mut alertmanager = Self { process: Process::start(command), address, _directory: directory };
        eventually("Alertmanager is ready", async || {
            let said = alertmanager.process.stderr.text();
            assert!(alertmanager.process.has_ended().is_none(), "Alertmanager ended:\n{said}");
            http::request(address, "GET", "/-/ready", "").await.filter(|page| page.status == 200)
        })
        .await;
        alertmanager
    }

    /// Asks its API; `None` while nobody answers.
    pub(crate) async fn get(&mut self, path: &str) -> Option<Value> {
        assert!(self.process.has_ended().is_none(), "Alertmanager ended:\n{}", self.process.stderr.text());
        Some(http::request(self.address, "GET", path, "").await?.json())
    }
}

/// Prometheus with the shipped rules; it looks at snykwatch every second.
pub(crate) struct Prometheus {
    process: Process,
    address: SocketAddr,
    _directory: TempDir,
}

/// What Prometheus makes of a query: its series, or why it has none.
pub(crate) type Answer = Result<Vec<BTreeMap<String, String>>, String>;

impl Prometheus {
    pub(crate) async fn scraping(target: SocketAddr, alertmanager: &Alertmanager) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rules = directory.path().join("snykwatch.rules.yaml");
        let shipped = file("deploy/prometheus/snykwatch.rules.yaml");
        std::fs::write(&rules, replaced(&shipped, "keep_firing_for: 5m", "keep_firing_for: 2s")).unwrap();
        let configuration = directory.path().join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [snykwatch.rules.yaml]
alerting:
  alertmanagers:
    - static_configs: [{{ targets: [\"{}\"] }}]
scrape_configs:
  - job_name: snykwatch
    static_configs: [{{ targets: [\"{target}\"] }}]
",
            alertmanager.address
        );
        std::fs::write(&configuration, text).unwrap();
        let address = free_address().await;
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", configuration.display()));
        command.arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        // Resolved alerts are sent on for as long; firing ones as often.
        command.arg("--rules.alert.resend-delay=1s");
        Self { process: Process::start(command), address, _directory: directory }
    }

    /// Asks its API; `None` while nobody answers.
    pub(crate) async fn get(&mut self, path: &str) -> Option<Value> {
        assert!(self.process.has_ended().is_none(), "Prometheus ended:\n{}", self.process.stderr.text());
        Some(http::request(self.address, "GET", path, "").await?.json())
    }

    /// The labels of what an instant query finds.
    pub(crate) async fn ask(&mut self, query: &str) -> Option<Answer> {
        let encoded: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
        let answer = self.get(&format!("/api/v1/query?{encoded}")).await?;
        if answer["status"] != "success" {
            return Some(Err(text(&answer, "/error").to_owned()));
        }
        let series = list(&answer, "/data/result").iter();
        Some(Ok(series.map(|series| serde_json::from_value(series["metric"].clone()).unwrap()).collect()))
    }

    /// Waits until a query finds something.
    pub(crate) async fn until_found(&mut self, query: &str) -> Vec<BTreeMap<String, String>> {
        eventually(query, async || {
            let found = self.ask(query).await?.unwrap_or_else(|error| panic!("{query}: {error}"));
            (!found.is_empty()).then_some(found)
        })
        .await
    }
}
