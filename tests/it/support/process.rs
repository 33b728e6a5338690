//! snykwatch as a process: started, listened to, signalled, and never left behind.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::configuration::INTEGRATION;
use super::http::{self, Page};
use super::{DEADLINE, eventually};

/// The binary in this directory, with an environment that says nothing.
pub(crate) fn snykwatch(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snykwatch"));
    command.current_dir(directory).env_clear();
    // Coverage and profiling builds write where they are told.
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "LLVM_PROFILE_FILE"));
    command
}

/// Of what a process said, when its test fails.
const LINES_SHOWN: usize = 60;

/// What a process writes, as it comes.
pub(crate) struct Heard {
    text: Arc<Mutex<Vec<u8>>>,
    listening: JoinHandle<()>,
}

impl Heard {
    fn listen(mut source: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let text = Arc::<Mutex<Vec<u8>>>::default();
        let heard = Arc::clone(&text);
        let listening = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = source.read(&mut buffer).await {
                heard.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        Self { text, listening }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }
}

/// A process that is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) stdout: Heard,
    pub(crate) stderr: Heard,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdout = Heard::listen(child.stdout.take().unwrap());
        let stderr = Heard::listen(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the process runs")
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end, and for the last of what it wrote.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let ending = tokio::time::timeout(DEADLINE, self.child.wait()).await;
        let status = ending.unwrap_or_else(|_| panic!("it does not end; it says:\n{}", self.stderr.text())).unwrap();
        (&mut self.stdout.listening).await.unwrap();
        (&mut self.stderr.listening).await.unwrap();
        status
    }
}

/// A test that fails shows what the process said last.
impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.stderr.text();
            let last: Vec<&str> = said.lines().rev().take(LINES_SHOWN).collect();
            eprintln!("the process said last, the newest first:\n{}", last.join("\n"));
        }
    }
}

/// A command that came to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    pub(crate) async fn of(command: Command) -> Self {
        let mut process = Process::start(command);
        let status = process.end().await;
        Self { code: status.code(), stdout: process.stdout.text(), stderr: process.stderr.text() }
    }

    /// What a person sees: both streams.
    pub(crate) fn screen(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Everything must be there, in this order.
    #[track_caller]
    pub(crate) fn says(&self, texts: &[&str]) {
        let screen = self.screen();
        // Text is wrapped where it fits; where, is not the point.
        let flat = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut rest = flat.as_str();
        for text in texts {
            let place =
                rest.find(text).unwrap_or_else(|| panic!("`{text}` is not said, or not in its place:\n{screen}"));
            rest = &rest[place + text.len()..];
        }
    }

    #[track_caller]
    pub(crate) fn never_says(&self, text: &str) {
        assert!(!self.screen().contains(text), "`{text}` is said:\n{}", self.screen());
    }

    #[track_caller]
    pub(crate) fn exits(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}", self.screen());
    }

    /// A person reads it without scrolling.
    #[track_caller]
    pub(crate) fn fits_a_screen(&self) {
        let screen = self.screen();
        assert!(screen.lines().count() <= 40, "{} lines:\n{screen}", screen.lines().count());
        let widest = screen.lines().map(|line| line.chars().count()).max().unwrap_or_default();
        assert!(widest <= 100, "{widest} columns:\n{screen}");
    }
}

/// A running daemon.
pub(crate) struct Daemon {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Daemon {
    /// Starts it and waits until it says where it listens.
    pub(crate) async fn start(command: Command) -> Self {
        Self::of(Process::start(command)).await
    }

    /// Waits until this process says where it listens.
    pub(crate) async fn of(mut process: Process) -> Self {
        let address = eventually("the daemon says where it listens", async || {
            let said = process.stderr.text();
            if let Some(status) = process.has_ended() {
                panic!("the daemon ended with {status}:\n{said}");
            }
            let (_, rest) = said.split_once("metrics on http")?;
            let (_, rest) = rest.split_once("://")?;
            let (address, _) = rest.split_once("/metrics")?;
            Some(address.parse().unwrap())
        });
        let address = address.await;
        Self { process, address }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn stdout(&self) -> String {
        self.process.stdout.text()
    }

    pub(crate) fn stderr(&self) -> String {
        self.process.stderr.text()
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        self.request("GET", path, "").await
    }

    pub(crate) async fn request(&self, method: &str, path: &str, headers: &str) -> Page {
        let asking = http::request(self.address, method, path, headers);
        let answer = tokio::time::timeout(DEADLINE, asking).await.expect("the daemon answers in time");
        answer.unwrap_or_else(|| panic!("the daemon does not answer {path}; it says:\n{}", self.stderr()))
    }

    /// The value of a series of the metrics page.
    pub(crate) async fn metric(&self, series: &str) -> Option<f64> {
        self.get("/metrics").await.value(series)
    }

    /// Waits until a series has a value.
    pub(crate) async fn until_metric(&self, series: &str, wanted: f64) {
        let what = format!("{series} {wanted}");
        eventually(&what, async || (self.metric(series).await == Some(wanted)).then_some(())).await;
    }

    /// The Group's integration as the API shows it.
    pub(crate) async fn group(&self) -> Value {
        self.get(&format!("/api/v1/integrations/{INTEGRATION}")).await.json()["integration"].clone()
    }

    /// Waits until the Group's integration has this status, and gives it.
    pub(crate) async fn until_group_is(&self, status: &str) -> Value {
        let what = format!("the Group is {status}");
        let look = async || {
            let page = self.get(&format!("/api/v1/integrations/{INTEGRATION}")).await;
            let view = (page.status == 200).then(|| page.json()["integration"].clone())?;
            (view["status"]["status"] == status).then_some(view)
        };
        eventually(&what, look).await
    }

    /// Waits until the log says this.
    pub(crate) async fn until_log_says(&self, text: &str) {
        eventually(&format!("the log says {text}"), async || self.stderr().contains(text).then_some(())).await;
    }

    /// Sends a signal by its name.
    pub(crate) async fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.id())]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Waits for its end: how it ended, and everything it said.
    pub(crate) async fn end(mut self) -> Finished {
        let status = self.process.end().await;
        Finished { code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Asks it to stop and waits for its end.
    pub(crate) async fn terminate(self) -> Finished {
        self.signal("TERM").await;
        self.end().await
    }
}

/// A condition of a view of the API.
pub(crate) fn condition<'a>(view: &'a Value, name: &str) -> &'a Value {
    let conditions = view["conditions"].as_array().unwrap();
    let found = conditions.iter().find(|condition| condition["condition"] == name);
    found.unwrap_or_else(|| panic!("no condition {name} in {view}"))
}
