//! From what is due to notifications, and the memory of who was told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::audience::{Access, audience, silencers};
use super::due::{Due, STANDING_AFTER, Scene, Way, due};
use super::matching::Traits;
use super::situation::Situation;
use super::{first_pass, page};
use crate::domain::attention::{Announcement, LastChange, Told};
use crate::domain::incident::{IncidentKey, IncidentPhase, IncidentState, Rule, Severity, Subject};
use crate::domain::names::ReceiverName;
use crate::domain::notification::{About, Dispatch, Notification, NotificationId, NotificationKind, Outgoing};
use crate::domain::page::Page;
use crate::domain::state::{Change, State, Transition};
use crate::health::incidents::growth::Growth;

/// Who was told of each problem.
pub(super) type Announcements = BTreeMap<About, Announcement>;

/// Where notifications are written.
pub(super) struct Desk<'a> {
    pub(super) state: &'a State,
    pub(super) situation: &'a Situation<'a>,
    /// Why incidents resolved in this evaluation.
    endings: BTreeMap<&'a IncidentKey, &'a str>,
    pub(super) outgoing: Vec<Outgoing>,
}

/// An incident that is open, and what routes look at.
pub(super) struct OpenIncident<'a> {
    pub(super) key: &'a IncidentKey,
    pub(super) incident: &'a IncidentState,
    pub(super) opened_at: DateTime<Utc>,
    pub(super) traits: Traits<'a>,
    /// A silence or a maintenance window covers it.
    pub(super) is_silenced: bool,
}

impl<'a> OpenIncident<'a> {
    /// All that are open.
    pub(super) fn all(state: &'a State, situation: &Situation<'a>) -> Vec<Self> {
        state.incidents.iter().filter_map(|(key, incident)| Self::of(key, incident, state, situation)).collect()
    }

    /// One incident, if it is open.
    pub(super) fn of(
        key: &'a IncidentKey,
        incident: &'a IncidentState,
        state: &State,
        situation: &Situation<'a>,
    ) -> Option<Self> {
        let IncidentPhase::Open { opened_at } = incident.phase else { return None };
        let traits = Traits::of(key, incident, situation.fleet);
        let is_silenced = silencers(state, situation.routing, &traits, situation.now).next().is_some();
        Some(Self { key, incident, opened_at, traits, is_silenced })
    }

    /// What is left to repair, as one number: when it falls, somebody makes progress.
    fn remaining(&self, state: &State) -> usize {
        match (&self.key.subject, self.key.rule) {
            (Subject::Integration(key), Rule::PartiallyConnected | Rule::SyncStalled) => {
                let progress = state.integrations.get(key).and_then(|integration| integration.progress.as_ref());
                progress.map_or(usize::MAX, |progress| match self.key.rule {
                    Rule::SyncStalled => progress.laggards.len(),
                    _ => progress.missing,
                })
            }
            _ => self.incident.members.len().max(self.incident.affected.len()),
        }
    }
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
        let ended = |transition: &'a Transition| match &transition.change {
            Change::Resolved { incident, .. } => Some((incident, transition.cause.as_str())),
            Change::Grew { .. }
            | Change::Status { .. }
            | Change::Condition { .. }
            | Change::Opened { .. }
            | Change::SeverityChanged { .. } => None,
        };
        let endings = transitions.iter().filter_map(ended).collect();
        Self { state, situation, endings, outgoing: Vec::new() }
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
                About::Test(_) | About::Digest(_) => return false,
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
    pub(super) fn announce(&mut self, open: &OpenIncident<'a>, announcements: &mut Announcements) {
        let OpenIncident { key, incident, opened_at, .. } = *open;
        let about = About::Incident(key.clone());
        let known = announcements.remove(&about);
        if let Some(known) = known.as_ref().filter(|known| known.opened_at != opened_at) {
            // The end of the episode before is owed to receivers that must not hear anything now.
            announcements.insert(about, known.clone());
            return;
        }
        let remaining = open.remaining(self.state);
        let mut announcement = known.unwrap_or_else(|| Announcement {
            opened_at,
            since: incident.since,
            changed: LastChange { at: opened_at, severity: incident.severity, step: incident.tracking.step, remaining },
            sequence: 0,
            page: Page::default(),
            receivers: BTreeMap::new(),
        });
        self.forget_who_does_not_count(&mut announcement);
        let acknowledgement = self.state.attention.acknowledgements.get(key);
        let acknowledged_at = acknowledgement.map(|acknowledgement| acknowledgement.at);
        let now = self.situation.now;
        note_change(&mut announcement.changed, incident, remaining, acknowledged_at, now);
        let scene = Scene {
            now,
            severity: incident.severity,
            is_quiet: incident.cause.is_some(),
            is_silenced: open.is_silenced,
            is_waiting: first_pass::is_awaited(open, self.state, self.situation),
            acknowledged_at,
            is_standing: is_standing(&announcement, now),
            step: incident.tracking.step,
            affected: incident.affected.len(),
            growth: Growth::of(&key.subject),
        };
        let audience = audience(self.situation.routing, &open.traits, now);
        let mail = self.sort(&about, &mut announcement, &audience, &scene);
        if mail.news.keys().any(|(kind, _)| *kind == NotificationKind::Growth) {
            announcement.changed = LastChange { at: now, remaining, ..announcement.changed };
            announcement.receivers.values_mut().for_each(|told| told.is_standing = false);
        }
        self.write(&about, &mut announcement, mail, key, incident);
        // Kept through the episode even when nobody was told: its sequence makes the next id, and its last change counts.
        announcements.insert(about, announcement);
    }

    /// Decides for each receiver, and remembers it.
    fn sort(
        &self,
        about: &About,
        announcement: &mut Announcement,
        audience: &BTreeMap<&ReceiverName, Access<'_>>,
        scene: &Scene,
    ) -> Mail {
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
            // What is told because a time has come waits until somebody has confirmed our clock since the start.
            let by_time = [NotificationKind::Reminder, NotificationKind::Standing];
            let decided = match due(scene, told.as_deref(), way) {
                Due::Tell(kind) if self.state.evidence.is_clock_unconfirmed && by_time.contains(&kind) => Due::Nothing,
                decided => decided,
            };
            let mut held = None;
            if let Some(told) = told {
                // The date may have moved away: the steps towards it count again.
                told.step = told.step.min(scene.step);
                told.is_standing &= scene.is_standing;
                held = Some(told.clone());
            }
            let grown_at = held.as_ref().and_then(|held| held.grown_at);
            let mut tell = |kind, severity| {
                mail.news.entry((kind, severity)).or_default().push(receiver.clone());
                let grown_at = if kind == NotificationKind::Growth { Some(scene.now) } else { grown_at };
                Told {
                    severity,
                    at: scene.now,
                    affected: scene.affected,
                    grown_at,
                    is_standing: scene.is_standing,
                    step: scene.step,
                    acknowledged_at: scene.acknowledged_at,
                    is_lost: false,
                    dispatch: self.situation.dispatch,
                }
            };
            let told = match (decided, held) {
                (Due::Nothing, _) => continue,
                // It belongs to the key that is held.
                (Due::Tell(kind @ NotificationKind::Acknowledgement), Some(held)) => {
                    Told { is_lost: held.is_lost, ..tell(kind, held.severity) }
                }
                (Due::Tell(kind), _) => tell(kind, scene.severity),
                (Due::Escalate, held) => {
                    mail.ends
                        .entry(held.map_or(scene.severity, |held| held.severity))
                        .or_default()
                        .push(receiver.clone());
                    tell(NotificationKind::Trigger, scene.severity)
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
        let page = page::of_end(about, &announcement.page, announcement.since, because, self.state, self.situation);
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

/// Whether nobody acted on a problem for so long that it is in the digest alone.
pub(super) fn is_standing(announcement: &Announcement, now: DateTime<Utc>) -> bool {
    now - announcement.changed.at >= STANDING_AFTER
}

/// Notes what changed since the last evaluation: it got better or worse, somebody made progress or acknowledged it. More
/// of the same is a change when it is told.
fn note_change(
    changed: &mut LastChange,
    incident: &IncidentState,
    remaining: usize,
    acknowledged_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) {
    let (severity, step) = (incident.severity, incident.tracking.step);
    let is_news = severity != changed.severity || step > changed.step || remaining < changed.remaining;
    let at = if is_news { now } else { changed.at };
    let at = acknowledged_at.map_or(at, |acknowledged_at| at.max(acknowledged_at));
    *changed = LastChange { at, severity, step, remaining: remaining.min(changed.remaining) };
}
