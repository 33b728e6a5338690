//! The history: by subject, newest first.

use super::fixtures::{at, commit, condition, integration, opened, status};
use crate::domain::incident::Subject;
use crate::domain::names::{IntegrationKey, OrganizationId};
use crate::domain::state::Transition;
use crate::store::Store;

pub(super) async fn check<S: Store>(open: &impl AsyncFn() -> S) {
    history_is_by_subject_and_newest_first(&open().await).await;
    subjects_are_told_apart(&open().await).await;
    a_long_commit_keeps_its_order(&open().await).await;
}

async fn history<S: Store>(store: &S, subject: Subject) -> Vec<Transition> {
    store.history(subject, usize::MAX).await.unwrap()
}

async fn history_is_by_subject_and_newest_first<S: Store>(store: &S) {
    let credential = Subject::Credential("bitbucket-acme".into());
    let first = vec![status("acme", 0), status("other", 0), opened(credential.clone(), 0)];
    let second = vec![condition("acme", 1), opened(integration("acme"), 1)];
    store.commit(commit(0, "acme", first)).await.unwrap();
    store.commit(commit(1, "acme", second)).await.unwrap();

    let acme = [opened(integration("acme"), 1), condition("acme", 1), status("acme", 0)];
    assert_eq!(history(store, integration("acme")).await, acme);
    assert_eq!(store.history(integration("acme"), 2).await.unwrap(), acme[..2]);
    assert_eq!(store.history(integration("acme"), 0).await.unwrap(), []);
    assert_eq!(history(store, integration("other")).await, [status("other", 0)]);
    assert_eq!(history(store, credential.clone()).await, [opened(credential, 0)]);
}

async fn subjects_are_told_apart<S: Store>(store: &S) {
    let organization = OrganizationId(uuid::Uuid::from_u128(7));
    let subjects = [
        integration("acme"),
        Subject::Integration(IntegrationKey::organization("acme".into(), organization)),
        Subject::Organizations("acme".into()),
        Subject::Credential("acme".into()),
        Subject::Api("snyk/acme".into()),
        Subject::Workspace("acme".into(), "acme".into()),
        Subject::Workspace("acme".into(), "other".into()),
    ];
    let transitions = (0..).zip(&subjects).map(|(minute, subject)| opened(subject.clone(), minute)).collect();
    store.commit(commit(0, "acme", transitions)).await.unwrap();
    for (minute, subject) in (0..).zip(subjects) {
        assert_eq!(history(store, subject.clone()).await, [opened(subject, minute)]);
    }
}

async fn a_long_commit_keeps_its_order<S: Store>(store: &S) {
    // Within the number that memory keeps of one subject, over several of them.
    let names = ["one", "two", "three", "four", "five", "six", "seven", "eight"];
    let transitions = (0..180).flat_map(|_| names.map(|name| status(name, 0)));
    let numbered = transitions.enumerate().map(|(number, transition)| {
        let cause = format!("{number}");
        Transition { at: at(0), cause, ..transition }
    });
    store.commit(commit(0, "acme", numbered.collect())).await.unwrap();
    let causes = history(store, integration("one")).await.into_iter().map(|transition| transition.cause);
    let expected = (0..180).rev().map(|round| (round * names.len()).to_string());
    assert_eq!(causes.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}
