use url::Url;

use super::*;
use crate::client::allowed::HostRole;
use crate::client::answer::FailureLayer;
use crate::client::testing::{AUTHORITY, BOMB, Play, RawServer};

const LIMIT: usize = 64 * 1024;

fn options() -> HttpOptions {
    HttpOptions {
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(20),
        body_limit: LIMIT,
        ..HttpOptions::default()
    }
}

fn impatient() -> HttpOptions {
    HttpOptions { request_timeout: Duration::from_millis(1500), ..options() }
}

async fn get(http: &HttpClient, base: &Url, path: &str) -> Result<RawAnswer, Failure> {
    let target = http.target(HostRole::SnykRest, base).unwrap();
    let url = target.url(path.split('/').filter(|segment| !segment.is_empty()));
    let authorization = Some(HeaderValue::from_static("token hunter2"));
    let request = HttpRequest { verb: Verb::Get, url, accept: "application/json", authorization, body: None };
    http.send(&target, request).await
}

fn head(more: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{more}\r\n").into_bytes()
}

#[tokio::test]
async fn each_kind_of_lying_server_is_told_apart() {
    async fn check(options: &HttpOptions, play: Play, expected: FailureClass) {
        let server = RawServer::start(play);
        let http = HttpClient::build(options).unwrap();
        let failure = get(&http, &server.url("http", "/rest"), "self").await.unwrap_err();
        assert_eq!(failure.class, expected, "{failure}");
        assert!(failure.detail.contains("localhost"), "{failure}");
    }
    let chunk = |body: &str| [head("Transfer-Encoding: chunked\r\n"), body.as_bytes().to_vec()].concat();
    let gzipped =
        [head(&format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", BOMB.len())), BOMB.to_vec()].concat();
    let corrupt = [head("Content-Encoding: gzip\r\nContent-Length: 4\r\n"), b"{\"a\"".to_vec()].concat();
    let short = [head("Content-Length: 100\r\n"), b"{\"data\":".to_vec()].concat();
    let endless = head("Content-Length: 60000\r\n");
    let timeout = |phase| FailureClass::Timeout { phase };

    check(&options(), Play::Send(short), FailureClass::Truncated).await;
    check(&options(), Play::Send(chunk("8\r\n{\"data\":\r\n")), FailureClass::Truncated).await;
    check(&options(), Play::Send(Vec::new()), FailureClass::Network).await;
    check(&options(), Play::Send(b"220 mail.example.com ESMTP\r\n".to_vec()), FailureClass::Network).await;
    check(&options(), Play::Reset, FailureClass::Network).await;
    check(&options(), Play::Trickle(head("Content-Length: 10000000000\r\n")), FailureClass::Oversized { limit: LIMIT })
        .await;
    check(&options(), Play::Send([head(""), vec![b' '; LIMIT + 1]].concat()), FailureClass::Oversized { limit: LIMIT })
        .await;
    check(&options(), Play::Send(gzipped), FailureClass::Oversized { limit: LIMIT }).await;
    check(&options(), Play::Send(corrupt), FailureClass::UnexpectedBody).await;
    // Side by side, because each waits for its time to run out.
    let impatient = impatient();
    tokio::join!(
        check(&impatient, Play::SendAndHang(Vec::new()), timeout(TimeoutPhase::Answer)),
        check(&impatient, Play::SendAndHang(head("Content-Length: 9\r\n")), timeout(TimeoutPhase::Body)),
        check(&impatient, Play::Trickle(endless), timeout(TimeoutPhase::Body)),
    );
}

#[tokio::test]
async fn an_error_status_survives_a_body_that_does_not() {
    let broken = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\n{\"err".to_vec();
    let server = RawServer::start(Play::Send(broken));
    let http = HttpClient::build(&options()).unwrap();
    let raw = get(&http, &server.url("http", "/rest"), "self").await.unwrap();
    assert_eq!((raw.status, raw.body.as_slice()), (401, b"{\"err".as_slice()));
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_no_outage() {
    let server = RawServer::start(Play::SendAndLeave([head("Content-Length: 2\r\n"), b"{}".to_vec()].concat()));
    let http = HttpClient::build(&options()).unwrap();
    for round in 0..3 {
        let raw = get(&http, &server.url("http", "/rest"), "self").await;
        assert_eq!(raw.map(|raw| raw.status), Ok(200), "round {round}");
    }
    assert_eq!(server.connections(), 3);
    // Once, not for ever.
    let server = RawServer::start(Play::Send(Vec::new()));
    let failure = get(&http, &server.url("http", "/rest"), "self").await.unwrap_err();
    assert_eq!((failure.class, server.connections()), (FailureClass::Network, 2));
}

#[tokio::test]
async fn nobody_listening_is_a_refused_connection() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let http = HttpClient::build(&options()).unwrap();
    let base = format!("http://127.0.0.1:{port}/rest").parse().unwrap();
    let failure = get(&http, &base, "self").await.unwrap_err();
    assert_eq!(failure.class, FailureClass::ConnectionRefused);
    assert_eq!(failure.detail, "127.0.0.1 refused the connection");
    assert_eq!(failure.layer(), FailureLayer::Network);
}

#[tokio::test]
async fn what_is_not_on_the_list_never_leaves() {
    let server = RawServer::start(Play::Send(head("Content-Length: 2\r\n")));
    let http = HttpClient::build(&options()).unwrap();
    let base = server.url("http", "/rest");
    let failure = get(&http, &base, "orgs/1/projects/2").await.unwrap_err();
    assert_eq!((failure.class.clone(), failure.layer()), (FailureClass::Refused, FailureLayer::Ours));
    assert_eq!(failure.detail, "Get /rest/orgs/1/projects/2 is not on the list of allowed requests");

    let target = http.target(HostRole::SnykRest, &base).unwrap();
    for elsewhere in ["http://127.0.0.1:1/rest/self", "http://localhost:1/self", "https://example.com/rest/self"] {
        let url = elsewhere.parse().unwrap();
        let request = HttpRequest { verb: Verb::Get, url, accept: "*/*", authorization: None, body: None };
        assert_eq!(http.send(&target, request).await.unwrap_err().class, FailureClass::Refused, "{elsewhere}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_apart() {
    let http = with_test_authority(&options());
    // `.invalid` is reserved and never resolves.
    let base = "https://api.snykwatch.invalid/rest".parse().unwrap();
    let failure = get(&http, &base, "self").await.unwrap_err();
    assert_eq!((failure.class.clone(), failure.layer()), (FailureClass::Dns, FailureLayer::Dns));
    assert!(failure.detail.starts_with("could not look up api.snykwatch.invalid"), "{failure}");
}

fn with_test_authority(options: &HttpOptions) -> HttpClient {
    use rustls::pki_types::pem::PemObject as _;
    let authority = rustls::pki_types::CertificateDer::from_pem_slice(AUTHORITY).unwrap();
    HttpClient::build_with(options, vec![authority]).unwrap()
}

#[tokio::test]
async fn an_untrusted_certificate_names_its_issuer() {
    let ok = [head("Content-Length: 2\r\n"), b"{}".to_vec()].concat();
    let server = RawServer::start(Play::Tls(ok));
    let base = server.url("https", "/rest");
    let raw = get(&with_test_authority(&options()), &base, "self").await.unwrap();
    assert_eq!(raw.status, 200);

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), AUTHORITY).unwrap();
    let with_file = HttpOptions { ca_file: Some(file.path().to_owned()), ..options() };
    let trusting = HttpClient::build_with(&with_file, Vec::new()).unwrap();
    assert_eq!(get(&trusting, &base, "self").await.unwrap().status, 200);

    let system_only = HttpClient::build(&options()).unwrap();
    if !system_only.has_authorities() {
        println!("skipped: this system has no certificate authorities");
        return;
    }
    let failure = get(&system_only, &base, "self").await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Tls { issuer: Some("Acme Inspection CA (Acme)".to_owned()) });
    assert_eq!(failure.layer(), FailureLayer::Tls);
    let expected = "no trusted connection to localhost, its certificate was issued by Acme Inspection CA (Acme): invalid peer \
                    certificate: UnknownIssuer";
    assert_eq!(failure.detail, expected);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_a_tls_failure() {
    let server = RawServer::start(Play::Greet(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()));
    let failure = get(&with_test_authority(&options()), &server.url("https", "/rest"), "self").await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Tls { issuer: None }, "{failure}");
}

#[tokio::test]
async fn a_proxy_that_does_not_connect_is_the_proxys_failure() {
    async fn check(proxy: &Url, said: &str) {
        let options = HttpOptions { proxy: Some(proxy.clone()), ..options() };
        let http = with_test_authority(&options);
        let base = "https://api.snykwatch.invalid/rest".parse().unwrap();
        let failure = get(&http, &base, "self").await.unwrap_err();
        assert_eq!((failure.class.clone(), failure.layer()), (FailureClass::Proxy, FailureLayer::Proxy), "{failure}");
        assert!(failure.detail.contains(said), "{failure}");
        assert!(!format!("{failure:?} {http:?} {options:?}").contains("hunter2"), "{failure:?}");
    }
    let denied = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n".to_vec();
    let broken = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n".to_vec();
    let blocked = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\nBlocked".to_vec();
    // A wrong login is not tried twice; for any other status the proxy is asked once more.
    for (play, said, asked) in [
        (Play::Send(denied), "it answered 407: it wants a login", 1),
        (Play::Send(broken), "it answered 502: it does not reach the host itself", 2),
        (Play::Send(blocked), "it answered 403: it does not allow this host", 2),
        (Play::Reset, "the proxy did not connect us to api.snykwatch.invalid", 1),
    ] {
        let server = RawServer::start(play);
        check(&format!("http://me:hunter2@127.0.0.1:{}", server.address.port()).parse().unwrap(), said).await;
        assert_eq!(server.connections(), asked, "{said}");
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    check(&format!("http://127.0.0.1:{port}").parse().unwrap(), "the proxy did not connect us").await;
    check(&"http://proxy.snykwatch.invalid:3128".parse().unwrap(), "the proxy did not connect us").await;

    // Loopback is reached directly, proxy or not.
    let ok = [head("Content-Length: 2\r\n"), b"{}".to_vec()].concat();
    let server = RawServer::start(Play::Send(ok));
    let options = HttpOptions { proxy: Some("http://proxy.snykwatch.invalid:3128".parse().unwrap()), ..options() };
    let http = HttpClient::build(&options).unwrap();
    assert_eq!(get(&http, &server.url("http", "/rest"), "self").await.unwrap().status, 200);
}

#[tokio::test]
async fn an_intercepting_proxy_is_a_tls_failure_that_names_it() {
    let proxy = RawServer::start(Play::Intercept);
    let options = HttpOptions { proxy: Some(proxy.url("http", "/")), ..options() };
    let base = "https://api.snykwatch.invalid/rest".parse().unwrap();
    let failure = get(&with_test_authority(&options), &base, "self").await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Tls { issuer: Some("Acme Inspection CA (Acme)".to_owned()) }, "{failure}");
}

#[tokio::test]
async fn redirects_are_answers() {
    let redirect = b"HTTP/1.1 302 Found\r\nLocation: https://login.example.com/x\r\nContent-Length: 0\r\n\r\n".to_vec();
    let server = RawServer::start(Play::Send(redirect));
    let http = HttpClient::build(&options()).unwrap();
    assert_eq!(get(&http, &server.url("http", "/rest"), "self").await.unwrap().status, 302);
    assert_eq!(server.connections(), 1);
}

/// Runs itself once more in a process without system certificates: the environment cannot be changed within one.
#[test]
fn without_authorities_a_secure_target_says_what_to_install() {
    install_tls_provider();
    install_tls_provider();
    if std::env::var_os("SSL_CERT_FILE").is_none_or(|file| file != "/dev/null") {
        let name = "client::http::tests::without_authorities_a_secure_target_says_what_to_install";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", name, "--nocapture"]).env("SSL_CERT_FILE", "/dev/null").env_remove("SSL_CERT_DIR");
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let http = HttpClient::build(&options()).unwrap();
    let error = http.target(HostRole::SnykRest, &"https://api.snyk.io/rest".parse().unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no certificate authority is known, so api.snyk.io cannot be reached securely: install the package \
         `ca-certificates`, or set `ca_file`"
    );
    assert!(http.target(HostRole::SnykRest, &"http://127.0.0.1:1/rest".parse().unwrap()).is_ok());
}

#[test]
fn a_ca_file_must_hold_a_certificate() {
    let check = |content: Option<&[u8]>, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let options = HttpOptions { ca_file: Some(path.clone()), ..options() };
        let error = HttpClient::build(&options).unwrap_err().to_string();
        assert_eq!(error.replace(&path.display().to_string(), "ca.pem"), expected);
    };
    check(None, "could not read the CA file ca.pem");
    check(Some(b"not PEM"), "the CA file ca.pem holds no usable PEM certificate");
    check(
        Some(b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"),
        "the CA file ca.pem holds no usable PEM certificate",
    );
}
