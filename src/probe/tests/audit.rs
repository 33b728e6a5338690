//! When an audit log is asked, how far back, and what of it counts.

use super::snyk::{audit, mount_organization};
use super::*;
use crate::domain::facts::{AuditEvent, AuditEventKind, AuditEvents, OrganizationImports, Project, Target};
use crate::domain::facts::{LastTest, TestFrequency};
use crate::domain::incident::{IncidentKey, IncidentPhase, IncidentState, Rule, Severity, Subject};
use crate::domain::rotation::Saved;
use crate::domain::state::{CredentialState, IntegrationState};

const LOG: &str = "audit_logs/search";

fn integrations() -> ResponseTemplate {
    ok(&json!({"bitbucket-cloud": "i1"}))
}

/// Whether the log was asked.
async fn asked_the_log(world: &World) -> bool {
    world.asked().await.iter().any(|path| path.ends_with(LOG))
}

fn events(run: &ProbeRun) -> Option<(DateTime<Utc>, Vec<AuditEvent>)> {
    run.outcome.findings.iter().find_map(|finding| match finding {
        Finding::Events(_, AuditEvents::Complete { from, events }) => Some((*from, events.clone())),
        _ => None,
    })
}

fn project(id: &str, target: &str, active: bool) -> Project {
    Project {
        id: id.to_owned(),
        target: Some(target.to_owned()),
        active,
        frequency: TestFrequency::Daily,
        pull_request_checks: None,
        created_at: None,
        last_test: LastTest::Untold,
    }
}

/// A world in which the log was read an hour ago, with these imports.
async fn known(projects: Vec<Project>) -> World {
    let mut world = World::new().await;
    let target = Target { id: "t1".to_owned(), name: "acme/web".to_owned(), url: None, created_at: None };
    let imports = OrganizationImports { targets: vec![target], projects };
    let read = AuditEvents::Complete { from: now() - TimeDelta::days(7), events: Vec::new() };
    let before = now() - TimeDelta::hours(1);
    let book = world.state.evidence.organizations.entry(organization_key()).or_default();
    book.imports = Some(evidence(Arc::new(imports), before, ProbeKind::Organization));
    book.events = Some(evidence(read, before, ProbeKind::Organization));
    world
}

#[tokio::test]
async fn a_quiet_organization_is_not_asked_for_its_log_again() {
    let world = known(vec![project("p1", "t1", true)]).await;
    mount_organization(&world, integrations(), audit(&[])).await;
    world.run_organization(ProbeKind::Organization).await;
    assert!(!asked_the_log(&world).await);
}

#[tokio::test]
async fn what_was_lost_asks_the_whole_log() {
    let check = async |projects: Vec<Project>, why: &str| {
        let world = known(projects).await;
        mount_organization(&world, integrations(), audit(&["2026-10-01"])).await;
        let run = world.run_organization(ProbeKind::Organization).await;
        let (from, events) = events(&run).unwrap_or_else(|| panic!("{why}: {}", shown(&run)));
        assert_eq!((from, events.len()), (now() - TimeDelta::days(90), 1), "{why}");
    };
    // The Organization has one active project, `p1` of the target `t1`.
    check(vec![project("p1", "t1", true), project("p2", "t2", true)], "a target lost its projects").await;

    let mut world = known(vec![project("p1", "t1", true)]).await;
    let incident =
        IncidentKey { rule: Rule::TestsStale, subject: Subject::Organizations(IntegrationName::from("acme")) };
    let state = |members: Vec<OrganizationId>| IncidentState {
        since: now(),
        phase: IncidentPhase::Pending,
        severity: Severity::Warning,
        summary: String::new(),
        next_step: String::new(),
        affected: Vec::new(),
        members,
        cause: None,
        deadline: None,
        tracking: crate::domain::incident::IncidentTracking::default(),
    };
    mount_organization(&world, integrations(), audit(&[])).await;
    world.state.incidents.insert(incident.clone(), state(vec![OrganizationId(Uuid::from_u128(9))]));
    world.run_organization(ProbeKind::Organization).await;
    assert!(!asked_the_log(&world).await, "the incident is about another Organization");
    world.state.incidents.insert(incident, state(vec![OrganizationId(ORGANIZATION)]));
    world.run_organization(ProbeKind::Organization).await;
    assert!(asked_the_log(&world).await);
}

#[tokio::test]
async fn an_integration_that_left_asks_for_its_imports_and_who_removed_it() {
    let mut world = known(vec![project("p1", "t1", true)]).await;
    let mut stored = IntegrationState::new(now());
    stored.organization.was_present = true;
    world.state.integrations.insert(organization_key(), stored);
    let log = ok(&json!({"data": {"items": [{"created": "2026-11-23T08:30:00Z", "event": "org.integration.delete",
        "user_id": "u9", "content": {"sourceType": "bitbucket-cloud"}}]}}));
    mount_organization(&world, ok(&json!({"github": "g1"})), log).await;
    let run = world.run_organization(ProbeKind::Organization).await;
    assert!(shown(&run).contains("Absent") && shown(&run).contains("imports: 1 targets"), "{}", shown(&run));
    let (_, events) = events(&run).unwrap();
    let shown: Vec<_> =
        events.iter().map(|event| (event.kind, event.source_type.as_deref(), event.user_id.as_deref())).collect();
    assert_eq!(shown, [(AuditEventKind::Deleted, Some("bitbucket-cloud"), Some("u9"))]);
}

#[tokio::test]
async fn what_is_not_listed_from_the_first_day_is_asked_once_for_what_was_imported() {
    let mut world = known(Vec::new()).await;
    world.state.evidence.organizations.clear();
    mount_organization(&world, ok(&json!({"github": "g1"})), audit(&[])).await;
    let run = world.run_organization(ProbeKind::Organization).await;
    // The list of integrations may be at fault: there are targets of this type.
    assert!(shown(&run).contains("Absent") && shown(&run).contains("imports: 1 targets"), "{}", shown(&run));

    let mut world = known(Vec::new()).await;
    let book = world.state.evidence.organizations.get_mut(&organization_key()).unwrap();
    book.presence = None;
    let nothing = OrganizationImports { targets: Vec::new(), projects: Vec::new() };
    book.imports.as_mut().unwrap().value = Arc::new(nothing);
    mount_organization(&world, ok(&json!({"github": "g1"})), audit(&[])).await;
    let run = world.run_organization(ProbeKind::Organization).await;
    assert!(shown(&run).contains("Absent") && !shown(&run).contains("imports"), "{}", shown(&run));
}

#[tokio::test]
async fn a_rotation_is_looked_for_since_it_was_and_never_further_back_than_the_log_is_kept() {
    let check = async |days: i64, expected: TimeDelta| {
        let mut world = known(vec![project("p1", "t1", true)]).await;
        let rotated = CredentialState {
            rotated_from: Some(("v1".to_owned(), now() - TimeDelta::days(days))),
            ..CredentialState::default()
        };
        world.state.credentials.insert("pat".into(), rotated);
        mount_organization(&world, integrations(), audit(&[])).await;
        let run = world.run_organization(ProbeKind::Organization).await;
        let (from, _) = events(&run).unwrap_or_else(|| panic!("{}", shown(&run)));
        assert_eq!(now() - from, expected, "{days}");
    };
    let margin = Thresholds::default().rotation_uncertainty;
    // Read a week back already: that is what is covered.
    check(2, TimeDelta::days(7)).await;
    check(30, TimeDelta::days(30) + margin).await;
    check(150, TimeDelta::days(90)).await;
}

#[tokio::test]
async fn a_token_that_was_seen_saved_after_its_rotation_is_not_looked_for_again() {
    let check = async |saved_days_ago: i64, expected: bool| {
        let mut world = known(vec![project("p1", "t1", true)]).await;
        let rotated = CredentialState {
            rotated_from: Some(("v1".to_owned(), now() - TimeDelta::days(5))),
            ..CredentialState::default()
        };
        world.state.credentials.insert("pat".into(), rotated);
        let mut stored = IntegrationState::new(now());
        stored.organization.saved = Some(Saved { at: now() - TimeDelta::days(saved_days_ago), user_id: None });
        world.state.integrations.insert(organization_key(), stored);
        mount_organization(&world, integrations(), audit(&[])).await;
        world.run_organization(ProbeKind::Organization).await;
        assert_eq!(asked_the_log(&world).await, expected, "{saved_days_ago}");
    };
    check(4, false).await;
    check(6, true).await;
}

#[tokio::test]
async fn events_tell_what_they_are_about_and_a_log_without_end_proves_nothing() {
    let world = World::new().await;
    let items = json!([
        {"created": "2026-11-22T00:00:00Z", "event": "org.project.remove", "project_id": "p7", "user_id": "u1"},
        {"created": "2026-11-22T01:00:00Z", "event": "org.project.pr_check.edit", "project_id": "p8"},
        {"created": "2026-11-22T02:00:00Z", "event": "org.project.stop_monitor", "project_id": "p9"},
        {"created": "2026-11-22T03:00:00Z", "event": "org.target.delete"},
        {"created": "2026-11-22T04:00:00Z", "event": "org.integration.settings.edit", "content": {"sourceType": "github"}},
        {"created": "2026-11-22T05:00:00Z", "event": "org.user.add"},
    ]);
    mount_organization(&world, integrations(), ok(&json!({"data": {"items": items}}))).await;
    let run = world.run_organization(ProbeKind::Organization).await;
    let (_, events) = events(&run).unwrap();
    let told = events.iter().map(|event| {
        let words = [&event.about, &event.source_type, &event.user_id].map(|word| word.as_deref().unwrap_or("-"));
        format!("{:?} {}", event.kind, words.join(" "))
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    ProjectDeleted p7 - u1
    ProjectEdited p8 - -
    ProjectDeactivated p9 - -
    TargetDeleted - - -
    SettingsEdited - github -
    ");

    // In its log, and another's.
    let world = World::new().await;
    let of = |organization: Uuid| json!({"created": "2026-11-22T00:00:00Z", "event": "org.integration.edit", "org_id": organization});
    let items = json!([of(Uuid::from_u128(7)), of(ORGANIZATION)]);
    mount_organization(&world, integrations(), ok(&json!({"data": {"items": items}}))).await;
    let run = world.run_organization(ProbeKind::Organization).await;
    assert_eq!(self::events(&run).unwrap().1.len(), 1, "{}", shown(&run));

    // Not to be read: said so. Odd: nothing is said.
    let world = World::new().await;
    mount_organization(&world, integrations(), error(403)).await;
    let run = world.run_organization(ProbeKind::Organization).await;
    assert!(shown(&run).contains("NotReadable"), "{}", shown(&run));
    let world = World::new().await;
    let odd = ok(&json!({"data": {"items": []}, "links": {"next": 7}}));
    mount_organization(&world, integrations(), odd).await;
    let run = world.run_organization(ProbeKind::Organization).await;
    assert!(!run.outcome.findings.iter().any(|finding| matches!(finding, Finding::Events(..))), "{}", shown(&run));
}

#[tokio::test]
async fn the_groups_log_is_asked_who_removed_an_organization_that_is_watched() {
    let (list, log) = (format!("/rest/groups/{GROUP}/orgs"), format!("/rest/groups/{GROUP}/{LOG}"));
    let listing = |id: Uuid| {
        let entry = json!({"id": id, "type": "org", "attributes": {"name": "one"}});
        ok(&json!({"data": [entry], "links": {}}))
    };
    let mut world = World::new().await;
    world.state.integrations.insert(organization_key(), IntegrationState::new(now()));
    world.answers("GET", &list, listing(ORGANIZATION)).await;
    let run = world.run_group(ProbeKind::OrganizationList).await;
    world.keep(&run);
    assert_eq!(world.asked().await.len(), 1, "nothing is missing");

    world.forget_answers().await;
    world.answers("GET", &list, listing(Uuid::from_u128(3))).await;
    let items = json!([
        {"created": "2026-11-20T00:00:00Z", "event": "group.org.remove", "org_id": ORGANIZATION, "user_id": "u1",
            "content": {"orgName": "Payments"}},
        {"created": "2026-11-21T00:00:00Z", "event": "group.org.add", "org_id": Uuid::from_u128(3)},
        {"created": "2026-11-21T00:00:00Z", "event": "group.org.remove", "org_id": "not an id"},
    ]);
    world.answers("GET", &log, ok(&json!({"data": {"items": items}}))).await;
    let run = world.run_group(ProbeKind::OrganizationList).await;
    let told = shown(&run);
    let removed = told.lines().last().unwrap();
    insta::assert_snapshot!(removed, @r#"removed Organizations: [RemovedOrganization { id: OrganizationId(00000000-0000-0000-0000-000000000002), name: Some("Payments"), at: 2026-11-20T00:00:00Z, user_id: Some("u1") }]"#);

    // A log that may not be read hinders no listing.
    world.forget_answers().await;
    world.answers("GET", &list, listing(Uuid::from_u128(3))).await;
    world.answers("GET", &log, error(403)).await;
    world.answers("GET", "/rest/self", snyk::user()).await;
    let run = world.run_group(ProbeKind::OrganizationList).await;
    let is_listed = run.outcome.findings.iter().any(|finding| matches!(finding, Finding::Organizations(..)));
    assert!(is_listed && shown(&run).contains("could not read the Group's audit log"), "{}", shown(&run));
}
