//! Starts and ends of the daemon on its state file, where something stands in the way.

use std::path::PathBuf;

use snykwatch::clock::Clock;
use snykwatch::domain::state::State;
use snykwatch::sandbox::receivers::{FakeReceiver, PagerDuty, Trouble, Webhook};
use snykwatch::sandbox::{Api, FaultKind};
use snykwatch::store::sqlite::{SqliteOptions, SqliteStore};
use snykwatch::store::{DeliveryFilter, Outbox as _, Store as _};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::support::process::Daemon;
use crate::support::{Scene, eventually};

const ROUTING_KEY: &str = "f4ce0000000000000000000000011fe5";

/// A pager, a webhook that is not signed, and a state file.
struct Stage {
    scene: Scene,
    pager: FakeReceiver<PagerDuty>,
    hook: FakeReceiver<Webhook>,
}

impl Stage {
    async fn set() -> Self {
        let scene = Scene::healthy().await;
        scene.write_secret("routing-key", ROUTING_KEY);
        let pager = FakeReceiver::start(Clock::system(), PagerDuty::new(ROUTING_KEY)).await.unwrap();
        let hook = FakeReceiver::start(Clock::system(), Webhook::new(Vec::<String>::new())).await.unwrap();
        let (pager_url, hook_url) = (pager.root(), hook.url());
        let configuration = scene.configuration().without_organizations().every("500ms").request_timeout("2s");
        scene.write_text(&format!(
            "{configuration}storage: {{ sqlite: {{ path: snykwatch.db }} }}
alerts:
  rules: {{ upstream_unreachable: {{ after: 1s, critical_after: never }} }}
  receivers:
    pager: {{ pagerduty: {{ api_url: \"{pager_url}\", routing_key: {{ file: routing-key }} }} }}
    hook: {{ webhook: {{ url: \"{hook_url}\" }} }}
  routes: [{{ receivers: [pager, hook], severity: [warning, critical] }}]
"
        ));
        Self { scene, pager, hook }
    }

    async fn start(&self) -> Daemon {
        self.scene.run_as_it_is().await
    }

    fn take_snyk_down(&self) {
        self.scene.sandbox.world(|world| world.break_api(Api::Snyk, FaultKind::Status(503)));
    }

    fn store_path(&self) -> PathBuf {
        self.scene.directory().join("snykwatch.db")
    }

    /// A second hand in the state file.
    async fn intrude(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.store_path()).connect().await.unwrap()
    }

    /// Pages that wait at the pager for their end.
    fn open_pages(&self) -> Vec<String> {
        self.pager.look(|pager| pager.open().into_iter().map(|page| page.dedup_key.clone()).collect())
    }
}

/// What was rejected before a restart is known before anything is decided.
#[tokio::test]
async fn a_restart_makes_no_failing_receiver_well() {
    let stage = Stage::set().await;
    stage.hook.set_trouble(Some(Trouble::Status(400)));
    let mut daemon = stage.start().await;
    daemon.until_group_is("connected").await;
    stage.take_snyk_down();
    let is_reported = || stage.open_pages().iter().any(|key| key == "ReceiverFailing/receiver/hook/warning");
    eventually("the failing webhook is reported", async || is_reported().then_some(())).await;
    for _ in 0..3 {
        daemon.terminate().await.exits(0);
        daemon = stage.start().await;
        daemon.until_group_is("connected").await;
    }
    let tally = stage.pager.tally();
    assert_eq!((tally.pages, tally.resolves), (2, 0), "Snyk is down, and the webhook fails: told once, and not over");
    daemon.terminate().await.exits(0);
}

/// Whoever else writes to the state file: two of us would destroy each other's work.
#[tokio::test]
async fn it_stops_when_somebody_else_writes_to_its_store() {
    let stage = Stage::set().await;
    let daemon = stage.start().await;
    daemon.until_group_is("connected").await;
    let mut intruder = stage.intrude().await;
    sqlx::query("UPDATE latest_commit SET revision = revision + 1").execute(&mut intruder).await.unwrap();
    intruder.close().await.unwrap();
    let end = daemon.end().await;
    end.exits(70);
    end.says(&["somebody else writes to our store: stopping"]);
}

/// What could not be stored while it ran is stored at its end, if that is possible by then.
#[tokio::test]
async fn what_could_not_be_stored_is_stored_at_the_end() {
    let stage = Stage::set().await;
    let daemon = stage.start().await;
    daemon.until_group_is("connected").await;
    let mut intruder = stage.intrude().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut intruder).await.unwrap();
    stage.take_snyk_down();
    let is_kept = async || {
        let (_, after) = daemon.stderr().split_once("incident UpstreamUnreachable/api/snyk/acme-us").map(owned)?;
        after.contains("could not commit the state").then_some(())
    };
    eventually("it opens and cannot be stored", is_kept).await;
    daemon.signal("TERM").await;
    daemon.until_log_says("stopping").await;
    sqlx::query("ROLLBACK").execute(&mut intruder).await.unwrap();
    intruder.close().await.unwrap();
    daemon.end().await.exits(0);

    let store = SqliteStore::open(&stage.store_path(), SqliteOptions::default()).await.unwrap();
    let stored = State::clone(&store.load().await.unwrap().unwrap().state);
    let known: Vec<String> = stored.incidents.keys().map(ToString::to_string).collect();
    assert!(known.iter().any(|incident| incident == "UpstreamUnreachable/api/snyk/acme-us"), "{known:?}");
    let deliveries = store.deliveries(DeliveryFilter { limit: 10, ..DeliveryFilter::default() }).await.unwrap();
    assert_eq!(deliveries.len(), 2, "for the pager and for the webhook: {deliveries:?}");
    store.close().await;
}

fn owned((before, after): (&str, &str)) -> (String, String) {
    (before.to_owned(), after.to_owned())
}
