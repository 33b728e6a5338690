//! Targets and projects, both from complete walks: half of the two would count targets as empty that are not.

use std::sync::Arc;

use super::OrganizationScope;
use crate::client::snyk::{self, ProjectStatus, RecurringTests};
use crate::domain::facts::{OrganizationImports, Project, Target, normalised_url};
use crate::domain::work::Finding;
use crate::probe::round::Round;
use crate::probe::snyk_session::SnykSession;

pub(super) async fn run(session: &mut SnykSession<'_>, scope: &OrganizationScope<'_>, round: &mut Round) {
    let (organization, types) = (scope.organization.0, scope.words.types());
    let targets = match round.hear(session.api, session.client().targets(organization, &types).await) {
        Ok(walk) => walk.items,
        Err(failure) => {
            session.concede(round, "list the Organization's targets", &failure).await;
            return;
        }
    };
    let projects = match round.hear(session.api, session.client().projects(organization, &types).await) {
        Ok(walk) => walk.items,
        Err(failure) => {
            session.concede(round, "list the Organization's projects", &failure).await;
            return;
        }
    };
    let imports = OrganizationImports {
        targets: targets.into_iter().map(target).collect(),
        projects: projects.into_iter().map(project).collect(),
    };
    round.find(Finding::Imports(scope.key.clone(), Arc::new(imports)));
}

fn target(target: snyk::Target) -> Target {
    Target {
        name: target.display_name.unwrap_or_else(|| target.id.clone()),
        url: target.url.as_deref().and_then(normalised_url),
        created_at: target.created_at,
        id: target.id,
    }
}

fn project(project: snyk::Project) -> Project {
    Project {
        target: project.target_id,
        // Only an explicit word deactivates: a renamed field must not make a fleet look switched off.
        active: project.status != Some(ProjectStatus::Inactive),
        daily: project.recurring_tests == Some(RecurringTests::Daily),
        created_at: project.created,
        last_tested_at: project.tested_at,
    }
}
