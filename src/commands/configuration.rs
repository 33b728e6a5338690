//! The configuration as every command loads it: problems are printed once, the same way. And the way from the command
//! line to the commands about the configuration itself.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::arguments::ConfigCommand;
use super::config::{ConfigExit, Reading, View};
use super::{Exit, Terminal};
use crate::clock::Clock;
use crate::config::problem::{Problems, Style};
use crate::config::{self, Config, Loaded, Secrets};

/// Where the configuration is when nobody says: here, or where the shipped systemd unit has it.
const USUAL_PLACES: [&str; 2] = ["snykwatch.yaml", "/etc/snykwatch/snykwatch.yaml"];

/// The first of the usual places with a file; the first of all when there is none, to be told of it.
pub(super) fn usual_path() -> PathBuf {
    found_among(USUAL_PLACES.map(Path::new)).to_path_buf()
}

fn found_among([here, installed]: [&Path; 2]) -> &Path {
    if !here.exists() && installed.exists() { installed } else { here }
}

/// The configuration at `path`, or `None` when it cannot be used; what is wrong with it is printed.
pub(super) fn usable(path: &Path, secrets: Secrets<'_>, now: DateTime<Utc>, terminal: &Terminal) -> Option<Config> {
    told(config::load(path, secrets, now), terminal)
}

/// What was loaded; what is wrong or odd about it is printed.
pub(super) fn told(loaded: Result<Loaded, Problems>, terminal: &Terminal) -> Option<Config> {
    let style = style_of(terminal);
    match loaded {
        Ok(loaded) => {
            if !loaded.warnings.is_empty() {
                terminal.note(&loaded.warnings.render(style));
            }
            Some(loaded.config)
        }
        Err(problems) => {
            terminal.note(&problems.render(style));
            None
        }
    }
}

/// Runs a command about the configuration.
pub(super) fn dispatch(path: &Path, command: &ConfigCommand, terminal: &Terminal) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    let mut messages = std::io::stderr().lock();
    let reading = |secrets| Reading { secrets, now: Clock::system().now(), style: style_of(terminal) };
    let exit = match command {
        ConfigCommand::Validate { without_secrets } => {
            let secrets = if *without_secrets { Secrets::Skip } else { Secrets::Check };
            super::config::validate(path, reading(secrets), &mut out, &mut messages)?
        }
        ConfigCommand::Schema => super::config::schema(&mut out)?,
        ConfigCommand::Show { egress } => {
            let view = if *egress { View::Egress } else { View::Effective };
            super::config::show(path, view, reading(Secrets::Skip), &mut out, &mut messages)?
        }
    };
    Ok(match exit {
        ConfigExit::Success => Exit::Ok,
        ConfigExit::InvalidConfiguration => Exit::Config,
    })
}

fn style_of(terminal: &Terminal) -> Style {
    if terminal.is_coloured() { Style::Coloured } else { Style::Plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_here_comes_before_the_installed_one() {
        let directory = tempfile::tempdir().unwrap();
        let [here, installed] = ["here.yaml", "installed.yaml"].map(|name| directory.path().join(name));
        let found = || found_among([&here, &installed]).to_path_buf();
        assert_eq!(found(), here, "to be told that it is missing");
        std::fs::write(&installed, "").unwrap();
        assert_eq!(found(), installed);
        std::fs::write(&here, "").unwrap();
        assert_eq!(found(), here);
    }
}
