//! A cause that is found after its symptom was told: the symptom goes quiet, and every end is told.
//!
//! snykwatch names the cause; Prometheus and Alertmanager make of it what they should. Before them stands a page that is written
//! by hand, so that the order of the ends is ours; they themselves are the real ones, and remind every other second.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::peers::{Alertmanager, Prometheus, Webhook};
use crate::scene::Scene;
use crate::support::configuration::INTEGRATION;
use crate::support::{eventually, installed, list, text};

const CAUSE: &str = r#"snykwatch_incident_open{incident="CredentialInvalid",severity="critical",integration="",credential="bitbucket-acme"} 1"#;

fn symptom(integration: &str) -> String {
    format!(
        r#"snykwatch_incident_open{{incident="PartiallyConnected",severity="warning",integration="{integration}",credential=""}} 1"#
    )
}

fn explained(integration: &str) -> String {
    format!(
        r#"snykwatch_incident_cause_info{{incident="PartiallyConnected",integration="{integration}",credential="",cause="CredentialInvalid/credential/bitbucket-acme"}} 1"#
    )
}

/// A metrics page in the place of snykwatch's.
struct Page {
    server: MockServer,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Page {
    async fn serve() -> Self {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let server = MockServer::start().await;
        let shown = Arc::clone(&lines);
        let respond = move |_: &Request| {
            let mut page = shown.lock().unwrap().join("\n");
            page.push_str("\nsnykwatch_build_info{version=\"0\"} 1\n");
            ResponseTemplate::new(200).set_body_raw(page, "text/plain; version=0.0.4")
        };
        Mock::given(wiremock::matchers::any()).respond_with(respond).mount(&server).await;
        Self { server, lines }
    }

    /// From the next scrape on it says this.
    fn says<const N: usize>(&self, lines: [String; N]) {
        *self.lines.lock().unwrap() = lines.into();
    }
}

/// How often a receiver was told this of an integration.
fn times(webhook: &Webhook, words: &str, integration: &str) -> usize {
    webhook.told().iter().filter(|told| told.words() == words && told.label("integration") == integration).count()
}

async fn until_told(webhook: &Webhook, words: &str, integration: &str, at_least: usize) {
    let what = format!("{words} of {integration:?} is told {at_least} times");
    eventually(&what, async || (times(webhook, words, integration) >= at_least).then_some(())).await;
}

/// Waits until Alertmanager inhibits so many alerts.
async fn until_inhibited(alertmanager: &mut Alertmanager, count: usize) {
    eventually(&format!("{count} are inhibited"), async || {
        let alerts = alertmanager.get("/api/v2/alerts?inhibited=true").await?;
        let inhibited = |alert: &&Value| !list(alert, "/status/inhibitedBy").is_empty();
        let inhibited: Vec<_> = list(&alerts, "").iter().filter(inhibited).collect();
        assert!(inhibited.iter().all(|alert| text(alert, "/labels/incident") == "PartiallyConnected"), "{inhibited:?}");
        (inhibited.len() == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symptom_goes_quiet_and_its_end_is_told() {
    const SYMPTOM: &str = "SnykwatchPartiallyConnected warning firing at tickets";
    const SYMPTOM_ENDS: &str = "SnykwatchPartiallyConnected warning resolved at tickets";
    const PAGE: &str = "SnykwatchCredentialInvalid critical firing at on-call";
    const PAGE_ENDS: &str = "SnykwatchCredentialInvalid critical resolved at on-call";
    let Some(program) = installed(&["prometheus-alertmanager", "alertmanager"]) else { return };
    if installed(&["prometheus"]).is_none() {
        return;
    }
    let webhook = Webhook::start(Instant::now()).await;
    let mut alertmanager = Alertmanager::reminding(program, &webhook, Duration::from_secs(2)).await;
    let page = Page::serve().await;
    page.says([symptom("acme"), symptom("labs")]);
    let _prometheus = Prometheus::scraping(*page.server.address(), &alertmanager).await;
    for integration in ["acme", "labs"] {
        until_told(&webhook, SYMPTOM, integration, 3).await;
    }

    page.says([symptom("acme"), explained("acme"), symptom("labs"), explained("labs"), CAUSE.to_owned()]);
    until_told(&webhook, PAGE, "", 1).await;
    until_inhibited(&mut alertmanager, 2).await;
    let before = ["acme", "labs"].map(|integration| times(&webhook, SYMPTOM, integration));
    until_told(&webhook, PAGE, "", 5).await;
    let after = ["acme", "labs"].map(|integration| times(&webhook, SYMPTOM, integration));
    assert!(
        after.iter().zip(before).all(|(after, before)| after - before <= 1),
        "one may be on its way: {before:?} {after:?}"
    );
    assert_eq!(times(&webhook, SYMPTOM_ENDS, "acme"), 0, "quiet is not resolved");

    // A symptom may end while its cause lasts.
    page.says([symptom("acme"), explained("acme"), CAUSE.to_owned()]);
    until_told(&webhook, SYMPTOM_ENDS, "labs", 1).await;
    until_inhibited(&mut alertmanager, 1).await;
    assert_eq!(times(&webhook, PAGE_ENDS, ""), 0);

    // Or with it, in the same scrape.
    page.says([]);
    until_told(&webhook, PAGE_ENDS, "", 1).await;
    until_told(&webhook, SYMPTOM_ENDS, "acme", 1).await;
    assert!(webhook.told().iter().all(|told| told.label("alertname") != "SnykwatchCauseKnown"), "it is told to nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn snykwatch_names_the_cause_of_what_it_told() {
    let scene = Scene::healthy().await;
    let daemon = scene.run().await;
    daemon.until_group_is("connected").await;
    scene.stop_synchronisation();
    let open = format!(
        r#"snykwatch_incident_open{{incident="PartiallyConnected",severity="critical",integration="{INTEGRATION}",credential=""}}"#
    );
    daemon.until_metric(&open, 1.0).await;
    let told = explained(INTEGRATION);
    let (series, _) = told.rsplit_once(' ').unwrap();
    assert_eq!(daemon.metric(series).await, None, "nothing else is known");
    scene.revoke_the_token();
    daemon.until_metric(CAUSE.rsplit_once(' ').unwrap().0, 1.0).await;
    assert_eq!(daemon.metric(series).await, Some(1.0));
    assert_eq!(daemon.metric(&open).await, Some(1.0), "quiet is not resolved");
    daemon.terminate().await.exits(0);
}
