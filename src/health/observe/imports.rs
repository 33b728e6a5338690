//! What the sequence of an Organization's imports tells: lost projects, schedules that were switched off, inactivity, and
//! projects that nobody ever tests.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::Condition;
use crate::domain::decisions::Decisions;
use crate::domain::evidence::GroupEvidence;
use crate::domain::facts::{OrganizationImports, Project, Target, TestFrequency};
use crate::domain::fleet::{Fleet, Thresholds};
use crate::domain::kinds::{Scm, Truth};
use crate::domain::names::IntegrationKey;
use crate::domain::state::{
    ActivityMemory, DayShare, ImportMemory, LossProof, LostTarget, OrganizationMemory, State, TestMemory,
};

use super::super::organization::{Departed, Timeliness, departed, inactive_of, is_expected, is_scheduled, timeliness};
use super::organization::thresholds;
use super::{Stamp, Written};

/// A project that was not tested for so long is tested by nobody.
const ORPHANED_AFTER: TimeDelta = TimeDelta::days(14);
/// A share that rises within it rose at once.
const RISES_WITHIN: TimeDelta = TimeDelta::days(7);
/// A share that rises by so much rose.
const RISES_BY: f64 = 0.10;
/// Shares are quotients: 0.7 - 0.6 is less than 0.1.
const ROUNDING: f64 = 1e-9;

pub(super) fn on_imports(
    state: &mut State,
    fleet: &Fleet,
    stamp: Stamp,
    key: &IntegrationKey,
    fact: &Arc<OrganizationImports>,
) {
    let slot = &mut state.evidence.organizations.entry(key.clone()).or_default().imports;
    let before = slot.as_ref().map(|evidence| Arc::clone(&evidence.value));
    if stamp.write(slot, Arc::clone(fact)) == Written::Yes {
        remember(state, fleet, stamp.at, key, (before.as_deref(), fact));
    }
}

/// Remembers what was observed at `at`; `before` is the observation before it.
pub(super) fn remember(
    state: &mut State,
    fleet: &Fleet,
    at: DateTime<Utc>,
    key: &IntegrationKey,
    (before, imports): (Option<&OrganizationImports>, &OrganizationImports),
) {
    let State { evidence, integrations, decisions, .. } = state;
    let (Some(stored), Some(watched)) = (integrations.get_mut(key), fleet.integrations.get(&key.integration)) else {
        return;
    };
    let tests_current = stored.truth(Condition::TestsCurrent);
    let OrganizationMemory { imports: of_targets, tests: of_projects, .. } = &mut stored.organization;
    // Whatever was observed before it was remembered is seen for the first time.
    let before = before.filter(|_| of_targets.seen_since.is_some());
    let sight = Sight {
        before,
        imports,
        thresholds: thresholds(fleet, &key.integration),
        scm: watched.scm,
        group: evidence.groups.get(&key.integration),
        tests_current,
        decisions,
        at,
    };
    sight.remember_targets(of_targets);
    sight.remember_schedules(of_projects);
    sight.remember_activity(&mut of_projects.activity);
    sight.remember_lateness(of_projects);
}

/// One observation and what it is compared with.
struct Sight<'a> {
    before: Option<&'a OrganizationImports>,
    imports: &'a OrganizationImports,
    thresholds: &'a Thresholds,
    scm: Scm,
    group: Option<&'a GroupEvidence>,
    /// As the evaluation before found it.
    tests_current: Truth,
    decisions: &'a Decisions,
    at: DateTime<Utc>,
}

impl Sight<'_> {
    fn remember_targets(&self, memory: &mut ImportMemory) {
        memory.seen_since.get_or_insert(self.at);
        let OrganizationImports { targets, projects } = self.imports;
        if targets.is_empty() {
            let last = self.before.map(|before| &before.targets).into_iter().flatten();
            memory.gone.extend(last.map(|target| target.id.clone()));
        } else {
            memory.had_targets = true;
            memory.gone.clear();
        }
        let with_projects: BTreeSet<String> = projects.iter().filter_map(|project| project.target.clone()).collect();
        let there: HashSet<&str> = targets.iter().map(|target| target.id.as_str()).collect();
        for target in memory.with_projects.difference(&with_projects).filter(|id| there.contains(id.as_str())) {
            let last = self.before.map(|before| &before.projects).into_iter().flatten();
            let of_target = last.filter(|project| project.target.as_deref() == Some(target));
            let projects = of_target.map(|project| project.id.clone()).collect();
            memory.lost.entry(target.clone()).or_insert(LostTarget { since: self.at, projects, settled: None });
        }
        memory.lost.retain(|target, _| there.contains(target.as_str()) && !with_projects.contains(target));
        memory.with_projects = with_projects;
        let is_open = |target: &&Target| memory.lost.get(&target.id).is_some_and(|lost| lost.settled.is_none());
        let open: Vec<&Target> = targets.iter().filter(is_open).collect();
        for (target, fate) in departed(&open, self.group, self.scm, self.at) {
            if let (Departed::Gone, Some(lost)) = (fate, memory.lost.get_mut(target)) {
                lost.settled = Some(LossProof::RepositoryGone);
            }
        }
    }

    fn remember_schedules(&self, memory: &mut TestMemory) {
        let projects = &self.imports.projects;
        memory.was_scheduled |= projects.iter().any(is_scheduled);
        let before: HashMap<&str, &Project> = self.projects_before().map(|one| (one.id.as_str(), one)).collect();
        let (mut unscheduled, mut untold) = (BTreeMap::new(), BTreeSet::new());
        for project in projects {
            let id = &project.id;
            let last = before.get(id.as_str());
            let off = memory.unscheduled.get(id);
            let was_on = last.is_some_and(|last| is_scheduled(last)) || memory.schedule_untold.contains(id);
            match project.frequency {
                TestFrequency::Never if was_on || off.is_some() => {
                    unscheduled.insert(id.clone(), off.copied().unwrap_or(self.at));
                }
                TestFrequency::Untold => {
                    if let Some(since) = off {
                        unscheduled.insert(id.clone(), *since);
                    } else if was_on {
                        untold.insert(id.clone());
                    }
                }
                TestFrequency::Never => {}
                TestFrequency::Daily | TestFrequency::Weekly => {
                    // Snyk had no chance yet to test what was inactive or unscheduled before.
                    let is_resumed = project.active && last.is_some_and(|last| !last.active || !is_scheduled(last));
                    if is_resumed {
                        memory.resumed.insert(id.clone(), self.at);
                    }
                }
            }
        }
        (memory.unscheduled, memory.schedule_untold) = (unscheduled, untold);
        self.forget_resumed(memory);
    }

    /// Drops those that were tested since, or are not to be tested. A decision about one may ask when it was last seen at
    /// work.
    fn forget_resumed(&self, memory: &mut TestMemory) {
        if memory.resumed.is_empty() {
            return;
        }
        let projects: HashMap<&str, &Project> =
            self.imports.projects.iter().map(|project| (project.id.as_str(), project)).collect();
        let is_decided = !self.decisions.answers.is_empty();
        memory.resumed.retain(|id, resumed| {
            projects.get(id.as_str()).is_some_and(|project| {
                let was_tested = project.last_test.at().is_some_and(|tested| tested >= *resumed);
                !was_tested && (is_decided || (project.active && is_scheduled(project)))
            })
        });
    }

    fn remember_activity(&self, memory: &mut ActivityMemory) {
        let (inactive, of) = inactive_of(&self.imports.projects);
        if of == 0 {
            return;
        }
        let share = inactive as f64 / of as f64;
        memory.lowest.retain(|day| self.at - day.at <= RISES_WITHIN);
        let lowest = memory
            .lowest
            .iter()
            .map(|day| day.share)
            .fold(None, |lowest: Option<f64>, share| Some(lowest.map_or(share, |lowest| lowest.min(share))));
        match memory.lowest.last_mut().filter(|day| day.at.date_naive() == self.at.date_naive()) {
            Some(day) => day.share = day.share.min(share),
            None => memory.lowest.push(DayShare { at: self.at, share }),
        }
        if share <= self.thresholds.inactive_share {
            memory.mostly_active_at = Some(self.at);
            (memory.mostly_inactive_since, memory.risen_from, memory.follows) = (None, None, None);
            return;
        }
        memory.mostly_inactive_since.get_or_insert(self.at);
        let rises = |from: f64| share - from >= RISES_BY - ROUNDING;
        memory.risen_from = memory.risen_from.or(lowest).filter(|from| rises(*from));
    }

    fn remember_lateness(&self, memory: &mut TestMemory) {
        let (mut late, mut orphans) = (BTreeMap::new(), BTreeMap::new());
        let mut first_seen: Option<HashSet<&str>> = None;
        let mut of_targets: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for project in self.imports.projects.iter().filter(|project| is_expected(project, memory)) {
            let id = &project.id;
            let resumed = memory.resumed.get(id).copied();
            let last = match timeliness(project, resumed, self.thresholds, self.at) {
                Timeliness::Late(last) => last,
                // What was late stays so until Snyk tells otherwise.
                Timeliness::Untold if memory.late.contains_key(id) || memory.orphans.contains_key(id) => self.at,
                Timeliness::Untold | Timeliness::Tested | Timeliness::Due => continue,
            };
            let known = first_seen.get_or_insert_with(|| self.projects_before().map(|one| one.id.as_str()).collect());
            let is_old_news = !known.contains(id.as_str()) && self.at - last >= ORPHANED_AFTER;
            // While tests do not run at all nobody can say that this one never does.
            let since = match memory.late.get(id) {
                Some(since) if self.tests_current != Truth::False => *since,
                _ => self.at,
            };
            let is_given_up = self.tests_current == Truth::True && self.at - since >= ORPHANED_AFTER;
            if let Some(since) = memory.orphans.get(id) {
                orphans.insert(id.clone(), *since);
            } else if is_old_news || is_given_up {
                orphans.insert(id.clone(), self.at);
            } else {
                late.insert(id.clone(), since);
                if let Some(target) = project.target.as_deref() {
                    of_targets.entry(target).or_default().push(id);
                }
            }
        }
        let is_late = |target: &&Target| of_targets.contains_key(target.id.as_str());
        let targets: Vec<&Target> = self.imports.targets.iter().filter(is_late).collect();
        for (target, _) in departed(&targets, self.group, self.scm, self.at) {
            for id in of_targets.get(target).into_iter().flatten() {
                late.remove(*id);
                orphans.insert((*id).to_owned(), self.at);
            }
        }
        (memory.late, memory.orphans) = (late, orphans);
    }

    fn projects_before(&self) -> impl Iterator<Item = &Project> {
        self.before.map(|before| &before.projects).into_iter().flatten()
    }
}
