use chrono::TimeDelta;
use insta::assert_snapshot;

use super::Story;
use crate::domain::evidence::Part;
use crate::domain::facts::{
    CredentialExpiry, PermissionProof, RejectionCause, ScmAuthentication, SnykAuthentication, SnykRejectionCause,
};
use crate::domain::incident::Rule;
use crate::domain::kinds::Source;
use crate::domain::names::CredentialName;
use crate::domain::permission::Permission;
use crate::domain::work::{Finding, ProbeKind, WorkSubject};
use crate::health::testing::{PAT, TOKEN, World, hours, minutes, start};

#[test]
fn a_rejected_snyk_token() {
    let story = Story::healthy(3, 2, |world| {
        world.snyk = SnykAuthentication::Rejected(SnykRejectionCause::Unspecified);
    });
    assert_snapshot!(story.after(hours(2)).text(Rule::SnykTokenInvalid), @"
    SnykTokenInvalid: acme-us (1 Group integration and 2 Organizations)
    Snyk has rejected the Snyk token acme-us for 90 min (since 2026-11-23 04:00 UTC). Snyk rejects acme-us: unknown, revoked, expired or of another region. snykwatch is blind for 1 Group integration and 2 Organizations; scanning itself goes on. It becomes critical 2026-11-24 04:00 UTC.
    - Snyk rejects acme-us: unknown, revoked, expired or of another region; a second probe confirmed it. [measured, 11-23 05:30]
    - Nobody tells when it expires: no API says so, and no date is declared. [inferred]
    - This version of it was first accepted 2026-11-23 03:00 UTC. [measured, 11-23 03:00]
    x Not the network or an outage: snyk/acme-us answered (2026-11-23 05:30 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-23 05:30 UTC).
    Noticed: Within 30 min of the new token being in our secret (the probe of Snyk tokens).
    Next: (Token owner) Create a new token in Snyk where this one was created (the user's account settings, or the service account); (snykwatch operator) put it in the secret of this `snyk` entry.
    Status page <https://snykwatch.acme.example/#credentials>
    Runbook: SnykTokenInvalid <https://snykwatch.acme.example/runbooks/SnykTokenInvalid>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    [acme-bitbucket acme-us group bitbucket-cloud platform-team]
    ");
}

#[test]
fn an_expiring_snyk_token() {
    let story = Story::healthy(3, 1, |world| {
        let at = CredentialExpiry::At { at: start() + TimeDelta::days(10), source: Source::Measured };
        world.extra = vec![Finding::SnykTokenExpiry(CredentialName::from(TOKEN), at)];
    });
    assert_snapshot!(story.after(minutes(30)).text(Rule::SnykTokenExpiring), @"
    SnykTokenExpiring: acme-us expires in 9 d
    The Snyk token acme-us expires in 9 d (2026-12-03 03:00 UTC). From then on snykwatch is blind for 1 Group integration and 1 Organization.
    - Snyk accepts acme-us. [measured, 11-23 04:00]
    - It belongs to a user. [measured, 11-23 04:00]
    - It expires 2026-12-03 03:00 UTC, as the API says. [measured, 11-23 04:00]
    - This version of it was first accepted 2026-11-23 03:00 UTC. [measured, 11-23 03:00]
    Noticed: Within 30 min of the new token being in our secret (the probe of Snyk tokens).
    Next: (Token owner) Create a new token in Snyk where this one was created (the user's account settings, or the service account); (snykwatch operator) put it in the secret of this `snyk` entry.
    Status page <https://snykwatch.acme.example/#credentials>
    Runbook: SnykTokenExpiring <https://snykwatch.acme.example/runbooks/SnykTokenExpiring>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    [acme-bitbucket acme-us group bitbucket-cloud platform-team]
    ");
}

#[test]
fn a_rejected_snyk_token_expires_when_the_api_last_said() {
    let reject = |world: &mut World| {
        world.extra.clear();
        world.snyk = SnykAuthentication::Rejected(SnykRejectionCause::Unspecified);
    };
    let told = |expires_in: TimeDelta| {
        let mut world = World::healthy(3, 1);
        let token = world.fleet.snyk_tokens.get_mut(&CredentialName::from(TOKEN)).unwrap();
        token.token_version = Some("hash-1".to_owned());
        let at = CredentialExpiry::At { at: start() + expires_in, source: Source::Measured };
        world.extra = vec![Finding::SnykTokenExpiry(CredentialName::from(TOKEN), at)];
        let mut story = Story::new(world);
        story.pass(minutes(30));
        story
    };
    // It cannot be asked again.
    let mut story = told(TimeDelta::days(60));
    reject(&mut story.world);
    let text = story.after(hours(6)).text(Rule::SnykTokenInvalid);
    let line = "- It expires 2027-01-22 03:00 UTC, as the API last said. [measured, 11-23 03:30]";
    assert!(text.contains(line), "{text}");
    let mut story = told(hours(1));
    reject(&mut story.world);
    let text = story.after(hours(6)).text(Rule::SnykTokenInvalid);
    assert!(text.contains("- It expired 2026-11-23 04:00 UTC, as the API last said."), "{text}");
    // Of another one that was never accepted nothing is told by what was said of the one before.
    let mut story = told(TimeDelta::days(60));
    reject(&mut story.world);
    let token = story.world.fleet.snyk_tokens.get_mut(&CredentialName::from(TOKEN)).unwrap();
    token.token_version = Some("hash-2".to_owned());
    let text = story.after(hours(6)).text(Rule::SnykTokenInvalid);
    assert!(!text.contains("as the API last said"), "{text}");
    assert!(text.contains("- Nobody tells when it expires"), "{text}");
}

#[test]
fn a_rejected_pat() {
    let story = Story::healthy(3, 12, |world| {
        world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Expired);
    });
    assert_snapshot!(story.after(hours(2)).text(Rule::CredentialInvalid), @"
    CredentialInvalid: bitbucket-acme (1 Group integration and 12 Organizations)
    The PAT of credential bitbucket-acme has been rejected for 90 min (since 2026-11-23 04:00 UTC). Bitbucket rejects bitbucket-acme: it has expired. It is used by 1 Group integration and 12 Organizations: discovery, imports and pull request comments stop there.
    - Bitbucket rejects bitbucket-acme: it has expired; a second probe confirmed it. [measured, 11-23 05:30]
    - It expires 2027-06-11 03:00 UTC, as the configuration says. [declared]
    - This version of it was first accepted 2026-11-23 03:00 UTC. [measured, 11-23 03:00]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-23 05:30 UTC).
    x Not our access to Snyk: Snyk lets us read the Group (2026-11-23 05:30 UTC).
    Noticed: Our copy: within 30 min of its replacement (the probe of credentials); the copies saved in Snyk: in Organizations within 30 min (the audit log), at the Group after its next synchronisation (every 6 h).
    Next: (Token owner) Create a new token with the same permissions, then save it in Snyk for 1 Group integration and 12 Organizations (Group Admin, Organization Admins), and (snykwatch operator) replace our copy.
    Visit: acme-bitbucket (group); Organization 00000000-0000-0000-0000-000000001000; Organization 00000000-0000-0000-0000-000000001001; Organization 00000000-0000-0000-0000-000000001002; Organization 00000000-0000-0000-0000-000000001003; Organization 00000000-0000-0000-0000-000000001004; Organization 00000000-0000-0000-0000-000000001005; Organization 00000000-0000-0000-0000-000000001006; Organization 00000000-0000-0000-0000-000000001007; Organization 00000000-0000-0000-0000-000000001008 +3
    Status page <https://snykwatch.acme.example/#credentials>
    Runbook: CredentialInvalid <https://snykwatch.acme.example/runbooks/CredentialInvalid>
    API tokens of the bot account at Atlassian <https://id.atlassian.com/manage-profile/security/api-tokens>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    [acme-bitbucket bitbucket-acme group bitbucket-cloud platform-team]
    ");
}

#[test]
fn a_copy_of_ours_that_never_worked() {
    let story = Story::healthy(3, 1, |world| {
        world.fleet.scm_credentials.get_mut(&CredentialName::from(PAT)).unwrap().token_version =
            Some("typo".to_owned());
        world.main().authentication = ScmAuthentication::Rejected(RejectionCause::WrongTokenOrEmail);
    });
    let page = story.after(hours(1)).page(Rule::CredentialInvalid);
    assert_snapshot!(page.last_change.unwrap(), @"2026-11-23 03:45 UTC (15 min before): the secret of bitbucket-acme was replaced here, and the new copy never worked; the copy before it worked until 2026-11-23 03:30 UTC (measured).");
    assert_snapshot!(page.next_step, @"(snykwatch operator) Put the token that is saved in Snyk into the secret of this credential, whole and without anything around it: the copy before it worked until 2026-11-23 03:30 UTC. Only if that token is rejected too, (Token owner) create a new one and save it in Snyk for 1 Group integration and 1 Organization (Group Admin, Organization Admins).");
    let first_used = page.evidence.iter().find(|claim| claim.text.contains("first accepted"));
    assert_eq!(first_used, None, "this version was never accepted");
}

#[test]
fn an_expiry_that_the_admin_api_does_not_tell() {
    let story = Story::healthy(3, 0, |world| {
        world.fleet.scm_credentials.get_mut(&CredentialName::from(PAT)).unwrap().expires_at = None;
        world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
        let subject = WorkSubject::Credential(CredentialName::from(PAT));
        let why = "could not list the organisation's API tokens: the API answered 403: no";
        world.fail(ProbeKind::ScmCredential, subject, Part::ListedToken, "forbidden", why);
    });
    let page = story.after(hours(1)).page(Rule::CredentialInvalid);
    let told = page.evidence.iter().find(|claim| claim.text.contains("expiry")).unwrap();
    assert_snapshot!(told.text, @"Its expiry is unknown: the admin API refuses our key: could not list the organisation's API tokens: the API answered 403: no (since 2026-11-23 03:30 UTC).");
}

#[test]
fn a_missing_permission() {
    let story = Story::healthy(3, 1, |world| {
        let scope = Some("write:webhook:bitbucket".to_owned());
        world.main().permissions.insert(Permission::WebhookWrite, PermissionProof::Missing { scope });
    });
    assert_snapshot!(story.after(hours(1)).text(Rule::PermissionsMissing), @"
    PermissionsMissing: bitbucket-acme (1 Group integration and 1 Organization)
    The PAT of credential bitbucket-acme has lacked Webhooks: write (scope write:webhook:bitbucket) for 45 min (since 2026-11-23 03:45 UTC). It is used by 1 Group integration and 1 Organization.
    - Bitbucket accepts bitbucket-acme. [measured, 11-23 04:30]
    - It expires 2027-06-11 03:00 UTC, as the configuration says. [declared]
    - bitbucket-acme lacks Webhooks: write (write:webhook:bitbucket). [measured, 11-23 04:30]
    - This version of it was first accepted 2026-11-23 03:00 UTC. [measured, 11-23 03:00]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-23 04:30 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-23 04:30 UTC).
    x Probably not an expired PAT: bitbucket-acme is valid until 2027-06-11 (declared).
    x Not the account's access to the repositories: the PAT sees 3 repositories (2026-11-23 04:30 UTC).
    Noticed: Within 30 min of our copy being replaced (the probe of credentials); rights of the account within 30 min (the probe of the profile).
    Next: (Token owner) Create a token that also has Webhooks: write (scope write:webhook:bitbucket): the permissions of a token cannot be changed; (Group Admin, Organization Admins) save it in Snyk; (snykwatch operator) replace our copy.
    Visit: acme-bitbucket (group); Organization 00000000-0000-0000-0000-000000001000 +0
    Status page <https://snykwatch.acme.example/#credentials>
    Runbook: PermissionsMissing <https://snykwatch.acme.example/runbooks/PermissionsMissing>
    API tokens of the bot account at Atlassian <https://id.atlassian.com/manage-profile/security/api-tokens>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    [acme-bitbucket bitbucket-acme group bitbucket-cloud platform-team]
    ");
}

fn declare(world: &mut World, at: chrono::DateTime<chrono::Utc>) {
    world.fleet.scm_credentials.get_mut(&CredentialName::from(PAT)).unwrap().expires_at = Some(at);
}

#[test]
fn an_expiring_pat() {
    let story = Story::healthy(3, 1, |world| declare(world, start() + TimeDelta::days(5)));
    assert_snapshot!(story.after(minutes(30)).text(Rule::CredentialExpiring), @"
    CredentialExpiring: bitbucket-acme expires in 4 d
    The PAT of credential bitbucket-acme expires in 4 d (2026-11-28 03:00 UTC, as the configuration says). From then on discovery, imports and pull request comments stop for 1 Group integration and 1 Organization. It becomes critical 2026-11-25 03:00 UTC.
    - Bitbucket accepts bitbucket-acme. [measured, 11-23 04:00]
    - It expires 2026-11-28 03:00 UTC, as the configuration says. [declared]
    - This version of it was first accepted 2026-11-23 03:00 UTC. [measured, 11-23 03:00]
    Noticed: Our copy: within 30 min of its replacement (the probe of credentials); the copies saved in Snyk: in Organizations within 30 min (the audit log), at the Group after its next synchronisation (every 6 h).
    Next: (Token owner) Create a new token with the same permissions; (Group Admin, Organization Admins) save it in Snyk for 1 Group integration and 1 Organization before that date; (snykwatch operator) replace our copy.
    Visit: acme-bitbucket (group); Organization 00000000-0000-0000-0000-000000001000 +0
    Status page <https://snykwatch.acme.example/#credentials>
    Runbook: CredentialExpiring <https://snykwatch.acme.example/runbooks/CredentialExpiring>
    API tokens of the bot account at Atlassian <https://id.atlassian.com/manage-profile/security/api-tokens>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    [acme-bitbucket bitbucket-acme group bitbucket-cloud platform-team]
    ");
}

#[test]
fn an_outdated_declared_date() {
    let story = Story::healthy(3, 1, |world| declare(world, world.now + minutes(20)));
    assert_snapshot!(story.after(hours(1)).text(Rule::DeclaredDateOutdated), @"
    DeclaredDateOutdated: bitbucket-acme (1 Group integration and 1 Organization)
    The declared expiry of credential bitbucket-acme passed on 2026-11-23 03:50 UTC, and the PAT still works: the date is wrong, and the real one will come without warning.
    - Bitbucket accepts bitbucket-acme. [measured, 11-23 04:30]
    - Its declared expiry was 2026-11-23 03:50 UTC; it is still accepted. [declared]
    - This version of it was first accepted 2026-11-23 03:00 UTC. [measured, 11-23 03:00]
    Noticed: At once when the configuration is reloaded.
    Next: (snykwatch operator) Correct `expires_at` of this credential; the owner of the bot account sees the date beside the token.
    Status page <https://snykwatch.acme.example/#credentials>
    Runbook: DeclaredDateOutdated <https://snykwatch.acme.example/runbooks/DeclaredDateOutdated>
    API tokens of the bot account at Atlassian <https://id.atlassian.com/manage-profile/security/api-tokens>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    [acme-bitbucket bitbucket-acme group bitbucket-cloud platform-team]
    ");
}
