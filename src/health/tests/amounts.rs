//! Less to see is never good news: whatever share of the repositories and of the assets is there, in whichever order.

mod drawn;
mod every;
mod organizations;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::condition::{Condition, Proof};
use crate::domain::facts::{Repository, WorkspaceFact};
use crate::domain::incident::{IncidentState, Rule};
use crate::domain::kinds::Truth;
use crate::domain::names::{ProfileName, RepositoryId, WorkspaceSlug};
use crate::domain::state::Change;
use crate::domain::status::Status;

use super::super::incidents;
use super::super::testing::{World, asset_of, hours, minutes, repository, start};

/// Repositories of one namespace.
const SIZE: usize = 10;

/// What is there in each of two namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Amounts {
    /// Repositories on the Git host.
    visible: [usize; 2],
    /// Assets in Snyk.
    assets: [usize; 2],
}

impl Amounts {
    const NOTHING: Self = Self { visible: [0, 0], assets: [0, 0] };
    const ALL: Self = Self { visible: [SIZE, SIZE], assets: [SIZE, SIZE] };

    fn is_at_most(self, other: Self) -> bool {
        let pairs = |one: [usize; 2], other: [usize; 2]| one[0] <= other[0] && one[1] <= other[1];
        pairs(self.visible, other.visible) && pairs(self.assets, other.assets)
    }
}

/// A Group of two namespaces, in one profile or in two, and what was seen there.
#[derive(Clone)]
struct Story {
    world: World,
    two_profiles: bool,
    now: Amounts,
    seen: [BTreeSet<RepositoryId>; 2],
    /// Rules of incidents that ended in this step.
    resolved: Vec<Rule>,
    /// Something was open before this step.
    was_open: bool,
    told: String,
}

fn slug(namespace: usize) -> WorkspaceSlug {
    WorkspaceSlug::from(["acme", "labs"][namespace])
}

fn in_namespace(namespace: usize, count: usize) -> Vec<Repository> {
    let of = |number: usize| {
        let mut one = repository(namespace * SIZE + number);
        one.full_name = format!("{}/service-{number}", slug(namespace));
        one.workspace = slug(namespace);
        one
    };
    (0..count).map(of).collect()
}

impl Story {
    fn new(two_profiles: bool) -> Self {
        let mut world = World::healthy(0, 0);
        let member = || WorkspaceFact::Member { uuid: None, administrator: None };
        if two_profiles {
            world.add_profile("second", "bitbucket-second", 0..0);
            let second = ProfileName::from("second");
            world.profiles.get_mut(&second).unwrap().workspaces = BTreeMap::from([(slug(1), member())]);
            world.group().profiles.get_mut(&second).unwrap().workspaces = BTreeSet::from([slug(1)]);
        } else {
            world.main().workspaces.insert(slug(1), member());
            world.group().profiles.values_mut().next().unwrap().workspaces.insert(slug(1));
        }
        Self {
            world,
            two_profiles,
            now: Amounts::NOTHING,
            seen: Default::default(),
            resolved: Vec::new(),
            was_open: false,
            told: String::new(),
        }
    }

    /// So much is there now; after so many hours, what is said of it is held against what is so.
    fn step(&mut self, amounts: Amounts, span: i64) {
        let before = std::mem::replace(&mut self.now, amounts);
        let truths = self.truths();
        self.was_open = self.world.state.incidents.values().any(IncidentState::is_open);
        self.resolved.clear();
        self.set();
        self.pass(span);
        self.note_seen(span);
        let status = self.world.stored(None).status.as_ref().unwrap();
        self.told = format!("{} {amounts:?}: {} {}\n", self.told, status.status, status.message);
        self.loss_is_told();
        self.connected_is_proved();
        if amounts.is_at_most(before) && !truths.is_empty() {
            self.less_is_no_good_news(&truths);
        }
        self.time_proves_nothing();
    }

    fn set(&mut self) {
        let Amounts { visible, assets } = self.now;
        let (one, other) = (in_namespace(0, visible[0]), in_namespace(1, visible[1]));
        if self.two_profiles {
            self.world.main().repositories = one;
            self.world.profiles.get_mut(&ProfileName::from("second")).unwrap().repositories = other;
        } else {
            self.world.main().repositories = one.into_iter().chain(other).collect();
        }
        let all = in_namespace(0, assets[0]).into_iter().chain(in_namespace(1, assets[1]));
        self.world.assets = all.map(|one| asset_of(&one, start() - hours(240))).collect();
    }

    fn judge(&mut self) {
        self.world.evaluate();
        for transition in incidents::evaluate(&mut self.world.state, &self.world.fleet, self.world.now) {
            if let Change::Resolved { incident, .. } = transition.change {
                self.resolved.push(incident.rule);
            }
        }
    }

    fn pass(&mut self, span: i64) {
        let end = self.world.now + hours(span);
        while self.world.now < end {
            self.world.now = (self.world.now + minutes(60)).min(end);
            self.world.probe();
            self.judge();
        }
    }

    fn truths(&self) -> BTreeMap<Condition, Truth> {
        let Some(stored) = self.world.state.integrations.get(&World::key(None)) else { return BTreeMap::new() };
        stored.conditions.iter().map(|(condition, state)| (*condition, state.truth)).collect()
    }

    fn status(&self) -> Status {
        self.world.stored(None).status.as_ref().unwrap().status
    }

    fn open(&self) -> Vec<String> {
        let open = self.world.state.incidents.iter().filter(|(_, one)| one.is_open());
        open.map(|(key, _)| key.to_string()).collect()
    }

    fn note_seen(&mut self, span: i64) {
        // At first sight the assets stand for what was there.
        let is_first = self.world.now - start() <= hours(span);
        for (namespace, seen) in self.seen.iter_mut().enumerate() {
            let (visible, assets) = (self.now.visible[namespace], self.now.assets[namespace]);
            let count = if is_first { visible.max(assets) } else { visible };
            seen.extend(in_namespace(namespace, count).into_iter().map(|one| one.id));
        }
    }

    /// How many repositories of a namespace were seen and are not, and of how many.
    fn lost(&self, namespace: usize) -> (usize, usize) {
        let seen = self.seen[namespace].len();
        (seen - self.now.visible[namespace], seen)
    }

    /// Within a week, and nobody said anything: what is lost is lost.
    fn loss_is_told(&self) {
        if self.world.now - start() >= hours(24 * 7) {
            return;
        }
        let open = self.open();
        for namespace in [0, 1] {
            let (lost, of) = self.lost(namespace);
            let is_half = lost > 0 && lost * 2 >= of;
            let is_large = lost > 0 && (lost == of || (lost >= 3 && lost * 5 >= of)) || (is_half && of > 4);
            let key = format!("RepositoriesVanished/namespace/acme-bitbucket/{}", slug(namespace));
            assert!(open.contains(&key) || !is_large, "{} {open:?}", self.told);
            assert!(!is_large || !is_half || self.status() != Status::Connected, "{}", self.told);
            assert!(!is_large || self.status() != Status::NothingToWatch, "{}", self.told);
        }
        assert!(self.was_open || !self.resolved.contains(&Rule::RepositoriesVanished), "{}", self.told);
    }

    fn connected_is_proved(&self) {
        if self.status() != Status::Connected {
            return;
        }
        let Amounts { visible, assets } = self.now;
        for (condition, state) in &self.world.stored(None).conditions {
            if state.truth != Truth::True {
                continue;
            }
            let seen = state.proof.map_or(0, Proof::seen);
            let is_idle = *condition == Condition::SyncCurrent;
            assert!(seen > 0 || is_idle, "{condition} {}", self.told);
            let there = match condition {
                Condition::RepositoriesVisible => visible.iter().sum(),
                Condition::InventoryPopulated | Condition::InventoryComplete => assets.iter().sum(),
                _ => continue,
            };
            assert!(seen <= there, "{condition} rests on {seen} {}", self.told);
        }
        for namespace in [0, 1] {
            assert!(visible[namespace] == 0 || assets[namespace] > 0, "{}", self.told);
        }
    }

    /// Nothing came: then nothing got better.
    fn less_is_no_good_news(&self, before: &BTreeMap<Condition, Truth>) {
        assert_eq!(self.resolved, Vec::<Rule>::new(), "{}", self.told);
        for (condition, truth) in self.truths() {
            let was = before.get(&condition);
            assert!(truth != Truth::True || was == Some(&Truth::True), "{condition} was {was:?} {}", self.told);
        }
    }

    /// Time alone makes nothing true, and resolves nothing.
    fn time_proves_nothing(&self) {
        let before = self.truths();
        for passed in [30, 90, 20_000] {
            let mut later = Self { resolved: Vec::new(), ..self.clone() };
            later.world.now = self.world.now + minutes(passed);
            later.judge();
            for (condition, truth) in later.truths() {
                assert!(truth != Truth::True || before[&condition] == Truth::True, "{condition} {}", self.told);
            }
            assert_eq!(later.resolved, Vec::<Rule>::new(), "{}", self.told);
        }
    }
}
