//! The conditions of an Organization's integration, from its fresh evidence and its memory.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::{Evidence, OrganizationEvidence, Part};
use crate::domain::facts::{
    AuditEventKind, AuditEvents, IntegrationPresence, OrganizationImports, TestFrequency, WebhookSample, WebhookState,
};
use crate::domain::fleet::Thresholds;
use crate::domain::kinds::{Scm, Truth};
use crate::domain::rotation::Rotation;
use crate::domain::state::OrganizationMemory;

use super::in_step;
use super::verdict::{Basis, Gap, Proven, Verdict, read, slot};
use super::words::{count, listed};

/// The verdicts on a credential that every Organization using it shares.
#[derive(Clone)]
pub(super) struct CredentialVerdicts {
    pub(super) valid: Verdict,
    pub(super) fresh: Verdict,
    pub(super) permissions: Verdict,
    pub(super) rotation: Option<Rotation>,
    /// Its Git host: events of the audit log may name no more than that.
    pub(super) scm: Scm,
}

/// What an Organization's integration is judged by.
pub(super) struct OrganizationCase<'a> {
    pub(super) thresholds: &'a Thresholds,
    pub(super) evidence: Option<&'a OrganizationEvidence>,
    pub(super) memory: &'a OrganizationMemory,
    /// `SnykAccessible`.
    pub(super) accessible: Verdict,
    pub(super) credential: &'a CredentialVerdicts,
    /// Our clock is too far off Snyk's for verdicts about lateness.
    pub(super) is_skewed: bool,
    pub(super) now: DateTime<Utc>,
}

/// The verdicts on an Organization's integration.
pub(super) struct OrganizationVerdicts {
    pub(super) conditions: [(Condition, Verdict); 9],
    pub(super) disconnected: Truth,
    /// When a project was last tested.
    pub(super) last_tested_at: Option<DateTime<Utc>>,
}

type Imports<'a> = Result<&'a Evidence<Arc<OrganizationImports>>, Gap>;

impl<'a> OrganizationCase<'a> {
    /// Every verdict.
    pub(super) fn judge(self) -> OrganizationVerdicts {
        let presence = read(slot(self.evidence, Part::Presence, |book| &book.presence), self.now);
        let imports: Imports<'a> = read(slot(self.evidence, Part::Imports, |book| &book.imports), self.now);
        let via_app = presence
            .as_ref()
            .is_ok_and(|evidence| matches!(evidence.value, IntegrationPresence::Present { via_app: true, .. }));
        // The SCM's app connects without a PAT, so nothing that is claimed of one matters.
        let of_credential = |verdict: &dyn Fn() -> Verdict| {
            if via_app {
                Verdict::not_applicable(Reason::ViaApp, "connected through the SCM's app, without a PAT")
            } else {
                verdict()
            }
        };
        let in_step = in_step::of_organization(self.evidence, self.memory, self.credential, self.now);
        let disconnected = self.disconnected(&imports);
        OrganizationVerdicts {
            conditions: [
                (Condition::SnykAccessible, self.accessible.clone()),
                (Condition::CredentialValid, of_credential(&|| self.credential.valid_beside(&in_step))),
                (Condition::CredentialFresh, of_credential(&|| self.credential.fresh.clone())),
                (Condition::PermissionsGranted, of_credential(&|| self.credential.permissions.clone())),
                (Condition::CredentialInStep, of_credential(&|| in_step.clone())),
                (Condition::IntegrationPresent, present(presence)),
                (Condition::RepositoriesImported, self.imported(&imports)),
                (Condition::TestsCurrent, self.tests_current(&imports, disconnected)),
                (Condition::WebhooksInstalled, self.webhooks()),
            ],
            disconnected,
            last_tested_at: imports
                .ok()
                .and_then(|imports| imports.value.projects.iter().filter_map(|project| project.last_test.at()).max()),
        }
    }

    fn events(&self) -> Result<&'a Evidence<AuditEvents>, Gap> {
        read(slot(self.evidence, Part::Events, |book| &book.events), self.now)
    }

    fn imported(&self, imports: &Imports<'a>) -> Verdict {
        let evidence = match imports {
            Ok(evidence) => evidence,
            Err(gap) => return gap.verdict("imported repositories"),
        };
        let basis = Basis::of(evidence);
        let OrganizationImports { targets, projects } = &*evidence.value;
        if targets.is_empty() {
            return Verdict::fails(Reason::NothingImported, "no repository was imported", basis);
        }
        // Sorted rather than hashed: most Organizations have few, and there are many Organizations.
        let mut with_projects: Vec<&str> = projects.iter().filter_map(|project| project.target.as_deref()).collect();
        with_projects.sort_unstable();
        let judged_before = evidence.observed_at - self.thresholds.import_grace;
        let (mut judged, mut empty) = (0_usize, 0_usize);
        for target in targets {
            let is_old = target.created_at.is_none_or(|at| at < judged_before);
            if is_old {
                judged += 1;
                empty += usize::from(with_projects.binary_search(&target.id.as_str()).is_err());
            }
        }
        let lost: Vec<&str> = targets
            .iter()
            .filter(|target| self.memory.lost_targets.contains_key(&target.id))
            .map(|target| target.name.as_str())
            .collect();
        if !lost.is_empty() {
            let many = count(lost.len(), "imported repository", "imported repositories");
            let message = format!("{many} lost all projects: {}", listed(&lost));
            return Verdict::fails(Reason::SomeImportsFailed, message, basis);
        }
        let is_many = empty >= self.thresholds.empty_targets_at_least
            && empty as f64 > self.thresholds.empty_targets_up_to * judged as f64;
        if is_many {
            let message = format!("{empty} of {judged} imported repositories have no project");
            return Verdict::fails(Reason::SomeImportsFailed, message, basis);
        }
        let imported = count(targets.len(), "imported repository", "imported repositories");
        let message = format!("{imported}, {empty} without a project");
        match Proven::counted(basis, judged.saturating_sub(empty), judged) {
            Some(proven) => Verdict::holds(Reason::Ok, message, proven),
            None => Verdict::unknown(Reason::NothingImported, message),
        }
    }

    /// Whether the projects are mostly inactive since the integration was deleted or edited.
    fn disconnected(&self, imports: &Imports<'a>) -> Truth {
        let Ok(evidence) = imports else { return Truth::Unknown };
        let Some(share) = inactive_share(&evidence.value) else { return Truth::False };
        if share <= self.thresholds.inactive_share {
            return Truth::False;
        }
        // Without a readable log the projects themselves still speak, by TestsCurrent.
        let Ok(Evidence { value: AuditEvents::Complete { events, .. }, .. }) = self.events() else {
            return Truth::False;
        };
        let follows = events.iter().any(|event| {
            matches!(event.kind, AuditEventKind::Deleted | AuditEventKind::Edited)
                && in_step::is_ours(event, self.memory, self.credential.scm)
                && self.memory.mostly_active_at.is_none_or(|at| event.at + self.thresholds.import_grace >= at)
        });
        if follows { Truth::True } else { Truth::False }
    }

    fn tests_current(&self, imports: &Imports<'a>, disconnected: Truth) -> Verdict {
        let evidence = match imports {
            Ok(evidence) => evidence,
            Err(gap) => return gap.verdict("tests of projects"),
        };
        let basis = Basis::of(evidence);
        let projects = &evidence.value.projects;
        let share = inactive_share(&evidence.value).unwrap_or_default();
        let rose = self.memory.inactive_share.is_some_and(|before| share > before);
        if share > self.thresholds.inactive_share && (rose || disconnected == Truth::True) {
            let inactive = projects.iter().filter(|project| !project.active).count();
            let message = format!("{inactive} of {} projects are inactive", projects.len());
            return Verdict::fails(Reason::ProjectsInactive, message, basis);
        }
        if self.is_skewed {
            return Verdict::unknown(
                Reason::ClockSkewed,
                "our clock is too far off to judge when projects were tested",
            );
        }
        let grace = self.thresholds.test_grace;
        let late_before = evidence.observed_at - grace;
        let is_late = |at: Option<DateTime<Utc>>| at.is_none_or(|at| at < late_before);
        let (mut judged, mut late) = (0_usize, 0_usize);
        for project in projects.iter().filter(|project| {
            project.active && project.frequency == TestFrequency::Daily && is_late(project.created_at)
        }) {
            judged += 1;
            late += usize::from(is_late(project.last_test.at()));
        }
        if projects.iter().all(|project| project.last_test.at().is_none()) {
            let message = format!("when {} were tested: Snyk does not say", count(judged, "project", "projects"));
            return Verdict::unknown(Reason::NoTestTold, message);
        }
        let tested = judged - late;
        let hours = grace.num_hours();
        let message = format!("{tested} of {judged} daily projects were tested within {hours} h");
        if (tested as f64) < self.thresholds.tests_current_from * judged as f64 {
            return Verdict::fails(Reason::TestsStale, message, basis);
        }
        match Proven::counted(basis, tested, judged) {
            Some(proven) => Verdict::holds(Reason::Ok, message, proven),
            None => Verdict::unknown(Reason::NoTestTold, message),
        }
    }

    fn webhooks(&self) -> Verdict {
        let evidence = match read(slot(self.evidence, Part::Webhooks, |book| &book.webhooks), self.now) {
            Ok(evidence) => evidence,
            Err(gap) => return gap.verdict("webhooks"),
        };
        let basis = Basis::of(evidence);
        let WebhookSample { checks, .. } = &evidence.value;
        let of = |wanted: &dyn Fn(&WebhookState) -> bool| checks.iter().filter(|check| wanted(&check.state)).count();
        let installed = of(&|state| *state == WebhookState::Installed);
        let unreadable = of(&|state| *state == WebhookState::NoAdminRights);
        let missing: Vec<&str> = checks
            .iter()
            .filter(|check| matches!(check.state, WebhookState::Inactive | WebhookState::Missing { .. }))
            .map(|check| check.full_name.as_str())
            .collect();
        let judged = installed + missing.len();
        let proved = self.memory.webhook_pattern_proved || installed > 0;
        if !missing.is_empty() && proved {
            let message = format!(
                "{} of {judged} sampled repositories have no active Snyk webhook: {}",
                missing.len(),
                listed(&missing)
            );
            return Verdict::fails(Reason::WebhooksMissing, message, basis);
        }
        if !missing.is_empty() {
            let message = format!("none of {judged} sampled repositories has a webhook with a URL known to be Snyk's");
            return Verdict::unknown(Reason::WebhookPatternUnproved, message);
        }
        if unreadable > 0 {
            let message = format!(
                "webhooks of {unreadable} of {} sampled repositories need admin rights to be read",
                checks.len()
            );
            return Verdict::unknown(Reason::NoAdminRights, message);
        }
        match Proven::counted(basis, installed, judged) {
            Some(proven) => Verdict::holds(
                Reason::Ok,
                format!("{installed} of {judged} sampled repositories have the webhook"),
                proven,
            ),
            None => Verdict::unknown(Reason::NothingToSample, "no imported repository to look at"),
        }
    }
}

fn present(presence: Result<&Evidence<IntegrationPresence>, Gap>) -> Verdict {
    match presence {
        Err(gap) => gap.verdict("the Organization's integrations"),
        Ok(evidence) => {
            let basis = Basis::of(evidence);
            match &evidence.value {
                IntegrationPresence::Present { via_app: false, .. } => {
                    Verdict::holds(Reason::Ok, "the Organization has the integration", Proven::by(evidence))
                }
                IntegrationPresence::Present { via_app: true, .. } => {
                    let message = "the Organization is connected through the SCM's app";
                    Verdict::holds(Reason::ViaApp, message, Proven::by(evidence))
                }
                IntegrationPresence::Absent => {
                    Verdict::fails(Reason::IntegrationAbsent, "the Organization has no such integration", basis)
                }
            }
        }
    }
}

/// Share of inactive projects; `None` without projects.
pub(super) fn inactive_share(imports: &OrganizationImports) -> Option<f64> {
    let inactive = imports.projects.iter().filter(|project| !project.active).count();
    (!imports.projects.is_empty()).then(|| inactive as f64 / imports.projects.len() as f64)
}
