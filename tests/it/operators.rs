//! What people do while something is wrong, by the commands as they are typed, against the daemon that runs.

use std::path::Path;

use chrono::TimeDelta;
use snykwatch::clock::{Clock, Pace};
use snykwatch::sandbox::receivers::Trouble;
use snykwatch::sandbox::world::World;
use tokio::process::Command;

use crate::defects::{Receivers, alerting, bring_snyk_back, kill, probed, take_snyk_down, until_probed};
use crate::support::process::{Daemon, Finished};
use crate::support::virtual_time::{START, VirtualDaemon};
use crate::support::{Scene, eventually, free_address};

/// The problem of these stories, as `snykwatch incidents` names it.
const INCIDENT: &str = "UpstreamUnreachable/api/snyk/acme-us";

fn url_of(daemon: &Daemon) -> String {
    format!("http://{}/", daemon.address)
}

/// Types a command for a daemon.
async fn typed(scene: &Scene, url: &str, arguments: &[&str]) -> Finished {
    let mut arguments = arguments.to_vec();
    arguments.extend(["--url", url]);
    scene.ask_as_it_is(&arguments).await
}

/// Waits until `snykwatch incidents` says this.
async fn until_incidents_say(scene: &Scene, url: &str, text: &str) {
    let are_told = async || typed(scene, url, &["incidents"]).await.stdout.contains(text).then_some(());
    eventually(&format!("incidents says {text}"), are_told).await;
}

async fn is_healthy(scene: &Scene, receivers: &Receivers) -> Daemon {
    scene.write_text(&alerting(scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    daemon
}

#[tokio::test]
async fn a_silence_keeps_a_page_back_and_its_end_tells() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    let daemon = is_healthy(&scene, &receivers).await;
    let url = url_of(&daemon);
    let reason = "Snyk is moved to another region";
    let arguments = [
        "silence",
        "add",
        "--incident",
        INCIDENT,
        "--for",
        "1h",
        "--author",
        "alex",
        "--reason",
        reason,
        "--output",
        "json",
    ];
    let made = typed(&scene, &url, &arguments).await;
    made.exits(0);
    let made: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    let id = made["silence"]["id"].as_str().unwrap();

    take_snyk_down(&scene);
    until_incidents_say(&scene, &url, "silenced until").await;
    let shown = typed(&scene, &url, &["incidents"]).await;
    shown.exits(0);
    shown.says(&[INCIDENT, "by alex:", reason]);
    let listed = typed(&scene, &url, &["silence", "list"]).await;
    listed.says(&[id, "in force", "by alex:", reason, "covers", INCIDENT]);
    until_probed(&daemon, 6.0).await;
    assert_eq!((receivers.on_the_pager(), receivers.at_the_hook()), ((0, 0), (0, 0)), "nobody is told");

    let expired = typed(&scene, &url, &["silence", "expire", id]).await;
    expired.exits(0);
    receivers.until_paged().await;
    typed(&scene, &url, &["silence", "expire", "nosuch"]).await.exits(64);
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    receivers.have_one_episode();
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn who_takes_care_is_shown_and_outlives_a_kill() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    let daemon = is_healthy(&scene, &receivers).await;
    take_snyk_down(&scene);
    receivers.until_paged().await;
    let url = url_of(&daemon);
    let status = typed(&scene, &url, &["status"]).await;
    status.exits(0);
    status.says(&["integrations:", "connected", "open incidents:", "1 warning", "receiver pager (pagerduty)"]);
    let acknowledge = ["ack", INCIDENT, "--author", "alex", "--comment", "asked Snyk"];
    typed(&scene, &url, &acknowledge).await.exits(0);
    typed(&scene, &url, &["ack", "UpstreamUnreachable/api/nosuch", "--author", "alex"]).await.exits(64);
    typed(&scene, &url, &["incidents"]).await.says(&[INCIDENT, "acknowledged: by alex", "asked Snyk"]);
    kill(daemon).await;
    let daemon = scene.run_as_it_is().await;
    let url = url_of(&daemon);
    typed(&scene, &url, &["incidents"]).await.says(&[INCIDENT, "acknowledged: by alex", "asked Snyk"]);
    typed(&scene, &url, &["ack", INCIDENT, "--withdraw"]).await.exits(0);
    typed(&scene, &url, &["incidents"]).await.never_says("acknowledged");
    assert_eq!(receivers.on_the_pager(), (1, 0));
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    daemon.terminate().await.exits(0);
}

/// In virtual time: the shortest reminder is a minute.
#[tokio::test]
async fn an_acknowledgement_stops_reminders() {
    let clock = Clock::scaled(START.parse().unwrap(), Pace::Immediate);
    let mut participant = clock.participant();
    let start = clock.now();
    let world = World::acme(start - TimeDelta::days(4)).with_repositories(12).with_organizations(2);
    let scene = Scene::at(&clock, world).await;
    let receivers = Receivers::at(&clock, &scene).await;
    let configuration = alerting(&scene, &receivers.configuration());
    let configuration = configuration.replace("{ every: 500ms }", "{ every: 30s }");
    let configuration = configuration.replace("severity: [warning", "remind_every: 1m, severity: [warning");
    let daemon = VirtualDaemon::start(&scene, &clock, &configuration).await;
    let mut minute = 0;
    let mut after = async |minutes: i64| {
        minute += minutes;
        participant.sleep_until(start + TimeDelta::minutes(minute)).await;
        receivers.hook.tally().pages
    };
    after(2).await;
    take_snyk_down(&scene);
    let early = after(5).await;
    let late = after(5).await;
    assert!((4..=6).contains(&(late - early)), "a reminder a minute: {early}, then {late}");

    typed(&scene, &daemon.url(), &["ack", INCIDENT, "--author", "alex"]).await.exits(0);
    let told = after(1).await;
    assert_eq!(after(30).await, told, "nobody is reminded");
    assert!(told - late <= 1, "but told who takes care: {late}, then {told}");
    bring_snyk_back(&scene);
    after(5).await;
    assert_eq!(receivers.hook.tally().resolves, 1, "the end is told");
    assert_eq!(receivers.on_the_pager(), (1, 1));
    daemon.stop().await;
}

#[tokio::test]
async fn a_receiver_is_tested_through_the_whole_way() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    let daemon = is_healthy(&scene, &receivers).await;
    let url = url_of(&daemon);
    let tested = typed(&scene, &url, &["test-receiver", "hook"]).await;
    tested.exits(0);
    tested.says(&["hook accepted the test"]);
    assert_eq!(receivers.hook.receptions().len(), 1);
    assert_eq!(receivers.pager.receptions().len(), 0, "the others hear nothing of it");

    receivers.hook.set_trouble(Some(Trouble::Status(503)));
    let tested = typed(&scene, &url, &["test-receiver", "hook"]).await;
    tested.exits(1);
    tested.says(&["hook failed and is tried again", "503"]);
    receivers.hook.set_trouble(Some(Trouble::Redirect));
    let tested = typed(&scene, &url, &["test-receiver", "hook"]).await;
    tested.exits(1);
    receivers.hook.set_trouble(None);
    let unknown = typed(&scene, &url, &["test-receiver", "nosuch"]).await;
    unknown.exits(64);
    unknown.says(&["nosuch"]);
    daemon.terminate().await.exits(0);
    let nobody = format!("http://{}/", free_address().await);
    for command in [&["test-receiver", "hook"][..], &["incidents"], &["status"], &["silence", "list"]] {
        typed(&scene, &nobody, command).await.exits(69);
    }
}

#[tokio::test]
async fn a_backup_is_made_while_it_runs_and_restored_when_it_does_not() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    let daemon = is_healthy(&scene, &receivers).await;
    take_snyk_down(&scene);
    receivers.until_paged().await;
    let copy = scene.directory().join("copy.db");
    let copy = copy.to_str().unwrap();
    let made = scene.ask_as_it_is(&["backup", copy]).await;
    made.exits(0);
    made.says(&[copy, "revision", "checked"]);
    let again = scene.ask_as_it_is(&["backup", copy]).await;
    again.exits(64);
    let in_use = scene.ask_as_it_is(&["restore", copy]).await;
    in_use.exits(69);
    kill(daemon).await;

    std::fs::write(scene.directory().join("snykwatch.db"), "this was a database").unwrap();
    let refused = scene.ask_as_it_is(&["run"]).await;
    assert_ne!(refused.code, Some(0), "{}", refused.screen());
    refused.says(&["restore"]);
    scene.ask_as_it_is(&["restore", "nosuch.db"]).await.exits(64);
    let restored = scene.ask_as_it_is(&["restore", copy]).await;
    restored.exits(0);
    restored.says(&["snykwatch.db", "restored revision", "the file that was there is now"]);

    let daemon = scene.run_as_it_is().await;
    until_incidents_say(&scene, &url_of(&daemon), INCIDENT).await;
    // It may have ended after the copy was made, and begun again.
    let is_told_once_more = async || (receivers.at_the_hook() == (2, 0)).then_some(());
    eventually("who reads messages is told once more", is_told_once_more).await;
    until_probed(&daemon, 6.0).await;
    assert_eq!((receivers.on_the_pager(), receivers.at_the_hook()), ((1, 0), (2, 0)), "nobody is paged again");
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    assert_eq!((receivers.on_the_pager(), receivers.at_the_hook()), ((1, 1), (2, 1)));
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn who_observes_sends_nothing_and_lists_what_would_have_been_sent() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is_with(&["--observe"]).await;
    daemon.until_group_is("connected").await;
    daemon.until_log_says("observing: nothing is sent").await;
    take_snyk_down(&scene);
    let listed = |kind: &'static str| {
        let daemon = &daemon;
        move || async move {
            let notifications = daemon.get("/api/v1/notifications").await.json();
            let notifications = notifications["notifications"].as_array().unwrap().clone();
            let withheld = notifications.iter().filter(|one| one["kind"] == kind && one["state"] == "withheld");
            (withheld.count() == 2).then_some(())
        }
    };
    eventually("the begin is listed for both receivers", listed("trigger")).await;
    bring_snyk_back(&scene);
    eventually("the end is listed for both receivers", listed("resolve")).await;
    assert!(receivers.pager.receptions().is_empty() && receivers.hook.receptions().is_empty(), "nothing was sent");
    daemon.terminate().await.exits(0);
}

/// A limit on the size of files stands in for a disk that is full: every write beyond it fails.
#[tokio::test]
async fn on_a_full_disk_monitoring_goes_on_and_pages_wait_for_room() {
    const STORE_ERRORS: &str = "snykwatch_store_errors_total";
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = Daemon::start(told_of_full_disks(scene.directory(), &scene.path())).await;
    daemon.until_group_is("connected").await;
    assert_eq!(daemon.metric(STORE_ERRORS).await, Some(0.0));

    limit_files(&daemon, "4096").await;
    take_snyk_down(&scene);
    daemon.until_metric(r#"snykwatch_upstream_up{api="snyk/acme-us"}"#, 0.0).await;
    let failed = async |more: f64| (daemon.metric(STORE_ERRORS).await? >= more).then_some(());
    eventually("failed commits are counted", || failed(3.0)).await;
    let before = probed(&daemon).await;
    until_probed(&daemon, 6.0).await;
    assert!(probed(&daemon).await >= before + 6.0, "monitoring goes on");
    let url = url_of(&daemon);
    until_incidents_say(&scene, &url, INCIDENT).await;
    assert_eq!((receivers.on_the_pager(), receivers.at_the_hook()), ((0, 0), (0, 0)), "what is no row is not sent");
    assert!(daemon.stderr().contains("could not commit the state"), "{}", daemon.stderr());

    limit_files(&daemon, "unlimited").await;
    receivers.until_paged().await;
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    receivers.have_one_episode();
    daemon.terminate().await.exits(0);
}

/// `run`, by a shell that has the signal ignored which comes with the limit, as a full disk sends none.
fn told_of_full_disks(directory: &Path, configuration: &Path) -> Command {
    let binary = env!("CARGO_BIN_EXE_snykwatch");
    let mut command = Command::new("sh");
    command.current_dir(directory).env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "LLVM_PROFILE_FILE"));
    command.arg("-c").arg("trap '' XFSZ; exec \"$0\" --config \"$1\" run").arg(binary).arg(configuration);
    command
}

/// From now on no file of the daemon may grow beyond this.
async fn limit_files(daemon: &Daemon, bytes: &str) {
    let (process, limit) = (daemon.id().to_string(), format!("--fsize={bytes}:unlimited"));
    let set = Command::new("prlimit").args(["--pid", &process, &limit]).status().await.unwrap();
    assert!(set.success());
}
