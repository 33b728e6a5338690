//! Tokens that will expire: told ahead, in time to get new ones.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::candidate::{Candidate, Onset, Page, Scene, Verdict};
use super::credentials::about;
use super::inputs::{Dependents, Inputs};
use super::text::{admins, blast_radius, count, instant, listed, span};
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::{IncidentKey, IncidentState, Rule, Subject};
use crate::domain::kinds::{Level, Truth};
use crate::domain::names::CredentialName;
use crate::domain::policy::Case;
use crate::domain::state::{CredentialState, DeclaredDate, ExpirySource};

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    let snyk = inputs.fleet.snyk_tokens.iter().map(|(name, token)| (Rule::SnykTokenExpiring, name, &token.api));
    let scm = inputs.fleet.scm_credentials.iter();
    let scm = scm.map(|(name, credential)| (Rule::CredentialExpiring, name, &credential.api));
    let candidate = |(rule, name, api)| {
        let dependents = inputs.dependents(name)?;
        let state = inputs.state.credentials.get(name)?;
        let skewed = inputs.is_skewed(api);
        Some(expiring(inputs, rule, name, state, dependents, skewed))
    };
    snyk.chain(scm).filter_map(candidate).collect()
}

fn expiring<'a>(
    inputs: &'a Inputs<'a>,
    rule: Rule,
    name: &'a CredentialName,
    state: &'a CredentialState,
    dependents: &'a Dependents,
    skewed: bool,
) -> Candidate<'a> {
    let key = IncidentKey { rule, subject: Subject::Credential(name.clone()) };
    let before = inputs.incident(&key);
    let outdated = state.declared == DeclaredDate::Outdated && state.expiry_source != Some(ExpirySource::Api);
    let (verdict, resolution) = match state.expiry {
        _ if outdated => (Verdict::Gone, "the declared date passed while the credential works".to_owned()),
        Some(date) if date <= inputs.now && state.valid.truth == Truth::False => {
            (Verdict::Gone, format!("expired; told as {}", successor(rule)))
        }
        _ if skewed => (Verdict::CannotTell, String::new()),
        // A date that has passed announces nothing: the next answer tells whether the credential works all the same.
        Some(date) if date <= inputs.now && state.valid.truth == Truth::Unknown => (Verdict::CannotTell, String::new()),
        Some(date) => {
            let share = inputs.shared_timing(rule, Case::Default).share;
            let life = created_at(inputs, name, state).map(|created| date - created);
            let at_most = share.zip(life).and_then(|(share, life)| part_of(life, share));
            (Verdict::Holds(Onset::Before { date, at_most }), superseded(inputs, state, Some(date)))
        }
        None if was_replaced(inputs, state, dependents, before) => (Verdict::Gone, superseded(inputs, state, None)),
        None => (Verdict::CannotTell, String::new()),
    };
    let describe = move |scene: &Scene<'_>| page(rule, name, state, scene);
    Candidate {
        deadline: state.expiry,
        // About the new credential itself: nothing to wait for.
        repair_shows_after: Some(TimeDelta::zero()),
        resolution,
        ..about(inputs, rule, Case::Default, name, dependents, verdict, describe)
    }
}

/// A share of a span; `None` when nothing is left of it.
fn part_of(span: TimeDelta, share: f64) -> Option<TimeDelta> {
    // To the second: a third of a life is no instant to the nanosecond.
    let seconds = (span.num_seconds() as f64 * share).round();
    let part = TimeDelta::from_std(Duration::try_from_secs_f64(seconds).ok()?).ok()?;
    (part > TimeDelta::zero()).then_some(part)
}

fn successor(rule: Rule) -> Rule {
    if rule == Rule::SnykTokenExpiring { Rule::SnykTokenInvalid } else { Rule::CredentialInvalid }
}

/// When this token's life began, where anybody knows. The first use we saw does not tell: the token may be older.
fn created_at(inputs: &Inputs<'_>, name: &CredentialName, state: &CredentialState) -> Option<DateTime<Utc>> {
    let evidence = inputs.state.evidence.scm_credentials.get(name);
    let listed =
        evidence.and_then(|evidence| evidence.listed_token.as_ref()).and_then(|listed| listed.value.created_at);
    let declared = inputs.fleet.scm_credentials.get(name).and_then(|credential| credential.rotated_at);
    // A rotation is told by the best of its sources; a declared time alone may be of an earlier one.
    listed.or(state.rotation.as_ref().map(|rotation| rotation.at)).or(declared)
}

fn was_replaced(
    inputs: &Inputs<'_>,
    state: &CredentialState,
    dependents: &Dependents,
    before: Option<&IncidentState>,
) -> bool {
    let rotated = state.rotated_from.as_ref().map(|(_, noticed_at)| *noticed_at);
    let since = before.and_then(|before| before.deadline).zip(before).map(|(_, before)| before.since);
    let endless = inputs.conditions(&dependents.keys, Condition::CredentialFresh);
    state.declared == DeclaredDate::Superseded
        || rotated.zip(since).is_some_and(|(rotated, since)| rotated >= since)
        || endless.iter().any(|(_, _, reason)| *reason == Reason::NeverExpires)
}

/// What a person wants to know of a replacement: who still uses the old token, and that it is not over with them.
fn superseded(inputs: &Inputs<'_>, state: &CredentialState, date: Option<DateTime<Utc>>) -> String {
    let mut text = "superseded".to_owned();
    if let Some(date) = date {
        text = format!("{text}: expires {} now", instant(date));
    }
    let Some(rotation) = &state.rotation else { return text };
    let behind: Vec<_> =
        rotation.outstanding.iter().filter(|key| key.level() == Level::Organization).cloned().collect();
    if rotation.outstanding.is_empty() && rotation.untold.is_empty() {
        return text;
    }
    let (saved, of) = rotation.progress();
    text = format!("{text}; the rotation goes on, {saved} of {of} have the new token");
    if !behind.is_empty() {
        let many = count(behind.len(), "Organization");
        text = format!("{text}; still to be saved in {many} ({})", listed(inputs, behind));
    }
    if !rotation.untold.is_empty() {
        let many = count(rotation.untold.len(), "integration");
        text = format!("{text}; nothing tells which token {many} have");
    }
    text
}

fn page(rule: Rule, name: &CredentialName, state: &CredentialState, scene: &Scene<'_>) -> Page {
    let what = if rule == Rule::SnykTokenExpiring { "Snyk token" } else { "PAT of credential" };
    let when = state.expiry.map_or_else(String::new, |date| {
        let left = date - scene.now;
        let source = match state.expiry_source {
            Some(ExpirySource::Declared) => ", as the configuration says",
            Some(ExpirySource::AdminApi) => ", as the admin API says",
            Some(ExpirySource::Api) | None => "",
        };
        if left > TimeDelta::zero() {
            format!("expires in {} ({}{source})", span(left), instant(date))
        } else {
            format!("expired {} ago ({}{source})", span(-left), instant(date))
        }
    });
    let radius = blast_radius(scene.affected);
    if rule == Rule::SnykTokenExpiring {
        return Page {
            summary: format!("The {what} {name} {when}. From then on snykwatch is blind for {radius}."),
            next_step: "(Token owner) Create a new token in Snyk where this one was created (the user's account \
                 settings, or the service account); (snykwatch operator) put it in the secret of this `snyk` entry."
                .to_owned(),
        };
    }
    Page {
        summary: format!(
            "The {what} {name} {when}. From then on discovery, imports and pull request comments stop for {radius}."
        ),
        next_step: format!(
            "(Token owner) Create a new token with the same permissions; ({}) save it in Snyk for {radius} \
             before that date; (snykwatch operator) replace our copy.",
            admins(scene.affected),
        ),
    }
}
