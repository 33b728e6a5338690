//! The wiring: a configuration put into effect. It holds the clients with their secrets and budgets, and derives the
//! fleet, the plan and the prober from them.
//!
//! A reload makes new wiring from the old: budgets and what probes have learned go over, so that nothing that did not
//! change is disturbed; secrets are read anew, and those that were replaced go over until they are known to have ended.

mod clients;
mod replaced;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use self::clients::Builder;
use super::destinations::Destinations;
use super::fleet::{fleet_of, scm_api, snyk_api};
use super::held::{HeldSecret, HeldSecrets};
use super::plan::plan_of;
use crate::client::answer::KnownSecrets;
use crate::client::budget::RequestBudget;
use crate::client::http::HttpBuildError;
use crate::client::snyk::SnykClient;
use crate::client::telemetry::Telemetry;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::integration::{Discover, Integration, Workspaces};
use crate::config::schedule::ScheduledProbe;
use crate::config::secrets::SecretReadError;
use crate::config::template::TemplateProblem;
use crate::deliver::Destination;
use crate::deliver::receivers::ReceiverBuildError;
use crate::domain::evidence::EvidenceBook;
use crate::domain::fleet::Fleet;
use crate::domain::names::{ApiName, CredentialName, ReceiverName};
use crate::domain::work::{ProbeKind, Work, WorkSubject};
use crate::probe::scm::ScmProbes;
use crate::probe::{FormerSecrets, IntegrationSettings, ProbeMemory, Prober, SnykTarget, Targets};
use crate::schedule::planner::PlannedWork;

/// Why a configuration cannot be put into effect.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// A secret cannot be read.
    #[error("could not read a secret of {name}")]
    Secret {
        /// Which entry's.
        name: CredentialName,
        /// Why not.
        #[source]
        source: SecretReadError,
    },
    /// A client cannot be made.
    #[error("could not set up the HTTP client of {name}")]
    Http {
        /// Which entry's.
        name: CredentialName,
        /// Why not.
        #[source]
        source: HttpBuildError,
    },
    /// A receiver cannot be made.
    #[error("could not set up the receiver {name}")]
    Receiver {
        /// Which.
        name: ReceiverName,
        /// Why not.
        #[source]
        source: ReceiverBuildError,
    },
    /// The heartbeat cannot be sent.
    #[error("could not set up the HTTP client of the heartbeat")]
    Heartbeat(#[source] HttpBuildError),
    /// A receiver's template is none.
    #[error("could not use a template of the receiver {name}")]
    Template {
        /// Which.
        name: ReceiverName,
        /// Why not.
        #[source]
        source: TemplateProblem,
    },
    /// An address is no URL.
    #[error("could not use {text} as the address of {name}")]
    Address {
        /// Which entry's.
        name: CredentialName,
        /// What it says.
        text: String,
        /// Why not.
        #[source]
        source: url::ParseError,
    },
}

/// What wiring is made with besides a configuration.
#[derive(Clone)]
pub(super) struct Supplies {
    pub(super) clock: Clock,
    pub(super) telemetry: Telemetry,
    /// Every secret that was ever read, whatever it is for.
    pub(super) secrets: KnownSecrets,
    /// Key of the secrets' versions, the same for the life of the installation.
    pub(super) version_key: Arc<[u8]>,
    /// Where people reach us unless the configuration says otherwise: the address we listen on.
    pub(super) own_url: Url,
}

/// A configuration put into effect.
pub(super) struct Wiring {
    config: Config,
    clock: Clock,
    held: HeldSecrets,
    snyk: BTreeMap<CredentialName, SnykClient>,
    scm: BTreeMap<CredentialName, Arc<dyn ScmProbes>>,
    budgets: BTreeMap<CredentialName, RequestBudget>,
    memory: Arc<ProbeMemory>,
    former: Arc<FormerSecrets>,
    destinations: Destinations,
    external_url: Url,
}

/// Every secret of a configuration that can be read; one that cannot is told of where it is needed.
fn secrets_of(config: &Config) -> impl Iterator<Item = SecretString> {
    let proxies = config.transports().filter_map(|http| http.proxy.as_ref()?.password().map(SecretString::from));
    config.secrets().filter_map(|source| source.read().ok()).chain(proxies)
}

/// Every id and name that a configuration says: in an address they let nobody in.
fn names_of(config: &Config) -> impl Iterator<Item = String> {
    let credentials = config.snyk.keys().chain(config.credentials.keys()).map(ToString::to_string);
    let receivers = config.receivers.keys().map(ToString::to_string);
    config
        .integrations
        .values()
        .flat_map(|integration| names_of_integration(integration))
        .chain(credentials)
        .chain(receivers)
}

fn names_of_integration(integration: &Integration) -> Vec<String> {
    let mut names = vec![integration.name.to_string()];
    names.extend(integration.owner.clone());
    if let Some(group) = &integration.group {
        names.push(group.id.to_string());
        names.extend(group.name.clone());
        names.extend(group.source.clone());
        names.extend(group.ignore.patterns().iter().cloned());
        for profile in group.profiles.values() {
            names.push(profile.name.to_string());
            if let Workspaces::Named(workspaces) = &profile.workspaces {
                names.extend(workspaces.iter().map(ToString::to_string));
            }
        }
    }
    if let Some(organizations) = &integration.organizations {
        names.extend(organizations.names().map(ToString::to_string));
        names.extend(organizations.exclude.patterns().iter().cloned());
        if let Discover::Listed(ids) = &organizations.discover {
            names.extend(ids.iter().map(ToString::to_string));
        }
    }
    names
}

impl std::fmt::Debug for Wiring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Wiring").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Wiring {
    /// Reads the secrets and makes the clients. Budgets, probe memory and replaced secrets of `before` go over.
    pub(super) fn try_new(config: Config, supplies: &Supplies, before: Option<&Self>) -> Result<Self, WiringError> {
        supplies.secrets.name_ordinary(names_of(&config));
        supplies.secrets.learn(secrets_of(&config));
        let memory = before.map_or_else(Arc::default, |before| Arc::clone(&before.memory));
        let mut builder = Builder::new(supplies, before);
        let mut snyk = BTreeMap::new();
        for (name, entry) in &config.snyk {
            snyk.insert(name.clone(), builder.snyk_client(entry)?);
        }
        let mut scm = BTreeMap::new();
        for (name, credential) in &config.credentials {
            scm.insert(name.clone(), builder.scm_probes(credential)?);
        }
        let Builder { held, budgets, .. } = builder;
        let known = before.map(|before| &before.destinations);
        let destinations = Destinations::try_new(&config.receivers, &supplies.version_key, &supplies.secrets, known)?;
        let external_url = config.server.external_url.clone().unwrap_or_else(|| supplies.own_url.clone());
        let clock = supplies.clock.clone();
        let former = before.map_or_else(Arc::default, |before| Arc::clone(&before.former));
        let wiring = Self { config, clock, held, snyk, scm, budgets, memory, former, destinations, external_url };
        if let Some(before) = before {
            wiring.keep_replaced_secrets(before);
        }
        Ok(wiring)
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Where notifications go.
    pub(super) fn destinations(&self) -> BTreeMap<ReceiverName, Destination> {
        self.destinations.all()
    }

    /// Where people reach this daemon.
    pub(super) fn external_url(&self) -> &Url {
        &self.external_url
    }

    pub(super) fn memory(&self) -> &Arc<ProbeMemory> {
        &self.memory
    }

    /// What is watched, given the Organizations that are known by now.
    pub(super) fn fleet(&self, evidence: &EvidenceBook) -> Arc<Fleet> {
        Arc::new(fleet_of(&self.config, &self.held, evidence))
    }

    /// What is planned, given the Organizations that are known by now.
    pub(super) fn plan(&self, evidence: &EvidenceBook) -> Vec<PlannedWork> {
        plan_of(&self.config, evidence)
    }

    /// Who probes that fleet.
    pub(super) fn prober(&self, fleet: Arc<Fleet>) -> Arc<Prober> {
        let settings = self.config.integrations.values();
        let targets = Targets {
            fleet,
            snyk: self.snyk_targets(),
            scm: self.scm.clone(),
            former: Arc::clone(&self.former),
            settings: settings.map(|integration| (integration.name.clone(), self.settings_of(integration))).collect(),
        };
        Arc::new(Prober::new(targets, self.clock.clone(), Arc::clone(&self.memory)))
    }

    fn snyk_targets(&self) -> BTreeMap<CredentialName, SnykTarget> {
        let label = |name| self.config.snyk.get(name).and_then(|entry| entry.token_label.clone());
        let target = |client: &SnykClient, name| SnykTarget { client: client.clone(), token_label: label(name) };
        self.snyk.iter().map(|(name, client)| (name.clone(), target(client, name))).collect()
    }

    /// What is to be asked at once, because its secret or its entry is another than in `before`: the credential, and what
    /// was perhaps not to be seen with the one before.
    pub(super) fn rotated_since(&self, before: &Self) -> Vec<Work> {
        let rotated = self.rotated(before).cloned();
        // Another e-mail, scheme or address is another credential too, with the same secret.
        let snyk = self.config.snyk.iter().filter(|(name, entry)| differs(before.config.snyk.get(*name), entry));
        let scm = self.config.credentials.iter();
        let scm = scm.filter(|(name, credential)| differs(before.config.credentials.get(*name), credential));
        let altered = snyk.map(|(name, _)| name.clone()).chain(scm.map(|(name, _)| name.clone()));
        let names: BTreeSet<CredentialName> = rotated.chain(altered).collect();
        names.iter().flat_map(|name| self.works_of(name)).collect()
    }

    /// How many secrets are others than in `before`.
    pub(super) fn secrets_rotated_since(&self, before: &Self) -> usize {
        self.rotated(before).count()
    }

    fn rotated<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a CredentialName> {
        let is_new = |(name, secret): &(&CredentialName, &HeldSecret)| {
            secret.version().is_some() && before.held.get(*name).is_some_and(|known| known != *secret)
        };
        self.held.iter().filter(is_new).map(|(name, _)| name)
    }

    /// The credentials that can be asked with, and could not in `before`.
    pub(super) fn mended_since(&self, before: &Self) -> BTreeSet<CredentialName> {
        self.rotated(before).filter(|name| before.refusal_of(name).is_some()).cloned().collect()
    }

    /// The credentials that nothing is asked with.
    pub(super) fn refused(&self) -> BTreeSet<CredentialName> {
        self.held.keys().filter(|name| self.refusal_of(name).is_some()).cloned().collect()
    }

    fn version_of(&self, name: &CredentialName) -> Option<&str> {
        self.held.get(name).and_then(HeldSecret::version)
    }

    /// Why nothing is asked with this credential.
    pub(super) fn refusal_of(&self, name: &CredentialName) -> Option<&str> {
        self.held.get(name).and_then(HeldSecret::refusal)
    }

    fn works_of(&self, credential: &CredentialName) -> Vec<Work> {
        let is_snyk = self.config.snyk.contains_key(credential);
        let kind = if is_snyk { ProbeKind::SnykToken } else { ProbeKind::ScmCredential };
        let mut works = vec![Work { kind, subject: WorkSubject::Credential(credential.clone()) }];
        for integration in self.config.integrations.values() {
            let profiles = integration.group.iter().flat_map(|group| &group.profiles);
            let profiles = profiles.filter(|(_, profile)| profile.credential.name == *credential);
            works.extend(profiles.map(|(name, _)| Work {
                kind: ProbeKind::Profile,
                subject: WorkSubject::Profile(integration.name.clone(), name.clone()),
            }));
            let groups = integration.group.iter().filter(|group| group.snyk.name == *credential);
            works.extend(
                groups.map(|_| Work {
                    kind: ProbeKind::GroupAccess,
                    subject: WorkSubject::Group(integration.name.clone()),
                }),
            );
        }
        works
    }

    /// What each credential may still ask, where it is limited.
    pub(super) fn budgets(&self) -> impl Iterator<Item = (&CredentialName, u64)> {
        self.budgets.iter().filter_map(|(name, budget)| Some((name, budget.remaining()?)))
    }

    /// The APIs that are asked.
    pub(super) fn apis(&self) -> BTreeSet<ApiName> {
        let snyk = self.config.snyk.keys().map(snyk_api);
        let scm = self.config.credentials.values().map(|credential| scm_api(credential));
        snyk.chain(scm).collect()
    }

    /// The credentials that are used, Snyk tokens included.
    pub(super) fn credentials(&self) -> BTreeSet<CredentialName> {
        self.config.snyk.keys().chain(self.config.credentials.keys()).cloned().collect()
    }

    fn settings_of(&self, integration: &Integration) -> IntegrationSettings {
        let sample = |probe| self.config.schedule.of(probe).sample.and_then(|sample| usize::try_from(sample).ok());
        let defaults = IntegrationSettings::default();
        let organizations = integration.organizations.as_ref();
        IntegrationSettings {
            webhook_sample: sample(ScheduledProbe::Webhooks).unwrap_or(defaults.webhook_sample),
            webhook_pattern: organizations.and_then(|set| set.webhook_url_pattern.as_ref()).map(|set| set.0.clone()),
            catalog_sample: sample(ScheduledProbe::Catalog).unwrap_or(defaults.catalog_sample),
            asset_source: integration.group.as_ref().and_then(|group| group.source.clone()),
        }
    }
}

/// Whether an entry that was there before says something else now; a new one is asked about anyway.
fn differs<T: PartialEq>(before: Option<&T>, now: &T) -> bool {
    before.is_some_and(|before| before != now)
}

#[cfg(test)]
mod tests;
