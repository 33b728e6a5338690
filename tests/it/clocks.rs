//! Wall clocks that jump under the running daemon. Debian's `faketime` shows it another wall clock than the world has,
//! and leaves the monotonic and the boot clock alone, as a time server does.

use std::path::PathBuf;

use chrono::{SecondsFormat, TimeDelta};
use serde_json::Value;
use snykwatch::clock::Clock;
use snykwatch::sandbox::receivers::Trouble;
use snykwatch::sandbox::world::World;
use tokio::process::Command;

use crate::defects::{Receivers, alerting, bring_snyk_back, kill, take_snyk_down, until_probed};
use crate::support::process::{self, Daemon, Finished};
use crate::support::{Scene, eventually, skip};

/// Where Debian's package has it, below the directory of each architecture.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

fn library() -> Option<PathBuf> {
    let architectures = std::fs::read_dir("/usr/lib").ok()?;
    let found = architectures.flatten().map(|entry| entry.path().join(LIBRARY)).find(|path| path.is_file());
    if found.is_none() {
        skip("faketime");
    }
    found
}

/// The wall clock that a process sees.
struct WallClock {
    library: PathBuf,
    file: PathBuf,
}

impl WallClock {
    /// Ahead of the world's by so much, as faketime writes it.
    fn of(scene: &Scene, offset: &str) -> Option<Self> {
        let clock = Self { library: library()?, file: scene.directory().join("wall-clock") };
        clock.set(offset);
        Some(clock)
    }

    fn set(&self, offset: &str) {
        // In one piece: it is read all the time.
        let new = self.file.with_extension("new");
        std::fs::write(&new, offset).unwrap();
        std::fs::rename(new, &self.file).unwrap();
    }

    fn command(&self, scene: &Scene, arguments: &[&str]) -> Command {
        let mut command = process::snykwatch(scene.directory());
        command.arg("--config").arg(scene.path()).args(arguments);
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    }

    async fn run(&self, scene: &Scene) -> Daemon {
        Daemon::start(self.command(scene, &["run"])).await
    }
}

/// A profile that was set up an hour ago and waits for its first sync. Snyk's token is asked all the time.
async fn set_up_an_hour_ago() -> Scene {
    let set_up = Clock::system().now() - TimeDelta::hours(1);
    let scene = Scene::of(World::acme(set_up).with_repositories(12)).await;
    let configured_at = set_up.to_rfc3339_opts(SecondsFormat::Secs, true);
    let configuration = scene.configuration().without_organizations().to_string();
    let configuration = configuration
        .replace("      snyk: acme-us\n", &format!("      snyk: acme-us\n      configured_at: {configured_at}\n"))
        .replace("  snyk: { every: 1h }", "  snyk: { every: 500ms }");
    assert!(configuration.contains("configured_at") && configuration.contains("500ms"), "{configuration}");
    scene.write_text(&format!("{configuration}storage: {{ sqlite: {{ path: snykwatch.db }} }}\n"));
    scene
}

async fn open_incidents(daemon: &Daemon) -> Vec<Value> {
    let incidents = daemon.get("/api/v1/incidents").await.json()["incidents"].as_array().unwrap().clone();
    incidents.into_iter().filter(|incident| !incident["opened_at"].is_null()).collect()
}

/// Waits until the log says this so many times.
async fn until_log_says(daemon: &Daemon, text: &str, times: usize) {
    let says = async || (daemon.stderr().matches(text).count() >= times).then_some(());
    eventually(text, says).await;
}

/// Elsewhere, and here before: a day passes in eight seconds, and the page of the 13th hour is sent in the first.
#[tokio::test]
async fn a_wall_clock_that_is_a_day_wrong_for_a_moment_pages_nobody() {
    let scene = set_up_an_hour_ago().await;
    let Some(clock) = WallClock::of(&scene, "+0") else { return };
    let daemon = clock.run(&scene).await;
    let before = daemon.until_group_is("partially_connected").await;
    for (offset, times) in [("+1d", 1), ("-1d", 2)] {
        clock.set(offset);
        until_log_says(&daemon, "the wall clock jumped", times).await;
        until_probed(&daemon, 6.0).await;
        assert_eq!(open_incidents(&daemon).await, Vec::<Value>::new(), "{offset}");
        clock.set("+0");
        until_log_says(&daemon, "the wall clock is where it was before it jumped", times).await;
    }
    until_probed(&daemon, 6.0).await;
    let after = daemon.group().await;
    for field in ["status", "since", "reason"] {
        assert_eq!(after["status"][field], before["status"][field], "{field}");
    }
    assert_eq!(open_incidents(&daemon).await, Vec::<Value>::new());
    assert!(!daemon.stderr().contains("down for"), "there was no gap:\n{}", daemon.stderr());
    daemon.terminate().await.exits(0);
}

/// A machine whose clock is behind when it starts is watched all the same, and follows when the clock is set.
#[tokio::test]
async fn a_clock_that_is_behind_at_the_start_stops_nobody() {
    let scene = set_up_an_hour_ago().await;
    let Some(clock) = WallClock::of(&scene, "-1d") else { return };
    let checked = Finished::of(clock.command(&scene, &["config", "validate"])).await;
    checked.exits(78);
    checked.says(&["lies in the future"]);
    let daemon = clock.run(&scene).await;
    daemon.until_log_says("lies in the future").await;
    until_probed(&daemon, 6.0).await;
    assert_eq!(open_incidents(&daemon).await, Vec::<Value>::new());
    clock.set("+0");
    daemon.until_log_says("down for 14").await;
    daemon.until_group_is("partially_connected").await;
    assert_eq!(open_incidents(&daemon).await, Vec::<Value>::new());
    daemon.terminate().await.exits(0);
}

/// The clock ran ahead since the start. Set right while a page waits for its retry, it delays nothing.
#[tokio::test]
async fn a_clock_that_is_set_back_delays_no_page() {
    let scene = Scene::healthy().await;
    let Some(clock) = WallClock::of(&scene, "+4m") else { return };
    // By more than five minutes a webhook would be refused: it is signed with its time.
    let receivers = Receivers::of(&scene).await;
    receivers.pager.set_trouble(Some(Trouble::Status(503)));
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = clock.run(&scene).await;
    eventually("the Group is known", async || (!daemon.group().await["status"].is_null()).then_some(())).await;
    take_snyk_down(&scene);
    let was_tried = async || (!receivers.pager.receptions().is_empty()).then_some(());
    eventually("the page was tried in vain", was_tried).await;
    clock.set("+0");
    daemon.until_log_says("ages are kept, times follow it").await;
    receivers.pager.set_trouble(None);
    receivers.until_paged().await;
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    receivers.have_one_episode();
    daemon.terminate().await.exits(0);
}

/// A warning is open when the process is killed. Everything is well when the next one starts, by a clock that is two days
/// ahead: those were no days of trying, and nobody has confirmed them.
#[tokio::test]
async fn a_clock_that_ran_ahead_while_it_was_down_makes_no_page_worse() {
    let scene = Scene::healthy().await;
    let Some(clock) = WallClock::of(&scene, "+0") else { return };
    let receivers = Receivers::of(&scene).await;
    let configuration = alerting(&scene, &receivers.configuration());
    let escalating = configuration.replace("critical_after: never", "critical_after: 1d");
    assert_ne!(escalating, configuration);
    scene.write_text(&escalating);
    let daemon = clock.run(&scene).await;
    eventually("the Group is known", async || (!daemon.group().await["status"].is_null()).then_some(())).await;
    take_snyk_down(&scene);
    receivers.until_paged().await;
    kill(daemon).await;
    clock.set("+2d");
    let daemon = clock.run(&scene).await;
    // Whether it is well or not.
    until_probed(&daemon, 4.0).await;
    assert_eq!(receivers.on_the_pager(), (1, 0), "{}", daemon.stderr());
    bring_snyk_back(&scene);
    eventually("the pager is told of the end", async || (receivers.on_the_pager().1 == 1).then_some(())).await;
    assert_eq!(receivers.on_the_pager(), (1, 1), "{}", daemon.stderr());
    assert!(!daemon.stderr().contains("went from warning to critical"), "{}", daemon.stderr());
    daemon.terminate().await.exits(0);
}

/// A machine starts with a clock that is a day ahead; it is restarted with the right one while Snyk is down. Before: the
/// outage had begun tomorrow, and nobody was paged until then.
#[tokio::test]
async fn what_a_clock_that_ran_ahead_stored_delays_no_page() {
    let scene = Scene::healthy().await;
    let Some(clock) = WallClock::of(&scene, "+1d") else { return };
    let receivers = Receivers::of(&scene).await;
    let configuration = alerting(&scene, &receivers.configuration());
    // Not before it is restarted.
    let patient = configuration.replace("upstream_unreachable: { after: 1s", "upstream_unreachable: { after: 15s");
    assert_ne!(patient, configuration);
    scene.write_text(&patient);
    let daemon = clock.run(&scene).await;
    eventually("the Group is known", async || (!daemon.group().await["status"].is_null()).then_some(())).await;
    take_snyk_down(&scene);
    until_probed(&daemon, 4.0).await;
    kill(daemon).await;
    clock.set("+0");
    let daemon = clock.run(&scene).await;
    daemon.until_log_says("by a clock that ran ahead").await;
    receivers.until_paged().await;
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    daemon.until_group_is("connected").await;
    daemon.terminate().await.exits(0);
}

/// Until ten minutes from now by a clock that is then set back: the outage in it pages nobody.
#[tokio::test]
async fn a_silence_outlasts_a_clock_that_is_set_back() {
    let scene = Scene::healthy().await;
    let Some(clock) = WallClock::of(&scene, "+20m") else { return };
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = clock.run(&scene).await;
    eventually("the Group is known", async || (!daemon.group().await["status"].is_null()).then_some(())).await;
    let url = format!("http://{}", daemon.address);
    let silence = ["silence", "add", "--everything", "--for", "10m", "--author", "alex", "--reason", "maintenance"];
    scene.ask_as_it_is(&[&silence[..], &["--url", &url]].concat()).await.exits(0);
    clock.set("+0");
    daemon.until_log_says("ages are kept, times follow it").await;
    take_snyk_down(&scene);
    let is_open = async || (!open_incidents(&daemon).await.is_empty()).then_some(());
    eventually("the outage is open", is_open).await;
    until_probed(&daemon, 6.0).await;
    let silences = daemon.get("/api/v1/silences").await.json();
    assert_eq!(silences["silences"][0]["active"], true, "{silences}");
    assert_eq!(receivers.on_the_pager(), (0, 0));
    daemon.terminate().await.exits(0);
}
