//! What the daemon remembers, as an operator handles it: copied, restored, damaged, taken.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::process::Command;

use crate::defects::{Receivers, alerting, bring_snyk_back, kill, take_snyk_down, until_probed};
use crate::support::process::Daemon;
use crate::support::{Scene, eventually};

fn store(scene: &Scene) -> PathBuf {
    scene.directory().join("snykwatch.db")
}

/// A daemon remembers an hour and ends.
async fn remembering() -> Scene {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    daemon.until_group_is("connected").await;
    daemon.terminate().await.exits(0);
    scene
}

#[tokio::test]
async fn a_backup_is_made_beside_the_daemon_and_becomes_the_store_again() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    let group = daemon.until_group_is("connected").await;
    let finished = scene.ask_as_it_is(&["backup", "monday.db"]).await;
    finished.exits(0);
    assert_eq!(finished.stdout.trim(), "monday.db");
    finished.says(&["revision", "committed", "bytes, checked"]);

    let again = scene.ask_as_it_is(&["backup", "monday.db"]).await;
    again.exits(64);
    again.says(&["monday.db is there already", "give another name"]);
    let nowhere = scene.ask_as_it_is(&["backup", "no/such/place.db"]).await;
    nowhere.exits(74);
    nowhere.says(&["could not write no/such/place.db"]);

    let refused = scene.ask_as_it_is(&["restore", "monday.db"]).await;
    refused.exits(69);
    refused.says(&["is in use by another snykwatch", &format!("process {}", daemon.id()), "stop that one first"]);
    let second = scene.ask_as_it_is(&["run"]).await;
    second.exits(69);
    second.says(&["could not open the store", "is in use by another snykwatch"]);
    assert_eq!(daemon.until_group_is("connected").await["status"], group["status"], "and it goes on");
    daemon.terminate().await.exits(0);

    std::fs::remove_file(store(&scene)).unwrap();
    let restored = scene.ask_as_it_is(&["restore", "monday.db"]).await;
    restored.exits(0);
    assert_eq!(restored.stdout.trim(), store(&scene).display().to_string());
    restored.says(&["restored revision", "what came later is forgotten"]);
    let daemon = scene.run_as_it_is().await;
    let known = daemon.until_group_is("connected").await;
    assert!(known["status"]["since"].is_string(), "{known}");
    assert_eq!(known["status"]["since"], group["status"]["since"], "its clocks go on");
    daemon.terminate().await.exits(0);
    let replaced = scene.ask_as_it_is(&["restore", "monday.db"]).await;
    replaced.exits(0);
    replaced.says(&["the file that was there is now", "snykwatch.db.replaced-"]);
}

#[tokio::test]
async fn what_is_no_backup_is_not_restored() {
    let scene = remembering().await;
    let before = std::fs::read(store(&scene)).unwrap();
    scene.ask_as_it_is(&["restore", "none.db"]).await.exits(64);
    std::fs::write(scene.directory().join("notes.db"), "dear diary, ".repeat(999)).unwrap();
    let finished = scene.ask_as_it_is(&["restore", "notes.db"]).await;
    finished.exits(74);
    finished.says(&["the backup cannot be used", "is no database of snykwatch"]);
    assert_eq!(std::fs::read(store(&scene)).unwrap(), before);
    std::fs::remove_file(store(&scene)).unwrap();
    let nothing = scene.ask_as_it_is(&["backup", "monday.db"]).await;
    nothing.exits(64);
    nothing.says(&["there is no store at", "has snykwatch run with this configuration?", "STATE_DIRECTORY"]);
}

#[tokio::test]
async fn a_store_that_cannot_be_used_says_what_to_do() {
    let scene = remembering().await;
    scene.ask_as_it_is(&["backup", "sound.db"]).await.exits(0);
    let sound = std::fs::read(scene.directory().join("sound.db")).unwrap();
    // A log that is left belongs to the file before.
    let put = |bytes: &[u8]| {
        std::fs::write(store(&scene), bytes).unwrap();
        for log in ["db-wal", "db-shm"] {
            let _ = std::fs::remove_file(store(&scene).with_extension(log));
        }
    };
    let run_says = async |texts: &[&str]| {
        let before = std::fs::read(store(&scene)).unwrap();
        let finished = scene.ask_as_it_is(&["run"]).await;
        finished.exits(74);
        finished.says(&["error: could not open the store"]);
        finished.says(texts);
        assert_eq!(std::fs::read(store(&scene)).unwrap(), before, "it is left as it is");
    };

    let mut damaged = sound.clone();
    damaged[4096 * 2..].fill(0xa5);
    put(&damaged);
    run_says(&["snykwatch.db is damaged: restore a backup (`snykwatch restore FILE`), or move it away"]).await;
    put(&sound[..sound.len() / 2]);
    run_says(&["is damaged: restore a backup"]).await;
    put("dear diary, ".repeat(999).as_bytes());
    run_says(&["is no database of snykwatch: give another path"]).await;

    put(&sound);
    let mut connection = SqliteConnectOptions::new().filename(store(&scene)).connect().await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (99, 'future', 1, x'00', 0)";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    run_says(&["was written by a newer snykwatch (schema 99", "run that version again, or restore a backup"]).await;

    // The way out that is told works.
    std::fs::remove_file(store(&scene)).unwrap();
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    daemon.terminate().await.exits(0);
}

/// Removes the state file with its log, as a person does.
fn remove_store(scene: &Scene) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", store(scene).display()));
    }
}

/// Problems that are critical after a second.
fn paging(scene: &Scene, receivers: &Receivers) -> String {
    let configuration = alerting(scene, &receivers.configuration());
    configuration.replace("critical_after: never", "critical_after: 1s")
}

/// `run` without room for a single byte, as on a full disk.
fn without_room(scene: &Scene) -> Command {
    let mut command = Command::new("sh");
    command.current_dir(scene.directory()).env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "LLVM_PROFILE_FILE"));
    let script = "trap '' XFSZ; ulimit -S -f 0; exec \"$0\" --config \"$1\" run";
    command.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_snykwatch")).arg(scene.path());
    command
}

async fn make_room(daemon: &Daemon) {
    let process = daemon.id().to_string();
    let set = Command::new("prlimit").args(["--pid", &process, "--fsize=unlimited:unlimited"]).status().await.unwrap();
    assert!(set.success());
}

const STORE_ERRORS: &str = "snykwatch_store_errors_total";

#[tokio::test]
async fn on_a_disk_that_is_full_at_the_first_start_a_critical_page_leaves_once_and_nothing_is_lost() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&paging(&scene, &receivers));
    let daemon = Daemon::start(without_room(&scene)).await;
    daemon.until_group_is("connected").await;
    daemon.until_log_says("there is no room for the state file: monitoring goes on").await;
    let errors = daemon.metric(STORE_ERRORS).await;
    assert!(errors.is_some_and(|errors| errors >= 1.0), "{errors:?}");
    let page = daemon.get("/").await.text();
    assert!(page.contains("Trouble with the store"), "{page}");
    assert!(!store(&scene).exists());

    take_snyk_down(&scene);
    receivers.until_paged().await;
    until_probed(&daemon, 6.0).await;
    assert_eq!((receivers.on_the_pager(), receivers.at_the_hook()), ((1, 0), (1, 0)), "once");
    make_room(&daemon).await;
    eventually("it is stored", async || store(&scene).exists().then_some(())).await;
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    receivers.have_one_episode();
    let page = daemon.get("/").await.text();
    assert!(!page.contains("Trouble with the store"), "{page}");
    daemon.terminate().await.exits(0);
    let daemon = scene.run_as_it_is().await;
    until_probed(&daemon, 6.0).await;
    receivers.have_one_episode();
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn on_a_disk_that_is_full_at_a_later_start_what_is_remembered_goes_on() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&paging(&scene, &receivers));
    let daemon = scene.run_as_it_is().await;
    let group = daemon.until_group_is("connected").await;
    daemon.terminate().await.exits(0);
    let daemon = Daemon::start(without_room(&scene)).await;
    let known = daemon.until_group_is("connected").await;
    assert_eq!(known["status"]["since"], group["status"]["since"], "its clocks go on");
    take_snyk_down(&scene);
    receivers.until_paged().await;
    make_room(&daemon).await;
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    receivers.have_one_episode();
    // Until there was room, nobody else could read it.
    let is_made = async || scene.ask_as_it_is(&["backup", "copy.db"]).await.code.eq(&Some(0)).then_some(());
    eventually("a backup is made", is_made).await;
    daemon.terminate().await.exits(0);
}

/// A page that left without being stored, and a kill: the next one knows of the end before it, and not of this page.
#[tokio::test]
async fn a_page_that_a_full_disk_forgot_is_not_ended_by_the_end_before_it() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&paging(&scene, &receivers));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    receivers.until_paged().await;
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    daemon.terminate().await.exits(0);
    let daemon = Daemon::start(without_room(&scene)).await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    eventually("the pager rings", async || (receivers.on_the_pager().0 == 2).then_some(())).await;
    kill(daemon).await;
    let daemon = scene.run_as_it_is().await;
    daemon.until_log_says("the last run ended while the state file took nothing").await;
    until_probed(&daemon, 6.0).await;
    assert_eq!(receivers.on_the_pager(), (2, 1), "it lasts");
    bring_snyk_back(&scene);
    eventually("the pager is told of the end", async || (receivers.on_the_pager().1 == 2).then_some(())).await;
    assert_eq!(receivers.on_the_pager().0, 2, "the same key rings nobody again");
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn a_state_file_that_is_removed_while_it_runs_is_told_and_there_again() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is().await;
    let group = daemon.until_group_is("connected").await;
    remove_store(&scene);
    std::fs::remove_file(scene.directory().join("snykwatch.db.lock")).unwrap();
    daemon.until_log_says("the state file was removed while snykwatch runs; all that it held is in").await;
    let errors = daemon.metric(STORE_ERRORS).await;
    assert!(errors.is_some_and(|errors| errors >= 1.0), "{errors:?}");
    let is_shown = async || daemon.get("/").await.text().contains("Trouble with the store").then_some(());
    eventually("the page has it too", is_shown).await;
    scene.ask_as_it_is(&["backup", "copy.db"]).await.exits(0);
    let refused = scene.ask_as_it_is(&["restore", "copy.db"]).await;
    refused.exits(69);
    kill(daemon).await;
    let daemon = scene.run_as_it_is().await;
    let known = daemon.until_group_is("connected").await;
    assert_eq!(known["status"]["since"], group["status"]["since"], "nothing is forgotten");
    daemon.terminate().await.exits(0);
}

fn pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Somebody puts something else in the place of the state file, and takes it away again.
async fn harmed(put: fn(&Path)) {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration()).await;
    let group = daemon.until_group_is("connected").await;
    let place = store(&scene);
    std::fs::rename(&place, scene.directory().join("moved.db")).unwrap();
    put(&place);
    daemon.until_log_says("another file was put in the place of the state file while snykwatch runs").await;
    let errors = daemon.metric(STORE_ERRORS).await;
    assert!(errors.is_some_and(|errors| errors >= 1.0), "{errors:?}");
    let is_shown = async || daemon.get("/").await.text().contains("Trouble with the store").then_some(());
    eventually("the page has it too", is_shown).await;
    std::fs::rename(&place, scene.directory().join("theirs")).unwrap();
    daemon.until_log_says("all that it held is in").await;
    kill(daemon).await;
    let daemon = scene.run_as_it_is().await;
    let known = daemon.until_group_is("connected").await;
    assert_eq!(known["status"]["since"], group["status"]["since"], "nothing is forgotten");
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn what_is_put_in_the_place_of_the_state_file_is_told_and_left_alone() {
    let directory = harmed(|place| std::fs::create_dir(place).unwrap());
    let link = harmed(|place| {
        let other = place.with_file_name("other.db");
        std::fs::write(&other, "dear diary").unwrap();
        std::os::unix::fs::symlink(other, place).unwrap();
    });
    tokio::join!(Box::pin(directory), Box::pin(link), Box::pin(harmed(pipe)));
}

#[tokio::test]
async fn what_is_no_file_at_the_start_is_refused_and_keeps_nobody_waiting() {
    let scene = remembering().await;
    remove_store(&scene);
    for put in [|place: &Path| std::fs::create_dir(place).unwrap(), pipe] {
        put(&store(&scene));
        let finished = scene.ask_as_it_is(&["run"]).await;
        finished.exits(74);
        finished.says(&["is no regular file (a directory, a pipe or a device)", "move it away, or give another path"]);
        std::fs::rename(store(&scene), scene.directory().join("theirs")).unwrap();
        let _ = std::fs::remove_dir(scene.directory().join("theirs"));
    }
}

/// SQLite goes on in a log that has no name.
#[tokio::test]
async fn a_log_that_is_removed_while_it_runs_is_in_the_file() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration().every("1s")).await;
    daemon.until_group_is("connected").await;
    let _ = std::fs::remove_file(format!("{}-wal", store(&scene).display()));
    scene.sandbox.world(|world| {
        world.snyk.groups[0].assets.retain(|asset| !asset.name.contains("service-00"));
    });
    let group = daemon.until_group_is("partially_connected").await;
    daemon.until_log_says("the write-ahead log of the state file, or its index, was removed or replaced").await;
    kill(daemon).await;
    let daemon = scene.run_as_it_is().await;
    let known = daemon.until_group_is("partially_connected").await;
    assert_eq!(known["status"]["since"], group["status"]["since"], "nothing is forgotten");
    daemon.terminate().await.exits(0);
}

/// The problem is over before the daemon that forgot it runs again.
#[tokio::test]
async fn with_lost_state_the_end_is_told_once_to_whoever_keeps_it_open() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&paging(&scene, &receivers));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    assert!(receivers.pager.receptions().is_empty(), "an ordinary first start tells nobody anything");
    take_snyk_down(&scene);
    receivers.until_paged().await;
    kill(daemon).await;
    remove_store(&scene);
    // What cannot be seen yet resolves nothing.
    let daemon = scene.run_as_it_is().await;
    daemon.until_log_says("what snykwatch remembered is lost").await;
    let told_again = async || (receivers.pager.tally().repeats == 1).then_some(());
    eventually("what is broken is told again by the same key", told_again).await;
    eventually("and as another message", async || (receivers.at_the_hook() == (2, 0)).then_some(())).await;
    assert_eq!(receivers.on_the_pager(), (1, 0), "and pages nobody again");
    kill(daemon).await;

    std::fs::write(store(&scene), "").unwrap();
    for log in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{log}", store(&scene).display()));
    }
    bring_snyk_back(&scene);
    let daemon = scene.run_as_it_is().await;
    daemon.until_log_says("the state file is empty, and now").await;
    eventually("the end is told", async || (receivers.on_the_pager() == (1, 1)).then_some(())).await;
    daemon.until_group_is("connected").await;
    until_probed(&daemon, 6.0).await;
    daemon.until_metric("snykwatch_notifications_pending{receiver=\"pager\"}", 0.0).await;
    daemon.terminate().await.exits(0);
    let tally = receivers.pager.tally();
    assert!(tally.refusals.is_empty() && tally.breaches.is_empty(), "{tally:?}");
    assert_eq!(receivers.at_the_hook(), (2, 0), "people who read messages are told of no end that nobody remembers");

    let told = count(&scene, "SELECT count(*) FROM notification").await;
    let daemon = scene.run_as_it_is().await;
    until_probed(&daemon, 6.0).await;
    daemon.terminate().await.exits(0);
    assert_eq!(count(&scene, "SELECT count(*) FROM notification").await, told, "a second start owes no end again");
    let after = receivers.pager.tally();
    assert_eq!((after.pages, after.repeats, after.resolves), (tally.pages, tally.repeats, tally.resolves));
    // An end that PagerDuty took lately is told it once more by the same key, whoever forgot what.
    let letters = keys(&receivers);
    let (before, again) = letters.split_at(tally.letters);
    let once: BTreeSet<_> = again.iter().collect();
    assert_eq!(once.len(), again.len(), "each once at most: {again:?}");
    assert!(again.iter().all(|letter| letter.0 == "resolve" && before.contains(letter)), "{again:?}");
}

/// What the pager got, oldest first: action and key.
fn keys(receivers: &Receivers) -> Vec<(String, String)> {
    let read = |letter: &[u8]| {
        let event: serde_json::Value = serde_json::from_slice(letter).unwrap();
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        (text("event_action"), text("dedup_key"))
    };
    receivers.pager.receptions().iter().map(|reception| read(&reception.letter.body)).collect()
}

/// Another program has the file open and writes: a commit waits, fails, and is made up for.
#[tokio::test]
async fn a_file_that_another_program_locks_stops_no_monitoring() {
    let scene = Scene::healthy().await;
    let daemon = scene.run(&scene.configuration().every("1s")).await;
    daemon.until_group_is("connected").await;
    let mut intruder = SqliteConnectOptions::new().filename(store(&scene)).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut intruder).await.unwrap();
    daemon.until_log_says("another program holds the file").await;
    let errors = daemon.metric("snykwatch_store_errors_total").await;
    assert!(errors.is_some_and(|errors| errors >= 1.0), "{errors:?}");
    scene.sandbox.world(|world| {
        world.snyk.groups[0].assets.retain(|asset| !asset.name.contains("service-00"));
    });
    daemon.until_group_is("partially_connected").await;
    intruder.close().await.unwrap();
    let remembers = async || {
        let query = "SELECT count(*) FROM transition WHERE json LIKE '%partially_connected%'";
        (count(&scene, query).await > 0).then_some(())
    };
    eventually("what happened meanwhile is in the history", remembers).await;
    daemon.terminate().await.exits(0);
}

/// What a query counts in the file.
async fn count(scene: &Scene, query: &'static str) -> i64 {
    let mut reader = SqliteConnectOptions::new().filename(store(scene)).read_only(true).connect().await.unwrap();
    let (counted,) = sqlx::query_as(query).fetch_one(&mut reader).await.unwrap();
    reader.close().await.unwrap();
    counted
}
