//! Words for people: spans, instants, counts. UTC, since whoever reads it may sit anywhere.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::candidate::Scene;
use crate::domain::kinds::Level;
use crate::domain::names::{IntegrationKey, OrganizationId};

/// As many ids as a person can take in; the status page has them all.
const LISTED: usize = 5;

/// A span in its largest sensible unit: `35 min`, `14 h`, `3 d`.
pub(super) fn span(span: TimeDelta) -> String {
    let minutes = span.num_minutes().max(0);
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

/// An instant to the minute.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// `14 h (since 2026-11-22 19:05 UTC)`.
pub(super) fn duration(scene: &Scene<'_>) -> String {
    format!("{} (since {})", span(scene.now - scene.since), instant(scene.since))
}

/// `1 Organization`, `50 Organizations`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `1 Group integration and 50 Organizations`.
pub(super) fn blast_radius(affected: &BTreeSet<IntegrationKey>) -> String {
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

/// The first few ids, and how many more there are.
pub(super) fn listed(organizations: &[OrganizationId]) -> String {
    let mut text: Vec<_> = organizations.iter().take(LISTED).map(ToString::to_string).collect();
    if let Some(more) = organizations.len().checked_sub(LISTED).filter(|more| *more > 0) {
        text.push(format!("{more} more"));
    }
    text.join(", ")
}

/// A sentence with exactly one full stop at its end; nothing for nothing.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    if text.is_empty() { String::new() } else { format!(" {text}.") }
}
