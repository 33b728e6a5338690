//! The sign of life that a dead man's switch waits for.
//!
//! It is sent while the scheduler and the evaluator tick, the store commits, and no critical notification waits for long
//! that nobody has taken; else the failure signal is sent, with the reasons. An upstream outage does not stop it, and
//! neither does one broken receiver: what another one has taken does not wait. It runs on real time, since whoever waits
//! for it does.
//!
//! The task lives as long as the daemon, with a switch to tell or without one ([`follow`]): a reload that adds or changes
//! it is followed by a sign at once, and one that removes it by silence.

mod pulse;
mod verdict;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::pulse::Pulse;
pub use self::verdict::{Ailment, Vitals, verdict};

use super::board::Board;
use super::telemetry::DeliveryTelemetry;
use crate::client::post::{Post, PostClient};
use crate::clock::Clock;
use crate::config::receivers::{AddressSource, HeartbeatSettings};
use crate::config::secrets::SecretReadError;
use crate::domain::incident::Severity;
use crate::domain::notification::DeliveryState;
use crate::store::{DeliveryFilter, Store, StoreError};

/// How often we look whether all is well, if signs of life are rarer: a failure is told soon. Real time.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The longest such question to the store. Real time.
const STORE_LIMIT: Duration = Duration::from_secs(20);

/// A critical notification that waits for longer stops the sign of life. Domain time.
const CRITICAL_MAY_WAIT: TimeDelta = TimeDelta::minutes(10);

/// Pending rows of one receiver that are looked at; there are some only when something is wrong already.
const ROWS: usize = 1_000;

/// The dead man's switch of a configuration.
#[derive(Debug, Clone)]
pub struct Switch {
    /// Where it is told, and how often.
    pub settings: HeartbeatSettings,
    /// Tells it.
    pub client: PostClient,
}

/// What the heartbeat is made of, whatever the configuration.
#[derive(Debug, Clone)]
pub struct HeartbeatParts {
    /// Beats with the watcher.
    pub pulse: Pulse,
    /// Holds the deliveries.
    pub store: Arc<dyn Store>,
    /// How receivers do.
    pub board: watch::Receiver<Board>,
    /// The domain clock, for the age of deliveries.
    pub clock: Clock,
    /// Told when a sign of life was taken.
    pub telemetry: Arc<dyn DeliveryTelemetry>,
}

/// The signs of life to one switch.
#[derive(Debug)]
struct Heartbeat {
    switch: Switch,
    parts: HeartbeatParts,
    /// What was told last, and when.
    told: Option<(Sign, Instant)>,
    /// Whether the last try to tell it failed: told of once.
    is_unheard: bool,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sign {
    Alive,
    Failing(Vec<Ailment>),
}

/// Why a sign was not taken.
#[derive(Debug, thiserror::Error)]
enum SignError {
    #[error("could not read the address of the heartbeat")]
    Secret(#[source] SecretReadError),
    #[error("the address of the heartbeat is none")]
    Address,
    #[error("the dead man's switch answered {0}")]
    Status(u16),
    #[error("could not reach the dead man's switch: {0}")]
    Unreached(String),
}

/// Beats for the switch that is wanted, another one when that changes, until `stop`. The end is not told: a restart is no
/// failure, and a real end is noticed by its silence.
pub async fn follow(parts: HeartbeatParts, mut wanted: watch::Receiver<Option<Switch>>, stop: CancellationToken) {
    let mut heart: Option<Heartbeat> = None;
    loop {
        let switch = wanted.borrow_and_update().clone();
        heart = switch.map(|switch| match heart.take() {
            // What was told counts, whatever certificates or proxies it goes through now.
            Some(heart) if heart.switch.settings == switch.settings => Heartbeat { switch, ..heart },
            _ => Heartbeat::new(switch, parts.clone()),
        });
        let beating = async {
            match &mut heart {
                Some(heart) => heart.beat().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            changed = wanted.changed() => if changed.is_err() {
                // Whoever could want another one is gone: the daemon ends.
                return stop.cancelled().await;
            },
            () = beating => {}
        }
    }
}

impl Heartbeat {
    /// A heart that has not beaten yet.
    fn new(switch: Switch, parts: HeartbeatParts) -> Self {
        Self { switch, parts, told: None, is_unheard: false }
    }

    /// Beats for ever. Cancel-safe: what was not told is told at the first look of the next call.
    async fn beat(&mut self) {
        let mut looks = interval(self.switch.settings.every.clamp(Duration::from_millis(10), LOOK_EVERY));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let sign = match verdict(&self.vitals().await) {
            Ok(()) => Sign::Alive,
            Err(ailments) => Sign::Failing(ailments),
        };
        let before = self.told.as_ref();
        let is_same_kind = before.is_some_and(|(told, _)| matches!(told, Sign::Alive) == matches!(sign, Sign::Alive));
        let is_due = before.is_none_or(|(_, at)| at.elapsed() >= self.switch.settings.every);
        if is_same_kind && !is_due {
            return;
        }
        if !is_same_kind {
            log_turn(&sign, before.is_some());
        }
        match self.tell(&sign).await {
            Ok(()) => {
                if std::mem::take(&mut self.is_unheard) {
                    tracing::info!("the dead man's switch hears us again");
                }
                if sign == Sign::Alive {
                    self.parts.telemetry.on_heartbeat(self.parts.clock.now());
                }
                self.told = Some((sign, Instant::now()));
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_unheard, true) {
                    tracing::error!(error = &error as &dyn std::error::Error, "the dead man's switch does not hear us");
                }
                // Not told: tried again at the next look. The turn itself is logged once.
                if let Some((told, at)) = &mut self.told {
                    *told = sign;
                    *at = at.checked_sub(self.switch.settings.every).unwrap_or(*at);
                }
            }
        }
    }

    async fn vitals(&self) -> Vitals {
        let board = self.parts.board.borrow().clone();
        let now = self.parts.clock.now();
        let may_wait = board
            .receivers
            .values()
            .any(|receiver| receiver.backlog.oldest_critical.is_some_and(|at| now - at > CRITICAL_MAY_WAIT));
        let asking =
            async { if may_wait { untaken_critical(&*self.parts.store, &board, now).await } else { Ok(None) } };
        let untaken = match tokio::time::timeout(STORE_LIMIT, asking).await {
            Ok(Ok(untaken)) => untaken.map(|at| now - at),
            // A store that fails stops committing, which is looked at by itself.
            Ok(Err(error)) => {
                self.parts.telemetry.on_store_error();
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "could not ask the store what waits");
                None
            }
            Err(_) => None,
        };
        let failing = board.failing(now).len();
        Vitals {
            since_scheduled: self.parts.pulse.since_scheduled(),
            since_evaluated: self.parts.pulse.since_evaluated(),
            since_committed: self.parts.pulse.since_committed(),
            clock_is_wrong: self.parts.pulse.clock_is_wrong(),
            store_is_astray: self.parts.pulse.store_is_astray(),
            critical_waits: untaken,
            all_receivers_reject: failing > 0 && failing == board.receivers.len(),
        }
    }

    async fn tell(&self, sign: &Sign) -> Result<(), SignError> {
        let settings = &self.switch.settings;
        let url = match (sign, &settings.failure_url) {
            (Sign::Alive, _) => address(&settings.url)?,
            (Sign::Failing(_), Some(url)) => address(url)?,
            (Sign::Failing(_), None) => below(&address(&settings.url)?)?,
        };
        let body = match sign {
            Sign::Alive => "snykwatch is well\n".to_owned(),
            Sign::Failing(ailments) => ailments.iter().fold(String::new(), |mut text, ailment| {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{ailment}");
                text
            }),
        };
        let content_type = "text/plain; charset=utf-8";
        let post = Post { url, headers: Vec::new(), content_type, body: body.into_bytes() };
        match self.switch.client.post(post).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => Err(SignError::Status(answer.status)),
            Err(failure) => Err(SignError::Unreached(failure.failure.detail)),
        }
    }
}

fn log_turn(sign: &Sign, is_known: bool) {
    match sign {
        Sign::Alive if is_known => tracing::info!("all is well again: the heartbeat goes on"),
        Sign::Alive => tracing::debug!("the heart beats"),
        Sign::Failing(ailments) => {
            let reasons: Vec<String> = ailments.iter().map(ToString::to_string).collect();
            tracing::error!(reasons = reasons.join("; "), "not well: the dead man's switch is told a failure");
        }
    }
}

fn address(source: &AddressSource) -> Result<SecretString, SignError> {
    match source {
        AddressSource::Plain(url) => Ok(url.as_str().into()),
        AddressSource::Secret(secret) => secret.read().map_err(SignError::Secret),
    }
}

/// `/fail` below an address, as healthchecks.io and its likes have it.
fn below(url: &SecretString) -> Result<SecretString, SignError> {
    let mut url: Url = url.expose_secret().parse().map_err(|_| SignError::Address)?;
    url.path_segments_mut().map_err(|()| SignError::Address)?.pop_if_empty().push("fail");
    Ok(url.as_str().into())
}

/// When the oldest critical notification was made that is pending and that no receiver has taken.
async fn untaken_critical(
    outbox: &dyn Store,
    board: &Board,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let mut oldest: Option<DateTime<Utc>> = None;
    for name in board.receivers.keys() {
        for delivery in outbox.pending(name.clone(), ROWS).await? {
            let notification = &delivery.notification;
            let made_at = notification.created_at;
            let waits = notification.severity == Severity::Critical && now - made_at > CRITICAL_MAY_WAIT;
            if !waits || oldest.is_some_and(|oldest| oldest <= made_at) {
                continue;
            }
            let filter = DeliveryFilter {
                about: Some(notification.about.clone()),
                state: Some(DeliveryState::Delivered),
                limit: ROWS,
                ..DeliveryFilter::default()
            };
            let taken = outbox.deliveries(filter).await?;
            if !taken.iter().any(|taken| taken.notification.id == notification.id) {
                oldest = Some(made_at);
            }
        }
    }
    Ok(oldest)
}

#[cfg(test)]
mod tests;
