//! The wiring: a configuration put into effect. It holds the clients with their secrets and budgets, and derives the
//! fleet, the plan and the prober from them.
//!
//! A reload makes new wiring from the old: budgets and what probes have learned go over, so that nothing that did not
//! change is disturbed; secrets are read anew, and those that were replaced go over until they are known to have ended.

mod replaced;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::destinations::Destinations;
use super::fleet::{ATLASSIAN_ADMIN, fleet_of, scm_api, secret_of, snyk_api};
use super::plan::plan_of;
use crate::client::ClientContext;
use crate::client::atlassian_admin::{AtlassianAdminClient, AtlassianAdminOptions};
use crate::client::bitbucket_cloud::{ApiTokenScheme, BitbucketCloudAuth, BitbucketCloudOptions};
use crate::client::budget::{BudgetLimits, RequestBudget};
use crate::client::http::{HttpBuildError, HttpClient, HttpOptions};
use crate::client::snyk::{SnykAuth, SnykClient, SnykOptions, TokenScheme};
use crate::client::telemetry::Telemetry;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::credential::{self, AtlassianAdmin, BitbucketAuth, Credential, ScmAccount};
use crate::config::http::HttpSettings;
use crate::config::integration::Integration;
use crate::config::schedule::ScheduledProbe;
use crate::config::secrets::{SecretReadError, SecretSource, TokenVersion};
use crate::config::snyk::{self as snyk_config, SnykEntry};
use crate::config::template::TemplateProblem;
use crate::config::token::TokenKind;
use crate::deliver::Destination;
use crate::deliver::receivers::ReceiverBuildError;
use crate::domain::evidence::EvidenceBook;
use crate::domain::fleet::Fleet;
use crate::domain::names::{ApiName, CredentialName, ReceiverName};
use crate::domain::work::{ProbeKind, Work, WorkSubject};
use crate::probe::scm::ScmProbes;
use crate::probe::scm::bitbucket_cloud::{AdminListing, BitbucketCloudTarget};
use crate::probe::{FormerSecrets, IntegrationSettings, ProbeMemory, Prober, SnykTarget, Targets};
use crate::schedule::planner::PlannedWork;

/// Where Bitbucket Cloud grants OAuth tokens (`docs/apis/bitbucket-cloud.md`).
const BITBUCKET_SITE_ROOT: &str = "https://bitbucket.org";

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
    /// Key of the secrets' versions, the same for the life of the installation.
    pub(super) version_key: Arc<[u8]>,
    /// Where people reach us unless the configuration says otherwise: the address we listen on.
    pub(super) own_url: Url,
}

/// A configuration put into effect.
pub(super) struct Wiring {
    config: Config,
    clock: Clock,
    versions: BTreeMap<CredentialName, String>,
    snyk: BTreeMap<CredentialName, SnykClient>,
    scm: BTreeMap<CredentialName, Arc<dyn ScmProbes>>,
    budgets: BTreeMap<CredentialName, RequestBudget>,
    memory: Arc<ProbeMemory>,
    former: Arc<FormerSecrets>,
    destinations: Destinations,
    external_url: Url,
}

impl std::fmt::Debug for Wiring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Wiring").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Wiring {
    /// Reads the secrets and makes the clients. Budgets, probe memory and replaced secrets of `before` go over.
    pub(super) fn try_new(config: Config, supplies: &Supplies, before: Option<&Self>) -> Result<Self, WiringError> {
        let memory = before.map_or_else(Arc::default, |before| Arc::clone(&before.memory));
        let mut builder =
            Builder { supplies, before, versions: BTreeMap::new(), budgets: BTreeMap::new(), transports: Vec::new() };
        let mut snyk = BTreeMap::new();
        for (name, entry) in &config.snyk {
            snyk.insert(name.clone(), builder.snyk_client(entry)?);
        }
        let mut scm = BTreeMap::new();
        for (name, credential) in &config.credentials {
            scm.insert(name.clone(), builder.scm_probes(credential)?);
        }
        let Builder { versions, budgets, .. } = builder;
        let known = before.map(|before| &before.destinations);
        let destinations = Destinations::try_new(&config.receivers, &supplies.version_key, known)?;
        let external_url = config.server.external_url.clone().unwrap_or_else(|| supplies.own_url.clone());
        let clock = supplies.clock.clone();
        let former = before.map_or_else(Arc::default, |before| Arc::clone(&before.former));
        let wiring = Self { config, clock, versions, snyk, scm, budgets, memory, former, destinations, external_url };
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
        Arc::new(fleet_of(&self.config, &self.versions, evidence))
    }

    /// What is planned, given the Organizations that are known by now.
    pub(super) fn plan(&self, evidence: &EvidenceBook) -> Vec<PlannedWork> {
        plan_of(&self.config, evidence)
    }

    /// Who probes that fleet.
    pub(super) fn prober(&self, fleet: Arc<Fleet>) -> Arc<Prober> {
        let label = |name| self.config.snyk.get(name).and_then(|entry| entry.token_label.clone());
        let snyk = self
            .snyk
            .iter()
            .map(|(name, client)| (name.clone(), SnykTarget { client: client.clone(), token_label: label(name) }));
        let settings = self.config.integrations.values();
        let targets = Targets {
            fleet,
            snyk: snyk.collect(),
            scm: self.scm.clone(),
            former: Arc::clone(&self.former),
            settings: settings.map(|integration| (integration.name.clone(), self.settings_of(integration))).collect(),
        };
        Arc::new(Prober::new(targets, self.clock.clone(), Arc::clone(&self.memory)))
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
        let is_new = |(name, version): &(&CredentialName, &String)| {
            before.versions.get(*name).is_some_and(|known| known != *version)
        };
        self.versions.iter().filter(is_new).map(|(name, _)| name)
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

/// Makes clients; equal HTTP settings share one transport.
struct Builder<'a> {
    supplies: &'a Supplies,
    before: Option<&'a Wiring>,
    versions: BTreeMap<CredentialName, String>,
    budgets: BTreeMap<CredentialName, RequestBudget>,
    transports: Vec<(HttpSettings, HttpClient)>,
}

impl Builder<'_> {
    fn snyk_client(&mut self, entry: &SnykEntry) -> Result<SnykClient, WiringError> {
        let name = &entry.name;
        let auth = match &entry.auth {
            snyk_config::SnykAuth::Token { token, scheme } => SnykAuth::Token {
                token: self.secret_with_version(name, token, snyk_config::SNYK_TOKEN)?,
                scheme: match scheme {
                    snyk_config::SnykScheme::Token => TokenScheme::Token,
                    snyk_config::SnykScheme::Bearer => TokenScheme::Bearer,
                },
            },
            snyk_config::SnykAuth::Oauth { client_id, client_secret } => SnykAuth::OAuthClient {
                client_id: read(name, client_id, snyk_config::SNYK_TOKEN)?.expose_secret().to_owned(),
                client_secret: self.secret_with_version(name, client_secret, snyk_config::SNYK_TOKEN)?,
            },
        };
        let options = SnykOptions { api_url: address(name, entry.api.root())?, version: entry.version.clone(), auth };
        let context = self.context(&snyk_api(name), name, &entry.http, BudgetLimits::snyk)?;
        SnykClient::new(options, context).map_err(|source| WiringError::Http { name: name.clone(), source })
    }

    fn scm_probes(&mut self, credential: &Credential) -> Result<Arc<dyn ScmProbes>, WiringError> {
        let ScmAccount::BitbucketCloud(account) = &credential.account;
        let name = &credential.name;
        let kind = account.auth.token_kind();
        let secret = self.secret_with_version(name, secret_of(credential), kind)?;
        let auth = match &account.auth {
            BitbucketAuth::ApiToken { email, scheme, .. } => BitbucketCloudAuth::ApiToken {
                email: email.clone(),
                token: secret,
                scheme: match scheme {
                    credential::ApiTokenScheme::Basic => ApiTokenScheme::Basic,
                    credential::ApiTokenScheme::Bearer => ApiTokenScheme::Bearer,
                },
            },
            BitbucketAuth::AccessToken { .. } => BitbucketCloudAuth::AccessToken { token: secret },
            BitbucketAuth::Oauth { key, .. } => {
                BitbucketCloudAuth::OAuthConsumer { key: read(name, key, kind)?.expose_secret().to_owned(), secret }
            }
            BitbucketAuth::AppPassword { username, .. } => {
                BitbucketCloudAuth::AppPassword { username: username.clone(), password: secret }
            }
        };
        let options = BitbucketCloudOptions {
            api_url: address(name, account.api_root())?,
            // The site that grants OAuth tokens stands beside the public API; elsewhere one address is both.
            oauth_url: address(name, account.api_url.as_ref().map_or(BITBUCKET_SITE_ROOT, |url| url.as_str()))?,
            auth,
        };
        let context = self.context(&scm_api(credential), name, &credential.http, BudgetLimits::bitbucket_cloud)?;
        let admin = account.atlassian_admin.as_ref().map(|admin| self.admin_listing(credential, admin)).transpose()?;
        let target = BitbucketCloudTarget::new(options, context, admin);
        Ok(Arc::new(target.map_err(|source| WiringError::Http { name: name.clone(), source })?))
    }

    fn admin_listing(&mut self, credential: &Credential, admin: &AtlassianAdmin) -> Result<AdminListing, WiringError> {
        let name = &credential.name;
        let options = AtlassianAdminOptions {
            api_url: address(name, admin.api_root())?,
            organization_id: admin.org_id.to_string(),
            api_key: read(name, &admin.api_key, credential::ADMIN_KEY)?,
        };
        let http = self.transport(name, &credential.http)?;
        let budget = RequestBudget::new(BudgetLimits::atlassian_admin(), &self.supplies.clock);
        let context = self.context_with(&ApiName::new(ATLASSIAN_ADMIN), http, budget);
        let client = AtlassianAdminClient::new(options, context);
        let client = client.map_err(|source| WiringError::Http { name: name.clone(), source })?;
        Ok(AdminListing { client, label: admin.label.clone(), email: admin.email.clone() })
    }

    fn context(
        &mut self,
        api: &ApiName,
        name: &CredentialName,
        http: &HttpSettings,
        limits: fn() -> BudgetLimits,
    ) -> Result<ClientContext, WiringError> {
        let kept = self.before.and_then(|before| before.budgets.get(name)).cloned();
        let budget = kept.unwrap_or_else(|| RequestBudget::new(limits(), &self.supplies.clock));
        self.budgets.insert(name.clone(), budget.clone());
        let http = self.transport(name, http)?;
        Ok(self.context_with(api, http, budget))
    }

    fn context_with(&self, api: &ApiName, http: HttpClient, budget: RequestBudget) -> ClientContext {
        ClientContext {
            api: api.to_string(),
            http,
            budget,
            clock: self.supplies.clock.clone(),
            telemetry: Arc::clone(&self.supplies.telemetry),
        }
    }

    fn transport(&mut self, name: &CredentialName, settings: &HttpSettings) -> Result<HttpClient, WiringError> {
        if let Some((_, known)) = self.transports.iter().find(|(known, _)| known == settings) {
            return Ok(known.clone());
        }
        let options = HttpOptions {
            proxy: settings.proxy.clone(),
            no_proxy: settings.no_proxy.clone(),
            ca_file: settings.ca_file.clone(),
            connect_timeout: settings.connect_timeout,
            request_timeout: settings.request_timeout,
            ..HttpOptions::default()
        };
        let client = HttpClient::build(&options).map_err(|source| WiringError::Http { name: name.clone(), source })?;
        self.transports.push((settings.clone(), client.clone()));
        Ok(client)
    }

    fn secret_with_version(
        &mut self,
        name: &CredentialName,
        source: &SecretSource,
        kind: TokenKind,
    ) -> Result<SecretString, WiringError> {
        let secret = read(name, source, kind)?;
        let version = TokenVersion::of(&secret, &self.supplies.version_key);
        self.versions.insert(name.clone(), version.as_str().to_owned());
        Ok(secret)
    }
}

/// Whether an entry that was there before says something else now; a new one is asked about anyway.
fn differs<T: PartialEq>(before: Option<&T>, now: &T) -> bool {
    before.is_some_and(|before| before != now)
}

fn read(name: &CredentialName, source: &SecretSource, kind: TokenKind) -> Result<SecretString, WiringError> {
    source.read_token(kind).map_err(|source| WiringError::Secret { name: name.clone(), source })
}

fn address(name: &CredentialName, text: &str) -> Result<Url, WiringError> {
    Url::parse(text).map_err(|source| WiringError::Address { name: name.clone(), text: text.to_owned(), source })
}
