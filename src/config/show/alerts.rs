//! Who is told, and where the state is kept, in the words of the file.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{NaiveTime, TimeDelta};
use serde_json::{Map, Value, json};
use url::Url;

use super::super::Config;
use super::super::duration::format_duration;
use super::super::raw::alerts::RawRule;
use super::super::receivers::{
    AddressSource, EmailSettings, HeartbeatSettings, HttpAuth, ReceiverKind, ReceiverSettings, SmtpTls, WebhookBody,
};
use super::super::routing::{Maintenance, MaintenanceTime, Route, TimeWindow};
use super::super::settings::Setting as _;
use super::super::storage::{StorageBackend, StorageSettings};
use super::{http, named, secret};
use crate::domain::matcher::Matcher;

/// The days of the week as a file writes them.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) fn alerts(config: &Config) -> Value {
    let routing = &config.routing;
    let routes: Vec<_> = routing.routes.iter().map(route).collect();
    let maintenance: Vec<_> = routing.maintenance.iter().map(self::maintenance).collect();
    json!({
        "rules": config.rules.shown(),
        "deliver": routing.deliver.as_str(),
        "digest_every": duration(routing.digest_every),
        "receivers": named(config.receivers.iter(), |settings| receiver(settings)),
        "routes": (!routes.is_empty()).then_some(routes),
        "times": named(windows(config).into_iter().map(|window| (&window.name, window)), |window| time_window(window)),
        "maintenance": (!maintenance.is_empty()).then_some(maintenance),
        "heartbeat": config.heartbeat.as_ref().map(heartbeat),
    })
}

pub(super) fn storage(storage: &StorageSettings) -> Value {
    let StorageBackend::Sqlite { path } = &storage.backend;
    json!({ "sqlite": { "path": path.display().to_string() }, "retention": duration(storage.retention) })
}

/// Every time window that something names, by name.
fn windows(config: &Config) -> Vec<&Arc<TimeWindow>> {
    let of_routes = config.routing.routes.iter().flat_map(|route| route.active_times.iter().chain(&route.mute_times));
    let of_maintenance = config.routing.maintenance.iter().filter_map(|maintenance| match &maintenance.when {
        MaintenanceTime::Weekly(window) => Some(window),
        MaintenanceTime::Once { .. } => None,
    });
    of_routes.chain(of_maintenance).collect()
}

fn duration(delta: TimeDelta) -> String {
    format_duration(delta.to_std().unwrap_or_default())
}

fn address(source: &AddressSource) -> Value {
    match source {
        AddressSource::Plain(url) => json!(url.as_str()),
        AddressSource::Secret(source) => secret(source),
    }
}

fn receiver(settings: &ReceiverSettings) -> Value {
    let kind = match &settings.kind {
        ReceiverKind::Webhook(webhook) => json!({
            "url": address(&webhook.url),
            "secrets": webhook.secrets.iter().map(secret).collect::<Vec<_>>(),
            "body": match webhook.body {
                WebhookBody::Event => "event",
                WebhookBody::Alertmanager => "alertmanager",
            },
        }),
        ReceiverKind::Slack(slack) => json!({ "webhook_url": secret(&slack.webhook_url) }),
        ReceiverKind::PagerDuty(pagerduty) => {
            json!({ "routing_key": secret(&pagerduty.routing_key), "api_url": pagerduty.api_url.as_str() })
        }
        ReceiverKind::Alertmanager(alertmanager) => {
            let mut shown = Map::new();
            shown.insert("urls".to_owned(), alertmanager.urls.iter().map(Url::as_str).collect());
            shown.insert("resend_every".to_owned(), json!(format_duration(alertmanager.resend_every)));
            match &alertmanager.auth {
                Some(HttpAuth::Basic { username, password }) => {
                    let basic = json!({ "username": username, "password": secret(password) });
                    shown.insert("basic_auth".to_owned(), basic);
                }
                Some(HttpAuth::Bearer(token)) => {
                    shown.insert("bearer_token".to_owned(), secret(token));
                }
                None => {}
            }
            Value::Object(shown)
        }
        ReceiverKind::Email(email) => self::email(email),
    };
    let mut shown = Map::new();
    shown.insert(settings.kind.word().to_owned(), kind);
    shown.insert("http".to_owned(), http(&settings.http));
    if settings.templates != super::super::receivers::Templates::default() {
        let templates = json!({ "title": settings.templates.title, "text": settings.templates.text });
        shown.insert("templates".to_owned(), templates);
    }
    Value::Object(shown)
}

fn email(email: &EmailSettings) -> Value {
    json!({
        "host": email.host,
        "port": email.port,
        "tls": match email.tls {
            SmtpTls::Implicit => "implicit",
            SmtpTls::StartTls => "starttls",
            SmtpTls::None => "none",
        },
        "username": email.login.as_ref().map(|(username, _)| username),
        "password": email.login.as_ref().map(|(_, password)| secret(password)),
        "from": email.from,
        "to": email.to,
    })
}

fn heartbeat(heartbeat: &HeartbeatSettings) -> Value {
    json!({
        "url": address(&heartbeat.url),
        "failure_url": heartbeat.failure_url.as_ref().map(address),
        "every": format_duration(heartbeat.every),
        "http": http(&heartbeat.http),
    })
}

fn route(route: &Route) -> Value {
    let names = |windows: &[Arc<TimeWindow>]| -> Option<Vec<String>> {
        (!windows.is_empty()).then(|| windows.iter().map(|window| window.name.clone()).collect())
    };
    let mut shown = matcher(&route.matcher);
    shown.insert("receivers".to_owned(), route.receivers.iter().map(|name| json!(name.as_str())).collect());
    shown.insert("active_times".to_owned(), json!(names(&route.active_times)));
    shown.insert("mute_times".to_owned(), json!(names(&route.mute_times)));
    let remind_every = route.remind_every.map_or_else(|| "never".to_owned(), duration);
    shown.insert("remind_every".to_owned(), json!(remind_every));
    shown.insert("continue".to_owned(), json!(route.continues));
    Value::Object(shown)
}

fn maintenance(maintenance: &Maintenance) -> Value {
    let mut shown = matcher(&maintenance.matcher);
    shown.insert("name".to_owned(), json!(maintenance.name));
    match &maintenance.when {
        MaintenanceTime::Once { from, to } => {
            shown.insert("from".to_owned(), json!(from));
            shown.insert("to".to_owned(), json!(to));
        }
        MaintenanceTime::Weekly(window) => {
            shown.insert("weekly".to_owned(), json!(window.name));
        }
    }
    Value::Object(shown)
}

fn matcher(matcher: &Matcher) -> Map<String, Value> {
    fn words<T: Copy>(set: &BTreeSet<T>, word: impl Fn(T) -> String) -> Option<Vec<String>> {
        (!set.is_empty()).then(|| set.iter().map(|one| word(*one)).collect())
    }
    let patterns = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    let parts = [
        ("severity", words(&matcher.severities, |severity| severity.to_string())),
        ("level", words(&matcher.levels, |level| level.to_string())),
        ("integrations", patterns(&matcher.integrations)),
        ("scm", words(&matcher.scms, |scm| scm.to_string())),
        ("owner", patterns(&matcher.owners)),
        ("credential", patterns(&matcher.credentials)),
        ("rules", words(&matcher.rules, RawRule::key)),
    ];
    parts.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

fn time_window(window: &TimeWindow) -> Value {
    let days: Vec<_> =
        DAYS.iter().zip(0u8..).filter(|(_, day)| window.days.contains(day)).map(|(word, _)| word).collect();
    let time = |time: NaiveTime| time.format("%H:%M").to_string();
    let to = if window.to == NaiveTime::MIN { "24:00".to_owned() } else { time(window.to) };
    json!({ "zone": window.zone.name(), "days": days, "from": time(window.from), "to": to })
}
