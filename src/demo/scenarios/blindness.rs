//! What cannot be looked at: shown from the first minute, unknown with the API's own words, and never connected.

use super::prelude::*;
use crate::demo::scenario::{
    Expectation as E,
    Who::{EveryOrganization, Group, Organization},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::sandbox::world::{ACME_SNYK_TOKEN, GroupSight, ScopeVocabulary};
use crate::sandbox::{Api, Fault, FaultKind, IP_NOT_ALLOWED, TWO_STEP_REQUIRED};

pub(super) fn all() -> Vec<Scenario> {
    let told_once: &[_] = &[(Rule::StatusUnknown, Severity::Warning)];
    vec![
        Scenario {
            name: "another-group-by-reload",
            line: Some(30),
            title: "the configuration names another Group, which is empty",
            verdict: "nothing of the old Group counts: the new one is awaiting its first sync",
            pages: &[],
            story: another_group_by_reload,
        },
        Scenario {
            name: "integrations-refused-for-all",
            line: Some(38),
            title: "from the first day Snyk refuses the list of integrations of every Organization",
            verdict: "each is unknown with Snyk's words; StatusUnknown once",
            pages: told_once,
            story: integrations_refused_for_all,
        },
        Scenario {
            name: "integrations-refused-for-one",
            line: Some(38),
            title: "from the first day Snyk refuses the list of integrations of one Organization of three",
            verdict: "that one is unknown with Snyk's words, the others are connected",
            pages: told_once,
            story: integrations_refused_for_one,
        },
        Scenario {
            name: "organizations-never-listed",
            line: Some(38),
            title: "from the first day Snyk refuses the listing of the Group's Organizations",
            verdict: "StatusUnknown of the configuration key; the Group is judged by itself",
            pages: told_once,
            story: organizations_never_listed,
        },
        Scenario {
            name: "address-refused",
            line: Some(39),
            title: "the workspace lets our address in no more; the rest of Bitbucket answers",
            verdict: "unknown in Bitbucket's own words, the PAT is not blamed",
            pages: told_once,
            story: address_refused,
        },
        Scenario {
            name: "assets-refused",
            line: Some(39),
            title: "the role of our Snyk token loses the right to the Group's assets; the rest of Snyk answers",
            verdict: "unknown with Snyk's words, and who gives the right; the Organizations stay connected",
            pages: told_once,
            story: assets_refused,
        },
        Scenario {
            name: "repository-list-cut",
            line: Some(39),
            title: "from the first day Bitbucket's list of repositories ends after 100 of 150",
            verdict: "unknown / list_incomplete with both counts, never connected by the part that is seen",
            pages: told_once,
            story: repository_list_cut,
        },
        Scenario {
            name: "two-step-verification-required",
            line: Some(39),
            title: "the workspace demands two-step verification, which the account does not have; the rest of Bitbucket answers",
            verdict: "connection_failed / shut_out, what shuts it out is named; the PAT is not blamed, nothing vanished",
            pages: &[(Rule::ConnectionFailed, Severity::Critical)],
            story: two_step_verification_required,
        },
        Scenario {
            name: "user-endpoint-refuses-alone",
            line: Some(40),
            title: "/user answers 401 beside repositories that the same token reads",
            verdict: "unknown / contradicted; nobody is paged within a day",
            pages: &[],
            story: user_endpoint_refuses_alone,
        },
        Scenario {
            name: "mixed-scope-header",
            line: Some(40),
            title: "the scope header mixes classic and granular names",
            verdict: "each name is read in its own vocabulary: granted",
            pages: &[],
            story: mixed_scope_header,
        },
        Scenario {
            name: "group-answers-empty",
            line: Some(47),
            title: "our Snyk token loses its role in the Group: Organizations and Inventory are empty together",
            verdict: "unknown / group_answers_empty, our token's role is named",
            pages: told_once,
            story: group_answers_empty,
        },
    ]
}

fn another_group_by_reload(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 40);
    story.world.add_group("other-group", "other-token");
    story
        .expect(minutes(50), [connected(Group), quiet()])
        .reconfigure(hours(1), "the operator names another Group, and its token", |setup| {
            setup.group = 1;
            setup.configured_at = None;
            "other-token".clone_into(&mut setup.snyk_token);
        })
        .expect(
            hours(2),
            [
                E::Status(Group, Status::PartiallyConnected, Reason::AwaitingFirstSync),
                E::Condition(Group, Condition::InventoryPopulated, Truth::False, Reason::AwaitingFirstSync),
                E::NothingEverOpened,
            ],
        )
}

fn integrations_refused_for_all(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 20, 3);
    for number in 0..3 {
        story.world.break_integrations(&format!("acme-team-{number:03}"), FaultKind::Status(403));
    }
    story
        .expect(
            minutes(30),
            [
                connected(Group),
                E::Status(EveryOrganization, Status::Unknown, Reason::EndpointRefused),
                E::Organizations(3),
                E::Says(Organization(0), "403"),
                quiet(),
            ],
        )
        .expect(
            hours(3),
            [only(Rule::StatusUnknown, ORGANIZATIONS, Severity::Warning), E::Affects(Rule::StatusUnknown, 3)],
        )
}

fn integrations_refused_for_one(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 21, 3);
    story.world.break_integrations("acme-team-001", FaultKind::Status(403));
    story.expect(
        hours(3),
        [
            connected(Group),
            connected(Organization(0)),
            E::Status(Organization(1), Status::Unknown, Reason::EndpointRefused),
            connected(Organization(2)),
            only(Rule::StatusUnknown, ORGANIZATIONS, Severity::Warning),
            E::Affects(Rule::StatusUnknown, 1),
        ],
    )
}

fn organizations_never_listed(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 20, 3);
    story.world.break_organization_listing(&FaultKind::Status(403));
    story.expect(
        hours(3),
        [
            connected(Group),
            only(Rule::StatusUnknown, ORGANIZATIONS, Severity::Warning),
            E::IncidentSays(Rule::StatusUnknown, "403"),
        ],
    )
}

fn address_refused(start: DateTime<Utc>) -> Story {
    settled(start, 20)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "the workspace gets a list of allowed addresses, without ours", |world| {
            let refusal = FaultKind::Says(403, IP_NOT_ALLOWED.to_owned());
            world.faults.push(Fault::on(Api::Bitbucket, refusal).below("/2.0/repositories"));
        })
        .expect(
            hours(6),
            [
                E::KnownBelowUnknown(Group, Status::Connected),
                E::Status(Group, Status::Unknown, Reason::AddressRefused),
                E::Says(Group, "IP"),
                only(Rule::StatusUnknown, GROUP, Severity::Warning),
                E::NeverOpened(Rule::CredentialInvalid),
                E::NeverOpened(Rule::PermissionsMissing),
            ],
        )
}

fn refuse_assets(world: &mut World) {
    let refusal = FaultKind::Says(403, "this role may not view the Inventory".to_owned());
    for id in world.snyk.groups.iter().map(|group| group.id).collect::<Vec<_>>() {
        for list in ["assets", "inventory"] {
            world.break_path(Api::Snyk, &format!("/rest/groups/{id}/{list}"), refusal.clone());
        }
    }
}

fn assets_refused(start: DateTime<Utc>) -> Story {
    let unknown = |condition| E::Condition(Group, condition, Truth::Unknown, Reason::EndpointRefused);
    let holds = |condition| E::Condition(Group, condition, Truth::True, Reason::Ok);
    settled_organizations(start, 20, 1)
        .expect(minutes(50), [connected(Group), connected(EveryOrganization), quiet()])
        .change(hours(1), "Snyk refuses the assets", refuse_assets)
        .expect(hours(2), [connected(Group), quiet()])
        .expect(
            hours(6),
            [
                E::KnownBelowUnknown(Group, Status::Connected),
                E::Status(Group, Status::Unknown, Reason::EndpointRefused),
                unknown(Condition::InventoryPopulated),
                unknown(Condition::InventoryComplete),
                unknown(Condition::SyncCurrent),
                holds(Condition::SnykAccessible),
                holds(Condition::CredentialValid),
                holds(Condition::RepositoriesVisible),
                E::Says(Group, "this role may not view the Inventory"),
                connected(EveryOrganization),
                only(Rule::StatusUnknown, GROUP, Severity::Warning),
                E::IncidentSays(Rule::StatusUnknown, "this role may not view the Inventory"),
                E::IncidentSays(Rule::StatusUnknown, "Group Admin: give the account of our Snyk token a role"),
                E::NeverOpened(Rule::SnykTokenInvalid),
            ],
        )
        .change(hours(7), "the role gets the right again", |world| world.repair(Api::Snyk))
        .expect(hours(9), [connected(Group), quiet(), E::PagerQuiet])
}

fn repository_list_cut(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 150, 1);
    story.world.break_path(Api::Bitbucket, "/2.0/repositories/acme", FaultKind::ListCut(100));
    let cut = || E::Status(Group, Status::Unknown, Reason::ListIncomplete);
    story.expect(minutes(30), [cut(), E::Says(Group, "100 of the 150"), quiet()]).expect(
        hours(12),
        [
            cut(),
            E::Condition(Group, Condition::RepositoriesVisible, Truth::Unknown, Reason::ListIncomplete),
            E::Condition(Group, Condition::SnykAccessible, Truth::True, Reason::Ok),
            E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
            connected(EveryOrganization),
            only(Rule::StatusUnknown, GROUP, Severity::Warning),
            E::IncidentSays(Rule::StatusUnknown, "100 of the 150"),
            E::IncidentSays(Rule::StatusUnknown, "the list is asked for again"),
            E::NeverOpened(Rule::RepositoriesVanished),
        ],
    )
}

fn two_step_verification_required(start: DateTime<Utc>) -> Story {
    settled(start, 20)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "the workspace demands two-step verification", |world| {
            let refusal = FaultKind::Says(403, TWO_STEP_REQUIRED.to_owned());
            world.break_path(Api::Bitbucket, "/2.0/repositories", refusal);
        })
        .expect(
            hours(6),
            [
                E::Status(Group, Status::ConnectionFailed, Reason::ShutOut),
                E::Condition(Group, Condition::RepositoriesVisible, Truth::False, Reason::ShutOut),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                E::Condition(Group, Condition::InventoryComplete, Truth::Unknown, Reason::DependsOnUnknown),
                E::Says(Group, "two-step verification"),
                only(Rule::ConnectionFailed, GROUP, Severity::Critical),
                E::IncidentSays(Rule::ConnectionFailed, "two-step verification"),
                E::NeverOpened(Rule::CredentialInvalid),
                E::NeverOpened(Rule::PermissionsMissing),
                E::NeverOpened(Rule::RepositoriesVanished),
            ],
        )
        .change(hours(7), "the account sets it up", |world| world.repair(Api::Bitbucket))
        .expect(hours(9), [connected(Group), quiet(), E::PagerQuiet])
}

fn user_endpoint_refuses_alone(start: DateTime<Utc>) -> Story {
    settled(start, 20)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "/user refuses the token", |world| world.break_own_user(FaultKind::Status(401)))
        .expect(
            hours(2),
            [
                E::Condition(Group, Condition::CredentialValid, Truth::Unknown, Reason::Contradicted),
                E::Status(Group, Status::Unknown, Reason::Contradicted),
                E::NothingEverOpened,
            ],
        )
        .expect(hours(12), [E::Status(Group, Status::Unknown, Reason::Contradicted), E::NothingEverOpened])
}

fn mixed_scope_header(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 20);
    story.world.bitbucket.scope_vocabulary = ScopeVocabulary::Mixed;
    story.expect(
        hours(2),
        [
            connected(Group),
            E::Condition(Group, Condition::PermissionsGranted, Truth::True, Reason::Ok),
            E::NothingEverOpened,
        ],
    )
}

fn group_answers_empty(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 3)
        .expect(minutes(50), [connected(Group), connected(EveryOrganization), quiet()])
        .change(hours(1), "our Snyk token loses its role", |world| {
            world.set_sight(ACME_SNYK_TOKEN, GroupSight::Empty);
        })
        .expect(
            hours(4),
            [
                E::Status(Group, Status::Unknown, Reason::GroupAnswersEmpty),
                E::KnownBelowUnknown(Group, Status::Connected),
                E::NeverOpened(Rule::PartiallyConnected),
                E::NeverOpened(Rule::OrganizationIntegrationMissing),
            ],
        )
}
