//! Flapping: a problem that ends and begins again, again and again, is one incident that stays open.
//!
//! Each opening is a page for somebody. After [`OPENINGS`] of them within [`WITHIN`] the next one is held open until the
//! problem has been conclusively well for [`WELL_FOR`] without a break: a blind spot, a gap and a beginning that is not
//! due yet start that time again. Its onset is the first of them, so it grows worse as one problem would.
//! Removing what it is about, or switching its rule off, ends it at once.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::candidate::{Body, Candidate, Onset, Verdict};
use super::inputs::Inputs;
use super::text::{instant, span};
use crate::domain::attention::{Opening, Recurrence};
use crate::domain::incident::{IncidentKey, Severity};

/// So often it opens as any other. Once is bad luck, and a second and a third time a repair may not have held.
const OPENINGS: usize = 3;

/// Openings count together within this time.
const WITHIN: TimeDelta = TimeDelta::hours(2);

/// So long a flapping problem must be well to be over: several rounds of every base probe (each 5 min).
const WELL_FOR: TimeDelta = TimeDelta::minutes(30);

/// How often problems opened recently.
pub(super) struct Flapping {
    recurrences: BTreeMap<IncidentKey, Recurrence>,
    now: DateTime<Utc>,
}

impl Flapping {
    pub(super) fn new(inputs: &Inputs<'_>) -> Self {
        Self { recurrences: inputs.state.attention.recurrences.clone(), now: inputs.now }
    }

    /// What counts of them from now on.
    pub(super) fn into_recurrences(self) -> BTreeMap<IncidentKey, Recurrence> {
        let Self { mut recurrences, now } = self;
        recurrences.retain(|_, recurrence| {
            if !recurrence.is_flapping {
                forget(recurrence, now);
            }
            !recurrence.openings.is_empty()
        });
        recurrences
    }

    /// Notes that an incident opens.
    pub(super) fn open(&mut self, key: &IncidentKey, since: DateTime<Utc>) {
        let recurrence = self.recurrences.entry(key.clone()).or_default();
        forget(recurrence, self.now);
        recurrence.is_flapping = recurrence.openings.len() >= OPENINGS;
        recurrence.openings.push(Opening { opened_at: self.now, since });
        recurrence.again = 0;
        recurrence.well_since = None;
    }

    /// Notes that an incident is over.
    pub(super) fn end(&mut self, key: &IncidentKey) {
        if let Some(recurrence) = self.recurrences.get_mut(key) {
            recurrence.is_flapping = false;
            recurrence.well_since = None;
        }
    }

    /// A flapping incident.
    fn flapping(&mut self, key: &IncidentKey) -> Option<&mut Recurrence> {
        self.recurrences.get_mut(key).filter(|recurrence| recurrence.is_flapping)
    }

    /// The problem holds: a flapping incident began again.
    pub(super) fn hold(&mut self, key: &IncidentKey) {
        let Some(recurrence) = self.flapping(key) else { return };
        if recurrence.well_since.take().is_some() {
            recurrence.again = recurrence.again.saturating_add(1);
        }
    }

    /// Nobody can tell whether a flapping incident is well: it does not count as that.
    pub(super) fn lose_sight(&mut self, key: &IncidentKey) {
        let now = self.now;
        if let Some(recurrence) = self.flapping(key) {
            recurrence.well_since = recurrence.well_since.map(|_| now);
        }
    }

    /// Whether an open incident whose problem is gone stays open, and what to say of it.
    pub(super) fn outlasts(&mut self, key: &IncidentKey) -> bool {
        let now = self.now;
        self.flapping(key).is_some_and(|recurrence| now - *recurrence.well_since.get_or_insert(now) < WELL_FOR)
    }

    /// The onset of an incident whose own began `since`.
    pub(super) fn onset(&self, key: &IncidentKey, since: DateTime<Utc>) -> DateTime<Utc> {
        let first = self.recurrences.get(key).filter(|recurrence| recurrence.is_flapping);
        first.and_then(Recurrence::since).map_or(since, |first| first.min(since))
    }

    /// The severity of an incident: a flapping one grows worse from its first onset on, and never better before its end.
    /// `unwatched`: what does not count of its time.
    pub(super) fn severity(
        &self,
        candidate: &Candidate<'_>,
        severity: Severity,
        before: Option<Severity>,
        unwatched: TimeDelta,
    ) -> Severity {
        let Some(recurrence) = self.recurrences.get(&candidate.key).filter(|known| known.is_flapping) else {
            return severity;
        };
        // By its date, not by its age.
        let is_dated = matches!(candidate.body, Body::One(Verdict::Holds(Onset::Before { .. } | Onset::Undated(_))));
        let by_age = match recurrence.since() {
            Some(first) if !is_dated => severity.max(candidate.severity_after(self.now - first - unwatched)),
            _ => severity,
        };
        before.map_or(by_age, |before| by_age.max(before))
    }

    /// What a person has to know of a flapping incident, as a sentence.
    pub(super) fn in_words(&self, key: &IncidentKey) -> Option<String> {
        let recurrence = self.recurrences.get(key).filter(|recurrence| recurrence.is_flapping)?;
        let first = recurrence.openings.first()?.opened_at;
        let times = recurrence.openings.len().saturating_add(usize::try_from(recurrence.again).unwrap_or_default());
        Some(format!(
            "It is flapping: it began {times} times since {}, and stays open until it has been well for {}",
            instant(first),
            span(WELL_FOR),
        ))
    }

    /// Since when a flapping incident has been well.
    pub(super) fn well_since(&self, key: &IncidentKey) -> Option<DateTime<Utc>> {
        self.recurrences.get(key).filter(|recurrence| recurrence.is_flapping)?.well_since
    }
}

/// Drops the openings that are too long ago to count together with a new one.
fn forget(recurrence: &mut Recurrence, now: DateTime<Utc>) {
    recurrence.openings.retain(|opening| now - opening.opened_at < WITHIN);
}
