//! What watches over the daemon: systemd, by a socket on which it is told how we do, and a dead man's switch.

use std::sync::{Arc, Mutex};

use snykwatch::clock::Clock;
use snykwatch::sandbox::receivers::{FakeReceiver, Heartbeat, Trouble};
use tokio::net::UnixDatagram;
use tokio::task::JoinHandle;

use crate::support::process::{self, Daemon};
use crate::support::{Scene, eventually};

/// The socket, and what was said on it.
struct Systemd {
    told: Arc<Mutex<Vec<String>>>,
    listening: JoinHandle<()>,
}

impl Drop for Systemd {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Systemd {
    fn at(path: &std::path::Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        let told = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&told);
        let listening = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer).await {
                heard.lock().unwrap().push(String::from_utf8(buffer[..length].to_vec()).unwrap());
            }
        });
        Self { told, listening }
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn count(&self, word: &str) -> usize {
        self.told().iter().filter(|message| message.lines().any(|line| line == word)).count()
    }

    async fn until(&self, word: &str, times: usize) {
        eventually(&format!("{word} is told {times} times"), async || (self.count(word) >= times).then_some(())).await;
    }
}

async fn start(scene: &Scene, environment: &[(&str, &str)]) -> Daemon {
    scene.write(&scene.configuration());
    let mut command = process::snykwatch(scene.directory());
    command.arg("--config").arg(scene.path()).arg("run").envs(environment.iter().copied());
    Daemon::start(command).await
}

#[tokio::test]
async fn systemd_is_told_of_the_whole_life() {
    let scene = Scene::healthy().await;
    let socket = scene.directory().join("notify");
    let systemd = Systemd::at(&socket);
    let environment = [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let daemon = start(&scene, &environment).await;
    systemd.until("READY=1", 1).await;
    assert_eq!(daemon.get("/-/ready").await.status, 200);
    assert_eq!(systemd.told()[0].lines().next(), Some("READY=1"), "nothing is told before: {:?}", systemd.told());
    systemd.until("WATCHDOG=1", 3).await;

    daemon.signal("HUP").await;
    systemd.until("READY=1", 2).await;
    let told = systemd.told();
    let reloading = told.iter().find(|message| message.contains("RELOADING=1")).unwrap();
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    assert_eq!((systemd.count("RELOADING=1"), systemd.count("STOPPING=1")), (1, 0));

    daemon.terminate().await.exits(0);
    systemd.until("STOPPING=1", 1).await;
    let last = systemd.told().pop().unwrap();
    assert_eq!(last.trim(), "STOPPING=1", "nothing is told after");
}

#[tokio::test]
async fn a_watchdog_of_another_process_and_a_socket_of_nobody_hold_nothing_up() {
    let scene = Scene::healthy().await;
    let socket = scene.directory().join("notify");
    let systemd = Systemd::at(&socket);
    let environment = [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "100000"), ("WATCHDOG_PID", "1")];
    let daemon = start(&scene, &environment).await;
    systemd.until("READY=1", 1).await;
    daemon.until_group_is("connected").await;
    assert_eq!(systemd.count("WATCHDOG=1"), 0, "it is not ours to feed");
    daemon.terminate().await.exits(0);

    let gone = scene.directory().join("gone");
    let daemon = start(&scene, &[("NOTIFY_SOCKET", gone.to_str().unwrap())]).await;
    daemon.until_log_says("systemd could not be told how we do").await;
    assert_eq!(daemon.get("/-/healthy").await.status, 200);
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn a_heart_that_nobody_hears_is_seen_from_the_start() {
    const TAKEN: &str = "snykwatch_heartbeat_last_success_timestamp_seconds";
    let scene = Scene::healthy().await;
    let switch = FakeReceiver::start(Clock::system(), Heartbeat::new()).await.unwrap();
    switch.set_trouble(Some(Trouble::Status(403)));
    let heartbeat = format!("alerts: {{ heartbeat: {{ url: \"{}\", every: 1s }} }}\n", switch.url());
    scene.write_text(&format!("{}\n{heartbeat}", scene.configuration()));
    let daemon = scene.run_as_it_is().await;
    daemon.until_log_says("the dead man's switch does not hear us").await;
    assert_eq!(daemon.metric(TAKEN).await, Some(0.0));
    switch.set_trouble(None);
    eventually("it is heard", async || daemon.metric(TAKEN).await.filter(|taken| *taken > 0.0)).await;
    daemon.terminate().await.exits(0);
}
