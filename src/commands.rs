//! The command line: what a person types, and what comes back.
//!
//! Data goes to stdout, everything else to stderr; `NO_COLOR` is respected; exit codes are those of [`Exit`]. Each
//! command is one file; this one knows their names and arguments and nothing else.

mod arguments;
mod backup;
pub mod check;
pub mod config;
mod configuration;
mod daemon;
mod decisions;
mod demo;
mod exit;
mod explain;
mod generate;
mod healthy;
mod incidents;
mod logging;
mod notifications;
mod password;
mod receivers;
mod restore;
mod run;
mod silence;
mod supervisor;
mod terminal;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

pub use arguments::{Arguments, Command, ConfigCommand, Output};
pub use exit::Exit;
pub use terminal::Terminal;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers (stdout, 0); everything else is a usage error.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            let _ = error.print();
            return exit.into();
        }
    };
    let terminal = Terminal::of_process();
    match dispatch(arguments, &terminal) {
        Ok(exit) => exit.into(),
        Err(error) => {
            terminal.error(&format!("{error:#}"));
            Exit::Software.into()
        }
    }
}

fn dispatch(arguments: Arguments, terminal: &Terminal) -> anyhow::Result<Exit> {
    let config = arguments.config.unwrap_or_else(configuration::usual_path);
    match arguments.command {
        Command::Demo(options) => asynchronous(demo::demo(options, terminal)),
        Command::Run(options) => asynchronous(run::run(&config, options, terminal)),
        Command::Check(options) => asynchronous(check::check(&config, options, terminal)),
        Command::Config(command) => configuration::dispatch(&config, &command, terminal),
        Command::Explain(options) => asynchronous(explain::explain(&config, options, terminal)),
        Command::Missing(options) => asynchronous(explain::missing(&config, options, terminal)),
        Command::Status(options) => asynchronous(receivers::status(&config, &options, terminal)),
        Command::Healthy(options) => asynchronous(healthy::healthy(&config, &options, terminal)),
        Command::Incidents(options) => asynchronous(incidents::incidents(&config, &options, terminal)),
        Command::Notifications(options) => asynchronous(notifications::notifications(&config, &options, terminal)),
        Command::Ack(options) => asynchronous(incidents::acknowledge(&config, &options, terminal)),
        Command::Silence(command) => asynchronous(silence::silence(&config, &command, terminal)),
        Command::Accept(options) => asynchronous(decisions::accept(&config, &options, terminal)),
        Command::Plan(command) => asynchronous(decisions::plan(&config, &command, terminal)),
        Command::TestReceiver(options) => asynchronous(receivers::test_receiver(&config, &options, terminal)),
        Command::Backup { file } => asynchronous(backup::backup(&config, &file, terminal)),
        Command::Restore { file } => asynchronous(restore::restore(&config, &file, terminal)),
        Command::HashPassword => password::hash_password(terminal),
        Command::Completions { shell } => Ok(generate::completions(shell, terminal)),
        Command::Man { directory } => generate::man(directory.as_deref(), terminal),
    }
}

/// For what is still read when a command is over. Real time.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(1);

/// An error with its causes in one line, safe for a terminal.
fn chain(error: &dyn std::error::Error) -> String {
    terminal::printable(&crate::app::chain(error))
}

fn asynchronous(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    crate::client::http::install_tls_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(command);
    // What has to end has ended. What waits for a disk that does not answer is left behind.
    runtime.shutdown_timeout(LEFT_BEHIND_AFTER);
    exit
}
