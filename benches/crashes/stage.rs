//! Both ends, the receivers, and the configuration of the daemon on them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use chrono::TimeDelta;
use snykwatch::clock::Clock;
use snykwatch::sandbox::world::{ACME_ACCOUNT, ACME_CREDENTIAL, ACME_SNYK_TOKEN, World, pilot_guide_scopes};
use snykwatch::sandbox::{Api, FaultKind, Sandbox};
use tempfile::TempDir;

use super::daemon::{Birth, Daemon};
use super::problems::{LASTING, Problem};
use super::receivers::{Receivers, SIGNING_KEY};

/// A scope of a PAT that is required, and is taken away.
const SCOPE: &str = "write:webhook:bitbucket";

/// How often both ends are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// What happens is seen at once, and a life is short: the budget of an hour is spent in two minutes.
    Hurried,
    /// For hours.
    Lasting,
}

/// Everything but the daemon.
pub(crate) struct Stage {
    sandbox: Sandbox,
    pub(crate) receivers: Receivers,
    directory: TempDir,
    pub(crate) binary: PathBuf,
    port: u16,
    /// How often each problem began: those that begin too often are flapping, and another story.
    begun: Mutex<BTreeMap<Problem, usize>>,
}

impl Stage {
    pub(crate) async fn set(binary: PathBuf, pace: Pace) -> Self {
        let beginning = Clock::system().now() - TimeDelta::days(4);
        let mut world = World::acme(beginning).with_repositories(12);
        let owner = world.bitbucket.accounts.iter().find(|account| account.username == ACME_ACCOUNT).unwrap().uuid;
        for problem in Problem::ALL {
            if let Problem::ScopeOf(_) = problem {
                world.add_api_token(&problem.credential(), owner, pilot_guide_scopes());
            }
        }
        let sandbox = Sandbox::start(Clock::system(), world).await.unwrap();
        let receivers = Receivers::start().await;
        // Free now, and hardly taken by anybody else until the daemon has it.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let directory = TempDir::with_prefix("snykwatch-crashes-").unwrap();
        let stage = Self { sandbox, receivers, directory, binary, port, begun: Mutex::default() };
        let snyk = stage.sandbox.world(|world| world.snyk.token(ACME_SNYK_TOKEN).unwrap().secret.clone());
        stage.write_secret("snyk-token", &snyk);
        stage.write_secret("bitbucket-token", &stage.secret_of(ACME_CREDENTIAL));
        for problem in Problem::ALL {
            if let Problem::ScopeOf(_) = problem {
                stage.write_secret(&problem.credential(), &stage.secret_of(&problem.credential()));
            }
        }
        stage.write_secret("webhook-key", SIGNING_KEY);
        for (name, secret) in stage.receivers.secrets() {
            stage.write_secret(name, &secret);
        }
        std::fs::write(stage.directory().join("snykwatch.yaml"), stage.configuration(pace)).unwrap();
        stage
    }

    fn secret_of(&self, credential: &str) -> String {
        self.sandbox.world(|world| world.bitbucket.credential(credential).unwrap().secret.clone())
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn store_path(&self) -> PathBuf {
        self.directory().join("snykwatch.db")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn log(&self) -> PathBuf {
        self.directory().join("log")
    }

    pub(crate) fn start_daemon(&self, birth: Birth<'_>) -> Daemon {
        Daemon::start(&self.binary, self.directory(), &self.log(), birth)
    }

    /// Whether a command was done, with the same configuration.
    pub(crate) fn command(&self, arguments: &[&str]) -> bool {
        let mut command = Command::new(&self.binary);
        command.current_dir(self.directory()).env_clear().args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    }

    /// The end of what the daemons said, and where all of it is kept.
    pub(crate) fn last_words(&self, chapter: u64) -> String {
        const LINES: usize = 40;
        let log = self.said_since(0);
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crashes-chapter-{chapter}.log"));
        std::fs::write(&kept, &log).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n");
        format!("all that was said is in {}; its end:\n{end}", kept.display())
    }

    /// Lines of the log since `mark` that say that something of ours is broken.
    pub(crate) fn errors_since(&self, mark: u64) -> Vec<String> {
        let log = self.said_since(mark);
        let bad = log.lines().filter(|line| line.contains(" ERROR ") || is_panic(line));
        bad.map(str::to_owned).collect()
    }

    /// How much was said.
    pub(crate) fn log_length(&self) -> u64 {
        std::fs::metadata(self.log()).map_or(0, |log| log.len())
    }

    pub(crate) fn said_since(&self, mark: u64) -> String {
        let mut said = Vec::new();
        if let Ok(mut log) = std::fs::File::open(self.log()) {
            log.seek(SeekFrom::Start(mark)).unwrap();
            log.read_to_end(&mut said).unwrap();
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    pub(crate) fn has_problem(&self, problem: Problem) -> bool {
        self.sandbox.world(|world| match problem {
            Problem::SnykDown => world.faults.iter().any(|fault| fault.api == Api::Snyk),
            Problem::BitbucketDown => world.faults.iter().any(|fault| fault.api == Api::Bitbucket),
            Problem::ScopeMissing | Problem::ScopeOf(_) => {
                !world.credential_mut(&problem.credential()).unwrap().scopes.contains(SCOPE)
            }
        })
    }

    /// Whether it may begin once more and is opened like any other.
    pub(crate) fn may_begin(&self, problem: Problem, most: usize) -> bool {
        self.begun.lock().unwrap().get(&problem).copied().unwrap_or_default() < most
    }

    /// Nobody remembers any more how often they began.
    pub(crate) fn forget_beginnings(&self) {
        self.begun.lock().unwrap().clear();
    }

    pub(crate) fn set_problem(&self, problem: Problem, lasts: bool) {
        if lasts && !self.has_problem(problem) {
            *self.begun.lock().unwrap().entry(problem).or_default() += 1;
        }
        match problem {
            Problem::SnykDown => self.set_fault(Api::Snyk, lasts.then_some(FaultKind::Status(503))),
            Problem::BitbucketDown => self.set_fault(Api::Bitbucket, lasts.then_some(FaultKind::Status(503))),
            Problem::ScopeMissing | Problem::ScopeOf(_) => self.sandbox.world(|world| {
                let scopes = &mut world.credential_mut(&problem.credential()).unwrap().scopes;
                let _ = if lasts { scopes.remove(SCOPE) } else { scopes.insert(SCOPE.to_owned()) };
            }),
        }
    }

    /// An API misbehaves so, or no longer.
    pub(crate) fn set_fault(&self, api: Api, kind: Option<FaultKind>) {
        self.sandbox.world(|world| {
            world.repair(api);
            if let Some(kind) = kind {
                world.break_api(api, kind);
            }
        });
    }

    /// What is really the case: `rule/subject` of what must be open, and how bad it is in the end.
    pub(crate) fn truth(&self) -> BTreeMap<String, &'static str> {
        let lasting = Problem::ALL.into_iter().filter(|problem| self.has_problem(*problem));
        let known = lasting
            .flat_map(|problem| problem.incidents().into_iter().map(move |incident| (incident, problem.severity())));
        known.chain([(LASTING.to_owned(), "warning")]).collect()
    }

    pub(crate) fn open_problems(&self) -> BTreeSet<String> {
        self.truth().into_keys().collect()
    }

    fn write_secret(&self, name: &str, secret: &str) {
        let path = self.directory().join(name);
        std::fs::write(&path, secret).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn configuration(&self, pace: Pace) -> String {
        let (often, seldom) = match pace {
            Pace::Hurried => ("800ms", "1m"),
            Pace::Lasting => ("20s", "2m"),
        };
        let group = self.sandbox.world(|world| world.snyk.groups.first().unwrap().id);
        let (snyk, bitbucket) = (self.sandbox.snyk_api_url(), self.sandbox.bitbucket_api_url());
        let (receivers, port) = (self.receivers.configuration(), self.port);
        let more = Problem::ALL.into_iter().filter(|problem| matches!(problem, Problem::ScopeOf(_)));
        let names: Vec<String> = more.map(Problem::credential).collect();
        let mut credentials = String::new();
        for name in &names {
            let _ = write!(
                credentials,
                "  {name}:
    bitbucket_cloud:
      api_url: {bitbucket}
      api_token: {{ email: snyk-bot@acme.example, token: {{ file: {name} }} }}
    role: integration
"
            );
        }
        let mut integrations = String::new();
        for name in &names {
            let _ = write!(
                integrations,
                "  by-{name}:
    scm: bitbucket-cloud
    group:
      snyk: acme-us
      id: {group}
      permissions: pilot-guide
      profiles: {{ main: {{ credential: {name}, workspaces: [acme] }} }}
"
            );
        }
        format!(
            "snyk: {{ acme-us: {{ api_url: {snyk}, token: {{ file: snyk-token }} }} }}
credentials:
  bitbucket-acme:
    bitbucket_cloud:
      api_url: {bitbucket}
      api_token: {{ email: snyk-bot@acme.example, token: {{ file: bitbucket-token }} }}
    role: integration
    expires_at: 2024-01-01
{credentials}integrations:
  acme-bitbucket:
    scm: bitbucket-cloud
    group:
      snyk: acme-us
      id: {group}
      permissions: pilot-guide
      profiles: {{ main: {{ credential: bitbucket-acme, workspaces: [acme] }} }}
{integrations}schedule:
  snyk: {{ every: {often} }}
  credentials: {{ every: {often} }}
  inventory: {{ every: {seldom} }}
http: {{ request_timeout: 2s }}
alerts:
  rules:
    upstream_unreachable: {{ after: 500ms, critical_after: 3s }}
    permissions_missing: {{ after: 0s, group_severity: warning }}
{receivers}
storage: {{ sqlite: {{ path: snykwatch.db }} }}
server: {{ listen: \"127.0.0.1:{port}\" }}
"
        )
    }
}

pub(crate) fn is_panic(line: &str) -> bool {
    line.contains("panicked at") || line.contains("panicked:")
}
