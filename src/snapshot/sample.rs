//! A rich sample for tests: a Group that is partially connected, Organizations in several states, hostile names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Own, Snapshot, Telling};
use crate::config::http::HttpSettings;
use crate::config::receivers::{ReceiverKind, ReceiverSettings, SlackSettings, Templates};
use crate::config::routing::{Route, Routing};
use crate::config::secrets::SecretSource;
use crate::deliver::{Board, ReceiverBoard};
use crate::domain::attention::{Acknowledgement, Counted, Silence};
use crate::domain::condition::{Condition, ConditionState, Reason};
use crate::domain::evidence::{Evidence, OrganizationEvidence, ScmCredentialEvidence};
use crate::domain::facts::{
    ApiFacts, LastTest, OrganizationImports, PermissionProof, Project, Target, TestFrequency, VersionEnding,
    WebhookCheck, WebhookSample, WebhookState,
};
use crate::domain::fleet::{
    Fleet, RulePolicy, ScmCredential, SnykToken, Thresholds, WatchedGroup, WatchedIntegration, WatchedOrganizations,
    WatchedProfile,
};
use crate::domain::incident::{IncidentKey, IncidentPhase, IncidentState, IncidentTracking, Rule, Severity, Subject};
use crate::domain::kinds::{Confidence, Level, Role, Scm, Source, Truth};
use crate::domain::matcher::Matcher;
use crate::domain::names::{ApiName, GroupId, IntegrationKey, IntegrationName, OrganizationId, RepositoryId, Revision};
use crate::domain::notification::{AttemptFailure, Dispatch, FailureReason};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::state::{
    CredentialState, CredentialVerdict, ExpirySource, IntegrationState, MissingRepository, State, SyncProgress,
};
use crate::domain::status::{KnownStatus, Status, StatusState};
use crate::domain::work::ProbeKind;
use crate::notify::situation::{FailingReceiver, Situation};
use crate::store::Backlog;

/// Hostile text as a name: every escape of every format that we write.
pub(crate) const HOSTILE: &str = "<script>alert(\"1\")</script>\\ & \n'acme' }\u{202e}";

/// A secret-like text that no view may show.
pub(crate) const TOKEN_VERSION: &str = "keyed-hash-of-the-secret";

pub(crate) fn now() -> DateTime<Utc> {
    at("2026-11-23T12:00:00Z")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn own() -> Own {
    Own { version: "0.1.0", started_at: at("2026-11-23T09:00:00Z") }
}

pub(crate) fn name() -> IntegrationName {
    "acme-bitbucket".into()
}

pub(crate) fn organization(number: u32) -> OrganizationId {
    OrganizationId(Uuid::from_u128(u128::from(number)))
}

pub(crate) fn organization_key(number: u32) -> IntegrationKey {
    IntegrationKey::organization(name(), organization(number))
}

pub(crate) fn fleet() -> Fleet {
    let profile = WatchedProfile { credential: "bitbucket-acme".into(), workspaces: BTreeSet::from(["acme".into()]) };
    let watched = WatchedIntegration {
        scm: Scm::BitbucketCloud,
        owner: Some("platform".to_owned()),
        group: Some(WatchedGroup {
            snyk: "acme-us".into(),
            id: GroupId(Uuid::from_u128(0x6709)),
            configured_at: None,
            permissions: PermissionSet::pilot_guide(),
            group_permissions: PermissionSet::group(),
            profiles: BTreeMap::from([("main".into(), profile)]),
            catalog_file: Some("catalog-info.yaml".to_owned()),
            ignore: Vec::new(),
        }),
        organizations: Some(WatchedOrganizations {
            snyk: "acme-us".into(),
            credential: "bitbucket-acme".into(),
            overrides: BTreeMap::new(),
            require: BTreeSet::from([organization(4)]),
            asked: BTreeSet::new(),
            discover: None,
            excluded: BTreeSet::new(),
            named: BTreeMap::new(),
            permissions: PermissionSet::organization(),
        }),
        thresholds: Thresholds::default(),
        rules: RulePolicy { timings: BTreeMap::new() },
    };
    let credential = ScmCredential {
        scm: Scm::BitbucketCloud,
        api: "bitbucket-cloud".into(),
        role: Role::Integration,
        kind: "api_token".to_owned(),
        expires_at: Some(at("2027-03-01T00:00:00Z")),
        rotated_at: None,
        token_version: Some(TOKEN_VERSION.to_owned()),
        refused: None,
        host: Revision::default(),
        revision: Revision::default(),
        listing: None,
    };
    Fleet {
        snyk_tokens: BTreeMap::from([(
            "acme-us".into(),
            SnykToken {
                api: "snyk/acme-us".into(),
                app_root: None,
                token_version: None,
                refused: None,
                host: Revision::default(),
                revision: Revision::default(),
            },
        )]),
        scm_credentials: BTreeMap::from([("bitbucket-acme".into(), credential)]),
        integrations: BTreeMap::from([(name(), watched)]),
        apis: BTreeMap::new(),
        rules: RulePolicy::default(),
        thresholds: Thresholds::default(),
        max_ages: BTreeMap::new(),
    }
}

pub(crate) fn condition(truth: Truth) -> ConditionState {
    let reason = if truth == Truth::True { Reason::Ok } else { Reason::NotObserved };
    ConditionState {
        truth,
        reason,
        message: format!("It is {truth}: {HOSTILE}"),
        since: at("2026-11-22T22:00:00Z"),
        source: Source::Measured,
        confidence: Confidence::Strong,
        confirming: false,
        observed_at: Some(at("2026-11-23T11:55:00Z")),
        valid_until: Some(at("2026-11-23T12:55:00Z")),
        proof: None,
        observed_revision: None,
        restored: false,
    }
}

pub(crate) fn status(status: Status) -> StatusState {
    let since = at("2026-11-22T22:00:00Z");
    StatusState {
        status,
        reason: Reason::AwaitingFirstSync,
        message: format!("This is {status} since yesterday."),
        next_step: Some("Group Admin: open Integrations > Bitbucket in the Group and re-save the profile.".to_owned()),
        confidence: Confidence::Strong,
        since,
        known: (status != Status::Unknown).then_some(KnownStatus { status, reason: Reason::AwaitingFirstSync, since }),
        last_connected_at: Some(at("2026-11-20T08:00:00Z")),
        last_proof_of_life_at: Some(at("2026-11-20T07:00:00Z")),
        valid_until: Some(at("2026-11-23T12:55:00Z")),
        restored: false,
    }
}

fn integration(level: Level, shown: Status, snyk_name: &str) -> IntegrationState {
    let mut state = IntegrationState::new(at("2026-11-20T09:00:00Z"));
    state.snyk_name = Some(snyk_name.to_owned());
    state.status = Some(status(shown));
    let truths = [Truth::True, Truth::False, Truth::Unknown];
    let conditions = Condition::of(level).iter().zip(truths.into_iter().cycle());
    state.conditions = conditions.map(|(name, truth)| (*name, condition(truth))).collect();
    state.organization.was_present = true;
    state
}

fn progress() -> SyncProgress {
    let missing = |number: usize| MissingRepository {
        id: RepositoryId::new(format!("r{number}")),
        full_name: format!("acme/{number}-{HOSTILE}"),
        since: Some(at("2026-11-22T22:00:00Z")),
        why: Some("repo-archived".to_owned()),
    };
    SyncProgress {
        found: 96,
        missing: 32,
        removed: 1,
        ignored: 2,
        ratio: Some(0.75),
        arrivals_per_hour: Some(12.5),
        completion_expected: Some((at("2026-11-23T14:00:00Z"), at("2026-11-23T16:00:00Z"))),
        lag_seconds: Some(7200),
        lag_p95_seconds: Some(3600),
        last_seen_at: Some(at("2026-11-23T11:00:00Z")),
        next_expected_at: Some(at("2026-11-23T17:00:00Z")),
        missing_repositories: (0..32).map(missing).collect(),
        laggards: vec![missing(99)],
    }
}

fn evidence<T>(value: T, probe: ProbeKind) -> Evidence<T> {
    Evidence {
        value,
        observed_at: at("2026-11-23T11:55:00Z"),
        probe,
        max_age: TimeDelta::hours(1),
        revision: Revision::default(),
        restored_until: None,
    }
}

fn imports() -> OrganizationEvidence {
    let target = |id: &str| Target { id: id.to_owned(), name: format!("acme/{id}"), url: None, created_at: None };
    let project = |target: &str, active| Project {
        id: format!("project-{target}"),
        target: Some(target.to_owned()),
        active,
        frequency: TestFrequency::Daily,
        pull_request_checks: None,
        created_at: None,
        last_test: LastTest::Untold,
    };
    let check = |state| WebhookCheck { repository: None, full_name: "acme/one".to_owned(), state };
    let imports = OrganizationImports {
        targets: vec![target("one"), target("two"), target("three")],
        projects: vec![project("one", true), project("one", true), project("two", false)],
    };
    let webhooks = WebhookSample {
        checks: vec![
            check(WebhookState::Installed),
            check(WebhookState::Missing { others: false }),
            check(WebhookState::NoAdminRights),
        ],
        drawn_from: 3,
    };
    OrganizationEvidence {
        imports: Some(evidence(Arc::new(imports), ProbeKind::Organization)),
        webhooks: Some(evidence(webhooks, ProbeKind::Webhooks)),
        ..OrganizationEvidence::default()
    }
}

fn credential() -> CredentialState {
    CredentialState {
        token_version: Some(TOKEN_VERSION.to_owned()),
        rotated_from: Some((TOKEN_VERSION.to_owned(), at("2026-11-01T09:00:00Z"))),
        valid: CredentialVerdict {
            truth: Truth::True,
            reason: Reason::Ok,
            message: "Bitbucket accepts it.".to_owned(),
            since: Some(at("2026-11-20T09:00:00Z")),
        },
        expiry: Some(at("2027-03-01T00:00:00Z")),
        expiry_source: Some(ExpirySource::Declared),
        ..CredentialState::default()
    }
}

pub(crate) fn incident(severity: Severity, phase: IncidentPhase) -> IncidentState {
    IncidentState {
        since: at("2026-11-22T22:00:00Z"),
        phase,
        severity,
        summary: format!("It has been so for 14 h: {HOSTILE}"),
        next_step: "Re-save the profile.".to_owned(),
        affected: vec![IntegrationKey::group(name()), organization_key(1)],
        members: vec![organization(1)],
        cause: None,
        deadline: Some(at("2026-12-01T00:00:00Z")),
        tracking: IncidentTracking::default(),
    }
}

pub(crate) fn incidents() -> BTreeMap<IncidentKey, IncidentState> {
    let open = IncidentPhase::Open { opened_at: at("2026-11-23T11:00:00Z") };
    let workspace = |slug: &str| Subject::Workspace(name(), slug.into());
    let key = |rule, subject| IncidentKey { rule, subject };
    BTreeMap::from([
        (
            key(Rule::PartiallyConnected, Subject::Integration(IntegrationKey::group(name()))),
            incident(Severity::Warning, open),
        ),
        (
            key(Rule::CredentialExpiring, Subject::Credential("bitbucket-acme".into())),
            incident(Severity::Info, IncidentPhase::Pending),
        ),
        (key(Rule::NamespaceNotFound, workspace("acme")), incident(Severity::Critical, IncidentPhase::Pending)),
        (key(Rule::NamespaceNotFound, workspace("acme-two")), incident(Severity::Critical, open)),
        (key(Rule::UpstreamUnreachable, Subject::Api("snyk/acme-us".into())), incident(Severity::Warning, open)),
        (key(Rule::TestsStale, Subject::Organizations(name())), incident(Severity::Warning, open)),
    ])
}

/// Group, Organizations 1 and 2, and of the required 4 nothing yet.
pub(crate) fn state() -> State {
    let mut state = State::default();
    let mut group = integration(Level::Group, Status::PartiallyConnected, HOSTILE);
    group.progress = Some(progress());
    state.integrations.insert(IntegrationKey::group(name()), group);
    state.integrations.insert(organization_key(1), integration(Level::Organization, Status::Connected, "Payments"));
    state.integrations.insert(organization_key(2), integration(Level::Organization, Status::Unknown, HOSTILE));
    state.evidence.organizations.insert(organization_key(1), imports());
    state.credentials.insert("bitbucket-acme".into(), credential());
    let proof = |value| evidence(value, ProbeKind::ScmCredential);
    let permissions = BTreeMap::from([
        (Permission::RepositoryRead, proof(PermissionProof::Granted)),
        (
            Permission::WebhookWrite,
            proof(PermissionProof::Missing { scope: Some("write:webhook:bitbucket".to_owned()) }),
        ),
        (Permission::IssueRead, proof(PermissionProof::Unverifiable)),
        (Permission::RepositoryAdmin, proof(PermissionProof::Partial { granted: 3, total: 5 })),
    ]);
    let scm = ScmCredentialEvidence { permissions, ..ScmCredentialEvidence::default() };
    state.evidence.scm_credentials.insert("bitbucket-acme".into(), scm);
    state.incidents = incidents();
    let ending = VersionEnding {
        version: "2024-10-15".to_owned(),
        stage: "deprecated".to_owned(),
        sunset_at: Some(at("2027-01-01T00:00:00Z")),
        seen_at: now(),
    };
    let failing = ApiFacts {
        last_conclusive_at: Some(at("2026-11-23T09:30:00Z")),
        inconclusive_since: Some(at("2026-11-23T10:00:00Z")),
        unreached_since: None,
        unasked_since: None,
        last_failure: Some(("timeout".to_owned(), HOSTILE.to_owned())),
        version_ending: Some(ending),
        clock_skew: Some(TimeDelta::seconds(-3)),
        ..ApiFacts::default()
    };
    let answering = ApiFacts { last_conclusive_at: Some(now()), ..ApiFacts::default() };
    let apis: [(ApiName, ApiFacts); 2] = [("snyk/acme-us".into(), failing), ("bitbucket-cloud".into(), answering)];
    state.evidence.apis.extend(apis);
    state
}

/// `count` more Organizations, all connected.
pub(crate) fn with_organizations(mut state: State, count: u32) -> State {
    for number in 0..count {
        let organization = integration(Level::Organization, Status::Connected, "Payments");
        state.integrations.insert(organization_key(1000 + number), organization);
        state.evidence.organizations.insert(organization_key(1000 + number), imports());
    }
    state
}

pub(crate) fn snapshot() -> Snapshot {
    Snapshot::build(&fleet(), &state(), now(), own())
}

/// The state with what people said and were told: one incident is acknowledged, one is silenced.
pub(crate) fn told_state() -> State {
    let mut state = state();
    with_telling(|telling| drop(crate::notify::evaluate(&mut state, &[], telling.situation)));
    let about = |rule: Rule| state.incidents.keys().find(|key| key.rule == rule).unwrap().clone();
    let (acknowledged, silenced) = (about(Rule::PartiallyConnected), about(Rule::TestsStale));
    let opened_at = at("2026-11-23T11:00:00Z");
    let (author, comment) = (HOSTILE.to_owned(), HOSTILE.to_owned());
    let acknowledgement = Acknowledgement { opened_at, author, comment, at: at("2026-11-23T11:30:00Z") };
    state.attention.acknowledgements.insert(acknowledged, acknowledgement);
    let silence = |incident: Option<&IncidentKey>, starts_at, ends_at| Silence {
        matcher: Matcher { incident: incident.map(ToString::to_string), ..Matcher::default() },
        author: HOSTILE.to_owned(),
        reason: HOSTILE.to_owned(),
        starts_at,
        ends_at,
        counted: Counted::Span,
    };
    let made = [
        ("one", silence(Some(&silenced), at("2026-11-23T11:00:00Z"), at("2026-11-23T14:00:00Z"))),
        ("two", silence(None, at("2026-11-24T00:00:00Z"), at("2026-11-24T02:00:00Z"))),
        ("over", silence(None, at("2026-11-23T01:00:00Z"), at("2026-11-23T02:00:00Z"))),
    ];
    state.attention.silences.extend(made.map(|(id, silence)| (id.into(), silence)));
    state
}

/// Everything is told to `chat`, which is reminded every four hours, and what is critical to `on-call` too, which does
/// not know us. `mail` was never used.
pub(crate) fn with_telling<T>(show: impl FnOnce(&Telling<'_>) -> T) -> T {
    let route = |severities: &[Severity], receiver: &str, remind_every| Route {
        matcher: Matcher { severities: severities.iter().copied().collect(), ..Matcher::default() },
        receivers: vec![receiver.into()],
        remind_every,
        continues: true,
        ..Route::default()
    };
    let names = ["chat", "mail", "on-call"];
    let routing = Routing {
        routes: vec![route(&[Severity::Critical], "on-call", None), route(&[], "chat", Some(TimeDelta::hours(4)))],
        receivers: names.into_iter().map(Into::into).collect(),
        ..Routing::default()
    };
    let settings = |name: &str| {
        let kind = ReceiverKind::Slack(SlackSettings { webhook_url: SecretSource::File("webhook".into()) });
        let (http, templates) = (HttpSettings::default(), Templates::default());
        (name.into(), Arc::new(ReceiverSettings { name: name.into(), kind, http, templates }))
    };
    let receivers = names.into_iter().map(settings).collect();
    let failure = AttemptFailure { reason: FailureReason::Unauthorized, detail: format!("it answered 403: {HOSTILE}") };
    let refusing = FailingReceiver { since: at("2026-11-23T11:00:05Z"), failure, lost: BTreeMap::new() };
    let waiting = Backlog { pending: 2, oldest_pending: Some(at("2026-11-23T11:00:00Z")), ..Backlog::default() };
    let well = Backlog { last_delivered_at: Some(at("2026-11-23T11:00:01Z")), ..Backlog::default() };
    let board = Board {
        receivers: BTreeMap::from([
            ("chat".into(), ReceiverBoard { backlog: well, ..ReceiverBoard::default() }),
            ("on-call".into(), ReceiverBoard { backlog: waiting, failing: Some(refusing), ..ReceiverBoard::default() }),
        ]),
    };
    let (fleet, url) = (fleet(), "http://127.0.0.1:9979".parse().unwrap());
    let situation = Situation {
        fleet: &fleet,
        routing: &routing,
        failing: &board.failing(now()),
        dispatch: Dispatch::Deliver,
        external_url: &url,
        now: now(),
    };
    show(&Telling { situation: &situation, board: &board, receivers: &receivers })
}

/// The sample with who is told of what.
pub(crate) fn told_snapshot() -> Snapshot {
    let state = told_state();
    with_telling(|telling| Snapshot::build_after(None, &fleet(), &state, Some(telling), now(), own()))
}
