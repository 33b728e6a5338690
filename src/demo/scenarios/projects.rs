//! What becomes of an Organization's integration, its imports and its tests.

use super::prelude::*;
use crate::demo::scenario::{
    Cadences, Expectation as E,
    Who::{EveryOrganization, Group, Organization},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::Tests;

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "organization-integration-deleted",
            line: Some(16),
            title: "an Org Admin deletes the Organization's integration",
            verdict: "not_configured; one incident after an hour lists the Organization",
            pages: &[(Rule::OrganizationIntegrationMissing, Severity::Warning)],
            story: organization_integration_deleted,
        },
        Scenario {
            name: "organization-credentials-removed",
            line: Some(16),
            title: "an Org Admin removes the credentials of the Organization's integration",
            verdict: "connection_failed / disconnected",
            pages: &[(Rule::ConnectionFailed, Severity::Critical)],
            story: organization_credentials_removed,
        },
        Scenario {
            name: "organization-via-app",
            line: Some(16),
            title: "an Org Admin replaces the PAT by the Bitbucket Cloud App",
            verdict: "present, via the app; connected",
            pages: &[],
            story: organization_via_app,
        },
        Scenario {
            name: "required-organization-without-integration",
            line: Some(16),
            title: "an Organization that must have the integration never had it",
            verdict: "not_configured; told after an hour, because the operator demands it",
            pages: &[(Rule::OrganizationIntegrationMissing, Severity::Warning)],
            story: required_organization_without_integration,
        },
        Scenario {
            name: "problems-of-first-sight",
            line: Some(17),
            title: "when snykwatch comes, three of ten Organizations have not been tested for a week",
            verdict: "one Baseline for the record; a new problem is told",
            pages: &[],
            story: problems_of_first_sight,
        },
        Scenario {
            name: "docs-only-repositories",
            line: Some(17),
            title: "two of twenty imported repositories hold documents only",
            verdict: "normal: connected",
            pages: &[],
            story: docs_only_repositories,
        },
        Scenario {
            name: "imports-without-projects",
            line: Some(17),
            title: "eight of ten imports of a new Organization bring no project",
            verdict: "partially_connected / some_imports_failed with the count; told after a day",
            pages: &[],
            story: imports_without_projects,
        },
        Scenario {
            name: "daily-tests-stop",
            line: Some(17),
            title: "the daily tests of an Organization silently stop",
            verdict: "stalled / tests_stale with the count",
            pages: &[(Rule::TestsStale, Severity::Warning)],
            story: daily_tests_stop,
        },
        Scenario {
            name: "projects-deactivated",
            line: Some(17),
            title: "eight of ten projects become inactive",
            verdict: "stalled / projects_inactive with the count",
            pages: &[],
            story: projects_deactivated,
        },
    ]
}

fn organization_integration_deleted(start: DateTime<Utc>) -> Story {
    let missing = || only(Rule::OrganizationIntegrationMissing, ORGANIZATIONS, Severity::Warning);
    let absent = || E::Status(Organization(1), Status::NotConfigured, Reason::IntegrationAbsent);
    settled_organizations(start, 20, 2)
        .expect(minutes(50), [connected(EveryOrganization), quiet()])
        .change(hours(1), "the integration of Organization 1 is deleted", |world| {
            world.delete_organization_integrations("acme-team-001");
        })
        .expect(
            clock(3, 30),
            [
                connected(Group),
                connected(Organization(0)),
                absent(),
                E::Condition(Organization(1), Condition::IntegrationPresent, Truth::False, Reason::IntegrationAbsent),
                missing(),
                E::Affects(Rule::OrganizationIntegrationMissing, 1),
                E::IncidentSays(Rule::OrganizationIntegrationMissing, "connect the Git host again"),
            ],
        )
        .expect(hours(12), [absent(), missing()])
        .change(hours(13), "it is set up again, and its projects are activated", |world| {
            world.save_at_organization("acme-team-001", crate::sandbox::world::ACME_CREDENTIAL);
            world.activate_projects("acme-team-001");
        })
        .expect(hours(15), [connected(EveryOrganization), quiet()])
}

fn organization_credentials_removed(start: DateTime<Utc>) -> Story {
    let failed = || only(Rule::ConnectionFailed, ORGANIZATIONS, Severity::Critical);
    let disconnected = || E::Status(Organization(1), Status::ConnectionFailed, Reason::Disconnected);
    settled_organizations(start, 20, 2)
        .expect(minutes(50), [connected(EveryOrganization), quiet()])
        .change(hours(1), "the credentials of Organization 1 are removed", |world| {
            world.remove_organization_credentials("acme-team-001");
        })
        .expect(
            clock(3, 30),
            [
                connected(Group),
                connected(Organization(0)),
                disconnected(),
                failed(),
                E::Affects(Rule::ConnectionFailed, 1),
                E::IncidentSays(Rule::ConnectionFailed, "save the credentials"),
            ],
        )
        .expect(hours(12), [disconnected(), failed()])
        .change(hours(13), "they are saved again, and the projects are activated", |world| {
            world.save_at_organization("acme-team-001", crate::sandbox::world::ACME_CREDENTIAL);
            world.activate_projects("acme-team-001");
        })
        .expect(hours(15), [connected(EveryOrganization), quiet()])
}

fn organization_via_app(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 2)
        .change(hours(1), "Organization 1 connects through the app", |world| world.connect_app("acme-team-001"))
        .expect(
            hours(5),
            [
                connected(Group),
                connected(EveryOrganization),
                E::Condition(Organization(1), Condition::IntegrationPresent, Truth::True, Reason::ViaApp),
                E::NothingEverOpened,
            ],
        )
}

fn docs_only_repositories(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 20, 1);
    story.world.empty_targets("acme-team-000", 2);
    story.setup(|setup| setup.pace = Cadences::Hourly).expect(
        hours(30),
        [
            connected(EveryOrganization),
            E::Says(EveryOrganization, "20 imported repositories, 2 without a project"),
            E::NothingEverOpened,
        ],
    )
}

fn imports_without_projects(start: DateTime<Utc>) -> Story {
    let partial = || E::Status(Organization(1), Status::PartiallyConnected, Reason::SomeImportsFailed);
    settled_organizations(start, 20, 1)
        .setup(|setup| setup.pace = Cadences::Hourly)
        .change(hours(1), "a new Organization imports ten repositories; eight of them fail", |world| {
            let Some(group) = world.snyk.groups.first().map(|group| group.id) else { return };
            world.add_organization(group, "acme-late");
            for number in 0..10 {
                world.import_repository("acme-late", &format!("service-{number:03}"));
            }
            world.empty_targets("acme-late", 8);
        })
        .expect(hours(20), [connected(EveryOrganization), E::Organizations(2), quiet()])
        .expect(
            hours(30),
            [
                connected(Organization(0)),
                partial(),
                E::Says(Organization(1), "8 of 10 imported repositories have no project"),
                quiet(),
            ],
        )
        .expect(
            hours(54),
            [
                partial(),
                only(Rule::ImportsIncomplete, ORGANIZATIONS, Severity::Info),
                E::IncidentSays(Rule::ImportsIncomplete, "8 of 10"),
                E::IncidentSays(Rule::ImportsIncomplete, "import log"),
            ],
        )
}

fn daily_tests_stop(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 2)
        .setup(|setup| setup.pace = Cadences::Hourly)
        .change(hours(1), "the daily tests of Organization 1 stop", |world| {
            world.set_tests("acme-team-001", Tests::Stopped);
        })
        .expect(hours(40), [connected(EveryOrganization), quiet()])
        .expect(
            hours(46),
            [
                connected(Group),
                connected(Organization(0)),
                E::Status(Organization(1), Status::Stalled, Reason::TestsStale),
                E::Says(Organization(1), "0 of 10 scheduled projects"),
                only(Rule::TestsStale, ORGANIZATIONS, Severity::Warning),
                E::Affects(Rule::TestsStale, 1),
                E::IncidentSays(Rule::TestsStale, "Test one late project"),
            ],
        )
        .change(hours(47), "they run again", |world| world.set_tests("acme-team-001", Tests::Running))
        .expect(hours(68), [connected(EveryOrganization), quiet()])
}

fn projects_deactivated(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 2)
        .setup(|setup| setup.pace = Cadences::Hourly)
        .expect(minutes(50), [connected(EveryOrganization), quiet()])
        .change(hours(1), "eight of ten projects of Organization 1 become inactive", |world| {
            world.deactivate_projects("acme-team-001", 8);
        })
        .expect(
            hours(4),
            [
                connected(Group),
                connected(Organization(0)),
                E::Status(Organization(1), Status::Stalled, Reason::ProjectsInactive),
                E::Says(Organization(1), "8 of 10 projects are inactive"),
                quiet(),
            ],
        )
        .expect(
            hours(30),
            [
                E::Status(Organization(1), Status::Stalled, Reason::ProjectsInactive),
                only(Rule::ProjectsInactive, ORGANIZATIONS, Severity::Info),
                E::IncidentSays(Rule::ProjectsInactive, "inactive"),
            ],
        )
        .change(hours(31), "they are activated again", |world| {
            world.activate_projects("acme-team-001");
        })
        .expect(hours(33), [connected(EveryOrganization), quiet()])
}

fn required_organization_without_integration(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 20, 2);
    if let Some(group) = story.world.snyk.groups.first().map(|group| group.id) {
        story.world.add_organization(group, "acme-new");
        story.world.delete_organization_integrations("acme-new");
    }
    story
        .setup(|setup| setup.require = vec!["acme new".to_owned()])
        .expect(minutes(50), [connected(Organization(0)), connected(Organization(1)), quiet()])
        .expect(
            hours(3),
            [
                connected(Organization(0)),
                E::Status(Organization(2), Status::NotConfigured, Reason::IntegrationAbsent),
                only(Rule::OrganizationIntegrationMissing, ORGANIZATIONS, Severity::Warning),
                E::Affects(Rule::OrganizationIntegrationMissing, 1),
            ],
        )
}

fn problems_of_first_sight(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 30, 10);
    for slug in ["acme-team-001", "acme-team-004", "acme-team-007"] {
        story.world.set_tests(slug, Tests::Stopped);
    }
    let stale = |number| E::Status(Organization(number), Status::Stalled, Reason::TestsStale);
    let baseline = (Rule::Baseline, ORGANIZATIONS, Severity::Info);
    story
        .expect(
            hours(4),
            [
                connected(Organization(0)),
                stale(1),
                stale(4),
                stale(7),
                E::Open(vec![baseline]),
                E::Affects(Rule::Baseline, 3),
                E::IncidentSays(Rule::Baseline, "TestsStale 3"),
            ],
        )
        .change(hours(5), "most projects of Organization 2 become inactive", |world| {
            world.deactivate_projects("acme-team-002", 3);
        })
        .expect(
            hours(8),
            [E::Status(Organization(2), Status::Stalled, Reason::ProjectsInactive), E::Open(vec![baseline])],
        )
        .expect(
            hours(30),
            [
                E::Open(vec![baseline, (Rule::ProjectsInactive, ORGANIZATIONS, Severity::Info)]),
                E::Affects(Rule::ProjectsInactive, 1),
            ],
        )
}
