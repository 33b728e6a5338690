//! The receivers of the crash run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use snykwatch::clock::Clock;
use snykwatch::sandbox::receivers::{Alertmanager, FakeReceiver, Heartbeat, PagerDuty, Slack, Tally, Trouble, Webhook};

pub(crate) const SIGNING_KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ROUTING_KEY: &str = "f4ce0000000000000000000000c4a54e";

pub(crate) const NAMES: [&str; 4] = ["webhook", "slack", "pagerduty", "alertmanager"];

pub(crate) struct Receivers {
    pub(crate) webhook: FakeReceiver<Webhook>,
    pub(crate) slack: FakeReceiver<Slack>,
    pub(crate) pagerduty: FakeReceiver<PagerDuty>,
    pub(crate) alertmanager: FakeReceiver<Alertmanager>,
    pub(crate) heartbeat: FakeReceiver<Heartbeat>,
}

impl Receivers {
    pub(crate) async fn start() -> Self {
        let clock = Clock::system();
        Self {
            webhook: FakeReceiver::start(clock.clone(), Webhook::new([SIGNING_KEY])).await.unwrap(),
            slack: FakeReceiver::start(clock.clone(), Slack::new()).await.unwrap(),
            pagerduty: FakeReceiver::start(clock.clone(), PagerDuty::new(ROUTING_KEY)).await.unwrap(),
            alertmanager: FakeReceiver::start(clock.clone(), Alertmanager::new()).await.unwrap(),
            heartbeat: FakeReceiver::start(clock, Heartbeat::new()).await.unwrap(),
        }
    }

    /// From now on every receiver of notifications is in this trouble.
    pub(crate) fn set_trouble(&self, trouble: Option<&Trouble>) {
        self.webhook.set_trouble(trouble.cloned());
        self.slack.set_trouble(trouble.cloned());
        self.pagerduty.set_trouble(trouble.cloned());
        self.alertmanager.set_trouble(trouble.cloned());
    }

    /// Letters that came by now, but for reminders of what stands.
    pub(crate) fn letters(&self) -> usize {
        self.webhook.tally().letters + self.slack.tally().letters + self.pagerduty.tally().letters
    }

    /// Names of secret files, and what is in them, beside the signing key.
    pub(crate) fn secrets(&self) -> [(&'static str, String); 2] {
        [("slack-url", self.slack.url().to_string()), ("routing-key", ROUTING_KEY.to_owned())]
    }

    /// Below `alerts:`.
    pub(crate) fn configuration(&self) -> String {
        let (webhook, pagerduty) = (self.webhook.url(), self.pagerduty.root());
        let (alertmanager, heartbeat) = (self.alertmanager.root(), self.heartbeat.url());
        format!(
            "  receivers:
    webhook: {{ webhook: {{ url: \"{webhook}\", secrets: [{{ file: webhook-key }}] }} }}
    slack: {{ slack: {{ webhook_url: {{ file: slack-url }} }} }}
    pagerduty: {{ pagerduty: {{ api_url: \"{pagerduty}\", routing_key: {{ file: routing-key }} }} }}
    alertmanager: {{ alertmanager: {{ urls: [\"{alertmanager}\"] }} }}
  heartbeat: {{ url: \"{heartbeat}\", every: 1s }}
  routes: [{{ receivers: [webhook, slack, pagerduty, alertmanager], severity: [warning, critical] }}]"
        )
    }

    /// What was wrong with what a receiver was sent. Too much at once is no wrong: a killed sender forgets its pace.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let complaints = self.tallies().into_iter().flat_map(|(name, tally)| {
            let refusals = tally.refusals.into_iter().filter(|(status, _)| *status != 429);
            let refusals = refusals.map(|(status, why)| format!("{status} {why}"));
            refusals.chain(tally.breaches).map(move |what| format!("{name}: {what}"))
        });
        complaints.collect()
    }

    /// What the dead man's switch was told of failures.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failures = self.heartbeat.look(|heart| heart.failures().to_vec());
        failures.into_iter().map(|(at, why)| format!("heartbeat: a failure was told at {at}: {why}")).collect()
    }

    pub(crate) fn beats(&self) -> usize {
        self.heartbeat.look(|heart| heart.beats().len())
    }

    pub(crate) fn tallies(&self) -> [(&'static str, Tally); 4] {
        let [webhook, slack, pagerduty, alertmanager] = NAMES;
        [
            (webhook, self.webhook.tally()),
            (slack, self.slack.tally()),
            (pagerduty, self.pagerduty.tally()),
            (alertmanager, self.alertmanager.tally()),
        ]
    }

    /// How often PagerDuty woke somebody for each key.
    pub(crate) fn pages_by_key(&self, key: &str) -> usize {
        self.pagerduty.look(|pager| pager.incidents().iter().filter(|incident| incident.dedup_key == key).count())
    }

    /// Keys that PagerDuty shows as open.
    pub(crate) fn paged(&self) -> BTreeSet<String> {
        self.pagerduty.look(|pager| pager.open().into_iter().map(|incident| incident.dedup_key.clone()).collect())
    }

    /// Keys that fire at Alertmanager.
    pub(crate) fn firing(&self) -> BTreeSet<String> {
        let now = Clock::system().now();
        self.alertmanager.look(|peer| peer.firing(now).into_iter().map(key_of).collect())
    }

    /// Whether PagerDuty and Alertmanager show exactly these keys as open.
    pub(crate) fn show(&self, keys: &BTreeSet<String>) -> bool {
        self.paged() == *keys && self.firing() == *keys
    }

    /// Whether PagerDuty and Alertmanager show exactly these as open (`rule/subject`), each once and as bad as it may be.
    pub(crate) fn agree_on(&self, open: &BTreeSet<String>) -> bool {
        [self.paged(), self.firing()].iter().all(|shown| {
            shown.len() == open.len() && shown.iter().map(|key| without_severity(key)).all(|shown| open.contains(shown))
        })
    }
}

/// `rule/subject` of a key.
pub(crate) fn without_severity(key: &str) -> &str {
    key.rsplit_once('/').map_or(key, |(incident, _)| incident)
}

/// The key of an alert.
pub(crate) fn key_of(labels: &BTreeMap<String, String>) -> String {
    let label = |name: &str| labels.get(name).map(String::as_str).unwrap_or_default();
    format!("{}/{}/{}", label("incident"), label("subject"), label("severity"))
}

/// How receivers treat what they get in one life of the daemon: taken and answered late, or not looked at before a
/// while has passed, so that a kill often comes between receipt and answer.
pub(crate) fn late(taken_first: bool, by: Duration) -> Trouble {
    if taken_first { Trouble::AnswerLate(by) } else { Trouble::Slow(by) }
}
