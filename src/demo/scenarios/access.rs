//! A PAT that is accepted and may not do or see what it should.

use super::prelude::*;
use crate::demo::scenario::{
    AuthSetup, CredentialSetup, Expectation as E, ProfileSetup,
    Who::{EveryOrganization, Group},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::domain::permission::Permission;
use crate::sandbox::world::{ACME_ACCOUNT, ACME_CREDENTIAL, ACME_WORKSPACE, Availability, pilot_guide_scopes};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "webhooks-write-missing",
            line: Some(7),
            title: "the PAT lacks Webhooks: write",
            verdict: "PermissionsMissing names it in the pilot guide's words and as a scope; the Group's status is untouched",
            pages: &[(Rule::PermissionsMissing, Severity::Warning)],
            story: webhooks_write_missing,
        },
        Scenario {
            name: "repositories-read-missing",
            line: Some(8),
            title: "the PAT lacks Repositories: read",
            verdict: "connection_failed, the cause named, one incident",
            pages: &[(Rule::PermissionsMissing, Severity::Critical)],
            story: repositories_read_missing,
        },
        Scenario {
            name: "owner-left-workspace",
            line: Some(9),
            title: "the PAT is valid, but its owner left the workspace; public repositories are still visible",
            verdict: "connection_failed for want of membership",
            pages: &[(Rule::ConnectionFailed, Severity::Critical)],
            story: owner_left_workspace,
        },
        Scenario {
            name: "workspace-renamed",
            line: Some(10),
            title: "the workspace is renamed",
            verdict: "unknown, the new name is given; the PAT is not blamed",
            pages: &[(Rule::NamespaceNotFound, Severity::Warning)],
            story: namespace_renamed,
        },
        Scenario {
            name: "workspace-deleted",
            line: Some(10),
            title: "the workspace is deleted",
            verdict: "connection_failed; NamespaceNotFound, the PAT is not blamed",
            pages: &[(Rule::NamespaceNotFound, Severity::Critical)],
            story: workspace_deleted,
        },
        Scenario {
            name: "admin-rights-lost",
            line: Some(12),
            title: "the PAT's owner lost admin on the repositories",
            verdict: "WebhooksInstalled unknown; PermissionsMissing names admin with the count",
            pages: &[(Rule::PermissionsMissing, Severity::Warning)],
            story: admin_rights_lost,
        },
        Scenario {
            name: "one-profile-of-two-rejected",
            line: Some(23),
            title: "two profiles of one Git host; the PAT of one is revoked",
            verdict: "partially_connected / profiles_failed, names it; the page is about the PAT",
            pages: &[(Rule::CredentialInvalid, Severity::Critical)],
            story: one_profile_of_two_rejected,
        },
        Scenario {
            name: "one-profile-of-two-deleted",
            line: Some(23),
            title: "two profiles of one Git host; one is deleted in Snyk",
            verdict: "partially_connected / profiles_failed, names it; critical after 2 h",
            pages: &[(Rule::PartiallyConnected, Severity::Warning), (Rule::PartiallyConnected, Severity::Critical)],
            story: one_profile_of_two_deleted,
        },
        Scenario {
            name: "issues-read-not-granted",
            line: Some(25),
            title: "Issues: read is not among the PAT's scopes, and its endpoint is gone",
            verdict: "unverifiable, never missing, never lowering",
            pages: &[],
            story: issues_read_not_granted,
        },
        Scenario {
            name: "scope-headers-stripped",
            line: Some(25),
            title: "a proxy strips the headers that tell scopes, so that only reading can be proved",
            verdict: "what cannot be read is unverifiable; connected all the same",
            pages: &[],
            story: scope_headers_stripped,
        },
    ]
}

fn webhooks_write_missing(start: DateTime<Utc>) -> Story {
    let missing = || only(Rule::PermissionsMissing, PAT, Severity::Warning);
    settled(start, 20)
        .change(hours(1), "the PAT loses a scope", |world| world.take_scope(ACME_CREDENTIAL, "write:webhook:bitbucket"))
        .expect(minutes(70), [connected(Group), quiet()])
        .expect(
            minutes(90),
            [
                connected(Group),
                E::Condition(Group, Condition::PermissionsGranted, Truth::False, Reason::PermissionMissing),
                E::Permission("bitbucket-acme", Permission::WebhookWrite, Truth::False),
                missing(),
                E::IncidentSays(Rule::PermissionsMissing, "Webhooks: write"),
                E::IncidentSays(Rule::PermissionsMissing, "write:webhook:bitbucket"),
                E::IncidentSays(Rule::PermissionsMissing, "Create a token that also has"),
            ],
        )
        .expect(hours(15), [connected(Group), missing()])
}

fn repositories_read_missing(start: DateTime<Utc>) -> Story {
    let missing = || only(Rule::PermissionsMissing, PAT, Severity::Critical);
    let failed = || E::Status(Group, Status::ConnectionFailed, Reason::PermissionMissing);
    settled(start, 20)
        .change(hours(1), "the PAT loses a scope", |world| {
            world.take_scope(ACME_CREDENTIAL, "read:repository:bitbucket");
        })
        .expect(
            minutes(90),
            [
                failed(),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                missing(),
                E::IncidentSays(Rule::PermissionsMissing, "Repositories: read"),
                E::IncidentSays(Rule::PermissionsMissing, "read:repository:bitbucket"),
            ],
        )
        .expect(hours(8), [failed(), missing()])
}

fn owner_left_workspace(start: DateTime<Utc>) -> Story {
    let told = || only(Rule::ConnectionFailed, GROUP, Severity::Critical);
    let failed = || E::Status(Group, Status::ConnectionFailed, Reason::NotAMember);
    settled(start, 40)
        .change(hours(1), "the account behind the PAT leaves the workspace", |world| {
            world.leave_workspace(ACME_ACCOUNT, ACME_WORKSPACE);
        })
        .expect(
            hours(2),
            [
                failed(),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                E::Condition(Group, Condition::RepositoriesVisible, Truth::False, Reason::NotAMember),
                told(),
                E::IncidentSays(Rule::ConnectionFailed, "not a member"),
                E::IncidentSays(Rule::ConnectionFailed, "Git host admin: make the PAT"),
            ],
        )
        .expect(
            hours(8),
            [
                failed(),
                told(),
                E::NeverOpened(Rule::CredentialInvalid),
                E::NeverOpened(Rule::NamespaceNotFound),
                E::NeverOpened(Rule::RepositoriesVanished),
            ],
        )
}

fn namespace_renamed(start: DateTime<Utc>) -> Story {
    let renamed = || only(Rule::NamespaceNotFound, WORKSPACE, Severity::Warning);
    settled(start, 20)
        .change(hours(1), "the workspace acme becomes acme-two", |world| world.rename_workspace("acme", "acme-two"))
        .expect(
            hours(2),
            [
                E::Status(Group, Status::Unknown, Reason::NamespaceRenamed),
                E::KnownBelowUnknown(Group, Status::Connected),
                E::Condition(Group, Condition::RepositoriesVisible, Truth::Unknown, Reason::NamespaceRenamed),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                renamed(),
                E::IncidentSays(Rule::NamespaceNotFound, "acme-two"),
                E::IncidentSays(Rule::NamespaceNotFound, "not to blame"),
            ],
        )
        .expect(hours(8), [E::KnownBelowUnknown(Group, Status::Connected), renamed()])
        .change(hours(9), "it gets its old name back", |world| world.rename_workspace("acme-two", "acme"))
        .expect(hours(10), [connected(Group), quiet()])
}

fn workspace_deleted(start: DateTime<Utc>) -> Story {
    let gone = || only(Rule::NamespaceNotFound, WORKSPACE, Severity::Critical);
    let failed = || E::Status(Group, Status::ConnectionFailed, Reason::NamespaceNotVisible);
    settled(start, 20)
        .change(hours(1), "the workspace is deleted", |world| world.delete_workspace("acme"))
        .expect(
            hours(2),
            [
                failed(),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok),
                gone(),
                E::IncidentSays(Rule::NamespaceNotFound, "The PAT itself works"),
            ],
        )
        .expect(hours(8), [failed(), gone()])
}

fn admin_rights_lost(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 1)
        .setup(|setup| setup.schedule = vec![("webhooks", "{ every: 1h, sample: 50 }")])
        .expect(
            minutes(50),
            [
                connected(Group),
                E::Condition(EveryOrganization, Condition::WebhooksInstalled, Truth::True, Reason::Ok),
                quiet(),
            ],
        )
        .change(hours(1), "the PAT's account becomes an ordinary member", |world| world.take_admin(ACME_ACCOUNT))
        .expect(
            hours(3),
            [
                connected(Group),
                connected(EveryOrganization),
                E::Condition(EveryOrganization, Condition::WebhooksInstalled, Truth::Unknown, Reason::NoAdminRights),
                E::Condition(Group, Condition::PermissionsGranted, Truth::False, Reason::AdminRightsMissing),
                only(Rule::PermissionsMissing, PAT, Severity::Warning),
                E::IncidentSays(Rule::PermissionsMissing, "Admin on imported repositories (administrator of 0 of 20)"),
                E::IncidentSays(Rule::PermissionsMissing, "administrator of the imported repositories"),
            ],
        )
}

/// A second profile on the workspace `payments`, with a PAT of its own.
fn two_profiles(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 20);
    let began = start - SETTLED;
    let world = &mut story.world;
    let owner = world.add_account("acme-payments-bot", "Payments Bot", "payments-bot@acme.example");
    world.add_workspace("payments", owner);
    for slug in ["ledger", "invoices", "refunds", "payouts"] {
        world.create_repository("payments", slug);
    }
    world.add_api_token("payments-token", owner, pilot_guide_scopes());
    world.add_profile("payments", "payments-token");
    story.setup(move |setup| {
        setup.credentials.push(CredentialSetup {
            auth: AuthSetup::ApiToken { email: "payments-bot@acme.example", scheme: "basic" },
            expires_at: Some(began + days(200)),
            ..CredentialSetup::api_token("bitbucket-payments", "payments-token")
        });
        setup.profiles.push(ProfileSetup {
            name: "payments",
            credential: "bitbucket-payments",
            workspaces: vec!["payments"],
        });
    })
}

fn one_profile_of_two_rejected(start: DateTime<Utc>) -> Story {
    let failed = || E::Status(Group, Status::PartiallyConnected, Reason::ProfilesFailed);
    let invalid = || only(Rule::CredentialInvalid, "credential/bitbucket-payments", Severity::Critical);
    two_profiles(start)
        .expect(minutes(50), [connected(Group), E::Progress { found: 24, missing: 0 }, quiet()])
        .change(hours(1), "the PAT of profile payments is revoked", |world| world.revoke_credential("payments-token"))
        .expect(minutes(90), [failed(), E::Says(Group, "payments"), invalid()])
        .expect(hours(6), [failed(), invalid(), E::NeverOpened(Rule::PartiallyConnected)])
}

fn one_profile_of_two_deleted(start: DateTime<Utc>) -> Story {
    let failed = || E::Status(Group, Status::PartiallyConnected, Reason::ProfilesFailed);
    let partial = |severity| only(Rule::PartiallyConnected, GROUP, severity);
    two_profiles(start)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "a Group Admin deletes the profile payments", |world| world.delete_profile("payments"))
        .expect(
            hours(2),
            [
                failed(),
                E::Says(Group, "payments"),
                partial(Severity::Warning),
                E::IncidentSays(Rule::PartiallyConnected, "payments"),
                E::IncidentSays(Rule::PartiallyConnected, "create the profile again"),
            ],
        )
        .expect(hours(4), [failed(), partial(Severity::Critical)])
}

fn issues_read_not_granted(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 20);
    story.world.take_scope(ACME_CREDENTIAL, "read:issue:bitbucket");
    story.expect(
        hours(2),
        [
            connected(Group),
            E::Permission("bitbucket-acme", Permission::IssueRead, Truth::Unknown),
            E::Condition(Group, Condition::PermissionsGranted, Truth::True, Reason::Ok),
            E::NothingEverOpened,
        ],
    )
}

fn scope_headers_stripped(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 20);
    story.world.bitbucket.scope_headers = Availability::Absent;
    story.expect(
        hours(2),
        [
            connected(Group),
            E::Permission("bitbucket-acme", Permission::RepositoryRead, Truth::True),
            E::Permission("bitbucket-acme", Permission::IssueRead, Truth::Unknown),
            E::Permission("bitbucket-acme", Permission::WebhookWrite, Truth::Unknown),
            E::Condition(Group, Condition::PermissionsGranted, Truth::Unknown, Reason::PermissionUnverifiable),
            E::NothingEverOpened,
        ],
    )
}
