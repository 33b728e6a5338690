//! Answers of one round that contradict each other are told as that.

use super::bitbucket::{import, refused, repositories, user, with_scopes, workspaces};
use super::*;

const LIST: &str = "/2.0/repositories/acme";

async fn first_line(world: &World) -> String {
    let run = world.run_credential(ProbeKind::ScmCredential, "pat").await;
    shown(&run).lines().next().unwrap_or_default().to_owned()
}

fn granting(answer: ResponseTemplate, words: &str) -> ResponseTemplate {
    answer.insert_header("x-oauth-scopes", words)
}

#[tokio::test]
async fn a_rejection_by_one_endpoint_beside_answers_of_another_is_none() {
    let rejected = || ResponseTemplate::new(401);
    let check = async |list: ResponseTemplate, memberships: ResponseTemplate| {
        let world = World::new().await;
        world.answers("GET", "/2.0/user", rejected()).await;
        world.answers("GET", LIST, list).await;
        world.answers("GET", "/2.0/user/workspaces", memberships).await;
        first_line(&world).await
    };
    insta::assert_snapshot!(check(repositories(&["web"]), rejected()).await, @r#"Contradicted { detail: "`/user`: the API answered 401; the list of repositories of acme was answered with the same token" }"#);
    insta::assert_snapshot!(check(error(404), workspaces(&[("acme", "{w1}")])).await, @r#"Contradicted { detail: "`/user`: the API answered 401; the list of workspaces was answered with the same token" }"#);
    // All reject it, or nothing else speaks.
    assert_eq!(check(rejected(), rejected()).await, "Rejected(WrongTokenOrEmail)");
    assert_eq!(check(error(503), error(503)).await, "Rejected(WrongTokenOrEmail)");
}

#[tokio::test]
async fn a_snyk_token_that_reads_its_group_is_not_rejected() {
    let check = async |group: ResponseTemplate| {
        let world = World::new().await;
        world.answers("GET", "/rest/self", error(401)).await;
        world.answers("GET", &format!("/rest/groups/{GROUP}"), group).await;
        shown(&world.run_credential(ProbeKind::SnykToken, "snyk").await)
    };
    insta::assert_snapshot!(check(snyk::group("2026-03-25")).await, @r#"Contradicted { detail: "`/self`: the API answered 401: no; other requests of the same round were answered" }"#);
    assert_eq!(check(error(401)).await, "Rejected(Unspecified)");
    assert_eq!(check(error(403)).await, "Rejected(Unspecified)");
}

#[tokio::test]
async fn what_the_header_lacks_and_an_answer_shows_is_neither_missing_nor_granted() {
    let mut world = World::new().await;
    world.fleet.integrations.get_mut(&IntegrationName::from("acme")).unwrap().group = None;
    import(&mut world, &["web"]);
    world.answers("GET", "/2.0/user", granting(user(), "read:user:bitbucket")).await;
    world.answers("GET", LIST, repositories(&["web"])).await;
    world.answers("GET", "/2.0/user/workspaces", refused("lacks scopes", &Value::Null)).await;
    world.answers("GET", "/2.0/repositories/acme/web/hooks", error(403)).await;
    let run = world.run_credential(ProbeKind::ScmCredential, "pat").await;
    let told: Vec<_> = shown(&run).lines().filter(|line| line.contains("_read:")).map(str::to_owned).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    account_read: Granted
    workspace_read: Missing { scope: Some("read:workspace:bitbucket") }
    project_read: Missing { scope: Some("read:project:bitbucket") }
    pull_request_read: Missing { scope: Some("read:pullrequest:bitbucket") }
    issue_read: Unverifiable
    webhook_read: Missing { scope: Some("read:webhook:bitbucket") }
    atlassian_account_read: Unverifiable
    repository_read: Contradicted
    "#);

    // It stands without being asked again, and the rest is missing as before.
    world.keep(&run);
    world.forget_answers().await;
    world.answers("GET", "/2.0/user", granting(user(), "read:user:bitbucket")).await;
    let run = world.run_credential(ProbeKind::ScmCredential, "pat").await;
    let told = shown(&run);
    assert!(!told.contains("repository_read") && told.contains("project_read: Missing"), "{told}");
    assert!(!world.asked().await.iter().any(|path| path.ends_with("/hooks")));
}

#[tokio::test]
async fn scopes_are_taken_from_another_answer_where_the_account_has_none() {
    let world = World::new().await;
    world.answers("GET", "/2.0/user", user()).await;
    world.answers("GET", LIST, with_scopes(repositories(&["web"]))).await;
    let run = world.run_credential(ProbeKind::ScmCredential, "pat").await;
    let told = shown(&run);
    assert!(told.contains(r#"token_id: Some("t1"), scopes: Some({"read:repository:bitbucket""#), "{told}");
    assert!(told.contains("webhook_write: Missing"), "{told}");
}

#[tokio::test]
async fn what_one_header_lacks_and_another_names_is_contradicted() {
    let words = "read:user:bitbucket, read:repository:bitbucket, write:webhook:bitbucket";
    let run = async |list: &str| {
        let world = World::new().await;
        world.answers("GET", "/2.0/user", granting(user(), "read:user:bitbucket, read:repository:bitbucket")).await;
        world.answers("GET", LIST, granting(repositories(&["web"]), list)).await;
        let run = world.run_credential(ProbeKind::ScmCredential, "pat").await;
        (world, run)
    };
    let said = |run: &ProbeRun| shown(run).lines().rfind(|line| line.starts_with("webhook_write")).map(str::to_owned);
    let (mut world, told) = run(words).await;
    assert_eq!(said(&told).as_deref(), Some("webhook_write: Contradicted"));
    // It stands while it is fresh, and what both lack is missing.
    assert!(shown(&told).contains("repository_write: Missing"), "{}", shown(&told));
    world.keep(&told);
    let again = world.run_credential(ProbeKind::ScmCredential, "pat").await;
    assert_eq!(said(&again), None, "{}", shown(&again));
    let (_, told) = run("read:user:bitbucket").await;
    assert_eq!(said(&told).as_deref(), Some(r#"webhook_write: Missing { scope: Some("write:webhook:bitbucket") }"#));
}
