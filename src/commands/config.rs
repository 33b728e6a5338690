//! `snykwatch config validate | schema | show`.
//!
//! What was asked for goes to the first writer (standard output), everything said about it to the second (standard
//! error). Nothing here contacts any API.

use std::io::{self, Write};
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::config::problem::{Problems, Style};
use crate::config::schedule::{Cadence, ScheduledProbe};
use crate::config::{self, Config, Loaded, Secrets};
use crate::domain::text::visible;
use crate::web::Access;

mod routes;

/// How many firing times of a cron schedule are printed.
const FIRING_TIMES: usize = 3;

/// How such a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigExit {
    /// All is well.
    Success,
    /// The configuration cannot be used.
    InvalidConfiguration,
}

impl ConfigExit {
    /// The process's exit code, as in `sysexits.h`.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::InvalidConfiguration => 78,
        }
    }
}

/// What is shown of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The whole, with every default.
    Effective,
    /// The hosts and ports it makes the daemon contact.
    Egress,
}

/// How a configuration is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Whether secrets are read on the way.
    pub secrets: Secrets<'static>,
    /// What is past and what is future.
    pub now: DateTime<Utc>,
    /// Whether problems are coloured.
    pub style: Style,
}

/// Checks a configuration: its problems, or when each schedule fires next and who is told of what.
///
/// # Errors
/// When a writer fails.
pub fn validate(
    path: &Path,
    reading: Reading,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> io::Result<ConfigExit> {
    let Some(config) = usable(path, reading, messages)? else { return Ok(ConfigExit::InvalidConfiguration) };
    let web_config = config.server.web_config.as_deref();
    if reading.secrets == Secrets::Check
        && let Err(error) = Access::new(web_config, true, config.server.actors.clone())
    {
        writeln!(messages, "error: {}", super::chain(&error))?;
        return Ok(ConfigExit::InvalidConfiguration);
    }
    writeln!(out, "{} can be used: {}.", visible(&path.display().to_string()), summary(&config))?;
    for probe in ScheduledProbe::ALL {
        let schedule = config.schedule.of(probe);
        match &schedule.cadence {
            Cadence::Every(interval) => {
                writeln!(out, "  {:<14} every {}", probe.name(), config::duration::format_duration(*interval))?;
            }
            Cadence::Cron(cron) => {
                writeln!(out, "  {:<14} {} ({}), next:", probe.name(), cron.expression(), cron.zone())?;
                let next = std::iter::successors(cron.next_after(reading.now), |last| cron.next_after(*last));
                for firing in next.take(FIRING_TIMES) {
                    let local = firing.with_timezone(&cron.zone());
                    writeln!(
                        out,
                        "  {:<14}   {} = {}",
                        "",
                        local.format("%a %Y-%m-%d %H:%M %Z"),
                        firing.format("%Y-%m-%dT%H:%MZ")
                    )?;
                }
            }
        }
    }
    routes::print(&config, reading.now, out)?;
    Ok(ConfigExit::Success)
}

/// Prints the JSON Schema.
///
/// # Errors
/// When the writer fails.
pub fn schema(out: &mut dyn Write) -> io::Result<ConfigExit> {
    serde_json::to_writer_pretty(&mut *out, &config::schema())?;
    writeln!(out)?;
    Ok(ConfigExit::Success)
}

/// Prints what a configuration comes to.
///
/// # Errors
/// When a writer fails.
pub fn show(
    path: &Path,
    view: View,
    reading: Reading,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> io::Result<ConfigExit> {
    let Some(config) = usable(path, reading, messages)? else { return Ok(ConfigExit::InvalidConfiguration) };
    match view {
        View::Effective => out.write_all(config.shown().as_bytes())?,
        View::Egress => {
            for endpoint in config.egress() {
                writeln!(out, "{endpoint}")?;
            }
        }
    }
    Ok(ConfigExit::Success)
}

/// The configuration, if it can be used; its problems go to `messages`.
fn usable(path: &Path, reading: Reading, messages: &mut dyn Write) -> io::Result<Option<Config>> {
    let (config, problems) = match config::load(path, reading.secrets, reading.now) {
        Ok(Loaded { config, warnings }) => (Some(config), warnings),
        Err(problems) => (None, problems),
    };
    if !problems.is_empty() {
        messages.write_all(problems.render(reading.style).as_bytes())?;
    }
    if config.is_none() {
        writeln!(messages, "{} cannot be used: {}.", visible(&path.display().to_string()), count(&problems))?;
    }
    Ok(config)
}

fn count(problems: &Problems) -> String {
    match problems.errors() {
        1 => "1 problem".to_owned(),
        errors => format!("{errors} problems"),
    }
}

fn summary(config: &Config) -> String {
    let plural = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    format!(
        "{}, {}, {}",
        plural(config.integrations.len(), "integration"),
        plural(config.credentials.len(), "credential"),
        plural(config.snyk.len(), "Snyk token")
    )
}

#[cfg(test)]
mod tests;
