//! The daemon inside the test, on a clock that jumps while everybody sleeps: an hour passes in seconds.

use snykwatch::app::{Daemon, DaemonOptions};
use snykwatch::clock::Clock;
use snykwatch::config::{self, Secrets};

use super::http::{self, Page};
use super::{DEADLINE, Scene};

/// When virtual time begins.
pub(crate) const START: &str = "2026-11-23T09:00:00Z";

/// A daemon in virtual time.
pub(crate) struct VirtualDaemon(pub(crate) Daemon);

impl VirtualDaemon {
    /// Starts it with this configuration; it forgets everything when it ends.
    pub(crate) async fn start(scene: &Scene, clock: &Clock, configuration: &str) -> Self {
        scene.write_text(configuration);
        let loaded = config::load(&scene.path(), Secrets::Check, clock.now());
        let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
        let options = DaemonOptions::new(scene.path(), clock.clone()).forgetting();
        Self(Box::pin(Daemon::start(loaded.config, options)).await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        let asking = http::request(self.0.address(), "GET", path, "");
        tokio::time::timeout(DEADLINE, asking).await.expect("the daemon answers in time").expect("the daemon answers")
    }

    pub(crate) async fn metrics(&self) -> Page {
        self.get("/metrics").await
    }

    /// How many Organizations have this status now. The page of metrics may be some seconds of real time old.
    pub(crate) async fn organizations(&self, status: &str) -> usize {
        let page = self.get("/api/v1/integrations?limit=1000").await.json();
        let integrations = page["integrations"].as_array().unwrap().iter();
        let wanted = |one: &&serde_json::Value| one["level"] == "organization" && one["status"]["status"] == status;
        integrations.filter(wanted).count()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.0.address())
    }

    pub(crate) async fn stop(self) {
        self.0.stop().await;
    }
}
