//! The story of the demo: a Group's first synchronisation does not come, it stays partially connected, Prometheus fires,
//! Alertmanager tells, somebody saves the profile again, the Inventory fills, all is well.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::dashboards::{self, Unanswered};
use crate::peers::{Alertmanager, Prometheus, Told, Webhook};
use crate::rules;
use crate::scene::Scene;
use crate::support::configuration::INTEGRATION;
use crate::support::process::Daemon;
use crate::support::{eventually, installed, list, text};

const ALERT: &str = "SnykwatchPartiallyConnected";

fn tell(began: Instant, what: &str) {
    println!("{:>6.1} s  {what}", began.elapsed().as_secs_f64());
}

/// What a receiver was told, with the time of its own clock.
fn tell_of(told: &Told) {
    println!(
        "{:>6.1} s  {:<8}  {} {} {}",
        told.after,
        told.status,
        told.receiver,
        told.label("alertname"),
        told.label("severity")
    );
}

/// Every rule was evaluated without an error.
async fn rules_are_healthy(prometheus: &mut Prometheus) -> usize {
    eventually("every rule was evaluated", async || {
        let answer = prometheus.get("/api/v1/rules").await?;
        let rules: Vec<_> = list(&answer, "/data/groups").iter().flat_map(|group| list(group, "/rules")).collect();
        for rule in &rules {
            assert_ne!(text(rule, "/health"), "err", "{}: {}", text(rule, "/name"), text(rule, "/lastError"));
        }
        (!rules.is_empty() && rules.iter().all(|rule| text(rule, "/health") == "ok")).then_some(rules.len())
    })
    .await
}

/// snykwatch serves the runbook of every alert.
async fn runbooks_are_served(daemon: &Daemon) -> usize {
    let runbooks = rules::runbooks();
    for (path, section) in &runbooks {
        let page = daemon.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        let is_there = section.as_ref().is_none_or(|section| page.text().contains(&format!("id=\"{section}\"")));
        assert!(is_there, "{path} has no section {section:?}");
    }
    runbooks.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_goes_all_the_way_and_every_panel_is_drawn() {
    let Some(program) = installed(&["prometheus-alertmanager", "alertmanager"]) else { return };
    if installed(&["prometheus"]).is_none() {
        return;
    }
    let began = Instant::now();
    let webhook = Webhook::start(began).await;
    let alertmanager = Alertmanager::start(program, &webhook).await;
    let scene = Scene::never_synchronised().await;
    let daemon = scene.run().await;
    let mut prometheus = Prometheus::scraping(daemon.address, &alertmanager).await;
    let mut unanswered = Unanswered::everything();
    tell_of(&webhook.until_told("SnykwatchWatchdog none firing at watchdog").await);

    daemon
        .until_metric(r#"snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="connected"}"#, 2.0)
        .await;
    daemon.until_group_is("partially_connected").await;
    assert_eq!(daemon.group().await["status"]["reason"], "awaiting_first_sync");
    tell(
        began,
        "partially connected: the Group's first synchronisation does not come; its Organizations are connected",
    );
    tell(began, &format!("healthy   all {} rules of Prometheus", rules_are_healthy(&mut prometheus).await));
    tell(began, &format!("served    all {} runbooks of alerts", runbooks_are_served(&daemon).await));

    prometheus.until_found(&format!(r#"ALERTS{{alertname="{ALERT}",alertstate="firing",severity="warning"}}"#)).await;
    tell(began, "firing    in Prometheus");
    let warning = webhook.until_told(&format!("{ALERT} warning firing at tickets")).await;
    tell_of(&warning);
    assert_eq!(warning.label("integration"), INTEGRATION);
    assert_eq!(warning.annotations["runbook_url"], "https://snykwatch.example.com/runbooks/PartiallyConnected");
    unanswered.ask(&mut prometheus).await;
    tell_of(&webhook.until_told(&format!("{ALERT} critical firing at on-call")).await);
    // An escalation ends the step before it.
    tell_of(&webhook.until_told(&format!("{ALERT} warning resolved at tickets")).await);

    scene.save_the_profile_again();
    tell(began, "somebody saves the profile again");
    prometheus.until_found("snykwatch_sync_completion_expected_timestamp_seconds").await;
    unanswered.ask(&mut prometheus).await;
    tell(began, "the Inventory fills; Prometheus knows when that will be done");
    tell_of(&webhook.until_told(&format!("{ALERT} critical resolved at on-call")).await);
    daemon.until_group_is("connected").await;
    tell(began, "connected");
    prometheus.until_found(r#"absent(ALERTS{alertstate="firing",alertname!="SnykwatchWatchdog"})"#).await;
    tell(began, "quiet     nothing but the watchdog fires");

    prometheus.until_found("snykwatch:integrations_connected:ratio == 1").await;
    prometheus.until_found(r#"snykwatch_integration_last_connected_timestamp_seconds{level="group"}"#).await;
    unanswered.ask(&mut prometheus).await;
    tell(began, &format!("drawn     all {} queries of dashboards and families had an answer", unanswered.none()));
    let count = dashboards::annotations_are_understood(&mut prometheus).await;
    tell(began, &format!("drawn     all {count} queries of annotations are understood"));

    let names: BTreeSet<String> = webhook.told().iter().map(|told| told.label("alertname").to_owned()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), [ALERT, "SnykwatchWatchdog"]);
    let own = scene.hook.tally();
    assert!(own.pages >= 1 && own.refusals.is_empty(), "its own delivery works beside Prometheus: {own:?}");
    daemon.terminate().await.exits(0);
}
