//! Targets and projects.

use super::snyk::{audit, mount_organization};
use super::*;

#[tokio::test]
async fn a_project_tells_its_last_test_or_that_there_was_none_or_nothing() {
    let world = World::new().await;
    let rest = format!("/rest/orgs/{ORGANIZATION}/projects");
    let project = |id: &str, meta: Value, settings: Value| {
        json!({"id": id, "type": "project", "meta": meta, "relationships": {"target": {"data": {"id": "t1"}}},
            "attributes": {"origin": "bitbucket-cloud", "status": "active", "settings": settings}})
    };
    let counts = |at: Value| json!({"latest_issue_counts": {"critical": 1, "updated_at": at}});
    let daily = json!({"recurring_tests": {"frequency": "daily"}, "pull_requests": {"is_enabled": false}});
    let projects = json!([
        project("p1", counts(json!("2026-11-22T00:00:00Z")), daily),
        project("p2", counts(Value::Null), json!({"recurring_tests": {"frequency": "never"}})),
        project("p3", Value::Null, json!({"recurring_tests": {}})),
    ]);
    world.answers_when(&rest, Asks("origins"), ok(&json!({"data": projects, "links": {}}))).await;
    mount_organization(&world, ok(&json!({"bitbucket-cloud": "i1"})), audit(&[])).await;
    let run = world.run_organization(ProbeKind::Organization).await;
    let imports = run.outcome.findings.iter().find_map(|finding| match finding {
        Finding::Imports(_, imports) => Some(imports),
        _ => None,
    });
    let told = imports.unwrap().projects.iter().map(|project| {
        format!("{} {:?} {:?} {:?}", project.id, project.frequency, project.last_test, project.pull_request_checks)
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    p1 Daily At(2026-11-22T00:00:00Z) Some(false)
    p2 Never Never None
    p3 Untold Untold None
    ");
}

#[tokio::test]
async fn an_untold_status_is_what_it_was_when_it_was_told() {
    let mut world = World::new().await;
    let rest = format!("/rest/orgs/{ORGANIZATION}/projects");
    let project = |id: &str, status: Value| {
        json!({"id": id, "type": "project", "relationships": {"target": {"data": {"id": "t1"}}},
            "attributes": {"origin": "bitbucket-cloud", "status": status}})
    };
    let mut activity = async |statuses: [Value; 3]| {
        world.forget_answers().await;
        let [first, second, third] = statuses;
        let projects = json!([project("p1", first), project("p2", second), project("p3", third)]);
        world.answers_when(&rest, Asks("origins"), ok(&json!({"data": projects, "links": {}}))).await;
        mount_organization(&world, ok(&json!({"bitbucket-cloud": "i1"})), audit(&[])).await;
        let run = world.run_organization(ProbeKind::Organization).await;
        world.keep(&run);
        let imports = &world.state.evidence.organizations[&organization_key()].imports;
        let projects = &imports.as_ref().unwrap().value.projects;
        projects.iter().map(|project| project.active).collect::<Vec<_>>()
    };
    let untold = || [json!("deactivated"), json!(null), json!({})];
    // Of what was never told, only an explicit word deactivates.
    assert_eq!(activity(untold()).await, [true, true, true]);
    assert_eq!(activity([json!("inactive"), json!("inactive"), json!("active")]).await, [false, false, true]);
    assert_eq!(activity(untold()).await, [false, false, true]);
    assert_eq!(activity(untold()).await, [false, false, true], "however often it is asked");
    assert_eq!(activity([json!("active"), json!(null), json!("inactive")]).await, [true, false, false]);
}

#[tokio::test]
async fn imports_that_cannot_be_whole_are_none() {
    let check = async |targets: Value, projects: Value, expected: &str| {
        let world = World::new().await;
        let rest = format!("/rest/orgs/{ORGANIZATION}");
        world
            .answers_when(&format!("{rest}/targets"), Asks("source_types"), ok(&json!({"data": targets, "links": {}})))
            .await;
        world
            .answers_when(&format!("{rest}/projects"), Asks("origins"), ok(&json!({"data": projects, "links": {}})))
            .await;
        mount_organization(&world, ok(&json!({"bitbucket-cloud": "i1"})), audit(&[])).await;
        let shown = shown(&world.run_organization(ProbeKind::Organization).await);
        assert!(shown.contains(expected), "{shown}");
    };
    let target = |id: &str, kind: &str| {
        let integration = json!({"data": {"id": "i", "type": "integration", "attributes": {"integration_type": kind}}});
        json!({"id": id, "type": "target", "relationships": {"integration": integration}})
    };
    let project = |origin: &str, frequency: Value, target: Value| {
        json!({"id": "p", "type": "project", "relationships": {"target": {"data": target}}, "attributes":
            {"origin": origin, "status": "active", "settings": {"recurring_tests": {"frequency": frequency}}}})
    };
    let (ours, daily, of_ours) = (target("t1", "bitbucket-cloud"), json!("daily"), json!({"id": "t1"}));
    let whole = json!([
        project("bitbucket-cloud", daily.clone(), of_ours.clone()),
        project("github", daily.clone(), of_ours.clone())
    ]);
    let both = json!([ours, target("t2", "github"), target("t3", "bitbucket-connect-app")]);
    check(both, whole.clone(), "imports: 2 targets, 1 projects").await;
    check(json!([target("t2", "github")]), json!([]), "imports: 0 targets, 0 projects").await;
    check(json!([]), whole, "projects of targets that are not listed").await;
    check(json!([ours]), json!([project("bitbucket-cloud", daily, json!(null))]), "projects without their target")
        .await;
    // What no project tells of its schedule is untold; the rest is not.
    let untold = json!([project("bitbucket-cloud", json!(null), of_ours)]);
    check(json!([ours]), untold, "imports: 1 targets, 1 projects").await;
}

#[tokio::test]
async fn an_integration_without_an_id_is_neither_there_nor_not() {
    let check = async |integrations: Value, expected: &str| {
        let world = World::new().await;
        mount_organization(&world, ok(&integrations), audit(&[])).await;
        let shown = shown(&world.run_organization(ProbeKind::Organization).await);
        assert!(shown.contains(expected), "{shown}");
        // The rest is looked at all the same.
        assert!(shown.contains("imports: 1 targets, 1 projects"), "{shown}");
        shown
    };
    let words = "could not list the Organization's integrations: the API answered with an integration of this type without \
                 an id";
    let shown = check(json!({"bitbucket-cloud": "", "github": "g1"}), words).await;
    assert!(!shown.contains("Present") && !shown.contains("Absent"), "{shown}");
    check(json!({"bitbucket-cloud": "i1", "github": ""}), "Present").await;
}
