use insta::assert_snapshot;

use super::Story;
use crate::domain::facts::{Access, AuditEvent, AuditEventKind, AuditEvents, IntegrationPresence, WebhookState};
use crate::domain::incident::Rule;
use crate::health::testing::{World, hours, minutes, start};

const HOSTILE: &str = "Payments\r\n<!channel> *bold* <b>@everyone</b>";

fn event(world: &mut World, number: usize, kind: AuditEventKind) {
    let at = world.now - hours(1);
    let from = at - chrono::TimeDelta::days(90);
    let event = AuditEvent {
        at,
        kind,
        integration_id: Some("integration".to_owned()),
        source_type: None,
        user_id: None,
        about: None,
    };
    world.organization(number).events = AuditEvents::Complete { from, events: vec![event] };
}

#[test]
fn a_removed_integration_in_an_organization_of_a_hostile_name() {
    let story = Story::healthy(3, 3, |world| {
        event(world, 0, AuditEventKind::Deleted);
        world.organization(0).access =
            Access::Granted { name: Some(HOSTILE.to_owned()), group: None, created_at: None };
        world.organization(0).presence = IntegrationPresence::Absent;
    });
    let story = story.after(hours(2));
    assert_snapshot!(story.text(Rule::OrganizationIntegrationMissing), @"
    OrganizationIntegrationMissing: 1 Organization of acme-bitbucket for 105 min
    The integration is missing, though it was there or is required, in 1 Organization of acme-bitbucket, for 105 min (since 2026-11-23 03:45 UTC): Payments <!channel> *bold* <b>@everyone</b>. The Organization has no such integration.
    - Payments <!channel> *bold* <b>@everyone</b>: The Organization has no such integration. [measured, 11-23 05:30]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-23 05:30 UTC), snyk/acme-us answered (2026-11-23 05:30 UTC).
    x Not our access to Snyk: Snyk lets us read the Organization (2026-11-23 05:30 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-23 05:30 UTC).
    Changed: 2026-11-23 02:30 UTC (75 min before): the integration was deleted in the Organization Payments <!channel> *bold* <b>@everyone</b> (measured: Snyk's audit log).
    Noticed: Within 30 min (the probe of the Organization).
    Next: (Organization Admin) Open Integrations in each listed Organization and connect the Git host again; Snyk's audit log (Settings > Audit logs) has who removed it and when.
    Visit: Payments <!channel> *bold* <b>@everyone</b> +0
    Status page <https://snykwatch.acme.example/#organization-acme-bitbucket-00000000-0000-0000-0000-000000001000>
    Runbook: OrganizationIntegrationMissing <https://snykwatch.acme.example/runbooks/OrganizationIntegrationMissing>
    Payments <!channel> *bold* <b>@everyone</b> in Snyk <https://app.snyk.io/org/acme-00000000-0000-0000-0000-000000001000/manage/integrations>
    [acme-bitbucket - organization bitbucket-cloud platform-team]
    ");
}

#[test]
fn an_old_pat_in_organizations() {
    let story = Story::healthy(3, 2, |world| {
        // Declared: nobody saw it begin.
        let credential = world.fleet.scm_credentials.values_mut().next().unwrap();
        credential.rotated_at = Some(start() - hours(24));
    });
    assert_snapshot!(story.after(hours(26)).text(Rule::CredentialOutOfStep), @"
    CredentialOutOfStep: 2 Organizations of acme-bitbucket for 25 h
    The PAT from before its rotation is still in use in 2 Organizations of acme-bitbucket, the first for 25 h (since 2026-11-23 03:45 UTC): Organization 00000000-0000-0000-0000-000000001000, Organization 00000000-0000-0000-0000-000000001001.
    - Organization 00000000-0000-0000-0000-000000001000: Not saved in Snyk since the PAT was rotated (2026-11-22 03:00 UTC). [measured, 11-24 05:30]
    - Organization 00000000-0000-0000-0000-000000001001: Not saved in Snyk since the PAT was rotated (2026-11-22 03:00 UTC). [measured, 11-24 05:30]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-24 05:30 UTC), snyk/acme-us answered (2026-11-24 05:30 UTC).
    x Not our access to Snyk: Snyk lets us read the Organization (2026-11-24 05:30 UTC). The same holds for 1 Organization more.
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-24 05:30 UTC).
    x Not a removed integration: the Organization has the integration (2026-11-24 05:30 UTC). The same holds for 1 Organization more.
    Changed: 2026-11-22 03:00 UTC (24 h before): bitbucket-acme was rotated (declared).
    Noticed: Within 30 min (the probe of the Organization).
    Next: (Organization Admin) Open Integrations in each listed Organization and save the new PAT.
    Visit: Organization 00000000-0000-0000-0000-000000001000; Organization 00000000-0000-0000-0000-000000001001 +0
    Status page <https://snykwatch.acme.example/#organization-acme-bitbucket-00000000-0000-0000-0000-000000001000>
    Runbook: CredentialOutOfStep <https://snykwatch.acme.example/runbooks/CredentialOutOfStep>
    Organization 00000000-0000-0000-0000-000000001000 in Snyk <https://app.snyk.io/org/acme-00000000-0000-0000-0000-000000001000/manage/integrations>
    Organization 00000000-0000-0000-0000-000000001001 in Snyk <https://app.snyk.io/org/acme-00000000-0000-0000-0000-000000001001/manage/integrations>
    [acme-bitbucket - organization bitbucket-cloud platform-team]
    ");
}

#[test]
fn daily_tests_that_stopped() {
    let story = Story::healthy(3, 2, |_| {});
    assert_snapshot!(story.after(hours(60)).text(Rule::TestsStale), @"
    TestsStale: 2 Organizations of acme-bitbucket for 11 h
    Scheduled tests no longer run in 2 Organizations of acme-bitbucket, the first for 11 h (since 2026-11-25 03:45 UTC): Organization 00000000-0000-0000-0000-000000001000, Organization 00000000-0000-0000-0000-000000001001.
    - Organization 00000000-0000-0000-0000-000000001000: 0 of 3 scheduled projects were tested in time. [measured, 11-25 15:30]
    - Organization 00000000-0000-0000-0000-000000001001: 0 of 3 scheduled projects were tested in time. [measured, 11-25 15:30]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-25 15:30 UTC), snyk/acme-us answered (2026-11-25 15:30 UTC).
    x Not our access to Snyk: Snyk lets us read the Organization (2026-11-25 15:30 UTC). The same holds for 1 Organization more.
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-25 15:30 UTC).
    x Not a removed integration: the Organization has the integration (2026-11-25 15:30 UTC). The same holds for 1 Organization more.
    x Not the imports: 3 imported repositories, 0 without a project (2026-11-25 15:30 UTC). The same holds for 1 Organization more.
    Noticed: After Snyk's next daily tests, or a test by hand, then within 30 min.
    Next: (Organization Admin) Test one late project of each listed Organization by hand: its error says whether Snyk can still read the repository. What is meant to be so can be accepted.
    Visit: Organization 00000000-0000-0000-0000-000000001000; Organization 00000000-0000-0000-0000-000000001001 +0
    Status page <https://snykwatch.acme.example/#organization-acme-bitbucket-00000000-0000-0000-0000-000000001000>
    Runbook: TestsStale <https://snykwatch.acme.example/runbooks/TestsStale>
    Organization 00000000-0000-0000-0000-000000001000 in Snyk <https://app.snyk.io/org/acme-00000000-0000-0000-0000-000000001000/projects>
    Organization 00000000-0000-0000-0000-000000001001 in Snyk <https://app.snyk.io/org/acme-00000000-0000-0000-0000-000000001001/projects>
    [acme-bitbucket - organization bitbucket-cloud platform-team]
    ");
}

#[test]
fn nothing_imported() {
    let story = Story::healthy(3, 1, |world| {
        world.organization(0).imports.targets.clear();
        world.organization(0).imports.projects.clear();
    });
    assert_snapshot!(story.after(hours(26)).text(Rule::NothingImported), @"
    NothingImported: 1 Organization of acme-bitbucket for 25 h
    No imported repository has a project in 1 Organization of acme-bitbucket, for 25 h (since 2026-11-23 03:45 UTC): Organization 00000000-0000-0000-0000-000000001000. No imported repository is left.
    - Organization 00000000-0000-0000-0000-000000001000: No imported repository is left. [measured, 11-24 05:30]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-24 05:30 UTC), snyk/acme-us answered (2026-11-24 05:30 UTC).
    x Not our access to Snyk: Snyk lets us read the Organization (2026-11-24 05:30 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-24 05:30 UTC).
    x Not a removed integration: the Organization has the integration (2026-11-24 05:30 UTC).
    Noticed: Within 30 min (the probe of the Organization).
    Next: (Organization Admin) Import repositories in each listed Organization, or exclude it in the configuration.
    Visit: Organization 00000000-0000-0000-0000-000000001000 +0
    Status page <https://snykwatch.acme.example/#organization-acme-bitbucket-00000000-0000-0000-0000-000000001000>
    Runbook: NothingImported <https://snykwatch.acme.example/runbooks/NothingImported>
    Organization 00000000-0000-0000-0000-000000001000 in Snyk <https://app.snyk.io/org/acme-00000000-0000-0000-0000-000000001000/projects>
    [acme-bitbucket - organization bitbucket-cloud platform-team]
    ");
}

#[test]
fn imports_without_projects() {
    let story = Story::healthy(6, 1, |world| {
        world.organization(0).imports.projects.truncate(2);
    });
    assert_snapshot!(story.after(hours(26)).text(Rule::ImportsIncomplete), @"
    ImportsIncomplete: 1 Organization of acme-bitbucket for 25 h
    Imported repositories have no project in 1 Organization of acme-bitbucket, for 25 h (since 2026-11-23 03:45 UTC): Organization 00000000-0000-0000-0000-000000001000. 4 imported repositories lost all projects: acme/service-2, acme/service-3, acme/service-4 and 1 more.
    - Organization 00000000-0000-0000-0000-000000001000: 4 imported repositories lost all projects: acme/service-2, acme/service-3, acme/service-4 and 1 more. [measured, 11-24 05:30]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-24 05:30 UTC), snyk/acme-us answered (2026-11-24 05:30 UTC).
    x Not our access to Snyk: Snyk lets us read the Organization (2026-11-24 05:30 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-24 05:30 UTC).
    x Not a removed integration: the Organization has the integration (2026-11-24 05:30 UTC).
    Noticed: Within 30 min (the probe of the Organization).
    Next: (Organization Admin) Look at the import log of each listed Organization and import the failed repositories again, or accept that they have no projects.
    Visit: Organization 00000000-0000-0000-0000-000000001000 +0
    Status page <https://snykwatch.acme.example/#organization-acme-bitbucket-00000000-0000-0000-0000-000000001000>
    Runbook: ImportsIncomplete <https://snykwatch.acme.example/runbooks/ImportsIncomplete>
    Organization 00000000-0000-0000-0000-000000001000 in Snyk <https://app.snyk.io/org/acme-00000000-0000-0000-0000-000000001000/projects>
    [acme-bitbucket - organization bitbucket-cloud platform-team]
    ");
}

#[test]
fn missing_webhooks() {
    let story = Story::healthy(4, 1, |world| {
        let checks = &mut world.organization(0).webhooks.checks;
        checks[1].state = WebhookState::Missing { others: true };
        checks[1].full_name = "acme/../a?b#c d".to_owned();
    });
    assert_snapshot!(story.after(hours(26)).text(Rule::WebhooksMissing), @"
    WebhooksMissing: 1 Organization of acme-bitbucket for 25 h
    Repositories have no active Snyk webhook, so that their pull requests are not checked, in 1 Organization of acme-bitbucket, for 25 h (since 2026-11-23 03:45 UTC): Organization 00000000-0000-0000-0000-000000001000. 1 of 4 sampled repositories have no active Snyk webhook: acme/../a?b#c d.
    - Organization 00000000-0000-0000-0000-000000001000: 1 of 4 sampled repositories have no active Snyk webhook: acme/../a?b#c d. [measured, 11-24 05:30]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-24 05:30 UTC), snyk/acme-us answered (2026-11-24 05:30 UTC).
    x Not our access to Snyk: Snyk lets us read the Organization (2026-11-24 05:30 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-24 05:30 UTC).
    x Not a removed integration: the Organization has the integration (2026-11-24 05:30 UTC).
    x Not the imports: 4 imported repositories, 0 without a project (2026-11-24 05:30 UTC).
    Noticed: Within 30 min (the probe of webhooks).
    Next: (Organization Admin) Import one of the listed repositories again: Snyk then installs its webhook, if the PAT's account is administrator of the repository.
    Visit: Organization 00000000-0000-0000-0000-000000001000 +0
    Status page <https://snykwatch.acme.example/#organization-acme-bitbucket-00000000-0000-0000-0000-000000001000>
    Runbook: WebhooksMissing <https://snykwatch.acme.example/runbooks/WebhooksMissing>
    Organization 00000000-0000-0000-0000-000000001000 in Snyk <https://app.snyk.io/org/acme-00000000-0000-0000-0000-000000001000/manage/integrations>
    Webhooks of acme/../a?b#c d in Bitbucket <https://bitbucket.org/acme/..%2Fa%3Fb%23c%20d/admin/webhooks>
    [acme-bitbucket - organization bitbucket-cloud platform-team]
    ");
}

#[test]
fn problems_of_first_sight() {
    let mut world = World::healthy(3, 2);
    for number in 0..2 {
        world.organization(number).imports.projects.clear();
    }
    assert_snapshot!(Story::new(world).after(minutes(30)).text(Rule::Baseline), @"
    Baseline: 2 Organizations of acme-bitbucket for 30 min
    2 Organizations of acme-bitbucket had a problem when snykwatch first saw them (2026-11-23 03:00 UTC) and have it still: NothingImported 2. New problems are told one by one.
    - Organization 00000000-0000-0000-0000-000000001000: None of 3 imported repositories has a project. [measured, 11-23 03:30]
    - Organization 00000000-0000-0000-0000-000000001000: Not known: there is no project. [measured, 11-23 03:30]
    - Organization 00000000-0000-0000-0000-000000001001: None of 3 imported repositories has a project. [measured, 11-23 03:30]
    - Organization 00000000-0000-0000-0000-000000001001: Not known: there is no project. [measured, 11-23 03:30]
    Noticed: Each Organization leaves the list within 30 min of its repair.
    Next: (Organization Admin) Go through the listed Organizations on the status page when there is time; each leaves the list when its problem is gone.
    Visit: Organization 00000000-0000-0000-0000-000000001000; Organization 00000000-0000-0000-0000-000000001001 +0
    Status page <https://snykwatch.acme.example/#organization-acme-bitbucket-00000000-0000-0000-0000-000000001000>
    Runbook: Baseline <https://snykwatch.acme.example/runbooks/Baseline>
    Organization 00000000-0000-0000-0000-000000001000 in Snyk <https://app.snyk.io/org/acme-00000000-0000-0000-0000-000000001000/manage/integrations>
    Organization 00000000-0000-0000-0000-000000001001 in Snyk <https://app.snyk.io/org/acme-00000000-0000-0000-0000-000000001001/manage/integrations>
    [acme-bitbucket - organization bitbucket-cloud platform-team]
    ");
}
