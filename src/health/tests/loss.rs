//! Repositories that are seen no more: what settles them, and what is never concluded from less to see.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::domain::condition::{Condition, Reason};
use crate::domain::decisions::{Answer, Item, Plan, PlanKind, Verdict};
use crate::domain::facts::{Repository, RepositoryFate, WorkspaceFact};
use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::kinds::{Confidence, Truth};
use crate::domain::loss::Settlement;
use crate::domain::names::{DecisionId, IntegrationName, ProfileName, RepositoryId, WorkspaceSlug};
use crate::domain::state::{Change, State};
use crate::domain::status::Status;
use crate::domain::work::{Finding, ProbeKind, WorkSubject};

use super::super::testing::{INTEGRATION, PROFILE, WORKSPACE, World, hours, minutes, repository, start};
use super::super::{incidents, loss};

/// A world whose incidents are judged.
struct Watched {
    world: World,
    resolved: Vec<Rule>,
}

impl Watched {
    /// A Group of so many repositories, healthy for two hours.
    fn healthy(repositories: usize) -> Self {
        Self::of(World::healthy(repositories, 0))
    }

    fn of(world: World) -> Self {
        let mut watched = Self { world, resolved: Vec::new() };
        watched.pass(hours(2));
        assert_eq!(watched.world.status(None), (Status::Connected, Reason::Ok), "{}", watched.world.message(None));
        watched
    }

    fn judge(&mut self) {
        self.world.evaluate();
        for transition in incidents::evaluate(&mut self.world.state, &self.world.fleet, self.world.now) {
            if let Change::Resolved { incident, .. } = transition.change {
                self.resolved.push(incident.rule);
            }
        }
    }

    fn look(&mut self) {
        self.world.probe();
        self.judge();
    }

    fn pass(&mut self, time: TimeDelta) {
        let end = self.world.now + time;
        // A long time passes in longer steps.
        let step = if time > hours(30) { hours(1) } else { minutes(15) };
        while self.world.now < end {
            self.world.now = (self.world.now + step).min(end);
            self.look();
        }
    }

    fn open(&self) -> Vec<Rule> {
        self.world.state.incidents.iter().filter(|(_, one)| one.is_open()).map(|(key, _)| key.rule).collect()
    }

    fn severity(&self) -> Severity {
        self.world.state.incidents[&vanished()].severity
    }

    fn administers(&mut self) {
        let fact = WorkspaceFact::Member { uuid: None, administrator: Some(true) };
        self.world.main().workspaces.insert(WorkspaceSlug::from(WORKSPACE), fact);
    }

    /// The host answers for the repositories that are asked for by id, a few in each round.
    fn ask(&mut self, fate: impl Fn(&RepositoryId) -> RepositoryFate) -> usize {
        let (name, profile) = (IntegrationName::from(INTEGRATION), ProfileName::from(PROFILE));
        let memory = &self.world.stored(None).group.profiles[&profile];
        let wanted: Vec<RepositoryId> = memory.unanswered().map(|(id, _)| id.clone()).take(20).collect();
        let fates: BTreeMap<_, _> = wanted.iter().map(|id| (id.clone(), fate(id))).collect();
        let subject = WorkSubject::Profile(name.clone(), profile.clone());
        self.world.observe(ProbeKind::Profile, subject, vec![Finding::Fates(name, profile, fates)]);
        self.judge();
        wanted.len()
    }

    fn answer(&mut self, verdict: Verdict) {
        let items = loss::items_of(&self.world.state, &vanished());
        let answer = Answer {
            incident: vanished(),
            verdict,
            items,
            author: "jane".to_owned(),
            reason: "tidied up".to_owned(),
            at: self.world.now,
        };
        self.world.state.decisions.answers.insert(DecisionId::from("answer"), answer);
        self.judge();
    }

    fn plan(&mut self, numbers: std::ops::Range<usize>) {
        let ids: BTreeSet<RepositoryId> = numbers.map(|number| repository(number).id).collect();
        let plan = Plan {
            kind: PlanKind::Retire,
            pattern: "acme/service-*".to_owned(),
            repositories: BTreeMap::from([(IntegrationName::from(INTEGRATION), ids)]),
            organizations: BTreeMap::new(),
            credentials: BTreeSet::new(),
            revoked: false,
            from: self.world.now,
            until: self.world.now + TimeDelta::days(7),
            author: "jane".to_owned(),
            reason: "the unit is retired".to_owned(),
        };
        self.world.state.decisions.plans.insert(DecisionId::from("plan"), plan);
    }

    fn lose(&mut self, numbers: std::ops::Range<usize>) {
        let gone: BTreeSet<RepositoryId> = numbers.map(|number| repository(number).id).collect();
        self.world.main().repositories.retain(|one| !gone.contains(&one.id));
    }

    fn settlements(&self) -> BTreeMap<Settlement, usize> {
        let mut counted = BTreeMap::new();
        let profiles = self.world.stored(None).group.profiles.values();
        for absent in profiles.flat_map(|profile| profile.namespaces.values()).flat_map(|one| one.absent.values()) {
            *counted.entry(absent.settlement).or_default() += 1;
        }
        counted
    }

    #[track_caller]
    fn expect(&self, status: (Status, Reason), open: &[Rule]) {
        assert_eq!(self.world.status(None), status, "{}", self.world.message(None));
        assert_eq!(self.open(), open, "{}", self.world.message(None));
    }
}

fn vanished() -> IncidentKey {
    let subject = Subject::Workspace(IntegrationName::from(INTEGRATION), WorkspaceSlug::from(WORKSPACE));
    IncidentKey { rule: Rule::RepositoriesVanished, subject }
}

const CONNECTED: (Status, Reason) = (Status::Connected, Reason::Ok);
const UNKNOWN: (Status, Reason) = (Status::Unknown, Reason::RepositoriesVanished);

#[test]
fn an_account_that_sees_nothing_any_more_is_never_connected() {
    for lost in [40, 38, 20] {
        let mut watched = Watched::healthy(40);
        watched.lose(0..lost);
        watched.look();
        // The first walk is not believed, and asked for again.
        watched.expect(CONNECTED, &[]);
        watched.pass(minutes(15));
        watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
        assert_eq!(watched.severity(), Severity::Warning);
        watched.pass(hours(25));
        watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
        assert_eq!(watched.severity() == Severity::Critical, lost == 40, "{lost}");
        // Then the Inventory follows.
        watched.world.sync(watched.world.now);
        watched.pass(TimeDelta::days(9));
        watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
        assert_eq!(watched.world.condition(None, Condition::InventoryComplete).0, Truth::Unknown);
        assert_eq!(watched.world.condition(None, Condition::SyncCurrent).0, Truth::Unknown);
        assert_eq!(watched.resolved, [], "{lost}");
        // They come back.
        watched.world.main().repositories = (0..40).map(repository).collect();
        watched.world.sync(watched.world.now);
        watched.pass(minutes(15));
        watched.expect(CONNECTED, &[]);
        assert_eq!(watched.resolved, [Rule::RepositoriesVanished]);
    }
}

#[test]
fn the_inventory_empties_first_and_the_repositories_go_after_it() {
    let mut watched = Watched::healthy(40);
    watched.world.assets.clear();
    watched.pass(hours(14));
    watched.expect((Status::PartiallyConnected, Reason::InventoryLost), &[Rule::PartiallyConnected]);
    watched.lose(0..40);
    watched.pass(TimeDelta::days(3));
    watched.expect(UNKNOWN, &[Rule::RepositoriesVanished, Rule::PartiallyConnected]);
    assert_eq!(watched.resolved, []);
}

#[test]
fn at_first_sight_the_assets_stand_for_what_was_there() {
    for seen in [0, 1, 30] {
        let mut world = World::healthy(40, 0);
        world.main().repositories.truncate(seen);
        let mut watched = Watched { world, resolved: Vec::new() };
        watched.pass(hours(1));
        let expected = if seen == 30 { CONNECTED } else { UNKNOWN };
        watched.expect(expected, &[Rule::RepositoriesVanished]);
    }
    // Lost state changes nothing about it.
    let mut watched = Watched::healthy(40);
    watched.lose(0..39);
    watched.pass(hours(1));
    watched.world.state = State::default();
    watched.pass(hours(1));
    watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
}

#[test]
fn a_tidy_up_of_a_few_is_no_loss() {
    let mut watched = Watched::healthy(40);
    watched.lose(0..3);
    watched.pass(hours(1));
    watched.expect(CONNECTED, &[]);
    assert_eq!(watched.settlements(), BTreeMap::from([(Settlement::Removed, 3)]));
    // In instalments it is one.
    watched.pass(hours(24));
    watched.lose(3..6);
    watched.pass(hours(1));
    watched.expect(CONNECTED, &[]);
    watched.pass(hours(24));
    watched.lose(6..8);
    watched.pass(hours(1));
    watched.expect(CONNECTED, &[Rule::RepositoriesVanished]);
    assert_eq!(watched.world.stored(None).status.as_ref().unwrap().confidence, Confidence::Weak);
    assert_eq!(watched.settlements(), BTreeMap::from([(Settlement::RightLost, 8)]));
    watched.pass(TimeDelta::days(20));
    watched.expect(CONNECTED, &[Rule::RepositoriesVanished]);
    // One of them returns: it would not have begun.
    watched.world.main().repositories.push(repository(0));
    watched.pass(minutes(30));
    watched.expect(CONNECTED, &[]);
}

#[test]
fn a_few_a_month_are_no_loss() {
    let mut watched = Watched::healthy(40);
    for month in 0..4 {
        watched.lose(month * 3..month * 3 + 3);
        watched.pass(TimeDelta::days(8));
        watched.expect(CONNECTED, &[]);
    }
}

#[test]
fn an_administrator_really_deletes_most_of_them() {
    let check = |is_administrator: bool, fate: RepositoryFate, settled: bool| {
        let mut world = World::healthy(40, 0);
        let administrator = Some(is_administrator);
        world.main().workspaces.values_mut().for_each(|fact| {
            *fact = WorkspaceFact::Member { uuid: None, administrator };
        });
        let mut watched = Watched::of(world);
        watched.lose(0..39);
        watched.pass(minutes(30));
        watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
        assert_eq!(watched.ask(|_| fate.clone()), 20, "a few in each round");
        if settled {
            watched.expect(CONNECTED, &[]);
            assert_eq!(watched.settlements().get(&Settlement::Gone), Some(&39));
            // What was there after it is the reference for the next one.
            watched.pass(hours(1));
            watched.expect(CONNECTED, &[]);
        } else {
            watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
        }
    };
    check(true, RepositoryFate::NotFound, true);
    check(false, RepositoryFate::NotFound, false);
    check(true, RepositoryFate::There { full_name: "acme/none".to_owned() }, false);

    // Made an administrator only now: what was seen before may have been all or not.
    let mut watched = Watched::healthy(40);
    watched.administers();
    watched.lose(0..39);
    watched.pass(minutes(30));
    watched.ask(|_| RepositoryFate::NotFound);
    watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
}

#[test]
fn somebody_says_what_it_is() {
    let mut watched = Watched::healthy(40);
    watched.lose(0..39);
    watched.pass(hours(1));
    assert_eq!(loss::items_of(&watched.world.state, &vanished()).len(), 39);
    assert!(
        loss::items_of(&watched.world.state, &vanished())
            .contains(&Item::Repository(IntegrationName::from(INTEGRATION), repository(0).id))
    );
    watched.answer(Verdict::Accepted);
    watched.expect(CONNECTED, &[]);
    watched.pass(hours(1));
    watched.expect(CONNECTED, &[]);
    // What was accepted once excuses no other loss.
    watched.lose(39..40);
    watched.pass(hours(1));
    watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
    // It was a mistake to accept it.
    watched.world.state.decisions.answers.clear();
    watched.judge();
    assert_eq!(loss::items_of(&watched.world.state, &vanished()).len(), 40);

    let mut watched = Watched::healthy(40);
    watched.lose(0..39);
    watched.pass(hours(1));
    watched.answer(Verdict::Rejected);
    watched.expect((Status::ConnectionFailed, Reason::RepositoriesVanished), &[Rule::RepositoriesVanished]);
    watched.pass(hours(3));
    watched.expect((Status::ConnectionFailed, Reason::RepositoriesVanished), &[Rule::RepositoriesVanished]);
}

#[test]
fn an_answer_to_one_loss_is_none_to_the_next() {
    for verdict in [Verdict::Accepted, Verdict::Rejected] {
        let mut watched = Watched::healthy(40);
        watched.lose(0..39);
        watched.pass(hours(1));
        watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
        watched.answer(verdict);
        let answered = if verdict == Verdict::Accepted { Status::Connected } else { Status::ConnectionFailed };
        assert_eq!(watched.world.status(None).0, answered, "{}", watched.world.message(None));
        watched.world.main().repositories = (0..40).map(repository).collect();
        watched.pass(hours(1));
        watched.expect(CONNECTED, &[]);
        watched.lose(0..39);
        watched.pass(hours(1));
        watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
    }
}

#[test]
fn an_administrator_of_another_workspace_of_that_name_proves_nothing() {
    let mut watched = Watched::healthy(40);
    let owner = |uuid: &str| WorkspaceFact::Member { uuid: Some(uuid.to_owned()), administrator: Some(true) };
    let is_now = |watched: &mut Watched, uuid: &str| {
        watched.world.main().workspaces.insert(WorkspaceSlug::from(WORKSPACE), owner(uuid));
    };
    is_now(&mut watched, "{1}");
    watched.pass(hours(1));
    is_now(&mut watched, "{2}");
    watched.world.main().repositories = (100..102).map(repository).collect();
    watched.pass(hours(1));
    watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
    watched.ask(|_| RepositoryFate::NotFound);
    watched.pass(hours(1));
    watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
    assert_eq!(watched.settlements(), BTreeMap::from([(Settlement::RightLost, 40)]));
}

#[test]
fn all_that_went_and_was_accepted_leaves_nothing_to_watch() {
    let mut watched = Watched::healthy(4);
    watched.lose(0..4);
    watched.world.assets.clear();
    watched.pass(hours(1));
    watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
    watched.answer(Verdict::Accepted);
    watched.expect((Status::NothingToWatch, Reason::NothingToDiscover), &[]);
    watched.pass(hours(25));
    watched.expect((Status::NothingToWatch, Reason::NothingToDiscover), &[Rule::NothingToWatch]);
}

#[test]
fn what_a_plan_expected_is_no_loss_and_what_went_beside_it_is() {
    let mut watched = Watched::healthy(40);
    watched.plan(0..20);
    watched.lose(0..20);
    watched.pass(hours(2));
    watched.expect(CONNECTED, &[]);
    assert_eq!(watched.settlements(), BTreeMap::from([(Settlement::Planned, 20)]));
    // One more, and three more outside its hour.
    watched.lose(20..23);
    watched.pass(hours(1));
    watched.expect(CONNECTED, &[]);

    let mut watched = Watched::healthy(400);
    watched.plan(0..100);
    watched.lose(0..105);
    watched.pass(hours(1));
    watched.expect(CONNECTED, &[Rule::RepositoriesVanished]);
    assert_eq!(watched.settlements(), BTreeMap::from([(Settlement::Planned, 100), (Settlement::RightLost, 5)]));
    watched.pass(TimeDelta::days(10));
    watched.expect(CONNECTED, &[Rule::RepositoriesVanished]);
}

/// Moves repositories into another workspace of the host.
fn moved(repositories: impl IntoIterator<Item = Repository>) -> Vec<Repository> {
    let moved = |repository: Repository| Repository {
        full_name: repository.full_name.replace("acme/", "labs/"),
        workspace: WorkspaceSlug::from("labs"),
        ..repository
    };
    repositories.into_iter().map(moved).collect()
}

fn add_labs(world: &mut World) {
    let labs = WorkspaceSlug::from("labs");
    let member = WorkspaceFact::Member { uuid: None, administrator: None };
    world.main().workspaces.insert(labs.clone(), member);
    world.group().profiles.values_mut().next().unwrap().workspaces.insert(labs);
}

#[test]
fn what_moves_to_another_workspace_is_moved() {
    let mut world = World::healthy(40, 0);
    add_labs(&mut world);
    let mut watched = Watched::of(world);
    let all = std::mem::take(&mut watched.world.main().repositories);
    let (moving, staying) = all.split_at(30);
    watched.world.main().repositories = moved(moving.to_vec()).into_iter().chain(staying.to_vec()).collect();
    watched.pass(hours(2));
    watched.expect(CONNECTED, &[]);
    assert_eq!(watched.settlements(), BTreeMap::from([(Settlement::Moved, 30)]));
}

#[test]
fn what_the_host_shows_elsewhere_is_moved() {
    let mut watched = Watched::healthy(40);
    watched.lose(0..20);
    watched.pass(hours(1));
    let elsewhere = |id: &RepositoryId| RepositoryFate::There { full_name: format!("other/{id}") };
    while watched.ask(elsewhere) > 0 {}
    watched.expect(CONNECTED, &[]);
    assert_eq!(watched.settlements(), BTreeMap::from([(Settlement::Moved, 20)]));
}

#[test]
fn repositories_made_anew_under_their_names_are_new_ones() {
    let mut watched = Watched::healthy(40);
    let now = watched.world.now;
    for repository in watched.world.main().repositories.iter_mut().take(30) {
        repository.id = RepositoryId::new(format!("{}-anew", repository.id));
        repository.created_at = Some(now);
    }
    watched.pass(hours(1));
    assert_eq!(watched.settlements(), BTreeMap::from([(Settlement::MadeAnew, 30)]));
    let progress = watched.world.stored(None).progress.clone().unwrap();
    assert_eq!((progress.found, progress.missing, progress.ignored), (10, 0, 30), "the old assets do not count");
    watched.pass(hours(26));
    watched.expect((Status::PartiallyConnected, Reason::InventoryIncomplete), &[]);
    assert_eq!(watched.world.stored(None).progress.as_ref().unwrap().missing, 30);
    // Without ids the age tells: an asset older than the repository is another's.
    watched.world.assets.iter_mut().for_each(|asset| asset.scm_id = None);
    watched.pass(minutes(15));
    assert_eq!(watched.world.stored(None).progress.as_ref().unwrap().missing, 30);
}

#[test]
fn all_of_a_project_beside_a_whole_one_is_a_lost_right() {
    let check = |sizes: [usize; 2], lost: usize, open: &[Rule]| {
        let mut world = World::healthy(40, 0);
        for (number, repository) in world.main().repositories.iter_mut().enumerate() {
            let project = if number < sizes[0] { "PAY" } else { "OPS" };
            repository.project = Some(project.to_owned());
        }
        let mut watched = Watched::of(world);
        watched.lose(0..lost);
        watched.pass(hours(1));
        watched.expect(CONNECTED, open);
        watched.pass(TimeDelta::days(9));
        watched.expect(CONNECTED, open);
    };
    check([4, 36], 4, &[Rule::RepositoriesVanished]);
    check([4, 36], 3, &[]);
    check([2, 38], 2, &[]);
}

#[test]
fn what_another_credential_still_sees_is_a_lost_right() {
    let mut world = World::healthy(40, 0);
    world.add_profile("second", "bitbucket-second", 0..40);
    let workspaces = BTreeSet::from([WorkspaceSlug::from(WORKSPACE)]);
    world.group().profiles.get_mut(&ProfileName::from("second")).unwrap().workspaces = workspaces;
    world.sync(start() - TimeDelta::days(10));
    let mut watched = Watched::of(world);
    watched.lose(0..1);
    watched.pass(hours(1));
    watched.expect(CONNECTED, &[Rule::RepositoriesVanished]);
    watched.lose(1..40);
    watched.pass(hours(1));
    // Proved for all of the namespace: false, and not merely unknown.
    watched.expect((Status::PartiallyConnected, Reason::ProfilesFailed), &[Rule::RepositoriesVanished]);
}

#[test]
fn lost_membership_comes_first_and_its_return_is_judged() {
    let mut watched = Watched::healthy(40);
    let member = watched.world.main().workspaces.clone();
    watched.world.main().workspaces.values_mut().for_each(|fact| *fact = WorkspaceFact::NotMember);
    watched.world.main().repositories.clear();
    watched.pass(hours(1));
    watched.expect((Status::ConnectionFailed, Reason::NotAMember), &[Rule::ConnectionFailed]);
    // Back, though not with all rights.
    watched.world.main().workspaces = member;
    watched.world.main().repositories = (0..10).map(repository).collect();
    watched.pass(hours(1));
    watched.expect(UNKNOWN, &[Rule::RepositoriesVanished, Rule::ConnectionFailed]);
    watched.world.main().repositories = (0..40).map(repository).collect();
    watched.pass(hours(1));
    watched.expect(CONNECTED, &[]);
}

#[test]
fn one_bad_answer_about_a_workspace_changes_nothing() {
    let mut watched = Watched::healthy(40);
    let member = watched.world.main().workspaces.clone();
    watched.world.main().workspaces.values_mut().for_each(|fact| *fact = WorkspaceFact::NotFound);
    watched.world.main().repositories.clear();
    watched.world.now += minutes(15);
    watched.look();
    watched.expect(CONNECTED, &[]);
    assert!(watched.world.stored(None).conditions[&Condition::RepositoriesVisible].confirming);
    watched.world.main().workspaces = member;
    watched.world.main().repositories = (0..40).map(repository).collect();
    watched.pass(minutes(15));
    watched.expect(CONNECTED, &[]);
    assert!(!watched.world.stored(None).conditions[&Condition::RepositoriesVisible].confirming);
}

#[test]
fn a_stall_does_not_heal_by_losing_sight_of_what_is_late() {
    let mut watched = Watched::healthy(40);
    let now = watched.world.now;
    for repository in watched.world.main().repositories.iter_mut().take(9) {
        repository.updated_at = Some(now);
    }
    watched.pass(hours(28));
    watched.expect((Status::Stalled, Reason::SyncLagging), &[Rule::SyncStalled]);
    watched.lose(0..9);
    watched.pass(hours(3));
    watched.expect((Status::Stalled, Reason::SyncLagging), &[Rule::RepositoriesVanished, Rule::SyncStalled]);
    assert_eq!(watched.resolved, []);
    // Nor does a repository arrive by being lost from sight.
    let mut watched = Watched::healthy(40);
    watched.world.assets.truncate(31);
    watched.pass(TimeDelta::days(8));
    watched.expect((Status::PartiallyConnected, Reason::InventoryIncomplete), &[Rule::PartiallyConnected]);
    watched.lose(31..40);
    watched.pass(hours(3));
    watched.expect(
        (Status::PartiallyConnected, Reason::InventoryIncomplete),
        &[Rule::RepositoriesVanished, Rule::PartiallyConnected],
    );
    assert_eq!(watched.resolved, []);
}

#[test]
fn one_workspace_of_two_is_lost() {
    let mut world = World::healthy(40, 0);
    add_labs(&mut world);
    let all = std::mem::take(&mut world.main().repositories);
    let (labs, acme) = all.split_at(20);
    world.main().repositories = moved(labs.to_vec()).into_iter().chain(acme.to_vec()).collect();
    world.sync(start() - TimeDelta::days(10));
    let mut watched = Watched::of(world);
    watched.world.assets.retain(|asset| asset.id != "asset-repo-0" && asset.id != "asset-repo-1");
    watched.pass(TimeDelta::days(8));
    watched.expect((Status::PartiallyConnected, Reason::InventoryIncomplete), &[Rule::PartiallyConnected]);
    watched.lose(0..20);
    watched.world.sync(watched.world.now);
    watched.pass(hours(5));
    watched.expect(UNKNOWN, &[Rule::RepositoriesVanished, Rule::PartiallyConnected]);
    assert!(watched.world.message(None).contains("workspace labs"), "{}", watched.world.message(None));
    assert_eq!(watched.resolved, []);
}

#[test]
fn an_asset_without_id_stands_for_its_name() {
    let mut world = World::healthy(10, 0);
    world.assets.iter_mut().for_each(|asset| asset.scm_id = None);
    world.main().repositories.truncate(2);
    let mut watched = Watched { world, resolved: Vec::new() };
    watched.pass(hours(1));
    watched.expect(UNKNOWN, &[Rule::RepositoriesVanished]);
    watched.world.main().repositories = (0..10).map(repository).collect();
    watched.pass(hours(1));
    watched.expect(CONNECTED, &[]);
}
