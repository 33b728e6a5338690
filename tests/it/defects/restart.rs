//! Kills and restarts while something is to be told.

use std::time::Duration;

use snykwatch::clock::Clock;
use snykwatch::sandbox::receivers::{Alertmanager, FakeReceiver, Trouble};

use super::{Receivers, alerting, bring_snyk_back, kill, take_snyk_down, until_probed};
use crate::support::{Scene, eventually};

/// Elsewhere: a restart sends a second alert.
#[tokio::test]
async fn b_a_restart_while_it_fires_pages_nobody_again() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    receivers.until_paged().await;
    daemon.terminate().await.exits(0);
    let daemon = scene.run_as_it_is().await;
    until_probed(&daemon, 6.0).await;
    kill(daemon).await;
    let daemon = scene.run_as_it_is().await;
    until_probed(&daemon, 6.0).await;
    let incidents = daemon.get("/api/v1/incidents").await.text();
    assert!(incidents.contains("UpstreamUnreachable"), "it still fires: {incidents}");
    assert_eq!((receivers.on_the_pager(), receivers.at_the_hook()), ((1, 0), (1, 0)));
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    receivers.have_one_episode();
    daemon.terminate().await.exits(0);
}

/// Elsewhere: what recovers while the daemon is down is never resolved.
#[tokio::test]
async fn c_what_recovers_while_it_is_down_is_resolved() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    receivers.until_paged().await;
    kill(daemon).await;
    bring_snyk_back(&scene);
    let daemon = scene.run_as_it_is().await;
    receivers.until_resolved().await;
    receivers.have_one_episode();
    daemon.terminate().await.exits(0);
}

/// Elsewhere: what was accepted and not yet sent is lost by kill -9.
#[tokio::test]
async fn e_what_was_to_be_sent_outlives_a_kill() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    receivers.pager.set_trouble(Some(Trouble::Status(503)));
    receivers.hook.set_trouble(Some(Trouble::Cut));
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    let were_tried = async || {
        let were_tried = !receivers.pager.receptions().is_empty() && !receivers.hook.receptions().is_empty();
        were_tried.then_some(())
    };
    eventually("both were tried in vain", were_tried).await;
    kill(daemon).await;
    receivers.pager.set_trouble(None);
    receivers.hook.set_trouble(None);
    let daemon = scene.run_as_it_is().await;
    receivers.until_paged().await;
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    receivers.have_one_episode();
    daemon.terminate().await.exits(0);
}

/// Elsewhere: an alert whose source is silent after a kill is never resolved.
#[tokio::test]
async fn f_a_lease_is_renewed_after_a_kill() {
    let scene = Scene::healthy().await;
    let peers = [
        FakeReceiver::start(Clock::system(), Alertmanager::new()).await.unwrap(),
        FakeReceiver::start(Clock::system(), Alertmanager::new()).await.unwrap(),
    ];
    let [first, second] = peers.each_ref().map(FakeReceiver::root);
    let receivers =
        format!("    peers: {{ alertmanager: {{ urls: [\"{first}\", \"{second}\"], resend_every: 5s }} }}\n");
    scene.write_text(&alerting(&scene, &receivers));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    let told =
        |effect: fn(&snykwatch::sandbox::receivers::Tally) -> usize| peers.each_ref().map(|peer| effect(&peer.tally()));
    eventually("every peer is told", async || (told(|tally| tally.pages) == [1, 1]).then_some(())).await;
    kill(daemon).await;
    let before = told(|tally| tally.repeats);
    let daemon = scene.run_as_it_is().await;
    let is_renewed =
        async || told(|tally| tally.repeats).iter().zip(before).all(|(now, before)| *now > before).then_some(());
    eventually("every lease is renewed", is_renewed).await;
    bring_snyk_back(&scene);
    eventually("every peer is told of the end", async || (told(|tally| tally.resolves) == [1, 1]).then_some(())).await;
    assert_eq!(told(|tally| tally.pages), [1, 1]);
    for peer in &peers {
        assert_eq!(peer.tally().refusals, []);
        assert_eq!(peer.look(|peer| peer.firing(Clock::system().now()).len()), 0);
    }
    daemon.terminate().await.exits(0);
}

/// Elsewhere: a crash between taking a row and sending it loses it.
#[tokio::test]
async fn o_a_kill_between_receipt_and_answer_repeats_with_the_same_key() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    let late = Some(Trouble::AnswerLate(Duration::from_mins(1)));
    receivers.pager.set_trouble(late.clone());
    receivers.hook.set_trouble(late);
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    receivers.until_paged().await;
    kill(daemon).await;
    receivers.pager.set_trouble(None);
    receivers.hook.set_trouble(None);
    let daemon = scene.run_as_it_is().await;
    let is_repeated = async || {
        let is_repeated = receivers.pager.tally().repeats == 1 && receivers.hook.tally().repeats == 1;
        is_repeated.then_some(())
    };
    eventually("both are told again", is_repeated).await;
    bring_snyk_back(&scene);
    receivers.until_resolved().await;
    receivers.have_one_episode();
    daemon.terminate().await.exits(0);
}
