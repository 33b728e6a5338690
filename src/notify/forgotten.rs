//! The ends that nobody remembers to owe since the state was lost: to receivers that keep alerts open, once, when a
//! problem of which they may know is first seen to be well. Ends that are remembered, and that a receiver did not take
//! while it failed, are sent again by [`crate::deliver`].
//!
//! And the beginnings of what an older state holds open, since who was told of it may have heard of its end: once, when
//! it is first seen to last.
//!
//! What they do not know of, they take for nothing: PagerDuty drops the end of an alert that is not open, and Alertmanager
//! tells nobody of one that never fired. People who read messages are told nothing.

use std::sync::Arc;

use super::announcing::{Announcements, Desk};
use super::page;
use crate::domain::attention::Forgotten;
use crate::domain::incident::Severity;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{About, Dispatch, Notification, NotificationId, NotificationKind, Outgoing};

/// What people are told of; the rest is in digests.
const TOLD: [Severity; 2] = [Severity::Warning, Severity::Critical];

/// Whoever was told before the loss is told once more.
pub(super) fn tell_what_lasts(forgotten: &Forgotten, announcements: &mut Announcements) {
    for key in &forgotten.lasting {
        let known = announcements.get_mut(&About::Incident(key.clone()));
        let told = known.into_iter().flat_map(|announcement| announcement.receivers.values_mut());
        told.filter(|told| told.at < forgotten.since).for_each(|told| told.is_lost = true);
    }
}

impl Desk<'_> {
    /// Ends what is owed, and remembers it.
    pub(super) fn end_what_is_forgotten(&mut self, forgotten: &mut Forgotten, announcements: &Announcements) {
        let situation = self.situation;
        // It is owed until it is really told.
        if situation.dispatch != Dispatch::Deliver {
            return;
        }
        for (key, affected) in std::mem::take(&mut forgotten.due) {
            let about = About::Incident(key.clone());
            let known = announcements.get(&about);
            for severity in TOLD {
                // Whom we remember to have told hears of the end by itself.
                let is_remembered = |receiver: &ReceiverName| {
                    let told = known.and_then(|known| known.receivers.get(receiver));
                    told.is_some_and(|told| told.severity == severity)
                };
                let keep_open = situation.routing.keep_open.iter();
                let receivers: Vec<_> = keep_open.filter(|receiver| !is_remembered(receiver)).cloned().collect();
                if receivers.is_empty() {
                    continue;
                }
                let kind = NotificationKind::Resolve;
                let notification = Notification {
                    id: NotificationId::of(&about, severity, forgotten.since, kind, 0),
                    kind,
                    about: about.clone(),
                    severity,
                    since: forgotten.since,
                    opened_at: forgotten.since,
                    created_at: situation.now,
                    page: page::of_forgotten(&key, &affected, forgotten.since, self.state, situation),
                };
                let notification = Arc::new(notification);
                self.outgoing.push(Outgoing { notification, receivers, dispatch: situation.dispatch });
            }
            forgotten.settled.insert(key);
        }
    }
}
