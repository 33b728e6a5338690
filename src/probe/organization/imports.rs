//! Targets and projects, both from complete walks: half of the two would count targets as empty that are not.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::OrganizationScope;
use crate::client::answer::{AnswerMeta, Failure};
use crate::client::snyk::{self, ProjectStatus, RecurringTests};
use crate::domain::evidence::Part;
use crate::domain::facts::{LastTest, OrganizationImports, Project, Target, TestFrequency, normalised_url};
use crate::domain::work::Finding;
use crate::probe::round::Round;
use crate::probe::snyk_session::SnykSession;

/// The clocks of Snyk's own parts may differ so much.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

/// Takes the imports down; returns them for what else they give a reason to ask.
pub(super) async fn run(
    session: &mut SnykSession<'_>,
    scope: &OrganizationScope<'_>,
    round: &mut Round,
) -> Option<Arc<OrganizationImports>> {
    let (organization, types) = (scope.organization.0, scope.words.types());
    let targets = match round.hear(session.api, session.client().targets(organization, &types).await) {
        Ok(walk) => walk.items,
        Err(failure) => {
            session.concede(round, Part::Imports, "list the Organization's targets", &failure).await;
            return None;
        }
    };
    let (projects, told_at) = match round.hear(session.api, session.client().projects(organization, &types).await) {
        // Snyk's instants are measured by Snyk's clock, where it tells it.
        Ok(walk) => (walk.items, walk.meta.date.unwrap_or(walk.complete_at)),
        Err(failure) => {
            session.concede(round, Part::Imports, "list the Organization's projects", &failure).await;
            return None;
        }
    };
    // The filters of the request are asked for, not relied on: another integration's imports prove nothing about ours.
    let is_ours =
        |kind: Option<&String>| kind.is_none_or(|kind| types.iter().any(|one| one.eq_ignore_ascii_case(kind)));
    let targets: Vec<_> = targets.into_iter().filter(|one| is_ours(one.integration_type.as_ref())).collect();
    let projects: Vec<_> = projects.into_iter().filter(|one| is_ours(one.origin.as_ref())).collect();
    if let Some(lost) = lost_field(&targets, &projects) {
        let failure = Failure::of_another_shape(lost, AnswerMeta::default());
        round.fail(session.api, Part::Imports, "list the Organization's projects", &failure);
        return None;
    }
    // Where no project tells its last test, the field is gone, and none of them was never tested.
    let tells_tests = projects.iter().any(|project| project.tested_at.is_some());
    let were_inactive = inactive_before(scope);
    let projects = projects.into_iter().map(|one| {
        let was_active = !were_inactive.contains(one.id.as_str());
        project(one, was_active, told_at, tells_tests)
    });
    let imports = Arc::new(OrganizationImports {
        projects: projects.collect(),
        targets: targets.into_iter().map(target).collect(),
    });
    round.find(Finding::Imports(scope.key.clone(), Arc::clone(&imports)));
    Some(imports)
}

/// The projects that were inactive when they were last told of.
fn inactive_before<'a>(scope: &OrganizationScope<'a>) -> HashSet<&'a str> {
    let known = scope.known.and_then(|known| known.imports.as_ref());
    let projects = known.into_iter().flat_map(|imports| &imports.value.projects);
    projects.filter(|project| !project.active).map(|project| project.id.as_str()).collect()
}

/// What no project carries although every project has it: without it the rest would be read into a wrong verdict.
fn lost_field(targets: &[snyk::Target], projects: &[snyk::Project]) -> Option<&'static str> {
    if projects.is_empty() {
        None
    } else if targets.is_empty() {
        Some("projects of targets that are not listed")
    } else if projects.iter().all(|project| project.target_id.is_none()) {
        Some("projects without their target")
    } else {
        None
    }
}

fn target(target: snyk::Target) -> Target {
    Target {
        name: target.display_name.unwrap_or_else(|| target.id.clone()),
        url: target.url.as_deref().and_then(normalised_url),
        created_at: target.created_at,
        id: target.id,
    }
}

/// One project as told at `told_at`. A test that lies ahead of that is no test.
fn project(project: snyk::Project, was_active: bool, told_at: DateTime<Utc>, tells_tests: bool) -> Project {
    Project {
        id: project.id,
        target: project.target_id,
        // Only an explicit word changes it: a renamed field must not make a fleet look switched off, nor a fleet that is
        // switched off look well.
        active: project.status.map_or(was_active, |status| status == ProjectStatus::Active),
        frequency: match project.recurring_tests {
            Some(RecurringTests::Daily) => TestFrequency::Daily,
            Some(RecurringTests::Weekly) => TestFrequency::Weekly,
            Some(RecurringTests::Never) => TestFrequency::Never,
            _ => TestFrequency::Untold,
        },
        pull_request_checks: project.tests_pull_requests,
        created_at: project.created,
        last_test: match project.tested_at {
            Some(at) if at <= told_at + CLOCKS_DIFFER => LastTest::At(at),
            None if project.has_issue_counts && tells_tests => LastTest::Never,
            Some(_) | None => LastTest::Untold,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_lies_ahead_is_not_told() {
        let told_at: DateTime<Utc> = "2026-11-23T09:00:00Z".parse().unwrap();
        let check = |ahead: Option<i64>, has_issue_counts: bool, expected: LastTest| {
            let told = snyk::Project {
                id: "p1".to_owned(),
                name: None,
                origin: None,
                status: None,
                created: None,
                recurring_tests: Some(RecurringTests::Daily),
                tests_pull_requests: None,
                tested_at: ahead.map(|minutes| told_at + TimeDelta::minutes(minutes)),
                has_issue_counts,
                target_id: None,
            };
            assert_eq!(project(told, true, told_at, true).last_test, expected, "{ahead:?}");
        };
        check(Some(-60), true, LastTest::At(told_at - TimeDelta::minutes(60)));
        check(Some(5), true, LastTest::At(told_at + TimeDelta::minutes(5)));
        check(Some(6), true, LastTest::Untold);
        check(Some(40 * 60), true, LastTest::Untold);
        check(None, true, LastTest::Never);
        check(None, false, LastTest::Untold);
    }
}
