//! What the sequence of an Organization's facts tells: presence, pull request checks, webhooks. Its imports have a file of
//! their own.

use crate::domain::facts::{IntegrationPresence, PullRequestChecks, WebhookSample, WebhookState};
use crate::domain::fleet::{Fleet, Thresholds};
use crate::domain::names::{IntegrationKey, IntegrationName};
use crate::domain::state::{CheckSwitch, IntegrationState, MissingWebhook, State};

use super::super::organization::identity;
use super::imports;
use super::{Stamp, Written};

pub(super) fn thresholds<'a>(fleet: &'a Fleet, name: &IntegrationName) -> &'a Thresholds {
    fleet.integrations.get(name).map_or(&fleet.thresholds, |watched| &watched.thresholds)
}

pub(super) fn on_presence(
    state: &mut State,
    fleet: &Fleet,
    stamp: Stamp,
    key: &IntegrationKey,
    fact: &IntegrationPresence,
) {
    let slot = &mut state.evidence.organizations.entry(key.clone()).or_default().presence;
    if stamp.write(slot, fact.clone()) == Written::Outdated || fact.is_absent() {
        return;
    }
    if fleet.integrations.get(&key.integration).is_none_or(|watched| watched.organizations.is_none()) {
        return;
    }
    let listing = state.evidence.groups.get(&key.integration).and_then(|book| book.organizations.as_ref());
    let name = listing
        .and_then(|known| known.value.iter().find(|listed| Some(listed.id) == key.organization))
        .map(|listed| listed.name.clone());
    let stored = state.integrations.entry(key.clone()).or_insert_with(|| IntegrationState::new(stamp.at));
    stored.snyk_name = name.or(stored.snyk_name.take());
    stored.organization.was_present = true;
    if let IntegrationPresence::Present { id, .. } = fact {
        stored.organization.integration_id = Some(id.clone());
    }
    // The facts of the round in which it was first seen came before there was a state to remember them in.
    let is_new = stored.organization.imports.seen_since.is_none();
    let imports = state.evidence.organizations.get(key).and_then(|book| book.imports.clone()).filter(|_| is_new);
    if let Some(imports) = imports {
        imports::remember(state, fleet, imports.observed_at, key, (None, &imports.value));
    }
}

pub(super) fn on_pull_request_checks(state: &mut State, stamp: Stamp, key: &IntegrationKey, fact: PullRequestChecks) {
    let slot = &mut state.evidence.organizations.entry(key.clone()).or_default().pull_request_checks;
    if stamp.write(slot, fact) == Written::Outdated {
        return;
    }
    let Some(stored) = state.integrations.get_mut(key) else { return };
    let memory = &mut stored.organization.tests;
    for (switch, told) in [(CheckSwitch::OpenSource, fact.open_source), (CheckSwitch::Code, fact.code)] {
        match told {
            Some(true) => {
                memory.checks_on.insert(switch);
                memory.checks_off.remove(&switch);
            }
            // Off from the start is how somebody wants it.
            Some(false) if memory.checks_on.remove(&switch) => {
                memory.checks_off.insert(switch, stamp.at);
            }
            Some(false) | None => {}
        }
    }
}

pub(super) fn on_webhooks(state: &mut State, stamp: Stamp, key: &IntegrationKey, fact: &WebhookSample) {
    let book = state.evidence.organizations.entry(key.clone()).or_default();
    let imported = book.imports.as_ref().map(|imports| &imports.value.targets);
    let imported: Option<Vec<String>> =
        imported.map(|targets| targets.iter().map(|target| target.name.to_lowercase()).collect());
    if stamp.write(&mut book.webhooks, fact.clone()) == Written::Outdated {
        return;
    }
    let Some(stored) = state.integrations.get_mut(key) else { return };
    let memory = &mut stored.organization.webhooks;
    for check in &fact.checks {
        let id = identity(check);
        match check.state {
            WebhookState::Installed => {
                memory.pattern_proved = true;
                memory.missing.remove(&id);
            }
            WebhookState::Inactive | WebhookState::Missing { .. } => {
                memory.pattern_proved |= check.state == WebhookState::Inactive;
                let full_name = check.full_name.clone();
                let new = MissingWebhook { full_name: full_name.clone(), since: stamp.at };
                memory.missing.entry(id).or_insert(new).full_name = full_name;
            }
            // Nothing was seen of it: what was found before stands.
            WebhookState::NoAdminRights | WebhookState::RepositoryNotFound => {}
        }
    }
    // What is imported no more needs no webhook.
    if let Some(imported) = imported {
        memory.missing.retain(|_, missing| imported.contains(&missing.full_name.to_lowercase()));
    }
}
