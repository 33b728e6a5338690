//! The view of telling people: how receivers do, and what is silenced.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::receivers::ReceiverSettings;
use crate::config::routing::{DeliverBy, MaintenanceTime};
use crate::deliver::{Board, ReceiverBoard};
use crate::domain::attention::Silence;
use crate::domain::kinds::closed_list;
use crate::domain::names::{ReceiverName, SilenceId};
use crate::domain::notification::{AttemptFailure, Dispatch};
use crate::domain::state::State;
use crate::notify;
use crate::notify::situation::Situation;

closed_list! {
    /// Who tells people.
    DeliveryMode {
        /// snykwatch's own receivers.
        Builtin => "builtin",
        /// Prometheus: own receivers hear of nothing new.
        Prometheus => "prometheus",
        /// Both.
        Both => "both",
        /// Nobody: notifications are noted and not sent (`run --observe`).
        Observing => "observing",
    }
}

/// What a snapshot needs to say who is told of what.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// What decides who is told.
    pub situation: &'a Situation<'a>,
    /// How receivers do.
    pub board: &'a Board,
    /// The configured receivers.
    pub receivers: &'a BTreeMap<ReceiverName, Arc<ReceiverSettings>>,
}

/// How people are told, beyond single incidents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryView {
    /// Who tells them.
    pub mode: DeliveryMode,
    /// Every configured receiver, by name.
    pub receivers: Vec<ReceiverView>,
    /// Silences that have not ended, the first to end first.
    pub silences: Vec<SilenceView>,
    /// Maintenance windows that are open now.
    pub maintenance: Vec<MaintenanceView>,
    /// What no route takes, a sentence each.
    pub unrouted: Vec<String>,
}

impl DeliveryView {
    pub(super) fn new(state: &State, telling: &Telling<'_>) -> Self {
        let Telling { situation, board, receivers } = *telling;
        let now = situation.now;
        let mode = match (situation.dispatch, situation.routing.deliver) {
            (Dispatch::Withhold, _) => DeliveryMode::Observing,
            (Dispatch::Deliver, DeliverBy::Builtin) => DeliveryMode::Builtin,
            (Dispatch::Deliver, DeliverBy::Prometheus) => DeliveryMode::Prometheus,
            (Dispatch::Deliver, DeliverBy::Both) => DeliveryMode::Both,
        };
        let receivers = receivers.iter().map(|(name, settings)| {
            let known = board.receivers.get(name).cloned().unwrap_or_default();
            ReceiverView::new(name, settings.kind.word(), known, now)
        });
        let silences = state.attention.silences.keys().filter_map(|id| SilenceView::of(state, id, situation));
        let mut silences: Vec<_> = silences.filter(|view| view.silence.ends_at > now).collect();
        silences.sort_by_key(|view| view.silence.ends_at);
        let maintenance = situation.routing.maintenance.iter().filter(|window| window.is_active(now));
        let maintenance = maintenance.map(|window| MaintenanceView {
            name: window.name.clone(),
            until: match window.when {
                MaintenanceTime::Once { to, .. } => Some(to),
                MaintenanceTime::Weekly(_) => None,
            },
        });
        let unrouted = notify::unrouted::in_words(situation.routing, &notify::unrouted::watched(situation.fleet));
        Self { mode, receivers: receivers.collect(), silences, maintenance: maintenance.collect(), unrouted }
    }
}

/// A silence, and what it keeps from people now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SilenceView {
    /// Its identity.
    pub id: SilenceId,
    /// What was asked for.
    #[serde(flatten)]
    pub silence: Silence,
    /// Whether it is in force.
    pub active: bool,
    /// The incidents that it covers, as `rule/subject`; empty unless it is in force.
    pub covers: Vec<String>,
}

impl SilenceView {
    /// The silence of this identity; `None` when there is none.
    pub fn of(state: &State, id: &SilenceId, situation: &Situation<'_>) -> Option<Self> {
        let silence = state.attention.silences.get(id)?.clone();
        let active = silence.is_active(situation.now);
        let covered = state
            .incidents
            .iter()
            .filter(|(key, incident)| active && notify::covers(&silence.matcher, key, incident, situation.fleet));
        let covers = covered.map(|(key, _)| key.to_string()).collect();
        Some(Self { id: id.clone(), active, covers, silence })
    }
}

/// A maintenance window that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MaintenanceView {
    /// What it is for.
    pub name: String,
    /// Until when, where it is once.
    pub until: Option<DateTime<Utc>>,
}

/// How a receiver does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiverView {
    /// Which.
    pub receiver: ReceiverName,
    /// What it is, as the configuration calls it.
    pub kind: &'static str,
    /// Deliveries that are not accepted yet.
    pub pending: u64,
    /// When the oldest of them was made.
    pub oldest_pending_at: Option<DateTime<Utc>>,
    /// When it last took one.
    pub last_delivered_at: Option<DateTime<Utc>>,
    /// Since when, and why, it does not take what it is sent; another receiver is told.
    pub failing: Option<FailureView>,
    /// Why the last attempt failed, unless it took one since.
    pub last_failure: Option<FailureView>,
    /// When one was last given up, and why.
    pub last_dead_letter: Option<FailureView>,
}

impl ReceiverView {
    /// A receiver as the board shows it.
    pub fn new(receiver: &ReceiverName, kind: &'static str, board: ReceiverBoard, now: DateTime<Utc>) -> Self {
        let failing = board.failing(now).map(|failing| FailureView { at: failing.since, failure: failing.failure });
        let ReceiverBoard { backlog, last_attempt, .. } = board;
        let last_failure =
            last_attempt.and_then(|attempt| Some(FailureView { at: attempt.at, failure: attempt.failure? }));
        Self {
            receiver: receiver.clone(),
            kind,
            pending: backlog.pending,
            oldest_pending_at: backlog.oldest_pending,
            last_delivered_at: backlog.last_delivered_at,
            failing,
            last_failure,
            last_dead_letter: backlog.last_dead_lettered.map(|(at, failure)| FailureView { at, failure }),
        }
    }
}

/// Why an attempt failed, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureView {
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    #[serde(flatten)]
    pub failure: AttemptFailure,
}
