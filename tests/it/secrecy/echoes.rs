//! APIs that say back what they were never told, and names that are no names.

use snykwatch::sandbox::{Api, FaultKind};

use super::{Secrets, WRONG_TOKEN, base64};
use crate::support::configuration::INTEGRATION;
use crate::support::{Scene, eventually};

/// What a terminal, a page or a log would obey instead of showing it.
const HOSTILE: [char; 7] = ['\u{1b}', '\0', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200b}'];

/// Everything that shows what an API says.
const PATHS: [&str; 6] =
    ["/", "/metrics", "/api/v1/integrations", "/api/v1/incidents", "/api/v1/credentials", "/-/ready"];

#[track_caller]
fn is_harmless(what: &str, text: &str) {
    // Marks of ours around names keep them from turning what follows; they come in pairs.
    let turned = text.replace(['\u{2066}', '\u{2068}', '\u{2069}'], "");
    for hostile in HOSTILE.into_iter().filter(|hostile| *hostile != '\u{2066}') {
        assert!(!turned.contains(hostile), "{what} contains U+{:04X}:\n{text}", u32::from(hostile));
        let escape = format!("\\u{:04x}", u32::from(hostile));
        assert!(!turned.to_lowercase().contains(&escape), "{what} contains {escape}:\n{text}");
    }
}

#[tokio::test]
async fn what_one_api_was_told_is_not_shown_when_another_says_it() {
    let scene = Scene::healthy().await;
    let secrets = Secrets::of(&scene);
    let (pat, snyk) = (scene.bitbucket_secret(), scene.snyk_secret());
    scene.write(&scene.configuration().every("500ms"));
    let daemon = scene.run_as_it_is_with(&["--log", "trace"]).await;
    daemon.until_group_is("connected").await;

    // A token that was in force for a moment and was taken back.
    scene.write_secret("bitbucket-token", WRONG_TOKEN);
    daemon.signal("HUP").await;
    daemon.until_log_says("gave a bad answer for the first time").await;
    scene.write_secret("bitbucket-token", &pat);
    daemon.signal("HUP").await;
    daemon.until_group_is("connected").await;

    let basic = base64(format!("snyk-bot@acme.example:{pat}").as_bytes());
    let spelled = [WRONG_TOKEN.to_owned(), pat.clone(), basic, base64(snyk.as_bytes())].join(" or ");
    scene.sandbox.world(|world| {
        world.break_api(Api::Snyk, FaultKind::Says(403, format!("what is {spelled}?")));
        let said = format!("what is {snyk} or {spelled}?");
        world.break_path(Api::Bitbucket, "/2.0/repositories", FaultKind::Says(403, said));
    });
    daemon.until_log_says("what is [redacted] or [redacted]").await;
    for path in PATHS {
        secrets.are_not_in(path, &daemon.get(path).await.text());
    }
    for arguments in [&["check"][..], &["incidents"], &["explain", INTEGRATION]] {
        secrets.are_not_in(&arguments.join(" "), &scene.ask_as_it_is(arguments).await.screen());
    }
    let finished = daemon.terminate().await;
    secrets.are_not_in("stdout", &finished.stdout);
    secrets.are_not_in("stderr", &finished.stderr);
}

#[tokio::test]
async fn names_that_control_turn_or_hide_reach_nobody() {
    let scene = Scene::healthy().await;
    let (secrets, pat) = (Secrets::of(&scene), scene.bitbucket_secret());
    let hostile: String = HOSTILE.iter().collect();
    scene.sandbox.world(|world| {
        world.snyk.groups[0].name = format!("acme{hostile}group");
        world.snyk.organizations[0].name = format!("team{hostile}{pat}");
    });
    scene.write(&scene.configuration().every("500ms"));
    let daemon = scene.run_as_it_is_with(&["--log", "trace"]).await;
    daemon.until_group_is("connected").await;
    // The invisible ones are gone, and whatever else is hostile is one space.
    eventually("the Organization's name is known", async || {
        let shown = daemon.get("/api/v1/integrations").await.text();
        shown.contains("team [redacted]").then_some(())
    })
    .await;
    scene.sandbox.world(|world| {
        world.break_api(Api::Bitbucket, FaultKind::Says(403, format!("no {hostile} entry")));
    });
    daemon.until_log_says("no entry").await;
    for path in PATHS {
        let text = daemon.get(path).await.text();
        is_harmless(path, &text);
        secrets.are_not_in(path, &text);
    }
    for arguments in [&["check"][..], &["check", "--output", "json"], &["status"], &["incidents"]] {
        let screen = scene.ask_as_it_is(arguments).await.screen();
        is_harmless(&arguments.join(" "), &screen);
        secrets.are_not_in(&arguments.join(" "), &screen);
    }
    let finished = daemon.terminate().await;
    is_harmless("stderr", &finished.stderr);
    secrets.are_not_in("stderr", &finished.stderr);
}
