//! Alertmanager's API v2: alerts by their labels, kept alive by leases, with grouping disabled.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::{Effect, Letter, Protocol, Reply};

/// An alert without an end lasts so long, unless it is told again: `resolve_timeout`.
const RESOLVE_TIMEOUT: TimeDelta = TimeDelta::minutes(5);

const ALERT_KEYS: [&str; 5] = ["labels", "annotations", "startsAt", "endsAt", "generatorURL"];

/// One peer of a cluster of Alertmanagers.
#[derive(Debug)]
pub struct Alertmanager {
    resolve_timeout: TimeDelta,
    alerts: BTreeMap<BTreeMap<String, String>, Alert>,
    notifications: Vec<AlertmanagerNotification>,
}

#[derive(Debug, Clone)]
struct Alert {
    annotations: BTreeMap<String, String>,
    ends_at: DateTime<Utc>,
    status: NotificationStatus,
}

/// What somebody was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertmanagerNotification {
    /// When.
    pub at: DateTime<Utc>,
    /// That it fires, or that it is over.
    pub status: NotificationStatus,
    /// Which alert.
    pub labels: BTreeMap<String, String>,
    /// Its texts.
    pub annotations: BTreeMap<String, String>,
}

/// Whether an alert fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationStatus {
    /// It does: somebody is woken.
    Firing,
    /// It is over.
    Resolved,
}

impl Default for Alertmanager {
    fn default() -> Self {
        Self::new()
    }
}

impl Alertmanager {
    /// A peer with the default `resolve_timeout` of five minutes.
    pub fn new() -> Self {
        Self::with_resolve_timeout(RESOLVE_TIMEOUT)
    }

    /// A peer with another `resolve_timeout`.
    pub fn with_resolve_timeout(resolve_timeout: TimeDelta) -> Self {
        Self { resolve_timeout, alerts: BTreeMap::new(), notifications: Vec::new() }
    }

    /// What somebody was told up to `now`, oldest first.
    pub fn notifications(&mut self, now: DateTime<Utc>) -> &[AlertmanagerNotification] {
        self.advance(now);
        &self.notifications
    }

    /// Labels of what fires at `now`.
    pub fn firing(&mut self, now: DateTime<Utc>) -> Vec<&BTreeMap<String, String>> {
        self.advance(now);
        let firing = self.alerts.iter().filter(|(_, alert)| alert.status == NotificationStatus::Firing);
        firing.map(|(labels, _)| labels).collect()
    }

    /// It loses its memory, as one that restarts without its data.
    pub fn forget_everything(&mut self) {
        self.alerts.clear();
    }

    /// Leases that ended are over, each at its own time.
    fn advance(&mut self, now: DateTime<Utc>) {
        let mut ended = Vec::new();
        for (labels, alert) in &mut self.alerts {
            if alert.status == NotificationStatus::Firing && alert.ends_at <= now {
                alert.status = NotificationStatus::Resolved;
                ended.push(notification(alert.ends_at, labels, alert));
            }
        }
        ended.sort_by_key(|ended| ended.at);
        self.notifications.extend(ended);
    }

    fn take(&mut self, alert: &Value, now: DateTime<Utc>) -> Result<Effect, String> {
        let alert = alert.as_object().ok_or("an alert is no object")?;
        if let Some(unknown) = alert.keys().find(|key| !ALERT_KEYS.contains(&key.as_str())) {
            return Err(format!("an alert has no field `{unknown}`"));
        }
        let mut labels = label_set(alert, "labels")?;
        // As Alertmanager does: an empty label is no label.
        labels.retain(|_, value| !value.is_empty());
        if labels.is_empty() {
            return Err("at least one label pair required".to_owned());
        }
        if !labels.contains_key("alertname") {
            return Err("`alertname` is missing".to_owned());
        }
        let annotations = label_set(alert, "annotations")?;
        let (starts_at, ends_at) = (instant(alert, "startsAt")?, instant(alert, "endsAt")?);
        let starts_at = starts_at.unwrap_or_else(|| ends_at.map_or(now, |end| end.min(now)));
        let ends_at = ends_at.unwrap_or(now + self.resolve_timeout);
        if ends_at < starts_at {
            return Err("start time must be before end time".to_owned());
        }
        if alert.get("generatorURL").is_some_and(|url| url.as_str().is_none_or(|url| url::Url::parse(url).is_err())) {
            return Err("`generatorURL` is no address".to_owned());
        }
        let before = self.alerts.get(&labels).map(|known| known.status);
        let status = if ends_at > now { NotificationStatus::Firing } else { NotificationStatus::Resolved };
        let alert = Alert { annotations, ends_at, status };
        let effect = match (before, status) {
            (Some(NotificationStatus::Firing), NotificationStatus::Firing) => Effect::Repeat,
            (_, NotificationStatus::Firing) => Effect::Page,
            (Some(NotificationStatus::Firing), NotificationStatus::Resolved) => Effect::Resolve,
            // What nobody was told of is over without anybody noticing.
            (_, NotificationStatus::Resolved) => Effect::Nothing,
        };
        if matches!(effect, Effect::Page | Effect::Resolve) {
            self.notifications.push(notification(now, &labels, &alert));
        }
        self.alerts.insert(labels, alert);
        Ok(effect)
    }
}

fn notification(at: DateTime<Utc>, labels: &BTreeMap<String, String>, alert: &Alert) -> AlertmanagerNotification {
    let (labels, annotations) = (labels.clone(), alert.annotations.clone());
    AlertmanagerNotification { at, status: alert.status, labels, annotations }
}

impl Protocol for Alertmanager {
    fn path(&self) -> String {
        "/api/v2/alerts".to_owned()
    }

    /// Good alerts of a batch are kept, also when the call fails for the bad ones.
    fn receive(&mut self, letter: &Letter, now: DateTime<Utc>) -> Reply {
        let body = match letter.posted_json(&self.path()) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let Some(alerts) = body.as_array() else {
            return Reply::refused(400, json!("the body is no list of alerts").to_string());
        };
        self.advance(now);
        let (mut effects, mut errors) = (Vec::new(), Vec::new());
        for alert in alerts {
            match self.take(alert, now) {
                Ok(effect) => effects.push(effect),
                Err(why) => errors.push(why),
            }
        }
        if errors.is_empty() {
            return Reply::taken(200, "", effects);
        }
        Reply { effects, ..Reply::refused(400, json!(errors.join("; ")).to_string()) }
    }
}

fn label_set(alert: &Map<String, Value>, key: &str) -> Result<BTreeMap<String, String>, String> {
    let Some(set) = alert.get(key) else { return Ok(BTreeMap::new()) };
    let set = set.as_object().ok_or_else(|| format!("`{key}` is no object"))?;
    let mut labels = BTreeMap::new();
    for (name, value) in set {
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) || !name.chars().all(is_word) {
            return Err(format!("invalid label name `{name}`"));
        }
        let value = value.as_str().ok_or_else(|| format!("`{key}.{name}` is no text"))?;
        labels.insert(name.clone(), value.to_owned());
    }
    Ok(labels)
}

fn instant(alert: &Map<String, Value>, key: &str) -> Result<Option<DateTime<Utc>>, String> {
    let Some(value) = alert.get(key) else { return Ok(None) };
    let parsed = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    parsed.map(|at| Some(at.with_timezone(&Utc))).ok_or_else(|| format!("`{key}` is no date-time"))
}
