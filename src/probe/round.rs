//! One run of one probe: collects what was found, what failed, and what the APIs said of themselves meanwhile.
//!
//! A round outlives its probe: when the deadline ends the probe, what it had found by then still counts, because each
//! finding is complete in itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use super::assumptions::Assumption;
use super::judgement::{Heard, answered, probe_failure};
use super::memory::ProbeMemory;
use crate::client::answer::{Answer, AnswerMeta, Failure, FailureClass, LifecycleStage, VersionNotice, Walk};
use crate::clock::Clock;
use crate::domain::evidence::Part;
use crate::domain::facts::{PermissionProof, VersionEnding};
use crate::domain::names::ApiName;
use crate::domain::work::{ApiNotice, Finding, Outcome, ProbeFailure};

/// A success that carries headers of interest.
pub(super) trait Success {
    /// What the headers said.
    fn meta(&self) -> &AnswerMeta;
}

impl<T> Success for Answer<T> {
    fn meta(&self) -> &AnswerMeta {
        &self.meta
    }
}

impl<T> Success for Walk<T> {
    fn meta(&self) -> &AnswerMeta {
        &self.meta
    }
}

/// What is collected while a probe runs.
#[derive(Debug)]
pub struct Round {
    pub(super) started_at: DateTime<Utc>,
    pub(super) memory: Arc<ProbeMemory>,
    clock: Clock,
    findings: Vec<Finding>,
    failures: Vec<ProbeFailure>,
    answered: BTreeSet<ApiName>,
    /// APIs that gave what was asked for.
    succeeded: BTreeSet<ApiName>,
    skews: BTreeMap<ApiName, TimeDelta>,
    /// `None`: the version was named and nothing announces its end.
    endings: BTreeMap<ApiName, Option<VersionEnding>>,
}

impl Round {
    pub(super) fn new(clock: Clock, memory: Arc<ProbeMemory>) -> Self {
        Self {
            started_at: clock.now(),
            memory,
            clock,
            findings: Vec::new(),
            failures: Vec::new(),
            answered: BTreeSet::new(),
            succeeded: BTreeSet::new(),
            skews: BTreeMap::new(),
            endings: BTreeMap::new(),
        }
    }

    /// Takes down a conclusive fact.
    pub(super) fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Takes down that an attempt concluded nothing.
    pub(super) fn fail(&mut self, api: &ApiName, part: Part, attempt: &str, failure: &Failure) {
        self.fail_with(probe_failure(api, part, attempt, failure, self.heard(api)));
    }

    /// The same, in other words than the client's.
    pub(super) fn fail_with(&mut self, failure: ProbeFailure) {
        self.failures.push(failure);
    }

    /// Takes down whether an assumption about the outside world held.
    pub(super) fn observe(&self, assumption: Assumption, held: bool) {
        self.memory.assumptions.observe(assumption, held);
    }

    /// Reads what the API says of itself beside every answer, good or bad.
    pub(super) fn hear<S: Success>(&mut self, api: &ApiName, result: Result<S, Failure>) -> Result<S, Failure> {
        match &result {
            Ok(success) => {
                self.answered.insert(api.clone());
                self.succeeded.insert(api.clone());
                self.hear_headers(api, success.meta());
            }
            Err(failure) => {
                if answered(failure, self.heard(api)) {
                    self.answered.insert(api.clone());
                }
                if matches!(failure.class, FailureClass::RateLimited { .. }) && failure.status == Some(429) {
                    self.observe(Assumption::RetryAfterComesWith429, failure.retry_after.is_some());
                }
                self.hear_headers(api, &failure.meta);
            }
        }
        result
    }

    /// Whether this API gave what was asked for, in this round.
    pub(super) fn has_success(&self, api: &ApiName) -> bool {
        self.succeeded.contains(api)
    }

    /// The same, as it bears on whose word a refusal is.
    pub(super) fn heard(&self, api: &ApiName) -> Heard {
        if self.has_success(api) { Heard::Success } else { Heard::NothingYet }
    }

    fn hear_headers(&mut self, api: &ApiName, meta: &AnswerMeta) {
        if let Some(date) = meta.date {
            // `Date` has whole seconds.
            self.skews.insert(api.clone(), TimeDelta::seconds((self.clock.now() - date).num_seconds()));
        }
        if let Some(notice) = &meta.version {
            let ending = version_ending(notice, self.started_at);
            let slot = self.endings.entry(api.clone()).or_default();
            *slot = sooner(slot.take(), ending);
        }
    }

    /// The versions' ends that were heard, for the memory that compares them between probes.
    pub(super) fn endings(&self) -> &BTreeMap<ApiName, Option<VersionEnding>> {
        &self.endings
    }

    /// The outcome. `endings` are the versions' ends to announce.
    pub(super) fn into_outcome(self, endings: BTreeMap<ApiName, Option<VersionEnding>>) -> Outcome {
        let answered = self.answered.into_iter().map(ApiNotice::Answered);
        let skews = self.skews.into_iter().map(|(api, skew)| ApiNotice::ClockSkew(api, skew));
        let endings = endings.into_iter().map(|(api, ending)| ApiNotice::VersionEnding(api, ending));
        let notices = answered.chain(skews).chain(endings).collect();
        Outcome { findings: without_contradicted(self.findings), failures: self.failures, notices }
    }
}

/// What contradicts something else of the round is all that is said of a permission.
fn without_contradicted(mut findings: Vec<Finding>) -> Vec<Finding> {
    let contradicted: Vec<_> = findings
        .iter()
        .filter_map(|finding| match finding {
            Finding::Permission(name, permission, PermissionProof::Contradicted) => Some((name.clone(), *permission)),
            _ => None,
        })
        .collect();
    findings.retain(|finding| match finding {
        Finding::Permission(name, permission, proof) => {
            *proof == PermissionProof::Contradicted || !contradicted.contains(&(name.clone(), *permission))
        }
        _ => true,
    });
    findings
}

/// The announced end in the headers of one answer.
fn version_ending(notice: &VersionNotice, seen_at: DateTime<Utc>) -> Option<VersionEnding> {
    let stage = match notice.stage {
        Some(LifecycleStage::Sunset) => "sunset",
        Some(LifecycleStage::Deprecated) => "deprecated",
        _ if notice.sunset.is_some() => "sunset",
        _ if notice.deprecation.is_some() => "deprecated",
        _ => return None,
    };
    let version = notice.requested.clone().or_else(|| notice.served.clone()).unwrap_or_default();
    let sunset_at = notice.sunset.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    Some(VersionEnding { version, stage: stage.to_owned(), sunset_at, seen_at })
}

/// The end that comes first; one with a date is worth more than one without.
pub(super) fn sooner(one: Option<VersionEnding>, other: Option<VersionEnding>) -> Option<VersionEnding> {
    let rank = |ending: &VersionEnding| (ending.sunset_at.is_none(), ending.sunset_at);
    match (one, other) {
        (Some(one), Some(other)) => Some(if rank(&other) < rank(&one) { other } else { one }),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_read_from_stage_or_dates() {
        let now = "2026-11-23T09:00:00Z".parse().unwrap();
        let check = |notice: VersionNotice, expected: Option<(&str, Option<&str>)>| {
            let ending = version_ending(&notice, now);
            let shown = ending.map(|ending| (ending.stage, ending.sunset_at.map(|at| at.date_naive().to_string())));
            assert_eq!(shown, expected.map(|(stage, day)| (stage.to_owned(), day.map(str::to_owned))), "{notice:?}");
        };
        let plain = VersionNotice { requested: Some("2026-03-25".to_owned()), ..VersionNotice::default() };
        check(plain.clone(), None);
        check(VersionNotice { stage: Some(LifecycleStage::Beta), ..plain.clone() }, None);
        check(VersionNotice { stage: Some(LifecycleStage::Deprecated), ..plain.clone() }, Some(("deprecated", None)));
        let sunset = "2027-03-01".parse().ok();
        check(VersionNotice { sunset, ..plain.clone() }, Some(("sunset", Some("2027-03-01"))));
        check(
            VersionNotice { stage: Some(LifecycleStage::Deprecated), sunset, ..plain },
            Some(("deprecated", Some("2027-03-01"))),
        );
    }
}
