//! The title, and what a notification is routed and grouped by.

use super::scene::{Scene, plain};
use crate::domain::fleet::WatchedIntegration;
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::Scm;
use crate::domain::names::ApiName;
use crate::domain::page::PageLabels;
use crate::health::incidents::text::{blast_radius, count, has_lasted, span};
use crate::notify::matching::naming;

/// More does not fit on the lock screen of a telephone, nor into a subject line.
const LONGEST: usize = 120;

/// One line: the rule, its subject, and what makes it urgent.
pub(super) fn title(scene: &Scene<'_>) -> String {
    let elapsed = scene.now() - scene.incident.since;
    let lasting = if has_lasted(elapsed) { format!(" for {}", span(elapsed)) } else { String::new() };
    let affected = scene.incident.affected.iter().cloned().collect();
    let text = match &scene.key.subject {
        Subject::Credential(name) => match (scene.key.rule, scene.incident.deadline) {
            (Rule::CredentialExpiring | Rule::SnykTokenExpiring, Some(date)) if date > scene.now() => {
                format!("{name} expires in {}", span(date - scene.now()))
            }
            _ => format!("{name} ({})", blast_radius(&affected)),
        },
        Subject::Network => format!("our own network{lasting}"),
        Subject::Api(name) => match scene.incident.deadline {
            Some(date) if scene.key.rule == Rule::ApiVersionEnding && date > scene.now() => {
                format!("{name}, in {}", span(date - scene.now()))
            }
            _ if scene.key.rule == Rule::ApiVersionEnding => name.to_string(),
            _ => format!("{name}{lasting}"),
        },
        Subject::Workspace(name, slug) => format!("{slug} of {name}{lasting}"),
        Subject::Integration(key) => format!("{key}{lasting}"),
        // Nobody knows which they are.
        Subject::Organizations(name) if scene.incident.members.is_empty() => {
            format!("Organizations of {name}{lasting}")
        }
        Subject::Organizations(name) => {
            format!("{} of {name}{lasting}", count(scene.incident.members.len(), "Organization"))
        }
    };
    let recurrence = scene.state.attention.recurrences.get(scene.key);
    let flapping = if recurrence.is_some_and(|recurrence| recurrence.is_flapping) { " (flapping)" } else { "" };
    cut(&plain(&format!("{}{flapping}: {text}", scene.key.rule)))
}

/// The same, without what changes with time.
pub(super) fn what(scene: &Scene<'_>) -> String {
    let subject = match &scene.key.subject {
        Subject::Credential(name) => name.to_string(),
        Subject::Network => "our own network".to_owned(),
        Subject::Api(name) => name.to_string(),
        Subject::Workspace(name, slug) => format!("{slug} of {name}"),
        Subject::Integration(key) => key.to_string(),
        Subject::Organizations(name) => format!("Organizations of {name}"),
    };
    cut(&plain(&format!("{}: {subject}", scene.key.rule)))
}

/// At most [`LONGEST`] characters.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST - 1).collect();
    format!("{}…", kept.trim_end())
}

/// What it is about: its subject, and what the configuration says of that. Nothing of what is affected now: that changes
/// while a problem lasts, these are an alert's identity, and after a loss of the state nobody could name them again. What
/// differs among the integrations that hang on the subject is left out.
pub(super) fn labels(scene: &Scene<'_>) -> PageLabels {
    let (level, names) = naming(scene.fleet(), &scene.key.subject);
    let watched: Vec<_> = names.iter().filter_map(|name| scene.fleet().integrations.get(*name)).collect();
    let mut names = names.into_iter();
    let only = names.next().filter(|_| names.next().is_none());
    let credential = match &scene.key.subject {
        Subject::Credential(name) => Some(name.clone()),
        _ => None,
    };
    let of_credential = credential.as_ref().and_then(|name| scene.fleet().scm_credentials.get(name));
    PageLabels {
        integration: scene.name().or(only).cloned(),
        credential,
        level,
        scm: of_credential.map(|credential| credential.scm).or_else(|| same(&watched, |watched| Some(watched.scm))),
        owner: same(&watched, |watched| watched.owner.clone()),
    }
}

/// What all have in common.
fn same<T: PartialEq>(watched: &[&WatchedIntegration], of: impl Fn(&WatchedIntegration) -> Option<T>) -> Option<T> {
    let first = of(watched.first()?)?;
    watched.iter().all(|other| of(other).as_ref() == Some(&first)).then_some(first)
}

/// The Git host as the word of its public API.
pub(super) fn is_public(api: &ApiName, scm: Scm) -> bool {
    api.as_str() == scm.as_str()
}
