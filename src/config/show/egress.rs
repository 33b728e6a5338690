//! The hosts and ports of receivers and of the heartbeat. An address that is a secret is read for its host alone.

use secrecy::ExposeSecret as _;
use url::Url;

use super::super::Config;
use super::super::receivers::{AddressSource, ReceiverKind, ReceiverSettings};
use super::super::secrets::SecretSource;
use super::{Endpoint, endpoint};

/// Where Slack's incoming webhooks are, for one whose address cannot be read here.
const SLACK: &str = "https://hooks.slack.com";

pub(super) fn endpoints(config: &Config) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for receiver in config.receivers.values() {
        receiver_endpoints(receiver, &mut endpoints);
    }
    if let Some(heartbeat) = &config.heartbeat {
        for address in std::iter::once(&heartbeat.url).chain(&heartbeat.failure_url) {
            match root(address) {
                Ok(root) => endpoints.extend(endpoint(&root, "heartbeat".to_owned(), &heartbeat.http)),
                Err(hidden) => endpoints.push(Endpoint { purpose: "heartbeat".to_owned(), ..hidden }),
            }
        }
    }
    endpoints
}

fn receiver_endpoints(receiver: &ReceiverSettings, endpoints: &mut Vec<Endpoint>) {
    let ReceiverSettings { name, http, .. } = receiver;
    let purpose = |what: &str| format!("{what} (receiver {name})");
    match &receiver.kind {
        ReceiverKind::Webhook(webhook) => match root(&webhook.url) {
            Ok(root) => endpoints.extend(endpoint(&root, purpose("webhook"), http)),
            Err(hidden) => endpoints.push(Endpoint { purpose: purpose("webhook"), ..hidden }),
        },
        ReceiverKind::Slack(slack) => {
            let root = secret_root(&slack.webhook_url).unwrap_or_else(|| SLACK.to_owned());
            endpoints.extend(endpoint(&root, purpose("Slack"), http));
        }
        ReceiverKind::PagerDuty(pagerduty) => {
            endpoints.extend(endpoint(pagerduty.api_url.as_str(), purpose("PagerDuty"), http));
        }
        ReceiverKind::Alertmanager(alertmanager) => {
            let urls = alertmanager.urls.iter();
            endpoints.extend(urls.filter_map(|url| endpoint(url.as_str(), purpose("Alertmanager"), http)));
        }
        ReceiverKind::Email(email) => endpoints.push(Endpoint {
            address: format!("{}:{}", email.host, email.port),
            purpose: purpose("e-mail"),
            proxy: None,
        }),
    }
}

/// The address, or an endpoint that says where the address is kept.
fn root(address: &AddressSource) -> Result<String, Endpoint> {
    match address {
        AddressSource::Plain(url) => Ok(url.to_string()),
        AddressSource::Secret(source) => secret_root(source).ok_or_else(|| Endpoint {
            address: format!("<host of the address from {source}>"),
            purpose: String::new(),
            proxy: None,
        }),
    }
}

/// Scheme, host and port of an address that is kept as a secret, where it can be read.
fn secret_root(source: &SecretSource) -> Option<String> {
    let secret = source.read().ok()?;
    let url: Url = secret.expose_secret().parse().ok()?;
    let origin = url.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}
