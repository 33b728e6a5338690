//! Rules about Organizations: what each of the first few listed ones shows.

use super::connection::outside;
use super::draft::Draft;
use super::scene::Scene;
use crate::domain::condition::Condition;
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::IntegrationKey;
use crate::domain::page::Claim;
use crate::health::incidents::text::count;

/// So many Organizations are told one by one; the status page has them all.
const TOLD: usize = 3;

/// About the Organizations of one configuration key.
pub(super) fn draft(scene: &Scene<'_>) -> Draft {
    let mut draft = Draft::default();
    let Subject::Organizations(name) = &scene.key.subject else { return draft };
    let members: Vec<IntegrationKey> =
        scene.incident.members.iter().map(|id| IntegrationKey::organization(name.clone(), *id)).collect();
    let telling = telling(scene.key.rule);
    for key in members.iter().take(TOLD) {
        let is_bad =
            |condition: &&Condition| scene.condition(key, **condition).is_some_and(|state| state.truth != Truth::True);
        let told = telling.iter().filter(is_bad).filter_map(|condition| scene.claim(key, *condition));
        draft.claim(told.map(|claim| named(scene, key, claim)));
    }
    if scene.key.rule != Rule::Baseline {
        draft.rule_out(outside(scene, name));
        rule_out(scene, &members, &mut draft);
    }
    draft
}

/// The conditions that a rule rests on.
fn telling(rule: Rule) -> &'static [Condition] {
    match rule {
        Rule::OrganizationIntegrationMissing => &[Condition::IntegrationPresent],
        Rule::CredentialOutOfStep => &[Condition::CredentialInStep],
        Rule::TestsStale => &[Condition::TestsCurrent],
        Rule::NothingImported | Rule::ImportsIncomplete => &[Condition::RepositoriesImported],
        Rule::WebhooksMissing => &[Condition::WebhooksInstalled],
        Rule::ConnectionFailed => &[Condition::CredentialValid, Condition::TestsCurrent],
        _ => &[
            Condition::IntegrationPresent,
            Condition::CredentialInStep,
            Condition::RepositoriesImported,
            Condition::TestsCurrent,
            Condition::WebhooksInstalled,
        ],
    }
}

fn named(scene: &Scene<'_>, key: &IntegrationKey, mut claim: Claim) -> Claim {
    claim.text = format!("{}: {}", scene.name_of(key), claim.text);
    claim
}

/// What is well in every listed Organization.
fn rule_out(scene: &Scene<'_>, members: &[IntegrationKey], draft: &mut Draft) {
    let Some(first) = members.first() else { return };
    let looked_at: &[Condition] = match scene.key.rule {
        Rule::OrganizationIntegrationMissing => &[Condition::SnykAccessible, Condition::CredentialValid],
        Rule::TestsStale | Rule::WebhooksMissing => &[
            Condition::SnykAccessible,
            Condition::CredentialValid,
            Condition::CredentialInStep,
            Condition::IntegrationPresent,
            Condition::RepositoriesImported,
        ],
        _ => &[
            Condition::SnykAccessible,
            Condition::CredentialValid,
            Condition::CredentialInStep,
            Condition::IntegrationPresent,
        ],
    };
    for condition in looked_at.iter().copied() {
        let everywhere = members.iter().all(|key| scene.cleared(key, condition).is_some());
        if everywhere && let Some(proof) = scene.cleared(first, condition) {
            let others = match members.len() - 1 {
                0 => String::new(),
                _ if condition == Condition::CredentialValid => String::new(),
                others => format!(" The same holds for {} more.", count(others, "Organization")),
            };
            draft.rule_out([format!("{proof}{others}")]);
        }
    }
}
