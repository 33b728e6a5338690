//! What the commands that talk to a running daemon have in common.

use std::net::SocketAddr;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use url::Url;

use super::arguments::{AskOptions, ConnectOptions, Output};
use super::terminal::{printable, wrap};
use super::{Exit, Terminal, configuration};
use crate::client::daemon::{DaemonClient, DaemonCredentials, DaemonError};
use crate::clock::Clock;
use crate::config::Secrets;
use crate::config::secrets::SecretSource;

/// The daemon, or the exit code after what is wrong was said.
pub(super) fn connect(config: &Path, options: &AskOptions, terminal: &Terminal) -> Result<DaemonClient, Exit> {
    client(config, &options.connect, terminal)
}

/// The same, where nothing is printed but what is wrong.
pub(super) fn client(config: &Path, options: &ConnectOptions, terminal: &Terminal) -> Result<DaemonClient, Exit> {
    let root = options.url.as_ref().map_or_else(|| root_of(config, terminal), |url| Ok(url.clone()))?;
    let password = options.password_file.as_ref().map(|file| SecretSource::File(file.clone()).read()).transpose();
    let password = password.map_err(|error| {
        terminal.error(&super::chain(&error));
        Exit::Usage
    })?;
    let credentials = DaemonCredentials {
        login: options.username.clone().zip(password),
        ca_file: options.ca_file.clone(),
        certificate: options.cert_file.clone().zip(options.key_file.clone()),
    };
    DaemonClient::new(root, &credentials).map_err(|error| unanswered(&error, terminal))
}

fn root_of(config: &Path, terminal: &Terminal) -> Result<Url, Exit> {
    let Some(config) = configuration::usable(config, Secrets::LookUp, Clock::system().now(), terminal) else {
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
    let scheme = if config.server.speaks_tls() { "https" } else { "http" };
    Url::parse(&format!("{scheme}://{reachable}/")).map_err(|error| {
        terminal.error(&format!("{reachable} is not the address of a daemon: {error}"));
        Exit::Config
    })
}

/// Says why there is no answer, or why not the one that was wanted.
pub(super) fn unanswered(error: &DaemonError, terminal: &Terminal) -> Exit {
    match error {
        DaemonError::Refused { status: 401, .. } => {
            terminal.error(&super::chain(error));
            terminal.note("\nhint: give --username and --password-file");
        }
        // The daemon's own sentence says what to do instead.
        DaemonError::Refused { status: 400..=499, message, .. } => {
            terminal.error(&printable(message));
            return Exit::Usage;
        }
        DaemonError::Unreachable { .. } => {
            terminal.error(&super::chain(error));
            terminal.note(
                "\nhint: is `snykwatch run` running? `snykwatch check` looks without a daemon; with TLS, --url takes a \
                 name that stands in the daemon's certificate",
            );
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

/// An instant as text for a terminal: to the second, for nobody reads on.
pub(super) fn time(value: &Value) -> String {
    let instant = value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    instant.map_or_else(|| text(value), |instant| instant.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// The entries of a list in an answer; none where there is no such list.
pub(super) fn entries<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    field(answer, name).as_array().into_iter().flatten()
}
