//! PagerDuty's Events API v2: incidents by `dedup_key`, opened by a trigger and closed by a resolve.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{Effect, Letter, Protocol, Reply};

/// A routing key has this length.
const ROUTING_KEY_LENGTH: usize = 32;
/// Characters of a `dedup_key`.
const LONGEST_DEDUP_KEY: usize = 255;
/// Characters of a summary.
const LONGEST_SUMMARY: usize = 1024;

const EVENT_KEYS: [&str; 8] =
    ["routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"];
const PAYLOAD_KEYS: [&str; 8] =
    ["summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"];

/// One service of PagerDuty with its routing key.
#[derive(Debug)]
pub struct PagerDuty {
    routing_key: String,
    incidents: Vec<PagerIncident>,
    events: Vec<PagerEvent>,
}

/// An incident as PagerDuty shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct PagerIncident {
    /// Which alert it is.
    pub dedup_key: String,
    /// Its title.
    pub summary: String,
    /// `critical`, `error`, `warning` or `info`.
    pub severity: String,
    /// `custom_details`.
    pub details: Value,
    /// Link texts and addresses.
    pub links: Vec<(String, String)>,
    /// When it was triggered first: somebody was woken.
    pub opened_at: DateTime<Utc>,
    /// When it was resolved.
    pub resolved_at: Option<DateTime<Utc>>,
}

/// A change that a human sees.
#[derive(Debug, Clone, PartialEq)]
pub struct PagerEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// What changed.
    pub change: PagerChange,
    /// The incident as it is then.
    pub incident: PagerIncident,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagerChange {
    /// It was opened: somebody is woken.
    Opened,
    /// It was triggered again: its texts are new, nobody is woken.
    Updated,
    /// Somebody takes care of it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl PagerDuty {
    /// A service with this routing key.
    pub fn new(routing_key: impl Into<String>) -> Self {
        Self { routing_key: routing_key.into(), incidents: Vec::new(), events: Vec::new() }
    }

    /// Every incident, oldest first.
    pub fn incidents(&self) -> &[PagerIncident] {
        &self.incidents
    }

    /// What is open now.
    pub fn open(&self) -> Vec<&PagerIncident> {
        self.incidents.iter().filter(|incident| incident.resolved_at.is_none()).collect()
    }

    /// Everything a human saw, oldest first.
    pub fn events(&self) -> &[PagerEvent] {
        &self.events
    }

    fn judge(&mut self, event: &Value, now: DateTime<Utc>) -> Result<(String, Effect), Vec<String>> {
        let Some(event) = event.as_object() else { return Err(vec!["Event object is invalid".to_owned()]) };
        let mut errors = unknown_keys("event", event, &EVENT_KEYS);
        let text = |key: &str| event.get(key).and_then(Value::as_str);
        match text("routing_key") {
            None => errors.push("'routing_key' is missing or blank".to_owned()),
            Some(key) if key.len() != ROUTING_KEY_LENGTH => {
                errors.push("Length of 'routing_key' is incorrect (should be 32 characters)".to_owned());
            }
            Some(key) if key != self.routing_key => errors.push("Invalid routing key".to_owned()),
            Some(_) => {}
        }
        let dedup_key = match (event.get("dedup_key"), text("dedup_key")) {
            (Some(_), None | Some("")) => {
                errors.push("'dedup_key' is no text, or blank".to_owned());
                None
            }
            (_, Some(key)) if key.chars().count() > LONGEST_DEDUP_KEY => {
                errors.push("Length of 'dedup_key' is incorrect (should be at most 255 characters)".to_owned());
                None
            }
            (_, key) => key,
        };
        let action = text("event_action").unwrap_or_default();
        // A trigger without a key gets one from PagerDuty, and could never be resolved by whoever sent it.
        if dedup_key.is_none() {
            errors.push("'dedup_key' is missing".to_owned());
        }
        match action {
            "trigger" => errors.extend(payload_errors(event.get("payload"))),
            "acknowledge" | "resolve" => {
                if let Some(payload) = event.get("payload") {
                    errors.extend(payload_errors(Some(payload)));
                }
            }
            _ => errors.push("'event_action' is missing, or none of trigger, acknowledge and resolve".to_owned()),
        }
        errors.extend(link_errors(event));
        let Some(key) = dedup_key.filter(|_| errors.is_empty()) else { return Err(errors) };
        let effect = match action {
            "trigger" => self.trigger(key, event, now),
            "acknowledge" => self.acknowledge(key, now),
            _ => self.resolve(key, now),
        };
        Ok((key.to_owned(), effect))
    }

    fn trigger(&mut self, key: &str, event: &Map<String, Value>, now: DateTime<Utc>) -> Effect {
        let payload = event.get("payload").cloned().unwrap_or_default();
        let text = |key: &str| payload.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let told = PagerIncident {
            dedup_key: key.to_owned(),
            summary: text("summary"),
            severity: text("severity"),
            details: payload.get("custom_details").cloned().unwrap_or_default(),
            links: links(event),
            opened_at: now,
            resolved_at: None,
        };
        let open = self.find_open(key);
        let (change, effect, incident) = if let Some(open) = open {
            *open = PagerIncident { opened_at: open.opened_at, ..told };
            (PagerChange::Updated, Effect::Repeat, open.clone())
        } else {
            self.incidents.push(told.clone());
            (PagerChange::Opened, Effect::Page, told)
        };
        self.events.push(PagerEvent { at: now, change, incident });
        effect
    }

    fn acknowledge(&mut self, key: &str, now: DateTime<Utc>) -> Effect {
        let Some(incident) = self.find_open(key).map(|open| open.clone()) else { return Effect::Nothing };
        self.events.push(PagerEvent { at: now, change: PagerChange::Acknowledged, incident });
        Effect::Repeat
    }

    /// A resolve of what is not open is accepted and does nothing.
    fn resolve(&mut self, key: &str, now: DateTime<Utc>) -> Effect {
        let Some(open) = self.find_open(key) else { return Effect::Nothing };
        open.resolved_at = Some(now);
        let incident = open.clone();
        self.events.push(PagerEvent { at: now, change: PagerChange::Resolved, incident });
        Effect::Resolve
    }

    fn find_open(&mut self, key: &str) -> Option<&mut PagerIncident> {
        self.incidents.iter_mut().find(|known| known.dedup_key == key && known.resolved_at.is_none())
    }
}

impl Protocol for PagerDuty {
    fn path(&self) -> String {
        "/v2/enqueue".to_owned()
    }

    fn receive(&mut self, letter: &Letter, now: DateTime<Utc>) -> Reply {
        let event = match letter.posted_json(&self.path()) {
            Ok(event) => event,
            Err(refusal) => return refusal,
        };
        match self.judge(&event, now) {
            Ok((key, effect)) => {
                let body = json!({ "status": "success", "message": "Event processed", "dedup_key": key });
                Reply { id: Some(key.into()), ..Reply::taken(202, body.to_string(), vec![effect]) }
            }
            Err(errors) => {
                let message = "Event object is invalid";
                let body = json!({ "status": "invalid event", "message": message, "errors": errors });
                Reply::refused(400, body.to_string())
            }
        }
    }
}

fn unknown_keys(what: &str, object: &Map<String, Value>, known: &[&str]) -> Vec<String> {
    let known: BTreeSet<&str> = known.iter().copied().collect();
    let unknown = object.keys().filter(|key| !known.contains(key.as_str()));
    unknown.map(|key| format!("{what} has no field '{key}'")).collect()
}

fn payload_errors(payload: Option<&Value>) -> Vec<String> {
    let Some(payload) = payload.and_then(Value::as_object) else {
        return vec!["'payload' is missing or no object".to_owned()];
    };
    let mut errors = unknown_keys("payload", payload, &PAYLOAD_KEYS);
    let text = |key: &str| payload.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    for key in ["summary", "source", "severity"] {
        if text(key).is_none() {
            errors.push(format!("'payload.{key}' is missing or blank"));
        }
    }
    if text("summary").is_some_and(|summary| summary.chars().count() > LONGEST_SUMMARY) {
        errors.push("'payload.summary' is longer than 1024 characters".to_owned());
    }
    if text("severity").is_some_and(|severity| !["critical", "error", "warning", "info"].contains(&severity)) {
        errors.push("'payload.severity' is none of critical, error, warning and info".to_owned());
    }
    if let Some(timestamp) = payload.get("timestamp") {
        let parsed = timestamp.as_str().map(DateTime::parse_from_rfc3339);
        if !matches!(parsed, Some(Ok(_))) {
            errors.push("'payload.timestamp' is no ISO 8601 time".to_owned());
        }
    }
    for key in ["component", "group", "class"] {
        if payload.get(key).is_some_and(|value| !value.is_string()) {
            errors.push(format!("'payload.{key}' is no text"));
        }
    }
    errors
}

fn link_errors(event: &Map<String, Value>) -> Vec<String> {
    let Some(links) = event.get("links") else { return Vec::new() };
    let Some(links) = links.as_array() else { return vec!["'links' is no list".to_owned()] };
    let is_good = |link: &Value| {
        let address = link.get("href").and_then(Value::as_str).and_then(|href| url::Url::parse(href).ok());
        address.is_some_and(|address| matches!(address.scheme(), "http" | "https"))
            && link.get("text").is_none_or(Value::is_string)
    };
    let bad = links.iter().filter(|link| !is_good(link));
    bad.map(|link| format!("'links' has {link}, which is no link")).collect()
}

fn links(event: &Map<String, Value>) -> Vec<(String, String)> {
    let links = event.get("links").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |link: &Value, key: &str| link.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    links.iter().map(|link| (text(link, "text"), text(link, "href"))).collect()
}
