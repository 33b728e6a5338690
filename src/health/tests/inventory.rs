//! Lag, and which repositories are judged.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{Asset, AssetWalk};
use crate::domain::kinds::{Confidence, Truth};
use crate::domain::names::{ApiName, IntegrationName};
use crate::domain::status::Status;
use crate::domain::work::{Finding, ProbeKind, WorkSubject};

use super::super::testing::{INTEGRATION, SCM_API, SNYK_API, World, hours, minutes, repository, start};
use super::group::check;

#[test]
fn a_busy_workspace_that_stops_syncing_is_stalled() {
    let change = |number: usize| {
        move |world: &mut World| {
            let now = world.now;
            for repository in world.main().repositories.iter_mut().take(number) {
                repository.updated_at = Some(now);
            }
        }
    };
    check(hours(25), change(20), (Status::Connected, Reason::Ok));
    let world = check(hours(28), change(20), (Status::Stalled, Reason::SyncLagging));
    assert_eq!(world.condition(None, Condition::InventoryComplete).0, Truth::True);
    insta::assert_snapshot!(world.message(None), @"20 repositories changed and not synced for up to 28 h; the last asset of profile main moved 2026-11-13 03:00 UTC");
    // One metadata edit that never moves its asset; two are only late after three times as long.
    check(hours(200), change(1), (Status::Connected, Reason::Ok));
    check(hours(70), change(2), (Status::Connected, Reason::Ok));
    check(hours(80), change(2), (Status::Stalled, Reason::SyncLagging));
    // Laggards beside assets that move are listed, not stalled.
    let beside_movement = |world: &mut World| {
        change(5)(world);
        world.pass(hours(20));
        let now = world.now;
        world.assets.last_mut().unwrap().last_sync = Some(now);
    };
    let world = check(hours(20), beside_movement, (Status::Connected, Reason::Ok));
    assert_eq!(world.stored(None).progress.as_ref().unwrap().laggards.len(), 5);
    // The sync catches up.
    let caught_up = |world: &mut World| {
        change(20)(world);
        world.pass(hours(30));
        world.sync(world.now);
    };
    let world = check(minutes(15), caught_up, (Status::Connected, Reason::Ok));
    assert!(world.stored(None).group.canaries.is_empty());
}

#[test]
fn an_idle_workspace_is_connected() {
    let world = check(TimeDelta::days(30), |_| {}, (Status::Connected, Reason::Ok));
    assert_eq!(world.condition(None, Condition::SyncCurrent), (Truth::True, Reason::Idle));
}

#[test]
fn a_profile_of_one_repository_waits_three_times_as_long() {
    let mut world = World::healthy(1, 0);
    world.probe();
    world.main().repositories[0].updated_at = Some(start());
    world.pass(hours(77));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    world.pass(hours(3));
    assert_eq!(world.status(None), (Status::Stalled, Reason::SyncLagging));
}

#[test]
fn what_is_not_judged_counts_as_ignored() {
    let happens = |world: &mut World| {
        let now = world.now;
        world.main().repositories.remove(0); // deleted
        world.main().repositories[1].full_name = "acme/renamed".to_owned();
        world.main().repositories[2].full_name = "Acme/Service-3".to_owned();
        for number in 100..103 {
            let mut empty = repository(number);
            empty.empty = true;
            world.main().repositories.push(empty);
        }
        for asset in world.assets.iter_mut().skip(10).take(3) {
            asset.archived = true;
        }
        world.assets[14].personal = true;
        world.assets[15].scm_id = None;
        world.group().ignore = vec!["acme/service-2?".to_owned()];
        for number in 20..26 {
            world.main().repositories.push(repository(number));
        }
        for number in 200..210 {
            let mut young = repository(number);
            young.created_at = Some(now);
            world.main().repositories.push(young);
        }
    };
    let world = check(hours(1), happens, (Status::Connected, Reason::Ok));
    let progress = world.stored(None).progress.clone().unwrap();
    assert_eq!((progress.found, progress.missing), (15, 0), "{progress:?}");
    assert_eq!(progress.ignored, 3 + 1 + 3 + 6 + 10);
    // The young ones are judged in the end.
    check(hours(27), happens, (Status::PartiallyConnected, Reason::InventoryIncomplete));
}

#[test]
fn a_renamed_repository_is_found_by_its_former_url() {
    let happens = |world: &mut World| {
        for asset in &mut world.assets {
            asset.scm_id = None;
        }
        for repository in &mut world.main().repositories {
            repository.full_name.push_str("-renamed");
        }
    };
    check(hours(48), happens, (Status::Connected, Reason::Ok));
}

#[test]
fn without_last_sync_lag_is_weak() {
    let mut world = World::healthy(5, 0);
    world.probe();
    let mut live = world.assets.clone();
    for asset in &mut live {
        asset.last_sync = None;
    }
    let name = IntegrationName::from(INTEGRATION);
    let walk = Arc::new(AssetWalk { live, removed: Vec::new(), has_last_sync: false, aliases: BTreeMap::new() });
    world.now += minutes(15);
    world.observe(ProbeKind::Inventory, WorkSubject::Group(name.clone()), vec![Finding::Assets(name, walk)]);
    world.evaluate();
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok));
    assert_eq!(world.stored(None).status.as_ref().unwrap().confidence, Confidence::Weak);
}

#[test]
fn a_clock_that_is_off_judges_no_lag() {
    let mut world = World::healthy(5, 0);
    world.state.evidence.apis.entry(ApiName::from(SNYK_API)).or_default().clock_skew = Some(minutes(6));
    world.probe();
    assert_eq!(world.condition(None, Condition::SyncCurrent), (Truth::Unknown, Reason::ClockSkewed));
    world.state.evidence.apis.entry(ApiName::from(SCM_API)).or_default().clock_skew = Some(minutes(-6));
    world.probe();
    assert_eq!(world.condition(None, Condition::CredentialFresh), (Truth::Unknown, Reason::ClockSkewed));
}

#[test]
fn at_first_sight_a_repository_is_as_old_as_the_scm_says() {
    // Ten repositories of which two have no asset: old ones are missing at once, new ones are not expected yet.
    let check = |created_at, (found, missing, ignored): (usize, usize, usize)| {
        let mut world = World::healthy(10, 0);
        world.assets.truncate(8);
        for repository in world.main().repositories.iter_mut().skip(8) {
            repository.created_at = created_at;
        }
        world.probe();
        let progress = world.stored(None).progress.clone().unwrap();
        assert_eq!((progress.found, progress.missing, progress.ignored), (found, missing, ignored), "{created_at:?}");
    };
    check(Some(start() - hours(27)), (8, 2, 0));
    check(Some(start() - hours(26)), (8, 0, 2));
    check(Some(start() - minutes(1)), (8, 0, 2));
    check(Some(start() + hours(1)), (8, 0, 2)); // the SCM's clock is ahead of ours
    check(None, (8, 2, 0)); // nobody says: it may have been there for long

    // One that comes later counts by when it came, however old it is (transferred, or made visible).
    let mut world = World::healthy(10, 0);
    world.probe();
    world.main().repositories.extend([10, 11].map(repository));
    world.pass(hours(26));
    assert_eq!(world.stored(None).progress.as_ref().unwrap().missing, 0);
    world.pass(hours(1));
    assert_eq!(world.stored(None).progress.as_ref().unwrap().missing, 2);
    // Its age does not grow with a clock that was ahead.
    let ages = &world.stored(None).group.repository_ages;
    assert!(ages.values().all(|age| age.seen_at <= start() + hours(1)));
}

#[test]
fn what_is_remembered_of_repositories_is_copied_only_for_news() {
    let mut world = World::healthy(10, 0);
    world.probe();
    let before = Arc::clone(&world.stored(None).group.repository_ages);
    world.pass(hours(1));
    assert!(Arc::ptr_eq(&before, &world.stored(None).group.repository_ages), "another walk, nothing new");
    world.main().repositories.extend([repository(10)]);
    world.pass(hours(1));
    assert_eq!((before.len(), world.stored(None).group.repository_ages.len()), (10, 11));
}

#[test]
fn an_instant_in_the_future_is_no_instant_and_one_mover_hides_no_stall() {
    let stalls = |world: &mut World| {
        let now = world.now;
        world.main().repositories.iter_mut().for_each(|one| one.updated_at = Some(now));
        world.assets[0].last_sync = Some(now + TimeDelta::days(3650));
    };
    let world = check(hours(28), stalls, (Status::Stalled, Reason::SyncLagging));
    let moved_at = world.stored(None).group.last_asset_moved_at;
    assert!(moved_at.is_some_and(|at| at < start()), "{moved_at:?}");
    // All but one are five days late.
    let one_moves = |world: &mut World| {
        stalls(world);
        world.pass(TimeDelta::days(5));
        world.assets[0].last_sync = Some(world.now);
    };
    let world = check(minutes(30), one_moves, (Status::Stalled, Reason::PartialStall));
    insta::assert_snapshot!(world.message(None), @"19 repositories of 20 changed and not synced for up to 5 d; others move");
}

#[test]
fn one_repository_that_is_worked_on_tells_of_a_stall() {
    let mut world = World::healthy(20, 0);
    world.probe();
    for _ in 0..3 {
        let now = world.now;
        world.main().repositories[0].updated_at = Some(now);
        world.pass(hours(24));
    }
    assert_eq!(world.status(None), (Status::Stalled, Reason::SyncLagging), "{}", world.message(None));
}

#[test]
fn all_flagged_as_archived_are_judged_all_the_same() {
    let flagged = |world: &mut World| {
        let now = world.now;
        world.assets.iter_mut().for_each(|asset| asset.archived = true);
        world.main().repositories.iter_mut().for_each(|one| one.updated_at = Some(now));
    };
    let world = check(hours(28), flagged, (Status::Stalled, Reason::SyncLagging));
    assert_eq!(world.stored(None).progress.as_ref().unwrap().ignored, 0);
    // A few are archived.
    let few = |world: &mut World| world.assets.iter_mut().take(4).for_each(|asset| asset.archived = true);
    let world = check(hours(1), few, (Status::Connected, Reason::Ok));
    assert_eq!(world.stored(None).progress.as_ref().unwrap().ignored, 4);
}

#[test]
fn many_that_were_judged_are_neither_personal_nor_empty_at_once() {
    let stops = |world: &mut World, change: fn(&mut World, usize), number: usize| {
        for one in 0..number {
            change(world, one);
        }
        let now = world.now;
        for repository in &mut world.main().repositories {
            repository.updated_at = Some(now);
        }
    };
    let personal: fn(&mut World, usize) = |world, one| world.assets[one].personal = true;
    let empty: fn(&mut World, usize) = |world, one| world.main().repositories[one].empty = true;
    for change in [personal, empty] {
        let stalled = (Status::Stalled, Reason::SyncLagging);
        let world = check(hours(28), |world| stops(world, change, 19), stalled);
        assert_eq!(world.stored(None).progress.as_ref().unwrap().found, 20);
        // Of a few it is believed.
        let world = check(hours(28), |world| stops(world, change, 3), stalled);
        assert_eq!(world.stored(None).progress.as_ref().unwrap().found, 17);
    }
    // And of those that were so from the first day.
    let mut world = World::healthy(20, 0);
    world.assets.iter_mut().take(19).for_each(|asset| asset.personal = true);
    world.probe();
    world.pass(hours(2));
    assert_eq!(world.stored(None).progress.as_ref().unwrap().found, 1);
}

#[test]
fn of_two_assets_of_one_repository_the_one_that_moves_is_meant() {
    let doubled = |world: &mut World| {
        let twins: Vec<_> =
            world.assets.iter().cloned().map(|asset| Asset { id: format!("{} again", asset.id), ..asset }).collect();
        world.assets.extend(twins);
    };
    let works = |world: &mut World| {
        let now = world.now;
        world.main().repositories.iter_mut().for_each(|repository| repository.updated_at = Some(now));
    };
    let moves = |world: &mut World| {
        doubled(world);
        works(world);
        world.pass(hours(1));
        let now = world.now;
        world.assets.iter_mut().take(20).for_each(|asset| asset.last_sync = Some(now));
    };
    let world = check(hours(90), moves, (Status::Connected, Reason::Ok));
    assert!(world.stored(None).group.canaries.is_empty());
    let stops = |world: &mut World| {
        doubled(world);
        works(world);
    };
    check(hours(28), stops, (Status::Stalled, Reason::SyncLagging));
}

#[test]
fn a_workspace_whose_changes_cannot_be_dated_is_not_idle() {
    let undated = |number: usize| {
        move |world: &mut World| {
            let ahead = world.now + TimeDelta::days(3650);
            world.main().repositories.iter_mut().take(number).for_each(|one| one.updated_at = Some(ahead));
        }
    };
    let world = check(hours(40), undated(19), (Status::Unknown, Reason::NotObserved));
    assert_eq!(world.condition(None, Condition::SyncCurrent), (Truth::Unknown, Reason::NotObserved));
    check(hours(40), undated(10), (Status::Connected, Reason::Ok));
    // What moves is seen to move.
    let moving = |world: &mut World| {
        undated(19)(world);
        world.pass(hours(20));
        let now = world.now;
        world.assets[0].last_sync = Some(now);
    };
    check(hours(20), moving, (Status::Connected, Reason::Ok));
}

#[test]
fn one_of_two_is_missing_for_a_week() {
    let mut world = World::healthy(2, 0);
    world.assets.truncate(1);
    world.pass(hours(24));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "since we look, at the earliest");
    world.pass(TimeDelta::days(7));
    assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryIncomplete));
}

#[test]
fn a_repository_is_found_by_an_address_that_people_linked() {
    let mut world = World::healthy(3, 0);
    world.assets[0].scm_id = Some("other".into());
    world.assets[0].url = Some("git.example.com/mirror/service-0".to_owned());
    let name = IntegrationName::from(INTEGRATION);
    let look = |world: &mut World, aliases: BTreeMap<String, String>| {
        world.probe();
        let walk = AssetWalk { live: world.assets.clone(), removed: Vec::new(), has_last_sync: true, aliases };
        let found = vec![Finding::Assets(name.clone(), Arc::new(walk))];
        world.observe(ProbeKind::Inventory, WorkSubject::Group(name.clone()), found);
        world.evaluate();
        world.stored(None).progress.as_ref().unwrap().found
    };
    assert_eq!(look(&mut world, BTreeMap::new()), 2);
    let alias = ("bitbucket.org/acme/service-0".to_owned(), "git.example.com/mirror/service-0".to_owned());
    assert_eq!(look(&mut world, BTreeMap::from([alias])), 3);
}

#[test]
fn ids_that_never_match_prove_nothing_and_names_do() {
    let mut world = World::healthy(10, 0);
    let change = |world: &mut World, count: usize| {
        for asset in world.assets.iter_mut().take(count) {
            asset.scm_id = Some(format!("numeric-{}", asset.id).as_str().into());
        }
        world.probe();
        world.stored(None).progress.as_ref().unwrap().found
    };
    assert_eq!(change(&mut world, 10), 10, "on this host ids do not match");
    let mut world = World::healthy(10, 0);
    assert_eq!(change(&mut world, 3), 7, "they do: these are assets of other repositories");
    assert_eq!(change(&mut world, 10), 0, "they did");
}
