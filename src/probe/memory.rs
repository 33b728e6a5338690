//! What probes learn and keep for the life of the process: hints that spare requests, never evidence.
//!
//! Losing it costs a few requests, nothing else; that is why it is not stored. It survives a reload: a new
//! [`Prober`](super::Prober) is given the old one's memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::assumptions::AssumptionBook;
use super::round::{Round, sooner};
use crate::domain::evidence::EvidenceBook;
use crate::domain::facts::VersionEnding;
use crate::domain::names::{
    ApiName, CredentialName, GroupId, IntegrationName, ProfileName, RepositoryId, WorkspaceSlug,
};
use crate::domain::work::ProbeKind;

/// A stored announcement is withdrawn only by a round that comes this long after it was last seen: by then every kind
/// of probe has run in this process, the daily ones included.
const ANNOUNCEMENT_LASTS: TimeDelta = TimeDelta::hours(26);

/// Hints shared by all probes of a process.
#[derive(Debug, Default)]
pub struct ProbeMemory {
    /// What was seen of the facts we assume.
    pub assumptions: AssumptionBook,
    hints: Mutex<Hints>,
}

#[derive(Debug, Default)]
struct Hints {
    /// Whether Snyk's REST list of integrations answers this token; absent until tried.
    rest_integrations: BTreeMap<CredentialName, Availability>,
    /// Whether Bitbucket's issues were looked for with this credential.
    issues_tried: BTreeSet<CredentialName>,
    /// Repositories that the stated total counted and the last full walk did not list.
    unlisted: BTreeMap<(CredentialName, WorkspaceSlug), i64>,
    /// A workspace's stable id.
    workspace_ids: BTreeMap<(CredentialName, WorkspaceSlug), String>,
    /// When the endpoint of a Group's aliases last answered, even that it is not there.
    aliases_answered: BTreeMap<(IntegrationName, GroupId), DateTime<Utc>>,
    /// Repositories that an account administers, where it administers a part of them.
    administered: BTreeMap<(CredentialName, WorkspaceSlug), Administered>,
    /// The repository that was asked for last, of those that are seen no more.
    fate_asked: BTreeMap<(IntegrationName, ProfileName), RepositoryId>,
    /// The end that each kind of probe heard of.
    endings: BTreeMap<ApiName, BTreeMap<ProbeKind, Option<VersionEnding>>>,
}

/// The repositories of a workspace that an account administers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Administered {
    /// Lower-case `workspace/slug`. Shared: a workspace may have thousands.
    pub(super) names: Arc<BTreeSet<String>>,
    /// How many the list stated when they were listed: while it states as many, these are they.
    pub(super) stated: u64,
    /// When they were listed.
    pub(super) listed_at: DateTime<Utc>,
}

/// Whether an endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Availability {
    /// Not tried in this process.
    Untried,
    /// It answered.
    Available,
    /// It is not there for us.
    Unavailable,
}

impl ProbeMemory {
    fn hints(&self) -> MutexGuard<'_, Hints> {
        // Nothing panics while the lock is held, so a poisoned lock holds a sound value.
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rest_integrations(&self, token: &CredentialName) -> Availability {
        self.hints().rest_integrations.get(token).copied().unwrap_or(Availability::Untried)
    }

    pub(super) fn learn_rest_integrations(&self, token: &CredentialName, availability: Availability) {
        self.hints().rest_integrations.insert(token.clone(), availability);
    }

    /// Whether this is the first time in this process that somebody looks for this credential's issues.
    pub(super) fn is_first_look_for_issues(&self, credential: &CredentialName) -> bool {
        self.hints().issues_tried.insert(credential.clone())
    }

    pub(super) fn unlisted(&self, credential: &CredentialName, workspace: &WorkspaceSlug) -> i64 {
        self.hints().unlisted.get(&(credential.clone(), workspace.clone())).copied().unwrap_or_default()
    }

    pub(super) fn learn_unlisted(&self, credential: &CredentialName, workspace: &WorkspaceSlug, count: i64) {
        self.hints().unlisted.insert((credential.clone(), workspace.clone()), count);
    }

    /// When Snyk last told the aliases of a Group's assets, or that it does not tell them.
    pub(super) fn aliases_answered_at(&self, integration: &IntegrationName, group: GroupId) -> Option<DateTime<Utc>> {
        self.hints().aliases_answered.get(&(integration.clone(), group)).copied()
    }

    pub(super) fn aliases_answered(&self, integration: &IntegrationName, group: GroupId, at: DateTime<Utc>) {
        self.hints().aliases_answered.insert((integration.clone(), group), at);
    }

    /// Which repositories of a workspace the account administers, as far as that was listed.
    pub(super) fn administered(&self, credential: &CredentialName, workspace: &WorkspaceSlug) -> Option<Administered> {
        self.hints().administered.get(&(credential.clone(), workspace.clone())).cloned()
    }

    pub(super) fn learn_administered(
        &self,
        credential: &CredentialName,
        workspace: &WorkspaceSlug,
        administered: Administered,
    ) {
        self.hints().administered.insert((credential.clone(), workspace.clone()), administered);
    }

    /// For which of the repositories that are seen no more the host was asked last.
    pub(super) fn fate_asked(&self, integration: &IntegrationName, profile: &ProfileName) -> Option<RepositoryId> {
        self.hints().fate_asked.get(&(integration.clone(), profile.clone())).cloned()
    }

    pub(super) fn learn_fate_asked(&self, integration: &IntegrationName, profile: &ProfileName, id: &RepositoryId) {
        self.hints().fate_asked.insert((integration.clone(), profile.clone()), id.clone());
    }

    pub(super) fn workspace_id(&self, credential: &CredentialName, workspace: &WorkspaceSlug) -> Option<String> {
        self.hints().workspace_ids.get(&(credential.clone(), workspace.clone())).cloned()
    }

    pub(super) fn learn_workspace_id(&self, credential: &CredentialName, workspace: &WorkspaceSlug, id: &str) {
        self.hints().workspace_ids.insert((credential.clone(), workspace.clone()), id.to_owned());
    }

    /// The versions' ends to announce after this round. Endpoints of one API end at different times, so what one kind
    /// of probe hears never withdraws what another heard.
    pub(super) fn endings_to_announce(
        &self,
        kind: ProbeKind,
        round: &Round,
        book: &EvidenceBook,
    ) -> BTreeMap<ApiName, Option<VersionEnding>> {
        let mut hints = self.hints();
        let mut announced = BTreeMap::new();
        for (api, ending) in round.endings() {
            let heard = hints.endings.entry(api.clone()).or_default();
            heard.insert(kind, ending.clone());
            let soonest = heard.values().cloned().fold(None, sooner);
            let stored = book.apis.get(api).and_then(|facts| facts.version_ending.as_ref());
            let is_recent = stored.is_some_and(|stored| round.started_at - stored.seen_at < ANNOUNCEMENT_LASTS);
            if soonest.is_some() || !is_recent {
                announced.insert(api.clone(), soonest);
            }
        }
        announced
    }
}
