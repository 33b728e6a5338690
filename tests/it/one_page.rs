//! One cause is one page, at every receiver there is: a token behind one Group and fifty Organizations.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use snykwatch::clock::Clock;
use snykwatch::sandbox::receivers::{Alertmanager, FakeReceiver, PagerDuty, Slack, Tally, Webhook};
use snykwatch::sandbox::world::{ACME_CREDENTIAL, CredentialState, World};

use crate::alertmanager_peer;
use crate::smtp_peer::{self, SmtpServer};
use crate::support::process::Daemon;
use crate::support::{Scene, eventually, eventually_within};

const SIGNING_KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ROUTING_KEY: &str = "f4ce00000000000000000000000e9a9e";

const ORGANIZATIONS: usize = 50;

/// The key of the one page.
const SUBJECT: &str = "CredentialInvalid/credential/bitbucket-acme";

/// Every receiver there is.
struct Everybody {
    hook: FakeReceiver<Webhook>,
    chat: FakeReceiver<Slack>,
    pager: FakeReceiver<PagerDuty>,
    peer: FakeReceiver<Alertmanager>,
    /// Where it is installed.
    real_peer: Option<alertmanager_peer::Alertmanager>,
    /// Where it is installed.
    mail: Option<SmtpServer>,
}

impl Everybody {
    async fn of(scene: &Scene) -> Self {
        let real_peer = match alertmanager_peer::program() {
            Some(program) => Some(alertmanager_peer::Alertmanager::start(program).await),
            None => None,
        };
        let mail = match smtp_peer::python().await {
            Some(python) => {
                let options = json!({ "host": "127.0.0.1", "tls": "none", "login": null, "answers": {} });
                Some(SmtpServer::start(python, &options).await)
            }
            None => None,
        };
        let all = Self {
            hook: FakeReceiver::start(Clock::system(), Webhook::new([SIGNING_KEY])).await.unwrap(),
            chat: FakeReceiver::start(Clock::system(), Slack::new()).await.unwrap(),
            pager: FakeReceiver::start(Clock::system(), PagerDuty::new(ROUTING_KEY)).await.unwrap(),
            peer: FakeReceiver::start(Clock::system(), Alertmanager::new()).await.unwrap(),
            real_peer,
            mail,
        };
        scene.write_secret("webhook-key", SIGNING_KEY);
        scene.write_secret("chat-url", all.chat.url().as_str());
        scene.write_secret("routing-key", ROUTING_KEY);
        all
    }

    fn configuration(&self) -> String {
        let (hook, pager, peer) = (self.hook.url(), self.pager.root(), self.peer.root());
        let mut receivers = vec![
            format!("hook: {{ webhook: {{ url: \"{hook}\", secrets: [{{ file: webhook-key }}] }} }}"),
            "chat: { slack: { webhook_url: { file: chat-url } } }".to_owned(),
            format!("pager: {{ pagerduty: {{ api_url: \"{pager}\", routing_key: {{ file: routing-key }} }} }}"),
            format!("peer: {{ alertmanager: {{ urls: [\"{peer}\"], resend_every: 5s }} }}"),
        ];
        receivers.extend(
            self.real_peer.as_ref().map(|real| {
                format!("real-peer: {{ alertmanager: {{ urls: [\"{}\"], resend_every: 5s }} }}", real.url())
            }),
        );
        receivers.extend(self.mail.as_ref().map(|mail| {
            let (from, to) = ("snykwatch@acme.example", "ops@acme.example");
            let server = format!("host: 127.0.0.1, port: {}, tls: none", mail.port);
            format!("mail: {{ email: {{ {server}, from: {from}, to: [{to}] }} }}")
        }));
        let names: Vec<&str> = receivers.iter().filter_map(|line| line.split(':').next()).collect();
        let lines: Vec<String> = receivers.iter().map(|line| format!("    {line}")).collect();
        let lines = lines.join("\n");
        format!(
            "alerts:\n  receivers:\n{lines}\n  routes: [{{ receivers: [{}], severity: [warning, critical] }}]\n",
            names.join(", ")
        )
    }

    /// What the fakes with a memory of problems were told.
    fn tallies(&self) -> [Tally; 3] {
        [self.hook.tally(), self.pager.tally(), self.peer.tally()]
    }

    /// Waits until everybody was told so often of the begin and of the end.
    async fn until_told(&self, pages: usize, resolves: usize) {
        let what = format!("everybody is told of {pages} begin and {resolves} end");
        let are_told = async || self.tallies().iter().all(|tally| tally.pages == pages && tally.resolves == resolves);
        eventually(&what, async || are_told().await.then_some(())).await;
        let shown = async || self.chat.look(|chat| chat.messages().len()) == pages + resolves;
        eventually("the channel shows it", async || shown().await.then_some(())).await;
        if let Some(real) = &self.real_peer {
            let told = async || (real.webhook.told().await.len() == pages + resolves).then_some(());
            eventually("what stands behind the real Alertmanager is told", told).await;
        }
    }
}

async fn until_all_are(daemon: &Daemon, status: &str) {
    let series = format!(r#"snykwatch_integrations{{level="organization",scm="bitbucket-cloud",status="{status}"}}"#);
    // Our share of Snyk's limit paces a first pass over so many: it takes a minute.
    let all = async || (daemon.metric(&series).await == Some(ORGANIZATIONS as f64)).then_some(());
    eventually_within(Duration::from_mins(4), &format!("all of them are {status}"), all).await;
    daemon.until_group_is(status).await;
}

/// Deliveries that are not accepted yet, of all receivers.
async fn pending(daemon: &Daemon) -> f64 {
    let text = daemon.get("/metrics").await.text();
    let counts = text.lines().filter(|line| line.starts_with("snykwatch_notifications_pending{"));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// Whether a text is about the one problem and how far it reaches.
#[track_caller]
fn is_the_page(what: &str, text: &str) {
    for said in ["bitbucket-acme", "1 Group integration and 50 Organizations"] {
        assert!(text.contains(said), "{what} does not say `{said}`:\n{text}");
    }
}

#[tokio::test]
async fn a_revoked_token_of_fifty_organizations_is_one_page_everywhere() {
    let beginning = Clock::system().now() - TimeDelta::days(4);
    let world = World::acme(beginning).with_repositories(ORGANIZATIONS).with_organizations(ORGANIZATIONS);
    let scene = Scene::of(world).await;
    let mut everybody = Everybody::of(&scene).await;
    // The token alone is asked again and again, and no more often than an hour's requests last on the slowest machine.
    let configuration = scene.configuration().to_string();
    let configuration = configuration.replace("credentials: { every: 1h }", "credentials: { every: 15s }");
    scene.write_text(&format!("{configuration}{}", everybody.configuration()));
    let daemon = scene.run_as_it_is().await;
    until_all_are(&daemon, "connected").await;

    scene.sandbox.world(|world| world.revoke_credential(ACME_CREDENTIAL));
    everybody.until_told(1, 0).await;
    until_all_are(&daemon, "connection_failed").await;
    scene.sandbox.world(|world| world.credential_mut(ACME_CREDENTIAL).unwrap().state = CredentialState::Allowed);
    everybody.until_told(1, 1).await;
    until_all_are(&daemon, "connected").await;

    // By now everything was evaluated again, with every Organization as it is.
    everybody.until_told(1, 1).await;
    eventually("nothing is pending", async || (pending(&daemon).await == 0.0).then_some(())).await;
    let mut tallies = everybody.tallies().to_vec();
    tallies.push(everybody.chat.tally());
    for tally in tallies {
        assert!(tally.refusals.is_empty() && tally.breaches.is_empty(), "{tally:?}");
    }
    let incidents = everybody.pager.look(|pager| pager.incidents().to_vec());
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].dedup_key, format!("{SUBJECT}/critical"));
    is_the_page("the pager", &format!("{} {}", incidents[0].summary, incidents[0].details));
    is_the_page("the webhook", &String::from_utf8_lossy(&everybody.hook.receptions()[0].letter.body));
    is_the_page("the channel", &everybody.chat.look(|chat| chat.messages()[0].to_string()));
    if let Some(real) = &everybody.real_peer {
        let told = real.webhook.told().await;
        assert_eq!(statuses(&told), ["firing", "resolved"]);
        is_the_page("the real Alertmanager", &told[0].to_string());
    }
    let (log, mail) = (daemon.terminate().await, everybody.mail.as_mut());
    log.exits(0);
    if let Some(mail) = mail {
        let letters = [mail.next().await, mail.next().await];
        is_the_page("the letter", letters[0]["parts"]["text/plain"].as_str().unwrap());
        let keys = letters.each_ref().map(key_of);
        assert_eq!(keys, [format!("{SUBJECT}/critical"), format!("{SUBJECT}/critical")]);
        let delivered = log.stderr.lines().filter(|line| line.contains("delivered receiver=mail")).count();
        assert_eq!(delivered, 2, "one letter each for the begin and for the end:\n{}", log.stderr);
    }
}

fn statuses(alerts: &[Value]) -> Vec<&str> {
    alerts.iter().map(|alert| alert["status"].as_str().unwrap()).collect()
}

fn key_of(letter: &Value) -> String {
    let headers = letter["headers"].as_array().unwrap();
    let found = headers.iter().find(|pair| pair[0] == "X-Snykwatch-Key");
    found.expect("the letter has a key")[1].as_str().unwrap().to_owned()
}
