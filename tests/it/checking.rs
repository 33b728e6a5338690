//! `check`: what is wrong, and what to do, in one screen.

use chrono::TimeDelta;
use snykwatch::clock::Clock;
use snykwatch::sandbox::world::{ACME_CREDENTIAL, ACME_SNYK_TOKEN, World};
use snykwatch::sandbox::{Api, FaultKind};
use uuid::Uuid;

use crate::support::Scene;
use crate::support::process::{self, Finished};
use crate::support::strangers::{Stranger, dead_address};

async fn print(name: &str, finished: &Finished) {
    println!("=== {name}: exit {:?}\n{}--- stderr\n{}", finished.code, finished.stdout, finished.stderr);
}

#[tokio::test]
async fn looks() {
    let scene = Scene::healthy().await;
    let base = scene.configuration();
    print("healthy", &scene.ask(&base, &["check"]).await).await;
    let mut c = base.clone();
    c.snyk_url = format!("http://{}/", dead_address().await);
    print("dead snyk", &scene.ask(&c, &["check"]).await).await;
    let mut c = base.clone();
    c.bitbucket_url = format!("http://{}/", dead_address().await);
    print("dead bitbucket", &scene.ask(&c, &["check"]).await).await;
    let mut c = base.clone();
    c.snyk_url = "https://nosuchhost.invalid".to_owned();
    print("dns", &scene.ask(&c, &["check"]).await).await;
    c.bitbucket_url = format!("http://{}/", dead_address().await);
    print("both dead", &scene.ask(&c, &["check"]).await).await;
    let c = base.clone();
    scene.write_secret("snyk-token", "00000000-0000-4000-8000-000000000000");
    print("wrong snyk token", &scene.ask(&c, &["check"]).await).await;
    scene.write_secret("snyk-token", "snyk_sat.12345678.eyJoIjoiYXBpLmV1LnNueWsuaW8ifQ.c2lnbmF0dXJl");
    print("wrong region", &scene.ask(&c, &["check"]).await).await;
    scene.write_secret("snyk-token", &scene.snyk_secret());
    scene.write_secret("bitbucket-token", "ATATT3xNOTATOKENATALL");
    print("wrong pat", &scene.ask(&c, &["check"]).await).await;
    scene.write_secret("bitbucket-token", &scene.bitbucket_secret());
    let mut c = base.clone();
    c.group = Uuid::from_u128(7);
    print("wrong group", &scene.ask(&c, &["check"]).await).await;
    let proxy = Stranger::refusing_proxy().await;
    let mut c = base.clone();
    c.snyk_url = "https://api.acme.example".to_owned();
    c.further = String::new();
    let text = c.to_string().replace("http: { ", &format!("http: {{ proxy: \"http://{}\", ", proxy.address));
    scene.write_text(&text);
    print("proxy", &scene.ask_as_it_is(&["check"]).await).await;
    let stranger = Stranger::with_unknown_issuer().await;
    let mut c = base.clone();
    c.snyk_url = format!("https://localhost:{}", stranger.address.port());
    print("tls", &scene.ask(&c, &["check"]).await).await;
    let mut command = process::snykwatch(scene.directory());
    command.env("SSL_CERT_FILE", "/dev/null").arg("--config").arg(scene.path()).arg("check");
    print("ca", &Finished::of(command).await).await;
    scene.sandbox.world(|world| world.break_api(Api::Snyk, FaultKind::HtmlWithOk));
    print("html", &scene.ask(&base, &["check"]).await).await;

    let scene = Scene::of(World::acme(Clock::system().now() - TimeDelta::hours(2)).with_repositories(12)).await;
    print("empty group", &scene.ask(&scene.configuration(), &["check"]).await).await;
    scene.sandbox.world(|world| world.snyk.groups[0].profiles.clear());
    print("empty group no profile", &scene.ask(&scene.configuration(), &["check"]).await).await;
    scene.sandbox.world(|world| world.revoke_credential(ACME_CREDENTIAL));
    scene.sandbox.world(|world| world.revoke_snyk_token(ACME_SNYK_TOKEN));
    print("both revoked", &scene.ask(&scene.configuration(), &["check", "--assumptions"]).await).await;
}
