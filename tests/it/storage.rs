//! What the daemon remembers, as an operator handles it: copied, restored, damaged, taken.

use std::path::PathBuf;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

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
        let (transitions,) = history(&scene).await;
        (transitions > 0).then_some(())
    };
    eventually("what happened meanwhile is in the history", remembers).await;
    daemon.terminate().await.exits(0);
}

/// Transitions to `partially_connected` in the file.
async fn history(scene: &Scene) -> (i64,) {
    let mut reader = SqliteConnectOptions::new().filename(store(scene)).read_only(true).connect().await.unwrap();
    let counted = "SELECT count(*) FROM transition WHERE json LIKE '%partially_connected%'";
    let counted = sqlx::query_as(counted).fetch_one(&mut reader).await.unwrap();
    reader.close().await.unwrap();
    counted
}
