//! Reloads: the configuration and the secrets anew, by SIGHUP, HTTP or file change. What is wrong changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::doors::Locks;
use super::watcher::Request;
use super::wiring::{Supplies, Wiring};
use crate::clock::Clock;
use crate::config::change::ConfigChange;
use crate::config::problem::Style;
use crate::config::watch::ConfigWatcher;
use crate::config::{self, Secrets};
use crate::deliver::Deliverers;
use crate::metrics::Exporter;
use crate::web::{AccessChange, ReloadOutcome, ReloadRequest};

/// Loads anew when asked, or when a file has changed.
pub(super) struct Reloader {
    pub(super) path: PathBuf,
    pub(super) watches_files: bool,
    pub(super) clock: Clock,
    pub(super) supplies: Supplies,
    /// What is in force.
    pub(super) wiring: Arc<Mutex<Arc<Wiring>>>,
    pub(super) watcher: mpsc::Sender<Request>,
    pub(super) exporter: Arc<Exporter>,
    pub(super) asked: mpsc::Receiver<ReloadRequest>,
    pub(super) deliverers: Deliverers,
    /// Who may pass our own doors.
    pub(super) locks: Locks,
}

impl Reloader {
    /// Reloads until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut files = ConfigWatcher::new(&self.path, Some(self.wiring.lock().await.config()));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(ReloadRequest { answer }) = self.asked.recv() => {
                    // Who asked may have gone away; the reload holds all the same.
                    let _ = answer.send(self.reload(&mut files).await);
                }
                _ = files.changed(), if self.watches_files => {
                    tracing::info!("a configuration or secret file changed");
                    self.reload(&mut files).await;
                }
            }
        }
    }

    async fn reload(&self, files: &mut ConfigWatcher) -> ReloadOutcome {
        let outcome = self.try_reload(files).await;
        match &outcome {
            ReloadOutcome::Applied(changes) => tracing::info!("configuration reloaded: {changes}"),
            ReloadOutcome::Rejected(problems) | ReloadOutcome::Failed(problems) => {
                self.exporter.own().on_configuration_rejected();
                tracing::error!("configuration not reloaded, the one before stays in force:\n{problems}");
            }
        }
        outcome
    }

    async fn try_reload(&self, files: &mut ConfigWatcher) -> ReloadOutcome {
        let refused = self.wiring.lock().await.refused();
        let loaded = match config::load(&self.path, Secrets::Reload(&refused), self.clock.now()) {
            Ok(loaded) => loaded,
            Err(problems) => return ReloadOutcome::Rejected(problems.render(Style::Plain)),
        };
        let mut in_force = self.wiring.lock().await;
        let change = ConfigChange::between(in_force.config(), &loaded.config);
        let server = loaded.config.server.clone();
        let access = match self.locks.rules(&server) {
            Ok(access) => access,
            Err(error) => return ReloadOutcome::Rejected(crate::app::chain(&error)),
        };
        let supplies = Supplies { own_url: self.locks.own_url(&server), ..self.supplies.clone() };
        let wiring = match Wiring::try_new(loaded.config, &supplies, Some(in_force.as_ref())) {
            Ok(wiring) => Arc::new(wiring),
            Err(error) => return ReloadOutcome::Rejected(crate::app::chain(&error)),
        };
        let rotated = wiring.secrets_rotated_since(&in_force);
        files.follow(wiring.config());
        let access = self.locks.change(&server, access);
        self.exporter.set_options(super::exporter_options(wiring.config()));
        self.exporter.own().on_watched(&wiring.apis(), &wiring.credentials());
        self.exporter.own().delivery().on_receivers(&wiring.config().routing.receivers);
        // Before anybody is told by the new routes.
        self.deliverers.adopt(wiring.destinations()).await;
        let (done, in_effect) = oneshot::channel();
        let adopted = self.watcher.send(Request::Adopt(Arc::clone(&wiring), done)).await.is_ok();
        if !adopted || in_effect.await.is_err() {
            return ReloadOutcome::Failed("the daemon is stopping".to_owned());
        }
        self.exporter.own().on_configuration_loaded(self.clock.now());
        *in_force = wiring;
        ReloadOutcome::Applied(describe(&change, rotated, access, &in_force))
    }
}

/// What changed, in one line.
fn describe(change: &ConfigChange, rotated: usize, access: AccessChange, wiring: &Wiring) -> String {
    let settings = (!change.is_empty()).then(|| change.to_string());
    let secrets = match rotated {
        0 => None,
        1 => Some("1 secret is new".to_owned()),
        _ => Some(format!("{rotated} secrets are new")),
    };
    let tls = (access == AccessChange::TlsFiles).then(|| "the TLS files are new".to_owned());
    let refused = wiring.refused().into_iter().filter_map(|name| {
        let why = wiring.refusal_of(&name)?;
        Some(format!("{name} is still not asked with: {why}"))
    });
    let news: Vec<_> = [settings, secrets, tls].into_iter().flatten().chain(refused).collect();
    if news.is_empty() { "nothing changed".to_owned() } else { news.join("; ") }
}
