//! The diagnosis catalogue as data: what really happens, and what the daemon must say of it.
//!
//! One file for each family of causes. A scenario names the line of the catalogue that it plays; a line has a scenario
//! for each situation in it. Expectations are about verdicts, causes and next steps, not about wording: a text that is
//! looked for is the fact that a person needs.

mod access;
mod apis;
mod audit_log;
mod blindness;
mod copies;
mod coverage;
mod credentials;
mod downtime;
mod false_words;
mod flow;
mod laggards;
mod losses;
mod outages;
mod prelude;
mod profiles;
mod projects;
mod repositories;
mod rights;
mod rotations;
mod setup;
mod snyk_tokens;
mod story;
mod strangers;
mod sync;
mod told_once;
mod webhooks;

use super::scenario::Scenario;

/// Every scenario: the story first, then by line of the catalogue.
pub(super) fn all() -> Vec<Scenario> {
    let mut all = [
        story::all(),
        setup::all(),
        credentials::all(),
        copies::all(),
        access::all(),
        rotations::all(),
        sync::all(),
        repositories::all(),
        projects::all(),
        webhooks::all(),
        snyk_tokens::all(),
        outages::all(),
        apis::all(),
        losses::all(),
        blindness::all(),
        flow::all(),
        downtime::all(),
        rights::all(),
        profiles::all(),
        laggards::all(),
        coverage::all(),
        audit_log::all(),
        strangers::all(),
        false_words::all(),
        told_once::all(),
    ]
    .concat();
    all.sort_by_key(|scenario| scenario.line);
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::scenario::{Deed, Expectation};
    use super::*;

    fn start() -> chrono::DateTime<chrono::Utc> {
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
