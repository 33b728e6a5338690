//! What proves a member where nothing lists memberships, and workspaces of which one cannot be read.

use super::bitbucket::{missing_scope, refused, repositories, workspaces};
use super::*;
use crate::domain::condition::Reason;
use crate::domain::facts::{Unread, WorkspaceFact};

const ACME: &str = "/2.0/repositories/acme";
const BETA: &str = "/2.0/repositories/beta";

fn listed(workspace: &str, names: &[(&str, bool)]) -> ResponseTemplate {
    let repository = |(name, is_private): &(&str, bool)| {
        json!({"uuid": format!("{{{workspace}-{name}}}"), "full_name": format!("{workspace}/{name}"), "size": 1,
            "mainbranch": {"name": "main"}, "is_private": is_private})
    };
    let values: Vec<_> = names.iter().map(repository).collect();
    ok(&json!({"values": values, "size": names.len()}))
}

/// Nothing lists memberships: what `list` shows of the workspace has to prove that the account belongs there.
async fn unlisted(world: &World, list: ResponseTemplate) {
    let refusal = refused("This API is not accessible by this authentication mechanism", &Value::Null);
    world.answers("GET", "/2.0/user/workspaces", refusal).await;
    world.answers("GET", "/2.0/workspaces/acme", ok(&json!({"slug": "acme", "uuid": "{w1}"}))).await;
    world.answers("GET", ACME, list).await;
}

fn lines(run: &ProbeRun, start: &str) -> String {
    let shown = shown(run);
    shown.lines().filter(|line| line.starts_with(start)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn what_strangers_see_proves_no_member() {
    let check = async |names: &[(&str, bool)]| {
        let world = World::new().await;
        unlisted(&world, listed("acme", names)).await;
        lines(&world.run_profile().await, "workspaces")
    };
    insta::assert_snapshot!(check(&[("api", false), ("web", false)]).await, @r#"workspaces: {WorkspaceSlug("acme"): Untold { reason: MembershipNotProved, why: "the API answered 403: This API is not accessible by this authentication mechanism" }}"#);
    assert!(check(&[]).await.contains("Untold"), "nothing seen is no proof");
    // One private repository is: no stranger is shown it.
    insta::assert_snapshot!(check(&[("api", false), ("web", true)]).await, @r#"workspaces: {WorkspaceSlug("acme"): Member { uuid: Some("{w1}"), administrator: None }}"#);
}

#[tokio::test]
async fn the_workspaces_own_word_proves_a_member_of_what_is_public() {
    let check = async |answer: ResponseTemplate| {
        let world = World::new().await;
        unlisted(&world, listed("acme", &[("api", false)])).await;
        world.answers("GET", "/2.0/user/workspaces/acme/permission", answer).await;
        lines(&world.run_profile().await, "workspaces").contains("Member {")
    };
    assert!(check(ok(&json!({"permission": "member"}))).await);
    assert!(!check(ok(&json!({}))).await);
    assert!(!check(error(404)).await);
}

#[tokio::test]
async fn a_private_repository_that_is_hidden_now_proves_nothing_any_more() {
    let mut world = World::new().await;
    unlisted(&world, listed("acme", &[("api", false), ("web", true)])).await;
    let run = world.run_profile().await;
    world.keep(&run);
    world.forget_answers().await;
    unlisted(&world, listed("acme", &[("api", false)])).await;
    let run = world.run_profile().await;
    assert!(lines(&run, "workspaces").contains("Untold"), "{}", shown(&run));
    // What may be a stranger's sight replaces nothing.
    assert!(lines(&run, "repositories").contains("acme/api acme/web"), "{}", shown(&run));
}

/// Two workspaces of one profile, the second of which answers `beta`.
async fn two(world: &mut World, acme: &[(&str, bool)], beta: ResponseTemplate) {
    let group = world.fleet.integrations.get_mut(&IntegrationName::from("acme")).unwrap().group.as_mut().unwrap();
    group.profiles.values_mut().next().unwrap().workspaces.insert(WorkspaceSlug::from("beta"));
    world.answers("GET", "/2.0/user/workspaces", workspaces(&[("acme", "{w1}"), ("beta", "{w2}")])).await;
    world.answers("GET", ACME, listed("acme", acme)).await;
    world.answers("GET", BETA, beta).await;
}

fn unread(run: &ProbeRun) -> Option<Unread> {
    run.outcome.findings.iter().find_map(|finding| match finding {
        Finding::Repositories(.., set) => set.unread.get(&WorkspaceSlug::from("beta")).cloned(),
        _ => None,
    })
}

#[tokio::test]
async fn a_workspace_that_cannot_be_read_hides_no_other() {
    for (answer, reason) in [
        (error(403), Reason::EndpointRefused),
        (error(500), Reason::UpstreamFailing),
        (missing_scope(), Reason::EndpointRefused),
    ] {
        let mut world = World::new().await;
        two(&mut world, &[("api", true), ("web", true)], listed("beta", &[("shop", true)])).await;
        let run = world.run_profile().await;
        assert_eq!(lines(&run, "repositories"), "repositories: acme/api acme/web beta/shop (walked 0 h ago)");
        world.keep(&run);
        world.forget_answers().await;
        two(&mut world, &[("api", true)], answer).await;
        let run = world.run_profile().await;
        assert_eq!(lines(&run, "repositories"), "repositories: acme/api beta/shop (walked 0 h ago)", "{}", shown(&run));
        let unread = unread(&run).unwrap();
        assert_eq!((unread.read_at.is_some(), unread.reason), (true, reason));
        assert!(unread.detail.starts_with("could not list the repositories of workspace beta: "), "{}", unread.detail);
        assert!(lines(&run, "FAILED").contains("workspace beta") && !lines(&run, "FAILED").contains("workspace acme"));
        assert!(lines(&run, "workspaces").contains(r#"WorkspaceSlug("beta"): Member"#), "{}", shown(&run));

        // It is walked when it can be read again, whatever the total says.
        world.keep(&run);
        world.forget_answers().await;
        two(&mut world, &[("api", true)], listed("beta", &[("till", true)])).await;
        let run = world.run_profile().await;
        assert_eq!(lines(&run, "repositories"), "repositories: acme/api beta/till (walked 0 h ago)");
    }
}

#[tokio::test]
async fn what_was_never_read_is_not_empty() {
    let mut world = World::new().await;
    two(&mut world, &[("api", true)], error(500)).await;
    let first = unread(&world.run_profile().await).unwrap();
    assert_eq!(first.read_at, None);
    // Nothing is told of any workspace: nothing is found.
    let mut world = World::new().await;
    two(&mut world, &[], error(500)).await;
    world.forget_answers().await;
    world.answers("GET", "/2.0/user/workspaces", workspaces(&[("acme", "{w1}"), ("beta", "{w2}")])).await;
    world.answers("GET", ACME, error(500)).await;
    world.answers("GET", BETA, error(500)).await;
    assert_eq!(lines(&world.run_profile().await, "repositories"), "");
}

#[tokio::test]
async fn a_workspace_that_does_not_say_what_the_account_is_hides_no_other() {
    let mut world = World::new().await;
    two(&mut world, &[("api", true)], error(404)).await;
    world.forget_answers().await;
    world.answers("GET", "/2.0/user/workspaces", workspaces(&[("acme", "{w1}")])).await;
    world.answers("GET", ACME, repositories(&["api"])).await;
    world.answers("GET", "/2.0/workspaces/beta", error(500)).await;
    let run = world.run_profile().await;
    let facts = run.outcome.findings.iter().find_map(|finding| match finding {
        Finding::Workspaces(.., facts) => Some(facts.clone()),
        _ => None,
    });
    let facts = facts.unwrap();
    assert!(matches!(facts[&WorkspaceSlug::from("acme")], WorkspaceFact::Member { .. }));
    assert!(matches!(facts[&WorkspaceSlug::from("beta")], WorkspaceFact::Untold { .. }));
    assert!(lines(&run, "repositories").contains("acme/api"));
}
