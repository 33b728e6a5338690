//! Workspaces that do not let their member in, repositories that are seen no more, totals that are wrong, and aliases.

use super::bitbucket::{refused, repositories, workspaces};
use super::snyk::{found, inventory};
use super::*;

const LIST: &str = "/2.0/repositories/acme";

async fn walked(names: &[&str]) -> World {
    let mut world = World::new().await;
    world.answers("GET", "/2.0/user/workspaces", workspaces(&[("acme", "{w1}")])).await;
    world.answers("GET", LIST, repositories(names)).await;
    let run = world.run_profile().await;
    world.keep(&run);
    world.forget_answers().await;
    world.answers("GET", "/2.0/user/workspaces", workspaces(&[("acme", "{w1}")])).await;
    world
}

#[tokio::test]
async fn a_member_that_is_not_let_in_loses_no_repository() {
    let check = async |answer: ResponseTemplate| {
        let world = walked(&["api", "web"]).await;
        world.answers("GET", LIST, answer).await;
        let told = shown(&world.run_profile().await);
        told.lines().filter(|line| !line.starts_with("repository_admin")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(check(error(404)).await, @r#"
    workspaces: {WorkspaceSlug("acme"): Contradicted}
    repositories: acme/api acme/web (walked 0 h ago)
    "#);
    let two_steps = "Two-step verification is required to access this workspace.";
    insta::assert_snapshot!(check(refused(two_steps, &Value::Null)).await, @r#"
    workspaces: {WorkspaceSlug("acme"): ShutOut { why: "Two-step verification is required to access this workspace." }}
    repositories: acme/api acme/web (walked 0 h ago)
    "#);
    // A plain refusal of the list, or one of our address, says nothing of the workspace.
    for answer in [error(403), refused("To access this workspace, an admin must whitelist your IP.", &Value::Null)] {
        let told = check(answer).await;
        assert!(told.starts_with(r#"workspaces: {WorkspaceSlug("acme"): Member"#), "{told}");
        assert!(!told.contains("repositories: "), "{told}");
    }
}

#[tokio::test]
async fn a_repository_that_is_seen_no_more_is_asked_for_by_its_id() {
    let world = walked(&["api", "docs", "old", "web"]).await;
    world.answers("GET", LIST, repositories(&["api"])).await;
    let at = |id: &str| format!("{LIST}/%7B{id}%7D");
    world.answers("GET", &at("docs"), ok(&json!({"uuid": "{docs}", "full_name": "acme/manual"}))).await;
    world.answers("GET", &at("old"), error(403)).await;
    world.answers("GET", &at("web"), error(404)).await;
    let told = shown(&world.run_profile().await);
    let fates: Vec<_> = told.lines().filter(|line| line.starts_with("fates")).collect();
    insta::assert_snapshot!(fates.join("\n"), @r#"fates: {RepositoryId("docs"): There { full_name: "acme/manual" }, RepositoryId("web"): NotFound}"#);

    // Nothing is missing, or many more than a few questions can settle.
    let world = walked(&["api"]).await;
    world.answers("GET", LIST, repositories(&["api", "new"])).await;
    assert!(!shown(&world.run_profile().await).contains("fates"));
    let names: Vec<String> = (0..30).map(|number| format!("r{number}")).collect();
    let world = walked(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.answers("GET", LIST, repositories(&[])).await;
    world.run_profile().await;
    let asked = world.asked().await.iter().filter(|path| path.contains("%7B")).count();
    assert_eq!(asked, 10);
}

#[tokio::test]
async fn a_total_that_is_wrong_for_good_makes_no_walk() {
    let list = |names: &[&str]| {
        let values: Vec<_> = names
            .iter()
            .map(|name| json!({"uuid": format!("{{{name}}}"), "full_name": format!("acme/{name}"), "size": 1}))
            .collect();
        ok(&json!({"values": values, "size": names.len() + 25}))
    };
    let mut world = World::new().await;
    let prober = world.prober();
    let work = Work { kind: ProbeKind::Profile, subject: WorkSubject::Profile("acme".into(), "main".into()) };
    let mut walks = Vec::new();
    for _ in 0..4 {
        world.forget_answers().await;
        world.answers("GET", "/2.0/user/workspaces", workspaces(&[("acme", "{w1}")])).await;
        world.answers("GET", LIST, list(&["api", "web"])).await;
        world.answers_when(LIST, Asks("q"), ok(&json!({"values": [], "size": 0}))).await;
        world.answers_when(LIST, Asks("role"), list(&["api", "web"])).await;
        let run = prober.run(&work, &Context { state: Arc::new(world.state.clone()) }).await;
        world.keep(&run);
        walks.push(run.outcome.findings.iter().any(|finding| matches!(finding, Finding::Repositories(..))));
    }
    // The first walk cannot know; the second proves the total wrong; then changes are enough.
    assert_eq!(walks, [false, true, true, true]);
    let asked = world.asked().await;
    assert!(asked.len() <= 4, "{asked:?}");
}

#[tokio::test]
async fn aliases_are_known_and_asked_for_seldom() {
    let (list, search) =
        (format!("/rest/groups/{GROUP}/inventory/assets"), format!("/rest/groups/{GROUP}/assets/search"));
    let aliases = format!("/rest/groups/{GROUP}/assets/repository/aliases");
    let mount = async |world: &World, answer: ResponseTemplate| {
        world.answers("GET", &list, inventory(&[("1", "acme/web", true)])).await;
        world.answers("POST", &search, found(&[])).await;
        world.answers("GET", &aliases, answer).await;
    };
    let alias = json!({"id": "a1", "type": "repository_alias", "attributes":
        {"url": "https://bitbucket.org/acme/web", "new_url": "https://bot@Bitbucket.org/acme/Shop.git"}});
    let told = ok(&json!({"data": [alias], "links": {}}));
    let mut world = World::new().await;
    mount(&world, told).await;
    let run = world.run_group(ProbeKind::Inventory).await;
    let with_alias = r#"; aliases: {"bitbucket.org/acme/shop": "bitbucket.org/acme/web"}"#;
    assert!(shown(&run).ends_with(with_alias), "{}", shown(&run));
    world.keep(&run);

    // Known without being asked for again.
    world.forget_answers().await;
    mount(&world, error(500)).await;
    let run = world.run_group(ProbeKind::Inventory).await;
    assert!(shown(&run).ends_with(with_alias) && !world.asked().await.contains(&aliases), "{}", shown(&run));

    // Early access: where the endpoint is not there, nothing is missed and nothing is said.
    for answer in [error(403), error(404)] {
        let world = World::new().await;
        mount(&world, answer).await;
        let run = world.run_group(ProbeKind::Inventory).await;
        assert_eq!(run.outcome.failures, [], "{}", shown(&run));
        assert!(shown(&run).starts_with("assets (last_sync: true): bitbucket.org/acme/web"), "{}", shown(&run));
    }
}
