//! What to do with a receiver's pending deliveries. Pure.
//!
//! Events of one problem (one [`About`], whatever the severity) are sent in their order: a later one waits until those
//! before it have ended. Other problems wait for nobody. What has lost its meaning before it was sent is not sent:
//!
//! - a trigger that was certainly not received, and its resolve: both collapse. If the trigger may have been received,
//!   it collapses alone, and the resolve is sent. It is also sent if the receiver may hold the key open from before: an
//!   earlier resolve of it was given up. While an earlier event of the key is on its way, this is not known, and both
//!   wait;
//! - a reminder, a growth, a digest, an ended silence: overtaken by any later event of the same key. An acknowledgement:
//!   by a resolve or another acknowledgement only, since nothing else repeats what it says;
//! - kinds that mean nothing to the receiver;
//! - what has been pending for longer than anybody has use for it is dead-lettered.
//!
//! So an escalation that was overtaken on its way (`trigger(warning)`, `resolve(warning)`, `trigger(critical)`) is told
//! as one `trigger(critical)`. What is being sent at this moment is never touched.
//!
//! Not decided here: when a failed delivery is tried again ([`super::schedule`]), and how many are sent at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::incident::Severity;
use crate::domain::notification::{
    About, AttemptFailure, Delivery, DeliveryId, DeliveryState, FailureReason, NotificationKind, Reach,
};
use crate::domain::page::Gap;
use crate::store::Settled;

use super::pauses::tried_for;

/// A page, or its end, is worth telling for a long weekend; after that whoever cares has looked.
const LIFE_OF_A_PAGE: TimeDelta = TimeDelta::days(3);

/// The next reminder or digest comes within about a day and says the same with fresher numbers.
const LIFE_OF_AN_UPDATE: TimeDelta = TimeDelta::days(1);

/// Whoever tests a receiver waits for the message.
const LIFE_OF_A_TEST: TimeDelta = TimeDelta::hours(1);

/// What is to be done now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// These end without being sent.
    pub settle: Vec<Settled>,
    /// These are due: in order, at most one of each problem.
    pub send: Vec<DeliveryId>,
    /// When there is something else to do, if nothing happens before.
    pub next_due: Option<DateTime<Utc>>,
}

/// The keys whose resolve may have lost its meaning: of these, [`decide`] wants to know whether the receiver holds them
/// open.
pub(super) fn doubtful_keys(pending: &[Delivery]) -> BTreeSet<String> {
    let mut begun = BTreeSet::new();
    let mut doubtful = BTreeSet::new();
    for notification in pending.iter().map(|delivery| &delivery.notification) {
        let problem = (&notification.about, notification.severity);
        match notification.kind {
            NotificationKind::Trigger => _ = begun.insert(problem),
            NotificationKind::Resolve if begun.contains(&problem) => _ = doubtful.insert(notification.key()),
            _ => {}
        }
    }
    doubtful
}

/// Decides. `pending` is oldest first; `in_flight` are those among them that are being sent; `held_open` are those of the
/// [`doubtful_keys`] that the receiver may hold open; `gaps`: when nobody could try; what is
/// `revived` was given up before, and is not given up again for its age.
pub(super) fn decide(
    pending: &[Delivery],
    in_flight: &BTreeSet<DeliveryId>,
    held_open: &BTreeSet<String>,
    now: DateTime<Utc>,
    gaps: &[Gap],
    revived: &BTreeSet<DeliveryId>,
    takes: impl Fn(NotificationKind) -> bool,
) -> Decision {
    let mut decision = Decision::default();
    for line in lines(pending) {
        let collapsed = collapsed(&line, in_flight, held_open);
        let mut remaining = Vec::new();
        for delivery in line {
            let kind = delivery.notification.kind;
            let expires_at = now + life(kind) - tried_for(delivery.notification.created_at, now, gaps);
            if in_flight.contains(&delivery.id) {
                remaining.push(delivery);
            } else if collapsed.contains(&delivery.id) || !takes(kind) {
                decision.settle.push(settled(delivery, DeliveryState::Collapsed, None));
            } else if revived.contains(&delivery.id) {
                remaining.push(delivery);
            } else if expires_at <= now {
                let detail = format!("it could not be delivered for {} hours", life(kind).num_hours());
                let failure = AttemptFailure { reason: FailureReason::Expired, detail };
                decision.settle.push(settled(delivery, DeliveryState::DeadLettered, Some(failure)));
            } else {
                decision.wake_at(expires_at);
                remaining.push(delivery);
            }
        }
        match remaining.first() {
            Some(first) if in_flight.contains(&first.id) => {}
            Some(first) if first.next_attempt_at <= now => decision.send.push(first.id),
            Some(first) => decision.wake_at(first.next_attempt_at),
            None => {}
        }
    }
    decision.send.sort_unstable();
    decision
}

impl Decision {
    fn wake_at(&mut self, at: DateTime<Utc>) {
        self.next_due = Some(self.next_due.map_or(at, |due| due.min(at)));
    }
}

fn settled(delivery: &Delivery, state: DeliveryState, failure: Option<AttemptFailure>) -> Settled {
    Settled { delivery: delivery.id, state, failure }
}

/// How long somebody has use for an event of this kind.
fn life(kind: NotificationKind) -> TimeDelta {
    match kind {
        // What a digest lists is in no other one.
        NotificationKind::Trigger | NotificationKind::Resolve | NotificationKind::Digest => LIFE_OF_A_PAGE,
        NotificationKind::Reminder
        | NotificationKind::Growth
        | NotificationKind::Standing
        | NotificationKind::Acknowledgement => LIFE_OF_AN_UPDATE,
        NotificationKind::Test => LIFE_OF_A_TEST,
    }
}

/// The deliveries of each problem, in their order.
fn lines(pending: &[Delivery]) -> impl Iterator<Item = Vec<&Delivery>> {
    let mut lines: BTreeMap<&About, Vec<&Delivery>> = BTreeMap::new();
    for delivery in pending {
        lines.entry(&delivery.notification.about).or_default().push(delivery);
    }
    lines.into_values()
}

/// What has lost its meaning in one problem's line.
fn collapsed(
    line: &[&Delivery],
    in_flight: &BTreeSet<DeliveryId>,
    held_open: &BTreeSet<String>,
) -> BTreeSet<DeliveryId> {
    let mut by_severity: BTreeMap<Severity, Vec<&Delivery>> = BTreeMap::new();
    for delivery in line {
        by_severity.entry(delivery.notification.severity).or_default().push(delivery);
    }
    let mut collapsed = BTreeSet::new();
    for events in by_severity.into_values() {
        // Making a key costs more than all else here, and hardly ever is anything held open.
        let is_held =
            !held_open.is_empty() && events.first().is_some_and(|event| held_open.contains(&event.notification.key()));
        let mut before = if is_held { Before::HeldOpen } else { Before::Closed };
        for episode in events.split_inclusive(|event| event.notification.kind == NotificationKind::Resolve) {
            collapse_episode(episode, before, in_flight, &mut collapsed);
            collapsed.retain(|id| !in_flight.contains(id));
            if episode.iter().any(|event| !collapsed.contains(&event.id)) {
                before = Before::OnItsWay;
            }
        }
    }
    collapsed
}

/// How the receiver holds a key before an episode of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// It does not.
    Closed,
    /// It may hold it open.
    HeldOpen,
    /// Earlier events of it are still to be sent.
    OnItsWay,
}

/// What has lost its meaning among the pending events of one key up to its resolve, where that is pending too.
fn collapse_episode(
    episode: &[&Delivery],
    before: Before,
    in_flight: &BTreeSet<DeliveryId>,
    collapsed: &mut BTreeSet<DeliveryId>,
) {
    if let [told @ .., resolve] = episode
        && resolve.notification.kind == NotificationKind::Resolve
    {
        // Without its trigger here, the receiver was told of it before.
        let begins_here = told.first().is_some_and(|event| event.notification.kind == NotificationKind::Trigger);
        let is_unknown = |event: &&Delivery| event.reach == Reach::NotReceived && !in_flight.contains(&event.id);
        if begins_here && told.iter().all(is_unknown) {
            match before {
                Before::Closed => collapsed.insert(resolve.id),
                Before::HeldOpen => false,
                // Whether that resolve is needed is decided with its trigger, when those are over.
                Before::OnItsWay => return,
            };
        }
        collapsed.extend(told.iter().map(|event| event.id));
        return;
    }
    for (place, event) in episode.iter().enumerate() {
        let mut later = episode.iter().skip(place + 1).map(|event| event.notification.kind);
        let is_overtaken = match event.notification.kind {
            NotificationKind::Trigger
            | NotificationKind::Resolve
            | NotificationKind::Digest
            | NotificationKind::Test => false,
            NotificationKind::Acknowledgement => later.any(|kind| kind == NotificationKind::Acknowledgement),
            NotificationKind::Reminder | NotificationKind::Growth | NotificationKind::Standing => {
                later.next().is_some()
            }
        };
        if is_overtaken {
            collapsed.insert(event.id);
        }
    }
}

#[cfg(test)]
mod tests;
