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

mod answer;
mod labels;
mod pagerduty;
mod slack;
mod text;
mod webhook;

#[cfg(test)]
mod fixture;

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::receiver::Receiver;
use crate::client::http::{HttpBuildError, HttpOptions};
use crate::client::post::PostClient;
use crate::config::http::HttpSettings;
use crate::config::receivers::{AddressSource, ReceiverKind, ReceiverSettings};
use crate::config::secrets::{SecretReadError, SecretSource};
use crate::domain::names::ReceiverName;

/// A receiver that takes longer to answer is tried again later: a page must not hang on one attempt. Seconds.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(30);

/// A receiver cannot be made from its configuration.
#[derive(Debug, thiserror::Error)]
#[error("could not set up the receiver {receiver}")]
pub struct ReceiverBuildError {
    /// Which.
    pub receiver: ReceiverName,
    /// Why not.
    #[source]
    pub source: SetUpError,
}

/// Why a receiver cannot be made. No message holds a part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// A secret cannot be read.
    #[error("could not read a secret")]
    Secret(#[from] SecretReadError),
    /// The HTTP client cannot be made.
    #[error("could not set up the HTTP client")]
    Http(#[from] HttpBuildError),
    /// What should be an address is none that can be posted to.
    #[error("the address from {place} cannot be used: {reason}")]
    Address {
        /// Where it was read.
        place: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A signing key of a webhook is none.
    #[error("the signing secret from {place} cannot be used: {reason}")]
    SigningSecret {
        /// Where it was read.
        place: SecretSource,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A PagerDuty integration key is none.
    #[error("the routing key from {place} cannot be used: {reason}")]
    RoutingKey {
        /// Where it was read.
        place: SecretSource,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Its kind has no sender.
    #[error("nothing is known about how to send to it")]
    NoSender,
}

/// Makes a receiver from its configuration, reading its secrets. Blocking, but short.
///
/// # Errors
/// When a secret cannot be read or is none, or the HTTP client cannot be set up.
pub fn build(settings: &ReceiverSettings) -> Result<Arc<dyn Receiver>, ReceiverBuildError> {
    let made: Result<Arc<dyn Receiver>, SetUpError> = match &settings.kind {
        ReceiverKind::Webhook(kind) => webhook::Webhook::build(kind, settings).map(shared),
        ReceiverKind::Slack(kind) => slack::Slack::build(kind, settings).map(shared),
        ReceiverKind::PagerDuty(kind) => pagerduty::PagerDuty::build(kind, settings).map(shared),
        ReceiverKind::Alertmanager(_) | ReceiverKind::Email(_) => Err(SetUpError::NoSender),
    };
    made.map_err(|source| ReceiverBuildError { receiver: settings.name.clone(), source })
}

fn shared(receiver: impl Receiver + 'static) -> Arc<dyn Receiver> {
    Arc::new(receiver)
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
fn address(source: &AddressSource, protection: Protection) -> Result<SecretString, SetUpError> {
    let (text, place) = match source {
        AddressSource::Plain(url) => (SecretString::from(url.to_string()), "the configuration".to_owned()),
        AddressSource::Secret(secret) => (secret.read()?, secret.to_string()),
    };
    let text = SecretString::from(text.expose_secret().trim());
    match unfit(text.expose_secret(), protection) {
        None => Ok(text),
        Some(reason) => Err(SetUpError::Address { place, reason }),
    }
}

/// What must not come back out of an answer: the address, and its path alone, as many servers repeat it.
fn secrets_of_address(address: &SecretString) -> Vec<SecretString> {
    let path = Url::parse(address.expose_secret()).map(|url| url[url::Position::BeforePath..].to_owned());
    std::iter::once(address.clone()).chain(path.ok().map(SecretString::from)).collect()
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
