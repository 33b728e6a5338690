use super::*;
use crate::client::http::install_tls_provider;
use crate::client::testing::{AUTHORITY, BOMB, Play, RawServer};

fn options() -> HttpOptions {
    HttpOptions {
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(20),
        ..HttpOptions::default()
    }
}

fn impatient() -> HttpOptions {
    HttpOptions { request_timeout: Duration::from_millis(1500), ..options() }
}

async fn post(options: &HttpOptions, url: &str) -> Result<PostAnswer, PostFailure> {
    install_tls_provider();
    let headers = vec![("authorization", SecretString::from("Bearer hunter2"))];
    let content_type = "application/json";
    let post = Post { url: url.into(), headers, content_type, body: b"{}".to_vec() };
    PostClient::build(options).unwrap().post(post).await
}

fn head(status: &str, more: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n{more}\r\n").into_bytes()
}

fn with(head: Vec<u8>, body: &[u8]) -> Vec<u8> {
    [head, body.to_vec()].concat()
}

#[tokio::test]
async fn a_status_is_an_answer_whatever_its_body() {
    let check = async |options: &HttpOptions, play: Play, status: u16, length: usize| {
        let server = RawServer::start(play);
        let answer = post(options, server.url("http", "/hook").as_str()).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (status, length));
    };
    let (options, ok) = (options(), "200 OK");
    check(&options, Play::Send(with(head(ok, "Content-Length: 2\r\n"), b"ok")), 200, 2).await;
    check(&options, Play::Send(with(head("503 Busy", "Content-Length: 4\r\n"), b"busy")), 503, 4).await;
    // Cut off.
    check(&options, Play::Send(with(head(ok, "Content-Length: 100\r\n"), b"o")), 200, 1).await;
    // Oversized.
    check(&options, Play::Send(with(head(ok, ""), &vec![b'x'; 10 * ANSWER_LIMIT])), 200, ANSWER_LIMIT).await;
    // A bomb.
    let gzip = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", BOMB.len());
    check(&options, Play::Send(with(head(ok, &gzip), BOMB)), 200, ANSWER_LIMIT).await;
    let corrupt = head(ok, "Content-Encoding: gzip\r\nContent-Length: 4\r\n");
    check(&options, Play::Send(with(corrupt, b"{\"a\"")), 200, 0).await;
    // Never ending: what came in time is enough.
    check(&impatient(), Play::SendAndHang(with(head(ok, "Content-Length: 100\r\n"), b"ok")), 200, 2).await;
    let endless = RawServer::start(Play::Trickle(head(ok, "Content-Length: 60000\r\n")));
    let answer = post(&impatient(), endless.url("http", "/hook").as_str()).await.unwrap();
    assert!(answer.status == 200 && answer.body.len() < ANSWER_LIMIT, "{}", answer.body.len());
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = RawServer::start(Play::Send(head("200 OK", "Content-Length: 0\r\n")));
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("Location: {}\r\nContent-Length: 0\r\n", elsewhere.url("http", "/"));
        let server = RawServer::start(Play::Send(head(status, &location)));
        let answer = post(&options(), server.url("http", "/hook").as_str()).await.unwrap();
        assert_eq!(answer.status.to_string(), status[..3]);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn without_an_answer_it_may_have_been_received() {
    let check = async |options: &HttpOptions, play: Play, reason: FailureReason| {
        let server = RawServer::start(play);
        let failure = post(options, server.url("http", "/secret-path").as_str()).await.unwrap_err();
        assert_eq!((failure.failure.reason, failure.reach), (reason, Reach::Unclear), "{failure:?}");
        assert!(!failure.failure.detail.contains("secret-path"), "{failure:?}");
        assert_eq!(server.connections(), 1, "it is never sent twice by itself");
    };
    check(&options(), Play::Reset, FailureReason::Connection).await;
    check(&options(), Play::Send(Vec::new()), FailureReason::Connection).await;
    check(&options(), Play::Send(b"220 mail.example.com ESMTP\r\n".to_vec()), FailureReason::Connection).await;
    let impatient = impatient();
    tokio::join!(
        check(&impatient, Play::SendAndHang(Vec::new()), FailureReason::Timeout),
        check(&impatient, Play::SendAndHang(b"HTTP/1.1 200".to_vec()), FailureReason::Timeout),
        check(&impatient, Play::Trickle(b"HTTP/1.1 200 OK\r\nX-Slow: ".to_vec()), FailureReason::Timeout),
    );
}

#[tokio::test]
async fn what_was_never_sent_was_not_received() {
    let check = async |url: &str, reason: FailureReason, detail: &str| {
        let failure = post(&options(), url).await.unwrap_err();
        assert_eq!((failure.failure.reason, failure.reach), (reason, Reach::NotReceived), "{failure:?}");
        assert!(failure.failure.detail.contains(detail), "{failure:?}");
    };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    check(&format!("http://127.0.0.1:{port}/"), FailureReason::Connection, "refused").await;
    check("http://hooks.snykwatch.invalid/", FailureReason::Address, "could not look the name up").await;
    check("hooks.example.com", FailureReason::Address, "the address is none").await;
    check("ftp://hooks.example.com/", FailureReason::Address, "neither https nor http").await;
    check("http://169.254.169.254/latest", FailureReason::Address, "an address we never post to").await;
    check("http://0xa9fea9fe/latest", FailureReason::Address, "169.254.169.254").await;
    check("http://[fe80::1]/", FailureReason::Address, "fe80::1").await;
    check("http://[::ffff:169.254.169.254]/", FailureReason::Address, "an address we never post to").await;
    check("http://0.0.0.0/", FailureReason::Address, "an address we never post to").await;
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let answer = with(head("200 OK", "Content-Length: 2\r\n"), b"ok");
    let server = RawServer::start(Play::Tls(answer));
    let url = server.url("https", "/hook");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), AUTHORITY).unwrap();
    let trusting = HttpOptions { ca_file: Some(file.path().to_owned()), ..options() };
    assert_eq!(post(&trusting, url.as_str()).await.unwrap().body, "ok");

    let failure = post(&options(), url.as_str()).await.unwrap_err();
    assert_eq!((failure.failure.reason, failure.reach), (FailureReason::Tls, Reach::NotReceived), "{failure:?}");
    let plain = RawServer::start(Play::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()));
    let failure = post(&trusting, plain.url("https", "/hook").as_str()).await.unwrap_err();
    assert_eq!(failure.reach, Reach::NotReceived, "{failure:?}");
}

#[tokio::test]
async fn the_receiver_says_how_long_to_wait() {
    let check = async |headers: &str, seconds: Option<u64>| {
        let headers = format!("{headers}Content-Length: 0\r\n");
        let server = RawServer::start(Play::Send(head("429 Too Many Requests", &headers)));
        let answer = post(&options(), server.url("http", "/hook").as_str()).await.unwrap();
        assert_eq!(answer.retry_after, seconds.map(Duration::from_secs), "{headers}");
    };
    let date = "Date: Mon, 23 Nov 2026 09:00:00 GMT\r\n";
    check("", None).await;
    check("Retry-After: 30\r\n", Some(30)).await;
    check("Retry-After: soon\r\n", None).await;
    check("Retry-After: -5\r\n", None).await;
    check(&format!("{date}Retry-After: Mon, 23 Nov 2026 09:02:00 GMT\r\n"), Some(120)).await;
    check(&format!("{date}Retry-After: Mon, 23 Nov 2026 08:02:00 GMT\r\n"), Some(0)).await;
    check("Retry-After: Mon, 23 Nov 2026 09:02:00 GMT\r\n", Some(0)).await;
}

/// Leads every name to the metadata service, as whoever owns a name can.
struct Misleading;

impl Resolve for Misleading {
    fn resolve(&self, _name: Name) -> Resolving {
        let found = std::iter::once(SocketAddr::from(([169, 254, 169, 254], 0)));
        Box::pin(async { Ok(Box::new(allowed(found)?) as Addrs) })
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_forbidden_address_is_refused() {
    install_tls_provider();
    let client = PostClient { http: post_client(&options(), Arc::new(Misleading)).unwrap() };
    let url = "http://hooks.example.com/".into();
    let failure = client.post(Post { url, headers: Vec::new(), content_type: "text/plain", body: Vec::new() }).await;
    let failure = failure.unwrap_err();
    assert_eq!((failure.failure.reason, failure.reach), (FailureReason::Address, Reach::NotReceived));
    assert_eq!(failure.failure.detail, "the name leads only to addresses we never post to");

    let found: Vec<SocketAddr> =
        ["169.254.169.254:0", "127.0.0.1:0", "[fe80::1]:0"].map(|text| text.parse().unwrap()).into();
    let kept: Vec<_> = allowed(found.clone().into_iter()).unwrap().map(|address| address.ip()).collect();
    assert_eq!(kept, [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    assert!(allowed(found[..1].iter().copied()).is_err());
}

#[test]
fn forbidden_are_addresses_of_this_link_of_metadata_of_nobody_and_of_everybody() {
    let check = |address: &str, expected: bool| {
        assert_eq!(is_forbidden(address.parse().unwrap()), expected, "{address}");
    };
    for address in [
        "169.254.0.1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "0.0.0.0",
        "::",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
    ] {
        check(address, true);
    }
    for address in ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "203.0.113.9", "2001:db8::1", "64:ff9b::cb00:7109"] {
        check(address, false);
    }
}

#[test]
fn secrets_are_not_shown() {
    let post = Post {
        url: "https://hooks.example.com/secret-path".into(),
        headers: vec![("authorization", "Bearer hunter2".into())],
        content_type: "text/plain",
        body: Vec::new(),
    };
    let shown = format!("{post:?}");
    assert!(!shown.contains("secret-path") && !shown.contains("hunter2"), "{shown}");
}
