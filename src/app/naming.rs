//! Which Organizations the configuration means: by id, by name or slug, by pattern.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::config::credential::Credential;
use crate::config::integration::{Discover, OrganizationRef, Organizations};
use crate::domain::evidence::EvidenceBook;
use crate::domain::facts::{Access, OrganizationListing};
use crate::domain::fleet::NamedOrganization;
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};

/// Which Organizations one entry of the configuration means, given what is known by now.
pub(super) struct Naming<'a> {
    settings: &'a Organizations,
    /// Those that are listed, and those that were asked, by the name that Snyk gives them.
    known: BTreeMap<OrganizationId, &'a str>,
    /// By name and by slug, as listed; case does not count.
    listed: HashMap<String, BTreeSet<OrganizationId>>,
    remembered: Option<&'a BTreeMap<String, BTreeSet<OrganizationId>>>,
}

impl<'a> Naming<'a> {
    pub(super) fn new(name: &'a IntegrationName, settings: &'a Organizations, evidence: &'a EvidenceBook) -> Self {
        let group = evidence.groups.get(name);
        let listing = group.and_then(|group| group.organizations.as_ref());
        let listing: &[OrganizationListing] = listing.map_or(&[], |known| known.value.as_slice());
        let of_this = evidence.organizations.range(IntegrationKey::group(name.clone())..);
        let of_this = of_this.take_while(|(key, _)| key.integration == *name);
        // One that a listing no longer has is asked on until it is gone.
        let asked = of_this.filter_map(|(key, book)| {
            let granted = book.access.as_ref().and_then(|access| match &access.value {
                Access::Granted { name, .. } => name.as_deref(),
                Access::Denied { .. } => None,
            });
            Some((key.organization?, granted.unwrap_or_default()))
        });
        let mut known: BTreeMap<OrganizationId, &str> = asked.collect();
        known.extend(listing.iter().map(|organization| (organization.id, organization.name.as_str())));
        let mut listed: HashMap<String, BTreeSet<OrganizationId>> = HashMap::new();
        if settings.names().any(|reference| matches!(reference, OrganizationRef::Name(_))) {
            for organization in listing {
                for word in std::iter::once(&organization.name).chain(&organization.slug) {
                    listed.entry(word.to_lowercase()).or_default().insert(organization.id);
                }
            }
        }
        Self { settings, known, listed, remembered: group.map(|group| &group.named_organizations) }
    }

    /// Which Organizations a reference means. A name follows those that it meant first.
    fn ids(&self, reference: &OrganizationRef) -> BTreeSet<OrganizationId> {
        match reference {
            OrganizationRef::Id(id) => BTreeSet::from([*id]),
            OrganizationRef::Name(name) => {
                let remembered = self.remembered.and_then(|remembered| remembered.get(name));
                let is_known = |ids: &&BTreeSet<OrganizationId>| ids.iter().any(|id| self.known.contains_key(id));
                remembered.filter(is_known).or_else(|| self.listed.get(&name.to_lowercase())).or(remembered).cloned()
            }
            .unwrap_or_default(),
        }
    }

    /// Organizations that must have an integration.
    pub(super) fn required(&self) -> BTreeSet<OrganizationId> {
        self.settings.require.iter().flat_map(|reference| self.ids(reference)).collect()
    }

    /// The credentials of Organizations that have another one than the rest. An id is more than a name.
    pub(super) fn overrides(&self) -> BTreeMap<OrganizationId, &'a Arc<Credential>> {
        let (by_id, by_name): (Vec<_>, Vec<_>) =
            self.settings.overrides.iter().partition(|(reference, _)| matches!(reference, OrganizationRef::Id(_)));
        let in_order = by_name.into_iter().chain(by_id);
        in_order
            .flat_map(|(reference, credential)| self.ids(reference).into_iter().map(move |id| (id, credential)))
            .collect()
    }

    /// The only Organizations that are watched; `None`: all that are listed.
    pub(super) fn discovered(&self) -> Option<BTreeSet<OrganizationId>> {
        match &self.settings.discover {
            Discover::All => None,
            Discover::Listed(ids) => Some(ids.iter().copied().chain(self.required()).collect()),
        }
    }

    /// Organizations that the configuration leaves out. A pattern that happens to match does not leave out one that must
    /// have an integration.
    pub(super) fn excluded(&self) -> BTreeSet<OrganizationId> {
        let excluded = self.known.iter().filter(|(id, name)| self.settings.excludes(**id, name));
        let required = self.required();
        excluded.map(|(id, _)| *id).filter(|id| !required.contains(id)).collect()
    }

    /// The Organizations that are asked about.
    pub(super) fn asked(&self) -> BTreeSet<OrganizationId> {
        if let Some(only) = self.discovered() {
            return only;
        }
        let excluded = self.excluded();
        let known = self.known.keys().copied().chain(self.required());
        known.filter(|id| !excluded.contains(id)).collect()
    }

    /// Every Organization that the configuration names.
    pub(super) fn named(&self) -> BTreeMap<String, NamedOrganization> {
        let required = self.settings.require.iter().map(|reference| ("require", reference.clone()));
        let overridden = self.settings.overrides.keys().map(|reference| ("overrides", reference.clone()));
        let discovered = match &self.settings.discover {
            Discover::All => None,
            Discover::Listed(ids) => Some(ids),
        };
        let discovered = discovered.into_iter().flatten().map(|id| ("discover", OrganizationRef::Id(*id)));
        let mut named: BTreeMap<String, NamedOrganization> = BTreeMap::new();
        for (setting, reference) in required.chain(overridden).chain(discovered) {
            let entry = named.entry(reference.to_string()).or_default();
            entry.settings.insert(setting);
            entry.ids.extend(self.ids(&reference));
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::app::fleet::fleet_of;
    use crate::app::held::HeldSecrets;
    use crate::config::{self, Config, Secrets};
    use crate::domain::fleet::Fleet;
    use crate::domain::names::CredentialName;
    use crate::domain::state::State;
    use crate::domain::work::{Finding, Outcome, ProbeKind, ProbeRun, Work, WorkSubject};
    use crate::health::{Policy, forget_other_subjects, observe};

    const CONFIGURATION: &str = "
snyk:
  acme-us: { region: SNYK-US-01, token: { file: snyk-token } }
credentials:
  bitbucket-acme:
    bitbucket_cloud: { api_token: { email: bot@acme.example, token: { file: bitbucket-token } } }
    role: integration
  bitbucket-payments:
    bitbucket_cloud: { api_token: { email: pay@acme.example, token: { file: payments-token } } }
    role: integration
integrations:
  acme-bitbucket:
    scm: bitbucket-cloud
    group:
      snyk: acme-us
      id: 0d3728ec-eebf-484d-9907-ba238019f10b
      profiles: { main: { credential: bitbucket-acme, workspaces: [acme] } }
    organizations:
      credential: bitbucket-acme
      overrides: { payments: { credential: bitbucket-payments } }
";

    fn config(text: &str) -> Config {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("snykwatch.yaml");
        std::fs::write(&path, text).unwrap();
        config::load(&path, Secrets::Skip, "2026-11-23T09:00:00Z".parse().unwrap()).unwrap().config
    }

    /// A daemon that is told listings, one after the other.
    struct Told {
        config: Config,
        state: State,
        listings: i64,
    }

    impl Told {
        fn new() -> Self {
            let mut told = Self { config: config(CONFIGURATION), state: State::default(), listings: 0 };
            told.forget();
            told
        }

        /// What is forgotten when a configuration comes into force.
        fn forget(&mut self) {
            let fleet = self.fleet();
            forget_other_subjects(&mut self.state, &fleet);
        }

        fn fleet(&self) -> Fleet {
            fleet_of(&self.config, &HeldSecrets::new(), &self.state.evidence)
        }

        /// Id, name and slug of every Organization of the Group; gives which have the credential of the override.
        fn listed(&mut self, organizations: &[(u128, &str, &str)]) -> Vec<u128> {
            let name = IntegrationName::from("acme-bitbucket");
            let listing = organizations.iter().map(|&(id, name, slug)| OrganizationListing {
                id: OrganizationId(Uuid::from_u128(id)),
                name: name.to_owned(),
                slug: Some(slug.to_owned()),
            });
            let finding = Finding::Organizations(name.clone(), Arc::new(listing.collect()));
            self.listings += 1;
            let at = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(self.listings);
            let work = Work { kind: ProbeKind::OrganizationList, subject: WorkSubject::Group(name) };
            let outcome = Outcome { findings: vec![finding], ..Outcome::default() };
            let run = ProbeRun { work, started_at: at, finished_at: at, outcome };
            let fleet = self.fleet();
            observe(&mut self.state, &fleet, Policy::default(), &run);
            self.overridden()
        }

        fn overridden(&self) -> Vec<u128> {
            let fleet = self.fleet();
            let organizations = fleet.integrations.values().next().unwrap().organizations.as_ref().unwrap();
            let payments = CredentialName::from("bitbucket-payments");
            let overrides = organizations.overrides.iter();
            overrides.filter(|(_, credential)| **credential == payments).map(|(id, _)| id.0.as_u128()).collect()
        }
    }

    const WEB: (u128, &str, &str) = (2, "Web", "web");

    #[test]
    fn an_override_by_name_follows_its_organization_through_a_rename() {
        let mut told = Told::new();
        assert_eq!(told.overridden(), [0; 0], "before anybody lists them");
        assert_eq!(told.listed(&[(1, "Payments", "acme-1"), WEB]), [1]);
        assert_eq!(told.listed(&[(1, "Billing", "acme-1"), WEB]), [1]);
        // Another one that is called so now is not the one that was meant.
        assert_eq!(told.listed(&[(1, "Billing", "acme-1"), (3, "Payments", "acme-3"), WEB]), [1]);
        // A restart remembers it.
        told.state = serde_json::from_str(&serde_json::to_string(&told.state).unwrap()).unwrap();
        assert_eq!(told.overridden(), [1]);
        assert_eq!(told.listed(&[(1, "Billing", "acme-1"), (3, "Payments", "acme-3"), WEB]), [1]);
    }

    #[test]
    fn the_name_of_one_that_is_gone_means_who_has_it_now() {
        let mut told = Told::new();
        assert_eq!(told.listed(&[(1, "Payments", "acme-1"), WEB]), [1]);
        assert_eq!(told.listed(&[WEB]), [1], "nobody else has it");
        assert_eq!(told.listed(&[(3, "Payments", "acme-3"), WEB]), [3]);
    }

    #[test]
    fn a_name_is_also_a_slug_in_any_spelling() {
        assert_eq!(Told::new().listed(&[(1, "The people who pay", "PAYMENTS"), WEB]), [1]);
        assert_eq!(Told::new().listed(&[(1, "PayMents", "acme-1"), (2, "Money", "payments")]), [1, 2]);
        let mut told = Told::new();
        assert_eq!(told.listed(&[(1, "PayMents", "acme-1"), (2, "Money", "payments")]), [1, 2]);
        assert_eq!(told.listed(&[(1, "Billing", "acme-1"), (2, "Money", "payments")]), [1, 2], "both were meant");
    }

    #[test]
    fn an_id_is_more_than_a_name() {
        let id = OrganizationId(Uuid::from_u128(1));
        let by_id = format!("overrides: {{ {id}: {{ credential: bitbucket-acme }}, ");
        let mut told = Told::new();
        told.config = config(&CONFIGURATION.replace("overrides: { ", &by_id));
        assert_eq!(told.listed(&[(1, "Payments", "acme-1"), (2, "Money", "payments")]), [2]);
    }

    #[test]
    fn in_another_group_a_name_means_another_organization() {
        let mut told = Told::new();
        assert_eq!(told.listed(&[(1, "Payments", "acme-1")]), [1]);
        let other =
            CONFIGURATION.replace("0d3728ec-eebf-484d-9907-ba238019f10b", "0d3728ec-eebf-484d-9907-ba238019f10c");
        told.config = config(&other);
        told.forget();
        assert_eq!(told.overridden(), [0; 0]);
        assert_eq!(told.listed(&[(9, "Payments", "acme-9")]), [9]);
    }
}
