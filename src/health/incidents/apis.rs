//! Upstream APIs: not to be reached, or with an announced end of the version that we use.

use chrono::TimeDelta;

use super::candidate::{Body, Candidate, Onset, Page, Scene, Verdict};
use super::inputs::{Dependents, Inputs};
use super::text::{as_on_a_page, blast_radius, instant, lasting, sentence};
use crate::domain::facts::ApiFacts;
use crate::domain::incident::{Rule, Subject};
use crate::domain::names::ApiName;
use crate::domain::policy::Case;
use crate::health::advice::{Asked, of_failure};

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (name, facts) in &inputs.state.evidence.apis {
        // What is remembered of an API that nobody is watched by any more is no incident.
        let Some(dependents) = inputs.apis.get(name) else { continue };
        all.push(unreachable(inputs, name, facts, dependents));
        all.push(version_ending(inputs, name, facts, dependents));
    }
    all
}

fn about<'a>(
    inputs: &Inputs<'_>,
    rule: Rule,
    name: &ApiName,
    dependents: &Dependents,
    verdict: Verdict,
    describe: impl Fn(&Scene<'_>) -> Page + 'a,
) -> Candidate<'a> {
    Candidate {
        affected: dependents.keys.clone(),
        ..Candidate::new(
            rule,
            Subject::Api(name.clone()),
            inputs.shared_timing(rule, Case::Default),
            Body::One(verdict),
            describe,
        )
    }
}

fn unreachable<'a>(
    inputs: &Inputs<'_>,
    name: &'a ApiName,
    facts: &'a ApiFacts,
    dependents: &Dependents,
) -> Candidate<'a> {
    let verdict = facts.failing_since(inputs.now).map_or(Verdict::Gone, |since| Verdict::Holds(Onset::Clock(since)));
    let end = inputs.fleet.end_of(name);
    let describe = move |scene: &Scene<'_>| {
        let label = facts.last_failure.as_ref().map_or("no_answer", |(label, _)| label.as_str());
        let failure = facts.last_failure.as_ref().map(|(reason, detail)| format!("Last: {reason}, {detail}"));
        let answered = facts.last_conclusive_at.map_or_else(
            || "It never gave a usable answer.".to_owned(),
            |at| format!("The last usable answer came {}.", instant(at)),
        );
        Page {
            summary: format!(
                "{name} has given no usable answer {}. {answered}{} What is shown of {} is the last known state \
                 and grows old; no credential is to blame.",
                lasting(scene),
                sentence(&failure.unwrap_or_default()),
                blast_radius(scene.affected),
            ),
            next_step: as_on_a_page(&of_failure(label, Asked::whole(end))),
        }
    };
    Candidate {
        resolution: "the API answers again".to_owned(),
        // Our own network is not well before every API was asked again.
        repair_shows_after: Some(TimeDelta::zero()),
        ..about(inputs, Rule::UpstreamUnreachable, name, dependents, verdict, describe)
    }
}

fn version_ending<'a>(
    inputs: &Inputs<'_>,
    name: &'a ApiName,
    facts: &'a ApiFacts,
    dependents: &Dependents,
) -> Candidate<'a> {
    let verdict = match &facts.version_ending {
        None => Verdict::Gone,
        Some(ending) => Verdict::Holds(match ending.sunset_at {
            Some(date) => Onset::Before { date, at_most: None },
            None => Onset::Undated(ending.seen_at),
        }),
    };
    let describe = move |_: &Scene<'_>| {
        let ending = facts.version_ending.as_ref();
        let version = ending.map_or("in use", |ending| ending.version.as_str());
        let when = ending
            .and_then(|ending| ending.sunset_at)
            .map_or_else(|| "is deprecated; no date was given".to_owned(), |date| format!("ends on {}", instant(date)));
        Page {
            summary: format!("Version {version} of {name}, which snykwatch uses, {when}."),
            next_step: "(snykwatch operator) Update snykwatch to a release that uses a newer version of this API \
                        before that date."
                .to_owned(),
        }
    };
    Candidate {
        deadline: facts.version_ending.as_ref().and_then(|ending| ending.sunset_at),
        resolution: "the end of the version is no longer near".to_owned(),
        ..about(inputs, Rule::ApiVersionEnding, name, dependents, verdict, describe)
    }
}
