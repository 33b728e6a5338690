//! The secret before a rotation is asked with until its end is known.

use super::bitbucket::{repositories, user, workspaces};
use super::*;
use crate::domain::state::CredentialState;

const OLD: &str = "ATATT3xold";

/// Whether the request carries the old secret.
struct WithOld(bool);

impl Match for WithOld {
    fn matches(&self, request: &Request) -> bool {
        is_with_old(request) == self.0
    }
}

fn is_with_old(request: &Request) -> bool {
    let sent = request.headers.get("authorization").and_then(|value| value.to_str().ok());
    sent.is_some_and(|sent| sent.contains(OLD))
}

fn old_token() -> BitbucketCloudAuth {
    let scheme = ApiTokenScheme::Bearer;
    BitbucketCloudAuth::ApiToken { email: "bot@acme.example".to_owned(), token: OLD.into(), scheme }
}

/// A world in which the token `old` was replaced by one that was accepted.
async fn rotated(former: BitbucketCloudAuth) -> World {
    let mut world = World::new().await;
    world.former.keep(&"pat".into(), "old", world.scm(former, None));
    world.fleet.scm_credentials.get_mut(&CredentialName::from("pat")).unwrap().token_version = Some("new".to_owned());
    world.state.credentials.insert(
        "pat".into(),
        CredentialState {
            accepted_secret: Some("new".to_owned()),
            secret_version: Some("new".to_owned()),
            previous_secret: Some("old".to_owned()),
            rotated_from: Some(("t1".to_owned(), now() - TimeDelta::hours(2))),
            ..CredentialState::default()
        },
    );
    world
}

async fn answer_with_new(world: &World) {
    world.answers_when("/2.0/user", WithOld(false), user()).await;
    world.answers("GET", "/2.0/repositories/acme", repositories(&["web"])).await;
    world.answers("GET", "/2.0/user/workspaces", workspaces(&[("acme", "{w1}")])).await;
}

/// What a round says of the old secret, and how many requests it sent with it.
async fn told(world: &World) -> (String, usize) {
    let before = asked_with_old(world).await;
    let shown = shown(&world.run_credential(ProbeKind::ScmCredential, "pat").await);
    assert!(shown.starts_with("Accepted {"), "{shown}");
    assert!(!shown.contains(OLD) && !shown.contains("FAILED"), "{shown}");
    let line = shown.lines().find(|line| line.starts_with("previous secret")).unwrap_or("nothing").to_owned();
    (line, asked_with_old(world).await - before)
}

async fn asked_with_old(world: &World) -> usize {
    world.server.received_requests().await.unwrap().iter().filter(|request| is_with_old(request)).count()
}

#[tokio::test]
async fn the_old_secret_is_asked_with_until_it_is_rejected() {
    let mut world = rotated(old_token()).await;
    answer_with_new(&world).await;
    world.answers_when("/2.0/user", WithOld(true), user()).await;
    assert_eq!(told(&world).await, ("previous secret: Accepted".to_owned(), 1));

    // What does not conclude is asked again.
    let answer_old = async |world: &World, answer: fn() -> ResponseTemplate| {
        world.forget_answers().await;
        for path in ["/2.0/user", "/2.0/repositories/acme", "/2.0/user/workspaces"] {
            world.answers_when(path, WithOld(true), answer()).await;
        }
        answer_with_new(world).await;
    };
    answer_old(&world, || error(503)).await;
    assert_eq!(told(&world).await, ("nothing".to_owned(), 1));
    // A rejection holds where another endpoint rejects it too.
    answer_old(&world, || ResponseTemplate::new(401)).await;
    assert_eq!(told(&world).await, ("previous secret: Rejected".to_owned(), 2));
    world.forget_answers().await;
    world.answers_when("/2.0/user", WithOld(true), ResponseTemplate::new(401)).await;
    answer_with_new(&world).await;
    assert_eq!(told(&world).await.0, "nothing", "another endpoint still answers it");

    // Its end is known: it is neither asked with again nor kept.
    let memory = |world: &mut World, at: Option<DateTime<Utc>>| {
        world.state.credentials.get_mut(&CredentialName::from("pat")).unwrap().previous_rejected_at = at;
    };
    memory(&mut world, Some(now()));
    assert_eq!(told(&world).await, ("nothing".to_owned(), 0));
    memory(&mut world, None);
    assert_eq!(told(&world).await, ("nothing".to_owned(), 0));
}

#[tokio::test]
async fn a_secret_that_was_not_replaced_for_good_is_not_asked_with() {
    let check = async |change: fn(&mut World), expected: usize| {
        let mut world = rotated(old_token()).await;
        answer_with_new(&world).await;
        world.answers_when("/2.0/user", WithOld(true), user()).await;
        change(&mut world);
        assert_eq!(told(&world).await.1, expected);
    };
    check(|_| {}, 1).await;
    // The new one was not accepted yet.
    check(
        |world| {
            let known = world.state.credentials.get_mut(&CredentialName::from("pat")).unwrap();
            known.accepted_secret = Some("old".to_owned());
        },
        0,
    )
    .await;
    // It is not what is saved in Snyk.
    check(|world| world.fleet.scm_credentials.get_mut(&CredentialName::from("pat")).unwrap().role = Role::Observer, 0)
        .await;
    // Another one than the one before.
    check(
        |world| {
            let known = world.state.credentials.get_mut(&CredentialName::from("pat")).unwrap();
            known.previous_secret = Some("older".to_owned());
        },
        0,
    )
    .await;
}

#[tokio::test]
async fn only_tokens_are_asked_with_again() {
    let check = async |auth: BitbucketCloudAuth, list: ResponseTemplate, expected: (&str, usize)| {
        let world = rotated(auth).await;
        answer_with_new(&world).await;
        let granted = json!({"access_token": OLD, "token_type": "bearer", "expires_in": 7200});
        world.answers("POST", "/site/oauth2/access_token", ok(&granted)).await;
        world.answers_when("/2.0/user", WithOld(true), user()).await;
        world.answers_when("/2.0/repositories/acme", WithOld(true), list).await;
        let (line, asked) = told(&world).await;
        assert_eq!((line.as_str(), asked), expected);
    };
    let access_token = || BitbucketCloudAuth::AccessToken { token: OLD.into() };
    let accepted = repositories(&["web"]);
    check(access_token(), accepted.clone(), ("previous secret: Accepted", 1)).await;
    check(access_token(), ResponseTemplate::new(401), ("previous secret: Rejected", 1)).await;
    check(access_token(), error(404), ("nothing", 1)).await;
    let consumer = BitbucketCloudAuth::OAuthConsumer { key: "key".to_owned(), secret: OLD.into() };
    check(consumer, accepted.clone(), ("nothing", 0)).await;
    let password = BitbucketCloudAuth::AppPassword { username: "bot".to_owned(), password: OLD.into() };
    check(password, accepted, ("nothing", 0)).await;
}
