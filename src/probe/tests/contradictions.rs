//! Answers of one round that contradict each other are told as that.

use super::bitbucket::{import, refused, repositories, user, with_scopes, workspaces};
use super::*;
use crate::domain::facts::ScmAuthentication;

const LIST: &str = "/2.0/repositories/acme";
const LACKS: &str = "Your credentials lack one or more required privilege scopes.";

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
    world.answers("GET", "/2.0/user/workspaces", refused(LACKS, &Value::Null)).await;
    world.answers("GET", "/2.0/repositories/acme/web/hooks", error(403)).await;
    let run = world.run_credential(ProbeKind::ScmCredential, "pat").await;
    let told: Vec<_> = shown(&run).lines().filter(|line| line.contains("_read:")).map(str::to_owned).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    account_read: Granted
    workspace_read: Missing { scope: Some("read:workspace:bitbucket") }
    project_read: Contradicted
    repository_read: Contradicted
    pull_request_read: Contradicted
    issue_read: Unverifiable
    webhook_read: Contradicted
    atlassian_account_read: Unverifiable
    "#);
    assert!(shown(&run).contains("repository_write: Contradicted"), "it is not believed for the rest: {}", shown(&run));

    // It stands without being asked again, and so does what an answer called missing.
    world.keep(&run);
    world.forget_answers().await;
    world.answers("GET", "/2.0/user", granting(user(), "read:user:bitbucket")).await;
    let run = world.run_credential(ProbeKind::ScmCredential, "pat").await;
    let told = shown(&run);
    assert!(!told.contains("_read: Missing") && !told.contains("repository_read"), "{told}");
    assert!(!told.contains("repository_write"), "{told}");
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

#[tokio::test]
async fn a_header_that_no_answer_proves_wrong_is_believed() {
    let mut world = World::new().await;
    world.fleet.integrations.get_mut(&IntegrationName::from("acme")).unwrap().group = None;
    import(&mut world, &["web"]);
    let check = async |words: &str, list: ResponseTemplate| {
        world.forget_answers().await;
        world.answers("GET", "/2.0/user", granting(user(), words)).await;
        world.answers("GET", LIST, list).await;
        shown(&world.run_credential(ProbeKind::ScmCredential, "pat").await)
    };
    let lacks_scope = || refused(LACKS, &Value::Null);
    let told = check("read:user:bitbucket", lacks_scope()).await;
    assert!(told.contains("repository_write: Missing") && told.contains("repository_read: Missing"), "{told}");
    // An empty header is wrong by the answer that it came with.
    for words in ["", " "] {
        let told = check(words, lacks_scope()).await;
        assert!(
            told.contains("account_read: Contradicted") && told.contains("repository_write: Contradicted"),
            "{told}"
        );
        assert!(told.contains("repository_read: Missing"), "refused by its own endpoint: {told}");
    }
    // Names are the same in whatever case.
    let told = check("READ:USER:BITBUCKET Read:Repository:Bitbucket", repositories(&["web"])).await;
    assert!(told.contains("account_read: Granted") && told.contains("repository_read: Granted"), "{told}");
    assert!(told.contains("repository_write: Missing"), "{told}");
}

#[tokio::test]
async fn an_acceptance_by_one_endpoint_beside_rejections_of_all_others_is_none() {
    let rejected = || ResponseTemplate::new(401);
    let check = async |list: ResponseTemplate, memberships: ResponseTemplate| {
        let world = World::new().await;
        world.answers("GET", "/2.0/user", with_scopes(user())).await;
        world.answers("GET", LIST, list).await;
        world.answers("GET", "/2.0/user/workspaces", memberships).await;
        first_line(&world).await
    };
    let contradicted = check(rejected(), rejected()).await;
    insta::assert_snapshot!(contradicted, @r#"Contradicted { detail: "`/user` was answered, and the list of repositories of acme was not with the same token: the API answered 401" }"#);
    assert!(check(rejected(), error(503)).await.starts_with("Contradicted"));
    // One that alone refuses is none, nor is one that does not answer.
    for (list, memberships) in [
        (rejected(), workspaces(&[("acme", "{w1}")])),
        (repositories(&["web"]), rejected()),
        (rejected(), error(403)),
        (error(503), error(503)),
    ] {
        let told = check(list, memberships).await;
        assert!(told.starts_with("Accepted"), "{told}");
    }
}

#[tokio::test]
async fn rejections_of_a_token_that_was_accepted_ask_for_both() {
    let mut world = World::new().await;
    let accepted = ScmAuthentication::Accepted { account: None, token_id: None, scopes: None };
    let slot = world.state.evidence.scm_credentials.entry("pat".into()).or_default();
    slot.authentication = Some(evidence(accepted, now(), ProbeKind::ScmCredential));
    let all = ["user", "workspace", "project", "repository", "pullrequest", "webhook"];
    let written = ["repository", "pullrequest", "webhook"].iter().map(|of| format!("write:{of}:bitbucket"));
    let all: Vec<_> = all.iter().map(|of| format!("read:{of}:bitbucket")).chain(written).collect();
    world.answers("GET", "/2.0/user", granting(user(), &all.join(", "))).await;
    world.answers("GET", "/2.0/user/workspaces", ResponseTemplate::new(401)).await;
    world.answers("GET", LIST, ResponseTemplate::new(401)).await;
    // Its own probe does not ask others of one that is accepted.
    assert!(first_line(&world).await.starts_with("Accepted"));
    assert!(!world.asked().await.contains(&LIST.to_owned()));
    let run = world.run_profile().await;
    assert!(shown(&run).starts_with("Contradicted"), "{}", shown(&run));
    assert!(!shown(&run).contains("Granted"), "{}", shown(&run));
}
