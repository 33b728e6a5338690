//! A daemon with every kind of receiver, each of which fails and says back whatever it was sent.

use snykwatch::sandbox::{Api, FaultKind};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{Secrets, base64};
use crate::support::{Scene, eventually};

/// File, and the secret in it; addresses are written where the server is known.
const SECRETS: [(&str, &str); 5] = [
    ("pagerduty-key", "R0UTINGKEY0123456789abcdefABCDEF"),
    ("webhook-key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwq1W2e3R4"),
    ("smtp-password", "hunter2-of-the-mail-server"),
    ("alertmanager-token", "bearer-of-the-alertmanager-0123456789"),
    ("slack-path", "T0AAAAAAA/B0BBBBBBB/slackSlackSlackSlackSlack"),
];
/// In addresses that are secrets.
const HOOK_TOKEN: &str = "hook-token-0123456789-abcdefghijkl";
const HEARTBEAT_TOKEN: &str = "9f1c1a52-heartbeat-4b7e-8f4b-cafe";

/// Answers with all it was sent: its address, every header, and the body.
fn echo(status: u16) -> impl Fn(&Request) -> ResponseTemplate {
    move |request| {
        let said = format!("{} {:?} {}", request.url, request.headers, String::from_utf8_lossy(&request.body));
        ResponseTemplate::new(status).set_body_string(said)
    }
}

/// A mail server that refuses every login, and repeats it.
async fn mail_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                stream.write_all(b"220 mail.example\r\n").await.unwrap();
                let mut line = String::new();
                while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                    let answer = match line.split_whitespace().next() {
                        Some("EHLO") => "250-mail.example\r\n250 AUTH PLAIN LOGIN\r\n".to_owned(),
                        _ => format!("535 5.7.8 what is {}\r\n", line.trim()),
                    };
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
    });
    port
}

fn receivers(server: &str, mail_port: u16) -> String {
    format!(
        "storage: {{ sqlite: {{ path: snykwatch.db }} }}
alerts:
  rules: {{ upstream_unreachable: {{ after: 1s }} }}
  receivers:
    pager: {{ pagerduty: {{ routing_key: {{ file: pagerduty-key }}, api_url: {server} }} }}
    chat: {{ slack: {{ webhook_url: {{ file: slack-address }} }} }}
    hook: {{ webhook: {{ url: {{ file: hook-address }}, secrets: [{{ file: webhook-key }}] }} }}
    mail:
      email:
        host: 127.0.0.1
        port: {mail_port}
        tls: none
        username: snykwatch
        password: {{ file: smtp-password }}
        from: snykwatch@acme.example
        to: [on-call@acme.example]
    peers: {{ alertmanager: {{ urls: [{server}], bearer_token: {{ file: alertmanager-token }} }} }}
  heartbeat: {{ url: {{ file: heartbeat-address }}, every: 10s }}
"
    )
}

#[tokio::test]
async fn secrets_of_receivers_are_seen_nowhere() {
    let scene = Scene::healthy().await;
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(echo(503)).mount(&server).await;
    let mut all = vec![HOOK_TOKEN.to_owned(), HEARTBEAT_TOKEN.to_owned()];
    for (file, secret) in SECRETS {
        scene.write_secret(file, secret);
        all.push(secret.trim_start_matches("whsec_").to_owned());
    }
    all.push(base64(b"\0snykwatch\0hunter2-of-the-mail-server"));
    all.push(base64(b"hunter2-of-the-mail-server"));
    let secrets = Secrets(all);
    scene.write_secret("slack-address", &format!("{}/services/{}", server.uri(), SECRETS[4].1));
    scene.write_secret("hook-address", &format!("{}/hooks?token={HOOK_TOKEN}", server.uri()));
    scene.write_secret("heartbeat-address", &format!("{}/ping/{HEARTBEAT_TOKEN}", server.uri()));
    let receivers = receivers(&server.uri(), mail_server().await);
    let configuration = scene.configuration().without_organizations().every("500ms").request_timeout("2s");
    scene.write_text(&format!("{configuration}{receivers}"));
    let daemon = scene.run_as_it_is_with(&["--log", "trace"]).await;
    daemon.until_group_is("connected").await;
    scene.sandbox.world(|world| world.break_api(Api::Snyk, FaultKind::Status(503)));
    let names = ["pager", "chat", "hook", "mail", "peers"];
    for name in names {
        secrets.are_not_in(name, &scene.ask_as_it_is(&["test-receiver", name]).await.screen());
    }
    let failed = async |reason: &str, names: &[&str]| {
        for name in names {
            eventually(&format!("{name} fails by {reason}"), async || {
                let receivers = daemon.get("/api/v1/receivers").await.json();
                let mut receivers = receivers["receivers"].as_array().unwrap().iter();
                let one = receivers.find(|one| one["receiver"] == *name).unwrap();
                [&one["last_failure"], &one["last_dead_letter"]]
                    .iter()
                    .any(|failure| failure["reason"] == reason)
                    .then_some(())
            })
            .await;
        }
    };
    failed("server_error", &["pager", "chat", "hook", "peers"]).await;
    failed("unauthorized", &["mail"]).await;

    // They reject what they are sent, for good.
    server.reset().await;
    Mock::given(any()).respond_with(echo(400)).mount(&server).await;
    for name in names {
        scene.ask_as_it_is(&["test-receiver", name]).await;
    }
    failed("rejected", &["pager", "chat", "hook", "peers"]).await;
    daemon.until_log_says("dead man's switch does not hear us").await;

    secrets.are_not_in("the command line", &std::fs::read_to_string(format!("/proc/{}/cmdline", daemon.id())).unwrap());
    for path in ["/", "/metrics", "/api/v1/receivers", "/api/v1/notifications", "/api/v1/silences", "/api/v1/incidents"]
    {
        secrets.are_not_in(path, &daemon.get(path).await.text());
    }
    let copy = scene.directory().join("copy.db");
    let shown: [&[&str]; 5] = [
        &["config", "show"],
        &["config", "show", "--egress"],
        &["config", "validate"],
        &["incidents"],
        &["backup", copy.to_str().unwrap()],
    ];
    for arguments in shown {
        secrets.are_not_in(&arguments.join(" "), &scene.ask_as_it_is(arguments).await.screen());
    }
    let finished = daemon.terminate().await;
    finished.exits(0);
    assert!(finished.stderr.contains("TRACE"), "the log is as talkative as it can be");
    secrets.are_not_in("stdout", &finished.stdout);
    secrets.are_not_in("stderr", &finished.stderr);
    let mut looked_at = 0;
    for file in std::fs::read_dir(scene.directory()).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains(".db") && path.is_file() {
            secrets.are_not_in(&name, &String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
            looked_at += 1;
        }
    }
    assert!(looked_at >= 2, "the database and its backup");
}
