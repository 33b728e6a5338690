//! Many targets, and one among them that fails.
//!
//! How fast many targets may be asked is given by the request budget: a few dozen at once, a thousand within half an
//! hour. What takes that long is tested in virtual time, or by the budget alone (`src/app/plan/tests.rs`).

use std::time::Duration;

use chrono::TimeDelta;
use snykwatch::clock::{Clock, Pace};
use snykwatch::sandbox::world::World;
use snykwatch::sandbox::{Api, FaultKind};

use crate::support::configuration::Configuration;
use crate::support::process::Daemon;
use crate::support::strangers::SlowWay;
use crate::support::virtual_time::{START, VirtualDaemon};
use crate::support::{Scene, eventually};

/// So many can be asked again every few seconds.
const SOME: usize = 8;

/// So many are asked at once.
const A_FEW: usize = 24;

fn world(beginning: chrono::DateTime<chrono::Utc>, count: usize) -> World {
    World::acme(beginning).with_repositories(count).with_organizations(count)
}

async fn with_organizations(count: usize) -> Scene {
    Scene::of(world(Clock::system().now() - TimeDelta::days(4), count)).await
}

fn organizations(status: &str) -> String {
    format!(r#"snykwatch_integrations{{level="organization",scm="bitbucket-cloud",status="{status}"}}"#)
}

async fn until_organizations(daemon: &Daemon, status: &str, count: usize) {
    daemon.until_metric(&organizations(status), count as f64).await;
}

fn forbid_one(scene: &Scene, index: usize) {
    scene.sandbox.world(|world| {
        let id = world.snyk.organizations[index].id;
        for path in ["/rest/orgs", "/v1/org"] {
            world.break_path(Api::Snyk, &format!("{path}/{id}"), FaultKind::Status(403));
        }
    });
}

/// Elsewhere: one 403 withholds the series of all.
#[tokio::test]
async fn i_one_forbidden_target_is_alone() {
    let scene = with_organizations(SOME).await;
    let configuration = scene.configuration().to_string();
    scene.write_text(&configuration.replace("  organizations: { every: 1h }", "  organizations: { every: 10s }"));
    let daemon = scene.run_as_it_is().await;
    until_organizations(&daemon, "connected", SOME).await;
    forbid_one(&scene, 7);
    until_organizations(&daemon, "unknown", 1).await;
    until_organizations(&daemon, "connected", SOME - 1).await;
    assert_eq!(daemon.group().await["status"]["status"], "connected");
    assert_eq!(daemon.metric(r#"snykwatch_credential_valid{credential="acme-us"}"#).await, Some(1.0));
    daemon.terminate().await.exits(0);
}

/// The same with as many as it was found with, in virtual time.
#[tokio::test]
async fn i_one_forbidden_target_of_a_hundred_is_alone() {
    let clock = Clock::scaled(START.parse().unwrap(), Pace::Immediate);
    let mut participant = clock.participant();
    let start = clock.now();
    let scene = Scene::at(&clock, world(start - TimeDelta::days(4), 100)).await;
    let daemon = VirtualDaemon::start(&scene, &clock, &scene.configuration().to_string()).await;
    participant.sleep_until(start + TimeDelta::minutes(30)).await;
    assert_eq!(daemon.organizations("connected").await, 100);
    forbid_one(&scene, 42);
    participant.sleep_until(start + TimeDelta::minutes(95)).await;
    assert_eq!((daemon.organizations("connected").await, daemon.organizations("unknown").await), (99, 1));
    daemon.stop().await;
}

/// Elsewhere: one after the other, ten seconds for a hundred.
#[tokio::test]
async fn j_slow_answers_are_waited_for_together_and_not_all_at_once() {
    const DELAY: Duration = Duration::from_millis(100);
    /// More at once than any budget of one credential is meant to allow.
    const TOO_MANY: usize = 20;
    let scene = with_organizations(A_FEW).await;
    let way = SlowWay::to(&scene.sandbox.snyk_api_url(), DELAY).await;
    let configuration = Configuration { snyk_url: way.url(), ..scene.configuration() };
    let daemon = scene.run(&configuration).await;
    until_organizations(&daemon, "connected", A_FEW).await;
    let busiest = way.busiest();
    assert!((2..TOO_MANY).contains(&busiest), "{busiest} requests at once");
    daemon.terminate().await.exits(0);
}

/// Elsewhere: 0.2 to 1 second for each, at the start and at each reload.
#[tokio::test]
async fn k_a_reload_disturbs_none_of_many_targets() {
    /// So many looks without a request: the round is over.
    const STILL: usize = 40;
    let scene = with_organizations(A_FEW).await;
    let configuration = scene.configuration();
    let daemon = scene.run(&configuration).await;
    until_organizations(&daemon, "connected", A_FEW).await;
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
    until_organizations(&daemon, "connected", A_FEW).await;
    let again = scene.sandbox.requests().len() - asked;
    assert!(again < A_FEW, "a reload asked {again} times");
    daemon.terminate().await.exits(0);
}
