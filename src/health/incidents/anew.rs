//! Whether everything that is known of a subject was observed since an instant.
//!
//! What is too old to be used counts for nothing, and holds nothing up: no verdict rests on it.

use chrono::{DateTime, Utc};

use super::inputs::Inputs;
use crate::domain::evidence::{Book, GroupEvidence, fresh};
use crate::domain::fleet::WatchedProfile;
use crate::domain::names::{ApiName, CredentialName, IntegrationKey, IntegrationName, ProfileName, WorkspaceSlug};

/// What was observed since then.
#[derive(Clone, Copy)]
pub(super) struct Anew<'a> {
    pub(super) inputs: &'a Inputs<'a>,
    pub(super) since: DateTime<Utc>,
}

impl Anew<'_> {
    /// Something was observed, and all that is in use since then.
    fn book(self, book: Option<&(impl Book + ?Sized)>) -> bool {
        let oldest = book.and_then(|book| book.oldest_in_use(self.inputs.now));
        oldest.is_some_and(|at| at >= self.since)
    }

    /// An API answered.
    pub(super) fn api(self, name: &ApiName) -> bool {
        let facts = self.inputs.state.evidence.apis.get(name);
        facts.and_then(|facts| facts.last_conclusive_at).is_some_and(|at| at >= self.since)
    }

    /// An API gave no usable answer.
    pub(super) fn failed(self, name: &ApiName) -> bool {
        let facts = self.inputs.state.evidence.apis.get(name);
        facts.and_then(|facts| facts.last_failed_at).is_some_and(|at| at >= self.since)
    }

    /// A Snyk token or an SCM credential.
    pub(super) fn credential(self, name: &CredentialName) -> bool {
        let evidence = &self.inputs.state.evidence;
        if self.inputs.fleet.snyk_tokens.contains_key(name) {
            self.book(evidence.snyk_tokens.get(name))
        } else {
            self.book(evidence.scm_credentials.get(name))
        }
    }

    /// Everything that hangs on a credential.
    pub(super) fn dependents(self, name: &CredentialName) -> bool {
        self.inputs.dependents(name).is_some_and(|dependents| dependents.keys.iter().all(|key| self.integration(key)))
    }

    /// An integration, with the credentials that it is seen by.
    pub(super) fn integration(self, key: &IntegrationKey) -> bool {
        let Some(organization) = key.organization else { return self.group(&key.integration) };
        let watched = self.inputs.fleet.integrations.get(&key.integration);
        watched.and_then(|watched| watched.organizations.as_ref()).is_some_and(|watched| {
            self.book(self.inputs.state.evidence.organizations.get(key))
                && self.credential(&watched.snyk)
                && self.credential(watched.credential_of(organization))
        })
    }

    /// A Group integration with all of its profiles.
    pub(super) fn group(self, name: &IntegrationName) -> bool {
        let watched = self.inputs.fleet.integrations.get(name).and_then(|watched| watched.group.as_ref());
        watched.is_some_and(|watched| {
            self.book(self.evidence(name))
                && self.credential(&watched.snyk)
                && watched.profiles.iter().all(|(profile, watched)| self.profile(name, profile, watched))
        })
    }

    /// The profiles that cover a namespace.
    pub(super) fn workspace(self, name: &IntegrationName, slug: &WorkspaceSlug) -> bool {
        let watched = self.inputs.fleet.integrations.get(name).and_then(|watched| watched.group.as_ref());
        // With none configured it covers all of its account.
        let covers = |watched: &WatchedProfile| watched.workspaces.is_empty() || watched.workspaces.contains(slug);
        watched.is_some_and(|watched| {
            let mut covering = watched.profiles.iter().filter(|(_, watched)| covers(watched)).peekable();
            covering.peek().is_some() && covering.all(|(profile, watched)| self.profile(name, profile, watched))
        })
    }

    /// Each Organization that is watched, and who they are.
    pub(super) fn organizations(self, name: &IntegrationName) -> bool {
        let watched = self.inputs.fleet.integrations.get(name).and_then(|watched| watched.organizations.as_ref());
        let listing = self.evidence(name).and_then(|group| fresh(&group.organizations, self.inputs.now));
        listing.is_none_or(|listing| listing.observed_at >= self.since)
            && watched.is_none_or(|watched| {
                let key = |organization| IntegrationKey::organization(name.clone(), organization);
                watched.asked.iter().all(|organization| self.integration(&key(*organization)))
            })
    }

    /// The list of the Organizations of a Group.
    pub(super) fn listing(self, name: &IntegrationName) -> bool {
        let listing = self.evidence(name).and_then(|group| group.organizations.as_ref());
        listing.is_some_and(|listing| listing.observed_at >= self.since)
    }

    fn profile(self, name: &IntegrationName, profile: &ProfileName, watched: &WatchedProfile) -> bool {
        let evidence = self.evidence(name).and_then(|group| group.profiles.get(profile));
        self.book(evidence) && self.credential(&watched.credential)
    }

    fn evidence(&self, name: &IntegrationName) -> Option<&GroupEvidence> {
        self.inputs.state.evidence.groups.get(name)
    }
}
