//! The receivers of `alerts.receivers`, and the heartbeat, as a file writes them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::account::RawSecret;
use super::address::{RawAddress, ReceiverUrl};
use super::daemon::RawHttp;
use super::spanned::Spanned;
use super::value::{ApiUrl, HumanDuration};

/// A receiver: exactly one of `webhook`, `slack`, `pagerduty`, `alertmanager` and `email`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawReceiver {
    /// Any HTTP server, with signatures of Standard Webhooks.
    pub(crate) webhook: Option<Spanned<RawWebhook>>,
    /// A Slack incoming webhook.
    pub(crate) slack: Option<Spanned<RawSlack>>,
    /// PagerDuty Events v2.
    pub(crate) pagerduty: Option<Spanned<RawPagerDuty>>,
    /// Alertmanager's API v2.
    pub(crate) alertmanager: Option<Spanned<RawAlertmanager>>,
    /// E-mail by SMTP.
    pub(crate) email: Option<Spanned<RawEmail>>,
    /// How it is reached. E-mail uses `ca_file` and the timeouts alone.
    pub(crate) http: Option<Spanned<RawHttp>>,
    /// Texts of your own, in Jinja's syntax.
    pub(crate) templates: Option<Spanned<RawTemplates>>,
}

/// Any HTTP server, with signatures of Standard Webhooks.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawWebhook {
    /// Its address; one that is a secret itself is named by `{ file: … }` or `{ env: … }`.
    #[schemars(required)]
    pub(crate) url: Option<Spanned<RawAddress>>,
    /// Keys of the signature (`whsec_…`): the present one first; the others sign too, while a key is exchanged. Left
    /// out: unsigned.
    pub(crate) secrets: Vec<Spanned<RawSecret>>,
    /// What is sent. Default `event`.
    pub(crate) body: Option<RawWebhookBody>,
}

/// What a webhook is sent.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawWebhookBody {
    /// Our own event.
    Event,
    /// What Alertmanager's webhook receivers expect.
    Alertmanager,
}

/// A Slack incoming webhook.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawSlack {
    /// Its address, which is a secret.
    #[schemars(required)]
    pub(crate) webhook_url: Option<Spanned<RawSecret>>,
}

/// PagerDuty Events v2.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawPagerDuty {
    /// The integration key of a service.
    #[schemars(required)]
    pub(crate) routing_key: Option<Spanned<RawSecret>>,
    /// The API in place of `https://events.pagerduty.com`, such as `https://events.eu.pagerduty.com`.
    pub(crate) api_url: Option<Spanned<ApiUrl>>,
}

/// One Alertmanager, or several peers of a cluster.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAlertmanager {
    /// Every peer, never a load balancer before them: each is sent everything.
    #[schemars(required)]
    pub(crate) urls: Option<Spanned<Vec<Spanned<ReceiverUrl>>>>,
    /// Name and password.
    pub(crate) basic_auth: Option<Spanned<RawBasicAuth>>,
    /// A bearer token, in place of a name and a password.
    pub(crate) bearer_token: Option<Spanned<RawSecret>>,
    /// Firing alerts are sent again after this. Default 1m.
    pub(crate) resend_every: Option<Spanned<HumanDuration>>,
}

/// Name and password.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawBasicAuth {
    /// The name.
    #[schemars(required)]
    pub(crate) username: Option<Spanned<String>>,
    /// The password.
    #[schemars(required)]
    pub(crate) password: Option<Spanned<RawSecret>>,
}

/// E-mail by SMTP.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawEmail {
    /// The server.
    #[schemars(required)]
    pub(crate) host: Option<Spanned<String>>,
    /// Its port. Default: 465 for `implicit`, 587 for `starttls`, 25 for `none`.
    pub(crate) port: Option<Spanned<u32>>,
    /// How the connection is protected. Default `implicit` on port 465, `starttls` on any other.
    pub(crate) tls: Option<Spanned<RawSmtpTls>>,
    /// The name, where the server wants one.
    pub(crate) username: Option<Spanned<String>>,
    /// The password that belongs to it.
    pub(crate) password: Option<Spanned<RawSecret>>,
    /// The sender's address.
    #[schemars(required)]
    pub(crate) from: Option<Spanned<String>>,
    /// The recipients' addresses.
    #[schemars(required)]
    pub(crate) to: Option<Spanned<Vec<Spanned<String>>>>,
}

/// How an SMTP connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RawSmtpTls {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, without which nothing is sent.
    StartTls,
    /// None: to this machine alone.
    None,
}

/// Texts of your own, in Jinja's syntax: `{{ title }}`, `{% for claim in evidence %}`. What can be used stands in
/// docs/templates.md.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawTemplates {
    /// One line, in place of the title.
    pub(crate) title: Option<Spanned<String>>,
    /// The whole text, in place of the page.
    pub(crate) text: Option<Spanned<String>>,
}

/// The sign of life that a dead man's switch waits for.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawHeartbeat {
    /// Where it is sent; an address that is a secret is named by `{ file: … }` or `{ env: … }`.
    #[schemars(required)]
    pub(crate) url: Option<Spanned<RawAddress>>,
    /// Where a failure is told. Default: `/fail` below `url`.
    pub(crate) failure_url: Option<Spanned<RawAddress>>,
    /// How often. Default 1m.
    pub(crate) every: Option<Spanned<HumanDuration>>,
    /// How it is reached.
    pub(crate) http: Option<Spanned<RawHttp>>,
}
