//! A real SMTP server as a program, and what arrives at it.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{skip, start};

/// A Python that has the library: Debian's own, or the one in `PATH`.
pub(crate) async fn python() -> Option<&'static str> {
    for program in ["/usr/bin/python3", "python3"] {
        let mut command = Command::new(program);
        command.args(["-c", "import aiosmtpd.smtp"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().await.is_ok_and(|status| status.success()) {
            return Some(program);
        }
    }
    skip("python3-aiosmtpd");
    None
}

/// A running server.
pub(crate) struct SmtpServer {
    _child: Child,
    output: Lines<BufReader<ChildStdout>>,
    pub(crate) port: u16,
}

impl SmtpServer {
    /// Starts it with the options that `smtp_server.py` describes.
    pub(crate) async fn start(python: &str, options: &Value) -> Self {
        let mut command = Command::new(python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/receivers/smtp_server.py")).arg(options.to_string());
        command.stdout(Stdio::piped()).env("PYTHONWARNINGS", "ignore");
        let mut child = start(command);
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut server = Self { _child: child, output, port: 0 };
        server.port = u16::try_from(server.next().await["port"].as_u64().unwrap()).unwrap();
        server
    }

    /// The next line of its output: a message that arrived.
    pub(crate) async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_mins(1), self.output.next_line()).await;
        serde_json::from_str(&line.expect("the mail server says something").unwrap().unwrap()).unwrap()
    }
}
