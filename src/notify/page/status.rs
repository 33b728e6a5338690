//! Nothing is known: which evidence is missing, and what is known all the same.

use super::connection::both_ends;
use super::credentials;
use super::draft::Draft;
use super::scene::{Scene, plain};
use crate::domain::condition::Condition;
use crate::domain::evidence::fresh;
use crate::domain::incident::Subject;
use crate::domain::kinds::{Source, Truth};
use crate::domain::names::IntegrationKey;
use crate::domain::page::Claim;
use crate::domain::state::CredentialState;
use crate::health::incidents::text::instant;

/// So many Organizations are told one by one.
const TOLD: usize = 3;

/// About an integration, or Organizations, of unknown status.
pub(super) fn draft(scene: &Scene<'_>) -> Draft {
    let mut draft = Draft::default();
    let (name, keys): (_, Vec<IntegrationKey>) = match &scene.key.subject {
        Subject::Integration(key) => (&key.integration, vec![key.clone()]),
        Subject::Organizations(name) => {
            (name, scene.incident.members.iter().map(|id| IntegrationKey::organization(name.clone(), *id)).collect())
        }
        Subject::Credential(name) => return credentials::refused(scene, name),
        Subject::Network | Subject::Api(_) | Subject::Workspace(..) => return draft,
    };
    for key in keys.iter().take(TOLD) {
        let unknown = |condition: &&Condition| {
            scene.condition(key, **condition).is_none_or(|state| state.truth == Truth::Unknown)
        };
        let access = scene.claim(key, Condition::SnykAccessible);
        let denied = scene.condition(key, Condition::SnykAccessible).is_some_and(|state| state.truth == Truth::False);
        draft.claim(access.filter(|_| denied));
        for condition in Condition::of(key.level()).iter().filter(unknown) {
            // A condition of something that is not in use is not missing.
            let Some(state) = scene.condition(key, *condition) else { continue };
            let whose = if key.organization.is_some() { format!("{}: ", scene.name_of(key)) } else { String::new() };
            let text = format!("{whose}{condition} is not known: {}.", plain(&state.message));
            draft.claim([Claim { text, source: Source::Inferred, observed_at: None }]);
        }
        if let Some(known) = scene.integration(key).and_then(|state| state.status.as_ref()?.known.as_ref()) {
            let text = format!(
                "The last known status was {} ({}), since {}.",
                known.status,
                known.reason,
                instant(known.since)
            );
            draft.claim([Claim { text, source: Source::Inferred, observed_at: None }]);
        }
    }
    draft.rule_out(scene.answers_others(both_ends(scene, name)));
    let well = |state: &CredentialState| state.valid.truth == Truth::True;
    if let Some(watched) = scene.fleet().integrations.get(name) {
        let group = watched.group.as_ref().map(|group| &group.snyk);
        let snyk = group.or_else(|| watched.organizations.as_ref().map(|watched| &watched.snyk));
        let token = snyk.and_then(|name| Some((name, scene.state.evidence.snyk_tokens.get(name)?)));
        if let Some((name, token)) = token
            && let Some(evidence) = fresh(&token.authentication, scene.now())
            && scene.is_since_onset(evidence.observed_at)
            && scene.state.credentials.get(name).is_some_and(well)
        {
            draft.rule_out([format!("Not our Snyk token: Snyk accepts {name} ({}).", instant(evidence.observed_at))]);
        }
    }
    draft
}
