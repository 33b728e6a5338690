//! The sandbox is asked over HTTP, and its world is lived through, as a client and a company would.

mod audit;
mod auth;
mod faults;
mod life;
mod moods;
mod pages;
mod projects;
mod sight;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::world::{ACME_CREDENTIAL, ACME_SNYK_TOKEN, World};
use super::{Sandbox, ids};
use crate::clock::{Clock, Pace};

/// When the tests happen.
fn now() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

/// A sandbox at [`now`] whose clock stands still.
async fn at_now(world: World) -> Sandbox {
    Sandbox::start(Clock::scaled(now(), Pace::Immediate), world).await.unwrap()
}

/// A client without any of the daemon's care.
fn http() -> reqwest::Client {
    // A second installation in this process finds the first, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "the sandbox is tested without the daemon's own client")]
    let builder = reqwest::Client::builder();
    builder.tls_certs_only([]).no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

struct Got {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

async fn send(request: reqwest::RequestBuilder) -> Got {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Got { status, headers, text: response.text().await.unwrap() }
}

/// The Bitbucket secret of a credential.
fn secret(sandbox: &Sandbox, name: &str) -> String {
    sandbox.world(|world| world.bitbucket.credential(name).unwrap().secret.clone())
}

/// GET from Bitbucket with the token that is saved in Snyk.
async fn bitbucket(sandbox: &Sandbox, path: &str) -> Got {
    let url = sandbox.bitbucket_api_url().join(path).unwrap();
    send(http().get(url).basic_auth("snyk-bot@acme.example", Some(secret(sandbox, ACME_CREDENTIAL)))).await
}

/// GET from Snyk's REST or V1 API with snykwatch's token.
async fn snyk(sandbox: &Sandbox, path: &str) -> Got {
    send(http().get(sandbox.snyk_api_url().join(path).unwrap()).header("authorization", snyk_authorization(sandbox)))
        .await
}

fn snyk_authorization(sandbox: &Sandbox) -> String {
    sandbox.world(|world| format!("token {}", world.snyk.token(ACME_SNYK_TOKEN).unwrap().secret))
}

fn group() -> uuid::Uuid {
    ids::uuid("group acme")
}

fn organization(number: usize) -> uuid::Uuid {
    ids::uuid(&format!("organization acme-team-{number:03}"))
}
