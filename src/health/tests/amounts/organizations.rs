//! An Organization's targets, projects, active ones and those tested in time: every amount of each, at first sight and
//! after all was well; and every amount of Organizations that the Group lists.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::condition::{Condition, Proof};
use crate::domain::facts::{Access, LastTest};
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::state::Change;
use crate::domain::status::Status;
use crate::health::incidents;
use crate::health::testing::{World, hours, minutes, organization_id};

const SIZE: usize = 10;
const AMOUNTS: [usize; 5] = [0, 1, 4, 9, SIZE];

/// What there is of an Organization: each a part of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Amounts {
    targets: usize,
    projects: usize,
    active: usize,
    in_time: usize,
}

impl Amounts {
    const ALL: Self = Self { targets: SIZE, projects: SIZE, active: SIZE, in_time: SIZE };

    fn every() -> Vec<Self> {
        let up_to = |most: usize| AMOUNTS.into_iter().filter(move |amount| *amount <= most);
        let mut all = Vec::new();
        for targets in AMOUNTS {
            for projects in up_to(targets) {
                for active in up_to(projects) {
                    all.extend(up_to(active).map(|in_time| Self { targets, projects, active, in_time }));
                }
            }
        }
        all
    }
}

#[derive(Clone)]
struct Story {
    world: World,
    resolved: Vec<Rule>,
    told: String,
}

impl Story {
    fn new() -> Self {
        Self { world: World::healthy(SIZE, 1), resolved: Vec::new(), told: String::new() }
    }

    fn step(&mut self, amounts: Amounts) {
        let whole = World::healthy(SIZE, 1).organizations.remove(&organization_id(0)).unwrap().imports;
        let end = self.world.now + hours(3);
        self.resolved.clear();
        while self.world.now < end {
            self.world.now += minutes(60);
            let now = self.world.now;
            let imports = &mut self.world.organization(0).imports;
            imports.targets = whole.targets[..amounts.targets].to_vec();
            imports.projects = whole.projects[..amounts.projects].to_vec();
            for (number, project) in imports.projects.iter_mut().enumerate() {
                project.active = number < amounts.active;
                project.last_test = LastTest::At(if number < amounts.in_time { now } else { now - hours(30 * 24) });
            }
            self.world.probe();
            self.judge();
        }
        let status = self.world.stored(Some(0)).status.as_ref().unwrap();
        self.told = format!("{}{amounts:?}: {} {}\n", self.told, status.status, status.message);
        self.connected_is_proved(amounts);
        self.time_proves_nothing();
    }

    fn judge(&mut self) {
        self.world.evaluate();
        for transition in incidents::evaluate(&mut self.world.state, &self.world.fleet, self.world.now) {
            if let Change::Resolved { incident, .. } = transition.change {
                self.resolved.push(incident.rule);
            }
        }
    }

    fn is_open(&self, rule: Rule) -> bool {
        self.world.state.incidents.iter().any(|(key, incident)| key.rule == rule && incident.is_open())
    }

    fn truths(&self) -> BTreeMap<Condition, Truth> {
        let conditions = &self.world.stored(Some(0)).conditions;
        conditions.iter().map(|(condition, state)| (*condition, state.truth)).collect()
    }

    fn connected_is_proved(&self, amounts: Amounts) {
        if self.world.status(Some(0)).0 != Status::Connected {
            return;
        }
        for (condition, state) in &self.world.stored(Some(0)).conditions {
            if state.truth != Truth::True {
                continue;
            }
            let seen = state.proof.map_or(0, Proof::seen);
            assert!(seen > 0, "{condition} {}", self.told);
            let there = match condition {
                Condition::RepositoriesImported => amounts.projects,
                Condition::TestsCurrent => amounts.in_time,
                _ => continue,
            };
            assert!(seen <= there, "{condition} rests on {seen} {}", self.told);
        }
    }

    /// Time alone makes nothing true, and resolves nothing.
    fn time_proves_nothing(&self) {
        let before = self.truths();
        for passed in [30, 90, 20_000] {
            let mut later = Self { resolved: Vec::new(), ..self.clone() };
            later.world.now += minutes(passed);
            later.judge();
            for (condition, truth) in later.truths() {
                assert!(truth != Truth::True || before[&condition] == Truth::True, "{condition} {}", self.told);
            }
            assert_eq!(later.resolved, Vec::<Rule>::new(), "{}", self.told);
        }
    }
}

#[test]
fn any_amount_at_first_sight() {
    for amounts in Amounts::every() {
        Story::new().step(amounts);
    }
}

#[test]
fn any_amount_after_all_was_well_and_all_again() {
    let mut well = Story::new();
    well.step(Amounts::ALL);
    assert_eq!(well.world.status(Some(0)).0, Status::Connected, "{}", well.told);
    for amounts in Amounts::every() {
        let mut story = well.clone();
        story.step(amounts);
        let is_half = |part: usize| part * 2 < SIZE;
        if is_half(amounts.projects) && amounts.targets == SIZE || is_half(amounts.active) && amounts.projects == SIZE {
            assert_ne!(story.world.status(Some(0)).0, Status::Connected, "{}", story.told);
        }
        story.step(Amounts::ALL);
        assert_eq!(story.world.status(Some(0)).0, Status::Connected, "{}", story.told);
    }
}

#[test]
fn what_is_late_or_lost_does_not_heal_by_going() {
    for amounts in Amounts::every() {
        let mut bad = Story::new();
        bad.step(Amounts::ALL);
        bad.step(amounts);
        let before = bad.truths();
        if amounts.active == SIZE && amounts.in_time + 3 <= SIZE {
            assert!(bad.is_open(Rule::TestsStale), "{}", bad.told);
        }
        for less in Amounts::every() {
            // The same targets; of each part no more than before, and what was late is what goes.
            let is_less = less.targets == amounts.targets
                && less.projects <= amounts.projects
                && less.active <= amounts.active
                && less.in_time <= amounts.in_time;
            if !is_less {
                continue;
            }
            let mut story = bad.clone();
            story.step(less);
            for (condition, truth) in story.truths() {
                let was = before[&condition];
                assert!(truth != Truth::True || was == Truth::True, "{condition} was {was:?} {}", story.told);
            }
            assert_eq!(story.resolved, Vec::<Rule>::new(), "{}", story.told);
        }
    }
}

#[test]
fn any_amount_of_organizations_that_are_listed() {
    for listed in AMOUNTS {
        let mut world = World::healthy(SIZE, SIZE);
        world.pass(hours(2));
        world.unlisted = (listed..SIZE).map(organization_id).collect::<BTreeSet<_>>();
        for number in listed..SIZE {
            world.organization(number).access = Access::Denied { status: 404 };
        }
        world.pass(hours(2));
        incidents::evaluate(&mut world.state, &world.fleet, world.now);
        let is_open = world.state.incidents.keys().any(|key| key.rule == Rule::OrganizationsVanished);
        let lost = SIZE - listed;
        assert_eq!(is_open, lost * 2 >= SIZE || lost >= 5, "{listed} of {SIZE}");
        for number in 0..SIZE {
            let Some(stored) = world.state.integrations.get(&World::key(Some(number))) else { continue };
            let status = stored.status.as_ref().unwrap().status;
            assert_eq!(status == Status::Connected, number < listed, "{number} {listed} of {SIZE}: {status}");
        }
        world.unlisted.clear();
        for number in 0..SIZE {
            world.organization(number).access = Access::Granted { name: None, group: None, created_at: None };
        }
        world.pass(hours(2));
        for number in 0..SIZE {
            assert_eq!(world.status(Some(number)).0, Status::Connected, "{number} {listed} of {SIZE}");
        }
    }
}
