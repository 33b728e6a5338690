//! What happens to projects and targets, by people, by Snyk's content sync, or by nobody at all. A *share* is from 0 to
//! 1 and takes projects evenly over their order. Deeds give how many they touched.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::audit::{Actor, Place};
use super::{Project, ProjectStatus, PullRequestChecks, RecurringTests, TestTimes, Tests, World};
use crate::sandbox::ids;

/// Snyk has two names for the end of a project, and nothing says how they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// `org.project.delete`
    Delete,
    /// `org.project.remove`
    Remove,
}

impl World {
    /// So many active projects of an Organization become inactive; the audit log tells of each.
    pub fn deactivate_projects(&mut self, slug: &str, count: usize) -> usize {
        let touched = self.change_projects(slug, |projects| {
            let active = projects.iter_mut().filter(|project| project.status == ProjectStatus::Active);
            active.take(count).map(deactivated).collect()
        });
        self.write_project_events("org.project.stop_monitor", Actor::Person, &touched)
    }

    /// A share of all projects of an Organization becomes inactive.
    pub fn deactivate_share(&mut self, slug: &str, share: f64) -> usize {
        let touched = self.change_projects(slug, |projects| {
            let chosen = evenly(projects, share).filter(|project| project.status == ProjectStatus::Active);
            chosen.map(deactivated).collect()
        });
        self.write_project_events("org.project.stop_monitor", Actor::Person, &touched)
    }

    /// Every project of an Organization is active again. Gives how many were not.
    pub fn activate_projects(&mut self, slug: &str) -> usize {
        let Some(organization) = self.organization_mut(slug) else { return 0 };
        let inactive = organization.projects.iter_mut().filter(|project| project.status == ProjectStatus::Inactive);
        inactive.map(|project| project.status = ProjectStatus::Active).count()
    }

    /// A share of an Organization's projects is tested so often from now on.
    pub fn set_frequency(&mut self, slug: &str, share: f64, frequency: RecurringTests) -> usize {
        let touched = self.change_projects(slug, |projects| {
            let change = |project: &mut Project| {
                let before = json!({ "testFrequency": project.recurring_tests.as_str() });
                project.recurring_tests = frequency;
                let after = json!({ "testFrequency": frequency.as_str() });
                (project.id, json!({ "before": before, "after": after }))
            };
            evenly(projects, share).map(change).collect()
        });
        self.write_project_events("org.project.settings.edit", Actor::Person, &touched)
    }

    /// A share of an Organization's projects has its own word on pull request checks; none inherits again.
    pub fn set_project_checks(&mut self, slug: &str, share: f64, checks: Option<PullRequestChecks>) -> usize {
        let touched = self.change_projects(slug, |projects| {
            let change = |project: &mut Project| {
                project.pull_requests = checks;
                (project.id, json!({ "after": { "pullRequestTestEnabled": checks.map(PullRequestChecks::is_on) } }))
            };
            evenly(projects, share).map(change).collect()
        });
        self.write_project_events("org.project.pr_check.edit", Actor::Person, &touched)
    }

    /// A share of an Organization's projects was last tested then, or never; further tests go on.
    pub fn set_last_tested(&mut self, slug: &str, share: f64, at: Option<DateTime<Utc>>) -> usize {
        let change = |project: &mut Project| project.last_tested = at;
        self.organization_mut(slug).map_or(0, |found| evenly(&mut found.projects, share).map(change).count())
    }

    /// REST tells so much about the last test of a share of an Organization's projects.
    pub fn set_test_times(&mut self, slug: &str, share: f64, told: TestTimes) -> usize {
        let change = |project: &mut Project| project.told = told;
        self.organization_mut(slug).map_or(0, |found| evenly(&mut found.projects, share).map(change).count())
    }

    /// A share of the projects of all Organizations is dead: active, last tested then or never, never tested again.
    /// A real fleet has 4 to 6 %.
    pub fn let_projects_die(&mut self, share: f64, last_tested: Option<DateTime<Utc>>) -> usize {
        let projects = self.snyk.organizations.iter_mut().flat_map(|organization| &mut organization.projects);
        let active = projects.filter(|project| project.status == ProjectStatus::Active);
        let chosen = active.enumerate().filter(|(index, _)| is_chosen(*index, share));
        let die = |(_, project): (usize, &mut Project)| {
            project.tests = Tests::Stopped;
            project.last_tested = last_tested;
        };
        chosen.map(die).count()
    }

    /// Somebody deletes so many projects of an Organization; their targets stay.
    pub fn delete_projects(&mut self, slug: &str, count: usize, deletion: Deletion) -> usize {
        let touched = self.change_projects(slug, |projects| {
            let deleted = projects.drain(..count.min(projects.len()));
            deleted.map(|project| (project.id, json!({ "name": project.name }))).collect()
        });
        let event = match deletion {
            Deletion::Delete => "org.project.delete",
            Deletion::Remove => "org.project.remove",
        };
        self.write_project_events(event, Actor::Person, &touched)
    }

    /// Somebody deletes so many targets of an Organization with all their projects. Gives how many targets.
    pub fn delete_targets(&mut self, slug: &str, count: usize) -> usize {
        let Some(organization) = self.organization_mut(slug) else { return 0 };
        let place = organization.place();
        let deleted: Vec<_> = organization.targets.drain(..count.min(organization.targets.len())).collect();
        let gone: Vec<Uuid> = deleted.iter().map(|target| target.id).collect();
        let projects = organization.projects.extract_if(.., |project| gone.contains(&project.target));
        let projects = projects.map(|project| (project.id, json!({ "name": project.name }))).collect();
        self.write_project_events("org.project.delete", Actor::Person, &(Some(place), projects));
        for target in &deleted {
            let content = json!({ "targetId": target.id, "displayName": target.display_name });
            self.write_event("org.target.delete", place, None, Actor::Person, content);
        }
        deleted.len()
    }

    /// So many targets of an Organization lose their projects without a word: nothing was found to test.
    pub fn empty_targets(&mut self, slug: &str, count: usize) -> usize {
        let Some(organization) = self.organization_mut(slug) else { return 0 };
        let emptied: Vec<Uuid> = organization.targets.iter().take(count).map(|target| target.id).collect();
        organization.projects.retain(|project| !emptied.contains(&project.target));
        emptied.len()
    }

    /// Content sync meets manifests that were moved: so many active projects are deactivated, and each has a
    /// successor in the same target, tested at once.
    pub fn move_manifests(&mut self, slug: &str, count: usize) -> usize {
        let now = self.now;
        let mut successors = Vec::new();
        let touched = self.change_projects(slug, |projects| {
            let active = projects.iter_mut().filter(|project| project.status == ProjectStatus::Active).take(count);
            let touched = active.map(|project| {
                let target_file = format!("moved/{}", project.target_file);
                let repository = project.name.split(':').next().unwrap_or_default();
                successors.push(Project {
                    id: ids::uuid(&format!("project {} {target_file}", project.id)),
                    name: format!("{repository}:{target_file}"),
                    target_file,
                    created: now,
                    last_tested: Some(now),
                    ..project.clone()
                });
                deactivated(project)
            });
            touched.collect()
        });
        let added =
            successors.iter().map(|project| (project.id, json!({ "targetFile": project.target_file }))).collect();
        if let Some(organization) = self.organization_mut(slug) {
            organization.projects.append(&mut successors);
        }
        let (place, _) = touched;
        self.write_project_events("org.project.add", Actor::Snyk, &(place, added));
        self.write_project_events("org.project.stop_monitor", Actor::Snyk, &touched)
    }

    /// Every target of an Organization has a Code project beside the others: tested weekly, as Snyk's default is.
    pub fn add_code_projects(&mut self, slug: &str) -> usize {
        let now = self.now;
        let Some(organization) = self.organization_mut(slug) else { return 0 };
        let projects = organization.targets.iter().map(|target| Project {
            id: ids::uuid(&format!("code project {slug} {}", target.id)),
            target: target.id,
            name: target.display_name.clone(),
            origin: target.integration_type.clone(),
            project_type: "sast".to_owned(),
            target_file: String::new(),
            status: ProjectStatus::Active,
            created: now,
            last_tested: Some(now),
            recurring_tests: RecurringTests::Weekly,
            tests: Tests::Running,
            pull_requests: None,
            told: TestTimes::Told,
        });
        organization.projects.extend(projects);
        organization.targets.len()
    }

    /// An Organization's daily tests silently stop, or run again.
    pub fn set_tests(&mut self, slug: &str, tests: Tests) {
        if let Some(organization) = self.organization_mut(slug) {
            organization.tests = tests;
        }
    }

    /// Changes projects and gives where that was, and for each the content of its event.
    fn change_projects(
        &mut self,
        slug: &str,
        change: impl FnOnce(&mut Vec<Project>) -> Vec<(Uuid, Value)>,
    ) -> (Option<Place>, Vec<(Uuid, Value)>) {
        match self.organization_mut(slug) {
            Some(organization) => (Some(organization.place()), change(&mut organization.projects)),
            None => (None, Vec::new()),
        }
    }

    fn write_project_events(
        &mut self,
        event: &str,
        actor: Actor,
        touched: &(Option<Place>, Vec<(Uuid, Value)>),
    ) -> usize {
        let (Some(place), projects) = touched else { return 0 };
        for (project, content) in projects {
            self.write_event(event, *place, Some(*project), actor, content.clone());
        }
        projects.len()
    }
}

impl RecurringTests {
    /// Snyk's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Daily | Self::Untold => "daily",
            Self::Weekly => "weekly",
            Self::Never => "never",
        }
    }
}

impl PullRequestChecks {
    /// As a setting of Snyk.
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

fn deactivated(project: &mut Project) -> (Uuid, Value) {
    project.status = ProjectStatus::Inactive;
    (project.id, json!({ "name": project.name }))
}

/// Whether the thing at this place belongs to a share of all.
fn is_chosen(index: usize, share: f64) -> bool {
    let before = |count: usize| (count as f64 * share.clamp(0.0, 1.0) + 1e-9).floor();
    before(index + 1) > before(index)
}

fn evenly(projects: &mut [Project], share: f64) -> impl Iterator<Item = &mut Project> {
    projects.iter_mut().enumerate().filter(move |(index, _)| is_chosen(*index, share)).map(|(_, project)| project)
}
