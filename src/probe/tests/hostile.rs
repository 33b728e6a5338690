//! Attacks on whole rounds: from what the APIs answer to what the state holds, what is stored of it and what is shown.

use super::*;
use crate::client::answer::KnownSecrets;
use crate::client::hostile::{WORDS, question_and_script, transport};
use crate::client::testing::script::Script;
use crate::domain::state::State;
use crate::health;
use crate::hostile::{Attack, told};
use crate::snapshot::Snapshot;
use crate::store::parts::{Assembly, Changes};

/// Secrets without a shape by which they would be known.
const SECRETS: [&str; 3] = ["hunter2-of-acme", "hunter3/of+acme", "hunter5-of-acme"];

/// A round asks no more than so many questions when all its answers are short.
const MOST_REQUESTS: usize = 400;

fn prober(fleet: &Fleet, clock: &Clock) -> Prober {
    let secrets = KnownSecrets::default();
    let url = || "http://127.0.0.1:9".parse().unwrap();
    let context = || ClientContext {
        api: "test".to_owned(),
        http: transport(),
        budget: RequestBudget::new(BudgetLimits { limits: Vec::new(), shortest_pause: Duration::ZERO }, clock),
        clock: clock.clone(),
        telemetry: Arc::new(NoTelemetry),
        secrets: secrets.clone(),
    };
    let auth = SnykAuth::Token { token: "hunter2-of-acme".into(), scheme: TokenScheme::Token };
    let options = SnykOptions { api_url: url(), version: DEFAULT_VERSION.to_owned(), auth };
    let snyk = SnykTarget { client: SnykClient::new(options, context()).unwrap(), token_label: None };
    let admin =
        AtlassianAdminOptions { api_url: url(), organization_id: "o1".to_owned(), api_key: "hunter5-of-acme".into() };
    let admin = AdminListing {
        client: AtlassianAdminClient::new(admin, context()).unwrap(),
        label: Some("snyk".to_owned()),
        email: Some("bot@acme.example".to_owned()),
    };
    let auth = BitbucketCloudAuth::ApiToken {
        email: "bot@acme.example".to_owned(),
        token: "hunter3/of+acme".into(),
        scheme: ApiTokenScheme::Basic,
    };
    let options = BitbucketCloudOptions { api_url: url(), oauth_url: url(), auth };
    let scm: Arc<dyn ScmProbes> = Arc::new(BitbucketCloudTarget::new(options, context(), Some(admin)).unwrap());
    let targets = Targets {
        fleet: Arc::new(fleet.clone()),
        snyk: [("snyk".into(), snyk)].into(),
        scm: [("pat".into(), scm)].into(),
        former: Arc::default(),
        settings: [("acme".into(), IntegrationSettings::default())].into(),
    };
    Prober::new(targets, clock.clone(), Arc::default())
}

fn subject_of(kind: ProbeKind) -> WorkSubject {
    match kind {
        ProbeKind::SnykToken => WorkSubject::Credential("snyk".into()),
        ProbeKind::ScmCredential => WorkSubject::Credential("pat".into()),
        ProbeKind::Profile => WorkSubject::Profile("acme".into(), "main".into()),
        ProbeKind::GroupAccess | ProbeKind::Inventory | ProbeKind::Catalog | ProbeKind::OrganizationList => {
            WorkSubject::Group("acme".into())
        }
        ProbeKind::Organization | ProbeKind::Webhooks => WorkSubject::Organization(organization_key()),
    }
}

/// The state as it is after it was stored and read again; its parts are the same.
fn stored_and_read(state: &State) -> State {
    let parts = |state: &State| {
        let mut parts = Changes::between(&State::default(), state).unwrap().written;
        parts.sort_by(|one, other| (one.kind.as_str(), &one.key).cmp(&(other.kind.as_str(), &other.key)));
        parts
    };
    let written = parts(state);
    let mut assembly = Assembly::default();
    for part in &written {
        assembly.add(part.kind.as_str(), &part.key, &part.json).unwrap();
    }
    let read = assembly.finish().unwrap();
    assert_eq!(parts(&read), written);
    read
}

/// Evaluates as time passes. Asking twice at one instant changes nothing the second time, and all of it can be shown.
fn evaluated(state: &mut State, fleet: &Fleet, at: DateTime<Utc>) {
    health::evaluate(state, fleet, at);
    assert_eq!(health::evaluate(state, fleet, at), Vec::new(), "at {at}");
    health::incidents::evaluate(state, fleet, at);
    Snapshot::build(fleet, state, at, crate::snapshot::sample::own());
}

fn examples() -> Vec<Vec<u8>> {
    let ok = |body: &str| {
        format!("\n=====\n200\nx-oauth-scopes: repository, webhook, pullrequest, project, account\n\n{body}")
    };
    let user = ok(r#"{"uuid":"{1}","account_id":"a1","display_name":"Bot"}"#);
    let me = ok(r#"{"data":{"type":"user","id":"u1","attributes":{"name":"Monitor"}}}"#);
    let tokens = ok(
        r#"{"data":[{"id":"t1","attributes":{"label":"a","created_at":"2026-01-01T00:00:00Z","expires_at":"2027-01-01"}}],"links":{}}"#,
    );
    let managed = ok(
        r#"{"data":[{"id":"k1","label":"snyk","status":"ALLOWED","createdAt":"2026-01-01T00:00:00Z","expiresAt":"2027-01-01T00:00:00Z","lastActiveAt":"2026-11-22T00:00:00Z","user":{"id":"u1","email":"bot@acme.example"}}],"links":{}}"#,
    );
    let group = ok(r#"{"data":{"id":"00000000-0000-0000-0000-000000000001","attributes":{"name":"acme"}}}"#);
    let organization = ok(
        r#"{"data":{"id":"00000000-0000-0000-0000-000000000002","attributes":{"name":"shop","group_id":"00000000-0000-0000-0000-000000000001"}}}"#,
    );
    let organizations = ok(
        r#"{"data":[{"id":"00000000-0000-0000-0000-000000000002","attributes":{"name":"shop","slug":"shop","created_at":"2026-01-01T00:00:00Z"}}],"links":{}}"#,
    );
    let integrations = ok(r#"{"bitbucket-cloud":"9a3e5d90-b782-468a-a042-9a2073736f0b"}"#);
    let settings = ok(r#"{"pullRequestTestEnabled":true}"#);
    let targets = ok(
        r#"{"data":[{"id":"t1","attributes":{"display_name":"acme/web","url":"https://bitbucket.org/acme/web","created_at":"2026-01-01T00:00:00Z"},"relationships":{"integration":{"data":{"id":"9a3e5d90-b782-468a-a042-9a2073736f0b","attributes":{"integration_type":"bitbucket-cloud"}}}}}],"links":{}}"#,
    );
    let projects = ok(
        r#"{"data":[{"id":"p1","attributes":{"name":"acme/web:package.json","origin":"bitbucket-cloud","status":"active","created":"2026-01-01T00:00:00Z","settings":{"recurring_tests":{"frequency":"daily"}}},"meta":{"latest_issue_counts":{"updated_at":"2026-11-22T00:00:00Z"}},"relationships":{"target":{"data":{"id":"t1"}}}}],"links":{},"meta":{"count":1}}"#,
    );
    let events = ok(
        r#"{"data":{"items":[{"created":"2026-11-22T00:00:00Z","event":"org.integration.edit","org_id":"00000000-0000-0000-0000-000000000002","content":{"integrationPublicId":"9a3e5d90-b782-468a-a042-9a2073736f0b"}}]},"links":{}}"#,
    );
    let workspaces = ok(r#"{"values":[{"administrator":true,"workspace":{"slug":"acme","uuid":"{1}"}}],"size":1}"#);
    let repositories = ok(
        r#"{"size":1,"values":[{"uuid":"{r1}","full_name":"acme/web","name":"web","is_private":true,"created_on":"2026-01-01T00:00:00+00:00","updated_on":"2026-11-20T00:00:00+00:00","size":7,"mainbranch":{"name":"main"},"project":{"key":"WEB"},"links":{"html":{"href":"https://bitbucket.org/acme/web"}}}]}"#,
    );
    let hooks =
        ok(r#"{"values":[{"uuid":"{h}","url":"https://api.snyk.io/webhook","active":true,"events":["repo:push"]}]}"#);
    let searched = ok(
        r#"{"data":[{"id":"a1","attributes":{"name":"web","repository_url":"https://bitbucket.org/acme/web.git","browse_url":"https://bitbucket.org/acme/web","archived":false,"sources":["bitbucket"],"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-11-22T00:00:00Z"}}]}"#,
    );
    let inventory = ok(
        r#"{"data":[{"id":"a1","type":"repositories","attributes":{"name":"web","url":"https://bitbucket.org/acme/web","scm_id":"{r1}","scm_organization":"acme","archived":false,"last_sync":"2026-11-22T00:00:00Z","org_context":{"a":1}}}],"meta":{"count":1}}"#,
    );
    let round = |kinds: &str, answers: &[&String]| {
        let answers: String = answers.iter().map(|answer| answer.as_str()).collect();
        format!("{kinds}\n{}", answers.trim_start_matches("\n=====\n")).into_bytes()
    };
    vec![
        round("snyk_token", &[&me, &tokens]),
        round("scm_credential", &[&user, &managed]),
        round("group_access", &[&group]),
        round("profile", &[&workspaces, &repositories, &repositories, &repositories, &user, &hooks]),
        round("inventory", &[&searched, &searched, &inventory, &searched]),
        round("profile inventory catalog", &[&workspaces, &repositories, &searched, &inventory, &searched, &inventory]),
        round("organization_list", &[&organizations, &events]),
        round("organization", &[&organization, &integrations, &settings, &targets, &projects, &events]),
        round("organization webhooks", &[&organization, &integrations, &targets, &projects, &events, &hooks]),
        round("scm_credential snyk_token", &[&"\n=====\n401\n\n{}".to_owned(), &"\n=====\n403\n\n{}".to_owned()]),
    ]
}

#[test]
fn rounds() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let fleet = fleet();
    Attack { name: "rounds", examples: examples(), words: WORDS, runs: 500 }.run(|input| {
        let (kinds, script) = question_and_script(input);
        let clock = Clock::scaled(now(), Pace::Immediate);
        let prober = prober(&fleet, &clock);
        let mut state = State::default();
        let mut came = Vec::new();
        script.begin();
        let kinds = kinds.split(|byte| *byte == b' ').take(4);
        for kind in kinds.filter_map(|word| ProbeKind::ALL.iter().find(|kind| kind.as_str().as_bytes() == word)) {
            let work = Work { kind: *kind, subject: subject_of(*kind) };
            let context = Context { state: Arc::new(state.clone()) };
            let run = runtime.block_on(prober.run(&work, &context));
            assert!(run.finished_at >= run.started_at);
            for failure in &run.outcome.failures {
                assert!(failure.detail.chars().count() <= 600, "{failure:?}");
                assert!(!failure.detail.chars().any(char::is_control), "{failure:?}");
                for secret in SECRETS {
                    assert!(!failure.detail.contains(secret), "{failure:?}");
                }
                came.push(failure.reason);
            }
            health::observe(&mut state, &fleet, health::Policy::default(), &run);
            evaluated(&mut state, &fleet, run.finished_at);
        }
        let asked = Script::end().asked.len();
        assert!(asked <= MOST_REQUESTS, "{asked} requests");
        let mut state = stored_and_read(&state);
        for later in [TimeDelta::hours(2), TimeDelta::days(3), TimeDelta::days(200), TimeDelta::days(4_000)] {
            evaluated(&mut state, &fleet, now() + later);
        }
        let statuses: Vec<_> = state
            .integrations
            .values()
            .map(|integration| integration.status.as_ref().map(|status| status.status))
            .collect();
        told((came, statuses, asked.min(20), state.incidents.len()))
    });
}
