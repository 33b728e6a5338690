mod operations;
mod site;

use std::io::Read as _;

use flate2::read::GzDecoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use self::site::{DEADLINE, Site};
use super::*;
use crate::domain::state::State;
use crate::metrics::{BuildInfo, Options, OwnMetrics};
use crate::snapshot::{SnapshotPublisher, sample};

fn gunzipped(body: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(body).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn metrics_are_text_compressed_on_wish_and_without_a_body_for_head() {
    let site = Site::with_sample().await;
    let prefers = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let plain = site.ask("GET", "/metrics", &[("accept", prefers)]).await;
    assert_eq!(plain.status, 200);
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert!(plain.text().contains("\nsnykwatch_integration_status{"));
    assert!(plain.text().contains("\nsnykwatch_build_info{"));

    let gzip = site.ask("GET", "/metrics", &[("accept-encoding", "gzip")]).await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
    assert_eq!(gzip.header("vary"), "accept-encoding");
    assert_eq!(gunzipped(&gzip.body), plain.text(), "one page, encoded once");

    let head = site.ask("HEAD", "/metrics", &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), plain.body.len().to_string());
}

#[tokio::test]
async fn a_page_is_made_once_for_many_scrapes() {
    let mut site = Site::with_sample().await;
    let first = site.get("/metrics").await.text();
    site.exporter.own().on_panic();
    site.publisher.publish(&sample::fleet(), &State::default(), None, sample::now());
    let began = Instant::now();
    let second = site.get("/metrics").await.text();
    // On a machine that slept for seconds in between, a new page is right.
    assert!(first == second || began.elapsed() > Duration::from_secs(4), "encoded twice at once");
    let renewed = async {
        while !site.get("/metrics").await.text().contains("\nsnykwatch_panics_total 1") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(DEADLINE, renewed).await.unwrap();
}

#[tokio::test]
async fn before_the_first_snapshot_there_is_own_health_and_no_claim() {
    let site = Site::start().await;
    let metrics = site.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.text().contains("snykwatch_build_info") && !metrics.text().contains("integration_status"));
    let api = site.get("/api/v1/integrations").await;
    assert_eq!((api.status, api.header("content-type")), (503, "application/problem+json"));
    assert_eq!(site.get("/").await.status, 200);
}

#[tokio::test]
async fn it_is_ready_when_the_first_snapshot_is_published() {
    let mut site = Site::start().await;
    let mut told = Vec::new();
    let answer = site.get("/-/ready").await;
    told.push(format!("{} {}", answer.status, answer.text().trim()));
    site.publisher.publish(&sample::fleet(), &sample::state(), None, sample::now());
    let answer = site.get("/-/ready").await;
    told.push(format!("{} {}", answer.status, answer.text().trim()));
    insta::assert_snapshot!(told.join("\n"), @r"
    503 The first snapshot is not published yet.
    200 Ready.
    ");
}

/// Paused time and real sockets do not go together, so the handler is asked directly.
#[tokio::test(start_paused = true)]
async fn it_is_healthy_while_snapshots_come() {
    let (mut publisher, snapshots) = SnapshotPublisher::new(sample::own());
    let build = BuildInfo { version: "0.1.0", revision: "abc", rustc: "1.95.0" };
    let access = AccessHandle::new(Access::new(None, true, std::collections::BTreeSet::new()).unwrap());
    let shared = Shared::new(WebState {
        access,
        snapshots,
        exporter: Arc::new(Exporter::new(OwnMetrics::new(build, &[]).unwrap(), Options::default())),
        reload: ReloadHandle::new().0,
        operator: OperatorHandle::new().0,
        clock: Clock::system(),
        guard: HostGuard::new(([127, 0, 0, 1], 0).into(), []),
        log: None,
    });
    let status = async || lifecycle::healthy(axum::extract::State(Arc::clone(&shared))).await.status().as_u16();
    let almost = lifecycle::SNAPSHOT_MAX_AGE.saturating_sub(Duration::from_secs(1));
    tokio::time::advance(almost).await;
    assert_eq!(status().await, 200, "the first snapshot is not overdue yet");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(status().await, 503);
    publisher.publish(&sample::fleet(), &sample::state(), None, sample::now());
    tokio::time::advance(almost).await;
    assert_eq!(status().await, 200);
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(status().await, 503);
}

#[tokio::test]
async fn a_reload_is_asked_for_and_answered() {
    let mut site = Site::with_sample().await;
    for (outcome, status, said) in [
        (ReloadOutcome::Applied("Nothing changed.".to_owned()), 200, "Nothing changed.\n"),
        (
            ReloadOutcome::Rejected("snykwatch.yaml:3:5: unknown key".to_owned()),
            400,
            "snykwatch.yaml:3:5: unknown key\n",
        ),
        (ReloadOutcome::Failed("The disk is full.".to_owned()), 500, "The disk is full.\n"),
    ] {
        let mut reloads = std::mem::replace(&mut site.reloads, mpsc::channel(1).1);
        let daemon = tokio::spawn(async move {
            let request = reloads.recv().await.unwrap();
            request.answer.send(outcome).unwrap();
            reloads
        });
        let answer = site.ask("POST", "/-/reload", &[]).await;
        assert_eq!((answer.status, answer.text().as_str()), (status, said));
        site.reloads = daemon.await.unwrap();
    }
    let got = site.get("/-/reload").await;
    assert_eq!((got.status, got.header("allow")), (405, "POST"));
    site.reloads.close();
    assert_eq!(site.ask("POST", "/-/reload", &[]).await.status, 500, "nobody listens");
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused() {
    let site = Site::with_sample().await;
    for (host, status) in [
        ("localhost", 200),
        ("LOCALHOST:9979", 200),
        ("app.localhost", 200),
        ("127.0.0.1:1", 200),
        ("127.8.8.8", 200),
        ("[::1]:9979", 200),
        ("snykwatch.example.com", 200),
        ("snykwatch.example.com.:443", 200),
        ("evil.example.com", 403),
        ("localhost.example.com", 403),
        ("127.0.0.1.example.com", 403),
        ("192.0.2.1", 403),
        ("not a host", 400),
        ("", 400),
    ] {
        for path in ["/-/healthy", "/metrics", "/api/v1/credentials"] {
            let answer = site.ask("GET", path, &[("host", host)]).await;
            assert_eq!(answer.status, status, "{host} {path}");
        }
    }
    let host = site.address.to_string();
    let own = format!("http://{host}");
    for headers in [
        vec![("origin", "http://evil.example.com")],
        vec![("origin", "null")],
        vec![("origin", "http://127.0.0.1:1")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("origin", own.as_str()), ("sec-fetch-site", "same-site")],
    ] {
        let answer = site.ask("POST", "/-/reload", &headers).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        assert_eq!(site.ask("GET", "/-/healthy", &headers).await.status, 200, "reading is harmless");
    }
    assert!(site.reloads.is_empty(), "nothing was asked of the daemon");
}

#[tokio::test]
async fn every_answer_is_harmless_in_a_browser() {
    let site = Site::with_sample().await;
    for (path, status) in [("/", 200), ("/metrics", 200), ("/api/v1/incidents", 200), ("/nothing", 404)] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
    let page = site.ask("GET", "/", &[("accept-encoding", "gzip")]).await;
    assert_eq!(page.header("content-encoding"), "gzip");
    assert!(gunzipped(&page.body).contains("<title>snykwatch</title>"));
    assert_eq!(site.get("/style.css").await.header("content-type"), "text/css; charset=utf-8");
}

#[tokio::test]
async fn the_api_answers_as_its_description_says() {
    let site = Site::with_sample().await;
    let description = site.get("/api/v1/openapi.json").await.json();
    assert_eq!(description, openapi_description());
    let first = sample::organization(1);
    for (path, described, schema) in [
        ("/api/v1/integrations".to_owned(), "/api/v1/integrations", "Integrations"),
        ("/api/v1/integrations/acme-bitbucket".to_owned(), "/api/v1/integrations/{name}", "One"),
        (format!("/api/v1/integrations/acme-bitbucket?organization={first}"), "/api/v1/integrations/{name}", "One"),
        ("/api/v1/credentials".to_owned(), "/api/v1/credentials", "Credentials"),
        ("/api/v1/incidents".to_owned(), "/api/v1/incidents", "Incidents"),
        ("/api/v1/nothing".to_owned(), "", "Problem"),
        ("/api/v1/integrations?level=none".to_owned(), "/api/v1/integrations", "Problem"),
        ("/api/v1/integrations/nobody".to_owned(), "/api/v1/integrations/{name}", "Problem"),
    ] {
        let answer = site.get(&path).await;
        assert!(described.is_empty() || description["paths"].get(described).is_some(), "{described} is not described");
        let schema = serde_json::json!({
            "$ref": format!("#/components/schemas/{schema}"),
            "components": description["components"],
        });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<_> = validator.iter_errors(&answer.json()).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:?}");
    }
}

#[tokio::test]
async fn the_api_lists_filters_and_shows_everything_about_one() {
    let site = Site::with_sample().await;
    let check = async |query: &str, total: u64, listed: usize| {
        let list = site.get(&format!("/api/v1/integrations{query}")).await.json();
        assert_eq!(list["total"], total, "{query}");
        assert_eq!(list["integrations"].as_array().unwrap().len(), listed, "{query}");
    };
    check("", 4, 4).await;
    check("?level=group", 1, 1).await;
    check("?level=organization&status=unknown", 2, 2).await;
    check("?integration=nobody", 0, 0).await;
    check("?limit=2&offset=1", 4, 2).await;
    check("?offset=9", 4, 0).await;
    let list = site.get("/api/v1/integrations").await.json();
    assert_eq!(list["integrations"][0]["progress"]["missing"], 32);
    assert!(list["integrations"][0]["progress"].get("missing_repositories").is_none());
    let one = site.get("/api/v1/integrations/acme-bitbucket").await.json();
    assert_eq!(one["integration"]["progress"]["missing_repositories"].as_array().unwrap().len(), 32);
    assert_eq!(one["integration"]["conditions"][1]["truth"], "false");
    assert_eq!(one["integration"]["group_name"], sample::HOSTILE);
    for (path, status, said) in [
        ("/api/v1/integrations?limit=0", 400, "limit must be from 1 to 5000"),
        ("/api/v1/integrations?colour=red", 400, "colour"),
        ("/api/v1/integrations/acme-bitbucket?organization=x", 400, "organization"),
        ("/api/v1/integrations/a%3Cb", 404, "No integration a<b (group) is watched."),
        ("/api/v1/nothing", 404, "nothing at this address"),
        ("/api/nothing", 404, "nothing at this address"),
    ] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+json"), "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(said), "{path}: {}", answer.text());
    }
    let posted = site.ask("POST", "/api/v1/incidents", &[]).await;
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
    assert_eq!(posted.json()["status"], 405);
}

#[tokio::test]
async fn greedy_requests_are_refused() {
    let site = Site::with_sample().await;
    let long = "x".repeat(100_000);
    assert_eq!(site.ask("GET", "/", &[("x-long", &long)]).await.status, 431);
    let body = site.ask("POST", "/-/reload", &[("content-length", "1000000")]).await;
    assert_eq!(body.status, 413);
    assert!(site.reloads.is_empty());
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_the_listener() {
    let site = Site::with_sample().await;
    let mut idle = TcpStream::connect(site.address).await.unwrap();
    idle.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    site.stop.send(()).unwrap();
    tokio::time::timeout(DEADLINE, site.server).await.unwrap().unwrap();
    assert_eq!(idle.read(&mut answer).await.unwrap_or(0), 0, "closed");
    assert!(TcpStream::connect(site.address).await.is_err());
}

#[tokio::test]
async fn every_error_has_the_shape_of_its_address_whoever_makes_it() {
    let site = Site::with_sample().await;
    let long = ("content-length", "1000000");
    for (method, path, header, status, said) in [
        ("POST", "/api/v1/silences", long, 413, "The body is too long: 65536 bytes at most."),
        ("GET", "//api/v1/incidents", ("x-none", ""), 404, "There is nothing at this address."),
        ("GET", "/api", ("x-none", ""), 404, "There is nothing at this address."),
        ("GET", "/api/v1/integrations/%ff", ("x-none", ""), 400, "The request cannot be understood."),
    ] {
        let answer = site.ask(method, path, &[header]).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+json"), "{path}");
        assert_eq!(
            (answer.json()["status"].as_u64(), answer.json()["detail"].as_str()),
            (Some(status.into()), Some(said))
        );
    }
    // Elsewhere people read it, and an address that only resembles the API's is elsewhere.
    for (method, path, headers, status, said) in [
        ("POST", "/-/reload", vec![long], 413, "The body is too long: 65536 bytes at most.\n"),
        ("GET", "/apiary", Vec::new(), 404, "There is nothing at this address.\n"),
    ] {
        let answer = site.ask(method, path, &headers).await;
        assert_eq!((answer.status, answer.text().as_str()), (status, said), "{path}");
    }
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let mut site = Site::with_sample().await;
    for path in ["/api/v1/incidents", "/api/v1/integrations?level=group", "/api/v1/openapi.json"] {
        let first = site.get(path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\"") && first.status == 200, "{path}: {tag}");
        let known = [("if-none-match", tag.as_str())];
        let again = site.ask("GET", path, &known).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag.as_str()), "{path}");
        assert_eq!(again.header("cache-control"), "no-store", "{path}");
        let head = site.ask("HEAD", path, &[]).await;
        assert_eq!((head.status, head.header("etag")), (200, tag.as_str()), "{path}");
        let other = site.ask("GET", path, &[("if-none-match", "W/\"another\"")]).await;
        assert_eq!((other.status, &other.body), (200, &first.body), "{path}");
    }
    // An answer that is newer is another one, though nothing else changed.
    let before = site.get("/api/v1/incidents").await;
    let later = sample::now() + chrono::TimeDelta::seconds(5);
    let state = sample::told_state();
    sample::with_telling(|telling| site.publisher.publish(&sample::fleet(), &state, Some(telling), later));
    let after = site.ask("GET", "/api/v1/incidents", &[("if-none-match", before.header("etag"))]).await;
    assert_eq!(after.status, 200);
    // What is wrong is never "the same".
    let wrong = site.ask("GET", "/api/v1/nothing", &[("if-none-match", "*")]).await;
    assert_eq!((wrong.status, wrong.header("etag")), (404, ""));
}
