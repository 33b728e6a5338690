//! Both ends, the receivers, and the configuration of the daemon on them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use snykwatch::clock::Clock;
use snykwatch::sandbox::world::{ACME_CREDENTIAL, ACME_SNYK_TOKEN, World};
use snykwatch::sandbox::{Api, FaultKind, Sandbox};
use tempfile::TempDir;

use super::daemon::Daemon;
use super::receivers::{Receivers, SIGNING_KEY};

/// A scope of the PAT that is required, and is taken away.
const SCOPE: &str = "write:webhook:bitbucket";

/// What comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    SnykDown,
    BitbucketDown,
    ScopeMissing,
}

impl Problem {
    pub(crate) const ALL: [Self; 3] = [Self::SnykDown, Self::BitbucketDown, Self::ScopeMissing];

    /// What is opened for it: rule and subject.
    pub(crate) const fn incident(self) -> &'static str {
        match self {
            Self::SnykDown => "UpstreamUnreachable/api/snyk/acme-us",
            Self::BitbucketDown => "UpstreamUnreachable/api/bitbucket-cloud/bitbucket-acme",
            Self::ScopeMissing => "PermissionsMissing/credential/bitbucket-acme",
        }
    }
}

/// Everything but the daemon.
pub(crate) struct Stage {
    sandbox: Sandbox,
    pub(crate) receivers: Receivers,
    directory: TempDir,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let beginning = Clock::system().now() - TimeDelta::days(4);
        let world = World::acme(beginning).with_repositories(12);
        let sandbox = Sandbox::start(Clock::system(), world).await.unwrap();
        let receivers = Receivers::start().await;
        let stage = Self { sandbox, receivers, directory: TempDir::with_prefix("snykwatch-crashes-").unwrap() };
        let (snyk, bitbucket) = stage.sandbox.world(|world| {
            let pat = world.bitbucket.credential(ACME_CREDENTIAL).unwrap().secret.clone();
            (world.snyk.token(ACME_SNYK_TOKEN).unwrap().secret.clone(), pat)
        });
        stage.write_secret("snyk-token", &snyk);
        stage.write_secret("bitbucket-token", &bitbucket);
        stage.write_secret("webhook-key", SIGNING_KEY);
        for (name, secret) in stage.receivers.secrets() {
            stage.write_secret(name, &secret);
        }
        std::fs::write(stage.directory().join("snykwatch.yaml"), stage.configuration()).unwrap();
        stage
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn store_path(&self) -> PathBuf {
        self.directory().join("snykwatch.db")
    }

    fn log(&self) -> PathBuf {
        self.directory().join("log")
    }

    pub(crate) fn start_daemon(&self) -> Daemon {
        Daemon::start(self.directory(), &self.log())
    }

    /// The end of what the daemons said.
    pub(crate) fn last_words(&self) -> String {
        const LINES: usize = 30;
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
    }

    pub(crate) fn has_problem(&self, problem: Problem) -> bool {
        self.sandbox.world(|world| match problem {
            Problem::SnykDown => world.faults.iter().any(|fault| fault.api == Api::Snyk),
            Problem::BitbucketDown => world.faults.iter().any(|fault| fault.api == Api::Bitbucket),
            Problem::ScopeMissing => !world.credential_mut(ACME_CREDENTIAL).unwrap().scopes.contains(SCOPE),
        })
    }

    pub(crate) fn set_problem(&self, problem: Problem, lasts: bool) {
        self.sandbox.world(|world| {
            let api = match problem {
                Problem::SnykDown => Api::Snyk,
                Problem::BitbucketDown => Api::Bitbucket,
                Problem::ScopeMissing => {
                    let scopes = &mut world.credential_mut(ACME_CREDENTIAL).unwrap().scopes;
                    let _ = if lasts { scopes.remove(SCOPE) } else { scopes.insert(SCOPE.to_owned()) };
                    return;
                }
            };
            world.repair(api);
            if lasts {
                world.break_api(api, FaultKind::Status(503));
            }
        });
    }

    /// What is really the case: the incidents that must be open.
    pub(crate) fn open_problems(&self) -> Vec<&'static str> {
        let lasting = Problem::ALL.into_iter().filter(|problem| self.has_problem(*problem));
        lasting.map(Problem::incident).collect()
    }

    fn write_secret(&self, name: &str, secret: &str) {
        let path = self.directory().join(name);
        std::fs::write(&path, secret).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn configuration(&self) -> String {
        let group = self.sandbox.world(|world| world.snyk.groups.first().unwrap().id);
        let (snyk, bitbucket) = (self.sandbox.snyk_api_url(), self.sandbox.bitbucket_api_url());
        let receivers = self.receivers.configuration();
        format!(
            "snyk: {{ acme-us: {{ api_url: {snyk}, token: {{ file: snyk-token }} }} }}
credentials:
  bitbucket-acme:
    bitbucket_cloud:
      api_url: {bitbucket}
      api_token: {{ email: snyk-bot@acme.example, token: {{ file: bitbucket-token }} }}
    role: integration
    expires_at: 2099-01-01
integrations:
  acme-bitbucket:
    scm: bitbucket-cloud
    group:
      snyk: acme-us
      id: {group}
      profiles: {{ main: {{ credential: bitbucket-acme, workspaces: [acme] }} }}
schedule:
  snyk: {{ every: 1s }}
  credentials: {{ every: 1s }}
  inventory: {{ every: 5s }}
http: {{ request_timeout: 2s }}
alerts:
  rules:
    upstream_unreachable: {{ after: 1s, critical_after: never }}
    permissions_missing: {{ after: 1s, group_severity: warning }}
{receivers}
storage: {{ sqlite: {{ path: snykwatch.db }} }}
server: {{ listen: \"127.0.0.1:0\" }}
"
        )
    }
}
