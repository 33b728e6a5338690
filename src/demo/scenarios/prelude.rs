//! What the scenarios are written with.

pub(super) use chrono::{DateTime, TimeDelta, Utc};

pub(super) use crate::demo::scenario::{Expectation, Scenario, Setup, Story, Who};
pub(super) use crate::domain::condition::Reason;
pub(super) use crate::domain::incident::{Rule, Severity};
pub(super) use crate::domain::status::Status;
pub(super) use crate::sandbox::world::World;

/// The subject of incidents about the PAT.
pub(super) const PAT: &str = "credential/bitbucket-acme";
/// The subject of incidents about our Snyk token.
pub(super) const SNYK_TOKEN: &str = "credential/acme-sandbox";
/// The subject of incidents about the Group's integration.
pub(super) const GROUP: &str = "integration/acme-bitbucket";
/// The subject of incidents that list Organizations.
pub(super) const ORGANIZATIONS: &str = "organizations/acme-bitbucket";
/// The subject of incidents about the workspace.
pub(super) const WORKSPACE: &str = "namespace/acme-bitbucket/acme";
/// The subject of incidents about Snyk's API.
pub(super) const SNYK_API: &str = "api/snyk/acme-sandbox";
/// The subject of incidents about Bitbucket's API.
pub(super) const BITBUCKET_API: &str = "api/bitbucket-cloud/bitbucket-acme";

/// How old a settled installation is when the daemon first sees it.
pub(super) const SETTLED: TimeDelta = TimeDelta::days(10);

pub(super) const fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

pub(super) const fn hours(count: i64) -> TimeDelta {
    TimeDelta::hours(count)
}

pub(super) const fn days(count: i64) -> TimeDelta {
    TimeDelta::days(count)
}

/// Hours and minutes, as on a clock.
pub(super) const fn clock(hours: i64, minutes: i64) -> TimeDelta {
    TimeDelta::minutes(hours * 60 + minutes)
}

/// An installation that has worked for ten days: the workspace `acme` with so many repositories, all in the Inventory.
pub(super) fn settled(start: DateTime<Utc>, repositories: usize) -> Story {
    let began = start - SETTLED;
    Story::new(World::acme(began).with_repositories(repositories), Some(began))
}

/// The same with so many Organizations, among which the repositories are shared out, all watched.
pub(super) fn settled_organizations(start: DateTime<Utc>, repositories: usize, organizations: usize) -> Story {
    let began = start - SETTLED;
    let world = World::acme(began).with_repositories(repositories).with_organizations(organizations);
    Story::new(world, Some(began)).setup(watch_organizations)
}

pub(super) fn watch_organizations(setup: &mut Setup) {
    setup.organizations = true;
}

pub(super) fn connected(who: Who) -> Expectation {
    Expectation::Status(who, Status::Connected, Reason::Ok)
}

/// Nothing is open.
pub(super) fn quiet() -> Expectation {
    Expectation::Open(Vec::new())
}

/// Exactly this incident is open.
pub(super) fn only(rule: Rule, subject: &'static str, severity: Severity) -> Expectation {
    Expectation::Open(vec![(rule, subject, severity)])
}
