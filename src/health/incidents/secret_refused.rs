//! Credentials that nothing is asked with, because their secret was refused when it was read: told at once and once, not
//! for each integration that cannot be judged without them. Where the secret is well, too little may be asked with it.

use super::budget_spent;
use super::candidate::{Candidate, Onset, Page, Scene, Verdict};
use super::credentials::about;
use super::inputs::{Dependents, Inputs};
use super::text::{blast_radius, lasting, sentence};
use crate::domain::condition::Reason;
use crate::domain::incident::{IncidentKey, Rule, Subject};
use crate::domain::kinds::Level;
use crate::domain::names::CredentialName;
use crate::domain::policy::Case;
use crate::health::advice::{Asked, of_answer};

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let snyk = inputs.fleet.snyk_tokens.iter().map(|(name, token)| (name, token.refused.as_deref()));
    let scm = inputs.fleet.scm_credentials.iter().map(|(name, credential)| (name, credential.refused.as_deref()));
    let waiting = budget_spent::waiting(inputs);
    let candidate = |(name, refused): (&'a CredentialName, Option<&'a str>)| {
        let dependents = inputs.dependents(name)?;
        Some(match refused {
            Some(why) => candidate(inputs, name, why, dependents),
            None => budget_spent::candidate(inputs, name, dependents, &waiting, resolution(inputs, name)),
        })
    };
    snyk.chain(scm).filter_map(candidate).collect()
}

/// The end is as certain as the beginning: the file was read, and what is in it is a token.
fn resolution(inputs: &Inputs<'_>, name: &CredentialName) -> &'static str {
    let key = IncidentKey { rule: Rule::StatusUnknown, subject: Subject::Credential(name.clone()) };
    match inputs.incident(&key).and_then(|incident| incident.tracking.case) {
        Some(Case::SecretRefused) => "its secret is a token, and is asked with",
        _ => "what was too old is known again",
    }
}

fn candidate<'a>(
    inputs: &Inputs<'_>,
    name: &'a CredentialName,
    refused: &'a str,
    dependents: &Dependents,
) -> Candidate<'a> {
    let verdict = Verdict::Holds(Onset::Since(inputs.now));
    let describe = move |scene: &Scene<'_>| Page {
        summary: format!(
            "snykwatch does not ask with {name}, {}: its secret is no token.{} snykwatch is blind for {}; Snyk has a \
             token of its own, and scanning goes on.",
            lasting(scene),
            sentence(refused),
            blast_radius(scene.affected),
        ),
        next_step: format!("({}", of_answer(Reason::SecretRefused, Asked::GitHost).replacen(": ", ") ", 1)),
    };
    let mut candidate = about(inputs, Rule::StatusUnknown, Case::SecretRefused, name, dependents, verdict, describe);
    if dependents.keys.iter().all(|key| key.level() != Level::Group) {
        // No Group is blind, and that alone becomes critical.
        candidate.timing.severities.truncate(1);
    }
    candidate
}
