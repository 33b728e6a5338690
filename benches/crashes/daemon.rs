//! The real binary as a process of its own.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A running daemon. Dropping it kills it.
pub(crate) struct Daemon(Child);

impl Daemon {
    /// Starts `binary` in this directory; what it says is appended to `log`.
    pub(crate) fn start(binary: &Path, directory: &Path, log: &Path) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(binary);
        command.current_dir(directory).env_clear();
        command.args(["--config", "snykwatch.yaml", "run"]);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap())
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// SIGKILL. Gives how it had ended, if it had.
    pub(crate) fn kill(mut self) -> Option<ExitStatus> {
        let ended = self.has_ended();
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        ended
    }

    /// SIGTERM.
    pub(crate) fn ask_to_end(&self) {
        let id = self.0.id().to_string();
        Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status().unwrap();
    }

    /// SIGTERM, and the end that follows; `None`: none within `patience`, and it was killed.
    pub(crate) async fn terminate(mut self, patience: Duration) -> Option<ExitStatus> {
        self.ask_to_end();
        let ending = async {
            loop {
                if let Some(status) = self.has_ended() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(patience, ending).await.ok()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended; then there is nobody to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
