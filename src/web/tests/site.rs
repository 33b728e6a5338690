//! A real listener on loopback and a plain client for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::clock::{Clock, Pace};
use crate::metrics::{BuildInfo, Exporter, Options, OwnMetrics};
use crate::snapshot::{SnapshotPublisher, sample};
use crate::web::{
    Access, AccessHandle, HostGuard, OperatorHandle, OperatorRequest, ReloadHandle, ReloadRequest, WebState, serve,
};

/// Nothing here may take so long; a test that waits for this long fails.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// The HTTP side on a loopback port, and the daemon's ends of it.
pub(super) struct Site {
    pub(super) address: SocketAddr,
    pub(super) publisher: SnapshotPublisher,
    pub(super) exporter: Arc<Exporter>,
    pub(super) reloads: mpsc::Receiver<ReloadRequest>,
    pub(super) operator: mpsc::Receiver<OperatorRequest>,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) server: JoinHandle<()>,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl Site {
    pub(super) async fn start() -> Self {
        let (publisher, snapshots) = SnapshotPublisher::new(sample::own());
        let build = BuildInfo { version: "0.1.0", revision: "abc", rustc: "1.95.0" };
        let exporter = Arc::new(Exporter::new(OwnMetrics::new(build, &["timeout"]).unwrap(), Options::default()));
        let (reload, reloads) = ReloadHandle::new();
        let (operator_handle, operator) = OperatorHandle::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let web = WebState {
            snapshots,
            exporter: Arc::clone(&exporter),
            reload,
            operator: operator_handle,
            clock: Clock::scaled(sample::now(), Pace::Immediate),
            guard: HostGuard::new(address, ["Snykwatch.Example.com".to_owned()]),
            access: AccessHandle::new(Access::new(None, true, BTreeSet::new()).unwrap()),
            log: None,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, None, web, async {
            let _ = stopped.await;
        }));
        Self { address, publisher, exporter, reloads, operator, stop, server }
    }

    /// A site with the rich sample.
    pub(super) async fn with_sample() -> Self {
        let mut site = Self::start().await;
        let state = sample::told_state();
        sample::with_telling(|telling| {
            site.publisher.publish(&sample::fleet(), &state, Some(telling), sample::now());
        });
        site
    }

    pub(super) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let host = self.address.to_string();
        let host = if headers.iter().any(|(name, _)| *name == "host") { None } else { Some(("host", host.as_str())) };
        let headers = headers.iter().copied().chain(host).map(|(name, value)| format!("{name}: {value}\r\n"));
        let headers: String = headers.collect();
        self.send(format!("{method} {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n").as_bytes()).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    pub(super) async fn send(&self, request: &[u8]) -> Answer {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            answer
        };
        parse(&tokio::time::timeout(DEADLINE, exchange).await.unwrap())
    }
}

fn parse(answer: &[u8]) -> Answer {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers: BTreeMap<_, _> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut body = answer[end + 4..].to_vec();
    if headers.get("transfer-encoding").is_some_and(|encoding| encoding == "chunked") {
        body = dechunked(&body);
    }
    Answer { status, headers, body }
}

fn dechunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        whole.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
    whole
}
