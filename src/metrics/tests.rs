use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::domain::incident::{IncidentKey, IncidentPhase, IncidentState, Rule, Severity, Subject};
use crate::domain::names::{IntegrationKey, WorkspaceSlug};
use crate::domain::status::Status;
use crate::domain::work::{FailedAt, Outcome, ProbeFailure, ProbeKind};
use crate::schedule::planner::OutcomeClass;
use crate::snapshot::sample;

const REASONS: &[&str] = &["timeout", "server_error"];

fn exporter(options: Options) -> Exporter {
    let build = BuildInfo { version: "0.1.0", revision: "abc", rustc: "1.95.0" };
    Exporter::new(OwnMetrics::new(build, REASONS).unwrap(), options)
}

fn page_of(snapshot: &Snapshot, options: Options) -> String {
    exporter(options).text(Some(snapshot))
}

/// Every sample of a page: name and labels as they stand, and the value.
fn samples(page: &str) -> BTreeMap<String, String> {
    let mut samples = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let twice = samples.insert(series.to_owned(), value.to_owned());
        assert!(twice.is_none(), "twice on the page: {series}");
    }
    samples
}

fn rich_page() -> String {
    let exporter = exporter(Options::default());
    let own = exporter.own();
    let apis = BTreeSet::from(["snyk/acme-us".into(), "bitbucket-cloud".into()]);
    own.on_watched(&apis, &BTreeSet::from(["bitbucket-acme".into()]));
    own.set_budget_remaining(&"bitbucket-acme".into(), 940);
    own.set_schedule_interval(ProbeKind::Inventory, TimeDelta::minutes(30));
    own.set_schedule_lag(ProbeKind::Inventory, TimeDelta::milliseconds(1500));
    own.on_request(&"bitbucket-cloud".into(), RequestEnd::Answered(429), Duration::from_millis(80));
    own.on_configuration_loaded(sample::now());
    let delivery = own.delivery();
    delivery.on_receivers(&BTreeSet::from(["on-call".into()]));
    delivery.set_pending(&"on-call".into(), Pending { count: 1, oldest: Some(sample::now()) });
    delivery.on_heartbeat(sample::now());
    let mut state = sample::state();
    let key = |rule, subject| IncidentKey { rule, subject };
    let out_of_date = state.incidents.get_mut(&key(Rule::TestsStale, Subject::Organizations(sample::name()))).unwrap();
    out_of_date.cause = Some(key(Rule::CredentialInvalid, Subject::Credential("bitbucket-acme".into())));
    exporter.text(Some(&Snapshot::build(&sample::fleet(), &state, sample::now(), sample::own())))
}

#[test]
#[expect(clippy::too_many_lines, reason = "the page is what is tested")]
fn a_small_page() {
    let mut state = sample::state();
    state.evidence = crate::domain::evidence::EvidenceBook::default();
    state.incidents.clear();
    state.integrations.retain(|key, _| key.organization.is_none());
    let mut fleet = sample::fleet();
    fleet.integrations.get_mut(&sample::name()).unwrap().organizations = None;
    let snapshot = Snapshot::build(&fleet, &state, sample::now(), sample::own());
    let page = page_of(&snapshot, Options::default());
    let (page, own) = page.split_once("# HELP snykwatch_api").unwrap();
    assert!(own.contains("snykwatch_build_info"));
    insta::assert_snapshot!(page, @r#"
    # HELP snykwatch_integration_status Status as background probes last proved it: 1 for the current status, 0 for every other one.
    # TYPE snykwatch_integration_status gauge
    snykwatch_integration_status{integration="acme-bitbucket",level="group",organization="",scm="bitbucket-cloud",status="connection_failed"} 0
    snykwatch_integration_status{integration="acme-bitbucket",level="group",organization="",scm="bitbucket-cloud",status="stalled"} 0
    snykwatch_integration_status{integration="acme-bitbucket",level="group",organization="",scm="bitbucket-cloud",status="partially_connected"} 1
    snykwatch_integration_status{integration="acme-bitbucket",level="group",organization="",scm="bitbucket-cloud",status="unknown"} 0
    snykwatch_integration_status{integration="acme-bitbucket",level="group",organization="",scm="bitbucket-cloud",status="not_configured"} 0
    snykwatch_integration_status{integration="acme-bitbucket",level="group",organization="",scm="bitbucket-cloud",status="setup_in_progress"} 0
    snykwatch_integration_status{integration="acme-bitbucket",level="group",organization="",scm="bitbucket-cloud",status="nothing_to_watch"} 0
    snykwatch_integration_status{integration="acme-bitbucket",level="group",organization="",scm="bitbucket-cloud",status="connected"} 0
    # HELP snykwatch_integration_status_since_timestamp_seconds Since when the current status holds.
    # TYPE snykwatch_integration_status_since_timestamp_seconds gauge
    snykwatch_integration_status_since_timestamp_seconds{integration="acme-bitbucket",level="group",organization=""} 1795384800
    # HELP snykwatch_integration_last_connected_timestamp_seconds Last time the integration was connected. Absent until it was for connected_hold (30 minutes).
    # TYPE snykwatch_integration_last_connected_timestamp_seconds gauge
    snykwatch_integration_last_connected_timestamp_seconds{integration="acme-bitbucket",level="group",organization=""} 1795161600
    # HELP snykwatch_integration_evidence_valid_until_timestamp_seconds Earliest expiry of the evidence that the status rests on. Absent when it rests on none.
    # TYPE snykwatch_integration_evidence_valid_until_timestamp_seconds gauge
    snykwatch_integration_evidence_valid_until_timestamp_seconds{integration="acme-bitbucket",level="group",organization=""} 1795438500
    # HELP snykwatch_integration_condition Condition: 1 true, 0 false, -1 unknown. Compare it with == and never average it. Conditions of credentials are at Group level only; for Organizations see snykwatch_credential_valid.
    # TYPE snykwatch_integration_condition gauge
    snykwatch_integration_condition{integration="acme-bitbucket",level="group",organization="",condition="SnykAccessible"} 1
    snykwatch_integration_condition{integration="acme-bitbucket",level="group",organization="",condition="CredentialValid"} 0
    snykwatch_integration_condition{integration="acme-bitbucket",level="group",organization="",condition="CredentialFresh"} -1
    snykwatch_integration_condition{integration="acme-bitbucket",level="group",organization="",condition="PermissionsGranted"} 1
    snykwatch_integration_condition{integration="acme-bitbucket",level="group",organization="",condition="CredentialInStep"} 0
    snykwatch_integration_condition{integration="acme-bitbucket",level="group",organization="",condition="RepositoriesVisible"} -1
    snykwatch_integration_condition{integration="acme-bitbucket",level="group",organization="",condition="InventoryPopulated"} 1
    snykwatch_integration_condition{integration="acme-bitbucket",level="group",organization="",condition="InventoryComplete"} 0
    snykwatch_integration_condition{integration="acme-bitbucket",level="group",organization="",condition="SyncCurrent"} -1
    snykwatch_integration_condition{integration="acme-bitbucket",level="group",organization="",condition="CatalogLinked"} 1
    # HELP snykwatch_integration_info Names and references of an integration, to join with. Several credentials are separated by commas. Always 1.
    # TYPE snykwatch_integration_info gauge
    snykwatch_integration_info{integration="acme-bitbucket",level="group",organization="",group_id="00000000-0000-0000-0000-000000006709",group_name="<script>alert(\"1\")</script>\\ & \n'acme' }",organization_name="",credential="bitbucket-acme",owner="platform"} 1
    # HELP snykwatch_integrations Number of integrations by status, whatever detail of Organizations is exported.
    # TYPE snykwatch_integrations gauge
    snykwatch_integrations{level="group",scm="bitbucket-cloud",status="connection_failed"} 0
    snykwatch_integrations{level="group",scm="bitbucket-cloud",status="stalled"} 0
    snykwatch_integrations{level="group",scm="bitbucket-cloud",status="partially_connected"} 1
    snykwatch_integrations{level="group",scm="bitbucket-cloud",status="unknown"} 0
    snykwatch_integrations{level="group",scm="bitbucket-cloud",status="not_configured"} 0
    snykwatch_integrations{level="group",scm="bitbucket-cloud",status="setup_in_progress"} 0
    snykwatch_integrations{level="group",scm="bitbucket-cloud",status="nothing_to_watch"} 0
    snykwatch_integrations{level="group",scm="bitbucket-cloud",status="connected"} 0
    snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="connection_failed"} 0
    snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="stalled"} 0
    snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="partially_connected"} 0
    snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="unknown"} 0
    snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="not_configured"} 0
    snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="setup_in_progress"} 0
    snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="nothing_to_watch"} 0
    snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="connected"} 0
    # HELP snykwatch_sync_repositories Repositories by what became of them in the Snyk Inventory: found, missing, removed, ignored.
    # TYPE snykwatch_sync_repositories gauge
    snykwatch_sync_repositories{integration="acme-bitbucket",state="found"} 96
    snykwatch_sync_repositories{integration="acme-bitbucket",state="missing"} 32
    snykwatch_sync_repositories{integration="acme-bitbucket",state="removed"} 1
    snykwatch_sync_repositories{integration="acme-bitbucket",state="ignored"} 2
    # HELP snykwatch_sync_progress_ratio Share of the eligible repositories that are in the Inventory, 0 to 1. Absent with nothing eligible.
    # TYPE snykwatch_sync_progress_ratio gauge
    snykwatch_sync_progress_ratio{integration="acme-bitbucket"} 0.75
    # HELP snykwatch_sync_lag_seconds Worst time between a change in the Git host and its arrival in Snyk, of changes that have not arrived. Absent when unknown.
    # TYPE snykwatch_sync_lag_seconds gauge
    snykwatch_sync_lag_seconds{integration="acme-bitbucket"} 7200
    # HELP snykwatch_sync_lag_p95_seconds 95th percentile of the same.
    # TYPE snykwatch_sync_lag_p95_seconds gauge
    snykwatch_sync_lag_p95_seconds{integration="acme-bitbucket"} 3600
    # HELP snykwatch_sync_last_seen_timestamp_seconds Last synchronisation seen. Absent when none was.
    # TYPE snykwatch_sync_last_seen_timestamp_seconds gauge
    snykwatch_sync_last_seen_timestamp_seconds{integration="acme-bitbucket"} 1795431600
    # HELP snykwatch_sync_next_expected_timestamp_seconds When the next synchronisation is expected.
    # TYPE snykwatch_sync_next_expected_timestamp_seconds gauge
    snykwatch_sync_next_expected_timestamp_seconds{integration="acme-bitbucket"} 1795453200
    # HELP snykwatch_sync_completion_expected_timestamp_seconds Latest time by which the first fill is expected to be complete. Absent when no fill is in progress.
    # TYPE snykwatch_sync_completion_expected_timestamp_seconds gauge
    snykwatch_sync_completion_expected_timestamp_seconds{integration="acme-bitbucket"} 1795449600
    # HELP snykwatch_organization_targets Imported repositories: with projects, or empty. Absent until observed.
    # TYPE snykwatch_organization_targets gauge
    # HELP snykwatch_organization_projects Projects: active or inactive. Absent until observed.
    # TYPE snykwatch_organization_projects gauge
    # HELP snykwatch_organization_webhooks Sampled repositories by their Snyk webhook: installed, inactive, missing. What cannot be seen is in none.
    # TYPE snykwatch_organization_webhooks gauge
    # HELP snykwatch_incident_open 1 while an incident is open, 0 while it is pending. The integration or the credential it is about is named, the other is empty.
    # TYPE snykwatch_incident_open gauge
    # HELP snykwatch_incident_since_timestamp_seconds When the cause of a pending or open incident began. It outlasts times of unknown and restarts.
    # TYPE snykwatch_incident_since_timestamp_seconds gauge
    # HELP snykwatch_incident_cause_info Which incident turned out to be the cause of an open one, which is quiet since and still resolves by itself. Absent where none is known. Always 1.
    # TYPE snykwatch_incident_cause_info gauge
    # HELP snykwatch_incidents Number of incidents, pending and open.
    # TYPE snykwatch_incidents gauge
    snykwatch_incidents{severity="info",state="pending"} 0
    snykwatch_incidents{severity="info",state="open"} 0
    snykwatch_incidents{severity="warning",state="pending"} 0
    snykwatch_incidents{severity="warning",state="open"} 0
    snykwatch_incidents{severity="critical",state="pending"} 0
    snykwatch_incidents{severity="critical",state="open"} 0
    # HELP snykwatch_credential_valid Whether the credential is accepted: 1 yes, 0 no, -1 unknown.
    # TYPE snykwatch_credential_valid gauge
    snykwatch_credential_valid{credential="acme-us"} -1
    snykwatch_credential_valid{credential="bitbucket-acme"} 1
    # HELP snykwatch_credential_permission_granted Whether a permission that somebody needs is granted: 1 yes, 0 no, -1 cannot be verified.
    # TYPE snykwatch_credential_permission_granted gauge
    snykwatch_credential_permission_granted{credential="bitbucket-acme",permission="account_read"} -1
    snykwatch_credential_permission_granted{credential="bitbucket-acme",permission="workspace_read"} -1
    snykwatch_credential_permission_granted{credential="bitbucket-acme",permission="project_read"} -1
    snykwatch_credential_permission_granted{credential="bitbucket-acme",permission="repository_read"} -1
    snykwatch_credential_permission_granted{credential="bitbucket-acme",permission="pull_request_read"} -1
    snykwatch_credential_permission_granted{credential="bitbucket-acme",permission="pull_request_write"} -1
    snykwatch_credential_permission_granted{credential="bitbucket-acme",permission="issue_read"} -1
    snykwatch_credential_permission_granted{credential="bitbucket-acme",permission="webhook_read"} -1
    snykwatch_credential_permission_granted{credential="bitbucket-acme",permission="webhook_write"} -1
    snykwatch_credential_permission_granted{credential="bitbucket-acme",permission="atlassian_account_read"} -1
    snykwatch_credential_permission_granted{credential="bitbucket-acme",permission="repository_admin"} -1
    # HELP snykwatch_credential_expiry_timestamp_seconds When the credential expires. Absent when nobody tells or it never does.
    # TYPE snykwatch_credential_expiry_timestamp_seconds gauge
    snykwatch_credential_expiry_timestamp_seconds{credential="bitbucket-acme"} 1803859200
    # HELP snykwatch_credential_info What a credential is, to join with. A Snyk token has scm="snyk" and no role. Always 1.
    # TYPE snykwatch_credential_info gauge
    snykwatch_credential_info{credential="acme-us",scm="snyk",kind="snyk_token",role="",expiry_source=""} 1
    snykwatch_credential_info{credential="bitbucket-acme",scm="bitbucket-cloud",kind="api_token",role="integration",expiry_source="declared"} 1
    # HELP snykwatch_upstream_up 1 while an API gives conclusive answers, 0 while all its outcomes are inconclusive. Absent before the first.
    # TYPE snykwatch_upstream_up gauge
    "#);
}

#[test]
fn every_family_is_on_a_rich_page_once_and_in_the_reference() {
    let page = rich_page();
    let types: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let expected: BTreeSet<String> = families::ALL
        .iter()
        .map(|family| format!("{} {}", family.name, family.kind))
        .chain(families::PROCESS.iter().map(|(name, kind, _)| format!("{name} {kind}")))
        .collect();
    assert_eq!(types.len(), expected.len(), "a family stands on the page twice");
    assert_eq!(types.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    for family in families::ALL {
        let has_samples = samples(&page).keys().any(|series| {
            series.strip_prefix(family.name).is_some_and(|rest| {
                let rest = rest.trim_start_matches("_bucket").trim_start_matches("_sum").trim_start_matches("_count");
                rest.is_empty() || rest.starts_with('{')
            })
        });
        assert!(has_samples, "{} has no sample", family.name);
    }
}

#[test]
fn samples_carry_exactly_the_labels_of_their_family() {
    let page = rich_page().replace(sample::HOSTILE, "hostile");
    let label = regex::Regex::new(r#"([a-z_]+)="(?:[^"\\]|\\.)*""#).unwrap();
    for series in samples(&page).keys() {
        let name = series.split('{').next().unwrap();
        let Some(family) = families::ALL.iter().find(|family| family.name == name) else { continue };
        let labels: BTreeSet<_> = label.captures_iter(series).map(|found| found[1].to_owned()).collect();
        assert_eq!(labels, family.labels.iter().map(|&label| label.to_owned()).collect(), "{series}");
    }
}

#[test]
fn incidents_that_share_labels_are_one_series() {
    let page = page_of(&sample::snapshot(), Options::default());
    let samples = samples(&page);
    let open = |rule: &str, severity: &str, integration: &str, credential: &str| {
        let labels =
            format!(r#"incident="{rule}",severity="{severity}",integration="{integration}",credential="{credential}""#);
        samples[&format!("snykwatch_incident_open{{{labels}}}")].clone()
    };
    assert_eq!(open("NamespaceNotFound", "critical", "acme-bitbucket", ""), "1", "one of two is open");
    assert_eq!(open("PartiallyConnected", "warning", "acme-bitbucket", ""), "1");
    assert_eq!(open("CredentialExpiring", "info", "", "bitbucket-acme"), "0", "pending");
    assert_eq!(open("UpstreamUnreachable", "warning", "", ""), "1");
    assert_eq!(samples[r#"snykwatch_incidents{severity="critical",state="pending"}"#], "1");
}

#[test]
fn a_cause_is_told_where_all_that_share_labels_have_one() {
    let of_workspace = |slug: &str| IncidentKey {
        rule: Rule::NamespaceNotFound,
        subject: Subject::Workspace(sample::name(), slug.into()),
    };
    let cause =
        || Some(IncidentKey { rule: Rule::CredentialInvalid, subject: Subject::Credential("bitbucket-acme".into()) });
    let open = IncidentPhase::Open { opened_at: sample::now() };
    let incident = |phase, cause| IncidentState { cause, ..sample::incident(Severity::Warning, phase) };
    let told = |second: IncidentState| {
        let mut state = sample::state();
        state.incidents.clear();
        state.incidents.insert(of_workspace("acme"), incident(open, cause()));
        state.incidents.insert(of_workspace("beta"), second);
        let snapshot = Snapshot::build(&sample::fleet(), &state, sample::now(), sample::own());
        let series = samples(&page_of(&snapshot, Options::default())).into_keys();
        series.filter(|series| series.starts_with("snykwatch_incident_cause_info")).collect::<Vec<_>>()
    };
    let expected = r#"snykwatch_incident_cause_info{incident="NamespaceNotFound",integration="acme-bitbucket",credential="",cause="CredentialInvalid/credential/bitbucket-acme"}"#;
    assert_eq!(told(incident(open, cause())), [expected]);
    assert_eq!(told(incident(IncidentPhase::Pending, None)), [expected], "what is pending pages nobody");
    assert_eq!(told(incident(open, None)), Vec::<String>::new(), "one of them is news");
}

#[test]
fn hostile_names_are_escaped() {
    let page = page_of(&sample::snapshot(), Options::default());
    let info = page.lines().find(|line| line.starts_with("snykwatch_integration_info{")).unwrap();
    assert!(info.contains(r#"group_name="<script>alert(\"1\")</script>\\ & \n'acme' }"#), "{info}");
    assert!(sample::HOSTILE.contains('\u{202e}') && !page.contains('\u{202e}'), "{info}");
    assert!(!page.contains(sample::TOKEN_VERSION));
}

/// Series that speak of one integration at one level, whatever label says so.
fn series_of(samples: &BTreeMap<String, String>, organization: &str) -> usize {
    let of_organization = |series: &&String| match organization {
        "" => series.contains(r#"organization="""#) || !series.contains("organization="),
        organization => series.contains(&format!(r#"organization="{organization}""#)),
    };
    samples.keys().filter(|series| series.contains(r#"integration="acme-bitbucket""#)).filter(of_organization).count()
}

#[test]
fn an_integration_has_a_bounded_number_of_series() {
    let samples = samples(&page_of(&sample::snapshot(), Options::default()));
    let (group, organization) = (series_of(&samples, ""), series_of(&samples, &sample::organization(1).to_string()));
    assert!((30..=40).contains(&group), "{group} series of a Group integration");
    assert!((20..=25).contains(&organization), "{organization} series of an Organization integration");
}

#[test]
fn detail_of_organizations_is_chosen_or_falls_back() {
    let state = sample::with_organizations(sample::state(), 300);
    let snapshot = Snapshot::build(&sample::fleet(), &state, sample::now(), sample::own());
    let organization = sample::organization(1000).to_string();
    let check = |organizations, max_series, expected: usize, dropped: bool| {
        let page = page_of(&snapshot, Options { organizations, max_series });
        let samples = samples(&page);
        assert_eq!(series_of(&samples, &organization), expected, "{organizations:?} {max_series}");
        assert_eq!(samples["snykwatch_series_dropped"] != "0", dropped, "{organizations:?} {max_series}");
        let connected = r#"snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="connected"}"#;
        assert_eq!(samples[connected], "301");
        assert!(series_of(&samples, "") >= 30, "a Group keeps its detail");
    };
    check(None, 50_000, 25, false);
    check(Some(OrganizationDetail::Full), 50_000, 25, false);
    check(Some(OrganizationDetail::Status), 50_000, 9, false);
    check(Some(OrganizationDetail::Summary), 50_000, 0, false);
    check(Some(OrganizationDetail::Full), 3_000, 0, true);
    check(Some(OrganizationDetail::Status), 3_000, 9, false);
    assert_eq!(Options::default().detail(FULL_DETAIL_UP_TO), OrganizationDetail::Full);
    assert_eq!(Options::default().detail(FULL_DETAIL_UP_TO + 1), OrganizationDetail::Status);
}

#[test]
fn what_is_dropped_is_counted_exactly_and_for_as_long_as_it_lasts() {
    let state = sample::with_organizations(sample::state(), 300);
    let snapshot = Snapshot::build(&sample::fleet(), &state, sample::now(), sample::own());
    let exporter = exporter(Options::default());
    let full = samples(&exporter.text(Some(&snapshot)));
    exporter.set_options(Options { max_series: 100, ..Options::default() });
    let limited = samples(&exporter.text(Some(&snapshot)));
    assert_eq!(limited["snykwatch_series_dropped"], (full.len() - limited.len()).to_string());
    exporter.set_options(Options::default());
    assert_eq!(samples(&exporter.text(Some(&snapshot)))["snykwatch_series_dropped"], "0");
}

#[test]
fn own_health_begins_at_zero_and_forgets_what_is_gone() {
    let exporter = exporter(Options::default());
    let own = exporter.own();
    let page = samples(&exporter.text(None));
    assert_eq!(page[r#"snykwatch_probe_failures_total{probe="inventory",reason="timeout"}"#], "0");
    assert_eq!(page[r#"snykwatch_probes_total{probe="webhooks"}"#], "0");
    assert_eq!(page["snykwatch_panics_total"], "0");
    assert_eq!(page["snykwatch_config_last_reload_successful"], "0");

    let failure = |reason| ProbeFailure {
        part: None,
        api: "bitbucket-cloud".into(),
        reason,
        detail: String::new(),
        failed_at: FailedAt::WholeApi,
        retry_after: None,
    };
    let failures = vec![failure("timeout"), failure("timeout"), failure("server_error")];
    let outcome = Outcome { failures, ..Outcome::default() };
    own.on_probe(ProbeKind::Inventory, &outcome, OutcomeClass::of(&outcome), Duration::from_secs(2));
    let concluded = Outcome::default();
    own.on_probe(ProbeKind::Profile, &concluded, OutcomeClass::of(&concluded), Duration::from_secs(1));
    own.on_request(&"bitbucket-cloud".into(), RequestEnd::Unanswered, Duration::from_secs(30));
    own.set_budget_remaining(&"bitbucket-acme".into(), 12);
    own.on_configuration_loaded(sample::now());
    own.on_panic();
    let page = samples(&exporter.text(None));
    assert_eq!(page[r#"snykwatch_probe_failures_total{probe="inventory",reason="timeout"}"#], "1");
    assert_eq!(page[r#"snykwatch_probes_total{probe="inventory"}"#], "1");
    assert_eq!(page[r#"snykwatch_probes_concluded_total{probe="inventory"}"#], "0");
    assert_eq!(page[r#"snykwatch_probes_concluded_total{probe="profile"}"#], "1");
    assert_eq!(page[r#"snykwatch_probe_duration_seconds_count{probe="inventory"}"#], "1");
    assert_eq!(page[r#"snykwatch_api_requests_total{api="bitbucket-cloud",code="none"}"#], "1");
    assert_eq!(page[r#"snykwatch_api_budget_remaining_requests{credential="bitbucket-acme"}"#], "12");
    assert_eq!(page["snykwatch_config_last_reload_successful"], "1");

    own.on_configuration_rejected();
    own.on_watched(&BTreeSet::from(["snyk/acme-us".into()]), &BTreeSet::new());
    let page = samples(&exporter.text(None));
    assert_eq!(page["snykwatch_config_last_reload_successful"], "0");
    assert_eq!(page["snykwatch_config_last_reload_success_timestamp_seconds"], sample::now().timestamp().to_string());
    assert_eq!(page[r#"snykwatch_api_requests_total{api="snyk/acme-us",code="200"}"#], "0");
    assert!(!page.keys().any(|series| series.contains("bitbucket")), "removed from the configuration");
}

proptest! {
    #[test]
    fn exactly_one_status_of_an_integration_is_one(statuses in prop::collection::vec(0..Status::ALL.len(), 1..12)) {
        let mut state = sample::state();
        state.integrations.retain(|key, _| key.organization.is_none());
        for (number, status) in statuses.iter().enumerate() {
            let mut organization = state.integrations[&IntegrationKey::group(sample::name())].clone();
            organization.status = Some(sample::status(Status::ALL[*status]));
            let number = u32::try_from(number).unwrap();
            state.integrations.insert(sample::organization_key(100 + number), organization);
        }
        let snapshot = Snapshot::build(&sample::fleet(), &state, sample::now(), sample::own());
        let page = samples(&page_of(&snapshot, Options::default()));
        for view in &snapshot.integrations {
            let organization = view.identity.organization.map(|id| id.to_string()).unwrap_or_default();
            let of_view = page.iter().filter(|(series, _)| {
                series.starts_with("snykwatch_integration_status{")
                    && series.contains(&format!("organization=\"{organization}\""))
            });
            let values: Vec<_> = of_view.collect();
            prop_assert_eq!(values.len(), Status::ALL.len());
            let ones: Vec<_> = values.iter().filter(|(_, value)| *value == "1").collect();
            prop_assert_eq!(ones.len(), 1);
            let current = format!("status=\"{}\"", view.status.status);
            prop_assert!(ones[0].0.contains(&current));
        }
    }

    #[test]
    fn no_name_breaks_the_page(name in "\\PC*", slug in "\\PC{0,20}") {
        let mut state = sample::state();
        state.integrations.get_mut(&sample::organization_key(1)).unwrap().snyk_name = Some(name);
        let subject = Subject::Workspace(sample::name(), WorkspaceSlug::new(slug));
        let key = IncidentKey { rule: Rule::NamespaceNotFound, subject };
        state.incidents.insert(key, sample::incident(Severity::Info, IncidentPhase::Pending));
        let snapshot = Snapshot::build(&sample::fleet(), &state, sample::now(), sample::own());
        let usual = samples(&page_of(&sample::snapshot(), Options::default())).len();
        // The incident adds the severity's series of `incident_open`.
        prop_assert_eq!(samples(&page_of(&snapshot, Options::default())).len(), usual + 1);
    }
}

#[test]
fn promtool_finds_nothing_to_say() {
    let command =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut promtool = match command {
        Ok(promtool) => promtool,
        Err(error) => {
            assert!(!peers_are_required(), "promtool is required and cannot be run: {error}");
            println!("skipped: promtool is not installed (Debian package prometheus)");
            return;
        }
    };
    promtool.stdin.take().unwrap().write_all(rich_page().as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if is_set("SNYKWATCH_UPDATE_GENERATED") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, reference()).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == reference(), "docs/metrics.md is out of date: run the tests with SNYKWATCH_UPDATE_GENERATED=1");
}

fn peers_are_required() -> bool {
    is_set("SNYKWATCH_REQUIRE_PEERS")
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}
