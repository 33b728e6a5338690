//! Who may read and who may act: passwords, TLS, certificates, ports, and files that change.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::process::Daemon;
use crate::support::tls::{self, Client, GUEST, OPS};
use crate::support::{Scene, eventually, http};

/// The reload that everybody may see.
const SUCCESSFUL: &str = "snykwatch_config_last_reload_successful";

/// A user's line in a web-config file. The cost is the least there is: tests are not attacked.
pub(crate) fn user(name: &str, password: &str) -> String {
    let hash = bcrypt::hash_with_salt(password, 4, *b"0123456789abcdef").unwrap();
    format!("  {name}: \"{hash}\"\n")
}

/// The header of a login.
fn login(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

/// The users of these stories: one that scrapes, one that acts.
fn users() -> String {
    format!("basic_auth_users:\n{}{}", user("prometheus", "scrape"), user("on-call", "pager"))
}

/// TLS as the web-config file has it.
fn tls_section(more: &str) -> String {
    format!("tls_server_config:\n  cert_file: server.pem\n  key_file: server-key.pem\n{more}")
}

impl Scene {
    /// The configuration with another `server` section.
    pub(crate) fn write_with_server(&self, server: &str) {
        let text = self.configuration().to_string();
        let (rest, _) = text.split_once("server:").unwrap();
        self.write_text(&format!("{rest}server: {{ {server} }}\n"));
    }

    pub(crate) fn write_web(&self, text: &str) {
        std::fs::write(self.directory().join("web.yaml"), text).unwrap();
    }

    /// A daemon on loopback with this web-config file, and the actors of these stories.
    pub(crate) async fn run_with_web(&self, web: &str) -> Daemon {
        tls::write_files(self.directory());
        self.write_web(web);
        let actors = "actors: [on-call, ops.example.com]";
        self.write_with_server(&format!("listen: \"127.0.0.1:0\", web_config_file: web.yaml, {actors}"));
        self.run_as_it_is().await
    }
}

#[tokio::test]
async fn a_password_lets_read_and_a_name_among_the_actors_lets_act() {
    let scene = Scene::healthy().await;
    let daemon = scene.run_with_web(&users()).await;
    let nobody = String::new();
    let (scraper, actor) = (login("prometheus", "scrape"), login("on-call", "pager"));
    for (method, path, headers, status) in [
        ("GET", "/metrics", &nobody, 401),
        ("GET", "/", &nobody, 401),
        ("GET", "/api/v1/integrations", &nobody, 401),
        ("GET", "/nothing", &nobody, 401),
        ("POST", "/-/reload", &nobody, 401),
        ("GET", "/metrics", &login("prometheus", "Scrape"), 401),
        ("GET", "/metrics", &login("prometheus", "pager"), 401),
        ("GET", "/metrics", &login("nobody", "scrape"), 401),
        ("GET", "/metrics", &login("", ""), 401),
        ("GET", "/-/healthy", &nobody, 200),
        ("POST", "/-/healthy", &nobody, 401),
        ("GET", "/metrics", &scraper, 200),
        ("GET", "/", &scraper, 200),
        ("GET", "/-/log-filter", &scraper, 200),
        ("POST", "/-/reload", &scraper, 403),
        ("PUT", "/-/log-filter", &scraper, 403),
        ("POST", "/api/v1/silences", &scraper, 403),
        ("DELETE", "/api/v1/silences/x", &scraper, 403),
        ("POST", "/api/v1/receivers/x/test", &scraper, 403),
        ("POST", "/-/reload", &actor, 200),
        ("POST", "/api/v1/receivers/x/test", &actor, 404),
    ] {
        let page = daemon.request(method, path, headers).await;
        assert_eq!(page.status, status, "{method} {path} {headers}: {}", page.text());
        let asks = page.head.to_lowercase().contains("www-authenticate: basic realm=\"snykwatch\"");
        assert_eq!(asks, status == 401, "{method} {path}: {}", page.head);
    }
    let refused = daemon.request("POST", "/api/v1/silences", &scraper).await;
    assert!(refused.json()["detail"].as_str().unwrap().contains("`server.actors`"), "{}", refused.text());
    let finished = daemon.terminate().await;
    finished.exits(0);
    for secret in ["scrape\"", "pager", "$2b$"] {
        finished.never_says(secret);
    }
}

#[tokio::test]
async fn certificates_are_served_needed_and_told_apart() {
    let scene = Scene::healthy().await;
    let needed = tls_section("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.pem\n");
    let reads = async |client: Client, daemon: &Daemon| {
        client.ask(daemon.address, "GET", "/metrics", "").await.map(|page| page.status)
    };

    let daemon = scene.run_with_web(&tls_section("  min_version: TLS13\n")).await;
    assert_eq!(reads(Client::new(), &daemon).await, Some(200));
    assert_eq!(reads(Client::old(), &daemon).await, None, "TLS 1.2 is not spoken");
    assert!(http::request(daemon.address, "GET", "/metrics", "").await.is_none(), "plain HTTP is not spoken");

    // The port stays open; the file alone changes.
    scene.write_web(&needed);
    let reload = Client::new().ask(daemon.address, "POST", "/-/reload", "").await.unwrap();
    assert_eq!(reload.status, 200, "on loopback, and nobody asked: {}", reload.text());
    assert_eq!(reads(Client::new(), &daemon).await, None, "a certificate is needed");
    assert_eq!(reads(Client::with(GUEST), &daemon).await, Some(200));
    let act = async |client: Client| client.ask(daemon.address, "POST", "/-/reload", "").await.unwrap().status;
    assert_eq!((act(Client::with(GUEST)).await, act(Client::with(OPS)).await), (403, 200));

    for (allowed, expected) in [
        ("[ops.example.com]", (Some(200), None)),
        ("[192.0.2.7]", (Some(200), None)),
        ("[guest.example.com]", (None, Some(200))),
        ("[ops.example.com, guest.example.com]", (Some(200), Some(200))),
    ] {
        scene.write_web(&format!("{needed}  client_allowed_sans: {allowed}\n"));
        daemon.signal("HUP").await;
        let look = async || {
            let seen = (reads(Client::with(OPS), &daemon).await, reads(Client::with(GUEST), &daemon).await);
            (seen == expected).then_some(())
        };
        eventually(&format!("allowed are {allowed}"), look).await;
    }

    // One that may be shown: it is verified, and lets act; without one everybody on this machine does.
    scene.write_web(&needed.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven"));
    assert_eq!(act(Client::with(OPS)).await, 200);
    assert_eq!(reads(Client::new(), &daemon).await, Some(200));
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn a_changed_file_is_read_again_and_a_wrong_one_changes_nothing() {
    let scene = Scene::healthy().await;
    let daemon = scene.run_with_web(&users()).await;
    let status =
        async |user: &str, password: &str| daemon.request("GET", "/metrics", &login(user, password)).await.status;
    assert_eq!(status("prometheus", "scrape").await, 200);

    // Nobody asks for a reload: the file is watched.
    scene.write_web(&users().replace(&user("prometheus", "scrape"), &user("prometheus", "renewed")));
    eventually("the new password is right", async || (status("prometheus", "renewed").await == 200).then_some(()))
        .await;
    assert_eq!(status("prometheus", "scrape").await, 401, "a remembered password is forgotten");

    let actor = login("on-call", "pager");
    for (wrong, said) in [
        ("basic_auth_users:\n  prometheus: hunter2\n", "web.yaml:2:15"),
        ("basic_auth_usres: {}\n", "did you mean `basic_auth_users`?"),
        ("tls_server_config: { cert_file: no.pem, key_file: no.pem }\n", "no.pem"),
        ("tls_server_config: { cert_file: server.pem, key_file: authority.pem }\n", "no usable PEM private key"),
        ("tls_server_config: { cert_file: clients.pem, key_file: server-key.pem }\n", "could not set up TLS"),
        (
            "tls_server_config: { cert_file: server.pem, key_file: server-key.pem, client_auth_type: RequireAnyClientCert }\n",
            "proves nothing",
        ),
        ("http_server_config: { http2: true }\n", "unknown key `http2`"),
        ("[", "web.yaml"),
    ] {
        scene.write_web(wrong);
        let refused = daemon.request("POST", "/-/reload", &actor).await;
        let text = refused.text();
        assert_eq!(refused.status, 400, "{wrong}: {text}");
        // A place is shown as file:line:column, wherever the file is.
        assert!(text.contains(said), "{said}: {text}");
        assert!(!text.contains("hunter2"), "a pasted password is shown: {text}");
        assert_eq!(status("prometheus", "renewed").await, 200, "{wrong}");
        assert_eq!(status("nobody", "x").await, 401, "{wrong}");
    }
    // What a daemon would not take over, none starts with, and a check without one finds.
    scene.write_web("tls_server_config: { cert_file: server.pem, key_file: authority.pem }\n");
    for command in [&["run"][..], &["config", "validate"]] {
        let finished = scene.ask_as_it_is(command).await;
        finished.exits(78);
        finished.says(&["authority.pem holds no usable PEM private key"]);
    }
    // A page may be a few seconds old.
    eventually("the metrics tell of the refusal", async || {
        (daemon.request("GET", "/metrics", &actor).await.value(SUCCESSFUL) == Some(0.0)).then_some(())
    })
    .await;
    let finished = daemon.terminate().await;
    finished.exits(0);
    finished.never_says("hunter2");
}

#[tokio::test]
async fn a_renewed_certificate_is_told() {
    let scene = Scene::healthy().await;
    let daemon = scene.run_with_web(&tls_section("")).await;
    let reload = async || Client::new().ask(daemon.address, "POST", "/-/reload", "").await.unwrap().text();
    assert_eq!(reload().await, "nothing changed\n");
    // Half of a renewal: the key is still to come.
    std::fs::write(scene.directory().join("server.pem"), tls::OPS.0).unwrap();
    assert!(reload().await.contains("KeyMismatch"));
    assert_eq!(Client::new().ask(daemon.address, "GET", "/-/healthy", "").await.unwrap().status, 200);
    std::fs::write(scene.directory().join("server-key.pem"), tls::OPS.1).unwrap();
    daemon.until_log_says("configuration reloaded: the TLS files are new").await;
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn a_reload_without_news_closes_no_connection() {
    let scene = Scene::healthy().await;
    let daemon = scene.run_with_web(&users()).await;
    let mut stream = tokio::net::TcpStream::connect(daemon.address).await.unwrap();
    let mut ask = async || {
        stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"Healthy.\n") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "the connection is closed");
        }
        String::from_utf8(answer).unwrap().to_lowercase()
    };
    ask().await;
    let actor = login("on-call", "pager");
    assert_eq!(daemon.request("POST", "/-/reload", &actor).await.text(), "nothing changed\n");
    let answer = ask().await;
    assert!(!answer.contains("connection: close"), "{answer}");
    scene.write_web(&users().replace("prometheus", "scraper"));
    assert_eq!(daemon.request("POST", "/-/reload", &actor).await.text(), "access: changed\n");
    let answer = ask().await;
    assert!(answer.contains("connection: close"), "{answer}");
    daemon.terminate().await.exits(0);
}

/// Whoever holds every connection that they can get leaves some for others.
#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    let mut held = Vec::new();
    for _ in 0..520 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        held.push(socket.connect(daemon.address).await.unwrap());
    }
    let asking = daemon.get("/-/healthy");
    let page = tokio::time::timeout(std::time::Duration::from_secs(15), asking).await;
    assert_eq!(page.expect("others are served").status, 200);
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn nobody_listens_beyond_loopback_for_strangers() {
    let scene = Scene::healthy().await;
    for server in ["listen: \"0.0.0.0:0\"", "listen: \"[::]:0\"", "metrics_listen: \"0.0.0.0:0\""] {
        scene.write_with_server(server);
        let finished = scene.ask_as_it_is(&["run"]).await;
        finished.exits(78);
        finished.says(&["can be reached from other machines", "web_config_file"]);
    }
    // TLS alone asks nobody who they are.
    tls::write_files(scene.directory());
    scene.write_web(&tls_section(""));
    scene.write_with_server("listen: \"0.0.0.0:0\", web_config_file: web.yaml");
    scene.ask_as_it_is(&["run"]).await.exits(78);

    scene.write_web(&users());
    let daemon = scene.run_as_it_is().await;
    let local: SocketAddr = ([127, 0, 0, 1], daemon.address.port()).into();
    assert_eq!(http::request(local, "GET", "/metrics", "").await.unwrap().status, 401);
    assert_eq!(http::request(local, "GET", "/metrics", &login("on-call", "pager")).await.unwrap().status, 200);

    // A configuration that believes to be on loopback does not take the lock off a port that is not.
    scene.write_with_server("listen: \"127.0.0.1:0\"");
    daemon.signal("HUP").await;
    daemon.until_log_says("access stays as it was until the restart").await;
    assert_eq!(http::request(local, "GET", "/metrics", "").await.unwrap().status, 401);
    daemon.terminate().await.exits(0);

    scene.write_with_server("listen: \"0.0.0.0:0\", allow_unauthenticated: true");
    let daemon = scene.run_as_it_is().await;
    let local: SocketAddr = ([127, 0, 0, 1], daemon.address.port()).into();
    let ask = async |method: &str, path: &str| http::request(local, method, path, "").await.unwrap().status;
    assert_eq!((ask("GET", "/metrics").await, ask("POST", "/-/reload").await), (200, 403));
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn a_second_port_shows_the_metrics_alone() {
    let scene = Scene::healthy().await;
    scene.write_web(&users());
    scene.write_with_server("listen: \"127.0.0.1:0\", metrics_listen: \"127.0.0.1:0\", web_config_file: web.yaml");
    let daemon = scene.run_as_it_is().await;
    let said = daemon.stderr();
    let (_, rest) = said.split_once("/metrics and http://").unwrap();
    let second: SocketAddr = rest.split_once("/metrics").unwrap().0.parse().unwrap();
    assert_ne!(second, daemon.address);
    let actor = login("on-call", "pager");
    for (method, path, headers, status) in [
        ("GET", "/-/healthy", "", 200),
        ("GET", "/metrics", "", 401),
        ("GET", "/metrics", &actor, 200),
        ("GET", "/", &actor, 404),
        ("GET", "/api/v1/integrations", &actor, 404),
        ("GET", "/-/log-filter", &actor, 404),
    ] {
        let page = http::request(second, method, path, headers).await.unwrap();
        assert_eq!(page.status, status, "{method} {path} {headers}: {}", page.text());
    }
    let foreign = http::request_as(second, "evil.example.com", "/metrics").await.unwrap();
    assert_eq!(foreign.status, 403);
    assert_eq!(daemon.request("GET", "/metrics", &actor).await.status, 200, "the first port has them too");
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn the_host_of_the_external_url_is_served_on_loopback() {
    let scene = Scene::healthy().await;
    let external = |host: &str| format!("listen: \"127.0.0.1:0\", external_url: \"https://{host}/\"");
    scene.write_with_server(&external("snykwatch.example.com"));
    let daemon = scene.run_as_it_is().await;
    let status = async |host: &str| http::request_as(daemon.address, host, "/metrics").await.unwrap().status;
    assert_eq!(status("snykwatch.example.com").await, 200);
    assert_eq!(status("evil.example.com").await, 403);
    scene.write_with_server(&external("moved.example.com"));
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);
    assert_eq!((status("snykwatch.example.com").await, status("moved.example.com").await), (403, 200));
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn commands_log_in_by_tls() {
    let scene = Scene::healthy().await;
    let daemon = scene.run_with_web(&(tls_section("") + &users())).await;
    std::fs::write(scene.directory().join("password"), "scrape\n").unwrap();
    std::fs::write(scene.directory().join("wrong"), "guess\n").unwrap();
    let url = format!("https://localhost:{}/", daemon.address.port());
    let who = ["--url", &url, "--ca-file", "authority.pem"];
    let user = ["--username", "prometheus", "--password-file", "password"];
    let ask = async |command: &[&str], more: &[&str]| {
        let arguments: Vec<&str> = command.iter().chain(&who).chain(more).copied().collect();
        scene.ask_as_it_is(&arguments).await
    };
    ask(&["healthy"], &[]).await.exits(0);
    let finished = ask(&["status"], &user).await;
    finished.exits(0);
    finished.says(&["integrations:"]);
    ask(&["explain", "acme-bitbucket"], &user).await.exits(0);
    let finished = ask(&["status"], &[]).await;
    finished.exits(69);
    finished.says(&["401", "--username"]);
    ask(&["status"], &["--username", "prometheus", "--password-file", "wrong"]).await.exits(69);
    let finished = ask(&["test-receiver", "chat"], &user).await;
    finished.exits(64);
    finished.says(&["acting is not"]);
    // Without the authority nobody knows who answers.
    let finished = scene.ask_as_it_is(&["healthy", "--url", &url]).await;
    finished.exits(1);
    // A password is not for the wire.
    let finished =
        scene.ask_as_it_is(&[&["status", "--url", "http://snykwatch.example.com/"][..], &user].concat()).await;
    finished.exits(69);
    finished.says(&["in the clear"]);

    scene.write_web(&tls_section("  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.pem\n"));
    daemon.signal("HUP").await;
    daemon.until_log_says("configuration reloaded: access: changed").await;
    ask(&["status"], &[]).await.exits(69);
    ask(&["status"], &["--cert-file", "ops.pem", "--key-file", "ops-key.pem"]).await.exits(0);
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn healthy_is_an_exit_code() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    scene.write_text(&scene.configuration().to_string().replace("127.0.0.1:0", &daemon.address.to_string()));
    let finished = scene.ask_as_it_is(&["healthy"]).await;
    finished.exits(0);
    finished.says(&["Healthy."]);
    daemon.terminate().await.exits(0);
    scene.ask_as_it_is(&["healthy"]).await.exits(1);
}
