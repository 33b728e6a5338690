//! An observer's token that is rejected: we are blind, and Snyk, which has a token of its own, is not.

use super::candidate::{Candidate, Page, Scene};
use super::credentials::{about, rejected};
use super::inputs::Inputs;
use super::text::{blast_radius, lasting, sentence};
use crate::domain::incident::Rule;
use crate::domain::kinds::Role;
use crate::domain::policy::Case;

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let observers = inputs.fleet.scm_credentials.iter().filter(|(_, credential)| credential.role == Role::Observer);
    let candidate = |(name, _)| {
        let dependents = inputs.dependents(name)?;
        let state = inputs.state.credentials.get(name)?;
        let describe = move |scene: &Scene<'_>| Page {
            summary: format!(
                "The observer token {name} has been rejected {}.{} snykwatch is blind for {}; Snyk has a token of its \
                 own, and scanning goes on.",
                lasting(scene),
                sentence(&state.valid.message),
                blast_radius(scene.affected),
            ),
            next_step:
                "(Token owner) Create a new read-only token of the same account; (snykwatch operator) put it in \
                        the secret of this credential. Nothing is to be saved in Snyk."
                    .to_owned(),
        };
        let verdict = rejected(inputs, state);
        let candidate = about(inputs, Rule::ObserverRejected, Case::Default, name, dependents, verdict, describe);
        Some(Candidate { resolution: "the observer token is accepted again".to_owned(), ..candidate })
    };
    observers.filter_map(candidate).collect()
}
