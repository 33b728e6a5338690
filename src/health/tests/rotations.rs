//! A new token in the place of an old one: when it came, who has it, who still has the old one.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::decisions::{Plan, PlanKind};
use crate::domain::facts::{
    Access, AuditEvent, AuditEventKind, AuditEvents, IntegrationPresence, ListedToken, PreviousSecret, RejectionCause,
    ScmAuthentication,
};
use crate::domain::kinds::{Confidence, Role, Truth};
use crate::domain::names::{CredentialName, DecisionId};
use crate::domain::rotation::{EndedBy, Rotation, RotationSource};
use crate::domain::status::Status;
use crate::domain::work::Finding;

use super::super::testing::{PAT, World, accepted, hours, minutes, start};

const ONE_OF: usize = 0;

fn pat() -> CredentialName {
    CredentialName::from(PAT)
}

fn days(days: i64) -> TimeDelta {
    TimeDelta::days(days)
}

fn saved(at: DateTime<Utc>) -> AuditEvent {
    AuditEvent {
        at,
        kind: AuditEventKind::Edited,
        integration_id: Some("integration".to_owned()),
        source_type: None,
        user_id: Some("3f1c".to_owned()),
        about: None,
    }
}

fn log(world: &mut World, number: usize, event: AuditEvent) {
    let events = &mut world.organization(number).events;
    if let AuditEvents::Complete { events, .. } = events {
        events.push(event);
    }
}

/// Our copy is replaced now.
fn replace_our_copy(world: &mut World) {
    world.main().authentication = accepted("token-2");
    let credential = world.fleet.scm_credentials.get_mut(&pat()).unwrap();
    credential.token_version = Some("hash-2".to_owned());
}

fn in_step(world: &World, organization: Option<usize>) -> (Truth, Reason) {
    world.condition(organization, Condition::CredentialInStep)
}

fn confidence(world: &World) -> Confidence {
    world.stored(None).status.as_ref().unwrap().confidence
}

fn rotation(world: &World) -> &Rotation {
    world.state.credentials[&pat()].rotation.as_ref().unwrap()
}

/// A healthy world on its fourth day.
fn settled(organizations: usize) -> World {
    let mut world = World::healthy(5, organizations);
    world.pass(days(3));
    world.test_everything();
    world
}

#[test]
fn a_rotation_done_right_shows_its_progress() {
    let mut world = settled(4);
    assert_eq!(in_step(&world, Some(ONE_OF)), (Truth::NotApplicable, Reason::NotRotated));
    let at = world.now;
    for number in 0..2 {
        log(&mut world, number, saved(at - minutes(20)));
    }
    replace_our_copy(&mut world);
    world.pass(minutes(45));
    assert_eq!(rotation(&world).progress(), (2, 5), "two of four Organizations and the Group");
    assert_eq!(rotation(&world).outstanding.len(), 3);
    assert!(rotation(&world).is_under_way());
    let by = &rotation(&world).saved[&World::key(Some(0))];
    assert_eq!((by.at, by.user_id.as_deref()), (at - minutes(20), Some("3f1c")));
    for number in 2..4 {
        let at = world.now;
        log(&mut world, number, saved(at));
    }
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(rotation(&world).progress(), (4, 5), "the old token may have moved the assets");
    // It is revoked, which we see; then assets move.
    for _ in 0..2 {
        world.extra = vec![Finding::PreviousSecret(pat(), PreviousSecret::Rejected)];
        world.pass(minutes(15));
    }
    assert_eq!(rotation(&world).old.ended.unwrap().by, EndedBy::Rejected);
    assert_eq!(in_step(&world, None), (Truth::Unknown, Reason::NotProvenSinceRotation));
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(in_step(&world, None), (Truth::True, Reason::Ok));
    assert_eq!(rotation(&world).progress(), (5, 5));
    assert_eq!(rotation(&world).done_at, Some(world.now));
    // Done stays done.
    let done_at = rotation(&world).done_at;
    world.pass(hours(3));
    assert_eq!(rotation(&world).done_at, done_at);
}

#[test]
fn assets_that_the_old_token_may_have_moved_prove_nothing() {
    let mut world = settled(0);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().expires_at = Some(start() + days(24));
    world.pass(minutes(15));
    replace_our_copy(&mut world);
    world.pass(minutes(15));
    for _ in 0..20 {
        world.now += days(1);
        world.sync(world.now);
        world.pass(minutes(15));
        assert_eq!(in_step(&world, None), (Truth::Unknown, Reason::OldTokenStillValid));
        assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
        assert_eq!(confidence(&world), Confidence::Weak);
    }
    let message = &world.stored(None).conditions[&Condition::CredentialInStep].message;
    assert!(message.ends_with("the old token may still work, until 2026-12-17: assets prove nothing"), "{message}");
    assert_eq!(rotation(&world).old.ends_at(), Some(start() + days(24)));
    // One answer of the previous secret is not enough, and an acceptance takes it back.
    world.extra = vec![Finding::PreviousSecret(pat(), PreviousSecret::Rejected)];
    world.pass(minutes(15));
    assert_eq!(rotation(&world).old.ended, None);
    world.extra = vec![Finding::PreviousSecret(pat(), PreviousSecret::Accepted)];
    world.pass(minutes(15));
    world.extra = vec![Finding::PreviousSecret(pat(), PreviousSecret::Rejected)];
    world.pass(minutes(15));
    assert_eq!(rotation(&world).old.ended, None);
    // The old token ends by itself.
    world.extra.clear();
    world.now = start() + days(24) + minutes(15);
    world.pass(minutes(15));
    assert_eq!(rotation(&world).old.ended.unwrap().by, EndedBy::Expired);
    assert_eq!(in_step(&world, None), (Truth::Unknown, Reason::NotProvenSinceRotation));
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(in_step(&world, None), (Truth::True, Reason::Ok));
    assert_eq!(confidence(&world), Confidence::Strong);
}

#[test]
fn an_old_token_that_works_after_its_date_has_not_ended() {
    let mut world = settled(0);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().expires_at = Some(start() + days(4));
    world.pass(minutes(15));
    let before = world.state.credentials[&pat()].accepted_secret.clone();
    replace_our_copy(&mut world);
    world.now = start() + days(5);
    world.extra = vec![Finding::PreviousSecret(pat(), PreviousSecret::Accepted)];
    world.pass(minutes(15));
    assert_eq!(rotation(&world).old.ended, None);
    assert_eq!(in_step(&world, None), (Truth::Unknown, Reason::OldTokenStillValid));
    // It is remembered by which secret the old one can be asked with.
    let memory = &world.state.credentials[&pat()];
    assert_eq!(memory.accepted_secret.as_deref(), Some("hash-2"));
    assert_eq!((memory.previous_secret.is_some(), &memory.previous_secret), (true, &before));
}

#[test]
fn a_token_that_was_rejected_before_it_was_replaced_has_ended() {
    for typo_first in [false, true] {
        let mut world = settled(0);
        world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
        world.pass(minutes(30));
        let credential = world.fleet.scm_credentials.get_mut(&pat()).unwrap();
        if typo_first {
            credential.token_version = Some("typo".to_owned());
            world.pass(minutes(30));
        }
        replace_our_copy(&mut world);
        world.pass(minutes(15));
        assert_eq!(rotation(&world).old.ended.unwrap().by, EndedBy::Rejected, "{typo_first}");
        world.sync(world.now);
        world.pass(minutes(15));
        assert_eq!(in_step(&world, None), (Truth::True, Reason::Ok), "{typo_first}");
    }
    // A bad copy of a token that works is rejected, and the token goes on.
    let mut world = settled(0);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().token_version = Some("typo".to_owned());
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::WrongTokenOrEmail);
    world.pass(minutes(30));
    replace_our_copy(&mut world);
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(in_step(&world, None), (Truth::Unknown, Reason::OldTokenStillValid));
}

#[test]
fn somebody_declares_the_old_token_revoked() {
    let mut world = settled(0);
    replace_our_copy(&mut world);
    world.pass(hours(1));
    let plan = Plan {
        kind: PlanKind::Rotate,
        pattern: PAT.to_owned(),
        repositories: std::collections::BTreeMap::new(),
        organizations: std::collections::BTreeMap::new(),
        credentials: std::collections::BTreeSet::from([pat()]),
        revoked: true,
        from: world.now,
        until: world.now + days(1),
        author: "ann".to_owned(),
        reason: "revoked by hand".to_owned(),
    };
    world.state.decisions.plans.insert(DecisionId::from("1"), plan);
    world.sync(world.now - minutes(1));
    world.pass(minutes(15));
    assert_eq!(in_step(&world, None), (Truth::Unknown, Reason::NotProvenSinceRotation), "moved before that");
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(in_step(&world, None), (Truth::True, Reason::Ok));
    // The plan ends, and what it said stays true.
    world.now += days(3);
    world.pass(minutes(15));
    assert_eq!(in_step(&world, None), (Truth::True, Reason::Ok));
}

#[test]
fn a_token_that_was_rotated_while_we_were_down() {
    let mut world = settled(2);
    // Saved in one Organization a day after we went down.
    let at = world.now;
    log(&mut world, 1, saved(at + days(1)));
    world.now += days(5);
    world.test_everything();
    replace_our_copy(&mut world);
    world.pass(minutes(15));
    assert_eq!(rotation(&world).at, at, "as early as the last use of the token before");
    assert_eq!(in_step(&world, Some(1)), (Truth::True, Reason::Ok));
    assert_eq!(in_step(&world, Some(0)), (Truth::False, Reason::CredentialOutOfStep));
    // Nobody holds the old secret any more: it may live for as long as its host allows.
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().expires_at = None;
    let mut world = World::healthy(5, 0);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().expires_at = None;
    world.pass(hours(1));
    let last_seen = world.now;
    replace_our_copy(&mut world);
    world.now += days(5);
    world.pass(minutes(15));
    assert_eq!(rotation(&world).old.dead_by, Some(last_seen + days(365)));
    world.now = last_seen + days(364);
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(in_step(&world, None), (Truth::Unknown, Reason::OldTokenStillValid));
    world.now = last_seen + days(366);
    world.sync(world.now);
    world.pass(minutes(15));
    assert_eq!(in_step(&world, None), (Truth::True, Reason::Ok));
}

#[test]
fn a_rotation_older_than_the_audit_log_is_not_held_against_anybody() {
    let listed = |created_at| ListedToken {
        found: true,
        allowed: true,
        created_at: Some(created_at),
        expires_at: None,
        last_active_at: None,
        matching: 1,
        labels: Vec::new(),
        more_labels: 0,
    };
    // A fresh installation: the token was made 150 days ago, and nobody saw another one before it.
    let mut world = World::healthy(5, 1);
    world.extra = vec![Finding::ListedToken(pat(), listed(start() - days(150)))];
    world.test_everything();
    world.pass(minutes(15));
    assert_eq!(in_step(&world, Some(ONE_OF)), (Truth::NotApplicable, Reason::NotRotated));
    assert_eq!(world.status(Some(ONE_OF)), (Status::Connected, Reason::Ok));
    // It is declared.
    let mut world = World::healthy(5, 1);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().rotated_at = Some(start() - days(120));
    world.test_everything();
    world.pass(minutes(15));
    assert_eq!(in_step(&world, Some(ONE_OF)), (Truth::Unknown, Reason::BeyondAuditLog));
    assert_eq!(world.status(Some(ONE_OF)), (Status::Connected, Reason::Ok));
    assert!(!rotation(&world).is_under_way(), "a declared time is no rotation that we saw begin");
    // Declared within the log, saved before our first look; and not saved.
    for (days_ago, expected) in [(9, (Truth::True, Reason::Ok)), (11, (Truth::False, Reason::CredentialOutOfStep))] {
        let mut world = World::healthy(5, 1);
        world.fleet.scm_credentials.get_mut(&pat()).unwrap().rotated_at = Some(start() - days(10));
        log(&mut world, ONE_OF, saved(start() - days(days_ago)));
        world.pass(minutes(15));
        assert_eq!(in_step(&world, Some(ONE_OF)), expected);
    }
}

#[test]
fn what_was_saved_once_stays_saved_when_the_log_has_forgotten_it() {
    let mut world = settled(1);
    let at = world.now;
    log(&mut world, ONE_OF, saved(at));
    replace_our_copy(&mut world);
    world.pass(minutes(15));
    world.now += days(100);
    world.organization(ONE_OF).events = AuditEvents::Complete { from: world.now - days(90), events: Vec::new() };
    world.pass(minutes(15));
    assert_eq!(in_step(&world, Some(ONE_OF)), (Truth::True, Reason::Ok));
}

#[test]
fn only_events_of_our_integration_count() {
    let event = |id: Option<&str>, source_type: Option<&str>, at| AuditEvent {
        integration_id: id.map(str::to_owned),
        source_type: source_type.map(str::to_owned),
        ..saved(at)
    };
    let out_of_step = (Truth::False, Reason::CredentialOutOfStep);
    for (id, source_type, integrations, expected) in [
        (Some("INTEGRATION"), None, 2, (Truth::True, Reason::Ok)),
        (Some("another"), None, 2, out_of_step),
        (Some("another"), Some("bitbucket-cloud"), 2, out_of_step),
        (None, Some("bitbucket-cloud"), 2, (Truth::True, Reason::Ok)),
        (None, Some("github"), 1, out_of_step),
        (None, Some("bitbucket-connect-app"), 2, out_of_step),
        (None, None, 1, (Truth::True, Reason::Ok)),
        (None, None, 2, (Truth::Unknown, Reason::UnnamedEvent)),
    ] {
        let mut world = settled(1);
        world.organization(ONE_OF).presence =
            IntegrationPresence::Present { id: "integration".to_owned(), via_app: false, integrations };
        let at = world.now;
        log(&mut world, ONE_OF, event(id, source_type, at));
        replace_our_copy(&mut world);
        world.pass(minutes(15));
        assert_eq!(in_step(&world, Some(ONE_OF)), expected, "{id:?} {source_type:?} {integrations}");
    }
}

#[test]
fn an_unnamed_event_beside_an_integration_that_left_later_names_none() {
    use AuditEventKind::{Created, Deleted, Edited};
    let unnamed = (Truth::Unknown, Reason::UnnamedEvent);
    let counts = (Truth::True, Reason::Ok);
    let event = |source_type: Option<&str>, at, kind| {
        let source_type = source_type.map(str::to_owned);
        AuditEvent { integration_id: None, source_type, kind, ..saved(at) }
    };
    for (other, kind, after, expected) in [
        ("github", Deleted, hours(24), unnamed),
        ("github", Edited, hours(-24), unnamed),
        // It came later, or had left before; or it is an event of ours.
        ("github", Created, hours(24), counts),
        ("github", Deleted, hours(-24), counts),
        ("bitbucket-cloud", Edited, hours(-24), counts),
    ] {
        let mut world = settled(1);
        let at = world.now;
        replace_our_copy(&mut world);
        let mut events = vec![event(None, at, Edited), event(Some(other), at + after, kind)];
        events.sort_by_key(|event| event.at);
        world.organization(ONE_OF).events = AuditEvents::Complete { from: start() - TimeDelta::days(90), events };
        world.pass(minutes(15));
        assert_eq!(in_step(&world, Some(ONE_OF)), expected, "{other} {kind:?} {after}");
    }
}

#[test]
fn an_organization_cloned_after_the_rotation_has_what_its_template_has() {
    let mut world = settled(2);
    replace_our_copy(&mut world);
    world.pass(hours(26));
    let created_at = world.now - hours(1);
    world.organization(1).access = Access::Granted { name: None, group: None, created_at: Some(created_at) };
    let came = AuditEvent { kind: AuditEventKind::Created, ..saved(created_at + minutes(1)) };
    log(&mut world, 1, came);
    world.test_everything();
    world.pass(minutes(45));
    assert_eq!(in_step(&world, Some(0)), (Truth::False, Reason::CredentialOutOfStep), "the template");
    assert_eq!(in_step(&world, Some(1)), (Truth::Unknown, Reason::Cloned));
    assert_eq!(rotation(&world).untold[&World::key(Some(1))], Reason::Cloned);
    // Tests after the old token's end can only have come with the new one.
    for _ in 0..2 {
        world.extra = vec![Finding::PreviousSecret(pat(), PreviousSecret::Rejected)];
        world.pass(minutes(15));
    }
    assert_eq!(in_step(&world, Some(1)), (Truth::Unknown, Reason::Cloned), "tested before that");
    world.test_everything();
    world.pass(minutes(15));
    assert_eq!(in_step(&world, Some(1)), (Truth::True, Reason::Ok));
    // So is one that is saved by hand, and one whose integration came later than the Organization.
    let mut world = settled(1);
    replace_our_copy(&mut world);
    world.pass(hours(26));
    let created_at = world.now - hours(1);
    world.organization(0).access = Access::Granted { name: None, group: None, created_at: Some(created_at) };
    log(&mut world, 0, AuditEvent { kind: AuditEventKind::Created, ..saved(created_at + minutes(30)) });
    world.pass(minutes(15));
    assert_eq!(in_step(&world, Some(0)), (Truth::True, Reason::Ok));
}

#[test]
fn the_admin_listing_tells_an_observers_rotation() {
    let mut world = World::healthy(5, 1);
    let credential = world.fleet.scm_credentials.get_mut(&pat()).unwrap();
    (credential.role, credential.expires_at) = (Role::Observer, None);
    let listed = |created_at, expires_at| ListedToken {
        found: true,
        allowed: true,
        created_at: Some(created_at),
        expires_at: Some(expires_at),
        last_active_at: None,
        matching: 1,
        labels: Vec::new(),
        more_labels: 0,
    };
    world.extra = vec![Finding::ListedToken(pat(), listed(start() - days(300), start() + days(20)))];
    world.pass(hours(1));
    assert_eq!(in_step(&world, Some(0)), (Truth::NotApplicable, Reason::NotRotated));
    let made_at = world.now;
    world.extra = vec![Finding::ListedToken(pat(), listed(made_at, made_at + days(365)))];
    world.sync(made_at + minutes(10));
    world.test_everything();
    world.pass(minutes(30));
    let known = rotation(&world);
    assert_eq!((known.at, known.source), (made_at, RotationSource::AdminApi));
    assert_eq!(known.old.ends_at(), Some(start() + days(20)));
    assert_eq!(in_step(&world, Some(0)), (Truth::False, Reason::CredentialOutOfStep));
    // The profile's assets move with the new token: they prove nothing of the Organization's old one.
    assert_eq!(world.condition(Some(0), Condition::CredentialValid), (Truth::True, Reason::Ok), "the listing does");
    // The listing fails to come: the rotation is what it was.
    world.extra.clear();
    world.pass(hours(3));
    assert_eq!(rotation(&world).at, made_at);
    assert_eq!(world.condition(Some(0), Condition::CredentialValid), (Truth::Unknown, Reason::IdleUnproved));
    assert_eq!(world.status(Some(0)), (Status::PartiallyConnected, Reason::CredentialOutOfStep));
}

#[test]
fn a_declared_time_of_an_earlier_rotation_says_nothing_of_this_one() {
    let mut world = World::healthy(5, 1);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().rotated_at = Some(start() - days(60));
    log(&mut world, 0, saved(start() - days(59)));
    world.pass(days(3));
    assert_eq!(in_step(&world, Some(0)), (Truth::True, Reason::Ok));
    replace_our_copy(&mut world);
    world.pass(minutes(45));
    assert_eq!(in_step(&world, Some(0)), (Truth::False, Reason::CredentialOutOfStep));
    // Declared for this one, it outranks the first use.
    let created_at = world.now - days(2);
    world.fleet.scm_credentials.get_mut(&pat()).unwrap().rotated_at = Some(created_at);
    log(&mut world, 0, saved(created_at + hours(1)));
    world.pass(minutes(15));
    assert_eq!(rotation(&world).at, created_at);
    assert!(rotation(&world).source == RotationSource::FirstUse, "seen to begin here");
    assert_eq!(in_step(&world, Some(0)), (Truth::True, Reason::Ok));
}

#[test]
fn two_readings_of_the_log_are_half_an_hour_apart() {
    let mut world = settled(1);
    replace_our_copy(&mut world);
    let readings = |world: &World| {
        let counts = &world.stored(Some(0)).organization.false_readings;
        counts.get(&Condition::CredentialInStep).map_or(0, |readings| readings.count)
    };
    world.pass(minutes(15));
    assert_eq!(readings(&world), 1);
    // Another look at the credential is no look at the Organization.
    for _ in 0..5 {
        world.now += minutes(10);
        world.probe_credentials();
        world.evaluate();
    }
    assert_eq!(readings(&world), 1);
    world.pass(minutes(15));
    assert_eq!(readings(&world), 2);
    world.pass(minutes(15));
    assert_eq!(readings(&world), 2);
    world.pass(minutes(15));
    assert_eq!(readings(&world), 3);
}

#[test]
fn a_rejected_new_copy_is_no_rotation() {
    let mut world = settled(1);
    replace_our_copy(&mut world);
    world.main().authentication = ScmAuthentication::Rejected(RejectionCause::WrongTokenOrEmail);
    world.pass(hours(1));
    assert_eq!(world.state.credentials[&pat()].rotation, None);
}
