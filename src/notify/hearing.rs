//! Why somebody hears of an incident, or does not: for people who ask.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::announcing::OpenIncident;
use super::audience::{Access, Closed, Silencer, audience, silencers};
use super::matching::Traits;
use super::situation::Situation;
use super::{find, first_pass};
use crate::config::routing::{DeliverBy, MaintenanceTime};
use crate::domain::attention::Told;
use crate::domain::incident::{IncidentKey, IncidentPhase, IncidentState, Severity};
use crate::domain::names::{ReceiverName, SilenceId};
use crate::domain::notification::{About, Dispatch};
use crate::domain::state::State;

/// What one receiver hears of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hearing {
    /// Who.
    pub receiver: ReceiverName,
    /// The route that leads there, counted from 1 from the top; `None`: none does, but it was told before, or nobody is
    /// told at all.
    pub route: Option<usize>,
    /// What it was told last.
    pub told: Option<LastTold>,
    /// What keeps the incident from it now; empty: nothing.
    pub kept_by: Vec<Keeping>,
    /// Who takes care of the incident.
    pub acknowledged: Option<Acknowledged>,
    /// When it is reminded next, if nothing changes.
    pub next_reminder_at: Option<DateTime<Utc>>,
}

/// What a receiver was told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTold {
    /// With which severity it holds the incident open.
    pub severity: Severity,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it was sent or only noted.
    pub dispatch: Dispatch,
}

/// Who takes care of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub author: String,
    /// What they say about it.
    pub comment: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What keeps an incident from a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Keeping {
    /// It is not open yet.
    Pending,
    /// It is only for the record: digests list it.
    Info,
    /// Everything behind it is looked at for the first time: it is told in a moment, with all that it affects.
    FirstPass,
    /// Nobody acted for a long time: digests list it.
    Standing,
    /// Prometheus delivers: snykwatch's own receivers hear of nothing new.
    Prometheus,
    /// No route leads there.
    NoRoute,
    /// Another incident was found to be its cause.
    Cause {
        /// Which, as `rule/subject`.
        incident: String,
    },
    /// Somebody's silence.
    Silence {
        /// Which.
        id: SilenceId,
        /// Whose.
        author: String,
        /// Why.
        reason: String,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// A maintenance window.
    Maintenance {
        /// What it is for.
        name: String,
        /// Until when, where it is once.
        until: Option<DateTime<Utc>>,
    },
    /// A mute time of the route.
    MuteTime {
        /// Its key in the configuration.
        window: String,
    },
    /// It is none of the active times of the route.
    OutsideActiveTimes {
        /// Their keys in the configuration.
        windows: Vec<String>,
    },
    /// `run --observe`: notifications are noted, not sent.
    Observing,
}

impl Hearing {
    /// What the receiver was told and what it hears next, in one clause: `told 09:12 UTC, next reminder 13:12 UTC`. Times
    /// of another day than `now` have their date. Nothing in it was written by strangers but a name in a cause's subject.
    pub fn in_words(&self, now: DateTime<Utc>) -> String {
        let observing = self.kept_by.contains(&Keeping::Observing);
        let kept = self.kept_by.iter().filter(|by| **by != Keeping::Observing).map(|by| by.in_words(now));
        let kept = kept.collect::<Vec<_>>().join("; ");
        let Some(told) = &self.told else {
            return match (observing, kept.is_empty()) {
                (_, false) => format!("not told: {kept}"),
                (true, true) => "not told: observing".to_owned(),
                (false, true) => "about to be told".to_owned(),
            };
        };
        let verb = match told.dispatch {
            Dispatch::Deliver => "told",
            Dispatch::Withhold => "would have been told (observing)",
        };
        let mut words = format!("{verb} {}", clock_time(told.at, now));
        if !kept.is_empty() {
            words = format!("{words}; nothing more for now: {kept}");
        } else if self.acknowledged.is_some() {
            words.push_str("; no reminders while somebody takes care of it");
        } else if let Some(next) = self.next_reminder_at {
            words = format!("{words}, next reminder {}", clock_time(next, now));
        }
        words
    }
}

impl Keeping {
    /// One clause: `silenced until 14:00 UTC`. Who wants that and why is told beside it.
    pub fn in_words(&self, now: DateTime<Utc>) -> String {
        match self {
            Self::Pending => "its time has not come".to_owned(),
            Self::Info => "only in the digest, as an info".to_owned(),
            Self::FirstPass => "the first pass is under way".to_owned(),
            Self::Standing => "standing, only in the digest".to_owned(),
            Self::Prometheus => "Prometheus delivers".to_owned(),
            Self::NoRoute => "no route leads there".to_owned(),
            Self::Cause { incident } => format!("quiet, since {incident} is its cause"),
            Self::Silence { until, .. } => format!("silenced until {}", clock_time(*until, now)),
            Self::Maintenance { name, until: Some(until) } => {
                format!("maintenance window {name} until {}", clock_time(*until, now))
            }
            Self::Maintenance { name, until: None } => format!("maintenance window {name}"),
            Self::MuteTime { window } => format!("mute time {window}"),
            Self::OutsideActiveTimes { windows } => format!("outside its active times ({})", windows.join(", ")),
            Self::Observing => "observing: nothing is sent".to_owned(),
        }
    }
}

/// `13:12 UTC`, with the date on another day.
fn clock_time(at: DateTime<Utc>, now: DateTime<Utc>) -> impl fmt::Display {
    at.format(if at.date_naive() == now.date_naive() { "%H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" })
}

/// For each receiver that could hear of an incident, or was told of it: what it hears, and why. Empty when there is no
/// such incident, or nobody could hear of it.
pub fn explain(state: &State, situation: &Situation<'_>, key: &IncidentKey) -> Vec<Hearing> {
    let Some(incident) = state.incidents.get(key) else { return Vec::new() };
    let Situation { routing, now, .. } = *situation;
    let traits = Traits::of(key, incident, situation.fleet);
    let audience = audience(routing, &traits, now);
    let for_all = keeping_from_all(state, situation, incident, &traits);
    let episode = |opened_at| incident.phase == IncidentPhase::Open { opened_at };
    let announcement = state.attention.announcements.get(&About::Incident(key.clone()));
    let announcement = announcement.filter(|announcement| episode(announcement.opened_at));
    let acknowledgement = acknowledged(state, key);
    let is_awaited = OpenIncident::of(key, incident, state, situation)
        .is_some_and(|open| first_pass::is_awaited(&open, state, situation));
    let told = announcement.iter().flat_map(|announcement| announcement.receivers.keys());
    let receivers: BTreeSet<&ReceiverName> = audience.keys().copied().chain(told).collect();
    let hearing = |receiver: &ReceiverName| {
        let access = audience.get(receiver);
        let told = announcement.and_then(|announcement| announcement.receivers.get(receiver));
        let mut kept_by = for_all.clone();
        kept_by.extend(told.is_none().then_some(Keeping::FirstPass).filter(|_| is_awaited));
        kept_by.extend(told.filter(|told| told.is_standing).map(|_| Keeping::Standing));
        match access {
            None if routing.deliver == DeliverBy::Prometheus => {}
            None => kept_by.push(Keeping::NoRoute),
            Some(access) => kept_by.extend(access.closed.as_ref().map(keeping)),
        }
        let is_reminded = kept_by.is_empty() && acknowledgement.is_none();
        Hearing {
            receiver: receiver.clone(),
            route: access.map(|access| access.position + 1),
            told: told.map(|told| LastTold { severity: told.severity, at: told.at, dispatch: told.dispatch }),
            kept_by,
            acknowledged: acknowledgement.clone(),
            next_reminder_at: told.zip(access).filter(|_| is_reminded).and_then(|(told, access)| next(told, access)),
        }
    };
    receivers.into_iter().map(hearing).collect()
}

/// The same for an incident named as `rule/subject`; `None` when there is none.
pub fn explain_by_text(state: &State, situation: &Situation<'_>, incident: &str) -> Option<Vec<Hearing>> {
    find(state, incident).map(|(key, _)| explain(state, situation, key))
}

/// Who takes care of an incident that is open.
pub fn acknowledged(state: &State, key: &IncidentKey) -> Option<Acknowledged> {
    let known = state.attention.acknowledgements.get(key)?;
    let phase = state.incidents.get(key).map(|incident| incident.phase);
    let is_of_this_episode = phase == Some(IncidentPhase::Open { opened_at: known.opened_at });
    is_of_this_episode.then(|| Acknowledged {
        author: known.author.clone(),
        comment: known.comment.clone(),
        at: known.at,
    })
}

fn next(told: &Told, access: &Access<'_>) -> Option<DateTime<Utc>> {
    told.at.checked_add_signed(access.remind_every?)
}

fn keeping_from_all(
    state: &State,
    situation: &Situation<'_>,
    incident: &IncidentState,
    traits: &Traits<'_>,
) -> Vec<Keeping> {
    let Situation { routing, now, .. } = *situation;
    let mut kept_by = Vec::new();
    if !incident.is_open() {
        kept_by.push(Keeping::Pending);
    }
    if incident.is_open() && incident.severity == Severity::Info {
        kept_by.push(Keeping::Info);
    }
    if routing.deliver == DeliverBy::Prometheus {
        kept_by.push(Keeping::Prometheus);
    }
    if situation.dispatch == Dispatch::Withhold {
        kept_by.push(Keeping::Observing);
    }
    kept_by.extend(incident.cause.iter().map(|cause| Keeping::Cause { incident: cause.to_string() }));
    kept_by.extend(silencers(state, routing, traits, now).map(|silencer| match silencer {
        Silencer::Silence(id, silence) => Keeping::Silence {
            id: id.clone(),
            author: silence.author.clone(),
            reason: silence.reason.clone(),
            until: silence.ends_at,
        },
        Silencer::Maintenance(window) => {
            let until = match window.when {
                MaintenanceTime::Once { to, .. } => Some(to),
                MaintenanceTime::Weekly(_) => None,
            };
            Keeping::Maintenance { name: window.name.clone(), until }
        }
    }));
    kept_by
}

fn keeping(closed: &Closed<'_>) -> Keeping {
    match closed {
        Closed::Muted(window) => Keeping::MuteTime { window: window.name.clone() },
        Closed::Inactive(windows) => {
            let windows = windows.iter().map(|window| window.name.clone()).collect();
            Keeping::OutsideActiveTimes { windows }
        }
    }
}
