//! How long a large fleet takes, and how much memory: 10,000 Organization integrations and a Group with 100,000
//! repositories, all known and well.
//!
//! Prints times, memory and their budgets; the encoding of metrics beside that of the `prometheus` crate for as many
//! series, and commits to SQLite beside those to memory, measured in the same run. Run it with `cargo bench --bench fleet`; nothing else should run then.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up is broken")]

#[path = "fleet/store.rs"]
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use prometheus::{Encoder as _, GaugeVec, Opts, Registry, TextEncoder};
use uuid::Uuid;

use snykwatch::domain::facts::{
    Access, Asset, AssetWalk, AuditEvents, IntegrationPresence, LastTest, OrganizationImports, OrganizationListing,
    PermissionProof, Project, Repository, RepositorySet, ScmAuthentication, SnykAuthentication, Target, TestFrequency,
    WebhookCheck, WebhookSample, WebhookState, WorkspaceFact,
};
use snykwatch::domain::fleet::{
    Fleet, RulePolicy, ScmCredential, SnykToken, Thresholds, WatchedGroup, WatchedIntegration, WatchedOrganizations,
    WatchedProfile,
};
use snykwatch::domain::kinds::{Role, Scm};
use snykwatch::domain::names::{
    GroupId, IntegrationKey, IntegrationName, OrganizationId, RepositoryId, Revision, WorkspaceSlug,
};
use snykwatch::domain::permission::PermissionSet;
use snykwatch::domain::state::State;
use snykwatch::domain::status::Status;
use snykwatch::domain::work::{Finding, Outcome, ProbeKind, ProbeRun, Work, WorkSubject};
use snykwatch::health::{self, Policy, incidents};
use snykwatch::metrics::{BuildInfo, Exporter, Options, OrganizationDetail, OwnMetrics};
use snykwatch::snapshot::{Own, Snapshot};

const ORGANIZATIONS: usize = 10_000;
const REPOSITORIES: usize = 100_000;
/// Sampled webhooks of each Organization.
const SAMPLED: usize = 5;
const RUNS: usize = 15;

/// Budgets of the product for this load.
const EVALUATION_BUDGET: Duration = Duration::from_millis(100);
const MEMORY_BUDGET_MEGABYTES: f64 = 200.0;

fn main() {
    let start: DateTime<Utc> = "2026-11-23T03:00:00Z".parse().unwrap();
    let empty = resident_megabytes();
    let fleet = fleet(start);
    let mut state = State::default();
    let observing = timed(|| observe_everything(&mut state, &fleet, start));
    let first = timed(|| {
        black_box(health::evaluate(&mut state, &fleet, start));
        black_box(incidents::evaluate(&mut state, &fleet, start));
    });
    let known = resident_megabytes();
    let connected = |state: &State| {
        let statuses = state.integrations.values().filter_map(|integration| integration.status.as_ref());
        statuses.filter(|status| status.status == Status::Connected).count()
    };
    assert_eq!(connected(&state), ORGANIZATIONS + 1, "all are well");
    println!("{ORGANIZATIONS} Organization integrations, a Group with {REPOSITORIES} repositories");
    println!("observing everything once           {:>9.1} ms", milliseconds(observing));
    println!("first evaluation                    {:>9.1} ms", milliseconds(first));

    let mut now = start;
    let (mut verdicts, mut problems) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        now += TimeDelta::seconds(30);
        verdicts.push(timed(|| assert_eq!(black_box(health::evaluate(&mut state, &fleet, now)), [])));
        problems.push(timed(|| assert_eq!(black_box(incidents::evaluate(&mut state, &fleet, now)), [])));
    }
    let (verdicts, problems) = (median(verdicts), median(problems));
    println!("re-evaluation: conditions, statuses {:>9.1} ms", milliseconds(verdicts));
    println!("re-evaluation: incidents            {:>9.1} ms", milliseconds(problems));
    budget("re-evaluation of everything", milliseconds(verdicts + problems), milliseconds(EVALUATION_BUDGET), "ms");

    let own = Own { version: "0.1.0", started_at: start };
    let mut snapshot = Snapshot::build(&fleet, &state, now, own.clone());
    let building: Vec<Duration> = (0..RUNS)
        .map(|_| timed(|| snapshot = Snapshot::build_after(Some(&snapshot), &fleet, &state, None, now, own.clone())))
        .collect();
    println!("snapshot after a like one           {:>9.1} ms", milliseconds(median(building)));

    let build = BuildInfo { version: "0.1.0", revision: "bench", rustc: "stable" };
    let options = Options { organizations: Some(OrganizationDetail::Full), max_series: usize::MAX };
    let exporter = Exporter::new(OwnMetrics::new(build, &[]).unwrap(), options);
    let mut page = String::new();
    let encoding: Vec<Duration> = (0..RUNS).map(|_| timed(|| page = exporter.text(Some(&snapshot)))).collect();
    let encoding = median(encoding);
    let series = page.lines().filter(|line| !line.starts_with('#')).count();
    println!("metrics: {series} series, {:.1} MB   {:>9.1} ms", page.len() as f64 / 1e6, milliseconds(encoding));
    let (resident, peak) = (resident_megabytes(), peak_megabytes());
    println!("memory: process alone {empty:.0} MB, with state {known:.0} MB, with snapshot and page {resident:.0} MB");
    budget("memory at its peak", peak, MEMORY_BUDGET_MEGABYTES, "MB");

    drop(page);
    yardstick(series, encoding, resident);
    store::measure(&state, &fleet, now);
}

/// The same number of series by the `prometheus` crate, with the labels of the largest family.
fn yardstick(series: usize, ours: Duration, resident: f64) {
    let registry = Registry::new();
    let labels = ["integration", "level", "organization", "scm", "status"];
    let gauge = GaugeVec::new(Opts::new("yardstick", "As many series."), &labels).unwrap();
    registry.register(Box::new(gauge.clone())).unwrap();
    for number in 0..series {
        let organization = organization(number / 7).0.to_string();
        let status = format!("status_{}", number % 7);
        gauge.with_label_values(&["acme", "organization", &organization, "bitbucket-cloud", &status]).set(1.0);
    }
    let runs: Vec<Duration> = (0..5)
        .map(|_| {
            timed(|| {
                let mut page = Vec::new();
                TextEncoder::new().encode(&registry.gather(), &mut page).unwrap();
                black_box(page);
            })
        })
        .collect();
    let theirs = median(runs);
    println!(
        "the prometheus crate, as many series{:>9.1} ms, {:.0} MB more; ours takes {:.2} of that time",
        milliseconds(theirs),
        resident_megabytes() - resident,
        ours.as_secs_f64() / theirs.as_secs_f64()
    );
}

fn budget(what: &str, measured: f64, allowed: f64, unit: &str) {
    let verdict = if measured <= allowed { "within" } else { "OVER" };
    println!("{what:<36}{measured:>9.1} {unit}, {verdict} its budget of {allowed:.0} {unit}");
}

#[expect(clippy::disallowed_methods, reason = "durations of real work, not domain time")]
fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn resident_megabytes() -> f64 {
    status_megabytes("VmRSS:")
}

fn peak_megabytes() -> f64 {
    status_megabytes("VmHWM:")
}

/// A line of `/proc/self/status`; 0 where there is none.
fn status_megabytes(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1e3
}

fn organization(number: usize) -> OrganizationId {
    OrganizationId(Uuid::from_u128(0x9d2f_0000_0000_4000_8000_0000_0000_0000 + number as u128))
}

fn repository(number: usize) -> RepositoryId {
    RepositoryId::new(Uuid::from_u128(0x51c3_0000_0000_4000_8000_0000_0000_0000 + number as u128).to_string())
}

fn name() -> IntegrationName {
    "acme-bitbucket".into()
}

fn fleet(now: DateTime<Utc>) -> Fleet {
    let integration = WatchedIntegration {
        scm: Scm::BitbucketCloud,
        owner: Some("platform".to_owned()),
        group: Some(WatchedGroup {
            snyk: "acme-us".into(),
            id: GroupId(Uuid::from_u128(1)),
            configured_at: Some(now - TimeDelta::days(200)),
            permissions: PermissionSet::pilot_guide(),
            group_permissions: PermissionSet::group(),
            profiles: BTreeMap::from([(
                "main".into(),
                WatchedProfile { credential: "bitbucket-acme".into(), workspaces: BTreeSet::from(["acme".into()]) },
            )]),
            catalog_file: None,
            ignore: vec!["acme/sandbox-*".to_owned()],
        }),
        organizations: Some(WatchedOrganizations {
            snyk: "acme-us".into(),
            credential: "bitbucket-acme".into(),
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
        expires_at: Some(now + TimeDelta::days(200)),
        rotated_at: None,
        token_version: Some("hash".to_owned()),
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
                token_version: Some("hash".to_owned()),
                refused: None,
                host: Revision::default(),
                revision: Revision::default(),
            },
        )]),
        scm_credentials: BTreeMap::from([("bitbucket-acme".into(), credential)]),
        integrations: BTreeMap::from([(name(), integration)]),
        apis: BTreeMap::new(),
        rules: RulePolicy::default(),
        thresholds: Thresholds::default(),
        max_ages: ProbeKind::ALL.iter().map(|kind| (*kind, TimeDelta::hours(3))).collect(),
    }
}

/// One round of every probe.
fn observe_everything(state: &mut State, fleet: &Fleet, now: DateTime<Utc>) {
    let mut observe = |kind, subject, findings| {
        let outcome = Outcome { findings, ..Outcome::default() };
        let run = ProbeRun { work: Work { kind, subject }, started_at: now, finished_at: now, outcome };
        health::observe(state, fleet, Policy::default(), &run);
    };
    let accepted = SnykAuthentication::Accepted { principal: "user".to_owned(), id: "u".to_owned(), name: None };
    let token = WorkSubject::Credential("acme-us".into());
    observe(ProbeKind::SnykToken, token, vec![Finding::SnykAuthentication("acme-us".into(), accepted)]);
    let accepted = ScmAuthentication::Accepted { account: None, token_id: Some("token".to_owned()), scopes: None };
    let mut findings = vec![Finding::ScmAuthentication("bitbucket-acme".into(), accepted)];
    let required = PermissionSet::organization().required;
    let granted = |permission| Finding::Permission("bitbucket-acme".into(), permission, PermissionProof::Granted);
    findings.extend(required.into_iter().map(granted));
    observe(ProbeKind::ScmCredential, WorkSubject::Credential("bitbucket-acme".into()), findings);

    let group = || WorkSubject::Group(name());
    let access = Access::Granted { name: Some("Acme".to_owned()), group: None, created_at: None };
    observe(ProbeKind::GroupAccess, group(), vec![Finding::GroupAccess(name(), access)]);
    let member = WorkspaceFact::Member { uuid: None, administrator: Some(true) };
    let workspaces = BTreeMap::from([(WorkspaceSlug::from("acme"), member)]);
    let set =
        RepositorySet { repositories: repositories(now).collect(), walked_at: Some(now), ..RepositorySet::default() };
    let findings = vec![
        Finding::Workspaces(name(), "main".into(), workspaces),
        Finding::Repositories(name(), "main".into(), Arc::new(set)),
    ];
    observe(ProbeKind::Profile, WorkSubject::Profile(name(), "main".into()), findings);
    let walk =
        AssetWalk { live: assets(now).collect(), removed: Vec::new(), has_last_sync: true, aliases: BTreeMap::new() };
    observe(ProbeKind::Inventory, group(), vec![Finding::Assets(name(), Arc::new(walk))]);
    let listing = (0..ORGANIZATIONS).map(|number| OrganizationListing {
        id: organization(number),
        name: format!("Team {number}"),
        slug: None,
    });
    let listing = vec![Finding::Organizations(name(), Arc::new(listing.collect()))];
    observe(ProbeKind::OrganizationList, group(), listing);

    for number in 0..ORGANIZATIONS {
        let key = IntegrationKey::organization(name(), organization(number));
        let presence =
            IntegrationPresence::Present { id: format!("integration-{number}"), via_app: false, integrations: 1 };
        let events = AuditEvents::Complete { from: now - TimeDelta::days(90), events: Vec::new() };
        let findings = vec![
            Finding::OrganizationAccess(
                key.clone(),
                Access::Granted { name: Some(format!("Team {number}")), group: None, created_at: None },
            ),
            Finding::Presence(key.clone(), presence),
            Finding::Imports(key.clone(), Arc::new(imports(number, now))),
            Finding::Events(key.clone(), events),
        ];
        observe(ProbeKind::Organization, WorkSubject::Organization(key.clone()), findings);
        let webhooks = vec![Finding::Webhooks(key.clone(), webhooks(number))];
        observe(ProbeKind::Webhooks, WorkSubject::Organization(key), webhooks);
    }
}

fn repositories(now: DateTime<Utc>) -> impl Iterator<Item = (RepositoryId, Repository)> {
    (0..REPOSITORIES).map(move |number| {
        let repository = Repository {
            id: repository(number),
            full_name: format!("acme/service-{number}"),
            workspace: "acme".into(),
            project: None,
            updated_at: Some(now - TimeDelta::days(30)),
            empty: false,
            created_at: Some(now - TimeDelta::days(300)),
            private: None,
        };
        (repository.id.clone(), repository)
    })
}

fn assets(now: DateTime<Utc>) -> impl Iterator<Item = Asset> {
    (0..REPOSITORIES).map(move |number| Asset {
        id: Uuid::from_u128(number as u128).to_string(),
        scm_id: Some(repository(number)),
        url: Some(format!("bitbucket.org/acme/service-{number}")),
        sources: vec!["bitbucket-cloud".to_owned()],
        last_sync: Some(now - TimeDelta::hours(2)),
        created_at: Some(now - TimeDelta::days(190)),
        updated_at: Some(now - TimeDelta::hours(2)),
        archived: false,
        personal: false,
        application_context: None,
    })
}

/// The repositories of an Organization: each repository of the Group is imported in one.
fn of_organization(number: usize) -> std::ops::Range<usize> {
    let each = REPOSITORIES / ORGANIZATIONS;
    number * each..(number + 1) * each
}

fn imports(number: usize, now: DateTime<Utc>) -> OrganizationImports {
    let old = Some(now - TimeDelta::days(100));
    let id = |repository: usize| Uuid::from_u128((1 << 100) + repository as u128).to_string();
    let target = |repository: usize| Target {
        id: id(repository),
        name: format!("acme/service-{repository}"),
        url: Some(format!("bitbucket.org/acme/service-{repository}")),
        created_at: old,
    };
    let project = |repository: usize| Project {
        id: format!("project-{repository}"),
        target: Some(id(repository)),
        active: true,
        frequency: TestFrequency::Daily,
        pull_request_checks: None,
        created_at: old,
        last_test: LastTest::At(now - TimeDelta::hours(5)),
    };
    OrganizationImports {
        targets: of_organization(number).map(target).collect(),
        projects: of_organization(number).map(project).collect(),
    }
}

fn webhooks(number: usize) -> WebhookSample {
    let check = |number: usize| WebhookCheck {
        repository: Some(repository(number)),
        full_name: format!("acme/service-{number}"),
        state: WebhookState::Installed,
    };
    let repositories = of_organization(number);
    WebhookSample { drawn_from: repositories.len() as u64, checks: repositories.take(SAMPLED).map(check).collect() }
}
