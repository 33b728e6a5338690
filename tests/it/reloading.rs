//! Reloads: what is right is taken over, what is wrong changes nothing, what did not change is not disturbed.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::Value;
use snykwatch::clock::{Clock, Pace};
use snykwatch::sandbox::world::{ACME_CREDENTIAL, World};
use snykwatch::sandbox::{Api, RequestRecord};
use tokio::process::Command;

use crate::support::configuration::{Configuration, INTEGRATION};
use crate::support::process::{Daemon, Process, condition, snykwatch};
use crate::support::virtual_time::{START, VirtualDaemon};
use crate::support::{Scene, eventually, skip};

const SUCCESSFUL: &str = "snykwatch_config_last_reload_successful";

/// When each condition of the Group was observed, as the API says it.
fn observed(group: &Value) -> Vec<Value> {
    let conditions = group["conditions"].as_array().unwrap().iter();
    conditions.map(|condition| condition["observed_at"].clone()).collect()
}

/// Waits until everything is connected and the last probe of the first round is back.
async fn settled(daemon: &Daemon) -> Value {
    for (probe, runs) in [("snyk_token", 1.0), ("scm_credential", 1.0), ("inventory", 1.0), ("webhooks", 2.0)] {
        daemon.until_metric(&format!(r#"snykwatch_probes_total{{probe="{probe}"}}"#), runs).await;
    }
    daemon
        .until_metric(r#"snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="connected"}"#, 2.0)
        .await;
    daemon.until_group_is("connected").await
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_says_where_it_is_wrong() {
    let scene = Scene::healthy().await;
    let good = scene.configuration();
    let daemon = scene.run(&good).await;
    let before = settled(&daemon).await;
    let success = "snykwatch_config_last_reload_success_timestamp_seconds";
    let reloaded_at = daemon.metric(success).await.unwrap();

    // The unknown key is on line 12, behind four spaces.
    scene.write_text(&good.to_string().replace("    scm: bitbucket-cloud\n", "    smc: bitbucket-cloud\n"));
    let place = format!("{}:13:5", scene.path().display());
    daemon.signal("HUP").await;
    daemon.until_metric(SUCCESSFUL, 0.0).await;
    daemon.until_log_says("configuration not reloaded, the one before stays in force").await;
    assert!(daemon.stderr().contains(&place), "{place}:\n{}", daemon.stderr());
    let refused = daemon.request("POST", "/-/reload", "").await;
    assert_eq!(refused.status, 400);
    for text in [&place, "unknown key `smc`", "`scm`"] {
        assert!(refused.text().contains(text), "{text}: {}", refused.text());
    }

    let group = daemon.group().await;
    assert_eq!(group["status"], before["status"]);
    assert_eq!(observed(&group), observed(&before));
    assert_eq!(daemon.metric(success).await, Some(reloaded_at));

    scene.write(&good);
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);
    daemon.until_metric(SUCCESSFUL, 1.0).await;
    assert_eq!(observed(&daemon.group().await), observed(&before));
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn a_file_that_is_gone_or_no_yaml_changes_nothing() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    settled(&daemon).await;
    for wreck in ["\u{0}\u{1}", "integrations: [", "snyk: *nothing", ""] {
        scene.write_text(wreck);
        let refused = daemon.request("POST", "/-/reload", "").await;
        assert_eq!(refused.status, 400, "{wreck:?}: {}", refused.text());
        assert!(refused.text().contains("snykwatch.yaml"), "{wreck:?}: {}", refused.text());
    }
    std::fs::remove_file(scene.path()).unwrap();
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 400);
    assert_eq!(daemon.group().await["status"]["status"], "connected");
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn a_changed_file_is_noticed_and_disturbs_nobody_else() {
    let scene = Scene::healthy().await;
    let good = scene.configuration();
    let daemon = scene.run(&good).await;
    let before = settled(&daemon).await;
    let asked = scene.sandbox.requests().len();

    let text = good.to_string();
    let owned =
        text.replace("    scm: bitbucket-cloud\n", "    scm: bitbucket-cloud\n    owner: devops@acme.example\n");
    scene.write_text(&owned);
    let after = eventually("the owner is shown", async || {
        let group = daemon.group().await;
        (group["owner"] == "devops@acme.example").then_some(group)
    });
    let after = after.await;
    assert_eq!(observed(&after), observed(&before));
    assert_eq!(after["status"]["since"], before["status"]["since"]);
    assert_eq!(scene.sandbox.requests().len(), asked, "what is known is not asked again");
    assert!(daemon.stderr().contains("a configuration or secret file changed"));
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn an_integration_more_disturbs_no_other() {
    let scene = Scene::healthy().await;
    let good = scene.configuration();
    let daemon = scene.run(&good).await;
    let before = settled(&daemon).await;
    std::fs::create_dir(scene.directory().join("conf.d")).unwrap();
    let second = "integrations:
  acme-second:
    scm: bitbucket-cloud
    group:
      snyk: acme-us
      id: 0d3728ec-eebf-484d-9907-ba238019f10b
      profiles: { main: { credential: bitbucket-acme, workspaces: [acme] } }
";
    std::fs::write(scene.directory().join("conf.d/second.yaml"), second).unwrap();
    daemon.signal("HUP").await;
    let names = eventually("the second integration is watched", async || {
        let all = daemon.get("/api/v1/integrations").await.json();
        let names =
            all["integrations"].as_array().unwrap().iter().map(|one| one["integration"].as_str().unwrap().to_owned());
        let names: BTreeSet<String> = names.collect();
        (names.len() == 2).then_some(names)
    });
    assert!(names.await.contains("acme-second"));
    let group = daemon.group().await;
    assert_eq!(condition(&group, "SyncCurrent")["observed_at"], condition(&before, "SyncCurrent")["observed_at"]);
    assert_eq!(group["status"]["since"], before["status"]["since"]);
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn a_rotated_secret_is_picked_up_and_asked_about_at_once() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    settled(&daemon).await;
    let rotate = |world: &mut World| world.rotate_credential(ACME_CREDENTIAL, "snyk-integration-2", None);
    let new = scene.sandbox.world(rotate).unwrap();
    scene.write_secret("bitbucket-token", &new);
    // Nothing is due for an hour but what the new secret brings about.
    let noticed = async || {
        let credential = daemon.get("/api/v1/credentials").await.json()["credentials"][1].clone();
        (!credential["rotated_at"].is_null() && credential["valid"]["truth"] == "true").then_some(())
    };
    eventually("the rotation is noticed", noticed).await;
    let used = |asked: &RequestRecord| asked.credential.as_deref() == Some("snyk-integration-2");
    assert!(scene.sandbox.requests().iter().any(used));
    assert!(daemon.stderr().contains("1 secret is new"), "{}", daemon.stderr());
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn a_secret_file_that_is_gone_leaves_the_secret_in_force() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    settled(&daemon).await;
    std::fs::remove_file(scene.directory().join("snyk-token")).unwrap();
    daemon.until_metric(SUCCESSFUL, 0.0).await;
    daemon.until_log_says("snyk-token").await;
    assert_eq!(daemon.group().await["status"]["status"], "connected");
    scene.write_secret("snyk-token", &scene.snyk_secret());
    daemon.until_metric(SUCCESSFUL, 1.0).await;
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn another_group_is_not_connected_by_what_was_seen_of_the_one_before() {
    let scene = Scene::healthy().await;
    let good = scene.configuration();
    let daemon = scene.run(&good).await;
    settled(&daemon).await;
    let other = Configuration { group: uuid::Uuid::from_u128(7), ..good.clone() };
    scene.write(&other);
    let denied = eventually("the other Group was asked about", async || {
        let group = daemon.group().await;
        (condition(&group, "SnykAccessible")["truth"] == "false").then_some(group)
    });
    let group = denied.await;
    assert_eq!(group["status"]["status"], "unknown", "{group:#}");
    assert!(group["status"]["last_connected_at"].is_null(), "{group:#}");
    for name in ["InventoryPopulated", "InventoryComplete", "SyncCurrent"] {
        assert_ne!(condition(&group, name)["truth"], "true", "{name}: {group:#}");
    }
    // A restart with yet another file is no other way in.
    daemon.terminate().await.exits(0);
    scene.write(&good);
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    daemon.terminate().await.exits(0);
}

/// An Organization, so that something of the integration is left while there is no `group` block.
fn without_group(scene: &Scene, configuration: &Configuration) -> String {
    let organization = scene.sandbox.world(|world| world.snyk.organizations[0].id);
    let text = configuration.to_string();
    let (before, block) = text.split_once("    group:\n").unwrap();
    let (_, after) = block.split_once("    organizations:").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    let organizations =
        format!("    organizations: {{ snyk: acme-us, credential: bitbucket-acme, discover: [{organization}] }}\n");
    format!("{before}{organizations}{after}")
}

/// What the API says of the Group's integration once the Inventory was found empty. Until then it says whatever it said
/// before a reload, and from then on, or after a restart, never that the Group is connected.
async fn found_empty(daemon: &Daemon, mut is_another: bool) -> Value {
    let look = async || {
        let page = daemon.get(&format!("/api/v1/integrations/{INTEGRATION}")).await;
        let group = (page.status == 200).then(|| page.json()["integration"].clone())?;
        if group["status"]["status"] == "connected" {
            assert!(!is_another, "{group:#}");
            return None;
        }
        is_another = true;
        let conditions = group["conditions"].as_array()?.iter();
        let mut populated = conditions.filter(|one| one["condition"] == "InventoryPopulated");
        populated.next().is_some_and(|one| one["truth"] == "false").then_some(group)
    };
    eventually("the Inventory is found empty", look).await
}

/// Nothing of what was seen of another Group, or of this one elsewhere, counts for this one.
#[track_caller]
fn is_judged_anew(group: &Value) {
    let status = &group["status"];
    assert!(["setup_in_progress", "partially_connected"].contains(&status["status"].as_str().unwrap()), "{group:#}");
    assert!(status["last_connected_at"].is_null(), "{group:#}");
    for name in ["InventoryComplete", "SyncCurrent"] {
        assert_ne!(condition(group, name)["truth"], "true", "{name}: {group:#}");
    }
    assert_eq!(group["progress"]["found"], 0, "{group:#}");
}

/// A second Group, which is empty, and the token that reads it.
fn empty_group(scene: &Scene) -> Configuration {
    let group = scene.sandbox.world(|world| world.add_group("other-group", "other-token"));
    let token = scene.sandbox.world(|world| world.snyk.token("other-token").unwrap().secret.clone());
    scene.write_secret("snyk-token", &token);
    Configuration { group, ..scene.configuration() }
}

#[tokio::test]
async fn another_group_after_a_restart_is_judged_by_what_is_seen_of_it() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    settled(&daemon).await;
    daemon.terminate().await.exits(0);
    let other = empty_group(&scene);
    let daemon = scene.run(&other).await;
    is_judged_anew(&found_empty(&daemon, true).await);
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn a_group_that_is_taken_away_and_another_that_is_added_share_nothing() {
    let scene = Scene::healthy().await;
    let good = scene.configuration();
    let daemon = scene.run(&good).await;
    settled(&daemon).await;
    scene.write_text(&without_group(&scene, &good));
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);
    let is_gone = async || {
        let all = daemon.get("/api/v1/integrations").await.json();
        let mut views = all["integrations"].as_array().unwrap().iter();
        (!views.any(|one| one["level"] == "group")).then_some(())
    };
    eventually("the Group is watched no more", is_gone).await;
    let other = empty_group(&scene);
    scene.write(&other);
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);
    is_judged_anew(&found_empty(&daemon, true).await);
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn the_same_group_id_at_another_api_is_another_group() {
    for by_restart in [false, true] {
        let scene = Scene::healthy().await;
        // The same ids in another region, where nothing was synchronised yet.
        let elsewhere = Scene::of(World::acme(Clock::system().now() - TimeDelta::hours(1)).with_repositories(12)).await;
        let good = scene.configuration();
        let daemon = scene.run(&good).await;
        settled(&daemon).await;
        assert_eq!(elsewhere.configuration().group, good.group);
        let moved = Configuration { snyk_url: elsewhere.configuration().snyk_url, ..good };
        scene.write_secret("snyk-token", &elsewhere.snyk_secret());
        let daemon = if by_restart {
            daemon.terminate().await.exits(0);
            scene.run(&moved).await
        } else {
            scene.write(&moved);
            assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);
            daemon
        };
        is_judged_anew(&found_empty(&daemon, by_restart).await);
        daemon.terminate().await.exits(0);
    }
}

/// Requests since the last look: those that the old token was accepted with, and those that Bitbucket rejected.
fn asked_with_old(scene: &Scene) -> (usize, usize) {
    let requests = scene.sandbox.requests();
    scene.sandbox.forget_requests();
    let accepted = |asked: &&RequestRecord| asked.credential.as_deref() == Some(ACME_CREDENTIAL);
    let rejected = |asked: &&RequestRecord| asked.api == Api::Bitbucket && asked.status == Some(401);
    (requests.iter().filter(accepted).count(), requests.iter().filter(rejected).count())
}

#[tokio::test]
async fn the_token_before_a_rotation_is_asked_until_it_is_rejected() {
    let clock = Clock::scaled(START.parse().unwrap(), Pace::Immediate);
    let mut participant = clock.participant();
    let start = clock.now();
    let scene = Scene::at(&clock, World::acme(start - TimeDelta::days(4)).with_repositories(12)).await;
    let text = scene.configuration().without_organizations().every("30m").to_string();
    let daemon = VirtualDaemon::start(&scene, &clock, &text).await;
    participant.sleep_until(start + TimeDelta::hours(1)).await;
    let new = scene.sandbox.world(|world| world.rotate_credential(ACME_CREDENTIAL, "snyk-integration-2", None));
    scene.write_secret("bitbucket-token", &new.unwrap());
    daemon.0.reload().await;
    asked_with_old(&scene);
    // One question in each round, beside those with the new one.
    for hour in 2..5 {
        participant.sleep_until(start + TimeDelta::hours(hour)).await;
        let (accepted, rejected) = asked_with_old(&scene);
        assert!((1..=4).contains(&accepted) && rejected == 0, "hour {hour}: {accepted} accepted, {rejected} rejected");
    }
    // Another reload changes nothing of it.
    scene.write_text(&text.replace("    scm: bitbucket-cloud\n", "    scm: bitbucket-cloud\n    owner: platform\n"));
    daemon.0.reload().await;
    participant.sleep_until(start + TimeDelta::hours(5)).await;
    assert_ne!(asked_with_old(&scene).0, 0);
    scene.sandbox.world(|world| world.revoke_credential(ACME_CREDENTIAL));
    participant.sleep_until(start + TimeDelta::hours(7)).await;
    // A rejection is confirmed by another question.
    let (accepted, rejected) = asked_with_old(&scene);
    assert!(accepted == 0 && rejected >= 2, "{accepted} accepted, {rejected} rejected");
    participant.sleep_until(start + TimeDelta::hours(12)).await;
    assert_eq!(asked_with_old(&scene), (0, 0), "its end is known");
    let credentials = daemon.get("/api/v1/credentials").await.json();
    assert_eq!(credentials["credentials"][1]["valid"]["truth"], "true", "{credentials:#}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_pipe_is_waited_for_aloud_at_the_start_and_refused_by_a_reload() {
    let scene = Scene::healthy().await;
    assert!(std::process::Command::new("mkfifo").arg(scene.path()).status().unwrap().success());
    let mut command = snykwatch(scene.directory());
    command.arg("--config").arg(scene.path()).arg("run");
    let process = Process::start(command);
    let says_so = async || process.stderr.text().contains("still reading the configuration").then_some(());
    eventually("the start says what it waits for", says_so).await;
    let (main, text) = (scene.path(), scene.configuration().to_string());
    tokio::task::spawn_blocking(move || std::fs::write(main, text)).await.unwrap().unwrap();
    let daemon = Daemon::of(process).await;
    let refused = daemon.request("POST", "/-/reload", "").await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("it is a pipe or a device: name an ordinary file"), "{}", refused.text());
    daemon.terminate().await.exits(0);
}

/// Keeps whoever opens a file waiting, as a disk does that is away: a lease that its holder does not give up.
const LEASE: &str = "
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
held = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('held', flush=True)
time.sleep(600)
";

#[tokio::test]
async fn a_file_that_does_not_answer_holds_up_neither_the_reason_nor_the_end() {
    if Command::new("python3").arg("--version").output().await.is_err() {
        return skip("python3");
    }
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    let mut command = Command::new("python3");
    command.arg("-c").arg(LEASE).arg(scene.path());
    let holder = Process::start(command);
    eventually("the file is leased", async || holder.stdout.text().contains("held").then_some(())).await;

    let refused = daemon.request("POST", "/-/reload", "").await;
    assert_eq!(refused.status, 400);
    let why = "the configuration could not be read within 10 s";
    assert!(refused.text().contains(why), "{}", refused.text());
    daemon.until_group_is("connected").await;

    // A second one is under way when the end comes. The first still waits for the file.
    daemon.signal("HUP").await;
    let threads = format!("/proc/{}/task", daemon.id());
    let reloads = || {
        let names = std::fs::read_dir(&threads).unwrap().filter_map(Result::ok).map(|one| one.path().join("comm"));
        names.filter(|name| std::fs::read_to_string(name).is_ok_and(|name| name.trim() == "reload")).count()
    };
    eventually("a second reload is under way", async || (reloads() == 2).then_some(())).await;
    let ended = daemon.terminate().await;
    ended.exits(0);
    ended.says(&["stopping; the reload is given up"]);
    assert_eq!(ended.stderr.matches(why).count(), 1, "the end waited:\n{}", ended.stderr);
}
