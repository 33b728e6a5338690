//! What the stored history tells, and whether it has holes.

use std::collections::BTreeMap;

use snykwatch::domain::condition::Condition;
use snykwatch::domain::incident::{IncidentKey, IncidentPhase, Severity};
use snykwatch::domain::kinds::Truth;
use snykwatch::domain::names::IntegrationKey;
use snykwatch::domain::state::{Change, State, Transition};
use snykwatch::domain::status::Status;

/// What happened to an incident.
#[derive(Debug, Clone, Default)]
pub(crate) struct Episodes {
    pub(crate) opened: usize,
    pub(crate) escalated: usize,
    pub(crate) resolved: usize,
    /// While it is open.
    severity: Option<Severity>,
}

/// What happened to everything.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) incidents: BTreeMap<IncidentKey, Episodes>,
    pub(crate) breaches: Vec<String>,
    /// Transitions of a status or a condition.
    pub(crate) changes: usize,
    statuses: BTreeMap<IntegrationKey, Status>,
    conditions: BTreeMap<(IntegrationKey, Condition), Truth>,
}

impl History {
    /// Reads transitions, of each subject oldest first, and compares their end with the state.
    pub(crate) fn of(transitions: &[Transition], state: &State) -> Self {
        let mut history = Self::default();
        for transition in transitions {
            history.take(transition);
        }
        history.compare(state);
        history
    }

    fn take(&mut self, transition: &Transition) {
        let at = transition.at;
        match &transition.change {
            Change::Opened { incident, severity } => {
                let known = self.incidents.entry(incident.clone()).or_default();
                known.opened += 1;
                if known.severity.replace(*severity).is_some() {
                    self.breaches.push(format!("{incident} opened twice in a row at {at}"));
                }
            }
            Change::SeverityChanged { incident, from, to } => {
                let known = self.incidents.entry(incident.clone()).or_default();
                known.escalated += 1;
                if known.severity.replace(*to) != Some(*from) {
                    self.breaches.push(format!("{incident} went from {from} to {to} at {at} without having been that"));
                }
            }
            Change::Resolved { incident, severity } => {
                let known = self.incidents.entry(incident.clone()).or_default();
                known.resolved += 1;
                if known.severity.take() != Some(*severity) {
                    self.breaches.push(format!("{incident} resolved as {severity} at {at} without having been that"));
                }
            }
            Change::Grew { .. } => {}
            Change::Status { integration, from, to } => {
                self.changes += 1;
                let before = self.statuses.insert(integration.clone(), to.0);
                if before != from.map(|(status, _)| status) {
                    self.breaches.push(format!("{integration:?} was {before:?}, and left {from:?} at {at}"));
                }
            }
            Change::Condition { integration, condition, from, to, .. } => {
                self.changes += 1;
                let before = self.conditions.insert((integration.clone(), *condition), *to).unwrap_or(Truth::Unknown);
                if before != from.unwrap_or(Truth::Unknown) {
                    self.breaches.push(format!("{condition} was {before:?}, and left {from:?} at {at}"));
                }
            }
        }
    }

    fn compare(&mut self, state: &State) {
        for (key, known) in &self.incidents {
            let incident = state.incidents.get(key);
            let open = incident.filter(|incident| matches!(incident.phase, IncidentPhase::Open { .. }));
            let severity = open.map(|incident| incident.severity);
            if severity != known.severity {
                let last = known.severity;
                self.breaches.push(format!("{key}: the history ends with {last:?}, the state says {severity:?}"));
            }
        }
        for (key, integration) in &state.integrations {
            let (told, status) = (self.statuses.get(key), integration.status.as_ref().map(|status| status.status));
            if told.copied() != status {
                self.breaches.push(format!("{key:?}: the history ends with {told:?}, the state says {status:?}"));
            }
            for (condition, state) in &integration.conditions {
                let told = self.conditions.get(&(key.clone(), *condition)).copied().unwrap_or(Truth::Unknown);
                if told != state.truth {
                    let truth = state.truth;
                    self.breaches
                        .push(format!("{condition}: the history ends with {told:?}, the state says {truth:?}"));
                }
            }
        }
    }
}
