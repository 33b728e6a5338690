//! Fakes for the tests of delivery: notifications, and receivers that do what a script says.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::receiver::{Leased, Message, Receiver, Retry, SendFailure};
use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::names::{CredentialName, ReceiverName};
use crate::domain::notification::{
    About, Delivery, DeliveryId, DeliveryState, Dispatch, FailureReason, Notification, NotificationId,
    NotificationKind, Outgoing, Reach,
};
use crate::domain::page::Page;
use crate::domain::state::State;
use crate::store::{Commit, Revision, Store};

/// When every test begins.
pub(crate) fn begin() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

/// The problem of a credential.
pub(crate) fn about(name: &str) -> About {
    About::Incident(IncidentKey {
        rule: Rule::CredentialInvalid,
        subject: Subject::Credential(CredentialName::new(name)),
    })
}

/// The `sequence`th event about a credential, made `after` the begin.
pub(crate) fn event(
    name: &str,
    severity: Severity,
    kind: NotificationKind,
    sequence: u32,
    after: TimeDelta,
) -> Arc<Notification> {
    let about = about(name);
    let page = Page { title: format!("CredentialInvalid: {name}"), ..Page::default() };
    Arc::new(Notification {
        id: NotificationId::of(&about, severity, begin(), kind, sequence),
        kind,
        about,
        severity,
        since: begin(),
        opened_at: begin(),
        created_at: begin() + after,
        page,
    })
}

/// A row that was never tried.
pub(crate) fn row(id: i64, notification: &Arc<Notification>) -> Delivery {
    Delivery {
        id: DeliveryId(id),
        receiver: ReceiverName::new("chat"),
        notification: Arc::clone(notification),
        state: DeliveryState::Pending,
        attempts: 0,
        reach: Reach::NotReceived,
        next_attempt_at: notification.created_at,
        ended_at: None,
        last_failure: None,
    }
}

/// A notification for these receivers.
pub(crate) fn outgoing(receivers: &[&str], notification: &Arc<Notification>) -> Outgoing {
    Outgoing {
        notification: Arc::clone(notification),
        receivers: receivers.iter().map(ReceiverName::new).collect(),
        dispatch: Dispatch::Deliver,
    }
}

/// Commits notifications for these receivers.
pub(crate) async fn commit(store: &dyn Store, receivers: &[&str], notifications: &[Arc<Notification>]) {
    let revision = store.load().await.unwrap().map_or(Revision::NONE, |stored| stored.revision);
    let commit = Commit {
        based_on: revision,
        at: begin(),
        state: Arc::new(State::default()),
        transitions: Vec::new(),
        notifications: notifications.iter().map(|notification| outgoing(receivers, notification)).collect(),
    };
    store.commit(commit).await.unwrap();
}

/// How a fake receiver treats one message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Treat {
    /// Takes it.
    Take,
    /// Refuses it: certainly not received.
    Refuse(Retry),
    /// Takes it, and the answer is lost.
    Lose,
    /// Never answers.
    Stall,
    /// Panics.
    Panic,
}

/// A receiver that remembers what it got, and treats messages as scripted; without a script it takes them.
pub(crate) struct Fake {
    script: Mutex<VecDeque<Treat>>,
    got: Mutex<Vec<Got>>,
    renewals: Mutex<Vec<Vec<String>>>,
    ignores: BTreeSet<NotificationKind>,
    pause: Duration,
    renew_every: Option<Duration>,
    changed: Notify,
}

/// A message as a fake receiver got it, taken or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) id: NotificationId,
    pub(crate) what: String,
    pub(crate) after: TimeDelta,
    pub(crate) taken: bool,
}

impl fmt::Debug for Fake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fake")
    }
}

impl Fake {
    pub(crate) fn new(script: impl IntoIterator<Item = Treat>) -> Self {
        Self {
            script: Mutex::new(script.into_iter().collect()),
            got: Mutex::default(),
            renewals: Mutex::default(),
            ignores: BTreeSet::new(),
            pause: Duration::ZERO,
            renew_every: None,
            changed: Notify::new(),
        }
    }

    pub(crate) fn ignoring(mut self, kind: NotificationKind) -> Self {
        self.ignores.insert(kind);
        self
    }

    pub(crate) fn pausing(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    pub(crate) fn leased(self, renew_every: Duration) -> Self {
        Self { renew_every: Some(renew_every), ..self }
    }

    /// Everything it got so far, as `kind/credential/severity @seconds`, `!` before what it did not take.
    pub(crate) fn told(&self) -> Vec<String> {
        let show = |got: &Got| {
            let mark = if got.taken { "" } else { "!" };
            format!("{mark}{} @{}", got.what, got.after.num_seconds())
        };
        self.got.lock().unwrap().iter().map(show).collect()
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    pub(crate) fn renewals(&self) -> Vec<Vec<String>> {
        self.renewals.lock().unwrap().clone()
    }

    /// Waits until this is true of it.
    pub(crate) async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if is_so(self) {
                return;
            }
            let waited = tokio::time::timeout_at(deadline, changed).await;
            assert!(waited.is_ok(), "it did not come to that: {:#?} {:?}", self.told(), self.renewals());
        }
    }
}

pub(crate) fn what(notification: &Notification) -> String {
    let About::Incident(IncidentKey { subject: Subject::Credential(name), .. }) = &notification.about else {
        return format!("{}/{}", notification.kind, notification.about);
    };
    format!("{}/{name}/{}", notification.kind, notification.severity)
}

fn failure(reason: FailureReason, reach: Reach, retry: Retry) -> SendFailure {
    SendFailure { reason, detail: "as scripted".to_owned(), reach, retry }
}

impl Receiver for Fake {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendFailure>> {
        let treat = self.script.lock().unwrap().pop_front().unwrap_or(Treat::Take);
        let got = Got {
            id: message.notification.id.clone(),
            what: what(&message.notification),
            after: message.attempted_at - begin(),
            taken: matches!(treat, Treat::Take | Treat::Lose),
        };
        self.got.lock().unwrap().push(got);
        self.changed.notify_waiters();
        async move {
            match treat {
                Treat::Take => Ok(()),
                Treat::Refuse(Retry::Never) => Err(failure(FailureReason::Rejected, Reach::NotReceived, Retry::Never)),
                Treat::Refuse(retry @ Retry::After(_)) => {
                    Err(failure(FailureReason::RateLimited, Reach::NotReceived, retry))
                }
                Treat::Refuse(Retry::Later) => {
                    Err(failure(FailureReason::ServerError, Reach::NotReceived, Retry::Later))
                }
                Treat::Lose => Err(failure(FailureReason::Timeout, Reach::Unclear, Retry::Later)),
                Treat::Stall => std::future::pending().await,
                Treat::Panic => panic!("as scripted"),
            }
        }
        .boxed()
    }

    fn takes(&self, kind: NotificationKind) -> bool {
        !self.ignores.contains(&kind)
    }

    fn pause(&self) -> Duration {
        self.pause
    }

    fn lease(&self) -> Option<&dyn Leased> {
        self.renew_every.is_some().then_some(self)
    }
}

impl Leased for Fake {
    fn renew_every(&self) -> Duration {
        self.renew_every.unwrap_or_default()
    }

    fn repeat_resolves_for(&self) -> Duration {
        Duration::from_mins(15)
    }

    fn repeats(&self, _notification: &Notification) -> bool {
        true
    }

    fn renew<'a>(&'a self, standing: &'a [Message]) -> BoxFuture<'a, Result<(), SendFailure>> {
        let told = standing.iter().map(|message| what(&message.notification)).collect();
        self.renewals.lock().unwrap().push(told);
        self.changed.notify_waiters();
        async { Ok(()) }.boxed()
    }
}
