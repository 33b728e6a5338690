//! From the configuration and the Organizations known by now to the work that is planned.

use crate::config::Config;
use crate::config::integration::{Discover, Integration, Organizations};
use crate::config::schedule::ScheduledProbe;
use crate::domain::evidence::EvidenceBook;
use crate::domain::facts::{IntegrationPresence, OrganizationListing};
use crate::domain::names::{CredentialName, IntegrationKey, OrganizationId};
use crate::domain::work::{ProbeKind, Work, WorkSubject};
use crate::schedule::cadence::Cadence;
use crate::schedule::planner::PlannedWork;

/// Every piece of work that the configuration asks for. An Organization is asked about once a listing has it (and its
/// webhooks once an integration was seen there), or at once where the configuration names it by id.
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

/// The Organizations of `integration` that are to be asked about: listed and not excluded, or named by id.
pub(super) fn asked_organizations(settings: &Organizations, listing: &[OrganizationListing]) -> Vec<OrganizationId> {
    match &settings.discover {
        Discover::All => listing
            .iter()
            .filter(|organization| !settings.excludes(organization.id, &organization.name))
            .map(|organization| organization.id)
            .collect(),
        Discover::Listed(ids) => ids.iter().copied().collect(),
    }
}

struct Plan<'a> {
    config: &'a Config,
    works: Vec<PlannedWork>,
}

impl Plan<'_> {
    fn add(&mut self, kind: ProbeKind, subject: WorkSubject, budget: &CredentialName) {
        let cadence = Cadence::from(&self.config.schedule.of(ScheduledProbe::of_kind(kind)).cadence);
        let work = Work { kind, subject };
        self.works.push(PlannedWork { work, cadence, budget: budget.clone(), jitter_seed: JITTER_SEED });
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
        let listing = super::fleet::listing_of(&integration.name, evidence);
        for id in asked_organizations(settings, listing) {
            let key = IntegrationKey::organization(integration.name.clone(), id);
            let presence = evidence.organizations.get(&key).and_then(|known| known.presence.as_ref());
            let present = presence.is_some_and(|seen| matches!(seen.value, IntegrationPresence::Present { .. }));
            self.add(ProbeKind::Organization, WorkSubject::Organization(key.clone()), snyk);
            if present {
                let name = listing.iter().find(|organization| organization.id == id).map_or("", |found| &found.name);
                let credential = &settings.credential_of(id, name).name;
                self.add(ProbeKind::Webhooks, WorkSubject::Organization(key), credential);
            }
        }
    }
}

/// One daemon is one installation; replicas share a plan, so they share the seed too.
const JITTER_SEED: u64 = 0;
