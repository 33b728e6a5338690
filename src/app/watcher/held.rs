//! What a store that fails has not taken yet: kept in memory, and bounded.
//!
//! A disk that is full stays so for days, and a fleet changes all the time. What is dropped first is what nobody has to
//! be told: history, oldest first; then what later news have overtaken. Triggers and ends are kept: who is told of what
//! is part of the state, so nobody would make them again.

use std::collections::BTreeSet;

use crate::domain::notification::{About, NotificationKind, Outgoing};
use crate::domain::state::Transition;

/// As much as a store in memory keeps: some 10 MB, which at 10,000 restless integrations is a day.
const TRANSITIONS: usize = 20_000;

/// With a page of 3 kB each, some 6 MB. Problems come in dozens; only flapping for days makes more.
const NOTIFICATIONS: usize = 2_000;

/// What is to be committed next.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    pub(super) transitions: Vec<Transition>,
    pub(super) notifications: Vec<Outgoing>,
}

impl HeldBack {
    /// All of it was committed; gives whether there was something to be sent.
    pub(super) fn clear(&mut self) -> bool {
        self.transitions.clear();
        let has_sent = !self.notifications.is_empty();
        self.notifications.clear();
        has_sent
    }

    /// Drops what is too much; gives how many.
    pub(super) fn shrink(&mut self) -> usize {
        let before = self.transitions.len() + self.notifications.len();
        let surplus = self.transitions.len().saturating_sub(TRANSITIONS);
        // Many at once, so that this does not happen at each evaluation from now on.
        let surplus = if surplus > 0 { surplus + TRANSITIONS / 10 } else { 0 };
        self.transitions.drain(..surplus.min(self.transitions.len()));
        if self.notifications.len() > NOTIFICATIONS {
            self.drop_overtaken();
        }
        before - self.transitions.len() - self.notifications.len()
    }

    /// Drops what a later event of the same problem says too, and episodes that began and ended in here.
    fn drop_overtaken(&mut self) {
        let mut later: BTreeSet<About> = BTreeSet::new();
        let mut kept: Vec<Outgoing> = Vec::with_capacity(self.notifications.len());
        for outgoing in self.notifications.drain(..).rev() {
            let notification = &outgoing.notification;
            let is_update = !matches!(
                notification.kind,
                NotificationKind::Trigger | NotificationKind::Resolve | NotificationKind::Digest
            );
            let is_overtaken = !later.insert(notification.about.clone());
            if is_update && is_overtaken {
                continue;
            }
            let is_whole_episode = |end: &Outgoing| {
                let ended = &end.notification;
                notification.kind == NotificationKind::Trigger
                    && ended.kind == NotificationKind::Resolve
                    && ended.about == notification.about
                    && ended.severity == notification.severity
                    && ended.opened_at == notification.opened_at
                    && end.receivers == outgoing.receivers
            };
            // Backwards, the end comes first. A page that left without a row may be open: its end is needed.
            let end = kept.iter().rposition(|end| end.notification.about == notification.about);
            match end.filter(|place| kept.get(*place).is_some_and(is_whole_episode)) {
                Some(place) if !super::leaves_without_a_row(notification) => _ = kept.remove(place),
                _ => kept.push(outgoing),
            }
        }
        kept.reverse();
        self.notifications = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::Severity;
    use crate::store::contract::fixtures::{notification, resolve, status, to, trigger};

    #[test]
    fn history_is_bounded_and_its_newest_part_is_kept() {
        let mut held =
            HeldBack { transitions: (0..20_000).map(|minute| status("acme", minute)).collect(), ..HeldBack::default() };
        assert_eq!(held.shrink(), 0, "what is within bounds stays");
        held.transitions.push(status("acme", 20_000));
        assert_eq!(held.shrink(), 2_001);
        assert_eq!(held.transitions.len(), 18_000);
        assert_eq!(held.transitions.last(), Some(&status("acme", 20_000)));
    }

    #[test]
    fn what_must_be_told_outlasts_any_number_of_flaps_and_reminders() {
        let mut held = HeldBack::default();
        held.notifications.push(to(&["chat"], trigger("lasts", 0)));
        held.notifications.push(to(&["chat"], resolve("told before", 0)));
        for minute in (1..2_001).step_by(2) {
            held.notifications.push(to(&["chat"], trigger("flaps", minute)));
            held.notifications.push(to(&["chat"], resolve("flaps", minute + 1)));
            let reminder = notification("lasts", NotificationKind::Reminder, Severity::Warning, minute);
            held.notifications.push(to(&["chat"], reminder));
        }
        assert!(held.shrink() > 0);
        let left: Vec<_> = held.notifications.iter().map(|left| left.notification.page.title.clone()).collect();
        assert_eq!(left, ["lasts trigger at 0", "told before resolve at 0", "lasts reminder at 1999"]);
    }

    #[test]
    fn a_critical_page_that_may_have_left_keeps_its_end() {
        let mut held = HeldBack::default();
        let critical = |kind| to(&["pager"], notification("acme", kind, Severity::Critical, 1));
        held.notifications.extend([critical(NotificationKind::Trigger), critical(NotificationKind::Resolve)]);
        held.notifications.extend(
            (0..2_001).map(|minute| {
                to(&["chat"], notification("other", NotificationKind::Reminder, Severity::Warning, minute))
            }),
        );
        held.shrink();
        assert_eq!(held.notifications.len(), 3);
    }
}
