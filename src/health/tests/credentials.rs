//! Confirmation, rotation, expiry, observers.

use chrono::TimeDelta;

use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{
    AuditEvent, AuditEventKind, AuditEvents, CredentialExpiry, PermissionProof, RejectionCause, ScmAuthentication,
    SnykAuthentication, SnykRejectionCause,
};
use crate::domain::kinds::{Source, Truth};
use crate::domain::names::CredentialName;
use crate::domain::permission::Permission;
use crate::domain::state::DeclaredDate;
use crate::domain::status::Status;
use crate::domain::work::{Finding, ProbeKind, Work, WorkSubject};

use super::super::FollowUp;
use super::super::testing::{PAT, TOKEN, World, accepted, hours, minutes, start};

fn pat() -> CredentialName {
    CredentialName::from(PAT)
}

/// Probes the PAT after `seconds` and returns the truth and whether it is being confirmed.
fn probe(world: &mut World, seconds: i64) -> (Truth, bool) {
    world.now += TimeDelta::seconds(seconds);
    world.probe_credentials();
    world.evaluate();
    let state = &world.stored(None).conditions[&Condition::CredentialValid];
    (state.truth, state.confirming)
}

#[test]
fn a_rejection_is_confirmed_by_a_second_one() {
    let mut world = World::healthy(5, 0);
    world.probe();
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    assert_eq!(probe(&mut world, 60), (Truth::True, true));
    let work = Work { kind: ProbeKind::ScmCredential, subject: WorkSubject::Credential(pat()) };
    assert_eq!(world.follow_ups, vec![FollowUp::Confirm(work)]);
    assert_eq!(probe(&mut world, 29), (Truth::True, true), "too soon");
    assert_eq!(probe(&mut world, 1), (Truth::False, false));
    assert_eq!(probe(&mut world, 300), (Truth::False, false), "a confirmed one needs no second");
    // An acceptance clears at once.
    world.main().authentication = accepted("token-1");
    assert_eq!(probe(&mut world, 300), (Truth::True, false));
    // One bad answer between good ones changes nothing.
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    assert_eq!(probe(&mut world, 300), (Truth::True, true));
    world.main().authentication = accepted("token-1");
    assert_eq!(probe(&mut world, 300), (Truth::True, false));
}

#[test]
fn another_secret_is_counted_anew() {
    let mut world = World::healthy(5, 0);
    world.probe();
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::WrongTokenOrEmail);
    assert_eq!(probe(&mut world, 60), (Truth::True, true));
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().token_version = Some("hash-2".to_owned());
    assert_eq!(probe(&mut world, 60), (Truth::True, true), "the first answer about this secret");
    assert_eq!(world.state.credentials[&pat()].confirming, Some((world.now, 1)));
    assert_eq!(probe(&mut world, 30), (Truth::False, false));
    // And a rotation after it is still one.
    world.main().authentication = accepted("token-2");
    assert_eq!(probe(&mut world, 60), (Truth::True, false));
    assert!(world.state.credentials[&pat()].rotated_from.is_some());
}

#[test]
fn another_snyk_token_is_counted_anew() {
    let mut world = World::healthy(5, 0);
    let token = CredentialName::from(TOKEN);
    let secret = |world: &mut World, version: &str| {
        world.fleet.snyk_tokens.get_mut(&token).unwrap().token_version = Some(version.to_owned());
    };
    let probe = |world: &mut World, seconds: i64| {
        world.now += TimeDelta::seconds(seconds);
        world.probe();
        (
            world.state.credentials[&token].valid.truth,
            world.state.credentials[&token].confirming.map(|(_, count)| count),
        )
    };
    secret(&mut world, "hash-1");
    assert_eq!(probe(&mut world, 0), (Truth::True, None));
    world.snyk = SnykAuthentication::Rejected(SnykRejectionCause::Unspecified);
    assert_eq!(probe(&mut world, 60), (Truth::True, Some(1)));
    secret(&mut world, "hash-2");
    assert_eq!(probe(&mut world, 60), (Truth::True, Some(1)), "the first answer about this secret");
    assert_eq!(probe(&mut world, 29), (Truth::True, Some(2)));
    assert_eq!(probe(&mut world, 1), (Truth::False, None));
    assert_eq!(probe(&mut world, 60), (Truth::False, None), "a confirmed one needs no second");
    // What was confirmed of the old secret is not confirmed of the new one.
    secret(&mut world, "hash-3");
    assert_eq!(probe(&mut world, 60), (Truth::False, Some(1)));
    assert_eq!(world.state.credentials[&token].rotated_from, None, "no other was ever accepted");
    world.snyk = SnykAuthentication::Accepted { principal: "user".to_owned(), id: "u".to_owned(), name: None };
    assert_eq!(probe(&mut world, 60), (Truth::True, None));
    assert_eq!(world.state.credentials[&token].rotated_from, Some(("hash-1".to_owned(), world.now)));
}

#[test]
fn older_evidence_never_replaces_newer() {
    let mut world = World::healthy(5, 0);
    world.now += hours(1);
    world.probe();
    let before = world.state.clone();
    world.now -= minutes(30);
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    world.assets.clear();
    world.probe();
    assert_eq!(world.state.evidence.groups, before.evidence.groups);
    assert_eq!(world.state.evidence.scm_credentials, before.evidence.scm_credentials);
}

#[test]
fn a_declared_date_belongs_to_the_token_it_was_declared_for() {
    let mut world = World::healthy(5, 0);
    world.probe();
    let fresh = |world: &World| world.condition(None, Condition::CredentialFresh);
    assert_eq!(fresh(&world), (Truth::True, Reason::Ok));
    world.main().authentication = accepted("token-2");
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().token_version = Some("hash-2".to_owned());
    world.pass(minutes(15));
    assert_eq!(fresh(&world), (Truth::Unknown, Reason::Superseded));
    let stored = &world.state.credentials[&pat()];
    assert_eq!(stored.declared, DeclaredDate::Superseded);
    assert_eq!(stored.previous_expiry, Some(start() + TimeDelta::days(200)));
    // A corrected date belongs to the new token.
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().expires_at = Some(start() + TimeDelta::days(10));
    world.pass(minutes(15));
    assert_eq!(fresh(&world), (Truth::False, Reason::CredentialExpiring));
    // It passes, and the token still works.
    world.now += TimeDelta::days(11);
    world.probe();
    assert_eq!(fresh(&world), (Truth::Unknown, Reason::DeclaredDateOutdated));
    assert_eq!(world.state.credentials[&pat()].declared, DeclaredDate::Outdated);
    assert_eq!(world.condition(None, Condition::CredentialValid), (Truth::True, Reason::Ok));
}

#[test]
fn a_rejection_after_the_known_expiry_is_an_expiry() {
    let mut world = World::healthy(5, 0);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().expires_at = Some(start() + hours(1));
    world.pass(minutes(30));
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::WrongTokenOrEmail);
    world.pass(hours(2));
    assert_eq!(world.status(None), (Status::ConnectionFailed, Reason::CredentialExpired));
    insta::assert_snapshot!(world.message(None), @"Bitbucket rejects bitbucket-acme: it expired on 2026-11-23 (declared)");
}

#[test]
fn rotated_at_the_group_only() {
    let mut world = World::healthy(5, 2);
    world.pass(TimeDelta::days(3));
    world.test_everything();
    world.main().authentication = accepted("token-2");
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().token_version = Some("hash-2".to_owned());
    let saved_at = world.now;
    let event = AuditEvent {
        at: saved_at,
        kind: AuditEventKind::Edited,
        integration_id: None,
        source_type: None,
        user_id: None,
        about: None,
    };
    world.organization(1).events = AuditEvents::Complete { from: start() - TimeDelta::days(90), events: vec![event] };
    world.pass(minutes(45));
    assert_eq!(world.status(Some(0)), (Status::PartiallyConnected, Reason::CredentialOutOfStep));
    insta::assert_snapshot!(world.message(Some(0)), @"not saved in Snyk since the PAT was rotated (2026-11-25 03:15 UTC); the old one expires on 2027-06-11");
    assert_eq!(world.status(Some(1)), (Status::Connected, Reason::Ok), "{}", world.message(Some(1)));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    assert_eq!(world.condition(None, Condition::CredentialInStep), (Truth::Unknown, Reason::OldTokenStillValid));
    assert_eq!(world.stored(Some(0)).organization.false_readings[&Condition::CredentialInStep].count, 2);
    world.sync(world.now);
    world.organization(0).events = AuditEvents::NotReadable;
    world.pass(minutes(15));
    // An asset may have moved with the old token.
    assert_eq!(world.condition(None, Condition::CredentialInStep), (Truth::Unknown, Reason::OldTokenStillValid));
    assert_eq!(world.status(Some(0)), (Status::Connected, Reason::Ok), "unknown does not hinder");
}

#[test]
fn rotated_and_saved_while_nobody_watched() {
    let mut world = World::healthy(5, 1);
    world.pass(hours(1));
    let event = AuditEvent {
        at: world.now + hours(24),
        kind: AuditEventKind::Edited,
        integration_id: None,
        source_type: None,
        user_id: None,
        about: None,
    };
    world.organization(0).events = AuditEvents::Complete { from: start() - TimeDelta::days(90), events: vec![event] };
    world.now += TimeDelta::days(3);
    world.test_everything();
    world.main().authentication = accepted("token-2");
    world.probe();
    assert_eq!(world.condition(Some(0), Condition::CredentialInStep), (Truth::True, Reason::Ok));
    assert_eq!(world.status(Some(0)), (Status::Connected, Reason::Ok));
}

/// A typo in our copy, after passes in which the one before was accepted.
fn with_a_bad_copy() -> World {
    let mut world = World::healthy(5, 1);
    world.sync(start() - hours(1));
    world.pass(hours(1));
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().token_version = Some("typo".to_owned());
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::WrongTokenOrEmail);
    world
}

fn next_step(world: &World, level: Option<usize>) -> String {
    world.stored(level).status.as_ref().unwrap().next_step.clone().unwrap()
}

#[test]
fn a_new_copy_of_ours_that_never_worked_is_our_copys_fault() {
    let mut world = with_a_bad_copy();
    world.pass(minutes(30));
    assert_eq!(world.status(None), (Status::ConnectionFailed, Reason::CredentialWrongTokenOrEmail));
    insta::assert_snapshot!(world.message(None), @"Bitbucket rejects our new copy of bitbucket-acme, which never worked, while the one before did: expired, revoked, or the token or the e-mail beside it is wrong");
    for level in [None, Some(0)] {
        let step = next_step(&world, level);
        assert!(step.starts_with("snykwatch operator: put the token that is saved in Snyk into the secret"), "{step}");
    }
    // Snyk goes on with its own.
    world.sync(world.now);
    world.pass(minutes(15));
    for level in [None, Some(0)] {
        assert_eq!(world.condition(level, Condition::CredentialValid), (Truth::Unknown, Reason::OurCopyRejected));
        assert_eq!(world.status(level), (Status::Unknown, Reason::OurCopyRejected));
    }
    // It no longer does.
    world.pass(hours(27));
    assert_eq!(world.condition(None, Condition::CredentialValid).0, Truth::False);
    // The copy is corrected: no rotation, the token is the one that it was.
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().token_version = Some("hash-1".to_owned());
    world.main().authentication = accepted("token-1");
    world.pass(minutes(15));
    assert_eq!(world.condition(None, Condition::CredentialValid), (Truth::True, Reason::Ok));
    assert_eq!(world.condition(None, Condition::CredentialInStep), (Truth::NotApplicable, Reason::NotRotated));
}

#[test]
fn a_copy_that_worked_and_is_rejected_is_the_pat() {
    let mut world = World::healthy(5, 0);
    world.pass(hours(1));
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    world.pass(minutes(30));
    // A sync that was under way says nothing against it.
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(world.condition(None, Condition::CredentialValid), (Truth::False, Reason::CredentialRevoked));
    let step = next_step(&world, None);
    assert!(step.starts_with("token owner: create a new token with the same permissions"), "{step}");
}

#[test]
fn a_copy_that_was_wrong_from_the_first_day_is_not_told_from_the_pat() {
    let mut world = World::healthy(5, 0);
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::WrongTokenOrEmail);
    world.pass(minutes(30));
    insta::assert_snapshot!(world.message(None), @"Bitbucket rejects bitbucket-acme: expired, revoked, or the token or the e-mail beside it is wrong");
}

#[test]
fn fewer_admin_rights_are_believed_on_a_second_round() {
    let mut world = World::healthy(5, 0);
    world.probe();
    let granted = |world: &World| world.condition(None, Condition::PermissionsGranted);
    assert_eq!(granted(&world), (Truth::True, Reason::Ok));
    let admin = |world: &mut World, granted| {
        world.main().permissions.insert(Permission::RepositoryAdmin, PermissionProof::Partial { granted, total: 10 });
    };
    // Repositories went away between the count and the total.
    admin(&mut world, 7);
    world.pass(minutes(15));
    assert_eq!(granted(&world), (Truth::True, Reason::Ok));
    admin(&mut world, 10);
    world.pass(minutes(15));
    admin(&mut world, 7);
    world.pass(minutes(15));
    assert_eq!(granted(&world), (Truth::True, Reason::Ok), "counted anew");
    world.pass(minutes(15));
    assert_eq!(granted(&world), (Truth::False, Reason::AdminRightsMissing));
    admin(&mut world, 10);
    world.pass(minutes(15));
    assert_eq!(granted(&world), (Truth::True, Reason::Ok));
    // At first sight one round is not enough either.
    let mut world = World::healthy(5, 0);
    admin(&mut world, 7);
    world.probe();
    assert_eq!(granted(&world), (Truth::Unknown, Reason::PermissionUnverifiable));
    world.pass(minutes(15));
    assert_eq!(granted(&world), (Truth::False, Reason::AdminRightsMissing));
}

#[test]
fn what_was_told_of_the_token_before_is_not_told_of_this_one() {
    let mut world = World::healthy(5, 0);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().expires_at = None;
    let expiry = CredentialExpiry::At { at: start() + TimeDelta::days(5), source: Source::Measured };
    world.extra = vec![Finding::ScmCredentialExpiry(pat(), expiry)];
    world.probe();
    world.extra.clear();
    assert_eq!(world.condition(None, Condition::CredentialFresh), (Truth::False, Reason::CredentialExpiring));
    world.main().authentication = accepted("token-2");
    world.pass(minutes(15));
    assert_eq!(world.condition(None, Condition::CredentialFresh), (Truth::Unknown, Reason::ExpiryUnknown));
    assert_eq!(world.state.credentials[&pat()].expiry, None);
    assert_eq!(world.state.credentials[&pat()].previous_expiry, Some(start() + TimeDelta::days(5)));
}
