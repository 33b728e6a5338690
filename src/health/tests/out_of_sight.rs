//! What was late or missing does not get well by going out of sight: without its asset, its content, its name, or the
//! field that told it.

use chrono::TimeDelta;

use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{LastTest, TestFrequency};
use crate::domain::kinds::Truth;
use crate::domain::names::RepositoryId;
use crate::domain::status::Status;

use super::super::testing::{World, hours, minutes, start};

/// A Group whose first `late` repositories changed, and were not synced for so long that it stalls.
fn stalled(repositories: usize, late: usize) -> World {
    let mut world = World::healthy(repositories, 0);
    world.pass(minutes(30));
    let now = world.now;
    world.main().repositories.iter_mut().take(late).for_each(|one| one.updated_at = Some(now));
    world.pass(hours(30));
    assert_eq!(world.status(None), (Status::Stalled, Reason::SyncLagging));
    world
}

#[test]
fn a_late_repository_without_its_asset_or_content_is_late() {
    let lose_assets = |world: &mut World| drop(world.assets.drain(..4));
    let lose_content =
        |world: &mut World| world.main().repositories.iter_mut().take(4).for_each(|one| one.empty = true);
    for lose in [&lose_assets as &dyn Fn(&mut World), &lose_content] {
        let mut world = stalled(40, 4);
        lose(&mut world);
        world.pass(hours(2));
        assert_eq!(world.condition(None, Condition::SyncCurrent).0, Truth::False, "{}", world.message(None));
        // The sync goes on, and takes them in.
        world.main().repositories.iter_mut().for_each(|one| one.empty = false);
        world.sync(world.now);
        world.pass(minutes(15));
        assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
    }
    // One that is emptied, and was in time, holds nothing up.
    let mut world = World::healthy(40, 0);
    world.pass(minutes(30));
    lose_content(&mut world);
    let now = world.now;
    world.main().repositories.iter_mut().take(4).for_each(|one| one.updated_at = Some(now));
    world.pass(TimeDelta::days(4));
    assert_eq!(world.condition(None, Condition::SyncCurrent), (Truth::True, Reason::Idle));
}

#[test]
fn an_asset_that_does_not_tell_its_sync_is_as_old_as_its_last_update() {
    let mut world = World::healthy(40, 0);
    world.pass(minutes(30));
    let now = world.now;
    world.main().repositories.iter_mut().skip(1).for_each(|one| one.updated_at = Some(now));
    for (number, asset) in world.assets.iter_mut().enumerate().skip(1) {
        // None at all, or one that lies in the future.
        asset.last_sync = (number % 2 == 0).then(|| now + TimeDelta::days(3650));
    }
    world.pass(TimeDelta::days(5));
    world.assets[0].last_sync = Some(world.now);
    world.pass(minutes(15));
    assert_eq!(world.status(None), (Status::Stalled, Reason::PartialStall), "{}", world.message(None));
    // Where it moved since, though weakly, it is in time.
    let now = world.now;
    world.assets.iter_mut().for_each(|asset| asset.updated_at = Some(now));
    world.pass(minutes(15));
    assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
}

#[test]
fn a_missing_repository_with_another_name_is_missing() {
    let incomplete = || {
        let mut world = World::healthy(40, 0);
        world.assets.drain(..8);
        world.pass(minutes(30));
        assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryIncomplete));
        world
    };
    let rename = |world: &mut World| {
        for (number, one) in world.main().repositories.iter_mut().take(8).enumerate() {
            one.full_name = format!("acme/renamed-{number}");
        }
    };
    let make_anew = |world: &mut World| {
        let now = world.now;
        for (number, one) in world.main().repositories.iter_mut().take(8).enumerate() {
            one.id = RepositoryId::new(format!("anew-{number}"));
            one.created_at = Some(now);
        }
    };
    for change in [&rename as &dyn Fn(&mut World), &make_anew] {
        let mut world = incomplete();
        change(&mut world);
        world.pass(hours(2));
        assert_eq!(world.status(None), (Status::PartiallyConnected, Reason::InventoryIncomplete));
        world.sync(world.now);
        world.pass(minutes(15));
        assert_eq!(world.status(None), (Status::Connected, Reason::Ok), "{}", world.message(None));
    }
    // Where all is well, a new name or a new repository opens nothing.
    for change in [&rename as &dyn Fn(&mut World), &make_anew] {
        let mut world = World::healthy(40, 0);
        world.pass(minutes(30));
        change(&mut world);
        world.pass(hours(2));
        assert_ne!(world.status(None).1, Reason::InventoryIncomplete, "{}", world.message(None));
    }
}

#[test]
fn a_late_project_that_tells_nothing_any_more_is_late() {
    let late = |world: &mut World| {
        let projects = &mut world.organization(0).imports.projects;
        projects.iter_mut().take(12).for_each(|one| one.last_test = LastTest::At(start() - TimeDelta::days(3)));
    };
    let untold = |world: &mut World| {
        let projects = &mut world.organization(0).imports.projects;
        projects.iter_mut().take(12).for_each(|one| one.last_test = LastTest::Untold);
    };
    let mut world = World::healthy(20, 1);
    world.pass(minutes(30));
    late(&mut world);
    world.pass(hours(1));
    assert_eq!(world.status(Some(0)), (Status::Stalled, Reason::TestsStale));
    untold(&mut world);
    world.pass(hours(1));
    assert_eq!(world.status(Some(0)), (Status::Stalled, Reason::TestsStale), "{}", world.message(Some(0)));
    world.test_everything();
    world.pass(minutes(15));
    assert_eq!(world.status(Some(0)), (Status::Connected, Reason::Ok));
    // What was in time, and is not told any more, is not late.
    untold(&mut world);
    world.pass(hours(1));
    assert_eq!(world.status(Some(0)), (Status::Connected, Reason::Ok));
}

#[test]
fn a_schedule_that_is_not_told_any_more_is_as_it_was() {
    let set = |world: &mut World, frequency: TestFrequency| {
        let projects = &mut world.organization(0).imports.projects;
        projects.iter_mut().take(12).for_each(|one| one.frequency = frequency);
    };
    let mut world = World::healthy(20, 1);
    world.pass(minutes(30));
    set(&mut world, TestFrequency::Never);
    world.pass(hours(1));
    assert_eq!(world.status(Some(0)), (Status::Stalled, Reason::TestsUnscheduled));
    set(&mut world, TestFrequency::Untold);
    world.pass(hours(1));
    assert_eq!(world.status(Some(0)), (Status::Stalled, Reason::TestsUnscheduled), "{}", world.message(Some(0)));
    set(&mut world, TestFrequency::Daily);
    world.pass(hours(1));
    assert_eq!(world.status(Some(0)), (Status::Connected, Reason::Ok));
    // One that was on is expected to be tested, and gets the time of a weekly one.
    set(&mut world, TestFrequency::Untold);
    for (days, expected) in [(8, Reason::Ok), (10, Reason::TestsStale)] {
        let imports = &mut world.organization(0).imports;
        let tested = LastTest::At(start() - TimeDelta::days(days));
        imports.projects.iter_mut().take(12).for_each(|one| one.last_test = tested);
        world.pass(minutes(15));
        assert_eq!(world.status(Some(0)).1, expected, "{days} d");
    }
}
