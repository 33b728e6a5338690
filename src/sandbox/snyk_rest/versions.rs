//! Snyk's dated versions: which release of an endpoint serves a requested date, and the headers that tell.

use serde_json::{Value, json};

use crate::sandbox::answer::Answer;
use crate::sandbox::world::Lifecycle;

/// The release of an endpoint that serves a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Release {
    date: &'static str,
    stage: &'static str,
}

/// The release that serves `requested`; none when the endpoint does not exist in that version.
pub(super) fn release_of(path: &[&str], requested: &str) -> Option<Release> {
    let release = |date, stage| Release { date, stage };
    let release = match path {
        ["self"] => release("2024-04-22", "ga"),
        ["self", "personal_access_tokens"] => release("2024-03-19", "ga"),
        ["groups"] | ["groups", _] => release("2023-01-30", "beta"),
        ["groups", _, "orgs"] | ["orgs"] => release("2024-02-28", "ga"),
        ["groups" | "orgs", _, "service_accounts", ..] => release("2023-09-07", "ga"),
        ["groups" | "orgs", _, "audit_logs", "search"] => release("2024-04-29", "ga"),
        ["groups", _, "assets", "search"] if requested < "2025-09-28" => release("2024-10-15", "beta"),
        ["groups", _, "assets", "search"] | ["groups", _, "assets", "repository", "aliases"] => {
            release("2025-09-28", "beta")
        }
        ["groups", _, "inventory", "assets", ..] | ["orgs", _, "integrations", ..] => release("2024-10-15", "beta"),
        ["orgs", _] => release("2023-05-29", "ga"),
        ["orgs", _, "targets", ..] => release("2024-02-21", "ga"),
        ["orgs", _, "projects", ..] => release("2024-05-31", "ga"),
        _ => return None,
    };
    let day = requested.get(..10).unwrap_or_default();
    (day >= release.date).then_some(release)
}

/// Whether this is a version at all: a date, perhaps with a stability.
pub(super) fn is_version(text: &str) -> bool {
    let (date, stability) = text.split_once('~').map_or((text, None), |(date, stability)| (date, Some(stability)));
    date.parse::<chrono::NaiveDate>().is_ok()
        && date.len() == 10
        && stability.is_none_or(|stability| ["wip", "work-in-progress", "experimental", "beta"].contains(&stability))
}

/// The versions that exist, as `/rest/openapi` lists them.
pub(super) fn listing() -> Value {
    json!(["2024-10-15", "2024-10-15~beta", "2025-11-05", "2025-11-05~beta", "2026-03-25", "2026-03-25~beta"])
}

impl Release {
    pub(super) fn stamp(self, answer: Answer, announced: Option<&Lifecycle>) -> Answer {
        let served = if self.stage == "ga" { self.date.to_owned() } else { format!("{}~{}", self.date, self.stage) };
        let stage = announced.map_or(self.stage, |lifecycle| lifecycle.stage.as_str());
        let mut answer =
            answer.with_header("snyk-version-served", served).with_header("snyk-version-lifecycle-stage", stage);
        if let Some(at) = announced.and_then(|lifecycle| lifecycle.deprecation) {
            answer = answer.with_header("deprecation", at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        }
        if let Some(day) = announced.and_then(|lifecycle| lifecycle.sunset) {
            answer = answer.with_header("sunset", day.to_string());
        }
        answer
    }
}
