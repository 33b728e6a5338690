//! A company with everything that snykwatch can watch, so that every metric has something to say.
//!
//! Clocks are real; what takes people hours takes seconds here.

use std::fs;

use chrono::TimeDelta;
use snykwatch::clock::Clock;
use snykwatch::sandbox::Sandbox;
use snykwatch::sandbox::receivers::{FakeReceiver, Heartbeat, Webhook};
use snykwatch::sandbox::world::{ACME_CREDENTIAL, ACME_PROFILE, ACME_SNYK_TOKEN, ACME_WORKSPACE, SyncState, World};
use tempfile::TempDir;

use crate::support::configuration::INTEGRATION;
use crate::support::process::{Daemon, snykwatch};

const SIGNING_KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Repositories that appear while synchronisation does not run.
const NEW: [&str; 4] = ["billing", "checkout", "ledger", "refunds"];

/// How long a Group may wait for its first synchronisation before people are told, and told again.
const AWAITING: &str = "awaiting_first_sync: 5s, critical: { awaiting_first_sync: 15s }";
/// The same for one that was complete and is not any more.
const INCOMPLETE: &str = "inventory_incomplete: 2s, critical: { inventory_incomplete: 12s }";

/// New assets an hour in a first fill: one a second.
const ARRIVALS: f64 = 3600.0;

/// Both ends, the receivers, and a directory with configuration and secrets.
pub(crate) struct Scene {
    /// When a Group that stays partially connected is reported.
    patience: &'static str,
    sandbox: Sandbox,
    pub(crate) hook: FakeReceiver<Webhook>,
    heartbeat: FakeReceiver<Heartbeat>,
    directory: TempDir,
}

impl Scene {
    /// Four good days with Organizations, webhooks, a catalog, and an admin API that knows when the token ends.
    pub(crate) async fn healthy() -> Self {
        Self::on(INCOMPLETE, |_| {}).await
    }

    /// The story of the demo: the same company, but the Group's first synchronisation never comes.
    pub(crate) async fn never_synchronised() -> Self {
        Self::on(AWAITING, |world| {
            world.set_sync(ACME_PROFILE, SyncState::Stuck);
            world.profile_mut(ACME_PROFILE).unwrap().fill.per_hour = Some(ARRIVALS);
        })
        .await
    }

    async fn on(patience: &'static str, change: impl FnOnce(&mut World)) -> Self {
        let beginning = Clock::system().now() - TimeDelta::days(4);
        let mut world = World::acme(beginning).with_repositories(12).with_backstage().with_organizations(2);
        change(&mut world);
        let sandbox = Sandbox::start(Clock::system(), world).await.unwrap();
        let hook = FakeReceiver::start(Clock::system(), Webhook::new([SIGNING_KEY])).await.unwrap();
        let heartbeat = FakeReceiver::start(Clock::system(), Heartbeat::new()).await.unwrap();
        let scene = Self { patience, sandbox, hook, heartbeat, directory: tempfile::tempdir().unwrap() };
        scene.write_secrets();
        scene
    }

    fn write_secrets(&self) {
        let (snyk, bitbucket, admin) = self.sandbox.world(|world| {
            let snyk = world.snyk.token(ACME_SNYK_TOKEN).unwrap().secret.clone();
            let bitbucket = world.bitbucket.credential(ACME_CREDENTIAL).unwrap().secret.clone();
            (snyk, bitbucket, world.atlassian.keys[0].secret.clone())
        });
        let secrets = [
            ("snyk-token", snyk.as_str()),
            ("bitbucket-token", &bitbucket),
            ("admin-key", &admin),
            ("webhook-key", SIGNING_KEY),
            ("heartbeat-url", self.heartbeat.url().as_str()),
        ]
        .map(|(name, secret)| (name, secret.to_owned()));
        for (name, secret) in secrets {
            use std::os::unix::fs::PermissionsExt as _;
            let path = self.directory.path().join(name);
            fs::write(&path, secret).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    /// Starts the daemon: alerts both by itself and by Prometheus.
    ///
    /// It asks as seldom as the story allows: Bitbucket is asked 300 times an hour at most.
    pub(crate) async fn run(&self) -> Daemon {
        let file = self.directory.path().join("snykwatch.yaml");
        fs::write(&file, self.configuration()).unwrap();
        let mut command = snykwatch(self.directory.path());
        command.arg("--config").arg(file).arg("run");
        Daemon::start(command).await
    }

    fn configuration(&self) -> String {
        let (group, organization) =
            self.sandbox.world(|world| (world.snyk.groups[0].id, world.atlassian.organization.clone()));
        let (snyk, bitbucket) = (self.sandbox.snyk_api_url(), self.sandbox.bitbucket_api_url());
        let (atlassian, hook) = (self.sandbox.atlassian_admin_url(), self.hook.url());
        let patience = self.patience;
        format!(
            "snyk:
  acme-us: {{ api_url: {snyk}, token: {{ file: snyk-token }} }}
credentials:
  bitbucket-acme:
    bitbucket_cloud:
      api_url: {bitbucket}
      api_token: {{ email: snyk-bot@acme.example, token: {{ file: bitbucket-token }} }}
      atlassian_admin:
        org_id: {organization}
        api_key: {{ file: admin-key }}
        label: {ACME_CREDENTIAL}
        api_url: {atlassian}
    role: integration
    owner: devops@acme.example
integrations:
  {INTEGRATION}:
    scm: bitbucket-cloud
    group:
      snyk: acme-us
      id: {group}
      permissions: pilot-guide
      profiles: {{ main: {{ credential: bitbucket-acme, workspaces: [acme] }} }}
      backstage: {{ file_name: catalog-info.yaml }}
    organizations: {{ credential: bitbucket-acme, discover: all }}
schedule:
  snyk: {{ every: 1s }}
  credentials: {{ every: 10s }}
  inventory: {{ every: 2s }}
  organizations: {{ every: 2s }}
  webhooks: {{ every: 20s, sample: 2 }}
  catalog: {{ every: 20s, sample: 2 }}
conditions: {{ setup_grace: 2s, connected_hold: 1s, eligible_after: 1s }}
alerts:
  deliver: both
  rules:
    partially_connected: {{ {patience} }}
  receivers:
    hook: {{ webhook: {{ url: \"{hook}\", secrets: [{{ file: webhook-key }}] }} }}
  routes: [{{ receivers: [hook] }}]
  heartbeat: {{ url: {{ file: heartbeat-url }}, every: 1s }}
storage: {{ sqlite: {{ path: snykwatch.db }} }}
metrics: {{ organizations: full }}
server: {{ listen: \"127.0.0.1:0\" }}
"
        )
    }

    /// Synchronisation silently stops, and repositories appear that it does not find.
    pub(crate) fn stop_synchronisation(&self) {
        self.sandbox.world(|world| {
            world.set_sync(ACME_PROFILE, SyncState::Stuck);
            for name in NEW {
                world.create_repository(ACME_WORKSPACE, name).unwrap();
            }
        });
    }

    /// Somebody revokes the access token that is saved in Snyk.
    pub(crate) fn revoke_the_token(&self) {
        self.sandbox.world(|world| world.revoke_credential(ACME_CREDENTIAL));
    }

    /// A Group Admin saves the profile again: it synchronises at once.
    pub(crate) fn save_the_profile_again(&self) {
        self.sandbox.world(|world| {
            world.resave_profile(ACME_PROFILE);
            world.profile_mut(ACME_PROFILE).unwrap().next_sync = Clock::system().now();
        });
    }
}
