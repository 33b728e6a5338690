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
