//! Prometheus Alertmanager, by its API v2.
//!
//! **Words.** A *peer* is one Alertmanager of a cluster; every one of them gets everything, since each forgets and is
//! restarted on its own. A *lease* is the time for which a peer believes that an alert fires without hearing of it again:
//! four times `resend_every`.
//!
//! **How it works.** A trigger is posted as an alert that ends when its lease does; reminding ([`Leased::renew`]) extends
//! it. A resolve is the same alert with the end that it really had; it is repeated for a while, for peers that were away.
//! A notification is accepted when one peer took it; the others get it with the next reminder. Two severities are two
//! alerts: an escalation ends the lower one and begins the higher one, as its resolve and its trigger say.
//!
//! Each peer judges begin, lease and end by its own clock. Its answers tell how far that is from ours (`peer.rs`); where
//! the first one does, the alert may have been over when it came, so it is posted again at once.
//!
//! The labels of an alert are its identity, so they stay those of the trigger for as long as the incident lasts, whatever
//! its blast radius becomes ([`alert`]). That is why nothing but triggers and resolves is sent: what stands is then always
//! the trigger, after a restart too. Repeating is Alertmanager's own (`repeat_interval`), and so are silences there.
//!
//! **What it does not do.** It never takes an accepted alert for an arrived page: what Alertmanager makes of it is
//! configured there. It knows no cluster: peers that are not in `urls` get what their cluster gossips, and that is not
//! alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::FuturesUnordered;

use self::alert::{Alert, Labels, Lease};
use self::peer::Peer;
use super::ReceiverBuildError;
use super::labels::labels;
use crate::client::answer::KnownSecrets;
use crate::client::post::PostClient;
use crate::config::receivers::AlertmanagerSettings;
use crate::deliver::receiver::{Leased, Message, Receiver, Retry, SendFailure};
use crate::domain::notification::{FailureReason, Notification, NotificationId, NotificationKind, Reach};

mod alert;
mod peer;

/// A lease lasts so many times `resend_every`: three reminders may be lost. Prometheus does the same.
const LEASE_FACTOR: u32 = 4;

/// Resolves are repeated for so long, as Prometheus does: a peer that was away meanwhile still hears of them.
const REPEAT_RESOLVES_FOR: Duration = Duration::from_mins(15);

/// After one peer took a notification, the others have so long to do so too: a peer that hangs must not keep the next
/// page waiting.
const PATIENCE_WITH_OTHERS: Duration = Duration::from_secs(5);

/// Labels of so many alerts are remembered before those that no longer stand are forgotten.
const IDENTITIES_KEPT: usize = 4_096;

/// One or several Alertmanagers.
#[derive(Debug)]
pub struct AlertmanagerReceiver {
    peers: Vec<Peer>,
    resend_every: Duration,
    /// The labels that each alert began with, by the notification's key, with the episode they belong to.
    identities: Mutex<BTreeMap<String, (DateTime<Utc>, Labels)>>,
}

/// An alert, and whose it is.
type Owned = (NotificationId, Alert);

impl AlertmanagerReceiver {
    /// Makes the receiver. The password or token is read here.
    ///
    /// # Errors
    /// When the secret cannot be read, or an address is none.
    pub fn try_new(
        settings: &AlertmanagerSettings,
        client: &PostClient,
        known: &KnownSecrets,
    ) -> Result<Self, ReceiverBuildError> {
        let peers: Vec<_> =
            settings.urls.iter().map(|url| Peer::try_new(url, settings, client, known)).collect::<Result<_, _>>()?;
        Ok(Self { peers, resend_every: settings.resend_every, identities: Mutex::default() })
    }

    fn identities(&self) -> MutexGuard<'_, BTreeMap<String, (DateTime<Utc>, Labels)>> {
        self.identities.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The alert of a message, with the labels that it began with.
    fn alert(&self, message: &Message) -> Owned {
        let notification = &message.notification;
        let key = notification.key();
        let mut identities = self.identities();
        let known = identities.get(&key).filter(|(opened_at, _)| *opened_at == notification.opened_at);
        let labels = known.map_or_else(|| labels(notification), |(_, labels)| labels.clone());
        if known.is_none() && notification.is_firing() {
            identities.insert(key, (notification.opened_at, labels.clone()));
        }
        let lease = Lease(self.resend_every.saturating_mul(LEASE_FACTOR));
        (notification.id.clone(), Alert::of(message, labels, lease))
    }

    /// Brings alerts to every peer: done when one of them took them all.
    async fn post(&self, alerts: &[Owned]) -> Result<(), SendFailure> {
        let mut waiting: Vec<_> = (0..self.peers.len()).collect();
        let posting = self.peers.iter().enumerate().map(async |(index, peer)| (index, peer.post(alerts).await));
        let mut posting: FuturesUnordered<_> = posting.collect();
        let mut failures = Vec::new();
        let mut is_accepted = false;
        loop {
            let next = if is_accepted {
                tokio::time::timeout(PATIENCE_WITH_OTHERS, posting.next()).await
            } else {
                Ok(posting.next().await)
            };
            // All have answered, or the rest is too slow: it gets them with the next reminder.
            let Ok(Some((index, posted))) = next else { break };
            waiting.retain(|other| *other != index);
            match posted {
                Ok(()) => is_accepted = true,
                Err(failure) => failures.push(failure),
            }
        }
        drop(posting);
        waiting.into_iter().filter_map(|index| self.peers.get(index)).for_each(Peer::note_slowness);
        if is_accepted { Ok(()) } else { Err(most_hopeful(failures)) }
    }

    /// What is on its way does not stand, so identities are kept for as long as there is room.
    fn forget_identities(&self, standing: &[Message]) {
        let mut identities = self.identities();
        if identities.len() > IDENTITIES_KEPT {
            let keys: BTreeSet<_> = standing.iter().map(|message| message.notification.key()).collect();
            identities.retain(|key, _| keys.contains(key));
        }
    }

    async fn renew_all(&self, standing: &[Message]) -> Result<(), SendFailure> {
        // A test is over when its lease is.
        let lasting = standing.iter().filter(|message| message.notification.kind != NotificationKind::Test);
        let alerts: Vec<_> = lasting.map(|message| self.alert(message)).collect();
        self.forget_identities(standing);
        if alerts.is_empty() {
            return Ok(());
        }
        self.post(&alerts).await
    }
}

/// What to tell when no peer took it: as long as one of them may, it is tried again.
fn most_hopeful(failures: Vec<SendFailure>) -> SendFailure {
    /// The smaller, the sooner.
    fn hope(retry: Retry) -> (u8, Duration) {
        match retry {
            Retry::Later => (0, Duration::ZERO),
            Retry::After(pause) => (1, pause),
            Retry::Never => (2, Duration::ZERO),
        }
    }
    let reach = failures.iter().map(|failure| failure.reach).max().unwrap_or(Reach::NotReceived);
    let best = failures.into_iter().min_by_key(|failure| hope(failure.retry));
    best.map_or_else(
        || SendFailure {
            reason: FailureReason::Address,
            detail: "no peer is configured".to_owned(),
            reach,
            retry: Retry::Never,
        },
        |failure| SendFailure { reach, ..failure },
    )
}

impl Receiver for AlertmanagerReceiver {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendFailure>> {
        async move { self.post(&[self.alert(message)]).await }.boxed()
    }

    fn takes(&self, kind: NotificationKind) -> bool {
        match kind {
            NotificationKind::Trigger | NotificationKind::Resolve | NotificationKind::Test => true,
            NotificationKind::Reminder
            | NotificationKind::Standing
            | NotificationKind::Growth
            | NotificationKind::Digest
            | NotificationKind::Acknowledgement => false,
        }
    }

    fn lease(&self) -> Option<&dyn Leased> {
        Some(self)
    }
}

impl Leased for AlertmanagerReceiver {
    fn renew_every(&self) -> Duration {
        self.resend_every
    }

    fn repeat_resolves_for(&self) -> Duration {
        REPEAT_RESOLVES_FOR
    }

    /// Whatever is not repeated ends with its lease.
    fn repeats(&self, _notification: &Notification) -> bool {
        true
    }

    fn renew<'a>(&'a self, standing: &'a [Message]) -> BoxFuture<'a, Result<(), SendFailure>> {
        self.renew_all(standing).boxed()
    }
}

#[cfg(test)]
mod tests;
