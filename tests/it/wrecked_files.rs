//! Whatever is in a configuration file: a running daemon goes on as it was, and every command says what is wrong in a few
//! lines.

use snykwatch::clock::Clock;
use snykwatch::sandbox::receivers::{FakeReceiver, Heartbeat, Webhook};

use crate::support::{Scene, eventually};

/// What is said of one file at most. Bytes.
const MOST_SAID: usize = 512 * 1024;

/// A text without the line breaks and borders of its drawing.
fn flat(text: &str) -> String {
    text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The configuration as one line of JSON, as tools write it, with so many integrations and one typo in the last.
fn on_one_line(text: &str, integrations: usize) -> String {
    let mut config: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    let one = config["integrations"].as_object().unwrap().values().next().unwrap().clone();
    for index in 0..integrations {
        config["integrations"][format!("acme-{index:04}")] = one.clone();
    }
    let last = config["integrations"].as_object_mut().unwrap().values_mut().last().unwrap();
    let scm = last.as_object_mut().unwrap().remove("scm").unwrap();
    last["smc"] = scm;
    config.to_string()
}

#[tokio::test]
async fn no_file_ends_a_daemon_and_every_command_says_why_it_is_refused() {
    let scene = Scene::healthy().await;
    let good = scene.configuration().to_string();
    let template = |text: &str| {
        format!(
            "{good}\nalerts:\n  receivers:\n    chat:\n      webhook: {{ url: \"http://127.0.0.1:9/\" }}\n      templates: {{ title: \"{text}\" }}\n"
        )
    };
    let daemon = scene.run(&scene.configuration()).await;
    daemon.until_group_is("connected").await;
    let name = "x".repeat(70_000);
    for (text, said) in [
        (on_one_line(&good, 600), "unknown key `smc`"),
        (good.replace("scm: bitbucket-cloud", &format!("scm: {name}")), "is not known here"),
        (format!("{good}\nmetrics: {{ max_series: \"{name}\", evry: 5m }}\n"), "unknown key `evry`"),
        ("x".repeat(3 * 1024 * 1024), "at most 2097152 bytes of configuration are read"),
        ("[".repeat(100_000), "this is not YAML"),
        (format!("snyk: {{ {} }}", "a: 5, ".repeat(2_000)), "more are not shown"),
        (template("{{ [1] * 100000000 }}"), "`*` needs numbers on both sides"),
        (template(&format!("{}{{{{ a }}}}", "{% set a = [a, a] %}".repeat(60))), "a list or map may hold"),
    ] {
        scene.write_text(&text);
        let refused = daemon.request("POST", "/-/reload", "").await;
        let answer = refused.text();
        assert_eq!(refused.status, 400, "{answer}");
        assert!(flat(&answer).contains(said) && answer.len() < MOST_SAID, "{said}: {} {answer}", answer.len());
        let validated = scene.ask_as_it_is(&["config", "validate"]).await;
        validated.exits(78);
        assert!(flat(&validated.stderr).contains(said), "{said}: {}", validated.stderr);
        assert!(validated.stderr.len() < MOST_SAID, "{said}: {}", validated.stderr.len());
        assert_eq!(daemon.group().await["status"]["status"], "connected");
    }
    for arguments in [["run"].as_slice(), &["check"]] {
        scene.write_text(&on_one_line(&good, 600));
        let refused = scene.ask_as_it_is(arguments).await;
        refused.exits(78);
        refused.says(&["unknown key `smc`"]);
    }
    scene.write_text(&good);
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);
    assert_eq!(daemon.metric("snykwatch_panics_total").await, Some(0.0));
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn a_heartbeat_is_added_changed_and_removed_by_a_reload() {
    const TAKEN: &str = "snykwatch_heartbeat_last_success_timestamp_seconds";
    let scene = Scene::healthy().await;
    let good = scene.configuration().to_string();
    let (one, other) = (
        FakeReceiver::start(Clock::system(), Heartbeat::new()).await.unwrap(),
        FakeReceiver::start(Clock::system(), Heartbeat::new()).await.unwrap(),
    );
    let daemon = scene.run(&scene.configuration()).await;
    daemon.until_group_is("connected").await;
    assert_eq!(daemon.metric(TAKEN).await, None);
    for switch in [&one, &other] {
        // An hour is not waited for.
        scene.write_text(&format!("{good}\nalerts: {{ heartbeat: {{ url: \"{}\", every: 1h }} }}\n", switch.url()));
        let reloaded = daemon.request("POST", "/-/reload", "").await;
        assert_eq!(reloaded.status, 200, "{}", reloaded.text());
        eventually("it is told", async || (switch.look(|switch| switch.beats().len()) == 1).then_some(())).await;
        eventually("it is counted", async || daemon.metric(TAKEN).await.filter(|taken| *taken > 0.0)).await;
    }
    assert_eq!(one.look(|switch| switch.beats().len()), 1, "it is told no more");
    scene.write_text(&good);
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);
    eventually("it is counted no more", async || daemon.metric(TAKEN).await.is_none().then_some(())).await;
    daemon.terminate().await.exits(0);
}

#[tokio::test]
async fn what_takes_a_restart_is_said_by_every_reload_until_there_is_one() {
    let scene = Scene::healthy().await;
    let good = scene.configuration().to_string();
    let daemon = scene.run(&scene.configuration()).await;
    let receiver = FakeReceiver::start(Clock::system(), Webhook::new(Vec::<String>::new())).await.unwrap();
    let alerts = format!("alerts: {{ receivers: {{ tickets: {{ webhook: {{ url: \"{}\" }} }} }} }}\n", receiver.url());
    for more in [String::new(), alerts] {
        scene.write_text(&format!("{good}\nstorage: {{ sqlite: {{ path: other.db }} }}\n{more}"));
        let said = daemon.request("POST", "/-/reload", "").await;
        assert_eq!(said.status, 200, "{}", said.text());
        assert!(said.text().contains("storage: takes a restart"), "{}", said.text());
    }
    daemon.terminate().await.exits(0);
}
