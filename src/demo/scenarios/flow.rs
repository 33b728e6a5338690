//! The flow of tests in Organizations, and what comes and goes around it.

use super::prelude::*;
use crate::demo::scenario::{
    Cadences, Expectation as E,
    Who::{EveryOrganization, Group, Organization},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{ACME_CREDENTIAL, PullRequestChecks, RecurringTests, TestTimes};

pub(super) fn all() -> Vec<Scenario> {
    let unscheduled: &[_] = &[(Rule::TestsUnscheduled, Severity::Warning)];
    vec![
        Scenario {
            name: "all-projects-inactive",
            line: Some(36),
            title: "when snykwatch comes, every project of one Organization of two is inactive",
            verdict: "stalled / projects_inactive, part of the Baseline",
            pages: &[],
            story: all_projects_inactive,
        },
        Scenario {
            name: "integration-with-inactive-projects-saved",
            line: Some(42),
            title: "the integration of an Organization most of whose projects were always inactive is saved",
            verdict: "no disconnected: nothing changes",
            pages: &[],
            story: integration_with_inactive_projects_saved,
        },
        Scenario {
            name: "organization-deleted",
            line: Some(45),
            title: "one of five Organizations is deleted",
            verdict: "gone, and nobody is paged",
            pages: &[],
            story: organization_deleted,
        },
        Scenario {
            name: "required-organization-mistyped",
            line: Some(45),
            title: "`require` names an Organization that does not exist",
            verdict: "OrganizationNotFound",
            pages: &[(Rule::OrganizationNotFound, Severity::Warning)],
            story: required_organization_mistyped,
        },
        Scenario {
            name: "all-organizations-hidden",
            line: Some(47),
            title: "our Snyk token loses sight of all three Organizations",
            verdict: "OrganizationsVanished; they are unknown and not gone",
            pages: &[(Rule::OrganizationsVanished, Severity::Warning)],
            story: all_organizations_hidden,
        },
        Scenario {
            name: "dead-projects-everywhere",
            line: Some(57),
            title: "one project in twenty was dead before snykwatch came",
            verdict: "orphans: listed, connected, nobody is paged",
            pages: &[],
            story: dead_projects_everywhere,
        },
        Scenario {
            name: "clone-of-a-template",
            line: Some(59),
            title: "an Organization is cloned from a template and imports nothing",
            verdict: "nothing_to_watch, nobody is paged",
            pages: &[],
            story: clone_of_a_template,
        },
        Scenario {
            name: "daily-tests-set-to-never",
            line: Some(61),
            title: "half of the projects of an Organization are set to be tested never",
            verdict: "stalled / tests_unscheduled",
            pages: unscheduled,
            story: daily_tests_set_to_never,
        },
        Scenario {
            name: "pull-request-checks-switched-off",
            line: Some(61),
            title: "an Org Admin switches the pull request checks of the integration off",
            verdict: "stalled / tests_unscheduled",
            pages: unscheduled,
            story: pull_request_checks_switched_off,
        },
        Scenario {
            name: "some-tests-untold",
            line: Some(36),
            title: "Snyk does not tell of some projects when they were tested",
            verdict: "counted apart, not late: connected",
            pages: &[],
            story: some_tests_untold,
        },
    ]
}

fn all_projects_inactive(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 20, 2);
    story.world.deactivate_share("acme-team-001", 1.0);
    story.expect(
        hours(3),
        [
            connected(Organization(0)),
            E::Status(Organization(1), Status::Stalled, Reason::ProjectsInactive),
            only(Rule::Baseline, ORGANIZATIONS, Severity::Info),
        ],
    )
}

fn integration_with_inactive_projects_saved(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 20, 2);
    story.world.deactivate_share("acme-team-001", 0.8);
    story
        .expect(hours(3), [connected(Organization(1)), quiet()])
        .change(hours(4), "somebody saves the integration", |world| {
            world.save_at_organization("acme-team-001", ACME_CREDENTIAL);
        })
        .expect(hours(7), [connected(Organization(1)), E::NeverOpened(Rule::ConnectionFailed), quiet()])
}

fn organization_deleted(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 5)
        .expect(minutes(50), [connected(EveryOrganization), E::Organizations(5), quiet()])
        .change(hours(1), "an Organization is deleted", |world| world.delete_organization("acme-team-004"))
        .expect(hours(5), [connected(Group), E::Organizations(4), E::NothingEverOpened])
}

fn required_organization_mistyped(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 2).setup(|setup| setup.require = vec!["acme-teem-000".to_owned()]).expect(
        hours(3),
        [
            connected(Organization(0)),
            only(Rule::OrganizationNotFound, ORGANIZATIONS, Severity::Warning),
            E::IncidentSays(Rule::OrganizationNotFound, "acme-teem-000"),
        ],
    )
}

fn all_organizations_hidden(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 21, 3)
        .expect(minutes(50), [connected(EveryOrganization), E::Organizations(3), quiet()])
        .change(hours(1), "our Snyk token loses sight of the Organizations", |world| {
            for number in 0..3 {
                world.hide_organization(crate::sandbox::world::ACME_SNYK_TOKEN, &format!("acme-team-{number:03}"));
            }
        })
        .expect(
            hours(4),
            [
                connected(Group),
                E::Status(EveryOrganization, Status::Unknown, Reason::OrganizationsVanished),
                E::Organizations(3),
                only(Rule::OrganizationsVanished, ORGANIZATIONS, Severity::Warning),
            ],
        )
}

fn dead_projects_everywhere(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 80, 2);
    story.world.let_projects_die(0.05, None);
    story
        .setup(|setup| setup.pace = Cadences::Hourly)
        .expect(hours(4), [connected(EveryOrganization), E::PagesSoFar(0)])
        .expect(days(5), [connected(EveryOrganization), E::NeverOpened(Rule::TestsStale), quiet(), E::PagesSoFar(0)])
}

fn clone_of_a_template(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 2)
        .expect(minutes(50), [connected(EveryOrganization), quiet()])
        .change(hours(1), "an Organization is cloned from another", |world| {
            world.clone_organization("acme-team-000", "acme-clone");
        })
        .expect(
            hours(5),
            [
                connected(Organization(0)),
                E::Status(Organization(2), Status::NothingToWatch, Reason::Unused),
                E::NothingEverOpened,
            ],
        )
}

fn unscheduled() -> E {
    only(Rule::TestsUnscheduled, ORGANIZATIONS, Severity::Warning)
}

fn daily_tests_set_to_never(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 2)
        .expect(hours(2), [connected(EveryOrganization), quiet()])
        .change(hours(3), "half of the projects are set to never", |world| {
            world.set_frequency("acme-team-001", 0.5, RecurringTests::Never);
        })
        .expect(
            hours(7),
            [
                connected(Organization(0)),
                E::Status(Organization(1), Status::Stalled, Reason::TestsUnscheduled),
                E::Condition(Organization(1), Condition::TestsCurrent, Truth::False, Reason::TestsUnscheduled),
                unscheduled(),
            ],
        )
        .accept(hours(8), Rule::TestsUnscheduled, ORGANIZATIONS)
        .expect(hours(10), [connected(EveryOrganization), quiet(), E::PagerQuiet])
}

fn pull_request_checks_switched_off(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 2)
        .expect(hours(2), [connected(EveryOrganization), quiet()])
        .change(hours(3), "the pull request checks are switched off", |world| {
            world.set_pull_request_checks("acme-team-001", "bitbucket-cloud", PullRequestChecks::Off);
        })
        .expect(hours(18), [E::Status(Organization(1), Status::Stalled, Reason::TestsUnscheduled), unscheduled()])
}

fn some_tests_untold(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 20, 1);
    story.world.set_test_times("acme-team-000", 0.1, TestTimes::WithoutMeta);
    story.expect(hours(4), [connected(EveryOrganization), E::NothingEverOpened])
}
