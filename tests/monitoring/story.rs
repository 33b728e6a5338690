//! Synchronisation silently stops: Prometheus fires, Alertmanager tells, somebody saves the profile again, all is well.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::peers::{Alertmanager, Prometheus, Told, Webhook};
use crate::scene::Scene;
use crate::support::configuration::INTEGRATION;
use crate::support::process::Daemon;
use crate::support::{eventually, installed, list, text};
use crate::{dashboards, rules};

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
    let scene = Scene::begin().await;
    let daemon = scene.run().await;
    let mut prometheus = Prometheus::scraping(daemon.address, &alertmanager).await;
    let watchdog = webhook.until_told("SnykwatchWatchdog none firing at watchdog").await;
    tell_of(&watchdog);

    daemon.until_group_is("connected").await;
    daemon
        .until_metric(r#"snykwatch_integrations{level="organization",scm="bitbucket-cloud",status="connected"}"#, 2.0)
        .await;
    prometheus.until_found("snykwatch:integrations_connected:ratio == 1").await;
    eventually("it counts as having been connected", async || {
        let view = daemon.group().await;
        view["status"]["last_connected_at"].is_string().then_some(())
    })
    .await;
    tell(began, "connected, at both levels; Prometheus says so too");
    tell(began, &format!("healthy   all {} rules of Prometheus", rules_are_healthy(&mut prometheus).await));
    tell(began, &format!("served    all {} runbooks of alerts", runbooks_are_served(&daemon).await));

    scene.stop_synchronisation();
    daemon.until_group_is("partially_connected").await;
    tell(began, "partially connected: synchronisation silently stopped, four new repositories do not arrive");
    prometheus.until_found(&format!(r#"ALERTS{{alertname="{ALERT}",alertstate="firing",severity="warning"}}"#)).await;
    tell(began, "firing    in Prometheus");
    let warning = webhook.until_told(&format!("{ALERT} warning firing at tickets")).await;
    tell_of(&warning);
    assert_eq!(warning.label("integration"), INTEGRATION);
    assert_eq!(warning.annotations["runbook_url"], "https://snykwatch.example.com/runbooks/PartiallyConnected");

    let count = dashboards::are_answered(&mut prometheus).await;
    tell(began, &format!("drawn     all {count} queries of dashboards have an answer"));
    let count = dashboards::annotations_are_understood(&mut prometheus).await;
    tell(began, &format!("drawn     all {count} queries of annotations are understood"));
    dashboards::families_have_data(&mut prometheus).await;

    tell_of(&webhook.until_told(&format!("{ALERT} critical firing at on-call")).await);
    // An escalation ends the step before it.
    tell_of(&webhook.until_told(&format!("{ALERT} warning resolved at tickets")).await);

    scene.save_the_profile_again();
    daemon.until_group_is("connected").await;
    tell(began, "connected: somebody saved the profile again");
    tell_of(&webhook.until_told(&format!("{ALERT} critical resolved at on-call")).await);
    prometheus.until_found(r#"absent(ALERTS{alertstate="firing",alertname!="SnykwatchWatchdog"})"#).await;
    tell(began, "quiet     nothing but the watchdog fires");

    let names: BTreeSet<String> = webhook.told().iter().map(|told| told.label("alertname").to_owned()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), [ALERT, "SnykwatchWatchdog"]);
    let own = scene.hook.tally();
    assert!(own.pages >= 1 && own.refusals.is_empty(), "its own delivery works beside Prometheus: {own:?}");
    daemon.terminate().await.exits(0);
}
