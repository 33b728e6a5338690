//! The `integrations` section: what is watched, every reference resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use regex::Regex;

use super::alerts::AlertRules;
use super::conditions::ConditionSettings;
use super::credential::Credential;
use super::globs::Globs;
use super::snyk::SnykEntry;
use crate::domain::kinds::Scm;
use crate::domain::names::{GroupId, IntegrationName, OrganizationId, ProfileName, WorkspaceSlug};
use crate::domain::permission::PermissionSet;

/// The file that Backstage keeps in a repository unless told otherwise.
pub const DEFAULT_BACKSTAGE_FILE_NAME: &str = "catalog-info.yaml";

/// One watched connection: a Group, Organizations, or both.
#[derive(Debug, Clone, PartialEq)]
pub struct Integration {
    /// Its key in the configuration.
    pub name: IntegrationName,
    /// The Git host.
    pub scm: Scm,
    /// The team to ask, copied into messages and `integration_info`.
    pub owner: Option<String>,
    /// The Group level.
    pub group: Option<GroupIntegration>,
    /// The Organization level.
    pub organizations: Option<Organizations>,
    /// Thresholds of its conditions: the defaults, the `conditions` section, then its own.
    pub conditions: ConditionSettings,
    /// Timing and severity of its incidents: the defaults, `alerts.rules`, then its own.
    pub rules: AlertRules,
}

/// The Group level of an integration.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupIntegration {
    /// The Snyk token that reads the Group.
    pub snyk: Arc<SnykEntry>,
    /// The Group's UUID.
    pub id: GroupId,
    /// What people call the Group; asked from Snyk when left out.
    pub name: Option<String>,
    /// When it was set up in Snyk; first seen counts when left out.
    pub configured_at: Option<DateTime<Utc>>,
    /// What the PAT must be allowed to do.
    pub permissions: Arc<PermissionSet>,
    /// The set-ups in Snyk; never empty.
    pub profiles: BTreeMap<ProfileName, Profile>,
    /// The Backstage catalog, where one is connected.
    pub backstage: Option<Backstage>,
    /// Repositories (`workspace/slug`) that Snyk is not expected to have.
    pub ignore: Globs,
    /// The asset's `sources` value that means "discovered by this integration", in place of the learned one.
    pub source: Option<String>,
}

/// One set-up of a Group integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its key in the configuration.
    pub name: ProfileName,
    /// The credential: our copy of the PAT, or an observer, as its role says.
    pub credential: Arc<Credential>,
    /// The workspaces it covers.
    pub workspaces: Workspaces,
}

/// The workspaces that a profile covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workspaces {
    /// Every workspace that the account sees, as Snyk's own profile does.
    All,
    /// These, by slug; never empty.
    Named(BTreeSet<WorkspaceSlug>),
}

/// The Backstage catalog of a Group integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backstage {
    /// The catalog file's name.
    pub file_name: String,
}

/// The Organization level of an integration.
#[derive(Debug, Clone, PartialEq)]
pub struct Organizations {
    /// The Snyk token that reads the Organizations.
    pub snyk: Arc<SnykEntry>,
    /// The credential saved in the Organizations unless `overrides` says otherwise.
    pub credential: Arc<Credential>,
    /// Which Organizations are looked at.
    pub discover: Discover,
    /// Organizations to leave out, by name or id.
    pub exclude: Globs,
    /// Organizations that must have an integration, by id or name, even if none was ever seen there.
    pub require: Vec<OrganizationRef>,
    /// Credentials of single Organizations.
    pub overrides: BTreeMap<OrganizationRef, Arc<Credential>>,
    /// How a Snyk webhook's URL looks, in place of the built-in pattern.
    pub webhook_url_pattern: Option<UrlPattern>,
    /// What the PAT must be allowed to do.
    pub permissions: Arc<PermissionSet>,
}

impl Organizations {
    /// Whether this Organization is left out by `exclude`.
    pub fn excludes(&self, id: OrganizationId, name: &str) -> bool {
        self.exclude.matches(name) || self.exclude.matches(&id.to_string())
    }

    /// How `require` and `overrides` name Organizations.
    pub fn names(&self) -> impl Iterator<Item = &OrganizationRef> {
        self.require.iter().chain(self.overrides.keys())
    }
}

/// Which Organizations are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discover {
    /// All that the Snyk token sees (with a Group: all of the Group).
    All,
    /// These alone.
    Listed(BTreeSet<OrganizationId>),
}

/// An Organization as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrganizationRef {
    /// By its UUID.
    Id(OrganizationId),
    /// By its name or slug.
    Name(String),
}

impl fmt::Display for OrganizationRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(formatter),
            Self::Name(name) => formatter.write_str(name),
        }
    }
}

/// A regular expression that compares by its text.
#[derive(Debug, Clone)]
pub struct UrlPattern(pub Regex);

impl PartialEq for UrlPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}
