//! The receivers of the crash run.

use std::collections::BTreeSet;
use std::time::Duration;

use snykwatch::clock::Clock;
use snykwatch::sandbox::receivers::{Alertmanager, FakeReceiver, PagerDuty, Slack, Tally, Trouble, Webhook};

pub(crate) const SIGNING_KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ROUTING_KEY: &str = "f4ce0000000000000000000000c4a54e";

pub(crate) const NAMES: [&str; 4] = ["webhook", "slack", "pagerduty", "alertmanager"];

pub(crate) struct Receivers {
    pub(crate) webhook: FakeReceiver<Webhook>,
    pub(crate) slack: FakeReceiver<Slack>,
    pub(crate) pagerduty: FakeReceiver<PagerDuty>,
    pub(crate) alertmanager: FakeReceiver<Alertmanager>,
}

impl Receivers {
    pub(crate) async fn start() -> Self {
        let clock = Clock::system();
        Self {
            webhook: FakeReceiver::start(clock.clone(), Webhook::new([SIGNING_KEY])).await.unwrap(),
            slack: FakeReceiver::start(clock.clone(), Slack::new()).await.unwrap(),
            pagerduty: FakeReceiver::start(clock.clone(), PagerDuty::new(ROUTING_KEY)).await.unwrap(),
            alertmanager: FakeReceiver::start(clock, Alertmanager::new()).await.unwrap(),
        }
    }

    /// Every receiver takes what it is sent at once, and answers so late.
    pub(crate) fn answer_late(&self, pause: Option<Duration>) {
        let trouble = pause.map(Trouble::AnswerLate);
        self.webhook.set_trouble(trouble.clone());
        self.slack.set_trouble(trouble.clone());
        self.pagerduty.set_trouble(trouble.clone());
        self.alertmanager.set_trouble(trouble);
    }

    /// Names of secret files, and what is in them, beside the signing key.
    pub(crate) fn secrets(&self) -> [(&'static str, String); 2] {
        [("slack-url", self.slack.url().to_string()), ("routing-key", ROUTING_KEY.to_owned())]
    }

    /// Below `alerts:`.
    pub(crate) fn configuration(&self) -> String {
        let (webhook, pagerduty) = (self.webhook.url(), self.pagerduty.root());
        let alertmanager = self.alertmanager.root();
        format!(
            "  receivers:
    webhook: {{ webhook: {{ url: \"{webhook}\", secrets: [{{ file: webhook-key }}] }} }}
    slack: {{ slack: {{ webhook_url: {{ file: slack-url }} }} }}
    pagerduty: {{ pagerduty: {{ api_url: \"{pagerduty}\", routing_key: {{ file: routing-key }} }} }}
    alertmanager: {{ alertmanager: {{ urls: [\"{alertmanager}\"] }} }}
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

    pub(crate) fn tallies(&self) -> [(&'static str, Tally); 4] {
        let [webhook, slack, pagerduty, alertmanager] = NAMES;
        [
            (webhook, self.webhook.tally()),
            (slack, self.slack.tally()),
            (pagerduty, self.pagerduty.tally()),
            (alertmanager, self.alertmanager.tally()),
        ]
    }

    /// Whether the pager shows exactly as many problems as are open (`rule/subject`), and Alertmanager too.
    pub(crate) fn agree_on(&self, open: &[&str]) -> bool {
        let paged: BTreeSet<String> =
            self.pagerduty.look(|pager| pager.open().into_iter().map(|incident| incident.dedup_key.clone()).collect());
        let firing = self.alertmanager.look(|peer| peer.firing(Clock::system().now()).len());
        paged.len() == open.len() && firing == open.len()
    }
}
