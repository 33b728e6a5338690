//! Ends that were forgotten since the state was lost.

use std::collections::BTreeMap;

use super::stage::{Stage, hours, minutes, rejected, route, shown, stalled};
use crate::domain::attention::Forgotten;
use crate::domain::incident::{IncidentKey, Severity};
use crate::domain::matcher::Matcher;
use crate::domain::names::IntegrationKey;
use crate::domain::notification::Dispatch;

/// A pager that keeps alerts open, and a chat.
fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.routes(vec![route(Matcher::default(), &["chat", "on-call"])]);
    stage.routing.keep_open = ["on-call".into()].into();
    stage.state.attention.forgotten = Some(Forgotten::since(stage.now));
    stage
}

fn is_well(stage: &mut Stage, key: &IncidentKey) {
    let affected = vec![IntegrationKey::group("acme-bitbucket".into())];
    stage.state.attention.forgotten.as_mut().unwrap().due.insert(key.clone(), affected);
}

#[test]
fn whoever_keeps_alerts_open_is_told_the_end_once() {
    let mut stage = stage();
    assert_eq!(stage.at(minutes(1)), [""; 0], "nothing is seen to be well yet");
    is_well(&mut stage, &rejected());
    let told = stage.evaluate(&[]);
    assert_eq!(
        shown(&told),
        [
            "resolve CredentialInvalid/credential/bitbucket-acme/warning -> on-call",
            "resolve CredentialInvalid/credential/bitbucket-acme/critical -> on-call"
        ]
    );
    let page = &told[0].notification.page;
    assert!(page.title.starts_with("Resolved: "), "{}", page.title);
    assert!(page.summary.contains("snykwatch lost what it remembered"), "{}", page.summary);
    assert_eq!(page.labels.credential, Some("bitbucket-acme".into()), "the labels of its trigger");
    assert_eq!(stage.at(hours(1)), [""; 0], "once");
}

#[test]
fn whom_we_remember_to_have_told_hears_of_the_end_by_itself() {
    let mut stage = stage();
    stage.open(&stalled(), Severity::Warning);
    assert_eq!(stage.at(minutes(1)).len(), 1, "it is told again, by the same key");
    stage.now += minutes(1);
    let ended = stage.resolve(&stalled());
    is_well(&mut stage, &stalled());
    let mut told = stage.tell(&[ended]);
    told.sort();
    assert_eq!(
        told,
        [
            "resolve SyncStalled/integration/acme-bitbucket/critical -> on-call",
            "resolve SyncStalled/integration/acme-bitbucket/warning -> chat, on-call"
        ],
        "and it may have been worse before"
    );
}

#[test]
fn what_is_not_really_told_stays_owed() {
    let mut stage = stage();
    stage.dispatch = Dispatch::Withhold;
    is_well(&mut stage, &rejected());
    assert_eq!(stage.at(minutes(1)), [""; 0]);
    stage.dispatch = Dispatch::Deliver;
    assert_eq!(stage.at(minutes(2)).len(), 2);
}

#[test]
fn without_a_loss_nobody_is_told_anything() {
    let mut stage = stage();
    stage.state.attention.forgotten = None;
    assert_eq!(stage.at(minutes(1)), [""; 0]);
    assert_eq!(stage.state.attention.announcements, BTreeMap::new());
}

/// Of an older state, nobody knows what came after it: whoever was told of this may have heard of its end.
#[test]
fn what_lasts_is_told_once_more_to_whoever_was_told_before_the_loss() {
    let mut stage = stage();
    stage.state.attention.forgotten = None;
    stage.open(&stalled(), Severity::Warning);
    assert_eq!(stage.at(minutes(1)).len(), 1);
    stage.now += minutes(5);
    stage.state.attention.forgotten = Some(Forgotten::since(stage.now));
    assert_eq!(stage.at(minutes(6)), [""; 0], "it may be over");
    stage.state.attention.forgotten.as_mut().unwrap().lasting.insert(stalled(), false);
    assert_eq!(stage.at(minutes(7)), ["trigger SyncStalled/integration/acme-bitbucket/warning -> chat, on-call"]);
    assert_eq!(stage.at(minutes(8)), [""; 0], "once");
}

/// It grew worse after the copy was made, or before the state was lost: then the warning is another key.
#[test]
fn what_is_critical_by_now_ends_the_warning_that_may_be_open() {
    let mut stage = stage();
    stage.open(&stalled(), Severity::Critical);
    stage.state.attention.forgotten.as_mut().unwrap().lasting.insert(stalled(), false);
    let told = stage.evaluate(&[]);
    assert_eq!(
        shown(&told),
        [
            "resolve SyncStalled/integration/acme-bitbucket/warning -> on-call",
            "trigger SyncStalled/integration/acme-bitbucket/critical -> chat, on-call"
        ]
    );
    let ended = &told[0].notification.page.summary;
    assert!(ended.contains("shows that it is critical"), "{ended}");
    assert_eq!(stage.at(minutes(1)), [""; 0], "once");
}
