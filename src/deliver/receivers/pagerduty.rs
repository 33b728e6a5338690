//! PagerDuty, Events API v2.
//!
//! An alert is the problem at one severity: its `dedup_key` is the notification's key, so an escalation resolves one alert
//! and opens another, and PagerDuty notifies again. It holds no time, so a daemon that lost its state means the same alert.
//!
//! | kind | event | effect |
//! |---|---|---|
//! | trigger, silence ended | `trigger` | opens the alert |
//! | growth, reminder | `trigger` | a line in the open alert's log; opens it again if somebody resolved it by hand |
//! | test | `trigger` | opens an alert that whoever tests resolves |
//! | acknowledgement | `acknowledge` | |
//! | resolve | `resolve` | |
//! | digest | not sent | a changed list is no reason to wake anybody |
//!
//! `202` says only that an event is queued. A resolve that is lost behind it would leave an alert open for ever, so each
//! is told once more a while later ([`Leased`]); it is idempotent. The store names what stands for each key by now: a
//! problem that came back meanwhile is not resolved by it.

mod event;

use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Protection, ReceiverBuildError, answer, post_client, unfit, without_secrets};
use crate::client::answer::{KnownSecrets, Redactor};
use crate::client::post::{Post, PostClient};
use crate::config::http::HttpSettings;
use crate::config::receivers::PagerDutySettings;
use crate::config::secrets::SecretSource;
use crate::deliver::receiver::{Leased, Message, Receiver, SendFailure};
use crate::domain::notification::{Notification, NotificationKind};

/// A resolve is told once more after this, and no further: both numbers are the same.
const REPEAT_AFTER: Duration = Duration::from_mins(10);

/// What PagerDuty answers when it took an event.
const ACCEPTED: u16 = 202;

/// PagerDuty, Events API v2.
#[derive(Debug)]
pub(super) struct PagerDuty {
    http: PostClient,
    url: Url,
    routing_key: SecretString,
    redactor: Redactor,
}

impl PagerDuty {
    /// Reads the routing key.
    pub(super) fn build(
        kind: &PagerDutySettings,
        http: &HttpSettings,
        secrets: &KnownSecrets,
    ) -> Result<Self, ReceiverBuildError> {
        let routing_key = routing_key(&kind.routing_key)?;
        let unusable = |reason: &str| ReceiverBuildError::Address {
            address: without_secrets(&kind.api_url),
            reason: reason.to_owned(),
        };
        // The routing key is in what is sent.
        if let Some(reason) = unfit(kind.api_url.as_str(), Protection::Required) {
            return Err(unusable(reason));
        }
        let mut url = kind.api_url.clone();
        url.path_segments_mut().map_err(|()| unusable("it can have no path"))?.pop_if_empty().extend(["v2", "enqueue"]);
        let redactor = secrets.redactor_of_receiver([routing_key.clone()]);
        Ok(Self { http: post_client(http)?, url, routing_key, redactor })
    }

    async fn post(&self, message: &Message) -> Result<(), SendFailure> {
        // A kind that is not taken is not sent; were it, there is nothing to say.
        let Some(event) = event::payload(message, self.routing_key.expose_secret()) else { return Ok(()) };
        let body = serde_json::to_vec(&event).map_err(|error| answer::unwritable(&error))?;
        let url = SecretString::from(self.url.as_str());
        let sent = self.http.post(Post { url, headers: Vec::new(), content_type: "application/json", body }).await;
        let answer = answer::judge(sent, &self.redactor)?;
        if answer.status == ACCEPTED { Ok(()) } else { Err(answer::no_acceptance(&answer, "202", &self.redactor)) }
    }
}

fn routing_key(source: &SecretSource) -> Result<SecretString, ReceiverBuildError> {
    /// An integration key has 32 characters; nothing says so but what PagerDuty gives out, so this is generous.
    const LONGEST: usize = 128;
    let refused = |reason| ReceiverBuildError::Key { place: source.clone(), what: "a routing key", reason };
    let text = source.read()?;
    let key = text.expose_secret().trim();
    if key.len() > LONGEST {
        return Err(refused("it is too long for an integration key"));
    }
    if !key.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character)) {
        return Err(refused("an integration key has letters and digits alone"));
    }
    Ok(SecretString::from(key))
}

impl Receiver for PagerDuty {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendFailure>> {
        Box::pin(self.post(message))
    }

    fn takes(&self, kind: NotificationKind) -> bool {
        event::action(kind).is_some()
    }

    fn lease(&self) -> Option<&dyn Leased> {
        Some(self)
    }
}

impl Leased for PagerDuty {
    fn renew_every(&self) -> Duration {
        REPEAT_AFTER
    }

    fn repeat_resolves_for(&self) -> Duration {
        REPEAT_AFTER
    }

    /// What fires is remembered there; to tell it again would open what somebody resolved by hand.
    fn repeats(&self, notification: &Notification) -> bool {
        !notification.is_firing()
    }

    fn renew<'a>(&'a self, standing: &'a [Message]) -> BoxFuture<'a, Result<(), SendFailure>> {
        Box::pin(async move {
            for message in standing {
                self.post(message).await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
