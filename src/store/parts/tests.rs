//! From states to parts and back.

mod quiet;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::{Assembly, Changes, PartKind};
use crate::domain::attention::{
    Acknowledgement, Counted, Digest, DigestEntry, Forgotten, Opening, Recurrence, Silence,
};
use crate::domain::evidence::{Evidence, GroupEvidence, OrganizationEvidence, ProfileEvidence};
use crate::domain::facts::{
    Access, ApiFacts, Asset, AssetWalk, OrganizationImports, OrganizationListing, RemovedAsset, Repository,
    RepositorySet, WebhookSample,
};
use crate::domain::matcher::Matcher;
use crate::domain::names::{IntegrationKey, OrganizationId, RepositoryId, Revision};
use crate::domain::notification::{Dispatch, RouteId};
use crate::domain::page::Gap;
use crate::domain::state::{AssetMemory, IntegrationState, RepositoryAge, State, Vanishing};
use crate::domain::work::ProbeKind;
use crate::store::contract::fixtures::{at, incident, integration, key, state};

fn observed<T>(value: T, minute: i64) -> Evidence<T> {
    Evidence {
        value,
        observed_at: at(minute),
        probe: ProbeKind::Inventory,
        max_age: TimeDelta::hours(1),
        revision: Revision::default(),
        restored_until: None,
    }
}

fn repository(name: &str) -> (RepositoryId, Repository) {
    let repository = Repository {
        id: name.into(),
        full_name: format!("acme/{name} \"\u{0}\u{1f980}'"),
        workspace: "acme".into(),
        project: None,
        updated_at: Some(at(1)),
        empty: false,
        created_at: None,
        private: None,
    };
    (repository.id.clone(), repository)
}

fn asset(id: &str) -> Asset {
    Asset {
        id: id.to_owned(),
        scm_id: Some("r1".into()),
        url: None,
        sources: vec!["bitbucket-cloud".to_owned()],
        last_sync: Some(at(2)),
        created_at: None,
        updated_at: None,
        archived: false,
        personal: false,
        application_context: None,
    }
}

fn organization() -> IntegrationKey {
    IntegrationKey::organization("acme".into(), OrganizationId(Uuid::from_u128(7)))
}

/// A state with entries in its large collections and in others.
fn populated() -> State {
    let mut state = Arc::unwrap_or_clone(state("acme"));
    let set = RepositorySet {
        repositories: ["r1", "r2"].map(repository).into(),
        walked_at: Some(at(1)),
        ..RepositorySet::default()
    };
    let profile = ProfileEvidence { repositories: Some(observed(Arc::new(set), 1)), ..ProfileEvidence::default() };
    let removed = RemovedAsset { id: "a9".to_owned(), scm_id: None, url: None, reasons: Vec::new() };
    let twice = Asset { archived: true, ..asset("a1") };
    let walk = AssetWalk {
        live: vec![asset("a1"), twice, asset("a2")],
        removed: vec![removed],
        has_last_sync: true,
        aliases: BTreeMap::new(),
    };
    let listing = OrganizationListing { id: OrganizationId(Uuid::from_u128(7)), name: "Team".to_owned(), slug: None };
    let group = GroupEvidence {
        access: Some(observed(Access::Granted { name: None, group: None, created_at: None }, 1)),
        profiles: BTreeMap::from([("main".into(), profile)]),
        assets: Some(observed(Arc::new(walk), 1)),
        catalog: None,
        organizations: Some(observed(Arc::new(vec![listing]), 1)),
        ..GroupEvidence::default()
    };
    state.evidence.groups.insert("acme".into(), group);
    let evidence = OrganizationEvidence {
        imports: Some(observed(Arc::new(OrganizationImports::default()), 1)),
        webhooks: Some(observed(WebhookSample::default(), 1)),
        ..OrganizationEvidence::default()
    };
    state.evidence.organizations.insert(organization(), evidence);
    state.evidence.snyk_tokens.entry("acme-us".into()).or_default();
    state.evidence.scm_credentials.entry("bitbucket-acme".into()).or_default();
    state.evidence.apis.insert("snyk/acme-us".into(), ApiFacts::default());
    state.credentials.entry("bitbucket-acme".into()).or_default();
    let mut group = IntegrationState::new(at(0));
    let age = RepositoryAge {
        seen_at: at(1),
        urls: BTreeSet::new(),
        was_eligible: true,
        asset: AssetMemory::Live,
        unseen_since: None,
    };
    group.group.repository_ages = Arc::new(BTreeMap::from([("r1".into(), age.clone()), ("r2".into(), age)]));
    state.integrations.insert(IntegrationKey::group("acme".into()), group);
    let vanishing = Vanishing { since: at(0), at: at(1), listings: 1, listed_at: None };
    state.vanishing.insert(organization(), vanishing);
    let acknowledgement =
        Acknowledgement { opened_at: at(0), author: "a".to_owned(), comment: "b".to_owned(), at: at(1) };
    state.attention.acknowledgements.insert(incident(integration("acme")), acknowledgement);
    let silence = Silence {
        matcher: Matcher::default(),
        author: "a".to_owned(),
        reason: "b".to_owned(),
        starts_at: at(0),
        ends_at: at(9),
        counted: Counted::Start,
    };
    state.attention.silences.insert("s".into(), silence);
    let opening = Opening { opened_at: at(1), since: at(0) };
    let recurrence = Recurrence { openings: vec![opening], is_flapping: true, again: 2, well_since: Some(at(2)) };
    state.attention.recurrences.insert(incident(integration("acme")), recurrence);
    let entry = DigestEntry {
        opened_at: at(1),
        title: "a".to_owned(),
        owners: vec!["b".to_owned()],
        ended_at: None,
        is_listed: false,
    };
    let problems = BTreeMap::from([(incident(integration("acme")), entry)]);
    let digest = Digest { at: at(1), problems, dispatch: Dispatch::Deliver };
    state.attention.digests.insert(RouteId("chat".to_owned()), digest);
    state.attention.gaps.push(Gap { from: at(0), to: at(1) });
    let due = BTreeMap::from([(incident(integration("acme")), vec![key("acme")])]);
    let settled = BTreeSet::from([incident(integration("other"))]);
    state.attention.forgotten = Some(Forgotten { since: at(3), due, settled, lasting: BTreeMap::new() });
    state
}

type Rows = BTreeMap<(&'static str, String), String>;

fn apply(rows: &mut Rows, changes: Changes) {
    for (kind, key) in changes.removed {
        assert!(rows.remove(&(kind.as_str(), key)).is_some(), "what is removed was there");
    }
    rows.extend(changes.written.into_iter().map(|part| ((part.kind.as_str(), part.key), part.json)));
}

fn assembled(rows: &Rows) -> State {
    let mut assembly = Assembly::default();
    for ((kind, key), json) in rows {
        assembly.add(kind, key, json).unwrap();
    }
    assembly.finish().unwrap()
}

fn variants() -> Vec<State> {
    let changed = |change: fn(&mut State)| {
        let mut state = populated();
        change(&mut state);
        state
    };
    vec![
        State::default(),
        populated(),
        changed(|state| state.attention.gaps.clear()),
        changed(|state| state.attention.forgotten = None),
        changed(|state| state.attention.recurrences.clear()),
        changed(|state| state.attention.digests.values_mut().for_each(|digest| digest.at = at(5))),
        changed(|state| drop(state.evidence.groups.remove(&"acme".into()))),
        changed(|state| state.evidence.groups.get_mut(&"acme".into()).unwrap().assets = None),
        changed(|state| state.evidence.groups.get_mut(&"acme".into()).unwrap().profiles.clear()),
        changed(|state| {
            let group = state.evidence.groups.get_mut(&"acme".into()).unwrap();
            Arc::make_mut(&mut group.assets.as_mut().unwrap().value).live.remove(0);
            let profile = group.profiles.get_mut(&"main".into()).unwrap();
            let repositories = profile.repositories.as_mut().unwrap();
            Arc::make_mut(&mut repositories.value).repositories.extend([repository("r3")]);
        }),
        changed(|state| state.evidence.organizations.get_mut(&organization()).unwrap().imports = None),
        changed(|state| state.evidence.organizations.get_mut(&organization()).unwrap().webhooks = None),
        changed(|state| {
            let integration = state.integrations.get_mut(&IntegrationKey::group("acme".into())).unwrap();
            Arc::make_mut(&mut integration.group.repository_ages).remove(&"r1".into());
        }),
        changed(|state| state.integrations.clear()),
    ]
}

#[test]
fn every_state_is_reached_from_every_other() {
    for before in variants() {
        let mut start = Rows::new();
        apply(&mut start, Changes::between(&State::default(), &before).unwrap());
        assert_eq!(assembled(&start), before);
        for after in variants() {
            let mut rows = start.clone();
            apply(&mut rows, Changes::between(&before, &after).unwrap());
            assert_eq!(assembled(&rows), after);
        }
    }
}

/// The kinds that are written when a populated state changes so.
fn check(change: impl FnOnce(&mut State), expected: &[PartKind]) {
    let before = populated();
    let mut after = before.clone();
    change(&mut after);
    let changes = Changes::between(&before, &after).unwrap();
    let kinds: Vec<_> = changes.written.iter().map(|part| part.kind).collect();
    assert_eq!(kinds, expected);
    assert_eq!(changes.removed, []);
}

#[test]
fn only_what_differs_is_written() {
    check(|_| {}, &[]);
    check(
        |state| {
            let group = state.evidence.groups.get_mut(&"acme".into()).unwrap();
            group.assets.as_mut().unwrap().observed_at = at(5);
        },
        &[PartKind::Group],
    );
    check(
        |state| {
            let group = state.evidence.groups.get_mut(&"acme".into()).unwrap();
            let walk = Arc::make_mut(&mut group.assets.as_mut().unwrap().value);
            walk.live.last_mut().unwrap().last_sync = Some(at(9));
        },
        &[PartKind::Asset],
    );
    check(
        |state| {
            let evidence = state.evidence.organizations.get_mut(&organization()).unwrap();
            evidence.imports.as_mut().unwrap().observed_at = at(5);
        },
        &[PartKind::Organization],
    );
    check(
        |state| {
            let integration = state.integrations.get_mut(&IntegrationKey::group("acme".into())).unwrap();
            integration.snyk_name = Some("Acme".to_owned());
        },
        &[PartKind::Integration],
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    let mut assembly = Assembly::default();
    let unknown = assembly.add("weather", "\"acme\"", "{}").unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "the stored state has a part that cannot be read: weather \"acme\". Restore a backup (`snykwatch restore \
         FILE`), or move the file away to start anew"
    );
    let broken = assembly.add("integration", "\"acme\"", "{}").unwrap_err();
    assert!(broken.to_string().contains("integration \"acme\""), "{broken}");
}

#[test]
fn a_time_out_of_reach_is_refused_and_a_name_that_looks_like_one_is_not() {
    let mut rows = Rows::new();
    let mut state = populated();
    let silence = state.attention.silences.values_mut().next().unwrap();
    "-1-1-1".clone_into(&mut silence.reason);
    apply(&mut rows, Changes::between(&State::default(), &state).unwrap());
    let read = |rows: &Rows| {
        let mut assembly = Assembly::default();
        rows.iter().try_for_each(|((kind, key), json)| assembly.add(kind, key, json)).map(|()| assembly)
    };
    assert!(read(&rows).is_ok());
    for json in rows.values_mut() {
        *json = json.replace("\"since\":\"2", "\"since\":\"+262142");
    }
    assert!(read(&rows).is_err());
}

#[test]
fn what_is_missing_is_noticed() {
    let mut rows = Rows::new();
    apply(&mut rows, Changes::between(&State::default(), &populated()).unwrap());
    for kind in [
        PartKind::Group,
        PartKind::Organization,
        PartKind::Integration,
        PartKind::Imports,
        PartKind::OrganizationListing,
    ] {
        let mut assembly = Assembly::default();
        for ((other, key), json) in rows.iter().filter(|((other, _), _)| *other != kind.as_str()) {
            assembly.add(other, key, json).unwrap();
        }
        assert!(assembly.finish().is_err(), "{kind}");
    }
}
