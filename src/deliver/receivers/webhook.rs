//! Any HTTP server: [Standard Webhooks](https://www.standardwebhooks.com) around one of two bodies.
//!
//! - `event`: our own event, with everything a page has;
//! - `alertmanager_body`: what Alertmanager's webhook receivers expect, so that those that exist work as they are;
//! - `signature`: the headers. The id is the notification's, the same over all attempts, so that a receiver can tell a
//!   repetition; the timestamp is the attempt's, so that an old message cannot be replayed.
//!
//! Taken is what was answered with 2xx.

mod alertmanager_body;
mod event;
mod signature;

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};

use self::signature::SigningKey;
use super::{Protection, ReceiverBuildError, address, answer, post_client};
use crate::client::answer::{KnownSecrets, Redactor};
use crate::client::post::{Post, PostClient};
use crate::config::receivers::{ReceiverSettings, WebhookBody, WebhookSettings};
use crate::deliver::receiver::{Message, Receiver, SendFailure};
use crate::domain::names::ReceiverName;
use crate::domain::notification::NotificationKind;

/// A generic webhook.
#[derive(Debug)]
pub(super) struct Webhook {
    name: ReceiverName,
    http: PostClient,
    url: SecretString,
    keys: Vec<SigningKey>,
    body: WebhookBody,
    redactor: Redactor,
}

impl Webhook {
    /// Reads the address and the signing keys.
    pub(super) fn build(
        kind: &WebhookSettings,
        settings: &ReceiverSettings,
        secrets: &KnownSecrets,
    ) -> Result<Self, ReceiverBuildError> {
        let url = address(&kind.url, Protection::AsConfigured)?;
        let keys = kind.secrets.iter().map(SigningKey::read).collect::<Result<_, _>>()?;
        Ok(Self {
            name: settings.name.clone(),
            http: post_client(&settings.http)?,
            redactor: secrets.redactor_of_address(&url),
            url,
            keys,
            body: kind.body,
        })
    }

    async fn post(&self, message: &Message) -> Result<(), SendFailure> {
        let payload = match self.body {
            WebhookBody::Event => serde_json::to_vec(&event::payload(message)),
            WebhookBody::Alertmanager => serde_json::to_vec(&alertmanager_body::payload(message, &self.name)),
        };
        let body = payload.map_err(|error| answer::unwritable(&error))?;
        let headers = signature::headers(&message.notification.id, message.attempted_at, &body, &self.keys);
        let url = SecretString::from(self.url.expose_secret());
        let sent = self.http.post(Post { url, headers, content_type: "application/json", body }).await;
        answer::judge(sent, &self.redactor).map(drop)
    }
}

impl Receiver for Webhook {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendFailure>> {
        Box::pin(self.post(message))
    }

    fn takes(&self, kind: NotificationKind) -> bool {
        // Alertmanager's body knows firing and resolved alone: an acknowledgement would read as firing again, and a digest
        // as an alert that nothing ends.
        self.body == WebhookBody::Event || !matches!(kind, NotificationKind::Acknowledgement | NotificationKind::Digest)
    }
}

#[cfg(test)]
mod tests;
