//! Configurations that are wrong.

use crate::support::Scene;

/// Elsewhere: exits.
#[tokio::test]
async fn l_a_bad_reload_keeps_the_old_configuration_and_names_the_line() {
    let scene = Scene::healthy().await;
    let good = scene.configuration();
    let daemon = scene.run(&good).await;
    daemon.until_group_is("connected").await;
    let text = good.to_string();
    let (before, _) = text.split_once("    role: integration\n").unwrap();
    let line = before.lines().count() + 1;
    scene.write_text(&text.replace("    role: integration\n", "    role: integrator\n"));
    let refused = daemon.request("POST", "/-/reload", "").await;
    assert_eq!(refused.status, 400);
    let place = format!("snykwatch.yaml:{line}:11");
    assert!(refused.text().contains(&place), "{place}: {}", refused.text());
    daemon.until_metric("snykwatch_config_last_reload_successful", 0.0).await;
    assert_eq!(daemon.group().await["status"]["status"], "connected");
    daemon.terminate().await.exits(0);
}

/// Elsewhere: ignored, or taken as empty.
#[tokio::test]
async fn m_unknown_keys_and_unset_variables_are_errors_with_a_place() {
    let scene = Scene::healthy().await;
    let text = scene.configuration().to_string();
    let wrong = text
        .replace("    role: integration\n", "    rolle: integration\n")
        .replace("token: { file: snyk-token }", "token: { env: NOBODY_SET_THIS }");
    scene.write_text(&wrong);
    for command in [&["run"][..], &["config", "validate"]] {
        let finished = scene.ask_as_it_is(command).await;
        finished.exits(78);
        for said in ["unknown key `rolle`", "`role`", "NOBODY_SET_THIS", "snykwatch.yaml:4:"] {
            assert!(finished.screen().contains(said), "{said} is not said:\n{}", finished.screen());
        }
    }
}
