//! Shell completions and manual pages, generated from the arguments.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;

use super::{Arguments, Exit, Terminal};

/// Prints completions for a shell.
pub(super) fn completions(shell: clap_complete::Shell, terminal: &Terminal) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "snykwatch", &mut script);
    terminal.data(String::from_utf8_lossy(&script).trim_end());
    Exit::Ok
}

/// Prints the manual page, or writes one for each command.
pub(super) fn man(directory: Option<&Path>, terminal: &Terminal) -> anyhow::Result<Exit> {
    if let Some(directory) = directory {
        clap_mangen::generate_to(Arguments::command(), directory)
            .with_context(|| format!("could not write manual pages to {}", directory.display()))?;
        return Ok(Exit::Ok);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut page).context("could not render the manual page")?;
    terminal.data(String::from_utf8_lossy(&page).trim_end());
    Ok(Exit::Ok)
}
