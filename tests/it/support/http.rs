//! A client so plain that it cannot hide anything: HTTP/1.0, one request a connection, no redirects.

use std::io::Read as _;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Page {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The body of a compressed answer.
    pub(crate) fn unzipped(&self) -> String {
        assert!(self.head.to_lowercase().contains("content-encoding: gzip"), "{}", self.head);
        let mut text = String::new();
        flate2::read::GzDecoder::new(self.body.as_slice()).read_to_string(&mut text).unwrap();
        text
    }

    /// The value of a series without timestamp, named with its labels as the page writes them.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        let text = self.text();
        let rest = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        rest.map(|value| value.parse().unwrap())
    }
}

/// Sends one request; `None` where nobody answers.
pub(crate) async fn request(address: SocketAddr, method: &str, path: &str, headers: &str) -> Option<Page> {
    let stream = TcpStream::connect(address).await.ok()?;
    let head = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n");
    exchange(stream, &head).await
}

/// The same with another Host.
pub(crate) async fn request_as(address: SocketAddr, host: &str, path: &str) -> Option<Page> {
    let stream = TcpStream::connect(address).await.ok()?;
    exchange(stream, &format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")).await
}

/// The same with a body.
pub(crate) async fn put(address: SocketAddr, path: &str, headers: &str, body: &str) -> Option<Page> {
    let stream = TcpStream::connect(address).await.ok()?;
    let length = body.len();
    let head = format!("PUT {path} HTTP/1.0\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    exchange(stream, &head).await
}

/// Sends a request on a connection and reads to its end.
pub(crate) async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Option<Page> {
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Page { status, head, body: answer[end + 4..].to_vec() })
}
