//! What the stories are told with: a scene with its configuration, the daemon on it, and patience with an end.

pub(crate) mod configuration;
pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod strangers;
pub(crate) mod tls;
pub(crate) mod virtual_time;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chrono::TimeDelta;
use snykwatch::clock::Clock;
use snykwatch::sandbox::Sandbox;
use snykwatch::sandbox::world::{ACME_CREDENTIAL, ACME_SNYK_TOKEN, World};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use configuration::Configuration;
use process::{Daemon, Finished};

/// A condition that does not come true within this time never will. Far longer than any of them takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Waits until `look` sees something.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(DEADLINE, what, look).await
}

/// The same, for what takes its time by design.
pub(crate) async fn eventually_within<T>(limit: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Says that a test, or a part of it, is skipped; or fails where the peer was asked for.
pub(crate) fn skip(what: &str) {
    let is_required = std::env::var_os("SNYKWATCH_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!is_required, "{what} is not installed");
    println!("skipped: {what} is not installed");
}

/// Starts a program that is killed when its test ends, however it ends.
pub(crate) fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).kill_on_drop(true);
    command.spawn().unwrap()
}

/// An address of this machine where nobody listens.
pub(crate) async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Both ends as the sandbox plays them, and a directory with the configuration and the secrets of snykwatch.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    directory: TempDir,
}

impl Scene {
    /// The company `acme` after four good days: everything is connected and tested.
    pub(crate) async fn healthy() -> Self {
        let beginning = Clock::system().now() - TimeDelta::days(4);
        Self::of(World::acme(beginning).with_repositories(12).with_organizations(2)).await
    }

    /// Any other world.
    pub(crate) async fn of(world: World) -> Self {
        Self::at(&Clock::system(), world).await
    }

    /// A world whose time is told by this clock.
    pub(crate) async fn at(clock: &Clock, world: World) -> Self {
        let sandbox = Sandbox::start(clock.clone(), world).await.unwrap();
        let directory = TempDir::with_prefix("snykwatch-it-").unwrap();
        let scene = Self { sandbox, directory };
        scene.write_secret("snyk-token", &scene.snyk_secret());
        scene.write_secret("bitbucket-token", &scene.bitbucket_secret());
        scene
    }

    pub(crate) fn snyk_secret(&self) -> String {
        self.sandbox.world(|world| world.snyk.token(ACME_SNYK_TOKEN).unwrap().secret.clone())
    }

    pub(crate) fn bitbucket_secret(&self) -> String {
        self.sandbox.world(|world| world.bitbucket.credential(ACME_CREDENTIAL).unwrap().secret.clone())
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The main configuration file.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory().join("snykwatch.yaml")
    }

    /// Writes a secret file as an operator does: readable by its owner alone.
    pub(crate) fn write_secret(&self, name: &str, secret: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.directory().join(name);
        std::fs::write(&path, secret).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The configuration of this scene; a test changes what its story needs.
    pub(crate) fn configuration(&self) -> Configuration {
        Configuration::of(&self.sandbox)
    }

    pub(crate) fn write(&self, configuration: &Configuration) {
        self.write_text(&configuration.to_string());
    }

    pub(crate) fn write_text(&self, configuration: &str) {
        std::fs::write(self.path(), configuration).unwrap();
    }

    /// Starts the daemon with this configuration and waits until it serves.
    pub(crate) async fn run(&self, configuration: &Configuration) -> Daemon {
        self.write(configuration);
        self.run_as_it_is().await
    }

    /// The same, with the configuration that is there.
    pub(crate) async fn run_as_it_is(&self) -> Daemon {
        self.run_as_it_is_with(&[]).await
    }

    /// The same, with further arguments of `run`.
    pub(crate) async fn run_as_it_is_with(&self, arguments: &[&str]) -> Daemon {
        let mut command = process::snykwatch(self.directory());
        command.arg("--config").arg(self.path()).arg("run").args(arguments);
        Daemon::start(command).await
    }

    /// Runs another command with this configuration to its end.
    pub(crate) async fn ask(&self, configuration: &Configuration, arguments: &[&str]) -> Finished {
        self.write(configuration);
        self.ask_as_it_is(arguments).await
    }

    /// The same, with the configuration that is there.
    pub(crate) async fn ask_as_it_is(&self, arguments: &[&str]) -> Finished {
        let mut command = process::snykwatch(self.directory());
        command.arg("--config").arg(self.path()).args(arguments);
        Finished::of(command).await
    }
}
