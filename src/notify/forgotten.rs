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

use chrono::{DateTime, Utc};

use super::announcing::{Announcements, Desk};
use super::page;
use crate::domain::attention::Forgotten;
use crate::domain::incident::{IncidentKey, Severity};
use crate::domain::names::{IntegrationKey, ReceiverName};
use crate::domain::notification::{About, Dispatch, Notification, NotificationId, NotificationKind, Outgoing};

/// What people are told of; the rest is in digests.
const TOLD: [Severity; 2] = [Severity::Warning, Severity::Critical];

/// A key that may be open.
struct ForgottenKey<'a> {
    key: &'a IncidentKey,
    affected: &'a [IntegrationKey],
    severity: Severity,
    /// What was seen.
    because: &'a str,
}

impl Desk<'_> {
    /// Ends what is owed, and remembers it.
    pub(super) fn end_what_is_forgotten(&mut self, forgotten: &mut Forgotten, announcements: &Announcements) {
        // It is owed until it is really told.
        if self.situation.dispatch != Dispatch::Deliver {
            return;
        }
        for (key, affected) in std::mem::take(&mut forgotten.due) {
            for severity in TOLD {
                let ended = ForgottenKey { key: &key, affected: &affected, severity, because: "that it is well" };
                self.end_forgotten(&ended, forgotten.since, announcements);
            }
            forgotten.settled.insert(key);
        }
    }

    /// Whoever was told of it before the loss is told once more. What is critical now may have been a warning since, under
    /// another key, which ends; what is a warning now may have become critical since, and may soon be that again.
    pub(super) fn tell_what_lasts(&mut self, forgotten: &mut Forgotten, announcements: &mut Announcements) {
        if self.situation.dispatch != Dispatch::Deliver {
            return;
        }
        for (key, is_told) in forgotten.lasting.iter_mut().filter(|(_, is_told)| !**is_told) {
            *is_told = true;
            let known = announcements.get_mut(&About::Incident(key.clone()));
            let told = known.into_iter().flat_map(|announcement| announcement.receivers.values_mut());
            told.filter(|told| told.at < forgotten.since).for_each(|told| told.is_lost = true);
            let incident = self.state.incidents.get(key);
            if let Some(incident) = incident.filter(|incident| incident.severity == Severity::Critical) {
                let severity = Severity::Warning;
                let ended = ForgottenKey {
                    key,
                    affected: &incident.affected,
                    severity,
                    because: "that it is critical, which is a problem of its own",
                };
                self.end_forgotten(&ended, forgotten.since, announcements);
            }
        }
    }

    /// Ends one key towards those that keep alerts open and that nobody remembers to have told.
    fn end_forgotten(&mut self, ended: &ForgottenKey<'_>, since: DateTime<Utc>, announcements: &Announcements) {
        let ForgottenKey { key, affected, severity, because } = *ended;
        let situation = self.situation;
        let about = About::Incident(key.clone());
        let known = announcements.get(&about);
        // Whom we remember to have told hears of the end by itself.
        let is_remembered = |receiver: &ReceiverName| {
            let told = known.and_then(|known| known.receivers.get(receiver));
            told.is_some_and(|told| told.severity == severity)
        };
        let keep_open = situation.routing.keep_open.iter();
        let receivers: Vec<_> = keep_open.filter(|receiver| !is_remembered(receiver)).cloned().collect();
        if receivers.is_empty() {
            return;
        }
        let kind = NotificationKind::Resolve;
        // It ends as a warning, and once more when all of it is over.
        let sequence = u32::from(self.state.incidents.contains_key(key));
        let notification = Notification {
            id: NotificationId::of(&about, severity, since, kind, sequence),
            kind,
            about,
            severity,
            since,
            opened_at: since,
            created_at: situation.now,
            page: page::of_forgotten(key, affected, since, because, self.state, situation),
        };
        self.outgoing.push(Outgoing { notification: Arc::new(notification), receivers, dispatch: situation.dispatch });
    }
}
