//! What a person reads at three in the morning.

use chrono::TimeDelta;
use insta::assert_snapshot;

use super::world::{World, group, hours, id, minutes, name, organization, pat, snyk, start};
use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{PermissionProof, VersionEnding, WorkspaceFact};
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::names::WorkspaceSlug;
use crate::domain::permission::Permission;
use crate::domain::rotation::RotationSource;
use crate::domain::state::{DeclaredDate, ExpirySource};
use crate::domain::status::Status;

fn text(world: &World, rule: Rule) -> String {
    let incident = world.incident(rule);
    format!("{}\n> {}", incident.summary, incident.next_step)
}

fn broken(organizations: u128, after: TimeDelta, breaks: impl FnOnce(&mut World)) -> World {
    let mut world = World::new(organizations);
    breaks(&mut world);
    world.at(after);
    world
}

#[test]
fn credentials() {
    let world = broken(50, hours(2), |world| world.reject(&pat(), Reason::CredentialExpired));
    assert_snapshot!(text(&world, Rule::CredentialInvalid), @"
    The PAT of credential bitbucket-acme has been rejected for 2 h (since 2026-11-20 09:00 UTC). The API token has expired. It is used by 1 Group integration and 50 Organizations: discovery, imports and pull request comments stop there.
    > (Token owner) Create a new token with the same permissions, then save it in Snyk for 1 Group integration and 50 Organizations (Group Admin, Organization Admins), and (snykwatch operator) replace our copy.
    ");
    let world = broken(50, hours(30), |world| {
        world.reject(&snyk(), Reason::SnykTokenInvalid);
        world.credential(&snyk()).first_used_at = Some(start());
    });
    assert_snapshot!(text(&world, Rule::SnykTokenInvalid), @"
    Snyk has rejected the Snyk token acme-us for 30 h (since 2026-11-20 09:00 UTC). The API token has expired. snykwatch is blind for 1 Group integration and 50 Organizations; scanning itself goes on.
    > (Token owner) Create a new token in Snyk where this one was created (the user's account settings, or the service account); (snykwatch operator) put it in the secret of this `snyk` entry.
    ");
    let world = broken(1, hours(1), |world| {
        world.reject(&snyk(), Reason::SnykTokenInvalid);
        world.fleet.snyk_tokens.get_mut(&snyk()).unwrap().app_root = Some("https://app.eu.snyk.io");
    });
    assert_snapshot!(world.incident(Rule::SnykTokenInvalid).next_step, @"(snykwatch operator) It never worked here: check that it was copied whole, and that it belongs to the region of this `snyk` entry (https://app.eu.snyk.io).");
    let world = broken(2, hours(0), |world| {
        world.credential(&pat()).expiry = Some(start() + TimeDelta::days(3));
        world.credential(&pat()).expiry_source = Some(ExpirySource::Declared);
    });
    assert_snapshot!(text(&world, Rule::CredentialExpiring), @"
    The PAT of credential bitbucket-acme expires in 3 d (2026-11-23 09:00 UTC, as the configuration says). From then on discovery, imports and pull request comments stop for 1 Group integration and 2 Organizations.
    > (Token owner) Create a new token with the same permissions; (Group Admin, Organization Admins) save it in Snyk for 1 Group integration and 2 Organizations before that date; (snykwatch operator) replace our copy.
    ");
    let world = broken(2, hours(2), |world| {
        world.credential(&pat()).declared = DeclaredDate::Outdated;
        world.fleet.scm_credentials.get_mut(&pat()).unwrap().expires_at = Some(start());
    });
    assert_snapshot!(text(&world, Rule::DeclaredDateOutdated), @"
    The declared expiry of credential bitbucket-acme passed on 2026-11-20 09:00 UTC, and the PAT still works: the date is wrong, and the real one will come without warning.
    > (snykwatch operator) Correct `expires_at` of this credential; the owner of the bot account sees the date beside the token.
    ");
}

#[test]
fn permissions() {
    let world = broken(1, hours(1), |world| {
        let scope = Some("write:webhook:bitbucket".to_owned());
        world.permission(Permission::WebhookWrite, PermissionProof::Missing { scope });
        for key in [group(), organization(1)] {
            world.condition(&key, Condition::PermissionsGranted, Truth::False, Reason::PermissionMissing);
        }
    });
    assert_snapshot!(text(&world, Rule::PermissionsMissing), @"
    The PAT of credential bitbucket-acme has lacked Webhooks: write (scope write:webhook:bitbucket) for 60 min (since 2026-11-20 09:00 UTC). It is used by 1 Group integration and 1 Organization.
    > (Token owner) Create a token that also has Webhooks: write (scope write:webhook:bitbucket): the permissions of a token cannot be changed; (Group Admin, Organization Admins) save it in Snyk; (snykwatch operator) replace our copy.
    ");
    let world = broken(0, hours(1), |world| {
        world.permission(Permission::RepositoryRead, PermissionProof::Missing { scope: None });
        world.condition(&group(), Condition::PermissionsGranted, Truth::False, Reason::PermissionMissing);
    });
    assert_snapshot!(text(&world, Rule::PermissionsMissing), @"
    The PAT of credential bitbucket-acme has lacked Repositories: read for 60 min (since 2026-11-20 09:00 UTC). Discovery itself needs it: the Group cannot synchronise. It is used by 1 Group integration.
    > (Token owner) Create a token that also has Repositories: read: the permissions of a token cannot be changed; (Group Admin) save it in Snyk; (snykwatch operator) replace our copy.
    ");
    let world = broken(0, hours(1), |world| {
        world.permission(Permission::RepositoryAdmin, PermissionProof::Partial { granted: 12, total: 40 });
        world.condition(&group(), Condition::PermissionsGranted, Truth::False, Reason::AdminRightsMissing);
    });
    assert_snapshot!(text(&world, Rule::PermissionsMissing), @"
    The PAT of credential bitbucket-acme has lacked Admin on imported repositories (administrator of 12 of 40) for 60 min (since 2026-11-20 09:00 UTC). It is used by 1 Group integration.
    > (Git host admin) Make the bot account administrator of the imported repositories, best through a group of the workspace or project.
    ");
}

#[test]
fn groups() {
    let world = broken(0, hours(14), |world| {
        world.status(&group(), Status::PartiallyConnected, Reason::AwaitingFirstSync);
        world.integration(&group()).status.as_mut().unwrap().message =
            "0 of 128 repositories reached the Inventory".into();
        let progress = world.integration(&group()).progress.get_or_insert_default();
        progress.next_expected_at = Some(start() + hours(6));
    });
    assert_snapshot!(text(&world, Rule::PartiallyConnected), @"
    acme-bitbucket (group) has been Partially connected for 14 h (since 2026-11-20 09:00 UTC). 0 of 128 repositories reached the Inventory. A sync was due by 2026-11-20 15:00 UTC.
    > (Group Admin) Open Integrations in the Group and save the profile again; that starts a synchronisation.
    ");
    let world = broken(0, hours(5), |world| {
        world.condition(&group(), Condition::SyncCurrent, Truth::False, Reason::SyncLagging);
        world.integration(&group()).group.last_asset_moved_at = Some(start() - hours(30));
    });
    assert_snapshot!(text(&world, Rule::SyncStalled), @"
    The synchronisation of acme-bitbucket (group) has been stalled for 5 h (since 2026-11-20 09:00 UTC). SyncCurrent is false. The last sync was seen 2026-11-19 03:00 UTC. What changed since then is not in the Inventory.
    > (Group Admin) Open Integrations in the Group and save the profile again, which starts a synchronisation; if nothing moves within 6 h, ask Snyk's support with the listed repositories.
    ");
    let world = broken(0, hours(1), |world| world.status(&group(), Status::ConnectionFailed, Reason::ProfileDeleted));
    assert_snapshot!(text(&world, Rule::ConnectionFailed), @"
    acme-bitbucket (group) has failed for 60 min (since 2026-11-20 09:00 UTC). connection_failed by profile_deleted. No repository of it is discovered or synchronised.
    > (Group Admin) Open Integrations in the Group: the profile was deleted. Create it again and save the PAT.
    ");
    let world = broken(1, hours(2), |world| world.status(&group(), Status::Unknown, Reason::EvidenceStale));
    assert_snapshot!(text(&world, Rule::StatusUnknown), @"
    The status of acme-bitbucket (group) has been unknown for 2 h (since 2026-11-20 09:00 UTC). unknown by evidence_stale. Last known: connected. This concerns 1 Group integration.
    > snykwatch operator: see in the log why nothing was asked lately (the request budget, the network of this machine)
    ");
    let world = broken(0, minutes(30), |world| world.workspace(WorkspaceFact::NotFound));
    assert_snapshot!(text(&world, Rule::NamespaceNotFound), @"
    The workspace acme of acme-bitbucket has not answered for 30 min (since 2026-11-20 09:00 UTC): it is hidden from this PAT, since its account lost the membership, or the workspace was deleted. The PAT itself works. Nothing of this workspace reaches Snyk.
    > (Git host admin) Check that the bot account is a member of the workspace, and add it again; if the workspace was deleted or never had this name, (snykwatch operator) correct it in the configuration and (Group Admin) in the profile in Snyk.
    ");
    let world = broken(0, minutes(30), |world| {
        world.workspace(WorkspaceFact::Renamed { to: WorkspaceSlug::new("acme-corp") });
    });
    assert_snapshot!(text(&world, Rule::NamespaceNotFound), @"
    The workspace acme of acme-bitbucket has had another name, acme-corp, for 30 min (since 2026-11-20 09:00 UTC). Snyk may be fine; snykwatch looks in the wrong place and cannot tell. The PAT is not to blame.
    > (snykwatch operator) Write acme-corp in place of acme in the configuration; (Group Admin) check that the Group's profile in Snyk still finds its repositories.
    ");
}

#[test]
fn apis() {
    let world = broken(3, hours(2), |world| {
        world.api("bitbucket-cloud", Some(start()));
        let facts = world.state.evidence.apis.values_mut().next().unwrap();
        facts.last_failure = Some(("timeout".to_owned(), "no answer within 30 s".to_owned()));
    });
    assert_snapshot!(text(&world, Rule::UpstreamUnreachable), @"
    bitbucket-cloud has given no usable answer for 2 h (since 2026-11-20 09:00 UTC). The last usable answer came 2026-11-20 09:00 UTC. Last: timeout, no answer within 30 s. What is shown of 1 Group integration and 3 Organizations is the last known state and grows old; no credential is to blame.
    > (snykwatch operator) Check that this machine may reach the host (`snykwatch config show --egress` lists every host and port); if it may, look at the vendor's status page.
    ");
    let world = broken(0, hours(2), |world| {
        world.api("snyk/acme-us", None);
        world.state.evidence.apis.values_mut().next().unwrap().version_ending = Some(VersionEnding {
            version: "2024-10-15".to_owned(),
            stage: "sunset".to_owned(),
            sunset_at: Some(start() + TimeDelta::days(20)),
            seen_at: start(),
        });
    });
    assert_snapshot!(text(&world, Rule::ApiVersionEnding), @"
    Version 2024-10-15 of snyk/acme-us, which snykwatch uses, ends on 2026-12-10 09:00 UTC.
    > (snykwatch operator) Update snykwatch to a release that uses a newer version of this API before that date.
    ");
}

#[test]
fn organizations() {
    let world = broken(9, hours(3), |world| {
        let outstanding: Vec<_> = (1..=7).map(organization).collect();
        world.rotate(start(), &[8, 9], &outstanding, Some(start() + TimeDelta::days(10)));
        world.credential(&pat()).rotation.as_mut().unwrap().source = RotationSource::Declared;
        for number in 1..=7 {
            world.settled(&organization(number), Condition::CredentialInStep, Reason::CredentialOutOfStep);
        }
    });
    assert_snapshot!(text(&world, Rule::CredentialOutOfStep), @"
    The PAT from before its rotation is still in use in 7 Organizations of acme-bitbucket, the first for 3 h (since 2026-11-20 09:00 UTC): 00000000-0000-0000-0000-000000000001, 00000000-0000-0000-0000-000000000002, 00000000-0000-0000-0000-000000000003, 00000000-0000-0000-0000-000000000004, 00000000-0000-0000-0000-000000000005, 2 more. The old PAT expires 2026-11-30 09:00 UTC; until then all works.
    > (Organization Admin) Open Integrations in each listed Organization and save the new PAT.
    ");
    let world = broken(1, hours(3), |world| {
        world.integration(&organization(1)).snyk_name = Some("<!channel> Payments".to_owned());
        world.settled(&organization(1), Condition::TestsCurrent, Reason::TestsStale);
    });
    assert_snapshot!(text(&world, Rule::TestsStale), @"
    Scheduled tests no longer run in 1 Organization of acme-bitbucket, for 3 h (since 2026-11-20 09:00 UTC): <!channel> Payments. TestsCurrent is false.
    > (Organization Admin) Test one late project of each listed Organization by hand: its error says whether Snyk can still read the repository. What is meant to be so can be accepted.
    ");
    assert_eq!(
        world.state.incidents.keys().next().unwrap().to_string(),
        "TestsStale/organizations/acme-bitbucket",
        "a hostile name is no part of an identity"
    );
    let mut world = World::new(3);
    world.state.baselines.remove(&name());
    for number in 1..=2 {
        world.settled(&organization(number), Condition::TestsCurrent, Reason::TestsStale);
        world.condition(&organization(number), Condition::WebhooksInstalled, Truth::False, Reason::WebhooksMissing);
    }
    world.evaluate();
    assert_eq!(world.incident(Rule::Baseline).members, [id(1), id(2)]);
    let failed =
        broken(1, hours(1), |world| world.status(&organization(1), Status::ConnectionFailed, Reason::Disconnected));
    let next_step = &failed.incident(Rule::ConnectionFailed).next_step;
    assert_snapshot!(next_step, @"(Organization Admin) Open Integrations in each listed Organization and save the credentials again; Snyk's audit log (Settings > Audit logs) has who changed them and when.");
    assert!(!next_step.contains("status page"), "it has no audit log");
    assert_snapshot!(text(&world, Rule::Baseline), @"
    2 Organizations of acme-bitbucket had a problem when snykwatch first saw them (2026-11-20 09:00 UTC) and have it still: TestsStale 2, WebhooksMissing 2. New problems are told one by one.
    > (Organization Admin) Go through the listed Organizations on the status page when there is time; each leaves the list when its problem is gone.
    ");
}
