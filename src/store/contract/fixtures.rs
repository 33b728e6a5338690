//! States, transitions and notifications to commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::kinds::Truth;
use crate::domain::names::{IntegrationKey, IntegrationName, ReceiverName};
use crate::domain::notification::{
    About, AttemptFailure, Delivery, DeliveryId, DeliveryState, Dispatch, FailureReason, Notification, NotificationId,
    NotificationKind, Outgoing, Reach,
};
use crate::domain::page::Page;
use crate::domain::state::{Baseline, Change, IntegrationState, State, Transition};
use crate::domain::status::Status;
use crate::store::{AttemptEnd, Commit, DeliveryFilter, Revision, Store};

pub(crate) fn at(minute: i64) -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

pub(crate) fn key(name: &str) -> IntegrationKey {
    IntegrationKey::group(IntegrationName::new(name))
}

pub(crate) fn integration(name: &str) -> Subject {
    Subject::Integration(key(name))
}

/// A state that differs from that of every other name.
pub(crate) fn state(name: &str) -> Arc<State> {
    let mut state = State::default();
    state.integrations.insert(key(name), IntegrationState::new(at(0)));
    state.baselines.insert(name.into(), Baseline { taken_at: Some(at(1)), problems: BTreeMap::new() });
    Arc::new(state)
}

pub(crate) fn status(name: &str, minute: i64) -> Transition {
    let to = (Status::Connected, Reason::Ok);
    let change = Change::Status { integration: key(name), from: None, to };
    Transition { at: at(minute), change, cause: format!("status of {name} at {minute}") }
}

pub(crate) fn condition(name: &str, minute: i64) -> Transition {
    let change = Change::Condition {
        integration: key(name),
        condition: Condition::SyncCurrent,
        from: Some(Truth::True),
        to: Truth::Unknown,
        reason: Reason::EvidenceStale,
    };
    Transition { at: at(minute), change, cause: format!("condition of {name} at {minute}") }
}

pub(crate) fn incident(subject: Subject) -> IncidentKey {
    IncidentKey { rule: Rule::PartiallyConnected, subject }
}

pub(crate) fn opened(subject: Subject, minute: i64) -> Transition {
    let change = Change::Opened { incident: incident(subject), severity: Severity::Warning };
    Transition { at: at(minute), change, cause: format!("opened at {minute}") }
}

pub(crate) fn commit(based_on: u64, name: &str, transitions: Vec<Transition>) -> Commit {
    let minute = i64::try_from(based_on).unwrap();
    Commit { based_on: Revision(based_on), at: at(minute), state: state(name), transitions, notifications: Vec::new() }
}

/// The event of an incident of the integration `name`; its id tells it from those of other minutes and kinds.
pub(crate) fn notification(name: &str, kind: NotificationKind, severity: Severity, minute: i64) -> Notification {
    let about = About::Incident(incident(integration(name)));
    let sequence = u32::try_from(minute).unwrap();
    Notification {
        id: NotificationId::of(&about, severity, at(0), kind, sequence),
        kind,
        about,
        severity,
        since: at(0),
        opened_at: at(0),
        created_at: at(minute),
        page: Page { title: format!("{name} {kind} at {minute}"), ..Page::default() },
    }
}

pub(crate) fn trigger(name: &str, minute: i64) -> Notification {
    notification(name, NotificationKind::Trigger, Severity::Warning, minute)
}

pub(crate) fn resolve(name: &str, minute: i64) -> Notification {
    notification(name, NotificationKind::Resolve, Severity::Warning, minute)
}

pub(crate) fn to(receivers: &[&str], notification: Notification) -> Outgoing {
    let receivers = receivers.iter().map(ReceiverName::new).collect();
    Outgoing { notification: Arc::new(notification), receivers, dispatch: Dispatch::Deliver }
}

/// Commits the notifications, based on whatever is latest; gives the new revision.
pub(crate) async fn notify<S: Store>(store: &S, notifications: Vec<Outgoing>) -> Revision {
    let based_on = store.load().await.unwrap().map_or(Revision::NONE, |stored| stored.revision);
    store.commit(Commit { notifications, ..commit(based_on.0, "acme", Vec::new()) }).await.unwrap()
}

pub(crate) async fn pending<S: Store>(store: &S, receiver: &str) -> Vec<Delivery> {
    store.pending(receiver.into(), usize::MAX).await.unwrap()
}

pub(crate) async fn all<S: Store>(store: &S) -> Vec<Delivery> {
    store.deliveries(DeliveryFilter { limit: usize::MAX, ..DeliveryFilter::default() }).await.unwrap()
}

/// The delivery of that id, as it stands.
pub(crate) async fn delivery<S: Store>(store: &S, id: DeliveryId) -> Delivery {
    all(store).await.into_iter().find(|delivery| delivery.id == id).unwrap()
}

pub(crate) fn failure(reason: FailureReason) -> AttemptFailure {
    AttemptFailure { reason, detail: format!("{reason} it was") }
}

/// An attempt that the receiver took.
pub(crate) fn taken(delivery: DeliveryId, minute: i64) -> AttemptEnd {
    AttemptEnd {
        delivery,
        at: at(minute),
        failure: None,
        reach: Reach::Received,
        state: DeliveryState::Delivered,
        next_attempt_at: at(minute),
    }
}

/// An attempt that failed and is repeated five minutes later.
pub(crate) fn put_off(delivery: DeliveryId, minute: i64, reach: Reach) -> AttemptEnd {
    AttemptEnd {
        delivery,
        at: at(minute),
        failure: Some(failure(FailureReason::ServerError)),
        reach,
        state: DeliveryState::Pending,
        next_attempt_at: at(minute + 5),
    }
}

/// An attempt after which there is no other.
pub(crate) fn rejected(delivery: DeliveryId, minute: i64) -> AttemptEnd {
    AttemptEnd {
        delivery,
        at: at(minute),
        failure: Some(failure(FailureReason::Rejected)),
        reach: Reach::NotReceived,
        state: DeliveryState::DeadLettered,
        next_attempt_at: at(minute),
    }
}

/// Delivers everything that `receiver` has pending.
pub(crate) async fn deliver_all<S: Store>(store: &S, receiver: &str, minute: i64) {
    for delivery in pending(store, receiver).await {
        store.begin_attempt(delivery.id, at(minute)).await.unwrap();
        store.finish_attempt(taken(delivery.id, minute)).await.unwrap();
    }
}
