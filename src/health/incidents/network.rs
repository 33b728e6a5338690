//! Our own network. Where no question arrives at any API, of two vendors at least, it is the way from here that failed,
//! not all of them in the same hour. Its time is that of the one that was lost first, so that nobody hears of it later than
//! of that one alone; where that one is told alone, the wider cause needs a time of its own.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::candidate::{Body, Candidate, Onset, Page, Scene, Verdict};
use super::inputs::Inputs;
use super::text::{blast_radius, lasting, names, sentence};
use crate::domain::facts::ApiFacts;
use crate::domain::incident::{IncidentKey, IncidentState, Rule, Subject};
use crate::domain::names::ApiName;
use crate::domain::policy::{Case, RuleTiming};
use crate::health::resume::ASKING_AGAIN;

/// What fails further apart than this has causes of its own.
const SAME_HOUR: TimeDelta = TimeDelta::hours(1);

/// One lost answer more is no wider cause: the last API must have been lost for this part of the delay.
const CONFIRMED_WITHIN: i32 = 4;

const RULE: Rule = Rule::UpstreamUnreachable;

pub(super) fn candidate<'a>(inputs: &'a Inputs<'a>) -> Option<Candidate<'a>> {
    if !inputs.both_ends_are_watched() {
        return None;
    }
    let timing = inputs.shared_timing(RULE, Case::Default);
    let cut_off = CutOff::of(inputs);
    let verdict = match cut_off {
        Some(cut_off) => Verdict::Holds(Onset::Clock(cut_off.onset(inputs, &timing))),
        None if is_handing_back(inputs) => Verdict::CannotTell,
        None => Verdict::Gone,
    };
    let describe = move |scene: &Scene<'_>| {
        let failures = inputs.apis.keys().filter_map(|api| {
            let (reason, detail) = inputs.state.evidence.apis.get(api)?.last_failure.as_ref()?;
            Some(sentence(&format!("{api}: {reason}, {}", detail.trim_end_matches('.'))))
        });
        Page {
            summary: format!(
                "Questions of snykwatch have been lost {}, and by now none arrives anywhere: it is the network of the machine \
                 that it runs on, not {} APIs at once.{} What is shown of {} is the last known state and grows old; no \
                 credential is to blame, and scanning goes on.",
                lasting(scene),
                inputs.apis.len(),
                failures.collect::<String>(),
                blast_radius(scene.affected),
            ),
            next_step: "(snykwatch operator) Look at the network of the machine that snykwatch runs on: name lookup, \
                        route and firewall, the proxy (`http.proxy`) or a portal that wants a login, the certificates \
                        (`http.ca_file`); `snykwatch check`, run there, tells them apart."
                .to_owned(),
        }
    };
    let affected: BTreeSet<_> = inputs.apis.values().flat_map(|dependents| dependents.keys.iter().cloned()).collect();
    Some(Candidate {
        affected,
        is_confirmed: cut_off.is_some_and(|cut_off| cut_off.is_confirmed(inputs, &timing)),
        resolution: resolution(inputs),
        ..Candidate::new(RULE, Subject::Network, timing, Body::One(verdict), describe)
    })
}

/// Whether there is a way again while one of the APIs was not asked since. Until it was, for a while at most, nobody can
/// tell whether it is reached too; and if it is not, its own incident begins in the evaluation that ends this one, so that
/// nobody is told of an end while something is still not reached and untold.
fn is_handing_back(inputs: &Inputs<'_>) -> bool {
    let Some(reached_at) = watched(inputs).filter_map(|(_, facts)| facts.reached_since).min() else { return false };
    let is_unheard = |facts: &ApiFacts| {
        facts.unreached_since.is_some() && facts.last_failed_at.is_none_or(|failed_at| failed_at < reached_at)
    };
    is_open(inputs, Subject::Network)
        && inputs.age(reached_at) < ASKING_AGAIN
        && watched(inputs).any(|(_, facts)| is_unheard(facts))
}

fn resolution(inputs: &Inputs<'_>) -> String {
    let cut_off = watched(inputs).filter(|(_, facts)| facts.unreached_since.is_some());
    let cut_off: Vec<&str> = cut_off.map(|(api, _)| api.as_str()).collect();
    match cut_off.as_slice() {
        [] => "questions arrive again".to_owned(),
        apis => format!("questions arrive again, but not at {}", names(apis.iter().copied())),
    }
}

/// What is known of the APIs by which somebody is watched.
fn watched<'a>(inputs: &'a Inputs<'_>) -> impl Iterator<Item = (&'a ApiName, &'a ApiFacts)> {
    inputs.apis.keys().filter_map(|api| Some((api, inputs.state.evidence.apis.get(api)?)))
}

fn is_open(inputs: &Inputs<'_>, subject: Subject) -> bool {
    inputs.incident(&IncidentKey { rule: RULE, subject }).is_some_and(IncidentState::is_open)
}

/// When the first and the last of the watched APIs were lost.
#[derive(Clone, Copy)]
struct CutOff {
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

impl CutOff {
    /// Where nothing arrives at any of them, and they were lost in the same hour. One that was not heard of proves nothing,
    /// and one that answered since, watched or not, proves that there is a way.
    fn of(inputs: &Inputs<'_>) -> Option<Self> {
        let known = &inputs.state.evidence.apis;
        let since = inputs.apis.keys().map(|api| known.get(api)?.cut_off_since(inputs.now));
        let since: Vec<DateTime<Utc>> = since.collect::<Option<_>>()?;
        let (first, last) = (*since.iter().min()?, *since.iter().max()?);
        let answers = known.values().any(|facts| facts.last_conclusive_at.is_some_and(|at| at > last));
        (last - first <= SAME_HOUR && !answers).then_some(Self { first, last })
    }

    fn is_confirmed(self, inputs: &Inputs<'_>, timing: &RuleTiming) -> bool {
        inputs.age(self.last) >= timing.opens_after / CONFIRMED_WITHIN
    }

    /// From when its time counts.
    fn onset(self, inputs: &Inputs<'_>, timing: &RuleTiming) -> DateTime<Utc> {
        let is_told = inputs.apis.keys().any(|api| is_open(inputs, Subject::Api(api.clone())));
        let is_due = self.is_confirmed(inputs, timing) && inputs.age(self.first) >= timing.opens_after;
        let failing = watched(inputs).filter_map(|(_, facts)| facts.failing_since(inputs.now));
        // One of them is told with this evaluation, unless the wider cause is.
        let is_one_due = failing.min().is_some_and(|since| inputs.age(since) >= timing.opens_after);
        if is_told || (is_one_due && !is_due) { self.last } else { self.first }
    }
}
