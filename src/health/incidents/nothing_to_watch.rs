//! A Group, or a namespace that the configuration names, in which there is nothing to watch: nothing is wrong, and nothing
//! is watched. Of Organizations the rules about them tell.

use std::collections::BTreeSet;

use super::candidate::{Body, Candidate, Onset, Page, Scene, Verdict};
use super::inputs::Inputs;
use super::text::lasting;
use crate::domain::condition::Reason;
use crate::domain::fleet::{WatchedGroup, WatchedIntegration};
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::{IntegrationKey, IntegrationName, WorkspaceSlug};
use crate::domain::policy::Case;
use crate::domain::status::Status;
use crate::health::loss::namespaces;

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (name, integration) in &inputs.fleet.integrations {
        if let Some(group) = &integration.group {
            all.extend(of_group(inputs, name, integration, group));
        }
    }
    all
}

/// The Group, or the namespaces of it that the configuration names.
fn of_group<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a IntegrationName,
    integration: &'a WatchedIntegration,
    group: &'a WatchedGroup,
) -> Option<Candidate<'a>> {
    let key = IntegrationKey::group(name.clone());
    let status = inputs.integration(&key)?.status.as_ref()?;
    let (mut empty, mut is_unclear): (BTreeSet<&WorkspaceSlug>, bool) = (BTreeSet::new(), false);
    let mut since = Vec::new();
    for (profile, slug, namespace) in namespaces(inputs.state, name) {
        let is_named = group.profiles.get(profile).is_some_and(|profile| profile.workspaces.contains(slug));
        let Some(visible) = namespace.visible.as_ref().filter(|_| is_named) else { continue };
        if visible.reason == Reason::NothingToDiscover {
            empty.insert(slug);
            since.push(visible.since);
        } else if visible.truth != Truth::True {
            is_unclear = true;
        }
    }
    let is_all = status.status == Status::NothingToWatch;
    since.extend(is_all.then_some(status.since));
    let verdict = match since.iter().min() {
        Some(since) => Verdict::Holds(Onset::Since(*since)),
        None if is_unclear || status.status == Status::Unknown => Verdict::CannotTell,
        None => Verdict::Gone,
    };
    let empty: Vec<String> = empty.into_iter().map(|slug| format!("the workspace {slug}")).collect();
    let describe = move |scene: &Scene<'_>| Page {
        summary: if is_all || empty.is_empty() {
            format!("There has been nothing to discover in any workspace of {name} {}.", lasting(scene))
        } else {
            format!("There has been nothing to discover in {} of {name} {}.", empty.join(", "), lasting(scene))
        },
        next_step:
            "(snykwatch operator) Check that the configuration names the right workspaces, or take out those that \
                    are not used."
                .to_owned(),
    };
    Some(Candidate {
        affected: BTreeSet::from([key.clone()]),
        resolution: "there is something to watch now".to_owned(),
        ..Candidate::new(
            Rule::NothingToWatch,
            Subject::Integration(key),
            integration.rules.timing(Rule::NothingToWatch, Case::Default),
            Body::One(verdict),
            describe,
        )
    })
}
