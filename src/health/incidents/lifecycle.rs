//! The life of an incident, the same for every rule: pending, open, growing, resolved.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::baseline::{self, Baselines};
use super::candidate::{Body, Candidate, Onset, Scene, Verdict};
use super::flapping::Flapping;
use super::forgotten::ForgottenEnds;
use super::growth::Growth;
use super::holding::{self, Causes, Symptom};
use super::inputs::Inputs;
use super::members;
use super::text::{instant, sentence};
use crate::domain::attention::{Forgotten, Recurrence};
use crate::domain::fleet::Fleet;
use crate::domain::incident::{
    IncidentKey, IncidentPhase, IncidentState, IncidentTracking, ResolvedCause, Rule, Severity, Subject,
};
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::state::{Baseline, Change, State, Transition};
use crate::domain::status::Status;
use crate::health::first_pass;
use crate::health::resume;
use crate::health::subjects::of_subject;

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
    pub(super) recurrences: BTreeMap<IncidentKey, Recurrence>,
    pub(super) forgotten: Option<Forgotten>,
    pub(super) transitions: Vec<Transition>,
}

/// Why an incident ends that nobody saw to be over.
pub(crate) const SWITCHED_OFF: &str = "the rule is switched off";
/// The same.
pub(crate) const NOT_WATCHED: &str = "no longer watched";

/// Begins what a flapping incident says of itself while it is well.
const WELL_SINCE: &str = " It has been well since ";

/// Ends the incidents about what only bears the name of something that is watched now: another Group, another API. How
/// that is doing, nothing tells.
pub(super) fn end_of_others(state: &mut State, fleet: &Fleet, now: DateTime<Utc>) -> Vec<Transition> {
    let mut transitions = Vec::new();
    state.incidents.retain(|key, incident| {
        let Some(revision) = of_subject(fleet, &key.subject) else { return true };
        let is_of_another = incident.tracking.revision.is_some_and(|before| before != revision);
        incident.tracking.revision = Some(revision);
        if is_of_another && incident.is_open() {
            let change = Change::Resolved { incident: key.clone(), severity: incident.severity };
            transitions.push(Transition { at: now, change, cause: NOT_WATCHED.to_owned() });
        }
        !is_of_another
    });
    transitions
}

/// Makes incidents of candidates.
pub(super) fn advance<'a>(
    inputs: &'a Inputs<'a>,
    mut candidates: Vec<Candidate<'a>>,
    causes: &Causes,
    baselines: Baselines,
) -> Next {
    candidates.extend(baseline::candidates(inputs, &baselines));
    let flapping = Flapping::new(inputs);
    let mut life = Life { inputs, flapping, incidents: BTreeMap::new(), transitions: Vec::new() };
    let mut seen = BTreeSet::new();
    let mut forgotten = ForgottenEnds::new(inputs);
    for candidate in &candidates {
        seen.insert(candidate.key.clone());
        if candidate.is_enabled() {
            let standing = stand(inputs, candidate, causes, &baselines);
            match &standing {
                Standing::Gone { .. } => forgotten.on_gone(inputs, candidate),
                Standing::Holds(holding) => forgotten.on_holds(inputs, candidate, holding),
                Standing::Kept { .. } => {}
            }
            life.apply(candidate, standing);
        } else {
            life.resolve(&candidate.key, SWITCHED_OFF);
        }
    }
    for (key, before) in inputs.state.incidents.iter().filter(|(key, _)| !seen.contains(*key)) {
        if inputs.is_watched(key) {
            life.incidents.insert(key.clone(), before.clone());
        } else {
            life.resolve(key, NOT_WATCHED);
        }
    }
    let resolved_causes = life.resolved_causes(causes);
    let forgotten = forgotten.into_left(&life.incidents);
    Next {
        incidents: life.incidents,
        resolved_causes,
        baselines: baselines.into_taken(),
        recurrences: life.flapping.into_recurrences(),
        forgotten,
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
    let cause = causes.holding_back(&Symptom::of(inputs, candidate, integration.as_ref()));
    let before = inputs.incident(&candidate.key);
    let holding = |since, due, severity| {
        let (members, onsets) = (candidate.listed.clone(), BTreeMap::new());
        Holding { since, due, anew: false, severity, step: 0, members, onsets, cause: cause.clone() }
    };
    let after_counted = |since, elapsed| {
        let due = candidate.is_confirmed && elapsed >= candidate.delay();
        Standing::Holds(holding(since, due, candidate.severity_after(elapsed)))
    };
    let after = |since| after_counted(since, inputs.counted(&candidate.key, since));
    let counts_trying = resume::counts_trying(candidate.key.rule);
    match verdict {
        Verdict::Gone => Standing::Gone { because: None },
        Verdict::CannotTell => Standing::Kept { members: None, cause },
        // The onset that is remembered leaves out when nobody watched; that of the conditions may not.
        Verdict::Holds(Onset::Since(since)) if counts_trying => after(before.map_or(since, |before| before.since)),
        Verdict::Holds(Onset::Since(since)) => after(before.map_or(since, |before| before.since.min(since))),
        Verdict::Holds(Onset::Eased(since)) if inputs.age(since) < candidate.delay() => {
            let severity = candidate.severity_after(inputs.age(since));
            Standing::Holds(Holding { anew: true, ..holding(since, false, severity) })
        }
        Verdict::Holds(Onset::Clock(since) | Onset::Eased(since)) => {
            let onset = before.filter(|before| before.is_open()).map_or(since, |before| before.since);
            // Its own clock leaves out when nothing was asked.
            let at_most = if counts_trying { inputs.age(since) } else { TimeDelta::MAX };
            after_counted(onset, inputs.counted(&candidate.key, onset).min(at_most))
        }
        Verdict::Holds(Onset::Undated(since)) => {
            let since = before.map_or(since, |before| before.since.min(since));
            Standing::Holds(holding(since, true, candidate.timing.severity_before(TimeDelta::MAX)))
        }
        Verdict::Holds(Onset::Progress { since, until }) => {
            let open = before.filter(|before| before.is_open());
            let since = open.map_or(since, |before| before.since);
            let remaining = until.map_or(TimeDelta::MAX, |until| until - inputs.now);
            let is_near = remaining <= candidate.widest_lead();
            let due = open.is_some() || is_near || inputs.age(since) >= candidate.delay();
            Standing::Holds(holding(since, due, candidate.timing.severity_before(remaining)))
        }
        Verdict::Holds(Onset::Before { date, at_most }) => {
            let opens_at = date - candidate.lead(at_most);
            if inputs.now < opens_at {
                return Standing::Gone { because: None };
            }
            let remaining = date - inputs.now;
            let ladder = candidate.ladder(at_most);
            let step = ladder.steps_before(remaining);
            Standing::Holds(Holding { step, ..holding(opens_at, true, ladder.severity_before(remaining)) })
        }
    }
}

struct Life<'a> {
    inputs: &'a Inputs<'a>,
    flapping: Flapping,
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
            let well = self
                .flapping
                .well_since(key)
                .map(|well| format!("; it was flapping, and well since {}", instant(well)));
            let cause = format!("{cause}{}", well.unwrap_or_default());
            self.flapping.end(key);
            let gap = self.inputs.state.attention.gap_between(before.since, self.inputs.now);
            let cause = gap.map_or_else(|| cause.clone(), |gap| format!("{cause}; {gap}"));
            self.tell(Change::Resolved { incident: key.clone(), severity: before.severity }, &cause);
        }
    }

    fn apply(&mut self, candidate: &Candidate<'_>, standing: Standing) {
        let before = self.inputs.incident(&candidate.key);
        match standing {
            Standing::Gone { because: None } if self.outlasts(&candidate.key) => {}
            Standing::Gone { because } => self.resolve(&candidate.key, because.unwrap_or(&candidate.resolution)),
            Standing::Kept { members, cause } => {
                let Some(mut incident) = before.cloned() else { return };
                self.flapping.lose_sight(&candidate.key);
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

    /// Whether an incident whose problem is gone is held open, since it flaps.
    fn outlasts(&mut self, key: &IncidentKey) -> bool {
        let Some(before) = self.inputs.incident(key).filter(|before| before.is_open()) else { return false };
        if !self.flapping.outlasts(key) {
            return false;
        }
        let mut incident = before.clone();
        if let Some(since) = self.flapping.well_since(key) {
            let told = incident.summary.find(WELL_SINCE).unwrap_or(incident.summary.len());
            incident.summary.truncate(told);
            incident.summary = format!("{}{WELL_SINCE}{}.", incident.summary, instant(since));
        }
        self.incidents.insert(key.clone(), incident);
        true
    }

    fn hold(&mut self, candidate: &Candidate<'_>, holding: Holding) {
        let now = self.inputs.now;
        let mut before = self.inputs.incident(&candidate.key).filter(|before| before.is_open());
        self.flapping.hold(&candidate.key);
        if holding.anew
            && let Some(open) = before
        {
            // What waits for its time again is not well.
            if self.flapping.in_words(&candidate.key).is_some() {
                self.incidents.insert(candidate.key.clone(), open.clone());
                return;
            }
            self.resolve(&candidate.key, &candidate.resolution);
            before = None;
        }
        let affected = affected(self.inputs, candidate, &holding);
        let quiet = holding.cause.is_some();
        let may_be_over = self.inputs.may_be_over(&candidate.key.subject, &affected, holding.since);
        let is_time_in_doubt = self.inputs.is_time_in_doubt(candidate.key.rule);
        let is_early = may_be_over || (is_time_in_doubt && candidate.waits_for_time());
        let opens = before.is_none() && holding.due && !quiet && !is_early;
        if opens {
            self.flapping.open(&candidate.key, holding.since);
        }
        let since = self.flapping.onset(&candidate.key, holding.since);
        let scene = Scene { now, since, members: &holding.members, affected: &affected };
        let mut page = (candidate.describe)(&scene);
        if let Some(words) = self.flapping.in_words(&candidate.key) {
            page.summary.push_str(&sentence(&words));
        }
        let mut announced = before.map_or(affected.len(), |before| before.tracking.announced);
        let open_severity = before.map(|before| before.severity);
        let unwatched = before.map_or_else(TimeDelta::zero, |before| before.tracking.unwatched);
        let mut severity = self.flapping.severity(candidate, holding.severity, open_severity, unwatched);
        let mut phase = IncidentPhase::Pending;
        let key = &candidate.key;
        if let Some(before) = before {
            phase = before.phase;
            severity = match before.tracking.case {
                _ if quiet || may_be_over => before.severity,
                Some(case) if case == candidate.case && is_time_in_doubt => before.severity,
                Some(case) if case == candidate.case => severity.max(before.severity),
                _ => severity,
            };
            if severity != before.severity {
                let change = Change::SeverityChanged { incident: key.clone(), from: before.severity, to: severity };
                self.tell(change, &page.summary);
            }
            if !quiet && self.has_grown(key, announced, &affected) {
                self.tell(Change::Grew { incident: key.clone(), from: announced, to: affected.len() }, &page.summary);
                announced = affected.len();
            }
        } else if opens {
            phase = IncidentPhase::Open { opened_at: now };
            self.tell(Change::Opened { incident: key.clone(), severity }, &page.summary);
        }
        // A step towards a date is told like a severity.
        let stays = before.filter(|_| may_be_over || is_time_in_doubt);
        let incident = IncidentState {
            since,
            phase,
            severity,
            summary: page.summary,
            next_step: page.next_step,
            affected: affected.into_iter().collect(),
            members: holding.members,
            cause: holding.cause,
            deadline: candidate.deadline,
            tracking: IncidentTracking {
                revision: of_subject(self.inputs.fleet, &key.subject),
                case: Some(candidate.case),
                details: candidate.details.clone(),
                onsets: holding.onsets,
                announced,
                step: stays.map_or(holding.step, |before| before.tracking.step),
                unwatched,
            },
        };
        self.incidents.insert(key.clone(), incident);
    }

    /// Whether it clearly affects more. Until everything was looked at once, more is found all the time.
    fn has_grown(&self, key: &IncidentKey, before: usize, affected: &BTreeSet<IntegrationKey>) -> bool {
        let Inputs { state, fleet, .. } = self.inputs;
        let names: BTreeSet<_> = affected.iter().map(|key| &key.integration).collect();
        Growth::of(&key.subject).is_news(before, affected.len())
            && names.into_iter().all(|name| first_pass::under_way(state, fleet, name).is_none())
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
