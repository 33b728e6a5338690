//! A small world for tests: a Group, its Organizations and their Git host, whose facts a test changes and a round of
//! probes observes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use uuid::Uuid;

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::Part;
use crate::domain::facts::{
    Access, Asset, AssetWalk, AuditEvent, AuditEventKind, AuditEvents, CatalogSample, IntegrationPresence, LastTest,
    OrganizationImports, OrganizationListing, PermissionProof, Project, RemovedAsset, Repository, RepositorySet,
    ScmAuthentication, SnykAuthentication, Target, TestFrequency, Unread, WebhookCheck, WebhookSample, WebhookState,
    WorkspaceFact,
};
use crate::domain::fleet::{
    Fleet, RulePolicy, ScmCredential, SnykToken, Thresholds, WatchedGroup, WatchedIntegration, WatchedOrganizations,
    WatchedProfile,
};
use crate::domain::kinds::{Role, Scm, Truth};
use crate::domain::names::{
    ApiName, CredentialName, GroupId, IntegrationKey, IntegrationName, OrganizationId, ProfileName, RepositoryId,
    Revision, WorkspaceSlug,
};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::state::{IntegrationState, State, Transition};
use crate::domain::status::Status;
use crate::domain::work::{
    ApiNotice, FailedAt, Finding, Outcome, ProbeFailure, ProbeKind, ProbeRun, Work, WorkSubject,
};

use super::{FollowUp, Policy, evaluate, observe};

pub(crate) const INTEGRATION: &str = "acme-bitbucket";
pub(crate) const TOKEN: &str = "acme-us";
pub(crate) const PAT: &str = "bitbucket-acme";
pub(crate) const PROFILE: &str = "main";
pub(crate) const WORKSPACE: &str = "acme";
pub(crate) const SNYK_API: &str = "snyk/acme-us";
pub(crate) const SCM_API: &str = "bitbucket-cloud";

/// When the world begins.
pub(crate) fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 3, 0, 0).unwrap()
}

pub(crate) fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

pub(crate) fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

/// Whom a probe asks.
fn asked_by(kind: ProbeKind) -> ApiName {
    match kind {
        ProbeKind::ScmCredential | ProbeKind::Profile | ProbeKind::Webhooks => ApiName::from(SCM_API),
        _ => ApiName::from(SNYK_API),
    }
}

/// One profile of the Group and what its credential sees.
#[derive(Clone)]
pub(crate) struct ProfileWorld {
    pub(crate) workspaces: BTreeMap<WorkspaceSlug, WorkspaceFact>,
    pub(crate) repositories: Vec<Repository>,
    /// Workspaces that cannot be read now.
    pub(crate) unread: BTreeMap<WorkspaceSlug, Unread>,
    pub(crate) authentication: ScmAuthentication,
    pub(crate) permissions: BTreeMap<Permission, PermissionProof>,
    pub(crate) credential: CredentialName,
}

/// One Organization.
#[derive(Clone)]
pub(crate) struct OrganizationWorld {
    pub(crate) access: Access,
    pub(crate) presence: IntegrationPresence,
    pub(crate) imports: OrganizationImports,
    pub(crate) events: AuditEvents,
    pub(crate) webhooks: WebhookSample,
}

/// What is really so, and what the daemon remembers of it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) state: State,
    pub(crate) now: DateTime<Utc>,
    pub(crate) snyk: SnykAuthentication,
    pub(crate) access: Access,
    pub(crate) profiles: BTreeMap<ProfileName, ProfileWorld>,
    pub(crate) assets: Vec<Asset>,
    pub(crate) removed: Vec<RemovedAsset>,
    pub(crate) catalog: Option<CatalogSample>,
    pub(crate) organizations: BTreeMap<OrganizationId, OrganizationWorld>,
    /// Organizations that the Group's listing leaves out, though they answer.
    pub(crate) unlisted: BTreeSet<OrganizationId>,
    /// What is answered instead of the assets, the repositories or the listing: the class of the failure and its words.
    pub(crate) fails: BTreeMap<Part, (&'static str, &'static str)>,
    /// Added to every round's findings.
    pub(crate) extra: Vec<Finding>,
    /// APIs that answer nothing conclusive now.
    pub(crate) down: BTreeSet<ApiName>,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) follow_ups: Vec<FollowUp>,
}

pub(crate) fn organization_id(number: usize) -> OrganizationId {
    OrganizationId(Uuid::from_u128(0x1000 + number as u128))
}

pub(crate) fn repository(number: usize) -> Repository {
    Repository {
        id: RepositoryId::new(format!("repo-{number}")),
        full_name: format!("{WORKSPACE}/service-{number}"),
        workspace: WorkspaceSlug::from(WORKSPACE),
        project: None,
        updated_at: Some(start() - TimeDelta::days(30)),
        empty: false,
        created_at: Some(start() - TimeDelta::days(300)),
        private: None,
    }
}

pub(crate) fn asset_of(repository: &Repository, synced_at: DateTime<Utc>) -> Asset {
    Asset {
        id: format!("asset-{}", repository.id),
        scm_id: Some(repository.id.clone()),
        url: Some(format!("bitbucket.org/{}", repository.full_name)),
        sources: vec!["bitbucket-cloud".to_owned()],
        last_sync: Some(synced_at),
        created_at: Some(synced_at),
        updated_at: Some(synced_at),
        archived: false,
        personal: false,
        application_context: None,
    }
}

pub(crate) fn accepted(token_id: &str) -> ScmAuthentication {
    ScmAuthentication::Accepted { account: None, token_id: Some(token_id.to_owned()), scopes: None }
}

fn credential(token_version: &str) -> ScmCredential {
    ScmCredential {
        scm: Scm::BitbucketCloud,
        api: ApiName::from(SCM_API),
        role: Role::Integration,
        kind: "api_token".to_owned(),
        expires_at: Some(start() + TimeDelta::days(200)),
        rotated_at: None,
        token_version: Some(token_version.to_owned()),
        refused: None,
        host: Revision::of([SCM_API]),
        revision: Revision::of([SCM_API, token_version]),
        listing: None,
    }
}

pub(crate) fn permissions() -> BTreeMap<Permission, PermissionProof> {
    PermissionSet::organization()
        .required
        .into_iter()
        .map(|permission| (permission, PermissionProof::Granted))
        .collect()
}

fn profile(credential: &str, repositories: Vec<Repository>) -> ProfileWorld {
    ProfileWorld {
        workspaces: BTreeMap::from([(
            WorkspaceSlug::from(WORKSPACE),
            WorkspaceFact::Member { uuid: None, administrator: None },
        )]),
        repositories,
        unread: BTreeMap::new(),
        authentication: accepted("token-1"),
        permissions: permissions(),
        credential: CredentialName::from(credential),
    }
}

fn organization(repositories: &[Repository], now: DateTime<Utc>) -> OrganizationWorld {
    let old = Some(start() - TimeDelta::days(100));
    OrganizationWorld {
        access: Access::Granted { name: None, group: None, created_at: None },
        presence: IntegrationPresence::Present { id: "integration".to_owned(), via_app: false, integrations: 1 },
        imports: OrganizationImports {
            targets: repositories
                .iter()
                .map(|repository| Target {
                    id: format!("target-{}", repository.id),
                    name: repository.full_name.clone(),
                    url: None,
                    created_at: old,
                })
                .collect(),
            projects: repositories
                .iter()
                .map(|repository| Project {
                    id: format!("project-{}", repository.id),
                    target: Some(format!("target-{}", repository.id)),
                    active: true,
                    frequency: TestFrequency::Daily,
                    pull_request_checks: None,
                    created_at: old,
                    last_test: LastTest::At(now),
                })
                .collect(),
        },
        events: AuditEvents::Complete { from: start() - TimeDelta::days(90), events: Vec::new() },
        webhooks: WebhookSample {
            checks: repositories
                .iter()
                .map(|repository| WebhookCheck {
                    repository: Some(repository.id.clone()),
                    full_name: repository.full_name.clone(),
                    state: WebhookState::Installed,
                })
                .collect(),
            drawn_from: repositories.len() as u64,
        },
    }
}

/// An event of the audit log that says no more than what happened.
pub(crate) fn event(at: DateTime<Utc>, kind: AuditEventKind) -> AuditEvent {
    AuditEvent { at, kind, integration_id: None, source_type: None, user_id: None, about: None }
}

impl World {
    /// A healthy Group of `repositories` and `organizations`, set up long ago, before the first probe.
    pub(crate) fn healthy(repositories: usize, organizations: usize) -> Self {
        let mut world = Self::just_set_up(repositories, organizations);
        world.group().configured_at = Some(start() - TimeDelta::days(200));
        world.sync(start() - TimeDelta::days(10));
        world
    }

    /// A Group that was set up now, before its first sync.
    pub(crate) fn just_set_up(repositories: usize, organizations: usize) -> Self {
        let repositories: Vec<Repository> = (0..repositories).map(repository).collect();
        let max_ages = ProbeKind::ALL.iter().map(|kind| (*kind, minutes(90))).collect();
        let integration = WatchedIntegration {
            scm: Scm::BitbucketCloud,
            owner: None,
            group: Some(WatchedGroup {
                snyk: CredentialName::from(TOKEN),
                id: GroupId(Uuid::from_u128(1)),
                configured_at: Some(start()),
                permissions: PermissionSet::pilot_guide(),
                group_permissions: PermissionSet::group(),
                profiles: BTreeMap::from([(
                    ProfileName::from(PROFILE),
                    WatchedProfile {
                        credential: CredentialName::from(PAT),
                        workspaces: BTreeSet::from([WorkspaceSlug::from(WORKSPACE)]),
                    },
                )]),
                catalog_file: None,
                ignore: Vec::new(),
            }),
            // Without any, nobody watches Organizations.
            organizations: (organizations > 0).then(|| WatchedOrganizations {
                snyk: CredentialName::from(TOKEN),
                credential: CredentialName::from(PAT),
                overrides: BTreeMap::new(),
                require: BTreeSet::new(),
                asked: (0..organizations).map(organization_id).collect(),
                discover: None,
                excluded: BTreeSet::new(),
                named: BTreeMap::new(),
                permissions: PermissionSet::organization(),
            }),
            thresholds: Thresholds::default(),
            rules: RulePolicy::default(),
        };
        Self {
            fleet: Fleet {
                snyk_tokens: BTreeMap::from([(
                    CredentialName::from(TOKEN),
                    SnykToken {
                        api: ApiName::from(SNYK_API),
                        app_root: None,
                        token_version: None,
                        refused: None,
                        host: Revision::of([SNYK_API]),
                        revision: Revision::of([SNYK_API]),
                    },
                )]),
                scm_credentials: BTreeMap::from([(CredentialName::from(PAT), credential("hash-1"))]),
                integrations: BTreeMap::from([(IntegrationName::from(INTEGRATION), integration)]),
                apis: [SNYK_API, SCM_API].into_iter().map(|api| (ApiName::from(api), Revision::of([api]))).collect(),
                rules: RulePolicy::default(),
                thresholds: Thresholds::default(),
                max_ages,
            },
            state: State::default(),
            now: start(),
            snyk: SnykAuthentication::Accepted { principal: "user".to_owned(), id: "u".to_owned(), name: None },
            access: Access::Granted { name: Some("Acme".to_owned()), group: None, created_at: None },
            organizations: (0..organizations)
                .map(|number| (organization_id(number), organization(&repositories, start())))
                .collect(),
            profiles: BTreeMap::from([(ProfileName::from(PROFILE), profile(PAT, repositories))]),
            assets: Vec::new(),
            removed: Vec::new(),
            catalog: None,
            unlisted: BTreeSet::new(),
            fails: BTreeMap::new(),
            extra: Vec::new(),
            down: BTreeSet::new(),
            transitions: Vec::new(),
            follow_ups: Vec::new(),
        }
    }

    pub(crate) fn integration(&mut self) -> &mut WatchedIntegration {
        self.fleet.integrations.get_mut(&IntegrationName::from(INTEGRATION)).unwrap()
    }

    pub(crate) fn group(&mut self) -> &mut WatchedGroup {
        self.integration().group.as_mut().unwrap()
    }

    pub(crate) fn main(&mut self) -> &mut ProfileWorld {
        self.profiles.get_mut(&ProfileName::from(PROFILE)).unwrap()
    }

    pub(crate) fn organization(&mut self, number: usize) -> &mut OrganizationWorld {
        self.organizations.get_mut(&organization_id(number)).unwrap()
    }

    /// Somebody deletes an Organization's integration, as the audit log says.
    pub(crate) fn delete_integration(&mut self, number: usize) {
        let event = event(self.now, AuditEventKind::Deleted);
        let organization = self.organization(number);
        organization.presence = IntegrationPresence::Absent;
        organization.events = AuditEvents::Complete { from: start() - TimeDelta::days(90), events: vec![event] };
    }

    /// A second profile with its own credential and repositories.
    pub(crate) fn add_profile(&mut self, name: &str, credential_name: &str, numbers: std::ops::Range<usize>) {
        self.fleet.scm_credentials.insert(CredentialName::from(credential_name), credential("hash-other"));
        self.group().profiles.insert(
            ProfileName::from(name),
            WatchedProfile { credential: CredentialName::from(credential_name), workspaces: BTreeSet::new() },
        );
        self.profiles.insert(ProfileName::from(name), profile(credential_name, numbers.map(repository).collect()));
    }

    /// Snyk syncs everything that is visible, at `at`.
    pub(crate) fn sync(&mut self, at: DateTime<Utc>) {
        let created: BTreeMap<String, Option<DateTime<Utc>>> =
            self.assets.iter().map(|asset| (asset.id.clone(), asset.created_at)).collect();
        self.assets = self
            .profiles
            .values()
            .flat_map(|profile| &profile.repositories)
            .map(|repository| {
                let mut asset = asset_of(repository, at);
                asset.created_at = created.get(&asset.id).copied().unwrap_or(asset.created_at);
                asset
            })
            .collect();
    }

    /// Snyk's daily tests run in every Organization.
    pub(crate) fn test_everything(&mut self) {
        for organization in self.organizations.values_mut() {
            for project in organization.imports.projects.iter_mut().filter(|project| project.active) {
                project.last_test = LastTest::At(self.now);
            }
        }
    }

    /// Applies findings as one probe's outcome, without evaluating.
    pub(crate) fn observe(&mut self, kind: ProbeKind, subject: WorkSubject, findings: Vec<Finding>) {
        // A test that replaces a token says its version only.
        for credential in self.fleet.scm_credentials.values_mut() {
            credential.revision = credential.host.with(credential.token_version.as_deref().unwrap_or_default());
        }
        let api = asked_by(kind);
        let outcome = if self.down.contains(&api) {
            let failure = ProbeFailure {
                part: None,
                api,
                reason: "server_error",
                detail: "HTTP 503".to_owned(),
                failed_at: FailedAt::WholeApi,
                retry_after: None,
            };
            Outcome { failures: vec![failure], ..Outcome::default() }
        } else {
            Outcome { findings, notices: vec![ApiNotice::Answered(api)], ..Outcome::default() }
        };
        let run = ProbeRun { work: Work { kind, subject }, started_at: self.now, finished_at: self.now, outcome };
        self.follow_ups.extend(observe(&mut self.state, &self.fleet, Policy::default(), &run));
    }

    /// One round of every probe, and an evaluation.
    pub(crate) fn probe(&mut self) {
        let name = IntegrationName::from(INTEGRATION);
        let token = CredentialName::from(TOKEN);
        let snyk = vec![Finding::SnykAuthentication(token.clone(), self.snyk.clone())];
        self.observe(ProbeKind::SnykToken, WorkSubject::Credential(token), snyk);
        self.probe_credentials();
        let group = WorkSubject::Group(name.clone());
        let access = vec![Finding::GroupAccess(name.clone(), self.access.clone())];
        self.observe(ProbeKind::GroupAccess, group.clone(), access);
        for (profile, findings) in self
            .profiles
            .iter()
            .map(|(profile, world)| {
                let repositories =
                    world.repositories.iter().map(|repository| (repository.id.clone(), repository.clone())).collect();
                let set = RepositorySet { repositories, walked_at: Some(self.now), unread: world.unread.clone() };
                let mut findings = Vec::new();
                // A rejected token lists nothing.
                if matches!(world.authentication, ScmAuthentication::Accepted { .. }) {
                    findings.push(Finding::Workspaces(name.clone(), profile.clone(), world.workspaces.clone()));
                    if !self.fails.contains_key(&Part::Repositories) {
                        findings.push(Finding::Repositories(name.clone(), profile.clone(), Arc::new(set)));
                    }
                }
                (profile.clone(), findings)
            })
            .collect::<Vec<_>>()
        {
            let subject = WorkSubject::Profile(name.clone(), profile);
            self.observe(ProbeKind::Profile, subject.clone(), findings);
            self.fail_as_told(ProbeKind::Profile, subject, Part::Repositories);
        }
        let walk = AssetWalk {
            live: self.assets.clone(),
            removed: self.removed.clone(),
            has_last_sync: true,
            aliases: BTreeMap::new(),
        };
        if !self.fail_as_told(ProbeKind::Inventory, group.clone(), Part::Assets) {
            self.observe(ProbeKind::Inventory, group.clone(), vec![Finding::Assets(name.clone(), Arc::new(walk))]);
        }
        if let Some(catalog) = self.catalog.clone() {
            self.observe(ProbeKind::Catalog, group.clone(), vec![Finding::Catalog(name.clone(), catalog)]);
        }
        self.probe_listing();
        self.probe_organizations();
        let extra = self.extra.clone();
        if !extra.is_empty() {
            self.observe(ProbeKind::ScmCredential, group, extra);
        }
        self.evaluate();
    }

    /// The probe of every SCM credential.
    pub(crate) fn probe_credentials(&mut self) {
        for (name, findings) in
            self.profiles
                .values()
                .map(|world| {
                    let name = &world.credential;
                    let mut findings = vec![Finding::ScmAuthentication(name.clone(), world.authentication.clone())];
                    if matches!(world.authentication, ScmAuthentication::Accepted { .. }) {
                        findings.extend(
                            world.permissions.iter().map(|(permission, proof)| {
                                Finding::Permission(name.clone(), *permission, proof.clone())
                            }),
                        );
                    }
                    (name.clone(), findings)
                })
                .collect::<Vec<_>>()
        {
            self.observe(ProbeKind::ScmCredential, WorkSubject::Credential(name), findings);
        }
    }

    /// Lists the Organizations, without evaluating.
    pub(crate) fn probe_listing(&mut self) {
        let name = IntegrationName::from(INTEGRATION);
        if self.integration().organizations.is_none() {
            return;
        }
        let listing = self
            .organizations
            .keys()
            .filter(|id| !self.unlisted.contains(*id))
            .map(|id| OrganizationListing {
                id: *id,
                name: format!("Organization {id}"),
                slug: Some(format!("acme-{id}")),
            })
            .collect();
        let findings = vec![Finding::Organizations(name.clone(), Arc::new(listing))];
        let (kind, subject) = (ProbeKind::OrganizationList, WorkSubject::Group(name));
        if !self.fail_as_told(kind, subject.clone(), Part::Organizations) {
            self.observe(kind, subject, findings);
        }
    }

    /// A part that fails as the test wants it; whether it does.
    fn fail_as_told(&mut self, kind: ProbeKind, subject: WorkSubject, part: Part) -> bool {
        let told = self.fails.get(&part).copied();
        if let Some((reason, detail)) = told {
            self.fail(kind, subject, part, reason, detail);
        }
        told.is_some()
    }

    /// A part that concluded nothing, in the API's words.
    pub(crate) fn fail(
        &mut self,
        kind: ProbeKind,
        subject: WorkSubject,
        part: Part,
        reason: &'static str,
        detail: &str,
    ) {
        let failure = ProbeFailure {
            part: Some(part),
            api: asked_by(kind),
            reason,
            detail: detail.to_owned(),
            failed_at: FailedAt::Endpoint,
            retry_after: None,
        };
        let notices = vec![ApiNotice::Answered(asked_by(kind))];
        let outcome = Outcome { failures: vec![failure], notices, ..Outcome::default() };
        let run = ProbeRun { work: Work { kind, subject }, started_at: self.now, finished_at: self.now, outcome };
        self.follow_ups.extend(observe(&mut self.state, &self.fleet, Policy::default(), &run));
    }

    /// Asks every Organization, without evaluating.
    fn probe_organizations(&mut self) {
        let name = IntegrationName::from(INTEGRATION);
        let rounds: Vec<_> = self
            .organizations
            .iter()
            .map(|(id, world)| {
                let key = IntegrationKey::organization(name.clone(), *id);
                let findings = vec![
                    Finding::OrganizationAccess(key.clone(), world.access.clone()),
                    Finding::Presence(key.clone(), world.presence.clone()),
                    Finding::Imports(key.clone(), Arc::new(world.imports.clone())),
                    Finding::Events(key.clone(), world.events.clone()),
                ];
                (key.clone(), findings, vec![Finding::Webhooks(key, world.webhooks.clone())])
            })
            .collect();
        for (key, findings, webhooks) in rounds {
            self.observe(ProbeKind::Organization, WorkSubject::Organization(key.clone()), findings);
            self.observe(ProbeKind::Webhooks, WorkSubject::Organization(key), webhooks);
        }
    }

    /// Evaluates, twice: the second time must change nothing.
    pub(crate) fn evaluate(&mut self) {
        self.transitions.extend(evaluate(&mut self.state, &self.fleet, self.now));
        let before = self.state.clone();
        assert_eq!(evaluate(&mut self.state, &self.fleet, self.now), Vec::new(), "evaluating is idempotent");
        assert!(self.state == before, "evaluating is idempotent");
    }

    /// Lets time pass, with a round of probes every 15 minutes.
    pub(crate) fn pass(&mut self, time: TimeDelta) {
        let end = self.now + time;
        while self.now < end {
            self.now = (self.now + minutes(15)).min(end);
            self.probe();
        }
    }

    pub(crate) fn key(organization: Option<usize>) -> IntegrationKey {
        IntegrationKey {
            integration: IntegrationName::from(INTEGRATION),
            organization: organization.map(organization_id),
        }
    }

    pub(crate) fn stored(&self, organization: Option<usize>) -> &IntegrationState {
        &self.state.integrations[&Self::key(organization)]
    }

    pub(crate) fn status(&self, organization: Option<usize>) -> (Status, Reason) {
        let status = self.stored(organization).status.as_ref().unwrap();
        (status.status, status.reason)
    }

    pub(crate) fn message(&self, organization: Option<usize>) -> &str {
        &self.stored(organization).status.as_ref().unwrap().message
    }

    pub(crate) fn condition(&self, organization: Option<usize>, condition: Condition) -> (Truth, Reason) {
        let state = &self.stored(organization).conditions[&condition];
        (state.truth, state.reason)
    }
}
