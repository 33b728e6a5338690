//! Projects by what is to be said of them: inactive, switched off, orphaned, late, tested in time.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::evidence::Evidence;
use crate::domain::facts::{LastTest, OrganizationImports, Project, TestFrequency};
use crate::domain::fleet::Thresholds;
use crate::domain::state::TestMemory;

use super::accepted::Accepted;

/// A weekly project is late after it: seven days, and as much again as a daily one gets.
pub(in crate::health) const WEEKLY_GRACE: TimeDelta = TimeDelta::days(9);

/// When a scheduled project was tested, as seen at the time of its evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::health) enum Timeliness {
    /// In time, by a test that was seen.
    Tested,
    /// Not tested yet, nor due.
    Due,
    /// Late: nothing happened since then, which is its last test, or its import where there was none.
    Late(DateTime<Utc>),
    /// Snyk does not tell.
    Untold,
}

/// Whether Snyk tests it by itself.
pub(in crate::health) fn is_scheduled(project: &Project) -> bool {
    matches!(project.frequency, TestFrequency::Daily | TestFrequency::Weekly)
}

/// Whether tests of it are expected: it is scheduled, or was when Snyk last told.
pub(in crate::health) fn is_expected(project: &Project, memory: &TestMemory) -> bool {
    let was_on = project.frequency == TestFrequency::Untold && memory.schedule_untold.contains(&project.id);
    project.active && (is_scheduled(project) || was_on)
}

/// How timely a project's tests were at `at`. One that was activated or scheduled again has its time from then on.
pub(in crate::health) fn timeliness(
    project: &Project,
    resumed: Option<DateTime<Utc>>,
    thresholds: &Thresholds,
    at: DateTime<Utc>,
) -> Timeliness {
    let grace = match project.frequency {
        TestFrequency::Weekly | TestFrequency::Untold => WEEKLY_GRACE,
        TestFrequency::Daily | TestFrequency::Never => thresholds.test_grace,
    };
    let (last, proves) = match project.last_test {
        LastTest::At(tested) => (Some(tested), true),
        LastTest::Never => (project.created_at, false),
        LastTest::Untold => (None, false),
    };
    // An instant that lies far ahead is none. One that lies ahead by less tells that our clock jumped, which is no news
    // about tests.
    let Some(last) = last.filter(|last| *last <= at + grace) else { return Timeliness::Untold };
    if last.max(resumed.unwrap_or(last)) >= at - grace {
        if proves && last >= at - grace { Timeliness::Tested } else { Timeliness::Due }
    } else {
        Timeliness::Late(last)
    }
}

/// Projects in whose place their target has newer active ones: Snyk makes projects anew when files move.
pub(in crate::health) struct Replaced<'a> {
    newest_active: HashMap<&'a str, DateTime<Utc>>,
}

impl<'a> Replaced<'a> {
    pub(in crate::health) fn new(projects: &'a [Project]) -> Self {
        let mut newest_active: HashMap<&str, DateTime<Utc>> = HashMap::new();
        if projects.iter().any(|project| !project.active) {
            for project in projects.iter().filter(|project| project.active) {
                let (Some(target), Some(created)) = (project.target.as_deref(), project.created_at) else { continue };
                let newest = newest_active.entry(target).or_insert(created);
                *newest = created.max(*newest);
            }
        }
        Self { newest_active }
    }

    pub(in crate::health) fn has(&self, project: &Project) -> bool {
        let newest = project.target.as_deref().and_then(|target| self.newest_active.get(target));
        let is_newer = |newest: &DateTime<Utc>| project.created_at.is_some_and(|created| created < *newest);
        !project.active && newest.is_some_and(is_newer)
    }
}

/// How many projects are inactive, of how many, where replaced ones do not count.
pub(in crate::health) fn inactive_of(projects: &[Project]) -> (usize, usize) {
    let replaced = Replaced::new(projects);
    let counted = projects.iter().filter(|project| !replaced.has(project));
    counted.fold((0, 0), |(inactive, of), project| (inactive + usize::from(!project.active), of + 1))
}

/// Projects by what is to be said of them; each is in one group.
#[derive(Default)]
pub(in crate::health) struct ProjectGroups<'a> {
    /// Inactive, not replaced and not accepted.
    pub(in crate::health) inactive: Vec<&'a Project>,
    /// Active ones.
    pub(in crate::health) active: usize,
    /// Active; the schedule was on and is off.
    pub(in crate::health) unscheduled: Vec<&'a Project>,
    /// Active; Snyk does not tell whether they are scheduled.
    pub(in crate::health) schedule_untold: usize,
    /// Accepted as they are: inactive, off, or tested by nobody.
    pub(in crate::health) accepted: usize,
    /// Scheduled; nobody ever tests them, or their repository is gone.
    pub(in crate::health) orphans: Vec<&'a Project>,
    /// Scheduled and late.
    pub(in crate::health) late: Vec<&'a Project>,
    /// Scheduled and tested in time.
    pub(in crate::health) tested: usize,
    /// Scheduled and not due yet.
    pub(in crate::health) due: usize,
    /// Scheduled; Snyk does not tell when they were tested.
    pub(in crate::health) untold: usize,
}

impl<'a> ProjectGroups<'a> {
    pub(in crate::health) fn new(
        evidence: &'a Evidence<Arc<OrganizationImports>>,
        memory: &TestMemory,
        accepted: Accepted<'_>,
        thresholds: &Thresholds,
    ) -> Self {
        let projects = &evidence.value.projects;
        let replaced = Replaced::new(projects);
        let mut groups = Self::default();
        for project in projects {
            if project.active {
                groups.active += 1;
                groups.add_active(project, memory, accepted, (thresholds, evidence.observed_at));
            } else if accepted.is_inactive(project, memory) {
                groups.accepted += 1;
            } else if !replaced.has(project) {
                groups.inactive.push(project);
            }
        }
        groups
    }

    fn add_active(
        &mut self,
        project: &'a Project,
        memory: &TestMemory,
        accepted: Accepted<'_>,
        (thresholds, at): (&Thresholds, DateTime<Utc>),
    ) {
        match project.frequency {
            TestFrequency::Untold if memory.unscheduled.contains_key(&project.id) => {
                self.add_unscheduled(project, memory, accepted);
            }
            TestFrequency::Untold if !is_expected(project, memory) => self.schedule_untold += 1,
            TestFrequency::Never => {
                self.add_unscheduled(project, memory, accepted);
            }
            TestFrequency::Daily | TestFrequency::Weekly | TestFrequency::Untold => {
                let resumed = memory.resumed.get(&project.id).copied();
                let timeliness = timeliness(project, resumed, thresholds, at);
                let is_orphan = memory.orphans.contains_key(&project.id);
                // What was late stays so until Snyk tells otherwise.
                let timeliness = match memory.late.get(&project.id).or_else(|| memory.orphans.get(&project.id)) {
                    Some(since) if timeliness == Timeliness::Untold => Timeliness::Late(*since),
                    _ => timeliness,
                };
                match timeliness {
                    Timeliness::Late(_) if accepted.is_orphan(project) => self.accepted += 1,
                    Timeliness::Late(_) if is_orphan => self.orphans.push(project),
                    Timeliness::Late(_) => self.late.push(project),
                    Timeliness::Tested => self.tested += 1,
                    Timeliness::Due => self.due += 1,
                    Timeliness::Untold => self.untold += 1,
                }
            }
        }
    }

    /// One whose schedule is off, or was when it was last told: said of those alone whose schedule was on before.
    fn add_unscheduled(&mut self, project: &'a Project, memory: &TestMemory, accepted: Accepted<'_>) {
        match memory.unscheduled.get(&project.id) {
            Some(since) if accepted.is_unscheduled(project, *since) => self.accepted += 1,
            Some(_) => self.unscheduled.push(project),
            None => {}
        }
    }

    /// Those that are scheduled and active, accepted ones not counted.
    pub(in crate::health) fn scheduled(&self) -> usize {
        self.orphans.len() + self.late.len() + self.tested + self.due + self.untold
    }

    /// Those that the flow of tests is judged by.
    pub(in crate::health) fn judged(&self) -> usize {
        self.late.len() + self.tested + self.due
    }
}
