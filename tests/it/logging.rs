//! The log: JSON for programs, and a filter that is changed while the daemon runs.

use serde_json::Value;

use crate::support::{Scene, http};

#[tokio::test]
async fn json_lines_have_fields() {
    let scene = Scene::healthy().await;
    scene.write(&scene.configuration());
    let daemon = scene.run_as_it_is_with(&["--log-format", "json"]).await;
    let finished = daemon.terminate().await;
    finished.exits(0);
    let lines: Vec<Value> = finished.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let watching = lines.iter().find(|line| line["fields"]["message"].as_str().unwrap().starts_with("watching"));
    let watching = watching.unwrap_or_else(|| panic!("{}", finished.stderr));
    assert_eq!(watching["level"], "INFO");
    assert!(watching["fields"]["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{watching}");
    assert!(watching["target"].as_str().unwrap().starts_with("snykwatch"), "{watching}");
    let written: chrono::DateTime<chrono::Utc> = watching["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(written.timestamp() > 0);
}

#[tokio::test]
async fn the_filter_changes_at_run_time() {
    let scene = Scene::healthy().await;
    scene.write(&scene.configuration());
    let daemon = scene.run_as_it_is_with(&["--log", "warn,snykwatch::commands=info"]).await;
    let put = async |filter: &str| http::put(daemon.address, "/-/log-filter", "", filter).await.unwrap();
    assert_eq!(daemon.get("/-/log-filter").await.text(), "snykwatch::commands=info,warn\n");
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);
    assert!(!daemon.stderr().contains("configuration reloaded"));

    assert_eq!(put("info\n").await.status, 200);
    assert_eq!(daemon.get("/-/log-filter").await.text(), "info\n");
    daemon.until_log_says("the log filter was changed").await;
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);
    daemon.until_log_says("configuration reloaded").await;

    for wrong in ["", "snykwatch=loud", "a=b=c"] {
        let refused = put(wrong).await;
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text());
        assert!(refused.text().contains("is no log filter"), "{}", refused.text());
    }
    assert_eq!(daemon.get("/-/log-filter").await.text(), "info\n");
    let refused = daemon.request("POST", "/-/log-filter", "").await;
    assert_eq!(refused.status, 405);
    assert!(refused.text().contains("GET, HEAD, PUT"), "{}", refused.text());
    let foreign = http::put(daemon.address, "/-/log-filter", "Origin: https://evil.example.com\r\n", "trace").await;
    assert_eq!(foreign.unwrap().status, 403);
    daemon.terminate().await.exits(0);
}
