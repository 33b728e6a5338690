//! Whole rounds against answers shaped as the vendors' own, over real HTTP on loopback.

mod administration;
mod audit;
mod bitbucket;
mod contradictions;
mod former;
mod hostile;
mod imports;
mod membership;
mod namespaces;
mod outcome;
mod snyk;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::matchers::{method, path};
use wiremock::{Match, Mock, MockServer, Request, ResponseTemplate};

use self::outcome::shown;
use super::*;
use crate::client::ClientContext;
use crate::client::answer::KnownSecrets;
use crate::client::atlassian_admin::{AtlassianAdminClient, AtlassianAdminOptions};
use crate::client::bitbucket_cloud::{ApiTokenScheme, BitbucketCloudAuth, BitbucketCloudOptions};
use crate::client::budget::{BudgetLimits, RequestBudget};
use crate::client::http::{HttpClient, HttpOptions};
use crate::client::snyk::{DEFAULT_VERSION, SnykAuth, SnykClient, SnykOptions, TokenScheme};
use crate::client::telemetry::NoTelemetry;
use crate::clock::Pace;
use crate::domain::evidence::Evidence;
use crate::domain::fleet::{
    Fleet, RulePolicy, ScmCredential, SnykToken, Thresholds, WatchedGroup, WatchedIntegration, WatchedOrganizations,
    WatchedProfile,
};
use crate::domain::kinds::{Role, Scm};
use crate::domain::names::{
    GroupId, IntegrationKey, IntegrationName, OrganizationId, ProfileName, Revision, WorkspaceSlug,
};
use crate::domain::permission::PermissionSet;
use crate::domain::work::{ApiNotice, Finding, WorkSubject};
use crate::probe::scm::ScmProbes;
use crate::probe::scm::bitbucket_cloud::{AdminListing, BitbucketCloudTarget};

const GROUP: Uuid = Uuid::from_u128(1);
const ORGANIZATION: Uuid = Uuid::from_u128(2);

/// One integration `acme` of workspace `acme`, both ends on one server.
pub(super) struct World {
    server: MockServer,
    clock: Clock,
    memory: Arc<ProbeMemory>,
    pub(super) former: Arc<FormerSecrets>,
    pub(super) fleet: Fleet,
    pub(super) auth: BitbucketCloudAuth,
    /// Label and e-mail by which the admin API is asked.
    pub(super) listed_as: Option<(&'static str, &'static str)>,
    pub(super) state: State,
    pub(super) settings: IntegrationSettings,
}

pub(super) fn at(text: &str) -> DateTime<Utc> {
    format!("{text}:00Z").parse().unwrap()
}

pub(super) fn now() -> DateTime<Utc> {
    at("2026-11-23T09:00")
}

impl World {
    pub(super) async fn new() -> Self {
        crate::client::http::install_tls_provider();
        let auth = BitbucketCloudAuth::ApiToken {
            email: "bot@acme.example".to_owned(),
            token: "ATATT3xsecret".into(),
            scheme: ApiTokenScheme::Basic,
        };
        Self {
            server: MockServer::start().await,
            clock: Clock::scaled(now(), Pace::Immediate),
            memory: Arc::default(),
            former: Arc::default(),
            fleet: fleet(),
            auth,
            listed_as: None,
            state: State::default(),
            settings: IntegrationSettings::default(),
        }
    }

    pub(super) async fn answers(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    pub(super) async fn answers_when(&self, at: &str, condition: impl Match + 'static, answer: ResponseTemplate) {
        Mock::given(path(at)).and(condition).respond_with(answer).with_priority(1).mount(&self.server).await;
    }

    pub(super) async fn forget_answers(&self) {
        self.server.reset().await;
    }

    /// Paths asked for since the server began or was reset.
    pub(super) async fn asked(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().map(|request| request.url.path().to_owned()).collect()
    }

    fn context(&self) -> ClientContext {
        ClientContext {
            api: "test".to_owned(),
            http: HttpClient::build(&HttpOptions::default()).unwrap(),
            budget: RequestBudget::new(
                BudgetLimits { limits: Vec::new(), shortest_pause: Duration::from_mins(1) },
                &self.clock,
            ),
            clock: self.clock.clone(),
            telemetry: Arc::new(NoTelemetry),
            secrets: KnownSecrets::default(),
        }
    }

    /// What is asked of the Git host with this.
    pub(super) fn scm(&self, auth: BitbucketCloudAuth, admin: Option<AdminListing>) -> Arc<dyn ScmProbes> {
        let url = |below: &str| format!("{}{below}", self.server.uri()).parse().unwrap();
        let options = BitbucketCloudOptions { api_url: url("/2.0"), oauth_url: url(""), auth };
        Arc::new(BitbucketCloudTarget::new(options, self.context(), admin).unwrap())
    }

    fn prober(&self) -> Prober {
        let context = || self.context();
        let url = |below: &str| format!("{}{below}", self.server.uri()).parse().unwrap();
        let token = SnykAuth::Token { token: "snyk_uat.secret".into(), scheme: TokenScheme::Token };
        let options = SnykOptions { api_url: url(""), version: DEFAULT_VERSION.to_owned(), auth: token };
        let snyk = SnykTarget { client: SnykClient::new(options, context()).unwrap(), token_label: None };
        let admin = self.listed_as.map(|(label, email)| AdminListing {
            client: AtlassianAdminClient::new(
                AtlassianAdminOptions {
                    api_url: url(""),
                    organization_id: "o1".to_owned(),
                    api_key: "adminkey".into(),
                },
                context(),
            )
            .unwrap(),
            label: Some(label.to_owned()),
            email: Some(email.to_owned()),
        });
        let targets = Targets {
            fleet: Arc::new(self.fleet.clone()),
            snyk: [("snyk".into(), snyk)].into(),
            scm: [("pat".into(), self.scm(self.auth.clone(), admin))].into(),
            former: Arc::clone(&self.former),
            settings: [("acme".into(), self.settings.clone())].into(),
        };
        Prober::new(targets, self.clock.clone(), Arc::clone(&self.memory))
    }

    pub(super) async fn run(&self, kind: ProbeKind, subject: WorkSubject) -> ProbeRun {
        let context = Context { state: Arc::new(self.state.clone()) };
        self.prober().run(&Work { kind, subject }, &context).await
    }

    pub(super) async fn run_group(&self, kind: ProbeKind) -> ProbeRun {
        self.run(kind, WorkSubject::Group("acme".into())).await
    }

    pub(super) async fn run_organization(&self, kind: ProbeKind) -> ProbeRun {
        self.run(kind, WorkSubject::Organization(organization_key())).await
    }

    pub(super) async fn run_credential(&self, kind: ProbeKind, name: &str) -> ProbeRun {
        self.run(kind, WorkSubject::Credential(name.into())).await
    }

    pub(super) async fn run_profile(&self) -> ProbeRun {
        self.run(ProbeKind::Profile, WorkSubject::Profile("acme".into(), "main".into())).await
    }

    /// Takes the findings over as evidence, as far as probes read it.
    pub(super) fn keep(&mut self, run: &ProbeRun) {
        let book = &mut self.state.evidence;
        let kind = run.work.kind;
        for finding in run.outcome.findings.clone() {
            match finding {
                Finding::Workspaces(name, profile, facts) => {
                    let slot = book.groups.entry(name).or_default().profiles.entry(profile).or_default();
                    slot.workspaces = Some(evidence(facts, run.started_at, kind));
                }
                Finding::Repositories(name, profile, set) => {
                    let slot = book.groups.entry(name).or_default().profiles.entry(profile).or_default();
                    slot.repositories = Some(evidence(set, run.started_at, kind));
                }
                Finding::Assets(name, walk) => {
                    book.groups.entry(name).or_default().assets = Some(evidence(walk, run.started_at, kind));
                }
                Finding::Imports(key, imports) => {
                    book.organizations.entry(key).or_default().imports = Some(evidence(imports, run.started_at, kind));
                }
                Finding::Events(key, events) => {
                    book.organizations.entry(key).or_default().events = Some(evidence(events, run.started_at, kind));
                }
                Finding::Organizations(name, listing) => {
                    book.groups.entry(name).or_default().organizations = Some(evidence(listing, run.started_at, kind));
                }
                Finding::Presence(key, presence) => {
                    book.organizations.entry(key).or_default().presence =
                        Some(evidence(presence, run.started_at, kind));
                }
                Finding::PullRequestChecks(key, checks) => {
                    let slot = book.organizations.entry(key).or_default();
                    slot.pull_request_checks = Some(evidence(checks, run.started_at, kind));
                }
                Finding::RemovedOrganizations(name, removed) => {
                    let slot = book.groups.entry(name).or_default();
                    slot.removed_organizations = Some(evidence(removed, run.started_at, kind));
                }
                Finding::Permission(name, permission, proof) => {
                    let slot = book.scm_credentials.entry(name).or_default();
                    slot.permissions.insert(permission, evidence(proof, run.started_at, kind));
                }
                _ => {}
            }
        }
    }
}

pub(super) fn evidence<T>(value: T, observed_at: DateTime<Utc>, probe: ProbeKind) -> Evidence<T> {
    Evidence {
        value,
        observed_at,
        probe,
        max_age: TimeDelta::hours(3),
        revision: Revision::default(),
        restored_until: None,
    }
}

pub(super) fn organization_key() -> IntegrationKey {
    IntegrationKey::organization(IntegrationName::from("acme"), OrganizationId(ORGANIZATION))
}

fn fleet() -> Fleet {
    let profile =
        WatchedProfile { credential: "pat".into(), workspaces: [WorkspaceSlug::from("acme")].into_iter().collect() };
    let group = WatchedGroup {
        snyk: "snyk".into(),
        id: GroupId(GROUP),
        configured_at: None,
        permissions: PermissionSet::pilot_guide(),
        group_permissions: PermissionSet::group(),
        profiles: [(ProfileName::from("main"), profile)].into(),
        catalog_file: Some("catalog-info.yaml".to_owned()),
        ignore: Vec::new(),
    };
    let organizations = WatchedOrganizations {
        snyk: "snyk".into(),
        credential: "pat".into(),
        overrides: BTreeMap::new(),
        require: [].into(),
        asked: [].into(),
        discover: None,
        excluded: std::collections::BTreeSet::new(),
        named: BTreeMap::new(),
        permissions: PermissionSet::organization(),
    };
    let integration = WatchedIntegration {
        scm: Scm::BitbucketCloud,
        owner: None,
        group: Some(group),
        organizations: Some(organizations),
        thresholds: Thresholds::default(),
        rules: RulePolicy { timings: BTreeMap::new() },
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
    Fleet {
        snyk_tokens: [(
            "snyk".into(),
            SnykToken {
                api: "snyk/snyk".into(),
                app_root: None,
                token_version: None,
                refused: None,
                host: Revision::default(),
                revision: Revision::default(),
            },
        )]
        .into(),
        scm_credentials: [("pat".into(), credential)].into(),
        integrations: [("acme".into(), integration)].into(),
        apis: BTreeMap::new(),
        rules: RulePolicy::default(),
        thresholds: Thresholds::default(),
        max_ages: BTreeMap::new(),
    }
}

pub(super) fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

pub(super) fn error(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"errors": [{"status": status.to_string(), "detail": "no"}]}))
}

pub(super) fn html(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw("<html>Log in</html>", "text/html")
}

/// Whether the query has this parameter.
pub(super) struct Asks(pub(super) &'static str);

impl Match for Asks {
    fn matches(&self, request: &Request) -> bool {
        request.url.query_pairs().any(|(name, value)| name == self.0 || format!("{name}={value}") == self.0)
    }
}

/// Whether the body contains this.
pub(super) struct Says(pub(super) &'static str);

impl Match for Says {
    fn matches(&self, request: &Request) -> bool {
        String::from_utf8_lossy(&request.body).contains(self.0)
    }
}

#[tokio::test]
async fn work_about_something_unknown_finds_nothing() {
    let world = World::new().await;
    for (kind, subject) in [
        (ProbeKind::GroupAccess, WorkSubject::Group("other".into())),
        (ProbeKind::SnykToken, WorkSubject::Credential("other".into())),
        (ProbeKind::Profile, WorkSubject::Group("acme".into())),
    ] {
        let run = world.run(kind, subject).await;
        assert_eq!((run.outcome.findings.len(), run.outcome.failures.len()), (0, 0), "{}", run.work);
    }
    assert_eq!(world.asked().await, Vec::<String>::new());
}

#[tokio::test]
async fn rounds_run_side_by_side_and_take_turns() {
    let world = World::new().await;
    world.answers("GET", &format!("/rest/groups/{GROUP}"), snyk::group("2026-03-25")).await;
    let prober = Arc::new(world.prober());
    let rounds = (0..3 * AT_A_TIME).map(|_| {
        let prober = Arc::clone(&prober);
        tokio::spawn(async move {
            let work = Work { kind: ProbeKind::GroupAccess, subject: WorkSubject::Group("acme".into()) };
            prober.run(&work, &Context { state: Arc::new(State::default()) }).await
        })
    });
    for round in rounds.collect::<Vec<_>>() {
        assert_eq!(round.await.unwrap().outcome.findings.len(), 1);
    }
    assert_eq!(prober.turns.get(&CredentialName::from("snyk")).map(Semaphore::available_permits), Some(AT_A_TIME));
}

#[tokio::test]
async fn a_deadline_keeps_what_was_found_before_it() {
    let world = World::new().await;
    world.answers("GET", "/rest/self", snyk::user()).await;
    let hanging = ok(&json!({"data": []})).set_delay(Duration::from_mins(1));
    world.answers("GET", "/rest/self/personal_access_tokens", hanging).await;
    let work = Work { kind: ProbeKind::SnykToken, subject: WorkSubject::Credential("snyk".into()) };
    let context = Context { state: Arc::new(State::default()) };
    let run = world.prober().run_within(&work, &context, Duration::from_secs(2)).await;
    insta::assert_snapshot!(shown(&run), @r#"
    Accepted { principal: "user", id: "u1", name: Some("Monitor") }
    FAILED snyk/snyk timeout (api): snyk_token did not end within 2 s
    "#);
}

#[tokio::test]
async fn an_api_says_of_itself_what_its_headers_say() {
    let world = World::new().await;
    let answer = snyk::user()
        .insert_header("date", "Mon, 23 Nov 2026 09:00:07 GMT")
        .insert_header("snyk-version-requested", "2026-03-25")
        .insert_header("snyk-version-lifecycle-stage", "deprecated")
        .insert_header("sunset", "2027-03-01");
    world.answers("GET", "/rest/self", answer).await;
    world.answers("GET", "/rest/self/personal_access_tokens", error(403)).await;
    let run = world.run_credential(ProbeKind::SnykToken, "snyk").await;
    let api = ApiName::from("snyk/snyk");
    assert!(run.outcome.notices.contains(&ApiNotice::Answered(api.clone())));
    assert!(run.outcome.notices.iter().any(|notice| matches!(notice, ApiNotice::ClockSkew(..))));
    let ending = run.outcome.notices.iter().find_map(|notice| match notice {
        ApiNotice::VersionEnding(_, ending) => ending.clone(),
        _ => None,
    });
    assert_eq!(ending.and_then(|ending| ending.sunset_at), Some(at("2027-03-01T00:00")));

    // Another endpoint of the same API that names no end does not withdraw it.
    world.answers("GET", &format!("/rest/groups/{GROUP}"), snyk::group("2026-03-25")).await;
    let run = world.run_group(ProbeKind::GroupAccess).await;
    let endings = run.outcome.notices.iter().filter(|notice| matches!(notice, ApiNotice::VersionEnding(_, Some(_))));
    assert_eq!(endings.count(), 1);
}
