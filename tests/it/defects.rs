//! Defects that were found in other tools, each as a test of this one. The letter is that of the list in
//! `docs/testing.md`; N (two replicas) has no test, because there is one.
//!
//! The real binary, receivers that fail on purpose, and real kills.

mod configuration;
mod delivery;
mod pacing;
mod restart;
mod scale;
mod secrets;
mod time;
mod upstream;

use std::collections::BTreeSet;

use snykwatch::clock::Clock;
use snykwatch::sandbox::receivers::{FakeReceiver, PagerDuty, Webhook};
use snykwatch::sandbox::{Api, FaultKind};

use crate::support::process::Daemon;
use crate::support::{Scene, eventually};

const SIGNING_KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ROUTING_KEY: &str = "f4ce000000000000000000000defec75";

/// Where the letters have their tests.
const STORIES: [&str; 8] = [
    include_str!("defects/configuration.rs"),
    include_str!("defects/delivery.rs"),
    include_str!("defects/pacing.rs"),
    include_str!("defects/restart.rs"),
    include_str!("defects/scale.rs"),
    include_str!("defects/secrets.rs"),
    include_str!("defects/time.rs"),
    include_str!("defects/upstream.rs"),
];

/// Each letter has its tests, and the document names each of them beside its letter.
#[test]
fn every_letter_has_its_tests() {
    let lines = STORIES.iter().flat_map(|story| story.lines());
    let declared = lines.filter_map(|line| {
        let function = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "))?;
        let (name, _) = function.split_once('(')?;
        let (letter, _) = name.split_once('_').filter(|(letter, _)| letter.len() == 1)?;
        Some((letter.to_uppercase(), name.to_owned()))
    });
    let found: BTreeSet<(String, String)> = declared.collect();
    let letters: BTreeSet<&str> = found.iter().map(|(letter, _)| letter.as_str()).collect();
    let wanted: BTreeSet<String> = ('A'..='R').filter(|letter| *letter != 'N').map(String::from).collect();
    assert_eq!(letters.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), wanted);

    let rows = include_str!("../../docs/testing.md").lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let letter = cells.next().filter(|letter| letter.len() == 1)?;
        Some((letter, cells.last()?.trim_end_matches('|')))
    });
    let named = rows.flat_map(|(letter, tests)| {
        let listed = tests.split('`').skip(1).step_by(2).map(str::to_owned);
        listed.map(move |name| (letter.to_owned(), name)).collect::<Vec<_>>()
    });
    assert_eq!(named.collect::<BTreeSet<_>>(), found);
}

/// A pager and a webhook.
pub(crate) struct Receivers {
    pub(crate) pager: FakeReceiver<PagerDuty>,
    pub(crate) hook: FakeReceiver<Webhook>,
}

impl Receivers {
    pub(crate) async fn of(scene: &Scene) -> Self {
        Self::at(&Clock::system(), scene).await
    }

    /// The same in another time.
    pub(crate) async fn at(clock: &Clock, scene: &Scene) -> Self {
        scene.write_secret("routing-key", ROUTING_KEY);
        scene.write_secret("webhook-key", SIGNING_KEY);
        Self {
            pager: FakeReceiver::start(clock.clone(), PagerDuty::new(ROUTING_KEY)).await.unwrap(),
            hook: FakeReceiver::start(clock.clone(), Webhook::new([SIGNING_KEY])).await.unwrap(),
        }
    }

    pub(crate) fn configuration(&self) -> String {
        let (pager, hook) = (self.pager.root(), self.hook.url());
        format!(
            "    pager: {{ pagerduty: {{ api_url: \"{pager}\", routing_key: {{ file: routing-key }} }} }}
    hook: {{ webhook: {{ url: \"{hook}\", secrets: [{{ file: webhook-key }}] }} }}
"
        )
    }

    /// Pages and resolves on the pager.
    pub(crate) fn on_the_pager(&self) -> (usize, usize) {
        let tally = self.pager.tally();
        (tally.pages, tally.resolves)
    }

    /// Pages and resolves that the webhook took.
    pub(crate) fn at_the_hook(&self) -> (usize, usize) {
        let tally = self.hook.tally();
        (tally.pages, tally.resolves)
    }

    pub(crate) async fn until_paged(&self) {
        eventually("the pager rings", async || (self.on_the_pager().0 == 1).then_some(())).await;
        eventually("the webhook is told", async || (self.at_the_hook().0 == 1).then_some(())).await;
    }

    pub(crate) async fn until_resolved(&self) {
        eventually("the pager is told of the end", async || (self.on_the_pager().1 == 1).then_some(())).await;
        eventually("the webhook is told of the end", async || (self.at_the_hook().1 == 1).then_some(())).await;
    }

    /// One page, one end, nothing else, and nothing that was refused.
    pub(crate) fn have_one_episode(&self) {
        let shown = self.pager.look(|pager| pager.events().to_vec());
        assert_eq!((self.on_the_pager(), self.at_the_hook()), ((1, 1), (1, 1)), "{shown:#?}");
        for tally in [self.pager.tally(), self.hook.tally()] {
            assert!(tally.refusals.is_empty() && tally.breaches.is_empty(), "{tally:?}");
        }
    }
}

/// The scene's configuration, with problems that open after a second, told to these receivers; state in a file.
pub(crate) fn alerting(scene: &Scene, receivers: &str) -> String {
    // Snyk's token alone is asked all the time: what Bitbucket may be asked in an hour is little.
    let configuration = scene.configuration().without_organizations().request_timeout("2s").to_string();
    let configuration = configuration.replace("  snyk: { every: 1h }", "  snyk: { every: 500ms }");
    let names: Vec<&str> =
        receivers.lines().filter_map(|line| line.trim().split_once(':')).map(|(name, _)| name).collect();
    format!(
        "{configuration}storage: {{ sqlite: {{ path: snykwatch.db }} }}
alerts:
  rules:
    upstream_unreachable: {{ after: 1s, critical_after: never }}
    permissions_missing: {{ after: 1s }}
  receivers:
{receivers}  routes: [{{ receivers: [{}], severity: [warning, critical] }}]
",
        names.join(", ")
    )
}

pub(crate) fn take_snyk_down(scene: &Scene) {
    scene.sandbox.world(|world| world.break_api(Api::Snyk, FaultKind::Status(503)));
}

pub(crate) fn bring_snyk_back(scene: &Scene) {
    scene.sandbox.world(|world| world.repair(Api::Snyk));
}

/// Probes that came back so far.
pub(crate) async fn probed(daemon: &Daemon) -> f64 {
    let text = daemon.get("/metrics").await.text();
    let counts = text.lines().filter(|line| line.starts_with("snykwatch_probes_total{"));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// Waits until so many more probes came back.
pub(crate) async fn until_probed(daemon: &Daemon, more: f64) {
    let before = probed(daemon).await;
    eventually("it goes on asking", async || (probed(daemon).await >= before + more).then_some(())).await;
}

/// SIGKILL.
pub(crate) async fn kill(daemon: Daemon) {
    daemon.signal("KILL").await;
    assert_eq!(daemon.end().await.code, None);
}
