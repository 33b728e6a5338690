//! What an Organization imported, counted once for each observation.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use crate::domain::evidence::OrganizationEvidence;
use crate::domain::facts::{OrganizationImports, WebhookSample, WebhookState};

/// Counts of what an Organization imported. The groups are disjoint.
#[derive(Debug, Clone, Serialize)]
pub struct Tally {
    /// Imported repositories that have projects.
    pub targets_with_projects: usize,
    /// Imported repositories without any.
    pub targets_empty: usize,
    /// Projects that Snyk calls active.
    pub projects_active: usize,
    /// Projects that it does not.
    pub projects_inactive: usize,
    /// Sampled webhooks; `None` until observed.
    pub webhooks: Option<WebhookTally>,
    /// What was counted: the same allocation is not counted twice.
    #[serde(skip)]
    counted: Arc<OrganizationImports>,
}

/// Counts of sampled repositories by their webhook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WebhookTally {
    /// Snyk's webhook is there and active.
    pub installed: usize,
    /// It is there and switched off.
    pub inactive: usize,
    /// It is not there.
    pub missing: usize,
    /// Nothing could be read.
    pub unknown: usize,
}

impl WebhookTally {
    fn new(sample: &WebhookSample) -> Self {
        let mut tally = Self::default();
        for check in &sample.checks {
            match check.state {
                WebhookState::Installed => tally.installed += 1,
                WebhookState::Inactive => tally.inactive += 1,
                WebhookState::Missing { .. } => tally.missing += 1,
                WebhookState::NoAdminRights | WebhookState::RepositoryNotFound => tally.unknown += 1,
            }
        }
        tally
    }
}

impl Tally {
    pub(super) fn new(evidence: &OrganizationEvidence, before: Option<&Self>) -> Option<Self> {
        let imports = &evidence.imports.as_ref()?.value;
        let webhooks = evidence.webhooks.as_ref().map(|sample| WebhookTally::new(&sample.value));
        if let Some(before) = before.filter(|before| Arc::ptr_eq(&before.counted, imports)) {
            return Some(Self { webhooks, ..before.clone() });
        }
        let used: HashSet<&str> = imports.projects.iter().filter_map(|project| project.target.as_deref()).collect();
        let with_projects = imports.targets.iter().filter(|target| used.contains(target.id.as_str())).count();
        let active = imports.projects.iter().filter(|project| project.active).count();
        Some(Self {
            targets_with_projects: with_projects,
            targets_empty: imports.targets.len() - with_projects,
            projects_active: active,
            projects_inactive: imports.projects.len() - active,
            webhooks,
            counted: Arc::clone(imports),
        })
    }

    /// Whether `before` was counted from this very evidence.
    pub(super) fn is_of(before: Option<&Self>, evidence: &OrganizationEvidence) -> bool {
        match (before, &evidence.imports) {
            (None, None) => true,
            (Some(before), Some(imports)) => {
                Arc::ptr_eq(&before.counted, &imports.value)
                    && before.webhooks == evidence.webhooks.as_ref().map(|sample| WebhookTally::new(&sample.value))
            }
            _ => false,
        }
    }
}
