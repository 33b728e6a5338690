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

/// What keeps the daemon from starting, and what is odd about its configuration, stands in the same lines.
#[tokio::test]
async fn everything_on_stderr_is_json_where_that_is_wanted() {
    let scene = Scene::healthy().await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    for (server, code, said) in [
        (format!("listen: \"{address}\", actors: [on-call]"), 69, ["`on-call` is no user", "could not listen on"]),
        ("lisen: x".to_owned(), 78, ["snykwatch.yaml", "unknown key `lisen`"]),
    ] {
        scene.write_with_server(&server);
        let finished = scene.ask_as_it_is(&["run", "--log-format", "json"]).await;
        finished.exits(code);
        let lines: Vec<Value> = finished.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let messages: Vec<_> = lines.iter().map(|line| line["fields"]["message"].as_str().unwrap()).collect();
        for text in said {
            assert!(messages.concat().contains(text), "{text}: {}", finished.stderr);
        }
    }
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

    let changed = put("info\n").await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.text(), "info, after snykwatch::commands=info,warn\n");
    assert_eq!(daemon.get("/-/log-filter").await.text(), "info\n");
    daemon.until_log_says("the log filter changes from snykwatch::commands=info,warn to info").await;
    assert_eq!(daemon.request("POST", "/-/reload", "").await.status, 200);
    daemon.until_log_says("configuration reloaded").await;

    let long = "info,".repeat(300) + "info";
    for wrong in ["", "snykwatch=loud", "a=b=c", "inof", "info,snykwatch", &long] {
        let refused = put(wrong).await;
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text());
        assert!(refused.text().contains("is no log filter"), "{}", refused.text());
    }
    assert_eq!(daemon.get("/-/log-filter").await.text(), "info\n");
    let refused = daemon.request("POST", "/-/log-filter", "").await;
    assert_eq!(refused.status, 405);
    assert!(refused.text().contains("GET, HEAD, PUT"), "{}", refused.text());
    // A log that is about to fall silent says so.
    assert_eq!(put("off").await.status, 200);
    daemon.until_log_says("the log filter changes from info to off").await;
    assert_eq!(put("info").await.status, 200);
    daemon.until_log_says("the log filter changes from off to info").await;
    let foreign = http::put(daemon.address, "/-/log-filter", "Origin: https://evil.example.com\r\n", "trace").await;
    assert_eq!(foreign.unwrap().status, 403);
    daemon.terminate().await.exits(0);
}
