//! The real binary as a process of its own.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::wall_clock::{self, WallClock};

/// The signal that comes with a limit on the size of files is ignored: a full disk sends none.
const SCRIPT: &str = "trap '' XFSZ; exec \"$0\" --config snykwatch.yaml run";
const SCRIPT_WITHOUT_ROOM: &str = "trap '' XFSZ; ulimit -S -f 0; exec \"$0\" --config snykwatch.yaml run";

/// How a daemon is born.
#[derive(Clone, Copy, Default)]
pub(crate) struct Birth<'a> {
    /// It sees this wall clock in place of the machine's.
    pub(crate) clock: Option<&'a WallClock>,
    /// On a disk that is full.
    pub(crate) without_room: bool,
}

/// A running daemon. Dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    born: Instant,
}

impl Daemon {
    /// Starts `binary` in this directory; what it says is appended to `log`.
    pub(crate) fn start(binary: &Path, directory: &Path, log: &Path, birth: Birth<'_>) -> Self {
        let mut log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        // Through a pipe: a log in a file would meet the limit that stands in for a full disk.
        let (mut said, says) = io::pipe().unwrap();
        let mut command = Command::new("sh");
        command.current_dir(directory).env_clear();
        command.arg("-c").arg(if birth.without_room { SCRIPT_WITHOUT_ROOM } else { SCRIPT }).arg(binary);
        if let Some(clock) = birth.clock {
            command.envs(clock.environment());
        }
        command.stdin(Stdio::null()).stdout(says.try_clone().unwrap()).stderr(says);
        let child = command.spawn().unwrap();
        // It ends with the last of what the process wrote.
        std::thread::spawn(move || io::copy(&mut said, &mut log));
        Self { child, born: Instant::now() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn age(&self) -> Duration {
        self.born.elapsed()
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// SIGKILL. Gives how it had ended, if it had.
    pub(crate) fn kill(mut self) -> Option<ExitStatus> {
        let ended = self.has_ended();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        ended
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.id();
        Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap();
    }

    /// From now on none of its files may grow beyond so many bytes; `None`: beyond any size.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let id = self.id().to_string();
        let set = Command::new("prlimit").args(["--pid", &id, &format!("--fsize={limit}:unlimited")]).status().unwrap();
        assert!(set.success(), "the limit could not be set");
    }

    /// The end by itself, within `patience`.
    pub(crate) async fn end(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.has_ended();
            if ended.is_some() || Instant::now() >= deadline {
                return ended;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGTERM, and the end that follows; `None`: none within `patience`, and it was killed.
    pub(crate) async fn terminate(mut self, patience: Duration) -> Option<ExitStatus> {
        self.signal("TERM");
        self.end(patience).await
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended; then there is nobody to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        wall_clock::clean_up_after(self.id());
    }
}
