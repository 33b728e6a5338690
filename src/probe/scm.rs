//! The Git hosts: what every host's probes offer, and the registry of hosts.
//!
//! A host is one file (or folder) below, one client under `client/`, one arm in [`words_of`], and its permission table in
//! the domain. Nothing outside this folder knows one host from another.

pub mod bitbucket_cloud;

use std::collections::BTreeSet;
use std::fmt::Debug;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use regex::Regex;

use super::round::Round;
use crate::domain::evidence::{ProfileEvidence, ScmCredentialEvidence};
use crate::domain::facts::{PreviousSecret, Repository, WebhookCheck};
use crate::domain::fleet::ScmCredential;
use crate::domain::kinds::Scm;
use crate::domain::loss::ProfileMemory;
use crate::domain::names::{CredentialName, IntegrationName, ProfileName, RepositoryId, WorkspaceSlug};

/// A host as Snyk speaks of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScmWords {
    /// Snyk's integration type and project origin for a token.
    pub(super) integration_type: &'static str,
    /// The same for the host's app.
    pub(super) app_type: Option<&'static str>,
    /// The host in repository URLs.
    pub(super) repository_host: &'static str,
    /// What we assume Snyk calls it among an asset's sources.
    pub(super) assumed_source: &'static str,
}

impl ScmWords {
    /// Every type under which Snyk files this host's imports.
    pub(super) fn types(self) -> Vec<&'static str> {
        std::iter::once(self.integration_type).chain(self.app_type).collect()
    }
}

/// The registry of hosts.
pub(super) const fn words_of(scm: Scm) -> ScmWords {
    match scm {
        Scm::BitbucketCloud => bitbucket_cloud::WORDS,
    }
}

/// One credential and what is known about it.
#[derive(Debug, Clone)]
pub struct CredentialScope<'a> {
    /// Its configuration key.
    pub name: &'a CredentialName,
    /// What the fleet says of it.
    pub credential: &'a ScmCredential,
    /// Earlier evidence.
    pub known: Option<&'a ScmCredentialEvidence>,
    /// The workspaces it is used for, where they are known.
    pub workspaces: Vec<WorkspaceSlug>,
    /// What the Organizations that use it imported, where administrator rights are asked for: lower-case full names.
    pub imported: BTreeSet<String>,
    /// Whether some permission set asks for administrator rights.
    pub needs_administrator: bool,
    /// Whether a profile's probe proves what needs counting or reading; otherwise the credential's own probe must.
    pub has_profile: bool,
    /// Whether the secret is another than the one that earlier evidence was observed with.
    pub has_new_secret: bool,
}

/// One profile and what is known about it.
#[derive(Debug, Clone)]
pub struct ProfileScope<'a> {
    /// The integration.
    pub integration: &'a IntegrationName,
    /// The profile.
    pub profile: &'a ProfileName,
    /// Its credential; `workspaces` are the profile's own, empty for all that the account sees.
    pub credential: CredentialScope<'a>,
    /// Earlier evidence.
    pub known: Option<&'a ProfileEvidence>,
    /// What is remembered of its namespaces.
    pub memory: Option<&'a ProfileMemory>,
}

/// An imported repository whose webhooks are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampledRepository {
    /// The SCM's id, where known.
    pub id: Option<RepositoryId>,
    /// `workspace/slug`.
    pub full_name: String,
}

/// Whether a repository carries a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCheck {
    /// Which repository.
    pub repository: RepositoryId,
    /// Whether it carries the file.
    pub is_there: bool,
}

/// What is asked of a Git host with one credential. Each method takes findings and failures down in the round itself;
/// what is returned belongs to a finding that needs more than the host knows. `None`: the sample did not conclude.
pub trait ScmProbes: Debug + Send + Sync {
    /// Is the credential accepted, what is it granted, when does it expire.
    fn check_credential<'a>(&'a self, scope: CredentialScope<'a>, round: &'a mut Round) -> BoxFuture<'a, ()>;

    /// Whether the credential is still accepted, now that another one took its place. `None`: that did not conclude, or is
    /// not asked because a try that fails may lock the account.
    fn check_replaced<'a>(
        &'a self,
        scope: CredentialScope<'a>,
        round: &'a mut Round,
    ) -> BoxFuture<'a, Option<PreviousSecret>>;

    /// Membership, repositories and what only reading proves.
    fn check_profile<'a>(&'a self, scope: ProfileScope<'a>, round: &'a mut Round) -> BoxFuture<'a, ()>;

    /// The webhooks of these repositories.
    fn check_webhooks<'a>(
        &'a self,
        scope: CredentialScope<'a>,
        sample: Vec<SampledRepository>,
        pattern: Option<&'a Regex>,
        round: &'a mut Round,
    ) -> BoxFuture<'a, Option<Vec<WebhookCheck>>>;

    /// Which of these repositories carry the file at their root.
    fn check_file<'a>(
        &'a self,
        scope: CredentialScope<'a>,
        sample: Vec<&'a Repository>,
        file: &'a str,
        round: &'a mut Round,
    ) -> BoxFuture<'a, Option<Vec<FileCheck>>>;
}

/// Whether evidence of `max_age` should be renewed: it is past half its life, so that a lost round does no harm.
pub(super) fn is_due(observed_at: DateTime<Utc>, max_age: chrono::TimeDelta, now: DateTime<Utc>) -> bool {
    now - observed_at >= max_age / 2
}
