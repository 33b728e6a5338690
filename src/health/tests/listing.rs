//! Which Organizations are watched, and what becomes of those that a listing lacks.

use std::collections::BTreeSet;

use crate::domain::condition::{Condition, Reason};
use crate::domain::decisions::{Answer, Item, Plan, PlanKind, Verdict};
use crate::domain::evidence::Part;
use crate::domain::facts::{Access, RemovedOrganization};
use crate::domain::fleet::NamedOrganization;
use crate::domain::incident::{IncidentKey, Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::{GroupId, IntegrationName, OrganizationId};
use crate::domain::status::Status;
use crate::domain::work::{Finding, ProbeKind, Work, WorkSubject};

use super::super::testing::{INTEGRATION, World, hours, minutes, organization_id};
use super::super::{FollowUp, not_found, observe, unlisted};

const UNKNOWN: (Status, Reason) = (Status::Unknown, Reason::OrganizationsVanished);

/// A Group of so many Organizations, of which some are missing from the next listing.
fn missing(organizations: usize, missing: std::ops::Range<usize>) -> World {
    let mut world = World::healthy(3, organizations);
    world.pass(minutes(30));
    world.follow_ups.clear();
    for number in missing {
        world.organizations.remove(&organization_id(number));
    }
    world.pass(minutes(15));
    world
}

fn watched(world: &World) -> usize {
    world.state.integrations.keys().filter(|key| key.organization.is_some()).count()
}

fn incidents(world: &mut World) -> Vec<String> {
    super::super::incidents::evaluate(&mut world.state, &world.fleet, world.now);
    let shown = |(key, incident): (&IncidentKey, &crate::domain::incident::IncidentState)| {
        let phase = if incident.is_open() { "open" } else { "pending" };
        format!("{} {phase}", key.rule)
    };
    world.state.incidents.iter().map(shown).collect()
}

fn granted(group: Option<u128>) -> Access {
    Access::Granted { name: None, group: group.map(|id| GroupId(uuid::Uuid::from_u128(id))), created_at: None }
}

/// An Organization that a listing lacks answers itself.
fn answer(world: &mut World, number: usize, access: Access) {
    let key = World::key(Some(number));
    let finding = Finding::OrganizationAccess(key.clone(), access);
    world.observe(ProbeKind::Organization, WorkSubject::Organization(key), vec![finding]);
}

#[test]
fn only_those_that_vanished_are_doubted() {
    let mut world = missing(15, 0..2);
    assert_eq!((world.status(Some(0)), world.status(Some(1))), (UNKNOWN, UNKNOWN));
    for number in 2..15 {
        assert_eq!(world.status(Some(number)), (Status::Connected, Reason::Ok));
    }
    assert_eq!(watched(&world), 15, "one listing is not enough");
    assert_eq!(incidents(&mut world), Vec::<String>::new());
    world.pass(minutes(15));
    assert_eq!(watched(&world), 13, "two are");
    assert_eq!(incidents(&mut world), Vec::<String>::new());
}

#[test]
fn so_many_at_once_are_not_gone_until_somebody_accepts_it() {
    // (Organizations, missing, whether they are a mass)
    for (organizations, gone, is_mass) in
        [(3, 3, true), (1, 1, true), (2, 1, false), (15, 1, false), (4, 2, true), (50, 5, true), (51, 5, false)]
    {
        let mut world = missing(organizations, 0..gone);
        world.pass(hours(30));
        let left = if is_mass { organizations } else { organizations - gone };
        assert_eq!(watched(&world), left, "{gone} of {organizations}");
        let expected = if is_mass { vec!["OrganizationsVanished open"] } else { Vec::new() };
        assert_eq!(incidents(&mut world), expected, "{gone} of {organizations}");
        if is_mass {
            assert_eq!(world.status(Some(0)).0, Status::Unknown);
        }
    }
}

#[test]
fn the_incident_waits_for_a_second_listing() {
    let mut world = missing(3, 0..3);
    assert_eq!(incidents(&mut world), ["OrganizationsVanished pending"]);
    let listing = Work { kind: ProbeKind::OrganizationList, subject: WorkSubject::Group(INTEGRATION.into()) };
    assert!(world.follow_ups.contains(&FollowUp::Confirm(listing)), "{:?}", world.follow_ups);
    world.now += minutes(1);
    world.probe_listing();
    world.evaluate();
    assert_eq!(incidents(&mut world), ["OrganizationsVanished open"]);
    // A restart in between changes nothing.
    let stored = serde_json::to_string(&world.state).unwrap();
    world.state = serde_json::from_str(&stored).unwrap();
    world.pass(hours(2));
    assert_eq!(watched(&world), 3);
    assert_eq!(incidents(&mut world), ["OrganizationsVanished open"]);
}

#[test]
fn a_group_that_shows_nothing_at_all_is_one_fact() {
    let asks = |world: &World, kind| {
        let work = Work { kind, subject: WorkSubject::Group(INTEGRATION.into()) };
        world.follow_ups.contains(&FollowUp::Confirm(work))
    };
    // The listing is empty first: whether the assets are gone too is asked before anything is said.
    let mut world = World::healthy(3, 3);
    world.pass(minutes(30));
    let organizations = std::mem::take(&mut world.organizations);
    world.now += minutes(1);
    world.probe_listing();
    world.evaluate();
    assert!(asks(&world, ProbeKind::Inventory));
    assert_eq!(world.status(None), (Status::Unknown, Reason::GroupAnswersEmpty));
    assert_eq!(incidents(&mut world), ["StatusUnknown pending"]);
    world.assets.clear();
    world.pass(hours(2));
    assert_eq!(world.status(None), (Status::Unknown, Reason::GroupAnswersEmpty));
    assert!(incidents(&mut world).iter().all(|incident| incident == "StatusUnknown open"));
    // The assets are empty first, and only they: that is a loss of the Inventory.
    let mut world = World::healthy(3, 3);
    world.pass(minutes(30));
    world.assets.clear();
    world.organizations = organizations;
    world.pass(minutes(15));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryLost));
}

#[test]
fn one_by_one_is_no_better_than_at_once() {
    let mut world = World::healthy(3, 12);
    world.pass(minutes(30));
    let vanish = |world: &mut World, numbers: std::ops::Range<usize>| {
        for number in numbers {
            world.organizations.remove(&organization_id(number));
        }
        world.pass(hours(20));
        world.test_everything();
    };
    vanish(&mut world, 0..2);
    vanish(&mut world, 2..4);
    assert_eq!((watched(&world), incidents(&mut world)), (8, Vec::new()), "a few are gone");
    vanish(&mut world, 4..5);
    assert_eq!((watched(&world), incidents(&mut world)), (8, vec!["OrganizationsVanished open".to_owned()]));
    assert_eq!(world.status(Some(4)), UNKNOWN);
    // What a person explains counts no more: the next one is one.
    let incident = IncidentKey {
        rule: Rule::OrganizationsVanished,
        subject: Subject::Organizations(IntegrationName::from(INTEGRATION)),
    };
    let items = super::super::incidents::items_of(&world.state, &world.fleet, &incident);
    let (author, reason) = ("ops".to_owned(), "retired".to_owned());
    let answer = Answer { incident, verdict: Verdict::Accepted, items, author, reason, at: world.now };
    world.state.decisions.answers.insert("1".into(), answer);
    world.pass(minutes(30));
    vanish(&mut world, 5..6);
    assert_eq!((watched(&world), incidents(&mut world)), (6, Vec::new()));
    // So do those of long ago.
    let mut world = World::healthy(3, 12);
    world.pass(minutes(30));
    for number in 0..4 {
        vanish(&mut world, number..number + 1);
        world.pass(hours(48));
    }
    assert_eq!((watched(&world), incidents(&mut world)), (8, Vec::new()));
}

#[test]
fn what_returns_was_never_gone() {
    let mut world = missing(3, 0..0);
    let all: BTreeSet<OrganizationId> = world.organizations.keys().copied().collect();
    world.unlisted = all;
    world.pass(minutes(30));
    assert_eq!(incidents(&mut world), ["OrganizationsVanished open"]);
    world.unlisted = BTreeSet::new();
    world.pass(minutes(15));
    for number in 0..3 {
        assert_eq!(world.status(Some(number)), (Status::Connected, Reason::Ok));
    }
    assert_eq!(incidents(&mut world), Vec::<String>::new());
}

#[test]
fn a_direct_answer_that_names_the_group_outranks_the_listing() {
    for (group, is_there) in [(Some(1), true), (Some(2), false), (None, false)] {
        let mut world = World::healthy(3, 15);
        world.organization(4).access = granted(group);
        world.pass(minutes(30));
        world.unlisted = BTreeSet::from([organization_id(4)]);
        world.pass(minutes(15));
        // Asked before the listing lacked it, the answer proves nothing; the next one does.
        world.pass(hours(2));
        assert_eq!(world.state.integrations.contains_key(&World::key(Some(4))), is_there, "{group:?}");
        if is_there {
            assert_eq!(world.status(Some(4)), (Status::Connected, Reason::Ok));
        }
    }
}

#[test]
fn a_deleted_organization_is_gone_within_two_minutes() {
    let mut world = missing(15, 3..4);
    let itself = Work { kind: ProbeKind::Organization, subject: WorkSubject::Organization(World::key(Some(3))) };
    assert_eq!(world.follow_ups, [FollowUp::Confirm(itself.clone())]);
    world.follow_ups.clear();
    world.now += super::super::Policy::CONFIRM_AFTER;
    answer(&mut world, 3, Access::Denied { status: 404 });
    let listing = Work { kind: ProbeKind::OrganizationList, subject: WorkSubject::Group(INTEGRATION.into()) };
    assert_eq!(world.follow_ups, [FollowUp::Confirm(itself), FollowUp::Confirm(listing)]);
    world.now += super::super::Policy::CONFIRM_AFTER;
    world.probe_listing();
    world.evaluate();
    assert_eq!(watched(&world), 14);
    assert!(!world.state.evidence.organizations.contains_key(&World::key(Some(3))), "nothing is kept of it");
    assert_eq!(incidents(&mut world), Vec::<String>::new());
}

#[test]
fn what_somebody_explains_is_gone_at_once() {
    let name = IntegrationName::from(INTEGRATION);
    let check = |explain: &dyn Fn(&mut World), left: usize| {
        let mut world = missing(3, 0..3);
        world.pass(minutes(15));
        assert_eq!(incidents(&mut world), ["OrganizationsVanished open"]);
        explain(&mut world);
        world.evaluate();
        assert_eq!(watched(&world), left);
        assert_eq!(incidents(&mut world).is_empty(), left == 0);
    };
    let event = |number: usize, world: &World| RemovedOrganization {
        id: organization_id(number),
        name: None,
        at: world.now - minutes(20),
        user_id: Some("user".to_owned()),
    };
    let removed = |numbers: std::ops::Range<usize>| {
        let name = name.clone();
        move |world: &mut World| {
            let events = numbers.clone().map(|number| event(number, world)).collect();
            let finding = Finding::RemovedOrganizations(name.clone(), events);
            world.observe(ProbeKind::OrganizationList, WorkSubject::Group(name.clone()), vec![finding]);
        }
    };
    check(&removed(0..3), 0);
    // The one that is left is no mass, and two listings lack it.
    check(&removed(0..2), 0);
    let answered = |verdict, before_it_vanished: bool| {
        let name = name.clone();
        move |world: &mut World| {
            let at = if before_it_vanished { world.now - hours(1) } else { world.now };
            let incident =
                IncidentKey { rule: Rule::OrganizationsVanished, subject: Subject::Organizations(name.clone()) };
            let items = super::super::incidents::items_of(&world.state, &world.fleet, &incident);
            let all = (0..3).map(|number| Item::Organization(name.clone(), organization_id(number)));
            assert_eq!(items, all.collect());
            let (author, reason) = ("ops".to_owned(), "retired".to_owned());
            let answer = Answer { incident, verdict, items, author, reason, at };
            world.state.decisions.answers.insert("1".into(), answer);
        }
    };
    check(&answered(Verdict::Accepted, false), 0);
    check(&answered(Verdict::Rejected, false), 3);
    check(&answered(Verdict::Accepted, true), 3);
}

#[test]
fn a_planned_loss_is_no_mass() {
    let mut world = World::healthy(3, 3);
    world.pass(minutes(30));
    let name = IntegrationName::from(INTEGRATION);
    let plan = Plan {
        kind: PlanKind::Retire,
        pattern: "*".to_owned(),
        repositories: std::collections::BTreeMap::new(),
        organizations: std::collections::BTreeMap::from([(name, world.organizations.keys().copied().collect())]),
        credentials: BTreeSet::new(),
        revoked: false,
        from: world.now,
        until: world.now + hours(48),
        author: "ops".to_owned(),
        reason: "retired".to_owned(),
    };
    world.state.decisions.plans.insert("1".into(), plan);
    world.organizations.clear();
    world.pass(minutes(30));
    assert_eq!(watched(&world), 0);
    assert_eq!(incidents(&mut world), Vec::<String>::new());
}

#[test]
fn one_that_is_named_is_never_gone_without_a_word() {
    let name = IntegrationName::from(INTEGRATION);
    let mut world = World::healthy(3, 15);
    let id = organization_id(3);
    let named = NamedOrganization { settings: BTreeSet::from(["require"]), ids: BTreeSet::from([id]) };
    let organizations = world.integration().organizations.as_mut().unwrap();
    organizations.require.insert(id);
    organizations.named.insert(id.to_string(), named);
    let typo = NamedOrganization { settings: BTreeSet::from(["overrides"]), ids: BTreeSet::new() };
    organizations.named.insert("typo".to_owned(), typo);
    world.pass(minutes(30));
    let found = |world: &World| {
        let found = not_found(&world.state, &world.fleet, &name, world.now);
        found.into_iter().map(|one| format!("{}: {}", one.name, one.message)).collect::<Vec<_>>()
    };
    assert_eq!(found(&world), ["typo: no Organization of the Group has this name or slug"]);
    world.organizations.remove(&id);
    world.pass(minutes(30));
    assert_eq!(watched(&world), 15, "it stays");
    assert_eq!(found(&world).len(), 2);
    assert_eq!(incidents(&mut world), ["OrganizationNotFound pending"]);
    world.pass(minutes(60));
    assert_eq!(incidents(&mut world), ["OrganizationNotFound open"], "and nothing else of it");
    world.integration().organizations.as_mut().unwrap().named.clear();
    world.integration().organizations.as_mut().unwrap().require.clear();
    world.pass(minutes(15));
    assert_eq!(incidents(&mut world), Vec::<String>::new());
}

#[test]
fn what_is_excluded_is_watched_no_longer() {
    let mut world = World::healthy(3, 3);
    world.pass(minutes(30));
    world.integration().organizations.as_mut().unwrap().excluded.insert(organization_id(1));
    world.pass(minutes(30));
    assert_eq!(watched(&world), 2);
    assert!(!world.state.evidence.organizations.contains_key(&World::key(Some(1))));
    // Those that are left out make no mass.
    world.unlisted = BTreeSet::from([organization_id(1)]);
    world.pass(minutes(30));
    assert_eq!(incidents(&mut world), Vec::<String>::new());
}

#[test]
fn a_listed_organization_is_watched_before_it_was_asked() {
    let mut world = World::healthy(3, 3);
    world.probe_listing();
    world.evaluate();
    assert_eq!(watched(&world), 3);
    assert_eq!(world.condition(Some(0), Condition::SnykAccessible).0, Truth::Unknown);
    assert_eq!(world.status(Some(0)), (Status::Unknown, Reason::NotObserved));
}

#[test]
fn presence_that_is_never_concluded_is_unknown_in_the_words_of_the_answer() {
    for (class, words, reason) in [
        ("unauthorized", "HTTP 401", Reason::EndpointRefused),
        ("forbidden", "HTTP 403: your role may not list integrations", Reason::EndpointRefused),
        ("not_found", "HTTP 404", Reason::EndpointNotFound),
        ("gone", "HTTP 410", Reason::EndpointGone),
        ("server_error", "HTTP 500", Reason::UpstreamFailing),
        ("unexpected_body", "an array", Reason::AnswerNotUnderstood),
        ("incomplete", "900 of 1234", Reason::ListIncomplete),
        ("rate_limited", "HTTP 429", Reason::RateLimited),
    ] {
        let mut world = World::healthy(3, 3);
        let key = World::key(Some(1));
        for _ in 0..5 {
            world.now += minutes(15);
            world.probe();
            // The others are asked in full, this one is not.
            world.state.evidence.organizations.remove(&key);
            answer(&mut world, 1, granted(Some(1)));
            let subject = WorkSubject::Organization(key.clone());
            world.fail(ProbeKind::Organization, subject, Part::Presence, class, words);
            world.evaluate();
        }
        assert_eq!(world.status(Some(1)), (Status::Unknown, reason), "{class}");
        assert!(world.message(Some(1)).contains(words), "{}", world.message(Some(1)));
        let next_step = world.stored(Some(1)).status.as_ref().unwrap().next_step.clone().unwrap();
        assert!(!next_step.contains("snykwatch check"), "{next_step}");
        assert_eq!(world.status(Some(0)), (Status::Connected, Reason::Ok));
    }
}

#[test]
fn a_listing_that_never_came_is_unknown_from_the_first_minute() {
    let name = IntegrationName::from(INTEGRATION);
    for required in [false, true] {
        for (class, words) in [("forbidden", "HTTP 403"), ("server_error", "HTTP 500"), ("incomplete", "9 of 12")] {
            let mut world = World::healthy(3, 3);
            world.fails.insert(Part::Organizations, (class, words));
            world.organizations.clear();
            if required {
                world.integration().organizations.as_mut().unwrap().require.insert(organization_id(1));
            }
            world.probe();
            let unlisted = unlisted(&world.state, &world.fleet, &name, world.now).unwrap();
            assert!(unlisted.message.contains(words), "{}", unlisted.message);
            assert_eq!(incidents(&mut world), ["StatusUnknown pending"], "{class}");
            world.pass(hours(1));
            assert_eq!(incidents(&mut world), ["StatusUnknown open"], "{class}");
            world.fails.clear();
            world.organizations = World::healthy(3, 3).organizations;
            world.pass(minutes(15));
            assert_eq!(super::super::unlisted(&world.state, &world.fleet, &name, world.now), None);
        }
    }
}

#[test]
fn the_first_denial_changes_nothing() {
    for level in [None, Some(1)] {
        let mut world = World::healthy(3, 3);
        world.pass(minutes(30));
        world.follow_ups.clear();
        let deny = |world: &mut World| match level {
            None => world.access = Access::Denied { status: 403 },
            Some(number) => world.organization(number).access = Access::Denied { status: 403 },
        };
        let before = match level {
            None => world.access.clone(),
            Some(number) => world.organization(number).access.clone(),
        };
        deny(&mut world);
        world.pass(minutes(15));
        assert_eq!(world.status(level), (Status::Connected, Reason::Ok));
        assert!(world.stored(level).conditions[&Condition::SnykAccessible].confirming);
        assert_eq!(world.follow_ups.len(), 1);
        // It was a hiccup.
        match level {
            None => world.access = before,
            Some(number) => world.organization(number).access = before,
        }
        world.pass(minutes(15));
        assert!(!world.stored(level).conditions[&Condition::SnykAccessible].confirming);
        // It was none; a restart in between does not begin anew.
        deny(&mut world);
        world.pass(minutes(15));
        world.state = serde_json::from_str(&serde_json::to_string(&world.state).unwrap()).unwrap();
        world.pass(minutes(15));
        assert_eq!(world.status(level), (Status::Unknown, Reason::SnykAccessDenied));
    }
}

#[test]
fn a_group_that_shows_neither_organizations_nor_assets_hides_them() {
    let mut world = World::healthy(5, 3);
    world.pass(minutes(30));
    world.organizations.clear();
    world.assets.clear();
    world.pass(minutes(15));
    assert_eq!(world.status(None), (Status::Unknown, Reason::GroupAnswersEmpty));
    let next_step = world.stored(None).status.as_ref().unwrap().next_step.clone().unwrap();
    assert!(next_step.contains("role of our Snyk token"), "{next_step}");
    // The listing fails from now on: that blames nobody else.
    world.fails.insert(Part::Organizations, ("server_error", "HTTP 503"));
    world.pass(hours(3));
    assert_eq!(world.status(None), (Status::Unknown, Reason::GroupAnswersEmpty));
    // A Group that never had any is new, and waits for its first sync.
    let mut world = World::just_set_up(5, 3);
    world.organizations.clear();
    world.pass(minutes(30));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::AwaitingFirstSync));
    // With Organizations, an empty Inventory is the Inventory's own trouble.
    let mut world = World::healthy(5, 3);
    world.pass(minutes(30));
    world.assets.clear();
    world.pass(minutes(15));
    assert_eq!(world.status(None).1, Reason::InventoryLost);
}

#[test]
fn ten_thousand_organizations_are_admitted_in_one_look() {
    let mut world = World::healthy(1, 1);
    let one = world.organizations.pop_first().unwrap().1;
    let findings = (0..10_000).map(|number| crate::domain::facts::OrganizationListing {
        id: organization_id(number),
        name: format!("Organization {number}"),
        slug: None,
    });
    let listing = std::sync::Arc::new(findings.collect::<Vec<_>>());
    let finding = Finding::Organizations(INTEGRATION.into(), listing);
    world.observe(ProbeKind::OrganizationList, WorkSubject::Group(INTEGRATION.into()), vec![finding]);
    world.evaluate();
    assert_eq!(watched(&world), 10_000);
    // One that has none is forgotten, and not admitted again.
    let key = World::key(Some(7));
    let absent = Finding::Presence(key.clone(), crate::domain::facts::IntegrationPresence::Absent);
    let run = crate::domain::work::ProbeRun {
        work: Work { kind: ProbeKind::Organization, subject: WorkSubject::Organization(key) },
        started_at: world.now,
        finished_at: world.now,
        outcome: crate::domain::work::Outcome { findings: vec![absent], ..Default::default() },
    };
    observe(&mut world.state, &world.fleet, super::super::Policy::default(), &run);
    world.evaluate();
    assert_eq!(watched(&world), 9_999);
    drop(one);
}
