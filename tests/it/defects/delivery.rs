//! Receivers that fail while something is to be told.

use std::time::Duration;

use chrono::TimeDelta;
use snykwatch::sandbox::receivers::Trouble;

use super::{Receivers, alerting, bring_snyk_back, probed, take_snyk_down, until_probed};
use crate::support::{Scene, eventually};

/// Elsewhere: one attempt, and the end is never told.
#[tokio::test]
async fn a_a_resolve_survives_a_receiver_that_fails() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    receivers.until_paged().await;

    receivers.pager.set_trouble(Some(Trouble::Status(503)));
    receivers.hook.set_trouble(Some(Trouble::Status(503)));
    let (pager, hook) = (receivers.pager.receptions().len(), receivers.hook.receptions().len());
    bring_snyk_back(&scene);
    let was_tried = async || {
        let was_tried = receivers.pager.receptions().len() > pager && receivers.hook.receptions().len() > hook;
        was_tried.then_some(())
    };
    eventually("the end was told in vain", was_tried).await;
    receivers.pager.set_trouble(None);
    receivers.hook.set_trouble(None);
    receivers.until_resolved().await;
    receivers.have_one_episode();
    daemon.terminate().await.exits(0);
}

/// Elsewhere: a notifier that takes three seconds brings 220 checks in ten seconds down to four.
#[tokio::test]
async fn d_a_receiver_that_stalls_slows_neither_probes_nor_other_receivers() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    receivers.hook.set_trouble(Some(Trouble::Stall));
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    let stalls = async || (receivers.hook.receptions().len() == 1).then_some(());
    eventually("the webhook stalls", stalls).await;
    eventually("the pager rings all the same", async || (receivers.on_the_pager().0 == 1).then_some(())).await;
    let before = probed(&daemon).await;
    until_probed(&daemon, 10.0).await;
    assert!(probed(&daemon).await >= before + 10.0);
    assert_eq!(receivers.at_the_hook(), (0, 0), "the webhook still stalls");
    bring_snyk_back(&scene);
    eventually("the pager is told of the end", async || (receivers.on_the_pager().1 == 1).then_some(())).await;
    // It ends although a receiver stalls.
    daemon.terminate().await.exits(0);
}

/// 429 with `Retry-After`, on the way out.
#[tokio::test]
async fn r_a_receiver_that_asks_for_patience_gets_it() {
    const WAIT: TimeDelta = TimeDelta::seconds(4);
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    receivers.hook.trouble_for(1, Trouble::RateLimited(Duration::from_secs(4)));
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    receivers.until_paged().await;
    let letters = receivers.hook.receptions();
    assert_eq!(letters.len(), 2);
    assert!(letters[1].at - letters[0].at >= WAIT, "{} is not {WAIT}", letters[1].at - letters[0].at);
    let id = |place: usize| letters[place].letter.header("webhook-id").unwrap();
    assert_eq!(id(0), id(1), "the same notification");
    daemon.terminate().await.exits(0);
}

/// A key that is in rotation loses no page, and nobody waits for it unknowingly.
#[tokio::test]
async fn strangers_are_tried_again_and_reported_by_another() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    receivers.hook.set_trouble(Some(Trouble::Status(401)));
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is().await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    let both = async || (receivers.on_the_pager().0 == 2).then_some(());
    eventually("the pager rings for the problem and for the webhook", both).await;
    assert_eq!(receivers.at_the_hook(), (0, 0));
    let page = daemon.get("/").await.text();
    assert!(page.contains("takes nothing since"), "{page}");
    receivers.hook.set_trouble(None);
    eventually("the webhook is told", async || (receivers.at_the_hook().0 == 1).then_some(())).await;
    eventually("its failure is over", async || (receivers.on_the_pager().1 == 1).then_some(())).await;
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn observing_sends_nothing_and_lists_what_it_would_have_sent() {
    let scene = Scene::healthy().await;
    let receivers = Receivers::of(&scene).await;
    scene.write_text(&alerting(&scene, &receivers.configuration()));
    let daemon = scene.run_as_it_is_with(&["--observe"]).await;
    daemon.until_group_is("connected").await;
    take_snyk_down(&scene);
    let withheld = async || {
        let listed = daemon.get("/api/v1/notifications?state=withheld").await.json();
        (listed["notifications"].as_array().unwrap().len() == 2).then_some(())
    };
    eventually("what would have been sent is listed", withheld).await;
    assert!(daemon.get("/").await.text().contains("Observing: nothing is sent."));
    let url = format!("http://{}/", daemon.address);
    let asked = scene.ask_as_it_is(&["notifications", "--state", "withheld", "--url", &url]).await;
    asked.says(&["withheld", "hook: trigger (warning)", "UpstreamUnreachable"]);
    scene.ask_as_it_is(&["status", "--url", &url]).await.says(&["observing: nothing is sent"]);
    let ended = daemon.terminate().await;
    ended.exits(0);
    ended.says(&["2 notifications would have been sent", "would have told hook", "would have told pager"]);
    assert!(receivers.hook.receptions().is_empty() && receivers.pager.receptions().is_empty());
    // In earnest, what still lasts is told.
    let daemon = scene.run_as_it_is().await;
    receivers.until_paged().await;
    daemon.terminate().await.exits(0);
}
