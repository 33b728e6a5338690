//! Secrets stay where they belong, and nothing but reading ever leaves.

mod echoes;
mod receivers;

use std::time::Duration;

use snykwatch::sandbox::{Api, Authorization, FaultKind};

use crate::support::configuration::INTEGRATION;
use crate::support::{Scene, eventually};

/// A token that nobody ever gave out.
const WRONG_TOKEN: &str = "ATATT3xWRONGANDSTILLSECRET0123456789";
/// The password of a proxy, in its URL.
const PROXY_PASSWORD: &str = "hunter2-of-the-proxy";

/// What must never be seen: the secrets, and what the headers make of them.
struct Secrets(Vec<String>);

impl Secrets {
    fn of(scene: &Scene) -> Self {
        let mut all = vec![PROXY_PASSWORD.to_owned()];
        for token in [scene.bitbucket_secret(), WRONG_TOKEN.to_owned()] {
            all.push(base64(format!("snyk-bot@acme.example:{token}").as_bytes()));
            all.push(token);
        }
        all.push(scene.snyk_secret());
        Self(all)
    }

    #[track_caller]
    fn are_not_in(&self, what: &str, text: &str) {
        for secret in &self.0 {
            // A part tells enough to count.
            let part = &secret[..secret.len().min(24)];
            assert!(!text.contains(part), "{what} contains {part}:\n{text}");
        }
    }
}

/// Base64 as `Authorization: Basic` has it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(LETTERS[(number >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

#[test]
fn base64_is_the_usual_one() {
    assert_eq!(base64(b"Aladdin:open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ");
}

#[tokio::test]
async fn secrets_are_seen_nowhere() {
    let scene = Scene::healthy().await;
    let secrets = Secrets::of(&scene);
    let configuration = scene.configuration().every("500ms").request_timeout("2s");
    scene.write(&configuration);
    let daemon = scene.run_as_it_is_with(&["--log", "trace"]).await;
    daemon.until_group_is("connected").await;
    secrets.are_not_in("the command line", &std::fs::read_to_string(format!("/proc/{}/cmdline", daemon.id())).unwrap());

    // The PAT is replaced by a wrong one, Snyk sends its callers elsewhere, Bitbucket's lists do.
    scene.write_secret("bitbucket-token", WRONG_TOKEN);
    daemon.signal("HUP").await;
    daemon.until_log_says("gave a bad answer for the first time").await;
    scene.sandbox.world(|world| {
        world.break_api(Api::Snyk, FaultKind::LoginRedirect);
        world.break_api(Api::Bitbucket, FaultKind::NextOnAnotherHost);
    });
    daemon.until_log_says("redirected").await;
    scene.write_secret("bitbucket-token", &scene.bitbucket_secret());
    daemon.signal("HUP").await;
    daemon.until_log_says("foreign_next_link").await;
    scene.sandbox.world(|world| {
        world.repair(Api::Snyk);
        world.break_api(Api::Snyk, FaultKind::Trickle(Duration::from_millis(100)));
    });
    daemon.until_log_says("in time").await;
    scene.sandbox.world(|world| world.repair(Api::Snyk));

    // Somebody pastes secrets into the file itself, which is refused, and not repeated.
    let text = configuration.to_string();
    let pasted = text.replace("{ file: snyk-token }", &scene.snyk_secret());
    let pasted = pasted.replace("{ file: bitbucket-token }", &format!("\"{}\"", scene.bitbucket_secret()));
    let pasted = pasted.replace("http: {", &format!("http: {{ proxy: \"http://bot:{PROXY_PASSWORD}@proxy.example\","));
    scene.write_text(&pasted);
    let refused = daemon.request("POST", "/-/reload", "").await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("a secret is named here, never written"), "{}", refused.text());
    secrets.are_not_in("the answer to a reload", &refused.text());
    secrets.are_not_in("config validate", &scene.ask_as_it_is(&["config", "validate"]).await.screen());
    scene.write(&configuration);
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);

    for path in [
        "/",
        "/metrics",
        "/-/ready",
        "/-/healthy",
        "/api/v1/integrations",
        &format!("/api/v1/integrations/{INTEGRATION}"),
        "/api/v1/credentials",
        "/api/v1/incidents",
        "/api/v1/openapi.json",
        "/nosuch",
    ] {
        secrets.are_not_in(path, &daemon.get(path).await.text());
    }
    for arguments in [
        &["config", "show"][..],
        &["config", "show", "--egress"],
        &["config", "validate"],
        &["check"],
        &["check", "--output", "json", "--assumptions"],
    ] {
        secrets.are_not_in(&arguments.join(" "), &scene.ask_as_it_is(arguments).await.screen());
    }
    let finished = daemon.terminate().await;
    finished.exits(0);
    assert!(finished.stderr.contains("TRACE"), "the log is as talkative as it can be");
    secrets.are_not_in("stdout", &finished.stdout);
    secrets.are_not_in("stderr", &finished.stderr);
    only_reading_left(&scene);
}

/// Every request that arrived was one that reads, and nobody else was asked.
fn only_reading_left(scene: &Scene) {
    let requests = scene.sandbox.requests();
    assert!(requests.len() > 50, "{}", requests.len());
    for asked in requests {
        let is_search = asked.api == Api::Snyk && asked.path_and_query.contains("/assets/search");
        let is_token =
            asked.path_and_query.ends_with("/oauth2/token") || asked.path_and_query.ends_with("/access_token");
        let reads = asked.method == "GET" || (asked.method == "POST" && (is_search || is_token));
        assert!(reads, "{asked:?}");
        assert_ne!(asked.api, Api::Elsewhere, "{asked:?}");
        assert_eq!(asked.authorization, Authorization::Present, "{asked:?}");
    }
}

/// The asset search is the one thing that is posted where the Inventory's own list is missing.
#[tokio::test]
async fn a_search_is_the_only_thing_that_is_posted() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| {
        let group = world.snyk.groups[0].id;
        world.break_path(Api::Snyk, &format!("/rest/groups/{group}/inventory"), FaultKind::EndpointRemoved);
    });
    let daemon = scene.run(&scene.configuration()).await;
    eventually("the assets are searched", async || {
        scene.sandbox.requests().iter().any(|asked| asked.method == "POST").then_some(())
    })
    .await;
    daemon
        .until_metric(r#"snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="connected"}"#, 2.0)
        .await;
    daemon.terminate().await.exits(0);
    let requests = scene.sandbox.requests();
    let posted: Vec<_> = requests.iter().filter(|asked| asked.method != "GET").collect();
    for asked in posted {
        assert!(asked.method == "POST" && asked.path_and_query.contains("/assets/search"), "{asked:?}");
    }
}
