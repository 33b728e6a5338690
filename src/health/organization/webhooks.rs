//! `WebhooksInstalled`: sampled imported repositories carry an active Snyk webhook. What was found without one stays so
//! until that repository is seen with it: the next sample may have drawn others.

use std::collections::BTreeSet;

use crate::domain::condition::Reason;
use crate::domain::evidence::Part;
use crate::domain::facts::{WebhookCheck, WebhookSample, WebhookState};
use crate::domain::incident::Rule;
use crate::domain::state::Extent;

use super::super::verdict::{Basis, Proven, Verdict, read, slot};
use super::super::words::listed;
use super::{Judged, OrganizationCase};

/// What tells a sampled repository from others: its id, where known.
pub(in crate::health) fn identity(check: &WebhookCheck) -> String {
    check.repository.as_ref().map_or_else(|| check.full_name.to_lowercase(), ToString::to_string)
}

impl OrganizationCase<'_> {
    pub(super) fn webhooks(&self) -> Judged {
        let evidence = match read(&slot(self.evidence, Part::Webhooks, |book| &book.webhooks), self.now) {
            Ok(evidence) => evidence,
            Err(gap) => return gap.verdict("webhooks").into(),
        };
        let basis = Basis::of(evidence);
        let WebhookSample { checks, .. } = &evidence.value;
        let of = |wanted: &dyn Fn(&WebhookState) -> bool| checks.iter().filter(|check| wanted(&check.state)).count();
        let installed = of(&|state| *state == WebhookState::Installed);
        let unreadable = of(&|state| *state == WebhookState::NoAdminRights);
        let memory = &self.memory.webhooks;
        let without = checks
            .iter()
            .filter(|check| matches!(check.state, WebhookState::Inactive | WebhookState::Missing { .. }))
            .map(|check| check.full_name.as_str());
        let missing: BTreeSet<&str> =
            without.chain(memory.missing.values().map(|missing| missing.full_name.as_str())).collect();
        let missing: Vec<&str> = missing.into_iter().collect();
        let judged = installed + missing.len();
        if !missing.is_empty() && (memory.pattern_proved || installed > 0) {
            let message = format!(
                "{} of {judged} sampled repositories have no active Snyk webhook: {}",
                missing.len(),
                listed(&missing)
            );
            return Judged::from(Verdict::fails(Reason::WebhooksMissing, message, basis))
                .with(Rule::WebhooksMissing, Extent::new(missing.len(), judged));
        }
        if unreadable > 0 {
            let message = format!(
                "webhooks of {unreadable} of {} sampled repositories need admin rights to be read",
                checks.len()
            );
            return Verdict::unknown(Reason::NoAdminRights, message).into();
        }
        if !missing.is_empty() {
            let message = format!("none of {judged} sampled repositories has a webhook with a URL known to be Snyk's");
            return Verdict::unknown(Reason::WebhookPatternUnproved, message).into();
        }
        match Proven::counted(basis, installed, judged) {
            Some(proven) => {
                let message = format!("{installed} of {judged} sampled repositories have the webhook");
                Verdict::holds(Reason::Ok, message, proven).into()
            }
            None => Verdict::unknown(Reason::NothingToSample, "no imported repository to look at").into(),
        }
    }
}
