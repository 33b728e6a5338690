//! The receivers of `alerts.receivers`, and the heartbeat: where notifications go.

use std::time::Duration;

use url::Url;

use super::http::HttpSettings;
use super::secrets::SecretSource;
use crate::domain::names::ReceiverName;

/// PagerDuty's own Events API; accounts of its EU region have another host.
pub const DEFAULT_PAGERDUTY_URL: &str = "https://events.pagerduty.com";

/// Firing alerts are sent to Alertmanager again after this, as Prometheus does.
pub const DEFAULT_RESEND_INTERVAL: Duration = Duration::from_mins(1);

/// Dead man's switches count in minutes.
pub const DEFAULT_HEARTBEAT_INTERVAL: Duration = Duration::from_mins(1);

/// A configured receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiverSettings {
    /// Its key in the configuration.
    pub name: ReceiverName,
    /// What it is.
    pub kind: ReceiverKind,
    /// How it is reached (e-mail uses the CA file and the timeouts alone).
    pub http: HttpSettings,
    /// The operator's own texts.
    pub templates: Templates,
}

/// The operator's own texts, in Jinja's syntax; checked when the configuration is loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Templates {
    /// One line.
    pub title: Option<String>,
    /// The whole text.
    pub text: Option<String>,
}

/// What a receiver is.
#[derive(Debug, Clone, PartialEq)]
pub enum ReceiverKind {
    /// Any HTTP server, with signatures of Standard Webhooks.
    Webhook(WebhookSettings),
    /// A Slack incoming webhook.
    Slack(SlackSettings),
    /// PagerDuty Events v2.
    PagerDuty(PagerDutySettings),
    /// Alertmanager's API v2.
    Alertmanager(AlertmanagerSettings),
    /// E-mail by SMTP.
    Email(EmailSettings),
}

/// An address that may be a secret itself (who knows it may post).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressSource {
    /// Written in the configuration.
    Plain(Url),
    /// To be read as a secret.
    Secret(SecretSource),
}

/// A generic webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Where it is.
    pub url: AddressSource,
    /// Keys of the signature (`whsec_…`): the first is the present one; others sign too, for a rotation. Empty: unsigned.
    pub secrets: Vec<SecretSource>,
    /// What is sent.
    pub body: WebhookBody,
}

/// What a webhook is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookBody {
    /// Our own event.
    Event,
    /// What Alertmanager's webhook receivers expect (version 4).
    Alertmanager,
}

/// A Slack incoming webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackSettings {
    /// Its address, a secret.
    pub webhook_url: SecretSource,
}

/// PagerDuty Events v2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagerDutySettings {
    /// The integration key, a secret.
    pub routing_key: SecretSource,
    /// The root of the API: PagerDuty's own unless said otherwise (its EU region, or a proxy).
    pub api_url: Url,
}

/// One or several Alertmanagers: each gets everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertmanagerSettings {
    /// Roots of the peers, such as `http://alertmanager-0:9093`; never empty.
    pub urls: Vec<Url>,
    /// How we authenticate.
    pub auth: Option<HttpAuth>,
    /// Firing alerts are sent again after this.
    pub resend_every: Duration,
}

/// How we authenticate at a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpAuth {
    /// Name and password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: SecretSource,
    },
    /// A bearer token.
    Bearer(SecretSource),
}

/// E-mail by SMTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailSettings {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// Name and password, where the server wants them.
    pub login: Option<(String, SecretSource)>,
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses; never empty.
    pub to: Vec<String>,
}

/// How an SMTP connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the first byte (port 465).
    Implicit,
    /// STARTTLS, required (port 587).
    StartTls,
    /// None: loopback only.
    None,
}

/// The sign of life that a dead man's switch waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct HeartbeatSettings {
    /// Where it is sent.
    pub url: AddressSource,
    /// Where a failure is told; `None`: `/fail` below `url`.
    pub failure_url: Option<AddressSource>,
    /// How often.
    pub every: Duration,
    /// How it is reached.
    pub http: HttpSettings,
}

impl AddressSource {
    /// The secret, where the address is one.
    pub fn secret(&self) -> Option<&SecretSource> {
        match self {
            Self::Plain(_) => None,
            Self::Secret(source) => Some(source),
        }
    }
}

impl ReceiverSettings {
    /// Every secret it uses.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        match &self.kind {
            ReceiverKind::Webhook(webhook) => webhook.url.secret().into_iter().chain(&webhook.secrets).collect(),
            ReceiverKind::Slack(slack) => vec![&slack.webhook_url],
            ReceiverKind::PagerDuty(pagerduty) => vec![&pagerduty.routing_key],
            ReceiverKind::Alertmanager(alertmanager) => match &alertmanager.auth {
                Some(HttpAuth::Basic { password, .. }) => vec![password],
                Some(HttpAuth::Bearer(token)) => vec![token],
                None => Vec::new(),
            },
            ReceiverKind::Email(email) => email.login.iter().map(|(_, password)| password).collect(),
        }
    }
}

impl ReceiverKind {
    /// The word in the configuration.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Slack(_) => "slack",
            Self::PagerDuty(_) => "pagerduty",
            Self::Alertmanager(_) => "alertmanager",
            Self::Email(_) => "email",
        }
    }

    /// Whether it keeps what it was told open until it is told its end, and takes an end that it knows nothing of for
    /// nothing.
    pub const fn keeps_open(&self) -> bool {
        match self {
            Self::PagerDuty(_) | Self::Alertmanager(_) => true,
            Self::Webhook(_) | Self::Slack(_) | Self::Email(_) => false,
        }
    }
}

impl HeartbeatSettings {
    /// Every secret it uses.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        self.url.secret().into_iter().chain(self.failure_url.as_ref().and_then(AddressSource::secret)).collect()
    }
}
