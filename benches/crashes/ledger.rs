//! What the store holds at the end, compared with what was received.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, Utc};
use snykwatch::domain::incident::{IncidentPhase, Severity, Subject};
use snykwatch::domain::notification::{About, Delivery, DeliveryState, NotificationKind, Reach};
use snykwatch::domain::state::{State, Transition};
use snykwatch::store::sqlite::{SqliteOptions, SqliteStore};
use snykwatch::store::{DeliveryFilter, Outbox as _, Store as _};

use super::breaches::{Breach, Fault};
use super::episodes::{Episodes, History};
use super::lives::Lives;
use super::problems::{LASTING, Problem};
use super::receivers::NAMES;
use super::stage::Stage;

/// More than any run makes.
const EVERYTHING: usize = 1_000_000;

pub(crate) struct Ledger {
    state: State,
    /// Of everything that has a history, of each subject oldest first.
    transitions: Vec<Transition>,
    deliveries: Vec<Delivery>,
}

impl Ledger {
    pub(crate) async fn read(path: &Path) -> Self {
        let store = SqliteStore::open(path, SqliteOptions::default()).await.unwrap();
        let filter = DeliveryFilter { limit: EVERYTHING, ..DeliveryFilter::default() };
        let deliveries = store.deliveries(filter).await.unwrap();
        let stored = store.load().await.unwrap().expect("it committed");
        let state = State::clone(&stored.state);
        let mut subjects: BTreeSet<Subject> = state.credentials.keys().cloned().map(Subject::Credential).collect();
        subjects.extend(state.integrations.keys().cloned().map(Subject::Integration));
        subjects.extend(deliveries.iter().filter_map(|delivery| match &delivery.notification.about {
            About::Incident(key) => Some(key.subject.clone()),
            About::Receiver(_) | About::Test(_) | About::Digest(_) => None,
        }));
        subjects.extend(state.incidents.keys().map(|key| key.subject.clone()));
        let mut transitions = Vec::new();
        for subject in subjects {
            let mut history = store.history(subject, EVERYTHING).await.unwrap();
            history.reverse();
            transitions.append(&mut history);
        }
        store.close().await;
        Self { state, transitions, deliveries }
    }

    pub(crate) fn pending(&self) -> usize {
        self.count(|delivery| delivery.state == DeliveryState::Pending)
    }

    fn count(&self, is_counted: impl Fn(&Delivery) -> bool) -> usize {
        self.deliveries.iter().filter(|delivery| is_counted(delivery)).count()
    }

    /// What is open and worth a page, as `rule/subject`.
    fn open(&self) -> BTreeSet<String> {
        let incidents = self.state.incidents.iter().filter(|(_, incident)| {
            matches!(incident.phase, IncidentPhase::Open { .. }) && incident.severity >= Severity::Warning
        });
        incidents.map(|(key, _)| key.to_string()).collect()
    }

    pub(crate) fn breaches(&self, stage: &Stage, lives: &Lives) -> Vec<Breach> {
        let history = History::of(&self.transitions, &self.state);
        let mut breaches: Vec<Breach> =
            history.breaches.into_iter().map(|what| Breach::new(Fault::Loss, what)).collect();
        let (open, truth) = (self.open(), stage.open_problems());
        if open != truth {
            breaches.push(Breach::new(Fault::Loss, format!("open are {open:?}, really {truth:?}")));
        }
        for (key, episodes) in &history.incidents {
            breaches.extend(self.misses(&key.to_string(), episodes));
        }
        for delivery in &self.deliveries {
            if !matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Collapsed) {
                let (receiver, about) = (&delivery.receiver, &delivery.notification.about);
                let what = format!("{receiver}: {about} is {} {:?}", delivery.state, delivery.last_failure);
                breaches.push(Breach::new(Fault::Loss, what));
            }
        }
        breaches.extend(self.broken_promises().into_iter().map(|what| Breach::new(Fault::Loss, what)));
        let complaints = [stage.receivers.complaints(), stage.receivers.failures(), stage.errors_since(0)].concat();
        breaches.extend(complaints.into_iter().map(|what| Breach::new(Fault::Other, what)));
        if stage.receivers.beats() == 0 {
            breaches.push(Breach::new(Fault::Loss, "heartbeat: there was no sign of life"));
        }
        breaches.extend(self.unreceived(stage).into_iter().map(|what| Breach::new(Fault::Loss, what)));
        breaches.extend(self.wrong_pages(stage));
        breaches.extend(repeats(stage, lives).into_iter().map(|what| Breach::new(Fault::Double, what)));
        breaches
    }

    /// Notifications of an incident that were not made, or made twice.
    fn misses(&self, incident: &str, episodes: &Episodes) -> Vec<Breach> {
        let is_silenced = Problem::ScopeMissing.incidents().iter().any(|silenced| silenced == incident);
        let mut breaches = Vec::new();
        for name in NAMES {
            let made = |kind: NotificationKind| {
                let is_it = |delivery: &Delivery| {
                    let notification = &delivery.notification;
                    let is_about = notification.about.to_string() == incident && notification.kind == kind;
                    is_about && delivery.receiver.as_str() == name
                };
                self.count(is_it)
            };
            let (triggers, resolves) = (made(NotificationKind::Trigger), made(NotificationKind::Resolve));
            let Episodes { opened, escalated, resolved, .. } = episodes;
            let wanted = if is_silenced { (0, 0) } else { (opened + escalated, resolved + escalated) };
            if (triggers, resolves) != wanted {
                let happened = format!("{opened} openings, {escalated} escalations and {resolved} ends");
                let notified = format!("{triggers} triggers and {resolves} resolves");
                let fault = if triggers < wanted.0 || resolves < wanted.1 { Fault::Loss } else { Fault::Double };
                breaches.push(Breach::new(fault, format!("{name}: {notified} were made of {happened} of {incident}")));
            }
            let acknowledgements = made(NotificationKind::Acknowledgement);
            if acknowledgements != usize::from(incident == LASTING) {
                let fault = if acknowledgements == 0 { Fault::Loss } else { Fault::Double };
                let what = format!("{name}: {acknowledgements} acknowledgements of {incident} were told");
                breaches.push(Breach::new(fault, what));
            }
        }
        breaches
    }

    /// What people were promised and is gone.
    fn broken_promises(&self) -> Vec<String> {
        let attention = &self.state.attention;
        let mut breaches = Vec::new();
        if !attention.acknowledgements.keys().any(|key| key.to_string() == LASTING) {
            breaches.push(format!("the acknowledgement of {LASTING} is gone"));
        }
        if attention.silences.len() != 1 {
            breaches.push(format!("there are {} silences, not one", attention.silences.len()));
        }
        breaches
    }

    /// What the store calls delivered and the receiver has not.
    fn unreceived(&self, stage: &Stage) -> Vec<String> {
        let ids = stage.receivers.webhook.look(|hook| hook.ids().into_iter().map(str::to_owned).collect::<Vec<_>>());
        let delivered = self
            .deliveries
            .iter()
            .filter(|delivery| delivery.receiver.as_str() == "webhook" && delivery.state == DeliveryState::Delivered);
        let missing = delivered.filter(|delivery| {
            let id = &delivery.notification.id.0;
            !ids.iter().any(|known| known.contains(id.as_str()))
        });
        missing.map(|delivery| format!("webhook: {} was never received", delivery.notification.id)).collect()
    }

    /// How often somebody may have been told by a receiver: by what it certainly took, and by what it may have taken
    /// before its sender died.
    fn told(&self, name: &str, is_counted: impl Fn(&Delivery) -> bool) -> std::ops::RangeInclusive<usize> {
        let is_its = |delivery: &Delivery| delivery.receiver.as_str() == name && is_counted(delivery);
        let least = self.count(|delivery| is_its(delivery) && delivery.state == DeliveryState::Delivered);
        let perhaps = |delivery: &Delivery| {
            delivery.state == DeliveryState::Collapsed && delivery.reach != Reach::NotReceived && is_its(delivery)
        };
        least..=least + self.count(perhaps)
    }

    /// Who was woken too often, or not.
    fn wrong_pages(&self, stage: &Stage) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let fault = |told: usize, least: usize| if told < least { Fault::Loss } else { Fault::Double };
        let is_trigger = |delivery: &Delivery| delivery.notification.kind == NotificationKind::Trigger;
        let keys: BTreeSet<String> = self.deliveries.iter().map(|delivery| delivery.notification.key()).collect();
        for key in keys {
            let wanted = self.told("pagerduty", |delivery| is_trigger(delivery) && delivery.notification.key() == key);
            let pages = stage.receivers.pages_by_key(&key);
            if !wanted.contains(&pages) {
                let what = format!("pagerduty: {pages} pages for {key}, {wanted:?} are right");
                breaches.push(Breach::new(fault(pages, *wanted.start()), what));
            }
        }
        for (name, tally) in stage.receivers.tallies() {
            let (wanted, pages) = match name {
                "alertmanager" => (self.told(name, is_trigger), tally.pages),
                "webhook" | "slack" => (self.told(name, |_| true), tally.pages + tally.resolves),
                _ => continue,
            };
            if !wanted.contains(&pages) {
                let what = format!("{name}: {pages} messages, {wanted:?} are right");
                breaches.push(Breach::new(fault(pages, *wanted.start()), what));
            }
        }
        breaches
    }

    /// What it holds and what was received, for people.
    pub(crate) fn lines(&self, stage: &Stage) -> Vec<String> {
        let history = History::of(&self.transitions, &self.state);
        let mut lines = vec![format!("{} changes of a status or condition", history.changes)];
        lines.extend(history.incidents.iter().map(|(key, episodes)| {
            let Episodes { opened, escalated, resolved, .. } = episodes;
            format!("{key}: {opened} opened, {escalated} escalated, {resolved} resolved")
        }));
        for (name, tally) in stage.receivers.tallies() {
            let of = |state: DeliveryState| {
                self.count(|delivery| delivery.receiver.as_str() == name && delivery.state == state)
            };
            let (delivered, collapsed) = (of(DeliveryState::Delivered), of(DeliveryState::Collapsed));
            let lost = self.count(|delivery| {
                delivery.receiver.as_str() == name
                    && !matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Collapsed)
            });
            lines.push(format!(
                "{name:<13} {:>4} notifications: {delivered:>4} delivered, {collapsed:>4} collapsed, {lost} lost | \
                 {:>4} letters: {:>4} pages, {:>4} resolves, {:>4} repeats, {} refused",
                delivered + collapsed + lost,
                tally.letters,
                tally.pages,
                tally.resolves,
                tally.repeats,
                tally.refusals.len(),
            ));
        }
        lines.push(format!("heartbeat     {:>4} signs of life", stage.receivers.beats()));
        lines
    }
}

/// Messages that the webhook got again.
pub(crate) fn repeated(stage: &Stage) -> usize {
    webhook_repeats(stage).values().map(|times| times.len() - 1).sum()
}

/// When each id was received by the webhook, oldest first.
fn webhook_repeats(stage: &Stage) -> BTreeMap<String, Vec<DateTime<Utc>>> {
    let mut times: BTreeMap<String, Vec<DateTime<Utc>>> = BTreeMap::new();
    for reception in stage.receivers.webhook.receptions() {
        let id = reception.taken().and_then(|reply| reply.id.clone());
        times.entry(id.map(String::from).unwrap_or_default()).or_default().push(reception.at);
    }
    times.remove("");
    times
}

/// Repetitions that no kill excuses.
fn repeats(stage: &Stage, lives: &Lives) -> Vec<String> {
    let mut breaches = Vec::new();
    let kills = lives.kills();
    for (name, tally) in stage.receivers.tallies() {
        // Chat gets one message after the other. Alertmanager is reminded all the time; PagerDuty of an end, and is told
        // of an acknowledgement.
        if name == "slack" && tally.repeats as u64 > kills {
            breaches.push(format!("{name}: {} repeats at {kills} kills", tally.repeats));
        }
    }
    for (id, times) in webhook_repeats(stage) {
        for (earlier, later) in times.iter().zip(times.iter().skip(1)) {
            if !lives.deaths.iter().any(|(death, _)| earlier <= death && death <= later) {
                breaches.push(format!("webhook: {id} came at {earlier} and at {later}, with no kill in between"));
            }
        }
    }
    breaches
}
