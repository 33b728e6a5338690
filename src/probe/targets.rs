//! What a [`Prober`](super::Prober) may ask, every reference resolved: clients by configuration key, and the fleet that
//! says what is watched with which of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;

use super::former::FormerSecrets;
use super::scm::ScmProbes;
use crate::client::snyk::SnykClient;
use crate::domain::fleet::Fleet;
use crate::domain::names::{CredentialName, IntegrationName};

/// Everything a prober may ask.
#[derive(Debug)]
pub struct Targets {
    /// What is watched.
    pub fleet: Arc<Fleet>,
    /// By `snyk` key.
    pub snyk: BTreeMap<CredentialName, SnykTarget>,
    /// By `credentials` key.
    pub scm: BTreeMap<CredentialName, Arc<dyn ScmProbes>>,
    /// The secrets before those of `scm`.
    pub former: Arc<FormerSecrets>,
    /// By `integrations` key; one without an entry gets the defaults.
    pub settings: BTreeMap<IntegrationName, IntegrationSettings>,
}

/// One Snyk token with its client.
#[derive(Debug)]
pub struct SnykTarget {
    /// Asks with the token.
    pub client: SnykClient,
    /// The label of this token among its owner's personal access tokens; without it the one that ends first counts.
    pub token_label: Option<String>,
}

/// How much is sampled, and how a webhook of Snyk's is recognised.
#[derive(Debug, Clone)]
pub struct IntegrationSettings {
    /// Imported repositories whose webhooks are looked at each day with one credential: divided among its Organizations.
    pub webhook_sample: usize,
    /// How the URL of Snyk's webhook looks, in place of the built-in pattern.
    pub webhook_pattern: Option<Regex>,
    /// Repositories whose catalog file one run looks for.
    pub catalog_sample: usize,
    /// Snyk's word for this Git host among an asset's `sources`; `None`: learned from the assets.
    pub asset_source: Option<String>,
}

impl Default for IntegrationSettings {
    fn default() -> Self {
        Self { webhook_sample: 50, webhook_pattern: None, catalog_sample: 20, asset_source: None }
    }
}
