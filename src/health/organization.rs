//! The conditions of an Organization's integration, from its fresh evidence and its memory: one file for each.

mod accepted;
mod activity;
mod imported;
mod items;
mod presence;
mod projects;
mod repositories;
mod settle;
mod tests_current;
mod webhooks;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::{Evidence, OrganizationEvidence, Part};
use crate::domain::facts::{IntegrationPresence, OrganizationImports};
use crate::domain::fleet::Thresholds;
use crate::domain::incident::Rule;
use crate::domain::kinds::{Scm, Truth};
use crate::domain::rotation::Rotation;
use crate::domain::state::{Extent, OrganizationMemory};

use super::in_step;
use super::verdict::{Gap, Verdict, read, slot};

pub(super) use accepted::Accepted;
pub(super) use items::items_of;
pub(super) use presence::has_none;
pub(super) use projects::{Timeliness, inactive_of, is_expected, is_scheduled, timeliness};
pub(super) use repositories::{Departed, departed};
pub(super) use settle::{conclude, settle};
pub(super) use webhooks::identity;

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
    /// What people accepted of it.
    pub(super) accepted: Accepted<'a>,
    pub(super) scm: Scm,
    /// The configuration demands the integration.
    pub(super) is_required: bool,
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
    /// How many of how many are bad, by the rule that would tell it.
    pub(super) extents: Vec<(Rule, Extent)>,
}

/// A verdict with the extent of what is wrong.
struct Judged {
    verdict: Verdict,
    extents: Vec<(Rule, Extent)>,
}

impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, extents: Vec::new() }
    }
}

impl Judged {
    fn with(mut self, rule: Rule, extent: Extent) -> Self {
        self.extents.push((rule, extent));
        self
    }
}

impl OrganizationCase<'_> {
    /// Every verdict.
    pub(super) fn judge(self) -> OrganizationVerdicts {
        let presence = read(&slot(self.evidence, Part::Presence, |book| &book.presence), self.now);
        let imports = read(&slot(self.evidence, Part::Imports, |book| &book.imports), self.now);
        let imports: Result<&Evidence<Arc<OrganizationImports>>, &Gap> = imports.as_ref().copied();
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
        let disconnected = self.disconnected(imports);
        let (imported, tests, webhooks) =
            (self.imported(imports), self.tests_current(imports, disconnected), self.webhooks());
        let extents = [imported.extents, tests.extents, webhooks.extents].concat();
        OrganizationVerdicts {
            conditions: [
                (Condition::SnykAccessible, self.accessible.clone()),
                (Condition::CredentialValid, of_credential(&|| self.credential.valid_beside(&in_step))),
                (Condition::CredentialFresh, of_credential(&|| self.credential.fresh.clone())),
                (Condition::PermissionsGranted, of_credential(&|| self.credential.permissions.clone())),
                (Condition::CredentialInStep, of_credential(&|| in_step.clone())),
                (Condition::IntegrationPresent, self.present(&presence)),
                (Condition::RepositoriesImported, imported.verdict),
                (Condition::TestsCurrent, tests.verdict),
                (Condition::WebhooksInstalled, webhooks.verdict),
            ],
            disconnected,
            last_tested_at: imports
                .ok()
                .and_then(|imports| imports.value.projects.iter().filter_map(|project| project.last_test.at()).max()),
            extents,
        }
    }
}
