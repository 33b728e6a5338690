//! Delivery of a daemon: deliverers, the heartbeat, and the gauges of both. `one_pass` has none of it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::daemon::{Core, DaemonOptions, StartError, Tasks};
use super::herald::Herald;
use super::telemetry::DeliveryCounts;
use super::wiring::WiringError;
use crate::client::http::HttpOptions;
use crate::client::post::PostClient;
use crate::config::Config;
use crate::config::http::HttpSettings;
use crate::config::receivers::HeartbeatSettings;
use crate::deliver::heartbeat::{self, HeartbeatParts, Switch};
use crate::deliver::telemetry::DeliveryTelemetry;
use crate::deliver::{Board, Deliverers, Parts};
use crate::metrics::{Exporter, Pending};

/// What the daemon holds of its delivery.
pub(super) struct Delivery {
    pub(super) deliverers: Deliverers,
    pub(super) lifeline: Lifeline,
}

/// The dead man's switch of the configuration in force.
#[derive(Clone)]
pub(super) struct Lifeline {
    wanted: watch::Sender<Option<Switch>>,
    exporter: Arc<Exporter>,
}

impl Lifeline {
    /// The switch of a configuration, before it is in force.
    pub(super) fn switch(config: &Config) -> Result<Option<Switch>, WiringError> {
        let switch = |settings: &HeartbeatSettings| {
            post_client(&settings.http).map(|client| Switch { settings: settings.clone(), client })
        };
        config.heartbeat.as_ref().map(switch).transpose()
    }

    /// Puts it in force: it is told at once.
    pub(super) fn adopt(&self, switch: Option<Switch>) {
        self.exporter.own().delivery().expect_heartbeat(switch.is_some());
        self.wanted.send_replace(switch);
    }
}

impl Delivery {
    /// Starts everything that sends, and gives the watcher its herald.
    pub(super) async fn start(core: &mut Core, options: &DaemonOptions, tasks: &Tasks) -> Result<Self, StartError> {
        let telemetry: Arc<dyn DeliveryTelemetry> = Arc::new(DeliveryCounts(Arc::clone(&core.exporter)));
        let deliverers = Deliverers::new(Parts {
            store: Arc::clone(&core.store),
            clock: options.clock.clone(),
            telemetry: Arc::clone(&telemetry),
            lost_at: core.watcher.lost_at(),
        });
        let wiring = Arc::clone(&*core.wiring.lock().await);
        // Before anything can be given up that nobody could deliver.
        deliverers.on_gaps(core.watcher.gaps());
        deliverers.adopt(wiring.destinations()).await;
        deliverers.take_stock().await;
        core.watcher.have_people_told(Herald::new(deliverers.clone(), options.dispatch));
        let lifeline = Lifeline { wanted: watch::Sender::default(), exporter: Arc::clone(&core.exporter) };
        lifeline.adopt(Lifeline::switch(wiring.config()).map_err(StartError::Wiring)?);
        let parts = HeartbeatParts {
            pulse: core.pulse.clone(),
            store: Arc::clone(&core.store),
            board: deliverers.board(),
            clock: options.clock.clone(),
            telemetry,
        };
        tasks.spawn(heartbeat::follow(parts, lifeline.wanted.subscribe(), tasks.stop.clone()));
        tasks.spawn(show(deliverers.board(), Arc::clone(&core.exporter), tasks.stop.clone()));
        tasks.spawn(deliverers.clone().run(tasks.stop.clone()));
        Ok(Self { deliverers, lifeline })
    }
}

/// Keeps the gauges of what is pending.
async fn show(mut board: watch::Receiver<Board>, exporter: Arc<Exporter>, stop: CancellationToken) {
    loop {
        for (name, receiver) in &board.borrow_and_update().receivers {
            let backlog = &receiver.backlog;
            let pending = Pending { count: backlog.pending, oldest: backlog.oldest_pending };
            exporter.own().delivery().set_pending(name, pending);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = board.changed() => if changed.is_err() {
                return stop.cancelled().await;
            }
        }
    }
}

fn post_client(http: &HttpSettings) -> Result<PostClient, WiringError> {
    let options = HttpOptions {
        proxy: http.proxy.clone(),
        no_proxy: http.no_proxy.clone(),
        ca_file: http.ca_file.clone(),
        connect_timeout: http.connect_timeout,
        request_timeout: http.request_timeout,
        ..HttpOptions::default()
    };
    PostClient::build(&options).map_err(WiringError::Heartbeat)
}
