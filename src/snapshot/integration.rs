//! The view of an integration: its status, its conditions as a checklist, its progress.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::Own;
use super::tally::Tally;
use crate::domain::condition::{Condition, ConditionState, Reason};
use crate::domain::evidence::OrganizationEvidence;
use crate::domain::fleet::{Fleet, WatchedGroup, WatchedIntegration, WatchedOrganizations};
use crate::domain::kinds::{Confidence, Level, Scm, Source, Truth};
use crate::domain::names::{CredentialName, GroupId, IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::state::{IntegrationState, MissingRepository, State, SyncProgress};
use crate::domain::status::{Status, StatusState};

/// One integration at one level.
#[derive(Debug, Clone, Serialize)]
pub struct IntegrationView {
    /// What it is.
    #[serde(flatten)]
    pub identity: Identity,
    /// The status as it stands; an integration that was never evaluated is unknown.
    pub status: StatusState,
    /// Whether all it rests on was observed before this process began, or before a gap: restored, and not yet seen again.
    pub restored: bool,
    /// Its conditions, in the order in which a person checks them.
    pub conditions: Vec<ConditionView>,
    /// Synchronisation progress; Group level only.
    pub progress: Option<ProgressView>,
    /// Counts of what was imported; Organization level only, `None` until observed.
    pub tally: Option<Tally>,
    /// `connected` counts as the last time it was once it has held for so long.
    #[serde(skip)]
    pub connected_for: TimeDelta,
}

/// What an integration is, as opposed to how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The configuration key.
    pub integration: IntegrationName,
    /// Its level.
    pub level: Level,
    /// The Organization; `None` at Group level.
    pub organization: Option<OrganizationId>,
    /// The name Snyk gives the Organization; hostile text.
    pub organization_name: Option<String>,
    /// The Group, where the configuration names one.
    pub group: Option<GroupId>,
    /// The name Snyk gives the Group; hostile text.
    pub group_name: Option<String>,
    /// The Git host.
    pub scm: Scm,
    /// Who is responsible.
    pub owner: Option<String>,
    /// The Snyk token it is watched with.
    pub snyk: CredentialName,
    /// The SCM credentials it hangs on: one for each profile of a Group, one for an Organization.
    pub credentials: Vec<CredentialName>,
}

/// One line of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionView {
    /// Which condition.
    pub condition: Condition,
    /// How it stands.
    #[serde(flatten)]
    pub state: ConditionState,
}

/// Synchronisation progress and its lists.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProgressView {
    /// Eligible repositories that have an asset.
    pub found: usize,
    /// Eligible repositories without one.
    pub missing: usize,
    /// Assets that Snyk removed.
    pub removed: usize,
    /// Repositories that are not judged.
    pub ignored: usize,
    /// `found / (found + missing)`; `None` with nothing eligible.
    pub ratio: Option<f64>,
    /// Repositories that arrived in an hour, during the first fill.
    pub arrivals_per_hour: Option<f64>,
    /// The first fill is expected to be complete no earlier than this.
    pub completion_expected_from: Option<DateTime<Utc>>,
    /// And no later than this.
    pub completion_expected_by: Option<DateTime<Utc>>,
    /// Worst lag, in seconds.
    pub lag_seconds: Option<u64>,
    /// 95th-percentile lag, in seconds.
    pub lag_p95_seconds: Option<u64>,
    /// The last sync seen.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// When the next is expected.
    pub next_expected_at: Option<DateTime<Utc>>,
    /// Which are missing, with why where Snyk says so; hostile text.
    pub missing_repositories: Arc<Vec<MissingRepository>>,
    /// Whose change has not arrived yet, oldest first; hostile text.
    pub laggards: Arc<Vec<MissingRepository>>,
}

impl ProgressView {
    /// Whether `before` shows `progress`, without copying its lists.
    fn shows(progress: &SyncProgress, before: &Self) -> bool {
        *before.missing_repositories == progress.missing_repositories
            && *before.laggards == progress.laggards
            && Self::new(progress, Some(before)) == *before
    }

    fn new(progress: &SyncProgress, before: Option<&Self>) -> Self {
        let share = |now: &Vec<MissingRepository>, list: fn(&Self) -> &Arc<Vec<MissingRepository>>| {
            let same = before.map(list).filter(|before| ***before == *now);
            same.map_or_else(|| Arc::new(now.clone()), Arc::clone)
        };
        Self {
            found: progress.found,
            missing: progress.missing,
            removed: progress.removed,
            ignored: progress.ignored,
            ratio: progress.ratio,
            arrivals_per_hour: progress.arrivals_per_hour,
            completion_expected_from: progress.completion_expected.map(|(earliest, _)| earliest),
            completion_expected_by: progress.completion_expected.map(|(_, latest)| latest),
            lag_seconds: progress.lag_seconds,
            lag_p95_seconds: progress.lag_p95_seconds,
            last_seen_at: progress.last_seen_at,
            next_expected_at: progress.next_expected_at,
            missing_repositories: share(&progress.missing_repositories, |view| &view.missing_repositories),
            laggards: share(&progress.laggards, |view| &view.laggards),
        }
    }
}

impl IntegrationView {
    /// Its identity as a key.
    pub fn key(&self) -> IntegrationKey {
        IntegrationKey { integration: self.identity.integration.clone(), organization: self.identity.organization }
    }

    /// The name a person knows it by: the Organization's, else the configuration key; hostile text.
    pub fn title(&self) -> String {
        let integration = &self.identity.integration;
        match (&self.identity.organization_name, self.identity.organization) {
            (Some(name), _) => format!("{integration} / {name}"),
            (None, Some(organization)) => format!("{integration} / {organization}"),
            (None, None) => integration.to_string(),
        }
    }
}

/// Everything one view is made of, borrowed.
struct Parts<'a> {
    identity: Identity,
    state: Option<&'a IntegrationState>,
    imports: Option<&'a OrganizationEvidence>,
    catalog: bool,
    connected_for: TimeDelta,
    own: &'a Own,
}

impl Parts<'_> {
    fn view(self, before: Option<&Arc<IntegrationView>>) -> Arc<IntegrationView> {
        let restored = self.restored();
        if let Some(before) = before
            && before.restored == restored
            && before.identity == self.identity
            && before.connected_for == self.connected_for
            && self.is_shown_by(before)
        {
            return Arc::clone(before);
        }
        let since = self.state.map_or(self.own.started_at, |state| state.first_seen_at);
        Arc::new(IntegrationView {
            status: self.state.and_then(|state| state.status.clone()).unwrap_or_else(|| never_evaluated(since)),
            restored,
            conditions: self.conditions(since),
            progress: self
                .progress()
                .map(|progress| ProgressView::new(progress, before.and_then(|before| before.progress.as_ref()))),
            tally: self
                .imports
                .and_then(|evidence| Tally::new(evidence, before.and_then(|before| before.tally.as_ref()))),
            connected_for: self.connected_for,
            identity: self.identity,
        })
    }

    /// Compares in place: nothing is copied for an integration that shows nothing new.
    fn is_shown_by(&self, before: &IntegrationView) -> bool {
        let Some(state) = self.state else { return false };
        let conditions = self.expected().filter_map(|condition| state.conditions.get_key_value(&condition));
        let progress = match (self.progress(), &before.progress) {
            (Some(now), Some(before)) => ProgressView::shows(now, before),
            (now, before) => now.is_none() && before.is_none(),
        };
        state.status.as_ref() == Some(&before.status)
            && before.conditions.iter().map(|view| (&view.condition, &view.state)).eq(conditions)
            && progress
            && match self.imports {
                None => before.tally.is_none(),
                Some(evidence) => Tally::is_of(before.tally.as_ref(), evidence),
            }
    }

    /// Synchronisation belongs to Groups, whatever the state of an Organization may hold.
    fn progress(&self) -> Option<&SyncProgress> {
        let state = self.state.filter(|_| self.identity.level == Level::Group);
        state.and_then(|state| state.progress.as_ref())
    }

    fn expected(&self) -> impl Iterator<Item = Condition> + use<> {
        let catalog = self.catalog;
        let conditions = Condition::of(self.identity.level).iter().copied();
        conditions.filter(move |condition| catalog || *condition != Condition::CatalogLinked)
    }

    fn conditions(&self, since: DateTime<Utc>) -> Vec<ConditionView> {
        let conditions = self.expected().map(|condition| {
            let state = self.state.and_then(|state| state.conditions.get(&condition));
            ConditionView { condition, state: state.cloned().unwrap_or_else(|| never_observed(since)) }
        });
        conditions.collect()
    }

    fn restored(&self) -> bool {
        if self.state.and_then(|state| state.status.as_ref()).is_some_and(|status| status.restored) {
            return true;
        }
        let observed = self.state.into_iter().flat_map(|state| state.conditions.values());
        observed.filter_map(|condition| condition.observed_at).max().is_some_and(|latest| latest < self.own.started_at)
    }
}

fn never_evaluated(since: DateTime<Utc>) -> StatusState {
    StatusState {
        status: Status::Unknown,
        reason: Reason::NotObserved,
        message: "Not evaluated yet.".to_owned(),
        next_step: None,
        confidence: Confidence::Strong,
        since,
        known: None,
        last_connected_at: None,
        last_proof_of_life_at: None,
        valid_until: None,
        restored: false,
    }
}

fn never_observed(since: DateTime<Utc>) -> ConditionState {
    ConditionState {
        truth: Truth::Unknown,
        reason: Reason::NotObserved,
        message: "Not observed yet.".to_owned(),
        since,
        source: Source::Inferred,
        confidence: Confidence::Strong,
        confirming: false,
        observed_at: None,
        valid_until: None,
        proof: None,
        observed_revision: None,
        restored: false,
    }
}

/// The views of all watched integrations, in the order of their keys.
pub(super) fn views(
    fleet: &Fleet,
    state: &State,
    before: &BTreeMap<IntegrationKey, &Arc<IntegrationView>>,
    own: &Own,
) -> Vec<Arc<IntegrationView>> {
    let mut views = Vec::with_capacity(state.integrations.len());
    for (name, watched) in &fleet.integrations {
        let connected_for = watched.thresholds.connected_for;
        let group_key = IntegrationKey::group(name.clone());
        let group_state = state.integrations.get(&group_key);
        let group_name = group_state.and_then(|group| group.snyk_name.clone());
        if let Some(group) = &watched.group {
            let identity = group_identity(name, watched, group, group_name.clone());
            let catalog = group.catalog_file.is_some();
            let parts = Parts { identity, state: group_state, imports: None, catalog, connected_for, own };
            views.push(parts.view(before.get(&group_key).copied()));
        }
        let Some(organizations) = &watched.organizations else { continue };
        for (organization, organization_state) in watched_organizations(name, organizations, state) {
            let key = IntegrationKey::organization(name.clone(), organization);
            let identity = Identity {
                integration: name.clone(),
                level: Level::Organization,
                organization: Some(organization),
                organization_name: organization_state.and_then(|organization| organization.snyk_name.clone()),
                group: watched.group.as_ref().map(|group| group.id),
                group_name: group_name.clone(),
                scm: watched.scm,
                owner: watched.owner.clone(),
                snyk: organizations.snyk.clone(),
                credentials: vec![organizations.credential_of(organization).clone()],
            };
            let imports = state.evidence.organizations.get(&key);
            let parts = Parts { identity, state: organization_state, imports, catalog: false, connected_for, own };
            views.push(parts.view(before.get(&key).copied()));
        }
    }
    views
}

fn group_identity(
    name: &IntegrationName,
    watched: &WatchedIntegration,
    group: &WatchedGroup,
    group_name: Option<String>,
) -> Identity {
    let mut credentials: Vec<_> = group.profiles.values().map(|profile| profile.credential.clone()).collect();
    credentials.sort_unstable();
    credentials.dedup();
    Identity {
        integration: name.clone(),
        level: Level::Group,
        organization: None,
        organization_name: None,
        group: Some(group.id),
        group_name,
        scm: watched.scm,
        owner: watched.owner.clone(),
        snyk: group.snyk.clone(),
        credentials,
    }
}

/// Those that are watched, and those that must be.
fn watched_organizations<'a>(
    name: &'a IntegrationName,
    watched: &'a WatchedOrganizations,
    state: &'a State,
) -> BTreeMap<OrganizationId, Option<&'a IntegrationState>> {
    let first = IntegrationKey::organization(name.clone(), OrganizationId(Uuid::nil()));
    let known = state.integrations.range(first..).take_while(|(key, _)| key.integration == *name);
    let known = known.filter_map(|(key, state)| key.organization.map(|organization| (organization, Some(state))));
    let mut organizations: BTreeMap<_, _> = known.filter(|(id, _)| !watched.leaves_out(*id)).collect();
    for required in &watched.require {
        organizations.entry(*required).or_insert(None);
    }
    organizations
}
