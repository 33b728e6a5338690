//! Debian's own Alertmanager as a program, with a webhook behind it that keeps what it is told.

use std::net::SocketAddr;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{eventually, free_address, skip, start};

/// Its name in Debian, and that of the project's own releases.
const PROGRAMS: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];

pub(crate) fn program() -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<_> = std::env::split_paths(&path).collect();
    let is_there = |program: &&str| directories.iter().any(|directory| directory.join(program).is_file());
    let found = PROGRAMS.into_iter().find(is_there);
    if found.is_none() {
        skip("prometheus-alertmanager");
    }
    found
}

/// A webhook that Alertmanager notifies.
pub(crate) struct Webhook(MockServer);

impl Webhook {
    async fn start() -> Self {
        let server = MockServer::start().await;
        Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
        Self(server)
    }

    /// What was told so far: each alert with its status, in the order of notifications.
    pub(crate) async fn told(&self) -> Vec<Value> {
        let requests = self.0.received_requests().await.unwrap();
        let bodies = requests.iter().map(|request| serde_json::from_slice::<Value>(&request.body).unwrap());
        bodies.flat_map(|body| body["alerts"].as_array().unwrap().clone()).collect()
    }
}

/// An Alertmanager with nothing in its storage.
pub(crate) struct Alertmanager {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) webhook: Webhook,
    _directory: TempDir,
}

impl Alertmanager {
    pub(crate) async fn start(program: &str) -> Self {
        Self::start_at(program, free_address().await).await
    }

    pub(crate) async fn start_at(program: &str, address: SocketAddr) -> Self {
        let webhook = Webhook::start().await;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("alertmanager.yml");
        let configuration = format!(
            "route:
  receiver: snykwatch
  group_by: ['...']
  group_wait: 100ms
  group_interval: 200ms
  repeat_interval: 4h
receivers:
  - name: snykwatch
    webhook_configs: [{{ url: \"{}\", send_resolved: true }}]
",
            webhook.0.uri()
        );
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new(program);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.path={}", directory.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        // No cluster: each peer of these tests is alone, so that nothing is gossiped.
        command.arg("--cluster.listen-address=");
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut alertmanager = Self { child: start(command), address, webhook, _directory: directory };
        alertmanager.until_ready().await;
        alertmanager
    }

    async fn until_ready(&mut self) {
        eventually("Alertmanager is ready", async || {
            assert!(self.child.try_wait().unwrap().is_none(), "Alertmanager ended");
            get(self.address, "/-/ready").await.map(|_| ())
        })
        .await;
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// The body of a page that is answered with 200.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Option<String> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let head = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).filter(|status| *status == "200").map(|_| body.to_owned())
}
