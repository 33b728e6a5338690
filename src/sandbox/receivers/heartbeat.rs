//! A dead man's switch: it waits for a sign of life, and hears of a failure below the same address.

use axum::http::Method;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Effect, Letter, Protocol, Reply};

/// The secret part of the address.
const PATH: &str = "/ping/5f1d0c2e-0000-4000-8000-acme00000000";

/// A dead man's switch.
#[derive(Debug, Default)]
pub struct Heartbeat {
    beats: Vec<DateTime<Utc>>,
    failures: Vec<(DateTime<Utc>, String)>,
}

impl Heartbeat {
    /// A switch that has heard nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Signs of life, oldest first.
    pub fn beats(&self) -> &[DateTime<Utc>] {
        &self.beats
    }

    /// Failures that were told, with their reasons, oldest first.
    pub fn failures(&self) -> &[(DateTime<Utc>, String)] {
        &self.failures
    }

    /// Whether it would wake somebody: the last it heard was a failure, or it heard nothing for `patience`.
    pub fn is_alarmed(&self, now: DateTime<Utc>, patience: TimeDelta) -> bool {
        let (beat, failure) = (self.beats.last(), self.failures.last().map(|(at, _)| at));
        failure > beat || beat.is_none_or(|beat| now - *beat > patience)
    }
}

impl Protocol for Heartbeat {
    fn path(&self) -> String {
        PATH.to_owned()
    }

    fn receive(&mut self, letter: &Letter, now: DateTime<Utc>) -> Reply {
        if ![Method::GET, Method::HEAD, Method::POST].contains(&letter.method) {
            return Reply::refused(405, "method not allowed");
        }
        match letter.path.strip_prefix(PATH) {
            Some("") => {
                self.beats.push(now);
                Reply::taken(200, "OK", vec![Effect::Beat])
            }
            Some("/fail") => {
                self.failures.push((now, letter.text()));
                Reply::taken(200, "OK", vec![Effect::Failure])
            }
            _ => Reply::refused(404, "not found"),
        }
    }
}
