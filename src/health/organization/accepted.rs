//! What people accepted of an Organization: it is the reference for what is seen later, until it is seen otherwise.

use chrono::{DateTime, Utc};

use crate::domain::decisions::{Decisions, Item};
use crate::domain::facts::Project;
use crate::domain::incident::Rule;
use crate::domain::names::OrganizationId;
use crate::domain::state::TestMemory;

/// The decisions about one Organization.
#[derive(Clone, Copy)]
pub(in crate::health) struct Accepted<'a> {
    pub(in crate::health) decisions: &'a Decisions,
    pub(in crate::health) organization: OrganizationId,
}

impl Accepted<'_> {
    /// When it was accepted under one of `rules`. The Baseline speaks of every rule.
    fn at(&self, rules: &[Rule], item: impl FnOnce(OrganizationId) -> Item) -> Option<DateTime<Utc>> {
        if self.decisions.answers.is_empty() {
            return None;
        }
        let item = item(self.organization);
        let at = self.decisions.accepted_at(rules, &item);
        at.max(self.decisions.accepted_at(&[Rule::Baseline], &item))
    }

    /// A target may be without projects; `since`: it lost them then.
    pub(in crate::health) fn has_target(&self, id: &str, since: Option<DateTime<Utc>>) -> bool {
        let item = |organization| Item::Target(organization, id.to_owned());
        let at = self.at(&[Rule::ImportsIncomplete, Rule::NothingImported], item);
        at.is_some_and(|at| since.is_none_or(|since| since <= at))
    }

    fn project_at(&self, rules: &[Rule], project: &Project) -> Option<DateTime<Utc>> {
        self.at(rules, |organization| Item::Project(organization, project.id.clone()))
    }

    /// A project may be inactive: it was not seen at work since that was accepted.
    pub(in crate::health) fn is_inactive(&self, project: &Project, memory: &TestMemory) -> bool {
        let Some(at) = self.project_at(&[Rule::ProjectsInactive, Rule::ConnectionFailed], project) else {
            return false;
        };
        let resumed = memory.resumed.get(&project.id).is_some_and(|resumed| *resumed > at);
        !resumed && !was_tested_after(project, at)
    }

    /// A project's schedule may be off since then.
    pub(in crate::health) fn is_unscheduled(&self, project: &Project, since: DateTime<Utc>) -> bool {
        self.project_at(&[Rule::TestsUnscheduled], project).is_some_and(|at| since <= at)
    }

    /// A project may be tested by nobody: it was not tested since that was accepted.
    pub(in crate::health) fn is_orphan(&self, project: &Project) -> bool {
        let at = self.project_at(&[Rule::TestsStale, Rule::OrphanedProjects], project);
        at.is_some_and(|at| !was_tested_after(project, at))
    }

    /// Pull request checks may be off since then.
    pub(in crate::health) fn has_checks_off(&self, since: DateTime<Utc>) -> bool {
        let at = self.at(&[Rule::TestsUnscheduled], Item::PullRequestChecks);
        at.is_some_and(|at| since <= at)
    }
}

fn was_tested_after(project: &Project, at: DateTime<Utc>) -> bool {
    project.last_test.at().is_some_and(|tested| tested > at)
}
