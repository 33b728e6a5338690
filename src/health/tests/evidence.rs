//! The guard of it all: what a status rests on, and what it does not.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::Condition;
use crate::domain::evidence::{Evidence, EvidenceBook, Slot};
use crate::domain::facts::{
    AuditEvent, AuditEventKind, AuditEvents, CatalogCheck, CatalogSample, CredentialExpiry, ListedToken,
    OrganizationImports,
};
use crate::domain::kinds::{Source, Truth};
use crate::domain::names::{CredentialName, IntegrationName, ProfileName, RepositoryId};
use crate::domain::permission::Permission;
use crate::domain::state::State;
use crate::domain::status::Status;
use crate::domain::work::Finding;

use super::super::testing::{INTEGRATION, PAT, PROFILE, TOKEN, World, hours, minutes, organization_id, start};
use super::super::{evaluate, rebase};

/// A full, healthy state with evidence in every slot, and everything connected.
fn full() -> World {
    let mut world = World::healthy(10, 1);
    world.group().catalog_file = Some("catalog-info.yaml".to_owned());
    let check = CatalogCheck {
        repository: RepositoryId::from("repo-0"),
        full_name: "acme/service-0".to_owned(),
        has_file: true,
        linked: Some(true),
    };
    world.catalog = Some(CatalogSample { checks: vec![check] });
    let expiry = CredentialExpiry::At { at: start() + TimeDelta::days(90), source: Source::Measured };
    let listed = ListedToken {
        found: true,
        allowed: true,
        created_at: Some(start() - TimeDelta::days(60)),
        expires_at: Some(start() + TimeDelta::days(90)),
        last_active_at: None,
        matching: 1,
        labels: Vec::new(),
        more_labels: 0,
    };
    world.extra = vec![
        Finding::SnykTokenExpiry(CredentialName::from(TOKEN), expiry),
        Finding::ScmCredentialExpiry(CredentialName::from(PAT), expiry),
        Finding::ListedToken(CredentialName::from(PAT), listed),
    ];
    let saved = AuditEvent {
        at: start() - TimeDelta::days(50),
        kind: AuditEventKind::Edited,
        integration_id: None,
        source_type: None,
        user_id: None,
        about: None,
    };
    world.organization(0).events = AuditEvents::Complete { from: start() - TimeDelta::days(90), events: vec![saved] };
    world.pass(hours(1));
    for level in [None, Some(0)] {
        assert_eq!(world.status(level).0, Status::Connected, "{}", world.message(level));
    }
    world
}

/// What is done to a slot.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Remove,
    GoStale,
}

fn harm<T>(slot: &mut Slot<T>, how: Harm) {
    assert!(slot.is_some(), "a full state has evidence in every slot");
    match how {
        Harm::Remove => *slot = None,
        Harm::GoStale => slot.iter_mut().for_each(stale),
    }
}

fn stale<T>(evidence: &mut Evidence<T>) {
    evidence.observed_at -= evidence.max_age + TimeDelta::seconds(1);
}

type Touch = Box<dyn Fn(&mut EvidenceBook, Harm)>;

/// Every slot, and the conditions and levels whose status rest on it.
fn slots() -> Vec<(String, Touch, [bool; 2])> {
    const NONE: [bool; 2] = [false, false];
    const BOTH: [bool; 2] = [true, true];
    const GROUP: [bool; 2] = [true, false];
    const ORGANIZATION: [bool; 2] = [false, true];
    macro_rules! slots {
        ($($name:literal, $rests:expr, |$book:ident| $slot:expr;)+) => {
            vec![$(($name.to_owned(), Box::new(|$book: &mut EvidenceBook, how| harm($slot, how)) as Touch, $rests)),+]
        };
    }
    fn scm(book: &mut EvidenceBook) -> &mut crate::domain::evidence::ScmCredentialEvidence {
        book.scm_credentials.get_mut(&CredentialName::from(PAT)).unwrap()
    }
    fn snyk(book: &mut EvidenceBook) -> &mut crate::domain::evidence::SnykTokenEvidence {
        book.snyk_tokens.get_mut(&CredentialName::from(TOKEN)).unwrap()
    }
    fn group(book: &mut EvidenceBook) -> &mut crate::domain::evidence::GroupEvidence {
        book.groups.get_mut(&IntegrationName::from(INTEGRATION)).unwrap()
    }
    fn profile(book: &mut EvidenceBook) -> &mut crate::domain::evidence::ProfileEvidence {
        group(book).profiles.get_mut(&ProfileName::from(PROFILE)).unwrap()
    }
    fn organization(book: &mut EvidenceBook) -> &mut crate::domain::evidence::OrganizationEvidence {
        book.organizations.values_mut().next().unwrap()
    }
    let mut all = slots! {
        "snyk authentication", BOTH, |book| &mut snyk(book).authentication;
        "snyk expiry", NONE, |book| &mut snyk(book).expiry;
        "scm authentication", BOTH, |book| &mut scm(book).authentication;
        "scm expiry", NONE, |book| &mut scm(book).expiry;
        "listed token", NONE, |book| &mut scm(book).listed_token;
        "group access", GROUP, |book| &mut group(book).access;
        "assets", GROUP, |book| &mut group(book).assets;
        "catalog", NONE, |book| &mut group(book).catalog;
        "organization listing", NONE, |book| &mut group(book).organizations;
        "workspaces", GROUP, |book| &mut profile(book).workspaces;
        "repositories", GROUP, |book| &mut profile(book).repositories;
        "organization access", ORGANIZATION, |book| &mut organization(book).access;
        "presence", ORGANIZATION, |book| &mut organization(book).presence;
        "imports", ORGANIZATION, |book| &mut organization(book).imports;
        "events", NONE, |book| &mut organization(book).events;
        "webhooks", NONE, |book| &mut organization(book).webhooks;
    };
    let of_discovery = [Permission::AccountRead, Permission::WorkspaceRead, Permission::RepositoryRead];
    for permission in super::super::testing::permissions().into_keys() {
        let touch: Touch = Box::new(move |book, how| {
            let mut slot = scm(book).permissions.remove(&permission);
            harm(&mut slot, how);
            slot.map(|evidence| scm(book).permissions.insert(permission, evidence));
        });
        all.push((format!("permission {permission}"), touch, [of_discovery.contains(&permission), false]));
    }
    all
}

/// The conditions that a slot may change, by its name.
fn conditions_of(slot: &str) -> &'static [Condition] {
    use Condition::*;
    match slot {
        "snyk authentication" | "group access" | "organization access" => &[SnykAccessible],
        "scm authentication" => &[CredentialValid],
        "scm expiry" | "listed token" => &[CredentialFresh, CredentialInStep],
        "assets" => &[InventoryPopulated, InventoryComplete, SyncCurrent, CredentialInStep],
        "catalog" => &[CatalogLinked],
        // What cannot be seen is not judged.
        "workspaces" => &[RepositoriesVisible, InventoryPopulated, InventoryComplete, SyncCurrent],
        "repositories" => &[RepositoriesVisible, InventoryPopulated, InventoryComplete, SyncCurrent, CredentialInStep],
        "presence" => &[IntegrationPresent],
        "imports" => &[RepositoriesImported, TestsCurrent],
        "events" => &[CredentialInStep],
        "webhooks" => &[WebhooksInstalled],
        permission if permission.starts_with("permission") => &[PermissionsGranted],
        _ => &[],
    }
}

fn truths(state: &State) -> BTreeMap<(bool, Condition), Truth> {
    state
        .integrations
        .iter()
        .flat_map(|(key, integration)| {
            integration.conditions.iter().map(|(condition, of)| ((key.organization.is_some(), *condition), of.truth))
        })
        .collect()
}

#[test]
fn a_status_rests_on_its_evidence_and_on_nothing_else() {
    let world = full();
    let before = truths(&world.state);
    for (name, touch, rests) in slots() {
        for how in [Harm::Remove, Harm::GoStale] {
            let mut harmed = World { state: world.state.clone(), ..full() };
            touch(&mut harmed.state.evidence, how);
            harmed.evaluate();
            for (level, rests) in [None, Some(0)].into_iter().zip(rests) {
                let expected = if rests { Status::Unknown } else { Status::Connected };
                assert_eq!(harmed.status(level).0, expected, "{how:?} {name}: {}", harmed.message(level));
            }
            for (at, truth) in truths(&harmed.state) {
                if before[&at] != truth {
                    assert!(conditions_of(&name).contains(&at.1), "{how:?} {name} changed {at:?} to {truth}");
                    assert_eq!(truth, Truth::Unknown, "{how:?} {name}: {at:?}");
                }
            }
        }
    }
}

#[test]
fn a_status_is_valid_as_long_as_its_evidence() {
    let mut world = full();
    for level in [None, Some(0)] {
        let until = world.stored(level).status.as_ref().unwrap().valid_until.unwrap();
        let shown = |at: DateTime<Utc>, world: &mut World| {
            evaluate(&mut world.state, &world.fleet, at);
            world.status(level).0
        };
        assert_eq!(shown(until, &mut world), Status::Connected);
        assert_eq!(shown(until + TimeDelta::seconds(1), &mut world), Status::Unknown);
        world = full();
    }
}

#[test]
fn inconclusive_outcomes_change_a_status_only_by_age() {
    // Every fact of the world turns bad, but no probe concludes anything.
    let mut world = full();
    let until = world.stored(None).status.as_ref().unwrap().valid_until.unwrap();
    world.down.extend(["snyk/acme-us", "bitbucket-cloud"].map(crate::domain::names::ApiName::from));
    world.assets.clear();
    world.main().repositories.clear();
    world.organization(0).imports = OrganizationImports::default();
    while world.now < until + hours(30) {
        world.pass(minutes(15));
        let expected = if world.now <= until { Status::Connected } else { Status::Unknown };
        assert_eq!(world.status(None).0, expected, "{}", world.now);
        assert_eq!(world.status(Some(0)).0, expected, "{}", world.now);
    }
    assert!(truths(&world.state).values().all(|truth| *truth != Truth::False));
}

#[test]
fn the_state_survives_being_stored() {
    let mut world = full();
    let text = serde_json::to_string(&world.state).unwrap();
    let restored: State = serde_json::from_str(&text).unwrap();
    assert!(restored == world.state);
    world.state = restored;
    assert_eq!(evaluate(&mut world.state, &world.fleet, world.now), Vec::new());
}

#[test]
fn a_jump_of_the_wall_clock_changes_no_verdict() {
    for jump in [hours(5), hours(-5)] {
        let mut world = full();
        let age = world.now - world.stored(None).status.as_ref().unwrap().since;
        rebase(&mut world.state, jump);
        world.now += jump;
        let changed = evaluate(&mut world.state, &world.fleet, world.now);
        assert_eq!(changed, Vec::new());
        assert_eq!(world.now - world.stored(None).status.as_ref().unwrap().since, age);
    }
}

#[test]
fn transitions_say_what_changed_once() {
    let mut world = full();
    world.transitions.clear();
    world.pass(hours(5));
    assert_eq!(world.transitions, Vec::new());
    world.organizations.get_mut(&organization_id(0)).unwrap().imports = OrganizationImports::default();
    world.pass(hours(1));
    let text: Vec<String> = world.transitions.iter().map(|transition| transition.cause.clone()).collect();
    insta::assert_snapshot!(text.join("\n"), @r"
    no imported repository is left
    no active project is scheduled for tests any more
    no imported repository is left
    ");
}
