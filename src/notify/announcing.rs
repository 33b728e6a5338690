//! From what is due to notifications, and the memory of who was told.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::audience::{Access, audience, silencers};
use super::due::{Due, Scene, Way, due};
use super::matching::Traits;
use super::situation::Situation;
use super::{listed, page};
use crate::domain::attention::{Announcement, Told};
use crate::domain::incident::{IncidentKey, IncidentPhase, IncidentState, Severity};
use crate::domain::names::ReceiverName;
use crate::domain::notification::{About, Dispatch, Notification, NotificationId, NotificationKind, Outgoing};
use crate::domain::page::Page;
use crate::domain::state::{Change, State, Transition};

/// Who was told of each problem.
pub(super) type Announcements = BTreeMap<About, Announcement>;

/// Where notifications are written.
pub(super) struct Desk<'a> {
    pub(super) state: &'a State,
    pub(super) situation: &'a Situation<'a>,
    /// Why incidents resolved in this evaluation.
    endings: BTreeMap<&'a IncidentKey, &'a str>,
    /// Incidents that grew in this evaluation.
    grown: BTreeSet<&'a IncidentKey>,
    outgoing: Vec<Outgoing>,
}

/// What comes of one incident, by what is written once for several receivers.
#[derive(Default)]
struct Mail {
    /// Keys that end, by severity.
    ends: BTreeMap<Severity, Vec<ReceiverName>>,
    /// News, with the severity of the key that it belongs to.
    news: BTreeMap<(NotificationKind, Severity), Vec<ReceiverName>>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(state: &'a State, transitions: &'a [Transition], situation: &'a Situation<'a>) -> Self {
        let (mut endings, mut grown) = (BTreeMap::new(), BTreeSet::new());
        for transition in transitions {
            match &transition.change {
                Change::Resolved { incident, .. } => {
                    endings.insert(incident, transition.cause.as_str());
                }
                Change::Grew { incident, .. } => {
                    grown.insert(incident);
                }
                Change::Status { .. }
                | Change::Condition { .. }
                | Change::Opened { .. }
                | Change::SeverityChanged { .. } => {}
            }
        }
        Self { state, situation, endings, grown, outgoing: Vec::new() }
    }

    pub(super) fn into_outgoing(self) -> Vec<Outgoing> {
        self.outgoing
    }

    /// Ends what is over, towards everybody who holds it open, whatever silences and routes say.
    pub(super) fn end_what_is_over(&mut self, announcements: &mut Announcements) {
        let situation = self.situation;
        announcements.retain(|about, announcement| {
            let because = match about {
                About::Incident(key) => {
                    let phase = self.state.incidents.get(key).map(|incident| incident.phase);
                    if phase == Some(IncidentPhase::Open { opened_at: announcement.opened_at }) {
                        return true;
                    }
                    self.endings.get(key).copied().unwrap_or("the problem is gone")
                }
                About::Receiver(name) if !situation.routing.receivers.contains(name) => {
                    "the receiver is no longer configured"
                }
                About::Receiver(name) if situation.failing.contains_key(name) => return true,
                About::Receiver(_) => "the receiver takes notifications again",
                About::Test(_) => return false,
            };
            self.forget_who_does_not_count(announcement);
            let mut ends: BTreeMap<Severity, Vec<ReceiverName>> = BTreeMap::new();
            for (receiver, told) in announcement.receivers.iter().filter(|(_, told)| self.is_ours(told)) {
                ends.entry(told.severity).or_default().push(receiver.clone());
            }
            for (severity, receivers) in ends {
                self.end_key(about, announcement, severity, receivers, because);
            }
            announcement.receivers.retain(|_, told| !self.is_ours(told));
            !announcement.receivers.is_empty()
        });
    }

    /// Drops who is no longer configured, and, where notifications are sent, who was not really told.
    pub(super) fn forget_who_does_not_count(&self, announcement: &mut Announcement) {
        let Situation { routing, dispatch, .. } = self.situation;
        announcement.receivers.retain(|receiver, told| {
            routing.receivers.contains(receiver)
                && (told.dispatch == Dispatch::Deliver || *dispatch == Dispatch::Withhold)
        });
    }

    /// Whether we may say more of it: what was really told is left as it is while notifications are withheld.
    pub(super) fn is_ours(&self, told: &Told) -> bool {
        told.dispatch == self.situation.dispatch
    }

    /// Tells of an open incident what is due.
    pub(super) fn announce(
        &mut self,
        key: &'a IncidentKey,
        incident: &'a IncidentState,
        opened_at: DateTime<Utc>,
        announcements: &mut Announcements,
    ) {
        let about = About::Incident(key.clone());
        let known = announcements.get(&about).map(|known| known.opened_at);
        if known.is_some_and(|known| known != opened_at) {
            // The end of the episode before is owed to receivers that must not hear anything now.
            return;
        }
        let Situation { fleet, routing, now, .. } = *self.situation;
        let traits = Traits::of(key, incident, fleet);
        let audience = audience(routing, &traits, now);
        if known.is_none() && audience.is_empty() {
            return;
        }
        let is_known = known.is_some();
        let mut announcement = announcements.remove(&about).unwrap_or_else(|| Announcement {
            opened_at,
            since: incident.since,
            sequence: 0,
            page: Page::default(),
            receivers: BTreeMap::new(),
        });
        self.forget_who_does_not_count(&mut announcement);
        let acknowledgement = self.state.attention.acknowledgements.get(key);
        let scene = Scene {
            now,
            severity: incident.severity,
            is_quiet: incident.cause.is_some(),
            is_silenced: silencers(self.state, routing, &traits, now).next().is_some(),
            acknowledged_at: acknowledgement.map(|acknowledgement| acknowledgement.at),
            step: incident.tracking.step,
            affected: incident.affected.len(),
            has_grown: self.grown.contains(key),
            digest_every: routing.digest_every,
        };
        let mail = self.sort(&about, &mut announcement, &audience, &scene, incident);
        self.write(&about, &mut announcement, mail, key, incident);
        // Kept through the episode even when nobody is left: its sequence makes the next id.
        if is_known || !announcement.receivers.is_empty() {
            announcements.insert(about, announcement);
        }
    }

    /// Decides for each receiver, and remembers it.
    fn sort(
        &self,
        about: &About,
        announcement: &mut Announcement,
        audience: &BTreeMap<&ReceiverName, Access<'_>>,
        scene: &Scene,
        incident: &IncidentState,
    ) -> Mail {
        let list = OnceCell::new();
        let list = || *list.get_or_init(|| listed(incident));
        let told = announcement.receivers.keys().cloned();
        let receivers: BTreeSet<ReceiverName> =
            audience.keys().map(|receiver| (*receiver).clone()).chain(told).collect();
        let mut mail = Mail::default();
        for receiver in receivers {
            let failing = self.situation.failing.get(&receiver);
            let mut told = announcement.receivers.get_mut(&receiver);
            if told.as_ref().is_some_and(|told| !self.is_ours(told)) {
                continue;
            }
            let way = match audience.get(&receiver) {
                None => Way::None,
                Some(Access { closed: Some(_), .. }) => Way::Closed,
                Some(Access { closed: None, remind_every, .. }) => {
                    Way::Open { remind_every: *remind_every, is_failing: failing.is_some() }
                }
            };
            let lost_at = failing.and_then(|failing| failing.lost.get(about));
            if let Some(told) = told.as_deref_mut() {
                told.is_lost |= lost_at.is_some_and(|lost_at| *lost_at >= told.at);
            }
            let decided = due(scene, told.as_deref(), way, |told| told.listed != list());
            let mut held = None;
            if let Some(told) = told {
                // The date may have moved away: the steps towards it count again.
                told.step = told.step.min(scene.step);
                told.is_silenced |= decided == Due::Hold;
                held = Some(told.clone());
            }
            let mut tell = |kind, severity, is_silenced| {
                mail.news.entry((kind, severity)).or_default().push(receiver.clone());
                Told {
                    severity,
                    at: scene.now,
                    affected: scene.affected,
                    listed: list(),
                    is_silenced,
                    step: scene.step,
                    acknowledged_at: scene.acknowledged_at,
                    is_lost: false,
                    dispatch: self.situation.dispatch,
                }
            };
            let told = match (decided, held) {
                (Due::Nothing | Due::Hold, _) => continue,
                // It belongs to the key that is held, and ends no silence.
                (Due::Tell(kind @ NotificationKind::Acknowledgement), Some(held)) => {
                    Told { is_lost: held.is_lost, ..tell(kind, held.severity, held.is_silenced) }
                }
                (Due::Tell(kind), _) => tell(kind, scene.severity, false),
                (Due::Escalate, held) => {
                    mail.ends
                        .entry(held.map_or(scene.severity, |held| held.severity))
                        .or_default()
                        .push(receiver.clone());
                    tell(NotificationKind::Trigger, scene.severity, false)
                }
                (Due::Leave, held) => {
                    mail.ends
                        .entry(held.map_or(scene.severity, |held| held.severity))
                        .or_default()
                        .push(receiver.clone());
                    announcement.receivers.remove(&receiver);
                    continue;
                }
            };
            announcement.receivers.insert(receiver, told);
        }
        mail
    }

    fn write(
        &mut self,
        about: &About,
        announcement: &mut Announcement,
        mail: Mail,
        key: &IncidentKey,
        incident: &IncidentState,
    ) {
        for (severity, receivers) in mail.ends {
            let page = page::of_severity_change(&announcement.page, incident.since, incident.severity, self.situation);
            self.send(about, announcement, NotificationKind::Resolve, severity, receivers, page);
        }
        if mail.news.is_empty() {
            return;
        }
        announcement.since = incident.since;
        announcement.page = page::of_incident(key, incident, self.state, self.situation);
        for ((kind, severity), receivers) in mail.news {
            let page = announcement.page.clone();
            self.send(about, announcement, kind, severity, receivers, page);
        }
    }

    fn end_key(
        &mut self,
        about: &About,
        announcement: &mut Announcement,
        severity: Severity,
        receivers: Vec<ReceiverName>,
        because: &str,
    ) {
        let page = page::of_end(&announcement.page, announcement.since, because, self.situation);
        self.send(about, announcement, NotificationKind::Resolve, severity, receivers, page);
    }

    /// Writes one notification.
    pub(super) fn send(
        &mut self,
        about: &About,
        announcement: &mut Announcement,
        kind: NotificationKind,
        severity: Severity,
        receivers: Vec<ReceiverName>,
        page: Page,
    ) {
        announcement.sequence = announcement.sequence.saturating_add(1);
        let notification = Notification {
            id: NotificationId::of(about, severity, announcement.opened_at, kind, announcement.sequence),
            kind,
            about: about.clone(),
            severity,
            since: announcement.since,
            opened_at: announcement.opened_at,
            created_at: self.situation.now,
            page,
        };
        let dispatch = self.situation.dispatch;
        self.outgoing.push(Outgoing { notification: Arc::new(notification), receivers, dispatch });
    }
}
