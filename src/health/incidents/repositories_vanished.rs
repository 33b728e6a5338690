//! Repositories of a namespace that are seen no more, when nothing tells why: the account may have lost its right to see
//! them, and then Snyk does not scan them either. It ends when enough return, by proof, or when somebody says what it is;
//! never because less is seen.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::candidate::{Body, Candidate, Onset, Page, Scene, Verdict};
use super::inputs::Inputs;
use super::text::{lasting, names};
use crate::domain::fleet::WatchedIntegration;
use crate::domain::incident::{IncidentKey, Rule, Subject};
use crate::domain::loss::{AbsentRepository, NamespaceMemory};
use crate::domain::names::{IntegrationKey, IntegrationName, RepositoryId, WorkspaceSlug};
use crate::domain::policy::Case;
use crate::health::loss::namespaces;
use crate::health::words::repositories;

/// A whole namespace is worth a page only from this size on.
const WHOLE_AT_LEAST: usize = 3;

/// What is lost in one namespace, over the profiles that see it.
struct Lost<'a> {
    since: DateTime<Utc>,
    is_confirmed: bool,
    is_whole: bool,
    is_rejected: bool,
    reference: usize,
    absent: BTreeMap<&'a RepositoryId, &'a AbsentRepository>,
}

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let watched = inputs.fleet.integrations.iter().filter(|(_, integration)| integration.group.is_some());
    let mut all = Vec::new();
    for (name, integration) in watched {
        let mut by_slug: BTreeMap<&WorkspaceSlug, Option<Lost<'a>>> = BTreeMap::new();
        for (_, slug, namespace) in namespaces(inputs.state, name) {
            let known = by_slug.entry(slug).or_default();
            *known = both(known.take(), lost(namespace));
        }
        all.extend(by_slug.into_iter().map(|(slug, lost)| candidate(inputs, name, integration, slug, lost)));
    }
    all
}

fn lost(namespace: &NamespaceMemory) -> Option<Lost<'_>> {
    let loss = namespace.loss?;
    let absent: BTreeMap<_, _> = namespace.right_lost().collect();
    Some(Lost {
        since: loss.since,
        is_confirmed: loss.is_confirmed,
        is_whole: absent.len() >= loss.reference && loss.reference >= WHOLE_AT_LEAST,
        is_rejected: loss.is_rejected,
        reference: loss.reference,
        absent,
    })
}

fn both<'a>(one: Option<Lost<'a>>, other: Option<Lost<'a>>) -> Option<Lost<'a>> {
    let (mut one, other) = match (one, other) {
        (Some(one), Some(other)) => (one, other),
        (one, other) => return one.or(other),
    };
    one.since = one.since.min(other.since);
    one.is_confirmed |= other.is_confirmed;
    one.is_whole |= other.is_whole;
    one.is_rejected |= other.is_rejected;
    one.reference = one.reference.max(other.reference);
    one.absent.extend(other.absent);
    Some(one)
}

fn candidate<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a IntegrationName,
    integration: &'a WatchedIntegration,
    slug: &'a WorkspaceSlug,
    lost: Option<Lost<'a>>,
) -> Candidate<'a> {
    let subject = Subject::Workspace(name.clone(), slug.clone());
    let before = inputs.incident(&IncidentKey { rule: Rule::RepositoriesVanished, subject: subject.clone() });
    let case = match &lost {
        Some(lost) if lost.is_whole => Case::WholeNamespace,
        Some(_) => Case::Default,
        None => before.and_then(|before| before.tracking.case).unwrap_or(Case::Default),
    };
    let verdict = match &lost {
        Some(lost) if lost.is_confirmed => Verdict::Holds(Onset::Since(lost.since)),
        Some(_) => Verdict::CannotTell,
        None => Verdict::Gone,
    };
    let describe = move |scene: &Scene<'_>| page(name, slug, lost.as_ref(), scene);
    Candidate {
        case,
        affected: BTreeSet::from([IntegrationKey::group(name.clone())]),
        resolution: "the repositories are seen again, or it is settled what became of them".to_owned(),
        ..Candidate::new(
            Rule::RepositoriesVanished,
            subject,
            integration.rules.timing(Rule::RepositoriesVanished, case),
            Body::One(verdict),
            describe,
        )
    }
}

fn page(name: &IntegrationName, slug: &WorkspaceSlug, loss: Option<&Lost<'_>>, scene: &Scene<'_>) -> Page {
    let (many, of, which, is_rejected) = loss.map_or((0, 0, String::new(), false), |lost| {
        let which = names(lost.absent.values().map(|absent| absent.full_name.as_str()));
        (lost.absent.len(), lost.reference, which, lost.is_rejected)
    });
    let of = repositories(of);
    let accept = if is_rejected {
        String::new()
    } else {
        format!(
            "; if they were deleted or moved on purpose, tell snykwatch so: snykwatch accept \
             RepositoriesVanished/namespace/{name}/{slug}"
        )
    };
    Page {
        summary: format!(
            "{many} of {of} of the workspace {slug} of {name} have not been visible to the PAT's account {}: {which}. \
             The account may have lost its right to see them, and then Snyk does not scan them.",
            lasting(scene),
        ),
        next_step: format!(
            "(Git host admin) Compare the rights of the PAT's account with the {} listed, and give them back{accept}.",
            repositories(many),
        ),
    }
}
