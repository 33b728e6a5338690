//! Secrets stay where they belong, whatever they look like.

use snykwatch::sandbox::{Api, FaultKind};

use super::until_probed;
use crate::support::Scene;

/// Secrets that a careless way of writing, quoting or cutting would let through.
const ODD_SECRETS: [&str; 6] = [
    "ATATT3xPLAIN0000000000000000000000",
    "with \"quotes\" and \\backslashes\\ 0000",
    "%7Bpercent%7D&query=value#fragment0000",
    "<script>alert(0)</script>0000000000",
    "{{ template }} ${VARIABLE} {}0000000",
    "a-very-long-secret-0123456789abcdef-0123456789abcdef-0123456789abcdef-0123456789abcdef",
];

/// Elsewhere: a flag on the command line, and a dump of each request.
#[tokio::test]
async fn p_secrets_are_in_no_log_metric_page_or_process_list() {
    futures_util::future::join_all(ODD_SECRETS.map(is_kept)).await;
}

async fn is_kept(secret: &str) {
    let scene = Scene::healthy().await;
    scene.write_secret("bitbucket-token", secret);
    scene.write(&scene.configuration().every("500ms").request_timeout("2s"));
    let daemon = scene.run_as_it_is_with(&["--log", "trace"]).await;
    until_probed(&daemon, 6.0).await;
    scene.sandbox.world(|world| world.break_api(Api::Bitbucket, FaultKind::HtmlWithOk));
    until_probed(&daemon, 4.0).await;
    let snyk = scene.snyk_secret();
    let mut seen = vec![("cmdline".to_owned(), process_file(&daemon, "cmdline"))];
    seen.push(("environ".to_owned(), process_file(&daemon, "environ")));
    for path in ["/", "/metrics", "/api/v1/integrations", "/api/v1/credentials", "/api/v1/incidents"] {
        seen.push((path.to_owned(), daemon.get(path).await.text()));
    }
    let finished = daemon.terminate().await;
    seen.push(("the log".to_owned(), finished.screen()));
    seen.push(("config show".to_owned(), scene.ask_as_it_is(&["config", "show"]).await.screen()));
    for (what, text) in seen {
        for secret in [secret, &snyk] {
            assert!(!text.contains(secret), "{what} contains {secret}:\n{text}");
        }
    }
}

fn process_file(daemon: &crate::support::process::Daemon, name: &str) -> String {
    let bytes = std::fs::read(format!("/proc/{}/{name}", daemon.id())).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
