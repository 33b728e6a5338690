//! What the rules look at: the state and the fleet, with an index of what hangs on each credential and API.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::fleet::{Fleet, WatchedIntegration, WatchedOrganizations};
use crate::domain::incident::{IncidentKey, IncidentState, Rule, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::{ApiName, CredentialName, IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::policy::{Case, RuleTiming};
use crate::domain::state::{IntegrationState, State};
use crate::health::resume::{self, ASKING_AGAIN};

/// What hangs on one credential or API.
#[derive(Debug, Clone, Default)]
pub(super) struct Dependents {
    /// Configuration keys that name it, whether or not an Organization was seen yet.
    pub(super) names: BTreeSet<IntegrationName>,
    /// Watched integrations.
    pub(super) keys: BTreeSet<IntegrationKey>,
}

impl Dependents {
    fn add(&mut self, key: &IntegrationKey) {
        self.names.insert(key.integration.clone());
        self.keys.insert(key.clone());
    }
}

/// The state of things at one instant.
pub(super) struct Inputs<'a> {
    pub(super) state: &'a State,
    pub(super) fleet: &'a Fleet,
    pub(super) now: DateTime<Utc>,
    /// By Snyk token or SCM credential.
    pub(super) credentials: BTreeMap<CredentialName, Dependents>,
    /// By API.
    pub(super) apis: BTreeMap<ApiName, Dependents>,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(state: &'a State, fleet: &'a Fleet, now: DateTime<Utc>) -> Self {
        let mut inputs = Self { state, fleet, now, credentials: BTreeMap::new(), apis: BTreeMap::new() };
        for (name, integration) in &fleet.integrations {
            inputs.index(name, integration);
        }
        inputs
    }

    fn index(&mut self, name: &IntegrationName, integration: &WatchedIntegration) {
        if let Some(group) = &integration.group {
            let key = IntegrationKey::group(name.clone());
            self.depend(&group.snyk, &key);
            for profile in group.profiles.values() {
                self.depend(&profile.credential, &key);
            }
        }
        if let Some(organizations) = &integration.organizations {
            let named = [&organizations.snyk, &organizations.credential];
            for credential in named.into_iter().chain(organizations.overrides.values()) {
                self.credentials.entry(credential.clone()).or_default().names.insert(name.clone());
            }
            // Where nothing is to be watched, nothing is at stake.
            let at_stake = self.organizations(name, organizations);
            for (organization, _) in at_stake.into_iter().filter(|(_, state)| !state.organization.nothing_to_watch) {
                let key = IntegrationKey::organization(name.clone(), organization);
                self.depend(&organizations.snyk, &key);
                self.depend(organizations.credential_of(organization), &key);
            }
        }
    }

    fn depend(&mut self, credential: &CredentialName, key: &IntegrationKey) {
        self.credentials.entry(credential.clone()).or_default().add(key);
        let snyk = self.fleet.snyk_tokens.get(credential).map(|token| &token.api);
        let scm = || self.fleet.scm_credentials.get(credential).map(|credential| &credential.api);
        if let Some(api) = snyk.or_else(scm) {
            self.apis.entry(api.clone()).or_default().add(key);
        }
    }

    /// The watched Organizations of a configuration key.
    pub(super) fn organizations(
        &self,
        name: &IntegrationName,
        watched: &WatchedOrganizations,
    ) -> Vec<(OrganizationId, &'a IntegrationState)> {
        let lowest = IntegrationKey { integration: name.clone(), organization: None };
        let of_this = self.state.integrations.range(lowest..).take_while(|(key, _)| key.integration == *name);
        let organizations = of_this.filter_map(|(key, state)| key.organization.map(|id| (id, state)));
        organizations.filter(|(id, _)| !watched.leaves_out(*id)).collect()
    }

    /// The state of one integration, if it was evaluated at all.
    pub(super) fn integration(&self, key: &IntegrationKey) -> Option<&'a IntegrationState> {
        self.state.integrations.get(key)
    }

    /// The incident as it stood before.
    pub(super) fn incident(&self, key: &IncidentKey) -> Option<&'a IncidentState> {
        self.state.incidents.get(key)
    }

    /// Whether the configuration still asks for incidents of this rule and subject. What is watched and was not looked
    /// at cannot be told, and is not resolved by that.
    pub(super) fn is_watched(&self, key: &IncidentKey) -> bool {
        let integration = |name: &IntegrationName| self.fleet.integrations.get(name);
        let group = |name: &IntegrationName| integration(name).and_then(|integration| integration.group.as_ref());
        match &key.subject {
            Subject::Credential(name) => self.dependents(name).is_some(),
            Subject::Network => self.both_ends_are_watched(),
            Subject::Api(name) => self.apis.contains_key(name),
            Subject::Workspace(name, slug) => group(name)
                .is_some_and(|group| group.profiles.values().any(|profile| profile.workspaces.contains(slug))),
            Subject::Integration(key_of) => group(&key_of.integration)
                .is_some_and(|group| key.rule != Rule::CatalogNotLinked || group.catalog_file.is_some()),
            Subject::Organizations(name) => {
                integration(name).is_some_and(|integration| integration.organizations.is_some())
            }
        }
    }

    /// Whether APIs of two vendors are asked, Snyk's and a Git host's: nothing but the way to them is common to both.
    pub(super) fn both_ends_are_watched(&self) -> bool {
        let is_watched = |api: &ApiName| self.apis.contains_key(api);
        self.fleet.snyk_tokens.values().any(|token| is_watched(&token.api))
            && self.fleet.scm_credentials.values().any(|credential| is_watched(&credential.api))
    }

    /// What hangs on a credential; `None` when no integration names it.
    pub(super) fn dependents(&self, credential: &CredentialName) -> Option<&Dependents> {
        self.credentials.get(credential).filter(|dependents| !dependents.names.is_empty())
    }

    /// The timing of a rule about one configuration key.
    pub(super) fn timing(&self, name: &IntegrationName, rule: Rule, case: Case) -> RuleTiming {
        let integration = self.fleet.integrations.get(name);
        integration.map_or(&self.fleet.rules, |integration| &integration.rules).timing(rule, case)
    }

    /// The timing of a rule about a credential or an API, whoever hangs on it.
    pub(super) fn shared_timing(&self, rule: Rule, case: Case) -> RuleTiming {
        self.fleet.rules.timing(rule, case)
    }

    /// The truths and reasons of a condition over some integrations.
    pub(super) fn conditions<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k IntegrationKey>,
        condition: Condition,
    ) -> Vec<(&'k IntegrationKey, Truth, Reason)> {
        let judged = |key: &'k IntegrationKey| {
            let state = self.integration(key)?.conditions.get(&condition)?;
            Some((key, state.truth, state.reason))
        };
        keys.into_iter().filter_map(judged).collect()
    }

    /// Whether our clock and the API's differ too much for a verdict about dates.
    pub(super) fn is_skewed(&self, api: &ApiName) -> bool {
        self.state.evidence.clock_off_at(api, self.fleet.thresholds.clock_skew, self.now).is_some()
    }

    /// Whether nothing may open or grow worse by this rule because of time alone: our clock is wrong, or nobody confirmed it yet. What
    /// counts how long we tried counts a span, which a wrong clock does not change.
    pub(super) fn is_time_in_doubt(&self, rule: Rule) -> bool {
        !resume::counts_trying(rule) && self.state.evidence.is_clock_doubtful(self.fleet.thresholds.clock_skew)
    }

    /// Whether an incident that was pending before a gap rests on what was not asked again since: it may be over.
    pub(super) fn may_be_over(
        &self,
        subject: &Subject,
        affected: &BTreeSet<IntegrationKey>,
        since: DateTime<Utc>,
    ) -> bool {
        let Some(resumed_at) = self.state.attention.gaps.last().map(|gap| gap.to) else { return false };
        if since >= resumed_at || self.age(resumed_at) >= ASKING_AGAIN {
            return false;
        }
        let asks_again =
            |key: &IntegrationKey| self.integration(key).is_some_and(|state| state.asking_again_since.is_some());
        match subject {
            Subject::Credential(name) => !self.was_asked_since(name, resumed_at),
            // Its own clock stood still.
            Subject::Network | Subject::Api(_) => false,
            Subject::Workspace(name, _) => asks_again(&IntegrationKey::group(name.clone())),
            Subject::Integration(key) => asks_again(key),
            Subject::Organizations(_) => affected.iter().any(asks_again),
        }
    }

    fn was_asked_since(&self, credential: &CredentialName, resumed_at: DateTime<Utc>) -> bool {
        let evidence = &self.state.evidence;
        let snyk = evidence.snyk_tokens.get(credential).and_then(|token| token.authentication.as_ref());
        let scm = evidence.scm_credentials.get(credential).and_then(|credential| credential.authentication.as_ref());
        let asked = [snyk.map(|evidence| evidence.observed_at), scm.map(|evidence| evidence.observed_at)];
        asked.into_iter().flatten().any(|at| at >= resumed_at)
    }

    /// For how long an incident lasts whose cause began `since`, as far as that counts: where only the time of trying
    /// does, not while nobody watched. What began after the last such time was watched all the time.
    pub(super) fn counted(&self, key: &IncidentKey, since: DateTime<Utc>) -> TimeDelta {
        let resumed_at = self.state.attention.gaps.last().map(|gap| gap.to);
        let unwatched = self.incident(key).map(|incident| incident.tracking.unwatched);
        let unwatched = unwatched.filter(|_| resumed_at.is_none_or(|resumed_at| since < resumed_at));
        self.age(since) - unwatched.unwrap_or_default()
    }

    /// How long ago.
    pub(super) fn age(&self, at: DateTime<Utc>) -> TimeDelta {
        self.now - at
    }
}
