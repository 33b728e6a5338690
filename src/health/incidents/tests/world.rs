//! A world to tell stories in. Every evaluation is repeated, and stored and restored, on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::domain::condition::{Condition, ConditionState, Reason};
use crate::domain::evidence::Evidence;
use crate::domain::facts::{
    ApiFacts, OrganizationImports, OrganizationListing, PermissionProof, Target, WorkspaceFact,
};
use crate::domain::fleet::{
    Fleet, ScmCredential, SnykToken, Thresholds, WatchedGroup, WatchedIntegration, WatchedOrganizations, WatchedProfile,
};
use crate::domain::incident::{IncidentState, Rule};
use crate::domain::kinds::{Confidence, Role, Scm, Source, Truth};
use crate::domain::names::{
    ApiName, CredentialName, GroupId, IntegrationKey, IntegrationName, OrganizationId, Revision,
};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::policy::RulePolicy;
use crate::domain::rotation::{OldToken, Rotation, RotationSource, Saved};
use crate::domain::state::{
    Change, CredentialState, CredentialVerdict, FalseReadings, IntegrationState, State, Transition,
};
use crate::domain::status::{KnownStatus, Status, StatusState};
use crate::domain::work::ProbeKind;
use crate::health::incidents::evaluate;

pub(super) struct World {
    pub(super) state: State,
    pub(super) fleet: Fleet,
    pub(super) now: DateTime<Utc>,
}

pub(super) fn start() -> DateTime<Utc> {
    "2026-11-20T09:00:00Z".parse().unwrap()
}

pub(super) fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

pub(super) fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

pub(super) fn name() -> IntegrationName {
    "acme-bitbucket".into()
}

pub(super) fn pat() -> CredentialName {
    "bitbucket-acme".into()
}

pub(super) fn snyk() -> CredentialName {
    "acme-us".into()
}

pub(super) fn group() -> IntegrationKey {
    IntegrationKey::group(name())
}

pub(super) fn id(number: u128) -> OrganizationId {
    OrganizationId(Uuid::from_u128(number))
}

pub(super) fn organization(number: u128) -> IntegrationKey {
    IntegrationKey::organization(name(), id(number))
}

impl World {
    /// One Group and so many Organizations, all well and known for long.
    pub(super) fn new(organizations: u128) -> Self {
        let integration = WatchedIntegration {
            scm: Scm::BitbucketCloud,
            owner: None,
            group: Some(WatchedGroup {
                snyk: snyk(),
                id: GroupId(Uuid::nil()),
                configured_at: None,
                permissions: PermissionSet::pilot_guide(),
                group_permissions: PermissionSet::group(),
                profiles: BTreeMap::from([(
                    "main".into(),
                    WatchedProfile { credential: pat(), workspaces: BTreeSet::from(["acme".into()]) },
                )]),
                catalog_file: Some("catalog-info.yaml".to_owned()),
                ignore: Vec::new(),
            }),
            organizations: Some(WatchedOrganizations {
                snyk: snyk(),
                credential: pat(),
                overrides: BTreeMap::new(),
                require: BTreeSet::new(),
                asked: BTreeSet::new(),
                discover: None,
                excluded: BTreeSet::new(),
                named: BTreeMap::new(),
                permissions: PermissionSet::organization(),
            }),
            thresholds: Thresholds::default(),
            rules: RulePolicy::default(),
        };
        let credential = ScmCredential {
            scm: Scm::BitbucketCloud,
            api: "bitbucket-cloud".into(),
            role: Role::Integration,
            kind: "api_token".to_owned(),
            expires_at: None,
            rotated_at: None,
            token_version: None,
            refused: None,
            host: Revision::default(),
            revision: Revision::default(),
            listing: None,
        };
        let fleet = Fleet {
            snyk_tokens: BTreeMap::from([(
                snyk(),
                SnykToken {
                    api: "snyk/acme-us".into(),
                    app_root: None,
                    token_version: None,
                    refused: None,
                    host: Revision::default(),
                    revision: Revision::default(),
                },
            )]),
            scm_credentials: BTreeMap::from([(pat(), credential)]),
            integrations: BTreeMap::from([(name(), integration)]),
            apis: BTreeMap::new(),
            rules: RulePolicy::default(),
            thresholds: Thresholds::default(),
            max_ages: BTreeMap::new(),
        };
        let mut world = Self { state: State::default(), fleet, now: start() };
        for credential in [pat(), snyk()] {
            world.state.credentials.insert(credential.clone(), CredentialState::default());
            world.accept(&credential);
        }
        for key in (1..=organizations).map(organization).chain([group()]) {
            let mut state = IntegrationState::new(start() - TimeDelta::days(90));
            state.organization.was_present = true;
            state.group.was_populated = true;
            state.group.first_fill_completed_at = Some(start() - TimeDelta::days(80));
            world.state.integrations.insert(key.clone(), state);
            for condition in Condition::of(key.level()) {
                world.condition(&key, *condition, Truth::True, Reason::Ok);
            }
            world.status(&key, Status::Connected, Reason::Ok);
        }
        // Every Organization is known by now.
        world.list((1..=organizations).map(id));
        world.workspace(WorkspaceFact::Member { uuid: None, administrator: None });
        world.evaluate();
        assert_eq!(world.open(), Vec::<String>::new(), "all is well at the start");
        world
    }

    pub(super) fn rules(&mut self, change: impl FnOnce(RulePolicy) -> RulePolicy) {
        let integration = self.fleet.integrations.get_mut(&name()).unwrap();
        integration.rules = change(integration.rules.clone());
    }

    /// The policy of credentials and APIs.
    pub(super) fn shared_rules(&mut self, change: impl FnOnce(RulePolicy) -> RulePolicy) {
        self.fleet.rules = change(self.fleet.rules.clone());
    }

    /// What an Organization imported.
    pub(super) fn imports(&mut self, number: u128, urls: &[&str]) {
        let target = |url: &&str| Target {
            id: format!("target-{url}"),
            name: (*url).to_owned(),
            url: Some((*url).to_owned()),
            created_at: None,
        };
        let targets = urls.iter().map(target).collect();
        let imports = self.evidence(Arc::new(OrganizationImports { targets, projects: Vec::new() }));
        self.state.evidence.organizations.entry(organization(number)).or_default().imports = Some(imports);
    }

    pub(super) fn integration(&mut self, key: &IntegrationKey) -> &mut IntegrationState {
        self.state.integrations.get_mut(key).unwrap()
    }

    pub(super) fn credential(&mut self, name: &CredentialName) -> &mut CredentialState {
        self.state.credentials.get_mut(name).unwrap()
    }

    /// Sets a condition as the evaluation before ours does: `since` moves with the truth.
    pub(super) fn condition(&mut self, key: &IntegrationKey, condition: Condition, truth: Truth, reason: Reason) {
        let now = self.now;
        let before = self.integration(key).conditions.get(&condition).filter(|before| before.truth == truth);
        let since = before.map_or(now, |before| before.since);
        let message = format!("{condition} is {truth}");
        let state = ConditionState {
            truth,
            reason,
            message,
            since,
            source: Source::Measured,
            confidence: Confidence::Strong,
            confirming: false,
            observed_at: Some(now),
            valid_until: None,
            proof: None,
            observed_revision: None,
            restored: false,
        };
        self.integration(key).conditions.insert(condition, state);
    }

    /// A condition that two evaluations found false.
    pub(super) fn settled(&mut self, key: &IntegrationKey, condition: Condition, reason: Reason) {
        self.condition(key, condition, Truth::False, reason);
        self.readings(key, condition, reason, 2);
    }

    /// So many readings found the condition false.
    pub(super) fn readings(&mut self, key: &IntegrationKey, condition: Condition, reason: Reason, count: u32) {
        let readings = FalseReadings { reason, last_at: self.now, count };
        self.integration(key).organization.false_readings.insert(condition, readings);
    }

    /// Sets a status as the evaluation before ours does: `unknown` overlays, a change of reason resets nothing.
    pub(super) fn status(&mut self, key: &IntegrationKey, status: Status, reason: Reason) {
        let now = self.now;
        let before = self.integration(key).status.clone();
        let same = before.as_ref().filter(|before| before.status == status);
        let known = before.as_ref().and_then(|before| before.known.clone());
        let returned = known.clone().filter(|known| known.status == status);
        let since = same.map(|same| same.since).or(returned.map(|known| known.since)).unwrap_or(now);
        let known = if status == Status::Unknown { known } else { Some(KnownStatus { status, reason, since }) };
        let last = before.as_ref().and_then(|before| before.last_connected_at);
        self.integration(key).status = Some(StatusState {
            status,
            reason,
            message: format!("{status} by {reason}"),
            next_step: None,
            confidence: Confidence::Strong,
            since,
            known,
            last_connected_at: if status == Status::Connected { Some(now) } else { last },
            last_proof_of_life_at: None,
            valid_until: None,
            restored: false,
        });
    }

    /// A rotation of the PAT that was seen to begin, saved in these Organizations at that time.
    pub(super) fn rotate(
        &mut self,
        at: DateTime<Utc>,
        saved: &[u128],
        outstanding: &[IntegrationKey],
        ends_at: Option<DateTime<Utc>>,
    ) {
        let saved = saved.iter().map(|number| (organization(*number), Saved { at, user_id: None })).collect();
        self.credential(&pat()).rotation = Some(Rotation {
            at: at - hours(24),
            source: RotationSource::FirstUse,
            seen_at: at,
            old: OldToken { expires_at: ends_at, ..OldToken::default() },
            saved,
            outstanding: outstanding.iter().cloned().collect(),
            untold: BTreeMap::new(),
            unused: BTreeSet::new(),
            done_at: None,
        });
    }

    pub(super) fn accept(&mut self, name: &CredentialName) {
        let since = Some(self.now);
        self.credential(name).valid =
            CredentialVerdict { truth: Truth::True, reason: Reason::Ok, message: String::new(), since };
    }

    pub(super) fn reject(&mut self, name: &CredentialName, reason: Reason) {
        let since = Some(self.now);
        let message = "The API token has expired".to_owned();
        self.credential(name).valid = CredentialVerdict { truth: Truth::False, reason, message, since };
    }

    pub(super) fn evidence<T>(&self, value: T) -> Evidence<T> {
        Evidence {
            value,
            observed_at: self.now,
            probe: ProbeKind::Profile,
            max_age: TimeDelta::days(400),
            revision: Revision::default(),
            restored_until: None,
        }
    }

    /// Without a Group the configuration names its Organizations by id.
    pub(super) fn without_group(&mut self) {
        let ids = self.state.integrations.keys().filter_map(|key| key.organization).collect();
        let integration = self.fleet.integrations.get_mut(&name()).unwrap();
        integration.group = None;
        integration.organizations.as_mut().unwrap().discover = Some(ids);
    }

    /// The configuration excludes an Organization, so that it is watched no more.
    pub(super) fn exclude(&mut self, key: &IntegrationKey) {
        let integration = self.fleet.integrations.get_mut(&name()).unwrap();
        integration.organizations.as_mut().unwrap().excluded.extend(key.organization);
        self.state.integrations.remove(key);
    }

    /// What the Group's listing has.
    pub(super) fn list(&mut self, organizations: impl IntoIterator<Item = OrganizationId>) {
        let listed = |id: OrganizationId| OrganizationListing { id, name: id.to_string(), slug: None };
        let listing = Arc::new(organizations.into_iter().map(listed).collect());
        let listing = Evidence { max_age: TimeDelta::days(3650), ..self.evidence(listing) };
        self.state.evidence.groups.entry(name()).or_default().organizations = Some(listing);
    }

    pub(super) fn workspace(&mut self, fact: WorkspaceFact) {
        let workspaces = self.evidence(BTreeMap::from([("acme".into(), fact)]));
        let evidence = self.state.evidence.groups.entry(name()).or_default();
        evidence.profiles.entry("main".into()).or_default().workspaces = Some(workspaces);
    }

    pub(super) fn permission(&mut self, permission: Permission, proof: PermissionProof) {
        let proof = self.evidence(proof);
        let evidence = self.state.evidence.scm_credentials.entry(pat()).or_default();
        evidence.permissions.insert(permission, proof);
    }

    pub(super) fn api(&mut self, api: &str, inconclusive_since: Option<DateTime<Utc>>) {
        let facts = ApiFacts { inconclusive_since, last_conclusive_at: Some(start()), ..ApiFacts::default() };
        self.state.evidence.apis.insert(ApiName::new(api), facts);
    }

    /// No question arrives at an API any more.
    pub(super) fn cut_off(&mut self, api: &str, since: DateTime<Utc>) {
        self.api(api, Some(since));
        let facts = self.state.evidence.apis.get_mut(&ApiName::new(api)).unwrap();
        facts.unreached_since = Some(since);
        facts.last_failed_at = Some(since);
        facts.last_failure = Some(("dns".to_owned(), format!("could not look up {api}.example.com")));
    }

    /// An API answers again.
    pub(super) fn reach(&mut self, api: &str) {
        self.api(api, None);
        let facts = self.state.evidence.apis.get_mut(&ApiName::new(api)).unwrap();
        facts.reached_since = Some(self.now);
        facts.last_conclusive_at = Some(self.now);
    }

    /// An API is asked, in vain as before.
    pub(super) fn ask_in_vain(&mut self, api: &str) {
        self.state.evidence.apis.get_mut(&ApiName::new(api)).unwrap().last_failed_at = Some(self.now);
    }

    /// Goes to so long after the start and evaluates.
    pub(super) fn at(&mut self, after: TimeDelta) -> Vec<Transition> {
        self.now = start() + after;
        self.evaluate()
    }

    pub(super) fn evaluate(&mut self) -> Vec<Transition> {
        let transitions = evaluate(&mut self.state, &self.fleet, self.now);
        let once = self.state.clone();
        let again = evaluate(&mut self.state, &self.fleet, self.now);
        assert_eq!(again, [], "a second evaluation tells nothing");
        assert_eq!(self.state, once, "a second evaluation changes nothing");
        let stored = serde_json::to_string(&self.state).unwrap();
        self.state = serde_json::from_str(&stored).unwrap();
        assert_eq!(self.state, once, "a restart changes nothing");
        transitions
    }

    fn shown(&self, filter: impl Fn(&IncidentState) -> bool) -> Vec<String> {
        let incidents = self.state.incidents.iter().filter(|(_, incident)| filter(incident));
        incidents.map(|(key, incident)| format!("{key} {}", incident.severity)).collect()
    }

    /// The open incidents, as `Rule/subject severity`.
    pub(super) fn open(&self) -> Vec<String> {
        self.shown(IncidentState::is_open)
    }

    pub(super) fn pending(&self) -> Vec<String> {
        self.shown(|incident| !incident.is_open())
    }

    pub(super) fn incident(&self, rule: Rule) -> &IncidentState {
        self.state.incidents.iter().find(|(key, _)| key.rule == rule).unwrap().1
    }
}

/// The causes of resolution among transitions.
pub(super) fn resolutions(transitions: &[Transition]) -> Vec<String> {
    let resolved = |transition: &Transition| match &transition.change {
        Change::Resolved { incident, .. } => Some(format!("{incident}: {}", transition.cause)),
        _ => None,
    };
    transitions.iter().filter_map(resolved).collect()
}
