//! Tokens that are rejected, and dates that nobody knows or that turned out wrong.

use std::collections::BTreeSet;

use super::candidate::{Body, Candidate, Onset, Page, Scene, Verdict};
use super::inputs::{Dependents, Inputs};
use super::text::{admins, blast_radius, instant, lasting, sentence};
use crate::domain::condition::{Condition, Reason};
use crate::domain::fleet::ScmCredential;
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::{Level, Role, Truth};
use crate::domain::names::{CredentialName, IntegrationKey, IntegrationName};
use crate::domain::policy::Case;
use crate::domain::state::{CredentialState, DeclaredDate};

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for name in inputs.fleet.snyk_tokens.keys() {
        let Some(dependents) = inputs.dependents(name) else { continue };
        all.extend(snyk_token_invalid(inputs, name, dependents));
    }
    for (name, credential) in &inputs.fleet.scm_credentials {
        let Some(dependents) = inputs.dependents(name) else { continue };
        let Some(state) = inputs.state.credentials.get(name) else { continue };
        all.push(credential_invalid(inputs, name, credential, state, dependents));
        all.push(date_outdated(inputs, name, credential, state, dependents));
    }
    all
}

/// A candidate about a credential.
pub(super) fn about<'a>(
    inputs: &Inputs<'_>,
    rule: Rule,
    case: Case,
    name: &CredentialName,
    dependents: &Dependents,
    verdict: Verdict,
    describe: impl Fn(&Scene<'_>) -> Page + 'a,
) -> Candidate<'a> {
    Candidate {
        case,
        affected: dependents.keys.clone(),
        ..Candidate::new(
            rule,
            Subject::Credential(name.clone()),
            inputs.shared_timing(rule, case),
            Body::One(verdict),
            describe,
        )
    }
}

/// A token's own verdict as a rule's.
fn rejected(inputs: &Inputs<'_>, state: &CredentialState) -> Verdict {
    match state.valid.truth {
        Truth::False => Verdict::Holds(Onset::Since(state.valid.since.unwrap_or(inputs.now))),
        Truth::True | Truth::NotApplicable => Verdict::Gone,
        Truth::Unknown => Verdict::CannotTell,
    }
}

fn snyk_token_invalid<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a CredentialName,
    dependents: &'a Dependents,
) -> Option<Candidate<'a>> {
    let state = inputs.state.credentials.get(name)?;
    let describe = move |scene: &Scene<'_>| Page {
        summary: format!(
            "Snyk has rejected the Snyk token {name} {}.{} snykwatch is blind for {}; scanning itself goes on.",
            lasting(scene),
            sentence(&state.valid.message),
            blast_radius(scene.affected),
        ),
        next_step: match state.valid.reason {
            Reason::SnykTokenWrongRegion => {
                "(Whoever runs snykwatch) Set the region of this `snyk` entry to the token's own.".to_owned()
            }
            _ => "(Group Admin) Create a new token for the service account in Snyk; (whoever runs snykwatch) put it \
                  in the secret of this `snyk` entry."
                .to_owned(),
        },
    };
    let verdict = rejected(inputs, state);
    let candidate = about(inputs, Rule::SnykTokenInvalid, Case::Default, name, dependents, verdict, describe);
    Some(Candidate { resolution: "Snyk accepts the token again".to_owned(), ..candidate })
}

fn credential_invalid<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a CredentialName,
    credential: &ScmCredential,
    state: &'a CredentialState,
    dependents: &'a Dependents,
) -> Candidate<'a> {
    let many = inputs.shared_timing(Rule::CredentialInvalid, Case::GroupAtStake).share;
    let hangs_much = |integration| many.is_some_and(|many| hangs_much_on(inputs, integration, dependents, many));
    let at_stake =
        dependents.keys.iter().any(|key| key.level() == Level::Group) || dependents.names.iter().any(hangs_much);
    let case = if at_stake { Case::GroupAtStake } else { Case::Default };
    let (verdict, reason, message) = match credential.role {
        Role::Integration => (rejected(inputs, state), state.valid.reason, state.valid.message.as_str()),
        Role::Observer => rejected_in_snyk(inputs, name, dependents),
    };
    let describe = move |scene: &Scene<'_>| Page {
        summary: format!(
            "The PAT of credential {name} has been rejected {}.{} It is used by {}: discovery, imports and pull \
             request comments stop there.",
            lasting(scene),
            sentence(message),
            blast_radius(scene.affected),
        ),
        next_step: renewal(reason, scene),
    };
    Candidate {
        resolution: "the credential is accepted again".to_owned(),
        ..about(inputs, Rule::CredentialInvalid, case, name, dependents, verdict, describe)
    }
}

/// An observer's own failure says nothing of the PAT in Snyk; the conditions of its integrations do.
fn rejected_in_snyk<'a>(
    inputs: &'a Inputs<'a>,
    name: &CredentialName,
    dependents: &'a Dependents,
) -> (Verdict, Reason, &'a str) {
    let mut best = (Verdict::Gone, Reason::Ok, "");
    for key in &dependents.keys {
        let condition = inputs.integration(key).and_then(|state| state.conditions.get(&Condition::CredentialValid));
        let Some(condition) = condition else {
            best.0 = Verdict::CannotTell;
            continue;
        };
        match condition.truth {
            Truth::False if uses_only(inputs, key, name) => {
                return (Verdict::Holds(Onset::Since(condition.since)), condition.reason, &condition.message);
            }
            Truth::True | Truth::NotApplicable => {}
            Truth::False | Truth::Unknown => best.0 = Verdict::CannotTell,
        }
    }
    best
}

/// Whether an integration has no other SCM credential than this one, so that its conditions speak of it.
pub(super) fn uses_only(inputs: &Inputs<'_>, key: &IntegrationKey, name: &CredentialName) -> bool {
    let group = inputs.fleet.integrations.get(&key.integration).and_then(|watched| watched.group.as_ref());
    key.level() == Level::Organization
        || group.is_some_and(|group| group.profiles.values().all(|profile| profile.credential == *name))
}

/// Whether at least the share `many` of the Group's repositories hangs on the credential.
fn hangs_much_on(inputs: &Inputs<'_>, name: &IntegrationName, dependents: &Dependents, many: f64) -> bool {
    let Some(watched) = inputs.fleet.integrations.get(name).and_then(|watched| watched.organizations.as_ref()) else {
        return false;
    };
    let mut imported = BTreeSet::new();
    let mut hanging = BTreeSet::new();
    for (organization, _) in inputs.organizations(name, watched) {
        let key = IntegrationKey::organization(name.clone(), organization);
        let evidence = inputs.state.evidence.organizations.get(&key);
        let Some(imports) = evidence.and_then(|evidence| evidence.imports.as_ref()) else { continue };
        let targets = || imports.value.targets.iter().map(|target| target.url.as_deref().unwrap_or(&target.id));
        imported.extend(targets());
        if dependents.keys.contains(&key) {
            hanging.extend(targets());
        }
    }
    let group = IntegrationKey::group(name.clone());
    let progress = inputs.integration(&group).and_then(|state| state.progress.as_ref());
    let total = progress.map_or(0, |progress| progress.found + progress.missing).max(imported.len());
    !hanging.is_empty() && hanging.len() as f64 >= many * total as f64
}

fn renewal(reason: Reason, scene: &Scene<'_>) -> String {
    let saving = format!("then save it in Snyk for {} ({})", blast_radius(scene.affected), admins(scene.affected));
    match reason {
        Reason::CredentialWrongScheme => {
            "(Whoever runs snykwatch) Configure this credential by the kind of its token; it was sent with another \
             authentication scheme."
                .to_owned()
        }
        Reason::CredentialWrongTokenOrEmail => format!(
            "(Whoever runs snykwatch) Compare the e-mail and the token of this credential with the token's owner; if \
             both are right, (owner of the bot account) create a new token, {saving}."
        ),
        Reason::CredentialAppPasswordRetired => format!(
            "(Owner of the bot account) Create an API token in place of the app password, which no longer works, \
             {saving}, and (whoever runs snykwatch) replace our copy."
        ),
        Reason::CredentialBlocked => {
            "(Organisation admin of the Git host) Unblock the token, or allow it in the organisation's policy."
                .to_owned()
        }
        _ => format!(
            "(Owner of the bot account) Create a new token with the same permissions, {saving}, and (whoever runs \
             snykwatch) replace our copy."
        ),
    }
}

fn date_outdated<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a CredentialName,
    credential: &'a ScmCredential,
    state: &CredentialState,
    dependents: &'a Dependents,
) -> Candidate<'a> {
    let verdict = match state.declared {
        DeclaredDate::Outdated => Verdict::Holds(Onset::Since(credential.expires_at.unwrap_or(inputs.now))),
        DeclaredDate::None | DeclaredDate::InForce | DeclaredDate::Superseded => Verdict::Gone,
    };
    let describe = move |scene: &Scene<'_>| Page {
        summary: format!(
            "The declared expiry of credential {name} passed on {}, and the PAT still works: the date is wrong, and the \
             real one will come without warning.",
            instant(scene.since),
        ),
        next_step:
            "(Whoever runs snykwatch) Correct `expires_at` of this credential; the owner of the bot account sees \
                    the date beside the token."
                .to_owned(),
    };
    Candidate {
        resolution: "the declared date is no longer in the past".to_owned(),
        ..about(inputs, Rule::DeclaredDateOutdated, Case::Default, name, dependents, verdict, describe)
    }
}
