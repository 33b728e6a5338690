//! The receivers: one file each, and what they have in common.
//!
//! A receiver is a pure function from a [`Message`](super::receiver::Message) to a payload, and a thin sender around it.
//! The payload is snapshot-tested; the sender is tested against a server as strict as the protocol.
//!
//! - `text` makes the text of others harmless: line breaks, control characters, bidirectional tricks, length. What a
//!   receiver's own syntax needs (Slack's `&lt;`) it does itself;
//! - `answer` judges HTTP answers: taken, to be tried again, or never to be tried again, and whether it may have been
//!   received all the same;
//! - [`build`] is the registry. A further receiver is one file, one line here, and its section of the configuration.
//!
//! Secrets (addresses among them) are read when a receiver is built, and stand in no error.
//!
//! What they deliberately do not do: they keep no state, know no routes, and try nothing twice. That is the deliverer's.
//! What each receiver is sent, and its limits, is told in `docs/receivers.md`.

pub mod alertmanager;
mod answer;
pub mod email;
mod labels;
mod pagerduty;
mod slack;
mod text;
mod webhook;

#[cfg(test)]
mod example;
#[cfg(test)]
mod fixture;

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::receiver::Receiver;
use crate::client::answer::KnownSecrets;
use crate::client::http::{HttpBuildError, HttpOptions};
use crate::client::post::PostClient;
use crate::config::http::HttpSettings;
use crate::config::receivers::{AddressSource, ReceiverKind, ReceiverSettings};
use crate::config::secrets::{SecretReadError, SecretSource};

/// A receiver that takes longer to answer is tried again later: a page must not hang on one attempt. Seconds.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(30);

/// Why a receiver cannot be made. No message holds a part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverBuildError {
    /// One of its secrets cannot be read.
    #[error("could not read a secret of the receiver")]
    Secret(#[from] SecretReadError),
    /// The way to it cannot be set up.
    #[error("could not set up the way to the receiver")]
    Client(#[from] HttpBuildError),
    /// One of its addresses cannot be used.
    #[error("{address} cannot be an address of the receiver: {reason}")]
    Address {
        /// The address, or, where it is a secret, where it was read.
        address: String,
        /// Why not.
        reason: String,
    },
    /// A key that its vendor gives out, or that is made for signing, is none.
    #[error("what {place} holds cannot be {what}: {reason}")]
    Key {
        /// Where it was read.
        place: SecretSource,
        /// What it should be.
        what: &'static str,
        /// Why not.
        reason: &'static str,
    },
}

/// Makes a receiver from its configuration, reading its secrets. Blocking, but short. The error does not name the
/// receiver: whoever asks knows it. No answer that it gets lets one of `secrets` out, nor one of its own elsewhere.
///
/// # Errors
/// When a secret cannot be read or is none, or the HTTP client cannot be set up.
pub fn build(settings: &ReceiverSettings, secrets: &KnownSecrets) -> Result<Arc<dyn Receiver>, ReceiverBuildError> {
    Ok(match &settings.kind {
        ReceiverKind::Webhook(kind) => Arc::new(webhook::Webhook::build(kind, settings, secrets)?),
        ReceiverKind::Slack(kind) => Arc::new(slack::Slack::build(kind, &settings.http, secrets)?),
        ReceiverKind::PagerDuty(kind) => Arc::new(pagerduty::PagerDuty::build(kind, &settings.http, secrets)?),
        ReceiverKind::Alertmanager(kind) => {
            Arc::new(alertmanager::AlertmanagerReceiver::try_new(kind, &post_client(&settings.http)?, secrets)?)
        }
        ReceiverKind::Email(kind) => Arc::new(email::EmailReceiver::try_new(kind, &settings.http, secrets)?),
    })
}

/// The HTTP client of a receiver.
fn post_client(settings: &HttpSettings) -> Result<PostClient, HttpBuildError> {
    PostClient::build(&HttpOptions {
        proxy: settings.proxy.clone(),
        no_proxy: settings.no_proxy.clone(),
        ca_file: settings.ca_file.clone(),
        connect_timeout: settings.connect_timeout,
        request_timeout: settings.request_timeout.min(LONGEST_ATTEMPT),
        ..HttpOptions::default()
    })
}

/// Whether an address may be reached without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protection {
    /// The operator decides.
    AsConfigured,
    /// Not beyond loopback: who reads the address may post.
    Required,
}

/// Reads an address.
fn address(source: &AddressSource, protection: Protection) -> Result<SecretString, ReceiverBuildError> {
    let (text, shown) = match source {
        AddressSource::Plain(url) => (SecretString::from(url.to_string()), without_secrets(url)),
        AddressSource::Secret(secret) => (secret.read()?, format!("what {secret} holds")),
    };
    let text = SecretString::from(text.expose_secret().trim());
    match unfit(text.expose_secret(), protection) {
        None => Ok(text),
        Some(reason) => Err(ReceiverBuildError::Address { address: shown, reason: reason.to_owned() }),
    }
}

/// Scheme and host: userinfo, path and query may let somebody in.
fn without_secrets(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}

fn unfit(text: &str, protection: Protection) -> Option<&'static str> {
    let Ok(url) = Url::parse(text) else { return Some("it is no URL") };
    let Some(host) = url.host() else { return Some("it names no host") };
    let is_loopback = match host {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    };
    match url.scheme() {
        "https" => None,
        "http" if protection == Protection::AsConfigured || is_loopback => None,
        "http" => Some("it is not protected by TLS (https)"),
        _ => Some("its scheme is neither https nor http"),
    }
}

#[cfg(test)]
mod tests;
