//! What a page is made from, and the claims that several families of rules make.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::{Condition, ConditionState, Reason};
use crate::domain::evidence::Evidence;
use crate::domain::facts::{ScmAuthentication, SnykAuthentication};
use crate::domain::fleet::{Fleet, WatchedIntegration};
use crate::domain::incident::{IncidentKey, IncidentState, Subject};
use crate::domain::kinds::{Confidence, Source, Truth};
use crate::domain::names::{ApiName, CredentialName, IntegrationKey, IntegrationName};
use crate::domain::page::Claim;
use crate::domain::state::{IntegrationState, State};
use crate::domain::text::{is_blank, spaced};
use crate::domain::work::ProbeKind;
use crate::health::incidents::text::{capitalised, instant};
use crate::notify::situation::Situation;

/// How long an answer speaks for an API when the fleet does not say how often it is asked.
const ANSWER_COUNTS_FOR: TimeDelta = TimeDelta::minutes(15);

/// An incident, and all that is known.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) key: &'a IncidentKey,
    pub(super) incident: &'a IncidentState,
    pub(super) state: &'a State,
    pub(super) situation: &'a Situation<'a>,
}

impl<'a> Scene<'a> {
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.situation.now
    }

    pub(super) fn fleet(&self) -> &'a Fleet {
        self.situation.fleet
    }

    /// The configuration key it is about, where it is about one.
    pub(super) fn name(&self) -> Option<&'a IntegrationName> {
        match &self.key.subject {
            Subject::Integration(key) => Some(&key.integration),
            Subject::Workspace(name, _) | Subject::Organizations(name) => Some(name),
            Subject::Network | Subject::Credential(_) | Subject::Api(_) => None,
        }
    }

    /// The entries under `integrations` that are affected.
    pub(super) fn watched(&self) -> Vec<(&'a IntegrationName, &'a WatchedIntegration)> {
        let is_affected = |name: &IntegrationName| {
            self.incident.affected.iter().any(|key| key.integration == *name) || self.name() == Some(name)
        };
        self.fleet().integrations.iter().filter(|(name, _)| is_affected(name)).collect()
    }

    /// The integration whose conditions tell most: the Group if it is affected, else the first Organization.
    pub(super) fn first(&self) -> Option<&'a IntegrationKey> {
        let groups = self.incident.affected.iter().find(|key| key.organization.is_none());
        groups.or_else(|| self.incident.affected.first())
    }

    pub(super) fn integration(&self, key: &IntegrationKey) -> Option<&'a IntegrationState> {
        self.state.integrations.get(key)
    }

    pub(super) fn condition(&self, key: &IntegrationKey, condition: Condition) -> Option<&'a ConditionState> {
        self.integration(key)?.conditions.get(&condition)
    }

    /// A condition as a claim. One that was never observed is no evidence and no news.
    pub(super) fn claim(&self, key: &IntegrationKey, condition: Condition) -> Option<Claim> {
        let state = self.condition(key, condition)?;
        let says_nothing = state.message.is_empty() || state.reason == Reason::NotRotated;
        if says_nothing || (state.truth == Truth::Unknown && state.reason == Reason::NotObserved) {
            return None;
        }
        let unknown = if state.truth == Truth::Unknown { "Not known: " } else { "" };
        let weak = if state.confidence == Confidence::Weak { " (weak evidence)" } else { "" };
        let confirming = if state.confirming { "; a first rejection waits to be confirmed" } else { "" };
        let message = plain(&state.message);
        let message = if unknown.is_empty() { capitalised(&message) } else { message };
        let text = format!("{unknown}{message}{weak}{confirming}.");
        Some(Claim { text, source: state.source, observed_at: state.observed_at })
    }

    /// Since when the problem lasts: an observation from before says nothing about it. The rejection that showed it was
    /// observed moments before it was judged.
    fn onset(&self) -> DateTime<Utc> {
        let evidence = &self.state.evidence;
        let rejected_at = match &self.key.subject {
            Subject::Credential(name) => {
                let snyk = evidence.snyk_tokens.get(name).and_then(|book| book.authentication.as_ref());
                let snyk = snyk.filter(|known| matches!(known.value, SnykAuthentication::Rejected(_)));
                let scm = evidence.scm_credentials.get(name).and_then(|book| book.authentication.as_ref());
                let scm = scm.filter(|known| matches!(known.value, ScmAuthentication::Rejected(_)));
                snyk.map(|known| known.observed_at).or(scm.map(|known| known.observed_at))
            }
            _ => None,
        };
        rejected_at.map_or(self.incident.since, |at| at.min(self.incident.since))
    }

    /// Whether what was observed then speaks of the time of this problem.
    pub(super) fn is_since_onset(&self, observed_at: DateTime<Utc>) -> bool {
        observed_at >= self.onset()
    }

    /// What `condition` says is not the cause. Only what is proved, now, by what was observed since the onset.
    pub(super) fn cleared(&self, key: &IntegrationKey, condition: Condition) -> Option<String> {
        let state = self.condition(key, condition)?;
        let is_stale = state.valid_until.is_some_and(|until| until < self.now());
        // That no rotation is known is no proof of anything.
        if state.truth != Truth::True || is_stale || state.confirming || state.reason == Reason::NotRotated {
            return None;
        }
        let not = match (state.source, state.confidence) {
            (Source::Measured, Confidence::Strong) => "Not",
            _ => "Probably not",
        };
        let when = match (state.source, state.observed_at) {
            // The message itself says who says so.
            (Source::Declared, _) => String::new(),
            (_, Some(at)) if !self.is_since_onset(at) => return None,
            (Source::Inferred, Some(at)) => format!(" (inferred, {})", instant(at)),
            (Source::Measured, Some(at)) => format!(" ({})", instant(at)),
            // A proof has a time.
            (Source::Inferred | Source::Measured, None) => return None,
        };
        Some(format!("{not} {}: {}{when}.", blamed(condition), plain(&state.message)))
    }

    /// When an API last answered, if that was since the onset and so recent that neither it nor the network is the cause.
    pub(super) fn answered_at(&self, api: &ApiName) -> Option<DateTime<Utc>> {
        let facts = self.state.evidence.apis.get(api)?;
        let at = facts.last_conclusive_at.filter(|_| facts.inconclusive_since.is_none())?;
        if !self.is_since_onset(at) {
            return None;
        }
        let probes = [ProbeKind::SnykToken, ProbeKind::ScmCredential];
        let counts_for = probes.iter().filter_map(|kind| self.fleet().max_ages.get(kind)).min();
        let is_recent = self.now() - at <= counts_for.copied().unwrap_or(ANSWER_COUNTS_FOR);
        is_recent.then_some(at)
    }

    /// That APIs answer: neither they nor the network are the cause.
    pub(super) fn answers(&self, apis: impl IntoIterator<Item = &'a ApiName>) -> Option<String> {
        let answered = self.answered(apis).into_iter().map(|(api, at)| format!("{api} answered ({})", instant(at)));
        let answered: Vec<String> = answered.collect();
        (!answered.is_empty()).then(|| format!("Not the network or an outage: {}.", answered.join(", ")))
    }

    /// That APIs answer other requests than the one that is missing, which may fail by itself: no more than the way to
    /// them is ruled out.
    pub(super) fn answers_others(&self, apis: impl IntoIterator<Item = &'a ApiName>) -> Vec<String> {
        let answered = self.answered(apis).into_iter();
        answered
            .map(|(api, at)| format!("Not the connection to {api}: it answers other requests ({}).", instant(at)))
            .collect()
    }

    /// The APIs that answered since the onset, each once, and when.
    fn answered(&self, apis: impl IntoIterator<Item = &'a ApiName>) -> Vec<(&'a ApiName, DateTime<Utc>)> {
        let apis: BTreeSet<&ApiName> = apis.into_iter().collect();
        apis.into_iter().filter_map(|api| Some((api, self.answered_at(api)?))).collect()
    }

    /// The API of a Snyk token or an SCM credential.
    pub(super) fn api_of(&self, credential: &CredentialName) -> Option<&'a ApiName> {
        let snyk = self.fleet().snyk_tokens.get(credential).map(|token| &token.api);
        snyk.or_else(|| self.fleet().scm_credentials.get(credential).map(|credential| &credential.api))
    }

    /// The SCM credentials of the affected integrations, by configuration.
    pub(super) fn credentials(&self) -> Vec<&'a CredentialName> {
        if let Subject::Credential(name) = &self.key.subject {
            return vec![name];
        }
        let mut all = Vec::new();
        for key in &self.incident.affected {
            let Some(watched) = self.fleet().integrations.get(&key.integration) else { continue };
            match key.organization {
                None => {
                    let profiles = watched.group.iter().flat_map(|group| group.profiles.values());
                    all.extend(profiles.map(|profile| &profile.credential));
                }
                Some(organization) => {
                    all.extend(watched.organizations.iter().map(|watched| watched.credential_of(organization)));
                }
            }
        }
        all.sort();
        all.dedup();
        all
    }

    /// The name a person knows an Organization by (hostile text), else its id.
    pub(super) fn name_of(&self, key: &IntegrationKey) -> String {
        name_of(self.state, key)
    }
}

/// The name a person knows an Organization by (hostile text), else its id.
pub(super) fn name_of(state: &State, key: &IntegrationKey) -> String {
    let named = state.integrations.get(key).and_then(|state| state.snyk_name.as_deref());
    match (named.filter(|name| !is_blank(name)), key.organization) {
        (_, None) => key.to_string(),
        (Some(name), Some(_)) => plain(name),
        (None, Some(id)) => id.to_string(),
    }
}

/// A measured claim from a piece of evidence.
pub(super) fn measured<T>(evidence: &Evidence<T>, text: String) -> Claim {
    Claim { text, source: Source::Measured, observed_at: Some(evidence.observed_at) }
}

/// Text on one line: what a hostile name could break or turn a line with is gone.
pub(super) fn one_line(text: &str) -> String {
    spaced(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same, without a full stop at its end.
pub(super) fn plain(text: &str) -> String {
    one_line(text).trim_end_matches('.').to_owned()
}

/// What a person would suspect, were this condition false.
fn blamed(condition: Condition) -> &'static str {
    match condition {
        Condition::SnykAccessible => "our access to Snyk",
        Condition::CredentialValid => "the PAT",
        Condition::CredentialFresh => "an expired PAT",
        Condition::PermissionsGranted => "a missing permission",
        Condition::CredentialInStep => "an old copy of the PAT in Snyk",
        Condition::RepositoriesVisible => "the account's access to the repositories",
        Condition::InventoryPopulated => "an empty Inventory",
        Condition::InventoryComplete => "missing repositories",
        Condition::SyncCurrent => "a stalled synchronisation",
        Condition::CatalogLinked => "the catalog",
        Condition::IntegrationPresent => "a removed integration",
        Condition::RepositoriesImported => "the imports",
        Condition::TestsCurrent => "the daily tests",
        Condition::WebhooksInstalled => "the webhooks",
    }
}
