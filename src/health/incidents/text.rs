//! Words for people: spans, instants, counts. UTC, since whoever reads it may sit anywhere.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::candidate::Scene;
use super::inputs::Inputs;
use crate::domain::kinds::Level;
use crate::domain::names::{IntegrationKey, IntegrationName};

/// As many names as a person can take in; the status page has them all.
pub(super) const LISTED: usize = 5;

/// A span in its largest sensible unit: `35 min`, `14 h`, `3 d`.
pub(crate) fn span(span: TimeDelta) -> String {
    let minutes = span.num_minutes().max(0);
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

/// An instant to the minute.
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// `for 14 h (since 2026-11-22 19:05 UTC)`; of what has only begun, `since 2026-11-22 19:05 UTC`.
pub(super) fn lasting(scene: &Scene<'_>) -> String {
    let (since, elapsed) = (instant(scene.since), scene.now - scene.since);
    if has_lasted(elapsed) { format!("for {} (since {since})", span(elapsed)) } else { format!("since {since}") }
}

/// Whether there is a span to be told: nothing lasts for 0 minutes.
pub(crate) fn has_lasted(elapsed: TimeDelta) -> bool {
    elapsed >= TimeDelta::minutes(1)
}

/// `1 Organization`, `50 Organizations`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `1 Group integration and 50 Organizations`.
pub(crate) fn blast_radius(affected: &BTreeSet<IntegrationKey>) -> String {
    let groups = affected.iter().filter(|key| key.level() == Level::Group).count();
    let organizations = affected.len() - groups;
    match (groups, organizations) {
        (0, 0) => "no integration seen yet".to_owned(),
        (groups, 0) => count(groups, "Group integration"),
        (0, organizations) => count(organizations, "Organization"),
        (groups, organizations) => {
            format!("{} and {}", count(groups, "Group integration"), count(organizations, "Organization"))
        }
    }
}

/// Who may save a credential in Snyk for these.
pub(super) fn admins(affected: &BTreeSet<IntegrationKey>) -> &'static str {
    let has = |level| affected.iter().any(|key| key.level() == level);
    match (has(Level::Group), has(Level::Organization)) {
        (true, false) => "Group Admin",
        (false, true) => "Organization Admins",
        _ => "Group Admin, Organization Admins",
    }
}

/// The first few Organizations by the names that Snyk gives them (hostile text), and how many more there are.
pub(super) fn listed(inputs: &Inputs<'_>, keys: impl IntoIterator<Item = IntegrationKey>) -> String {
    let mut text = Vec::new();
    let mut more = 0;
    for key in keys {
        if text.len() == LISTED {
            more += 1;
            continue;
        }
        let name = inputs.integration(&key).and_then(|state| state.snyk_name.clone());
        text.push(name.or_else(|| key.organization.map(|id| id.to_string())).unwrap_or_default());
    }
    if more > 0 {
        text.push(format!("{more} more"));
    }
    text.join(", ")
}

/// The first few of names (hostile text), and how many more there are.
pub(super) fn names<'n>(all: impl IntoIterator<Item = &'n str>) -> String {
    let mut all = all.into_iter();
    let mut text: Vec<String> = all.by_ref().take(LISTED).map(str::to_owned).collect();
    let more = all.count();
    if more > 0 {
        text.push(format!("{more} more"));
    }
    text.join(", ")
}

/// The listed Organizations of a configuration key, how long the first has had the problem, and which they are.
pub(super) fn members(inputs: &Inputs<'_>, name: &IntegrationName, scene: &Scene<'_>) -> String {
    let first = if scene.members.len() == 1 { "" } else { "the first " };
    let keys = scene.members.iter().map(|id| IntegrationKey::organization(name.clone(), *id));
    format!("{first}{}: {}", lasting(scene), listed(inputs, keys))
}

/// A sentence with exactly one full stop at its end; nothing for nothing.
pub(crate) fn sentence(text: &str) -> String {
    let text = capitalised(text.trim().trim_end_matches('.'));
    if text.is_empty() { String::new() } else { format!(" {text}.") }
}

/// A next step (`snykwatch operator: look at …`) as pages write it: `(snykwatch operator) Look at ….`
pub(super) fn as_on_a_page(step: &str) -> String {
    let Some((who, what)) = step.split_once(": ") else { return step.to_owned() };
    let mut letters = what.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("({who}) {}{}.", first.unwrap_or_default(), letters.as_str())
}

/// Words with which our own messages begin. Anything else may be somebody's name, and stays as it is written.
const BEGINNINGS: &[&str] = &[
    "the",
    "no",
    "none",
    "nothing",
    "nobody",
    "not",
    "profile",
    "workspace",
    "set",
    "first",
    "our",
    "when",
    "whether",
    "an",
    "imported",
];

/// With a capital letter at its beginning, where that is a word of ours.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let is_ours = text.split_whitespace().next().is_some_and(|word| BEGINNINGS.contains(&word));
    match letters.next().filter(|_| is_ours) {
        Some(first) => format!("{}{}", first.to_uppercase(), letters.as_str()),
        None => text.to_owned(),
    }
}
