//! The diagnosis catalogue as data: what really happens, and what the daemon must say of it.
//!
//! One file for each family of causes. A scenario names the line of the catalogue that it plays; a line has a scenario
//! for each situation in it. Expectations are about verdicts, causes and next steps, not about wording: a text that is
//! looked for is the fact that a person needs.

mod access;
mod apis;
mod credentials;
mod outages;
mod projects;
mod repositories;
mod rotations;
mod setup;
mod snyk_tokens;
mod story;
mod sync;
mod webhooks;

use chrono::{DateTime, TimeDelta, Utc};

use super::scenario::{Expectation, Scenario, Setup, Story, Who};
use crate::domain::condition::Reason;
use crate::domain::incident::{Rule, Severity};
use crate::domain::status::Status;
use crate::sandbox::world::World;

/// Every scenario: the story first, then by line of the catalogue.
pub(super) fn all() -> Vec<Scenario> {
    let mut all = [
        story::all(),
        setup::all(),
        credentials::all(),
        access::all(),
        rotations::all(),
        sync::all(),
        repositories::all(),
        projects::all(),
        webhooks::all(),
        snyk_tokens::all(),
        outages::all(),
        apis::all(),
    ]
    .concat();
    all.sort_by_key(|scenario| scenario.line);
    all
}

/// The subject of incidents about the PAT.
const PAT: &str = "credential/bitbucket-acme";
/// The subject of incidents about our Snyk token.
const SNYK_TOKEN: &str = "credential/acme-sandbox";
/// The subject of incidents about the Group's integration.
const GROUP: &str = "integration/acme-bitbucket";
/// The subject of incidents that list Organizations.
const ORGANIZATIONS: &str = "organizations/acme-bitbucket";
/// The subject of incidents about the workspace.
const WORKSPACE: &str = "workspace/acme-bitbucket/acme";
/// The subject of incidents about Snyk's API.
const SNYK_API: &str = "api/snyk/acme-sandbox";
/// The subject of incidents about Bitbucket's API.
const BITBUCKET_API: &str = "api/bitbucket-cloud/bitbucket-acme";

/// How old a settled installation is when the daemon first sees it.
const SETTLED: TimeDelta = TimeDelta::days(10);

const fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

const fn hours(count: i64) -> TimeDelta {
    TimeDelta::hours(count)
}

const fn days(count: i64) -> TimeDelta {
    TimeDelta::days(count)
}

/// Hours and minutes, as on a clock.
const fn clock(hours: i64, minutes: i64) -> TimeDelta {
    TimeDelta::minutes(hours * 60 + minutes)
}

/// An installation that has worked for ten days: the workspace `acme` with so many repositories, all in the Inventory.
fn settled(start: DateTime<Utc>, repositories: usize) -> Story {
    let began = start - SETTLED;
    Story::new(World::acme(began).with_repositories(repositories), Some(began))
}

/// The same with so many Organizations, among which the repositories are shared out, all watched.
fn settled_organizations(start: DateTime<Utc>, repositories: usize, organizations: usize) -> Story {
    let began = start - SETTLED;
    let world = World::acme(began).with_repositories(repositories).with_organizations(organizations);
    Story::new(world, Some(began)).setup(watch_organizations)
}

fn watch_organizations(setup: &mut Setup) {
    setup.organizations = true;
}

fn connected(who: Who) -> Expectation {
    Expectation::Status(who, Status::Connected, Reason::Ok)
}

/// Nothing is open.
fn quiet() -> Expectation {
    Expectation::Open(Vec::new())
}

/// Exactly this incident is open.
fn only(rule: Rule, subject: &'static str, severity: Severity) -> Expectation {
    Expectation::Open(vec![(rule, subject, severity)])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::scenario::Deed;
    use super::*;

    fn start() -> DateTime<Utc> {
        super::super::player::START.parse().unwrap()
    }

    #[test]
    fn names_are_kebab_case_and_each_is_there_once() {
        let names: Vec<&str> = all().iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let is_plain = |name: &&str| {
            name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
        };
        assert!(names.iter().all(is_plain), "{names:?}");
    }

    #[test]
    fn steps_are_in_order_and_end_with_an_expectation() {
        for scenario in all() {
            let story = (scenario.story)(start());
            assert!(story.steps.is_sorted_by_key(|step| step.after), "{}", scenario.name);
            assert!(matches!(story.steps.last().unwrap().deed, Deed::Expect(_)), "{}", scenario.name);
        }
    }

    #[test]
    fn every_line_says_its_status_and_its_incidents() {
        for scenario in all() {
            let story = (scenario.story)(start());
            let expectations = story.steps.iter().filter_map(|step| match &step.deed {
                Deed::Expect(expectations) => Some(expectations),
                _ => None,
            });
            let expectations: Vec<_> = expectations.flatten().collect();
            let says_status = |expectation: &&Expectation| {
                matches!(expectation, Expectation::Status(..) | Expectation::KnownBelowUnknown(..))
            };
            let says_incidents = |expectation: &&Expectation| {
                matches!(expectation, Expectation::Open(_) | Expectation::NothingEverOpened)
            };
            assert!(expectations.iter().copied().any(|e| says_status(&e)), "{}", scenario.name);
            assert!(expectations.iter().copied().any(|e| says_incidents(&e)), "{}", scenario.name);
        }
    }
}
