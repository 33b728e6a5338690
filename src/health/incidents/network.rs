//! Our own network. Where no question arrives at any API, of two vendors at least, it is the way from here that failed,
//! not all of them in the same hour.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::candidate::{Body, Candidate, Onset, Page, Scene, Verdict};
use super::inputs::Inputs;
use super::text::{blast_radius, lasting, sentence};
use crate::domain::incident::{Rule, Subject};
use crate::domain::policy::Case;

/// What fails further apart than this has causes of its own.
const SAME_HOUR: TimeDelta = TimeDelta::hours(1);

pub(super) fn candidate<'a>(inputs: &'a Inputs<'a>) -> Option<Candidate<'a>> {
    if !inputs.both_ends_are_watched() {
        return None;
    }
    let verdict = cut_off_since(inputs).map_or(Verdict::Gone, |since| Verdict::Holds(Onset::Clock(since)));
    let describe = move |scene: &Scene<'_>| {
        let failures = inputs.apis.keys().filter_map(|api| {
            let (reason, detail) = inputs.state.evidence.apis.get(api)?.last_failure.as_ref()?;
            Some(sentence(&format!("{api}: {reason}, {}", detail.trim_end_matches('.'))))
        });
        Page {
            summary: format!(
                "No question of snykwatch has arrived anywhere {}: it is the network of the machine that it runs on, not \
                 {} APIs at once.{} What is shown of {} is the last known state and grows old; no credential is to \
                 blame, and scanning goes on.",
                lasting(scene),
                inputs.apis.len(),
                failures.collect::<String>(),
                blast_radius(scene.affected),
            ),
            next_step: "(snykwatch operator) Look at the network of the machine that snykwatch runs on: name lookup, \
                        route and firewall, the proxy (`http.proxy`), the certificates (`http.ca_file`); `snykwatch \
                        check`, run there, tells them apart."
                .to_owned(),
        }
    };
    let affected: BTreeSet<_> = inputs.apis.values().flat_map(|dependents| dependents.keys.iter().cloned()).collect();
    let rule = Rule::UpstreamUnreachable;
    Some(Candidate {
        affected,
        resolution: "questions arrive again".to_owned(),
        ..Candidate::new(
            rule,
            Subject::Network,
            inputs.shared_timing(rule, Case::Default),
            Body::One(verdict),
            describe,
        )
    })
}

/// Since when nothing arrives at any watched API any more, if they were lost in the same hour. One that was not heard of
/// proves
/// nothing, and one that answered since, watched or not, proves that there is a way.
fn cut_off_since(inputs: &Inputs<'_>) -> Option<DateTime<Utc>> {
    let known = &inputs.state.evidence.apis;
    let since = inputs.apis.keys().map(|api| known.get(api)?.cut_off_since(inputs.now));
    let since: Vec<DateTime<Utc>> = since.collect::<Option<_>>()?;
    let (first, last) = (*since.iter().min()?, *since.iter().max()?);
    let answers = known.values().any(|facts| facts.last_conclusive_at.is_some_and(|at| at > last));
    (last - first <= SAME_HOUR && !answers).then_some(last)
}
