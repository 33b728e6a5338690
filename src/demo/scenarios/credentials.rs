//! A PAT that Bitbucket rejects: one cause, one page, and as near to the cause as the answer allows.

use super::prelude::*;
use crate::demo::scenario::{
    ACME_EMAIL, AuthSetup, Expectation as E,
    Who::{EveryOrganization, Group, Organization},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::{Role, Truth};
use crate::sandbox::world::{ACME_CREDENTIAL, ACME_PROFILE, pilot_guide_scopes};
use crate::sandbox::{Api, FaultKind};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "pat-expired",
            line: Some(5),
            title: "the PAT that the Group and 50 Organizations use expires",
            verdict: "one CredentialInvalid with its blast radius, still so a day later; nothing else",
            pages: &[(Rule::CredentialExpiring, Severity::Critical), (Rule::CredentialInvalid, Severity::Critical)],
            story: pat_expired,
        },
        Scenario {
            name: "pat-revoked",
            line: Some(6),
            title: "the PAT, which had worked, is revoked",
            verdict: "rejected; Bitbucket does not say why, and the e-mail is not blamed",
            pages: &[(Rule::CredentialInvalid, Severity::Critical)],
            story: pat_revoked,
        },
        Scenario {
            name: "pat-blocked",
            line: Some(6),
            title: "an administrator of the Atlassian organisation blocks the PAT",
            verdict: "blocked, as the admin API tells",
            pages: &[(Rule::CredentialInvalid, Severity::Critical)],
            story: pat_blocked,
        },
        Scenario {
            name: "pat-with-wrong-email",
            line: Some(6),
            title: "the PAT is configured with somebody else's e-mail",
            verdict: "the token or the e-mail beside it is wrong",
            pages: &[(Rule::CredentialInvalid, Severity::Critical)],
            story: pat_with_wrong_email,
        },
        Scenario {
            name: "app-password",
            line: Some(6),
            title: "an app password is still in use; Bitbucket retired them",
            verdict: "retired app password, told by its prefix",
            pages: &[(Rule::CredentialInvalid, Severity::Critical)],
            story: app_password,
        },
        Scenario {
            name: "pat-sent-as-bearer",
            line: Some(6),
            title: "an API token is sent alone, as access tokens are",
            verdict: "wrong authentication scheme, told by the token's prefix; the operator is asked, not the owner",
            pages: &[(Rule::CredentialInvalid, Severity::Critical)],
            story: pat_sent_as_bearer,
        },
        Scenario {
            name: "pat-revoked-before-the-listing",
            line: Some(53),
            title: "the PAT was revoked before snykwatch came; it is rejected before the Organizations are listed",
            verdict: "the first page has the whole blast radius",
            pages: &[(Rule::CredentialInvalid, Severity::Critical)],
            story: pat_revoked_before_the_listing,
        },
        Scenario {
            name: "pat-revoked-and-no-listing",
            line: Some(53),
            title: "the same, and Snyk does not list the Organizations for a quarter of an hour",
            verdict: "told after 2 min with what is not looked at yet; the same page grows to the whole blast radius",
            pages: &[(Rule::CredentialInvalid, Severity::Critical)],
            story: pat_revoked_and_no_listing,
        },
        Scenario {
            name: "observer-revoked",
            line: Some(6),
            title: "snykwatch's own observer token is revoked; the PAT in Snyk works",
            verdict: "the PAT is not blamed: its sync proves it; ObserverRejected: we are blind",
            pages: &[(Rule::ObserverRejected, Severity::Warning)],
            story: observer_revoked,
        },
    ]
}

fn pat_expired(start: DateTime<Utc>) -> Story {
    let invalid = || only(Rule::CredentialInvalid, PAT, Severity::Critical);
    let failed = |who| E::Status(who, Status::ConnectionFailed, Reason::CredentialExpired);
    let mut story = settled_organizations(start, 50, 50).setup(|setup| {
        for credential in &mut setup.credentials {
            credential.admin_api = true;
            credential.expires_at = None;
        }
        setup.schedule = vec![("organizations", "{ every: 6h }")];
    });
    story.world.expire_credential(ACME_CREDENTIAL, start + minutes(90));
    story
        .expect(
            minutes(60),
            [
                connected(Group),
                connected(EveryOrganization),
                E::Organizations(50),
                only(Rule::CredentialExpiring, PAT, Severity::Critical),
            ],
        )
        .expect(
            minutes(105),
            [
                failed(Group),
                failed(EveryOrganization),
                E::Condition(Group, Condition::CredentialValid, Truth::False, Reason::CredentialExpired),
                invalid(),
                E::Affects(Rule::CredentialInvalid, 51),
                E::IncidentSays(Rule::CredentialInvalid, "1 Group integration and 50 Organizations"),
                E::IncidentSays(Rule::CredentialInvalid, "expired on 2026-11-23"),
                E::IncidentSays(Rule::CredentialInvalid, "Create a new token"),
            ],
        )
        .expect(
            hours(36),
            [failed(Group), failed(EveryOrganization), invalid(), E::Affects(Rule::CredentialInvalid, 51)],
        )
}

fn pat_revoked(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 2)
        .change(hours(1), "the PAT is revoked", |world| world.revoke_credential(ACME_CREDENTIAL))
        .expect(
            minutes(70),
            [
                E::Status(Group, Status::ConnectionFailed, Reason::CredentialRejected),
                E::Status(Organization(1), Status::ConnectionFailed, Reason::CredentialRejected),
                only(Rule::CredentialInvalid, PAT, Severity::Critical),
                E::Affects(Rule::CredentialInvalid, 3),
                E::IncidentSays(Rule::CredentialInvalid, "Create a new token"),
            ],
        )
        .change(hours(3), "its owner makes a new one, and it is saved in Snyk everywhere", |world| {
            let ends = world.now + days(90);
            world.rotate_credential(ACME_CREDENTIAL, "snyk-integration-2", Some(ends));
            world.save_at_group(ACME_PROFILE, "snyk-integration-2");
            world.save_at_organization("acme-team-000", "snyk-integration-2");
            world.save_at_organization("acme-team-001", "snyk-integration-2");
        })
        .write_secret(hours(3), "bitbucket-acme", "snyk-integration-2")
        .expect(hours(5), [connected(Group), connected(EveryOrganization), quiet()])
}

fn pat_blocked(start: DateTime<Utc>) -> Story {
    settled(start, 20)
        .setup(|setup| setup.credentials.iter_mut().for_each(|credential| credential.admin_api = true))
        .change(hours(1), "an administrator of the organisation blocks the PAT", |world| {
            if let Some(credential) = world.credential_mut(ACME_CREDENTIAL) {
                credential.state = crate::sandbox::world::CredentialState::Blocked;
            }
        })
        .expect(
            hours(2),
            [
                E::Status(Group, Status::ConnectionFailed, Reason::CredentialBlocked),
                only(Rule::CredentialInvalid, PAT, Severity::Critical),
                E::IncidentSays(Rule::CredentialInvalid, "nblock"),
            ],
        )
}

/// The Group and thirty Organizations, and a PAT that was revoked before anybody looked.
fn revoked_at_first_sight(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 60, 30);
    story.world.advance(start - hours(1));
    story.world.revoke_credential(ACME_CREDENTIAL);
    story
}

fn rejected(who: Who) -> E {
    E::Status(who, Status::ConnectionFailed, Reason::CredentialWrongTokenOrEmail)
}

/// It is one page, with all that hang on the PAT.
fn whole_blast_radius() -> [E; 8] {
    [
        rejected(Group),
        rejected(EveryOrganization),
        E::Organizations(30),
        only(Rule::CredentialInvalid, PAT, Severity::Critical),
        E::Affects(Rule::CredentialInvalid, 31),
        E::PageSays(Rule::CredentialInvalid, "1 Group integration and 30 Organizations"),
        E::PageSays(Rule::CredentialInvalid, "reate a new token"),
        E::PagesSoFar(1),
    ]
}

fn pat_revoked_before_the_listing(start: DateTime<Utc>) -> Story {
    // What failed is asked again after a quarter of its cadence: here a minute, by when the PAT is known to be rejected.
    let mut story =
        revoked_at_first_sight(start).setup(|setup| setup.schedule = vec![("organizations", "{ every: 4m }")]);
    story.world.break_organization_listing(&FaultKind::Status(503));
    for fault in &mut story.world.faults {
        fault.requests = Some(1);
    }
    story.expect(minutes(4), whole_blast_radius()).expect(minutes(40), whole_blast_radius())
}

fn pat_revoked_and_no_listing(start: DateTime<Utc>) -> Story {
    let mut story = revoked_at_first_sight(start);
    story.world.break_organization_listing(&FaultKind::Status(503));
    story
        .expect(
            minutes(8),
            [
                rejected(Group),
                only(Rule::CredentialInvalid, PAT, Severity::Critical),
                E::PagesSoFar(1),
                E::PageSays(Rule::CredentialInvalid, "the Organizations of acme-bitbucket are not listed yet"),
            ],
        )
        .change(minutes(15), "Snyk lists the Organizations", |world| world.repair(Api::Snyk))
        .expect(hours(3), whole_blast_radius())
}

/// Rejected from the first look on.
fn never_accepted(story: Story, reason: Reason, said: &'static str) -> Story {
    story
        .expect(
            minutes(15),
            [
                E::Status(Group, Status::ConnectionFailed, reason),
                E::Condition(Group, Condition::CredentialValid, Truth::False, reason),
                only(Rule::CredentialInvalid, PAT, Severity::Critical),
                E::IncidentSays(Rule::CredentialInvalid, said),
            ],
        )
        .expect(
            hours(30),
            [
                E::Status(Group, Status::ConnectionFailed, reason),
                only(Rule::CredentialInvalid, PAT, Severity::Critical),
            ],
        )
}

/// The only credential, presented in this way.
fn presented(story: Story, secret_of: &'static str, auth: AuthSetup) -> Story {
    story.setup(move |setup| {
        setup.pace = crate::demo::scenario::Cadences::Hourly;
        for credential in &mut setup.credentials {
            credential.secret_of = secret_of;
            credential.auth = auth.clone();
            // Nobody could be asked when it ends, which is not the same as nobody telling.
            credential.expires_at = None;
        }
    })
}

fn pat_with_wrong_email(start: DateTime<Utc>) -> Story {
    let auth = AuthSetup::ApiToken { email: "somebody@acme.example", scheme: "basic" };
    let story = presented(settled(start, 20), ACME_CREDENTIAL, auth);
    never_accepted(story, Reason::CredentialWrongTokenOrEmail, "e-mail")
}

fn app_password(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 20);
    if let Some(owner) = story.world.account_id(crate::sandbox::world::ACME_ACCOUNT) {
        story.world.add_app_password("old-app-password", owner, pilot_guide_scopes());
        story.world.save_at_group(ACME_PROFILE, "old-app-password");
    }
    let auth = AuthSetup::AppPassword { username: crate::sandbox::world::ACME_ACCOUNT };
    never_accepted(presented(story, "old-app-password", auth), Reason::CredentialAppPasswordRetired, "app password")
}

fn pat_sent_as_bearer(start: DateTime<Utc>) -> Story {
    let story =
        presented(settled(start, 20), ACME_CREDENTIAL, AuthSetup::ApiToken { email: ACME_EMAIL, scheme: "bearer" });
    never_accepted(story, Reason::CredentialWrongScheme, "Configure this credential by the kind of its token")
}

fn observer_revoked(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 20);
    if let Some(owner) = story.world.account_id(crate::sandbox::world::ACME_ACCOUNT) {
        story.world.add_api_token("observer", owner, pilot_guide_scopes());
    }
    story
        .setup(|setup| {
            for credential in &mut setup.credentials {
                credential.secret_of = "observer";
                credential.role = Role::Observer;
            }
        })
        .expect(
            minutes(50),
            [
                connected(Group),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::InferredFromSync),
                quiet(),
            ],
        )
        .change(hours(1), "the observer's token is revoked", |world| world.revoke_credential("observer"))
        .expect(
            hours(5),
            [
                E::KnownBelowUnknown(Group, Status::Connected),
                E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::InferredFromSync),
                E::NeverOpened(Rule::CredentialInvalid),
                only(Rule::ObserverRejected, PAT, Severity::Warning),
            ],
        )
}
