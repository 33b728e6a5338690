//! Configured workspaces that are renamed, or do not answer: hidden from this PAT, or deleted. One that answers and of
//! which the account is no member is a connection that fails.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::candidate::{Body, Candidate, Onset, Page, Scene, Verdict};
use super::inputs::Inputs;
use super::text::lasting;
use crate::domain::evidence::fresh;
use crate::domain::facts::WorkspaceFact;
use crate::domain::fleet::{WatchedGroup, WatchedIntegration};
use crate::domain::incident::{Rule, Subject};
use crate::domain::names::{IntegrationKey, IntegrationName, WorkspaceSlug};
use crate::domain::policy::Case;

/// What was found of one workspace, the worst over the profiles that name it; ordered from worst to well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    NotFound(DateTime<Utc>),
    Renamed(WorkspaceSlug, DateTime<Utc>),
    CannotTell,
    Answers,
}

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (name, integration) in &inputs.fleet.integrations {
        let Some(group) = &integration.group else { continue };
        let found = findings(inputs, name, group);
        all.extend(found.into_iter().map(|(slug, finding)| candidate(name, integration, slug, finding)));
    }
    all
}

fn findings(inputs: &Inputs<'_>, name: &IntegrationName, group: &WatchedGroup) -> BTreeMap<WorkspaceSlug, Finding> {
    let mut found: BTreeMap<WorkspaceSlug, Finding> = BTreeMap::new();
    for (profile, watched) in &group.profiles {
        let evidence = inputs.state.evidence.groups.get(name).and_then(|group| group.profiles.get(profile));
        let workspaces = evidence.map(|evidence| &evidence.workspaces);
        let current = workspaces.and_then(|slot| fresh(slot, inputs.now));
        for slug in &watched.workspaces {
            let fact = current.and_then(|current| Some((current.value.get(slug)?, current.observed_at)));
            let finding = match fact {
                None
                | Some((
                    WorkspaceFact::ShutOut { .. } | WorkspaceFact::Contradicted | WorkspaceFact::Untold { .. },
                    _,
                )) => Finding::CannotTell,
                Some((WorkspaceFact::Member { .. } | WorkspaceFact::NotMember, _)) => Finding::Answers,
                Some((WorkspaceFact::NotFound, at)) => Finding::NotFound(at),
                Some((WorkspaceFact::Renamed { to }, at)) => Finding::Renamed(to.clone(), at),
            };
            let place = found.entry(slug.clone()).or_insert_with(|| finding.clone());
            *place = finding.min(place.clone());
        }
    }
    found
}

fn candidate<'a>(
    name: &IntegrationName,
    integration: &WatchedIntegration,
    slug: WorkspaceSlug,
    finding: Finding,
) -> Candidate<'a> {
    let (verdict, case) = match &finding {
        Finding::NotFound(at) => (Verdict::Holds(Onset::Since(*at)), Case::Default),
        Finding::Renamed(_, at) => (Verdict::Holds(Onset::Since(*at)), Case::Renamed),
        Finding::CannotTell => (Verdict::CannotTell, Case::Default),
        Finding::Answers => (Verdict::Gone, Case::Default),
    };
    let subject = Subject::Workspace(name.clone(), slug.clone());
    let told = name.clone();
    let describe = move |scene: &Scene<'_>| page(&told, &slug, &finding, scene);
    Candidate {
        case,
        affected: BTreeSet::from([IntegrationKey::group(name.clone())]),
        resolution: "the workspace answers under its name".to_owned(),
        ..Candidate::new(
            Rule::NamespaceNotFound,
            subject,
            integration.rules.timing(Rule::NamespaceNotFound, case),
            Body::One(verdict),
            describe,
        )
    }
}

fn page(name: &IntegrationName, slug: &WorkspaceSlug, finding: &Finding, scene: &Scene<'_>) -> Page {
    let lasting = lasting(scene);
    match finding {
        Finding::Renamed(to, _) => Page {
            summary: format!(
                "The workspace {slug} of {name} has had another name, {to}, {lasting}. Snyk may be fine; snykwatch \
                 looks in the wrong place and cannot tell. The PAT is not to blame."
            ),
            next_step: format!(
                "(snykwatch operator) Write {to} in place of {slug} in the configuration; (Group Admin) check that \
                 the Group's profile in Snyk still finds its repositories."
            ),
        },
        Finding::NotFound(_) | Finding::CannotTell | Finding::Answers => Page {
            summary: format!(
                "The workspace {slug} of {name} has not answered {lasting}: it is hidden from this PAT, since its account \
                 lost the membership, or the workspace was deleted. The PAT itself works. Nothing of this workspace \
                 reaches Snyk."
            ),
            next_step:
                "(Git host admin) Check that the bot account is a member of the workspace, and add it again; if the \
                        workspace was deleted or never had this name, (snykwatch operator) correct it in the \
                        configuration and (Group Admin) in the profile in Snyk."
                    .to_owned(),
        },
    }
}
