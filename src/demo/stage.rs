//! The stage: the sandbox, a configuration file with its secret files, and the real daemon on both.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;
use url::Url;

use super::pager::{Pager, ROUTING_KEY};
use super::scenario::{AuthSetup, Cadences, CredentialSetup, Memory, Setup};
use crate::app::{Daemon, DaemonOptions};
use crate::client::daemon::{DaemonClient, DaemonCredentials};
use crate::clock::Clock;
use crate::config::{self, Secrets};
use crate::sandbox::{Sandbox, World};

/// The configuration key of the integration of every scenario.
pub(super) const INTEGRATION: &str = "acme-bitbucket";

const CONFIGURATION: &str = "snykwatch.yaml";

/// A running sandbox with a running daemon on it.
pub struct Stage {
    /// The stand-in for Snyk and Bitbucket Cloud.
    pub sandbox: Sandbox,
    /// The daemon; what is left of it while it is stopped.
    pub daemon: Daemon,
    /// What it sends to.
    pub pager: Pager,
    clock: Clock,
    /// Holds the configuration and the secrets; gone with the stage.
    directory: TempDir,
    setup: Setup,
    listen: SocketAddr,
}

impl Stage {
    /// Sets everything up. `listen` is where the daemon listens.
    pub async fn set(clock: &Clock, world: World, setup: &Setup, listen: SocketAddr) -> anyhow::Result<Self> {
        let sandbox = Sandbox::start(clock.clone(), world).await.context("could not start the sandbox")?;
        let pager = Pager::start(clock.clone()).await?;
        let directory = TempDir::with_prefix("snykwatch-demo-").context("could not create a temporary directory")?;
        write_secrets(directory.path(), &sandbox, setup)?;
        let path = write_configuration(directory.path(), &sandbox, &pager, setup, listen)?;
        let daemon = start_daemon(path, clock, setup.memory).await?;
        Ok(Self { sandbox, daemon, pager, clock: clock.clone(), directory, setup: setup.clone(), listen })
    }

    /// The daemon goes down: from now on nobody watches.
    pub async fn stop_daemon(&self) {
        self.daemon.stop().await;
    }

    /// A daemon is started with the configuration and the state that are there.
    pub async fn start_daemon(&mut self) -> anyhow::Result<()> {
        self.daemon = start_daemon(self.configuration_file(), &self.clock, self.setup.memory).await?;
        Ok(())
    }

    /// Writes a sandbox credential's secret where the daemon reads that of `credential`, and its label into the
    /// configuration.
    pub fn write_secret(&mut self, credential: &str, secret_of: &'static str) -> anyhow::Result<()> {
        write_secret(self.directory.path(), &self.sandbox, credential, secret_of)?;
        for known in self.setup.credentials.iter_mut().filter(|known| known.name == credential) {
            known.secret_of = secret_of;
        }
        write_configuration(self.directory.path(), &self.sandbox, &self.pager, &self.setup, self.listen)?;
        Ok(())
    }

    /// The operator changes the configuration, and the secrets that it names.
    pub fn reconfigure(&mut self, change: &dyn Fn(&mut Setup)) -> anyhow::Result<()> {
        change(&mut self.setup);
        write_secrets(self.directory.path(), &self.sandbox, &self.setup)?;
        write_configuration(self.directory.path(), &self.sandbox, &self.pager, &self.setup, self.listen)?;
        Ok(())
    }

    /// Asks the daemon for a change, as a person does by a command.
    pub async fn decide(&self, path: &[&str], body: &serde_json::Value) -> anyhow::Result<()> {
        let root = Url::parse(&format!("http://{}/", self.daemon.address()))?;
        DaemonClient::new(root, &DaemonCredentials::default())?.post(path, body).await?;
        Ok(())
    }

    /// The configuration file, for a person who wants to look.
    pub fn configuration_file(&self) -> PathBuf {
        self.directory.path().join(CONFIGURATION)
    }

    /// Stops the daemon, then the sandbox.
    pub async fn strike(self) {
        self.daemon.stop().await;
        self.sandbox.stop().await;
    }
}

async fn start_daemon(path: PathBuf, clock: &Clock, memory: Memory) -> anyhow::Result<Daemon> {
    let loaded = config::load(&path, Secrets::Check, clock.now());
    let loaded = loaded.map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let options = DaemonOptions::new(path, clock.clone());
    let options = match memory {
        Memory::Process => options.forgetting(),
        Memory::File => options,
    };
    Ok(Box::pin(Daemon::start(loaded.config, options)).await?)
}

fn write_configuration(
    directory: &Path,
    sandbox: &Sandbox,
    pager: &Pager,
    setup: &Setup,
    listen: SocketAddr,
) -> anyhow::Result<PathBuf> {
    let path = directory.join(CONFIGURATION);
    std::fs::write(&path, configuration(directory, sandbox, pager, setup, listen))
        .with_context(|| format!("could not write {}", path.display()))?;
    Ok(path)
}

fn write_secrets(directory: &Path, sandbox: &Sandbox, setup: &Setup) -> anyhow::Result<()> {
    let snyk = sandbox.world(|world| {
        world.snyk.tokens.iter().find(|token| token.name == setup.snyk_token).map(|token| token.secret.clone())
    });
    write_file(directory, "snyk-token", &snyk.context("the sandbox has no such Snyk token")?)?;
    write_file(directory, "pager-routing-key", ROUTING_KEY)?;
    for credential in &setup.credentials {
        write_secret(directory, sandbox, credential.name, credential.secret_of)?;
        if credential.admin_api {
            let key = sandbox.world(|world| world.atlassian.keys.first().map(|key| key.secret.clone()));
            write_file(directory, "atlassian-admin-key", &key.context("the sandbox has no admin key")?)?;
        }
    }
    Ok(())
}

fn write_secret(directory: &Path, sandbox: &Sandbox, credential: &str, secret_of: &str) -> anyhow::Result<()> {
    let secret = sandbox.world(|world| world.bitbucket.credential(secret_of).map(|found| found.secret.clone()));
    write_file(directory, credential, &secret.with_context(|| format!("the sandbox has no credential {secret_of}"))?)
}

fn write_file(directory: &Path, name: &str, secret: &str) -> anyhow::Result<()> {
    let path = directory.join(name);
    std::fs::write(&path, secret).with_context(|| format!("could not write {}", path.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
            .with_context(|| format!("could not protect {}", path.display()))?;
    }
    Ok(())
}

/// The file that an operator would have written for this set-up.
fn configuration(directory: &Path, sandbox: &Sandbox, pager: &Pager, setup: &Setup, listen: SocketAddr) -> String {
    let group = sandbox.world(|world| world.snyk.groups.get(setup.group).map(|group| group.id)).unwrap_or_default();
    let secret = |name: &str| format!("{{ file: {} }}", directory.join(name).display());
    let mut file = Yaml::default();
    file.line(0, "snyk:");
    file.line(1, "acme-sandbox:");
    file.line(2, &format!("api_url: {}", sandbox.snyk_api_url()));
    file.line(2, &format!("token: {}", secret("snyk-token")));
    file.line(0, "credentials:");
    for credential in &setup.credentials {
        write_credential(&mut file, sandbox, credential, &secret);
    }
    file.line(0, "integrations:");
    file.line(1, &format!("{INTEGRATION}:"));
    file.line(2, "scm: bitbucket-cloud");
    file.line(2, "group:");
    file.line(3, "snyk: acme-sandbox");
    file.line(3, &format!("id: {group}"));
    if let Some(at) = setup.configured_at {
        file.line(3, &format!("configured_at: {}", at.format("%Y-%m-%dT%H:%M:%SZ")));
    }
    file.line(3, &format!("permissions: {}", setup.permissions));
    file.line(3, "profiles:");
    for profile in &setup.profiles {
        let workspaces = match profile.workspaces.as_slice() {
            [] => String::new(),
            some => format!(", workspaces: [{}]", some.join(", ")),
        };
        file.line(4, &format!("{}: {{ credential: {}{workspaces} }}", profile.name, profile.credential));
    }
    if !setup.ignore.is_empty() {
        file.line(3, &format!("ignore: [\"{}\"]", setup.ignore.join("\", \"")));
    }
    if setup.backstage {
        file.line(3, "backstage: { file_name: catalog-info.yaml }");
    }
    if setup.organizations {
        file.line(2, "organizations:");
        let of_profile = setup.profiles.first().map_or("", |profile| profile.credential);
        file.line(3, &format!("credential: {}", setup.organizations_credential.unwrap_or(of_profile)));
        file.line(3, "discover: all");
        if !setup.require.is_empty() {
            file.line(3, &format!("require: [{}]", setup.require.join(", ")));
        }
    }
    for line in &setup.extra {
        file.line(2, line);
    }
    write_schedule(&mut file, setup);
    write_alerts(&mut file, pager, setup, &secret);
    if setup.memory == Memory::File {
        file.line(0, &format!("storage: {{ sqlite: {{ path: {} }} }}", directory.join("snykwatch.db").display()));
    }
    if let Some(timeout) = setup.request_timeout {
        file.line(0, &format!("http: {{ request_timeout: {timeout} }}"));
    }
    file.line(0, &format!("server: {{ listen: \"{listen}\" }}"));
    file.text
}

/// Whatever is worth a page goes to the pager.
fn write_alerts(file: &mut Yaml, pager: &Pager, setup: &Setup, secret: &impl Fn(&str) -> String) {
    file.line(0, "alerts:");
    file.line(1, "receivers:");
    file.line(2, "pager:");
    file.line(3, "pagerduty:");
    file.line(4, &format!("api_url: {}", pager.api_url()));
    file.line(4, &format!("routing_key: {}", secret("pager-routing-key")));
    file.line(1, "routes:");
    file.line(2, "- { receivers: [pager], severity: [warning, critical] }");
    for line in &setup.alerts {
        file.line(1, line);
    }
}

fn write_schedule(file: &mut Yaml, setup: &Setup) {
    let pace = match setup.pace {
        Cadences::Default => None,
        Cadences::Hourly => Some("{ every: 1h }"),
    };
    let paced = ["snyk", "credentials", "inventory", "organizations"].into_iter().zip(std::iter::repeat(pace));
    let mut schedule: BTreeMap<&str, &str> = paced.filter_map(|(probe, pace)| Some((probe, pace?))).collect();
    schedule.extend(setup.schedule.iter().copied());
    if !schedule.is_empty() {
        file.line(0, "schedule:");
    }
    for (probe, cadence) in schedule {
        file.line(1, &format!("{probe}: {cadence}"));
    }
}

fn write_credential(
    file: &mut Yaml,
    sandbox: &Sandbox,
    credential: &CredentialSetup,
    secret: &impl Fn(&str) -> String,
) {
    let token = secret(credential.name);
    file.line(1, &format!("{}:", credential.name));
    file.line(2, "bitbucket_cloud:");
    file.line(3, &format!("api_url: {}2.0", sandbox.bitbucket_api_url()));
    let auth = match &credential.auth {
        AuthSetup::ApiToken { email, scheme } => {
            format!("api_token: {{ email: {email}, token: {token}, scheme: {scheme} }}")
        }
        AuthSetup::AppPassword { username } => {
            format!("app_password: {{ username: {username}, password: {token} }}")
        }
    };
    file.line(3, &auth);
    if credential.admin_api {
        let organization = sandbox.world(|world| world.atlassian.organization.clone());
        file.line(3, "atlassian_admin:");
        file.line(4, &format!("org_id: {organization}"));
        file.line(4, &format!("api_key: {}", secret("atlassian-admin-key")));
        file.line(4, &format!("label: {}", credential.label.unwrap_or(credential.secret_of)));
        file.line(4, &format!("api_url: {}", sandbox.atlassian_admin_url()));
    }
    file.line(2, &format!("role: {}", credential.role));
    if let Some(at) = credential.expires_at {
        file.line(2, &format!("expires_at: {}", at.format("%Y-%m-%dT%H:%M:%SZ")));
    }
    if let Some(at) = credential.rotated_at {
        file.line(2, &format!("rotated_at: {}", at.format("%Y-%m-%dT%H:%M:%SZ")));
    }
}

#[derive(Default)]
struct Yaml {
    text: String,
}

impl Yaml {
    fn line(&mut self, depth: usize, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{:1$}{line}", "", depth * 2);
    }
}
