//! The view of an incident.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::telling::{DeliveryView, Telling};
use crate::domain::incident::{IncidentKey, IncidentPhase, IncidentState, Rule, Severity, Subject};
use crate::domain::kinds::closed_list;
use crate::domain::names::{CredentialName, IntegrationKey, IntegrationName, OrganizationId, SilenceId};
use crate::domain::page::Gap;
use crate::domain::state::State;
use crate::notify::hearing::{self, Acknowledged, Hearing};

closed_list! {
    /// Where an incident is in its life; the `state` label of the metrics.
    Phase {
        /// Its cause holds, its time has not come.
        Pending => "pending",
        /// Open.
        Open => "open",
    }
}

/// A pending or open incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentView {
    /// Its identity as one text: `rule/subject`.
    pub id: String,
    /// Its identity.
    #[serde(skip)]
    pub key: IncidentKey,
    /// The rule.
    pub rule: Rule,
    /// The cause it is about, as one text.
    pub subject: String,
    /// The configuration key it is about; `None` when it is about a credential or an API.
    pub integration: Option<IntegrationName>,
    /// The credential it is about.
    pub credential: Option<CredentialName>,
    /// How bad.
    pub severity: Severity,
    /// Pending or open.
    pub phase: Phase,
    /// When its cause began.
    pub since: DateTime<Utc>,
    /// When it was opened.
    pub opened_at: Option<DateTime<Utc>>,
    /// One sentence: what, since when, how bad.
    pub summary: String,
    /// What to do next, and who has the right for it.
    pub next_step: String,
    /// The blast radius.
    pub affected: Vec<IntegrationKey>,
    /// The Organizations a person has to visit.
    pub members: Vec<OrganizationId>,
    /// The incident that turned out to be its cause; this one is quiet.
    pub cause: Option<String>,
    /// By when it gets worse.
    pub deadline: Option<DateTime<Utc>>,
    /// When snykwatch did not run, where that bears on it.
    pub gap: Option<Gap>,
    /// Who takes care of it.
    pub acknowledgement: Option<Acknowledged>,
    /// The silences in force that cover it.
    pub silences: Vec<SilencedBy>,
    /// What each receiver hears of it, and why not more.
    pub hearings: Vec<Hearing>,
}

/// A silence that covers an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SilencedBy {
    /// Which.
    pub id: SilenceId,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Whose.
    pub author: String,
    /// Why.
    pub reason: String,
}

/// What people have to do with an incident.
#[derive(Debug, Default)]
struct People {
    acknowledgement: Option<Acknowledged>,
    silences: Vec<SilencedBy>,
    hearings: Vec<Hearing>,
}

impl People {
    fn of(state: &State, key: &IncidentKey, told: Option<(&Telling<'_>, &DeliveryView)>) -> Self {
        let Some((telling, delivery)) = told else { return Self::default() };
        let id = key.to_string();
        let covering = delivery.silences.iter().filter(|silence| silence.covers.contains(&id));
        let silences = covering.map(|view| SilencedBy {
            id: view.id.clone(),
            until: view.silence.ends_at,
            author: view.silence.author.clone(),
            reason: view.silence.reason.clone(),
        });
        Self {
            acknowledgement: hearing::acknowledged(state, key),
            silences: silences.collect(),
            hearings: hearing::explain(state, telling.situation, key),
        }
    }
}

impl IncidentView {
    fn new(key: &IncidentKey, state: &IncidentState, gap: Option<Gap>, people: People) -> Self {
        let People { acknowledgement, silences, hearings } = people;
        let (integration, credential) = match &key.subject {
            Subject::Credential(credential) => (None, Some(credential.clone())),
            Subject::Network | Subject::Api(_) => (None, None),
            Subject::Workspace(name, _) | Subject::Organizations(name) => (Some(name.clone()), None),
            Subject::Integration(key) => (Some(key.integration.clone()), None),
        };
        let (phase, opened_at) = phase(state);
        Self {
            id: key.to_string(),
            key: key.clone(),
            rule: key.rule,
            subject: key.subject.to_string(),
            integration,
            credential,
            severity: state.severity,
            phase,
            since: state.since,
            opened_at,
            summary: state.summary.clone(),
            next_step: state.next_step.clone(),
            affected: state.affected.clone(),
            members: state.members.clone(),
            cause: state.cause.as_ref().map(ToString::to_string),
            deadline: state.deadline,
            gap,
            acknowledgement,
            silences,
            hearings,
        }
    }

    /// Whether it shows `state`, without copying anything.
    fn shows(&self, state: &IncidentState, gap: Option<Gap>, people: &People) -> bool {
        (self.phase, self.opened_at) == phase(state)
            && self.severity == state.severity
            && self.since == state.since
            && self.deadline == state.deadline
            && self.gap == gap
            && self.acknowledgement == people.acknowledgement
            && self.silences == people.silences
            && self.hearings == people.hearings
            && self.summary == state.summary
            && self.next_step == state.next_step
            && self.affected == state.affected
            && self.members == state.members
            && self.cause == state.cause.as_ref().map(ToString::to_string)
    }
}

fn phase(state: &IncidentState) -> (Phase, Option<DateTime<Utc>>) {
    match state.phase {
        IncidentPhase::Pending => (Phase::Pending, None),
        IncidentPhase::Open { opened_at } => (Phase::Open, Some(opened_at)),
    }
}

/// Every incident: open before pending, worst first, oldest first.
pub(super) fn views(
    state: &State,
    before: &BTreeMap<IncidentKey, &Arc<IncidentView>>,
    told: Option<(&Telling<'_>, &DeliveryView)>,
    now: DateTime<Utc>,
) -> Vec<Arc<IncidentView>> {
    let views = state.incidents.iter().map(|(key, incident)| {
        let gap = state.attention.gap_between(incident.since, now);
        let people = People::of(state, key, told);
        match before.get(key) {
            Some(view) if view.shows(incident, gap, &people) => Arc::clone(view),
            _ => Arc::new(IncidentView::new(key, incident, gap, people)),
        }
    });
    let mut views: Vec<_> = views.collect();
    views.sort_by_key(|view| (Reverse(view.phase), Reverse(view.severity), view.since));
    views
}
