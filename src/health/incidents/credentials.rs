//! Tokens that are rejected, and dates that nobody knows or that turned out wrong.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::candidate::{Body, Candidate, Onset, Page, Scene, Verdict};
use super::inputs::{Dependents, Inputs};
use super::text::{admins, blast_radius, instant, lasting, sentence};
use crate::domain::condition::{Condition, Reason};
use crate::domain::fleet::ScmCredential;
use crate::domain::incident::{Rule, Severity, Subject};
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
pub(super) fn rejected(inputs: &Inputs<'_>, state: &CredentialState) -> Verdict {
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
    let entry = inputs.fleet.snyk_tokens.get(name);
    let describe = move |scene: &Scene<'_>| Page {
        summary: format!(
            "Snyk has rejected the Snyk token {name} {}.{} snykwatch is blind for {}; scanning itself goes on.",
            lasting(scene),
            sentence(&state.valid.message),
            blast_radius(scene.affected),
        ),
        next_step: match (state.valid.reason, state.first_used_at) {
            (Reason::SnykTokenWrongRegion, _) => {
                "(snykwatch operator) Set the region of this `snyk` entry to the token's own.".to_owned()
            }
            // A token is known to its own region alone, and no answer says that it is another one.
            (_, None) => format!(
                "(snykwatch operator) It never worked here: check that it was copied whole, and that it belongs to \
                 the region of this `snyk` entry{}.",
                entry.and_then(|entry| entry.app_root).map(|root| format!(" ({root})")).unwrap_or_default(),
            ),
            (_, Some(_)) => "(Token owner) Create a new token in Snyk where this one was created (the user's account \
                 settings, or the service account); (snykwatch operator) put it in the secret of this `snyk` entry."
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
    let is_ours = credential.role == Role::Integration && state.never_accepted();
    let case = match (is_ours && snyk_may_go_on(inputs, state, dependents), at_stake) {
        (true, _) => Case::OurCopy,
        (false, true) => Case::GroupAtStake,
        (false, false) => Case::Default,
    };
    let (verdict, reason, message) = match credential.role {
        Role::Integration => (rejected(inputs, state), state.valid.reason, state.valid.message.as_str()),
        Role::Observer => rejected_in_snyk(inputs, dependents, state),
    };
    let worked_until = state.last_used_at;
    let describe = move |scene: &Scene<'_>| {
        if is_ours {
            our_copy(name, message, worked_until, scene)
        } else {
            Page {
                summary: format!(
                    "The PAT of credential {name} has been rejected {}.{} It is used by {}: discovery, imports and pull \
             request comments stop there.",
                    lasting(scene),
                    sentence(message),
                    blast_radius(scene.affected),
                ),
                next_step: renewal(reason, scene),
            }
        }
    };
    let mut candidate = about(inputs, Rule::CredentialInvalid, case, name, dependents, verdict, describe);
    if case == Case::OurCopy {
        // Its ladder counts from the last movement, after which this is another case.
        candidate.timing.severities.truncate(1);
    }
    Candidate { resolution: "the credential is accepted again".to_owned(), ..candidate }
}

/// Whether nothing says that Snyk's own copy fails too: nothing is stalled, and something moved within the time that a
/// change may take, or that time is not over.
fn snyk_may_go_on(inputs: &Inputs<'_>, state: &CredentialState, dependents: &Dependents) -> bool {
    let groups =
        || dependents.keys.iter().filter_map(|key| inputs.integration(key).filter(|_| key.level() == Level::Group));
    let is_stalled = groups().any(|group| group.truth(Condition::SyncCurrent) == Truth::False);
    let moved_at = groups().filter_map(|group| group.group.last_asset_moved_at).max();
    let timing = inputs.shared_timing(Rule::CredentialInvalid, Case::OurCopy);
    let critical = timing.severities.iter().find(|(_, severity)| *severity == Severity::Critical).map(|(age, _)| *age);
    let is_young = |since| critical.is_none_or(|critical| inputs.age(since) < critical);
    !is_stalled && moved_at.max(state.rejected_since).is_some_and(is_young)
}

/// A copy of ours that never worked: whoever wrote it is asked first.
fn our_copy(name: &CredentialName, message: &str, since: Option<DateTime<Utc>>, scene: &Scene<'_>) -> Page {
    let before = since.map(|at| format!("the copy before it worked until {}", instant(at)));
    Page {
        summary: format!(
            "Our copy of credential {name} has been rejected {}.{} snykwatch is blind for {}; Snyk has a copy of its own, \
             which may be right.",
            lasting(scene),
            sentence(message),
            blast_radius(scene.affected),
        ),
        next_step: format!(
            "(snykwatch operator) Put the token that is saved in Snyk into the secret of this credential, whole and \
             without anything around it: {}. Only if that token is rejected too, (Token owner) create a new \
             one and save it in Snyk for {} ({}).",
            before.as_deref().unwrap_or("the copy before it worked"),
            blast_radius(scene.affected),
            admins(scene.affected),
        ),
    }
}

/// An observer's own failure says nothing of the PAT in Snyk; the admin API does, or that it is used.
fn rejected_in_snyk<'a>(
    inputs: &Inputs<'_>,
    dependents: &Dependents,
    state: &'a CredentialState,
) -> (Verdict, Reason, &'a str) {
    let told = state.in_snyk.as_ref();
    let (reason, message) = told.map_or((Reason::Ok, ""), |told| (told.reason, told.message.as_str()));
    let valid = inputs.conditions(&dependents.keys, Condition::CredentialValid);
    let is_used = !valid.is_empty() && valid.iter().all(|(_, truth, _)| *truth == Truth::True);
    let verdict = match told.map(|told| (told.truth, told.since)) {
        Some((Truth::False, since)) => Verdict::Holds(Onset::Since(since.unwrap_or(inputs.now))),
        Some((Truth::True, _)) => Verdict::Gone,
        _ if is_used => Verdict::Gone,
        _ => Verdict::CannotTell,
    };
    (verdict, reason, message)
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
            "(snykwatch operator) Configure this credential by the kind of its token; it was sent with another \
             authentication scheme."
                .to_owned()
        }
        Reason::CredentialWrongTokenOrEmail => format!(
            "(snykwatch operator) Compare the e-mail and the token of this credential with the token's owner; if \
             both are right, (owner of the bot account) create a new token, {saving}."
        ),
        Reason::CredentialAppPasswordRetired => format!(
            "(Token owner) Create an API token in place of the app password, which no longer works, \
             {saving}, and (snykwatch operator) replace our copy."
        ),
        Reason::CredentialBlocked => {
            "(Organisation admin of the Git host) Unblock the token, or allow it in the organisation's policy."
                .to_owned()
        }
        _ => format!(
            "(Token owner) Create a new token with the same permissions, {saving}, and (snykwatch \
             operator) replace our copy."
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
        next_step: "(snykwatch operator) Correct `expires_at` of this credential; the owner of the bot account sees \
                    the date beside the token."
            .to_owned(),
    };
    Candidate {
        resolution: "the declared date is no longer in the past".to_owned(),
        ..about(inputs, Rule::DeclaredDateOutdated, Case::Default, name, dependents, verdict, describe)
    }
}
