//! The pager of the demo: a stand-in for PagerDuty that the daemon is configured to send to, and what it saw.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::clock::Clock;
use crate::domain::incident::Rule;
use crate::sandbox::receivers::{FakeReceiver, PagerChange, PagerDuty, PagerEvent, PagerIncident};

/// The routing key of the service behind it.
pub(super) const ROUTING_KEY: &str = "f4ce00000000000000000000acmepage";

/// A cheap handle on the pager.
#[derive(Debug, Clone)]
pub struct Pager {
    receiver: Arc<FakeReceiver<PagerDuty>>,
    /// How many of its events were told to the audience.
    told: Arc<Mutex<usize>>,
}

/// What a person sees on the pager.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ring {
    /// It rings.
    Page(PagerIncident),
    /// It rings again, because the problem is another severity now: which it was.
    Escalation(PagerIncident, String),
    /// The text of what is open has changed.
    Update(PagerIncident),
    /// Somebody takes care of it.
    Acknowledgement(PagerIncident),
    /// It is over.
    Resolve(PagerIncident),
}

impl Pager {
    pub(super) async fn start(clock: Clock) -> anyhow::Result<Self> {
        let receiver = FakeReceiver::start(clock, PagerDuty::new(ROUTING_KEY)).await;
        Ok(Self { receiver: Arc::new(receiver.context("could not start the pager")?), told: Arc::default() })
    }

    /// What the daemon is to be configured with.
    pub(super) fn api_url(&self) -> String {
        self.receiver.root().to_string()
    }

    /// Pages so far: of a rule, or all.
    pub(super) fn pages(&self, rule: Option<Rule>) -> Vec<PagerIncident> {
        let incidents = self.receiver.look(|pager| pager.incidents().to_vec());
        incidents.into_iter().filter(|incident| rule.is_none_or(|rule| rule_of(incident) == Some(rule))).collect()
    }

    /// What is open on it.
    pub(super) fn open(&self) -> Vec<PagerIncident> {
        self.receiver.look(|pager| pager.open().into_iter().cloned().collect())
    }

    /// What was wrong with what it was sent; empty when nothing was.
    pub(super) fn complaints(&self) -> Vec<String> {
        let tally = self.receiver.tally();
        let refusals = tally.refusals.into_iter().map(|(status, why)| format!("{status} {why}"));
        refusals.chain(tally.breaches).collect()
    }

    /// What happened on it that was not told yet.
    pub(super) fn news(&self) -> Vec<(DateTime<Utc>, Ring)> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let events = self.receiver.look(|pager| pager.events().get(*told..).unwrap_or_default().to_vec());
        *told += events.len();
        rings(&events)
    }
}

/// An escalation is on the wire the end of one incident and the begin of another.
fn rings(events: &[PagerEvent]) -> Vec<(DateTime<Utc>, Ring)> {
    let begins = |ended: &PagerEvent, other: &PagerEvent| {
        other.change == PagerChange::Opened
            && other.at == ended.at
            && problem_of(&other.incident) == problem_of(&ended.incident)
            && other.incident.dedup_key != ended.incident.dedup_key
    };
    let mut rings = Vec::new();
    for event in events {
        let incident = event.incident.clone();
        let ring = match event.change {
            PagerChange::Opened => {
                let ended = |other: &&PagerEvent| other.change == PagerChange::Resolved && begins(other, event);
                match events.iter().find(ended) {
                    Some(before) => Ring::Escalation(incident, before.incident.severity.clone()),
                    None => Ring::Page(incident),
                }
            }
            PagerChange::Updated => Ring::Update(incident),
            PagerChange::Acknowledged => Ring::Acknowledgement(incident),
            PagerChange::Resolved if events.iter().any(|other| begins(event, other)) => continue,
            PagerChange::Resolved => Ring::Resolve(incident),
        };
        rings.push((event.at, ring));
    }
    rings
}

/// Rule and subject: the key without its last word, the severity.
fn problem_of(incident: &PagerIncident) -> &str {
    incident.dedup_key.rsplit_once('/').map_or(incident.dedup_key.as_str(), |(problem, _)| problem)
}

/// The rule that an incident on the pager is about: by its key, or else by its title.
pub(super) fn rule_of(incident: &PagerIncident) -> Option<Rule> {
    let named = |word: &str| Rule::ALL.iter().copied().find(|rule| rule.as_str() == word);
    let key = incident.dedup_key.split('/').next().and_then(named);
    key.or_else(|| incident.summary.split(|letter: char| !letter.is_alphanumeric()).find_map(named))
}

/// The page as a person reads it, in lines; an item of a list begins with a dash, an empty line ends a part.
pub(super) fn text(incident: &PagerIncident) -> Vec<String> {
    let details = &incident.details;
    let told = |name: &str| details.get(name).and_then(Value::as_str).map(str::to_owned);
    let list = |name: &str| {
        let items = details.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(|item| format!("- {item}")).collect::<Vec<_>>()
    };
    let mut affected = list("members");
    let more = details.get("more_members").and_then(Value::as_u64).filter(|more| *more > 0);
    affected.extend(more.map(|more| format!("- and {more} more")));
    let actions = [
        ("Last change", "last_change"),
        ("Next step", "next_step"),
        ("Noticed", "noticed"),
        ("Caused by", "cause"),
        ("Owner", "owner"),
    ];
    let actions = actions.into_iter().filter_map(|(title, name)| Some(format!("{title}: {}", told(name)?)));
    let links = incident.links.iter().map(|(text, address)| format!("{text}: {address}"));
    let parts = [
        (None, [Some(incident.summary.clone()), told("summary")].into_iter().flatten().collect()),
        (Some("Evidence"), list("evidence")),
        (Some("Ruled out"), list("ruled_out")),
        (Some("Affected"), affected),
        (None, actions.collect()),
        (None, links.collect()),
    ];
    let mut text: Vec<String> = Vec::new();
    for (title, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
        if !text.is_empty() {
            text.push(String::new());
        }
        text.extend(title.map(str::to_owned));
        text.extend(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn incident(key: &str, severity: &str) -> PagerIncident {
        PagerIncident {
            dedup_key: key.to_owned(),
            summary: "SyncStalled: acme-bitbucket".to_owned(),
            severity: severity.to_owned(),
            details: Value::Null,
            links: Vec::new(),
            opened_at: DateTime::UNIX_EPOCH,
            resolved_at: None,
        }
    }

    #[test]
    fn an_escalation_is_told_as_one() {
        let event = |change, incident| PagerEvent { at: DateTime::UNIX_EPOCH, change, incident };
        let low = incident("SyncStalled/integration/acme-bitbucket/warning", "warning");
        let high = incident("SyncStalled/integration/acme-bitbucket/critical", "critical");
        let other = incident("SyncStalled/integration/other/warning", "warning");
        let events = [
            event(PagerChange::Opened, low.clone()),
            event(PagerChange::Resolved, low),
            event(PagerChange::Opened, high.clone()),
            event(PagerChange::Opened, other.clone()),
            event(PagerChange::Resolved, other.clone()),
        ];
        let told: Vec<Ring> = rings(&events[1..]).into_iter().map(|(_, ring)| ring).collect();
        assert_eq!(
            told,
            [Ring::Escalation(high, "warning".to_owned()), Ring::Page(other.clone()), Ring::Resolve(other)]
        );
        assert!(matches!(rings(&events[..1]).as_slice(), [(_, Ring::Page(_))]));
    }

    #[test]
    fn the_rule_is_in_the_key_or_in_the_title() {
        assert_eq!(rule_of(&incident("SyncStalled/integration/x/warning", "warning")), Some(Rule::SyncStalled));
        assert_eq!(rule_of(&incident("0a1b2c", "warning")), Some(Rule::SyncStalled));
        let nameless = PagerIncident { summary: "something".to_owned(), ..incident("0a1b2c", "warning") };
        assert_eq!(rule_of(&nameless), None);
    }

    #[test]
    fn a_page_is_read_once_and_in_order() {
        let page = PagerIncident {
            details: json!({
                "text": "the same again",
                "next_step": "(Group Admin) Save the profile again.",
                "evidence": ["0 of 64 repositories. (measured)", "It was never seen connected. (inferred)"],
                "summary": "acme-bitbucket has been Partially connected for 13 h.",
                "ruled_out": ["Not the network."],
                "members": ["Zürich 日本"],
                "more_members": 3,
                "since": "2026-11-23T09:00:00.000Z",
            }),
            links: vec![("status page".to_owned(), "http://127.0.0.1/".to_owned())],
            ..incident("key", "critical")
        };
        insta::assert_snapshot!(text(&page).join("\n"), @r"
        SyncStalled: acme-bitbucket
        acme-bitbucket has been Partially connected for 13 h.

        Evidence
        - 0 of 64 repositories. (measured)
        - It was never seen connected. (inferred)

        Ruled out
        - Not the network.

        Affected
        - Zürich 日本
        - and 3 more

        Next step: (Group Admin) Save the profile again.

        status page: http://127.0.0.1/
        ");
    }
}
