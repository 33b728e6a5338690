//! The catalogue as a page for people: `docs/diagnosis.md` is made from the scenarios.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use super::narrator::stamp;
use super::player::START;
use super::scenario::{Deed, Expectation, Scenario, Story, Who, all};
use crate::domain::incident::{Rule, Severity};

const INTRODUCTION: &str = "\
# The diagnosis catalogue

What really happens, and what snykwatch says of it. Each row is a scenario that the tests play with the whole daemon
against the sandbox, in scaled time; `snykwatch demo --scenario NAME` plays it for you. The page is made from the
scenarios (`src/demo/scenarios/`): run the tests with `SNYKWATCH_UPDATE_GENERATED=1` after a change.

Times count from the beginning of the scenario. Statuses are the Group's unless an Organization is named; what a
scenario does not watch is not shown. *Incidents* are exactly those that are open at that time. *Pages* is each time that
the pager rings, for what is a warning or worse; an escalation rings again, and nothing else does.
";

/// The page.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str(
        "\n| line | scenario | what really happens | verdict | statuses | incidents | pages |\n|---|---|---|---|---|---|---|\n",
    );
    let start: DateTime<Utc> = START.parse().unwrap_or_default();
    for scenario in all() {
        let story = (scenario.story)(start);
        let line = scenario.line.map_or_else(String::new, |line| line.to_string());
        let Scenario { name, title, verdict, pages, .. } = scenario;
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| {line} | `{name}` | {title} | {verdict} | {} | {} | {} |",
            joined(&moments(&story, statuses)),
            joined(&moments(&story, incidents)),
            rings(pages),
        );
    }
    page
}

fn rings(pages: &[(Rule, Severity)]) -> String {
    let told: Vec<String> = pages.iter().map(|(rule, severity)| format!("{rule} ({severity})")).collect();
    if told.is_empty() { "none".to_owned() } else { told.join("<br>") }
}

/// What `of` finds in each expectation, with its time; what stays the same is told once.
fn moments(story: &Story, of: fn(&Expectation) -> Option<String>) -> Vec<(TimeDelta, String)> {
    let mut moments: Vec<(TimeDelta, String)> = Vec::new();
    for step in &story.steps {
        let Deed::Expect(expectations) = &step.deed else { continue };
        let found: Vec<String> = expectations.iter().filter_map(of).collect();
        if found.is_empty() {
            continue;
        }
        let found = found.join(", ");
        if moments.last().is_none_or(|(_, before)| *before != found) {
            moments.push((step.after, found));
        }
    }
    moments
}

fn joined(moments: &[(TimeDelta, String)]) -> String {
    let shown: Vec<String> =
        moments.iter().map(|(after, what)| format!("{} {what}", stamp(*after).trim_start())).collect();
    shown.join("<br>")
}

fn statuses(expectation: &Expectation) -> Option<String> {
    match expectation {
        Expectation::Status(who, status, reason) => {
            let (status, reason) = (status.as_str(), reason.as_str());
            let why = if reason == "ok" || reason == status { String::new() } else { format!(" / `{reason}`") };
            Some(format!("{}`{status}`{why}", whose(*who)))
        }
        Expectation::KnownBelowUnknown(who, known) => Some(format!("{}`unknown` over `{known}`", whose(*who))),
        _ => None,
    }
}

fn whose(who: Who) -> String {
    match who {
        Who::Group => String::new(),
        Who::Organization(number) => format!("Organization {number}: "),
        Who::EveryOrganization => "every Organization: ".to_owned(),
    }
}

fn incidents(expectation: &Expectation) -> Option<String> {
    match expectation {
        Expectation::NothingEverOpened => Some("none".to_owned()),
        Expectation::Open(open) if open.is_empty() => Some("none".to_owned()),
        Expectation::Open(open) => {
            let open: Vec<String> = open.iter().map(|(rule, _, severity)| format!("{rule} ({severity})")).collect();
            Some(open.join(", "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnosis.md");
        #[expect(clippy::disallowed_methods, reason = "a switch for whoever runs the tests, not configuration")]
        if std::env::var("SNYKWATCH_UPDATE_GENERATED").is_ok() {
            std::fs::write(&path, page()).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == page(), "docs/diagnosis.md is out of date: run the tests with SNYKWATCH_UPDATE_GENERATED=1");
    }
}
