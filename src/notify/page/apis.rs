//! Rules about an upstream API.

use super::draft::Draft;
use super::scene::{Scene, plain};
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::Source;
use crate::domain::names::ApiName;
use crate::domain::page::Claim;
use crate::health::incidents::text::instant;

/// About one API, or the way to all of them.
pub(super) fn draft(scene: &Scene<'_>) -> Draft {
    let mut draft = Draft::default();
    if scene.key.subject == Subject::Network {
        for (api, facts) in &scene.state.evidence.apis {
            let (Some(since), Some((reason, detail))) = (facts.unreached_since, &facts.last_failure) else { continue };
            let text = format!("No question arrives at {api} since {} ({reason}): {}.", instant(since), plain(detail));
            draft.claim([Claim { text, source: Source::Measured, observed_at: Some(scene.now()) }]);
        }
        return draft;
    }
    let Subject::Api(api) = &scene.key.subject else { return draft };
    let Some(facts) = scene.state.evidence.apis.get(api) else { return draft };
    if scene.key.rule == Rule::ApiVersionEnding {
        if let Some(ending) = &facts.version_ending {
            let when =
                ending.sunset_at.map_or_else(|| "without a date".to_owned(), |at| format!("for {}", instant(at)));
            let text = format!(
                "{api} announces in its answers: version {} is {}, {when}.",
                plain(&ending.version),
                plain(&ending.stage)
            );
            draft.claim([Claim { text, source: Source::Measured, observed_at: Some(ending.seen_at) }]);
        }
        return draft;
    }
    if let Some((reason, detail)) = &facts.last_failure {
        let text = format!("The last attempt failed ({reason}): {}.", plain(detail));
        draft.claim([Claim { text, source: Source::Measured, observed_at: None }]);
    }
    if let Some(since) = facts.inconclusive_since {
        let text = format!("No probe of {api} concluded anything since {}.", instant(since));
        draft.claim([Claim { text, source: Source::Measured, observed_at: Some(scene.now()) }]);
    }
    if let Some(at) = facts.last_conclusive_at {
        let text = format!("Its last usable answer came {}.", instant(at));
        draft.claim([Claim { text, source: Source::Measured, observed_at: Some(at) }]);
    }
    draft.rule_out(others(scene, api));
    draft
}

/// Other APIs answer: it is not our network as a whole.
fn others(scene: &Scene<'_>, api: &ApiName) -> Option<String> {
    let answering = |other: &&ApiName| *other != api && scene.answered_at(other).is_some();
    let answering: Vec<&str> = scene.state.evidence.apis.keys().filter(answering).map(ApiName::as_str).collect();
    let names = answering.join(", ");
    (!answering.is_empty()).then(|| {
        let verb = if answering.len() == 1 { "answers" } else { "answer" };
        format!("Not the whole network of this machine: {names} {verb}.")
    })
}
