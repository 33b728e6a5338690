//! The daemon: its tasks, their start and their end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::delivery::Delivery;
use super::desk::Desk;
use super::doors::{self, Doors, Locks};
use super::observe;
use super::reload::Reloader;
use super::storage::{self, Guards, Opening, Remember};
use super::telemetry::Telemetry;
use super::watcher::{self, Request, Watcher};
use super::wiring::{Supplies, Wiring, WiringError};
use crate::client::answer::{FailureClass, KnownSecrets};
use crate::clock::Clock;
use crate::config::Config;
use crate::deliver::heartbeat::Pulse;
use crate::domain::notification::Dispatch;
use crate::domain::state::Transition;
use crate::health::Policy;
use crate::metrics::{BuildInfo, Exporter, OwnMetrics};
use crate::probe::assumptions::{Assumption, Tally};
use crate::snapshot::{Own, Snapshot, SnapshotPublisher, SnapshotReader};
use crate::store::sqlite::OpenError;
use crate::store::{Revision, Store, StoreError};
use crate::web::{LogHandle, OperatorHandle, ReloadHandle, ReloadOutcome, TlsError, WebState};

/// Transitions a slow listener may be behind before it is told that it missed some.
const TRANSITIONS_BACKLOG: usize = 16_384;

/// How a daemon is started.
#[derive(Debug, Clone)]
pub struct DaemonOptions {
    /// The configuration's main file: a reload reads it.
    pub path: PathBuf,
    /// The domain clock.
    pub clock: Clock,
    /// A rejection is confirmed after this.
    pub confirm_after: TimeDelta,
    /// Reload when a file changes. Not in scaled time: files live in real time.
    pub watch_files: bool,
    /// What is remembered at the end.
    pub remember: Remember,
    /// Whether notifications are sent or only noted.
    pub dispatch: Dispatch,
    /// The process's log, whose filter can be changed over HTTP.
    pub log: Option<LogHandle>,
}

impl DaemonOptions {
    /// A daemon that reloads when told so.
    pub fn new(path: impl AsRef<Path>, clock: Clock) -> Self {
        let confirm_after = Policy::default().confirm_after;
        let path = path.as_ref().to_path_buf();
        let (remember, dispatch) = (Remember::AsConfigured, Dispatch::Deliver);
        Self { path, clock, confirm_after, watch_files: false, remember, dispatch, log: None }
    }

    /// A daemon that remembers nothing when it ends.
    #[must_use]
    pub fn forgetting(self) -> Self {
        Self { remember: Remember::Nothing, ..self }
    }

    /// A daemon that only notes what it would tell people.
    #[must_use]
    pub fn observing(self) -> Self {
        Self { dispatch: Dispatch::Withhold, ..self }
    }

    /// A daemon that lets people change the filter of this log.
    #[must_use]
    pub fn logging_to(self, log: LogHandle) -> Self {
        Self { log: Some(log), ..self }
    }

    /// A daemon that also reloads when a file changes.
    #[must_use]
    pub fn watching_files(self) -> Self {
        Self { watch_files: true, ..self }
    }
}

/// Why a daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be put into effect.
    #[error("could not put the configuration into effect")]
    Wiring(#[source] WiringError),
    /// The store cannot be opened.
    #[error("could not open the store")]
    Open(#[source] OpenError),
    /// The state cannot be restored.
    #[error("could not restore the state")]
    Store(#[source] StoreError),
    /// The metrics cannot be set up.
    #[error("could not set up the metrics")]
    Metrics(#[source] prometheus::Error),
    /// It ended before it had looked at anything.
    #[error("the daemon ended before it had looked at anything")]
    Stopped,
    /// Access cannot be set up as the web-config file says.
    #[error("could not set up access to our own pages")]
    Access(#[source] TlsError),
    /// The port cannot be had.
    #[error("could not listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Where a daemon listens.
#[derive(Clone, Copy)]
struct Addresses {
    scheme: &'static str,
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
}

/// A running daemon.
pub struct Daemon {
    addresses: Addresses,
    snapshots: SnapshotReader,
    transitions: broadcast::Sender<Transition>,
    reload: ReloadHandle,
    stop: CancellationToken,
    crash: CancellationToken,
    tasks: TaskTracker,
}

/// How far one pass is.
#[derive(Debug, Clone)]
pub enum PassProgress {
    /// Probes are done.
    Probed {
        /// So many.
        done: usize,
        /// Of so many that are planned by now; more may be found.
        planned: usize,
        /// The last one that came back.
        last: String,
    },
    /// The pass is over.
    Done,
}

/// What one pass found.
#[derive(Debug)]
pub struct Pass {
    /// Everything, judged.
    pub snapshot: Arc<Snapshot>,
    /// What was seen of the facts we assume.
    pub assumptions: Vec<(Assumption, Tally)>,
}

impl Daemon {
    /// Starts probing, judging and serving.
    pub async fn start(config: Config, options: DaemonOptions) -> Result<Self, StartError> {
        let Doors { listener, metrics, locks } = Doors::open(&config.server).await?;
        let own_url = locks.own_url(&config.server);
        let scheme = if config.server.speaks_tls() { "https" } else { "http" };
        let retention = config.storage.retention;
        let mut core = Core::prepare(config, &options, own_url).await?;
        let tasks = Tasks::default();
        let delivery = Delivery::start(&mut core, &options, &tasks).await?;
        let (reload, reload_requests) = ReloadHandle::new();
        let (operator, operator_requests) = OperatorHandle::new();
        let web = WebState {
            snapshots: core.snapshots.clone(),
            exporter: Arc::clone(&core.exporter),
            reload: reload.clone(),
            operator,
            clock: options.clock.clone(),
            guard: locks.guard.clone(),
            access: locks.access.clone(),
            log: options.log.clone(),
        };
        let reloader = Reloader {
            started: core.wiring.lock().await.config().clone(),
            path: options.path.clone(),
            watches_files: options.watch_files,
            clock: options.clock.clone(),
            supplies: core.supplies.clone(),
            wiring: Arc::clone(&core.wiring),
            watcher: core.requests.clone(),
            exporter: Arc::clone(&core.exporter),
            asked: reload_requests,
            deliverers: delivery.deliverers.clone(),
            lifeline: delivery.lifeline.clone(),
            locks: locks.clone(),
        };
        let desk = Desk {
            requests: operator_requests,
            watcher: core.requests.clone(),
            wiring: Arc::clone(&core.wiring),
            store: Arc::clone(&core.store),
            board: delivery.deliverers.board(),
            clock: options.clock.clone(),
        };
        let stop = tasks.stop.clone();
        tasks.spawn(async move { crate::web::serve(listener, metrics, web, stop.cancelled_owned()).await });
        tasks.spawn(reloader.run(tasks.stop.clone()));
        tasks.spawn(desk.run(tasks.stop.clone()));
        if options.dispatch == Dispatch::Withhold {
            let (store, clock) = (Arc::clone(&core.store), options.clock.clone());
            tasks.spawn(observe::list_what_is_withheld(store, clock, tasks.stop.clone()));
        }
        let house = (Arc::clone(&core.store), options.clock.clone(), Arc::clone(&core.exporter), tasks.stop.clone());
        let (store, clock, exporter, house_stop) = house;
        tasks.spawn(storage::keep_house(store, retention, clock, exporter, house_stop));
        let guards = Guards {
            pulse: core.pulse,
            exporter: Arc::clone(&core.exporter),
            watcher: core.requests.clone(),
            trouble: core.store_trouble,
        };
        tasks.spawn(storage::keep_watch(Arc::clone(&core.store), guards, tasks.stop.clone()));
        let (snapshots, transitions) = (core.snapshots.clone(), core.transitions.clone());
        tasks.spawn(core.watcher.run(tasks.stop.clone()));
        let Tasks { tracker, stop, crash } = tasks;
        let Locks { address, metrics_address, .. } = locks;
        let addresses = Addresses { scheme, address, metrics_address };
        Ok(Self { addresses, snapshots, transitions, reload, stop, crash, tasks: tracker })
    }

    /// Probes everything once, without serving, and gives what was found.
    pub async fn one_pass(
        mut config: Config,
        options: DaemonOptions,
        on_progress: &(impl Fn(PassProgress) + Send + Sync),
    ) -> Result<Pass, StartError> {
        config.schedule = config.schedule.for_one_pass();
        let own_url = doors::own_url(config.server.listen, &config.server);
        let mut core = Core::prepare(config, &options.forgetting(), own_url).await?;
        let memory = Arc::clone(core.wiring.lock().await.memory());
        let (progress, mut progressed) = watch::channel(PassProgress::Done);
        core.watcher.report_progress(progress);
        let tasks = Tasks::default();
        tasks.spawn(core.watcher.run(tasks.stop.clone()));
        let reporting = async {
            while progressed.changed().await.is_ok() {
                on_progress(progressed.borrow_and_update().clone());
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = look_at_everything(&core.requests) => {}
            () = reporting => {}
        }
        on_progress(PassProgress::Done);
        tasks.end().await;
        let published = core.snapshots.latest();
        // The watcher publishes before it can be quiet.
        let snapshot = published.ok_or(StartError::Stopped)?.snapshot;
        Ok(Pass { snapshot, assumptions: memory.assumptions.report() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.addresses.address
    }

    /// Where its metrics are, as links: on its own port, and on the one that has them alone.
    pub fn metrics_links(&self) -> impl Iterator<Item = String> {
        let Addresses { scheme, address, metrics_address } = self.addresses;
        std::iter::once(address).chain(metrics_address).map(move |address| format!("{scheme}://{address}/metrics"))
    }

    /// What it publishes.
    pub fn snapshots(&self) -> SnapshotReader {
        self.snapshots.clone()
    }

    /// What changes, from now on.
    pub fn transitions(&self) -> broadcast::Receiver<Transition> {
        self.transitions.subscribe()
    }

    /// Loads the configuration and the secrets anew, as SIGHUP does.
    pub async fn reload(&self) -> ReloadOutcome {
        let outcome = self.reload.reload().await;
        outcome.unwrap_or_else(|| ReloadOutcome::Failed("the daemon is stopping".to_owned()))
    }

    /// Ends when a part of the daemon ended by itself.
    pub async fn crashed(&self) {
        self.crash.cancelled().await;
    }

    /// Stops every part and waits for it.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// More looks than that tell nothing new: one after everything is known, one to confirm it, one for a look that failed.
const MOST_LOOKS_AGAIN: usize = 3;

/// Waits until everything was looked at, and what hangs on what was found meanwhile once more. The watcher holds the
/// other end until it is stopped.
async fn look_at_everything(requests: &mpsc::Sender<Request>) {
    let (quiet, is_quiet) = oneshot::channel();
    let _ = requests.send(Request::WhenQuiet(quiet)).await;
    let _ = is_quiet.await;
    for _ in 0..MOST_LOOKS_AGAIN {
        let (quiet, is_quiet) = oneshot::channel();
        let _ = requests.send(Request::LookAgain(quiet)).await;
        if is_quiet.await.is_err() {
            return;
        }
    }
}

/// The tasks of a daemon. One that ends before it was told to is a crash.
#[derive(Default)]
pub(super) struct Tasks {
    tracker: TaskTracker,
    pub(super) stop: CancellationToken,
    crash: CancellationToken,
}

impl Tasks {
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ended = Ended { stop: self.stop.clone(), crash: self.crash.clone() };
        self.tracker.spawn(async move {
            let _ended = ended;
            task.await;
        });
    }

    async fn end(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Tells of a crash when a task ends, by return or by panic, before it was told to stop.
struct Ended {
    stop: CancellationToken,
    crash: CancellationToken,
}

impl Drop for Ended {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            self.crash.cancel();
        }
    }
}

/// What `start` and `one_pass` have in common: everything but the server.
pub(super) struct Core {
    pub(super) watcher: Watcher,
    pub(super) wiring: Arc<tokio::sync::Mutex<Arc<Wiring>>>,
    supplies: Supplies,
    requests: mpsc::Sender<Request>,
    snapshots: SnapshotReader,
    transitions: broadcast::Sender<Transition>,
    pub(super) exporter: Arc<Exporter>,
    pub(super) store: Arc<dyn Store>,
    pub(super) pulse: Pulse,
    store_trouble: watch::Sender<Option<String>>,
}

impl Core {
    async fn prepare(config: Config, options: &DaemonOptions, own_url: Url) -> Result<Self, StartError> {
        let clock = options.clock.clone();
        let own_metrics = OwnMetrics::new(BuildInfo::current(), &FailureClass::LABELS);
        let exporter = Exporter::new(own_metrics.map_err(StartError::Metrics)?, super::exporter_options(&config));
        let exporter = Arc::new(exporter);
        let Opening { store, has_lost } =
            storage::open(&config.storage, options.remember).await.map_err(StartError::Open)?;
        let supplies = Supplies {
            clock: clock.clone(),
            telemetry: Arc::new(Telemetry(Arc::clone(&exporter))),
            version_key: store.installation().version_key.expose_secret().into(),
            secrets: KnownSecrets::default(),
            own_url,
        };
        let wiring = Arc::new(Wiring::try_new(config, &supplies, None).map_err(StartError::Wiring)?);
        exporter.own().on_watched(&wiring.apis(), &wiring.credentials());
        exporter.own().delivery().on_receivers(&wiring.config().routing.receivers);
        exporter.own().on_configuration_loaded(clock.now());
        let stored = store.load().await.map_err(StartError::Store)?;
        let restored_at = stored.as_ref().map(|stored| stored.committed_at);
        let (revision, state) = match stored {
            Some(stored) => (stored.revision, storage::resumed(stored, clock.now())),
            None => (Revision::NONE, Arc::default()),
        };
        let state = if has_lost { storage::after_loss(state, clock.now()) } else { state };
        if has_lost {
            exporter.own().delivery().on_store_error();
        }
        let pulse = Pulse::default();
        let (store_trouble_found, store_trouble) = watch::channel(None);
        let own = Own { version: env!("CARGO_PKG_VERSION"), started_at: clock.now() };
        let (publisher, snapshots) = SnapshotPublisher::new(own);
        let (requests, asked) = mpsc::channel(8);
        let (transitions, _) = broadcast::channel(TRANSITIONS_BACKLOG);
        let watcher = Watcher::new(watcher::Parts {
            clock,
            wiring: Arc::clone(&wiring),
            state,
            revision,
            restored_at,
            store: Arc::clone(&store),
            policy: Policy { confirm_after: options.confirm_after },
            publisher,
            exporter: Arc::clone(&exporter),
            requests: asked,
            transitions: transitions.clone(),
            herald: None,
            pulse: pulse.clone(),
            store_trouble,
        });
        let wiring = Arc::new(tokio::sync::Mutex::new(wiring));
        Ok(Self {
            watcher,
            wiring,
            supplies,
            requests,
            snapshots,
            transitions,
            exporter,
            store,
            pulse,
            store_trouble: store_trouble_found,
        })
    }
}
