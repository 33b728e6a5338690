//! The configuration as every command loads it: problems are printed once, the same way.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::Terminal;
use crate::config::problem::Style;
use crate::config::{self, Config, Secrets};

/// The configuration at `path`, or `None` when it cannot be used; what is wrong with it is printed.
pub(super) fn usable(path: &Path, now: DateTime<Utc>, terminal: &Terminal) -> Option<Config> {
    let style = if terminal.is_coloured() { Style::Coloured } else { Style::Plain };
    match config::load(path, Secrets::Check, now) {
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
