//! A stage for stories: incidents set by hand. Every evaluation is repeated, and stored and restored, on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use url::Url;
use uuid::Uuid;

use crate::config::routing::{Route, Routing, TimeWindow};
use crate::domain::attention::{Counted, Silence};
use crate::domain::fleet::{Fleet, Thresholds, WatchedIntegration};
use crate::domain::incident::{IncidentKey, IncidentPhase, IncidentState, IncidentTracking, Rule, Severity, Subject};
use crate::domain::kinds::Scm;
use crate::domain::matcher::Matcher;
use crate::domain::names::{IntegrationKey, OrganizationId, ReceiverName};
use crate::domain::notification::{About, AttemptFailure, Dispatch, FailureReason, Outgoing};
use crate::domain::policy::RulePolicy;
use crate::domain::state::{Change, State, Transition};
use crate::notify::evaluate;
use crate::notify::situation::{FailingReceiver, Situation};

pub(super) struct Stage {
    pub(super) state: State,
    pub(super) fleet: Fleet,
    pub(super) routing: Routing,
    pub(super) failing: BTreeMap<ReceiverName, FailingReceiver>,
    pub(super) dispatch: Dispatch,
    pub(super) now: DateTime<Utc>,
    url: Url,
}

/// A Friday.
pub(super) fn start() -> DateTime<Utc> {
    "2026-11-20T09:00:00Z".parse().unwrap()
}

pub(super) fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

pub(super) fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

pub(super) fn organization(number: u128) -> OrganizationId {
    OrganizationId(Uuid::from_u128(number))
}

/// A Group that stalls.
pub(super) fn stalled() -> IncidentKey {
    let subject = Subject::Integration(IntegrationKey::group("acme-bitbucket".into()));
    IncidentKey { rule: Rule::SyncStalled, subject }
}

/// A PAT that is rejected.
pub(super) fn rejected() -> IncidentKey {
    IncidentKey { rule: Rule::CredentialInvalid, subject: Subject::Credential("bitbucket-acme".into()) }
}

/// Organizations whose tests do not run.
pub(super) fn stale() -> IncidentKey {
    IncidentKey { rule: Rule::TestsStale, subject: Subject::Organizations("labs-bitbucket".into()) }
}

pub(super) fn route(matcher: Matcher, receivers: &[&str]) -> Route {
    Route { matcher, receivers: receivers.iter().map(|name| (*name).into()).collect(), ..Route::default() }
}

pub(super) fn severities(severities: &[Severity]) -> Matcher {
    Matcher { severities: severities.iter().copied().collect(), ..Matcher::default() }
}

pub(super) fn daily(name: &str, from: u32, to: u32) -> Arc<TimeWindow> {
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let (days, zone) = ((0..7).collect(), chrono_tz::UTC);
    Arc::new(TimeWindow { name: name.to_owned(), zone, days, from: time(from), to: time(to) })
}

pub(super) fn watched(owner: &str) -> WatchedIntegration {
    WatchedIntegration {
        scm: Scm::BitbucketCloud,
        owner: Some(owner.to_owned()),
        group: None,
        organizations: None,
        thresholds: Thresholds::default(),
        rules: RulePolicy::default(),
    }
}

impl Stage {
    /// All that there is goes to `chat`.
    pub(super) fn new() -> Self {
        let integrations = [("acme-bitbucket", "platform"), ("labs-bitbucket", "labs")];
        let integrations = integrations.into_iter().map(|(name, owner)| (name.into(), watched(owner)));
        let mut stage = Self {
            state: State::default(),
            fleet: Fleet { integrations: integrations.collect(), ..Fleet::default() },
            routing: Routing::default(),
            failing: BTreeMap::new(),
            dispatch: Dispatch::Deliver,
            now: start(),
            url: "http://127.0.0.1:9979".parse().unwrap(),
        };
        stage.routes(vec![route(Matcher::default(), &["chat"])]);
        stage
    }

    /// Sets the routes; every receiver they name is configured, and `mail`.
    pub(super) fn routes(&mut self, routes: Vec<Route>) {
        let named = routes.iter().flat_map(|route| route.receivers.clone());
        self.routing.receivers = named.chain(["mail".into()]).collect();
        self.routing.routes = routes;
    }

    pub(super) fn open(&mut self, key: &IncidentKey, severity: Severity) {
        let affected: BTreeSet<IntegrationKey> = match &key.subject {
            Subject::Integration(own) => BTreeSet::from([own.clone()]),
            Subject::Organizations(name) => {
                (1..=4).map(|number| IntegrationKey::organization(name.clone(), organization(number))).collect()
            }
            _ => BTreeSet::from([
                IntegrationKey::group("acme-bitbucket".into()),
                IntegrationKey::organization("labs-bitbucket".into(), organization(1)),
            ]),
        };
        let incident = IncidentState {
            since: self.now - hours(1),
            phase: IncidentPhase::Open { opened_at: self.now },
            severity,
            summary: format!("{key} is {severity}."),
            next_step: "Repair it.".to_owned(),
            members: affected.iter().filter_map(|key| key.organization).collect(),
            affected: affected.into_iter().collect(),
            cause: None,
            deadline: None,
            tracking: IncidentTracking::default(),
        };
        self.state.incidents.insert(key.clone(), incident);
    }

    pub(super) fn incident(&mut self, key: &IncidentKey) -> &mut IncidentState {
        self.state.incidents.get_mut(key).unwrap()
    }

    /// Makes it affect so many Organizations.
    pub(super) fn affects(&mut self, key: &IncidentKey, organizations: u128) {
        let all = (1..=organizations).map(organization);
        let incident = self.incident(key);
        incident.affected = all.clone().map(|id| IntegrationKey::organization("labs-bitbucket".into(), id)).collect();
        incident.members = all.collect();
    }

    pub(super) fn resolve(&mut self, key: &IncidentKey) -> Transition {
        let incident = self.state.incidents.remove(key).unwrap();
        let change = Change::Resolved { incident: key.clone(), severity: incident.severity };
        Transition { at: self.now, change, cause: "somebody repaired it".to_owned() }
    }

    /// Silences for so long.
    pub(super) fn silence(&mut self, id: &str, matcher: Matcher, span: TimeDelta) {
        let (author, reason) = ("on-call".to_owned(), "we know".to_owned());
        let (starts_at, ends_at) = (self.now, self.now + span);
        let silence = Silence { matcher, author, reason, starts_at, ends_at, counted: Counted::Span };
        self.state.attention.silences.insert(id.into(), silence);
    }

    pub(super) fn acknowledge(&mut self, key: &IncidentKey) {
        crate::notify::requests::acknowledge(&mut self.state, &key.to_string(), "on-call", "on it", self.now).unwrap();
    }

    pub(super) fn fails(&mut self, receiver: &str) {
        let failure = AttemptFailure { reason: FailureReason::Rejected, detail: "no such channel".to_owned() };
        self.failing.insert(receiver.into(), FailingReceiver { since: self.now, failure, lost: BTreeMap::new() });
    }

    /// It has rejected for good what it was told last about this.
    pub(super) fn loses(&mut self, receiver: &str, key: &IncidentKey) {
        let about = About::Incident(key.clone());
        let receiver: ReceiverName = receiver.into();
        let at = self.state.attention.announcements[&about].receivers[&receiver].at;
        self.failing.get_mut(&receiver).unwrap().lost.insert(about, at);
    }

    pub(super) fn situation(&self) -> Situation<'_> {
        Situation {
            fleet: &self.fleet,
            routing: &self.routing,
            failing: &self.failing,
            dispatch: self.dispatch,
            external_url: &self.url,
            now: self.now,
        }
    }

    /// Goes to so long after the start and evaluates.
    pub(super) fn at(&mut self, after: TimeDelta) -> Vec<String> {
        self.now = start() + after;
        self.tell(&[])
    }

    pub(super) fn tell(&mut self, transitions: &[Transition]) -> Vec<String> {
        shown(&self.evaluate(transitions))
    }

    pub(super) fn evaluate(&mut self, transitions: &[Transition]) -> Vec<Outgoing> {
        let mut state = std::mem::take(&mut self.state);
        let outgoing = evaluate(&mut state, transitions, &self.situation());
        let once = state.clone();
        for transitions in [transitions, &[]] {
            assert_eq!(evaluate(&mut state, transitions, &self.situation()), [], "a second evaluation tells nothing");
            assert_eq!(state, once, "a second evaluation changes nothing");
        }
        let stored = serde_json::to_string(&state).unwrap();
        self.state = serde_json::from_str(&stored).unwrap();
        // That speaks of a process.
        self.state.evidence.is_clock_unconfirmed = once.evidence.is_clock_unconfirmed;
        assert_eq!(self.state, once, "a restart changes nothing");
        assert!(outgoing.iter().all(|outgoing| outgoing.dispatch == self.dispatch && !outgoing.receivers.is_empty()));
        outgoing
    }
}

/// As `kind key -> receivers`.
pub(super) fn shown(outgoing: &[Outgoing]) -> Vec<String> {
    let show = |outgoing: &Outgoing| {
        let receivers: Vec<_> = outgoing.receivers.iter().map(ReceiverName::as_str).collect();
        let notification = &outgoing.notification;
        format!("{} {} -> {}", notification.kind, notification.key(), receivers.join(", "))
    };
    outgoing.iter().map(show).collect()
}
