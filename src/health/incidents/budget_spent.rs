//! Our own share of the requests with a credential is used up, for so long that what is known through it grows too old: one
//! incident, ours, and not one of each Group and Organization that cannot be judged for it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::candidate::{Candidate, Onset, Page, Scene, Verdict};
use super::credentials::about;
use super::inputs::{Dependents, Inputs};
use super::status::is_unknown;
use super::text::{as_on_a_page, blast_radius, lasting, sentence};
use crate::domain::condition::Reason;
use crate::domain::evidence::{End, FailedAttempt, FailedAttempts};
use crate::domain::incident::Rule;
use crate::domain::kinds::Level;
use crate::domain::names::{CredentialName, IntegrationKey, IntegrationName};
use crate::domain::policy::Case;
use crate::health::advice::{Asked, of_failure};
use crate::health::unseen::unlisted;

/// An integration whose status is unknown for want of questions.
pub(super) struct Waiting<'a> {
    key: &'a IntegrationKey,
    since: DateTime<Utc>,
    /// To which end they were, where that is known.
    end: Option<End>,
}

/// All of them, looked for once: there are many integrations and several credentials.
pub(super) fn waiting<'a>(inputs: &Inputs<'a>) -> Vec<Waiting<'a>> {
    let waiting = inputs.state.integrations.iter().filter_map(|(key, state)| {
        let status = is_unknown(state).filter(|status| is_for_want_of_turns(status.reason))?;
        Some(Waiting { key, since: status.since, end: state.unanswered })
    });
    waiting.collect()
}

fn is_for_want_of_turns(reason: Reason) -> bool {
    matches!(reason, Reason::BudgetSpent | Reason::EvidenceStale)
}

/// What is blind for want of requests with one credential.
#[derive(Default)]
struct Blind<'a> {
    keys: BTreeSet<IntegrationKey>,
    since: Option<DateTime<Utc>>,
    /// What was last not asked.
    words: Option<&'a str>,
}

pub(super) fn candidate<'a>(
    inputs: &'a Inputs<'a>,
    name: &'a CredentialName,
    dependents: &Dependents,
    waiting: &[Waiting<'a>],
    resolution: &str,
) -> Candidate<'a> {
    let Blind { keys, since, words } = blind(inputs, name, dependents, waiting);
    let verdict = since.map_or(Verdict::Gone, |since| Verdict::Holds(Onset::Since(since)));
    let has_group = keys.iter().any(|key| key.level() == Level::Group);
    let case = if has_group { Case::WholeGroup } else { Case::Default };
    let end = end_of(inputs, name);
    let describe = move |scene: &Scene<'_>| Page {
        summary: format!(
            "Our own share of the requests with {name} does not suffice, {}: what is known of {} has grown too old.{} No \
             API and no credential is to blame; scanning goes on.",
            lasting(scene),
            blast_radius(scene.affected),
            sentence(words.unwrap_or_default()),
        ),
        next_step: as_on_a_page(&of_failure("budget_spent", Asked::whole(Some(end)))),
    };
    Candidate {
        affected: keys,
        resolution: resolution.to_owned(),
        ..about(inputs, Rule::StatusUnknown, case, name, dependents, verdict, describe)
    }
}

fn end_of(inputs: &Inputs<'_>, name: &CredentialName) -> End {
    if inputs.fleet.snyk_tokens.contains_key(name) { End::Snyk } else { End::GitHost }
}

/// Whom nothing is known of any more because nothing was sent with this credential. Where one question was not sent for
/// want of a turn, those that were not even begun wait for the same turns; old evidence alone may have any cause.
fn blind<'a>(
    inputs: &'a Inputs<'a>,
    name: &CredentialName,
    dependents: &Dependents,
    waiting: &[Waiting<'a>],
) -> Blind<'a> {
    let end = end_of(inputs, name);
    let is_of_this =
        |waiting: &&Waiting<'_>| waiting.end.is_none_or(|other| other == end) && dependents.keys.contains(waiting.key);
    let waiting = waiting.iter().filter(is_of_this).map(|waiting| (waiting.key.clone(), waiting.since));
    let names = dependents.names.iter().filter(|_| end == End::Snyk);
    let unlisted = names.filter_map(|name| Some((IntegrationKey::group(name.clone()), unlisted_since(inputs, name)?)));
    let all: Vec<(IntegrationKey, DateTime<Utc>)> = waiting.chain(unlisted).collect();
    let Some(attempt) = all.iter().find_map(|(key, _)| turned_away(inputs, name, key, end)) else {
        return Blind::default();
    };
    Blind {
        since: all.iter().map(|(_, since)| *since).min(),
        words: Some(attempt.detail.as_str()),
        keys: all.into_iter().map(|(key, _)| key).collect(),
    }
}

/// Since when the Organizations of a key are not listed, for the same want.
fn unlisted_since(inputs: &Inputs<'_>, name: &IntegrationName) -> Option<DateTime<Utc>> {
    let unlisted = unlisted(inputs.state, inputs.fleet, name, inputs.now)?;
    is_for_want_of_turns(unlisted.reason).then_some(unlisted.since)
}

/// A question about `key` that was not sent, since the share of this credential was used up.
fn turned_away<'a>(
    inputs: &'a Inputs<'a>,
    name: &CredentialName,
    key: &IntegrationKey,
    end: End,
) -> Option<&'a FailedAttempt> {
    let book = &inputs.state.evidence;
    let mut tries: Vec<&FailedAttempts> = Vec::new();
    tries.extend(book.snyk_tokens.get(name).map(|token| &token.failures));
    tries.extend(book.scm_credentials.get(name).map(|credential| &credential.failures));
    match key.level() {
        Level::Organization => tries.extend(book.organizations.get(key).map(|known| &known.failures)),
        Level::Group => {
            let known = book.groups.get(&key.integration);
            tries.extend(known.map(|known| &known.failures));
            let watched = inputs.fleet.group(&key.integration);
            for (profile, known) in known.into_iter().flat_map(|known| &known.profiles) {
                let watched = watched.and_then(|group| group.profiles.get(profile));
                tries.extend(watched.filter(|watched| watched.credential == *name).map(|_| &known.failures));
            }
        }
    }
    let is_ours = |attempt: &&FailedAttempt| attempt.reason == Reason::BudgetSpent && attempt.end == Some(end);
    tries.into_iter().flat_map(FailedAttempts::values).find(is_ours)
}
