//! Reloads: the configuration and the secrets anew, by SIGHUP, HTTP or file change. What is wrong changes nothing, and
//! nothing that is in a file ends the daemon: that we fail over it is a reason to keep the one before.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::delivery::Lifeline;
use super::doors::Locks;
use super::watcher::Request;
use super::wiring::{Supplies, Wiring};
use crate::clock::Clock;
use crate::config::change::ConfigChange;
use crate::config::problem::{ProblemKind, Style};
use crate::config::watch::ConfigWatcher;
use crate::config::{self, Config, Loaded, Secrets};
use crate::deliver::Deliverers;
use crate::domain::names::CredentialName;
use crate::metrics::Exporter;
use crate::web::{AccessChange, REQUEST_TIMEOUT, ReloadOutcome, ReloadRequest};

/// A configuration that takes longer to read lies on a disk that does not answer, or names a file that is none. Whoever asked
/// by HTTP is still there then, even after another reload that took as long. Real time.
const LOADING_LIMIT: Duration = Duration::from_secs(10);
const _: () = assert!(2 * LOADING_LIMIT.as_secs() < REQUEST_TIMEOUT.as_secs());

/// Loads anew when asked, or when a file has changed.
pub(super) struct Reloader {
    pub(super) path: PathBuf,
    pub(super) watches_files: bool,
    pub(super) clock: Clock,
    pub(super) supplies: Supplies,
    /// What the daemon was started with.
    pub(super) started: Config,
    /// What is in force.
    pub(super) wiring: Arc<Mutex<Arc<Wiring>>>,
    pub(super) watcher: mpsc::Sender<Request>,
    pub(super) exporter: Arc<Exporter>,
    pub(super) asked: mpsc::Receiver<ReloadRequest>,
    pub(super) deliverers: Deliverers,
    pub(super) lifeline: Lifeline,
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
                Some(first) = self.asked.recv() => {
                    // Whoever asked by now is answered by the same reload: none waits for more than the one under way.
                    let others = std::iter::from_fn(|| self.asked.try_recv().ok());
                    let asked: Vec<_> = std::iter::once(first).chain(others).collect();
                    let outcome = self.reload(&mut files, &stop).await;
                    for ReloadRequest { answer } in asked {
                        // Who asked may have gone away; the reload holds all the same.
                        let _ = answer.send(outcome.clone());
                    }
                }
                _ = files.changed(), if self.watches_files => {
                    tracing::info!("a configuration or secret file changed");
                    self.reload(&mut files, &stop).await;
                }
            }
        }
    }

    async fn reload(&self, files: &mut ConfigWatcher, stop: &CancellationToken) -> ReloadOutcome {
        let outcome = AssertUnwindSafe(self.try_reload(files, stop)).catch_unwind().await.unwrap_or_else(|_| {
            self.exporter.own().on_panic();
            ReloadOutcome::Failed(
                "snykwatch failed while it put this configuration into effect: please report it".to_owned(),
            )
        });
        match &outcome {
            ReloadOutcome::Applied(changes) => tracing::info!("configuration reloaded: {changes}"),
            ReloadOutcome::Failed(_) if stop.is_cancelled() => tracing::info!("stopping; the reload is given up"),
            ReloadOutcome::Rejected(problems) | ReloadOutcome::Failed(problems) => {
                self.exporter.own().on_configuration_rejected();
                tracing::error!("configuration not reloaded, the one before stays in force:\n{problems}");
            }
        }
        outcome
    }

    async fn try_reload(&self, files: &mut ConfigWatcher, stop: &CancellationToken) -> ReloadOutcome {
        let refused = self.wiring.lock().await.refused();
        // Scaled time stands still meanwhile.
        let hold = self.clock.hold();
        let loaded = tokio::select! {
            loaded = load(&self.path, refused, &self.clock) => loaded,
            // What is read changes nothing any more, and the end waits for no disk.
            () = stop.cancelled() => return ReloadOutcome::Failed("the daemon is stopping".to_owned()),
        };
        drop(hold);
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(refusal) => {
                if refusal.is_our_fault {
                    self.exporter.own().on_panic();
                }
                return ReloadOutcome::Rejected(refusal.said);
            }
        };
        let mut in_force = self.wiring.lock().await;
        let change = ConfigChange::of_reload(&self.started, in_force.config(), &loaded.config);
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
        let switch = match Lifeline::switch(wiring.config()) {
            Ok(switch) => switch,
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
        self.lifeline.adopt(switch);
        self.exporter.own().on_configuration_loaded(self.clock.now());
        *in_force = wiring;
        ReloadOutcome::Applied(describe(&change, rotated, access, &in_force))
    }
}

/// Why a configuration is not taken.
struct Refusal {
    said: String,
    /// We failed over it.
    is_our_fault: bool,
}

/// The configuration at `path`, or what is wrong with it. It is read on a thread of its own, which nobody waits for when
/// it does not come back: neither probes nor the end of the daemon.
async fn load(path: &Path, refused: BTreeSet<CredentialName>, clock: &Clock) -> Result<Loaded, Refusal> {
    let (done, loaded) = oneshot::channel();
    let (path, now) = (path.to_path_buf(), clock.now());
    let reading = move || {
        let loaded = config::load(&path, Secrets::Reload(&refused), now);
        // Whoever asked may have given up.
        let _ = done.send(loaded.map_err(|problems| Refusal {
            is_our_fault: problems.iter().any(|problem| problem.kind == ProblemKind::OurFault),
            said: problems.render(Style::Plain),
        }));
    };
    let refused = |is_our_fault, said| Err(Refusal { said, is_our_fault });
    if let Err(error) = std::thread::Builder::new().name("reload".to_owned()).spawn(reading) {
        return refused(false, format!("there is no thread to read the configuration: {error}"));
    }
    match tokio::time::timeout(LOADING_LIMIT, loaded).await {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(_)) => refused(true, "snykwatch failed while it read the configuration: please report it".to_owned()),
        Err(_) => {
            let limit = LOADING_LIMIT.as_secs();
            let question = "does its disk answer, and is each file a plain file?";
            refused(false, format!("the configuration could not be read within {limit} s: {question}"))
        }
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
    let access = match access {
        AccessChange::Nothing | AccessChange::Rules => None,
        AccessChange::TlsFiles => Some("the TLS files are new".to_owned()),
        AccessChange::AwaitsRestart => Some("access stays as it was until a restart opens the new address".to_owned()),
    };
    let refused = wiring.refused().into_iter().filter_map(|name| {
        let why = wiring.refusal_of(&name)?;
        Some(format!("{name} is still not asked with: {why}"))
    });
    let news: Vec<_> = [settings, secrets, access].into_iter().flatten().chain(refused).collect();
    if news.is_empty() { "nothing changed".to_owned() } else { news.join("; ") }
}
