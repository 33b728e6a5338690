//! Workspaces that do not let their member in, repositories that are seen no more, totals that are wrong, and aliases.

use super::bitbucket::{refused, repositories, workspaces};
use super::snyk::{found, inventory};
use super::*;
use crate::domain::facts::RepositoryFate;
use crate::domain::loss::{AbsentRepository, Settlement};
use crate::domain::state::IntegrationState;

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

    // Nothing is missing, or many more than one round may ask for.
    let world = walked(&["api"]).await;
    world.answers("GET", LIST, repositories(&["api", "new"])).await;
    assert!(!shown(&world.run_profile().await).contains("fates"));
    let names: Vec<String> = (0..30).map(|number| format!("r{number}")).collect();
    let world = walked(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.answers("GET", LIST, repositories(&[])).await;
    world.run_profile().await;
    let asked = world.asked().await.iter().filter(|path| path.contains("%7B")).count();
    assert_eq!(asked, 20);
}

/// What the state remembers of a repository that earlier walks no longer had.
fn absent(settlement: Settlement, fate: Option<RepositoryFate>) -> AbsentRepository {
    AbsentRepository {
        full_name: "acme/gone".to_owned(),
        project: None,
        left_at: now() - TimeDelta::hours(5),
        administered: true,
        fate,
        settlement,
        rule: None,
        by_asset: false,
    }
}

fn remember(world: &mut World, slug: &str, id: &str, absent: AbsentRepository) {
    let stored = world.state.integrations.entry(IntegrationKey::group("acme".into()));
    let stored = stored.or_insert_with(|| IntegrationState::new(now()));
    let memory = stored.group.profiles.entry("main".into()).or_default();
    memory.namespaces.entry(slug.into()).or_default().absent.insert(id.into(), absent);
}

#[tokio::test]
async fn what_is_not_settled_is_asked_for_in_each_round_until_it_is_answered() {
    let mut world = walked(&["api"]).await;
    world.answers("GET", LIST, repositories(&["api"])).await;
    for number in 0..25 {
        remember(&mut world, "acme", &format!("r{number:02}"), absent(Settlement::RightLost, None));
    }
    remember(&mut world, "acme", "answered", absent(Settlement::RightLost, Some(RepositoryFate::NotFound)));
    remember(&mut world, "acme", "removed", absent(Settlement::Removed, None));
    remember(&mut world, "acme", "url:bitbucket.org/acme/old", absent(Settlement::RightLost, None));
    remember(&mut world, "acme", "api", absent(Settlement::RightLost, None));
    // No workspace of this round.
    remember(&mut world, "elsewhere", "other", absent(Settlement::RightLost, None));
    for number in 1..25 {
        world.answers("GET", &format!("{LIST}/%7Br{number:02}%7D"), error(404)).await;
    }
    world.answers("GET", &format!("{LIST}/%7Br00%7D"), error(500)).await;
    let round = async || {
        let before = world.asked().await.len();
        let run = world.run_profile().await;
        let asked: Vec<_> = world.asked().await.split_off(before);
        let asked = asked.iter().filter_map(|path| path.strip_prefix("/2.0/repositories/acme/%7B")).count();
        let fates = run.outcome.findings.iter().find_map(|finding| match finding {
            Finding::Fates(.., fates) => Some(fates.keys().map(ToString::to_string).collect::<Vec<_>>()),
            _ => None,
        });
        let fates = fates.unwrap_or_default();
        (asked, fates.first().cloned().unwrap_or_default(), fates.last().cloned().unwrap_or_default())
    };
    let of = |asked, first: &str, last: &str| (asked, first.to_owned(), last.to_owned());
    // The first one fails, and the API is let alone.
    assert_eq!(round().await, of(1, "", ""));
    // It does not stand in the way of the others, and has its turn again after them.
    assert_eq!(round().await, of(20, "r01", "r20"));
    assert_eq!(round().await, of(5, "r21", "r24"));
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
