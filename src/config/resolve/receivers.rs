//! Resolves `alerts.receivers` and `alerts.heartbeat`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use secrecy::ExposeSecret as _;
use url::{Host, Url};

use super::Resolver;
use crate::config::duration::format_duration;
use crate::config::http::HttpSettings;
use crate::config::problem::{Place, Problem, ProblemKind};
use crate::config::raw::Named;
use crate::config::raw::account::RawSecret;
use crate::config::raw::address::{RawAddress, read_secret_url};
use crate::config::raw::receivers::{
    RawAlertmanager, RawHeartbeat, RawPagerDuty, RawReceiver, RawTemplates, RawWebhook, RawWebhookBody,
};
use crate::config::raw::spanned::Spanned;
use crate::config::raw::value::{HumanDuration, is_loopback_host};
use crate::config::receivers::{
    AddressSource, AlertmanagerSettings, DEFAULT_HEARTBEAT_INTERVAL, DEFAULT_PAGERDUTY_URL, DEFAULT_RESEND_INTERVAL,
    HeartbeatSettings, HttpAuth, PagerDutySettings, ReceiverKind, ReceiverSettings, SlackSettings, Templates,
    WebhookBody, WebhookSettings,
};
use crate::config::secrets::SecretSource;
use crate::config::template::Template;
use crate::domain::names::ReceiverName;

/// More receivers are a mistake: each is a task with connections of its own, and its templates are tried out by every load.
const MOST_RECEIVERS: usize = 100;

/// What is sent again and again is sent at most this often.
const SHORTEST_REPETITION: Duration = Duration::from_secs(1);

/// Keys of Standard Webhooks begin like this, the rest is base64.
const SIGNATURE_KEY_PREFIX: &str = "whsec_";
/// Lengths of such keys. Bytes.
const SIGNATURE_KEY_LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// Names of hosts that lead to the inside of a network: none of them can be registered.
const INSIDE: [&str; 4] = [".svc", ".local", ".internal", ".lan"];

/// Hosts of Opsgenie.
const OPSGENIE: &str = "opsgenie.com";

/// What is sent to an address besides the notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carries {
    /// Nothing, or a signature: nothing that others could use.
    Nothing,
    /// A password, a token, or the address is a secret itself.
    Secret,
}

impl Resolver<'_> {
    pub(super) fn receivers(
        &self,
        section: &Named<RawReceiver>,
        http: &HttpSettings,
    ) -> BTreeMap<ReceiverName, Arc<ReceiverSettings>> {
        let mut receivers = BTreeMap::new();
        if let Some((name, _)) = section.iter().nth(MOST_RECEIVERS) {
            let message = format!("there are {} receivers, and {MOST_RECEIVERS} are possible", section.len());
            self.note(Problem::error(ProblemKind::InvalidValue, name.place, message));
        }
        for (name, raw) in section.iter().take(MOST_RECEIVERS) {
            self.check_name(name);
            let http = self.http(raw.value.http.as_ref(), http);
            let templates = raw.value.templates.as_ref().map(|raw| self.templates(&raw.value)).unwrap_or_default();
            if let Some(kind) = self.receiver_kind(&raw.value, raw.place) {
                let name = ReceiverName::new(&name.value);
                receivers.insert(name.clone(), Arc::new(ReceiverSettings { name, kind, http, templates }));
            }
        }
        receivers
    }

    fn receiver_kind(&self, raw: &RawReceiver, place: Place) -> Option<ReceiverKind> {
        const KINDS: [&str; 5] = ["webhook", "slack", "pagerduty", "alertmanager", "email"];
        let places = [
            raw.webhook.as_ref().map(|kind| kind.place),
            raw.slack.as_ref().map(|kind| kind.place),
            raw.pagerduty.as_ref().map(|kind| kind.place),
            raw.alertmanager.as_ref().map(|kind| kind.place),
            raw.email.as_ref().map(|kind| kind.place),
        ];
        let mut given = places.iter().flatten();
        if given.next().is_none() {
            self.missing_choice(place, &KINDS);
        }
        for second in given {
            self.conflict(*second, &KINDS);
        }
        if let Some(raw) = &raw.webhook {
            return self.webhook(&raw.value, raw.place).map(ReceiverKind::Webhook);
        }
        if let Some(raw) = &raw.slack {
            let secret = self.need(raw.value.webhook_url.as_ref(), raw.place, "webhook_url")?;
            let webhook_url = self.secret(secret);
            self.check_secret_address(&webhook_url, secret.place);
            return Some(ReceiverKind::Slack(SlackSettings { webhook_url }));
        }
        if let Some(raw) = &raw.pagerduty {
            return self.pagerduty(&raw.value, raw.place).map(ReceiverKind::PagerDuty);
        }
        if let Some(raw) = &raw.alertmanager {
            return self.alertmanager(&raw.value, raw.place).map(ReceiverKind::Alertmanager);
        }
        let email = raw.email.as_ref()?;
        self.email(&email.value, email.place).map(ReceiverKind::Email)
    }

    fn webhook(&self, raw: &RawWebhook, place: Place) -> Option<WebhookSettings> {
        let secrets = raw.secrets.iter().map(|secret| self.signature_key(secret)).collect();
        let url = self.need(raw.url.as_ref(), place, "url")?;
        Some(WebhookSettings {
            url: self.address(url),
            secrets,
            body: match raw.body {
                None | Some(RawWebhookBody::Event) => WebhookBody::Event,
                Some(RawWebhookBody::Alertmanager) => WebhookBody::Alertmanager,
            },
        })
    }

    fn signature_key(&self, raw: &Spanned<RawSecret>) -> SecretSource {
        let source = self.secret(raw);
        let Some(key) = self.readable(&source) else { return source };
        let key = key.expose_secret().strip_prefix(SIGNATURE_KEY_PREFIX);
        let decoded = key.and_then(|key| base64::engine::general_purpose::STANDARD.decode(key).ok());
        if !decoded.is_some_and(|bytes| SIGNATURE_KEY_LENGTHS.contains(&bytes.len())) {
            let message = format!("the secret from {source} is no key of Standard Webhooks");
            let help = "write whsec_ and 24 to 64 random bytes in base64: \
                        printf 'whsec_%s\\n' \"$(head -c 32 /dev/urandom | base64 -w0)\"";
            self.note(Problem::error(ProblemKind::InvalidValue, raw.place, message).help(help));
        }
        source
    }

    fn pagerduty(&self, raw: &RawPagerDuty, place: Place) -> Option<PagerDutySettings> {
        let routing_key = self.secret(self.need(raw.routing_key.as_ref(), place, "routing_key")?);
        let own: Option<Url> = DEFAULT_PAGERDUTY_URL.parse().ok();
        let api_url = match &raw.api_url {
            Some(url) => {
                self.check_url(&url.value.0, url.place, Carries::Secret);
                url.value.0.clone()
            }
            None => own?,
        };
        Some(PagerDutySettings { routing_key, api_url })
    }

    fn alertmanager(&self, raw: &RawAlertmanager, place: Place) -> Option<AlertmanagerSettings> {
        if let (Some(_), Some(token)) = (&raw.basic_auth, &raw.bearer_token) {
            self.conflict(token.place, &["basic_auth", "bearer_token"]);
        }
        let basic = raw.basic_auth.as_ref().and_then(|basic| {
            let username = self.need(basic.value.username.as_ref(), basic.place, "username");
            let password = self.need(basic.value.password.as_ref(), basic.place, "password");
            let password = password.map(|password| self.secret(password));
            Some(HttpAuth::Basic { username: username?.value.clone(), password: password? })
        });
        let auth = basic.or_else(|| raw.bearer_token.as_ref().map(|token| HttpAuth::Bearer(self.secret(token))));
        let carries = if auth.is_some() { Carries::Secret } else { Carries::Nothing };
        let urls = self.need(raw.urls.as_ref(), place, "urls")?;
        if urls.value.is_empty() {
            let message = "an empty list of Alertmanagers is sent nothing";
            self.note(Problem::error(ProblemKind::InvalidValue, urls.place, message));
        }
        for url in &urls.value {
            self.check_url(&url.value.0, url.place, carries);
        }
        Some(AlertmanagerSettings {
            urls: urls.value.iter().map(|url| url.value.0.clone()).collect(),
            auth,
            resend_every: self.repetition(raw.resend_every.as_ref(), DEFAULT_RESEND_INTERVAL),
        })
    }

    pub(super) fn heartbeat(&self, raw: &Spanned<RawHeartbeat>, http: &HttpSettings) -> Option<HeartbeatSettings> {
        let Spanned { value: raw, place } = raw;
        let url = self.need(raw.url.as_ref(), *place, "url").map(|url| self.address(url));
        let failure_url = raw.failure_url.as_ref().map(|url| self.address(url));
        let every = self.repetition(raw.every.as_ref(), DEFAULT_HEARTBEAT_INTERVAL);
        let http = self.http(raw.http.as_ref(), http);
        Some(HeartbeatSettings { url: url?, failure_url, every, http })
    }

    /// How often something is done again.
    fn repetition(&self, raw: Option<&Spanned<HumanDuration>>, default: Duration) -> Duration {
        let Some(raw) = raw else { return default };
        if raw.value.0 < SHORTEST_REPETITION {
            let message = format!("an interval of {} is too short", format_duration(raw.value.0));
            let help = format!("the shortest is {}", format_duration(SHORTEST_REPETITION));
            self.note(Problem::error(ProblemKind::InvalidValue, raw.place, message).help(help));
        }
        raw.value.0
    }

    fn templates(&self, raw: &RawTemplates) -> Templates {
        for text in [&raw.title, &raw.text].into_iter().flatten() {
            if let Err(problem) = Template::compile(&text.value).and_then(|template| template.try_out()) {
                let message = format!("this template does not work, line {} of it: {}", problem.line, problem.message);
                let help = "docs/templates.md lists what can be used; what may be missing is asked for by `{% if … %}`";
                self.note(Problem::error(ProblemKind::Template, text.place, message).help(help));
            }
        }
        let text = |text: &Option<Spanned<String>>| text.as_ref().map(|text| text.value.clone());
        Templates { title: text(&raw.title), text: text(&raw.text) }
    }

    fn address(&self, raw: &Spanned<RawAddress>) -> AddressSource {
        match &raw.value {
            RawAddress::Plain(url) => {
                self.check_url(url, raw.place, Carries::Nothing);
                AddressSource::Plain(url.clone())
            }
            RawAddress::Secret(secret) => {
                let source = self.secret(&Spanned { value: secret.clone(), place: raw.place });
                self.check_secret_address(&source, raw.place);
                AddressSource::Secret(source)
            }
        }
    }

    /// Checks an address that is kept as a secret, as far as secrets are read.
    fn check_secret_address(&self, source: &SecretSource, place: Place) {
        let Some(secret) = self.readable(source) else { return };
        match read_secret_url(secret.expose_secret()) {
            Ok(url) => self.check_url(&url, place, Carries::Secret),
            Err(error) => {
                let message = format!("the secret from {source} cannot be used: {error}");
                self.note(Problem::error(ProblemKind::InvalidValue, place, message));
            }
        }
    }

    /// A secret that can be read, if secrets are read at all. That one cannot be read is noted elsewhere.
    fn readable(&self, source: &SecretSource) -> Option<secrecy::SecretString> {
        self.secrets.are_read().then(|| source.read().ok()).flatten()
    }

    /// Checks where an address leads, as far as its text tells. No message repeats more of it than the host.
    fn check_url(&self, url: &Url, place: Place, carries: Carries) {
        let Some(host) = url.host() else { return };
        if is_link_local(&host) {
            let message = format!("{host} is a link-local address: nothing is ever sent there");
            self.note(Problem::error(ProblemKind::InvalidValue, place, message));
            return;
        }
        if host == Host::Domain(OPSGENIE) || host.to_string().ends_with(&format!(".{OPSGENIE}")) {
            let message = "Opsgenie's API ends on 2027-04-05";
            let help = "Jira Service Management takes its place";
            self.note(Problem::warning(ProblemKind::Ending, place, message).help(help));
        }
        if url.scheme() == "https" || is_loopback_host(&host) {
            return;
        }
        if carries == Carries::Secret {
            let message = format!("http:// would send a secret in the clear to {host}; write https://");
            self.note(Problem::error(ProblemKind::Insecure, place, message));
        } else if !is_inside(&host) {
            let message = format!("http:// sends what is told in the clear to {host}");
            self.note(Problem::warning(ProblemKind::Insecure, place, message).help("write https://"));
        }
    }
}

/// Whether an address is one of a link: clouds give out their machines' credentials there.
pub(super) fn is_link_local<S>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(_) => false,
        Host::Ipv4(address) => address.is_link_local(),
        Host::Ipv6(address) => match IpAddr::V6(*address).to_canonical() {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        },
    }
}

/// Whether a host is one of a private network, such as a service of the same cluster.
fn is_inside(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => !name.contains('.') || INSIDE.iter().any(|suffix| name.ends_with(suffix)),
        Host::Ipv4(address) => address.is_private(),
        Host::Ipv6(address) => address.is_unique_local(),
    }
}
