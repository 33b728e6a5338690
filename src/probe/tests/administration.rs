//! Administrator rights are counted over what was imported.

use super::bitbucket::{import, repositories, workspaces};
use super::*;

const LIST: &str = "/2.0/repositories/acme";
const PERMISSIONS: &str = "/2.0/user/workspaces/acme/permissions/repositories";

fn administered(names: &[&str]) -> ResponseTemplate {
    let values: Vec<_> = names
        .iter()
        .map(|name| {
            let repository = json!({"uuid": format!("{{{name}}}"), "full_name": format!("acme/{name}")});
            json!({"permission": "admin", "repository": repository})
        })
        .collect();
    ok(&json!({"values": values, "size": names.len()}))
}

async fn mount(world: &World, all: &[&str], admin: &[&str]) {
    world.answers("GET", "/2.0/user/workspaces", workspaces(&[("acme", "{w1}")])).await;
    world.answers("GET", LIST, repositories(all)).await;
    world.answers_when(LIST, Asks("role"), repositories(admin)).await;
    world.answers("GET", PERMISSIONS, administered(admin)).await;
    for name in all {
        let repository = json!({"uuid": format!("{{{name}}}"), "full_name": format!("acme/{name}")});
        world.answers("GET", &format!("{LIST}/{name}"), ok(&repository)).await;
    }
}

async fn proof(world: &World) -> String {
    let run = world.run_profile().await;
    shown(&run).lines().filter(|line| line.starts_with("repository_admin")).collect()
}

#[tokio::test]
async fn only_imported_repositories_need_an_administrator() {
    let check = async |imported: &[&str], all: &[&str], admin: &[&str], expected: &str| {
        let mut world = World::new().await;
        import(&mut world, imported);
        mount(&world, all, admin).await;
        assert_eq!(proof(&world).await, format!("repository_admin: {expected}"), "{imported:?} {all:?} {admin:?}");
    };
    let all = ["api", "docs", "web", "wiki"];
    check(&["api", "web"], &all, &["api", "web"], "Granted").await;
    check(&["api", "web"], &all, &["docs", "wiki"], "Partial { granted: 0, total: 2 }").await;
    check(&["api", "web"], &all, &["api", "docs", "wiki"], "Partial { granted: 1, total: 2 }").await;
    check(&["api", "web"], &["API", "docs", "web"], &["API", "web"], "Granted").await;
    // Imported and deleted: it needs nobody any more.
    check(&["api", "gone"], &all, &["api"], "Granted").await;
    // Nothing imported: nobody knows what has to be administered, unless everything is.
    check(&[], &all, &["api"], "Unverifiable").await;
    check(&[], &all, &all, "Granted").await;
    check(&[], &[], &[], "Unverifiable").await;
}

#[tokio::test]
async fn a_repository_that_is_deleted_during_the_round_is_no_missing_right() {
    let check = async |answer: ResponseTemplate, expected: &str| {
        let mut world = World::new().await;
        import(&mut world, &["api", "web"]);
        world.answers("GET", &format!("{LIST}/web"), answer).await;
        mount(&world, &["api", "web"], &["api"]).await;
        assert_eq!(proof(&world).await, format!("repository_admin: {expected}"));
    };
    // `web` was walked, and is gone when rights are counted.
    check(error(404), "Granted").await;
    check(ok(&json!({"uuid": "{web}", "full_name": "acme/web"})), "Partial { granted: 1, total: 2 }").await;
    check(error(500), "Partial { granted: 1, total: 2 }").await;
}

#[tokio::test]
async fn which_are_administered_is_listed_once_while_their_number_stays() {
    let mut world = World::new().await;
    import(&mut world, &["api"]);
    mount(&world, &["api", "web"], &["api"]).await;
    let listed = async |world: &World| {
        proof(world).await;
        let asked = world.asked().await.iter().filter(|path| path.as_str() == PERMISSIONS).count();
        world.forget_answers().await;
        asked
    };
    assert_eq!(listed(&world).await, 2, "counted, then listed");
    mount(&world, &["api", "web"], &["api"]).await;
    assert_eq!(listed(&world).await, 1, "counted");
    mount(&world, &["api", "web", "new"], &["api", "web"]).await;
    assert_eq!(listed(&world).await, 2, "the number changed");
}
