//! Many targets, and one among them that fails.

use chrono::TimeDelta;
use snykwatch::clock::Clock;
use snykwatch::sandbox::world::World;
use snykwatch::sandbox::{Api, FaultKind};

use crate::support::configuration::Configuration;
use crate::support::process::Daemon;
use crate::support::strangers::SlowWay;
use crate::support::{Scene, eventually};

async fn with_organizations(count: usize) -> Scene {
    let beginning = Clock::system().now() - TimeDelta::days(4);
    Scene::of(World::acme(beginning).with_repositories(count).with_organizations(count)).await
}

async fn until_organizations(daemon: &Daemon, status: &str, count: f64) {
    let series = format!(r#"snykwatch_integrations{{level="organization",scm="bitbucket-cloud",status="{status}"}}"#);
    daemon.until_metric(&series, count).await;
}

/// Elsewhere: one 403 withholds the series of all.
#[tokio::test]
async fn i_one_forbidden_target_of_a_hundred_is_alone() {
    let scene = with_organizations(100).await;
    scene.sandbox.world(|world| {
        let id = world.snyk.organizations[42].id;
        for path in ["/rest/orgs", "/v1/org"] {
            world.break_path(Api::Snyk, &format!("{path}/{id}"), FaultKind::Status(403));
        }
    });
    let daemon = scene.run(&scene.configuration()).await;
    until_organizations(&daemon, "connected", 99.0).await;
    until_organizations(&daemon, "unknown", 1.0).await;
    daemon.until_group_is("connected").await;
    assert_eq!(daemon.metric(r#"snykwatch_credential_valid{credential="acme-us"}"#).await, Some(1.0));
    daemon.terminate().await.exits(0);
}

/// Elsewhere: one after the other, ten seconds for a hundred.
#[tokio::test]
async fn j_slow_answers_are_waited_for_together_and_not_all_at_once() {
    const DELAY: std::time::Duration = std::time::Duration::from_millis(100);
    /// More at once than any budget of one credential is meant to allow.
    const TOO_MANY: usize = 40;
    let scene = with_organizations(40).await;
    let way = SlowWay::to(&scene.sandbox.snyk_api_url(), DELAY).await;
    let configuration = Configuration { snyk_url: way.url(), ..scene.configuration() };
    let daemon = scene.run(&configuration).await;
    until_organizations(&daemon, "connected", 40.0).await;
    let busiest = way.busiest();
    assert!((2..TOO_MANY).contains(&busiest), "{busiest} requests at once");
    daemon.terminate().await.exits(0);
}

/// Elsewhere: 0.2 to 1 second for each, at the start and at each reload.
#[tokio::test]
async fn k_a_reload_disturbs_none_of_many_targets() {
    /// So many looks without a request: the round is over.
    const STILL: usize = 40;
    let scene = with_organizations(200).await;
    let configuration = scene.configuration();
    let daemon = scene.run(&configuration).await;
    until_organizations(&daemon, "connected", 200.0).await;
    daemon.until_group_is("connected").await;
    let (mut before, mut looks) = (0, 0);
    let is_still = async || {
        let now = scene.sandbox.requests().len();
        looks = if now == before { looks + 1 } else { 0 };
        before = now;
        (looks >= STILL).then_some(now)
    };
    let asked = eventually("the first round is over", is_still).await;
    let text = configuration.to_string();
    let owned =
        text.replace("    scm: bitbucket-cloud\n", "    scm: bitbucket-cloud\n    owner: devops@acme.example\n");
    scene.write_text(&owned);
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);
    let is_owned = async || (daemon.group().await["owner"] == "devops@acme.example").then_some(());
    eventually("the owner is shown", is_owned).await;
    until_organizations(&daemon, "connected", 200.0).await;
    let again = scene.sandbox.requests().len() - asked;
    assert!(again < 200, "a reload asked {again} times");
    daemon.terminate().await.exits(0);
}
