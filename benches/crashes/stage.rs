//! Both ends, the receivers, and the configuration of the daemon on them.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::TimeDelta;
use snykwatch::clock::Clock;
use snykwatch::sandbox::world::{ACME_CREDENTIAL, ACME_SNYK_TOKEN, World};
use snykwatch::sandbox::{Api, FaultKind, Sandbox};
use tempfile::TempDir;

use super::daemon::Daemon;
use super::receivers::{Receivers, SIGNING_KEY};

/// A scope of the PAT that is required, and is taken away.
const SCOPE: &str = "write:webhook:bitbucket";

/// A problem that lasts from the first minute to the last: the declared end of the PAT has passed, and it works. It is
/// acknowledged in the beginning.
pub(crate) const LASTING: &str = "DeclaredDateOutdated/credential/bitbucket-acme";

/// What comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    SnykDown,
    BitbucketDown,
    /// Silenced in the beginning: it must reach nobody.
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
    binary: PathBuf,
    port: u16,
}

impl Stage {
    pub(crate) async fn set(binary: PathBuf) -> Self {
        let beginning = Clock::system().now() - TimeDelta::days(4);
        let world = World::acme(beginning).with_repositories(12);
        let sandbox = Sandbox::start(Clock::system(), world).await.unwrap();
        let receivers = Receivers::start().await;
        // Free now, and hardly taken by anybody else until the daemon has it.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let directory = TempDir::with_prefix("snykwatch-crashes-").unwrap();
        let stage = Self { sandbox, receivers, directory, binary, port };
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
        Daemon::start(&self.binary, self.directory(), &self.log())
    }

    /// Whether a command to the running daemon was done.
    pub(crate) fn command(&self, arguments: &[&str]) -> bool {
        let mut command = Command::new(&self.binary);
        command.current_dir(self.directory()).env_clear().args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    }

    /// The end of what the daemons said.
    pub(crate) fn last_words(&self) -> String {
        const LINES: usize = 30;
        let log = self.read_log();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
    }

    /// Lines of the log of all lives that say that something of ours is broken.
    pub(crate) fn errors(&self) -> Vec<String> {
        let log = self.read_log();
        let bad = log.lines().filter(|line| line.contains(" ERROR ") || line.contains("panicked at"));
        bad.map(str::to_owned).collect()
    }

    fn read_log(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
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
        lasting.map(Problem::incident).chain([LASTING]).collect()
    }

    fn write_secret(&self, name: &str, secret: &str) {
        let path = self.directory().join(name);
        std::fs::write(&path, secret).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn configuration(&self) -> String {
        let group = self.sandbox.world(|world| world.snyk.groups.first().unwrap().id);
        let (snyk, bitbucket) = (self.sandbox.snyk_api_url(), self.sandbox.bitbucket_api_url());
        let (receivers, port) = (self.receivers.configuration(), self.port);
        format!(
            "snyk: {{ acme-us: {{ api_url: {snyk}, token: {{ file: snyk-token }} }} }}
credentials:
  bitbucket-acme:
    bitbucket_cloud:
      api_url: {bitbucket}
      api_token: {{ email: snyk-bot@acme.example, token: {{ file: bitbucket-token }} }}
    role: integration
    expires_at: 2024-01-01
integrations:
  acme-bitbucket:
    scm: bitbucket-cloud
    group:
      snyk: acme-us
      id: {group}
      profiles: {{ main: {{ credential: bitbucket-acme, workspaces: [acme] }} }}
schedule:
  snyk: {{ every: 500ms }}
  credentials: {{ every: 500ms }}
  inventory: {{ every: 5s }}
http: {{ request_timeout: 2s }}
alerts:
  rules:
    upstream_unreachable: {{ after: 500ms, critical_after: 4s }}
    permissions_missing: {{ after: 0s, group_severity: warning }}
{receivers}
storage: {{ sqlite: {{ path: snykwatch.db }} }}
server: {{ listen: \"127.0.0.1:{port}\" }}
"
        )
    }
}
