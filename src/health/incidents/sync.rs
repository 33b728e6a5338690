//! Groups that were complete and no longer follow, and catalog files without a link.

use std::collections::BTreeSet;

use super::candidate::{Body, Candidate, Onset, Page, Scene, Verdict};
use super::inputs::Inputs;
use super::text::{instant, lasting, sentence, span};
use crate::domain::condition::Condition;
use crate::domain::fleet::WatchedIntegration;
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::IntegrationKey;
use crate::domain::policy::Case;
use crate::domain::state::IntegrationState;

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (name, integration) in &inputs.fleet.integrations {
        let Some(group) = &integration.group else { continue };
        let key = IntegrationKey::group(name.clone());
        let Some(state) = inputs.integration(&key) else { continue };
        all.push(stalled(integration, &key, state));
        if group.catalog_file.is_some() {
            all.push(catalog_not_linked(integration, &key, state));
        }
    }
    all
}

/// A condition's own verdict.
fn verdict_on(state: &IntegrationState, condition: Condition) -> Verdict {
    match state.conditions.get(&condition) {
        Some(condition) if condition.truth == Truth::False => Verdict::Holds(Onset::Since(condition.since)),
        Some(condition) if condition.truth == Truth::True => Verdict::Gone,
        _ => Verdict::CannotTell,
    }
}

fn about<'a>(
    integration: &WatchedIntegration,
    rule: Rule,
    key: &IntegrationKey,
    verdict: Verdict,
    describe: impl Fn(&Scene<'_>) -> Page + 'a,
) -> Candidate<'a> {
    Candidate {
        affected: BTreeSet::from([key.clone()]),
        ..Candidate::new(
            rule,
            Subject::Integration(key.clone()),
            integration.rules.timing(rule, Case::Default),
            Body::One(verdict),
            describe,
        )
    }
}

fn message(state: &IntegrationState, condition: Condition) -> String {
    sentence(state.conditions.get(&condition).map_or("", |condition| &condition.message))
}

fn stalled<'a>(
    integration: &'a WatchedIntegration,
    key: &IntegrationKey,
    state: &'a IntegrationState,
) -> Candidate<'a> {
    // A Group that never was complete does not stall: it is still filling.
    let filled = state.group.first_fill_completed_at.is_some();
    let verdict = if filled { verdict_on(state, Condition::SyncCurrent) } else { Verdict::Gone };
    let told = key.clone();
    let describe = move |scene: &Scene<'_>| {
        let moved = state.group.last_asset_moved_at.map_or_else(
            || " No sync was ever seen.".to_owned(),
            |at| format!(" The last sync was seen {}.", instant(at)),
        );
        Page {
            summary: format!(
                "The synchronisation of {told} has been stalled {}.{}{moved} What changed since then is not in the Inventory.",
                lasting(scene),
                message(state, Condition::SyncCurrent),
            ),
            next_step: format!(
                "(Group Admin) Open Integrations in the Group and save the profile again, which starts a \
                 synchronisation; if nothing moves within {}, ask Snyk's support with the listed repositories.",
                span(integration.thresholds.sync_cycle),
            ),
        }
    };
    Candidate {
        repair_shows_after: Some(integration.thresholds.max_lag),
        resolution: "changes reach the Inventory again".to_owned(),
        ..about(integration, Rule::SyncStalled, key, verdict, describe)
    }
}

fn catalog_not_linked<'a>(
    integration: &WatchedIntegration,
    key: &IntegrationKey,
    state: &'a IntegrationState,
) -> Candidate<'a> {
    let told = key.clone();
    let describe = move |scene: &Scene<'_>| Page {
        summary: format!(
            "The catalog files of {told} have had no effect in Snyk {}.{}",
            lasting(scene),
            message(state, Condition::CatalogLinked),
        ),
        next_step:
            "(Group Admin) Open Integrations in the Group and check the name of the catalog file in the profile."
                .to_owned(),
    };
    Candidate {
        resolution: "the catalog files are linked".to_owned(),
        ..about(integration, Rule::CatalogNotLinked, key, verdict_on(state, Condition::CatalogLinked), describe)
    }
}
