//! What the store holds at the end, and what is to be compared with what was received.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use snykwatch::domain::incident::{IncidentKey, IncidentPhase, Severity, Subject};
use snykwatch::domain::notification::{Delivery, DeliveryState, NotificationKind};
use snykwatch::domain::state::{Change, State, Transition};
use snykwatch::store::sqlite::{SqliteOptions, SqliteStore};
use snykwatch::store::{DeliveryFilter, Outbox as _, Store as _};

use super::receivers::NAMES;
use super::stage::Stage;

/// More than any run makes.
const EVERYTHING: usize = 1_000_000;

pub(crate) struct Ledger {
    state: State,
    /// Of the subjects that had problems, oldest first.
    transitions: Vec<Transition>,
    deliveries: Vec<Delivery>,
}

/// How often an incident opened and resolved.
#[derive(Default)]
struct Episodes {
    opened: usize,
    resolved: usize,
}

impl Ledger {
    pub(crate) async fn read(path: &Path) -> Self {
        let store = SqliteStore::open(path, SqliteOptions::default()).await.unwrap();
        let deliveries =
            store.deliveries(DeliveryFilter { limit: EVERYTHING, ..DeliveryFilter::default() }).await.unwrap();
        let stored = store.load().await.unwrap().expect("it committed");
        let state = State::clone(&stored.state);
        let abouts = state.credentials.keys().cloned().map(Subject::Credential);
        let mut subjects: BTreeSet<Subject> = abouts.collect();
        subjects.extend(deliveries.iter().filter_map(|delivery| match &delivery.notification.about {
            snykwatch::domain::notification::About::Incident(key) => Some(key.subject.clone()),
            _ => None,
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

    fn open(&self) -> BTreeSet<IncidentKey> {
        let is_open = |phase: &IncidentPhase| matches!(phase, IncidentPhase::Open { .. });
        let open = self.state.incidents.iter().filter(|(_, incident)| is_open(&incident.phase));
        open.filter(|(_, incident)| incident.severity >= Severity::Warning).map(|(key, _)| key.clone()).collect()
    }

    /// How often each incident that is worth a page opened and resolved, and where these do not alternate.
    fn episodes(&self) -> (BTreeMap<IncidentKey, Episodes>, Vec<String>) {
        let mut episodes: BTreeMap<IncidentKey, Episodes> = BTreeMap::new();
        let mut breaches = Vec::new();
        for transition in &self.transitions {
            let (incident, severity, opens) = match &transition.change {
                Change::Opened { incident, severity } => (incident, severity, true),
                Change::Resolved { incident, severity } => (incident, severity, false),
                _ => continue,
            };
            if *severity < Severity::Warning {
                continue;
            }
            let counted = episodes.entry(incident.clone()).or_default();
            let is_open = counted.opened > counted.resolved;
            if is_open == opens {
                let at = transition.at;
                breaches.push(format!("{incident} opened or resolved twice in a row at {at}"));
            }
            if opens {
                counted.opened += 1;
            } else {
                counted.resolved += 1;
            }
        }
        (episodes, breaches)
    }

    pub(crate) fn breaches(&self, stage: &Stage, kills: u64) -> Vec<String> {
        let (episodes, mut breaches) = self.episodes();
        let open = self.open();
        let shown: BTreeSet<String> = open.iter().map(ToString::to_string).collect();
        let truth: BTreeSet<String> = stage.open_problems().into_iter().map(str::to_owned).collect();
        if shown != truth {
            breaches.push(format!("open are {shown:?}, really {truth:?}"));
        }
        for (key, counted) in &episodes {
            if (counted.opened > counted.resolved) != open.contains(key) {
                breaches.push(format!("{key}: the history does not end as the state"));
            }
        }
        let opened: usize = episodes.values().map(|counted| counted.opened).sum();
        let resolved: usize = episodes.values().map(|counted| counted.resolved).sum();
        for name in NAMES {
            let made = |kind: NotificationKind| {
                self.count(|delivery| delivery.receiver.as_str() == name && delivery.notification.kind == kind)
            };
            let (triggers, resolves) = (made(NotificationKind::Trigger), made(NotificationKind::Resolve));
            if (triggers, resolves) != (opened, resolved) {
                let episodes = format!("{opened} opened, {resolved} resolved");
                breaches.push(format!("{name}: {triggers} triggers and {resolves} resolves were made of {episodes}"));
            }
        }
        for delivery in &self.deliveries {
            if !matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Collapsed) {
                let (receiver, about) = (&delivery.receiver, &delivery.notification.about);
                breaches.push(format!("{receiver}: {about} is {} {:?}", delivery.state, delivery.last_failure));
            }
        }
        breaches.extend(stage.receivers.complaints());
        breaches.extend(self.unreceived(stage));
        breaches.extend(self.repeats(stage, kills));
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

    /// Who was woken too often, or told too often what it knew.
    fn repeats(&self, stage: &Stage, kills: u64) -> Vec<String> {
        let mut breaches = Vec::new();
        for (name, tally) in stage.receivers.tallies() {
            let of = |state: DeliveryState, kind: NotificationKind| {
                self.count(|delivery| {
                    let notification = &delivery.notification;
                    delivery.receiver.as_str() == name && delivery.state == state && notification.kind == kind
                })
            };
            let delivered = of(DeliveryState::Delivered, NotificationKind::Trigger);
            // One that was collapsed may have been received before its sender died.
            let most = delivered + of(DeliveryState::Collapsed, NotificationKind::Trigger);
            match name {
                "pagerduty" | "alertmanager" if !(delivered..=most).contains(&tally.pages) => {
                    breaches.push(format!("{name}: {} pages for {delivered} triggers delivered", tally.pages));
                }
                // Alertmanager is reminded all the time.
                "webhook" | "slack" if tally.repeats as u64 > kills => {
                    breaches.push(format!("{name}: {} repeats at {kills} kills", tally.repeats));
                }
                _ => {}
            }
        }
        breaches
    }

    #[expect(clippy::print_stdout, reason = "printing is what it is for")]
    pub(crate) fn print(&self, stage: &Stage) {
        let (episodes, _) = self.episodes();
        for (key, counted) in &episodes {
            println!("{key}: opened {}, resolved {}", counted.opened, counted.resolved);
        }
        for (name, tally) in stage.receivers.tallies() {
            let of = |state: DeliveryState| {
                self.count(|delivery| delivery.receiver.as_str() == name && delivery.state == state)
            };
            println!(
                "{name:<13} {:>5} delivered {:>5} collapsed | received {:>5} letters: {:>4} pages, {:>4} repeats, {:>4} \
                 resolves, {} refused",
                of(DeliveryState::Delivered),
                of(DeliveryState::Collapsed),
                tally.letters,
                tally.pages,
                tally.repeats,
                tally.resolves,
                tally.refusals.len(),
            );
        }
    }
}
