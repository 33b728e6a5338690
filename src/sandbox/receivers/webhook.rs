//! An endpoint that takes Standard Webhooks: signed, timed, and told apart by `webhook-id`.

use std::collections::BTreeMap;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{Effect, Letter, Protocol, Reply};
use crate::clock::Clock;

/// A timestamp may be so far from now.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// Bytes of a signing key.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A webhook endpoint with its signing keys.
#[derive(Debug)]
pub struct Webhook {
    /// As they are configured: `whsec_` and base64. Any of them may have signed. Empty: nothing is signed.
    secrets: Vec<String>,
    /// The bodies that were accepted, by `webhook-id`.
    known: BTreeMap<String, Bytes>,
}

impl Webhook {
    /// An endpoint with these signing keys (`whsec_…`); none: nothing is signed.
    pub fn new(secrets: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { secrets: secrets.into_iter().map(Into::into).collect(), known: BTreeMap::new() }
    }

    /// From now on these keys are accepted, as after a rotation.
    pub fn rotate(&mut self, secrets: impl IntoIterator<Item = impl Into<String>>) {
        self.secrets = secrets.into_iter().map(Into::into).collect();
    }

    /// Every `webhook-id` that was accepted.
    pub fn ids(&self) -> Vec<&str> {
        self.known.keys().map(String::as_str).collect()
    }

    /// The id of a letter whose head is right.
    fn verify(&self, letter: &Letter, now: DateTime<Utc>) -> Result<String, Reply> {
        let refuse = |why: &str| Err(Reply::refused(400, why));
        let id = match letter.header("webhook-id") {
            Some(id) if !id.is_empty() && !id.contains('.') && id.len() <= 255 => id,
            _ => return refuse("webhook-id is missing, or no id"),
        };
        let Some(stamp) = letter.header("webhook-timestamp") else { return refuse("webhook-timestamp is missing") };
        let sent_at = stamp.parse::<i64>().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let Some(sent_at) = sent_at else { return refuse("webhook-timestamp is no number of seconds") };
        // In scaled time the sender's clock may be the domain's or the real one.
        let is_recent = |now: DateTime<Utc>| (now - sent_at).abs() <= TOLERANCE;
        if !is_recent(now) && !is_recent(Clock::system().now()) {
            return refuse("webhook-timestamp is too old, or in the future");
        }
        if self.secrets.is_empty() {
            return Ok(id.to_owned());
        }
        let Some(signatures) = letter.header("webhook-signature") else {
            return refuse("webhook-signature is missing");
        };
        if signatures.split(' ').any(|signature| !signature.starts_with("v1,") && !signature.starts_with("v1a,")) {
            return refuse("webhook-signature has something that is no signature");
        }
        let signatures: Vec<Vec<u8>> = signatures
            .split(' ')
            .filter_map(|signature| signature.strip_prefix("v1,"))
            .filter_map(|signature| STANDARD.decode(signature).ok())
            .collect();
        let signs = |key: &[u8]| {
            signatures.iter().any(|signature| {
                let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(key) else { return false };
                hash.update(format!("{id}.{stamp}.").as_bytes());
                hash.update(&letter.body);
                hash.verify_slice(signature).is_ok()
            })
        };
        if self.secrets.iter().filter_map(|secret| key_of(secret)).any(|key| signs(&key)) {
            return Ok(id.to_owned());
        }
        Err(Reply::refused(401, "no signature fits"))
    }
}

impl Protocol for Webhook {
    fn path(&self) -> String {
        "/hooks/snykwatch".to_owned()
    }

    fn receive(&mut self, letter: &Letter, now: DateTime<Utc>) -> Reply {
        let judged = self.verify(letter, now).and_then(|id| {
            let body = letter.posted_json(&self.path())?;
            let effect = effect_of(&body).map_err(|why| Reply::refused(400, why))?;
            Ok((id, effect))
        });
        let (id, effect) = match judged {
            Ok(judged) => judged,
            Err(refusal) => return refusal,
        };
        let mut breaches = Vec::new();
        let effect = match self.known.get(&id) {
            Some(known) => {
                if *known != letter.body {
                    breaches.push(format!("{id} came with two bodies"));
                }
                Effect::Repeat
            }
            None => effect,
        };
        self.known.entry(id.clone()).or_insert_with(|| letter.body.clone());
        Reply { id: Some(id.into()), breaches, ..Reply::taken(204, "", vec![effect]) }
    }
}

/// The bytes of a signing key; none when it is not one.
fn key_of(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    KEY_LENGTHS.contains(&key.len()).then_some(key)
}

/// What a human notices: of our own event by its type, of an Alertmanager body (version 4) by its status.
fn effect_of(body: &Value) -> Result<Effect, String> {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    if text("version") == Some("4") {
        for key in ["groupKey", "receiver", "externalURL"] {
            text(key).ok_or_else(|| format!("`{key}` is missing"))?;
        }
        let alerts = body.get("alerts").and_then(Value::as_array).filter(|alerts| !alerts.is_empty());
        alerts.ok_or("`alerts` is missing or empty")?;
        return match text("status") {
            Some("firing") => Ok(Effect::Page),
            Some("resolved") => Ok(Effect::Resolve),
            _ => Err("`status` is neither firing nor resolved".to_owned()),
        };
    }
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
    let kind = text("type").filter(|kind| kind.contains('.') && kind.chars().all(is_plain));
    let kind = kind.ok_or("`type` is missing, or no words with full stops between")?;
    let at = text("timestamp").map(DateTime::parse_from_rfc3339);
    if !matches!(at, Some(Ok(_))) {
        return Err("`timestamp` is no ISO 8601 time".to_owned());
    }
    if !body.get("data").is_some_and(Value::is_object) {
        return Err("`data` is no object".to_owned());
    }
    let is_over = kind.rsplit('.').next().is_some_and(|word| word.starts_with("resolve"));
    Ok(if is_over { Effect::Resolve } else { Effect::Page })
}
