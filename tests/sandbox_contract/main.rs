//! The sandbox's answers against the vendors' own API descriptions.
//!
//! Every endpoint of the sandbox is called, in its good and its bad moods, and each answer must be one that the
//! description allows: status, content type, body, headers. Where a description is wrong, [`DEVIATIONS`] says so, one
//! line each with its reason; a line that nothing needs any more fails the test.
//!
//! The descriptions are not part of the project. `SNYKWATCH_SPECS` names their folder, `../shared/specs` beside the
//! project is tried otherwise; without it the test says that it was skipped.

#[cfg(test)]
mod descriptions;
#[cfg(test)]
mod deviations;
#[cfg(test)]
mod moods;
#[cfg(test)]
mod walk;

use chrono::{DateTime, TimeDelta, Utc};
use descriptions::Descriptions;
use deviations::{Change, DEVIATIONS, Deviation};
use snykwatch::clock::{Clock, Pace};
use snykwatch::sandbox::Sandbox;
use snykwatch::sandbox::world::{Availability, IssueTracker, SnykTokenKind, World};
use walk::{Recorded, walk};

#[cfg(test)]
fn now() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn every_answer_is_one_that_the_descriptions_allow() {
    let Some(folder) = descriptions::folder() else {
        println!("skipped: no API descriptions (set SNYKWATCH_SPECS)");
        return;
    };
    let mut world = World::acme(now() - TimeDelta::days(30)).with_organizations(12).with_backstage();
    world.add_snyk_token("someone", SnykTokenKind::PersonalAccessToken);
    world.snyk.rest_integrations = Availability::Present;
    world.bitbucket.issue_tracker = IssueTracker::On;
    let sandbox = Sandbox::start(Clock::scaled(now(), Pace::Immediate), world).await.unwrap();
    let answers = walk(&sandbox).await;
    assert!(answers.len() > 110, "the walk is complete: {}", answers.len());

    let problems = check(&folder, &answers, &DEVIATIONS.iter().collect::<Vec<_>>());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));

    for (index, deviation) in DEVIATIONS.iter().enumerate() {
        let others: Vec<&Deviation> = DEVIATIONS
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .map(|(_, deviation)| deviation)
            .collect();
        let concerned: Vec<Recorded> =
            answers.iter().filter(|answer| answer.description == deviation.description).cloned().collect();
        let needed = !check(&folder, &concerned, &others).is_empty();
        assert!(needed, "nothing needs this deviation any more: {} ({})", deviation.name, deviation.reason);
    }
}

#[cfg(test)]
fn check(folder: &std::path::Path, answers: &[Recorded], deviations: &[&Deviation]) -> Vec<String> {
    let mut descriptions = Descriptions::read(folder);
    for deviation in deviations {
        if let Change::Replace { pointer, with } = deviation.change {
            descriptions.replace(deviation.description, pointer, with);
        }
    }
    answers.iter().filter_map(|answer| descriptions.problem(answer, deviations)).collect()
}
