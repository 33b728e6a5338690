//! The diagnosis catalogue at Organization level.

use chrono::TimeDelta;

use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{
    Access, AuditEvent, AuditEventKind, AuditEvents, IntegrationPresence, OrganizationImports, RejectionCause,
    ScmAuthentication, WebhookState,
};
use crate::domain::kinds::Truth;
use crate::domain::status::Status;

use super::super::testing::{World, event, hours, minutes, organization_id, start};

/// Three healthy Organizations of 20 repositories after `happens` to the first of them.
#[track_caller]
fn check(after: TimeDelta, happens: impl FnOnce(&mut World), expected: (Status, Reason)) -> World {
    let mut world = World::healthy(20, 3);
    world.pass(hours(1));
    for number in 0..3 {
        assert_eq!(world.status(Some(number)), (Status::Connected, Reason::Ok), "{}", world.message(Some(number)));
    }
    happens(&mut world);
    world.pass(after);
    assert_eq!(world.status(Some(0)), expected, "{}", world.message(Some(0)));
    world
}

fn happened(world: &mut World, kind: AuditEventKind) {
    let event = event(world.now, kind);
    world.organization(0).events = AuditEvents::Complete { from: start() - TimeDelta::days(90), events: vec![event] };
}

fn deactivate(world: &mut World, number: usize) {
    let projects = &mut world.organization(0).imports.projects;
    projects.iter_mut().take(number).for_each(|project| project.active = false);
}

#[test]
fn one_organization_is_broken() {
    let others = |world: &World| assert_eq!(world.status(Some(1)), (Status::Connected, Reason::Ok));
    let deleted = |world: &mut World| world.delete_integration(0);
    others(&check(minutes(15), deleted, (Status::NotConfigured, Reason::IntegrationAbsent)));
    let denied = |world: &mut World| world.organization(0).access = Access::Denied { status: 403 };
    others(&check(minutes(30), denied, (Status::Unknown, Reason::SnykAccessDenied)));
    let nothing = |world: &mut World| world.organization(0).imports = OrganizationImports::default();
    others(&check(minutes(15), nothing, (Status::PartiallyConnected, Reason::NothingImported)));
}

#[test]
fn credentials_removed_from_the_integration() {
    let disconnected = |world: &mut World| {
        happened(world, AuditEventKind::Edited);
        world.pass(minutes(30));
        deactivate(world, 20);
    };
    let world = check(hours(1), disconnected, (Status::ConnectionFailed, Reason::Disconnected));
    insta::assert_snapshot!(world.message(Some(0)), @"20 of 20 projects are inactive, since the integration was deleted or edited");
    // Whoever edits another integration of the Organization does nothing to this one.
    let edited = |integration_id: &'static str, expected| {
        let other = move |world: &mut World| {
            let event = AuditEvent {
                integration_id: Some(integration_id.to_owned()),
                ..event(world.now, AuditEventKind::Edited)
            };
            let from = start() - TimeDelta::days(90);
            world.organization(0).events = AuditEvents::Complete { from, events: vec![event] };
            world.pass(minutes(30));
            deactivate(world, 20);
        };
        check(hours(1), other, expected);
    };
    edited("another-integration", (Status::Stalled, Reason::ProjectsInactive));
    edited("Integration", (Status::ConnectionFailed, Reason::Disconnected));
    // An edit alone is none.
    check(hours(1), |world| happened(world, AuditEventKind::Edited), (Status::Connected, Reason::Ok));
}

#[test]
fn the_shared_credential_fails() {
    let rejected = |world: &mut World| {
        world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    };
    let world = check(hours(1), rejected, (Status::ConnectionFailed, Reason::CredentialRevoked));
    assert_eq!(world.status(Some(2)), (Status::ConnectionFailed, Reason::CredentialRevoked));
    // The SCM's app needs no PAT.
    let by_app = |world: &mut World| {
        rejected(world);
        world.organization(0).presence =
            IntegrationPresence::Present { id: "app".to_owned(), via_app: true, integrations: 1 };
    };
    check(hours(1), by_app, (Status::Connected, Reason::Ok));
}

#[test]
fn webhooks() {
    let mut world = World::healthy(10, 1);
    let webhooks = |world: &World| world.condition(Some(0), Condition::WebhooksInstalled);
    let set = |world: &mut World, from: usize, state: &WebhookState| {
        world.organization(0).webhooks.checks.iter_mut().skip(from).for_each(|check| check.state = state.clone());
    };
    set(&mut world, 0, &WebhookState::Missing { others: true });
    world.probe();
    assert_eq!(webhooks(&world), (Truth::Unknown, Reason::WebhookPatternUnproved));
    set(&mut world, 0, &WebhookState::NoAdminRights);
    world.pass(minutes(15));
    assert_eq!(webhooks(&world), (Truth::Unknown, Reason::NoAdminRights));
    set(&mut world, 0, &WebhookState::Installed);
    world.pass(minutes(15));
    assert_eq!(webhooks(&world), (Truth::True, Reason::Ok));
    set(&mut world, 7, &WebhookState::Missing { others: false });
    world.pass(minutes(15));
    assert_eq!(webhooks(&world), (Truth::False, Reason::WebhooksMissing));
    set(&mut world, 0, &WebhookState::Missing { others: true });
    world.pass(minutes(15));
    assert_eq!(webhooks(&world), (Truth::False, Reason::WebhooksMissing), "the pattern was proved before");
    assert_eq!(world.status(Some(0)), (Status::Connected, Reason::Ok));
}

#[test]
fn only_organizations_with_an_integration_or_required_ones_are_watched() {
    let mut world = World::healthy(3, 3);
    for number in 0..3 {
        world.delete_integration(number);
    }
    world.integration().organizations.as_mut().unwrap().require.insert(organization_id(2));
    world.probe();
    assert_eq!(world.state.integrations.len(), 2);
    assert_eq!(world.status(Some(2)), (Status::NotConfigured, Reason::IntegrationAbsent));
}
