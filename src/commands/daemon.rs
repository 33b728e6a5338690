//! What the commands that talk to a running daemon have in common.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use url::Url;

use super::arguments::{AskOptions, Output};
use super::terminal::{printable, wrap};
use super::{Exit, Terminal, configuration};
use crate::client::daemon::{DaemonClient, DaemonError};
use crate::clock::Clock;
use crate::config::Secrets;

/// The daemon, or the exit code after what is wrong was said.
pub(super) fn connect(config: &Path, options: &AskOptions, terminal: &Terminal) -> Result<DaemonClient, Exit> {
    let root = root(config, options.url.as_ref(), terminal)?;
    DaemonClient::new(root).map_err(|error| unanswered(&error, terminal))
}

/// Where the daemon is: as typed, or as the configuration says.
pub(super) fn root(config: &Path, typed: Option<&Url>, terminal: &Terminal) -> Result<Url, Exit> {
    typed.map_or_else(|| root_of(config, terminal), |url| Ok(url.clone()))
}

fn root_of(config: &Path, terminal: &Terminal) -> Result<Url, Exit> {
    let Some(config) = configuration::usable(config, Secrets::Skip, Clock::system().now(), terminal) else {
        terminal.note("\nhint: the daemon's address stands in the configuration; without one, give it with --url");
        return Err(Exit::Config);
    };
    let listen = config.server.listen;
    let reachable = if listen.ip().is_unspecified() {
        let loopback: std::net::IpAddr =
            if listen.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        SocketAddr::new(loopback, listen.port())
    } else {
        listen
    };
    Url::parse(&format!("http://{reachable}/")).map_err(|error| {
        terminal.error(&format!("{reachable} is not the address of a daemon: {error}"));
        Exit::Config
    })
}

/// Says why there is no answer, or why not the one that was wanted.
pub(super) fn unanswered(error: &DaemonError, terminal: &Terminal) -> Exit {
    match error {
        // The daemon's own sentence says what to do instead.
        DaemonError::Refused { status: 400..=499, message, .. } => {
            terminal.error(&printable(message));
            return Exit::Usage;
        }
        DaemonError::Unreachable { .. } => {
            terminal.error(&super::chain(error));
            terminal.note("\nhint: is `snykwatch run` running? `snykwatch check` looks without a daemon");
        }
        _ => terminal.error(&super::chain(error)),
    }
    Exit::Unavailable
}

/// Prints an answer as JSON if that is wanted, and says whether it was.
pub(super) fn printed_as_json(answer: &Value, output: Output, terminal: &Terminal) -> anyhow::Result<bool> {
    if output == Output::Json {
        terminal.data(&serde_json::to_string_pretty(answer)?);
    }
    Ok(output == Output::Json)
}

/// Breaks a text into lines below its lead.
pub(super) fn paragraph(terminal: &Terminal, lead: &str, body: &str) {
    for (number, line) in wrap(body, terminal.width().saturating_sub(lead.len())).into_iter().enumerate() {
        let lead = if number == 0 { lead.to_owned() } else { " ".repeat(lead.len()) };
        terminal.data(&format!("{lead}{line}"));
    }
}

/// A field of an answer; one that is not there is null, since an older daemon may not have it.
pub(super) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// A value as text for a terminal.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The entries of a list in an answer; none where there is no such list.
pub(super) fn entries<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    field(answer, name).as_array().into_iter().flatten()
}
