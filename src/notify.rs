//! Who is told of what, when: from the incidents, and what was told before, to the notifications that are due. Pure.
//!
//! [`evaluate`] compares what *should* be known (the open incidents, by the routes, less what is silenced) with what
//! each receiver *was told* (`State.attention.announcements`), and makes up the difference. It looks at levels and not
//! at events: nothing is lost by a restart, a missed evaluation or a change of the routes, and a second evaluation at
//! the same time tells nothing.
//!
//! - A receiver *holds a key open* (`rule/subject/severity`) from its trigger to its resolve. It holds one key of an
//!   incident at most: an escalation ends the lower key and begins the higher one.
//! - What keeps an incident from people keeps new ones back, never the end. *Silenced*: a silence or a maintenance
//!   window covers it, for everybody. *Closed*: every route to a receiver is outside its active times or inside a mute
//!   time. Meanwhile the receiver keeps the key that it holds, an escalation included; afterwards it is told again, or
//!   for the first time, what lasts.
//! - *Quiet*: a cause was found. What was told stays told; only its acknowledgement and its end are.
//! - A receiver that no route leads to any more (a reload, `deliver: prometheus`) hears of nothing new, but of the end
//!   of what it holds: an alert that nobody ends stays open in PagerDuty for ever. One that is no longer configured is
//!   forgotten, and told anew should it come back.
//! - An acknowledgement stops reminders, growth and digests until the incident ends. Escalations, the next step towards
//!   a date, and the end of a silence are told all the same.
//! - `run --observe` withholds: what was only withheld counts as not told once notifications are sent, and what was
//!   really told stays as it is while they are not, its end included: that is owed.
//! - A receiver that does not take what it is sent is reported to another one ([`failing`]). What it rejected for good
//!   and still lasts is told anew: every hour, and at once when it takes something again. An end that it rejected is not:
//!   nobody is woken by what is over.
//! - After the state was lost, nobody remembers who holds what open: receivers that keep alerts open are told the end of
//!   each problem that is seen to be well for the first time since ([`forgotten`]).
//!
//! What it deliberately does not do: it sends nothing, retries nothing, and knows of no receiver but its name; the
//! texts are [`page`]'s.

mod announcing;
mod audience;
mod digest;
mod due;
mod failing;
mod first_pass;
mod forgotten;
pub mod hearing;
mod matching;
pub mod page;
pub mod requests;
pub mod situation;
pub mod unrouted;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::fleet::Fleet;
use crate::domain::incident::{IncidentKey, IncidentPhase, IncidentState, Severity};
use crate::domain::matcher::Matcher;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{About, Notification, NotificationId, NotificationKind, Outgoing};
use crate::domain::state::{State, Transition};
use announcing::{Desk, OpenIncident};
use matching::Traits;
use situation::Situation;

/// An ended silence is shown for so long: who wonders at a quiet night looks the next day.
const SILENCES_KEPT_FOR: TimeDelta = TimeDelta::hours(24);

/// What is due, with `state.attention` brought up to date: both are to be committed together. Call it after the
/// incidents were evaluated at the same `situation.now`, with the transitions of that evaluation; and after a request
/// of a person.
pub fn evaluate(state: &mut State, transitions: &[Transition], situation: &Situation<'_>) -> Vec<Outgoing> {
    prune(state, situation);
    // The texts look at the state, but not at who was told.
    let mut announcements = std::mem::take(&mut state.attention.announcements);
    let mut digests = std::mem::take(&mut state.attention.digests);
    let mut forgotten = state.attention.forgotten.take();
    let mut desk = Desk::new(state, transitions, situation);
    if let Some(forgotten) = &mut forgotten {
        desk.end_what_is_forgotten(forgotten, &announcements);
        desk.tell_what_lasts(forgotten, &mut announcements);
    }
    desk.end_what_is_over(&mut announcements);
    desk.report_failing(&mut announcements);
    let open = OpenIncident::all(state, situation);
    for open in &open {
        desk.announce(open, &mut announcements);
    }
    desk.digest(&open, &announcements, &mut digests);
    let outgoing = desk.into_outgoing();
    state.attention.announcements = announcements;
    state.attention.digests = digests;
    state.attention.forgotten = forgotten;
    outgoing
}

/// Forgets silences that ended long ago, and acknowledgements of what is over.
fn prune(state: &mut State, situation: &Situation<'_>) {
    let State { attention, incidents, .. } = state;
    attention.silences.retain(|_, silence| situation.now - silence.ends_at < SILENCES_KEPT_FOR);
    attention.acknowledgements.retain(|key, acknowledgement| {
        let phase = incidents.get(key).map(|incident| incident.phase);
        phase == Some(IncidentPhase::Open { opened_at: acknowledgement.opened_at })
    });
}

/// A test of a receiver. `attempt` tells apart the tests of one instant.
pub fn test(receiver: &ReceiverName, attempt: u32, situation: &Situation<'_>) -> Outgoing {
    let (about, now) = (About::Test(receiver.clone()), situation.now);
    let notification = Notification {
        id: NotificationId::of(&about, Severity::Info, now, NotificationKind::Test, attempt),
        kind: NotificationKind::Test,
        about,
        severity: Severity::Info,
        since: now,
        opened_at: now,
        created_at: now,
        page: page::of_test(receiver, situation),
    };
    Outgoing {
        notification: Arc::new(notification),
        receivers: vec![receiver.clone()],
        dispatch: crate::domain::notification::Dispatch::Deliver,
    }
}

/// Whether `matcher` (of a silence, a route) covers an incident.
pub fn covers(matcher: &Matcher, key: &IncidentKey, incident: &IncidentState, fleet: &Fleet) -> bool {
    matching::matches(matcher, &Traits::of(key, incident, fleet))
}

/// Finds an incident by its text, `rule/subject`.
fn find<'a>(state: &'a State, text: &str) -> Option<(&'a IncidentKey, &'a IncidentState)> {
    state.incidents.iter().find(|(key, _)| key.to_string() == text)
}
