//! Less to see is never good news: whatever share of the repositories and of the assets is there, in whichever order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::domain::condition::Condition;
use crate::domain::facts::{Repository, WorkspaceFact};
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::names::{ProfileName, RepositoryId, WorkspaceSlug};
use crate::domain::state::Change;
use crate::domain::status::Status;

use super::super::incidents;
use super::super::testing::{World, asset_of, hours, minutes, repository, start};

/// Repositories of one namespace.
const SIZE: usize = 10;

/// How many of them there are: nothing, one, some, most, all.
fn amount() -> impl Strategy<Value = usize> {
    proptest::sample::select(vec![0, 1, 4, 8, SIZE])
}

/// What is there in each of two namespaces, on the Git host and in Snyk; and for how many hours.
type Step = ([usize; 2], [usize; 2], i64);

fn step() -> impl Strategy<Value = Step> {
    ([amount(), amount()], [amount(), amount()], 1_i64..30)
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

struct Story {
    world: World,
    two_profiles: bool,
    resolved: Vec<Rule>,
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
        Self { world, two_profiles, resolved: Vec::new() }
    }

    fn set(&mut self, visible: [usize; 2], assets: [usize; 2]) {
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
        self.world.stored(None).conditions.iter().map(|(condition, state)| (*condition, state.truth)).collect()
    }

    /// Repositories of a namespace that were seen and are not.
    fn lost(&self, seen: &BTreeSet<RepositoryId>, namespace: usize) -> usize {
        let here: BTreeSet<RepositoryId> = self
            .world
            .profiles
            .values()
            .flat_map(|profile| &profile.repositories)
            .filter(|one| one.workspace == slug(namespace))
            .map(|one| one.id.clone())
            .collect();
        seen.difference(&here).count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_there_connected_is_proved(two_profiles: bool, steps in proptest::collection::vec(step(), 1..6)) {
        let mut story = Story::new(two_profiles);
        let mut seen = [BTreeSet::new(), BTreeSet::new()];
        let mut was_vanished = false;
        for (visible, assets, span) in steps {
            story.set(visible, assets);
            story.resolved.clear();
            story.pass(span.max(2));
            for (namespace, seen) in seen.iter_mut().enumerate() {
                // At first sight the assets stand for what was there.
                let is_first = story.world.now - start() <= hours(span.max(2));
                let count = if is_first { visible[namespace].max(assets[namespace]) } else { visible[namespace] };
                seen.extend(in_namespace(namespace, count).into_iter().map(|one| one.id));
            }
            let lost = [0, 1].map(|namespace| story.lost(&seen[namespace], namespace));
            let is_large = [0, 1].map(|namespace| {
                let (lost, of) = (lost[namespace], seen[namespace].len());
                lost > 0 && (lost == of || (lost >= 3 && lost * 5 >= of))
            });
            let is_half = [0, 1].map(|namespace| lost[namespace] > 0 && lost[namespace] * 2 >= seen[namespace].len());
            let status = story.world.stored(None).status.clone().unwrap();
            let text = format!("{visible:?} {assets:?} {lost:?} {}: {}", status.status, status.message);
            // Within a week, and nobody said anything: what is lost is lost.
            let key = |namespace: usize| format!("RepositoriesVanished/namespace/acme-bitbucket/{}", slug(namespace));
            let open: Vec<String> = story.world.state.incidents.iter().filter(|(_, one)| one.is_open()).map(|(key, _)| key.to_string()).collect();
            if story.world.now - start() < hours(24 * 7) {
                for namespace in [0, 1] {
                    let is_open = open.contains(&key(namespace));
                    let is_known = is_large[namespace] || (is_half[namespace] && seen[namespace].len() > 4);
                    prop_assert!(is_open || !is_known, "{} {open:?}", text);
                    prop_assert!(!is_half[namespace] || !is_known || status.status != Status::Connected, "{}", text);
                    prop_assert!(!is_known || !matches!(status.status, Status::NothingToWatch), "{}", text);
                }
                let resolves = story.resolved.contains(&Rule::RepositoriesVanished);
                prop_assert!(!resolves || was_vanished, "{}", text);
            }
            was_vanished = !open.is_empty();
            if status.status == Status::Connected {
                for (condition, state) in &story.world.stored(None).conditions {
                    let is_proved = state.proof.is_some_and(|proof| proof.seen() > 0);
                    let is_idle = *condition == Condition::SyncCurrent;
                    prop_assert!(state.truth != Truth::True || is_proved || is_idle, "{} {}", condition, text);
                }
                for namespace in [0, 1] {
                    prop_assert!(visible[namespace] == 0 || assets[namespace] > 0, "{}", text);
                }
            }
            // Time alone makes nothing true, and resolves nothing.
            let before = story.truths();
            story.resolved.clear();
            for passed in [1, 30, 60, 90, 600, 20_000] {
                let mut later = Story {
                    world: World { state: story.world.state.clone(), ..Story::new(two_profiles).world },
                    two_profiles,
                    resolved: Vec::new(),
                };
                later.world.now = story.world.now + minutes(passed);
                later.judge();
                for (condition, truth) in later.truths() {
                    prop_assert!(truth != Truth::True || before[&condition] == Truth::True, "{} {}", condition, text);
                }
                prop_assert_eq!(&later.resolved, &Vec::<Rule>::new(), "{}", text);
            }
        }
    }
}
