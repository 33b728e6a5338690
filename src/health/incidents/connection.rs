//! Integrations that fail, and Groups that stay partially connected.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::super::clocks::{connected_until, partially_connected_since};
use super::candidate::{Body, Candidate, Onset, Page, Part, PartVerdict, Scene, Verdict};
use super::inputs::Inputs;
use super::text::{count, instant, lasting, members, sentence};
use crate::domain::condition::{Condition, Reason};
use crate::domain::fleet::{WatchedGroup, WatchedIntegration};
use crate::domain::incident::{IncidentKey, Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::loss::NamespaceMemory;
use crate::domain::names::{IntegrationKey, IntegrationName};
use crate::domain::policy::Case;
use crate::domain::state::IntegrationState;
use crate::domain::status::{Status, StatusState};

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (name, integration) in &inputs.fleet.integrations {
        let key = IntegrationKey::group(name.clone());
        if let Some(group) = &integration.group
            && let Some(state) = inputs.integration(&key)
            && let Some(status) = &state.status
        {
            all.push(group_failed(integration, &key, state, status));
            all.push(partially_connected(inputs, (integration, group), &key, state, status));
        }
        all.extend(organizations_failed(inputs, name, integration));
    }
    all
}

/// The verdict of a rule about a status that `unknown` overlays without erasing.
fn verdict_on(status: &StatusState, is: Status) -> Verdict {
    match status.status {
        Status::Unknown => Verdict::CannotTell,
        shown if shown == is => Verdict::Holds(Onset::Since(status.since)),
        _ => Verdict::Gone,
    }
}

fn group_failed<'a>(
    integration: &WatchedIntegration,
    key: &IntegrationKey,
    state: &IntegrationState,
    status: &'a StatusState,
) -> Candidate<'a> {
    let told = key.clone();
    let describe = move |scene: &Scene<'_>| {
        Page {
        summary: format!(
            "{told} has failed {}.{} No repository of it is discovered or synchronised.",
            lasting(scene),
            sentence(&status.message),
        ),
        next_step: status.next_step.clone().unwrap_or_else(|| match status.reason {
            Reason::ProfileDeleted => {
                "(Group Admin) Open Integrations in the Group: the profile was deleted. Create it again and save the PAT."
                    .to_owned()
            }
            _ => "(Group Admin) Open Integrations in the Group, compare the profile with the evidence on the status \
                  page, and save it again."
                .to_owned(),
        }),
    }
    };
    let body = Body::One(verdict_on(status, Status::ConnectionFailed));
    Candidate {
        affected: BTreeSet::from([key.clone()]),
        resolution: "the integration no longer fails".to_owned(),
        unexplained: status.reason == Reason::ProfileDeleted,
        is_loss: is_only_loss(state, Troubled::Hidden),
        ..Candidate::new(
            Rule::ConnectionFailed,
            Subject::Integration(key.clone()),
            integration.rules.timing(Rule::ConnectionFailed, Case::Default),
            body,
            describe,
        )
    }
}

fn organizations_failed<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a IntegrationName,
    integration: &'a WatchedIntegration,
) -> Option<Candidate<'a>> {
    let watched = integration.organizations.as_ref()?;
    let part = |(organization, state): (_, &IntegrationState)| {
        let verdict = match state.status.as_ref().map(|status| verdict_on(status, Status::ConnectionFailed)) {
            _ if state.organization.nothing_to_watch => PartVerdict::Gone,
            None | Some(Verdict::CannotTell) => PartVerdict::CannotTell,
            Some(Verdict::Holds(Onset::Since(since))) => PartVerdict::Holds { since, settled: true },
            Some(_) => PartVerdict::Gone,
        };
        Part { organization, verdict }
    };
    let parts = inputs.organizations(name, watched).into_iter().map(part).collect();
    let describe = move |scene: &Scene<'_>| {
        let first = scene.members.first().map(|id| IntegrationKey::organization(name.clone(), *id));
        let status = first.and_then(|key| inputs.integration(&key)).and_then(|state| state.status.as_ref());
        Page {
            summary: format!(
                "{} of {name} failed, {}.{}",
                count(scene.members.len(), "Organization"),
                members(inputs, name, scene),
                sentence(status.map_or("", |status| &status.message)),
            ),
            next_step: "(Organization Admin) Open Integrations in each listed Organization and save the credentials \
                        again; Snyk's audit log (Settings > Audit logs) has who changed them and when."
                .to_owned(),
        }
    };
    Some(Candidate {
        resolution: "no Organization fails any more".to_owned(),
        ..Candidate::new(
            Rule::ConnectionFailed,
            Subject::Organizations(name.clone()),
            integration.rules.timing(Rule::ConnectionFailed, Case::Default),
            Body::Members(parts),
            describe,
        )
    })
}

fn partially_connected<'a>(
    inputs: &'a Inputs<'a>,
    (integration, group): (&'a WatchedIntegration, &'a WatchedGroup),
    key: &IntegrationKey,
    state: &'a IntegrationState,
    status: &'a StatusState,
) -> Candidate<'a> {
    let subject = Subject::Integration(key.clone());
    let before = IncidentKey { rule: Rule::PartiallyConnected, subject: subject.clone() };
    let before = inputs.incident(&before).and_then(|before| before.tracking.case);
    let (case, verdict) = match what_is_partial(state, status, before) {
        Partial::Yes(case) => {
            let since = clock(group, state, case);
            let onset = if has_eased(before, case) { Onset::Eased(since) } else { Onset::Clock(since) };
            (case, Verdict::Holds(onset))
        }
        Partial::No => (before.unwrap_or(Case::AwaitingFirstSync), Verdict::Gone),
        Partial::CannotTell => (before.unwrap_or(Case::AwaitingFirstSync), Verdict::CannotTell),
    };
    let timing = integration.rules.timing(Rule::PartiallyConnected, case);
    let told = key.clone();
    let describe = move |scene: &Scene<'_>| {
        let message = message_of(state, status, case);
        let lag = match state.progress.as_ref().and_then(|progress| progress.next_expected_at) {
            Some(due) if due < scene.now && !message.contains("due by") => {
                format!(" A sync was due by {}.", instant(due))
            }
            _ => String::new(),
        };
        Page {
            summary: format!("{told} has been Partially connected {}.{}{lag}", lasting(scene), sentence(message)),
            next_step: next_step(case, status),
        }
    };
    Candidate {
        case,
        affected: BTreeSet::from([key.clone()]),
        repair_shows_after: Some(timing.opens_after.min(integration.thresholds.max_lag)),
        resolution: resolution(status, before),
        is_loss: match case {
            Case::ProfilesFailed => is_only_loss(state, Troubled::Hidden),
            _ => is_only_loss(state, Troubled::Missing),
        },
        ..Candidate::new(Rule::PartiallyConnected, subject, timing, Body::One(verdict), describe)
    }
}

enum Partial {
    Yes(Case),
    No,
    CannotTell,
}

/// Reads the conditions where a worse status hides that the Group is also partially connected.
fn what_is_partial(state: &IntegrationState, status: &StatusState, before: Option<Case>) -> Partial {
    let populated = state.truth(Condition::InventoryPopulated);
    let empty = if state.group.was_populated { Case::InventoryLost } else { Case::AwaitingFirstSync };
    match (status.status, status.reason) {
        (Status::PartiallyConnected, Reason::ProfilesFailed) => Partial::Yes(Case::ProfilesFailed),
        (Status::PartiallyConnected, Reason::InventoryIncomplete) => Partial::Yes(Case::InventoryIncomplete),
        (Status::PartiallyConnected, Reason::AwaitingFirstSync) => Partial::Yes(Case::AwaitingFirstSync),
        (Status::PartiallyConnected, Reason::InventoryLost) => Partial::Yes(Case::InventoryLost),
        (Status::PartiallyConnected, _) => Partial::Yes(empty),
        (Status::ConnectionFailed, _) if populated == Truth::False => Partial::Yes(empty),
        (Status::ConnectionFailed | Status::Stalled, _)
            if state.truth(Condition::InventoryComplete) == Truth::False =>
        {
            Partial::Yes(Case::InventoryIncomplete)
        }
        // Above `inventory_incomplete` in the table of statuses, below everything else that is partial.
        (Status::Stalled, _) if before == Some(Case::InventoryIncomplete) => {
            let complete = state.truth(Condition::InventoryComplete) == Truth::True;
            if complete { Partial::No } else { Partial::CannotTell }
        }
        (Status::Unknown | Status::ConnectionFailed, _) => Partial::CannotTell,
        (
            Status::Stalled
            | Status::Connected
            | Status::SetupInProgress
            | Status::NotConfigured
            | Status::NothingToWatch,
            _,
        ) => Partial::No,
    }
}

/// What may be wrong with a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Troubled {
    /// `RepositoriesVisible` is not true.
    Hidden,
    /// Repositories are missing from the Inventory.
    Missing,
}

/// Whether each namespace that has this trouble has lost repositories from sight, and no credential is to blame.
pub(super) fn is_only_loss(state: &IntegrationState, troubled: Troubled) -> bool {
    let mut namespaces = state.group.profiles.values().flat_map(|profile| profile.namespaces.values());
    let has_trouble = |namespace: &NamespaceMemory| {
        let visible = namespace.visible.as_ref();
        let is_hidden =
            visible.is_some_and(|visible| visible.truth != Truth::True && visible.reason != Reason::NothingToDiscover);
        match troubled {
            Troubled::Hidden => is_hidden,
            Troubled::Missing => is_hidden || namespace.is_incomplete || namespace.inventory_lost_at.is_some(),
        }
    };
    let mut found = namespaces.by_ref().filter(|namespace| has_trouble(namespace)).peekable();
    let others = [Condition::SnykAccessible, Condition::CredentialValid];
    found.peek().is_some()
        && found.all(|namespace| namespace.loss.is_some())
        && others.iter().all(|condition| state.truth(*condition) != Truth::False)
}

/// Since when the Group is partially connected, by stored times.
fn clock(group: &WatchedGroup, state: &IntegrationState, case: Case) -> DateTime<Utc> {
    let base = connected_until(state, group);
    let last_arrival = state.group.arrivals.iter().rfind(|arrival| arrival.found > 0).map(|arrival| arrival.at);
    let filling = state.group.first_fill_completed_at.is_none();
    match (case, last_arrival) {
        // A profile fails since its condition does, however long the Group has been waiting for its first sync.
        (Case::ProfilesFailed, _) => failing_since(state).map_or(base, |since| since.max(base)),
        (Case::InventoryLost, _) => partially_connected_since(state, group),
        _ if filling => partially_connected_since(state, group),
        // Once filled, whatever arrives is progress with what is missing.
        (Case::InventoryIncomplete, Some(arrival)) => arrival.max(base),
        _ => base,
    }
}

fn failing_since(state: &IntegrationState) -> Option<DateTime<Utc>> {
    let fails = [Condition::CredentialValid, Condition::PermissionsGranted, Condition::RepositoriesVisible];
    let failing = fails.iter().filter_map(|condition| state.conditions.get(condition));
    failing.filter(|state| state.truth == Truth::False).map(|state| state.since).min()
}

fn message_of<'a>(state: &'a IntegrationState, status: &'a StatusState, case: Case) -> &'a str {
    if status.status == Status::PartiallyConnected {
        return &status.message;
    }
    let condition = match case {
        Case::InventoryIncomplete => Condition::InventoryComplete,
        _ => Condition::InventoryPopulated,
    };
    state.conditions.get(&condition).map_or("", |condition| &condition.message)
}

fn next_step(case: Case, status: &StatusState) -> String {
    let own = match case {
        Case::ProfilesFailed => {
            "(Group Admin) Open Integrations in the Group and save the failing profile again; the others work."
        }
        Case::InventoryIncomplete => {
            "(Group Admin) Look at the list of missing repositories on the status page; give the account access to \
             them, or open Integrations in the Group and save the profile again."
        }
        _ => "(Group Admin) Open Integrations in the Group and save the profile again; that starts a synchronisation.",
    };
    let told = status.next_step.clone().filter(|_| status.status == Status::PartiallyConnected);
    told.unwrap_or_else(|| own.to_owned())
}

/// Whether a graver trouble gave way to this one: something arrives, or the profiles work again.
fn has_eased(before: Option<Case>, case: Case) -> bool {
    match before {
        Some(Case::ProfilesFailed) => case != Case::ProfilesFailed,
        Some(Case::AwaitingFirstSync | Case::InventoryLost) => case == Case::InventoryIncomplete,
        _ => false,
    }
}

fn resolution(status: &StatusState, before: Option<Case>) -> String {
    match (status.status, before) {
        (Status::PartiallyConnected, Some(Case::ProfilesFailed)) => "no profile fails any more".to_owned(),
        (Status::PartiallyConnected, _) => "repositories reach the Inventory now".to_owned(),
        (status, _) => format!("the status is {status} now"),
    }
}
