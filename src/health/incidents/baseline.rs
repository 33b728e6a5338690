//! First sight: Organization problems that stood before snykwatch came form one informational incident.
//!
//! The baseline of a configuration key is taken once, when every Organization was looked at. Until then its rules open
//! nothing. It remembers how many of how many were bad: a problem leaves the baseline when it is conclusively gone, or much
//! worse than it was; then it is a problem like any other. One that was not there never enters, and what the
//! configuration demands (`require`) is never old news.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::candidate::{Body, Candidate, Onset, Page, Part, PartVerdict, Scene, Verdict};
use super::holding::{Causes, Symptom};
use super::inputs::Inputs;
use super::{organizations, text};
use crate::domain::condition::{Condition, Reason};
use crate::domain::fleet::WatchedOrganizations;
use crate::domain::incident::{IncidentState, Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::policy::Case;
use crate::domain::state::{Baseline, Extent, IntegrationState};
use crate::health::first_pass;

/// The rules whose old problems are summed up. A missed rotation is not among them: it has a deadline.
const RULES: [Rule; 8] = [
    Rule::OrganizationIntegrationMissing,
    Rule::TestsStale,
    Rule::TestsUnscheduled,
    Rule::NothingImported,
    Rule::ImportsIncomplete,
    Rule::ProjectsInactive,
    Rule::OrphanedProjects,
    Rule::WebhooksMissing,
];

/// An Organization that cannot be looked at does not keep the others waiting for longer.
const WAITS_AT_MOST: TimeDelta = TimeDelta::hours(2);

/// Problems and how bad each was.
type Problems = BTreeMap<(Rule, OrganizationId), Extent>;

/// The baselines, and which are still to be taken.
pub(super) struct Baselines {
    taken: BTreeMap<IntegrationName, Baseline>,
    awaited: BTreeSet<IntegrationName>,
}

impl Baselines {
    /// Whether this problem belongs to the baseline.
    pub(super) fn has(&self, name: &IntegrationName, rule: Rule, organization: OrganizationId) -> bool {
        self.taken.get(name).is_some_and(|baseline| baseline.problems.contains_key(&(rule, organization)))
    }

    /// Whether this rule has to wait for the baseline.
    pub(super) fn is_awaited(&self, name: &IntegrationName, rule: Rule) -> bool {
        RULES.contains(&rule) && self.awaited.contains(name)
    }

    pub(super) fn into_taken(self) -> BTreeMap<IntegrationName, Baseline> {
        self.taken
    }
}

/// Takes the baselines that can be taken, and drops from the others what is gone.
pub(super) fn update(inputs: &Inputs<'_>, candidates: &[Candidate<'_>], causes: &Causes) -> Baselines {
    let mut baselines = Baselines { taken: BTreeMap::new(), awaited: BTreeSet::new() };
    for (name, integration) in &inputs.fleet.integrations {
        let Some(watched) = &integration.organizations else { continue };
        let enabled = integration.rules.timing(Rule::Baseline, Case::Default).enabled;
        let mut baseline = inputs.state.baselines.get(name).cloned().unwrap_or_default();
        if baseline.taken_at.is_some() {
            drop_gone_and_worse(inputs, &mut baseline, (name, watched), candidates);
        } else if !enabled || everyone_was_seen(inputs, name, watched) {
            baseline.taken_at = Some(inputs.now);
            if enabled {
                baseline.problems = standing_problems(inputs, name, watched, candidates, causes);
            }
        } else {
            baselines.awaited.insert(name.clone());
            continue;
        }
        baselines.taken.insert(name.clone(), baseline);
    }
    baselines
}

/// The baseline's own incidents.
pub(super) fn candidates<'a>(inputs: &Inputs<'_>, baselines: &Baselines) -> Vec<Candidate<'a>> {
    let candidate = |(name, baseline): (&IntegrationName, &Baseline)| {
        let taken_at = baseline.taken_at.filter(|_| !baseline.problems.is_empty());
        let verdict = taken_at.map_or(Verdict::Gone, |at| Verdict::Holds(Onset::Since(at)));
        let subject = Subject::Organizations(name.clone());
        let (told, problems) = (name.clone(), baseline.problems.clone());
        let describe = move |scene: &Scene<'_>| page(&told, &problems, scene);
        let listed: BTreeSet<_> = baseline.problems.keys().map(|(_, organization)| *organization).collect();
        Candidate {
            listed: listed.into_iter().collect(),
            resolution: "every problem of first sight is gone".to_owned(),
            ..Candidate::new(
                Rule::Baseline,
                subject,
                inputs.timing(name, Rule::Baseline, Case::Default),
                Body::One(verdict),
                describe,
            )
        }
    };
    baselines.taken.iter().map(candidate).collect()
}

fn page(name: &IntegrationName, problems: &Problems, scene: &Scene<'_>) -> Page {
    let count = |rule: &Rule| problems.keys().filter(|(of, _)| of == rule).count();
    let counts = RULES.iter().map(|rule| (rule, count(rule))).filter(|(_, count)| *count > 0);
    let counts: Vec<_> = counts.map(|(rule, count)| format!("{rule} {count}")).collect();
    Page {
        summary: format!(
            "{} of {name} had a problem when snykwatch first saw them ({}) and have it still: {}. New problems are \
             told one by one.",
            text::count(scene.members.len(), "Organization"),
            text::instant(scene.since),
            counts.join(", "),
        ),
        next_step: "(Organization Admin) Go through the listed Organizations on the status page when there is time; \
                    each leaves the list when its problem is gone."
            .to_owned(),
    }
}

/// The verdicts of the rules above on the Organizations of one configuration key.
fn verdicts<'c>(
    name: &'c IntegrationName,
    candidates: &'c [Candidate<'_>],
) -> impl Iterator<Item = (&'c Candidate<'c>, &'c Part)> {
    let of_this = candidates.iter().filter(move |candidate| {
        let is_about = matches!(&candidate.key.subject, Subject::Organizations(subject) if subject == name);
        is_about && RULES.contains(&candidate.key.rule) && candidate.is_enabled()
    });
    of_this.flat_map(|candidate| {
        let parts = match &candidate.body {
            Body::Members(parts) => parts.as_slice(),
            Body::One(_) => &[],
        };
        parts.iter().map(move |part| (candidate, part))
    })
}

fn standing_problems(
    inputs: &Inputs<'_>,
    name: &IntegrationName,
    watched: &WatchedOrganizations,
    candidates: &[Candidate<'_>],
    causes: &Causes,
) -> Problems {
    let is_old = |(candidate, part): &(&Candidate<'_>, &Part)| {
        let key = IntegrationKey::organization(name.clone(), part.organization);
        let holds = matches!(part.verdict, PartVerdict::Holds { .. });
        let demanded = watched.require.contains(&part.organization);
        let known = inputs.incident(&candidate.key).is_some_and(IncidentState::is_open);
        holds && !demanded && !known && causes.holding_back(&Symptom::of(inputs, candidate, Some(&key))).is_none()
    };
    let problems = verdicts(name, candidates).filter(is_old);
    let problems = problems.map(|(candidate, part)| (candidate.key.rule, part.organization));
    problems.map(|problem| (problem, extent_of(inputs, name, problem))).collect()
}

fn extent_of(inputs: &Inputs<'_>, name: &IntegrationName, (rule, organization): (Rule, OrganizationId)) -> Extent {
    let key = IntegrationKey::organization(name.clone(), organization);
    inputs.integration(&key).map_or(Extent::new(1, 1), |state| organizations::extent(state, rule))
}

fn drop_gone_and_worse(
    inputs: &Inputs<'_>,
    baseline: &mut Baseline,
    (name, watched): (&IntegrationName, &WatchedOrganizations),
    candidates: &[Candidate<'_>],
) {
    if baseline.problems.is_empty() {
        return;
    }
    let standing = verdicts(name, candidates).filter(|(_, part)| part.verdict != PartVerdict::Gone);
    let standing: BTreeMap<_, _> =
        standing.map(|(candidate, part)| ((candidate.key.rule, part.organization), part.verdict)).collect();
    baseline.problems.retain(|problem, before| match standing.get(problem) {
        None => false,
        Some(_) if watched.require.contains(&problem.1) => false,
        Some(PartVerdict::Holds { .. }) => !extent_of(inputs, name, *problem).is_worse_than(*before),
        Some(_) => true,
    });
}

fn everyone_was_seen(inputs: &Inputs<'_>, name: &IntegrationName, watched: &WatchedOrganizations) -> bool {
    let organizations = inputs.organizations(name, watched);
    let Some(first) = organizations.iter().map(|(_, state)| state.first_seen_at).min() else { return false };
    let all_asked = first_pass::under_way(inputs.state, inputs.fleet, name).is_none();
    let all_judged = organizations.iter().all(|(_, state)| was_judged(state));
    (all_asked && all_judged) || inputs.age(first) >= WAITS_AT_MOST
}

fn was_judged(state: &IntegrationState) -> bool {
    let observed =
        |condition| state.conditions.get(&condition).is_some_and(|state| state.reason != Reason::NotObserved);
    if state.truth(Condition::SnykAccessible) == Truth::False
        || state.truth(Condition::IntegrationPresent) == Truth::False
    {
        return true;
    }
    [Condition::RepositoriesImported, Condition::TestsCurrent, Condition::WebhooksInstalled].into_iter().all(observed)
}
