//! Each fake refuses what the real one refuses, and notices what must never be sent. Asked with raw requests.

mod alertmanager;
mod heartbeat;
mod pagerduty;
mod slack;
mod troubles;
mod webhook;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::{FakeReceiver, Protocol};
use crate::clock::{Clock, Pace};

/// When the tests happen.
fn now() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

const JSON: &str = "content-type: application/json\r\n";

/// A receiver whose clock stands still at [`now`].
async fn standing<P: Protocol>(protocol: P) -> FakeReceiver<P> {
    FakeReceiver::start(Clock::scaled(now(), Pace::Immediate), protocol).await.unwrap()
}

/// A receiver and the clock it lives by.
async fn moving<P: Protocol>(protocol: P) -> (FakeReceiver<P>, Clock) {
    let clock = Clock::scaled(now(), Pace::Immediate);
    (FakeReceiver::start(clock.clone(), protocol).await.unwrap(), clock)
}

/// An answer as it came.
#[derive(Debug)]
struct Got {
    status: u16,
    head: String,
    body: String,
}

/// Sends one request; `None` where the connection was cut without an answer.
async fn send(method: &str, url: &Url, headers: &str, body: &str) -> Option<Got> {
    let address = url.socket_addrs(|| None).unwrap()[0];
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (path, length) = (url.path(), body.len());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    // A server that answers before it has read everything may close early.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut answer = Vec::new();
    // What was answered before a reset counts.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Got { status, head: head.to_lowercase(), body: body.to_owned() })
}

/// Posts JSON to where the receiver is configured.
async fn post<P: Protocol>(receiver: &FakeReceiver<P>, body: &Value) -> Got {
    send("POST", &receiver.url(), JSON, &body.to_string()).await.unwrap()
}

/// What every JSON protocol refuses.
async fn refuses_what_is_no_letter<P: Protocol>(receiver: &FakeReceiver<P>, headers: &str, good: &str) {
    let url = receiver.url();
    let elsewhere = url.join("/elsewhere").unwrap();
    let text = format!("{headers}content-type: text/plain\r\n");
    let json = format!("{headers}{JSON}");
    for (method, url, headers, body, wanted) in [
        ("GET", &url, &json, "", 405),
        ("PUT", &url, &json, good, 405),
        ("POST", &elsewhere, &json, good, 404),
        ("POST", &url, &text, good, 415),
        ("POST", &url, &headers.to_owned(), good, 415),
        ("POST", &url, &json, "{", 400),
        ("POST", &url, &json, "", 400),
    ] {
        let got = send(method, url, headers, body).await.unwrap();
        assert_eq!(got.status, wanted, "{method} {url} {headers:?} {body:?}: {got:?}");
    }
    let huge = format!("\"{}\"", "x".repeat(super::LARGEST_BODY));
    assert_eq!(send("POST", &url, &json, &huge).await.map(|got| got.status), Some(413));
    assert_eq!(receiver.taken().len(), 0);
    assert_eq!(receiver.tally().refusals.len(), 8);
}
