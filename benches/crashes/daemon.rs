//! The real binary as a process of its own.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A running daemon. Dropping it kills it.
pub(crate) struct Daemon(Child);

impl Daemon {
    /// Starts it in this directory; what it says is appended to `log`.
    pub(crate) fn start(directory: &Path, log: &Path) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_snykwatch"));
        command.current_dir(directory).env_clear();
        command.args(["--config", "snykwatch.yaml", "run"]);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap())
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// SIGTERM, and the end that follows.
    pub(crate) async fn terminate(mut self) {
        let id = self.0.id().to_string();
        Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status().unwrap();
        while self.has_ended().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended; then there is nobody to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
