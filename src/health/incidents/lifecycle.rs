//! The life of an incident, the same for every rule: pending, open, growing, resolved.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::baseline::{self, Baselines};
use super::candidate::{Body, Candidate, Onset, Scene, Verdict};
use super::holding::{self, Causes, Symptom};
use super::inputs::Inputs;
use super::members;
use crate::domain::incident::{
    IncidentKey, IncidentPhase, IncidentState, IncidentTracking, ResolvedCause, Rule, Severity, Subject,
};
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::state::{Baseline, Change, Transition};
use crate::domain::status::Status;

/// A candidate measured against time, its causes and what was before.
pub(super) enum Standing {
    /// The rule's condition holds.
    Holds(Holding),
    /// Nothing can be told: what is there stays.
    Kept {
        /// For a rule with members: who stays.
        members: Option<KeptMembers>,
        cause: Option<IncidentKey>,
    },
    /// It does not hold, for a reason of its own or the candidate's.
    Gone { because: Option<&'static str> },
}

/// The members that can neither be told nor dropped.
pub(super) struct KeptMembers {
    pub(super) members: Vec<OrganizationId>,
    pub(super) affected: Vec<IntegrationKey>,
    pub(super) onsets: BTreeMap<OrganizationId, DateTime<Utc>>,
}

/// A rule's condition that holds.
pub(super) struct Holding {
    pub(super) since: DateTime<Utc>,
    /// The delay has passed.
    pub(super) due: bool,
    /// What it was about is well; something else waits for its time. An open incident ends and a new one is pending.
    pub(super) anew: bool,
    pub(super) severity: Severity,
    /// How many rows of the ladder towards its date were reached; none without a date.
    pub(super) step: usize,
    pub(super) members: Vec<OrganizationId>,
    pub(super) onsets: BTreeMap<OrganizationId, DateTime<Utc>>,
    pub(super) cause: Option<IncidentKey>,
}

/// What comes of an evaluation.
pub(super) struct Next {
    pub(super) incidents: BTreeMap<IncidentKey, IncidentState>,
    pub(super) resolved_causes: BTreeMap<IncidentKey, ResolvedCause>,
    pub(super) baselines: BTreeMap<IntegrationName, Baseline>,
    pub(super) transitions: Vec<Transition>,
}

/// A shared cause is announced again when it affects so many more, and a tenth.
const GROWTH_AT_LEAST: usize = 3;
/// Once an hour at most.
const GROWTH_PAUSE: TimeDelta = TimeDelta::hours(1);
/// Without a shared cause it is announced again when its members doubled, once a day at most.
const DOUBLING_PAUSE: TimeDelta = TimeDelta::hours(24);

/// What is found while everything is looked at for the first time waits so long for the rest.
const FIRST_PASS: TimeDelta = TimeDelta::minutes(2);

/// Makes incidents of candidates.
pub(super) fn advance<'a>(
    inputs: &'a Inputs<'a>,
    mut candidates: Vec<Candidate<'a>>,
    causes: &Causes,
    baselines: Baselines,
) -> Next {
    candidates.extend(baseline::candidates(inputs, &baselines));
    let mut life = Life { inputs, incidents: BTreeMap::new(), transitions: Vec::new() };
    let mut seen = BTreeSet::new();
    for candidate in &candidates {
        seen.insert(candidate.key.clone());
        if candidate.is_enabled() {
            life.apply(candidate, stand(inputs, candidate, causes, &baselines));
        } else {
            life.resolve(&candidate.key, "the rule is switched off");
        }
    }
    for (key, before) in inputs.state.incidents.iter().filter(|(key, _)| !seen.contains(*key)) {
        if inputs.is_watched(key) {
            life.incidents.insert(key.clone(), before.clone());
        } else {
            life.resolve(key, "no longer watched");
        }
    }
    let resolved_causes = life.resolved_causes(causes);
    Next {
        incidents: life.incidents,
        resolved_causes,
        baselines: baselines.into_taken(),
        transitions: life.transitions,
    }
}

fn stand(inputs: &Inputs<'_>, candidate: &Candidate<'_>, causes: &Causes, baselines: &Baselines) -> Standing {
    let verdict = match (&candidate.body, &candidate.key.subject) {
        (Body::Members(parts), Subject::Organizations(name)) => {
            return members::stand(inputs, candidate, name, parts, causes, baselines);
        }
        (Body::Members(_), _) => return Standing::Gone { because: None },
        (Body::One(verdict), _) => *verdict,
    };
    let integration = holding::integration_of(candidate);
    let cause = causes.holding_back(&Symptom::of(candidate, integration.as_ref()));
    let before = inputs.incident(&candidate.key);
    let holding = |since, due, severity| {
        let (members, onsets) = (candidate.listed.clone(), BTreeMap::new());
        Holding { since, due, anew: false, severity, step: 0, members, onsets, cause: cause.clone() }
    };
    let after = |since| {
        let elapsed = inputs.age(since);
        let due = candidate.is_confirmed && elapsed >= candidate.delay();
        Standing::Holds(holding(since, due, candidate.severity_after(elapsed)))
    };
    match verdict {
        Verdict::Gone => Standing::Gone { because: None },
        Verdict::CannotTell => Standing::Kept { members: None, cause },
        Verdict::Holds(Onset::Since(since)) => after(before.map_or(since, |before| before.since.min(since))),
        Verdict::Holds(Onset::Eased(since)) if inputs.age(since) < candidate.delay() => {
            let severity = candidate.severity_after(inputs.age(since));
            Standing::Holds(Holding { anew: true, ..holding(since, false, severity) })
        }
        Verdict::Holds(Onset::Clock(since) | Onset::Eased(since)) => {
            after(before.filter(|before| before.is_open()).map_or(since, |before| before.since))
        }
        Verdict::Holds(Onset::Undated(since)) => {
            let since = before.map_or(since, |before| before.since.min(since));
            Standing::Holds(holding(since, true, candidate.severity_before(TimeDelta::MAX)))
        }
        Verdict::Holds(Onset::Before { date, at_most }) => {
            let opens_at = date - candidate.lead(at_most);
            if inputs.now < opens_at {
                return Standing::Gone { because: None };
            }
            let remaining = date - inputs.now;
            let step = candidate.timing.steps_before(remaining);
            Standing::Holds(Holding { step, ..holding(opens_at, true, candidate.severity_before(remaining)) })
        }
    }
}

struct Life<'a> {
    inputs: &'a Inputs<'a>,
    incidents: BTreeMap<IncidentKey, IncidentState>,
    transitions: Vec<Transition>,
}

impl Life<'_> {
    fn tell(&mut self, change: Change, cause: &str) {
        self.transitions.push(Transition { at: self.inputs.now, change, cause: cause.to_owned() });
    }

    /// Ends what was there.
    fn resolve(&mut self, key: &IncidentKey, cause: &str) {
        if let Some(before) = self.inputs.incident(key).filter(|before| before.is_open()) {
            let gap = self.inputs.state.attention.gap_between(before.since, self.inputs.now);
            let cause = gap.map_or_else(|| cause.to_owned(), |gap| format!("{cause}; {gap}"));
            self.tell(Change::Resolved { incident: key.clone(), severity: before.severity }, &cause);
        }
    }

    fn apply(&mut self, candidate: &Candidate<'_>, standing: Standing) {
        let before = self.inputs.incident(&candidate.key);
        match standing {
            Standing::Gone { because } => self.resolve(&candidate.key, because.unwrap_or(&candidate.resolution)),
            Standing::Kept { members, cause } => {
                let Some(mut incident) = before.cloned() else { return };
                incident.cause =
                    cause.or(incident.cause.filter(|cause| self.inputs.state.incidents.contains_key(cause)));
                if let Some(kept) = members {
                    incident.members = kept.members;
                    incident.affected = kept.affected;
                    incident.tracking.onsets = kept.onsets;
                }
                self.incidents.insert(candidate.key.clone(), incident);
            }
            Standing::Holds(holding) => self.hold(candidate, holding),
        }
    }

    fn hold(&mut self, candidate: &Candidate<'_>, holding: Holding) {
        let now = self.inputs.now;
        let mut before = self.inputs.incident(&candidate.key).filter(|before| before.is_open());
        if holding.anew && before.is_some() {
            self.resolve(&candidate.key, &candidate.resolution);
            before = None;
        }
        let affected = affected(self.inputs, candidate, &holding);
        let mut page =
            (candidate.describe)(&Scene { now, since: holding.since, members: &holding.members, affected: &affected });
        let first_pass = self.inputs.first_pass(&candidate.key.subject);
        if let Some(first_pass) = &first_pass {
            page.summary.push_str(&first_pass.sentence());
        }
        let waits_for_pass = first_pass.is_some_and(|pass| self.inputs.age(pass.since) < FIRST_PASS);
        let mut announced = before.map_or(affected.len(), |before| before.tracking.announced);
        let mut grew_at = before.and_then(|before| before.tracking.grew_at);
        let quiet = holding.cause.is_some();
        let may_be_over = self.inputs.may_be_over(&candidate.key.subject, &affected, holding.since);
        let mut severity = holding.severity;
        let mut phase = IncidentPhase::Pending;
        let key = &candidate.key;
        if let Some(before) = before {
            phase = before.phase;
            severity = match before.tracking.case {
                _ if quiet || may_be_over => before.severity,
                Some(case) if case == candidate.case => severity.max(before.severity),
                _ => severity,
            };
            if severity != before.severity {
                let change = Change::SeverityChanged { incident: key.clone(), from: before.severity, to: severity };
                self.tell(change, &page.summary);
            }
            if !quiet && has_grown(before, key, affected.len(), now) {
                self.tell(Change::Grew { incident: key.clone(), from: announced, to: affected.len() }, &page.summary);
                announced = affected.len();
                grew_at = Some(now);
            }
        } else if holding.due && !quiet && !may_be_over && !waits_for_pass {
            phase = IncidentPhase::Open { opened_at: now };
            self.tell(Change::Opened { incident: key.clone(), severity }, &page.summary);
        }
        let incident = IncidentState {
            since: holding.since,
            phase,
            severity,
            summary: page.summary,
            next_step: page.next_step,
            affected: affected.into_iter().collect(),
            members: holding.members,
            cause: holding.cause,
            deadline: candidate.deadline,
            tracking: IncidentTracking {
                case: Some(candidate.case),
                details: candidate.details.clone(),
                onsets: holding.onsets,
                announced,
                grew_at,
                step: holding.step,
            },
        };
        self.incidents.insert(key.clone(), incident);
    }

    /// The causes that were resolved lately, those of this evaluation included.
    fn resolved_causes(&self, ending: &Causes) -> BTreeMap<IncidentKey, ResolvedCause> {
        let now = self.inputs.now;
        let is_open = |key: &IncidentKey| self.incidents.get(key).is_some_and(IncidentState::is_open);
        let remembered = self.inputs.state.resolved_causes.iter();
        let longest = holding::remembered(self.inputs.fleet);
        let remembered = remembered.filter(|(_, resolved)| now - resolved.at < longest);
        let mut causes: BTreeMap<_, _> = remembered.map(|(key, resolved)| (key.clone(), resolved.clone())).collect();
        for (key, before) in &self.inputs.state.incidents {
            if ending.is_ending(key) {
                let (case, affected) = (before.tracking.case, before.affected.clone());
                causes.insert(key.clone(), ResolvedCause { at: now, case, affected });
            }
        }
        causes.retain(|key, _| !is_open(key));
        causes
    }
}

/// Whether it affects so many more than when people were last told that they are told again.
fn has_grown(before: &IncidentState, key: &IncidentKey, affected: usize, now: DateTime<Utc>) -> bool {
    let announced = before.tracking.announced;
    let opened_at = match before.phase {
        IncidentPhase::Open { opened_at } => opened_at,
        IncidentPhase::Pending => return false,
    };
    match &key.subject {
        Subject::Organizations(_) => {
            let told_at = before.tracking.grew_at.unwrap_or(opened_at);
            affected >= announced * 2 && affected > announced && now - told_at >= DOUBLING_PAUSE
        }
        _ => {
            let is_more = affected >= announced + GROWTH_AT_LEAST && affected * 10 >= announced * 11;
            is_more && before.tracking.grew_at.is_none_or(|told_at| now - told_at >= GROWTH_PAUSE)
        }
    }
}

/// The blast radius. Where there is nothing to watch, nothing is struck.
fn affected(inputs: &Inputs<'_>, candidate: &Candidate<'_>, holding: &Holding) -> BTreeSet<IntegrationKey> {
    let mut affected = candidate.affected.clone();
    if let Subject::Organizations(name) = &candidate.key.subject {
        affected.extend(holding.members.iter().map(|id| IntegrationKey::organization(name.clone(), *id)));
    }
    if candidate.key.rule != Rule::NothingToWatch {
        affected.retain(|key| {
            let status = inputs.integration(key).and_then(|state| state.status.as_ref());
            status.is_none_or(|status| status.status != Status::NothingToWatch)
        });
    }
    affected
}
