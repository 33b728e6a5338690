//! What receivers were told between two moments, and whether that is what happened.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use snykwatch::clock::Clock;
use snykwatch::sandbox::receivers::{Effect, NotificationStatus, PagerChange};

use super::breaches::{Breach, Fault};
use super::receivers::{Receivers, key_of, without_severity};

/// A moment in what was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pages: usize,
    alerts: usize,
    messages: usize,
}

impl Mark {
    pub(crate) fn now(receivers: &Receivers) -> Self {
        let now = Clock::system().now();
        Self {
            pages: receivers.pagerduty.look(|pager| pager.events().len()),
            alerts: receivers.alertmanager.look(|peer| peer.notifications(now).len()),
            messages: receivers.webhook.receptions().len(),
        }
    }
}

/// By key.
type Counts = BTreeMap<String, usize>;

/// What one receiver told people.
#[derive(Debug, Default)]
struct Heard {
    begun: Counts,
    ended: Counts,
}

/// What all of them were told.
#[derive(Debug)]
pub(crate) struct Told {
    pager: Heard,
    alertmanager: Heard,
    webhook: Heard,
    /// The same message again, by its id.
    pub(crate) repeats: usize,
}

impl Told {
    /// Whether anybody was told that it began.
    pub(crate) fn has_begun(&self, incident: &str) -> bool {
        let keys = [&self.pager, &self.alertmanager, &self.webhook].into_iter().flat_map(|heard| heard.begun.keys());
        keys.into_iter().any(|key| without_severity(key) == incident)
    }

    pub(crate) fn since(mark: Mark, receivers: &Receivers) -> Self {
        let (mut pager, mut alertmanager, mut webhook) = (Heard::default(), Heard::default(), Heard::default());
        receivers.pagerduty.look(|duty| {
            for event in duty.events().iter().skip(mark.pages) {
                let counts = match event.change {
                    PagerChange::Opened => &mut pager.begun,
                    PagerChange::Resolved => &mut pager.ended,
                    PagerChange::Updated | PagerChange::Acknowledged => continue,
                };
                *counts.entry(event.incident.dedup_key.clone()).or_default() += 1;
            }
        });
        receivers.alertmanager.look(|peer| {
            for alert in peer.notifications(Clock::system().now()).iter().skip(mark.alerts) {
                let counts = match alert.status {
                    NotificationStatus::Firing => &mut alertmanager.begun,
                    NotificationStatus::Resolved => &mut alertmanager.ended,
                };
                *counts.entry(key_of(&alert.labels)).or_default() += 1;
            }
        });
        let mut repeats = 0;
        for reception in receivers.webhook.receptions().iter().skip(mark.messages) {
            let Some(reply) = reception.taken() else { continue };
            if reply.effects.contains(&Effect::Repeat) {
                repeats += 1;
                continue;
            }
            let body: Value = serde_json::from_slice(&reception.letter.body).unwrap_or_default();
            let text = |name: &str| body.pointer(name).and_then(Value::as_str).unwrap_or_default();
            let counts = match text("/data/kind") {
                "trigger" => &mut webhook.begun,
                "resolve" => &mut webhook.ended,
                _ => continue,
            };
            *counts.entry(text("/data/key").to_owned()).or_default() += 1;
        }
        Self { pager, alertmanager, webhook, repeats }
    }
}

/// What the daemon knew of the time before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Memory {
    Kept,
    /// It fell back to an older one, in which these were open; lost: to nothing.
    FellBack(BTreeSet<String>),
}

/// What really happened between two moments: `rule/subject` of what was open, with its severity in the end.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) before: BTreeMap<String, &'static str>,
    pub(crate) after: BTreeMap<String, &'static str>,
    pub(crate) memory: Memory,
    /// What was open when a memory was lost in an event before, and was not told again yet.
    pub(crate) held_before: BTreeSet<String>,
}

impl Truth {
    /// What is wrong with what was told, and how often something was told anew.
    pub(crate) fn judge(&self, told: &Told) -> (Vec<Breach>, usize) {
        let mut verdict = Verdict::default();
        // Messages are no levels: who lost his memory tells nobody of an end.
        let keeps_open = [("pagerduty", &told.pager, true), ("alertmanager", &told.alertmanager, true)];
        for (name, heard, is_level) in keeps_open.into_iter().chain([("webhook", &told.webhook, false)]) {
            let keys = heard.begun.keys().chain(heard.ended.keys()).map(|key| without_severity(key).to_owned());
            let incidents: BTreeSet<String> =
                keys.chain(self.before.keys().cloned()).chain(self.after.keys().cloned()).collect();
            for incident in incidents {
                self.judge_incident(&Account { name, heard, is_level, incident: &incident }, &mut verdict);
            }
        }
        (verdict.breaches, verdict.anew)
    }

    fn judge_incident(&self, account: &Account<'_>, verdict: &mut Verdict) {
        let incident = account.incident;
        let (begun, ended) = (account.begun(), account.ended());
        let remembers = self.memory == Memory::Kept && !self.held_before.contains(incident);
        let was_held = matches!(&self.memory, Memory::FellBack(open) if open.contains(incident));
        match (self.before.get(incident), self.after.get(incident)) {
            (None, None) => {
                // An older memory holds it open until it has looked.
                verdict.count(begun.total, was_held, Fault::FalsePage, account, "was told, and was not so");
                verdict.count(ended.total, was_held, Fault::Double, account, "ended once more");
            }
            (None, Some(severity)) => {
                verdict.count(begun.more_than_once, !remembers, Fault::Double, account, "was told more than once");
                if begun.at(severity) == 0 {
                    verdict.breach(Fault::Loss, account, "was not told");
                }
                verdict.count(ended.at(severity), false, Fault::FalseResolve, account, "ended, and lasts");
            }
            (Some(severity), Some(_)) => {
                verdict.count(begun.total, !remembers, Fault::Double, account, "was told again");
                // What began anew at a lower severity ends there when it grows worse.
                let unfounded = if remembers { ended.total } else { ended.at(severity) };
                verdict.count(unfounded, false, Fault::FalseResolve, account, "ended, and lasts");
            }
            (Some(severity), None) => {
                verdict.count(begun.total, !remembers, Fault::Double, account, "was told again");
                verdict.count(ended.more_than_once, !remembers, Fault::Double, account, "ended more than once");
                if ended.at(severity) == 0 && (remembers || account.is_level) {
                    verdict.breach(Fault::Loss, account, "is over, and its end was not told");
                }
            }
        }
    }
}

/// What one receiver heard of one incident.
struct Account<'a> {
    name: &'static str,
    heard: &'a Heard,
    is_level: bool,
    incident: &'a str,
}

impl Account<'_> {
    fn begun(&self) -> Times<'_> {
        Times::of(&self.heard.begun, self.incident)
    }

    fn ended(&self) -> Times<'_> {
        Times::of(&self.heard.ended, self.incident)
    }
}

/// How often, over all severities.
struct Times<'a> {
    incident: &'a str,
    counts: &'a Counts,
    total: usize,
    more_than_once: usize,
}

impl<'a> Times<'a> {
    fn of(counts: &'a Counts, incident: &'a str) -> Self {
        let own = || counts.iter().filter(move |(key, _)| without_severity(key) == incident).map(|(_, count)| *count);
        Self { incident, counts, total: own().sum(), more_than_once: own().map(|count| count - 1).sum() }
    }

    fn at(&self, severity: &str) -> usize {
        self.counts.get(&format!("{}/{severity}", self.incident)).copied().unwrap_or_default()
    }
}

#[derive(Default)]
struct Verdict {
    breaches: Vec<Breach>,
    anew: usize,
}

impl Verdict {
    fn count(&mut self, times: usize, is_legal: bool, fault: Fault, account: &Account<'_>, what: &str) {
        if is_legal {
            self.anew += times;
        } else if times > 0 {
            self.breach(fault, account, &format!("{what} ({times} times)"));
        }
    }

    fn breach(&mut self, fault: Fault, account: &Account<'_>, what: &str) {
        self.breaches.push(Breach::new(fault, format!("{}: {} {what}", account.name, account.incident)));
    }
}
