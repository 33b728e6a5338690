//! What a proxy answers that opens no tunnel. The HTTP library keeps the status to itself, so that the proxy is asked for
//! the tunnel once more: none of our secrets goes there, but the proxy's own login.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

/// Longer than any status line that is read.
const STATUS_LINE: usize = 32;

/// The status with which `proxy` refuses a tunnel to `target`; `None` where it opens one by now, says nothing of the kind or
/// is itself reached by TLS.
pub(super) async fn status(proxy: &Url, target: &Url, patience: Duration) -> Option<u16> {
    if proxy.scheme() != "http" {
        return None;
    }
    let line = timeout(patience, ask(proxy, target)).await.ok()?.ok()?;
    status_of(&line).filter(|status| !(200..300).contains(status))
}

async fn ask(proxy: &Url, target: &Url) -> io::Result<Vec<u8>> {
    let unusable = || io::Error::from(io::ErrorKind::InvalidInput);
    let (host, port) = proxy.host_str().zip(proxy.port_or_known_default()).ok_or_else(unusable)?;
    let (to, to_port) = target.host_str().zip(target.port_or_known_default()).ok_or_else(unusable)?;
    let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let login = login(proxy).map(|login| format!("Proxy-Authorization: Basic {login}\r\n")).unwrap_or_default();
    let request = format!("CONNECT {to}:{to_port} HTTP/1.1\r\nHost: {to}:{to_port}\r\n{login}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = Vec::new();
    while line.len() < STATUS_LINE && !line.contains(&b'\r') {
        if stream.read_buf(&mut line).await? == 0 {
            break;
        }
    }
    Ok(line)
}

fn login(proxy: &Url) -> Option<String> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let password = proxy.password().unwrap_or_default();
    let is_given = !proxy.username().is_empty() || !password.is_empty();
    is_given.then(|| STANDARD.encode(format!("{}:{}", decoded(proxy.username()), decoded(password))))
}

fn status_of(line: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(line.get(..line.len().min(STATUS_LINE))?).ok()?;
    let code = text.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    code.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_read_and_nothing_else() {
        for (line, status) in [
            ("HTTP/1.1 403 Forbidden\r\nContent", Some(403)),
            ("HTTP/1.0 502\r\n", Some(502)),
            ("HTTP/1.1 40", None),
            ("HTTP/2 403 Forbidden", None),
            ("<html>403 Forbidden", None),
            ("", None),
        ] {
            assert_eq!(status_of(line.as_bytes()), status, "{line}");
        }
        assert_eq!(status_of(b"HTTP/1.1 \xff\xff\xff no"), None);
    }

    #[test]
    fn the_login_of_the_proxy_is_decoded_before_it_is_encoded() {
        let login_of = |url: &str| login(&url.parse().unwrap());
        assert_eq!(login_of("http://proxy.example.com:3128"), None);
        assert_eq!(login_of("http://me:hunt%40er2@proxy.example.com"), Some(STANDARD.encode("me:hunt@er2")));
    }
}
