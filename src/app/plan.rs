//! From the configuration and the Organizations known by now to the work that is planned.

use chrono::TimeDelta;

use super::naming::Naming;
use crate::client::budget::BudgetLimits;
use crate::config::Config;
use crate::config::integration::Integration;
use crate::config::schedule::ScheduledProbe;
use crate::domain::evidence::EvidenceBook;
use crate::domain::facts::IntegrationPresence;
use crate::domain::names::{CredentialName, IntegrationKey};
use crate::domain::work::{ProbeKind, Work, WorkSubject};
use crate::schedule::cadence::Cadence;
use crate::schedule::planner::{Draw, PlannedWork};

/// Every piece of work that the configuration asks for. An Organization is asked about once a listing has it (and its
/// webhooks once an integration was seen there), or at once where the configuration names it by id; and for as long as
/// it is watched, whatever a listing says.
pub(super) fn plan_of(config: &Config, evidence: &EvidenceBook) -> Vec<PlannedWork> {
    let mut plan = Plan { config, works: Vec::new() };
    for name in config.snyk.keys() {
        plan.add(ProbeKind::SnykToken, WorkSubject::Credential(name.clone()), name);
    }
    for name in config.credentials.keys() {
        plan.add(ProbeKind::ScmCredential, WorkSubject::Credential(name.clone()), name);
    }
    for integration in config.integrations.values() {
        plan.add_group(integration);
        plan.add_organizations(integration, evidence);
    }
    plan.works
}

struct Plan<'a> {
    config: &'a Config,
    works: Vec<PlannedWork>,
}

impl Plan<'_> {
    fn add(&mut self, kind: ProbeKind, subject: WorkSubject, budget: &CredentialName) {
        let cadence = Cadence::from(&self.config.schedule.of(ScheduledProbe::of_kind(kind)).cadence);
        let work = Work { kind, subject };
        let draw = Draw::default();
        self.works.push(PlannedWork { work, cadence, budget: budget.clone(), draw, jitter_seed: JITTER_SEED });
    }

    /// A work of which there are many: its round asks so often.
    fn add_paced(
        &mut self,
        kind: ProbeKind,
        subject: WorkSubject,
        budget: &CredentialName,
        draw: (&BudgetLimits, u32),
    ) {
        self.add(kind, subject, budget);
        let (limits, requests) = draw;
        let span = |duration| TimeDelta::from_std(duration).unwrap_or_default();
        let burst = span(limits.burst().mul_f64(SHARE_OF_BURST));
        let draw = Draw { round: span(limits.refill(requests)), burst };
        self.works.iter_mut().last().into_iter().for_each(|planned| planned.draw = draw);
    }

    fn add_group(&mut self, integration: &Integration) {
        let Some(group) = &integration.group else { return };
        let snyk = &group.snyk.name;
        let subject = WorkSubject::Group(integration.name.clone());
        self.add(ProbeKind::GroupAccess, subject.clone(), snyk);
        for (name, profile) in &group.profiles {
            let subject = WorkSubject::Profile(integration.name.clone(), name.clone());
            self.add(ProbeKind::Profile, subject, &profile.credential.name);
        }
        self.add(ProbeKind::Inventory, subject.clone(), snyk);
        if let (Some(_), Some(profile)) = (&group.backstage, group.profiles.values().next()) {
            self.add(ProbeKind::Catalog, subject, &profile.credential.name);
        }
    }

    fn add_organizations(&mut self, integration: &Integration, evidence: &EvidenceBook) {
        let Some(settings) = &integration.organizations else { return };
        let snyk = &settings.snyk.name;
        if integration.group.is_some() {
            self.add(ProbeKind::OrganizationList, WorkSubject::Group(integration.name.clone()), snyk);
        }
        let naming = Naming::new(&integration.name, settings, evidence);
        let overrides = naming.overrides();
        let sample = self.config.schedule.of(ScheduledProbe::of_kind(ProbeKind::Webhooks)).sample;
        let (of_snyk, of_scm) = (BudgetLimits::snyk(), BudgetLimits::bitbucket_cloud());
        for id in naming.asked() {
            let key = IntegrationKey::organization(integration.name.clone(), id);
            let known = evidence.organizations.get(&key);
            let presence = known.and_then(|known| known.presence.as_ref());
            let present = presence.is_some_and(|seen| matches!(seen.value, IntegrationPresence::Present { .. }));
            let subject = WorkSubject::Organization(key.clone());
            self.add_paced(ProbeKind::Organization, subject.clone(), snyk, (&of_snyk, REQUESTS_OF_AN_ORGANIZATION));
            if present {
                let credential = &overrides.get(&id).copied().unwrap_or(&settings.credential).name;
                let imported =
                    known.and_then(|known| known.imports.as_ref()).map_or(1, |seen| seen.value.targets.len());
                let imported = u32::try_from(imported).unwrap_or(u32::MAX);
                let requests = imported.min(sample.unwrap_or(u32::MAX));
                self.add_paced(ProbeKind::Webhooks, subject, credential, (&of_scm, requests));
            }
        }
    }
}

/// A round of an Organization, the first above all: itself, its integrations, their switches, targets, projects and audit
/// log, each of one page mostly. Fewer would have rounds of a first pass turned away.
const REQUESTS_OF_AN_ORGANIZATION: u32 = 6;

/// Of what a full budget holds, so much is planned for works of which there are many; the rest is for the others.
const SHARE_OF_BURST: f64 = 0.75;

/// One daemon is one installation; replicas share a plan, so they share the seed too.
const JITTER_SEED: u64 = 0;

#[cfg(test)]
mod tests;
