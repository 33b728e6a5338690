//! Our own Snyk token: when it fails we are blind, and scanning goes on.

use super::prelude::*;
use crate::demo::scenario::organization_id;
use crate::demo::scenario::{
    Cadences, Expectation as E,
    Who::{EveryOrganization, Group, Organization},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::ACME_SNYK_TOKEN;
use crate::sandbox::{Api, FaultKind};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "snyk-token-expired",
            line: Some(19),
            title: "our Snyk token expires",
            verdict: "SnykTokenInvalid, a warning and critical after a day; what was known is kept below unknown",
            pages: &[
                (Rule::SnykTokenExpiring, Severity::Warning),
                (Rule::SnykTokenInvalid, Severity::Warning),
                (Rule::SnykTokenInvalid, Severity::Critical),
            ],
            story: snyk_token_expired,
        },
        Scenario {
            name: "snyk-token-of-another-region",
            line: Some(19),
            title: "our Snyk token belongs to another region",
            verdict: "SnykTokenInvalid names the region; the operator is asked",
            pages: &[(Rule::SnykTokenInvalid, Severity::Warning)],
            story: snyk_token_of_another_region,
        },
        Scenario {
            name: "no-right-to-one-organization",
            line: Some(19),
            title: "our Snyk token may no longer read one of twelve Organizations",
            verdict: "only that Organization is unknown",
            pages: &[(Rule::StatusUnknown, Severity::Warning)],
            story: no_right_to_one_organization,
        },
    ]
}

fn snyk_token_expired(start: DateTime<Utc>) -> Story {
    let invalid = |severity| only(Rule::SnykTokenInvalid, SNYK_TOKEN, severity);
    let mut story = settled_organizations(start, 20, 2);
    story.world.expire_snyk_token(ACME_SNYK_TOKEN, start + minutes(90));
    story
        .setup(|setup| setup.schedule = vec![("inventory", "{ every: 1h }")])
        .expect(
            hours(1),
            [
                connected(Group),
                connected(EveryOrganization),
                only(Rule::SnykTokenExpiring, SNYK_TOKEN, Severity::Warning),
            ],
        )
        .expect(
            hours(2),
            [
                E::Status(Group, Status::Unknown, Reason::SnykTokenExpired),
                E::KnownBelowUnknown(Group, Status::Connected),
                E::KnownBelowUnknown(EveryOrganization, Status::Connected),
                E::Condition(Group, Condition::SnykAccessible, Truth::False, Reason::SnykTokenExpired),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                invalid(Severity::Warning),
                E::Affects(Rule::SnykTokenInvalid, 3),
                E::IncidentSays(Rule::SnykTokenInvalid, "scanning itself goes on"),
                E::IncidentSays(Rule::SnykTokenInvalid, "Create a new token in Snyk where this one was created"),
            ],
        )
        .expect(hours(25), [invalid(Severity::Warning)])
        .expect(hours(27), [E::KnownBelowUnknown(Group, Status::Connected), invalid(Severity::Critical)])
}

fn snyk_token_of_another_region(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 20);
    if let Some(token) = story.world.snyk_token_mut(ACME_SNYK_TOKEN) {
        "SNYK-EU-01".clone_into(&mut token.region);
    }
    story.setup(|setup| setup.pace = Cadences::Hourly).expect(
        hours(3),
        [
            E::Status(Group, Status::Unknown, Reason::SnykTokenWrongRegion),
            E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
            only(Rule::SnykTokenInvalid, SNYK_TOKEN, Severity::Warning),
            E::IncidentSays(Rule::SnykTokenInvalid, "region"),
        ],
    )
}

fn no_right_to_one_organization(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 24, 12)
        .expect(minutes(50), [connected(EveryOrganization), E::Organizations(12), quiet()])
        .change(hours(1), "our Snyk token loses its right to Organization 3", |world| {
            let Some(id) = organization_id(world, 3) else { return };
            for path in ["/rest/orgs", "/v1/org"] {
                world.break_path(Api::Snyk, &format!("{path}/{id}"), FaultKind::Status(403));
            }
        })
        .expect(
            clock(4, 30),
            [
                connected(Group),
                connected(Organization(2)),
                connected(Organization(4)),
                connected(Organization(11)),
                E::Status(Organization(3), Status::Unknown, Reason::SnykAccessDenied),
                E::KnownBelowUnknown(Organization(3), Status::Connected),
                only(Rule::StatusUnknown, ORGANIZATIONS, Severity::Warning),
                E::Affects(Rule::StatusUnknown, 1),
                E::IncidentSays(Rule::StatusUnknown, "right to read"),
                E::NeverOpened(Rule::SnykTokenInvalid),
            ],
        )
        .change(hours(5), "it gets the right back", |world| world.repair(Api::Snyk))
        .expect(hours(7), [connected(EveryOrganization), quiet()])
}
