//! Configured workspaces that are gone, renamed, or not visible to the account.

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
    NotMember(DateTime<Utc>),
    Renamed(WorkspaceSlug, DateTime<Utc>),
    CannotTell,
    Member,
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
                None => Finding::CannotTell,
                Some((WorkspaceFact::Member { .. }, _)) => Finding::Member,
                Some((WorkspaceFact::NotMember, at)) => Finding::NotMember(at),
                Some((WorkspaceFact::ShutOut { .. } | WorkspaceFact::Contradicted, _)) => Finding::CannotTell,
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
        Finding::NotFound(at) | Finding::NotMember(at) => (Verdict::Holds(Onset::Since(*at)), Case::Default),
        Finding::Renamed(_, at) => (Verdict::Holds(Onset::Since(*at)), Case::Renamed),
        Finding::CannotTell => (Verdict::CannotTell, Case::Default),
        Finding::Member => (Verdict::Gone, Case::Default),
    };
    let subject = Subject::Workspace(name.clone(), slug.clone());
    let told = name.clone();
    let describe = move |scene: &Scene<'_>| page(&told, &slug, &finding, scene);
    Candidate {
        case,
        affected: BTreeSet::from([IntegrationKey::group(name.clone())]),
        resolution: "the account is a member of the workspace".to_owned(),
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
                "(Whoever runs snykwatch) Write {to} in place of {slug} in the configuration; (Group Admin) check that \
                 the Group's profile in Snyk still finds its repositories."
            ),
        },
        Finding::NotFound(_) => Page {
            summary: format!(
                "The workspace {slug} of {name} has not been found {lasting}: it was deleted, or never had this \
                 name. The PAT works and is not to blame. Nothing of this workspace reaches Snyk."
            ),
            next_step: "(Workspace administrator of the Git host) Find out where its repositories went; (whoever runs \
                        snykwatch) correct the workspace in the configuration; (Group Admin) correct the profile in Snyk."
                .to_owned(),
        },
        Finding::NotMember(_) | Finding::CannotTell | Finding::Member => Page {
            summary: format!(
                "The PAT's account has not been a member of the workspace {slug} of {name} {lasting}: only its \
                 public repositories are visible. The PAT itself works. Private repositories no longer reach Snyk."
            ),
            next_step: "(Workspace administrator of the Git host) Add the bot account to the workspace again, with access \
                        to its repositories."
                .to_owned(),
        },
    }
}
