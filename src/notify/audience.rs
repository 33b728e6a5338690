//! Who wants to hear of an incident now: the routes that take it, and what keeps it from people.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::matching::{Traits, matches};
use crate::config::routing::{DeliverBy, Maintenance, Route, Routing, TimeWindow};
use crate::domain::attention::Silence;
use crate::domain::names::{ReceiverName, SilenceId};
use crate::domain::state::State;

/// How an incident comes to a receiver.
#[derive(Debug, Clone)]
pub(super) struct Access<'a> {
    /// The place of the first route that leads there, from the top; one that is closed counts only where all are.
    pub(super) position: usize,
    /// What closes every way there now; `None`: it is open.
    pub(super) closed: Option<Closed<'a>>,
    /// The shortest time between reminders of the open ways.
    pub(super) remind_every: Option<TimeDelta>,
}

/// Why a route leads nowhere now.
#[derive(Debug, Clone)]
pub(super) enum Closed<'a> {
    /// It is none of its active times.
    Inactive(&'a [Arc<TimeWindow>]),
    /// This mute time is.
    Muted(&'a TimeWindow),
}

/// The receivers that the routes lead to: from the top, the first that matches ends it unless it continues. A closed
/// route takes what it matches all the same: it waits there. Where Prometheus delivers, there are none.
pub(super) fn audience<'a>(
    routing: &'a Routing,
    traits: &Traits<'_>,
    now: DateTime<Utc>,
) -> BTreeMap<&'a ReceiverName, Access<'a>> {
    let mut audience: BTreeMap<&ReceiverName, Access<'_>> = BTreeMap::new();
    if routing.deliver == DeliverBy::Prometheus {
        return audience;
    }
    for (position, route) in routing.routes.iter().enumerate() {
        if !matches(&route.matcher, traits) {
            continue;
        }
        let closed = closed(route, now);
        let remind_every = route.remind_every.filter(|every| *every > TimeDelta::zero());
        for receiver in route.receivers.iter().filter(|receiver| routing.receivers.contains(*receiver)) {
            let way = Access { position, closed: closed.clone(), remind_every };
            let Some(known) = audience.get_mut(receiver) else {
                audience.insert(receiver, way);
                continue;
            };
            match (&known.closed, &way.closed) {
                (Some(_), None) => *known = way,
                (None, None) => {
                    known.remind_every = known.remind_every.into_iter().chain(way.remind_every).min();
                }
                (_, Some(_)) => {}
            }
        }
        if !route.continues {
            break;
        }
    }
    audience
}

fn closed(route: &Route, now: DateTime<Utc>) -> Option<Closed<'_>> {
    let muted = route.mute_times.iter().find(|window| window.contains(now));
    if let Some(window) = muted {
        return Some(Closed::Muted(window));
    }
    let active = route.active_times.is_empty() || route.active_times.iter().any(|window| window.contains(now));
    (!active).then_some(Closed::Inactive(&route.active_times))
}

/// What keeps an incident from everybody.
#[derive(Debug, Clone, Copy)]
pub(super) enum Silencer<'a> {
    /// Somebody's silence.
    Silence(&'a SilenceId, &'a Silence),
    /// A maintenance window.
    Maintenance(&'a Maintenance),
}

/// The silences and maintenance windows in force that cover an incident.
pub(super) fn silencers<'a>(
    state: &'a State,
    routing: &'a Routing,
    traits: &'a Traits<'a>,
    now: DateTime<Utc>,
) -> impl Iterator<Item = Silencer<'a>> {
    let silences = state.attention.silences.iter();
    let silences = silences
        .filter(move |(_, silence)| silence.is_active(now) && matches(&silence.matcher, traits))
        .map(|(id, silence)| Silencer::Silence(id, silence));
    let windows = routing.maintenance.iter();
    let windows = windows
        .filter(move |window| window.is_active(now) && matches(&window.matcher, traits))
        .map(Silencer::Maintenance);
    silences.chain(windows)
}
