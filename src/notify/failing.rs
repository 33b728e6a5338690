//! Reports about receivers that do not take what they are sent, to another one.
//!
//! One other receiver is told, not all: it is our trouble and not the fleet's. The best is a receiver that takes
//! warnings and is not one team's or one integration's alone, of the uppermost route. One that fails itself counts for
//! nothing, so a report moves on when its reader fails too. Silences, maintenance windows and times of the day do not
//! apply: lost pages are not maintenance of what is watched.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::announcing::{Announcements, Desk};
use super::page;
use crate::config::routing::{DeliverBy, Route, Routing};
use crate::domain::attention::{Announcement, LastChange, Told};
use crate::domain::incident::Severity;
use crate::domain::matcher::Matcher;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{About, NotificationKind};
use crate::domain::page::Page;

/// Pages may be lost, none is known to be.
const SEVERITY: Severity = Severity::Warning;

impl Desk<'_> {
    /// Reports each failing receiver to another one, once.
    pub(super) fn report_failing(&mut self, announcements: &mut Announcements) {
        let situation = self.situation;
        if situation.routing.deliver == DeliverBy::Prometheus {
            return;
        }
        let is_failing = |receiver: &ReceiverName| situation.failing.contains_key(receiver);
        let failing = situation.failing.iter().filter(|(name, _)| situation.routing.receivers.contains(*name));
        for (name, failing) in failing {
            let about = About::Receiver(name.clone());
            let known = announcements.remove(&about);
            let mut announcement = known.unwrap_or_else(|| self.report(failing.since));
            self.forget_who_does_not_count(&mut announcement);
            let is_owed = announcement.receivers.values().any(|told| !self.is_ours(told));
            let is_known = announcement.receivers.keys().any(|told| !is_failing(told));
            let reader = best(situation.routing, |receiver| receiver != name && !is_failing(receiver));
            if let Some(reader) = reader.filter(|_| !is_owed && !is_known) {
                announcement.page = page::of_failing_receiver(name, situation);
                let told = Told {
                    severity: SEVERITY,
                    at: situation.now,
                    affected: 0,
                    grown_at: None,
                    is_standing: false,
                    step: 0,
                    acknowledged_at: None,
                    is_lost: false,
                    dispatch: situation.dispatch,
                };
                announcement.receivers.insert(reader.clone(), told);
                let (page, to) = (announcement.page.clone(), vec![reader.clone()]);
                self.send(&about, &mut announcement, NotificationKind::Trigger, SEVERITY, to, page);
            }
            if !announcement.receivers.is_empty() {
                announcements.insert(about, announcement);
            }
        }
    }

    /// A report that nobody has yet. Its ids count from the time that passed: it may have been given and forgotten for
    /// the same failure before.
    fn report(&self, since: DateTime<Utc>) -> Announcement {
        let sequence = u32::try_from((self.situation.now - since).num_seconds()).unwrap_or_default();
        let changed = LastChange { at: since, severity: SEVERITY, step: 0, remaining: 0 };
        Announcement { opened_at: since, since, changed, sequence, page: Page::default(), receivers: BTreeMap::new() }
    }
}

/// The receiver that is best told of trouble with another one.
fn best(routing: &Routing, is_fit: impl Fn(&ReceiverName) -> bool) -> Option<&ReceiverName> {
    let fit = |receiver: &&ReceiverName| routing.receivers.contains(*receiver) && is_fit(receiver);
    let fit = |route: &'_ Route| route.receivers.iter().position(|receiver| fit(&receiver));
    let routes = routing.routes.iter().filter_map(|route| fit(route).map(|position| (route, position)));
    let best = routes.min_by_key(|(route, _)| (!takes_warnings(&route.matcher), is_narrow(&route.matcher)));
    best.and_then(|(route, position)| route.receivers.get(position))
}

fn takes_warnings(matcher: &Matcher) -> bool {
    matcher.severities.is_empty() || matcher.severities.contains(&SEVERITY)
}

fn is_narrow(matcher: &Matcher) -> bool {
    !Matcher { severities: std::collections::BTreeSet::new(), ..matcher.clone() }.is_empty()
}
